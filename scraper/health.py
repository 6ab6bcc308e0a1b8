"""What came of a crawl, agency by agency: counted while it runs, written to the crawls table."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from archive.errors import ArchiveError
from archive.evidence.manifest import write_manifest
from archive.health.judging import judge_agencies
from archive.store import Archive
from archive.times import now, to_text
from scraper.agency import Agency
from scraper.faults import kind_of
from scraper.guest import Guest
from scraper.tally import Tally

if TYPE_CHECKING:
    from scraper.spiders.reading import ReadingSpider

logger = logging.getLogger(__name__)

PROBLEMS_KEPT = 200  # sentences a crawl's row; every page's own problem stands in the frontier as well


class Health:
    """Opens a row in crawls for each agency when a spider opens; when it closes, completes it and judges."""

    def __init__(self, crawler: Crawler) -> None:
        self.guest = Guest(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        for name in ("spider_opened", "spider_closed", "request_reached_downloader", "response_received"):
            crawler.signals.connect(getattr(extension, name), getattr(signals, name))
        crawler.signals.connect(extension.spider_error, signals.spider_error)
        return extension

    def spider_opened(self, spider: ReadingSpider) -> None:
        """A row an agency, so that a crawl killed in the middle leaves a trace: no `finished`."""
        try:
            with spider.archive.transaction():
                for slug, tally in spider.tallies.items():
                    tally.crawl = open_crawl(spider.archive, slug, spider.name, now())
        except sqlite3.OperationalError as error:
            spider.patience.give_up(error)

    def spider_closed(self, spider: ReadingSpider, reason: str) -> None:
        """Complete the rows, judge what came in, and write the day's manifest.

        reason: Scrapy's own, `finished` where all went its way.
        """
        try:
            with spider.archive.transaction():
                for slug, tally in spider.tallies.items():
                    guest = self.guest.tell(spider.agencies[slug], tally)
                    close_crawl(spider.archive, tally, reason, now(), **guest)
            with spider.archive.transaction():
                judge_agencies(spider.archive.db, spider.tallies, now())
            write_manifest(spider.archive.db.conn, spider.witness.captures, now().date())
        except (sqlite3.OperationalError, ArchiveError) as error:  # a full disk: the rows stay without an end
            logger.critical("what came of the crawl cannot be written: %s", error)

    def request_reached_downloader(self, request: Request, spider: ReadingSpider) -> None:
        """Count a request that is really sent."""
        if tally := find_tally(spider, request):
            tally.requests += 1

    def response_received(self, response: Response, request: Request, spider: ReadingSpider) -> None:
        """Count the bytes of an answer's body."""
        if tally := find_tally(spider, request):
            tally.bytes += len(response.body)

    def spider_error(self, failure: Failure, response: Response | Failure | None, spider: ReadingSpider) -> None:
        """A fault of our own while reading an answer or a failure: counted, named, and the crawl goes on."""
        request: Request | None = getattr(response, "request", None)
        tally = find_tally(spider, request) if request else None
        for one in [tally] if tally else spider.tallies.values():
            where, source = (request.url, "source" in request.meta) if request else ("start", False)
            one.err(
                f"{where}: {type(failure.value).__name__}: {failure.getErrorMessage()}",
                kind_of(failure.value),
                source=source,
            )


def judge_listed(archive: Archive, agencies: Mapping[str, Agency], at: datetime) -> None:
    """Judge every agency of a list, those never crawled too; others in the archive are told to be unlisted."""
    for slug, agency in agencies.items():
        archive.add_agency(
            slug, name=agency.name, home=agency.home, name_en=agency.name_en, org_number=agency.org_number
        )
    held = [slug for (slug,) in archive.db.execute("select slug from agencies order by slug")]
    paused = {slug: "unlisted" for slug in held if slug not in agencies}
    paused |= {slug: "paused" for slug, agency in agencies.items() if agency.paused}
    with archive.transaction():
        judge_agencies(archive.db, held, at, paused)


def find_tally(spider: ReadingSpider, request: Request) -> Tally | None:
    """The counts of the agency a request is for; robots.txt requests, which Scrapy makes itself, have none."""
    return spider.tallies.get(request.meta.get("agency", ""))


def open_crawl(archive: Archive, agency: str, spider: str, at: datetime) -> int | None:
    """A new row in crawls; `at`, as at its end, by the clock that dates what the crawl reads."""
    row: dict[str, Any] = {"agency": agency, "spider": spider, "started": to_text(at)}
    return archive.db.execute(
        "insert into crawls (agency, spider, started) values (:agency, :spider, :started)", row
    ).lastrowid


def close_crawl(archive: Archive, tally: Tally, reason: str, at: datetime, **more: float | str | None) -> None:
    """Complete a crawl's row; `more` as further columns."""
    row: dict[str, Any] = {**tally.counts(), **more, "finished": to_text(at), "reason": reason}
    row["problems"] = json.dumps(tally.problems[:PROBLEMS_KEPT], ensure_ascii=False)
    row |= {name: json.dumps(getattr(tally, name)) for name in ("fills", "faults", "source_faults")}
    sets = ", ".join(f"{name} = :{name}" for name in row)
    archive.db.execute(f"update crawls set {sets} where id = :id", {**row, "id": tally.crawl})
