"""Parses and checks the URL parameters of pages."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol

from archive.dates import to_iso
from archive.i18n import SWEDISH_TIME

MAX_ID = 2**53  # larger integers are not exact in JavaScript
HARMLESS_PARAMETER = re.compile(r"lang|utm_\w+|fbclid|gclid|dclid|msclkid|mc_cid|mc_eid|igshid|yclid|wt_mc")
LIST_PARAMETERS = ("after", "size")


class UrlArguments(Protocol):
    """The parameters of a URL (Datasette's `request.args`)."""

    def get(self, name: str, default: str | None = None, /) -> str | None: ...

    def getlist(self, name: str, /) -> Sequence[str]: ...


class FilterError(ValueError):
    """An unknown URL parameter, or one with an invalid value."""

    def __init__(
        self, name: str, value: str, expected: str, text_key: str = "error.bad_filter", **text_values: str
    ) -> None:
        self.text_key = text_key  # key of an interface text, which is formatted with `text_values`
        self.text_values = {"name": name, "value": value, **text_values}
        super().__init__(f"{name}={value}: {expected}")


def parse_number_parameter(args: UrlArguments, name: str, maximum: int = MAX_ID, *, signed: bool = False) -> int | None:
    """Return a parameter from 0 to `maximum`, or None if absent; raise FilterError if it is invalid.

    signed: whether it may have a minus.
    """
    text = (args.get(name) or "").strip()
    if not text:
        return None
    digits = text.removeprefix("-") if signed else text
    expected = f"a whole number from {-maximum if signed else 0} to {maximum}"
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 16 or int(digits) > MAX_ID:
        raise FilterError(name, text, expected)
    if int(digits) > maximum:
        raise FilterError(name, text, expected, "error.too_large", most=str(maximum))
    return int(text)


def parse_choice_parameter(args: UrlArguments, name: str, choices: Collection[str]) -> str | None:
    """Return a parameter that is one of `choices`, or None if absent; raise FilterError if it is invalid."""
    text = (args.get(name) or "").strip()
    if text and text not in choices:
        raise FilterError(name, text, "one of " + ", ".join(choices))
    return text or None


def parse_day_parameter(args: UrlArguments, name: str) -> date | None:
    """Return a parameter YYYY-MM-DD as a day, or None if absent; raise FilterError if it is invalid."""
    text = (args.get(name) or "").strip()
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise FilterError(name, text, "a day as YYYY-MM-DD") from error


def format_day_start(day: date | None, *, next_day: bool = False) -> str | None:
    """Return the UTC time at which a day (or the next one) starts in Sweden; None if `day` is None.

    >>> format_day_start(date(2024, 6, 3)), format_day_start(date(2024, 6, 3), next_day=True)
    ('2024-06-02T22:00:00+00:00', '2024-06-03T22:00:00+00:00')
    """
    if day is None or day >= date.max:
        return None
    begins = datetime.combine(day + timedelta(days=int(next_day)), time(), SWEDISH_TIME)
    return to_iso(begins.astimezone(UTC)) if begins.year > 1 else None


def is_harmless_parameter(name: str) -> bool:
    """Return whether a parameter is allowed on every page: the language, or one from web analytics.

    >>> [is_harmless_parameter(name) for name in ("lang", "utm_source", "agencyy")]
    [True, True, False]
    """
    return bool(HARMLESS_PARAMETER.fullmatch(name))
