"""Files that a release of an archive links to: a decision that is replaced, and a scan that is
taken away.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive.attachments.attachment_store import AttachmentPage, AttachmentText
from archive.database.captures import Captures
from archive.database.models import Attachment, Capture
from archive.store.releases import Archive
from tests.archive.sample_evidence import release

NOW, DAY = datetime(2026, 4, 1, 9, tzinfo=UTC), timedelta(days=1)
DECISION, SCAN = "https://a.example/filer/beslut.pdf", "https://a.example/filer/kvitto.pdf"
LINKING = replace(
    release(1, 2),
    attachments=(
        Attachment(url=DECISION, title="Beslut om fyren"),
        Attachment(url=SCAN, title="Kvitto"),
    ),
)
BEFORE = (
    "Nämnden har beslutat om fyren. Bidraget är 120 000 kronor. Fyren ska målas vit.",
    "Beslutet gäller i år.",
)
AFTER = (
    "Nämnden har beslutat om fyren. Bidraget är 90 000 kronor. Fyren ska målas vit.",
    "Beslutet gäller i år.",
)


def to_text(*pages: str, kind: str = "pdf", problem: str | None = None) -> AttachmentText:
    numbered = tuple(AttachmentPage(number, page) for number, page in enumerate(pages, 1))
    return AttachmentText(kind, len(pages), numbered, problem)


def link_files(archive: Archive, seen_at: datetime = NOW) -> int:
    """Store the release and its links, and return its id."""
    archive.save(LINKING, seen_at=seen_at)
    key = archive.find_release_id(LINKING.url)
    assert key is not None
    with archive.transaction():
        archive.attachments.add_links(key, LINKING.agency, seen_at)
    return key


def find_file(
    archive: Archive,
    url: str,
    text: AttachmentText | None,
    seen_at: datetime,
    *,
    keep_bytes: bool = True,
) -> int:
    """Store another file than before at a URL, with its text, as a crawl does; return the version's
    id.
    """
    body = f"%PDF {url} {text}".encode()
    sha256 = hashlib.sha256(body).hexdigest()
    if keep_bytes:
        with Captures(archive.path) as captures:
            captures.store_body(body, "a.example")
    with archive.transaction():
        capture = Capture(
            url=url, seen=seen_at, status=200, headers={}, sha256=sha256, bytes=len(body)
        )
        version = archive.attachments.record_version(
            url,
            sha256,
            len(body),
            archive.add_capture(capture),
            seen_at,
            media_type="application/pdf",
        )
    if text:
        archive.store_attachment_text(version.file_id, text, seen_at)
    return version.id


def add_files(archive: Archive) -> tuple[int, int, int]:
    """Add both files; return the ids of the decision's versions, and of the scan's."""
    link_files(archive)
    first = find_file(archive, DECISION, to_text(*BEFORE), NOW)
    scan = find_file(archive, SCAN, to_text(""), NOW)
    second = find_file(archive, DECISION, to_text(*AFTER), NOW + 2 * DAY)
    with archive.transaction():
        for day in (1, 2, 3):
            archive.attachments.record_missing(SCAN, NOW + day * DAY)
    return first, second, scan


def replace_file(path: Path, release_id: int) -> Path:
    """Let the first file that a release links to be replaced; the versions are the first two,
    without their bytes.
    """
    with Archive(path) as archive:
        sql = (
            "select a.url, r.agency from attachments a join releases r on r.id = a.release"
            " where r.id = ?"
        )
        url, agency = archive.db.execute(sql, [release_id]).fetchone()
        with archive.transaction():
            archive.attachments.add_links(release_id, agency, NOW)
        find_file(archive, url, to_text(*BEFORE), NOW, keep_bytes=False)
        find_file(archive, url, to_text(*AFTER), NOW + 2 * DAY, keep_bytes=False)
    return path
