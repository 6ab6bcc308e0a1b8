"""The table document_references: which documents each version of a release refers to, and where.

This module also builds the SQL conditions by which a query finds references. The rules for finding
references in a text are in archive/language/reference_patterns.py. Titles, leads, bodies, captions,
and questions with their answers are searched, but attachments are not. If the body repeats an
answer, the references in the answer are stored twice: once for the body and once for the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from sqlite_utils import Database

from archive.database.sqlite_files import RunQuery
from archive.language.reference_patterns import (
    find_references,
    find_typed_references,
    format_reference,
)
from archive.search.query_language import ReferenceNode
from archive.search.state_texts import PLAIN_FIELDS, list_state_texts

COLUMNS = "type, number, field, part, position, text"
CURRENT_REFERENCES_SQL = (
    "document_references d cross join releases r on r.id = d.release and r.revision = d.revision"
)
# conditions of statements about releases, question pairs, quotations and earlier versions, by
# their index
REFERENCE_CONDITIONS_SQL = {
    "search": f"l.release in (select d.release from {CURRENT_REFERENCES_SQL} where {{wanted}})",
    "search_questions": (
        f"(q.release, q.position) in (select d.release, d.part from {CURRENT_REFERENCES_SQL}"
        " where d.field in ('question', 'answer') and {wanted})"
    ),
    "search_quotes": (
        "q.id in (select o.id from document_references d cross join quotes o"
        " on o.revision = d.revision and o.field = d.field cross join json_each(o.spans) s"
        " where d.position >= s.value ->> 0 and d.position < s.value ->> 1 and {wanted})"
    ),
    "search_versions": "t.id in (select d.revision from document_references d where {wanted})",
}
# of any version of a release that is shown
KNOWN_REFERENCE_SQL = """
    select 1 from document_references d cross join releases r on r.id = d.release
      cross join release_facets l on l.release = coalesce(r.continues_as, r.id)
    where {wanted} limit 1
"""
Bind = Callable[[Any], str]  # adds a value to a statement, and returns its placeholder


class StateReference(NamedTuple):
    """A reference to a document in one of the texts of a state."""

    type: str
    number: str
    field: str  # title, lead, body, question, answer or caption
    part: int | None  # number of the question or image, from 1
    position: int  # characters of the text (in NFC) before it
    text: str  # as written


def find_state_references(state: Mapping[str, Any]) -> list[StateReference]:
    """Return the references in the texts of a state, in the order in which they occur.

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
    """Replace a revision's stored references if they differ from `references`.

    Returns whether they differed. Does not commit.
    """
    stored = db.execute(
        f"select {COLUMNS} from document_references where revision = ? order by id", [revision_id]
    ).fetchall()
    if stored == list(references):
        return False
    if stored:
        db.execute("delete from document_references where revision = ?", [revision_id])
    db.conn.executemany(
        f"insert into document_references (release, revision, {COLUMNS})"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        [(release_id, revision_id, *reference) for reference in references],
    )
    return True


def build_reference_condition(node: ReferenceNode, index: str, bind: Bind) -> str:
    """Return the SQL condition for a reference, for use in a statement that selects from an index.

    A question pair matches if its question or answer contains the reference. If the reference is
    limited to the title, lead or body, the release of the pair must contain it there.
    """
    if index == "search_questions" and node.field in PLAIN_FIELDS:
        index = "search"
    return REFERENCE_CONDITIONS_SQL[index].format(wanted=build_reference_terms(node, bind))


def build_cited_condition(text: str, bind: Bind) -> str:
    """Return the SQL condition for releases that refer to a document, such as prop. 2023/24:99."""
    cited = [
        build_reference_terms(ReferenceNode(found.type, found.number), bind)
        for found in find_typed_references(text)
    ]
    return REFERENCE_CONDITIONS_SQL["search"].format(wanted=" or ".join(cited) or "false")


def build_reference_terms(node: ReferenceNode, bind: Bind) -> str:
    """Return SQL conditions, joined by AND, that select a reference in `document_references d`."""
    wanted = {"number": node.number, "type": node.type, "field": node.field}
    return " and ".join(f"d.{name} = {bind(value)}" for name, value in wanted.items() if value)


async def list_unknown_references(run: RunQuery, nodes: Iterable[object]) -> list[str]:
    """List the references among the given nodes that occur in no version of any release."""
    unknown = []
    for node in dict.fromkeys(node for node in nodes if isinstance(node, ReferenceNode)):
        values: dict[str, Any] = {}
        bind = partial(_bind, values)
        wanted = build_reference_terms(replace(node, field=None), bind)
        if not await run(KNOWN_REFERENCE_SQL.format(wanted=wanted), values):
            unknown.append(label_reference(node))
    return unknown


def label_reference(node: ReferenceNode) -> str:
    """Return a reference as it is usually written, or only its number if it has no type."""
    return format_reference(node.type, node.number) if node.type else node.number


def _bind(values: dict[str, Any], value: Any) -> str:
    values[f"v{len(values)}"] = value
    return f":v{len(values) - 1}"
