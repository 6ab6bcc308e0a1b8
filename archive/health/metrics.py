"""Computes the figures on which health assessments are based: crawls, publishing rhythm, failures
and fill rates of fields.

`AgencyActivity` reads what the archive has recorded about an agency up to a given time.
`build_health_facts` computes the figures that are stored with an assessment for the status page.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from math import comb
from typing import Any

from sqlite_utils import Database

from archive.database.frontier import Frontier
from archive.database.models import Release
from archive.database.quarantined_pages import FieldCount, Quarantine
from archive.database.removals import find_collapse
from archive.health.publishing_rhythm import HISTORY_YEARS, measure_rhythm
from archive.i18n import SWEDISH_TIME
from archive.times import to_iso

# Fields whose absence may mean that pages are parsed wrongly.
TRACKED_FIELDS = ("title", "lead", "published", "updated", "tags", "questions")

# Limits of the crawls that are read
MAX_CRAWLS = 120  # newest finished crawls that are read
MAX_PAGE_CRAWLS = 200  # newest crawls with parsed pages, for the fill rates
LISTED_WINDOW = timedelta(days=90)  # period of the daily numbers of listed releases
POLITENESS_DAYS = 30
FAILURE_WINDOW = timedelta(days=7)  # period of failures shown on the status page
REJECTION_WINDOW = timedelta(days=14)  # period in which unparsable pages are counted
# a worker's clock may be ahead by this much; later dates come from a wrong clock
CLOCK_ALLOWANCE = timedelta(days=1)
# newest periods in which the share of refused pages may rise
RISE_WINDOWS = (timedelta(hours=36), timedelta(days=7))
FILL_RATE_PAGES = 20  # newest pages whose fill rates are compared with earlier pages

# The loss of a field
# newest pages whose fields are compared with the earlier pages
SMALL_SAMPLE_PAGES, LARGE_SAMPLE_PAGES = (5, 12)
MIN_EARLIER_PAGES = 10  # earlier pages that a comparison needs
MIN_FILL_RATE = 0.5  # share of the earlier pages that must have had a field for its loss to count
MIN_UPDATED_FILL_RATE = 0.9  # the same for `updated`, which many sites show only after an edit
SIGNIFICANCE_LEVEL = 0.001  # the loss of a field must be less likely than this to be chance

AGENCY_SQL = """
    select (select count(*) from release_facets where agency = a.slug) as stored_releases,
      (select count(*) from quarantine where agency = a.slug and decision = 'confirmed'
        and decided is null)
        as quarantined,
      (select max(decided) from quarantine where agency = a.slug and decision in ('accepted',
        'reparsed'))
        as last_accepted_at,
      (select max(finished) from crawls where agency = a.slug and spider = 'news'
        and finished <= :until)
        as last_news_crawl_at,
      coalesce((select url from frontier where agency = a.slug and role in ('feed', 'sitemap',
        'listing')
        and state <> 'due' order by fetched desc, url limit 1), a.home) as source_url
    from agencies a where slug = :agency
"""
RELEASES_BY_DAY_SQL = """
    select coalesce(sort_day, iif(length(sort_date) = 7, sort_date || '-01', substr(sort_date,
      1, 10))) as day, count(*)
    from release_facets where agency = :agency and sort_date >= :first and sort_date < :next
      group by 1 order by 1
"""
LISTED_BY_DAY_SQL = """
    select max(listed) from crawls where agency = ? and spider = 'news' and started >= ?
      and finished <= ?
    group by substr(started, 1, 10) having max(listed) > 0
"""
POLITENESS_SQL = """
    select coalesce(sum(requests), 0) as requests, coalesce(sum(bytes), 0) as bytes,
      coalesce(sum(not_modified), 0) as not_modified, min(delay) as delay
    from crawls where agency = ? and started >= ? and finished <= ?
"""
FAILED_SOURCES_SQL = """
    select url from frontier where agency = ? and role in ('feed', 'sitemap',
      'listing', 'home', 'robots')
    and state = 'failed' and fetched >= ? order by url
"""
UNREADABLE_PAGES_SQL = """
    select url, fetched from frontier where agency = ? and role = 'release'
    and state in ('failed', 'rejected', 'gone') and fetched >= ? order by fetched desc, url
"""
# Pages that were refused for their content (scraper/crawl/failures.py), and all that were answered:
# since :begun, and in the 60 days before, or before the rise began that is stored as a fault.
# Outages, blocks and captive portals are left out: they may be over tomorrow, and other rules wait
# for that. pages, url: how many are still refused, and one of them. Those of stored releases count
# as missing or failed, if they are not rejected.
REFUSALS_SQL = """
    with answers as (
      select started, refused, refused + coalesce(parsed, 0) + coalesce(not_modified,
        0) as answered from
        (select *, (select coalesce(sum(value), 0) from (
            select key, value from json_each(coalesce(failures, '{}'))
            union all select key, -value from json_each(coalesce(source_failures, '{}')))
          where key in ('no release', 'error page', 'listing', 'placeholder', 'unreadable',
            'consent wall', 'login', 'our fault')) as refused
          from crawls where agency = :agency and spider in ('news', 'revisit')
            and finished is not null
            and started >= strftime('%Y-%m-%dT%H:%M:%S', :begun, '-60 days'))),
      recent as (select sum(refused) as bad, sum(answered) as n,
        min(iif(refused, started, null)) as since from answers where started >= :begun),
      earlier as (select sum(refused) as bad_before, sum(answered) as before from answers
        where started < min(:begun, coalesce((select json_extract(reason, '$.since') from health
          where agency = :agency and json_extract(reason, '$.code') = 'more_refused'), :begun))),
      refused as (select count(*) as pages, min(url) as url from frontier f
        where agency = :agency and role = 'release' and state in ('rejected', 'gone', 'failed')
          and fetched >= :begun and case state
            when 'gone' then exists (select 1 from removals where release = f.release
              and ended is null and kind in ('error page', 'replaced'))
            when 'failed' then problem like '%: is a consent wall%'
              or problem like '%: asks to sign in%'
            else true end)
    select * from recent, earlier, refused where n > 0 and before > 0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawl:
    """A crawl that has ended: a row of `crawls`, with 0 in place of counters that are null."""

    spider: str
    reason: str | None
    started: datetime
    finished: datetime
    robots: str | None
    listed: int
    already_stored: int
    new: int
    rejected: int
    errors: int
    requests: int
    not_modified: int
    parsed: int
    quarantined: int
    field_counts: Mapping[str, int]  # parsed pages that had a field
    failures: Mapping[str, int]  # kind of failure → number, including failures of sources
    source_failures: Mapping[str, int]

    @property
    def page_failures(self) -> Mapping[str, int]:
        return (
            Counter(self.failures) - Counter(self.source_failures)
            if self.source_failures
            else self.failures
        )

    @property
    def made_requests(self) -> bool:
        """Return whether the crawl made requests, and also ran to its end, succeeded or recorded
        failures.
        """
        counted = bool(self.requests or self.rejected or self.errors)
        return counted and (self.reason == "finished" or self.succeeded or bool(self.failures))

    @property
    def readable_pages(self) -> int:
        return self.parsed + self.not_modified or (0 if self.failures else self.new)

    @property
    def unreadable_pages(self) -> int:
        failures = (
            sum(self.page_failures.values()) if self.succeeded or self.spider == "revisit" else 0
        )
        return max(failures, self.rejected)

    @property
    def succeeded(self) -> bool:
        """Return whether the crawl succeeded: a news crawl listed releases, or any other crawl
        found readable pages.
        """
        return self.listed > 0 if self.spider == "news" else self.readable_pages > 0


class AgencyActivity:
    """What the archive has recorded about an agency up to `now`: the facts that the rules need.

    Crawls are sorted newest first.
    """

    def __init__(self, db: Database, agency: str, now: datetime) -> None:
        self.db, self.agency, self.now = db, agency, now
        self.today = now.astimezone(SWEDISH_TIME).date()
        until = to_iso(now + CLOCK_ALLOWANCE)
        self.crawls = _read_crawls(db, agency, "finished <= ?", until, MAX_CRAWLS)
        # crawls with parsed pages, further back
        self.page_crawls = _read_crawls(
            db, agency, "parsed > 0 and finished <= ?", until, MAX_PAGE_CRAWLS
        )
        row = next(db.query(AGENCY_SQL, {"agency": agency, "until": until}))
        self.stored_releases: int = row["stored_releases"]
        # number of releases in quarantine that need a manual decision
        self.quarantined: int = row["quarantined"]
        self.source_url: str = row["source_url"]  # URL of the source read last, or of the home page
        # when the last news crawl ended, and when quarantined pages were last accepted, by hand or
        # by re-parsing
        self.last_news_crawl_at, self.last_accepted_at = (
            datetime.fromisoformat(row[name]) if row[name] else None
            for name in ("last_news_crawl_at", "last_accepted_at")
        )
        # for LISTED_WINDOW, without days on which nothing was listed
        self.listed_by_day: list[int] = _read_column(
            db, LISTED_BY_DAY_SQL, [agency, to_iso(now - LISTED_WINDOW), until]
        )
        first_polite_day = now.date() - timedelta(days=POLITENESS_DAYS - 1)
        self.politeness = next(db.query(POLITENESS_SQL, [agency, to_iso(first_polite_day), until]))
        limits = {
            "agency": agency,
            "first": to_iso(self.today - HISTORY_YEARS * timedelta(days=366)),
            # A clock may be ahead of ours; releases dated later than tomorrow are left out.
            "next": to_iso(self.today + timedelta(days=2)),
        }
        rows = db.execute(RELEASES_BY_DAY_SQL, limits)
        self.releases_by_day = Counter({date.fromisoformat(day): number for day, number in rows})
        self.rhythm = measure_rhythm(sorted(self.releases_by_day), self.today)
        # sources that failed in the newest news crawl
        news = next(iter(self.news_crawls), None)
        self.failed_sources = (
            _read_column(db, FAILED_SOURCES_SQL, [agency, to_iso(news.started)]) if news else []
        )
        # pages that could not be parsed in REJECTION_WINDOW when they were fetched last: URL →
        # when, newest first
        rows = db.execute(UNREADABLE_PAGES_SQL, [agency, to_iso(now - REJECTION_WINDOW)])
        self.unreadable_pages = _parse_times(rows)
        self.collapse = find_collapse(db, agency)
        # sources that suddenly list far fewer releases: URL → number now, and usually
        self.shrunken_sources = Frontier(db).find_short_sources(agency)
        # field → time since when it may be missing
        self.accepted_fields = _parse_times(Quarantine(db).read_accepted_losses(agency).items())

    @property
    def news_crawls(self) -> list[Crawl]:
        return [crawl for crawl in self.crawls if crawl.spider == "news" and crawl.made_requests]

    @property
    def crawls_of_pages(self) -> list[Crawl]:
        """Return the crawls that requested pages, whether or not the pages could be parsed."""
        return [crawl for crawl in self.crawls if crawl.readable_pages or crawl.unreadable_pages]

    @property
    def last_release_day(self) -> date | None:
        return max(self.releases_by_day, default=None)

    def count_refusals(self, window: timedelta) -> dict[str, Any] | None:
        """Count the pages that were refused in the period that ends now, and in the weeks before
        it.

        Returns the row that REFUSALS_SQL selects, or None if one of the periods has no responses.

        window: the length of the period that ends now.
        """
        values = {"agency": self.agency, "begun": to_iso(self.now - window)}
        return next(self.db.query(REFUSALS_SQL, values), None)

    def is_resolved(self, crawl: Crawl) -> bool:
        """Return whether a crawl quarantined pages, and quarantined pages have been accepted or
        re-parsed since the crawl began.
        """
        return bool(
            crawl.quarantined and self.last_accepted_at and crawl.started <= self.last_accepted_at
        )


def _read_column(db: Database, sql: str, values: Sequence[Any]) -> list[Any]:
    return [value for (value,) in db.execute(sql, values)]


def _parse_times(pairs: Iterable[tuple[str, str]]) -> dict[str, datetime]:
    return {name: datetime.fromisoformat(text) for name, text in pairs}


def _read_crawls(
    db: Database, agency: str, condition: str, until: str | None, limit: int
) -> list[Crawl]:
    """Return the newest `limit` crawls that meet an SQL condition, newest first."""
    rows = db.query(
        f"select {', '.join(column.name for column in fields(Crawl))} from crawls"
        # the pages of a refetch were chosen because they could not be read, so they are not a fair
        # sample; a crawl of attachments requests no pages
        f" where agency = ? and spider not in ('refetch',"
        f" 'attachments') and {condition} order by started desc limit ?",
        [agency, until, limit],
    )
    crawls = []
    for row in rows:
        for name, value in row.items():
            if name in ("started", "finished"):
                row[name] = datetime.fromisoformat(value)
            elif name in ("field_counts", "failures", "source_failures"):
                row[name] = json.loads(value or "{}")
            elif value is None and name not in ("reason", "robots"):
                row[name] = 0
        crawls.append(Crawl(**row))
    return crawls


def build_health_facts(
    activity: AgencyActivity, previous_facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Compute the figures that are stored in `health.facts`.

    previous_facts: the figures that were stored last time. They are used for events that precede
        the oldest crawl that is read.
    """
    known = dict(previous_facts)
    if last_news := _find_last_success(activity.news_crawls):
        known |= {"listed": last_news.listed, "already_stored": last_news.already_stored}
    if last_success := _find_last_success(activity.crawls):
        known["worked"] = to_iso(last_success.finished)
    recent = [crawl for crawl in activity.crawls if activity.now - crawl.started <= FAILURE_WINDOW]
    return {
        "stored": activity.stored_releases,
        "listed": known.get("listed"),
        "already_stored": known.get("already_stored"),
        "worked": known.get("worked"),
        "crawled": to_iso(activity.crawls[0].finished) if activity.crawls else None,
        "found": sum(crawl.new for crawl in recent),
        "rejected": sum(crawl.rejected for crawl in recent),
        "quarantined": activity.quarantined,
        "failures": dict(sorted(_sum_counts(crawl.failures for crawl in recent).items())),
        "field_fill": _measure_fill_rates(activity.page_crawls),
        "politeness": {
            **activity.politeness,
            "robots": next((crawl.robots for crawl in activity.crawls if crawl.robots), None),
        },
    }


def _find_last_success(crawls: Iterable[Crawl]) -> Crawl | None:
    return next((crawl for crawl in crawls if crawl.succeeded), None)


def _sum_counts(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return total


def _measure_fill_rates(crawls: Sequence[Crawl]) -> dict[str, list[int | None]]:
    """Return a map from each field to its fill rates, in per cent, in the newest pages and in
    earlier ones.

    A rate is None if there are no pages from which to compute it. Returns {} if there are no
    crawls.
    """
    if not crawls:
        return {}
    recent = _take_recent_crawls(crawls, FILL_RATE_PAGES) or crawls
    earlier = crawls[len(recent) :]
    return {
        name: [_count_field(recent, name).percentage, _count_field(earlier, name).percentage]
        for name in TRACKED_FIELDS
    }


def list_filled_fields(release: Release) -> Iterator[str]:
    return (name for name in TRACKED_FIELDS if getattr(release, name))


def find_lost_fields(
    page_crawls: Sequence[Crawl], accepted_fields: Mapping[str, datetime]
) -> Iterator[tuple[str, int | None, int | None]]:
    """Yield each field whose fill rate fell to a third or less, with both rates in per cent.

    The earlier rate comes first, and then the current one.

    accepted_fields: a map from each field whose loss an operator accepted to the time of the
        acceptance. For these fields, only later crawls are compared.
    """
    for name in sorted({name for crawl in page_crawls for name in crawl.field_counts}):
        crawls = [
            crawl
            for crawl in page_crawls
            if name not in accepted_fields or crawl.started > accepted_fields[name]
        ]
        newest = _take_recent_crawls(crawls, SMALL_SAMPLE_PAGES)
        for recent in (newest, _take_recent_crawls(crawls, LARGE_SAMPLE_PAGES)):
            now, earlier = _count_field(recent, name), _count_field(crawls[len(recent) :], name)
            if _is_lost(name, now, earlier, _count_field(newest, name)):
                yield name, earlier.percentage, now.percentage
                break


def _is_lost(name: str, now: FieldCount, earlier: FieldCount, newest: FieldCount) -> bool:
    """Return whether a common field was lost, that is, whether the share of pages that contain it
    fell to a third or less of the earlier share.

    The loss must be too large to be due to chance, and must also show in the newest pages alone.
    """
    share = (earlier.filled + 1) / (earlier.pages + 2)  # rule of succession (Laplace)
    usual_share = MIN_UPDATED_FILL_RATE if name == "updated" else MIN_FILL_RATE
    if earlier.pages < MIN_EARLIER_PAGES or share < usual_share:
        return False
    if not now.pages or 3 * max(now.share, newest.share) > share:
        return False
    return binomial_cdf(now.filled, now.pages, share) < SIGNIFICANCE_LEVEL


def _take_recent_crawls(crawls: Sequence[Crawl], min_pages: int) -> Sequence[Crawl]:
    """Return the newest crawls that together parsed at least `min_pages` pages.

    Returns [] if all crawls together parsed fewer pages.
    """
    pages = 0
    for number, crawl in enumerate(crawls, start=1):
        pages += crawl.parsed
        if pages >= min_pages:
            return crawls[:number]
    return []


def _count_field(crawls: Sequence[Crawl], name: str) -> FieldCount:
    return FieldCount(
        filled=sum(crawl.field_counts.get(name, 0) for crawl in crawls),
        pages=sum(crawl.parsed for crawl in crawls),
    )


def binomial_cdf(max_successes: int, trials: int, probability: float) -> float:
    """Return the probability of at most `max_successes` successes in `trials` independent trials.

    >>> binomial_cdf(0, 5, 0.9) < 0.001 < binomial_cdf(0, 5, 0.7)
    True
    """
    return sum(
        comb(trials, successes) * probability**successes * (1 - probability) ** (trials - successes)
        for successes in range(max_successes + 1)
    )


def find_commonest_failure(failure_counts: Iterable[Mapping[str, int]]) -> str:
    """Return the most common type of failure, or "other" if there were no failures.

    "host paused" is returned only if there is no other type.
    """
    totals = _sum_counts(failure_counts)
    kinds = sorted(kind for kind in totals if kind != "host paused") or sorted(totals)
    return max(kinds, key=totals.__getitem__, default="other")
