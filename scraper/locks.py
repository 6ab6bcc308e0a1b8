"""Which agencies a process works on: none that another works on already, and none that is not in the list."""

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
    """An open lock file beside the archive, and the slugs that are ours until it is closed; the rest is told.

    One byte of one file an agency: POSIX record locks, which end with the process, however it ends.
    """
    lock = open_lock_file(archive_path)
    return lock, {slug for slug in slugs if lock_agency(lock, slug)}


def open_lock_file(archive_path: Path) -> TextIO:
    """The lock file, nothing of it taken; closing any such file lets go of all that this process has taken."""
    return archive_path.with_suffix(".lock").open("a")


def lock_agency(lock: TextIO, slug: str) -> bool:
    """Whether an agency is ours now; told where it is not."""
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, zlib.crc32(slug.encode()))
    except BlockingIOError:
        logger.warning("%s is being crawled already: left out", slug)
        return False
    return True


def unlock_agency(lock: TextIO, slug: str) -> None:
    """An agency is another's to take."""
    fcntl.lockf(lock, fcntl.LOCK_UN, 1, zlib.crc32(slug.encode()))


def warn_about_unlisted(archive: Archive, agencies: Container[str]) -> None:
    """Name the agencies that an archive holds releases of, but that are on no list, so that nobody looks at them."""
    rows = archive.db.execute("select agency, count(*) from releases group by agency order by agency")
    left = {slug: number for slug, number in rows if slug not in agencies}
    if left:
        logger.warning(
            "%d releases of %d agencies that are not in the list are left out: %s",
            sum(left.values()),
            len(left),
            ", ".join(left),
        )
