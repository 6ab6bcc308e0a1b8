"""The frontier: found URLs are due once, and are retried or fetched again when their time has
come.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.database.frontier import Frontier, FrontierEntry, PaginationCursors
from archive.store.releases import Archive

NOW = datetime(2024, 3, 15, 10, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATER = NOW + 5 * DAY
URL = "https://skog.example/nyheter/1"
Mark = Callable[[Frontier, str, datetime, str], None]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive(tmp_path / "archive.db") as opened:
        opened.add_agency("skog", name="Skogsrådet", home="https://skog.example/")
        yield opened


@pytest.fixture
def frontier(archive: Archive) -> Frontier:
    add(archive.frontier, listed="2024-03-14")
    return archive.frontier


def add(
    frontier: Frontier, url: str = URL, role: str = "release", listed: str | None = None
) -> bool:
    return frontier.add(url, agency="skog", role=role, seen_at=NOW, listed=listed)


def mark_read(frontier: Frontier, url: str, seen_at: datetime, etag: str | None) -> None:
    frontier.mark_read(url, None, seen_at, etag=etag, last_modified=etag)  # type: ignore[arg-type] # no release


def list_due(frontier: Frontier, after: timedelta = timedelta(0)) -> list[str]:
    return [entry.url for entry in frontier.list_due("skog", NOW + after, 10)]


def get(frontier: Frontier, url: str = URL) -> FrontierEntry:
    entry = frontier.get(url)
    assert entry
    return entry


def test_found_release_is_due_once(frontier: Frontier) -> None:
    assert not add(frontier)
    add(frontier, "https://skog.example/feed", "feed")
    assert list_due(frontier) == [URL]
    assert frontier.list_due("skog", NOW, 10, frozenset({URL})) == []


@pytest.mark.parametrize("mark", [mark_read, Frontier.mark_gone, Frontier.mark_quarantined])
@pytest.mark.parametrize(
    ("listed", "crawl_started", "is_due"),
    [
        ("2024-03-14", LATER, False),  # the same date again
        ("2024-03-14T23:00:00+00:00", LATER, False),  # before it was read
        ("2024-03-15T09:59:59+00:00", LATER, False),
        ("2024-03-15T10:00:00+00:00", LATER, True),
        ("2024-03-20", LATER, True),
        ("2024-03-20", NOW, False),  # read in this crawl
    ],
)
def test_release_is_due_again_if_its_source_lists_a_later_change(
    frontier: Frontier, mark: Mark, listed: str, crawl_started: datetime, *, is_due: bool
) -> None:
    mark(frontier, URL, NOW, "no problem")
    etag = get(frontier).etag
    assert list_due(frontier) == []
    frontier.add(
        URL,
        agency="skog",
        role="release",
        seen_at=LATER,
        listed=listed,
        crawl_started=crawl_started,
    )
    assert list_due(frontier) == [URL] * is_due
    assert (get(frontier).listed_at, get(frontier).etag) == (listed, etag)


@pytest.mark.parametrize(
    ("mark", "hours"),
    [
        (Frontier.mark_failed, [1, 2, 4, 8, 16, 32, 64, 128, 168, 168]),
        (Frontier.mark_rejected, [24, 48, 96, 168, 168]),
        (Frontier.mark_gone, [24, 48, 96, 168, 168]),
        (Frontier.mark_quarantined, [24, 48, 96, 168, 168]),
    ],
)
def test_retries_become_rarer(frontier: Frontier, mark: Mark, hours: list[int]) -> None:
    waits = []
    for _ in hours:
        mark(frontier, URL, NOW, "a problem")
        waits.append(next(wait for wait in range(400) if list_due(frontier, wait * HOUR)))
    assert waits == hours


def test_stored_release_has_no_problem_any_more(archive: Archive, frontier: Frontier) -> None:
    frontier.mark_failed(URL, NOW, "timed out")
    frontier.mark_stored(URL, None, NOW)  # type: ignore[arg-type] # no release
    row = archive.db.execute(
        "select problem, tries, state from frontier where url = ?", [URL]
    ).fetchone()
    assert row == (None, 0, "stored")


def test_response_replaces_both_validators(frontier: Frontier) -> None:
    for etag in ('"1"', None):
        mark_read(frontier, URL, NOW, etag)
        assert (get(frontier).etag, get(frontier).last_modified) == (etag, etag)


def test_sitemap_with_a_later_date_is_due(frontier: Frontier) -> None:
    url = "https://skog.example/s.xml"
    add(frontier, url, "sitemap", "2024-03-14")
    frontier.mark_done(url, NOW)
    for listed, state in (("2024-03-14", "done"), ("2024-03-15", "due")):
        add(frontier, url, "sitemap", listed)
        assert get(frontier, url).state == state


def test_due_and_retried_releases_come_in_the_order_they_were_found(frontier: Frontier) -> None:
    urls = [URL, *(f"https://skog.example/nyheter/{number}" for number in range(2, 6))]
    for minutes, url in enumerate(urls):
        frontier.add(
            url, agency="skog", role="release", seen_at=NOW + minutes * timedelta(minutes=1)
        )
    frontier.mark_stored(urls[1], None, NOW)  # type: ignore[arg-type] # no release
    frontier.mark_failed(urls[2], NOW, "timeout")
    frontier.mark_rejected(urls[3], NOW, "no title")
    assert list_due(frontier, 2 * DAY) == [URL, *urls[2:]]
    assert list_due(frontier, 2 * HOUR) == [URL, urls[2], urls[4]]
    assert [entry.url for entry in frontier.list_due("skog", NOW + 2 * DAY, 2)] == [URL, urls[2]]


def test_stored_releases_are_not_sorted_to_find_due_ones(
    archive: Archive, frontier: Frontier
) -> None:
    statements: list[str] = []
    archive.db.conn.set_trace_callback(statements.append)
    list_due(frontier)
    archive.db.conn.set_trace_callback(None)
    plan = [row[3] for row in archive.db.execute(f"explain query plan {statements[0]}")]
    first = next(step for step in plan if "frontier" in step)
    assert "idx_frontier_agency_role_state_first_seen (agency=? AND role=? AND state=?)" in first


def test_retry_planned_by_a_wrong_clock_is_due(frontier: Frontier) -> None:
    frontier.mark_failed(URL, NOW + 300 * DAY, "no answer")
    assert list_due(frontier) == [URL]
    frontier.mark_failed(URL, NOW, "no answer")
    assert list_due(frontier) == []


def test_cursors_of_former_listings_are_deleted(archive: Archive) -> None:
    cursors = PaginationCursors(archive.db)
    for listing in ("https://skog.example/nyheter", "https://skog.example/gamla"):
        cursors.save(
            listing, agency="skog", next_url=f"{listing}?page=9", page_number=9, interrupted_at=NOW
        )
    cursors.delete_except("skog", ["https://skog.example/nyheter"])
    assert cursors.get("https://skog.example/nyheter")
    assert not cursors.get("https://skog.example/gamla")
