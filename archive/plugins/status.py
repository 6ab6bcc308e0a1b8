"""How each agency fares (/-/status, with .json, .csv and .atom of what changed; /-/status/<slug>), and our manners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datasette import NotFound, Response, hookimpl

from archive.health.fills import FIELDS
from archive.health.saying import say_day, say_decimal, say_fault, say_fill, say_reason, say_robots, say_size, say_state
from archive.health.shown import Shown, find_events, find_health, find_judged, find_manners, is_late
from archive.history.asked import FilterError, read_number
from archive.history.formats import ENDING, Entry, Listing, add_query, deliver, tag_uri
from archive.language import say
from archive.times import now
from archive.web import absolute, in_language, language_of, pick, refuse, runner

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


@hookimpl
def register_routes() -> list[tuple[str, Any]]:
    """One address a format, and one an agency."""
    return [(STATUS_PATH + ENDING, show_status), (STATUS_PATH + r"/(?P<slug>[a-z0-9-]+)$", show_one)]
