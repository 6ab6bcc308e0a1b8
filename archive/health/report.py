"""Status page data; sentences.

What can go wrong with a request or a page, by kind: as `crawls.faults` counts it and the status page says it.

Health in words: states, reasons and faults in a reader's language.

Health as the status page shows it: every agency with state and reason, trouble first; what changed; our manners.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from archive.database import Run
from archive.dates import parse_time, to_text
from archive.health import is_fault
from archive.i18n import FILLS, NO_BREAK, REASONS, ROBOTS, STATES, TOLD, ZONE, Text, say_number, say_time, sort_key

FAULTS = {
    # no answer
    "timeout": Text("webbplatsen svarade inte i tid", "the site did not answer in time"),
    "dns": Text("adressen finns inte längre i DNS", "there is no such host in DNS"),
    "tls": Text("den säkra anslutningen misslyckades", "the secure connection failed"),
    "refused connection": Text("webbplatsen tog inte emot anslutningen", "the site refused the connection"),
    "broken answer": Text("svaren bröts av", "answers broke off"),
    # an answer that says no
    "status 5xx": Text("webbplatsen svarade med serverfel", "the site answered with a server’s fault"),
    "status 403": Text("webbplatsen nekade åtkomst", "the site denied access"),
    "status 404": Text("adressen finns inte", "the address does not exist"),
    "status 429": Text("webbplatsen bad oss vänta", "the site asked us to wait"),
    "status 4xx": Text("webbplatsen avvisade frågan", "the site rejected the request"),
    "status": Text("webbplatsen svarade oväntat", "the site answered unexpectedly"),
    "host paused": Text("webbplatsen lämnas i fred en tid", "the site is left in peace for a while"),
    "robots": Text("robots.txt förbjuder läsning", "robots.txt forbids reading"),
    "robots unreachable": Text("robots.txt gick inte att läsa", "robots.txt could not be read"),
    # something stands between us and the page
    "block page": Text("en spärrsida visades i stället", "a block page was shown instead"),
    "consent wall": Text("en samtyckesruta visades i stället", "a consent wall was shown instead"),
    "login": Text("en inloggning visades i stället", "a login was shown instead"),
    "outage": Text("webbplatsen sade att den är ur funktion", "the site said that it is out of order"),
    # a page that is no release
    "error page": Text("sidorna sade att de inte finns", "pages said that they do not exist"),
    "redirected": Text("adresserna ledde någon annanstans", "addresses led elsewhere"),
    "listing": Text("sidorna var listor, inga meddelanden", "pages were lists, not releases"),
    "no release": Text("sidorna var inga meddelanden", "pages were no releases"),
    "unreadable": Text("uppgifter på sidorna gick inte att läsa", "what pages told could not be read"),
    # a source
    "unreadable source": Text("listan över meddelanden gick inte att läsa", "the list of releases could not be read"),
    # ours
    "left out": Text("adresser lämnades därhän av säkerhetsskäl", "addresses were left alone for safety"),
    "our fault": Text("arkivets eget program fallerade", "the archive’s own program failed"),
    "other": Text("något annat gick fel", "something else went wrong"),
}
WALLS = ("status 403", "status 429", "block page", "consent wall", "login")  # who asks is kept out, not the public


TIMES = ("since", "last", "newest")


def say_state(lang: str, state: str) -> str:
    """A state.

    >>> say_state("en", "quiet"), say_state("sv", "failing")
    ('quiet', 'ur funktion')
    """
    return pick(lang, STATES[state])


def say_reason(lang: str, reason: Mapping[str, Any]) -> str:
    """The sentence why.

    >>> say_reason("en", {"code": "all_refused", "what": "login", "bad": 3, "fault": "login"})
    'None of 3 listed pages could be read: a login was shown instead.'
    """
    text = getattr(REASONS[reason["code"]], lang)
    if isinstance(text, tuple):
        text = text[0 if reason.get("n") == 1 else 1]
    return str(text.format(**{name: say_value(lang, name, value) for name, value in reason.items()}))


def say_value(lang: str, name: str, value: Any) -> str:
    """A value of a reason, as the sentence wants it."""
    if name in TIMES:
        return say_day(lang, value)
    if name == "fault":
        return say_fault(lang, value)
    if name == "fields":
        return join_words(lang, [pick(lang, TOLD[field]) for field in value])
    return say_number(lang, value) if isinstance(value, int) else str(value)


def say_day(lang: str, text: str | None) -> str:
    """The day of a stored time, as Swedish clocks have it: hours say nothing of health.

    >>> say_day("en", "2024-06-02T23:30:00+00:00")
    '3 June 2024'
    """
    value = parse_time(text)
    return say_time(lang, to_text(value.astimezone(ZONE).date()) if isinstance(value, datetime) else text)


def say_fault(lang: str, fault: str) -> str:
    """A kind of fault; one that an older or newer version counted stands as it is."""
    return pick(lang, FAULTS[fault]) if fault in FAULTS else fault


def say_fill(lang: str, field: str) -> str:
    """A field as a label."""
    return pick(lang, FILLS[field])


def say_robots(lang: str, robots: str | None) -> str:
    """What robots.txt said."""
    return pick(lang, ROBOTS[robots]) if robots in ROBOTS else ""


def say_size(lang: str, size: int) -> str:
    """Bytes in a unit that fits.

    >>> say_size("sv", 1_234_567), say_size("en", 900)
    ('1,2\\xa0MB', '900\\xa0bytes')
    """
    for unit, least in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= least:
            return say_decimal(lang, size / least) + NO_BREAK + unit
    return f"{size}{NO_BREAK}" + ("bytes" if lang == "en" else "byte")


def say_decimal(lang: str, number: float) -> str:
    """A number with one decimal.

    >>> say_decimal("sv", 2.04)
    '2,0'
    """
    return f"{number:.1f}" if lang == "en" else f"{number:.1f}".replace(".", ",")


def join_words(lang: str, words: Sequence[str]) -> str:
    """Words with commas and an `and`.

    >>> join_words("en", ["a title", "a lead", "tags"])
    'a title, a lead and tags'
    """
    *most, last = words
    return f"{', '.join(most)} {'and' if lang == 'en' else 'och'} {last}" if most else last


def pick(lang: str, text: Text) -> str:
    """One language's words."""
    return str(getattr(text, lang))


LATE = timedelta(days=3)  # without a judgement: nobody runs the crawls any more
ORDER = ("failing", "never worked", "suspect", "quiet", "healthy", "paused")
UNTRIED = {"code": "never_crawled", "what": ""}
HEALTH = """
    select a.slug as agency, a.name, a.name_en, a.home, h.state, h.since, h.reason, h.newest, h.usual_gap, h.expected,
      h.judged, h.acknowledged, h.facts
    from agencies a left join health h on h.agency = a.slug
"""
EVENTS = """
    select e.id, e.agency, a.name, a.name_en, e.at, e.state, e.previous, e.reason
    from health_events e join agencies a on a.slug = e.agency where {which} order by e.id desc limit :most
"""
SHOWN_FACTS = """
    e.id < :before and not (e.state in ('healthy', 'quiet') and coalesce(e.previous, 'healthy') in ('healthy', 'quiet'))
    and json_extract(e.reason, '$.code') <> 'never_crawled'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An agency's health. why: the sentence; fault: whether something is wrong; red: and nobody knows of it yet."""

    agency: str
    name: str
    name_en: str | None
    home: str
    state: str
    said: str
    since: str | None
    why: str
    reason: Mapping[str, Any]
    fault: bool
    red: bool
    newest: str | None
    usual_gap: float | None
    expected: str | None
    judged: str | None
    acknowledged: str | None
    facts: Mapping[str, Any]

    @property
    def untried(self) -> bool:
        """Nobody has tried to read it yet."""
        return bool(self.reason["code"] == "never_crawled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """Thirty days of requests to all agencies' sites; `robots`: how many say what."""

    requests: int
    bytes: int
    same: int
    delay: float | None
    robots: Counter[str] = field(default_factory=Counter)


async def find_health(run: Run, lang: str, agency: str | None = None) -> list[Shown]:
    """All agencies, or one: unknown faults first, then known ones, the quiet, the healthy; each by name."""
    rows = await run(HEALTH + ("where a.slug = :agency" if agency else ""), {"agency": agency} if agency else {})
    return sorted((to_shown(dict(row), lang) for row in rows), key=partial(rank, lang))


def rank(lang: str, row: Shown) -> tuple[bool, bool, int, str]:
    """Trouble first, then by the name that is shown."""
    name = row.name_en if lang == "en" and row.name_en else row.name
    return not row.red, not row.fault, ORDER.index(row.state) + (len(ORDER) if row.untried else 0), sort_key(name)


def to_shown(row: dict[str, Any], lang: str) -> Shown:
    """A row of agencies and health; one never judged is one never tried."""
    reason = json.loads(row["reason"]) if row["reason"] else UNTRIED
    state = row["state"] or "never worked"
    fault = is_fault(state, reason["code"])
    told = {
        "state": state,
        "said": say_state(lang, state),
        "reason": reason,
        "why": say_reason(lang, reason),
        "fault": fault,
        "red": fault and row["acknowledged"] is None,
        "facts": json.loads(row["facts"] or "{}"),
    }
    return Shown(**{**row, **told})


async def find_events(run: Run, *, agency: str | None = None, before: int | None = None, most: int) -> Sequence[Any]:
    """Changes, newest first: of one agency all, of all those to or from a fault; further ones have ids `before`."""
    which = "e.agency = :agency" if agency else SHOWN_FACTS
    values: dict[str, Any] = {"agency": agency} if agency else {"before": before or 2**62}
    rows = await run(EVENTS.format(which=which), {**values, "most": most})
    return [dict(row) | {"reason": json.loads(row["reason"])} for row in rows]


def find_manners(rows: Sequence[Shown]) -> Manners:
    """The sums."""
    guests = [row.facts["guest"] for row in rows if row.facts.get("guest")]
    return Manners(
        requests=sum(guest["requests"] for guest in guests),
        bytes=sum(guest["bytes"] for guest in guests),
        same=sum(guest["not_modified"] for guest in guests),
        delay=min((guest["delay"] for guest in guests if guest["delay"] is not None), default=None),
        robots=Counter(guest["robots"] for guest in guests if guest["robots"]),
    )


def find_judged(rows: Sequence[Shown]) -> str | None:
    """When anything was judged last."""
    return max((row.judged for row in rows if row.judged), default=None)


def is_late(judged: str | None, now: datetime) -> bool:
    """Whether the last judgement is so old that nobody seems to run the crawls any more."""
    return judged is not None and now - datetime.fromisoformat(judged) > LATE
