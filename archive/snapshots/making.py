"""Makes a snapshot while a crawl writes, gives it its name once it is whole, and deletes the oldest."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlite_utils import Database

from archive.backup import UNFINISHED, copy_file, forget_litestream, make_folder
from archive.captures import Captures
from archive.errors import ArchiveError
from archive.files import open_readonly
from archive.snapshots import ARCHIVE, FORM, INSPECT, MARK, SUMS, Snapshot, find_all, hash_file, read_mark
from archive.snapshots.shown import leave_out_withheld
from archive.swedish.index import Index


def make(archive: Path, folder: Path, *, keep: int, moment: datetime, withdraw: bool = False) -> Snapshot:
    """A new snapshot of an archive; with it the newest `keep` stay, for replicas may still read those before it.

    `withdraw`: those made so far must not be shown from now on, and the next call deletes them. ArchiveError where
    there is no archive that could be served, or it cannot be copied: then nothing is published.
    """
    if not archive.is_file():
        raise ArchiveError(archive, "no such file")
    make_folder(folder)
    gone = read_mark(folder)
    if withdraw:  # before anything that takes time
        mark(folder, name_after(folder, moment))
    with locked(folder):
        name = name_after(folder, moment)
        delete_old_snapshots(folder, keep, gone)
        unfinished = folder / f"{name}{UNFINISHED}"
        unfinished.mkdir()
        try:
            fill(archive, unfinished, datetime.strptime(f"{name}+0000", f"{FORM}%z"))
            refuse_withdrawn(folder, name)
            unfinished.rename(folder / name)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        delete_old_snapshots(folder, keep, gone)
    return Snapshot(folder / name)


def refuse_withdrawn(folder: Path, name: str) -> None:
    """ArchiveError where a snapshot was begun before somebody took something down."""
    if name <= read_mark(folder):
        raise ArchiveError(folder / name, "withdrawn while it was being made: make another")


def fill(archive: Path, folder: Path, begun: datetime) -> None:
    """The files: archive.db first, for what it points to in captures.db was written there before."""
    copy = folder / ARCHIVE
    copy_file(archive, copy)
    forget_litestream(copy)
    check(archive, copy)
    files = [copy]
    if Captures.beside(archive).is_file():
        files.append(Captures.beside(copy))
        copy_file(Captures.beside(archive), files[-1])
        forget_litestream(files[-1])
        leave_out_withheld(copy, files[-1], archive)
    inspect = [sys.executable, "-m", "datasette", "inspect", ARCHIVE, "--inspect-file", INSPECT]
    done = subprocess.run(inspect, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise ArchiveError(copy, f"cannot be inspected: {done.stderr.strip().splitlines()[-1:]}")
    files.append(folder / INSPECT)
    os.utime(copy, (begun.timestamp(), begun.timestamp()))  # told to readers as Last-Modified
    sums = "".join(f"{hash_file(file)}  {file.name}\n" for file in files)
    (folder / SUMS).write_text(sums, "ascii")
    for file in folder.iterdir():
        file.chmod(0o444)


def check(archive: Path, copy: Path) -> None:
    """ArchiveError, which names the archive, where a replica would refuse to serve its copy."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as db:
        try:
            if not Database(db).table("index_facts").exists():
                raise ArchiveError(archive, "is no archive of today's schema (a crawl renews it)")
            fault = Index(Database(db)).find_fault()
        except sqlite3.Error as error:
            raise ArchiveError(archive, f"cannot be read: {error}") from error
    if fault:
        raise ArchiveError(
            archive, f"its search index must be made anew ({fault}): python -m archive reindex {archive}"
        )


def name_after(folder: Path, moment: datetime) -> str:
    """A moment as a name, or one second after the newest there is: a later snapshot's is always the greater."""
    newest = max([read_mark(folder), *(each.name for each in find_all(folder))])
    name = f"{moment:{FORM}}"
    if name > newest:
        return name
    return f"{datetime.strptime(f'{newest}+0000', f'{FORM}%z') + timedelta(seconds=1):{FORM}}"


def mark(folder: Path, name: str) -> None:
    """Withdraw what is there, and what is being made, at once."""
    part = folder / f"{MARK}{UNFINISHED}"
    part.write_text(f"{name}\n", "ascii")
    part.replace(folder / MARK)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One after the other; whoever comes second waits."""
    with (folder / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def delete_old_snapshots(folder: Path, keep: int, gone: str) -> None:
    """Delete snapshots beyond the newest, those up to a name, and what was broken off; nothing not named as ours."""
    for number, snapshot in enumerate(find_all(folder)):
        if number >= max(1, keep) or snapshot.name <= gone:
            shutil.rmtree(snapshot.path)
    for path in folder.glob(f"*T*{UNFINISHED}"):
        shutil.rmtree(path)


def sizes(snapshot: Snapshot) -> str:
    """Its files in words."""
    files = sorted(snapshot.path.glob("*.db"))
    return ", ".join(f"{file.name} {file.stat().st_size / 1e6:.1f} MB" for file in files)


def count_releases(snapshot: Snapshot) -> int:
    """How many its lists show: those that are redacted, too, and neither hidden ones nor those that moved on."""
    with closing(open_readonly(snapshot.path / ARCHIVE)) as db:
        return int(db.execute("select count(*) from listed").fetchone()[0])
