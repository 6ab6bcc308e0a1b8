"""Whether the log tells of every release: one that it lacks is in no mirror."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from archive.errors import ArchiveError

UNTOLD = "select id from releases r where not exists (select 1 from delta d where d.release = r.id)"


def check_delta(path: Path, db: sqlite3.Connection) -> Iterator[ArchiveError | None]:
    """A finding for each release without an entry."""
    for (release,) in db.execute(UNTOLD):
        yield ArchiveError(path, "no entry tells of this release", table="delta", key=str(release))
