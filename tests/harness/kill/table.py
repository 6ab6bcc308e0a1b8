"""Formats the kills as a table."""

from __future__ import annotations

from rich.table import Table

from tests.harness.kill.run import Run


def to_table(run: Run, seed: int, seconds: float) -> Table:
    """Format a line per mode, then the checks."""
    kills = sum(score.kills for score in run.scores.values())
    table = Table(
        *("", "kills", "requests", "in flight", "most at once", "seconds"),
        title=f"{kills} kills, seed {seed}, {seconds:.0f} s",
        title_justify="left",
    )
    for column in table.columns[1:]:
        column.justify = "right"
    for mode, score in run.scores.items():
        table.add_row(
            *(
                mode,
                str(score.kills),
                str(score.asked),
                str(score.in_flight),
                str(score.most),
                f"{score.seconds:.0f}",
            )
        )
    return table


def to_checks(run: Run) -> Table:
    """Format how often each promise was checked, and how often it was broken."""
    missed = [miss.partition(": ")[0] if miss not in run.checks else miss for miss in run.misses]
    table = Table("held true", "looked at", "missed")
    for column in table.columns[1:]:
        column.justify = "right"
    for what, number in run.checks.items():
        failed = sum(miss.startswith(f"{what}: ") for miss in run.misses)
        table.add_row(what, str(number), str(failed or "·"), style="red" if failed else None)
    return table if missed or run.checks else Table()
