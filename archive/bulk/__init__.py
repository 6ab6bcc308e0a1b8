"""Saves many releases at once: several processes work out what is pure, this one writes, in the order they came.

What comes of it is what saving one by one gives, row for row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from urllib.parse import urlsplit

from archive.bulk.processes import in_order
from archive.captures import Captures
from archive.prepared import Prepared, prepare
from archive.records import Capture, Release
from archive.store import Archive, Outcome

BATCH = 500  # releases a transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A release as it stood at a moment, and the answer it was read from with its bytes, where there is one."""

    release: Release
    seen: datetime
    cause: str = "source"
    reader: str | None = None
    capture: Capture | None = None  # its sha256 is filled in as the bytes are kept
    body: bytes | None = None


def save_all(archive: Archive, captures: Captures, entries: Iterable[Entry], *, processes: int) -> Counter[Outcome]:
    """Keep them all, their agencies being held already. `processes`: beside this one; 0: this one does it all.

    Bytes are committed before the releases that point to them; what came before an error is kept, by the batch.
    """
    outcomes: Counter[Outcome] = Counter()
    batches = to_batches(entries, BATCH)
    for batch, prepared in in_order(batches, prepare_all, send=releases_of, processes=processes):
        with_bytes = [entry for entry in batch if entry.capture and entry.body is not None]
        hashes = iter(captures.keep_all([(entry.body or b"", host_of(entry)) for entry in with_bytes]))
        with archive.bulk():
            for entry, ready in zip(batch, prepared, strict=True):
                capture = entry.capture
                if capture and entry.body is not None:
                    capture = replace(capture, sha256=next(hashes))
                outcomes[save(archive, entry, ready, capture)] += 1
    return outcomes


def save(archive: Archive, entry: Entry, prepared: Prepared, capture: Capture | None) -> Outcome:
    """One of them; an answer is noted where it shows something new."""
    key = archive.add_capture(capture) if capture and archive.differs(entry.release, prepared) else None
    return archive.save(
        entry.release, seen=entry.seen, cause=entry.cause, capture=key, reader=entry.reader, prepared=prepared
    )


def releases_of(batch: list[Entry]) -> list[Release]:
    """What is sent to another process: not the bytes."""
    return [entry.release for entry in batch]


def prepare_all(releases: list[Release]) -> list[Prepared]:
    """What another process does."""
    return list(map(prepare, releases))


def to_batches(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Entries by so many."""
    waiting = iter(entries)
    while batch := list(islice(waiting, size)):
        yield batch


def host_of(entry: Entry) -> str:
    """Whose bytes they are."""
    return urlsplit(entry.capture.url).netloc if entry.capture else ""
