"""Compares the releases that an agency's sources list with the stored ones, by source and month.

`scrapy crawl audit` reads every source to the end. `update_coverage` counts the listed releases and
writes the tables coverage and missing_releases. `queue_missing_releases` makes the next news crawl
read the missing releases. /-/coverage shows the result. No function commits: wrap calls in
`Archive.transaction`.

A listed URL has one of three statuses:

    stored    a release was read there, even if it was later removed or moved
    rejected  no release could be read there, because the page is of another type, missing (404),
              unreadable, or forbidden by robots.txt
    missing   never found, found but not read yet, failed, or quarantined

A release is counted in its month of publication. The month is taken from the stored release or, if
that states no date, from the source (feed, listing). If neither states a date, the month is
unknown. Sitemaps state only when a page was changed.

`missing_releases.state` says why a URL is missing: unseen (no crawl has found it), due (found, but
not read yet), failed (no usable response) or quarantined. If the URL is no longer missing, the
state is filled, rejected or unlisted (no source lists it any more, and it was never read).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from sqlite_utils import Database

from archive.database.frontier import Frontier
from archive.database.sqlite_files import RunQuery, take_page
from archive.health.audited_sources import (
    OPEN_STATES,
    AuditedSource,
    ListedUrl,
    SourceProblem,
    UrlStatus,
)
from archive.health.unlisted_releases import find_unlisted
from archive.i18n import SWEDISH_TIME, swedish_sort_key, to_swedish_day
from archive.times import parse_time, parse_typed_date, to_iso, to_timezone
from archive.urls import FilterError

FORGET_AFTER = timedelta(days=92)  # an unlinked source is no longer reported after this
ROOT_KINDS = ("feed", "sitemap", "listing")  # sources of these kinds list releases directly

# Statuses, states and limits of the counting
COUNTED_STATUSES = ("stored", "rejected", "missing")
IS_OPEN_SQL = f"state in {OPEN_STATES}"
MIN_TYPICAL_YEAR = 40  # releases; below that, years differ by chance
EARLIEST_YEAR = "1990"  # earlier years are wrong: systems write 1970 for an unknown date


# Queries of the audit
PREVIOUS_SOURCES_SQL = """
    select source, kind, max(checked) as read_at, max(listed) > 0 or (not min(complete) and (
      max(problem_code) = 'emptied'
      or exists (select 1 from frontier f where f.source = l.source and f.role = 'release')
      or exists (select 1 from missing_releases g where g.source = l.source))) as had_urls
    from coverage l where agency = :agency and source is not null group by source order by min(id)
"""
URL_STATUS_SQL = """
    select a.value, iif(f.role <> 'release', 'source', coalesce(f.state, 'unseen')), coalesce(r.id,
      f.release),
      coalesce(r.published, h.published)
    from json_each(:urls) a left join releases r on r.url = a.value left join frontier f
      on f.url = a.value
    left join releases h on h.id = f.release
"""

# Queries of the coverage page
TOTALS_SQL = """
    sum(listed) as listed, sum(stored) as stored, sum(rejected) as rejected,
    sum(missing) as missing, sum(unlisted) as unlisted, min(complete) as complete,
    max(problem_code) as problem_code, max(problem_url) as problem_url,
    max(problem_value) as problem_value, max(checked) as checked
"""
OVERVIEW_SQL = f"""
    select a.slug as agency, a.name, a.name_en, l.* from agencies a left join
      (select agency as of, {TOTALS_SQL} from coverage where source is null group by agency) l
        on l.of = a.slug
"""
MONTHS_SQL = """
    select month, listed, stored, rejected, missing, unlisted from coverage where agency = :agency
      and source is null
    order by month is null, month desc
"""
SOURCES_SQL = f"""
    select source, kind, {TOTALS_SQL} from coverage where agency = :agency and source is not null
    group by source order by id
"""
# Where an archive lacks releases, whoever audited them
KNOWN_MONTHS_SQL = """
    select (select json_group_array(json_array(first, last)) from (select min(month) as first,
        max(month) as last from month_counts where agency <> '' and {dated} {chosen}
        group by agency)) as spans,
      (select json_group_object(year, releases) from (select substr(month, 1, 4) as year,
        sum(dated) as releases from month_counts where {dated} {months} group by year)) as years,
      (select json_group_array(distinct month) from month_counts where {dated} {months}) as months,
      (select json_group_array(month) from (select month from coverage where source is null
        and month is not null {chosen} group by month having sum(missing) * 10 > sum(listed)))
        as incomplete,
      (select min(month) from month_counts where {dated} {months} and dated * 100 >=
        (select max(dated) from month_counts where {dated} {months})) as first,
      (select min((select started from crawls where agency = a.slug order by started limit 1))
        from agencies a where 1 {agencies}) as since,
      (select max(finished) from crawls where spider in ('news', 'revisit') {chosen}) as crawled,
      (select max(sort_date) from release_facets where sort_date < date('now', '+1 day') {chosen})
        as newest
"""
MISSING_RELEASES_SQL = """
    select rowid as id, url, source, month, listed, state, first_missed, last_missed
      from missing_releases
    where agency = :agency and {open} and rowid > :after order by rowid limit :size
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageTotals:
    """An agency's totals over all its sources. Each release is counted once.

    unlisted: the number of stored releases that no source lists any more, or None if the number is
        unknown.
    """

    listed: int
    stored: int
    rejected: int
    missing: int
    unlisted: int | None
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownMonths:
    """The months for which the archive has dated releases of the chosen agencies.

    first: the first month with many releases.
    since: the first day on which one of the agencies was crawled, or "" if none has been crawled.
    spans: for each agency, the first and last month with dated releases.
    incomplete: months in which more than a tenth of the listed releases are missing.
    until: the last day on which a crawl of one of the agencies finished; if none did, the day of
        the newest release.
    years: the number of releases per year.
    """

    first: str
    since: str
    months: Collection[str]
    spans: Sequence[tuple[str, str]]
    incomplete: Collection[str]
    until: str
    years: Mapping[str, int] = field(default_factory=dict)

    @property
    def typical_year(self) -> int:
        """Return the number of releases in a typical year.

        At least half of all releases are from years with at most this many releases. A plain median
        of the years would be too small if releases are missing from most years.
        """
        numbers = sorted(self.years.values())
        sums = zip(numbers, accumulate(numbers), strict=True)
        return next((number for number, so_far in sums if so_far * 2 >= sum(numbers)), 0)

    def _has_far_fewer(self, year: str) -> bool:
        typical = self.typical_year
        return typical >= MIN_TYPICAL_YEAR and self.years.get(year, typical) * 4 < typical

    def find_thin(self, periods: Iterable[str]) -> dict[str, list[str]]:
        """Return a map from reasons to the months or years in which the archive lacks releases.

        The reasons are `none` (no releases), `begins` or `ends` (the archive begins or ends within
        the period), `gaps` (most months of the year are missing), `few` (most agencies are not
        covered), `missing` (listed releases are missing) and `fewer` (less than a quarter of the
        releases of a typical year).
        """
        thin: defaultdict[str, list[str]] = defaultdict(list)
        for period in periods:
            size, end = len(period), parse_typed_date(period, end=True) or ""
            months = _find_within(self.months, period)
            known = sum(first[:size] <= period <= last[:size] for first, last in self.spans)
            reasons = {
                "none": not months,
                "ends": self.until.startswith(period) and self.until < end,
                "begins": self.first in months and not self.first.startswith(f"{period}-01"[:7]),
                "gaps": size == len("yyyy") and len(months) * 2 < 12,
                "few": known * 2 < len(self.spans),
                "missing": bool(_find_within(self.incomplete, period)),
                "fewer": self._has_far_fewer(period[:4]),
                "": True,
            }
            thin[next(reason for reason in reasons if reasons[reason])].append(period)
        thin.pop("", None)
        return thin


def _find_within(months: Iterable[str], period: str) -> list[str]:
    return [month for month in months if month.startswith(period)]


async def read_known_months(run: RunQuery, agencies: Collection[str] = ()) -> KnownMonths:
    """Return the months for which the archive has releases of the given agencies.

    agencies: the slugs of the agencies. If empty, all agencies are included.
    """
    chosen = "and agency in (select value from json_each(:agencies))" if agencies else ""
    sql = KNOWN_MONTHS_SQL.format(
        chosen=chosen,
        agencies=chosen.replace("agency in", "slug in"),
        months=chosen or "and agency = ''",
        dated="dated > 0 and month between '0' and '9999-99'",
    )
    (row,) = await run(sql, {"agencies": json.dumps(list(agencies))})
    days = [to_swedish_day(row[n]).isoformat() if row[n] else "" for n in ("since", "crawled")]
    return KnownMonths(
        first=row["first"] or "",
        since=days[0],
        until=days[1] or (row["newest"] or "")[:10],
        **{name: json.loads(row[name]) for name in ("months", "spans", "incomplete", "years")},
    )


def update_coverage(
    db: Database, agency: str, sources: Sequence[AuditedSource], now: datetime
) -> CoverageTotals:
    """Count the URLs that the sources list, and replace the agency's stored coverage.

    Returns the agency's totals.
    """
    today = now.astimezone(SWEDISH_TIME).date().isoformat()
    rows = db.query(PREVIOUS_SOURCES_SQL, {"agency": agency})
    previous = {row["source"]: row for row in rows}
    _mark_emptied(sources, previous)
    sources = [*sources, *_find_unlinked_sources(previous, sources, now)]
    statuses = _read_url_statuses(db, set().union(*(source.urls for source in sources)))
    problem = next((source.problem for source in sources if source.problem), None)
    counted_sources = list(filter(_is_counted, sources))
    unlisted = None if problem else find_unlisted(db, agency, counted_sources, statuses)
    coverage_rows = []
    for source in counted_sources:
        counts = _count_by_month(source.urls, statuses, today)
        source_unlisted = None if source.kind == "feed" else _count_unlisted(unlisted, source.url)
        coverage_rows += _build_coverage_rows(source, counts, source_unlisted, now)
    listed = _merge_listed_urls(sources)
    counts = _count_by_month(listed, statuses, today)
    coverage_rows += _build_coverage_rows(
        AuditedSource(url="", kind="", problem=problem), counts, _count_unlisted(unlisted), now
    )
    db.table("coverage").delete_where("agency = ?", [agency])
    db.table("coverage").insert_all([{"agency": agency, **row} for row in coverage_rows])
    _update_missing_releases(db, agency, listed, statuses, now, is_complete=problem is None)
    sums: Counter[str] = sum(counts.values(), Counter())
    return CoverageTotals(
        listed=len(listed),
        stored=sums["stored"],
        rejected=sums["rejected"],
        missing=sums["missing"],
        unlisted=None if unlisted is None else len(unlisted),
        is_complete=problem is None,
    )


def _mark_emptied(
    sources: Sequence[AuditedSource], previous: Mapping[str, Mapping[str, Any]]
) -> None:
    """Mark sources as incomplete if they listed URLs in the previous audit and list none now.

    Such sources were probably not read correctly.
    """
    for source in sources:
        if not source.urls and source.url in previous and previous[source.url]["had_urls"]:
            source.mark_incomplete(SourceProblem("emptied", source.url))


def _is_counted(source: AuditedSource) -> bool:
    return bool(source.urls or source.problem) or source.kind not in ("home", "robots")


def _merge_listed_urls(sources: Sequence[AuditedSource]) -> dict[str, ListedUrl]:
    """Return a map from each URL to its entry in the first source that gives a date for the URL or,
    if no source does, in the first source that lists the URL.
    """
    listed: dict[str, ListedUrl] = {}
    for source in sources:
        for url, entry in source.urls.items():
            if url not in listed or (entry.published and not listed[url].published):
                listed[url] = entry
    return listed


def _count_unlisted(
    unlisted: Sequence[tuple[str, str]] | None, source: str | None = None
) -> Counter[str] | None:
    """Count unlisted releases by month. Returns None if it is unknown which releases are unlisted.

    source: if given, count only releases from this source.
    """
    if unlisted is None:
        return None
    return Counter(month for origin, month in unlisted if source in (None, origin))


def _find_unlinked_sources(
    previous: Mapping[str, Mapping[str, Any]], sources: Sequence[AuditedSource], now: datetime
) -> list[AuditedSource]:
    """Return the sources of the previous audit to which no page links any more, marked as
    incomplete.

    Sources that were last read more than FORGET_AFTER ago are left out.

    If agencies.toml names the sources, no home page is fetched, and therefore only sources of the
    type `archive` can become unlinked. If a named source was removed from agencies.toml, nothing is
    returned, because the sources of the type `archive` may have belonged to it.
    """
    urls = {source.url for source in sources}
    unlinked = {
        url: known
        for url, known in previous.items()
        if url not in urls and known["kind"] in (*ROOT_KINDS, "archive")
    }
    has_home_page = any(source.kind == "home" for source in sources)
    if not has_home_page and any(known["kind"] in ROOT_KINDS for known in unlinked.values()):
        return []
    marked = []
    for url, known in unlinked.items():
        read_at = datetime.fromisoformat(known["read_at"])
        if now - read_at <= FORGET_AFTER:
            problem = SourceProblem("unlinked", url)
            marked.append(
                AuditedSource(url=url, kind=known["kind"], problem=problem, read_at=read_at)
            )
    return marked


def _read_url_statuses(db: Database, urls: Iterable[str]) -> dict[str, UrlStatus]:
    """Return the status of each URL. A URL has the status `stored` if it leads, or once led, to a
    release.
    """
    rows = db.execute(URL_STATUS_SQL, {"urls": json.dumps(sorted(urls))})
    return {url: UrlStatus(*values) for url, *values in rows}


def _find_publication_month(listed_url: ListedUrl, status: UrlStatus, today: str) -> str | None:
    """Return the month of publication, or None if neither the release nor the source states a
    plausible one.
    """
    listed = parse_time(listed_url.published)
    if isinstance(listed, datetime):  # stored in UTC, whatever the time zone of the source
        listed = to_timezone(listed, SWEDISH_TIME)
    return _parse_publication_month(status.published, today) or _parse_publication_month(
        to_iso(listed), today
    )


def _parse_publication_month(text: str | None, today: str) -> str | None:
    """Return the month (YYYY-MM) of a stated time, in the time zone that the text gives.

    Returns None if the text states no time, or if the month is implausible.

    >>> _parse_publication_month("2024-05-31T23:30:00+00:00", today="2024-07-01")
    '2024-05'
    >>> [_parse_publication_month(text, "2024-07-01") for text in ("1970-01-01", "2031-01-01")]
    [None, None]
    """
    value = parse_time(text)
    if value is None:
        return None
    month = f"{value.year:04}-{value.month:02}"
    return month if EARLIEST_YEAR <= month <= today[:7] else None


def _count_by_month(
    urls: Mapping[str, ListedUrl], statuses: Mapping[str, UrlStatus], today: str
) -> dict[str | None, Counter[str]]:
    """Count URLs by month of publication and status."""
    counts: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
    for url, entry in urls.items():
        counts[_find_publication_month(entry, statuses[url], today)][statuses[url].status] += 1
    return counts


def _build_coverage_rows(
    source: AuditedSource,
    counts: Mapping[str | None, Counter[str]],
    unlisted: Counter[str] | None,
    now: datetime,
) -> list[dict[str, Any]]:
    """Return the coverage rows of a source, one per month.

    A source without releases has a single row, so that the coverage page shows the source.

    unlisted: the number of unlisted releases per month, or None if the numbers are unknown.
    """
    months: set[str | None] = {*counts, *(unlisted or ())} or {None}
    rows = []
    for month in sorted(months, key=lambda month: month or ""):
        count = counts.get(month, Counter[str]())
        row = {
            "month": month,
            "source": source.url or None,
            "kind": source.kind or None,
            "listed": count.total(),
            **{status: count[status] for status in COUNTED_STATUSES},
            "unlisted": None if unlisted is None else unlisted[month or ""],
            "complete": source.problem is None,
            **{
                f"problem_{name}": getattr(source.problem, name, None)
                for name in ("code", "url", "value")
            },
            "checked": to_iso(source.read_at or now),
        }
        rows.append(row)
    return rows


def _update_missing_releases(
    db: Database,
    agency: str,
    listed: Mapping[str, ListedUrl],
    statuses: Mapping[str, UrlStatus],
    now: datetime,
    *,
    is_complete: bool,
) -> None:
    """Store an agency's missing releases, and close the rows of URLs that are no longer missing.

    is_complete: whether every source was read to its end. If not, a URL that was not found in the
        sources may still be listed.
    """
    today = now.astimezone(SWEDISH_TIME).date().isoformat()
    missing = {url: entry for url, entry in listed.items() if statuses[url].status == "missing"}
    db.conn.executemany(
        "insert into missing_releases (url,"
        " agency, source, month,"
        " listed, state, first_missed, last_missed) values (:url, :agency, :source,"
        " :month, :listed, :state,"
        " :now, :now) on conflict (url) do update set source = :source, month = :month,"
        " listed = :listed, state"
        " = :state, last_missed = :now, filled = null",
        [
            {
                "url": url,
                "agency": agency,
                "source": entry.source_url,
                "month": _find_publication_month(entry, statuses[url], today),
                "listed": entry.published or entry.listed_at,
                "state": statuses[url].state,
                "now": to_iso(now),
            }
            for url, entry in missing.items()
        ],
    )
    rows = db.execute(
        f"select url from missing_releases where agency = ?"
        f" and ({IS_OPEN_SQL} or state = 'unlisted')",
        [agency],
    )
    no_longer_missing = {url for (url,) in rows} - missing.keys()
    states = {"stored": "filled", "rejected": "rejected", "missing": "unlisted"}
    for url, known in _read_url_statuses(db, no_longer_missing).items():
        if known.status != "missing" or is_complete:
            filled = to_iso(now) if known.status == "stored" else None
            db.table("missing_releases").update(
                url, {"state": states[known.status], "filled": filled}
            )


def queue_missing_releases(db: Database, agency: str, now: datetime) -> int:
    """Make an agency's missing releases due for the next news crawl.

    Quarantined releases are left out. Returns the number of releases that are due.
    """
    frontier, due = Frontier(db), 0
    rows = db.execute(
        "select url, source, listed from missing_releases"
        " where agency = ? and state in ('unseen', 'failed')",
        [agency],
    ).fetchall()
    for url, source, listed in rows:
        frontier.add(url, agency=agency, role="release", seen_at=now, source=source, listed=listed)
        due += db.execute(
            "update frontier set state ="
            " 'due', next_due = null"
            " where url = ? and state in ('due', 'failed')"
            " and release is null and agency = ?",
            [url, agency],
        ).rowcount
        db.table("missing_releases").update(url, {"state": "due"})
    return due


def describe_source_problem(language: str, row: Mapping[str, Any]) -> str | None:
    """Return a source's problem as part of a sentence, or None if there is no problem.

    row: a row of the source in the coverage table.
    """
    code, url, value = row["problem_code"], row["problem_url"], row["problem_value"]
    return SourceProblem(code, url, value).describe(language) if code else None


async def read_coverage_overview(run: RunQuery, lang: str) -> list[dict[str, Any]]:
    """Return the totals of each agency. Agencies with the most missing releases come first.

    The value `checked` is None for an agency that was never audited.
    """
    rows = [dict(row) for row in await run(OVERVIEW_SQL, {})]

    def sort_key(row: dict[str, Any]) -> tuple[int, Any]:
        name = row["name_en"] if lang == "en" and row["name_en"] else row["name"]
        return -(row["missing"] or 0), swedish_sort_key(name)

    return sorted(rows, key=sort_key)


async def read_agency_coverage(
    run: RunQuery, agency: str, after: int | None, size: int
) -> dict[str, Any]:
    """Return an agency's totals, months and sources, and one page of its missing releases.

    Raises FilterError if the archive has no such agency.

    after: the id of the last missing release on the previous page.
    """
    values = {"agency": agency}
    rows = await run(f"{OVERVIEW_SQL} where a.slug = :agency", values)
    if not rows:
        raise FilterError(
            "agency", agency, "the slug of an agency", text_key="error.no_agency_value"
        )
    page_values = {**values, "after": after or 0, "size": size + 1}
    missing = take_page(await run(MISSING_RELEASES_SQL.format(open=IS_OPEN_SQL), page_values), size)
    return {
        "agency": dict(rows[0]),
        "months": [dict(row) for row in await run(MONTHS_SQL, values)],
        "sources": [dict(row) for row in await run(SOURCES_SQL, values)],
        "missing_releases": missing.rows,
        "next_cursor": missing.next_cursor,
    }
