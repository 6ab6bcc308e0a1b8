"""Removals: confirmed once several checks over a day agree, unless many pages go missing alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from archive.database.models import Release
from archive.database.removals import Removals, fill_continues_as, find_collapse
from archive.store.releases import Archive
from tests.archive.sample import import_release

SEEN = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
URL = "https://skog.example/nyheter/"
PLACEHOLDER: dict[str, Any] = {"status": 200, "target": "Vi bygger om webbplatsen"}


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive with one release, whose id is 1."""
    with Archive(tmp_path / "archive.db") as opened:
        opened.add_agency("skog", name="Skogsbruksrådet", home="https://skog.example/")
        add_releases(opened, 1)
        yield opened


@pytest.fixture
def removals(archive: Archive) -> Removals:
    return archive.removals


def add_releases(archive: Archive, *ids: int) -> None:
    for number in ids:
        url, title = f"{URL}{number}", f"Nr {number}"
        archive.save(
            Release(agency="skog", url=url, title=title, body="Text.", body_html="<p>Text.</p>"),
            seen_at=SEEN,
        )


def select(archive: Archive, sql: str, *values: object) -> list[tuple[Any, ...]]:
    return archive.db.execute(sql, values).fetchall()


def list_due(archive: Archive, now: datetime) -> list[int]:
    rows = select(
        archive, "select id from releases where next_check <= ? order by id", now.isoformat()
    )
    return [release_id for (release_id,) in rows]


def postpone_checks(archive: Archive) -> None:
    archive.db.execute("update releases set next_check = '2027-01-01'")


def mark_missing(
    archive: Archive, ids: Sequence[int], kind: str, days: Sequence[float], **found: Any
) -> list[int]:
    """Mark releases as missing on some days, and return those that are confirmed as removed."""
    for day in days:
        confirmed = [
            key
            for key in ids
            if archive.removals.mark_missing(key, SEEN + day * DAY, kind, **found)
        ]
    assert confirmed == [
        key for (key,) in select(archive, "select id from releases where removed_at is not null")
    ]
    return confirmed


@pytest.mark.parametrize(
    ("hours", "confirmed"), [([0, 1, 23, 24], True), ([0, 1, 23], False), ([0, 30], False)], ids=str
)
def test_removal_is_confirmed_by_three_checks_over_a_day(
    archive: Archive, hours: list[int], confirmed: bool
) -> None:
    results = [
        archive.removals.mark_missing(1, SEEN + at * HOUR, "gone", status=400 + at) for at in hours
    ]
    assert results == [False] * (len(hours) - 1) + [confirmed]
    assert archive.removals.is_missing(1)
    moment = (SEEN + hours[-1] * HOUR).isoformat() if confirmed else None
    found = select(archive, "select kind, checks, status, confirmed from removals")
    assert found == [("gone", len(hours), 400 + hours[-1], moment)]
    assert select(archive, "select removed_at from releases") == [(moment,)]
    due = SEEN + hours[-1] * HOUR + (7 * DAY if confirmed else 8 * HOUR)
    assert select(archive, "select next_check from releases") == [(due.isoformat(),)]


def test_release_that_is_found_again_ends_its_removal(archive: Archive, removals: Removals) -> None:
    assert mark_missing(archive, [1], "error page", [0, 0.5, 1], status=200) == [1]
    removals.mark_present(1, SEEN + 2 * DAY)
    found = select(archive, "select confirmed is not null, ended from removals")
    assert found == [(1, "2026-03-03T08:00:00+00:00")]
    assert select(archive, "select removed_at from releases") == [(None,)]
    assert not removals.is_missing(1)
    removals.mark_missing(1, SEEN + 3 * DAY, "gone", status=404)
    assert select(archive, "select id, checks, confirmed from removals where ended is null") == [
        (2, 1, None)
    ]


def test_moved_release_keeps_its_id_at_its_new_url(archive: Archive, removals: Removals) -> None:
    moved_to = "https://skog.example/arkiv/1"
    removals.mark_missing(1, SEEN, "gone", status=404)
    removals.mark_moved(1, SEEN + HOUR, moved_to, status=301)
    assert archive.find_release_id(moved_to) == 1
    last = select(archive, "select kind, target, moved_to from removals order by id desc limit 1")
    assert last == [("moved", moved_to, 1)]
    assert not removals.is_missing(1)


def test_text_that_replaces_two_releases_is_no_new_text(
    archive: Archive, removals: Removals
) -> None:
    add_releases(archive, 2)
    removals.mark_missing(1, SEEN, "replaced", status=200, target="Hoppsan")
    assert not removals.is_replacement_shared(1, "Hoppsan")
    removals.mark_missing(2, SEEN, "replaced", status=200, target="Hoppsan")
    assert removals.is_replacement_shared(1, "Hoppsan")
    removals.discard(1)
    assert [removals.is_missing(1), removals.is_missing(2)] == [False, True]


@pytest.mark.parametrize(
    ("kind", "present", "believed"),
    [
        ("gone", 0, True),
        ("error page", 5, True),
        ("redirected", 5, True),
        ("replaced", 5, True),
        ("redirected", 0, False),
    ],
)
def test_pages_missing_alike_are_believed_after_a_month_if_others_are_present(
    archive: Archive, kind: str, present: int, believed: bool
) -> None:
    missing, others = [1, 2, 3, 4, 5, 6], range(7, 7 + present)
    add_releases(archive, *missing[1:], *others)
    for number in others:
        archive.mark_checked(number, SEEN + 2 * DAY)
    found = mark_missing(archive, missing, kind, [0, 1, 2, 29.9], target="https://skog.example/")
    assert found == []
    assert mark_missing(archive, missing, kind, [30], target="https://skog.example/") == (
        missing if believed else []
    )


def test_one_404_beside_an_outage_is_confirmed(archive: Archive, removals: Removals) -> None:
    add_releases(archive, 2, 3, 4, 5, 6)
    found = mark_missing(archive, [1, 2, 3, 4, 5, 6], "redirected", [0, 0.5, 1, 1.5], status=200)
    assert found == []
    removals.mark_present(2, SEEN + 37 * HOUR)
    assert removals.mark_missing(1, SEEN + 48 * HOUR, "gone", status=404)


def test_placeholder_for_all_of_few_pages_is_never_believed(
    archive: Archive, removals: Removals
) -> None:
    add_releases(archive, 2)
    assert mark_missing(archive, [1, 2], "replaced", [0, 1, 2, 30, 60, 90], **PLACEHOLDER) == []
    collapse = find_collapse(archive.db, "skog")
    assert collapse
    assert (collapse.kind, collapse.shown) == ("replaced", PLACEHOLDER["target"])
    assert (collapse.missing, collapse.checked) == (2, 2)
    for number in (1, 2):
        removals.mark_present(number, SEEN + 91 * DAY)
    assert find_collapse(archive.db, "skog") is None


def test_missing_page_makes_others_due_for_comparison(archive: Archive, removals: Removals) -> None:
    add_releases(archive, *range(2, 10))
    postpone_checks(archive)
    now = SEEN + 3 * DAY
    removals.mark_missing(1, now, "replaced", **PLACEHOLDER)
    assert list_due(archive, now) == [5, 6, 7, 8, 9]
    for number in (5, 6, 7, 8, 9):
        archive.mark_checked(number, now, SEEN + 9 * DAY)
    removals.mark_missing(2, now, "replaced", **PLACEHOLDER)
    assert list_due(archive, now) == [], "enough were checked at the same time"


def test_checks_before_the_first_page_went_missing_do_not_count(
    archive: Archive, removals: Removals
) -> None:
    add_releases(archive, *range(2, 10))
    postpone_checks(archive)
    now = SEEN + 3 * DAY
    for number in range(4, 10):
        archive.mark_checked(number, now - HOUR / 6, SEEN + 9 * DAY)
    for number in (1, 2, 3):
        removals.mark_missing(number, now, "gone", status=404)
    assert [number for number in list_due(archive, now) if number > 3] == [5, 6, 7, 8, 9]
    for number in (5, 6, 7, 8, 9):
        archive.mark_checked(number, now + HOUR / 60, SEEN + 9 * DAY)
    assert find_collapse(archive.db, "skog") is None, "three of eight are a clean-up"


def test_placeholder_title_counts_until_a_removal_is_confirmed(
    archive: Archive, removals: Removals
) -> None:
    add_releases(archive, 2)
    for number in (1, 2):
        removals.mark_missing(number, SEEN + 3 * DAY, "replaced", **PLACEHOLDER)
    assert removals.is_placeholder("skog", PLACEHOLDER["target"])
    archive.db.execute("update removals set confirmed = first_seen")
    assert not removals.is_placeholder("skog", PLACEHOLDER["target"])


def test_404_of_every_page_is_a_fault_but_of_old_ones_a_clean_up(
    archive: Archive, removals: Removals
) -> None:
    old, new = list(range(1, 18)), [18, 19, 20]
    add_releases(archive, *old[1:], *new)
    assert mark_missing(archive, [*old, *new], "gone", [0, 1, 2], status=404) == []
    collapse = find_collapse(archive.db, "skog")
    assert collapse
    assert (collapse.kind, collapse.missing, collapse.checked) == ("gone", 20, 20)
    for number in new:
        removals.mark_present(number, SEEN + 3 * DAY)
        archive.mark_checked(number, SEEN + 3 * DAY)
    assert mark_missing(archive, old, "gone", [3], status=404) == old


def test_release_is_checked_once_a_day_during_a_collapse(archive: Archive) -> None:
    add_releases(archive, 2, 3, 4, 5, 6)
    mark_missing(archive, [1, 2, 3, 4, 5, 6], "replaced", [0, 1, 2], **PLACEHOLDER)
    releases = select(archive, "select next_check from releases where id = 1")
    assert releases == [((SEEN + 3 * DAY).isoformat(),)]


@pytest.mark.parametrize("kind", ["gone", "replaced", "error page"])
@pytest.mark.parametrize("is_checked", [False, True], ids=["imported", "imported and checked"])
def test_import_during_a_collapse_is_no_page_that_is_present(
    archive: Archive, kind: str, is_checked: bool
) -> None:
    add_releases(archive, *range(2, 6))
    assert mark_missing(archive, range(1, 6), kind, [1, 2]) == []
    for number in range(6, 40):
        release = Release(
            agency="skog",
            url=f"{URL}{number}",
            title=f"Nr {number}",
            body="T",
            body_html="<p>T</p>",
        )
        import_release(archive, release, SEEN + 2 * DAY)
        if is_checked:
            archive.mark_checked(number, SEEN + 2 * DAY)
    assert (find_collapse(archive.db, "skog") is None) == is_checked


# releases with these ids move, move back, are deleted and inserted again
MOVING = range(101, 107)
INSERT_SQL = (
    "insert into releases (id, agency, url, title, body, body_html, added, hash, moved_to)"
    " values (:id, 'skog', :id, '', '', '', '2026', '', :target)"
)


def follow_moves(moves: Mapping[int, int | None], release_id: int) -> int:
    while target := moves.get(release_id):
        release_id = target
    return release_id


def change_at_random(
    archive: Archive, chance: Random, moves: dict[int, int | None]
) -> dict[int, int | None]:
    """Move, move back, delete or insert a release; return the moves after it."""
    release_id, target = chance.sample(MOVING, 2)
    if release_id not in moves:
        move = target if follow_moves(moves, target) != release_id else None
        move = chance.choice([move, None])
        archive.db.execute(INSERT_SQL, {"id": release_id, "target": move})
        return moves | {release_id: move}
    action = chance.choice(["move", "move", "move back", "delete"])
    if action == "delete":
        archive.db.execute("delete from releases where id = ?", [release_id])
        return {key: move for key, move in moves.items() if key != release_id}
    if action == "move back" or target not in moves:
        archive.db.execute("update releases set moved_to = null where id = ?", [release_id])
        return moves | {release_id: None}
    archive.removals.mark_merged(release_id, SEEN, URL, target)
    return moves | {target: None, release_id: target}


@pytest.mark.parametrize(
    "seeds",
    [
        range(50),
        pytest.param(range(50, 300), marks=pytest.mark.slow("many random histories")),
    ],
    ids=("few", "many"),
)
def test_the_stored_end_of_a_chain_is_where_its_moves_lead(archive: Archive, seeds: range) -> None:
    archive.db.execute("pragma foreign_keys = off")  # so that a release that others led to can go
    for seed in seeds:
        chance, moves = Random(seed), dict[int, int | None]()
        with archive.transaction():
            archive.db.execute("delete from releases where id > 100")
            for _ in range(20):
                moves = change_at_random(archive, chance, moves)
                stored = select(
                    archive, "select id, continues_as, moved_to from releases where id > 100"
                )
                expected = {
                    (key, follow_moves(moves, key) if move else None, move)
                    for key, move in moves.items()
                }
                assert set(stored) == expected, seed
    with archive.transaction():
        fill_continues_as(archive.db)
    assert (
        set(select(archive, "select id, continues_as, moved_to from releases where id > 100"))
        == expected
    )
