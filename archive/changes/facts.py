"""Facts as text prints them: amounts, numbers, dates, times of day; each found with a value that spelling leaves alone.

Two spellings of one fact have one value: "10 %" and "10 procent", "4 maj 2025" and "2025-05-04", "tre" and "3".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from archive.changes.fact_words import (
    COUNTED,
    CURRENCIES,
    FACT_OPENERS,
    FRACTION_WORDS,
    FULL_MONTHS,
    MONTH_NUMBERS,
    MONTHS_ALONE,
    NUMBER_WORDS,
    SCALES,
    SEASONS,
    SEASONS_EN,
    SHORT_MONEY,
    SHORT_MONTHS,
    SIGNS,
    TENS,
    UNITS,
    WEEKDAYS,
)


class Fact(NamedTuple):
    """A fact that begins at a place in a text."""

    kind: str  # amount, number, date, time
    value: str
    end: int


def _any(words: Iterable[str]) -> str:
    return "(?:" + "|".join(sorted(map(re.escape, words), key=len, reverse=True)) + ")"


THIN = r"[ \u00a0\u2007\u2009\u202f]"  # parts thousands
S = r"[ \u00a0\u2007\u2009\u202f\n]"  # stands inside any other fact
DASH = "[-\u2010-\u2015\u2212]"
NUM = (  # no thousands after a 0: 0,125 is less than one
    rf"(?:[1-9]\d{{0,2}}(?:(?:{THIN}\d{{3}})+(?!\d)(?:[.,]\d+)?|(?:\.\d{{3}})+(?!\d)(?:,\d+)?|(?:,\d{{3}})+(?!\d)(?:\.\d+)?)"
    r"|\d+(?:[.,]\d+)?)"
)
SIGN = r"[-\u2212\u2013+]"
SCALE = rf"(?i:{_any(SCALES)})(?!\w)\.?"
NUMBER_WORD = rf"(?i:{_any(NUMBER_WORDS)})(?!\w)"
ONE = rf"(?i:en{S}halv|ett{S}halvt|half{S}an?|en|ett|one|an?)(?={S}{SCALE})"
QUANTITY = rf"(?:{SIGN}?{NUM}|{ONE}|{NUMBER_WORD}|{SCALE})"
RANGE = rf"(?:{NUM}{S}?{DASH}{S}?)?"
CURRENCY = rf"(?:(?i:(?:svenska|norska|danska|US|amerikanska){S})?(?i:{_any(CURRENCIES)})(?!\w))"
UNIT = rf"(?:{S}?{_any(UNITS)}(?!\w))"
YEAR = r"(?:1[5-9]|20|21)\d\d"
MONTH = rf"(?i:{_any(FULL_MONTHS)}(?!\w)|{_any(SHORT_MONTHS)}(?!\w)\.?)"
ALONE = rf"{_any(MONTHS_ALONE)}(?!\w)"
DAY = r"\d{1,2}(?::[ae]|st|nd|rd|th)?(?!\d)"
CLOCK = r"(?:[01]?\d|2[0-4])"

PATTERNS = {
    "amount": rf"{RANGE}{QUANTITY}(?:{S}?{SCALE})?{S}?(?:{CURRENCY}|(?i:{_any(SHORT_MONEY)})(?!\w)|:-)"
    rf"|(?:SEK|EUR|USD|GBP|[{SIGNS}]){S}?{NUM}(?:{S}?{SCALE})?",
    "date": rf"\d{{4}}-\d\d-\d\d(?!\d)"
    rf"|(?:(?i:den|the){S})?{DAY}(?:{S}?(?:{DASH}|och|till|and|to){S}?{DAY})?{S}(?:of{S})?{MONTH}(?:,?{S}{YEAR}(?!\d))?"
    rf"|{MONTH}{S}{DAY}(?:,?{S}{YEAR}(?!\d))?|{MONTH}{S}{YEAR}(?!\d)|{ALONE}"
    rf"|(?:{'|'.join(rf'(?<={word} )' for word in ('in', 'by', 'of', 'from', 'until', 'since'))})"
    r"(?:March|April|May|June|August)(?!\w)|(?:January|February|July|September|October|November|December)(?!\w)"
    rf"|(?i:{_any(WEEKDAYS)}(?:en|s|ar|arna)?)(?!\w)"
    rf"|(?i:första|andra|tredje|fjärde|first|second|third|fourth){S}(?i:kvartalet|halvåret|quarter|half)(?!\w)"
    rf"|(?i:vecka|week|v\.){S}\d{{1,2}}(?!\w)"
    rf"|(?i:{_any(SEASONS)})(?!\w)(?:{S}{YEAR}(?:/\d\d)?)?|(?i:{_any(SEASONS_EN)}){S}{YEAR}"
    rf"|\d{{1,2}}\.\d{{1,2}}\.(?:\d{{4}}|\d\d)(?!\d)|\d{{1,2}}/\d{{1,2}}(?:{S}{YEAR}|[-/](?:\d{{4}}|\d\d))?(?![\w/])",
    "time": rf"(?i:kl\.?|klockan){S}?{CLOCK}(?:[.:]\d\d)?(?:{S}?{DASH}{S}?{CLOCK}(?:[.:]\d\d)?)?(?!\d)"
    rf"|{CLOCK}[.:][0-5]\d{S}?{DASH}{S}?{CLOCK}[.:][0-5]\d(?!\d)|{CLOCK}:[0-5]\d(?![\d:])"
    rf"|{CLOCK}(?:[.:][0-5]\d)?{S}?(?i:am|pm|a\.m\.|p\.m\.)(?!\w)",
    "reference": rf"(?:(?:SOU|Ds|DS|COM|SFS|[A-ZÅÄÖ]{{2,5}}FS|(?i:prop|dir|skr|bet|rskr|dnr)\.?){S})?"
    rf"(?:{YEAR}(?:/\d\d(?:\d\d)?)?:[^\W\d_]{{0,4}}\d+|\d{{4}}/\d{{3,}}(?:[-:]\d+)?)",
    "percent": rf"{RANGE}{QUANTITY}{S}?(?:(?i:procentenhet(?:er)?|procents?|percent(?:age{S}points?)?|per{S}cent)(?!\w)"
    r"|promille|[%‰])",
    "year": rf"{YEAR}(?:{DASH}(?:\d{{4}}|\d\d)|/\d\d(?:\d\d)?)?(?:-tal(?:ets?)?)?"
    rf"(?![\w/]|[.,:]\d|{S}{_any(COUNTED)}\b)",
    "number": rf"{SIGN}?{NUM}(?:{S}?{SCALE})?(?::\w+|-[^\W\d_]+|{UNIT})?"
    rf"|{ONE}{S}{SCALE}|{NUMBER_WORD}(?:{S}{SCALE})?{UNIT}?|{SCALE}"
    rf"|(?i:(?:ett{S})?{_any(TENS)}tal(?:ets?)?)(?!\w)"
    rf"|(?i:{_any(FRACTION_WORDS)})(?!\w)",
    "relative": rf"(?i:i{S}?dag|i{S}?går|i{S}?morgon|today|yesterday|tomorrow)(?!\w)",
}
FACT = re.compile("|".join(f"(?P<{name}>{pattern})" for name, pattern in PATTERNS.items()))
SMALL_UNITS = {unit.casefold() for unit in UNITS}
KIND_OF = {"reference": "number", "percent": "number", "year": "date", "relative": "day"}
STARTS = frozenset(FACT_OPENERS).union(MONTH_NUMBERS, NUMBER_WORDS, SCALES, FRACTION_WORDS, SEASONS, SEASONS_EN)
STEMS = tuple(day.casefold() for day in WEEKDAYS) + TENS
# An en dash is a minus where it opens what it stands in; it is none in 3–5, 3 –5, 5 %–10 %, 1 maj –5 juni.
MINUS = rf"(?<![^\s(\[|/\"”“«»’'])(?<![\d%‰°][^\S\n])\u2013(?=\d)(?!{DAY}{S}{MONTH})"
DIGIT = re.compile(rf"(?<![\w.,])[-\u2212+]?\d|{MINUS}\d|\d|[{SIGNS}]{S}?\d")


def begins_fact(word: str) -> bool:
    """Whether a fact may begin with this word; most begin none, and one look-up tells.

    >>> begins_fact("den"), begins_fact("myndigheten"), begins_fact("KIFS")
    (True, False, True)
    """
    if not word[0].isalpha():
        return True
    low = word.casefold()
    return low in STARTS or low.startswith(STEMS) or re.fullmatch(r"[A-ZÅÄÖ]{2,5}FS", word) is not None


def find_fact(text: str, place: int) -> Fact | None:
    """The fact that begins at a place in a text, where a word begins; None where none does.

    >>> find_fact("högst 20 mnkr i år", 6)
    Fact(kind='amount', value='20000000 kr', end=13)
    """
    found = FACT.match(text, place)
    if not found or not found.lastgroup:
        return None
    name = found.lastgroup
    return Fact(KIND_OF.get(name, name), read_value(name, found[0]), found.end())


def read_value(kind: str, text: str) -> str:
    """What a printed fact says, whatever its spelling.

    >>> read_value("date", "den 4 maj 2025") == read_value("date", "May 4, 2025") == "2025-05-04"
    True
    >>> read_value("amount", "1,5 miljarder kronor") == read_value("amount", "1 500 mnkr") == "1500000000 kr"
    True
    >>> read_value("percent", "tio procent"), read_value("time", "kl. 9.30–11")
    ('10 %', '09:30-11:00')
    """
    plain = re.sub(rf"{S}+", " ", re.sub(DASH, "-", text)).casefold().strip()
    if kind == "date":
        return _date_value(plain)
    if kind == "time":
        clocks = re.findall(r"(\d{1,2})(?:[.:](\d\d))?", plain)
        half = "".join(re.findall(r"[ap](?=\.?m)", plain))
        return "-".join(f"{int(hour):02}:{minute or '00'}" for hour, minute in clocks) + half
    if kind in {"amount", "percent", "number"}:
        return _quantity_value(kind, plain)
    return plain.replace(" ", "") if kind == "relative" else plain


def _date_value(plain: str) -> str:
    plain = re.sub(r"^(?:den|the) |(?<=\d)(?::[ae]|st|nd|rd|th)\b|,|\bof ", "", plain)
    words = [word.rstrip(".") for word in plain.split()]
    months = [MONTH_NUMBERS[word] for word in words if word in MONTH_NUMBERS]
    years = [word for word in words if re.fullmatch(YEAR, word)]
    days = [word for word in words if re.fullmatch(r"\d{1,2}", word)]
    if len(months) == 1 and len(months) + len(years) + len(days) == len(words):
        return "-".join([*years, f"{months[0]:02}", *(f"{int(day):02}" for day in days)])
    return plain


def _quantity_value(kind: str, plain: str) -> str:
    if kind == "number" and re.search(r"\d[:-]\w", plain):  # 3:e, 50-tal, 18-åring
        return plain
    parts = re.findall(r"(?<![\d])-?\d[\d .,]*|[^\W\d]+(?:-[^\W\d]+)*|[^\w\s]", plain)
    total, unit, rest = Decimal(1), "%" if kind == "percent" else "", []
    for part in parts:
        if re.match(r"-?\d", part):
            rest.append(part)
            total *= _number(part)
        elif part in NUMBER_WORDS:
            total *= NUMBER_WORDS[part]
        elif part in SHORT_MONEY:
            total, unit = total * SHORT_MONEY[part], "kr"
        elif part in SCALES:
            total *= SCALES[part]
        elif part in CURRENCIES:
            unit = CURRENCIES[part]
        elif part in SMALL_UNITS:
            unit = part
        elif part in {"halv", "halvt", "half"}:
            total /= 2
        elif part in FRACTION_WORDS or part.endswith(("tal", "talet", "talets")):
            return plain
    if len(rest) > 1:  # a range: said as it is printed
        return f"{plain.replace(' ', '')}"
    return f"{total.normalize():f} {unit}".strip()


def _number(text: str) -> Decimal:
    """A number as printed; a comma or point before three digits parts thousands, unless a 0 stands before it.

    >>> _number("2 080"), _number("31,7"), _number("2.500"), _number("0.250"), _number("1.234,5")
    (Decimal('2080'), Decimal('31.7'), Decimal('2500'), Decimal('0.250'), Decimal('1234.5'))
    """
    text = text.strip(" .,").replace(" ", "")
    for parts, point in (".,", ",."):
        if re.fullmatch(rf"-?[1-9]\d{{0,2}}(?:[{parts}]\d{{3}})+(?:[{point}]\d+)?", text):
            return Decimal(text.replace(parts, "").replace(point, "."))
    return Decimal(text.replace(",", "."))
