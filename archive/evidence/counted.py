"""Whether what pages show as counted is what counting finds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from archive.errors import ArchiveError
from archive.search.counted import COUNTED, KEYS

Row = tuple[Any, ...]


def check_counted(path: Path, db: sqlite3.Connection) -> Iterator[ArchiveError | None]:
    """A finding for each row that is missing, too many, or counts otherwise."""
    for table in COUNTED:
        for key, kept, counted in find_differing(db, table):
            if not counted:
                problem = "is kept, and nothing is there to be counted"
            elif not kept:
                problem = "is missing"
            else:
                problem = f"says {tell(kept)}, counted are {tell(counted)}"
            named = " ".join(str(value) or "-" for value in key)
            yield ArchiveError(path, f"{problem} (python -m archive reindex counts anew)", table=table, key=named)
        yield None


def find_differing(db: sqlite3.Connection, table: str) -> Iterator[tuple[Row, Row, Row]]:
    """Key, values as kept, values as counted, of each row that is not the same in both; () where there is none.

    Both are sorted once, together: what is the same falls out.
    """
    columns = [row[1] for row in db.execute(f"pragma table_info({table})")]
    names, size = ", ".join(columns), KEYS[table]
    rows = db.execute(
        f"select {names}, sum(kept) from (select {names}, 1 as kept from {table}"
        f" union all select *, -1 from ({COUNTED[table]})) group by {names} having sum(kept) <> 0 order by {names}"
    )
    for key, found in groupby(rows, key=lambda row: row[:size]):
        sides = {row[-1] > 0: row[size:-1] or ("there",) for row in found}
        yield key, sides.get(True, ()), sides.get(False, ())


def tell(values: Row) -> str:
    """Counts in words."""
    return " and ".join(map(str, values))
