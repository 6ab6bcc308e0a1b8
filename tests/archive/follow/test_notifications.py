"""The life of subscriptions, with a real mail server: what is sent, when, and what is not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import io
import sqlite3
import time
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from archive.database.models import Release
from archive.database.sqlite_files import ArchiveError
from archive.follow import notifications, sending
from archive.follow.notifications import notify
from archive.follow.rejected_mails import handle_bounce
from archive.follow.subscriptions import (
    FOLLOW_FILE,
    FOLLOW_VERSION,
    KEY_FILE,
    FollowStore,
    lock_sending,
)
from archive.mail_and_webhooks import parse_mail_server
from archive.store.takedowns import hide_release, redact_passage
from archive.times import now
from tests.archive.follow.life import (
    ADDRESS,
    DAY,
    MINUTE,
    SENDER,
    Life,
    build_release,
    find_link,
    post,
    read_text,
    request_mails,
    request_webhook,
    subscribe,
)
from tests.archive.sample import Site
from tests.forks import ForkedModule, run_module
from tests.scraper.receivers import Webhook

TODAY = date(2024, 6, 3)
BACKFILL = 500  # releases
READERS = 12  # with a message each while processes are killed
BODY = "Bron vid fyren kostar 120 miljoner kronor.\n\nDen är klar i maj."
BRIDGE = build_release("bro", "Bron vid fyren", TODAY, body=BODY, tags=["Broar"])
EDITED = build_release(
    "bro", "Bron vid fyren", TODAY, body=BODY.replace("120", "190"), tags=["Broar"]
)


async def test_whole_life(life: Life, own_site: Site) -> None:
    """Opt-in, new, edited with the difference, a backfill and a reparse, removed, one-click
    unsubscribe.
    """
    assert (await request_mails(own_site, "q=bro")).status_code == 200
    life.crawl(BRIDGE)
    (confirmation,) = life.take_mails()
    assert (confirmation["To"], confirmation["List-Unsubscribe"]) == (ADDRESS, None)
    link = find_link(read_text(confirmation))
    for _ in range(2):  # a mail scanner opens links
        assert await own_site.status(link) == 200
    life.crawl(build_release("bro2", "En annan bro", TODAY))
    assert life.take_mails() == []
    assert (await post(own_site, link, action="confirm")).status_code == 200
    assert life.take_mails() == []  # nothing from before the confirmation

    life.crawl(
        build_release("bro3", "En tredje bro", TODAY), build_release("hamn", "Ny hamn", TODAY)
    )
    (mail,) = life.take_mails()
    assert mail["Subject"] == "1 nytt: ”bro”"
    text = read_text(mail)
    assert "Fyrstyrelsen: En tredje bro" in text
    assert "hamn" not in text
    assert life.take_mails() == []

    life.crawl(EDITED)
    (mail,) = life.take_mails()
    text = read_text(mail)
    assert mail["Subject"] == "1 ändrat: ”bro”"
    assert "− Bron vid fyren kostar 120 miljoner kronor." in text
    assert "+ Bron vid fyren kostar 190 miljoner kronor." in text
    assert "/-/diff/" in text

    life.crawl(replace(EDITED, lead="Bättre läst."), cause="parser")
    life.crawl(
        *(
            build_release(f"gammal-{n}", f"Gammal bro {n}", date(2010, 1, 1))
            for n in range(BACKFILL)
        )
    )
    assert life.take_mails() == []

    life.remove(life.find_id("Bron vid fyren"))
    (mail,) = life.take_mails()
    assert mail["Subject"] == "1 borttaget: ”bro”"
    assert "404" in read_text(mail)

    assert mail["List-Id"] == "<releases.arkiv.example>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = find_link(mail["List-Unsubscribe"].strip("<>"))
    life.crawl(build_release("bro4", "En fjärde bro", TODAY))
    one_click = await own_site.datasette.client.post(
        link, files={"List-Unsubscribe": (None, "One-Click")}
    )
    assert one_click.status_code == 200
    assert "set-cookie" not in one_click.headers
    assert life.take_mails() == []
    assert life.execute("select count(*) from subscriptions") == [(0,)]
    assert ADDRESS.encode() not in life.path.with_name(FOLLOW_FILE).read_bytes()
    for name in (FOLLOW_FILE, KEY_FILE):
        assert life.path.with_name(name).stat().st_mode & 0o777 == 0o600


async def test_an_edit_that_removes_the_words_is_reported(life: Life, own_site: Site) -> None:
    """So is one that adds excluded words; filters of the search still hold."""
    life.crawl(BRIDGE)
    await subscribe(own_site, life, "q=bron+-inget", "cy@reader.example")
    await subscribe(own_site, life, "q=kronor&agency=fyr")
    await subscribe(own_site, life, "q=kronor&agency=vag", "bo@reader.example")
    life.crawl(replace(EDITED, body="Inget nytt.", body_html="<p>Inget nytt.</p>"))
    assert {mail["To"]: mail["Subject"] for mail in life.take_mails()} == {
        ADDRESS: "1 ändrat: ”kronor” · Myndighet: Fyrstyrelsen",
        "cy@reader.example": "1 ändrat: ”bron -inget”",
    }


async def test_an_edit_is_shown_before_new_releases_if_not_all_are(
    life: Life, own_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "MAX_EVENTS", 1)
    life.crawl(BRIDGE)
    await subscribe(own_site, life, "q=bro")
    life.crawl(build_release("bro2", "En annan bro", TODAY), EDITED)
    (mail,) = life.take_mails()
    text = read_text(mail)
    assert ("190 miljoner" in text, "En annan bro" in text) == (True, False)


async def test_a_long_difference_is_cut(life: Life, own_site: Site) -> None:
    def build(word: str) -> Release:
        body = "\n\n".join(f"Bron nummer {number} {word}." for number in range(15))
        return build_release("bro", "Broar", TODAY, body=body)

    life.crawl(build("byggs"))
    await subscribe(own_site, life, "q=bron")
    life.crawl(build("rivs"))
    (mail,) = life.take_mails()
    changed = [line for line in read_text(mail).splitlines() if line.strip()[:1] in ("−", "+")]
    assert len(changed) == 20


async def test_release_person_and_everything(life: Life, own_site: Site) -> None:
    words = "– Fyren ska lysa varje natt i hela sommar, säger Siv Åberg, chef."
    said = build_release("sagt", "Sagt", TODAY, body=words)
    life.crawl(BRIDGE, said)
    await subscribe(
        own_site, life, f"release={life.find_id('Bron vid fyren')}", "release@reader.example"
    )
    (slug,) = life.archive.db.execute("select slug from people").fetchone()
    await subscribe(own_site, life, f"person={slug}", "person@reader.example")
    await subscribe(own_site, life, "lang=en", "all@reader.example")
    await subscribe(own_site, life, "tag=Broar", "tag@reader.example")
    life.crawl(EDITED, replace(said, title="Sagt igen"), build_release("ny", "Ny fyr", TODAY))
    subjects = {mail["To"].partition("@")[0]: mail["Subject"] for mail in life.take_mails()}
    assert subjects == {
        "release": "1 ändrat: Meddelandet ”Bron vid fyren”",
        "person": "1 ändrat: Citat av Siv Åberg",
        "all": "1 new, 2 edited: All releases",
        "tag": "1 ändrat: Ämnesord: Broar",
    }


async def test_daily_digest_is_cut(life: Life, own_site: Site) -> None:
    await subscribe(own_site, life, "agency=fyr", frequency="day")
    life.crawl(*(build_release(f"n{n}", f"Nytt {n}", TODAY) for n in range(60)))
    assert life.take_mails() == []
    life.moment += DAY
    (mail,) = life.take_mails()
    assert mail["Subject"].startswith("60 händelser: ")
    assert (
        "Ytterligare 10 händelser finns på sidan:\nhttps://arkiv.example/-/follow?agency=fyr\n"
        in read_text(mail)
    )
    assert read_text(mail).count("/archive/releases/") == 50


async def test_undated_release_waits_for_the_end_of_its_crawl(life: Life, own_site: Site) -> None:
    await subscribe(own_site, life, "")
    started = life.moment.isoformat()
    life.archive.save(build_release("utan", "Utan datum", None), seen_at=life.moment)
    life.archive.db.execute(
        "insert into crawls (agency, spider, started) values ('fyr', 'news', ?)", [started]
    )
    assert life.take_mails() == []
    life.archive.db.execute(
        "update crawls set finished = ?, new = 1 where started = ?", [started, started]
    )
    (mail,) = life.take_mails()
    assert "Utan datum" in read_text(mail)


async def test_takedown_covers_messages_that_wait(life: Life, own_site: Site) -> None:
    """What was hidden or redacted after a message was queued is not in it; it keeps its
    Message-ID.
    """
    await subscribe(own_site, life, "")
    life.mails.answer = "451 try later"
    life.crawl(BRIDGE, build_release("hemlig", "Hemlig rubrik", TODAY))
    (failed,) = life.take_mails()
    assert "Hemlig rubrik" in read_text(failed)
    hide_release(life.archive, life.find_id("Hemlig rubrik"), now(), reason="skäl")
    redact_passage(
        life.archive, life.find_id("Bron vid fyren"), "120 miljoner kronor", now(), reason="skäl"
    )
    life.mails.answer = "250 OK"
    assert life.take_mails() == []
    life.moment += timedelta(minutes=6)
    (mail,) = life.take_mails()
    assert mail["Message-ID"] == failed["Message-ID"]
    assert mail["Subject"].startswith("1 nytt: ")
    assert "Hemlig" not in read_text(mail)
    assert "120 miljoner" not in read_text(mail)


async def test_message_about_hidden_releases_only_is_dropped(life: Life, own_site: Site) -> None:
    await subscribe(own_site, life, "")
    life.mails.answer = "451 try later"
    life.crawl(BRIDGE)
    assert len(life.take_mails()) == 1
    hide_release(life.archive, life.find_id("Bron vid fyren"), now(), reason="skäl")
    life.mails.answer = "250 OK"
    life.moment += DAY
    assert life.take_mails() == []
    with FollowStore(life.path) as store:
        assert store.list_message_ids(life.moment + 9 * DAY) == []


async def test_repeated_bounces_end_a_subscription(life: Life, own_site: Site) -> None:
    await subscribe(own_site, life, "")
    life.mails.answer = "550 5.1.1 no such user"
    life.crawl(BRIDGE)
    results = []
    for _ in range(3):
        results.append(life.notify())
        life.moment += DAY
    assert [(result.failed, result.ended) for result in results] == [(1, 0), (1, 0), (1, 1)]
    assert len({mail["Message-ID"] for mail in life.mails.received}) == 1


async def test_a_mailbox_that_is_full_for_a_week_ends_it_and_a_server_that_is_away_does_not(
    life: Life, own_site: Site
) -> None:
    await subscribe(own_site, life, "")
    await subscribe(own_site, life, "q=fyr")
    life.crawl(build_release("fyr", "Ny fyr", TODAY))
    away = replace(life.settings, mail_server=parse_mail_server("smtp://127.0.0.1:1", SENDER))
    for _ in range(10):
        life.moment += DAY
        result = notify(life.path, away, lambda: life.moment)
        assert result is not None
        assert (result.failed, result.ended) == (0, 0)
        assert result.faults > 0
    life.mails.answer = "452 4.2.2 mailbox full"
    ended = []
    for _ in range(9):
        life.moment += DAY
        ended.append(life.notify().ended)
    assert (ended.index(2), sum(ended)) == (7, 2)


async def test_a_server_that_rejects_everything_ends_no_subscription(
    life: Life, own_site: Site
) -> None:
    """A relay that is set up badly rejects every address for good; afterwards, all get their
    message.
    """
    addresses = {f"r{number}@reader.example" for number in range(5)}
    for address in addresses:
        await subscribe(own_site, life, "", address)
    life.moment += 2 * DAY
    life.mails.answer = "554 5.7.1 relay access denied"
    life.crawl(BRIDGE)
    for _ in range(9):
        result = life.notify()
        assert (result.failed, result.ended, result.faults) == (5, 0, 1)
        life.moment += DAY
    life.mails.received.clear()
    life.mails.answer = "250 OK"
    assert {mail["To"] for mail in life.take_mails()} == addresses


async def test_a_query_that_fails_stops_no_other(
    life: Life, own_site: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribe(own_site, life, "q=bron", "bo@reader.example")
    await subscribe(own_site, life, "q=vid", "cy@reader.example")
    life.execute("update subscriptions set query = 'release=x' where address like 'bo@%'")
    life.crawl(BRIDGE)
    result = life.notify()
    assert (result.faults, result.sent, life.mails.received[-1]["To"]) == (
        1,
        1,
        "cy@reader.example",
    )
    assert "bron" not in caplog.text
    life.execute("update subscriptions set query = 'q=bron' where address like 'bo@%'")
    monkeypatch.setattr(notifications, "MAX_MATCHING_SECONDS", 0)
    monkeypatch.setattr(notifications, "OPCODES_PER_CHECK", 1)
    assert life.notify().faults == 1
    monkeypatch.undo()
    assert life.notify().sent == 1  # nothing was lost


async def test_nothing_is_sent_that_could_not_be_deleted(
    life: Life, own_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk, each run would send the same message again."""
    await subscribe(own_site, life, "")
    life.crawl(BRIDGE)
    life.mails.received.clear()

    def fail(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(FollowStore, "postpone", fail)
    with pytest.raises(sqlite3.OperationalError):
        life.notify()
    assert life.mails.received == []


async def test_clock_that_was_wrong(life: Life, own_site: Site) -> None:
    """What is due in many years was stored while the clock was wrong."""
    await subscribe(own_site, life, "", frequency="week")
    life.crawl(BRIDGE)
    life.execute("update subscriptions set due = '2124-06-03T06:00:00+00:00'")
    life.mails.answer = "451 try later"
    assert len(life.take_mails()) == 1
    life.execute("update messages set due = '2124-06-03T06:00:00+00:00'")
    assert len(life.take_mails()) == 1


async def test_links_of_a_former_file(life: Life, own_site: Site) -> None:
    """If follow.db is begun anew, the same ids are given to other subscribers."""
    link = await subscribe(own_site, life, "q=fyr")
    life.path.with_name(FOLLOW_FILE).unlink()
    life.moment += DAY
    assert await subscribe(own_site, life, "q=fyr") != link
    assert await own_site.status(link) == 404


async def test_a_file_of_the_first_version_is_kept(life: Life, own_site: Site) -> None:
    link = await subscribe(own_site, life, "q=bro")
    life.crawl(BRIDGE)
    life.execute("alter table subscriptions drop column seconds")
    life.execute("pragma user_version = 1")
    assert await own_site.status(link) == 200
    assert len(life.take_mails()) == 1
    assert life.execute("select seconds from subscriptions") == [(0,)]
    assert life.execute("pragma user_version") == [(FOLLOW_VERSION,)]


async def test_another_frequency_loses_nothing(life: Life, own_site: Site) -> None:
    """Neither what would have been in the weekly message, nor one that waits."""
    await subscribe(own_site, life, "", frequency="week")
    life.crawl(BRIDGE)
    await subscribe(own_site, life, "")
    life.mails.answer = "451 try later"
    (waiting,) = life.take_mails()
    assert "Bron vid fyren" in read_text(waiting)
    life.mails.answer = "250 OK"
    await subscribe(own_site, life, "", frequency="day")
    life.moment += 6 * MINUTE
    (mail,) = life.take_mails()
    assert mail["Message-ID"] == waiting["Message-ID"]


async def test_slow_webhooks_delay_no_mail(
    life: Life, own_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MAX_WEBHOOK_SECONDS", 0.0)
    with Webhook() as webhook:
        webhook.status = 500
        for path in ("a", "b", "c"):
            url = f"{webhook.url}/{path}"
            await request_webhook(own_site, url)
        await request_mails(own_site)
        result = life.notify()
        assert (result.sent, result.failed, len(webhook.requests)) == (1, 1, 1)
        assert life.notify().failed == 1  # the next one


def build_bounce(action: str) -> bytes:
    mail = EmailMessage()
    mail.set_content("Not delivered")
    mail.make_mixed()
    raw = mail.as_bytes().replace(
        b"multipart/mixed", b"multipart/report; report-type=delivery-status"
    )
    boundary = raw.split(b'boundary="')[1].split(b'"')[0]
    status = (
        f"Reporting-MTA: dns; a.example\r\n\r\nFinal-Recipient: rfc822;"
        f" x@y.example\r\nAction: {action}\r\n"
    )
    part = (
        b"--"
        + boundary
        + b"\r\nContent-Type: message/delivery-status\r\n\r\n"
        + status.encode()
        + b"\r\n--"
    )
    return raw.replace(b"--" + boundary + b"--", part + boundary + b"--")


async def test_bounces_to_the_return_path(life: Life, own_site: Site) -> None:
    await subscribe(own_site, life, "")
    life.crawl(BRIDGE)
    life.mails.envelopes.clear()
    life.take_mails()
    return_path = life.mails.envelopes[0].mail_from
    assert return_path is not None

    def bounce(action: str, recipient: str = return_path) -> str:
        return handle_bounce(
            life.path, life.settings, recipient, io.BytesIO(build_bounce(action)), life.moment
        )

    assert "ignored" in bounce("delayed")
    for wrong in (ADDRESS, return_path.replace("-", "-0"), "bounces+1@arkiv.example"):
        with pytest.raises(ArchiveError, match="not a return path"):
            bounce("failed", wrong)
    answers = []
    for _ in range(7):  # those of one day count once
        answers.append(bounce("failed"))
        life.moment += DAY / 2
    assert answers == [
        *["the bounce is counted"] * 4,
        "the subscription is ended",
        *["there is no such subscription, or it has ended"] * 2,
    ]


async def test_webhook_is_verified_and_signed(life: Life, own_site: Site) -> None:
    with Webhook() as webhook:
        await request_webhook(own_site, webhook.url)
        life.crawl(BRIDGE)
        life.notify()
        (asked,) = webhook.received
        assert (asked["type"], asked["data"]["events"]) == ("subscription.confirm", [])
        confirmed = await post(own_site, find_link(asked["text"]), action="confirm")
        secret = confirmed.text.partition("whsec_")[2].partition("<")[0]
        life.crawl(EDITED)
        webhook.status = 500
        assert life.notify().failed == 1
        webhook.status = 200
        life.moment += DAY
        life.notify()
        (event,) = webhook.received[1]["data"]["events"]
        assert (event["kind"], event["agency"]) == ("edited", "fyr")
        assert [line["op"] for line in event["difference"]] == ["del", "ins"]
        headers, body = webhook.requests[-1]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = hmac.new(base64.b64decode(secret), signed, hashlib.sha256).digest()
        assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
        assert webhook.requests[-2][0]["webhook-id"] == headers["webhook-id"]
        life.crawl(BRIDGE)
        webhook.status = 410
        assert life.notify().ended == 1


async def test_archive_restored_from_a_backup(life: Life, own_site: Site, tmp_path: Path) -> None:
    """The change feed lacks the position of a subscription, or has another entry there: it begins
    anew.
    """
    await subscribe(own_site, life, "")
    life.execute("update subscriptions set position = 9999")
    life.crawl(BRIDGE)
    assert life.notify().reset == 1
    life.execute("update subscriptions set checksum = 'ffffffff'")
    assert life.notify().reset == 1
    life.crawl(EDITED)
    (mail,) = life.take_mails()
    assert mail["Subject"] == "1 ändrat: Alla meddelanden"


def test_only_one_process_sends(life: Life) -> None:
    with lock_sending(life.path) as first, lock_sending(life.path) as second:
        assert (first, second) == (True, False)


@pytest.mark.slow("kills processes")
async def test_killed_while_sending(life: Life, own_site: Site) -> None:
    """kill -9 between and in deliveries: no message is lost, at most one per kill comes twice, with
    the same id.
    """
    for number in range(READERS):
        await subscribe(own_site, life, "", f"r{number}@reader.example")
    life.crawl(BRIDGE)
    life.mails.delay = 0.02
    life.mails.received.clear()
    command = (
        "archive",
        ["notify", str(life.path)],
        {"FOLLOW_SMTP": f"smtp://127.0.0.1:{life.mails.port}"},
    )
    kills = 0
    while len({mail["To"] for mail in life.mails.received}) < READERS and kills < 9:
        before = len(life.mails.received)
        with ForkedModule(*command) as process:
            end = time.monotonic() + 30
            while (
                len(life.mails.received) < before + 4
                and process.poll() is None
                and time.monotonic() < end
            ):
                await asyncio.sleep(0.005)
            if process.poll() is None:
                process.kill()
                kills += 1
        # the one that was being sent waits for minutes
        life.execute("update messages set due = created")
    assert run_module(command[0], command[1], environment=command[2])[0] == 0
    received = Counter((mail["To"], mail["Message-ID"]) for mail in life.mails.received)
    assert kills >= 2
    assert {address for address, _ in received} == {
        f"r{number}@reader.example" for number in range(READERS)
    }
    assert len(received) == READERS  # a repeated one has the same Message-ID
    assert received.total() - READERS <= kills
    life.mails.received.clear()
    assert life.take_mails() == []
