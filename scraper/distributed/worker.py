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
from archive.frontier import Frontier, Hosts, PaginationCursors
from archive.store import Archive
from scraper.distributed.messages import ARCHIVE_OPERATIONS, Operation, pack_operations, unpack_job
from scraper.distributed.queue import (
    BACKLOG_FULL,
    CLOCK,
    LEASE_LOST,
    RETRY_INTERVAL,
    SEND_MESSAGE_SCRIPT,
    Broker,
    JobDeferral,
    Lease,
    LeaseRenewal,
)
from scraper.downloader.errors import CrawlStopped
from scraper.errors import BrokerError
from scraper.extensions.crawl_stats import CrawlStatsExtension, close_crawl
from scraper.ingest import CrawlRecorder, RevisitSchedule
from scraper.items import FetchedPage, ParsedPage
from scraper.round import read_last_crawl_id

if TYPE_CHECKING:
    from scrapy.http import Response
    from twisted.internet.task import LoopingCall

    from scraper.round import CommandRunner
    from scraper.spiders.base import ReleaseSpider


MAX_SEND_WAIT = 300  # seconds that a crawl waits for a writer that is behind


class SendError(sqlite3.OperationalError):
    """The writer cannot be told."""


class MessageSender:
    """Sends the messages of one lease, each once, however often the broker has to be asked."""

    def __init__(self, broker: Broker, lease: Lease, agency: str, wait: Callable[[float], None] = time.sleep) -> None:
        self.broker, self.lease, self.agency, self.wait = broker, lease, agency, wait
        self.keys = [lease.key, broker.key("stream"), broker.key("round", lease.token), broker.key("backlog")]
        told = broker.call_with_retry(lambda: broker.redis.hget(self.keys[2], "seq"), lambda: lease.seconds_left)
        self.seq = int(cast("bytes | None", told) or 0)
        self.failure = ""  # why nothing can be told any more

    def send(self, *operations: Operation) -> None:
        """Unsendable where the lease is another's, or the broker gives no answer for as long as it is ours.

        While the writer is behind by more than CREW_BACKLOG, we wait here.
        """
        if self.failure:
            raise SendError(self.failure)
        told, waited = pack_operations(operations), 0.0
        while (found := self._send_once(*told)) == BACKLOG_FULL:
            if waited > MAX_SEND_WAIT:
                raise SendError("the writer is too far behind")
            self.wait(RETRY_INTERVAL)
            waited += RETRY_INTERVAL
        if found == LEASE_LOST:
            raise SendError("the agency is another worker's by now")
        self.seq += 1

    def _send_once(self, text: bytes, body: bytes) -> int:
        broker = self.broker
        told = (self.lease.token, self.agency, self.seq + 1, broker.max_backlog, text, body)
        begun = time.clock_gettime(CLOCK)
        try:
            found = broker.call_with_retry(
                lambda: broker.run_script(SEND_MESSAGE_SCRIPT, self.keys, *told), lambda: self.lease.seconds_left
            )
        except BrokerError as error:
            self.failure = str(error)  # whether it was taken nobody knows: another message must not have its number
            raise SendError(self.failure) from error
        if found != BACKLOG_FULL:
            self.lease.update_expiry(found, begun)
        return found


class OperationLog:
    """What the transaction that goes on has done so far."""

    def __init__(self, sender: MessageSender) -> None:
        self.sender = sender
        self.operations: list[Operation] = []
        self.depth = 0  # of operations within operations: the outermost is told

    def record(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """An operation has begun."""
        if not self.depth:
            self.operations.append(Operation(name=name, args=args, kwargs=kwargs))

    @contextmanager
    def nested(self) -> Iterator[None]:
        """What is done inside belongs to an operation that was noted."""
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1

    def flush(self) -> None:
        """Send what was noted."""
        operations, self.operations = self.operations, []
        if operations:
            self.sender.send(*operations)


class ArchiveCopy(Archive):
    """An errand's copy of the archive: what is written there is told first."""

    def __init__(self, path: Path, operation_log: OperationLog) -> None:
        super().__init__(path, rebuild_stale=False)
        self.operation_log = operation_log
        self.frontier = cast("Frontier", RecordingProxy(self, "frontier", self.frontier))
        self.hosts = cast("Hosts", RecordingProxy(self, "hosts", self.hosts))
        self.cursors = cast("PaginationCursors", RecordingProxy(self, "cursors", self.cursors))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """As the archive's own; what was noted within is sent before it ends."""
        if self.db.conn.in_transaction:
            yield
            return
        self.operation_log.operations.clear()
        with super().transaction():
            yield
            self.operation_log.flush()


class RecordingProxy:
    """A part of the archive whose operations are noted."""

    def __init__(self, copy: ArchiveCopy, name: str, part: object) -> None:
        self._copy, self._name, self._part = copy, name, part

    def __getattr__(self, method: str) -> Any:
        own = getattr(self._part, method)
        if method not in ARCHIVE_OPERATIONS[self._name]:
            return own

        def recorded(*args: Any, **kwargs: Any) -> Any:
            with self._copy.transaction():
                self._copy.operation_log.record(f"{self._name}.{method}", args, kwargs)
                with self._copy.operation_log.nested():
                    return own(*args, **kwargs)

        return recorded


class WorkerRecorder(CrawlRecorder):
    """The witness of a copy: it keeps no bytes, and what is away is judged by the writer."""

    def record_missing(
        self,
        url: str,
        release_id: int,
        response: FetchedPage,
        kind: str,
        target: str | None = None,
        *,
        credible: bool = False,
    ) -> bool:
        """Settled, as far as this round goes."""
        self.archive.frontier.mark_gone(url, response.fetched_at, kind)
        self.archive.set_next_check(release_id, self.next_check(release_id, response.fetched_at))
        return True


def build_worker_recorder(copy: ArchiveCopy, schedule: RevisitSchedule) -> CrawlRecorder:
    """A witness whose operations are noted."""
    return cast("CrawlRecorder", RecordingProxy(copy, "recorder", WorkerRecorder(copy, schedule)))


def record_page(copy: ArchiveCopy, recorder: CrawlRecorder, page: ParsedPage, now: datetime) -> None:
    """A page was read: told whole, and its address settled for this round."""
    with copy.transaction():
        copy.operation_log.record("keep", (page,), {})
        with copy.operation_log.nested():
            if page.release_id is None:  # a state that no source's date makes due again
                copy.frontier.mark_quarantined(page.url, now, "told")
                return
            told = {name: page.response.headers.get(name.replace("_", "-")) for name in ("etag", "last_modified")}
            copy.frontier.mark_read(page.url, page.release_id, now, **told)
            copy.mark_checked(page.release_id, now, recorder.next_check(page.release_id, now))


logger = logging.getLogger(__name__)
ADDONS = '{"scraper.distributed.worker.WorkerAddon": 0}'  # what a worker sets for its crawls
ADDON_PRIORITY = "cmdline"  # the priority of what is put in: above every file of settings


class WorkerAddon:
    """The add-on. Its settings: CREW_TOKEN, CREW_HOST (the lease's)."""

    def update_settings(self, settings: BaseSettings) -> None:
        """Put our parts in."""
        for scheme in ("http", "https"):
            settings.set(f"CREW_HANDLER_{scheme}", settings["DOWNLOAD_HANDLERS"][scheme], priority=ADDON_PRIORITY)
            settings["DOWNLOAD_HANDLERS"].set(
                scheme, f"scraper.distributed.worker.Leased{scheme.title()}Handler", priority=ADDON_PRIORITY
            )
        for name, own, ours in (
            (
                "EXTENSIONS",
                "scraper.extensions.crawl_stats.CrawlStatsExtension",
                "scraper.distributed.worker.WorkerCrawlStats",
            ),
            ("ITEM_PIPELINES", "scraper.pipelines.ArchivePipeline", "scraper.distributed.worker.WorkerPipeline"),
        ):
            settings[name].set(ours, settings[name].get(own, 100), priority=ADDON_PRIORITY)
            settings[name].set(own, None, priority=ADDON_PRIORITY)


class WorkerCrawlStats(CrawlStatsExtension):
    """Keeps the counts as ever; what came of a crawl is told to the writer, who judges it."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self.broker = Broker(settings)
        self.lease = Lease(self.broker, settings, settings["CREW_HOST"], settings.getint("CREW_TOKEN"))
        self.lease_check: AsyncioLoopingCall | LoopingCall | None = None
        self.operation_log: OperationLog | None = None

    def spider_opened(self, spider: ReleaseSpider) -> None:
        """From now on what the spider writes is told; and the lease is looked at, now and then."""
        self.check_lease()
        self.lease_check = create_looping_call(self.check_lease)
        self.lease_check.start(max(0.1, self.lease.lease_seconds / 10), now=False)
        try:
            self.operation_log = self.replace_archive(spider)
            super().spider_opened(spider)
            self.operation_log.sender.send(Operation(name="begin", kwargs={"spider": spider.name, "at": now()}))
        except (BrokerError, sqlite3.OperationalError) as error:
            spider.deferrals.stop_if_unwritable(SendError(str(error)))

    def replace_archive(self, spider: ReleaseSpider) -> OperationLog:
        """Put the errand's copy in the place of the archive that the spider opened."""
        (slug,) = spider.agencies
        operation_log = OperationLog(MessageSender(self.broker, self.lease, slug))
        schedule, path = spider.recorder.schedule, spider.archive.path
        spider.recorder.close()
        spider.archive.close()
        spider.archive = copy = ArchiveCopy(path, operation_log)
        spider.recorder = build_worker_recorder(copy, schedule)
        return operation_log

    def check_lease(self) -> None:
        """How long the lease is ours; where the broker does not answer, until it would have ended."""
        try:
            self.broker.call_with_retry(self.lease.refresh, 0)
        except BrokerError as error:
            logger.warning("%s", error)

    def spider_closed(self, spider: ReleaseSpider, reason: str) -> None:
        """What came of the crawl."""
        if self.lease_check and self.lease_check.running:
            self.lease_check.stop()
        if (
            self.operation_log is None
        ):  # nothing could be told from the beginning: the worker finds no crawl in the copy
            return
        (tally,) = spider.agency_stats.values()
        (agency,) = spider.agencies.values()
        guest = self.politeness.report_politeness(agency, tally)
        more = {"source_faults": dict(tally.source_faults), "faults": dict(tally.faults), "problems": tally.problems}
        told = {"counts": tally.to_columns(), "reason": reason, "ended": spider.is_finished, "guest": guest, **more}
        at = now()
        try:
            self.operation_log.sender.send(Operation(name="close", kwargs={**told, "at": at}))
            with spider.archive.transaction():  # the next pass counts its requests; without it, this one broke off
                close_crawl(spider.archive, tally, reason, at, **guest)
        except sqlite3.OperationalError as error:
            logger.critical("what came of the crawl cannot be told: %s", error)


class WorkerPipeline:
    """The pipeline of a worker: a reading is told, not kept."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def process_item(self, page: ParsedPage) -> ParsedPage:
        """Tell of one reading."""
        spider = cast("ReleaseSpider", self.crawler.spider)
        record_page(cast("ArchiveCopy", spider.archive), spider.recorder, page, now())
        return page


class LeasedHandler(BaseDownloadHandler):
    """Whatever downloads, but for a lease that is not ours any more: then nothing is asked for."""

    scheme: str

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.handler: Any = build_from_crawler(load_object(crawler.settings[f"CREW_HANDLER_{self.scheme}"]), crawler)

    async def download_request(self, request: Request) -> Response:
        """Stopped where the agency may be another's."""
        books, spider = self.crawler.get_extension(WorkerCrawlStats), cast("ReleaseSpider", self.crawler.spider)
        if books is None or books.lease.seconds_left <= 0:
            spider.deadline.is_stopping = True
            raise CrawlStopped("the agency may be another worker's by now")
        response: Response = await self.handler.download_request(request)
        return response

    async def close(self) -> None:
        """Nothing more is asked for."""
        await self.handler.close()


class LeasedHttpHandler(LeasedHandler):
    """Of http."""

    scheme = "http"


class LeasedHttpsHandler(LeasedHandler):
    """Of https."""

    scheme = "https"


ROUND_SPIDERS = ("news", "revisit")
JOB_TIMEOUT = 120  # seconds that a writer may take to give an errand
RETRY_DELAY = 10.0  # seconds until a round is tried again for which there was no writer, or no broker
CRASH_RETRY_DELAY = 60.0  # and one whose crawl broke off by itself
CONFIGURATION_EXIT_CODE = 2  # the exit code of a crawl that is wrongly configured


class RoundRunner:
    """Goes on rounds. options: what the worker's own command line says, handed on to its crawls."""

    def __init__(self, broker: Broker, settings: BaseSettings, runner: CommandRunner, options: Sequence[str]) -> None:
        self.broker, self.settings, self.runner, self.options = broker, settings, runner, options
        self.misconfigured = False  # whether a crawl said that it is wrongly configured

    def run_round(self, slug: str, host: str) -> JobDeferral | None:
        """One round; when to try again where it was not done."""
        if self.runner.stop_requested:
            return JobDeferral(seconds=0)
        try:
            with self.broker.convert_errors():
                lease = Lease.acquire(self.broker, self.settings, host)
                if lease:
                    return self.run_leased_round(lease, slug, host)
                left = int(self.broker.redis.pttl(self.broker.key("lease", host)))
                return JobDeferral(seconds=max(left, 100) / 1000)
        except (BrokerError, SendError) as error:
            logger.warning("%s: the round broke off: %s", slug, error)
            return JobDeferral(seconds=RETRY_DELAY)

    def run_leased_round(self, lease: Lease, slug: str, host: str) -> JobDeferral | None:
        """The same, the agency being ours."""
        logger.info("%s: a round begins, token %d", slug, lease.token)
        lost, host_delay = threading.Event(), 0.0

        def lose() -> None:
            lost.set()
            if self.runner.child:
                self.runner.child.terminate()

        try:
            with LeaseRenewal(lease, lose), tempfile.TemporaryDirectory(prefix="round-") as folder:
                MessageSender(self.broker, lease, slug).send(Operation(name="open", kwargs={}))
                job = self.receive_job(lease, lost.is_set)
                if not job:
                    return JobDeferral(seconds=RETRY_DELAY) if job is None else None
                unpack_job(job, Path(folder))
                later, host_delay = self.run_passes(lease, slug, host, Path(folder), lost.is_set)
                return later
        finally:
            if not lost.is_set():
                self.release_lease(lease, host_delay)

    def receive_job(self, lease: Lease, is_lost: Callable[[], bool]) -> bytes | None:
        """The errand that the writer gives; b"" where there is to be none; None where it gives no answer."""
        key, begun = self.broker.key("errand", lease.token), time.monotonic()
        while not (is_lost() or self.runner.stop_requested) and time.monotonic() - begun < JOB_TIMEOUT:
            found = self.broker.call_with_retry(
                lambda: self.broker.redis.blpop([key], timeout=1), lambda: lease.seconds_left
            )
            if found:
                return cast("list[bytes]", found)[1]
        return None

    def run_passes(
        self, lease: Lease, slug: str, host: str, folder: Path, is_lost: Callable[[], bool]
    ) -> tuple[JobDeferral | None, float]:
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
        host_delay = 0.0
        for name in ROUND_SPIDERS:
            if name == "revisit" and not has_due_releases(folder / "archive.db", slug):
                continue
            self.runner.wait(host_delay)
            previous_crawl_id = read_last_crawl_id(folder / "archive.db")
            code = self.runner.run_scrapy("crawl", name, *arguments, *self.options, *told)
            complete, host_delay = self.read_pass_result(folder / "archive.db", previous_crawl_id)
            self.misconfigured = self.misconfigured or code == CONFIGURATION_EXIT_CODE
            if self.runner.stop_requested or is_lost() or code not in (0, 1) or not complete:
                logger.warning("%s: its %s pass broke off (%d); the round goes to another", slug, name, code)
                return JobDeferral(
                    seconds=0 if self.runner.stop_requested or is_lost() else CRASH_RETRY_DELAY
                ), host_delay
        MessageSender(self.broker, lease, slug).send(Operation(name="end", kwargs={}))
        return None, host_delay

    def read_pass_result(self, archive_path: Path, previous_crawl_id: int) -> tuple[bool, float]:
        """Whether a pass has told all that it did; and the seconds that its host wants between two requests.

        Told by the row of crawls that the pass itself has completed. before: the newest row before it. Where there is
        none, the longest delay.
        """
        longest = self.settings.getfloat("CRAWL_DELAY_MAX")
        with closing(sqlite3.connect(archive_path)) as db:
            sql = "select requests, delay from crawls where id > ? and finished is not null"
            row = db.execute(sql, [previous_crawl_id]).fetchone()
        if row is None:
            return False, longest
        requests, delay = row
        least = self.settings.getfloat("DOWNLOAD_DELAY")
        return True, max(least, longest if delay is None else float(delay)) if requests else 0.0

    def release_lease(self, lease: Lease, host_delay: float) -> None:
        """Leave the agency to others; where the broker does not answer, the lease ends by itself."""
        try:
            self.broker.call_with_retry(lambda: lease.release(host_delay), 0)
        except BrokerError as error:
            logger.warning("the lease cannot be released: %s", error)


def has_due_releases(archive_path: Path, slug: str) -> bool:
    """Whether any held release is to be looked at again: a pass that finds none would only cost its start."""
    with Archive(archive_path, rebuild_stale=False) as archive:
        return bool(archive.frontier.list_stale(slug, now(), 1))
