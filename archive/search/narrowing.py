"""Makes what the index has to go through fewer: choices as words of the index, and the months of the newest hits.

What a very common word finds is ranked, counted and shown among its newest MOST_HITS alone. Which these are is told by
the months they stand in: words of the index as well, so that older releases are never looked at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from archive.search.matching import any_fact
from archive.search.run import Run
from archive.swedish.facts import AGENCY, KIND, LISTED_MONTH, LISTED_YEAR, QUESTIONS, TAG, YEAR

MOST_HITS = 10_000  # matches beyond the newest so many are neither counted nor shown: very common words cost seconds
LEAST_MORE = 1.1  # times as many releases are tried next, at least
SPARE = 1.05  # times as many hits as are wanted are aimed at
NEWEST = 12  # months to one of the newest, which are looked at first where few hits may do
MOST_SHARE = 0.4  # of all releases; to look for months of more of them costs more than to sort all hits
KINDS = {"agency": AGENCY, "kind": KIND, "year": YEAR, "questions": QUESTIONS, "tag": TAG}
MONTHS = "select month, releases from months where agency = '' and month not in ('', 'none') order by month desc"


def choose_facts(include: Mapping[str, tuple[str, ...]], without: str | None = None) -> list[str]:
    """What the chosen values of facets ask for: any of them; of tags each."""
    told = []
    for name, values in include.items():
        if name == "tag":
            told += [any_fact(TAG, [value]) for value in values]
        elif name != without:
            told.append(any_fact(KINDS[name], values))
    return told


def refuse_facts(exclude: Mapping[str, tuple[str, ...]]) -> str:
    """Any of the excluded values; "" where there are none."""
    told = [any_fact(KINDS[name], values) for name, values in exclude.items()]
    return " OR ".join(f"({each})" for each in told if each)


def join_match(wanted: Sequence[str], refused: str = "") -> str:
    """One expression of several; "" of none."""
    match = " AND ".join(f"({each})" for each in wanted if each)
    return f"({match}) NOT ({refused})" if match and refused else match


class Window:
    """The newest months, as expressions, further ones each time: those that may hold the newest MOST_HITS hits."""

    def __init__(self, months: Sequence[tuple[str, int]], expected: float) -> None:
        """expected: in how many releases MOST_HITS hits may be, as far as is known."""
        self.months, self.whole = months, sum(number for _, number in months)
        self.wanted, self.held = SPARE * expected, 0
        self.opened = 0  # months

    def open(self) -> str:
        """The next months; "" where all releases must be looked at, for there are not many more."""
        begun = self.opened
        if self.wanted >= MOST_SHARE * self.whole:
            self.opened = len(self.months)
            return ""
        while self.held < self.wanted:
            self.held += self.months[self.opened][1]
            self.opened += 1
        return self._tell(begun, self.opened)

    def widen(self, found: int) -> None:
        """So many hits were in all that was opened, which were too few."""
        self.wanted = self.held * max(LEAST_MORE, SPARE * MOST_HITS / (found + 1))

    def parts(self) -> list[str]:
        """All that was opened, the newest of it first, which may do; "" is all there is."""
        newest = max(1, self.opened // NEWEST)
        if self.opened == len(self.months):
            return [self._tell(0, newest), ""]
        return [self._tell(0, newest), *([self._tell(newest, self.opened)] if newest < self.opened else [])]

    def _tell(self, begun: int, end: int) -> str:
        months = [month for month, _ in self.months]
        return any_month(months[begun:end], months)


async def read_months(run: Run) -> list[tuple[str, int]]:
    """How many releases each month has, the newest first."""
    return [(row["month"], row["releases"]) for row in await run(MONTHS, {})]


def any_month(months: Sequence[str], known: Sequence[str]) -> str:
    """Any of some months in a row, newest first: whole years as years, for an index reads one word faster than twelve.

    known: all months there are.

    >>> any_month(["2024-02", "2024-01", "2023-12"], ["2024-02", "2024-01", "2023-12", "2023-11"]) == (
    ...     f"({any_fact(LISTED_YEAR, ['2024'])}) OR ({any_fact(LISTED_MONTH, ['2023-12'])})")
    True
    """
    sizes = Counter(month[:4] for month in known)
    whole = [year for year, number in Counter(month[:4] for month in months).items() if number == sizes[year]]
    parts = [
        any_fact(LISTED_YEAR, whole),
        any_fact(LISTED_MONTH, [month for month in months if month[:4] not in whole]),
    ]
    return " OR ".join(f"({part})" for part in parts if part)
