"""Decides when messages are sent: at once, daily, or weekly on Mondays."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from archive.i18n import SWEDISH_TIME
from archive.times import to_iso

FREQUENCIES = ("now", "day", "week")
SENDING_HOUR = time(6)  # Swedish time, of daily messages and of weekly ones on Mondays


def find_next_due(frequency: str, now: datetime) -> str:
    """Return when a subscription's next message may be sent, given that one is sent now.

    >>> from datetime import UTC
    >>> monday = datetime(2024, 6, 3, 8, 15, tzinfo=UTC)
    >>> [find_next_due(frequency, monday) for frequency in FREQUENCIES]
    ['2024-06-03T08:15:00+00:00', '2024-06-04T04:00:00+00:00', '2024-06-10T04:00:00+00:00']
    """
    if frequency == "now":
        return str(to_iso(now))
    local = now.astimezone(SWEDISH_TIME)
    day = local.date() + timedelta(days=0 if local.time() < SENDING_HOUR else 1)
    if frequency == "week":
        day += timedelta(days=-day.weekday() % 7)
    return str(to_iso(datetime.combine(day, SENDING_HOUR, SWEDISH_TIME).astimezone(now.tzinfo)))
