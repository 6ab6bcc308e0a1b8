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
from archive.dates import now, to_text
from archive.evidence.manifest import write_manifest
from archive.evidence.verify import open_archive
from archive.health import is_red, read_all
from archive.store import Archive
from scraper.agency import Agency
from scraper.alerts import Ways, tell_operators
from scraper.extensions.crawl_stats import judge_listed

LONG = timedelta(hours=6)  # a round that has gone on for longer hangs
BROKEN = """
    select count(*) from crawls where id > ? and spider in ('news', 'revisit')
    and (finished is null or reason not in ('finished', 'shutdown'))
"""  # another process's audit may go on meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """What a round came to."""

    states: dict[str, int]  # state of health → agencies
    red: int  # agencies in a fault that nobody has acknowledged
    broken: int  # passes of agencies that broke off
    told: bool  # whether the operators were told all there is to tell

    @property
    def well(self) -> bool:
        """Whether nothing needs an operator."""
        return self.told and not self.red and not self.broken

    def __str__(self) -> str:
        states = ", ".join(f"{number} {state}" for state, number in self.states.items()) or "no agency"
        broken = f"; {self.broken} passes of agencies broke off" if self.broken else ""
        return f"{states}; {self.red} in a fault not acknowledged{broken}{'' if self.told else '; alerts undelivered'}"


def hold_round(archive: Path) -> TextIO | datetime:
    """The lock of a round, ours until it is closed or the process ends; or since when another round has it.

    ArchiveError where there can be no lock beside the archive.
    """
    path = archive.with_suffix(".round.lock")
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
    lock.write(f"{to_text(now())}\n")
    lock.flush()
    return lock


def last_crawl(archive: Path) -> int:
    """The newest row of crawls; 0 where there is no archive yet."""
    if not archive.is_file():
        return 0
    with Archive(archive) as opened:
        return int(opened.db.execute("select coalesce(max(id), 0) from crawls").fetchone()[0])


def close_round(archive: Path, listed: Mapping[str, Agency], ways: Ways, after: int) -> Closed:
    """Judge every agency, write the day's manifest where no pass came to it, and tell the operators.

    after: the newest row of crawls before the round.
    """
    with Archive(archive) as opened, Captures(archive) as captures:
        judge_listed(opened, listed, now())
        write_manifest(opened.db.conn, captures, now().date())
        rows = read_all(opened.db)
        (broken,) = opened.db.execute(BROKEN, [after]).fetchone()
        return Closed(
            states=dict(Counter(row["state"] for row in rows).most_common()),
            red=sum(map(is_red, rows)),
            broken=broken,
            told=tell_operators(opened, ways, now()),
        )


def is_fresh(archive: Path, hours: float) -> bool:
    """Whether a crawl has ended within the last hours; ArchiveError where there is no archive."""
    with closing(open_archive(archive)) as db:
        (last,) = db.execute("select max(finished) from crawls").fetchone()
    return bool(last) and now() - datetime.fromisoformat(last) <= timedelta(hours=hours)


SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Running:
    """While it is entered, SIGTERM and SIGINT stop what runs, and nothing further is begun.

    Each command is a process in a group of its own, so that Ctrl-C reaches it once, through us: told twice,
    Scrapy would break off what is on its way.
    """

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self.told = threading.Event()
        self.handlers: dict[signal.Signals, Any] = {}

    @property
    def stopped(self) -> bool:
        """Whether we were told to stop."""
        return self.told.is_set()

    def __enter__(self) -> Self:
        self.handlers = {number: signal.signal(number, self.stop) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.handlers.items():
            signal.signal(number, handler)

    def stop(self, signum: int, frame: FrameType | None) -> None:
        """What a signal does; a second one is handed on as well, and Scrapy then hurries."""
        self.told.set()
        if self.child and self.child.poll() is None:
            self.child.terminate()

    def scrapy(self, *arguments: str) -> int:
        """One of Scrapy's commands to its end; its exit code, or less than 0 where a signal ended it."""
        return self.run([sys.executable, "-m", "scrapy", *arguments])

    def run(self, command: Sequence[str]) -> int:
        """The same of any command. Nothing is begun once we were told to stop: 0."""
        if self.stopped:
            return 0
        with subprocess.Popen(command, process_group=0) as self.child:  # noqa: S603 - our own commands
            if self.stopped:  # told while it was being started
                self.child.terminate()
            return self.child.wait()

    def wait(self, seconds: float) -> None:
        """Until then, or until we are told to stop."""
        self.told.wait(max(0.0, seconds))
