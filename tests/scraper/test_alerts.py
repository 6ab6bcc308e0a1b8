"""Alerts: new faults and recoveries, told once, in one message a day; what cannot be delivered is told later."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.dates import to_iso
from archive.store import Archive
from scraper.alerts import AlertSettings, read_alert_settings, send_alerts
from scraper.errors import AgencyError
from tests.scraper.receivers import Hook, Post

MONDAY = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)
REFUSED = {"code": "all_refused", "what": "login", "n": 3, "fault": "login"}
WELL = {"code": "too_few", "what": ""}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """Two agencies, of whose health nothing is known yet."""
    with Archive(tmp_path / "archive.db") as opened:
        for slug, name in (("skog", "Skogsrådet"), ("vag", "Vägverket")):
            opened.add_agency(slug, name=name, home=f"https://{slug}.example/")
        yield opened


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A webhook on loopback."""
    with Hook() as opened:
        yield opened


def turn(archive: Archive, agency: str, state: str, reason: Mapping[str, object], at: datetime = MONDAY) -> None:
    """An agency's health changes."""
    row = [agency, to_iso(at), state, json.dumps(reason)]
    with archive.transaction():
        archive.db.execute("insert into health_events (agency, at, state, reason) values (?, ?, ?, ?)", row)


def told(hook: Hook) -> list[tuple[list[str], list[str], list[str]]]:
    """The agencies of each message: faults, recoveries, passed."""
    kinds = ("faults", "recoveries", "passed")
    return [tuple([row["agency"] for row in message[kind]] for kind in kinds) for message in hook.taken]  # type: ignore[misc]


def test_a_fault_and_its_recovery_are_told_once_each(archive: Archive, hook: Hook) -> None:
    ways = AlertSettings(webhook=hook.address, language="en", status_page="https://archive.example/-/status")
    turn(archive, "skog", "healthy", WELL)
    assert send_alerts(archive, ways, MONDAY)
    assert hook.taken == [], "that all is well is no news"
    turn(archive, "skog", "failing", REFUSED)
    for _ in range(3):
        assert send_alerts(archive, ways, MONDAY)
    assert told(hook) == [(["skog"], [], [])]
    assert hook.taken[0]["subject"] == "Myndighetsarkivet: 1 new fault"
    assert "None of 3 listed pages could be read: a login page was shown instead." in hook.taken[0]["text"]
    assert "https://archive.example/-/status" in hook.taken[0]["text"]
    turn(archive, "skog", "healthy", WELL)
    send_alerts(archive, ways, MONDAY + timedelta(days=1))
    assert told(hook)[1:] == [([], ["skog"], [])]


def test_the_day_has_one_message_and_the_rest_waits(archive: Archive, hook: Hook) -> None:
    ways = AlertSettings(webhook=hook.address)
    turn(archive, "skog", "failing", REFUSED)
    send_alerts(archive, ways, MONDAY)
    turn(archive, "vag", "suspect", REFUSED)
    send_alerts(archive, ways, MONDAY + timedelta(hours=15))
    assert told(hook) == [(["skog"], [], [])]
    turn(archive, "vag", "healthy", WELL)
    turn(archive, "skog", "healthy", WELL)
    turn(archive, "skog", "failing", REFUSED)
    send_alerts(archive, ways, MONDAY + timedelta(hours=16))
    assert told(hook)[1:] == [([], [], ["vag"])], "that skog fails was told in the same words"


def test_what_is_not_delivered_is_told_in_the_log_and_tried_again(
    archive: Archive, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    ways = AlertSettings(webhook=f"{hook.address}/secret")
    turn(archive, "skog", "failing", REFUSED)
    for status in (500, 302, None):
        hook.status = status
        with caplog.at_level(logging.WARNING):
            assert not send_alerts(archive, ways, MONDAY)
    assert caplog.text.count("was not delivered") == 3
    assert "secret" not in caplog.text
    hook.status = 200
    assert send_alerts(archive, ways, MONDAY + timedelta(days=3))
    assert len({message["id"] for message in hook.taken}) == 1


def test_a_way_that_is_used_late_tells_what_stands_and_nothing_long_past(archive: Archive, hook: Hook) -> None:
    ways, year = AlertSettings(webhook=hook.address), timedelta(days=365)
    turn(archive, "skog", "failing", REFUSED, MONDAY - 3 * year)
    turn(archive, "skog", "healthy", WELL, MONDAY - 2 * year)
    turn(archive, "vag", "failing", REFUSED, MONDAY - year)
    send_alerts(archive, ways, MONDAY)
    send_alerts(archive, ways, MONDAY + timedelta(days=1))
    assert told(hook) == [(["vag"], [], [])]


def test_an_acknowledged_fault_is_quiet(archive: Archive, hook: Hook) -> None:
    turn(archive, "skog", "failing", REFUSED)
    row = ["skog", "failing", "2026-03-01", "{}", "2026-03-02", "2026-03-02", "{}"]
    archive.db.execute(
        "insert into health (agency, state, since, reason, judged, acknowledged, facts) values (?, ?, ?, ?, ?, ?, ?)",
        row,
    )
    assert send_alerts(archive, AlertSettings(webhook=hook.address), MONDAY)
    assert hook.taken == []


def test_mail_goes_to_everyone_with_the_same_id_when_sent_again(archive: Archive) -> None:
    turn(archive, "skog", "failing", REFUSED)
    with Post() as post:
        ways = read_alert_settings(
            {"ALERT_MAIL": "a@news.example, b@news.example", "ALERT_SMTP": f"smtp://127.0.0.1:{post.port}"}
        )
        post.answer = "451 later"
        assert not send_alerts(archive, ways, MONDAY)
        post.answer = "250 taken"
        assert send_alerts(archive, ways, MONDAY)
        assert send_alerts(archive, ways, MONDAY)
    first, second = post.taken
    assert first["Message-ID"] == second["Message-ID"]
    assert second["To"] == "a@news.example, b@news.example"
    assert second["Subject"] == "Myndighetsarkivet: 1 nytt fel"
    assert "Skogsrådet (skog)" in second.get_content()


def test_a_password_is_not_sent_in_the_clear(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    turn(archive, "skog", "failing", REFUSED)
    with Post() as post:
        monkeypatch.setattr("archive.delivery.is_loopback", lambda _: False)
        ways = read_alert_settings(
            {"ALERT_MAIL": "a@news.example", "ALERT_SMTP": f"smtp://me:pass@127.0.0.1:{post.port}"}
        )
        assert not send_alerts(archive, ways, MONDAY)
    assert post.taken == []
    assert "pass" not in repr(ways)


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
    ],
)
def test_a_wrong_variable_is_named_and_its_value_is_not(name: str, value: str) -> None:
    right = {"ALERT_MAIL": "a@news.example", "ALERT_SMTP": "smtp://localhost"}
    with pytest.raises(AgencyError, match=f"environment: {name} ") as raised:
        read_alert_settings({**right, name: value})
    assert "secret" not in str(raised.value)
