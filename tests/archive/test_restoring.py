"""The drill: a back-up is put back, as it was, and nothing that stands there is lost by it."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.__main__ import main
from archive.backup import restore_backup
from archive.database import ArchiveError, open_readonly
from archive.evidence.verify import verify
from archive.store import Archive
from archive.takedowns import hide_release, lift_takedown
from tests.archive.witnessed import BEGUN, execute, witness
from tests.harness.replicas.copies import contents

MOMENT = datetime(2026, 3, 5, tzinfo=UTC)
FILES = ("archive.db", "captures.db", "withheld.db")


def test_a_back_up_is_put_back_in_place_of_a_damaged_archive(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, copies = witness(tmp_path), tmp_path / "copies"
    with Archive(archive) as opened:
        hide_release(opened, 1, BEGUN, reason="Prov")
    then = {name: contents(tmp_path / name) for name in FILES}
    assert main(["backup", str(archive), "--to", str(copies)]) == 0
    (copy,) = copies.iterdir()
    with Archive(archive) as opened:
        hide_release(opened, 2, BEGUN, reason="Senare")
    execute(archive, "update revisions set title = 'Fyr 0' where id = 3")
    damaged = contents(archive)
    capsys.readouterr()
    assert main(["restore", str(copy), "--to", str(archive)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert contents(archive) == damaged
    assert main(["restore", str(copy), "--to", str(archive), "--replace"]) == 0
    told = capsys.readouterr().out
    assert "not in the backup; repeat it before the archive is served: hide of release 2 (Senare" in told
    assert {name: contents(tmp_path / name) for name in FILES} == then
    assert (tmp_path / "withheld.db").stat().st_mode & 0o777 == 0o600
    assert verify(archive).findings == []
    (aside,) = tmp_path.glob("archive.db.*.replaced")
    assert contents(aside / "archive.db") == damaged
    assert not [*tmp_path.glob("*.unfinished")]


def test_what_was_lifted_since_the_back_up_is_not_to_be_taken_down_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, copies = witness(tmp_path), tmp_path / "copies"
    with Archive(archive) as opened:
        for release in (1, 2):
            hide_release(opened, release, BEGUN, reason="Före")
    assert main(["backup", str(archive), "--to", str(copies)]) == 0
    (copy,) = copies.iterdir()
    with Archive(archive) as opened:
        for release in (3, 4):
            hide_release(opened, release, BEGUN, reason="Efter")
        for takedown in (2, 3):
            lift_takedown(opened, takedown, MOMENT, "Upphävt")
    capsys.readouterr()
    assert main(["restore", str(copy), "--to", str(archive), "--replace"]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "hide of release" in line]
    since, when = BEGUN.isoformat(), MOMENT.isoformat()
    assert told == [
        f"lifted since the backup ({when}); lift it again: takedown 2, hide of release 2 (Före, {since})",
        f"not in the backup, and lifted since ({when}), so there is nothing to do: hide of release 3 (Efter, {since})",
        f"not in the backup; repeat it before the archive is served: hide of release 4 (Efter, {since})",
    ]


def test_a_back_up_that_is_not_sound_changes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "copy").mkdir()
    copy = witness(tmp_path / "copy")
    execute(copy, "update revisions set title = 'Fyr 0' where id = 3")
    assert main(["restore", str(copy.parent), "--to", str(tmp_path / "archive.db")]) == 1
    assert "nothing was restored" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
    with pytest.raises(ArchiveError, match="so this is not a backup"):
        restore_backup(tmp_path, tmp_path / "archive.db", replace=False, moment=MOMENT)


def test_an_archive_that_somebody_has_open_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    archive, copy = witness(tmp_path, pages=2), witness(tmp_path / "copy", pages=3)
    before = contents(archive)
    with closing(open_readonly(archive)) as reader:
        reader.execute("select count(*) from releases").fetchone()
        with pytest.raises(ArchiveError, match="is in use"):
            restore_backup(copy.parent, archive, replace=True, moment=MOMENT)
    assert contents(archive) == before
    findings, aside, lost = restore_backup(copy.parent, archive, replace=True, moment=MOMENT)
    assert (findings, lost, contents(archive) == contents(copy)) == ([], [], True)
    assert aside
    assert contents(aside / "archive.db") == before


def test_what_is_no_database_any_more_is_put_aside_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    copy, archive = witness(tmp_path / "copy", pages=2), tmp_path / "archive.db"
    archive.write_bytes(b"torn" * 999)
    _, aside, _ = restore_backup(copy.parent, archive, replace=True, moment=MOMENT)
    assert aside
    assert (aside / "archive.db").read_bytes() == b"torn" * 999
    assert contents(archive) == contents(copy)
