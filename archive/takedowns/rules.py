"""Which takedowns are in force, and what they leave to be shown of a state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from archive.takedowns.redaction import hide_state, redact_state
from archive.takedowns.withheld import Withheld
from archive.times import to_text

KINDS = {"hide": "hidden", "redact": "redacted"}  # of takedowns, and what releases.withheld says of them


class Rules:
    """The takedowns table. No method commits: wrap calls in `Archive.transaction`."""

    def __init__(self, db: Database, archive: Path) -> None:
        self.db = db
        self.withheld = Withheld(archive)

    def add(self, release: int, kind: str, at: datetime, reason: str, reason_en: str | None = None) -> int:
        """A line in the log, in force from now on; gives its number."""
        key = self.db.execute(
            "insert into takedowns (release, kind, reason, reason_en, at) values (?, ?, ?, ?, ?)",
            [release, kind, reason, reason_en, to_text(at)],
        ).lastrowid
        assert key is not None  # noqa: S101 - an insert that did not raise has given a rowid
        return key

    def in_force(self, release: int) -> list[tuple[int, str]]:
        """Number and kind of what covers a release, a hiding first."""
        found: list[tuple[int, str]] = self.db.execute(
            "select id, kind from takedowns where release = ? and lifted is null order by kind, id", [release]
        ).fetchall()
        return found

    def shown(self, release: int, state: Mapping[str, Any]) -> tuple[Mapping[str, Any], int | None]:
        """A state as it may be shown, and the takedown that covers it; the same state and None where none does.

        Every version of a release is covered, whether a passage stands in it or not: the page it was read from may
        hold it elsewhere.
        """
        rules = self.in_force(release)
        if not rules:
            return state, None
        covering, kind = rules[0]
        if kind == "hide":
            return hide_state(state), covering
        return redact_state(state, [self.withheld.passage(key) for key, _ in rules]), covering
