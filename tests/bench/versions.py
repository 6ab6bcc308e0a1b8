"""`python -m tests.bench.versions [ARCHIVE]`: measures searches in earlier versions, histories of
phrases, and what their index costs.

Without ARCHIVE, one is made of the collection (edited_collection.py). The words and phrases are
drawn from its current texts and from sentences that edits removed. Times are CPU milliseconds of
this process, without templates and HTTP; "first" is the first time that a query is asked.
The baseline reads all versions with LIKE, as one would without an index of them.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any

from archive.changes.edits_and_removals import REGISTER_PAGE_SIZE
from archive.database.sqlite_files import relieve_garbage_collector
from archive.search.column_cache import ColumnCache
from archive.search.edit_search import (
    read_phrase_entries,
    read_phrase_history,
    read_phrase_hits,
)
from archive.search.former_versions import find_former_hits
from archive.search.matching_releases import read_current
from archive.search.results import prepare_finder, search
from archive.search.search_request import SearchRequest
from tests.bench.collection import ABSENT, COLLECTION
from tests.bench.edited_collection import fill_edited, split_sentences, weigh_tables
from tests.bench.figures import judge
from tests.bench.measure import print_lines

SEED = 5
PHRASES = 40  # of each length, half of them from removed sentences
LENGTHS = range(2, 6)  # words of a phrase
WORDS = 60  # queries of each kind
COMPARED = 24  # phrases that the baseline looks for, too
FEW, MANY = 10, 1000  # releases that had a phrase: rare to 10, common from 1,000
SLOWEST_MS = 330  # of a history
INDEX_TABLES = ("search", "search_versions", "search_diff", "text_versions", "revisions")
WORD = re.compile(r"[^\W\d_]{2,}")
SCAN_SQL = """
    select release, title, lead, body from revisions
    where title like :like or lead like :like or body like :like
"""
Run = Callable[[str, dict[str, Any]], Awaitable[Sequence[Any]]]


@dataclass(slots=True)
class Times:
    """The CPU milliseconds of queries when they were asked first, and again."""

    first: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)

    def to_row(self, name: str) -> str:
        cells = "".join(
            f"{median(times):>9.1f}{p90(times):>8.1f}{max(times):>8.1f}" if times else f"{'':25}"
            for times in (self.first, self.again)
        )
        return f"{name:42}{len(self.first):>5}{cells}"


class Reader:
    """Asks an archive what the site's pages ask it, in one thread."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.columns = ColumnCache()

    async def run(self, sql: str, values: dict[str, Any], /) -> Sequence[Any]:
        return self.db.execute(sql, values).fetchall()

    async def read_history(self, phrase: str) -> set[int]:
        """Read the first page of a phrase's history; return the releases of the whole history."""
        history = await read_phrase_history(self.run, self.columns, f'"{phrase}"')
        page = history.times[:REGISTER_PAGE_SIZE]
        entries = await read_phrase_entries(self.run, history, page)
        await read_phrase_hits(self.run, history.query, entries)
        return {times.release for times in history.times}

    async def find_former(self, text: str) -> float:
        """Return the CPU seconds of finding the former results of a query."""
        request = SearchRequest(text=text, all_versions=True)
        finder, _ = await prepare_finder(self.run, request, self.columns)
        current = await read_current(self.run, request, finder.names)
        begun = time.process_time()
        await find_former_hits(finder, current)
        return time.process_time() - begun

    async def search(self, text: str, *, all_versions: bool = False) -> None:
        await search(self.run, SearchRequest(text=text, all_versions=all_versions), self.columns)


def measure_versions(archive: Path | None = None) -> Iterator[str]:
    """Yield the lines of the tables, or the reason if there is no collection."""
    if archive is None and not COLLECTION.is_file():
        yield f"earlier versions are {ABSENT}"
        return
    with tempfile.TemporaryDirectory() as made:
        path = archive or Path(made) / "archive.db"
        before: dict[str, int] = {}
        if archive is None:
            filled = fill_edited(path)
            before = dict(filled.tables)
            each = filled.edit_cpu / filled.edits * 1000
            yield f"storing one of {filled.edits} edits: {each:.1f} ms of CPU"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            db.row_factory = sqlite3.Row
            yield from list_sizes(db, before)
            yield ""
            yield from measure_queries(db)


def list_sizes(db: sqlite3.Connection, before: dict[str, int]) -> Iterator[str]:
    """Yield the megabytes of the indexes and of the whole file, without edits and with them."""
    (releases, edits), after = (
        db.execute(
            "select (select count(*) from releases), (select count(*) from revisions where is_edit)"
        ).fetchone(),
        weigh_tables(db),
    )
    yield f"MB of {releases} releases{' without edits, and' if before else ''} with {edits} edits"
    for name in (*INDEX_TABLES, "the whole file"):
        sizes = [
            sum(tables.values()) if name == "the whole file" else tables.get(name, 0)
            for tables in (before, after)
            if tables
        ]
        yield f"{name:42}" + "".join(f"{size / 1e6:>10.1f}" for size in sizes)


def measure_queries(db: sqlite3.Connection) -> Iterator[str]:
    """Yield a table of all kinds of queries, and how many results a history lacks."""
    reader, chance = Reader(db), Random(SEED)
    begun = time.process_time()
    asyncio.run(reader.columns.refresh(reader.run))
    yield f"reading the columns in memory: {(time.process_time() - begun) * 1000:.0f} ms of CPU"
    asyncio.run(reader.read_history("som inte"))  # reads the dictionary
    relieve_garbage_collector()  # as the site does
    yield f"{'':42}{'':5}{'first, CPU ms':^25}{'again':^25}"
    cells = f"{'median':>9}{'p90':>8}{'max':>8}"
    yield f"{'':42}{'':>5}{cells}{cells}"
    removed, added = list_changed_sentences(db, chance)
    texts = list_sentences(db, chance)
    yield from measure_histories(reader, draw_phrases((texts, removed), chance))
    words = [*draw_vocabulary(db, chance), *draw_words(removed, 1, WORDS // 2, chance)]
    pairs = [*draw_words(texts, 2, WORDS // 2, chance), *draw_words(removed, 2, WORDS // 2, chance)]
    for name, queries in (("a word", words), ("two words", pairs)):
        former = measure(lambda text: asyncio.run(reader.find_former(text)), queries)
        yield former.to_row(f"versions=all, {name}: former results")
        whole = measure(lambda text: asyncio.run(reader.search(text, all_versions=True)), queries)
        yield whole.to_row(f"versions=all, {name}: whole search")
        current = measure(lambda text: asyncio.run(reader.search(text)), queries)
        yield current.to_row(f"the same without versions=all, {name}")
    for side, sentences in (("removed", removed), ("added", added)):
        one, two = (draw_words(sentences, number, WORDS, chance) for number in (1, 2))
        phrases = [f'"{phrase}"' for phrase in cut_phrases(sentences, 3, WORDS, chance)]
        for name, queries in (("a word", one), ("two words", two), ("a phrase", phrases)):
            asked = [" ".join(f"{side}:{part}" for part in split_query(text)) for text in queries]
            found = measure(lambda text: asyncio.run(reader.search(text)), asked)
            yield found.to_row(f"{side}: {name}, whole search")


def measure_histories(reader: Reader, phrases: Sequence[str]) -> Iterator[str]:
    """Yield the times of the phrases' histories by the number of releases, and the baseline's."""
    results: dict[str, set[int]] = {}

    def read(phrase: str) -> None:
        results[phrase] = asyncio.run(reader.read_history(phrase))

    times = measure(read, phrases)
    yield times.to_row("histories of phrases")
    for name, kept in (
        (f"of fewer than {FEW} releases", range(FEW)),
        ("of more", range(FEW, MANY)),
        (f"of {MANY} and more", range(MANY, 10**9)),
    ):
        places = [place for place, text in enumerate(phrases) if len(results[text]) in kept]
        if places:
            part = Times(*([all_[at] for at in places] for all_ in (times.first, times.again)))
            yield part.to_row(f"  {name}")
    compared = Random(SEED).sample(sorted(results), min(COMPARED, len(results)))
    scans, missed, looked_for = Times(), 0, 0
    for phrase in compared:
        begun = time.process_time()
        releases = scan(reader.db, phrase)
        scans.first.append((time.process_time() - begun) * 1000)
        looked_for += len(releases)
        missed += len(releases - results[phrase])
    yield scans.to_row("  LIKE in all versions, some of the phrases")
    yield f"  of {looked_for} releases found by that, {missed} are not in the histories"
    ours = median(times.first[phrases.index(phrase)] for phrase in compared)
    yield f"  a history of these, of what LIKE takes: {ours / median(scans.first):.4f}"
    yield judge("the slowest history", max(times.first), unit="ms", most=SLOWEST_MS)


def scan(db: sqlite3.Connection, phrase: str) -> set[int]:
    """Find the releases with a version that contains whole words in this order."""
    whole = re.compile(rf"(?<!\w){re.escape(phrase)}(?!\w)", re.IGNORECASE)
    return {
        release
        for release, *texts in db.execute(SCAN_SQL, {"like": f"%{phrase}%"})
        if any(whole.search(text) for text in texts if text)
    }


def measure(ask: Callable[[str], float | None], queries: Sequence[str]) -> Times:
    """Ask every query, then every query again. ask: may return the CPU seconds of a part."""
    times = Times()
    for measured in (times.first, times.again):
        for query in queries:
            begun = time.process_time()
            part = ask(query)
            spent = time.process_time() - begun if part is None else part
            measured.append(spent * 1000)
    return times


def list_sentences(db: sqlite3.Connection, chance: Random) -> list[str]:
    """Return sentences of random releases."""
    ids = [key for (key,) in db.execute("select id from releases where body <> ''")]
    chosen = chance.sample(ids, min(len(ids), 10 * PHRASES))
    bodies = (db.execute("select body from releases where id = ?", [key]) for key in chosen)
    return [
        chance.choice(split_sentences(chance.choice(body.split("\n\n"))))
        for rows in bodies
        for (body,) in rows
    ]


def list_changed_sentences(db: sqlite3.Connection, chance: Random) -> tuple[list[str], list[str]]:
    """Return sentences that random edits removed, and that they added."""
    pairs = db.execute("select previous, id from revisions where is_edit").fetchall()
    removed: list[str] = []
    added: list[str] = []
    for before, after in chance.sample(pairs, min(len(pairs), 20 * PHRASES)):
        old, new = (list_body_sentences(db, key) for key in (before, after))
        removed += sorted(old - new)
        added += sorted(new - old)
    return removed, added


def list_body_sentences(db: sqlite3.Connection, revision: int) -> set[str]:
    (body,) = db.execute("select body from revisions where id = ?", [revision]).fetchone()
    return set(chain.from_iterable(map(split_sentences, body.split("\n\n"))))


def draw_phrases(sources: Sequence[Sequence[str]], chance: Random) -> list[str]:
    """Return phrases of each length from each of the sources."""
    number = PHRASES // len(sources)
    return list(
        dict.fromkeys(
            phrase
            for length in LENGTHS
            for sentences in sources
            for phrase in cut_phrases(sentences, length, number, chance)
        )
    )


def cut_phrases(sentences: Sequence[str], length: int, number: int, chance: Random) -> list[str]:
    """Return some words in sequence from random sentences."""
    whole = re.compile(rf"(?<!\S){' '.join([WORD.pattern] * length)}(?!\S)")
    phrases: list[str] = []
    while len(phrases) < number:
        if found := whole.findall(chance.choice(sentences)):
            phrases.append(chance.choice(found))
    return phrases


def draw_words(sentences: Sequence[str], number: int, queries: int, chance: Random) -> list[str]:
    """Return queries of words that a random sentence has, common ones more often."""
    drawn: list[str] = []
    while len(drawn) < queries:
        words = WORD.findall(chance.choice(sentences))
        if len(words) >= number:
            drawn.append(" ".join(chance.sample(words, number)))
    return drawn


def draw_vocabulary(db: sqlite3.Connection, chance: Random) -> list[str]:
    """Return words of releases, half of them rare and half of them not."""
    (releases,) = db.execute("select count(*) from releases").fetchone()
    drawn: list[str] = []
    for least, most in ((2, FEW), (releases // 1000, releases // 20)):
        words = db.execute(
            "select word from vocabulary where releases between ? and ? order by word",
            [least, most],
        ).fetchall()
        drawn += [word for (word,) in chance.sample(words, WORDS // 4)]
    return drawn


def split_query(text: str) -> list[str]:
    return [text] if text.startswith('"') else text.split()


def p90(times: Sequence[float]) -> float:
    return quantiles(times, n=10, method="inclusive")[8] if len(times) > 1 else times[0]


if __name__ == "__main__":
    sys.exit(print_lines(measure_versions(Path(sys.argv[1]) if len(sys.argv) > 1 else None)))
