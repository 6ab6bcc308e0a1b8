"""scrapy health: judges every agency by what came in, prints a table, and acknowledges known faults."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from rich.console import Console
from rich.table import Table
from rich.text import Text
from scrapy.settings import Settings

from archive.database import ArchiveError
from archive.dates import now
from archive.health import acknowledge_fault, is_fault, is_unacknowledged_fault, read_health_rows
from archive.health.report import STATE_ORDER, format_health_reason, format_health_state
from archive.store import Archive
from scraper.agency import Agency, load_agencies, select_agencies
from scraper.command import OptionsCommand, find_agencies_file
from scraper.extensions.crawl_stats import assess_declared_agencies

NON_TERMINAL_WIDTH = 140  # columns of a table that is not printed on a terminal


class Command(OptionsCommand):
    """Exit code 0: no unacknowledged fault; 1: at least one; 2: wrongly configured."""

    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    def short_desc(self) -> str:
        return "Judge every agency by what came in; exit code 1 where a fault is new"

    def long_desc(self) -> str:
        return (
            "Judge every agency of the list by what came in, against its own habit, and print the table, trouble first."
            " The rules stand in archive/health/__init__.py. Exit code 0: no fault that is not acknowledged, 1: some,"
            " 2: wrongly configured."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "--acknowledge",
            metavar="SLUG",
            action="append",
            default=[],
            help="keep a known fault of an agency quiet until its state or reason change; may be given several times",
        )

    def execute(self, settings: Settings, opts: argparse.Namespace) -> int:
        file, path = find_agencies_file(settings), Path(settings["ARCHIVE"])
        agencies = load_agencies(file)
        acknowledged = select_agencies(agencies, [slug for text in opts.acknowledge for slug in text.split(",")], file)
        rows, messages = judge_archive(path, agencies, acknowledged if opts.acknowledge else {})
        console = Console()
        if not console.is_terminal:
            console = Console(width=NON_TERMINAL_WIDTH)
        console.print(build_health_table(rows, path))
        for message in messages:
            console.print(message)
        return 1 if any(map(is_unacknowledged_fault, rows)) else 0


def judge_archive(
    archive_path: Path, agencies: Mapping[str, Agency], acknowledged: Mapping[str, Agency]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Judge every agency; return the rows of health, faults first, and a message for each acknowledgement.

    Raises ArchiveError if there is no archive.
    """
    if not archive_path.is_file():
        raise ArchiveError(archive_path, "no such file")
    messages = []
    with Archive(archive_path) as archive:
        assess_declared_agencies(archive, agencies, now())
        with archive.transaction():
            for slug in acknowledged:
                done = acknowledge_fault(archive.db, slug, now())
                messages.append(f"{slug}: {'acknowledged until it changes' if done else 'has no fault to acknowledge'}")
        return sorted(read_health_rows(archive.db), key=severity_rank), messages


def severity_rank(row: Mapping[str, Any]) -> tuple[bool, bool, int, str]:
    """Return a sort key: unacknowledged faults first, then acknowledged ones, then the other agencies."""
    fault = is_fault(row["state"], row["reason"]["code"])
    return not is_unacknowledged_fault(row), not fault, STATE_ORDER.index(row["state"]), row["agency"]


def build_health_table(rows: list[dict[str, Any]], archive_path: Path) -> Table:
    """Return the table that the command prints."""
    faults = sum(map(is_unacknowledged_fault, rows))
    table = Table(
        "agency", "state", "since", "newest", "held", "why", title=f"{archive_path}: {faults} new faults of {len(rows)}"
    )
    table.title_justify, table.columns[4].justify = "left", "right"
    for row in rows:
        fault = is_fault(row["state"], row["reason"]["code"])
        state = format_health_state("en", row["state"]) + (" (known)" if row["acknowledged"] else "")
        cells = (row["agency"], state, row["since"][:10], row["newest"] or "", str(row["facts"]["stored"]))
        style = "red" if is_unacknowledged_fault(row) else "yellow" if fault else None
        table.add_row(*map(Text, cells), Text(format_health_reason("en", row["reason"])), style=style)
    return table
