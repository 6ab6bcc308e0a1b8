"""`python -m tests.bench.invented.filling NUMBER FILE`: makes an archive of a number of invented
releases.

Rows are made in processes of their own and written in large transactions, in the order of their
ids, through the schema's own triggers and tables; what costs least at the end (vocabulary, keys of
joint texts, the frontier) is written then, in its own order. Three tenths are edited afterwards by
`Archive.save`, as a revisit does.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from sqlite_utils import Database

from archive.attachments.attachment_store import AttachmentPage, AttachmentText
from archive.database.captures import Captures
from archive.database.models import PART_TABLES, Capture
from archive.database.sqlite_files import choose_process_count
from archive.health.rules import assess_agencies
from archive.language.terms import analyze
from archive.quotes.speakers import write_quotes
from archive.search.document_references import write_references
from archive.search.search_index import INDEX_COLUMNS, build_columns, is_vocabulary_word
from archive.store.releases import Archive
from archive.times import to_iso
from tests.bench.bulk import Entry, save_all
from tests.bench.invented.releases import AGENCIES, END, Place, edit, home_of, invent, plan, slug_of
from tests.bench.invented.rows import COLUMNS, to_rows
from tests.bench.invented.words import read_voice

SEED, CHUNK, AHEAD = 7, 1000, 8
FILE_WORDS = 300  # minimum of words in a file
PRAGMAS = (
    *("synchronous = off", "secure_delete = off", "foreign_keys = off"),
    *("cache_size = -400000", "wal_autocheckpoint = 20000"),
)
EDITED = 0.3  # share of the releases
CRAWLS = 365  # days of daily crawls that are recorded
FRONTIER = """
    insert into frontier (url, agency, role, state, first_seen, source, fetched, next_due, tries,
      release)
    select url, agency, 'release', 'held', first_seen, null, last_checked, null, 0, id from releases
      order by url
"""


def fill(
    path: Path, number: int, *, seed: int = SEED, processes: int | None = None, days: int = CRAWLS
) -> float:
    """Make the archive, with the crawls of a number of days; return the seconds it took."""
    begun, places = time.monotonic(), plan(number, seed)
    with Archive(path) as archive:
        db = archive.db
        for pragma in PRAGMAS:
            db.execute(f"pragma {pragma}")
        with archive.transaction():
            add_agencies(archive, places, days)
        counts: Counter[tuple[str, str]] = Counter()
        keys: list[Any] = []
        tags: dict[str, int] = {}
        with ProcessPoolExecutor(processes or os.cpu_count()) as pool:
            for made in in_order(pool, places, seed):
                with archive.transaction():
                    write(db, made.by_table, tags)
                    for release, quotes in made.quotes.items():
                        write_quotes(db, release, quotes)  # its only version has its number
                        archive.derived.index.index_quotes(release, release, {"language": "sv"})
                    for release, references in made.references.items():
                        write_references(db, release, release, references)
                counts.update(made.words)
                keys += made.bands
        write_rest(archive, counts, keys)
        with Captures(path.with_name("captures.db")) as captures:
            add_files(archive, captures, places, seed)
            edit_some(archive, captures, places, seed, processes)
        judge(archive)
        db.execute("pragma wal_checkpoint(truncate)")
    return time.monotonic() - begun


def in_order(pool: ProcessPoolExecutor, places: list[Place], seed: int) -> Iterator[Any]:
    """Yield what the processes compute; they are never far ahead of the writer."""
    chunks = iter([places[at : at + CHUNK] for at in range(0, len(places), CHUNK)])
    waiting: list[Future[Any]] = [
        pool.submit(to_rows, chunk, seed) for chunk in islice(chunks, AHEAD)
    ]
    while waiting:
        made = waiting.pop(0).result()
        waiting += [pool.submit(to_rows, chunk, seed) for chunk in islice(chunks, 1)]
        yield made


def write(db: Database, rows: dict[str, list[Any]], tags: dict[str, int]) -> None:
    """Write the rows of a chunk."""
    for name in ("releases", "revisions", "search"):
        put(db, name, COLUMNS[name], rows[name])
    for _, tag in rows["release_tags"]:
        if tag not in tags:
            tags[tag] = len(tags) + 1
            db.execute("insert into tags (id, name) values (?, ?)", [tags[tag], tag])
    tagged = [(release, tags[tag]) for release, tag in rows["release_tags"]]
    put(db, "release_tags", ("release", "tag"), tagged)
    told = {
        "questions": ("question", "answer", "answered_by"),
        "images": ("url", "caption", "credit", "alt"),
        "attachments": ("url", "title", "media_type"),
        "contacts": ("name", "role", "phone", "email"),
    }
    for name in PART_TABLES:
        put(db, name, ("release", "position", *told[name]), rows[name])
    if rows["questions"]:
        first = db.execute("select max(id) from questions").fetchone()[0] - len(rows["questions"])
        for key, (_, _, question, answer, *_) in enumerate(rows["questions"], first + 1):
            texts = build_columns(*([analyze(text, "sv")] for text in (question, answer)))
            columns = ("rowid", *INDEX_COLUMNS["search_questions"])
            put(db, "search_questions", columns, [(key, *texts)])


def put(db: Database, table: str, columns: tuple[str, ...], rows: list[Any]) -> None:
    marks = ", ".join("?" * len(columns))
    db.conn.executemany(f"insert into {table} ({', '.join(columns)}) values ({marks})", rows)


def add_agencies(archive: Archive, places: list[Place], days: int) -> None:
    """Write the agencies and their crawls: a first one, then one a day and a revisit."""
    first = {place.agency: place.found for place in reversed(places)}
    last = max(place.found for place in places)
    rows = []
    for agency in range(AGENCIES):
        archive.add_agency(slug_of(agency), name=slug_of(agency).capitalize(), home=home_of(agency))
        began = first.get(agency, last) - timedelta(hours=1)
        rows.append((slug_of(agency), "news", began, began + timedelta(hours=20), 900))
    for day in range(days):
        for agency in range(AGENCIES):
            for spider, hour in (("news", 16), ("revisit", 18)):
                at = last - timedelta(days=days - 1 - day) - timedelta(hours=24 - hour)
                rows.append((slug_of(agency), spider, at, at + timedelta(minutes=4), 1))
    rows.sort(key=lambda row: row[2])
    columns = ("agency", "spider", "started", "finished", "reason", "new", "errors")
    told = [
        (slug, spider, to_iso(started), to_iso(finished), "finished", new, 0)
        for slug, spider, started, finished, new in rows
    ]
    put(archive.db, "crawls", columns, told)


def write_rest(archive: Archive, counts: Counter[tuple[str, str]], keys: list[Any]) -> None:
    """Write the vocabulary, the keys of near-duplicates and the frontier, each in its own order."""
    db = archive.db
    told = [
        (word, lemma, counts[word, lemma])
        for word, lemma in sorted(counts)
        if is_vocabulary_word(word)
    ]
    with archive.transaction():
        put(db, "vocabulary", ("word", "lemma", "releases"), told)
    with archive.transaction():
        keys.sort()
        put(db, "minhash_bands", ("band", "value", "release"), keys)
        keys.clear()
    with archive.transaction():
        db.execute(FRONTIER)


def add_files(archive: Archive, captures: Captures, places: list[Place], seed: int) -> None:
    """Store the files of the releases that have one, each with a page of text."""
    voice, found = read_voice(), {place.number: place.found for place in places}
    links = archive.db.execute(
        "select a.release, a.url, r.agency from attachments a join releases r on r.id = a.release"
        " order by a.id"
    ).fetchall()
    for start in range(0, len(links), CHUNK):
        with archive.bulk(), captures.transaction():
            for release, url, agency in links[start : start + CHUNK]:
                chance, seen = Random(f"{seed} {url}"), found[release]
                body = f"%PDF of release {release}".encode()
                digest = captures.store_body(body, agency)
                capture = Capture(
                    url=url, seen=seen, status=200, headers={}, sha256=digest, bytes=len(body)
                )
                archive.attachments.add_links(release, agency, seen)
                version = archive.attachments.record_version(
                    url,
                    digest,
                    len(body),
                    archive.add_capture(capture),
                    seen,
                    media_type="application/pdf",
                )
                page = AttachmentPage(1, voice.text(chance, FILE_WORDS))
                text = AttachmentText(kind="pdf", page_count=1, pages=(page,))
                archive.store_attachment_text(version.file_id, text, seen)


def edit_some(
    archive: Archive, captures: Captures, places: list[Place], seed: int, processes: int | None
) -> None:
    """Edit the newest and other releases with the archive's own code."""
    voice, db, chance = read_voice(), archive.db, Random(seed)
    edited = [
        place for place in reversed(places) if chance.random() < EDITED or place is places[-1]
    ]
    entries = (
        Entry(
            release=edit(voice, invent(voice, place, seed), seed),
            seen=place.found + timedelta(days=1, minutes=place.number % 600),
        )
        for place in edited
    )
    save_all(archive, captures, entries, processes=processes or choose_process_count())
    removed = [(place.number,) for place in places[::2000]]
    with archive.transaction():
        db.conn.executemany(
            "insert into removals (release, kind, first_seen, last_seen, confirmed, checks, status)"
            " select id, 'gone', last_checked, last_checked, last_checked, 3, 404"
            " from releases where id = ?",
            removed,
        )
        db.conn.executemany("update releases set removed_at = last_checked where id = ?", removed)


def judge(archive: Archive) -> None:
    """Write the health of every agency, as after a round."""
    with archive.transaction():
        assess_agencies(
            archive.db, map(slug_of, range(AGENCIES)), datetime.combine(END, clock(20), UTC)
        )


if __name__ == "__main__":
    number, file, *others = sys.argv[1:]
    took = fill(Path(file), int(number), processes=int(others[0]) if others else None)
    size = Path(file).stat().st_size / 1e9
    sys.stdout.write(f"{number} releases in {took:.0f} s, {size:.2f} GB\n")
