"""A snapshot is whole, holds nothing that is taken down, and can be withdrawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive import snapshots as making
from archive.__main__ import main
from archive.captures import Captures
from archive.database import ArchiveError
from archive.evidence.manifest import compute_file_sha256
from archive.evidence.verify import verify
from archive.snapshots import (
    find_snapshot_fault,
    list_all_snapshots,
    list_snapshots,
    publish_snapshot,
)
from archive.store import Archive
from archive.takedowns import hide_release, redact_passage
from tests.archive.witnessed import BEGUN, execute, witness

MOMENT = datetime(2026, 3, 2, 3, 43, tzinfo=UTC)


@pytest.fixture
def light(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Makes snapshots without anything in them; gives their names."""
    monkeypatch.setattr(making, "write_snapshot_files", lambda *_: None)

    def make_one(folder: Path, seconds: float = 0, *, withdraw: bool = False, keep: int = 3) -> str:
        moment = MOMENT + timedelta(seconds=seconds)
        return publish_snapshot(
            folder / "archive.db", folder / "snapshots", keep=keep, moment=moment, withdraw=withdraw
        ).name

    return make_one


def test_a_snapshot_is_whole_and_holds_nothing_that_is_taken_down(tmp_path: Path) -> None:
    archive = witness(tmp_path)
    with Captures(archive, readonly=True) as captures:
        bases = execute(captures.path, "select b.sha256 from bases join blobs b on b.id = blob")
    hidden = {sha256 for (sha256,) in execute(archive, "select sha256 from captures where url like '%/1'")}
    assert hidden & {sha256 for (sha256,) in bases}, "other pages are compressed against what is to go"
    with Archive(archive) as opened:
        hide_release(opened, 1, BEGUN, reason="Prov")
        opened.db.execute("create table _litestream_seq (id integer)")
        opened.db.execute("begin")
        opened.db.execute("delete from questions")
        made = publish_snapshot(archive, tmp_path / "snapshots", keep=2, moment=MOMENT)
        opened.db.execute("rollback")
    copy = made.path / "archive.db"
    assert sorted(path.name for path in made.path.iterdir()) == [
        "SHA256SUMS",
        "archive.db",
        "captures.db",
        "inspect.json",
    ]
    assert (find_snapshot_fault(made), made.started_at, list_snapshots(tmp_path / "snapshots")) == (
        None,
        MOMENT,
        [made],
    )
    assert execute(copy, "select count(*) > 0 from questions") == [(1,)]
    assert execute(copy, "select name from sqlite_master where name like '%litestream%'") == []
    told = json.loads((made.path / "inspect.json").read_text("utf-8"))["archive"]
    assert (told["hash"], told["tables"]["releases"]["count"]) == (compute_file_sha256(copy), 7)
    with Captures(copy, readonly=True) as captures:
        assert [sha256 for sha256 in hidden if sha256 in captures] == []
    findings = verify(copy).findings  # every other page is there, and reads as it did
    assert findings
    assert {str(each.key) for each in findings if each.table == "captures"} == {"1"}
    assert [str(each) for each in findings if each.table != "captures"] == [
        f"{made.path / 'withheld.db'}: states: no such file; 1 versions that are taken down cannot be checked"
        " (snapshots lack it)"
    ]


def test_the_command_tells_how_many_releases_are_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = witness(tmp_path)
    with Archive(archive) as opened:
        hide_release(opened, 1, BEGUN, reason="Prov")
        redact_passage(opened, 2, "Bo Strand", BEGUN, reason="Prov")
    assert main(["snapshot", str(archive), "--to", str(tmp_path / "snapshots")]) == 0
    assert ": 6 releases, archive.db " in capsys.readouterr().out


def test_what_is_cut_or_changed_on_its_way_is_not_whole(tmp_path: Path) -> None:
    folder = tmp_path / "2026-03-02T034300"
    folder.mkdir()
    for name in ("archive.db", "inspect.json"):
        (folder / name).write_text(name)
    (snapshot,) = list_all_snapshots(tmp_path)
    assert find_snapshot_fault(snapshot) == "SHA256SUMS is missing"
    lines = [f"{compute_file_sha256(folder / name)}  {name}\n" for name in ("archive.db", "inspect.json")]
    (folder / "SHA256SUMS").write_text(lines[0])
    assert find_snapshot_fault(snapshot) == "SHA256SUMS is incomplete or invalid"
    (folder / "SHA256SUMS").write_text("".join(lines))
    assert find_snapshot_fault(snapshot) is None
    (folder / "archive.db").write_text("archive.dc")
    assert find_snapshot_fault(snapshot) == "the SHA-256 of archive.db differs from SHA256SUMS"


def test_older_ones_go_and_a_later_one_always_has_the_greater_name(tmp_path: Path, light: Callable[..., str]) -> None:
    (tmp_path / "archive.db").touch()
    names = [light(tmp_path, seconds, keep=2) for seconds in (0, 60, 60, -3600)]
    assert names == ["2026-03-02T034300", "2026-03-02T034400", "2026-03-02T034401", "2026-03-02T034402"]
    assert [each.name for each in list_all_snapshots(tmp_path / "snapshots")] == names[:1:-1]


def test_what_is_withdrawn_is_shown_no_more_and_its_files_go_with_the_next(
    tmp_path: Path, light: Callable[..., str]
) -> None:
    (tmp_path / "archive.db").touch()
    folder = tmp_path / "snapshots"
    light(tmp_path)
    last = light(tmp_path, 60, withdraw=True)
    assert [each.name for each in list_snapshots(folder)] == [last]
    assert len(list_all_snapshots(folder)) == 2, "a replica may still be answering from it"
    newest = light(tmp_path, 61)
    assert [each.name for each in list_all_snapshots(folder)] == [newest, last]


def test_one_that_was_begun_before_a_takedown_is_never_published(
    tmp_path: Path, light: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "archive.db").touch()
    folder = tmp_path / "snapshots"
    light(tmp_path)
    monkeypatch.setattr(
        making, "write_snapshot_files", lambda *_: making.withdraw_snapshots(folder, "2026-03-02T034500")
    )
    with pytest.raises(ArchiveError, match="was withdrawn while it was created"):
        light(tmp_path, 60)
    assert list_snapshots(folder) == []
    assert not [*folder.glob("*.unfinished")]


def test_an_archive_that_could_not_be_served_is_not_published(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no such file"):
        publish_snapshot(tmp_path / "archive.db", tmp_path / "snapshots", keep=1, moment=MOMENT)
    archive = witness(tmp_path, days=1, pages=1)
    execute(archive, "delete from search")
    with pytest.raises(ArchiveError, match="reindex"):
        publish_snapshot(archive, tmp_path / "snapshots", keep=1, moment=MOMENT)
    assert list_all_snapshots(tmp_path / "snapshots") == []
