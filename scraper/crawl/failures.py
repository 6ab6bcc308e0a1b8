"""Classifies exceptions by type of failure, and describes failures in sentences.

The crawls table contains the number of failures of each type, for each agency and crawl. The health
report shows these numbers. The types are also the keys of the interface texts.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

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

from archive.database.sqlite_files import ArchiveError
from scraper.downloader.limits import (
    DOWNLOAD_ERRORS,
    HostPaused,
    PrivateAddress,
    RobotsForbidden,
    RobotsUnreachable,
    describe_download_error,
)
from scraper.errors import NotARelease, PageError, SourceError
from scraper.normalise.page_urls import extract_host
from scraper.pages import page_type
from scraper.pages.page_type import detect_rejection

TLS_ERRORS = (ssl.SSLError, OpenSSLError, VerificationError)
OWN_FAULT = "our fault"  # a bug in this program
FAILURE_KINDS: tuple[tuple[type[BaseException], str], ...] = (  # the first matching type counts
    (HostPaused, "host paused"),
    (RobotsForbidden, "robots"),
    (RobotsUnreachable, "robots unreachable"),
    (CannotResolveHostError, "dns"),
    (DownloadTimeoutError, "timeout"),
    (DownloadConnectionRefusedError, "refused connection"),
    (DownloadFailedError, "broken answer"),
    (ResponseDataLossError, "broken answer"),
    (DownloadCancelledError, "left out"),
    (StopDownload, "left out"),  # see InFlightLimit in scraper/crawl/deadline.py
    (OSError, "broken answer"),
    (IgnoreRequest, "left out"),
    (PageError, "unreadable"),
    (ArchiveError, OWN_FAULT),
)
BLOCKED_PAGE_KINDS = {  # keys: beginnings of the problems in scraper/pages/page_type.py
    page_type.CONSENT_PROBLEM: "consent wall",
    page_type.LOGIN_PROBLEM: "login",
    page_type.OUTAGE_PROBLEM: "outage",
    page_type.TECHNICAL_ERROR_PROBLEM: "outage",
    page_type.SERVER_ERROR_PROBLEM: "server error page",
    page_type.PORTAL_PROBLEM: "captive portal",
}
STATUS_KINDS = {
    **dict.fromkeys((401, 403, 451), "status 403"),
    **dict.fromkeys((404, 410), "status 404"),
    429: "status 429",
    511: "captive portal",  # Network Authentication Required (RFC 6585, 6)
}


def classify_failure(error: BaseException | None) -> str:
    """Return an exception's type of failure.

    An unknown exception counts as a bug in this program.

    >>> classify_failure(NotARelease("https://a.example/", "is a consent wall: 'Kakor'", "blocked"))
    'consent wall'
    >>> classify_failure(StopDownload())
    'left out'
    >>> classify_failure(PageError("https://a.example/", "published", "'35 mars' is no day"))
    'unreadable'
    """
    if isinstance(error, HttpError):
        return _classify_response(error.response)
    if isinstance(error, SourceError):
        return error.kind
    if isinstance(error, PrivateAddress) and error.is_redirect:
        return "private network"
    if isinstance(error, NotARelease):
        return _classify_page_failure(error)
    if isinstance(error, RobotsUnreachable) and isinstance(error.__context__, DOWNLOAD_ERRORS):
        # the host does not respond; robots.txt was only its first request
        return classify_failure(error.__context__)
    if any(isinstance(cause, TLS_ERRORS) for cause in _iter_causes(error)):
        return "tls"
    return _find_kind(error)


def _find_kind(error: BaseException | None) -> str:
    for known, kind in FAILURE_KINDS:
        if isinstance(error, known):
            return kind
    return OWN_FAULT


def _classify_response(response: Response) -> str:
    is_blocked = is_cloudflare_challenge(response)
    return "block page" if is_blocked else classify_status(response.status)


def classify_source_failure(error: SourceError, response: Response) -> str:
    """Return the type of failure of a source that cannot be read.

    If the response is a wall (such as a consent page) or an outage page, the type is that of the
    wall or outage. Otherwise, it is the type of the error.
    """
    requested_url = (
        response.request.meta.get("redirect_urls", [response.url])[0]
        if response.request
        else response.url
    )
    is_elsewhere = extract_host(requested_url) != extract_host(response.url)
    rejection = detect_rejection(response.body, response.url, is_elsewhere=is_elsewhere)
    return _classify_page_failure(rejection) if rejection else classify_failure(error)


def _classify_page_failure(error: NotARelease) -> str:
    if error.kind == "blocked":
        kinds = (
            kind
            for problem, kind in BLOCKED_PAGE_KINDS.items()
            if error.problem.startswith(problem)
        )
        return next(kinds, "block page")
    return {"gone": "status 404", "other": "no release"}.get(error.kind, error.kind)


def classify_status(status: int) -> str:
    """Return the type of failure for an HTTP status that is not a success.

    >>> classify_status(503), classify_status(403), classify_status(429), classify_status(418)
    ('status 5xx', 'status 403', 'status 429', 'status 4xx')
    """
    if status in STATUS_KINDS:
        return STATUS_KINDS[status]
    if status >= 500:
        return "status 5xx"
    return "status 4xx" if status >= 400 else "status"


def _iter_causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and its causes, including the reasons in Twisted's ResponseFailed."""
    cause = error
    while cause is not None:
        yield cause
        if isinstance(cause, ResponseFailed):
            for reason in cause.reasons:
                if isinstance(reason, Failure) and reason.value is not None:
                    yield reason.value
        cause = cause.__cause__


def is_cloudflare_challenge(response: Response) -> bool:
    """Return whether a response has the header that Cloudflare documents for its challenges."""
    return response.headers.get("cf-mitigated") == b"challenge"


def describe_request_failure(error: BaseException | None) -> str:
    """Describe why a request failed, in one line."""
    if isinstance(error, StopDownload):
        return "was aborted: too many bytes were in flight at once (IN_FLIGHT_MAX)"
    if response := getattr(error, "response", None):
        return f"answered {response.status}"
    # without the folder of the file, because the message is published
    if isinstance(error, ArchiveError):
        return str(error).replace(error.file, Path(error.file).name)
    assert error is not None  # noqa: S101 - only Twisted's type allows None
    return describe_download_error(error)
