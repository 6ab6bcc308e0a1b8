"""Reads a release's history: its timeline, its current status, and stored revisions to compare.

A release that moved to another URL continues as another row of `releases` (`moved_to`). The history of such a chain of
rows is read as one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from archive.database import RunQuery
from archive.models import LIST_FIELDS, STATE_FIELDS, find_collection, parse_state

MAX_EXPANDED_EVENTS = 10  # newest events of a long history; the older ones are grouped by year
# Whether the agency changed its own update date with an edit: yes, no, or the page has no update date.
UPDATE_STAMPS = ("moved", "not moved", "none told")

RELEASE_CHAIN_CTE = (  # the release and all earlier rows that moved to it
    "with recursive chain(id) as (select :release union"
    " select r.id from releases r join chain on r.moved_to = chain.id)"
)
TIMELINE_COLUMNS = """
    v.id, v.release, v.cause, v.parser_version, v.seen as "when", v.previous, v.capture, v.update_date_changed,
    v.updated, v.importance, v.summary, v.summary_en, v.reverts_to, r.url, v.id = r.revision as is_current,
    case when v.id = r.revision then r.last_checked else v.last_seen end as until,
    case when v.id = r.revision then r.checks else v.checks end as checks
"""
TIMELINE_REVISIONS_SQL = f"""
    {RELEASE_CHAIN_CTE} select {TIMELINE_COLUMNS}, s.seen as reverted_state_seen
    from chain join releases r on r.id = chain.id join revisions v on v.release = r.id
    left join revisions s on s.id = v.reverts_to order by v.seen, v.id
"""
FOUND_AT_COLUMN = """(select m.target from removals m where m.release = o.release and m.kind = 'moved' and m.id <> o.id
      and m.first_seen = o.ended) as found_at"""  # where a release that was missing was found again
TIMELINE_REMOVALS_SQL = f"""
    {RELEASE_CHAIN_CTE} select o.id, o.release, o.kind, o.first_seen as "when", o.last_seen as until, o.checks,
      o.confirmed, o.ended, o.status, o.target, o.moved_to, o.capture,
      {FOUND_AT_COLUMN},
      case when o.kind = 'moved' and o.release <> o.moved_to then r.url when o.kind = 'moved' then coalesce(
        (select m.target from removals m where m.release = o.release and m.kind = 'moved' and m.id < o.id
          order by m.id desc limit 1),
        (select c.url from revisions v join captures c on c.id = v.capture where v.release = o.release
          and v.seen < o.first_seen and c.url <> o.target and instr(c.url, '#') = 0 order by v.id desc limit 1),
        (select f.url from frontier f where f.release = o.release and f.url <> o.target order by f.first_seen limit 1)
      ) end as old_url
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
FRONTIER_STATE_SQL = """
    select r.url, r.moved_to, f.state, f.problem, f.fetched
    from releases r left join frontier f on f.url = r.url where r.id = :release
"""
OPEN_REMOVALS_SQL = """
    select kind, first_seen, last_seen, checks, confirmed, status, target, moved_to from removals
    where release = :release and ended is null order by id desc
"""
NEAR_DUPLICATE_SQL = """
    select 1 from near_duplicates where release = json_extract(:pair, '$[0]') and other = json_extract(:pair, '$[1]')
"""
STATE_COLUMNS = ", ".join(f"v.{name}" for name in (*STATE_FIELDS, *LIST_FIELDS))
REVISION_METADATA_COLUMNS = """
    v.id, v.release, v.seen, v.cause, v.previous, v.reverts_to, v.update_date_changed, v.importance, v.summary,
    v.summary_en, v.changes, v.capture, r.agency, r.url, r.title as now, r.language as language_now, a.name, a.name_en
"""


TimelineEvent = dict[str, Any]  # a state (it has `last_seen`), or a row of `removals`


async def read_timeline(run: RunQuery, release_id: int) -> list[TimelineEvent]:
    """Return all events of a release and its earlier URLs, newest first."""
    revisions = {row["id"]: dict(row) for row in await run(TIMELINE_REVISIONS_SQL, {"release": release_id})}
    for row in revisions.values():
        describe_state(row, revisions)
    events = [*map(dict, await run(TIMELINE_REMOVALS_SQL, {"release": release_id})), *revisions.values()]
    # With the same time, the state found after a move comes before the move itself.
    return sorted(events, key=lambda event: (event["when"], "last_seen" in event, event["id"]), reverse=True)


def describe_state(row: TimelineEvent, rows_by_id: Mapping[int, Mapping[str, Any]]) -> None:
    """Add what the columns of a row of TIMELINE_REVISIONS_SQL do not say; `rows_by_id` contains the earlier rows.

    kind: first, edit (by the agency), reread (re-parsed by a newer parser), same (found unchanged at a new URL), import
    (from another collection), own (the first parse of an imported release). last_seen: when it, or the state whose page
    it was re-parsed from, was last found on the web; last_seen_before: the same of the state before it. stamp: for an
    edit, one of UPDATE_STAMPS. collection: for an import, its origin.
    """
    kind = {"source": "edit", "parser": "reread"}.get(row["cause"], row["cause"])
    if kind == "first" and row["previous"] is not None:
        kind = "same"
    elif kind == "reread" and rows_by_id.get(row["previous"], {}).get("cause") == "import":
        kind = "own"
    stamp = classify_update_stamp(row["update_date_changed"], row["updated"]) if kind == "edit" else None
    row |= {
        "kind": kind,
        "last_seen_before": find_last_seen(row["previous"], rows_by_id),
        "last_seen": find_last_seen(row["id"], rows_by_id),
        "stamp": stamp,
        "unannounced": stamp == "not moved",
        "collection": find_collection(row["cause"], row["parser_version"]),
    }


def split_timeline(
    events: Sequence[TimelineEvent],
) -> tuple[Sequence[TimelineEvent], list[tuple[str, list[TimelineEvent]]]]:
    """Return the newest events, and the older ones of a long history grouped by year."""
    if len(events) <= MAX_EXPANDED_EVENTS + 4:
        return events, []
    by_year = groupby(events[MAX_EXPANDED_EVENTS:], key=lambda event: event["when"][:4])
    return events[:MAX_EXPANDED_EVENTS], [(year, list(group)) for year, group in by_year]


def classify_update_stamp(update_date_changed: int | None, updated: str | None) -> str:
    """Return whether the agency's own update date changed with an edit: one of UPDATE_STAMPS.

    >>> classify_update_stamp(1, "2024-06-03"), classify_update_stamp(0, "2024-06-03"), classify_update_stamp(0, None)
    ('moved', 'not moved', 'none told')
    """
    return "moved" if update_date_changed else "not moved" if updated else "none told"


def find_last_seen(revision_id: int | None, rows_by_id: Mapping[int, Mapping[str, Any]]) -> str | None:
    """Return when a state was last found on the web, or None if the revision is unknown.

    For a revision re-parsed from stored bytes, this is when those bytes were last found.
    """
    while revision_id is not None and revision_id in rows_by_id:
        row = rows_by_id[revision_id]
        previous = rows_by_id.get(row["previous"]) if row["previous"] is not None else None
        if row["checks"] and row["until"]:
            return str(row["until"])
        if row["cause"] != "parser" or previous is None or previous["capture"] != row["capture"]:
            return str(row["when"])
        revision_id = row["previous"]
    return None


async def read_preceding_revisions(run: RunQuery, revision_ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """Return the revisions before the given ones, as far back as `find_last_seen` needs."""
    return {row["id"]: dict(row) for row in await run(PRECEDING_REVISIONS_SQL, {"edits": json.dumps(revision_ids)})}


async def read_edits(run: RunQuery, release_id: int) -> list[dict[str, Any]]:
    """Return the agency's edits to a release, including those at its earlier URLs, oldest first."""
    rows = await run(
        f"{RELEASE_CHAIN_CTE} select v.seen, v.id, v.previous from chain join revisions v on v.release = chain.id"
        " where v.cause = 'source' and v.previous is not null order by v.seen, v.id",
        {"release": release_id},
    )
    return list(map(dict, rows))


async def find_final_release(run: RunQuery, release_id: int) -> int:
    """Return the id of the release that continues a release: the last one it moved to, or itself."""
    rows = await run(
        "with recursive ends(id, step) as (select :release, 0 union select r.moved_to, step + 1 from ends"
        " join releases r on r.id = ends.id where r.moved_to is not null and step < 100)"
        " select id from ends order by step desc limit 1",
        {"release": release_id},
    )
    return int(rows[0]["id"])


async def find_release_status(run: RunQuery, release_id: int, last_seen: str) -> dict[str, Any] | None:
    """Return why a release was not found as stored, or None if the last check (at `last_seen`) found it.

    kind: moved, gone (confirmed), doubt (not confirmed yet), outage, forbidden (by robots.txt), unread. since, until:
    when this was first and last seen. Further values are those of the row of `removals`, or the crawler's `problem`.
    """
    row = (await run(FRONTIER_STATE_SQL, {"release": release_id}))[0]
    open_removals = [dict(removal) for removal in await run(OPEN_REMOVALS_SQL, {"release": release_id})]
    if row["moved_to"] is not None:
        move = next((removal for removal in open_removals if removal["kind"] == "moved"), None)
        when, target = (move["first_seen"], move["target"]) if move else (last_seen, None)
        end = await find_final_release(run, release_id)
        return {"kind": "moved", "since": when, "until": when, "target": target, "moved_to": end}
    removal = next((removal for removal in open_removals if removal["kind"] != "moved"), None)
    if removal:
        return {
            **removal,
            "kind": "gone" if removal["confirmed"] else "doubt",
            "since": removal["first_seen"],
            "until": removal["last_seen"],
            "removal_kind": removal["kind"],
        }
    if row["state"] not in ("failed", "rejected") or not row["fetched"]:
        return None
    problem = (row["problem"] or "").removeprefix(f"{row['url']}: ")
    kind = "outage" if row["state"] == "failed" else "forbidden" if "robots.txt" in problem else "unread"
    return {"kind": kind, "since": last_seen, "until": row["fetched"], "problem": problem}


async def read_stored_revisions(run: RunQuery, revision_ids: Sequence[int | None]) -> dict[int, dict[str, Any]]:
    """Return revisions by id, each with its parsed `state`; unknown ids are left out."""
    rows = await run(
        f"select {REVISION_METADATA_COLUMNS}, {STATE_COLUMNS} from revisions v join releases r on r.id = v.release"
        " join agencies a on a.slug = r.agency where v.id in (select value from json_each(:ids))",
        {"ids": json.dumps(revision_ids)},
    )
    return {row["id"]: {**dict(row), "state": parse_state(dict(row))} for row in rows}
