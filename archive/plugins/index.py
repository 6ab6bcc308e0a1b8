"""The first page (/): what this is, newest releases and edits, the agencies with their counts, how fresh it all is."""

from __future__ import annotations

from typing import Any

from datasette import Response, hookimpl

from archive.history.edits import find_latest
from archive.language import sort_key
from archive.web import runner

LATEST = 4  # edits
NEWEST = """
    select r.id, r.title, r.kind, r.language, r.published, r.updated, r.first_seen, r.gone, r.agency, a.name, a.name_en
    from releases r join agencies a on a.slug = r.agency
    where r.moved_to is null and (coalesce(r.published, r.updated) is not null
      -- without a date of its own, what an agency's first crawl found may be years old
      or r.first_seen > (select min(finished) from crawls c where c.agency = r.agency))
    order by coalesce(r.published, r.updated, r.first_seen) desc, r.id desc limit 12
"""
AGENCIES = """
    with moved as materialized (select agency, count(*) as releases from releases where moved_to is not null group by 1)
    select slug, name, name_en, home,
      -- two counts: each is answered from an index alone
      (select count(*) from releases r where r.agency = a.slug)
        - coalesce((select m.releases from moved m where m.agency = a.slug), 0) as releases,
      (select max(finished) from crawls c where c.agency = a.slug) as crawled
    from agencies a
"""
FRESHNESS = """
    select (select max(finished) from crawls) as crawled, (select max(first_seen) from releases) as first_seen
"""


async def show_index(request: Any, datasette: Any) -> Any:
    """A few small queries; counts come from the index on (agency, published)."""
    db = datasette.get_database("archive")
    agencies = [dict(row) for row in await db.execute(AGENCIES)]
    freshness = (await db.execute(FRESHNESS)).first()
    context = {
        "newest": list(await db.execute(NEWEST)),
        "edits": await find_latest(runner(datasette), LATEST),
        "agencies": sorted((a for a in agencies if a["releases"]), key=lambda a: sort_key(a["name"])),
        "silent": sorted((a for a in agencies if not a["releases"]), key=lambda a: sort_key(a["name"])),
        "releases": sum(agency["releases"] for agency in agencies),
        "fresh": freshness["crawled"] or freshness["first_seen"],
    }
    return Response.html(await datasette.render_template("index.html", context, request=request))


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """Comes before Datasette's own index; its JSON stays at /.json."""
    return [(r"/$", show_index)]
