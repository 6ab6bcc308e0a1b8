"""What a Swedish word may be a form of, by hunspell-sv's flags."""

from __future__ import annotations

import re
from dataclasses import dataclass

from archive.swedish.lexicon import load_lexicon

NOUN, ADJECTIVE, VERB = "noun", "adjective", "verb"
OWN, INFLECTED, AGREEING, GENITIVE, PARTICIPLE, IMPERATIVE = range(6)  # how a word is a form of its base
NOUNS, VERBS, ADJECTIVES = frozenset("BCDEFGHIJ"), frozenset("KLMNm"), frozenset("OPQRKLM")
INFINITIVE = ("a", "å", "e", "o", "ö", "y")
VOWEL = re.compile("[aeiouyåäö]")
PRESENT = re.compile(r"n?de(?:t|ts|n|ns|na|nas|s)?")  # endings of -ande and -ende, which are words of their own
AGENT = re.compile(r"(.{2,}ar)(?:e|en|ens|es|na|nas)")
PRESENT_PARTICIPLE = re.compile(r"(.{2,}[ae]nde)(?:t|ts|n|ns|na|nas|s)?")
PAST_PARTICIPLES = {
    re.compile(rf"(.*){ending}"): verb
    for ending, verb in (("ad", "a"), ("satt", "sätta"), ("lagd", "lägga"), ("vald", "välja"), ("såld", "sälja"))
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A base, its part of speech, and how the word is a form of it."""

    base: str
    kind: str
    how: int


def find_readings(word: str) -> list[Reading]:
    """The word's readings; none where the dictionary does not know it.

    >>> [reading.base for reading in find_readings("besluten")]
    ['besluten', 'beslut']
    """
    found = [*own_readings(word), *inflected_readings(word)]
    if not any(reading.kind == NOUN and reading.how in (OWN, INFLECTED) for reading in found):
        found += derived_readings(word)
    return list(dict.fromkeys(found))


def own_readings(word: str) -> list[Reading]:
    """The word as a base itself."""
    readings = []
    for flags in load_lexicon().flags.get(word, ()):
        if is_verb(word, flags):
            readings.append(Reading(word, VERB, OWN))
        elif not NOUNS.isdisjoint(flags):
            readings.append(Reading(word, NOUN, OWN))
        elif not ADJECTIVES.isdisjoint(flags) and word[-1] != "a":
            readings.append(Reading(word, ADJECTIVE, OWN))
    return readings


def is_verb(base: str, flags: str) -> bool:
    """Whether flags are those of an infinitive."""
    return base.endswith(INFINITIVE) and not VERBS.isdisjoint(flags)


def is_infinitive(word: str) -> bool:
    """Whether the dictionary holds the word as a verb."""
    return any(is_verb(word, flags) for flags in load_lexicon().flags.get(word, ()))


def inflected_readings(word: str) -> list[Reading]:
    """The word as a form of others: each ending of the dictionary is tried."""
    lexicon, readings = load_lexicon(), []
    for start in range(max(1, len(word) - lexicon.longest), len(word) + 1):
        stem, ending = word[:start], word[start:]
        for rule in lexicon.rules.get(ending, ()):
            base = stem + rule.strip
            lines = lexicon.flags.get(base)
            if lines is None or base == word or not VOWEL.search(base):
                continue
            if rule.condition and not rule.condition.search(base):
                continue
            readings += [read_form(word, base, flags, rule.flag, ending) for flags in lines if rule.flag in flags]
    return [reading for reading in readings if reading]


def read_form(word: str, base: str, flags: str, flag: str, ending: str) -> Reading | None:
    """How a form is to be read that one of a base's flags gives; None where it is a word derived from it."""
    if flag == "T":  # iranska of iransk, which is of iran as a word is of another
        return Reading(base + "isk", ADJECTIVE, INFLECTED) if ending.startswith("isk") else None
    if flag in "BDFL" and PRESENT.fullmatch(ending):
        return None
    if is_verb(base, flags):
        return read_verb(base, flags, flag, ending)
    if flag in NOUNS:
        return Reading(base, NOUN, INFLECTED)
    if flag == "A":
        return Reading(base, NOUN, GENITIVE)
    return Reading(base, ADJECTIVE, AGREEING if word[-1] == "a" else INFLECTED)


def read_verb(base: str, flags: str, flag: str, ending: str) -> Reading | None:
    """A form of a verb; some lines hold a noun's forms, too: kontakter beside kontakta, början beside börja."""
    if flag == "J" and not ending:
        return Reading(base, VERB, IMPERATIVE)
    if flag in NOUNS:
        noun = base[:-1] if flag in "HI" else base + "n" if flag == "E" else ""
        held = load_lexicon().is_inflected(noun)
        return Reading(noun if held else base, NOUN if held or flag != "I" else VERB, INFLECTED)
    return Reading(base, VERB, PARTICIPLE if flag in "OP" and ending != "de" else INFLECTED)


def derived_readings(word: str) -> list[Reading]:
    """Agent nouns and participles, of which the dictionary holds most as endings of verbs."""
    if match := AGENT.fullmatch(word):
        stem = match[1][:-2]
        if load_lexicon().is_inflected(match[1] + "e") or is_infinitive(stem + "a"):
            return [Reading(match[1] + "e", NOUN, OWN if word == match[1] + "e" else INFLECTED)]
    if match := PRESENT_PARTICIPLE.fullmatch(word):
        stem = match[1].removesuffix("nde")
        if load_lexicon().is_inflected(match[1]) or is_infinitive(stem) or is_infinitive(stem[:-1]):
            return [Reading(match[1], NOUN, OWN if word == match[1] else INFLECTED)]
    for pattern, verb in PAST_PARTICIPLES.items():
        match = pattern.fullmatch(word)
        if match and is_infinitive(match[1] + verb):
            return [Reading(match[1] + verb, VERB, PARTICIPLE)]
    return []
