"""Measures a revisit of unchanged releases, compared with bare Scrapy that sends the same
conditional requests.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import run_measured, run_spider
from tests.scraper.crawling import Crawling, make_due
from tests.site.server import Site

BASE = "bare Scrapy, same requests"


def measure_again(number: int) -> Iterator[str]:
    """Yield the requests, bytes, share of 304 and CPU time per request of a revisit of `number`
    releases.
    """
    with tempfile.TemporaryDirectory() as made, Site(releases=number, crawl_delay=None) as site:
        folder, port = Path(made), str(site.port)
        crawling = Crawling(site, site.agencies_file(folder), folder / "archive.db")
        run_measured(crawling.command(), LOOPBACK_PORT=port)
        rows = crawling.rows(
            "select url, coalesce(etag, ''), coalesce(last_modified, '')"
            " from frontier where release > 0"
        )
        (folder / "urls.txt").write_text("\n".join("\t".join(row) for row in rows), "utf-8")
        make_due(crawling)
        site.clear_counts()
        revisit = crawling.command("revisit", REVISIT_BUDGET=str(2 * number))
        ours = run_measured(revisit, LOOPBACK_PORT=port).cpu
        statuses, total = dict(site.counts.statuses), site.counts.total
        ((requests, size, unchanged),) = crawling.rows(
            "select sum(requests), sum(bytes), sum(unchanged) from crawls where spider = 'revisit'"
        )
        bare = run_spider(site, "bare.py", urls=folder / "urls.txt").cpu
    yield (
        f"{number} releases looked at again, unchanged: {requests} requests ({total} with"
        f" robots.txt), {size} bytes, {statuses.get(304, 0) / total:.1%} answered by 304,"
        f" {unchanged} told as unchanged"
    )
    for name, cpu in (
        ("revisit: asks, reads, keeps the check", ours),
        ("bare Scrapy, same conditional requests", bare),
    ):
        yield f"{name:44}{cpu / number * 1000:>15.2f}{cpu / bare:>9.2f}  {BASE}"
