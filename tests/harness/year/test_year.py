"""A small year is recorded correctly, and its plan is always the same."""

from __future__ import annotations

import pytest

from tests.forks import run_module
from tests.harness.year.author import FULL, SMALL
from tests.harness.year.events import DESIGNS, EDITS, MOVES, OUTAGES, REMOVALS
from tests.harness.year.plan import write_plan


@pytest.mark.slow("a simulation")
def test_small_year_is_recorded_without_misses() -> None:
    code, printed = run_module("tests.harness.year", ["--small"], timeout=300)
    assert code == 0, printed
    for kind in ("dated edits", "moved twice", "outage: 503 for days", "edits invented"):
        assert kind in printed


def test_plan_is_the_same_each_time_and_has_every_kind_of_event() -> None:
    for scale in (SMALL, FULL):
        plan = write_plan(scale)
        assert plan == write_plan(scale)
        kinds = {*EDITS, *REMOVALS, *MOVES, *OUTAGES, *DESIGNS, "published"}
        assert {event.kind for event in plan.events} == kinds
        assert plan.events != write_plan(scale, seed=2).events
