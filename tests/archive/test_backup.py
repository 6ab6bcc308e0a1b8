"""A back-up is whole, is checked, and never costs the last good copy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.__main__ import main
from archive.backup import create_backup
from archive.database import ArchiveError
from archive.evidence.verify import verify
from archive.store import Archive
from tests.archive.witnessed import execute, witness

MOMENT = datetime(2026, 3, 2, 3, 43, tzinfo=UTC)


def test_a_copy_is_whole_and_older_ones_go(tmp_path: Path) -> None:
    archive, folder = witness(tmp_path), tmp_path / "copies"
    (folder / "photos").mkdir(parents=True)
    (folder / "2026-03-01T034300.unfinished").mkdir()
    (tmp_path / "withheld.db").touch(mode=0o600)
    for day in range(3):
        copy, findings = create_backup(archive, folder, keep=2, moment=MOMENT + timedelta(days=day))
        assert findings == []
    assert sorted(path.name for path in folder.iterdir()) == ["2026-03-03T034300", "2026-03-04T034300", "photos"]
    assert sorted(path.name for path in copy.iterdir()) == ["archive.db", "captures.db", "withheld.db"]
    assert (copy / "withheld.db").stat().st_mode & 0o777 == 0o600
    assert verify(copy / "archive.db").counts == verify(archive).counts


def test_what_is_being_written_does_not_get_into_a_copy(tmp_path: Path) -> None:
    archive = witness(tmp_path)
    with Archive(archive) as opened, opened.transaction():
        opened.db.execute("delete from questions")
        copy, findings = create_backup(archive, tmp_path / "copies", keep=1, moment=MOMENT)
    assert findings == []
    assert execute(copy / "archive.db", "select count(*) > 0 from questions") == [(1,)]


def test_a_damaged_archive_does_not_push_out_the_good_copy(tmp_path: Path) -> None:
    archive, folder = witness(tmp_path), tmp_path / "copies"
    good, _ = create_backup(archive, folder, keep=1, moment=MOMENT)
    execute(archive, "update revisions set title = 'Fyr 0' where id = 1")
    bad, findings = create_backup(archive, folder, keep=1, moment=MOMENT + timedelta(days=1))
    assert [(finding.table, finding.key) for finding in findings][:1] == [("revisions", "1")]
    assert (good.is_dir(), bad.is_dir(), bad.suffix) == (True, True, ".damaged")
    last, _ = create_backup(archive, folder, keep=1, moment=MOMENT + timedelta(days=2))
    assert {*folder.iterdir()} == {good, last}, "damaged ones do not fill the disk"
    execute(archive, "update revisions set title = (select title from releases where id = 1) where id = 1")
    mended, findings = create_backup(archive, folder, keep=1, moment=MOMENT + timedelta(days=3))
    assert ([*folder.iterdir()], findings) == ([mended], [])


def test_no_archive_and_no_sqlite_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no such file"):
        create_backup(tmp_path / "archive.db", tmp_path / "copies", keep=1, moment=MOMENT)
    (tmp_path / "archive.db").write_text("no database, though long enough to be read as one" * 9, "utf-8")
    with pytest.raises(ArchiveError, match="cannot be copied"):
        create_backup(tmp_path / "archive.db", tmp_path / "copies", keep=1, moment=MOMENT)
    assert list((tmp_path / "copies").iterdir()) == [], "a copy that came to nothing takes no room"


@pytest.mark.parametrize("command", ["backup", "snapshot"])
@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_a_number_to_keep_that_is_none_is_refused_and_nothing_is_deleted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, number: str
) -> None:
    archive, folder = witness(tmp_path, days=1, pages=1, manifests=0), tmp_path / "copies"
    assert main([command, str(archive), "--to", str(folder)]) == 0
    before = sorted(folder.iterdir())
    capsys.readouterr()
    assert main([command, str(archive), "--to", str(folder), "--keep", number]) == 2
    assert sorted(folder.iterdir()) == before
    error = capsys.readouterr().err
    assert f"{command}: Invalid value for '--keep': " in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("command", ["backup", "snapshot"])
def test_a_file_where_a_folder_is_to_be_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    archive, file = witness(tmp_path, days=1, pages=1, manifests=0), tmp_path / "README.md"
    file.write_text("no folder")
    assert main([command, str(archive), "--to", str(file)]) == 2
    assert capsys.readouterr().err == f"{file}: is not a folder; --to must name the folder for the copies\n"
