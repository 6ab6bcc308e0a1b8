"""The script: the agencies, what happens to them in thirteen weeks, and the correct reports."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from tests.harness.world.simulation import DAY
from tests.site.compose import STOCKHOLM

START = date(2027, 5, 31)  # a Monday
WEEKS = 13
END = START + timedelta(weeks=WEEKS) - timedelta(days=1)
PAST = date(2025, 5, 1)  # when the agencies began to publish: two summers are behind them
BEGUN = date(2027, 4, 12)  # when the archive began to read them


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


@dataclass(frozen=True, slots=True)
class Part:
    """An agency: its rhythm, since when it publishes, what its table says beside or instead of the
    sample's own.
    """

    slug: str
    name: str
    rhythm: Rhythm
    since: date = PAST
    until: date = END  # after which it publishes no more
    table: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()  # keys of the sample's table


@dataclass(frozen=True, slots=True)
class Act:
    """An act: `do` names a method of tests.harness.quarter.acts.Operator."""

    moment: datetime
    slug: str
    do: str
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A true fault: red within so many days of `begins`, and no more from so many days after `ends`
    on.
    """

    slug: str
    kind: str
    begins: date
    within: int  # days
    codes: tuple[str, ...]  # of the reasons that are right
    ends: date | None = None
    heals: int = 2  # days


def at(week: int, weekday: int, hour: int = 11) -> datetime:
    """A moment of the quarter; the first week is 1, Monday is 0. Crawls run at six."""
    day = START + timedelta(weeks=week - 1, days=weekday)
    return datetime(day.year, day.month, day.day, hour, tzinfo=STOCKHOLM)


def on(week: int, weekday: int) -> date:
    """A day of the quarter."""
    return at(week, weekday).date()


SUMMER = ((6, 21), (8, 13))
PARTS = (
    Part("skogsbruksradet", "Jämna rådet", Rhythm(chance=0.4, slow=SUMMER, summer=0.15)),
    Part("farledsverket", "Avbrottsverket", Rhythm(chance=0.4, slow=SUMMER, summer=0.2)),
    Part("lasframjandenamnden", "Sällannämnden", Rhythm(chance=0.03)),
    Part("hushallsmyndigheten", "Veckomyndigheten", Rhythm(chance=0.2, slow=SUMMER, summer=0.08)),
    Part("farledsverket-2", "Ryckverket", Rhythm(chance=0.3, slow=SUMMER, summer=0.1)),
    Part(
        "lasframjandenamnden-4",
        "Nya nämnden",
        Rhythm(chance=0.3, slow=SUMMER, summer=0.02),
        since=date(2027, 3, 15),
    ),
    Part("skogsbruksradet-2", "Tystnaderådet", Rhythm(chance=0.6), until=on(2, 4)),
    Part("farledsverket-3", "Sommardödsverket", Rhythm(chance=0.5), until=on(6, 4)),
    Part("skogsbruksradet-3", "Nyformsrådet", Rhythm(chance=0.3), table={"lead": "p.ingress"}),
    Part(
        "lasframjandenamnden-2",
        "Sommarnämnden",
        Rhythm(chance=0.4, slow=((6, 24), (8, 15)), summer=0),
    ),
    Part("hushallsmyndigheten-2", "Spärrmyndigheten", Rhythm(chance=0.3)),
    Part("lasframjandenamnden-3", "Tunnflödet", Rhythm(chance=0.4), without=("sitemaps",)),
    Part(
        "lasframjandenamnden-5",
        "Fönsternämnden",
        Rhythm(chance=0.4, slow=SUMMER, summer=0.02),
        without=("sitemaps",),
    ),
)
ACTS = (
    Act(datetime(2027, 4, 11, tzinfo=STOCKHOLM), "lasframjandenamnden-5", "window", {"days": 30}),
    # for one morning's crawl
    Act(at(3, 2, 4), "farledsverket-2", "fail", {"status": 503}),
    Act(at(3, 2, 9), "farledsverket-2", "mend"),
    Act(at(4, 0), "hushallsmyndigheten-2", "block"),
    # the same theme's next layout: no fault
    Act(at(5, 1), "skogsbruksradet", "relayout"),
    Act(at(5, 2), "lasframjandenamnden-3", "thin", {"shown": 2}),
    Act(at(5, 4), "hushallsmyndigheten-2", "acknowledge"),
    Act(at(6, 1), "skogsbruksradet-3", "bury"),
    Act(at(7, 3), "skogsbruksradet-3", "diagnose", {"field": "lead"}),
    Act(at(7, 3, 12), "skogsbruksradet-3", "reparse"),
    Act(at(8, 0), "hushallsmyndigheten-2", "wall"),
    Act(at(8, 2), "lasframjandenamnden-3", "mend"),
    Act(at(8, 3), "lasframjandenamnden-3", "take_in"),
    Act(at(9, 1), "farledsverket", "fail", {"status": 503}),
    Act(at(9, 3), "farledsverket", "mend"),
    Act(at(10, 1), "farledsverket-2", "burst", {"number": 6}),
    Act(at(11, 0), "hushallsmyndigheten-2", "mend"),
)
# half of the first one's pages tell no date, and the second one's silence is a summer's
TROUBLES = (
    Trouble("skogsbruksradet-2", "silent death", on(2, 4), 28, ("silent",)),
    Trouble("farledsverket-3", "silent death in July", on(6, 4), 42, ("silent",)),
    Trouble("skogsbruksradet-3", "new design", on(6, 1), 7, ("quarantined", "fields"), on(7, 3)),
    Trouble(
        "hushallsmyndigheten-2", "blocked for seven weeks", on(4, 0), 3, ("all_fails",), on(11, 0)
    ),
    Trouble(
        "lasframjandenamnden-3",
        "feed with far fewer",
        on(5, 2),
        3,
        ("lists_fewer", "quarantined"),
        on(8, 3),
    ),
    Trouble("farledsverket", "outage of two days", on(9, 1), 2, ("all_fails",), on(9, 3)),
)
# acknowledged, and when it became another
KNOWN = ("hushallsmyndigheten-2", on(5, 4), on(8, 0))
# must be reported as quiet, as at this time of earlier years
SUMMER_QUIET = "lasframjandenamnden-2"
QUIET_WEEKS = range(7, 12)
