"""Versions of fetched attachments, their texts, when they are due, and what a takedown
withholds.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from archive.__main__ import main
from archive.attachments.attachment_store import (
    MIN_INTERVAL,
    AttachmentPage,
    AttachmentText,
    AttachmentVersion,
)
from archive.database.captures import Captures
from archive.database.models import Attachment
from archive.database.sqlite_files import ArchiveError
from archive.evidence.verification import verify
from archive.evidence.warc import export_warc
from archive.operations.backup import create_backup, restore_backup
from archive.operations.snapshots import publish_snapshot
from archive.store.merged_histories import merge_releases
from archive.store.releases import Archive
from archive.store.takedowns import (
    find_uncovered_releases,
    hide_release,
    lift_takedown,
    redact_passage,
)
from tests.archive import sample_evidence
from tests.archive.sample import Site, served
from tests.archive.sample_evidence import create_evidence_archive, release
from tests.site import files

NOW, DAY = datetime(2026, 4, 1, 9, tzinfo=UTC), timedelta(days=1)
URL = "https://a.example/beslut.pdf"
OTHER = "https://a.example/bilaga.xlsx"
LINKING = replace(
    release(1, 2),
    attachments=(Attachment(url=URL, title="Beslut"), Attachment(url=OTHER, title="Bilaga")),
)
TEXT = AttachmentText("pdf", 2, (AttachmentPage(1, "Beslut om fyren"), AttachmentPage(2, "")))


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive(create_evidence_archive(tmp_path)) as opened:
        opened.save(LINKING, seen_at=NOW)
        yield opened


def select(archive: Archive, sql: str, *values: object) -> list[tuple[Any, ...]]:
    return archive.db.execute(sql, values).fetchall()


def get_release_id(archive: Archive) -> int:
    found = archive.find_release_id(LINKING.url)
    assert found is not None
    return found


def add_links(archive: Archive, seen_at: datetime = NOW) -> None:
    sample_evidence.add_links(archive, LINKING.url, seen_at)


def record(
    archive: Archive, body: bytes, seen_at: datetime = NOW, url: str = URL
) -> AttachmentVersion:
    return sample_evidence.store_file(archive, url, body, seen_at)


def store_text(archive: Archive, version: AttachmentVersion, text: AttachmentText = TEXT) -> None:
    archive.store_attachment_text(version.file_id, text, NOW)


def list_due(archive: Archive, at: datetime, **options: Any) -> list[str]:
    return [
        entry.url
        for entry in archive.attachments.list_due(
            LINKING.agency, at, options.pop("limit", 9), **options
        )
    ]


def test_links_become_due_at_most_once_a_day(archive: Archive) -> None:
    add_links(archive)
    assert list_due(archive, NOW) == [URL, OTHER]
    assert list_due(archive, NOW, limit=1) == [URL]
    assert list_due(archive, NOW, limit=1, exclude={URL}) == [OTHER]
    with archive.transaction():
        archive.frontier.mark_done(URL, NOW, etag='"a"')
        archive.frontier.mark_failed(OTHER, NOW, f"{OTHER}: no response")
    assert list_due(archive, NOW) == []
    assert list_due(archive, NOW + DAY) == [OTHER]  # the retry of the failed one
    add_links(archive, NOW + MIN_INTERVAL - timedelta(seconds=1))
    assert list_due(archive, NOW) == []
    add_links(archive, NOW + MIN_INTERVAL)
    assert list_due(archive, NOW) == [URL]
    with archive.transaction():
        archive.frontier.mark_done(URL, NOW + 30 * DAY)  # by a wrong clock
    add_links(archive, NOW + 2 * DAY)
    assert list_due(archive, NOW) == [URL]
    links = "select first_seen, last_seen from attachment_links where url = ?"
    assert select(archive, links, URL) == [((NOW).isoformat(), (NOW + 2 * DAY).isoformat())]


def test_a_file_that_no_release_links_to_is_not_fetched(archive: Archive) -> None:
    add_links(archive)
    archive.save(replace(LINKING, attachments=LINKING.attachments[1:]), seen_at=NOW + DAY)
    assert list_due(archive, NOW + DAY) == [OTHER]


def test_a_release_that_is_a_file_is_not_fetched_twice(archive: Archive) -> None:
    with archive.transaction():
        archive.frontier.add(URL, agency=LINKING.agency, role="release", seen_at=NOW)
    add_links(archive)
    assert list_due(archive, NOW) == [OTHER]


def test_changed_file_is_a_version_of_its_own(archive: Archive) -> None:
    before = select(archive, "select hash, revision from releases")
    first = record(archive, b"%PDF-1")
    with archive.transaction():
        archive.attachments.record_unchanged(URL, NOW + DAY)
    second = record(archive, b"%PDF-2", NOW + 2 * DAY)
    back = record(archive, b"%PDF-1", NOW + 3 * DAY)
    assert archive.attachments.get_version(URL) == back
    assert (back.file_id, back.sha256) == (first.file_id, hashlib.sha256(b"%PDF-1").hexdigest())
    found = select(
        archive,
        "select id, cause, previous, first_seen, last_seen, checks from attachment_versions",
    )
    at = [(NOW + days * DAY).isoformat() for days in range(4)]
    assert found == [
        (first.id, "first", None, at[0], at[1], 2),
        (second.id, "source", first.id, at[2], at[2], 1),
        (back.id, "source", second.id, at[3], at[3], 1),
    ]
    assert select(archive, "select hash, revision from releases") == before
    assert verify(archive.path).findings == []
    with pytest.raises(LookupError, match=OTHER):
        archive.attachments.record_unchanged(OTHER, NOW)


def test_text_of_a_file(archive: Archive) -> None:
    version = record(archive, b"%PDF-1")
    assert archive.attachments.needs_text(version.file_id)
    store_text(archive, version)
    store_text(archive, version)  # once more, by a later version of the library
    assert not archive.attachments.needs_text(version.file_id)
    pages = select(archive, "select page, text, letters from attachment_pages")
    assert pages == [(1, "Beslut om fyren", 13), (2, "", 0)]
    attachment_files = select(archive, "select kind, pages, letters, problem from attachment_files")
    assert attachment_files == [("pdf", 2, 13, None)]
    unreadable = record(archive, b"%PDF-2", NOW + DAY)
    store_text(archive, unreadable, AttachmentText(problem="encrypted", detail="PDFium: error 4"))
    assert select(
        archive, "select problem, detail from attachment_files where id = ?", unreadable.file_id
    ) == [("encrypted", "PDFium: error 4")]


@pytest.mark.parametrize("kind", ["hide", "redact"])
def test_takedown_of_a_release_withholds_the_text_of_its_files(
    archive: Archive, kind: str, tmp_path: Path
) -> None:
    add_links(archive)
    version = record(archive, b"%PDF-1")
    store_text(archive, version)
    release_id = get_release_id(archive)
    if kind == "hide":
        takedown_id = hide_release(archive, release_id, NOW, reason="Domstols beslut")
    else:
        takedown_id = redact_passage(
            archive, release_id, LINKING.title, NOW, reason="Personuppgift"
        )
    assert select(archive, "select * from attachment_pages") == []
    assert select(archive, "select rowid from search_attachments") == []
    withheld = [(None, None, "withheld", None)]
    assert (
        select(archive, "select kind, letters, problem, extracted from attachment_files")
        == withheld
    )
    assert not archive.attachments.needs_text(version.file_id)
    store_text(archive, version)  # by a crawl that had begun to read it
    later = record(archive, b"%PDF-2", NOW + DAY)
    store_text(archive, later)
    assert select(archive, "select * from attachment_pages") == []
    assert not any(
        b"Beslut om fyren" in path.read_bytes() for path in archive.path.parent.glob("archive.db*")
    )
    export_warc(archive.path, tmp_path / "out.warc")
    assert b"%PDF-1" not in (tmp_path / "out.warc").read_bytes()
    lift_takedown(archive, takedown_id, NOW + DAY, "Beslutet upphävt")
    assert archive.attachments.needs_text(version.file_id)
    store_text(archive, version)
    assert select(archive, "select count(*) from attachment_pages") == [(2,)]
    export_warc(archive.path, tmp_path / "again.warc")
    assert b"%PDF-1" in (tmp_path / "again.warc").read_bytes()


@pytest.mark.parametrize("kind", ["hide", "redact"])
async def test_takedown_withholds_the_name_of_a_file(archive: Archive, kind: str) -> None:
    url = "https://a.example/hemligheten.pdf"
    archive.save(replace(LINKING, attachments=(Attachment(url=url, title="Beslut"),)), seen_at=NOW)
    add_links(archive)
    record(archive, b"%PDF-1", url=url)
    version = record(archive, b"%PDF-2", NOW + DAY, url=url)
    release_id = get_release_id(archive)
    if kind == "hide":
        hide_release(archive, release_id, NOW, reason="Domstols beslut")
    else:
        redact_passage(archive, release_id, "hemligheten", NOW, reason="Personuppgift")
    with served(archive.path) as datasette:
        site = Site(datasette)
        for path in (
            f"/archive/releases/{release_id}",
            "/-/edits",
            "/-/edits.json",
            f"/-/attachment/{version.id}.json",
        ):
            assert "hemligheten" not in (await site.get(path)).text, path


async def test_file_of_two_releases_is_withheld_with_either_of_them(
    archive: Archive, tmp_path: Path
) -> None:
    other_url = "https://a.example/samma.pdf"
    sharing = replace(
        release(1, 2),
        url="https://fyr.example/kopia",
        attachments=(Attachment(url=other_url, title="B"),),
    )
    archive.save(sharing, seen_at=NOW)
    sharing_id = sample_evidence.add_links(archive, sharing.url, NOW)
    add_links(archive)
    store_text(archive, record(archive, b"%PDF-1"))
    store_text(archive, record(archive, b"%PDF-1", url=other_url))
    takedown_id = hide_release(archive, get_release_id(archive), NOW, reason="Domstols beslut")
    assert select(archive, "select * from attachment_pages") == []
    export_warc(archive.path, tmp_path / "out.warc")
    assert b"%PDF-1" not in (tmp_path / "out.warc").read_bytes()
    snapshot = publish_snapshot(archive.path, tmp_path / "snapshots", keep=1, moment=NOW)
    with Captures(snapshot / "archive.db", readonly=True) as captures:
        assert hashlib.sha256(b"%PDF-1").hexdigest() not in captures
    with served(archive.path) as datasette:
        page = await Site(datasette).text(f"/archive/releases/{sharing_id}")
    assert "Texten visas inte: filen hör till ett meddelande som är dolt eller maskerat." in page
    lift_takedown(archive, takedown_id, NOW + DAY, "Beslutet upphävt")
    with Captures(archive.path) as captures:
        result = archive.extract_missing_texts(captures, withheld=True)
    assert (result.files, result.problems) == (1, 1)  # its bytes are no PDF


async def test_copies_of_an_archive_have_its_attachments(archive: Archive, tmp_path: Path) -> None:
    add_links(archive)
    content = files.make_pdf("Beslut om fyren")
    version = record(archive, content)
    with Captures(archive.path) as captures:
        archive.extract_missing_texts(captures)
    copy, findings = create_backup(archive.path, tmp_path / "backups", keep=1, moment=NOW)
    assert findings == []
    restored = tmp_path / "restored"
    restored.mkdir()
    assert restore_backup(copy, restored / "archive.db", replace=False, moment=NOW) == (
        [],
        None,
        [],
    )
    snapshot = publish_snapshot(restored / "archive.db", tmp_path / "snapshots", keep=1, moment=NOW)
    for path in (restored / "archive.db", snapshot / "archive.db"):
        assert verify(path, texts=True).findings == []
        with Captures(path, readonly=True) as captures:
            assert captures.read(version.sha256) == content
        with served(path, immutable=path.is_relative_to(snapshot)) as datasette:
            page = await Site(datasette).text("/search?q=bilaga:fyrar&lang=en")
            assert "Page 1 of the attachment Beslut" in page


def test_attachments_of_merged_releases(archive: Archive) -> None:
    add_links(archive)
    store_text(archive, record(archive, b"%PDF-1"))
    release_id, moved_url = get_release_id(archive), "https://fyr.example/flyttat"
    moved = replace(LINKING, url=moved_url, attachments=(Attachment(url=OTHER, title="Bilaga"),))
    with archive.transaction():
        archive.save(moved, seen_at=NOW + DAY)
        moved_id = sample_evidence.add_links(archive, moved_url, NOW + DAY)
        merge_releases(archive, release_id, moved_id, NOW + DAY, moved_url, cause="source")
    store_text(archive, record(archive, b"%PDF-2", NOW + DAY, OTHER))
    assert select(archive, "select distinct file from attachment_pages") == [(1,), (2,)]
    assert verify(archive.path).findings == []
    # the files of both are withheld with either of them
    hide_release(archive, moved_id, NOW, reason="Domstols beslut")
    assert select(archive, "select * from attachment_pages") == []
    assert verify(archive.path).findings == []


def test_redacted_release(archive: Archive) -> None:
    named = "https://a.example/nora-kvist.pdf"
    archive.save(
        replace(LINKING, attachments=(Attachment(url=named, title="Om Nora Kvist"),)), seen_at=NOW
    )
    add_links(archive)
    redact_passage(archive, get_release_id(archive), "Nora Kvist", NOW, reason="Personuppgift")
    add_links(archive, NOW + DAY)  # by a crawl that finds the same
    assert select(archive, "select url from frontier where url like '%█%'") == []
    assert list_due(archive, NOW + DAY) == []
    # a file that the agency adds later
    archive.save(replace(LINKING, body="Nytt."), seen_at=NOW + DAY)
    add_links(archive, NOW + DAY)
    store_text(archive, record(archive, b"%PDF-1"))
    assert select(archive, "select * from attachment_pages") == []
    assert verify(archive.path).findings == []


def test_text_of_a_release_that_is_a_file_is_withheld_with_it(archive: Archive) -> None:
    url = "https://fyr.example/fil.pdf"
    is_file = replace(
        release(60, 0), url=url, body="", attachments=(Attachment(url=url, title="Beslut"),)
    )
    (capture_id,) = archive.db.execute("select min(id) from captures").fetchone()
    archive.save(is_file, seen_at=NOW, capture_id=capture_id)
    release_id = archive.find_release_id(url)
    assert release_id
    with archive.transaction():
        archive.frontier.add(url, agency="fyr", role="release", seen_at=NOW, file_title="Beslut")
        archive.frontier.mark_stored(url, release_id, NOW)
    # before it is known as a file
    takedown_id = hide_release(archive, release_id, NOW, reason="Domstols beslut")
    sample_evidence.add_links(archive, url, NOW)
    assert archive.attachments.list_files_to_read() == []
    assert verify(archive.path).findings == []
    lift_takedown(archive, takedown_id, NOW, "Upphävt")
    sample_evidence.add_links(archive, url, NOW + DAY)
    attachment_versions = select(archive, "select capture, cause, checks from attachment_versions")
    assert attachment_versions == [(capture_id, "first", 2)]
    assert len(archive.attachments.list_files_to_read(agency="fyr")) == 1


def test_passage_in_a_file_can_be_redacted(archive: Archive) -> None:
    add_links(archive)
    store_text(
        archive,
        record(archive, b"%PDF-1"),
        replace(TEXT, pages=(AttachmentPage(1, "Av Nora\nKvist"),)),
    )
    assert find_uncovered_releases(archive, 2, "Nora Kvist") == [get_release_id(archive)]
    with pytest.raises(ArchiveError, match="nor in the text of a file"):
        redact_passage(archive, 2, "Nora Kvist", NOW, reason="Personuppgift")
    redact_passage(archive, get_release_id(archive), "Nora Kvist", NOW, reason="Personuppgift")
    assert select(archive, "select * from attachment_pages") == []


def test_extract_attachments_command(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    add_links(archive)
    first = record(archive, files.make_pdf("Beslut om fyren", "Sida två"))
    record(archive, b"no file", NOW, OTHER)
    lost = record(archive, b"%PDF-2", NOW + DAY, OTHER)
    with closing(sqlite3.connect(archive.path.with_name("captures.db"))) as captures, captures:
        captures.execute("delete from blobs where sha256 = ?", [lost.sha256])

    def run(*arguments: str) -> str:
        code = main(["extract-attachments", str(archive.path), *arguments])
        printed = capsys.readouterr().out
        assert code == int("damaged: 0" not in printed)
        return printed.splitlines()[-1].partition("archive.db: ")[2]

    found = run("--agency", "other")
    assert found == "0 files read; without text: 0; with a problem: 0; missing or damaged: 0"
    assert run() == "2 files read; without text: 0; with a problem: 1; missing or damaged: 1"
    assert run() == "0 files read; without text: 0; with a problem: 0; missing or damaged: 1"
    pages = select(archive, "select file, page, text from attachment_pages")
    assert pages == [(first.file_id, 1, "Beslut om fyren"), (first.file_id, 2, "Sida två")]
    assert select(archive, FOUND_SQL, "fyr") == [(first.file_id * 1000 + 1,)]

    # a takedown that is lifted
    hide_release(archive, get_release_id(archive), NOW, reason="Domstols beslut")
    assert run() == "0 files read; without text: 0; with a problem: 0; missing or damaged: 0"
    assert (
        main(["takedown", "lift", "1", "--reason", "Upphävt", "--archive", str(archive.path)]) == 0
    )
    printed = capsys.readouterr().out
    assert "texts of attachments that are read again: 2" in printed
    assert select(archive, "select file, page, text from attachment_pages") == pages


FOUND_SQL = "select rowid from search_attachments where search_attachments match ?"


def test_pages_are_indexed_with_their_inflections(archive: Archive) -> None:
    first, second = record(archive, b"%PDF-1"), record(archive, b"%PDF-2", NOW + DAY)
    store_text(archive, first)
    store_text(
        archive,
        second,
        AttachmentText("pdf", 1, (AttachmentPage(1, "The decision of the lighthouses"),)),
    )
    assert select(archive, FOUND_SQL, "fyr") == [(first.file_id * 1000 + 1,)]
    assert select(archive, FOUND_SQL, "lighthouse") == [(second.file_id * 1000 + 1,)]
    archive.db.execute("insert into search_attachments (search_attachments) values ('delete-all')")
    archive.recompute()
    assert select(archive, FOUND_SQL, "fyr") == [(first.file_id * 1000 + 1,)]


SEARCHES = {  # query → whether it finds the release
    "bilaga:fyrar": True,
    "attachment:fyrar": True,
    'bilaga:"beslut om fyren"': True,
    'bilaga:"beslut om fyrar"': False,
    "bilaga:(fyr beslut)": True,
    "bilaga:fyr -bilaga:beslut": False,
    'bilaga:fyr bilaga:"hemligt"': False,
    "bilaga:fyr OR bilaga:hemligt": True,
    "bilaga:lotsning": False,  # in a file that was replaced
    "bilaga:fyr*": True,
    "rubrik:bilagetext": False,
    "bilagetext": False,  # the text of files is only searched where it is asked for
}


async def test_search_in_attachments(archive: Archive) -> None:
    add_links(archive)
    old = record(archive, b"%PDF-1")
    store_text(archive, old, AttachmentText("pdf", 1, (AttachmentPage(1, "Lotsning"),)))
    store_text(archive, record(archive, b"%PDF-2", NOW + DAY))
    other = record(archive, b"PK", NOW, OTHER)
    store_text(
        archive, other, AttachmentText("xlsx", 1, (AttachmentPage(1, "Bilagetext", "Blad1"),))
    )
    with served(archive.path) as datasette:
        site = Site(datasette)
        found = {
            query: LINKING.url in (await site.get(f"/search.json?q={quote(query)}")).text
            for query in SEARCHES
        }
        page = await site.page(f"/search?q={quote('bilaga:fyrar')}")
        sheet = await site.text(f"/search?q={quote('bilaga:bilagetexten')}&lang=en")
    assert found == SEARCHES
    (excerpt,) = [text for text in page.cssselect("p.excerpt") if "bilagan" in text.text_content()]
    assert " ".join(excerpt.text_content().split()) == "Sida 1 i bilagan Beslut: Beslut om fyren"
    assert [mark.text_content() for mark in excerpt.cssselect("mark")] == ["fyren"]
    # the page in the archive, and the file at the agency
    assert [link.get("href") for link in excerpt.cssselect("a")] == [
        "/-/attachment/2?page=1#page-1",
        URL,
    ]
    assert "Sheet “Blad1” of the attachment Bilaga: Bilagetext" in sheet


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TEXT, "Beslut PDF, 2 sidor, 1 kB."),
        (
            AttachmentText("pdf", 1, (AttachmentPage(1, ""),)),
            "1 sida, 1 kB. Filen har ingen sökbar text.",
        ),
        (
            AttachmentText(problem="encrypted"),
            "Beslut 1 kB. Texten går inte att läsa: filen är skyddad",
        ),
        (
            AttachmentText("pdf", 900, TEXT.pages, "pages"),
            "900 sidor, 1 kB. Arkivet har bara läst de första 500 sidorna.",
        ),
    ],
)
async def test_release_page_describes_its_files(
    archive: Archive, text: AttachmentText, sentence: str
) -> None:
    store_text(archive, record(archive, b"%PDF-1"), TEXT)
    store_text(archive, record(archive, b"%PDF-2", NOW + DAY), text)
    with served(archive.path) as datasette:
        page = await Site(datasette).text(f"/archive/releases/{get_release_id(archive)}")
    assert sentence in page, page[page.index("Bilagor") :][:400]
    assert (
        "Myndigheten har bytt ut filen. Arkivet upptäckte den här versionen 2 april 2026 kl. 11.00."
        in page
    )
    assert page.count("bytt ut filen") == 1
