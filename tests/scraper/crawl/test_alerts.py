"""Alerts to operators: faults and recoveries, in one message a day."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.store.releases import Archive
from archive.times import to_iso
from scraper.crawl.alerts import AlertSettings, read_alert_settings, send_alerts
from scraper.errors import AgencyError
from tests.scraper.receivers import MailServer, Webhook

MONDAY = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
DAY, YEAR = timedelta(days=1), timedelta(days=365)
LOGIN_FAULT = {"code": "all_refused", "what": "login", "n": 3, "fault": "login"}
NO_FAULT = {"code": "too_few", "what": ""}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive of two agencies without health events."""
    with Archive(tmp_path / "archive.db") as opened:
        for slug, name in (("skog", "Skogsrådet"), ("vag", "Vägverket")):
            opened.add_agency(slug, name=name, home=f"https://{slug}.example/")
        yield opened


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as opened:
        yield opened


def add_event(
    archive: Archive, agency: str, state: str, reason: Mapping[str, object], at: datetime = MONDAY
) -> None:
    row = [agency, to_iso(at), state, json.dumps(reason)]
    with archive.transaction():
        archive.db.execute(
            "insert into health_events (agency, at, state, reason) values (?, ?, ?, ?)", row
        )


def read_messages(webhook: Webhook) -> list[list[list[str]]]:
    """The agencies of each message: with faults, recovered, and with a fault that has passed by
    now.
    """
    kinds = ("faults", "recoveries", "passed")
    return [
        [[row["agency"] for row in message[kind]] for kind in kinds] for message in webhook.received
    ]


def test_fault_and_recovery_are_sent_once_each(archive: Archive, webhook: Webhook) -> None:
    settings = AlertSettings(
        webhook=webhook.url, language="en", status_page="https://archive.example/-/status"
    )
    add_event(archive, "skog", "healthy", NO_FAULT)
    assert send_alerts(archive, settings, MONDAY)
    assert webhook.received == []
    add_event(archive, "skog", "failing", LOGIN_FAULT)
    for _ in range(3):
        assert send_alerts(archive, settings, MONDAY)
    assert read_messages(webhook) == [[["skog"], [], []]]
    assert webhook.received[0]["subject"] == "Myndighetsarkivet: 1 new fault"
    reason = (
        "None of the 3 listed pages that were fetched could be read: a login page was shown"
        " instead."
    )
    assert reason in webhook.received[0]["text"]
    assert "https://archive.example/-/status" in webhook.received[0]["text"]
    add_event(archive, "skog", "healthy", NO_FAULT)
    send_alerts(archive, settings, MONDAY + DAY)
    assert read_messages(webhook)[1:] == [[[], ["skog"], []]]


def test_alerts_are_signed_if_there_is_a_secret(archive: Archive, webhook: Webhook) -> None:
    key = b"0123456789abcdef"
    secret = f"whsec_{base64.b64encode(key).decode()}"
    settings = read_alert_settings({"ALERT_WEBHOOK": webhook.url, "ALERT_SECRET": secret})
    add_event(archive, "skog", "failing", LOGIN_FAULT)
    assert send_alerts(archive, settings, MONDAY)
    headers, body = webhook.requests[-1]
    assert headers["webhook-id"] == webhook.received[0]["id"]
    assert int(headers["webhook-timestamp"]) == MONDAY.timestamp()
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


def test_one_message_a_day(archive: Archive, webhook: Webhook) -> None:
    settings = AlertSettings(webhook=webhook.url)
    add_event(archive, "skog", "failing", LOGIN_FAULT)
    send_alerts(archive, settings, MONDAY)
    add_event(archive, "vag", "suspect", LOGIN_FAULT)
    send_alerts(archive, settings, MONDAY + timedelta(hours=15))
    assert read_messages(webhook) == [[["skog"], [], []]]
    add_event(archive, "vag", "healthy", NO_FAULT)
    add_event(archive, "skog", "healthy", NO_FAULT)
    add_event(archive, "skog", "failing", LOGIN_FAULT)
    send_alerts(archive, settings, MONDAY + timedelta(hours=16))
    assert read_messages(webhook)[1:] == [[[], [], ["vag"]]], "skog's fault was sent before"


@pytest.mark.parametrize(
    ("states", "faults", "recoveries"),
    [
        ("suspect failing suspect", 2, 0),
        ("suspect failing suspect failing suspect never_worked failing", 3, 0),
        ("suspect failing healthy suspect failing", 4, 1),
        ("suspect+failing suspect", 2, 0),  # the first message only told of the second state
        ("suspect failing suspect healthy", 2, 1),
    ],
)
def test_fault_that_goes_back_to_what_it_was_is_not_new(
    archive: Archive, webhook: Webhook, states: str, faults: int, recoveries: int
) -> None:
    for day, changes in enumerate(states.split()):
        for state in changes.split("+"):
            reason = NO_FAULT if state == "healthy" else LOGIN_FAULT
            add_event(archive, "skog", state.replace("_", " "), reason, MONDAY + day * DAY)
        assert send_alerts(archive, AlertSettings(webhook=webhook.url), MONDAY + day * DAY)
    kinds = [[len(agencies) for agencies in message] for message in read_messages(webhook)]
    assert [sum(column) for column in zip(*kinds, strict=True)] == [faults, recoveries, 0]


def test_undelivered_alert_is_logged_and_sent_again(
    archive: Archive, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    settings = AlertSettings(webhook=f"{webhook.url}/secret")
    add_event(archive, "skog", "failing", LOGIN_FAULT)
    for status in (500, 302, None):
        webhook.status = status
        with caplog.at_level(logging.WARNING):
            assert not send_alerts(archive, settings, MONDAY)
    assert (caplog.text.count("tries again"), "secret" in caplog.text) == (3, False)
    webhook.status = 200
    assert send_alerts(archive, settings, MONDAY + timedelta(days=3))
    assert len({message["id"] for message in webhook.received}) == 1


def test_new_webhook_receives_current_faults_only(archive: Archive, webhook: Webhook) -> None:
    settings = AlertSettings(webhook=webhook.url)
    add_event(archive, "skog", "failing", LOGIN_FAULT, MONDAY - 3 * YEAR)
    add_event(archive, "skog", "healthy", NO_FAULT, MONDAY - 2 * YEAR)
    add_event(archive, "vag", "failing", LOGIN_FAULT, MONDAY - YEAR)
    send_alerts(archive, settings, MONDAY)
    send_alerts(archive, settings, MONDAY + DAY)
    assert read_messages(webhook) == [[["vag"], [], []]]


def test_acknowledged_fault_is_not_sent(archive: Archive, webhook: Webhook) -> None:
    add_event(archive, "skog", "failing", LOGIN_FAULT)
    row = ["skog", "failing", "2026-03-01", "{}", "2026-03-02", "2026-03-02", "{}"]
    archive.db.execute(
        "insert into health (agency, state, since, reason, judged, acknowledged, facts) values (?,"
        " ?, ?, ?, ?, ?, ?)",
        row,
    )
    assert send_alerts(archive, AlertSettings(webhook=webhook.url), MONDAY)
    assert webhook.received == []


def test_mail_has_the_same_id_when_sent_again(archive: Archive) -> None:
    add_event(archive, "skog", "failing", LOGIN_FAULT)
    with MailServer() as server:
        variables = {
            "ALERT_MAIL": "a@news.example, b@news.example",
            "ALERT_SMTP": f"smtp://127.0.0.1:{server.port}",
        }
        settings = read_alert_settings(variables)
        server.answer = "451 later"
        assert not send_alerts(archive, settings, MONDAY)
        server.answer = "250 OK"
        assert send_alerts(archive, settings, MONDAY)
        assert send_alerts(archive, settings, MONDAY)
    first, second = server.received
    assert first["Message-ID"] == second["Message-ID"]
    assert second["To"] == "a@news.example, b@news.example"
    assert second["Subject"] == "Myndighetsarkivet: 1 nytt fel"
    assert "Skogsrådet (skog)" in second.get_content()


def test_password_is_not_sent_without_tls(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_event(archive, "skog", "failing", LOGIN_FAULT)
    with MailServer() as server:
        monkeypatch.setattr("archive.mail_and_webhooks.is_loopback", lambda _: False)
        variables = {
            "ALERT_MAIL": "a@news.example",
            "ALERT_SMTP": f"smtp://me:pass@127.0.0.1:{server.port}",
        }
        settings = read_alert_settings(variables)
        assert not send_alerts(archive, settings, MONDAY)
    assert (server.received, "pass" in repr(settings)) == ([], False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALERT_WEBHOOK", "ftp://x.example/secret"),
        ("ALERT_WEBHOOK", "secret"),
        ("ALERT_WEBHOOK", "https://x.example/secret/å"),
        ("ALERT_WEBHOOK", "https://x.example/secret one"),
        ("ALERT_MAIL", "secret"),
        ("ALERT_MAIL", ","),
        ("ALERT_SMTP", "secret:25"),
        ("ALERT_SMTP", "smtp://secret:x"),
        ("ALERT_SMTP", ""),
        ("ALERT_LANGUAGE", "secret"),
        ("ALERT_SECRET", "secret"),
        ("ALERT_SECRET", "whsec_secret"),
    ],
)
def test_error_names_the_variable_without_its_value(name: str, value: str) -> None:
    valid = {"ALERT_MAIL": "a@news.example", "ALERT_SMTP": "smtp://localhost"}
    with pytest.raises(AgencyError, match=f"environment: {name} ") as raised:
        read_alert_settings({**valid, name: value})
    assert "secret" not in str(raised.value)
