"""What differs between two states, field by field."""

from __future__ import annotations

from typing import Any

from archive.history.comparison import DiffRow, FieldDiff, SkippedRows, diff_fields

STATE: dict[str, Any] = {
    **dict.fromkeys(("kind", "lead", "published", "published_text", "updated", "updated_text", "language")),
    "title": "Fyrar",
    "body": "Ett.\n\nTvå.\n\nTre.\n\nFyra.\n\nFem.",
    "body_html": "<p>Ett.</p>",
    **{name: [] for name in ("tags", "questions", "images", "attachments", "contacts")},
}


def told(before: dict[str, Any], after: dict[str, Any], *, whole: bool = False) -> dict[str, list[object]]:
    """The fields that differ, each row as its mark and text, a gap as its number."""
    fields = diff_fields({**STATE, **before}, {**STATE, **after}, full_text=whole)
    return {field.name: [*map(row_of, field.rows), *([field.note] if field.note else [])] for field in fields}


def row_of(row: DiffRow | SkippedRows) -> object:
    if isinstance(row, SkippedRows):
        return row.count
    signs = {"same": "", "ins": "+", "del": "-"}
    return "|".join(signs[piece.op] + piece.text.strip() for piece in row.pieces)


def test_nothing_differs() -> None:
    assert diff_fields(STATE, STATE) == []


def test_a_paragraph_stands_among_its_neighbours() -> None:
    changed = {"body": "Ett.\n\nTvå.\n\nTre.\n\nFem."}
    assert told({}, changed) == {"body": [2, "Tre.", "-Fyra.", "Fem."]}
    assert told(changed, {}) == {"body": [2, "Tre.", "+Fyra.", "Fem."]}
    whole = told({}, changed, whole=True)
    assert whole == {"title": ["Fyrar"], "body": ["Ett.", "Två.", "Tre.", "-Fyra.", "Fem."]}


def test_the_pieces_of_a_row_are_its_two_versions() -> None:
    before, after = "Mötet hålls den 4 maj i Lund.", "Mötet hålls den 5 maj i Lund, i stora salen."
    (field,) = diff_fields({**STATE, "lead": before}, {**STATE, "lead": after})
    (row,) = field.rows
    assert isinstance(row, DiffRow)
    assert row.op == "mixed"
    assert "".join(piece.text for piece in row.pieces if piece.op != "ins") == before
    assert "".join(piece.text for piece in row.pieces if piece.op != "del") == after


def test_short_values_are_replaced_whole() -> None:
    assert told({"updated": "2024-05-02"}, {"updated": "2024-06-02"}) == {"updated": ["-2024-05-02|+2024-06-02"]}
    assert told({"kind": "news"}, {}) == {"kind": ["-news"]}


def test_questions_are_compared_as_pairs() -> None:
    one = {"position": 1, "question": "Vem betalar?", "answer": "Staten.", "answered_by": "Ada Ek"}
    two = {"position": 2, "question": "När?", "answer": "I höst.", "answered_by": None}
    first = {**two, "position": 1}
    assert told({"questions": [one, two]}, {"questions": [first]}) == {
        "questions": ["-Vem betalar?", "-Staten.", "-Ada Ek", "När?", 1]
    }
    other = {**one, "answered_by": "Bo Ek"}
    assert told({"questions": [one, two]}, {"questions": [other, two]}) == {
        "questions": [1, "Staten.", "-Ada Ek|+Bo Ek", "När?", 1]
    }


def test_lists_are_compared_by_what_tells_their_members_apart() -> None:
    image = {"url": "https://a.se/1.jpg?w=3", "caption": "En fyr", "credit": None, "alt": None}
    resized = {**image, "url": "https://a.se/1.jpg?w=9"}
    assert told({"images": [image]}, {"images": [resized]}) == {}
    assert told({"images": [image]}, {"images": [{**resized, "caption": "Två torn"}]}) == {
        "images": ["-En fyr|+Två torn|· https://a.se/1.jpg"]
    }
    twice = {"attachments": [{"url": "https://a.se/r.pdf", "title": "R", "media_type": None}] * 2}
    assert told(twice, twice) == {}
    assert told({"tags": ["Hav", "Fyr"]}, {"tags": ["Fyr", "Ö"]}) == {"tags": ["Fyr", "+Ö", "-Hav"]}
    assert told({"tags": ["Hav", "Fyr"]}, {"tags": ["Fyr", "Hav"]}) == {"tags": [2, "reordered"]}


def test_a_list_that_was_not_read_in_its_day_is_not_compared() -> None:
    contact = {"name": "Ada", "role": None, "phone": None, "email": None}
    assert told({"contacts": None}, {"contacts": [contact]}) == {}
    assert told({}, {"contacts": [contact]}) == {"contacts": ["+Ada"]}


def test_what_only_the_markup_tells() -> None:
    link = '<p><a href="https://a.se/1">Ett</a>.</p>'
    moved = link.replace("/1", "/2")
    assert told({"body_html": link}, {"body_html": moved}) == {
        "links": ["+Ett → https://a.se/2", "-Ett → https://a.se/1"]
    }
    assert told({}, {"body_html": "<h2>Ett.</h2>"}) == {"layout": ["layout_only"]}
    assert told({"body": "Noll."}, {"body_html": "<h2>Ett.</h2>"}).keys() == {"body"}


def test_fields_come_in_the_order_of_the_page() -> None:
    names = [field.name for field in diff_fields(STATE, {**STATE, "tags": ["x"], "title": "Ny", "body": "Ny."})]
    assert names == ["title", "body", "tags"]
    assert isinstance(diff_fields(STATE, {**STATE, "title": "Ny"})[0], FieldDiff)
