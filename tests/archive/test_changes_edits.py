"""The stored real edits: every pair gets kinds and a weight, and what changes facts stands above what does not."""

from __future__ import annotations

import re
from typing import Any

import pytest

from archive.diff import compare
from archive.diff.align import diff_paragraphs
from archive.diff.kinds import FACT_KINDS
from tests.archive.states import EDITS, read_markdown, read_source, stored_edits

PAIRS = stored_edits()
CONSULTATIONS = "remisser"
LIGHT = {"wording", "typo", "punctuation", "layout", "paragraph_moved"}
pytestmark = pytest.mark.skipif(not PAIRS, reason=f"no stored edits: {EDITS} is not there (set PAGES)")


def plain(source: str) -> str:
    """Markdown without escapes and blank lines: what is equal in this looks the same to a reader."""
    return re.sub(r"\s*\n\s*", "\n", source.replace("\\", "")).strip()


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair["url"].rstrip("/").rsplit("/", 1)[-1][:40])
def test_every_pair_gets_kinds_and_a_weight(pair: dict[str, Any]) -> None:
    found = compare(read_source(pair["before"]), read_source(pair["after"]))
    assert found.changes
    assert 0 < found.importance <= 100
    assert found.summary("sv")
    assert found.summary("en")


def test_only_pairs_that_look_the_same_have_no_change() -> None:
    for pair in PAIRS:
        before, after = read_markdown(pair["before"]), read_markdown(pair["after"])
        changes = compare(before, after).changes
        assert bool(changes) == (before != after)
        if plain(pair["before"]) == plain(pair["after"]):  # escapes and blank lines: nothing that a page shows
            assert not changes


def test_facts_stand_above_wording() -> None:
    for reader in (read_source, read_markdown):
        found = [
            compare(reader(pair["before"]), reader(pair["after"])) for pair in PAIRS if pair["kind"] != CONSULTATIONS
        ]
        facts = [c.importance for c in found if {change.kind for change in c.changes} & set(FACT_KINDS)]
        light = [c.importance for c in found if {change.kind for change in c.changes} <= LIGHT]
        assert len(facts) >= 5
        assert len(light) >= 5
        assert min(facts) > max(light)


def test_both_ways_weigh_much_alike() -> None:
    for pair in PAIRS:
        before, after = read_source(pair["before"]), read_source(pair["after"])
        there, back = compare(before, after), compare(after, before)
        facts = [{change.kind for change in found.changes} & set(FACT_KINDS) for found in (there, back)]
        assert facts[0] == facts[1]
        assert abs(there.importance - back.importance) <= 5


def test_differences_give_back_both_texts() -> None:
    for pair in PAIRS:
        texts = [read_markdown(pair[side])["body"] for side in ("before", "after")]
        rows = diff_paragraphs(*texts)
        for op, text in zip(("del", "ins"), texts, strict=True):
            parts = ["".join(piece.text for piece in row if piece.op in {"same", op}) for row in rows]
            assert "\n\n".join(part for part in parts if part) == text
