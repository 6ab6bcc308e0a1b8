"""From what was read to what is kept: ReleaseItem → Release → SQLite, one transaction a page."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Self, cast

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from archive.records import Release
from archive.store import Archive
from scraper.errors import PageError
from scraper.items import Reading
from scraper.normalise import to_release

if TYPE_CHECKING:
    from scraper.spiders.reading import ReadingSpider

logger = logging.getLogger(__name__)


def is_free(archive: Archive, release: Release, visited: str) -> bool:
    """Whether a page may go by the address it calls canonical: a template's slip can give many pages the same.

    Not where that address is a source, nor where another page with another title goes by it already.
    """
    if release.url == visited:
        return True
    row = archive.frontier.get(release.url)
    if row and row.role != "release":
        return False
    return archive.title_of(release.url) in (None, release.title) or not archive.frontier.shared(release.url, visited)


class ArchivePipeline:
    """Saves a reading and settles its address in the frontier, both or neither."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_item(self, reading: Reading) -> Reading:
        """Keep one reading; a field that cannot be read refuses the page and is counted."""
        spider = cast("ReadingSpider", self.crawler.spider)
        archive, slug = spider.archive, reading.item.agency or ""
        try:
            release = to_release(reading.item)
        except PageError as error:
            with archive.transaction():
                archive.frontier.refused(reading.visited, reading.seen, str(error))
            spider.tallies[slug].refuse(str(error))
            raise DropItem(str(error)) from error
        with archive.transaction():
            if not is_free(archive, release, reading.visited):
                release = replace(release, url=reading.visited)
            outcome = archive.save(release, seen=reading.seen)
            key = archive.release_id(release.url)
            assert key is not None  # noqa: S101 - saved a line above
            if release.url != reading.visited:  # a twin: the canonical address is settled by the same reading
                archive.frontier.add(release.url, agency=slug, role="release", seen=reading.seen)
                archive.frontier.held(release.url, key, reading.seen)
            archive.frontier.held(
                reading.visited, key, reading.seen, etag=reading.etag, last_modified=reading.last_modified
            )
        spider.tallies[slug].count(outcome)
        return reading
