"""What is kept counted is what counting finds, whatever happened to releases."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from archive.aggregates import fill_count_tables
from archive.store import Archive
from archive.takedowns import hide_release, lift_takedown

TABLES = ("month_counts", "tag_releases", "tag_counts", "edit_counts")


def read(db: sqlite3.Connection) -> dict[str, list[Any]]:
    return {name: db.execute(f"select * from {name}").fetchall() for name in TABLES}


def held_and_counted(path: Path) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """As kept, and as counted anew."""
    with closing(sqlite3.connect(path)) as db:
        kept = read(db)
        fill_count_tables(Database(db))
        return kept, read(db)


def test_after_edits_moves_and_removals(history_archive: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(history_archive, tmp_path / "archive.db"))
    kept, counted = held_and_counted(path)
    assert kept == counted
    assert all(kept.values())
    assert kept["month_counts"][0][:2] == ("", "")


def test_what_is_hidden_is_not_counted_until_it_is_shown_again(history_archive: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(history_archive, tmp_path / "archive.db"))
    at = datetime(2025, 6, 3, 8, tzinfo=UTC)
    before, _ = held_and_counted(path)
    with Archive(path) as archive:
        tagged = archive.db.execute("select release from tag_releases limit 1").fetchone()[0]
        key = hide_release(archive, tagged, at, reason="Domstols beslut")
    kept, counted = held_and_counted(path)
    assert kept == counted
    assert len(kept["tag_releases"]) < len(before["tag_releases"])
    with Archive(path) as archive:
        lift_takedown(archive, key, at, "Domen är upphävd")
    kept, counted = held_and_counted(path)
    assert kept == counted
    assert {name: len(rows) for name, rows in kept.items()} == {name: len(rows) for name, rows in before.items()}


def test_what_is_deleted_by_hand_is_counted_no_more(history_archive: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(history_archive, tmp_path / "archive.db"))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("delete from revisions where cause = 'source' and id % 2")
        for table, key in (("revisions", "release"), ("releases", "id")):
            db.execute(f"delete from {table} where {key} % 3 = 0")
    kept, counted = held_and_counted(path)
    assert kept == counted
    with closing(sqlite3.connect(path)) as db, db:
        assert kept["edit_counts"]
        db.execute("delete from revisions where cause = 'source'")
        assert read(db)["edit_counts"] == []
