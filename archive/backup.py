"""Backup, restore, immutable snapshot.

Back-up: a checked copy of an archive's files, taken while a crawl may go on.

archive.db is copied first: what it points to in captures.db and withheld.db was written there before.

Restore: the files of a back-up put in an archive's place, once they are found sound; what stood there is kept aside.

BACKUP    a folder of `python -m archive backup`, or one into which Litestream restored archive.db and captures.db

Snapshots: an archive as it stood at a moment, in a folder of its own, for servers that only read it.

    FOLDER/2026-03-02T034301/   archive.db · captures.db · inspect.json · SHA256SUMS; nothing in it changes any more
    FOLDER/withdrawn            a name: snapshots up to and with it must not be shown

Whatever copies files may carry the folder to other machines, in any order: what is not whole yet is not taken.

Leaves out of a copy of captures.db what must stay on the owner's machine: the bytes of what is taken down.

What the copied archive.db does not point to goes as well: nobody can say yet whether it may be shown.

Makes a snapshot while a crawl writes, gives it its name once it is whole, and deletes the oldest.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlite_utils import Database

from archive.captures import CAPTURES_FILE, Captures, compress
from archive.database import ArchiveError, check_version, open_readonly
from archive.dates import now
from archive.evidence.manifest import read_manifests
from archive.evidence.verify import VerifyProgress, verify
from archive.evidence.warc import WITHHELD_CAPTURES_SQL
from archive.redaction import WITHHELD_FILE
from archive.search.index import SearchIndex
from archive.store import Archive

UNFINISHED_SUFFIX = ".unfinished"
LITESTREAM_TABLES = ("_litestream_seq", "_litestream_lock")  # tables that Litestream keeps in a file it follows
DAMAGED_SUFFIX = ".damaged"  # a whole copy of an archive in which something was found wrong


def add_backup_options(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m archive backup`."""
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="made where it is not there yet")
    parser.add_argument(
        "--keep",
        type=parse_keep_count,
        default=2,
        metavar="N",
        help="copies to keep; older ones are deleted (default %(default)s)",
    )


def parse_keep_count(text: str) -> int:
    """How many copies are to be kept: the one that is being made is always one of them."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 upwards")
    return int(text)


def backup_command(options: argparse.Namespace, progress: VerifyProgress) -> int:
    """A line on the copy; 1 where what was copied does not hold together: then the older sound copies stay."""
    copy, findings = create_backup(options.file, options.to, keep=options.keep, moment=now(), progress=progress)
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in sorted(copy.iterdir()))
    sys.stdout.write(f"{copy}: {sizes}; findings: {len(findings)}\n")
    return 1 if findings else 0


def create_backup(
    archive: Path, folder: Path, *, keep: int, moment: datetime, progress: VerifyProgress = lambda *_: None
) -> tuple[Path, list[ArchiveError]]:
    """A folder of its own in `folder`, named after the moment, and what `verify` finds wrong in it.

    Where that is anything its name ends in `.damaged`. The newest `keep` sound copies stay, and as many damaged ones
    that are newer than those; older ones are deleted, and what a back-up that was broken off left.
    ArchiveError where there is no archive, or a file cannot be copied: of that copy nothing is left.
    """
    if not archive.is_file():
        raise ArchiveError(archive, "no such file")
    copy = folder / f"{moment:%Y-%m-%dT%H%M%S}"
    unfinished = copy.with_suffix(UNFINISHED_SUFFIX)
    create_target_folder(folder, mode=0o700)
    delete_old_backups(folder, keep)  # what was broken off may take the room that this one needs
    unfinished.mkdir(mode=0o700)
    try:
        copy_database(archive, unfinished / archive.name)
        for beside in (archive.with_name(name) for name in (CAPTURES_FILE, WITHHELD_FILE)):
            if beside.is_file():
                copy_database(beside, unfinished / beside.name)
        findings = verify(unfinished / archive.name, progress=progress).findings
        copy = copy.with_suffix(DAMAGED_SUFFIX) if findings else copy
        unfinished.rename(copy)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    delete_old_backups(folder, keep)
    return copy, findings


def create_target_folder(folder: Path, mode: int = 0o777) -> None:
    """Where copies go; ArchiveError where something else stands there."""
    if folder.exists() and not folder.is_dir():
        raise ArchiveError(folder, "is no folder: --to names the one that copies go into")
    folder.mkdir(parents=True, exist_ok=True, mode=mode)


def copy_database(source: Path, target: Path) -> None:
    """One state of a file, whatever is written to it meanwhile; without its free pages."""
    target.touch(mode=source.stat().st_mode & 0o777)
    try:
        with closing(open_readonly(source)) as db:
            db.execute("vacuum into ?", [str(target)])
    except sqlite3.Error as error:
        raise ArchiveError(source, f"cannot be copied to {target}: {error}") from error


def drop_litestream_tables(copy: Path) -> None:
    """A copy is not followed: without what Litestream noted in the file it was made of."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as db:
        for table in LITESTREAM_TABLES:
            db.execute(f"drop table if exists {table}")


def delete_old_backups(folder: Path, keep: int) -> None:
    """Delete copies beyond the newest, and unfinished ones; nothing that is not named as ours."""
    copies = sorted(path for path in folder.iterdir() if path.is_dir() and is_backup_name(path.stem))
    sound = [path for path in copies if not path.suffix][-max(1, keep) :]
    damaged = [path for path in copies if path.suffix == DAMAGED_SUFFIX and (not sound or path.stem > sound[-1].stem)]
    for path in {*copies} - {*sound, *damaged[-max(1, keep) :]}:
        if path.suffix in ("", UNFINISHED_SUFFIX, DAMAGED_SUFFIX):
            shutil.rmtree(path)


def is_backup_name(name: str) -> bool:
    """Whether a folder's name is a moment as `back_up` writes it.

    >>> is_backup_name("2024-03-15T034301"), is_backup_name("photos")
    (True, False)
    """
    try:
        datetime.strptime(name, "%Y-%m-%dT%H%M%S")  # noqa: DTZ007 - only its form matters
    except ValueError:
        return False
    return True


BACKUP_ARCHIVE = "archive.db"  # as it is called in a back-up
SIDE_SUFFIXES = ("-wal", "-shm", "-journal")
TAKEDOWNS_SQL = "select id, release, kind, at, reason, coalesce(lifted, '') from takedowns"
TakedownRow = tuple[int, int, str, str, str]  # its number, release, kind, since when, and why


def add_restore_options(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m archive restore`."""
    parser.add_argument("backup", type=Path, help="a folder that python -m archive backup made")
    parser.add_argument("--to", type=Path, required=True, metavar="ARCHIVE", help="for example archive.db")
    parser.add_argument(
        "--replace", action="store_true", help="where an archive stands there: it is put aside, not deleted"
    )


def restore_command(options: argparse.Namespace, progress: VerifyProgress) -> int:
    """Lines on what was done; 1 where the back-up is not sound: then nothing is changed."""
    findings, aside, lost = restore_backup(
        options.backup, options.to, replace=options.replace, moment=now(), progress=progress
    )
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    if findings:
        sys.stdout.write(f"{options.backup}: findings: {len(findings)}; nothing was restored\n")
        return 1
    sys.stdout.write(f"{options.to}: restored from {options.backup}; findings: 0\n")
    if aside:
        sys.stdout.write(f"{aside}: what stood there before; delete it when it is not needed any more\n")
    for each in lost:
        sys.stdout.write(f"{each}\n")
    return 0


def restore_backup(
    backup: Path, archive: Path, *, replace: bool, moment: datetime, progress: VerifyProgress = lambda *_: None
) -> tuple[list[ArchiveError], Path | None, list[str]]:
    """What `verify` finds wrong in the back-up, where the former files are, and what their desk did since.

    ArchiveError where there is no back-up, an archive stands in the place unless it is to be replaced, or somebody
    has that one open. Until the new files are found sound nothing is changed, and then each is renamed into place,
    archive.db last.
    """
    if not (backup / BACKUP_ARCHIVE).is_file():
        raise ArchiveError(backup / BACKUP_ARCHIVE, "no such file: this is no back-up")
    if not archive.parent.is_dir():
        raise ArchiveError(archive, f"there is no folder {archive.parent}")
    standing = [path for path in list_archive_files(archive) if path.exists()]
    if standing and not replace:
        raise ArchiveError(standing[0], "is there already; nothing was changed (--replace puts it aside)")
    unfinished = archive.with_name(f"{archive.name}{UNFINISHED_SUFFIX}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    try:
        fresh = unfinished / archive.name
        for name in (BACKUP_ARCHIVE, CAPTURES_FILE, WITHHELD_FILE):
            if (backup / name).is_file():
                copy = fresh if name == BACKUP_ARCHIVE else unfinished / name
                copy_database(backup / name, copy)
                drop_litestream_tables(copy)
                with closing(open_readonly(copy)) as db:
                    check_version(db, backup / name)
        migrate_backup(fresh)
        findings = verify(fresh, progress=progress).findings
        if findings:
            return findings, None, []
        lost = find_lost_takedowns(archive, fresh)
        for path in standing:
            check_not_open(path)
        aside = move_replaced_archive(archive, moment) if standing else None
        for name in (CAPTURES_FILE, WITHHELD_FILE, archive.name):
            if (unfinished / name).is_file():
                (unfinished / name).rename(archive.with_name(name))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return [], aside, lost


def migrate_backup(fresh: Path) -> None:
    """Apply the migrations that came after a backup was made, so that `verify` finds all tables."""
    with suppress(ArchiveError):  # what cannot even be opened `verify` tells
        Archive(fresh, rebuild_stale=False).close()


def list_archive_files(archive: Path) -> list[Path]:
    """Where the files of an archive stand, archive.db first."""
    return [archive, archive.with_name(CAPTURES_FILE), archive.with_name(WITHHELD_FILE)]


def find_lost_takedowns(archive: Path, restored: Path) -> list[str]:
    """A sentence for each takedown and lift that the former archive knows of and the restored one does not."""
    held = read_takedowns(restored)
    former = sorted(read_takedowns(archive).items()) if archive.is_file() else []
    return list(filter(None, (describe_lost_takedown(what, lifted, held.get(what)) for what, lifted in former)))


def describe_lost_takedown(takedown: TakedownRow, lifted: str, lifted_in_backup: str | None) -> str | None:
    """One of them, where anything is lost. `lifted`: when, "" never; `held`: the same in the back-up, None not held."""
    key, release, kind, at, reason = takedown
    told = f"{kind} of release {release} ({reason}, {at})"
    if not lifted:
        return (
            None
            if lifted_in_backup == ""
            else f"not in the back-up, to be made again before anybody reads the archive: {told}"
        )
    if lifted_in_backup is None:
        return f"not in the back-up, and lifted since ({lifted}), so that nothing is to be done: {told}"
    return (
        None if lifted_in_backup else f"lifted since the back-up ({lifted}), to be lifted again: takedown {key}, {told}"
    )


def read_takedowns(path: Path) -> dict[TakedownRow, str]:
    """Each with when it was lifted, "" where it is in force. None where the file is damaged, or too old for any."""
    try:
        with closing(open_readonly(path)) as db:
            return {tuple(row[:-1]): row[-1] for row in db.execute(TAKEDOWNS_SQL)}
    except sqlite3.Error:
        return {}


def check_not_open(path: Path) -> None:
    """ArchiveError where another process has a file open: what it writes from now on would be lost."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=1)) as db:
        try:
            db.execute(
                "pragma journal_mode = delete"
            )  # SQLite allows it to whoever is alone; the log goes into the file
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise ArchiveError(path, "is in use: end the round, the site and Litestream first") from error
        except sqlite3.DatabaseError:  # it is damaged, which may be why it is replaced
            return


def move_replaced_archive(archive: Path, moment: datetime) -> Path:
    """A folder beside the archive with all its files; archive.db goes first, so that nobody takes half for a whole."""
    aside = archive.with_name(f"{archive.name}.{moment:%Y-%m-%dT%H%M%S}.replaced")
    aside.mkdir(mode=0o700)
    for path in list_archive_files(archive):
        for each in (path, *(path.with_name(f"{path.name}{ending}") for ending in SIDE_SUFFIXES)):
            if each.exists():
                each.rename(aside / each.name)
    return aside


SNAPSHOT_NAME_FORMAT = "%Y-%m-%dT%H%M%S"
SNAPSHOT_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d{6}")
ARCHIVE_FILE, INSPECT_FILE, CHECKSUMS_FILE = "archive.db", "inspect.json", "SHA256SUMS"
WITHDRAWN_FILE = "withdrawn"
CHECKSUM_LINE = re.compile(r"([0-9a-f]{64})  ([a-z]+\.[a-z]+)")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A folder that holds one."""

    path: Path

    @property
    def name(self) -> str:
        """Of two, the later one's is the greater."""
        return self.path.name

    @property
    def started_at(self) -> datetime:
        """When it was begun: later than all that it holds."""
        return datetime.strptime(self.name, SNAPSHOT_NAME_FORMAT).replace(tzinfo=UTC)


def list_snapshots(folder: Path) -> list[Snapshot]:
    """Those that may be shown, newest first; not looked into."""
    mark = read_withdrawn_name(folder)
    return [each for each in list_all_snapshots(folder) if each.name > mark]


def list_all_snapshots(folder: Path) -> list[Snapshot]:
    """Whatever has the name of a snapshot, newest first."""
    names = (path.name for path in folder.iterdir() if SNAPSHOT_NAME.fullmatch(path.name) and path.is_dir())
    return [Snapshot(folder / name) for name in sorted(names, reverse=True)]


def read_withdrawn_name(folder: Path) -> str:
    """The name up to which snapshots are withdrawn; "" where none is."""
    try:
        return (folder / WITHDRAWN_FILE).read_text("ascii").strip()
    except FileNotFoundError:
        return ""


def find_snapshot_fault(snapshot: Snapshot) -> str | None:
    """Why a snapshot is not whole, if it is not: each file is held against its SHA-256."""
    try:
        lines = (snapshot.path / CHECKSUMS_FILE).read_text("ascii").splitlines()
    except FileNotFoundError:
        return f"{CHECKSUMS_FILE} is not there"
    sums = [found.groups() for line in lines if (found := CHECKSUM_LINE.fullmatch(line))]
    if len(sums) != len(lines) or not {ARCHIVE_FILE, INSPECT_FILE} <= {name for _, name in sums}:
        return f"{CHECKSUMS_FILE} is not one of ours, or was cut"
    for sha256, name in sums:
        if not (snapshot.path / name).is_file():
            return f"{name} is not there"
        if compute_file_sha256(snapshot.path / name) != sha256:
            return f"{name} has another SHA-256 than {CHECKSUMS_FILE} says"
    return None


def compute_file_sha256(path: Path) -> str:
    """SHA-256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


SHOWN_CAPTURES_SQL = f"select sha256 from captures where id not in ({WITHHELD_CAPTURES_SQL})"


def remove_withheld_blobs(archive_copy: Path, captures_copy: Path, source: Path) -> int:
    """Change a copy of captures.db by what the copied archive.db says; gives the number of blobs that went.

    `source` is the archive that both are copies of: bytes are read from there.
    """
    try:
        with (
            closing(sqlite3.connect(archive_copy)) as db,
            closing(sqlite3.connect(captures_copy, isolation_level=None)) as copy,
        ):
            copy.execute("pragma secure_delete = on")
            copy.execute("create temp table kept (sha256 text primary key) without rowid")
            copy.execute("begin")
            for sql in (SHOWN_CAPTURES_SQL, "select digest from manifests"):
                copy.executemany("insert or ignore into kept values (?)", db.execute(sql))
            with Captures(source, readonly=True) as captures:
                keep_manifest_parts(db, copy, captures)
                copy.execute(
                    "create temp table gone as select id from blobs where sha256 not in (select sha256 from kept)"
                )
                for (base,) in copy.execute(
                    "select distinct base from blobs where base in (select id from gone) and id not in"
                    " (select id from gone)"
                ).fetchall():
                    replace_base(copy, captures, base)
            copy.execute("delete from bases where blob in (select id from gone)")
            gone = copy.execute("delete from blobs where id in (select id from gone)").rowcount
            copy.execute("commit")
            if gone:
                copy.execute("vacuum")
    except sqlite3.Error as error:
        raise ArchiveError(captures_copy, f"cannot be freed of what is taken down: {error}", table="blobs") from error
    return gone


def keep_manifest_parts(db: sqlite3.Connection, copy: sqlite3.Connection, captures: Captures) -> None:
    """Manifests and their parts hold hashes alone. One whose text is damaged is told by `verify`."""
    for manifest in read_manifests(db):
        if manifest.digest in captures:
            parts = json.loads(captures.read(manifest.digest))["parts"]
            copy.executemany("insert or ignore into kept values (?)", [(part["sha256"],) for part in parts])


def replace_base(copy: sqlite3.Connection, captures: Captures, base: int) -> None:
    """Pages that were compressed against one that goes: the first of them is the base of the others now."""
    pages = copy.execute(
        "select id, sha256 from blobs where base = ? and id not in (select id from gone) order by id", [base]
    ).fetchall()
    first, against = pages[0][0], captures.read(pages[0][1])
    copy.execute("update blobs set base = null, data = ? where id = ?", [compress(against), first])
    copy.execute("insert or ignore into bases select host, ? from bases where blob = ?", [first, base])
    for key, sha256 in pages[1:]:
        data = compress(captures.read(sha256), against)
        copy.execute("update blobs set base = ?, data = ? where id = ?", [first, data, key])


def publish_snapshot(archive: Path, folder: Path, *, keep: int, moment: datetime, withdraw: bool = False) -> Snapshot:
    """A new snapshot of an archive; with it the newest `keep` stay, for replicas may still read those before it.

    `withdraw`: those made so far must not be shown from now on, and the next call deletes them. ArchiveError where
    there is no archive that could be served, or it cannot be copied: then nothing is published.
    """
    if not archive.is_file():
        raise ArchiveError(archive, "no such file")
    create_target_folder(folder)
    gone = read_withdrawn_name(folder)
    if withdraw:  # before anything that takes time
        withdraw_snapshots(folder, choose_snapshot_name(folder, moment))
    with lock_folder(folder):
        name = choose_snapshot_name(folder, moment)
        delete_old_snapshots(folder, keep, gone)
        unfinished = folder / f"{name}{UNFINISHED_SUFFIX}"
        unfinished.mkdir()
        try:
            write_snapshot_files(archive, unfinished, datetime.strptime(f"{name}+0000", f"{SNAPSHOT_NAME_FORMAT}%z"))
            check_not_withdrawn(folder, name)
            unfinished.rename(folder / name)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        delete_old_snapshots(folder, keep, gone)
    return Snapshot(folder / name)


def check_not_withdrawn(folder: Path, name: str) -> None:
    """ArchiveError where a snapshot was begun before somebody took something down."""
    if name <= read_withdrawn_name(folder):
        raise ArchiveError(folder / name, "withdrawn while it was being made: make another")


def write_snapshot_files(archive: Path, folder: Path, started_at: datetime) -> None:
    """The files: archive.db first, for what it points to in captures.db was written there before."""
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
    done = subprocess.run(inspect, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise ArchiveError(copy, f"cannot be inspected: {done.stderr.strip().splitlines()[-1:]}")
    files.append(folder / INSPECT_FILE)
    os.utime(copy, (started_at.timestamp(), started_at.timestamp()))  # told to readers as Last-Modified
    sums = "".join(f"{compute_file_sha256(file)}  {file.name}\n" for file in files)
    (folder / CHECKSUMS_FILE).write_text(sums, "ascii")
    for file in folder.iterdir():
        file.chmod(0o444)


def check_servable(archive: Path, copy: Path) -> None:
    """ArchiveError, which names the archive, where a replica would refuse to serve its copy."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as db:
        try:
            check_version(db, archive)
            if not Database(db).table("search_meta").exists():
                raise ArchiveError(archive, "is no archive")
            fault = SearchIndex(Database(db)).describe_fault()
        except sqlite3.Error as error:
            raise ArchiveError(archive, f"cannot be read: {error}") from error
    if fault:
        raise ArchiveError(
            archive, f"its search index must be made anew ({fault}): python -m archive reindex {archive}"
        )


def choose_snapshot_name(folder: Path, moment: datetime) -> str:
    """A moment as a name, or one second after the newest there is: a later snapshot's is always the greater."""
    newest = max([read_withdrawn_name(folder), *(each.name for each in list_all_snapshots(folder))])
    name = f"{moment:{SNAPSHOT_NAME_FORMAT}}"
    if name > newest:
        return name
    return f"{datetime.strptime(f'{newest}+0000', f'{SNAPSHOT_NAME_FORMAT}%z') + timedelta(seconds=1):{SNAPSHOT_NAME_FORMAT}}"


def withdraw_snapshots(folder: Path, name: str) -> None:
    """Withdraw what is there, and what is being made, at once."""
    part = folder / f"{WITHDRAWN_FILE}{UNFINISHED_SUFFIX}"
    part.write_text(f"{name}\n", "ascii")
    part.replace(folder / WITHDRAWN_FILE)


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """One after the other; whoever comes second waits."""
    with (folder / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def delete_old_snapshots(folder: Path, keep: int, withdrawn: str) -> None:
    """Delete snapshots beyond the newest, those up to a name, and what was broken off; nothing not named as ours."""
    for number, snapshot in enumerate(list_all_snapshots(folder)):
        if number >= max(1, keep) or snapshot.name <= withdrawn:
            shutil.rmtree(snapshot.path)
    for path in folder.glob(f"*T*{UNFINISHED_SUFFIX}"):
        shutil.rmtree(path)


def describe_file_sizes(snapshot: Snapshot) -> str:
    """Its files in words."""
    files = sorted(snapshot.path.glob("*.db"))
    return ", ".join(f"{file.name} {file.stat().st_size / 1e6:.1f} MB" for file in files)


def count_snapshot_releases(snapshot: Snapshot) -> int:
    """How many its lists show: those that are redacted, too, and neither hidden ones nor those that moved on."""
    with closing(open_readonly(snapshot.path / ARCHIVE_FILE)) as db:
        return int(db.execute("select count(*) from release_facets").fetchone()[0])
