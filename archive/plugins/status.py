"""/-/status, /-/coverage.

The completeness ledger (/-/ledger, with .json and .csv; ?agency= for one): what sources list, what is missing.

How each agency fares (/-/status, with .json, .csv and .atom of what changed; /-/status/<slug>), and our manners.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasette import NotFound, Response, hookimpl
from datasette.database import QueryInterrupted

from archive.coverage import Asked, Whole, find_one, find_overview, parse_asked
from archive.dates import now
from archive.health.metrics import FIELDS
from archive.health.report import (
    Shown,
    find_events,
    find_health,
    find_judged,
    find_manners,
    is_late,
    say_day,
    say_decimal,
    say_fault,
    say_fill,
    say_reason,
    say_robots,
    say_size,
    say_state,
)
from archive.i18n import LANGUAGES, say
from archive.params import FilterError, read_number
from archive.web.responses import (
    ENDING,
    Entry,
    Listing,
    absolute,
    add_query,
    deliver,
    in_language,
    language_of,
    pick,
    refuse,
    runner,
    tag_uri,
)

LEDGER_PATH = "/-/ledger"
LEDGER_FORMATS = r"(?:\.(?P<format>json|csv))?$"
COUNTS = ("listed", "held", "refused", "missing", "delisted")
OVERVIEW = ("agency", "agency_name", *COUNTS, "whole", "problem", "checked", "page")
MONTHS = ("agency", "month", *COUNTS)


async def show_ledger(request: Any, datasette: Any) -> Any:
    """All agencies or one: as a page, or as data."""
    kind, lang, run = request.url_vars["format"], language_of(request), runner(datasette)
    try:
        asked = parse_asked(request.args)
        if asked.agency:
            one = await find_one(run, asked)
            if kind:
                return await deliver(datasette, request, kind, list_one(datasette, request, asked, one), lang)
            context: dict[str, Any] = {"one": one, "row": one.agency, "after": asked.after}
            return Response.html(await datasette.render_template("ledger_agency.html", context, request=request))
        rows = await find_overview(run, lang)
    except FilterError as error:
        return await refuse(datasette, request, kind, 400, error.why, **error.told)
    except QueryInterrupted:
        return await refuse(datasette, request, kind, 503, "too_slow_list")
    if kind:
        return await deliver(datasette, request, kind, list_all(datasette, request, rows), lang)
    checked = [row for row in rows if row["checked"]]
    context = {
        "gaps": [row for row in checked if row["missing"]],
        "broken": [row for row in checked if not row["missing"] and not row["whole"]],
        "complete": [row for row in checked if not row["missing"] and row["whole"]],
        "uncompared": len(rows) - len(checked),
        "missing": sum(row["missing"] for row in checked),
        "listed": sum(row["listed"] for row in checked),
        "delisted": sum(row["delisted"] or 0 for row in checked),
        "compared": max((row["checked"] for row in checked), default=None),
    }
    return Response.html(await datasette.render_template("ledger.html", context, request=request))


def list_all(datasette: Any, request: Any, rows: Sequence[dict[str, Any]]) -> Listing:
    """All agencies as data."""

    def to_row(row: dict[str, Any]) -> dict[str, Any]:
        told = {name: row[name] for name in OVERVIEW if name in row}
        return told | {
            "agency_name": row["name"],
            "whole": say_whole(row),
            "page": address(datasette, request, agency=row["agency"]),
        }

    return ledger_listing(datasette, request, "agencies", [to_row(row) for row in rows], OVERVIEW)


def list_one(datasette: Any, request: Any, asked: Asked, one: Whole) -> Listing:
    """One agency as data: a row a month; JSON has its sources and a page of its gaps as well."""
    row = one.agency
    head = {
        **{"agency": row["agency"], "agency_name": row["name"], "checked": row["checked"]},
        **{"whole": say_whole(row), "problem": row["problem"]},
        "sources": [{**source, "whole": say_whole(source)} for source in one.sources],
        "gaps": one.gaps,
    }
    months = [{"agency": row["agency"], **month} for month in one.months]
    more = one.more if request.url_vars["format"] == "json" else None
    return ledger_listing(datasette, request, "months", months, MONTHS, asked=asked, head=head, more=more)


def ledger_listing(
    datasette: Any,
    request: Any,
    name: str,
    rows: Sequence[dict[str, Any]],
    columns: Sequence[str],
    *,
    asked: Asked | None = None,
    head: Mapping[str, Any] | None = None,
    more: int | None = None,
) -> Listing:
    """Rows as data; `more`: the cursor of the next gaps."""
    ending, slug = "." + request.url_vars["format"], asked.agency if asked else None
    size = request.args.get("size") if asked else None

    async def entries() -> Sequence[Entry]:
        return []

    return Listing(
        name=name,
        title=say(language_of(request), "ledger"),
        page=address(datasette, request, agency=slug),
        self=address(datasette, request, ending, agency=slug, size=size, after=asked.after if asked else None),
        next=address(datasette, request, ending, agency=slug, size=size, after=more) if more else None,
        rows=rows,
        columns=columns,
        entries=entries,
        head=head or {},
    )


def address(datasette: Any, request: Any, ending: str = "", **values: object) -> str:
    """The whole address of a page of the ledger, in the language asked for."""
    lang = request.args.get("lang")
    return absolute(
        datasette, request, add_query(LEDGER_PATH + ending, **values, lang=lang if lang in LANGUAGES else None)
    )


def say_whole(row: Mapping[str, Any]) -> bool | None:
    """Whether all was read to its end; None where nothing was."""
    return None if row["whole"] is None else bool(row["whole"])


def ledger_routes() -> list[tuple[str, Any]]:
    """One address a format."""
    return [(LEDGER_PATH + LEDGER_FORMATS, show_ledger)]


STATUS_PATH = "/-/status"
MANY = 40  # faults, from which on those of one sentence are told together
EVENTS = 50  # a page of the feed
COLUMNS = (
    *("agency", "agency_name", "state", "since", "code", "why", "red", "acknowledged", "newest", "usual_gap"),
    *("expected", "judged", "held", "listed", "found", "refused", "held_back", "crawled", "worked"),
    *("requests", "bytes", "not_modified", "robots", "delay", *(f"{name}_told" for name in FIELDS), "page"),
)


async def show_status(request: Any, datasette: Any) -> Any:
    """All agencies: as a page, as data, or what changed as a feed."""
    kind, lang, run = request.url_vars["format"], language_of(request), runner(datasette)
    if kind == "atom":
        return await show_changes(request, datasette)
    rows = await find_health(run, lang)
    if kind:
        return await deliver(datasette, request, kind, status_listing(datasette, request, rows), lang)
    judged = find_judged(rows)
    faults = [row for row in rows if row.fault]
    context = {
        "faults": faults,
        "red": sum(row.red for row in rows),
        "known": sum(not row.red for row in faults),
        "groups": group_faults(faults) if len(faults) > MANY else None,
        "quiet_ones": [row for row in rows if row.state == "quiet"],
        "healthy": [row for row in rows if row.state == "healthy"],
        "paused": [row for row in rows if row.state == "paused"],
        "untried": [row for row in rows if row.untried and row.state != "paused"],
        "judged": judged,
        "late": is_late(judged, now()),
        "manners": find_manners(rows),
        **words(lang),
    }
    return Response.html(await datasette.render_template("status.html", context, request=request))


def group_faults(faults: Sequence[Shown]) -> list[list[Shown]]:
    """Faults of one state and sentence together, new ones first, then the largest groups."""
    groups: dict[tuple[bool, str, str], list[Shown]] = {}
    for row in faults:
        groups.setdefault((row.red, row.said, row.why), []).append(row)
    return sorted(groups.values(), key=lambda group: (not group[0].red, -len(group)))


async def show_one(request: Any, datasette: Any) -> Any:
    """One agency: all that was looked at, and how its state changed."""
    lang, run, slug = language_of(request), runner(datasette), request.url_vars["slug"]
    rows = await find_health(run, lang, slug)
    if not rows:
        raise NotFound(f"no agency {slug}")
    events = await find_events(run, agency=slug, most=EVENTS)
    context = {
        "row": rows[0],
        "events": [event | say_event(lang, event) for event in events],
        "kinds": sorted(rows[0].facts.get("faults", {}).items(), key=lambda pair: (-pair[1], pair[0])),
        **words(lang),
    }
    return Response.html(await datasette.render_template("status_agency.html", context, request=request))


async def show_changes(request: Any, datasette: Any) -> Any:
    """States that became another, from or to a fault, as Atom."""
    lang, run = language_of(request), runner(datasette)
    try:
        before = read_number(request.args, "after")
    except FilterError as error:
        return await refuse(datasette, request, "atom", 400, error.why, **error.told)
    events = await find_events(run, before=before, most=EVENTS + 1)
    shown, more = events[:EVENTS], len(events) > EVENTS

    def at(**values: object) -> str:
        return absolute(datasette, request, add_query(f"{STATUS_PATH}.atom", lang=request.args.get("lang"), **values))

    async def entries() -> Sequence[Entry]:
        return [to_entry(datasette, request, event, lang) for event in shown]

    listing = Listing(
        name="changes",
        title=say(lang, "status_atom"),
        page=absolute(datasette, request, in_language(request, STATUS_PATH)),
        self=at(after=before),
        next=at(after=shown[-1]["id"]) if more else None,
        rows=shown,
        columns=(),
        entries=entries,
    )
    return await deliver(datasette, request, "atom", listing, lang)


def to_entry(datasette: Any, request: Any, event: dict[str, Any], lang: str) -> Entry:
    """A change as an entry of a feed."""
    page = absolute(datasette, request, in_language(request, f"{STATUS_PATH}/{event['agency']}"))
    name = pick(lang, event["name"], event["name_en"]) or event["agency"]
    told = say_event(lang, event)
    return Entry(
        id=tag_uri(page, "2024", f"status-{event['id']}"),
        title=say(lang, "became", agency=name, state=told["said"]),
        language=lang,
        seen=event["at"],
        updated=event["at"],
        link=page,
        release=page,
        author=say(lang, "site"),
        summary=told["why"],
        terms=[event["state"]],
    )


def say_event(lang: str, event: dict[str, Any]) -> dict[str, str]:
    """State and reason of a change in words."""
    return {"said": say_state(lang, event["state"]), "why": say_reason(lang, event["reason"])}


def status_listing(datasette: Any, request: Any, rows: Sequence[Shown]) -> Listing:
    """All agencies as data."""
    kind, asked = request.url_vars["format"], request.args.get("lang")

    async def entries() -> Sequence[Entry]:
        return []

    return Listing(
        name="agencies",
        title=say(language_of(request), "status"),
        page=absolute(datasette, request, in_language(request, STATUS_PATH)),
        self=absolute(datasette, request, add_query(f"{STATUS_PATH}.{kind}", lang=asked)),
        rows=[to_row(datasette, request, row) for row in rows],
        columns=COLUMNS,
        entries=entries,
        head={"judged": find_judged(rows), "red": sum(row.red for row in rows)},
    )


def to_row(datasette: Any, request: Any, row: Shown) -> dict[str, Any]:
    """One agency as data: flat, but for what there is by kind and field."""
    facts, guest = row.facts, row.facts.get("guest", {})
    told = {name: getattr(row, name) for name in COLUMNS if hasattr(row, name)}
    told |= {name: facts.get(name) for name in ("held", "listed", "found", "refused", "held_back", "crawled", "worked")}
    told |= {name: guest.get(name) for name in ("requests", "bytes", "not_modified", "robots", "delay")}
    told |= {f"{name}_told": facts.get("fills", {}).get(name, [None])[0] for name in FIELDS}
    told |= {"agency_name": row.name, "code": row.reason["code"], "reason": row.reason}
    told |= {"faults": facts.get("faults", {}), "fills": facts.get("fills", {})}
    return told | {"page": absolute(datasette, request, in_language(request, f"{STATUS_PATH}/{row.agency}"))}


def words(lang: str) -> dict[str, Any]:
    """What the templates say numbers and kinds by."""
    return {
        "say_day": lambda text: say_day(lang, text),
        "say_fault": lambda kind: say_fault(lang, kind),
        "say_fill": lambda name: say_fill(lang, name),
        "say_robots": lambda robots: say_robots(lang, robots),
        "say_size": lambda size: say_size(lang, size),
        "say_decimal": lambda number: say_decimal(lang, number),
    }


def status_routes() -> list[tuple[str, Any]]:
    """One address a format, and one an agency."""
    return [(STATUS_PATH + ENDING, show_status), (STATUS_PATH + r"/(?P<slug>[a-z0-9-]+)$", show_one)]


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    return [*ledger_routes(), *status_routes()]
