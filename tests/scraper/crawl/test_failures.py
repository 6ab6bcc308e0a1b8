"""Kinds of failures, and pages that are recognised as walls or errors."""

from __future__ import annotations

import ssl

import pytest
from scrapy.exceptions import DownloadFailedError, DownloadTimeoutError
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed

from archive.i18n import find_text
from scraper.crawl import failures
from scraper.errors import NotARelease, PageError, SourceError
from scraper.pages.page_reader import read_page
from scraper.pages.page_type import detect_rejection


@pytest.mark.parametrize(
    ("html", "kind"),
    [
        ("<h1>Innan du fortsätter</h1><p>Vi använder kakor.</p>", "consent wall"),
        ("<h1>Logga in</h1><form><input type='password' name='p'></form>", "login"),
        ("<title>Access denied</title><h1>Access denied</h1>", "block page"),
        ("<title>Underhåll pågår</title><p>Strax åter.</p>", "outage"),
        ("<title>Sidan finns inte</title><h1>Sidan finns inte</h1>", "error page"),
    ],
)
def test_rejected_page_has_a_kind(html: str, kind: str) -> None:
    with pytest.raises(NotARelease) as caught:
        read_page(html.encode(), "https://a.example/nyhet/1")
    rejection = detect_rejection(html.encode(), "https://a.example/nyheter")
    assert [failures.classify_failure(error) for error in (caught.value, rejection)] == [kind, kind]


@pytest.mark.parametrize(
    "source", ["<h1>Nyheter</h1><p>Inga nyheter hittades.</p>", "<rss></rss>", ""]
)
def test_empty_source_is_not_rejected(source: str) -> None:
    assert detect_rejection(source.encode(), "https://a.example/nyheter") is None


def build_download_error(reason: Exception) -> DownloadFailedError:
    error = DownloadFailedError("no")
    error.__cause__ = ResponseFailed([Failure(reason)])  # type: ignore[no-untyped-call]
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (build_download_error(ssl.SSLCertVerificationError("expired")), "tls"),
        (build_download_error(ConnectionResetError()), "broken answer"),
        (DownloadTimeoutError(), "timeout"),
        (SourceError("u", "p"), "unreadable source"),
        (PageError("u", "published", "p"), "unreadable"),
        (KeyError(), "our fault"),
        (None, "our fault"),
    ],
)
def test_error_has_a_kind(error: Exception | None, kind: str) -> None:
    assert failures.classify_failure(error) == kind


def test_every_kind_has_an_interface_text() -> None:
    statuses = {failures.classify_status(status) for status in range(300, 600)}
    kinds = (
        statuses
        | {kind for _, kind in failures.FAILURE_KINDS}
        | set(failures.BLOCKED_PAGE_KINDS.values())
    )
    assert [kind for kind in kinds if not find_text("sv", f"failure.{kind}")] == []
