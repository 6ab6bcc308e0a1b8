"""A test that takes long fails, and a slow one says why it is slow."""

from __future__ import annotations

import time

import pytest

from tests import conftest


def test_a_test_that_takes_too_long_fails_while_it_runs(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conftest, "TIME_LIMIT", 0.01)
    started = time.monotonic()
    with (
        pytest.raises(pytest.fail.Exception, match=r"took more than 0\.01 seconds"),
        conftest.limit_time(request.node),
    ):
        time.sleep(30)
    assert time.monotonic() - started < 20


def test_a_slow_test_has_a_longer_limit(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conftest, "TIME_LIMIT", 0.01)
    request.node.add_marker(pytest.mark.slow("has another limit"))
    with conftest.limit_time(request.node):
        time.sleep(0.02)


def test_a_slow_test_without_a_reason_is_an_error(request: pytest.FixtureRequest) -> None:
    conftest.pytest_collection_modifyitems([request.node])
    request.node.add_marker("slow")
    with pytest.raises(pytest.UsageError, match="does not say why it is slow"):
        conftest.pytest_collection_modifyitems([request.node])
