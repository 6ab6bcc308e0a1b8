"""The daily hash-chained manifest, whose digest covers everything stored so far.

    manifests in archive.db   day (UTC, when written), previous (digest of the preceding manifest),
                              captures_to and revisions_to (last ids covered), digest (SHA-256 of
                              the manifest's text)
    captures.db               the text and its parts, stored under their SHA-256

A manifest begins where the previous one ends, so each row of `captures` and `revisions` is in
exactly one manifest. There is at most one manifest per day. Rows stored later that day are in the
next manifest. Manifests are in the order in which they were written. If a wrong clock dated a
manifest in the future, the next one has an earlier day. The text of a manifest is never rewritten,
so the columns that its lines contain must not change in a covered row. The lines are made from
these columns, not from the column `hash`, because a migration may redefine `hash`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from archive.database.captures import Captures, compute_sha256
from archive.database.models import LIST_FIELDS, STATE_FIELDS, parse_state
from archive.database.redaction import restore_withheld_row

MANIFEST_FORMAT = 1
MAX_PART_ROWS = 1000  # rows in a part
MAX_DAYS_AHEAD = timedelta(days=1)  # a manifest further ahead of today was dated by a wrong clock
# a clock that shows an earlier day has been reset, and must not replace the last manifest
EARLIEST_DAY = date(2026, 1, 1)
MANIFEST_FIELDS = ("day", "previous", "captures_to", "revisions_to")
NEWEST_DIGEST_SQL = "(select digest from manifests order by rowid desc limit 1)"
COVERED_TABLES = ("captures", "revisions")
COVERED_COLUMNS = {
    "captures": ("id", "url", "seen", "status", "headers", "sha256", "bytes"),
    "revisions": ("id", "release", "seen", "capture", *STATE_FIELDS, *LIST_FIELDS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A row of `manifests`."""

    day: str
    previous: str | None  # None in the first manifest
    captures_to: int
    revisions_to: int
    digest: str

    def last_id_of(self, table: str) -> int:
        """Return the last id of a table that the manifest covers."""
        return self.captures_to if table == "captures" else self.revisions_to


def write_manifest(db: sqlite3.Connection, captures: Captures, day: date) -> str | None:
    """Write a manifest of the rows stored since the last manifest, and return its digest.

    Returns None if `day` already has a manifest or is before the last manifest's day, or if another
    process has just written a manifest. However, if the last manifest is dated more than
    MAX_DAYS_AHEAD after `day`, it was written with a wrong clock and does not prevent a new one.

    day: the current day in UTC.
    """
    last = find_newest_manifest(db)
    if (last and not _is_next_day(day, last)) or read_manifests(db, "day = ?", day.isoformat()):
        return None
    last_ids = {table: _find_last_id(db, table, last) for table in COVERED_TABLES}
    parts = []
    for table, first, last_id in iter_part_ranges(last, last_ids):
        text = format_manifest_part(db, table, first, last_id)
        parts.append({table: [first, last_id], "sha256": captures.store_body(text, "")})
    row: dict[str, Any] = {"day": day.isoformat(), "previous": last.digest if last else None}
    row |= {f"{table}_to": last_ids[table] for table in COVERED_TABLES}
    digest = captures.store_body(format_manifest(row, parts), "")
    cursor = db.execute(
        "insert into manifests (day, previous, captures_to, revisions_to, digest)"
        " select :day, :previous, :captures_to, :revisions_to, :digest"
        f" where {NEWEST_DIGEST_SQL} is :previous",  # unless another crawl has just written one
        {**row, "digest": digest},
    )
    return digest if cursor.rowcount else None


def _find_last_id(db: sqlite3.Connection, table: str, last: Manifest | None) -> int:
    """Return the highest id of a table, or the last id that the manifest `last` covers if that id
    is higher.
    """
    newest = db.execute(f"select max(id) from {table}").fetchone()[0] or 0
    return max(newest, last.last_id_of(table) if last else 0)


def find_newest_manifest(db: sqlite3.Connection) -> Manifest | None:
    manifests = read_manifests(db, f"digest = {NEWEST_DIGEST_SQL}")
    return manifests[-1] if manifests else None


def _is_next_day(day: date, last: Manifest) -> bool:
    """Return whether a manifest for `day` may follow the manifest `last`.

    >>> last = Manifest(day="2027-03-02", previous=None, captures_to=0, revisions_to=0, digest="")
    >>> days = ((2027, 3, 3), (2027, 3, 2), (2027, 3, 1), (2026, 11, 27))
    >>> [_is_next_day(date(*day), last) for day in days]
    [True, False, False, True]
    """
    ahead = date.fromisoformat(last.day) - day
    return ahead < timedelta(0) or (ahead > MAX_DAYS_AHEAD and day >= EARLIEST_DAY)


def read_manifests(db: sqlite3.Connection, where: str = "1", *values: object) -> list[Manifest]:
    """Return the manifests that meet an SQL condition, in the order in which they were written."""
    names = (*MANIFEST_FIELDS, "digest")
    rows = db.execute(
        f"select {', '.join(names)} from manifests where {where} order by rowid", values
    ).fetchall()
    return [Manifest(**dict(zip(names, row, strict=True))) for row in rows]


def iter_part_ranges(
    previous: Manifest | None, last_ids: Mapping[str, int]
) -> Iterator[tuple[str, int, int]]:
    """Yield (table, first id, last id) for each part of the manifest that follows `previous`."""
    for table in COVERED_TABLES:
        for first in range(
            (previous.last_id_of(table) if previous else 0) + 1, last_ids[table] + 1, MAX_PART_ROWS
        ):
            yield table, first, min(first + MAX_PART_ROWS - 1, last_ids[table])


def format_manifest(row: Mapping[str, Any], parts: Iterable[Mapping[str, Any]]) -> bytes:
    """Format a manifest's text: JSON, one part per line."""
    head = _format_compact_json(
        {"manifest": MANIFEST_FORMAT, **{name: row[name] for name in MANIFEST_FIELDS}}
    )
    lines = ",\n".join(map(_format_compact_json, parts))
    return f'{head[:-1]},"parts":[\n{lines}\n]}}\n'.encode()


def format_manifest_part(db: sqlite3.Connection, table: str, first: int, last: int) -> bytes:
    """Format the manifest lines of a range of a table's rows, as the rows were before any
    takedown.
    """
    rows = (restore_withheld_row(db, row) for row in iter_stored_rows(db, table, first, last))
    return b"".join(format_manifest_line(table, row) for row in rows)


def format_manifest_line(table: str, row: Mapping[str, Any]) -> bytes:
    """Format a row's manifest line as JSON. Raises ValueError or TypeError if the row's state
    cannot be read.
    """
    if table == "captures":
        line = {
            "capture": row["id"],
            **{name: row[name] for name in ("url", "seen", "status", "bytes", "sha256")},
        }
        line["headers_sha256"] = compute_sha256(str(row["headers"]).encode())
    else:  # not with all columns, because some are derived from others
        line = {
            "revision": row["id"],
            **{name: row[name] for name in ("release", "seen", "capture")},
        }
        line["state_sha256"] = compute_sha256(format_canonical_state(row))
    return f"{_format_compact_json(line)}\n".encode()


def format_canonical_state(row: Mapping[str, Any]) -> bytes:
    """Format a revision's state as canonical JSON.

    Nulls are left out, so that columns can be added later.
    """
    state = {name: value for name, value in parse_state(row).items() if value is not None}
    return json.dumps(state, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def iter_stored_rows(
    db: sqlite3.Connection, table: str, first: int, last: int
) -> Iterator[dict[str, Any]]:
    """Yield the rows in a range of ids, with the current values of the columns that manifests
    cover.

    `takedown` is the id of the takedown that covers a revision, or None if none does.
    """
    names = (*COVERED_COLUMNS[table], "takedown" if table == "revisions" else "null as takedown")
    rows = db.execute(
        f"select {', '.join(names)} from {table} where id between ? and ? order by id",
        [first, last],
    )
    for values in rows:
        yield dict(zip((*COVERED_COLUMNS[table], "takedown"), values, strict=True))


def _format_compact_json(value: Mapping[str, Any]) -> str:
    """Format JSON on one line, with keys in the order given."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
