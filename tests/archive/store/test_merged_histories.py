"""Merging two releases of one agency, the second of which follows the first at another URL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archive.database.models import Release
from archive.search.search_index import encode_facet_term
from archive.store.derived_data import describe_index_fault
from archive.store.merged_histories import merge_releases
from archive.store.releases import Archive

SEEN = datetime(2026, 3, 1, 8, tzinfo=UTC)
OLD = Release(
    agency="skog",
    url="https://skog.example/nyheter/1",
    title="Mer lövskog",
    body="Stödet är 18 miljoner kronor.",
    body_html="<p>Stödet är 18 miljoner kronor.</p>",
)


def test_merge_joins_the_histories_of_two_urls(tmp_path: Path) -> None:
    new = replace(OLD, url="https://skog.example/arkiv/1", body="Stödet är 19 miljoner kronor.")
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("skog", name="Skogsbruksrådet", home="https://skog.example/")
        for hour, release in enumerate((OLD, new)):
            archive.save(release, seen_at=SEEN + timedelta(hours=hour))
        with archive.transaction():
            merge_releases(
                archive, 1, 2, SEEN + timedelta(hours=2), new.url, cause="source", status=301
            )
        revisions = archive.db.execute(
            "select release, previous, cause, summary from revisions order by id"
        ).fetchall()
        assert revisions == [(1, None, "first", None), (2, 1, "source", "1 belopp ändrat")]
        assert archive.db.execute("select moved_to from releases order by id").fetchall() == [
            (2,),
            (None,),
        ]
        for table, rows in (("search_diff", [(32,)]), ("search_versions", [(1,)])):
            indexed = f"select rowid from {table} where {table} match '18'"
            assert archive.db.execute(indexed).fetchall() == rows
        edited = (
            f"select rowid from search where search match '{encode_facet_term('edited', 'yes')}'"
        )
        assert archive.db.execute(edited).fetchall() == [(2,)]
        archive.save(replace(OLD, url=new.url), seen_at=SEEN + timedelta(hours=3))
        back = archive.db.execute(
            "select release, cause, reverts_to from revisions where id = 3"
        ).fetchall()
        assert back == [(2, "source", 1)], "a state of the earlier URL"


@pytest.mark.parametrize("body", [OLD.body, "Stödet är 18 miljoner kronor. Sök nu."])
def test_release_that_moved_back_leaves_the_index_complete(tmp_path: Path, body: str) -> None:
    """With the text as before, maybe as the current parser reads it."""
    new = replace(OLD, url="https://skog.example/arkiv/1", body="Stödet är 19 miljoner kronor.")
    with Archive(tmp_path / "archive.db") as archive:
        archive.add_agency("skog", name="Skogsbruksrådet", home="https://skog.example/")
        for release in (OLD, new):
            archive.save(release, seen_at=SEEN)
        with archive.transaction():
            merge_releases(archive, 1, 2, SEEN, new.url, cause="source")
            archive.save(replace(OLD, body=body), seen_at=SEEN, cause="parser")
            merge_releases(archive, 2, 1, SEEN, OLD.url, cause="source")
        assert describe_index_fault(archive.db) is None
        archive.recompute()
        assert describe_index_fault(archive.db) is None
