"""Measures how well the search page ranks the judged queries (graded.py), compared with FTS5
without Swedish.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from statistics import fmean

from tests.bench.graded import (
    DEPTH,
    RECALL_DEPTH,
    Grades,
    JudgedQuery,
    kappa,
    ndcg,
    read_grades,
    read_queries,
    recall,
    resample_interval,
)
from tests.bench.rankings import open_rankings

OURS, BASELINE = "search page", "Snowball"
Ranked = Mapping[str, Sequence[str]]  # query → addresses, best first


def measure_ranking(archive: Path) -> Iterator[str]:
    """Yield the lines of the tables."""
    queries, grades = read_queries(), read_grades()
    with open_rankings(archive) as rankings:
        ranked = {
            name: {query.text: rank(query.text) for query in queries}
            for name, rank in rankings.items()
        }
    first = {
        query: {url: each.first for url, each in urls.items()} for query, urls in grades.items()
    }
    groups = list_groups(queries)
    for title in ("all", "first set", "second set"):
        yield from compare_rankings(title, groups[title], ranked, first)
    yield from compare_groups(groups, ranked, first)
    yield from compare_judges(grades, ranked)


def list_groups(queries: Sequence[JudgedQuery]) -> dict[str, list[str]]:
    """Return the queries that are reported together, by the group's name."""
    groups = {
        "all": queries,
        "first set": [query for query in queries if query.set == "first"],
        "second set": [query for query in queries if query.set == "second"],
        "with compounds": [query for query in queries if query.has_compound],
        "without compounds": [query for query in queries if not query.has_compound],
    }
    for (part, kind), members in groupby(queries, key=lambda query: (query.set, query.kind)):
        groups[f"{part} set: {kind}"] = list(members)
    return {name: [query.text for query in members] for name, members in groups.items()}


def compare_rankings(
    title: str,
    queries: Sequence[str],
    ranked: Mapping[str, Ranked],
    grades: Mapping[str, Mapping[str, int]],
) -> Iterator[str]:
    """Yield a table of all rankings for some queries."""
    yield (
        f"{title}: {len(queries)} queries".ljust(24)
        + "nDCG@10".center(23)
        + "recall@50".center(23)
        + "recall@50 of grade 2".center(23)
        + "judged of 10 / of 50  nothing found"
    )
    for name, found in ranked.items():
        judged, deeper = (
            [url in grades[query] for query in queries for url in found[query][:depth]]
            for depth in (DEPTH, RECALL_DEPTH)
        )
        yield (
            name.ljust(24)
            + format_mean([ndcg(found[query], grades[query]) for query in queries]).center(23)
            + format_mean([recall(found[query], grades[query]) for query in queries]).center(23)
            + format_mean(
                [recall(found[query], grades[query], least=2) for query in queries]
            ).center(23)
            + (
                f"{format_share(judged):>12} /"
                f" {format_share(deeper):>5}{sum(not found[query] for query in queries):>15}"
            )
        )
    yield ""


def compare_groups(
    groups: Mapping[str, Sequence[str]],
    ranked: Mapping[str, Ranked],
    grades: Mapping[str, Mapping[str, int]],
) -> Iterator[str]:
    """Yield a table of the search page and Snowball, and their difference query by query, for each
    group.
    """
    yield f"{'':28}{'nDCG@10':^45}{'recall@50':^45}"
    columns = f"{'search page':>12}{'Snowball':>10}  {'difference':<21}"
    yield f"{'queries':28}{columns}{columns}"
    measures: list[Callable[[str, str], float | None]] = [
        lambda name, query: ndcg(ranked[name][query], grades[query]),
        lambda name, query: recall(ranked[name][query], grades[query]),
    ]
    for group, queries in groups.items():
        line = f"{group} ({len(queries)})".ljust(28)
        for measure in measures:
            ours, baseline = (
                [measure(name, query) or 0.0 for query in queries] for name in (OURS, BASELINE)
            )
            differences = [mine - theirs for mine, theirs in zip(ours, baseline, strict=True)]
            line += f"{fmean(ours):>12.3f}{fmean(baseline):>10.3f}  {format_mean(differences):<21}"
        yield line
    yield ""


def compare_judges(
    grades: Mapping[str, Mapping[str, Grades]], ranked: Mapping[str, Ranked]
) -> Iterator[str]:
    """Yield how well the judges agree, and the search page's nDCG by the grades of either."""
    both = {
        query: {url: each for url, each in urls.items() if each.second is not None}
        for query, urls in grades.items()
    }
    both = {query: urls for query, urls in both.items() if urls}
    pairs = [(each.first, each.second or 0) for urls in both.values() for each in urls.values()]
    total = sum(len(urls) for urls in grades.values())
    if not pairs:
        return
    equal = fmean(first == second for first, second in pairs)
    yield (
        f"two judges: {len(pairs)} of {total} grades ({len(both)} queries), {equal:.0%} equal,"
        f" quadratic kappa {kappa(pairs):.2f}"
    )
    mostly = {query: urls for query, urls in both.items() if len(urls) > len(grades[query]) / 2}
    for name in (OURS, BASELINE):
        scores = [
            fmean(
                ndcg(
                    ranked[name][query],
                    {url: getattr(each, judge) or 0 for url, each in urls.items()},
                )
                for query, urls in mostly.items()
            )
            for judge in ("first", "second")
        ]
        yield (
            f"nDCG@10 of {name} by the first judge {scores[0]:.3f}, by the second {scores[1]:.3f}"
            f" ({len(mostly)} queries of which both judged most releases)"
        )


def format_mean(values: Sequence[float | None]) -> str:
    """Format a mean with its interval; values of None do not count."""
    known = [value for value in values if value is not None]
    low, high = resample_interval(known, fmean)
    return f"{fmean(known):.3f} [{low:.3f}, {high:.3f}]"


def format_share(values: Sequence[bool]) -> str:
    return f"{fmean(values):.0%}" if values else "-"
