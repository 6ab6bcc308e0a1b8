"""Suggests other queries: another spelling, a compound in place of two words, no quotation marks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice, pairwise, product

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract_iter

from archive.database import RunQuery
from archive.search.fts import ResolvedNames
from archive.search.params import SearchRequest
from archive.search.query import Query, find_terms, fold_diacritics, split_query_words
from archive.search.ranking import ColumnCache, HitFinder, HitPage

FEW_HITS = 5  # a query with more hits is assumed to be spelt correctly
MAX_SUGGESTIONS = 2
MAX_DIACRITIC_VARIANTS = 2000  # spellings of one word with and without diacritics
MIN_FREQUENCY_RATIO = 3  # a spelling with diacritics must be this many times as common
RARE_WORD_DIVISOR = 100_000  # a word in fewer than one of this many releases is probably misspelt itself
DIACRITICS = {"a": "aåä", "o": "oö", "e": "eé"}
FIELD_NOTES = ("no_day", "no_field", "no_value_of")  # notes about fields, whose names need no correction
WORD_COUNTS_SQL = "select word, releases from vocabulary where word in (select value from json_each(:words))"
SIMILAR_WORDS_SQL = """
    select word, releases from vocabulary where word >= :low and word < :high and length(word) between :least and :most
    and releases >= :common
"""
TOTAL_RELEASES_SQL = "select releases from month_counts where agency = '' and month = ''"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """Another query and its number of hits."""

    request: SearchRequest
    total: int
    reason: str = "spelling"  # or loose: the words of a phrase without quotation marks


@dataclass(frozen=True, slots=True)
class SpellingCorrection:
    """One or two words of the query, and a replacement that would find more."""

    typed: str
    replacement: str


async def find_suggestions(
    run: RunQuery, columns: ColumnCache, request: SearchRequest, hit_page: HitPage, names: ResolvedNames
) -> list[Suggestion]:
    """Find other queries with more hits."""
    few_hits = hit_page.total <= FEW_HITS
    texts: dict[str, str] = {}
    for correction in await find_corrections(run, request.query, few_hits=few_hits):
        texts.setdefault(apply_correction(request.text, correction), "spelling")
    if not hit_page.total and any(len(term.words) > 1 for term in find_terms(request.query.tree)):
        texts.setdefault(strip_operators(request.query), "loose")
    suggestions = []
    for text, reason in texts.items():
        changed = replace(request, text=text, page=1)
        finder = HitFinder(run=run, columns=columns, request=changed, names=names)
        if text != request.text and (total := await finder.count()) > hit_page.total:
            suggestions.append(Suggestion(request=changed, total=total, reason=reason))
    return suggestions[:MAX_SUGGESTIONS]


def strip_operators(query: Query) -> str:
    """Return the words of a query without operators and quotation marks.

    >>> from archive.search.query import parse_query
    >>> strip_operators(parse_query('"på natten" A1/2'))
    'på natten a1 2'
    """
    return " ".join(word for term in find_terms(query.tree) for word in term.words)


async def find_corrections(run: RunQuery, query: Query, *, few_hits: bool) -> list[SpellingCorrection]:
    """Find corrections of the query's words, the most likely first.

    With many hits, only missing diacritics and split compounds are corrected.
    """
    field_words = {word for note in query.notes if note.key in FIELD_NOTES for word in split_query_words(note.value)}
    terms = [term for term in find_terms(query.tree) if not term.is_prefix and not field_words.intersection(term.words)]
    words = list(dict.fromkeys(word for term in terms for word in term.words if len(word) > 2 and word.isalpha()))
    if not words:
        return []
    counts = await count_word_releases(run, words)
    corrections = []
    for word in words[:8]:
        replacement = await find_diacritic_correction(run, word, counts.get(word, 0))
        if replacement is None and few_hits and word not in counts:
            replacement = await find_similar_word(run, word)
        if replacement:
            corrections.append(SpellingCorrection(word, replacement))
    # Neighbouring words that the archive writes as one: människo handel. If the first one is not a word of its own
    # (människo), they belong together however many hits there are.
    pairs = {
        first + second: (first, second) for first, second in pairwise(word for term in terms for word in term.words)
    }
    for joined in await count_word_releases(run, pairs) if pairs else ():
        if few_hits or pairs[joined][0] not in counts:
            corrections.append(SpellingCorrection(" ".join(pairs[joined]), joined))
    return corrections


async def count_word_releases(run: RunQuery, words: Iterable[str]) -> dict[str, int]:
    """Return the number of releases with each word. Words in no release are left out."""
    rows = await run(WORD_COUNTS_SQL, {"words": json.dumps(list(words), ensure_ascii=False)})
    return {row["word"]: row["releases"] for row in rows}


async def find_diacritic_correction(run: RunQuery, word: str, count: int) -> str | None:
    """Return the most common word that differs only in diacritics, or None if it is not much more common."""
    if not word.isascii():
        return None
    spellings = [
        "".join(letters) for letters in islice(product(*(DIACRITICS.get(c, c) for c in word)), MAX_DIACRITIC_VARIANTS)
    ]
    found = await count_word_releases(run, [spelling for spelling in spellings if spelling != word])
    best = max(found, key=lambda spelling: found[spelling], default=None)
    return best if best and found[best] >= MIN_FREQUENCY_RATIO * count else None


async def find_similar_word(run: RunQuery, word: str) -> str | None:
    """Return the most similar word that begins with the first or second letter of `word`, or None."""
    max_distance = 1 if len(word) < 6 else 2
    best: tuple[int, int, str] | None = None
    totals = await run(TOTAL_RELEASES_SQL, {})
    min_releases = 1 + (totals[0]["releases"] // RARE_WORD_DIVISOR if totals else 0)
    for first in dict.fromkeys(DIACRITICS.get(word[0], word[0]) + (word[1] if len(word) > 4 else "")):
        parameters = {
            "low": first,
            "high": chr(ord(first) + 1),
            "least": len(word) - max_distance,
            "most": len(word) + max_distance,
        }
        rows = await run(SIMILAR_WORDS_SQL, parameters | {"common": min_releases})
        near = extract_iter(word, [row["word"] for row in rows], scorer=OSA.distance, score_cutoff=max_distance)
        for _, distance, index in near:
            row = rows[index]
            cost = 0 if distance and fold_diacritics(word) == fold_diacritics(row["word"]) else distance
            if best is None or (cost, -row["releases"]) < best[:2]:
                best = (cost, -row["releases"], row["word"])
    return best[2] if best else None


def apply_correction(text: str, correction: SpellingCorrection) -> str:
    """Replace the corrected words in a query and leave everything else as typed.

    >>> apply_correction('"Manniskohandel" -x', SpellingCorrection("manniskohandel", "människohandel"))
    '"människohandel" -x'
    """
    typed = r"\W+".join(map(re.escape, correction.typed.split()))
    return re.sub(rf"(?<![^\W_]){typed}(?![^\W_])", lambda _: correction.replacement, text, flags=re.IGNORECASE)
