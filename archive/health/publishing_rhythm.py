"""Measures how often an agency publishes, and how long its silences usually are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import ceil
from statistics import median

from archive.health.working_days import (
    HOLIDAY_ORDINALS,
    SUMMER_DAYS,
    SUMMER_ORDINALS,
    count_working_days,
)

# Publishing rhythm
HISTORY_YEARS = 3  # years of history that count
FIFTY_TWO_WEEKS = timedelta(days=364)  # whole weeks, so that the same days of the week are compared
SEASON_WINDOW_DAYS = 14  # days before and after the same day of an earlier year
MIN_GAPS = 4  # gaps between days with releases that are needed to know a rhythm
MIN_LONG_GAP = 4  # days; a silence this short is usual for every agency, because of Easter
MIN_SUSPICIOUS_SILENCE = 7  # days; a silence this short is never suspicious


@dataclass(frozen=True, slots=True)
class PublishingRhythm:
    """An agency's usual rhythm: the gaps, in days, between the days on which it publishes."""

    median_gap: float
    long_gap: int  # days; one gap in 20 is longer
    max_silence: int  # days, without those of holiday weeks; a longer silence is suspicious
    # longest silence around this day in earlier years; None if the history is too short
    seasonal_silence: int | None
    summer_pace: float = 0.0  # the share of a working day that a summer day counts as, from 0 to 1


def measure_rhythm(days: Sequence[date], today: date) -> PublishingRhythm | None:
    """Measure the rhythm of publication. Returns None if there are too few days.

    days: the days with releases, sorted and without duplicates.
    """
    gaps = [(later - earlier).days for earlier, later in pairwise(days)]
    if len(gaps) < MIN_GAPS:
        return None
    summer_pace = _measure_summer_pace(days)
    working_days = sorted(
        count_working_days(earlier, later, summer_pace) for earlier, later in pairwise(days)
    )
    # if there are many gaps, the longest may be an outage of our own
    longest = working_days[-2 if len(working_days) >= 20 else -1]
    long_gap = working_days[ceil(0.95 * len(working_days)) - 1]  # nearest rank
    max_silence = max(
        2.5 * long_gap, 1.5 * longest, 4 * median(working_days), MIN_SUSPICIOUS_SILENCE
    )
    uncertainty = 1 + 3 / len(working_days) if len(working_days) < 20 else 1
    return PublishingRhythm(
        median_gap=float(median(gaps)),
        long_gap=max(long_gap, ceil(2 * median(working_days)), MIN_LONG_GAP),
        max_silence=ceil(max_silence * uncertainty),
        seasonal_silence=_find_seasonal_silence(days, today),
        summer_pace=summer_pace,
    )


def _find_seasonal_silence(days: Sequence[date], today: date) -> int | None:
    """Return the longest silence, in days, in the weeks around the same date in earlier years.

    Returns None if the history does not go back that far.

    >>> weekly = [date(2023, 1, 2) + timedelta(days=7 * n) for n in range(60)]
    >>> days = (date(2024, 3, 1), date(2023, 9, 1))
    >>> tuple(_find_seasonal_silence(weekly, day) for day in days)
    (6, None)
    """
    silences = []
    for years in range(1, HISTORY_YEARS + 1):
        for shift in range(-SEASON_WINDOW_DAYS, SEASON_WINDOW_DAYS + 1):
            day = today - years * FIFTY_TWO_WEEKS + timedelta(days=shift)
            before = bisect_right(days, day)
            if before and day - timedelta(days=SEASON_WINDOW_DAYS) >= days[0]:
                silences.append((day - days[before - 1]).days)
    return max(silences, default=None)


def _measure_summer_pace(days: Sequence[date]) -> float:
    """Return an agency's publishing pace in summer as a share of its usual pace, from 0 to 1.

    If the history includes no summer, the share is estimated as 0. With each further summer, the
    estimate comes closer to the measured pace.

    >>> days = [date(2022, 1, 3) + timedelta(days=3 * n) for n in range(240)]
    >>> round(_measure_summer_pace(days), 2)
    0.66
    >>> _measure_summer_pace([date(2023, 3, 1) + timedelta(days=n) for n in range(100)])
    0.0
    """
    release_days = [day.toordinal() for day in days]
    all_days = range(release_days[0], release_days[-1] + 1)
    summer_days, summer_releases = (
        sum(day in SUMMER_ORDINALS for day in part) for part in (all_days, release_days)
    )
    usual_days, usual_releases = (
        sum(day not in HOLIDAY_ORDINALS for day in part) for part in (all_days, release_days)
    )
    if not summer_days or not usual_releases:
        return 0.0
    pace = min(1.0, (summer_releases / summer_days) / (usual_releases / usual_days))
    return pace * summer_days / (summer_days + SUMMER_DAYS)
