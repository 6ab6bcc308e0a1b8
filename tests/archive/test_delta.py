"""The delta: whoever follows it from the beginning, in whatever steps, holds exactly what the archive shows."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from archive.changefeed import CursorAheadError, UnknownCursorError
from archive.database import open_writable
from archive.store import Archive
from tests.archive.deeds import Life
from tests.archive.mirror import Mirror, read_shown


def test_a_mirror_holds_what_the_archive_shows(tmp_path: Path) -> None:
    """However its pages fall between what happens."""
    told: set[str] = set()
    for seed in range(4):
        chance = random.Random(seed)
        (tmp_path / str(seed)).mkdir()
        with Archive(tmp_path / str(seed) / "archive.db") as archive:
            life, mirror = Life(archive, chance), Mirror(archive.path)
            for _ in range(40):
                life.go_on()
                if chance.random() < 0.3:
                    mirror.take_page(chance.randint(1, 5))
            while mirror.take_page(chance.randint(1, 9)):
                pass
            told |= {change for (change,) in archive.db.execute("select change from changefeed")}
        assert mirror.held == read_shown(archive.path), seed
        assert mirror.numbers == sorted(set(mirror.numbers))
        late = Mirror(archive.path)
        while late.take_page(7):
            pass
        assert late.held == mirror.held
    assert told == {"added", "changed", "removed", "returned", "moved", "hidden", "redacted", "restored"}


def test_a_number_is_given_only_when_those_before_it_are_committed(tmp_path: Path) -> None:
    """What a reader goes by: nothing smaller comes after what it has read."""
    path = tmp_path / "archive.db"
    with Archive(path) as archive:
        life = Life(archive, random.Random(1))
        other = open_writable(path)
        other.execute("pragma busy_timeout = 0")
        with archive.transaction():
            life.publish()
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("begin immediate")
            assert other.execute("select count(*) from changefeed").fetchone() == (0,)
        other.execute("begin immediate")  # a number that a broken transaction took was never seen
        other.execute("insert into takedowns (release, kind, reason, at) values (1, 'redact', '', '')")
        other.execute("rollback")
        life.publish()
        assert other.execute("select id, release from changefeed").fetchall() == [(1, 1), (2, 2)]
        other.close()


def test_the_log_only_grows(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        Life(archive, random.Random(1)).publish()
        for sql in ("delete from changefeed", "update changefeed set release = 2"):
            with pytest.raises(sqlite3.IntegrityError, match="the log only grows"):
                archive.db.execute(sql)
        archive.db.execute("pragma foreign_keys = off")
        archive.db.execute("delete from releases")
    mirror = Mirror(archive.path)
    mirror.take_page(9)
    assert (mirror.held, mirror.numbers) == ({}, [1, 2])


def test_a_restored_back_up_is_told_from_the_log_that_went_on(tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    with Archive(path) as archive:
        life = Life(archive, random.Random(1))
        life.publish()
        archive.db.execute("pragma wal_checkpoint(truncate)")
        shutil.copy(path, tmp_path / "copy.db")
        life.publish()
        mirror = Mirror(path)
        mirror.take_page(9)
    mirror.archive = tmp_path / "copy.db"
    with pytest.raises(CursorAheadError):
        mirror.take_page(9)
    with Archive(mirror.archive) as archive:
        Life(archive, random.Random(2)).edit()
    with pytest.raises(UnknownCursorError):
        mirror.take_page(9)
