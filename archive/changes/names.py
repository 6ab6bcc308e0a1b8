"""Which capital letters of a text mark a name: those inside sentences, and whatever stands so elsewhere in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from archive.changes.fact_words import FUNCTION_WORDS, ROLES

WORD = re.compile(r"[^\W\d_]+")
SMALL = re.compile(r"(?<!\w)[a-zåäöéüæø]+")  # a word, or the beginning of one, in small letters
INSIDE = re.compile(r"(?<=[a-zåäöéü,)] )[A-ZÅÄÖÉÜ][^\W\d_]+")  # a capital after a small letter or a comma
LINKING = frozenset(("von", "af", "av", "de", "la", "der", "den", "van", "el", "al", "bin", "da", "di"))
TITLE_CASE = 0.85  # where more of a line's words than this have capitals, they say nothing (English headlines)


@dataclass(frozen=True, slots=True)
class Capitals:
    """What the capitals of one text, or of its two versions together, tell."""

    names: frozenset[str]  # words with a capital inside sentences, never without
    common: frozenset[str]  # words that stand without one
    telling: bool  # whether a capital marks a name at all

    def is_name(self, word: str, *, opens: bool, follows: bool) -> bool:
        """Whether a word is (part of) a name; `opens` a sentence, `follows`: another capital comes next."""
        if not word[0].isupper() or len(word) < 2:
            return False
        if word.isupper() and word.isalpha():
            return True  # an abbreviation: SCB, EU
        low = word.casefold()
        if not self.telling or low in FUNCTION_WORDS:
            return False
        if not opens or word in self.names:
            return True
        return follows and low not in self.common and not low.endswith(ROLES)


def read_capitals(texts: Iterable[str], language: str | None = None) -> Capitals:
    """What the capitals of these texts tell, judged together; German gives every noun one.

    >>> capitals = read_capitals(["Vi träffade Ada Ek. Ada Ek bor i Malmö."])
    >>> capitals.is_name("Ada", opens=True, follows=True), capitals.is_name("Vi", opens=True, follows=False)
    (True, False)
    """
    text = "\n".join(texts)
    inside = INSIDE.findall(text)
    common = set(SMALL.findall(text))
    german = (language or "").startswith("de") or text.count(" und ") > text.count(" och ") + text.count(" and ")
    names = {name for name in inside if name.casefold() not in common}
    return Capitals(frozenset(names), frozenset(common), telling=not german)


def is_title_case(line: str) -> bool:
    """Whether a line has capitals on nearly all its longer words, so that they mark no names.

    >>> is_title_case("New Rules for Better Protection of Small Children in Schools")
    True
    >>> is_title_case("Ada Ek och Bo Ask börjar på Skolverket")
    False
    """
    words = [word for word in WORD.findall(line)[1:] if len(word) > 4]
    return len(words) > 3 and sum(word[0].isupper() for word in words) > TITLE_CASE * len(words)


def name_value(text: str) -> str:
    """A name without the genitive's s, in small letters: two mentions of one name share it.

    >>> name_value("Sveriges"), name_value("SCB:s"), name_value("Ada Eks"), name_value("Sweden’s")
    ('sverige', 'scb', 'ada ek', 'sweden')
    """
    low = re.sub(r"[:’']s?$", "", text.casefold())
    return " ".join(word[:-1] if word.endswith("s") and len(word) > 2 else word for word in low.split())
