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

from archive.database import ArchiveError, finish, runner_on
from archive.evidence.manifest import find_newest
from archive.i18n import say
from archive.search.fts import find_known, hits_sql, match_of, plan_of
from archive.search.params import EXCEPT, FACETS, Query, read_query
from archive.search.query import Note

IS_SQL = re.compile(r"\s*(?:select|with)\b", re.IGNORECASE)
IS_ADDRESS = re.compile(
    rf"(?:https?://[^\s?]+|/search(?:\.\w+)?)?\?(?:\S+&)?(?:q|{'|'.join(FACETS)})(?:{EXCEPT})?=.*", re.DOTALL
)
LIKE_ADDRESS = re.compile(r"\s*(?:https?://|/)\S")
KEYS = ("release", "id")  # columns that name a release, the first one leading
CHOSEN = "create temp table chosen (release integer primary key, agency text, year text)"
PLACE = """
    update temp.chosen set (agency, year) = (select r.agency, substr(iif(l.release is null, r.published, l.day), 1, 4)
      from releases r left join listed l on l.release = r.id where r.id = chosen.release)
"""
HARMLESS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for. how: search or sql; notes: what was read otherwise than it may have been meant, in words.

    found: releases; hidden: those that a SELECT named and a takedown hides, which are left out.
    """

    text: str
    how: str
    notes: Sequence[str]
    found: int
    hidden: int


class Values:
    """The part of an address behind the question mark."""

    def __init__(self, address: str) -> None:
        self.values = parse_qs(urlsplit(address).query)

    def get(self, name: str, default: str | None = None, /) -> str | None:
        return self.values.get(name, [default])[0]

    def getlist(self, name: str, /) -> Sequence[str]:
        return self.values.get(name, [])


def choose(db: sqlite3.Connection, archive: Path, text: str, how: str | None = None) -> Asked:
    """Fill temp.chosen with what is asked for.

    ArchiveError where a SELECT cannot be run, or names no releases, and for an address of another page.
    """
    if how is None and LIKE_ADDRESS.match(text) and not IS_ADDRESS.fullmatch(text.strip()):
        words = ", ".join(("q=", *(f"{name}=" for name in FACETS)))
        problem = f"{text.strip()!r} is no address of the search page with any of {words} (--search: these are words)"
        raise ArchiveError(archive, problem)
    how = how or ("sql" if IS_SQL.match(text) else "search")
    db.execute(CHOSEN)
    notes: Sequence[str] = []
    if how == "sql":
        choose_by_sql(db, archive, text)
    else:
        notes = choose_by_search(db, text)
    hidden = db.execute(
        "delete from temp.chosen where release in (select id from releases where withheld = 'hidden')"
    ).rowcount
    db.execute(PLACE)
    (found,) = db.execute("select count(*) from temp.chosen").fetchone()
    return Asked(text=text, how=how, notes=notes, found=found, hidden=hidden)


def choose_by_search(db: sqlite3.Connection, text: str) -> Sequence[str]:
    """What the search page finds by these words, or at this address of its; of all hits, not of the newest alone."""
    query = read_query(Values(text)) if IS_ADDRESS.fullmatch(text.strip()) else Query(text=text.strip())
    known, notes = finish(find_known(runner_on(db), query.asked.tree))
    plan = plan_of(query, known)
    hits = hits_sql(query, plan, match_of(query, plan))
    db.execute(f"insert or ignore into temp.chosen (release) select release from ({hits})", plan.values)
    return [say_note(note) for note in (*query.asked.notes, *query.notes, *notes)]


def say_note(note: Note) -> str:
    """What the search page tells of it, in English."""
    return say("en", f"search_note_{note.key}", words=note.words)


def choose_by_sql(db: sqlite3.Connection, archive: Path, sql: str) -> None:
    """What a single SELECT names in a column `release`, else `id`."""
    with reading_alone(db):
        try:
            cursor = db.execute(sql)
            columns = [name for name, *_ in cursor.description or ()]
            key = next((columns.index(name) for name in KEYS if name in columns), None)
            if key is None:
                told = ", ".join(columns) or "none"
                raise ArchiveError(archive, f"the SELECT gives no column release or id; its columns: {told}")
            kept = array("q", read_keys(cursor, key, archive))
        except (sqlite3.Error, sqlite3.Warning) as error:
            words = "only a SELECT can be asked" if "not authorized" in str(error) else str(error)
            raise ArchiveError(archive, f"the SQL cannot be run: {words} (--search: it is a search)") from error
    db.executemany("insert or ignore into temp.chosen (release) values (?)", ((each,) for each in kept))
    strangers = "from temp.chosen where release not in (select id from releases)"
    number, one = db.execute(f"select count(*), min(release) {strangers}").fetchone()
    if number:
        problem = f"the SELECT's column {columns[key]} gives {number} numbers that are no release"
        raise ArchiveError(archive, problem, table="releases", key=str(one))


def read_keys(cursor: sqlite3.Cursor, key: int, archive: Path) -> Iterator[int]:
    """Numbers alone."""
    for row in cursor:
        if not isinstance(row[key], int):
            raise ArchiveError(archive, f"the SELECT gives {row[key]!r}, which is no number of a release")
        yield row[key]


@contextmanager
def reading_alone(db: sqlite3.Connection) -> Iterator[None]:
    """Nothing that attaches, sets or makes anything; the file itself is open for reading alone."""

    def authorise(action: int, one: str | None, _two: str | None, _schema: str | None, _by: str | None) -> int:
        allowed = action in HARMLESS or (action == sqlite3.SQLITE_PRAGMA and one == "data_version")  # asked by FTS5
        return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY

    db.set_authorizer(authorise)
    try:
        yield
    finally:
        db.set_authorizer(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
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


def read_state(db: sqlite3.Connection) -> State:
    """As it stands in the transaction that is open."""
    one = {
        "releases": "select count(*) from releases",
        "newest_revision": "select max(id) from revisions",
        "newest_revision_seen": "select seen from revisions order by id desc limit 1",
        "newest_change": "select max(id) from delta",
        "newest_change_at": "select at from delta order by id desc limit 1",
        "last_crawl_finished": "select max(finished) from crawls",
        "schema": "select name from _sqlite_migrations order by id desc limit 1",
    }
    found: dict[str, Any] = {name: (db.execute(sql).fetchone() or (None,))[0] for name, sql in one.items()}
    manifest = find_newest(db)
    return State(
        **found,
        manifest_day=manifest.day if manifest else None,
        manifest_digest=manifest.digest if manifest else None,
        software=f"myndighetsarkivet {version('myndighetsarkivet')}",
    )
