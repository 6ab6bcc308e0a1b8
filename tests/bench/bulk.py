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

from archive.captures import Captures
from archive.database import map_in_order
from archive.models import Capture, Release
from archive.store import Archive, PreparedRelease, SaveResult, prepare_release

BATCH = 500  # releases a transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A release as it stood at a moment, and the answer it was read from with its bytes, where there is one."""

    release: Release
    seen: datetime
    cause: str = "source"
    parser_version: str | None = None
    capture: Capture | None = None  # its sha256 is filled in as the bytes are kept
    body: bytes | None = None


def save_all(archive: Archive, captures: Captures, entries: Iterable[Entry], *, processes: int) -> Counter[SaveResult]:
    """Keep them all, their agencies being held already. `processes`: beside this one; 0: this one does it all.

    Bytes are committed before the releases that point to them; what came before an error is kept, by the batch.
    """
    outcomes: Counter[SaveResult] = Counter()
    batches = to_batches(entries, BATCH)
    for batch, prepared in map_in_order(batches, prepare_all, to_payload=releases_of, processes=processes):
        with archive.bulk(), captures.transaction():
            for entry, ready in zip(batch, prepared, strict=True):
                outcomes[save(archive, captures, entry, ready)] += 1
    return outcomes


def save(archive: Archive, captures: Captures, entry: Entry, prepared: PreparedRelease) -> SaveResult:
    """One of them; as in a crawl, an answer is kept where it shows something new."""
    key, capture = None, entry.capture
    if capture and archive.is_new_or_changed(entry.release, prepared):
        if entry.body is not None:
            capture = replace(capture, sha256=captures.store_body(entry.body, urlsplit(capture.url).netloc))
        key = archive.add_capture(capture)
    return archive.save(
        entry.release,
        seen_at=entry.seen,
        cause=entry.cause,
        capture_id=key,
        parser_version=entry.parser_version,
        prepared=prepared,
    )


def releases_of(batch: list[Entry]) -> list[Release]:
    """What is sent to another process: not the bytes."""
    return [entry.release for entry in batch]


def prepare_all(releases: list[Release]) -> list[PreparedRelease]:
    """What another process does."""
    return list(map(prepare_release, releases))


def to_batches(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    """Entries by so many."""
    waiting = iter(entries)
    while batch := list(islice(waiting, size)):
        yield batch
