"""Which releases a dataset contains; the archive state it was taken from.

Which releases a slice is of: what a search finds, to its last hit, or what a SELECT names.

The state of the archive that a slice was taken from, so that others can say whether theirs is the same.
"""

from __future__ import annotations

import re
import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from archive.database import ArchiveError, build_connection_runner, run_without_waiting
from archive.evidence.manifest import find_newest_manifest
from archive.i18n import translate
from archive.search.fts import build_hits_sql, build_match, plan_search, resolve_names
from archive.search.params import EXCLUDE_SUFFIX, FACETS, SearchRequest, parse_search_request
from archive.search.query import SearchNote

SQL_START = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)
SEARCH_URL = re.compile(
    rf"(?:https?://[^\s?]+|/search(?:\.\w+)?)?\?(?:\S+&)?(?:q|{'|'.join(FACETS)})(?:{EXCLUDE_SUFFIX})?=.*", re.DOTALL
)
URL_START = re.compile(r"\s*(?:https?://|/)\S")
RELEASE_ID_COLUMNS = ("release", "id")  # columns that name a release, the first one leading
SELECTION_TABLE_SQL = "create temp table chosen (release integer primary key, agency text, year text)"
SELECTION_AGENCY_YEAR_SQL = """
    update temp.chosen set (agency, year) = (select r.agency, substr(iif(l.release is null, r.published, l.sort_day), 1, 4)
      from releases r left join release_facets l on l.release = r.id where r.id = chosen.release)
"""
READ_ACTIONS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSelection:
    """What was asked for. how: search or sql; notes: what was read otherwise than it may have been meant, in words.

    found: releases; hidden: those that a SELECT named and a takedown hides, which are left out.
    """

    text: str
    how: str
    notes: Sequence[str]
    found: int
    hidden: int


class UrlParameters:
    """The part of an address behind the question mark."""

    def __init__(self, url: str) -> None:
        self.values = parse_qs(urlsplit(url).query)

    def get(self, name: str, default: str | None = None, /) -> str | None:
        return self.values.get(name, [default])[0]

    def getlist(self, name: str, /) -> Sequence[str]:
        return self.values.get(name, [])


def select_releases(
    db: sqlite3.Connection, archive_path: Path, selection_text: str, selection_kind: str | None = None
) -> DatasetSelection:
    """Fill temp.chosen with what is asked for.

    ArchiveError where a SELECT cannot be run, or names no releases, and for an address of another page.
    """
    if selection_kind is None and URL_START.match(selection_text) and not SEARCH_URL.fullmatch(selection_text.strip()):
        words = ", ".join(("q=", *(f"{name}=" for name in FACETS)))
        problem = f"{selection_text.strip()!r} is no address of the search page with any of {words} (--search: these are words)"
        raise ArchiveError(archive_path, problem)
    selection_kind = selection_kind or ("sql" if SQL_START.match(selection_text) else "search")
    db.execute(SELECTION_TABLE_SQL)
    notes: Sequence[str] = []
    if selection_kind == "sql":
        select_by_sql(db, archive_path, selection_text)
    else:
        notes = select_by_search(db, selection_text)
    hidden = db.execute(
        "delete from temp.chosen where release in (select id from releases where takedown = 'hidden')"
    ).rowcount
    db.execute(SELECTION_AGENCY_YEAR_SQL)
    (found,) = db.execute("select count(*) from temp.chosen").fetchone()
    return DatasetSelection(text=selection_text, how=selection_kind, notes=notes, found=found, hidden=hidden)


def select_by_search(db: sqlite3.Connection, selection_text: str) -> Sequence[str]:
    """What the search page finds by these words, or at this address of its; of all hits, not of the newest alone."""
    query = (
        parse_search_request(UrlParameters(selection_text))
        if SEARCH_URL.fullmatch(selection_text.strip())
        else SearchRequest(text=selection_text.strip())
    )
    known, notes = run_without_waiting(resolve_names(build_connection_runner(db), query.query.tree))
    plan = plan_search(query, known)
    hits = build_hits_sql(query, plan, build_match(query, plan))
    db.execute(f"insert or ignore into temp.chosen (release) select release from ({hits})", plan.values)
    return [format_search_note(note) for note in (*query.query.notes, *query.notes, *notes)]


def format_search_note(note: SearchNote) -> str:
    """What the search page tells of it, in English."""
    return translate("en", f"search_note_{note.key}", words=note.value)


def select_by_sql(db: sqlite3.Connection, archive_path: Path, sql: str) -> None:
    """What a single SELECT names in a column `release`, else `id`."""
    with allow_only_reads(db):
        try:
            cursor = db.execute(sql)
            columns = [name for name, *_ in cursor.description or ()]
            key = next((columns.index(name) for name in RELEASE_ID_COLUMNS if name in columns), None)
            if key is None:
                told = ", ".join(columns) or "none"
                raise ArchiveError(archive_path, f"the SELECT gives no column release or id; its columns: {told}")
            kept = array("q", iter_release_ids(cursor, key, archive_path))
        except (sqlite3.Error, sqlite3.Warning) as error:
            words = "only a SELECT can be asked" if "not authorized" in str(error) else str(error)
            raise ArchiveError(archive_path, f"the SQL cannot be run: {words} (--search: it is a search)") from error
    db.executemany("insert or ignore into temp.chosen (release) values (?)", ((each,) for each in kept))
    strangers = "from temp.chosen where release not in (select id from releases)"
    number, one = db.execute(f"select count(*), min(release) {strangers}").fetchone()
    if number:
        problem = f"the SELECT's column {columns[key]} gives {number} numbers that are no release"
        raise ArchiveError(archive_path, problem, table="releases", key=str(one))


def iter_release_ids(cursor: sqlite3.Cursor, column_index: int, archive_path: Path) -> Iterator[int]:
    """Numbers alone."""
    for row in cursor:
        if not isinstance(row[column_index], int):
            raise ArchiveError(archive_path, f"the SELECT gives {row[column_index]!r}, which is no number of a release")
        yield row[column_index]


@contextmanager
def allow_only_reads(db: sqlite3.Connection) -> Iterator[None]:
    """Nothing that attaches, sets or makes anything; the file itself is open for reading alone."""

    def authorise(action: int, one: str | None, _two: str | None, _schema: str | None, _by: str | None) -> int:
        allowed = action in READ_ACTIONS or (action == sqlite3.SQLITE_PRAGMA and one == "data_version")  # asked by FTS5
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    db.set_authorizer(authorise)
    try:
        yield
    finally:
        db.set_authorizer(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveState:
    """Numbers and times of the newest of what the archive held. Times are UTC."""

    releases: int  # all that it held, hidden and moved ones among them
    newest_revision: int | None
    newest_revision_seen: str | None
    newest_change: int | None  # number of the delta's last entry: no other state of this archive has it
    newest_change_at: str | None
    last_crawl_finished: str | None
    manifest_day: str | None  # of the daily chain of hashes (python -m archive verify --digest)
    manifest_digest: str | None
    schema: str  # the newest step of migrations
    software: str

    @property
    def day(self) -> str:
        """As of when, for citations: of the last change, else ""."""
        return (self.newest_change_at or "")[:10]


def read_archive_state(db: sqlite3.Connection) -> ArchiveState:
    """As it stands in the transaction that is open."""
    one = {
        "releases": "select count(*) from releases",
        "newest_revision": "select max(id) from revisions",
        "newest_revision_seen": "select seen from revisions order by id desc limit 1",
        "newest_change": "select max(id) from changefeed",
        "newest_change_at": "select at from changefeed order by id desc limit 1",
        "last_crawl_finished": "select max(finished) from crawls",
        "schema": "select name from _sqlite_migrations order by id desc limit 1",
    }
    found: dict[str, Any] = {name: (db.execute(sql).fetchone() or (None,))[0] for name, sql in one.items()}
    manifest = find_newest_manifest(db)
    return ArchiveState(
        **found,
        manifest_day=manifest.day if manifest else None,
        manifest_digest=manifest.digest if manifest else None,
        software=f"myndighetsarkivet {version('myndighetsarkivet')}",
    )
