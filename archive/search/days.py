"""A day as a reader types it in från: and till:, whole or a month or year of days."""

from __future__ import annotations

import re
from calendar import monthrange

DAY = re.compile(
    r"(?P<year>[12]\d{3})(?:"
    r"[-/.](?P<month>0?[1-9]|1[0-2])(?:[-/.](?P<day>0?[1-9]|[12]\d|3[01]))?"
    r"|(?P<mm>0[1-9]|1[0-2])(?P<dd>0[1-9]|[12]\d|3[01])?)?",
    re.ASCII,
)


def find_day(text: str, *, last: bool = False) -> str | None:
    """The first day that a text names, or the last; None where it names none.

    >>> find_day("2024"), find_day("2024-02", last=True), find_day("20240229"), find_day("2024-2-9")
    ('2024-01-01', '2024-02-29', '2024-02-29', '2024-02-09')
    >>> find_day("2023-02-29") is None
    True
    """
    match = DAY.fullmatch(text.strip())
    if match is None:
        return None
    year, month = int(match["year"]), int(match["month"] or match["mm"] or (12 if last else 1))
    length = monthrange(year, month)[1]
    day = int(match["day"] or match["dd"] or (length if last else 1))
    return f"{year}-{month:02}-{day:02}" if day <= length else None
