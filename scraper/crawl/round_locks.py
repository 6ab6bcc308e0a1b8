"""Locks on agencies, on the round and on the writer, each held by one process at a time.

Each agency has one byte of a lock file beside the archive. The byte is locked by a POSIX record
lock, which is released even if the process is killed.
"""

from __future__ import annotations

import fcntl
import logging
import zlib
from collections.abc import Container, Iterable
from datetime import datetime
from pathlib import Path
from typing import TextIO

from archive.database.sqlite_files import ArchiveError
from archive.store.releases import Archive
from archive.times import now, to_iso

logger = logging.getLogger(__name__)


def lock_agencies(archive_path: Path, slugs: Iterable[str]) -> tuple[TextIO, set[str]]:
    """Lock agencies. Return the open lock file, and the slugs of the agencies that were locked.

    The locks last until the file is closed. If another process is crawling an agency, the agency is
    not locked, and this is logged.
    """
    lock = open_lock_file(archive_path)
    return lock, {slug for slug in slugs if lock_agency(lock, slug)}


def open_lock_file(archive_path: Path) -> TextIO:
    """Open the lock file beside an archive.

    Closing the file releases every lock of this process, even locks that other file objects hold.
    """
    return archive_path.with_suffix(".lock").open("a")


def lock_agency(lock: TextIO, slug: str) -> bool:
    """Lock an agency.

    If another process is crawling the agency, this is logged, and False is returned.
    """
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, zlib.crc32(slug.encode()))
    except BlockingIOError:
        logger.warning("%s is already being crawled, and is skipped", slug)
        return False
    return True


def unlock_agency(lock: TextIO, slug: str) -> None:
    fcntl.lockf(lock, fcntl.LOCK_UN, 1, zlib.crc32(slug.encode()))


def warn_about_unlisted(archive: Archive, agencies: Container[str]) -> None:
    """Log a warning that names the agencies that have stored releases but are not in `agencies`.

    The caller skips these agencies.
    """
    rows = archive.db.execute(
        "select agency, count(*) from releases group by agency order by agency"
    )
    unlisted = {slug: number for slug, number in rows if slug not in agencies}
    if unlisted:
        total, names = sum(unlisted.values()), ", ".join(unlisted)
        logger.warning(
            "%d releases of %d agencies that are not in the list are skipped: %s",
            total,
            len(unlisted),
            names,
        )


def lock_round(archive_path: Path) -> TextIO | datetime:
    """Lock the round, and return the lock file. The lock lasts until the file is closed.

    If another round is running, its start time is returned instead.

    Raises ArchiveError if the lock file beside the archive cannot be opened.
    """
    lock, is_locked = _lock_whole_file(archive_path.with_suffix(".round.lock"))
    if not is_locked:
        with lock:
            lock.seek(0)
            since = lock.read().strip()
        # empty if the other round has only just locked it
        return datetime.fromisoformat(since) if since else now()
    lock.truncate(0)
    lock.write(f"{to_iso(now())}\n")
    lock.flush()
    return lock


def lock_writer(archive_path: Path) -> TextIO:
    """Lock the archive against other writers until the returned file is closed.

    Raises ArchiveError if another writer is running.
    """
    lock, is_locked = _lock_whole_file(path := archive_path.with_suffix(".writer.lock"))
    if not is_locked:
        lock.close()
        raise ArchiveError(path, "another writer is running")
    return lock


def _lock_whole_file(path: Path) -> tuple[TextIO, bool]:
    """Open a file and try to lock it. Return the file, and whether the lock was obtained.

    Raises ArchiveError if the file cannot be opened.
    """
    try:
        lock = path.open("a+")
    except OSError as error:
        missing = None if path.parent.is_dir() else f"there is no folder {path.parent}"
        raise ArchiveError(path, missing or f"cannot be locked: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return lock, False
    return lock, True
