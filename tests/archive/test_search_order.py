"""One order of every list: undated releases stand where a crawl found them, or last."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlite_utils import Database

from archive.models import Release
from archive.store import Archive
from tests.archive.sample import SEEN, Site, fill, served

ORDERED = (
    "select title from release_facets join releases on releases.id = release_facets.release"
    " order by sort_date desc, release desc"
)


async def test_undated_releases_stand_where_a_crawl_found_them_or_last(tmp_path: Path) -> None:
    """What an agency's first crawl or an import brings may be of any age; the first page has the same order."""
    path = fill(tmp_path / "archive.db")
    with Archive(path) as archive:
        for title, cause, days in (("Först", "source", 0), ("Sedan", "source", 9), ("Införd", "import", 9)):
            release = Release(
                agency="fyrstyrelsen", url=f"https://a.se/{title}", title=title, body=title, body_html=f"<p>{title}</p>"
            )
            archive.save(release, seen_at=SEEN + timedelta(days=days), cause=cause)
        ordered = titles(archive.db)
        assert (ordered[0], ordered[-2:]) == ("Sedan", ["Införd", "Först"])
        archive.db.execute("update releases set kind = kind")
        assert titles(archive.db) == ordered, "as the triggers have it"
        archive.db.execute("update releases set published = '2024-06-04' where title = 'Först'")
        assert titles(archive.db)[1] == "Först"
    with served(path) as datasette:
        site = Site(datasette)
        hits = (await site.get("/search.json?size=12")).json()["releases"]
        links = (await site.page("/")).cssselect("ol.releases h3 a")
        assert [link.text for link in links] == [hit["title"] for hit in hits]
        assert (await site.get("/search.json?q=först&order=best")).json()["total"] == 1


def titles(db: Database) -> list[str]:
    return [row[0] for row in db.execute(ORDERED)]
