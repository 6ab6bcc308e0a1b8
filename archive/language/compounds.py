"""Reads the Swedish dictionary hunspell-sv: base forms of words, and parts of compounds.

A line of the .dic file, such as `beslut/BDY`, contains a word and its flags. An SFX line of the
.aff file is a rule for a flag: it replaces one ending with another. The flags
(https://manpages.org/hunspell/5) have these meanings: A-J are endings of nouns; J-R and m are
endings of verbs and adjectives; f-i and s-z form a compound's first or middle part; words with X, U
or Y can be the first, middle or last part of a compound, respectively. A reading of a word names
the base that the word is a form of.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.metadata import files
from pathlib import Path

DISTRIBUTION = "hunspell-sv"

# Flags.
INFLECTING_FLAGS = frozenset("ABCDEFGHIJKLMNOPQRm")
DERIVING_FLAGS = frozenset("bde17")  # inhabitants, abbreviations, numbers
JOINING_FLAGS, MIDDLE_JOINING_FLAGS = frozenset("fghistuvwxyz"), frozenset("fghi")
NOUN_FLAGS, VERB_FLAGS, ADJECTIVE_FLAGS = (
    frozenset("BCDEFGHIJ"),
    frozenset("KLMNm"),
    frozenset("OPQRKLM"),
)
FORBIDDEN_FLAG, COMPOUND_ONLY_FLAG = "%", "Z"
FIRST_PART_FLAG, MIDDLE_PART_FLAG, LAST_PART_FLAG = "X", "U", "Y"

# Parts of speech, and relations of a word to its base.
NOUN, ADJECTIVE, VERB = "noun", "adjective", "verb"
BASE_FORM, INFLECTED, AGREEING, GENITIVE, PARTICIPLE, IMPERATIVE = range(6)

# Endings and patterns of words that the dictionary knows only as forms of others.
INFINITIVE_ENDINGS = ("a", "å", "e", "o", "ö", "y")
VOWELS = "aeiouyåäö"
VOWEL = re.compile(f"[{VOWELS}]")
# of words in -ande and -ende, which are words of their own
PRESENT_PARTICIPLE_ENDING = re.compile(r"n?de(?:t|ts|n|ns|na|nas|s)?")
AGENT_NOUN = re.compile(r"(.{2,}ar)(?:e|en|ens|es|na|nas)")
PRESENT_PARTICIPLE = re.compile(r"(.{2,}[ae]nde)(?:t|ts|n|ns|na|nas|s)?")
PAST_PARTICIPLES = {  # ending of the form → of the verb's infinitive
    "ad": "a",
    "satt": "sätta",
    "lagd": "lägga",
    "vald": "välja",
    "såld": "sälja",
}

# Compounds.
MIN_PART_LENGTH, MAX_COMPOUND_LENGTH = 3, 60  # letters
MAX_PARTS = 4
SHORT_FIRST_PARTS = ("el",)  # used although they are shorter than MIN_PART_LENGTH
# letters of both parts, if the dictionary lacks the first part's form in compounds
MIN_UNLISTED_PART_LENGTH = 5
# common first parts that the dictionary has only in whole compounds
UNLISTED_FIRST_PARTS = {"idrotts": "idrott"}
VERBAL_SUFFIXES = ("are", "ande", "ende")  # nouns made of verbs; the dictionary lacks most of them


@dataclass(frozen=True, slots=True)
class SuffixRule:
    """A rule for finding the base of an inflected form: remove the ending and append `strip`.

    This reverses an SFX line of the .aff file.
    """

    flag: str
    strip: str
    condition: re.Pattern[str] | None


@dataclass(slots=True)
class Lexicon:
    """The parsed dictionary."""

    # word → the flags of each of its lines
    flags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    # by the ending of the inflected form
    rules: dict[str, list[SuffixRule]] = field(default_factory=dict)
    first_parts: dict[str, str] = field(default_factory=dict)  # form in a compound → word
    middle_parts: dict[str, str] = field(default_factory=dict)
    max_ending_length: int = 0

    def is_headword(self, word: str) -> bool:
        """Return whether a word is a dictionary entry that has inflected forms."""
        return any(not INFLECTING_FLAGS.isdisjoint(flags) for flags in self.flags.get(word, ()))


@dataclass(frozen=True, slots=True)
class WordReading:
    """A reading of a word: its base, its part of speech, and its relation to the base."""

    base: str
    word_class: str
    relation: int


@cache
def load_lexicon() -> Lexicon:
    """Load the installed dictionary. Raises FileNotFoundError if a file of hunspell-sv is
    missing.
    """
    dic, aff = _find_dictionary_file("sv_SE.dic"), _find_dictionary_file("sv_SE.aff")
    lexicon, joining_rules = Lexicon(), defaultdict(list)
    for ending, rules in _parse_suffix_rules(aff.read_text("utf-8")).items():
        for rule in rules:
            if rule.flag in JOINING_FLAGS:
                joining_rules[rule.flag].append((ending, rule))
            elif rule.flag not in DERIVING_FLAGS:
                lexicon.rules.setdefault(ending, []).append(rule)
    lexicon.max_ending_length = max(map(len, lexicon.rules))
    lexicon.first_parts |= UNLISTED_FIRST_PARTS
    for line in dic.read_text("utf-8").splitlines()[1:]:
        _add_dictionary_line(lexicon, line, joining_rules)
    return lexicon


def _find_dictionary_file(name: str) -> Path:
    for path in files(DISTRIBUTION) or ():
        if path.name == name:
            return Path(str(path.locate())).resolve()
    raise FileNotFoundError(f"{DISTRIBUTION}: no {name}")


def _parse_suffix_rules(text: str) -> dict[str, list[SuffixRule]]:
    """Parse the SFX lines of an .aff file into a map from the endings of inflected forms to rules.

    >>> _parse_suffix_rules("SFX  G  a  or  a")
    {'or': [SuffixRule(flag='G', strip='a', condition=re.compile('a$'))]}
    """
    endings: dict[str, list[SuffixRule]] = defaultdict(list)
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 5 or fields[0] != "SFX" or fields[3].isdecimal():
            continue
        _, flag, strip, added, condition = fields[:5]
        ending = added.partition("/")[0]
        endings["" if ending == "0" else ending].append(
            SuffixRule(
                flag,
                "" if strip == "0" else strip,
                None if condition == "." else re.compile(f"{condition}$"),
            )
        )
    return dict(endings)


def _add_dictionary_line(
    lexicon: Lexicon, line: str, joins: dict[str, list[tuple[str, SuffixRule]]]
) -> None:
    """Add a line of the .dic file to the lexicon. For a name, only the genitive is added."""
    word, _, flags = line.partition("/")
    flags = flags.split()[0] if flags else ""
    if FORBIDDEN_FLAG in flags or not word.isalpha():
        return
    if word[0].isupper():
        if "A" in flags:
            lexicon.flags.setdefault(word.lower(), ("A",))
        return
    if COMPOUND_ONLY_FLAG not in flags:
        lexicon.flags[word] = _intern_flags(*lexicon.flags.get(word, ()), flags)
        if INFLECTING_FLAGS.isdisjoint(flags):
            return  # a stray form taken from some text
    _add_compound_forms(lexicon, word, flags, joins)


def _add_compound_forms(
    lexicon: Lexicon, word: str, flags: str, joins: dict[str, list[tuple[str, SuffixRule]]]
) -> None:
    """Add the forms that a word has as the first or middle part of compounds."""
    if FIRST_PART_FLAG in flags:
        lexicon.first_parts.setdefault(word, word)
    if MIDDLE_PART_FLAG in flags:
        lexicon.middle_parts.setdefault(word, word)
    for flag in JOINING_FLAGS.intersection(flags):
        parts = lexicon.middle_parts if flag in MIDDLE_JOINING_FLAGS else lexicon.first_parts
        for ending, rule in joins.get(flag, ()):
            if rule.condition is None or rule.condition.search(word):
                parts.setdefault(word[: len(word) - len(rule.strip)] + ending, word)


@cache
def _intern_flags(*flags: str) -> tuple[str, ...]:
    """Return the same tuple object for equal flags, to save memory."""
    return flags


def find_word_readings(word: str) -> list[WordReading]:
    """List the readings of a word. The list is empty if the word is not in the dictionary.

    >>> [reading.base for reading in find_word_readings("besluten")]
    ['besluten', 'beslut']
    """
    found = [*_find_base_readings(word), *_find_inflected_readings(word)]
    if not any(
        reading.word_class == NOUN and reading.relation in (BASE_FORM, INFLECTED)
        for reading in found
    ):
        found += _find_derived_readings(word)
    return list(dict.fromkeys(found))


def _find_base_readings(word: str) -> list[WordReading]:
    """List the readings in which the word is its own base form."""
    readings = []
    for flags in load_lexicon().flags.get(word, ()):
        if _is_infinitive_entry(word, flags):
            readings.append(WordReading(word, VERB, BASE_FORM))
        elif not NOUN_FLAGS.isdisjoint(flags):
            readings.append(WordReading(word, NOUN, BASE_FORM))
        elif not ADJECTIVE_FLAGS.isdisjoint(flags) and word[-1] != "a":
            readings.append(WordReading(word, ADJECTIVE, BASE_FORM))
    return readings


def _find_inflected_readings(word: str) -> list[WordReading]:
    """List the readings in which the word is an inflected form of another word."""
    readings = []
    for base, rule, ending in _iter_bases(word):
        for flags in load_lexicon().flags[base]:
            if rule.flag in flags and (
                reading := _classify_form(word, base, flags, rule.flag, ending)
            ):
                readings.append(reading)
    return readings


def _iter_bases(word: str) -> Iterator[tuple[str, SuffixRule, str]]:
    """Yield each base that a word may be a form of, with the rule and the form's ending."""
    lexicon = load_lexicon()
    flags, rules = lexicon.flags, lexicon.rules
    for start in range(max(1, len(word) - lexicon.max_ending_length), len(word) + 1):
        ending = word[start:]
        for rule in rules.get(ending, ()):
            base = word[:start] + rule.strip
            if base not in flags or base == word or not VOWEL.search(base):
                continue
            if rule.condition is None or rule.condition.search(base):
                yield base, rule, ending


def _find_derived_readings(word: str) -> list[WordReading]:
    """List the readings of a word as an agent noun or participle.

    The dictionary contains few such words. Most are recognised by their ending and their verb.
    """
    reading = (
        _read_agent_noun(word) or _read_present_participle(word) or _read_past_participle(word)
    )
    return [reading] if reading else []


def _read_agent_noun(word: str) -> WordReading | None:
    match = AGENT_NOUN.fullmatch(word) if "ar" in word else None
    if not match:
        return None
    noun, verb = match[1] + "e", match[1][:-2] + "a"
    if not load_lexicon().is_headword(noun) and not is_infinitive(verb):
        return None
    return WordReading(noun, NOUN, BASE_FORM if word == noun else INFLECTED)


def _read_present_participle(word: str) -> WordReading | None:
    match = PRESENT_PARTICIPLE.fullmatch(word) if "nde" in word else None
    if not match:
        return None
    noun, stem = match[1], match[1].removesuffix("nde")
    if load_lexicon().is_headword(noun) or is_infinitive(stem) or is_infinitive(stem[:-1]):
        return WordReading(noun, NOUN, BASE_FORM if word == noun else INFLECTED)
    return None


def _read_past_participle(word: str) -> WordReading | None:
    for ending, verb_ending in PAST_PARTICIPLES.items():
        verb = word.removesuffix(ending) + verb_ending
        if word.endswith(ending) and is_infinitive(verb):
            return WordReading(verb, VERB, PARTICIPLE)
    return None


def _classify_form(word: str, base: str, flags: str, flag: str, ending: str) -> WordReading | None:
    """Return the reading of a form, given its base, the flag of the rule and the form's ending.

    Returns None if the form counts as a word of its own.
    """
    if flag == "T":  # iranska is a form of iransk; iransk itself is derived from Iran
        return WordReading(base + "isk", ADJECTIVE, INFLECTED) if ending.startswith("isk") else None
    if flag in "BDFL" and PRESENT_PARTICIPLE_ENDING.fullmatch(ending):
        return None
    if _is_infinitive_entry(base, flags):
        return _classify_verb_form(base, flags, flag, ending)
    if flag in NOUN_FLAGS:
        return WordReading(base, NOUN, INFLECTED)
    if flag == "A":
        return WordReading(base, NOUN, GENITIVE)
    return WordReading(base, ADJECTIVE, AGREEING if word[-1] == "a" else INFLECTED)


def _classify_verb_form(base: str, flags: str, flag: str, ending: str) -> WordReading | None:
    """Return the reading of a form that one of a verb's flags produces.

    Some dictionary lines of verbs also produce forms of a noun, such as kontakter from kontakta.
    """
    if flag == "J" and not ending:
        return WordReading(base, VERB, IMPERATIVE)
    if flag in NOUN_FLAGS:
        noun = _build_noun(base, flag)
        if load_lexicon().is_headword(noun):
            return WordReading(noun, NOUN, INFLECTED)
        return WordReading(base, VERB if flag == "I" else NOUN, INFLECTED)
    return WordReading(base, VERB, PARTICIPLE if flag in "OP" and ending != "de" else INFLECTED)


def _build_noun(verb: str, flag: str) -> str:
    """Return the noun whose forms a verb's flag also produces, or "" if there is no such noun."""
    if flag in "HI":
        return verb[:-1]
    return verb + "n" if flag == "E" else ""


def is_infinitive(word: str) -> bool:
    """Return whether the dictionary contains a word as the infinitive of a verb."""
    return any(_is_infinitive_entry(word, flags) for flags in load_lexicon().flags.get(word, ()))


def _is_infinitive_entry(base: str, flags: str) -> bool:
    return base.endswith(INFINITIVE_ENDINGS) and not VERB_FLAGS.isdisjoint(flags)


@lru_cache(maxsize=100_000)
def split_compound(word: str) -> tuple[str, ...]:
    """Split a word into as few parts as possible, with the longest possible last part.

    Returns () if the word is not a compound.

    >>> split_compound("människohandelsbrotten"), split_compound("sjukvårdsminister")
    (('människo', 'handels', 'brotten'), ('sjukvårds', 'minister'))
    """
    if not 2 * MIN_PART_LENGTH <= len(word) <= MAX_COMPOUND_LENGTH or not word.isalpha():
        return ()
    found = [parts for parts in _list_splits(word, 0, MAX_PARTS) if not _takes_joining_s(parts)]
    found = found or _list_unlisted_splits(word)
    return min(found, key=lambda parts: (len(parts), -len(parts[-1])), default=())


def _takes_joining_s(parts: tuple[str, ...]) -> bool:
    """Return whether the s at the start of the last part is really a joining s.

    For example, vindkraftspark is vindkraft-s-park, not vindkraft-spark. A compound that is itself
    the first part of a longer compound usually takes a joining s. A simple word often does not:
    berg-slag.
    """
    lexicon, first, last = load_lexicon(), *parts[-2:]
    is_joint = (
        last.startswith("s") and can_end_compound(last[1:]) and first + "s" in lexicon.first_parts
    )
    return is_joint and (len(parts) > 2 or last not in lexicon.flags or bool(split_compound(first)))


def _list_unlisted_splits(word: str) -> list[tuple[str, ...]]:
    """List the ways to split a word into a noun and a last part, if the dictionary lacks the word.

    This finds compounds whose first part is a noun for which the dictionary lists no compound form.
    """
    if find_word_readings(word):
        return []
    ends = range(MIN_UNLISTED_PART_LENGTH, len(word) - MIN_UNLISTED_PART_LENGTH + 1)
    return [
        (word[:end], word[end:])
        for end in ends
        if _is_noun(word[:end].removesuffix("s")) and can_end_compound(word[end:])
        if word[end] != "s" or word[end - 1] == "s"  # skydds + värd, not skydd + svärd
    ]


def _is_noun(word: str) -> bool:
    return any(reading.word_class == NOUN for reading in _find_base_readings(word))


@lru_cache(maxsize=50_000)
def find_part_base(part: str) -> str:
    """Return the base of a compound's first or middle part.

    If the base is not known, the part itself is returned.

    >>> [find_part_base(part) for part in ("migrations", "friskole", "människo", "kärn", "arbets")]
    ['migration', 'friskola', 'människa', 'kärna', 'arbete']
    """
    lexicon = load_lexicon()
    base = lexicon.first_parts.get(part) or lexicon.middle_parts.get(part) or part
    stem = part.removesuffix("s")
    vowelless = stem[:-1] if stem[-1:] in ("e", "o", "u") else stem
    candidates = (stem, vowelless, base, stem + "e", vowelless + "a", vowelless + "ium")
    return next(filter(_is_noun, candidates), None) or next(
        filter(lexicon.is_headword, candidates), base
    )


def _list_splits(word: str, start: int, max_parts: int) -> list[tuple[str, ...]]:
    """List all ways to split a word, from position `start` on, into at most `max_parts` parts."""
    lexicon = load_lexicon()
    found: list[tuple[str, ...]] = []
    if start and can_end_compound(word[start:]):
        found.append((word[start:],))
    if max_parts == 1:
        return found
    for end in range(start + MIN_PART_LENGTH, len(word) - MIN_PART_LENGTH + 1):
        part = word[start:end]
        if part in lexicon.first_parts or (start and part in lexicon.middle_parts):
            found += [(part, *rest) for rest in _list_splits(word, end, max_parts - 1)]
    if not start:
        found += _list_splits_after_short_part(word, max_parts)
    return found


def _list_splits_after_short_part(word: str, max_parts: int) -> list[tuple[str, ...]]:
    """List the ways to split a word so that its first part has two letters.

    The list is empty if the word does not begin with such a part.
    """
    if not word.startswith(SHORT_FIRST_PARTS):
        return []
    rests = _list_splits(word, 2, max_parts - 1)
    return [(word[:2], *rest) for rest in rests if len(rest[-1]) > 3]


@lru_cache(maxsize=50_000)
def can_end_compound(part: str) -> bool:
    """Return whether a word, in any form, can be the last part of a compound."""
    flags = load_lexicon().flags
    bases = [reading.base for reading in find_word_readings(part) if reading.relation != IMPERATIVE]
    return any(
        base.endswith(VERBAL_SUFFIXES)
        or any(LAST_PART_FLAG in line for line in flags.get(base, ()))
        for base in bases
    )


def find_compound_lemma(parts: tuple[str, ...]) -> str | None:
    """Return the lemma (without a joining s) of the compound that the given parts form.

    Returns None if the parts do not form a compound that is in the dictionary.

    >>> find_compound_lemma(("människo", "handels")), find_compound_lemma(("barn",))
    ('människohandel', None)
    """
    lexicon = load_lexicon()
    joined = "".join(parts)
    whole = lexicon.first_parts.get(joined) or lexicon.middle_parts.get(joined)
    for word in (whole, joined, joined.removesuffix("s")):
        if word and lexicon.is_headword(word):
            return word if len(parts) > 1 or split_compound(word) else None
    return None
