"""Eighty queries with judged releases, and the figures computed from them.

`queries.tsv`: the query, its set, its kind, whether compounds matter to it (a word of it is one, or
it asks for those that begin with it), and other wordings of it. Each set was written down before
any of its results was looked at; eight queries were then replaced by others of their kind, because
nothing fits them (one: because nearly all does).

`graded.tsv`: the query, the address of a release, and the grades of two judges. What is judged is
what any of several rankings puts first (pool.py). It was shuffled, so that no judge saw which
ranking had found what, nor the other's grade. They read the title, the beginning and a passage with
the words, and more where that did not settle it:

2  about what was asked: a person who typed these words would keep it
1  a part of it is (a paragraph, a measure among others), or it is a neighbouring matter worth a glance; also an
   invitation about it that has no more than time and place
0  the words are there by the way or in another sense, or not at all

The column `first` has 567 grades by one of us who worked on the search; the others are by seven
judges who did not. The last 522 pairs were in the first ten (15) and fifty (507) of the search page
on 2026-11-30 and had not been read; they were judged without their places being known.
`second` has the grades of another of the people for a third of the pairs: most of what is judged of
27 queries, which were drawn at random, and all that the people judged last of 26 queries.

What that is worth. Both sets are known to those who tune the search; a list of synonyms that has
their words proves nothing. What is not judged counts as 0. All rankings of the table were pooled,
to a depth of 20, but "trigram, any word" came later, and the search page has changed since: of its
first fifty all are judged. A change that brings up other releases looks worse than it is, until
they are judged as well (`python -m tests.bench.pool`). Recall is the share of the relevant ones
that any of the rankings found, so the true share is lower. A misspelt query
counts as what is found for it; a suggestion that the page makes is not followed. The search page
prefers the newer of two, so its figures may move by a thousandth with the calendar.
"""

from __future__ import annotations

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

QUERIES = Path(__file__).with_name("queries.tsv")
GRADED = Path(__file__).with_name("graded.tsv")
GRADES = (0, 1, 2)
DEPTH = 10  # places that count for nDCG
RECALL_DEPTH = 50  # places that count for recall
RESAMPLES = 2000

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class JudgedQuery:
    """A query as typed, and its properties."""

    text: str
    set: str
    kind: str
    has_compound: bool
    also: tuple[str, ...]  # other wordings


@dataclass(frozen=True, slots=True)
class Grades:
    """A release's grades for a query; `second` is None if the second judge has not graded it."""

    first: int
    second: int | None = None


def read_queries() -> list[JudgedQuery]:
    rows = [line.split("\t") for line in QUERIES.read_text("utf-8").splitlines()[1:]]
    return [
        JudgedQuery(text, part, kind, compound == "yes", tuple(also.split("; ")))
        for text, part, kind, compound, also in rows
    ]


def read_grades() -> dict[str, dict[str, Grades]]:
    """Return for each query the grades by address."""
    grades: dict[str, dict[str, Grades]] = defaultdict(dict)
    for line in GRADED.read_text("utf-8").splitlines()[1:]:
        query, url, first, second = line.split("\t")
        grades[query][url] = Grades(int(first), int(second) if second else None)
    return dict(grades)


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], depth: int = DEPTH) -> float:
    """Return the discounted gain of the first places, as a share of what the best order of all
    judged ones would have.

    The gain of a place is its grade divided by log2(place + 1).

    >>> round(ndcg(["b", "x", "a"], {"a": 2, "b": 1, "c": 0}), 3)  # (1 + 0 + 2/2) / (2 + 1/1.585)
    0.76
    """
    best = sorted(grades.values(), reverse=True)
    return gain([grades.get(url, 0) for url in ranked[:depth]]) / gain(best[:depth])


def gain(grades: Sequence[int]) -> float:
    """Return the discounted sum of grades in this order."""
    return sum(grade / math.log2(place + 1) for place, grade in enumerate(grades, start=1))


def recall(
    ranked: Sequence[str], grades: Mapping[str, int], depth: int = RECALL_DEPTH, least: int = 1
) -> float | None:
    """Return the share of the releases with at least this grade that are in the first places.

    If more releases are relevant than there are places, filling all places counts as 1. None: no
    release has such a grade.
    """
    relevant = {url for url, grade in grades.items() if grade >= least}
    return (
        len(relevant.intersection(ranked[:depth])) / min(len(relevant), depth) if relevant else None
    )


def resample_interval(
    values: Sequence[Value], statistic: Callable[[Sequence[Value]], float], seed: int = 0
) -> tuple[float, float]:
    """Return a statistic's 95 % interval by the bootstrap: over samples of the same size, drawn
    with replacement.
    """
    draw = random.Random(seed)
    results = sorted(statistic(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return results[round(0.025 * RESAMPLES)], results[round(0.975 * RESAMPLES) - 1]


def kappa(pairs: Sequence[tuple[int, int]]) -> float:
    """Return Cohen's kappa with quadratic weights: 1 for equal grades everywhere, 0 for what chance
    would give.
    """
    firsts, seconds = Counter(first for first, _ in pairs), Counter(second for _, second in pairs)
    expected = sum((a - b) ** 2 * firsts[a] * seconds[b] for a in firsts for b in seconds) / len(
        pairs
    )
    return 1 - sum((first - second) ** 2 for first, second in pairs) / expected
