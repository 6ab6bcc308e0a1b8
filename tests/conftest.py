"""What all tests share: new archives are copies of an empty one, each test has a time limit, and
tests are collected without the garbage collector, which would scan all imported modules again and
again.

On Datasette 1.0 (`make test-next`), the tests that datasette_next.toml names must fail and all
others must pass.
"""

from __future__ import annotations

import gc
import signal
import sqlite3
import tomllib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from archive.database.sqlite_files import create_file_id, open_writable
from archive.store.releases import Archive
from archive.web.datasette_versions import IS_NEXT

ROOT = Path(__file__).parents[1]
TIME_LIMIT, SLOW_TIME_LIMIT = 60, 300  # seconds for a test on a busy machine, and for its fixtures
OPEN_ARCHIVE = "archive.store.releases.open_writable"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    gc.disable()  # a fifth of the time of collecting
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _copied_archives(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let a new archive be a copy of an empty one: an eighth of the time of creating its schema."""
    path = tmp_path_factory.mktemp("empty") / "archive.db"
    Archive(path).close()
    content = path.read_bytes()

    def open_copy(path: Path) -> sqlite3.Connection:
        if path.exists():
            return open_writable(path)
        path.write_bytes(content)
        connection = open_writable(path)
        connection.execute("pragma synchronous = off")  # no test cuts the power
        connection.execute(f"pragma application_id = {create_file_id()}")
        return connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OPEN_ARCHIVE, open_copy)
        yield


@pytest.fixture
def created_archives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the archives of a test be created as in earnest."""
    monkeypatch.setattr(OPEN_ARCHIVE, open_writable)


@contextmanager
def limit_time(item: pytest.Item) -> Iterator[None]:
    """Fail a test whose time is over, while it runs.

    pytest's own `faulthandler_timeout` knows one limit for all tests.
    """
    limit = SLOW_TIME_LIMIT if item.get_closest_marker("slow") else TIME_LIMIT

    def fail(*_: object) -> None:
        pytest.fail(f"took more than {limit} seconds: make it faster, or mark it as slow")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, limit, 1)  # again if an event loop only logs the failure
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    with limit_time(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    with limit_time(item):
        return (yield)


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
    not exist, and for a slow test without a reason.
    """
    for item in items:
        if any(not marker.args for marker in item.iter_markers("slow")):
            raise pytest.UsageError(f"{item.nodeid} does not say why it is slow")
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
