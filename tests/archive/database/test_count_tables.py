"""Counts and the order of lists, which triggers maintain."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from archive.database.count_tables import COUNT_TABLES, fill_counts
from archive.database.models import Release
from archive.store.releases import Archive
from archive.store.takedowns import hide_release, lift_takedown
from tests.archive.sample import SEEN, Site, import_release, served

HIDDEN_AT = datetime(2025, 6, 3, 8, tzinfo=UTC)


@pytest.fixture
def path(history_archive: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(history_archive, tmp_path / "archive.db"))


def read_counts(db: sqlite3.Connection) -> dict[str, list[Any]]:
    return {name: db.execute(f"select * from {name}").fetchall() for name in COUNT_TABLES}


def check_counts(path: Path) -> dict[str, list[Any]]:
    """Return the stored counts, which must equal a recount."""
    with closing(sqlite3.connect(path)) as db:
        stored = read_counts(db)
        fill_counts(Database(db))
        assert stored == read_counts(db)
    return stored


def test_hidden_release_is_not_counted_until_shown_again(path: Path) -> None:
    before = check_counts(path)  # after edits, moves and removals
    assert all(before.values())
    assert before["month_counts"][0][:2] == ("", "")
    with Archive(path) as archive:
        (tagged,) = archive.db.execute("select release from tag_releases limit 1").fetchone()
        key = hide_release(archive, tagged, HIDDEN_AT, reason="Domstols beslut")
    hidden = check_counts(path)
    assert hidden["month_counts"][0][2] == before["month_counts"][0][2] - 1
    assert len(hidden["tag_releases"]) < len(before["tag_releases"])
    with Archive(path) as archive:
        lift_takedown(archive, key, HIDDEN_AT, "Domen är upphävd")
    after = check_counts(path)
    assert after["month_counts"] == before["month_counts"]
    assert {name: len(rows) for name, rows in after.items()} == {
        name: len(rows) for name, rows in before.items()
    }


def test_rows_that_change_their_place_are_counted_there(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("update releases set agency = (select max(slug) from agencies)")
        db.execute("update revisions set cause = 'first' where id % 2")
        db.execute("update revisions set update_date_changed = 1 - update_date_changed")
    assert len(check_counts(path)["edit_counts"]) == 1


def test_deleted_rows_are_not_counted(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        for table, key in (
            *(("revisions", "release"), ("release_tags", "tag"), ("release_tags", "release")),
            ("releases", "id"),
        ):
            db.execute(f"delete from {table} where {key} % 3 = 0")
    assert check_counts(path)["edit_counts"]
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("delete from revisions where cause = 'source'")
        assert read_counts(db)["edit_counts"] == []


def list_titles(db: Database) -> list[str]:
    """Return the titles in the order of lists."""
    rows = db.execute(
        "select title from release_facets join releases on releases.id = release_facets.release"
        " order by sort_date desc, release desc"
    )
    return [row[0] for row in rows]


async def test_undated_releases_are_sorted_by_crawl_or_last(
    sample_archive: Path, tmp_path: Path
) -> None:
    """Releases of an agency's first crawl or of an import may be of any age."""
    path = Path(shutil.copy(sample_archive, tmp_path / "archive.db"))
    with Archive(path) as archive:
        for title, cause, days in (
            ("Först", "source", 0),
            ("Sedan", "source", 9),
            ("Införd", "import", 9),
        ):
            release = Release(
                agency="fyrstyrelsen",
                url=f"https://a.se/{title}",
                title=title,
                body=title,
                body_html=f"<p>{title}</p>",
            )
            if cause == "import":
                import_release(archive, release, SEEN + timedelta(days=days))
            else:
                archive.save(release, seen_at=SEEN + timedelta(days=days))
        titles = list_titles(archive.db)
        assert (titles[0], titles[-2:]) == ("Sedan", ["Införd", "Först"])
        archive.db.execute("update releases set kind = kind")
        assert list_titles(archive.db) == titles, "the triggers compute the same order"
        archive.db.execute("update releases set published = '2024-06-04' where title = 'Först'")
        assert list_titles(archive.db)[1] == "Först"
    with served(path) as datasette:
        site = Site(datasette)
        hits = (await site.get("/search.json?size=12")).json()["releases"]
        links = (await site.page("/")).cssselect("ol.releases h3 a")
        assert len(links) > 4
        assert [link.text for link in links] == [hit["title"] for hit in hits[: len(links)]]
        assert (await site.get("/search.json?q=först&order=best")).json()["total"] == 1
