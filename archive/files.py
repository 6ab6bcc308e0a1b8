"""Opens SQLite files: for writing beside readers and other writers, or for reading alone."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from archive.errors import ArchiveError

WAL = 16 * 1024 * 1024  # bytes of the file beside it, about
PATIENCE = 30  # seconds, for another process to be done


def open_writable(path: Path, *, page_size: int = 4096) -> sqlite3.Connection:
    """Made where it is not there yet. Transactions are the caller's alone: isolation_level is None."""
    db = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE)
    db.execute(f"pragma page_size = {page_size}")  # bytes; without effect on a file that is there
    use_wal(db)
    db.execute("pragma synchronous = normal")
    # a release touches a hundred pages of the index, mostly the same ones: they are put in their place once in a while
    db.execute(f"pragma wal_autocheckpoint = {WAL // page_size}")
    db.execute("pragma foreign_keys = on")
    db.execute("pragma secure_delete = on")  # what is taken down is out of the file, too; many builds have it on
    return db


def use_wal(db: sqlite3.Connection) -> None:
    """Where two processes make a file at once, SQLite refuses one of them without waiting."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            db.execute("pragma journal_mode = wal")
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def open_readonly(path: Path) -> sqlite3.Connection:
    """sqlite3.OperationalError where there is no such file."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=PATIENCE)


def check_database(path: Path, *, missing: str = "no such file") -> None:
    """ArchiveError where there is no file, or it is no SQLite file."""
    if not path.is_file():
        raise ArchiveError(path, missing)
    try:
        with closing(open_readonly(path)) as db:
            db.execute("select 1 from sqlite_master")
    except sqlite3.Error as error:
        raise ArchiveError(path, f"cannot be opened as an archive: {error}") from error
