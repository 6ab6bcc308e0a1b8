"""The year of a date that names none, from the address of its page."""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import urlsplit

from scraper.normalise.months import MONTH, MONTHS

# Dates as paths hold them: /2023/mars/20/, /2023/03/20/, /2023-03-20-, down to the year alone.
PATH_DATE = re.compile(
    rf"(?<!\d)(?P<y>(?:19|20)\d\d)(?:[/-](?:(?P<m>[01]?\d)(?!\d)|{MONTH})(?:[/-](?P<d>[0-3]?\d)(?!\d))?)?(?![\w])",
    re.IGNORECASE,
)
HALF_A_YEAR = 183


def find_year(url: str, month: int, day: int) -> int:
    """The year a day without one belongs to; ValueError where the URL does not tell it.

    Where the URL names a month, the year is the one that brings the two within half a year of each other:
    a page of 31 December is updated in January of the next. A folder of the path tells more than a word of its
    slug, which may speak of any year.

    >>> find_year("https://a.se/2023/mars/20/x/", 3, 20), find_year("https://a.se/2023/december/31/x/", 1, 1)
    (2023, 2024)
    >>> find_year("https://a.se/nyheter/2020/05/x/", 5, 15), find_year("https://a.se/nyhetsarkiv-2019/x/", 1, 5)
    (2020, 2019)
    >>> find_year("https://a.se/nyheter/2025/rapport-for-april-2014/", 5, 15)
    2025
    """
    path = urlsplit(url).path
    found = list(PATH_DATE.finditer(path))
    found = [match for match in found if is_folder(match, path)] or found
    years = {match["y"] for match in found}
    if len(years) != 1:
        raise ValueError(f"the year is told neither by the text nor by {path}")
    year = int(years.pop())
    for match in found:
        if match["m"] or match["month"]:
            stated = int(match["m"]) if match["m"] else MONTHS[match["month"].lower()]
            return nearest_year(year, stated, int(match["d"] or 15), month, day)
    return year


def is_folder(match: re.Match[str], path: str) -> bool:
    """Whether a date of a path is a folder, or opens the last part of the path as a whole day does."""
    begins = path[: match.start()].endswith("/")
    return begins and (path[match.end() :][:1] in ("", "/") or bool(match["d"]))


def nearest_year(year: int, stated_month: int, stated_day: int, month: int, day: int) -> int:
    """The year that puts month and day nearest to the stated date."""
    stated = date(year, stated_month, stated_day)
    apart = (date(year, month, min(day, 28)) - stated).days
    return year + (1 if apart < -HALF_A_YEAR else -1 if apart > HALF_A_YEAR else 0)
