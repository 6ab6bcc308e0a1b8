"""The ways to rank a query's releases that the benchmark compares: the search page's, and FTS5 without Swedish.

All read the same archive's titles, leads and bodies, weigh them alike (10, 4, 1) and want every word of the query;
they differ in what a word is. Only ours prefers the newer of two, and reads more than words (phrases, fields, -not).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import snowballstemmer

from archive.analysis import find_words
from archive.search import search
from archive.search.index import BM25_WEIGHTS
from archive.search.params import SearchRequest
from tests.bench.graded import DEPTH

Rank = Callable[[str], list[str]]  # a query → addresses, best first
TABLES = {"plain": "unicode61", "snowball": "unicode61 remove_diacritics 0", "trigram": "trigram"}


@contextmanager
def open_rankings(path: Path) -> Iterator[dict[str, Rank]]:
    """Each way by name, over an archive; the search page first. The others' tables are made in memory."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db, closing(sqlite3.connect(":memory:")) as own:
        fill_tables(own, db)
        stem = stemmer()
        yield {
            "search page": lambda text: rank_ours(db, text),
            "plain FTS5": lambda text: rank_table(own, "plain", text.split()),
            "Snowball": lambda text: rank_table(own, "snowball", stem(text)),
            "Snowball, any word": lambda text: rank_table(own, "snowball", stem(text), " OR "),
            "trigram": lambda text: rank_table(own, "trigram", text.split()),
        }


def rank_ours(db: sqlite3.Connection, text: str) -> list[str]:
    """As the search page does with nothing but these words in its box."""

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        cursor = db.execute(sql, values)
        cursor.row_factory = sqlite3.Row
        return cursor.fetchall()

    results = asyncio.run(search(run, SearchRequest(text=text, size=DEPTH)))
    return [hit.row["url"] for hit in results.hits]


def rank_table(db: sqlite3.Connection, table: str, words: Sequence[str], joined: str = " ") -> list[str]:
    """As Datasette asks FTS5: each word in quotes."""
    match = joined.join(f'"{word}"' for word in words)
    rows = db.execute(f"select url from {table} where {table} match ? order by rank limit {DEPTH}", [match])
    return [url for (url,) in rows]


def fill_tables(own: sqlite3.Connection, db: sqlite3.Connection) -> None:
    """A table of FTS5's for each of the others."""
    stem, weights = stemmer(), ", ".join(map(str, (0.0, *BM25_WEIGHTS[:3])))
    for name, tokenizer in TABLES.items():
        own.execute(
            f"create virtual table {name} using fts5 (url unindexed, title, lead, body, tokenize = '{tokenizer}')"
        )
        own.execute(f"insert into {name} ({name}, rank) values ('rank', 'bm25({weights})')")
        rows: Iterable[tuple[str, ...]] = db.execute(
            "select url, title, coalesce(lead, ''), body from releases order by id"
        )
        if name == "snowball":
            rows = ((url, *(" ".join(stem(text)) for text in texts)) for url, *texts in rows)
        own.executemany(f"insert into {name} values (?, ?, ?, ?)", rows)


def stemmer() -> Callable[[str], list[str]]:
    """A text's words as Snowball's Swedish stems; each word once stemmed is remembered."""
    swedish = snowballstemmer.stemmer("swedish")
    known: dict[str, str] = {}

    def stem(text: str) -> list[str]:
        words = find_words(text)
        known.update((word, swedish.stemWord(word)) for word in words if word not in known)
        return [known[word] for word in words]

    return stem
