"""How `scrapy crawl` is made a worker's: an add-on that puts our parts in the place of those that write the archive."""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING, Any, Self, cast

from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings
from scrapy.utils.asyncio import AsyncioLoopingCall, create_looping_call
from scrapy.utils.misc import build_from_crawler, load_object

from archive.times import now
from scraper.crew.broker import Broker
from scraper.crew.journal import Copy, Journal, Post, Unsendable, keep, witness_of
from scraper.crew.lease import Lease
from scraper.crew.messages import Operation
from scraper.errors import CrewError
from scraper.health import Health, close_crawl
from scraper.stopping import Stopped

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.internet.task import LoopingCall

    from scraper.items import Reading
    from scraper.spiders.reading import ReadingSpider

logger = logging.getLogger(__name__)

ADDONS = '{"scraper.crew.parts.Crew": 0}'  # what a worker sets for its crawls
FIRST = "cmdline"  # the priority of what is put in: above every file of settings


class Crew:
    """The add-on. Its settings: CREW_TOKEN, CREW_HOST (the lease's)."""

    def update_settings(self, settings: BaseSettings) -> None:
        """Put our parts in."""
        for scheme in ("http", "https"):
            settings.set(f"CREW_HANDLER_{scheme}", settings["DOWNLOAD_HANDLERS"][scheme], priority=FIRST)
            settings["DOWNLOAD_HANDLERS"].set(scheme, f"scraper.crew.parts.{scheme.title()}Handler", priority=FIRST)
        for name, own, ours in (
            ("EXTENSIONS", "scraper.health.Health", "scraper.crew.parts.Books"),
            ("ITEM_PIPELINES", "scraper.pipelines.ArchivePipeline", "scraper.crew.parts.Sending"),
        ):
            settings[name].set(ours, settings[name].get(own, 100), priority=FIRST)
            settings[name].set(own, None, priority=FIRST)


class Books(Health):
    """Keeps the counts as ever; what came of a crawl is told to the writer, who judges it."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self.broker = Broker(settings)
        self.lease = Lease(self.broker, settings, settings["CREW_HOST"], settings.getint("CREW_TOKEN"))
        self.looks: AsyncioLoopingCall | LoopingCall | None = None
        self.journal: Journal | None = None

    def spider_opened(self, spider: ReadingSpider) -> None:
        """From now on what the spider writes is told; and the lease is looked at, now and then."""
        self.look()
        self.looks = create_looping_call(self.look)
        self.looks.start(max(0.1, self.lease.safe / 10), now=False)
        try:
            self.journal = self.take_over(spider)
            super().spider_opened(spider)
            self.journal.post.send(Operation(name="begin", kwargs={"spider": spider.name, "at": now()}))
        except (CrewError, sqlite3.OperationalError) as error:
            spider.patience.give_up(Unsendable(str(error)))

    def take_over(self, spider: ReadingSpider) -> Journal:
        """Put the errand's copy in the place of the archive that the spider opened."""
        (slug,) = spider.agencies
        journal = Journal(Post(self.broker, self.lease, slug))
        schedule, path = spider.witness.schedule, spider.archive.path
        spider.witness.close()
        spider.archive.close()
        spider.archive = copy = Copy(path, journal)
        spider.witness = witness_of(copy, schedule)
        return journal

    def look(self) -> None:
        """How long the lease is ours; where the broker does not answer, until it would have ended."""
        try:
            self.broker.insist(self.lease.look, 0)
        except CrewError as error:
            logger.warning("%s", error)

    def spider_closed(self, spider: ReadingSpider, reason: str) -> None:
        """What came of the crawl."""
        if self.looks and self.looks.running:
            self.looks.stop()
        if self.journal is None:  # nothing could be told from the beginning: the worker finds no crawl in the copy
            return
        (tally,) = spider.tallies.values()
        (agency,) = spider.agencies.values()
        guest = self.guest.tell(agency, tally)
        more = {"source_faults": dict(tally.source_faults), "faults": dict(tally.faults), "problems": tally.problems}
        told = {"counts": tally.counts(), "reason": reason, "ended": spider.ended, "guest": guest, **more}
        at = now()
        try:
            self.journal.post.send(Operation(name="close", kwargs={**told, "at": at}))
            with spider.archive.transaction():  # the next pass counts its requests; without it, this one broke off
                close_crawl(spider.archive, tally, reason, at, **guest)
        except sqlite3.OperationalError as error:
            logger.critical("what came of the crawl cannot be told: %s", error)


class Sending:
    """The pipeline of a worker: a reading is told, not kept."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_item(self, reading: Reading) -> Reading:
        """Tell of one reading."""
        spider = cast("ReadingSpider", self.crawler.spider)
        keep(cast("Copy", spider.archive), spider.witness, reading, now())
        return reading


class Handler(BaseDownloadHandler):
    """Whatever downloads, but for a lease that is not ours any more: then nothing is asked for."""

    scheme: str

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.own: Any = build_from_crawler(load_object(crawler.settings[f"CREW_HANDLER_{self.scheme}"]), crawler)

    async def download_request(self, request: Request) -> Response:
        """Stopped where the agency may be another's."""
        books, spider = self.crawler.get_extension(Books), cast("ReadingSpider", self.crawler.spider)
        if books is None or books.lease.left <= 0:
            spider.turn.stopping = True
            raise Stopped("the agency may be another worker's by now")
        response: Response = await self.own.download_request(request)
        return response

    async def close(self) -> None:
        """Nothing more is asked for."""
        await self.own.close()


class HttpHandler(Handler):
    """Of http."""

    scheme = "http"


class HttpsHandler(Handler):
    """Of https."""

    scheme = "https"
