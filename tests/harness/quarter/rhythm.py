"""How often an agency publishes: random days of publication, always the same for a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

DAY = timedelta(days=1)
FEASTS = ((12, 22), (1, 6))  # holidays
Span = tuple[tuple[int, int], tuple[int, int]]  # (month, day) from, and to


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """chance: of a release on a working day.

    slow: the weeks of every year in which it is `summer`.
    """

    chance: float
    slow: Span | None = None
    summer: float = 0.0

    def days(self, seed: str, first: date, last: date) -> Iterator[date]:
        """Yield the days of publication in a period; each day is drawn independently."""
        for number in range((last - first).days + 1):
            day = first + number * DAY
            chance = self.summer if self.slow and falls_in(day, self.slow) else self.chance
            works = day.weekday() < 5 and not (
                FEASTS[0] <= (day.month, day.day) or (day.month, day.day) <= FEASTS[1]
            )
            if works and random.Random(f"{seed} {day}").random() < chance:
                yield day


def falls_in(day: date, span: Span) -> bool:
    """Return whether a day is in these weeks of the year.

    >>> falls_in(date(2027, 7, 1), ((6, 21), (8, 15))), falls_in(date(2027, 9, 1), ((6, 21), (8, 15)))
    (True, False)
    """
    return span[0] <= (day.month, day.day) <= span[1]
