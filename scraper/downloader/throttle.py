"""Limits beyond Scrapy's settings: the Crawl-delay of robots.txt, and requests per agency and day.

DAILY_BUDGET limits an agency's requests per day (UTC), for news and revisit crawls together.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Self

from scrapy import Request, Spider, signals
from scrapy.core.downloader import Slot
from scrapy.crawler import Crawler
from scrapy.robotstxt import RobotParser

from archive.dates import now
from scraper.downloader.errors import DailyBudgetExceeded

if TYPE_CHECKING:
    from archive.store import Archive


class HostSlotMiddleware:
    """Queues each request under its own host. Scrapy leaves redirects in the queue of the first host."""

    def process_request(self, request: Request) -> None:
        request.meta.pop("download_slot", None)


class CrawlDelayExtension:
    """Applies the Crawl-delay of robots.txt as a minimum to the delay that AutoThrottle computes."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.max_delay = crawler.settings.getfloat("CRAWL_DELAY_MAX")
        self.min_delays: dict[str, float] = {}  # slot key (host) → seconds

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.robots_parsed, signals.robots_parsed)
        crawler.signals.connect(extension.apply_delay, signals.response_downloaded)
        return extension

    def robots_parsed(self, robotparser: RobotParser, request: Request) -> None:
        """Store the host's Crawl-delay; `request` is the one that caused robots.txt to be fetched."""
        delay = robotparser.crawl_delay(self.crawler.settings["ROBOTSTXT_USER_AGENT"])
        if delay and self.crawler.engine:
            key = get_slot_key(self.crawler, request)
            self.min_delays[key] = max(self.min_delays.get(key, 0.0), min(delay, self.max_delay))
            self.apply_delay(request)

    def apply_delay(self, request: Request) -> None:
        if slot := find_download_slot(self.crawler, request):
            slot.delay = max(slot.delay, self.min_delays.get(get_slot_key(self.crawler, request), 0.0))


class DailyBudgetMiddleware:
    """Rejects requests beyond an agency's daily budget; their URLs stay due."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.max_requests = crawler.settings.getint("DAILY_BUDGET")
        self.earlier_requests: dict[str, int] = {}  # per agency: sent by earlier crawls of this day

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        middleware = cls(crawler)
        crawler.signals.connect(middleware.spider_opened, signals.spider_opened)
        return middleware

    def spider_opened(self, spider: Spider) -> None:
        archive: Archive | None = getattr(spider, "archive", None)  # a probe has no archive
        if archive:
            day, slugs = now().date().isoformat(), getattr(spider, "agency_stats", {})
            self.earlier_requests = {slug: count_daily_requests(archive, slug, day) for slug in slugs}

    def process_request(self, request: Request) -> None:
        slug = request.meta.get("agency", "")
        stats = getattr(self.crawler.spider, "agency_stats", {}).get(slug)
        if stats and self.earlier_requests.get(slug, 0) + stats.requests >= self.max_requests:
            raise DailyBudgetExceeded(f"the {self.max_requests} requests of this day are used up (DAILY_BUDGET)")


def count_daily_requests(archive: Archive, slug: str, day: str, spider: str | None = None) -> int:
    """Return the number of requests that an agency got on a day, from all spiders or from one.

    A crawl that was killed has no total, so the number of pages read on that day is used as a minimum: all in the
    frontier or, for one spider, the stored releases that were checked. Times after the day (a wrong clock) are ignored.
    """
    fetched = "select count(*) from frontier where agency = :slug and fetched >= :day and fetched < :next"
    if spider:
        fetched = (
            "select count(*) from releases where agency = :slug and last_checked >= :day and last_checked < :next"
            " and first_seen < :day"
        )
    next_day = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    ((request_count, fetched_count),) = archive.db.execute(
        "select (select coalesce(sum(requests), 0) from crawls where agency = :slug and started >= :day"
        f" and started < :next and spider = coalesce(:spider, spider)), ({fetched})",
        {"slug": slug, "day": day, "next": next_day, "spider": spider},
    )
    return int(max(request_count, fetched_count))


def get_slot_key(crawler: Crawler, request: Request) -> str:
    """Return the key of a request's downloader slot (its host), or "" if the engine is not running."""
    return crawler.engine.downloader.get_slot_key(request) if crawler.engine else ""


def find_download_slot(crawler: Crawler, request: Request) -> Slot | None:
    """Return the downloader's slot for a request's host, or None if there is none yet."""
    return crawler.engine.downloader.slots.get(get_slot_key(crawler, request)) if crawler.engine else None
