"""Measures a revisit of unchanged releases, compared with bare Scrapy that sends the same
conditional requests.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.measure import children_cpu, fetch
from tests.scraper.crawling import Crawling
from tests.site.server import Site

BASE = "bare Scrapy, same requests"


def measure_again(number: int) -> list[str]:
    """Yield the requests, bytes, share of 304 and CPU time per request of a revisit of `number`
    releases.
    """
    with tempfile.TemporaryDirectory() as folder, Site(releases=number, crawl_delay=None) as site:
        crawling = Crawling(
            site, site.agencies_file(Path(folder)), Path(folder) / "archive.db", patience=900
        )
        children_cpu(lambda: crawling.run()[0])
        rows = crawling.rows(
            "select url, coalesce(etag, ''),"
            " coalesce(last_modified, '') from frontier where release > 0"
        )
        (Path(folder) / "urls.txt").write_text("\n".join("\t".join(row) for row in rows), "utf-8")
        crawling.write("update releases set next_check = null")
        site.clear_counts()
        ours = children_cpu(lambda: crawling.run("revisit", REVISIT_BUDGET=str(2 * number))[0])
        statuses, total = dict(site.counts.statuses), site.counts.total
        ((requests, size, unchanged),) = crawling.rows(
            "select sum(requests), sum(bytes), sum(unchanged) from crawls where spider = 'revisit'"
        )
        bare = children_cpu(lambda: fetch(site, Path(folder) / "urls.txt"))
    return [
        f"{number} releases looked at again, unchanged:"
        f" {requests} requests ({total} with"
        f" robots.txt), {size} bytes,"
        f" {statuses.get(304, 0) / total:.1%} answered by 304, {unchanged} told as unchanged",
        f"{'revisit: asks, reads, keeps the check':44}"
        f"{ours / number * 1000:>15.2f}"
        f"{ours / bare:>9.2f}  {BASE}",
        f"{'bare Scrapy, same conditional requests':44}"
        f"{bare / number * 1000:>15.2f}{1:>9.2f}  {BASE}",
    ]
