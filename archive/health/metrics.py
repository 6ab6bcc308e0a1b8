"""Measure what an agency's health is assessed by: crawls, publishing rhythm, failures and filled fields.

`read_activity` reads it all from the archive, up to a given time. `build_health_facts` makes the figures that are
stored with an assessment for the status page.
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
from archive.frontier import Frontier
from archive.i18n import SWEDISH_TIME
from archive.models import Release
from archive.quarantine import Quarantine
from archive.removals import Collapse, find_collapse

# Fields whose absence may mean that pages are parsed wrongly.
TRACKED_FIELDS = ("title", "lead", "published", "updated", "tags", "questions")

# Publishing rhythm.
HISTORY_YEARS = 3  # years of history that count
FIFTY_TWO_WEEKS = timedelta(days=364)  # whole weeks, so that the same days of the week are compared
SEASON_WINDOW_DAYS = 14  # days before and after the same day of an earlier year
MIN_GAPS = 4  # gaps between days with releases from which a rhythm is known
MIN_LONG_GAP = 4  # days of silence that are usual for every agency: Easter is the longest
MIN_SUSPICIOUS_SILENCE = 7  # days of silence that are never suspicious
SUMMER_PERIOD = ((6, 19), (8, 15))
SUMMER_DAYS = 58  # length of SUMMER_PERIOD
HOLIDAY_PERIODS = (SUMMER_PERIOD, ((12, 20), (12, 31)), ((1, 1), (1, 7)))  # when Swedish offices are empty

# What is read of crawls.
MAX_CRAWLS = 120  # newest finished crawls that are read
MAX_PAGE_CRAWLS = 200  # newest crawls with parsed pages, for the fill rates
CRAWL_DAYS_WINDOW = timedelta(days=90)  # of crawls summed by day
CRAWL_COUNTERS = (
    *("listed", "already_stored", "new", "rejected", "errors", "requests", "not_modified", "parsed", "quarantined"),
    *("field_counts", "failures", "source_failures"),
)  # the last three are JSON
POLITENESS_WINDOW = timedelta(days=30)
FAILURE_WINDOW = timedelta(days=7)  # of failures shown on the status page
REJECTION_WINDOW = timedelta(days=14)  # in which pages that could not be parsed are counted
FILL_RATE_PAGES = 20  # newest pages whose fill rates are shown beside those of the earlier pages

# The loss of a field.
SMALL_SAMPLE_PAGES, LARGE_SAMPLE_PAGES = 5, 12  # newest pages whose fields are compared with the earlier pages
MIN_EARLIER_PAGES = 10  # for a comparison
MIN_FILL_RATE = 0.5  # share of the earlier pages that must have had a field for its loss to count
MIN_UPDATED_FILL_RATE = 0.9  # the same for `updated`, which many sites show only after an edit
SIGNIFICANCE_LEVEL = 0.001  # a field's loss must be less likely than this to be chance

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
UNREADABLE_PAGES_SQL = """
    select url, fetched from frontier where agency = :agency and role = 'release'
    and state in ('failed', 'rejected', 'gone') and fetched >= :since order by fetched desc, url
"""
NEWEST_SOURCE_SQL = """
    select coalesce((select url from frontier where agency = a.slug and role in ('feed', 'sitemap', 'listing')
      and state <> 'due' order by fetched desc, url limit 1), a.home) from agencies a where slug = ?
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawl:
    """A finished crawl. Counters are read as `crawl[name]`; failures are counted by kind."""

    spider: str
    reason: str | None
    started: datetime
    finished: datetime
    robots: str | None
    delay: float | None
    counts: Mapping[str, int]
    field_counts: Mapping[str, int]
    failures: Mapping[str, int]
    source_failures: Mapping[str, int]

    def __getitem__(self, name: str) -> int:
        return self.counts[name]

    @property
    def page_failures(self) -> Mapping[str, int]:
        """Return the failures of pages alone, without those of sources."""
        return Counter(self.failures) - Counter(self.source_failures) if self.source_failures else self.failures

    @property
    def made_requests(self) -> bool:
        """Return whether the crawl requested anything.

        One that was stopped early without a result or failure does not count.
        """
        counted = any(self[name] for name in ("requests", "rejected", "errors"))
        return counted and (self.reason == "finished" or self.succeeded or bool(self.failures))

    @property
    def readable_pages(self) -> int:
        """Return how many pages were parsed or not modified."""
        return self["parsed"] + self["not_modified"] or (0 if self.failures else self["new"])

    @property
    def succeeded(self) -> bool:
        """Return whether anything came in: releases listed by sources, or pages."""
        return self["listed"] > 0 if self.spider == "news" else self.readable_pages > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlDay:
    """The sums of all crawls of one day (UTC)."""

    day: date
    listed: int | None
    new: int
    requests: int
    bytes: int
    not_modified: int
    delay: float | None


@dataclass(frozen=True, slots=True)
class PublishingRhythm:
    """The usual gaps between days with releases, in days.

    median_gap: the median. long_gap: exceeded by one gap in 20. max_silence: silence beyond this is suspicious; days of
    holiday weeks do not count. seasonal_silence: the longest silence around this day of the year in earlier years, None
    if the history is too short. summer_pace: how much of a working day a summer day counts, from 0 to 1.
    """

    median_gap: float
    long_gap: int
    max_silence: int
    seasonal_silence: int | None
    summer_pace: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyActivity:
    """What the rules assess. Crawls come newest first, days and releases oldest first."""

    now: datetime
    stored_releases: int
    crawls: list[Crawl]
    page_crawls: list[Crawl]  # those with parsed pages, further back
    crawl_days: list[CrawlDay]
    releases_by_day: Counter[date] = field(default_factory=Counter)  # day → releases published
    rhythm: PublishingRhythm | None = None
    quarantined: int = 0
    failed_sources: list[str] = field(default_factory=list)  # that failed in the newest news crawl
    source_url: str = ""  # the source read last, or the home page
    # pages that could not be parsed in REJECTION_WINDOW when they were fetched last: URL → when, newest first
    unreadable_pages: Mapping[str, datetime] = field(default_factory=dict)
    collapse: Collapse | None = None  # pages that went missing alike
    # URL → number of releases listed now, and usually: sources that suddenly list far fewer
    shrunken_sources: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    accepted_fields: Mapping[str, datetime] = field(default_factory=dict)  # fields that may be missing since a time
    last_news_crawl_at: datetime | None = None  # when the last news crawl ended
    last_accepted_at: datetime | None = None  # when quarantined pages were last accepted

    @property
    def today(self) -> date:
        """Return the day in Sweden."""
        return self.now.astimezone(SWEDISH_TIME).date()

    @property
    def news_crawls(self) -> list[Crawl]:
        """Return the news crawls that made requests."""
        return [crawl for crawl in self.crawls if crawl.spider == "news" and crawl.made_requests]

    def list_unreadable_since(self, crawl: Crawl) -> list[str]:
        """Return the pages that could not be parsed in a crawl or later, newest first."""
        return [url for url, fetched_at in self.unreadable_pages.items() if fetched_at >= crawl.started]

    def is_resolved(self, crawl: Crawl) -> bool:
        """Return whether a crawl's quarantined pages have been accepted or re-parsed since."""
        return bool(crawl["quarantined"] and self.last_accepted_at and crawl.started <= self.last_accepted_at)

    @property
    def last_release_day(self) -> date | None:
        """Return the last day with releases, or None."""
        return max(self.releases_by_day, default=None)


def read_activity(db: Database, agency: str, now: datetime) -> AgencyActivity:
    """Read an agency's past up to `now`."""
    crawls = read_crawls(db, agency, "finished is not null", MAX_CRAWLS)
    news = next((crawl for crawl in crawls if crawl.spider == "news" and crawl.made_requests), None)
    today = now.astimezone(SWEDISH_TIME).date()
    limits = {
        "agency": agency,
        "first": to_iso(today - HISTORY_YEARS * timedelta(days=366)),
        # A clock may be ahead of ours; what is dated later than tomorrow is no news yet.
        "next": to_iso(today + timedelta(days=2)),
    }
    releases = Counter({date.fromisoformat(day): number for day, number in db.execute(RELEASES_BY_DAY_SQL, limits)})
    failed = (
        db.execute(FAILED_SOURCES_SQL, {"agency": agency, "since": to_iso(news.started)}).fetchall() if news else []
    )
    since = to_iso(now - REJECTION_WINDOW)
    unreadable = db.execute(UNREADABLE_PAGES_SQL, {"agency": agency, "since": since}).fetchall()
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
        source_url=db.execute(NEWEST_SOURCE_SQL, [agency]).fetchone()[0],
        unreadable_pages={url: datetime.fromisoformat(fetched) for url, fetched in unreadable},
        collapse=find_collapse(db, agency),
        shrunken_sources=Frontier(db).find_short_sources(agency),
        accepted_fields={
            name: datetime.fromisoformat(since) for name, since in Quarantine(db).read_accepted_losses(agency).items()
        },
        last_news_crawl_at=find_last_news_crawl(db, agency),
        last_accepted_at=find_last_acceptance(db, agency),
    )


def read_crawls(db: Database, agency: str, where: str, limit: int) -> list[Crawl]:
    """Return the newest crawls that meet an SQL condition, newest first."""
    rows = db.execute(
        f"select spider, reason, started, finished, robots, delay, {', '.join(CRAWL_COUNTERS)} from crawls"
        # the pages of a refetch were chosen because they could not be read: they say nothing of the others
        f" where agency = ? and spider <> 'refetch' and {where} order by started desc limit ?",
        [agency, limit],
    )
    return [build_crawl(row) for row in rows]


def build_crawl(row: tuple[Any, ...]) -> Crawl:
    """Build a Crawl from a row; counters that are null are 0."""
    spider, reason, started, finished, robots, delay, *counts = row
    field_counts, failures, source_failures = (
        json.loads(text) if text and text != "{}" else {} for text in counts[-3:]
    )
    return Crawl(
        spider=spider,
        reason=reason,
        started=datetime.fromisoformat(started),
        finished=datetime.fromisoformat(finished),
        robots=robots,
        delay=delay,
        counts={name: value or 0 for name, value in zip(CRAWL_COUNTERS[:-3], counts[:-3], strict=True)},
        field_counts=field_counts,
        failures=failures,
        source_failures=source_failures,
    )


def read_crawl_days(db: Database, agency: str, now: datetime) -> list[CrawlDay]:
    """Return the crawls of CRAWL_DAYS_WINDOW summed by day, oldest first."""
    rows = db.execute(CRAWLS_BY_DAY_SQL, {"agency": agency, "first": to_iso(now.astimezone(UTC) - CRAWL_DAYS_WINDOW)})
    return [
        CrawlDay(
            day=date.fromisoformat(day),
            listed=listed,
            new=new or 0,
            requests=requests or 0,
            bytes=size or 0,
            not_modified=not_modified or 0,
            delay=delay,
        )
        for day, listed, new, requests, size, not_modified, delay in rows
    ]


def count_quarantined(db: Database, agency: str) -> int:
    """Count the releases in quarantine that wait for a manual check."""
    waiting = "select count(*) from quarantine where agency = ? and decision = 'confirmed' and decided is null"
    ((number,),) = db.execute(waiting, [agency])
    return int(number)


def find_last_news_crawl(db: Database, agency: str) -> datetime | None:
    """Return when the last news crawl ended, or None."""
    ((ended,),) = db.execute("select max(finished) from crawls where agency = ? and spider = 'news'", [agency])
    return datetime.fromisoformat(ended) if ended else None


def find_last_acceptance(db: Database, agency: str) -> datetime | None:
    """Return when quarantined pages were last accepted, by hand or by re-parsing, or None."""
    ((decided,),) = db.execute(
        "select max(decided) from quarantine where agency = ? and decision in ('accepted', 'reparsed')", [agency]
    )
    return datetime.fromisoformat(decided) if decided else None


def build_health_facts(activity: AgencyActivity, previous_facts: Mapping[str, Any]) -> dict[str, Any]:
    """Build the figures of `health.facts`.

    previous_facts: the stored ones, for what is further back than the crawls that are read.
    """
    last_success = next((crawl for crawl in activity.crawls if crawl.succeeded), None)
    last_news = next((crawl for crawl in activity.news_crawls if crawl.succeeded), None)
    recent = [crawl for crawl in activity.crawls if activity.now - crawl.started <= FAILURE_WINDOW]
    failures: Counter[str] = Counter()
    for crawl in recent:
        failures.update(crawl.failures)
    return {
        "stored": activity.stored_releases,
        **{name: last_news[name] if last_news else previous_facts.get(name) for name in ("listed", "already_stored")},
        "worked": to_iso(last_success.finished) if last_success else previous_facts.get("worked"),
        "crawled": to_iso(activity.crawls[0].finished) if activity.crawls else None,
        "found": sum(crawl["new"] for crawl in recent),
        "rejected": sum(crawl["rejected"] for crawl in recent),
        "quarantined": activity.quarantined,
        "failures": dict(sorted(failures.items())),
        "field_fill": measure_fill_rates(activity.page_crawls),
        "politeness": build_politeness_facts(activity),
    }


def build_politeness_facts(activity: AgencyActivity) -> dict[str, Any]:
    """Build the sums of thirty days of requests, and the last robots.txt outcome."""
    days = [day for day in activity.crawl_days if activity.now.date() - day.day < POLITENESS_WINDOW]
    delays = [day.delay for day in days if day.delay is not None]
    return {
        "requests": sum(day.requests for day in days),
        "bytes": sum(day.bytes for day in days),
        "not_modified": sum(day.not_modified for day in days),
        "delay": min(delays, default=None),
        "robots": next((crawl.robots for crawl in activity.crawls if crawl.robots), None),
    }


def measure_fill_rates(crawls: Sequence[Crawl]) -> dict[str, list[int | None]]:
    """Return each field's fill rate in the newest and earlier pages, in per cent; {} without pages."""
    pages, number = 0, 0
    for crawl in crawls:
        if pages >= FILL_RATE_PAGES:
            break
        pages, number = pages + crawl["parsed"], number + 1
    if not pages:
        return {}
    recent, earlier = crawls[:number], crawls[number:]
    return {
        name: [measure_fill_percentage(recent, name), measure_fill_percentage(earlier, name)] for name in TRACKED_FIELDS
    }


def measure_fill_percentage(crawls: Sequence[Crawl], name: str) -> int | None:
    """Return the percentage of parsed pages that had a field, or None if no page was parsed."""
    pages, filled = count_filled_pages(crawls, name)
    return round(100 * filled / pages) if pages else None


def list_filled_fields(release: Release) -> Iterator[str]:
    """Yield the names of the tracked fields that are not empty."""
    return (name for name in TRACKED_FIELDS if getattr(release, name))


def find_lost_fields(
    page_crawls: Sequence[Crawl], accepted_fields: Mapping[str, datetime]
) -> Iterator[tuple[str, int, int]]:
    """Yield fields that fell to a third of their fill rate or less, with per cent before and now.

    accepted_fields: fields that an operator confirmed as rightly missing, and when; only later crawls count for these.
    """
    for name in sorted({name for crawl in page_crawls for name in crawl.field_counts}):
        crawls = [
            crawl for crawl in page_crawls if name not in accepted_fields or crawl.started > accepted_fields[name]
        ]
        newest = take_recent_crawls(crawls, SMALL_SAMPLE_PAGES)
        for recent in (newest, take_recent_crawls(crawls, LARGE_SAMPLE_PAGES)):
            pages, filled = count_filled_pages(recent, name)
            earlier_pages, earlier_filled = count_filled_pages(crawls[len(recent) :], name)
            share = (earlier_filled + 1) / (earlier_pages + 2)  # rule of succession (Laplace)
            enough = (
                pages
                and earlier_pages >= MIN_EARLIER_PAGES
                and share >= (MIN_UPDATED_FILL_RATE if name == "updated" else MIN_FILL_RATE)
            )
            fell = 3 * max(measure_fill_rate(recent, name), measure_fill_rate(newest, name)) <= share
            if enough and fell and binomial_cdf(filled, pages, share) < SIGNIFICANCE_LEVEL:
                yield name, round(100 * earlier_filled / earlier_pages), round(100 * filled / pages)
                break


def take_recent_crawls(crawls: Sequence[Crawl], min_pages: int) -> Sequence[Crawl]:
    """Return the newest crawls with at least `min_pages` parsed pages together, or [] if there are fewer."""
    pages = 0
    for number, crawl in enumerate(crawls, start=1):
        pages += crawl["parsed"]
        if pages >= min_pages:
            return crawls[:number]
    return []


def count_filled_pages(crawls: Iterable[Crawl], name: str) -> tuple[int, int]:
    """Count the parsed pages, and those that had a field."""
    return sum(crawl["parsed"] for crawl in crawls), sum(crawl.field_counts.get(name, 0) for crawl in crawls)


def measure_fill_rate(crawls: Iterable[Crawl], name: str) -> float:
    """Return the share of parsed pages that had a field; 1.0 if no page was parsed."""
    pages, filled = count_filled_pages(crawls, name)
    return filled / pages if pages else 1.0


def binomial_cdf(max_successes: int, trials: int, probability: float) -> float:
    """Return the probability of at most `max_successes` successes.

    >>> binomial_cdf(0, 5, 0.9) < 0.001 < binomial_cdf(0, 5, 0.7)
    True
    """
    return sum(
        comb(trials, successes) * probability**successes * (1 - probability) ** (trials - successes)
        for successes in range(max_successes + 1)
    )


def list_page_crawls(activity: AgencyActivity) -> list[Crawl]:
    """Return the crawls that requested pages, newest first."""
    return [crawl for crawl in activity.crawls if (crawl.readable_pages or count_unreadable_pages(crawl))]


def count_unreadable_pages(crawl: Crawl) -> int:
    """Count the pages of a crawl that could not be parsed."""
    failures = sum(crawl.page_failures.values()) if crawl.succeeded or crawl.spider == "revisit" else 0
    return max(failures, crawl["rejected"])


def find_commonest_failure(failure_counts: Iterable[Mapping[str, int]]) -> str:
    """Return the most frequent kind of failure; a pause of the host counts only if it is the only kind."""
    totals: Counter[str] = Counter()
    for counts in failure_counts:
        totals.update(counts)
    kinds = sorted(kind for kind in totals if kind != "host paused") or sorted(totals)
    return max(kinds, key=totals.__getitem__, default="other")


def measure_rhythm(days: Sequence[date], today: date) -> PublishingRhythm | None:
    """Measure the rhythm of days with releases (distinct, sorted), or None if there are too few."""
    gaps = sorted((later - earlier).days for earlier, later in pairwise(days))
    if len(gaps) < MIN_GAPS:
        return None
    summer_pace = measure_summer_pace(days)
    working_days = sorted(count_working_days(earlier, later, summer_pace) for earlier, later in pairwise(days))
    longest = working_days[-2 if len(working_days) >= 20 else -1]  # of many, one may be an outage of our own
    long_gap = quantile(working_days, 0.95)
    max_silence = max(2.5 * long_gap, 1.5 * longest, 4 * median(working_days), MIN_SUSPICIOUS_SILENCE)
    uncertainty = 1 + 3 / len(working_days) if len(working_days) < 20 else 1
    return PublishingRhythm(
        median_gap=float(median(gaps)),
        long_gap=max(long_gap, ceil(2 * median(working_days)), MIN_LONG_GAP),
        max_silence=ceil(max_silence * uncertainty),
        seasonal_silence=find_seasonal_silence(days, today),
        summer_pace=summer_pace,
    )


def find_seasonal_silence(days: Sequence[date], today: date) -> int | None:
    """Return the longest silence in the same weeks of earlier years, or None if there are none.

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
    """Return how much of its usual pace an agency keeps in summer, from 0 to 1.

    The estimate starts at 0 and is trusted more with each summer of history.

    >>> round(measure_summer_pace([date(2022, 1, 3) + timedelta(days=3 * n) for n in range(240)]), 2)
    0.66
    >>> measure_summer_pace([date(2023, 3, 1) + timedelta(days=n) for n in range(100)])
    0.0
    """
    numbers = [day.toordinal() for day in days]
    all_days = range(numbers[0], numbers[-1] + 1)
    summer_days, usual_days = (
        sum(day in SUMMER_ORDINALS for day in all_days),
        sum(day not in HOLIDAY_ORDINALS for day in all_days),
    )
    summer_releases, usual_releases = (
        sum(day in SUMMER_ORDINALS for day in numbers),
        sum(day not in HOLIDAY_ORDINALS for day in numbers),
    )
    if not summer_days or not usual_releases:
        return 0.0
    pace = min(1.0, (summer_releases / summer_days) / (usual_releases / usual_days))
    return pace * summer_days / (summer_days + SUMMER_DAYS)


def count_working_days(start: date, end: date, summer_pace: float = 0.0) -> int:
    """Count the days between two days outside holidays, summer days by their share; at least 1.

    >>> count_working_days(date(2024, 6, 17), date(2024, 8, 19)), count_working_days(date(2024, 5, 2), date(2024, 5, 6))
    (5, 4)
    >>> count_working_days(date(2024, 6, 17), date(2024, 8, 19), 0.5)
    34
    """
    first, days = start.toordinal() + 1, (end - start).days
    working_days = sum(day not in HOLIDAY_ORDINALS for day in range(first, first + days))
    summer_days = sum(day in SUMMER_ORDINALS for day in range(first, first + days)) if summer_pace else 0
    return max(1, working_days + int(summer_pace * summer_days))


def quantile(ordered: Sequence[int], share: float) -> int:
    """Return the number that a share of an ordered list does not exceed (nearest rank).

    >>> quantile([1, 1, 1, 3, 9], 0.8)
    3
    """
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


def is_in_period(day: date, *periods: tuple[tuple[int, int], tuple[int, int]]) -> bool:
    """Return whether a day is in one of the periods of the year."""
    return any(first <= (day.month, day.day) <= last for first, last in periods)


CALENDAR_DAYS = [date.fromordinal(day) for day in range(date(1990, 1, 1).toordinal(), date(2060, 1, 1).toordinal())]
HOLIDAY_ORDINALS = frozenset(day.toordinal() for day in CALENDAR_DAYS if is_in_period(day, *HOLIDAY_PERIODS))
SUMMER_ORDINALS = frozenset(day.toordinal() for day in CALENDAR_DAYS if is_in_period(day, SUMMER_PERIOD))
