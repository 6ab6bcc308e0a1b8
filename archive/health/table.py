"""Prints the health of agencies as a table on a terminal: `myndighetsarkivet status` and `scrapy health`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from archive.health.report import AgencyHealth

NON_TERMINAL_WIDTH = 140  # columns of a table that is not printed on a terminal


def print_health(rows: Sequence[AgencyHealth], name: str, notes: Sequence[str] = ()) -> None:
    """Print a row for each agency, in the order of `rows`, and the notes below. name: of the archive, for the title."""
    faults = sum(row["is_unacknowledged"] for row in rows)
    table = Table(
        *("agency", "state", "since", "newest", "read", "stored", "why"),
        title=f"{name}: {faults} new faults in {len(rows)} agencies",
    )
    table.title_justify, table.columns[5].justify = "left", "right"
    for row in rows:
        state = row["state"] + (" (known)" if row["is_fault"] and row["acknowledged"] else "")
        days = (row["since"], row["newest"], row["facts"].get("worked"))
        cells = (row["agency"], state, *((day or "")[:10] for day in days), str(row["facts"].get("stored", "")))
        style = "red" if row["is_unacknowledged"] else "yellow" if row["is_fault"] else None
        table.add_row(*map(Text, cells), Text(row["reason_text"]), style=style)
    console = Console()
    if not console.is_terminal:
        console = Console(width=NON_TERMINAL_WIDTH)
    console.print(table)
    for note in notes:
        console.print(Text(note))
