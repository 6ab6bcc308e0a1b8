"""scrapy report: operators are told of a scheduled command that fails, and another service of one
that succeeds.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from archive.store.releases import Archive
from archive.times import now
from scraper.commands import round
from scraper.crawl.alerts import AlertSettings, read_alert_settings, read_ping_url, report_result
from scraper.crawl.rounds import CommandRunner
from scraper.errors import AgencyError
from tests.scraper.crawling import ROOT, build_settings
from tests.scraper.in_process import run_scrapy
from tests.scraper.receivers import MailServer, Webhook

NOW = datetime(2026, 11, 30, 3, 43, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as opened:
        yield opened


@pytest.fixture
def report(
    webhook: Webhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str]]:
    """Run `scrapy report` in this process: words of its command line, and environment variables."""

    def run(*arguments: str, **environment: str) -> tuple[int, str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        archive = f"ARCHIVE={tmp_path / 'archive.db'}"
        return run_scrapy(["report", "-s", archive, *arguments], "scraper.settings")

    monkeypatch.setenv("ALERT_WEBHOOK", webhook.url)
    monkeypatch.setenv("ALERT_LANGUAGE", "en")
    for name in ("BACKUP", "ROUND"):
        monkeypatch.setenv(f"PING_{name}", f"{webhook.url}/{name.lower()}")
    return run


def age_markers(folder: Path) -> None:
    """Let a day pass since the last message."""
    for marker in folder.glob("*.failed"):
        os.utime(marker, (time.time() - 86_400, time.time() - 86_400))


def read_subjects(webhook: Webhook) -> list[str]:
    return [message["subject"].removeprefix("Myndighetsarkivet: ") for message in webhook.received]


@pytest.mark.slow("starts processes")
def test_backup_that_fails_is_told_and_one_that_succeeds_is_pinged(
    webhook: Webhook,
    tmp_path: Path,
    report: Callable[..., tuple[int, str]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    backup = (
        "--",
        sys.executable,
        "-m",
        "archive",
        "backup",
        str(tmp_path / "archive.db"),
        "--to",
        str(tmp_path / "to"),
    )
    assert report("backup", *backup)[0] == 2
    assert "archive.db: no such file" in capfd.readouterr().err, "which the command itself prints"
    (message,) = webhook.received
    assert message["subject"] == "Myndighetsarkivet: backup failed"
    assert (message["command"], message["problem"], "UTC (exit 2)" in message["text"]) == (
        "backup",
        "exit 2",
        True,
    )
    assert webhook.pings == []
    with Archive(tmp_path / "archive.db"):
        pass
    age_markers(tmp_path)
    assert report("backup", *backup)[0] == 0
    assert (read_subjects(webhook), webhook.pings) == (
        ["backup failed", "backup works again"],
        ["/hook/backup"],
    )
    assert [path for path in tmp_path.iterdir() if path.suffix == ".failed"] == []


def test_service_manager_tells_how_a_unit_ended(
    webhook: Webhook, report: Callable[..., tuple[int, str]]
) -> None:
    told = {"MONITOR_SERVICE_RESULT": "oom-kill", "MONITOR_EXIT_STATUS": "KILL"}
    assert report("publish:failed", **told)[0] == 0
    assert webhook.received[0]["problem"] == "oom-kill KILL"
    assert report("round:ok")[0] == 0
    assert webhook.pings == ["/hook/round"]
    webhook.status = 500
    code, printed = report("round:ok")
    assert (code, "the ping of round failed" in printed) == (1, True)
    assert webhook.url not in printed


@pytest.mark.parametrize(
    "arguments",
    [["backup"], ["backup:gone"], ["backup", "--every", "0", "--", "true"]],
    ids=lambda words: words[-1],
)
def test_wrong_use_is_an_error(
    report: Callable[..., tuple[int, str]], arguments: list[str]
) -> None:
    code, printed = report(*arguments)
    assert (code, "must be given as in: NAME" in printed) == (2, True), printed


@pytest.mark.slow("starts processes")
def test_command_is_repeated_until_a_signal(webhook: Webhook, tmp_path: Path) -> None:
    given = {"ARCHIVE": str(tmp_path / "archive.db"), "PING_ROUND": webhook.url}
    words = [sys.executable, "-m", "scrapy", "report", "round", "--every", "0.01", "--", "true"]
    with subprocess.Popen(words, cwd=ROOT, env={**os.environ, **given}) as process:
        try:
            deadline = time.monotonic() + 60
            while len(webhook.pings) < 3 and time.monotonic() < deadline:
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert len(webhook.pings) >= 3


def test_one_message_a_day_while_a_command_fails(webhook: Webhook, tmp_path: Path) -> None:
    archive, settings = tmp_path / "archive.db", AlertSettings(webhook=webhook.url, language="sv")
    told_at: list[int] = []
    with time_machine.travel(NOW, tick=False) as clock:
        for hours in (0, 2, 23, 24, 47):
            clock.move_to(NOW + hours * HOUR)
            sent, marker = len(webhook.received), archive.with_suffix(".notify.failed")
            for problem in ("exit 1", None, "exit 1"):  # it fails now and then
                if problem or hours in (2, 24):
                    assert report_result(archive, "notify", settings, None, problem)
            assert report_result(archive, "backup", settings, None, None), "of another command"
            if len(webhook.received) > sent:
                told_at.append(hours)
                # the clock of files is not simulated
                os.utime(marker, (now().timestamp(), now().timestamp()))
    assert told_at == [0, 23, 47]
    assert {*read_subjects(webhook)} == {"notify misslyckades"}


def test_message_that_was_not_delivered_is_sent_again(
    webhook: Webhook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive, settings = tmp_path / "archive.db", AlertSettings(webhook=webhook.url)
    webhook.status = 500
    assert not report_result(archive, "backup", settings, None, "exit 2")
    webhook.status = 200
    assert report_result(archive, "backup", settings, None, "exit 2")
    assert report_result(archive, "backup", settings, None, None), "not on the same day"
    age_markers(tmp_path)
    for status in (None, 200, 200):
        webhook.status = status
        assert report_result(archive, "backup", settings, None, None)
    assert read_subjects(webhook) == ["backup misslyckades", "backup fungerar igen"]
    assert not report_result(archive, "backup", AlertSettings(), None, "exit 2")
    assert "nobody is told" in caplog.text


def test_message_by_mail_is_sent_beside_a_webhook_that_fails(
    webhook: Webhook, tmp_path: Path
) -> None:
    webhook.status = 500
    with MailServer() as server:
        given = {"ALERT_MAIL": "a@news.example", "ALERT_SMTP": f"smtp://127.0.0.1:{server.port}"}
        settings = read_alert_settings({**given, "ALERT_WEBHOOK": webhook.url})
        for _ in range(2):
            assert report_result(tmp_path / "archive.db", "audit", settings, None, "exit 2")
    (mail,) = server.received
    assert mail["Subject"] == "Myndighetsarkivet: audit misslyckades"
    assert re.fullmatch(r"<audit-failed-\d{14}@[\w.]+>", mail["Message-ID"])


def test_disk_without_space_for_the_marker_stops_no_message(
    webhook: Webhook,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "touch", fail)
    assert report_result(
        tmp_path / "archive.db", "backup", AlertSettings(webhook=webhook.url), None, "exit 2"
    )
    assert len(webhook.received) == 1
    assert "No space left on device" in caplog.text


def test_pass_that_breaks_off_is_told_by_the_round(
    webhook: Webhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = round.Command()
    command.settings = build_settings(
        ARCHIVE=str(tmp_path / "archive.db"), AGENCIES=str(tmp_path / "agencies.toml")
    )
    (tmp_path / "agencies.toml").write_text(
        '[fyr]\nname = "Fyr"\nhome = "https://fyr.example/"\n', "utf-8"
    )
    monkeypatch.delenv("PUBLIC_URL", raising=False)
    with CommandRunner() as runner:
        for first, code in ((-9, 1), (1, 0)):
            codes = iter((first, 0))
            monkeypatch.setattr(runner, "run_scrapy", lambda *_, codes=codes: next(codes))
            settings = AlertSettings(webhook=webhook.url, language="en")
            assert command.run_round(runner, [], settings) == code
            age_markers(tmp_path)
    assert read_subjects(webhook) == ["news failed", "news works again"]


def test_ping_url_is_checked_without_being_shown() -> None:
    assert read_ping_url("backup", {}) is None
    found = read_ping_url("raw-copy", {"PING_RAW_COPY": " https://switch.example/1 "})
    assert found == "https://switch.example/1"
    with pytest.raises(AgencyError, match="environment: PING_BACKUP") as raised:
        read_ping_url("backup", {"PING_BACKUP": "https://user:secret@:80/"})
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("ALERT_WEBHOOK", "no address"), ("PING_BACKUP", "ftp://x.example"), ("ALERT_LANGUAGE", "xx")],
)
def test_wrong_setting_does_not_keep_the_command_from_running(
    report: Callable[..., tuple[int, str]], tmp_path: Path, name: str, value: str
) -> None:
    made = tmp_path / "made"
    code, printed = report("backup", "--", "touch", str(made), **{name: value})
    assert (made.exists(), code) == (True, 1)
    assert f"backup: is not reported: environment: {name}" in printed


@pytest.mark.parametrize("words", [["no-such-command"], ["/no/such/file", "--to", "x"]])
def test_command_that_cannot_be_started_is_a_failure(
    webhook: Webhook, report: Callable[..., tuple[int, str]], words: list[str]
) -> None:
    code, printed = report("backup", "--", *words)
    assert (code, "cannot be started" in printed) == (127, True)
    assert read_subjects(webhook) == ["backup failed"]
