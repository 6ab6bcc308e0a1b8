"""Reads hunspell-sv: Swedish words with flags that tell how each is inflected and how it joins compounds.

A word's line is `beslut/BDY`; a flag's rules (the .aff file's SFX lines) take an ending off and put another on.
Of the flags (https://manpages.org/hunspell/5), A-J are endings of nouns, J-R and m of verbs and adjectives, f-i
and s-z make a compound's first or middle part, X, U and Y let a word stand first, in the middle and last in one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import files
from pathlib import Path

DISTRIBUTION = "hunspell-sv"
INFLECTING_FLAGS = frozenset("ABCDEFGHIJKLMNOPQRm")
DERIVING = frozenset("bde17")  # inhabitants, abbreviations, numbers
JOINING = frozenset("fghistuvwxyz")
FORBIDDEN, ONLY_JOINED = "%", "Z"
FIRST, MIDDLE, LAST = "X", "U", "Y"


@dataclass(frozen=True, slots=True)
class Rule:
    """One SFX line, read backwards: a word that ends as the rule puts on, with that taken off and `strip` back."""

    flag: str
    strip: str
    condition: re.Pattern[str] | None


@dataclass(slots=True)
class Lexicon:
    """The dictionary. `flags` holds a string for each of a word's lines, `rules` goes by the ending put on."""

    flags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rules: dict[str, list[Rule]] = field(default_factory=dict)
    firsts: dict[str, str] = field(default_factory=dict)  # as joined: the word it comes from
    middles: dict[str, str] = field(default_factory=dict)
    longest: int = 0  # ending

    def is_inflected(self, word: str) -> bool:
        """Whether the word is one of the dictionary's own, not a form that some text happened to hold."""
        return any(not INFLECTING_FLAGS.isdisjoint(flags) for flags in self.flags.get(word, ()))


@cache
def load_lexicon() -> Lexicon:
    """The installed dictionary; FileNotFoundError where hunspell-sv lacks its files."""
    dic, aff = find_file("sv_SE.dic"), find_file("sv_SE.aff")
    lexicon, endings = Lexicon(), read_endings(aff.read_text("utf-8"))
    for add, rules in endings.items():
        kept = [rule for rule in rules if rule.flag not in DERIVING | JOINING]
        if kept:
            lexicon.rules[add] = kept
            lexicon.longest = max(lexicon.longest, len(add))
    joins = defaultdict(list)
    for add, rules in endings.items():
        for rule in rules:
            if rule.flag in JOINING:
                joins[rule.flag].append((add, rule))
    for line in dic.read_text("utf-8").splitlines()[1:]:
        add_word(lexicon, line, joins)
    return lexicon


def find_file(name: str) -> Path:
    for path in files(DISTRIBUTION) or ():
        if path.name == name:
            return Path(str(path.locate())).resolve()
    raise FileNotFoundError(f"{DISTRIBUTION}: no {name}")


def read_endings(text: str) -> dict[str, list[Rule]]:
    """The SFX lines of an .aff file, by the ending they put on.

    >>> read_endings("SFX  G  a  or  a")
    {'or': [Rule(flag='G', strip='a', condition=re.compile('a$'))]}
    """
    endings: dict[str, list[Rule]] = defaultdict(list)
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 5 or fields[0] != "SFX" or fields[3].isdecimal():
            continue
        _, flag, strip, add, condition = fields[:5]
        ending = add.partition("/")[0]
        endings["" if ending == "0" else ending].append(
            Rule(flag, "" if strip == "0" else strip, None if condition == "." else re.compile(f"{condition}$"))
        )
    return dict(endings)


@cache
def share(*flags: str) -> tuple[str, ...]:
    """The same object for the same flags: a hundred words have them."""
    return flags


def add_word(lexicon: Lexicon, line: str, joins: dict[str, list[tuple[str, Rule]]]) -> None:
    """One line of the .dic file. Of names only the genitive is of use, and only where no word is written so."""
    word, _, flags = line.partition("/")
    flags = flags.split()[0] if flags else ""
    if FORBIDDEN in flags or not word.isalpha():
        return
    if word[0].isupper():
        if "A" in flags:
            lexicon.flags.setdefault(word.lower(), ("A",))
        return
    if ONLY_JOINED not in flags:
        lexicon.flags[word] = share(*lexicon.flags.get(word, ()), flags)
    if INFLECTING_FLAGS.isdisjoint(flags) and ONLY_JOINED not in flags:
        return  # as some text happened to hold it
    if FIRST in flags:
        lexicon.firsts.setdefault(word, word)
    if MIDDLE in flags:
        lexicon.middles.setdefault(word, word)
    for flag in JOINING.intersection(flags):
        for add, rule in joins.get(flag, ()):
            if rule.condition is None or rule.condition.search(word):
                joined = word[: len(word) - len(rule.strip)] + add
                (lexicon.middles if flag in "fghi" else lexicon.firsts).setdefault(joined, word)
