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

from archive.database import Run
from archive.models import LISTS, STATE, read_state

NEWEST = 10  # events of a long history that stand unfolded
STAMPS = ("moved", "not moved", "none told")  # what the agency's own update stamp did at an edit
CHAIN = (  # a release and those that became it
    "with recursive chain(id) as (select :release union"
    " select r.id from releases r join chain on r.moved_to = chain.id)"
)
COLUMNS = """
    v.id, v.release, v.cause, v.seen as "when", v.previous, v.capture, v.dated, v.updated, v.weight, v.summary,
    v.summary_en, v.same_as, r.url, v.id = r.revision as stands,
    case when v.id = r.revision then r.last_checked else v.last_seen end as until,
    case when v.id = r.revision then r.checks else v.checks end as checks
"""
STATES = f"""
    {CHAIN} select {COLUMNS}, s.seen as same_when
    from chain join releases r on r.id = chain.id join revisions v on v.release = r.id
    left join revisions s on s.id = v.same_as order by v.seen, v.id
"""
ABSENCES = f"""
    {CHAIN} select o.id, o.release, o.kind, o.first_seen as "when", o.last_seen as until, o.checks, o.confirmed,
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
LOOKS = f"""
    with recursive before(id) as (
      select v.previous from revisions v where v.id in (select value from json_each(:edits))
      union select v.previous from before join revisions v on v.id = before.id where v.cause = 'parser' and v.checks = 0
    )
    select {COLUMNS} from before join revisions v on v.id = before.id join releases r on r.id = v.release
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
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
    looked: str | None  # the last look at it or at what it was read anew from
    stands: bool
    previous: int | None
    capture: int | None
    weight: int | None
    summary: str | None
    summary_en: str | None
    stamp: str | None  # of an edit: one of STAMPS
    same_as: int | None
    same_when: str | None

    @property
    def unannounced(self) -> bool:
        """An edit with which the agency's own update stamp did not move."""
        return self.stamp == "not moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
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


Event = State | Absence


class Edited(NamedTuple):
    """An edit's place in a history: when it was seen, the revision it led to and the one before."""

    seen: str
    id: int
    previous: int


async def read_history(run: Run, release: int) -> list[Event]:
    """All that is known of a release and those that became it, newest first."""
    states = [dict(row) for row in await run(STATES, {"release": release})]
    absences = [dict(row) for row in await run(ABSENCES, {"release": release})]
    known = {row["id"]: row for row in states}
    events: list[Event] = [Absence(**row) for row in absences]
    events += [to_state(row, known) for row in states]
    # of one moment: the move, then the state found there
    return sorted(events, key=lambda event: (event.when, isinstance(event, State), event.id), reverse=True)


def fold_history(events: Sequence[Event]) -> tuple[list[Event], list[tuple[str, list[Event]]]]:
    """A history's newest events, and where there are many the older ones by year."""
    if len(events) <= NEWEST + 4:
        return list(events), []
    return list(events[:NEWEST]), [
        (year, list(found)) for year, found in groupby(events[NEWEST:], key=lambda event: event.when[:4])
    ]


def to_state(row: Mapping[str, Any], known: Mapping[int, Mapping[str, Any]]) -> State:
    """A row of STATES as a state; `known` holds the rows it may follow."""
    kind = kind_of(row)
    if kind == "reread" and known.get(row["previous"], {}).get("cause") == "import":
        kind = "own"
    own = {name: row[name] for name in State.__dataclass_fields__ if name in row and name != "stands"}
    return State(
        **own,
        stands=bool(row["stands"]),
        kind=kind,
        last_seen_before=find_look(row["previous"], known),
        looked=find_look(row["id"], known),
        stamp=stamp_of(row["dated"], row["updated"]) if kind == "edit" else None,
    )


def stamp_of(dated: int | None, updated: str | None) -> str:
    """What the agency's own update stamp did at an edit.

    >>> stamp_of(1, "2024-06-03"), stamp_of(0, "2024-06-03"), stamp_of(0, None)
    ('moved', 'not moved', 'none told')
    """
    return "moved" if dated else "not moved" if updated else "none told"


def kind_of(row: Mapping[str, Any]) -> str:
    """What made a state."""
    named = {"source": "edit", "parser": "reread"}.get(row["cause"], row["cause"])
    return "same" if named == "first" and row["previous"] is not None else str(named)


def find_look(revision: int | None, known: Mapping[int, Mapping[str, Any]]) -> str | None:
    """The last look that found a state on the web. Reading old bytes anew is none: then what stood before tells."""
    while revision is not None and revision in known:
        row = known[revision]
        before = known.get(row["previous"]) if row["previous"] is not None else None
        if row["checks"] and row["until"]:
            return str(row["until"])
        if row["cause"] != "parser" or before is None or before["capture"] != row["capture"]:
            return str(row["when"])
        revision = row["previous"]
    return None


async def read_looks(run: Run, edits: Sequence[int]) -> dict[int, Mapping[str, Any]]:
    """The states that some revisions followed, as far back as `find_look` has to go."""
    return {row["id"]: dict(row) for row in await run(LOOKS, {"edits": json.dumps(edits)})}


async def find_edits_of(run: Run, release: int) -> list[Edited]:
    """The agency's edits of a release and those that became it, oldest first."""
    rows = await run(
        f"{CHAIN} select v.seen, v.id, v.previous from chain join revisions v on v.release = chain.id"
        " where v.cause = 'source' and v.previous is not null order by v.seen, v.id",
        {"release": release},
    )
    return [Edited(row["seen"], row["id"], row["previous"]) for row in rows]


async def find_end(run: Run, release: int) -> int:
    """Where the record of a release goes on: itself, or what it became at last."""
    rows = await run(
        "with recursive ends(id, step) as (select :release, 0 union select r.moved_to, step + 1 from ends"
        " join releases r on r.id = ends.id where r.moved_to is not null and step < 100)"
        " select id from ends order by step desc limit 1",
        {"release": release},
    )
    return int(rows[0]["id"])


ROW = """
    select r.url, r.moved_to, f.state, f.problem, f.fetched
    from releases r left join frontier f on f.url = r.url where r.id = :release
"""
AWAY = """
    select kind, first_seen, last_seen, checks, confirmed, status, target, moved_to from removals
    where release = :release and ended is null order by id desc
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a reader must know before reading.

    kind: moved, gone (confirmed), doubt (not confirmed), outage, forbidden (by robots.txt), unread (it answers,
    but not with what can be read).
    """

    kind: str
    since: str  # when it was first seen so
    until: str  # when it was last seen so
    removal: str | None = None  # of gone and doubt: the kind in removals
    checks: int = 0
    confirmed: str | None = None
    status: int | None = None
    target: str | None = None  # where it led to, or the title of what stands there
    moved_to: int | None = None  # the release that its record goes on as
    problem: str | None = None  # in the crawler's words


async def find_standing(run: Run, release: int, looked: str) -> Standing | None:
    """None where the release stood as held by the last look; `looked` is when it last did."""
    row = (await run(ROW, {"release": release}))[0]
    away = [dict(found) for found in await run(AWAY, {"release": release})]
    if row["moved_to"] is not None:
        move = next((found for found in away if found["kind"] == "moved"), None)
        when = move["first_seen"] if move else looked
        end = await find_end(run, release)
        return Standing(kind="moved", since=when, until=when, target=move["target"] if move else None, moved_to=end)
    found = next((found for found in away if found["kind"] != "moved"), None)
    if found:
        return Standing(
            kind="gone" if found["confirmed"] else "doubt",
            since=found["first_seen"],
            until=found["last_seen"],
            removal=found["kind"],
            **{name: found[name] for name in ("checks", "confirmed", "status", "target")},
        )
    if row["state"] not in ("failed", "refused") or not row["fetched"]:
        return None
    problem = (row["problem"] or "").removeprefix(f"{row['url']}: ")
    kind = "outage" if row["state"] == "failed" else "forbidden" if "robots.txt" in problem else "unread"
    return Standing(kind=kind, since=looked, until=row["fetched"], problem=problem or None)


NAMES = ", ".join(f"v.{name}" for name in (*STATE, *LISTS))
FACTS = """
    v.id, v.release, v.seen, v.cause, v.previous, v.same_as, v.dated, v.weight, v.summary, v.summary_en, v.changes,
    v.capture, r.agency, r.url, r.title as now, r.language as language_now, a.name, a.name_en
"""


class ComparisonError(ValueError):
    """Two revisions that cannot be compared; `why` is a key of our texts."""

    def __init__(self, why: str, **values: object) -> None:
        self.why = why
        self.values = {name: str(value) for name, value in values.items()}  # an id is no number to be parted
        super().__init__(f"{why}: {values}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A revision: facts about it by name, and the state it holds."""

    id: int
    release: int
    seen: str
    facts: dict[str, Any]
    state: dict[str, Any]


async def read_held(run: Run, ids: Sequence[int]) -> dict[int, Held]:
    """Revisions by id; one that is not there is left out."""
    rows = await run(
        f"select {FACTS}, {NAMES} from revisions v join releases r on r.id = v.release"
        " join agencies a on a.slug = r.agency where v.id in (select value from json_each(:ids))",
        {"ids": json.dumps(ids)},
    )
    held = {}
    for row in map(dict, rows):
        facts = {name: value for name, value in row.items() if name not in STATE and name not in LISTS}
        held[row["id"]] = Held(
            id=row["id"], release=row["release"], seen=row["seen"], facts=facts, state=read_state(row)
        )
    return held


async def read_pair(run: Run, one: int, other: int) -> tuple[Held, Held]:
    """Two states of one release, or of two that became one, the older first; ComparisonError says why not."""
    if one == other:
        raise ComparisonError("diff_same", revision=one)
    held = await read_held(run, [one, other])
    for key in (one, other):
        if key not in held:
            raise ComparisonError("diff_missing", revision=key)
    ends = [await find_end(run, held[key].release) for key in (one, other)]
    if ends[0] != ends[1]:
        raise ComparisonError("diff_other", one=one, other=other)
    before, after = sorted((held[one], held[other]), key=lambda state: (state.seen, state.id))
    return before, after
