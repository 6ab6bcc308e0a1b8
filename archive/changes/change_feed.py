"""Reads the change feed, from which mirrors learn what has changed.

The change feed is a log of all visible changes to releases in the archive. Triggers
(archive.database.schema) write a row of the table changefeed in the transaction of the change
itself. Rows are never changed. Every writer begins its transaction with `begin immediate`, so ids
are committed in ascending order, and a mirror that has read up to an id has not missed any smaller
id. `change` is one of:

    added       first read, or imported from another collection
    changed     has a new current state (revision)
    removed     by the agency; the archive still shows it
    returned    found again on the agency's site
    moved       its URL changed, or it moved to another release
    attachment  one of its files was found or replaced, or the text of a file was extracted or
                withheld
    recomputed  new rules changed its quotations or references, or the description of its edits
    hidden      by a takedown
    redacted    by a takedown
    restored    a takedown was lifted
    deleted     its row was deleted by hand

A check that finds a release unchanged adds no entry. Only the last entry of a release contains the
release's current state. One SQL statement reads both the entries and the state, so that they match.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archive.database.models import PART_FIELDS, PART_TABLES, STATE_FIELDS
from archive.database.sqlite_files import RunQuery
from archive.urls import FilterError, UrlArguments, parse_number_parameter

# The change feed

DEFAULT_ENTRIES = 100  # entries per page
MAX_ENTRIES = 500
# texts of all releases and files on a page; a larger release gets a page of its own
MAX_PAGE_BYTES = 2_000_000
START_CURSOR = "0"
CURSOR_FORMAT = re.compile(r"(?P<number>[1-9][0-9]{0,15})-(?P<check>[0-9a-f]{8})")

RELEASE_COLUMNS = (
    *("agency", "url", *STATE_FIELDS),
    *("added", "first_seen", "removed_at", "moved_to", "takedown", "revision", "hash"),
)
PART_OBJECTS_SQL = {  # without the ids of parts, which may change when the release is parsed again
    name: ", ".join(
        f"'{field}', {field}" for field in dict.fromkeys(("position", *PART_FIELDS[name]))
    )
    for name in PART_TABLES
}
# the current version of each attachment that was fetched
FILES_SQL = """
    select json_group_array(json_object('position', l.position, 'url', l.url, 'version', v.id,
      'first_seen', v.first_seen, 'sha256', f.sha256, 'bytes', f.bytes, 'media_type', f.media_type,
        'kind', f.kind,
      'pages', f.pages, 'letters', f.letters, 'problem', f.problem, 'extracted', f.extracted,
      'texts', json((select json_group_array(json_object('page', p.page, 'name', p.name, 'text',
        p.text))
        from attachment_pages p where p.file = f.id))))
    from attachments l cross join attachment_versions v cross join attachment_files f
    where l.release = r.id and v.id = (select max(w.id) from attachment_versions w
      where w.url = l.url)
      and f.id = v.file
"""
LISTS_SQL = {
    "tags": "select json_group_array(name) from (select t.name from release_tags rt join tags"
    " t on t.id = rt.tag where rt.release = r.id order by rt.rowid)",
    **{
        name: f"select json_group_array(json_object({PART_OBJECTS_SQL[name]})) from"
        f" (select * from {name} where release = r.id order by position)"
        for name in PART_TABLES
    },
    "files": FILES_SQL,
}
FILE_BYTES_SQL = """
    select sum(octet_length(p.text)) from attachments l cross join attachment_versions v
    cross join attachment_pages p where l.release = r.id
      and v.id = (select max(w.id) from attachment_versions w where w.url = l.url)
        and p.file = v.file
"""
CURRENT_STATE_SQL = (
    "left join releases r on w.last and r.id = w.release and r.takedown is not 'hidden'"
)
PAGE_SQL = f"""
    with page as materialized (
      select d.*, not exists (select 1 from changefeed n where n.release = d.release
        and n.id > d.id) as last
      from changefeed d where d.id > :after order by d.id limit :size
    ), weighed as materialized (
      select w.*, sum(ifnull(octet_length(r.body) + octet_length(r.body_html), 0)
        + iif(r.id is null, 0, ifnull(({FILE_BYTES_SQL}), 0))) over (order by w.id) as bytes
      from page w {CURRENT_STATE_SQL}
    )
    select w.id, w.release, w.change, w.at, w.revision, w.takedown,
      v.cause, w.last, r.id is not null as shown,
      (select max(id) from changefeed) as newest,
        {", ".join(f"r.{name} as now_{name}" for name in RELEASE_COLUMNS)},
      {
    ", ".join(f"iif(r.id is null, null, ({sql})) as now_{name}" for name, sql in LISTS_SQL.items())
}
    from weighed w {CURRENT_STATE_SQL} left join revisions v on v.id = w.revision
    where w.bytes <= :bytes or w.id = (select min(id) from page) order by w.id
"""
ENTRY_SQL = """
    select d.*, (select max(id) from changefeed) as newest
    from (select :id as requested) left join changefeed d on d.id = :id
"""


class UnknownCursorError(Exception):
    """The cursor is from another archive, or from before the archive was restored from a backup."""


class CursorAheadError(Exception):
    """The cursor is newer than this copy of the archive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangefeedQuery:
    """A request for the entries that follow the entry with a given id and checksum."""

    after_id: int = 0  # 0: start from the beginning
    checksum: str = ""
    size: int = DEFAULT_ENTRIES

    @property
    def cursor(self) -> str:
        return f"{self.after_id}-{self.checksum}" if self.after_id else START_CURSOR


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangefeedPage:
    """A page of entries, in the order of the log."""

    entries: Sequence[Mapping[str, Any]]
    cursor: str  # the last entry's, or the requested one if the page is empty
    has_more: bool


def parse_changefeed_query(args: UrlArguments) -> ChangefeedQuery:
    """Parse the URL parameters of a change feed request. Raises FilterError if one is invalid."""
    since = (args.get("since") or "").strip()
    size = parse_number_parameter(args, "size", MAX_ENTRIES) or DEFAULT_ENTRIES
    if since in ("", START_CURSOR):
        return ChangefeedQuery(size=size)
    found = CURSOR_FORMAT.fullmatch(since)
    if not found:
        raise FilterError("since", since[:40], "a cursor from an earlier response, or 0")
    return ChangefeedQuery(after_id=int(found["number"]), checksum=found["check"], size=size)


async def read_changefeed(run: RunQuery, query: ChangefeedQuery) -> ChangefeedPage:
    """Return the page of entries after the cursor of a query.

    Raises UnknownCursorError or CursorAheadError if the cursor is not in the log.
    """
    if query.after_id:
        (row,) = await run(ENTRY_SQL, {"id": query.after_id})
        if row["id"] is None and query.after_id > (row["newest"] or 0):
            raise CursorAheadError
        if row["id"] is None or entry_checksum(row) != query.checksum:
            raise UnknownCursorError
    rows = await run(
        PAGE_SQL, {"after": query.after_id, "size": query.size, "bytes": MAX_PAGE_BYTES}
    )
    entries = [_to_change_entry(row) for row in rows]
    return ChangefeedPage(
        entries=entries,
        cursor=str(entries[-1]["cursor"]) if entries else query.cursor,
        has_more=bool(rows) and rows[-1]["id"] < rows[-1]["newest"],
    )


def _to_change_entry(row: Mapping[str, Any]) -> dict[str, Any]:
    """Build a change feed entry for JSON, including what a mirror has to do (`action`).

    put     store `state` in place of the release
    delete  delete the release
    none    do nothing, because a later entry says what to do
    """
    columns = {name: row[f"now_{name}"] for name in RELEASE_COLUMNS}
    action = "none" if not row["last"] else "put" if row["shown"] else "delete"
    return {
        "number": row["id"],
        "cursor": f"{row['id']}-{entry_checksum(row)}",
        **{
            name: row[name] for name in ("change", "at", "release", "revision", "cause", "takedown")
        },
        "action": action,
        "state": {
            "id": row["release"],
            **columns,
            **{name: json.loads(row[f"now_{name}"]) for name in LISTS_SQL},
        }
        if action == "put"
        else None,
    }


def entry_checksum(row: Mapping[str, Any]) -> str:
    """Return a checksum that distinguishes an entry from one with the same id in another log.

    >>> time = "2024-06-03T08:15:00+00:00"
    >>> entry_checksum({"id": 1, "release": 1, "change": "added", "at": time})
    'f51a2986'
    """
    text = " ".join(str(row[name]) for name in ("id", "release", "change", "at"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]
