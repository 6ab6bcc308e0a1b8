"""Health and coverage of the agencies.

- /-/status (.json, .csv, and .atom for changes) and /-/status/<slug>: how each agency's crawls are
    going, and how polite they are to the agency's server.
- /-/coverage (.json, .csv; ?agency= for a single agency): which releases the sources list, and
  which of these are missing from the archive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from datasette import NotFound, Response
from markupsafe import Markup

from archive.database.sqlite_files import take_page
from archive.health.coverage import (
    describe_source_problem,
    read_agency_coverage,
    read_coverage_overview,
)
from archive.health.health_report import (
    STRIP_DAYS,
    AgencyHealth,
    build_politeness_report,
    format_decimal,
    format_health_reason,
    format_health_state,
    format_size,
    format_swedish_day,
    is_overdue,
    read_agency_health,
    read_daily_states,
    read_health_events,
)
from archive.health.metrics import TRACKED_FIELDS
from archive.i18n import SWEDISH_TIME, translate
from archive.times import now
from archive.urls import LIST_PARAMETERS, parse_number_parameter
from archive.web import (
    FIELDS,
    AtomEntry,
    DataList,
    Operation,
    SiteRequest,
    build_tag_uri,
    get_fields,
    site_view,
)
from archive.web.charts import STRIP_BARS, draw_strip

STATUS_PATH = "/-/status"
MAX_UNGROUPED_FAULTS = 40  # with more faults, agencies with the same state and reason are grouped
EVENTS_PAGE_SIZE = 50  # events on a page of the feed
FACT_COLUMNS = (
    "stored",
    "listed",
    "already_stored",
    "found",
    "rejected",
    "quarantined",
    "crawled",
    "worked",
)
POLITENESS_COLUMNS = ("requests", "bytes", "not_modified", "robots", "delay")
STATUS_COLUMNS = (
    *("agency", "agency_name", "state", "since", "code", "why", "red", "acknowledged", "newest"),
    *("usual_gap", "expected", "judged", *FACT_COLUMNS, *POLITENESS_COLUMNS),
    *(f"{name}_told" for name in TRACKED_FIELDS),
    "page",
)
COVERAGE_PATH = "/-/coverage"
MISSING_PAGE_SIZE = 50
MAX_MISSING_PAGE_SIZE = 1000  # missing releases on a page of JSON
COVERAGE_COUNTS = ("listed", "stored", "rejected", "missing", "unlisted")
PROBLEM_COLUMNS = ("problem", "problem_code", "problem_url", "problem_value")
OVERVIEW_COLUMNS = (
    "agency",
    "agency_name",
    *COVERAGE_COUNTS,
    "complete",
    *PROBLEM_COLUMNS,
    "checked",
    "page",
)
MONTH_COLUMNS = ("agency", "month", *COVERAGE_COUNTS)
COVERAGE_TYPES = get_fields(*COVERAGE_COUNTS, "complete", *PROBLEM_COLUMNS, "checked")


@site_view(
    STATUS_PATH,
    parameters=("after",),
    operation=Operation(
        formats=("json", "csv", "atom"),
        summary="The health of each agency's crawls, and the reason. The Atom feed has the changes",
        rows_name="agencies",
        row=get_fields(
            *STATUS_COLUMNS,
            **dict.fromkeys(("since", "acknowledged", "judged", "crawled", "worked"), "time?"),
            expected="day? By when the next release is expected",
            **dict.fromkeys(
                ("already_stored", "found", "quarantined", "requests", "bytes", "not_modified"),
                "int?",
            ),
            **{
                f"{name}_told": f"int? Releases of the last crawl that state {name}"
                for name in TRACKED_FIELDS
            },
            state="str suspect, failing, never worked, quiet, healthy or paused",
            code="str The reason as a code",
            why="str The reason, in the language of the request",
            red="bool Whether it is a fault that nobody has acknowledged",
            newest="str? Publication of the newest release",
            usual_gap="num? Usual days between two releases",
            robots="str?",
            delay="num? Seconds between two requests",
            reason="map",
            failures="map Failed requests by kind",
            field_fill="map",
        ),
        members={
            "judged": "time? When health was last assessed",
            "red": "int Faults that nobody has acknowledged",
        },
    ),
)
async def _show_status(site: SiteRequest) -> Response | DataList:
    if site.format_name == "atom":
        return await _list_status_changes(site)
    rows = await read_agency_health(site.run, site.language)
    assessed_at = max((row["judged"] for row in rows if row["judged"]), default=None)
    if site.format_name:
        return DataList(
            title=site.translate("site.status"),
            rows=[_format_status_row(site, row) for row in rows],
            members={
                "judged": assessed_at,
                "red": sum(row["is_unacknowledged"] for row in rows),
            },
        )
    days = await read_daily_states(site.run, rows, now().astimezone(SWEDISH_TIME).date())
    context = {
        "show_strip": lambda row: _draw_agency_strip(
            site.language, tuple(days.get(row["agency"], ()))
        ),
        "strip_days": STRIP_DAYS,
        "strip_bars": STRIP_BARS,
        "has_strips": any(map(any, days.values())),
        **_group_agencies(rows),
        "assessed_at": assessed_at,
        "overdue": assessed_at is not None and is_overdue(assessed_at),
        "politeness": build_politeness_report(rows),
        **_build_status_formatters(site.language),
    }
    return await site.render("status.html", context)


def _group_agencies(rows: Sequence[AgencyHealth]) -> dict[str, Any]:
    """Return template variables with the agencies grouped by state, and the numbers of faults."""
    faults = [row for row in rows if row["is_fault"]]
    unacknowledged = sum(row["is_unacknowledged"] for row in rows)
    by_state: dict[str, list[AgencyHealth]] = {"quiet": [], "healthy": [], "paused": []}
    for row in rows:
        if row["state"] in by_state:
            by_state[row["state"]].append(row)
    return {
        "faults": faults,
        "assessed": [row for row in rows if row["facts"]],
        "unacknowledged": unacknowledged,
        "acknowledged": len(faults) - unacknowledged,
        "groups": _group_faults(faults) if len(faults) > MAX_UNGROUPED_FAULTS else None,
        **by_state,
        "never_crawled": [row for row in rows if row["never_crawled"] and row["state"] != "paused"],
    }


@lru_cache(maxsize=1024)  # most agencies have the same
def _draw_agency_strip(language: str, days: tuple[str, ...]) -> Markup:
    """Draw the state of an agency on each day.

    The title contains the number of days with an assessment, and the number of days with a fault.

    Returns "" if the agency was not assessed on any of the days.
    """
    counts = Counter(filter(None, days))
    if not counts:
        return Markup()
    known = sum(counts.values())
    title = translate(language, "status.strip_title", n=known, faults=counts["fault"])
    return draw_strip(days, title)


def _group_faults(faults: Sequence[AgencyHealth]) -> list[list[AgencyHealth]]:
    """Group faults by state and reason.

    Groups with unacknowledged faults come first, then the largest groups.
    """
    groups: dict[tuple[bool, str, str], list[AgencyHealth]] = {}
    for row in faults:
        groups.setdefault(
            (row["is_unacknowledged"], row["state_text"], row["fault_text"]), []
        ).append(row)
    return sorted(
        groups.values(), key=lambda group: (not group[0]["is_unacknowledged"], -len(group))
    )


@site_view(STATUS_PATH + "/{slug}")
async def _show_agency_status(site: SiteRequest) -> Response:
    slug = site.url_vars["slug"]
    rows = await read_agency_health(site.run, site.language, slug)
    if not rows:
        raise NotFound(f"no agency {slug}")
    events = await read_health_events(site.run, agency=slug, limit=EVENTS_PAGE_SIZE)
    context = {
        "row": rows[0],
        "events": [event | _describe_health_event(site.language, event) for event in events],
        "fault_counts": sorted(
            rows[0]["facts"].get("failures", {}).items(), key=lambda pair: (-pair[1], pair[0])
        ),
        **_build_status_formatters(site.language),
    }
    return await site.render("status_agency.html", context)


def _build_status_formatters(language: str) -> dict[str, Any]:
    return {
        "format_swedish_day": partial(format_swedish_day, language),
        "format_size": partial(format_size, language),
        "format_decimal": partial(format_decimal, language),
    }


def _describe_health_event(language: str, event: dict[str, Any]) -> dict[str, str]:
    return {
        "state_text": format_health_state(language, event["state"]),
        "reason_text": format_health_reason(language, event["reason"]),
    }


def _format_status_row(site: SiteRequest, row: AgencyHealth) -> dict[str, Any]:
    """Format the health of an agency as a row of data.

    Two of the row's values are nested: failures by type, and fill rates by field.
    """
    facts = row["facts"]
    politeness, field_fill = facts.get("politeness", {}), facts.get("field_fill", {})
    return {
        **row,
        **{name: facts.get(name) for name in FACT_COLUMNS},
        **{name: politeness.get(name) for name in POLITENESS_COLUMNS},
        **{f"{name}_told": field_fill.get(name, [None])[0] for name in TRACKED_FIELDS},
        "agency_name": row["name"],
        "code": row["reason"]["code"],
        "why": row["reason_text"],
        "red": row["is_unacknowledged"],
        "failures": facts.get("failures", {}),
        "field_fill": field_fill,
        "page": site.local_url(f"{STATUS_PATH}/{row['agency']}"),
    }


async def _list_status_changes(site: SiteRequest) -> DataList:
    """Return, for an Atom feed, each change of an agency's state to or from a fault."""
    before = parse_number_parameter(site.args, "after")
    events = await read_health_events(site.run, before=before, limit=EVENTS_PAGE_SIZE + 1)
    page, next_cursor = take_page(events, EVENTS_PAGE_SIZE)
    return DataList(
        name="changes",
        title=site.translate("feed.status"),
        next_url=site.next_url(after=next_cursor),
        rows=page,
        read_entries=lambda: [_build_status_entry(site, event) for event in page],
    )


def _build_status_entry(site: SiteRequest, event: dict[str, Any]) -> AtomEntry:
    page, change = (
        site.local_url(f"{STATUS_PATH}/{event['agency']}"),
        _describe_health_event(site.language, event),
    )
    return AtomEntry(
        id=build_tag_uri(page, f"status-{event['id']}"),
        title=site.translate(
            "feed.status_change",
            agency=site.choose(event["name"], event["name_en"]),
            state=change["state_text"],
        ),
        language=site.language,
        published=event["at"],
        updated=event["at"],
        link=page,
        author=site.translate("site.name"),
        summary=change["reason_text"],
        categories=[event["state"]],
    )


@site_view(
    COVERAGE_PATH,
    parameters=("agency", *LIST_PARAMETERS),
    operation=Operation(
        formats=("json", "csv"),
        summary=(
            "What sources list compared with what is stored: of all agencies, or with agency= by"
            " month and source"
        ),
        members=get_fields("columns")
        | {
            "agencies?": [get_fields("agency", "agency_name", "page") | COVERAGE_TYPES],
            "months?": [get_fields(*MONTH_COLUMNS, month="str? = 2024-05")],
            "sources?": [
                COVERAGE_TYPES | {"source": "str", "kind": "str feed, sitemap, listing …"}
            ],
            "missing_releases?": ["map"],
            **{
                f"{name}?": FIELDS[name]
                for name in ("agency", "agency_name", "checked", "complete", *PROBLEM_COLUMNS)
            },
        },
    ),
)
async def _show_coverage(site: SiteRequest) -> Response | DataList:
    agency, after = site.args.get("agency") or None, parse_number_parameter(site.args, "after")
    size = parse_number_parameter(site.args, "size", MAX_MISSING_PAGE_SIZE) or MISSING_PAGE_SIZE
    if agency:
        coverage = await read_agency_coverage(site.run, agency, after, size)
        if site.format_name:
            return _list_months(site, coverage)
        context: dict[str, Any] = {
            "coverage": coverage,
            "row": coverage["agency"],
            "after": after,
            "describe_source_problem": partial(describe_source_problem, site.language),
        }
        return await site.render("coverage_agency.html", context)
    rows = await read_coverage_overview(site.run, site.language)
    if site.format_name:
        return _list_agencies(site, rows)
    return await site.render("coverage.html", _build_overview_context(rows))


def _build_overview_context(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return template variables: the agencies, grouped by the completeness of their coverage, and
    totals.
    """
    checked = [row for row in rows if row["checked"]]
    groups: dict[str, Any] = {"agencies_with_missing": [], "incomplete": [], "complete": []}
    for row in checked:
        if row["missing"]:
            groups["agencies_with_missing"].append(row)
        else:
            groups["complete" if row["complete"] else "incomplete"].append(row)
    return groups | {
        "never_audited": len(rows) - len(checked),
        "missing": sum(row["missing"] for row in checked),
        "listed": sum(row["listed"] for row in checked),
        "unlisted": sum(row["unlisted"] or 0 for row in checked),
        "audited_at": max((row["checked"] for row in checked), default=None),
    }


def _list_agencies(site: SiteRequest, rows: Sequence[dict[str, Any]]) -> DataList:
    values = [
        {name: row[name] for name in OVERVIEW_COLUMNS if name in row}
        | {
            "agency_name": row["name"],
            **_format_completeness(row),
            "page": site.local_url(COVERAGE_PATH, agency=row["agency"]),
        }
        for row in rows
    ]
    return DataList(
        name="agencies",
        title=site.translate("site.coverage"),
        rows=values,
        columns=OVERVIEW_COLUMNS,
        members={"columns": _describe_coverage_columns(site)},
    )


def _list_months(site: SiteRequest, coverage: Mapping[str, Any]) -> DataList:
    """Return an agency's coverage as data, with a row for each month.

    JSON also contains the agency's sources and a page of its missing releases. `next_url` leads to
    the next page of missing releases.
    """
    row = coverage["agency"]
    next_cursor = coverage["next_cursor"] if site.format_name == "json" else None
    return DataList(
        name="months",
        title=site.translate("site.coverage"),
        next_url=site.next_url(after=next_cursor),
        rows=[{"agency": row["agency"], **month} for month in coverage["months"]],
        columns=MONTH_COLUMNS,
        members={
            "agency": row["agency"],
            "agency_name": row["name"],
            "checked": row["checked"],
            **_format_completeness(row),
            "sources": [source | _format_completeness(source) for source in coverage["sources"]],
            "missing_releases": coverage["missing_releases"],
            "columns": _describe_coverage_columns(site),
        },
    )


def _describe_coverage_columns(site: SiteRequest) -> dict[str, str]:
    """Return a description of each column that contains counts, by the column's name.

    `listed` is the sum of `stored`, `rejected` and `missing`.
    """
    return {name: site.translate(f"coverage.meaning.{name}") for name in COVERAGE_COUNTS}


def _format_completeness(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return whether all sources were read to their end and, if not, the first problem.

    The problem is given in English and as a code. `complete` is None if no source was read.
    """
    is_complete = None if row["complete"] is None else bool(row["complete"])
    problem = {name: row[name] for name in PROBLEM_COLUMNS[1:]}
    return {"complete": is_complete, "problem": describe_source_problem("en", row), **problem}
