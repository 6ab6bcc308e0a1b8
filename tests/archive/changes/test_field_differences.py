"""What two states of a release differ by, field by field."""

from __future__ import annotations

import time
from typing import Any

import pytest

from archive.changes.comparison import compare
from archive.changes.field_differences import DiffRow, SkippedRows, diff_fields
from archive.database.models import LIST_FIELDS, STATE_FIELDS

STATE: dict[str, Any] = {
    **dict.fromkeys(STATE_FIELDS),
    **{name: [] for name in LIST_FIELDS},
    "title": "Fyrar",
    "body": "Ett.\n\nTvå.\n\nTre.\n\nFyra.\n\nFem.",
    "body_html": "<p>Ett.</p>",
}
SHORTER = {"body": "Ett.\n\nTvå.\n\nTre.\n\nFem."}
PAYER = {"position": 1, "question": "Vem betalar?", "answer": "Staten.", "answered_by": "Ada Ek"}
WHEN = {"position": 2, "question": "När?", "answer": "I höst.", "answered_by": None}
IMAGE = {"url": "https://a.se/1.jpg?w=3", "caption": "En fyr", "credit": None, "alt": None}
RESIZED = {**IMAGE, "url": "https://a.se/1.jpg?w=9"}
TWO_FILES = {"attachments": [{"url": "https://a.se/r.pdf", "title": "R", "media_type": None}] * 2}
CONTACT = {"name": "Ada", "role": None, "phone": None, "email": None}
LINK = {"body_html": '<p><a href="https://a.se/1">Ett</a>.</p>'}
OTHER_LINK = {"body_html": '<p><a href="https://a.se/2">Ett</a>.</p>'}


def format_diff(
    before: dict[str, Any], after: dict[str, Any], *, full_text: bool = False
) -> dict[str, list[str | int]]:
    """Return the rows and notes of the fields that differ: + and - mark segments, a number skipped
    rows.
    """
    fields = diff_fields({**STATE, **before}, {**STATE, **after}, full_text=full_text)
    return {
        field.name: [*map(format_row, field.rows), *([field.note] if field.note else [])]
        for field in fields
    }


def format_row(row: DiffRow | SkippedRows) -> str | int:
    if isinstance(row, SkippedRows):
        return row.count
    signs = {"same": "", "ins": "+", "del": "-"}
    return "|".join(signs[segment.op] + segment.text.strip() for segment in row.pieces)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, {}),
        ({}, SHORTER, {"body": [2, "Tre.", "-Fyra.", "Fem."]}),
        (SHORTER, {}, {"body": [2, "Tre.", "+Fyra.", "Fem."]}),
        (
            {"updated": "2024-05-02"},
            {"updated": "2024-06-02"},
            {"updated": ["-2024-05-02|+2024-06-02"]},
        ),
        ({"kind": "news"}, {}, {"kind": ["-news"]}),
        (
            {"questions": [PAYER, WHEN]},
            {"questions": [{**WHEN, "position": 1}]},
            {"questions": ["-Vem betalar?", "-Staten.", "-Ada Ek", "När?", 1]},
        ),
        (
            {"questions": [PAYER, WHEN]},
            {"questions": [{**PAYER, "answered_by": "Bo Ek"}, WHEN]},
            {"questions": [1, "Staten.", "-Ada Ek|+Bo Ek", "När?", 1]},
        ),
        ({"images": [IMAGE]}, {"images": [RESIZED]}, {}),
        (
            {"images": [IMAGE]},
            {"images": [{**RESIZED, "caption": "Två torn"}]},
            {"images": ["-En fyr|+Två torn|· https://a.se/1.jpg"]},
        ),
        (TWO_FILES, TWO_FILES, {}),
        ({"tags": ["Hav", "Fyr"]}, {"tags": ["Fyr", "Ö"]}, {"tags": ["Fyr", "+Ö", "-Hav"]}),
        ({"tags": ["Hav", "Fyr"]}, {"tags": ["Fyr", "Hav"]}, {"tags": [2, "reordered"]}),
        ({"contacts": None}, {"contacts": [CONTACT]}, {}),
        ({}, {"contacts": [CONTACT]}, {"contacts": ["+Ada"]}),
        (LINK, OTHER_LINK, {"links": ["+Ett → https://a.se/2", "-Ett → https://a.se/1"]}),
        ({}, {"body_html": "<h2>Ett.</h2>"}, {"layout": ["layout_only"]}),
    ],
)
def test_fields_that_differ(
    before: dict[str, Any], after: dict[str, Any], expected: dict[str, list[str | int]]
) -> None:
    assert format_diff(before, after) == expected


def test_layout_is_no_difference_beside_a_changed_text() -> None:
    assert format_diff({"body": "Noll."}, {"body_html": "<h2>Ett.</h2>"}).keys() == {"body"}


def test_full_text_has_unchanged_title_and_all_paragraphs() -> None:
    diff = format_diff({}, SHORTER, full_text=True)
    assert diff == {"title": ["Fyrar"], "body": ["Ett.", "Två.", "Tre.", "-Fyra.", "Fem."]}


def test_segments_of_a_row_join_to_both_versions() -> None:
    before, after = "Mötet hålls den 4 maj i Lund.", "Mötet hålls den 5 maj i Lund, i stora salen."
    (field,) = diff_fields({**STATE, "lead": before}, {**STATE, "lead": after})
    (row,) = field.rows
    assert isinstance(row, DiffRow)
    assert row.op == "mixed"
    assert "".join(segment.text for segment in row.pieces if segment.op != "ins") == before
    assert "".join(segment.text for segment in row.pieces if segment.op != "del") == after


def test_fields_are_in_the_order_of_the_page() -> None:
    assert list(format_diff({}, {"tags": ["x"], "title": "Ny", "body": "Ny."})) == [
        "title",
        "body",
        "tags",
    ]


def test_long_texts_are_compared_within_seconds() -> None:
    def build_state(lines: list[str]) -> dict[str, Any]:
        fields = dict.fromkeys(STATE_FIELDS) | {name: [] for name in LIST_FIELDS}
        body_html = "".join(f"<p>{line}</p>" for line in lines)
        return fields | {"title": "Lång", "body": "\n\n".join(lines), "body_html": body_html}

    lines = [
        f"Stycke {n} handlar om {n * 7} båtar i hamn nummer {n % 13} och om vädret där."
        for n in range(3000)
    ]
    before, after = build_state(lines), build_state([line.replace("7 b", "8 b") for line in lines])
    assert len(before["body"]) > 200_000
    started = time.process_time()
    assert compare(before, after).changes
    assert [field.name for field in diff_fields(before, after)] == ["body"]
    assert time.process_time() - started < 5
