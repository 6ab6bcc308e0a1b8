"""Append-only change feed for mirrors.

The delta: a log of all that changes what the archive shows of a release, for mirrors that follow it.

Rows of the table `changefeed` are written by triggers, in the transaction of the change itself (tables.py), and never
altered. Every writer begins its transaction with `begin immediate`, so there is one at a time, and it has committed
before the next takes a number: whoever has read as far as a number never misses a smaller one. `change` says what
happened:

    added      first read, or taken over from another collection       hidden     by a takedown
    changed    another state stands (revision)                         redacted   by a takedown
    removed    the agency took it away; the archive goes on showing it restored   a takedown was lifted
    returned   it stands again at the agency                           deleted    its row was deleted by hand
    moved      its address changed, or it goes on as another release

Being looked at and found as held changes nothing here. What a row leaves to be done is told as it is read (log.py):
only the last row of a release brings the state it stands in, read in the same statement.

Reads the log a page at a time: what changed since a cursor, with the state in which each release stands now.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from archive.database import RunQuery
from archive.models import PART_FIELDS, PART_TABLES, STATE_FIELDS
from archive.params import FilterError, UrlArguments, parse_number_parameter

DEFAULT_ENTRIES, MAX_ENTRIES = 100, 500  # entries of a page
MAX_PAGE_BYTES = 2_000_000  # of the texts on a page that has more than one
START_CURSOR = "0"
CURSOR_FORMAT = re.compile(r"(?P<number>[1-9][0-9]{0,15})-(?P<check>[0-9a-f]{8})")
RELEASE_COLUMNS = (
    "agency",
    "url",
    *STATE_FIELDS,
    "first_seen",
    "removed_at",
    "moved_to",
    "takedown",
    "revision",
    "hash",
)
PART_OBJECTS_SQL = {  # without the number of a part, which may change when the release is read anew
    name: ", ".join(f"'{field}', {field}" for field in dict.fromkeys(("position", *PART_FIELDS[name])))
    for name in PART_TABLES
}
LISTS_SQL = {
    "tags": "select json_group_array(name) from (select t.name from release_tags rt join tags t on t.id = rt.tag"
    " where rt.release = r.id order by rt.rowid)",
    **{
        name: f"select json_group_array(json_object({PART_OBJECTS_SQL[name]})) from"
        f" (select * from {name} where release = r.id order by position)"
        for name in PART_TABLES
    },
}
CURRENT_STATE_SQL = "left join releases r on w.last and r.id = w.release and r.takedown is not 'hidden'"
PAGE_SQL = f"""
    with page as materialized (
      select d.*, not exists (select 1 from changefeed n where n.release = d.release and n.id > d.id) as last
      from changefeed d where d.id > :after order by d.id limit :size
    ), weighed as materialized (
      select w.*, sum(ifnull(octet_length(r.body) + octet_length(r.body_html), 0)) over (order by w.id) as bytes
      from page w {CURRENT_STATE_SQL}
    )
    select w.id, w.release, w.change, w.at, w.revision, w.takedown, v.cause, w.last, r.id is not null as shown,
      (select max(id) from changefeed) as newest, {", ".join(f"r.{name} as now_{name}" for name in RELEASE_COLUMNS)},
      {", ".join(f"iif(r.id is null, null, ({sql})) as now_{name}" for name, sql in LISTS_SQL.items())}
    from weighed w {CURRENT_STATE_SQL} left join revisions v on v.id = w.revision
    where w.bytes <= :bytes or w.id = (select min(id) from page) order by w.id
"""
ENTRY_SQL = "select d.*, (select max(id) from changefeed) as newest from (select :id as asked) left join changefeed d on d.id = :id"


class UnknownCursorError(Exception):
    """A cursor of another archive, or of this one before it was restored from a back-up."""


class CursorAheadError(Exception):
    """A cursor of which this copy does not know yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangefeedQuery:
    """What a mirror asks for. after, check: the last entry that it has; 0 and "" from the beginning."""

    after_id: int = 0
    checksum: str = ""
    size: int = DEFAULT_ENTRIES

    @property
    def cursor(self) -> str:
        """As it was asked for."""
        return f"{self.after_id}-{self.checksum}" if self.after_id else START_CURSOR


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangefeedPage:
    """Entries in the order of the log; cursor: of the last, or what was asked for; more: whether others follow."""

    entries: Sequence[Mapping[str, Any]]
    cursor: str
    has_more: bool


def parse_changefeed_query(args: UrlArguments) -> ChangefeedQuery:
    """What an address asks for; FilterError where that cannot be read."""
    since, size = (
        (args.get("since") or "").strip(),
        min(parse_number_parameter(args, "size") or DEFAULT_ENTRIES, MAX_ENTRIES),
    )
    if since in ("", START_CURSOR):
        return ChangefeedQuery(size=size)
    found = CURSOR_FORMAT.fullmatch(since)
    if not found:
        raise FilterError("since", since[:40], "a cursor as an answer told it, or 0")
    return ChangefeedQuery(after_id=int(found["number"]), checksum=found["check"], size=size)


async def read_changefeed(run: RunQuery, query: ChangefeedQuery) -> ChangefeedPage:
    """A page; StrangerError, AheadError where its beginning is no entry of this log."""
    if query.after_id:
        (row,) = await run(ENTRY_SQL, {"id": query.after_id})
        if row["id"] is None and query.after_id > (row["newest"] or 0):
            raise CursorAheadError
        if row["id"] is None or entry_checksum(row) != query.checksum:
            raise UnknownCursorError
    rows = await run(PAGE_SQL, {"after": query.after_id, "size": query.size, "bytes": MAX_PAGE_BYTES})
    entries = [to_change_entry(row) for row in rows]
    return ChangefeedPage(
        entries=entries,
        cursor=str(entries[-1]["cursor"]) if entries else query.cursor,
        has_more=bool(rows) and rows[-1]["id"] < rows[-1]["newest"],
    )


def to_change_entry(row: Mapping[str, Any]) -> dict[str, Any]:
    """What happened, and what a mirror is to do: put `state` in place of what it holds, delete that, or nothing yet."""
    action = "none" if not row["last"] else "put" if row["shown"] else "delete"
    told = {name: row[name] for name in ("change", "at", "release", "revision", "cause", "takedown")}
    return {
        "number": row["id"],
        "cursor": f"{row['id']}-{entry_checksum(row)}",
        **told,
        "action": action,
        "state": to_current_state(row) if action == "put" else None,
    }


def to_current_state(row: Mapping[str, Any]) -> dict[str, Any]:
    """The release as it stands now, under the names of its table's columns, with its parts as lists."""
    columns = {name: row[f"now_{name}"] for name in RELEASE_COLUMNS}
    return {"id": row["release"], **columns, **{name: json.loads(row[f"now_{name}"]) for name in LISTS_SQL}}


def entry_checksum(row: Mapping[str, Any]) -> str:
    """What tells an entry from one of the same number in another log.

    >>> entry_checksum({"id": 1, "release": 1, "change": "added", "at": "2024-06-03T08:15:00+00:00"})
    'f51a2986'
    """
    text = " ".join(str(row[name]) for name in ("id", "release", "change", "at"))
    return hashlib.sha256(text.encode()).hexdigest()[:8]
