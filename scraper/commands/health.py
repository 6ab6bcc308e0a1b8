"""scrapy health: assesses every agency from its crawls, and acknowledges known faults."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

from archive.database.sqlite_files import (
    build_connection_runner,
    check_database,
    run_without_waiting,
)
from archive.health.health_report import AgencyHealth, print_health, read_agency_health
from archive.health.rules import acknowledge_fault
from archive.store.releases import Archive
from archive.times import now
from scraper.agency import Agency
from scraper.crawl.crawl_stats import assess_declared_agencies
from scraper.project_command import ProjectCommand, option


class Command(ProjectCommand):
    """Assess the health of every agency from its crawls.

    Each agency is compared with its own past, by the rules in archive/health/rules.py. Exit code 0:
    no fault, or only acknowledged ones; 1: a fault that is not acknowledged; 2: the configuration
    is wrong.
    """

    options = (
        option(
            "--acknowledge",
            metavar="SLUG",
            action="append",
            default=[],
            help=(
                "ignore a known fault of an agency until its state or reason changes; may be"
                " given several times"
            ),
        ),
    )

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        acknowledged = (
            self.select_agencies(
                [slug.strip() for text in opts.acknowledge for slug in text.split(",")]
            )
            if opts.acknowledge
            else ()
        )
        rows, messages = judge_archive(self.archive_path, self.load_agencies(), acknowledged)
        print_health(rows, str(self.archive_path), messages)
        return 1 if any(row["is_unacknowledged"] for row in rows) else 0


def judge_archive(
    archive_path: Path, agencies: Mapping[str, Agency], acknowledged: Iterable[str]
) -> tuple[list[AgencyHealth], list[str]]:
    """Assess every agency, and acknowledge faults.

    Returns the health of each agency, faults first, and a message for each slug in `acknowledged`.
    Raises ArchiveError if there is no archive.

    acknowledged: slugs of agencies with faults to acknowledge.
    """
    check_database(archive_path)
    messages = []
    with Archive(archive_path) as archive:
        assess_declared_agencies(archive, agencies, now())
        with archive.transaction():
            for slug in acknowledged:
                done = acknowledge_fault(archive.db, slug, now())
                outcome = "acknowledged until it changes" if done else "has no fault to acknowledge"
                messages.append(f"{slug}: {outcome}")
        run = build_connection_runner(archive.db.conn)
        rows = run_without_waiting(read_agency_health(run, "en"))
        return [row for row in rows if row["judged"]], messages
