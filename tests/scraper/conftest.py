"""What several tests of crawls share."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.store import SaveResult
from tests.scraper.crawling import Crawling, make_due
from tests.scraper.reading_room import HELD, LISTING, ReadingRoom
from tests.site import Site


@pytest.fixture
def crawling(tmp_path: Path) -> Iterator[Crawling]:
    """A small site of its own, for tests that turn its knobs."""
    with Site(releases=24) as site:
        yield Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Crawling:
    """A small site, crawled once; its archive is copied for every test, and its site set up anew at the same port."""
    folder = tmp_path_factory.mktemp("crawled")
    with Site(releases=24) as site:
        crawling = Crawling(site, site.agencies_file(folder), folder / "archive.db")
        code, printed = crawling.run()
    assert code == 0, printed
    return crawling


@pytest.fixture
def held(crawled: Crawling, tmp_path: Path) -> Iterator[Crawling]:
    """An archive of the site as it stands; every release is due again."""
    for name in ("archive.db", "captures.db"):
        with closing(sqlite3.connect(crawled.archive.with_name(name))) as source:
            source.execute("vacuum into ?", [str(tmp_path / name)])
    with Site(port=crawled.site.port, releases=24) as site:
        crawling = Crawling(site, crawled.agencies, tmp_path / "archive.db")
        make_due(crawling)
        yield crawling


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of the agency's first releases, copied for every test."""
    path = tmp_path_factory.mktemp("stocked") / "archive.db"
    with ReadingRoom(path, moment=datetime.now(UTC) - timedelta(days=3)) as room:
        room.find(room.paths[:HELD], LISTING, links=10)
        outcomes, collapses = room.crawl(room.paths[:HELD])
        assert (set(outcomes), collapses, len(room.paths) > HELD + 8) == ({SaveResult.NEW}, [], True)
    return path


@pytest.fixture
def room(stocked: Path, tmp_path: Path) -> Iterator[ReadingRoom]:
    """That archive, and the agency's site as it stood."""
    for name in ("archive.db", "captures.db"):
        shutil.copy(stocked.with_name(name), tmp_path / name)
    with ReadingRoom(tmp_path / "archive.db") as room:
        yield room
