"""Decides when stored releases are checked again.

Older releases are checked less often (REVISIT_AGES).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from scraper.errors import AgencyError

INTERVAL_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1)}
SCHEDULE_RULE = re.compile(r"(?:<(\d+)([hd])|else)=(\d+)([hd])")

MIN_RECHECK_DELAY = timedelta(hours=1)
MAX_RECHECK_DELAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RevisitSchedule:
    # (age, interval for younger releases), in order of age
    age_intervals: tuple[tuple[timedelta, timedelta], ...]
    default_interval: timedelta  # interval for all older releases

    @property
    def longest_interval(self) -> timedelta:
        return max((self.default_interval, *(interval for _, interval in self.age_intervals)))

    def next_check(self, seen_at: datetime, first_seen: str, *stated_dates: str | None) -> datetime:
        """Return when a release that was last checked at `seen_at` is due for its next check.

        The release's age counts from the latest of its stated dates, or from `first_seen` if the
        release states no date. Dates after `seen_at` do not count.
        """
        dates = [
            moment
            for moment in map(_parse_archive_time, filter(None, stated_dates))
            if moment <= seen_at
        ]
        age = seen_at - (max(dates) if dates else _parse_archive_time(first_seen))
        intervals = (interval for limit, interval in self.age_intervals if age < limit)
        return seen_at + next(intervals, self.default_interval)


def _parse_archive_time(text: str) -> datetime:
    """Parse a time as stored in the archive. A day or month stands for its beginning, in UTC."""
    value = datetime.fromisoformat(text if len(text) > 7 else f"{text}-01")
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def parse_schedule(text: str) -> RevisitSchedule:
    """Parse the value of the setting REVISIT_AGES. Raises AgencyError if the value is malformed.

    >>> parse_schedule("<2d=1h, <14d=1d, else=30d").default_interval
    datetime.timedelta(days=30)
    """
    age_intervals, default_interval = [], None
    for rule in text.split(","):
        match = SCHEDULE_RULE.fullmatch("".join(rule.split()))
        if not match or not int(match[3]):
            raise AgencyError(
                "settings",
                None,
                "REVISIT_AGES",
                f"{rule.strip()!r} is not like <14d=1d or else=30d",
            )
        interval = int(match[3]) * INTERVAL_UNITS[match[4]]
        if match[1]:
            age_intervals.append((int(match[1]) * INTERVAL_UNITS[match[2]], interval))
        else:
            default_interval = interval
    if default_interval is None:
        raise AgencyError("settings", None, "REVISIT_AGES", "ends without a rule else=…")
    return RevisitSchedule(tuple(sorted(age_intervals)), default_interval)


def find_recheck_delay(failures: int) -> timedelta:
    """Return how long to wait before requesting a stored release again after a failure.

    failures: the number of failures in a row so far. Each failure doubles the delay, up to a
        maximum.
    """
    return min(MIN_RECHECK_DELAY * (1 << min(failures, 10)), MAX_RECHECK_DELAY)
