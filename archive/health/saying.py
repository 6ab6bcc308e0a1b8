"""Health in words: states, reasons and faults in a reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from archive.health.faults import FAULTS
from archive.health.texts import FILLS, REASONS, ROBOTS, STATES, TOLD
from archive.language import NO_BREAK, ZONE, say_number, say_time
from archive.texts import Text
from archive.times import parse_time, to_text

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
