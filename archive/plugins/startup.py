"""Before the first answer: refuses what is no archive or cannot be searched, and reads what searches need."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import click
from datasette import hookimpl
from sqlite_utils import Database

from archive.garbage import keep_loaded
from archive.swedish import warm
from archive.swedish.index import Index
from archive.web import columns_of, runner


def find_fault(files: dict[str, list[str]]) -> str | None:
    """What is wrong with the databases to be served (name → its tables), if anything."""
    if "archive" not in files:
        served = ", ".join(sorted(files)) or "none"
        return f"the archive's file must be called archive.db; served here: {served}"
    if "releases" not in files["archive"]:
        return "archive.db holds no table releases: it is not an archive, or nothing was crawled into it yet"
    return None


def find_index_fault(connection: sqlite3.Connection) -> str | None:
    """Why searches would find less than there is: the index is older than what reads it, or lacks releases."""
    db = Database(connection)
    known = {"index_facts", "delta", "listed"} <= set(db.table_names())
    return Index(db).find_fault() if known else "it is of an older kind"


@hookimpl
def startup(datasette: Any) -> Callable[[], Awaitable[None]]:
    """A ClickException, so that the command line prints the sentence alone and ends with 1."""

    async def check() -> None:
        files = {}
        for name, db in datasette.databases.items():
            if name.startswith("_"):  # Datasette's own, which a first request may be about to fill
                continue
            try:
                files[name] = await db.table_names()
            except sqlite3.DatabaseError as error:
                raise click.ClickException(f"{db.path}: {error}") from error
        fault = find_fault(files)
        if fault:
            raise click.ClickException(fault)
        db = datasette.databases["archive"]
        fault = await db.execute_fn(find_index_fault)
        if fault:
            raise click.ClickException(
                f"{db.path}: its search index must be made anew ({fault}): python -m archive reindex {db.path}"
            )
        warm()
        await columns_of(datasette).renew(runner(datasette))  # else the first search would wait for it
        keep_loaded()  # a look through all of it would cost some answers 60 ms

    return check
