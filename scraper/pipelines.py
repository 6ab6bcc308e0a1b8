"""From what was read to what is kept: ReleaseItem → Release → SQLite, one transaction a page."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Self, cast

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from archive.quarantine import Collapse
from archive.store import Outcome
from scraper.errors import PageError
from scraper.failures import kind_of
from scraper.ingest import Keeping, give_verdict
from scraper.items import Reading
from scraper.normalise import find_doubts
from scraper.quarantine import Suspicion, tell

if TYPE_CHECKING:
    from scraper.spiders.base import ReadingSpider

logger = logging.getLogger(__name__)


class ArchivePipeline:
    """Saves a reading and settles its address in the frontier, both or neither; what is suspicious, aside."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.suspicions: dict[str, Suspicion] = {}  # by agency
        self.aside: dict[str, set[str]] = {}  # by agency: the addresses whose reading this crawl put aside

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    @property
    def spider(self) -> ReadingSpider:
        """Whose agencies and counts these are."""
        return cast("ReadingSpider", self.crawler.spider)

    @cached_property
    def keeping(self) -> Keeping:
        """How readings are kept."""
        return Keeping(self.spider.archive, self.spider.witness, self.spider.agencies)

    def process_item(self, reading: Reading) -> Reading:
        """Keep one reading; a field that cannot be read refuses the page and is counted."""
        slug, answer = reading.item.agency or "", reading.answer
        tally = self.spider.tallies[slug]
        if slug not in self.suspicions:
            self.suspicions[slug] = Suspicion(self.spider.archive, self.spider.witness, slug)
        try:
            kept = self.keeping.keep(reading, self.suspicions[slug], crawl=tally.crawl)
        except PageError as error:
            self.spider.witness.unread(reading.visited, reading.held, answer.seen, str(error), refused=True)
            tally.refuse(str(error), kind_of(error))
            raise DropItem(str(error)) from error
        tally.count(kept.outcome)
        if kept.outcome is Outcome.AWAY:
            raise DropItem(f"{reading.visited}: something else stands there")
        tally.note(kept.release)
        if kept.outcome is Outcome.HELD_BACK:
            self.aside.setdefault(slug, set()).add(reading.visited)
            raise DropItem(f"{reading.visited}: kept aside: {tell(list(kept.reason))}")
        if kept.outcome is not Outcome.UNCHANGED:  # else it was told when the state was kept
            for doubt in find_doubts(kept.release):
                logger.warning("%s", doubt)
                tally.doubt(str(doubt))
        return reading

    def close_spider(self) -> None:
        """Judge what was kept aside, of each agency whose crawl came to its end; else its next one does."""
        if not self.spider.ended:
            return
        for slug, tally in self.spider.tallies.items():
            collapses, outcomes = give_verdict(self.keeping, slug)
            for collapse in collapses:
                problem = f"{slug}: {tell_collapse(collapse)}; kept aside: see scrapy doctor {slug}"
                logger.warning("%s", problem)
                tally.doubt(problem)
            for outcome in outcomes.elements():
                tally.count(outcome)
            waiting = {kept.url for kept in self.keeping.aside.waiting(slug)} if slug in self.aside else set()
            tally.held_back = len(self.aside.get(slug, set()) & waiting)


def tell_collapse(collapse: Collapse) -> str:
    """What collapsed, in words.

    >>> tell_collapse(Collapse(key="lead", held=False, number=4, of=5))
    'lead was not read in 4 of 5 new releases'
    """
    what = "releases that read otherwise than held" if collapse.held else "new releases"
    if "://" in collapse.key:
        return f"{collapse.key} lists far fewer than usual, and {collapse.number} of {collapse.of} {what} are from it"
    return f"{collapse.key} was not read in {collapse.number} of {collapse.of} {what}"
