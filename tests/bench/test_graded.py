"""Tests that the judged queries are complete, and that the figures computed from them are right."""

from __future__ import annotations

from math import log2
from pathlib import Path
from statistics import fmean

import pytest

from tests.archive.sample import fill
from tests.bench.graded import (
    GRADED,
    GRADES,
    kappa,
    ndcg,
    read_grades,
    read_queries,
    recall,
    resample_interval,
)
from tests.bench.rankings import open_rankings

SETS = {"first": 40, "second": 40}
LEAST_SHARE = 0.3  # share of the grades that the second judge gave as well


def test_each_query_has_something_to_find() -> None:
    queries, grades = read_queries(), read_grades()
    assert {name: sum(query.set == name for query in queries) for name in SETS} == SETS
    assert {query.text for query in queries} == set(grades)
    assert all(
        query.text == query.text.strip() and query.kind and all(query.also) for query in queries
    )
    assert [
        query for query, urls in grades.items() if not any(each.first for each in urls.values())
    ] == []


def test_grades_are_an_address_and_a_number_for_each_judge() -> None:
    lines = [line.split("\t") for line in GRADED.read_text("utf-8").splitlines()[1:]]
    assert len({(query, url) for query, url, *_ in lines}) == len(lines), "no pair is judged twice"
    known = [str(grade) for grade in GRADES]
    assert [
        line for line in lines if not line[1].startswith("https://") or line[2] not in known
    ] == []
    assert {second for *_, second in lines} <= {"", *known}
    assert sum(bool(second) for *_, second in lines) > LEAST_SHARE * len(lines)


def test_ndcg_by_hand() -> None:
    grades = {"a": 2, "b": 1, "c": 0, "d": 1}
    best = 2 + 1 / log2(3) + 1 / log2(4)
    assert ndcg(["a", "b", "d"], grades) == 1
    assert ndcg(["a", "d", "b"], grades) == 1, "equal grades may change places"
    assert ndcg(["c", "x", "a"], grades) == pytest.approx((2 / log2(4)) / best)
    assert ndcg([], grades) == 0
    assert ndcg(["a"], {"a": 1, "b": 2}, depth=1) == 0.5, (
        "what is beyond the depth does not count, nor is it missed"
    )
    assert ndcg(["x"] * 10 + ["a"], grades) == 0


@pytest.mark.parametrize(
    ("ranked", "depth", "least", "expected"),
    [
        ("abcd", 50, 1, 1.0),
        ("axd", 50, 1, 2 / 3),
        ("xab", 2, 1, 0.5),  # of two places, one is filled
        ("xab", 2, 2, 1.0),  # only a has the grade
        ("", 50, 1, 0.0),
        ("abc", 50, 3, None),
    ],
)
def test_recall_by_hand(ranked: str, depth: int, least: int, expected: float | None) -> None:
    assert recall(ranked, {"a": 2, "b": 1, "c": 0, "d": 1}, depth, least) == expected


def test_interval_of_a_mean() -> None:
    assert resample_interval([0.5] * 10, fmean) == (0.5, 0.5)
    values = [0.0] * 50 + [1.0] * 50
    low, high = resample_interval(values, fmean)
    assert low == pytest.approx(0.4, abs=0.03)  # .5 ± 1.96 · .05
    assert high == pytest.approx(0.6, abs=0.03)
    assert resample_interval(values, fmean) == (low, high), "the same with each run"


def test_kappa_by_hand() -> None:
    assert kappa([(0, 0), (1, 1), (2, 2)]) == 1
    assert kappa([(0, 0), (0, 2), (2, 0), (2, 2)]) == 0, "as often equal as by chance"
    assert kappa([(0, 2), (2, 0)]) == -1
    assert kappa([(0, 0), (2, 2), (2, 1), (0, 0)]) == pytest.approx(1 - 1 / 7), (
        "one step apart weighs little"
    )


def test_every_ranking_finds_what_it_can(tmp_path: Path) -> None:
    path = fill(tmp_path / "archive.db")
    with open_rankings(path) as rankings:
        found = {
            name: {text: len(rank(text)) for text in ("tänds", "fyrarnas", "yra")}
            for name, rank in rankings.items()
        }
    del found["any trigram"]
    assert {name: each["tänds"] for name, each in found.items()} == dict.fromkeys(found, 1), (
        "as it stands in the title"
    )
    inflected = {name for name, each in found.items() if each["fyrarnas"]}
    assert inflected == {"search page", "Snowball", "Snowball, any word"}
    parts = {name for name, each in found.items() if each["yra"]}
    assert parts == {"trigram", "trigram, any word"}, "a part of a word"
