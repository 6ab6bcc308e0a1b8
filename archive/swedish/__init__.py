"""Texts and words as the index holds them: Swedish and English lemmas, and the parts of Swedish compounds.

`to_lemmas` and `find_parts` (parts.py) make what is indexed; `to_term` reads one word of a query the same way. VERSION
names the rules and the data they rest on: an index made under another one must be made anew (index.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from archive.swedish.compounds import split
from archive.swedish.lemmas import english_lemma, is_swedish, swedish_lemma
from archive.swedish.parts import find_parts
from archive.swedish.words import find_words, is_english

RULES = "3"  # raise whenever this package gives another lemma or part for any word
VERSION = f"{RULES} simplemma-{version('simplemma')} hunspell-sv-{version('hunspell-sv')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One word of a query. A lemma of several words (EU-kommissionen) is a phrase, its words parted by a space."""

    word: str
    lemmas: tuple[str, ...]  # its readings, the Swedish first; usually one; none where it holds no letter or digit
    is_compound: bool
    parts: tuple[str, ...]  # lemmas of what a compound is found by beside itself, its last part first


def to_lemmas(text: str, language: str | None) -> str:
    """What is indexed of a text: its lemmas in order, parted by spaces. `language` is BCP 47; None: looked at.

    >>> to_lemmas("Myndigheterna besöker EU:s skolor.", "sv"), to_lemmas("The agencies' boards", "en-GB")
    ('myndighet besöka eu skola', 'the agency board')
    """
    english = is_english(text) if language is None else language.lower().startswith("en")
    return " ".join(map(english_lemma if english else swedish_lemma, find_words(text)))


def is_english_release(state: Mapping[str, Any]) -> bool:
    """Whether a release's state is declared English, or declares no language and reads so."""
    if state["language"] is None:
        return is_english(state["title"] + "\n" + state["body"])
    return str(state["language"]).lower().startswith("en")


def to_term(word: str) -> Term:
    """How one word of a query is looked for: in every reading it may have.

    >>> to_term("myndigheterna").lemmas, to_term("EU-kommissionens").lemmas, to_term("led").lemmas
    (('myndighet',), ('eu kommission',), ('led', 'lead'))
    """
    words = find_words(word)
    swedish = " ".join(map(swedish_lemma, words))
    # "men" (but) is not to find every man
    english = [english_lemma(each) for each in words]
    swedes = [is_swedish(each) and is_swedish(lemma) for each, lemma in zip(words, english, strict=True)]
    chosen = [swedish_lemma(w) if swede else lemma for w, lemma, swede in zip(words, english, swedes, strict=True)]
    readings = [swedish, " ".join(chosen)]
    compound = len(words) == 1 and bool(split(swedish))
    return Term(
        word=word,
        lemmas=tuple(dict.fromkeys(filter(None, readings))),
        is_compound=compound,
        parts=find_parts(swedish) if compound else (),
    )


def warm() -> None:
    """Read the dictionaries now, half a second, lest the first search waits for them."""
    swedish_lemma("ord"), english_lemma("word")
