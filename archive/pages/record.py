"""An agency's record in the archive: what is held, edited and removed, and how fresh that is; and all agencies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive.language import ZONE
from archive.search import Run

AGENCY = "select slug, name, name_en, home, org_number from agencies where slug = :agency"
OF_AGENCY = "(select id from releases where agency = :agency)"
COUNTS = "select edits, unannounced as undated from edit_counts where agency = :agency"
REMOVED = f"""
    select count(*) as n from removals o where o.confirmed is not null and o.confirmed is not o.ended
    and o.kind <> 'moved' and o.release in {OF_AGENCY}
"""
LAST = """
    select spider, started, finished, reason, errors, refused from crawls
    where agency = :agency and finished is not null order by started desc limit 1
"""
FIRST = "select started from crawls where agency = :agency order by started limit 1"
AGENCY_TAGS_SQL = """
    select t.id, t.name, c.releases as n from tag_counts c join tags t on t.id = c.tag where c.agency = :agency
    order by n desc, t.name limit :tags
"""
AGENCY_LIST_SQL = """
    select a.slug, a.name, a.name_en, a.home, coalesce(m.releases, 0) as releases,
      (select c.finished from crawls c where c.agency = a.slug and c.finished is not null
        order by c.started desc limit 1) as crawled
    from agencies a left join months m on m.agency = a.slug and m.month = ''
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the archive has of an agency beside its releases. edits and removals count as their registers do."""

    edits: int
    undated: int  # edits with which the agency's own update stamp did not move
    removals: int
    last: dict[str, Any] | None  # the newest crawl that ended
    begun: str | None  # the day (in Sweden) of the first crawl


async def find_agency(run: Run, slug: str) -> dict[str, Any] | None:
    """An agency's own facts."""
    rows = await run(AGENCY, {"agency": slug})
    return dict(rows[0]) if rows else None


async def read_record(run: Run, slug: str) -> Record:
    """From indexes alone, but for two rows of crawls."""
    values = {"agency": slug}
    counts = await run(COUNTS, values)
    last, first = await run(LAST, values), await run(FIRST, values)
    return Record(
        edits=counts[0]["edits"] if counts else 0,
        undated=counts[0]["undated"] if counts else 0,
        removals=(await run(REMOVED, values))[0]["n"],
        last=dict(last[0]) if last else None,
        begun=to_day(first[0]["started"]) if first else None,
    )


async def read_agency_tags(run: Run, slug: str, most: int) -> list[Any]:
    """The tags an agency uses most; no more than `most`."""
    return list(await run(AGENCY_TAGS_SQL, {"agency": slug, "tags": most}))


async def read_agencies(run: Run) -> list[dict[str, Any]]:
    """Every agency with how many releases are held and when its last crawl ended."""
    return [dict(row) for row in await run(AGENCY_LIST_SQL, {})]


def to_day(moment: str) -> str:
    """The day of a moment, as Swedish clocks have it.

    >>> to_day("2024-06-02T23:30:00+00:00")
    '2024-06-03'
    """
    return datetime.fromisoformat(moment).astimezone(ZONE).date().isoformat()
