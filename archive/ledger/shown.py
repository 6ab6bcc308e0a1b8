"""The ledger as /-/ledger shows it: all agencies, gaps first; or one, by month and source, with its gaps by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archive.history.asked import Args, FilterError, read_number
from archive.language import sort_key
from archive.ledger.gaps import IS_OPEN
from archive.search import Run

GAPS = 50  # a page of gaps by name
MOST_GAPS = 1000  # on one page of JSON
SUMS = """
    sum(listed) as listed, sum(held) as held, sum(refused) as refused, sum(missing) as missing,
    sum(delisted) as delisted, min(whole) as whole, max(problem) as problem, max(checked) as checked
"""
OVERVIEW = f"""
    select a.slug as agency, a.name, a.name_en, l.* from agencies a left join
      (select agency as of, {SUMS} from ledger where source is null group by agency) l on l.of = a.slug
"""
MONTHS = """
    select month, listed, held, refused, missing, delisted from ledger where agency = :agency and source is null
    order by month is null, month desc
"""
SOURCES = f"""
    select source, kind, {SUMS} from ledger where agency = :agency and source is not null group by source order by id
"""
NAMED = """
    select rowid as id, url, source, month, listed, state, first_missed, last_missed from gaps
    where agency = :agency and {open} and rowid > :after order by rowid limit :size
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a reader asks for. after: the last gap before the page."""

    agency: str | None = None
    after: int | None = None
    size: int = GAPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """An agency's ledger: its sums, its months, its sources, and a page of its gaps; `more`: where the next begins."""

    agency: dict[str, Any]
    months: Sequence[dict[str, Any]]
    sources: Sequence[dict[str, Any]]
    gaps: Sequence[dict[str, Any]]
    more: int | None


def parse_asked(args: Args) -> Asked:
    """What an address asks for; FilterError where that cannot be read."""
    return Asked(
        agency=args.get("agency") or None,
        after=read_number(args, "after"),
        size=min(read_number(args, "size") or GAPS, MOST_GAPS),
    )


async def find_overview(run: Run, lang: str) -> list[dict[str, Any]]:
    """Every agency: those with the most gaps first, then by name; those never audited have no `checked`."""
    rows = [dict(row) for row in await run(OVERVIEW, {})]
    return sorted(rows, key=lambda row: (-(row["missing"] or 0), sort_key(name_of(row, lang))))


async def find_one(run: Run, asked: Asked) -> Whole:
    """One agency; FilterError where the archive knows none of that name."""
    values = {"agency": asked.agency}
    rows = await run(f"{OVERVIEW} where a.slug = :agency", values)
    if not rows:
        raise FilterError("agency", asked.agency or "", "the slug of an agency", why="bad_agency")
    named = {**values, "after": asked.after or 0, "size": asked.size + 1}
    gaps = [dict(row) for row in await run(NAMED.format(open=IS_OPEN), named)]
    return Whole(
        agency=dict(rows[0]),
        months=[dict(row) for row in await run(MONTHS, values)],
        sources=[dict(row) for row in await run(SOURCES, values)],
        gaps=gaps[: asked.size],
        more=gaps[asked.size - 1]["id"] if len(gaps) > asked.size else None,
    )


def name_of(row: dict[str, Any], lang: str) -> str:
    """An agency's name in the reader's language, where there is one."""
    return str(row["name_en"] if lang == "en" and row["name_en"] else row["name"])
