"""captures.db returns the bytes it was given, or names what it cannot return."""

from __future__ import annotations

import hashlib
import random
import shutil
import time
from base64 import b64decode
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scrapy.utils._compression import zstd  # type: ignore[attr-defined]

from archive.database.captures import (
    DICTIONARY_MAGIC,
    FOREIGN_MESSAGE,
    MAX_BASES_PER_HOST,
    Captures,
    compress,
    decompress,
    find_captures_problem,
)
from archive.database.sqlite_files import ArchiveError
from archive.evidence.verification import verify
from archive.store.releases import Archive
from tests.archive.sample_evidence import create_evidence_archive, execute, read_bundle, read_guide
from tests.forks import CONTEXT
from tests.stored import ROOT

HOST = "fyr.example"
WORDS = (
    "fyren",
    "tänds",
    "åter",
    "vid",
    "kusten",
    "efter",
    "tio",
    "mörka",
    "år",
    "och",
    "hamnen",
    "får",
    "ljus",
)
REAL_PAGES = sorted((ROOT / "pages/polisen.se").glob("*.html"))


@cache
def menu(design: int) -> str:
    """Some 20 kB of markup that every page of a design has."""
    chance = random.Random(design)
    links = (
        f'<li class="c{chance.getrandbits(32):x}"><a href="/{chance.getrandbits(40):x}">'
        for _ in range(350)
    )
    return "".join(f"{link}{chance.choice(WORDS)}</a></li>" for link in links)


def page(number: int, design: int = 1) -> bytes:
    """A page with a text of its own, in one of the site's designs."""
    chance = random.Random(f"{design}:{number}")
    text = " ".join(chance.choice(WORDS) for _ in range(200))
    return (
        f"<html><nav>{menu(design)}</nav><main><h1>{number}</h1><p>{text}</p></main></html>"
    ).encode()


def image(size: int) -> bytes:
    """Bytes that cannot be compressed."""
    return hashlib.shake_256(b"image").digest(size)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive.db"


def rows(archive: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    return execute(archive.with_name("captures.db"), sql, *values)


def read_or_fault(captures: Captures, sha256: str) -> object:
    """Return the bytes, or table and key of the error."""
    try:
        return captures.read(sha256)
    except ArchiveError as error:
        return error.table, error.key


def remove_captures(archive: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        archive.with_name(f"captures.db{suffix}").unlink(missing_ok=True)


def test_bytes_are_returned_as_stored(archive: Path) -> None:
    bodies = [page(n, design=n % 6) for n in range(30)]
    bodies += [b"", b"404", image(50_000), image(1_200_000), page(1)[:-9], page(3) * 90]
    with Captures(archive) as captures:
        stored = [captures.store_body(body, HOST) for body in bodies]
        assert stored == [hashlib.sha256(body).hexdigest() for body in bodies]
        assert [captures.read(sha256) for sha256 in stored] == bodies
        assert list(captures) == stored
        assert captures.count() == len(bodies)
        assert stored[0] in captures
        assert "0" * 64 not in captures
        with pytest.raises(ArchiveError) as caught:
            captures.read("ab" * 32)
        assert str(caught.value) == f"{captures.path}: blobs: {'ab' * 32}: is not stored"
    with Captures(archive, readonly=True) as captures:
        assert [captures.read(sha256) for sha256 in reversed(stored)] == bodies[::-1]


def test_stored_bytes_are_not_written_again(archive: Path) -> None:
    with Captures(archive) as captures:
        first = captures.store_body(page(1), HOST)
        before = rows(archive, "select id, sha256 from blobs"), rows(archive, "select * from bases")
        assert captures.store_body(page(1), "other.example") == first
    assert (
        rows(archive, "select id, sha256 from blobs"),
        rows(archive, "select * from bases"),
    ) == before


def test_pages_of_a_host_share_a_base_per_design(archive: Path) -> None:
    with Captures(archive) as captures:
        for design in (1, 2):
            for number in range(10):
                captures.store_body(page(number, design), HOST)
    with Captures(archive) as captures:  # opened again, it continues with the stored bases
        captures.store_body(page(99, 1), HOST)
        captures.store_body(page(98, 1), "fagel.example")
    assert rows(archive, "select host, blob from bases order by blob") == [
        (HOST, 1),
        (HOST, 11),
        ("fagel.example", 22),
    ]
    counts = rows(archive, "select base, count(*) from blobs group by base order by base")
    assert counts == [(None, 3), (1, 10), (11, 9)]
    blobs = rows(archive, "select count(*) from blobs where base and length(data) > size / 10")
    assert blobs == [(0,)]
    bases_with_base = (
        "select count(*) from blobs b join blobs o on o.id = b.base where o.base is not null"
    )
    assert rows(archive, bases_with_base) == [(0,)]


@pytest.mark.parametrize(
    ("crawls", "bases", "compressed"),
    [
        pytest.param([[image(20_000), b"Not found"]], 0, 0, id="image and short text"),
        pytest.param(
            [[page(1, design), page(2, design)] for design in range(8)],
            8,
            8,
            id="new design per crawl",
        ),
        # no two pages are alike: after the first bases, one page in 16 becomes one
        pytest.param(
            [[page(1, design) for design in range(64)]], MAX_BASES_PER_HOST + 4, 56, id="one crawl"
        ),
    ],
)
def test_new_designs_add_bases(
    archive: Path, crawls: list[list[bytes]], bases: int, compressed: int
) -> None:
    for crawl in crawls:
        with Captures(archive) as captures:
            for body in crawl:
                captures.store_body(body, HOST)
    assert rows(archive, "select count(*) from bases") == [(bases,)]
    assert rows(archive, "select count(*) from blobs where base is not null") == [(compressed,)]


@pytest.mark.parametrize(
    ("column", "value"),
    [("data", b"not zstd"), ("data", b""), ("size", 5), ("data", "text")],
)
def test_damaged_blob_is_named(archive: Path, column: str, value: object) -> None:
    with Captures(archive) as captures:
        sha256 = captures.store_body(page(1), HOST)
    rows(archive, f"update blobs set {column} = ?", value)
    with (
        Captures(archive) as captures,
        pytest.raises(ArchiveError, match=f"blobs: {sha256}: is damaged"),
    ):
        captures.read(sha256)


def test_blob_with_a_changed_bit_is_never_read_as_another_text(archive: Path) -> None:
    with Captures(archive) as captures:
        base, other = (captures.store_body(page(number), HOST) for number in (1, 2))
        ((data,),) = execute(captures.path, "select data from blobs where sha256 = ?", other)

    @settings(max_examples=40, derandomize=True, deadline=None)
    @given(position=st.integers(0, len(data) - 1), bit=st.integers(0, 7))
    def check_changed_bit(position: int, bit: int) -> None:
        changed = data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]
        rows(archive, "update blobs set data = ? where sha256 = ?", changed, other)
        with Captures(archive) as captures:
            # readable all the same where the frame does not use that bit
            assert read_or_fault(captures, other) in (page(2), ("blobs", other))
            assert captures.read(base) == page(1)

    check_changed_bit()


def test_missing_or_damaged_base_is_named_and_not_used(
    archive: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Captures(archive) as captures:
        base, other = (captures.store_body(page(number), HOST) for number in (1, 2))
    rows(archive, "update blobs set data = ? where sha256 = ?", b"?", base)
    with Captures(archive) as captures:
        with pytest.raises(ArchiveError, match=f"{base}: is damaged"):
            captures.read(other)
        assert captures.read(captures.store_body(page(3), HOST)) == page(3)
    assert "a base of fyr.example cannot be read and is not used" in caplog.text
    rows(archive, "delete from blobs where sha256 = ?", base)
    with (
        Captures(archive) as captures,
        pytest.raises(ArchiveError, match=f"{other}: its base 1 is missing"),
    ):
        captures.read(other)


def test_file_that_cannot_be_opened_is_named(archive: Path) -> None:
    with pytest.raises(ArchiveError, match=r"captures\.db: cannot be opened"):
        Captures(archive, readonly=True)
    archive.with_name("captures.db").write_bytes(b"no database" * 99)
    with pytest.raises(ArchiveError, match=r"captures\.db: cannot be opened"):
        Captures(archive)


def store_pages(archive: Path, first: int, last: int, log: Path) -> None:
    """Store pages in another process, and write each SHA-256 to a log once its page is stored."""
    with Captures(archive) as captures, log.open("w", encoding="ascii") as file:
        for number in range(first, last):
            file.write(captures.store_body(page(number, design=number % 3), HOST) + "\n")
            file.flush()


def read_log(log: Path) -> list[str]:
    """Return the whole lines of a log; the last one may be incomplete."""
    return log.read_text("ascii").split("\n")[:-1] if log.exists() else []


@pytest.mark.slow("kills processes")
def test_whole_pages_are_kept_if_the_process_is_killed(archive: Path, tmp_path: Path) -> None:
    logged: set[str] = set()
    for number_of_pages, milliseconds in ((1, 0), (6, 5), (11, 11), (14, 17)):
        log = tmp_path / f"{number_of_pages}.log"
        process = CONTEXT.Process(
            target=store_pages, args=(archive, number_of_pages * 10_000, 10**6, log)
        )
        process.start()
        while process.is_alive() and len(read_log(log)) < number_of_pages:
            time.sleep(0.001)
        time.sleep(milliseconds / 1000)
        process.kill()
        process.join()
        logged |= set(read_log(log))
        with Captures(archive) as captures:
            for sha256 in captures:
                captures.read(sha256)
            assert logged <= set(captures)
    assert len(logged) > 30


@pytest.mark.slow("starts processes")
def test_two_processes_store_at_once(archive: Path, tmp_path: Path) -> None:
    logs = [tmp_path / "0.log", tmp_path / "30.log"]
    processes = [
        # 30 pages are the same
        CONTEXT.Process(target=store_pages, args=(archive, first, first + 60, log))
        for first, log in zip((0, 30), logs, strict=True)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    with Captures(archive) as captures:
        assert set(captures) == {*read_log(logs[0]), *read_log(logs[1])}
        assert captures.count() == 90
        for sha256 in captures:
            captures.read(sha256)


@pytest.mark.skipif(not REAL_PAGES, reason="no stored pages here")
def test_real_pages_take_a_fifteenth_of_their_size(archive: Path) -> None:
    with Captures(archive) as captures:
        stored = {captures.store_body(path.read_bytes(), "polisen.se"): path for path in REAL_PAGES}
        assert all(captures.read(sha256) == path.read_bytes() for sha256, path in stored.items())
    ((size, data),) = execute(
        archive.with_name("captures.db"), "select sum(size), sum(length(data)) from blobs"
    )
    assert data < size / 15


def test_lost_file_is_replaced_only_on_request(archive: Path, tmp_path: Path) -> None:
    create_evidence_archive(tmp_path)
    remove_captures(archive)
    with pytest.raises(ArchiveError, match="is lost: the archive refers to captures in it"):
        Captures(archive)
    path = archive.with_name("captures.db")
    assert not path.exists()
    path.touch()
    with pytest.raises(ArchiveError, match="NEW_CAPTURES=True"):
        Captures(archive)
    with Captures(archive, begin_new=True) as captures:
        assert captures.count() == 0
    with Captures(archive) as captures:
        captures.store_body(b"a later page", "")


def test_file_of_another_archive_is_refused_and_reported(archive: Path, tmp_path: Path) -> None:
    create_evidence_archive(tmp_path)
    assert find_captures_problem(archive) is None
    (tmp_path / "other").mkdir()
    with Archive(tmp_path / "other" / "archive.db") as other, Captures(other.path) as captures:
        sha256 = captures.store_body(b"a page of another archive", "")
    remove_captures(archive)
    shutil.copy(tmp_path / "other" / "captures.db", tmp_path)
    for begin_new in (False, True):
        with pytest.raises(ArchiveError, match="belongs to another archive; restore"):
            Captures(archive, begin_new=begin_new)
    with (
        Captures(archive, readonly=True) as captures,
        pytest.raises(ArchiveError, match="belongs to another archive"),
    ):
        captures.read(sha256)
    assert "belongs to another archive" in str(find_captures_problem(archive))
    findings = verify(archive).findings
    found = [finding.problem for finding in findings if finding.table == "blobs"]
    assert found == [FOREIGN_MESSAGE]
    assert {finding.table for finding in findings} == {"blobs", "manifests"}
    guide = read_guide(read_bundle(archive, 8))
    assert (
        "could not be read from the archive’s storage: captures.db: belongs to another archive"
        in guide
    )


EARLIER_FRAMES = (  # of the library that was used before, without a base and with one
    "KLUv/SC7zQIA5AQ8cD5GeXJlbiBww6UgTm9ycnNrw6RyIHTDpG5kcyBpZ2VuIGRlbiAzIGp1bmkuPC9wPgpEZW4gc2zD"
    "pGNrdCBzZWRhbiAxOTk4LjwvcD4CAEoFZIxNFRQ=",
    "KLUv/SC7LQEA2ERlbiBzbMOkY2t0IHNlZGFuIDE5OTguPC9wPgIASgWUsZQCAg==",
)


@pytest.mark.parametrize(("frame", "has_base"), [*zip(EARLIER_FRAMES, (False, True), strict=True)])
def test_frames_of_the_earlier_library_are_read(frame: str, has_base: bool) -> None:
    base = "<p>Fyren på Norrskär tänds igen den 3 juni.</p>\n".encode() * 3
    body = base + "<p>Den är släckt sedan 1998.</p>".encode()
    assert decompress(b64decode(frame), len(body), base if has_base else None) == body


@pytest.mark.parametrize("damage", [slice(0, -3), slice(2, None), slice(0, 4)])
def test_a_damaged_frame_is_an_error(damage: slice) -> None:
    frame = b64decode(EARLIER_FRAMES[0])
    with pytest.raises((zstd.ZstdError, ValueError)):
        decompress(frame[damage], 187)


def test_a_base_that_begins_as_a_dictionary_of_zstd_is_only_bytes() -> None:
    base = DICTIONARY_MAGIC + b"Regeringen vill ha fler fyrar. " * 200
    frame = compress(base + b"!", base)
    assert len(frame) < 100
    assert decompress(frame, len(base) + 1, base) == base + b"!"


def test_frames_after_the_first_are_an_error() -> None:
    bomb = compress(b"abc") + compress(b"x" * 1_000_000)
    with pytest.raises(ValueError, match="not one whole frame"):
        decompress(bomb, 3)
