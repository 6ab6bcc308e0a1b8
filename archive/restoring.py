"""Restore: the files of a back-up put in an archive's place, once they are found sound; what stood there is kept aside.

BACKUP    a folder of `python -m archive backup`, or one into which Litestream restored archive.db and captures.db
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import sys
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from archive.backup import UNFINISHED, copy_file, forget_litestream
from archive.captures import CAPTURES_FILE
from archive.errors import ArchiveError
from archive.evidence.verify import Watch, verify
from archive.files import open_readonly
from archive.store import Archive
from archive.takedowns.withheld import WITHHELD_FILE
from archive.times import now

HELD = "archive.db"  # as it is called in a back-up
BESIDE = ("-wal", "-shm", "-journal")
TAKEDOWNS = "select id, release, kind, at, reason, coalesce(lifted, '') from takedowns"

Takedown = tuple[int, int, str, str, str]  # its number, release, kind, since when, and why


def add_restore_options(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m archive restore`."""
    parser.add_argument("backup", type=Path, help="a folder that python -m archive backup made")
    parser.add_argument("--to", type=Path, required=True, metavar="ARCHIVE", help="for example archive.db")
    parser.add_argument(
        "--replace", action="store_true", help="where an archive stands there: it is put aside, not deleted"
    )


def restore_command(options: argparse.Namespace, watch: Watch) -> int:
    """Lines on what was done; 1 where the back-up is not sound: then nothing is changed."""
    findings, aside, lost = restore(options.backup, options.to, replace=options.replace, moment=now(), watch=watch)
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


def restore(
    backup: Path, archive: Path, *, replace: bool, moment: datetime, watch: Watch = lambda *_: None
) -> tuple[list[ArchiveError], Path | None, list[str]]:
    """What `verify` finds wrong in the back-up, where the former files are, and what their desk did since.

    ArchiveError where there is no back-up, an archive stands in the place unless it is to be replaced, or somebody
    has that one open. Until the new files are found sound nothing is changed, and then each is renamed into place,
    archive.db last.
    """
    if not (backup / HELD).is_file():
        raise ArchiveError(backup / HELD, "no such file: this is no back-up")
    if not archive.parent.is_dir():
        raise ArchiveError(archive, f"there is no folder {archive.parent}")
    standing = [path for path in places(archive) if path.exists()]
    if standing and not replace:
        raise ArchiveError(standing[0], "is there already; nothing was changed (--replace puts it aside)")
    unfinished = archive.with_name(f"{archive.name}{UNFINISHED}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    try:
        fresh = unfinished / archive.name
        for name in (HELD, CAPTURES_FILE, WITHHELD_FILE):
            if (backup / name).is_file():
                copy = fresh if name == HELD else unfinished / name
                copy_file(backup / name, copy)
                forget_litestream(copy)
        renew_schema(fresh)
        findings = verify(fresh, watch=watch).findings
        if findings:
            return findings, None, []
        lost = find_lost(archive, fresh)
        for path in standing:
            refuse_open(path)
        aside = put_aside(archive, moment) if standing else None
        for name in (CAPTURES_FILE, WITHHELD_FILE, archive.name):
            if (unfinished / name).is_file():
                (unfinished / name).rename(archive.with_name(name))
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return [], aside, lost


def renew_schema(fresh: Path) -> None:
    """Bring a back-up of an earlier version to today's tables, which `verify` asks for."""
    with suppress(ArchiveError):  # what cannot even be opened `verify` tells
        Archive(fresh, renew=False).close()


def places(archive: Path) -> list[Path]:
    """Where the files of an archive stand, archive.db first."""
    return [archive, archive.with_name(CAPTURES_FILE), archive.with_name(WITHHELD_FILE)]


def find_lost(archive: Path, fresh: Path) -> list[str]:
    """A sentence for each takedown and lift that the former archive knows of and the restored one does not."""
    held = read_takedowns(fresh)
    former = sorted(read_takedowns(archive).items()) if archive.is_file() else []
    return list(filter(None, (tell_lost(what, lifted, held.get(what)) for what, lifted in former)))


def tell_lost(what: Takedown, lifted: str, held: str | None) -> str | None:
    """One of them, where anything is lost. `lifted`: when, "" never; `held`: the same in the back-up, None not held."""
    key, release, kind, at, reason = what
    told = f"{kind} of release {release} ({reason}, {at})"
    if not lifted:
        return None if held == "" else f"not in the back-up, to be made again before anybody reads the archive: {told}"
    if held is None:
        return f"not in the back-up, and lifted since ({lifted}), so that nothing is to be done: {told}"
    return None if held else f"lifted since the back-up ({lifted}), to be lifted again: takedown {key}, {told}"


def read_takedowns(path: Path) -> dict[Takedown, str]:
    """Each with when it was lifted, "" where it is in force. None where the file is damaged, or too old for any."""
    try:
        with closing(open_readonly(path)) as db:
            return {tuple(row[:-1]): row[-1] for row in db.execute(TAKEDOWNS)}
    except sqlite3.Error:
        return {}


def refuse_open(path: Path) -> None:
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


def put_aside(archive: Path, moment: datetime) -> Path:
    """A folder beside the archive with all its files; archive.db goes first, so that nobody takes half for a whole."""
    aside = archive.with_name(f"{archive.name}.{moment:%Y-%m-%dT%H%M%S}.replaced")
    aside.mkdir(mode=0o700)
    for path in places(archive):
        for each in (path, *(path.with_name(f"{path.name}{ending}") for ending in BESIDE)):
            if each.exists():
                each.rename(aside / each.name)
    return aside
