"""What the frontier stores about hosts between crawls: pauses, and how long robots.txt has been
unreachable.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.store.releases import Archive

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HALF_HOUR, DAY = timedelta(minutes=30), timedelta(days=1)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive(tmp_path / "archive.db") as archive:
        yield archive


def test_pause_doubles_until_the_host_answers(archive: Archive) -> None:
    hosts = archive.hosts
    untils = [
        hosts.pause("a.se", NOW, "no answer", first_wait=HALF_HOUR, max_wait=DAY).until
        for _ in range(8)
    ]
    waits = [(datetime.fromisoformat(until) - NOW) / HALF_HOUR for until in untils]
    assert waits == [1, 2, 4, 8, 16, 32, 48, 48]
    assert set(hosts.list_pauses(NOW, DAY)) == {"a.se"}
    assert hosts.list_pauses(NOW + DAY, DAY) == {}
    hosts.clear_pause("a.se")
    assert hosts.list_pauses(NOW, DAY) == {}
    found = hosts.pause("a.se", NOW, "again", first_wait=HALF_HOUR, max_wait=DAY).until
    assert found == "2026-03-01T12:30:00+00:00"


def test_longer_wait_requested_by_the_host_is_kept(archive: Archive) -> None:
    pause = archive.hosts.pause(
        "a.se", NOW, "503", first_wait=HALF_HOUR, max_wait=DAY, requested_wait=timedelta(hours=5)
    )
    assert pause.until == "2026-03-01T17:00:00+00:00"


def test_unreachable_robots_txt_is_dated_from_the_first_time(archive: Archive) -> None:
    hosts = archive.hosts
    assert hosts.mark_robots_unreachable("a.se", NOW) == (NOW, None)
    assert hosts.mark_robots_unreachable("a.se", NOW + DAY) == (NOW, None)
    hosts.store_robots("a.se", "allowed", NOW + 2 * DAY, "User-agent: *\nDisallow: /a\n")
    since, text = hosts.mark_robots_unreachable("a.se", NOW + 3 * DAY)
    assert (since, text) == (NOW + 3 * DAY, "User-agent: *\nDisallow: /a\n")


def test_pauses_from_a_wrong_clock_are_ignored(archive: Archive) -> None:
    archive.hosts.pause("a.se", NOW + 300 * DAY, "no answer", first_wait=HALF_HOUR, max_wait=DAY)
    assert archive.hosts.list_pauses(NOW, DAY) == {}
    archive.hosts.mark_robots_unreachable("b.se", NOW + 300 * DAY)
    assert archive.hosts.mark_robots_unreachable("b.se", NOW)[0] == NOW
