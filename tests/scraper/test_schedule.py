"""The older a release, the more seldom it is looked at; a rule that cannot be read is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from scraper import settings
from scraper.errors import AgencyError
from scraper.schedule import parse_schedule

SEEN = datetime(2026, 6, 30, 12, tzinfo=UTC)
FIRST = "2026-06-30T12:00:00+00:00"


@pytest.mark.parametrize(
    ("published", "updated", "wait"),
    [
        ("2026-06-30", None, timedelta(hours=1)),
        ("2026-06-29T13:00:00+02:00", None, timedelta(hours=1)),
        ("2026-06-20", None, timedelta(days=1)),
        ("2026-05-01", None, timedelta(days=7)),
        ("2020-05-01", None, timedelta(days=30)),
        ("2020-05-01", "2026-06-30", timedelta(hours=1)),  # lately updated is as good as new
        (None, "2026-05-01", timedelta(days=7)),
        (None, None, timedelta(hours=1)),  # no date of its own: as old as it is held
        ("2027-01-01", "2020-05-01", timedelta(days=30)),  # a day to come is no age
    ],
)
def test_waits_by_age(published: str | None, updated: str | None, wait: timedelta) -> None:
    schedule = parse_schedule(settings.REVISIT_AGES)
    assert schedule.next_check(SEEN, FIRST, published, updated) == SEEN + wait


@pytest.mark.parametrize("text", ["", "<2d=1h", "<2d=1h, else=0d", "<2w=1h, else=1d", "2d=1h, else=1d"])
def test_a_rule_that_cannot_be_read_is_told(text: str) -> None:
    with pytest.raises(AgencyError, match="settings: REVISIT_AGES"):
        parse_schedule(text)
