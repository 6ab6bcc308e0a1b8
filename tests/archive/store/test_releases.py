"""Archive.save: new, unchanged or revised; each release completely or not at all; one by one or in
batches.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from archive.database.captures import Captures
from archive.database.models import (
    LIST_FIELDS,
    STATE_FIELDS,
    Attachment,
    Capture,
    Contact,
    Image,
    Question,
    Release,
    hash_state,
    parse_state,
    to_state,
)
from archive.database.schema import migrations
from archive.database.sqlite_files import ArchiveError
from archive.store.releases import Archive, SaveResult, is_new_or_changed, prepare_release
from archive.times import Month
from tests.archive.sample_evidence import execute
from tests.bench.bulk import Entry, save_all

SEEN = datetime(2024, 3, 15, 10, 0, tzinfo=UTC)
NEXT_DAY = SEEN + timedelta(days=1)
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
    attachments=(
        Attachment(url="https://skog.example/1.pdf", title="Rapport", media_type="application/pdf"),
    ),
)
EDITED = replace(
    RELEASE, body="Räkningen gjordes i april.", body_html="<p>Räkningen gjordes i april.</p>"
)
PARTS = ("revisions", "questions", "tags", "release_tags", "images", "attachments")
SITE_MENU = "".join(f"<li><a href='/{n}'>Meny {n * n}</a></li>" for n in range(400))
SEARCH_TABLES = (
    "search",
    "search_questions",
    "search_quotes",
    "search_versions",
    "search_diff",
    "search_attachments",
)


def open_archive(folder: Path) -> Archive:
    archive = Archive(folder / "archive.db")
    for slug in ("skog", "vag"):
        archive.add_agency(slug, name=slug, home=f"https://{slug}.example/")
    return archive


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path) as opened:
        yield opened


def rows(archive: Archive, sql: str) -> list[tuple[object, ...]]:
    return list(archive.db.execute(sql).fetchall())


def test_new_release_is_stored_with_all_its_parts(archive: Archive) -> None:
    assert archive.save(RELEASE, seen_at=SEEN) is SaveResult.NEW
    assert rows(
        archive,
        "select agency, published, updated, first_seen, last_checked, revision from releases",
    ) == [
        (
            "skog",
            "2024-03-14",
            "2024-03-15T09:30:00+00:00",
            "2024-03-15T10:00:00+00:00",
            "2024-03-15T10:00:00+00:00",
            1,
        )
    ]
    assert rows(
        archive, "select position, question, answered_by from questions order by position"
    ) == [
        (1, "Hur många?", None),
        (2, "Var?", "Eva Ek"),
    ]
    tags = rows(archive, "select name from tags join release_tags on tag = tags.id order by name")
    assert tags == [("Räkning",), ("Älg",)]
    images = rows(archive, "select position, caption, credit from images")
    assert images == [(1, "En älg", "Eva Ek")]
    attachments = rows(archive, "select title, media_type from attachments")
    assert attachments == [("Rapport", "application/pdf")]
    ((cause, date_changed, revision_tags),) = rows(
        archive, "select cause, update_date_changed, tags from revisions"
    )
    assert (cause, date_changed, json.loads(str(revision_tags))) == (
        "first",
        None,
        ["Älg", "Räkning"],
    )


@pytest.mark.parametrize(
    ("stated", "day", "precision"),
    [
        (None, None, None),
        (Month(2024, 3, 1), None, "month"),
        (date(2024, 3, 14), "2024-03-14", "day"),
        (
            datetime(2024, 3, 14, 23, 30, tzinfo=timezone(timedelta(hours=1))),
            "2024-03-14",
            "moment",
        ),
    ],
)
def test_dates_have_day_and_precision(
    archive: Archive, stated: date | None, day: str | None, precision: str | None
) -> None:
    archive.save(replace(RELEASE, published=stated, updated=stated), seen_at=SEEN)
    columns = "published_day, published_precision, updated_day, updated_precision"
    assert rows(archive, f"select {columns} from releases") == [(day, precision, day, precision)]
    assert rows(archive, "select published_day, published_precision from releases_with_tags") == [
        (day, precision)
    ]
    archive.save(RELEASE, seen_at=NEXT_DAY)
    releases = rows(archive, "select published_day, updated_precision from releases")
    assert releases == [("2024-03-14", "moment")]


def test_unchanged_release_only_updates_last_checked(archive: Archive) -> None:
    archive.save(RELEASE, seen_at=SEEN)
    before = [rows(archive, f"select * from {name}") for name in PARTS]
    assert archive.save(RELEASE, seen_at=NEXT_DAY) is SaveResult.UNCHANGED
    assert [rows(archive, f"select * from {name}") for name in PARTS] == before
    checked = [("2024-03-15T10:00:00+00:00", "2024-03-16T10:00:00+00:00")]
    assert rows(archive, "select first_seen, last_checked from releases") == checked


def test_edit_adds_a_revision_and_keeps_ids(archive: Archive) -> None:
    archive.save(RELEASE, seen_at=SEEN)
    edited = replace(
        RELEASE, body="Räkningen gjordes i april.", questions=RELEASE.questions[:1], tags=()
    )
    assert archive.save(edited, seen_at=NEXT_DAY) is SaveResult.REVISED
    assert rows(
        archive, "select id, cause, update_date_changed, body from revisions order by id"
    ) == [
        (1, "first", None, "Räkningen gjordes i mars."),
        (2, "source", 0, "Räkningen gjordes i april."),
    ]
    releases = rows(archive, "select id, revision, body from releases")
    assert releases == [(1, 2, "Räkningen gjordes i april.")]
    assert rows(archive, "select id, position from questions") == [(1, 1)]
    assert rows(archive, "select * from release_tags") == []
    archive.save(replace(edited, updated=NEXT_DAY), seen_at=NEXT_DAY)
    assert rows(archive, "select update_date_changed from revisions order by id") == [
        (None,),
        (0,),
        (1,),
    ]


QUOTES_SQL = """
    select q.revision, q.position, p.slug, q.role, q.text from quotes q left join people p
      on p.id = q.person
    order by q.revision, q.position
"""


def test_each_version_has_its_quotes(archive: Archive) -> None:
    body = (
        "– Det är klart, säger hamnchef Anna Ek.\n– Vi vilar, säger Bo Ek.\n– Ja, sa"
        " statsministern."
    )
    edited = body.replace("är klart", "blir klart").replace("Bo Ek", "Åke Ek")
    archive.save(replace(RELEASE, body=body), seen_at=SEEN)
    archive.save(replace(RELEASE, body=edited), seen_at=NEXT_DAY)
    assert archive.db.execute(QUOTES_SQL).fetchall() == [
        (1, 1, "anna-ek", "hamnchef", "Det är klart"),
        (1, 2, "bo-ek", None, "Vi vilar"),
        (1, 3, None, "statsministern", "Ja"),
        (2, 1, "anna-ek", "hamnchef", "Det blir klart"),
        (2, 2, "ake-ek", None, "Vi vilar"),
        (2, 3, None, "statsministern", "Ja"),
    ]


def test_slug_of_a_person_is_numbered_where_it_is_taken(archive: Archive) -> None:
    archive.add_agency("hamn", name="Hamnverket", home="https://hamn.example/")
    spoken = replace(RELEASE, body="– Det är klart, säger Bo Ek.\n– Ja visst, säger Bö Ek.")
    archive.save(spoken, seen_at=SEEN)
    archive.save(replace(spoken, agency="hamn", url="https://hamn.example/1"), seen_at=SEEN)
    people = archive.db.execute("select slug, name, agency from people order by id").fetchall()
    assert people == [
        ("bo-ek", "Bo Ek", "skog"),
        ("bo-ek-2", "Bö Ek", "skog"),
        ("bo-ek-3", "Bo Ek", "hamn"),
        ("bo-ek-4", "Bö Ek", "hamn"),
    ]


def test_search_index_follows_an_edit(archive: Archive) -> None:
    archive.save(RELEASE, seen_at=SEEN)
    archive.save(replace(RELEASE, body="Om rådjur."), seen_at=SEEN)
    # å is a letter of its own
    for query, hits in (
        ("rådjur", 1),
        ("body: räkning", 0),
        ("radjur", 0),
    ):
        found = archive.db.execute(
            "select count(*) from search where search match ?", [query]
        ).fetchone()
        assert found == (hits,), query


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"attachments": (Attachment(url=None, title="x"),)},  # type: ignore[arg-type] # the fault
            r"archive\.db: releases: https://skog\.example/nyheter/1: .*attachments\.url",
        ),
        ({"agency": "unknown"}, "FOREIGN KEY"),
    ],
)
def test_failed_save_writes_nothing(
    archive: Archive, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ArchiveError, match=problem):
        archive.save(replace(RELEASE, **changes), seen_at=SEEN)
    for name in ("releases", *PARTS):
        assert rows(archive, f"select count(*) from {name}") == [(0,)], name


def test_time_without_offset_is_refused(archive: Archive) -> None:
    with pytest.raises(ValueError, match="no offset"):
        archive.save(replace(RELEASE, updated=datetime(2024, 3, 15)), seen_at=SEEN)  # noqa: DTZ001 - the fault


def test_failed_transaction_is_rolled_back(archive: Archive) -> None:
    def save_three() -> None:
        with archive.transaction():
            archive.save(RELEASE, seen_at=SEEN)
            archive.frontier.add(RELEASE.url, agency="skog", role="release", seen_at=SEEN)
            archive.save(replace(RELEASE, url="x", agency="unknown"), seen_at=SEEN)

    with pytest.raises(ArchiveError):
        save_three()
    assert rows(
        archive, "select (select count(*) from releases), (select count(*) from frontier)"
    ) == [(0, 0)]
    assert execute(archive.path, "select count(*) from releases") == [(0,)]


def test_known_agency_is_updated(archive: Archive) -> None:
    archive.add_agency(
        "skog", name="Skogsrådet", home="https://skog.example/", org_number="202100-0000"
    )
    agencies = rows(archive, "select name, org_number from agencies where slug = 'skog'")
    assert agencies == [("Skogsrådet", "202100-0000")]


def test_archive_keeps_its_releases_when_opened_again(archive: Archive) -> None:
    archive.save(RELEASE, seen_at=SEEN)
    with Archive(archive.path) as other:
        assert other.find_release_id(RELEASE.url) == 1


@pytest.mark.usefixtures("created_archives")
def test_several_processes_may_create_an_archive_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: Archive(tmp_path / "a.db").close(), range(4)))
    with Archive(tmp_path / "a.db") as archive:
        assert migrations.pending(archive.db) == []


def test_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("no database, but long enough to be taken for one" * 50)
    with pytest.raises(ArchiveError, match=r"a\.db.*cannot be opened"):
        Archive(tmp_path / "a.db")


# Revisions


def test_revisions_record_their_predecessor_and_the_checks_that_confirmed_them(
    archive: Archive,
) -> None:
    for hour, release in enumerate((RELEASE, RELEASE, RELEASE, EDITED, EDITED, RELEASE, RELEASE)):
        archive.save(release, seen_at=SEEN + timedelta(hours=hour))
    columns = (
        "id, previous, reverts_to, cause, substr(seen, 12, 2), substr(last_seen, 12, 2), checks"
    )
    assert rows(archive, f"select {columns} from revisions order by id") == [
        (1, None, None, "first", "10", "12", 2),
        (2, 1, None, "source", "13", "14", 1),
        (3, 2, 1, "source", "15", None, 0),
    ]
    releases = rows(archive, "select last_checked, checks from releases")
    assert releases == [("2024-03-15T16:00:00+00:00", 1)]


@pytest.mark.parametrize(
    ("last", "reverts_to"),
    [
        ({}, 1),
        ({"updated": NEXT_DAY}, None),  # a visible difference
        ({"body": "Räkningen gjordes i maj."}, None),
    ],
)
def test_revert_across_a_redesign_names_the_revision_with_the_same_text(
    archive: Archive, last: dict[str, Any], reverts_to: int | None
) -> None:
    reread = replace(EDITED, body_html="<div><p>Räkningen gjordes i april.</p></div>")
    back = replace(RELEASE, body_html="<div><p>Räkningen gjordes i mars.</p></div>", **last)
    archive.save(RELEASE, seen_at=SEEN)
    for hour, (release, cause) in enumerate(
        ((EDITED, "source"), (reread, "parser"), (back, "source")), start=1
    ):
        archive.save(release, seen_at=SEEN + timedelta(hours=hour), cause=cause)
    assert rows(archive, "select id, cause, reverts_to from revisions order by id") == [
        *((1, "first", None), (2, "source", None), (3, "parser", None)),
        (4, "source", reverts_to),
    ]


def test_revision_has_changes_and_their_summary_in_two_languages(archive: Archive) -> None:
    archive.save(RELEASE, seen_at=SEEN)
    archive.save(EDITED, seen_at=NEXT_DAY)
    sql = "select importance, summary, summary_en, changes from revisions where id = 2"
    ((importance, summary, summary_en, changes),) = rows(archive, sql)
    assert (importance, summary, summary_en) == (70, "1 datum ändrat", "1 date changed")
    change = {"field": "body", "kind": "date", "before": "mars", "after": "april", "importance": 70}
    assert json.loads(str(changes)) == [change]


@pytest.mark.parametrize(
    "changes",
    [
        {"published_text": "14 mars 2024"},
        {"images": (replace(RELEASE.images[0], url="https://skog.example/1.jpg?w=800"),)},
        {"tags": ("Räkning", "Älg")},
    ],
    ids=["printed date", "image size", "order of tags"],
)
def test_same_content_is_unchanged(archive: Archive, changes: dict[str, Any]) -> None:
    archive.save(RELEASE, seen_at=SEEN)
    same = replace(RELEASE, **changes)
    assert archive.save(same, seen_at=NEXT_DAY) is SaveResult.UNCHANGED
    assert rows(archive, "select tags from revisions") == [('["Älg", "Räkning"]',)]
    releases = rows(archive, "select checks, last_checked from releases")
    assert releases == [(1, "2024-03-16T10:00:00+00:00")]
    for edited in (replace(same, title="Ny rubrik"), replace(same, tags=("Räkning", "Älgar"))):
        assert archive.save(edited, seen_at=NEXT_DAY) is SaveResult.REVISED


def test_changes_without_importance_are_stored_but_no_edit(archive: Archive) -> None:
    untyped = replace(RELEASE.attachments[0], media_type=None)
    archive.save(replace(RELEASE, attachments=(untyped,)), seen_at=SEEN)
    assert archive.save(RELEASE, seen_at=NEXT_DAY) is SaveResult.REPARSED
    assert rows(archive, "select cause, importance from revisions") == [
        ("first", None),
        ("parser", 0),
    ]
    assert rows(archive, "select media_type from attachments") == [("application/pdf",)]
    assert rows(archive, "select * from edits") == []


def test_change_by_another_parser_is_reparsed(archive: Archive) -> None:
    archive.save(RELEASE, seen_at=SEEN)
    assert archive.save(EDITED, seen_at=NEXT_DAY, cause="parser") is SaveResult.REPARSED


def test_stored_release_has_its_capture_parser_and_hashed_state(archive: Archive) -> None:
    release = replace(RELEASE, contacts=(Contact(name="Eva Ek", phone="010-1"),))
    capture = Capture(
        url=RELEASE.url, seen=SEEN, status=200, headers={"etag": '"1"'}, sha256="ab" * 32, bytes=9
    )
    with archive.transaction():
        capture_id = archive.add_capture(capture)
        archive.save(release, seen_at=SEEN, capture_id=capture_id, parser_version="NewsPage 1")
    stored = archive.get(RELEASE.url)
    assert stored
    assert (stored.capture_id, stored.parser_version, stored.sha256) == (
        capture_id,
        "NewsPage 1",
        "ab" * 32,
    )
    assert stored.state == to_state(release)
    archive.save(EDITED, seen_at=NEXT_DAY)
    revisions = list(
        archive.db.query(f"select hash, {', '.join((*STATE_FIELDS, *LIST_FIELDS))} from revisions")
    )
    assert [hash_state(parse_state(row)) for row in revisions] == [row["hash"] for row in revisions]


# Many at once


def make_entries() -> list[Entry]:
    """New releases (each text at two agencies), an unchanged one in another page, an edit, and its
    reversal.
    """
    text = " ".join(f"Fyr {n} lyser över farledens vatten." for n in range(30))
    releases = [
        replace(
            RELEASE,
            agency=("skog", "vag")[number % 2],
            url=f"https://skog.example/{number}",
            title=f"Fyrarna i farleden nummer {number}",
            body=f"{text}Ort {number // 2}",
            language="en" if number == 5 else "sv",
        )
        for number in range(8)
    ]
    releases += [releases[0], replace(releases[1], title="Fyren släcks", questions=()), releases[1]]
    return [make_entry(release, number) for number, release in enumerate(releases)]


def make_entry(release: Release, number: int) -> Entry:
    footer = "<p>Idag</p>" if number == 8 else ""
    page = f"<html><main>{release.body}</main>{SITE_MENU}</html>{footer}".encode()
    seen = SEEN + timedelta(seconds=number)
    capture = Capture(
        url=release.url, seen=seen, status=200, headers={}, sha256="", bytes=len(page)
    )
    return Entry(release=release, seen=seen, parser_version="test", capture=capture, body=page)


def read_all_rows(folder: Path) -> dict[str, list[Any]]:
    """Return every row of archive.db and captures.db, and the words of the search index."""
    found: dict[str, list[Any]] = {}
    for name in ("archive.db", "captures.db"):
        with closing(sqlite3.connect(folder / name)) as db:
            tables = [
                table
                for (table,) in db.execute("select name from sqlite_master where type = 'table'")
            ]
            for table in tables:
                if table in SEARCH_TABLES:
                    db.execute(
                        f"create virtual table temp.{table}_words using"
                        f" fts5vocab(main, {table}, instance)"
                    )
                    found[table] = db.execute(f"select * from {table}_words").fetchall()
                elif not table.startswith((*SEARCH_TABLES, "_sqlite", "sqlite_")):
                    # the change feed without the time of the entry
                    columns = "id, release, change, revision" if table == "changefeed" else "*"
                    found[f"{name} {table}"] = db.execute(
                        f"select {columns} from {table} order by 1, 2"
                    ).fetchall()
    return found


def save_one_by_one(archive: Archive, captures: Captures, entry: Entry) -> None:
    assert entry.capture
    with archive.transaction():
        capture_id = None
        if is_new_or_changed(prepare_release(entry.release), archive.get(entry.release.url)):
            sha256 = captures.store_body(entry.body or b"", "skog.example")
            capture_id = archive.add_capture(replace(entry.capture, sha256=sha256))
        archive.save(
            entry.release, seen_at=entry.seen, capture_id=capture_id, parser_version="test"
        )


@pytest.fixture(scope="module")
def rows_saved_one_by_one(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    folder = tmp_path_factory.mktemp("one_by_one")
    with open_archive(folder) as archive, Captures(archive.path) as captures:
        for entry in make_entries():
            save_one_by_one(archive, captures, entry)
    return read_all_rows(folder)


@pytest.mark.parametrize("size", [1, 3, 500])
def test_batches_store_the_same_rows(
    archive: Archive,
    rows_saved_one_by_one: dict[str, list[Any]],
    size: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.bench.bulk.BATCH", size)
    with Captures(archive.path) as captures:
        outcomes = save_all(archive, captures, make_entries(), processes=0)
    assert outcomes == {SaveResult.NEW: 8, SaveResult.UNCHANGED: 1, SaveResult.REVISED: 2}
    stored = read_all_rows(archive.path.parent)
    assert stored == rows_saved_one_by_one
    assert stored["archive.db near_duplicates"]
    assert stored["captures.db bases"]
    # two releases share each, and the unchanged one adds none
    assert len(stored["captures.db blobs"]) == 4
    counts = [row for row in stored["archive.db vocabulary"] if row[0] == "farledens"]
    assert sum(number for *_, number in counts) == 8


def test_batches_before_an_error_are_kept(
    archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.bench.bulk.BATCH", 3)
    entries = make_entries()
    entries[4] = replace(entries[4], release=replace(entries[4].release, agency="unknown"))
    with Captures(archive.path) as captures:
        with pytest.raises(ArchiveError, match=r"releases: https://skog\.example/4: FOREIGN KEY"):
            save_all(archive, captures, entries, processes=0)
        assert rows(archive, "select count(*) from releases") == [(3,)]
        assert rows(archive, "select max(releases) from vocabulary") == [(3,)]
        assert save_all(archive, captures, make_entries()[3:5], processes=0) == {SaveResult.NEW: 2}
