"""What a crawl leaves for a later one: paused agencies, hosts left in peace, spent budgets; all, on a full disk."""

from __future__ import annotations

import logging
import sqlite3
from collections import defaultdict
from typing import TYPE_CHECKING

from twisted.python.failure import Failure

from archive.frontier import Row
from archive.store import Archive
from archive.times import now
from scraper.agency import Agency
from scraper.faults import kind_of
from scraper.normalise.urls import host_of
from scraper.stopping import Stopped
from scraper.unasked import HostPaused, NotNow

if TYPE_CHECKING:
    from scrapy import Request

    from scraper.spiders.reading import ReadingSpider

logger = logging.getLogger(__name__)

LOOK = 500  # due releases looked at together for one whose host is not left in peace


class Patience:
    """Puts off an agency, or the whole crawl. What was found stays as the frontier has it."""

    def __init__(self, spider: ReadingSpider) -> None:
        self.spider = spider
        self.halted: set[str] = set()  # agencies that nothing more is asked of in this crawl
        self.resting: defaultdict[str, set[str]] = defaultdict(set)  # per agency: other hosts left in peace

    def is_over(self, slug: str) -> bool:
        """Whether nothing more is to be asked of an agency."""
        return slug in self.halted or self.spider.turn.is_over()

    def put_off(self, failure: Failure) -> bool:
        """Whether a request failed only because its agency's time is a later crawl; told once an agency.

        Another host than the agency's own that is left in peace keeps nothing back but what is to be read there.
        """
        if self.spider.turn.stopping or isinstance(failure.value, Stopped) or self.give_up(failure.value):
            return True
        if not isinstance(failure.value, NotNow) or self.is_elsewhere(failure):
            return False
        slug = failure.request.meta["agency"]  # type: ignore[attr-defined] # set by Scrapy
        if slug not in self.halted:
            self.halted.add(slug)
            problem, tally = (
                f"{slug}: {failure.value}; what is left goes on with a later crawl",
                self.spider.tallies[slug],
            )
            logger.warning("%s", problem)
            if isinstance(failure.value, HostPaused):
                tally.err(problem, kind_of(failure.value))
            else:
                tally.doubt(problem)
        return True

    def is_elsewhere(self, failure: Failure) -> bool:
        """Whether a request failed because a host is left in peace that is not its agency's own."""
        request: Request = failure.request  # type: ignore[attr-defined] # set by Scrapy
        home = self.spider.agencies[request.meta["agency"]].home
        return isinstance(failure.value, HostPaused) and host_of(request.url) != host_of(home)

    def put_aside(self, failure: Failure) -> bool:
        """Whether a release is left for a later crawl, with all that is to be read at its host; told once a host."""
        if not isinstance(failure.value, HostPaused):
            return False
        request: Request = failure.request  # type: ignore[attr-defined] # set by Scrapy
        row: Row = request.meta["row"]
        host = host_of(request.url)
        if host not in self.resting[row.agency]:
            self.resting[row.agency].add(host)
            problem = f"{row.url}: {failure.value}; what is to be read there goes on with a later crawl"
            logger.warning("%s", problem)
            self.spider.tallies[row.agency].err(problem, kind_of(failure.value))
        self.spider.stuck.add(row.url)
        self.spider.settle(row.agency, row.url)
        return True

    def choose(self, slug: str, number: int) -> list[Row]:
        """Up to `number` due releases of an agency, without those at hosts that are left in peace."""
        spider, resting = self.spider, self.resting[slug]
        while True:
            leave = frozenset(spider.asked[slug] | spider.stuck)
            rows = spider.archive.frontier.due(slug, now(), LOOK if resting and number > 0 else number, leave)
            away = {row.url for row in rows if host_of(row.url) in resting}
            spider.stuck |= away
            if len(rows) > len(away) or not away:
                return [row for row in rows if row.url not in away][:number]

    def give_up(self, error: BaseException | None) -> bool:
        """Whether the archive itself cannot be written: then the crawl ends, for nothing it reads could be kept."""
        problem = find_unwritable(error)
        if problem and not self.spider.turn.stopping:
            logger.critical("the archive cannot be written: %s", problem)
            self.spider.turn.stopping = True
            self.spider.archive.db.execute("pragma busy_timeout = 0")  # nothing waits for a lock any more
            if self.spider.crawler.engine:
                self.spider.crawler.engine.close_spider(self.spider, f"the archive cannot be written: {problem}")
        return problem is not None


def find_unwritable(error: BaseException | None) -> str | None:
    """What keeps the archive from being written, where that is why something failed: a full disk, a lock."""
    while error is not None:
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.IntegrityError):
            return str(error)
        error = error.__cause__
    return None


def leave_paused(archive: Archive, agencies: dict[str, Agency]) -> dict[str, Agency]:
    """The agencies that are not paused in the list; the others are told, and written down."""
    with archive.transaction():
        archive.hosts.mark_paused({slug: agency.paused for slug, agency in agencies.items()})
    for slug, agency in agencies.items():
        if agency.paused:
            logger.warning("%s is paused in the list of agencies and left out: %s", slug, agency.paused)
    return {slug: agency for slug, agency in agencies.items() if not agency.paused}
