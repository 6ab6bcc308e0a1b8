"""The writer: takes messages from the stream, in order, applies each, then lets the broker forget it."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO, cast

from archive.errors import ArchiveError
from archive.times import now
from scraper.agency import Agency, load_agencies
from scraper.alerts import Ways
from scraper.crew.broker import DONE, GROUP, REVOKE, WRITER, Broker
from scraper.crew.desk import Desk
from scraper.crew.errands import make_errand, read_tables
from scraper.crew.lease import host_of
from scraper.crew.messages import Message, unpack
from scraper.errors import CrewError
from scraper.locks import let_go, open_lock, take
from scraper.rounds import close_round, last_crawl
from scraper.schedule import parse_schedule

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

logger = logging.getLogger(__name__)

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
