"""Robots.txt (RFC 9309), remembered per host.

robots.txt as RFC 9309 has it: asked for once a host and crawl, waited for, and a no where it cannot be read.

It is asked for anew by every crawl, and after a day in a longer one. Where it cannot be read, nothing is asked of
the host; the archive remembers since when, and after 30 days of that (ROBOTS_UNREACHABLE_DAYS; 2.3.1.4 leaves it to
us) goes by the rules it read last, or by none where it never read any.
"""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

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
from twisted.web.client import ResponseFailed

from archive.dates import now, to_iso
from scraper.downloader.errors import CrawlStopped, PrivateAddress, RequestDeferred, RobotsForbidden, RobotsUnreachable

if TYPE_CHECKING:
    from archive.store import Archive


logger = logging.getLogger(__name__)
ROBOTS_MAX_AGE = 24 * 3600  # seconds that a robots.txt goes for
MAX_ROBOTS_BYTES = 512 * 1024  # bytes that are read of it; RFC 9309 wants 500 KiB at least
USER_AGENT_LINE = re.compile(
    r"\s*user[- ]?agent(?:\s*:|\s)(.*)", re.IGNORECASE
)  # with the slips that the parser lets pass
PRODUCT_TOKEN = re.compile(r"[A-Za-z_-]*")
DOWNLOAD_ERRORS = (  # what Scrapy's downloader fails by
    *(DownloadConnectionRefusedError, CannotResolveHostError, DownloadTimeoutError, DownloadCancelledError),
    *(DownloadFailedError, ResponseDataLossError, IgnoreRequest, OSError),
)


class RobotsMiddleware(RobotsTxtMiddleware):
    """Scrapy's own, but for three faults of it (2.19).

    Of several requests that wait for one host's robots.txt Scrapy's lets all but the first pass unread;
    it takes a robots.txt that answers 5xx for one that allows everything (RFC 9309, 2.3.1.4, has it forbid);
    and its parser takes the beginning of our name for all of it, and our name with a version for another's.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.parser_tasks: dict[str, tuple[float, asyncio.Task[RobotParser | None]]] = {}  # by host and port
        self.max_unreachable = timedelta(days=crawler.settings.getfloat("ROBOTS_UNREACHABLE_DAYS"))

    @property
    def archive(self) -> Archive | None:
        """Where hosts are remembered; a probe keeps no books."""
        return getattr(self.crawler.spider, "archive", None)

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        """Let a request pass, or not."""
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            raise RobotsForbidden(str(error)) from None

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """The rules of a request's host; None where there are none."""
        netloc = urlparse_cached(request).netloc
        begun, task = self.parser_tasks.get(netloc, (0.0, None))
        if task is None or monotonic() - begun > ROBOTS_MAX_AGE:
            task = asyncio.ensure_future(self.fetch_robots(request))
            self.parser_tasks[netloc] = monotonic(), task
        return await asyncio.shield(task)

    async def fetch_robots(self, request: Request) -> RobotParser | None:
        """Ask a host for its rules, on behalf of the first request to it."""
        parts = urlparse_cached(request)
        asked = Request(
            f"{parts.scheme}://{parts.netloc}/robots.txt",
            priority=self.DOWNLOAD_PRIORITY,
            meta={"dont_obey_robotstxt": True, "on_behalf": request.meta.get("agency", "")},
            callback=NO_CALLBACK,
        )
        assert self.crawler.engine  # noqa: S101 - it runs, or nothing would be asked
        try:
            response = await self.crawler.engine.download_async(asked)
        except (RequestDeferred, CrawlStopped):
            raise
        except PrivateAddress as error:
            if error.host == parts.hostname:  # the host itself is private: no redirect of its robots.txt
                raise
            return await self.handle_unreachable(request, describe_download_error(error))
        except DOWNLOAD_ERRORS as error:
            return await self.handle_unreachable(request, describe_download_error(error))
        if response.status >= 500 or response.status == 429:
            return await self.handle_unreachable(request, f"answered {response.status}")
        if response.status >= 400:
            self.store_robots_state(parts.netloc, "absent")
            return None
        text = truncate_robots(response.body)
        self.store_robots_state(parts.netloc, "allowed", text.decode("utf-8", "replace"))
        return await self.parse_rules(text, request)

    async def parse_rules(self, text: bytes, request: Request) -> RobotParser:
        """A robots.txt as rules; CrawlDelay is told of them."""
        named = normalise_agent_lines(text, str(self._robotstxt_useragent or self._default_useragent))
        parser: RobotParser = build_from_crawler(self._parserimpl, self.crawler, named)
        await self.crawler.signals.send_catch_log_async(
            signal=signals.robots_parsed, robotparser=parser, request=request
        )
        return parser

    def store_robots_state(self, netloc: str, state: str, text: str | None = None) -> None:
        """Let the archive know what came of it."""
        if self.archive:
            with self.archive.transaction():
                self.archive.hosts.store_robots(netloc, state, now(), text)

    async def handle_unreachable(self, request: Request, problem: str) -> RobotParser | None:
        """robots.txt could not be read: RobotsUnreachable, until that has been so for long."""
        netloc, seen = urlparse_cached(request).netloc, now()
        told = f"robots.txt of {netloc} cannot be read: {problem}"
        if self.archive is None:
            raise RobotsUnreachable(told)
        with self.archive.transaction():
            since, text = self.archive.hosts.mark_robots_unreachable(netloc, seen)
        if seen - since < self.max_unreachable:
            raise RobotsUnreachable(f"{told} (since {to_iso(since)})")
        logger.warning("%s for %d days: its %s rules go", told, (seen - since).days, "last" if text else "absent")
        return await self.parse_rules(text.encode(), request) if text else None


def truncate_robots(text: bytes) -> bytes:
    """As much of a robots.txt as is read, to the end of a line.

    >>> truncate_robots(b"User-agent: *"), len(truncate_robots(b"Disallow: /a\\n" * 100_000)) <= MAX_ROBOTS_BYTES
    (b'User-agent: *', True)
    """
    return text if len(text) <= MAX_ROBOTS_BYTES else text[: text.rfind(b"\n", 0, MAX_ROBOTS_BYTES) + 1]


def normalise_agent_lines(text: bytes, own_agent: str) -> bytes:
    """A robots.txt whose User-agent lines name product tokens, whole ones (RFC 9309, 2.2.1), as its parser needs them.

    A parser that looks for each name within ours cannot find one that holds a slash.

    >>> normalise_agent_lines(b"User-Agent: skogsbot/1.0 (+https://a.example)\\nuser-agent: Skog # kort", "Skogsbot/2")
    b'User-agent: Skogsbot\\nUser-agent: Skog/'
    >>> normalise_agent_lines(b"user-agent:*\\r\\nuseragent skogsbot*\\r\\nAllow: /", "Skogsbot")
    b'User-agent: *\\nUser-agent: Skogsbot\\nAllow: /'
    """
    own = parse_product_token(own_agent)
    lines = text.decode("utf-8-sig", "ignore").splitlines()
    for number, line in enumerate(lines):
        if match := USER_AGENT_LINE.match(line):
            told = match[1].partition("#")[0].strip()
            token = parse_product_token(told)
            name = "*" if told == "*" else own if token.lower() == own.lower() else f"{token}/" if token else ""
            lines[number] = f"User-agent: {name}"
    return "\n".join(lines).encode()


def parse_product_token(agent: str) -> str:
    """The product token that an agent's name begins with."""
    return PRODUCT_TOKEN.match(agent.strip().lstrip("*"))[0]  # type: ignore[index] # it may be empty, but it always matches


def describe_download_error(error: BaseException) -> str:
    """A failure in words; of an answer that broke off, what Twisted gives as its reasons."""
    if isinstance(error, CannotResolveHostError):
        return "there is no such host"
    if isinstance(error, DownloadCancelledError) and not str(error):
        return "was broken off: it is larger than DOWNLOAD_MAXSIZE"
    if isinstance(error.__cause__, ResponseFailed):
        told = [f"{type(reason.value).__name__}: {reason.getErrorMessage()}" for reason in error.__cause__.reasons]
        return f"{type(error).__name__}: {'; '.join(told)}"
    return f"{type(error).__name__}: {error}".strip(": ")
