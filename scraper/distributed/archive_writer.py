"""The writer: applies the workers' messages to archive.db, and hands out jobs to the workers.

Messages are applied in order, and each of them only once. A message is applied by the functions
that a local crawl uses, in the transaction that also records the message's number. It is
acknowledged and deleted from the stream only after the commit. If a message arrives again, it has
no effect.
"""

from __future__ import annotations

import json
import logging
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any, cast

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem
from scrapy.settings import BaseSettings
from scrapy.signalmanager import SignalManager

from archive.database.frontier import Job, Jobs
from archive.database.refused_pages import DEFAULT_RETENTION, Retention
from archive.database.sqlite_files import ArchiveError
from archive.evidence.manifest import write_manifest
from archive.health.rules import assess_agencies
from archive.store.releases import Archive
from archive.times import now
from scraper.agency import Agency, load_agencies
from scraper.crawl.alerts import AlertSettings
from scraper.crawl.archive_pipeline import ArchivePipeline
from scraper.crawl.crawl_stats import AgencyStats, add_declared_agency, close_crawl, open_crawl
from scraper.crawl.failures import OWN_FAULT
from scraper.crawl.round_locks import lock_agency, lock_writer, open_lock_file, unlock_agency
from scraper.crawl.rounds import close_round, read_last_crawl_id
from scraper.distributed.broker import (
    CONSUMER_GROUP,
    CONSUMER_NAME,
    DELETE_MESSAGE_SCRIPT,
    REVOKE_LEASE_SCRIPT,
    Broker,
)
from scraper.distributed.leases import find_lease_host
from scraper.distributed.worker_messages import (
    WorkerMessage,
    WorkerOperation,
    build_job,
    unpack_message,
)
from scraper.errors import BrokerError
from scraper.ingest import CrawlRecorder, ParsedPage, read_retention
from scraper.revisit_schedule import RevisitSchedule, parse_schedule

logger = logging.getLogger(__name__)
# id and fields; no fields if the entry has been deleted
StreamEntry = tuple[bytes, Mapping[bytes, bytes]]

BATCH_SIZE = 32  # messages read at a time
BLOCK_MILLISECONDS = 1000  # waiting time for a message
# deliveries of a message; if it has crashed this many writers, it is moved to `unreadable`
MAX_DELIVERIES = 10
JOB_EXPIRY = 600  # seconds in which a worker can take its job
MAX_JUDGE_INTERVAL = 3600.0  # seconds between assessments of all agencies while rounds are running

# Counters that the worker keeps; the pipeline keeps the others.
WORKER_COUNTERS = (
    *(
        "listed",
        "already_stored",
        "rejected",
        "errors",
        "requests",
        "not_modified",
        "bytes",
        "unchanged",
        "missing",
    ),
)
# counters that are Counter objects
NAMED_COUNTERS = ("field_counts", "failures", "source_failures")


@dataclass(slots=True)
class RemoteCrawl:
    """A worker's crawl of one agency, with the attributes of a spider that the pipeline needs."""

    archive: Archive
    recorder: CrawlRecorder
    agencies: dict[str, Agency]
    agency_stats: dict[str, AgencyStats]
    is_finished: bool = False
    pipeline: ArchivePipeline = field(init=False)

    def __post_init__(self) -> None:
        crawler = SimpleNamespace(spider=self, signals=SignalManager(), settings=BaseSettings())
        self.pipeline = ArchivePipeline(cast("Crawler", crawler))


class MessageProcessor:
    def __init__(
        self, path: Path, schedule: RevisitSchedule, retention: Retention = DEFAULT_RETENTION
    ) -> None:
        self.archive = Archive(path)
        # acknowledged messages must survive a power failure
        self.archive.db.execute("pragma synchronous = full")
        self.recorder = CrawlRecorder(self.archive, schedule, retention=retention)
        self.jobs = Jobs(self.archive.db)
        self.crawls: dict[str, RemoteCrawl] = {}  # agency → its running pass

    def close(self) -> None:
        self.recorder.close()
        self.archive.close()

    def start_round(self, message: WorkerMessage, agency: Agency) -> bool:
        """Record that a worker has been given an agency's round.

        Returns False if a round of the agency with a newer token has already been recorded.
        """
        with self.archive.transaction():
            add_declared_agency(self.archive, agency)
            self.archive.hosts.set_agency_pauses({agency.slug: agency.paused})
            job = self.jobs.get(agency.slug)
            if job and job.token >= message.token:
                return job.token == message.token
            self.jobs.start(agency.slug, message.token, now(), message.seq)
        self.crawls.pop(agency.slug, None)
        return True

    def apply_message(self, message: WorkerMessage, agency: Agency) -> bool:
        """Apply a message, unless it was already applied. The message must not be a `start_round`.

        Returns False if the message's token is not the newest, or if earlier messages are missing.
        """
        with self.archive.transaction():
            job = self.jobs.get(message.agency)
            if job is None or job.token != message.token or message.seq > job.applied + 1:
                return False
            if message.seq <= job.applied:
                return True
            crawl = self._resume_crawl(job, agency)
            for operation in message.operations:
                self._apply_operation(operation, crawl, agency)
            crawl = self.crawls.get(agency.slug)
            stats = crawl.agency_stats[agency.slug] if crawl else None
            self.jobs.mark_applied(
                agency.slug,
                message.seq,
                crawl=stats.crawl_id if stats else job.crawl_id,
                counters=_format_stats(stats) if stats else None,
            )
            if message.operations[-1].name == "finish_round":
                self.jobs.finish(agency.slug, now())
        return True

    def reject_pages(self, message: WorkerMessage, agency: Agency) -> bool:
        """Record the pages of a message as failed, because the writer could not apply the message.

        The pages are requested again later. Returns False if the message contains anything other
        than pages. The round must then end, because later messages may depend on this one.
        """
        pages: list[ParsedPage] = [
            operation.args[0] for operation in message.operations if operation.name == "save_page"
        ]
        with self.archive.transaction():
            job = self.jobs.get(message.agency)
            if job is None or job.token != message.token or message.seq != job.applied + 1:
                return True
            crawl = self._resume_crawl(job, agency)
            if crawl is None or len(pages) != len(message.operations):
                return False
            stats = crawl.agency_stats[agency.slug]
            for page in pages:
                problem = f"{page.url}: the writer failed on this page {MAX_DELIVERIES} times"
                stats.count_error(problem, OWN_FAULT)
                self.recorder.record_failure(
                    page.url,
                    page.release_id,
                    page.response.fetched_at,
                    problem,
                    rejected=True,
                    refused=page.response,
                )
            self.jobs.mark_applied(
                agency.slug, message.seq, crawl=stats.crawl_id, counters=_format_stats(stats)
            )
        return True

    def write_manifest(self) -> None:
        """Write the day's manifest if it is missing, and delete old refused pages.

        Errors are logged.
        """
        try:
            self.recorder.expire_refused()
            write_manifest(self.archive.db.conn, self.recorder.captures, now().date())
        except ArchiveError as error:
            logger.critical("the manifest cannot be written: %s", error)

    def _resume_crawl(self, job: Job, agency: Agency) -> RemoteCrawl | None:
        """Return the agency's running pass, or None if no pass is running.

        If an earlier writer process recorded the start of the pass, the pass is restored from the
        archive.
        """
        if agency.slug not in self.crawls and job.counters:
            stats = {agency.slug: _parse_stats(job.counters, job.crawl_id)}
            crawl = RemoteCrawl(self.archive, self.recorder, {agency.slug: agency}, stats)
            self.crawls[agency.slug] = crawl
            urls = self.archive.db.execute(
                "select url from quarantine where crawl = ?", [job.crawl_id]
            ).fetchall()
            if urls:
                crawl.pipeline.quarantined_urls[agency.slug] = {url for (url,) in urls}
        return self.crawls.get(agency.slug)

    def _apply_operation(
        self, operation: WorkerOperation, crawl: RemoteCrawl | None, agency: Agency
    ) -> None:
        part, _, method = operation.name.rpartition(".")
        if part:
            owner = self.recorder if part == "recorder" else getattr(self.archive, part)
            getattr(owner, method)(*operation.args, **operation.kwargs)
        elif operation.name == "open_crawl":
            stats = {
                agency.slug: AgencyStats(
                    crawl_id=open_crawl(self.archive, agency.slug, **operation.kwargs)
                )
            }
            self.crawls[agency.slug] = RemoteCrawl(
                self.archive, self.recorder, {agency.slug: agency}, stats
            )
        elif operation.name != "finish_round":
            if crawl is None:
                raise BrokerError(f"{agency.slug}: {operation.name!r} without a running pass")
            if operation.name == "close_crawl":
                self._close_crawl(crawl, agency.slug, operation.kwargs)
                return
            with suppress(DropItem):  # the pipeline has already counted and logged it
                crawl.pipeline.process_item(operation.args[0])

    def _close_crawl(self, crawl: RemoteCrawl, slug: str, result: Mapping[str, Any]) -> None:
        """End an agency's crawl: complete the row in crawls, and assess the agency's health.

        The counts in the row are the sums of the worker's and the writer's counts.
        """
        stats = crawl.agency_stats[slug]
        for name in WORKER_COUNTERS:
            setattr(stats, name, getattr(stats, name) + result["counts"][name])
        stats.failures.update(result["failures"])
        stats.source_failures.update(result["source_failures"])
        stats.problems[:0] = result["problems"]
        crawl.is_finished = result["is_finished"]
        crawl.pipeline.close_spider()
        # the worker's time, like the times of the crawl's start and pages, because feeds compare
        # them
        close_crawl(self.archive, stats, result["reason"], result["at"], **result["politeness"])
        assess_agencies(self.archive.db, [slug], now())
        del self.crawls[slug]


def _format_stats(stats: AgencyStats) -> str:
    """Format the counts of a running pass as JSON, for `_parse_stats` in a later writer process."""
    more = {name: getattr(stats, name) for name in (*NAMED_COUNTERS, "problems")}
    return json.dumps({**stats.to_columns(), **more}, ensure_ascii=False)


def _parse_stats(text: str, crawl_id: int | None) -> AgencyStats:
    """Parse the counts written by `_format_stats`."""
    values = json.loads(text)
    counters = {name: Counter(values.get(name, {})) for name in NAMED_COUNTERS}
    return AgencyStats(crawl_id=crawl_id, **values | counters)


class ArchiveWriter:
    """Applies workers' messages to an archive. Raises ArchiveError if another writer is running."""

    def __init__(
        self,
        broker: Broker,
        settings: BaseSettings,
        archive_path: Path,
        agencies_file: Path,
        alert_settings: AlertSettings,
    ) -> None:
        self.broker = broker
        self.archive_path = archive_path
        self.agencies_file = agencies_file
        self.alert_settings = alert_settings
        self.agencies: dict[str, Agency] = load_agencies(agencies_file)
        self.stream = broker.key("stream")
        self.should_stop: Callable[[], bool] = lambda: False
        self.writer_lock = lock_writer(archive_path)
        schedule, retention = parse_schedule(settings["REVISIT_AGES"]), read_retention(settings)
        self.processor = MessageProcessor(archive_path, schedule, retention)
        self.agency_lock = open_lock_file(archive_path)
        self.locked_agencies: set[str] = set()  # slugs of agencies with a running round
        for job in self.processor.jobs.list_unfinished():
            self.claim_agency(job.agency)
        # newest row of crawls at the last assessment of all agencies
        self.previous_crawl_id = read_last_crawl_id(archive_path)
        self.judged_at = monotonic()
        # whether rounds have run since that assessment
        self.has_open_rounds = bool(self.locked_agencies)

    def close(self) -> None:
        self.processor.close()
        self.agency_lock.close()
        self.writer_lock.close()

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Apply messages until `should_stop` returns True.

        Messages that an earlier writer received but did not acknowledge come first. These are
        applied one at a time, because one of them may have crashed that writer.
        """
        self.should_stop = should_stop
        if any(agency.attachments != "none" for agency in self.agencies.values()):
            logger.info(
                "workers fetch no attached files: `scrapy crawl attachments` does, beside the"
                " archive"
            )
        self.create_group()
        while not should_stop() and (pending := self.read_entries("0", 1)):
            for entry_id, fields in pending:
                self.process_again(entry_id, fields)
        while not should_stop():
            self.process_entries(self.read_entries(">", BATCH_SIZE))
            self.close_rounds()

    def create_group(self) -> None:
        """Create the stream's consumer group, unless it exists already."""
        from redis.exceptions import ResponseError  # noqa: PLC0415 - an optional dependency

        try:
            self.broker.redis.xgroup_create(self.stream, CONSUMER_GROUP, "0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):  # BUSYGROUP: the group exists already
                raise

    def process_again(self, entry_id: bytes, fields: Mapping[bytes, bytes]) -> None:
        """Apply a message that an earlier writer received.

        After MAX_DELIVERIES attempts, the message is rejected instead.
        """
        deliveries = cast(
            "Any",
            self.broker.redis.xpending_range(self.stream, CONSUMER_GROUP, entry_id, entry_id, 1),
        )
        if fields and deliveries and deliveries[0]["times_delivered"] > MAX_DELIVERIES:
            self.reject_entry(fields)
            self.delete_entry(entry_id, fields)
        else:
            self.process_entries([(entry_id, fields)])

    def read_entries(self, after_id: str, count: int) -> list[StreamEntry]:
        """Return at most `count` messages of the stream.

        after_id: ">" to read new messages, or an id to read the unacknowledged messages after it.
        """
        found = self.broker.call_with_retry(
            lambda: self.broker.redis.xreadgroup(
                CONSUMER_GROUP,
                CONSUMER_NAME,
                {self.stream: after_id},
                count=count,
                block=BLOCK_MILLISECONDS,
            ),
            self.retry_timeout,
        )
        rows = (
            found.values()
            if isinstance(found, dict)
            else [entries for _, entries in cast("Any", found or [])]
        )
        return [
            (entry_id, fields) for entries in rows for entry_id, fields in _flatten_entries(entries)
        ]

    def process_entries(self, entries: Sequence[StreamEntry]) -> None:
        """Apply messages, and delete them from the stream.

        A request for a job ends the current transaction, and the job is sent after the commit.
        """
        while entries:
            count, actions = self.apply_entries(entries)
            for action in actions:
                action()
            for entry_id, fields in entries[:count]:
                self.delete_entry(entry_id, fields)
            if entries := entries[count:]:
                (entry_id, fields), *entries = entries
                self.send_job(unpack_message(fields))
                self.delete_entry(entry_id, fields)

    def apply_entries(self, entries: Sequence[StreamEntry]) -> tuple[int, list[Callable[[], None]]]:
        """Apply the messages that precede the first request for a job, in one transaction.

        Returns the number of applied messages, and a list of functions to call after the commit.
        """
        actions: list[Callable[[], None]] = []
        with self.processor.archive.transaction():
            for number, (_, fields) in enumerate(entries):
                if not fields:  # deleted from the stream after an earlier writer had received it
                    continue
                message = unpack_message(fields)  # one at a time, because a response may be large
                if message.operations[0].name == "start_round":
                    return number, actions
                agency = self.agencies.get(message.agency)
                if agency is None or not self.processor.apply_message(message, agency):
                    actions.append(partial(self.revoke_lease, message.agency, message.token))
                elif message.operations[-1].name == "finish_round":
                    actions.append(partial(self.finish_round, message.agency))
        return len(entries), actions

    def delete_entry(self, entry_id: bytes, fields: Mapping[bytes, bytes]) -> None:
        # the same fields as in SEND_MESSAGE_SCRIPT
        size = sum(len(fields[name]) for name in (b"operations", b"body") if name in fields)
        keys = [self.stream, self.broker.key("backlog")]
        self.broker.call_with_retry(
            lambda: self.broker.run_script(
                DELETE_MESSAGE_SCRIPT, keys, CONSUMER_GROUP, entry_id, size
            ),
            self.retry_timeout,
        )

    def reject_entry(self, fields: Mapping[bytes, bytes]) -> None:
        """Copy a message that crashed too many writers to the stream `unreadable`.

        The message's round is ended, unless the message contains only pages.
        """
        slug, token = fields[b"agency"].decode(), int(fields[b"token"])
        logger.critical(
            "a message of %s is moved to `unreadable`: %d writers failed on it",
            slug,
            MAX_DELIVERIES,
        )
        self.broker.redis.xadd(self.broker.key("unreadable"), cast("Any", fields))
        agency = self.agencies.get(slug)
        try:
            rejected = agency is not None and self.processor.reject_pages(
                unpack_message(fields), agency
            )
        except (
            BrokerError,
            ValueError,
            TypeError,
            LookupError,
        ):  # the message cannot be parsed at all
            rejected = False
        if not rejected:
            self.revoke_lease(slug, token)

    def send_job(self, message: WorkerMessage) -> None:
        """Respond to a request for a job.

        The job is empty if the agency is no longer listed, is paused, or is being crawled by
        another command. Nothing is sent if another worker has a newer token.
        """
        slug = message.agency
        listed = load_agencies(self.agencies_file)
        self.agencies = {**self.agencies, **listed}
        job, agency = b"", listed.get(slug)
        if agency and not agency.paused and self.claim_agency(slug):
            if not self.processor.start_round(message, agency):
                return  # another worker has a newer token
            job = build_job(
                self.archive_path,
                slug,
                tomllib.loads(self.agencies_file.read_text("utf-8"))[slug],
                now(),
            )
            self.has_open_rounds = True
        key = self.broker.key("job", message.token)
        with self.broker.redis.pipeline() as pipeline:
            pipeline.delete(key)
            pipeline.rpush(key, job)
            pipeline.expire(key, JOB_EXPIRY)
            self.broker.call_with_retry(pipeline.execute, self.retry_timeout)

    def claim_agency(self, slug: str) -> bool:
        """Lock an agency against other commands. Return False if another command is crawling it."""
        if slug not in self.locked_agencies and lock_agency(self.agency_lock, slug):
            self.locked_agencies.add(slug)
        return slug in self.locked_agencies

    def finish_round(self, slug: str) -> None:
        """Write the day's manifest and unlock the agency."""
        self.processor.write_manifest()
        self.locked_agencies.discard(slug)
        unlock_agency(self.agency_lock, slug)

    def revoke_lease(self, slug: str, token: int) -> None:
        """Revoke a worker's lease after one of the worker's messages was rejected.

        The round is later started again with a new token.
        """
        logger.warning("%s: messages with token %d are rejected", slug, token)
        if agency := self.agencies.get(slug):
            key = self.broker.key("lease", find_lease_host(agency.home))
            self.broker.run_script(REVOKE_LEASE_SCRIPT, [key], token)

    def close_rounds(self) -> None:
        """Assess every agency's health and send alerts, once no round is running any more.

        While rounds are still running, this is also done, but at most once an hour.
        """
        if not self.has_open_rounds or (
            self.locked_agencies and monotonic() - self.judged_at < MAX_JUDGE_INTERVAL
        ):
            return
        result = close_round(
            self.archive_path, self.agencies, self.alert_settings, self.previous_crawl_id
        )
        logger.info("rounds: %s", result)
        self.previous_crawl_id = read_last_crawl_id(self.archive_path)
        self.judged_at = monotonic()
        self.has_open_rounds = bool(self.locked_agencies)

    def retry_timeout(self) -> float:
        """Return the number of seconds for which to keep retrying if the broker does not respond.

        Returns 0 if the writer is stopping.
        """
        return 0.0 if self.should_stop() else 1.0


def _flatten_entries(entries: Any) -> list[StreamEntry]:
    """Return the stream entries in a response, which RESP3 nests one list deeper than RESP2."""
    if (
        entries
        and isinstance(entries[0], list)
        and entries[0]
        and isinstance(entries[0][0], list | tuple)
    ):
        return [entry for inner in entries for entry in inner]
    return list(entries)
