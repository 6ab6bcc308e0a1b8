"""The table document_references: which documents each version of a release refers to, and where.

The rules that find them in a text are in archive/language/reference_patterns.py. Titles, leads,
bodies, questions with their answers and captions are searched, not attachments. An answer that the
body repeats has its references twice, under each field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlite_utils import Database

from archive.language.reference_patterns import find_references
from archive.search.state_texts import list_state_texts

COLUMNS = "type, number, field, part, position, text"


class StateReference(NamedTuple):
    """A reference in a text of a state."""

    type: str
    number: str
    field: str  # title, lead, body, question, answer or caption
    part: int | None  # number of the question or picture, from 1
    position: int  # characters of the text (in NFC) before it
    text: str  # as written


def find_state_references(state: Mapping[str, Any]) -> list[StateReference]:
    """Return the references in the texts of a state, in order.

    >>> parts = {"questions": [], "images": []}
    >>> find_state_references({"title": "A", "lead": None, "body": "Se SOU 2023:12.", **parts})[0]
    ... # doctest: +NORMALIZE_WHITESPACE
    StateReference(type='sou', number='2023:12', field='body', part=None, position=3,
                   text='SOU 2023:12')
    """
    return [
        StateReference(
            found.type,
            found.number,
            text.field,
            text.position,
            found.start,
            text.text[found.start : found.end],
        )
        for text in list_state_texts(state)
        for found in find_references(text.text)
    ]


def write_references(
    db: Database, release_id: int, revision_id: int, references: Sequence[StateReference]
) -> bool:
    """Replace the references of a revision, and return whether they differ from those stored.

    Does not commit.
    """
    stored = db.execute(
        f"select {COLUMNS} from document_references where revision = ? order by id", [revision_id]
    ).fetchall()
    if stored == list(references):
        return False
    db.execute("delete from document_references where revision = ?", [revision_id])
    db.conn.executemany(
        f"insert into document_references (release, revision, {COLUMNS})"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        [(release_id, revision_id, *reference) for reference in references],
    )
    return True
