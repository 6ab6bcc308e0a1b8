"""Leaves out of a copy of captures.db what must stay on the owner's machine: the bytes of what is taken down.

What the copied archive.db does not point to goes as well: nobody can say yet whether it may be shown.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from archive.captures import Captures
from archive.captures.frames import compress
from archive.errors import ArchiveError
from archive.evidence.manifest import read_manifests
from archive.evidence.warc import WITHHELD

KEPT = f"select sha256 from captures where id not in ({WITHHELD})"


def leave_out_withheld(archive: Path, file: Path, source: Path) -> int:
    """Change a copy of captures.db by what the copied archive.db says; gives the number of blobs that went.

    `source` is the archive that both are copies of: bytes are read from there.
    """
    try:
        with closing(sqlite3.connect(archive)) as db, closing(sqlite3.connect(file, isolation_level=None)) as copy:
            copy.execute("pragma secure_delete = on")
            copy.execute("create temp table kept (sha256 text primary key) without rowid")
            copy.execute("begin")
            for sql in (KEPT, "select digest from manifests"):
                copy.executemany("insert or ignore into kept values (?)", db.execute(sql))
            with Captures(source, readonly=True) as captures:
                keep_parts(db, copy, captures)
                copy.execute(
                    "create temp table gone as select id from blobs where sha256 not in (select sha256 from kept)"
                )
                for (base,) in copy.execute(
                    "select distinct base from blobs where base in (select id from gone) and id not in"
                    " (select id from gone)"
                ).fetchall():
                    hand_on(copy, captures, base)
            copy.execute("delete from bases where blob in (select id from gone)")
            gone = copy.execute("delete from blobs where id in (select id from gone)").rowcount
            copy.execute("commit")
            if gone:
                copy.execute("vacuum")
    except sqlite3.Error as error:
        raise ArchiveError(file, f"cannot be freed of what is taken down: {error}", table="blobs") from error
    return gone


def keep_parts(db: sqlite3.Connection, copy: sqlite3.Connection, captures: Captures) -> None:
    """Manifests and their parts hold hashes alone. One whose text is damaged is told by `verify`."""
    for manifest in read_manifests(db):
        if manifest.digest in captures:
            parts = json.loads(captures.read(manifest.digest))["parts"]
            copy.executemany("insert or ignore into kept values (?)", [(part["sha256"],) for part in parts])


def hand_on(copy: sqlite3.Connection, captures: Captures, base: int) -> None:
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
