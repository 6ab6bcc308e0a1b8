"""Read the status page's data, and format health states, reasons and failures in Swedish and English.

Agencies with faults come first. FAILURE_TEXTS has a text for each kind of failure that `crawls.failures` counts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from archive.database import RunQuery
from archive.dates import parse_time, to_iso
from archive.health import is_fault
from archive.i18n import (
    FIELD_LABELS,
    FIELD_PHRASES,
    HEALTH_REASON_TEXTS,
    HEALTH_STATE_TEXTS,
    NO_BREAK_SPACE,
    ROBOTS_TEXTS,
    SWEDISH_TIME,
    Translation,
    format_number,
    format_time,
    swedish_sort_key,
)

MAX_ASSESSMENT_AGE = timedelta(days=3)  # if the last one is older, crawls do not seem to run any more
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
ADDRESS_LABEL = Translation("Adress", "Address")
FAILURE_TEXTS = {
    # no response
    "timeout": Translation("webbplatsen svarade inte i tid", "the site did not answer in time"),
    "dns": Translation("adressen finns inte längre i DNS", "there is no such host in DNS"),
    "tls": Translation("den säkra anslutningen misslyckades", "the secure connection failed"),
    "refused connection": Translation("webbplatsen tog inte emot anslutningen", "the site refused the connection"),
    "broken answer": Translation("svaren bröts av", "answers broke off"),
    # error status, or not requested
    "status 5xx": Translation("webbplatsen svarade med serverfel", "the site answered with a server’s fault"),
    "status 403": Translation("webbplatsen nekade åtkomst", "the site denied access"),
    "status 404": Translation("adressen finns inte", "the address does not exist"),
    "status 429": Translation("webbplatsen bad oss vänta", "the site asked us to wait"),
    "status 4xx": Translation("webbplatsen avvisade frågan", "the site rejected the request"),
    "status": Translation("webbplatsen svarade oväntat", "the site answered unexpectedly"),
    "host paused": Translation("webbplatsen lämnas i fred en tid", "the site is left in peace for a while"),
    "robots": Translation("robots.txt förbjuder läsning", "robots.txt forbids reading"),
    "robots unreachable": Translation("robots.txt gick inte att läsa", "robots.txt could not be read"),
    # another page in place of the release
    "block page": Translation("en spärrsida visades i stället", "a block page was shown instead"),
    "consent wall": Translation("en samtyckesruta visades i stället", "a consent wall was shown instead"),
    "login": Translation("en inloggning visades i stället", "a login was shown instead"),
    "captive portal": Translation(
        "nätverkets inloggningssida visades i stället", "a network’s login page was shown instead"
    ),
    "private network": Translation(
        "adresserna ledde in i ett privat nätverk, som när ett lokalt nät kräver inloggning",
        "addresses led into a private network, as they do where a local network asks for a login",
    ),
    "server error page": Translation(
        "webbserverns felsida visades i stället", "the server’s error page was shown instead"
    ),
    "placeholder": Translation("en platshållare visades i stället", "a placeholder was shown instead"),
    "replaced": Translation("en annan text stod på adresserna", "another text stood at the addresses"),
    "outage": Translation("webbplatsen sade att den är ur funktion", "the site said that it is out of order"),
    # pages that are no releases
    "error page": Translation("sidorna sade att de inte finns", "pages said that they do not exist"),
    "redirected": Translation("adresserna ledde någon annanstans", "addresses led elsewhere"),
    "listing": Translation("sidorna var listor, inga meddelanden", "pages were lists, not releases"),
    "no release": Translation("sidorna var inga meddelanden", "pages were no releases"),
    "unreadable": Translation("uppgifter på sidorna gick inte att läsa", "what pages told could not be read"),
    # sources
    "unreadable source": Translation(
        "listan över meddelanden gick inte att läsa", "the list of releases could not be read"
    ),
    "empty source": Translation("sidan svarade men listade inget", "the page answered but listed nothing"),
    # our own
    "left out": Translation("adresser lämnades därhän av säkerhetsskäl", "addresses were left alone for safety"),
    "our fault": Translation("arkivets eget program fallerade", "the archive’s own program failed"),
    "other": Translation("något annat gick fel", "something else went wrong"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyHealth:
    """An agency's health as the status page shows it.

    state_text, reason_text: in the reader's language; fault_text: the reason without an address, the same for agencies
    with the same fault. is_unacknowledged: a fault that is not acknowledged, shown red.
    """

    agency: str
    name: str
    name_en: str | None
    home: str
    state: str
    state_text: str
    since: str | None
    reason_text: str
    fault_text: str
    reason: Mapping[str, Any]
    is_fault: bool
    is_unacknowledged: bool
    newest: str | None
    usual_gap: float | None
    expected: str | None
    judged: str | None
    acknowledged: str | None
    facts: Mapping[str, Any]

    @property
    def never_crawled(self) -> bool:
        """Return whether no crawl of the agency has ended yet."""
        return bool(self.reason["code"] == "never_crawled")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolitenessReport:
    """Thirty days of requests to all agencies' sites; `robots` counts agencies by robots.txt outcome."""

    requests: int
    bytes: int
    not_modified: int
    delay: float | None
    robots: Counter[str] = field(default_factory=Counter)


async def read_agency_health(run: RunQuery, language: str, agency: str | None = None) -> list[AgencyHealth]:
    """Return all agencies, or one: new faults first, then acknowledged ones, then by state and name."""
    rows = await run(
        AGENCY_HEALTH_SQL + ("where a.slug = :agency" if agency else ""), {"agency": agency} if agency else {}
    )
    return sorted((build_agency_health(dict(row), language) for row in rows), key=partial(get_severity_key, language))


def build_agency_health(row: dict[str, Any], language: str) -> AgencyHealth:
    """Build from a row of AGENCY_HEALTH_SQL; an agency that was never assessed was never crawled."""
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
    """Return the sort key: faults first, then by the displayed name."""
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
    """Return changes of health, newest first: all of one agency, or those to or from a fault.

    before: only events with a lower id, for the next page.
    """
    condition = "e.agency = :agency" if agency else FAULT_EVENTS_CONDITION
    parameters: dict[str, Any] = {"agency": agency} if agency else {"before": before or 2**62}
    rows = await run(HEALTH_EVENTS_SQL.format(condition=condition), {**parameters, "most": limit})
    return [dict(row) | {"reason": json.loads(row["reason"])} for row in rows]


def build_politeness_report(rows: Sequence[AgencyHealth]) -> PolitenessReport:
    """Sum the politeness figures of all agencies."""
    reports = [row.facts["politeness"] for row in rows if row.facts.get("politeness")]
    return PolitenessReport(
        requests=sum(report["requests"] for report in reports),
        bytes=sum(report["bytes"] for report in reports),
        not_modified=sum(report["not_modified"] for report in reports),
        delay=min((report["delay"] for report in reports if report["delay"] is not None), default=None),
        robots=Counter(report["robots"] for report in reports if report["robots"]),
    )


def find_last_assessment(rows: Sequence[AgencyHealth]) -> str | None:
    """Return when an agency was last assessed, or None."""
    return max((row.judged for row in rows if row.judged), default=None)


def is_assessment_overdue(assessed_at: str | None, now: datetime) -> bool:
    """Return whether the last assessment is so old that crawls do not seem to run any more."""
    return assessed_at is not None and now - datetime.fromisoformat(assessed_at) > MAX_ASSESSMENT_AGE


def format_health_state(language: str, state: str) -> str:
    """Return the name of a state.

    >>> format_health_state("en", "quiet"), format_health_state("sv", "failing")
    ('quiet', 'ur funktion')
    """
    return str(HEALTH_STATE_TEXTS[state].in_language(language))


def format_health_reason(language: str, reason: Mapping[str, Any], *, with_address: bool = True) -> str:
    """Format the sentence that explains a state, and the address of a page or source that it is about.

    >>> reason = {"code": "all_refused", "what": "login", "n": 3, "fault": "login", "url": "https://a.example/1"}
    >>> format_health_reason("en", reason)
    'None of 3 listed pages could be read: a login was shown instead. Address: https://a.example/1'
    """
    text = HEALTH_REASON_TEXTS[reason["code"]].in_language(language)
    if isinstance(text, tuple):
        text = text[0 if reason.get("n") == 1 else 1]
    sentence = str(text.format(**{name: format_reason_value(language, name, value) for name, value in reason.items()}))
    if with_address and reason.get("url"):
        return f"{sentence} {ADDRESS_LABEL.in_language(language)}: {reason['url']}"
    return sentence


def format_reason_value(language: str, name: str, value: Any) -> str:
    """Format one value of a reason for its sentence."""
    if name in TIME_VALUES:
        return format_swedish_day(language, value)
    if name == "fault":
        return format_failure(language, value)
    if name == "shown":
        return f" (”{value}”)" if value and language == "sv" else f" (“{value}”)" if value else ""
    if name == "fields":
        return join_with_and(language, [str(FIELD_PHRASES[field].in_language(language)) for field in value])
    return format_number(language, value) if isinstance(value, int) else str(value)


def format_swedish_day(language: str, text: str | None) -> str:
    """Format the day of a stored time in Sweden; the time of day says nothing about health.

    >>> format_swedish_day("en", "2024-06-02T23:30:00+00:00")
    '3 June 2024'
    """
    value = parse_time(text)
    return format_time(language, to_iso(value.astimezone(SWEDISH_TIME).date()) if isinstance(value, datetime) else text)


def format_failure(language: str, kind: str) -> str:
    """Return the text of a kind of failure; an unknown kind is returned as it is."""
    return str(FAILURE_TEXTS[kind].in_language(language)) if kind in FAILURE_TEXTS else kind


def format_field_label(language: str, field: str) -> str:
    return str(FIELD_LABELS[field].in_language(language))


def format_robots_outcome(language: str, robots: str | None) -> str:
    """Return the text of a robots.txt outcome, or "" if it is unknown."""
    return str(ROBOTS_TEXTS[robots].in_language(language)) if robots in ROBOTS_TEXTS else ""


def format_size(language: str, size: int) -> str:
    """Format a number of bytes in a suitable unit.

    >>> format_size("sv", 1_234_567), format_size("en", 900)
    ('1,2\\xa0MB', '900\\xa0bytes')
    """
    for unit, least in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= least:
            return format_decimal(language, size / least) + NO_BREAK_SPACE + unit
    return f"{size}{NO_BREAK_SPACE}" + ("bytes" if language == "en" else "byte")


def format_decimal(language: str, number: float) -> str:
    """Format a number with one decimal.

    >>> format_decimal("sv", 2.04)
    '2,0'
    """
    return f"{number:.1f}" if language == "en" else f"{number:.1f}".replace(".", ",")


def join_with_and(language: str, words: Sequence[str]) -> str:
    """Join words with commas and a final "and".

    >>> join_with_and("en", ["a title", "a lead", "tags"])
    'a title, a lead and tags'
    """
    *most, last = words
    return f"{', '.join(most)} {'and' if language == 'en' else 'och'} {last}" if most else last
