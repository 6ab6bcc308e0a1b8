"""robots.txt as RFC 9309 has it: asked for once a host and crawl, waited for, and a no where it cannot be read."""

from __future__ import annotations

import asyncio

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.http.request import NO_CALLBACK
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached
from scrapy.utils.misc import build_from_crawler

FAILURES = (  # what Scrapy's downloader fails by
    *(DownloadConnectionRefusedError, CannotResolveHostError, DownloadTimeoutError, DownloadCancelledError),
    *(DownloadFailedError, ResponseDataLossError, IgnoreRequest, OSError),
)


class RobotsForbidden(IgnoreRequest):
    """robots.txt forbids the request."""


class RobotsUnreachable(IgnoreRequest):
    """robots.txt was answered by a server's fault or not at all: nothing is asked for until it can be read."""


class RobotsTxt(RobotsTxtMiddleware):
    """Scrapy's own, but for two faults of it (2.19).

    Of several requests that wait for one host's robots.txt Scrapy's lets all but the first pass unread; and
    it takes a robots.txt that answers 5xx for one that allows everything (RFC 9309, 2.3.1.4, has it forbid).
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.asked: dict[str, asyncio.Task[RobotParser | None]] = {}  # by host and port

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        """Let a request pass, or not."""
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            raise RobotsForbidden(str(error)) from None

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """The rules of a request's host; None where there are none."""
        netloc = urlparse_cached(request).netloc
        if netloc not in self.asked:
            self.asked[netloc] = asyncio.ensure_future(self.fetch(request))
        return await asyncio.shield(self.asked[netloc])

    async def fetch(self, request: Request) -> RobotParser | None:
        """Ask a host for its rules, on behalf of the first request to it."""
        parts = urlparse_cached(request)
        netloc = parts.netloc
        asked = Request(
            f"{parts.scheme}://{netloc}/robots.txt",
            priority=self.DOWNLOAD_PRIORITY,
            meta={"dont_obey_robotstxt": True},
            callback=NO_CALLBACK,
        )
        assert self.crawler.engine  # noqa: S101 - it runs, or nothing would be asked
        try:
            response = await self.crawler.engine.download_async(asked)
        except FAILURES as error:
            raise RobotsUnreachable(f"robots.txt of {netloc} cannot be read: {explain(error)}") from error
        if response.status >= 500 or response.status == 429:
            raise RobotsUnreachable(f"robots.txt of {netloc} cannot be read: answered {response.status}")
        if response.status >= 400:
            return None
        parser: RobotParser = build_from_crawler(self._parserimpl, self.crawler, response.body)
        await self.crawler.signals.send_catch_log_async(
            signal=signals.robots_parsed, robotparser=parser, request=request
        )
        return parser


def explain(error: Exception) -> str:
    """A failure in words."""
    if isinstance(error, CannotResolveHostError):
        return "there is no such host"
    return f"{type(error).__name__}: {error}"
