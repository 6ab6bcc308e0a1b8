"""The columns in memory are those of the tables, whatever happened and whenever they were read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.database.models import Release
from archive.database.sqlite_files import RunQuery, build_connection_runner, run_without_waiting
from archive.language.reference_patterns import format_reference
from archive.search.column_cache import (
    CHANGED_RELEASES_SQL,
    CODED_COLUMNS,
    LAST_CHANGE_SQL,
    LISTED_RELEASES_SQL,
    ColumnCache,
)
from archive.search.results import search
from archive.search.search_index import NO_VALUE
from archive.search.search_request import SearchRequest
from archive.store.releases import Archive
from archive.times import Month
from tests.archive.random_events import RandomEvents
from tests.archive.sample import SEEN

TODAY = date(2024, 7, 1)
UNDATED = Release(agency="prov", url="https://prov.example/1", title="Fyr", body="", body_html="")


@pytest.fixture
def db(history_archive: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(history_archive)) as db:
        yield db


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("prov", name="Provverket", home="https://prov.example/")
        yield archive


def refresh(columns: ColumnCache, db: sqlite3.Connection) -> ColumnCache:
    return run_without_waiting(columns.refresh(build_connection_runner(db)))


def read_columns(columns: ColumnCache) -> dict[int, dict[str, Any]]:
    """Return everything that is in memory about each listed release."""
    labels = list(columns.reference_codes)
    return {
        key: {
            **{name: next(iter(columns.count_values([key], name))) for name in CODED_COLUMNS},
            "sort_date": columns.sort_dates[key],
            "age": next(iter(columns.iter_ages([key], TODAY))),
            **{name: set(values.count([key], 99)) for name, values in columns.lists.items()},
            "reference": {labels[code] for code in columns.lists["reference"].count([key], 99)},
        }
        for key in columns.filter_releases(range(len(columns.sort_dates)))
    }


def read_tables(db: sqlite3.Connection) -> dict[int, dict[str, Any]]:
    """Return the same from the tables."""
    rows = db.execute(
        "select release, agency, kind, sort_day, sort_date, questions from release_facets"
    ).fetchall()
    tags = db.execute("select release, tag from release_tags").fetchall()
    edited, attached = (
        {key for (key,) in db.execute(sql)}
        for sql in ("select release from edits", "select distinct release from attachments")
    )
    speakers = db.execute(
        "select q.release, q.person from"
        " quotes q join releases"
        " r on r.revision = q.revision"
        " where person is not null"
    ).fetchall()
    references = db.execute(
        "select d.release, d.type, d.number from document_references d join releases r"
        " on r.revision = d.revision"
    ).fetchall()
    return {
        key: {
            "agency": agency,
            "kind": kind or NO_VALUE,
            "year": day[:4] if day else NO_VALUE,
            "questions": "yes" if questions else "no",
            "sort_date": int("".join(filter(str.isdigit, sort_date[:19])).ljust(14, "0")),
            "age": (TODAY - date.fromisoformat(day or sort_date[:10])).days
            if day or sort_date
            else 10**9,
            "attachments": "yes" if key in attached else "no",
            "edited": "yes" if key in edited else "no",
            "tag": {tag for release, tag in tags if release == key},
            "speaker": {person for release, person in speakers if release == key},
            "reference": {
                format_reference(*each) for release, *each in references if release == key
            },
        }
        for key, agency, kind, day, sort_date, questions in rows
    }


@settings(derandomize=True, deadline=None, max_examples=25)
@given(
    random=st.randoms(use_true_random=True), reads=st.lists(st.booleans(), min_size=12, max_size=12)
)
def test_columns_follow_random_events(random: Random, reads: list[bool]) -> None:
    with (
        TemporaryDirectory() as folder,
        patch("archive.search.column_cache.LOG_BATCH", 7),
        Archive(Path(folder) / "archive.db") as archive,
        closing(sqlite3.connect(archive.path)) as db,
    ):
        events, columns = RandomEvents(archive, random), ColumnCache()
        db.row_factory = sqlite3.Row
        for is_read in reads:
            events.add_event()
            if is_read:
                assert read_columns(refresh(columns, db)) == read_tables(db)
        db.execute("delete from releases where id = 1")
        db.commit()
        assert (
            read_columns(refresh(columns, db))
            == read_tables(db)
            == read_columns(refresh(ColumnCache(), db))
        )
        tags = db.execute(
            "select tag, count(*) from release_tags join release_facets using (release) group by tag"
        )
        assert columns.lists["tag"].count_all(999) == dict(tags.fetchall())


@pytest.mark.parametrize("sql", [CHANGED_RELEASES_SQL, LISTED_RELEASES_SQL])
def test_no_texts_are_read(db: sqlite3.Connection, sql: str) -> None:
    """A server reads all releases when it starts, and their texts are most of the file."""
    values = {"after": 0, "until": 9}
    plan = [row[3] for row in db.execute(f"explain query plan {sql}", values)]
    texts = [step for step in plan if {"r", "q"} & {*step.split()[:2]}]
    assert len(texts) > 1
    assert all("COVERING INDEX" in step for step in texts), texts


def test_releases_are_sorted_as_in_lists_and_others_left_out(db: sqlite3.Connection) -> None:
    columns = refresh(ColumnCache(), db)
    assert read_columns(columns) == read_tables(db)
    order = "select release from release_facets order by sort_date desc, release desc"
    assert columns.sort_newest_first(read_columns(columns)) == [key for (key,) in db.execute(order)]
    assert columns.filter_releases([1, 10**6]) == [1]
    for name in CODED_COLUMNS:
        columns.code_columns[name][1] = 0  # as if it had left the lists since it was found
        assert columns.count_values([1], name) == {}


def test_release_without_a_date_is_the_oldest(archive: Archive) -> None:
    archive.save(UNDATED, seen_at=SEEN)
    archive.save(
        replace(UNDATED, url="https://prov.example/2", published=Month(2023, 5, 1)), seen_at=SEEN
    )
    columns = refresh(ColumnCache(), archive.db.conn)
    assert read_columns(columns) == read_tables(archive.db.conn)
    assert columns.sort_newest_first([1, 2]) == columns.sort_by_date([1, 2], "oldest") == [2, 1]
    assert list(columns.iter_ages([1, 2], TODAY)) == [10**9, (TODAY - date(2023, 5, 1)).days]


def test_another_archive_at_the_same_path_is_read_from_its_beginning(
    db: sqlite3.Connection, archive: Archive
) -> None:
    """Such as a restored one: its log is shorter, and its ids belong to other releases."""
    columns = refresh(ColumnCache(), db)
    archive.save(UNDATED, seen_at=SEEN)
    assert read_columns(refresh(columns, archive.db.conn)) == read_tables(archive.db.conn)


@pytest.mark.parametrize("text", ["", "fyrar", '"vem betalar"', "rubrik:fyrar", "fyrar från:2020"])
@pytest.mark.parametrize("show", ["releases", "questions"])
async def test_releases_stored_during_a_search_are_left_to_the_next(
    db: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, text: str, show: str
) -> None:
    async def do_not_refresh(self: ColumnCache, run: RunQuery) -> ColumnCache:
        return self

    assert (
        await search(build_connection_runner(db), SearchRequest(text=text, show=show))
    ).hit_page.total
    monkeypatch.setattr(ColumnCache, "refresh", do_not_refresh)
    found = (
        await search(build_connection_runner(db), SearchRequest(text=text, show=show))
    ).hit_page
    assert (found.total, found.ids) == (0, [])
    assert not any(found.facets.values())


async def test_releases_that_could_not_be_loaded_are_read_by_the_first_search(
    db: sqlite3.Connection, tmp_path: Path
) -> None:
    columns = ColumnCache()
    columns.load(lambda: sqlite3.connect(f"file:{tmp_path}/none.db?mode=ro", uri=True))
    await columns.refresh(build_connection_runner(db))
    assert read_columns(columns) == read_tables(db)


async def test_late_response_about_the_log_is_not_mistaken_for_another_archive(
    db: sqlite3.Connection,
) -> None:
    run, columns = build_connection_runner(db), ColumnCache()
    last = (await run(LAST_CHANGE_SQL, {}))[0]["entry"]

    async def run_late(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        # run before the last entry was written, received after another search read it
        if sql == LAST_CHANGE_SQL:
            await columns.refresh(run)
            return [{"entry": last - 1}]
        raise AssertionError("reads the log again")

    await columns.refresh(run_late)
    assert columns.last_change == last
    assert read_columns(columns) == read_tables(db)


def test_changing_tags_take_no_more_memory(archive: Archive) -> None:
    columns = ColumnCache()
    for number in range(6):
        archive.save(
            replace(UNDATED, tags=(f"Tag {number}", "Kust")[: 2 - number % 2]), seen_at=SEEN
        )
        assert read_columns(refresh(columns, archive.db.conn)) == read_tables(archive.db.conn)
    assert len(columns.lists["tag"].numbers) <= 6
