"""Prints how a harness goes on, and its tables and misses at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table


class Stopwatch:
    """Tells on standard error what was done after how many seconds."""

    def __init__(self) -> None:
        self.begun, self.console = time.monotonic(), Console(stderr=True)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun

    def tell(self, what: str) -> None:
        self.console.print(f"{self.seconds:5.0f} s: {what}", highlight=False)


def make_table(*heads: str, title: str | None = None, left: Sequence[int] = (0,)) -> Table:
    """Return an empty table whose columns are justified right, but for some."""
    table = Table(*heads, title=title, title_justify="left")
    for place, column in enumerate(table.columns):
        column.justify = "left" if place % len(heads) in left else "right"
    return table


def print_tables(*tables: Table, misses: Sequence[str], width: int) -> int:
    """Print tables and a line for each miss; return 1 if there are any, as the exit code."""
    for table in tables:
        Console(width=width).print(table)
    for miss in misses:  # not by the console, which would wrap it
        sys.stdout.write(f"{miss}\n")
    return 1 if misses else 0
