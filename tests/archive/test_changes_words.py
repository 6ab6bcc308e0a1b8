"""A comparison told in one line, in both languages: counted by kind, heaviest first, in words that agree."""

from __future__ import annotations

import pytest

from archive.diff import compare
from tests.archive.states import to_state
from tests.archive.test_changes import OLD, body


def test_summary_counts_by_kind_heaviest_first() -> None:
    two = compare(to_state("Det kostar 3 kr den 4 maj."), to_state("Det kostar 5 kr den 9 maj."))
    assert two.summary("sv") == "1 belopp, 1 datum ändrat"
    assert two.summary("en") == "1 amount, 1 date changed"
    many = body(("4 maj", "5 maj"), ("vanligt", "planerat"), ("i hamnen.", "i hamnen.\n\nVälkommen.\n\nHej då."))
    assert many.summary("sv") == "1 datum, 1 formulering ändrade; 2 stycken tillagda"
    assert many.summary("en") == "1 date, 1 wording changed; 2 paragraphs added"
    assert [change.importance for change in many.changes] == sorted((c.importance for c in many.changes), reverse=True)


def test_summary_agrees_in_swedish() -> None:
    assert body(("stängs", "målas")).summary("sv") == "1 formulering ändrad"
    assert body(("4 maj", "5 maj")).summary("sv") == "1 datum ändrat"
    assert body(("stängs", "målas"), ("vanligt", "planerat")).summary("sv") == "2 formuleringar ändrade"
    assert body(("\n\nFrågor besvaras i hamnen.", "")).summary("sv") == "1 stycke borttaget"
    assert body(("\n\nFrågor besvaras i hamnen.", "")).summary("en") == "1 paragraph removed"
    more = compare(to_state(OLD), to_state(OLD + "\n\nVälkommen hit.\n\nHej då.", tags=["Broar"]))
    assert more.summary("sv") == "2 stycken, 1 ämnesord tillagda"
    assert body(("stängs", "stängs inte"), ("sommaren.", "sommaren.\n\nHej.")).summary("sv") == (
        "1 negation, 1 stycke tillagda"
    )


def test_summary_leaves_trifles_out_unless_alone() -> None:
    assert body(("maj.", "maj!")).summary("sv") == "skiljetecken ändrat"
    assert body(("maj.", "maj!"), ("stängs", "målas")).summary("en") == "1 wording changed"


def test_summary_knows_two_languages() -> None:
    with pytest.raises(ValueError, match="no texts in 'de'"):
        body(("4 maj", "5 maj")).summary("de")


def test_one_change_in_two_places_is_told_once() -> None:
    before = to_state("Ada Ek talar.\n\nSedan går Ada Ek hem.", title="Talare: Ada Ek")
    after = to_state("Ada Ekh talar.\n\nSedan går Ada Ekh hem.", title="Talare: Ada Ekh")
    assert compare(before, after).summary("sv") == "1 namn ändrat"
