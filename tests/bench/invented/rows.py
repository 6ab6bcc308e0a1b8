"""Turns invented releases into the rows that the archive's own code would write, and their words into the index's."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any

from archive.joint import DAYS, join_parts, read_text, to_day
from archive.state import PARTS, STATE, state_hash, to_state
from archive.swedish.facts import find_facts
from archive.swedish.index import find_texts
from archive.swedish.index import join_parts as find_compounds
from archive.swedish.lemmas import swedish_lemma
from archive.swedish.words import find_words
from archive.times import to_text
from archive.writer import as_json
from tests.bench.invented.releases import Place, invent
from tests.bench.invented.words import read_voice

OWN = ("agency", "url", "first_seen", "last_checked", "hash", "revision", "checks")
COLUMNS = {
    "releases": ("id", *OWN, *STATE),
    "revisions": ("id", "release", "seen", "cause", "hash", *STATE, "tags", *PARTS),
    "search": ("rowid", *"title lead body questions".split(), *(f"{name}_parts" for name in "title lead body questions".split()), "facts"),
}
lemma_of = lru_cache(maxsize=None)(swedish_lemma)


def to_rows(places: list[Place], seed: int) -> tuple[dict[str, list[tuple[Any, ...]]], Counter[str], list[Any]]:
    """Rows by table, how many releases hold each word, and the keys that joint texts meet by."""
    voice = read_voice()
    rows: dict[str, list[Any]] = {
        name: []
        for name in ("releases", "revisions", "search", "release_tags", *PARTS)
    }
    counts: Counter[str] = Counter()
    bands: list[tuple[int, int, int]] = []
    for place in places:
        release = invent(voice, place, seed)
        state, key, seen = to_state(release), place.number, to_text(place.found)
        digest, columns = state_hash(state), [state[name] for name in STATE]
        rows["releases"].append((key, release.agency, release.url, seen, seen, digest, key, 0, *columns))
        rows["revisions"].append((key, key, seen, "first", digest, *columns, *as_json(state).values()))
        words = [find_words(text) for text in find_texts(state)]
        lemmas = [list(map(lemma_of, text)) for text in words]
        parts = [find_compounds(text) for text in lemmas]
        facts = find_facts(release.agency, state)
        rows["search"].append((key, *map(" ".join, (*lemmas, *parts, facts))))
        counts.update(set().union(*words))
        rows["release_tags"] += [(key, tag) for tag in state["tags"]]
        for name in PARTS:
            rows[name] += [(key, position, *part.values()) for position, part in enumerate(told(state[name]), 1)]
        day = to_day(state["published"], state["updated"], seen)
        told_bands = read_text(join_parts(state["title"], state["lead"], state["body"])).bands()
        bands += [(band, value * DAYS + day, key) for band, value in told_bands]
    return rows, counts, bands


def told(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parts without the place that a question has anyway."""
    return [{name: value for name, value in part.items() if name != "position"} for part in parts]
