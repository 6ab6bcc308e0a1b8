"""The register of edits: what agencies changed in releases that were published already, newest first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any

from archive.history import CHAIN, STAMPS, find_look, read_looks, stamp_of
from archive.history.asked import Args, FilterError, day_start, read_choice, read_day, read_flag, read_number
from archive.history.register import MOST_ROWS, PAGE_SIZE, Counts, count_entries
from archive.search import Run
from archive.takedowns.register import HIDDEN

LONG_RUN = 3  # edits of one release in a row that stand unfolded
NOTICEABLE = 20  # weight from which an edit is told on the first page
LOOKED_THROUGH = 30  # newest edits among which those are chosen, one a release
STAMP_TESTS = {  # of STAMPS
    "moved": "v.dated = 1",
    "not moved": "v.dated = 0 and v.updated is not null",
    "none told": "v.dated = 0 and v.updated is null",
}
EDIT_COLUMNS = """
    v.id, v.release, v.previous, v.seen, v.dated, v.weight, v.summary, v.summary_en, v.changes, v.same_as, v.title,
    v.language, v.updated, v.capture, r.agency, r.url, r.gone, a.name, a.name_en
"""
IS_EDIT = "v.cause = 'source' and v.previous is not null"
COUNTED = f"""
    select a.slug as value, a.name, a.name_en, coalesce(c.edits, 0) - coalesce(h.n, 0) as count from agencies a
    left join edit_counts c on c.agency = a.slug
    left join (select r.agency, count(*) as n from revisions v join releases r on r.id = v.release
      where v.release in ({HIDDEN}) and {IS_EDIT} group by r.agency) h on h.agency = a.slug
"""
EDIT_TABLES = "revisions v on v.id = found.id join releases r on r.id = v.release join agencies a on a.slug = r.agency"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditsQuery:
    """What a reader asks the register for.

    unannounced: the agency's update stamp did not move; stamp: what it did (STAMPS); weight: the least; after: the
    last edit of the page before.
    """

    agency: str | None = None
    release: int | None = None
    tag: int | None = None
    unannounced: bool = False
    stamp: str | None = None
    weight: int | None = None
    since: date | None = None
    until: date | None = None
    after: int | None = None
    size: int = PAGE_SIZE

    def filters(self) -> dict[str, Any]:
        """As in an address, without the place on the list."""
        return {
            "agency": self.agency,
            "release": self.release,
            "tag": self.tag,
            "unannounced": 1 if self.unannounced else None,
            "stamp": self.stamp,
            "weight": self.weight or None,
            "from": self.since,
            "to": self.until,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit, with whatever a list says of it. The agency made it between `last_seen_before` and `seen`."""

    id: int  # of the revision it led to
    release: int
    previous: int | None
    seen: str
    dated: int | None
    weight: int | None
    summary: str | None
    summary_en: str | None
    changes: str | None
    same_as: int | None
    title: str
    language: str | None
    updated: str | None
    capture: int | None
    agency: str
    url: str
    gone: str | None
    name: str
    name_en: str | None
    last_seen_before: str | None  # the last look that still found the state before it
    folded: tuple[Edit, ...] = ()  # earlier ones of the same release that would flood a list

    @property
    def stamp(self) -> str:
        """What the agency's own update stamp did: one of STAMPS."""
        return stamp_of(self.dated, self.updated)

    @property
    def unannounced(self) -> bool:
        """The agency's own update stamp did not move with it."""
        return self.stamp == "not moved"

    @property
    def heaviest(self) -> int:
        """The weight of the heaviest edit inside it."""
        return max((edit.weight or 0 for edit in self.folded), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditsPage:
    """One page of the register; `more`: the cursor of the next, if there is one."""

    edits: list[Edit]
    more: int | None


def parse_edits(args: Args, size: int = PAGE_SIZE) -> EditsQuery:
    """What an address asks for; FilterError where that cannot be read."""
    since, until = read_day(args, "from"), read_day(args, "to")
    if since and until and since > until:
        raise FilterError("from", str(since), "a day no later than `to`", why="bad_days", until=str(until))
    return EditsQuery(
        agency=args.get("agency") or None,
        release=read_number(args, "release"),
        tag=read_number(args, "tag"),
        unannounced=read_flag(args, "unannounced"),
        stamp=read_choice(args, "stamp", STAMPS),
        weight=read_number(args, "weight", 100),
        since=since,
        until=until,
        after=read_number(args, "after"),
        size=min(read_number(args, "size") or size, MOST_ROWS),
    )


async def find_edits(run: Run, query: EditsQuery) -> EditsPage:
    """One page, and where the next begins."""
    chain, conditions = edit_filters(query)
    if query.after is not None:
        conditions.append("(v.seen, v.id) < (select seen, id from revisions where id = :after)")
    rows = await run(
        f"{chain} select {EDIT_COLUMNS} from (select v.id from revisions v where {' and '.join(conditions)}"
        f" order by v.seen desc, v.id desc limit :limit) found cross join {EDIT_TABLES}"
        " order by v.seen desc, v.id desc",
        edit_parameters(query) | {"limit": query.size + 1},
    )
    shown = [dict(row) for row in rows[: query.size]]
    looks = await read_looks(run, [row["id"] for row in shown])
    edits = [Edit(**row, last_seen_before=find_look(row["previous"], looks)) for row in shown]
    return EditsPage(edits=edits, more=edits[-1].id if len(rows) > query.size else None)


async def find_latest(run: Run, number: int) -> list[Edit]:
    """The newest edits that a reader should see, one a release."""
    page = await find_edits(run, EditsQuery(weight=NOTICEABLE, size=LOOKED_THROUGH))
    newest: dict[int, Edit] = {}
    for edit in page.edits:
        newest.setdefault(edit.release, edit)
    return list(newest.values())[:number]


async def count_edits(run: Run, query: EditsQuery) -> Counts:
    """How many edits the filters leave, and how many of each agency the others would."""
    found, without = (
        f"{chain} select v.release from revisions v where {' and '.join(conditions)} order by v.seen desc"
        for chain, conditions in (edit_filters(query), edit_filters(replace(query, agency=None)))
    )
    kept = {"agencies": COUNTED} if not any(replace(query, agency=None).filters().values()) else {}
    return await count_entries(run, found, without, edit_parameters(query), **kept)


def edit_filters(query: EditsQuery) -> tuple[str, list[str]]:
    """The SQL of the filters."""
    conditions = [IS_EDIT, f"v.release not in ({HIDDEN})"]
    tests = {
        "v.release in (select id from releases where agency = :agency)": query.agency,
        "v.release in (select id from chain)": query.release,
        "v.release in (select rt.release from release_tags rt where rt.tag = :tag)": query.tag,
        "v.weight >= :weight": query.weight or None,
        "v.seen >= :since": day_start(query.since),
        "v.seen < :until": day_start(query.until, after=True),
    }
    conditions += [test for test, value in tests.items() if value is not None]
    asked = ("not moved" if query.unannounced else None, query.stamp)
    conditions += dict.fromkeys(STAMP_TESTS[stamp] for stamp in asked if stamp)
    return (CHAIN if query.release is not None else ""), conditions


def edit_parameters(query: EditsQuery) -> dict[str, Any]:
    """What the SQL's names stand for."""
    days = {"since": day_start(query.since), "until": day_start(query.until, after=True)}
    return {name: getattr(query, name) for name in ("agency", "release", "tag", "weight", "after")} | days


def fold_edits(edits: Sequence[Edit]) -> list[Edit]:
    """A page's edits so that no release floods it.

    One that goes back to earlier wordings again and again stands once, with its other turns inside it; so does one
    with a longer row of edits between which no other release was edited.
    """
    shown: list[list[Edit]] = []  # each with those inside it
    turning: dict[int, list[Edit]] = {}
    for run in (list(found) for _, found in groupby(edits, key=lambda edit: edit.release)):
        rows = [run] if len(run) > LONG_RUN else [[edit] for edit in run]
        for row in rows:
            held = turning.get(row[0].release) if len(row) == 1 and row[0].same_as is not None else None
            if held is not None:
                held.extend(row)
                continue
            shown.append(row)
            if row[0].same_as is not None:
                turning.setdefault(row[0].release, row)
    return [replace(first, folded=tuple(rest)) for first, *rest in shown]


def edit_rows(edits: Sequence[Edit], address: Mapping[int, Mapping[str, str | None]]) -> list[dict[str, Any]]:
    """Edits as JSON and CSV tell them; `address` holds each one's absolute addresses."""
    return [
        {
            "revision": edit.id,
            "previous": edit.previous,
            "release": edit.release,
            "agency": edit.agency,
            "agency_name": edit.name,
            "title": edit.title,
            "url": edit.url,
            "last_seen_before": edit.last_seen_before,
            "seen": edit.seen,
            "weight": edit.weight,
            "unannounced": edit.unannounced,
            "stamp": edit.stamp,
            "summary": edit.summary,
            "summary_en": edit.summary_en,
            "same_as": edit.same_as,
            "changes": json.loads(edit.changes) if edit.changes else [],
            **address[edit.id],
        }
        for edit in edits
    ]
