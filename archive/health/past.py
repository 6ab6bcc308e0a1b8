"""What came of an agency so far, read from the archive: its crawls, its days with releases, what is held back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlite_utils import Database

from archive.aside import Aside
from archive.aside.sources import find_thin
from archive.health.habit import YEARS, Habit, find_habit
from archive.language import ZONE
from archive.times import to_text

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
