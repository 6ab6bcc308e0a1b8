"""Backups are complete and checked, never replace the last sound copy, and are restored as they
were.
"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.__main__ import main
from archive.database.captures import Captures, read_archive_facts
from archive.database.sqlite_files import ArchiveError, open_readonly
from archive.evidence.verification import verify
from archive.follow.subscriptions import FOLLOW_FILE, KEY_FILE, FollowStore
from archive.operations.backup import create_backup, restore_backup
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, lift_takedown
from tests.archive.sample_evidence import FIRST_CRAWL, create_evidence_archive, execute
from tests.harness.replicas.copies import contents

MOMENT = datetime(2026, 3, 2, 3, 43, tzinfo=UTC)
DAY = timedelta(days=1)
FILES = ("archive.db", "captures.db", "withheld.db")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return create_evidence_archive(tmp_path)


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    return tmp_path / "copies"


def run_backup(archive: Path, copies: Path) -> Path:
    """Run the command, and return the folder of the new copy."""
    assert main(["backup", str(archive), "--to", str(copies)]) == 0
    (copy,) = copies.iterdir()
    return copy


def test_backup_is_complete_and_old_ones_are_deleted(archive: Path, copies: Path) -> None:
    (copies / "photos").mkdir(parents=True)
    (copies / "2026-03-01T034300.unfinished").mkdir()
    archive.with_name("withheld.db").touch(mode=0o600)
    for day in range(3):
        copy, findings = create_backup(archive, copies, keep=2, moment=MOMENT + day * DAY)
        assert findings == []
    assert sorted(path.name for path in copies.iterdir()) == [
        "2026-03-03T034300",
        "2026-03-04T034300",
        "photos",
    ]
    assert sorted(path.name for path in copy.iterdir()) == sorted(FILES)
    assert (copy / "withheld.db").stat().st_mode & 0o777 == 0o600
    assert verify(copy / "archive.db").counts == verify(archive).counts
    assert read_archive_facts(copy / "archive.db") == read_archive_facts(archive)
    assert read_archive_facts(archive)[0] > 0
    with Captures(copy / "archive.db") as captures:  # belongs to the copy, too
        assert captures.count() == 17


def test_subscriptions_are_only_in_a_backup_that_asks_for_them(archive: Path, copies: Path) -> None:
    """They are restored where there are none; ended ones do not come back beside an existing
    file.
    """
    with FollowStore(archive) as store:
        store.request(
            channel="mail",
            address="a@b.example",
            query="q=x",
            frequency="day",
            language="sv",
            now=datetime.now(UTC),
        )
    assert not (run_backup(archive, copies) / FOLLOW_FILE).exists()
    assert main(["backup", str(archive), "--to", str(copies / "all"), "--follow"]) == 0
    (copy,) = (copies / "all").iterdir()
    key = archive.with_name(KEY_FILE).read_bytes()
    for name in (FOLLOW_FILE, KEY_FILE):
        assert (copy / name).stat().st_mode & 0o777 == 0o600
    for target in (archive, copies / "new" / "archive.db"):
        target.parent.mkdir(exist_ok=True)
        with FollowStore(archive) as store:
            store.end([found for found in [store.find(1)] if found])
        findings, _, _ = restore_backup(copy, target, replace=True, moment=MOMENT)
        assert findings == []
        assert target.with_name(KEY_FILE).read_bytes() == key
        with FollowStore(target) as store:
            assert (store.find(1) is None) == (target == archive)


def test_uncommitted_changes_are_not_in_a_backup(archive: Path, copies: Path) -> None:
    with Archive(archive) as opened, opened.transaction():
        opened.db.execute("delete from questions")
        copy, findings = create_backup(archive, copies, keep=1, moment=MOMENT)
    assert findings == []
    assert execute(copy / "archive.db", "select count(*) > 0 from questions") == [(1,)]


def test_damaged_backup_does_not_replace_the_sound_one(archive: Path, copies: Path) -> None:
    sound, _ = create_backup(archive, copies, keep=1, moment=MOMENT)
    execute(archive, "update revisions set title = 'Fyr 0' where id = 1")
    damaged, findings = create_backup(archive, copies, keep=1, moment=MOMENT + DAY)
    assert [(finding.table, finding.key) for finding in findings][:1] == [("revisions", "1")]
    assert (sound.is_dir(), damaged.is_dir(), damaged.suffix) == (True, True, ".damaged")
    newer, _ = create_backup(archive, copies, keep=1, moment=MOMENT + 2 * DAY)
    assert {*copies.iterdir()} == {sound, newer}, "damaged ones do not fill the disk"
    execute(
        archive,
        "update revisions set title = (select title from releases where id = 1) where id = 1",
    )
    corrected, findings = create_backup(archive, copies, keep=1, moment=MOMENT + 3 * DAY)
    assert ([*copies.iterdir()], findings) == ([corrected], [])


def test_missing_archive_and_other_files_are_not_copied(tmp_path: Path, copies: Path) -> None:
    path = tmp_path / "archive.db"
    with pytest.raises(ArchiveError, match="no such file"):
        create_backup(path, copies, keep=1, moment=MOMENT)
    path.write_text("no database, but long enough to be read as one" * 9, "utf-8")
    with pytest.raises(ArchiveError, match="cannot be copied"):
        create_backup(path, copies, keep=1, moment=MOMENT)
    assert list(copies.iterdir()) == []


@pytest.mark.parametrize("command", ["backup", "snapshot"])
@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_keeping_fewer_than_one_copy_is_refused(
    archive: Path, copies: Path, capsys: pytest.CaptureFixture[str], command: str, number: str
) -> None:
    (copies / "2026-03-01T034300").mkdir(parents=True)
    before = list(copies.iterdir())
    assert main([command, str(archive), "--to", str(copies), "--keep", number]) == 2
    assert list(copies.iterdir()) == before
    error = capsys.readouterr().err
    assert f"{command}: Invalid value for '--keep': " in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("command", ["backup", "snapshot"])
def test_file_in_place_of_the_folder_is_named(
    archive: Path, copies: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    copies.write_text("no folder")
    assert main([command, str(archive), "--to", str(copies)]) == 2
    found = capsys.readouterr().err
    assert found == f"{copies}: is not a folder; --to must name the folder for the copies\n"


def test_backup_is_restored_in_place_of_a_damaged_archive(
    archive: Path, copies: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Archive(archive) as opened:
        hide_release(opened, 1, FIRST_CRAWL, reason="Prov")
    at_backup = {name: contents(tmp_path / name) for name in FILES}
    copy = run_backup(archive, copies)
    with Archive(archive) as opened:
        hide_release(opened, 2, FIRST_CRAWL, reason="Senare")
    execute(archive, "update revisions set title = 'Fyr 0' where id = 3")
    damaged = contents(archive)
    capsys.readouterr()
    assert main(["restore", str(copy), "--to", str(archive)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert contents(archive) == damaged
    assert main(["restore", str(copy), "--to", str(archive), "--replace"]) == 1
    printed = capsys.readouterr().out
    assert (
        "not in the backup; repeat it before the archive is served: hide of release 2 (Senare"
        in printed
    )
    assert {name: contents(tmp_path / name) for name in FILES} == at_backup
    assert (tmp_path / "withheld.db").stat().st_mode & 0o777 == 0o600
    assert verify(archive).findings == []
    (replaced,) = tmp_path.glob("archive.db.*.replaced")
    assert contents(replaced / "archive.db") == damaged
    assert not [*tmp_path.glob("*.unfinished")]


def test_others_cannot_read_what_is_being_restored(
    archive: Path, copies: Path, tmp_path: Path
) -> None:
    copy, modes = run_backup(archive, copies), set[int]()

    def note_mode(*_: object) -> None:
        modes.add((tmp_path / "archive.db.unfinished").stat().st_mode & 0o777)

    restore_backup(copy, archive, replace=True, moment=MOMENT, progress=note_mode)
    assert modes == {0o700}


def test_takedowns_since_the_backup_are_listed(
    archive: Path, copies: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Archive(archive) as opened:
        for release in (1, 2):
            hide_release(opened, release, FIRST_CRAWL, reason="Före")
    copy = run_backup(archive, copies)
    with Archive(archive) as opened:
        for release in (3, 4):
            hide_release(opened, release, FIRST_CRAWL, reason="Efter")
        for takedown in (2, 3):
            lift_takedown(opened, takedown, MOMENT, "Upphävt")
    capsys.readouterr()
    assert main(["restore", str(copy), "--to", str(archive), "--replace"]) == 1
    since, when = FIRST_CRAWL.isoformat(), MOMENT.isoformat()
    assert [line for line in capsys.readouterr().out.splitlines() if "hide of release" in line] == [
        f"lifted since the backup ({when}); lift it again: takedown 2, hide of release 2 (Före,"
        f" {since})",
        f"not in the backup, and lifted since ({when}), so there is nothing to do: hide of release"
        f" 3 (Efter, {since})",
        "not in the backup; repeat it before the archive is served: hide of release 4 (Efter,"
        f" {since})",
    ]


def test_damaged_backup_is_not_restored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = create_evidence_archive(tmp_path / "copy")
    execute(copy, "update revisions set title = 'Fyr 0' where id = 3")
    assert main(["restore", str(copy.parent), "--to", str(tmp_path / "archive.db")]) == 1
    assert "nothing was restored" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
    with pytest.raises(ArchiveError, match="so this is not a backup"):
        restore_backup(tmp_path, tmp_path / "archive.db", replace=False, moment=MOMENT)


def test_archive_in_use_is_not_replaced(archive: Path, tmp_path: Path) -> None:
    copy = create_evidence_archive(tmp_path / "copy", pages=2)
    before = contents(archive)
    with closing(open_readonly(archive)) as reader:
        reader.execute("select count(*) from releases").fetchone()
        with pytest.raises(ArchiveError, match="is in use"):
            restore_backup(copy.parent, archive, replace=True, moment=MOMENT)
    assert contents(archive) == before
    findings, replaced, lost = restore_backup(copy.parent, archive, replace=True, moment=MOMENT)
    assert (findings, lost, contents(archive) == contents(copy)) == ([], [], True)
    assert replaced
    assert contents(replaced / "archive.db") == before


def test_damaged_file_is_moved_aside_unchanged(archive: Path, tmp_path: Path) -> None:
    copy = create_evidence_archive(tmp_path / "copy")
    archive.write_bytes(b"torn" * 999)
    _, replaced, _ = restore_backup(copy.parent, archive, replace=True, moment=MOMENT)
    assert replaced
    assert (replaced / "archive.db").read_bytes() == b"torn" * 999
    assert contents(archive) == contents(copy)
