"""Verify an archive: bytes and states against their hashes, rows against other rows, and rows against the manifests.

Every check yields an item for each thing that it checks: an ArchiveError that describes what is wrong, or None.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from archive.aggregates import COUNT_SQL, KEY_LENGTHS
from archive.captures import FOREIGN_MESSAGE, Captures
from archive.database import ArchiveError, ProgressCallback, check_version, open_readonly
from archive.evidence.manifest import (
    COVERED_TABLES,
    MANIFEST_FIELDS,
    Manifest,
    compute_sha256,
    find_newest_manifest,
    format_manifest,
    format_manifest_line,
    format_manifest_part,
    iter_part_ranges,
    iter_stored_rows,
    read_manifests,
)
from archive.models import LIST_FIELDS, PART_FIELDS, PART_TABLES, STATE_FIELDS, hash_state, parse_state
from archive.redaction import WithheldStore, restore_withheld_row

VERIFIED_TABLES = ("captures", "revisions", "releases", "manifests")
ROWS_PER_QUERY = 1000  # ids per query
RELEASES_WITHOUT_CHANGES_SQL = (
    "select id from releases r where not exists (select 1 from changefeed d where d.release = r.id)"
)

RowValues = tuple[Any, ...]
CheckResults = Iterator[ArchiveError | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """What was checked, and what is wrong; each finding names file, table and key."""

    counts: dict[str, int]  # rows of each table, and blobs
    uncovered: int  # captures and revisions since the newest manifest
    newest_manifest: Manifest | None
    findings: list[ArchiveError] = field(default_factory=list)


def verify(
    path: Path, *, known_digest: str | None = None, progress: ProgressCallback = lambda *_: None
) -> VerificationReport:
    """Check all of an archive, without changing it.

    known_digest: a digest published elsewhere that one of the manifests must have. Raises ArchiveError if the file
    cannot be opened as an archive.
    """
    db = open_archive(path)
    try:
        captures = open_captures(path)
        try:
            return run_checks(path, db, captures, known_digest, progress)
        finally:
            if captures:
                captures.close()
    except sqlite3.Error as error:
        raise ArchiveError(path, str(error)) from error
    finally:
        db.close()


def run_checks(
    path: Path, db: sqlite3.Connection, captures: Captures | None, known_digest: str | None, progress: ProgressCallback
) -> VerificationReport:
    """Run all checks; if the file's damage stops one, this is a finding, and the next check runs."""
    counts = {table: db.execute(f"select count(*) from {table}").fetchone()[0] for table in VERIFIED_TABLES}
    newest = find_newest_manifest(db)
    uncovered = sum(
        db.execute(
            f"select count(*) from {table} where id > ?", [newest.last_id_of(table) if newest else 0]
        ).fetchone()[0]
        for table in COVERED_TABLES
    )
    report = VerificationReport(counts=counts, uncovered=uncovered, newest_manifest=newest)
    checks: list[tuple[Path, str, int, CheckResults]] = [(path, "integrity", 1, check_database_file(path, db))]
    if captures and captures.is_foreign:
        captures = None  # each of its blobs would be missing
        report.findings.append(ArchiveError(Captures.path_beside(path), FOREIGN_MESSAGE, table="blobs"))
    elif captures:
        counts["blobs"] = count_blobs(captures, report)
        checks += [
            (captures.path, "integrity", 1, check_captures_file(captures.path)),
            (captures.path, "blobs", counts["blobs"], check_blobs(captures)),
            (path, "captures", counts["captures"], check_captures(path, db, captures)),
        ]
    elif counts["captures"] or counts["manifests"]:
        problem = f"no such file; {counts['captures']} captures point into it"
        report.findings.append(ArchiveError(Captures.path_beside(path), problem, table="blobs"))
    report.findings.extend(find_missing_withheld_file(path, db))
    checks += [
        (path, "revisions", counts["revisions"], check_revisions(path, db)),
        (path, "releases", counts["releases"], check_releases(path, db)),
        (path, "changefeed", 1, check_changefeed(path, db)),
        (path, "counted", len(COUNT_SQL), check_aggregates(path, db)),
        (path, "manifests", counts["manifests"], check_manifest_chain(path, db, captures)),
    ]
    for file, what, total, check in checks:
        db.execute("begin")  # one state of the archive per check, while a crawl may write
        try:
            for done, finding in enumerate(check, 1):
                progress(what, done, total)
                if finding:
                    report.findings.append(finding)
        except sqlite3.Error as error:
            report.findings.append(ArchiveError(file, f"cannot be read on: {error}", table=what))
        except ArchiveError as error:
            report.findings.append(error)
        finally:
            db.execute("commit")
    if known_digest and not read_manifests(db, "digest = ?", known_digest):
        report.findings.append(ArchiveError(path, "no manifest has this digest", table="manifests", key=known_digest))
    return report


def open_archive(path: Path) -> sqlite3.Connection:
    """Open an archive for reading; raise ArchiveError if it is not an archive of today's schema."""
    if not path.is_file():
        raise ArchiveError(path, "no such file")
    try:
        db = open_readonly(path)
        # Bytes that are not UTF-8 must become a finding, not an exception.
        db.text_factory = lambda text: text.decode(errors="backslashreplace")
        check_version(db, path)
        existing = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
    except sqlite3.Error as error:
        raise ArchiveError(path, f"cannot be opened as an archive: {error}") from error
    if missing := [table for table in (*VERIFIED_TABLES, "changefeed", *COUNT_SQL) if table not in existing]:
        db.close()
        raise ArchiveError(path, f"holds no table {missing[0]}: it is no archive")
    return db


def open_captures(path: Path) -> Captures | None:
    """Open the captures.db next to an archive, or return None if there is none."""
    return Captures(path, readonly=True) if Captures.path_beside(path).is_file() else None


def check_database_file(path: Path, db: sqlite3.Connection) -> CheckResults:
    """Run SQLite's integrity check, and look up each foreign key."""
    for (problem,) in db.execute("pragma integrity_check"):
        yield None if problem == "ok" else ArchiveError(path, problem, table="integrity")
    for table, row, parent, number in db.execute("pragma foreign_key_check").fetchall():
        columns = {key[0]: key[3] for key in db.execute(f"pragma foreign_key_list({table})")}
        problem = f"{columns[number]} leads to no row of {parent}"
        yield ArchiveError(path, problem, table=table, key=None if row is None else str(row))


def check_captures_file(path: Path) -> CheckResults:
    with closing(open_readonly(path)) as db:
        yield from check_database_file(path, db)


def count_blobs(captures: Captures, report: VerificationReport) -> int:
    """Count the blobs; add a finding if the file cannot be read."""
    try:
        return captures.count()
    except ArchiveError as error:
        report.findings.append(error)
        return 0


def check_blobs(captures: Captures) -> CheckResults:
    """Read and hash each blob."""
    for sha256 in captures:
        try:
            captures.read(sha256)
        except ArchiveError as error:
            yield error
        else:
            yield None


def check_captures(path: Path, db: sqlite3.Connection, captures: Captures) -> CheckResults:
    """Check that each capture's bytes are stored, and that their number is right."""
    for first, last in iter_id_ranges(db, "captures"):
        rows = db.execute("select id, sha256, bytes from captures where id between ? and ?", [first, last]).fetchall()
        for key, sha256, length in rows:
            size = captures.size(sha256)
            if size is None:
                yield ArchiveError(path, f"its bytes {sha256} are not held", table="captures", key=str(key))
            elif size != length:
                yield ArchiveError(path, f"says {length} bytes of {size}", table="captures", key=str(key))
            else:
                yield None


def find_missing_withheld_file(path: Path, db: sqlite3.Connection) -> list[ArchiveError]:
    """Report that there is no withheld.db though there are takedowns; a snapshot never has it."""
    file = WithheldStore(path).path
    (count,) = db.execute("select count(*) from revisions where takedown is not null").fetchone()
    if not count or file.is_file():
        return []
    problem = f"no such file; {count} versions that are taken down cannot be checked (a snapshot is without it)"
    return [ArchiveError(file, problem, table="states")]


def check_revisions(path: Path, db: sqlite3.Connection) -> CheckResults:
    """Check each revision's hash against its state, restored from withheld.db where that exists."""
    names = ("id", "hash", "takedown", *STATE_FIELDS, *LIST_FIELDS)
    condition = "" if WithheldStore(path).path.is_file() else "and takedown is null"
    for first, last in iter_id_ranges(db, "revisions"):
        for values in db.execute(
            f"select {', '.join(names)} from revisions where id between ? and ? {condition}", [first, last]
        ):
            row = dict(zip(names, values, strict=True))
            try:
                matches = hash_state(parse_state(restore_withheld_row(db, row))) == row["hash"]
                problem = None if matches else "its hash is not that of the state it holds"
            except (ValueError, TypeError, AttributeError, LookupError) as error:  # not JSON, or not text
                problem = f"its state cannot be read: {error}"
            except ArchiveError as error:  # of withheld.db
                yield error
                continue
            yield ArchiveError(path, problem, table="revisions", key=str(row["id"])) if problem else None


def check_releases(path: Path, db: sqlite3.Connection) -> CheckResults:
    """Compare each release and its parts with its current revision."""
    current = ", ".join(f"r.{name}" for name in (*STATE_FIELDS, "hash"))
    stored = ", ".join(f"v.{name}" for name in (*STATE_FIELDS, "hash"))
    sql = (
        f"select r.id, r.revision, v.release is r.id and ({current}) is ({stored}), v.tags,"
        f" {', '.join(f'v.{name}' for name in PART_TABLES)}"
        " from releases r left join revisions v on v.id = r.revision where r.id between ? and ?"
    )
    for id_range in iter_id_ranges(db, "releases"):
        tags = read_tags_by_release(db, id_range)
        parts = {name: read_parts_by_release(db, name, id_range) for name in PART_TABLES}
        for release, revision, same, stored_tags, *stored_parts in db.execute(sql, id_range).fetchall():
            differing = [] if same else ["releases"]
            if not is_list_stored(stored_tags, tags[release], ordered=False):
                differing.append("release_tags")
            for name, text in zip(PART_TABLES, stored_parts, strict=True):
                if not is_list_stored(text, parts[name][release]):
                    differing.append(name)
            if not differing:
                yield None
            for table in differing:
                yield ArchiveError(path, f"is not as revision {revision} holds it", table=table, key=str(release))


def is_list_stored(stored_json: str | None, current: list[Any], *, ordered: bool = True) -> bool:
    """Return whether a revision's list is the current one; a list that was not recorded counts as equal.

    >>> is_list_stored('["b", "a"]', ["a", "b"], ordered=False), is_list_stored("[", []), is_list_stored(None, [])
    (True, False, True)
    """
    if stored_json is None:
        return True
    try:
        stored = json.loads(stored_json)
        return bool(stored == current if ordered else sorted(stored) == sorted(current))
    except (ValueError, TypeError):  # not JSON, or not a list
        return False


def read_tags_by_release(db: sqlite3.Connection, id_range: tuple[int, int]) -> dict[int, list[str]]:
    tags: dict[int, list[str]] = defaultdict(list)
    sql = "select rt.release, t.name from release_tags rt join tags t on t.id = rt.tag where rt.release between ? and ?"
    for release, name in db.execute(sql, id_range):
        tags[release].append(name)
    return tags


def read_parts_by_release(
    db: sqlite3.Connection, table: str, id_range: tuple[int, int]
) -> dict[int, list[dict[str, Any]]]:
    """Return the rows of one table (questions, images …) by release, as revisions store them."""
    parts: dict[int, list[dict[str, Any]]] = defaultdict(list)
    names = PART_FIELDS[table]
    sql = f"select release, {', '.join(names)} from {table} where release between ? and ? order by release, position"
    for release, *values in db.execute(sql, id_range):
        parts[release].append(dict(zip(names, values, strict=True)))
    return parts


def check_changefeed(path: Path, db: sqlite3.Connection) -> CheckResults:
    """Report each release without a change feed entry: mirrors would not know it."""
    for (release,) in db.execute(RELEASES_WITHOUT_CHANGES_SQL):
        yield ArchiveError(path, "no entry tells of this release", table="changefeed", key=str(release))


def check_aggregates(path: Path, db: sqlite3.Connection) -> CheckResults:
    """Report each stored count that is missing, superfluous or wrong."""
    for table in COUNT_SQL:
        for key, stored, counted in find_wrong_counts(db, table):
            if not counted:
                problem = "is kept, and nothing is there to be counted"
            elif not stored:
                problem = "is missing"
            else:
                problem = f"says {format_counts(stored)}, counted are {format_counts(counted)}"
            key_text = " ".join(str(value) or "-" for value in key)
            yield ArchiveError(path, f"{problem} (python -m archive reindex counts anew)", table=table, key=key_text)
        yield None


def find_wrong_counts(db: sqlite3.Connection, table: str) -> Iterator[tuple[RowValues, RowValues, RowValues]]:
    """Yield key, stored values and counted values of each row that differs; () if one side has no row.

    Both sides are grouped in one query, where equal rows cancel each other out.
    """
    columns = [row[1] for row in db.execute(f"pragma table_info({table})")]
    names, size = ", ".join(columns), KEY_LENGTHS[table]
    rows = db.execute(
        f"select {names}, sum(side) from (select {names}, 1 as side from {table}"
        f" union all select *, -1 from ({COUNT_SQL[table]})) group by {names} having sum(side) <> 0 order by {names}"
    )
    for key, group in groupby(rows, key=lambda row: row[:size]):
        sides = {row[-1] > 0: row[size:-1] or ("there",) for row in group}
        yield key, sides.get(True, ()), sides.get(False, ())


def format_counts(values: RowValues) -> str:
    return " and ".join(map(str, values))


def iter_id_ranges(db: sqlite3.Connection, table: str) -> Iterator[tuple[int, int]]:
    """Yield first and last id of ROWS_PER_QUERY rows of a table at a time, so that no query runs long."""
    end = db.execute(f"select coalesce(max(id), 0) from {table}").fetchone()[0]
    for first in range(1, end + 1, ROWS_PER_QUERY):
        yield first, first + ROWS_PER_QUERY - 1


def check_manifest_chain(path: Path, db: sqlite3.Connection, captures: Captures | None) -> CheckResults:
    """Check each manifest, oldest first, and the rows that it covers."""
    last = None
    for manifest in read_manifests(db):
        yield from check_manifest(path, db, captures, manifest, last)
        yield None
        last = manifest


def check_manifest(
    path: Path, db: sqlite3.Connection, captures: Captures | None, manifest: Manifest, previous: Manifest | None
) -> Iterator[ArchiveError]:
    """Check a manifest against the previous one, its row against its text, and the text against the rows."""

    def fault(problem: str) -> ArchiveError:
        return ArchiveError(path, problem, table="manifests", key=manifest.day)

    if manifest.previous != (previous.digest if previous else None):
        expected_previous = (
            f"the one before it, of {previous.day}, has {previous.digest}" if previous else "there is none before it"
        )
        yield fault(f"previous is {manifest.previous}, but {expected_previous}")
    text, problem = read_manifest_text(captures, manifest.digest)
    if text is None or captures is None:
        yield fault(f"its text cannot be read: {problem}")
        try:
            if recompute_manifest_digest(db, manifest, previous) != manifest.digest:
                yield fault(f"its digest {manifest.digest} is not that of its row and of what it covers")
        except ArchiveError as error:  # of withheld.db
            yield fault(f"its digest cannot be held against what it covers: {error}")
        return
    for name in MANIFEST_FIELDS:
        if text[name] != getattr(manifest, name):
            yield fault(f"{name} is {getattr(manifest, name)}, its text says {text[name]}")
    expected = [
        [table, first, end]
        for table, first, end in iter_part_ranges(previous, {name: text[f"{name}_to"] for name in COVERED_TABLES})
    ]
    if expected != [[table, *part[table]] for part in text["parts"] for table in COVERED_TABLES if table in part]:
        yield fault("it does not begin where the one before it ends")
    for part in text["parts"]:
        yield from check_manifest_part(path, db, captures, manifest.day, part)


def read_manifest_text(captures: Captures | None, digest: str) -> tuple[dict[str, Any] | None, str]:
    """Return a manifest's parsed text, or None and the reason why it cannot be read."""
    if captures is None:
        return None, "the archive's captures.db is not there"
    try:
        return json.loads(captures.read(digest)), ""
    except ArchiveError as error:
        return None, str(error)


def recompute_manifest_digest(db: sqlite3.Connection, manifest: Manifest, previous: Manifest | None) -> str | None:
    """Return the digest that a manifest with lost text should have; None if a row cannot be read."""
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
    """Report the rows of a part that differ from its text, are missing, or were added later.

    Rows whose state withheld.db cannot restore are skipped here; `check_revisions` reports them.
    """
    table = next(name for name in COVERED_TABLES if name in part)
    first, end = part[table]
    current_lines: dict[int, bytes | None] = {}
    unreadable = set()
    for row in iter_stored_rows(db, table, first, end):
        try:
            current_lines[row["id"]] = try_format_line(table, restore_withheld_row(db, row))
        except ArchiveError:
            current_lines[row["id"]] = None
            unreadable.add(row["id"])
    if not unreadable and compute_sha256(b"".join(line or b"" for line in current_lines.values())) == part["sha256"]:
        return
    try:
        text = captures.read(part["sha256"])
    except ArchiveError as error:
        state = (
            "cannot be held against it" if unreadable else "are not as they were on that day; which ones cannot be told"
        )
        problem = f"rows {first} to {end} of {table} {state}: {error}"
        yield ArchiveError(path, problem, table="manifests", key=day)
        return
    manifest_lines = {json.loads(line)[table.removesuffix("s")]: line for line in text.splitlines(keepends=True)}
    for key in sorted({*manifest_lines, *current_lines}):
        if key not in current_lines:
            problem = f"is missing; the manifest of {day} has it"
        elif key not in manifest_lines:
            problem = f"was put in after the manifest of {day}, which covers its place"
        elif current_lines[key] != manifest_lines[key] and key not in unreadable:
            problem = (
                f"is not as the manifest of {day} has it: {list_changed_names(manifest_lines[key], current_lines[key])}"
            )
        else:
            continue
        yield ArchiveError(path, problem, table=table, key=str(key))


def try_format_line(table: str, row: dict[str, Any]) -> bytes | None:
    """Format a row's line, or return None if the row cannot be read, which `check_revisions` reports."""
    try:
        return format_manifest_line(table, row)
    except (ValueError, TypeError):
        return None


def list_changed_names(manifest_line: bytes, current_line: bytes | None) -> str:
    """Return the names of a line's values that changed, for a finding."""
    if current_line is None:
        return "it cannot be read"
    before, after = json.loads(manifest_line), json.loads(current_line)
    return ", ".join(name for name in before if before[name] != after.get(name))
