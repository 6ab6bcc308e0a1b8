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

REVISION_3 = ["revisions: 3: its ", "revisions: 3: differs from the manifest of 2026-03-01: "]
FIRST, SECOND = "manifests: 2026-03-01: ", "manifests: 2026-03-02: "
EXCHANGED = "differs from the manifest of 2026-03-01: url, seen, sha256"


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
FILE = "attachment_files: 1: "


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


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        (
            "update attachment_versions set capture = 2",
            "attachment_versions: 1: its capture is not that of its file",
        ),
        (
            f"insert into {VERSION} select url, 1, 1, 'source', null, last_seen, last_seen, 1"
            f" from attachment_versions",
            "attachment_versions: 2: it does not follow the version before it",
        ),
        (
            "insert into attachment_files (sha256, bytes) values ('0', 1)",
            "attachment_files: 2: no version has it",
        ),
        ("update attachment_files set extracted = null", f"{FILE}it has pages, although"),
        ("delete from attachment_pages", f"{FILE}its number of letters is not that of its pages"),
        ("update attachment_links set takedown = 'hidden'", f"{FILE}its text is stored, although"),
        (
            "update releases set takedown = 'hidden' where id = 1",
            "attachment_links: 1 https://fyr.example/nyheter/1: its",
        ),
        (
            "update attachment_versions set file = 7",
            "attachment_versions: 1: file refers to no row of attachment_files",
        ),
    ],
)
def test_damaged_attachments(with_file: Path, sql: str, finding: str) -> None:
    change(with_file, sql)
    assert finding in "\n".join(list_problems(with_file))


QUOTES = "quotes: 1: "


@pytest.mark.parametrize(
    ("sql", "finding"),
    [
        ("select 1", ""),
        (
            "update quotes set text = 'Kajen är ny' where id = 1",
            f"{QUOTES}its words are not in its version",
        ),
        (
            "update quotes set spans = '[[0, 9]]' where id = 1",
            f"{QUOTES}its words are not in its version",
        ),
        (
            "update people set name = 'Bo Al'",
            f"{QUOTES}its version does not print the name of its speaker",
        ),
        (
            "update quotes set revision = 2, position = 9 where id = 1",
            f"{QUOTES}its version or person is not of its release",
        ),
        ("update quotes set person = null", "people: anna-ek: no quote has it"),
    ],
)
def test_quotes_are_those_of_their_version(tmp_path: Path, sql: str, finding: str) -> None:
    with Archive(path := tmp_path / "archive.db") as archive:
        archive.add_agency("hamn", name="Hamnverket", home="https://hamn.example/")
        body = "– Kajen är klar, säger\u00a0Anna Ek. Nu\nbygger vi.\n\n– Vi vilar, sa hon."
        release = Release(
            agency="hamn",
            url="https://hamn.example/1",
            title="Kaj",
            body=body,
            body_html="<p>…</p>",
        )
        archive.save(release, seen_at=datetime(2026, 3, 1, tzinfo=UTC))
        archive.save(
            replace(release, url="https://hamn.example/2"), seen_at=datetime(2026, 3, 1, tzinfo=UTC)
        )
    execute(path, sql)
    assert [problem.removeprefix("archive.db: ") for problem in list_problems(path)][:1] == [
        finding
    ][: bool(finding)]


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


@pytest.mark.parametrize(
    ("sql", "findings"),
    [
        ("update revisions set body = 'Fyren släcks.' where id = 3", REVISION_3),
        ("update revisions set questions = '[]' where id = 3", REVISION_3),
        ("update revisions set tags = '{' where id = 3", REVISION_3),
        ("""update revisions set images = '["a"]' where id = 3""", REVISION_3),
        ("update revisions set published = '2026-03-09' where id = 3", REVISION_3),
        # not part of the hash
        (
            "update revisions set published_text = '2 mars 2026' where id = 3",
            [f"{REVISION_3[1]}state_sha256"],
        ),
        ("update releases set body = 'Fyren släcks.' where id = 2", ["releases: 2: differs"]),
        ("update questions set answer = 'Aldrig.' where release = 4", ["questions: 4: differs"]),
        ("delete from release_tags where release = 5 and tag = 1", ["release_tags: 5: differs"]),
        (
            "drop trigger changefeed_no_delete; delete from changefeed where release = 1",
            ["changefeed: 1: "],
        ),
        (
            "delete from captures where id = 2",
            [
                "releases: 2: capture refers to no row of captures",
                "revisions: 2: capture refers to no row of captures",
                "captures: 2: is missing; the manifest of 2026-03-01 covers it",
            ],
        ),
        (
            "update captures set id = 99 where id = 2; update captures set id = 2 where id = 4;"
            " update captures set id = 4 where id = 99",
            [f"captures: 2: {EXCHANGED}", f"captures: 4: {EXCHANGED}"],
        ),
        ("update captures set bytes = 5 where id = 10", ["captures: 10: its size is 5 bytes"]),
        (
            "delete from bytes.blobs where sha256 = (select sha256 from captures where id = 11)",
            ["captures: 11: its bytes"],
        ),
        (
            "update manifests set digest = 'x' where day = '2026-03-01'",
            [f"{FIRST}its text", FIRST, SECOND],
        ),
        (
            "update manifests set previous = 'x' where day = '2026-03-01'",
            [f"{FIRST}previous is x", FIRST],
        ),
        (
            "update manifests set captures_to = 6 where day = '2026-03-01'",
            [f"{FIRST}captures_to is 6", SECOND],
        ),
        (
            "update manifests set revisions_to = 9 where day = '2026-03-01'",
            [f"{FIRST}revisions_to is 9", SECOND],
        ),
        (
            "update manifests set day = '2026-02-27' where day = '2026-03-01'",
            ["manifests: 2026-02-27: day is"],
        ),
        (
            "update manifests set day = '2026-02-01' where day = '2026-03-02'",
            ["manifests: 2026-02-01: day is"],
        ),
        (
            "delete from manifests where day = '2026-03-01'",
            [f"{SECOND}previous is", f"{SECOND}it does not begin"],
        ),
        (
            "delete from bytes.blobs where sha256 = (select digest from manifests where day ="
            " '2026-03-01')",
            [f"{FIRST}its text cannot be read"],
        ),
        (
            "delete from bytes.blobs where sha256 = (select digest from manifests where day ="
            " '2026-03-01'); update captures set url = 'https://annan.example/' where id = 2",
            [f"{FIRST}its text cannot be read", f"{FIRST}its digest"],
        ),
    ],
)
def test_change_of_a_row_is_found(archive: Path, sql: str, findings: list[str]) -> None:
    change(archive, sql)
    problems = list_problems(archive)
    assert len(problems) == len(findings), problems
    for problem, expected in zip(problems, findings, strict=True):
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
    assert verify(archive, known_digest=digest).findings == []
    execute(archive, "delete from manifests where day = '2026-03-02'")
    assert verify(archive).findings == []
    (finding,) = verify(archive, known_digest=digest).findings
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
    columns = "url, seen, status, headers, sha256, bytes, template"
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
    assert main(["verify", str(archive), "--known", digest]) == 0
    execute(archive, "delete from captures where id = 2")
    assert main(["verify", str(archive)]) == 1
    assert f"{archive}: captures: 2: is missing" in capsys.readouterr().out
    execute(archive, "delete from manifests")
    assert main(["verify", str(archive), "--digest"]) == 1
    assert main(["verify", str(archive.with_name("none.db"))]) == 2
    assert "none.db: no such file" in capsys.readouterr().err
