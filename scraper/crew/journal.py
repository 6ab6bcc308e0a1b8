"""What a crawl settles on an errand's copy, told to the writer in the same order: a message a transaction, sent first.

The copy is thrown away in the end; it only keeps the crawl from asking twice. What cannot be sent is not settled:
Unsendable is an error of SQLite's to the crawl, which ends as it does when an archive cannot be written.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from archive.frontier import Frontier
from archive.hosts import Hosts
from archive.store import Archive
from archive.walks import Walks
from scraper.crew.broker import FENCED, FULL, PAUSE, SEND, Broker
from scraper.crew.lease import CLOCK, Lease
from scraper.crew.messages import ARCHIVE, Operation, pack
from scraper.errors import CrewError
from scraper.items import Answer, Reading
from scraper.schedule import Schedule
from scraper.witness import Witness

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
