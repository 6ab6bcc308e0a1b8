"""/-/status, /-/coverage.

The completeness ledger (/-/coverage, with .json and .csv; ?agency= for one): what sources list, what is missing.

How each agency fares (/-/status, with .json, .csv and .atom of what changed; /-/status/<slug>), and our manners.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasette import NotFound, Response, hookimpl
from datasette.database import QueryInterrupted

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
    format_fault,
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
    add_query,
    build_absolute_url,
    build_query_runner,
    build_tag_uri,
    choose_translation,
    get_request_language,
    keep_requested_language,
    render_document,
    render_error,
)

COVERAGE_PATH = "/-/coverage"
COVERAGE_FORMAT_SUFFIX = r"(?:\.(?P<format>json|csv))?$"
COVERAGE_COUNTS = ("listed", "stored", "rejected", "missing", "unlisted")
OVERVIEW_COLUMNS = ("agency", "agency_name", *COVERAGE_COUNTS, "complete", "problem", "checked", "page")
MONTH_COLUMNS = ("agency", "month", *COVERAGE_COUNTS)


async def show_coverage(request: Any, datasette: Any) -> Any:
    """All agencies or one: as a page, or as data."""
    kind, lang, run = request.url_vars["format"], get_request_language(request), build_query_runner(datasette)
    try:
        asked = parse_coverage_query(request.args)
        if asked.agency:
            one = await read_agency_coverage(run, asked)
            if kind:
                return await render_document(
                    datasette, request, kind, build_agency_coverage_document(datasette, request, asked, one), lang
                )
            context: dict[str, Any] = {"one": one, "row": one.agency, "after": asked.after}
            return Response.html(await datasette.render_template("coverage_agency.html", context, request=request))
        rows = await read_coverage_overview(run, lang)
    except FilterError as error:
        return await render_error(datasette, request, kind, 400, error.text_key, **error.text_values)
    except QueryInterrupted:
        return await render_error(datasette, request, kind, 503, "too_slow_list")
    if kind:
        return await render_document(datasette, request, kind, build_overview_document(datasette, request, rows), lang)
    checked = [row for row in rows if row["checked"]]
    context = {
        "missing_releases": [row for row in checked if row["missing"]],
        "broken": [row for row in checked if not row["missing"] and not row["complete"]],
        "complete": [row for row in checked if not row["missing"] and row["complete"]],
        "uncompared": len(rows) - len(checked),
        "missing": sum(row["missing"] for row in checked),
        "listed": sum(row["listed"] for row in checked),
        "unlisted": sum(row["unlisted"] or 0 for row in checked),
        "compared": max((row["checked"] for row in checked), default=None),
    }
    return Response.html(await datasette.render_template("coverage.html", context, request=request))


def build_overview_document(datasette: Any, request: Any, rows: Sequence[dict[str, Any]]) -> DataDocument:
    """All agencies as data."""

    def to_row(row: dict[str, Any]) -> dict[str, Any]:
        told = {name: row[name] for name in OVERVIEW_COLUMNS if name in row}
        return told | {
            "agency_name": row["name"],
            "complete": read_whole_flag(row),
            "page": build_coverage_url(datasette, request, agency=row["agency"]),
        }

    return build_coverage_document(datasette, request, "agencies", [to_row(row) for row in rows], OVERVIEW_COLUMNS)


def build_agency_coverage_document(
    datasette: Any, request: Any, query: CoverageQuery, coverage: AgencyCoverage
) -> DataDocument:
    """One agency as data: a row a month; JSON has its sources and a page of its gaps as well."""
    row = coverage.agency
    head = {
        **{"agency": row["agency"], "agency_name": row["name"], "checked": row["checked"]},
        **{"complete": read_whole_flag(row), "problem": row["problem"]},
        "sources": [{**source, "complete": read_whole_flag(source)} for source in coverage.sources],
        "missing_releases": coverage.missing_releases,
    }
    months = [{"agency": row["agency"], **month} for month in coverage.months]
    more = coverage.next_cursor if request.url_vars["format"] == "json" else None
    return build_coverage_document(
        datasette, request, "months", months, MONTH_COLUMNS, query=query, extra_members=head, next_cursor=more
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
    """Rows as data; `more`: the cursor of the next gaps."""
    ending, slug = "." + request.url_vars["format"], query.agency if query else None
    size = request.args.get("size") if query else None

    async def entries() -> Sequence[AtomEntry]:
        return []

    return DataDocument(
        rows_name=name,
        title=translate(get_request_language(request), "ledger"),
        page_url=build_coverage_url(datasette, request, agency=slug),
        url=build_coverage_url(
            datasette, request, ending, agency=slug, size=size, after=query.after if query else None
        ),
        next_url=build_coverage_url(datasette, request, ending, agency=slug, size=size, after=next_cursor)
        if next_cursor
        else None,
        rows=rows,
        columns=columns,
        read_entries=entries,
        extra_members=extra_members or {},
    )


def build_coverage_url(datasette: Any, request: Any, ending: str = "", **values: object) -> str:
    """The whole address of a page of the ledger, in the language asked for."""
    lang = request.args.get("lang")
    return build_absolute_url(
        datasette, request, add_query(COVERAGE_PATH + ending, **values, lang=lang if lang in LANGUAGES else None)
    )


def read_whole_flag(row: Mapping[str, Any]) -> bool | None:
    """Whether all was read to its end; None where nothing was."""
    return None if row["complete"] is None else bool(row["complete"])


def coverage_routes() -> list[tuple[str, Any]]:
    """One address a format."""
    return [(COVERAGE_PATH + COVERAGE_FORMAT_SUFFIX, show_coverage)]


STATUS_PATH = "/-/status"
MAX_UNGROUPED_FAULTS = 40  # faults, from which on those of one sentence are told together
EVENTS_PAGE_SIZE = 50  # a page of the feed
STATUS_COLUMNS = (
    *("agency", "agency_name", "state", "since", "code", "why", "red", "acknowledged", "newest", "usual_gap"),
    *("expected", "judged", "stored", "listed", "found", "rejected", "quarantined", "crawled", "worked"),
    *("requests", "bytes", "not_modified", "robots", "delay", *(f"{name}_told" for name in TRACKED_FIELDS), "page"),
)


async def show_status(request: Any, datasette: Any) -> Any:
    """All agencies: as a page, as data, or what changed as a feed."""
    kind, lang, run = request.url_vars["format"], get_request_language(request), build_query_runner(datasette)
    if kind == "atom":
        return await show_status_feed(request, datasette)
    rows = await read_agency_health(run, lang)
    if kind:
        return await render_document(datasette, request, kind, build_status_document(datasette, request, rows), lang)
    judged = find_last_assessment(rows)
    faults = [row for row in rows if row.fault]
    context = {
        "faults": faults,
        "red": sum(row.red for row in rows),
        "known": sum(not row.red for row in faults),
        "groups": group_faults(faults) if len(faults) > MAX_UNGROUPED_FAULTS else None,
        "quiet_ones": [row for row in rows if row.state == "quiet"],
        "healthy": [row for row in rows if row.state == "healthy"],
        "paused": [row for row in rows if row.state == "paused"],
        "untried": [row for row in rows if row.never_crawled and row.state != "paused"],
        "judged": judged,
        "late": is_assessment_overdue(judged, now()),
        "manners": build_politeness_report(rows),
        **build_status_formatters(lang),
    }
    return Response.html(await datasette.render_template("status.html", context, request=request))


def group_faults(faults: Sequence[AgencyHealth]) -> list[list[AgencyHealth]]:
    """Faults of one state and sentence together, new ones first, then the largest groups."""
    groups: dict[tuple[bool, str, str], list[AgencyHealth]] = {}
    for row in faults:
        groups.setdefault((row.red, row.said, row.why), []).append(row)
    return sorted(groups.values(), key=lambda group: (not group[0].red, -len(group)))


async def show_agency_status(request: Any, datasette: Any) -> Any:
    """One agency: all that was looked at, and how its state changed."""
    lang, run, slug = get_request_language(request), build_query_runner(datasette), request.url_vars["slug"]
    rows = await read_agency_health(run, lang, slug)
    if not rows:
        raise NotFound(f"no agency {slug}")
    events = await read_health_events(run, agency=slug, limit=EVENTS_PAGE_SIZE)
    context = {
        "row": rows[0],
        "events": [event | describe_health_event(lang, event) for event in events],
        "kinds": sorted(rows[0].facts.get("failures", {}).items(), key=lambda pair: (-pair[1], pair[0])),
        **build_status_formatters(lang),
    }
    return Response.html(await datasette.render_template("status_agency.html", context, request=request))


async def show_status_feed(request: Any, datasette: Any) -> Any:
    """States that became another, from or to a fault, as Atom."""
    lang, run = get_request_language(request), build_query_runner(datasette)
    try:
        before = parse_number_parameter(request.args, "after")
    except FilterError as error:
        return await render_error(datasette, request, "atom", 400, error.text_key, **error.text_values)
    events = await read_health_events(run, before=before, limit=EVENTS_PAGE_SIZE + 1)
    shown, more = events[:EVENTS_PAGE_SIZE], len(events) > EVENTS_PAGE_SIZE

    def at(**values: object) -> str:
        return build_absolute_url(
            datasette, request, add_query(f"{STATUS_PATH}.atom", lang=request.args.get("lang"), **values)
        )

    async def entries() -> Sequence[AtomEntry]:
        return [build_status_entry(datasette, request, event, lang) for event in shown]

    listing = DataDocument(
        rows_name="changes",
        title=translate(lang, "status_atom"),
        page_url=build_absolute_url(datasette, request, keep_requested_language(request, STATUS_PATH)),
        url=at(after=before),
        next_url=at(after=shown[-1]["id"]) if more else None,
        rows=shown,
        columns=(),
        read_entries=entries,
    )
    return await render_document(datasette, request, "atom", listing, lang)


def build_status_entry(datasette: Any, request: Any, event: dict[str, Any], language: str) -> AtomEntry:
    """A change as an entry of a feed."""
    page = build_absolute_url(datasette, request, keep_requested_language(request, f"{STATUS_PATH}/{event['agency']}"))
    name = choose_translation(language, event["name"], event["name_en"]) or event["agency"]
    told = describe_health_event(language, event)
    return AtomEntry(
        id=build_tag_uri(page, "2024", f"status-{event['id']}"),
        title=translate(language, "became", agency=name, state=told["said"]),
        language=language,
        published=event["at"],
        updated=event["at"],
        link=page,
        release_url=page,
        author=translate(language, "site"),
        summary=told["why"],
        categories=[event["state"]],
    )


def describe_health_event(language: str, event: dict[str, Any]) -> dict[str, str]:
    """State and reason of a change in words."""
    return {
        "said": format_health_state(language, event["state"]),
        "why": format_health_reason(language, event["reason"]),
    }


def build_status_document(datasette: Any, request: Any, rows: Sequence[AgencyHealth]) -> DataDocument:
    """All agencies as data."""
    kind, asked = request.url_vars["format"], request.args.get("lang")

    async def entries() -> Sequence[AtomEntry]:
        return []

    return DataDocument(
        rows_name="agencies",
        title=translate(get_request_language(request), "status"),
        page_url=build_absolute_url(datasette, request, keep_requested_language(request, STATUS_PATH)),
        url=build_absolute_url(datasette, request, add_query(f"{STATUS_PATH}.{kind}", lang=asked)),
        rows=[format_status_row(datasette, request, row) for row in rows],
        columns=STATUS_COLUMNS,
        read_entries=entries,
        extra_members={"judged": find_last_assessment(rows), "red": sum(row.red for row in rows)},
    )


def format_status_row(datasette: Any, request: Any, row: AgencyHealth) -> dict[str, Any]:
    """One agency as data: flat, but for what there is by kind and field."""
    facts, guest = row.facts, row.facts.get("politeness", {})
    told = {name: getattr(row, name) for name in STATUS_COLUMNS if hasattr(row, name)}
    told |= {
        name: facts.get(name) for name in ("stored", "listed", "found", "rejected", "quarantined", "crawled", "worked")
    }
    told |= {name: guest.get(name) for name in ("requests", "bytes", "not_modified", "robots", "delay")}
    told |= {f"{name}_told": facts.get("field_fill", {}).get(name, [None])[0] for name in TRACKED_FIELDS}
    told |= {"agency_name": row.name, "code": row.reason["code"], "reason": row.reason}
    told |= {"failures": facts.get("failures", {}), "field_fill": facts.get("field_fill", {})}
    return told | {
        "page": build_absolute_url(datasette, request, keep_requested_language(request, f"{STATUS_PATH}/{row.agency}"))
    }


def build_status_formatters(language: str) -> dict[str, Any]:
    """What the templates say numbers and kinds by."""
    return {
        "say_day": lambda text: format_swedish_day(language, text),
        "say_fault": lambda kind: format_fault(language, kind),
        "say_fill": lambda name: format_field_label(language, name),
        "say_robots": lambda robots: format_robots_outcome(language, robots),
        "say_size": lambda size: format_size(language, size),
        "say_decimal": lambda number: format_decimal(language, number),
    }


def status_routes() -> list[tuple[str, Any]]:
    """One address a format, and one an agency."""
    return [(STATUS_PATH + FORMAT_SUFFIX, show_status), (STATUS_PATH + r"/(?P<slug>[a-z0-9-]+)$", show_agency_status)]


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [*coverage_routes(), *status_routes()]
