"""Merging two releases of one agency, the second of which follows the first at another URL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from archive.database.models import Release
from archive.search.search_index import encode_facet_term
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
