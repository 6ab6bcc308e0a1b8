"""The releases that stand before and after one in its agency's order of publication."""

from __future__ import annotations

from typing import Any

from archive.search import Run

FIELDS = "r.id, r.title, r.language, r.published, r.updated, r.first_seen"
PLACE = """
    select r.agency, coalesce(r.published, r.updated, r.first_seen) as newest from releases r where r.id = :release
"""
EARLIER = f"""
    select {FIELDS} from listed l cross join releases r on r.id = l.release where l.agency = :agency
    and l.newest <= :newest and (l.newest < :newest or l.release < :release)
    order by l.newest desc, l.release desc limit 1
"""
LATER = f"""
    select {FIELDS} from listed l cross join releases r on r.id = l.release where l.agency = :agency
    and l.newest >= :newest and (l.newest > :newest or l.release > :release)
    order by l.newest, l.release limit 1
"""


async def find_neighbours(run: Run, release: int) -> tuple[Any | None, Any | None]:
    """The one before and the one after; None at either end."""
    values = {"release": release, **dict((await run(PLACE, {"release": release}))[0])}
    earlier, later = await run(EARLIER, values), await run(LATER, values)
    return (earlier[0] if earlier else None), (later[0] if later else None)
