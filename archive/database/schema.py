"""Creates the schema of archive.db (schema.sql) in a new file, and applies later changes to older
files.

A change is made twice: in schema.sql, for new files, and as a migration at the end of this file,
for those that exist. Each migration is applied once, in order.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
import sys
from functools import cache
from pathlib import Path
from typing import Any

from sqlite_utils import Database, Migrations

from archive.database.sqlite_files import (
    FIRST_MIGRATION,
    SCHEMA_VERSION,
    check_version,
    create_file_id,
)

SCHEMA_PATH = Path(__file__).with_name("schema.sql")
MIN_SQLITE_VERSION = (3, 43, 0)  # the first that can delete from a contentless FTS5 table
METADATA_PATHS = (  # at the project's root; a wheel puts it among the environment's shared data
    Path(__file__).parents[2] / "metadata.json",
    Path(sys.prefix) / "share" / "myndighetsarkivet" / "metadata.json",
)

VERSION_SEARCH = (
    *("text_versions", "idx_text_versions_text", "idx_text_versions_release", "text_versions_ad"),
    *("search_versions", "search_versions_ad", "search_diff", "search_diff_ad"),
)

migrations = Migrations("myndighetsarkivet")


@migrations(name=FIRST_MIGRATION)
def _create_schema(db: Database) -> None:
    """Create everything in schema.sql; raise sqlite3.NotSupportedError if SQLite is too old
    for it.
    """
    if sqlite3.sqlite_version_info < MIN_SQLITE_VERSION:
        needed = ".".join(map(str, MIN_SQLITE_VERSION))
        raise sqlite3.NotSupportedError(
            f"search needs SQLite {needed} or newer, found {sqlite3.sqlite_version}"
        )
    for statement in read_schema().values():
        db.execute(statement)
    db.execute(f"pragma application_id = {create_file_id()}")
    db.execute(f"pragma user_version = {SCHEMA_VERSION}")


@migrations(name="earlier_versions_searched")
def _replace_edit_index(db: Database) -> None:
    """Replace the index of edits by one of earlier versions, which is filled when it is opened."""
    if db.table("text_versions").exists():
        return  # a new file
    db.execute("drop trigger search_edits_ad")
    db.execute("drop table search_edits")
    for name in VERSION_SEARCH:
        db.execute(read_schema()[name])
    db.execute("delete from search_meta where name = 'version'")


@cache
def read_schema() -> dict[str, str]:
    """Return the statements of schema.sql in order, each under the name of what it creates."""
    statements: dict[str, str] = {}
    lines: list[str] = []
    for line in SCHEMA_PATH.read_text("utf-8").splitlines():
        if not lines and (not line or line.startswith("--")):
            continue
        lines.append(line)
        statement = "\n".join(lines)
        if sqlite3.complete_statement(statement):
            statements[_find_created_name(statement)] = statement
            lines.clear()
    return statements


def _find_created_name(statement: str) -> str:
    """Return the name of what a statement creates.

    >>> _find_created_name("create unique index idx_tags_name on tags (name);")
    'idx_tags_name'
    """
    words = statement.split()
    kind = next(
        number for number, word in enumerate(words) if word in ("table", "index", "trigger", "view")
    )
    return words[kind + 1]


def migrate(db: Database, path: Path) -> None:
    """Create the schema, or migrate it to the current version.

    Processes that open an archive at once wait for each other. Raises ArchiveError if the file has
    an older or newer version, or is not an archive.
    """
    if db.execute("pragma user_version").fetchone() == (SCHEMA_VERSION,) and not migrations.pending(
        db
    ):
        check_version(db.conn, path)
        return
    folder = os.open(path.resolve().parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # released when the process ends, however it ends
        # inside the lock, because a file being created has tables before it has a version
        check_version(db.conn, path)
        migrations.apply(db)
    finally:
        os.close(folder)


def find_metadata() -> Path:
    """Return the path of metadata.json, which describes tables and columns for the site and
    datasets.
    """
    return next(path for path in METADATA_PATHS if path.is_file())


def read_metadata() -> dict[str, Any]:
    return dict(json.loads(find_metadata().read_text("utf-8")))
