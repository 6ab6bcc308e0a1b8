"""The schema of a new archive, its migrations, and the refusal of files of other versions."""

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
from tests.archive.sample_evidence import create_evidence_archive, execute

OTHER_VERSIONS = [(0, "before version 0.1.0"), (SCHEMA_VERSION + 1, "newer version")]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return create_evidence_archive(tmp_path)


@pytest.fixture
def earlier_archive(archive: Path) -> Path:
    """An archive of the initial schema, as far as later additions can be removed from it."""
    with closing(sqlite3.connect(archive)) as db:
        db.executescript("""
            update releases set published = '2024-06-01T10:00:00+02:00';
            drop view releases_with_tags;
            drop view questions_with_releases;
            drop index idx_releases_published_day;
            drop index idx_releases_first_seen;
            create index idx_releases_first_seen on releases (first_seen);
            alter table releases drop column published_day;
            create view questions_with_releases as select id from questions;
            drop table attachment_pages;
            drop table search_attachments;
            drop trigger search_edits_ad;
            drop table search_edits;
            drop index idx_revisions_edit_release;
            drop table quotes;
            drop table people;
            delete from _sqlite_migrations where name <> 'initial_schema';
            pragma application_id = 0;
        """)
    return archive


def set_version(path: Path, version: int) -> None:
    execute(path, f"pragma user_version = {version}")


def read_columns(archive: Archive) -> dict[str, set[str]]:
    names = [*archive.db.table_names(), *archive.db.view_names()]
    return {name: {row[1] for row in archive.db.execute(f"pragma table_xinfo([{name}])")} for name in names}


def test_new_archive_has_every_table_and_this_version(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        assert set(TABLES) <= set(archive.db.table_names())
        assert archive.db.execute("pragma user_version").fetchone() == (SCHEMA_VERSION,)
        assert migrations.pending(archive.db) == []


def test_earlier_archive_is_migrated(earlier_archive: Path, tmp_path: Path) -> None:
    with Archive(earlier_archive) as old, Archive(tmp_path / "new.db") as new:
        assert read_columns(old) == read_columns(new)
        sql = "select name, sql from sqlite_master where type = 'index' and sql is not null"
        assert dict(old.db.execute(sql)) == dict(new.db.execute(sql))
        assert old.db.execute("select distinct published_day from releases").fetchall() == [("2024-06-01",)]
        assert read_file_id(old.db.conn)
        edits = "select count(*) from revisions where cause = 'source' and previous is not null"
        indexed = "select count(distinct id / 2) from search_edits_docsize"
        assert old.db.execute(indexed).fetchone() == old.db.execute(edits).fetchone() != (0,)


def test_quotes_of_an_earlier_archive_are_found_when_it_is_migrated(earlier_archive: Path) -> None:
    execute(earlier_archive, "update revisions set body = '– Det är klart, säger Bo Ek.' where id = 2")
    with Archive(earlier_archive) as archive:
        sql = "select q.revision, q.release, p.name, q.text from quotes q join people p on p.id = q.person"
        release_id = archive.db.execute("select release from revisions where id = 2").fetchone()[0]
        assert archive.db.execute(sql).fetchall() == [(2, release_id, "Bo Ek", "Det är klart")]


def test_earlier_archive_is_migrated_before_it_is_served(
    earlier_archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.execv", lambda *_: 0)
    assert main(["serve", str(earlier_archive), "--port", "0"]) == 0
    assert execute(earlier_archive, "select distinct published_day from releases") == [("2024-06-01",)]


@pytest.mark.parametrize(
    "order",
    [
        *("order by published desc, id", "order by first_seen desc, id"),
        "where agency = 'fyrstyrelsen' order by published desc, id",
    ],
)
def test_usual_pages_of_releases_need_no_sorting(archive: Path, order: str) -> None:
    plan = execute(archive, f"explain query plan select id, title from releases {order}")
    assert not [step for step in plan if "TEMP B-TREE" in step[-1]], plan


def test_database_of_other_software_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "archive.db"
    execute(path, "create table recipes (name text)")
    with pytest.raises(ArchiveError, match="other software"):
        Archive(path)
    assert execute(path, "select name from sqlite_master") == [("recipes",)]


@pytest.mark.parametrize(("version", "problem"), OTHER_VERSIONS)
def test_files_of_another_version_are_not_opened(archive: Path, version: int, problem: str) -> None:
    withheld = WithheldStore(archive)
    withheld.add_passage(1, "Lo Ask")
    set_version(withheld.path, version)
    set_version(archive.with_name("captures.db"), version)
    for open_file in (
        lambda: Captures(archive, readonly=False),
        lambda: Captures(archive, readonly=True),
        lambda: withheld.get_passage(1),
        lambda: withheld.add_passage(2, "Ask Lo"),
    ):
        with pytest.raises(ArchiveError, match=problem):
            open_file()
    set_version(archive, version)
    for open_archive in (Archive, verify):
        with pytest.raises(ArchiveError, match=problem):
            open_archive(archive)


def check_refusal(arguments: list[str], capsys: pytest.CaptureFixture[str], *words: str) -> None:
    """Run a command that refuses a file in one line."""
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    for word in words:
        assert word in line


@pytest.mark.parametrize(("version", "problem"), OTHER_VERSIONS)
@pytest.mark.parametrize("command", ["serve", "verify", "reindex", "backup", "snapshot", "export-warc"])
def test_commands_refuse_an_archive_of_another_version(
    archive: Path, capsys: pytest.CaptureFixture[str], command: str, version: int, problem: str
) -> None:
    set_version(archive, version)
    target = ["--to", str(archive.with_name("out.warc.gz"))] if command in ("backup", "snapshot", "export-warc") else []
    check_refusal([command, str(archive), *target], capsys, problem)


@pytest.mark.parametrize(("version", "problem"), OTHER_VERSIONS)
@pytest.mark.parametrize("name", ["archive.db", "captures.db", "withheld.db"])
def test_restore_refuses_each_file_of_another_version(
    archive: Path, capsys: pytest.CaptureFixture[str], name: str, version: int, problem: str
) -> None:
    WithheldStore(archive).add_passage(1, "Lo Ask")
    set_version(archive.with_name(name), version)
    target = archive.parent / "new" / "archive.db"
    target.parent.mkdir()
    check_refusal(["restore", str(archive.parent), "--to", str(target)], capsys, name, problem)
    assert list(target.parent.iterdir()) == []
