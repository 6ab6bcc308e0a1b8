"""Records every table, view and search index of an archive's files as text."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.oracle.renames import to_lines
from tests.oracle.world import World, opened

RELATIONS = (
    "select name, type, sql from sqlite_schema where type in ('table', 'view') and name not"
    " like 'sqlite_%'"
)
SHADOWS = ("config", "content", "data", "docsize", "idx")


def dump(world: World, archive: Path, moment: str) -> None:
    """Record every table of an archive's files."""
    for file in sorted(archive.parent.glob("*.db")):
        with opened(file) as db:
            for name, rows in read_relations(db):
                world.write(f"tables/{moment}/{file.stem}/{name}.jsonl", to_lines(rows))


def dump_schema(world: World, archive: Path) -> None:
    """Record the columns and indexes of an archive's files; their names change by the renames."""
    for file in sorted(archive.parent.glob("*.db")):
        with opened(file) as db:
            world.write(f"schema/{file.stem}.txt", "\n\n".join(sorted(describe(db))) + "\n")


def read_relations(db: sqlite3.Connection) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the rows of each table and view, and the terms of each search index instead of its
    internal tables.
    """
    db.row_factory = sqlite3.Row
    found = {name: str(sql) for name, _, sql in db.execute(RELATIONS).fetchall()}
    indexes = {name for name, sql in found.items() if "using fts5" in sql.lower()}
    shadows = {f"{name}_{ending}" for name in indexes for ending in SHADOWS}
    for name in sorted(found):
        if name in indexes:
            db.execute(
                f'create virtual table temp."{name}_terms" using fts5vocab(main, "{name}", row)'
            )
            yield name, [dict(row) for row in db.execute(f'select * from temp."{name}_terms"')]
        elif name not in shadows and "create virtual table" not in found[name].lower():
            yield name, [to_plain(dict(row)) for row in db.execute(f'select * from "{name}"')]


def to_plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row for JSON, with bytes as their number and hash."""
    return {
        name: {"bytes": len(value), "sha256": sha256(value).hexdigest()}
        if isinstance(value, bytes)
        else value
        for name, value in row.items()
    }


def describe(db: sqlite3.Connection) -> Iterator[str]:
    """Yield a paragraph about each table and view: its columns in order, indexes and triggers."""
    for name, kind, _ in db.execute(RELATIONS).fetchall():
        lines = [f"{kind} {name}"]
        lines += [
            f"  {column} {of} notnull={notnull} default={default} pk={key}"
            for _, column, of, notnull, default, key in db.execute(f'pragma table_info("{name}")')
        ]
        lines += [
            f"  references {there}.{to} from {column}"
            for _, _, there, column, to, *_ in db.execute(f'pragma foreign_key_list("{name}")')
        ]
        made = (
            "select type, name, sql from sqlite_schema where tbl_name = ? and type in ('index',"
            " 'trigger')"
        )
        lines += sorted(
            f"  {of} {called}: {' '.join(str(sql).split())}"
            for of, called, sql in db.execute(made, (name,))
        )
        yield "\n".join(lines)
