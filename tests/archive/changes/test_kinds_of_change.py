"""Which changes two states of a release differ by, and of which kind."""

from __future__ import annotations

import re
from typing import Any

import pytest

from archive.changes.comparison import compare
from archive.changes.importance import classify_action
from tests.archive.changes.states import (
    FACT_KINDS,
    compare_case,
    compare_fields,
    list_kinds,
    read_sentences,
    split_case,
    to_pair,
    to_state,
)

SENTENCES = [
    (kind, case) for kind, cases in read_sentences()["kinds"].items() for case in cases.splitlines()
]
REVERSED_ACTIONS = {"added": "removed", "removed": "added", "changed": "changed"}

FERRY = "Färjan går som vanligt hela sommaren."


@pytest.mark.parametrize(("kind", "case"), SENTENCES)
def test_kind_and_excerpts_of_a_change_both_ways(kind: str, case: str) -> None:
    before, after = split_case(case)
    diff, back = (
        compare(to_state(before), to_state(after)),
        compare(to_state(after), to_state(before)),
    )
    first = diff.changes[0]
    assert first.kind == kind
    if kind not in {"punctuation", "layout"}:
        old, new = re.findall(r"\[(.*?)\|(.*?)\]", case)[0]
        assert first.before in old
        assert first.after in new
        assert first.before or first.after
    assert [(c.kind, c.before, c.after) for c in back.changes] == [
        (c.kind, c.after, c.before) for c in diff.changes
    ]
    assert back.importance == diff.importance
    actions = [classify_action(change) for change in diff.changes]
    assert [classify_action(change) for change in back.changes] == [
        REVERSED_ACTIONS[action] for action in actions
    ]


@pytest.mark.parametrize("case", read_sentences()["same_facts"].splitlines())
def test_another_spelling_of_a_fact_is_no_changed_fact(case: str) -> None:
    kinds = set(list_kinds(compare_case(case)))
    assert kinds
    assert not kinds & FACT_KINDS


@pytest.mark.parametrize(
    ("case", "kinds"),
    [
        (f"Bron stängs.[|¶Nytt stycke om hamnen här.]¶{FERRY}", ["paragraph_added"]),
        (f"{FERRY}[¶Frågor besvaras i hamnen.|]", ["paragraph_removed"]),
        (
            f"[Bron stängs den 4 maj.¶"
            f"|]{FERRY}¶Frågor besvaras i"
            f" hamnen.[|¶Bron stängs den 4"
            f" maj.]",
            ["paragraph_moved"],
        ),
        (
            f"[Bron stängs den 4 maj.¶|]{FERRY.replace('vanligt', '[vanligt|planerat]')}[|¶Bron"
            f" stängs den 4 maj.]",
            ["wording", "paragraph_moved"],
        ),
        (f"Bron stängs den 4 maj.[ |¶]{FERRY}", ["layout"]),
    ],
    ids=["added", "removed", "moved", "moved and altered", "split"],
)
def test_paragraphs(case: str, kinds: list[str]) -> None:
    assert list_kinds(compare_case(case)) == kinds


def test_fact_that_moved_within_the_text_is_not_a_changed_fact() -> None:
    diff = compare_case(f"[Den 4 maj stängs bron.|Bron stängs den 4 maj.]¶{FERRY}")
    assert not set(list_kinds(diff)) & FACT_KINDS


def test_lead_moved_into_the_body_is_layout() -> None:
    diff = compare_fields(
        lead=("Bron stängs den 4 maj.", None), body=(FERRY, f"Bron stängs den 4 maj.\n\n{FERRY}")
    )
    assert set(list_kinds(diff)) == {"layout"}


STATE_PAYS, BY_TAXES = (
    to_pair("Vem betalar?", "Staten betalar allt."),
    to_pair("Hur då?", "Med skatter.", 2),
)


@pytest.mark.parametrize(
    ("before", "after", "kinds", "summary"),
    [
        (
            [STATE_PAYS],
            [STATE_PAYS, BY_TAXES],
            ["answer", "question"],
            "1 answer, 1 question added",
        ),
        (
            [STATE_PAYS, BY_TAXES],
            [STATE_PAYS],
            ["answer", "question"],
            "1 answer, 1 question removed",
        ),
        (
            [STATE_PAYS, BY_TAXES],
            [STATE_PAYS, {**BY_TAXES, "answer": "Med nya skatter på öl."}],
            ["answer"],
            "1 answer added",
        ),
        (
            [STATE_PAYS],
            [{**STATE_PAYS, "answer": "Staten betalar 3 kronor."}],
            ["amount", "answer"],
            "1 amount added; 1 answer changed",
        ),
        ([STATE_PAYS], [{**STATE_PAYS, "answered_by": "Ada Ek"}], ["name"], "1 name added"),
    ],
    ids=["added", "removed", "answer", "amount in an answer", "answerer"],
)
def test_questions_in_the_body(
    before: list[dict[str, Any]], after: list[dict[str, Any]], kinds: list[str], summary: str
) -> None:
    bodies = [
        "\n\n".join(f"{pair['question']}\n\n– {pair['answer']}" for pair in pairs)
        for pairs in (before, after)
    ]
    diff = compare_fields(
        body=(f"Inledning.\n\n{bodies[0]}", f"Inledning.\n\n{bodies[1]}"), questions=(before, after)
    )
    assert list_kinds(diff) == kinds
    assert diff.summary("en") == summary
    assert {change.field for change in diff.changes} == {"questions"}


def test_questions_that_the_body_lacks() -> None:
    diff = compare_fields(
        questions=(
            [to_pair("Vem betalar?", "Det gör staten i sin helhet.")],
            [to_pair("Vem betalar?", "Det gör kommunen i sin helhet.")],
        )
    )
    assert [(change.kind, change.before, change.after) for change in diff.changes] == [
        ("answer", "staten", "kommunen")
    ]


@pytest.mark.parametrize(
    ("fields", "kind", "summary"),
    [
        ({"published": ("2024-05-28", "2024-05-29")}, "published", "publiceringsdatum ändrat"),
        (
            {"published": ("2024-05-28T15:14:00+02:00", "2024-05-28")},
            "published",
            "klockslaget för publiceringen anges inte längre",
        ),
        (
            {"published": ("2024-05-28", "2024-05-28T15:14:00+02:00")},
            "published",
            "klockslaget för publiceringen anges nu",
        ),
        ({"updated": (None, "2024-05-30")}, "updated", "uppdateringsdatum ändrat"),
        ({"kind": ("news", "speech")}, "kind", "typ ändrad"),
        ({"language": ("sv", "en")}, "language", "språk ändrat"),
        ({"tags": (["Broar"], ["Broar", "Hamnar"])}, "tags", "1 ämnesord tillagt"),
        (
            {"attachments": ([], [{"url": "https://x.example/a.pdf", "title": "A"}])},
            "attachment",
            "1 bilaga tillagd",
        ),
        (
            {"images": ([{"url": "https://x.example/a.jpg", "caption": "En bro"}], [])},
            "image",
            "1 bild borttagen",
        ),
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
        (
            {"body_html": ("<p>Bron stängs</p>", '<p><a href="/b">Bron</a> stängs</p>')},
            "link",
            "1 länk tillagd",
        ),
        ({"body_html": ("<h2>Bron</h2>", "<h3>Bron</h3>")}, "layout", "utformning ändrad"),
    ],
)
def test_changes_outside_the_text(
    fields: dict[str, tuple[Any, Any]], kind: str, summary: str
) -> None:
    diff = compare_fields(**fields)
    assert list_kinds(diff) == [kind]
    assert diff.summary("sv") == summary
    assert (diff.importance > 0) == (kind != "updated")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("tags", ["Broar"]),
        ("questions", [to_pair("Vem betalar?", "Staten.")]),
        ("images", [{"url": "https://x.example/a.jpg"}]),
        ("attachments", [{"url": "https://x.example/a.pdf", "title": "A"}]),
        ("contacts", [{"name": "Ada Ek"}]),
    ],
)
def test_list_that_was_not_stored_is_not_compared(name: str, values: list[Any]) -> None:
    assert compare_fields(**{name: (None, values)}).changes == ()
    assert compare_fields(**{name: ([], values)}).changes


def test_link_in_an_added_paragraph_is_not_a_change_of_its_own() -> None:
    before = "<p>Bron stängs.</p>"
    diff = compare_fields(
        body=("Bron stängs.", "Bron stängs.\n\nLäs om färjan här."),
        body_html=(before, before + '<p><a href="/f">Läs om färjan</a> här.</p>'),
    )
    assert list_kinds(diff) == ["paragraph_added"]
