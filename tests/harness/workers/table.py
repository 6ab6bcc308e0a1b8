"""Formats the results for each number of workers as a table."""

from __future__ import annotations

from collections.abc import Callable

from rich.table import Table

from tests.harness.workers.run import Score

Tell = Callable[[Score, Score], str]

HEADS: dict[str, Tell] = {
    "workers": lambda score, one: str(score.workers),
    "pages/s": lambda score, one: f"{score.rate:.2f}",
    "of one's": lambda score, one: f"{score.rate / one.rate:.2f}" if one.rate else "–",
    "seconds": lambda score, one: f"{score.seconds:.0f}",
    "gap asked": lambda score, one: f"{score.asked:.2f} s",
    "as sent": lambda score, one: f"{score.kept:.3f} s",
    "five in a row": lambda score, one: f"{score.pace:.3f} s",
    "as seen": lambda score, one: f"{score.gap:.3f} s",
    "lost": lambda score, one: str(score.lost),
    "doubled": lambda score, one: str(score.doubled),
    "repeated": lambda score, one: str(score.repeated),
    "deaths": lambda score, one: ", ".join(score.deaths),
}


def to_table(scores: list[Score], agencies: int) -> Table:
    """Return a row per cluster.

    The gaps are the shortest times between two requests to one host.
    """
    table = Table(
        *HEADS, title=f"{agencies} agencies; kills are kill -9, in the middle", title_justify="left"
    )
    for column in table.columns[:-1]:
        column.justify = "right"
    for score in scores:
        table.add_row(
            *(tell(score, scores[0]) for tell in HEADS.values()),
            style="red" if score.misses else None,
        )
    return table
