"""Measures a page in a whole crawl: fetch, parse, normalise, capture, save with index and
revisions.

The sample site is crawled twice, with few and many releases. The difference is the cost of each
further page, without starting the process, the dictionaries and Scrapy.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from tests.bench.figures import judge
from tests.bench.measure import Cost, run_measured, run_spider
from tests.scraper.crawling import Crawling
from tests.site.server import Site

WEIGHTS = (60_000, 110_000)  # bytes per page
FEW, MANY = 120, 600
ROUNDS = 3
MOST_OF_PEER = {60_000: 0.40, 110_000: 0.22}
NO_BUDGET = {"DAILY_BUDGET": "10000000"}
ABOUT = f"""\
{FEW} and {MANY} releases of the sample site crawled into an empty archive; CPU ms a release, with its share of
listings, feeds and sitemaps; the least of {ROUNDS} rounds. a page: what each further
one costs; with start: the whole run of {MANY}, by its pages.
peer: Scrapy, trafilatura and sqlite-utils with a full-text index, one commit a page.
bare Scrapy: fetches the same pages and reads nothing."""
COLUMNS = (
    f"{'a page':>9}{'with start':>12}{'of peer':>10}{'of bare':>9}{'pages/s':>9}{'peak MB':>9}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """CPU milliseconds of a further page; for the whole larger run: CPU per page, pages per second,
    peak MB.
    """

    page: float
    whole: float
    pace: float
    memory: float


def measure_crawl() -> Iterator[str]:
    """Yield the lines for each size of a page."""
    yield ABOUT
    for weight in WEIGHTS:
        few, many = measure_least(weight, FEW), measure_least(weight, MANY)
        shares = {name: to_share(few[name], many[name]) for name in many}
        yield f"\n{f'{weight // 1000} kB a page':36}{COLUMNS}"
        peer, bare = shares["peer"].page, shares["bare Scrapy"].page
        for name, share in shares.items():
            ratios = f"{share.page / peer:>10.2f}{share.page / bare:>9.2f}"
            rest = f"{share.pace:>9.0f}{share.memory:>9.0f}"
            yield f"{name:36}{share.page:>9.2f}{share.whole:>12.2f}{ratios}{rest}"
        what, ratio = f"whole crawl, {weight // 1000} kB", shares["whole crawl"].page / peer
        yield judge(f"{what}: of the peer", ratio, most=MOST_OF_PEER[weight])


def measure_least(weight: int, number: int) -> dict[str, Cost]:
    """Return the crawls that took the least CPU time of several, because other programs can only
    add to it.
    """
    rounds = [measure(weight, number) for _ in range(ROUNDS)]
    return {
        name: min((costs[name] for costs in rounds), key=attrgetter("cpu")) for name in rounds[0]
    }


def measure(weight: int, number: int) -> dict[str, Cost]:
    """Run the three crawls of one site, one after another."""
    with (
        tempfile.TemporaryDirectory() as made,
        Site(releases=number, crawl_delay=None, weight=weight) as site,
    ):
        folder = Path(made)
        crawling = Crawling(site, site.agencies_file(folder), folder / "archive.db")
        (folder / "urls.txt").write_text("\n".join(site.truth), "utf-8")
        urls, port = folder / "urls.txt", str(site.port)
        costs = {
            "whole crawl": run_measured(crawling.command(**NO_BUDGET), LOOPBACK_PORT=port),
            "peer": run_spider(site, "peer.py", urls=urls, db=folder / "peer.db"),
            "bare Scrapy": run_spider(site, "bare.py", urls=urls),
        }
        ((held,),) = crawling.rows("select count(*) from releases")
        if held != number:
            raise SystemExit(f"the crawl kept {held} of {number} releases")
        return costs


def to_share(few: Cost, many: Cost) -> Share:
    """Compute the cost of a page from a small and a large run."""
    further = MANY - FEW
    return Share(
        page=(many.cpu - few.cpu) / further * 1000,
        whole=many.cpu / MANY * 1000,
        pace=MANY / many.wall,
        memory=many.memory,
    )
