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

from archive.history.lists import read_latest_edits
from archive.i18n import IMPORTANCE_LEVELS, swedish_sort_key
from archive.params import FilterError
from archive.web.pages import (
    LIST_PAGE_SIZE,
    UNDATED,
    ReleaseCalendar,
    ReleaseListQuery,
    YearCounts,
    find_agency,
    find_newest_month,
    find_tag,
    parse_list_cursor,
    parse_month,
    read_agency_overview,
    read_agency_summary,
    read_agency_tags,
    read_calendar,
    read_release_list,
    read_tag_agencies,
)
from archive.web.responses import add_query, build_query_runner, render_error


async def show_about(request: Any, datasette: Any) -> Any:
    """Whom to ask is metadata's own `about` and `about_url`, which the operator fills in."""
    agencies = await read_agency_overview(build_query_runner(datasette))
    least = [importance for importance, _, _ in IMPORTANCE_LEVELS]  # the heaviest first
    context = {
        "releases": sum(agency["releases"] for agency in agencies),
        "filled": sum(1 for agency in agencies if agency["releases"]),
        "fresh": max((agency["crawled"] for agency in agencies if agency["crawled"]), default=None),
        "importance_levels": list(zip(least, [100, *(importance - 1 for importance in least)], strict=False)),
        "contact": datasette.metadata("about"),
        "contact_url": datasette.metadata("about_url"),
    }
    return Response.html(await datasette.render_template("about.html", context, request=request))


async def show_help(request: Any, datasette: Any) -> Any:
    """How to find (with the query language by example), read and follow."""
    context = {"month": await find_newest_month(build_query_runner(datasette))}
    return Response.html(await datasette.render_template("help.html", context, request=request))


def about_routes() -> list[tuple[str, Any]]:
    """Two short addresses."""
    return [("/about$", show_about), ("/help$", show_help)]


AGENCY_PATH = r"/agency/(?P<slug>[a-z0-9-]+)"
MAX_AGENCY_TAGS = 16
EXPANDED_YEARS = 4  # of the months, those that stand unfolded


async def show_agency(request: Any, datasette: Any) -> Any:
    """The first page with all around it; further pages (after=) are the list alone."""
    run, slug = build_query_runner(datasette), request.url_vars["slug"]
    agency = await find_agency(run, slug)
    if agency is None:
        raise NotFound(f"no agency {slug}")
    try:
        after = parse_list_cursor(request.args)
        listed = await read_release_list(
            run, ReleaseListQuery(agency=slug, after=after, size=LIST_PAGE_SIZE if after else LIST_PAGE_SIZE // 2)
        )
    except FilterError as error:
        return await render_error(datasette, request, None, 400, error.text_key, **error.text_values)
    context: dict[str, Any] = {"agency": agency, "listed": listed, "after": after, "kept_values": [("agency", slug)]}
    if not after:
        calendar = await read_calendar(run, slug)
        context |= {
            "calendar": calendar,
            "record": await read_agency_summary(run, slug),
            "tags": await read_agency_tags(run, slug, MAX_AGENCY_TAGS),
            "open_years": EXPANDED_YEARS,
        }
    return Response.html(await datasette.render_template("agency.html", context, request=request))


def agency_routes() -> list[tuple[str, Any]]:
    """Named by the agency's slug."""
    return [(AGENCY_PATH + "$", show_agency)]


MAX_INDEX_AGENCIES = 12  # agencies on the first page, those with the most releases
MAX_INDEX_EDITS = 4
LATEST_RELEASES_SQL = """
    select r.id, r.title, r.kind, r.language, r.published, r.updated, r.first_seen, r.removed_at, r.agency, a.name, a.name_en
    from release_facets l cross join releases r on r.id = l.release cross join agencies a on a.slug = r.agency
    order by l.sort_date desc, l.release desc limit 12
"""
LAST_ADDED_SQL = "select max(first_seen) as first_seen from releases"


async def show_index(request: Any, datasette: Any) -> Any:
    """Small queries; counts come from an index."""
    run = build_query_runner(datasette)
    agencies = await read_agency_overview(run)
    filled = [agency for agency in agencies if agency["releases"]]
    most = sorted(filled, key=lambda agency: -agency["releases"])[:MAX_INDEX_AGENCIES]
    newest = list(await run(LATEST_RELEASES_SQL, {}))
    crawled = max((agency["crawled"] for agency in agencies if agency["crawled"]), default=None)
    context = {
        "newest": newest,
        "edits": await read_latest_edits(run, MAX_INDEX_EDITS),
        "agencies": sort_agencies(most),
        "filled": len(filled),
        "known": len(agencies),
        "releases": sum(agency["releases"] for agency in agencies),
        "fresh": crawled,
        "added": None if crawled else (await run(LAST_ADDED_SQL, {}))[0]["first_seen"],
        "month": next((row["published"][:7] for row in newest if row["published"]), None),
    }
    return Response.html(await datasette.render_template("index.html", context, request=request))


async def show_agencies(request: Any, datasette: Any) -> Any:
    """Every agency, those without releases apart."""
    agencies = await read_agency_overview(build_query_runner(datasette))
    context = {
        "filled": sort_agencies(agency for agency in agencies if agency["releases"]),
        "silent": sort_agencies(agency for agency in agencies if not agency["releases"]),
    }
    return Response.html(await datasette.render_template("agencies.html", context, request=request))


def sort_agencies(agencies: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """By name, the Swedish way."""
    return sorted(agencies, key=lambda agency: swedish_sort_key(agency["name"]))


def index_routes() -> list[tuple[str, Any]]:
    """Comes before Datasette's own index; its JSON stays at /.json."""
    return [(r"/$", show_index), (r"/agencies$", show_agencies)]


MONTH_SUFFIX = r"(?P<month>\d{4}-\d{2}|undated)$"


async def show_month(request: Any, datasette: Any) -> Any:
    """One page of the month, newest first, with the ways to the months around it."""
    run, slug = build_query_runner(datasette), request.url_vars.get("slug")
    agency = await find_agency(run, slug) if slug else None
    if slug and agency is None:
        raise NotFound(f"no agency {slug}")
    try:
        month = parse_month(request.url_vars["month"])
    except FilterError as error:
        raise NotFound(str(error)) from error
    try:
        after = parse_list_cursor(request.args)
        listed = await read_release_list(
            run, ReleaseListQuery(agency=slug, month=month, after=after, size=LIST_PAGE_SIZE)
        )
    except FilterError as error:
        return await render_error(datasette, request, None, 400, error.text_key, **error.text_values)
    calendar = await read_calendar(run, slug)
    context = {
        "agency": agency,
        "month": month,
        "undated": month == UNDATED,
        "base": f"/agency/{slug}" if slug else "/month",
        "listed": listed,
        "after": after,
        "calendar": calendar,
        "count": calendar.count_month(month),
        "year": find_calendar_year(calendar, month),
    }
    page = await datasette.render_template("month.html", context, request=request)
    return Response.html(page, status=200 if context["count"] else 404)


def find_calendar_year(calendar: ReleaseCalendar, month: str) -> YearCounts | None:
    """The year that a month stands in."""
    return next((year for year in calendar.years if year.year == month[:4]), None)


def month_routes() -> list[tuple[str, Any]]:
    """Of all agencies, and of one."""
    return [("/month/" + MONTH_SUFFIX, show_month), (r"/agency/(?P<slug>[a-z0-9-]+)/" + MONTH_SUFFIX, show_month)]


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
    run, named = build_query_runner(datasette), unquote(request.url_vars["named"])
    tag = await find_tag(run, named)
    if tag is None:
        raise NotFound(f"no tag {named}")
    if named != str(tag["id"]):
        path = datasette.urls.path(f"/tag/{tag['id']}")
        return Response.redirect(add_query(path, lang=request.args.get("lang")))
    try:
        after = parse_list_cursor(request.args)
        listed = await read_release_list(run, ReleaseListQuery(tag=tag["id"], after=after))
    except FilterError as error:
        return await render_error(datasette, request, None, 400, error.text_key, **error.text_values)
    uses = await read_tag_agencies(run, tag["id"])
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
