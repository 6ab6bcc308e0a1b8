"""The year itself: a small one is told right, the script is the same each time, and the judge misses nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import time_machine

from tests.harness.year.author import FULL, SMALL
from tests.harness.year.events import DESIGNS, EDITS, MOVES, OUTAGES, REMOVALS
from tests.harness.year.plan import write_plan

ROOT = Path(__file__).parents[3]


def test_a_small_year_is_told_right() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.harness.year", "--small"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for kind in ("dated edits", "moved twice", "outage: 503 for days", "edits invented"):
        assert kind in done.stdout


def test_a_plan_is_the_same_each_time_and_leaves_no_kind_out() -> None:
    for scale in (SMALL, FULL):
        plan = write_plan(scale)
        assert plan == write_plan(scale)
        assert {event.kind for event in plan.events} == {*EDITS, *REMOVALS, *MOVES, *OUTAGES, *DESIGNS, "published"}
        assert plan.events != write_plan(scale, seed=2).events


def test_only_the_calendar_is_simulated() -> None:
    begun = time.monotonic()
    with time_machine.travel(datetime(2027, 1, 4, tzinfo=UTC)) as calendar:
        assert datetime.now(UTC).year == 2027
        calendar.move_to(datetime(2028, 1, 4, tzinfo=UTC))
        assert 0 <= time.monotonic() - begun < 60
