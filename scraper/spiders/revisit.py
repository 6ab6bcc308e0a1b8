"""The revisit spider: looks at held releases again, to see what was changed, moved or removed since."""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable
from typing import Any, Self

from scrapy.crawler import Crawler

from archive.dates import now, to_iso
from archive.frontier import FrontierEntry
from scraper.errors import AgencyError
from scraper.locks import warn_about_unlisted
from scraper.spiders.base import ReleaseSpider

logger = logging.getLogger(__name__)

MAX_CONSECUTIVE_FAILURES = 5  # failures in a row after which an agency's site is taken to be down and left in peace


class RevisitSpider(ReleaseSpider):
    """scrapy crawl revisit [-a agency=slug[,slug]].

    What is due goes by age (setting REVISIT_AGES), how much of it is asked for by REVISIT_BUDGET, requests an
    agency and day. Requests are conditional where the server gave validators.
    """

    name = "revisit"
    max_requests: int  # requests an agency and day

    def __init__(self, agency: str = "", **arguments: Any) -> None:
        super().__init__(agency, **arguments)
        self.queued_urls: dict[str, deque[str]] = {}  # per agency: addresses still to be asked for
        self.seen_failures: Counter[str] = Counter()  # per agency: unanswered so far
        self.consecutive_failures: Counter[str] = Counter()  # per agency: in a row

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        budget = str(crawler.settings["REVISIT_BUDGET"])
        if not budget.isdecimal():
            raise AgencyError("settings", None, "REVISIT_BUDGET", f"{budget!r} is no number of requests")
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.max_requests = int(budget)
        if not spider.selected_slugs:
            warn_about_unlisted(spider.archive, spider.agencies)
        return spider

    async def start(self) -> AsyncIterator[Any]:
        for slug in self.agencies:
            budget = max(0, self.max_requests - self.count_daily_revisits(slug))
            due = self.archive.frontier.list_stale(slug, now(), budget + 1)
            if len(due) > budget:
                logger.info("%s: more is due than the %d requests left of today's budget", slug, budget)
            self.queued_urls[slug] = deque(due[:budget])
            self.agency_stats[slug].listed = len(self.queued_urls[slug])
            for request in self.next_requests(slug):
                yield request

    def count_daily_revisits(self, slug: str) -> int:
        """Requests of this kind that the agency had today (UTC) already; by what was seen where a crawl was killed."""
        day = (to_iso(now()) or "")[:10]
        ((told, seen),) = self.archive.db.execute(
            "select (select coalesce(sum(requests), 0) from crawls where agency = :slug and spider = :spider"
            " and started >= :day), (select count(*) from releases where agency = :slug and last_checked >= :day"
            " and first_seen < :day)",
            {"slug": slug, "spider": self.name, "day": day},
        )
        return int(max(told, seen))

    def next_rows(self, slug: str, limit: int) -> Iterable[FrontierEntry]:
        """The next in line; an address that was never asked for, such as an imported one, is remembered first."""
        waiting = self.queued_urls.get(slug, deque())
        for _ in range(min(limit, len(waiting))):
            url = waiting.popleft()
            row = self.archive.frontier.get(url)
            if row is None or row.release is None:
                self.store_release_url(url, slug)
                row = self.archive.frontier.get(url)
            if row:
                yield row

    def store_release_url(self, url: str, slug: str) -> None:
        """Let the frontier know which release an address holds."""
        key = self.archive.find_release_id(url)
        if key is not None:
            with self.archive.transaction():
                self.archive.frontier.add(url, agency=slug, role="release", seen_at=now())
                self.archive.frontier.mark_stored(url, key, now())

    def finish_release(self, slug: str, url: str) -> None:
        """A release's request has come to its end; a site that goes on giving no answer is left in peace."""
        errors, waiting = self.failed_requests[slug], self.queued_urls[slug]
        self.consecutive_failures[slug] = (
            self.consecutive_failures[slug] + 1 if errors > self.seen_failures[slug] else 0
        )
        self.seen_failures[slug] = errors
        if self.consecutive_failures[slug] >= MAX_CONSECUTIVE_FAILURES and waiting:
            logger.warning("%s: seems to be down; %d releases are left for a later crawl", slug, len(waiting))
            waiting.clear()
        super().finish_release(slug, url)
