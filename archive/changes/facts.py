"""Splits text into tokens for a comparison: facts, names, words and punctuation.

A fact (amount, number, date, time of day, reference) is one token. Its value does not depend on its
spelling: "10 %" and "10 procent", "4 maj 2025" and "2025-05-04", "tre" and "3" have the same value.
A word is a name if it is capitalised inside a sentence anywhere in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from itertools import chain, pairwise
from typing import NamedTuple

from archive.language.compounds import (
    ADJECTIVE,
    INFLECTED,
    NOUN,
    VERB,
    WordReading,
    find_word_readings,
)
from archive.language.lemmas import swedish_lemma
from archive.language.terms import MAX_ABBREVIATION_LENGTH


def _map_words(words: str, value: int) -> dict[str, int]:
    return dict.fromkeys(words.split(), value)


def _split_words(words: str) -> tuple[str, ...]:
    return tuple(words.split())


# Numbers.
_SMALL_NUMBERS = (
    "noll ett två tre fyra fem sex sju"
    " åtta nio tio elva tolv"
    " tretton fjorton femton sexton sjutton arton nitton",
    "zero one two three four five six seven eight nine ten"
    " eleven twelve thirteen fourteen"
    " fifteen sixteen seventeen eighteen nineteen",
)
_TENS_NAMES = (
    "tjugo trettio fyrtio femtio sextio sjuttio åttio nittio",
    "twenty thirty forty fifty sixty seventy eighty ninety",
)
# from the third on: "för det första", "andra" (others) and "a second" are seldom numbers
_ORDINALS = (
    "tredje fjärde femte sjätte sjunde åttonde nionde tionde",
    "third fourth fifth sixth seventh eighth ninth tenth",
)


def _number_words() -> dict[str, int]:
    words: dict[str, int] = {}
    for units, tens, hyphen in zip(_SMALL_NUMBERS, _TENS_NAMES, ("", "-"), strict=True):
        small = {word: number for number, word in enumerate(units.split())}
        for count, ten in enumerate(tens.split(), 2):
            words[ten] = count * 10
            words |= {
                f"{ten}{hyphen}{unit}": count * 10 + number
                for unit, number in small.items()
                if 0 < number < 10
            }
        # ett, one: seldom a number
        words |= {word: number for word, number in small.items() if number != 1}
    for row in _ORDINALS:
        words |= {word: number for number, word in enumerate(row.split(), 3)}
    return words


NUMBER_WORDS = _number_words()
TENS_WORDS = (*_split_words(_TENS_NAMES[0]), "tio")  # ett femtiotal
FRACTION_WORDS = _split_words(
    "hälften halva halv tredjedel"
    " tredjedelar fjärdedel"
    " fjärdedelar femtedel femtedelar tiondel tiondelar dubbelt"
    " half twice thirds quarters"
)
SCALES = {
    **_map_words("hundra hundred", 100),
    **_map_words("tusen thousand", 1000),
    **_map_words("miljon miljoner million millions mn milj", 10**6),
    **_map_words("miljard miljarder billion billions md mdr", 10**9),
    **_map_words("biljon biljoner trillion trillions", 10**12),
}

# Money and measures.
MONEY_ABBREVIATIONS = {
    **_map_words("tkr", 1000),
    **_map_words("mkr mnkr msek", 10**6),
    **_map_words("mdkr mdrkr", 10**9),
}
CURRENCIES = {
    **dict.fromkeys(_split_words("kr kronor krona kronors kronorna sek"), "kr"),
    **dict.fromkeys(_split_words("euro eur euros €"), "euro"),
    **dict.fromkeys(_split_words("dollar dollars usd $"), "dollar"),
    **dict.fromkeys(_split_words("pund pounds gbp £"), "pund"),
    **dict.fromkeys(_split_words("öre ören"), "öre"),
}
CURRENCY_SIGNS = "€$£"
UNITS = _split_words(  # units after numbers; 3 km is not 3 mil
    "år månad månader vecka veckor dygn dag dagar timme timmar"
    " minut minuter sekunder mil km"
    " meter m cm mm kvm m2 m³"
    " hektar ha kg gram g ton liter grader °C MW GW kW kWh MWh GWh TWh km/h year years month"
    " months week weeks day days hour hours"
    " minute minutes seconds mile miles metres degrees"
)
# What the words of a quantity do: they multiply it, halve it, or are its unit.
FACTORS = {**NUMBER_WORDS, **MONEY_ABBREVIATIONS, **SCALES}
HALVES = frozenset(("halv", "halvt", "half"))
QUANTITY_UNITS = {
    **dict.fromkeys(MONEY_ABBREVIATIONS, "kr"),
    **CURRENCIES,
    **{unit.casefold(): unit.casefold() for unit in UNITS},
}
COUNTED_NOUNS = _split_words(  # four digits before these are a count, not a year
    "personer människor barn elever"
    " poliser platser företag"
    " kommuner ärenden stycken st meter km kg ton hektar timmar"
    " dagar procent people persons children places companies cases hours days percent"
)

# Dates.
SWEDISH_MONTHS = _split_words(
    "januari februari mars april maj juni juli augusti september oktober november december"
)
ENGLISH_MONTHS = _split_words(
    "january february march april may june july august september october november december"
)
FULL_MONTHS = {
    name: number
    for names in (SWEDISH_MONTHS, ENGLISH_MONTHS)
    for number, name in enumerate(names, 1)
}
_SHORT = "jan,feb febr,mar,apr,,jun,jul,aug,sep sept,okt oct,nov,dec"
SHORT_MONTHS = {
    short: number for number, row in enumerate(_SHORT.split(","), 1) for short in row.split()
}
MONTH_NUMBERS = FULL_MONTHS | SHORT_MONTHS
# A Swedish month is a date even without a day or year; "may" and "March" are not.
MONTHS_ALONE = SWEDISH_MONTHS
WEEKDAYS = _split_words(
    "måndag tisdag onsdag torsdag fredag lördag söndag Monday"
    " Tuesday Wednesday Thursday Friday Saturday Sunday"
)
SEASONS = _split_words("våren sommaren hösten vintern årsskiftet halvårsskiftet")
SEASONS_EN = _split_words("spring summer autumn winter")  # dates only where a year follows
# Words other than numbers and months that may begin a fact: den 4 maj, kl. 10, SOU 2024:88.
FACT_OPENERS = _split_words(
    "den the i en ett one a an half kl"
    " klockan vecka week v sek"
    " eur usd gbp sou ds com sfs prop dir skr bet rskr dnr"
    " diarienummer diarienr ärendenummer ärendenr målnummer målnr mål isbn issn"
    " idag igår imorgon today yesterday"
    " tomorrow första andra"
    " tredje fjärde first second third fourth"
)

# Negations and modal verbs.
NEGATIONS = frozenset(
    _split_words(
        "inte ej aldrig ingen inget inga ingenting ingenstans icke varken utan"
        " not no never none nothing nobody neither nor without cannot"
    )
)
NEGATING_PREFIXES = ("icke-", "non-")
NEGATING_SUFFIXES = ("n't", "n’t")  # doesn't
MODALS = {  # word → value; forms of the same strength share a value
    **{
        word: word
        for word in _split_words(
            "kan kunde bör borde får fick måste skulle can could may might must should would"
        )
    },
    **dict.fromkeys(_split_words("ska skall shall will"), "ska"),
}
QUANTIFIERS = frozenset(
    _split_words(
        "alla allt samtliga hela varje vissa några någon flera"
        " många få fåtal båda endast bara"
        " enbart enstaka enskilda"
        " all every each some several many few both only certain"
    )
)

# Opposites and other words that decide what a sentence claims.
# möjligt → omöjligt; "in" would take införa for the opposite of föra
OPPOSITE_PREFIXES = ("o", "un")
OPPOSITES = (  # words with opposite meanings; with *, all words that begin so
    "höj*/sänk* öka*/minska* ökn*/minskn*"
    " minst/högst över/under"
    " före/efter fler/färre mer/mindre större/mindre"
    " hög/låg höga/låga högt/lågt"
    " högre/lägre högst/lägst"
    " högsta/lägsta tillåt*/förbj*"
    " tillåt*/förbud bifall*/avsl*"
    " godkän*/avsl* bevilja*/avsl* stärk*/försvag*"
    " utvidg*/inskränk* öpp*/stäng* bättre/sämre stig*/sjunk*"
    " frivillig*/obligatorisk*"
    " tillfällig*/permanent* tidigare/senare snabbare/långsammare"
    " överskott*/underskott* increas*/decreas*"
    " rais*/lower* higher/lower"
    " highest/lowest more/less above/below"
    " before/after over/under approv*/reject* allow*/forbid*"
    " allow*/ban* minimum/maximum"
    " open*/clos* strengthen*/weaken*"
    " earlier/later </> ≤/≥"
)
OPPOSITE_PAIRS = [pair.split("/") for pair in OPPOSITES.split()]
# words that end what the rest of a sentence announces, which reverses it as a negation does
ENDINGS = re.compile(
    r"\b(?:upphäv|upphör|häv(?:s|d|t|er|de|des|ts)\b|borttag"
    r"|inställ[dt]|avblås|avlys|avbr[yu]t"
    r"|avsluta[dst]|återkalla|ställ\w* in\b|(?:ta|tar|tas|tagit|tog|dra|dras|drar"
    r"|drog|lägg\w*|lade\w*|lagt\w*)"
    r" (?:bort|tillbaka|ne[rd])\b"
    r"|inte längre\b|lifted\b|cancel|withdr[ae]w|revoke|repeal|no longer\b)",
    re.IGNORECASE,
)
MIN_UNKNOWN_LENGTH = 7  # letters of a word that the dictionary lacks and that counts as a noun

# Names, sentences and speech. At the start of a sentence, one of these words with a capital is not
# part of the name that follows.
ROLE_TITLES = _split_words(
    "minister ministern direktör"
    " direktören chef chefen hövding hövdingen sekreterare"
    " sekreteraren ordförande"
    " ordföranden president presidenten"
    " talesperson professor"
    " professorn kung kungen drottning drottningen prins prinsessan general generalen expert"
    " experten handläggare utredare utredaren ledare ledaren ambassadör ambassadören"
    " ledamot ledamoten kommissionär doktor"
    " director secretary chair chairman"
    " commissioner king queen"
    " prince princess spokesperson ambassador"
)
NAME_PARTICLES = frozenset(
    ("von", "af", "av", "de", "la", "der", "den", "van", "el", "al", "bin", "da", "di")
)
FUNCTION_WORDS = frozenset(
    _split_words(
        "i av på för med det den de en ett och att som om när där"
        " här nu då vid till från under över efter före mellan hos genom enligt inom utom"
        " mot åt men vi jag ni du han hon hen deras vår våra vårt sin alla ingen"
        " dem mig dig oss er sig honom henne sådan sådant sådana"
        " vilken vilket vilka vars varför därför dock också ju"
        " både samt även idag hur vad vem var nya ny nytt dessa"
        " denna detta the a an in on at of for from by with to and but as if when where under"
        " over after before our"
        " their we he she they it this that these those both all no new"
    )
)
ABBREVIATIONS = frozenset(  # a full stop after these does not end a sentence
    _split_words(
        "kl kap prop dir skr bet ca cirka tel tfn dr prof st mr"
        " mrs ms nr no art resp inkl exkl max min ev jfr dnr"
        " bl.a t.ex s.k f.d m.fl m.m d.v.s dvs bla tex fd sk e.g i.e"
    )
)
ATTRIBUTIONS = _split_words(
    "säger sade sa menar skriver berättar förklarar framhåller"
    " uppger kommenterar konstaterar says said"
)


def _alternatives(words: Iterable[str]) -> str:
    return "(?:" + "|".join(sorted(map(re.escape, words), key=len, reverse=True)) + ")"


# Patterns of facts.
THIN = r"[ \u00a0\u2007\u2009\u202f]"  # a space that separates thousands
S = r"[ \u00a0\u2007\u2009\u202f\n]"  # a space elsewhere in a fact
DASH = "[-\u2010-\u2015\u2212]"
NUM = (  # a number that begins with 0 has no thousands separator: 0,125 is less than one
    rf"(?:[1-9]\d{{0,2}}(?:(?:{THIN}\d{{3}})+(?!\d)(?:[.,]\d+)?"
    rf"|(?:\.\d{{3}})+(?!\d)(?:,\d+)?"
    rf"|(?:,\d{{3}})+(?!\d)(?:\.\d+)?)|\d+(?:[.,]\d+)?)"
)
SIGN = r"[-\u2212\u2013+]"
SCALE = rf"(?i:{_alternatives(SCALES)})(?!\w)\.?"
NUMBER_WORD = rf"(?i:{_alternatives(NUMBER_WORDS)})(?!\w)"
ONE = rf"(?i:en{S}halv|ett{S}halvt|half{S}an?|en|ett|one|an?)(?={S}{SCALE})"
QUANTITY = rf"(?:{SIGN}?{NUM}|{ONE}|{NUMBER_WORD}|{SCALE})"
RANGE = rf"(?:{NUM}{S}?{DASH}{S}?)?"
CURRENCY = (
    rf"(?:(?i:(?:svenska|norska|danska|US|amerikanska){S})?(?i:{_alternatives(CURRENCIES)})(?!\w))"
)
UNIT = rf"(?:{S}?{_alternatives(UNITS)}(?!\w))"
YEAR = r"(?:1[5-9]|20|21)\d\d"
MONTH = rf"(?i:{_alternatives(FULL_MONTHS)}(?!\w)|{_alternatives(SHORT_MONTHS)}(?!\w)\.?)"
MONTH_ALONE = rf"{_alternatives(MONTHS_ALONE)}(?!\w)"
DAY = r"\d{1,2}(?::[ae]|st|nd|rd|th)?(?!\d)"
IDENTIFIER_LABEL = rf"(?i:(?:diarie|ärende|mål)(?:nummer|nr)|dnr|mål{S}nr|ISBN|ISSN)[.:]?{S}?"
CLOCK = r"(?:[01]?\d|2[0-4])"
FACT_PATTERNS = {
    "amount": rf"{RANGE}{QUANTITY}(?:{S}?{SCALE})?{S}?(?:{CURRENCY}|(?"
    rf"i:{_alternatives(MONEY_ABBREVIATIONS)})(?!\w)|:-)"
    rf"|(?:SEK|EUR|USD|GBP|[{CURRENCY_SIGNS}]){S}?{NUM}(?:{S}?{SCALE})?",
    "date": rf"\d{{4}}-\d\d-\d\d(?!\d)|(?:(?i:den|the){S})?{DAY}(?:{S}?(?:{DASH}|och|till|and"
    rf"|to){S}?{DAY})?{S}(?:of{S})?{MONTH}(?:,?{S}{YEAR}(?!\d))?"
    rf"|{MONTH}{S}{DAY}(?:,?{S}{YEAR}(?!\d))?|{MONTH}{S}{YEAR}(?!\d)|{MONTH_ALONE}"
    rf"|(?:{'|'.join(rf'(?<={word} )' for word in ('in', 'by', 'of', 'from', 'until', 'since'))})"
    r"(?:March|April|May|June|August)(?!\w)|(?:January|February"
    r"|July|September|October|November|December)(?!\w)"
    rf"|(?i:{_alternatives(WEEKDAYS)}(?:en|s|ar|arna)?)(?!\w)|(?i:första|andra"
    rf"|tredje|fjärde|first|second|third"
    rf"|fourth){S}(?i:kvartalet|halvåret|quarter|half)(?!\w)"
    rf"|(?i:vecka|week|v\.){S}\d{{1,2}}(?!\w)"
    rf"|(?i:{_alternatives(SEASONS)})(?!\w)(?"
    rf":{S}{YEAR}(?:/\d\d)?)?"
    rf"|(?i:{_alternatives(SEASONS_EN)}){S}{YEAR}"
    rf"|\d{{1,2}}\.\d{{1,2}}\.(?:\d{{4}}|\d\d)(?!\d)"
    rf"|\d{{1,2}}/\d{{1,2}}(?:{S}{YEAR}"
    rf"|[-/](?:\d{{4}}|\d\d))?(?![\w/])",
    "time": rf"(?i:kl\.?|klockan){S}?{CLOCK}(?:[.:]\d\d)?(?:{S}?{DASH}{S}?{CLOCK}(?:[.:]\d\d)?"
    rf")?(?!\d)|{CLOCK}[.:][0-5]\d{S}?{DASH}{S}?{CLOCK}[.:][0-5]\d(?!\d)|{CLOCK}:[0-5]\d(?![\d:])"
    rf"|{CLOCK}(?:[.:][0-5]\d)?{S}?(?i:am|pm|a\.m\.|p\.m\.)(?!\w)",
    "reference": rf"{IDENTIFIER_LABEL}(?:[^\W\d_]{{1,5}}{S}?)?\d[\w./:-]*\d"
    rf"|[A-ZÅÄÖ][A-Za-zåäö]{{0,2}}/?{YEAR}[:/]\d{{2,}}"
    rf"|(?:(?:SOU|Ds|DS|COM|SFS|[A-ZÅÄÖ]{{2,5}}FS|(?i:prop|dir|skr|bet|rskr|dnr)\.?){S})?"
    rf"(?:{YEAR}(?:/\d\d(?:\d\d)?)?:[^\W\d_]{{0,4}}\d+|\d{{4}}/\d{{3,}}(?:[-:]\d+)?)",
    "percent": rf"{RANGE}{QUANTITY}{S}?(?:(?i:procentenhet(?:er)?|procents?"
    rf"|percent(?:age{S}points?)?|per{S}cent)(?!\w)|promille|[%‰])",
    "year": rf"{YEAR}(?:{DASH}(?:\d{{4}}|\d\d)|/\d\d(?:\d\d)?)?(?:-tal(?:ets?)?)?"
    rf"(?![\w/]|[.,:]\d|{S}{_alternatives(COUNTED_NOUNS)}\b)",
    "number": rf"{SIGN}?{NUM}(?:{S}?{SCALE})?(?::\w+|-[^\W\d_]+|{UNIT})?"
    rf"|{ONE}{S}{SCALE}|{NUMBER_WORD}(?:{S}{SCALE})?{UNIT}?|{SCALE}"
    rf"|(?i:(?:ett{S})?{_alternatives(TENS_WORDS)}tal(?:ets?)?)(?!\w)"
    rf"|(?i:{_alternatives(FRACTION_WORDS)})(?!\w)",
    "relative": rf"(?i:i{S}?dag|i{S}?går|i{S}?morgon|today|yesterday|tomorrow)(?!\w)",
}
FACT_PATTERN = re.compile(
    "|".join(f"(?P<{name}>{pattern})" for name, pattern in FACT_PATTERNS.items())
)
KIND_BY_PATTERN = {"percent": "number", "year": "date", "relative": "day"}
FACT_STARTS = frozenset(FACT_OPENERS).union(
    MONTH_NUMBERS, NUMBER_WORDS, SCALES, FRACTION_WORDS, SEASONS, SEASONS_EN
)
FACT_STEMS = tuple(day.casefold() for day in WEEKDAYS) + TENS_WORDS
# An en dash is a minus at the start of a text or bracket, but not in 3–5, 3 –5, 5 %–10 %, 1 maj –5
# juni.
MINUS = rf"(?<![^\s(\[|/\"”“«»’'])(?<![\d%‰°][^\S\n])\u2013(?=\d)(?!{DAY}{S}{MONTH})"
DIGIT_PATTERN = re.compile(rf"(?<![\w.,])[-\u2212+]?\d|{MINUS}\d|\d|[{CURRENCY_SIGNS}]{S}?\d")

# Capital letters and names.
LETTERS_PATTERN = re.compile(r"[^\W\d_]+")
LOWERCASE_WORD = re.compile(r"(?<!\w)[a-zåäöéüæø]+")  # a lower-case word, or the beginning of one
# a capital after a small letter or a comma
MID_SENTENCE_CAPITAL = re.compile(r"(?<=[a-zåäöéü,)] )[A-ZÅÄÖÉÜ][^\W\d_]+")
# share of a line's longer words; above it, capitals do not mark names (English headlines)
MIN_TITLE_CASE_SHARE = 0.85

# Tokens, sentences and speech.
DIFF_TOKEN_PATTERN = re.compile(
    r"(?P<link>(?:https?://|www\.)[^\s<>\"”)\]]*[^\s<>\"”)\].,;:!?])"
    r"|(?P<contact>\w[\w.+-]{0,"
    r"63}@[\w-]+(?:\.[\w-]+)+"
    r"|(?:\+\d{1,3}[\s()/-]{0,3}"
    r"|(?<!\d)0)\d{1,4}[-/\s]\d{2,3}(?:\s?\d{2,3}){1,3}(?!\d))"
    rf"|(?P<digits>{DIGIT_PATTERN.pattern})"
    r"|(?P<word>[^\W\d_][^\W_]*(?:[-‑’':/.&][^\W_]+)*)|(?P<mark>\S)"
)
# Two words without a space between them, where a page's text ran together: försvaretDiarienummer.
GLUED_WORDS = re.compile(r"[a-zåäöé]{3,}(?=[A-ZÅÄÖÉ][a-zåäöé]{3,})")
SPACE = re.compile(r"\s*")
SENTENCE_ENDS = frozenset(".!?:…|")  # a capital after these does not mark a name
QUOTATION_MARKS = frozenset('"”“„«»')
EN_DASH = "–"
SPEECH_DASHES = (EN_DASH, "—", "−")
ATTRIBUTION_PATTERN = re.compile(rf",?[”\"“]?,? (?:{'|'.join(ATTRIBUTIONS)})\b[^.?!]*[.?!]?")
MIN_QUOTE_WORDS = 4  # fewer words in quotation marks are a title or irony, not a quotation


class DiffToken(NamedTuple):
    text: str
    space: str  # the white space after it
    kind: str  # word, mark, negation, modal, or a fact (amount, number, date, time, name, …)
    value: str  # independent of the spelling
    starts_sentence: bool
    quoted: bool = False  # in speech or between quotation marks


@dataclass(frozen=True, slots=True)
class CapitalUsage:
    """How capital letters are used in one text, or in two versions of a text taken together."""

    names: frozenset[str]  # words with a capital inside sentences that are nowhere in lower case
    lowercase_words: frozenset[str]
    marks_names: bool  # whether a capital marks a name at all

    def is_name(self, word: str, *, starts_sentence: bool, capital_follows: bool) -> bool:
        """Return whether a word is a name or part of one.

        capital_follows: whether the next word is also capitalised.
        """
        if not word[0].isupper() or len(word) < 2:
            return False
        if _is_abbreviation(word):
            return True
        low = word.casefold()
        if not self.marks_names or low in FUNCTION_WORDS:
            return False
        if not starts_sentence or word in self.names:
            return True
        return capital_follows and low not in self.lowercase_words and not low.endswith(ROLE_TITLES)


def _is_abbreviation(word: str) -> bool:
    """Return whether a word is an abbreviation such as SCB or EU.

    Longer words in capitals count as emphasised, not as abbreviations.
    """
    return word.isupper() and word.isalpha() and len(word) <= MAX_ABBREVIATION_LENGTH


def tokenise(text: str, capitals: CapitalUsage | None = None) -> list[DiffToken]:
    """Split a text into tokens.

    Joined with the white space that follows them, the tokens make up the text without its leading
    white space.

    capitals: how the text uses capital letters. If it is None, the text itself is analysed.

    >>> tokens = tokenise("Det kostar inte 3 400 kronor, säger Ada Ek.")
    >>> [(token.text, token.kind) for token in tokens if token.kind not in ("word", "mark")]
    [('inte', 'negation'), ('3 400 kronor', 'amount'), ('Ada Ek', 'name')]
    """
    tokens = _split_tokens(text)
    capitals = capitals or analyse_capitals([text])
    if _is_title_case(text):
        capitals = replace(capitals, marks_names=False)
    return _mark_quotes(text, _join_names(tokens, capitals))


def _split_tokens(text: str) -> list[DiffToken]:
    tokens: list[DiffToken] = []
    position = len(text) - len(text.lstrip())
    starts_sentence = True
    while position < len(text):
        found = DIFF_TOKEN_PATTERN.match(text, position)
        # a mark matches anything but space
        assert found is not None and found.lastgroup  # noqa: S101, PT018
        word, kind, end = found[0], found.lastgroup, found.end()
        if kind == "digits" and word[0] == EN_DASH and _opens_speech(text, position):
            word, kind, end = EN_DASH, "mark", position + 1
        value = word
        if kind == "word" and not word.islower() and (glued := GLUED_WORDS.match(word)):
            word, end = glued[0], position + glued.end()
        if kind in {"word", "digits"}:
            kind, value, may_be_fact = _classify_word(word)
            fact = _find_fact(text, position) if may_be_fact else None
            if fact:
                kind, value, end = fact
                word = text[position:end]
        start, end = end, SPACE.match(text, end).end()  # type: ignore[union-attr]
        tokens.append(DiffToken(word, text[start:end], kind, value, starts_sentence))
        starts_sentence = _next_starts_sentence(tokens, starts_sentence)
        position = end
    return tokens


def _opens_speech(text: str, position: int) -> bool:
    """Return whether the dash at a position opens a paragraph that is attributed to a speaker."""
    paragraph = text[position:].partition("\n\n")[0]
    return (
        text[:position].strip(" ")[-1:] in ("", "\n")
        and ATTRIBUTION_PATTERN.search(paragraph) is not None
    )


@lru_cache(maxsize=20_000)
def _classify_word(word: str) -> tuple[str, str, bool]:
    """Return the type and value of a single word, and whether it may begin a fact."""
    low = word.casefold()
    if any(letter.isdigit() for letter in word):
        return "number", low, True
    if low in NEGATIONS or low.startswith(NEGATING_PREFIXES) or low.endswith(NEGATING_SUFFIXES):
        return "negation", low, False
    modal = low in MODALS and word != "May"
    return "modal" if modal else "word", MODALS.get(low, low), _can_begin_fact(word)


def _next_starts_sentence(tokens: list[DiffToken], starts_sentence: bool) -> bool:
    """Return whether the next token starts a sentence.

    starts_sentence: whether the last token in the list starts one.
    """
    last = tokens[-1]
    if "\n" in last.space:
        return True
    if last.kind != "mark":
        return not last.space  # glued words
    previous = tokens[-2] if len(tokens) > 1 else None
    if last.text == "." and previous and not previous.space:
        return not _is_abbreviated(previous)
    if last.text in QUOTATION_MARKS:  # an opening one has space before it and none after it
        return starts_sentence or bool(not last.space and (previous is None or previous.space))
    return starts_sentence or last.text in SENTENCE_ENDS


def _is_abbreviated(token: DiffToken) -> bool:
    """Return whether the full stop after a word is part of an abbreviation."""
    return token.value in ABBREVIATIONS or (token.kind == "word" and len(token.text) == 1)


def _join_names(tokens: list[DiffToken], capitals: CapitalUsage) -> list[DiffToken]:
    """Join the words of each name into one token: "Ada von Ek"."""
    named = [
        token.kind == "word"
        and capitals.is_name(
            token.text,
            starts_sentence=token.starts_sentence,
            capital_follows=_is_capital(following) and token.space == " ",
        )
        for token, following in pairwise([*tokens, None])
        if token
    ]
    joined: list[DiffToken] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if not named[position]:
            joined.append(token)
            position += 1
            continue
        end = _find_end_of_name(tokens, named, position)
        run = tokens[position:end]
        text = "".join(part.text + part.space for part in run[:-1]) + run[-1].text
        joined.append(
            DiffToken(text, run[-1].space, "name", _normalise_name(text), token.starts_sentence)
        )
        position = end
    return joined


def _find_end_of_name(tokens: Sequence[DiffToken], named: Sequence[bool], start: int) -> int:
    """Return the position after the end of the name that begins at `start`.

    A name consists of capitalised words on one line, and particles between them.
    """
    end = start + 1
    while end < len(tokens) and tokens[end - 1].space and "\n" not in tokens[end - 1].space:
        if named[end] and not tokens[end].starts_sentence:
            end += 1
        elif tokens[end].value in NAME_PARTICLES and end + 1 < len(tokens) and named[end + 1]:
            end += 2
        else:
            break
    return end


def _is_capital(token: DiffToken | None) -> bool:
    return token is not None and token.kind == "word" and token.text[0].isupper()


def _mark_quotes(text: str, tokens: list[DiffToken]) -> list[DiffToken]:
    """Mark the tokens that are inside quotation marks or in attributed speech, except for the
    attribution.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for paragraph in text.split("\n\n"):
        spans.extend((start + a, start + b) for a, b in _find_speech(paragraph))
        start += len(paragraph) + 2
    if not spans:
        return tokens
    position = len(text) - len(text.lstrip())
    remaining = spans[::-1]
    marked = []
    for token in tokens:
        while remaining and remaining[-1][1] <= position:
            remaining.pop()
        quoted = bool(remaining) and remaining[-1][0] <= position
        marked.append(token._replace(quoted=True) if quoted else token)
        position += len(token.text) + len(token.space)
    return marked


def _find_speech(paragraph: str) -> list[tuple[int, int]]:
    attributions = [found.span() for found in ATTRIBUTION_PATTERN.finditer(paragraph)]
    opening = paragraph.lstrip()
    if opening.startswith(SPEECH_DASHES) or (opening.startswith("- ") and attributions):
        edges = [0, *chain.from_iterable(attributions), len(paragraph)]
        return list(zip(edges[::2], edges[1::2], strict=True))
    marks = [position for position, letter in enumerate(paragraph) if letter in QUOTATION_MARKS]
    pairs = zip(marks[::2], marks[1::2], strict=False)
    return [(a, b) for a, b in pairs if len(paragraph[a:b].split()) >= MIN_QUOTE_WORDS]


def _can_begin_fact(word: str) -> bool:
    """Return whether a fact may begin with this word.

    For most words, this avoids trying a regular expression.

    >>> _can_begin_fact("den"), _can_begin_fact("myndigheten"), _can_begin_fact("KIFS")
    (True, False, True)
    """
    if not word[0].isalpha():
        return True
    low = word.casefold()
    return (
        low in FACT_STARTS
        or low.startswith(FACT_STEMS)
        or re.fullmatch(r"[A-ZÅÄÖ]{2,5}FS", word) is not None
    )


def _find_fact(text: str, position: int) -> tuple[str, str, int] | None:
    """Return the type, value and end of the fact that starts at `position`.

    Returns None if no fact starts there. `position` must be the start of a word.

    >>> _find_fact("högst 20 mnkr i år", 6)
    ('amount', '20000000 kr', 13)
    """
    found = FACT_PATTERN.match(text, position)
    if not found or not found.lastgroup:
        return None
    name = found.lastgroup
    return KIND_BY_PATTERN.get(name, name), _normalise_fact(name, found[0]), found.end()


def _normalise_fact(kind: str, text: str) -> str:
    """Return the value of a fact, independent of its spelling.

    >>> [_normalise_fact("date", text) for text in ("den 4 maj 2025", "May 4, 2025")]
    ['2025-05-04', '2025-05-04']
    >>> [_normalise_fact("amount", text) for text in ("1,5 miljarder kronor", "1 500 mnkr")]
    ['1500000000 kr', '1500000000 kr']
    >>> _normalise_fact("percent", "tio procent"), _normalise_fact("time", "kl. 9.30–11")
    ('10 %', '09:30-11:00')
    """
    plain = re.sub(rf"{S}+", " ", re.sub(DASH, "-", text)).casefold().strip()
    if kind == "date":
        return _normalise_date(plain)
    if kind == "time":
        clocks = re.findall(r"(\d{1,2})(?:[.:](\d\d))?", plain)
        half = "".join(re.findall(r"[ap](?=\.?m)", plain))
        return "-".join(f"{int(hour):02}:{minute or '00'}" for hour, minute in clocks) + half
    if kind in {"amount", "percent", "number"}:
        return _normalise_quantity(kind, plain)
    if kind == "reference":
        return re.sub(rf"^{IDENTIFIER_LABEL}", "", plain)
    return plain.replace(" ", "") if kind == "relative" else plain


def _normalise_date(plain: str) -> str:
    plain = re.sub(r"^(?:den|the) |(?<=\d)(?::[ae]|st|nd|rd|th)\b|,|\bof ", "", plain)
    words = [word.rstrip(".") for word in plain.split()]
    months = [MONTH_NUMBERS[word] for word in words if word in MONTH_NUMBERS]
    years = [word for word in words if re.fullmatch(YEAR, word)]
    days = [f"{int(word):02}" for word in words if re.fullmatch(r"\d{1,2}", word)]
    if len(months) == 1 and len(months) + len(years) + len(days) == len(words):
        return "-".join([*years, f"{months[0]:02}", *days])
    return plain


def _normalise_quantity(kind: str, plain: str) -> str:
    if kind == "number" and re.search(r"\d[:-]\w", plain):  # 3:e, 50-tal, 18-åring
        return plain
    parts = re.findall(r"(?<![\d])-?\d[\d .,]*|[^\W\d]+(?:-[^\W\d]+)*|[^\w\s]", plain)
    total, unit, numbers = Decimal(1), "%" if kind == "percent" else "", 0
    for part in parts:
        if re.match(r"-?\d", part):
            numbers += 1
            total *= _parse_number(part)
        elif part in FACTORS:
            total *= FACTORS[part]
        elif part in HALVES:
            total /= 2
        elif part in FRACTION_WORDS or part.endswith(("tal", "talet", "talets")):
            return plain
        unit = QUANTITY_UNITS.get(part, unit)
    if numbers > 1:  # a range
        return plain.replace(" ", "")
    return f"{total.normalize():f} {unit}".strip()


def _parse_number(text: str) -> Decimal:
    """Parse a printed number.

    A comma or point before three digits separates thousands, except after a leading 0.

    >>> _parse_number("2 080"), _parse_number("31,7"), _parse_number("2.500")
    (Decimal('2080'), Decimal('31.7'), Decimal('2500'))
    >>> _parse_number("0.250"), _parse_number("1.234,5")
    (Decimal('0.250'), Decimal('1234.5'))
    """
    text = text.strip(" .,").replace(" ", "")
    for parts, point in (".,", ",."):
        if re.fullmatch(rf"-?[1-9]\d{{0,2}}(?:[{parts}]\d{{3}})+(?:[{point}]\d+)?", text):
            return Decimal(text.replace(parts, "").replace(point, "."))
    return Decimal(text.replace(",", "."))


def analyse_capitals(texts: Iterable[str], language: str | None = None) -> CapitalUsage:
    """Analyse how texts use capital letters.

    In German, capitals do not mark names, because all nouns are capitalised.

    >>> capitals = analyse_capitals(["Vi träffade Ada Ek. Ada Ek bor i Malmö."])
    >>> capitals.is_name("Ada", starts_sentence=True, capital_follows=True)
    True
    >>> capitals.is_name("Vi", starts_sentence=True, capital_follows=False)
    False
    """
    text = "\n".join(texts)
    capitalised = MID_SENTENCE_CAPITAL.findall(text)
    lowercase = set(LOWERCASE_WORD.findall(text))
    german = (language or "").startswith("de") or text.count(" und ") > text.count(
        " och "
    ) + text.count(" and ")
    names = {name for name in capitalised if name.casefold() not in lowercase}
    return CapitalUsage(frozenset(names), frozenset(lowercase), marks_names=not german)


def _is_title_case(line: str) -> bool:
    """Return whether nearly all longer words of a line are capitalised.

    Capitals do not mark names in such a line.

    >>> _is_title_case("New Rules for Better Protection of Small Children in Schools")
    True
    >>> _is_title_case("Ada Ek och Bo Ask börjar på Skolverket")
    False
    """
    words = [word for word in LETTERS_PATTERN.findall(line)[1:] if len(word) > 4]
    return len(words) > 3 and sum(word[0].isupper() for word in words) > MIN_TITLE_CASE_SHARE * len(
        words
    )


def _normalise_name(text: str) -> str:
    """Return a name in lower case without the genitive s.

    >>> [_normalise_name(name) for name in ("Sveriges", "SCB:s", "Ada Eks", "Sweden’s")]
    ['sverige', 'scb', 'ada ek', 'sweden']
    """
    low = re.sub(r"[:’']s?$", "", text.casefold())
    return " ".join(
        word[:-1] if word.endswith("s") and len(word) > 2 else word for word in low.split()
    )


def differ_by_prefix(old_word: str, new_word: str) -> bool:
    short, long = sorted((old_word, new_word), key=len)
    return len(short) > 3 and any(long == prefix + short for prefix in OPPOSITE_PREFIXES)


def are_opposites(old_word: str, new_word: str) -> bool:
    """Return whether two words in lower case are opposites.

    >>> are_opposites("höjs", "sänks"), are_opposites("företag", "efterfrågan")
    (True, False)
    """
    return any(
        (fits(old_word, a) and fits(new_word, b)) or (fits(old_word, b) and fits(new_word, a))
        for a, b in OPPOSITE_PAIRS
    )


def fits(word: str, pattern: str) -> bool:
    return word.startswith(pattern[:-1]) if pattern.endswith("*") else word == pattern


def has_ending(text: str) -> bool:
    return ENDINGS.search(text) is not None


@lru_cache(maxsize=20_000)
def find_content_lemma(word: str) -> str:
    """Return the lemma of a word that names or describes something, or "" for any other word.

    Such words are nouns, adjectives, quantifiers, and longer words that are not in the dictionary
    (mostly compounds).

    >>> [find_content_lemma(word) for word in ("kommunerna", "alla", "startar", "väldigt", "med")]
    ['kommun', 'alla', '', '', '']
    """
    if word in QUANTIFIERS:
        return word
    if word in FUNCTION_WORDS or word in MODALS:
        return ""
    readings = find_word_readings(word)
    if not readings:
        return swedish_lemma(word) if len(word) >= MIN_UNKNOWN_LENGTH else ""
    is_verb = any(reading.word_class == VERB for reading in readings)
    return swedish_lemma(word) if not is_verb and any(map(_is_content, readings)) else ""


def _is_content(reading: WordReading) -> bool:
    """Return whether a dictionary reading of a word is a noun or an adjective.

    Neuter forms such as "väldigt" do not count as adjectives, because they are often adverbs.
    """
    is_adjective = reading.word_class == ADJECTIVE and reading.relation != INFLECTED
    return reading.word_class == NOUN or is_adjective
