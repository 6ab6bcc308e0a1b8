"""Shows how far a command is: a bar on a terminal, lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from archive.database import ProgressCallback

PROGRESS_INTERVAL = 30  # seconds between the lines of a log


@contextmanager
def show_progress() -> Iterator[ProgressCallback]:
    """Yield a progress callback. On a terminal, it shows a bar, else a line every PROGRESS_INTERVAL seconds."""
    from rich.console import Console  # noqa: PLC0415 - commands without progress start faster
    from rich.progress import Progress, TaskID  # noqa: PLC0415

    console, shown_at = Console(stderr=True), time.monotonic()
    with Progress(
        console=console, transient=True, disable=not console.is_terminal, redirect_stdout=sys.stdout.isatty()
    ) as progress:
        bars: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            nonlocal shown_at
            if not console.is_terminal and time.monotonic() >= shown_at + PROGRESS_INTERVAL:
                shown_at = time.monotonic()
                click.echo(f"{what}: {done / max(total, 1):.0%}", err=True)
            if what not in bars:
                bars[what] = progress.add_task(what, total=total)
            progress.update(bars[what], completed=done)

        yield report
