"""Whatever may happen to releases, by chance: for what must hold whatever happened."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta

from archive.database import ArchiveError
from archive.merge import merge_releases
from archive.models import Attachment, Contact, Image, Question, Release
from archive.store import Archive
from archive.takedowns import hide_release, lift_takedown, redact_passage
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
            "images": (Image(url="https://prov.example/nora-kvist.jpg", credit=NAME),),
            "attachments": (Attachment(url="https://prov.example/f.pdf", title=word),),
            "contacts": (Contact(name=NAME, phone="08-1"),),
        }
        chosen = {name: part for name, part in parts.items() if self.chance.random() < 0.6}
        self.archive.save(replace(release, **chosen), seen_at=self.at)  # type: ignore[arg-type] # the fields of a Release

    def publish(self) -> None:
        self.number += 1
        self.save(f"https://prov.example/{self.number}")

    def edit(self) -> None:
        if key := self.pick():
            self.save(str(self.archive.get_url(key)))

    def look(self) -> None:
        if key := self.pick():
            self.archive.mark_checked(key, self.at)

    def go(self) -> None:
        if key := self.pick():
            for _ in range(3):
                self.at += timedelta(hours=12)
                with self.archive.transaction():
                    self.archive.removals.mark_missing(key, self.at, "gone", status=404)

    def come_back(self) -> None:
        if key := self.pick():
            with self.archive.transaction():
                self.archive.removals.mark_present(key, self.at)

    def rename(self) -> None:
        if key := self.pick():
            self.number += 1
            with self.archive.transaction():
                self.archive.removals.mark_moved(key, self.at, f"https://prov.example/{self.number}")

    def join(self) -> None:
        one, other = self.pick(), self.pick()
        if one and other and one < other and self.chance.random() < 0.5:
            with self.archive.transaction():
                merge_releases(self.archive, one, other, self.at, str(self.archive.get_url(other)), cause="source")

    def hide(self) -> None:
        if key := self.pick():
            hide_release(self.archive, key, self.at, reason="Beslut")

    def redact(self) -> None:
        if key := self.pick():
            redact_passage(self.archive, key, NAME, self.at, reason="Personuppgift")

    def lift(self) -> None:
        keys = [key for (key,) in self.archive.db.execute("select id from takedowns where lifted is null")]
        if keys:
            lift_takedown(self.archive, self.chance.choice(keys), self.at, "Upphävt")
