"""What one crawl leaves for the next: what is to be read at a paused host, an index for which there was no time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from archive.dates import now
from archive.store import Archive
from scraper.spiders.base import DUE_BATCH_SIZE, ReleaseSpider
from tests.scraper.crawling import SLUG, Crawling, first_url
from tests.site import Site

DAY = timedelta(days=1)
SITEMAPS = "http://www.sitemaps.org/schemas/sitemap/0.9"
XML = {"Content-Type": "application/xml"}


class PlainSpider(ReleaseSpider):
    """A spider with nothing of its own."""

    name = "plain"


def test_another_host_that_is_left_in_peace_keeps_nothing_else_back(
    crawling: Crawling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # the environment's proxy is not ours
    other, moved = f"http://nere.localhost:{crawling.site.port}", first_url(crawling)
    listed = crawling.agencies.read_text("utf-8").replace(f"[{SLUG}]\n", f'[{SLUG}]\nfeeds = ["{other}/feed"]\n')
    crawling.agencies.write_text(listed, "utf-8")
    crawling.site.break_(moved, status=302, headers={"Location": f"{other}/x"})
    with Archive(crawling.archive) as archive, archive.transaction():
        archive.hosts.pause(f"nere.localhost:{crawling.site.port}", now(), "down", first_wait=DAY, max_wait=DAY)
    code, printed = crawling.run("news", "-a", f"agency={SLUG}")
    assert code == 1, printed
    named = sum(f"//{SLUG}." in url for url in crawling.site.truth)
    assert crawling.rows("select count(*) from releases") == [(named - 1,)]
    assert crawling.rows("select state, tries from frontier where url = ?", moved) == [("due", 0)]
    ((faults,),) = crawling.rows("select failures from crawls")
    assert faults == '{"host paused": 2}', "the feed, and the release"


def test_an_index_of_sitemaps_obeys_the_time_there_is_and_goes_on_later(tmp_path: Path) -> None:
    with Site(releases=20, crawl_delay=None) as site:
        crawling = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        slug, children = "farledsverket", [site.url("farledsverket", f"/del{n}.xml") for n in range(40)]
        index = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in children)
        for url in children:
            site.break_(url, body=f'<urlset xmlns="{SITEMAPS}"></urlset>', headers=XML)
        index = f'<sitemapindex xmlns="{SITEMAPS}">{index}</sitemapindex>'
        site.break_(site.url(slug, site.agencies[slug].paths.sitemap or ""), body=index, headers=XML)
        ask = ("news", "-a", f"agency={slug}", "-a", "minutes=0.02")
        read = "select count(*) from frontier where url like '%/del%' and state = 'done'"
        crawling.run(*ask, DOWNLOAD_DELAY="0.1")
        ((first,),) = crawling.rows(read)
        assert 0 < first < 35
        ((told, sent),) = crawling.rows(
            "select requests, (select count(*) from frontier where fetched > '') from crawls"
        )
        assert abs(told - sent) < 5, "what was let go was not sent"
        crawling.run(*ask, DOWNLOAD_DELAY="0.1")
        ((second,),) = crawling.rows(read)
        assert second > first, "those that were left out come first"


def test_a_backlog_at_a_host_that_is_left_in_peace_is_passed_over(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive, archive.transaction():
        archive.add_agency("skog", name="Skogsrådet", home="https://skog.example/")
        for n in range(DUE_BATCH_SIZE + 200):
            archive.frontier.add(f"https://other.example/{n}", agency="skog", role="release", seen_at=now())
        archive.frontier.add("https://skog.example/1", agency="skog", role="release", seen_at=now())
        spider = PlainSpider()
        spider.archive = archive
        assert len(list(spider.next_rows("skog", 4))) == 4
        spider.deferred_hosts["skog"].add("other.example")
        assert [row.url for row in spider.next_rows("skog", 4)] == ["https://skog.example/1"]
        spider.requested_urls["skog"].add("https://skog.example/1")
        assert list(spider.next_rows("skog", 4)) == []
