"""Random events in the life of releases, for properties that must hold whatever happened."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from archive.attachments.attachment_store import AttachmentPage, AttachmentText
from archive.database.models import Attachment, Capture, Contact, Image, Question, Release
from archive.database.sqlite_files import ArchiveError
from archive.store.merged_histories import merge_releases
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, lift_takedown, redact_passage
from tests.archive.sample import SEEN

NAME = "Nora Kvist"
EVENTS = (
    *("publish", "publish", "edit", "edit", "check", "remove", "return_release", "move", "merge"),
    *("hide", "redact", "lift", "attach"),
)


class RandomEvents:
    """Adds releases of one agency to an archive, and lets random events happen to them."""

    def __init__(self, archive: Archive, random: Random) -> None:
        self.archive, self.random, self.time, self.last_number = archive, random, SEEN, 0
        archive.add_agency("prov", name="Provverket", home="https://prov.example/")

    def add_event(self) -> None:
        """Let one more event happen, half a day later; skip it if it is impossible now."""
        self.time += timedelta(hours=12)
        with suppress(ArchiveError):
            getattr(self, self.random.choice(EVENTS))()

    def choose_release(self) -> int | None:
        ids = [key for (key,) in self.archive.db.execute("select id from releases")]
        return self.random.choice(ids) if ids else None

    def save(self, url: str) -> None:
        word = self.random.choice(("fyr", "båt", "ö"))
        release = Release(
            agency="prov",
            url=url,
            title=f"Om en {word}",
            body="",
            body_html="",
            published=date(2024, 5, 1),
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
        chosen = {name: part for name, part in parts.items() if self.random.random() < 0.6}
        self.archive.save(replace(release, **chosen), seen_at=self.time)  # type: ignore[arg-type] # the fields of a Release

    def publish(self) -> None:
        self.last_number += 1
        self.save(f"https://prov.example/{self.last_number}")

    def edit(self) -> None:
        if key := self.choose_release():
            self.save(str(self.archive.get_url(key)))

    def check(self) -> None:
        if key := self.choose_release():
            self.archive.mark_checked(key, self.time)

    def remove(self) -> None:
        if key := self.choose_release():
            for _ in range(3):
                self.time += timedelta(hours=12)
                with self.archive.transaction():
                    self.archive.removals.mark_missing(key, self.time, "gone", status=404)

    def return_release(self) -> None:
        if key := self.choose_release():
            with self.archive.transaction():
                self.archive.removals.mark_present(key, self.time)

    def move(self) -> None:
        if key := self.choose_release():
            self.last_number += 1
            with self.archive.transaction():
                self.archive.removals.mark_moved(
                    key, self.time, f"https://prov.example/{self.last_number}"
                )
                self.archive.derived.refresh(key)

    def merge(self) -> None:
        one, other = self.choose_release(), self.choose_release()
        if one and other and one < other and self.random.random() < 0.5:
            with self.archive.transaction():
                merge_releases(
                    self.archive,
                    one,
                    other,
                    self.time,
                    str(self.archive.get_url(other)),
                    cause="source",
                )

    def hide(self) -> None:
        if key := self.choose_release():
            hide_release(self.archive, key, self.time, reason="Beslut")

    def redact(self) -> None:
        if key := self.choose_release():
            redact_passage(self.archive, key, NAME, self.time, reason="Personuppgift")

    def attach(self) -> None:
        """Find another file at the URL that releases link to, and read its text later."""
        url, name = "https://prov.example/f.pdf", str(self.random.choice((1, 2, 3)))
        sha256 = hashlib.sha256(name.encode()).hexdigest()
        capture = Capture(url=url, seen=self.time, status=200, headers={}, sha256=sha256, bytes=1)
        with self.archive.transaction():
            capture_id = self.archive.add_capture(capture)
            version = self.archive.attachments.record_version(
                url, sha256, 1, capture_id, self.time, media_type=None
            )
        if self.random.random() < 0.7:
            text = AttachmentText("pdf", 1, (AttachmentPage(1, f"Fil {name}, säger {NAME}."),))
            self.archive.store_attachment_text(version.file_id, text, self.time)

    def lift(self) -> None:
        ids = [
            key
            for (key,) in self.archive.db.execute("select id from takedowns where lifted is null")
        ]
        if ids:
            lift_takedown(self.archive, self.random.choice(ids), self.time, "Upphävt")
