"""/: the newest releases and edits; /about: what the archive has, and how it reads pages; /help."""

from __future__ import annotations

from datasette import Response

from archive.changes.edits_and_removals import read_latest_edits
from archive.i18n import IMPORTANCE_LEVELS
from archive.views.agencies import find_last_crawl, read_agency_overview, sort_agencies
from archive.views.lists import find_newest_month, read_release_list
from archive.web import SiteRequest, site_view
from archive.web.datasette_versions import read_instance_metadata

MAX_INDEX_AGENCIES = 12  # agencies on the home page: those with the most releases
MAX_INDEX_EDITS = 6
MAX_INDEX_RELEASES = 6
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


@site_view("/about")
async def _show_about(site: SiteRequest) -> Response:
    """Show /about. The contact is `about` and `about_url` in the metadata, set by the operator."""
    agencies = await read_agency_overview(site.run)
    metadata = await read_instance_metadata(site.datasette)
    minimums = [importance for importance, _, _ in IMPORTANCE_LEVELS]  # highest first
    stored = await site.run(
        """
        select (select count(distinct url) from attachment_versions) as stored_files,
          (select count(*) from revisions v join releases r on r.revision = v.id
            where v.cause = 'import' and r.checks = 0) as unchecked_imports
        """,
        {},
    )
    context = {
        "releases": sum(agency["releases"] for agency in agencies),
        "agencies_with_releases": sum(1 for agency in agencies if agency["releases"]),
        "last_crawled": find_last_crawl(agencies),
        "importance_levels": list(
            zip(minimums, [100, *(minimum - 1 for minimum in minimums)], strict=False)
        ),
        **dict(stored[0]),
        "contact": metadata.get("about"),
        "contact_url": metadata.get("about_url"),
    }
    return await site.render("about.html", context)


@site_view("/help")
async def _show_help(site: SiteRequest) -> Response:
    return await site.render("help.html", {"month": await find_newest_month(site.run)})
