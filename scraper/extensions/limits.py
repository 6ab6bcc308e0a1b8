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

from archive.database import keep_loaded
from scraper.downloader.errors import Stopped

if TYPE_CHECKING:
    from twisted.internet.task import LoopingCall

    from scraper.spiders.base import ReadingSpider, Turn


YOUNG = 10_000  # objects since the last look; Python's own 700 (3.11) are less than one page makes


def look_seldom() -> None:
    """Python's looks for garbage took a tenth of a crawl's time; from now on they come every some dozen pages.

    What is no cycle is freed at once all the same, so memory does not grow by it.
    """
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    keep_loaded()


class Garbage:
    """So in a crawl, from when its spider is opened: nearly all that it needs is loaded by then."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls()
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        return extension

    def spider_opened(self) -> None:
        """The crawl begins."""
        look_seldom()


FREE = 1024 * 1024  # bytes; an answer up to this is never broken off, nor is anything added up for it


class InFlight:
    """Breaks off an answer that would bring all bodies on their way over the limit, so that memory stays bounded.

    DOWNLOAD_MAXSIZE bounds one answer; dozens of hosts may send one of that size at the same time.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.most = crawler.settings.getint("IN_FLIGHT_MAX")
        self.bytes: WeakKeyDictionary[Request, int] = WeakKeyDictionary()  # a request that ended counts no more

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.received, signals.bytes_received)
        crawler.signals.connect(extension.ended, signals.request_left_downloader)
        return extension

    def received(self, data: bytes, request: Request) -> None:
        """Count a piece of an answer; the largest one there is must not go on over the limit."""
        self.bytes[request] = self.bytes.get(request, 0) + len(data)
        if self.bytes[request] <= FREE:
            return
        if sum(self.bytes.values()) > self.most and self.bytes[request] == max(self.bytes.values()):
            raise StopDownload

    def ended(self, request: Request) -> None:
        """Its bytes are on their way no more."""
        self.bytes.pop(request, None)


EVERY = 0.2  # seconds between two looks at whether a signal has come


class LetGo:
    """Lets go of an index's sitemaps that come to their turn after the pass's end."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_request(self, request: Request) -> None:
        """Stopped once the pass is over."""
        turn: Turn | None = getattr(self.crawler.spider, "turn", None)  # a probe has none
        if turn and turn.is_over() and "index" in request.meta:
            raise Stopped("the pass has had its time")


class Stopping:
    """Lets go of waiting requests once Scrapy was told to stop: else a Retry-After could hold it up for minutes."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.looks: AsyncioLoopingCall | LoopingCall | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self, spider: ReadingSpider) -> None:
        """Begin to look; Scrapy has no signal for the moment at which a stop is asked for."""
        self.looks = create_looping_call(self.look, spider)
        self.looks.start(EVERY, now=False)

    def spider_closed(self) -> None:
        """There is nothing more to look at."""
        if self.looks and self.looks.running:
            self.looks.stop()

    def look(self, spider: ReadingSpider) -> None:
        """If the crawl is to end: nothing more is drawn, and what waits in a host's queue is let go."""
        if not self.crawler.engine:
            return
        if not self.crawler.crawling:
            spider.turn.stopping = True
        if not spider.turn.is_over():
            return
        reason = "the crawl was told to stop" if spider.turn.stopping else "the pass has had its time"
        for slot in self.crawler.engine.downloader.slots.values():
            let_go = [one for one in slot.queue if spider.turn.stopping or "index" in one[0].meta]
            for request, waiting in let_go:
                slot.queue.remove((request, waiting))
                if tally := spider.tallies.get(request.meta.get("agency", "")):
                    tally.requests -= 1  # it was counted as it came here, but is not sent
                waiting.errback(Stopped(reason))
