from __future__ import annotations

import json
import re
import shutil
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.changes.change_feed import PAGE_SQL, CursorAheadError, UnknownCursorError
from archive.database.sqlite_files import open_readonly, open_writable
from archive.store.releases import Archive
from archive.store.takedowns import hide_release
from tests.archive.mirror import Mirror, read_shown
from tests.archive.random_events import RandomEvents
from tests.archive.sample import Site, served
from tests.archive.sample_history import EDITED_ID, copy_archive


def read_all(archive: Path, size: int) -> Mirror:
    mirror = Mirror(archive)
    while mirror.read_page(size):
        pass
    return mirror


def test_mirror_equals_archive_whenever_it_reads() -> None:
    changes: set[str] = set()

    @settings(derandomize=True, deadline=None, max_examples=7)
    @given(
        random=st.randoms(use_true_random=True),
        page_sizes=st.lists(st.integers(0, 5), min_size=40, max_size=40),
    )
    def check(random: Random, page_sizes: list[int]) -> None:
        with (
            tempfile.TemporaryDirectory() as folder,
            Archive(Path(folder) / "archive.db") as archive,
        ):
            events, mirror = RandomEvents(archive, random), Mirror(archive.path)
            for size in page_sizes:
                events.add_event()
                if size:
                    mirror.read_page(size)
            while mirror.read_page(7):
                pass
            changes.update(
                change for (change,) in archive.db.execute("select change from changefeed")
            )
            assert mirror.releases == read_shown(archive.path)
            assert mirror.entry_numbers == sorted(set(mirror.entry_numbers))
            assert read_all(archive.path, 7).releases == mirror.releases

    check()
    assert changes == {
        "added",
        "changed",
        "removed",
        "returned",
        "moved",
        "hidden",
        "redacted",
        "restored",
        "attachment",
    }


def test_entry_numbers_are_committed_in_order(tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    with Archive(path) as archive:
        events = RandomEvents(archive, Random(1))
        other = open_writable(path)
        other.execute("pragma busy_timeout = 0")
        with archive.transaction():
            events.publish()
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("begin immediate")
            assert other.execute("select count(*) from changefeed").fetchone() == (0,)
        other.execute("begin immediate")  # the number of a rolled back entry is given again
        other.execute(
            "insert into takedowns (release, kind, reason, at) values (1, 'redact', '', '')"
        )
        other.execute("rollback")
        events.publish()
        assert other.execute("select id, release from changefeed").fetchall() == [(1, 1), (2, 2)]
        other.close()


def test_entries_cannot_be_changed(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        RandomEvents(archive, Random(1)).publish()
        for sql in ("delete from changefeed", "update changefeed set release = 2"):
            with pytest.raises(sqlite3.IntegrityError, match="the log only grows"):
                archive.db.execute(sql)
        archive.db.execute("pragma foreign_keys = off")
        archive.db.execute("delete from releases")
    mirror = read_all(archive.path, 9)
    assert (mirror.releases, mirror.entry_numbers) == ({}, [1, 2])


def test_cursor_is_rejected_after_restoring_a_backup(tmp_path: Path) -> None:
    path, backup = tmp_path / "archive.db", tmp_path / "backup.db"
    with Archive(path) as archive:
        events = RandomEvents(archive, Random(1))
        events.publish()
        archive.db.execute("pragma wal_checkpoint(truncate)")
        shutil.copy(path, backup)
        events.publish()
    mirror = read_all(path, 9)
    mirror.archive = backup
    with pytest.raises(CursorAheadError):
        mirror.read_page(9)
    with Archive(backup) as archive:
        RandomEvents(archive, Random(2)).edit()
    with pytest.raises(UnknownCursorError):
        mirror.read_page(9)


def test_page_does_not_scan_the_log(history_archive: Path) -> None:
    db = open_readonly(history_archive)
    values = {"after": 40, "size": 10, "bytes": 10**6}
    plan = [row[3] for row in db.execute(f"explain query plan {PAGE_SQL}", values)]
    assert [step for step in plan if re.match(r"SCAN (?!w$|page$|\(subquery)", step)] == []
    assert "SEARCH d USING INTEGER PRIMARY KEY (rowid>?)" in plan
    entries = db.execute(PAGE_SQL, {**values, "bytes": 1}).fetchall()
    assert [row[0] for row in entries] == [41]  # at least one, however long its text
    db.close()


# /-/changes.json


async def test_pages_contain_the_whole_log(history_site: Site) -> None:
    log = (await history_site.get("/-/changes.json?size=500")).json()
    everything = log["changes"]
    assert log["next"] is None
    entries: list[dict[str, Any]] = []
    url = "/-/changes.json?size=17"
    while url:
        response = await history_site.get(url.removeprefix("http://localhost"))
        page = response.json()
        assert len(page["changes"]) <= 17
        assert ('rel="next"' in response.headers.get("link", "")) is bool(page["next"])
        entries += page["changes"]
        url = page["next"]
    assert entries == everything
    lines = (await history_site.get("/-/changes.ndjson?size=500")).text.splitlines()
    assert [json.loads(line) for line in lines] == everything
    assert {entry["cause"] for entry in everything if entry["change"] == "changed"} == {
        "source",
        "parser",
    }


async def test_end_of_the_log(history_site: Site) -> None:
    cursor = (await history_site.get("/-/changes.json?size=500")).json()["cursor"]
    response = await history_site.get(f"/-/changes.json?since={cursor}")
    page = response.json()
    assert (page["changes"], page["next"], page["cursor"]) == ([], None, cursor)
    again = await history_site.get(
        f"/-/changes.json?since={cursor}", if_none_match=response.headers["etag"]
    )
    assert (again.status_code, again.text) == (304, "")
    assert response.headers["access-control-allow-origin"] == "*"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        *(
            (f"since={cursor}", 400)
            for cursor in ("x", "-1", "1", "1-xyz", "00-00000000", "1-0000000G", "9" * 40)
        ),
        *(("size=x", 400), ("since=1-00000000", 410), ("since=99999-00000000", 503)),
    ],
)
async def test_invalid_cursor(history_site: Site, query: str, status: int) -> None:
    response = await history_site.get(f"/-/changes.json?{query}")
    assert (response.status_code, response.json()["status"]) == (status, status)
    assert response.headers["access-control-allow-origin"] == "*"
    assert ("retry-after" in response.headers) is (status == 503)


async def test_changes_of_an_empty_archive(empty_site: Site) -> None:
    page = (await empty_site.get("/-/changes.json")).json()
    assert (page["changes"], page["next"], page["cursor"]) == ([], None, "0")
    assert (await empty_site.get("/-/changes.json?since=0&lang=en")).json()[
        "title"
    ] == "Changes in the archive"
    assert (await empty_site.get("/-/changes.ndjson")).text == ""


async def test_hidden_release_is_to_be_deleted(history_archive: Path, tmp_path: Path) -> None:
    path = copy_archive(history_archive, tmp_path)
    with Archive(path) as archive:
        hide_release(
            archive, EDITED_ID, datetime(2026, 4, 1, 9, tzinfo=UTC), reason="Beslut av domstol"
        )
    with served(path) as datasette:
        response = await Site(datasette).get("/-/changes.json?size=500")
    last = response.json()["changes"][-1]
    assert (last["release"], last["change"], last["action"], last["state"]) == (
        EDITED_ID,
        "hidden",
        "delete",
        None,
    )
    assert "båtbyggar" not in response.text
