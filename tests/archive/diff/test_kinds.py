"""The importance of changes, and their summary in one line."""

from __future__ import annotations

import pytest

from archive.diff.classify import (
    FACT_KINDS,
    FIELD_FACTORS,
    FIGURE_POINTS,
    KIND_IMPORTANCE,
    MAX_FURTHER_POINTS,
    MAX_SIZE_POINTS,
    MIN_FURTHER_IMPORTANCE,
    SPEECH_POINTS,
)
from tests.archive.diff.states import compare_case, compare_fields

MIN_FACT_IMPORTANCE = min(KIND_IMPORTANCE[kind] for kind in FACT_KINDS)


def test_changed_facts_are_more_important_than_anything_else() -> None:
    words = {"wording": KIND_IMPORTANCE["wording"] + MAX_SIZE_POINTS}
    words |= {kind: KIND_IMPORTANCE[kind] for kind in ("opposite", "quotation", "modality", "typo", "punctuation")}
    paragraph = KIND_IMPORTANCE["paragraph_removed"] + MAX_SIZE_POINTS // 2 + FIGURE_POINTS + SPEECH_POINTS
    highest = max(
        max(words.values()) * FIELD_FACTORS["title"],
        paragraph * FIELD_FACTORS["lead"],
        KIND_IMPORTANCE["answer"] + FIGURE_POINTS + SPEECH_POINTS,
        KIND_IMPORTANCE["published"],
        KIND_IMPORTANCE["attachment"],
    )
    assert round(highest) + MAX_FURTHER_POINTS < MIN_FACT_IMPORTANCE


def test_title_is_more_important_than_lead_and_lead_than_body() -> None:
    title, lead, body = (
        compare_fields(**{field: ("Bron målas 4 maj.", "Bron målas 5 maj.")}).importance
        for field in ("title", "lead", "body")
    )
    assert title > lead > body


def test_hour_of_publication_has_little_importance() -> None:
    day, hour = "2024-05-28", "2024-05-28T15:14:00+02:00"
    added, removed = (compare_fields(published=pair).importance for pair in ((day, hour), (hour, day)))
    assert added == removed < MIN_FURTHER_IMPORTANCE
    assert compare_fields(published=(day, None)).importance == KIND_IMPORTANCE["published"]


def test_further_changes_add_few_points() -> None:
    one, many = (
        compare_case(
            "¶".join(f"Bro nummer {n} är en [vacker|farlig] plats att besöka." for n in range(count))
        ).importance
        for count in (1, 20)
    )
    assert one < many <= one + MAX_FURTHER_POINTS


def test_added_paragraph_with_figures_or_speech_is_more_important_but_less_than_a_fact() -> None:
    plain, speech, figures = (
        compare_case(f"Färjan går hela sommaren.[|¶{text} varmt välkomna.]").importance
        for text in ("Hamnen hälsar alla", "– Hamnen hälsar alla", "Hamnen hälsar 300 båtar")
    )
    assert (speech, figures) == (plain + SPEECH_POINTS, plain + FIGURE_POINTS)
    assert figures < MIN_FACT_IMPORTANCE


@pytest.mark.parametrize(
    ("case", "swedish", "english"),
    [
        ("Bron stängs.", "Ingen ändring", "No change"),
        ("Det kostar [3 kr|5 kr] den [4 maj|9 maj].", "1 belopp, 1 datum ändrat", "1 amount, 1 date changed"),
        (
            "Bron stängs den [4 maj|5 maj].¶Färjan går som [vanligt|planerat] i år.[|¶Välkommen.¶Hej då.]",
            "1 datum, 1 formulering ändrade; 2 stycken tillagda",
            "1 date, 1 wording changed; 2 paragraphs added",
        ),
        ("Bron [stängs|målas] nu.", "1 formulering ändrad", "1 wording changed"),
        ("Bron stängs den [4 maj|5 maj].", "1 datum ändrat", "1 date changed"),
        (
            "Bron [stängs|målas] nu.¶Färjan går som [vanligt|planerat] i år.",
            "2 formuleringar ändrade",
            "2 wordings changed",
        ),
        ("Bron stängs.[¶Färjan går som vanligt.|]", "1 stycke borttaget", "1 paragraph removed"),
        ("[Bron stängs nu.¶|]Färjan går i år.¶Hej då.[|¶Bron stängs nu.]", "1 stycke flyttat", "1 paragraph moved"),
        ("Bron stängs[| inte] nu.[|¶Hej.]", "1 negation, 1 stycke tillagda", "1 negation, 1 paragraph added"),
        ("Bron stängs den 4 maj[.|!]", "skiljetecken ändrat", "punctuation changed"),
        ("Bron [stängs|målas] den 4 maj[.|!]", "1 formulering ändrad", "1 wording changed"),
    ],
)
def test_summary(case: str, swedish: str, english: str) -> None:
    diff = compare_case(case)
    assert (diff.summary("sv"), diff.summary("en")) == (swedish, english)
    importances = [change.importance for change in diff.changes]
    assert importances == sorted(importances, reverse=True)
    assert bool(importances) == bool(diff.importance)


def test_summary_of_paragraphs_and_tags() -> None:
    diff = compare_fields(body=("Bron stängs.", "Bron stängs.\n\nVälkommen hit.\n\nHej då."), tags=([], ["Broar"]))
    assert diff.summary("sv") == "2 stycken, 1 ämnesord tillagda"


def test_summary_counts_the_same_change_in_two_places_once() -> None:
    diff = compare_fields(
        title=("Talare: Ada Ek", "Talare: Ada Ekh"),
        body=("Ada Ek talar.\n\nSedan går Ada Ek hem.", "Ada Ekh talar.\n\nSedan går Ada Ekh hem."),
    )
    assert diff.summary("sv") == "1 namn ändrat"


def test_summary_in_another_language_is_an_error() -> None:
    with pytest.raises(ValueError, match="no texts in 'de'"):
        compare_case("[4 maj|5 maj]").summary("de")
