"""Each state that stood is kept whole, tied to the one before it and to the checks between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.merge import merge_releases
from archive.models import (
    LIST_FIELDS,
    STATE_FIELDS,
    Attachment,
    Capture,
    Contact,
    Image,
    Release,
    hash_state,
    parse_state,
    to_state,
)
from archive.store import Archive, SaveResult

SEEN = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
A = Release(
    agency="skog",
    url="https://skog.example/nyheter/1",
    title="Mer lövskog",
    body="Stödet är 18 miljoner kronor.",
    body_html="<p>Stödet är 18 miljoner kronor.</p>",
    published_text="Publicerad 1 mars",
)
B = replace(A, body="Stödet är 19 miljoner kronor.", body_html="<p>Stödet är 19 miljoner kronor.</p>")


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    """An archive of one agency."""
    with Archive(tmp_path / "archive.db") as opened:
        opened.add_agency("skog", name="Skogsbruksrådet", home="https://skog.example/")
        yield opened


def revisions(archive: Archive, *names: str) -> list[tuple[Any, ...]]:
    """Columns of every revision, in order."""
    return [tuple(row) for row in archive.db.execute(f"select {', '.join(names)} from revisions order by id")]


def test_a_to_b_to_a_is_told_as_a_return(archive: Archive) -> None:
    for hours, state in enumerate((A, B, A)):
        archive.save(state, seen_at=SEEN + hours * HOUR)
    assert revisions(archive, "id", "previous", "reverts_to", "cause") == [
        (1, None, None, "first"),
        (2, 1, None, "source"),
        (3, 2, 1, "source"),
    ]


def test_an_edit_lies_between_two_checks_that_are_kept(archive: Archive) -> None:
    archive.save(A, seen_at=SEEN)
    for hours in (1, 2, 3):
        archive.save(A, seen_at=SEEN + hours * HOUR)
    archive.save(B, seen_at=SEEN + 5 * HOUR)
    archive.save(B, seen_at=SEEN + 6 * HOUR)
    assert revisions(archive, "seen", "last_seen", "checks") == [
        ("2026-03-01T08:00:00+00:00", "2026-03-01T11:00:00+00:00", 3),
        ("2026-03-01T13:00:00+00:00", None, 0),
    ]
    standing = archive.db.execute("select last_checked, checks from releases").fetchone()
    assert standing == ("2026-03-01T14:00:00+00:00", 1)


def test_an_edit_is_weighed_and_told_in_both_languages(archive: Archive) -> None:
    archive.save(A, seen_at=SEEN)
    archive.save(B, seen_at=SEEN + HOUR)
    ((weight, swedish, english, changes),) = revisions(archive, "importance", "summary", "summary_en", "changes")[1:]
    assert 0 < weight <= 100
    assert swedish
    assert english
    assert swedish != english
    assert {"field", "kind", "before", "after", "importance"} <= set(json.loads(changes)[0])


@pytest.mark.parametrize(
    "same",
    [
        replace(A, published_text="1 mars 2026"),  # how a date was printed
        replace(A, images=(Image(url="https://skog.example/bild.jpg?w=800"),)),
    ],
)
def test_what_is_no_content_makes_no_state(archive: Archive, same: Release) -> None:
    held = replace(same, images=(Image(url="https://skog.example/bild.jpg?w=300"),)) if same.images else A
    archive.save(held, seen_at=SEEN)
    assert archive.save(same, seen_at=SEEN + HOUR) is SaveResult.UNCHANGED


def test_tags_in_another_order_make_no_state(archive: Archive) -> None:
    held, other = replace(A, tags=("skog", "lag", "jakt")), replace(A, tags=("jakt", "skog", "lag"))
    archive.save(held, seen_at=SEEN)
    assert not archive.is_new_or_changed(other)
    assert archive.save(other, seen_at=SEEN + HOUR) is SaveResult.UNCHANGED
    assert revisions(archive, "tags") == [('["skog", "lag", "jakt"]',)]
    assert archive.db.execute("select checks, last_checked from releases").fetchone() == (
        1,
        "2026-03-01T09:00:00+00:00",
    )
    for different in (replace(other, title="Ny rubrik"), replace(other, tags=("jakt", "skog", "lagar"))):
        assert archive.is_new_or_changed(different)
        assert archive.save(different, seen_at=SEEN + HOUR) is SaveResult.REVISED


def test_what_tells_a_reader_nothing_is_kept_and_is_no_edit(archive: Archive) -> None:
    report = Attachment(url="https://skog.example/r.pdf", title="Rapporten")
    archive.save(replace(A, attachments=(report,)), seen_at=SEEN)
    typed = replace(A, attachments=(replace(report, media_type="application/pdf"),))
    assert archive.save(typed, seen_at=SEEN + HOUR) is SaveResult.REPARSED
    assert revisions(archive, "cause", "importance") == [("first", None), ("parser", 0)]
    assert archive.db.execute("select media_type from attachments").fetchall() == [("application/pdf",)]
    assert archive.db.execute("select count(*) from edits").fetchone() == (0,)


def test_a_state_points_to_its_capture_and_its_reader(archive: Archive) -> None:
    capture = Capture(url=A.url, seen=SEEN, status=200, headers={"etag": '"1"'}, sha256="ab" * 32, bytes=9)
    with archive.transaction():
        key = archive.add_capture(capture)
        archive.save(A, seen_at=SEEN, capture_id=key, parser_version="NewsPage 1")
    held = archive.get(A.url)
    assert held
    assert (held.capture_id, held.parser_version, held.sha256) == (key, "NewsPage 1", "ab" * 32)
    assert held.state == to_state(A)


def test_a_rereading_is_counted_apart(archive: Archive) -> None:
    archive.save(A, seen_at=SEEN)
    assert archive.save(B, seen_at=SEEN + HOUR, cause="parser") is SaveResult.REPARSED


def test_a_move_to_a_release_held_already_joins_their_histories(archive: Archive) -> None:
    archive.save(A, seen_at=SEEN)
    there = replace(B, url="https://skog.example/arkiv/1")
    archive.save(there, seen_at=SEEN + HOUR)
    with archive.transaction():
        merge_releases(archive, 1, 2, SEEN + 2 * HOUR, there.url, cause="source", status=301)
    assert revisions(archive, "release", "previous", "cause") == [(1, None, "first"), (2, 1, "source")]
    assert archive.db.execute("select moved_to from releases order by id").fetchall() == [(2,), (None,)]


def test_every_hash_agrees_with_its_state(archive: Archive) -> None:
    archive.save(replace(A, contacts=(Contact(name="Anna Ek", phone="010-1"),), tags=("skog", "stöd")), seen_at=SEEN)
    archive.save(B, seen_at=SEEN + HOUR)
    names = ("hash", *STATE_FIELDS, *LIST_FIELDS)
    for row in revisions(archive, *names):
        held = dict(zip(names, row, strict=True))
        assert hash_state(parse_state(held)) == held["hash"]
