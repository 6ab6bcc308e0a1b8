"""Evidence bundles: the sources of a revision or removal, which sha256sum alone can check."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from archive.database.captures import Captures
from archive.database.models import Attachment, Capture
from archive.evidence.bundles import write_bundle
from archive.evidence.manifest import read_manifests, write_manifest
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, redact_passage
from tests.archive.sample_evidence import (
    FIRST_CRAWL,
    add_links,
    body,
    create_evidence_archive,
    execute,
    read_bundle,
    read_guide,
    release,
    store_file,
    url,
    zip_bundle,
)

EDITED = 8  # the revision of the second day's first edit; its capture has the same number
UNCOVERED = 11  # a revision of the third day, which no manifest covers


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return create_evidence_archive(tmp_path / "archive")


def run_sha256sum(files: dict[str, bytes], folder: Path) -> subprocess.CompletedProcess[str]:
    """Unpack a bundle into a folder, and check it."""
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    command = ["sha256sum", "-c", "--strict", "SHA256SUMS"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_bundle_has_page_state_and_manifests_that_sha256sum_confirms(
    archive: Path, tmp_path: Path
) -> None:
    files = read_bundle(archive, EDITED)
    assert files["page.html"] == body(3, 1)
    assert json.loads(files["headers.json"]) == {
        "content-type": "text/html; charset=utf-8",
        "etag": '"1"',
    }
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
    done = run_sha256sum(files, tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(": OK") == 6
    assert zip_bundle(archive, EDITED) == zip_bundle(archive, EDITED)

    sums = {
        name.decode(): digest for digest, name in map(bytes.split, files["SHA256SUMS"].splitlines())
    }
    (capture,) = [
        line for line in files["captures-8-9.jsonl"].splitlines() if b'"capture":8,' in line
    ]
    (revision,) = [
        line for line in files["revisions-8-9.jsonl"].splitlines() if b'"revision":8,' in line
    ]
    for name, text in (
        *(("page.html", capture), ("headers.json", capture), ("release.json", revision)),
        *(
            (part, files["chain/2026-03-02.json"])
            for part in ("captures-8-9.jsonl", "revisions-8-9.jsonl")
        ),
    ):
        assert sums[name] in text, name


FILE_URLS = [
    f"https://fyr.example/{name}"
    for name in ("beslut.pdf", "sen.pdf", "borta.pdf", "aldrig.pdf", "delad.xlsx")
]


def attach(archive: Path) -> list[int]:
    """Add a release with files that were found at various times, and return its revisions."""
    day, hour = timedelta(days=1), timedelta(hours=1)
    start = FIRST_CRAWL + 10 * day
    linking = replace(
        release(50, 0), attachments=tuple(Attachment(url=each, title="Fil") for each in FILE_URLS)
    )
    with Archive(archive) as opened, Captures(archive) as captures:
        opened.save(linking, seen_at=start)
        store_file(opened, FILE_URLS[0], b"%PDF-1", start + hour)
        store_file(opened, FILE_URLS[0], b"%PDF-2", start + 2 * hour)
        store_file(opened, FILE_URLS[4], b"PK-1", start + hour)
        opened.save(replace(linking, body="Nytt."), seen_at=start + day)
        store_file(opened, FILE_URLS[0], b"%PDF-3", start + day + hour)
        store_file(opened, FILE_URLS[1], b"%PDF-4", start + day + hour)
        opened.frontier.add(FILE_URLS[2], agency="fyr", role="attachment", seen_at=start)
        opened.frontier.mark_gone(FILE_URLS[2], start, f"{FILE_URLS[2]}: page: answered 404")
        write_manifest(opened.db.conn, captures, date(2026, 3, 12))
        found = opened.db.execute(
            "select id from revisions where release = (select max(id) from releases)"
        ).fetchall()
    return [key for (key,) in found]


def test_attached_files_of_the_time_of_the_version(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = attach(archive)
    files = read_bundle(archive, first)
    links = json.loads(files["attachments.json"])
    assert [[files[v["file"]] for v in link["versions"]] for link in links] == [
        [b"%PDF-1", b"%PDF-2"],
        [],
        [],
        [],
        [b"PK-1"],
    ]
    assert [link.get("missing") for link in links] == [None, "later", "failed", "never", None]
    assert run_sha256sum(files, tmp_path).returncode == 0
    for version in links[0]["versions"]:
        (line,) = [
            line
            for line in files[version["part"]].splitlines()
            if b'"capture":%d,' % version["capture"] in line
        ]
        assert json.loads(line)["sha256"] == version["sha256"]
    guide = read_guide(files)
    assert f"{FILE_URLS[1]} is not included: the archive first fetched it after" in guide
    assert f"could not be fetched: {FILE_URLS[2]}: page: answered 404" in guide
    assert f"{FILE_URLS[3]} is not included, because the archive has not fetched it." in guide
    assert "For each attachment, attachments.json gives the number of its response" in guide
    assert "{" not in read_guide(files, "sv") + guide
    assert zip_bundle(archive, first) == zip_bundle(archive, first)

    names = [name for name in read_bundle(archive, second) if name.startswith("files/")]
    # %PDF-2, which was there when the version was first seen, %PDF-3, %PDF-4 and PK-1
    assert len(names) == 4
    monkeypatch.setattr("archive.evidence.bundles.MAX_ATTACHED_BYTES", 8)
    files = read_bundle(archive, first)
    found = sorted(name for name in files if name.startswith("files/"))
    assert found == [links[0]["versions"][0]["file"]]
    assert "at most 0 MB of attachments" in read_guide(files)


def test_attached_file_that_is_withheld_or_lost(archive: Path) -> None:
    _, second = attach(archive)
    with Archive(archive) as opened:
        opened.save(
            replace(release(51, 0), attachments=(Attachment(url=FILE_URLS[4], title="Fil"),)),
            seen_at=FIRST_CRAWL,
        )
        other = add_links(opened, url(51), FIRST_CRAWL)
        hide_release(opened, other, FIRST_CRAWL, reason="Domstols beslut")
    lost = hashlib.sha256(b"%PDF-4").hexdigest()
    execute(archive.with_name("captures.db"), "delete from blobs where sha256 = ?", lost)
    files = read_bundle(archive, second)
    links = json.loads(files["attachments.json"])
    assert [links[number]["versions"][0]["missing"] for number in (1, 4)] == ["damaged", "withheld"]
    assert not [name for name in files if name.startswith(("files/2", "files/5"))]
    withheld = (
        f"a release that the archive has hidden or redacted. Its SHA-256 is"
        f" {hashlib.sha256(b'PK-1').hexdigest()}"
    )
    assert withheld in read_guide(files)
    assert (
        f"(SHA-256 {lost}) could not be read from the archive’s storage: captures.db"
        in read_guide(files)
    )


def test_guide_lists_times_and_steps_in_two_languages(archive: Path) -> None:
    files = read_bundle(archive, EDITED)
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
        assert words in read_guide(files)
    assert "Underlag för version 8: Fyr 3" in read_guide(files, "sv")
    assert "{" not in read_guide(files, "sv") + read_guide(files)


def test_chain_leads_to_the_newest_manifest(archive: Path, tmp_path: Path) -> None:
    with Archive(archive) as opened, Captures(archive) as captures:
        for day in (10, 11):
            write_manifest(opened.db.conn, captures, date(2026, 3, day))
        manifests = read_manifests(opened.db.conn)
    files = read_bundle(archive, 3)
    chain = sorted(name for name in files if name.startswith("chain/"))
    assert chain == [f"chain/{manifest.day}.json" for manifest in manifests]
    found = [json.loads(files[name])["previous"] for name in chain[1:]]
    assert found == [m.digest for m in manifests[:-1]]
    assert manifests[-1].digest in read_guide(files)
    assert run_sha256sum(files, tmp_path).returncode == 0


def test_older_capture_adds_its_own_manifest(archive: Path, tmp_path: Path) -> None:
    execute(archive, "delete from manifests where day = '2026-03-02'")
    # parsed again from old bytes
    execute(archive, "update revisions set capture = 3 where id = 11")
    with Archive(archive) as opened, Captures(archive) as captures:
        assert write_manifest(opened.db.conn, captures, date(2026, 3, 9))
    files = read_bundle(archive, 11)
    assert files["page.html"] == body(3, 0)
    assert {"captures-1-7.jsonl", "revisions-8-11.jsonl"} <= set(files)
    assert {"chain/2026-03-01.json", "chain/2026-03-09.json"} <= set(files)
    assert run_sha256sum(files, tmp_path).returncode == 0


def test_guide_states_that_no_manifest_covers_the_revision(archive: Path, tmp_path: Path) -> None:
    files = read_bundle(archive, UNCOVERED)
    assert not [name for name in files if name.startswith("chain/") or name.endswith(".jsonl")]
    assert "No manifest covers the version yet" in read_guide(files)
    assert "There is no manifest to compare them with" in read_guide(files)
    assert "The check shows that" not in read_guide(files)
    assert run_sha256sum(files, tmp_path).returncode == 0


def test_guide_warns_of_opening_what_was_received(archive: Path) -> None:
    """Pages and pictures run scripts if a browser opens them."""
    files = read_bundle(archive, EDITED)
    assert "Warning: do not double-click page.html. " in read_guide(files)
    assert "Varning: dubbelklicka inte på page.html. " in read_guide(files, "sv")
    linked = read_bundle(archive, attach(archive)[0])
    assert "do not double-click files/*. " in read_guide(linked)
    with Archive(archive) as opened, opened.db.conn as db:
        capture = "(select capture from revisions where id = ?)"
        db.execute(
            f"update captures set headers ="
            f' \'{{"content-type":"image/svg+xml"}}\''
            f" where"
            f" id ="
            f" {capture}",
            [EDITED],
        )
    assert "do not double-click page.svg. " in read_guide(read_bundle(archive, EDITED))


def test_revision_without_capture_has_no_page(archive: Path) -> None:
    with Archive(archive) as opened:
        opened.save(release(50, 0), seen_at=FIRST_CRAWL)
    files = read_bundle(archive, 12)
    assert set(files) == {"README.en.txt", "README.sv.txt", "SHA256SUMS", "release.json"}
    assert "There is no stored response for this version" in read_guide(files)
    assert "finns inget sparat svar" in read_guide(files, "sv")


def test_taken_down_revision_without_manifest_has_nothing_to_check(archive: Path) -> None:
    with Archive(archive) as opened:
        redact_passage(
            opened, 6, "Bo Strand", FIRST_CRAWL, reason="Personuppgift", reason_en="Personal data"
        )
    files = read_bundle(archive, UNCOVERED)
    assert set(files) == {"README.en.txt", "README.sv.txt"}
    assert "The archive has hidden or redacted the text since" in read_guide(files)
    assert "No manifest covers the version yet" in read_guide(files)
    for words in ("sha256sum", "How to check", "Files", "The check shows", "double-click"):
        assert words not in read_guide(files)
    assert "Så kontrollerar du underlaget" not in read_guide(files, "sv")


@pytest.mark.parametrize(
    ("sql", "file"),
    [
        ("update revisions set body = 'Fyren släcks.' where id = 8", "release.json"),
        ("""update captures set headers = '{"etag":"9"}' where id = 8""", "headers.json"),
        (
            "update captures set sha256 = (select sha256 from captures where id = 1) where id = 8",
            "page.html",
        ),
    ],
)
def test_row_changed_after_its_manifest_fails_the_check(
    archive: Path, tmp_path: Path, sql: str, file: str
) -> None:
    execute(archive, sql)
    done = run_sha256sum(read_bundle(archive, EDITED), tmp_path)
    assert done.returncode == 1
    assert f"{file}: FAILED" in done.stdout


def test_guide_reports_unreadable_bytes_without_the_folder(archive: Path) -> None:
    captures = archive.with_name("captures.db")
    ((sha256,),) = execute(archive, "select sha256 from captures where id = 8")
    execute(captures, "update blobs set data = x'00' where sha256 = ?", sha256)
    files = read_bundle(archive, EDITED)
    assert "page.html" not in files
    assert f"captures.db: blobs: {sha256}: is damaged" in read_guide(files)
    captures.unlink()
    guide = read_guide(read_bundle(archive, EDITED))
    assert "could not be read from the archive’s storage: captures.db: " in guide
    assert str(archive.parent) not in guide


def test_removal_and_move_have_bundles(archive: Path, tmp_path: Path) -> None:
    page = b"<h1>Sidan finns inte</h1>"
    with Archive(archive) as opened, Captures(archive) as captures, opened.transaction():
        sha256 = captures.store_body(page, "a")
        capture = Capture(
            url=url(1), seen=FIRST_CRAWL, status=404, headers={}, sha256=sha256, bytes=len(page)
        )
        opened.removals.mark_missing(
            1, FIRST_CRAWL, "gone", status=404, capture_id=opened.add_capture(capture)
        )
        opened.removals.mark_missing(2, FIRST_CRAWL, "gone", status=404)
        opened.removals.mark_moved(3, FIRST_CRAWL, url(99), status=301)

    with_page = read_bundle(archive, 1, "removals")
    assert with_page["page.bin"] == page
    assert json.loads(with_page["removal.json"])["kind"] == "gone"
    assert "Evidence for removal 1: " in read_guide(with_page)
    assert run_sha256sum(with_page, tmp_path).returncode == 0

    without_page = read_guide(read_bundle(archive, 2, "removals"))
    assert without_page.startswith("Evidence for removal 2: Fyr 2\n")
    assert "There is no stored response for this removal" in without_page

    move = read_bundle(archive, 3, "removals")
    assert json.loads(move["removal.json"])["target"] == url(99)
    assert read_guide(move).startswith("Evidence for move 3: Fyr 3\n")
    assert "A move has no response of its own" in read_guide(move)
    assert f"The archive found that the release had moved: {FIRST_CRAWL.isoformat()}" in read_guide(
        move
    )
    assert read_guide(move, "sv").startswith("Underlag för flytt 3: ")
    assert not write_bundle(archive, "removals", [99], io.BytesIO())
