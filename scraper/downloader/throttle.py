"""Crawl-delay, Retry-After, back-off, daily budget.

Politeness that Scrapy leaves out: Retry-After and Crawl-delay.

Leaves a host in peace that asks for it or does not answer: for the rest of the crawl, and longer at every crawl.

A host is paused when several of its addresses in a row gave no answer, or 429 or 503; when it asks by Retry-After
for more than RETRY_AFTER_MAX; and when a whole crawl got no answer from it. The pause is written to the hosts table
and holds for later crawls: BACK_OFF_FIRST seconds, doubled up to BACK_OFF_MAX until the host answers again. While
nothing at all has answered in a crawl, the fault may be our own network's: a pause then ends with the crawl.

How many requests an agency gets in a day (UTC), news and revisits together: setting DAILY_BUDGET.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.core.downloader import Slot
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    ResponseDataLossError,
)
from scrapy.http import Response
from scrapy.robotstxt import RobotParser

from archive.dates import now, to_iso
from archive.frontier import HostPause
from scraper.downloader.errors import DailyBudgetExceeded, HostPaused
from scraper.errors import AgencyError

if TYPE_CHECKING:
    from archive.store import Archive
    from scraper.spiders.base import ReleaseSpider


logger = logging.getLogger(__name__)


class HostSlotMiddleware:
    """Sends each request in its own host's queue: Scrapy lets a redirect to another host stay in the first one's."""

    def process_request(self, request: Request) -> None:
        """Forget the queue that a redirected or retried request was in; the downloader finds it anew."""
        request.meta.pop("download_slot", None)


class RetryAfterExtension:
    """Holds every request to a host back for as long as its 429 or 503 asks (RFC 9110, 10.2.3)."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.max_wait = crawler.settings.getfloat("RETRY_AFTER_MAX")

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.delay_host, signals.response_downloaded)
        return extension

    def delay_host(self, response: Response, request: Request) -> None:
        """Push the host's next request into the future, before the downloader looks at its queue again."""
        value = response.headers.get("Retry-After")
        if response.status not in (429, 503) or not value:
            return
        seconds = parse_retry_after(value.decode("latin-1"), datetime.now(UTC))
        slot = find_download_slot(self.crawler, request)
        if seconds is not None and slot:
            seconds = min(seconds, self.max_wait)
            slot.delay = max(slot.delay, 0.01)  # the downloader looks at lastseen only where there is a delay
            slot.lastseen = max(slot.lastseen, monotonic() + seconds - slot.delay)
            logger.info("%s asks to wait %.0f s", response.url, seconds)


class CrawlDelayExtension:
    """Keeps robots.txt's Crawl-delay: the host's delay never falls below it, whatever AutoThrottle finds."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.max_delay = crawler.settings.getfloat("CRAWL_DELAY_MAX")
        self.robots_agent = crawler.settings["ROBOTSTXT_USER_AGENT"]
        self.min_delays: dict[str, float] = {}  # slot key (host) → seconds

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.robots_parsed, signals.robots_parsed)
        crawler.signals.connect(extension.apply_delay, signals.response_downloaded)
        return extension

    def robots_parsed(self, robotparser: RobotParser, request: Request) -> None:
        """Remember the host's Crawl-delay; `request` is the one that made Scrapy ask for robots.txt."""
        delay = robotparser.rp.crawl_delay(self.robots_agent)  # type: ignore[attr-defined] # Protego, the default parser
        if delay and self.crawler.engine:
            key = self.crawler.engine.downloader.get_slot_key(request)
            self.min_delays[key] = max(self.min_delays.get(key, 0.0), min(float(delay), self.max_delay))
            self.apply_delay(request)

    def apply_delay(self, request: Request) -> None:
        """Lengthen the host's delay to its Crawl-delay."""
        slot = find_download_slot(self.crawler, request)
        if slot and self.crawler.engine:
            floor = self.min_delays.get(self.crawler.engine.downloader.get_slot_key(request), 0.0)
            slot.delay = max(slot.delay, floor)


def find_download_slot(crawler: Crawler, request: Request) -> Slot | None:
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


OVERLOAD_STATUSES = (429, 503)  # a server that says it has too much to do
NO_RESPONSE_ERRORS = (
    *(CannotResolveHostError, DownloadConnectionRefusedError, DownloadTimeoutError, DownloadFailedError),
    *(ResponseDataLossError, OSError),
)


class BackOffMiddleware:
    """Counts what a host did not answer, and keeps requests back while it is paused."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        settings = crawler.settings
        self.max_failures = settings.getint("BACK_OFF_AFTER")
        self.first_pause = timedelta(seconds=settings.getfloat("BACK_OFF_FIRST"))
        self.max_pause = timedelta(seconds=settings.getfloat("BACK_OFF_MAX"))
        self.max_retry_after = settings.getfloat("RETRY_AFTER_MAX")  # a shorter wait is kept within the crawl
        self.pauses: dict[str, HostPause] = {}
        self.unanswered_urls: defaultdict[str, set[str]] = defaultdict(
            set
        )  # addresses without an answer since the last one
        self.failure_reasons: dict[str, str] = {}  # the last of them
        self.answered_hosts: set[str] = set()  # hosts, since their last pause
        self.is_online = False  # whether anything answered in this crawl
        self.unsaved_pauses: dict[str, str] = {}  # host → why it is paused, while nothing has answered

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        middleware = cls(crawler)
        crawler.signals.connect(middleware.spider_opened, signals.spider_opened)
        crawler.signals.connect(middleware.spider_closed, signals.spider_closed)
        crawler.signals.connect(middleware.record_response, signals.response_downloaded)
        return middleware

    @property
    def spider(self) -> ReleaseSpider | None:
        """The spider whose archive remembers; a probe has none."""
        spider = self.crawler.spider
        return spider if hasattr(spider, "archive") else None  # type: ignore[return-value] # told by the archive

    def spider_opened(self) -> None:
        """Remember what earlier crawls found."""
        if self.spider:
            self.pauses = self.spider.archive.hosts.list_pauses(now())

    def process_request(self, request: Request) -> None:
        """HostPaused where the host is left in peace."""
        if pause := self.pauses.get(parse_netloc(request.url)):
            if pause.host in self.unsaved_pauses or datetime.fromisoformat(pause.until) > now():
                raise HostPaused(f"{pause.host} is left in peace until {pause.until}: {pause.reason}")
            del self.pauses[pause.host]

    def record_response(self, response: Response, request: Request) -> None:
        """Any answer ends a silence, except one that says there is too much to do."""
        host = parse_netloc(request.url)
        self.mark_online()
        if response.status not in OVERLOAD_STATUSES:
            self.answered_hosts.add(host)
            if self.unanswered_urls:
                self.unanswered_urls.pop(host, None)
            return
        asked = response.headers.get("Retry-After")
        seconds = parse_retry_after(asked.decode("latin-1"), datetime.now(UTC)) if asked else None
        if seconds and seconds > self.max_retry_after:
            reason = f"answered {response.status} and asked to wait {seconds:.0f} s"
            self.pause_host(host, reason, retry_after=timedelta(seconds=min(seconds, self.max_pause.total_seconds())))
        else:
            self.record_failure(request, f"answered {response.status}")

    def process_exception(self, request: Request, exception: Exception) -> None:
        """A request that got no answer."""
        if isinstance(exception, NO_RESPONSE_ERRORS):
            self.record_failure(request, type(exception).__name__)

    def record_failure(self, request: Request, reason: str) -> None:
        """Count an address once; several in a row pause the host."""
        host = parse_netloc(request.url)
        self.unanswered_urls[host].add(request.url)
        self.failure_reasons[host] = reason
        if len(self.unanswered_urls[host]) >= self.max_failures:
            self.pause_host(
                host, f"{len(self.unanswered_urls[host])} addresses in a row gave no answer, the last: {reason}"
            )

    def pause_host(self, host: str, reason: str, *, retry_after: timedelta | None = None) -> None:
        """Leave a host in peace from now on, and remember it."""
        if not self.spider or host in self.pauses:
            return
        if not self.is_online:
            self.unsaved_pauses[host] = reason
            self.pauses[host] = HostPause(host=host, until=to_iso(now() + self.first_pause) or "", reason=reason)
            logger.warning("%s is left in peace in this crawl, in which nothing has answered yet: %s", host, reason)
            return
        archive = self.spider.archive
        with archive.transaction():
            if host in self.answered_hosts:  # since its last pause: this one is a first one
                archive.hosts.clear_pause(host)
            pause = archive.hosts.pause(
                host, now(), reason, first_wait=self.first_pause, max_wait=self.max_pause, requested_wait=retry_after
            )
        self.answered_hosts.discard(host)
        self.pauses[host] = pause
        logger.warning("%s is left in peace until %s: %s", host, pause.until, reason)

    def mark_online(self) -> None:
        """Something has answered, so that it is not our own network that is down: pauses so far were right."""
        self.is_online = True
        while self.unsaved_pauses:
            host, reason = self.unsaved_pauses.popitem()
            del self.pauses[host]
            self.pause_host(host, reason)

    def spider_closed(self) -> None:
        """What answered is relieved; what never did in this crawl is paused, unless nothing did."""
        if not self.spider:
            return
        if not self.is_online:
            if self.unanswered_urls:
                logger.error("nothing answered in this crawl: is our own network down? No host is left in peace for it")
            return
        try:
            with self.spider.archive.transaction():
                for host in self.answered_hosts - self.pauses.keys():
                    self.spider.archive.hosts.clear_pause(host)
            for host in self.unanswered_urls.keys() - self.answered_hosts:
                self.pause_host(host, f"gave no answer in a whole crawl, the last: {self.failure_reasons[host]}")
        except sqlite3.OperationalError as error:  # a full disk: this crawl is not remembered
            logger.critical("which hosts answered cannot be written: %s", error)


def parse_netloc(url: str) -> str:
    """The host of an address, with its port where it names one."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


class DailyBudgetMiddleware:
    """Keeps back what goes beyond a day's requests; what was found stays due."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        told = str(crawler.settings["DAILY_BUDGET"])
        if not told.isdecimal():
            raise AgencyError("settings", None, "DAILY_BUDGET", f"{told!r} is no number of requests")
        self.max_requests = int(told)
        self.earlier_requests: dict[str, int] = {}  # per agency: by earlier crawls of this day

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        middleware = cls(crawler)
        crawler.signals.connect(middleware.spider_opened, signals.spider_opened)
        return middleware

    def spider_opened(self, spider: ReleaseSpider) -> None:
        """Count what this day's earlier crawls have asked."""
        day = (to_iso(now()) or "")[:10]
        self.earlier_requests = {
            slug: count_daily_requests(spider.archive, slug, day) for slug in getattr(spider, "agency_stats", {})
        }

    def process_request(self, request: Request) -> None:
        """BudgetSpent where the day's requests are used up."""
        slug = request.meta.get("agency", "")
        tally = getattr(self.crawler.spider, "agency_stats", {}).get(slug)
        if tally and self.earlier_requests.get(slug, 0) + tally.requests >= self.max_requests:
            raise DailyBudgetExceeded(f"the {self.max_requests} requests of this day are used up (DAILY_BUDGET)")


def count_daily_requests(archive: Archive, slug: str, day: str) -> int:
    """Requests an agency had on a day; by what was read, where a crawl was killed before it could tell."""
    ((told, seen),) = archive.db.execute(
        "select (select coalesce(sum(requests), 0) from crawls where agency = :slug and started >= :day),"
        " (select count(*) from frontier where agency = :slug and fetched >= :day)",
        {"slug": slug, "day": day},
    )
    return int(max(told, seen))
