"""The worker: crawls agencies, one round after another, and sends the results to the writer.

For each round, the worker takes the lease of the agency's host, receives a job (a copy of the
agency's part of the archive), and runs `scrapy crawl news` and `scrapy crawl revisit` on that copy.
WorkerAddon replaces the components of these crawls that write to the archive: each transaction on
the copy is first sent to the writer, as one message, and then committed. A transaction that cannot
be sent is rolled back. A SendError ends the crawl, just as an archive that cannot be written ends a
local crawl. The only purpose of the copy is to keep the crawl from requesting a page twice. It is
deleted when the round ends.
"""

from __future__ import annotations

import logging
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

from scrapy import Request
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.settings import BaseSettings
from scrapy.utils.asyncio import AsyncioLoopingCall, create_looping_call
from scrapy.utils.misc import build_from_crawler, load_object
from twisted.internet.task import LoopingCall

from archive.database.frontier import Frontier, Hosts, PaginationCursors
from archive.store.releases import Archive
from archive.times import now
from scraper.crawl.crawl_stats import ArchiveSpider, CrawlStatsExtension, close_crawl
from scraper.crawl.rounds import ROUND_SPIDERS, CommandRunner, read_last_crawl_id
from scraper.distributed.broker import (
    BACKLOG_FULL,
    CLOCK,
    LEASE_LOST,
    RETRY_INTERVAL,
    SEND_MESSAGE_SCRIPT,
    Broker,
)
from scraper.distributed.leases import Lease, keep_lease
from scraper.distributed.worker_messages import (
    ARCHIVE_OPERATIONS,
    WorkerOperation,
    pack_operations,
    unpack_job,
)
from scraper.downloader.limits import CrawlerComponent, CrawlStopped
from scraper.errors import BrokerError
from scraper.ingest import CrawlRecorder, FetchedPage, ParsedPage
from scraper.revisit_schedule import parse_schedule
from scraper.spiders.release_spider import ReleaseSpider

logger = logging.getLogger(__name__)

# priority of the settings that the add-on changes; higher than that of every settings file
ADDON_PRIORITY = "cmdline"
MAX_SEND_WAIT = 300  # seconds that a crawl waits if the writer falls behind
JOB_TIMEOUT = 120  # seconds to wait for a job from the writer
# seconds until a round is tried again after the writer or the broker did not respond
RETRY_DELAY = 10.0
CRASH_RETRY_DELAY = 60.0  # seconds until a round is tried again after its crawl crashed


# Sending


class SendError(sqlite3.OperationalError):
    """Raised if a message cannot be sent to the writer."""


class MessageSender:
    """Sends messages under one lease.

    Each message is accepted exactly once, even if sending is retried.
    """

    def __init__(
        self, broker: Broker, lease: Lease, agency: str, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self.broker, self.lease, self.agency, self.wait = broker, lease, agency, wait
        self.keys = [
            lease.key,
            broker.key("stream"),
            broker.key("round", lease.token),
            broker.key("backlog"),
        ]
        seq = broker.call_with_retry(
            lambda: broker.redis.hget(self.keys[2], "seq"), lambda: lease.seconds_left
        )
        self.seq = int(cast("bytes | None", seq) or 0)
        self.failure = ""  # why nothing can be sent any more; "" if sending works

    def send(self, *operations: WorkerOperation) -> None:
        """Send operations as one message.

        While more than DISTRIBUTED_BACKLOG bytes are waiting for the writer, the call waits, for up
        to MAX_SEND_WAIT seconds. Raises SendError if the wait would be longer, if another worker
        holds the lease, or if the broker does not respond before the lease ends.
        """
        if self.failure:
            raise SendError(self.failure)
        (text, body), waited = pack_operations(operations), 0.0
        while (result := self._send_once(text, body)) == BACKLOG_FULL:
            if waited > MAX_SEND_WAIT:
                raise SendError("the writer is too far behind")
            self.wait(RETRY_INTERVAL)
            waited += RETRY_INTERVAL
        if result == LEASE_LOST:
            raise SendError("another worker has the lease of the agency")
        self.seq += 1

    def _send_once(self, text: bytes, body: bytes) -> int:
        broker = self.broker
        arguments = (self.lease.token, self.agency, self.seq + 1, broker.max_backlog, text, body)
        requested_at = time.clock_gettime(CLOCK)
        try:
            result = broker.call_with_retry(
                lambda: broker.run_script(SEND_MESSAGE_SCRIPT, self.keys, *arguments),
                lambda: self.lease.seconds_left,
            )
        except BrokerError as error:
            # The broker may have received this message, so its number must not be used again.
            self.failure = str(error)
            raise SendError(self.failure) from error
        if result != BACKLOG_FULL:
            self.lease.update_expiry(result, requested_at)
        return result


# The copy of the archive


class ArchiveCopy(Archive):
    """A job's copy of the archive. It sends each transaction to the writer before committing it."""

    def __init__(self, path: Path, sender: MessageSender) -> None:
        super().__init__(path, rebuild_stale=False)
        self.sender = sender
        self.operations: list[WorkerOperation] = []  # operations of the current transaction
        self.depth = 0  # depth of nested operations; only the outermost is sent
        self.frontier = cast("Frontier", RecordingProxy(self, "frontier", self.frontier))
        self.hosts = cast("Hosts", RecordingProxy(self, "hosts", self.hosts))
        self.cursors = cast("PaginationCursors", RecordingProxy(self, "cursors", self.cursors))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Open a transaction if none is open, and send its operations before the commit."""
        if self.db.conn.in_transaction:
            yield
            return
        self.operations.clear()
        with super().transaction():
            yield
            operations, self.operations = self.operations, []
            if operations:
                self.sender.send(*operations)

    @contextmanager
    def operation(self, name: str, *args: Any, **kwargs: Any) -> Iterator[None]:
        """Record an operation to send to the writer.

        The `with` block performs the operation on the worker's copy of the archive. Nothing is
        recorded inside the block of another operation.
        """
        with self.transaction():
            if not self.depth:
                self.operations.append(WorkerOperation(name=name, args=args, kwargs=kwargs))
            self.depth += 1
            try:
                yield
            finally:
                self.depth -= 1


class RecordingProxy:
    """Proxy for a part of the archive that records calls of the part's `ARCHIVE_OPERATIONS`.

    name: the part's name.
    """

    def __init__(self, copy: ArchiveCopy, name: str, part: object) -> None:
        self._copy, self._name, self._part = copy, name, part

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._part, name)
        if name not in ARCHIVE_OPERATIONS[self._name]:
            return attribute

        def recorded(*args: Any, **kwargs: Any) -> Any:
            with self._copy.operation(f"{self._name}.{name}", *args, **kwargs):
                return attribute(*args, **kwargs)

        return recorded


class WorkerRecorder(CrawlRecorder):
    """Crawl recorder that works on an ArchiveCopy.

    It stores no bytes of responses, and leaves decisions about missing pages to the writer.
    """

    def keep_refused(
        self, url: str, release_id: int | None, response: FetchedPage, reason: str
    ) -> None:
        """Do nothing.

        The response is sent to the writer in a message, and the writer keeps it.
        """

    def record_missing(
        self,
        url: str,
        release_id: int,
        response: FetchedPage,
        kind: str,
        target: str | None = None,
        *,
        credible: bool = False,
        refusal: str | None = None,
    ) -> bool:
        """Mark a missing page as done for this round, and return True."""
        self.archive.frontier.mark_gone(url, response.fetched_at, kind)
        self.archive.set_next_check(release_id, self.next_check(release_id, response.fetched_at))
        return True


# Scrapy's components


class WorkerAddon:
    """Scrapy add-on that turns `scrapy crawl` into a worker's crawl.

    It needs two more settings: DISTRIBUTED_TOKEN and DISTRIBUTED_HOST, the token and the host of
    the lease.
    """

    def update_settings(self, settings: BaseSettings) -> None:
        handlers = settings["DOWNLOAD_HANDLERS"]
        settings.set("DISTRIBUTED_HANDLER", handlers["https"], priority=ADDON_PRIORITY)
        for scheme in ("http", "https"):
            handlers.set(
                scheme, "scraper.distributed.worker_crawl.LeasedHandler", priority=ADDON_PRIORITY
            )
        for name, replaced, replacement in (
            (
                "EXTENSIONS",
                "scraper.crawl.crawl_stats.CrawlStatsExtension",
                "scraper.distributed.worker_crawl.WorkerCrawlStats",
            ),
            (
                "ITEM_PIPELINES",
                "scraper.crawl.archive_pipeline.ArchivePipeline",
                "scraper.distributed.worker_crawl.WorkerPipeline",
            ),
        ):
            settings[name].set(
                replacement, settings[name].get(replaced, 100), priority=ADDON_PRIORITY
            )
            settings[name].set(replaced, None, priority=ADDON_PRIORITY)


class WorkerCrawlStats(CrawlStatsExtension):
    """Crawl statistics that are sent to the writer."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self.broker = Broker(settings)
        self.lease = Lease(
            self.broker,
            settings,
            settings["DISTRIBUTED_HOST"],
            settings.getint("DISTRIBUTED_TOKEN"),
        )
        self.lease_check: AsyncioLoopingCall | LoopingCall | None = None
        self.sender: MessageSender | None = None

    def spider_opened(self, spider: ArchiveSpider) -> None:
        """Make the spider send its data to the writer, and check the lease at intervals."""
        self.check_lease()
        self.lease_check = create_looping_call(self.check_lease)
        self.lease_check.start(max(0.1, self.lease.lease_seconds / 10), now=False)
        try:
            (slug,) = spider.agencies
            self.sender = sender = MessageSender(self.broker, self.lease, slug)
            # replace the archive that the spider opened with a copy that sends all changes
            schedule, path = spider.recorder.schedule, spider.archive.path
            spider.recorder.close()
            spider.archive.close()
            spider.archive = copy = ArchiveCopy(path, sender)
            recorder = RecordingProxy(copy, "recorder", WorkerRecorder(copy, schedule))
            spider.recorder = cast("CrawlRecorder", recorder)
            super().spider_opened(spider)
            sender.send(
                WorkerOperation(name="open_crawl", kwargs={"spider": spider.name, "at": now()})
            )
        except (BrokerError, sqlite3.OperationalError) as error:
            spider.stop_if_unwritable(SendError(str(error)))

    def check_lease(self) -> None:
        """Ask the broker for the lease's remaining time.

        If the broker does not respond, the last known expiry time still applies.
        """
        try:
            self.broker.call_with_retry(lambda: self.lease.renew(0), 0)
        except BrokerError as error:
            logger.warning("%s", error)

    def spider_closed(self, spider: ArchiveSpider, reason: str) -> None:
        """Send the counts of the crawl and complete its row in the copy."""
        if self.lease_check and self.lease_check.running:
            self.lease_check.stop()
        if self.sender is None:
            # nothing could be sent; without a row in the copy, the worker treats the pass as
            # interrupted
            return
        (stats,) = spider.agency_stats.values()
        (agency,) = spider.agencies.values()
        politeness, closed_at = self.report_politeness(agency, stats), now()
        result = {
            "counts": stats.to_columns(),
            "failures": dict(stats.failures),
            "source_failures": dict(stats.source_failures),
            "problems": stats.problems,
            "politeness": politeness,
            "reason": reason,
            "is_finished": spider.is_finished,
            "at": closed_at,
        }
        try:
            self.sender.send(WorkerOperation(name="close_crawl", kwargs=result))
            # The next pass counts this one's requests. A pass without a complete row counts as
            # interrupted.
            with spider.archive.transaction():
                close_crawl(spider.archive, stats, reason, closed_at, **politeness)
        except sqlite3.OperationalError as error:
            logger.critical("the result of the crawl cannot be sent: %s", error)


class WorkerPipeline(CrawlerComponent):
    """Item pipeline that sends parsed pages to the writer."""

    def process_item(self, page: ParsedPage) -> ParsedPage:
        """Send a page to the writer, mark its URL as done for this round, and return the page."""
        spider, sent_at = cast("ReleaseSpider", self.crawler.spider), now()
        copy = cast("ArchiveCopy", spider.archive)
        with copy.operation("save_page", page):
            if page.release_id is None:
                # In this state, a URL does not become due again, whatever date its source gives.
                copy.frontier.mark_quarantined(page.url, sent_at, "sent to the writer")
            else:
                headers = page.response.headers
                validators = {
                    "etag": headers.get("etag"),
                    "last_modified": headers.get("last-modified"),
                }
                copy.frontier.mark_read(page.url, page.release_id, sent_at, **validators)
                next_check = spider.recorder.next_check(page.release_id, sent_at)
                copy.mark_checked(page.release_id, sent_at, next_check)
        return page


class LeasedHandler(BaseDownloadHandler):
    """A wrapper of the configured download handler that sends no request without a valid lease."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.handler: Any = build_from_crawler(
            load_object(crawler.settings["DISTRIBUTED_HANDLER"]), crawler
        )

    async def download_request(self, request: Request) -> Response:
        """Send a request and return the response.

        Raises CrawlStopped if the lease is no longer valid.
        """
        stats, spider = (
            self.crawler.get_extension(WorkerCrawlStats),
            cast("ReleaseSpider", self.crawler.spider),
        )
        if stats is None or stats.lease.seconds_left <= 0:
            spider.deadline.is_stopping = True
            raise CrawlStopped("another worker may have the lease of the agency")
        response: Response = await self.handler.download_request(request)
        return response

    async def close(self) -> None:
        await self.handler.close()


# Rounds


class RoundRunner:
    """Runs agencies' rounds for a worker.

    options: command-line options of the worker, which are passed on to its crawls.
    """

    def __init__(
        self, broker: Broker, settings: BaseSettings, runner: CommandRunner, options: Sequence[str]
    ) -> None:
        self.broker, self.settings, self.runner, self.options = broker, settings, runner, options
        self.misconfigured = False  # whether a crawl ended with a configuration error

    def run_round(self, slug: str, host: str) -> float | None:
        """Run an agency's round.

        Returns the number of seconds to wait before trying again, or None if the round need not be
        tried again.
        """
        if self.runner.stop_requested:
            return 0.0
        try:
            with self.broker.convert_errors():
                lease = Lease.acquire(self.broker, self.settings, host)
                if lease:
                    return self.run_leased_round(lease, slug, host)
                milliseconds = int(self.broker.redis.pttl(self.broker.key("lease", host)))
                return max(milliseconds, 100) / 1000
        except (BrokerError, SendError) as error:
            logger.warning("%s: the round was interrupted: %s", slug, error)
            return RETRY_DELAY

    def run_leased_round(self, lease: Lease, slug: str, host: str) -> float | None:
        """Run a round under our lease, and then release the lease unless it was lost.

        Returns the same value as `run_round`.
        """
        logger.info("%s: round started, token %d", slug, lease.token)
        lost, host_delay = threading.Event(), 0.0

        def stop_crawl() -> None:
            lost.set()
            if self.runner.child:
                self.runner.child.terminate()

        try:
            with (
                keep_lease(lease, stop_crawl),
                tempfile.TemporaryDirectory(prefix="round-") as folder,
            ):
                MessageSender(self.broker, lease, slug).send(
                    WorkerOperation(name="start_round", kwargs={})
                )
                job = self.receive_job(lease, lost.is_set)
                if not job:
                    return RETRY_DELAY if job is None else None
                unpack_job(job, Path(folder))
                delay, host_delay = self.run_passes(lease, slug, host, Path(folder), lost.is_set)
                return delay
        finally:
            if not lost.is_set():
                try:
                    self.broker.call_with_retry(lambda: lease.release(host_delay), 0)
                except BrokerError as error:  # the lease will expire by itself
                    logger.warning("the lease cannot be released: %s", error)

    def receive_job(self, lease: Lease, is_lost: Callable[[], bool]) -> bytes | None:
        """Wait for the job from the writer, and return it.

        Returns b"" if there is no round to run. Returns None if no job arrives in time, if the
        lease is lost or if the worker is stopped.
        """
        key, started = self.broker.key("job", lease.token), time.monotonic()
        while (
            not (is_lost() or self.runner.stop_requested)
            and time.monotonic() - started < JOB_TIMEOUT
        ):
            found = self.broker.call_with_retry(
                lambda: self.broker.redis.blpop([key], timeout=1), lambda: lease.seconds_left
            )
            if found:
                return cast("list[bytes]", found)[1]
        return None

    def run_passes(
        self, lease: Lease, slug: str, host: str, folder: Path, is_lost: Callable[[], bool]
    ) -> tuple[float | None, float]:
        """Run the spiders of a round one after another.

        Returns two numbers of seconds: how long to wait before trying the round again (None if the
        round is complete), and how long to wait before the next request to the host.
        """
        archive_path = folder / "archive.db"
        settings = {
            "ARCHIVE": archive_path,
            "AGENCIES": folder / "agencies.toml",
            "ADDONS": '{"scraper.distributed.worker_crawl.WorkerAddon": 0}',
            "DISTRIBUTED_TOKEN": lease.token,
            "DISTRIBUTED_HOST": host,
        }
        options = [
            *self.options,
            *(part for name, value in settings.items() for part in ("-s", f"{name}={value}")),
        ]
        arguments = ("-a", f"agency={slug}", "-a", f"minutes={self.settings['ROUND_PASS_MINUTES']}")
        host_delay = 0.0
        for name in ROUND_SPIDERS:
            if name == "revisit":
                with Archive(archive_path, rebuild_stale=False) as archive:
                    longest = parse_schedule(str(self.settings["REVISIT_AGES"])).longest_interval
                    if not archive.frontier.list_stale(slug, now(), 1, longest):
                        continue
            self.runner.wait(host_delay)
            previous_crawl_id = read_last_crawl_id(archive_path)
            code = self.runner.run_scrapy("crawl", name, *arguments, *options)
            complete, host_delay = self.read_pass_result(archive_path, previous_crawl_id)
            self.misconfigured = self.misconfigured or code == 2
            stopped = self.runner.stop_requested or is_lost()
            if stopped or code not in (0, 1) or not complete:
                logger.warning(
                    "%s: its %s pass was interrupted (exit code %d); the round is queued again",
                    slug,
                    name,
                    code,
                )
                return 0.0 if stopped else CRASH_RETRY_DELAY, host_delay
        MessageSender(self.broker, lease, slug).send(
            WorkerOperation(name="finish_round", kwargs={})
        )
        return None, host_delay

    def read_pass_result(self, archive_path: Path, previous_crawl_id: int) -> tuple[bool, float]:
        """Return whether a pass has sent all its operations, and the host's delay in seconds.

        Both are read from the row in the crawls table that the pass completes at its end. The delay
        is 0 if the pass sent no requests. If there is no complete row with an id above
        `previous_crawl_id`, False and the longest possible delay are returned.
        """
        longest = self.settings.getfloat("CRAWL_DELAY_MAX")
        with closing(sqlite3.connect(archive_path)) as db:
            sql = "select requests, delay from crawls where id > ? and finished is not null"
            row = db.execute(sql, [previous_crawl_id]).fetchone()
        if row is None:
            return False, longest
        requests, delay = row
        shortest = self.settings.getfloat("DOWNLOAD_DELAY")
        return True, max(shortest, longest if delay is None else float(delay)) if requests else 0.0
