"""Forty queries with judged releases (graded.tsv), and how well a ranking puts the good ones first.

How it was judged. The queries are of the kinds a journalist types: single words, inflected ones, compounds, two or
three words, names of laws and ministers, English. They were written down first; then the top ten of five rankings (the
search page's, plain FTS5, Snowball's stems wanting all words or any of them, trigrams) were pooled and shuffled, so
that nobody saw which one had found what. Seven queries were replaced in the same way: six that no ranking found
anything fit for, and one that nearly every release fits. All 567 releases were read (title and beginning, more where
that did not settle it) and graded before anything was tuned:

2  about what was asked: who typed these words would keep it
1  a part of it is (a paragraph, a measure among others), or it is a neighbouring matter worth a glance; also an
   invitation about it that tells no more than time and place
0  the words stand there by the way or in another sense, or not at all

What that is worth. One judge, who also works on the search: that leans towards it, however blindly it was done. Only
what some pooled ranking found was judged, and all else counts as 0: rankings that were pooled are favoured over others,
and a change of ours that brings up what nobody has judged looks worse than it is (the table tells the share judged).
The search page prefers the newer of two, so its figure may move by a thousandth with the calendar.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

GRADED = Path(__file__).with_name("graded.tsv")  # query, address, grade; addresses are those of the collection
GRADES = (0, 1, 2)
DEPTH = 10  # places that count


def read_graded() -> dict[str, dict[str, int]]:
    """For each query the grades by address."""
    graded: dict[str, dict[str, int]] = defaultdict(dict)
    for line in GRADED.read_text("utf-8").splitlines()[1:]:
        query, url, grade = line.split("\t")
        graded[query][url] = int(grade)
    return dict(graded)


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], depth: int = DEPTH) -> float:
    """Discounted gain of the first places, as a share of what the best order of all judged ones would have.

    The gain of a place is its grade divided by log2(place + 1).

    >>> round(ndcg(["b", "x", "a"], {"a": 2, "b": 1, "c": 0}), 3)  # (1 + 0 + 2/2) / (2 + 1/1.585)
    0.76
    """
    best = sorted(grades.values(), reverse=True)
    return gain([grades.get(url, 0) for url in ranked[:depth]]) / gain(best[:depth])


def gain(grades: Sequence[int]) -> float:
    """The discounted sum of grades in this order."""
    return sum(grade / math.log2(place + 1) for place, grade in enumerate(grades, start=1))
