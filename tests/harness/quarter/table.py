"""Formats the quarter as tables: states by week, faults with the days until they were found, and
sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from rich.table import Table

from tests.harness.quarter.judge import Verdict
from tests.harness.quarter.record import Record, Said
from tests.harness.quarter.script import START, Part

SHORT = {"healthy": "ok", "never worked": "never"}


def to_weeks(record: Record, parts: Sequence[Part], title: str) -> Table:
    """Format the status page of each Sunday: capitals for red, brackets for acknowledged faults."""
    table = Table("", title=title, title_justify="left")
    for number in range(1, len(record.weekly) + 1):
        table.add_column(f"{START + timedelta(weeks=number, days=-1):%d/%m}")
    for part in parts:
        row = [week[part.slug] for week in record.weekly]
        table.add_row(part.name, *map(to_cell, row))
    return table


def to_cell(said: Said) -> str:
    """Abbreviate a state."""
    word = SHORT.get(said.state, said.state)
    return f"[red]{word.upper()}[/]" if said.red else f"({word})" if said.known else word


def to_faults(verdict: Verdict, parts: Sequence[Part]) -> Table:
    """Format when each fault began, turned red, and was reported last."""
    names = {part.slug: part.name for part in parts}
    table = Table(
        "fault", "agency", "began", "red", "days", "allowed", "ended", "last told", "reason"
    )
    for found in verdict.found:
        trouble = found.trouble
        late = found.days is None or found.days > trouble.within
        table.add_row(
            trouble.kind,
            names[trouble.slug],
            f"{trouble.begins}",
            f"{found.red or 'never'}",
            "" if found.days is None else str(found.days),
            str(trouble.within),
            f"{trouble.ends or ''}",
            f"{found.last or ''}",
            found.code,
            style="red" if late else None,
        )
    return table


def to_sentences(record: Record, parts: Sequence[Part]) -> Iterator[str]:
    """Format, by agency, the sentence of each week in which state or reason changed."""
    for part in parts:
        yield f"{part.name} ({part.slug})"
        before = None
        for number, week in enumerate(record.weekly, start=1):
            said = week[part.slug]
            if (said.state, said.code, said.red) != before:
                yield (
                    f"  week {number:>2}  {said.state}"
                    f"{' (known)' if said.known else ''}: {said.why}"
                )
            before = (said.state, said.code, said.red)


def to_summary(record: Record, verdict: Verdict) -> str:
    """Format false alarms and the number of alerts."""
    well = {said.slug for said in record.daily} - {found.trouble.slug for found in verdict.found}
    alerts, days = len(record.alerts), len({alert["sent"][:10] for alert in record.alerts})
    false = len({said.slug for said in verdict.false})
    return (
        f"{len(record.daily)} judgements of {len(well)} agencies without a fault and"
        f" {len(verdict.found)} faults; agencies red without a fault: {false}; {alerts} alerts"
        f" on {days} days"
    )
