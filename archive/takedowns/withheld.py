"""withheld.db: what was taken down, as it stood; beside archive.db, readable by its owner alone, and never served.

    states     revision · state, its columns as they stood, JSON: with them its hash and the manifests can be checked
    passages   takedown · passage, the words that are redacted

Like captures.db it is written and committed first: what a transaction of archive.db then fails to point to is
not looked at.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from archive.errors import ArchiveError
from archive.files import open_readonly, open_writable
from archive.state import LISTS, STATE

WITHHELD_FILE = "withheld.db"
SCHEMA = (
    "create table if not exists states (revision integer primary key, state text not null)",
    "create table if not exists passages (takedown integer primary key, passage text not null)",
)
COLUMNS = (*STATE, *LISTS, "summary", "summary_en", "changes")


class Withheld:
    """The withheld.db beside an archive. Each call opens it anew: there is seldom anything in it.

    ArchiveError names file, table and key of what cannot be read or written.
    """

    def __init__(self, archive: Path) -> None:
        self.path = archive.with_name(WITHHELD_FILE)

    @classmethod
    def of(cls, db: sqlite3.Connection) -> Withheld:
        """Beside the file that a connection has open."""
        return cls(Path(next(file for _, name, file in db.execute("pragma database_list") if name == "main")))

    def keep_state(self, revision: int, row: Mapping[str, Any]) -> None:
        """Hold a revision's columns as they stand without a takedown."""
        text = json.dumps({name: row[name] for name in COLUMNS}, ensure_ascii=False)
        self._write("replace into states values (?, ?)", [revision, text])

    def keep_passage(self, takedown: int, passage: str) -> None:
        """Hold the words of a takedown."""
        self._write("replace into passages values (?, ?)", [takedown, passage])

    def state(self, revision: int) -> dict[str, Any]:
        """A revision's columns as they stood."""
        found = self._read("select state from states where revision = ?", "states", revision)
        return dict(json.loads(found))

    def passage(self, takedown: int) -> str:
        """The words of a takedown."""
        return self._read("select passage from passages where takedown = ?", "passages", takedown)

    def _read(self, sql: str, table: str, key: int) -> str:
        try:
            db = open_readonly(self.path)
            try:
                found = db.execute(sql, [key]).fetchone()
            finally:
                db.close()
        except sqlite3.Error as error:
            raise ArchiveError(self.path, f"cannot be read: {error}", table=table, key=str(key)) from error
        if found is None:
            raise ArchiveError(self.path, "is not held", table=table, key=str(key))
        return str(found[0])

    def _write(self, sql: str, values: list[object]) -> None:
        try:
            self.path.touch(mode=0o600, exist_ok=True)
            db = open_writable(self.path)
            try:
                db.execute("pragma synchronous = full")
                for statement in SCHEMA:
                    db.execute(statement)
                db.execute(sql, values)
            finally:
                db.close()
        except (sqlite3.Error, OSError) as error:
            raise ArchiveError(self.path, f"cannot be written: {error}") from error


def restore_row(db: sqlite3.Connection, row: dict[str, Any]) -> dict[str, Any]:
    """A row of revisions as it stood before it was taken down, by its `id` and `withheld`; any other as it is."""
    if row["withheld"] is None:
        return row
    kept = Withheld.of(db).state(row["id"])
    return {name: kept.get(name, value) for name, value in row.items()}
