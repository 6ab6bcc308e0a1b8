"""A clock that ran ahead and was put right: nothing that it dated in the future waits for that
time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from archive.attachments.attachment_store import Attachments
from archive.follow.subscriptions import FollowStore
from archive.health.health_report import is_overdue
from archive.health.rules import assess_agencies, read_health_rows
from archive.operations.backup import create_backup
from archive.store.releases import Archive
from archive.times import now, to_iso
from scraper.commands.round import report_running_round
from scraper.crawl.alerts import AlertSettings, send_alerts
from scraper.revisit_schedule import parse_schedule
from scraper.settings import REVISIT_AGES
from scraper.spiders.news import SourceTracker
from tests.scraper.offline import OfflineCrawl
from tests.scraper.receivers import Webhook
from tests.site.agency import SampleAgency

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
HOME = "https://skog.example/"
LOGIN_FAULT = '{"code": "all_refused", "what": "login", "n": 3, "fault": "login"}'
AHEAD = pytest.mark.parametrize("ahead", [6 * HOUR, 3 * DAY, 60 * DAY, 400 * DAY], ids=str)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path / "archive.db")
    archive.add_agency("skog", name="Skogsrådet", home=HOME)
    return archive


@AHEAD
def test_stored_releases_are_checked_again_at_once(tmp_path: Path, ahead: timedelta) -> None:
    longest = parse_schedule(REVISIT_AGES).longest_interval
    site = SampleAgency("skogsbruksradet", 12, None)
    with OfflineCrawl(tmp_path / "archive.db", site=site, moment=NOW + ahead) as crawl:
        frontier, (new, unchanged, gone, failed) = crawl.archive.frontier, crawl.paths[:4]
        crawl.add_links(crawl.paths[:4])
        crawl.moment = NOW - DAY
        crawl.crawl([unchanged, gone, failed])
        crawl.moment = NOW + ahead
        crawl.crawl([new, unchanged])
        page, stored = crawl.parse(gone), crawl.parse(failed)
        assert page.release_id is not None
        assert stored.release_id is not None
        crawl.recorder.record_missing(page.url, page.release_id, page.response, "gone")
        problem = f"{stored.url}: timed out"
        crawl.recorder.record_failure(
            stored.url, stored.release_id, crawl.moment, problem, rejected=False
        )
        assert len(frontier.list_stale(crawl.slug, NOW, 100, longest)) == 4
        crawl.moment = NOW
        crawl.crawl(crawl.paths[:4])
        assert frontier.list_stale(crawl.slug, crawl.moment, 100, longest) == [], (
            "put right by one check"
        )


@AHEAD
def test_found_pages_and_files_are_requested_again(archive: Archive, ahead: timedelta) -> None:
    frontier, attachments = archive.frontier, Attachments(archive.db)
    urls = [f"{HOME}nyheter/{number}" for number in range(3)]
    for url in urls:
        frontier.add(url, agency="skog", role="release", seen_at=NOW - DAY, listed="2026-11-01")
    frontier.mark_failed(urls[0], NOW + ahead, "timed out")
    frontier.mark_gone(urls[1], NOW + ahead, "status 404")
    frontier.mark_stored(urls[2], None, NOW + ahead)  # type: ignore[arg-type] # no release
    assert [entry.url for entry in frontier.list_due("skog", NOW, 9)] == urls[:2]
    frontier.add(urls[2], agency="skog", role="release", seen_at=NOW, listed="2026-11-30")
    assert [entry.url for entry in frontier.list_due("skog", NOW, 9)] == urls
    file = f"{HOME}rapport.pdf"
    frontier.add(file, agency="skog", role="attachment", seen_at=NOW - DAY)
    archive.db.execute("pragma foreign_keys = off")
    archive.db.table("attachments").insert(
        {"release": 1, "position": 0, "url": file, "title": "Rapport"}
    )
    frontier.mark_failed(file, NOW + ahead, "timed out")
    assert [entry.url for entry in attachments.list_due("skog", NOW, 9)] == [file]


def test_new_links_are_not_known_because_the_last_pass_was_dated_later(archive: Archive) -> None:
    """Test that the next page of a listing is read if it was last read to its end in the future."""
    listing = f"{HOME}nyheter"
    archive.frontier.add(listing, agency="skog", role="listing", seen_at=NOW - DAY)
    archive.frontier.mark_done(listing, NOW + 60 * DAY)
    tracker = SourceTracker(archive, "skog", None, NOW)  # type: ignore[arg-type] # no counters
    archive.frontier.add(f"{listing}/1", agency="skog", role="release", seen_at=NOW + HOUR)
    entry = type("Link", (), {"url": f"{listing}/1"})
    assert not tracker.is_known_page(listing, [entry], resumed=False)  # type: ignore[list-item] # its URL suffices


@AHEAD
def test_a_removal_is_confirmed_after_a_day(tmp_path: Path, ahead: timedelta) -> None:
    with OfflineCrawl(
        tmp_path / "archive.db", site=SampleAgency("skogsbruksradet", 4, None)
    ) as crawl:
        crawl.add_links(crawl.paths)
        crawl.crawl(crawl.paths)
        removals, times = (
            crawl.archive.removals,
            (NOW + ahead, NOW, NOW + 8 * HOUR, NOW + 25 * HOUR),
        )
        confirmed = [removals.mark_missing(1, moment, "gone") for moment in times]
        assert confirmed == [False, False, False, True]
        found = crawl.rows("select first_seen, confirmed from removals")
        assert found == [(to_iso(NOW), to_iso(times[-1]))]


@pytest.mark.parametrize("ahead", [60 * DAY, 400 * DAY], ids=str)
def test_health_is_that_of_the_crawls_since(archive: Archive, ahead: timedelta) -> None:
    def crawl(moment: datetime, **counts: object) -> None:
        row = {
            "agency": "skog",
            "spider": "news",
            "reason": "finished",
            "requests": 9,
            "errors": 0,
            **counts,
        }
        row |= {"started": to_iso(moment), "finished": to_iso(moment + HOUR)}
        archive.db.table("crawls").insert(row)
        assess_agencies(archive.db, ["skog"], moment + HOUR)

    def find_code() -> str:
        return str(read_health_rows(archive.db)[0]["reason"]["code"])

    for days in (3, 2, 1):
        crawl(NOW - days * DAY, listed=20, parsed=3)
    working = find_code()
    for days in (0, 1, 2):  # no certificate is valid then
        crawl(
            NOW + ahead + days * DAY,
            listed=0,
            errors=9,
            failures='{"TLS": 9}',
            source_failures='{"TLS": 9}',
        )
    assert find_code() == "all_fails"
    crawl(NOW, listed=20, parsed=3)
    assert find_code() == working
    assess_agencies(archive.db, ["skog"], NOW + 5 * DAY)
    assert find_code() == "not_read", "no news crawl has ended since, except in the future"


def test_an_alert_is_sent_each_day(archive: Archive) -> None:
    with Webhook() as webhook, archive:
        for day, agency in ((60, "skog"), (0, "vag"), (0, "berg")):
            archive.add_agency(agency, name=agency, home=f"https://{agency}.example/")
            event = {"agency": agency, "at": to_iso(NOW), "state": "failing", "reason": LOGIN_FAULT}
            archive.db.table("health_events").insert(event)
            assert send_alerts(archive, AlertSettings(webhook=webhook.url), NOW + day * DAY)
        assert [[row["agency"] for row in message["faults"]] for message in webhook.received] == [
            ["skog"],
            ["vag"],
        ]
        assert send_alerts(archive, AlertSettings(webhook=webhook.url), NOW + DAY)
        assert [row["agency"] for row in webhook.received[2]["faults"]] == ["berg"]


def test_a_hung_round_and_a_last_assessment_in_the_future_are_reported(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with time_machine.travel(NOW, tick=False):
        assert is_overdue(str(to_iso(now() + 60 * DAY)))
        assert not is_overdue(str(to_iso(now() + HOUR)))
        assert report_running_round(now() + 60 * DAY) == 1
        assert "has hung" in caplog.text
        assert report_running_round(now() - HOUR) == 0


@pytest.mark.parametrize("ahead", [2 * DAY, 60 * DAY], ids=str)
def test_a_new_backup_is_not_taken_for_the_oldest(
    archive: Archive, tmp_path: Path, ahead: timedelta
) -> None:
    copies = tmp_path / "copies"
    for moment in (NOW - DAY, NOW + ahead, NOW + ahead + HOUR, NOW, NOW + HOUR):
        kept = [create_backup(archive.path, copies, keep=2, moment=moment)[0].name]
        assert kept[-1] in {path.name for path in copies.iterdir()}
    assert sorted(path.name for path in copies.iterdir()) == [
        "2026-11-30T090000",
        "2026-11-30T100000",
    ]


@AHEAD
def test_followers_wait_no_longer_than_otherwise(tmp_path: Path, ahead: timedelta) -> None:
    with FollowStore(tmp_path / "archive.db") as store:
        request = {"channel": "mail", "query": "q=fyr", "language": "sv"}
        for name in "ab":
            store.request(
                address=f"{name}@example.org", frequency="day", now=NOW + ahead, **request
            )
        first = store.find(1)
        assert first
        store.confirm(first, first.address, 1, None, NOW + ahead)
        due = [moment for moment in (NOW, NOW + 3 * DAY) if store.list_due(moment)]
        assert due, "a daily message is due within three days"
        store.record_acceptance(NOW + ahead)
        assert not store.has_accepted_since(NOW - DAY, NOW)
        store.delete_unconfirmed(NOW + 6 * DAY)
        assert store.find(2) is None
