"""What is held in memory of each release is what the tables hold, whatever happened and whenever it was looked at."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from archive.database import RunQuery, build_connection_runner, run_without_waiting
from archive.dates import Month
from archive.models import Release
from archive.search import search
from archive.search.index import NO_VALUE
from archive.search.params import SearchRequest
from archive.search.ranking import CODED_COLUMNS, LAST_CHANGE_SQL, ColumnCache
from archive.store import Archive
from tests.archive.deeds import Life
from tests.archive.sample import SEEN

TODAY = date(2024, 7, 1)


def held(columns: ColumnCache) -> dict[int, dict[str, Any]]:
    """Of each release that is listed, all that is known."""
    every = range(len(columns.sort_dates))
    return {
        key: {
            **{name: next(iter(columns.count_values([key], name))) for name in CODED_COLUMNS},
            "newest": columns.sort_dates[key],
            "age": next(iter(columns.iter_ages([key], TODAY))),
            "tags": set(columns.count_tags([key], 99)),
        }
        for key in columns.filter_releases(every)
    }


def shown(db: sqlite3.Connection) -> dict[int, dict[str, Any]]:
    """The same from the tables."""
    rows = db.execute("select release, agency, kind, sort_day, sort_date, questions from release_facets").fetchall()
    tags = db.execute("select release, tag from release_tags").fetchall()
    return {
        key: {
            "agency": agency,
            "kind": kind or NO_VALUE,
            "year": day[:4] if day else NO_VALUE,
            "questions": "yes" if questions else "no",
            "newest": int("".join(filter(str.isdigit, newest[:19])).ljust(14, "0")),
            "age": (TODAY - date.fromisoformat(day or newest[:10])).days if day or newest else 10**9,
            "tags": {tag for release, tag in tags if release == key},
        }
        for key, agency, kind, day, newest, questions in rows
    }


def test_it_follows_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.search.ranking.LOG_BATCH", 7)
    for seed in range(3):
        chance = random.Random(seed)
        (tmp_path / str(seed)).mkdir()
        with Archive(tmp_path / str(seed) / "archive.db") as archive, closing(sqlite3.connect(archive.path)) as db:
            life, columns = Life(archive, chance), ColumnCache()
            db.row_factory = sqlite3.Row
            for _ in range(40):
                life.go_on()
                if chance.random() < 0.3:
                    run_without_waiting(columns.refresh(build_connection_runner(db)))
                    assert held(columns) == shown(db), seed
            db.execute("delete from releases where id = 1")  # by hand
            db.commit()
            run_without_waiting(columns.refresh(build_connection_runner(db)))
            assert (
                held(columns)
                == shown(db)
                == held(run_without_waiting(ColumnCache().refresh(build_connection_runner(db))))
            )


def test_in_the_order_of_lists(history_archive: Path) -> None:
    with closing(sqlite3.connect(history_archive)) as db:
        columns = run_without_waiting(ColumnCache().refresh(build_connection_runner(db)))
        assert held(columns) == shown(db)
        order = "select release from release_facets order by sort_date desc, release desc"
        assert columns.sort_newest_first(held(columns)) == [key for (key,) in db.execute(order)]


def test_what_has_no_date_is_as_old_as_can_be(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("prov", name="Provverket", home="https://prov.example/")
        for number, months in ((1, None), (2, Month(2023, 5, 1))):
            release = Release(agency="prov", url=f"https://prov.example/{number}", title="Fyr", body="", body_html="")
            archive.save(replace(release, published=months), seen_at=SEEN)
        columns = run_without_waiting(ColumnCache().refresh(build_connection_runner(archive.db.conn)))
        assert held(columns) == shown(archive.db.conn)
        assert columns.sort_newest_first([1, 2]) == [2, 1]
        assert list(columns.iter_ages([1, 2], TODAY)) == [10**9, (TODAY - date(2023, 5, 1)).days]


def test_another_archive_in_its_place(history_archive: Path, tmp_path: Path) -> None:
    """One restored from a back-up, say: its log is shorter, and other releases have the same numbers."""
    with closing(sqlite3.connect(history_archive)) as db:
        columns = run_without_waiting(ColumnCache().refresh(build_connection_runner(db)))
    with Archive(tmp_path / "archive.db") as archive:
        Life(archive, random.Random(1)).publish()
        run_without_waiting(columns.refresh(build_connection_runner(archive.db.conn)))
        assert held(columns) == shown(archive.db.conn)


def test_what_the_index_finds_before_it_is_known_here(history_archive: Path) -> None:
    with closing(sqlite3.connect(history_archive)) as db:
        columns = run_without_waiting(ColumnCache().refresh(build_connection_runner(db)))
    assert columns.filter_releases([1, 10**6]) == [1]


@pytest.mark.parametrize("text", ["", "fyrar", '"vem betalar"', "rubrik:fyrar", "fyrar från:2020"])
@pytest.mark.parametrize("show", ["releases", "questions"])
async def test_releases_that_come_while_a_search_goes_on_are_left_to_the_next(
    history_archive: Path, monkeypatch: pytest.MonkeyPatch, text: str, show: str
) -> None:
    async def renew(self: ColumnCache, run: RunQuery) -> ColumnCache:
        return self

    with closing(sqlite3.connect(history_archive)) as db:
        assert (await search(build_connection_runner(db), SearchRequest(text=text, show=show))).hit_page.total
        monkeypatch.setattr(ColumnCache, "refresh", renew)
        found = (await search(build_connection_runner(db), SearchRequest(text=text, show=show))).hit_page
    assert (found.total, found.ids) == (0, [])
    assert not any(found.facets.values())


async def test_a_late_answer_about_the_log_is_no_other_archive(history_archive: Path) -> None:
    with closing(sqlite3.connect(history_archive)) as db:
        now, columns = build_connection_runner(db), ColumnCache()
        last = (await now(LAST_CHANGE_SQL, {}))[0]["entry"]

        async def late(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
            if sql == LAST_CHANGE_SQL:  # asked before the last entry was written, told after another search has read it
                await columns.refresh(now)
                return [{"entry": last - 1}]
            raise AssertionError("reads the log again")

        await columns.refresh(late)
        assert columns.last_change == last
        assert held(columns) == shown(db)


def test_what_left_the_lists_since_it_was_found_has_no_value(history_archive: Path) -> None:
    with closing(sqlite3.connect(history_archive)) as db:
        columns = run_without_waiting(ColumnCache().refresh(build_connection_runner(db)))
    key = next(iter(held(columns)))
    for name in CODED_COLUMNS:
        columns.code_columns[name][key] = 0
        assert columns.count_values([key], name) == {}


def test_tags_that_change_take_no_further_room(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("prov", name="Provverket", home="https://prov.example/")
        columns, run = ColumnCache(), build_connection_runner(archive.db.conn)
        release = Release(agency="prov", url="https://prov.example/1", title="Fyr", body="", body_html="")
        for number in range(6):
            archive.save(replace(release, tags=(f"Tag {number}", "Kust")[: 2 - number % 2]), seen_at=SEEN)
            run_without_waiting(columns.refresh(run))
            assert held(columns) == shown(archive.db.conn)
        assert len(columns.tag_ids) <= 6
