"""Comparing two states: fields, paragraphs, questions, parts, weights and the line that tells them."""

from __future__ import annotations

from typing import Any

import pytest

from archive.diff import Diff, compare
from archive.diff.kinds import (
    FACT_KINDS,
    FIELD_FACTORS,
    FIGURE_POINTS,
    KIND_IMPORTANCE,
    MAX_FURTHER_POINTS,
    MAX_SIZE_POINTS,
    MIN_FURTHER_IMPORTANCE,
    SPEECH_POINTS,
)
from tests.archive.states import to_pair, to_state

OLD = "Bron stängs den 4 maj.\n\nFärjan går som vanligt hela sommaren.\n\nFrågor besvaras i hamnen."
PARAGRAPHS = OLD.split("\n\n")


def body(*changes: tuple[str, str]) -> Diff:
    """OLD compared with itself after some replacements."""
    text = OLD
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    return compare(to_state(OLD), to_state(text))


def kinds(comparison: Diff) -> list[str]:
    return [change.kind for change in comparison.changes]


def test_same_state() -> None:
    same = compare(to_state(OLD, tags=["Broar"]), to_state(OLD, tags=["Broar"]))
    assert (same.changes, same.importance) == ((), 0)
    assert (same.summary("sv"), same.summary("en")) == ("Ingen ändring", "No change")


def test_facts_stand_above_all_else() -> None:
    words = {"wording": KIND_IMPORTANCE["wording"] + MAX_SIZE_POINTS}  # the rest of a place's size adds nothing
    words |= {kind: KIND_IMPORTANCE[kind] for kind in ("opposite", "quotation", "modality", "typo", "punctuation")}
    paragraph = KIND_IMPORTANCE["paragraph_removed"] + MAX_SIZE_POINTS // 2 + FIGURE_POINTS + SPEECH_POINTS
    answer = KIND_IMPORTANCE["answer"] + FIGURE_POINTS + SPEECH_POINTS
    heaviest = (
        max(words.values()) * FIELD_FACTORS["title"],
        paragraph * FIELD_FACTORS["lead"],
        answer,
        KIND_IMPORTANCE["published"],
        KIND_IMPORTANCE["attachment"],
    )
    assert round(max(heaviest)) + MAX_FURTHER_POINTS < min(KIND_IMPORTANCE[kind] for kind in FACT_KINDS)


def test_title_weighs_more_than_lead_than_body() -> None:
    weights = [
        compare(to_state(**{field: "Bron målas 4 maj."}), to_state(**{field: "Bron målas 5 maj."})).importance
        for field in ("title", "lead", "body")
    ]
    assert weights == sorted(set(weights), reverse=True)


def test_an_hour_of_publication_weighs_next_to_nothing() -> None:
    day, hour, other = (to_state(OLD, published=text) for text in ("2024-05-28", "2024-05-28T15:14:00+02:00", None))
    assert compare(hour, day).importance == compare(day, hour).importance < MIN_FURTHER_IMPORTANCE
    assert compare(day, other).importance == KIND_IMPORTANCE["published"]


def test_many_changes_add_little() -> None:
    before = [f"Bro nummer {n} är en vacker plats att besöka." for n in range(20)]
    after = [line.replace("vacker", "farlig") for line in before]
    few = compare(to_state(before[0]), to_state(after[0])).importance
    many = compare(to_state("\n\n".join(before)), to_state("\n\n".join(after))).importance
    assert few < many <= few + MAX_FURTHER_POINTS


def test_paragraphs_added_removed_moved() -> None:
    assert kinds(body(("Färjan", "Nytt stycke om hamnen här.\n\nFärjan"))) == ["paragraph_added"]
    assert kinds(body(("\n\nFrågor besvaras i hamnen.", ""))) == ["paragraph_removed"]
    moved = compare(to_state(OLD), to_state("\n\n".join([*PARAGRAPHS[1:], PARAGRAPHS[0]])))
    assert kinds(moved) == ["paragraph_moved"]
    assert moved.summary("sv") == "1 stycke flyttat"


def test_paragraph_moved_and_altered() -> None:
    altered = PARAGRAPHS[1].replace("vanligt", "planerat")
    moved = compare(to_state(OLD), to_state("\n\n".join([altered, PARAGRAPHS[0], PARAGRAPHS[2]])))
    assert kinds(moved) == ["wording", "paragraph_moved"]


def test_paragraph_split_is_layout() -> None:
    long = "Bron stängs den 4 maj. Färjan går som vanligt hela sommaren."
    assert kinds(compare(to_state(long), to_state(long.replace(" Färjan", "\n\nFärjan")))) == ["layout"]


def test_paragraph_with_figures_weighs_more() -> None:
    plain, figures = (
        compare(to_state(OLD), to_state(OLD + "\n\n" + text)).importance
        for text in ("Hamnen hälsar alla varmt välkomna.", "Hamnen hälsar 300 båtar varmt välkomna.")
    )
    assert plain < figures < min(KIND_IMPORTANCE[kind] for kind in FACT_KINDS)


def test_lead_moved_into_the_body_is_layout() -> None:
    before = to_state("\n\n".join(PARAGRAPHS[1:]), lead=PARAGRAPHS[0])
    assert set(kinds(compare(before, to_state(OLD)))) == {"layout"}


def test_fact_moved_within_the_text_is_no_new_fact() -> None:
    before = "Den 4 maj stängs bron.\n\nFärjan går som vanligt hela sommaren."
    after = "Bron stängs den 4 maj.\n\nFärjan går som vanligt hela sommaren."
    assert not set(kinds(compare(to_state(before), to_state(after)))) & set(FACT_KINDS)


def test_questions() -> None:
    first, second = to_pair("Vem betalar?", "Staten betalar allt."), to_pair("Hur då?", "Med skatter.", 2)
    more = to_pair("Hur då?", "Med nya skatter på öl.", 2)

    def asked(*pairs: dict[str, Any]) -> dict[str, Any]:
        text = "\n\n".join(f"{pair['question']}\n\n– {pair['answer']}" for pair in pairs)
        return to_state(f"Inledning.\n\n{text}", questions=list(pairs))

    assert kinds(compare(asked(first), asked(first, second))) == ["answer", "question"]
    assert compare(asked(first), asked(first, second)).summary("sv") == "1 svar, 1 fråga tillagda"
    assert compare(asked(first, second), asked(first)).summary("en") == "1 answer, 1 question removed"
    assert kinds(compare(asked(first, second), asked(first, more))) == ["answer"]
    assert compare(asked(first, second), asked(first, more)).changes[0].field == "questions"
    assert kinds(compare(asked(first), asked({**first, "answer": "Staten betalar 3 kronor."})))[0] == "amount"
    assert kinds(compare(asked(first), asked({**first, "answered_by": "Ada Ek"}))) == ["name"]


def test_questions_that_the_body_lacks() -> None:
    before = to_state("Inledning.", questions=[to_pair("Vem betalar?", "Det gör staten i sin helhet.")])
    after = to_state("Inledning.", questions=[to_pair("Vem betalar?", "Det gör kommunen i sin helhet.")])
    found = compare(before, after)
    assert kinds(found) == ["answer"]
    assert found.changes[0].before == "staten"


@pytest.mark.parametrize(
    ("fields", "kind", "told"),
    [
        ({"published": ("2024-05-28", "2024-05-29")}, "published", "publiceringsdatum ändrat"),
        (
            {"published": ("2024-05-28T15:14:00+02:00", "2024-05-28")},
            "published",
            "publiceringens klockslag anges inte längre",
        ),
        (
            {"published": ("2024-05-28", "2024-05-28T15:14:00+02:00")},
            "published",
            "publiceringens klockslag anges nu",
        ),
        ({"updated": (None, "2024-05-30")}, "updated", "uppdateringsdatum ändrat"),
        ({"kind": ("news", "speech")}, "kind", "typ ändrad"),
        ({"language": ("sv", "en")}, "language", "språk ändrat"),
        ({"tags": (["Broar"], ["Broar", "Hamnar"])}, "tags", "1 ämnesord tillagt"),
        ({"attachments": ([], [{"url": "https://x.example/a.pdf", "title": "A"}])}, "attachment", "1 bilaga tillagd"),
        ({"images": ([{"url": "https://x.example/a.jpg", "caption": "En bro"}], [])}, "image", "1 bild borttagen"),
        (
            {"contacts": ([{"name": "Ada Ek", "phone": "1"}], [{"name": "Ada Ek", "phone": "2"}])},
            "contact",
            "1 kontaktuppgift ändrad",
        ),
        (
            {"body_html": ('<p><a href="/a">Bron</a></p>', '<p><a href="/b">Bron</a></p>')},
            "link",
            "1 länk ändrad",
        ),
        ({"body_html": ("<p>Bron stängs</p>", '<p><a href="/b">Bron</a> stängs</p>')}, "link", "1 länk tillagd"),
        ({"body_html": ("<h2>Bron</h2>", "<h3>Bron</h3>")}, "layout", "utformning ändrad"),
    ],
)
def test_parts(fields: dict[str, tuple[Any, Any]], kind: str, told: str) -> None:
    before, after = (to_state(OLD, **{name: pair[side] for name, pair in fields.items()}) for side in (0, 1))
    found = compare(before, after)
    assert kinds(found) == [kind]
    assert found.summary("sv") == told
    assert (found.importance > 0) == (kind != "updated")


@pytest.mark.parametrize("name", ["tags", "questions", "images", "attachments", "contacts"])
def test_list_not_read_in_its_day_is_not_compared(name: str) -> None:
    held = {
        "tags": ["Broar"],
        "questions": [to_pair("Vem betalar?", "Staten.")],
        "images": [{"url": "https://x.example/a.jpg"}],
        "attachments": [{"url": "https://x.example/a.pdf", "title": "A"}],
        "contacts": [{"name": "Ada Ek"}],
    }
    assert compare(to_state(OLD, **{name: None}), to_state(OLD, **{name: held[name]})).changes == ()
    assert compare(to_state(OLD, **{name: []}), to_state(OLD, **{name: held[name]})).changes


def test_link_within_a_new_paragraph_is_not_told_twice() -> None:
    html = "<p>Bron stängs.</p>"
    after = to_state(
        "Bron stängs.\n\nLäs om färjan här.", body_html=html + '<p><a href="/f">Läs om färjan</a> här.</p>'
    )
    assert kinds(compare(to_state("Bron stängs.", body_html=html), after)) == ["paragraph_added"]
