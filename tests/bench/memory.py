"""Measures the resident memory during a long crawl of a given number of releases, which should stay
flat.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.crawl import NO_BUDGET
from tests.bench.figures import judge
from tests.harness.world.processes import Background, memory_of
from tests.scraper.crawling import Crawling
from tests.site.server import Site

MOST = 100_000  # releases, because the sample site has all of them in memory
SHARES = (0.1, 0.25, 0.5, 0.75)  # of the crawl, at which its memory is reported
MOST_GROWTH = 1.1  # from the middle to the end
EVERY = 0.25  # seconds
ENDLESS = {**NO_BUDGET, "LISTING_PAGES_MAX": "1000000"}


def measure_memory(number: int) -> Iterator[str]:
    """Yield the curve, and whether it is flat."""
    number = min(number, MOST)
    with tempfile.TemporaryDirectory() as made, Site(releases=number, crawl_delay=None) as site:
        crawling = Crawling(site, site.agencies_file(Path(made)), Path(made) / "archive.db")
        curve = watch(crawling, number)
        ((held,),) = crawling.rows("select count(*) from releases")
    yield f"memory of a crawl of {number} releases; {held} were kept"
    told = {share: next(size for done, size in curve if done >= share * held) for share in SHARES}
    told[1.0], peak = curve[-1][1], max(size for _, size in curve)
    yield "".join(f"{share:>8.0%}" for share in told) + f"{'peak':>8}"
    yield "".join(f"{size:>8.0f}" for size in (*told.values(), peak)) + "  MB"
    yield judge("memory at the end, of that in the middle", told[1.0] / told[0.5], most=MOST_GROWTH)
    if held < number:
        raise SystemExit(f"the crawl kept {held} of {number} releases")


def watch(crawling: Crawling, number: int) -> list[tuple[int, float]]:
    """Run a crawl; return pairs of releases stored so far and resident MB; raise SystemExit if it
    fails.
    """
    curve: list[tuple[int, float]] = []
    command = crawling.command(LOG_LEVEL="ERROR", **ENDLESS)
    environment = {"SCRAPY_SETTINGS_MODULE": crawling.settings}
    log = crawling.archive.with_name("crawl.log")
    with Background(command, log, environment=environment) as crawl:
        while crawl.process.poll() is None:
            resident = memory_of(crawl.pid)
            if crawling.archive.exists() and resident:
                curve.append((count(crawling), resident / 1e6))
            time.sleep(EVERY * (1 + number // 10_000))
    if crawl.process.returncode:
        said = log.read_text("utf-8")[-2000:]
        raise SystemExit(f"the crawl ended with {crawl.process.returncode}:\n{said}")
    return curve


def count(crawling: Crawling) -> int:
    """Return the number of stored releases; 0 before their table exists."""
    ((tables,),) = crawling.rows("select count(*) from sqlite_master where name = 'release_facets'")
    return int(crawling.rows("select coalesce(max(id), 0) from releases")[0][0]) if tables else 0
