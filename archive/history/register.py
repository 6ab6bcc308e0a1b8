"""What the registers of edits and removals share: sizes, and counts that go back only so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archive.history.asked import FilterError
from archive.language import sort_key
from archive.search import Choice, Run

PAGE_SIZE = 50
MOST_ROWS = 1000  # on one page of JSON or CSV
MOST_COUNTED = 5_000  # entries beyond the newest so many are not counted
AGENCIES = """
    select a.slug as value, a.name, a.name_en, coalesce(counted.n, 0) as count from agencies a
    left join (select r.agency, count(*) as n from ({found}) found join releases r on r.id = found.release
      group by r.agency) counted on counted.agency = a.slug
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many entries the filters leave, and how many of each agency the others would.

    capped: there are more than `total`. agencies: those with entries, and the chosen one; all, and told: False, where
    there are too many to count.
    """

    total: int
    capped: bool
    agencies: list[Choice]
    told: bool


async def check_agency(run: Run, slug: str | None) -> None:
    """FilterError where the archive knows no such agency."""
    if slug and not await run("select 1 from agencies where slug = :slug", {"slug": slug}):
        raise FilterError("agency", slug, "the slug of an agency", why="bad_agency")


async def count_entries(
    run: Run, found: str, found_without: str, values: Mapping[str, Any], *, agencies: str = AGENCIES
) -> Counts:
    """Counts of a register's entries; `found` and, without the agency's filter, `found_without` are SELECTs of
    their releases, newest first. agencies: another SELECT of the choices, where they are kept counted."""
    limit = f" limit {MOST_COUNTED + 1}"
    rows = await run(agencies.format(found=found_without + limit), dict(values))
    choices = sorted((Choice(**dict(row)) for row in rows), key=lambda choice: sort_key(choice.name))
    told = agencies is not AGENCIES or sum(choice.count for choice in choices) <= MOST_COUNTED
    if told:
        total = sum(choice.count for choice in choices if choice.value == (values["agency"] or choice.value))
    else:
        total = (await run(f"select count(*) as n from ({found}{limit})", dict(values)))[0]["n"]
    return Counts(
        total=total if told else min(total, MOST_COUNTED),
        capped=not told and total > MOST_COUNTED,
        agencies=[choice for choice in choices if choice.count or not told or choice.value == values["agency"]],
        told=told,
    )
