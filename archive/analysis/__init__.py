"""Analyze(text, language): tokens → lemmas + compound parts.

What a compound is found by beside itself: its last part, and what is a compound of its own before that.

A text's words: letters and digits between all else, in small letters, without the case ending of EU:s and 12:e.

Texts and words as the index holds them: Swedish and English lemmas, and the parts of Swedish compounds.

`to_lemmas` and `find_parts` (parts.py) make what is indexed; `to_term` reads one word of a query the same way. VERSION
names the rules and the data they rest on: an index made under another one must be made anew (index.py).

People's words as an FTS5 expression over the table search.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any

from archive.analysis.compounds import split_compound
from archive.analysis.lemmatizer import english_lemma, is_swedish_word, swedish_lemma
from archive.analysis.lexicon import load_lexicon


@lru_cache(maxsize=200_000)
def find_compound_parts(lemma: str) -> tuple[str, ...]:
    """The lemmas of its parts, the last one first; none where it is no compound, or one with a meaning of its own.

    Such are the dictionary's compounds of two words: människohandel is no kind of handel. One of three or more is
    what its words say, be it in the dictionary or not.

    >>> find_compound_parts("människohandelsbrott"), find_compound_parts("människohandel"), find_compound_parts("sjukvårdsminister")
    (('brott', 'människohandel'), (), ('minister', 'sjukvård'))
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


def find_compound_lemma(parts: tuple[str, ...]) -> str | None:
    """The lemma of some parts of a compound where they are a compound themselves, with or without the s that joins.

    >>> find_compound_lemma(("människo", "handels")), find_compound_lemma(("barn",))
    ('människohandel', None)
    """
    lexicon, joined = load_lexicon(), "".join(parts)
    whole = lexicon.first_parts.get(joined) or lexicon.middle_parts.get(joined)
    for word in (whole, joined, joined.removesuffix("s")):
        if word and lexicon.is_headword(word):
            return word if len(parts) > 1 or split_compound(word) else None
    return None


WORD_PATTERN = re.compile(r"[^\W_]+")
CASE_ENDING = re.compile(
    r"(?<=[^\W_]):(?:s|n|ns|en|ens|er|ers|erna|ernas|na|nas|t|ts|et|ets|e|a|as|ar|are|aren)\b", re.I
)
INVISIBLE_CHARACTERS = "\u00ad\u200b\u200c\u200d\ufeff"  # soft hyphens and the like stand inside words
COMMON_ENGLISH = """the of and to in is that for with are by this will be as it on has have was from we our"""
COMMON_SWEDISH = """och att det som en på är av för med den till i ett har om de inte vi var ska kan från"""
COMMON_WORDS = frozenset(COMMON_SWEDISH.split()), frozenset(COMMON_ENGLISH.split())


def find_words(text: str) -> list[str]:
    """In the text's order.

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
    """Whether a text of no declared language holds more of English's commonest words than of Swedish's.

    >>> is_english("The reform of the school"), is_english("Reformen av skolan")
    (True, False)
    """
    words = find_words(text[:5000])
    swedish, english = (sum(map(common.__contains__, words)) for common in COMMON_WORDS)
    return english > swedish


RULES_VERSION = "3"  # raise whenever this package gives another lemma or part for any word
ANALYSIS_VERSION = f"{RULES_VERSION} simplemma-{version('simplemma')} hunspell-sv-{version('hunspell-sv')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzedWord:
    """One word of a query. A lemma of several words (EU-kommissionen) is a phrase, its words parted by a space."""

    word: str
    lemmas: tuple[str, ...]  # its readings, the Swedish first; usually one; none where it holds no letter or digit
    is_compound: bool
    parts: tuple[str, ...]  # lemmas of what a compound is found by beside itself, its last part first


def analyze(text: str, language: str | None) -> str:
    """What is indexed of a text: its lemmas in order, parted by spaces. `language` is BCP 47; None: looked at.

    >>> analyze("Myndigheterna besöker EU:s skolor.", "sv"), analyze("The agencies' boards", "en-GB")
    ('myndighet besöka eu skola', 'the agency board')
    """
    english = is_english(text) if language is None else language.lower().startswith("en")
    return " ".join(map(english_lemma if english else swedish_lemma, find_words(text)))


def is_english_release(state: Mapping[str, Any]) -> bool:
    """Whether a release's state is declared English, or declares no language and reads so."""
    if state["language"] is None:
        return is_english(state["title"] + "\n" + state["body"])
    return str(state["language"]).lower().startswith("en")


def analyze_word(word: str) -> AnalyzedWord:
    """How one word of a query is looked for: in every reading it may have.

    >>> analyze_word("myndigheterna").lemmas, analyze_word("EU-kommissionens").lemmas, analyze_word("led").lemmas
    (('myndighet',), ('eu kommission',), ('led', 'lead'))
    """
    words = find_words(word)
    swedish = " ".join(map(swedish_lemma, words))
    # "men" (but) is not to find every man
    english = [english_lemma(each) for each in words]
    swedes = [is_swedish_word(each) and is_swedish_word(lemma) for each, lemma in zip(words, english, strict=True)]
    chosen = [swedish_lemma(w) if swede else lemma for w, lemma, swede in zip(words, english, swedes, strict=True)]
    readings = [swedish, " ".join(chosen)]
    compound = len(words) == 1 and bool(split_compound(swedish))
    return AnalyzedWord(
        word=word,
        lemmas=tuple(dict.fromkeys(filter(None, readings))),
        is_compound=compound,
        parts=find_compound_parts(swedish) if compound else (),
    )


def load_dictionaries() -> None:
    """Read the dictionaries now, half a second, lest the first search waits for them."""
    swedish_lemma("ord"), english_lemma("word")


TEXT_COLUMN_FILTER = "{title lead body questions}"
PART_COLUMN_FILTER = "{title_parts lead_parts body_parts questions_parts}"


def match_word(word: str, text_columns: str = TEXT_COLUMN_FILTER, part_columns: str = "") -> str:
    """One word in all its readings, also as a part of compounds; "" where it holds no letter or digit.

    What parts it is looked for in is settled as the index is made: find_parts. Its first reading is looked
    for in all columns, texts and their parts: that costs a third of what choosing among them does. `parted`: columns of
    parts, where those found by a part are to be weighed apart: bm25 then knows how common either is.

    >>> match_word("ministrarnas"), match_word("led"), match_word("EU-ministern")
    ('"minister"', '("led" OR {title lead body questions}: ("lead"))', '{title lead body questions}: ("eu minister")')
    """
    lemmas, part = analyze_word(word).lemmas, find_compound_key(word)
    if part and part_columns:
        return f"({text_columns}: ({' OR '.join(map(quote_fts, lemmas))}) OR {part_columns}: {quote_fts(part)})"
    others = [lemma for lemma in lemmas if lemma != part]
    found = [quote_fts(part)] if part else []
    found += [f"{text_columns}: ({' OR '.join(map(quote_fts, others))})"] if others else []
    return f"({' OR '.join(found)})" if len(found) > 1 else "".join(found)


def find_compound_key(word: str) -> str:
    """The lemma under which compounds are found that a word is a part of; "" of several words, or of none.

    >>> find_compound_key("ministrarnas"), find_compound_key("EU-ministern")
    ('minister', '')
    """
    return next((lemma for lemma in analyze_word(word).lemmas[:1] if " " not in lemma), "")


def quote_fts(lemma: str) -> str:
    """A lemma, or several in a row, as FTS5 takes it."""
    return f'"{lemma}"'
