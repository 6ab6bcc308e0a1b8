"""Routes: index, agency, tag, month, about, 404.

What the archive is and how to use it: /about and /help.

An agency's page (/agency/<slug>): its newest releases, its record, its months and tags.

The first page (/): what this is, newest releases and edits, how fresh it is; and all agencies (/agencies).

The archive of a month (/month/<yyyy-mm>, /agency/<slug>/<yyyy-mm>); `undated` in its place is what has no date.

The page for an address that leads nowhere, in the reader's language; JSON keeps Datasette's own answer.

A tag's page (/tag/<number>): the newest releases that have it, and who uses it. /tag/<words> leads there.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any
from urllib.parse import unquote

from datasette import NotFound, Response, hookimpl

from archive.history.lists import find_latest
from archive.i18n import WEIGHTS, sort_key
from archive.params import FilterError
from archive.web.pages import (
    PAGE_SIZE,
    UNDATED,
    Calendar,
    Wanted,
    Year,
    count_uses,
    find_agency,
    find_listed,
    find_newest_month,
    find_tag,
    parse_after,
    parse_month,
    read_agencies,
    read_agency_tags,
    read_calendar,
    read_record,
)
from archive.web.responses import add_query, refuse, runner


async def show_about(request: Any, datasette: Any) -> Any:
    """Whom to ask is metadata's own `about` and `about_url`, which the operator fills in."""
    agencies = await read_agencies(runner(datasette))
    least = [weight for weight, _, _ in WEIGHTS]  # the heaviest first
    context = {
        "releases": sum(agency["releases"] for agency in agencies),
        "filled": sum(1 for agency in agencies if agency["releases"]),
        "fresh": max((agency["crawled"] for agency in agencies if agency["crawled"]), default=None),
        "weights": list(zip(least, [100, *(weight - 1 for weight in least)], strict=False)),
        "contact": datasette.metadata("about"),
        "contact_url": datasette.metadata("about_url"),
    }
    return Response.html(await datasette.render_template("about.html", context, request=request))


async def show_help(request: Any, datasette: Any) -> Any:
    """How to find (with the query language by example), read and follow."""
    context = {"month": await find_newest_month(runner(datasette))}
    return Response.html(await datasette.render_template("help.html", context, request=request))


def about_routes() -> list[tuple[str, Any]]:
    """Two short addresses."""
    return [("/about$", show_about), ("/help$", show_help)]


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


def agency_routes() -> list[tuple[str, Any]]:
    """Named by the agency's slug."""
    return [(PATH + "$", show_agency)]


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


def index_routes() -> list[tuple[str, Any]]:
    """Comes before Datasette's own index; its JSON stays at /.json."""
    return [(r"/$", show_index), (r"/agencies$", show_agencies)]


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


def month_routes() -> list[tuple[str, Any]]:
    """Of all agencies, and of one."""
    return [("/month/" + MONTH, show_month), (r"/agency/(?P<slug>[a-z0-9-]+)/" + MONTH, show_month)]


@hookimpl(hookwrapper=True)
def handle_exception(datasette: Any, request: Any, exception: Exception) -> Generator[None, Any, None]:
    """Takes Datasette's answer away rather than adding one: it prints a traceback for every mistyped address."""

    async def show() -> Any:
        page = await datasette.render_template("not_found.html", {}, request=request)
        return Response.html(page, status=404)

    outcome = yield
    if isinstance(exception, NotFound) and not request.path.endswith(".json"):
        outcome.force_result([show])


async def show_tag(request: Any, datasette: Any) -> Any:
    """The number is the permanent address; a tag's words are sent to it."""
    run, named = runner(datasette), unquote(request.url_vars["named"])
    tag = await find_tag(run, named)
    if tag is None:
        raise NotFound(f"no tag {named}")
    if named != str(tag["id"]):
        path = datasette.urls.path(f"/tag/{tag['id']}")
        return Response.redirect(add_query(path, lang=request.args.get("lang")))
    try:
        after = parse_after(request.args)
        listed = await find_listed(run, Wanted(tag=tag["id"], after=after))
    except FilterError as error:
        return await refuse(datasette, request, None, 400, error.why, **error.told)
    uses = await count_uses(run, tag["id"])
    context = {
        "tag": tag,
        "listed": listed,
        "after": after,
        "uses": uses,
        "count": sum(row["n"] for row in uses),
    }
    return Response.html(await datasette.render_template("tag.html", context, request=request))


def tag_routes() -> list[tuple[str, Any]]:
    """A tag's words may hold anything, strokes among it."""
    return [(r"/tag/(?P<named>.+)$", show_tag)]


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [*about_routes(), *agency_routes(), *index_routes(), *month_routes(), *tag_routes()]
