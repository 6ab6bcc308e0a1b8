"""Selects a dataset's releases, by a search or the ids of a SELECT, and reads the archive's state."""

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

RELEASE_ID_COLUMNS = ("release", "id")  # columns of a SELECT; the first one present is used
READ_ACTIONS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
SQL_START = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)
SEARCH_URL = re.compile(
    rf"(?:https?://[^\s?]+|/search(?:\.\w+)?)?\?(?:\S+&)?(?:q|{'|'.join(FACETS)})(?:{EXCLUDE_SUFFIX})?=.*", re.DOTALL
)
URL_START = re.compile(r"\s*(?:https?://|/)\S")

SELECTION_TABLE_SQL = "create temp table chosen (release integer primary key, agency text, year text)"
SELECTION_AGENCY_YEAR_SQL = """
    update temp.chosen set (agency, year) = (
      select r.agency, substr(iif(l.release is null, r.published, l.sort_day), 1, 4)
      from releases r left join release_facets l on l.release = r.id where r.id = chosen.release)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSelection:
    """The query, and the number of releases it selects."""

    query: str
    kind: str  # search or sql
    notes: Sequence[str]  # sentences on how the query was interpreted
    releases: int  # without hidden ones
    hidden_releases: int  # returned by a SELECT and left out, because a takedown hides them


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveState:
    """Counts and times (UTC) for comparing two copies of an archive."""

    releases: int  # all, including hidden and moved ones
    newest_revision: int | None
    newest_revision_seen: str | None
    newest_change: int | None  # id of the change feed's last entry, unique to this state
    newest_change_at: str | None
    last_crawl_finished: str | None
    manifest_day: str | None  # day of the newest manifest (python -m archive verify --digest)
    manifest_digest: str | None
    schema: str  # the newest migration
    software: str

    @property
    def day(self) -> str:
        """Return the day of the last change, for citations, or "" if there was none."""
        return (self.newest_change_at or "")[:10]


class UrlParameters:
    """The query parameters of a URL, with the interface of Datasette's `request.args`."""

    def __init__(self, url: str) -> None:
        self.values = parse_qs(urlsplit(url).query)

    def get(self, name: str, default: str | None = None, /) -> str | None:
        return self.values.get(name, [default])[0]

    def getlist(self, name: str, /) -> Sequence[str]:
        return self.values.get(name, [])


def select_releases(
    db: sqlite3.Connection, archive_path: Path, selection_text: str, selection_kind: str | None = None
) -> DatasetSelection:
    """Fill temp.chosen with the selected releases.

    Raises ArchiveError if a SELECT cannot be run or returns no release ids, or if a URL is not that of a search page.
    """
    text = selection_text.strip()
    if selection_kind is None and URL_START.match(text) and not SEARCH_URL.fullmatch(text):
        parameters = ", ".join(("q=", *(f"{name}=" for name in FACETS)))
        problem = f"{text!r} is not a URL of the search page with any of {parameters} (use --search for words)"
        raise ArchiveError(archive_path, problem)
    selection_kind = selection_kind or ("sql" if SQL_START.match(selection_text) else "search")
    db.execute(SELECTION_TABLE_SQL)
    notes: Sequence[str] = ()
    if selection_kind == "sql":
        select_by_sql(db, archive_path, selection_text)
    else:
        notes = select_by_search(db, text)
    hidden = db.execute(
        "delete from temp.chosen where release in (select id from releases where takedown = 'hidden')"
    ).rowcount
    db.execute(SELECTION_AGENCY_YEAR_SQL)
    (releases,) = db.execute("select count(*) from temp.chosen").fetchone()
    return DatasetSelection(
        query=selection_text, kind=selection_kind, notes=notes, releases=releases, hidden_releases=hidden
    )


def select_by_search(db: sqlite3.Connection, selection_text: str) -> Sequence[str]:
    """Select all hits of a search, given as a query or as a URL of the search page; return its notes."""
    is_url = SEARCH_URL.fullmatch(selection_text)
    request = parse_search_request(UrlParameters(selection_text)) if is_url else SearchRequest(text=selection_text)
    known, notes = run_without_waiting(resolve_names(build_connection_runner(db), request.query.tree))
    plan = plan_search(request, known)
    hits = build_hits_sql(request, plan, build_match(request, plan))
    db.execute(f"insert or ignore into temp.chosen (release) select release from ({hits})", plan.values)
    # as the search page shows them, in English
    return [
        translate("en", f"search.note.{note.key}", words=note.value)
        for note in (*request.query.notes, *request.notes, *notes)
    ]


def select_by_sql(db: sqlite3.Connection, archive_path: Path, sql: str) -> None:
    """Select the ids that a single SELECT returns in its column `release`, or else `id`."""
    with allow_only_reads(db):
        try:
            cursor = db.execute(sql)
            columns = [name for name, *_ in cursor.description or ()]
            key = next((columns.index(name) for name in RELEASE_ID_COLUMNS if name in columns), None)
            if key is None:
                names = ", ".join(columns) or "none"
                raise ArchiveError(archive_path, f"the SELECT returns no column release or id; its columns: {names}")
            release_ids = array("q", (check_release_id(row[key], archive_path) for row in cursor))
        except (sqlite3.Error, sqlite3.Warning) as error:
            reason = "it must be a SELECT" if "not authorized" in str(error) else str(error)
            raise ArchiveError(archive_path, f"the SQL cannot be run: {reason} (use --search for a search)") from error
    db.executemany("insert or ignore into temp.chosen (release) values (?)", ((each,) for each in release_ids))
    unknown_sql = "from temp.chosen where release not in (select id from releases)"
    count, first = db.execute(f"select count(*), min(release) {unknown_sql}").fetchone()
    if count:
        problem = f"the SELECT's column {columns[key]} has {count} numbers that are not ids of releases"
        raise ArchiveError(archive_path, problem, table="releases", key=str(first))


def check_release_id(value: object, archive_path: Path) -> int:
    if not isinstance(value, int):
        raise ArchiveError(archive_path, f"the SELECT returns {value!r}, which is not the id of a release")
    return value


@contextmanager
def allow_only_reads(db: sqlite3.Connection) -> Iterator[None]:
    """Within the block, allow nothing but SELECTs. The file itself is opened read-only."""

    def authorise(action: int, argument: str | None, *_: str | None) -> int:
        is_fts_pragma = action == sqlite3.SQLITE_PRAGMA and argument == "data_version"  # FTS5 reads it
        return sqlite3.SQLITE_OK if action in READ_ACTIONS or is_fts_pragma else sqlite3.SQLITE_DENY

    db.set_authorizer(authorise)
    try:
        yield
    finally:
        db.set_authorizer(None)


def read_archive_state(db: sqlite3.Connection) -> ArchiveState:
    """Return the state of the archive that the open transaction sees."""
    queries = {
        "releases": "select count(*) from releases",
        "newest_revision": "select max(id) from revisions",
        "newest_revision_seen": "select seen from revisions order by id desc limit 1",
        "newest_change": "select max(id) from changefeed",
        "newest_change_at": "select at from changefeed order by id desc limit 1",
        "last_crawl_finished": "select max(finished) from crawls",
        "schema": "select name from _sqlite_migrations order by id desc limit 1",
    }
    values: dict[str, Any] = {name: (db.execute(sql).fetchone() or (None,))[0] for name, sql in queries.items()}
    manifest = find_newest_manifest(db)
    return ArchiveState(
        **values,
        manifest_day=manifest.day if manifest else None,
        manifest_digest=manifest.digest if manifest else None,
        software=f"myndighetsarkivet {version('myndighetsarkivet')}",
    )
