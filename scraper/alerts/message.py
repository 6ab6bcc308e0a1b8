"""What a message says: of each agency the fault it is in now, the one it has recovered from, or one that has passed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from archive.alerts import Alerts, Event
from archive.health.judging import is_fault, read_all
from archive.times import to_text
from scraper.alerts.texts import HEADINGS, MORE, STATUS, say, subject_of, tell_reason
from scraper.alerts.ways import Ways

SHOWN = 50  # agencies under one heading; the rest is counted
KINDS = ("faults", "recoveries", "passed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One agency in a message: all its events that were not told yet, oldest first."""

    kind: str  # of KINDS
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message; its id follows from what it tells."""

    id: str
    subject: str
    text: str
    sent: datetime
    told: tuple[Told, ...]
    status_page: str | None

    def to_json(self) -> dict[str, Any]:
        """As a webhook gets it."""
        parts = {kind: [to_row(one) for one in self.told if one.kind == kind] for kind in KINDS}
        head = {"id": self.id, "sent": to_text(self.sent), "subject": self.subject, "text": self.text}
        return {**head, **parts, "status_page": self.status_page}


def choose(db: Database, alerts: Alerts, channel: str, events: list[Event]) -> tuple[list[Told], list[Event]]:
    """What events give cause to tell, agency by agency, and those that give none.

    None gives a fault that was acknowledged meanwhile, that was told in the same words already, or a change from
    well to well.
    """
    quiet_ones = {row["agency"] for row in read_all(db) if row["acknowledged"]}
    groups: dict[str, list[Event]] = {}
    for event in events:
        groups.setdefault(event.agency, []).append(event)
    chosen, quiet = [], []
    for agency, group in groups.items():
        before, after = alerts.last_told(agency, channel), group[-1]
        kind = None
        if faulty(after):
            same = before is not None and (before.state, key_of(before)) == (after.state, key_of(after))
            kind = None if same or agency in quiet_ones else "faults"
        elif before is not None and faulty(before):
            kind = "recoveries"
        elif any(map(faulty, group)):
            kind = "passed"
        if kind:
            chosen.append(Told(kind=kind, events=tuple(group)))
        else:
            quiet += group
    return chosen, quiet


def compose(told: list[Told], ways: Ways, now: datetime) -> Message:
    """The message, in the language that is set."""
    parts = {kind: [one for one in told if one.kind == kind] for kind in KINDS}
    lines = []
    for kind, ones in parts.items():
        if not ones:
            continue
        lines += ["", say(HEADINGS[kind], ways.language)]
        lines += [f"- {to_line(one, ways.language)}" for one in ones[:SHOWN]]
        if len(ones) > SHOWN:
            lines.append(say(MORE, ways.language, len(ones) - SHOWN))
    if ways.status_page:
        lines += ["", f"{say(STATUS, ways.language)} {ways.status_page}"]
    numbers = ",".join(str(event.id) for one in told for event in one.events)
    return Message(
        id=hashlib.sha256(numbers.encode()).hexdigest()[:24],
        subject=subject_of({kind: len(ones) for kind, ones in parts.items()}, ways.language),
        text="\n".join(lines).strip() + "\n",
        sent=now,
        told=tuple(told),
        status_page=ways.status_page,
    )


def to_line(one: Told, language: str) -> str:
    """An agency in a line: of a fault that has passed its own words, else those of what stands."""
    last = one.events[-1]
    shown = last if one.kind != "passed" else next(event for event in reversed(one.events) if faulty(event))
    name = last.name_en if language == "en" else last.name
    return f"{name} ({last.agency}), {shown.at[:16].replace('T', ' ')} UTC: {tell_reason(shown, language)}"


def to_row(one: Told) -> dict[str, Any]:
    """An agency as JSON."""
    last = one.events[-1]
    return {
        "agency": last.agency,
        "name": last.name,
        "state": last.state,
        "previous": one.events[0].previous,
        "at": last.at,
        "reason": json.loads(last.reason),
    }


def faulty(event: Event) -> bool:
    """Whether an event brought a fault."""
    return is_fault(event.state, code_of(event))


def key_of(event: Event) -> tuple[str, str]:
    """What must be another for a fault to be another one."""
    reason = json.loads(event.reason)
    return str(reason.get("code", "")), str(reason.get("what", ""))


def code_of(event: Event) -> str:
    """The code of an event's reason."""
    return key_of(event)[0]
