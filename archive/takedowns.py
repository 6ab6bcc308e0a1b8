"""Hide, redact, lift: versions, search index and whatever else quotes them.

The desk for takedowns: a release is hidden or a passage redacted, with a public reason, and can be restored.

What is taken down leaves archive.db altogether: its tables, its search index, the file's free pages. It stays in
withheld.db (archive.takedowns.withheld), so that hashes, manifests and later looks at the agency's page go on as
before: a revision's `hash` is that of what was there. Every version is covered, and every later one, too.

Takes down and restores: the versions of a release, its search index, and whatever else quotes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from archive.database import ArchiveError
from archive.dates import to_text
from archive.diff import compare
from archive.models import LISTS, STATE, read_state
from archive.quarantine import Aside
from archive.redaction import COLUMNS, KINDS, MARK, Passages, is_too_short, redact, redact_state
from archive.store import Archive, as_json, tell

ADDRESSES = "select url from frontier where release = :release union select url from releases where id = :release"
ELSEWHERE = (  # what may quote a page: table, its column, and which rows are of a release
    ("frontier", "problem", f"url in ({ADDRESSES})"),
    ("removals", "target", "release = :release"),
)
QUOTING = (ELSEWHERE[0], ("removals", "target", "release = :release and kind <> 'moved'"))  # it goes on to stand there
PROBLEMS = ("crawls", "problems", "agency = (select agency from releases where id = :release)")
CHAIN = (  # a release and all it was joined with, either way
    "with recursive chain(id) as (select :release union select r.moved_to from releases r join chain on r.id = chain.id"
    " where r.moved_to is not null union select r.id from releases r join chain on r.moved_to = chain.id)"
    " select id from chain order by id"
)


def hide(archive: Archive, release: int, at: datetime, *, reason: str, reason_en: str | None = None) -> int:
    """Show nothing of a release any more, nor of what it was joined with; gives the takedown's number.

    ArchiveError where there is no such release.
    """
    check_release(archive, release)
    with wiping(archive):
        keys = [archive.rules.add(each, "hide", at, reason, reason_en) for each in chain_of(archive, release)]
        for each in chain_of(archive, release):
            cover(archive, each)
            for table, column, which in ELSEWHERE:
                archive.db.execute(f"update {table} set {column} = null where {which}", {"release": each})
            forget_problems(archive, each)
    return keys[0]


def redact_passage(
    archive: Archive, release: int, passage: str, at: datetime, *, reason: str, reason_en: str | None = None
) -> int:
    """Show a mark in place of a passage, in every version of a release and of what it was joined with.

    Gives the takedown's number. ArchiveError where there is no such release, or the passage is too short or stands
    in none of its versions.
    """
    check_release(archive, release)
    problem = "the passage is too short" if is_too_short(passage) else find_nowhere(archive, release, passage)
    if problem:
        raise ArchiveError(archive.path, problem, table="releases", key=str(release))
    passages, keys = Passages([passage]), []
    with wiping(archive):
        for each in chain_of(archive, release):
            keys.append(archive.rules.add(each, "redact", at, reason, reason_en))
            archive.rules.withheld.keep_passage(keys[-1], passage)
        for each in chain_of(archive, release):
            cover(archive, each)
            for place in (*QUOTING, PROBLEMS):
                redact_column(archive, place, each, passages)
    return keys[0]


def redact_column(archive: Archive, place: tuple[str, str, str], release: int, passages: Passages) -> None:
    """A mark in place of a passage in some rows of a table."""
    table, column, which = place
    rows = archive.db.execute(f"select rowid, {column} from {table} where {which}", {"release": release})
    for row, text in rows.fetchall():
        if text and (redacted := redact(text, passages)) != text:
            archive.db.execute(f"update {table} set {column} = ? where rowid = ?", [redacted, row])


def forget_problems(archive: Archive, release: int) -> None:
    """Leave out of what crawls told whatever names an address of a release."""
    urls = [url for (url,) in archive.db.execute(ADDRESSES, {"release": release})]
    sql = f"select id, problems from crawls where {PROBLEMS[2]}"
    for key, problems in archive.db.execute(sql, {"release": release}).fetchall():
        told = json.loads(problems or "[]")
        kept = [MARK if any(url in problem for url in urls) else problem for problem in told]
        if kept != told:
            text = json.dumps(kept, ensure_ascii=False)
            archive.db.execute("update crawls set problems = ? where id = ?", [text, key])


def chain_of(archive: Archive, release: int) -> list[int]:
    """A release first, then those it was joined with."""
    found = [key for (key,) in archive.db.execute(CHAIN, {"release": release})]
    return sorted(found, key=lambda key: (key != release, key))


def find_nowhere(archive: Archive, release: int, passage: str) -> str | None:
    """The problem where no version of a release has a passage that is shown yet."""
    states = (read_state(row) for each in chain_of(archive, release) for row in read_revisions(archive, each))
    found = any(redact_state(state, [passage]) != state for state in states)
    return None if found else "the passage stands in no version of the release"


def find_others(archive: Archive, release: int, passage: str) -> list[int]:
    """Other releases that have a passage as they stand: a takedown does not cover them. Reads every release."""
    passages, own = Passages([passage]), set(chain_of(archive, release))
    names = ", ".join(f"coalesce(v.{name}, '')" for name in ("title", "lead", "body", *LISTS))
    rows = archive.db.execute(f"select r.id, {names} from releases r join revisions v on v.id = r.revision")
    return [key for key, *texts in rows if key not in own and passages.find("\n".join(texts))]


def lift(archive: Archive, key: int, at: datetime, reason: str) -> list[int]:
    """Show again what a takedown covers and no other does; gives the releases. The lines stay in the log."""
    row = archive.db.execute("select release, kind, at, lifted from takedowns where id = ?", [key]).fetchone()
    if row is None or row[3] is not None:
        problem = "no such takedown" if row is None else f"was lifted at {row[3]} already"
        raise ArchiveError(archive.path, problem, table="takedowns", key=str(key))
    release, kind, since, _ = row
    chain = chain_of(archive, release)
    with archive.transaction():
        for each in chain:
            archive.db.execute(
                "update takedowns set lifted = ?, lifted_reason = ? where lifted is null"
                " and (id = ? or (release = ? and release <> ? and kind = ? and at = ?))",
                [to_text(at), reason, key, each, release, kind, since],
            )
        for each in chain:
            cover(archive, each)
    return chain


def follow(archive: Archive, release: int, to: int) -> None:
    """A release was found to go on as another: what is taken down of the one is taken down of the other."""
    for key, kind in archive.rules.in_force(release):
        since, *reasons = archive.db.execute(
            "select at, reason, reason_en from takedowns where id = ?", [key]
        ).fetchone()
        new = archive.rules.add(to, kind, datetime.fromisoformat(since), *reasons)
        if kind == "redact":
            archive.rules.withheld.keep_passage(new, archive.rules.withheld.passage(key))
    if archive.rules.in_force(to):
        cover(archive, to)
        optimise(archive)


def cover(archive: Archive, release: int) -> None:
    """Bring every version of a release, and what stands, to what the rules in force let be shown."""
    was: dict[int, Mapping[str, Any]] = {}
    now: dict[int, Mapping[str, Any]] = {}
    for row in read_revisions(archive, release):
        key = row["id"]
        whole = row if row["withheld"] is None else archive.rules.withheld.state(key)
        if row["withheld"] is None:
            archive.rules.withheld.keep_state(key, row)
        was[key] = read_state(row)
        now[key], covering = archive.rules.shown(release, read_state(whole))
        told = {name: whole[name] for name in ("summary", "summary_en", "changes")}
        if covering is not None and row["previous"] is not None:
            before = now.get(row["previous"])  # None: of a release that became this one
            told = tell(compare(before, now[key])) if before else dict.fromkeys(told)
        columns = {name: now[key][name] for name in STATE} | as_json(now[key]) | told
        archive.writer.update("revisions", key, {**columns, "withheld": covering})
    (standing,) = archive.db.execute("select revision from releases where id = ?", [release]).fetchone()
    rules = archive.rules.in_force(release)
    mark = {"withheld": KINDS[rules[0][1]] if rules else None}
    archive.writer.update("releases", release, {name: now[standing][name] for name in STATE} | mark)
    archive.writer.show(release, now[standing], was[standing])
    Aside(archive.db).cover(release, lambda state: archive.rules.shown(release, state)[0])
    for tag in {tag for state in was.values() for tag in state["tags"] or ()}:  # a name that nothing has any more
        archive.db.execute("delete from tags where name = ? and id not in (select tag from release_tags)", [tag])


def read_revisions(archive: Archive, release: int) -> Iterator[dict[str, Any]]:
    """The versions of a release as they are in archive.db, oldest first."""
    names = ("id", "previous", "withheld", *COLUMNS)
    sql = f"select {', '.join(names)} from revisions where release = ? order by id"
    for values in archive.db.execute(sql, [release]).fetchall():
        yield dict(zip(names, values, strict=True))


def check_release(archive: Archive, release: int) -> None:
    """ArchiveError where there is no such release."""
    if archive.url_of(release) is None:
        raise ArchiveError(archive.path, "no such release", table="releases", key=str(release))


def optimise(archive: Archive) -> None:
    """Let the search index forget the words of what was replaced."""
    for table in ("search", "search_questions"):
        archive.db.execute(f"insert into {table} ({table}) values ('optimize')")


@contextmanager
def wiping(archive: Archive) -> Iterator[None]:
    """A transaction whose deletions leave no trace in the file (see open_writable), its index or its log."""
    with archive.transaction():
        yield
        optimise(archive)
    busy = archive.db.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
    if busy:
        raise ArchiveError(
            archive.path,
            "taken down, but its write-ahead log still holds what was there while a reader (or Litestream) keeps it"
            " open: stop it, then run: sqlite3 archive.db 'pragma wal_checkpoint(truncate)'",
            table="takedowns",
        )
