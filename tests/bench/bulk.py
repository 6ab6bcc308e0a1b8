"""Saves many releases: other processes compute what needs no archive, and this one writes, in the
given order.

The result is the same, row for row, as that of saving one release after another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from urllib.parse import urlsplit

from archive.database.captures import Captures
from archive.database.models import Capture, Release
from archive.database.sqlite_files import map_in_order
from archive.store.releases import (
    Archive,
    PreparedRelease,
    SaveResult,
    is_new_or_changed,
    prepare_release,
)

BATCH = 500  # releases per transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A release, the time it was seen, and the response it was read from with its bytes, if any."""

    release: Release
    seen: datetime
    cause: str = "source"
    parser_version: str | None = None
    capture: Capture | None = None  # its sha256 is set when the bytes are stored
    body: bytes | None = None


def save_all(
    archive: Archive, captures: Captures, entries: Iterable[Entry], *, processes: int
) -> Counter[SaveResult]:
    """Save all releases, whose agencies must be stored. processes: besides this one; 0: this one
    does all.

    Bytes are committed before the releases that refer to them. After an error, the batches before
    it are kept.
    """
    outcomes: Counter[SaveResult] = Counter()
    batches = to_batches(entries, BATCH)
    for batch, prepared in map_in_order(
        batches, prepare_all, to_payload=releases_of, processes=processes
    ):
        with archive.bulk(), captures.transaction():
            for entry, ready in zip(batch, prepared, strict=True):
                outcomes[save(archive, captures, entry, ready)] += 1
    return outcomes


def save(
    archive: Archive, captures: Captures, entry: Entry, prepared: PreparedRelease
) -> SaveResult:
    """Save one release; as in a crawl, its response is stored if it is new or changed."""
    key, capture = None, entry.capture
    if capture and is_new_or_changed(prepared, archive.get(entry.release.url)):
        if entry.body is not None:
            capture = replace(
                capture, sha256=captures.store_body(entry.body, urlsplit(capture.url).netloc)
            )
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
    """Return what is sent to another process: not the bytes."""
    return [entry.release for entry in batch]


def prepare_all(releases: list[Release]) -> list[PreparedRelease]:
    """Compute the parts of a save that need no archive, in another process."""
    return list(map(prepare_release, releases))


def to_batches(entries: Iterable[Entry], size: int) -> Iterator[list[Entry]]:
    waiting = iter(entries)
    while batch := list(islice(waiting, size)):
        yield batch
