"""A snapshot is complete, contains nothing that is taken down, and can be withdrawn."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.__main__ import main
from archive.database.captures import Captures, compute_file_sha256
from archive.database.sqlite_files import ArchiveError
from archive.evidence.verification import verify
from archive.operations import snapshots
from archive.operations.serving import find_snapshot_fault, list_snapshots
from archive.operations.snapshots import (
    list_all_snapshots,
    parse_snapshot_time,
    publish_snapshot,
    withdraw_snapshots,
)
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, redact_passage
from tests.archive.sample_evidence import FIRST_CRAWL, create_evidence_archive, execute

MOMENT = datetime(2026, 3, 2, 3, 43, tzinfo=UTC)
FILES = ("archive.db", "inspect.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the snapshots of an empty file."""
    (tmp_path / "archive.db").touch()
    return tmp_path / "snapshots"


@pytest.fixture
def without_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "write_snapshot_files", lambda *_: None)


def publish(folder: Path, seconds: float = 0, *, withdraw: bool = False, keep: int = 3) -> str:
    """Publish a snapshot so many seconds after MOMENT and return its name."""
    archive, moment = folder.parent / "archive.db", MOMENT + timedelta(seconds=seconds)
    return publish_snapshot(archive, folder, keep=keep, moment=moment, withdraw=withdraw).name


def test_snapshot_is_complete_and_has_nothing_that_is_taken_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, folder = create_evidence_archive(tmp_path), tmp_path / "snapshots"
    with Captures(archive, readonly=True) as captures:
        bases = execute(captures.path, "select b.sha256 from bases join blobs b on b.id = blob")
    hidden = {
        sha256 for (sha256,) in execute(archive, "select sha256 from captures where url like '%/1'")
    }
    assert hidden & {sha256 for (sha256,) in bases}, (
        "other pages are compressed against one that is hidden"
    )
    with Archive(archive) as opened:
        hide_release(opened, 1, FIRST_CRAWL, reason="Prov")
        opened.db.execute("create table _litestream_seq (id integer)")
        opened.db.execute("begin")  # what is not committed is not in the snapshot
        opened.db.execute("delete from questions")
        snapshot = publish_snapshot(archive, folder, keep=2, moment=MOMENT)
        opened.db.execute("rollback")
        redact_passage(opened, 2, "Bo Strand", FIRST_CRAWL, reason="Prov")
    copy = snapshot / "archive.db"
    names = ["SHA256SUMS", "archive.db", "captures.db", "inspect.json"]
    assert sorted(path.name for path in snapshot.iterdir()) == names
    assert (find_snapshot_fault(snapshot), parse_snapshot_time(snapshot.name)) == (None, MOMENT)
    assert list_snapshots(folder) == [snapshot]
    assert execute(copy, "select count(*) > 0 from questions") == [(1,)]
    assert execute(copy, "select name from sqlite_master where name like '%litestream%'") == []
    inspected = json.loads((snapshot / "inspect.json").read_text("utf-8"))["archive"]
    assert (inspected["hash"], inspected["tables"]["releases"]["count"]) == (
        compute_file_sha256(copy),
        7,
    )
    with Captures(copy, readonly=True) as captures:
        assert [sha256 for sha256 in hidden if sha256 in captures] == []
    findings = verify(copy).findings  # every other page is there and unchanged
    assert {str(finding.key) for finding in findings if finding.table == "captures"} == {"1"}
    assert [str(finding) for finding in findings if finding.table != "captures"] == [
        f"{snapshot / 'withheld.db'}: states: no such file; 1 versions that are taken down cannot"
        " be checked (snapshots lack it)"
    ]

    assert main(["snapshot", str(archive), "--to", str(folder)]) == 0
    # the redacted one is listed, the hidden one is not
    assert ": 6 releases, archive.db " in capsys.readouterr().out


def test_incomplete_or_damaged_snapshot_has_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "2026-03-02T034300"
    path.mkdir()
    for name in FILES:
        (path / name).write_text(name)
    (snapshot,) = list_all_snapshots(tmp_path)
    assert find_snapshot_fault(snapshot) == "SHA256SUMS is missing"
    lines = [f"{compute_file_sha256(path / name)}  {name}\n" for name in FILES]
    for text in (lines[0], "".join([*lines, "x\n"])):
        (path / "SHA256SUMS").write_text(text)
        assert find_snapshot_fault(snapshot) == "SHA256SUMS is incomplete or invalid"
    (path / "SHA256SUMS").write_text("".join(lines))
    assert find_snapshot_fault(snapshot) is None
    (path / "archive.db").write_text("archive.dc")
    assert find_snapshot_fault(snapshot) == "the SHA-256 of archive.db differs from SHA256SUMS"
    (path / "archive.db").unlink()
    assert find_snapshot_fault(snapshot) == "archive.db is missing"


@pytest.mark.usefixtures("without_files")
def test_old_snapshots_are_deleted_and_names_always_increase(folder: Path) -> None:
    names = [publish(folder, seconds, keep=2) for seconds in (0, 60, 60, -3600)]
    assert names == [
        "2026-03-02T034300",
        "2026-03-02T034400",
        "2026-03-02T034401",
        "2026-03-02T034402",
    ]
    assert [snapshot.name for snapshot in list_all_snapshots(folder)] == names[:1:-1]


@pytest.mark.usefixtures("without_files")
def test_withdrawn_snapshots_are_not_shown_and_deleted_with_the_next(folder: Path) -> None:
    publish(folder)
    last = publish(folder, 60, withdraw=True)
    assert [snapshot.name for snapshot in list_snapshots(folder)] == [last]
    assert len(list_all_snapshots(folder)) == 2, "a replica may still be reading the other"
    newest = publish(folder, 61)
    assert [snapshot.name for snapshot in list_all_snapshots(folder)] == [newest, last]


@pytest.mark.usefixtures("without_files")
def test_snapshot_that_was_started_before_a_takedown_is_not_published(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(folder)
    monkeypatch.setattr(
        snapshots,
        "write_snapshot_files",
        lambda *_: withdraw_snapshots(folder, "2026-03-02T034500"),
    )
    with pytest.raises(ArchiveError, match="was withdrawn while it was created"):
        publish(folder, 60)
    assert list_snapshots(folder) == []
    assert not [*folder.glob("*.unfinished")]


def test_archive_that_could_not_be_served_is_not_published(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no such file"):
        publish(tmp_path / "snapshots")
    execute(create_evidence_archive(tmp_path), "delete from search")
    with pytest.raises(ArchiveError, match="reindex"):
        publish(tmp_path / "snapshots")
    assert list_all_snapshots(tmp_path / "snapshots") == []
