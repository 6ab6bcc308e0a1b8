"""Daily hash-chained manifest and its check.

The daily chained manifest: one digest that stands for everything the archive held when it was written.

    manifests, in archive.db   day (UTC, when written) · previous, the digest before · captures_to and
                               revisions_to, the last ids covered · digest, SHA-256 of the manifest's text
    captures.db                holds that text and its parts, under their SHA-256

A manifest begins where the one before it ends: each row of captures and revisions is in one of them. There is
at most one a day; what comes later that day is in the next one, whenever that is. A text is never written
anew: a row that is covered must not change in what its line tells. The lines tell of the stored columns
themselves and not of `hash`, which a migration may define anew.

Whether the chain of manifests is whole, and the rows that it covers are as they were when it was written.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from archive.captures import Captures
from archive.database import ArchiveError
from archive.models import LIST_FIELDS, STATE_FIELDS, parse_state
from archive.redaction import restore_withheld_row

MANIFEST_FORMAT = 1
MAX_PART_ROWS = 1000  # ids
COVERED_TABLES = ("captures", "revisions")
COVERED_COLUMNS = {
    "captures": ("id", "url", "seen", "status", "headers", "sha256", "bytes"),
    "revisions": ("id", "release", "seen", "capture", *STATE_FIELDS, *LIST_FIELDS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A row of manifests."""

    day: str
    previous: str | None  # None: the first of all
    captures_to: int
    revisions_to: int
    digest: str

    def last_id_of(self, table: str) -> int:
        """The last id of a table that is covered."""
        return self.captures_to if table == "captures" else self.revisions_to


def write_manifest(db: sqlite3.Connection, captures: Captures, day: date) -> str | None:
    """Cover what came since the last manifest; gives the digest. None where the day has one already.

    `day` is today in UTC; one before the last manifest's (a clock set back) is left alone as well.
    """
    last = find_newest_manifest(db)
    if last and day.isoformat() <= last.day:
        return None
    ends = {table: db.execute(f"select coalesce(max(id), 0) from {table}").fetchone()[0] for table in COVERED_TABLES}
    parts = []
    for table, first, end in iter_part_ranges(last, ends):
        text = format_manifest_part(db, table, first, end)
        parts.append({table: [first, end], "sha256": captures.store_body(text, "")})
    row = {"day": day.isoformat(), "previous": last.digest if last else None}
    row |= {f"{table}_to": max(ends[table], last.last_id_of(table) if last else 0) for table in COVERED_TABLES}
    digest = captures.store_body(format_manifest(row, parts), "")
    written = db.execute(
        "insert into manifests (day, previous, captures_to, revisions_to, digest)"
        " select :day, :previous, :captures_to, :revisions_to, :digest"
        " where (select max(day) from manifests) is :last",  # else another crawl was first
        {**row, "digest": digest, "last": last.day if last else None},
    )
    return digest if written.rowcount else None


def format_manifest(row: Mapping[str, Any], parts: Iterable[Mapping[str, Any]]) -> bytes:
    """A manifest's text: JSON, a line a part."""
    head = {
        "manifest": MANIFEST_FORMAT,
        **{name: row[name] for name in ("day", "previous", "captures_to", "revisions_to")},
    }
    lines = ",\n".join(format_compact_json(part) for part in parts)
    return f'{format_compact_json(head)[:-1]},"parts":[\n{lines}\n]}}\n'.encode()


def format_manifest_part(db: sqlite3.Connection, table: str, first: int, last: int) -> bytes:
    """The lines of a table's rows from one id to another."""
    return b"".join(format_manifest_line(table, row) for row in iter_original_rows(db, table, first, last))


def iter_original_rows(db: sqlite3.Connection, table: str, first: int, last: int) -> Iterator[dict[str, Any]]:
    """The rows from one id to another, with the columns that are told of, as they stood before any takedown."""
    return (restore_withheld_row(db, row) for row in iter_stored_rows(db, table, first, last))


def iter_stored_rows(db: sqlite3.Connection, table: str, first: int, last: int) -> Iterator[dict[str, Any]]:
    """The same as archive.db holds them, with the takedown that covers each."""
    names = (*COVERED_COLUMNS[table], "takedown" if table == "revisions" else "null as takedown")
    found = db.execute(f"select {', '.join(names)} from {table} where id between ? and ? order by id", [first, last])
    for values in found:
        yield dict(zip((*COVERED_COLUMNS[table], "takedown"), values, strict=True))


def format_manifest_line(table: str, row: Mapping[str, Any]) -> bytes:
    """JSON, which shows where a value ends whatever it holds. ValueError where a row holds what it cannot."""
    told = describe_capture(row) if table == "captures" else describe_revision(row)
    return f"{format_compact_json(told)}\n".encode()


def describe_capture(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says of a capture."""
    told = {"capture": row["id"], **{name: row[name] for name in ("url", "seen", "status", "bytes", "sha256")}}
    return {**told, "headers_sha256": compute_sha256(str(row["headers"]).encode())}


def describe_revision(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a manifest says of a revision: not what follows from others or may be told otherwise later."""
    told = {"revision": row["id"], **{name: row[name] for name in ("release", "seen", "capture")}}
    return {**told, "state_sha256": compute_sha256(format_canonical_state(row))}


def format_canonical_state(row: Mapping[str, Any]) -> bytes:
    """A revision's state in canonical JSON; what is absent is left out, so that later columns change nothing."""
    state = {name: value for name, value in parse_state(row).items() if value is not None}
    return json.dumps(state, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def iter_part_ranges(previous: Manifest | None, last_ids: Mapping[str, int]) -> Iterator[tuple[str, int, int]]:
    """Table, first and last id of each part of what came after a manifest."""
    for table in COVERED_TABLES:
        for first in range((previous.last_id_of(table) if previous else 0) + 1, last_ids[table] + 1, MAX_PART_ROWS):
            yield table, first, min(first + MAX_PART_ROWS - 1, last_ids[table])


def read_manifests(db: sqlite3.Connection, where: str = "1", *values: object) -> list[Manifest]:
    """The chain, oldest first."""
    names = ("day", "previous", "captures_to", "revisions_to", "digest")
    rows = db.execute(f"select {', '.join(names)} from manifests where {where} order by day", values).fetchall()
    return [Manifest(**dict(zip(names, row, strict=True))) for row in rows]


def find_newest_manifest(db: sqlite3.Connection) -> Manifest | None:
    """The end of the chain, if there is one."""
    found = read_manifests(db, "day = (select max(day) from manifests)")
    return found[0] if found else None


def format_compact_json(value: Mapping[str, Any]) -> str:
    """On one line, in the order given."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def compute_sha256(content: bytes) -> str:
    """In hex."""
    return hashlib.sha256(content).hexdigest()


MANIFEST_FIELDS = ("day", "previous", "captures_to", "revisions_to")


def check_manifest_chain(
    path: Path, db: sqlite3.Connection, captures: Captures | None
) -> Iterator[ArchiveError | None]:
    """For each manifest, oldest first, what is wrong with it or with the rows it covers."""
    last = None
    for manifest in read_manifests(db):
        yield from check_manifest(path, db, captures, manifest, last)
        yield None
        last = manifest


def check_manifest(
    path: Path, db: sqlite3.Connection, captures: Captures | None, manifest: Manifest, previous: Manifest | None
) -> Iterator[ArchiveError]:
    """Against the one before it, against its own text, and that text against the rows."""

    def fault(problem: str) -> ArchiveError:
        return ArchiveError(path, problem, table="manifests", key=manifest.day)

    if manifest.previous != (previous.digest if previous else None):
        before = (
            f"the one before it, of {previous.day}, has {previous.digest}" if previous else "there is none before it"
        )
        yield fault(f"previous is {manifest.previous}, but {before}")
    told, problem = read_manifest_text(captures, manifest.digest)
    if told is None or captures is None:
        yield fault(f"its text cannot be read: {problem}")
        try:
            if recompute_manifest_digest(db, manifest, previous) != manifest.digest:
                yield fault(f"its digest {manifest.digest} is not that of its row and of what it covers")
        except ArchiveError as error:  # of withheld.db
            yield fault(f"its digest cannot be held against what it covers: {error}")
        return
    for name in MANIFEST_FIELDS:
        if told[name] != getattr(manifest, name):
            yield fault(f"{name} is {getattr(manifest, name)}, its text says {told[name]}")
    expected = [
        [table, first, end]
        for table, first, end in iter_part_ranges(previous, {name: told[f"{name}_to"] for name in COVERED_TABLES})
    ]
    if expected != [[table, *part[table]] for part in told["parts"] for table in COVERED_TABLES if table in part]:
        yield fault("it does not begin where the one before it ends")
    for part in told["parts"]:
        yield from check_manifest_part(path, db, captures, manifest.day, part)


def read_manifest_text(captures: Captures | None, digest: str) -> tuple[dict[str, Any] | None, str]:
    """A manifest's text, or why there is none."""
    if captures is None:
        return None, "there is no captures.db"
    try:
        return json.loads(captures.read(digest)), ""
    except ArchiveError as error:
        return None, str(error)


def recompute_manifest_digest(db: sqlite3.Connection, manifest: Manifest, previous: Manifest | None) -> str | None:
    """The digest of a manifest written now, for one whose text is lost; None where a row cannot be read."""
    row = {name: getattr(manifest, name) for name in MANIFEST_FIELDS}
    try:
        parts = [
            {table: [first, end], "sha256": compute_sha256(format_manifest_part(db, table, first, end))}
            for table, first, end in iter_part_ranges(
                previous, {name: manifest.last_id_of(name) for name in COVERED_TABLES}
            )
        ]
    except (ValueError, TypeError):
        return None
    return compute_sha256(format_manifest(row, parts))


def check_manifest_part(
    path: Path, db: sqlite3.Connection, captures: Captures, day: str, part: dict[str, Any]
) -> Iterator[ArchiveError]:
    """The rows of a part, against its text: which differ, are missing, or came later.

    Those whose state withheld.db does not give are told by `check_revisions`; the others are looked at all the same.
    """
    table = next(name for name in COVERED_TABLES if name in part)
    first, end = part[table]
    now: dict[int, bytes | None] = {}
    lost = set()
    for row in iter_stored_rows(db, table, first, end):
        try:
            now[row["id"]] = try_format_line(table, restore_withheld_row(db, row))
        except ArchiveError:
            now[row["id"]] = None
            lost.add(row["id"])
    if not lost and compute_sha256(b"".join(line or b"" for line in now.values())) == part["sha256"]:
        return
    try:
        text = captures.read(part["sha256"])
    except ArchiveError as error:
        are = "cannot be held against it" if lost else "are not as they were on that day; which ones cannot be told"
        problem = f"rows {first} to {end} of {table} {are}: {error}"
        yield ArchiveError(path, problem, table="manifests", key=day)
        return
    then = {json.loads(line)[table.removesuffix("s")]: line for line in text.splitlines(keepends=True)}
    for key in sorted({*then, *now}):
        if key not in now:
            problem = f"is missing; the manifest of {day} has it"
        elif key not in then:
            problem = f"was put in after the manifest of {day}, which covers its place"
        elif now[key] != then[key] and key not in lost:
            problem = f"is not as the manifest of {day} has it: {list_changed_names(then[key], now[key])}"
        else:
            continue
        yield ArchiveError(path, problem, table=table, key=str(key))


def try_format_line(table: str, row: dict[str, Any]) -> bytes | None:
    """A row's line; None where it holds what cannot be read, which is told elsewhere."""
    try:
        return format_manifest_line(table, row)
    except (ValueError, TypeError):
        return None


def list_changed_names(manifest_line: bytes, current_line: bytes | None) -> str:
    """Which names of a line have another value."""
    if current_line is None:
        return "it cannot be read"
    before, after = json.loads(manifest_line), json.loads(current_line)
    return ", ".join(name for name in before if before[name] != after.get(name))
