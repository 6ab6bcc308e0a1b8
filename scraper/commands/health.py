"""scrapy health: judges every agency by what came in, prints the table, and keeps known faults quiet."""

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
from archive.health import acknowledge, is_fault, is_red, read_all
from archive.health.report import ORDER, say_reason, say_state
from archive.store import Archive
from scraper.agency import Agency, choose_agencies, load_agencies
from scraper.command import OptionsCommand, list_of
from scraper.extensions.crawl_stats import judge_listed

NARROW = 140  # columns of a table that nobody sees on a terminal


class Command(OptionsCommand):
    """Exit code 0: no fault that is not acknowledged, 1: some, 2: wrongly configured."""

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

    def do(self, settings: Settings, opts: argparse.Namespace) -> int:
        file, path = list_of(settings), Path(settings["ARCHIVE"])
        agencies = load_agencies(file)
        known = choose_agencies(agencies, [slug for text in opts.acknowledge for slug in text.split(",")], file)
        rows, told = judge_file(path, agencies, known if opts.acknowledge else {})
        console = Console()
        if not console.is_terminal:
            console = Console(width=NARROW)
        console.print(to_table(rows, path))
        for line in told:
            console.print(line)
        return 1 if any(map(is_red, rows)) else 0


def judge_file(
    path: Path, agencies: Mapping[str, Agency], known: Mapping[str, Agency]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Every agency's row of health, trouble first, and a line for each acknowledgement; ArchiveError without a file."""
    if not path.is_file():
        raise ArchiveError(path, "no such file")
    told = []
    with Archive(path) as archive:
        judge_listed(archive, agencies, now())
        with archive.transaction():
            for slug in known:
                done = acknowledge(archive.db, slug, now())
                told.append(f"{slug}: {'acknowledged until it changes' if done else 'has no fault to acknowledge'}")
        return sorted(read_all(archive.db), key=rank), told


def rank(row: Mapping[str, Any]) -> tuple[bool, bool, int, str]:
    """Unknown faults first, then known ones, then the others."""
    fault = is_fault(row["state"], row["reason"]["code"])
    return not is_red(row), not fault, ORDER.index(row["state"]), row["agency"]


def to_table(rows: list[dict[str, Any]], path: Path) -> Table:
    """Agency, state, since when, newest release, releases held, and why."""
    red = sum(map(is_red, rows))
    table = Table("agency", "state", "since", "newest", "held", "why", title=f"{path}: {red} new faults of {len(rows)}")
    table.title_justify, table.columns[4].justify = "left", "right"
    for row in rows:
        fault = is_fault(row["state"], row["reason"]["code"])
        state = say_state("en", row["state"]) + (" (known)" if row["acknowledged"] else "")
        cells = (row["agency"], state, row["since"][:10], row["newest"] or "", str(row["facts"]["held"]))
        style = "red" if is_red(row) else "yellow" if fault else None
        table.add_row(*map(Text, cells), Text(say_reason("en", row["reason"])), style=style)
    return table
