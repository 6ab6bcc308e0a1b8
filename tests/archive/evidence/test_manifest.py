"""Manifests cover each row once, and a digest can be computed from the text of its manifest
alone.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.database.captures import Captures
from archive.evidence.manifest import find_newest_manifest, read_manifests, write_manifest
from archive.evidence.verification import verify
from tests.archive.sample_evidence import FIRST_CRAWL, create_evidence_archive

TODAY = FIRST_CRAWL.date() + timedelta(days=9)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return create_evidence_archive(tmp_path)


@pytest.fixture
def db(archive: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(archive, isolation_level=None)) as connection:
        yield connection


@pytest.fixture
def captures(archive: Path) -> Iterator[Captures]:
    with Captures(archive) as opened:
        yield opened


def read_text(captures: Captures, digest: str | None) -> dict[str, Any]:
    assert digest
    content = captures.read(digest)
    assert hashlib.sha256(content).hexdigest() == digest
    return dict(json.loads(content))


def list_covered_ids(captures: Captures, *manifests: dict[str, Any]) -> dict[str, list[int]]:
    """Return the ids in the lines of the manifests' parts, by table."""
    ids: dict[str, list[int]] = {"captures": [], "revisions": []}
    for part in (part for manifest in manifests for part in manifest["parts"]):
        (table,) = ids.keys() & part.keys()
        lines = captures.read(part["sha256"]).splitlines()
        ids[table] += [json.loads(line)[table.removesuffix("s")] for line in lines]
    return ids


def test_each_row_is_in_one_manifest_and_digests_are_chained(
    db: sqlite3.Connection, captures: Captures
) -> None:
    written = [write_manifest(db, captures, TODAY + timedelta(days=day)) for day in range(3)]
    digests = [manifest.digest for manifest in read_manifests(db)]
    assert digests[2:] == written
    manifests = [read_text(captures, digest) for digest in digests]
    assert [manifest["previous"] for manifest in manifests] == [None, *digests[:-1]]
    assert manifests[0]["parts"][0]["captures"] == [1, 7]
    assert list_covered_ids(captures, manifests[1])["revisions"] == [8, 9]
    assert (manifests[2]["captures_to"], manifests[2]["revisions_to"]) == (11, 11)
    assert [manifest["parts"] for manifest in manifests[3:]] == [[], []], (
        "a day without changes is in the chain, too"
    )
    assert list_covered_ids(captures, *manifests) == {
        table: [key for (key,) in db.execute(f"select id from {table} order by id")]
        for table in ("captures", "revisions")
    }


def test_many_rows_make_several_parts(
    db: sqlite3.Connection, captures: Captures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.evidence.manifest.MAX_PART_ROWS", 3)
    db.execute("delete from manifests")
    manifest = read_text(captures, write_manifest(db, captures, TODAY))
    assert [part.get("captures") for part in manifest["parts"]][:4] == [
        [1, 3],
        [4, 6],
        [7, 9],
        [10, 11],
    ]
    assert list_covered_ids(captures, manifest)["captures"] == list(range(1, 12))


@pytest.mark.parametrize("days", [0, -1, -400])
def test_day_has_one_manifest_and_earlier_days_get_none(
    db: sqlite3.Connection, captures: Captures, days: int
) -> None:
    newest = find_newest_manifest(db)
    assert newest
    assert (
        write_manifest(db, captures, date.fromisoformat(newest.day) + timedelta(days=days)) is None
    )
    assert find_newest_manifest(db) == newest


def test_day_in_the_future_is_followed_by_the_right_day(
    archive: Path, db: sqlite3.Connection, captures: Captures
) -> None:
    future, tomorrow = TODAY + timedelta(days=200), TODAY + timedelta(days=1)
    future_digest = write_manifest(db, captures, future)
    digest = write_manifest(db, captures, tomorrow)
    assert digest
    assert [manifest.day for manifest in read_manifests(db)][-2:] == [
        future.isoformat(),
        tomorrow.isoformat(),
    ]
    newest = find_newest_manifest(db)
    assert newest
    assert (newest.digest, newest.previous) == (digest, future_digest)
    assert write_manifest(db, captures, tomorrow) is None
    assert write_manifest(db, captures, TODAY + timedelta(days=2))
    assert write_manifest(db, captures, future) is None, "the day has one"
    assert verify(archive).findings == []


def test_manifest_of_concurrent_crawl_is_not_overwritten(
    archive: Path, db: sqlite3.Connection, captures: Captures
) -> None:
    class SlowCaptures(Captures):
        """Another crawl writes its manifest while this one stores its texts."""

        def store_body(self, body: bytes, host: str) -> str:
            write_manifest(db, captures, TODAY)
            return super().store_body(body, host)

    with SlowCaptures(archive) as slow:
        assert write_manifest(db, slow, TODAY + timedelta(days=1)) is None
    assert [manifest.day for manifest in read_manifests(db)][2:] == [TODAY.isoformat()]


@pytest.mark.parametrize(
    ("change", "is_covered"),
    [
        ("cause = 'parser', previous = null, hash = 'x', summary = 'y', checks = 7", False),
        ("published_text = 'other' where id = 2", True),
    ],
)
def test_only_columns_that_never_change_are_covered(
    db: sqlite3.Connection, captures: Captures, change: str, is_covered: bool
) -> None:
    digests = []
    for sql in ("select 1", f"update revisions set {change}"):
        db.execute("delete from manifests")
        db.execute(sql)
        digests.append(write_manifest(db, captures, TODAY))
    assert (digests[0] != digests[1]) == is_covered
