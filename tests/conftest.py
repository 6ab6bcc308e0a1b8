"""Collects tests without the garbage collector, which would scan all imported modules again and
again.

On Datasette 1.0 (`make test-next`), the tests that datasette_next.toml names must fail and all
others must pass.
"""

from __future__ import annotations

import gc
import tomllib
from collections.abc import Generator
from pathlib import Path

import pytest

from archive.web.datasette_versions import IS_NEXT

ROOT = Path(__file__).parents[1]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    gc.disable()  # a fifth of the time of collecting
    try:
        return (yield)
    finally:
        gc.enable()


def read_expected_failures() -> dict[str, str]:
    """Return the reason why tests fail on Datasette 1.0, by file, by name, or by the beginning of
    names (with *).
    """
    groups = tomllib.loads((ROOT / "tests/datasette_next.toml").read_text("utf-8"))["group"]
    return {f"tests/archive/{test}": group["reason"] for group in groups for test in group["tests"]}


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out a whole file that fails: it imports what 1.0 does not have."""
    is_left_out = IS_NEXT and str(collection_path.relative_to(ROOT)) in read_expected_failures()
    return is_left_out or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that must fail on Datasette 1.0; raise UsageError for names of tests that do
    not exist.
    """
    if not IS_NEXT:
        return
    failures, files = read_expected_failures(), {item.nodeid.partition("::")[0] for item in items}
    for name, reason in failures.items():
        file, _, test = name.partition("::")
        beginning = name.removesuffix("*") if name.endswith("*") else f"{name}["
        found = [item for item in items if item.nodeid == name or item.nodeid.startswith(beginning)]
        if not (ROOT / file).is_file() or (test and file in files and not found):
            raise pytest.UsageError(
                f"tests/datasette_next.toml names a test that does not exist: {name}"
            )
        for item in found:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
