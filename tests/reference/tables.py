"""docs/reference/tables.md, from schema.sql and metadata.json."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, NamedTuple

from archive.changes.importance import KIND_IMPORTANCE
from archive.database.schema import read_metadata, read_schema
from archive.i18n import CATALOGUES, find_text
from tests.reference.markdown import escape, format_table, join_blocks

HEAD = """# Tables and columns

The tables and views of an archive, which anyone can read at `/archive` and query with SQL. This page is generated from
the code by `make reference`. [API](../api.md) shows how to ask.

- Times are ISO 8601 text, in UTC unless the column says otherwise. `2024-05-18` is a day of which no time is known.
- A column such as `release` or `revision` refers to a row of another table, which its type names.
- `key` marks the columns that identify a row.
- A release that a takedown hides has no text.

| start with | to ask about |
| --- | --- |
| [releases_with_tags](#releases_with_tags) | releases, with agency, tags and counts in one row |
| [edits](#edits) | what agencies edited |
| [questions_with_releases](#questions_with_releases) | questions and answers |
| [revisions](#revisions) | every version of every text |
| [removals](#removals) | what agencies removed |"""
CODES_HEAD = """## Codes

The site shows these codes in words. Codes of other columns are in the tables above."""
CODE_HEADS = {  # by the group of the interface's texts
    "release_kind": """### Types of releases

In `releases.kind` and `revisions.kind`. An imported release may have another one.""",
    "failure": """### Types of failures

In `crawls.failures`, `crawls.source_failures` and `coverage.problem_code`.""",
}
CHANGES_HEAD = """### Types of changes

In `revisions.changes`. The importance is that of such a change in the text; its place and extent add to it
(`archive/changes/importance.py`)."""
HIDDEN_HEAD = """## Internal tables

They can be queried, but are made for the archive's own pages and may change with any version. So may the full-text tables,
whose names begin with `search`."""
TYPES = {"INTEGER": "integer", "INT": "integer", "TEXT": "text", "REAL": "number", "BLOB": "bytes"}


class Column(NamedTuple):
    name: str
    type: str
    is_key: bool
    references: str  # the table; "" if it refers to none


def build_tables_page() -> str:
    tables = read_metadata()["databases"]["archive"]["tables"]
    blocks = [HEAD]
    with closing(sqlite3.connect(":memory:")) as db:
        for statement in read_schema().values():
            db.execute(statement)
        for name, table in tables.items():
            if not table.get("hidden"):
                blocks += [f"## {name}", f"{escape(table['description'])}."]
                blocks.append(format_columns(read_columns(db, name), table["columns"]))
    hidden = {name: table for name, table in tables.items() if table.get("hidden")}
    rows = [[f"`{name}`", escape(table["description"])] for name, table in hidden.items()]
    blocks += [HIDDEN_HEAD, format_table(["table", "content"], rows), *format_codes()]
    return join_blocks(blocks)


def format_codes() -> Iterator[str]:
    """Yield the values of columns whose codes have texts in the interface, or points."""
    yield CODES_HEAD
    for group, head in CODE_HEADS.items():
        yield head
        keys = [key for key in list_keys() if key.startswith(f"{group}.")]
        rows = [
            [f"`{key.partition('.')[2]}`", *(find_text(each, key) or "" for each in ("en", "sv"))]
            for key in keys
        ]
        yield format_table(["code", "in English", "in Swedish"], rows)
    yield CHANGES_HEAD
    points = [[f"`{kind}`", str(number)] for kind, number in KIND_IMPORTANCE.items()]
    yield format_table(["code", "importance"], points)


def list_keys() -> list[str]:
    """Return the keys of the interface's texts."""
    catalogue: dict[Any, str] = vars(CATALOGUES["sv"])["_catalog"]
    return sorted(key for key in catalogue if isinstance(key, str))


def read_columns(db: sqlite3.Connection, table: str) -> Iterator[Column]:
    references = {
        row[3]: row[2] for row in db.execute("select * from pragma_foreign_key_list(?)", [table])
    }
    for row in db.execute("select * from pragma_table_xinfo(?)", [table]):
        name, declared, is_key = row[1], row[2], row[5] > 0
        # a text that a view puts together has no type
        yield Column(name, TYPES.get(declared, "text"), is_key, references.get(name, ""))


def format_columns(columns: Iterator[Column], meanings: Mapping[str, Any]) -> str:
    rows = []
    for column in columns:
        kind = column.type
        if column.references:
            kind += f", [{column.references}](#{column.references})"
        if column.is_key:
            kind += ", key"
        rows.append([f"`{column.name}`", kind, escape(meanings[column.name])])
    return format_table(["column", "type", "meaning"], rows)
