"""/: latest changes and removals, new releases, and example searches. /tools: the list of tools."""

from __future__ import annotations

from typing import Any

from datasette import Response

from archive.changes.edits_and_removals import (
    Entry,
    RegisterQuery,
    read_first_crawl,
    read_latest_edits,
    read_removals_page,
)
from archive.database.sqlite_files import RunQuery
from archive.search.results import find_examples
from archive.search.search_request import build_search_url
from archive.views.agencies import find_last_crawl, read_agency_overview, sort_agencies
from archive.views.lists import read_release_list
from archive.web import SiteRequest, get_search_columns, site_view

MAX_INDEX_AGENCIES = 12  # agencies on the home page: those with the most releases
MAX_INDEX_CHANGES = 6  # edits and removals together
MAX_INDEX_REMOVALS = 3  # of them: a closed section of a website would hide all edits
MAX_INDEX_EXAMPLES = 2
MAX_INDEX_RELEASES = 6
STORED_SQL = """
    select (select count(distinct url) from attachment_versions) as stored_files,
      (select count(*) from revisions v cross join releases r
        on r.id = v.release and r.revision = v.id
        where v.cause = 'import' and r.checks = 0) as unchecked_imports
"""
LAST_ADDED_SQL = "select max(added) as added from releases"


TOOLS = {  # path → part of the keys of its texts
    "/-/check": "check",
    "/people": "people",
    "/-/over-time": "over_time",
    "/-/batch": "batch",
    "/data": "data",
}


@site_view("/")  # instead of Datasette's own index, whose JSON stays at /.json
async def _show_index(site: SiteRequest) -> Response:
    agencies = await read_agency_overview(site.run)
    with_releases = [agency for agency in agencies if agency["releases"]]
    largest = sorted(with_releases, key=lambda agency: -agency["releases"])[:MAX_INDEX_AGENCIES]
    newest = (await read_release_list(site.run, size=MAX_INDEX_RELEASES)).rows
    last_crawled = find_last_crawl(agencies)
    context = {
        "newest": newest,
        "changes": await _read_latest_changes(site.run),
        "examples": await _find_examples(site) if newest else [],
        "agencies": sort_agencies(largest),
        "agencies_with_releases": len(with_releases),
        "agency_count": len(agencies),
        "releases": sum(agency["releases"] for agency in agencies),
        "first_crawl": await read_first_crawl(site.run),
        "last_crawled": last_crawled,
        "last_added": None if last_crawled else (await site.run(LAST_ADDED_SQL, {}))[0]["added"],
        "month": next((row["published"][:7] for row in newest if row["published"]), None),
        "tools": TOOLS,
    }
    return await site.render("index.html", context)


async def _read_latest_changes(run: RunQuery) -> list[Entry]:
    """Return the latest edits and removals together, newest first.

    Only removals contain the key `confirmed`. Removals of releases that came back are left out.
    """
    edits = await read_latest_edits(run, MAX_INDEX_CHANGES)
    no_filters = dict.fromkeys(("agency", "kind", "tag", "back"))
    query = RegisterQuery(filters=no_filters, size=MAX_INDEX_REMOVALS)
    removals = await read_removals_page(run, query)
    entries = [*edits, *(dict(row) for row in removals.rows if not row["ended"])]
    entries.sort(key=lambda entry: entry.get("confirmed") or entry["seen"], reverse=True)
    return entries[:MAX_INDEX_CHANGES]


async def _find_examples(site: SiteRequest) -> list[dict[str, Any]]:
    """Return example searches that have results in this archive, each with its words, path and
    number of results.
    """
    names = {name: site.translate(f"search.field.{name}") for name in ("removed", "speaker", "tag")}
    examples = await find_examples(site.run, get_search_columns(site.datasette), names)
    return [
        {
            "text": example.request.text,
            "url": site.add_base_url(build_search_url(example.request, site.requested_language)),
            "count": example.count,
            "capped": example.capped,
        }
        for example in examples
        if example.request.text
    ][:MAX_INDEX_EXAMPLES]


@site_view("/tools")
async def _show_tools(site: SiteRequest) -> Response:
    return await site.render("tools.html", {"tools": TOOLS})
