"""Leaves a host in peace that asks for it or does not answer: for the rest of the crawl, and longer at every crawl.

A host is paused when several of its addresses in a row gave no answer, or 429 or 503; when it asks by Retry-After
for more than RETRY_AFTER_MAX; and when a whole crawl got no answer from it. The pause is written to the hosts table
and holds for later crawls: BACK_OFF_FIRST seconds, doubled up to BACK_OFF_MAX until the host answers again. While
nothing at all has answered in a crawl, the fault may be our own network's: a pause then ends with the crawl.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
from scrapy.http import Response

from archive.hosts import Pause
from archive.times import now, to_text
from scraper.middlewares import parse_retry_after
from scraper.unasked import HostPaused

if TYPE_CHECKING:
    from scraper.spiders.reading import ReadingSpider

logger = logging.getLogger(__name__)

STRAINED = (429, 503)  # a server that says it has too much to do
UNANSWERED = (
    *(CannotResolveHostError, DownloadConnectionRefusedError, DownloadTimeoutError, DownloadFailedError),
    *(ResponseDataLossError, OSError),
)


class BackOff:
    """Counts what a host did not answer, and keeps requests back while it is paused."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        settings = crawler.settings
        self.limit = settings.getint("BACK_OFF_AFTER")
        self.first = timedelta(seconds=settings.getfloat("BACK_OFF_FIRST"))
        self.longest = timedelta(seconds=settings.getfloat("BACK_OFF_MAX"))
        self.waited = settings.getfloat("RETRY_AFTER_MAX")  # a shorter wait is kept within the crawl
        self.paused: dict[str, Pause] = {}
        self.silent: defaultdict[str, set[str]] = defaultdict(set)  # addresses without an answer since the last one
        self.reasons: dict[str, str] = {}  # the last of them
        self.answered: set[str] = set()  # hosts, since their last pause
        self.online = False  # whether anything answered in this crawl
        self.unwritten: dict[str, str] = {}  # host → why it is paused, while nothing has answered

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        middleware = cls(crawler)
        crawler.signals.connect(middleware.spider_opened, signals.spider_opened)
        crawler.signals.connect(middleware.spider_closed, signals.spider_closed)
        crawler.signals.connect(middleware.answer, signals.response_downloaded)
        return middleware

    @property
    def spider(self) -> ReadingSpider | None:
        """The spider whose archive remembers; a probe has none."""
        spider = self.crawler.spider
        return spider if hasattr(spider, "archive") else None  # type: ignore[return-value] # told by the archive

    def spider_opened(self) -> None:
        """Remember what earlier crawls found."""
        if self.spider:
            self.paused = self.spider.archive.hosts.pauses(now())

    def process_request(self, request: Request) -> None:
        """HostPaused where the host is left in peace."""
        if pause := self.paused.get(host_of(request.url)):
            if pause.host in self.unwritten or datetime.fromisoformat(pause.until) > now():
                raise HostPaused(f"{pause.host} is left in peace until {pause.until}: {pause.reason}")
            del self.paused[pause.host]

    def answer(self, response: Response, request: Request) -> None:
        """Any answer ends a silence, except one that says there is too much to do."""
        host = host_of(request.url)
        self.went_online()
        if response.status not in STRAINED:
            self.answered.add(host)
            if self.silent:
                self.silent.pop(host, None)
            return
        asked = response.headers.get("Retry-After")
        seconds = parse_retry_after(asked.decode("latin-1"), datetime.now(UTC)) if asked else None
        if seconds and seconds > self.waited:
            reason = f"answered {response.status} and asked to wait {seconds:.0f} s"
            self.pause(host, reason, asked=timedelta(seconds=min(seconds, self.longest.total_seconds())))
        else:
            self.strain(request, f"answered {response.status}")

    def process_exception(self, request: Request, exception: Exception) -> None:
        """A request that got no answer."""
        if isinstance(exception, UNANSWERED):
            self.strain(request, type(exception).__name__)

    def strain(self, request: Request, reason: str) -> None:
        """Count an address once; several in a row pause the host."""
        host = host_of(request.url)
        self.silent[host].add(request.url)
        self.reasons[host] = reason
        if len(self.silent[host]) >= self.limit:
            self.pause(host, f"{len(self.silent[host])} addresses in a row gave no answer, the last: {reason}")

    def pause(self, host: str, reason: str, *, asked: timedelta | None = None) -> None:
        """Leave a host in peace from now on, and remember it."""
        if not self.spider or host in self.paused:
            return
        if not self.online:
            self.unwritten[host] = reason
            self.paused[host] = Pause(host=host, until=to_text(now() + self.first) or "", reason=reason)
            logger.warning("%s is left in peace in this crawl, in which nothing has answered yet: %s", host, reason)
            return
        archive = self.spider.archive
        with archive.transaction():
            if host in self.answered:  # since its last pause: this one is a first one
                archive.hosts.relieve(host)
            pause = archive.hosts.pause(host, now(), reason, first=self.first, longest=self.longest, asked=asked)
        self.answered.discard(host)
        self.paused[host] = pause
        logger.warning("%s is left in peace until %s: %s", host, pause.until, reason)

    def went_online(self) -> None:
        """Something has answered, so that it is not our own network that is down: pauses so far were right."""
        self.online = True
        while self.unwritten:
            host, reason = self.unwritten.popitem()
            del self.paused[host]
            self.pause(host, reason)

    def spider_closed(self) -> None:
        """What answered is relieved; what never did in this crawl is paused, unless nothing did."""
        if not self.spider:
            return
        if not self.online:
            if self.silent:
                logger.error("nothing answered in this crawl: is our own network down? No host is left in peace for it")
            return
        try:
            with self.spider.archive.transaction():
                for host in self.answered - self.paused.keys():
                    self.spider.archive.hosts.relieve(host)
            for host in self.silent.keys() - self.answered:
                self.pause(host, f"gave no answer in a whole crawl, the last: {self.reasons[host]}")
        except sqlite3.OperationalError as error:  # a full disk: this crawl is not remembered
            logger.critical("which hosts answered cannot be written: %s", error)


def host_of(url: str) -> str:
    """The host of an address, with its port where it names one."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()
