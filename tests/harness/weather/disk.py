"""Conditions of the archive itself: a full disk, a read-only archive, and one locked by another
process.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.scraper.crawling import Crawling
from tests.site.server import Site

RELEASES = 24
ROOM = 400 * 1024  # bytes that are left on the disk
HALF = "skogsbruksradet,farledsverket"  # agencies that are crawled before the fault
PATIENCE = 200  # seconds; a lock is waited for half a minute
SETTINGS = {"LOG_LEVEL": "INFO"}


@dataclass(frozen=True, slots=True)
class Home:
    """The result: exit code, reported error, and whether everything was stored once the fault was
    over.
    """

    name: str
    sky: str
    expected: str
    code: int
    said: str
    missed: str | None


def run_full(folder: Path) -> Home:
    """Crawl while the disk becomes full."""
    with small_disk(folder) as (disk, limit), half_crawled(folder, disk) as crawling:
        with filled(disk):
            came = run(crawling, limit)
        expected = (1, "the archive cannot be written: ")
        return judge(crawling, ("disk-full", "the disk is full"), expected, came)


def run_readonly(folder: Path) -> Home:
    """Crawl into a read-only archive."""
    disk = folder / "readonly"
    disk.mkdir()
    with half_crawled(folder, disk) as crawling:
        with readonly(disk) as is_kept:
            came = (
                crawling.finish(crawling.command(**SETTINGS))
                if is_kept
                else (2, "cannot be tried here")
            )
        expected = (2, "readonly database|Read-only file system|cannot be (tried|opened)")
        return judge(crawling, ("read-only", "the archive may only be read"), expected, came)


def run_locked(folder: Path) -> Home:
    """Crawl while another process holds a write lock from the beginning."""
    with half_crawled(folder, folder) as crawling:
        with locked(crawling.archive):
            came = crawling.finish(crawling.command(**SETTINGS))
        sky = "another process holds the archive"
        return judge(crawling, ("locked", sky), (2, "is locked"), came)


def run_locked_later(folder: Path) -> Home:
    """Crawl while another process takes a write lock in the middle."""
    with Site(releases=RELEASES, crawl_delay=0.5) as site:
        crawling = make(site, folder, folder)
        with crawling.start(**SETTINGS) as process:
            while not crawling.archive.exists() or not count(crawling):
                time.sleep(0.1)
            with locked(crawling.archive):
                printed, _ = process.communicate(timeout=PATIENCE)
        expected = (1, "the archive cannot be written: database is locked")
        sky = "another process takes hold of it"
        return judge(crawling, ("locked-later", sky), expected, (process.returncode, printed))


RUNS: tuple[Callable[[Path], Home], ...] = (run_full, run_readonly, run_locked, run_locked_later)


def make(site: Site, folder: Path, disk: Path) -> Crawling:
    """Return a crawl whose archive is on a disk of its own."""
    return Crawling(site, site.agencies_file(folder), disk / "archive.db", PATIENCE)


@contextmanager
def half_crawled(folder: Path, disk: Path) -> Iterator[Crawling]:
    """Serve a site during the block, half of whose agencies are crawled."""
    with Site(releases=RELEASES) as site:
        crawling = make(site, folder, disk)
        crawling.finish(crawling.command("news", "-a", f"agency={HALF}", **SETTINGS))
        yield crawling


def judge(
    crawling: Crawling, what: tuple[str, str], expected: tuple[int, str], came: tuple[int, str]
) -> Home:
    """Check that the error was reported, and that a later crawl stores everything and the archive
    is intact.
    """
    missed, (code, printed) = list[str](), came
    told = re.search(rf".*(?:{expected[1]}).*", printed)
    if code != expected[0]:
        missed.append(f"exit code {code} instead of {expected[0]}")
    if told is None:
        missed.append(f"nothing said /{expected[1]}/")
    if code == 2 and "Traceback" in printed:
        missed.append("a traceback")
    before = count(crawling)
    after, _ = crawling.finish(crawling.command(**SETTINGS))
    held = count(crawling)
    if (after, held) != (0, RELEASES) or crawling.rows("pragma integrity_check") != [("ok",)]:
        missed.append(f"afterwards exit code {after}, {held} held")
    said = re.sub(r"^\S+ \w+ [\w.]+: |\S*/", "", told[0])[:90] if told else printed[-90:]
    told_held = f"{said}; {before} held, then {held} of {RELEASES}"
    wanted = f"exit code {expected[0]}, told, nothing lost"
    return Home(*what, wanted, code, told_held, "; ".join(missed) or None)


def count(crawling: Crawling) -> int:
    """Return the number of stored releases; 0 if there is no table yet."""
    try:
        return int(crawling.rows("select count(*) from releases")[0][0])
    except sqlite3.OperationalError:
        return 0


def run(crawling: Crawling, limit: Sequence[str]) -> tuple[int, str]:
    """Run a crawl behind a command that limits it; return its exit code and output."""
    process = crawling.open([*limit, *crawling.command(**SETTINGS)])
    printed, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, printed


def does(*command: str) -> bool:
    """Return whether a command ends with 0."""
    return not subprocess.run(command, capture_output=True, check=False).returncode


@contextmanager
def small_disk(folder: Path) -> Iterator[tuple[Path, Sequence[str]]]:
    """Yield a disk of 8 MB if one can be mounted, or else a folder and a command that limits the
    size of a process's files.
    """
    disk = folder / "disk"
    disk.mkdir()
    if not does("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)):
        yield disk, ("prlimit", "--fsize=700000")
        return
    try:
        yield disk, ()
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Fill a small disk almost completely during the block."""
    free = os.statvfs(disk)
    filler, size = disk / "filler", free.f_bavail * free.f_frsize - ROOM
    if os.path.ismount(disk):
        filler.write_bytes(bytes(size))
    try:
        yield
    finally:
        filler.unlink(missing_ok=True)


@contextmanager
def readonly(disk: Path) -> Iterator[bool]:
    """Make a folder read-only during the block; yield False if that is not possible."""
    if os.geteuid() == 0:  # root ignores permissions
        name = str(disk)
        is_bound = does("mount", "--bind", name, name)
        try:
            yield is_bound and does("mount", "-o", "remount,ro,bind", name)
        finally:
            does("umount", name)
        return
    for path in (*disk.iterdir(), disk):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield True
    finally:
        for path in (disk, *disk.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)


@contextmanager
def locked(archive: Path) -> Iterator[None]:
    """Hold a write transaction during the block."""
    with closing(sqlite3.connect(archive, isolation_level=None, timeout=30)) as connection:
        connection.execute("begin immediate")
        yield
        connection.execute("rollback")
