"""The script: the agencies, what happens to them in thirteen weeks, and the correct reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from tests.harness.quarter.rhythm import Rhythm
from tests.site.compose import STOCKHOLM

START = date(2027, 5, 31)  # a Monday
WEEKS = 13
END = START + timedelta(weeks=WEEKS) - timedelta(days=1)
PAST = date(2025, 5, 1)  # when the agencies began to publish: two summers are behind them
BEGUN = date(2027, 4, 12)  # when the archive began to read them


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """An act: `do` names a function of tests.harness.quarter.acts."""

    moment: datetime
    slug: str
    do: str
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
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


SUMMER = ((6, 21), (8, 13))
PARTS = (
    Part(
        slug="skogsbruksradet",
        name="Jämna rådet",
        rhythm=Rhythm(chance=0.4, slow=SUMMER, summer=0.15),
    ),
    Part(
        slug="farledsverket",
        name="Avbrottsverket",
        rhythm=Rhythm(chance=0.4, slow=SUMMER, summer=0.2),
    ),
    Part(slug="lasframjandenamnden", name="Sällannämnden", rhythm=Rhythm(chance=0.03)),
    Part(
        slug="hushallsmyndigheten",
        name="Veckomyndigheten",
        rhythm=Rhythm(chance=0.2, slow=SUMMER, summer=0.08),
    ),
    Part(
        slug="farledsverket-2",
        name="Ryckverket",
        rhythm=Rhythm(chance=0.3, slow=SUMMER, summer=0.1),
    ),
    Part(
        slug="lasframjandenamnden-4",
        name="Nya nämnden",
        rhythm=Rhythm(chance=0.3, slow=SUMMER, summer=0.02),
        since=date(2027, 3, 15),
    ),
    Part(
        slug="skogsbruksradet-2",
        name="Tystnaderådet",
        rhythm=Rhythm(chance=0.6),
        until=at(2, 4).date(),
    ),
    Part(
        slug="farledsverket-3",
        name="Sommardödsverket",
        rhythm=Rhythm(chance=0.5),
        until=at(6, 4).date(),
    ),
    Part(
        slug="skogsbruksradet-3",
        name="Nyformsrådet",
        rhythm=Rhythm(chance=0.3),
        table={"lead": "p.ingress"},
    ),
    Part(
        slug="lasframjandenamnden-2",
        name="Sommarnämnden",
        rhythm=Rhythm(chance=0.4, slow=((6, 24), (8, 15)), summer=0),
    ),
    Part(slug="hushallsmyndigheten-2", name="Spärrmyndigheten", rhythm=Rhythm(chance=0.3)),
    Part(
        slug="lasframjandenamnden-3",
        name="Tunnflödet",
        rhythm=Rhythm(chance=0.4),
        without=("sitemaps",),
    ),
    Part(
        slug="lasframjandenamnden-5",
        name="Fönsternämnden",
        rhythm=Rhythm(chance=0.4, slow=SUMMER, summer=0.02),
        without=("sitemaps",),
    ),
)
ACTS = (
    Act(
        moment=datetime(2027, 4, 11, tzinfo=STOCKHOLM),
        slug="lasframjandenamnden-5",
        do="window",
        given={"days": 30},
    ),
    # for one morning's crawl
    Act(moment=at(3, 2, 4), slug="farledsverket-2", do="fail", given={"status": 503}),
    Act(moment=at(3, 2, 9), slug="farledsverket-2", do="mend"),
    Act(moment=at(4, 0), slug="hushallsmyndigheten-2", do="block"),
    # the same theme's next layout: no fault
    Act(moment=at(5, 1), slug="skogsbruksradet", do="relayout"),
    Act(moment=at(5, 2), slug="lasframjandenamnden-3", do="thin", given={"shown": 2}),
    Act(moment=at(5, 4), slug="hushallsmyndigheten-2", do="acknowledge"),
    Act(moment=at(6, 1), slug="skogsbruksradet-3", do="bury"),
    Act(moment=at(7, 3), slug="skogsbruksradet-3", do="diagnose", given={"field": "lead"}),
    Act(moment=at(7, 3, 12), slug="skogsbruksradet-3", do="reparse"),
    Act(moment=at(8, 0), slug="hushallsmyndigheten-2", do="wall"),
    Act(moment=at(8, 2), slug="lasframjandenamnden-3", do="mend"),
    Act(moment=at(8, 3), slug="lasframjandenamnden-3", do="take_in"),
    Act(moment=at(9, 1), slug="farledsverket", do="fail", given={"status": 503}),
    Act(moment=at(9, 3), slug="farledsverket", do="mend"),
    Act(moment=at(10, 1), slug="farledsverket-2", do="burst", given={"number": 6}),
    Act(moment=at(11, 0), slug="hushallsmyndigheten-2", do="mend"),
)
# half of the first one's pages tell no date, and the second one's silence is a summer's
TROUBLES = (
    Trouble(
        slug="skogsbruksradet-2",
        kind="silent death",
        begins=at(2, 4).date(),
        within=28,
        codes=("silent",),
    ),
    Trouble(
        slug="farledsverket-3",
        kind="silent death in July",
        begins=at(6, 4).date(),
        within=42,
        codes=("silent",),
    ),
    Trouble(
        slug="skogsbruksradet-3",
        kind="new design",
        begins=at(6, 1).date(),
        within=7,
        codes=("quarantined", "fields"),
        ends=at(7, 3).date(),
    ),
    Trouble(
        slug="hushallsmyndigheten-2",
        kind="blocked for seven weeks",
        begins=at(4, 0).date(),
        within=3,
        codes=("all_fails",),
        ends=at(11, 0).date(),
    ),
    Trouble(
        slug="lasframjandenamnden-3",
        kind="feed with far fewer",
        begins=at(5, 2).date(),
        within=3,
        codes=("lists_fewer", "quarantined"),
        ends=at(8, 3).date(),
    ),
    Trouble(
        slug="farledsverket",
        kind="outage of two days",
        begins=at(9, 1).date(),
        within=2,
        codes=("all_fails",),
        ends=at(9, 3).date(),
    ),
)
# acknowledged, and when it became another
KNOWN = ("hushallsmyndigheten-2", at(5, 4).date(), at(8, 0).date())
# must be reported as quiet, as at this time of earlier years
SUMMER_QUIET = "lasframjandenamnden-2"
QUIET_WEEKS = range(7, 12)
