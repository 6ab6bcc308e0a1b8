"""Components of Scrapy's downloader. Here: their base class, and why requests are not sent or fail.

These exceptions are separate from scraper/errors.py, so that parsing a page does not need Scrapy.

scrapy.exceptions.IgnoreRequest
├── PrivateAddress            the host is not on the public internet
├── RobotsForbidden           robots.txt forbids the request
├── RobotsUnreachable         robots.txt could not be read (no response, 429 or 5xx)
├── RequestDeferred           the request is postponed to a later crawl; its URL stays due
│   ├── HostPaused            the host asked for a pause, or does not respond (scraper/downloader/throttle.py)
│   └── DailyBudgetExceeded   the agency's requests of this day are used up
└── CrawlStopped              the crawl is ending; the URL stays due
"""

from __future__ import annotations

from typing import Any, ClassVar, Self

from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotConfigured,
    ResponseDataLossError,
)
from scrapy.http import Response
from twisted.web.client import ResponseFailed


class CrawlerComponent:
    """A middleware, extension or pipeline, which Scrapy builds once per crawler.

    receivers: pairs of a method's name and the signal that calls it. needs_archive: whether it is left
    out unless the spider crawls into an archive, as those of `scrapy shell`, `fetch`, `parse`,
    `runspider` and `probe` do not.
    """

    receivers: ClassVar[tuple[tuple[str, Any], ...]] = ()
    needs_archive: ClassVar[bool] = False

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        # a method of ReleaseSpider, which cannot be imported here
        if cls.needs_archive and not hasattr(crawler.spidercls, "stop_if_unwritable"):
            raise NotConfigured
        component = cls(crawler)
        for name, signal in cls.receivers:
            crawler.signals.connect(getattr(component, name), signal)
        return component


class PrivateAddress(IgnoreRequest):
    """The request goes to a private network or this machine, or its scheme is not http or https.

    is_redirect: whether the request was redirected there, for example by a captive portal.
    """

    def __init__(self, host: str, problem: str, *, is_redirect: bool = False) -> None:
        self.host, self.is_redirect = host, is_redirect
        super().__init__(f"{host} {problem}")


class RobotsForbidden(IgnoreRequest): ...


class RobotsUnreachable(IgnoreRequest): ...


class RequestDeferred(IgnoreRequest): ...


class HostPaused(RequestDeferred):
    """The request's host, or a host that redirected it, is paused."""

    def __init__(self, host: str, problem: str) -> None:
        super().__init__(problem)
        self.host = host


class DailyBudgetExceeded(RequestDeferred): ...


class CrawlStopped(IgnoreRequest): ...


# Exceptions of Scrapy's downloader. Those in the first group mean that the host gave no usable response.
NO_RESPONSE_ERRORS = (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    DownloadFailedError,
    ResponseDataLossError,
    OSError,
)
DOWNLOAD_ERRORS = (*NO_RESPONSE_ERRORS, DownloadCancelledError, IgnoreRequest)


def describe_download_error(error: BaseException) -> str:
    """Describe an exception of the downloader, including the reasons that Twisted gives for a broken response."""
    if isinstance(error, CannotResolveHostError):
        return "there is no such host"
    if isinstance(error, DownloadCancelledError) and not str(error):
        return "was aborted: it is larger than DOWNLOAD_MAXSIZE"
    if isinstance(error.__cause__, ResponseFailed):
        reasons = [f"{type(reason.value).__name__}: {reason.getErrorMessage()}" for reason in error.__cause__.reasons]
        return f"{type(error).__name__}: {'; '.join(reasons)}"
    return f"{type(error).__name__}: {error}".strip(": ")


def decode_headers(response: Response) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
        for name, values in response.headers.items()
    }
