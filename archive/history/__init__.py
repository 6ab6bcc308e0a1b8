"""Timeline of a release; current status.

A release's history: the states it stood in, the checks between them, when it was away and where it moved.

A release that moved to another address goes on as another row; the histories of such rows are one chain.

Where a release stands by the last look: whether it moved, is gone or in doubt, or could not be looked at.

Whole states of releases, read for comparison; and which two states may be compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from archive.database import RunQuery
from archive.models import LIST_FIELDS, STATE_FIELDS, parse_state

MAX_EXPANDED_EVENTS = 10  # events of a long history that stand unfolded
UPDATE_STAMPS = ("moved", "not moved", "none told")  # what the agency's own update stamp did at an edit
RELEASE_CHAIN_CTE = (  # a release and those that became it
    "with recursive chain(id) as (select :release union"
    " select r.id from releases r join chain on r.moved_to = chain.id)"
)
TIMELINE_COLUMNS = """
    v.id, v.release, v.cause, v.seen as "when", v.previous, v.capture, v.update_date_changed, v.updated, v.importance, v.summary,
    v.summary_en, v.reverts_to, r.url, v.id = r.revision as stands,
    case when v.id = r.revision then r.last_checked else v.last_seen end as until,
    case when v.id = r.revision then r.checks else v.checks end as checks
"""
TIMELINE_REVISIONS_SQL = f"""
    {RELEASE_CHAIN_CTE} select {TIMELINE_COLUMNS}, s.seen as same_when
    from chain join releases r on r.id = chain.id join revisions v on v.release = r.id
    left join revisions s on s.id = v.reverts_to order by v.seen, v.id
"""
TIMELINE_REMOVALS_SQL = f"""
    {RELEASE_CHAIN_CTE} select o.id, o.release, o.kind, o.first_seen as "when", o.last_seen as until, o.checks, o.confirmed,
      o.ended, o.status, o.target, o.moved_to, o.capture,
      (select m.target from removals m where m.release = o.release and m.kind = 'moved' and m.id <> o.id
        and m.first_seen = o.ended) as found_at,
      case when o.kind = 'moved' and o.release <> o.moved_to then r.url when o.kind = 'moved' then coalesce(
        (select m.target from removals m where m.release = o.release and m.kind = 'moved' and m.id < o.id
          order by m.id desc limit 1),
        (select c.url from revisions v join captures c on c.id = v.capture where v.release = o.release
          and v.seen < o.first_seen and c.url <> o.target order by v.id desc limit 1),
        (select f.url from frontier f where f.release = o.release and f.url <> o.target order by f.first_seen limit 1)
      ) end as old
    from chain join removals o on o.release = chain.id join releases r on r.id = o.release
    order by o.first_seen, o.id
"""
PRECEDING_REVISIONS_SQL = f"""
    with recursive before(id) as (
      select v.previous from revisions v where v.id in (select value from json_each(:edits))
      union select v.previous from before join revisions v on v.id = before.id where v.cause = 'parser' and v.checks = 0
    )
    select {TIMELINE_COLUMNS} from before join revisions v on v.id = before.id join releases r on r.id = v.release
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionEvent:
    """One state of the chain.

    kind: first, edit (by the agency), reread (by us), same (at its new address), import (taken over from another
    collection), own (our first reading of what was taken over).
    """

    kind: str
    id: int  # of the revision
    release: int
    url: str
    when: str  # the look that found it
    last_seen_before: str | None  # the last look that still found the state before it
    until: str | None  # the last look that found it so
    checks: int  # how many looks after the first did
    last_seen: str | None  # the last look at it or at what it was read anew from
    is_current: bool
    previous: int | None
    capture: int | None
    importance: int | None
    summary: str | None
    summary_en: str | None
    stamp: str | None  # of an edit: one of STAMPS
    reverts_to: int | None
    same_when: str | None

    @property
    def unannounced(self) -> bool:
        """An edit with which the agency's own update stamp did not move."""
        return self.stamp == "not moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalEvent:
    """One row of removals: the release was away, or (kind moved) stands elsewhere since."""

    id: int
    release: int
    kind: str
    when: str
    until: str
    checks: int
    confirmed: str | None
    ended: str | None
    found_at: str | None  # it ended by being found at another address
    status: int | None
    target: str | None
    moved_to: int | None
    capture: int | None
    old: str | None  # the address a moved one stood at before


TimelineEvent = RevisionEvent | RemovalEvent


class EditPosition(NamedTuple):
    """An edit's place in a history: when it was seen, the revision it led to and the one before."""

    seen: str
    id: int
    previous: int


async def read_timeline(run: RunQuery, release_id: int) -> list[TimelineEvent]:
    """All that is known of a release and those that became it, newest first."""
    states = [dict(row) for row in await run(TIMELINE_REVISIONS_SQL, {"release": release_id})]
    absences = [dict(row) for row in await run(TIMELINE_REMOVALS_SQL, {"release": release_id})]
    known = {row["id"]: row for row in states}
    events: list[TimelineEvent] = [RemovalEvent(**row) for row in absences]
    events += [build_revision_event(row, known) for row in states]
    # of one moment: the move, then the state found there
    return sorted(events, key=lambda event: (event.when, isinstance(event, RevisionEvent), event.id), reverse=True)


def split_timeline(
    events: Sequence[TimelineEvent],
) -> tuple[list[TimelineEvent], list[tuple[str, list[TimelineEvent]]]]:
    """A history's newest events, and where there are many the older ones by year."""
    if len(events) <= MAX_EXPANDED_EVENTS + 4:
        return list(events), []
    return list(events[:MAX_EXPANDED_EVENTS]), [
        (year, list(found)) for year, found in groupby(events[MAX_EXPANDED_EVENTS:], key=lambda event: event.when[:4])
    ]


def build_revision_event(row: Mapping[str, Any], rows_by_id: Mapping[int, Mapping[str, Any]]) -> RevisionEvent:
    """A row of STATES as a state; `known` holds the rows it may follow."""
    kind = classify_revision(row)
    if kind == "reread" and rows_by_id.get(row["previous"], {}).get("cause") == "import":
        kind = "own"
    own = {name: row[name] for name in RevisionEvent.__dataclass_fields__ if name in row and name != "stands"}
    return RevisionEvent(
        **own,
        is_current=bool(row["stands"]),
        kind=kind,
        last_seen_before=find_last_seen(row["previous"], rows_by_id),
        last_seen=find_last_seen(row["id"], rows_by_id),
        stamp=classify_update_stamp(row["update_date_changed"], row["updated"]) if kind == "edit" else None,
    )


def classify_update_stamp(update_date_changed: int | None, updated: str | None) -> str:
    """What the agency's own update stamp did at an edit.

    >>> classify_update_stamp(1, "2024-06-03"), classify_update_stamp(0, "2024-06-03"), classify_update_stamp(0, None)
    ('moved', 'not moved', 'none told')
    """
    return "moved" if update_date_changed else "not moved" if updated else "none told"


def classify_revision(row: Mapping[str, Any]) -> str:
    """What made a state."""
    named = {"source": "edit", "parser": "reread"}.get(row["cause"], row["cause"])
    return "same" if named == "first" and row["previous"] is not None else str(named)


def find_last_seen(revision_id: int | None, rows_by_id: Mapping[int, Mapping[str, Any]]) -> str | None:
    """The last look that found a state on the web. Reading old bytes anew is none: then what stood before tells."""
    while revision_id is not None and revision_id in rows_by_id:
        row = rows_by_id[revision_id]
        before = rows_by_id.get(row["previous"]) if row["previous"] is not None else None
        if row["checks"] and row["until"]:
            return str(row["until"])
        if row["cause"] != "parser" or before is None or before["capture"] != row["capture"]:
            return str(row["when"])
        revision_id = row["previous"]
    return None


async def read_preceding_revisions(run: RunQuery, revision_ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """The states that some revisions followed, as far back as `find_look` has to go."""
    return {row["id"]: dict(row) for row in await run(PRECEDING_REVISIONS_SQL, {"edits": json.dumps(revision_ids)})}


async def read_edit_positions(run: RunQuery, release_id: int) -> list[EditPosition]:
    """The agency's edits of a release and those that became it, oldest first."""
    rows = await run(
        f"{RELEASE_CHAIN_CTE} select v.seen, v.id, v.previous from chain join revisions v on v.release = chain.id"
        " where v.cause = 'source' and v.previous is not null order by v.seen, v.id",
        {"release": release_id},
    )
    return [EditPosition(row["seen"], row["id"], row["previous"]) for row in rows]


async def find_final_release(run: RunQuery, release_id: int) -> int:
    """Where the record of a release goes on: itself, or what it became at last."""
    rows = await run(
        "with recursive ends(id, step) as (select :release, 0 union select r.moved_to, step + 1 from ends"
        " join releases r on r.id = ends.id where r.moved_to is not null and step < 100)"
        " select id from ends order by step desc limit 1",
        {"release": release_id},
    )
    return int(rows[0]["id"])


FRONTIER_STATE_SQL = """
    select r.url, r.moved_to, f.state, f.problem, f.fetched
    from releases r left join frontier f on f.url = r.url where r.id = :release
"""
OPEN_REMOVALS_SQL = """
    select kind, first_seen, last_seen, checks, confirmed, status, target, moved_to from removals
    where release = :release and ended is null order by id desc
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseStatus:
    """What a reader must know before reading.

    kind: moved, gone (confirmed), doubt (not confirmed), outage, forbidden (by robots.txt), unread (it answers,
    but not with what can be read).
    """

    kind: str
    since: str  # when it was first seen so
    until: str  # when it was last seen so
    removal_kind: str | None = None  # of gone and doubt: the kind in removals
    checks: int = 0
    confirmed: str | None = None
    status: int | None = None
    target: str | None = None  # where it led to, or the title of what stands there
    moved_to: int | None = None  # the release that its record goes on as
    problem: str | None = None  # in the crawler's words


async def find_release_status(run: RunQuery, release_id: int, last_seen: str) -> ReleaseStatus | None:
    """None where the release stood as held by the last look; `looked` is when it last did."""
    row = (await run(FRONTIER_STATE_SQL, {"release": release_id}))[0]
    away = [dict(found) for found in await run(OPEN_REMOVALS_SQL, {"release": release_id})]
    if row["moved_to"] is not None:
        move = next((found for found in away if found["kind"] == "moved"), None)
        when = move["first_seen"] if move else last_seen
        end = await find_final_release(run, release_id)
        return ReleaseStatus(
            kind="moved", since=when, until=when, target=move["target"] if move else None, moved_to=end
        )
    found = next((found for found in away if found["kind"] != "moved"), None)
    if found:
        return ReleaseStatus(
            kind="gone" if found["confirmed"] else "doubt",
            since=found["first_seen"],
            until=found["last_seen"],
            removal_kind=found["kind"],
            **{name: found[name] for name in ("checks", "confirmed", "status", "target")},
        )
    if row["state"] not in ("failed", "rejected") or not row["fetched"]:
        return None
    problem = (row["problem"] or "").removeprefix(f"{row['url']}: ")
    kind = "outage" if row["state"] == "failed" else "forbidden" if "robots.txt" in problem else "unread"
    return ReleaseStatus(kind=kind, since=last_seen, until=row["fetched"], problem=problem or None)


STATE_COLUMNS = ", ".join(f"v.{name}" for name in (*STATE_FIELDS, *LIST_FIELDS))
REVISION_METADATA_COLUMNS = """
    v.id, v.release, v.seen, v.cause, v.previous, v.reverts_to, v.update_date_changed, v.importance, v.summary, v.summary_en, v.changes,
    v.capture, r.agency, r.url, r.title as now, r.language as language_now, a.name, a.name_en
"""


class ComparisonError(ValueError):
    """Two revisions that cannot be compared; `why` is a key of our texts."""

    def __init__(self, message_key: str, **values: object) -> None:
        self.message_key = message_key
        self.values = {name: str(value) for name, value in values.items()}  # an id is no number to be parted
        super().__init__(f"{message_key}: {values}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRevision:
    """A revision: facts about it by name, and the state it holds."""

    id: int
    release: int
    seen: str
    metadata: dict[str, Any]
    state: dict[str, Any]


async def read_stored_revisions(run: RunQuery, revision_ids: Sequence[int]) -> dict[int, StoredRevision]:
    """Revisions by id; one that is not there is left out."""
    rows = await run(
        f"select {REVISION_METADATA_COLUMNS}, {STATE_COLUMNS} from revisions v join releases r on r.id = v.release"
        " join agencies a on a.slug = r.agency where v.id in (select value from json_each(:ids))",
        {"ids": json.dumps(revision_ids)},
    )
    held = {}
    for row in map(dict, rows):
        facts = {name: value for name, value in row.items() if name not in STATE_FIELDS and name not in LIST_FIELDS}
        held[row["id"]] = StoredRevision(
            id=row["id"], release=row["release"], seen=row["seen"], metadata=facts, state=parse_state(row)
        )
    return held


async def read_revision_pair(run: RunQuery, first_id: int, second_id: int) -> tuple[StoredRevision, StoredRevision]:
    """Two states of one release, or of two that became one, the older first; ComparisonError says why not."""
    if first_id == second_id:
        raise ComparisonError("diff_same", revision=first_id)
    held = await read_stored_revisions(run, [first_id, second_id])
    for key in (first_id, second_id):
        if key not in held:
            raise ComparisonError("diff_missing", revision=key)
    ends = [await find_final_release(run, held[key].release) for key in (first_id, second_id)]
    if ends[0] != ends[1]:
        raise ComparisonError("diff_other", one=first_id, other=second_id)
    before, after = sorted((held[first_id], held[second_id]), key=lambda state: (state.seen, state.id))
    return before, after
