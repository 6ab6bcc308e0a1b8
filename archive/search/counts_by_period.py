"""Counts the results of a search and, for comparison, all releases, by month or year.

A release is counted in the month in which, according to its agency, it was published
(release_facets.sort_day). Undated releases are counted separately. The `totals` of a month count
all releases of the searched agencies, regardless of the words and other filters of the search.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from archive.search.column_cache import UNDATED_MONTH
from archive.search.query_language import DATE_FIELDS, QueryNode, SearchNote, list_days
from archive.search.query_sql import build_hits_sql, build_match, plan_search, select_ids
from archive.search.ranking import HitFinder, HitPage
from archive.search.search_index import NO_VALUE
from archive.search.search_request import SearchRequest

MAX_PAGE_HITS = 100_000  # hits that a page of results counts; counting takes some 0.6 µs each
MAX_COMPARED_HITS = 2_000_000  # hits that a comparison counts in one series
FAR_MORE = 2  # times the limit; so many expected hits are not counted
FIRST_BATCH = 10_000  # hits from which the number of all is expected
READ_BATCH = 100_000  # hits read by one statement, which must stay within its limit of CPU time
MAX_MONTHS = 48  # of a chart by month; longer charts are by year
MONTH, YEAR = "month", "year"
UNITS = (MONTH, YEAR)

MONTH_TOTALS_SQL = """
    select month, sum(releases) as releases, sum(dated) as dated from month_counts
    where agency in (select value from json_each(:agencies)) and month <> '' group by month
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodCounts:
    """The numbers of results of a search, by month or year of publication.

    hits: the number of results by month (yyyy-mm), or by year (yyyy) if `has_months` is false.
    totals: the number of all dated releases of the searched agencies, by month or year. None if
        these numbers equal the numbers of results, or cannot be compared with them.
    """

    hits: Mapping[str, int]
    undated: int  # hits without a publication date
    totals: Mapping[str, int] | None = None
    has_months: bool = True
    capped: bool = False  # there are more hits than were counted
    # months in which the search begins and ends, as far as it states them
    limits: Sequence[str] = ()

    @property
    def total(self) -> int:
        """Return the number of counted results."""
        return self.undated + sum(self.hits.values())

    def group(self, unit: str) -> dict[str, tuple[int, int | None]]:
        """Return a map from each month or year to a pair: its numbers of results and of all
        releases.

        Months or years without releases are left out. The second number is None if there are no
        `totals`.
        """
        length = 7 if unit == MONTH else 4
        hits, totals = Counter[str](), Counter[str]()
        for counts, found in ((hits, self.hits), (totals, self.totals or {})):
            for name, number in found.items():
                counts[name[:length]] += number
        return {
            name: (hits[name], None if self.totals is None else totals[name])
            for name in hits | totals
        }

    def list_values(self, unit: str, periods: Sequence[str]) -> list[tuple[int, int | None]]:
        """Return a pair for each given month or year: the numbers of results and of all releases.

        The second number is None if there are no `totals`.
        """
        grouped = self.group(unit)
        return [grouped.get(period, (0, None if self.totals is None else 0)) for period in periods]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedSearch:
    """A series in a comparison: a search, possibly limited to one agency."""

    name: str
    request: SearchRequest
    counts: PeriodCounts
    notes: Sequence[SearchNote]

    @property
    def slug(self) -> str:
        """Return the slug of the agency that the search is limited to, or "" if there is none."""
        return next(iter(self.request.include.get("agency", ())), "")


def list_periods(
    counts: Sequence[PeriodCounts], unit: str | None = None, whole: Iterable[str] = ()
) -> tuple[str, list[str]]:
    """Return the unit, and all months or years from the first result to the last one, oldest first.

    If a search is limited to certain dates, the list also covers the months of these dates. If a
    search was counted by year, the unit is always the year.

    unit: if None, months are used if there are at most MAX_MONTHS of them, otherwise years.
    whole: further months that the list must include.
    """
    names = [*_list_hit_periods(counts), *whole]
    if not names:
        return unit or YEAR, []
    names += chain.from_iterable(each.limits for each in counts)
    first, last = min(names), max(names)
    if unit == YEAR or not all(each.has_months for each in counts):
        return YEAR, _list_years(first, last)
    start, end = _number_month(first), _number_month(last)
    if unit is None and end - start >= MAX_MONTHS:
        return YEAR, _list_years(first, last)
    return MONTH, [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(start, end + 1)]


def _list_hit_periods(counts: Iterable[PeriodCounts]) -> list[str]:
    return [name for each in counts for name, number in each.hits.items() if number]


def _list_years(first: str, last: str) -> list[str]:
    return [f"{year:04}" for year in range(int(first[:4]), int(last[:4]) + 1)]


def _number_month(name: str) -> int:
    """Return the number of months from January of the year 0 to the given month.

    >>> _number_month("0001-02")
    13
    """
    return 12 * int(name[:4]) + int(name[5:]) - 1


async def count_hit_page(finder: HitFinder, hit_page: HitPage) -> PeriodCounts | None:
    """Count the results of a search page by month or year.

    Returns None if there are too many results to count: more than MAX_PAGE_HITS, or so many
    questions or quotations that their number is capped.
    """
    if hit_page.capped and finder.request.show != "releases":
        return None
    counts = await count_periods(
        finder, None if hit_page.capped else hit_page.releases, MAX_PAGE_HITS
    )
    return None if counts.capped else counts


async def count_periods(
    finder: HitFinder, releases: Sequence[int] | None, limit: int
) -> PeriodCounts:
    """Count the results of a search by month.

    A search without words may be counted by year instead: see count_without_words.

    releases: the releases that contain the results, or None if they still have to be read.
    limit: the maximum number of results to read.
    """
    request, columns = finder.request, finder.columns
    if finder.has_only_facets:
        return await count_without_words(finder)
    is_capped = False
    if releases is None:
        releases, is_capped = await _read_all_ids(finder, limit)
    months = columns.count_months(releases)
    undated = months.pop(UNDATED_MONTH, 0)
    totals = await _read_month_totals(finder) if request.show == "releases" else None
    return PeriodCounts(
        hits={_format_month_code(code): number for code, number in months.items()},
        undated=undated,
        totals=None if totals is None else {name: dated for name, (_, dated) in totals.items()},
        capped=is_capped,
        limits=find_limits(
            request.query.tree, [name for name, (_, dated) in (totals or {}).items() if dated]
        ),
    )


def find_limits(tree: QueryNode | None, months: Sequence[str]) -> list[str]:
    """Return the months of the first and the last date to which a query is limited.

    If the query sets only one of the two limits, only its month is returned. A limit outside the
    given months is replaced by the earliest or the latest of these months. Returns [] if the query
    is limited to dates outside the given months.
    """
    if not months:
        return []
    starts, ends = ([day[:7] for day in list_days(tree, name)] for name in DATE_FIELDS)
    first, last = max([min(months), *starts]), min([max(months), *ends])
    if first > last:
        return []
    return [month for month, bounds in ((first, starts), (last, ends)) if bounds]


async def count_without_words(finder: HitFinder) -> PeriodCounts:
    """Count all releases with the chosen facet values, for a search without words.

    They are counted by month if the search has no filters but included agencies and years, and by
    year otherwise.
    """
    include, exclude = finder.request.include, finder.request.exclude
    totals = await _read_month_totals(finder)
    if not exclude and set(include) <= {"agency", "year"}:
        return _count_months(totals, include.get("year", ()))
    by_year = {**finder.columns.count_all_values("year", include, exclude, skip_chosen=False)}
    undated = by_year.pop(NO_VALUE, 0)
    yearly = Counter[str]()
    for name, (_, dated) in totals.items():
        yearly[name[:4]] += dated
    return PeriodCounts(hits=by_year, undated=undated, totals=yearly, has_months=False)


def _count_months(totals: Mapping[str, tuple[int, int]], years: Collection[str]) -> PeriodCounts:
    """Build the counts of all releases, by month.

    totals: for each month, the number of all releases and the number of dated releases.
    years: count only releases published in these years. If empty, count all releases.
    """
    hits = {
        name: dated
        for name, (_, dated) in totals.items()
        if dated and (not years or name[:4] in years)
    }
    undated = 0
    if not years or NO_VALUE in years:
        undated = sum(releases - dated for releases, dated in totals.values())
    return PeriodCounts(hits=hits, undated=undated)


async def _read_all_ids(finder: HitFinder, limit: int) -> tuple[Sequence[int], bool]:
    """Return the ids of the current releases that match, and whether there are more than `limit`.

    If there are more, only some of the ids are returned. Reading stops early if the first batch
    shows that there are far more than `limit`.
    """
    found: list[int] = []
    while True:
        plan = plan_search(finder.request, finder.names)
        match = build_match(finder.request, plan)
        # the index yields its hits by their ids, a table may not
        sql = (
            finder.build_sql(plan, match)
            if match
            else build_hits_sql(finder.request, plan, match) + " order by id"
        )
        size = min(READ_BATCH if found else FIRST_BATCH, limit + 1 - len(found))
        after = plan.bind(found[-1] if found else 0)
        batch = await select_ids(
            finder.run, f"select id from ({sql}) where id > {after} limit {size}", plan.values
        )
        found += batch
        is_last = len(batch) < size
        expected = 0 if is_last else len(found) / found[-1] * finder.columns.size
        if is_last or len(found) > limit or expected > FAR_MORE * limit:
            # without chosen values, every listed release that matches is a hit
            return finder.filter_hits(found) if finder.request.has_filters else found, not is_last


async def _read_month_totals(finder: HitFinder) -> dict[str, tuple[int, int]]:
    """Return, for each month, how many releases the searched agencies have, and how many of these
    are dated.
    """
    include, exclude = finder.chosen_agencies, finder.request.exclude.get("agency")
    agencies: Iterable[str] = [""] if include is None else include
    if exclude:
        known = finder.columns.value_codes["agency"]
        agencies = (known.keys() if include is None else set(include)) - set(exclude)
    rows = await finder.run(MONTH_TOTALS_SQL, {"agencies": json.dumps(sorted(agencies))})
    return {row["month"]: (row["releases"], row["dated"]) for row in rows}


def _format_month_code(code: int) -> str:
    """Format a month from ColumnCache.months as yyyy-mm.

    >>> _format_month_code(202405)
    '2024-05'
    """
    return f"{code // 100:04}-{code % 100:02}"
