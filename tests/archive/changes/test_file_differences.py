"""What changed with a file, its importance, and the edits of releases that it makes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from archive.attachments.attachment_store import AttachmentText
from archive.changes.field_differences import (
    MAX_COMPARED_LETTERS,
    SAME_TEXT_IMPORTANCE,
    FileText,
    describe_change,
    diff_files,
)
from archive.changes.importance import KIND_IMPORTANCE
from archive.store.releases import Archive
from archive.store.takedowns import hide_release
from tests.archive.sample_evidence import create_evidence_archive
from tests.archive.sample_files import (
    AFTER,
    BEFORE,
    DAY,
    DECISION,
    LINKING,
    NOW,
    SCAN,
    add_files,
    find_file,
    link_files,
    to_text,
)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive(create_evidence_archive(tmp_path)) as opened:
        yield opened


def read(*pages: str, kind: str = "pdf", problem: str | None = None) -> FileText:
    return FileText(kind=kind, letters=sum(map(len, pages)), problem=problem, pages=pages)


ATTACHMENT = KIND_IMPORTANCE["attachment"]
LONG = "Ord. " * (MAX_COMPARED_LETTERS // 5)


@pytest.mark.parametrize(
    ("before", "after", "summary", "importance"),
    [
        (read(*BEFORE), read(*AFTER), "1 belopp ändrat", 75),
        # a sentence that moved to the next page is no change
        (
            read("Ett. Två, det", "är tre."),
            read("Ett.", "Två, det är tre."),
            "1 bilaga ändrad",
            SAME_TEXT_IMPORTANCE,
        ),
        (read("Ett\nord. Två."), read("Ett ord.\nTvå."), "1 bilaga ändrad", SAME_TEXT_IMPORTANCE),
        (
            read("A\t1\nB\t2\n", kind="xlsx"),
            read("A\t1\nB\t3\n", kind="xlsx"),
            "1 siffra ändrad",
            70,
        ),
        # where one text is missing or not whole, nothing is invented
        (read("Ett."), read("Ett. Två.", problem="pages"), "1 bilaga ändrad", ATTACHMENT),
        (read("Ett."), read(""), "1 bilaga ändrad", ATTACHMENT),
        (
            FileText(kind=None, letters=None, problem=None, pages=()),
            read("Ett."),
            "1 bilaga ändrad",
            ATTACHMENT,
        ),
        (read("Ett."), read(LONG), "1 bilaga ändrad", ATTACHMENT),
    ],
)
def test_change_is_described_by_the_texts(
    before: FileText, after: FileText, summary: str, importance: int
) -> None:
    described = describe_change(before, after)
    assert (described["summary"], described["importance"]) == (summary, importance)
    fields = diff_files(before, after)
    assert (fields is None, fields == []) == (
        importance == ATTACHMENT,
        importance == SAME_TEXT_IMPORTANCE,
    )
    assert {change["field"] for change in json.loads(described["changes"] or "[]")} <= {"file"}


def select_versions(archive: Archive, url: str = DECISION) -> list[tuple[object, ...]]:
    sql = (
        "select importance, summary_en, changes is null from attachment_versions where url = ?"
        " order by id"
    )
    return archive.db.execute(sql, [url]).fetchall()


def test_replaced_file_is_an_edit_of_the_releases_that_link_to_it(archive: Archive) -> None:
    first, second, _ = add_files(archive)
    linking = archive.find_release_id(LINKING.url)
    assert archive.db.execute("select * from attachment_edits").fetchall() == [(second, linking)]
    assert select_versions(archive) == [(None, None, 1), (75, "1 amount changed", 0)]
    # a release that links to it only now is not concerned by what was before
    archive.save(replace(LINKING, url=LINKING.url + "-2", title="En annan"), seen_at=NOW + 3 * DAY)
    third = find_file(archive, DECISION, None, NOW + 4 * DAY)
    edits = archive.db.execute(
        "select version, count(*) from attachment_edits group by version"
    ).fetchall()
    assert edits == [(second, 1), (third, 2)]
    # its text is not read
    assert select_versions(archive)[-1] == (ATTACHMENT, "1 attachment changed", 1)
    # the file before came back: its text is known
    find_file(archive, DECISION, to_text(*AFTER), NOW + 5 * DAY)
    fourth = find_file(archive, DECISION, to_text(*BEFORE), NOW + 6 * DAY)
    assert select_versions(archive)[-1] == (75, "1 amount changed", 0)
    assert fourth > first


def test_takedown_takes_the_words_of_a_change(archive: Archive) -> None:
    add_files(archive)
    linking = archive.find_release_id(LINKING.url)
    assert linking is not None
    hide_release(archive, linking, NOW, reason="Domstols beslut")
    assert select_versions(archive) == [(None, None, 1), (ATTACHMENT, "1 attachment changed", 1)]
    assert not any(
        b"90 000" in path.read_bytes() for path in archive.path.parent.glob("archive.db*")
    )


def test_missing_file(archive: Archive) -> None:
    link_files(archive)
    with archive.transaction():
        archive.attachments.record_missing(SCAN, NOW)  # nothing was ever found there
        find_file(archive, SCAN, AttachmentText(), NOW)
        archive.attachments.record_missing(SCAN, NOW + DAY)
        archive.attachments.record_missing(SCAN, NOW + 2 * DAY)
    sql = (
        "select missing_since, missing_until, missing_checks from attachment_versions where url = ?"
    )
    at = [(NOW + days * DAY).isoformat() for days in (1, 2)]
    assert archive.db.execute(sql, [SCAN]).fetchall() == [(*at, 2)]
    with archive.transaction():
        archive.attachments.record_unchanged(SCAN, NOW + 3 * DAY)
    assert archive.db.execute(sql, [SCAN]).fetchall() == [(None, None, 0)]
