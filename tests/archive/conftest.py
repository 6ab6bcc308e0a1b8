"""The sample archives and the sites that serve them.

Tests only read them: a test that writes copies one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from archive.store.releases import Archive
from tests.archive.follow.life import ENVIRONMENT, Life, start_life
from tests.archive.sample import Site, fill, served
from tests.archive.sample_history import add_history


@pytest.fixture(scope="session")
def sample_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("site") / "archive.db")


@pytest.fixture(scope="session")
async def site(sample_archive: Path) -> AsyncIterator[Site]:
    with served(sample_archive) as datasette:
        yield Site(datasette)


@pytest.fixture(scope="session")
def history_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample archive with an agency whose releases were edited, removed and moved."""
    return add_history(fill(tmp_path_factory.mktemp("history") / "archive.db"))


@pytest.fixture(scope="session")
async def history_site(history_archive: Path) -> AsyncIterator[Site]:
    with served(history_archive) as datasette:
        yield Site(datasette)


@pytest.fixture
def life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """An archive that is crawled day by day, with a mail server, for tests of following."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with start_life(tmp_path) as started:
        yield started


@pytest.fixture
async def empty_site(tmp_path: Path) -> AsyncIterator[Site]:
    Archive(tmp_path / "archive.db").close()
    with served(tmp_path / "archive.db") as datasette:
        yield Site(datasette)
