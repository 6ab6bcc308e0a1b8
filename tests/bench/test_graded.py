"""The judged queries are whole, and what is computed from them is right; both are what the search's figure rests on."""

from __future__ import annotations

from math import log2
from pathlib import Path

import pytest

from tests.archive.sample import fill
from tests.bench.graded import GRADED, GRADES, ndcg, read_graded
from tests.bench.rankings import open_rankings


def test_forty_queries_each_with_something_to_find() -> None:
    lines = [line.split("\t") for line in GRADED.read_text("utf-8").splitlines()[1:]]
    graded = read_graded()
    assert len(graded) == 40
    assert len({(query, url) for query, url, _ in lines}) == len(lines), "nothing is judged twice"
    assert all(url.startswith("https://") and int(grade) in GRADES for _, url, grade in lines)
    assert all(query == query.strip() and any(grades.values()) for query, grades in graded.items())


def test_ndcg_by_hand() -> None:
    grades = {"a": 2, "b": 1, "c": 0, "d": 1}
    best = 2 + 1 / log2(3) + 1 / log2(4)
    assert ndcg(["a", "b", "d"], grades) == 1
    assert ndcg(["a", "d", "b"], grades) == 1, "equal grades may change places"
    assert ndcg(["c", "x", "a"], grades) == pytest.approx((2 / log2(4)) / best)
    assert ndcg([], grades) == 0
    assert ndcg(["a"], {"a": 1, "b": 2}, depth=1) == 0.5, "what is beyond the depth does not count, nor is it missed"
    assert ndcg(["x"] * 10 + ["a"], grades) == 0


def test_every_ranking_finds_what_it_can(tmp_path: Path) -> None:
    path = fill(tmp_path / "archive.db")
    with open_rankings(path) as rankings:
        found = {
            name: {text: len(rank(text)) for text in ("tänds", "fyrarnas", "yra")} for name, rank in rankings.items()
        }
    assert {name: each["tänds"] for name, each in found.items()} == dict.fromkeys(found, 1), "as it stands in the title"
    inflected = {name for name, each in found.items() if each["fyrarnas"]}
    assert inflected == {"search page", "Snowball", "Snowball, any word"}
    assert {name for name, each in found.items() if each["yra"]} == {"trigram"}, "a part of a word"
