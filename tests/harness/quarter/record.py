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


@dataclass(frozen=True, slots=True, kw_only=True)
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
        self.daily += [
            Said(
                day=day,
                slug=row["agency"],
                state=row["state"],
                code=row["reason"]["code"],
                red=is_unacknowledged_fault(row),
                known=row["acknowledged"] is not None,
                why=format_health_reason("en", row["reason"]),
                doubts=removals.get(row["agency"], (0, 0))[0],
                removed=removals.get(row["agency"], (0, 0))[1],
            )
            for row in rows
        ]

    def note_week(self, day: date, page: Mapping[str, Any]) -> None:
        """/-/status.json."""
        self.weekly.append(
            {
                row["agency"]: Said(
                    day=day,
                    slug=row["agency"],
                    state=row["state"],
                    code=row["code"],
                    red=row["red"],
                    known=row["acknowledged"] is not None,
                    why=row["why"],
                )
                for row in page["agencies"]
            }
        )
