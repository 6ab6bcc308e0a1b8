"""Crawls one agency on a copy of its state, sends what it stored.

What a crawl settles on an errand's copy, told to the writer in the same order: a message a transaction, sent first.

The copy is thrown away in the end; it only keeps the crawl from asking twice. What cannot be sent is not settled:
Unsendable is an error of SQLite's to the crawl, which ends as it does when an archive cannot be written.

How `scrapy crawl` is made a worker's: an add-on that puts our parts in the place of those that write the archive.

A worker's round of one agency: its lease, its errand, Scrapy's two passes on the errand's copy, and the end told.
"""

from __future__ import annotations

import logging
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.settings import BaseSettings
from scrapy.utils.asyncio import AsyncioLoopingCall, create_looping_call
from scrapy.utils.misc import build_from_crawler, load_object

from archive.dates import now
from archive.frontier import Frontier, Hosts, Walks
from archive.store import Archive
from scraper.distributed.messages import ARCHIVE, Operation, open_errand, pack
from scraper.distributed.queue import CLOCK, FENCED, FULL, PAUSE, SEND, Broker, Later, Lease, Renewal
from scraper.downloader.errors import Stopped
from scraper.errors import CrewError
from scraper.extensions.crawl_stats import Health, close_crawl
from scraper.ingest import Schedule, Witness
from scraper.items import Answer, Reading
from scraper.round import last_crawl

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.internet.task import LoopingCall

    from scraper.round import Running
    from scraper.spiders.base import ReadingSpider


LONGEST = 300  # seconds that a crawl waits for a writer that is behind


class Unsendable(sqlite3.OperationalError):
    """The writer cannot be told."""


class Post:
    """Sends the messages of one lease, each once, however often the broker has to be asked."""

    def __init__(self, broker: Broker, lease: Lease, agency: str, wait: Callable[[float], None] = time.sleep) -> None:
        self.broker, self.lease, self.agency, self.wait = broker, lease, agency, wait
        self.keys = [lease.key, broker.key("stream"), broker.key("round", lease.token), broker.key("backlog")]
        told = broker.insist(lambda: broker.redis.hget(self.keys[2], "seq"), lambda: lease.left)
        self.seq = int(cast("bytes | None", told) or 0)
        self.silent = ""  # why nothing can be told any more

    def send(self, *operations: Operation) -> None:
        """Unsendable where the lease is another's, or the broker gives no answer for as long as it is ours.

        While the writer is behind by more than CREW_BACKLOG, we wait here.
        """
        if self.silent:
            raise Unsendable(self.silent)
        told, waited = pack(operations), 0.0
        while (found := self._try(*told)) == FULL:
            if waited > LONGEST:
                raise Unsendable("the writer is too far behind")
            self.wait(PAUSE)
            waited += PAUSE
        if found == FENCED:
            raise Unsendable("the agency is another worker's by now")
        self.seq += 1

    def _try(self, text: bytes, body: bytes) -> int:
        broker = self.broker
        told = (self.lease.token, self.agency, self.seq + 1, broker.most, text, body)
        begun = time.clock_gettime(CLOCK)
        try:
            found = broker.insist(lambda: broker.run(SEND, self.keys, *told), lambda: self.lease.left)
        except CrewError as error:
            self.silent = str(error)  # whether it was taken nobody knows: another message must not have its number
            raise Unsendable(self.silent) from error
        if found != FULL:
            self.lease.told(found, begun)
        return found


class Journal:
    """What the transaction that goes on has done so far."""

    def __init__(self, post: Post) -> None:
        self.post = post
        self.operations: list[Operation] = []
        self.depth = 0  # of operations within operations: the outermost is told

    def note(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """An operation has begun."""
        if not self.depth:
            self.operations.append(Operation(name=name, args=args, kwargs=kwargs))

    @contextmanager
    def within(self) -> Iterator[None]:
        """What is done inside belongs to an operation that was noted."""
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1

    def tell(self) -> None:
        """Send what was noted."""
        operations, self.operations = self.operations, []
        if operations:
            self.post.send(*operations)


class Copy(Archive):
    """An errand's copy of the archive: what is written there is told first."""

    def __init__(self, path: Path, journal: Journal) -> None:
        super().__init__(path, renew=False)
        self.journal = journal
        self.frontier = cast("Frontier", Recorded(self, "frontier", self.frontier))
        self.hosts = cast("Hosts", Recorded(self, "hosts", self.hosts))
        self.walks = cast("Walks", Recorded(self, "walks", self.walks))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """As the archive's own; what was noted within is sent before it ends."""
        if self.db.conn.in_transaction:
            yield
            return
        self.journal.operations.clear()
        with super().transaction():
            yield
            self.journal.tell()


class Recorded:
    """A part of the archive whose operations are noted."""

    def __init__(self, copy: Copy, name: str, part: object) -> None:
        self._copy, self._name, self._part = copy, name, part

    def __getattr__(self, method: str) -> Any:
        own = getattr(self._part, method)
        if method not in ARCHIVE[self._name]:
            return own

        def recorded(*args: Any, **kwargs: Any) -> Any:
            with self._copy.transaction():
                self._copy.journal.note(f"{self._name}.{method}", args, kwargs)
                with self._copy.journal.within():
                    return own(*args, **kwargs)

        return recorded


class Eyes(Witness):
    """The witness of a copy: it keeps no bytes, and what is away is judged by the writer."""

    def away(
        self,
        url: str,
        release: int,
        answer: Answer,
        kind: str,
        target: str | None = None,
        *,
        credible: bool = False,
    ) -> bool:
        """Settled, as far as this round goes."""
        self.archive.frontier.gone(url, answer.seen, kind)
        self.archive.postpone(release, self.due_again(release, answer.seen))
        return True


def witness_of(copy: Copy, schedule: Schedule) -> Witness:
    """A witness whose operations are noted."""
    return cast("Witness", Recorded(copy, "witness", Eyes(copy, schedule)))


def keep(copy: Copy, witness: Witness, reading: Reading, now: datetime) -> None:
    """A page was read: told whole, and its address settled for this round."""
    with copy.transaction():
        copy.journal.note("keep", (reading,), {})
        with copy.journal.within():
            if reading.held is None:  # a state that no source's date makes due again
                copy.frontier.aside(reading.visited, now, "told")
                return
            told = {name: reading.answer.headers.get(name.replace("_", "-")) for name in ("etag", "last_modified")}
            copy.frontier.read(reading.visited, reading.held, now, **told)
            copy.checked(reading.held, now, witness.due_again(reading.held, now))


logger = logging.getLogger(__name__)
ADDONS = '{"scraper.distributed.worker.Crew": 0}'  # what a worker sets for its crawls
FIRST = "cmdline"  # the priority of what is put in: above every file of settings


class Crew:
    """The add-on. Its settings: CREW_TOKEN, CREW_HOST (the lease's)."""

    def update_settings(self, settings: BaseSettings) -> None:
        """Put our parts in."""
        for scheme in ("http", "https"):
            settings.set(f"CREW_HANDLER_{scheme}", settings["DOWNLOAD_HANDLERS"][scheme], priority=FIRST)
            settings["DOWNLOAD_HANDLERS"].set(
                scheme, f"scraper.distributed.worker.{scheme.title()}Handler", priority=FIRST
            )
        for name, own, ours in (
            ("EXTENSIONS", "scraper.extensions.crawl_stats.Health", "scraper.distributed.worker.Books"),
            ("ITEM_PIPELINES", "scraper.pipelines.ArchivePipeline", "scraper.distributed.worker.Sending"),
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


PASSES = ("news", "revisit")
PATIENCE = 120  # seconds that a writer may take to give an errand
SOON = 10.0  # seconds until a round is tried again for which there was no writer, or no broker
AGAIN = 60.0  # and one whose crawl broke off by itself
WRONG = 2  # the exit code of a crawl that is wrongly configured


class Rounds:
    """Goes on rounds. options: what the worker's own command line says, handed on to its crawls."""

    def __init__(self, broker: Broker, settings: BaseSettings, running: Running, options: Sequence[str]) -> None:
        self.broker, self.settings, self.running, self.options = broker, settings, running, options
        self.wrong = False  # whether a crawl said that it is wrongly configured

    def go(self, slug: str, host: str) -> Later | None:
        """One round; when to try again where it was not done."""
        if self.running.stopped:
            return Later(seconds=0)
        try:
            with self.broker.faults():
                lease = Lease.take(self.broker, self.settings, host)
                if lease:
                    return self.go_with(lease, slug, host)
                left = int(self.broker.redis.pttl(self.broker.key("lease", host)))
                return Later(seconds=max(left, 100) / 1000)
        except (CrewError, Unsendable) as error:
            logger.warning("%s: the round broke off: %s", slug, error)
            return Later(seconds=SOON)

    def go_with(self, lease: Lease, slug: str, host: str) -> Later | None:
        """The same, the agency being ours."""
        logger.info("%s: a round begins, token %d", slug, lease.token)
        lost, quiet = threading.Event(), 0.0

        def lose() -> None:
            lost.set()
            if self.running.child:
                self.running.child.terminate()

        try:
            with Renewal(lease, lose), tempfile.TemporaryDirectory(prefix="round-") as folder:
                Post(self.broker, lease, slug).send(Operation(name="open", kwargs={}))
                errand = self.receive(lease, lost.is_set)
                if not errand:
                    return Later(seconds=SOON) if errand is None else None
                open_errand(errand, Path(folder))
                later, quiet = self.cross(lease, slug, host, Path(folder), lost.is_set)
                return later
        finally:
            if not lost.is_set():
                self.release(lease, quiet)

    def receive(self, lease: Lease, lost: Callable[[], bool]) -> bytes | None:
        """The errand that the writer gives; b"" where there is to be none; None where it gives no answer."""
        key, begun = self.broker.key("errand", lease.token), time.monotonic()
        while not (lost() or self.running.stopped) and time.monotonic() - begun < PATIENCE:
            found = self.broker.insist(lambda: self.broker.redis.blpop([key], timeout=1), lambda: lease.left)
            if found:
                return cast("list[bytes]", found)[1]
        return None

    def cross(
        self, lease: Lease, slug: str, host: str, folder: Path, lost: Callable[[], bool]
    ) -> tuple[Later | None, float]:
        """The passes; and for how long the host is to be left alone after them."""
        given = {
            "ARCHIVE": folder / "archive.db",
            "AGENCIES": folder / "agencies.toml",
            "ADDONS": ADDONS,
            "CREW_TOKEN": lease.token,
            "CREW_HOST": host,
        }
        told = [part for name, value in given.items() for part in ("-s", f"{name}={value}")]
        arguments = ("-a", f"agency={slug}", "-a", f"minutes={self.settings['ROUND_PASS_MINUTES']}")
        quiet = 0.0
        for name in PASSES:
            if name == "revisit" and not is_due(folder / "archive.db", slug):
                continue
            self.running.wait(quiet)
            before = last_crawl(folder / "archive.db")
            code = self.running.scrapy("crawl", name, *arguments, *self.options, *told)
            told_all, quiet = self.look_at(folder / "archive.db", before)
            self.wrong = self.wrong or code == WRONG
            if self.running.stopped or lost() or code not in (0, 1) or not told_all:
                logger.warning("%s: its %s pass broke off (%d); the round goes to another", slug, name, code)
                return Later(seconds=0 if self.running.stopped or lost() else AGAIN), quiet
        Post(self.broker, lease, slug).send(Operation(name="end", kwargs={}))
        return None, quiet

    def look_at(self, copy: Path, before: int) -> tuple[bool, float]:
        """Whether a pass has told all that it did; and the seconds that its host wants between two requests.

        Told by the row of crawls that the pass itself has completed. before: the newest row before it. Where there is
        none, the longest delay.
        """
        longest = self.settings.getfloat("CRAWL_DELAY_MAX")
        with closing(sqlite3.connect(copy)) as db:
            sql = "select requests, delay from crawls where id > ? and finished is not null"
            row = db.execute(sql, [before]).fetchone()
        if row is None:
            return False, longest
        requests, delay = row
        least = self.settings.getfloat("DOWNLOAD_DELAY")
        return True, max(least, longest if delay is None else float(delay)) if requests else 0.0

    def release(self, lease: Lease, quiet: float) -> None:
        """Leave the agency to others; where the broker does not answer, the lease ends by itself."""
        try:
            self.broker.insist(lambda: lease.release(quiet), 0)
        except CrewError as error:
            logger.warning("the lease cannot be released: %s", error)


def is_due(copy: Path, slug: str) -> bool:
    """Whether any held release is to be looked at again: a pass that finds none would only cost its start."""
    with Archive(copy, renew=False) as archive:
        return bool(archive.frontier.stale(slug, now(), 1))
