"""Audits of the sample agencies: missing releases, a source that broke off, nothing missing, and
never audited.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from archive.health.audited_sources import AuditedSource, ListedUrl, SourceProblem
from archive.health.coverage import update_coverage
from archive.store.releases import Archive

AUDITED_AT = datetime(2024, 6, 3, 9, tzinfo=UTC)
BUTTON = SourceProblem("button", "https://fyrstyrelsen.example/press?page=2", "Visa fler")
MISSING = ("ny-bro", "gammal-bro", "okand")


def build_source(
    url: str,
    kind: str,
    listed: Iterable[tuple[str, str | None]],
    problem: SourceProblem | None = None,
) -> AuditedSource:
    """Build a source that lists URLs, each with the time of publication that it states."""
    urls = {
        url_: ListedUrl(source_url=url, published=published, listed_at=published)
        for url_, published in listed
    }
    return AuditedSource(url=url, kind=kind, urls=urls, problem=problem)


def add_coverage(path: Path) -> Path:
    """Add audits of three agencies to an archive."""
    with Archive(path) as archive:
        stored: dict[str, list[tuple[str, str | None]]] = {}
        for slug, url in archive.db.execute("select agency, url from releases order by id"):
            stored.setdefault(slug, []).append((url, None))
        roads = stored["vagmyndigheten"][0][0].rpartition("/")[0]
        new, old, undated = (f"{roads}/{name}" for name in MISSING)
        listing = [
            *stored["vagmyndigheten"],
            (new, "2024-05-31T22:30:00+00:00"),
            (old, "2021-05-03"),
        ]
        sources = {
            "vagmyndigheten": [
                build_source(f"{roads}/", "listing", listing),
                build_source(
                    f"{roads}/sitemap.xml",
                    "sitemap",
                    [*stored["vagmyndigheten"][:9], (undated, None)],
                ),
            ],
            "fyrstyrelsen": [
                build_source(
                    "https://fyrstyrelsen.example/press",
                    "listing",
                    stored["fyrstyrelsen"][:1],
                    BUTTON,
                )
            ],
            "fagelverket": [
                build_source("https://fagelverket.example/rss", "feed", stored["fagelverket"])
            ],
        }
        with archive.transaction():
            for slug, audited in sources.items():
                update_coverage(archive.db, slug, audited, AUDITED_AT)
    return path
