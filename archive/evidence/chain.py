"""Whether the chain of manifests is whole, and the rows that it covers are as they were when it was written."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from archive.captures import Captures
from archive.errors import ArchiveError
from archive.evidence.manifest import (
    TABLES,
    Manifest,
    manifest_text,
    part_text,
    read_manifests,
    sha256_of,
    shown_rows_of,
    spans,
    to_line,
)
from archive.takedowns.withheld import restore_row

FIELDS = ("day", "previous", "captures_to", "revisions_to")


def check_chain(path: Path, db: sqlite3.Connection, captures: Captures | None) -> Iterator[ArchiveError | None]:
    """For each manifest, oldest first, what is wrong with it or with the rows it covers."""
    last = None
    for manifest in read_manifests(db):
        yield from check_manifest(path, db, captures, manifest, last)
        yield None
        last = manifest


def check_manifest(
    path: Path, db: sqlite3.Connection, captures: Captures | None, manifest: Manifest, last: Manifest | None
) -> Iterator[ArchiveError]:
    """Against the one before it, against its own text, and that text against the rows."""

    def fault(problem: str) -> ArchiveError:
        return ArchiveError(path, problem, table="manifests", key=manifest.day)

    if manifest.previous != (last.digest if last else None):
        before = f"the one before it, of {last.day}, has {last.digest}" if last else "there is none before it"
        yield fault(f"previous is {manifest.previous}, but {before}")
    told, problem = read_text(captures, manifest.digest)
    if told is None or captures is None:
        yield fault(f"its text cannot be read: {problem}")
        try:
            if compose(db, manifest, last) != manifest.digest:
                yield fault(f"its digest {manifest.digest} is not that of its row and of what it covers")
        except ArchiveError as error:  # of withheld.db
            yield fault(f"its digest cannot be held against what it covers: {error}")
        return
    for name in FIELDS:
        if told[name] != getattr(manifest, name):
            yield fault(f"{name} is {getattr(manifest, name)}, its text says {told[name]}")
    expected = [[table, first, end] for table, first, end in spans(last, {name: told[f"{name}_to"] for name in TABLES})]
    if expected != [[table, *part[table]] for part in told["parts"] for table in TABLES if table in part]:
        yield fault("it does not begin where the one before it ends")
    for part in told["parts"]:
        yield from check_part(path, db, captures, manifest.day, part)


def read_text(captures: Captures | None, digest: str) -> tuple[dict[str, Any] | None, str]:
    """A manifest's text, or why there is none."""
    if captures is None:
        return None, "there is no captures.db"
    try:
        return json.loads(captures.read(digest)), ""
    except ArchiveError as error:
        return None, str(error)


def compose(db: sqlite3.Connection, manifest: Manifest, last: Manifest | None) -> str | None:
    """The digest of a manifest written now, for one whose text is lost; None where a row cannot be read."""
    row = {name: getattr(manifest, name) for name in FIELDS}
    try:
        parts = [
            {table: [first, end], "sha256": sha256_of(part_text(db, table, first, end))}
            for table, first, end in spans(last, {name: manifest.to(name) for name in TABLES})
        ]
    except (ValueError, TypeError):
        return None
    return sha256_of(manifest_text(row, parts))


def check_part(
    path: Path, db: sqlite3.Connection, captures: Captures, day: str, part: dict[str, Any]
) -> Iterator[ArchiveError]:
    """The rows of a part, against its text: which differ, are missing, or came later.

    Those whose state withheld.db does not give are told by `check_revisions`; the others are looked at all the same.
    """
    table = next(name for name in TABLES if name in part)
    first, end = part[table]
    now: dict[int, bytes | None] = {}
    lost = set()
    for row in shown_rows_of(db, table, first, end):
        try:
            now[row["id"]] = read_line(table, restore_row(db, row))
        except ArchiveError:
            now[row["id"]] = None
            lost.add(row["id"])
    if not lost and sha256_of(b"".join(line or b"" for line in now.values())) == part["sha256"]:
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
            problem = f"is not as the manifest of {day} has it: {differing(then[key], now[key])}"
        else:
            continue
        yield ArchiveError(path, problem, table=table, key=str(key))


def read_line(table: str, row: dict[str, Any]) -> bytes | None:
    """A row's line; None where it holds what cannot be read, which is told elsewhere."""
    try:
        return to_line(table, row)
    except (ValueError, TypeError):
        return None


def differing(then: bytes, now: bytes | None) -> str:
    """Which names of a line have another value."""
    if now is None:
        return "it cannot be read"
    before, after = json.loads(then), json.loads(now)
    return ", ".join(name for name in before if before[name] != after.get(name))
