"""The served site over a small filled archive, and over an empty one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from archive.store import Archive
from tests.archive.sample import Site, fill, served
from tests.archive.sample_history import add_history


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("site") / "archive.db")


@pytest.fixture(scope="session")
async def site(filled: Path) -> AsyncIterator[Site]:
    with served(filled) as datasette:
        yield Site(datasette)


@pytest.fixture(scope="session")
def storied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The filled archive and an agency whose releases have a history."""
    return add_history(fill(tmp_path_factory.mktemp("storied") / "archive.db"))


@pytest.fixture(scope="session")
async def story(storied: Path) -> AsyncIterator[Site]:
    with served(storied) as datasette:
        yield Site(datasette)


@pytest.fixture
async def empty_site(tmp_path: Path) -> AsyncIterator[Site]:
    Archive(tmp_path / "archive.db").close()
    with served(tmp_path / "archive.db") as datasette:
        yield Site(datasette)
