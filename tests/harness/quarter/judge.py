"""Compares reports with what happened: faults found late or not at all, false alarms, repeated
alerts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from tests.harness.quarter.record import Record, Said
from tests.harness.quarter.script import KNOWN, QUIET_WEEKS, START, SUMMER_QUIET, TROUBLES, Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A real fault, and when it was red first and last."""

    trouble: Trouble
    red: date | None
    last: date | None
    code: str = ""

    @property
    def days(self) -> int | None:
        """Return the days until it turned red."""
        return (self.red - self.trouble.begins).days if self.red else None


@dataclass(slots=True)
class Verdict:
    """misses: one line each."""

    found: list[Found] = field(default_factory=list)
    false: list[Said] = field(default_factory=list)  # red without a fault: days of agencies
    misses: list[str] = field(default_factory=list)


def judge_quarter(record: Record, troubles: Sequence[Trouble] = TROUBLES) -> Verdict:
    """Find every fault of the script in the record, and everything else that was red."""
    verdict = Verdict(found=[find(record, trouble) for trouble in troubles])
    verdict.false = [
        said for said in record.daily if said.red and not any(fits(said, one) for one in troubles)
    ]
    verdict.misses = [
        *record.wrong,
        *(line for found in verdict.found for line in judge_fault(found, record)),
        *(f"{said.day} {said.slug}: red without a fault ({said.code})" for said in verdict.false),
        *judge_summer(record),
        *judge_known(record),
        *judge_pages(record),
        *judge_alerts(record),
    ]
    return verdict


def find(record: Record, trouble: Trouble) -> Found:
    """When a fault was red, acknowledged or not; not what a fault of the same agency's before or
    after was.
    """
    days = [
        said
        for said in record.of(trouble.slug)
        if (said.red or said.known) and said.day >= trouble.begins and said.code in trouble.codes
    ]
    if not days:
        return Found(trouble=trouble, red=None, last=None)
    return Found(trouble=trouble, red=days[0].day, last=days[-1].day, code=days[0].code)


def fits(said: Said, trouble: Trouble) -> bool:
    """Return whether a state reports a fault that exists or has just ended."""
    over = trouble.ends + timedelta(days=trouble.heals) if trouble.ends else date.max
    return (
        said.slug == trouble.slug
        and said.code in trouble.codes
        and trouble.begins <= said.day < over
    )


def judge_fault(found: Found, record: Record) -> Iterator[str]:
    """Yield whether a fault was found late or never, or was still red after its end."""
    trouble, last = found.trouble, record.daily[-1].day
    waited = (last - trouble.begins).days if found.days is None else found.days
    if waited > trouble.within:
        told = f"never red in {waited} days" if found.days is None else f"red after {waited} days"
        yield (
            f"{trouble.slug}: {trouble.kind} since {trouble.begins}: {told}, {trouble.within}"
            f" are allowed"
        )
    if trouble.ends and found.last and found.last >= trouble.ends + timedelta(days=trouble.heals):
        yield f"{trouble.slug}: {trouble.kind} ended {trouble.ends}, and is told up to {found.last}"


def judge_summer(record: Record) -> Iterator[str]:
    """Check that the usual summer is reported as quiet."""
    for number in QUIET_WEEKS:
        if (
            number <= len(record.weekly)
            and (said := record.weekly[number - 1][SUMMER_QUIET]).state != "quiet"
        ):
            yield f"week {number} {SUMMER_QUIET}: {said.state} ({said.code}) instead of quiet"


def judge_known(record: Record) -> Iterator[str]:
    """An acknowledged fault is not red until it becomes another, and then it is."""
    slug, since, changed = KNOWN
    days = record.of(slug)
    yield from (
        f"{said.day} {slug}: red though known"
        for said in days
        if said.red and since < said.day <= changed
    )
    later = [said for said in days if changed < said.day <= changed + timedelta(days=7)]
    if len(later) == 7 and not later[-1].red:
        yield f"{slug}: not red again though the fault became another on {changed}"


def judge_pages(record: Record) -> Iterator[str]:
    """Check that the status page shows the assessed states."""
    judged = {(said.day, said.slug): (said.state, said.code, said.red) for said in record.daily}
    for said in (said for week in record.weekly for said in week.values()):
        if judged[said.day, said.slug] != (said.state, said.code, said.red):
            yield (
                f"{said.day} {said.slug}: the status page says {said.state} ({said.code}), which"
                f" was not judged"
            )


def judge_alerts(record: Record) -> Iterator[str]:
    """Check that there is at most one message a day, no repetition, and only about what was red."""
    days = Counter(alert["sent"][:10] for alert in record.alerts)
    yield from (f"{day}: {number} alerts in a day" for day, number in days.items() if number > 1)
    told: dict[str, tuple[str, str]] = {}
    for alert in record.alerts:
        for row in alert["faults"]:
            fault = (row["reason"]["code"], row["reason"]["what"])
            if told.get(row["agency"]) == fault:
                yield f"{alert['sent'][:10]} {row['agency']}: told of {fault[0]} twice"
            told[row["agency"]] = fault
        for row in (*alert["recoveries"], *alert["passed"]):
            told.pop(row["agency"], None)
    red = {said.slug for said in record.daily if said.red or said.known}
    yield from (f"{slug}: an alert, though it was never red" for slug in told.keys() - red)


def week_of(day: date) -> int:
    """The number of the week; 0 and less before the quarter.

    >>> week_of(START), week_of(START - timedelta(days=1))
    (1, 0)
    """
    return (day - START).days // 7 + 1
