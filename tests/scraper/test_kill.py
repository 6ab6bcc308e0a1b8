"""kill -9 in the middle of a crawl, again and again: nothing lost, nothing doubled."""

from __future__ import annotations

import random
import sqlite3
import time
from pathlib import Path

from tests.scraper.crawling import Crawling
from tests.site import Site

RELEASES = 500
KILLS = 10


def test_ten_kills_lose_nothing(tmp_path: Path) -> None:
    chance = random.Random(20240315)
    with Site(releases=RELEASES) as site:
        crawling = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        for _ in range(KILLS):
            with crawling.start() as process:
                wait_for_more(crawling, chance.randint(1, 30))
                time.sleep(chance.random() * 0.2)
                process.kill()
                process.communicate()
        held_before = held(crawling)
        code, printed = crawling.run()
        assert code == 0, printed
        requested = sum(site.counts.paths.values())
    assert 0 < held_before < RELEASES, "the kills came in the middle"
    assert crawling.rows("select count(*), count(distinct url) from releases") == [(RELEASES, RELEASES)]
    assert crawling.rows("select count(*), count(distinct release) from revisions") == [(RELEASES, RELEASES)]
    assert crawling.rows("select count(*) from revisions where cause <> 'first'") == [(0,)]
    assert crawling.rows("select state, count(*) from frontier where role = 'release' group by 1") == [
        ("held", RELEASES)
    ]
    assert crawling.rows("select count(*) from crawls where finished is null")[0][0] == KILLS * 4
    assert requested < 3 * RELEASES


def wait_for_more(crawling: Crawling, more: int) -> None:
    """Until the crawl has kept some more releases."""
    start, deadline = held(crawling), time.monotonic() + 30
    while held(crawling) < start + more and time.monotonic() < deadline:
        time.sleep(0.02)


def held(crawling: Crawling) -> int:
    """How many releases are held; none while there is no database yet."""
    if not crawling.archive.exists():
        return 0
    try:
        return int(crawling.rows("select count(*) from releases")[0][0])
    except sqlite3.OperationalError:  # its tables are being made
        return 0
