"""python -m archive verify: whatever was changed behind the archive's back is named by file, table and key."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from archive.__main__ import main
from archive.captures import Captures
from archive.database import ArchiveError
from archive.evidence.manifest import write_manifest
from archive.evidence.verify import verify
from tests.archive.witnessed import DAYS, execute, witness


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = witness(tmp_path_factory.mktemp("sound"))
    for file in (path, path.with_name("captures.db")):
        execute(file, "pragma journal_mode = delete")  # so that the files alone can be copied
    return path


@pytest.fixture
def archive(sound: Path, tmp_path: Path) -> Path:
    for file in sound.parent.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path / "archive.db"


def found(archive: Path) -> list[tuple[str, str | None, str | None]]:
    """Name of the file, table and key of each finding."""
    return [(Path(one.file).name, one.table, one.key) for one in verify(archive).findings]


def problems(archive: Path) -> str:
    return "\n".join(map(str, verify(archive).findings))


def test_a_sound_archive_has_no_findings(archive: Path) -> None:
    report = verify(archive)
    assert report.findings == []
    assert report.counts == {"captures": 11, "revisions": 11, "releases": 7, "manifests": 2, "blobs": 11 + 2 + 4}
    assert report.newest_manifest
    assert (report.newest_manifest.day, report.uncovered) == ("2026-03-02", 4)


def test_a_byte_of_a_blob(archive: Path) -> None:
    captures = archive.with_name("captures.db")
    ((sha256, data),) = execute(captures, "select sha256, data from blobs where base is not null order by id limit 1")
    flipped = data[:-3] + bytes([data[-3] ^ 8]) + data[-2:]
    execute(captures, "update blobs set data = ? where sha256 = ?", flipped, sha256)
    assert found(archive) == [("captures.db", "blobs", sha256)]


def test_a_byte_of_the_file_itself(archive: Path) -> None:
    """Not through SQL: as a disk would."""
    content = bytearray(archive.read_bytes())
    place = content.index("änds igen".encode())
    content[place] ^= 0xFF  # no UTF-8 any more
    archive.write_bytes(content)
    tables = {table for _, table, _ in found(archive)}
    assert tables & {"revisions", "releases"}
    assert tables <= {"revisions", "releases", "integrity"}


@pytest.mark.parametrize(
    ("column", "value"),
    [("body", "Fyren släcks."), ("questions", "[]"), ("tags", "{"), ("images", '["a"]'), ("published", "2026-03-09")],
)
def test_a_revisions_text(archive: Path, column: str, value: str) -> None:
    execute(archive, f"update revisions set {column} = ? where id = 3", value)
    assert found(archive) == [("archive.db", "revisions", "3"), ("archive.db", "revisions", "3")]  # hash, manifest
    assert "2026-03-01" in problems(archive)


def test_a_revisions_text_with_a_hash_to_match(archive: Path) -> None:
    execute(archive, "update revisions set published_text = '2 mars 2026' where id = 3")  # the hash leaves it out
    assert found(archive) == [("archive.db", "revisions", "3")]
    assert "differs from the manifest of 2026-03-01: state_sha256" in problems(archive)


def test_what_is_shown(archive: Path) -> None:
    execute(archive, "update releases set body = 'Fyren släcks.' where id = 2")
    execute(archive, "update questions set answer = 'Aldrig.' where release = 4")
    execute(archive, "delete from release_tags where release = 5 and tag = 1")
    assert found(archive) == [
        ("archive.db", "releases", "2"),
        ("archive.db", "questions", "4"),
        ("archive.db", "release_tags", "5"),
    ]


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("digest", "0" * 64, {"2026-03-01", "2026-03-02"}),
        ("previous", "0" * 64, {"2026-03-01"}),
        ("captures_to", 6, {"2026-03-01", "2026-03-02"}),
        ("revisions_to", 99, {"2026-03-01", "2026-03-02"}),
        ("day", "2026-02-27", {"2026-02-27"}),
    ],
)
def test_a_manifests_row(archive: Path, column: str, value: object, told: set[str]) -> None:
    execute(archive, f"update manifests set {column} = ? where day = '2026-03-01'", value)
    assert {key for _, table, key in found(archive) if table == "manifests"} == told
    assert {table for _, table, _ in found(archive)} == {"manifests"}


def test_manifests_in_another_order(archive: Path) -> None:
    execute(archive, "update manifests set day = '2026-02-01' where day = '2026-03-02'")
    assert {key for _, _, key in found(archive)} == {"2026-02-01"}


def test_a_manifest_taken_out_of_the_chain(archive: Path) -> None:
    execute(archive, "delete from manifests where day = '2026-03-01'")
    assert {(table, key) for _, table, key in found(archive)} == {("manifests", "2026-03-02")}
    assert "previous is" in problems(archive)


def test_the_newest_manifest_taken_away_is_told_by_a_published_digest(archive: Path) -> None:
    newest = verify(archive).newest_manifest
    assert newest
    assert verify(archive, known_digest=newest.digest).findings == []
    execute(archive, "delete from manifests where day = '2026-03-02'")
    assert verify(archive).findings == []
    (finding,) = verify(archive, known_digest=newest.digest).findings
    assert (finding.table, finding.key) == ("manifests", newest.digest)


def test_a_release_of_which_the_log_does_not_tell(archive: Path) -> None:
    execute(archive, "drop trigger changefeed_no_delete")
    execute(archive, "delete from changefeed where release = 1")
    assert found(archive) == [("archive.db", "changefeed", "1")]


def test_a_manifests_text_that_is_lost(archive: Path) -> None:
    ((digest,),) = execute(archive, "select digest from manifests where day = '2026-03-01'")
    execute(archive.with_name("captures.db"), "delete from blobs where sha256 = ?", digest)
    assert found(archive) == [("archive.db", "manifests", "2026-03-01")]  # its digest is still that of the rows
    execute(archive, "update captures set url = 'https://annan.example/' where id = 2")
    assert found(archive) == [("archive.db", "manifests", "2026-03-01")] * 2


def test_a_capture_deleted(archive: Path) -> None:
    execute(archive, "delete from captures where id = 2")
    assert sorted(found(archive)) == [
        ("archive.db", "captures", "2"),
        ("archive.db", "releases", "2"),
        ("archive.db", "revisions", "2"),
    ]
    assert "revisions: 2: capture refers to no row of captures" in problems(archive)
    assert "captures: 2: is missing; the manifest of 2026-03-01 covers it" in problems(archive)


def test_captures_that_changed_places(archive: Path) -> None:
    for one, other in ((2, 99), (4, 2), (99, 4)):
        execute(archive, "update captures set id = ? where id = ?", other, one)
    assert found(archive) == [("archive.db", "captures", "2"), ("archive.db", "captures", "4")]
    assert "url, seen, bytes, sha256" in problems(archive) or "url, seen, sha256" in problems(archive)


def test_a_capture_put_in_later(archive: Path) -> None:
    for sql in ("manifests", "revisions where id = 5", "captures where id = 5", "releases where id = 5"):
        execute(archive, f"delete from {sql}")
    with closing(sqlite3.connect(archive, isolation_level=None)) as db, Captures(archive) as captures:
        assert write_manifest(db, captures, date(2026, 3, 9))
    execute(
        archive,
        "insert into captures select 5, url, seen, status, headers, sha256, bytes, template from captures limit 1",
    )
    assert ("archive.db", "captures", "5") in found(archive)
    assert "captures: 5: was inserted after the manifest of 2026-03-09, which covers its id" in problems(archive)


def test_a_capture_without_its_bytes_or_with_others(archive: Path) -> None:
    captures = archive.with_name("captures.db")
    ((sha256,),) = execute(archive, "select sha256 from captures where id = 11")
    execute(captures, "delete from blobs where sha256 = ?", sha256)
    execute(archive, "update captures set bytes = 5 where id = 10")
    assert found(archive) == [("archive.db", "captures", "10"), ("archive.db", "captures", "11")]


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("update month_counts set dated = 9 where month = ''", "month_counts: - -: is 7 and 9, should be"),
        ("delete from tag_releases where tag = 2 and release = 5", "tag_releases: 2 - 5: is missing"),
        (
            "insert into tag_releases values (1, '2026-03', 2)",
            "tag_releases: 1 2026-03 2: should not exist, because there is nothing to count",
        ),
        ("update tag_counts set releases = 8 where tag = 1", "tag_counts: 1 fyr: is 8, should be 7"),
        ("update edit_counts set unannounced = 0", "edit_counts: fyr: is 4 and 0, should be 4 and"),
    ],
)
def test_what_is_counted_wrong(archive: Path, sql: str, problem: str) -> None:
    execute(archive, sql)
    assert f"archive.db: {problem}" in problems(archive)
    assert main(["reindex", str(archive)]) == 0
    assert found(archive) == []


def test_captures_db_gone(archive: Path) -> None:
    archive.with_name("captures.db").unlink()
    assert ("captures.db", "blobs", None) in found(archive)
    assert {table for _, table, _ in found(archive)} == {"blobs", "manifests"}
    execute(archive, "update captures set url = 'https://annan.example/' where id = 2")
    assert "is not that of its row and the rows it covers" in problems(archive)


def test_captures_db_that_is_none(archive: Path) -> None:
    archive.with_name("captures.db").write_bytes(b"no database" * 99)
    assert ("captures.db", "blobs", None) in found(archive)


def test_nothing_is_written(archive: Path) -> None:
    before = {file.name: file.read_bytes() for file in archive.parent.iterdir()}
    verify(archive)
    assert {file.name: file.read_bytes() for file in archive.parent.iterdir()} == before


def test_what_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no such file"):
        verify(tmp_path / "archive.db")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "archive.db").write_bytes(b"no database" * 99)
    with pytest.raises(ArchiveError, match="cannot be opened as an archive"):
        verify(tmp_path / "archive.db")
    sqlite3.connect(tmp_path / "other.db").close()
    with pytest.raises(ArchiveError, match="has no table captures"):
        verify(tmp_path / "other.db")


def test_the_command(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(archive)]) == 0
    newest = verify(archive).newest_manifest
    assert newest
    out = capsys.readouterr().out
    assert f"{archive}: 11 captures, 11 revisions, 7 releases, {DAYS - 1} manifests, 17 blobs" in out
    assert f"newest manifest: 2026-03-02 {newest.digest}, 4 rows since" in out
    assert main(["verify", str(archive), "--digest"]) == 0
    assert capsys.readouterr().out == f"2026-03-02 {newest.digest}\n"
    assert main(["verify", str(archive), "--known", newest.digest]) == 0
    execute(archive, "delete from captures where id = 2")
    assert main(["verify", str(archive)]) == 1
    assert f"{archive}: captures: 2: is missing" in capsys.readouterr().out
    execute(archive, "delete from manifests")
    assert main(["verify", str(archive), "--digest"]) == 1
    assert main(["verify", str(archive.with_name("none.db"))]) == 2
    assert "none.db: no such file" in capsys.readouterr().err
