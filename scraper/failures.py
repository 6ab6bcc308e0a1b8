"""What kind of fault a failure is, one of archive.health.faults: told from the exception itself."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from OpenSSL.SSL import Error as OpenSSLError
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
    StopDownload,
)
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from service_identity import VerificationError
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed

from archive.database import ArchiveError
from scraper.downloader.errors import HostPaused, RobotsForbidden, RobotsUnreachable
from scraper.downloader.robots import DOWNLOAD_ERRORS
from scraper.errors import NotARelease, PageError, SourceError
from scraper.pages import page_type
from scraper.pages.document import Document

FAILURE_KINDS: tuple[tuple[type[BaseException], str], ...] = (  # the first that fits
    (HostPaused, "host paused"),
    (RobotsForbidden, "robots"),
    (RobotsUnreachable, "robots unreachable"),
    (CannotResolveHostError, "dns"),
    (DownloadTimeoutError, "timeout"),
    (DownloadConnectionRefusedError, "refused connection"),
    (DownloadFailedError, "broken answer"),
    (ResponseDataLossError, "broken answer"),
    (DownloadCancelledError, "left out"),
    (StopDownload, "left out"),  # too much was on its way at once (scraper.inflight)
    (OSError, "broken answer"),
    (IgnoreRequest, "left out"),
    (SourceError, "unreadable source"),
    (PageError, "unreadable"),
    (ArchiveError, "our fault"),
)
TLS_ERRORS = (ssl.SSLError, OpenSSLError, VerificationError)
BLOCKED_PAGE_KINDS = {  # by how scraper.pages.refusal words what stands between us and the page
    page_type.CONSENT_PROBLEM: "consent wall",
    page_type.LOGIN_PROBLEM: "login",
    page_type.OUTAGE_PROBLEM: "outage",
    page_type.TECHNICAL_ERROR_PROBLEM: "outage",
}
STATUS_KINDS = {401: "status 403", 403: "status 403", 451: "status 403", 404: "status 404", 410: "status 404"}


def classify_failure(error: BaseException | None) -> str:
    """The kind of an exception that a request, an answer or a page ended in; `our fault` where none was foreseen.

    >>> classify_failure(NotARelease("https://a.example/", "is a consent wall: 'Kakor'", "blocked"))
    'consent wall'
    >>> classify_failure(StopDownload())
    'left out'
    >>> classify_failure(PageError("https://a.example/", "published", "'35 mars' is no day"))
    'unreadable'
    """
    if isinstance(error, HttpError):
        return classify_status(error.response.status)
    if isinstance(error, NotARelease):
        return classify_page_failure(error)
    if isinstance(error, RobotsUnreachable) and isinstance(error.__context__, DOWNLOAD_ERRORS):
        return classify_failure(
            error.__context__
        )  # the host itself does not answer: robots.txt was merely asked for first
    if any(isinstance(one, TLS_ERRORS) for one in iter_causes(error)):
        return "tls"
    return next((kind for known, kind in FAILURE_KINDS if isinstance(error, known)), "our fault")


def classify_source_failure(error: SourceError, response: Response) -> str:
    """The kind of a source that answered with something else: what that is, where it says so itself."""
    wall = detect_rejection(response.body, response.url)
    return classify_page_failure(wall) if wall else classify_failure(error)


def detect_rejection(body: bytes, url: str) -> NotARelease | None:
    """What an answer is that says itself it is not what was asked for."""
    try:
        document = Document(body, url)
        seen = page_type.read_page_signals(document, include_text=True)
    except PageError:
        return None
    found = page_type.find_rejection(seen)
    if found is None:  # a list may be empty and say so: only what stands before it counts
        short = page_type.find_short_page_rejection(seen, document.title, seen.text or "", has_date=False)
        found = short if short and short.kind == "blocked" else None
    return NotARelease(url, found.problem, found.kind, found.target) if found else None


def classify_page_failure(error: NotARelease) -> str:
    """What a page is instead of a release."""
    if error.kind == "blocked":
        return next(
            (kind for words, kind in BLOCKED_PAGE_KINDS.items() if error.problem.startswith(words)), "block page"
        )
    return {"gone": "status 404", "other": "no release"}.get(error.kind, error.kind)


def classify_status(status: int) -> str:
    """The kind of a status that is no success.

    >>> classify_status(503), classify_status(403), classify_status(429), classify_status(418)
    ('status 5xx', 'status 403', 'status 429', 'status 4xx')
    """
    if status >= 500:
        return "status 5xx"
    if status == 429:
        return "status 429"
    return STATUS_KINDS.get(status, "status 4xx" if status >= 400 else "status")


def iter_causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and what it was raised for; Twisted keeps several reasons beside each other."""
    told = error
    while told is not None:
        yield told
        if isinstance(told, ResponseFailed):
            for reason in told.reasons:
                if isinstance(reason, Failure) and reason.value is not None:
                    yield reason.value
        told = told.__cause__
