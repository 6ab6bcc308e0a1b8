"""The revisit spider: looks at held releases again, to see what was changed, moved or removed since."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable
from typing import Any, Self

from scrapy.crawler import Crawler

from archive.dates import now, to_text
from archive.frontier import Row
from scraper.errors import AgencyError
from scraper.locks import tell_left_out
from scraper.spiders.base import ReadingSpider

logger = logging.getLogger(__name__)

DOWN = 5  # failures in a row after which an agency's site is taken to be down and left in peace


class RevisitSpider(ReadingSpider):
    """scrapy crawl revisit [-a agency=slug[,slug]].

    What is due goes by age (setting REVISIT_AGES), how much of it is asked for by REVISIT_BUDGET, requests an
    agency and day. Requests are conditional where the server gave validators.
    """

    name = "revisit"
    budget: int  # requests an agency and day

    def __init__(self, agency: str = "", **arguments: Any) -> None:
        super().__init__(agency, **arguments)
        self.waiting: dict[str, deque[str]] = {}  # per agency: addresses still to be asked for
        self.errors: Counter[str] = Counter()  # per agency: unanswered so far
        self.failures: Counter[str] = Counter()  # per agency: in a row

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        budget = str(crawler.settings["REVISIT_BUDGET"])
        if not budget.isdecimal():
            raise AgencyError("settings", None, "REVISIT_BUDGET", f"{budget!r} is no number of requests")
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.budget = int(budget)
        if not spider.wanted:
            tell_left_out(spider.archive, spider.agencies)
        return spider

    async def start(self) -> AsyncIterator[Any]:
        for slug in self.agencies:
            budget = max(0, self.budget - self.spent(slug))
            due = self.archive.frontier.stale(slug, now(), budget + 1)
            if len(due) > budget:
                logger.info("%s: more is due than the %d requests left of today's budget", slug, budget)
            self.waiting[slug] = deque(due[:budget])
            self.tallies[slug].listed = len(self.waiting[slug])
            for request in self.draw(slug):
                yield request

    def spent(self, slug: str) -> int:
        """Requests of this kind that the agency had today (UTC) already; by what was seen where a crawl was killed."""
        day = (to_text(now()) or "")[:10]
        ((told, seen),) = self.archive.db.execute(
            "select (select coalesce(sum(requests), 0) from crawls where agency = :slug and spider = :spider"
            " and started >= :day), (select count(*) from releases where agency = :slug and last_checked >= :day"
            " and first_seen < :day)",
            {"slug": slug, "spider": self.name, "day": day},
        )
        return int(max(told, seen))

    def next_rows(self, slug: str, number: int) -> Iterable[Row]:
        """The next in line; an address that was never asked for, such as an imported one, is remembered first."""
        waiting = self.waiting.get(slug, deque())
        for _ in range(min(number, len(waiting))):
            url = waiting.popleft()
            row = self.archive.frontier.get(url)
            if row is None or row.release is None:
                self.remember(url, slug)
                row = self.archive.frontier.get(url)
            if row:
                yield row

    def remember(self, url: str, slug: str) -> None:
        """Let the frontier know which release an address holds."""
        key = self.archive.release_id(url)
        if key is not None:
            with self.archive.transaction():
                self.archive.frontier.add(url, agency=slug, role="release", seen=now())
                self.archive.frontier.held(url, key, now())

    def settle(self, slug: str, url: str) -> None:
        """A release's request has come to its end; a site that goes on giving no answer is left in peace."""
        errors, waiting = self.unanswered[slug], self.waiting[slug]
        self.failures[slug] = self.failures[slug] + 1 if errors > self.errors[slug] else 0
        self.errors[slug] = errors
        if self.failures[slug] >= DOWN and waiting:
            logger.warning("%s: seems to be down; %d releases are left for a later crawl", slug, len(waiting))
            waiting.clear()
        super().settle(slug, url)
