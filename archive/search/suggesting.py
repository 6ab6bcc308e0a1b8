"""Did you mean: a word typed without its dots and rings, misspelt, or parted where Swedish joins."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, product

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract_iter

from archive.search.lexing import bare, split_words
from archive.search.query import Asked, find_terms
from archive.search.run import Run

FEW = 5  # hits up to which another spelling is looked for
MOST_SPELLINGS = 2000  # of one word with and without marks over its letters
COMMONER = 3  # times as common must the word with its marks be
MARKED = {"a": "aåä", "o": "oö", "e": "eé"}
KNOWN = "select word, releases from vocabulary where word in (select value from json_each(:words))"
ALIKE = """
    select word, releases from vocabulary where word >= :low and word < :high and length(word) between :least and :most
    and releases >= :common
"""
WHOLE = "select releases from months where agency = '' and month = ''"
RARE = 100_000  # releases for each of which a word must stand in one more to be offered: rarer ones are mostly misspelt

MISREAD = ("no_day", "no_field", "no_value_of")  # notes on fields; another spelling of their words mends none


@dataclass(frozen=True, slots=True)
class Other:
    """A spelling that may have been meant: what stands in the query, and what in its place would find more."""

    typed: str
    meant: str


async def find_others(run: Run, asked: Asked, *, few: bool) -> list[Other]:
    """The likeliest first; where there are hits enough, only words that lack the marks over their letters."""
    misread = {word for note in asked.notes if note.key in MISREAD for word in split_words(note.words)}
    terms = [term for term in find_terms(asked.tree) if not term.star and not misread.intersection(term.words)]
    words = list(dict.fromkeys(word for term in terms for word in term.words if len(word) > 2 and word.isalpha()))
    if not words:
        return []
    counts = await count_words(run, words)
    others = []
    for word in words[:8]:
        meant = await find_marked(run, word, counts.get(word, 0))
        if meant is None and few and word not in counts:
            meant = await find_alike(run, word)
        if meant:
            others.append(Other(word, meant))
    row = [word for term in terms for word in term.words]
    # människo is no word of its own: then the two belong together, however many hits they have apart
    return others + [other for other in await find_joined(run, row) if few or other.typed.split()[0] not in counts]


async def count_words(run: Run, words: Iterable[str]) -> dict[str, int]:
    """In how many releases each stands, of those that stand in any."""
    rows = await run(KNOWN, {"words": json.dumps(list(words), ensure_ascii=False)})
    return {row["word"]: row["releases"] for row in rows}


async def find_marked(run: Run, word: str, count: int) -> str | None:
    """`manniskohandel` → människohandel: the commonest word that differs in marks alone, if it is much commoner."""
    if not word.isascii():
        return None
    spellings = ["".join(letters) for letters in islice(product(*(MARKED.get(c, c) for c in word)), MOST_SPELLINGS)]
    found = await count_words(run, [spelling for spelling in spellings if spelling != word])
    meant = max(found, key=lambda spelling: found[spelling], default=None)
    return meant if meant and found[meant] >= COMMONER * count else None


async def find_alike(run: Run, word: str) -> str | None:
    """The nearest word of the archive's own that begins with the same letter or, of two swapped, the second."""
    reach = 1 if len(word) < 6 else 2
    best: tuple[int, int, str] | None = None
    whole = await run(WHOLE, {})
    common = 1 + (whole[0]["releases"] // RARE if whole else 0)
    for first in dict.fromkeys(MARKED.get(word[0], word[0]) + (word[1] if len(word) > 4 else "")):
        values = {"low": first, "high": chr(ord(first) + 1), "least": len(word) - reach, "most": len(word) + reach}
        rows = await run(ALIKE, values | {"common": common})
        near = extract_iter(word, [row["word"] for row in rows], scorer=OSA.distance, score_cutoff=reach)
        for _, far, place in near:
            row = rows[place]
            plain = 0 if far and bare(word) == bare(row["word"]) else far
            if best is None or (plain, -row["releases"]) < best[:2]:
                best = (plain, -row["releases"], row["word"])
    return best[2] if best else None


async def find_joined(run: Run, words: Sequence[str]) -> list[Other]:
    """`människo handel` → människohandel: two words side by side that the archive writes as one."""
    pairs = {one + other: f"{one} {other}" for one, other in pairwise(words)}
    return [Other(pairs[joined], joined) for joined in await count_words(run, pairs)] if pairs else []


def replace_word(text: str, other: Other) -> str:
    """A query with the other spelling in its place; what was typed around it stays.

    >>> replace_word('"Manniskohandel" -x', Other("manniskohandel", "människohandel"))
    '"människohandel" -x'
    """
    typed = r"\W+".join(map(re.escape, other.typed.split()))
    return re.sub(rf"(?<![^\W_]){typed}(?![^\W_])", lambda _: other.meant, text, flags=re.IGNORECASE)
