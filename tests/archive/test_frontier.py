"""The frontier: what is found is remembered, what is read is settled, what failed comes again later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.frontier import PaginationCursors
from archive.store import Archive

NOW = datetime(2024, 3, 15, 10, 0, tzinfo=UTC)
URL = "https://skog.example/nyheter/1"


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    archive = Archive(tmp_path / "archive.db")
    archive.add_agency("skog", name="Skogsrådet", home="https://skog.example/")
    archive.frontier.add(URL, agency="skog", role="release", seen_at=NOW, listed="2024-03-14")
    yield archive
    archive.close()


def due(archive: Archive, after: timedelta = timedelta(0)) -> list[str]:
    return [row.url for row in archive.frontier.list_due("skog", NOW + after, 10)]


def test_what_is_found_is_due_once(archive: Archive) -> None:
    assert not archive.frontier.add(URL, agency="skog", role="release", seen_at=NOW)
    archive.frontier.add("https://skog.example/feed", agency="skog", role="feed", seen_at=NOW)
    assert due(archive) == [URL], "sources are no releases"
    assert archive.frontier.list_due("skog", NOW, 10, frozenset({URL})) == []


def test_what_is_held_is_not_due_until_its_source_tells_a_later_change(archive: Archive) -> None:
    archive.frontier.mark_read(URL, None, NOW, etag='"1"', last_modified=None)  # type: ignore[arg-type] # none needed here
    assert due(archive) == []
    archive.frontier.add(URL, agency="skog", role="release", seen_at=NOW, listed="2024-03-14")
    assert due(archive) == [], "the same date again"
    later = NOW + timedelta(days=5)
    archive.frontier.add(URL, agency="skog", role="release", seen_at=later, listed="2024-03-18", crawl_started=NOW)
    assert due(archive) == [], "read in this very crawl"
    archive.frontier.add(URL, agency="skog", role="release", seen_at=later, listed="2024-03-20", crawl_started=later)
    assert due(archive) == [URL]
    row = archive.frontier.get(URL)
    assert row is not None
    assert (row.etag, row.listed_at) == ('"1"', "2024-03-20")


def test_what_is_dated_before_it_was_read_is_not_read_again(archive: Archive) -> None:
    """As where a second source, which a killed crawl did not come to, tells another day of an old release."""
    archive.frontier.mark_read(URL, None, NOW, etag=None, last_modified=None)  # type: ignore[arg-type] # none needed here
    later = NOW + timedelta(days=1)
    for day, expected in (
        ("2024-03-14T23:00:00+00:00", []),
        ("2024-03-15T09:59:59+00:00", []),
        ("2024-03-15T10:00:00+00:00", [URL]),
    ):
        archive.frontier.add(URL, agency="skog", role="release", seen_at=later, listed=day, crawl_started=later)
        assert due(archive) == expected, day


def test_a_failure_comes_again_ever_more_seldom(archive: Archive) -> None:
    waits = []
    for _ in range(12):
        archive.frontier.mark_failed(URL, NOW, "timed out")
        waits.append(next(hours for hours in range(1, 400) if due(archive, timedelta(hours=hours))))
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 168, 168, 168, 168]


def test_a_refused_page_is_looked_at_again_the_next_day(archive: Archive) -> None:
    archive.frontier.mark_rejected(URL, NOW, "title: is missing")
    assert due(archive, timedelta(hours=23)) == []
    assert due(archive, timedelta(hours=24)) == [URL]


def test_a_page_that_is_gone_is_looked_at_again_the_next_day(archive: Archive) -> None:
    archive.frontier.mark_gone(URL, NOW, "answered 404")
    assert due(archive, timedelta(hours=23)) == []
    assert due(archive, timedelta(days=1)) == [URL]
    archive.frontier.mark_gone(URL, NOW, "answered 404")
    assert due(archive, timedelta(hours=47)) == []
    later = NOW + timedelta(hours=1)
    archive.frontier.add(URL, agency="skog", role="release", seen_at=later, listed="2024-03-15T11", crawl_started=later)
    assert due(archive) == [URL], "its source tells of a change"


def test_what_waits_aside_is_read_at_once_where_its_source_tells_a_later_change(archive: Archive) -> None:
    for day in range(5):
        archive.frontier.mark_quarantined(URL, NOW + timedelta(days=day), "lacks its lead")
    later = NOW + timedelta(days=6)
    archive.frontier.add(URL, agency="skog", role="release", seen_at=later, listed="2024-03-14")
    assert due(archive, timedelta(days=6)) == [], "the same date again"
    archive.frontier.add(URL, agency="skog", role="release", seen_at=later, listed="2024-03-21")
    assert due(archive, timedelta(days=6)) == [URL]


def test_a_walk_through_what_is_no_listing_any_more_is_at_its_end(archive: Archive) -> None:
    walks = PaginationCursors(archive.db)
    for listing in ("https://skog.example/nyheter", "https://skog.example/gamla"):
        walks.save(listing, agency="skog", next_url=f"{listing}?page=9", page_number=9, interrupted_at=NOW)
    walks.delete_except("skog", ["https://skog.example/nyheter"])
    assert walks.get("https://skog.example/nyheter")
    assert not walks.get("https://skog.example/gamla")


def test_a_sitemap_that_changed_is_due_before_it_is_asked_for(archive: Archive) -> None:
    sitemap = "https://skog.example/s.xml"
    archive.frontier.add(sitemap, agency="skog", role="sitemap", seen_at=NOW, listed="2024-03-14")
    archive.frontier.mark_done(sitemap, NOW)
    archive.frontier.add(sitemap, agency="skog", role="sitemap", seen_at=NOW, listed="2024-03-14")
    assert [row.state for row in [archive.frontier.get(sitemap)] if row] == ["done"]
    archive.frontier.add(sitemap, agency="skog", role="sitemap", seen_at=NOW, listed="2024-03-15")
    assert [row.state for row in [archive.frontier.get(sitemap)] if row] == ["due"]


def test_a_page_that_came_back_forgets_its_problem(archive: Archive) -> None:
    archive.frontier.mark_failed(URL, NOW, "timed out")
    archive.frontier.mark_stored(URL, None, NOW)  # type: ignore[arg-type] # no release needed here
    problem = archive.db.execute("select problem, tries, state from frontier where url = ?", [URL]).fetchone()
    assert problem == (None, 0, "stored")


def test_an_answer_brings_the_only_validators(archive: Archive) -> None:
    archive.frontier.mark_read(URL, None, NOW, etag='"1"', last_modified="Mon")  # type: ignore[arg-type] # none needed here
    archive.frontier.mark_read(URL, None, NOW, etag=None, last_modified=None)  # type: ignore[arg-type] # none needed here
    row = archive.frontier.get(URL)
    assert row is not None
    assert (row.etag, row.last_modified) == (None, None)


def test_due_and_tried_again_come_in_the_order_they_were_found(archive: Archive) -> None:
    later = [f"https://skog.example/nyheter/{number}" for number in range(2, 6)]
    for number, url in enumerate(later):
        archive.frontier.add(url, agency="skog", role="release", seen_at=NOW + timedelta(minutes=number))
    archive.frontier.mark_failed(later[1], NOW, "timeout")
    archive.frontier.mark_rejected(later[2], NOW, "no title")
    archive.frontier.mark_stored(later[0], None, NOW)  # type: ignore[arg-type] # none needed here
    assert due(archive, timedelta(days=2)) == [URL, *later[1:]]
    assert due(archive, timedelta(hours=2)) == [URL, later[1], later[3]]
    assert [row.url for row in archive.frontier.list_due("skog", NOW + timedelta(days=2), 2)] == [URL, later[1]]


def test_what_an_agency_holds_is_not_sorted_to_find_what_is_due(archive: Archive) -> None:
    asked: list[str] = []
    archive.db.conn.set_trace_callback(asked.append)
    due(archive)
    archive.db.conn.set_trace_callback(None)
    plan = [row[3] for row in archive.db.execute(f"explain query plan {asked[0]}")]
    first = next(step for step in plan if "frontier" in step)
    assert "idx_frontier_agency_role_state_first_seen (agency=? AND role=? AND state=?)" in first


def test_what_a_clock_in_error_has_planned_is_due(archive: Archive) -> None:
    archive.frontier.mark_failed(URL, NOW + timedelta(days=300), "no answer")
    assert due(archive) == [URL]
    archive.frontier.mark_failed(URL, NOW, "no answer")
    assert due(archive) == []
