"""Health and coverage of the agencies.

- /-/status (.json, .csv, and .atom for changes) and /-/status/<slug>: how each agency's crawls fare, and how
  considerate they are of the agency's server.
- /-/coverage (.json, .csv; ?agency= for one): what the sources list and which releases are missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from datasette import NotFound, Response, hookimpl

from archive.coverage import (
    AgencyCoverage,
    CoverageQuery,
    parse_coverage_query,
    read_agency_coverage,
    read_coverage_overview,
)
from archive.dates import now
from archive.health.metrics import TRACKED_FIELDS
from archive.health.report import (
    AgencyHealth,
    build_politeness_report,
    find_last_assessment,
    format_decimal,
    format_failure,
    format_field_label,
    format_health_reason,
    format_health_state,
    format_robots_outcome,
    format_size,
    format_swedish_day,
    is_assessment_overdue,
    read_agency_health,
    read_health_events,
)
from archive.i18n import LANGUAGES, translate
from archive.params import FilterError, parse_number_parameter
from archive.web.responses import (
    FORMAT_SUFFIX,
    AtomEntry,
    DataDocument,
    build_absolute_url,
    build_query_runner,
    build_tag_uri,
    choose_translation,
    get_request_language,
    keep_requested_language,
    render_document,
    render_error,
    render_query_errors,
)

STATUS_PATH = "/-/status"
MAX_UNGROUPED_FAULTS = 40  # above it, agencies with the same state and reason are grouped
EVENTS_PAGE_SIZE = 50  # events of one page of the feed
STATUS_COLUMNS = (
    *("agency", "agency_name", "state", "since", "code", "why", "red", "acknowledged", "newest", "usual_gap"),
    *(
        "expected",
        "judged",
        "stored",
        "listed",
        "already_stored",
        "found",
        "rejected",
        "quarantined",
        "crawled",
        "worked",
    ),
    *("requests", "bytes", "not_modified", "robots", "delay", *(f"{name}_told" for name in TRACKED_FIELDS), "page"),
)
STATUS_ATTRIBUTES = {"why": "reason_text", "red": "is_unacknowledged"}  # column → attribute of AgencyHealth
COVERAGE_PATH = "/-/coverage"
COVERAGE_FORMAT_SUFFIX = r"(?:\.(?P<format>json|csv))?$"
COVERAGE_COUNTS = {  # column → text that says what it counts
    "listed": "listed_means",
    "stored": "stored_means",
    "rejected": "rejected_means",
    "missing": "missing_means",
    "unlisted": "unlisted_means",
}
OVERVIEW_COLUMNS = ("agency", "agency_name", *COVERAGE_COUNTS, "complete", "problem", "checked", "page")
MONTH_COLUMNS = ("agency", "month", *COVERAGE_COUNTS)


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [
        (STATUS_PATH + FORMAT_SUFFIX, show_status),
        (STATUS_PATH + r"/(?P<slug>[a-z0-9-]+)$", show_agency_status),
        (COVERAGE_PATH + COVERAGE_FORMAT_SUFFIX, show_coverage),
    ]


async def show_status(request: Any, datasette: Any) -> Any:
    """Show all agencies as a page or as data, or the changes of state as a feed."""
    format_name, lang, run = request.url_vars["format"], get_request_language(request), build_query_runner(datasette)
    if format_name == "atom":
        return await show_status_feed(request, datasette)
    rows = await read_agency_health(run, lang)
    if format_name:
        return await render_document(
            datasette, request, format_name, build_status_document(datasette, request, rows), lang
        )
    assessed_at = find_last_assessment(rows)
    faults = [row for row in rows if row.is_fault]
    context = {
        "faults": faults,
        "unacknowledged": sum(row.is_unacknowledged for row in rows),
        "acknowledged": sum(not row.is_unacknowledged for row in faults),
        "groups": group_faults(faults) if len(faults) > MAX_UNGROUPED_FAULTS else None,
        "quiet": [row for row in rows if row.state == "quiet"],
        "healthy": [row for row in rows if row.state == "healthy"],
        "paused": [row for row in rows if row.state == "paused"],
        "never_crawled": [row for row in rows if row.never_crawled and row.state != "paused"],
        "assessed_at": assessed_at,
        "overdue": is_assessment_overdue(assessed_at, now()),
        "politeness": build_politeness_report(rows),
        **build_status_formatters(lang),
    }
    return Response.html(await datasette.render_template("status.html", context, request=request))


def group_faults(faults: Sequence[AgencyHealth]) -> list[list[AgencyHealth]]:
    """Group faults by state and reason: unacknowledged ones first, then the largest groups."""
    groups: dict[tuple[bool, str, str], list[AgencyHealth]] = {}
    for row in faults:
        groups.setdefault((row.is_unacknowledged, row.state_text, row.fault_text), []).append(row)
    return sorted(groups.values(), key=lambda group: (not group[0].is_unacknowledged, -len(group)))


async def show_agency_status(request: Any, datasette: Any) -> Any:
    """Show one agency: what its assessment is based on, and how its state changed."""
    lang, run, slug = get_request_language(request), build_query_runner(datasette), request.url_vars["slug"]
    rows = await read_agency_health(run, lang, slug)
    if not rows:
        raise NotFound(f"no agency {slug}")
    events = await read_health_events(run, agency=slug, limit=EVENTS_PAGE_SIZE)
    context = {
        "row": rows[0],
        "events": [event | describe_health_event(lang, event) for event in events],
        "fault_counts": sorted(rows[0].facts.get("failures", {}).items(), key=lambda pair: (-pair[1], pair[0])),
        **build_status_formatters(lang),
    }
    return Response.html(await datasette.render_template("status_agency.html", context, request=request))


def build_status_formatters(language: str) -> dict[str, Any]:
    """Return the functions by which the status templates format numbers and kinds."""
    return {
        "format_swedish_day": partial(format_swedish_day, language),
        "format_failure": partial(format_failure, language),
        "format_field_label": partial(format_field_label, language),
        "format_robots_outcome": partial(format_robots_outcome, language),
        "format_size": partial(format_size, language),
        "format_decimal": partial(format_decimal, language),
    }


def describe_health_event(language: str, event: dict[str, Any]) -> dict[str, str]:
    """Return the state and the reason of a change as texts."""
    return {
        "state_text": format_health_state(language, event["state"]),
        "reason_text": format_health_reason(language, event["reason"]),
    }


def build_status_document(datasette: Any, request: Any, rows: Sequence[AgencyHealth]) -> DataDocument:
    """Build the status of all agencies as data."""
    format_name = request.url_vars["format"]

    return DataDocument(
        rows_name="agencies",
        title=translate(get_request_language(request), "status"),
        page_url=build_absolute_url(datasette, request, keep_requested_language(request, STATUS_PATH)),
        url=build_absolute_url(datasette, request, f"{STATUS_PATH}.{format_name}", lang=request.args.get("lang")),
        rows=[format_status_row(datasette, request, row) for row in rows],
        columns=STATUS_COLUMNS,
        extra_members={"judged": find_last_assessment(rows), "red": sum(row.is_unacknowledged for row in rows)},
    )


def format_status_row(datasette: Any, request: Any, row: AgencyHealth) -> dict[str, Any]:
    """Format one agency as data: flat, except for failures by kind and fill rates by field."""
    facts, politeness = row.facts, row.facts.get("politeness", {})
    attributes = {name: STATUS_ATTRIBUTES.get(name, name) for name in STATUS_COLUMNS}
    values = {name: getattr(row, attribute) for name, attribute in attributes.items() if hasattr(row, attribute)}
    values |= {
        name: facts.get(name)
        for name in ("stored", "listed", "already_stored", "found", "rejected", "quarantined", "crawled", "worked")
    }
    values |= {name: politeness.get(name) for name in ("requests", "bytes", "not_modified", "robots", "delay")}
    values |= {f"{name}_told": facts.get("field_fill", {}).get(name, [None])[0] for name in TRACKED_FIELDS}
    values |= {"agency_name": row.name, "code": row.reason["code"], "reason": row.reason}
    values |= {"failures": facts.get("failures", {}), "field_fill": facts.get("field_fill", {})}
    return values | {
        "page": build_absolute_url(datasette, request, keep_requested_language(request, f"{STATUS_PATH}/{row.agency}"))
    }


async def show_status_feed(request: Any, datasette: Any) -> Any:
    """Show the changes of state from or to a fault, as Atom."""
    lang, run = get_request_language(request), build_query_runner(datasette)
    try:
        before = parse_number_parameter(request.args, "after")
    except FilterError as error:
        return await render_error(datasette, request, "atom", 400, error.text_key, **error.text_values)
    events = await read_health_events(run, before=before, limit=EVENTS_PAGE_SIZE + 1)
    page, has_more = events[:EVENTS_PAGE_SIZE], len(events) > EVENTS_PAGE_SIZE
    build_url = partial(build_absolute_url, datasette, request, f"{STATUS_PATH}.atom", lang=request.args.get("lang"))

    async def read_entries() -> Sequence[AtomEntry]:
        return [build_status_entry(datasette, request, event, lang) for event in page]

    document = DataDocument(
        rows_name="changes",
        title=translate(lang, "status_atom"),
        page_url=build_absolute_url(datasette, request, keep_requested_language(request, STATUS_PATH)),
        url=build_url(after=before),
        next_url=build_url(after=page[-1]["id"]) if has_more else None,
        rows=page,
        columns=(),
        read_entries=read_entries,
    )
    return await render_document(datasette, request, "atom", document, lang)


def build_status_entry(datasette: Any, request: Any, event: dict[str, Any], language: str) -> AtomEntry:
    """Build the feed entry of a change of state."""
    page = build_absolute_url(datasette, request, keep_requested_language(request, f"{STATUS_PATH}/{event['agency']}"))
    name = choose_translation(language, event["name"], event["name_en"]) or event["agency"]
    change = describe_health_event(language, event)
    return AtomEntry(
        id=build_tag_uri(page, f"status-{event['id']}"),
        title=translate(language, "became", agency=name, state=change["state_text"]),
        language=language,
        published=event["at"],
        updated=event["at"],
        link=page,
        release_url=page,
        author=translate(language, "site"),
        summary=change["reason_text"],
        categories=[event["state"]],
    )


@render_query_errors
async def show_coverage(request: Any, datasette: Any) -> Any:
    """Show the coverage of all agencies or of one, as a page or as data."""
    format_name, lang, run = request.url_vars["format"], get_request_language(request), build_query_runner(datasette)
    query = parse_coverage_query(request.args)
    if query.agency:
        coverage = await read_agency_coverage(run, query)
        if format_name:
            document = build_agency_coverage_document(datasette, request, query, coverage)
            return await render_document(datasette, request, format_name, document, lang)
        context: dict[str, Any] = {"coverage": coverage, "row": coverage.agency, "after": query.after}
        return Response.html(await datasette.render_template("coverage_agency.html", context, request=request))
    rows = await read_coverage_overview(run, lang)
    if format_name:
        return await render_document(
            datasette, request, format_name, build_overview_document(datasette, request, rows), lang
        )
    checked = [row for row in rows if row["checked"]]
    context = {
        "agencies_with_missing": [row for row in checked if row["missing"]],
        "incomplete": [row for row in checked if not row["missing"] and not row["complete"]],
        "complete": [row for row in checked if not row["missing"] and row["complete"]],
        "never_audited": len(rows) - len(checked),
        "missing": sum(row["missing"] for row in checked),
        "listed": sum(row["listed"] for row in checked),
        "unlisted": sum(row["unlisted"] or 0 for row in checked),
        "audited_at": max((row["checked"] for row in checked), default=None),
    }
    return Response.html(await datasette.render_template("coverage.html", context, request=request))


def build_overview_document(datasette: Any, request: Any, rows: Sequence[dict[str, Any]]) -> DataDocument:

    def to_row(row: dict[str, Any]) -> dict[str, Any]:
        values = {name: row[name] for name in OVERVIEW_COLUMNS if name in row}
        return values | {
            "agency_name": row["name"],
            "complete": read_complete_flag(row),
            "page": build_coverage_url(datasette, request, agency=row["agency"]),
        }

    return build_coverage_document(datasette, request, "agencies", [to_row(row) for row in rows], OVERVIEW_COLUMNS)


def build_agency_coverage_document(
    datasette: Any, request: Any, query: CoverageQuery, coverage: AgencyCoverage
) -> DataDocument:
    """Build one agency's coverage as data: a row for each month.

    JSON also has the agency's sources and a page of its missing releases.
    """
    row = coverage.agency
    members = {
        **{"agency": row["agency"], "agency_name": row["name"], "checked": row["checked"]},
        **{"complete": read_complete_flag(row), "problem": row["problem"]},
        "sources": [{**source, "complete": read_complete_flag(source)} for source in coverage.sources],
        "missing_releases": coverage.missing_releases,
    }
    months = [{"agency": row["agency"], **month} for month in coverage.months]
    next_cursor = coverage.next_cursor if request.url_vars["format"] == "json" else None
    return build_coverage_document(
        datasette, request, "months", months, MONTH_COLUMNS, query=query, extra_members=members, next_cursor=next_cursor
    )


def build_coverage_document(
    datasette: Any,
    request: Any,
    name: str,
    rows: Sequence[dict[str, Any]],
    columns: Sequence[str],
    *,
    query: CoverageQuery | None = None,
    extra_members: Mapping[str, Any] | None = None,
    next_cursor: int | None = None,
) -> DataDocument:
    """Build coverage rows as data; `next_cursor` is that of the next page of missing releases.

    In JSON, `columns` says what each number is: `listed` is the sum of `stored`, `rejected` and `missing`.
    """
    ending, slug = "." + request.url_vars["format"], query.agency if query else None
    size = request.args.get("size") if query else None
    language = get_request_language(request)

    return DataDocument(
        rows_name=name,
        title=translate(language, "coverage"),
        page_url=build_coverage_url(datasette, request, agency=slug),
        url=build_coverage_url(
            datasette, request, ending, agency=slug, size=size, after=query.after if query else None
        ),
        next_url=build_coverage_url(datasette, request, ending, agency=slug, size=size, after=next_cursor)
        if next_cursor
        else None,
        rows=rows,
        columns=columns,
        extra_members={
            **(extra_members or {}),
            "columns": {name: translate(language, text_key) for name, text_key in COVERAGE_COUNTS.items()},
        },
    )


def build_coverage_url(datasette: Any, request: Any, ending: str = "", **values: object) -> str:
    """Return the absolute URL of a coverage page, in the language that the request asks for."""
    lang = request.args.get("lang")
    return build_absolute_url(
        datasette, request, COVERAGE_PATH + ending, **values, lang=lang if lang in LANGUAGES else None
    )


def read_complete_flag(row: Mapping[str, Any]) -> bool | None:
    """Return whether all sources were read to their end; None if none was read."""
    return None if row["complete"] is None else bool(row["complete"])
