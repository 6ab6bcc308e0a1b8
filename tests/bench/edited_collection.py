"""`python -m tests.bench.edited_collection FILE [COPIES]`: makes an archive of the collection in
which three tenths of the releases were edited one to three times.

Later versions are invented: a sentence was removed or added, a number changed, or a paragraph
moved. In each copy but the first, two sentences of five are those of other releases, and addresses
and agencies differ, so that no release is another's duplicate.
"""

from __future__ import annotations

import re
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from archive.database.captures import Captures
from archive.database.models import Release
from archive.database.sqlite_files import choose_process_count
from archive.store.releases import Archive, SaveResult
from tests.bench.bulk import Entry, save_all
from tests.bench.store import clock, read_collection

BEGUN = datetime(2025, 1, 7, 4, tzinfo=UTC)
PAGE_GAP = timedelta(seconds=5)  # between two releases of the first crawl
EDIT_GAP = (
    20  # days between two edits of a release, and at most as many between two releases' edits
)
EDITED, MOST_EDITS = 0.3, 3
EXCHANGED = 0.4  # of the sentences of a copy
LENGTHS = range(41, 300)  # letters of a sentence that is added or exchanged
EVERY = 3  # sentences are taken from each third release
KINDS = ("removed", "number", "moved", "added")
BATCH = 500  # edits per transaction
SENTENCE_GAP = re.compile(r"(?<=[.!?]) +(?=[A-ZÅÄÖ–])")
SHADOW_TABLE = re.compile("_(data|idx|docsize|config)$")
OWN_HOST, OWN_AGENCY = "www.regeringen.se", "regeringen"


@dataclass(frozen=True, slots=True)
class Filled:
    """The number of releases and edits, the bytes by table before any edit, and the CPU seconds of
    storing all edits.
    """

    releases: int
    edits: int
    tables: Mapping[str, int]
    edit_cpu: float


def fill_edited(path: Path, copies: int = 1) -> Filled:
    """Make the archive: first all releases, then the edits, one after another as a crawl does."""
    own = [replace(release, agency=OWN_AGENCY) for release in read_collection()]
    releases = list(list_copies(own, copies))
    with Archive(path) as archive, Captures(path) as captures:
        archive.db.execute("pragma synchronous = off")
        for agency in range(copies):
            slug, host = name_copy(agency)
            archive.add_agency(slug, name=slug.capitalize(), home=f"https://{host}/")
        entries = (
            Entry(release=release, seen=BEGUN + number * PAGE_GAP, parser_version="bench")
            for number, release in enumerate(releases)
        )
        save_all(archive, captures, entries, processes=choose_process_count())
        tables = weigh_tables(archive.db.conn)
        edits = list(iter_edits(releases, pick_sentences(own)))
        with clock() as spent:
            for start in range(0, len(edits), BATCH):
                save_edits(archive, edits[start : start + BATCH])
        archive.db.execute("pragma wal_checkpoint(truncate)")
    return Filled(len(releases), len(edits), tables, spent.own)


def save_edits(archive: Archive, edits: Sequence[tuple[Release, datetime]]) -> None:
    with archive.bulk():
        for release, seen in edits:
            saved = archive.save(release, seen_at=seen, parser_version="bench")
            assert saved is SaveResult.REVISED


def weigh_tables(db: sqlite3.Connection) -> Mapping[str, int]:
    """Return the bytes of each table and index; those of a full-text index are together."""
    sizes = Counter[str]()
    for name, size in db.execute("select name, sum(pgsize) from dbstat group by name"):
        sizes[SHADOW_TABLE.sub("", name)] += size
    return sizes


def name_copy(number: int) -> tuple[str, str]:
    """Return the agency and the host of a copy; 0 is the collection itself."""
    return (f"kopia{number}", f"www.kopia{number}.example") if number else (OWN_AGENCY, OWN_HOST)


def list_copies(own: Sequence[Release], copies: int) -> Iterator[Release]:
    """Yield the releases of all copies, the collection itself first."""
    pool = pick_sentences(own)
    yield from own
    for copy in range(1, copies):
        for release in own:
            yield vary(release, copy, pool)


def vary(release: Release, copy: int, pool: Sequence[str]) -> Release:
    """Return a release of a copy: some sentences, and a word of the title, are those of others."""
    chance = Random(f"copy {copy} {release.url}")
    slug, host = name_copy(copy)
    paragraphs = []
    for paragraph in release.body.split("\n\n"):
        sentences = split_sentences(paragraph)
        for place, sentence in enumerate(sentences):
            if chance.random() < EXCHANGED and len(sentence) in LENGTHS:
                sentences[place] = chance.choice(pool)
        paragraphs.append(" ".join(sentences))
    words = release.title.split()
    words[chance.randrange(len(words))] = chance.choice(chance.choice(pool).split())
    url = release.url.replace(OWN_HOST, host, 1)
    return replace(with_body(release, paragraphs), url=url, agency=slug, title=" ".join(words))


def iter_edits(
    releases: Sequence[Release], pool: Sequence[str]
) -> Iterator[tuple[Release, datetime]]:
    """Yield the later versions and when they were found: all first edits, then the second ones."""
    chance = Random(7)
    numbers = {
        place: chance.randint(1, MOST_EDITS)
        for place, release in enumerate(releases)
        if release.body and chance.random() < EDITED
    }
    current = {place: releases[place] for place in numbers}
    for number in range(1, MOST_EDITS + 1):
        for place, most in numbers.items():
            if number <= most:
                current[place] = edit(current[place], number, pool)
                days = EDIT_GAP * number + place % (EDIT_GAP - 1)
                yield current[place], BEGUN + timedelta(days=days, minutes=place % 600)


def edit(release: Release, number: int, pool: Sequence[str]) -> Release:
    """Return a release with one change, of the first kind drawn that is possible."""
    chance = Random(f"edit {number} {release.url}")
    paragraphs = release.body.split("\n\n")
    for kind in chance.sample(KINDS, len(KINDS)):
        changed = with_body(release, change(kind, paragraphs, chance, pool))
        if changed.body and changed.body != release.body:
            return changed
    raise AssertionError(release.url)


def change(kind: str, paragraphs: Sequence[str], chance: Random, pool: Sequence[str]) -> list[str]:
    """Return the paragraphs with a change of a kind, or as they are if they have no place for it."""
    changed = list(paragraphs)
    place = chance.randrange(len(changed))
    if kind == "moved":
        changed.insert(chance.randrange(len(changed)), changed.pop(place))
    elif kind == "added":
        changed[place] += f" {chance.choice(pool)}"
    elif kind == "removed":
        sentences = split_sentences(changed[place])
        del sentences[chance.randrange(len(sentences))]
        changed[place] = " ".join(sentences)
    elif numbers := list(re.finditer(r"\d+", "\n\n".join(paragraphs))):
        text, number = "\n\n".join(paragraphs), chance.choice(numbers)
        other = int(number[0][:9]) + chance.randint(1, 90)
        changed = f"{text[: number.start()]}{other}{text[number.end() :]}".split("\n\n")
    return changed


def pick_sentences(releases: Sequence[Release]) -> list[str]:
    paragraphs = (text for release in releases[::EVERY] for text in release.body.split("\n\n"))
    return [
        sentence
        for paragraph in paragraphs
        for sentence in split_sentences(paragraph)
        if len(sentence) in LENGTHS
    ]


def split_sentences(paragraph: str) -> list[str]:
    """Split a paragraph into sentences.

    >>> split_sentences("Den 3 maj. Beslutet gäller kl. 9. – Ja!")
    ['Den 3 maj.', 'Beslutet gäller kl. 9.', '– Ja!']
    """
    return SENTENCE_GAP.split(paragraph)


def with_body(release: Release, paragraphs: Sequence[str]) -> Release:
    kept = [paragraph for paragraph in paragraphs if paragraph]
    markup = "".join(f"<p>{paragraph}</p>" for paragraph in kept)
    return replace(release, body="\n\n".join(kept), body_html=markup)


if __name__ == "__main__":
    begun = time.monotonic()
    filled = fill_edited(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    sys.stdout.write(
        f"{filled.releases} releases, {filled.edits} edits in {time.monotonic() - begun:.0f} s;"
        f" CPU ms an edit: {filled.edit_cpu / filled.edits * 1000:.1f}\n"
    )
