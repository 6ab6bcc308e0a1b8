"""The ways to rank a query's releases that the benchmark compares, and further ones that find
releases to judge.

The compared rankings read the titles, leads and bodies of the same archive, give them the same
weights (10, 4, 1) and require every word of the query; they differ in what counts as a word. Only
ours prefers newer releases, and understands more than words (phrases, fields, -not). The further
ones (`FINDERS`) share no index with ours, so that they find what ours misses.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import snowballstemmer

from archive.language.terms import find_words
from archive.search.results import search
from archive.search.search_request import SearchRequest
from tests.bench.graded import RECALL_DEPTH, JudgedQuery

Rank = Callable[[str], list[str]]  # a query → addresses, best first
Finder = Callable[[JudgedQuery], list[str]]
# of titles, leads and bodies; ours times 0.3, with which these rank worse
WEIGHTS = (10.0, 4.0, 1.0)
TABLES = {"plain": "unicode61", "snowball": "unicode61 remove_diacritics 0", "trigram": "trigram"}


@contextmanager
def open_rankings(path: Path, depth: int = RECALL_DEPTH) -> Iterator[dict[str, Rank]]:
    """Open each compared ranking of an archive by name, the search page first.

    The others' tables are in memory.
    """
    with (
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db,
        closing(sqlite3.connect(":memory:")) as own,
    ):
        fill_tables(own, db)
        stem = stemmer()
        yield {
            "search page": lambda text: rank_ours(db, text, depth),
            "plain FTS5": lambda text: rank_table(own, "plain", text.split(), depth),
            "Snowball": lambda text: rank_table(own, "snowball", stem(text), depth),
            "Snowball, any word": lambda text: rank_table(
                own, "snowball", stem(text), depth, " OR "
            ),
            "trigram": lambda text: rank_table(own, "trigram", text.split(), depth),
            "trigram, any word": lambda text: rank_table(
                own, "trigram", text.replace('"', " ").split(), depth, " OR "
            ),
            # Parts of words that the query and the text have in common; it needs no whole words,
            # and no knowledge of the language.
            "any trigram": lambda text: rank_table(
                own, "trigram", list_trigrams(text), depth, " OR "
            ),
        }


@contextmanager
def open_finders(path: Path, depth: int) -> Iterator[dict[str, Finder]]:
    """Open each way to find releases that are worth judging, by name."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        rows = db.execute(
            "select url, title, title || ' ' || coalesce(lead, '') || ' ' || body from releases"
            " order by coalesce(published, updated, first_seen) desc, id"
        )
        texts = [(url, title.casefold(), text.casefold()) for url, title, text in rows]
    yield {
        "title": lambda query: find_titles(texts, query.text)[:depth],
        "part of a word, newest": lambda query: find_parts(texts, query.text)[:depth],
        "part of a word, in titles first": lambda query: find_parts(
            texts, query.text, titles_first=True
        )[:depth],
        "other words, newest": lambda query: find_other_words(texts, query.also, depth),
        "other words, in titles first": lambda query: find_other_words(
            texts, query.also, depth, titles_first=True
        ),
    }


Texts = Sequence[tuple[str, str, str]]  # address, title and whole text in lower case; newest first


def find_titles(texts: Texts, query: str) -> list[str]:
    """Return the releases whose titles contain words of the query or begin so; those with most of
    them first.
    """
    stems = [
        word.casefold()[: max(4, len(word) - 3)] for word in find_words(query) if len(word) > 3
    ] or [query.casefold()]
    counts = [(url, sum(stem in title for stem in stems)) for url, title, _ in texts]
    return [url for url, count in sorted(counts, key=lambda pair: -pair[1]) if count]


def find_parts(texts: Texts, query: str, *, titles_first: bool = False) -> list[str]:
    """Return the releases that contain each word of the query anywhere, also within words."""
    words = query.casefold().split()
    found = [(url, title) for url, title, text in texts if all(word in text for word in words)]
    if titles_first:
        found.sort(key=lambda pair: -sum(word in pair[1] for word in words))
    return [url for url, _ in found]


def find_other_words(
    texts: Texts, phrasings: Sequence[str], depth: int, *, titles_first: bool = False
) -> list[str]:
    """Return the releases of several phrasings, an equal share of each."""
    found = [
        find_parts(texts, phrasing, titles_first=titles_first)[:depth] for phrasing in phrasings
    ]
    turns = [urls[place] for place in range(depth) for urls in found if place < len(urls)]
    return list(dict.fromkeys(turns))[:depth]


def rank_ours(db: sqlite3.Connection, text: str, depth: int) -> list[str]:
    """Rank as the search page does if its box contains only these words."""

    async def run(sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        cursor = db.execute(sql, values)
        cursor.row_factory = sqlite3.Row
        return cursor.fetchall()

    results = asyncio.run(search(run, SearchRequest(text=text, size=depth)))
    return [hit.row["url"] for hit in results.hits]


def rank_table(
    db: sqlite3.Connection, table: str, words: Sequence[str], depth: int, joined: str = " "
) -> list[str]:
    """Rank as FTS5 does when Datasette queries it: each word in quotes."""
    match = joined.join(f'"{word}"' for word in words)
    rows = db.execute(
        f"select url from {table} where {table} match ? order by rank limit {depth}", [match]
    )
    return [url for (url,) in rows]


def list_trigrams(text: str) -> list[str]:
    """List the trigrams within a text's words."""
    words = find_words(text)
    return list(
        dict.fromkeys(word[start : start + 3] for word in words for start in range(len(word) - 2))
    )


def fill_tables(own: sqlite3.Connection, db: sqlite3.Connection) -> None:
    """Create an FTS5 table for each of the other rankings."""
    stem, weights = stemmer(), ", ".join(map(str, (0.0, *WEIGHTS)))
    for name, tokenizer in TABLES.items():
        own.execute(
            f"create virtual table {name} using fts5 (url unindexed,"
            f" title, lead, body, tokenize = '{tokenizer}')"
        )
        own.execute(f"insert into {name} ({name}, rank) values ('rank', 'bm25({weights})')")
        rows: Iterable[tuple[str, ...]] = db.execute(
            "select url, title, coalesce(lead, ''), body from releases order by id"
        )
        if name == "snowball":
            rows = ((url, *(" ".join(stem(text)) for text in texts)) for url, *texts in rows)
        own.executemany(f"insert into {name} values (?, ?, ?, ?)", rows)


def stemmer() -> Callable[[str], list[str]]:
    """Return a function that splits a text into Swedish stems by Snowball; each word once stemmed
    is remembered.
    """
    swedish = snowballstemmer.stemmer("swedish")
    known: dict[str, str] = {}

    def stem(text: str) -> list[str]:
        words = find_words(text)
        known.update((word, swedish.stemWord(word)) for word in words if word not in known)
        return [known[word] for word in words]

    return stem
