"""Archive.save: new, unchanged, revised; whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from archive.database import ArchiveError
from archive.dates import Month
from archive.models import Attachment, Image, Question, Release
from archive.schema import migrations
from archive.store import Archive, SaveResult

SEEN = datetime(2024, 3, 15, 10, 0, tzinfo=UTC)
RELEASE = Release(
    agency="skog",
    url="https://skog.example/nyheter/1",
    title="Fler älgar räknade",
    lead="Årets räkning är klar.",
    body="Räkningen gjordes i mars.",
    body_html="<p>Räkningen gjordes i mars.</p>",
    kind="news",
    published=date(2024, 3, 14),
    published_text="Publicerad 14 mars 2024",
    updated=datetime(2024, 3, 15, 9, 30, tzinfo=UTC),
    updated_text="Uppdaterad 15 mars 2024 kl. 10.30",
    language="sv",
    tags=("Älg", "Räkning"),
    questions=(
        Question(position=1, question="Hur många?", answer="Tolv."),
        Question(position=2, question="Var?", answer="I skogen.", answered_by="Eva Ek"),
    ),
    images=(Image(url="https://skog.example/1.jpg", caption="En älg", credit="Eva Ek"),),
    attachments=(Attachment(url="https://skog.example/1.pdf", title="Rapport", media_type="application/pdf"),),
)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    archive = Archive(tmp_path / "archive.db")
    archive.add_agency("skog", name="Skogsrådet", home="https://skog.example/")
    yield archive
    archive.close()


def rows(archive: Archive, sql: str) -> list[tuple[object, ...]]:
    return list(archive.db.execute(sql).fetchall())


@pytest.mark.parametrize(
    ("stated", "day", "precision"),
    [
        (None, None, None),
        (Month(2024, 3, 1), None, "month"),
        (date(2024, 3, 14), "2024-03-14", "day"),
        (datetime(2024, 3, 14, 23, 30, tzinfo=timezone(timedelta(hours=1))), "2024-03-14", "moment"),
    ],
)
def test_how_precise_a_stated_date_is(
    archive: Archive, stated: date | None, day: str | None, precision: str | None
) -> None:
    archive.save(dataclasses.replace(RELEASE, published=stated, updated=stated), seen_at=SEEN)
    columns = "published_day, published_precision, updated_day, updated_precision"
    assert rows(archive, f"select {columns} from releases") == [(day, precision, day, precision)]
    assert rows(archive, "select published_day, published_precision from releases_with_tags") == [(day, precision)]
    archive.save(RELEASE, seen_at=SEEN + timedelta(days=1))
    assert rows(archive, "select published_day, updated_precision from releases") == [("2024-03-14", "moment")]


def test_a_first_state_is_kept_with_all_that_belongs_to_it(archive: Archive) -> None:
    assert archive.save(RELEASE, seen_at=SEEN) is SaveResult.NEW
    assert rows(archive, "select agency, published, updated, first_seen, last_checked, revision from releases") == [
        ("skog", "2024-03-14", "2024-03-15T09:30:00+00:00", "2024-03-15T10:00:00+00:00", "2024-03-15T10:00:00+00:00", 1)
    ]
    assert rows(archive, "select position, question, answered_by from questions order by position") == [
        (1, "Hur många?", None),
        (2, "Var?", "Eva Ek"),
    ]
    assert rows(archive, "select name from tags join release_tags on tag = tags.id order by name") == [
        ("Räkning",),
        ("Älg",),
    ]
    assert rows(archive, "select position, caption, credit from images") == [(1, "En älg", "Eva Ek")]
    assert rows(archive, "select title, media_type from attachments") == [("Rapport", "application/pdf")]
    ((cause, dated, tags),) = rows(archive, "select cause, update_date_changed, tags from revisions")
    assert (cause, dated, json.loads(str(tags))) == ("first", None, ["Älg", "Räkning"])


def test_the_same_again_changes_nothing_but_last_checked(archive: Archive) -> None:
    archive.save(RELEASE, seen_at=SEEN)
    before = [rows(archive, f"select * from {name}") for name in ("revisions", "questions", "tags", "images")]
    assert archive.save(RELEASE, seen_at=SEEN + timedelta(days=1)) is SaveResult.UNCHANGED
    assert before == [rows(archive, f"select * from {name}") for name in ("revisions", "questions", "tags", "images")]
    assert rows(archive, "select first_seen, last_checked from releases") == [
        ("2024-03-15T10:00:00+00:00", "2024-03-16T10:00:00+00:00")
    ]


def test_an_edit_adds_a_revision_and_keeps_the_ids(archive: Archive) -> None:
    archive.save(RELEASE, seen_at=SEEN)
    edited = dataclasses.replace(RELEASE, body="Räkningen gjordes i april.", questions=RELEASE.questions[:1], tags=())
    assert archive.save(edited, seen_at=SEEN + timedelta(days=1)) is SaveResult.REVISED
    assert rows(archive, "select id, cause, update_date_changed, body from revisions order by id") == [
        (1, "first", None, "Räkningen gjordes i mars."),
        (2, "source", 0, "Räkningen gjordes i april."),
    ]
    assert rows(archive, "select id, revision, body from releases") == [(1, 2, "Räkningen gjordes i april.")]
    assert rows(archive, "select id, position from questions") == [(1, 1)]
    assert rows(archive, "select * from release_tags") == []


def test_an_edit_whose_stamp_moved_is_dated(archive: Archive) -> None:
    archive.save(RELEASE, seen_at=SEEN)
    edited = dataclasses.replace(RELEASE, title="Färre älgar", updated=datetime(2024, 3, 16, 8, 0, tzinfo=UTC))
    archive.save(edited, seen_at=SEEN + timedelta(days=1))
    assert rows(archive, "select update_date_changed from revisions order by id") == [(None,), (1,)]


def test_search_follows_an_edit(archive: Archive) -> None:
    archive.save(RELEASE, seen_at=SEEN)
    found = "select count(*) from search where search match ?"
    archive.save(dataclasses.replace(RELEASE, body="Om rådjur."), seen_at=SEEN)
    assert archive.db.execute(found, ["rådjur"]).fetchone() == (1,)
    assert archive.db.execute(found, ["body: räkning"]).fetchone() == (0,)
    assert archive.db.execute(found, ["radjur"]).fetchone() == (0,), "å is a letter of its own"


def test_a_fault_leaves_nothing_half_written(archive: Archive) -> None:
    bad = dataclasses.replace(RELEASE, attachments=(Attachment(url=None, title="x"),))  # type: ignore[arg-type] # the fault
    with pytest.raises(
        ArchiveError, match=r"archive\.db: releases: https://skog\.example/nyheter/1: .*attachments\.url"
    ):
        archive.save(bad, seen_at=SEEN)
    for name in ("releases", "revisions", "questions", "tags", "release_tags"):
        assert rows(archive, f"select count(*) from {name}") == [(0,)], name


def test_an_unknown_agency_is_an_error(archive: Archive) -> None:
    with pytest.raises(ArchiveError, match="FOREIGN KEY"):
        archive.save(dataclasses.replace(RELEASE, agency="okand"), seen_at=SEEN)


def test_an_agency_is_brought_up_to_date(archive: Archive) -> None:
    archive.add_agency("skog", name="Skogsrådet", home="https://skog.example/", org_number="202100-0000")
    assert rows(archive, "select name, org_number from agencies") == [("Skogsrådet", "202100-0000")]


def test_a_naive_time_is_refused(archive: Archive) -> None:
    with pytest.raises(ValueError, match="no offset"):
        archive.save(dataclasses.replace(RELEASE, updated=datetime(2024, 3, 15)), seen_at=SEEN)  # noqa: DTZ001 - the fault


def test_opening_again_keeps_what_is_there(tmp_path: Path) -> None:
    with Archive(tmp_path / "a.db") as first:
        first.add_agency("skog", name="Skogsrådet", home="https://skog.example/")
        first.save(RELEASE, seen_at=SEEN)
    with Archive(tmp_path / "a.db") as second:
        assert second.find_release_id(RELEASE.url) == 1


def test_several_may_open_an_archive_at_once_that_is_to_be_brought_up_to_date(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Archive(tmp_path / "a.db").close(), range(4)))
    with Archive(tmp_path / "a.db") as archive:
        assert migrations.pending(archive.db) == []


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("no database, but long enough to be taken for one" * 50)
    with pytest.raises(ArchiveError, match=r"a\.db.*cannot be opened"):
        Archive(tmp_path / "a.db")


def test_a_transaction_that_fails_is_rolled_back_whole(archive: Archive) -> None:
    def half_a_page() -> None:
        with archive.transaction():
            archive.save(RELEASE, seen_at=SEEN)
            archive.frontier.add(RELEASE.url, agency="skog", role="release", seen_at=SEEN)
            archive.save(dataclasses.replace(RELEASE, url="x", agency="unknown"), seen_at=SEEN)

    with pytest.raises(ArchiveError):
        half_a_page()
    assert rows(archive, "select (select count(*) from releases), (select count(*) from frontier)") == [(0, 0)]
    other = sqlite3.connect(archive.path)
    assert other.execute("select count(*) from releases").fetchone() == (0,)
    other.close()
