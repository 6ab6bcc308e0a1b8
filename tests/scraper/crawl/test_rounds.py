"""scrapy round: all regular work in one command, one round at a time, with a clean stop."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from archive.times import now
from scraper.commands import round
from scraper.crawl.alerts import AlertSettings
from scraper.crawl.round_locks import lock_round
from scraper.crawl.rounds import MAX_ROUND_DURATION, CommandRunner, close_round, has_recent_crawl
from tests.scraper.crawling import NOWHERE, Crawling, build_settings, fork_commands
from tests.scraper.receivers import Webhook
from tests.site.server import Site


@pytest.mark.slow("a whole round of crawls")
def test_round_crawls_assesses_and_alerts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Site(releases=8) as site, Webhook() as webhook:
        agencies = site.agencies_file(tmp_path)
        crawling = Crawling(site, agencies, tmp_path / "archive.db", patience=120)
        crawling.agencies.write_text(crawling.agencies.read_text("utf-8") + NOWHERE, "utf-8")
        monkeypatch.setenv("ALERT_WEBHOOK", webhook.url)
        code, printed = crawling.finish(crawling.scrapy_command("round"))
    assert code == 1, printed
    assert "round: 4 healthy, 1 never worked; 1 with a fault that is not acknowledged\n" in printed
    assert crawling.rows("select spider, count(*) from crawls group by 1") == [
        ("news", 5),
        ("revisit", 5),
    ]
    assert crawling.rows("select count(*) from releases") == [(8,)]
    assert crawling.rows("select count(*) from manifests") == [(1,)]
    assert [row["agency"] for row in webhook.received[0]["faults"]] == ["borta"]
    assert has_recent_crawl(crawling.archive, 1)
    crawling.write(
        "insert into crawls (agency, spider, started) select slug, v.value,"
        " '2026-01-01T00:00:00+00:00' from agencies, json_each('[\"audit\", \"news\"]') v where"
        " slug = 'borta'"
    )
    assert close_round(crawling.archive, {}, AlertSettings(), 0).interrupted == 1, (
        "an audit may still be running"
    )
    crawling.write("update crawls set finished = '2026-01-01T00:00:00+00:00'")
    assert not has_recent_crawl(crawling.archive, 1)


def test_stopped_round_ends_its_pass_and_begins_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Site(releases=24, crawl_delay=30) as site:
        crawling = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        monkeypatch.setenv("SCRAPY_SETTINGS_MODULE", crawling.settings)
        fork_commands(monkeypatch)
        command, stopped_at = round.Command(), list[float]()
        command.settings = build_settings(**crawling.given_settings)

        def stop_soon() -> None:
            while site.counts.total < 4:
                time.sleep(0.02)
            stopped_at.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGTERM)

        stopper = threading.Thread(target=stop_soon, daemon=True)
        stopper.start()
        with CommandRunner() as runner:
            options = crawling.scrapy_command()[3:]
            assert command.run_round(runner, options, AlertSettings()) == 0
        ended_at = time.monotonic()
        stopper.join()
    assert ended_at - stopped_at[0] < 20
    assert "the round was stopped" in caplog.text
    crawls = crawling.rows("select distinct spider, reason, errors from crawls")
    assert crawls == [("news", "shutdown", 0)]
    frontier = crawling.rows("select count(*) from frontier where state in ('failed', 'rejected')")
    assert frontier == [(0,)]


def test_signal_stops_the_running_command_and_all_later_ones() -> None:
    sleeper = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
    with CommandRunner() as runner:
        timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGTERM])
        timer.start()
        assert runner.run_command(sleeper) == -signal.SIGTERM
        timer.join()
        started = time.monotonic()
        assert runner.run_command(sleeper) == 0
        runner.wait(60)
        assert round.repeat_rounds(runner, [], 60) == 0
    assert time.monotonic() - started < 30
    assert signal.getsignal(signal.SIGTERM) != runner.handle_signal


def test_subscribers_are_told_if_the_site_offers_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PUBLIC_URL", raising=False)
    with CommandRunner() as runner:
        assert round.notify_subscribers(runner, tmp_path / "archive.db")
        monkeypatch.setenv("PUBLIC_URL", "https://arkiv.example")
        monkeypatch.setenv("FOLLOW_MAIL_FROM", "arkiv@arkiv.example")
        assert not round.notify_subscribers(runner, tmp_path / "archive.db")
    assert "archive.db: no such file" in capfd.readouterr().err


def test_authorities_stamp_the_manifests_if_some_are_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("STAMP_AUTHORITIES", raising=False)
    with CommandRunner() as runner:
        assert round.stamp_manifests(runner, tmp_path / "archive.db")
        monkeypatch.setenv("STAMP_AUTHORITIES", "http://127.0.0.1:1/tsr")
        assert not round.stamp_manifests(runner, tmp_path / "archive.db")
    assert "archive.db: no such file" in capfd.readouterr().err


def test_second_round_waits_for_the_first(tmp_path: Path) -> None:
    archive = tmp_path / "archive.db"
    first = lock_round(archive)
    assert not isinstance(first, datetime)
    started = now()
    with first:
        since = lock_round(archive)
        assert isinstance(since, datetime)
        assert started - timedelta(minutes=1) < since <= started
        assert round.report_running_round(since) == 0
        assert round.report_running_round(since - MAX_ROUND_DURATION) == 1
    again = lock_round(archive)
    assert not isinstance(again, datetime)
    again.close()
