"""Turns invented releases into the rows that the archive's own code would write, and their words
into the index's.

The keys by which joint texts meet are drawn: they take the room they would, and no text is
another's copy.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from archive.database.models import PART_TABLES, STATE_FIELDS, hash_state, to_state
from archive.language.terms import AnalyzedText, analyze
from archive.quotes.speakers import Quote, find_quotes
from archive.search.document_references import StateReference, find_state_references
from archive.search.near_duplicates import BAND_COUNT, DAY_RANGE, to_day_number
from archive.search.search_index import (
    INDEX_COLUMNS,
    build_columns,
    iter_facet_terms,
    iter_listing_terms,
)
from archive.store.releases import lists_to_json
from archive.times import to_iso
from tests.bench.invented.releases import Place, choose_passages, invent
from tests.bench.invented.words import read_voice

OWN = ("agency", "url", "added", "first_seen", "last_checked", "hash", "revision", "checks")
COLUMNS = {
    "releases": ("id", *OWN, *STATE_FIELDS),
    "revisions": ("id", "release", "seen", "cause", "hash", *STATE_FIELDS, "tags", *PART_TABLES),
    "search": ("rowid", *INDEX_COLUMNS["search"]),
}
BANDS = range(BAND_COUNT + 1)


def read(text: str) -> AnalyzedText:
    """A text that is used once."""
    return analyze(text, "sv")


@cache
def read_passage(number: int) -> AnalyzedText:
    """A text that is used in many bodies."""
    return read(read_voice().passage(number))


@dataclass(frozen=True, slots=True)
class Rows:
    """What the releases of some places are in the archive."""

    by_table: dict[str, list[tuple[Any, ...]]]
    words: Counter[tuple[str, str]]  # with its lemma → in how many of the releases
    bands: list[tuple[int, int, int]]  # keys of near-duplicates
    quotes: dict[int, list[Quote]]  # by release, as references
    references: dict[int, list[StateReference]]


def to_rows(places: list[Place], seed: int) -> Rows:
    """Return what the releases of some places are in the archive."""
    voice = read_voice()
    rows: dict[str, list[Any]] = {
        name: [] for name in ("releases", "revisions", "search", "release_tags", *PART_TABLES)
    }
    counts: Counter[tuple[str, str]] = Counter()
    bands: list[tuple[int, int, int]] = []
    quotes, references = {}, {}
    for place in places:
        release = invent(voice, place, seed)
        state, key, seen = to_state(release), place.number, to_iso(place.found)
        digest, columns = hash_state(state), [state[name] for name in STATE_FIELDS]
        rows["releases"].append(
            (key, release.agency, release.url, seen, seen, seen, digest, key, 0, *columns)
        )
        rows["revisions"].append(
            (key, key, seen, "first", digest, *columns, *lists_to_json(state).values())
        )
        lead, passages, made = choose_passages(voice, place, seed)
        asked = read("\n".join(f"{each.question}\n{each.answer}" for each in release.questions))
        body = [*map(read_passage, passages), *([read(made)] if made else []), asked]
        texts = [[read(release.title)], [read_passage(lead)] if lead else [], body, [asked]]
        index = build_columns(*texts)
        newest = state["published"] or state["updated"] or str(seen)
        listed = iter_listing_terms(release.agency, newest, was_edited=False)
        terms = " ".join((*iter_facet_terms(state), *listed))
        rows["search"].append((key, *index, terms))
        words = {
            word: lemma
            for column in texts
            for text in column
            for word, lemma in text.lemmas.items()
        }
        counts.update(words.items())
        rows["release_tags"] += [(key, tag) for tag in state["tags"]]
        for name in PART_TABLES:
            rows[name] += [
                (key, position, *part.values())
                for position, part in enumerate(told(state[name]), 1)
            ]
        day = to_day_number(state["published"], state["updated"], str(seen))
        drawn = Random(key)
        bands += [(band, drawn.randrange(-(2**31), 2**31) * DAY_RANGE + day, key) for band in BANDS]
        quotes[key], references[key] = find_quotes(state), find_state_references(state)
    return Rows(rows, counts, bands, quotes, references)


def told(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return parts without the position of a question."""
    return [{name: value for name, value in part.items() if name != "position"} for part in parts]
