"""Snapshots: immutable copies of an archive.

    FOLDER/2026-03-02T034301/   archive.db, captures.db, inspect.json, SHA256SUMS; never changed
    FOLDER/withdrawn            a name: the snapshot with this name and earlier ones must not be
                                shown

A snapshot can be made while a crawl is writing. It gets its name once it is complete. Other
machines may copy the folder with any tool and in any order, because a snapshot is not used until
all its checksums match. The copied captures.db contains no bytes of pages that were taken down or
refused, and no bytes to which the copied archive.db does not refer.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlite_utils import Database

from archive.database.captures import Captures, compress, compute_file_sha256
from archive.database.refused_pages import REFUSED_TABLES
from archive.database.sqlite_files import (
    ARCHIVE_FILE,
    UNFINISHED_SUFFIX,
    ArchiveError,
    check_version,
    copy_database,
    create_target_folder,
    drop_litestream_tables,
    open_readonly,
    sqlite_errors,
    unfinished_folder,
)
from archive.evidence.manifest import read_manifests
from archive.evidence.warc import WITHHELD_CAPTURES_SQL
from archive.store.derived_data import describe_index_fault
from archive.times import FOLDER_NAME, FOLDER_NAME_FORMAT

# Files of a snapshot, and of the folder of snapshots
INSPECT_FILE = "inspect.json"
CHECKSUMS_FILE = "SHA256SUMS"
WITHDRAWN_FILE = "withdrawn"
SHOWN_CAPTURES_SQL = f"select sha256 from captures where id not in ({WITHHELD_CAPTURES_SQL})"


def parse_snapshot_time(name: str) -> datetime:
    """Return when a snapshot was started, according to the name of its folder."""
    return datetime.strptime(name, FOLDER_NAME_FORMAT).replace(tzinfo=UTC)


def list_all_snapshots(folder: Path) -> list[Path]:
    """Return every folder that is named like a snapshot, newest first."""
    names = (
        path.name for path in folder.iterdir() if FOLDER_NAME.fullmatch(path.name) and path.is_dir()
    )
    return [folder / name for name in sorted(names, reverse=True)]


def read_withdrawn_name(folder: Path) -> str:
    """Return the name of the newest withdrawn snapshot, or "" if no snapshot is withdrawn.

    All earlier snapshots are withdrawn, too.
    """
    try:
        return (folder / WITHDRAWN_FILE).read_text("ascii").strip()
    except FileNotFoundError:
        return ""


def count_snapshot_releases(snapshot: Path) -> int:
    """Count the releases that a snapshot lists.

    Redacted releases are counted. Hidden releases, and releases that moved to another URL, are not.
    """
    with closing(open_readonly(snapshot / ARCHIVE_FILE)) as db:
        return int(db.execute("select count(*) from release_facets").fetchone()[0])


def publish_snapshot(
    archive: Path, folder: Path, *, keep: int, moment: datetime, withdraw: bool = False
) -> Path:
    """Publish a new snapshot of an archive, and delete all but the newest `keep` snapshots.

    Earlier snapshots are kept because replicas may still be serving them. Raises ArchiveError, and
    publishes nothing, if the archive does not exist, cannot be served or cannot be copied.

    withdraw: also withdraw all earlier snapshots. The next call deletes them.
    """
    if not archive.is_file():
        raise ArchiveError(archive, "no such file")
    create_target_folder(folder)
    withdrawn = read_withdrawn_name(folder)
    if withdraw:  # first, because the rest takes time
        withdraw_snapshots(folder, _choose_snapshot_name(folder, moment))
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # waits for another process
        name = _choose_snapshot_name(folder, moment)
        _delete_old_snapshots(folder, keep, withdrawn)
        snapshot = folder / name
        with unfinished_folder(snapshot) as unfinished:
            write_snapshot_files(archive, unfinished, parse_snapshot_time(name))
            if name <= read_withdrawn_name(folder):
                raise ArchiveError(
                    snapshot, "was withdrawn while it was created; create another one"
                )
            unfinished.rename(snapshot)
        _delete_old_snapshots(folder, keep, withdrawn)
    return snapshot


def withdraw_snapshots(folder: Path, name: str) -> None:
    """Withdraw the snapshot `name` and all earlier ones in one step.

    Snapshots that are still being made are also withdrawn.
    """
    part = folder / f"{WITHDRAWN_FILE}{UNFINISHED_SUFFIX}"
    part.write_text(f"{name}\n", "ascii")
    part.replace(folder / WITHDRAWN_FILE)


def _choose_snapshot_name(folder: Path, moment: datetime) -> str:
    """Return the name of a snapshot made at `moment`.

    If a snapshot with this or a later name exists or was withdrawn, return the name for the time
    one second after the newest of these snapshots, so that names always increase.
    """
    newest = max(
        [read_withdrawn_name(folder), *(snapshot.name for snapshot in list_all_snapshots(folder))]
    )
    name = f"{moment:{FOLDER_NAME_FORMAT}}"
    if name > newest:
        return name
    later = parse_snapshot_time(newest) + timedelta(seconds=1)
    return f"{later:{FOLDER_NAME_FORMAT}}"


def _delete_old_snapshots(folder: Path, keep: int, withdrawn: str) -> None:
    """Delete unfinished and withdrawn snapshots, and all but the newest `keep`.

    Other files are left alone.

    withdrawn: the name of the newest withdrawn snapshot. All earlier ones are withdrawn, too.
    """
    for number, snapshot in enumerate(list_all_snapshots(folder)):
        if number >= max(1, keep) or snapshot.name <= withdrawn:
            shutil.rmtree(snapshot)
    for path in folder.glob(f"*T*{UNFINISHED_SUFFIX}"):
        shutil.rmtree(path)


def write_snapshot_files(archive: Path, folder: Path, started_at: datetime) -> None:
    """Write the files of a snapshot.

    archive.db is copied first, so that the copied captures.db contains all captures to which the
    copied archive.db refers.
    """
    copy = folder / ARCHIVE_FILE
    copy_database(archive, copy)
    drop_litestream_tables(copy)
    _check_servable(archive, copy)
    files = [copy]
    if Captures.path_beside(archive).is_file():
        files.append(Captures.path_beside(copy))
        copy_database(Captures.path_beside(archive), files[-1])
        drop_litestream_tables(files[-1])
        _remove_withheld_blobs(copy, files[-1], archive)
    inspect = [
        sys.executable,
        "-m",
        "datasette",
        "inspect",
        ARCHIVE_FILE,
        "--inspect-file",
        INSPECT_FILE,
    ]
    result = subprocess.run(  # noqa: S603 - our own
        inspect, cwd=folder, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise ArchiveError(copy, f"cannot be inspected: {result.stderr.strip().splitlines()[-1:]}")
    files.append(folder / INSPECT_FILE)
    os.utime(copy, (started_at.timestamp(), started_at.timestamp()))  # becomes Last-Modified
    sums = "".join(f"{compute_file_sha256(file)}  {file.name}\n" for file in files)
    (folder / CHECKSUMS_FILE).write_text(sums, "ascii")
    for file in folder.iterdir():
        file.chmod(0o444)


def _check_servable(archive: Path, copy: Path) -> None:
    """Raise ArchiveError if a replica would refuse to serve the copy.

    The error names the archive, not the copy.
    """
    with (
        sqlite_errors(archive, "cannot be read"),
        closing(sqlite3.connect(copy, isolation_level=None)) as db,
    ):
        check_version(db, archive)
        if not Database(db).table("releases").exists():
            raise ArchiveError(archive, "is not an archive")
        fault = describe_index_fault(Database(db))
    if fault:
        raise ArchiveError(
            archive,
            f"its search index must be rebuilt ({fault}): python -m archive reindex {archive}",
        )


def _remove_withheld_blobs(archive_copy: Path, captures_copy: Path, source: Path) -> None:
    """Delete from the copy of captures.db the bytes that must not be in a snapshot.

    These are bytes that were taken down or refused, or to which the copied archive.db does not
    refer.

    source: the original archive, from which bytes are read.
    """
    with (
        sqlite_errors(captures_copy, "withheld pages cannot be removed", table="blobs"),
        closing(sqlite3.connect(archive_copy)) as db,
        closing(sqlite3.connect(captures_copy, isolation_level=None)) as copy,
    ):
        copy.execute("pragma secure_delete = on")
        for table in REFUSED_TABLES:
            copy.execute(f"drop table if exists {table}")
        copy.execute("create temp table shown (sha256 text primary key) without rowid")
        copy.execute("begin")
        for sql in (SHOWN_CAPTURES_SQL, "select digest from manifests"):
            copy.executemany("insert or ignore into shown values (?)", db.execute(sql))
        with Captures(source, readonly=True) as captures:
            for manifest in read_manifests(db):  # these and their parts contain only hashes
                if manifest.digest in captures:  # `verify` reports a damaged manifest
                    parts = json.loads(captures.read(manifest.digest))["parts"]
                    digests = [(part["sha256"],) for part in parts]
                    copy.executemany("insert or ignore into shown values (?)", digests)
            copy.execute(
                "create temp table deleted as select id from blobs"
                " where sha256 not in (select sha256 from shown)"
            )
            for (base,) in copy.execute(
                "select distinct base from blobs where base in"
                " (select id from deleted) and id not in"
                " (select id from deleted)"
            ).fetchall():
                _replace_base(copy, captures, base)
        copy.execute("delete from bases where blob in (select id from deleted)")
        copy.execute("delete from blobs where id in (select id from deleted)")
        copy.execute("commit")
        if copy.execute("pragma freelist_count").fetchone()[0]:  # anything was deleted
            copy.execute("vacuum")


def _replace_base(copy: sqlite3.Connection, captures: Captures, base: int) -> None:
    """Recompress the pages that depend on the page `base`, which is to be deleted.

    The first of these pages becomes the base of the others.
    """
    pages = copy.execute(
        "select id, sha256 from blobs where"
        " base = ? and id not in"
        " (select id from deleted) order by id",
        [base],
    ).fetchall()
    first_id, new_base = pages[0][0], captures.read(pages[0][1])
    copy.execute(
        "update blobs set base = null, data = ? where id = ?", [compress(new_base), first_id]
    )
    copy.execute(
        "insert or ignore into bases select host, ? from bases where blob = ?", [first_id, base]
    )
    for blob_id, sha256 in pages[1:]:
        data = compress(captures.read(sha256), new_base)
        copy.execute("update blobs set base = ?, data = ? where id = ?", [first_id, data, blob_id])


def _run_datasette(arguments: Sequence[str]) -> None:
    """Run Datasette's command line in this process until the parent process ends.

    If Datasette outlived its parent, it could continue to serve a snapshot that has been withdrawn.
    """

    def wait_for_parent() -> None:
        sys.stdin.buffer.read()  # the pipe is closed when the parent ends, whatever ends it
        os.kill(os.getpid(), signal.SIGTERM)

    from datasette.cli import cli  # noqa: PLC0415 - takes a second

    threading.Thread(target=wait_for_parent, daemon=True).start()
    cli(arguments, prog_name="datasette")


if __name__ == "__main__":
    _run_datasette(sys.argv[1:])
