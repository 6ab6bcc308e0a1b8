"""Back-up: a checked copy of an archive's files, taken while a crawl may go on.

archive.db is copied first: what it points to in captures.db and withheld.db was written there before.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

from archive.captures import CAPTURES_FILE
from archive.errors import ArchiveError
from archive.evidence.verify import Watch, verify
from archive.files import open_readonly
from archive.takedowns.withheld import WITHHELD_FILE
from archive.times import now

UNFINISHED = ".unfinished"
LITESTREAM = ("_litestream_seq", "_litestream_lock")  # tables that Litestream keeps in a file it follows
DAMAGED = ".damaged"  # a whole copy of an archive in which something was found wrong


def add_backup_options(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m archive backup`."""
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="made where it is not there yet")
    parser.add_argument(
        "--keep",
        type=to_keep,
        default=2,
        metavar="N",
        help="copies to keep; older ones are deleted (default %(default)s)",
    )


def to_keep(text: str) -> int:
    """How many copies are to be kept: the one that is being made is always one of them."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 upwards")
    return int(text)


def backup_command(options: argparse.Namespace, watch: Watch) -> int:
    """A line on the copy; 1 where what was copied does not hold together: then the older sound copies stay."""
    copy, findings = back_up(options.file, options.to, keep=options.keep, moment=now(), watch=watch)
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in sorted(copy.iterdir()))
    sys.stdout.write(f"{copy}: {sizes}; findings: {len(findings)}\n")
    return 1 if findings else 0


def back_up(
    archive: Path, folder: Path, *, keep: int, moment: datetime, watch: Watch = lambda *_: None
) -> tuple[Path, list[ArchiveError]]:
    """A folder of its own in `folder`, named after the moment, and what `verify` finds wrong in it.

    Where that is anything its name ends in `.damaged`. The newest `keep` sound copies stay, and as many damaged ones
    that are newer than those; older ones are deleted, and what a back-up that was broken off left.
    ArchiveError where there is no archive, or a file cannot be copied: of that copy nothing is left.
    """
    if not archive.is_file():
        raise ArchiveError(archive, "no such file")
    copy = folder / f"{moment:%Y-%m-%dT%H%M%S}"
    unfinished = copy.with_suffix(UNFINISHED)
    make_folder(folder, mode=0o700)
    delete_old_backups(folder, keep)  # what was broken off may take the room that this one needs
    unfinished.mkdir(mode=0o700)
    try:
        copy_file(archive, unfinished / archive.name)
        for beside in (archive.with_name(name) for name in (CAPTURES_FILE, WITHHELD_FILE)):
            if beside.is_file():
                copy_file(beside, unfinished / beside.name)
        findings = verify(unfinished / archive.name, watch=watch).findings
        copy = copy.with_suffix(DAMAGED) if findings else copy
        unfinished.rename(copy)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    delete_old_backups(folder, keep)
    return copy, findings


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Where copies go; ArchiveError where something else stands there."""
    if folder.exists() and not folder.is_dir():
        raise ArchiveError(folder, "is no folder: --to names the one that copies go into")
    folder.mkdir(parents=True, exist_ok=True, mode=mode)


def copy_file(source: Path, target: Path) -> None:
    """One state of a file, whatever is written to it meanwhile; without its free pages."""
    target.touch(mode=source.stat().st_mode & 0o777)
    try:
        with closing(open_readonly(source)) as db:
            db.execute("vacuum into ?", [str(target)])
    except sqlite3.Error as error:
        raise ArchiveError(source, f"cannot be copied to {target}: {error}") from error


def forget_litestream(copy: Path) -> None:
    """A copy is not followed: without what Litestream noted in the file it was made of."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as db:
        for table in LITESTREAM:
            db.execute(f"drop table if exists {table}")


def delete_old_backups(folder: Path, keep: int) -> None:
    """Delete copies beyond the newest, and unfinished ones; nothing that is not named as ours."""
    copies = sorted(path for path in folder.iterdir() if path.is_dir() and is_copy(path.stem))
    sound = [path for path in copies if not path.suffix][-max(1, keep) :]
    damaged = [path for path in copies if path.suffix == DAMAGED and (not sound or path.stem > sound[-1].stem)]
    for path in {*copies} - {*sound, *damaged[-max(1, keep) :]}:
        if path.suffix in ("", UNFINISHED, DAMAGED):
            shutil.rmtree(path)


def is_copy(name: str) -> bool:
    """Whether a folder's name is a moment as `back_up` writes it.

    >>> is_copy("2024-03-15T034301"), is_copy("photos")
    (True, False)
    """
    try:
        datetime.strptime(name, "%Y-%m-%dT%H%M%S")  # noqa: DTZ007 - only its form matters
    except ValueError:
        return False
    return True
