"""`verify`: every hash, row, counter, change-feed entry.

Whether the log tells of every release: one that it lacks is in no mirror.

Whether what pages show as counted is what counting finds.

Whether what is shown of a release (releases and its parts) is what the revision that stands holds.

Holds an archive against itself: bytes and states against their hashes, rows against rows and manifests.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

from archive.aggregates import COUNT_SQL, KEY_LENGTHS
from archive.captures import Captures
from archive.database import ArchiveError, check_version, open_readonly
from archive.evidence.manifest import Manifest, check_manifest_chain, find_newest_manifest, read_manifests
from archive.models import LIST_FIELDS, PART_FIELDS, PART_TABLES, STATE_FIELDS, hash_state, parse_state
from archive.redaction import WithheldStore, restore_withheld_row

RELEASES_WITHOUT_CHANGES_SQL = (
    "select id from releases r where not exists (select 1 from changefeed d where d.release = r.id)"
)


def check_changefeed(path: Path, db: sqlite3.Connection) -> Iterator[ArchiveError | None]:
    """A finding for each release without an entry."""
    for (release,) in db.execute(RELEASES_WITHOUT_CHANGES_SQL):
        yield ArchiveError(path, "no entry tells of this release", table="changefeed", key=str(release))


RowValues = tuple[Any, ...]


def check_aggregates(path: Path, db: sqlite3.Connection) -> Iterator[ArchiveError | None]:
    """A finding for each row that is missing, too many, or counts otherwise."""
    for table in COUNT_SQL:
        for key, kept, counted in find_wrong_counts(db, table):
            if not counted:
                problem = "is kept, and nothing is there to be counted"
            elif not kept:
                problem = "is missing"
            else:
                problem = f"says {format_counts(kept)}, counted are {format_counts(counted)}"
            named = " ".join(str(value) or "-" for value in key)
            yield ArchiveError(path, f"{problem} (python -m archive reindex counts anew)", table=table, key=named)
        yield None


def find_wrong_counts(db: sqlite3.Connection, table: str) -> Iterator[tuple[RowValues, RowValues, RowValues]]:
    """Key, values as kept, values as counted, of each row that is not the same in both; () where there is none.

    Both are sorted once, together: what is the same falls out.
    """
    columns = [row[1] for row in db.execute(f"pragma table_info({table})")]
    names, size = ", ".join(columns), KEY_LENGTHS[table]
    rows = db.execute(
        f"select {names}, sum(kept) from (select {names}, 1 as kept from {table}"
        f" union all select *, -1 from ({COUNT_SQL[table]})) group by {names} having sum(kept) <> 0 order by {names}"
    )
    for key, found in groupby(rows, key=lambda row: row[:size]):
        sides = {row[-1] > 0: row[size:-1] or ("there",) for row in found}
        yield key, sides.get(True, ()), sides.get(False, ())


def format_counts(values: RowValues) -> str:
    """Counts in words."""
    return " and ".join(map(str, values))


RELEASES_PER_QUERY = 1000  # ids a query


def check_releases(path: Path, db: sqlite3.Connection) -> Iterator[ArchiveError | None]:
    """For each release what is wrong with it, if anything."""
    end = db.execute("select coalesce(max(id), 0) from releases").fetchone()[0]
    shown = ", ".join(f"r.{name}" for name in (*STATE_FIELDS, "hash"))
    kept = ", ".join(f"v.{name}" for name in (*STATE_FIELDS, "hash"))
    sql = (
        f"select r.id, r.revision, v.release is r.id and ({shown}) is ({kept}), v.tags,"
        f" {', '.join(f'v.{name}' for name in PART_TABLES)}"
        " from releases r left join revisions v on v.id = r.revision where r.id between ? and ?"
    )
    for first in range(1, end + 1, RELEASES_PER_QUERY):
        span = (first, first + RELEASES_PER_QUERY - 1)
        tags, parts = (
            read_tags_by_release(db, span),
            {name: read_parts_by_release(db, name, span) for name in PART_TABLES},
        )
        for release, revision, same, tags_kept, *parts_kept in db.execute(sql, span).fetchall():
            differing = [] if same else ["releases"]
            if not is_list_stored(tags_kept, tags[release], ordered=False):
                differing.append("release_tags")
            for name, text in zip(PART_TABLES, parts_kept, strict=True):
                if not is_list_stored(text, parts[name][release]):
                    differing.append(name)
            if not differing:
                yield None
            for table in differing:
                yield ArchiveError(path, f"is not as revision {revision} holds it", table=table, key=str(release))


def is_list_stored(stored_json: str | None, current: list[Any], *, ordered: bool = True) -> bool:
    """Whether a revision's list is what is shown; one that was not read in its day tells nothing.

    >>> is_list_stored('["b", "a"]', ["a", "b"], ordered=False), is_list_stored("[", []), is_list_stored(None, [])
    (True, False, True)
    """
    if stored_json is None:
        return True
    try:
        found = json.loads(stored_json)
        return bool(found == current if ordered else sorted(found) == sorted(current))
    except (ValueError, TypeError):  # no JSON, or no list
        return False


def read_tags_by_release(db: sqlite3.Connection, id_range: tuple[int, int]) -> dict[int, list[str]]:
    """The tags of some releases."""
    found: dict[int, list[str]] = defaultdict(list)
    sql = "select rt.release, t.name from release_tags rt join tags t on t.id = rt.tag where rt.release between ? and ?"
    for release, name in db.execute(sql, id_range):
        found[release].append(name)
    return found


def read_parts_by_release(
    db: sqlite3.Connection, table: str, id_range: tuple[int, int]
) -> dict[int, list[dict[str, Any]]]:
    """The questions, images … of some releases, as revisions hold them."""
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    names = PART_FIELDS[table]
    sql = f"select release, {', '.join(names)} from {table} where release between ? and ? order by release, position"
    for release, *values in db.execute(sql, id_range):
        found[release].append(dict(zip(names, values, strict=True)))
    return found


VERIFIED_TABLES = ("captures", "revisions", "releases", "manifests")
ROWS_PER_QUERY = 1000  # ids a query, so that no read transaction stands open for long
VerifyProgress = Callable[[str, int, int], None]  # what is being looked at, how much of it, of how much
CheckResults = Iterator[ArchiveError | None]  # for each thing looked at what is wrong with it, if anything


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationReport:
    """What was looked at, and what is wrong: each finding names file, table and key."""

    counts: dict[str, int]  # rows of each table, and blobs
    uncovered: int  # captures and revisions that came after the newest manifest
    newest_manifest: Manifest | None
    findings: list[ArchiveError] = field(default_factory=list)


def verify(
    path: Path, *, known_digest: str | None = None, progress: VerifyProgress = lambda *_: None
) -> VerificationReport:
    """Look at all of an archive; nothing is changed. `known` is a digest, published elsewhere, that must be in it.

    ArchiveError where it cannot be opened as an archive.
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
    path: Path, db: sqlite3.Connection, captures: Captures | None, known_digest: str | None, progress: VerifyProgress
) -> VerificationReport:
    """Check after check; one that the file's damage ends is a finding, and the next goes on."""
    counts = {table: db.execute(f"select count(*) from {table}").fetchone()[0] for table in VERIFIED_TABLES}
    newest = find_newest_manifest(db)
    uncovered = sum(
        db.execute(
            f"select count(*) from {table} where id > ?", [newest.last_id_of(table) if newest else 0]
        ).fetchone()[0]
        for table in ("captures", "revisions")
    )
    report = VerificationReport(counts=counts, uncovered=uncovered, newest_manifest=newest)
    checks: list[tuple[Path, str, int, CheckResults]] = [(path, "integrity", 1, check_database_file(path, db))]
    if captures:
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
        db.execute("begin")  # each check looks at one state of the archive, whatever a crawl writes meanwhile
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
    """For reading alone. ArchiveError where there is no archive of today's schema."""
    if not path.is_file():
        raise ArchiveError(path, "no such file")
    try:
        db = open_readonly(path)
        # bytes that are no text are found, not stumbled over
        db.text_factory = lambda text: text.decode(errors="backslashreplace")
        check_version(db, path)
        held = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
    except sqlite3.Error as error:
        raise ArchiveError(path, f"cannot be opened as an archive: {error}") from error
    if missing := [table for table in (*VERIFIED_TABLES, "changefeed", *COUNT_SQL) if table not in held]:
        db.close()
        raise ArchiveError(path, f"holds no table {missing[0]}: it is no archive")
    return db


def open_captures(path: Path) -> Captures | None:
    """The captures.db beside an archive, if there is one."""
    return Captures(path, readonly=True) if Captures.path_beside(path).is_file() else None


def count_blobs(captures: Captures, report: VerificationReport) -> int:
    """How many there are; a file that cannot tell is a finding."""
    try:
        return captures.count()
    except ArchiveError as error:
        report.findings.append(error)
        return 0


def find_missing_withheld_file(path: Path, db: sqlite3.Connection) -> list[ArchiveError]:
    """One finding for all that is taken down where there is no withheld.db: a snapshot never has it."""
    file = WithheldStore(path).path
    (number,) = db.execute("select count(*) from revisions where takedown is not null").fetchone()
    if not number or file.is_file():
        return []
    problem = f"no such file; {number} versions that are taken down cannot be checked (a snapshot is without it)"
    return [ArchiveError(file, problem, table="states")]


def check_database_file(path: Path, db: sqlite3.Connection) -> CheckResults:
    """SQLite's own look at a file, and whether each foreign key leads somewhere."""
    for (problem,) in db.execute("pragma integrity_check"):
        yield None if problem == "ok" else ArchiveError(path, problem, table="integrity")
    for table, row, parent, number in db.execute("pragma foreign_key_check").fetchall():
        columns = {key[0]: key[3] for key in db.execute(f"pragma foreign_key_list({table})")}
        problem = f"{columns[number]} leads to no row of {parent}"
        yield ArchiveError(path, problem, table=table, key=None if row is None else str(row))


def check_captures_file(path: Path) -> CheckResults:
    """The same of captures.db."""
    with closing(open_readonly(path)) as db:
        yield from check_database_file(path, db)


def check_blobs(captures: Captures) -> CheckResults:
    """Each is read and hashed again."""
    for sha256 in captures:
        try:
            captures.read(sha256)
        except ArchiveError as error:
            yield error
        else:
            yield None


def check_captures(path: Path, db: sqlite3.Connection, captures: Captures) -> CheckResults:
    """Each has its bytes, and as many as it says."""
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


def check_revisions(path: Path, db: sqlite3.Connection) -> CheckResults:
    """Each has the hash of the state it holds, or that withheld.db holds, where there is one."""
    names = ("id", "hash", "takedown", *STATE_FIELDS, *LIST_FIELDS)
    which = "" if WithheldStore(path).path.is_file() else "and takedown is null"
    for first, last in iter_id_ranges(db, "revisions"):
        for values in db.execute(
            f"select {', '.join(names)} from revisions where id between ? and ? {which}", [first, last]
        ):
            row = dict(zip(names, values, strict=True))
            try:
                right = hash_state(parse_state(restore_withheld_row(db, row))) == row["hash"]
                problem = None if right else "its hash is not that of the state it holds"
            except (ValueError, TypeError, AttributeError, LookupError) as error:  # what is no JSON, or no text
                problem = f"its state cannot be read: {error}"
            except ArchiveError as error:  # of withheld.db
                yield error
                continue
            yield ArchiveError(path, problem, table="revisions", key=str(row["id"])) if problem else None


def iter_id_ranges(db: sqlite3.Connection, table: str) -> Iterator[tuple[int, int]]:
    """First and last id of a table, some at a time."""
    end = db.execute(f"select coalesce(max(id), 0) from {table}").fetchone()[0]
    for first in range(1, end + 1, ROWS_PER_QUERY):
        yield first, first + ROWS_PER_QUERY - 1
