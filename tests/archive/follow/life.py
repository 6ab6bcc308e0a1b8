"""An archive that is crawled day by day, its site, and a mail server: what a subscriber sees."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from archive.database.models import Release
from archive.follow.notifications import notify
from archive.follow.sending import NotifyResult
from archive.follow.subscriptions import FOLLOW_FILE, TOKEN_PLACE, FollowSettings
from archive.mail_and_webhooks import parse_mail_server
from archive.store.releases import Archive
from tests.archive import sample
from tests.archive.sample import Site
from tests.scraper.receivers import MailServer

PUBLIC_URL = "https://arkiv.example"
SENDER = "Arkivet <arkiv@arkiv.example>"
ADDRESS = "ada@reader.example"
START = datetime(2024, 6, 3, 6, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
LINK = re.compile(rf"{PUBLIC_URL}/-/follow/subscription\?\S+")
ENVIRONMENT = {"PUBLIC_URL": PUBLIC_URL, "FOLLOW_MAIL_FROM": SENDER}


def build_release(
    name: str, title: str, published: date | None, *, body: str = "", tags: Sequence[str] = ()
) -> Release:
    return sample.build_release("fyr", name, title, body, published=published, tags=tuple(tags))


@dataclass(slots=True)
class Life:
    """An archive of one agency, with a clock that the test moves."""

    path: Path
    mails: MailServer
    moment: datetime = START
    archive: Archive = field(init=False)

    def __post_init__(self) -> None:
        self.archive = Archive(self.path)
        self.archive.add_agency(
            "fyr", name="Fyrstyrelsen", name_en="Lights", home="https://fyr.example/"
        )
        self.crawl(build_release("forst", "Från början", START.date()))

    def crawl(self, *releases: Release, cause: str = "source") -> None:
        """Store what a complete crawl finds, ten minutes after the last one."""
        started = self.moment + 10 * MINUTE
        with self.archive.bulk():
            for release in releases:
                self.archive.save(release, seen_at=started + MINUTE, cause=cause)
            self.archive.db.execute(
                "insert into crawls (agency, spider, started, finished, reason, new)"
                " values ('fyr', 'news', ?, ?, 'finished', ?)",
                [started.isoformat(), (started + 2 * MINUTE).isoformat(), len(releases)],
            )
        self.moment = started + 3 * MINUTE

    def remove(self, release_id: int) -> None:
        """Find a release missing until its removal is confirmed."""
        for _ in range(3):
            with self.archive.transaction():
                self.archive.removals.mark_missing(release_id, self.moment, "gone", status=404)
            self.moment += DAY

    def find_id(self, title: str) -> int:
        return int(
            self.archive.db.execute("select id from releases where title = ?", [title]).fetchone()[
                0
            ]
        )

    @property
    def settings(self) -> FollowSettings:
        return FollowSettings(
            public_url=PUBLIC_URL,
            sender=SENDER,
            mail_server=parse_mail_server(f"smtp://127.0.0.1:{self.mails.port}", SENDER),
            return_path=f"bounces+{TOKEN_PLACE}@arkiv.example",
            private_hosts=("127.0.0.1",),
        )

    def execute(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a statement on the file of subscriptions."""
        with closing(sqlite3.connect(self.path.with_name(FOLLOW_FILE))) as db, db:
            return db.execute(sql).fetchall()

    def notify(self) -> NotifyResult:
        result = notify(self.path, self.settings, lambda: self.moment)
        assert result is not None
        return result

    def take_mails(self) -> list[EmailMessage]:
        """Send what is due, and return the mails that arrived."""
        self.notify()
        mails = list(self.mails.received)
        self.mails.received.clear()
        return mails


@contextmanager
def start_life(folder: Path) -> Iterator[Life]:
    with MailServer() as mails:
        life = Life(folder / "archive.db", mails)
        with life.archive:
            yield life


def read_text(mail: EmailMessage) -> str:
    return str(mail.get_content()).replace("\r\n", "\n")


def find_link(text: str) -> str:
    """Return the path and query of the link to a subscription in a message."""
    parts = urlsplit(LINK.findall(text)[-1])
    return f"{parts.path}?{parts.query}"


async def post(site: Site, path: str, **fields: str) -> httpx.Response:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    response: httpx.Response = await site.datasette.client.post(
        path, content=urlencode(fields), headers=headers
    )
    return response


async def request_mails(
    site: Site, query: str = "", address: str = ADDRESS, frequency: str = "now"
) -> httpx.Response:
    return await post(
        site, f"/-/follow?{query}", channel="mail", address=address, frequency=frequency
    )


async def request_webhook(site: Site, url: str, query: str = "") -> None:
    response = await post(
        site, f"/-/follow?{query}", channel="webhook", address=url, frequency="now"
    )
    assert response.status_code == 200


async def subscribe(
    site: Site, life: Life, query: str, address: str = ADDRESS, frequency: str = "now"
) -> str:
    """Request a subscription by mail, confirm it by the link of the mail, and return the link."""
    await request_mails(site, query, address, frequency)
    (mail,) = life.take_mails()
    link = find_link(read_text(mail))
    assert (await post(site, link, action="confirm")).status_code == 200
    return link
