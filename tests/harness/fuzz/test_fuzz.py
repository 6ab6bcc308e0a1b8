"""A small part of `make fuzz`, always the same, finds nothing; planted faults are found."""

from __future__ import annotations

import pytest

from tests.harness.fuzz.run import SHARES, run_piece
from tests.harness.fuzz.seeds import find_seeds
from tests.harness.fuzz.targets import TARGETS, BrokenPromiseError, check_markup, check_url

NUMBER = 150


@pytest.fixture(scope="module")
def seeds() -> dict[str, list[bytes]]:
    return find_seeds()


@pytest.mark.parametrize("target", SHARES)
def test_only_documented_errors(target: str, seeds: dict[str, list[bytes]]) -> None:
    told = run_piece(target, seeds[target], round(NUMBER * SHARES[target]), 1)
    assert told.findings == []
    assert told.outcomes.total() >= round(NUMBER * SHARES[target])


def test_what_is_not_documented_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def feed(body: bytes) -> str:
        if b"<p>" in body:
            raise KeyError("p")
        return "read"

    monkeypatch.setitem(TARGETS, "page", feed)
    told = run_piece("page", [b"<main><p>Fyr</p></main>"], 50, 1)
    assert len(told.findings) == 1
    assert "KeyError" in told.findings[0]


@pytest.mark.parametrize(
    "markup", ["<p onclick='x()'>a</p>", "<a href=' JavaScript:x'>a</a>", "<script>x</script>"]
)
def test_markup_that_could_run_is_found(markup: str) -> None:
    with pytest.raises(BrokenPromiseError):
        check_markup(markup)


def test_what_is_no_address_is_found() -> None:
    with pytest.raises(BrokenPromiseError):
        check_url("javascript:alert(1)")
