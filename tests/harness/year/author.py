"""Collects the events of a plan: draws times and releases, and remembers which releases are
used.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from tests.harness.world.simulation import DAY, HOUR, OLDEST, Ages
from tests.harness.year.events import Event
from tests.site.compose import STOCKHOLM
from tests.site.releases import Release

START = datetime(2027, 1, 4, 6, tzinfo=STOCKHOLM)  # after all dates of the sample releases
STANDING = 0.4  # share of the releases that are published before the year


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The length of a year and its number of releases. Days are counted from 0.

    stretches: days on which `hours` of hourly crawls begin. ages: (younger than, read again after)
    of held releases, the last for all that is older; the crawler's setting REVISIT_AGES.
    """

    days: int
    releases: int
    hours: int
    stretches: tuple[int, ...]
    ages: Ages

    @property
    def last_day(self) -> int:
        """Return the last day with events; the days after it are for crawls that find them."""
        return int(self.days * 0.88)

    def day(self, of_year: float) -> int:
        """Scale a day of the full year to this year."""
        return int(of_year / 365 * self.days)

    def number(self, of_full: int) -> int:
        """Scale a number of the full year to this year."""
        return max(1, round(of_full * self.releases / FULL.releases))


FULL = Scale(
    days=365,
    releases=200,
    hours=48,
    stretches=(5, 65, 125, 185, 245, 305),
    ages=((2 * DAY, HOUR), (14 * DAY, DAY), (90 * DAY, 7 * DAY), OLDEST),
)
SMALL = Scale(
    days=12,
    releases=36,
    hours=10,
    stretches=(5,),
    ages=((2 * DAY, HOUR), (6 * DAY, DAY), (15 * DAY, 2 * DAY), (10_000 * DAY, 5 * DAY)),
)


@dataclass(slots=True)
class Author:
    """The plan so far. born: when each release is published."""

    scale: Scale
    rng: random.Random
    releases: dict[str, Release]
    born: dict[str, datetime]
    events: list[Event] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def add(self, kind: str, subject: str, act: str, moment: datetime, **given: object) -> None:
        """Add an event."""
        self.events.append(Event(moment=moment, kind=kind, subject=subject, act=act, given=given))

    def moment(self, day: float) -> datetime:
        """Return a random minute of a day's office hours at which no crawl runs."""
        minute = self.rng.choice((*range(10, 25), *range(40, 55)))
        return (START + int(day) * DAY).replace(hour=self.rng.randint(8, 15), minute=minute)

    def moments(self, number: int) -> Iterator[datetime]:
        """Return a number of moments spread over the year."""
        for n in range(number):
            yield self.moment(3 + (self.scale.last_day - 3) * (n + self.rng.random()) / number)

    def pick(self, at: datetime, *fits: Callable[[str], bool], only: bool = True) -> str | None:
        """Return a release that is at least two days old, fits and is not used, or None.

        only: it is not used again.
        """
        keys = [
            key
            for key, born in self.born.items()
            if born <= at - 2 * DAY and key not in self.used and all(fit(key) for fit in fits)
        ]
        if not keys:
            return None
        key = self.rng.choice(keys)
        if only:
            self.used.add(key)
        return key

    def younger(self, at: datetime, days: int) -> Callable[[str], bool]:
        """Return a condition: whether a release is younger than a number of days of the full
        year.
        """
        return lambda key: self.born[key] > at - days * DAY

    def of(self, slug: str) -> Callable[[str], bool]:
        """Return a condition: whether a release is an agency's."""
        return lambda key: self.releases[key].agency == slug

    def tells_updates(self, key: str) -> bool:
        """Return whether its page states a date of update, which can change freely."""
        return self.releases[key].updated is not None and self.releases[key].stamp.form != "no_year"

    def tells_no_update(self, key: str) -> bool:
        """Return whether its page states no date of update yet."""
        return self.releases[key].updated is None and self.releases[key].published is not None
