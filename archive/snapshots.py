"""Snapshots: immutable copies of an archive, each in its own folder, for read-only servers.

    FOLDER/2026-03-02T034301/   archive.db · captures.db · inspect.json · SHA256SUMS; never changed
    FOLDER/withdrawn            a name: snapshots up to and including it must not be shown

A snapshot is made while a crawl writes and gets its name once it is complete. Other machines may copy the folder with
any tool and in any order, because a snapshot is only used once all its checksums match. The copied captures.db
lacks the bytes of taken-down pages, and those that the copied archive.db does not refer to.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlite_utils import Database

from archive.captures import Captures, compress
from archive.database import (
    ARCHIVE_FILE,
    UNFINISHED_SUFFIX,
    ArchiveError,
    check_version,
    copy_database,
    create_target_folder,
    drop_litestream_tables,
    open_readonly,
    unfinished_folder,
)
from archive.dates import FOLDER_NAME, FOLDER_NAME_FORMAT
from archive.evidence.manifest import compute_file_sha256, read_manifests
from archive.evidence.warc import WITHHELD_CAPTURES_SQL
from archive.search.index import SearchIndex

# Files of a snapshot, and of the folder of snapshots
INSPECT_FILE = "inspect.json"
CHECKSUMS_FILE = "SHA256SUMS"
WITHDRAWN_FILE = "withdrawn"

CHECKSUM_LINE = re.compile(r"([0-9a-f]{64})  ([a-z]+\.[a-z]+)")
SHOWN_CAPTURES_SQL = f"select sha256 from captures where id not in ({WITHHELD_CAPTURES_SQL})"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A folder with a snapshot. Names sort by time."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def started_at(self) -> datetime:
        """Return the time at which the snapshot was started. Everything in it is older."""
        return datetime.strptime(self.name, FOLDER_NAME_FORMAT).replace(tzinfo=UTC)


def list_snapshots(folder: Path) -> list[Snapshot]:
    """Return the snapshots that may be shown, newest first. Their files are not checked."""
    withdrawn = read_withdrawn_name(folder)
    return [snapshot for snapshot in list_all_snapshots(folder) if snapshot.name > withdrawn]


def list_all_snapshots(folder: Path) -> list[Snapshot]:
    """Return every folder named like a snapshot, newest first."""
    names = (path.name for path in folder.iterdir() if FOLDER_NAME.fullmatch(path.name) and path.is_dir())
    return [Snapshot(folder / name) for name in sorted(names, reverse=True)]


def read_withdrawn_name(folder: Path) -> str:
    """Return the name up to which snapshots are withdrawn, or "" if no snapshot is."""
    try:
        return (folder / WITHDRAWN_FILE).read_text("ascii").strip()
    except FileNotFoundError:
        return ""


def find_snapshot_fault(snapshot: Snapshot) -> str | None:
    """Return why a snapshot is incomplete or damaged, or None if every file matches its SHA-256."""
    try:
        lines = (snapshot.path / CHECKSUMS_FILE).read_text("ascii").splitlines()
    except FileNotFoundError:
        return f"{CHECKSUMS_FILE} is missing"
    sums = [found.groups() for line in lines if (found := CHECKSUM_LINE.fullmatch(line))]
    if len(sums) != len(lines) or not {ARCHIVE_FILE, INSPECT_FILE} <= {name for _, name in sums}:
        return f"{CHECKSUMS_FILE} is incomplete or invalid"
    for sha256, name in sums:
        if not (snapshot.path / name).is_file():
            return f"{name} is missing"
        if compute_file_sha256(snapshot.path / name) != sha256:
            return f"the SHA-256 of {name} differs from {CHECKSUMS_FILE}"
    return None


def count_snapshot_releases(snapshot: Snapshot) -> int:
    """Count the releases that a snapshot lists: redacted ones are included, hidden and moved ones are not."""
    with closing(open_readonly(snapshot.path / ARCHIVE_FILE)) as db:
        return int(db.execute("select count(*) from release_facets").fetchone()[0])


def publish_snapshot(archive: Path, folder: Path, *, keep: int, moment: datetime, withdraw: bool = False) -> Snapshot:
    """Publish a new snapshot of an archive, and delete all but the newest `keep`.

    Older snapshots are kept for a while because replicas may still read them. withdraw: earlier snapshots must not be
    shown from now on, and the next call deletes them. Raises ArchiveError, and publishes nothing, if there is no
    archive that can be served or it cannot be copied.
    """
    if not archive.is_file():
        raise ArchiveError(archive, "no such file")
    create_target_folder(folder)
    withdrawn = read_withdrawn_name(folder)
    if withdraw:  # first, because the rest takes time
        withdraw_snapshots(folder, choose_snapshot_name(folder, moment))
    with lock_folder(folder):
        name = choose_snapshot_name(folder, moment)
        delete_old_snapshots(folder, keep, withdrawn)
        snapshot = Snapshot(folder / name)
        with unfinished_folder(snapshot.path) as unfinished:
            write_snapshot_files(archive, unfinished, snapshot.started_at)
            if name <= read_withdrawn_name(folder):
                raise ArchiveError(snapshot.path, "was withdrawn while it was created; create another one")
            unfinished.rename(snapshot.path)
        delete_old_snapshots(folder, keep, withdrawn)
    return snapshot


def withdraw_snapshots(folder: Path, name: str) -> None:
    """Withdraw all snapshots up to `name`, including those in progress, in one step."""
    part = folder / f"{WITHDRAWN_FILE}{UNFINISHED_SUFFIX}"
    part.write_text(f"{name}\n", "ascii")
    part.replace(folder / WITHDRAWN_FILE)


def choose_snapshot_name(folder: Path, moment: datetime) -> str:
    """Return `moment` as a name, or one second after the newest snapshot, so that names always increase."""
    newest = max([read_withdrawn_name(folder), *(snapshot.name for snapshot in list_all_snapshots(folder))])
    name = f"{moment:{FOLDER_NAME_FORMAT}}"
    if name > newest:
        return name
    later = Snapshot(folder / newest).started_at + timedelta(seconds=1)
    return f"{later:{FOLDER_NAME_FORMAT}}"


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; wait if another process has it."""
    with (folder / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def delete_old_snapshots(folder: Path, keep: int, withdrawn: str) -> None:
    """Delete withdrawn and unfinished snapshots and all but the newest `keep`.

    Other files are not touched.
    """
    for number, snapshot in enumerate(list_all_snapshots(folder)):
        if number >= max(1, keep) or snapshot.name <= withdrawn:
            shutil.rmtree(snapshot.path)
    for path in folder.glob(f"*T*{UNFINISHED_SUFFIX}"):
        shutil.rmtree(path)


def write_snapshot_files(archive: Path, folder: Path, started_at: datetime) -> None:
    """Write the files of a snapshot, archive.db first, so that captures.db has all its captures."""
    copy = folder / ARCHIVE_FILE
    copy_database(archive, copy)
    drop_litestream_tables(copy)
    check_servable(archive, copy)
    files = [copy]
    if Captures.path_beside(archive).is_file():
        files.append(Captures.path_beside(copy))
        copy_database(Captures.path_beside(archive), files[-1])
        drop_litestream_tables(files[-1])
        remove_withheld_blobs(copy, files[-1], archive)
    inspect = [sys.executable, "-m", "datasette", "inspect", ARCHIVE_FILE, "--inspect-file", INSPECT_FILE]
    result = subprocess.run(inspect, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if result.returncode:
        raise ArchiveError(copy, f"cannot be inspected: {result.stderr.strip().splitlines()[-1:]}")
    files.append(folder / INSPECT_FILE)
    os.utime(copy, (started_at.timestamp(), started_at.timestamp()))  # becomes Last-Modified
    sums = "".join(f"{compute_file_sha256(file)}  {file.name}\n" for file in files)
    (folder / CHECKSUMS_FILE).write_text(sums, "ascii")
    for file in folder.iterdir():
        file.chmod(0o444)


def check_servable(archive: Path, copy: Path) -> None:
    """Raise ArchiveError, naming the archive, if a replica would refuse to serve its copy."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as db:
        try:
            check_version(db, archive)
            if not Database(db).table("search_meta").exists():
                raise ArchiveError(archive, "is not an archive")
            fault = SearchIndex(Database(db)).describe_fault()
        except sqlite3.Error as error:
            raise ArchiveError(archive, f"cannot be read: {error}") from error
    if fault:
        raise ArchiveError(archive, f"its search index must be rebuilt ({fault}): python -m archive reindex {archive}")


def remove_withheld_blobs(archive_copy: Path, captures_copy: Path, source: Path) -> None:
    """Delete taken-down bytes, and those not needed by the copied archive.db, from a copy of captures.db.

    source: the archive that both are copies of, from which bytes are read.
    """
    try:
        with (
            closing(sqlite3.connect(archive_copy)) as db,
            closing(sqlite3.connect(captures_copy, isolation_level=None)) as copy,
        ):
            copy.execute("pragma secure_delete = on")
            copy.execute("create temp table shown (sha256 text primary key) without rowid")
            copy.execute("begin")
            for sql in (SHOWN_CAPTURES_SQL, "select digest from manifests"):
                copy.executemany("insert or ignore into shown values (?)", db.execute(sql))
            with Captures(source, readonly=True) as captures:
                keep_manifest_parts(db, copy, captures)
                copy.execute(
                    "create temp table deleted as select id from blobs where sha256 not in (select sha256 from shown)"
                )
                for (base,) in copy.execute(
                    "select distinct base from blobs where base in (select id from deleted) and id not in"
                    " (select id from deleted)"
                ).fetchall():
                    replace_base(copy, captures, base)
            copy.execute("delete from bases where blob in (select id from deleted)")
            deleted = copy.execute("delete from blobs where id in (select id from deleted)").rowcount
            copy.execute("commit")
            if deleted:
                copy.execute("vacuum")
    except sqlite3.Error as error:
        raise ArchiveError(captures_copy, f"withheld pages cannot be removed: {error}", table="blobs") from error


def keep_manifest_parts(db: sqlite3.Connection, copy: sqlite3.Connection, captures: Captures) -> None:
    """Keep manifests and their parts, which contain only hashes; `verify` reports a damaged manifest."""
    for manifest in read_manifests(db):
        if manifest.digest in captures:
            parts = json.loads(captures.read(manifest.digest))["parts"]
            copy.executemany("insert or ignore into shown values (?)", [(part["sha256"],) for part in parts])


def replace_base(copy: sqlite3.Connection, captures: Captures, base: int) -> None:
    """Compress the pages whose base is deleted against the first of those pages instead."""
    pages = copy.execute(
        "select id, sha256 from blobs where base = ? and id not in (select id from deleted) order by id", [base]
    ).fetchall()
    first_id, new_base = pages[0][0], captures.read(pages[0][1])
    copy.execute("update blobs set base = null, data = ? where id = ?", [compress(new_base), first_id])
    copy.execute("insert or ignore into bases select host, ? from bases where blob = ?", [first_id, base])
    for blob_id, sha256 in pages[1:]:
        data = compress(captures.read(sha256), new_base)
        copy.execute("update blobs set base = ?, data = ? where id = ?", [first_id, data, blob_id])
