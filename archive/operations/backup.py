"""Backup and restore of an archive.

A backup is a checked copy of archive.db, captures.db and withheld.db. Crawls may continue while it
is made. archive.db is copied first: the data to which it refers in the other files was written
earlier, so the later copies contain it. A restore checks the files of a backup, or of a folder into
which Litestream restored archive.db and captures.db, before it moves them into place. Existing
files are moved to a folder beside the archive. Subscriptions (archive.follow.subscriptions) are
copied only on request, and restored only if the archive has none.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from archive.database.captures import CAPTURES_FILE
from archive.database.redaction import WITHHELD_FILE
from archive.database.sqlite_files import (
    ARCHIVE_FILE,
    UNFINISHED_SUFFIX,
    ArchiveError,
    ProgressCallback,
    check_version,
    copy_database,
    create_target_folder,
    drop_litestream_tables,
    open_readonly,
    unfinished_folder,
)
from archive.evidence.verification import verify
from archive.follow.subscriptions import FOLLOW_FILE, KEY_FILE
from archive.store.releases import Archive
from archive.times import FOLDER_NAME, FOLDER_NAME_FORMAT

DAMAGED_SUFFIX = ".damaged"  # suffix of a complete backup with findings of `verify`
TAKEDOWNS_SQL = "select id, release, kind, at, reason, coalesce(lifted, '') from takedowns"
TakedownRow = tuple[int, int, str, str, str]  # id, release, kind, time, reason


def create_backup(
    archive: Path,
    folder: Path,
    *,
    keep: int,
    moment: datetime,
    with_subscriptions: bool = False,
    progress: ProgressCallback = lambda *_: None,
) -> tuple[Path, list[ArchiveError]]:
    """Copy an archive into a new folder in `folder`, and verify the copy.

    Returns the new folder and the findings. The folder is named after `moment`. If there are
    findings, its name ends in `.damaged`. The newest `keep` sound backups are kept, and up to
    `keep` damaged ones that are newer than all sound ones. Older and unfinished backups are
    deleted. A backup named after a later time than `moment` is assumed to have been made while the
    clock was wrong, and counts as older than all others. Raises ArchiveError, and leaves no copy,
    if there is no archive or a file cannot be copied.

    with_subscriptions: also copy the addresses of subscribers, and the key for their links.
    """
    if not archive.is_file():
        raise ArchiveError(archive, "no such file")
    copy = folder / f"{moment:{FOLDER_NAME_FORMAT}}"
    create_target_folder(folder, mode=0o700)
    # done first, because an unfinished backup may take up the space that is needed
    _delete_old_backups(folder, keep, moment)
    with unfinished_folder(copy, mode=0o700) as unfinished:
        for path in _list_archive_files(archive):
            if path.is_file():
                copy_database(path, unfinished / path.name)
        if with_subscriptions and archive.with_name(FOLLOW_FILE).exists():
            copy_database(archive.with_name(FOLLOW_FILE), unfinished / FOLLOW_FILE)
            shutil.copy(archive.with_name(KEY_FILE), unfinished / KEY_FILE)
        findings = verify(unfinished / archive.name, progress=progress).findings
        copy = copy.with_suffix(DAMAGED_SUFFIX) if findings else copy
        unfinished.rename(copy)
    _delete_old_backups(folder, keep, moment)
    return copy, findings


def _delete_old_backups(folder: Path, keep: int, moment: datetime) -> None:
    """Delete old and unfinished backups (see `create_backup`). Other files are left alone."""
    latest = f"{moment:{FOLDER_NAME_FORMAT}}"
    copies = sorted(
        (path for path in folder.iterdir() if path.is_dir() and FOLDER_NAME.fullmatch(path.stem)),
        key=lambda path: (path.stem <= latest, path.name),
    )
    sound = [path for path in copies if not path.suffix][-max(1, keep) :]
    later = copies[copies.index(sound[-1]) + 1 :] if sound else copies
    damaged = [path for path in later if path.suffix == DAMAGED_SUFFIX]
    for path in {*copies} - {*sound, *damaged[-max(1, keep) :]}:
        if path.suffix in ("", UNFINISHED_SUFFIX, DAMAGED_SUFFIX):
            shutil.rmtree(path)


def restore_backup(
    backup: Path,
    archive: Path,
    *,
    replace: bool,
    moment: datetime,
    progress: ProgressCallback = lambda *_: None,
) -> tuple[list[ArchiveError], Path | None, list[str]]:
    """Restore an archive from the files of a backup, unless `verify` finds faults in them.

    Returns the findings, the folder with the former files (None if there were none), and
    descriptions of the takedowns that the restored archive lacks, and of those that it wrongly
    records as still in force. Raises ArchiveError if there is no backup, if there is an archive
    already and `replace` is False, or if another process has the archive open. The new files are
    checked first, and then renamed into place, archive.db last.
    """
    existing = [path for path in _list_archive_files(archive) if path.exists()]
    _check_restorable(backup, archive, [] if replace else existing)
    with unfinished_folder(archive, mode=0o700) as unfinished:
        restored = unfinished / archive.name
        _copy_from_backup(backup, restored)
        with suppress(ArchiveError):  # `verify` reports what cannot be opened
            Archive(restored, rebuild_stale=False).close()  # to apply newer migrations
        findings = verify(restored, progress=progress).findings
        if findings:
            return findings, None, []
        lost = _find_lost_takedowns(archive, restored)
        for path in existing:
            _check_not_open(path)
        former_files = _move_replaced_archive(archive, moment) if existing else None
        for path in reversed(_list_archive_files(restored)):
            if path.is_file():
                path.rename(archive.with_name(path.name))
    if (backup / FOLLOW_FILE).is_file() and not archive.with_name(FOLLOW_FILE).exists():
        # subscriptions that were ended since the backup must not come back: existing ones stay
        shutil.copy(backup / KEY_FILE, archive.with_name(KEY_FILE))
        copy_database(backup / FOLLOW_FILE, archive.with_name(FOLLOW_FILE))
    return [], former_files, lost


def _check_restorable(backup: Path, archive: Path, kept: Sequence[Path]) -> None:
    """Raise ArchiveError if the backup or the target folder is missing, or if `kept` is not empty.

    kept: existing files that must not be replaced.
    """
    if not (backup / ARCHIVE_FILE).is_file():
        raise ArchiveError(backup / ARCHIVE_FILE, "no such file, so this is not a backup")
    if not archive.parent.is_dir():
        raise ArchiveError(archive, f"there is no folder {archive.parent}")
    if kept:
        problem = "exists already; nothing was changed (--replace moves it to another folder)"
        raise ArchiveError(kept[0], problem)


def _copy_from_backup(backup: Path, restored: Path) -> None:
    for name in (ARCHIVE_FILE, CAPTURES_FILE, WITHHELD_FILE):
        if not (backup / name).is_file():
            continue
        copy = restored if name == ARCHIVE_FILE else restored.with_name(name)
        copy_database(backup / name, copy)
        drop_litestream_tables(copy)
        with closing(open_readonly(copy)) as db:
            check_version(db, backup / name)


def _list_archive_files(archive: Path) -> list[Path]:
    """Return the paths of an archive's files, archive.db first."""
    return [archive, archive.with_name(CAPTURES_FILE), archive.with_name(WITHHELD_FILE)]


def _check_not_open(path: Path) -> None:
    """Raise ArchiveError if another process has a file open.

    Anything that the other process wrote afterwards would be lost.
    """
    with closing(sqlite3.connect(path, isolation_level=None, timeout=1)) as db:
        try:
            # SQLite allows this only if no other connection is open
            db.execute("pragma journal_mode = delete")
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise ArchiveError(
                    path, "is in use: stop the round, the site and Litestream first"
                ) from error
        except sqlite3.DatabaseError:  # it may be replaced because it is damaged
            return


def _move_replaced_archive(archive: Path, moment: datetime) -> Path:
    """Move an archive's files into a new folder beside the archive, and return the folder.

    archive.db is moved first, so that no process opens an incomplete archive.
    """
    folder = archive.with_name(f"{archive.name}.{moment:{FOLDER_NAME_FORMAT}}.replaced")
    folder.mkdir(mode=0o700)
    for path in _list_archive_files(archive):
        for file in (
            path,
            *(path.with_name(f"{path.name}{suffix}") for suffix in ("-wal", "-shm", "-journal")),
        ):
            if file.exists():
                file.rename(folder / file.name)
    return folder


def _find_lost_takedowns(archive: Path, restored: Path) -> list[str]:
    """Describe the takedowns that the restored archive lacks, and those that it wrongly records as
    still in force.
    """
    in_backup = _read_takedowns(restored)
    in_archive = sorted(_read_takedowns(archive).items()) if archive.is_file() else []
    lost = []
    for takedown, lifted in in_archive:
        key, release, kind, at, reason = takedown
        description = f"{kind} of release {release} ({reason}, {at})"
        lifted_in_backup = in_backup.get(takedown)
        if not lifted and lifted_in_backup is None:
            lost.append(f"not in the backup; repeat it before the archive is served: {description}")
        elif lifted and lifted_in_backup is None:
            lost.append(
                f"not in the backup, and lifted since ({lifted}),"
                f" so there is nothing to do: {description}"
            )
        elif lifted and not lifted_in_backup:
            lost.append(
                f"lifted since the backup ({lifted}); lift it again: takedown {key}, {description}"
            )
    return lost


def _read_takedowns(path: Path) -> dict[TakedownRow, str]:
    """Return a map from each takedown to the time when it was lifted, or "" if it is still in
    force.

    Returns {} if the file is damaged.
    """
    try:
        with closing(open_readonly(path)) as db:
            return {tuple(row[:-1]): row[-1] for row in db.execute(TAKEDOWNS_SQL)}
    except sqlite3.Error:
        return {}
