"""Runs a round: locks it, runs its commands, and completes it (health, manifest, alerts)."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any, Self

from archive.database.captures import Captures
from archive.evidence.manifest import write_manifest
from archive.evidence.verification import open_archive
from archive.health.rules import is_unacknowledged_fault, read_health_rows
from archive.store.releases import Archive
from archive.times import now, to_iso
from scraper.agency import Agency
from scraper.crawl.alerts import AlertSettings, send_alerts
from scraper.crawl.crawl_stats import assess_declared_agencies

ROUND_SPIDERS = ("news", "revisit")
MAX_ROUND_DURATION = timedelta(hours=6)  # a round that takes longer counts as hung


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundResult:
    health_counts: dict[str, int]  # health state → number of agencies
    unacknowledged: int  # number of agencies with an unacknowledged fault
    interrupted: int  # number of agencies' passes that did not finish
    alerts_sent: bool  # whether all alerts were delivered

    @property
    def is_ok(self) -> bool:
        """Return whether the round needs no action from an operator."""
        return self.alerts_sent and not self.unacknowledged and not self.interrupted

    def __str__(self) -> str:
        states = (
            ", ".join(f"{number} {state}" for state, number in self.health_counts.items())
            or "no agency"
        )
        parts = [states, f"{self.unacknowledged} with a fault that is not acknowledged"]
        if self.interrupted:
            parts.append(f"{self.interrupted} passes of agencies were interrupted")
        if not self.alerts_sent:
            parts.append("some alerts were not delivered")
        return "; ".join(parts)


def read_last_crawl_id(archive_path: Path) -> int:
    """Return the id of the newest row in the crawls table, or 0 if there is no archive yet."""
    if not archive_path.is_file():
        return 0
    # the crawls compute derived data again; a worker's copy has too few rows for any
    with Archive(archive_path, rebuild_stale=False) as archive:
        return int(archive.db.execute("select coalesce(max(id), 0) from crawls").fetchone()[0])


def has_recent_crawl(archive_path: Path, hours: float) -> bool:
    """Return whether a news or revisit crawl ended within the last `hours` hours.

    Raises ArchiveError if there is no archive.
    """
    with closing(open_archive(archive_path)) as db:
        # later times are those of a wrong clock
        (last,) = db.execute(
            "select max(finished) from crawls where spider in"
            " ('news', 'revisit') and finished <= ?",
            [to_iso(now())],
        ).fetchone()
    return bool(last) and now() - datetime.fromisoformat(last) <= timedelta(hours=hours)


def close_round(
    archive_path: Path,
    agencies: Mapping[str, Agency],
    alert_settings: AlertSettings,
    previous_crawl_id: int,
) -> RoundResult:
    """Assess every agency's health, write the day's manifest if it is missing, and send alerts.

    previous_crawl_id: the id of the newest row in the crawls table before the round.
    """
    with Archive(archive_path) as archive, Captures(archive_path) as captures:
        assess_declared_agencies(archive, agencies, now())
        write_manifest(archive.db.conn, captures, now().date())
        rows = read_health_rows(archive.db)
        # Other spiders do not count, because another process may be running an audit.
        (interrupted,) = archive.db.execute(
            """
            select count(*) from crawls where id > ? and spider in ('news', 'revisit')
            and (finished is null or reason not in ('finished', 'shutdown'))
            """,
            [previous_crawl_id],
        ).fetchone()
        return RoundResult(
            health_counts=dict(Counter(row["state"] for row in rows).most_common()),
            unacknowledged=sum(map(is_unacknowledged_fault, rows)),
            interrupted=interrupted,
            alerts_sent=send_alerts(archive, alert_settings, now()),
        )


class CommandRunner:
    """Context manager that runs commands one at a time, and stops them on SIGTERM or SIGINT.

    A signal stops the running command and prevents all later ones. Each command is a process in its
    own group, so that Ctrl-C reaches the command only once, through this class: a second signal
    would make Scrapy drop the requests that it has sent.
    """

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self.stop_event = threading.Event()
        self.previous_handlers: dict[signal.Signals, Any] = {}

    @property
    def stop_requested(self) -> bool:
        return self.stop_event.is_set()

    def __enter__(self) -> Self:
        self.previous_handlers = {
            number: signal.signal(number, self.handle_signal)
            for number in (signal.SIGTERM, signal.SIGINT)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.previous_handlers.items():
            signal.signal(number, handler)

    def handle_signal(self, signum: int, frame: FrameType | None) -> None:
        """Stop the running command.

        A second signal is also passed on to the command. It makes Scrapy stop at once.
        """
        self.stop_event.set()
        if self.child and self.child.poll() is None:
            self.child.terminate()

    def run_scrapy(self, *arguments: str) -> int:
        """Run a Scrapy command and return its exit code.

        The exit code is negative if a signal ended the command.
        """
        return self.run_command([sys.executable, "-m", "scrapy", *arguments])

    def run_command(self, command: Sequence[str]) -> int:
        """Run a command and return its exit code.

        If a stop has been requested, the command is not run, and 0 is returned.
        """
        if self.stop_requested:
            return 0
        with subprocess.Popen(command, process_group=0) as self.child:  # noqa: S603 - our own commands
            if self.stop_requested:  # the signal arrived while the process was starting
                self.child.terminate()
            return self.child.wait()

    def wait(self, seconds: float) -> None:
        self.stop_event.wait(max(0.0, seconds))
