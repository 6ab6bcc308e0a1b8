"""Sites and archives that several tests of crawls use."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.store.releases import SaveResult
from tests.scraper.crawling import RELEASES, Crawling, copy_crawl
from tests.scraper.offline import LISTING, STORED, OfflineCrawl
from tests.site.server import Site


@pytest.fixture
def crawling(tmp_path: Path) -> Iterator[Crawling]:
    """A small site, and an archive that does not exist yet."""
    with Site(releases=RELEASES) as site:
        yield Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")


@pytest.fixture(scope="session")
def first_crawl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawling]:
    """A small site that was crawled once, with exports to out.jsonl, out.csv and out.xml.

    Copied by `crawled_site`.
    """
    folder = tmp_path_factory.mktemp("first_crawl")
    exports = [
        word for kind in ("jsonl", "csv", "xml") for word in ("-O", str(folder / f"out.{kind}"))
    ]
    with Site(releases=RELEASES) as site, socket.socket() as port_owner:
        crawling = Crawling(site, site.agencies_file(folder), folder / "archive.db")
        code, printed = crawling.run("news", *exports)
        site.stop()
        # no other server of this session may get the port, which is part of the releases' URLs
        port_owner.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port_owner.bind(("127.0.0.1", site.port))
        assert (code, "Traceback" in printed) == (0, False), printed
        yield crawling


@pytest.fixture
def crawled_site(first_crawl: Crawling, tmp_path: Path) -> Iterator[Crawling]:
    """A copy of the first crawl's archive, with the site; every release is due again."""
    with copy_crawl(first_crawl, tmp_path) as copy:
        yield copy


@pytest.fixture(scope="session")
def offline_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of an agency's first releases. Copied by `offline`."""
    path = tmp_path_factory.mktemp("offline_archive") / "archive.db"
    with OfflineCrawl(path, moment=datetime.now(UTC) - timedelta(days=3)) as offline:
        offline.add_links(offline.paths[:STORED], LISTING, links=10)
        outcomes, losses = offline.crawl(offline.paths[:STORED])
        assert (set(outcomes), losses, len(offline.paths) > STORED + 8) == (
            {SaveResult.NEW},
            [],
            True,
        )
    return path


@pytest.fixture
def offline(offline_archive: Path, tmp_path: Path) -> Iterator[OfflineCrawl]:
    """A copy of that archive, and the agency's site."""
    for name in ("archive.db", "captures.db"):
        shutil.copy(offline_archive.with_name(name), tmp_path / name)
    with OfflineCrawl(tmp_path / "archive.db") as crawl:
        yield crawl
