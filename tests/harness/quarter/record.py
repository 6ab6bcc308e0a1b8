"""Records the reports about each agency: daily in the archive, weekly on the status page, and
alerts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from archive.health.health_report import format_health_reason
from archive.health.rules import is_unacknowledged_fault


@dataclass(frozen=True, slots=True)
class Said:
    """An agency's state on a day."""

    day: date
    slug: str
    state: str
    code: str
    red: bool
    known: bool  # acknowledged
    why: str = ""  # the sentence
    doubts: int = 0  # releases that were missing at the last check, and not called removed yet
    removed: int = 0  # releases called removed


@dataclass(slots=True)
class Record:
    """daily: after each round. weekly: as the status page had it on Sundays, by week and agency."""

    daily: list[Said] = field(default_factory=list)
    weekly: list[dict[str, Said]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)  # results of the operator's acts
    alerts: list[Mapping[str, Any]] = field(default_factory=list)
    # crawls and commands that did not end as they should
    wrong: list[str] = field(default_factory=list)

    def of(self, slug: str) -> list[Said]:
        """Return the days of an agency."""
        return [said for said in self.daily if said.slug == slug]

    def note_day(
        self, day: date, rows: list[dict[str, Any]], removals: Mapping[str, tuple[int, int]]
    ) -> None:
        """Read the tables health and removals after a round."""
        for row in rows:
            doubts, removed = removals.get(row["agency"], (0, 0))
            code, why = row["reason"]["code"], format_health_reason("en", row["reason"])
            red, known = is_unacknowledged_fault(row), row["acknowledged"] is not None
            state = (row["state"], code, red, known, why)
            self.daily.append(Said(day, row["agency"], *state, doubts, removed))

    def note_week(self, day: date, page: Mapping[str, Any]) -> None:
        """/-/status.json."""
        week = {}
        for row in page["agencies"]:
            state = (row["state"], row["code"], row["red"], row["acknowledged"] is not None)
            week[row["agency"]] = Said(day, row["agency"], *state, row["why"])
        self.weekly.append(week)
