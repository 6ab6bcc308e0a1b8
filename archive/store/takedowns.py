"""Takedowns: hides releases, redacts passages in them, and lifts takedowns. Each takedown has a
public reason.

Content that is taken down is deleted from archive.db completely: from tables, from the search index
and from free pages of the file. The content is kept in withheld.db (archive.database.redaction), so
that hashes, manifests and later checks of the agency's page still work. A revision's `hash` is the
hash of the full state. A takedown covers every version of a release, including later ones, and
everything derived from them. It does not cover other releases that contain the passage
(find_uncovered_releases).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from archive.database.captures import Captures
from archive.database.models import LIST_FIELDS, STATE_FIELDS, parse_state
from archive.database.quarantined_pages import RELEASE_URLS_SQL, Quarantine
from archive.database.redaction import (
    MIN_PASSAGE_LENGTH,
    REDACTION_MARK,
    TAKEDOWN_KINDS,
    WITHHELD_COLUMNS,
    PassageMatcher,
    keep_characters,
    redact_state,
    redact_value,
)
from archive.database.refused_pages import RefusedPages, is_at_one_of
from archive.database.sqlite_files import ArchiveError
from archive.store.releases import Archive, lists_to_json
from archive.times import to_iso

# a release and all that it was merged with, in either direction; itself first
MERGED_RELEASES_SQL = """
    select m.id from releases r join releases m on ifnull(r.continues_as, r.id)
      in (m.id, m.continues_as)
    where r.id = :release order by m.id <> :release, m.id
"""
ADDRESSES_SQL = f"""
    {RELEASE_URLS_SQL}
    union select c.url from captures c join revisions v on v.capture = c.id
      where v.release = :release
"""
COVERED_RELEASES_SQL = """
    select distinct t.release from takedowns t join releases r on r.id = t.release
    where t.lifted is null and r.agency = ?
"""
ATTACHMENT_URLS_SQL = "select url from attachment_links where release = :release"
# (table, column, condition for the rows of a release): columns that may quote its page
CLEARED_COLUMNS = (
    ("frontier", "problem", f"url in ({RELEASE_URLS_SQL} union {ATTACHMENT_URLS_SQL})"),
    ("removals", "target", "release = :release"),
)
REDACTED_COLUMNS = (
    CLEARED_COLUMNS[0],
    # a move's target is its URL, which is still needed
    ("removals", "target", "release = :release and kind <> 'moved'"),
)
CRAWLS_CONDITION = "agency = (select agency from releases where id = :release)"


def hide_release(
    archive: Archive,
    release_id: int,
    started_at: datetime,
    *,
    reason: str,
    reason_en: str | None = None,
) -> int:
    """Hide a release and the releases with which it was merged, and return the takedown's id.

    Raises ArchiveError if there is no such release.
    """
    _check_release_exists(archive, release_id)
    with _secure_transaction(archive, release_id):
        takedown_ids = [
            archive.takedowns.add(merged_id, "hide", started_at, reason, reason_en)
            for merged_id in _find_merged_releases(archive, release_id)
        ]
        _apply_takedowns(archive, _find_merged_releases(archive, release_id))
        for merged_id in _find_merged_releases(archive, release_id):
            for table, column, condition in CLEARED_COLUMNS:
                archive.db.execute(
                    f"update {table} set {column} = null where {condition}", {"release": merged_id}
                )
            _redact_crawl_problems(archive, merged_id)
    return takedown_ids[0]


def redact_passage(
    archive: Archive,
    release_id: int,
    passage: str,
    started_at: datetime,
    *,
    reason: str,
    reason_en: str | None = None,
) -> int:
    """Redact a passage in every version of a release, and return the takedown's id.

    The passage is also redacted in the releases with which this release was merged. If the text of
    an attachment contains the passage, the whole text is withheld. Raises ArchiveError if there is
    no such release, if the passage is too short, or if neither a version nor an attachment contains
    it.
    """
    _check_release_exists(archive, release_id)
    problem, matcher = None, PassageMatcher([passage])
    if len(keep_characters(passage, str.isalnum)) < MIN_PASSAGE_LENGTH:
        problem = "the passage is too short"
    elif not any(
        redact_state(state, [passage]) != state
        for merged_id in _find_merged_releases(archive, release_id)
        for state in map(parse_state, _list_revisions(archive, merged_id))
    ) and not _find_releases_with_file(archive, matcher).intersection(
        _find_merged_releases(archive, release_id)
    ):
        problem = (
            "the passage is not in any version of the release, nor in the text of a file"
            " that it links to"
        )
    if problem:
        raise ArchiveError(archive.path, problem, table="releases", key=str(release_id))
    takedown_ids = []
    with _secure_transaction(archive, release_id):
        for merged_id in _find_merged_releases(archive, release_id):
            takedown_ids.append(
                archive.takedowns.add(merged_id, "redact", started_at, reason, reason_en)
            )
            archive.takedowns.withheld.add_passage(takedown_ids[-1], passage)
        _apply_takedowns(archive, _find_merged_releases(archive, release_id))
        for merged_id in _find_merged_releases(archive, release_id):
            for column_spec in (*REDACTED_COLUMNS, ("crawls", "problems", CRAWLS_CONDITION)):
                _redact_column(archive.db, column_spec, merged_id, matcher)
    return takedown_ids[0]


def _delete_refused_pages(archive: Archive, release_ids: Iterable[int]) -> None:
    """Delete the refused pages (archive.database.refused_pages) of releases.

    Raises ArchiveError if a reader keeps the write-ahead log of captures.db open.
    """
    if not Captures.path_beside(archive.path).is_file():
        return
    with Captures(archive.path) as captures:
        refused = RefusedPages(captures)
        for release_id in release_ids:
            refused.delete_urls(_list_addresses(archive, release_id))
        _require_empty_log(captures.path, refused.empty_log())


def is_address_taken_down(archive: Archive, agency: str, addresses: Collection[str]) -> bool:
    """Return whether one of the addresses belongs to a hidden or redacted release of an agency."""
    releases = archive.db.execute(COVERED_RELEASES_SQL, [agency]).fetchall()
    return any(
        is_at_one_of(addresses, _list_addresses(archive, release_id)) for (release_id,) in releases
    )


def _list_addresses(archive: Archive, release_id: int) -> list[str]:
    """Return the URLs at which a release was found, and the URLs of its captures."""
    return [url for (url,) in archive.db.execute(ADDRESSES_SQL, {"release": release_id})]


def lift_takedown(
    archive: Archive, takedown_id: int, lifted_at: datetime, reason: str
) -> list[int]:
    """Lift a takedown, and return the ids of the releases that it covered.

    The takedown stays in the log. Raises ArchiveError if there is no such takedown, or if it has
    already been lifted.
    """
    row = next(archive.db.query("select * from takedowns where id = ?", [takedown_id]), None)
    if row is None or row["lifted"] is not None:
        problem = "no such takedown" if row is None else f"was already lifted at {row['lifted']}"
        raise ArchiveError(archive.path, problem, table="takedowns", key=str(takedown_id))
    merged = _find_merged_releases(archive, row["release"])
    with archive.transaction():
        for merged_id in merged:
            # the takedowns of merged releases were added together with this one
            values = {
                **row,
                "lifted": to_iso(lifted_at),
                "lifted_reason": reason,
                "merged": merged_id,
            }
            archive.db.execute(
                "update takedowns set lifted = :lifted,"
                " lifted_reason = :lifted_reason where lifted is null"
                " and (id = :id or (release ="
                " :merged and release <>"
                " :release and kind = :kind and at = :at))",
                values,
            )
        _apply_takedowns(archive, merged)
    return merged


def copy_takedowns(archive: Archive, release_id: int, target_id: int) -> None:
    """Copy the takedowns of a release to the release into which it was merged."""
    for takedown_id, kind in archive.takedowns.list_active(release_id):
        since, *reasons = archive.db.execute(
            "select at, reason, reason_en from takedowns where id = ?", [takedown_id]
        ).fetchone()
        copy_id = archive.takedowns.add(target_id, kind, datetime.fromisoformat(since), *reasons)
        if kind == "redact":
            archive.takedowns.withheld.add_passage(
                copy_id, archive.takedowns.withheld.get_passage(takedown_id)
            )
    if archive.takedowns.list_active(target_id):
        _apply_takedowns(archive, [target_id])
        archive.derived.index.optimise()


def find_uncovered_releases(archive: Archive, release_id: int, passage: str) -> list[int]:
    """Return the ids of other releases whose current text or attachments contain a passage.

    This reads the texts of all releases and attachments.
    """
    matcher, covered = PassageMatcher([passage]), set(_find_merged_releases(archive, release_id))
    names = ", ".join(f"coalesce(v.{name}, '')" for name in ("title", "lead", "body", *LIST_FIELDS))
    rows = archive.db.execute(
        f"select r.id, {names} from releases r join revisions v on v.id = r.revision"
    )
    found = {key for key, *texts in rows if key not in covered and matcher.find("\n".join(texts))}
    return sorted(found | _find_releases_with_file(archive, matcher) - covered)


def _find_releases_with_file(archive: Archive, matcher: PassageMatcher) -> set[int]:
    """Return the ids of the releases that link, or once linked, to an attachment containing a
    passage.

    This reads the texts of all attachments.
    """
    pages = archive.db.execute("select file, text from attachment_pages order by file, page")
    files = {
        file
        for file, group in groupby(pages, itemgetter(0))
        if matcher.find("\n".join(p[1] for p in group))
    }
    sql = (
        "select l.release from attachment_versions v join attachment_links l on l.url = v.url"
        " where v.file = ?"
    )
    return {release for file in files for (release,) in archive.db.execute(sql, [file])}


def _apply_takedowns(archive: Archive, release_ids: Sequence[int]) -> None:
    """Rewrite all versions and the current state of releases as their takedowns require."""
    # derived data of one may compare it with a version of another
    replaced = {release_id: _show_allowed(archive, release_id) for release_id in release_ids}
    for release_id, state in replaced.items():
        archive.derived.refresh(release_id, state)


def _show_allowed(archive: Archive, release_id: int) -> Mapping[str, Any]:
    """Rewrite all versions and the current state of a release as its takedowns require.

    Returns the previous current state.
    """
    (current_id,) = archive.db.execute(
        "select revision from releases where id = ?", [release_id]
    ).fetchone()
    states: dict[int, Mapping[str, Any]] = {}
    current: Mapping[str, Any] = {}
    attachment_urls: set[str] = set()
    for row in _list_revisions(archive, release_id):
        states[row["id"]], full = parse_state(row), parse_state(_withhold_state(archive, row))
        shown, takedown_id = archive.takedowns.redact_for_display(release_id, full)
        attachment_urls.update(file["url"] for file in full["attachments"] or ())
        columns = {name: shown[name] for name in STATE_FIELDS} | lists_to_json(shown)
        archive.writer.update("revisions", row["id"], {**columns, "takedown": takedown_id})
        if row["id"] == current_id:
            current = shown
    active = archive.takedowns.list_active(release_id)
    mark = {"takedown": TAKEDOWN_KINDS[active[0][1]] if active else None}
    archive.writer.update(
        "releases", release_id, {name: current[name] for name in STATE_FIELDS} | mark
    )
    archive.writer.replace_parts(release_id, current)
    archive.attachments.apply_takedown(release_id, attachment_urls, mark["takedown"])
    archive.db.execute(
        "update frontier set file_title = ? where release = ? and file_title is not null",
        [current["title"], release_id],
    )
    Quarantine(archive.db).redact_states(
        release_id, lambda state: archive.takedowns.redact_for_display(release_id, state)[0]
    )
    _delete_unused_tags(archive, states.values())
    return states[current_id]


def _delete_unused_tags(archive: Archive, states: Iterable[Mapping[str, Any]]) -> None:
    for tag in {tag for state in states for tag in state["tags"] or ()}:
        archive.db.execute(
            "delete from tags where name = ? and id not in (select tag from release_tags)", [tag]
        )


def _withhold_state(archive: Archive, row: dict[str, Any]) -> Mapping[str, Any]:
    """Return the full state of a revision. If withheld.db does not have it yet, store it there."""
    if row["takedown"] is not None:
        return archive.takedowns.withheld.get_state(row["id"])
    archive.takedowns.withheld.add_state(row["id"], row)
    return row


def _list_revisions(archive: Archive, release_id: int) -> list[dict[str, Any]]:
    sql = (
        f"select id, takedown, {', '.join(WITHHELD_COLUMNS)} from revisions where release = ?"
        " order by id"
    )
    return list(archive.db.query(sql, [release_id]))


def _find_merged_releases(archive: Archive, release_id: int) -> list[int]:
    """Return the id of a release, followed by the ids of the releases with which it was merged."""
    return [key for (key,) in archive.db.execute(MERGED_RELEASES_SQL, {"release": release_id})]


def _redact_column(
    db: Database, column_spec: tuple[str, str, str], release_id: int, matcher: PassageMatcher
) -> None:
    table, column, condition = column_spec
    rows = db.execute(
        f"select rowid, {column} from {table} where {condition}", {"release": release_id}
    ).fetchall()
    for row_id, text in rows:
        if text and (redacted := redact_value(text, matcher)) != text:
            db.execute(f"update {table} set {column} = ? where rowid = ?", [redacted, row_id])


def _redact_crawl_problems(archive: Archive, release_id: int) -> None:
    values = {"release": release_id}
    urls = [
        url
        for (url,) in archive.db.execute(f"{RELEASE_URLS_SQL} union {ATTACHMENT_URLS_SQL}", values)
    ]
    for row in list(archive.db.table("crawls").rows_where(CRAWLS_CONDITION, values)):
        messages = json.loads(row["problems"] or "[]")
        redacted = [
            REDACTION_MARK if any(url in message for url in urls) else message
            for message in messages
        ]
        if redacted != messages:
            text = json.dumps(redacted, ensure_ascii=False)
            archive.db.table("crawls").update(row["id"], {"problems": text})


def _check_release_exists(archive: Archive, release_id: int) -> None:
    if archive.get_url(release_id) is None:
        raise ArchiveError(archive.path, "no such release", table="releases", key=str(release_id))


@contextmanager
def _secure_transaction(archive: Archive, release_id: int) -> Iterator[None]:
    """Open a transaction whose deletions leave no trace in the search index or the write-ahead log.

    Afterwards, the refused pages of the release, and of the releases with which it was merged, are
    deleted. In the database file itself, `secure_delete` overwrites deleted content
    (archive.database.sqlite_files.open_writable). Raises ArchiveError if a reader keeps the
    write-ahead log open.
    """
    with archive.transaction():
        yield
        archive.derived.index.optimise()
    busy = archive.db.execute("pragma wal_checkpoint(truncate)").fetchone()[0]
    _delete_refused_pages(archive, _find_merged_releases(archive, release_id))
    _require_empty_log(Path(archive.path), not busy)


def _require_empty_log(path: Path, is_empty: bool) -> None:
    if not is_empty:
        raise ArchiveError(
            path,
            "taken down, but the old text is still in the"
            " write-ahead log, which a reader (or"
            " Litestream) keeps open:"
            f" stop it, then run: sqlite3 {path.name} 'pragma wal_checkpoint(truncate)'",
            table="takedowns",
        )
