"""Stored real edits: each is a change, and changed figures are more important than anything
else.
"""

from __future__ import annotations

import re
from functools import cache

import pytest

from archive.changes.comparison import Diff, compare
from archive.changes.diff import diff_paragraphs
from tests.archive.changes.states import (
    EDITS,
    FACT_KINDS,
    list_kinds,
    read_markdown,
    read_source,
    read_stored_edits,
)

PAIRS = read_stored_edits()
CONSULTATIONS = "remisser"
FIGURES = {"amount", "number", "date", "time"}
LIGHT_KINDS = {"wording", "typo", "punctuation", "layout", "paragraph_moved"}
READERS = {"source": read_source, "markdown": read_markdown}
pytestmark = pytest.mark.skipif(
    not PAIRS, reason=f"no stored edits: {EDITS} is missing (set PAGES)"
)
each_edit = pytest.mark.parametrize("number", range(len(PAIRS)))


@cache
def compare_edit(number: int, reader: str) -> Diff:
    before, after = (READERS[reader](PAIRS[number][side]) for side in ("before", "after"))
    return compare(before, after)


def simplify(source: str) -> str:
    """Return Markdown without escapes and blank lines, which a reader does not see."""
    return re.sub(r"\s*\n\s*", "\n", source.replace("\\", "")).strip()


@each_edit
def test_edit_has_changes_and_much_the_same_importance_both_ways(number: int) -> None:
    diff = compare_edit(number, "source")
    assert diff.changes
    assert 0 < diff.importance <= 100
    assert diff.summary("sv")
    assert diff.summary("en")
    back = compare(read_source(PAIRS[number]["after"]), read_source(PAIRS[number]["before"]))
    assert set(list_kinds(diff)) & FACT_KINDS == set(list_kinds(back)) & FACT_KINDS
    assert abs(diff.importance - back.importance) <= 5


@each_edit
def test_only_edits_that_look_the_same_have_no_changes(number: int) -> None:
    pair = PAIRS[number]
    before, after = read_markdown(pair["before"]), read_markdown(pair["after"])
    changes = compare_edit(number, "markdown").changes
    assert bool(changes) == (before != after)
    if simplify(pair["before"]) == simplify(pair["after"]):
        assert not changes
    rows = diff_paragraphs(before["body"], after["body"])
    for op, state in (("del", before), ("ins", after)):
        parts = [
            "".join(segment.text for segment in row if segment.op in {"same", op}) for row in rows
        ]
        assert "\n\n".join(part for part in parts if part) == state["body"]


@pytest.mark.parametrize("reader", READERS)
def test_changed_figures_are_more_important_than_wording(reader: str) -> None:
    diffs = [
        compare_edit(number, reader)
        for number, pair in enumerate(PAIRS)
        if pair["kind"] != CONSULTATIONS
    ]
    facts = [diff.importance for diff in diffs if set(list_kinds(diff)) & FIGURES]
    light = [diff.importance for diff in diffs if set(list_kinds(diff)) <= LIGHT_KINDS]
    assert len(facts) >= 4
    assert len(light) >= 5
    assert min(facts) > max(light)
