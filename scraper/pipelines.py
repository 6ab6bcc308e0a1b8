"""From what was read to what is kept: ReleaseItem → Release → SQLite, one transaction a page."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Self, cast

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from archive.quarantine import FieldLoss
from archive.store import SaveResult
from scraper.errors import PageError
from scraper.failures import classify_failure
from scraper.ingest import Ingest, review_quarantine
from scraper.items import ParsedPage
from scraper.normalise import find_quality_warnings
from scraper.quarantine import QuarantineCheck, describe_reasons

if TYPE_CHECKING:
    from scraper.spiders.base import ReleaseSpider

logger = logging.getLogger(__name__)


class ArchivePipeline:
    """Saves a reading and settles its address in the frontier, both or neither; what is suspicious, aside."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.quarantine_checks: dict[str, QuarantineCheck] = {}  # by agency
        self.quarantined_urls: dict[str, set[str]] = {}  # by agency: the addresses whose reading this crawl put aside

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    @property
    def spider(self) -> ReleaseSpider:
        """Whose agencies and counts these are."""
        return cast("ReleaseSpider", self.crawler.spider)

    @cached_property
    def ingest(self) -> Ingest:
        """How readings are kept."""
        return Ingest(self.spider.archive, self.spider.recorder, self.spider.agencies)

    def process_item(self, page: ParsedPage) -> ParsedPage:
        """Keep one reading; a field that cannot be read refuses the page and is counted."""
        slug, response = page.item.agency or "", page.response
        tally = self.spider.agency_stats[slug]
        if slug not in self.quarantine_checks:
            self.quarantine_checks[slug] = QuarantineCheck(self.spider.archive, self.spider.recorder, slug)
        try:
            result = self.ingest.save(page, self.quarantine_checks[slug], crawl_id=tally.crawl_id)
        except PageError as error:
            self.spider.recorder.record_failure(
                page.url, page.release_id, response.fetched_at, str(error), rejected=True
            )
            tally.count_rejected(str(error), classify_failure(error))
            raise DropItem(str(error)) from error
        tally.count_outcome(result.outcome)
        if result.outcome is SaveResult.MISSING:
            raise DropItem(f"{page.url}: something else stands there")
        tally.count_page(result.release)
        if result.outcome is SaveResult.QUARANTINED:
            self.quarantined_urls.setdefault(slug, set()).add(page.url)
            raise DropItem(f"{page.url}: kept aside: {describe_reasons(list(result.reasons))}")
        if result.outcome is not SaveResult.UNCHANGED:  # else it was told when the state was kept
            for doubt in find_quality_warnings(result.release):
                logger.warning("%s", doubt)
                tally.add_warning(str(doubt))
        return page

    def close_spider(self) -> None:
        """Judge what was kept aside, of each agency whose crawl came to its end; else its next one does."""
        if not self.spider.is_finished:
            return
        for slug, tally in self.spider.agency_stats.items():
            collapses, outcomes = review_quarantine(self.ingest, slug)
            for collapse in collapses:
                problem = f"{slug}: {describe_field_loss(collapse)}; kept aside: see scrapy doctor {slug}"
                logger.warning("%s", problem)
                tally.add_warning(problem)
            for outcome in outcomes.elements():
                tally.count_outcome(outcome)
            waiting = (
                {kept.url for kept in self.ingest.quarantine.list_pending(slug)}
                if slug in self.quarantined_urls
                else set()
            )
            tally.held_back = len(self.quarantined_urls.get(slug, set()) & waiting)


def describe_field_loss(collapse: FieldLoss) -> str:
    """What collapsed, in words.

    >>> describe_field_loss(FieldLoss(reason_key="lead", is_stored=False, page_count=4, total=5))
    'lead was not read in 4 of 5 new releases'
    """
    what = "releases that read otherwise than held" if collapse.is_stored else "new releases"
    if "://" in collapse.reason_key:
        return f"{collapse.reason_key} lists far fewer than usual, and {collapse.page_count} of {collapse.total} {what} are from it"
    return f"{collapse.reason_key} was not read in {collapse.page_count} of {collapse.total} {what}"
