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

from archive.database import Run, finish, runner_on
from archive.dates import Month
from archive.models import Release
from archive.search import search
from archive.search.index import NONE
from archive.search.params import Query
from archive.search.ranking import CODED, LAST, Columns
from archive.store import Archive
from tests.archive.deeds import Life
from tests.archive.sample import SEEN

TODAY = date(2024, 7, 1)


def held(columns: Columns) -> dict[int, dict[str, Any]]:
    """Of each release that is listed, all that is known."""
    every = range(len(columns.newest))
    return {
        key: {
            **{name: next(iter(columns.count([key], name))) for name in CODED},
            "newest": columns.newest[key],
            "age": next(iter(columns.ages([key], TODAY))),
            "tags": set(columns.count_tags([key], 99)),
        }
        for key in columns.keep(every)
    }


def shown(db: sqlite3.Connection) -> dict[int, dict[str, Any]]:
    """The same from the tables."""
    rows = db.execute("select release, agency, kind, day, newest, questions from listed").fetchall()
    tags = db.execute("select release, tag from release_tags").fetchall()
    return {
        key: {
            "agency": agency,
            "kind": kind or NONE,
            "year": day[:4] if day else NONE,
            "questions": "yes" if questions else "no",
            "newest": int("".join(filter(str.isdigit, newest[:19])).ljust(14, "0")),
            "age": (TODAY - date.fromisoformat(day or newest[:10])).days if day or newest else 10**9,
            "tags": {tag for release, tag in tags if release == key},
        }
        for key, agency, kind, day, newest, questions in rows
    }


def test_it_follows_whatever_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.search.ranking.CHUNK", 7)
    for seed in range(3):
        chance = random.Random(seed)
        (tmp_path / str(seed)).mkdir()
        with Archive(tmp_path / str(seed) / "archive.db") as archive, closing(sqlite3.connect(archive.path)) as db:
            life, columns = Life(archive, chance), Columns()
            db.row_factory = sqlite3.Row
            for _ in range(40):
                life.go_on()
                if chance.random() < 0.3:
                    finish(columns.renew(runner_on(db)))
                    assert held(columns) == shown(db), seed
            db.execute("delete from releases where id = 1")  # by hand
            db.commit()
            finish(columns.renew(runner_on(db)))
            assert held(columns) == shown(db) == held(finish(Columns().renew(runner_on(db))))


def test_in_the_order_of_lists(storied: Path) -> None:
    with closing(sqlite3.connect(storied)) as db:
        columns = finish(Columns().renew(runner_on(db)))
        assert held(columns) == shown(db)
        order = "select release from listed order by newest desc, release desc"
        assert columns.sort(held(columns)) == [key for (key,) in db.execute(order)]


def test_what_has_no_date_is_as_old_as_can_be(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("prov", name="Provverket", home="https://prov.example/")
        for number, months in ((1, None), (2, Month(2023, 5, 1))):
            release = Release(agency="prov", url=f"https://prov.example/{number}", title="Fyr", body="", body_html="")
            archive.save(replace(release, published=months), seen=SEEN)
        columns = finish(Columns().renew(runner_on(archive.db.conn)))
        assert held(columns) == shown(archive.db.conn)
        assert columns.sort([1, 2]) == [2, 1]
        assert list(columns.ages([1, 2], TODAY)) == [10**9, (TODAY - date(2023, 5, 1)).days]


def test_another_archive_in_its_place(storied: Path, tmp_path: Path) -> None:
    """One restored from a back-up, say: its log is shorter, and other releases have the same numbers."""
    with closing(sqlite3.connect(storied)) as db:
        columns = finish(Columns().renew(runner_on(db)))
    with Archive(tmp_path / "archive.db") as archive:
        Life(archive, random.Random(1)).publish()
        finish(columns.renew(runner_on(archive.db.conn)))
        assert held(columns) == shown(archive.db.conn)


def test_what_the_index_finds_before_it_is_known_here(storied: Path) -> None:
    with closing(sqlite3.connect(storied)) as db:
        columns = finish(Columns().renew(runner_on(db)))
    assert columns.keep([1, 10**6]) == [1]


@pytest.mark.parametrize("text", ["", "fyrar", '"vem betalar"', "rubrik:fyrar", "fyrar från:2020"])
@pytest.mark.parametrize("show", ["releases", "questions"])
async def test_releases_that_come_while_a_search_goes_on_are_left_to_the_next(
    storied: Path, monkeypatch: pytest.MonkeyPatch, text: str, show: str
) -> None:
    async def renew(self: Columns, run: Run) -> Columns:
        return self

    with closing(sqlite3.connect(storied)) as db:
        assert (await search(runner_on(db), Query(text=text, show=show))).found.total
        monkeypatch.setattr(Columns, "renew", renew)
        found = (await search(runner_on(db), Query(text=text, show=show))).found
    assert (found.total, found.ids) == (0, [])
    assert not any(found.facets.values())


async def test_a_late_answer_about_the_log_is_no_other_archive(storied: Path) -> None:
    with closing(sqlite3.connect(storied)) as db:
        now, columns = runner_on(db), Columns()
        last = (await now(LAST, {}))[0]["entry"]

        async def late(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
            if sql == LAST:  # asked before the last entry was written, told after another search has read it
                await columns.renew(now)
                return [{"entry": last - 1}]
            raise AssertionError("reads the log again")

        await columns.renew(late)
        assert columns.entry == last
        assert held(columns) == shown(db)


def test_what_left_the_lists_since_it_was_found_has_no_value(storied: Path) -> None:
    with closing(sqlite3.connect(storied)) as db:
        columns = finish(Columns().renew(runner_on(db)))
    key = next(iter(held(columns)))
    for name in CODED:
        columns.coded[name][key] = 0
        assert columns.count([key], name) == {}


def test_tags_that_change_take_no_further_room(tmp_path: Path) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("prov", name="Provverket", home="https://prov.example/")
        columns, run = Columns(), runner_on(archive.db.conn)
        release = Release(agency="prov", url="https://prov.example/1", title="Fyr", body="", body_html="")
        for number in range(6):
            archive.save(replace(release, tags=(f"Tag {number}", "Kust")[: 2 - number % 2]), seen=SEEN)
            finish(columns.renew(run))
            assert held(columns) == shown(archive.db.conn)
        assert len(columns.tags) <= 6
