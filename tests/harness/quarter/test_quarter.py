"""The quarter in small: its judge misses nothing, its rhythms alone turn true red."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from archive.health.metrics import AgencyActivity
from archive.health.publishing_rhythm import measure_rhythm
from archive.health.rules import assess_publishing
from tests.harness.quarter.judge import judge_quarter, week_of
from tests.harness.quarter.month import CASES, judge_month
from tests.harness.quarter.record import Record, Said
from tests.harness.quarter.script import (
    BEGUN,
    END,
    KNOWN,
    PARTS,
    QUIET_WEEKS,
    START,
    SUMMER_QUIET,
    TROUBLES,
    WEEKS,
    Part,
    at,
)
from tests.harness.quarter.table import to_summary
from tests.harness.world.simulation import DAY

FINE, DOWN, DEAD = "skogsbruksradet", "farledsverket", "skogsbruksradet-2"
SILENT = {trouble.slug: trouble for trouble in TROUBLES if trouble.codes == ("silent",)}


def right() -> Record:
    """Build a record with correct reports of the quarter."""
    record = Record()
    for number in range((END - START).days + 1):
        day = START + number * DAY
        record.daily += [tell(part.slug, day) for part in PARTS]
    for week in range(1, WEEKS + 1):
        sunday = START + timedelta(weeks=week, days=-1)
        record.weekly.append({part.slug: tell(part.slug, sunday) for part in PARTS})
    record.alerts = [
        alert(2, fault("skogsbruksradet-2", "silent")),
        alert(3, fault("farledsverket", "all_fails")),
    ]
    return record


def tell(slug: str, day: date) -> Said:
    """Red from the day after a fault's beginning to its end, but for what is known or quiet."""
    codes = [
        one.codes[0]
        for one in TROUBLES
        if one.slug == slug and one.begins < day < (one.ends or END + DAY)
    ]
    state, code = ("suspect", codes[0]) if codes else ("healthy", "usual")
    if slug == SUMMER_QUIET and week_of(day) in QUIET_WEEKS:
        state = "quiet"
    known = slug == KNOWN[0] and KNOWN[1] < day <= KNOWN[2]
    return Said(day, slug, state, code, bool(codes) and not known, known)


def alert(number: int, *faults: dict[str, Any], **more: list[dict[str, Any]]) -> dict[str, Any]:
    """Build a message of a day in August."""
    sent = f"2027-08-{number:02}T04:00:00+00:00"
    return {"sent": sent, "faults": faults, "recoveries": more.get("recoveries", []), "passed": []}


def fault(slug: str, code: str) -> dict[str, Any]:
    return {"agency": slug, "reason": {"code": code, "what": ""}}


def redden(record: Record, slug: str, day: date, code: str) -> None:
    """One state more, red."""
    record.daily.append(Said(day, slug, "suspect", code, red=True, known=False))


def calm(record: Record, slug: str, until: date) -> None:
    """No red of an agency's up to a day."""
    record.daily = [
        replace(said, red=False, code="usual") if said.slug == slug and said.day <= until else said
        for said in record.daily
    ]


def test_a_quarter_that_is_told_right_has_no_misses() -> None:
    verdict = judge_quarter(right())
    assert verdict.misses == []
    assert [found.days for found in verdict.found] == [1] * len(TROUBLES)
    assert "agencies red without a fault: 0; 2 alerts on 2 days" in to_summary(right(), verdict)


KIND, STATE = "all_fails", Said(START, "x", "failing", "usual", red=False, known=False)
SPOILED: list[tuple[Callable[[Record], object], str]] = [
    (lambda r: redden(r, FINE, START, "fields"), f"2027-05-31 {FINE}: red without"),
    (lambda r: redden(r, DOWN, START, KIND), f"{DOWN}: red without a fault (all_fails)"),
    (lambda r: redden(r, DOWN, END, KIND), "and is told up to 2027-08-29"),
    (lambda r: redden(r, DEAD, END, "fields"), f"{DEAD}: red without a fault (fields)"),
    (lambda r: calm(r, DEAD, END), "silent death since 2027-06-11: never red in 79 days"),
    (lambda r: calm(r, KNOWN[0], date(2027, 6, 30)), "red after 10 days, 3 are allowed"),
    (
        lambda r: r.weekly[8].update({SUMMER_QUIET: tell(SUMMER_QUIET, START)}),
        f"week 9 {SUMMER_QUIET}",
    ),
    (lambda r: redden(r, KNOWN[0], KNOWN[2], KIND), f"2027-07-19 {KNOWN[0]}: red though known"),
    (lambda r: calm(r, KNOWN[0], KNOWN[2] + 7 * DAY), "not red again though the fault became"),
    (lambda r: r.weekly[2].update(x=replace(STATE, slug=DOWN)), "was not judged"),
    (lambda r: r.alerts.append(alert(3)), "2027-08-03: 2 alerts in a day"),
    (lambda r: r.alerts.append(alert(4, fault(DOWN, KIND))), "told of all_fails twice"),
    (lambda r: r.alerts.append(alert(4, fault(FINE, "fields"))), "though it was never red"),
    (lambda r: r.wrong.append("news ended with shutdown"), "news ended with shutdown"),
]


@pytest.mark.parametrize(("spoil", "miss"), SPOILED)
def test_the_judge_misses_nothing(spoil: Callable[[Record], object], miss: str) -> None:
    record = right()
    spoil(record)
    assert miss in "\n".join(judge_quarter(record).misses)


def test_a_fault_that_comes_again_may_be_told_again() -> None:
    record = right()
    again = fault("farledsverket", "all_fails")
    record.alerts += [alert(4, recoveries=[again]), alert(5, again)]
    assert judge_quarter(record).misses == []


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.slug)
def test_of_the_rhythms_alone_only_those_that_end_turn_red(part: Part) -> None:
    days = list(part.rhythm.days(part.slug, part.since, min(part.until, END)))
    red = [today for today in quarter() if assess_publishing(past(days, today)).state == "suspect"]
    if trouble := SILENT.get(part.slug):
        assert timedelta() < red[0] - trouble.begins <= trouble.within * DAY
    else:
        assert red == []


def quarter() -> Iterator[date]:
    """Return every second day since the first crawl."""
    return (BEGUN + number * DAY for number in range(0, (END - BEGUN).days + 1, 2))


def past(days: list[date], today: date) -> AgencyActivity:
    """What is known of an agency by its days with releases alone."""
    known = [day for day in days if day <= today]
    facts = {"releases_by_day": Counter(known), "last_release_day": max(known, default=None)}
    return cast(
        "AgencyActivity", SimpleNamespace(today=today, rhythm=measure_rhythm(known, today), **facts)
    )


def right_month() -> Record:
    """Build a record with correct reports of the month."""
    record = Record()
    for case in CASES:
        for number in range(28):
            day = START + number * DAY
            begins, ends = at(*case.begins).date(), at(*case.ends).date() if case.ends else END
            red = bool(case.codes) and begins < day <= ends
            code = case.codes[0] if red else "usual"
            removed = min(number, 8) if case.removes else 0
            said = Said(
                day, case.part.slug, "suspect" if red else "healthy", code, red, known=False
            )
            record.daily.append(replace(said, doubts=3 * red, removed=removed))
    return record


@pytest.mark.parametrize(
    ("case", "day", "change", "miss"),
    [
        (0, 9, {"red": True}, "red without a fault"),
        (1, 3, {"red": False, "code": "usual"}, "a placeholder, and told as suspect (usual)"),
        (1, 20, {"red": True}, "red without a fault (usual)"),
        (1, 20, {"doubts": 1}, "1 releases still in doubt"),
        (3, 4, {"removed": 2}, "2 releases called removed"),
        (5, 27, {"removed": 1}, "only 1 removals told"),
    ],
)
def test_the_judge_of_the_month_misses_nothing(
    case: int, day: int, change: dict[str, Any], miss: str
) -> None:
    record = right_month()
    assert judge_month(record) == []
    place = record.daily.index(record.of(CASES[case].part.slug)[day])
    record.daily[place] = replace(record.daily[place], **change)
    assert miss in "\n".join(judge_month(record))
