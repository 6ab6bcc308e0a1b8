"""The pages around the releases.

- /: the home page: the newest releases and edits; /agencies: all agencies; /about and /help.
- /agency/<slug>: an agency's newest releases, its counts, months and tags.
- /tag/<number>: the newest releases with a tag, and the agencies that use it; /tag/<name> redirects there.
- /month/<yyyy-mm> and /agency/<slug>/<yyyy-mm>: the releases of a month; `undated` instead of a month lists releases
  without a publication date.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from datasette import NotFound, Response, hookimpl

from archive.changes.edits_and_removals import read_latest_edits
from archive.i18n import IMPORTANCE_LEVELS, swedish_sort_key
from archive.search.search_request import build_compare_url
from archive.urls import parse_number_parameter
from archive.web.charts import find_heat_level, list_heat_ranges
from archive.web.datasette_versions import read_instance_metadata
from archive.web.pages import (
    AGENCY_SQL,
    LIST_PAGE_SIZE,
    UNDATED,
    find_last_crawl,
    find_newest_month,
    find_tag,
    read_agency_overview,
    read_agency_summary,
    read_agency_tags,
    read_calendar,
    read_release_list,
    read_tag_agencies,
)
from archive.web.requests import SiteRequest, site_view

AGENCY_PATH = r"/agency/(?P<slug>[a-z0-9-]+)"
MONTH_SUFFIX = r"/(?P<month>[0-9]{4}-(?:0[1-9]|1[0-2])|undated)$"
MAX_INDEX_AGENCIES = 12  # agencies on the home page: those with the most releases
MAX_INDEX_EDITS = 6
MAX_INDEX_RELEASES = 6
MAX_AGENCY_TAGS = 16
STORED_SQL = """
    select (select count(distinct url) from attachment_versions) as stored_files,
      (select count(*) from revisions v join releases r on r.revision = v.id
        where v.cause = 'import' and r.checks = 0) as unchecked_imports
"""
LAST_ADDED_SQL = "select max(first_seen) as first_seen from releases"


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [
        (r"/$", show_index),  # instead of Datasette's own index, whose JSON stays at /.json
        (r"/agencies$", show_agencies),
        (AGENCY_PATH + "$", show_agency),
        (AGENCY_PATH + MONTH_SUFFIX, show_month),
        ("/month" + MONTH_SUFFIX, show_month),
        (r"/tag/(?P<name>.+)$", show_tag),  # a tag may contain slashes
        ("/about$", show_about),
        ("/help$", show_help),
    ]


@site_view()
async def show_index(site: SiteRequest) -> Response:
    agencies = await read_agency_overview(site.run)
    with_releases = [agency for agency in agencies if agency["releases"]]
    largest = sorted(with_releases, key=lambda agency: -agency["releases"])[:MAX_INDEX_AGENCIES]
    newest = (await read_release_list(site.run, size=MAX_INDEX_RELEASES)).rows
    last_crawled = find_last_crawl(agencies)
    context = {
        "newest": newest,
        "edits": await read_latest_edits(site.run, MAX_INDEX_EDITS),
        "agencies": sort_agencies(largest),
        "agencies_with_releases": len(with_releases),
        "agency_count": len(agencies),
        "releases": sum(agency["releases"] for agency in agencies),
        "last_crawled": last_crawled,
        "last_added": None if last_crawled else (await site.run(LAST_ADDED_SQL, {}))[0]["first_seen"],
        "month": next((row["published"][:7] for row in newest if row["published"]), None),
    }
    return await site.render("index.html", context)


@site_view()
async def show_agencies(site: SiteRequest) -> Response:
    agencies = await read_agency_overview(site.run)
    context = {
        "agencies_with_releases": sort_agencies(agency for agency in agencies if agency["releases"]),
        "agencies_without_releases": sort_agencies(agency for agency in agencies if not agency["releases"]),
    }
    return await site.render("agencies.html", context)


def sort_agencies(agencies: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(agencies, key=lambda agency: swedish_sort_key(agency["name"]))


async def find_requested_agency(site: SiteRequest) -> dict[str, Any]:
    """Return the agency in the path; raise NotFound if there is none."""
    rows = await site.run(AGENCY_SQL, {"agency": site.url_vars["slug"]})
    if not rows:
        raise NotFound(f"no agency {site.url_vars['slug']}")
    return dict(rows[0])


@site_view("after")
async def show_agency(site: SiteRequest) -> Response:
    """Show an agency. The first page also has its counts, months and tags; later pages (after=) are only a list."""
    agency = await find_requested_agency(site)
    slug, after = agency["slug"], parse_number_parameter(site.args, "after")
    size = LIST_PAGE_SIZE if after else LIST_PAGE_SIZE // 2
    context: dict[str, Any] = {
        "agency": agency,
        "releases": await read_release_list(site.run, agency=slug, after=after, size=size),
        "after": after,
        "hidden_fields": [("agency", slug)],  # for the search form
    }
    if not after:
        context |= {
            "calendar": await read_calendar(site.run, slug),
            "record": await read_agency_summary(site.run, slug),
            "tags": await read_agency_tags(site.run, slug, MAX_AGENCY_TAGS),
            "find_heat_level": find_heat_level,
            "list_heat_ranges": list_heat_ranges,
            "compare_url": site.datasette.urls.path(build_compare_url([], [slug], site.requested_language)),
        }
    return await site.render("agency.html", context)


@site_view("after")
async def show_month(site: SiteRequest) -> Response:
    """Show a page of a month's releases, newest first, with links to adjacent months; 404 if it has none."""
    slug, month = site.url_vars.get("slug"), site.url_vars["month"]
    agency = await find_requested_agency(site) if slug else None
    after, undated = parse_number_parameter(site.args, "after"), month == UNDATED
    releases = await read_release_list(site.run, agency=slug, month=month, after=after)
    calendar = await read_calendar(site.run, slug)
    count = calendar.undated if undated else calendar.months.get(month, 0)
    context = {
        "agency": agency,
        "month": month,
        "undated": undated,
        "base": f"/agency/{slug}" if slug else "/month",
        "releases": releases,
        "after": after,
        "calendar": calendar,
        "count": count,
        "year": next((year for year in calendar.years if year.year == month[:4]), None),
        "earlier": None if undated else max((each for each in calendar.months if each < month), default=None),
        "later": None if undated else min((each for each in calendar.months if each > month), default=None),
    }
    return await site.render("month.html", context, status=200 if count else 404)


@site_view("after")
async def show_tag(site: SiteRequest) -> Response:
    """Show a tag by its number, which is its permanent URL; redirect from its name."""
    name = unquote(site.url_vars["name"])
    tag = await find_tag(site.run, name)
    if tag is None:
        raise NotFound(f"no tag {name}")
    if name != str(tag["id"]):
        return Response.redirect(site.path(f"/tag/{tag['id']}"))
    after = parse_number_parameter(site.args, "after")
    releases = await read_release_list(site.run, tag=tag["id"], after=after)
    agencies = await read_tag_agencies(site.run, tag["id"])
    context = {
        "tag": tag,
        "releases": releases,
        "after": after,
        "agencies": agencies,
        "count": sum(row["n"] for row in agencies),
    }
    return await site.render("tag.html", context)


@site_view()
async def show_about(site: SiteRequest) -> Response:
    """Show /about. The contact is `about` and `about_url` in the metadata, set by the operator."""
    agencies = await read_agency_overview(site.run)
    metadata = await read_instance_metadata(site.datasette)
    minimums = [importance for importance, _, _ in IMPORTANCE_LEVELS]  # highest first
    context = {
        "releases": sum(agency["releases"] for agency in agencies),
        "agencies_with_releases": sum(1 for agency in agencies if agency["releases"]),
        "last_crawled": find_last_crawl(agencies),
        "importance_levels": list(zip(minimums, [100, *(minimum - 1 for minimum in minimums)], strict=False)),
        **dict((await site.run(STORED_SQL, {}))[0]),
        "contact": metadata.get("about"),
        "contact_url": metadata.get("about_url"),
    }
    return await site.render("about.html", context)


@site_view()
async def show_help(site: SiteRequest) -> Response:
    return await site.render("help.html", {"month": await find_newest_month(site.run)})
