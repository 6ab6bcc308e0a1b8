"""verify: every change made outside the archive is reported with file, table and key."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from archive.__main__ import main
from archive.database.captures import Captures
from archive.database.models import Release
from archive.database.sqlite_files import ArchiveError
from archive.evidence.manifest import write_manifest
from archive.evidence.verification import verify
from archive.store.releases import Archive
from tests.archive.sample_evidence import create_evidence_archive, execute
from tests.case_tables import load_table


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = create_evidence_archive(tmp_path)
    for file in (path, path.with_name("captures.db")):
        execute(file, "pragma journal_mode = delete")  # reading creates no other files
    return path


def change(archive: Path, sql: str) -> None:
    """Run statements on archive.db, with captures.db as `bytes`; foreign keys are not checked."""
    with closing(sqlite3.connect(archive)) as db:
        db.execute("attach ? as bytes", [str(archive.with_name("captures.db"))])
        db.executescript(sql)


VERSION = "attachment_versions (url, file, capture, cause, previous, first_seen, last_seen, checks)"


@pytest.fixture
def with_file(archive: Path) -> Path:
    """Add an attachment with a text: the bytes of the first page, read as if they were a
    document.
    """
    change(
        archive,
        "insert into attachment_files (sha256, bytes) select sha256, bytes from captures where id"
        f" = 1;insert into {VERSION} select url, 1, 1, 'first', null, seen, seen, 1 from captures"
        " where id = 1;insert into attachment_links select 1, url, seen, seen, null from captures"
        " where id = 1;insert into attachment_pages values (1, 1, null, 'Fyren', 5, null);update"
        " attachment_files set extracted = '2026-03-01', letters = 5, kind = 'pdf', pages = 1;",
    )
    assert list_problems(archive) == []
    return archive


@pytest.mark.parametrize(("sql", "finding"), load_table(__file__, "damaged_attachments.tsv"))
def test_damaged_attachments(with_file: Path, sql: str, finding: str) -> None:
    change(with_file, sql)
    assert finding in "\n".join(list_problems(with_file))


@pytest.mark.parametrize(("sql", "finding"), load_table(__file__, "damaged_quotes.tsv"))
def test_quotes_and_references_are_those_of_their_version(
    tmp_path: Path, sql: str, finding: str
) -> None:
    with Archive(path := tmp_path / "archive.db") as archive:
        archive.add_agency("hamn", name="Hamnverket", home="https://hamn.example/")
        body = "– Kajen är klar, säger\u00a0Anna Ek. Nu\nbygger vi.\n\n– Vi vilar, sa hon."
        release = Release(
            agency="hamn",
            url="https://hamn.example/1",
            title="Kaj (SOU 2023:12)",
            body=body,
            body_html="<p>…</p>",
        )
        archive.save(release, seen_at=datetime(2026, 3, 1, tzinfo=UTC))
        archive.save(
            replace(release, url="https://hamn.example/2"), seen_at=datetime(2026, 3, 1, tzinfo=UTC)
        )
    execute(path, sql)
    found = [problem.removeprefix("archive.db: ") for problem in list_problems(path)][:1]
    assert found == [finding][: bool(finding)]


def test_texts_of_attachments_are_read_again_on_request(
    with_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(with_file)]) == 0
    assert main(["verify", str(with_file), "--texts"]) == 1
    assert (
        "attachment_pages: 1: the text is not what is read from the file now"
        in capsys.readouterr().out
    )
    # what is read from a page is no text, because it is no document
    change(with_file, "delete from attachment_pages; update attachment_files set letters = 0")
    assert main(["verify", str(with_file), "--texts"]) == 0


def list_problems(archive: Path) -> list[str]:
    """Return the findings without the folder of their file."""
    return [str(finding).removeprefix(f"{archive.parent}/") for finding in verify(archive).findings]


def test_unchanged_archive_has_no_findings_and_is_not_written(archive: Path) -> None:
    before = {file.name: file.read_bytes() for file in archive.parent.iterdir()}
    report = verify(archive)
    assert report.findings == []
    assert report.counts == {"captures": 11, "revisions": 11, "releases": 7} | {
        "attachment_versions": 0,
        "manifests": 2,
        "blobs": 11 + 2 + 4,
    }
    assert report.newest_manifest
    assert (report.newest_manifest.day, report.uncovered) == ("2026-03-02", 4)
    assert {file.name: file.read_bytes() for file in archive.parent.iterdir()} == before


@pytest.mark.parametrize(("sql", "findings"), load_table(__file__, "changed_rows.tsv"))
def test_change_of_a_row_is_found(archive: Path, sql: str, findings: str) -> None:
    change(archive, sql)
    problems, expectations = list_problems(archive), findings.split(" | ")
    assert len(problems) == len(expectations), problems
    for problem, expected in zip(problems, expectations, strict=True):
        assert problem.startswith(f"archive.db: {expected}")


def test_changed_byte_of_blob_is_found(archive: Path) -> None:
    captures = archive.with_name("captures.db")
    ((sha256, data),) = execute(
        captures, "select sha256, data from blobs where base is not null order by id limit 1"
    )
    flipped = data[:-3] + bytes([data[-3] ^ 8]) + data[-2:]
    execute(captures, "update blobs set data = ? where sha256 = ?", flipped, sha256)
    (problem,) = list_problems(archive)
    assert problem.startswith(f"captures.db: blobs: {sha256}: ")


def test_changed_byte_of_file_is_found(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[content.index("änds igen".encode())] ^= 0xFF  # no longer UTF-8
    archive.write_bytes(content)
    tables = {finding.table for finding in verify(archive).findings}
    assert tables & {"revisions", "releases"}
    assert tables <= {"revisions", "releases", "integrity"}


def test_deleted_newest_manifest_is_found_by_published_digest(archive: Path) -> None:
    ((digest,),) = execute(archive, "select digest from manifests where day = '2026-03-02'")
    assert verify(archive, since=digest).findings == []
    execute(archive, "delete from manifests where day = '2026-03-02'")
    assert verify(archive).findings == []
    (finding,) = verify(archive, since=digest).findings
    assert (finding.table, finding.key) == ("manifests", digest)


def test_capture_inserted_after_its_manifest_is_found(archive: Path) -> None:
    change(
        archive,
        "delete from manifests; delete from revisions where id = 5; delete from captures where id ="
        " 5",
    )
    change(archive, "delete from releases where id = 5")
    with (
        closing(sqlite3.connect(archive, isolation_level=None)) as db,
        Captures(archive) as captures,
    ):
        assert write_manifest(db, captures, date(2026, 3, 9))
    columns = "url, seen, status, headers, sha256, bytes, template, observer"
    execute(archive, f"insert into captures select 5, {columns} from captures limit 1")
    assert (
        "archive.db: captures: 5: was inserted after the manifest"
        " of 2026-03-09, which covers its id" in (list_problems(archive))
    )


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        (
            "update month_counts set dated = 9 where month = ''",
            "month_counts: - -: is 7 and 9, should be",
        ),
        ("delete from month_counts where month = ''", "month_counts: - -: is missing, should be 7"),
        (
            "insert into month_counts values ('fyr', '1900-01', 1, 1)",
            "month_counts: fyr 1900-01: is 1 and 1, should be missing",
        ),
        ("update edit_counts set unannounced = 9", "edit_counts: fyr: is"),
        ("update tag_counts set releases = 9", "tag_counts: 1 fyr: is 9, should be"),
        ("delete from tag_releases", "tag_releases: 1 - 1: is missing, should be there"),
        (
            "update releases set continues_as = 2 where id = 1",
            "releases: 1: continues_as is not where its moves lead",
        ),
    ],
)
def test_wrong_count_is_found_and_reindex_corrects_it(
    archive: Path, sql: str, problem: str
) -> None:
    execute(archive, sql)
    assert f"archive.db: {problem}" in "\n".join(list_problems(archive))
    assert main(["reindex", str(archive)]) == 0
    assert verify(archive).findings == []


def test_missing_or_unreadable_captures_file_is_found(archive: Path) -> None:
    captures = archive.with_name("captures.db")
    captures.unlink()
    assert {finding.table for finding in verify(archive).findings} == {"blobs", "manifests"}
    assert "captures.db: blobs: no such file; 11 captures refer to it" in list_problems(archive)
    execute(archive, "update captures set url = 'https://annan.example/' where id = 2")
    assert "is not that of its row and the rows it covers" in "\n".join(list_problems(archive))
    captures.write_bytes(b"no database" * 99)
    assert "captures.db: blobs: file is not a database" in list_problems(archive)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "no such file"),
        (b"no database" * 99, "cannot be opened as an archive"),
        (b"", "has no table captures"),  # an empty file is an empty database
    ],
)
def test_file_that_is_no_archive_is_refused(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / "archive.db").write_bytes(content)
    before = list(tmp_path.iterdir())
    with pytest.raises(ArchiveError, match=problem):
        verify(tmp_path / "archive.db")
    assert list(tmp_path.iterdir()) == before


def test_command_prints_summary_digest_and_findings(
    archive: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ((digest,),) = execute(archive, "select digest from manifests where day = '2026-03-02'")
    assert main(["verify", str(archive)]) == 0
    out = capsys.readouterr().out
    assert (
        f"{archive}: 11 captures, 11 revisions, 7 releases, 0 attachment versions, 2 manifests, 17"
        " blobs" in out
    )
    assert f"newest manifest: 2026-03-02 {digest}, 4 rows since" in out
    assert main(["verify", str(archive), "--digest"]) == 0
    assert capsys.readouterr().out == f"2026-03-02 {digest}\n"
    assert main(["verify", str(archive), "--since", digest]) == 0
    execute(archive, "delete from captures where id = 2")
    assert main(["verify", str(archive)]) == 1
    assert f"{archive}: captures: 2: is missing" in capsys.readouterr().out
    execute(archive, "delete from manifests")
    assert main(["verify", str(archive), "--digest"]) == 1
    assert main(["verify", str(archive.with_name("none.db"))]) == 2
    assert "none.db: no such file" in capsys.readouterr().err
