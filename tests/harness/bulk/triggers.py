"""Measures what the triggers of the change feed add to saving a release, by the statement and as a
share of a save.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from pathlib import Path

from archive.database.schema import read_schema
from archive.store.releases import Archive
from tests.archive.sample import SEEN, plain_release
from tests.harness.world.checks import Figures

ROUNDS, BATCH = 30, 40
MOST_SHARE = 0.05


def measure_triggers(folder: Path, figures: Figures) -> None:
    """Measure with and without the triggers in turn, in the same file."""
    with Archive(folder / "triggers.db") as archive:
        archive.add_agency("vagmyndigheten", name="Vägmyndigheten", home="https://v.example/")
        number, saves = 0, []
        costs: dict[bool, list[float]] = {True: [], False: []}
        for turn in range(ROUNDS):
            release = plain_release(1 + turn % 40, "https://{slug}.example")
            release = replace(release, url=f"https://v.example/{turn}")
            begun = time.process_time()
            archive.save(release, seen_at=SEEN)
            saves.append(time.process_time() - begun)
            for logged in (True, False) if turn % 2 else (False, True):
                set_triggers(archive, logged=logged)
                costs[logged].append(write(archive, number))
                number += BATCH
    added = (statistics.median(costs[True]) - statistics.median(costs[False])) / BATCH
    whole = statistics.median(saves)
    figures.add("log: CPU added to a saved release", f"{added * 1e6:.1f} µs")
    figures.most("log: as a share of saving a small one", added / whole, MOST_SHARE, "")


def set_triggers(archive: Archive, *, logged: bool) -> None:
    """Create or drop the triggers."""
    for name, statement in read_schema().items():
        if not name.startswith("changefeed_"):
            continue
        archive.db.execute(f"drop trigger if exists {name}")
        if logged:
            archive.db.execute(statement)


def write(archive: Archive, number: int) -> float:
    """Return the CPU seconds of inserting some revisions in one transaction."""
    with archive.transaction():
        # reads the schema again before the measurement
        archive.db.execute("select count(*) from sqlite_master")
        begun = time.process_time()
        for place in range(BATCH):
            archive.db.execute(
                "insert into revisions (release, seen, cause, title, body, body_html, hash)"
                " select id, first_seen, 'source', title, body, body_html, ? from releases"
                " where id = ?",
                [str(number + place), 1 + place % 9],
            )
        return time.process_time() - begun
