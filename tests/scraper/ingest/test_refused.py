"""Pages in which no release could be read are kept, and taken in once they can be read."""

from __future__ import annotations

import json
import random
import sqlite3
import string
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from scrapy import Request
from scrapy.exceptions import DropItem
from scrapy.http import HtmlResponse
from scrapy.settings import Settings
from scrapy.utils.test import get_crawler

from archive.database.sqlite_files import ArchiveError
from archive.evidence.verification import verify
from archive.store.jsonl_import import import_file
from archive.store.releases import Archive, SaveResult
from archive.store.takedowns import hide_release
from scraper.agency import Agency
from scraper.crawl.archive_pipeline import ArchivePipeline
from scraper.crawl.crawl_stats import AgencyStats
from scraper.errors import NotARelease
from scraper.ingest.parsed_page import FetchedPage
from scraper.ingest.saving import CrawlRecorder, Ingest, MatchedPage, take_in_refused
from scraper.items import ReleaseItem
from scraper.pages.document import Document
from scraper.pages.page_reader import read_document
from scraper.revisit_schedule import parse_schedule
from scraper.spiders.revisit import RevisitSpider

HOME = "https://skog.example/"
URL = f"{HOME}nyheter/mer-lovskog"
OTHER = f"{HOME}nyheter/gran"
END = f"{HOME}nyheter/skog-1"  # of a redirect
AGENCY = Agency(slug="skog", name="Skogsrådet", home=HOME)
BEGUN = datetime(2027, 3, 1, 8, tzinfo=UTC)
BANNER = "<div class='kris'>Viktigt meddelande till allmänheten</div>"
TEXT = (
    "Skogsrådet vill att det planteras fler lövträd i Götaland. De står emot stormar bättre än"
    " gran, och de ger fåglar och insekter mer att leva av. Den som äger skog kan söka bidrag för"
    " plantor och stängsel från och med den första april."
)
AUGUST = TEXT.replace("april", "augusti")


def build_page(title: str = "Mer lövskog", text: str = TEXT, banner: str = BANNER) -> bytes:
    """Return the page of a release, under a banner of a crisis."""
    return (
        f"<!doctype html><html lang='sv'><head><title>{title}</title></head><body>{banner}<main>"
        f"<h1>{title}</h1><p>Publicerad 3 mars 2024</p><p>{text}</p>"
        "<p>Beslutet gäller till och med siste maj.</p></main></body></html>"
    ).encode()


def read_blindly(document: Document, agency: Agency | None = None) -> ReleaseItem:
    """Read a page as a parser that takes each page with the banner for something else."""
    if "Viktigt meddelande" in document.text:
        raise NotARelease(document.url, "its text is not that of its heading")
    return read_document(document, agency)


class Crawl:
    """A spider's callback and the pipeline, each page at its own time.

    `mended`: whether the parser can read it.
    """

    def __init__(self, path: Path, patch: pytest.MonkeyPatch) -> None:
        crawler = get_crawler(RevisitSpider)
        self.spider = spider = RevisitSpider()
        spider._set_crawler(crawler)
        crawler.spider = spider
        spider.archive = self.archive = Archive(path)
        spider.recorder = self.recorder = CrawlRecorder(self.archive, parse_schedule("else=1d"))
        spider.agencies, spider.agency_stats = {"skog": AGENCY}, {"skog": AgencyStats()}
        self.archive.add_agency("skog", name=AGENCY.name, home=AGENCY.home)
        self.archive.frontier.add(HOME, agency="skog", role="home", seen_at=BEGUN)
        self.pipeline = ArchivePipeline(crawler)
        self.mended = False
        patch.setattr(spider, "submit_requests", lambda slug: False)

        def read(document: Document, agency: Agency | None = None) -> ReleaseItem:
            return (read_document if self.mended else read_blindly)(document, agency)

        for module in (
            "scraper.spiders.release_spider",
            "scraper.ingest.saving",
            "scraper.ingest.edit_or_redesign",
        ):
            patch.setattr(f"{module}.read_document", read)

    def close(self) -> None:
        self.recorder.close()
        self.archive.close()

    def fetch(
        self, day: int, html: bytes, url: str = URL, address: str | None = None, **response: Any
    ) -> None:
        """Fetch a page on a day after BEGUN."""
        with time_machine.travel(BEGUN + timedelta(days=day), tick=False):
            self.archive.frontier.add(url, agency="skog", role="release", seen_at=datetime.now(UTC))
            request = Request(url, meta={"row": self.archive.frontier.get(url), "agency": "skog"})
            answer = HtmlResponse(address or url, body=html, request=request, **response)
            for page in self.spider.parse_release(answer):
                with suppress(DropItem):  # it is unchanged, or refused
                    self.pipeline.process_item(page)  # type: ignore[arg-type] # there is no further request

    def reparse(self) -> Counter[str]:
        self.mended = True
        with time_machine.travel(BEGUN + timedelta(days=40), tick=False):
            return take_in_refused(Ingest(self.archive, self.recorder, {"skog": AGENCY}), "skog")

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return list(self.archive.db.execute(sql).fetchall())

    def hide(self, day: int = 2) -> None:
        """Take the first release down on a day after BEGUN."""
        moment = BEGUN + timedelta(days=day)
        hide_release(self.archive, 1, moment, reason="Beslut av domstol")

    def count_bodies(self) -> int:
        ((count,),) = self.recorder.captures.query("select count(*) from refused_bodies")
        return int(count)

    def kept(self) -> list[tuple[Any, ...]]:
        """The refused pages: URL, day, and reason."""
        return self.recorder.captures.query(
            "select url, substr(fetched, 6, 5), reason from refused_pages order by id"
        )

    def versions(self) -> list[tuple[Any, ...]]:
        """The days and causes of all versions, and the ends of their texts, by time."""
        return self.rows(
            "select substr(seen, 6, 5), cause, substr(body, -9) from revisions order by seen, id"
        )


@pytest.fixture
def crawl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crawl]:
    crawl = Crawl(tmp_path / "archive.db", monkeypatch)
    yield crawl
    crawl.close()


def list_state(crawl: Crawl) -> list[list[tuple[Any, ...]]]:
    """Return all rows of the tables that a refused page could change."""
    return [
        crawl.rows(f"select * from {table}")
        for table in ("releases", "revisions", "removals", "frontier")
    ]


def test_refused_page_is_kept_with_its_reason_and_taken_in_with_its_time(crawl: Crawl) -> None:
    crawl.fetch(1, build_page())
    assert crawl.kept() == [(URL, "03-02", f"{URL}: page: its text is not that of its heading")]
    assert crawl.rows("select count(*) from captures") == [(0,)]
    assert crawl.reparse() == {"new": 1}
    assert crawl.kept() == []
    assert crawl.count_bodies() == 0
    moment = (BEGUN + timedelta(days=1)).isoformat()
    assert crawl.rows(
        "select first_seen, last_checked, seen from releases join captures c on c.id = capture"
    ) == [(moment, moment, moment)]
    frontier = crawl.rows("select state, fetched from frontier where role = 'release'")
    assert frontier == [("stored", moment)]


def test_fetches_of_one_page_become_versions_in_order_of_time(crawl: Crawl) -> None:
    crawl.fetch(1, build_page())
    crawl.fetch(2, build_page())  # the same bytes are stored once
    crawl.fetch(3, build_page(text=AUGUST))
    assert len(crawl.kept()) == 3
    assert crawl.count_bodies() == 2
    assert crawl.reparse() == {"new": 1, "unchanged": 1, "revised": 1}
    assert [row[:2] for row in crawl.versions()] == [("03-02", "first"), ("03-04", "source")]
    assert crawl.rows("select last_seen, checks from revisions order by id")[0] == (
        "2027-03-03T08:00:00+00:00",
        1,
    )


def test_edits_of_a_stored_release_during_a_crisis_are_taken_in(crawl: Crawl) -> None:
    crawl.fetch(0, build_page(banner=""))
    crawl.fetch(1, build_page(text=AUGUST))
    frontier = crawl.rows("select state, tries from frontier where role = 'release'")
    assert frontier == [("rejected", 1)]
    assert crawl.reparse() == {"revised": 1}
    assert [row[:2] for row in crawl.versions()] == [("03-01", "first"), ("03-02", "source")]


def test_newer_stored_version_is_not_overwritten(crawl: Crawl) -> None:
    crawl.fetch(0, build_page(banner=""))
    crawl.fetch(1, build_page(text=AUGUST))
    crawl.fetch(2, build_page(text=TEXT.replace("april", "oktober"), banner=""))
    before = list_state(crawl)
    assert crawl.reparse() == {"still refused": 1}
    assert list_state(crawl) == before


def test_crawl_with_the_mended_parser_takes_in_first_what_was_fetched_before(crawl: Crawl) -> None:
    crawl.fetch(1, build_page())
    crawl.fetch(2, build_page(text=AUGUST))
    crawl.mended = True
    crawl.fetch(3, build_page(text=TEXT.replace("april", "oktober")))
    assert [row[:2] for row in crawl.versions()] == [
        ("03-02", "first"),
        ("03-03", "source"),
        ("03-04", "source"),
    ]
    assert crawl.kept() == []


def test_page_is_kept_until_the_archive_is_committed(crawl: Crawl) -> None:
    crawl.fetch(1, build_page())
    with suppress(ZeroDivisionError), crawl.archive.transaction():
        assert crawl.reparse() == {"new": 1}
        raise ZeroDivisionError
    assert (len(crawl.kept()), crawl.rows("select count(*) from releases")) == (1, [(0,)])
    with crawl.archive.transaction():  # as in the writer of workers' messages
        assert crawl.reparse() == {"new": 1}
    before = crawl.rows("select * from revisions")
    crawl.reparse()
    assert (crawl.kept(), crawl.rows("select * from revisions")) == ([], before)


def test_page_that_looks_misread_goes_to_quarantine_with_its_time(crawl: Crawl) -> None:
    crawl.fetch(1, build_page().replace(b"Publicerad 3 mars 2024", b"Publicerad 3 mars 2031"))
    assert crawl.reparse() == {"quarantined": 1}
    assert crawl.kept() == []
    moment = (BEGUN + timedelta(days=1)).isoformat()
    assert crawl.rows(
        "select q.seen, c.seen from quarantine q join captures c on c.id = q.capture"
    ) == [(moment,) * 2]


def test_refused_page_of_a_press_wire_is_taken_in_as_its_record(crawl: Crawl) -> None:
    crawl.archive.frontier.add(URL, agency="skog", role="release", seen_at=BEGUN)
    list_url = "https://via.example/lista#4711"
    page = FetchedPage(
        url=URL, fetched_at=BEGUN, status=200, headers={}, body=build_page(), record_url=list_url
    )
    with time_machine.travel(BEGUN):
        crawl.recorder.record_failure(
            URL, None, BEGUN, "is no release", rejected=True, refused=page
        )
    assert crawl.reparse() == {"new": 1}
    assert crawl.rows("select url from captures") == [(list_url,)]


def test_what_still_cannot_be_read_stays(crawl: Crawl) -> None:
    crawl.fetch(
        1, b"<!doctype html><title>Kakor</title><body><h1>Vi anv\xc3\xa4nder kakor</h1></body>"
    )
    assert crawl.reparse() == {"still refused": 1}
    assert len(crawl.kept()) == 1
    assert crawl.rows("select count(*) from releases") == [(0,)]


def test_release_that_was_taken_for_an_error_page_was_never_missing(
    crawl: Crawl, monkeypatch: pytest.MonkeyPatch
) -> None:
    crawl.fetch(0, build_page(banner=""))

    def read_error_page(document: Document, agency: Agency | None = None) -> ReleaseItem:
        raise NotARelease(document.url, "says that the page does not exist", "error page")

    with monkeypatch.context() as patch:
        patch.setattr("scraper.spiders.release_spider.read_document", read_error_page)
        for day in (1, 2, 3):
            crawl.fetch(day, build_page(text=AUGUST))
    assert crawl.rows("select removed_at is null from releases") == [(0,)]
    assert crawl.reparse() == {"revised": 1, "unchanged": 2}
    releases = crawl.rows("select removed_at, last_checked from releases")
    assert releases == [(None, "2027-03-04T08:00:00+00:00")]
    assert crawl.rows("select count(*) from removals") == [(0,)]


@pytest.mark.parametrize(
    ("response", "obeys_noindex"),
    [
        pytest.param({"status": 404}, False, id="gone"),
        pytest.param({"address": "https://annan.example/"}, False, id="redirected to another host"),
        pytest.param({"address": HOME}, False, id="redirected to the home page"),
        pytest.param(
            {"headers": {"cf-mitigated": "challenge"}}, False, id="a challenge of Cloudflare"
        ),
        pytest.param({"headers": {"X-Robots-Tag": "noindex"}}, True, id="noindex"),
    ],
)
def test_what_is_refused_for_another_reason_than_its_content_is_not_kept(
    crawl: Crawl, response: dict[str, Any], obeys_noindex: bool
) -> None:
    crawl.spider.settings = Settings({"NOINDEX_OBEY": obeys_noindex})
    crawl.fetch(1, build_page(), **response)
    assert crawl.rows(
        "select state in ('rejected', 'gone', 'failed') from frontier where role = 'release'"
    ) == [(1,)]
    assert crawl.kept() == []


def test_what_stands_at_the_address_of_a_file_is_not_kept(crawl: Crawl) -> None:
    crawl.archive.frontier.add(
        URL, agency="skog", role="release", seen_at=BEGUN, file_title="Mer lövskog"
    )
    crawl.fetch(1, build_page())
    assert crawl.rows("select state from frontier where role = 'release'") == [("rejected",)]
    assert crawl.kept() == []


def test_error_in_our_own_code_keeps_the_page_and_ends_no_reparse(
    crawl: Crawl, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    crawl.fetch(1, build_page())
    crawl.fetch(1, build_page("Mindre granskog"), OTHER)

    def fail_once(*_: Any) -> ReleaseItem:
        monkeypatch.setattr("scraper.ingest.saving.read_document", read_document)
        raise ZeroDivisionError

    monkeypatch.setattr("scraper.ingest.saving.read_document", fail_once)
    assert crawl.reparse() == {"still refused": 1, "new": 1}
    assert f"{URL}: stays refused: our own code failed on it" in caplog.text


def test_verify_knows_nothing_of_refused_pages(crawl: Crawl, tmp_path: Path) -> None:
    crawl.fetch(0, build_page("Ny bro", banner=""), f"{HOME}nyheter/bro")
    crawl.fetch(1, build_page())
    assert verify(tmp_path / "archive.db").findings == []
    crawl.recorder.refused.expire(BEGUN + timedelta(days=92))
    assert crawl.kept() == []
    assert verify(tmp_path / "archive.db").findings == []


def test_takedown_deletes_the_refused_pages_of_the_release_and_keeps_none_later(
    crawl: Crawl,
) -> None:
    crawl.fetch(0, build_page(banner=""))
    crawl.fetch(1, build_page())
    crawl.fetch(1, build_page("Mindre granskog"), OTHER)
    crawl.hide()
    crawl.fetch(3, build_page())
    assert [url for url, *_ in crawl.kept()] == [OTHER]
    assert crawl.count_bodies() == 1


@pytest.mark.parametrize(
    ("refused_at", "address", "read_at"),
    [
        pytest.param(f"{HOME}n/123", URL, URL, id="redirect to the release"),
        pytest.param(f"{HOME}utskrift/mer-lovskog", None, URL, id="canonical URL of the release"),
        pytest.param(URL, None, f"{HOME}n/123", id="listed URL, later a redirect from it"),
    ],
)
def test_newer_version_read_at_another_url_is_not_overwritten(
    crawl: Crawl, refused_at: str, address: str | None, read_at: str
) -> None:
    link = f"<head><link rel='canonical' href='{URL}'>".encode()
    crawl.fetch(1, build_page().replace(b"<head>", link), refused_at, address)
    crawl.mended = True
    page = build_page(text=AUGUST, banner="")
    crawl.fetch(3, page, read_at, URL)
    before = list_state(crawl)
    assert crawl.reparse() == {"still refused": 1}
    assert (list_state(crawl), len(crawl.kept())) == (before, 1)


def test_newer_import_is_not_overwritten(crawl: Crawl, tmp_path: Path) -> None:
    crawl.fetch(1, build_page())
    file = tmp_path / "import.jsonl"
    row = {"url": URL, "title": "Mer lövskog", "body": AUGUST, "published": "2024-03-03"}
    file.write_text(json.dumps(row), encoding="utf-8")
    assert import_file(crawl.archive, file, "skog", BEGUN + timedelta(days=5)).new == 1
    before = list_state(crawl)
    assert crawl.reparse() == {"still refused": 1}
    assert list_state(crawl) == before


def take_banner_for_error(patch: pytest.MonkeyPatch) -> None:
    """Let the spider take each page with the banner for an error page."""

    def read(document: Document, agency: Agency | None = None) -> ReleaseItem:
        if "Viktigt meddelande" in document.text:
            raise NotARelease(document.url, "says that the page does not exist", "error page")
        return read_document(document, agency)

    patch.setattr("scraper.spiders.release_spider.read_document", read)


REMOVAL_SQL = (
    "select kind, substr(first_seen, 6, 5), substr(last_seen, 6, 5), substr(confirmed, 6, 5)"
    " from removals"
)


@pytest.mark.parametrize(
    ("gone", "removal"),
    [
        pytest.param((3, 5, 9), ("gone", "03-06", "03-10", "03-06"), id="confirmed"),
        pytest.param((3,), ("gone", "03-04", "03-04", None), id="not confirmed"),
    ],
)
@pytest.mark.parametrize(
    "text", [pytest.param(TEXT, id="unchanged"), pytest.param(AUGUST, id="edited")]
)
def test_true_removal_after_a_refused_page_is_kept(
    crawl: Crawl,
    monkeypatch: pytest.MonkeyPatch,
    gone: tuple[int, ...],
    removal: tuple[Any, ...],
    text: str,
) -> None:
    crawl.fetch(1, build_page(banner=""))
    take_banner_for_error(monkeypatch)
    crawl.fetch(2, build_page(text=text))
    for day in gone:
        crawl.fetch(day, b"<h1>404</h1>", status=404)
    state_sql = (
        "select removed_at, next_check, f.* from releases r join frontier f on f.release = r.id"
    )
    before = crawl.rows(state_sql)
    assert crawl.reparse() == {"unchanged" if text == TEXT else "revised": 1}
    assert (crawl.rows(REMOVAL_SQL), crawl.rows(state_sql)) == ([removal], before)
    assert crawl.rows("select substr(last_checked, 6, 5) from releases") == [("03-03",)]
    assert len(crawl.versions()) == (1 if text == TEXT else 2)
    crawl.fetch(20, build_page(text=text, banner=""))  # it came back
    releases = crawl.rows("select removed_at, substr(ended, 6, 5) from releases join removals")
    assert releases == [(None, "03-21")]


def test_true_removal_is_kept_when_a_redirect_to_the_release_was_refused(crawl: Crawl) -> None:
    crawl.fetch(1, build_page(banner=""))
    crawl.fetch(2, build_page(text=AUGUST), f"{HOME}n/123", URL)
    for day in (3, 5, 9):
        crawl.fetch(day, b"<h1>404</h1>", status=404)
    state_sql = (
        "select v.*, removed_at, next_check from removals v join releases r on r.id = release"
    )
    before = crawl.rows(state_sql)
    assert (len(before), crawl.reparse()) == (1, {"revised": 1})
    assert crawl.rows(state_sql) == before


def test_doubtful_page_of_a_removed_release_does_not_end_the_removal(
    crawl: Crawl, monkeypatch: pytest.MonkeyPatch
) -> None:
    crawl.fetch(1, build_page(banner=""))
    take_banner_for_error(monkeypatch)
    crawl.fetch(2, build_page().replace(b"Publicerad 3 mars 2024", b"Publicerad 3 mars 2031"))
    for day in (3, 5, 9):
        crawl.fetch(day, b"<h1>404</h1>", status=404)
    before = list_state(crawl)
    assert crawl.reparse() == {"still refused": 1}
    assert (list_state(crawl), crawl.rows("select * from quarantine")) == (before, [])


@pytest.mark.parametrize(
    "is_worker", [pytest.param(False, id="crawl"), pytest.param(True, id="writer of workers")]
)
def test_page_that_our_own_code_cannot_store_blocks_no_other_page(
    crawl: Crawl, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, is_worker: bool
) -> None:
    crawl.fetch(1, build_page())
    crawl.fetch(1, build_page("Mindre granskog"), OTHER)
    update = Ingest.update_frontier

    def fail(ingest: Ingest, matched: MatchedPage, outcome: SaveResult) -> None:
        if "april" in matched.release.body and matched.page.url == URL:
            raise ZeroDivisionError
        update(ingest, matched, outcome)

    monkeypatch.setattr(Ingest, "update_frontier", fail)
    crawl.mended = True
    with crawl.archive.transaction() if is_worker else nullcontext():
        crawl.fetch(2, build_page(text=AUGUST, banner=""))
    # nothing of the other page
    assert [row[:2] for row in crawl.versions()] == [("03-03", "first")]
    assert f"{URL}: stays refused: our own code failed on it" in caplog.text
    assert crawl.reparse() == {"still refused": 1, "new": 1}
    assert [url for url, *_ in crawl.kept()] == [URL]


def test_damaged_refused_pages_do_not_keep_a_page_from_being_stored(
    crawl: Crawl, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise ArchiveError("captures.db", "database disk image is malformed")

    monkeypatch.setattr(crawl.recorder.refused, "list_pages", fail)
    crawl.fetch(1, build_page(banner=""))
    assert len(crawl.versions()) == 1
    assert f"{URL}: the refused pages of this URL cannot be taken in" in caplog.text


def test_reparse_ends_when_the_archive_cannot_be_written(
    crawl: Crawl, monkeypatch: pytest.MonkeyPatch
) -> None:
    crawl.fetch(1, build_page())

    def fail(*_: Any, **__: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(Ingest, "save", fail)
    with pytest.raises(sqlite3.OperationalError):
        crawl.reparse()
    assert len(crawl.kept()) == 1


@pytest.mark.parametrize(
    ("stored", "refused", "is_deleted"),
    [
        ("https://skog.example/nyheter/1", "https://www.skog.example/nyheter/1", True),
        ("https://skog.example/nyheter/1", "https://skog.example/nyheter/1?vy=bred", True),
        ("https://skog.example/nyheter/1", "http://skog.example/nyheter/1/", True),
        ("https://www.skog.example/n?id=3", "https://skog.example/n?vy=bred&id=3", True),
        ("https://skog.example/n?id=3", "https://skog.example/n?id=4", False),
        ("https://skog.example/nyheter/1", "https://skog.example/nyheter/12", False),
    ],
)
@pytest.mark.parametrize(
    "is_redirected", [pytest.param(False, id="direct"), pytest.param(True, id="redirected")]
)
def test_takedown_deletes_refused_pages_at_other_spellings_of_the_address(
    crawl: Crawl, stored: str, refused: str, is_deleted: bool, is_redirected: bool
) -> None:
    crawl.fetch(0, build_page(banner=""), stored)
    crawl.fetch(1, build_page(), *((f"{HOME}n/99", refused) if is_redirected else (refused,)))
    assert len(crawl.kept()) == 1
    crawl.hide()
    assert len(crawl.kept()) == (0 if is_deleted else 1)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param((URL, END), (f"{HOME}n/7", END), id="the same redirect"),
        pytest.param((URL, END), (END, None), id="the end of the redirect"),
        pytest.param((URL, None), (f"{HOME}n/7", END), id="the same bytes"),
    ],
)
def test_takedown_deletes_refused_pages_at_addresses_of_those_of_the_release(
    crawl: Crawl, first: tuple[str, str | None], second: tuple[str, str | None]
) -> None:
    crawl.fetch(0, build_page(banner=""))
    crawl.fetch(1, build_page(), *first)
    crawl.fetch(1, build_page("" if second[0] == first[1] else "Mer lövskog"), *second)
    crawl.fetch(1, build_page("Mindre granskog"), OTHER)
    crawl.hide()
    assert [url for url, *_ in crawl.kept()] == [OTHER]


def test_takedown_leaves_the_pages_of_other_releases_that_had_one_placeholder_for_all(
    crawl: Crawl,
) -> None:
    placeholder = build_page("Snart tillbaka")
    crawl.fetch(0, build_page(banner=""))
    crawl.fetch(1, build_page("Mindre granskog"), OTHER)
    for url in (URL, OTHER):
        crawl.fetch(2, placeholder, url, f"{HOME}nyheter/snart-tillbaka")
        crawl.fetch(3, placeholder, url)
    assert len(crawl.kept()) == 5
    crawl.hide(4)
    assert [page[:2] for page in crawl.kept()] == [(OTHER, "03-02")]


def test_takedown_deletes_refused_pages_where_the_release_was_redirected_to(crawl: Crawl) -> None:
    crawl.fetch(0, build_page(banner=""), URL, END)
    crawl.fetch(1, build_page(), f"{HOME}n/7", END)
    crawl.hide()
    crawl.fetch(3, build_page(), f"{HOME}n/8", END)
    assert crawl.kept() == []


@pytest.mark.parametrize(
    ("url", "address", "is_kept"),
    [
        pytest.param(f"{HOME}n/7", URL, False, id="redirect to the release"),
        pytest.param(URL.replace("//", "//www."), None, False, id="www"),
        pytest.param(f"{URL}?vy=bred", None, False, id="query"),
        pytest.param(OTHER, None, True, id="another release"),
    ],
)
def test_no_page_at_an_address_of_a_hidden_release_is_kept(
    crawl: Crawl, url: str, address: str | None, is_kept: bool
) -> None:
    crawl.fetch(0, build_page(banner=""))
    crawl.hide()
    crawl.fetch(3, build_page(), url, address)
    assert len(crawl.kept()) == is_kept


def find_files(folder: Path, text: bytes) -> list[str]:
    return [file.name for file in folder.iterdir() if text in file.read_bytes()]


def test_takedown_leaves_no_bytes_of_refused_pages_in_the_write_ahead_log(
    crawl: Crawl, tmp_path: Path
) -> None:
    noise = "".join(random.Random(3).choices(string.ascii_letters + string.digits, k=6_000))
    crawl.fetch(0, build_page(banner=""))
    crawl.fetch(1, build_page(text=noise))
    ((frame,),) = crawl.recorder.captures.query("select data from refused_bodies")
    assert find_files(tmp_path, frame[2_000:2_040])
    crawl.hide()
    assert find_files(tmp_path, frame[2_000:2_040]) == []


def test_takedown_deletes_refused_pages_even_if_a_reader_keeps_the_log_of_the_archive(
    crawl: Crawl, tmp_path: Path
) -> None:
    crawl.fetch(0, build_page(banner=""))
    crawl.fetch(1, build_page())
    with closing(sqlite3.connect(tmp_path / "archive.db")) as reader:
        reader.execute("begin")
        reader.execute("select * from releases").fetchall()
        crawl.archive.db.execute("pragma busy_timeout = 0")
        with pytest.raises(ArchiveError, match=r"archive\.db 'pragma wal_checkpoint"):
            crawl.hide()
    assert crawl.kept() == []


def test_takedown_says_so_if_a_reader_keeps_the_log_of_refused_pages(
    crawl: Crawl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.database.refused_pages.RefusedPages.empty_log", lambda _: False)
    crawl.fetch(0, build_page(banner=""))
    crawl.fetch(1, build_page())
    with pytest.raises(ArchiveError, match=r"captures\.db 'pragma wal_checkpoint"):
        crawl.hide()
    assert (crawl.kept(), crawl.rows("select takedown from releases")) == ([], [("hidden",)])


@pytest.mark.parametrize(
    "ahead", [pytest.param(200, id="200 days"), pytest.param(5_000, id="13 years")]
)
def test_clock_that_is_ahead_once_deletes_no_refused_page(crawl: Crawl, ahead: int) -> None:
    crawl.fetch(1, build_page())
    finished = (BEGUN + timedelta(days=1)).isoformat()
    row = {"agency": "skog", "spider": "news", "started": finished, "finished": finished}
    crawl.archive.db.table("crawls").insert(row)
    with time_machine.travel(BEGUN + timedelta(days=ahead)):
        crawl.recorder.expire_refused()
    crawl.fetch(ahead, build_page(), f"{URL}-2")
    assert [url for url, *_ in crawl.kept()] == [URL, f"{URL}-2"]
    assert crawl.reparse() == {"new": 1, "still refused": 1}  # the second is dated in the future
    crawl.archive.db.execute(
        "update crawls set finished = ?", [(BEGUN + timedelta(days=92)).isoformat()]
    )
    crawl.mended = False
    crawl.fetch(2, build_page(), f"{URL}-3")
    with time_machine.travel(BEGUN + timedelta(days=92)):
        crawl.recorder.expire_refused()
    assert crawl.kept() == []
