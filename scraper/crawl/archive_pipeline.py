"""Item pipeline that stores each parsed page, and reviews quarantined pages when the crawl ends.

For Scrapy's feed exports (`-O FILE.jsonl`), the pipeline returns the release as stored, as a dict
of JSON values (`_describe_stored_release`). Without an export, it returns only the release's URL,
because reading the release again takes time. A page that contains nothing new is dropped.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, cast

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from archive.database.quarantined_pages import FieldLoss, QuarantinedPage
from archive.database.sqlite_files import is_write_failure
from archive.health.metrics import list_filled_fields
from archive.store.releases import Archive, SaveResult
from scraper.agency import is_wire_url
from scraper.crawl.crawl_stats import CrawlState
from scraper.crawl.failures import classify_failure
from scraper.downloader.limits import CrawlerComponent
from scraper.errors import PageError
from scraper.ingest import (
    Ingest,
    ParsedPage,
    QuarantineCheck,
    describe_reasons,
    list_symptoms,
    review_quarantine,
    take_in_refused,
)
from scraper.normalise.conversion import find_quality_warnings

logger = logging.getLogger(__name__)


class ArchivePipeline(CrawlerComponent):
    """Stores parsed pages in the archive or in quarantine, and counts the outcomes."""

    needs_archive = True

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        # by (agency, whether the page is at a wire)
        self.quarantine_checks: dict[tuple[str, bool], QuarantineCheck] = {}
        self.quarantined_urls: dict[str, set[str]] = {}  # agency → URLs quarantined by this crawl
        self.has_export = bool(crawler.settings.getdict("FEEDS"))

    @property
    def spider(self) -> CrawlState:
        return cast("CrawlState", self.crawler.spider)

    @cached_property
    def ingest(self) -> Ingest:
        return Ingest(self.spider.archive, self.spider.recorder, self.spider.agencies)

    def process_item(self, page: ParsedPage) -> dict[str, Any]:
        """Store one page and return the release as stored.

        If this crawl exports nothing, only the release's URL is returned.

        Raises DropItem if the page is unchanged, rejected or quarantined, or no longer shows its
        release. If the crawl exports releases, DropItem is also raised for a release that a
        takedown hides.
        """
        slug, spider = page.item.agency or "", self.spider
        stats = spider.agency_stats[slug]
        key = (slug, is_wire_url(page.url))
        if key not in self.quarantine_checks:
            self.quarantine_checks[key] = QuarantineCheck(spider.archive, *key)
        self.take_in_earlier(slug, page.url)
        try:
            result = self.ingest.save(page, self.quarantine_checks[key], crawl_id=stats.crawl_id)
        except PageError as error:
            problem, fetched_at = str(error), page.response.fetched_at
            spider.recorder.record_failure(
                page.url, page.release_id, fetched_at, problem, rejected=True, refused=page.response
            )
            stats.count_rejected(problem, classify_failure(error))
            raise DropItem(problem) from error
        stats.count_outcome(result.outcome)
        if result.outcome is SaveResult.MISSING:
            raise DropItem(f"{page.url}: no longer shows the stored release")
        if page.is_file:
            stats.files += 1
        else:
            stats.parsed += 1
            stats.field_counts.update(list_filled_fields(result.release))
        if result.outcome is SaveResult.QUARANTINED:
            self.quarantined_urls.setdefault(slug, set()).add(page.url)
            raise DropItem(f"{page.url}: quarantined: {describe_reasons(list(result.reasons))}")
        # its warnings were reported when the state was stored
        if result.outcome is SaveResult.UNCHANGED:
            raise DropItem(f"{page.url}: unchanged", log_level="DEBUG")
        for warning in find_quality_warnings(result.release):
            logger.warning("%s", warning)
            stats.problems.append(str(warning))
        if row := self.describe_for_export(result.release.url):
            return row
        raise DropItem(f"{page.url}: has been taken down", log_level="DEBUG")

    def describe_for_export(self, url: str) -> dict[str, Any] | None:
        """Return a release as stored, or only its URL if this crawl exports nothing.

        Returns None if this crawl exports releases but the release is hidden.
        """
        return (
            _describe_stored_release(self.spider.archive, url) if self.has_export else {"url": url}
        )

    def take_in_earlier(self, slug: str, url: str) -> None:
        """Store those refused pages of a URL that can now be parsed, before today's page is stored.

        Pages must be stored in the order in which they were fetched.
        """
        try:
            take_in_refused(self.ingest, slug, url)
        except Exception as error:  # the page of today must be stored in any case
            if is_write_failure(error):
                raise
            logger.exception("%s: the refused pages of this URL cannot be taken in", url)

    def close_spider(self) -> None:
        """Review the quarantined pages of each agency, unless the crawl was interrupted."""
        if not self.spider.is_finished:
            return  # the next crawl reviews them
        for slug, stats in self.spider.agency_stats.items():
            ((last_revision_id,),) = self.spider.archive.db.execute(
                "select coalesce(max(id), 0) from revisions"
            )
            losses, outcomes = review_quarantine(self.ingest, slug)
            self.announce_stored(slug, last_revision_id)
            for outcome in outcomes.elements():
                stats.count_outcome(outcome)
            urls = self.quarantined_urls.get(slug, ())
            pages = (
                [page for page in self.ingest.quarantine.list_pending(slug) if page.url in urls]
                if urls
                else []
            )
            stats.quarantined = len({page.url for page in pages})
            for cause in (*map(_describe_field_loss, losses), *describe_page_problems(pages)):
                problem = f"{slug}: {cause}; quarantined: see scrapy diagnose {slug}"
                logger.warning("%s", problem)
                stats.problems.append(problem)

    def announce_stored(self, slug: str, last_revision_id: int) -> None:
        """Send the signal item_scraped for each of an agency's releases that has a new version.

        last_revision_id: the id of a version. The versions stored after it are new.
        """
        rows = self.spider.archive.db.execute(
            "select distinct r.url from revisions v join releases r on r.id = v.release"
            " where v.id > ? and r.agency = ? order by v.id",
            [last_revision_id, slug],
        ).fetchall()
        for (url,) in rows:
            if row := _describe_stored_release(self.spider.archive, url):
                self.crawler.signals.send_catch_log(
                    signals.item_scraped, item=row, response=None, spider=self.crawler.spider
                )


def _describe_stored_release(archive: Archive, url: str) -> dict[str, Any] | None:
    """Return a release's current state as JSON values, without taken-down content.

    Returns None if there is no such release, or if it is hidden.
    """
    stored = archive.get(url)
    if stored is None or "hide" in [
        kind for _, kind in archive.takedowns.list_active(stored.release_id)
    ]:
        return None
    state, _ = archive.takedowns.redact_for_display(stored.release_id, stored.state)
    agency, first_seen, last_checked = archive.db.execute(
        "select agency, first_seen, last_checked from releases where id = ?", [stored.release_id]
    ).fetchone()
    ids = {"release": stored.release_id, "revision": stored.revision_id, "cause": stored.cause}
    return {
        **ids,
        "agency": agency,
        "url": url,
        "first_seen": first_seen,
        "last_checked": last_checked,
        **state,
    }


def describe_page_problems(pages: Iterable[QuarantinedPage]) -> Iterator[str]:
    """Yield the problems of quarantined pages, except field losses.

    Each problem is yielded once, with an example URL and the number of other pages that have it.
    """
    urls: dict[str, list[str]] = {}
    for page in pages:
        for problem in list_symptoms(page) - page.lost_keys:
            urls.setdefault(problem, []).append(page.url)
    for problem, (first, *others) in sorted(urls.items()):
        yield f"{problem}: {first}" + (f" and {len(others)} more" if others else "")


def _describe_field_loss(loss: FieldLoss) -> str:
    """Describe a field loss in a sentence.

    >>> _describe_field_loss(FieldLoss(reason_key="lead", is_stored=False, page_count=4, total=5))
    'lead was not read in 4 of 5 new releases'
    """
    releases = "releases that differ from what is stored" if loss.is_stored else "new releases"
    share = f"{loss.page_count} of {loss.total} {releases}"
    if "://" in loss.reason_key:
        return f"{loss.reason_key} lists far fewer than usual, and {share} were listed by it"
    return f"{loss.reason_key} was not read in {share}"
