"""Crawls and audits of lists that are more than links: behind a button, in JSON of the page, at a
JSON endpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scraper.crawling import Crawling
from tests.site.newslists import BROWSER_LIST, NEWS_LISTS, write_lists
from tests.site.server import Site

SLUGS = [slug for slug in NEWS_LISTS if slug != BROWSER_LIST]


@pytest.fixture
def lists(tmp_path: Path) -> Iterator[Crawling]:
    with Site(releases=4) as site:
        yield Crawling(site, write_lists(tmp_path, site.port, SLUGS), tmp_path / "archive.db")


def test_whole_lists_are_read(lists: Crawling) -> None:
    printed = lists.succeed()
    stored = dict(lists.rows("select agency, count(*) from releases group by agency"))
    assert stored == {slug: NEWS_LISTS[slug].count for slug in SLUGS}, printed
    assert lists.rows("select distinct role from frontier order by 1") == [
        ("listing",),
        ("release",),
    ]
    assert lists.rows("select count(*) from frontier where url like '%#%'") == [(0,)]

    printed = lists.succeed("audit")
    for slug in SLUGS:
        count = NEWS_LISTS[slug].count
        assert f"{slug}: {count} listed, {count} stored, 0 rejected, 0 missing" in printed
    assert lists.rows("select min(complete) from coverage") == [(1,)]

    before = lists.site.counts.total
    lists.succeed()
    assert lists.site.counts.total - before == 2 * len(SLUGS), (
        "robots.txt and the first page, whose links are known"
    )


def test_list_behind_a_button_is_continued(tmp_path: Path) -> None:
    with Site(releases=4) as site:
        lists = Crawling(
            site, write_lists(tmp_path, site.port, ["knappverket"]), tmp_path / "archive.db"
        )
        lists.run(DAILY_BUDGET="2")
        ((url, page),) = lists.rows("select next_url, page_number from pagination_cursors")
        assert (url.partition("#")[2], page) == ("token=a&start=10", 3)
        lists.write("update crawls set started = '2020-01-01T00:00:00+00:00', requests = 0")
        lists.write("update frontier set fetched = '2020-01-01T00:00:00+00:00'")
        lists.succeed()
        assert lists.rows("select count(*) from releases") == [(NEWS_LISTS["knappverket"].count,)]
        assert lists.rows("select count(*) from pagination_cursors") == [(0,)]


@pytest.mark.parametrize(
    ("slug", "found"),
    [
        ("nastaverket", 'listings = ["BASE/nyheter"]'),
        ("knappverket", 'listings = ["BASE/nyheter"]'),
        (
            "apiverket",
            'json = {url = "BASE/api/nyheter", items = "result.hits", link = "link.href"',
        ),
    ],
)
def test_lists_are_probed(lists: Crawling, slug: str, found: str) -> None:
    base = f"http://{slug}.localhost:{lists.site.port}"
    code, printed = lists.scrapy("probe", f"{base}/")
    assert code == 0, printed
    table, *pages = printed.split("\n\n")
    assert found.replace("BASE", base) in table
    assert ("listings" in table.partition("[")[2]) == ("listings" in found)
    assert sum("2024-" in page for page in pages) == 3, "three releases with their days"
