"""Finds the days, months and seasons that a query names: "6 juni 2024", "hösten 2022", "last week".

Swedish and English names are recognised in any query. A day or month without a year is not
recognised, because it is ambiguous.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from archive.changes.facts import MONTH_NUMBERS
from archive.language.synonyms import FUNCTION_WORDS
from archive.search.query_language import MAX_QUERY_LENGTH, NEAR_PATTERN, OPERATORS
from archive.times import parse_typed_date

_MONTH = rf"(?P<month>{'|'.join(sorted(MONTH_NUMBERS, key=len, reverse=True))})\.?"
_DAY = r"(?P<day>\d{1,2})(?::?e|:?a|st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_SEASONS = {  # first month
    **dict.fromkeys(("vår", "våren", "spring"), 3),
    **dict.fromkeys(("sommar", "sommaren", "summer"), 6),
    **dict.fromkeys(("höst", "hösten", "autumn", "fall"), 9),
    **dict.fromkeys(("vinter", "vintern", "winter"), 12),
}
_LATEST_SEASONS = {"i våras": 3, "i somras": 6, "i höstas": 9, "i vintras": 12}
_SEASON_MONTHS = 3

_DAY_PATTERNS = [
    re.compile(pattern)
    for pattern in (
        r"(?P<iso>(?:19|20)\d\d(?P<mark>[-/.])\d{1,2}(?P=mark)\d{1,2})",
        rf"(?:den |the )?{_DAY} (?:of )?{_MONTH},? {_YEAR}",
        rf"{_MONTH} (?:the )?{_DAY},? {_YEAR}",
    )
]


Days = tuple[str, str]  # the first and the last day of a period (ISO 8601)


@dataclass(frozen=True, slots=True)
class NamedPeriod:
    """A period that a query names, and the rest of the query."""

    first: str  # first and last day (ISO 8601)
    last: str
    rest: str


def read_day(text: str) -> str | None:
    """Return the date (ISO 8601) if a text consists only of a full date, or None for any other
    text.

    >>> read_day("6 juni 2024"), read_day("June 6th, 2024"), read_day("2024-06-06")
    ('2024-06-06', '2024-06-06', '2024-06-06')
    >>> read_day("30 februari 2024"), read_day("juni 2024"), read_day("NATO 6 juni 2024")
    (None, None, None)
    """
    plain = " ".join(text.lower().split())
    matches = (pattern.fullmatch(plain) for pattern in _DAY_PATTERNS)
    return next((day for match in matches if match and (day := _build_day(match))), None)


def find_named_periods(text: str, today: date) -> list[NamedPeriod]:
    """Return the periods that a query may mean by a name outside quotation marks.

    There are two for a winter of a single year (the winter that begins and the winter that ends in
    that year), one for any other name, and none if the query names no period or several periods. A
    year alone is recognised only if it is the whole query. Nothing is recognised in a query with
    operators, because an operator may apply to a name.

    today: the day from which names such as "i fjol" are counted.

    >>> find_named_periods("Ukraina hösten 2022", date(2026, 11, 30))
    [NamedPeriod(first='2022-09-01', last='2022-11-30', rest='Ukraina')]
    """
    plain = " ".join(text[:MAX_QUERY_LENGTH].split())
    hidden = re.sub(r'"[^"]*"?', lambda quoted: "\0" * len(quoted[0]), plain).lower()
    if _has_operators(plain) or len(hidden) != len(plain):  # İ has two in lower case
        return []
    for pattern, read in _READERS:
        if match := re.search(rf"(?<!\S)(?:{pattern})(?=[\s,.]|$)", hidden):
            rest = _drop_name(plain, *match.span())
            if find_named_periods(rest, today):
                return []  # from one day to another
            return [NamedPeriod(*days, rest) for days in read(match, today)]
    return []


def _has_operators(text: str) -> bool:
    has_brackets = any(mark in text for mark in "()|")
    return has_brackets or any(
        word in OPERATORS or NEAR_PATTERN.fullmatch(word) for word in text.split()
    )


def _drop_name(text: str, start: int, end: int) -> str:
    """Return a text without the name of a period and the function words before the name.

    For example, return "vård" for "vård i mars 2022".
    """
    before, after = text[:start].split(), text[end:].lstrip(" ,.").split()
    while before and before[-1].lower() in FUNCTION_WORDS:
        before.pop()
    return " ".join([*before, *after])


def _build_day(match: re.Match[str]) -> str | None:
    found = match.groupdict()
    if found.get("iso"):
        return parse_typed_date(found["iso"])
    return parse_typed_date(f"{found['year']}-{MONTH_NUMBERS[found['month']]}-{found['day']}")


def _read_day(match: re.Match[str], today: date) -> Iterator[Days]:
    if day := _build_day(match):
        yield day, day


def _read_month(match: re.Match[str], today: date) -> Iterator[Days]:
    yield _list_months(int(match["year"]), MONTH_NUMBERS[match["month"]], 1)


def _read_iso_month(match: re.Match[str], today: date) -> Iterator[Days]:
    if first := parse_typed_date(match[0]):
        yield first, parse_typed_date(match[0], end=True) or first


def _read_season(match: re.Match[str], today: date) -> Iterator[Days]:
    """Yield the first and last day of a season.

    A winter of a single year is two seasons: the winter that begins and the winter that ends in
    that year.
    """
    year, month = int(match["year"]), _SEASONS[match["season"]]
    is_winter = month + _SEASON_MONTHS > 12
    if match["next"]:
        if is_winter and int(match["next"]) % 100 == (year + 1) % 100:
            yield _list_months(year, month, _SEASON_MONTHS)
        return
    yield _list_months(year, month, _SEASON_MONTHS)
    if is_winter:
        yield _list_months(year - 1, month, _SEASON_MONTHS)


def _read_latest_season(match: re.Match[str], today: date) -> Iterator[Days]:
    """Yield the first and last day of the most recent season of the given name that has ended."""
    month = _LATEST_SEASONS[match[0]]
    seasons = (_list_months(today.year - back, month, _SEASON_MONTHS) for back in range(3))
    yield next(season for season in seasons if season[1] < today.isoformat())


def _read_relative(match: re.Match[str], today: date) -> Iterator[Days]:
    monday = today - timedelta(days=today.weekday())
    last_month = today.replace(day=1) - timedelta(days=1)
    name = match.lastgroup
    if name in ("this_year", "last_year"):
        yield _list_months(today.year - (name == "last_year"), 1, 12)
    elif name == "last_month":
        yield _list_months(last_month.year, last_month.month, 1)
    elif name == "last_week":
        monday -= timedelta(days=7)
        yield monday.isoformat(), (monday + timedelta(days=6)).isoformat()
    else:
        day = (today - timedelta(days=name == "yesterday")).isoformat()
        yield day, day


def _read_year(match: re.Match[str], today: date) -> Iterator[Days]:
    if match[0] == match.string:
        yield _list_months(int(match[0]), 1, 12)


def _list_months(year: int, month: int, number: int) -> Days:
    """Return the first and the last day of a period of `number` months.

    month: the first month of the period.
    """
    years, last = divmod(month + number - 2, 12)
    end = parse_typed_date(f"{year + years}-{last + 1}", end=True)
    return f"{year}-{month:02}-01", end or ""


_READERS: list[tuple[str, Callable[[re.Match[str], date], Iterator[Days]]]] = [
    *((pattern.pattern, _read_day) for pattern in _DAY_PATTERNS),
    (rf"{_MONTH},? {_YEAR}", _read_month),
    (r"(?:19|20)\d\d-\d{1,2}", _read_iso_month),
    (
        rf"(?P<season>{'|'.join(_SEASONS)})(?: of)? {_YEAR}(?:[/–-](?P<next>(?:\d\d)?\d\d))?",
        _read_season,
    ),
    ("|".join(_LATEST_SEASONS), _read_latest_season),
    (
        r"(?:(?P<this_year>i år|this year)|(?P<last_year>i fjol|förra året|last year)"
        r"|(?P<last_month>förra månaden|last month)|(?P<last_week>förra veckan|last week)"
        r"|(?P<today>i ?dag|today)|(?P<yesterday>i ?går|yesterday))",
        _read_relative,
    ),
    (_YEAR, _read_year),
]
