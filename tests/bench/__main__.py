"""python -m tests.bench [N]: what a page costs, and how well and fast the search is, beside named baselines.

N: releases of the largest invented archive that is searched (big.py).

Baselines: *bare Scrapy* fetches the same addresses under the same settings and reads nothing; *BeautifulSoup*
parses the same page whole with lxml and reads nothing. Figures are ratios; milliseconds are this machine's. The
baselines of the search are told in search.py's table.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from bs4 import BeautifulSoup

from scraper.normalise import to_release
from scraper.pages import read_page
from tests.bench.again import measure_again
from tests.bench.big import NUMBER, measure_big
from tests.bench.measure import children_cpu, each_cpu, fetch
from tests.bench.search import measure_search
from tests.scraper.crawling import Crawling
from tests.site import Site
from tests.site.client import get

RELEASES = 400
AGAIN = 5000


def main() -> int:
    """Print the figures; 1 where a crawl failed or a target is missed."""
    number = RELEASES
    with tempfile.TemporaryDirectory() as folder, Site(releases=number, crawl_delay=None) as site:
        urls = list(site.truth)
        crawling = Crawling(site, site.agencies_file(Path(folder)), Path(folder) / "archive.db")
        whole = children_cpu(lambda: crawling.run()[0])
        again = children_cpu(lambda: crawling.run()[0])
        (Path(folder) / "urls.txt").write_text("\n".join(urls), "utf-8")
        bare = children_cpu(lambda: fetch(site, Path(folder) / "urls.txt"))
        pages = {url: get(url, port=site.port).content for url in urls[:100]}
    read = each_cpu(pages, lambda html, url: to_release(read_page(html, url)))
    soup = each_cpu(pages, lambda html, url: BeautifulSoup(html, "lxml"))
    size = statistics.median(map(len, pages.values())) / 1000
    print(f"{len(urls)} releases of the sample site, {size:.0f} kB a page (median)\n")
    print(f"{'':44}{'CPU ms a page':>15}{'ratio':>9}  baseline")
    rows = (
        ("bare Scrapy: fetches, reads nothing", bare / len(urls), bare / len(urls), "bare Scrapy"),
        ("whole crawl: fetch, read, keep, index", whole / len(urls), bare / len(urls), "bare Scrapy"),
        ("second crawl: nothing new", again / len(urls), bare / len(urls), "bare Scrapy"),
        ("BeautifulSoup: parses, reads nothing", soup, soup, "BeautifulSoup"),
        ("read_page + to_release", read, soup, "BeautifulSoup"),
    )
    for name, cost, base, baseline in rows:
        print(f"{name:44}{cost * 1000:>15.2f}{cost / base:>9.2f}  {baseline}")
    print()
    print("\n".join(measure_again(AGAIN)))
    print()
    for line in measure_search():
        print(line, flush=True)
    print()
    lines, reached = measure_big(int(sys.argv[1]) if len(sys.argv) > 1 else NUMBER)
    print("\n".join(lines))
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
