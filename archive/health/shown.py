"""Health as the status page shows it: every agency with state and reason, trouble first; what changed; our manners."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from archive.health.judging import is_fault
from archive.health.saying import say_reason, say_state
from archive.language import sort_key
from archive.search import Run

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
