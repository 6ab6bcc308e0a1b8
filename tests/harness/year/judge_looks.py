"""Checks that every release was read again as often as its age requires."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from archive.times import to_iso
from tests.harness.year.events import Plan
from tests.harness.year.history import History, Look
from tests.harness.year.told import Verdict
from tests.site.compose import STOCKHOLM

LOOKS = "read again"
TURN = timedelta(hours=25)  # both spiders run once a day
HOURLY = timedelta(hours=1, minutes=10)  # during stretches of hourly crawls
AFTER = timedelta(days=2)  # after an outage, hosts are paused for a while


def judge_looks(history: History, plan: Plan, verdict: Verdict) -> None:
    """Count, per age, the intervals between two readings of a release, and those that are short
    enough.
    """
    for subject in history.world.subjects.values():
        readings = history.readings(subject.key)
        down = [(begin, end + AFTER) for _, begin, end in history.down(subject.agency)]
        aways = [s.moment for s in subject.record if s.release is None]
        for n, look in enumerate(readings):
            until = readings[n + 1].moment if n + 1 < len(readings) else plan.end
            if any(begin < until and look.moment < end for begin, end in down):
                continue
            if any(look.moment < moment < until for moment in aways):
                continue
            up_to, wait = age_of(look, readings[0].moment, plan)
            hourly = in_stretch(look.moment, plan) and in_stretch(until, plan)
            allowed = wait + (HOURLY if hourly else TURN)
            late = until - look.moment > allowed
            told = [f"{subject.url}: {to_iso(look.moment)} → {to_iso(until)}"] if late else []
            verdict.count_and_judge(to_row(up_to, wait), *told)


def to_row(up_to: timedelta, wait: timedelta) -> str:
    """Return the name of an age in the table."""
    age = f"younger than {up_to.days} days" if up_to < timedelta(days=3650) else "older"
    every = f"{wait.days} days" if wait.days else f"{wait.seconds // 3600} hours"
    return f"{LOOKS}: {age}, every {every}"


def age_of(look: Look, first: datetime, plan: Plan) -> tuple[timedelta, timedelta]:
    """Return the entry of the plan's ages that applies to a release."""
    assert look.standing.release
    release = look.standing.release
    stated = [as_moment(value) for value in (release.published, release.updated) if value]
    age = look.moment - (max(stated) if stated else first) + timedelta(hours=1)  # longest interval
    return next(step for step in plan.scale.ages if age < step[0])


def as_moment(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, time.min, STOCKHOLM)  # type: ignore[arg-type] # a day


def in_stretch(moment: datetime, plan: Plan) -> bool:
    """Return whether crawls run hourly at a moment."""
    hours = timedelta(hours=plan.scale.hours)
    return any(
        plan.start + timedelta(days=day) <= moment <= plan.start + timedelta(days=day) + hours
        for day in plan.scale.stretches
    )
