"""A small archive with captures and a chain of manifests, as left by one crawl on each of three
days.
"""

from __future__ import annotations

import atexit
import io
import shutil
import sqlite3
import tempfile
import zipfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from archive.attachments.attachment_store import AttachmentText, AttachmentVersion
from archive.database.captures import Captures, select_evidence_headers
from archive.database.models import Capture, Contact, Image, Question, Release
from archive.evidence.bundles import write_bundle
from archive.evidence.manifest import write_manifest
from archive.store.releases import Archive

FIRST_CRAWL = datetime(2026, 3, 1, 8, tzinfo=UTC)
DAYS = 3
MENU = "<li><a href='/sida'>Om oss, kontakt och press</a></li>" * 60


def url(number: int) -> str:
    return f"https://fyr.example/nyheter/{number}"


def text(number: int, day: int) -> str:
    """Text of a release on a day; every third release is edited each day."""
    edit = day if number % 3 == 0 else 0
    return f"{'Fyren tänds igen, sent.' if edit % 2 else 'Fyren tänds.'} {edit}"


def body(number: int, day: int) -> bytes:
    return f"<html><nav>{MENU}</nav><h1>Fyr {number}</h1><p>{text(number, day)}</p></html>".encode()


def release(number: int, day: int) -> Release:
    return Release(
        agency="fyr",
        url=url(number),
        title=f"Fyr {number}",
        body=text(number, day),
        body_html=f"<p>{text(number, day)}</p>",
        published_text="1 mars 2026",
        tags=("Kust", "Båk"),
        questions=(Question(position=1, question="När?", answer="Nu."),),
        images=(Image(url="https://fyr.example/bild.jpg?w=3", credit="Ada Ek"),),
        contacts=(Contact(name="Bo Strand", phone="08-123 45 67"),),
    )


def create_evidence_archive(
    folder: Path, *, days: int = DAYS, pages: int = 7, manifests: int = DAYS - 1
) -> Path:
    """Create archive.db and captures.db in a folder; no manifest covers the days after the first
    `manifests`.
    """
    shutil.copytree(fill_evidence_archive(days, pages, manifests), folder, dirs_exist_ok=True)
    return folder / "archive.db"


@cache
def fill_evidence_archive(days: int, pages: int, manifests: int) -> Path:
    """Return the folder of an archive that is filled once per process and then only copied."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with Archive(folder / "archive.db") as archive, Captures(archive.path) as captures:
        archive.add_agency("fyr", name="Fyrstyrelsen", home="https://fyr.example/")
        for day in range(days):
            for number in range(1, pages + 1):
                store_page(archive, captures, number, day)
            if day < manifests:
                assert write_manifest(
                    archive.db.conn, captures, (FIRST_CRAWL + timedelta(days=day)).date()
                )
    return folder


def store_page(archive: Archive, captures: Captures, number: int, day: int) -> None:
    """Store a page as a crawl does: its bytes first, then capture and revision in one
    transaction.
    """
    seen, content = FIRST_CRAWL + timedelta(days=day, minutes=number), body(number, day)
    sha256 = captures.store_body(content, "fyr.example")
    stored = archive.get(url(number))
    if stored and stored.sha256 == sha256:
        return
    headers = select_evidence_headers(
        {"Content-Type": "text/html; charset=utf-8", "ETag": f'"{day}"', "Set-Cookie": "no"}
    )
    capture = Capture(
        url=url(number), seen=seen, status=200, headers=headers, sha256=sha256, bytes=len(content)
    )
    with archive.transaction():
        capture_id = archive.add_capture(capture)
        archive.save(
            release(number, day), seen_at=seen, capture_id=capture_id, parser_version="test 1"
        )


def store_file(
    archive: Archive,
    url: str,
    content: bytes,
    seen_at: datetime,
    text: AttachmentText | None = None,
) -> AttachmentVersion:
    """Store a version of an attachment, and its text, as a crawl does."""
    with Captures(archive.path) as captures:
        sha256 = captures.store_body(content, "fyr.example")
    headers, size = {"content-type": "application/pdf"}, len(content)
    capture = Capture(url=url, seen=seen_at, status=200, headers=headers, sha256=sha256, bytes=size)
    with archive.transaction():
        capture_id = archive.add_capture(capture)
        version = archive.attachments.record_version(
            url, sha256, size, capture_id, seen_at, media_type="application/pdf"
        )
    if text:
        archive.store_attachment_text(version.file_id, text, seen_at)
    return version


def add_links(archive: Archive, release_url: str, seen_at: datetime) -> int:
    """Store the URLs of files that a release links to, and return the id of the release."""
    release_id = archive.find_release_id(release_url)
    assert release_id
    with archive.transaction():
        archive.attachments.add_links(release_id, "fyr", seen_at)
    return release_id


def execute(file: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Run SQL on a file, bypassing the archive's own checks and foreign keys."""
    with closing(sqlite3.connect(file)) as db, db:
        return db.execute(sql, values).fetchall()


def zip_bundle(archive: Path, row_id: int, table: str = "revisions") -> bytes:
    out = io.BytesIO()
    assert write_bundle(archive, table, [row_id], out)
    return out.getvalue()


def read_bundle(archive: Path, row_id: int, table: str = "revisions") -> dict[str, bytes]:
    """Return the files of a bundle by name, without their folder."""
    folder = f"evidence-{row_id}/" if table == "revisions" else f"evidence-removal-{row_id}/"
    with zipfile.ZipFile(io.BytesIO(zip_bundle(archive, row_id, table))) as file:
        assert file.testzip() is None
        return {name.removeprefix(folder): file.read(name) for name in file.namelist()}


def read_guide(files: dict[str, bytes], language: str = "en") -> str:
    return files[f"README.{language}.txt"].decode()
