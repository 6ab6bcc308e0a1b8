"""Tests that the judged edits are complete, and that the figures computed from them are right."""

from __future__ import annotations

import pytest

from archive.changes.comparison import Diff
from archive.changes.importance import KIND_IMPORTANCE, Change
from tests.bench.importance import (
    REAL,
    JudgedEdit,
    measure_kinds,
    rank_agreement,
    read_judged_edits,
)
from tests.stored import ROOT

MIN_EDITS = 300


def to_edit(kinds: str, name: str = "") -> JudgedEdit:
    return JudgedEdit(name=name, before={}, after={}, importance=0, kinds=kinds)


def to_diff(*kinds: str) -> Diff:
    changes = [Change(field="body", kind=kind, before="", after="", importance=0) for kind in kinds]
    return Diff(changes=tuple(changes), importance=0)


def test_judged_edits_are_many_and_name_known_kinds() -> None:
    edits = read_judged_edits()
    assert len(edits) >= MIN_EDITS
    assert len({edit.name for edit in edits}) == len(edits)
    known = {*KIND_IMPORTANCE, "actor"}  # who decides or is given a task, which may have no name
    assert [edit.name for edit in edits if edit.allowed - known] == []
    assert [edit.name for edit in edits if not 0 <= edit.importance <= 100] == []
    assert [edit.name for edit in edits if edit.before == edit.after] == []
    assert 0.25 < sum(edit.is_test for edit in edits) / len(edits) < 0.42


@pytest.mark.skipif(not (ROOT / "edits.jsonl").exists(), reason="no stored edits (set PAGES)")
def test_each_real_edit_is_found() -> None:
    judged = len(REAL.read_text("utf-8").splitlines()) - 1
    assert sum(edit.name.startswith("https:") for edit in read_judged_edits()) == judged


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(1, 5), (2, 6), (3, 7)], 1),
        ([(1, 7), (2, 6), (3, 5)], -1),
        ([(1, 1), (2, 3), (3, 2)], 1 / 3),
        # two concordant pairs; one of three is tied in the first
        ([(1, 1), (1, 2), (2, 3)], 2 / (3 * 2) ** 0.5),
    ],
)
def test_rank_agreement_by_hand(pairs: list[tuple[int, int]], expected: float) -> None:
    assert rank_agreement(pairs) == pytest.approx(expected)


def test_precision_and_recall_by_hand() -> None:
    judged = [
        (to_edit("amount/number date?"), to_diff("number", "date")),
        (to_edit("amount"), to_diff("wording")),
    ]
    lines = {line.split()[0]: line.split()[1:] for line in measure_kinds(judged)}
    assert lines["amount"] == ["2", "0", "–", "0.50"], (
        "the alternative that was found counts as met"
    )
    assert lines["date"] == ["0", "1", "1.00", "–"]
    assert lines["wording"] == ["0", "1", "0.00", "–"]
    assert lines["all"] == ["2", "3", "0.67", "0.50"]
