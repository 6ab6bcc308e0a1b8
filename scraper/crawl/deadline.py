"""Limits on a crawl (the time of a pass, the bytes in flight), and a clean stop.

When a stop is requested, responses in flight are still processed, but waiting requests are dropped.
When the time limit of the pass (the argument `minutes`) is reached, spiders create no further
requests. Waiting requests are still sent, except those for the sitemaps listed in a sitemap index,
because an index may list thousands of sitemaps.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import StopDownload
from scrapy.utils.asyncio import AsyncioLoopingCall, create_looping_call
from twisted.internet.task import LoopingCall

from scraper.crawl.crawl_stats import ArchiveSpider, Deadline
from scraper.downloader.limits import CrawlerComponent, CrawlStopped

STOP_CHECK_INTERVAL = 0.2  # seconds between two checks
MIN_COUNTED_BYTES = 1024 * 1024  # smaller responses are never aborted and not counted


class DeadlineMiddleware(CrawlerComponent):
    """Drops waiting requests when a stop is requested.

    A long Retry-After would otherwise delay the end of the crawl for minutes. When only the time
    limit of the pass has been reached, only requests for sitemaps listed in a sitemap index are
    dropped.
    """

    needs_archive = True
    receivers = (("spider_opened", signals.spider_opened), ("spider_closed", signals.spider_closed))

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.check_loop: AsyncioLoopingCall | LoopingCall | None = None

    def spider_opened(self, spider: ArchiveSpider) -> None:
        # Scrapy has no signal for the moment when a stop is requested
        self.check_loop = create_looping_call(self.check_stop, spider)
        self.check_loop.start(STOP_CHECK_INTERVAL, now=False)

    def spider_closed(self) -> None:
        if self.check_loop and self.check_loop.running:
            self.check_loop.stop()

    def process_request(self, request: Request) -> None:
        deadline: Deadline = self.crawler.spider.deadline  # type: ignore[union-attr] # the spider is an ArchiveSpider
        if "index" in request.meta and deadline.has_passed():
            raise CrawlStopped("the time of the pass is over")

    def check_stop(self, spider: ArchiveSpider) -> None:
        """Drop all waiting requests if a stop was requested.

        If only the time limit of the pass has been reached, drop the requests for sitemaps listed
        in a sitemap index.
        """
        if not self.crawler.engine:
            return
        if not self.crawler.crawling:
            spider.deadline.is_stopping = True
        if not spider.deadline.has_passed():
            return
        reason = (
            "a stop was requested"
            if spider.deadline.is_stopping
            else "the time of the pass is over"
        )
        for slot in self.crawler.engine.downloader.slots.values():
            dropped = [
                entry
                for entry in slot.queue
                if spider.deadline.is_stopping or "index" in entry[0].meta
            ]
            for request, deferred in dropped:
                slot.queue.remove((request, deferred))
                if stats := spider.agency_stats.get(request.meta.get("agency", "")):
                    stats.requests -= 1  # it was already counted when it reached the downloader
                deferred.errback(CrawlStopped(reason))


class InFlightLimit(CrawlerComponent):
    """Aborts the largest response if all bodies in flight together exceed IN_FLIGHT_MAX bytes.

    DOWNLOAD_MAXSIZE limits a single response, but dozens of hosts may send responses of that size
    at the same time.
    """

    receivers = (
        ("bytes_received", signals.bytes_received),
        ("request_left_downloader", signals.request_left_downloader),
    )

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.max_bytes = crawler.settings.getint("IN_FLIGHT_MAX")
        # weak keys, so that finished requests do not count
        self.bytes_by_request: WeakKeyDictionary[Request, int] = WeakKeyDictionary()

    def bytes_received(self, data: bytes, request: Request) -> None:
        """Count a chunk of a response.

        If the limit is exceeded and this response is the largest one in flight, it is aborted.
        """
        size = self.bytes_by_request[request] = self.bytes_by_request.get(request, 0) + len(data)
        if size > MIN_COUNTED_BYTES:
            sizes = list(self.bytes_by_request.values())
            if sum(sizes) > self.max_bytes and size == max(sizes):
                raise StopDownload

    def request_left_downloader(self, request: Request) -> None:
        self.bytes_by_request.pop(request, None)
