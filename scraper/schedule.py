"""When a held release is looked at again: the older it is, the more seldom."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scraper.errors import AgencyError

UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}
RULE = re.compile(r"(?:<(\d+)([hd])|else)=(\d+)([hd])")


@dataclass(frozen=True, slots=True)
class Schedule:
    """Ages and the time between two checks up to each; `rest` is for all that is older."""

    steps: tuple[tuple[timedelta, timedelta], ...]
    rest: timedelta

    def next_check(self, seen: datetime, first_seen: str, *told: str | None) -> datetime:
        """When a release looked at `seen` is due again: by the latest date it tells, else by when it was found."""
        dates = [moment for moment in map(to_moment, filter(None, told)) if moment <= seen]
        age = seen - (max(dates) if dates else to_moment(first_seen))
        return seen + next((wait for up_to, wait in self.steps if age < up_to), self.rest)


def to_moment(text: str) -> datetime:
    """A time as the archive writes it; a day or a month counts from its beginning, in UTC."""
    value = datetime.fromisoformat(text if len(text) > 7 else f"{text}-01")
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def parse_schedule(text: str) -> Schedule:
    """The setting REVISIT_AGES; AgencyError where it cannot be read.

    >>> parse_schedule("<2d=1h, <14d=1d, else=30d").rest
    datetime.timedelta(days=30)
    """
    steps, rest = [], None
    for part in text.split(","):
        match = RULE.fullmatch("".join(part.split()))
        if not match or not int(match[3]):
            raise AgencyError("settings", None, "REVISIT_AGES", f"{part.strip()!r} is no rule like <14d=1d or else=30d")
        wait = int(match[3]) * UNITS[match[4]]
        if match[1]:
            steps.append((int(match[1]) * UNITS[match[2]], wait))
        else:
            rest = wait
    if rest is None:
        raise AgencyError("settings", None, "REVISIT_AGES", "ends without a rule else=…")
    return Schedule(tuple(sorted(steps)), rest)
