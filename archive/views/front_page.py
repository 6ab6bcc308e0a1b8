"""/: the newest releases and edits, and what the archive has."""

from __future__ import annotations

from datasette import Response

from archive.changes.edits_and_removals import read_latest_edits
from archive.views.agencies import find_last_crawl, read_agency_overview, sort_agencies
from archive.views.lists import read_release_list
from archive.web import SiteRequest, site_view

MAX_INDEX_AGENCIES = 12  # agencies on the home page: those with the most releases
MAX_INDEX_EDITS = 6
MAX_INDEX_RELEASES = 6
STORED_SQL = """
    select (select count(distinct url) from attachment_versions) as stored_files,
      (select count(*) from revisions v cross join releases r
        on r.id = v.release and r.revision = v.id
        where v.cause = 'import' and r.checks = 0) as unchecked_imports
"""
LAST_ADDED_SQL = "select max(added) as added from releases"


@site_view("/")  # instead of Datasette's own index, whose JSON stays at /.json
async def _show_index(site: SiteRequest) -> Response:
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
        "last_added": None if last_crawled else (await site.run(LAST_ADDED_SQL, {}))[0]["added"],
        "month": next((row["published"][:7] for row in newest if row["published"]), None),
    }
    return await site.render("index.html", context)
