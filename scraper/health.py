"""What came of a crawl, agency by agency: counted while it runs, written to the crawls table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from archive.evidence.manifest import write_manifest
from archive.store import Archive
from archive.times import now, to_text
from scraper.tally import Tally

if TYPE_CHECKING:
    from scraper.spiders.reading import ReadingSpider

PROBLEMS_KEPT = 200  # sentences a crawl's row; every page's own problem stands in the frontier as well


class Health:
    """Opens a row in crawls for each agency when a spider opens, and completes it when it closes."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        for name in ("spider_opened", "spider_closed", "request_reached_downloader", "response_received"):
            crawler.signals.connect(getattr(extension, name), getattr(signals, name))
        crawler.signals.connect(extension.spider_error, signals.spider_error)
        return extension

    def spider_opened(self, spider: ReadingSpider) -> None:
        """A row an agency, so that a crawl killed in the middle leaves a trace: no `finished`."""
        with spider.archive.transaction():
            for slug, tally in spider.tallies.items():
                tally.crawl = open_crawl(spider.archive, slug, spider.name)

    def spider_closed(self, spider: ReadingSpider, reason: str) -> None:
        """Complete the rows, and the day's manifest; `reason` is Scrapy's own, `finished` where all went its way."""
        with spider.archive.transaction():
            for tally in spider.tallies.values():
                close_crawl(spider.archive, tally, reason)
        write_manifest(spider.archive.db.conn, spider.witness.captures, now().date())

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
            where = request.url if request else "start"
            one.err(f"{where}: {type(failure.value).__name__}: {failure.getErrorMessage()}")


def find_tally(spider: ReadingSpider, request: Request) -> Tally | None:
    """The counts of the agency a request is for; robots.txt requests, which Scrapy makes itself, have none."""
    return spider.tallies.get(request.meta.get("agency", ""))


def open_crawl(archive: Archive, agency: str, spider: str) -> int | None:
    """A new row in crawls."""
    row: dict[str, Any] = {"agency": agency, "spider": spider, "started": to_text(now())}
    return archive.db.execute(
        "insert into crawls (agency, spider, started) values (:agency, :spider, :started)", row
    ).lastrowid


def close_crawl(archive: Archive, tally: Tally, reason: str) -> None:
    """Complete a crawl's row."""
    row: dict[str, Any] = {**tally.counts(), "finished": to_text(now()), "reason": reason}
    row["problems"] = json.dumps(tally.problems[:PROBLEMS_KEPT], ensure_ascii=False)
    sets = ", ".join(f"{name} = :{name}" for name in row)
    archive.db.execute(f"update crawls set {sets} where id = :id", {**row, "id": tally.crawl})
