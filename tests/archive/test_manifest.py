"""A manifest covers each row once, and its digest can be computed from what it says alone."""

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

from archive.captures import Captures
from archive.evidence.manifest import find_newest_manifest, read_manifests, write_manifest
from archive.evidence.verify import verify
from tests.archive.witnessed import BEGUN, execute, witness

NEXT = BEGUN.date() + timedelta(days=9)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return witness(tmp_path)


@pytest.fixture
def opened(archive: Path) -> Iterator[tuple[sqlite3.Connection, Captures]]:
    with closing(sqlite3.connect(archive, isolation_level=None)) as db, Captures(archive) as captures:
        yield db, captures


def lines(captures: Captures, manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """All lines of a manifest's parts."""
    return [json.loads(line) for part in manifest["parts"] for line in captures.read(part["sha256"]).splitlines()]


def test_each_row_is_in_one_manifest_and_the_digests_chain(archive: Path) -> None:
    execute(archive, "delete from manifests")
    with closing(sqlite3.connect(archive, isolation_level=None)) as db, Captures(archive) as captures:
        for day in range(3):
            assert write_manifest(db, captures, NEXT + timedelta(days=day))
        manifests = read_manifests(db)
        texts = [captures.read(manifest.digest) for manifest in manifests]
        told = [json.loads(text) for text in texts]
        assert [one["previous"] for one in told] == [None, *(m.digest for m in manifests[:-1])]
        assert [hashlib.sha256(text).hexdigest() for text in texts] == [m.digest for m in manifests]
        held = [line for one in told for line in lines(captures, one)]
    assert [line["capture"] for line in held if "sha256" in line] == [
        key for (key,) in execute(archive, "select id from captures order by id")
    ]
    assert [line["revision"] for line in held if "revision" in line] == [
        key for (key,) in execute(archive, "select id from revisions order by id")
    ]


def test_a_manifest_begins_where_the_last_one_ended(opened: tuple[sqlite3.Connection, Captures]) -> None:
    db, captures = opened
    first, second = (json.loads(captures.read(manifest.digest)) for manifest in read_manifests(db))
    assert first["parts"][0]["captures"] == [1, 7]
    assert [line["revision"] for line in lines(captures, second) if "revision" in line] == [8, 9]
    digest = write_manifest(db, captures, NEXT)
    assert digest
    third = json.loads(captures.read(digest))
    assert (third["captures_to"], third["revisions_to"]) == db.execute(
        "select (select max(id) from captures), (select max(id) from revisions)"
    ).fetchone()


@pytest.mark.parametrize("days", [0, -1, -400])
def test_a_day_has_one_manifest_and_a_clock_set_back_writes_none(
    opened: tuple[sqlite3.Connection, Captures], days: int
) -> None:
    db, captures = opened
    newest = find_newest_manifest(db)
    assert newest
    assert write_manifest(db, captures, date.fromisoformat(newest.day) + timedelta(days=days)) is None
    assert find_newest_manifest(db) == newest


def test_a_crawl_that_writes_at_the_same_time_is_not_overwritten(
    archive: Path, opened: tuple[sqlite3.Connection, Captures]
) -> None:
    db, captures = opened

    class Slow(Captures):
        """Another crawl is done while this one keeps its texts."""

        def store_body(self, body: bytes, host: str) -> str:
            write_manifest(db, captures, NEXT)
            return super().store_body(body, host)

    with Slow(archive) as slow:
        assert write_manifest(db, slow, NEXT + timedelta(days=1)) is None
    assert [manifest.day for manifest in read_manifests(db)][2:] == [NEXT.isoformat()]


def test_a_day_without_news_is_a_link_of_the_chain_too(opened: tuple[sqlite3.Connection, Captures]) -> None:
    db, captures = opened
    write_manifest(db, captures, NEXT)
    digest = write_manifest(db, captures, NEXT + timedelta(days=1))
    assert digest
    assert json.loads(captures.read(digest))["parts"] == []


def test_many_rows_make_several_parts(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.evidence.manifest.MAX_PART_ROWS", 3)
    execute(archive, "delete from manifests")
    with closing(sqlite3.connect(archive, isolation_level=None)) as db, Captures(archive) as captures:
        digest = write_manifest(db, captures, NEXT)
        assert digest
        told = json.loads(captures.read(digest))
        assert [part.get("captures") for part in told["parts"]][:4] == [[1, 3], [4, 6], [7, 9], [10, 11]]
        assert [line["capture"] for line in lines(captures, told) if "sha256" in line] == list(range(1, 12))


def test_what_the_archive_may_tell_otherwise_later_is_not_covered(
    archive: Path, opened: tuple[sqlite3.Connection, Captures]
) -> None:
    db, captures = opened
    execute(archive, "delete from manifests")
    first = write_manifest(db, captures, NEXT)
    execute(archive, "delete from manifests")
    execute(archive, "update revisions set cause = 'parser', previous = null, hash = 'x', summary = 'y', checks = 7")
    assert write_manifest(db, captures, NEXT) == first
    execute(archive, "delete from manifests")
    execute(archive, "update revisions set published_text = 'other' where id = 2")
    assert write_manifest(db, captures, NEXT) != first


def test_a_manifest_dated_in_the_future_is_followed_by_one_of_the_right_day(
    archive: Path, opened: tuple[sqlite3.Connection, Captures]
) -> None:
    db, captures = opened
    ahead = write_manifest(db, captures, NEXT + timedelta(days=200))
    digest = write_manifest(db, captures, NEXT + timedelta(days=1))
    assert digest
    assert [manifest.day for manifest in read_manifests(db)][-2:] == [
        (NEXT + timedelta(days=days)).isoformat() for days in (200, 1)
    ]
    newest = find_newest_manifest(db)
    assert newest
    assert (newest.digest, newest.previous) == (digest, ahead)
    assert write_manifest(db, captures, NEXT + timedelta(days=1)) is None
    assert write_manifest(db, captures, NEXT + timedelta(days=2))
    assert write_manifest(db, captures, NEXT + timedelta(days=200)) is None, "the day has one"
    assert verify(archive).findings == []
