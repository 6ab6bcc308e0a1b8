"""The rows of the archive that the simulation is checked against, and the result of the checks."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.harness.year.world import Subject

Row = dict[str, Any]
# between the times in the log and the archive; crawls are further apart
SAME = timedelta(minutes=10)


class Told:
    """The rows of an archive.db."""

    def __init__(self, archive: Path) -> None:
        with closing(sqlite3.connect(archive)) as connection:
            connection.row_factory = sqlite3.Row

            def rows(sql: str) -> list[Row]:
                return [dict(row) for row in connection.execute(sql)]

            self.releases: dict[int, Row] = {
                row["id"]: row for row in rows("select * from releases")
            }
            self.revisions: dict[int, Row] = {
                row["id"]: row for row in rows("select * from revisions order by id")
            }
            self.removals = rows("select * from removals order by id")
            self.crawls = rows("select * from crawls")
            frontier = rows("select url, release from frontier where release is not null")
        self.by_url: dict[str, int] = {row["url"]: row["release"] for row in frontier}
        self.by_url |= {row["url"]: key for key, row in self.releases.items()}
        self.known: dict[str, set[int]] = {}  # ids by a subject's key

    def ids(self, subject: Subject) -> set[int]:
        """Return every id under which a release was ever stored."""
        if subject.key in self.known:
            return self.known[subject.key]
        found = {self.by_url[url] for url in subject.urls if url in self.by_url}
        while more := {
            other
            for key, row in self.releases.items()
            for other in (key, row["moved_to"])
            if row["moved_to"] is not None and found & {key, row["moved_to"]} and other not in found
        }:
            found |= more
        self.known[subject.key] = found
        return found

    def final(self, url: str) -> int | None:
        """Return the id that an address leads to after all moves."""
        key, passed = self.by_url.get(url), set[int]()
        while key is not None and key not in passed and self.releases[key]["moved_to"] is not None:
            passed.add(key)
            key = self.releases[key]["moved_to"]
        return key

    def revisions_of(self, ids: set[int]) -> list[Row]:
        """Return the revisions of a release, the oldest first."""
        return [row for row in self.revisions.values() if row["release"] in ids]

    def removals_of(self, ids: set[int]) -> list[Row]:
        """Return the removals of a release, without its moves."""
        return [row for row in self.removals if row["release"] in ids and row["kind"] != "moved"]


def is_same(text: str | None, moment: datetime) -> bool:
    """Return whether a time in the archive is the same as one in the log."""
    return text is not None and abs(datetime.fromisoformat(text) - moment) < SAME


def find_row(rows: list[Row], moment: datetime, name: str = "seen") -> Row | None:
    """Return the row of a moment, or None."""
    return next((row for row in rows if is_same(row[name], moment)), None)


class Verdict:
    """Counts per kind of event: how often it happened, could be seen by a crawl, and was recorded
    correctly.
    """

    def __init__(self) -> None:
        self.happened: dict[str, int] = defaultdict(int)
        self.due: dict[str, int] = defaultdict(int)
        self.right: dict[str, int] = defaultdict(int)
        self.misses: list[str] = []

    def count(self, row: str) -> None:
        """Count an event that happened."""
        self.happened[row] += 1

    def judge(self, row: str, misses: Iterable[str], where: str = "") -> None:
        """Count an event that a crawl could see: recorded correctly unless there are misses."""
        found = [f"{row}: {where}{miss}" for miss in misses]
        self.due[row] += 1
        self.right[row] += not found
        self.misses += found

    def count_and_judge(self, row: str, *misses: str) -> None:
        """Count an event that happened and could be seen."""
        self.count(row)
        self.judge(row, misses)
