"""How often an agency publishes, by its own days with releases, and whether it is silent for longer than it ever is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import ceil
from statistics import median

YEARS = 3  # of history that count
YEAR = timedelta(days=364)  # whole weeks, so that the same days of the week are compared
AROUND = 14  # days before and after the same day of an earlier year
FEWEST = 4  # gaps that make a habit
WEEKEND = 4  # days of silence that are usual for everybody: Easter is the longest
SHORTEST = 7  # days of silence that are never suspicious
SUMMER = ((6, 19), (8, 15))
HOLIDAYS = (SUMMER, ((12, 20), (12, 31)), ((1, 1), (1, 7)))  # when Swedish offices are empty
ONE_SUMMER = 58  # days


@dataclass(frozen=True, slots=True)
class Habit:
    """What is usual, in days between two days with releases.

    usual: the median. long: what only one gap in twenty exceeds. allowed: the silence from which on it is
    suspicious, weeks of holidays apart. season: the longest silence around this day of the year in earlier years,
    None where the history is too short to tell. summer: the share of a working day that a day of summer is.
    """

    usual: float
    long: int
    allowed: int
    season: int | None
    summer: float = 0.0


def find_habit(days: Sequence[date], today: date) -> Habit | None:
    """The habit that some days with releases (each once, in order) show; None where they are too few."""
    gaps = sorted((later - earlier).days for earlier, later in pairwise(days))
    if len(gaps) < FEWEST:
        return None
    summer = find_summer(days)
    working = sorted(working_days(earlier, later, summer) for earlier, later in pairwise(days))
    longest = working[-2 if len(working) >= 20 else -1]  # of many, one may be an outage of ours
    long = quantile(working, 0.95)
    allowed = max(2.5 * long, 1.5 * longest, 4 * median(working), SHORTEST)
    unsure = 1 + 3 / len(working) if len(working) < 20 else 1
    return Habit(
        usual=float(median(gaps)),
        long=max(long, ceil(2 * median(working)), WEEKEND),
        allowed=ceil(allowed * unsure),
        season=find_season(days, today),
        summer=summer,
    )


def find_season(days: Sequence[date], today: date) -> int | None:
    """The longest silence in the same weeks of earlier years.

    >>> weekly = [date(2023, 1, 2) + timedelta(days=7 * n) for n in range(60)]
    >>> find_season(weekly, date(2024, 3, 1)), find_season(weekly, date(2023, 9, 1))
    (6, None)
    """
    silences = []
    for years in range(1, YEARS + 1):
        for shift in range(-AROUND, AROUND + 1):
            day = today - years * YEAR + timedelta(days=shift)
            before = bisect_right(days, day)
            if before and day - timedelta(days=AROUND) >= days[0]:
                silences.append((day - days[before - 1]).days)
    return max(silences, default=None)


def find_summer(days: Sequence[date]) -> float:
    """How much of its pace an agency keeps in summer, from 0 to 1; the more summers tell it, the more it is believed.

    >>> round(find_summer([date(2022, 1, 3) + timedelta(days=3 * n) for n in range(240)]), 2)
    0.66
    >>> find_summer([date(2023, 3, 1) + timedelta(days=n) for n in range(100)])
    0.0
    """
    numbers = [day.toordinal() for day in days]
    every = range(numbers[0], numbers[-1] + 1)
    whole, outside = (sum(day in SUMMERS for day in every), sum(day not in HOLIDAYS_OF for day in every))
    inside, usual = (sum(day in SUMMERS for day in numbers), sum(day not in HOLIDAYS_OF for day in numbers))
    if not whole or not usual:
        return 0.0
    pace = min(1.0, (inside / whole) / (usual / outside))
    return pace * whole / (whole + ONE_SUMMER)


def working_days(after: date, to: date, summer: float = 0.0) -> int:
    """Days from one day to another that are not in the holidays, those of summer by their share; one at least.

    >>> working_days(date(2024, 6, 17), date(2024, 8, 19)), working_days(date(2024, 5, 2), date(2024, 5, 6))
    (5, 4)
    >>> working_days(date(2024, 6, 17), date(2024, 8, 19), 0.5)
    34
    """
    first, days = after.toordinal() + 1, (to - after).days
    outside = sum(day not in HOLIDAYS_OF for day in range(first, first + days))
    inside = sum(day in SUMMERS for day in range(first, first + days)) if summer else 0
    return max(1, outside + int(summer * inside))


def is_in(day: date, *spans: tuple[tuple[int, int], tuple[int, int]]) -> bool:
    """Whether a day is in some weeks of the year."""
    return any(first <= (day.month, day.day) <= last for first, last in spans)


EVERY = [date.fromordinal(day) for day in range(date(1990, 1, 1).toordinal(), date(2060, 1, 1).toordinal())]
HOLIDAYS_OF = frozenset(day.toordinal() for day in EVERY if is_in(day, *HOLIDAYS))
SUMMERS = frozenset(day.toordinal() for day in EVERY if is_in(day, SUMMER))


def quantile(ordered: Sequence[int], share: float) -> int:
    """The number of an ordered list that a share of it does not exceed (nearest rank).

    >>> quantile([1, 1, 1, 3, 9], 0.8)
    3
    """
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
