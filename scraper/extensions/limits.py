"""Graceful stop, bytes in flight, GC freeze.

Looks for garbage seldom where page after page is read: they leave none behind (scraper.pages.soup).

How much of answers is held at once: bodies on their way, over all hosts (IN_FLIGHT_MAX).

A quick, clean stop: what is on its way is read to its end, what waits for its turn is not asked for any more.

Where only the pass has had its time (the argument `minutes`), that goes for the sitemaps of an index alone, of which
thousands may wait; a spider itself asks for nothing else then.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Self
from weakref import WeakKeyDictionary

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import StopDownload
from scrapy.utils.asyncio import AsyncioLoopingCall, create_looping_call

from archive.database import freeze_garbage_collector
from scraper.downloader.errors import CrawlStopped

if TYPE_CHECKING:
    from twisted.internet.task import LoopingCall

    from scraper.spiders.base import Deadline, ReleaseSpider


GC_THRESHOLD = 10_000  # objects since the last look; Python's own 700 (3.11) are less than one page makes


def raise_gc_threshold() -> None:
    """Python's looks for garbage took a tenth of a crawl's time; from now on they come every some dozen pages.

    What is no cycle is freed at once all the same, so memory does not grow by it.
    """
    gc.set_threshold(GC_THRESHOLD, *gc.get_threshold()[1:])
    freeze_garbage_collector()


class GCThresholdExtension:
    """So in a crawl, from when its spider is opened: nearly all that it needs is loaded by then."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls()
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        return extension

    def spider_opened(self) -> None:
        """The crawl begins."""
        raise_gc_threshold()


MIN_COUNTED_BYTES = 1024 * 1024  # bytes; an answer up to this is never broken off, nor is anything added up for it


class InFlightLimit:
    """Breaks off an answer that would bring all bodies on their way over the limit, so that memory stays bounded.

    DOWNLOAD_MAXSIZE bounds one answer; dozens of hosts may send one of that size at the same time.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.max_bytes = crawler.settings.getint("IN_FLIGHT_MAX")
        self.bytes_by_request: WeakKeyDictionary[Request, int] = (
            WeakKeyDictionary()
        )  # a request that ended counts no more

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.bytes_received, signals.bytes_received)
        crawler.signals.connect(extension.request_left_downloader, signals.request_left_downloader)
        return extension

    def bytes_received(self, data: bytes, request: Request) -> None:
        """Count a piece of an answer; the largest one there is must not go on over the limit."""
        self.bytes_by_request[request] = self.bytes_by_request.get(request, 0) + len(data)
        if self.bytes_by_request[request] <= MIN_COUNTED_BYTES:
            return
        if sum(self.bytes_by_request.values()) > self.max_bytes and self.bytes_by_request[request] == max(
            self.bytes_by_request.values()
        ):
            raise StopDownload

    def request_left_downloader(self, request: Request) -> None:
        """Its bytes are on their way no more."""
        self.bytes_by_request.pop(request, None)


STOP_CHECK_INTERVAL = 0.2  # seconds between two looks at whether a signal has come


class DeadlineMiddleware:
    """Lets go of an index's sitemaps that come to their turn after the pass's end."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Stopped once the pass is over."""
        turn: Deadline | None = getattr(self.crawler.spider, "deadline", None)  # a probe has none
        if turn and turn.has_passed() and "index" in request.meta:
            raise CrawlStopped("the pass has had its time")


class GracefulStop:
    """Lets go of waiting requests once Scrapy was told to stop: else a Retry-After could hold it up for minutes."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.check_loop: AsyncioLoopingCall | LoopingCall | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self, spider: ReleaseSpider) -> None:
        """Begin to look; Scrapy has no signal for the moment at which a stop is asked for."""
        self.check_loop = create_looping_call(self.check_stop, spider)
        self.check_loop.start(STOP_CHECK_INTERVAL, now=False)

    def spider_closed(self) -> None:
        """There is nothing more to look at."""
        if self.check_loop and self.check_loop.running:
            self.check_loop.stop()

    def check_stop(self, spider: ReleaseSpider) -> None:
        """If the crawl is to end: nothing more is drawn, and what waits in a host's queue is let go."""
        if not self.crawler.engine:
            return
        if not self.crawler.crawling:
            spider.deadline.is_stopping = True
        if not spider.deadline.has_passed():
            return
        reason = "the crawl was told to stop" if spider.deadline.is_stopping else "the pass has had its time"
        for slot in self.crawler.engine.downloader.slots.values():
            let_go = [one for one in slot.queue if spider.deadline.is_stopping or "index" in one[0].meta]
            for request, waiting in let_go:
                slot.queue.remove((request, waiting))
                if tally := spider.agency_stats.get(request.meta.get("agency", "")):
                    tally.requests -= 1  # it was counted as it came here, but is not sent
                waiting.errback(CrawlStopped(reason))
