"""python -m tests.bench.pool ARCHIVE [SEED]: print the releases that some ranking finds and that
are not judged yet.

Run it after a change to the search, so that releases found by the change are judged as well and do
not count as 0. Each query's releases are shuffled, and no line says which ranking found them.
Append the grades to graded.tsv.
"""

from __future__ import annotations

import random
import re
import sqlite3
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path

from archive.language.terms import find_words
from tests.bench.graded import JudgedQuery, read_grades, read_queries
from tests.bench.rankings import open_finders, open_rankings

POOL_DEPTH = 20  # places of each ranking that are judged
BEGINNING = 600  # characters of a release that are shown
EXCERPT = 240  # characters around the first word of the query, if the beginning does not contain it


def pool(archive: Path, depth: int = POOL_DEPTH) -> dict[str, set[str]]:
    """Return for each query the releases in the first places of any ranking."""
    with open_rankings(archive, depth) as rankings, open_finders(archive, depth) as finders:
        return {
            query.text: {url for rank in rankings.values() for url in rank(query.text)}
            | {url for find in finders.values() for url in find(query)}
            for query in read_queries()
        }


def shuffle(urls: Collection[str], seed: str) -> list[str]:
    """Return the releases in an order that depends on nothing but the seed."""
    return random.Random(seed).sample(sorted(urls), len(urls))


def format_batch(
    db: sqlite3.Connection, query: JudgedQuery, urls: Collection[str]
) -> Iterator[str]:
    """Yield the lines that a judge reads: for each release its record id, title, date, beginning
    and an excerpt.
    """
    for number, url in enumerate(urls, start=1):
        title, date, text = db.execute(
            "select title, substr(coalesce(published, updated), 1, 10), coalesce(lead, '') || '"
            " ' || body from releases where url = ?",
            [url],
        ).fetchone()
        text = " ".join(text.split())
        yield f"{number}. {url}\n{title} ({date or 'undated'})\n{text[:BEGINNING]}"
        if excerpt := find_excerpt(text, query, BEGINNING):
            yield f"[…] {excerpt}"


def find_excerpt(text: str, query: JudgedQuery, beginning: int) -> str:
    """Return the first passage after the beginning that has a long word of the query, or of its
    other wordings.
    """
    words = {word for phrase in (query.text, *query.also) for word in find_words(phrase)}
    stems = [
        re.escape(word[: max(4, len(word) - 3)])
        for word in words
        if len(word) > 3 or word == query.text.casefold()
    ]
    patterns = re.compile("|".join(stems), re.IGNORECASE)
    if not stems or patterns.search(text[:beginning]):
        return ""
    match = patterns.search(text, beginning)
    return text[max(match.start() - EXCERPT // 2, 0) : match.start() + EXCERPT] if match else ""


def list_unjudged(pooled: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return the pooled releases without a grade."""
    judged = read_grades()
    return {query: urls - judged.get(query, {}).keys() for query, urls in pooled.items()}


def main() -> None:
    archive, seed = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    unjudged = list_unjudged(pool(archive))
    with closing(sqlite3.connect(f"file:{archive}?mode=ro", uri=True)) as db:
        for query in read_queries():
            print(f"\n== {query.text}\n")
            for line in format_batch(db, query, shuffle(unjudged[query.text], seed + query.text)):
                print(line)


if __name__ == "__main__":
    main()
