"""Defines the words that a search drops from a query, and the words that it adds.

Function words are dropped. Synonyms, translations and the other names of agencies, all listed in
the *.tsv files, are added.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from archive.language.terms import (
    analyze_word,
    find_compound_key,
    find_related_lemmas,
    find_words,
)

MAX_WORD_LENGTH = 80  # letters; no Swedish word is longer

# Lists, each line with its source.
NAMES_FILE = Path(__file__).with_name("agency_names.tsv")
SYNONYMS_FILE = Path(__file__).with_name("synonyms.tsv")
TRANSLATIONS_FILE = Path(__file__).with_name("english_words.tsv")

# Words that need not occur.
SWEDISH_WORDS = """
    alla allt att av bara blev bli blir borde bör de dem den denna deras dess dessa det detta dig
    din dina dit ditt du då där därför efter eller en er ert ett finns fick för få får genom ger gör
    göra gjorde går ha hade han hans har hon hos hur här i ifrån in inför inom jag ju kan kring
    kommer kunde man med mellan men mot ni nog nu något någon några när och också om oss på sig sin
    sina sitt ska skulle som så till under ur ut utan vad var vara varför varit vem vems vi vid
    vilka vilken vilket vill vår våra vårt är åt över dnr diarienr diarienummer
"""
ENGLISH_WORDS = """
    a about an and are as at been between can could did does for from has have how if in into it its
    of on or our should than that the their them there these they this those to was we were what
    when where which who why will with would you your
"""
AMBIGUOUS_WORDS = frozenset(("be", "by", "do", "is"))  # function words only if the query is English
ONLY_ENGLISH_WORDS = frozenset(ENGLISH_WORDS.split()).difference(SWEDISH_WORDS.split())
FUNCTION_WORDS = ONLY_ENGLISH_WORDS.union(SWEDISH_WORDS.split(), AMBIGUOUS_WORDS)


def split_query_words(text: str) -> tuple[str, ...]:
    """Split a text into words in the same way as the index does.

    >>> split_query_words("A2021/01234, anna.ek@a.se")
    ('a2021', '01234', 'anna', 'ek', 'a', 'se')
    """
    return tuple(word[:MAX_WORD_LENGTH] for word in find_words(text))


def find_synonyms(text: str) -> tuple[str, ...]:
    """Return the synonyms of a word or phrase, even if it is inflected.

    text: the word or phrase, without function words.

    >>> find_synonyms("lekis"), find_synonyms("pre school"), find_synonyms("stöd service")
    (('förskoleklass',), ('förskola',), ('lss',))
    """
    readings = dict.fromkeys((text, *analyze_word(text)))
    return tuple(
        dict.fromkeys(other for reading in readings for other in _read_synonyms().get(reading, ()))
    )


@cache
def _read_synonyms() -> dict[str, tuple[str, ...]]:
    """Read synonyms.tsv and english_words.tsv as a map from words to their synonyms.

    Lines of synonyms.tsv apply in both directions. In the keys, function words are left out, and
    Swedish words are replaced by their lemmas.
    """
    found: dict[str, dict[str, None]] = {}

    def add(words: str, other: str, *, is_english: bool = False) -> None:
        subject = (
            " ".join(word for word in split_query_words(words) if word not in FUNCTION_WORDS)
            or words
        )
        found.setdefault(subject if is_english else analyze_word(subject)[0], {})[other] = None

    for line in SYNONYMS_FILE.read_text("utf-8").splitlines()[1:]:
        word, other, _ = line.split("\t")
        add(word, other)
        add(other, word)
    for english, swedish in read_translations():
        add(english, swedish, is_english=True)
    return {word: tuple(others) for word, others in found.items()}


def read_translations() -> list[tuple[str, str]]:
    """Read english_words.tsv as pairs of English words and their Swedish translations."""
    lines = TRANSLATIONS_FILE.read_text("utf-8").splitlines()
    return [
        (line.split("\t")[0], line.split("\t")[1])
        for line in lines
        if line and not line.startswith("#")
    ]


@cache
def read_agency_names() -> dict[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Read agency_names.tsv as a map from each name or abbreviation to the agency's other names.

    Names are tuples of lower-case words.
    """
    groups: dict[str, list[tuple[str, ...]]] = {}
    for line in NAMES_FILE.read_text("utf-8").splitlines()[1:]:
        current, other, _ = line.split("\t")
        groups.setdefault(current, [split_query_words(current)]).append(split_query_words(other))
    names: dict[tuple[str, ...], dict[tuple[str, ...], None]] = {}
    for group in groups.values():
        for name in group:
            names.setdefault(name, {}).update(
                dict.fromkeys(other for other in group if other != name)
            )
    return {name: tuple(others) for name, others in names.items()}


def list_related_words(text: str) -> tuple[str, ...]:
    """Return the synonyms of a word, and other words that are derived from the same stem.

    >>> "hemlöshet" in list_related_words("hemlösa")
    True
    >>> "fristående skola" in list_related_words("friskolornas")
    True
    """
    return tuple(
        dict.fromkeys((*find_synonyms(text), *find_related_lemmas(find_compound_key(text))))
    )
