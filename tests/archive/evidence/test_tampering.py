"""Many ways to change what an old manifest covers, a third of them with manifests forged to match:
who kept one hash finds each.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.database.captures import Captures
from archive.evidence.manifest import (
    COVERED_TABLES,
    format_manifest,
    format_manifest_part,
    iter_part_ranges,
    read_manifests,
)
from archive.evidence.verification import verify
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, redact_passage
from tests.archive.sample_evidence import create_evidence_archive, execute, url

TAKEN_DOWN = datetime(2026, 3, 9, 8, tzinfo=UTC)
TEXT_COLUMNS = {
    "captures": ("url", "headers", "sha256"),
    "revisions": ("title", "lead", "body", "body_html", "published_text", "tags", "questions"),
}
Tampering = Callable[[sqlite3.Connection, random.Random, str, int], None]


def change_text(db: sqlite3.Connection, dice: random.Random, table: str, last: int) -> None:
    column, key = dice.choice(TEXT_COLUMNS[table]), dice.randint(1, last)
    (value,) = db.execute(f"select {column} from {table} where id = ?", [key]).fetchone()
    if column in ("headers", "tags", "questions"):
        changed = json.dumps({"x": "1"}) if column == "headers" else json.dumps(["Annan"])
        changed = changed if column != "questions" else json.dumps([{"question": "Vem?"}])
    else:
        text = value or "Fyren"
        place = dice.randrange(len(text))
        changed = f"{text[:place]}{'0' if text[place] != '0' else '1'}{text[place + 1 :]}"
    db.execute(f"update {table} set {column} = ? where id = ?", [changed, key])


def change_number(db: sqlite3.Connection, dice: random.Random, table: str, last: int) -> None:
    column = dice.choice(("status", "bytes") if table == "captures" else ("release", "capture"))
    values = (column, dice.randint(1, last))
    db.execute(f"update {table} set {values[0]} = {values[0]} + 1 where id = ?", [values[1]])


def move_time(db: sqlite3.Connection, dice: random.Random, table: str, last: int) -> None:
    moved = f"202{dice.randint(0, 5)}-0{dice.randint(1, 9)}-{dice.randint(10, 28)}T08:00:00+00:00"
    key = dice.randint(1, last)
    db.execute(f"update {table} set seen = ? where id = ?", [moved, key])


def remove_row(db: sqlite3.Connection, dice: random.Random, table: str, last: int) -> None:
    db.execute(f"delete from {table} where id = ?", [dice.randint(1, last)])


def swap_rows(db: sqlite3.Connection, dice: random.Random, table: str, last: int) -> None:
    one, other = dice.sample(range(1, last + 1), 2)
    for old, new in ((one, -1), (other, one), (-1, other)):
        db.execute(f"update {table} set id = ? where id = ?", [new, old])


def add_row(db: sqlite3.Connection, dice: random.Random, table: str, last: int) -> None:
    """Put a copy of a row among those that are covered, and move the later ones."""
    key = dice.randint(1, last)
    names = [
        name
        for _, name, _, _, _, _, hidden in db.execute(f"pragma table_xinfo({table})")
        if not hidden and name != "id"
    ]
    columns = ", ".join(names)
    db.execute(f"update {table} set id = -id - 1 where id >= ?", [key])
    db.execute(f"update {table} set id = -id where id < 0")
    db.execute(
        f"insert into {table} (id, {columns}) select ?, {columns} from {table} where id = ?",
        [key, key + 1],
    )


TAMPERINGS: tuple[Tampering, ...] = (
    change_text,
    change_number,
    move_time,
    remove_row,
    swap_rows,
    add_row,
)


def tamper_with_manifests(archive: Path, dice: random.Random) -> None:
    """Change a row of `manifests`, or bytes in captures.db."""
    choice = dice.randrange(5)
    if choice == 0:
        execute(archive, "delete from manifests where day = '2026-03-01'")
    elif choice == 1:
        execute(archive, "update manifests set captures_to = captures_to + ?", dice.choice((-1, 1)))
    elif choice == 2:
        column = dice.choice(("day", "previous"))
        execute(archive, f"update manifests set {column} = '2020-01-01' where day = '2026-03-02'")
    else:
        captures = archive.with_name("captures.db")
        ((count,),) = execute(captures, "select count(*) from blobs")
        place = dice.randrange(count)
        where = f"where id = (select id from blobs order by id limit 1 offset {place})"
        sql = f"delete from blobs {where}"
        if choice == 4:
            sql = f"update blobs set data = substr(data, 1, length(data) - 1) || x'00' {where}"
        execute(captures, sql)


def forge_manifests(archive: Path) -> None:
    """Write all manifests again, as the tampered rows would have given them."""
    with closing(sqlite3.connect(archive)) as db, db, Captures(archive) as captures:
        previous = None
        for manifest in read_manifests(db):
            last_ids = {table: manifest.last_id_of(table) for table in COVERED_TABLES}
            parts = [
                {
                    table: [first, last],
                    "sha256": captures.store_body(format_manifest_part(db, table, first, last), ""),
                }
                for table, first, last in iter_part_ranges(previous, last_ids)
            ]
            row = {
                "day": manifest.day,
                "previous": previous.digest if previous else None,
                "captures_to": manifest.captures_to,
                "revisions_to": manifest.revisions_to,
            }
            digest = captures.store_body(format_manifest(row, parts), "")
            db.execute(
                "update manifests set previous = ?, digest = ? where day = ?",
                [row["previous"], digest, manifest.day],
            )
            (previous,) = read_manifests(db, "day = ?", manifest.day)


def tamper(archive: Path, seed: int) -> str:
    """Change an archive in a way that depends on the seed, and return what was done."""
    dice = random.Random(seed)
    if seed % 5 == 4:
        tamper_with_manifests(archive, dice)
        return "manifests or bytes"
    change, table = TAMPERINGS[seed % len(TAMPERINGS)], COVERED_TABLES[seed % 2]
    with closing(sqlite3.connect(archive)) as db, db:
        (last,) = db.execute(f"select max({table}_to) from manifests").fetchone()
        before = [*db.iterdump()] if seed < 50 else []
        change(db, dice, table, last)
        assert not before or [*db.iterdump()] != before
    is_forged = seed % 3 == 0
    if is_forged:
        forge_manifests(archive)
    return f"{change.__name__} of {table}{', forged' if is_forged else ''}"


def find_unnoticed(folder: Path, seeds: range) -> list[str]:
    """Return the changes that a verification with a kept hash does not find."""
    original = folder / "original"
    original.mkdir()
    archive = create_evidence_archive(original)
    ((kept,),) = execute(archive, "select digest from manifests order by rowid desc limit 1")
    assert verify(archive, since=kept).findings == []
    unnoticed = []
    for seed in seeds:
        changed = folder / "changed"
        shutil.copytree(original, changed)
        what = tamper(changed / "archive.db", seed)
        if not verify(changed / "archive.db", since=kept).findings:
            unnoticed.append(f"{seed}: {what}")
        shutil.rmtree(changed)
    return unnoticed


def test_sixty_tamperings_are_found(tmp_path: Path) -> None:
    assert find_unnoticed(tmp_path, range(60)) == []


@pytest.mark.slow("verifies hundreds of archives")
@pytest.mark.parametrize("first", range(60, 360, 100))
def test_more_tamperings_are_found(tmp_path: Path, first: int) -> None:
    assert find_unnoticed(tmp_path, range(first, first + 100)) == []


def test_forged_chain_is_only_found_by_who_kept_a_hash(tmp_path: Path) -> None:
    archive = create_evidence_archive(tmp_path)
    ((kept,),) = execute(archive, "select digest from manifests order by rowid desc limit 1")
    execute(archive, "update captures set status = 404 where id = 3")
    assert verify(archive).findings
    forge_manifests(archive)
    assert verify(archive).findings == []
    (finding,) = verify(archive, since=kept).findings
    assert (finding.table, finding.key) == ("manifests", kept)


@pytest.mark.parametrize("kind", ["hide", "redact"])
def test_takedown_is_no_tampering(tmp_path: Path, kind: str) -> None:
    archive = create_evidence_archive(tmp_path)
    ((kept,),) = execute(archive, "select digest from manifests order by rowid desc limit 1")
    with Archive(archive) as opened:
        release = opened.find_release_id(url(3))
        assert release
        if kind == "hide":
            hide_release(opened, release, TAKEN_DOWN, reason="namn")
        else:
            redact_passage(opened, release, "Fyren tänds", TAKEN_DOWN, reason="namn")
    assert verify(archive, since=kept).findings == []
    execute(archive, "update revisions set title = 'Annat' where release = ?", release)
    assert verify(archive, since=kept).findings
