"""Politeness that Scrapy leaves out: Retry-After and Crawl-delay."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Self

from scrapy import Request, signals
from scrapy.core.downloader import Slot
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.robotstxt import RobotParser

logger = logging.getLogger(__name__)


class OwnSlot:
    """Sends each request in its own host's queue: Scrapy lets a redirect to another host stay in the first one's."""

    def process_request(self, request: Request) -> None:
        """Forget the queue that a redirected or retried request was in; the downloader finds it anew."""
        request.meta.pop("download_slot", None)


class RetryAfter:
    """Holds every request to a host back for as long as its 429 or 503 asks (RFC 9110, 10.2.3)."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.longest = crawler.settings.getfloat("RETRY_AFTER_MAX")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.wait, signals.response_downloaded)
        return extension

    def wait(self, response: Response, request: Request) -> None:
        """Push the host's next request into the future, before the downloader looks at its queue again."""
        value = response.headers.get("Retry-After")
        if response.status not in (429, 503) or not value:
            return
        seconds = parse_retry_after(value.decode("latin-1"), datetime.now(UTC))
        slot = find_slot(self.crawler, request)
        if seconds is not None and slot:
            seconds = min(seconds, self.longest)
            slot.delay = max(slot.delay, 0.01)  # the downloader looks at lastseen only where there is a delay
            slot.lastseen = max(slot.lastseen, monotonic() + seconds - slot.delay)
            logger.info("%s asks to wait %.0f s", response.url, seconds)


class CrawlDelay:
    """Keeps robots.txt's Crawl-delay: the host's delay never falls below it, whatever AutoThrottle finds."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.longest = crawler.settings.getfloat("CRAWL_DELAY_MAX")
        self.agent = crawler.settings["ROBOTSTXT_USER_AGENT"]
        self.floors: dict[str, float] = {}  # slot key (host) → seconds

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.robots_parsed, signals.robots_parsed)
        crawler.signals.connect(extension.keep, signals.response_downloaded)
        return extension

    def robots_parsed(self, robotparser: RobotParser, request: Request) -> None:
        """Remember the host's Crawl-delay; `request` is the one that made Scrapy ask for robots.txt."""
        delay = robotparser.rp.crawl_delay(self.agent)  # type: ignore[attr-defined] # Protego, the default parser
        if delay and self.crawler.engine:
            key = self.crawler.engine.downloader.get_slot_key(request)
            self.floors[key] = max(self.floors.get(key, 0.0), min(float(delay), self.longest))
            self.keep(request)

    def keep(self, request: Request) -> None:
        """Lengthen the host's delay to its Crawl-delay."""
        slot = find_slot(self.crawler, request)
        if slot and self.crawler.engine:
            floor = self.floors.get(self.crawler.engine.downloader.get_slot_key(request), 0.0)
            slot.delay = max(slot.delay, floor)


def find_slot(crawler: Crawler, request: Request) -> Slot | None:
    """The downloader's slot of a request's host, if there is one yet."""
    if not crawler.engine:
        return None
    downloader = crawler.engine.downloader
    return downloader.slots.get(downloader.get_slot_key(request))


def parse_retry_after(text: str, now: datetime) -> float | None:
    """Seconds to wait: a number of seconds or an HTTP date; None where it is neither.

    >>> parse_retry_after("120", datetime(2024, 1, 1, tzinfo=UTC))
    120.0
    >>> parse_retry_after("Mon, 01 Jan 2024 00:01:00 GMT", datetime(2024, 1, 1, tzinfo=UTC))
    60.0
    >>> parse_retry_after("soon", datetime(2024, 1, 1, tzinfo=UTC)) is None
    True
    """
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
