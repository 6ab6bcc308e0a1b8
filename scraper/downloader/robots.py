"""Applies robots.txt as specified by RFC 9309.

The file is fetched once per host and crawl, and again after a day.

Requests wait for their host's robots.txt. While robots.txt cannot be read, nothing is requested
from the host, and the archive stores the time of the first failure. After ROBOTS_UNREACHABLE_DAYS
(section 2.3.1.4 gives 30 days as an example), the rules that were last read apply. If none were
ever read, everything may be requested.
"""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import timedelta
from time import monotonic

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.exceptions import IgnoreRequest
from scrapy.http.request import NO_CALLBACK
from scrapy.robotstxt import ProtegoRobotParser, RobotParser
from scrapy.utils.httpobj import urlparse_cached

from archive.store.releases import Archive
from archive.times import now, to_iso
from scraper.downloader.limits import (
    DOWNLOAD_ERRORS,
    CrawlStopped,
    PrivateAddress,
    RequestDeferred,
    RobotsForbidden,
    RobotsUnreachable,
    describe_download_error,
)

logger = logging.getLogger(__name__)

ROBOTS_MAX_AGE = 24 * 3600  # seconds until it is fetched again
MAX_ROBOTS_BYTES = 512 * 1024  # bytes that are parsed; RFC 9309 requires at least 500 KiB
# as lenient as the parser
USER_AGENT_LINE = re.compile(r"\s*user[- ]?agent(?:\s*:|\s)(.*)", re.IGNORECASE)
PRODUCT_TOKEN = re.compile(r"[A-Za-z_-]*")


class RobotsMiddleware(RobotsTxtMiddleware):
    """Scrapy's robots.txt middleware, with three bugs of Scrapy 2.19 fixed.

    If several requests wait for one host's robots.txt, Scrapy sends all but the first without
    checking them against the rules. If robots.txt has status 5xx, Scrapy allows everything,
    although RFC 9309 (2.3.1.4) requires that everything be forbidden. Scrapy's parser accepts a
    prefix of our product token as a match, but not our token followed by a version.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.parser_tasks: dict[
            str, tuple[float, asyncio.Task[RobotParser | None]]
        ] = {}  # by host and port
        self.max_unreachable = timedelta(days=crawler.settings.getfloat("ROBOTS_UNREACHABLE_DAYS"))

    @property
    def archive(self) -> Archive | None:
        return getattr(self.crawler.spider, "archive", None)  # a probe has no archive

    def process_request_2(self, rp: RobotParser | None, request: Request) -> None:
        try:
            super().process_request_2(rp, request)
        except IgnoreRequest as error:
            raise RobotsForbidden(str(error)) from None

    async def robot_parser(self, request: Request) -> RobotParser | None:
        """Return the rules for a request's host, or None if no rules apply to the host."""
        netloc = urlparse_cached(request).netloc
        fetched_at, task = self.parser_tasks.get(netloc, (0.0, None))
        if task is None or monotonic() - fetched_at > ROBOTS_MAX_AGE:
            task = asyncio.ensure_future(self.fetch_robots(request))
            self.parser_tasks[netloc] = monotonic(), task
        return await asyncio.shield(task)

    async def fetch_robots(self, request: Request) -> RobotParser | None:
        """Fetch and parse the robots.txt of a request's host. Return None if the host has none."""
        parts = urlparse_cached(request)
        robots_request = Request(
            f"{parts.scheme}://{parts.netloc}/robots.txt",
            priority=self.DOWNLOAD_PRIORITY,
            meta={
                "dont_obey_robotstxt": True,
                "robots_for_agency": request.meta.get("agency", ""),
                # for SSRFFilter, which checks how the request reached the host
                **{
                    key: request.meta[key]
                    for key in ("depth", "redirect_urls")
                    if key in request.meta
                },
            },
            callback=NO_CALLBACK,
        )
        assert self.crawler.engine  # noqa: S101 - it is running
        try:
            response = await self.crawler.engine.download_async(robots_request)
        except DOWNLOAD_ERRORS as error:
            # the host itself is private, not a host that it redirects to
            is_host_private = isinstance(error, PrivateAddress) and error.host == parts.hostname
            if is_host_private or isinstance(error, RequestDeferred | CrawlStopped):
                raise
            return await self.handle_unreachable(request, describe_download_error(error))
        if response.status >= 500 or response.status == 429:
            return await self.handle_unreachable(request, f"answered {response.status}")
        if response.status >= 400:
            self.store_robots_state(parts.netloc, "absent")
            return None
        text = _truncate_robots(response.body)
        self.store_robots_state(parts.netloc, "allowed", text.decode("utf-8", "replace"))
        return await self.parse_rules(text, request)

    async def parse_rules(self, text: bytes, request: Request) -> RobotParser:
        """Parse a robots.txt, and return its rules.

        Sends the signal robots_parsed, for CrawlDelayExtension.
        """
        settings = self.crawler.settings
        rules = normalise_agent_lines(
            text, settings["ROBOTSTXT_USER_AGENT"] or settings["USER_AGENT"]
        )
        parser = ProtegoRobotParser.from_crawler(self.crawler, rules)
        await self.crawler.signals.send_catch_log_async(
            signal=signals.robots_parsed, robotparser=parser, request=request
        )
        return parser

    def store_robots_state(self, netloc: str, state: str, text: str | None = None) -> None:
        if self.archive:
            with self.archive.transaction():
                self.archive.hosts.store_robots(netloc, state, now(), text)

    async def handle_unreachable(self, request: Request, problem: str) -> RobotParser | None:
        """Raise RobotsUnreachable, or return rules once ROBOTS_UNREACHABLE_DAYS have passed.

        The returned rules are those that were last read. If none were ever read, None is returned.
        """
        netloc, failed_at = urlparse_cached(request).netloc, now()
        message = f"robots.txt of {netloc} cannot be read: {problem}"
        if self.archive is None:
            raise RobotsUnreachable(message)
        with self.archive.transaction():
            since, text = self.archive.hosts.mark_robots_unreachable(netloc, failed_at)
        if failed_at - since < self.max_unreachable:
            raise RobotsUnreachable(f"{message} (since {to_iso(since)})")
        rules = (
            "the rules that were read last apply"
            if text
            else "no rules apply, because none were ever read"
        )
        logger.warning("%s for %d days: %s", message, (failed_at - since).days, rules)
        return await self.parse_rules(text.encode(), request) if text else None


def _truncate_robots(text: bytes) -> bytes:
    """Return the first MAX_ROBOTS_BYTES of a robots.txt, up to the end of a line.

    >>> _truncate_robots(b"User-agent: *")
    b'User-agent: *'
    >>> len(_truncate_robots(b"Disallow: /a\\n" * 100_000)) <= MAX_ROBOTS_BYTES
    True
    """
    return (
        text
        if len(text) <= MAX_ROBOTS_BYTES
        else text[: text.rfind(b"\n", 0, MAX_ROBOTS_BYTES) + 1]
    )


def normalise_agent_lines(text: bytes, own_agent: str) -> bytes:
    """Reduce the User-agent lines of a robots.txt to whole product tokens (RFC 9309, 2.2.1).

    Scrapy's parser applies a robot's rules to us if the robot's name occurs in our own name. A
    slash is therefore appended to the names of other robots, so that they do not match.

    >>> text = b"User-Agent: skogsbot/1.0 (+https://a.example)\\nuser-agent: Skog # kort"
    >>> normalise_agent_lines(text, "Skogsbot/2")
    b'User-agent: Skogsbot\\nUser-agent: Skog/'
    >>> normalise_agent_lines(b"user-agent:*\\r\\nuseragent skogsbot*\\r\\nAllow: /", "Skogsbot")
    b'User-agent: *\\nUser-agent: Skogsbot\\nAllow: /'
    """
    own, lines = _parse_product_token(own_agent), text.decode("utf-8-sig", "ignore").splitlines()
    for number, line in enumerate(lines):
        if match := USER_AGENT_LINE.match(line):
            agent = match[1].partition("#")[0].strip()
            token = _parse_product_token(agent)
            name = (
                "*"
                if agent == "*"
                else own
                if token.lower() == own.lower()
                else f"{token}/"
                if token
                else ""
            )
            lines[number] = f"User-agent: {name}"
    return "\n".join(lines).encode()


def _parse_product_token(agent: str) -> str:
    # always matches, possibly an empty text
    return PRODUCT_TOKEN.match(agent.strip().lstrip("*"))[0]  # type: ignore[index]
