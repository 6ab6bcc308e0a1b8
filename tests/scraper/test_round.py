"""scrapy round: everything in one command, one at a time; it ends cleanly when told to, and no agency holds it up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from archive.dates import now
from scraper.alerts import AlertSettings
from scraper.commands.round import repeat_rounds, report_running_round
from scraper.errors import AgencyError
from scraper.extensions.limits import parse_deadline
from scraper.round import MAX_ROUND_DURATION, CommandRunner, close_round, has_recent_crawl, lock_round
from tests.scraper.crawling import Crawling
from tests.scraper.receivers import Hook
from tests.site import Site

ROOT = Path(__file__).parents[2]
NOWHERE = '[borta]\nname = "Borta"\nhome = "http://borta.invalid/"\nfeeds = ["http://borta.invalid/feed"]\n'


def test_a_round_does_it_all_and_tells_what_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Site(releases=8) as site, Hook() as hook:
        crawling = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        crawling.agencies.write_text(crawling.agencies.read_text("utf-8") + NOWHERE, "utf-8")
        monkeypatch.setenv("ALERT_WEBHOOK", hook.address)
        code, printed = crawling.scrapy("round")
    assert code == 1, printed
    assert "round: 4 healthy, 1 never worked; 1 with a fault that is not acknowledged\n" in printed
    assert crawling.rows("select spider, count(*) from crawls group by 1") == [("news", 5), ("revisit", 5)]
    assert crawling.rows("select count(*) from releases") == [(8,)]
    assert crawling.rows("select count(*) from manifests") == [(1,)]
    assert [row["agency"] for row in hook.taken[0]["faults"]] == ["borta"]
    assert has_recent_crawl(crawling.archive, 1)
    crawling.write(
        "insert into crawls (agency, spider, started) select slug, v.value, '2026-01-01T00:00:00+00:00'"
        " from agencies, json_each('[\"audit\", \"news\"]') v where slug = 'borta'"
    )
    assert close_round(crawling.archive, {}, AlertSettings(), 0).interrupted == 1, "an audit may go on"
    crawling.write("update crawls set finished = '2026-01-01T00:00:00+00:00'")
    assert not has_recent_crawl(crawling.archive, 1)


def test_a_pass_that_was_told_to_stop_ends_at_once_and_leaves_the_rest_due(tmp_path: Path) -> None:
    with Site(releases=24, crawl_delay=30) as site:
        crawling = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        with crawling.open(crawling.scrapy_command("round")) as process:
            while site.counts.total < 4 and process.poll() is None:
                time.sleep(0.02)
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            printed, _ = process.communicate(timeout=20)
    assert process.returncode == 0, printed
    assert time.monotonic() - begun < 40
    assert "the round was stopped" in printed
    reasons = crawling.rows("select distinct spider, reason, errors from crawls")
    assert reasons == [("news", "shutdown", 0)], "and no second pass was begun"
    assert crawling.rows("select count(*) from frontier where state in ('failed', 'rejected')") == [(0,)]


def test_a_long_listing_is_walked_a_part_a_time(tmp_path: Path) -> None:
    with Site(releases=100, crawl_delay=None) as site:
        crawling = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        ask = ("news", "-a", "agency=skogsbruksradet")
        assert crawling.run(*ask, "-a", "minutes=0.00001")[0] == 0
        (listing, page), *_ = crawling.rows(
            "select listing, page_number from pagination_cursors where next_url like '%start=%'"
        )
        assert page == 2
        assert crawling.rows("select count(*) from releases") == [(0,)]
        early = crawling.rows("select count(*) from frontier where role = 'release'")[0][0]
        withheld = [site.withhold(url) for url in sorted(site.truth)[-1:] if "//skogsbruksradet." in url]
        for release in withheld:
            site.publish(release)
        site.clear_counts()
        crawling.write(
            "insert into pagination_cursors values ('http://x.example/', 'skogsbruksradet', 'x', 9, '2024')"
        )  # listed once
        assert crawling.run(*ask)[0] == 0
        assert crawling.rows("select count(*) from pagination_cursors") == [(0,)]
        assert crawling.rows("select count(*) from releases") == [(25,)]
        assert early < 25
        assert site.counts.paths["skogsbruksradet.localhost", listing.partition(f":{site.port}")[2]] == 1


def test_a_second_round_is_kept_out_until_the_first_ends(tmp_path: Path) -> None:
    archive = tmp_path / "archive.db"
    first = lock_round(archive)
    assert not isinstance(first, datetime)
    with first:
        since = lock_round(archive)
        assert isinstance(since, datetime)
        assert now() - since < timedelta(minutes=1)
        assert report_running_round(since) == 0
        assert report_running_round(since - MAX_ROUND_DURATION) == 1
    again = lock_round(archive)
    assert not isinstance(again, datetime)
    again.close()


def test_a_signal_reaches_what_runs_and_nothing_further_is_begun() -> None:
    sleeper = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
    with CommandRunner() as running:
        timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGTERM])
        timer.start()
        assert running.run_command(sleeper) == -signal.SIGTERM
        timer.join()
        begun = time.monotonic()
        assert running.run_command(sleeper) == 0
        running.wait(60)
        assert repeat_rounds(running, [], 60) == 0
    assert time.monotonic() - begun < 30
    assert signal.getsignal(signal.SIGTERM) != running.handle_signal


@pytest.mark.parametrize("command", ["round", "worker"])
def test_a_wrong_setting_is_named_before_a_pass_begins(tmp_path: Path, command: str) -> None:
    words = [sys.executable, "-m", "scrapy", command, "-s", "ROUND_PASS_MINUTES=abc"]
    done = subprocess.run(
        [*words, "-s", f"ARCHIVE={tmp_path / 'archive.db'}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    problem = "settings: ROUND_PASS_MINUTES 'abc' is not a number above 0, up to 100000000"
    assert (done.returncode, done.stderr) == (2, f"scrapy {command}: {problem}\n")
    assert list(tmp_path.iterdir()) == []


def test_wrong_minutes_are_named() -> None:
    for text in ("soon", "0", "-1", "inf", "nan"):
        with pytest.raises(AgencyError, match="arguments: minutes"):
            parse_deadline(text)
