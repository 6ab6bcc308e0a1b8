"""What all spiders share: due releases at paused hosts, and noindex."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest
from scrapy.crawler import Crawler
from scrapy.http import Response

from archive.database.models import Release
from archive.store.releases import Archive
from archive.times import now
from scraper.agency import Agency
from scraper.crawl.crawl_stats import AgencyStats
from scraper.errors import NotARelease
from scraper.ingest.parsed_page import FetchedPage
from scraper.ingest.saving import CrawlRecorder
from scraper.revisit_schedule import parse_schedule
from scraper.spiders.release_spider import DUE_BATCH_SIZE, ReleaseSpider, is_noindex_directive
from tests.scraper.crawling import build_settings


class PlainSpider(ReleaseSpider):
    name = "plain"


def test_due_releases_at_a_paused_host_are_passed_over(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive, archive.transaction():
        archive.add_agency("skog", name="Skogsrådet", home="https://skog.example/")
        for n in range(DUE_BATCH_SIZE + 200):
            archive.frontier.add(
                f"https://other.example/{n}", agency="skog", role="release", seen_at=now()
            )
        archive.frontier.add("https://skog.example/1", agency="skog", role="release", seen_at=now())
        spider = PlainSpider()
        spider.archive = archive
        assert len(list(spider.next_rows("skog", 4))) == 4
        spider.deferred_hosts["skog"].add("other.example")
        assert [row.url for row in spider.next_rows("skog", 4)] == ["https://skog.example/1"]
        spider.requested_urls["skog"].add("https://skog.example/1")
        assert list(spider.next_rows("skog", 4)) == []


def test_listing_without_its_slash_is_no_release_and_a_stored_one_is_not_missing(
    tmp_path: Path,
) -> None:
    home = "https://skog.example/"
    agency = Agency(slug="skog", name="Skogsrådet", home=home)
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("skog", name="Skogsrådet", home=home)
        archive.frontier.add(f"{home}skogsnytt", agency="skog", role="listing", seen_at=now())
        spider = PlainSpider()
        spider.archive, spider.agencies, spider.agency_stats = (
            archive,
            {"skog": agency},
            {"skog": AgencyStats()},
        )
        spider.crawler = Mock(engine=None)
        spider.recorder = CrawlRecorder(archive, parse_schedule("else=1d"), new_captures=True)
        url = f"{home}skogsnytt/"
        archive.frontier.add(url, agency="skog", role="release", seen_at=now())
        with pytest.raises(NotARelease, match="is a listing") as caught:
            spider.check_response(Response(url), url, agency)
        spider.check_response(Response(f"{url}ny-bro"), f"{url}ny-bro", agency)
        with archive.transaction():
            release = Release(
                agency="skog", url=url, title="Skogsnytt", body="Nytt", body_html="<p>Nytt</p>"
            )
            archive.save(release, seen_at=now())
            archive.frontier.mark_stored(url, archive.find_release_id(url) or 0, now())
        row, page = (
            archive.frontier.get(url),
            FetchedPage(url=url, fetched_at=now(), status=200, headers={}, body=b""),
        )
        assert row is not None
        assert row.release_id
        spider.record_no_release(row, page, caught.value)
        assert archive.removals.is_current(row.release_id)
    assert (spider.agency_stats["skog"].rejected, spider.agency_stats["skog"].missing) == (1, 0)
    spider.recorder.close()


def test_archive_is_closed_if_the_lock_file_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "archive.lock").mkdir()
    (tmp_path / "agencies.toml").write_text(
        '[skog]\nname = "Skogsrådet"\nhome = "https://skog.example/"\n', "utf-8"
    )
    files = {"ARCHIVE": str(tmp_path / "archive.db"), "AGENCIES": str(tmp_path / "agencies.toml")}
    crawler = Crawler(PlainSpider, build_settings(CONTACT="test@localhost", **files))
    with pytest.raises(IsADirectoryError) as caught:
        PlainSpider.from_crawler(crawler)
    files_left = sorted(path.name for path in tmp_path.iterdir())
    assert files_left == ["agencies.toml", "archive.db", "archive.lock", "captures.db"], (
        "a write-ahead log is open"
    )
    del caught  # until here, the traceback refers to the spider and so to its open files


@pytest.mark.parametrize(
    ("directive", "is_noindex"),
    [
        ("noindex", True),
        ("none", True),
        ("Myndighetsarkivet: NOINDEX, nofollow", True),
        ("noarchive", False),
        ("otherbot: noindex", False),
        ("all", False),
    ],
)
def test_noindex_directive(directive: str, is_noindex: bool) -> None:
    assert is_noindex_directive(directive) is is_noindex
