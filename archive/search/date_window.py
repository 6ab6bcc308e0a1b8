"""Finds the newest results of a very common word without reading older releases.

Only MAX_HITS results are ranked and counted, so the search is limited to the newest months that
together contain that many results.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from archive.database.sqlite_files import RunQuery
from archive.search.query_sql import MAX_HITS, match_any, match_facet_terms

MIN_WINDOW_GROWTH = 1.1  # minimum factor by which a window grows
WINDOW_MARGIN = 1.05  # a window is opened for a few more hits than needed, by this factor
# the newest twelfth of the months is searched first if a few hits may be enough
NEWEST_FRACTION = 12
MAX_WINDOW_SHARE = 0.4  # share of all releases; a larger window costs more than sorting all hits
MONTH_COUNTS_SQL = (
    "select month, releases from month_counts where agency = '' and month not in ('', 'none')"
    " order by month desc"
)


class DateWindow:
    """A growing window of the newest (or oldest) months, and the FTS5 expressions for these months.

    The window is widened step by step until it contains MAX_HITS results.

    months: each month with its number of releases, newest (or oldest) first.
    expected: how many releases probably have to be read to find MAX_HITS results.
    """

    def __init__(self, months: Sequence[tuple[str, int]], expected: float) -> None:
        self.months, self.total = months, sum(number for _, number in months)
        self.target, self.covered = WINDOW_MARGIN * expected, 0
        self.opened_months = 0

    def open_next_months(self) -> str:
        """Add months to the window, and return an FTS5 expression for the added months.

        If the window would include too many releases, add all remaining months and return "".
        """
        first = self.opened_months
        if self.target >= MAX_WINDOW_SHARE * self.total:
            self.opened_months = len(self.months)
            return ""
        while self.covered < self.target:
            self.covered += self.months[self.opened_months][1]
            self.opened_months += 1
        return self._match_range(first, self.opened_months)

    def widen(self, hit_count: int) -> None:
        """Raise the number of releases to include, because the window contained too few results.

        hit_count: the number of results in the window.
        """
        self.target = self.covered * max(
            MIN_WINDOW_GROWTH, WINDOW_MARGIN * MAX_HITS / (hit_count + 1)
        )

    def list_match_parts(self) -> list[str]:
        """Return FTS5 expressions for the first months of the window and for its other months.

        If the window contains all months, the second expression is "" (any month). If it contains
        only one of several months, there is no second expression.
        """
        newest = max(1, self.opened_months // NEWEST_FRACTION)
        parts = [self._match_range(0, newest)]
        if self.opened_months == len(self.months):
            parts.append("")
        elif newest < self.opened_months:
            parts.append(self._match_range(newest, self.opened_months))
        return parts

    def _match_range(self, start: int, end: int) -> str:
        months = [month for month, _ in self.months]
        return _match_months(months[start:end], months)


async def read_month_counts(run: RunQuery) -> list[tuple[str, int]]:
    """Return each month with its number of releases, newest month first."""
    return [(row["month"], row["releases"]) for row in await run(MONTH_COUNTS_SQL, {})]


def _match_months(months: Sequence[str], all_months: Sequence[str]) -> str:
    """Return the FTS5 expression that matches releases of consecutive months.

    A whole year is matched by one term, because FTS5 reads one term faster than twelve.

    months: the months to match, in the same order as `all_months`.

    >>> months = ["2024-02", "2024-01", "2023-12", "2023-11"]
    >>> year = match_facet_terms("sort_year", ["2024"])
    >>> month = match_facet_terms("sort_month", ["2023-12"])
    >>> _match_months(months[:3], months) == f"({year}) OR ({month})"
    True
    """
    sizes = Counter(month[:4] for month in all_months)
    numbers = Counter(month[:4] for month in months)
    whole = [year for year, number in numbers.items() if number == sizes[year]]
    others = [month for month in months if month[:4] not in whole]
    parts = match_facet_terms("sort_year", whole), match_facet_terms("sort_month", others)
    return match_any(filter(None, parts))
