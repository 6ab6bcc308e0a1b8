"""Corrects the spelling of a query, using the words of the archive.

A correction replaces a word with a similar one, adds missing diacritics, joins two words, or splits
a word in two. The vocabulary is kept in memory until the archive changes. rapidfuzz compares a word
with all words of about the same length. From the few words that are similar enough, the likeliest
is chosen by its sound, the positions of its letters on the keyboard, and its frequency.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice, pairwise, product
from math import log10

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract_iter

from archive.database.sqlite_files import RunQuery
from archive.language.lemmas import is_english_word, is_swedish_word
from archive.language.reference_patterns import find_typed_references
from archive.language.synonyms import split_query_words
from archive.search.column_cache import ColumnCache
from archive.search.query_language import (
    QUOTED,
    REQUIRED,
    WRITTEN,
    Query,
    TermNode,
    find_terms,
    fold_diacritics,
    list_words,
)
from archive.search.query_sql import count_beginnings
from archive.search.search_request import SearchRequest

FEW_HITS = 5  # a query with more hits is assumed to be spelt correctly
MAX_CORRECTED_WORDS = 8
MAX_DIACRITIC_VARIANTS = 2000  # spellings of one word with and without diacritics
MIN_FREQUENCY_RATIO = 3  # a spelling with diacritics must be this many times as common
# the same for any other spelling, if the archive has the typed one and the query has hits
MIN_SPELLING_RATIO = 20
MIN_JOINED_LENGTH = 5  # letters of words that are probably parts of a compound: klimat anpassning
# a word in fewer than one of this many releases is probably misspelt itself
RARE_WORD_DIVISOR = 100_000
DIACRITICS = {"a": "aåä", "o": "oö", "e": "eé"}
# notes about fields, whose names need no correction
FIELD_NOTES = ("no_day", "no_field", "no_value_of")
# Costs of the differences between two spellings; any other letter costs 1.
MAX_COST_SHARE = 0.34  # maximum cost of a correction, as a share of the number of letters
DIACRITICS_COST, SOUND_COST, KEYBOARD_COST, FIRST_LETTER_COST = 0.2, 0.3, 0.7, 0.3
FREQUENCY_BONUS = 0.3  # reduction of the cost of a word that is ten times as common
KEYBOARD_ROWS = ("1234567890", "qwertyuiopå", "asdfghjklöä", "zxcvbnm")
SOUNDS = [  # spelling → a spelling of the same sound, applied in this order
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("[sxt]*ion", "šon"),
        ("s[ck]h|skj|stj|sch|sj|sh|tj|kj|sk(?=[eiyäö])|(?<!c)ch(?=[aeiouyåäö])", "š"),
        ("ch|ck|q", "k"),
        ("^[dghl]j|^g(?=[eiyäö])", "j"),
        ("c(?=[eiy])|z", "s"),
        ("c", "k"),
        ("x", "ks"),
        ("ph", "f"),
        ("[dt]h|dt", "t"),
        ("w", "v"),
        ("å", "o"),
        ("[äé]", "e"),
        (r"(.)\1", r"\1"),
    )
]
WORD_COUNTS_SQL = (
    "select word, sum(releases) as releases from vocabulary"
    " where word in (select value from json_each(:words)) group by word"
)
VOCABULARY_SQL = """
    select length(word) as letters, group_concat(word, ' ') as words
    from (select word from vocabulary group by word having sum(releases) >= :common) group by 1
"""


@dataclass(frozen=True, slots=True)
class SpellingCorrection:
    """One or two typed words of a query, and a replacement that would find more results."""

    typed: str
    replacement: str


async def correct_query(
    run: RunQuery, columns: ColumnCache, request: SearchRequest
) -> tuple[Query, Sequence[SpellingCorrection]]:
    """Correct the spelling of query words that occur in no release.

    Return the corrected query and all corrections that were found, including those that were not
    applied. Words in quotation marks, or marked with +, are not corrected.
    """
    fixed = {
        word
        for term in find_terms(request.query.tree)
        if term.match in (QUOTED, REQUIRED)
        for word in term.words
    }
    corrections = await find_corrections(run, columns, request.query, 0)
    fixed |= (await _count_word_releases(run, _list_typed_words(corrections))).keys()
    applied = [each for each in corrections if fixed.isdisjoint(each.typed.split())]
    return replace(request, text=apply_corrections(request.text, applied)).query, corrections


async def find_corrections(
    run: RunQuery, columns: ColumnCache, query: Query, hit_count: int
) -> list[SpellingCorrection]:
    """Return corrections of the query's words. Corrections of different words can be combined.

    If there are many results, only missing diacritics and words that should be joined are
    corrected.

    hit_count: the number of results of the query.
    """
    few_hits = hit_count <= FEW_HITS
    terms = await _leave_out_file_words(run, _list_correctable_terms(query))
    words = _list_correctable_words(terms)
    counts = await _count_word_releases(run, words)
    if is_english_query(query) and (counts or len(words) > 1):
        words = _drop_english_words(words)  # gang is not a misspelling of gång
    corrections = await _find_joined_words(run, terms, counts, few_hits=few_hits)
    joined = _list_typed_words(corrections)
    misspelt: list[str] = []
    for word in words:
        if word in joined:
            continue
        if replacement := await _find_diacritic_correction(run, word, counts.get(word, 0)):
            corrections.append(SpellingCorrection(word, replacement))
        elif few_hits and len(word) > 3:
            misspelt.append(word)
    if misspelt:
        corrections += await _correct_misspelt_words(run, columns, misspelt, counts, hit_count)
    return corrections


async def _leave_out_file_words(run: RunQuery, terms: Iterable[TermNode]) -> list[TermNode]:
    """Return the terms, except terms about attachments that occur in attachments.

    Such terms are not misspelt, but the vocabulary does not contain the words of attachments.
    """
    terms = list(terms)
    pages = await count_beginnings(run, [term for term in terms if term.field == "attachment"])
    return [term for term in terms if not pages.get(term)]


def _list_typed_words(corrections: Iterable[SpellingCorrection]) -> list[str]:
    return [word for correction in corrections for word in correction.typed.split()]


def _list_correctable_terms(query: Query) -> list[TermNode]:
    """Return a query's terms, except words with a star and words that look like field names."""
    field_words: set[str] = set()
    for note in query.notes:
        if note.key in FIELD_NOTES:
            field_words.update(split_query_words(note.value))
    return [
        term
        for term in find_terms(query.tree)
        if not term.is_prefix and not field_words.intersection(term.words)
    ]


def _list_correctable_words(terms: Iterable[TermNode]) -> list[str]:
    """Return the first MAX_CORRECTED_WORDS words that consist of at least three letters."""
    words = dict.fromkeys(list_words(terms))
    correctable = [word for word in words if len(word) > 2 and word.isalpha()]
    return correctable[:MAX_CORRECTED_WORDS]


def _drop_english_words(words: Iterable[str]) -> list[str]:
    return [word for word in words if not is_english_word(word)]


async def _correct_misspelt_words(
    run: RunQuery,
    columns: ColumnCache,
    words: Sequence[str],
    counts: Mapping[str, int],
    hit_count: int,
) -> list[SpellingCorrection]:
    """Return corrections that replace words with similar words of the archive.

    A word that no release contains may also be split into two words.

    hit_count: the number of results of the query.
    """
    min_ratio = MIN_SPELLING_RATIO if hit_count else MIN_FREQUENCY_RATIO
    frequencies = {word: counts.get(word, 0) for word in words}
    similar = await _find_similar_words(run, columns, frequencies, min_ratio)
    corrections = []
    for word in words:
        replacement = similar.get(word)
        if not replacement and word not in counts:
            replacement = await _split_word(run, word)
        if replacement:
            corrections.append(SpellingCorrection(word, replacement))
    return corrections


async def _find_joined_words(
    run: RunQuery, terms: Sequence[TermNode], counts: Mapping[str, int], *, few_hits: bool
) -> list[SpellingCorrection]:
    """Return corrections of two words that the archive writes as one: människo handel, ROT-avdrag.

    If there are many results, only likely corrections are returned: for the parts of a hyphenated
    word, for long words, and for a rare first word (människo).
    """
    hyphenated = {pair for term in terms for pair in pairwise(term.words)}
    pairs = {first + second: (first, second) for first, second in pairwise(list_words(terms))}
    joined_counts = await _count_word_releases(run, pairs) if pairs else {}
    corrections = []
    for joined, count in joined_counts.items():
        pair = pairs[joined]
        is_certain = pair in hyphenated or min(map(len, pair)) >= MIN_JOINED_LENGTH
        has_rare_start = counts.get(pair[0], 0) * MIN_FREQUENCY_RATIO < count
        if few_hits or is_certain or has_rare_start:
            corrections.append(SpellingCorrection(" ".join(pair), joined))
    return corrections


async def _count_word_releases(run: RunQuery, words: Iterable[str]) -> dict[str, int]:
    """Return the number of releases that contain each word. Words that do not occur in any release
    are left out.
    """
    rows = await run(WORD_COUNTS_SQL, {"words": json.dumps(list(words), ensure_ascii=False)})
    return {row["word"]: row["releases"] for row in rows}


async def _find_diacritic_correction(run: RunQuery, word: str, count: int) -> str | None:
    """Return the most common word that differs only in diacritics from a typed word.

    Return None if there is no such word, or if it is not much more common than the typed word.

    count: the number of releases that contain the typed word.
    """
    if not word.isascii():
        return None
    spellings = [
        "".join(letters)
        for letters in islice(
            product(*(DIACRITICS.get(c, c) for c in word)), MAX_DIACRITIC_VARIANTS
        )
    ]
    found = await _count_word_releases(
        run, [spelling for spelling in spellings if spelling != word]
    )
    best = max(found, key=lambda spelling: found[spelling], default=None)
    return best if best and found[best] >= MIN_FREQUENCY_RATIO * count else None


async def _find_similar_words(
    run: RunQuery, columns: ColumnCache, counts: Mapping[str, int], min_ratio: float
) -> dict[str, str]:
    """Return a map from words to their most likely correct spelling, for words that have one.

    A word that is in a dictionary or in the archive is corrected only to a word that differs
    little. If the archive contains the word, its correct spelling must be at least `min_ratio`
    times as common.

    counts: a map from each word to the number of releases that contain it.
    """
    common = 1 + columns.count_releases() // RARE_WORD_DIVISOR
    vocabulary = await columns.keep("vocabulary", partial(_read_vocabulary, run, common))
    near = {word: _list_near_words(word, count, vocabulary) for word, count in counts.items()}
    frequencies = await _count_word_releases(run, {key for costs in near.values() for key in costs})
    found = {}
    for word, costs in near.items():
        likely = [
            (cost - FREQUENCY_BONUS * log10(frequencies[similar]), similar)
            for similar, cost in costs.items()
            if frequencies[similar] >= min_ratio * counts[word]
        ]
        if likely:
            found[word] = min(likely)[1]
    return found


async def _read_vocabulary(run: RunQuery, common: int) -> Mapping[int, str]:
    """Return a map from word length to the words of that length that at least `common` releases
    contain.

    The words of one length are joined with spaces, which takes a tenth of the memory of a list.
    """
    rows = await run(VOCABULARY_SQL, {"common": common})
    return {row["letters"]: row["words"] for row in rows}


def _list_near_words(word: str, count: int, vocabulary: Mapping[int, str]) -> dict[str, float]:
    """Return the words that differ little from a word, each with the cost of the difference.

    count: the number of releases that contain the typed word.
    """
    distance = 1 if len(word) < 5 else 2  # letters that may be wrong
    lengths = range(len(word) - distance, len(word) + distance + 1)
    alike = " ".join(vocabulary.get(length, "") for length in lengths).split()
    found = extract_iter(word, alike, scorer=OSA.distance, score_cutoff=distance)
    costs = {each: measure_spelling_difference(word, each) for each, _, _ in found if each != word}
    return {each: cost for each, cost in costs.items() if cost <= _find_max_cost(word, count)}


def _find_max_cost(word: str, count: int) -> float:
    """Return the highest cost at which another spelling may be the correct spelling of a word.

    count: the number of releases that contain the word.
    """
    is_word = count > 0 or is_swedish_word(word) or is_english_word(word)
    return 1.0 if is_word else MAX_COST_SHARE * len(word)


def measure_spelling_difference(typed: str, word: str) -> float:
    """Return the cost of typing `typed` instead of `word`.

    The likelier the mistake, the lower the cost. Spellings that sound alike have a low cost.

    >>> measure_spelling_difference("christersson", "kristersson")
    0.3575
    >>> measure_spelling_difference("sjuda", "ljuda")
    1.3
    """
    if fold_diacritics(typed) == fold_diacritics(word):
        return DIACRITICS_COST
    distance = float(OSA.distance(typed, word))
    if len(typed) == len(word):
        distance -= (1 - KEYBOARD_COST) * sum(
            a + b in _list_adjacent_keys() for a, b in zip(typed, word, strict=True)
        )
    distance += FIRST_LETTER_COST if typed[0] != word[0] else 0
    sound_distance = OSA.distance(_spell_by_sound(typed), _spell_by_sound(word))
    return min(distance, SOUND_COST * (1 + distance / len(typed)) + sound_distance)


@cache
def _list_adjacent_keys() -> frozenset[str]:
    """List the pairs of letters that are next to or above each other on a Swedish keyboard."""
    keys = {key: (x, y) for y, row in enumerate(KEYBOARD_ROWS) for x, key in enumerate(row)}
    return frozenset(
        a + b
        for a, (x, y) in keys.items()
        for b, (u, v) in keys.items()
        if a != b and abs(x - u) + abs(y - v) == 1
    )


def _spell_by_sound(word: str) -> str:
    """Return a word's phonetic spelling. It is the same for words that sound alike in Swedish.

    >>> _spell_by_sound("kjol"), _spell_by_sound("tjol"), _spell_by_sound("Christersson".lower())
    ('šol', 'šol', 'kristerson')
    """
    for pattern, sound in SOUNDS:
        word = pattern.sub(sound, word)
    return word


async def _split_word(run: RunQuery, word: str) -> str | None:
    """Return a word split into two words of the archive, or None if it cannot be split."""
    splits = [(word[:end], word[end:]) for end in range(3, len(word) - 2)]
    counts = await _count_word_releases(run, [part for split in splits for part in split])
    known = [split for split in splits if counts.keys() >= {*split}]
    return (
        " ".join(max(known, key=lambda split: min(map(counts.__getitem__, split))))
        if known
        else None
    )


def is_english_query(query: Query) -> bool:
    """Return whether a query has at least as many only-English words as only-Swedish ones.

    An only-English word is an English word that is not also a Swedish word, and vice versa. Return
    False if the query contains no only-English words, or if it refers to a document.

    >>> from archive.search.query_language import parse_query
    >>> texts = "gang violence", "våld", "Nato membership", "crime SOU 2023:4"
    >>> [is_english_query(parse_query(text)) for text in texts]
    [True, False, True, False]
    """
    if find_typed_references(query.text):  # also one in quotation marks
        return False
    # SAS is not an English word
    terms = [term for term in find_terms(query.tree) if term.match != WRITTEN]
    words = list(filter(str.isalpha, list_words(terms)))
    only_english = sum(is_english_word(word) and not is_swedish_word(word) for word in words)
    if not only_english:
        return False
    only_swedish = sum(is_swedish_word(word) and not is_english_word(word) for word in words)
    return only_english >= only_swedish


def apply_corrections(text: str, corrections: Iterable[SpellingCorrection]) -> str:
    for correction in corrections:
        text = apply_correction(text, correction)
    return text


def apply_correction(text: str, correction: SpellingCorrection) -> str:
    """Return a query with a misspelt word (or two) replaced, and everything else as typed.

    A capital letter at the beginning of the word is kept. If a word that follows a field name is
    replaced by two words, these are put in brackets, so that the field applies to both.

    >>> correction = SpellingCorrection("manniskohandel", "människohandel")
    >>> apply_correction('"Manniskohandel" -x', correction)
    '"Människohandel" -x'
    >>> apply_correction("bilaga:enfyr", SpellingCorrection("enfyr", "en fyr"))
    'bilaga:(en fyr)'
    """

    def replace_words(match: re.Match[str]) -> str:
        word = correction.replacement
        word = word[0].upper() + word[1:] if match[0][:2].istitle() else word
        return f"({word})" if " " in word and text[: match.start()].endswith(":") else word

    typed = r"\W+".join(map(re.escape, correction.typed.split()))
    return re.sub(rf"(?<![^\W_]){typed}(?![^\W_])", replace_words, text, flags=re.IGNORECASE)
