"""Files that cannot be used: each command says why in one line, with exit code 2."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from archive.__main__ import main
from archive.database.schema import migrations
from archive.database.sqlite_files import MIGRATIONS, ArchiveError, check_database, describe_error
from archive.store.releases import Archive

COMMANDS = (
    "status",
    "serve",
    "backup",
    "verify",
    "snapshot",
    "publish",
    "export-warc",
    "extract-attachments",
)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(os, "execv", None)  # else a server would replace the process of the tests
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("fyr", name="Fyr", home="https://fyr.example/")
        archive.db.execute("pragma journal_mode = delete")
    return tmp_path / "archive.db"


def damage_header(file: Path) -> None:
    file.write_bytes(b"x" * file.stat().st_size)


def damage_pages(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:4096] + b"Z" * (file.stat().st_size - 4096))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:20_000])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def replace_by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def add_migration(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute(
            "insert into _sqlite_migrations (migration_set, name) values ('myndighetsarkivet',"
            " 'of_tomorrow')"
        )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (damage_header, "file is not a database"),
        (damage_pages, "database disk image is malformed"),
        (cut, "database disk image is malformed"),
        (empty, "empty|is not an archive|has no table"),
        (replace_by_folder, "is not a file|no such file"),
        (add_migration, "was made by a newer version of Myndighetsarkivet"),
    ],
)
def test_command_says_why(
    file: Path,
    capfd: pytest.CaptureFixture[str],
    change: Callable[[Path], None],
    message: str,
    command: str,
) -> None:
    change(file)
    target = (
        ["--to", str(file.with_name("to"))]
        if command in ("backup", "snapshot", "export-warc")
        else []
    )
    assert main([command, str(file), *target]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert str(file.parent) in line
    assert any(text in line for text in message.split("|")), line


def test_an_archive_with_an_unknown_migration_is_left_alone(file: Path) -> None:
    with Archive(file) as archive:
        assert len([*migrations.applied(archive.db)]) == MIGRATIONS
    add_migration(file)
    content = file.read_bytes()
    with pytest.raises(ArchiveError, match="made by a newer version"):
        Archive(file)
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("denied", "reason"),
    [
        (os.W_OK, "{folder} cannot be written, but SQLite keeps files beside it"),
        (os.R_OK, "no permission to read it"),
    ],
)
def test_reason_is_that_of_the_file_system(
    file: Path, monkeypatch: pytest.MonkeyPatch, denied: int, reason: str
) -> None:
    monkeypatch.setattr(os, "access", lambda _, mode: mode != denied)  # root may do everything
    for message in ("unable to open database file", "attempt to write a readonly database"):
        told = describe_error(sqlite3.OperationalError(message), file)
        assert told == f"{message}: {reason.format(folder=file.parent)}"
    found = describe_error(sqlite3.OperationalError("database is locked"), file)
    assert found == "database is locked"


def test_folder_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="unable to open database file: it is a folder"):
        Archive(tmp_path)
    with pytest.raises(ArchiveError, match="is not a file"):
        check_database(tmp_path)
