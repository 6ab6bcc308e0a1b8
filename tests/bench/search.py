"""`python -m tests.bench.search [ARCHIVE]`: measures ranking and speed; ARCHIVE: import nothing.

It needs the stored collection (tests/stored.py) of 10,737 releases, none of which is part of the
project.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.bench.collection import ABSENT, COLLECTION, import_collection
from tests.bench.measure import print_lines
from tests.bench.ranked import measure_ranking
from tests.bench.speed import measure_speed


def measure_search(archive: Path | None = None) -> Iterator[str]:
    """Yield the lines of the tables, or the reason if there is no collection."""
    if archive is None and not COLLECTION.is_file():
        yield f"search is {ABSENT}"
        return
    with tempfile.TemporaryDirectory() as made:
        folder, imported = Path(made), ""
        if archive is None:
            archive = folder / "archive.db"
            imported = f", imported in {import_collection(archive):.0f} s of CPU"
        with closing(sqlite3.connect(archive)) as db:
            number = db.execute("select count(*) from releases").fetchone()[0]
        yield f"search in {number} releases{imported}\n"
        yield from measure_ranking(archive)
        yield ""
        yield from measure_speed(archive, folder)


if __name__ == "__main__":
    print_lines(measure_search(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
