"""Reads histories: the timelines of releases, and stored revisions for comparison.

A release that moved to another URL continues as another row of `releases`. `moved_to` is the next
such row, and `continues_as` is the last one. The history of this chain of rows is read as one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from archive.changes.field_differences import TIMELINE_FILES_SQL, TIMELINE_MISSING_SQL
from archive.database.models import LIST_FIELDS, STATE_FIELDS, find_collection, parse_state
from archive.database.sqlite_files import RunQuery
from archive.i18n import WebArchiveName

MAX_EXPANDED_EVENTS = 10  # newest events of a long history; the older ones are grouped by year

RELEASE_CHAIN_CTE = (  # the release and all earlier rows that moved to it
    "with recursive chain(id) as (select :release union"
    " select r.id from releases r join chain on r.moved_to = chain.id)"
)
TIMELINE_COLUMNS = """
    v.id, v.release, v.cause, v.parser_version, v.seen as "when", v.previous,
      v.capture, v.update_date_changed,
    v.updated, v.importance, v.summary, v.summary_en, v.reverts_to,
      r.url, v.id = r.revision as is_current,
    case when v.id = r.revision then r.last_checked else v.last_seen end as until,
    case when v.id = r.revision then r.checks else v.checks end as checks
"""
TIMELINE_REVISIONS_SQL = f"""
    {RELEASE_CHAIN_CTE} select {TIMELINE_COLUMNS}, s.seen as reverted_state_seen
    from chain join releases r on r.id = chain.id join revisions v on v.release = r.id
    left join revisions s on s.id = v.reverts_to order by v.seen, v.id
"""
OBSERVATIONS_SQL = """
    select o.revision, x.kind, x.name as collection, x.url, min(o.seen) as first,
      max(o.seen) as last, count(*) as readings
    from observations o join observers x on x.id = o.observer
    where o.revision in (select value from json_each(:revisions))
    group by o.revision, o.observer order by first, x.name
"""
# which of them follow versions that web archives captured
PAST_EDITS_SQL = """
    select p.revision, p.previous, x.name as collection, p.after, p.seen, p.is_edit, p.importance,
      p.summary, p.summary_en, p.changes, v.cause <> 'import' and v.seen = p.seen as is_read
    from past_edits p join observers x on x.id = p.observer join revisions v on v.id = p.revision
    where p.revision in (select value from json_each(:revisions))
"""
FOUND_AT_COLUMN = """(select m.target from removals m where m.release = o.release
  and m.kind = 'moved' and m.id <> o.id
      and m.first_seen = o.ended) as found_at"""  # URL at which a missing release was found again
TIMELINE_REMOVALS_SQL = f"""
    {RELEASE_CHAIN_CTE} select o.id, o.release, o.kind, o.first_seen as "when",
      o.last_seen as until, o.checks,
      o.confirmed, o.ended, o.status, o.target, o.moved_to, o.capture,
      {FOUND_AT_COLUMN},
      case when o.kind = 'moved' and o.release <> o.moved_to then r.url when o.kind = 'moved'
        then coalesce(
        (select m.target from removals m where m.release = o.release and m.kind = 'moved'
          and m.id < o.id
          order by m.id desc limit 1),
        (select c.url from revisions v join captures c on c.id = v.capture
          where v.release = o.release and c.observer is null
          and v.seen < o.first_seen and c.url <> o.target and instr(c.url, '#') = 0
            order by v.id desc limit 1),
        (select f.url from frontier f where f.release = o.release and f.url <> o.target
          order by f.first_seen limit 1)
      ) end as old_url
    from chain join removals o on o.release = chain.id join releases r on r.id = o.release
    order by o.first_seen, o.id
"""
PRECEDING_REVISIONS_SQL = f"""
    with recursive before(id) as (
      select v.previous from revisions v where v.id in (select value from json_each(:edits))
      union select v.previous from before join revisions v on v.id = before.id
        where v.cause = 'parser' and v.checks = 0
    )
    select {TIMELINE_COLUMNS} from before join revisions v on v.id = before.id join releases r
      on r.id = v.release
"""
FRONTIER_STATE_SQL = """
    select r.url, r.continues_as, f.state, f.problem, f.fetched
    from releases r left join frontier f on f.url = r.url where r.id = :release
"""
NEAR_DUPLICATE_SQL = """
    select 1 from near_duplicates where release = json_extract(:pair, '$[0]')
      and other = json_extract(:pair, '$[1]')
"""
STATE_COLUMNS = ", ".join(f"v.{name}" for name in (*STATE_FIELDS, *LIST_FIELDS))
REVISION_METADATA_COLUMNS = """
    v.id, v.release, v.seen, v.seen as "when", v.cause, v.parser_version, v.previous,
      v.reverts_to, v.update_date_changed, v.importance,
      v.summary,
    v.summary_en, v.changes, v.capture, r.agency, r.url, r.title as now, r.language as language_now,
      a.name, a.name_en
"""


# a state (it has `last_seen`), a row of `removals`, or of a file (FILE_KINDS)
TimelineEvent = dict[str, Any]


async def read_timeline(run: RunQuery, release_id: int) -> list[TimelineEvent]:
    """Return all events of a release at its current and earlier URLs, newest first."""
    revisions = {
        row["id"]: dict(row) for row in await run(TIMELINE_REVISIONS_SQL, {"release": release_id})
    }
    await add_observations(run, revisions)
    for row in revisions.values():
        _describe_state(row, revisions)
    events: list[TimelineEvent] = [
        *map(dict, await run(TIMELINE_REMOVALS_SQL, {"release": release_id})),
        *revisions.values(),
    ]
    for sql in (TIMELINE_FILES_SQL, TIMELINE_MISSING_SQL):
        events += map(dict, await run(f"{RELEASE_CHAIN_CTE} {sql}", {"release": release_id}))
    # With the same time, the state found after a move comes before the move itself.
    return sorted(
        events, key=lambda event: (event["when"], "last_seen" in event, event["id"]), reverse=True
    )


def _describe_state(row: TimelineEvent, rows_by_id: Mapping[int, Mapping[str, Any]]) -> None:
    """Add derived values to a row of TIMELINE_REVISIONS_SQL:

        `kind`              first, edit (by the agency), reread (re-parsed by a newer parser), same
                            (found unchanged at a new URL) or import (from another collection)
        `last_seen`         when the state was last found on the web; for a re-parsed state, when
                            the page that was parsed was last found
        `last_seen_before`  when the previous state was last found on the web
        `until`             the last check that found the state; None for an unchecked import
        `stamp`             for an edit, one of UPDATE_STAMPS
        `unannounced`       whether the agency's update stamp did not move with the edit

    rows_by_id: all rows of the timeline, by the id of the revision.
    """
    kind = {"source": "edit", "parser": "reread"}.get(row["cause"], row["cause"])
    if kind == "first" and row["previous"] is not None:
        kind = "same"
    stamp = (
        classify_update_stamp(row["update_date_changed"], row["updated"])
        if kind == "edit"
        else None
    )
    row |= {
        "kind": kind,
        "last_seen_before": find_last_seen(row["previous"], rows_by_id),
        "last_seen": find_last_seen(row["id"], rows_by_id),
        "until": row["until"] if row["checks"] or kind != "import" else None,
        "stamp": stamp,
        "unannounced": stamp == "not moved",
    }


async def add_observations(run: RunQuery, revisions: Mapping[int, dict[str, Any]]) -> None:
    """Add to each revision the times at which collections and web archives observed it.

    observations: the collections that contain the revision, each with the times at which it first
        and last read the revision.
    past: the row of `past_edits` if the revision follows a version that a web archive captured,
        else None. The row also says whether the archive itself read the revision at `seen`.
    collection: the collection that an imported revision is from. For such a revision, `when` (the
        time of the import) is replaced by the time at which the collection first read it, if known.
    first_reading, last_reading: when the collection first and last read this text.
    last_reading_before: when the collection last read the previous text. This time and the two
        above are None if they are unknown, or if the revision was not imported.
    """
    for row in revisions.values():
        row |= {"observations": [], "past": None}
    keys = {"revisions": json.dumps(list(revisions))}
    for found in map(dict, await run(OBSERVATIONS_SQL, keys)):
        if found["kind"] == "web archive":
            found["collection"] = WebArchiveName(found["collection"])
        revisions[found["revision"]]["observations"].append(found)
    for found in map(dict, await run(PAST_EDITS_SQL, keys)):
        revisions[found["revision"]]["past"] = found
    for row in revisions.values():
        collection = find_collection(row["cause"], row["parser_version"])
        before = revisions.get(row["previous"])
        own = _find_readings(row, collection)
        row |= {
            "collection": collection,
            "first_reading": own.get("first"),
            "last_reading": own.get("last"),
            "last_reading_before": _find_readings(before, collection).get("last"),
            "when": own.get("first") or row["when"],
        }


def _find_readings(revision: Mapping[str, Any] | None, collection: str | None) -> dict[str, Any]:
    observations = revision["observations"] if revision else ()
    return next((each for each in observations if each["collection"] == collection), {})


def split_timeline(
    events: Sequence[TimelineEvent],
) -> tuple[Sequence[TimelineEvent], list[tuple[str, list[TimelineEvent]]]]:
    """Split a timeline into its newest events and, if it is long, the older events grouped by
    year.
    """
    if len(events) <= MAX_EXPANDED_EVENTS + 4:
        return events, []
    by_year = groupby(events[MAX_EXPANDED_EVENTS:], key=lambda event: event["when"][:4])
    return events[:MAX_EXPANDED_EVENTS], [(year, list(group)) for year, group in by_year]


def classify_update_stamp(update_date_changed: int | None, updated: str | None) -> str:
    """Return the one of UPDATE_STAMPS that says whether the agency's update date changed with an
    edit.

    >>> stamps = ((1, "2024-06-03"), (0, "2024-06-03"), (0, None))
    >>> tuple(classify_update_stamp(*stamp) for stamp in stamps)
    ('moved', 'not moved', 'none told')
    """
    return "moved" if update_date_changed else "not moved" if updated else "none told"


def find_last_seen(
    revision_id: int | None, rows_by_id: Mapping[int, Mapping[str, Any]]
) -> str | None:
    """Return when a state was last found on the web.

    Returns None if the state was never found on the web, or if the revision is unknown. For a
    revision re-parsed from stored bytes, this is when these bytes were last found. A state that was
    imported and never checked has not been found on the web.
    """
    while revision_id is not None and revision_id in rows_by_id:
        row = rows_by_id[revision_id]
        previous = rows_by_id.get(row["previous"]) if row["previous"] is not None else None
        if row["checks"] and row["until"]:
            return str(row["until"])
        if row["cause"] == "import":
            return None
        if row["cause"] != "parser" or previous is None or previous["capture"] != row["capture"]:
            return str(row["when"])
        revision_id = row["previous"]
    return None


async def read_preceding_revisions(
    run: RunQuery, revision_ids: Sequence[int]
) -> dict[int, dict[str, Any]]:
    """Return the revisions that precede the given ones, each under its own id, for
    `find_last_seen`.

    If a preceding revision was re-parsed, the revision before it is also included.
    """
    return {
        row["id"]: dict(row)
        for row in await run(PRECEDING_REVISIONS_SQL, {"edits": json.dumps(revision_ids)})
    }


async def read_edits(run: RunQuery, release_id: int) -> list[dict[str, Any]]:
    """Return the agency's edits to a release at its current and earlier URLs, oldest first."""
    rows = await run(
        f"{RELEASE_CHAIN_CTE} select v.seen, v.id,"
        " v.previous from chain cross join revisions v"
        " on v.release = chain.id where v.is_edit order by v.seen, v.id",
        {"release": release_id},
    )
    return list(map(dict, rows))


async def find_final_release(run: RunQuery, release_id: int) -> int:
    """Return the id of the last release that a release moved to.

    Returns the release's own id if it never moved.
    """
    rows = await run(
        "select ifnull((select continues_as from releases where id = :release), :release) as id",
        {"release": release_id},
    )
    return int(rows[0]["id"])


async def find_release_status(
    run: RunQuery, release_id: int, last_seen: str | None
) -> dict[str, Any] | None:
    """Return why the last check did not find a release at its URL, or None if the check found it
    there or the release was never fetched.

    The key `kind` of the result is one of these:

        moved      the release continues as the release `moved_to`
        gone       the release is missing, and its removal is confirmed
        doubt      the release is missing, and its removal is not confirmed yet
        outage     the last check got no usable response
        forbidden  robots.txt forbade the last check
        unread     no release could be read in the last response

    `since` and `until` say when this was first and last observed. For the last three types, `since`
    is `last_seen`, and `problem` is the crawler's message. Other keys are columns of `removals`;
    `removal_kind` is the column `kind`.

    last_seen: the time of the last check that found the release, or None if no check ever did.
    """
    row = (await run(FRONTIER_STATE_SQL, {"release": release_id}))[0]
    open_removals = await run(
        """
        select kind, first_seen, last_seen, checks, confirmed, status, target, moved_to
        from removals where release = :release and ended is null order by id desc
        """,
        {"release": release_id},
    )
    if row["continues_as"] is not None:
        move = next((removal for removal in open_removals if removal["kind"] == "moved"), None)
        when, target = (move["first_seen"], move["target"]) if move else (last_seen, None)
        return {
            "kind": "moved",
            "since": when,
            "until": when,
            "target": target,
            "moved_to": row["continues_as"],
        }
    removal = next((removal for removal in open_removals if removal["kind"] != "moved"), None)
    if removal:
        return {
            **dict(removal),
            "kind": "gone" if removal["confirmed"] else "doubt",
            "since": removal["first_seen"],
            "until": removal["last_seen"],
            "removal_kind": removal["kind"],
        }
    return _describe_failed_check(row, last_seen)


def _describe_failed_check(row: Mapping[str, Any], last_seen: str | None) -> dict[str, Any] | None:
    if row["state"] not in ("failed", "rejected") or not row["fetched"]:
        return None
    problem = (row["problem"] or "").removeprefix(f"{row['url']}: ")
    kind = "forbidden" if "robots.txt" in problem else "unread"
    if row["state"] == "failed":
        kind = "outage"
    return {"kind": kind, "since": last_seen, "until": row["fetched"], "problem": problem}


async def read_stored_revisions(
    run: RunQuery, revision_ids: Sequence[int | None]
) -> dict[int, dict[str, Any]]:
    """Return revisions by id, with their parsed `state` and the values that `add_observations`
    adds.

    Unknown ids are left out.
    """
    rows = await run(
        f"select {REVISION_METADATA_COLUMNS}, {STATE_COLUMNS} from"
        f" revisions v join releases r on r.id = v.release"
        " join agencies a on a.slug = r.agency where v.id in (select value from json_each(:ids))",
        {"ids": json.dumps(revision_ids)},
    )
    found = {row["id"]: {**dict(row), "state": parse_state(dict(row))} for row in rows}
    await add_observations(run, found)
    return found


async def read_version_texts(
    run: RunQuery, revision_ids: Iterable[int | None]
) -> dict[int, dict[str, Any]]:
    """Return the searchable texts of revisions by id: the title, the lead, the body, and the texts
    of questions and images.
    """
    rows = await run(
        "select id, release, title, lead, body, questions, images, language from revisions"
        " where id in (select value from json_each(:ids))",
        {"ids": json.dumps(list(revision_ids))},
    )
    return {
        row["id"]: {
            **dict(row),
            **{name: json.loads(row[name] or "null") for name in ("questions", "images")},
        }
        for row in rows
    }


TAKEDOWNS_SQL = """
    select t.id, t.release, t.kind, t.reason, t.reason_en, t.at, t.lifted, t.lifted_reason,
      r.takedown, r.agency,
      a.name, a.name_en
    from takedowns t join releases r on r.id = t.release join agencies a on a.slug = r.agency
"""


async def read_active_takedowns(run: RunQuery, release_id: int) -> list[Mapping[str, Any]]:
    """Return the takedowns in force for a release. Takedowns that hide it come first."""
    rows = await run(
        f"{TAKEDOWNS_SQL} where t.release = :release and t.lifted is null order by t.kind, t.id",
        {"release": release_id},
    )
    return [dict(row) for row in rows]


# is_checked: whether any release was looked for again after it had been stored; is_read: whether
# any was not only imported; unconfirmed: how many were missing when last looked for, too recently
# to count as removed
KNOWLEDGE_SQL = """
    with own as not materialized (select id, checks, first_seen from releases
      where agency in (select slug from agencies where :agency is null or slug = :agency))
    select exists (select 1 from own where checks > 0)
        or exists (select 1 from own cross join revisions v on v.release = own.id
          where v.checks > 0) as is_checked,
      exists (select 1 from own where first_seen is not null) as is_read,
      (select count(distinct o.release) from removals o cross join own on own.id = o.release
        where o.kind <> 'moved' and o.confirmed is null and o.ended is null) as unconfirmed
"""


# the releases that `unconfirmed` counts; a page names no more than these
UNCONFIRMED_REMOVALS_SQL = """
    select r.id, r.title, r.language from removals o join releases r on r.id = o.release
    where o.kind <> 'moved' and o.confirmed is null and o.ended is null
      and (:agency is null or r.agency = :agency) and r.takedown is not 'hidden'
    group by r.id order by max(o.first_seen) desc limit 20
"""


async def read_unconfirmed_removals(run: RunQuery, agency: str | None) -> list[Any]:
    """Return the releases with the newest unconfirmed removals (at most 20 releases).

    agency: if None, return the releases of all agencies.
    """
    return list(await run(UNCONFIRMED_REMOVALS_SQL, {"agency": agency}))


async def read_knowledge(run: RunQuery, agency: str | None) -> dict[str, Any]:
    """Return whether any release was ever checked, whether any was ever read, and how many releases
    have an unconfirmed removal.

    The keys are the columns of KNOWLEDGE_SQL.

    agency: if None, the values are for all agencies.
    """
    return dict((await run(KNOWLEDGE_SQL, {"agency": agency}))[0])
