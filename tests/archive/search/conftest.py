"""Searches of the sample archive, without a site."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from archive.database.sqlite_files import RunQuery, build_connection_runner
from archive.search.excerpts import MarkedText
from archive.search.results import Results, search
from archive.search.search_request import FACETS, SearchRequest


@dataclass(frozen=True, slots=True)
class Searcher:
    """Searches an archive. Keyword arguments are facets, or fields of SearchRequest."""

    run: RunQuery

    async def find(self, text: str = "", **options: Any) -> Results:
        return await search(self.run, build_request(text, **options))

    async def titles(self, text: str = "", *, loose: bool = False, **options: Any) -> list[str]:
        """Return the titles of the strict hits, or of the loose ones."""
        return [
            plain(hit.title)
            for hit in (await self.find(text, **options)).hits
            if hit.is_loose is loose
        ]

    async def total(self, text: str = "", **options: Any) -> int:
        return (await self.find(text, **options)).hit_page.total


def build_request(text: str = "", **options: Any) -> SearchRequest:
    include = {name: (options.pop(name),) for name in FACETS if name in options}
    return SearchRequest(text=text, include=include | options.pop("include", {}), **options)


def plain(parts: MarkedText) -> str:
    """Return a title or excerpt without its marks."""
    return "".join(text for text, _ in parts)


def marks(parts: MarkedText) -> list[str]:
    return [text for text, is_marked in parts if is_marked]


def lower_limits(monkeypatch: pytest.MonkeyPatch, max_hits: int) -> None:
    """Make the sample a large archive, of whose hits only so many are ranked and counted."""
    for name in ("MAX_HITS", "MAX_COUNTED_HITS"):
        monkeypatch.setattr(f"archive.search.ranking.{name}", max_hits)
    monkeypatch.setattr("archive.search.loose_hits.ENOUGH_HITS", max_hits)


@pytest.fixture(scope="session")
def sample(sample_archive: Path) -> Iterator[Searcher]:
    with closing(sqlite3.connect(sample_archive)) as connection:
        yield Searcher(build_connection_runner(connection))
