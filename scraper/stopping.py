"""A quick, clean stop: what is on its way is read to its end, what waits for its turn is not asked for any more.

Where only the pass has had its time (the argument `minutes`), that goes for the sitemaps of an index alone, of which
thousands may wait; a spider itself asks for nothing else then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.utils.asyncio import AsyncioLoopingCall, create_looping_call

if TYPE_CHECKING:
    from twisted.internet.task import LoopingCall

    from scraper.spiders.reading import ReadingSpider
    from scraper.spiders.turn import Turn

EVERY = 0.2  # seconds between two looks at whether a signal has come


class Stopped(IgnoreRequest):
    """The request was not sent, for the crawl comes to its end; the frontier has it due still."""


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
