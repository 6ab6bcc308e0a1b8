"""The register of removals: releases that agencies took away, by confirmed absences, newest first; and moves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from archive.history.asked import Args, read_choice, read_flag, read_number
from archive.history.register import MOST_ROWS, PAGE_SIZE, Counts, count_entries
from archive.history.texts import ABSENCE_CHOICES
from archive.search import Run
from archive.takedowns.register import HIDDEN

REMOVAL_COLUMNS = """
    o.id, o.release, o.kind, o.first_seen, o.last_seen, o.checks, o.confirmed, o.ended, o.status, o.target, o.moved_to,
    o.capture, r.title, r.language, r.agency, r.url, r.revision, r.published, a.name, a.name_en,
    (select m.target from removals m where m.release = o.release and m.kind = 'moved' and m.id <> o.id
      and m.first_seen = o.ended) as found_at
"""
REMOVAL_TABLES = "removals o cross join releases r on r.id = o.release cross join agencies a on a.slug = r.agency"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedQuery:
    """What a reader asks the register for. back: only those that came back; after: the last row before the page."""

    agency: str | None = None
    kind: str | None = None
    tag: int | None = None
    back: bool = False
    after: int | None = None
    size: int = PAGE_SIZE

    def filters(self) -> dict[str, Any]:
        """As in an address, without the place on the list."""
        return {"agency": self.agency, "kind": self.kind, "tag": self.tag, "back": 1 if self.back else None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One confirmed absence of a release, with whatever a list says of it."""

    id: int
    release: int
    kind: str
    first_seen: str
    last_seen: str
    checks: int
    confirmed: str
    ended: str | None
    status: int | None
    target: str | None
    moved_to: int | None
    capture: int | None
    title: str
    language: str | None
    agency: str
    url: str
    revision: int
    published: str | None
    name: str
    name_en: str | None
    found_at: str | None  # the address it was found at again


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedPage:
    """One page of the register; `more`: the cursor of the next, if there is one."""

    removals: list[Removal]
    more: int | None


def parse_removed(args: Args, size: int = PAGE_SIZE) -> RemovedQuery:
    """What an address asks for; FilterError where that cannot be read."""
    return RemovedQuery(
        agency=args.get("agency") or None,
        kind=read_choice(args, "kind", ABSENCE_CHOICES),
        tag=read_number(args, "tag"),
        back=read_flag(args, "back"),
        after=read_number(args, "after"),
        size=min(read_number(args, "size") or size, MOST_ROWS),
    )


async def find_removed(run: Run, query: RemovedQuery) -> RemovedPage:
    """One page, and where the next begins."""
    conditions = removal_filters(query)
    if query.after is not None:
        conditions.append("(o.confirmed, o.id) < (select confirmed, id from removals where id = :after)")
    rows = await run(
        f"select {REMOVAL_COLUMNS} from {REMOVAL_TABLES} where {' and '.join(conditions)}"
        " order by o.confirmed desc, o.id desc limit :limit",
        removal_parameters(query) | {"limit": query.size + 1},
    )
    removals = [Removal(**dict(row)) for row in rows[: query.size]]
    return RemovedPage(removals=removals, more=removals[-1].id if len(rows) > query.size else None)


async def count_removed(run: Run, query: RemovedQuery) -> Counts:
    """How many removals the filters leave, and how many of each agency the others would."""
    found, without = (
        f"select o.release from removals o where {' and '.join(removal_filters(asked))} order by o.confirmed desc"
        for asked in (query, replace(query, agency=None))
    )
    return await count_entries(run, found, without, removal_parameters(query))


def removal_filters(query: RemovedQuery) -> list[str]:
    """The SQL of the filters. Moves are told where they are asked for, and what was found elsewhere by the very look
    that confirmed it away is a move alone."""
    conditions = ["o.confirmed is not null", "o.confirmed is not o.ended", f"o.release not in ({HIDDEN})"]
    conditions.append("o.kind = :kind" if query.kind else "o.kind <> 'moved'")
    if query.agency:
        conditions.append("o.release in (select id from releases where agency = :agency)")
    if query.tag is not None:
        conditions.append("o.release in (select rt.release from release_tags rt where rt.tag = :tag)")
    if query.back:
        conditions.append("o.ended is not null")
    return conditions


def removal_parameters(query: RemovedQuery) -> dict[str, Any]:
    """What the SQL's names stand for."""
    return {name: getattr(query, name) for name in ("agency", "kind", "tag", "after")}


def removal_rows(removals: Sequence[Removal], address: Mapping[int, Mapping[str, str | None]]) -> list[dict[str, Any]]:
    """Removals as JSON and CSV tell them; `address` holds each one's absolute addresses."""
    return [
        {
            "removal": row.id,
            "release": row.release,
            "agency": row.agency,
            "agency_name": row.name,
            "title": row.title,
            "url": row.url,
            "kind": row.kind,
            "first_seen": row.first_seen,
            "confirmed": row.confirmed,
            "last_seen": row.last_seen,
            "checks": row.checks,
            "ended": row.ended,
            "status": row.status,
            "target": row.target,
            "moved_to": row.moved_to,
            "found_at": row.found_at,
            **address[row.id],
        }
        for row in removals
    ]
