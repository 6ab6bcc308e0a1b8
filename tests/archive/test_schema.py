"""The schema: one initial migration, and files of other versions are refused with one sentence."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from archive.__main__ import main
from archive.captures import Captures
from archive.database import SCHEMA_VERSION, ArchiveError, read_file_id
from archive.evidence.verify import verify
from archive.redaction import WithheldStore
from archive.schema import TABLES, migrations
from archive.store import Archive
from tests.archive.witnessed import witness

OLDER, NEWER = "before version 0.1.0", "newer version"
VERSIONS = [(0, OLDER), (SCHEMA_VERSION + 1, NEWER)]


def set_version(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"pragma user_version = {version}")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return witness(tmp_path)


def test_a_new_archive_has_every_table_and_this_version(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        assert set(TABLES) <= set(archive.db.table_names())
        assert archive.db.execute("pragma user_version").fetchone() == (SCHEMA_VERSION,)
        assert migrations.pending(archive.db) == []


def read_columns(archive: Archive) -> dict[str, set[str]]:
    names = [*archive.db.table_names(), *archive.db.view_names()]
    return {name: {row[1] for row in archive.db.execute(f"pragma table_xinfo([{name}])")} for name in names}


@pytest.fixture
def earlier_archive(archive: Path) -> Path:
    """An archive of the initial schema, as far as what was added to it can be taken away."""
    with closing(sqlite3.connect(archive)) as db, db:
        db.execute("update releases set published = '2024-06-01T10:00:00+02:00'")
        db.execute("drop view releases_with_tags")
        db.execute("drop view questions_with_releases")
        db.execute("drop index idx_releases_published_day")
        db.execute("drop index idx_releases_first_seen")
        db.execute("create index idx_releases_first_seen on releases (first_seen)")
        db.execute("alter table releases drop column published_day")
        db.execute("create view questions_with_releases as select id from questions")
        db.execute("delete from _sqlite_migrations where name <> 'initial_schema'")
        db.execute("pragma application_id = 0")
    return archive


def test_an_archive_of_an_earlier_schema_gains_what_it_lacks(earlier_archive: Path, tmp_path: Path) -> None:
    with Archive(earlier_archive) as old, Archive(tmp_path / "new.db") as new:
        assert read_columns(old) == read_columns(new)
        sql = "select name, sql from sqlite_master where type = 'index' and sql is not null"
        assert dict(old.db.execute(sql)) == dict(new.db.execute(sql))
        assert old.db.execute("select distinct published_day from releases").fetchall() == [("2024-06-01",)]
        assert read_file_id(old.db.conn)


@pytest.mark.parametrize(
    "end",
    [
        *("order by published desc, id", "order by first_seen desc, id"),
        "where agency = 'fyrstyrelsen' order by published desc, id",
    ],
)
def test_usual_pages_of_releases_need_no_sorting(tmp_path: Path, end: str) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        plan = archive.db.execute(f"explain query plan select id, title from releases {end}").fetchall()
    assert not [step for step in plan if "TEMP B-TREE" in step[-1]], plan


def test_it_is_brought_up_to_date_before_it_is_served(earlier_archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.execv", lambda *_: 0)
    assert main(["serve", str(earlier_archive), "--port", "0"]) == 0
    with closing(sqlite3.connect(earlier_archive)) as db:
        assert db.execute("select distinct published_day from releases").fetchall() == [("2024-06-01",)]


@pytest.mark.parametrize(("version", "problem"), VERSIONS)
def test_an_archive_of_another_version_is_not_opened(archive: Path, version: int, problem: str) -> None:
    set_version(archive, version)
    with pytest.raises(ArchiveError, match=problem):
        Archive(archive)
    with pytest.raises(ArchiveError, match=problem):
        verify(archive)


def test_a_database_of_other_software_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("create table recipes (name text)")
    with pytest.raises(ArchiveError, match="other software"):
        Archive(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("select name from sqlite_master").fetchall() == [("recipes",)]


@pytest.mark.parametrize("case", VERSIONS)
@pytest.mark.parametrize("command", ["serve", "verify", "reindex", "backup", "snapshot", "export-warc"])
def test_a_command_says_so_and_ends_with_2(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, case: tuple[int, str]
) -> None:
    version, problem = case
    set_version(archive, version)
    to = {"export-warc": "out.warc.gz", "backup": "copies", "snapshot": "snapshots"}.get(command)
    assert main([command, str(archive), *(["--to", str(tmp_path / to)] if to else [])]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert problem in lines[0]


@pytest.mark.parametrize("name", ["archive.db", "captures.db", "withheld.db"])
@pytest.mark.parametrize("case", VERSIONS)
def test_restore_refuses_each_file_of_another_version(
    archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, case: tuple[int, str]
) -> None:
    version, problem = case
    WithheldStore(archive).add_passage(1, "Lo Ask")
    set_version(archive.with_name(name), version)
    (tmp_path / "new").mkdir()
    assert main(["restore", str(archive.parent), "--to", str(tmp_path / "new" / "archive.db")]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert name in lines[0]
    assert problem in lines[0]
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(("version", "problem"), VERSIONS)
def test_captures_and_withheld_of_another_version_are_refused(archive: Path, version: int, problem: str) -> None:
    store = WithheldStore(archive)
    store.add_passage(1, "Lo Ask")
    set_version(store.path, version)
    set_version(archive.with_name("captures.db"), version)
    for readonly in (False, True):
        with pytest.raises(ArchiveError, match=problem):
            Captures(archive, readonly=readonly)
    with pytest.raises(ArchiveError, match=problem):
        store.get_passage(1)
    with pytest.raises(ArchiveError, match=problem):
        store.add_passage(2, "Ask Lo")
