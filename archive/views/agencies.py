"""/agencies: all agencies. /agency/<slug>: an agency's releases, counts, months and tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from datasette import Response

from archive.changes.edits_and_removals import build_file_edits_sql, read_first_crawl
from archive.changes.history import read_knowledge
from archive.database.sqlite_files import RunQuery
from archive.i18n import swedish_sort_key
from archive.search.search_request import build_over_time_url
from archive.times import to_iso
from archive.urls import FilterError, parse_number_parameter
from archive.views.lists import (
    LIST_PAGE_SIZE,
    find_requested_agency,
    read_calendar,
    read_release_list,
)
from archive.web import SiteRequest, site_view

MAX_AGENCY_TAGS = 16
# agencies and tags
AGENCY_LIST_SQL = """
    select a.slug, a.name, a.name_en, a.home, a.survey_tried, a.survey_verdict, a.survey_judged,
      a.survey_right, a.survey_seen, coalesce(m.releases, 0) as releases,
      (select c.finished from crawls c where c.agency = a.slug and c.finished is not null
        order by c.started desc limit 1) as crawled
    from agencies a left join month_counts m on m.agency = a.slug and m.month = ''
"""
AGENCY_TAGS_SQL = """
    select t.id, t.name, c.releases as n from tag_counts c join tags t on t.id = c.tag
    where c.agency = :agency order by n desc, t.name limit :tags
"""
EDIT_COUNTS_SQL = """
    select ifnull(sum(edits), 0) as edits, ifnull(sum(unannounced), 0) as unannounced_edits
    from edit_counts where agency = :agency
"""
# an agency may have many releases, but removals are few
REMOVAL_COUNT_SQL = """
    select count(*) as n from removals o where o.confirmed is not null
      and o.confirmed is not o.ended and o.kind <> 'moved'
      and (select agency from releases where id = o.release) = :agency
"""


@site_view("/agencies")
async def _show_agencies(site: SiteRequest) -> Response:
    agencies = await read_agency_overview(site.run)
    context = {
        "agencies_with_releases": sort_agencies(
            agency for agency in agencies if agency["releases"]
        ),
        "agencies_without_releases": sort_agencies(
            agency for agency in agencies if not agency["releases"]
        ),
        "are_surveyed": any(agency["survey_tried"] for agency in agencies),
    }
    return await site.render("agencies.html", context)


def sort_agencies(agencies: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(agencies, key=lambda agency: swedish_sort_key(agency["name"]))


@site_view("/agency/{slug}", parameters=("after",))
async def _show_agency(site: SiteRequest) -> Response:
    """Show the page of an agency.

    The first page also shows the agency's counts, months and tags. Later pages (with the parameter
    `after`) list only releases.
    """
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
            "over_time_url": site.add_base_url(
                build_over_time_url([], [slug], site.requested_language)
            ),
        }
    return await site.render("agency.html", context)


async def read_agency_overview(run: RunQuery) -> list[dict[str, Any]]:
    """Return all agencies, each with its number of releases and the time at which its last crawl
    ended.
    """
    return [dict(row) for row in await run(AGENCY_LIST_SQL, {})]


def find_agency_slug(agencies: Mapping[str, Mapping[str, Any]], name: str) -> str:
    """Return the slug of the agency that has the given slug or name.

    Raises FilterError if there is no such agency.
    """
    folded = swedish_sort_key(name)
    for slug, row in agencies.items():
        if name == slug or folded in (
            swedish_sort_key(row["name"]),
            swedish_sort_key(row["name_en"] or ""),
        ):
            return slug
    raise FilterError(
        "agency", name, "the slug or name of an agency", text_key="error.no_agency_value"
    )


def find_last_crawl(agencies: Iterable[dict[str, Any]]) -> str | None:
    return max((agency["crawled"] for agency in agencies if agency["crawled"]), default=None)


async def read_agency_summary(run: RunQuery, slug: str) -> dict[str, Any]:
    """Return the numbers of an agency's edits and removals, and facts about its crawls.

    The numbers agree with the lists of edits and removals.
    """
    values = {"agency": slug}
    counts = (await run(EDIT_COUNTS_SQL, values))[0]
    files = await run(f"select count(*) as n from ({build_file_edits_sql(values)})", values)
    last = await run(
        """
        select spider, started, finished, reason, errors, rejected from crawls
        where agency = :agency and finished is not null order by started desc limit 1
        """,
        values,
    )
    return {
        "edits": counts["edits"] + files[0]["n"],
        "unannounced_edits": counts["unannounced_edits"],
        "removals": (await run(REMOVAL_COUNT_SQL, values))[0]["n"],
        **await read_knowledge(run, slug),
        "last_crawl": last[0] if last else None,
        "first_crawl_day": to_iso(await read_first_crawl(run, slug)),
    }


async def read_agency_tags(run: RunQuery, slug: str, limit: int) -> list[Any]:
    return list(await run(AGENCY_TAGS_SQL, {"agency": slug, "tags": limit}))
