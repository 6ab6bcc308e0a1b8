"""The first page (/): what this is, newest releases and edits, how fresh it is; and all agencies (/agencies)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from datasette import Response, hookimpl

from archive.history.edits import find_latest
from archive.language import sort_key
from archive.pages.record import read_agencies
from archive.web import runner

SHOWN = 12  # agencies on the first page, those with the most releases
EDITS = 4
LATEST = """
    select r.id, r.title, r.kind, r.language, r.published, r.updated, r.first_seen, r.gone, r.agency, a.name, a.name_en
    from listed l cross join releases r on r.id = l.release cross join agencies a on a.slug = r.agency
    order by l.newest desc, l.release desc limit 12
"""
FIRST_SEEN = "select max(first_seen) as first_seen from releases"


async def show_index(request: Any, datasette: Any) -> Any:
    """Small queries; counts come from an index."""
    run = runner(datasette)
    agencies = await read_agencies(run)
    filled = [agency for agency in agencies if agency["releases"]]
    most = sorted(filled, key=lambda agency: -agency["releases"])[:SHOWN]
    newest = list(await run(LATEST, {}))
    crawled = max((agency["crawled"] for agency in agencies if agency["crawled"]), default=None)
    context = {
        "newest": newest,
        "edits": await find_latest(run, EDITS),
        "agencies": sort_agencies(most),
        "filled": len(filled),
        "known": len(agencies),
        "releases": sum(agency["releases"] for agency in agencies),
        "fresh": crawled,
        "added": None if crawled else (await run(FIRST_SEEN, {}))[0]["first_seen"],
        "month": next((row["published"][:7] for row in newest if row["published"]), None),
    }
    return Response.html(await datasette.render_template("index.html", context, request=request))


async def show_agencies(request: Any, datasette: Any) -> Any:
    """Every agency, those without releases apart."""
    agencies = await read_agencies(runner(datasette))
    context = {
        "filled": sort_agencies(agency for agency in agencies if agency["releases"]),
        "silent": sort_agencies(agency for agency in agencies if not agency["releases"]),
    }
    return Response.html(await datasette.render_template("agencies.html", context, request=request))


def sort_agencies(agencies: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """By name, the Swedish way."""
    return sorted(agencies, key=lambda agency: sort_key(agency["name"]))


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """Comes before Datasette's own index; its JSON stays at /.json."""
    return [(r"/$", show_index), (r"/agencies$", show_agencies)]
