"""`scrapy crawl revisit`: checks stored releases for edits, moves and removals."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Iterable
from typing import Any, Self

from scrapy.crawler import Crawler

from archive.database.frontier import FrontierEntry
from archive.times import now
from scraper.crawl.round_locks import warn_about_unlisted
from scraper.downloader.limits import count_daily_requests
from scraper.ingest import is_other_address
from scraper.spiders.attachments import AttachmentSpider

logger = logging.getLogger(__name__)

# failed releases in a row after which the agency's site counts as down
MAX_CONSECUTIVE_FAILURES = 5


class RevisitSpider(AttachmentSpider):
    """Check stored releases for edits, moves and removals.

    The setting `REVISIT_AGES` decides how often a release is checked, depending on its age.
    `REVISIT_BUDGET` limits the requests per agency and day. Requests are conditional if the server
    sent validators (ETag or Last-Modified).
    """

    name = "revisit"

    def __init__(self, agency: str = "", **arguments: Any) -> None:
        super().__init__(agency, **arguments)
        # agency → URLs still to be requested
        self.queued_urls: defaultdict[str, deque[str]] = defaultdict(deque)
        # URL of a release → its other addresses, which are requested after it
        self.waiting_urls: dict[str, list[str]] = {}
        self.known_urls: dict[str, set[str]] = {}  # agency → all URLs that have been queued
        self.budgets: dict[
            str, int
        ] = {}  # agency → number of URLs that may be queued in this crawl
        self.seen_failures: Counter[str] = Counter()  # agency → number of failed requests so far
        # agency → number of failed requests in a row
        self.consecutive_failures: Counter[str] = Counter()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        if not spider.selected_slugs:
            warn_about_unlisted(spider.archive, spider.agencies)
        return spider

    async def start(self) -> AsyncIterator[Any]:
        today, max_requests = now().date().isoformat(), self.settings.getint("REVISIT_BUDGET")
        for slug in self.agencies:
            sent = count_daily_requests(self.archive, slug, today, self.name)
            self.budgets[slug] = max(0, max_requests - sent)
            self.known_urls[slug] = set()
            if not self.queue_due(slug):
                logger.info(
                    "%s: more releases are due than the %d requests left in today's budget",
                    slug,
                    self.budgets[slug],
                )
            for request in self.next_requests(slug):
                yield request

    def queue_due(self, slug: str) -> bool:
        """Queue the due releases of an agency that this crawl has not yet queued.

        Returns False if the budget does not suffice for all of them.
        """
        known = self.known_urls[slug]
        limit = max(0, self.budgets[slug] - len(known))
        longest = self.recorder.schedule.longest_interval
        due = self.archive.frontier.list_stale(slug, now(), len(known) + limit + 1, longest)
        is_complete = True
        for url in due:
            if url in known:
                continue
            group = [url, *self.list_other_addresses(url)][: self.budgets[slug]]
            if not group or len(known) + len(group) > self.budgets[slug]:
                is_complete = False
                break
            self.queued_urls[slug].append(url)
            self.waiting_urls[url] = group[1:]
            known.update(group)
        self.agency_stats[slug].listed = len(known)
        return is_complete

    def list_other_addresses(self, url: str) -> list[str]:
        """Return the other addresses of a stored release.

        They are on the agency's own site or at a press wire.
        """
        release_id = self.archive.find_release_id(url)
        others = self.archive.frontier.list_other_urls(url, now())
        return [other for other in others if is_other_address(self.archive, other, release_id)]

    def continue_if_due(self) -> None:
        """Queue pages that became due during the crawl.

        A page becomes due during a crawl if a missing page is to be compared with it
        (archive/database/removals.py).
        """
        for slug, known in self.known_urls.items():
            if known:
                self.queue_due(slug)
        super().continue_if_due()

    def next_rows(self, slug: str, limit: int) -> Iterable[FrontierEntry]:
        """Return the rows of the next queued releases.

        Stored releases that were never requested, such as imported ones, are first added to the
        frontier.
        """
        queue, frontier = self.queued_urls[slug], self.archive.frontier
        for url in self.take_urls(slug, queue, limit):
            row = frontier.get(url)
            if row is None or row.release_id is None:
                release_id = self.archive.find_release_id(url)
                if release_id is not None:
                    with self.archive.transaction():
                        frontier.add(url, agency=slug, role="release", seen_at=now())
                        frontier.mark_stored(url, release_id, now())
                row = frontier.get(url)
            if row:
                yield row

    def finish_release(self, slug: str, url: str) -> None:
        """Continue with the next release.

        If the site seems to be down, leave the remaining releases for a later crawl.
        """
        has_failed, queue = (
            self.failed_requests[slug] > self.seen_failures[slug],
            self.queued_urls[slug],
        )
        # directly after it, so that an edit at both addresses counts as one edit
        queue.extendleft(self.waiting_urls.pop(url, ()))
        self.consecutive_failures[slug] = self.consecutive_failures[slug] + 1 if has_failed else 0
        self.seen_failures[slug] = self.failed_requests[slug]
        if self.consecutive_failures[slug] >= MAX_CONSECUTIVE_FAILURES and queue:
            logger.warning(
                "%s: seems to be down; %d releases are left for a later crawl", slug, len(queue)
            )
            queue.clear()
            self.budgets[slug] = 0
        super().finish_release(slug, url)
