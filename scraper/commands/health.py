"""scrapy health: assesses every agency from its crawls, prints a table, and acknowledges known faults."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from archive.database import check_database
from archive.dates import now
from archive.health import acknowledge_fault, is_fault, is_unacknowledged_fault, read_health_rows
from archive.health.report import STATE_ORDER, format_health_reason
from archive.store import Archive
from scraper.agency import Agency
from scraper.command import ProjectCommand
from scraper.crawl_stats import assess_declared_agencies

NON_TERMINAL_WIDTH = 140  # columns of a table that is not printed on a terminal


class Command(ProjectCommand):
    """Assess the health of every agency from its crawls.

    Each agency is compared with its own past (rules: archive/health/__init__.py). Exit code 0: no fault, or only
    acknowledged ones; 1: a fault that is not acknowledged; 2: wrong configuration.
    """

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "--acknowledge",
            metavar="SLUG",
            action="append",
            default=[],
            help="ignore a known fault of an agency until its state or reason changes; may be given several times",
        )

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        acknowledged = (
            self.select_agencies([slug.strip() for text in opts.acknowledge for slug in text.split(",")])
            if opts.acknowledge
            else ()
        )
        rows, messages = judge_archive(self.archive_path, self.load_agencies(), acknowledged)
        console = Console()
        if not console.is_terminal:
            console = Console(width=NON_TERMINAL_WIDTH)
        console.print(build_health_table(rows, self.archive_path))
        for message in messages:
            console.print(message)
        return 1 if any(map(is_unacknowledged_fault, rows)) else 0


def judge_archive(
    archive_path: Path, agencies: Mapping[str, Agency], acknowledged: Iterable[str]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Assess every agency; return the rows of health, faults first, and a message per acknowledgement.

    acknowledged: slugs of agencies whose faults to acknowledge. Raises ArchiveError if there is no archive.
    """
    check_database(archive_path)
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
    faults = sum(map(is_unacknowledged_fault, rows))
    table = Table(
        "agency",
        "state",
        "since",
        "newest",
        "stored",
        "why",
        title=f"{archive_path}: {faults} new faults in {len(rows)} agencies",
    )
    table.title_justify, table.columns[4].justify = "left", "right"
    for row in rows:
        fault = is_fault(row["state"], row["reason"]["code"])
        state = row["state"] + (" (known)" if row["acknowledged"] else "")
        cells = (row["agency"], state, row["since"][:10], row["newest"] or "", str(row["facts"]["stored"]))
        style = "red" if is_unacknowledged_fault(row) else "yellow" if fault else None
        table.add_row(*map(Text, cells), Text(format_health_reason("en", row["reason"])), style=style)
    return table
