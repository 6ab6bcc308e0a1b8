"""The delta: whoever follows it from the beginning, in whatever steps, holds exactly what the archive shows."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from archive.delta.log import AheadError, StrangerError
from archive.delta.tables import TRIGGERS
from archive.errors import ArchiveError
from archive.files import open_writable
from archive.moves import join
from archive.records import Attachment, Contact, Image, Question, Release
from archive.store import Archive
from archive.takedowns.desk import hide, lift, redact_passage
from tests.archive.mirror import Mirror, read_shown
from tests.archive.sample import SEEN

NAME = "Nora Kvist"
DEEDS = ("publish", "publish", "edit", "edit", "look", "go", "come_back", "rename", "join", "hide", "redact", "lift")


class Life:
    """Whatever may happen to releases, by chance."""

    def __init__(self, archive: Archive, chance: random.Random) -> None:
        self.archive, self.chance, self.at, self.number = archive, chance, SEEN, 0
        archive.add_agency("prov", name="Provverket", home="https://prov.example/")

    def go_on(self) -> None:
        """One more deed, half a day later; one that cannot be done now is left out."""
        self.at += timedelta(hours=12)
        with suppress(ArchiveError):
            getattr(self, self.chance.choice(DEEDS))()

    def pick(self) -> int | None:
        """A release."""
        keys = [key for (key,) in self.archive.db.execute("select id from releases")]
        return self.chance.choice(keys) if keys else None

    def save(self, url: str) -> None:
        """Some state, at an address."""
        word = self.chance.choice(("fyr", "båt", "ö"))
        release = Release(
            agency="prov", url=url, title=f"Om en {word}", body="", body_html="", published=date(2024, 5, 1)
        )
        parts = {
            "body": f"En {word}, säger {NAME}.",
            "lead": word,
            "tags": (word, "Kust"),
            "questions": (Question(position=1, question="Vem?", answer=NAME),),
            "images": (Image(url="https://prov.example/b.jpg", credit=NAME),),
            "attachments": (Attachment(url="https://prov.example/f.pdf", title=word),),
            "contacts": (Contact(name=NAME, phone="08-1"),),
        }
        chosen = {name: part for name, part in parts.items() if self.chance.random() < 0.6}
        self.archive.save(replace(release, **chosen), seen=self.at)  # type: ignore[arg-type] # the fields of a Release

    def publish(self) -> None:
        self.number += 1
        self.save(f"https://prov.example/{self.number}")

    def edit(self) -> None:
        if key := self.pick():
            self.save(str(self.archive.url_of(key)))

    def look(self) -> None:
        if key := self.pick():
            self.archive.checked(key, self.at)

    def go(self) -> None:
        if key := self.pick():
            for _ in range(3):
                self.at += timedelta(hours=12)
                with self.archive.transaction():
                    self.archive.removals.absent(key, self.at, "gone", status=404)

    def come_back(self) -> None:
        if key := self.pick():
            with self.archive.transaction():
                self.archive.removals.present(key, self.at)

    def rename(self) -> None:
        if key := self.pick():
            self.number += 1
            with self.archive.transaction():
                self.archive.removals.renamed(key, self.at, f"https://prov.example/{self.number}")

    def join(self) -> None:
        one, other = self.pick(), self.pick()
        if one and other and one < other and self.chance.random() < 0.5:
            with self.archive.transaction():
                join(self.archive, one, other, self.at, str(self.archive.url_of(other)), cause="source")

    def hide(self) -> None:
        if key := self.pick():
            hide(self.archive, key, self.at, reason="Beslut")

    def redact(self) -> None:
        if key := self.pick():
            redact_passage(self.archive, key, NAME, self.at, reason="Personuppgift")

    def lift(self) -> None:
        keys = [key for (key,) in self.archive.db.execute("select id from takedowns where lifted is null")]
        if keys:
            lift(self.archive, self.chance.choice(keys), self.at, "Upphävt")


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
            told |= {change for (change,) in archive.db.execute("select change from delta")}
        assert mirror.held == read_shown(archive.path), seed
        assert mirror.numbers == sorted(set(mirror.numbers))
        late = Mirror(archive.path)
        while late.take_page(7):
            pass
        assert late.held == mirror.held
    assert told == {"added", "changed", "removed", "returned", "moved", "hidden", "redacted", "restored"}


def test_what_was_there_before_the_log_is_in_it(storied: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(storied.parent, tmp_path / "old")) / "archive.db"
    with Archive(path) as archive:
        hide(archive, 3, SEEN, reason="Beslut")
        redact_passage(archive, 1, "Lo Ask", SEEN, reason="Personuppgift")
        written = archive.db.execute("select release, change, revision, takedown from delta").fetchall()
        for name in TRIGGERS:
            archive.db.execute(f"drop trigger {name}")
        archive.db.execute("drop table delta")
        archive.db.execute("delete from _sqlite_migrations where name = 'delta'")
    with Archive(path) as archive:
        before = archive.db.execute("select release, change, revision, takedown from delta").fetchall()
    assert sorted(map(str, before)) == sorted(map(str, written))
    mirror = Mirror(path)
    while mirror.take_page(11):
        pass
    assert mirror.held == read_shown(path)


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
            assert other.execute("select count(*) from delta").fetchone() == (0,)
        other.execute("begin immediate")  # a number that a broken transaction took was never seen
        other.execute("insert into takedowns (release, kind, reason, at) values (1, 'redact', '', '')")
        other.execute("rollback")
        life.publish()
        assert other.execute("select id, release from delta").fetchall() == [(1, 1), (2, 2)]
        other.close()


def test_the_log_only_grows(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        Life(archive, random.Random(1)).publish()
        for sql in ("delete from delta", "update delta set release = 2"):
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
    with pytest.raises(AheadError):
        mirror.take_page(9)
    with Archive(mirror.archive) as archive:
        Life(archive, random.Random(2)).edit()
    with pytest.raises(StrangerError):
        mirror.take_page(9)
