"""How long refused pages are kept in captures.db, how much space they take, and who may see
them.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.database import refused_pages as module
from archive.database.captures import Captures
from archive.database.refused_pages import REFUSED_TABLES, RefusedPages, Retention
from archive.operations.backup import create_backup, restore_backup
from archive.operations.snapshots import publish_snapshot
from archive.store.releases import Archive

BEGUN = datetime(2027, 3, 1, 8, tzinfo=UTC)
HOST = "https://skog.example"


def keep(refused: RefusedPages, day: int, body: bytes, url: str = f"{HOST}/1") -> str:
    """Keep a page that was fetched on a day; its reason is the day."""
    moment = BEGUN + timedelta(days=day)
    row = {
        "agency": "skog",
        "url": url,
        "address": url,
        "record_url": None,
        "fetched": moment.isoformat(),
    }
    refused.keep(row | {"status": 200, "headers": "{}", "reason": str(day)}, body, moment)
    return hashlib.sha256(body).hexdigest()


def list_days(refused: RefusedPages) -> list[int]:
    rows = refused.captures.query("select reason from refused_pages order by fetched")
    return [int(reason) for (reason,) in rows]


def count_bodies(refused: RefusedPages) -> int:
    return int(refused.captures.query("select count(*) from refused_bodies")[0][0])


def make_noise(size: int, seed: int = 1) -> bytes:
    """Return bytes that cannot be compressed."""
    return random.Random(seed).randbytes(size)


@pytest.mark.parametrize(
    ("retention", "days"),
    [
        pytest.param(Retention(), [20, 100, 109], id="90 days"),
        pytest.param(Retention(days=10), [100, 109], id="10 days"),
        pytest.param(Retention(days=0), [], id="none"),
        pytest.param(Retention(share=0), [], id="no share"),
    ],
)
def test_pages_are_kept_for_as_long_as_the_operator_chooses(
    tmp_path: Path, retention: Retention, days: list[int]
) -> None:
    with Captures(tmp_path / "archive.db") as captures:
        refused = RefusedPages(captures)
        for day in (0, 5, 20, 100, 109):
            keep(refused, day, b"x" * day)
        RefusedPages(captures, retention).expire(BEGUN + timedelta(days=109))
        assert list_days(refused) == days
        assert count_bodies(refused) == len(days)
        if not all(retention):
            keep(RefusedPages(captures, retention), 110, b"y")
            assert list_days(refused) == []


def test_pages_between_the_first_and_the_last_go_first_when_all_exceed_their_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MIN_LIMIT", 140_000)
    with Captures(tmp_path / "archive.db") as captures:
        refused = RefusedPages(captures, Retention(share=0.01))
        keep(refused, 0, make_noise(30_000, 99), f"{HOST}/only-once")
        # a page that is different at each fetch, at two URLs; the same bytes count once
        for day in range(1, 9):
            keep(refused, day, make_noise(30_000, day))
            keep(refused, day, make_noise(30_000, day), f"{HOST}/2")
        # the limit is exceeded on day 5 and each second day from then on
        assert (list_days(refused), count_bodies(refused)) == ([0, 1, 1, 7, 7, 8, 8], 4)
        # 1 % of the file is more than the least limit now
        captures.store_body(make_noise(40_000_000), HOST)
        for day in range(9, 20):
            keep(refused, day, make_noise(30_000, day))
        assert 11 <= count_bodies(refused) <= 13
        assert set(list_days(refused)) >= {0, 1, 8, 19}


def test_oldest_go_first_if_each_url_has_one_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MIN_LIMIT", 100_000)
    with Captures(tmp_path / "archive.db") as captures:
        refused = RefusedPages(captures)
        for day in range(4):
            keep(refused, day, make_noise(29_000, day), f"{HOST}/{day}")
        assert (list_days(refused), count_bodies(refused)) == ([1, 2, 3], 3)


def test_deleting_a_page_looks_only_at_its_own_bytes(tmp_path: Path) -> None:
    """Otherwise, each page costs seconds once many are kept."""
    with Captures(tmp_path / "archive.db") as captures:
        plan = [
            str(row) for row in captures.query(f"explain query plan {module.ORPHANS_SQL}", "[]")
        ]
        refused = RefusedPages(captures)
        for url in ("1", "2"):
            keep(refused, 1, b"same", f"{HOST}/{url}")
        keep(refused, 2, b"other", f"{HOST}/3")
        for url, left in (("1", 2), ("2", 1)):
            refused.delete("url = ?", f"{HOST}/{url}")
            assert count_bodies(refused) == left
    assert not [step for step in plan if "SCAN" in step and "json_each" not in step]


def test_page_of_a_wrong_clock_does_not_outlive_those_kept_after_it(tmp_path: Path) -> None:
    with Captures(tmp_path / "archive.db") as captures:
        refused = RefusedPages(captures)
        for day in (0, 1, 2, 3, 4):
            keep(refused, day, b"x" * day, f"{HOST}/{day}")
        for day, wrong in ((1, 401), (4, 404)):
            moment = (BEGUN + timedelta(days=wrong)).isoformat()
            captures.query(
                "update refused_pages set fetched = ? where reason = ?", moment, str(day)
            )
        refused.expire(BEGUN + timedelta(days=92))
        assert list_days(refused) == [3, 4]


def test_bytes_are_compressed_against_the_pages_of_the_host_and_stored_once(tmp_path: Path) -> None:
    # text of which less than half is left after compression
    words = " ".join(random.Random(1).choices([f"ord{n}" for n in range(400)], k=3_000)).encode()
    with Captures(tmp_path / "archive.db") as captures:
        stored = captures.store_body(words, "skog.example")
        refused = RefusedPages(captures)
        first, second = keep(refused, 1, words + b"banner"), keep(refused, 2, words)
        ((sha256, length),) = captures.query("select sha256, stored from refused_bodies")
        assert (sha256, second) == (first, stored)
        assert length < 500
        assert [refused.read(digest) for digest in (first, second)] == [words + b"banner", words]
        refused.expire(BEGUN + timedelta(days=200))
        assert captures.read(stored) == words


def test_file_of_an_older_version_gets_the_tables(tmp_path: Path) -> None:
    Captures(tmp_path / "archive.db").close()
    with closing(sqlite3.connect(tmp_path / "captures.db")) as db:
        for table in REFUSED_TABLES:
            db.execute(f"drop table {table}")
    Captures(tmp_path / "archive.db", readonly=True).close()
    with Captures(tmp_path / "archive.db") as captures:
        keep(RefusedPages(captures), 1, b"x")
        assert list_days(RefusedPages(captures)) == [1]


def test_backups_have_refused_pages_and_snapshots_do_not(tmp_path: Path) -> None:
    archive, secret = tmp_path / "archive.db", make_noise(40_000)
    Archive(archive).close()
    with Captures(archive) as captures:
        keep(RefusedPages(captures), 1, secret)
    copy, findings = create_backup(archive, tmp_path / "copies", keep=2, moment=BEGUN)
    assert findings == []
    assert secret[:5_000] in (copy / "captures.db").read_bytes()
    assert restore_backup(copy, archive, replace=True, moment=BEGUN)[0] == []
    with Captures(archive, readonly=True) as captures:
        assert [row["url"] for row in RefusedPages(captures).list_pages("skog")] == [f"{HOST}/1"]
    snapshot = publish_snapshot(archive, tmp_path / "snapshots", keep=1, moment=BEGUN)
    with closing(sqlite3.connect(snapshot / "captures.db")) as db:
        assert (
            db.execute("select name from sqlite_master where name like '%refused%'").fetchall()
            == []
        )
    assert secret[:5_000] not in (snapshot / "captures.db").read_bytes()


def test_no_table_that_visitors_can_read_has_refused_pages(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        rows = archive.db.execute("select name, lower(sql) from sqlite_master").fetchall()
        assert [name for name, sql in rows if "refused" in f"{name} {sql}"] == []
