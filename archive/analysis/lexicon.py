"""Hunspell-sv: words, flags, possible base forms.

Reads hunspell-sv: Swedish words with flags that tell how each is inflected and how it joins compounds.

A word's line is `beslut/BDY`; a flag's rules (the .aff file's SFX lines) take an ending off and put another on.
Of the flags (https://manpages.org/hunspell/5), A-J are endings of nouns, J-R and m of verbs and adjectives, f-i
and s-z make a compound's first or middle part, X, U and Y let a word stand first, in the middle and last in one.

What a Swedish word may be a form of, by hunspell-sv's flags.
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
DERIVING_FLAGS = frozenset("bde17")  # inhabitants, abbreviations, numbers
JOINING_FLAGS = frozenset("fghistuvwxyz")
FORBIDDEN_FLAG, COMPOUND_ONLY_FLAG = "%", "Z"
FIRST_PART_FLAG, MIDDLE_PART_FLAG, LAST_PART_FLAG = "X", "U", "Y"


@dataclass(frozen=True, slots=True)
class SuffixRule:
    """One SFX line, read backwards: a word that ends as the rule puts on, with that taken off and `strip` back."""

    flag: str
    strip: str
    condition: re.Pattern[str] | None


@dataclass(slots=True)
class Lexicon:
    """The dictionary. `flags` holds a string for each of a word's lines, `rules` goes by the ending put on."""

    flags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rules: dict[str, list[SuffixRule]] = field(default_factory=dict)
    first_parts: dict[str, str] = field(default_factory=dict)  # as joined: the word it comes from
    middle_parts: dict[str, str] = field(default_factory=dict)
    max_ending_length: int = 0  # ending

    def is_headword(self, word: str) -> bool:
        """Whether the word is one of the dictionary's own, not a form that some text happened to hold."""
        return any(not INFLECTING_FLAGS.isdisjoint(flags) for flags in self.flags.get(word, ()))


@cache
def load_lexicon() -> Lexicon:
    """The installed dictionary; FileNotFoundError where hunspell-sv lacks its files."""
    dic, aff = find_dictionary_file("sv_SE.dic"), find_dictionary_file("sv_SE.aff")
    lexicon, endings = Lexicon(), parse_suffix_rules(aff.read_text("utf-8"))
    for add, rules in endings.items():
        kept = [rule for rule in rules if rule.flag not in DERIVING_FLAGS | JOINING_FLAGS]
        if kept:
            lexicon.rules[add] = kept
            lexicon.max_ending_length = max(lexicon.max_ending_length, len(add))
    joins = defaultdict(list)
    for add, rules in endings.items():
        for rule in rules:
            if rule.flag in JOINING_FLAGS:
                joins[rule.flag].append((add, rule))
    for line in dic.read_text("utf-8").splitlines()[1:]:
        add_dictionary_line(lexicon, line, joins)
    return lexicon


def find_dictionary_file(name: str) -> Path:
    for path in files(DISTRIBUTION) or ():
        if path.name == name:
            return Path(str(path.locate())).resolve()
    raise FileNotFoundError(f"{DISTRIBUTION}: no {name}")


def parse_suffix_rules(text: str) -> dict[str, list[SuffixRule]]:
    """The SFX lines of an .aff file, by the ending they put on.

    >>> parse_suffix_rules("SFX  G  a  or  a")
    {'or': [SuffixRule(flag='G', strip='a', condition=re.compile('a$'))]}
    """
    endings: dict[str, list[SuffixRule]] = defaultdict(list)
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 5 or fields[0] != "SFX" or fields[3].isdecimal():
            continue
        _, flag, strip, add, condition = fields[:5]
        ending = add.partition("/")[0]
        endings["" if ending == "0" else ending].append(
            SuffixRule(flag, "" if strip == "0" else strip, None if condition == "." else re.compile(f"{condition}$"))
        )
    return dict(endings)


@cache
def intern_flags(*flags: str) -> tuple[str, ...]:
    """The same object for the same flags: a hundred words have them."""
    return flags


def add_dictionary_line(lexicon: Lexicon, line: str, joins: dict[str, list[tuple[str, SuffixRule]]]) -> None:
    """One line of the .dic file. Of names only the genitive is of use, and only where no word is written so."""
    word, _, flags = line.partition("/")
    flags = flags.split()[0] if flags else ""
    if FORBIDDEN_FLAG in flags or not word.isalpha():
        return
    if word[0].isupper():
        if "A" in flags:
            lexicon.flags.setdefault(word.lower(), ("A",))
        return
    if COMPOUND_ONLY_FLAG not in flags:
        lexicon.flags[word] = intern_flags(*lexicon.flags.get(word, ()), flags)
    if INFLECTING_FLAGS.isdisjoint(flags) and COMPOUND_ONLY_FLAG not in flags:
        return  # as some text happened to hold it
    if FIRST_PART_FLAG in flags:
        lexicon.first_parts.setdefault(word, word)
    if MIDDLE_PART_FLAG in flags:
        lexicon.middle_parts.setdefault(word, word)
    for flag in JOINING_FLAGS.intersection(flags):
        for add, rule in joins.get(flag, ()):
            if rule.condition is None or rule.condition.search(word):
                joined = word[: len(word) - len(rule.strip)] + add
                (lexicon.middle_parts if flag in "fghi" else lexicon.first_parts).setdefault(joined, word)


NOUN, ADJECTIVE, VERB = "noun", "adjective", "verb"
BASE_FORM, INFLECTED, AGREEING, GENITIVE, PARTICIPLE, IMPERATIVE = range(6)  # how a word is a form of its base
NOUN_FLAGS, VERB_FLAGS, ADJECTIVE_FLAGS = frozenset("BCDEFGHIJ"), frozenset("KLMNm"), frozenset("OPQRKLM")
INFINITIVE_ENDINGS = ("a", "å", "e", "o", "ö", "y")
VOWEL = re.compile("[aeiouyåäö]")
PRESENT_PARTICIPLE_ENDING = re.compile(
    r"n?de(?:t|ts|n|ns|na|nas|s)?"
)  # endings of -ande and -ende, which are words of their own
AGENT_NOUN = re.compile(r"(.{2,}ar)(?:e|en|ens|es|na|nas)")
PRESENT_PARTICIPLE = re.compile(r"(.{2,}[ae]nde)(?:t|ts|n|ns|na|nas|s)?")
PAST_PARTICIPLES = {
    re.compile(rf"(.*){ending}"): verb
    for ending, verb in (("ad", "a"), ("satt", "sätta"), ("lagd", "lägga"), ("vald", "välja"), ("såld", "sälja"))
}


@dataclass(frozen=True, slots=True)
class WordReading:
    """A base, its part of speech, and how the word is a form of it."""

    base: str
    word_class: str
    relation: int


def find_word_readings(word: str) -> list[WordReading]:
    """The word's readings; none where the dictionary does not know it.

    >>> [reading.base for reading in find_word_readings("besluten")]
    ['besluten', 'beslut']
    """
    found = [*find_base_readings(word), *find_inflected_readings(word)]
    if not any(reading.word_class == NOUN and reading.relation in (BASE_FORM, INFLECTED) for reading in found):
        found += find_derived_readings(word)
    return list(dict.fromkeys(found))


def find_base_readings(word: str) -> list[WordReading]:
    """The word as a base itself."""
    readings = []
    for flags in load_lexicon().flags.get(word, ()):
        if is_infinitive_entry(word, flags):
            readings.append(WordReading(word, VERB, BASE_FORM))
        elif not NOUN_FLAGS.isdisjoint(flags):
            readings.append(WordReading(word, NOUN, BASE_FORM))
        elif not ADJECTIVE_FLAGS.isdisjoint(flags) and word[-1] != "a":
            readings.append(WordReading(word, ADJECTIVE, BASE_FORM))
    return readings


def is_infinitive_entry(base: str, flags: str) -> bool:
    """Whether flags are those of an infinitive."""
    return base.endswith(INFINITIVE_ENDINGS) and not VERB_FLAGS.isdisjoint(flags)


def is_infinitive(word: str) -> bool:
    """Whether the dictionary holds the word as a verb."""
    return any(is_infinitive_entry(word, flags) for flags in load_lexicon().flags.get(word, ()))


def find_inflected_readings(word: str) -> list[WordReading]:
    """The word as a form of others: each ending of the dictionary is tried."""
    lexicon, readings = load_lexicon(), []
    for start in range(max(1, len(word) - lexicon.max_ending_length), len(word) + 1):
        stem, ending = word[:start], word[start:]
        for rule in lexicon.rules.get(ending, ()):
            base = stem + rule.strip
            lines = lexicon.flags.get(base)
            if lines is None or base == word or not VOWEL.search(base):
                continue
            if rule.condition and not rule.condition.search(base):
                continue
            readings += [classify_form(word, base, flags, rule.flag, ending) for flags in lines if rule.flag in flags]
    return [reading for reading in readings if reading]


def classify_form(word: str, base: str, flags: str, flag: str, ending: str) -> WordReading | None:
    """How a form is to be read that one of a base's flags gives; None where it is a word derived from it."""
    if flag == "T":  # iranska of iransk, which is of iran as a word is of another
        return WordReading(base + "isk", ADJECTIVE, INFLECTED) if ending.startswith("isk") else None
    if flag in "BDFL" and PRESENT_PARTICIPLE_ENDING.fullmatch(ending):
        return None
    if is_infinitive_entry(base, flags):
        return classify_verb_form(base, flags, flag, ending)
    if flag in NOUN_FLAGS:
        return WordReading(base, NOUN, INFLECTED)
    if flag == "A":
        return WordReading(base, NOUN, GENITIVE)
    return WordReading(base, ADJECTIVE, AGREEING if word[-1] == "a" else INFLECTED)


def classify_verb_form(base: str, flags: str, flag: str, ending: str) -> WordReading | None:
    """A form of a verb; some lines hold a noun's forms, too: kontakter beside kontakta, början beside börja."""
    if flag == "J" and not ending:
        return WordReading(base, VERB, IMPERATIVE)
    if flag in NOUN_FLAGS:
        noun = base[:-1] if flag in "HI" else base + "n" if flag == "E" else ""
        held = load_lexicon().is_headword(noun)
        return WordReading(noun if held else base, NOUN if held or flag != "I" else VERB, INFLECTED)
    return WordReading(base, VERB, PARTICIPLE if flag in "OP" and ending != "de" else INFLECTED)


def find_derived_readings(word: str) -> list[WordReading]:
    """Agent nouns and participles, of which the dictionary holds most as endings of verbs."""
    if match := AGENT_NOUN.fullmatch(word):
        stem = match[1][:-2]
        if load_lexicon().is_headword(match[1] + "e") or is_infinitive(stem + "a"):
            return [WordReading(match[1] + "e", NOUN, BASE_FORM if word == match[1] + "e" else INFLECTED)]
    if match := PRESENT_PARTICIPLE.fullmatch(word):
        stem = match[1].removesuffix("nde")
        if load_lexicon().is_headword(match[1]) or is_infinitive(stem) or is_infinitive(stem[:-1]):
            return [WordReading(match[1], NOUN, BASE_FORM if word == match[1] else INFLECTED)]
    for pattern, verb in PAST_PARTICIPLES.items():
        match = pattern.fullmatch(word)
        if match and is_infinitive(match[1] + verb):
            return [WordReading(match[1] + verb, VERB, PARTICIPLE)]
    return []
