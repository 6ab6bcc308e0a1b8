"""Listed vs stored per source and month; gaps.

The completeness ledger: what an agency's sources list, held against what the archive holds.

`scrapy crawl audit` reads the sources whole; `stock` counts and writes, `refill` puts what is missing before the next
crawl, `shown` reads it for /-/coverage. An address that a source lists is one of three:

    held      a release was read there, be it that it is gone or stands elsewhere by now
    refused   it was asked for, and no release could be read there: no release, 404, unreadable, forbidden by robots.txt
    missing   a gap: never found, found and not yet read, not answered, or read and kept aside

A month is that of publication: by the held release's own word, else by the source's (a feed's, a listing's); else it
is unknown. A sitemap tells when a page was changed, which is no such word.

An agency's sources and what they list, as a stocktaking reads them.

What an agency's sources listed when stock was taken last: a list that is empty or gone now was hardly read whole.

What the archive knows of addresses: the release they hold or held, by any address that led to it, or why none.

Held releases that no source lists any more, though nobody took them away: agencies unlist without deleting.

Said only where it can be: every source was read to its end; the one that named the release first is still read, is no
feed (which lists only the newest), and goes further back, for it lists several older releases. Those that are found
away (removals) or stand elsewhere are told there. So the number is a lower bound.

Gaps by name: addresses that a source lists and the archive does not hold, since when, and what came of them.

`state` says why an address is missing: unseen (no crawl has found it), due (found, not yet read), failed (it did not
answer), aside (read, and kept aside); or why it is no gap any more: filled, refused (no release could be read there),
unlisted (no source lists it any more, and it was never read). No function commits.

The ledger as /-/coverage shows it: all agencies, gaps first; or one, by month and source, with its gaps by name.

Stocktaking: one agency's sources, as they were read whole, against the archive; written to ledger and gaps.

No function commits: wrap calls in `Archive.transaction`.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlite_utils import Database

from archive.database import RunQuery
from archive.dates import parse_time, to_iso, to_timezone
from archive.frontier import Frontier
from archive.i18n import SWEDISH_TIME, swedish_sort_key
from archive.params import FilterError, UrlArguments, parse_number_parameter


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedUrl:
    """An address that a source lists. origin: of an index, the sitemap below it; else the source.

    published: when the source says that it was published; listed: the source's own time for it, whatever that means.
    Both ISO 8601.
    """

    source_url: str
    published: str | None = None
    listed_at: str | None = None


@dataclass(slots=True, kw_only=True)
class AuditedSource:
    """A source and what it lists, by address.

    problem: why it could not be read to its end. read: when it was read last, where that was another time.
    """

    url: str
    kind: str  # feed, sitemap, listing, archive, home, robots
    urls: dict[str, ListedUrl] = field(default_factory=dict)
    problem: str | None = None
    read_at: datetime | None = None

    def mark_incomplete(self, problem: str) -> None:
        """It lists more than could be read; the first reason stands."""
        self.problem = self.problem or problem


EMPTY_PROBLEM = "lists nothing any more"
UNLINKED_PROBLEM = "no page leads to it any more"
FORGET_AFTER = timedelta(days=92)  # after so long a source that no page leads to is none of the agency's any more
ROOT_KINDS = ("feed", "sitemap", "listing")
PREVIOUS_SOURCES_SQL = """
    select source, kind, max(checked), max(listed) > 0 or (not min(complete) and (max(problem) = l.source || ': ' || :empty
      or exists (select 1 from frontier f where f.source = l.source and f.role = 'release')
      or exists (select 1 from missing_releases g where g.source = l.source)))
    from coverage l where agency = :agency and source is not null group by source order by min(id)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviousSource:
    """A source as it was found last."""

    kind: str
    read_at: datetime
    had_urls: bool  # whether it listed anything when it was read to its end last, as far as that is known


def read_previous_sources(db: Database, agency: str) -> dict[str, PreviousSource]:
    """An agency's sources of the last time, by address."""
    return {
        url: PreviousSource(kind=kind, read_at=datetime.fromisoformat(read), had_urls=bool(listed))
        for url, kind, read, listed in db.execute(PREVIOUS_SOURCES_SQL, {"agency": agency, "empty": EMPTY_PROBLEM})
    }


def find_unlinked_sources(
    previous: Mapping[str, PreviousSource], sources: Sequence[AuditedSource], now: datetime
) -> list[tuple[str, PreviousSource]]:
    """The sources of the last time that pages led to, and lead to no more.

    Where the list of agencies names the sources (the home page was not asked), those are its archive pages; and
    none, if another source was struck off the list since, for they may have been that one's.
    """
    urls = {source.url for source in sources}
    lost = [(url, one) for url, one in previous.items() if url not in urls and one.kind in (*ROOT_KINDS, "archive")]
    if all(source.kind != "home" for source in sources) and any(one.kind in ROOT_KINDS for _, one in lost):
        return []
    return [(url, one) for url, one in lost if now - one.read_at <= FORGET_AFTER]


URLS_PER_QUERY = 5000  # addresses a question
EARLIEST_YEAR = "1990"  # what bears an earlier date bears none: systems write 1970 for it
URL_STATUS_SQL = """
    select a.value, coalesce(r.id, f.release), coalesce(r.published, h.published), f.role, f.state
    from json_each(:urls) a left join releases r on r.url = a.value left join frontier f on f.url = a.value
    left join releases h on h.id = f.release
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlStatus:
    """An address as the archive knows it; `state` is the frontier's, `unseen` where it was never found."""

    state: str
    release_id: int | None = None
    published: str | None = None

    @property
    def status(self) -> Literal["stored", "rejected", "missing"]:
        """Which of the ledger's three it is."""
        if self.release_id is not None:
            return "stored"
        return "missing" if self.state in ("unseen", "due", "failed", "quarantined") else "rejected"


def read_url_statuses(db: Database, urls: Collection[str]) -> dict[str, UrlStatus]:
    """Each of the addresses."""
    found: dict[str, UrlStatus] = {}
    ordered = sorted(urls)
    for start in range(0, len(ordered), URLS_PER_QUERY):
        for url, release, published, role, state in db.execute(
            URL_STATUS_SQL, {"urls": json.dumps(ordered[start : start + URLS_PER_QUERY])}
        ):
            known = "source" if role and role != "release" else state or "unseen"
            found[url] = UrlStatus(state=known, release_id=release, published=published)
    return found


def parse_publication_month(text: str | None, today: str) -> str | None:
    """The month of a told time, by the clock it is told by; None for a date that is none.

    >>> parse_publication_month("2024-05-31T23:30:00+00:00", "2024-07-01"), parse_publication_month("2024-05", "2024-07-01")
    ('2024-05', '2024-05')
    >>> parse_publication_month("1970-01-01", "2024-07-01"), parse_publication_month("2031-01-01", "2024-07-01")
    (None, None)
    """
    value = parse_time(text)
    if value is None:
        return None
    month = f"{value.year:04}-{value.month:02}"
    return month if EARLIEST_YEAR <= month <= today[:7] else None


MIN_OLDER_RELEASES = 3  # as many older ones must be listed; a single one may be kept on top for years
STORED_RELEASES_SQL = """
    select f.release, f.source, r.published from frontier f join releases r on r.id = f.release
    where f.agency = :agency and f.role = 'release' and f.state = 'stored' and f.source is not null
      and r.published is not null and r.removed_at is null and r.moved_to is null
      and not exists (select 1 from removals o where o.release = r.id and o.ended is null and o.kind <> 'moved')
    order by f.release, f.first_seen
"""


def find_unlisted(
    db: Database, agency: str, sources: Sequence[AuditedSource], statuses: Mapping[str, UrlStatus]
) -> list[tuple[str, str]]:
    """For each of them the source that once named it, and the month it was published in."""
    roots = {
        origin: source.url
        for source in sources
        if source.kind != "feed"
        for origin in (source.url, *(entry.source_url for entry in source.urls.values()))
    }
    days = {source.url: sorted(day for url in source.urls if (day := statuses[url].published)) for source in sources}
    listed = {known.release_id for known in statuses.values()}
    delisted: dict[int, tuple[str, str]] = {}
    for release, origin, published in db.execute(STORED_RELEASES_SQL, {"agency": agency}):
        root = roots.get(origin)
        if release in listed or release in delisted or root is None:
            continue
        if bisect_left(days[root], published[:10]) >= MIN_OLDER_RELEASES:
            delisted[release] = (root, published[:7])
    return list(delisted.values())


OPEN_STATES = ("unseen", "due", "failed", "quarantined")
IS_OPEN_SQL = "state in ('unseen', 'due', 'failed', 'quarantined')"


def update_missing_releases(
    db: Database,
    agency: str,
    missing: Mapping[str, tuple[ListedUrl, str | None]],
    statuses: Mapping[str, UrlStatus],
    now: datetime,
    *,
    is_complete: bool,
) -> None:
    """Remember what is missing now, with its month; what was missing and no longer is gets its end.

    whole: every source was read to its end; else what was not named may still be listed.
    """
    db.conn.executemany(
        "insert into missing_releases (url, agency, source, month, listed, state, first_missed, last_missed)"
        " values (:url, :agency, :source, :month, :listed, :state, :now, :now) on conflict (url) do update set"
        " source = :source, month = :month, listed = :listed, state = :state, last_missed = :now, filled = null",
        [
            {
                **{"url": url, "agency": agency, "source": entry.source_url, "month": month, "now": to_iso(now)},
                **{"listed": entry.published or entry.listed_at, "state": statuses[url].state},
            }
            for url, (entry, month) in missing.items()
        ],
    )
    rows = db.execute(
        f"select url from missing_releases where agency = ? and ({IS_OPEN_SQL} or state = 'unlisted')", [agency]
    )
    before = {url for (url,) in rows} - missing.keys()
    for url, known in read_url_statuses(db, before).items():
        if known.status == "stored":
            state = "filled"
        elif known.status == "rejected":
            state = "rejected"
        elif is_complete:
            state = "unlisted"
        else:
            continue
        filled = to_iso(now) if state == "filled" else None
        db.execute("update missing_releases set state = ?, filled = ? where url = ?", [state, filled, url])


def queue_missing_releases(db: Database, agency: str, now: datetime) -> int:
    """Make what the last stocktaking found missing due, so that the next news crawl reads it; how many that are."""
    frontier, due = Frontier(db), 0
    rows = db.execute(
        "select url, source, listed from missing_releases where agency = ? and state in ('unseen', 'failed')", [agency]
    ).fetchall()
    for url, source, listed in rows:
        frontier.add(url, agency=agency, role="release", seen_at=now, source=source, listed=listed)
        due += db.execute(
            "update frontier set state = 'due', next_due = null where url = ? and state in ('due', 'failed')"
            " and release is null and agency = ?",
            [url, agency],
        ).rowcount
        db.execute("update missing_releases set state = 'due' where url = ?", [url])
    return due


DEFAULT_PAGE_SIZE = 50  # a page of gaps by name
MAX_PAGE_SIZE = 1000  # on one page of JSON
TOTALS_SQL = """
    sum(listed) as listed, sum(stored) as stored, sum(rejected) as rejected, sum(missing) as missing,
    sum(unlisted) as unlisted, min(complete) as complete, max(problem) as problem, max(checked) as checked
"""
OVERVIEW_SQL = f"""
    select a.slug as agency, a.name, a.name_en, l.* from agencies a left join
      (select agency as of, {TOTALS_SQL} from coverage where source is null group by agency) l on l.of = a.slug
"""
MONTHS_SQL = """
    select month, listed, stored, rejected, missing, unlisted from coverage where agency = :agency and source is null
    order by month is null, month desc
"""
SOURCES_SQL = f"""
    select source, kind, {TOTALS_SQL} from coverage where agency = :agency and source is not null group by source order by id
"""
MISSING_RELEASES_SQL = """
    select rowid as id, url, source, month, listed, state, first_missed, last_missed from missing_releases
    where agency = :agency and {open} and rowid > :after order by rowid limit :size
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageQuery:
    """What a reader asks for. after: the last gap before the page."""

    agency: str | None = None
    after: int | None = None
    size: int = DEFAULT_PAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyCoverage:
    """An agency's ledger: its sums, its months, its sources, and a page of its gaps; `more`: where the next begins."""

    agency: dict[str, Any]
    months: Sequence[dict[str, Any]]
    sources: Sequence[dict[str, Any]]
    missing_releases: Sequence[dict[str, Any]]
    next_cursor: int | None


def parse_coverage_query(args: UrlArguments) -> CoverageQuery:
    """What an address asks for; FilterError where that cannot be read."""
    return CoverageQuery(
        agency=args.get("agency") or None,
        after=parse_number_parameter(args, "after"),
        size=min(parse_number_parameter(args, "size") or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE),
    )


async def read_coverage_overview(run: RunQuery, lang: str) -> list[dict[str, Any]]:
    """Every agency: those with the most gaps first, then by name; those never audited have no `checked`."""
    rows = [dict(row) for row in await run(OVERVIEW_SQL, {})]
    return sorted(rows, key=lambda row: (-(row["missing"] or 0), swedish_sort_key(choose_agency_name(row, lang))))


async def read_agency_coverage(run: RunQuery, query: CoverageQuery) -> AgencyCoverage:
    """One agency; FilterError where the archive knows none of that name."""
    values = {"agency": query.agency}
    rows = await run(f"{OVERVIEW_SQL} where a.slug = :agency", values)
    if not rows:
        raise FilterError("agency", query.agency or "", "the slug of an agency", text_key="bad_agency")
    named = {**values, "after": query.after or 0, "size": query.size + 1}
    gaps = [dict(row) for row in await run(MISSING_RELEASES_SQL.format(open=IS_OPEN_SQL), named)]
    return AgencyCoverage(
        agency=dict(rows[0]),
        months=[dict(row) for row in await run(MONTHS_SQL, values)],
        sources=[dict(row) for row in await run(SOURCES_SQL, values)],
        missing_releases=gaps[: query.size],
        next_cursor=gaps[query.size - 1]["id"] if len(gaps) > query.size else None,
    )


def choose_agency_name(row: dict[str, Any], lang: str) -> str:
    """An agency's name in the reader's language, where there is one."""
    return str(row["name_en"] if lang == "en" and row["name_en"] else row["name"])


COUNTED_STATUSES = ("stored", "rejected", "missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageTotals:
    """An agency's sums over all its sources, each release once. delisted: None where it cannot be said."""

    listed: int
    stored: int
    rejected: int
    missing: int
    unlisted: int | None
    is_complete: bool


def update_coverage(db: Database, agency: str, sources: Sequence[AuditedSource], now: datetime) -> CoverageTotals:
    """Count, and write what was counted in place of the last time."""
    today = now.astimezone(SWEDISH_TIME).date().isoformat()
    sources = mark_doubtful_sources(sources, read_previous_sources(db, agency), now)
    found = read_url_statuses(db, {url for source in sources for url in source.urls})
    whole = not any(source.problem for source in sources)
    named = [source for source in sources if source.urls or source.problem or source.kind not in ("home", "robots")]
    delisted = find_unlisted(db, agency, named, found) if whole else None
    entries = merge_listed_urls(sources)
    months = {url: find_publication_month(entry, found[url], today) for url, entry in entries.items()}
    db.execute("delete from coverage where agency = ?", [agency])
    for source in named:
        own = count_by_month(
            source.urls, found, {url: find_publication_month(e, found[url], today) for url, e in source.urls.items()}
        )
        gone = Counter(month for origin, month in delisted or () if origin == source.url)
        back = delisted is not None and source.kind != "feed"
        write_coverage_rows(db, agency, source, own, unlisted=gone if back else None, now=now)
    every = count_by_month(entries, found, months)
    gone = Counter(month for _, month in delisted or ())
    problem = next((source.problem for source in sources if source.problem), None)
    total = AuditedSource(url="", kind="", problem=problem)
    write_coverage_rows(db, agency, total, every, unlisted=gone if delisted is not None else None, now=now)
    missing = {url: (entry, months[url]) for url, entry in entries.items() if found[url].status == "missing"}
    update_missing_releases(db, agency, missing, found, now, is_complete=whole)
    sums = {part: sum(counts[part] for counts in every.values()) for part in COUNTED_STATUSES}
    return CoverageTotals(
        listed=len(entries), **sums, unlisted=gone.total() if delisted is not None else None, is_complete=whole
    )


def mark_doubtful_sources(
    sources: Sequence[AuditedSource], previous: Mapping[str, PreviousSource], now: datetime
) -> list[AuditedSource]:
    """The sources, those not read whole that list nothing any more or that no page leads to any more."""
    for source in sources:
        known = previous.get(source.url)
        if known and known.had_urls and not source.urls:
            source.mark_incomplete(f"{source.url}: {EMPTY_PROBLEM}")
    unshown = find_unlinked_sources(previous, sources, now)
    return [
        *sources,
        *(
            AuditedSource(url=url, kind=one.kind, problem=f"{url}: {UNLINKED_PROBLEM}", read_at=one.read_at)
            for url, one in unshown
        ),
    ]


def merge_listed_urls(sources: Iterable[AuditedSource]) -> dict[str, ListedUrl]:
    """Each address once: as the first source lists it that says when it was published, else as the first lists it."""
    merged: dict[str, ListedUrl] = {}
    for source in sources:
        for url, entry in source.urls.items():
            if url not in merged or (entry.published and not merged[url].published):
                merged[url] = entry
    return merged


def find_publication_month(listed_url: ListedUrl, status: UrlStatus, today: str) -> str | None:
    """The month of publication; None where neither the release nor the source tells one.

    What a source lists is noted in UTC, and is counted by Swedish clocks.
    """
    listed = parse_time(listed_url.published)
    if isinstance(listed, datetime):
        listed = to_timezone(listed, SWEDISH_TIME)
    return parse_publication_month(status.published, today) or parse_publication_month(to_iso(listed), today)


def count_by_month(
    urls: Iterable[str], statuses: Mapping[str, UrlStatus], months: Mapping[str, str | None]
) -> dict[str | None, Counter[str]]:
    """How many addresses of each month are what."""
    counts: defaultdict[str | None, Counter[str]] = defaultdict(Counter)
    for url in urls:
        counts[months[url]][statuses[url].status] += 1
    return dict(counts)


def write_coverage_rows(
    db: Database,
    agency: str,
    source: AuditedSource,
    counts: Mapping[str | None, Counter[str]],
    *,
    unlisted: Counter[str] | None,
    now: datetime,
) -> None:
    """A row a month; one at least, so that an empty source is told as well. gone: delisted ones; None: not known."""
    read = source.read_at or now
    months: set[str | None] = {*counts, *(unlisted or ())} or {None}
    db.conn.executemany(
        "insert into coverage (agency, month, source, kind, listed, stored, rejected, missing, unlisted, complete, problem,"
        " checked) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                *(agency, month, source.url or None, source.kind or None),
                *(
                    counts.get(month, Counter[str]()).total(),
                    *(counts.get(month, Counter[str]())[p] for p in COUNTED_STATUSES),
                ),
                *(
                    None if unlisted is None else unlisted[month or ""],
                    source.problem is None,
                    source.problem,
                    to_iso(read),
                ),
            )
            for month in sorted(months, key=lambda month: month or "")
        ],
    )
