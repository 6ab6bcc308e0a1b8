"""Words that find more than is weighed: the newest hits, those with all words in their title first, page by page."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from typing import TypeAlias

import pytest

from archive.database import build_connection_runner
from archive.models import Release
from archive.search import search
from archive.search.params import SearchRequest
from archive.search.ranking import ColumnCache
from archive.store import Archive
from tests.archive.sample import SEEN

NUMBER, MOST, SIZE = 400, 40, 12
FIRST = date(2019, 1, 1)
WORD, TAG, YEAR = "fyr", "Kust", "2021"
Asked: TypeAlias = tuple[str, dict[str, str]]  # words, and what is chosen beside them
ASKED: list[Asked] = [(WORD, {}), (f"{WORD} båt", {}), (WORD, {"tag": TAG}), (WORD, {"year": YEAR})]


@pytest.fixture(scope="module")
def common(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    """Releases of six years, read in no order of their days, some undated; most have the word, some in their title."""
    chance = random.Random(7)
    with Archive(tmp_path_factory.mktemp("common") / "archive.db") as archive, archive.transaction():
        archive.add_agency("prov", name="Provverket", home="https://prov.example/")
        for number in range(NUMBER):
            words = [word for word, share in ((WORD, 0.8), ("båt", 0.5)) if chance.random() < share]
            titled = [word for word in words if chance.random() < 0.2]
            release = Release(
                agency="prov",
                url=f"https://prov.example/{number}",
                title=" ".join(["Nytt", *titled]),
                body=" ".join(["Text", *words]),
                body_html="",
                published=FIRST + timedelta(days=chance.randrange(2200)) if chance.random() < 0.9 else None,
                tags=(TAG,) if chance.random() < 0.6 else (),
            )
            archive.save(release, seen_at=SEEN)
    with closing(sqlite3.connect(archive.path)) as db:
        db.row_factory = sqlite3.Row
        yield db


def by_hand(db: sqlite3.Connection, *words: str, tag: str = "", year: str = "") -> list[int]:
    """Every hit in its order, told from the tables alone."""
    rows = db.execute(
        "select r.id, r.title, r.body, r.published, exists (select 1 from release_tags where release = r.id) as tagged"
        " from releases r join release_facets l on l.release = r.id order by l.sort_date desc, r.id desc"
    ).fetchall()
    hits = [
        row
        for row in rows
        if all(word in row["body"] for word in words)
        and (row["tagged"] or not tag)
        and (row["published"] or "").startswith(year)
    ][:MOST]
    titled = [row["id"] for row in hits if all(word in row["title"] for word in words)]
    return titled + [row["id"] for row in hits if row["id"] not in titled]


@pytest.mark.parametrize("most", [50, 100_000], ids=["more than are looked at", "all are looked at"])
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0], ids=["never by months", "by months", "always by months"])
@pytest.mark.parametrize("asked", ASKED, ids=["a word", "two words", "of a tag", "of a year"])
async def test_each_page_of_the_newest_hits(
    common: sqlite3.Connection,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    share: float,
    asked: tuple[str, dict[str, str]],
) -> None:
    text, chosen = asked
    for module in ("ranking", "fts"):
        monkeypatch.setattr(f"archive.search.{module}.MAX_HITS", MOST)
    monkeypatch.setattr("archive.search.ranking.MAX_COUNTED_HITS", MOST)
    monkeypatch.setattr("archive.search.ranking.MAX_SORTED_HITS", most)
    monkeypatch.setattr("archive.search.fts.MAX_WINDOW_SHARE", share)
    run = build_connection_runner(common)
    columns = await ColumnCache().refresh(run)
    expected = by_hand(common, *text.split(), **chosen)
    assert len(expected) == MOST
    include = {name: (value,) for name, value in chosen.items()}
    shown: list[int] = []
    for page in range(1, -(-MOST // SIZE) + 1):
        query = SearchRequest(text=text, include=include, page=page, size=SIZE)
        shown += (await search(run, query, columns)).hit_page.ids
    assert shown[:MOST] == expected
    assert len(set(shown)) == len(shown), "the last page goes on with the older hits"
