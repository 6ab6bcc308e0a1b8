"""captures.db gives back what it was given, or names what it cannot give."""

from __future__ import annotations

import hashlib
import io
import random
import shutil
import sqlite3
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.backup import create_backup
from archive.captures import (
    FOREIGN_MESSAGE,
    MAX_BASES_PER_HOST,
    NEW_BASES_PER_PAGE,
    Captures,
    find_captures_problem,
    read_archive_facts,
    select_evidence_headers,
)
from archive.database import ArchiveError
from archive.evidence import write_bundle
from archive.evidence.verify import verify
from archive.store import Archive
from tests.archive.captured import page
from tests.archive.witnessed import witness
from tests.stored import ROOT

REAL = sorted((ROOT / "pages/polisen.se").glob("*.html"))
KEEPER = (sys.executable, "-m", "tests.archive.captured")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive.db"


def rows(archive: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    """Straight from the file, or into it."""
    db = sqlite3.connect(archive.with_name("captures.db"))
    try:
        with db:
            return db.execute(sql, values).fetchall()
    finally:
        db.close()


def read_or_fault(captures: Captures, sha256: str) -> object:
    """The bytes, or the table and key that an error names."""
    try:
        return captures.read(sha256)
    except ArchiveError as error:
        return error.table, error.key


def test_bytes_come_back_as_they_were(archive: Path) -> None:
    chance = random.Random(1)
    bodies = [page(n, design=n % 6) for n in range(30)]
    bodies += [b"", b"404", chance.randbytes(50_000), chance.randbytes(1_200_000), page(1)[:-9], page(3) * 90]
    with Captures(archive) as captures:
        kept = [captures.store_body(body, "fyr.example") for body in bodies]
        assert kept == [hashlib.sha256(body).hexdigest() for body in bodies]
        assert [captures.read(sha256) for sha256 in kept] == bodies
        assert list(captures) == kept
        assert captures.count() == len(bodies)
        assert kept[0] in captures
        assert "0" * 64 not in captures
    with Captures(archive, readonly=True) as captures:
        assert [captures.read(sha256) for sha256 in reversed(kept)] == bodies[::-1]


def test_bytes_already_held_are_not_written_again(archive: Path) -> None:
    with Captures(archive) as captures:
        first = captures.store_body(page(1), "fyr.example")
        before = rows(archive, "select id, sha256 from blobs"), rows(archive, "select * from bases")
        assert captures.store_body(page(1), "other.example") == first
    assert (rows(archive, "select id, sha256 from blobs"), rows(archive, "select * from bases")) == before


def test_pages_of_a_host_are_held_against_one_of_them_and_a_redesign_begins_anew(archive: Path) -> None:
    with Captures(archive) as captures:
        for design in (1, 2):
            for number in range(10):
                captures.store_body(page(number, design), "fyr.example")
    with Captures(archive) as captures:  # opened again, it goes on with the bases it had
        captures.store_body(page(99, 1), "fyr.example")
        captures.store_body(page(98, 1), "fagel.example")
    assert rows(archive, "select host, blob from bases order by blob") == [
        ("fyr.example", 1),
        ("fyr.example", 11),
        ("fagel.example", 22),
    ]
    assert rows(archive, "select base, count(*) from blobs group by base order by base") == [
        (None, 3),
        (1, 10),
        (11, 9),
    ]
    assert rows(archive, "select count(*) from blobs where base and length(data) > size / 10") == [(0,)]
    assert rows(archive, "select count(*) from blobs b join blobs o on o.id = b.base where o.base is not null") == [
        (0,)
    ]


def test_new_bases_begin_seldom_once_there_are_some(archive: Path) -> None:
    with Captures(archive) as captures:
        for design in range(MAX_BASES_PER_HOST + 100):  # no two pages alike
            captures.store_body(page(1, design), "fyr.example")
    ((bases,),) = rows(archive, "select count(*) from bases")
    assert isinstance(bases, int)
    assert MAX_BASES_PER_HOST < bases <= MAX_BASES_PER_HOST + (MAX_BASES_PER_HOST + 100) * NEW_BASES_PER_PAGE


def test_a_site_built_anew_has_a_new_base_at_once_when_opened_again(archive: Path) -> None:
    for crawl in range(MAX_BASES_PER_HOST * 2):
        with Captures(archive) as captures:
            captures.store_body(page(1, crawl), "fyr.example")
            captures.store_body(page(2, crawl), "fyr.example")
    assert rows(archive, "select count(*) from bases") == [(MAX_BASES_PER_HOST * 2,)]
    assert rows(archive, "select count(*) from blobs where base is not null") == [(MAX_BASES_PER_HOST * 2,)]


def test_what_is_not_text_is_nobodys_base(archive: Path) -> None:
    with Captures(archive) as captures:
        captures.store_body(random.Random(2).randbytes(20_000), "fyr.example")
        captures.store_body(b"Not found", "fyr.example")
    assert rows(archive, "select * from bases") == []


def test_what_is_not_held_is_named(archive: Path) -> None:
    with Captures(archive) as captures, pytest.raises(ArchiveError) as caught:
        captures.read("ab" * 32)
    assert str(caught.value) == f"{captures.path}: blobs: {'ab' * 32}: is not stored"


@pytest.mark.parametrize(
    ("column", "value"),
    [("data", b"nothing of the kind"), ("data", b""), ("size", 5), ("data", "text")],
)
def test_damage_is_named(archive: Path, column: str, value: object) -> None:
    with Captures(archive) as captures:
        sha256 = captures.store_body(page(1), "fyr.example")
    rows(archive, f"update blobs set {column} = ?", value)
    with Captures(archive) as captures, pytest.raises(ArchiveError, match=f"blobs: {sha256}: is damaged"):
        captures.read(sha256)


def test_one_byte_flipped_anywhere_in_a_blob_is_never_read_as_another_text(archive: Path) -> None:
    with Captures(archive) as captures:
        base, other = (captures.store_body(page(number), "fyr.example") for number in (1, 2))
    (data,) = rows(archive, "select data from blobs where sha256 = ?", other)[0]
    assert isinstance(data, bytes)
    chance = random.Random(3)
    for place in [0, 4, len(data) - 1, *(chance.randrange(len(data)) for _ in range(40))]:
        flipped = data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]
        rows(archive, "update blobs set data = ? where sha256 = ?", flipped, other)
        with Captures(archive) as captures:
            # right all the same where the frame has no use for that bit
            assert read_or_fault(captures, other) in (page(2), ("blobs", other))
            assert captures.read(base) == page(1)


def test_a_lost_or_damaged_base_is_named_and_new_pages_are_kept_without_it(
    archive: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Captures(archive) as captures:
        base, other = (captures.store_body(page(number), "fyr.example") for number in (1, 2))
    rows(archive, "update blobs set data = ? where sha256 = ?", b"?", base)
    with Captures(archive) as captures:
        with pytest.raises(ArchiveError, match=f"{base}: is damaged"):
            captures.read(other)
        assert captures.read(captures.store_body(page(3), "fyr.example")) == page(3)
    assert "a base of fyr.example cannot be read and is not used" in caplog.text
    rows(archive, "delete from blobs where sha256 = ?", base)
    with Captures(archive) as captures, pytest.raises(ArchiveError, match=f"{other}: its base 1 is missing"):
        captures.read(other)


def test_a_file_that_cannot_be_opened_is_named(archive: Path) -> None:
    with pytest.raises(ArchiveError, match=r"captures\.db: cannot be opened"):
        Captures(archive, readonly=True)
    archive.with_name("captures.db").write_bytes(b"no database" * 99)
    with pytest.raises(ArchiveError, match=r"captures\.db: cannot be opened"):
        Captures(archive)


def test_killed_at_any_moment_it_holds_whole_pages_alone(archive: Path) -> None:
    chance = random.Random(20240603)
    said: set[str] = set()
    for run in range(8):
        with subprocess.Popen(
            [*KEEPER, str(archive), str(run * 10_000), str((run + 1) * 10_000)], stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            said |= {process.stdout.readline().strip() for _ in range(chance.randrange(1, 15))}
            time.sleep(chance.random() * 0.02)
            process.kill()
            # the last line may be cut
            said |= {line.strip() for line in process.stdout if line.endswith("\n")}
        with Captures(archive) as captures:
            for sha256 in captures:
                captures.read(sha256)
            assert said <= set(captures)
    assert len(said) > 30


def test_two_processes_keep_at_once(archive: Path) -> None:
    commands = [[*KEEPER, str(archive), str(first), str(first + 60)] for first in (0, 30)]  # 30 pages are the same
    keepers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    said = [keeper.communicate(timeout=60)[0].split() for keeper in keepers]
    assert [keeper.returncode for keeper in keepers] == [0, 0]
    with Captures(archive) as captures:
        assert set(captures) == {*said[0], *said[1]}
        assert captures.count() == 90
        for sha256 in captures:
            captures.read(sha256)


def test_of_the_headers_only_evidence_is_kept_in_one_order() -> None:
    sent = {"Server": "a", "Set-Cookie": "s=1", "X-Powered-By": "b", "Content-Type": "text/html", "DATE": "c"}
    assert list(select_evidence_headers(sent).items()) == [
        ("date", "c"),
        ("content-type", "text/html"),
        ("server", "a"),
    ]


@pytest.mark.skipif(not REAL, reason="no stored pages here")
def test_real_pages_take_a_fifteenth_of_their_size(archive: Path) -> None:
    with Captures(archive) as captures:
        kept = {captures.store_body(path.read_bytes(), "polisen.se"): path for path in REAL}
        assert all(captures.read(sha256) == path.read_bytes() for sha256, path in kept.items())
    ((size, data),) = rows(archive, "select sum(size), sum(length(data)) from blobs")
    assert isinstance(data, int)
    assert isinstance(size, int)
    assert data < size / 15


@pytest.fixture
def sample_archive(tmp_path: Path) -> Path:
    (tmp_path / "held").mkdir()
    return witness(tmp_path / "held")


def test_a_lost_file_is_only_begun_anew_when_told(sample_archive: Path) -> None:
    path = sample_archive.with_name("captures.db")
    for suffix in ("", "-wal", "-shm"):
        path.with_name(f"captures.db{suffix}").unlink(missing_ok=True)
    with pytest.raises(ArchiveError, match="is lost: the archive refers to captures in it"):
        Captures(sample_archive)
    assert not path.exists()
    path.touch()
    with pytest.raises(ArchiveError, match="NEW_CAPTURES=True"):
        Captures(sample_archive)
    with Captures(sample_archive, begin_new=True) as captures:
        assert captures.count() == 0
    with Captures(sample_archive) as captures:
        captures.store_body(b"it goes on", "")


def test_another_archives_file_is_refused_and_reported(sample_archive: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "archive.db"
    other.parent.mkdir()
    with Archive(other), Captures(other) as captures:
        sha256 = captures.store_body(b"another archive's", "")
    assert find_captures_problem(sample_archive) is None
    for suffix in ("", "-wal", "-shm"):
        sample_archive.with_name(f"captures.db{suffix}").unlink(missing_ok=True)
    shutil.copy(other.with_name("captures.db"), sample_archive.with_name("captures.db"))
    for begin_new in (False, True):
        with pytest.raises(ArchiveError, match="belongs to another archive; restore"):
            Captures(sample_archive, begin_new=begin_new)
    with (
        Captures(sample_archive, readonly=True) as captures,
        pytest.raises(ArchiveError, match="belongs to another archive"),
    ):
        captures.read(sha256)
    assert "belongs to another archive" in str(find_captures_problem(sample_archive))
    findings = verify(sample_archive).findings
    assert [finding.problem for finding in findings if finding.table == "blobs"] == [FOREIGN_MESSAGE]
    assert {finding.table for finding in findings} == {"blobs", "manifests"}
    out = io.BytesIO()
    assert write_bundle(sample_archive, "revisions", 8, out)
    with zipfile.ZipFile(out) as file:
        guide = file.read("evidence-8/README.en.txt").decode()
    assert "cannot be read here: captures.db: belongs to another archive" in guide


def test_copies_of_an_archive_belong_together(sample_archive: Path, tmp_path: Path) -> None:
    copy, findings = create_backup(sample_archive, tmp_path / "backup", keep=1, moment=datetime.now(UTC))
    assert findings == []
    with Captures(copy / "archive.db"):
        assert read_archive_facts(copy / "archive.db") == read_archive_facts(sample_archive)
    assert read_archive_facts(sample_archive)[0] > 0
