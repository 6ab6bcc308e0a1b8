"""What audits may have found of the sample's agencies: gaps, a source that broke off, all there, and never audited."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from archive.coverage import AuditedSource, ListedUrl, update_coverage
from archive.store import Archive

AUDITED = datetime(2024, 6, 3, 9, tzinfo=UTC)
MISSING = ("ny-bro", "gammal-bro", "okand")


def to_source(
    url: str, kind: str, listed: Iterable[tuple[str, str | None]], problem: str | None = None
) -> AuditedSource:
    """A source that lists these addresses, each with the time at which it says it was published."""
    entries = {
        address: ListedUrl(source_url=url, published=published, listed_at=published) for address, published in listed
    }
    return AuditedSource(url=url, kind=kind, urls=entries, problem=problem)


def add_ledger(path: Path) -> Path:
    """Audits of three agencies at one time."""
    with Archive(path) as archive:
        held: dict[str, list[tuple[str, str | None]]] = {}
        for slug, url in archive.db.execute("select agency, url from releases order by id"):
            held.setdefault(slug, []).append((url, None))
        roads = held["vagmyndigheten"][0][0].rpartition("/")[0]
        gaps = [f"{roads}/{name}" for name in MISSING]
        listing = [*held["vagmyndigheten"], (gaps[0], "2024-05-31T22:30:00+00:00"), (gaps[1], "2021-05-03")]
        sources = {
            "vagmyndigheten": [
                to_source(f"{roads}/", "listing", listing),
                to_source(f"{roads}/sitemap.xml", "sitemap", [*held["vagmyndigheten"][:9], (gaps[2], None)]),
            ],
            "fyrstyrelsen": [
                to_source("https://fyrstyrelsen.example/press", "listing", held["fyrstyrelsen"][:1], "page 2: 503")
            ],
            "fagelverket": [to_source("https://fagelverket.example/rss", "feed", held["fagelverket"])],
        }
        with archive.transaction():
            for slug, read in sources.items():
                update_coverage(archive.db, slug, read, AUDITED)
    return path
