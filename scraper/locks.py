"""Keeps two processes from working on the same agency's releases at once."""

from __future__ import annotations

import fcntl
import logging
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

logger = logging.getLogger(__name__)


def lock_agencies(archive: Path, slugs: Iterable[str]) -> tuple[TextIO, set[str]]:
    """An open lock file beside the archive, and the slugs that are ours until it is closed; the rest is told.

    One byte of one file an agency: POSIX record locks, which end with the process, however it ends.
    """
    lock, ours = archive.with_suffix(".lock").open("a"), set()
    for slug in slugs:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, zlib.crc32(slug.encode()))
        except BlockingIOError:
            logger.warning("%s is being crawled already: left out", slug)
        else:
            ours.add(slug)
    return lock, ours
