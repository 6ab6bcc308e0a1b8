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
from archive.dates import to_iso
from archive.diff import compare
from archive.models import LIST_FIELDS, STATE_FIELDS, parse_state
from archive.quarantine import Quarantine
from archive.redaction import (
    REDACTION_MARK,
    TAKEDOWN_KINDS,
    WITHHELD_COLUMNS,
    PassageMatcher,
    is_passage_too_short,
    redact_state,
    redact_value,
)
from archive.store import Archive, build_change_columns, lists_to_json

RELEASE_URLS_SQL = (
    "select url from frontier where release = :release union select url from releases where id = :release"
)
CLEARED_COLUMNS = (  # what may quote a page: table, its column, and which rows are of a release
    ("frontier", "problem", f"url in ({RELEASE_URLS_SQL})"),
    ("removals", "target", "release = :release"),
)
REDACTED_COLUMNS = (
    CLEARED_COLUMNS[0],
    ("removals", "target", "release = :release and kind <> 'moved'"),
)  # it goes on to stand there
CRAWL_PROBLEMS = ("crawls", "problems", "agency = (select agency from releases where id = :release)")
MERGED_RELEASES_SQL = (  # a release and all it was joined with, either way
    "with recursive chain(id) as (select :release union select r.moved_to from releases r join chain on r.id = chain.id"
    " where r.moved_to is not null union select r.id from releases r join chain on r.moved_to = chain.id)"
    " select id from chain order by id"
)


def hide_release(
    archive: Archive, release_id: int, started_at: datetime, *, reason: str, reason_en: str | None = None
) -> int:
    """Show nothing of a release any more, nor of what it was joined with; gives the takedown's number.

    ArchiveError where there is no such release.
    """
    check_release_exists(archive, release_id)
    with secure_transaction(archive):
        keys = [
            archive.takedowns.add(each, "hide", started_at, reason, reason_en)
            for each in find_merged_releases(archive, release_id)
        ]
        for each in find_merged_releases(archive, release_id):
            apply_takedowns(archive, each)
            for table, column, which in CLEARED_COLUMNS:
                archive.db.execute(f"update {table} set {column} = null where {which}", {"release": each})
            redact_crawl_problems(archive, each)
    return keys[0]


def redact_passage(
    archive: Archive, release_id: int, passage: str, started_at: datetime, *, reason: str, reason_en: str | None = None
) -> int:
    """Show a mark in place of a passage, in every version of a release and of what it was joined with.

    Gives the takedown's number. ArchiveError where there is no such release, or the passage is too short or stands
    in none of its versions.
    """
    check_release_exists(archive, release_id)
    problem = (
        "the passage is too short"
        if is_passage_too_short(passage)
        else describe_missing_passage(archive, release_id, passage)
    )
    if problem:
        raise ArchiveError(archive.path, problem, table="releases", key=str(release_id))
    passages, keys = PassageMatcher([passage]), []
    with secure_transaction(archive):
        for each in find_merged_releases(archive, release_id):
            keys.append(archive.takedowns.add(each, "redact", started_at, reason, reason_en))
            archive.takedowns.withheld.add_passage(keys[-1], passage)
        for each in find_merged_releases(archive, release_id):
            apply_takedowns(archive, each)
            for place in (*REDACTED_COLUMNS, CRAWL_PROBLEMS):
                redact_column(archive, place, each, passages)
    return keys[0]


def redact_column(
    archive: Archive, column_spec: tuple[str, str, str], release_id: int, matcher: PassageMatcher
) -> None:
    """A mark in place of a passage in some rows of a table."""
    table, column, which = column_spec
    rows = archive.db.execute(f"select rowid, {column} from {table} where {which}", {"release": release_id})
    for row, text in rows.fetchall():
        if text and (redacted := redact_value(text, matcher)) != text:
            archive.db.execute(f"update {table} set {column} = ? where rowid = ?", [redacted, row])


def redact_crawl_problems(archive: Archive, release_id: int) -> None:
    """Leave out of what crawls told whatever names an address of a release."""
    urls = [url for (url,) in archive.db.execute(RELEASE_URLS_SQL, {"release": release_id})]
    sql = f"select id, problems from crawls where {CRAWL_PROBLEMS[2]}"
    for key, problems in archive.db.execute(sql, {"release": release_id}).fetchall():
        told = json.loads(problems or "[]")
        kept = [REDACTION_MARK if any(url in problem for url in urls) else problem for problem in told]
        if kept != told:
            text = json.dumps(kept, ensure_ascii=False)
            archive.db.execute("update crawls set problems = ? where id = ?", [text, key])


def find_merged_releases(archive: Archive, release_id: int) -> list[int]:
    """A release first, then those it was joined with."""
    found = [key for (key,) in archive.db.execute(MERGED_RELEASES_SQL, {"release": release_id})]
    return sorted(found, key=lambda key: (key != release_id, key))


def describe_missing_passage(archive: Archive, release_id: int, passage: str) -> str | None:
    """The problem where no version of a release has a passage that is shown yet."""
    states = (
        parse_state(row) for each in find_merged_releases(archive, release_id) for row in iter_revisions(archive, each)
    )
    found = any(redact_state(state, [passage]) != state for state in states)
    return None if found else "the passage stands in no version of the release"


def find_uncovered_releases(archive: Archive, release_id: int, passage: str) -> list[int]:
    """Other releases that have a passage as they stand: a takedown does not cover them. Reads every release."""
    passages, own = PassageMatcher([passage]), set(find_merged_releases(archive, release_id))
    names = ", ".join(f"coalesce(v.{name}, '')" for name in ("title", "lead", "body", *LIST_FIELDS))
    rows = archive.db.execute(f"select r.id, {names} from releases r join revisions v on v.id = r.revision")
    return [key for key, *texts in rows if key not in own and passages.find("\n".join(texts))]


def lift_takedown(archive: Archive, takedown_id: int, lifted_at: datetime, reason: str) -> list[int]:
    """Show again what a takedown covers and no other does; gives the releases. The lines stay in the log."""
    row = archive.db.execute("select release, kind, at, lifted from takedowns where id = ?", [takedown_id]).fetchone()
    if row is None or row[3] is not None:
        problem = "no such takedown" if row is None else f"was lifted at {row[3]} already"
        raise ArchiveError(archive.path, problem, table="takedowns", key=str(takedown_id))
    release, kind, since, _ = row
    chain = find_merged_releases(archive, release)
    with archive.transaction():
        for each in chain:
            archive.db.execute(
                "update takedowns set lifted = ?, lifted_reason = ? where lifted is null"
                " and (id = ? or (release = ? and release <> ? and kind = ? and at = ?))",
                [to_iso(lifted_at), reason, takedown_id, each, release, kind, since],
            )
        for each in chain:
            apply_takedowns(archive, each)
    return chain


def copy_takedowns(archive: Archive, release_id: int, target_id: int) -> None:
    """A release was found to go on as another: what is taken down of the one is taken down of the other."""
    for key, kind in archive.takedowns.list_active(release_id):
        since, *reasons = archive.db.execute(
            "select at, reason, reason_en from takedowns where id = ?", [key]
        ).fetchone()
        new = archive.takedowns.add(target_id, kind, datetime.fromisoformat(since), *reasons)
        if kind == "redact":
            archive.takedowns.withheld.add_passage(new, archive.takedowns.withheld.get_passage(key))
    if archive.takedowns.list_active(target_id):
        apply_takedowns(archive, target_id)
        optimise_search_index(archive)


def apply_takedowns(archive: Archive, release_id: int) -> None:
    """Bring every version of a release, and what stands, to what the rules in force let be shown."""
    was: dict[int, Mapping[str, Any]] = {}
    now: dict[int, Mapping[str, Any]] = {}
    for row in iter_revisions(archive, release_id):
        key = row["id"]
        whole = row if row["takedown"] is None else archive.takedowns.withheld.get_state(key)
        if row["takedown"] is None:
            archive.takedowns.withheld.add_state(key, row)
        was[key] = parse_state(row)
        now[key], covering = archive.takedowns.redact_for_display(release_id, parse_state(whole))
        told = {name: whole[name] for name in ("summary", "summary_en", "changes")}
        if covering is not None and row["previous"] is not None:
            before = now.get(row["previous"])  # None: of a release that became this one
            told = build_change_columns(compare(before, now[key])) if before else dict.fromkeys(told)
        columns = {name: now[key][name] for name in STATE_FIELDS} | lists_to_json(now[key]) | told
        archive.writer.update("revisions", key, {**columns, "takedown": covering})
    (standing,) = archive.db.execute("select revision from releases where id = ?", [release_id]).fetchone()
    rules = archive.takedowns.list_active(release_id)
    mark = {"takedown": TAKEDOWN_KINDS[rules[0][1]] if rules else None}
    archive.writer.update("releases", release_id, {name: now[standing][name] for name in STATE_FIELDS} | mark)
    archive.writer.update_derived(release_id, now[standing], was[standing])
    Quarantine(archive.db).redact_states(
        release_id, lambda state: archive.takedowns.redact_for_display(release_id, state)[0]
    )
    for tag in {tag for state in was.values() for tag in state["tags"] or ()}:  # a name that nothing has any more
        archive.db.execute("delete from tags where name = ? and id not in (select tag from release_tags)", [tag])


def iter_revisions(archive: Archive, release_id: int) -> Iterator[dict[str, Any]]:
    """The versions of a release as they are in archive.db, oldest first."""
    names = ("id", "previous", "takedown", *WITHHELD_COLUMNS)
    sql = f"select {', '.join(names)} from revisions where release = ? order by id"
    for values in archive.db.execute(sql, [release_id]).fetchall():
        yield dict(zip(names, values, strict=True))


def check_release_exists(archive: Archive, release_id: int) -> None:
    """ArchiveError where there is no such release."""
    if archive.get_url(release_id) is None:
        raise ArchiveError(archive.path, "no such release", table="releases", key=str(release_id))


def optimise_search_index(archive: Archive) -> None:
    """Let the search index forget the words of what was replaced."""
    for table in ("search", "search_questions"):
        archive.db.execute(f"insert into {table} ({table}) values ('optimize')")


@contextmanager
def secure_transaction(archive: Archive) -> Iterator[None]:
    """A transaction whose deletions leave no trace in the file (see open_writable), its index or its log."""
    with archive.transaction():
        yield
        optimise_search_index(archive)
    busy = archive.db.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
    if busy:
        raise ArchiveError(
            archive.path,
            "taken down, but its write-ahead log still holds what was there while a reader (or Litestream) keeps it"
            " open: stop it, then run: sqlite3 archive.db 'pragma wal_checkpoint(truncate)'",
            table="takedowns",
        )
