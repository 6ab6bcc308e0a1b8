"""The schema of a new archive, its migrations, and the refusal of files of other versions."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from archive.__main__ import main
from archive.database.captures import Captures
from archive.database.redaction import WithheldStore
from archive.database.schema import migrations, read_schema, read_statements
from archive.database.sqlite_files import FIRST_MIGRATION, SCHEMA_VERSION, ArchiveError
from archive.evidence.verification import verify
from archive.operations.serving import update_archive
from archive.search.search_index import BM25_WEIGHTS, INDEX_COLUMNS
from archive.store.derived_data import describe_index_fault
from archive.store.releases import Archive
from tests.archive.sample_evidence import create_evidence_archive, execute

pytestmark = pytest.mark.usefixtures("created_archives")

OTHER_VERSIONS = [(0, "before version 0.1.0"), (SCHEMA_VERSION + 1, "newer version")]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return create_evidence_archive(tmp_path)


EARLIER_MIGRATIONS = ("initial_schema", "files_in_the_frontier", "quotes_with_speakers")


def replace_migrations(archive: Path, *names: str) -> None:
    """Write names into an archive as its migrations."""
    with closing(sqlite3.connect(archive, isolation_level=None)) as db:
        db.execute("delete from _sqlite_migrations")
        for name in names:
            db.execute(
                "insert into _sqlite_migrations (migration_set, name) values ('myndighetsarkivet',"
                " ?)",
                [name],
            )


def set_version(path: Path, version: int) -> None:
    execute(path, f"pragma user_version = {version}")


def test_new_archive_has_every_table_and_this_version(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        created = {name for (name,) in archive.db.execute("select name from sqlite_master")}
        assert set(read_schema()) <= created
        assert archive.db.execute("pragma user_version").fetchone() == (SCHEMA_VERSION,)
        assert migrations.pending(archive.db) == []


def test_an_archive_with_all_migrations_opens_unchanged(archive: Path) -> None:
    applied = [name for (name,) in execute(archive, "select name from _sqlite_migrations")]
    replace_migrations(archive, *EARLIER_MIGRATIONS, *applied)
    content = archive.read_bytes()
    with Archive(archive) as opened:
        assert migrations.pending(opened.db) == []
    assert archive.read_bytes() == content


def create_earlier_archive(path: Path, content: Path) -> None:
    """Create an archive with the schema before the later migrations, and what tables of `content`
    it can hold.
    """
    statements = read_statements(Path(__file__).with_name("earlier_schema.sql"))
    tables = {name: sql for name, sql in statements.items() if "create table" in sql}
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for sql in tables.values():
            db.execute(sql)
        db.execute("attach ? as content", [str(content)])
        stored = {name for (name,) in db.execute("select name from content.sqlite_master")}
        for table in tables.keys() & stored:
            names = ", ".join(row[1] for row in db.execute(f"pragma main.table_info({table})"))
            db.execute(f"insert into {table} ({names}) select {names} from content.{table}")
        for sql in (sql for name, sql in statements.items() if name not in tables):
            db.execute(sql)
        db.execute(
            "create table _sqlite_migrations (id integer primary key, migration_set text,"
            " name text, applied_at text)"
        )
        db.execute(f"pragma user_version = {SCHEMA_VERSION}")
        (file_id,) = db.execute("pragma content.application_id").fetchone()
        db.execute(f"pragma application_id = {file_id}")
    replace_migrations(path, FIRST_MIGRATION)


def describe_schema(path: Path) -> dict[str, set[tuple[object, ...]]]:
    """Return what a file consists of: the columns of its tables, and the statements of the rest."""
    columns = "select name, type, pk, [notnull], hidden from pragma_table_xinfo(?)"
    objects = execute(
        path, "select type, name, sql from sqlite_master where name not like '%sqlite_migrations%'"
    )
    return {
        name: set(execute(path, columns, name) if kind == "table" else [(kind, sql)])
        for kind, name, sql in objects
    }


def read_rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the rows of every table that is not a full-text one, with generated columns."""
    rows = {}
    for name, parts in describe_schema(path).items():
        if not name.startswith("search") and all(len(part) > 2 for part in parts):
            columns = ", ".join(sorted(str(column) for column, *_ in parts))
            rows[name] = sorted(execute(path, f"select {columns} from {name}"), key=repr)
    return rows


def test_a_migrated_archive_equals_a_new_one(history_archive: Path, tmp_path: Path) -> None:
    """With all rows, and an index that needs no rebuilding."""
    new, path = Path(shutil.copy(history_archive, tmp_path / "new.db")), tmp_path / "archive.db"
    create_earlier_archive(path, new)
    assert describe_schema(path) != describe_schema(new)
    with Archive(path) as archive:
        assert migrations.pending(archive.db) == []
        assert describe_index_fault(archive.db) is None
    assert describe_schema(path) == describe_schema(new)
    assert read_rows(path) == read_rows(new)


@pytest.mark.parametrize("names", [EARLIER_MIGRATIONS[:1], EARLIER_MIGRATIONS])
def test_an_archive_of_an_earlier_schema_is_not_changed(
    archive: Path, names: tuple[str, ...]
) -> None:
    replace_migrations(archive, *names)
    content = archive.read_bytes()
    for open_archive in (Archive, verify, update_archive):
        with pytest.raises(
            ArchiveError, match="earlier schema: open it once with the version before this one"
        ):
            open_archive(archive)
    assert archive.read_bytes() == content


def test_new_archive_has_an_intact_search_index(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        assert describe_index_fault(archive.db) is None
        weights = archive.db.execute("select v from search_config where k = 'rank'").fetchone()[0]
        assert weights == f"bm25({', '.join(map(str, BM25_WEIGHTS))})"


def test_full_text_tables_have_the_columns_that_are_written(archive: Path) -> None:
    with closing(sqlite3.connect(archive)) as db:
        for table, columns in INDEX_COLUMNS.items():
            assert tuple(row[1] for row in db.execute(f"pragma table_info({table})")) == columns


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


@pytest.mark.parametrize(
    "command", ["serve", "verify", "reindex", "backup", "snapshot", "export-warc"]
)
def test_commands_refuse_an_archive_of_an_earlier_schema(
    archive: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    replace_migrations(archive, *EARLIER_MIGRATIONS)
    target = (
        ["--to", str(archive.with_name("out.warc.gz"))]
        if command in ("backup", "snapshot", "export-warc")
        else []
    )
    check_refusal(
        [command, str(archive), *target], capsys, "open it once with the version before this one"
    )


@pytest.mark.parametrize(("version", "problem"), OTHER_VERSIONS)
@pytest.mark.parametrize(
    "command", ["serve", "verify", "reindex", "backup", "snapshot", "export-warc"]
)
def test_commands_refuse_an_archive_of_another_version(
    archive: Path, capsys: pytest.CaptureFixture[str], command: str, version: int, problem: str
) -> None:
    set_version(archive, version)
    target = (
        ["--to", str(archive.with_name("out.warc.gz"))]
        if command in ("backup", "snapshot", "export-warc")
        else []
    )
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
