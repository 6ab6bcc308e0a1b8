"""Counts the days on which Swedish agencies can be expected to publish. Holiday periods are left
out; summer days can count as part of a day.
"""

from __future__ import annotations

from datetime import date

SUMMER_PERIOD = ((6, 19), (8, 15))
SUMMER_DAYS = 58  # length of SUMMER_PERIOD
# when Swedish offices are empty
HOLIDAY_PERIODS = (SUMMER_PERIOD, ((12, 20), (12, 31)), ((1, 1), (1, 7)))


def count_working_days(start: date, end: date, summer_pace: float = 0.0) -> int:
    """Count the days between two dates, except those in holiday periods. The result is at least 1.

    summer_pace: how much a summer day counts, from 0 (not at all) to 1 (as much as any other day).

    >>> summer = (date(2024, 6, 17), date(2024, 8, 19))
    >>> spring = (date(2024, 5, 2), date(2024, 5, 6))
    >>> count_working_days(*summer), count_working_days(*spring)
    (5, 4)
    >>> count_working_days(date(2024, 6, 17), date(2024, 8, 19), 0.5)
    34
    """
    days = range(start.toordinal() + 1, end.toordinal() + 1)
    working_days = sum(day not in HOLIDAY_ORDINALS for day in days)
    summer_days = sum(day in SUMMER_ORDINALS for day in days) if summer_pace else 0
    return max(1, working_days + int(summer_pace * summer_days))


def _list_period_days(*periods: tuple[tuple[int, int], tuple[int, int]]) -> frozenset[int]:
    """Return the ordinals of all days from 1990 to 2059 that are in one of the yearly periods."""
    days = map(date.fromordinal, range(date(1990, 1, 1).toordinal(), date(2060, 1, 1).toordinal()))
    return frozenset(
        day.toordinal()
        for day in days
        if any(first <= (day.month, day.day) <= last for first, last in periods)
    )


HOLIDAY_ORDINALS = _list_period_days(*HOLIDAY_PERIODS)
SUMMER_ORDINALS = _list_period_days(SUMMER_PERIOD)
