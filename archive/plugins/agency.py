"""An agency's page (/agency/<slug>): its newest releases, its record, its months and tags."""

from __future__ import annotations

from typing import Any

from datasette import NotFound, Response, hookimpl

from archive.history.asked import FilterError
from archive.pages.lists import PAGE_SIZE, Wanted, find_listed, parse_after
from archive.pages.months import read_calendar
from archive.pages.record import find_agency, read_agency_tags, read_record
from archive.web import refuse, runner

PATH = r"/agency/(?P<slug>[a-z0-9-]+)"
TAGS = 16
OPEN_YEARS = 4  # of the months, those that stand unfolded


async def show_agency(request: Any, datasette: Any) -> Any:
    """The first page with all around it; further pages (after=) are the list alone."""
    run, slug = runner(datasette), request.url_vars["slug"]
    agency = await find_agency(run, slug)
    if agency is None:
        raise NotFound(f"no agency {slug}")
    try:
        after = parse_after(request.args)
        listed = await find_listed(run, Wanted(agency=slug, after=after, size=PAGE_SIZE if after else PAGE_SIZE // 2))
    except FilterError as error:
        return await refuse(datasette, request, None, 400, error.why, **error.told)
    context: dict[str, Any] = {"agency": agency, "listed": listed, "after": after, "kept_values": [("agency", slug)]}
    if not after:
        calendar = await read_calendar(run, slug)
        context |= {
            "calendar": calendar,
            "record": await read_record(run, slug),
            "tags": await read_agency_tags(run, slug, TAGS),
            "open_years": OPEN_YEARS,
        }
    return Response.html(await datasette.render_template("agency.html", context, request=request))


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """Named by the agency's slug."""
    return [(PATH + "$", show_agency)]
