"""What an address asks of a register: numbers, days and cursors, read or refused by name."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from archive.dates import to_text
from archive.i18n import ZONE

MOST = 2**53  # an id beyond it is none


class Args(Protocol):
    """The part of an address behind the question mark."""

    def get(self, name: str, default: str | None = None, /) -> str | None: ...


class FilterError(ValueError):
    """A filter whose value cannot be read; nothing is left out silently."""

    def __init__(self, name: str, value: str, wanted: str, why: str = "bad_filter", **more: str) -> None:
        self.why = why  # a key of our texts, which `told` fills in
        self.told = {"name": name, "value": value, **more}
        super().__init__(f"{name}={value}: {wanted}")


def read_number(args: Args, name: str, most: int = MOST) -> int | None:
    """A whole number from 0 to `most`; None where it is not asked for."""
    text = (args.get(name) or "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 16 or int(text) > most:
        raise FilterError(name, text, f"a whole number from 0 to {most}")
    return int(text)


def read_flag(args: Args, name: str) -> bool:
    """Whether 1 is asked for."""
    return read_number(args, name, 1) == 1


def read_choice(args: Args, name: str, choices: Collection[str]) -> str | None:
    """One of some words; None where none is asked for."""
    text = (args.get(name) or "").strip()
    if text and text not in choices:
        raise FilterError(name, text, "one of " + ", ".join(choices))
    return text or None


def read_day(args: Args, name: str) -> date | None:
    """A day as YYYY-MM-DD; None where none is asked for."""
    text = (args.get(name) or "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise FilterError(name, text, "a day as YYYY-MM-DD") from error


def day_start(day: date | None, *, after: bool = False) -> str | None:
    """When a day (or the one after it) begins in Sweden, as the archive notes its own times.

    >>> day_start(date(2024, 6, 3)), day_start(date(2024, 6, 3), after=True)
    ('2024-06-02T22:00:00+00:00', '2024-06-03T22:00:00+00:00')
    """
    if day is None or day >= date.max:
        return None
    begins = datetime.combine(day + timedelta(days=int(after)), time(), ZONE)
    return to_text(begins.astimezone(UTC)) if begins.year > 1 else None
