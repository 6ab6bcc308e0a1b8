"""Locks on agencies, so that two processes never crawl the same agency.

Each agency has one byte of a lock file beside the archive: a POSIX record lock, which is released however the
process ends.
"""

from __future__ import annotations

import fcntl
import logging
import zlib
from collections.abc import Container, Iterable
from pathlib import Path
from typing import TextIO

from archive.store import Archive

logger = logging.getLogger(__name__)


def lock_agencies(archive_path: Path, slugs: Iterable[str]) -> tuple[TextIO, set[str]]:
    """Lock agencies; return the open lock file and the slugs that are locked until it is closed.

    Agencies that another process is crawling are logged.
    """
    lock = open_lock_file(archive_path)
    return lock, {slug for slug in slugs if lock_agency(lock, slug)}


def open_lock_file(archive_path: Path) -> TextIO:
    """Open the lock file.

    Closing it releases every lock of this process, even those of other file objects.
    """
    return archive_path.with_suffix(".lock").open("a")


def lock_agency(lock: TextIO, slug: str) -> bool:
    """Lock an agency; log it and return False if another process is crawling it."""
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, zlib.crc32(slug.encode()))
    except BlockingIOError:
        logger.warning("%s is already being crawled, and is skipped", slug)
        return False
    return True


def unlock_agency(lock: TextIO, slug: str) -> None:
    fcntl.lockf(lock, fcntl.LOCK_UN, 1, zlib.crc32(slug.encode()))


def warn_about_unlisted(archive: Archive, agencies: Container[str]) -> None:
    """Log the agencies with releases in the archive that are skipped because they are not listed."""
    rows = archive.db.execute("select agency, count(*) from releases group by agency order by agency")
    unlisted = {slug: number for slug, number in rows if slug not in agencies}
    if unlisted:
        total, names = sum(unlisted.values()), ", ".join(unlisted)
        logger.warning(
            "%d releases of %d agencies that are not in the list are skipped: %s", total, len(unlisted), names
        )
