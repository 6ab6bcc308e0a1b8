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

from archive.dates import to_iso
from archive.i18n import SWEDISH_TIME
from archive.models import Release
from archive.quarantine import Quarantine, find_short_sources

TRACKED_FIELDS = ("title", "lead", "published", "updated", "tags", "questions")


def list_filled_fields(release: Release) -> Iterator[str]:
    """The names of the fields that are not empty."""
    return (name for name in TRACKED_FIELDS if getattr(release, name))


HISTORY_YEARS = 3  # of history that count
FIFTY_TWO_WEEKS = timedelta(days=364)  # whole weeks, so that the same days of the week are compared
SEASON_WINDOW_DAYS = 14  # days before and after the same day of an earlier year
MIN_GAPS = 4  # gaps that make a habit
MIN_LONG_GAP = 4  # days of silence that are usual for everybody: Easter is the longest
MIN_SUSPICIOUS_SILENCE = 7  # days of silence that are never suspicious
SUMMER_PERIOD = ((6, 19), (8, 15))
HOLIDAY_PERIODS = (SUMMER_PERIOD, ((12, 20), (12, 31)), ((1, 1), (1, 7)))  # when Swedish offices are empty
SUMMER_DAYS = 58  # days


@dataclass(frozen=True, slots=True)
class PublishingRhythm:
    """What is usual, in days between two days with releases.

    usual: the median. long: what only one gap in twenty exceeds. allowed: the silence from which on it is
    suspicious, weeks of holidays apart. season: the longest silence around this day of the year in earlier years,
    None where the history is too short to tell. summer: the share of a working day that a day of summer is.
    """

    median_gap: float
    long_gap: int
    max_silence: int
    seasonal_silence: int | None
    summer_pace: float = 0.0


def measure_rhythm(days: Sequence[date], today: date) -> PublishingRhythm | None:
    """The habit that some days with releases (each once, in order) show; None where they are too few."""
    gaps = sorted((later - earlier).days for earlier, later in pairwise(days))
    if len(gaps) < MIN_GAPS:
        return None
    summer = measure_summer_pace(days)
    working = sorted(count_working_days(earlier, later, summer) for earlier, later in pairwise(days))
    longest = working[-2 if len(working) >= 20 else -1]  # of many, one may be an outage of ours
    long = quantile(working, 0.95)
    allowed = max(2.5 * long, 1.5 * longest, 4 * median(working), MIN_SUSPICIOUS_SILENCE)
    unsure = 1 + 3 / len(working) if len(working) < 20 else 1
    return PublishingRhythm(
        median_gap=float(median(gaps)),
        long_gap=max(long, ceil(2 * median(working)), MIN_LONG_GAP),
        max_silence=ceil(allowed * unsure),
        seasonal_silence=find_seasonal_silence(days, today),
        summer_pace=summer,
    )


def find_seasonal_silence(days: Sequence[date], today: date) -> int | None:
    """The longest silence in the same weeks of earlier years.

    >>> weekly = [date(2023, 1, 2) + timedelta(days=7 * n) for n in range(60)]
    >>> find_seasonal_silence(weekly, date(2024, 3, 1)), find_seasonal_silence(weekly, date(2023, 9, 1))
    (6, None)
    """
    silences = []
    for years in range(1, HISTORY_YEARS + 1):
        for shift in range(-SEASON_WINDOW_DAYS, SEASON_WINDOW_DAYS + 1):
            day = today - years * FIFTY_TWO_WEEKS + timedelta(days=shift)
            before = bisect_right(days, day)
            if before and day - timedelta(days=SEASON_WINDOW_DAYS) >= days[0]:
                silences.append((day - days[before - 1]).days)
    return max(silences, default=None)


def measure_summer_pace(days: Sequence[date]) -> float:
    """How much of its pace an agency keeps in summer, from 0 to 1; the more summers tell it, the more it is believed.

    >>> round(measure_summer_pace([date(2022, 1, 3) + timedelta(days=3 * n) for n in range(240)]), 2)
    0.66
    >>> measure_summer_pace([date(2023, 3, 1) + timedelta(days=n) for n in range(100)])
    0.0
    """
    numbers = [day.toordinal() for day in days]
    every = range(numbers[0], numbers[-1] + 1)
    whole, outside = (sum(day in SUMMER_ORDINALS for day in every), sum(day not in HOLIDAY_ORDINALS for day in every))
    inside, usual = (
        sum(day in SUMMER_ORDINALS for day in numbers),
        sum(day not in HOLIDAY_ORDINALS for day in numbers),
    )
    if not whole or not usual:
        return 0.0
    pace = min(1.0, (inside / whole) / (usual / outside))
    return pace * whole / (whole + SUMMER_DAYS)


def count_working_days(start: date, end: date, summer_pace: float = 0.0) -> int:
    """Days from one day to another that are not in the holidays, those of summer by their share; one at least.

    >>> count_working_days(date(2024, 6, 17), date(2024, 8, 19)), count_working_days(date(2024, 5, 2), date(2024, 5, 6))
    (5, 4)
    >>> count_working_days(date(2024, 6, 17), date(2024, 8, 19), 0.5)
    34
    """
    first, days = start.toordinal() + 1, (end - start).days
    outside = sum(day not in HOLIDAY_ORDINALS for day in range(first, first + days))
    inside = sum(day in SUMMER_ORDINALS for day in range(first, first + days)) if summer_pace else 0
    return max(1, outside + int(summer_pace * inside))


def is_in_period(day: date, *periods: tuple[tuple[int, int], tuple[int, int]]) -> bool:
    """Whether a day is in some weeks of the year."""
    return any(first <= (day.month, day.day) <= last for first, last in periods)


CALENDAR_DAYS = [date.fromordinal(day) for day in range(date(1990, 1, 1).toordinal(), date(2060, 1, 1).toordinal())]
HOLIDAY_ORDINALS = frozenset(day.toordinal() for day in CALENDAR_DAYS if is_in_period(day, *HOLIDAY_PERIODS))
SUMMER_ORDINALS = frozenset(day.toordinal() for day in CALENDAR_DAYS if is_in_period(day, SUMMER_PERIOD))


def quantile(ordered: Sequence[int], share: float) -> int:
    """The number of an ordered list that a share of it does not exceed (nearest rank).

    >>> quantile([1, 1, 1, 3, 9], 0.8)
    3
    """
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


MAX_CRAWLS = 120  # finished crawls that are looked at one by one
MAX_PAGE_CRAWLS = 200  # crawls that read pages, for how often fields were told
CRAWL_DAYS_WINDOW = timedelta(days=90)  # of crawls, counted by day
CRAWL_COUNTERS = (
    *("listed", "new", "unchanged", "rejected", "errors", "requests", "not_modified", "parsed", "quarantined"),
    *("field_counts", "failures", "source_failures"),
)  # the last three are JSON
RELEASES_BY_DAY_SQL = """
    select coalesce(sort_day, iif(length(sort_date) = 7, sort_date || '-01', substr(sort_date, 1, 10))) as day, count(*)
    from release_facets where agency = :agency and sort_date >= :first and sort_date < :next group by 1 order by 1
"""
CRAWLS_BY_DAY_SQL = """
    select substr(started, 1, 10), max(iif(spider = 'news', listed, null)), sum(new), sum(requests), sum(bytes),
      sum(not_modified), min(delay) from crawls
    where agency = :agency and started >= :first and finished is not null group by 1 order by 1
"""
FAILED_SOURCES_SQL = """
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
    def made_requests(self) -> bool:
        """Whether anything was asked for at all; one that was ended early without a fault does not count."""
        asked = any(self[name] for name in ("requests", "rejected", "errors"))
        return asked and (self.reason == "finished" or self.succeeded or bool(self.faults))

    @property
    def readable_pages(self) -> int:
        """Pages that could be read, or stood as held by the server's own word; of a crawl of old, what was kept."""
        return self["parsed"] + self["not_modified"] or (0 if self.faults else self["new"])

    @property
    def succeeded(self) -> bool:
        """Whether anything came in: releases that sources named, or pages."""
        return self["listed"] > 0 if self.spider == "news" else self.readable_pages > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlDay:
    """All crawls of one day (UTC)."""

    day: date
    listed: int | None
    new: int
    requests: int
    bytes: int
    not_modified: int
    delay: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyActivity:
    """What rules judge by. Crawls are the newest first, days and releases the oldest first."""

    now: datetime
    stored_releases: int
    crawls: list[Crawl]
    page_crawls: list[Crawl]  # those that read pages, further back
    crawl_days: list[CrawlDay]
    releases_by_day: Counter[date] = field(default_factory=Counter)  # day → releases published
    rhythm: PublishingRhythm | None = None
    quarantined: int = 0
    failed_sources: list[str] = field(default_factory=list)  # that the newest crawl asked in vain
    shrunken_sources: Mapping[str, tuple[int, int]] = field(
        default_factory=dict
    )  # sources that name far fewer at once, and usually
    accepted_fields: Mapping[str, datetime] = field(default_factory=dict)  # fields that may be missing, and since when
    last_news_crawl_at: datetime | None = None  # when a crawl for news ended last
    last_accepted_at: datetime | None = None  # when something that was held back was taken in last

    @property
    def today(self) -> date:
        """In Sweden."""
        return self.now.astimezone(SWEDISH_TIME).date()

    @property
    def news_crawls(self) -> list[Crawl]:
        """Crawls that asked what is new, those left out that asked for nothing."""
        return [crawl for crawl in self.crawls if crawl.spider == "news" and crawl.made_requests]

    def is_resolved(self, crawl: Crawl) -> bool:
        """Whether pages of a crawl were held back, and have been taken in since: by mended rules, or by somebody."""
        return bool(crawl["quarantined"] and self.last_accepted_at and crawl.started <= self.last_accepted_at)

    @property
    def last_release_day(self) -> date | None:
        """The last day with releases."""
        return max(self.releases_by_day, default=None)


def read_activity(db: Database, agency: str, now: datetime) -> AgencyActivity:
    """Everything up to a moment."""
    crawls = read_crawls(db, agency, "finished is not null", MAX_CRAWLS)
    news = next((crawl for crawl in crawls if crawl.spider == "news" and crawl.made_requests), None)
    today = now.astimezone(SWEDISH_TIME).date()
    limits = {
        "agency": agency,
        "first": to_iso(today - HISTORY_YEARS * timedelta(days=366)),
        "next": _format_end_day(today),
    }
    releases = Counter({date.fromisoformat(day): number for day, number in db.execute(RELEASES_BY_DAY_SQL, limits)})
    failed = (
        db.execute(FAILED_SOURCES_SQL, {"agency": agency, "since": to_iso(news.started)}).fetchall() if news else []
    )
    return AgencyActivity(
        now=now,
        stored_releases=db.execute("select count(*) from release_facets where agency = ?", [agency]).fetchone()[0],
        crawls=crawls,
        page_crawls=read_crawls(db, agency, "parsed > 0 and finished is not null", MAX_PAGE_CRAWLS),
        crawl_days=read_crawl_days(db, agency, now),
        releases_by_day=releases,
        rhythm=measure_rhythm(sorted(releases), today),
        quarantined=count_quarantined(db, agency),
        failed_sources=[url for (url,) in failed],
        shrunken_sources=find_short_sources(db, agency),
        accepted_fields={
            name: datetime.fromisoformat(since) for name, since in Quarantine(db).read_accepted_losses(agency).items()
        },
        last_news_crawl_at=find_last_news_crawl(db, agency),
        last_accepted_at=find_last_acceptance(db, agency),
    )


def _format_end_day(today: date) -> str | None:
    """The day after tomorrow: a clock may be ahead of ours, but what is dated later yet is no news."""
    return to_iso(today + timedelta(days=2))


def read_crawls(db: Database, agency: str, where: str, limit: int) -> list[Crawl]:
    """An agency's finished crawls, newest first."""
    rows = db.execute(
        f"select spider, reason, started, finished, robots, delay, {', '.join(CRAWL_COUNTERS)} from crawls"
        f" where agency = ? and {where} order by started desc limit ?",
        [agency, limit],
    )
    return [build_crawl(row) for row in rows]


def build_crawl(row: tuple[Any, ...]) -> Crawl:
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
        counts={name: value or 0 for name, value in zip(CRAWL_COUNTERS[:-3], counts[:-3], strict=True)},
        fills=fills,
        faults=faults,
        source_faults=source_faults,
    )


def read_crawl_days(db: Database, agency: str, now: datetime) -> list[CrawlDay]:
    """The last three months, a row a day with crawls."""
    rows = db.execute(CRAWLS_BY_DAY_SQL, {"agency": agency, "first": to_iso(now.astimezone(UTC) - CRAWL_DAYS_WINDOW)})
    return [
        CrawlDay(
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


def count_quarantined(db: Database, agency: str) -> int:
    """Releases that wait for somebody to look at them."""
    waiting = "select count(*) from quarantine where agency = ? and decision = 'confirmed' and decided is null"
    ((number,),) = db.execute(waiting, [agency])
    return int(number)


def find_last_news_crawl(db: Database, agency: str) -> datetime | None:
    """When a crawl for news ended last."""
    ((ended,),) = db.execute("select max(finished) from crawls where agency = ? and spider = 'news'", [agency])
    return datetime.fromisoformat(ended) if ended else None


def find_last_acceptance(db: Database, agency: str) -> datetime | None:
    """When something that was held back was taken in last, by mended rules or by hand."""
    ((decided,),) = db.execute(
        "select max(decided) from quarantine where agency = ? and decision in ('accepted', 'reparsed')", [agency]
    )
    return datetime.fromisoformat(decided) if decided else None


POLITENESS_WINDOW = timedelta(days=30)
FAULT_WINDOW = timedelta(days=7)  # whose faults are told
FILL_RATE_PAGES = 20  # the newest pages, whose fields are held against those before


def build_health_facts(activity: AgencyActivity, previous_facts: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON keeps them; `before` are the last ones, for what lies further back than is read."""
    worked = next((crawl for crawl in activity.crawls if crawl.succeeded), None)
    listed = next((crawl["listed"] for crawl in activity.news_crawls if crawl.succeeded), previous_facts.get("listed"))
    recent = [crawl for crawl in activity.crawls if activity.now - crawl.started <= FAULT_WINDOW]
    faults: Counter[str] = Counter()
    for crawl in recent:
        faults.update(crawl.faults)
    return {
        "stored": activity.stored_releases,
        "listed": listed,
        "worked": to_iso(worked.finished) if worked else previous_facts.get("worked"),
        "crawled": to_iso(activity.crawls[0].finished) if activity.crawls else None,
        "found": sum(crawl["new"] for crawl in recent),
        "rejected": sum(crawl["rejected"] for crawl in recent),
        "quarantined": activity.quarantined,
        "failures": dict(sorted(faults.items())),
        "field_fill": measure_fill_rates(activity.page_crawls),
        "politeness": build_politeness_facts(activity),
    }


def measure_fill_rates(crawls: Sequence[Crawl]) -> dict[str, list[int | None]]:
    """For each field, per cent of the newest pages that tell it, and of those before; none where no page was read."""
    pages, number = 0, 0
    for crawl in crawls:
        if pages >= FILL_RATE_PAGES:
            break
        pages, number = pages + crawl["parsed"], number + 1
    return (
        {
            name: [measure_fill_percentage(crawls[:number], name), measure_fill_percentage(crawls[number:], name)]
            for name in TRACKED_FIELDS
        }
        if pages
        else {}
    )


def measure_fill_percentage(crawls: Sequence[Crawl], name: str) -> int | None:
    """Per cent of the pages that tell a field."""
    pages = sum(crawl["parsed"] for crawl in crawls)
    return round(100 * sum(crawl.fills.get(name, 0) for crawl in crawls) / pages) if pages else None


def build_politeness_facts(activity: AgencyActivity) -> dict[str, Any]:
    """Thirty days of requests, and what robots.txt said last."""
    days = [day for day in activity.crawl_days if activity.now.date() - day.day < POLITENESS_WINDOW]
    delays = [day.delay for day in days if day.delay is not None]
    return {
        "requests": sum(day.requests for day in days),
        "bytes": sum(day.bytes for day in days),
        "not_modified": sum(day.not_modified for day in days),
        "delay": min(delays, default=None),
        "robots": next((crawl.robots for crawl in activity.crawls if crawl.robots), None),
    }


SMALL_SAMPLE_PAGES, LARGE_SAMPLE_PAGES = 5, 12  # the newest pages, whose fields are held against those before
MIN_EARLIER_PAGES = 10  # of those before
MIN_FILL_RATE, MIN_UPDATED_FILL_RATE = (
    0.5,
    0.9,
)  # of those before must have told a field; when they were updated new pages do not tell yet
SIGNIFICANCE_LEVEL = 0.001  # how unlikely by chance the collapse of a field must be


def list_page_crawls(activity: AgencyActivity) -> list[Crawl]:
    """Crawls in which pages were asked for, and sources answered."""
    return [crawl for crawl in activity.crawls if (crawl.readable_pages or count_unreadable_pages(crawl))]


def count_unreadable_pages(crawl: Crawl) -> int:
    """Pages of a crawl that could not be read."""
    faults = sum(crawl.page_faults.values()) if crawl.succeeded or crawl.spider == "revisit" else 0
    return max(faults, crawl["rejected"])


def find_commonest_fault(fault_counts: Iterable[Mapping[str, int]]) -> str:
    """The kind of fault that is the most frequent, by name where several are; that a host is left in peace is none."""
    faults: Counter[str] = Counter()
    for one in fault_counts:
        faults.update(one)
    kinds = sorted(kind for kind in faults if kind != "host paused") or sorted(faults)
    return max(kinds, key=faults.__getitem__, default="other")


def find_lost_fields(
    page_crawls: Sequence[Crawl], accepted_fields: Mapping[str, datetime]
) -> Iterator[tuple[str, int, int]]:
    """Fields that collapsed to a third or less: name, and per cent of pages that told it before and now.

    accepted: fields that somebody found rightly missing, and when; of those only later crawls tell.
    """
    for name in sorted({name for crawl in page_crawls for name in crawl.fills}):
        crawls = [
            crawl for crawl in page_crawls if name not in accepted_fields or crawl.started > accepted_fields[name]
        ]
        newest = take_recent_crawls(crawls, SMALL_SAMPLE_PAGES)
        for recent in (newest, take_recent_crawls(crawls, LARGE_SAMPLE_PAGES)):
            pages, told = count_filled_pages(recent, name)
            before, told_before = count_filled_pages(crawls[len(recent) :], name)
            share = (told_before + 1) / (before + 2)  # as if seen once with and once without (Laplace)
            enough = (
                pages
                and before >= MIN_EARLIER_PAGES
                and share >= (MIN_UPDATED_FILL_RATE if name == "updated" else MIN_FILL_RATE)
            )
            fell = 3 * max(measure_fill_rate(recent, name), measure_fill_rate(newest, name)) <= share
            if enough and fell and binomial_cdf(told, pages, share) < SIGNIFICANCE_LEVEL:
                yield name, round(100 * told_before / before), round(100 * told / pages)
                break


def take_recent_crawls(crawls: Sequence[Crawl], min_pages: int) -> Sequence[Crawl]:
    """The newest crawls that together read so many pages; none where all of them did not."""
    pages = 0
    for number, crawl in enumerate(crawls, start=1):
        pages += crawl["parsed"]
        if pages >= min_pages:
            return crawls[:number]
    return []


def count_filled_pages(crawls: Iterable[Crawl], name: str) -> tuple[int, int]:
    """Pages read, and how many told a field."""
    return sum(crawl["parsed"] for crawl in crawls), sum(crawl.fills.get(name, 0) for crawl in crawls)


def measure_fill_rate(crawls: Iterable[Crawl], name: str) -> float:
    """The share of pages that told a field."""
    pages, told = count_filled_pages(crawls, name)
    return told / pages if pages else 1.0


def binomial_cdf(max_successes: int, trials: int, probability: float) -> float:
    """How likely it is that so few of some pages tell what a share of all does (binomial).

    >>> binomial_cdf(0, 5, 0.9) < 0.001 < binomial_cdf(0, 5, 0.7)
    True
    """
    return sum(
        comb(trials, told) * probability**told * (1 - probability) ** (trials - told)
        for told in range(max_successes + 1)
    )
