"""Publishing rhythm, fill rates, failures from crawls.

Which fields a release tells, of those whose absence may mean that a page is misread.

How often an agency publishes, by its own days with releases, and whether it is silent for longer than it ever is.

What came of an agency so far, read from the archive: its crawls, its days with releases, what is held back.

The figures beside a judgement: what the last crawls listed and found, fields told, and how we behaved as guests.

Pages read and refused over several crawls: which could not be read, and which fields they tell no more.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import ceil, comb
from statistics import median
from typing import Any

from sqlite_utils import Database

from archive.dates import to_text
from archive.i18n import ZONE
from archive.models import Release
from archive.quarantine import Aside, find_thin

FIELDS = ("title", "lead", "published", "updated", "tags", "questions")


def find_told(release: Release) -> Iterator[str]:
    """The names of the fields that are not empty."""
    return (name for name in FIELDS if getattr(release, name))


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


RECENT = 120  # finished crawls that are looked at one by one
READ = 200  # crawls that read pages, for how often fields were told
MONTHS = timedelta(days=90)  # of crawls, counted by day
COUNTS = (
    *("listed", "new", "unchanged", "refused", "errors", "requests", "not_modified", "read", "held_back"),
    *("fills", "faults", "source_faults"),
)  # the last three are JSON
DAYS = """
    select coalesce(day, iif(length(newest) = 7, newest || '-01', substr(newest, 1, 10))) as day, count(*)
    from listed where agency = :agency and newest >= :first and newest < :next group by 1 order by 1
"""
BY_DAY = """
    select substr(started, 1, 10), max(iif(spider = 'news', listed, null)), sum(new), sum(requests), sum(bytes),
      sum(not_modified), min(delay) from crawls
    where agency = :agency and started >= :first and finished is not null group by 1 order by 1
"""
SOURCES = """
    select url from frontier where agency = :agency and role in ('feed', 'sitemap', 'listing', 'home', 'robots')
    and state = 'failed' and fetched >= :since order by url
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawl:
    """A finished crawl."""

    spider: str
    reason: str | None
    started: datetime
    finished: datetime
    robots: str | None
    delay: float | None
    counts: Mapping[str, int]
    fills: Mapping[str, int]
    faults: Mapping[str, int]
    source_faults: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        return self.counts[name]

    @property
    def page_faults(self) -> Mapping[str, int]:
        """Faults of pages alone; all, of a crawl of old, which did not tell them apart."""
        return Counter(self.faults) - Counter(self.source_faults) if self.source_faults else self.faults

    @property
    def asked(self) -> bool:
        """Whether anything was asked for at all; one that was ended early without a fault does not count."""
        asked = any(self[name] for name in ("requests", "refused", "errors"))
        return asked and (self.reason == "finished" or self.worked or bool(self.faults))

    @property
    def good(self) -> int:
        """Pages that could be read, or stood as held by the server's own word; of a crawl of old, what was kept."""
        return self["read"] + self["not_modified"] or (0 if self.faults else self["new"])

    @property
    def worked(self) -> bool:
        """Whether anything came in: releases that sources named, or pages."""
        return self["listed"] > 0 if self.spider == "news" else self.good > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """All crawls of one day (UTC)."""

    day: date
    listed: int | None
    new: int
    requests: int
    bytes: int
    not_modified: int
    delay: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What rules judge by. Crawls are the newest first, days and releases the oldest first."""

    now: datetime
    held: int
    crawls: list[Crawl]
    reads: list[Crawl]  # those that read pages, further back
    days: list[Day]
    releases: Counter[date] = field(default_factory=Counter)  # day → releases published
    habit: Habit | None = None
    held_back: int = 0
    failed_sources: list[str] = field(default_factory=list)  # that the newest crawl asked in vain
    thin: Mapping[str, tuple[int, int]] = field(
        default_factory=dict
    )  # sources that name far fewer at once, and usually
    accepted: Mapping[str, datetime] = field(default_factory=dict)  # fields that may be missing, and since when
    searched: datetime | None = None  # when a crawl for news ended last
    mended: datetime | None = None  # when something that was held back was taken in last

    @property
    def today(self) -> date:
        """In Sweden."""
        return self.now.astimezone(ZONE).date()

    @property
    def news(self) -> list[Crawl]:
        """Crawls that asked what is new, those left out that asked for nothing."""
        return [crawl for crawl in self.crawls if crawl.spider == "news" and crawl.asked]

    def is_settled(self, crawl: Crawl) -> bool:
        """Whether pages of a crawl were held back, and have been taken in since: by mended rules, or by somebody."""
        return bool(crawl["held_back"] and self.mended and crawl.started <= self.mended)

    @property
    def newest(self) -> date | None:
        """The last day with releases."""
        return max(self.releases, default=None)


def read_past(db: Database, agency: str, now: datetime) -> Past:
    """Everything up to a moment."""
    crawls = read_crawls(db, agency, "finished is not null", RECENT)
    news = next((crawl for crawl in crawls if crawl.spider == "news" and crawl.asked), None)
    today = now.astimezone(ZONE).date()
    limits = {"agency": agency, "first": to_text(today - YEARS * timedelta(days=366)), "next": _next(today)}
    releases = Counter({date.fromisoformat(day): number for day, number in db.execute(DAYS, limits)})
    failed = db.execute(SOURCES, {"agency": agency, "since": to_text(news.started)}).fetchall() if news else []
    return Past(
        now=now,
        held=db.execute("select count(*) from listed where agency = ?", [agency]).fetchone()[0],
        crawls=crawls,
        reads=read_crawls(db, agency, "read > 0 and finished is not null", READ),
        days=read_days(db, agency, now),
        releases=releases,
        habit=find_habit(sorted(releases), today),
        held_back=count_held_back(db, agency),
        failed_sources=[url for (url,) in failed],
        thin=find_thin(db, agency),
        accepted={name: datetime.fromisoformat(since) for name, since in Aside(db).accepted(agency).items()},
        searched=find_searched(db, agency),
        mended=find_mended(db, agency),
    )


def _next(today: date) -> str | None:
    """The day after tomorrow: a clock may be ahead of ours, but what is dated later yet is no news."""
    return to_text(today + timedelta(days=2))


def read_crawls(db: Database, agency: str, which: str, most: int) -> list[Crawl]:
    """An agency's finished crawls, newest first."""
    rows = db.execute(
        f"select spider, reason, started, finished, robots, delay, {', '.join(COUNTS)} from crawls"
        f" where agency = ? and {which} order by started desc limit ?",
        [agency, most],
    )
    return [to_crawl(row) for row in rows]


def to_crawl(row: tuple[Any, ...]) -> Crawl:
    """A row as a Crawl; what an older version did not count is 0."""
    spider, reason, started, finished, robots, delay, *counts = row
    fills, faults, source_faults = (json.loads(text) if text and text != "{}" else {} for text in counts[-3:])
    return Crawl(
        spider=spider,
        reason=reason,
        started=datetime.fromisoformat(started),
        finished=datetime.fromisoformat(finished),
        robots=robots,
        delay=delay,
        counts={name: value or 0 for name, value in zip(COUNTS[:-3], counts[:-3], strict=True)},
        fills=fills,
        faults=faults,
        source_faults=source_faults,
    )


def read_days(db: Database, agency: str, now: datetime) -> list[Day]:
    """The last three months, a row a day with crawls."""
    rows = db.execute(BY_DAY, {"agency": agency, "first": to_text(now.astimezone(UTC) - MONTHS)})
    return [
        Day(
            day=date.fromisoformat(day),
            listed=listed,
            new=new or 0,
            requests=requests or 0,
            bytes=size or 0,
            not_modified=same or 0,
            delay=delay,
        )
        for day, listed, new, requests, size, same, delay in rows
    ]


def count_held_back(db: Database, agency: str) -> int:
    """Releases that wait for somebody to look at them."""
    waiting = "select count(*) from held_back where agency = ? and decision = 'aside' and decided is null"
    ((number,),) = db.execute(waiting, [agency])
    return int(number)


def find_searched(db: Database, agency: str) -> datetime | None:
    """When a crawl for news ended last."""
    ((ended,),) = db.execute("select max(finished) from crawls where agency = ? and spider = 'news'", [agency])
    return datetime.fromisoformat(ended) if ended else None


def find_mended(db: Database, agency: str) -> datetime | None:
    """When something that was held back was taken in last, by mended rules or by hand."""
    ((decided,),) = db.execute(
        "select max(decided) from held_back where agency = ? and decision in ('taken', 'reparsed')", [agency]
    )
    return datetime.fromisoformat(decided) if decided else None


GUEST = timedelta(days=30)
LATEST = timedelta(days=7)  # whose faults are told
PAGES = 20  # the newest pages, whose fields are held against those before


def find_facts(past: Past, before: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON keeps them; `before` are the last ones, for what lies further back than is read."""
    worked = next((crawl for crawl in past.crawls if crawl.worked), None)
    listed = next((crawl["listed"] for crawl in past.news if crawl.worked), before.get("listed"))
    recent = [crawl for crawl in past.crawls if past.now - crawl.started <= LATEST]
    faults: Counter[str] = Counter()
    for crawl in recent:
        faults.update(crawl.faults)
    return {
        "held": past.held,
        "listed": listed,
        "worked": to_text(worked.finished) if worked else before.get("worked"),
        "crawled": to_text(past.crawls[0].finished) if past.crawls else None,
        "found": sum(crawl["new"] for crawl in recent),
        "refused": sum(crawl["refused"] for crawl in recent),
        "held_back": past.held_back,
        "faults": dict(sorted(faults.items())),
        "fills": find_fills(past.reads),
        "guest": find_guest(past),
    }


def find_fills(crawls: Sequence[Crawl]) -> dict[str, list[int | None]]:
    """For each field, per cent of the newest pages that tell it, and of those before; none where no page was read."""
    pages, number = 0, 0
    for crawl in crawls:
        if pages >= PAGES:
            break
        pages, number = pages + crawl["read"], number + 1
    return {name: [share(crawls[:number], name), share(crawls[number:], name)] for name in FIELDS} if pages else {}


def share(crawls: Sequence[Crawl], name: str) -> int | None:
    """Per cent of the pages that tell a field."""
    pages = sum(crawl["read"] for crawl in crawls)
    return round(100 * sum(crawl.fills.get(name, 0) for crawl in crawls) / pages) if pages else None


def find_guest(past: Past) -> dict[str, Any]:
    """Thirty days of requests, and what robots.txt said last."""
    days = [day for day in past.days if past.now.date() - day.day < GUEST]
    delays = [day.delay for day in days if day.delay is not None]
    return {
        "requests": sum(day.requests for day in days),
        "bytes": sum(day.bytes for day in days),
        "not_modified": sum(day.not_modified for day in days),
        "delay": min(delays, default=None),
        "robots": next((crawl.robots for crawl in past.crawls if crawl.robots), None),
    }


FEW_PAGES, MANY_PAGES = 5, 12  # the newest pages, whose fields are held against those before
ENOUGH = 10  # of those before
USUAL, STEADY = 0.5, 0.9  # of those before must have told a field; when they were updated new pages do not tell yet
SURE = 0.001  # how unlikely by chance the collapse of a field must be


def pages_of(past: Past) -> list[Crawl]:
    """Crawls in which pages were asked for, and sources answered."""
    return [crawl for crawl in past.crawls if (crawl.good or bad_pages(crawl))]


def bad_pages(crawl: Crawl) -> int:
    """Pages of a crawl that could not be read."""
    faults = sum(crawl.page_faults.values()) if crawl.worked or crawl.spider == "revisit" else 0
    return max(faults, crawl["refused"])


def top_fault(met: Iterable[Mapping[str, int]]) -> str:
    """The kind of fault that is the most frequent, by name where several are; that a host is left in peace is none."""
    faults: Counter[str] = Counter()
    for one in met:
        faults.update(one)
    kinds = sorted(kind for kind in faults if kind != "host paused") or sorted(faults)
    return max(kinds, key=faults.__getitem__, default="other")


def find_lost(reads: Sequence[Crawl], accepted: Mapping[str, datetime]) -> Iterator[tuple[str, int, int]]:
    """Fields that collapsed to a third or less: name, and per cent of pages that told it before and now.

    accepted: fields that somebody found rightly missing, and when; of those only later crawls tell.
    """
    for name in sorted({name for crawl in reads for name in crawl.fills}):
        crawls = [crawl for crawl in reads if name not in accepted or crawl.started > accepted[name]]
        newest = take_pages(crawls, FEW_PAGES)
        for recent in (newest, take_pages(crawls, MANY_PAGES)):
            pages, told = count(recent, name)
            before, told_before = count(crawls[len(recent) :], name)
            share = (told_before + 1) / (before + 2)  # as if seen once with and once without (Laplace)
            enough = pages and before >= ENOUGH and share >= (STEADY if name == "updated" else USUAL)
            fell = 3 * max(rate(recent, name), rate(newest, name)) <= share
            if enough and fell and chance(told, pages, share) < SURE:
                yield name, round(100 * told_before / before), round(100 * told / pages)
                break


def take_pages(crawls: Sequence[Crawl], least: int) -> Sequence[Crawl]:
    """The newest crawls that together read so many pages; none where all of them did not."""
    pages = 0
    for number, crawl in enumerate(crawls, start=1):
        pages += crawl["read"]
        if pages >= least:
            return crawls[:number]
    return []


def count(crawls: Iterable[Crawl], name: str) -> tuple[int, int]:
    """Pages read, and how many told a field."""
    return sum(crawl["read"] for crawl in crawls), sum(crawl.fills.get(name, 0) for crawl in crawls)


def rate(crawls: Iterable[Crawl], name: str) -> float:
    """The share of pages that told a field."""
    pages, told = count(crawls, name)
    return told / pages if pages else 1.0


def chance(most: int, pages: int, share: float) -> float:
    """How likely it is that so few of some pages tell what a share of all does (binomial).

    >>> chance(0, 5, 0.9) < 0.001 < chance(0, 5, 0.7)
    True
    """
    return sum(comb(pages, told) * share**told * (1 - share) ** (pages - told) for told in range(most + 1))
