"""/about: what the archive is and how it reads pages. /help: how to search."""

from __future__ import annotations

from datasette import Response

from archive.i18n import IMPORTANCE_LEVELS
from archive.views.agencies import find_last_crawl, read_agency_overview
from archive.views.front_page import STORED_SQL
from archive.views.lists import find_newest_month
from archive.web import SiteRequest, site_view
from archive.web.datasette_versions import read_instance_metadata


@site_view("/about")
async def _show_about(site: SiteRequest) -> Response:
    """Show /about, with the contact from the operator's metadata (`about` and `about_url`)."""
    agencies = await read_agency_overview(site.run)
    metadata = await read_instance_metadata(site.datasette)
    minimums = [importance for importance, _, _ in IMPORTANCE_LEVELS]  # highest first
    context = {
        "releases": sum(agency["releases"] for agency in agencies),
        "agencies_with_releases": sum(1 for agency in agencies if agency["releases"]),
        "last_crawled": find_last_crawl(agencies),
        "importance_levels": list(
            zip(minimums, [100, *(minimum - 1 for minimum in minimums)], strict=False)
        ),
        **dict((await site.run(STORED_SQL, {}))[0]),
        "contact": metadata.get("about"),
        "contact_url": metadata.get("about_url"),
    }
    return await site.render("about.html", context)


@site_view("/help")
async def _show_help(site: SiteRequest) -> Response:
    return await site.render("help.html", {"month": await find_newest_month(site.run)})
