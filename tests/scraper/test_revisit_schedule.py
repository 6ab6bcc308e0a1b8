"""The older a release is, the less often it is checked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scraper import settings
from scraper.errors import AgencyError
from scraper.revisit_schedule import find_recheck_delay, parse_schedule

FETCHED_AT = datetime(2026, 6, 30, 12, tzinfo=UTC)
FIRST_SEEN = "2026-06-30T12:00:00+00:00"


@pytest.mark.parametrize(
    ("published", "updated", "wait"),
    [
        ("2026-06-30", None, timedelta(hours=1)),
        ("2026-06-29T13:00:00+02:00", None, timedelta(hours=1)),
        ("2026-06-20", None, timedelta(days=1)),
        ("2026-05-01", None, timedelta(days=7)),
        ("2020-05-01", None, timedelta(days=30)),
        ("2020-05-01", "2026-06-30", timedelta(hours=1)),  # as often as a new one
        (None, "2026-05-01", timedelta(days=7)),
        (None, None, timedelta(hours=1)),  # by the time it was first fetched
        ("2027-01-01", "2020-05-01", timedelta(days=30)),  # a future date is ignored
    ],
)
def test_next_check_by_age(published: str | None, updated: str | None, wait: timedelta) -> None:
    schedule = parse_schedule(settings.REVISIT_AGES)
    assert schedule.next_check(FETCHED_AT, FIRST_SEEN, published, updated) == FETCHED_AT + wait


@pytest.mark.parametrize(("failures", "hours"), [(0, 1), (1, 2), (4, 16), (5, 24), (100_000, 24)])
def test_delay_doubles_with_each_failure_up_to_a_day(failures: int, hours: int) -> None:
    assert find_recheck_delay(failures) == timedelta(hours=hours)


@pytest.mark.parametrize(
    "text", ["", "<2d=1h", "<2d=1h, else=0d", "<2w=1h, else=1d", "2d=1h, else=1d"]
)
def test_invalid_schedule_is_an_error(text: str) -> None:
    with pytest.raises(AgencyError, match="settings: REVISIT_AGES"):
        parse_schedule(text)
