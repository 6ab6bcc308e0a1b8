"""/-/evidence/<revision>.zip: what a version rests on, to be checked with sha256sum alone."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from datetime import date
from pathlib import Path

import pytest

from archive.captures import Captures
from archive.evidence import write_bundle
from archive.evidence.manifest import read_manifests, write_manifest
from archive.models import Capture
from archive.store import Archive
from archive.takedowns import redact_passage
from tests.archive.witnessed import BEGUN, body, execute, release, url, witness

EDITED = 8  # the revision of the second day's first edit; its capture has the same number
UNCOVERED = 11


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "held").mkdir()
    return witness(tmp_path / "held")


def bundle(archive: Path, revision: int) -> dict[str, bytes]:
    """The files of a revision's bundle."""
    out = io.BytesIO()
    assert write_bundle(archive, "revisions", revision, out)
    with zipfile.ZipFile(out) as file:
        assert file.testzip() is None
        return {name.removeprefix(f"evidence-{revision}/"): file.read(name) for name in file.namelist()}


def check_sums(files: dict[str, bytes], folder: Path) -> subprocess.CompletedProcess[str]:
    """What sha256sum says of an unpacked bundle."""
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    command = ["sha256sum", "-c", "--strict", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_bundle_holds_all_and_sha256sum_agrees(archive: Path, tmp_path: Path) -> None:
    files = bundle(archive, EDITED)
    assert files["page.html"] == body(3, 1)
    assert json.loads(files["headers.json"]) == {"content-type": "text/html; charset=utf-8", "etag": '"1"'}
    assert json.loads(files["release.json"])["body"] == release(3, 1).body
    assert sorted(files) == [
        "README.en.txt",
        "README.sv.txt",
        "SHA256SUMS",
        "captures-8-9.jsonl",
        "chain/2026-03-02.json",
        "headers.json",
        "page.html",
        "release.json",
        "revisions-8-9.jsonl",
    ]
    done = check_sums(files, tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(": OK") == 6


def test_each_digest_stands_in_the_file_that_the_guide_names(archive: Path) -> None:
    files = bundle(archive, EDITED)
    sums = {name: digest for digest, name in (line.split("  ") for line in files["SHA256SUMS"].decode().splitlines())}
    (capture,) = [line for line in files["captures-8-9.jsonl"].splitlines() if b'"capture":8,' in line]
    (revision,) = [line for line in files["revisions-8-9.jsonl"].splitlines() if b'"revision":8,' in line]
    assert sums["page.html"] in capture.decode()
    assert sums["headers.json"] in capture.decode()
    assert sums["release.json"] in revision.decode()
    for part in ("captures-8-9.jsonl", "revisions-8-9.jsonl"):
        assert sums[part].encode() in files["chain/2026-03-02.json"]


def test_the_chain_leads_to_the_newest_manifest(archive: Path, tmp_path: Path) -> None:
    with Archive(archive) as opened, Captures(archive) as captures:
        for day in (10, 11):
            write_manifest(opened.db.conn, captures, date(2026, 3, day))
        manifests = read_manifests(opened.db.conn)
    files = bundle(archive, 3)
    chain = sorted(name for name in files if name.startswith("chain/"))
    assert chain == [f"chain/{manifest.day}.json" for manifest in manifests]
    assert [json.loads(files[name])["previous"] for name in chain[1:]] == [m.digest for m in manifests[:-1]]
    assert manifests[-1].digest in files["README.en.txt"].decode()
    assert check_sums(files, tmp_path).returncode == 0


def test_the_guide_tells_times_and_steps_in_two_languages(archive: Path) -> None:
    files = {name: content.decode() for name, content in bundle(archive, EDITED).items() if "README" in name}
    for words in (
        "Evidence for version 8: Fyr 3",
        f"Fyrstyrelsen, {url(3)}",
        "The archive read the version: 2026-03-02T08:03:00+00:00",
        "The response was received: 2026-03-02T08:03:00+00:00",
        "The server’s clock (Date): not stated",
        "Manifest that covers the version (day, UTC): 2026-03-02",
        """grep '"capture":8,' captures-8-9.jsonl""",
        """grep '"revision":8,' revisions-8-9.jsonl""",
    ):
        assert words in files["README.en.txt"]
    assert "Underlag för version 8: Fyr 3" in files["README.sv.txt"]
    assert "{" not in files["README.sv.txt"] + files["README.en.txt"]


def test_what_no_manifest_covers_yet_is_told(archive: Path, tmp_path: Path) -> None:
    files = bundle(archive, UNCOVERED)
    assert not [name for name in files if name.startswith("chain/") or name.endswith(".jsonl")]
    guide = files["README.en.txt"].decode()
    assert "No manifest covers the version yet" in guide
    assert ("This shows that" in guide, "There is no manifest to compare them with" in guide) == (False, True)
    assert check_sums(files, tmp_path).returncode == 0


def test_a_revision_without_a_capture_says_so(archive: Path) -> None:
    with Archive(archive) as opened:
        opened.save(release(50, 0), seen_at=BEGUN)
    files = bundle(archive, 12)
    assert set(files) == {"README.en.txt", "README.sv.txt", "SHA256SUMS", "release.json"}
    assert "There is no saved response for this version" in files["README.en.txt"].decode()
    assert "finns inget sparat svar" in files["README.sv.txt"].decode()


def test_what_is_taken_down_before_a_manifest_covers_it_leaves_nothing_to_check(archive: Path) -> None:
    with Archive(archive) as opened:
        redact_passage(opened, 6, "Bo Strand", BEGUN, reason="Personuppgift", reason_en="Personal data")
    files = {name: content.decode() for name, content in bundle(archive, UNCOVERED).items()}
    assert set(files) == {"README.en.txt", "README.sv.txt"}
    assert "The text was taken down from the archive on" in files["README.en.txt"]
    assert "No manifest covers the version yet" in files["README.en.txt"]
    for words in ("sha256sum", "How to check", "Files", "This shows"):
        assert words not in files["README.en.txt"]
    assert "Så kontrollerar du underlaget" not in files["README.sv.txt"]


def test_a_capture_older_than_its_revision_brings_both_manifests(archive: Path, tmp_path: Path) -> None:
    execute(archive, "delete from manifests where day = '2026-03-02'")
    execute(archive, "update revisions set capture = 3 where id = 11")  # read anew from old bytes
    with Archive(archive) as opened, Captures(archive) as captures:
        assert write_manifest(opened.db.conn, captures, date(2026, 3, 9))
    files = bundle(archive, 11)
    assert files["page.html"] == body(3, 0)
    assert {"captures-1-7.jsonl", "revisions-8-11.jsonl"} <= set(files)
    assert {"chain/2026-03-01.json", "chain/2026-03-09.json"} <= set(files)
    assert check_sums(files, tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("sql", "fails"),
    [
        ("update revisions set body = 'Fyren släcks.' where id = 8", "release.json"),
        ("""update captures set headers = '{"etag":"9"}' where id = 8""", "headers.json"),
        ("update captures set sha256 = (select sha256 from captures where id = 1) where id = 8", "page.html"),
    ],
)
def test_what_was_changed_afterwards_fails_the_check(archive: Path, tmp_path: Path, sql: str, fails: str) -> None:
    execute(archive, sql)
    done = check_sums(bundle(archive, EDITED), tmp_path)
    assert done.returncode == 1
    assert f"{fails}: FAILED" in done.stdout


def test_bytes_that_cannot_be_read_are_told(archive: Path) -> None:
    captures = archive.with_name("captures.db")
    ((sha256,),) = execute(archive, "select sha256 from captures where id = 8")
    execute(captures, "update blobs set data = x'00' where sha256 = ?", sha256)
    files = bundle(archive, EDITED)
    assert "page.html" not in files
    assert f"captures.db: blobs: {sha256}: is damaged" in files["README.en.txt"].decode()
    captures.unlink()
    files = bundle(archive, EDITED)
    assert "cannot be read here: captures.db: " in files["README.en.txt"].decode()
    assert str(archive.parent) not in files["README.en.txt"].decode()


def test_the_same_archive_makes_the_same_bytes(archive: Path) -> None:
    first, second = io.BytesIO(), io.BytesIO()
    assert write_bundle(archive, "revisions", EDITED, first)
    assert write_bundle(archive, "revisions", EDITED, second)
    assert first.getvalue() == second.getvalue()


def test_a_removal_has_evidence_of_its_own(archive: Path, tmp_path: Path) -> None:
    with Archive(archive) as opened, Captures(archive) as captures, opened.transaction():
        lost = b"<h1>Sidan finns inte</h1>"
        key = opened.add_capture(
            Capture(
                url=url(1), seen=BEGUN, status=404, headers={}, sha256=captures.store_body(lost, "a"), bytes=len(lost)
            )
        )
        opened.removals.mark_missing(1, BEGUN, "gone", status=404, capture_id=key)
    out = io.BytesIO()
    assert write_bundle(archive, "removals", 1, out)
    with zipfile.ZipFile(out) as file:
        files = {name.removeprefix("evidence-removal-1/"): file.read(name) for name in file.namelist()}
    assert files["page.bin"] == lost
    assert json.loads(files["removal.json"])["kind"] == "gone"
    assert "Evidence for removal 1: " in files["README.en.txt"].decode()
    assert check_sums(files, tmp_path).returncode == 0
    assert not write_bundle(archive, "removals", 99, io.BytesIO())


def removal(archive: Path, number: int) -> dict[str, str]:
    """The files of a removal's bundle."""
    out = io.BytesIO()
    assert write_bundle(archive, "removals", number, out)
    with zipfile.ZipFile(out) as file:
        return {name.removeprefix(f"evidence-removal-{number}/"): file.read(name).decode() for name in file.namelist()}


def test_a_move_is_told_as_one_and_why_it_has_no_answer(archive: Path) -> None:
    with Archive(archive) as opened, opened.transaction():
        opened.removals.mark_moved(1, BEGUN, url(99), status=301)
        opened.removals.mark_missing(2, BEGUN, "gone", status=404)
    files = removal(archive, 1)
    assert json.loads(files["removal.json"])["target"] == url(99)
    guide = files["README.en.txt"]
    assert guide.startswith("Evidence for move 1: Fyr 1\n")
    assert "A move has no response of its own" in guide
    assert f"The archive noticed that the release had moved: {BEGUN.isoformat()}" in guide
    assert files["README.sv.txt"].startswith("Underlag för flytt 1: ")
    gone = removal(archive, 2)["README.en.txt"]
    assert gone.startswith("Evidence for removal 2: Fyr 2\n")
    assert "There is no saved response for this removal" in gone
    for words in ("before answers were kept", "fetch the evidence again", "seen away first"):
        assert words not in guide
    assert "before answers were kept" not in gone
