"""Parses and formats times as the archive stores them.

A time is a datetime in ISO 8601 with a UTC offset, or only a day or a month.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, tzinfo

FOLDER_NAME_FORMAT = "%Y-%m-%dT%H%M%S"  # strftime, UTC: names of backups and snapshots
FOLDER_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}")  # a name in that format
TYPED_DATE = re.compile(
    r"(?P<year>[12]\d{3})(?:"
    r"[-/.](?P<month>0?[1-9]|1[0-2])(?:[-/.](?P<day>0?[1-9]|[12]\d|3[01]))?"
    r"|(?P<mm>0[1-9]|1[0-2])(?P<dd>0[1-9]|[12]\d|3[01])?)?",
    re.ASCII,
)


class Month(date):
    """A month without a known day. Its first day is used only for sorting and counting.

    >>> Month(2024, 3, 1).isoformat()
    '2024-03'
    """

    def isoformat(self) -> str:
        return f"{self.year:04}-{self.month:02}"


def to_iso(value: datetime | date | None) -> str | None:
    """Format a datetime, day or month as ISO 8601. Returns None for None.

    Raises ValueError if a datetime has no offset.

    >>> to_iso(date(2024, 3, 15))
    '2024-03-15'
    >>> to_iso(datetime(2024, 3, 15, 9, 30, tzinfo=UTC))
    '2024-03-15T09:30:00+00:00'
    """
    if value is None:
        return None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no offset")
        return value.replace(microsecond=0).isoformat()
    return value.isoformat()


def parse_time(text: str | None) -> datetime | date | None:
    """Parse a text that `to_iso` wrote. Returns None for None.

    >>> parse_time("2024-03-15"), parse_time("2024-03")
    (datetime.date(2024, 3, 15), Month(2024, 3, 1))
    """
    if text is None:
        return None
    if len(text) == 7:
        first = date.fromisoformat(f"{text}-01")
        return Month(first.year, first.month, 1)
    return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)


def to_timezone(moment: datetime, timezone: tzinfo) -> datetime:
    """Convert a datetime to a time zone.

    If the result would be in the year 0 or 10000, the datetime is returned unchanged.

    >>> to_timezone(datetime.fromisoformat("2024-01-18T00:30:00+02:00"), UTC).isoformat()
    '2024-01-17T22:30:00+00:00'
    >>> to_timezone(datetime.fromisoformat("0001-01-01T00:30:00+02:00"), UTC).isoformat()
    '0001-01-01T00:30:00+02:00'
    """
    try:
        return moment.astimezone(timezone)
    except OverflowError:
        return moment


def only_hour_differs(first: str | None, second: str | None) -> bool:
    """Return whether two stored times are on the same day, and only one of them has a time of day.

    >>> pairs = (("2024-03-15T09:30:00+01:00", "2024-03-15"), ("2024-03-15", "2024-03-16"))
    >>> tuple(only_hour_differs(*pair) for pair in pairs)
    (True, False)
    """
    if not first or not second or first == second:
        return False
    return first[:10] == second[:10] and 10 in (len(first), len(second))


def parse_typed_date(text: str, *, end: bool = False) -> str | None:
    """Return the first day of a typed date, month or year, or None for any other text.

    The day is returned in ISO 8601.

    end: return the last day instead.

    >>> parse_typed_date("2024"), parse_typed_date("2024-02", end=True)
    ('2024-01-01', '2024-02-29')
    >>> parse_typed_date("20240229"), parse_typed_date("2024-2-9")
    ('2024-02-29', '2024-02-09')
    >>> parse_typed_date("2023-02-29") is None
    True
    """
    match = TYPED_DATE.fullmatch(text.strip())
    if match is None:
        return None
    year, month = int(match["year"]), int(match["month"] or match["mm"] or (12 if end else 1))
    length = monthrange(year, month)[1]
    day = int(match["day"] or match["dd"] or (length if end else 1))
    return f"{year}-{month:02}-{day:02}" if day <= length else None


def now() -> datetime:
    return datetime.now(UTC)
