"""Reads the status page's data, and formats health states and reasons in words.

Agencies with faults come first.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from archive.database import RunQuery
from archive.dates import parse_time, to_iso
from archive.health import is_fault
from archive.i18n import NO_BREAK_SPACE, SWEDISH_TIME, format_time, swedish_sort_key, translate, translate_code

MAX_ASSESSMENT_AGE = timedelta(days=3)  # if the last one is older, crawls seem to have stopped
STATE_ORDER = ("failing", "never worked", "suspect", "quiet", "healthy", "paused")
NEVER_CRAWLED_REASON = {"code": "never_crawled", "what": ""}
TIME_VALUES = ("since", "last", "newest")  # values of a reason that are times

AGENCY_HEALTH_SQL = """
    select a.slug as agency, a.name, a.name_en, a.home, h.state, h.since, h.reason, h.newest, h.usual_gap, h.expected,
      h.judged, h.acknowledged, h.facts
    from agencies a left join health h on h.agency = a.slug
"""
HEALTH_EVENTS_SQL = """
    select e.id, e.agency, a.name, a.name_en, e.at, e.state, e.previous, e.reason
    from health_events e join agencies a on a.slug = e.agency where {condition} order by e.id desc limit :most
"""
FAULT_EVENTS_CONDITION = """
    e.id < :before and not (e.state in ('healthy', 'quiet') and coalesce(e.previous, 'healthy') in ('healthy', 'quiet'))
    and json_extract(e.reason, '$.code') <> 'never_crawled'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyHealth:
    """An agency's health for the status page, in words in the visitor's language."""

    agency: str
    name: str
    name_en: str | None
    home: str
    state: str
    state_text: str
    since: str | None
    reason_text: str
    fault_text: str  # the reason without an address, equal for agencies with the same fault
    reason: Mapping[str, Any]
    is_fault: bool
    is_unacknowledged: bool  # a fault that is not acknowledged, shown red
    newest: str | None
    usual_gap: float | None
    expected: str | None
    judged: str | None
    acknowledged: str | None
    facts: Mapping[str, Any]

    @property
    def never_crawled(self) -> bool:
        return bool(self.reason["code"] == "never_crawled")


async def read_agency_health(run: RunQuery, language: str, agency: str | None = None) -> list[AgencyHealth]:
    """Return the health of all agencies or one, sorted by new fault, acknowledged fault, state and name."""
    rows = await run(
        AGENCY_HEALTH_SQL + ("where a.slug = :agency" if agency else ""), {"agency": agency} if agency else {}
    )
    return sorted((build_agency_health(dict(row), language) for row in rows), key=partial(get_severity_key, language))


def build_agency_health(row: dict[str, Any], language: str) -> AgencyHealth:
    """Build an AgencyHealth from a row of AGENCY_HEALTH_SQL. Without an assessment, it is never_crawled."""
    reason = json.loads(row["reason"]) if row["reason"] else NEVER_CRAWLED_REASON
    state = row["state"] or "never worked"
    fault = is_fault(state, reason["code"])
    derived = {
        "state": state,
        "state_text": format_health_state(language, state),
        "reason": reason,
        "reason_text": format_health_reason(language, reason),
        "fault_text": format_health_reason(language, reason, with_address=False),
        "is_fault": fault,
        "is_unacknowledged": fault and row["acknowledged"] is None,
        "facts": json.loads(row["facts"] or "{}"),
    }
    return AgencyHealth(**{**row, **derived})


def get_severity_key(language: str, row: AgencyHealth) -> tuple[bool, bool, int, str]:
    name = row.name_en if language == "en" and row.name_en else row.name
    return (
        not row.is_unacknowledged,
        not row.is_fault,
        STATE_ORDER.index(row.state) + (len(STATE_ORDER) if row.never_crawled else 0),
        swedish_sort_key(name),
    )


async def read_health_events(
    run: RunQuery, *, agency: str | None = None, before: int | None = None, limit: int
) -> Sequence[Any]:
    """Return health events, newest first: all of one agency, or every agency's changes to or from a fault.

    before: only events with a lower id, for the next page.
    """
    condition = "e.agency = :agency" if agency else FAULT_EVENTS_CONDITION
    parameters: dict[str, Any] = {"agency": agency} if agency else {"before": before or 2**62}
    rows = await run(HEALTH_EVENTS_SQL.format(condition=condition), {**parameters, "most": limit})
    return [dict(row) | {"reason": json.loads(row["reason"])} for row in rows]


def build_politeness_report(rows: Sequence[AgencyHealth]) -> dict[str, Any]:
    """Return sums of all agencies' requests in 30 days; `robots` counts agencies by robots.txt outcome."""
    reports = [row.facts["politeness"] for row in rows if row.facts.get("politeness")]
    return {
        **{name: sum(report[name] for report in reports) for name in ("requests", "bytes", "not_modified")},
        "delay": min((report["delay"] for report in reports if report["delay"] is not None), default=None),
        "robots": Counter(report["robots"] for report in reports if report["robots"]),
    }


def find_last_assessment(rows: Sequence[AgencyHealth]) -> str | None:
    return max((row.judged for row in rows if row.judged), default=None)


def is_assessment_overdue(assessed_at: str | None, now: datetime) -> bool:
    """Return whether the last assessment is so old that crawls seem to have stopped."""
    return assessed_at is not None and now - datetime.fromisoformat(assessed_at) > MAX_ASSESSMENT_AGE


def format_health_state(language: str, state: str) -> str:
    """Return the name of a health state in a language.

    >>> format_health_state("en", "quiet"), format_health_state("sv", "failing")
    ('quiet', 'fungerar inte')
    """
    return translate(language, f"health.state.{state}")


def format_health_reason(language: str, reason: Mapping[str, Any], *, with_address: bool = True) -> str:
    """Format the sentence that explains a state, and the address of the page or source it concerns.

    >>> reason = {"code": "all_refused", "what": "login", "n": 3, "fault": "login", "url": "https://a.example/1"}
    >>> format_health_reason("en", reason)
    'None of the 3 listed pages that were fetched could be read: a login page was shown instead. Address: https://a.example/1'
    """
    values = {name: format_reason_value(language, name, value) for name, value in reason.items()}
    sentence = translate(language, f"health.reason.{reason['code']}", **values)
    if with_address and reason.get("url"):
        return f"{sentence} {translate(language, 'health.url')}: {reason['url']}"
    return sentence


def format_reason_value(language: str, name: str, value: Any) -> Any:
    if name in TIME_VALUES:
        return format_swedish_day(language, value)
    if name == "fault":
        return translate_code(language, "failure", value)
    if name == "shown":
        return f" ({translate(language, 'format.quoted', text=value)})" if value else ""
    if name == "fields":
        return join_with_and(language, [translate(language, f"health.field.{field}") for field in value])
    return value


def format_swedish_day(language: str, text: str | None) -> str:
    """Format the date, in Sweden, of a stored time.

    >>> format_swedish_day("en", "2024-06-02T23:30:00+00:00")
    '3 June 2024'
    """
    value = parse_time(text)
    return format_time(language, to_iso(value.astimezone(SWEDISH_TIME).date()) if isinstance(value, datetime) else text)


def format_size(language: str, size: int) -> str:
    """Format a number of bytes in a suitable unit.

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


def join_with_and(language: str, words: Sequence[str]) -> str:
    """Join words with commas and a final "and".

    >>> join_with_and("en", ["a title", "a lead", "tags"])
    'a title, a lead and tags'
    """
    *most, last = words
    return translate(language, "format.and", first=", ".join(most), last=last) if most else last
