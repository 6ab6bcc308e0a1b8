"""Text analysis for the search index: converts Swedish and English text into terms.

`analyze` returns the terms of a text, and `analyze_word` the terms of a word in a query. Both
analyse words in the same way. A term is a lemma. A Swedish compound is also found by its parts,
which have different weights. `find_compound_parts` lists the last part of a compound, and any
shorter compound at its beginning. `find_minor_parts` lists other words at its beginning.
`find_loose_parts` lists the parts that only a looser search uses.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from itertools import chain
from typing import Any

from archive.language.compounds import (
    MAX_COMPOUND_LENGTH,
    MIN_PART_LENGTH,
    find_compound_lemma,
    find_part_base,
    load_lexicon,
    split_compound,
)
from archive.language.lemmas import (
    english_lemma,
    find_compound_head,
    is_swedish_word,
    swedish_lemma,
)

# raise it whenever the lemma or the compound parts of any word, or the terms of a facet, change
RULES_VERSION = "8"
# The version of the rules and of their data; an index that was built with another version has to be
# rebuilt.
ANALYSIS_VERSION = (
    f"{RULES_VERSION} simplemma-{version('simplemma')} hunspell-sv-{version('hunspell-sv')}"
)

WORD_PATTERN = re.compile(r"[^\W_]+")
# endings after a colon: EU:s, 12:e
CASE_ENDINGS = "s|n|ns|en|ens|er|ers|erna|ernas|na|nas|t|ts|et|ets|e|a|as|ar|are|aren"
CASE_ENDING = re.compile(rf":(?<=[^\W_]:)(?:{CASE_ENDINGS})\b", re.IGNORECASE)
# soft hyphens and zero-width characters inside words
INVISIBLE_CHARACTERS = "\u00ad\u200b\u200c\u200d\ufeff"

MAX_ABBREVIATION_LENGTH = 6  # letters; longer words in capitals are only emphasised
ABBREVIATION = re.compile(
    # starts with what is rare, for speed: a capital without a letter before it
    rf"[A-ZÅÄÖ](?<![^\W_].)[A-ZÅÄÖ]{{1,{MAX_ABBREVIATION_LENGTH - 1}}}(?![^\W_])"
)

HYPHENATED_WORD = re.compile(r"(?<![\w-])[^\W\d_]{2,}-[^\W\d_]{2,}(?![\w-])")

# Compounds. A first part that is a particle makes another word (av + tal), and so do these endings.
PARTICLE_LIST = """
    an av bak be bi bort efter er fram för före ge genom hem hop in inne kring med mellan miss mot
    ned ner om on oss på sam sär till under upp ur ut utan van vid väl å åter över
"""
QUALIFIER_LIST = "egen fri full hög riks själv"  # first parts that do not name a subject
SUFFIX_LIST = "dom full lös nation ring rik sam skap form"
OPAQUE_LIST = """
    människohandel misshandel elände elända riksdag ordförande livsmedel läkemedel landskap
    dagordning ögonblick slutsats rättegång handikapp medelålder svartsjuka trädgård plattform
"""  # words of the dictionary whose meaning is not that of their parts
PARTICLES, QUALIFIERS, SUFFIXES, OPAQUE_COMPOUNDS = (
    frozenset(words.split()) for words in (PARTICLE_LIST, QUALIFIER_LIST, SUFFIX_LIST, OPAQUE_LIST)
)

# Endings of derived words, longest first, and the shortest stem before them.
DERIVING_ENDINGS = (
    *(
        "isering",
        "ighet",
        "ering",
        "ation",
        "ande",
        "ende",
        "ning",
        "else",
        "iska",
        "het",
        "ing",
        "are",
        "era",
        "isk",
    ),
    *("lig", "ism", "ist", "är", "ig", "an", "a", "e", ""),
)
MIN_STEM_LENGTH = 4

# The most common words of each language, to guess the language of a text.
COMMON_SWEDISH = (
    "och att det som en på är av för med den till i ett har om de inte vi var ska kan från"
)
COMMON_ENGLISH = (
    "the of and to in is that for with are by this will be as it on has have was from we our"
)
COMMON_WORDS = frozenset(COMMON_SWEDISH.split()), frozenset(COMMON_ENGLISH.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzedText:
    """The terms of a text."""

    words: list[str]  # all words in order
    lemmas: dict[str, str]  # word → its lemma
    # lemmas of compound parts, without duplicates; empty for English
    compound_parts: tuple[str, ...]
    minor_parts: tuple[str, ...]  # lemmas of first parts
    loose_parts: tuple[str, ...]  # lemmas of parts that only a looser search finds
    compounds: tuple[str, ...]  # lemmas that were searched for parts, whether or not they have any
    joined: tuple[str, ...]  # see _join_hyphenated_words

    @property
    def lemma_text(self) -> str:
        """Return the lemmas of all words of the text, in order and separated by spaces."""
        return " ".join(map(self.lemmas.__getitem__, self.words))


def analyze(text: str, language: str | None) -> AnalyzedText:
    """Analyse a text for the index.

    language: a BCP 47 tag. If it is None, the language is guessed: Swedish or English.

    >>> analyze("Myndigheterna besöker EU:s skolor.", "sv").lemma_text
    'myndighet besöka eu skola'
    >>> analyze("The agencies' boards", "en-GB").lemma_text
    'the agency board'
    """
    english = is_english(text) if language is None else language.lower().startswith("en")
    to_lemma = english_lemma if english else swedish_lemma
    words = find_words(text)
    distinct, kept = dict.fromkeys(words), find_abbreviations(text, words)
    # anything longer is not a word, and must not fill the caches (hundreds of thousands of entries)
    kept |= {word for word in distinct if len(word) > MAX_COMPOUND_LENGTH}
    lemmas = {word: word if word in kept else to_lemma(word) for word in distinct}
    compounds = () if english else _list_compounds(lemmas.values())
    joined = _join_hyphenated_words(text, to_lemma)
    found = list(filter(None, map(_find_all_parts, compounds)))
    parts, minor, loose = zip(*found, strict=True) if found else ((), (), ())
    return AnalyzedText(
        words=words,
        lemmas=lemmas,
        compound_parts=_collect_parts([*parts, joined]),
        minor_parts=_collect_parts(minor),
        loose_parts=_collect_parts(loose),
        compounds=compounds,
        joined=joined,
    )


def _list_compounds(lemmas: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lemma for lemma in lemmas if len(lemma) <= MAX_COMPOUND_LENGTH))


@lru_cache(maxsize=200_000)
def _find_all_parts(lemma: str) -> tuple[tuple[str, ...], ...]:
    """Return three tuples: the compound, minor and loose parts of a lemma. Returns () if the lemma
    has no parts.
    """
    parts = (find_compound_parts(lemma), find_minor_parts(lemma), find_loose_parts(lemma))
    return parts if any(parts) else ()


def _collect_parts(groups: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chain.from_iterable(groups)))


def analyze_word(word: str) -> tuple[str, ...]:
    """Return the possible lemmas of a query word, Swedish first.

    Returns () if the word has no letters or digits. A word that contains punctuation becomes a
    phrase: several lemmas in one string.

    >>> analyze_word("myndigheterna"), analyze_word("EU-kommissionens"), analyze_word("led")
    (('myndighet',), ('eu kommission',), ('led', 'lead'))
    """
    swedish, english = [], []
    for part in find_words(word):
        lemma, english_reading = swedish_lemma(part), english_lemma(part)
        swedish.append(lemma)
        # An English lemma that is another Swedish word is dropped: "men" (but) is not a form of
        # man.
        only_swedish = is_swedish_word(part) and is_swedish_word(english_reading)
        english.append(lemma if only_swedish else english_reading)
    return tuple(dict.fromkeys(filter(None, (" ".join(swedish), " ".join(english)))))


def find_abbreviations(text: str, words: Sequence[str]) -> set[str]:
    """Return, in lower case, the words that occur in a text only in capitals.

    Such words are not treated as inflected forms. If the whole text is in capitals, no words are
    returned.
    """
    counts = Counter(word.lower() for word in ABBREVIATION.findall(text))
    if not counts or text.isupper():
        return set()
    word_counts = Counter(words)
    return {word for word, count in counts.items() if word_counts[word] == count}


def find_words(text: str) -> list[str]:
    """Split a text into lower-case words of letters and digits.

    Endings after a colon, as in EU:s and 12:e, are dropped.

    >>> find_words("EU:s 25-åriga avtal (A2021/01234), § 3")
    ['eu', '25', 'åriga', 'avtal', 'a2021', '01234', '3']
    """
    plain = unicodedata.normalize("NFC", text)
    for mark in INVISIBLE_CHARACTERS:
        if mark in plain:
            plain = plain.replace(mark, "")
    plain = plain.lower()
    return WORD_PATTERN.findall(CASE_ENDING.sub("", plain) if ":" in plain else plain)


def is_english(text: str) -> bool:
    """Return whether a text contains more common English words than common Swedish ones.

    >>> is_english("The reform of the school"), is_english("Reformen av skolan")
    (True, False)
    """
    words = find_words(text[:5000])
    swedish, english = (sum(map(common.__contains__, words)) for common in COMMON_WORDS)
    return english > swedish


def is_english_release(state: Mapping[str, Any]) -> bool:
    """Return whether a release is in English.

    If the release does not declare its language, the language is guessed from its text.
    """
    if state["language"] is None:
        return is_english(state["title"] + "\n" + state["body"])
    return str(state["language"]).lower().startswith("en")


@lru_cache(maxsize=200_000)
def find_compound_parts(lemma: str) -> tuple[str, ...]:
    """Return the lemmas of the parts by which a compound is also found, the last part first.

    A compound of two words that is in the dictionary has a meaning of its own, so no parts are
    returned: människohandel is not a kind of handel. A compound of three or more words is always
    split, whether or not it is in the dictionary.

    >>> find_compound_parts("människohandelsbrott"), find_compound_parts("människohandel")
    (('brott', 'människohandel'), ())
    >>> find_compound_parts("sjukvårdsminister")
    ('minister', 'sjukvård')
    """
    parts = _split_word(lemma)
    if not parts:
        return ()
    beginnings = (find_compound_lemma(parts[:end]) for end in range(1, len(parts)))
    first = list(filter(None, beginnings))
    if load_lexicon().is_headword(lemma) and not (first or _find_inner_compounds(parts)):
        return ()
    return tuple(dict.fromkeys([swedish_lemma(parts[-1]), *first]))


def _find_inner_compounds(parts: tuple[str, ...]) -> list[str]:
    """Return the lemmas of the compounds that are inside a compound, but not at its beginning or
    end.
    """
    found = (
        find_compound_lemma(parts[start:end])
        for start in range(1, len(parts) - 1)
        for end in range(start + 1, len(parts))
    )
    return list(filter(None, found))


def _join_hyphenated_words(text: str, to_lemma: Callable[[str], str]) -> tuple[str, ...]:
    """Return the lemmas of a text's hyphenated words, written without hyphens: rotavdrag for
    ROT-avdrag.
    """
    found = HYPHENATED_WORD.findall(text) if "-" in text else ()
    return tuple(to_lemma("".join(find_words(word))) for word in found)


@lru_cache(maxsize=200_000)
def find_minor_parts(lemma: str) -> tuple[str, ...]:
    """Return the lemmas of the words that a compound begins with.

    The compound need not be in the dictionary. Parts that `find_compound_parts` returns are left
    out.

    >>> find_minor_parts("migrationsminister"), find_minor_parts("elprisstöd")
    (('migration',), ('el',))
    >>> find_minor_parts("människohandelsbrott")
    ()
    """
    parts = _split_meaningful(lemma)
    if len(parts) < 2:
        return find_minor_parts(swedish_lemma(parts[0])) if parts else ()
    base = swedish_lemma(find_part_base(parts[0]))
    left_out = {"", *find_compound_parts(lemma), *_list_opaque_parts(lemma)}
    return tuple(part for part in (base, *find_minor_parts(base)) if part not in left_out)


@lru_cache(maxsize=200_000)
def find_loose_parts(lemma: str) -> tuple[str, ...]:
    """Return the lemmas of the parts by which only a looser search finds a compound.

    These are the inner parts, and the last part if the whole compound has a meaning of its own.

    >>> find_loose_parts("ålderspension"), find_loose_parts("sjukvårdsminister")
    (('pension',), ('vård',))
    >>> find_loose_parts("provstoppsavtalsorganisation")
    ('stopp', 'avtal')
    """
    parts = _split_meaningful(lemma)
    if not parts:
        return ()
    found: list[str] = []
    for place, part in enumerate(parts[:-1]):
        base = swedish_lemma(find_part_base(part))
        found += [*([base, *find_minor_parts(base)] if place else []), *find_loose_parts(base)]
    last = swedish_lemma(parts[-1])
    found += [*find_minor_parts(last), *find_loose_parts(last), *_find_inner_compounds(parts)]
    if _split_word(lemma)[0] not in PARTICLES and parts[-1] not in SUFFIXES:
        found.append(last)
    left_out = {*find_compound_parts(lemma), *find_minor_parts(lemma), *_list_opaque_parts(lemma)}
    return tuple(part for part in dict.fromkeys(found) if part not in left_out)


def _split_meaningful(lemma: str) -> tuple[str, ...]:
    """Return the parts of a compound, without a first part that names no subject (av-, hög-).

    Returns () if the meaning of the compound does not follow from its parts.
    """
    if lemma in OPAQUE_COMPOUNDS:
        return ()
    parts = _split_word(lemma)
    return parts[1:] if parts[:1] and parts[0] in PARTICLES | QUALIFIERS else parts


def _list_opaque_parts(lemma: str) -> set[str]:
    """Find the words inside a compound whose meaning does not follow from their own parts
    (OPAQUE_COMPOUNDS), and return the lemmas of those parts.
    """
    return {
        swedish_lemma(find_part_base(part))
        for compound in OPAQUE_COMPOUNDS.intersection(find_compound_parts(lemma))
        for part in split_compound(compound)
    }


@lru_cache(maxsize=100_000)
def _split_word(lemma: str) -> tuple[str, ...]:
    """Return the parts of a compound, or () if the word is not a compound.

    If the word is not in the dictionary, its first part may be a name: Nato + medlemskap.
    """
    if len(lemma) > MAX_COMPOUND_LENGTH:
        return ()
    if (parts := split_compound(lemma)) or not lemma.isalpha() or is_swedish_word(lemma):
        return parts
    head = find_compound_head(lemma) or ""
    first = lemma.removesuffix(head)
    return (
        (first, head) if head and len(first) >= MIN_PART_LENGTH and first not in PARTICLES else ()
    )


def find_subject(lemma: str) -> tuple[str, str]:
    """Return two lemmas for a compound: one for all parts but the last, and one for the last part.

    Both are "" if the lemma is not a compound, if it is a compound of two parts that is in the
    dictionary, or if its first part does not name a subject.

    >>> find_subject("vindkraftsutbyggnad"), find_subject("rovdjur")
    (('vindkraft', 'utbyggnad'), ('', ''))
    """
    parts = _split_word(lemma)
    if not parts or parts[0] in PARTICLES | QUALIFIERS:
        return "", ""
    first = swedish_lemma(find_part_base("".join(parts[:-1])))
    is_whole = load_lexicon().is_headword(lemma) and not split_compound(first)
    return ("", "") if is_whole else (first, swedish_lemma(parts[-1]))


@lru_cache(maxsize=10_000)
def find_related_lemmas(lemma: str) -> tuple[str, ...]:
    """Return the other Swedish words that are derived from the same stem as a lemma."""
    related: dict[str, None] = {}
    for ending in DERIVING_ENDINGS:
        stem = lemma.removesuffix(ending)
        if lemma.endswith(ending) and len(stem) >= MIN_STEM_LENGTH:
            related |= dict.fromkeys(stem + other for other in DERIVING_ENDINGS)
            break
    return tuple(word for word in related if word != lemma and is_swedish_word(word))


def find_compound_key(word: str) -> str:
    """Return the lemma by which compounds that contain a word are found.

    Returns "" if the lemma consists of several words.

    >>> find_compound_key("ministrarnas"), find_compound_key("EU-ministern")
    ('minister', '')
    """
    lemma = next(iter(analyze_word(word)), "")
    return "" if " " in lemma else lemma


def load_dictionaries() -> None:
    """Load the dictionaries, so that the first search does not wait for them.

    This takes half a second.
    """
    swedish_lemma("ord"), english_lemma("word")
