"""One whole round: passes one after another, clean stop, closing checks, manifest, alerts.

What a round is beside its passes: one at a time, and at its end health, manifest and alerts.

Runs commands of ours one after another, and stops cleanly: a signal is handed on to the one that runs.
"""

from __future__ import annotations

import fcntl
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
from typing import Any, Self, TextIO

from archive.captures import Captures
from archive.database import ArchiveError
from archive.dates import now, to_iso
from archive.evidence.manifest import write_manifest
from archive.evidence.verify import open_archive
from archive.health import is_unacknowledged_fault, read_health_rows
from archive.store import Archive
from scraper.agency import Agency
from scraper.alerts import AlertSettings, send_alerts
from scraper.extensions.crawl_stats import judge_declared_agencies

MAX_ROUND_DURATION = timedelta(hours=6)  # a round that has gone on for longer hangs
COUNT_INTERRUPTED_SQL = """
    select count(*) from crawls where id > ? and spider in ('news', 'revisit')
    and (finished is null or reason not in ('finished', 'shutdown'))
"""  # another process's audit may go on meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundResult:
    """What a round came to."""

    health_counts: dict[str, int]  # state of health → agencies
    unacknowledged: int  # agencies in a fault that nobody has acknowledged
    interrupted: int  # passes of agencies that broke off
    alerts_sent: bool  # whether the operators were told all there is to tell

    @property
    def is_ok(self) -> bool:
        """Whether nothing needs an operator."""
        return self.alerts_sent and not self.unacknowledged and not self.interrupted

    def __str__(self) -> str:
        states = ", ".join(f"{number} {state}" for state, number in self.health_counts.items()) or "no agency"
        broken = f"; {self.interrupted} passes of agencies broke off" if self.interrupted else ""
        return f"{states}; {self.unacknowledged} in a fault not acknowledged{broken}{'' if self.alerts_sent else '; alerts undelivered'}"


def lock_round(archive_path: Path) -> TextIO | datetime:
    """The lock of a round, ours until it is closed or the process ends; or since when another round has it.

    ArchiveError where there can be no lock beside the archive.
    """
    path = archive_path.with_suffix(".round.lock")
    try:
        lock = path.open("a+")
    except OSError as error:
        missing = None if path.parent.is_dir() else f"there is no folder {path.parent}"
        raise ArchiveError(path, missing or f"cannot be locked: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with lock:
            lock.seek(0)
            since = lock.read().strip()
        return datetime.fromisoformat(since) if since else now()  # it is about to write
    lock.truncate(0)
    lock.write(f"{to_iso(now())}\n")
    lock.flush()
    return lock


def read_last_crawl_id(archive_path: Path) -> int:
    """The newest row of crawls; 0 where there is no archive yet."""
    if not archive_path.is_file():
        return 0
    with Archive(archive_path) as opened:
        return int(opened.db.execute("select coalesce(max(id), 0) from crawls").fetchone()[0])


def close_round(
    archive_path: Path, agencies: Mapping[str, Agency], alert_settings: AlertSettings, previous_crawl_id: int
) -> RoundResult:
    """Judge every agency, write the day's manifest where no pass came to it, and tell the operators.

    after: the newest row of crawls before the round.
    """
    with Archive(archive_path) as opened, Captures(archive_path) as captures:
        judge_declared_agencies(opened, agencies, now())
        write_manifest(opened.db.conn, captures, now().date())
        rows = read_health_rows(opened.db)
        (broken,) = opened.db.execute(COUNT_INTERRUPTED_SQL, [previous_crawl_id]).fetchone()
        return RoundResult(
            health_counts=dict(Counter(row["state"] for row in rows).most_common()),
            unacknowledged=sum(map(is_unacknowledged_fault, rows)),
            interrupted=broken,
            alerts_sent=send_alerts(opened, alert_settings, now()),
        )


def has_recent_crawl(archive_path: Path, hours: float) -> bool:
    """Whether a crawl has ended within the last hours; ArchiveError where there is no archive."""
    with closing(open_archive(archive_path)) as db:
        (last,) = db.execute("select max(finished) from crawls").fetchone()
    return bool(last) and now() - datetime.fromisoformat(last) <= timedelta(hours=hours)


STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class CommandRunner:
    """While it is entered, SIGTERM and SIGINT stop what runs, and nothing further is begun.

    Each command is a process in a group of its own, so that Ctrl-C reaches it once, through us: told twice,
    Scrapy would break off what is on its way.
    """

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self.stop_event = threading.Event()
        self.previous_handlers: dict[signal.Signals, Any] = {}

    @property
    def stop_requested(self) -> bool:
        """Whether we were told to stop."""
        return self.stop_event.is_set()

    def __enter__(self) -> Self:
        self.previous_handlers = {number: signal.signal(number, self.handle_signal) for number in STOP_SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.previous_handlers.items():
            signal.signal(number, handler)

    def handle_signal(self, signum: int, frame: FrameType | None) -> None:
        """What a signal does; a second one is handed on as well, and Scrapy then hurries."""
        self.stop_event.set()
        if self.child and self.child.poll() is None:
            self.child.terminate()

    def run_scrapy(self, *arguments: str) -> int:
        """One of Scrapy's commands to its end; its exit code, or less than 0 where a signal ended it."""
        return self.run_command([sys.executable, "-m", "scrapy", *arguments])

    def run_command(self, command: Sequence[str]) -> int:
        """The same of any command. Nothing is begun once we were told to stop: 0."""
        if self.stop_requested:
            return 0
        with subprocess.Popen(command, process_group=0) as self.child:  # noqa: S603 - our own commands
            if self.stop_requested:  # told while it was being started
                self.child.terminate()
            return self.child.wait()

    def wait(self, seconds: float) -> None:
        """Until then, or until we are told to stop."""
        self.stop_event.wait(max(0.0, seconds))
