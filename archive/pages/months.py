"""The months in which releases were published, with their counts: of one agency, or of all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from archive.pages.lists import UNDATED
from archive.search import Run
from archive.texts import MONTHS

OF = "select month, releases, dated from months where agency = :agency and month <> '' order by month"


@dataclass(frozen=True, slots=True)
class Month:
    """A month as yyyy-mm, and how many releases were published in it."""

    month: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """A year with its twelve months, those without a release among them."""

    year: str
    count: int
    months: list[Month]

    @property
    def newest(self) -> str:
        """Its last month with a release."""
        return next(month.month for month in reversed(self.months) if month.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """All months with releases, in order, and how many releases state no date of publication."""

    months: list[Month]
    undated: int

    @property
    def years(self) -> list[Year]:
        """Newest first."""
        return to_years(self.months)

    @property
    def total(self) -> int:
        return self.undated + sum(month.count for month in self.months)

    def count_of(self, month: str) -> int:
        """How many of a month, or undated."""
        return self.undated if month == UNDATED else sum(held.count for held in self.months if held.month == month)

    def before(self, month: str) -> Month | None:
        """The nearest earlier month with releases."""
        return next((held for held in reversed(self.months) if held.month < month), None)

    def after(self, month: str) -> Month | None:
        """The nearest later month with releases."""
        return next((held for held in self.months if held.month > month), None)


async def read_calendar(run: Run, agency: str | None = None) -> Calendar:
    """From the counts that are kept."""
    rows = await run(OF, {"agency": agency or ""})
    return Calendar(
        months=[Month(row["month"], row["dated"]) for row in rows if row["dated"]],
        undated=sum(row["releases"] - row["dated"] for row in rows),
    )


def to_years(months: Sequence[Month]) -> list[Year]:
    """Months by year, newest first, each year with all its twelve."""
    years = []
    for year, found in groupby(months, key=lambda month: month.month[:4]):
        counts = {month.month: month.count for month in found}
        names = [f"{year}-{number:02}" for number in range(1, 13)]
        years.append(
            Year(
                year=year,
                count=sum(counts.values()),
                months=[Month(name, counts.get(name, 0)) for name in names],
            )
        )
    return years[::-1]


def say_month(language: str, month: str) -> str:
    """A month in words.

    >>> say_month("sv", "2024-05"), say_month("en", "2024-05")
    ('maj 2024', 'May 2024')
    """
    year, number = month.split("-")
    return f"{getattr(MONTHS[int(number) - 1], language)} {year}"


def say_short(language: str, month: str) -> str:
    """A month's name where there is little room.

    >>> say_short("sv", "2024-05"), say_short("en", "2024-09")
    ('maj', 'Sep')
    """
    return str(getattr(MONTHS[int(month[5:7]) - 1], language))[:3]
