"""Reads the status page's data, puts health states and reasons into words, and prints a table.

Agencies with faults come first.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from archive.database.sqlite_files import RunQuery
from archive.health.rules import is_fault
from archive.i18n import (
    NO_BREAK_SPACE,
    format_time,
    swedish_sort_key,
    to_swedish_day,
    translate,
    translate_code,
)
from archive.times import now, to_iso
from archive.urls import format_day_start

MAX_ASSESSMENT_AGE = timedelta(days=3)  # if the last one is older, crawls seem to have stopped
STATE_ORDER = ("failing", "never worked", "suspect", "quiet", "healthy", "paused")

AGENCY_HEALTH_SQL = """
    select a.slug as agency, a.name, a.name_en, a.home, h.state, h.since, h.reason, h.newest,
      h.usual_gap, h.expected,
      h.judged, h.acknowledged, h.facts
    from agencies a left join health h on h.agency = a.slug
"""
HEALTH_EVENTS_SQL = """
    select e.id, e.agency, a.name, a.name_en, e.at, e.state, e.previous, e.reason
    from health_events e join agencies a on a.slug = e.agency where {condition} order by e.id desc
      limit :most
"""
FAULT_EVENTS_CONDITION = """
    e.id < :before
    and not (e.state in ('healthy', 'quiet')
      and coalesce(e.previous, 'healthy') in ('healthy', 'quiet'))
    and json_extract(e.reason, '$.code') <> 'never_crawled'
"""

STRIP_DAYS = 90
STRIP_STATES = ("", "paused", "ok", "fault")  # of a day; a later one counts if a day has several
DAILY_EVENTS_SQL = """
    select e.agency, e.at, e.state, json_extract(e.reason, '$.code') as code from agencies a
    cross join health_events e on e.agency = a.slug and e.at >= coalesce(
      (select max(b.at) from health_events b where b.agency = a.slug and b.at < :since), '')
    order by e.agency, e.at, e.id
"""

AgencyHealth = dict[str, Any]  # a row of AGENCY_HEALTH_SQL with what `_describe_health` adds


async def read_agency_health(
    run: RunQuery, language: str, agency: str | None = None
) -> list[AgencyHealth]:
    """Return the health of all agencies, or of one.

    Agencies with an unacknowledged fault come first, then agencies with an acknowledged fault.
    Within these groups, agencies are sorted by state and name.
    """
    rows = await run(
        AGENCY_HEALTH_SQL + ("where a.slug = :agency" if agency else ""),
        {"agency": agency} if agency else {},
    )

    def severity_key(row: AgencyHealth) -> tuple[bool, bool, int, str]:
        name = row["name_en"] if language == "en" and row["name_en"] else row["name"]
        state = STATE_ORDER.index(row["state"]) + (len(STATE_ORDER) if row["never_crawled"] else 0)
        return not row["is_unacknowledged"], not row["is_fault"], state, swedish_sort_key(name)

    described = (_describe_health(tuple(dict(row).items()), language) for row in rows)
    return sorted(described, key=severity_key)


@lru_cache(maxsize=1024)  # a crawl changes few of them
def _describe_health(items: tuple[tuple[str, Any], ...], language: str) -> AgencyHealth:
    """Return a health row with its state and reason in words.

    `is_unacknowledged` says whether the state is a fault that nobody has acknowledged. `fault_text`
    is the reason without an address, so that agencies with the same fault have the same text.
    `never_crawled` says whether the agency was never crawled or never assessed.
    """
    row = dict(items)
    reason = json.loads(row["reason"]) if row["reason"] else {"code": "never_crawled", "what": ""}
    state = row["state"] or "never worked"
    fault = is_fault(state, reason["code"])
    return row | {
        "state": state,
        "state_text": format_health_state(language, state),
        "reason": reason,
        "reason_text": format_health_reason(language, reason),
        "fault_text": format_health_reason(language, reason, with_address=False),
        "is_fault": fault,
        "is_unacknowledged": fault and row["acknowledged"] is None,
        "never_crawled": reason["code"] == "never_crawled",
        "facts": json.loads(row["facts"] or "{}"),
    }


def is_overdue(assessed_at: str) -> bool:
    """Return whether the last assessment is so old that crawls seem to have stopped.

    An assessment dated far in the future, because of a wrong clock, also counts as overdue.
    """
    return abs(now() - datetime.fromisoformat(assessed_at)) > MAX_ASSESSMENT_AGE


async def read_health_events(
    run: RunQuery, *, agency: str | None = None, before: int | None = None, limit: int
) -> Sequence[Any]:
    """Return health events, newest first.

    If an agency is given, all its events are returned. Otherwise, only changes to or from a fault
    are returned, but for all agencies.

    before: return only events with a lower id, for the next page. Ignored if an agency is given.
    """
    condition = "e.agency = :agency" if agency else FAULT_EVENTS_CONDITION
    parameters: dict[str, Any] = {"agency": agency} if agency else {"before": before or 2**62}
    rows = await run(HEALTH_EVENTS_SQL.format(condition=condition), {**parameters, "most": limit})
    return [dict(row) | {"reason": json.loads(row["reason"])} for row in rows]


async def read_daily_states(
    run: RunQuery, rows: Sequence[AgencyHealth], today: date
) -> dict[str, list[str]]:
    """Return a map from each agency to its states on the last STRIP_DAYS days (Swedish time),
    oldest first.

    A state is `fault`, `ok` or `paused`, or "" for a day on which the agency was not crawled or
    assessed. A day counts as a fault even if the fault lasted for only part of the day.
    """
    first = today - timedelta(days=STRIP_DAYS - 1)
    values = {"since": format_day_start(first)}
    days: dict[str, list[str]] = {row["agency"]: [""] * STRIP_DAYS for row in rows if row["judged"]}
    last_days = {
        row["agency"]: (to_swedish_day(row["judged"]) - first).days for row in rows if row["judged"]
    }
    for slug, group in groupby(await run(DAILY_EVENTS_SQL, values), key=lambda row: row["agency"]):
        events = [
            (max(0, (to_swedish_day(row["at"]) - first).days), _classify_state(row))
            for row in group
        ]
        ends = [*(start for start, _ in events[1:]), last_days.get(slug, -1)]
        for (start, state), end in zip(events, ends, strict=True):
            # also the day on which the next state began
            for place in range(start, min(end, STRIP_DAYS - 1) + 1):
                days[slug][place] = max(state, days[slug][place], key=STRIP_STATES.index)
    return days


def _classify_state(event: Mapping[str, Any]) -> str:
    """Return the state in STRIP_STATES that began with a health event."""
    if is_fault(event["state"], event["code"]):
        return "fault"
    if event["state"] == "paused":
        return "paused"
    return "ok" if event["state"] in ("healthy", "quiet") else ""


def build_politeness_report(rows: Sequence[AgencyHealth]) -> dict[str, Any]:
    """Return how many requests were made and how many bytes were received, in total, by all crawls
    in the 30 days before each agency's last assessment.

    `not_modified` is the number of responses that said that a page had not changed. `delay` is the
    shortest delay between requests. `robots` counts agencies by the outcome of the last request for
    robots.txt.
    """
    reports = [row["facts"]["politeness"] for row in rows if row["facts"].get("politeness")]
    return {
        **{
            name: sum(report[name] for report in reports)
            for name in ("requests", "bytes", "not_modified")
        },
        "delay": min(
            (report["delay"] for report in reports if report["delay"] is not None), default=None
        ),
        "robots": Counter(report["robots"] for report in reports if report["robots"]),
    }


def format_health_state(language: str, state: str) -> str:
    """Return the name of a health state in a language.

    >>> format_health_state("en", "quiet"), format_health_state("sv", "failing")
    ('quiet', 'fungerar inte')
    """
    return translate(language, f"health.state.{state}")


def format_health_reason(
    language: str, reason: Mapping[str, Any], *, with_address: bool = True
) -> str:
    """Format the sentence that explains a state.

    with_address: add the address of the page or source that the sentence is about, if it is known.

    >>> reason = {"code": "all_refused", "what": "login", "n": 3, "fault": "login"}
    >>> reason["url"] = "https://a.example/1"
    >>> format_health_reason("en", reason)
    'None of the 3 listed pages that were fetched could be read: a login page was shown instead.
    Address: https://a.example/1'
    """
    values = {name: _format_reason_value(language, name, value) for name, value in reason.items()}
    sentence = translate(language, f"health.reason.{reason['code']}", **values)
    if with_address and reason.get("url"):
        return f"{sentence} {translate(language, 'health.url')}: {reason['url']}"
    return sentence


def _format_reason_value(language: str, name: str, value: Any) -> Any:
    # values of a reason that are times
    if name in ("since", "last", "newest"):
        return format_swedish_day(language, value)
    if name == "fault":
        return translate_code(language, "failure", value)
    if name == "shown":
        return f" ({translate(language, 'format.quoted', text=value)})" if value else ""
    if name == "fields":
        return _join_with_and(
            language, [translate(language, f"health.field.{field}") for field in value]
        )
    return value


def format_swedish_day(language: str, text: str | None) -> str:
    """Format a stored time or day as a date in Swedish time."""
    return format_time(language, to_iso(to_swedish_day(text)) if text and len(text) > 10 else text)


def format_size(language: str, size: int) -> str:
    """Format a size in bytes in a suitable unit.

    >>> format_size("sv", 1_234_567), format_size("en", 900)
    ('1,2\\xa0MB', '900\\xa0bytes')
    """
    for unit, least in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= least:
            return format_decimal(language, size / least) + NO_BREAK_SPACE + unit
    return translate(language, "format.bytes", n=size)


def format_decimal(language: str, number: float) -> str:
    """Format a number with one decimal.

    >>> format_decimal("sv", 2.04)
    '2,0'
    """
    return f"{number:.1f}".replace(".", translate(language, "format.decimal_point"))


def _join_with_and(language: str, words: Sequence[str]) -> str:
    """Join words with commas and a final "and".

    >>> _join_with_and("en", ["a title", "a lead", "tags"])
    'a title, a lead and tags'
    """
    *most, last = words
    return translate(language, "format.and", first=", ".join(most), last=last) if most else last


NON_TERMINAL_WIDTH = 140  # columns of a table that is not printed on a terminal


def _list_cells(row: AgencyHealth) -> list[str]:
    state = row["state"] + (" (known)" if row["is_fault"] and row["acknowledged"] else "")
    days = (row["since"], row["newest"], row["facts"].get("worked"))
    stored = str(row["facts"].get("stored", ""))
    return [row["agency"], state, *((day or "")[:10] for day in days), stored, row["reason_text"]]


def print_health(rows: Sequence[AgencyHealth], name: str, notes: Sequence[str] = ()) -> None:
    """Print a row for each agency, in the order of `rows`, and then the notes.

    name: the name of the archive, for the title.
    """
    faults = sum(row["is_unacknowledged"] for row in rows)
    table = Table(
        *("agency", "state", "since", "newest", "read", "stored", "why"),
        title=f"{name}: {faults} new faults in {len(rows)} agencies",
    )
    table.title_justify, table.columns[5].justify = "left", "right"
    for row in rows:
        style = "red" if row["is_unacknowledged"] else "yellow" if row["is_fault"] else None
        table.add_row(*map(Text, _list_cells(row)), style=style)
    console = Console()
    if not console.is_terminal:
        console = Console(width=NON_TERMINAL_WIDTH)
    console.print(table)
    for note in notes:
        console.print(Text(note))
