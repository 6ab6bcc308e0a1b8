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
from archive.frontier import Errand, Errands
from archive.health import judge_agencies
from archive.store import Archive
from scraper.agency import Agency, load_agencies
from scraper.alerts import Ways
from scraper.distributed.messages import Message, Operation, make_errand, read_tables, unpack
from scraper.distributed.queue import DONE, GROUP, REVOKE, WRITER, Broker, host_of
from scraper.errors import CrewError
from scraper.extensions.crawl_stats import Tally, close_crawl, open_crawl
from scraper.ingest import Witness, parse_schedule
from scraper.locks import let_go, open_lock, take
from scraper.pipelines import ArchivePipeline
from scraper.round import close_round, last_crawl

if TYPE_CHECKING:
    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings

    from scraper.ingest import Schedule
    from scraper.items import Reading


logger = logging.getLogger(__name__)
FOLLOWED = ("listed", "refused", "errors", "requests", "not_modified", "bytes", "unchanged", "away")  # by the worker
COUNTERS = ("fills", "faults", "source_faults")


@dataclass(slots=True)
class Pass:
    """A crawl of one agency as the writer follows it: what the pipeline takes for its spider."""

    archive: Archive
    witness: Witness
    agencies: dict[str, Agency]
    tallies: dict[str, Tally]
    ended: bool = False
    pipeline: ArchivePipeline = field(init=False)

    def __post_init__(self) -> None:
        self.pipeline = ArchivePipeline(cast("Crawler", SimpleNamespace(spider=self)))


class Desk:
    """Applies messages."""

    def __init__(self, path: Path, schedule: Schedule) -> None:
        self.archive = Archive(path)
        self.archive.db.execute("pragma synchronous = full")  # what is acknowledged outlives a power cut
        self.witness = Witness(self.archive, schedule)
        self.errands = Errands(self.archive.db)
        self.passes: dict[str, Pass] = {}

    def close(self) -> None:
        """Close the archive."""
        self.witness.close()
        self.archive.close()

    def apply(self, message: Message, agency: Agency) -> bool:
        """Do what a message says, unless it was done before; False where it is of an older token, or some are missing.

        An `open` is no such message: see `open`.
        """
        with self.archive.transaction():
            errand = self.errands.get(message.agency)
            if errand is None or errand.token != message.token or message.seq > errand.applied + 1:
                return False
            if message.seq <= errand.applied:
                return True
            crawl, tally = self._go_on(errand, agency), None
            for operation in message.operations:
                self._do(operation, crawl, agency)
            if crawl := self.passes.get(agency.slug):
                tally = crawl.tallies[agency.slug]
            self.errands.note(
                agency.slug,
                message.seq,
                crawl=tally.crawl if tally else errand.crawl,
                tally=to_json(tally) if tally else None,
            )
            if message.operations[-1].name == "end":
                self.errands.end(agency.slug, now())
        return True

    def open(self, message: Message, agency: Agency) -> bool:
        """Hand a round out; False where a newer token is known."""
        with self.archive.transaction():
            self.archive.add_agency(
                agency.slug, name=agency.name, home=agency.home, name_en=agency.name_en, org_number=agency.org_number
            )
            self.archive.hosts.mark_paused({agency.slug: agency.paused})
            errand = self.errands.get(agency.slug)
            if errand and errand.token >= message.token:
                return errand.token == message.token
            self.errands.begin(agency.slug, message.token, now(), message.seq)
        self.passes.pop(agency.slug, None)
        return True

    def set_aside(self, message: Message, agency: Agency) -> bool:
        """A page that we fail on is done with, and asked for again another day; False where it is no page.

        Then its round is at its end: what follows in it may rest on what was not done.
        """
        readings: list[Reading] = [one.args[0] for one in message.operations if one.name == "keep"]
        with self.archive.transaction():
            errand = self.errands.get(message.agency)
            if errand is None or errand.token != message.token or message.seq != errand.applied + 1:
                return True
            crawl = self._go_on(errand, agency)
            if crawl is None or len(readings) != len(message.operations):
                return False
            tally = crawl.tallies[agency.slug]
            for reading in readings:
                problem = f"{reading.visited}: our own code failed on it"
                tally.err(problem, "our fault")
                self.witness.unread(reading.visited, reading.held, reading.answer.seen, problem, refused=True)
            self.errands.note(agency.slug, message.seq, crawl=tally.crawl, tally=to_json(tally))
        return True

    def _go_on(self, errand: Errand, agency: Agency) -> Pass | None:
        """The pass that goes on, as it stands in the archive where this process does not know it."""
        if agency.slug not in self.passes and errand.tally:
            self.passes[agency.slug] = crawl = self._begin(agency, read_json(errand.tally, errand.crawl))
            urls = self.archive.db.execute("select url from held_back where crawl = ?", [errand.crawl]).fetchall()
            if urls:
                crawl.pipeline.aside[agency.slug] = {url for (url,) in urls}
        return self.passes.get(agency.slug)

    def _begin(self, agency: Agency, tally: Tally) -> Pass:
        return Pass(self.archive, self.witness, {agency.slug: agency}, {agency.slug: tally})

    def _do(self, operation: Operation, crawl: Pass | None, agency: Agency) -> None:
        part, _, method = operation.name.rpartition(".")
        if part:
            owner = self.witness if part == "witness" else getattr(self.archive, part)
            getattr(owner, method)(*operation.args, **operation.kwargs)
        elif operation.name == "begin":
            tally = Tally(crawl=open_crawl(self.archive, agency.slug, **operation.kwargs))
            self.passes[agency.slug] = self._begin(agency, tally)
        elif operation.name != "end":
            if crawl is None:
                raise CrewError(f"{agency.slug}: {operation.name!r} without a pass that goes on")
            if operation.name == "close":
                self._close(crawl, agency.slug, **operation.kwargs)
                return
            with suppress(DropItem):  # it was counted, and said why
                crawl.pipeline.process_item(operation.args[0])

    def _close(
        self,
        crawl: Pass,
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
        tally = crawl.tallies[slug]
        for name in FOLLOWED:
            setattr(tally, name, getattr(tally, name) + counts[name])
        tally.faults.update(faults)
        tally.source_faults.update(source_faults or {})
        tally.problems[:0] = problems
        crawl.ended = ended
        crawl.pipeline.close_spider()
        close_crawl(self.archive, tally, reason, at, **guest)
        judge_agencies(self.archive.db, [slug], now())
        del self.passes[slug]

    def write_manifest(self) -> None:
        """The day's manifest, where there is none yet."""
        try:
            write_manifest(self.archive.db.conn, self.witness.captures, now().date())
        except ArchiveError as error:
            logger.critical("the manifest cannot be written: %s", error)


def to_json(tally: Tally) -> str:
    """What a pass has come to so far, as `read_json` reads it."""
    more = {name: getattr(tally, name) for name in (*COUNTERS, "problems")}
    return json.dumps({**tally.counts(), **more}, ensure_ascii=False)


def read_json(text: str, crawl: int | None) -> Tally:
    """The same as a Tally again."""
    told = json.loads(text)
    return Tally(crawl=crawl, **told | {name: Counter(told.get(name, {})) for name in COUNTERS})


AHEAD = 32  # messages asked for at once
WAIT = 1000  # milliseconds to wait for one
TRIES = 10  # of a message; who is killed by it so often leaves it out
KEPT = 600  # seconds that an errand lies ready
HOUR = 3600.0  # seconds after which what came in is judged though rounds go on
FIELDS = (b"operations", b"body")
Entry = tuple[bytes, Mapping[bytes, bytes]]  # of the stream: its id, and a message


class Writing:
    """Owns an archive while it is entered: one writer at a time."""

    def __init__(self, broker: Broker, settings: BaseSettings, path: Path, agencies: Path, ways: Ways) -> None:
        self.broker, self.path, self.file, self.ways = broker, path, agencies, ways
        self.agencies: dict[str, Agency] = load_agencies(agencies)
        self.stream = broker.key("stream")
        self.stopped: Callable[[], bool] = lambda: False
        self.alone = hold(path)
        self.desk = Desk(path, parse_schedule(settings["REVISIT_AGES"]))
        self.lock, self.taken = open_lock(path), set[str]()
        for errand in self.desk.errands.out():
            self.claim(errand.agency)
        self.after, self.closed, self.open = last_crawl(path), monotonic(), bool(self.taken)

    def close(self) -> None:
        """Let go of the archive."""
        self.desk.close()
        self.lock.close()
        self.alone.close()

    def go(self, stopped: Callable[[], bool]) -> None:
        """Apply messages until we are told to stop; first, one by one, those that were given to a writer that died."""
        self.stopped = stopped
        self.make_group()
        while not stopped() and (pending := self.ask("0", 1)):
            for entry, fields in pending:
                tries = cast("Any", self.broker.redis.xpending_range(self.stream, GROUP, entry, entry, 1))
                if fields and tries and tries[0]["times_delivered"] > TRIES:
                    self.lay_by(fields)
                    self.forget(entry, fields)
                else:
                    self.settle([(entry, fields)])
        while not stopped():
            self.settle(self.ask(">", AHEAD))
            self.close_rounds()

    def patience(self) -> float:
        """A broker that does not answer is waited for, until we are told to stop."""
        return 0.0 if self.stopped() else 1.0

    def ask(self, since: str, number: int) -> list[Entry]:
        """Some messages."""
        redis = self.broker.redis
        found = self.broker.insist(
            lambda: redis.xreadgroup(GROUP, WRITER, {self.stream: since}, count=number, block=WAIT),
            self.patience,
        )
        rows = found.values() if isinstance(found, dict) else [entries for _, entries in cast("Any", found or [])]
        return [(entry, fields) for entries in rows for entry, fields in flatten(entries)]

    def settle(self, entries: Sequence[Entry]) -> None:
        """Apply messages, those between two requests for an errand in one transaction; then have them forgotten."""
        while entries:
            number, afterwards = self.apply(entries)
            for act in afterwards:
                act()
            for entry, fields in entries[:number]:
                self.forget(entry, fields)
            if entries := entries[number:]:
                (entry, fields), *entries = entries
                self.hand_out(unpack(fields))
                self.forget(entry, fields)

    def apply(self, entries: Sequence[Entry]) -> tuple[int, list[Callable[[], None]]]:
        """Do what messages say, up to a request for an errand: how many, and what is to be done after the commit."""
        afterwards: list[Callable[[], None]] = []
        with self.desk.archive.transaction():
            for number, (_, fields) in enumerate(entries):
                if not fields:  # it was forgotten while we died
                    continue
                message = unpack(fields)  # one at a time: an answer may be large
                if message.operations[0].name == "open":
                    return number, afterwards
                agency = self.agencies.get(message.agency)
                if agency is None or not self.desk.apply(message, agency):
                    afterwards.append(partial(self.revoke, message.agency, message.token))
                elif message.operations[-1].name == "end":
                    afterwards.append(partial(self.end, message.agency))
        return len(entries), afterwards

    def forget(self, entry: bytes, fields: Mapping[bytes, bytes]) -> None:
        """A message stands in the archive, for good."""
        size = sum(len(fields[name]) for name in FIELDS if name in fields)
        keys = [self.stream, self.broker.key("backlog")]
        self.broker.insist(lambda: self.broker.run(DONE, keys, GROUP, entry, size), self.patience)

    def lay_by(self, fields: Mapping[bytes, bytes]) -> None:
        """A message that too many writers ended with is kept as it is; its round ends here, unless it was one page."""
        slug, token = fields[b"agency"].decode(), int(fields[b"token"])
        logger.critical("a message of %s is laid by: %d writers ended with it", slug, TRIES)
        self.broker.redis.xadd(self.broker.key("unreadable"), cast("Any", fields))
        agency = self.agencies.get(slug)
        try:
            fine = agency is not None and self.desk.set_aside(unpack(fields), agency)
        except (CrewError, ValueError, TypeError, LookupError):  # it cannot even be read
            fine = False
        if not fine:
            self.revoke(slug, token)

    def revoke(self, slug: str, token: int) -> None:
        """A message came too late, or others before it are missing: its round ends here, and is begun anew."""
        logger.warning("%s: what is told under token %d is not taken", slug, token)
        if agency := self.agencies.get(slug):
            key = self.broker.key("lease", host_of(agency.home))
            self.broker.run(REVOKE, [key], token)  # nobody's until it expires: the host's delay is kept

    def end(self, slug: str) -> None:
        """A round has come to its end."""
        self.desk.write_manifest()
        self.taken.discard(slug)
        let_go(self.lock, slug)

    def hand_out(self, message: Message) -> None:
        """Give a worker its errand, or none: an agency that is not listed any more, paused, or crawled by others."""
        slug = message.agency
        self.agencies = {**self.agencies, **(listed := load_agencies(self.file))}
        errand, agency = b"", listed.get(slug)
        if agency and not agency.paused and self.claim(slug):
            if not self.desk.open(message, agency):
                return  # a newer one is out already
            errand, self.open = make_errand(self.path, slug, read_tables(self.file)[slug], now()), True
        key = self.broker.key("errand", message.token)
        with self.broker.redis.pipeline() as steps:
            steps.delete(key)
            steps.rpush(key, errand)
            steps.expire(key, KEPT)
            self.broker.insist(steps.execute, self.patience)

    def claim(self, slug: str) -> bool:
        """Keep commands beside us away from an agency."""
        if slug not in self.taken and take(self.lock, slug):
            self.taken.add(slug)
        return slug in self.taken

    def close_rounds(self) -> None:
        """Judge every agency and tell the operators, once nothing is out any more, and at least every hour."""
        if not self.open or (self.taken and monotonic() - self.closed < HOUR):
            return
        closed = close_round(self.path, self.agencies, self.ways, self.after)
        logger.info("rounds: %s", closed)
        self.after, self.closed, self.open = last_crawl(self.path), monotonic(), bool(self.taken)

    def make_group(self) -> None:
        """The stream and its group, where there are none."""
        from redis.exceptions import ResponseError  # noqa: PLC0415 - only a crew needs it

        try:
            self.broker.redis.xgroup_create(self.stream, GROUP, "0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise


def hold(archive: Path) -> TextIO:
    """The lock of a writer, ours until it is closed or the process ends; ArchiveError where another has it."""
    path = archive.with_suffix(".writer.lock")
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


def flatten(entries: Any) -> list[Entry]:
    """Entries as the client gives them by either protocol: those of RESP3 stand one list deeper."""
    if entries and isinstance(entries[0], list) and entries[0] and isinstance(entries[0][0], list | tuple):
        return [one for inner in entries for one in inner]
    return list(entries)
