"""Applies messages to archive.db in order, each once; then acknowledges.

What a message does to the archive: an embedded crawl's own functions, in one transaction with its number.

The writer: takes messages from the stream, in order, applies each, then lets the broker forget it.
"""

from __future__ import annotations

import fcntl
import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TextIO, cast

from scrapy.exceptions import DropItem

from archive.database import ArchiveError
from archive.dates import now
from archive.evidence.manifest import write_manifest
from archive.frontier import Job, Jobs
from archive.health import assess_agencies
from archive.store import Archive
from scraper.agency import Agency, load_agencies
from scraper.alerts import AlertSettings
from scraper.distributed.messages import Operation, WorkerMessage, build_job, read_agency_tables, unpack_message
from scraper.distributed.queue import (
    CONSUMER_GROUP,
    CONSUMER_NAME,
    DELETE_MESSAGE_SCRIPT,
    REVOKE_LEASE_SCRIPT,
    Broker,
    find_lease_host,
)
from scraper.errors import BrokerError
from scraper.extensions.crawl_stats import AgencyStats, close_crawl, open_crawl
from scraper.ingest import CrawlRecorder, parse_schedule
from scraper.locks import lock_agency, open_lock_file, unlock_agency
from scraper.pipelines import ArchivePipeline
from scraper.round import close_round, read_last_crawl_id

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from scraper.ingest import RevisitSchedule
    from scraper.items import ParsedPage


logger = logging.getLogger(__name__)
WORKER_COUNTERS = (
    "listed",
    "refused",
    "errors",
    "requests",
    "not_modified",
    "bytes",
    "unchanged",
    "away",
)  # by the worker
TALLY_COUNTERS = ("fills", "faults", "source_faults")


@dataclass(slots=True)
class RemoteCrawl:
    """A crawl of one agency as the writer follows it: what the pipeline takes for its spider."""

    archive: Archive
    recorder: CrawlRecorder
    agencies: dict[str, Agency]
    agency_stats: dict[str, AgencyStats]
    is_finished: bool = False
    pipeline: ArchivePipeline = field(init=False)

    def __post_init__(self) -> None:
        self.pipeline = ArchivePipeline(cast("Crawler", SimpleNamespace(spider=self)))


class MessageProcessor:
    """Applies messages."""

    def __init__(self, path: Path, schedule: RevisitSchedule) -> None:
        self.archive = Archive(path)
        self.archive.db.execute("pragma synchronous = full")  # what is acknowledged outlives a power cut
        self.recorder = CrawlRecorder(self.archive, schedule)
        self.jobs = Jobs(self.archive.db)
        self.crawls: dict[str, RemoteCrawl] = {}

    def close(self) -> None:
        """Close the archive."""
        self.recorder.close()
        self.archive.close()

    def apply_message(self, message: WorkerMessage, agency: Agency) -> bool:
        """Do what a message says, unless it was done before; False where it is of an older token, or some are missing.

        An `open` is no such message: see `open`.
        """
        with self.archive.transaction():
            job = self.jobs.get(message.agency)
            if job is None or job.token != message.token or message.seq > job.applied + 1:
                return False
            if message.seq <= job.applied:
                return True
            crawl, tally = self._resume_crawl(job, agency), None
            for operation in message.operations:
                self._apply_operation(operation, crawl, agency)
            if crawl := self.crawls.get(agency.slug):
                tally = crawl.agency_stats[agency.slug]
            self.jobs.mark_applied(
                agency.slug,
                message.seq,
                crawl=tally.crawl_id if tally else job.crawl,
                tally=format_tally(tally) if tally else None,
            )
            if message.operations[-1].name == "end":
                self.jobs.finish(agency.slug, now())
        return True

    def start_round(self, message: WorkerMessage, agency: Agency) -> bool:
        """Hand a round out; False where a newer token is known."""
        with self.archive.transaction():
            self.archive.add_agency(
                agency.slug, name=agency.name, home=agency.home, name_en=agency.name_en, org_number=agency.org_number
            )
            self.archive.hosts.set_agency_pauses({agency.slug: agency.paused})
            job = self.jobs.get(agency.slug)
            if job and job.token >= message.token:
                return job.token == message.token
            self.jobs.start(agency.slug, message.token, now(), message.seq)
        self.crawls.pop(agency.slug, None)
        return True

    def reject_pages(self, message: WorkerMessage, agency: Agency) -> bool:
        """A page that we fail on is done with, and asked for again another day; False where it is no page.

        Then its round is at its end: what follows in it may rest on what was not done.
        """
        pages: list[ParsedPage] = [one.args[0] for one in message.operations if one.name == "keep"]
        with self.archive.transaction():
            job = self.jobs.get(message.agency)
            if job is None or job.token != message.token or message.seq != job.applied + 1:
                return True
            crawl = self._resume_crawl(job, agency)
            if crawl is None or len(pages) != len(message.operations):
                return False
            tally = crawl.agency_stats[agency.slug]
            for page in pages:
                problem = f"{page.url}: our own code failed on it"
                tally.count_error(problem, "our fault")
                self.recorder.record_failure(
                    page.url, page.release_id, page.response.fetched_at, problem, rejected=True
                )
            self.jobs.mark_applied(agency.slug, message.seq, crawl=tally.crawl_id, tally=format_tally(tally))
        return True

    def _resume_crawl(self, job: Job, agency: Agency) -> RemoteCrawl | None:
        """The pass that goes on, as it stands in the archive where this process does not know it."""
        if agency.slug not in self.crawls and job.tally:
            self.crawls[agency.slug] = crawl = self._create_crawl(agency, parse_tally(job.tally, job.crawl))
            urls = self.archive.db.execute("select url from held_back where crawl = ?", [job.crawl]).fetchall()
            if urls:
                crawl.pipeline.quarantined_urls[agency.slug] = {url for (url,) in urls}
        return self.crawls.get(agency.slug)

    def _create_crawl(self, agency: Agency, tally: AgencyStats) -> RemoteCrawl:
        return RemoteCrawl(self.archive, self.recorder, {agency.slug: agency}, {agency.slug: tally})

    def _apply_operation(self, operation: Operation, crawl: RemoteCrawl | None, agency: Agency) -> None:
        part, _, method = operation.name.rpartition(".")
        if part:
            owner = self.recorder if part == "recorder" else getattr(self.archive, part)
            getattr(owner, method)(*operation.args, **operation.kwargs)
        elif operation.name == "begin":
            tally = AgencyStats(crawl_id=open_crawl(self.archive, agency.slug, **operation.kwargs))
            self.crawls[agency.slug] = self._create_crawl(agency, tally)
        elif operation.name != "end":
            if crawl is None:
                raise BrokerError(f"{agency.slug}: {operation.name!r} without a pass that goes on")
            if operation.name == "close":
                self._close_crawl(crawl, agency.slug, **operation.kwargs)
                return
            with suppress(DropItem):  # it was counted, and said why
                crawl.pipeline.process_item(operation.args[0])

    def _close_crawl(
        self,
        crawl: RemoteCrawl,
        slug: str,
        *,
        counts: Mapping[str, int],
        reason: str,
        at: datetime,
        ended: bool,
        guest: Mapping[str, Any],
        faults: Mapping[str, int],
        problems: list[str],
        source_faults: Mapping[str, int] | None = None,  # a worker of an older version tells none
    ) -> None:
        """A pass has come to its end: what the worker counted is added, and all of it judged.

        `at`, like its beginning, by the worker's clock, which dates what it read: feeds compare the two.
        """
        tally = crawl.agency_stats[slug]
        for name in WORKER_COUNTERS:
            setattr(tally, name, getattr(tally, name) + counts[name])
        tally.faults.update(faults)
        tally.source_faults.update(source_faults or {})
        tally.problems[:0] = problems
        crawl.is_finished = ended
        crawl.pipeline.close_spider()
        close_crawl(self.archive, tally, reason, at, **guest)
        assess_agencies(self.archive.db, [slug], now())
        del self.crawls[slug]

    def write_manifest(self) -> None:
        """The day's manifest, where there is none yet."""
        try:
            write_manifest(self.archive.db.conn, self.recorder.captures, now().date())
        except ArchiveError as error:
            logger.critical("the manifest cannot be written: %s", error)


def format_tally(tally: AgencyStats) -> str:
    """What a pass has come to so far, as `read_json` reads it."""
    more = {name: getattr(tally, name) for name in (*TALLY_COUNTERS, "problems")}
    return json.dumps({**tally.to_columns(), **more}, ensure_ascii=False)


def parse_tally(text: str, crawl: int | None) -> AgencyStats:
    """The same as a Tally again."""
    told = json.loads(text)
    return AgencyStats(crawl_id=crawl, **told | {name: Counter(told.get(name, {})) for name in TALLY_COUNTERS})


BATCH_SIZE = 32  # messages asked for at once
BLOCK_MILLISECONDS = 1000  # milliseconds to wait for one
MAX_DELIVERIES = 10  # of a message; who is killed by it so often leaves it out
JOB_EXPIRY = 600  # seconds that an errand lies ready
MAX_JUDGE_INTERVAL = 3600.0  # seconds after which what came in is judged though rounds go on
PAYLOAD_FIELDS = (b"operations", b"body")
StreamEntry = tuple[bytes, Mapping[bytes, bytes]]  # of the stream: its id, and a message


class ArchiveWriter:
    """Owns an archive while it is entered: one writer at a time."""

    def __init__(
        self,
        broker: Broker,
        settings: BaseSettings,
        archive_path: Path,
        agencies_file: Path,
        alert_settings: AlertSettings,
    ) -> None:
        self.broker, self.archive_path, self.agencies_file, self.alert_settings = (
            broker,
            archive_path,
            agencies_file,
            alert_settings,
        )
        self.agencies: dict[str, Agency] = load_agencies(agencies_file)
        self.stream = broker.key("stream")
        self.should_stop: Callable[[], bool] = lambda: False
        self.writer_lock = lock_writer(archive_path)
        self.processor = MessageProcessor(archive_path, parse_schedule(settings["REVISIT_AGES"]))
        self.agency_lock, self.locked_agencies = open_lock_file(archive_path), set[str]()
        for errand in self.processor.jobs.list_unfinished():
            self.claim_agency(errand.agency)
        self.previous_crawl_id, self.judged_at, self.has_open_rounds = (
            read_last_crawl_id(archive_path),
            monotonic(),
            bool(self.locked_agencies),
        )

    def close(self) -> None:
        """Let go of the archive."""
        self.processor.close()
        self.agency_lock.close()
        self.writer_lock.close()

    def run(self, should_stop: Callable[[], bool]) -> None:
        """Apply messages until we are told to stop; first, one by one, those that were given to a writer that died."""
        self.should_stop = should_stop
        self.create_consumer_group()
        while not should_stop() and (pending := self.read_entries("0", 1)):
            for entry, fields in pending:
                tries = cast("Any", self.broker.redis.xpending_range(self.stream, CONSUMER_GROUP, entry, entry, 1))
                if fields and tries and tries[0]["times_delivered"] > MAX_DELIVERIES:
                    self.set_entry_unreadable(fields)
                    self.delete_entry(entry, fields)
                else:
                    self.process_entries([(entry, fields)])
        while not should_stop():
            self.process_entries(self.read_entries(">", BATCH_SIZE))
            self.close_rounds()

    def retry_timeout(self) -> float:
        """A broker that does not answer is waited for, until we are told to stop."""
        return 0.0 if self.should_stop() else 1.0

    def read_entries(self, after_id: str, number: int) -> list[StreamEntry]:
        """Some messages."""
        redis = self.broker.redis
        found = self.broker.call_with_retry(
            lambda: redis.xreadgroup(
                CONSUMER_GROUP, CONSUMER_NAME, {self.stream: after_id}, count=number, block=BLOCK_MILLISECONDS
            ),
            self.retry_timeout,
        )
        rows = found.values() if isinstance(found, dict) else [entries for _, entries in cast("Any", found or [])]
        return [(entry, fields) for entries in rows for entry, fields in flatten_entries(entries)]

    def process_entries(self, entries: Sequence[StreamEntry]) -> None:
        """Apply messages, those between two requests for an errand in one transaction; then have them forgotten."""
        while entries:
            number, afterwards = self.apply_entries(entries)
            for act in afterwards:
                act()
            for entry, fields in entries[:number]:
                self.delete_entry(entry, fields)
            if entries := entries[number:]:
                (entry, fields), *entries = entries
                self.send_job(unpack_message(fields))
                self.delete_entry(entry, fields)

    def apply_entries(self, entries: Sequence[StreamEntry]) -> tuple[int, list[Callable[[], None]]]:
        """Do what messages say, up to a request for an errand: how many, and what is to be done after the commit."""
        afterwards: list[Callable[[], None]] = []
        with self.processor.archive.transaction():
            for number, (_, fields) in enumerate(entries):
                if not fields:  # it was forgotten while we died
                    continue
                message = unpack_message(fields)  # one at a time: an answer may be large
                if message.operations[0].name == "open":
                    return number, afterwards
                agency = self.agencies.get(message.agency)
                if agency is None or not self.processor.apply_message(message, agency):
                    afterwards.append(partial(self.revoke_lease, message.agency, message.token))
                elif message.operations[-1].name == "end":
                    afterwards.append(partial(self.finish_round, message.agency))
        return len(entries), afterwards

    def delete_entry(self, entry: bytes, fields: Mapping[bytes, bytes]) -> None:
        """A message stands in the archive, for good."""
        size = sum(len(fields[name]) for name in PAYLOAD_FIELDS if name in fields)
        keys = [self.stream, self.broker.key("backlog")]
        self.broker.call_with_retry(
            lambda: self.broker.run_script(DELETE_MESSAGE_SCRIPT, keys, CONSUMER_GROUP, entry, size), self.retry_timeout
        )

    def set_entry_unreadable(self, fields: Mapping[bytes, bytes]) -> None:
        """A message that too many writers ended with is kept as it is; its round ends here, unless it was one page."""
        slug, token = fields[b"agency"].decode(), int(fields[b"token"])
        logger.critical("a message of %s is laid by: %d writers ended with it", slug, MAX_DELIVERIES)
        self.broker.redis.xadd(self.broker.key("unreadable"), cast("Any", fields))
        agency = self.agencies.get(slug)
        try:
            fine = agency is not None and self.processor.reject_pages(unpack_message(fields), agency)
        except (BrokerError, ValueError, TypeError, LookupError):  # it cannot even be read
            fine = False
        if not fine:
            self.revoke_lease(slug, token)

    def revoke_lease(self, slug: str, token: int) -> None:
        """A message came too late, or others before it are missing: its round ends here, and is begun anew."""
        logger.warning("%s: what is told under token %d is not taken", slug, token)
        if agency := self.agencies.get(slug):
            key = self.broker.key("lease", find_lease_host(agency.home))
            self.broker.run_script(
                REVOKE_LEASE_SCRIPT, [key], token
            )  # nobody's until it expires: the host's delay is kept

    def finish_round(self, slug: str) -> None:
        """A round has come to its end."""
        self.processor.write_manifest()
        self.locked_agencies.discard(slug)
        unlock_agency(self.agency_lock, slug)

    def send_job(self, message: WorkerMessage) -> None:
        """Give a worker its errand, or none: an agency that is not listed any more, paused, or crawled by others."""
        slug = message.agency
        self.agencies = {**self.agencies, **(listed := load_agencies(self.agencies_file))}
        job, agency = b"", listed.get(slug)
        if agency and not agency.paused and self.claim_agency(slug):
            if not self.processor.start_round(message, agency):
                return  # a newer one is out already
            job, self.has_open_rounds = (
                build_job(self.archive_path, slug, read_agency_tables(self.agencies_file)[slug], now()),
                True,
            )
        key = self.broker.key("errand", message.token)
        with self.broker.redis.pipeline() as steps:
            steps.delete(key)
            steps.rpush(key, job)
            steps.expire(key, JOB_EXPIRY)
            self.broker.call_with_retry(steps.execute, self.retry_timeout)

    def claim_agency(self, slug: str) -> bool:
        """Keep commands beside us away from an agency."""
        if slug not in self.locked_agencies and lock_agency(self.agency_lock, slug):
            self.locked_agencies.add(slug)
        return slug in self.locked_agencies

    def close_rounds(self) -> None:
        """Judge every agency and tell the operators, once nothing is out any more, and at least every hour."""
        if not self.has_open_rounds or (self.locked_agencies and monotonic() - self.judged_at < MAX_JUDGE_INTERVAL):
            return
        closed = close_round(self.archive_path, self.agencies, self.alert_settings, self.previous_crawl_id)
        logger.info("rounds: %s", closed)
        self.previous_crawl_id, self.judged_at, self.has_open_rounds = (
            read_last_crawl_id(self.archive_path),
            monotonic(),
            bool(self.locked_agencies),
        )

    def create_consumer_group(self) -> None:
        """The stream and its group, where there are none."""
        from redis.exceptions import ResponseError  # noqa: PLC0415 - only a crew needs it

        try:
            self.broker.redis.xgroup_create(self.stream, CONSUMER_GROUP, "0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise


def lock_writer(archive_path: Path) -> TextIO:
    """The lock of a writer, ours until it is closed or the process ends; ArchiveError where another has it."""
    path = archive_path.with_suffix(".writer.lock")
    try:
        lock = path.open("a")
    except OSError as error:
        raise ArchiveError(path, f"cannot be locked: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise ArchiveError(path, "another writer is at work") from None
    return lock


def flatten_entries(entries: Any) -> list[StreamEntry]:
    """Entries as the client gives them by either protocol: those of RESP3 stand one list deeper."""
    if entries and isinstance(entries[0], list) and entries[0] and isinstance(entries[0][0], list | tuple):
        return [one for inner in entries for one in inner]
    return list(entries)
