"""Makes what the index has to go through fewer: choices as words of the index, and the months of the newest hits.

What a very common word finds is ranked, counted and shown among its newest MOST_HITS alone. Which these are is told by
the months they stand in: words of the index as well, so that older releases are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from archive.search.matching import any_fact
from archive.search.run import Run
from archive.swedish.facts import AGENCY, KIND, LISTED_MONTH, LISTED_YEAR, QUESTIONS, TAG, YEAR

MOST_HITS = 10_000  # matches beyond the newest so many are neither counted nor shown: very common words cost seconds
MOST_COUNTED = 100_000  # matches that are counted to see how common a word is
FIRST = 15_000  # releases whose months tell it of commoner words
LEAST_MORE = 1.2  # times as many are tried next, at least
SPARE = 1.2  # times as many hits as are wanted are aimed at
MOST_SHARE = 0.75  # of all releases; to look through more of them costs more than to sort all hits
KINDS = {"agency": AGENCY, "kind": KIND, "year": YEAR, "questions": QUESTIONS, "tag": TAG}
MONTHS = "select month, releases from months where agency = '' and month not in ('', 'none') order by month desc"
COUNT = "select count(*) as n from (select 1 from search where search match :match limit :most)"


def choose_facts(include: Mapping[str, tuple[str, ...]], without: str | None = None) -> list[str]:
    """What the chosen values of facets ask for: any of them; of tags each."""
    told = []
    for name, values in include.items():
        if name == "tag":
            told += [any_fact(TAG, [value]) for value in values]
        elif name != without:
            told.append(any_fact(KINDS[name], values))
    return told


def refuse_tags(exclude: Mapping[str, tuple[str, ...]]) -> str:
    """Excluded tags; "" where there are none."""
    return any_fact(TAG, exclude.get("tag", ()))


def join_match(wanted: Sequence[str], refused: str = "") -> str:
    """One expression of several; "" of none."""
    match = " AND ".join(f"({each})" for each in wanted if each)
    return f"({match}) NOT ({refused})" if match and refused else match


async def is_capped(run: Run, match: str) -> bool:
    """Whether an expression finds more than MOST_HITS."""
    return await count(run, match, MOST_HITS) > MOST_HITS


async def find_window(run: Run, match: str) -> str:
    """The months, as an expression, that hold the newest MOST_HITS of an expression's releases and not many more.

    "" where all of its releases must be looked at, for there are not many more.
    """
    months = [(row["month"], row["releases"]) for row in await run(MONTHS, {})]
    whole = sum(number for _, number in months)
    found = await count(run, match, MOST_COUNTED)
    # how common the commonest words are the newest months tell
    wanted = FIRST if found > MOST_COUNTED else whole * SPARE * MOST_HITS / max(1, found)
    while wanted < MOST_SHARE * whole:
        chosen, held = take(months, wanted)
        span = any_month(chosen)
        found = await count(run, f"({match}) AND ({span})", MOST_HITS)
        if found > MOST_HITS:
            return span
        wanted = max(LEAST_MORE * held, held * SPARE * MOST_HITS / (found + 1))
    return ""


async def count(run: Run, match: str, most: int) -> int:
    """How many releases an expression finds, counted no further than one beyond `most`."""
    return int((await run(COUNT, {"match": match, "most": most + 1}))[0]["n"])


def take(months: Iterable[tuple[str, int]], wanted: float) -> tuple[list[str], int]:
    """The newest months that hold so many releases, and how many they hold."""
    chosen, held = [], 0
    for month, number in months:
        if held >= wanted:
            break
        chosen.append(month)
        held += number
    return chosen, held


def any_month(months: Sequence[str]) -> str:
    """Any of some months in a row, newest first: whole years as years, for an index reads one word faster than twelve.

    >>> any_month(["2024-02", "2024-01", "2023-12"]) == (
    ...     f"({any_fact(LISTED_YEAR, ['2024'])}) OR ({any_fact(LISTED_MONTH, ['2023-12'])})")
    True
    """
    years = [(year, list(found)) for year, found in groupby(months, key=lambda month: month[:4])]
    whole = [year for year, _ in years[:-1]]  # of the oldest a part may be left out
    parts = [any_fact(LISTED_YEAR, whole), any_fact(LISTED_MONTH, years[-1][1] if years else ())]
    return " OR ".join(f"({part})" for part in parts if part)
