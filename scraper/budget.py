"""How many requests an agency gets in a day (UTC), news and revisits together: setting DAILY_BUDGET."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler

from archive.times import now, to_text
from scraper.errors import AgencyError
from scraper.unasked import BudgetSpent

if TYPE_CHECKING:
    from archive.store import Archive
    from scraper.spiders.reading import ReadingSpider


class Budget:
    """Keeps back what goes beyond a day's requests; what was found stays due."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        told = str(crawler.settings["DAILY_BUDGET"])
        if not told.isdecimal():
            raise AgencyError("settings", None, "DAILY_BUDGET", f"{told!r} is no number of requests")
        self.budget = int(told)
        self.spent: dict[str, int] = {}  # per agency: by earlier crawls of this day

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        middleware = cls(crawler)
        crawler.signals.connect(middleware.spider_opened, signals.spider_opened)
        return middleware

    def spider_opened(self, spider: ReadingSpider) -> None:
        """Count what this day's earlier crawls have asked."""
        day = (to_text(now()) or "")[:10]
        self.spent = {slug: count_requests(spider.archive, slug, day) for slug in getattr(spider, "tallies", {})}

    def process_request(self, request: Request) -> None:
        """BudgetSpent where the day's requests are used up."""
        slug = request.meta.get("agency", "")
        tally = getattr(self.crawler.spider, "tallies", {}).get(slug)
        if tally and self.spent.get(slug, 0) + tally.requests >= self.budget:
            raise BudgetSpent(f"the {self.budget} requests of this day are used up (DAILY_BUDGET)")


def count_requests(archive: Archive, slug: str, day: str) -> int:
    """Requests an agency had on a day; by what was read, where a crawl was killed before it could tell."""
    ((told, seen),) = archive.db.execute(
        "select (select coalesce(sum(requests), 0) from crawls where agency = :slug and started >= :day),"
        " (select count(*) from frontier where agency = :slug and fetched >= :day)",
        {"slug": slug, "day": day},
    )
    return int(max(told, seen))
