"""The archive of a month (/month/<yyyy-mm>, /agency/<slug>/<yyyy-mm>); `undated` in its place is what has no date."""

from __future__ import annotations

from typing import Any

from datasette import NotFound, Response, hookimpl

from archive.history.asked import FilterError
from archive.pages.lists import PAGE_SIZE, UNDATED, Wanted, find_listed, parse_after, parse_month
from archive.pages.months import Calendar, Year, read_calendar
from archive.pages.record import find_agency
from archive.web import refuse, runner

MONTH = r"(?P<month>\d{4}-\d{2}|undated)$"


async def show_month(request: Any, datasette: Any) -> Any:
    """One page of the month, newest first, with the ways to the months around it."""
    run, slug = runner(datasette), request.url_vars.get("slug")
    agency = await find_agency(run, slug) if slug else None
    if slug and agency is None:
        raise NotFound(f"no agency {slug}")
    try:
        month = parse_month(request.url_vars["month"])
    except FilterError as error:
        raise NotFound(str(error)) from error
    try:
        after = parse_after(request.args)
        listed = await find_listed(run, Wanted(agency=slug, month=month, after=after, size=PAGE_SIZE))
    except FilterError as error:
        return await refuse(datasette, request, None, 400, error.why, **error.told)
    calendar = await read_calendar(run, slug)
    context = {
        "agency": agency,
        "month": month,
        "undated": month == UNDATED,
        "base": f"/agency/{slug}" if slug else "/month",
        "listed": listed,
        "after": after,
        "calendar": calendar,
        "count": calendar.count_of(month),
        "year": find_year(calendar, month),
    }
    page = await datasette.render_template("month.html", context, request=request)
    return Response.html(page, status=200 if context["count"] else 404)


def find_year(calendar: Calendar, month: str) -> Year | None:
    """The year that a month stands in."""
    return next((year for year in calendar.years if year.year == month[:4]), None)


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """Of all agencies, and of one."""
    return [("/month/" + MONTH, show_month), (r"/agency/(?P<slug>[a-z0-9-]+)/" + MONTH, show_month)]
