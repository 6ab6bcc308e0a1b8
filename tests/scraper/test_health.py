"""What a crawl notes for health, and `scrapy health` over it; kinds of faults as real failures have them."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest
from scrapy.exceptions import DownloadFailedError, DownloadTimeoutError
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed

from archive.database import ArchiveError
from archive.health import is_unacknowledged_fault
from archive.health.metrics import TRACKED_FIELDS
from archive.i18n import find_text
from scraper import failures as faults
from scraper.agency import load_agencies
from scraper.commands.health import judge_archive
from scraper.errors import NotARelease, PageError, SourceError
from scraper.pages import read_page
from tests.scraper.crawling import SLUG, Crawling

CONSENT = "<html><body><h1>Innan du fortsätter</h1><p>Vi använder kakor.</p></body></html>"
LOGIN = "<html><body><h1>Logga in</h1><form><input type='password' name='p'></form></body></html>"
BLOCK = "<html><head><title>Access denied</title></head><body><h1>Access denied</h1></body></html>"
OUTAGE = "<html><head><title>Underhåll pågår</title></head><body><p>Strax åter.</p></body></html>"
GONE = "<html><head><title>Sidan finns inte</title></head><body><h1>Sidan finns inte</h1></body></html>"
NOWHERE = '[borta]\nname = "Borta"\nhome = "http://borta.invalid/"\nfeeds = ["http://borta.invalid/feed"]\n'


@pytest.mark.parametrize(
    ("page", "kind"),
    [(CONSENT, "consent wall"), (LOGIN, "login"), (BLOCK, "block page"), (OUTAGE, "outage"), (GONE, "error page")],
)
def test_pages_that_are_no_release_are_told_apart(page: str, kind: str) -> None:
    with pytest.raises(NotARelease) as caught:
        read_page(page.encode(), "https://a.example/nyhet/1")
    assert faults.classify_failure(caught.value) == kind
    wall = faults.detect_rejection(page.encode(), "https://a.example/nyheter")
    assert wall is not None
    assert faults.classify_failure(wall) == kind


def test_an_empty_list_is_no_wall() -> None:
    for page in ("<html><body><h1>Nyheter</h1><p>Inga nyheter hittades.</p></body></html>", "<rss></rss>", ""):
        assert faults.detect_rejection(page.encode(), "https://a.example/nyheter") is None


def test_failures_by_kind() -> None:
    secure = DownloadFailedError("no")
    secure.__cause__ = ResponseFailed([Failure(ssl.SSLCertVerificationError("expired"))])  # type: ignore[no-untyped-call]
    broken = DownloadFailedError("no")
    broken.__cause__ = ResponseFailed([Failure(ConnectionResetError())])  # type: ignore[no-untyped-call]
    kinds = [
        *(secure, broken, DownloadTimeoutError(), SourceError("u", "p"), PageError("u", "published", "p")),
        *(KeyError(), None),
    ]
    assert [faults.classify_failure(error) for error in kinds] == [
        *("tls", "broken answer", "timeout", "unreadable source", "unreadable", "our fault", "our fault"),
    ]


def test_every_kind_has_words() -> None:
    statuses = {faults.classify_status(status) for status in range(300, 600)}
    kinds = statuses | {kind for _, kind in faults.FAILURE_KINDS} | set(faults.BLOCKED_PAGE_KINDS.values())
    assert [kind for kind in kinds if not find_text("sv", f"failure.{kind}")] == []


def notes(crawling: Crawling, slug: str) -> dict[str, Any]:
    """What the newest crawl of an agency noted."""
    names = (
        "parsed",
        "field_counts",
        "failures",
        "source_failures",
        "delay",
        "robots",
        "quarantined",
        "new",
        "requests",
    )
    ((*values,),) = crawling.rows(
        f"select {', '.join(names)} from crawls where agency = ? order by id desc limit 1", slug
    )
    row = dict(zip(names, values, strict=True))
    return row | {name: json.loads(row[name]) for name in ("field_counts", "failures", "source_failures")}


def test_a_crawl_notes_what_health_is_judged_by_and_the_command_tells_it(crawling: Crawling) -> None:
    urls = [url for url in sorted(crawling.site.truth) if f"//{SLUG}." in url]
    for url, page in zip(urls, (CONSENT, LOGIN, GONE), strict=False):
        crawling.site.break_(url, body=page)
    crawling.site.break_(urls[3], status=503)
    crawling.site.break_("hushallsmyndigheten/", body=BLOCK)  # where its listings are found
    crawling.agencies.write_text(crawling.agencies.read_text("utf-8") + NOWHERE, "utf-8")
    code, printed = crawling.run(DOWNLOAD_DELAY="0.05", LOOPBACK_UNKNOWN="borta.invalid")
    assert code == 1, printed
    noted = notes(crawling, SLUG)
    assert noted["failures"] == {"consent wall": 1, "login": 1, "error page": 1, "status 5xx": 1}
    assert noted["source_failures"] == {}
    assert noted["parsed"] == noted["new"] == len(urls) - 4
    assert set(noted["field_counts"]) <= set(TRACKED_FIELDS)
    assert noted["field_counts"]["title"] == noted["parsed"]
    assert (noted["robots"], noted["quarantined"]) == ("allowed", 0)
    assert 0.05 <= noted["delay"] < 5
    for name in ("failures", "source_failures"):
        assert notes(crawling, "borta")[name] == {"dns": 1}, printed
        assert notes(crawling, "hushallsmyndigheten")[name] == {"block page": 1}
    assert crawling.rows("select state from health where agency = 'borta'") == [("never worked",)]

    rows, _ = judge_archive(crawling.archive, load_agencies(crawling.agencies), {})
    assert [row["agency"] for row in rows if is_unacknowledged_fault(row)] == ["borta"]
    code, printed = crawling.scrapy("health", "--acknowledge", "")  # an unset variable of a script
    assert code == 2, printed
    assert crawling.rows("select acknowledged from health where agency = 'borta'") == [(None,)]
    code, printed = crawling.scrapy("health", "--acknowledge", "borta")
    assert code == 0, printed
    assert "0 new faults of 5" in printed
    assert "(known)" in printed
    assert "DNS" in printed
    assert "borta: acknowledged until it changes" in printed
    assert crawling.rows("select count(*) from health_events where agency = 'borta'") == [(1,)]


def test_the_command_needs_an_archive(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no such file"):
        judge_archive(tmp_path / "archive.db", {}, {})
