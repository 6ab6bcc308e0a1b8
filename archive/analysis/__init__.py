"""Text analysis for the search index: converts Swedish and English text to terms.

`analyze` returns the terms of a text and `analyze_word` those of one word of a query; both analyse words the same way.
A term is a lemma. A Swedish compound is also found by its last part, and by earlier parts that are compounds
themselves.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from archive.analysis.lemmatizer import english_lemma, is_swedish_word, swedish_lemma
from archive.analysis.lexicon import find_compound_lemma, load_lexicon, split_compound

RULES_VERSION = "4"  # raise it whenever the lemma or the compound parts of any word change
# The version of the rules and of their data; an index that was built with another version has to be rebuilt.
ANALYSIS_VERSION = f"{RULES_VERSION} simplemma-{version('simplemma')} hunspell-sv-{version('hunspell-sv')}"

WORD_PATTERN = re.compile(r"[^\W_]+")
CASE_ENDINGS = "s|n|ns|en|ens|er|ers|erna|ernas|na|nas|t|ts|et|ets|e|a|as|ar|are|aren"  # after a colon: EU:s, 12:e
CASE_ENDING = re.compile(rf"(?<=[^\W_]):(?:{CASE_ENDINGS})\b", re.IGNORECASE)
INVISIBLE_CHARACTERS = "\u00ad\u200b\u200c\u200d\ufeff"  # soft hyphens and the like inside words

# The most common words of each language, to guess the language of a text.
COMMON_SWEDISH = "och att det som en på är av för med den till i ett har om de inte vi var ska kan från"
COMMON_ENGLISH = "the of and to in is that for with are by this will be as it on has have was from we our"
COMMON_WORDS = frozenset(COMMON_SWEDISH.split()), frozenset(COMMON_ENGLISH.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzedText:
    """The terms of a text."""

    words: list[str]  # in order
    lemmas: dict[str, str]  # word → its lemma
    compound_parts: tuple[str, ...]  # lemmas of compound parts, each once; empty for English

    @property
    def lemma_text(self) -> str:
        """Return the text with each word replaced by its lemma, separated by spaces."""
        return " ".join(map(self.lemmas.__getitem__, self.words))


def analyze(text: str, language: str | None) -> AnalyzedText:
    """Analyse a text for the index. `language` is a BCP 47 tag; None: guess Swedish or English.

    >>> analyze("Myndigheterna besöker EU:s skolor.", "sv").lemma_text
    'myndighet besöka eu skola'
    >>> analyze("The agencies' boards", "en-GB").lemma_text
    'the agency board'
    """
    english = is_english(text) if language is None else language.lower().startswith("en")
    to_lemma = english_lemma if english else swedish_lemma
    words = find_words(text)
    lemmas = {word: to_lemma(word) for word in dict.fromkeys(words)}
    parts = () if english else collect_compound_parts(lemmas.values())
    return AnalyzedText(words=words, lemmas=lemmas, compound_parts=parts)


def analyze_word(word: str) -> tuple[str, ...]:
    """Return the possible lemmas of a query word, Swedish first; empty if it has no letters or digits.

    A word that contains signs becomes a phrase: several lemmas in one string.

    >>> analyze_word("myndigheterna"), analyze_word("EU-kommissionens"), analyze_word("led")
    (('myndighet',), ('eu kommission',), ('led', 'lead'))
    """
    swedish, english = [], []
    for part in find_words(word):
        lemma, english_reading = swedish_lemma(part), english_lemma(part)
        swedish.append(lemma)
        # An English lemma that is another Swedish word is dropped: "men" (but) is not a form of man.
        only_swedish = is_swedish_word(part) and is_swedish_word(english_reading)
        english.append(lemma if only_swedish else english_reading)
    return tuple(dict.fromkeys(filter(None, (" ".join(swedish), " ".join(english)))))


def find_words(text: str) -> list[str]:
    """Split a text into words of letters and digits, in lower case, without the ending of EU:s and 12:e.

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
    """Return whether a text has more common English words than common Swedish ones.

    >>> is_english("The reform of the school"), is_english("Reformen av skolan")
    (True, False)
    """
    words = find_words(text[:5000])
    swedish, english = (sum(word in common for word in words) for common in COMMON_WORDS)
    return english > swedish


def is_english_release(state: Mapping[str, Any]) -> bool:
    """Return whether a release is in English: by its declared language or, if it has none, by its text."""
    if state["language"] is None:
        return is_english(state["title"] + "\n" + state["body"])
    return str(state["language"]).lower().startswith("en")


@lru_cache(maxsize=200_000)
def find_compound_parts(lemma: str) -> tuple[str, ...]:
    """Return the lemmas of the parts by which a compound is also found, the last part first.

    A compound of two words that is in the dictionary has a meaning of its own, and no parts: människohandel is not a
    kind of handel. A compound of three or more words is always split, whether or not it is in the dictionary.

    >>> find_compound_parts("människohandelsbrott"), find_compound_parts("människohandel")
    (('brott', 'människohandel'), ())
    >>> find_compound_parts("sjukvårdsminister")
    ('minister', 'sjukvård')
    """
    parts = split_compound(lemma)
    if not parts:
        return ()
    before = [
        find_compound_lemma(parts[start:end]) for start in range(len(parts) - 1) for end in range(start + 1, len(parts))
    ]
    compounds = [part for part in before if part]
    if load_lexicon().is_headword(lemma) and not compounds:
        return ()
    return tuple(dict.fromkeys([swedish_lemma(parts[-1]), *compounds]))


def collect_compound_parts(lemmas: Iterable[str]) -> tuple[str, ...]:
    """Return the compound parts of all lemmas, each once (see `find_compound_parts`)."""
    return tuple(dict.fromkeys(part for lemma in dict.fromkeys(lemmas) for part in find_compound_parts(lemma)))


def find_compound_key(word: str) -> str:
    """Return the lemma by which compounds that contain a word are found; "" if it is several words.

    >>> find_compound_key("ministrarnas"), find_compound_key("EU-ministern")
    ('minister', '')
    """
    lemma = next(iter(analyze_word(word)), "")
    return "" if " " in lemma else lemma


def load_dictionaries() -> None:
    """Load the dictionaries, which takes half a second, so that the first search does not wait for them."""
    swedish_lemma("ord"), english_lemma("word")
