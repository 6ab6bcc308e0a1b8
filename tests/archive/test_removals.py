"""A removal is told once several checks over a day agree; what comes back was never lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.models import Release
from archive.removals import find_collapse
from archive.store import Archive

SEEN = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
URL = "https://skog.example/nyheter/1"


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """One release of one agency."""
    with Archive(tmp_path / "archive.db") as opened:
        opened.add_agency("skog", name="Skogsbruksrådet", home="https://skog.example/")
        opened.save(
            Release(agency="skog", url=URL, title="Mer lövskog", body="Text.", body_html="<p>Text.</p>"), seen_at=SEEN
        )
        yield opened


def look(archive: Archive, *names: str, table: str = "removals") -> tuple[Any, ...]:
    """Columns of the newest row."""
    row = archive.db.execute(f"select {', '.join(names)} from {table} order by id desc limit 1").fetchone()
    return tuple(row) if row else ()


def test_one_day_and_three_checks_make_a_removal(archive: Archive) -> None:
    removals = archive.removals
    assert not removals.mark_missing(1, SEEN, "gone", status=404)
    assert not removals.mark_missing(1, SEEN + HOUR, "gone", status=404)
    assert not removals.mark_missing(1, SEEN + 23 * HOUR, "gone", status=404)  # three checks, but not yet a day
    assert look(archive, "removed_at", table="releases") == (None,)
    assert removals.mark_missing(1, SEEN + 24 * HOUR, "gone", status=410)
    assert look(archive, "kind", "checks", "status", "confirmed") == ("gone", 4, 410, "2026-03-02T08:00:00+00:00")
    assert look(archive, "removed_at", table="releases") == ("2026-03-02T08:00:00+00:00",)


def test_a_day_without_a_third_check_is_no_removal(archive: Archive) -> None:
    archive.removals.mark_missing(1, SEEN, "gone", status=404)
    assert not archive.removals.mark_missing(1, SEEN + 30 * HOUR, "gone", status=404)
    assert archive.removals.is_missing(1)


def test_what_stands_again_was_away_for_a_while(archive: Archive) -> None:
    for hours in (0, 12, 24):
        archive.removals.mark_missing(1, SEEN + hours * HOUR, "error page", status=200)
    archive.removals.mark_present(1, SEEN + 48 * HOUR)
    assert look(archive, "confirmed is not null", "ended") == (1, "2026-03-03T08:00:00+00:00")
    assert look(archive, "removed_at", table="releases") == (None,)
    assert not archive.removals.is_missing(1)
    archive.removals.mark_missing(1, SEEN + 72 * HOUR, "gone", status=404)  # a removal of its own
    assert look(archive, "id", "checks", "confirmed") == (2, 1, None)


def test_a_release_in_doubt_is_looked_at_again_within_hours_and_one_long_gone_within_days(archive: Archive) -> None:
    archive.removals.mark_missing(1, SEEN, "gone", status=404)
    assert look(archive, "next_check", table="releases") == ("2026-03-01T16:00:00+00:00",)
    archive.removals.mark_missing(1, SEEN + 12 * HOUR, "gone", status=404)
    archive.removals.mark_missing(1, SEEN + 24 * HOUR, "gone", status=404)
    assert look(archive, "next_check", table="releases") == ("2026-03-09T08:00:00+00:00",)


def test_a_moved_release_keeps_its_id_under_its_new_address(archive: Archive) -> None:
    archive.removals.mark_missing(1, SEEN, "gone", status=404)
    archive.removals.mark_moved(1, SEEN + HOUR, "https://skog.example/arkiv/1", status=301)
    assert archive.find_release_id("https://skog.example/arkiv/1") == 1
    assert look(archive, "kind", "target", "moved_to") == ("moved", "https://skog.example/arkiv/1", 1)
    assert not archive.removals.is_missing(1)


def test_the_same_text_in_the_place_of_two_releases_is_an_error_page_not_a_new_text(archive: Archive) -> None:
    other = Release(agency="skog", url=URL + "2", title="Älgjakten", body="Annat.", body_html="<p>Annat.</p>")
    archive.save(other, seen_at=SEEN)
    archive.removals.mark_missing(1, SEEN, "replaced", status=200, target="Hoppsan")
    assert not archive.removals.is_replacement_shared(1, "Hoppsan")
    archive.removals.mark_missing(2, SEEN, "replaced", status=200, target="Hoppsan")
    assert archive.removals.is_replacement_shared(1, "Hoppsan")
    archive.removals.discard(1)
    assert not archive.removals.is_missing(1)
    assert archive.removals.is_missing(2)


def add_releases(archive: Archive, first: int, last: int, seen: datetime = SEEN) -> None:
    """Releases with these numbers."""
    for number in range(first, last + 1):
        other = Release(
            agency="skog", url=f"{URL}{number}", title=f"Nr {number}", body="Text.", body_html="<p>Text.</p>"
        )
        archive.save(other, seen_at=seen)


def look_for_days(archive: Archive, missing: list[int], kind: str, days: int, **found: Any) -> list[int]:
    """Check releases twice a day; the numbers of those confirmed as removed."""
    for half in range(2 * days + 1):
        for number in missing:
            archive.removals.mark_missing(number, SEEN + (half + 1) * 12 * HOUR, kind, **found)
    return [number for (number,) in archive.db.execute("select id from releases where removed_at is not null")]


@pytest.mark.parametrize("kind", ["error page", "redirected", "replaced"])
def test_one_page_in_front_of_a_whole_site_is_an_outage(archive: Archive, kind: str) -> None:
    add_releases(archive, 2, 6)
    for hours in (0, 12, 24, 36):
        for number in range(1, 7):
            assert not archive.removals.mark_missing(
                number, SEEN + hours * HOUR, kind, status=200, target=f"Nr {hours}"
            )
    archive.removals.mark_present(2, SEEN + 37 * HOUR)
    assert archive.removals.mark_missing(1, SEEN + 48 * HOUR, "gone", status=404), "404 of one is no wall"


PLACEHOLDER: dict[str, Any] = {"status": 200, "target": "Vi bygger om webbplatsen"}


def test_a_placeholder_is_one_however_few_pages_are_due_and_however_long_it_stands(archive: Archive) -> None:
    add_releases(archive, 2, 2)
    assert look_for_days(archive, [1, 2], "replaced", 90, **PLACEHOLDER) == []
    collapse = find_collapse(archive.db, "skog")
    assert collapse
    assert (collapse.kind, collapse.shown, collapse.missing, collapse.checked) == (
        *("replaced", "Vi bygger om webbplatsen"),
        *(2, 2),
    )
    archive.removals.mark_present(1, SEEN + timedelta(days=91))
    archive.removals.mark_present(2, SEEN + timedelta(days=91))
    assert find_collapse(archive.db, "skog") is None


def test_a_page_that_goes_missing_makes_others_due_to_compare_it_with(archive: Archive) -> None:
    add_releases(archive, 2, 9)
    archive.db.execute("update releases set next_check = '2027-01-01'")
    later = SEEN + timedelta(days=3)
    archive.removals.mark_missing(1, later, "replaced", **PLACEHOLDER)
    due = "select id from releases where next_check <= ?"
    assert [number for (number,) in archive.db.execute(due, [later.isoformat()])] == [5, 6, 7, 8, 9]
    for number in (5, 6, 7, 8, 9):
        archive.mark_checked(number, later, SEEN + timedelta(days=9))
    archive.removals.mark_missing(2, later, "replaced", **PLACEHOLDER)
    assert not archive.db.execute(due, [later.isoformat()]).fetchall(), "enough were checked at the same time"


def test_checks_from_before_the_first_page_went_missing_are_no_comparison(archive: Archive) -> None:
    add_releases(archive, 2, 9)
    archive.db.execute("update releases set next_check = '2027-01-01'")
    gone_at = SEEN + timedelta(days=3)
    for number in range(4, 10):
        archive.mark_checked(number, gone_at - HOUR / 6, SEEN + timedelta(days=9))
    for number in (1, 2, 3):
        archive.removals.mark_missing(number, gone_at, "gone", status=404)
    due = "select id from releases where next_check <= ? order by id"
    rows = archive.db.execute(due, [gone_at.isoformat()]).fetchall()
    assert [number for (number,) in rows if number > 3] == [5, 6, 7, 8, 9]
    for number in (5, 6, 7, 8, 9):
        archive.mark_checked(number, gone_at + HOUR / 60, SEEN + timedelta(days=9))
    assert find_collapse(archive.db, "skog") is None, "three of eight are a clean-up"


def test_a_title_is_that_of_a_placeholder_only_while_nothing_is_confirmed(archive: Archive) -> None:
    add_releases(archive, 2, 2)
    for number in (1, 2):
        archive.removals.mark_missing(number, SEEN + timedelta(days=3), "replaced", **PLACEHOLDER)
    assert archive.removals.is_placeholder("skog", PLACEHOLDER["target"])
    archive.db.execute("update removals set confirmed = first_seen")
    assert not archive.removals.is_placeholder("skog", PLACEHOLDER["target"])


def test_404_of_every_page_is_a_fault_and_of_old_ones_alone_a_clean_up(archive: Archive) -> None:
    add_releases(archive, 2, 20)
    old = list(range(1, 18))
    assert look_for_days(archive, [*old, 18, 19, 20], "gone", 2, status=404) == []
    collapse = find_collapse(archive.db, "skog")
    assert collapse
    assert (collapse.kind, collapse.missing, collapse.checked) == ("gone", 20, 20)
    for number in (18, 19, 20):
        archive.removals.mark_present(number, SEEN + timedelta(days=3))
        archive.mark_checked(number, SEEN + timedelta(days=3))
    for number in old:
        assert archive.removals.mark_missing(number, SEEN + timedelta(days=3), "gone", status=404)


@pytest.mark.parametrize(
    ("kind", "present", "days"), [("gone", 0, 30), ("redirected", 5, 30), ("replaced", 5, 30), ("redirected", 0, None)]
)
def test_what_lasts_for_a_month_is_believed_unless_nothing_of_the_site_works(
    archive: Archive, kind: str, present: int, days: int | None
) -> None:
    add_releases(archive, 2, 6 + present)
    for number in range(7, 7 + present):
        archive.mark_checked(number, SEEN + timedelta(days=2))
    missing = list(range(1, 7))
    assert look_for_days(archive, missing, kind, 29, target="https://skog.example/") == []
    assert look_for_days(archive, missing, kind, 32, target="https://skog.example/") == (missing if days else [])


def test_an_unconfirmed_removal_is_asked_for_once_a_day_while_a_collapse_lasts(archive: Archive) -> None:
    add_releases(archive, 2, 6)
    look_for_days(archive, [1, 2, 3, 4, 5, 6], "replaced", 2, **PLACEHOLDER)
    last, next_check = archive.db.execute(
        "select o.last_seen, r.next_check from removals o join releases r on r.id = o.release where r.id = 1"
    ).fetchone()
    assert datetime.fromisoformat(next_check) - datetime.fromisoformat(last) == timedelta(days=1)
