"""The pages around the releases.

- /: what the archive is, the newest releases and edits; /agencies: all agencies; /about and /help.
- /agency/<slug>: an agency's newest releases, its counts, months and tags.
- /tag/<number>: the newest releases with a tag, and the agencies that use it; /tag/<name> redirects there.
- /month/<yyyy-mm> and /agency/<slug>/<yyyy-mm>: the releases of a month; `undated` instead of a month lists releases
  without a publication date.
- The page for a URL that leads nowhere; data formats get an error in JSON (security.py).
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
from archive.web.tables import has_data_format

AGENCY_PATH = r"/agency/(?P<slug>[a-z0-9-]+)"
MONTH_SUFFIX = r"(?P<month>\d{4}-\d{2}|undated)$"
MAX_INDEX_AGENCIES = 12  # on the first page: the agencies with the most releases
MAX_INDEX_EDITS = 4
MAX_INDEX_RELEASES = 12
MAX_AGENCY_TAGS = 16
EXPANDED_YEARS = 4  # years whose months are listed on an agency's page; older years are links
LAST_ADDED_SQL = "select max(first_seen) as first_seen from releases"


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [
        (r"/$", show_index),  # instead of Datasette's own index, whose JSON stays at /.json
        (r"/agencies$", show_agencies),
        (AGENCY_PATH + "$", show_agency),
        (AGENCY_PATH + "/" + MONTH_SUFFIX, show_month),
        ("/month/" + MONTH_SUFFIX, show_month),
        (r"/tag/(?P<name>.+)$", show_tag),  # a tag may contain slashes
        ("/about$", show_about),
        ("/help$", show_help),
    ]


async def show_index(request: Any, datasette: Any) -> Any:
    """Show the first page. Its counts come from stored counts."""
    run = build_query_runner(datasette)
    agencies = await read_agency_overview(run)
    with_releases = [agency for agency in agencies if agency["releases"]]
    largest = sorted(with_releases, key=lambda agency: -agency["releases"])[:MAX_INDEX_AGENCIES]
    newest = (await read_release_list(run, ReleaseListQuery(size=MAX_INDEX_RELEASES))).rows
    last_crawled = find_last_crawl(agencies)
    context = {
        "newest": newest,
        "edits": await read_latest_edits(run, MAX_INDEX_EDITS),
        "agencies": sort_agencies(largest),
        "agencies_with_releases": len(with_releases),
        "agency_count": len(agencies),
        "releases": sum(agency["releases"] for agency in agencies),
        "last_crawled": last_crawled,
        "last_added": None if last_crawled else (await run(LAST_ADDED_SQL, {}))[0]["first_seen"],
        "month": next((row["published"][:7] for row in newest if row["published"]), None),
    }
    return Response.html(await datasette.render_template("index.html", context, request=request))


async def show_agencies(request: Any, datasette: Any) -> Any:
    """Show all agencies: those with releases, then the others."""
    agencies = await read_agency_overview(build_query_runner(datasette))
    context = {
        "agencies_with_releases": sort_agencies(agency for agency in agencies if agency["releases"]),
        "agencies_without_releases": sort_agencies(agency for agency in agencies if not agency["releases"]),
    }
    return Response.html(await datasette.render_template("agencies.html", context, request=request))


def find_last_crawl(agencies: Iterable[dict[str, Any]]) -> str | None:
    return max((agency["crawled"] for agency in agencies if agency["crawled"]), default=None)


def sort_agencies(agencies: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort agencies by name in Swedish order."""
    return sorted(agencies, key=lambda agency: swedish_sort_key(agency["name"]))


async def show_agency(request: Any, datasette: Any) -> Any:
    """Show an agency; the first page also has its counts, months and tags, further ones (after=) are a list."""
    run, slug = build_query_runner(datasette), request.url_vars["slug"]
    agency = await find_agency(run, slug)
    if agency is None:
        raise NotFound(f"no agency {slug}")
    try:
        after = parse_list_cursor(request.args)
        size = LIST_PAGE_SIZE if after else LIST_PAGE_SIZE // 2
        releases = await read_release_list(run, ReleaseListQuery(agency=slug, after=after, size=size))
    except FilterError as error:
        return await render_error(datasette, request, None, 400, error.text_key, **error.text_values)
    context: dict[str, Any] = {
        "agency": agency,
        "releases": releases,
        "after": after,
        "hidden_fields": [("agency", slug)],  # of the search form
    }
    if not after:
        calendar = await read_calendar(run, slug)
        context |= {
            "calendar": calendar,
            "record": await read_agency_summary(run, slug),
            "tags": await read_agency_tags(run, slug, MAX_AGENCY_TAGS),
            "open_years": EXPANDED_YEARS,
        }
    return Response.html(await datasette.render_template("agency.html", context, request=request))


async def show_month(request: Any, datasette: Any) -> Any:
    """Show a page of a month's releases, newest first, with links to the months around it; 404 if it has none."""
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
        releases = await read_release_list(
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
        "releases": releases,
        "after": after,
        "calendar": calendar,
        "count": calendar.count_month(month),
        "year": find_calendar_year(calendar, month),
    }
    page = await datasette.render_template("month.html", context, request=request)
    return Response.html(page, status=200 if context["count"] else 404)


def find_calendar_year(calendar: ReleaseCalendar, month: str) -> YearCounts | None:
    return next((year for year in calendar.years if year.year == month[:4]), None)


async def show_tag(request: Any, datasette: Any) -> Any:
    """Show a tag by its number, which is its permanent URL; redirect from its name."""
    run, name = build_query_runner(datasette), unquote(request.url_vars["name"])
    tag = await find_tag(run, name)
    if tag is None:
        raise NotFound(f"no tag {name}")
    if name != str(tag["id"]):
        path = datasette.urls.path(f"/tag/{tag['id']}")
        return Response.redirect(add_query(path, lang=request.args.get("lang")))
    try:
        after = parse_list_cursor(request.args)
        releases = await read_release_list(run, ReleaseListQuery(tag=tag["id"], after=after))
    except FilterError as error:
        return await render_error(datasette, request, None, 400, error.text_key, **error.text_values)
    agencies = await read_tag_agencies(run, tag["id"])
    context = {
        "tag": tag,
        "releases": releases,
        "after": after,
        "agencies": agencies,
        "count": sum(row["n"] for row in agencies),
    }
    return Response.html(await datasette.render_template("tag.html", context, request=request))


async def show_about(request: Any, datasette: Any) -> Any:
    """Show /about; the contact is the metadata's `about` and `about_url`, which the operator fills in."""
    agencies = await read_agency_overview(build_query_runner(datasette))
    minimums = [importance for importance, _, _ in IMPORTANCE_LEVELS]  # the highest first
    context = {
        "releases": sum(agency["releases"] for agency in agencies),
        "agencies_with_releases": sum(1 for agency in agencies if agency["releases"]),
        "last_crawled": find_last_crawl(agencies),
        "importance_levels": list(zip(minimums, [100, *(minimum - 1 for minimum in minimums)], strict=False)),
        "contact": datasette.metadata("about"),
        "contact_url": datasette.metadata("about_url"),
    }
    return Response.html(await datasette.render_template("about.html", context, request=request))


async def show_help(request: Any, datasette: Any) -> Any:
    """Show /help: how to search (the query language by example), read and follow releases."""
    context = {"month": await find_newest_month(build_query_runner(datasette))}
    return Response.html(await datasette.render_template("help.html", context, request=request))


@hookimpl(hookwrapper=True)
def handle_exception(datasette: Any, request: Any, exception: Exception) -> Generator[None, Any, None]:
    """Replace Datasette's response for NotFound, which prints a traceback for every mistyped URL."""

    async def show() -> Any:
        page = await datasette.render_template("not_found.html", {}, request=request)
        return Response.html(page, status=404)

    outcome = yield
    if isinstance(exception, NotFound) and not has_data_format(request.path):
        outcome.force_result([show])
