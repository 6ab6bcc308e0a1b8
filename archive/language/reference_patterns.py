"""Finds references to documents in a text by the documents' numbers, as in "prop. 2023/24:99" and
"lagen (2013:319)".

A number alone is not a reference: 2013:319 may be a statute, terms of reference or a time. The text
before the number (for EU acts, also the text after it) says which type of document it is. The only
numbers that show their type by themselves are those of reports of Riksdag committees
(2023/24:FiU1), committees of inquiry (U 2022:02) and records of the Government Offices
(S2023/01234).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# raise it whenever the references of any text change
REFERENCES_VERSION = "2"
MAX_RANGE = 50  # numbers of a range (SFS 2022:406–409) that count
REFERENCE_TYPES = {  # type → how a reference of this type is written
    "sfs": "SFS {0}",
    "prop": "prop. {0}",
    "sou": "SOU {0}",
    "ds": "Ds {0}",
    "dir": "dir. {0}",
    "committee": "{0}",
    "bet": "bet. {0}",
    "rskr": "rskr. {0}",
    "skr": "skr. {0}",
    "eu": "EU {0}",
    "com": "COM({1}) {2}",
    "dnr": "dnr {0}",
}

_SPACE = "[ \u00a0\u202f]"
_GAP = rf"[.:]?{_SPACE}?(?:nr\.?{_SPACE})?[(\[]?"
_END = r"(?![\w]|[:/]\d)"
_SESSION = rf"(?:19|20)\d\d/(?:\d\d){{1,2}}:{_SPACE}?"  # a year of the Riksdag
_LAST = r"(?:[–-](?:[\d/]+:)?\d{1,4})?"  # of a range
_IN_SESSION = rf"{_SESSION}\d{{1,4}}{_LAST}{_END}"
_IN_YEAR = rf"(?:1[6-9]|20)\d\d:{_SPACE}?\d{{1,4}}{_LAST}{_END}"
_EU_NUMBER = rf"\d{{1,4}}/\d{{1,4}}{_END}"
_EU_BODIES = "EU|EG|EEG|EC|EEC|Euratom|EKSG|GUSP|CFSP|RIF|JHA"
_ACT = r"(?:direktiv|förordning|directive|regulation)(?:et|en|ens|ets|ar|arna|er|s)?"
_PREFIX = r"(?:\w[\w-]{0,40})?"  # of a compound; longer words would take long
_LAW = (
    rf"{_PREFIX}(?:lag(?:en|ens|ar|arna)?|förordning(?:en|ens|ar|arna)?|balk(?:en|ens)?|act|ordinance"
    r"|ordning(?:en|ens)?|form(?:en|ens)|kungörelse(?:n|ns)?|instruktion(?:en)?|reglemente(?:t)?"
    r"|stadga(?:n)?|code|law)"
)
# codes of departments in numbers of records and committees
_DEPARTMENTS = "SB|Ju|UD|UF|UM|Fö|S|Fi|U|Jo|LI|L|M|KN|N|Ku|A|I|IJ|C"
_DEPARTMENT_RECORD = r"(?:19|20)\d\d/\d{3,6}(?:/\w+)*(?![\w/])"
_REPORT = rf"{_SESSION}[a-zåäö]{{1,3}}U\d{{1,3}}{_END}"
_COMMITTEES = "AU BoU CU FiU FöU JuU KU KrU LU MJU NU SfU SkU SoU TU UbU UFöU UU KUU SäU EUU"
# codes in numbers, as they are usually written
_COMMITTEE_CODES = {code.lower(): code for code in _COMMITTEES.split()}
_DEPARTMENT_CODES = {code.lower(): code for code in _DEPARTMENTS.split("|")}
# type, text before the numbers, a number, and text after the last one
_PATTERNS = (
    ("prop", rf"(?:{_PREFIX}proposition(?:en|ens|er|erna)?|prop|bill){_GAP}", _IN_SESSION, ""),
    ("rskr", rf"(?:rskr|riksdagsskrivelse(?:n|r|rna)?){_GAP}", _IN_SESSION, ""),
    ("skr", rf"(?:skr|skrivelse(?:n|r|rna)?){_GAP}", _IN_SESSION, ""),
    ("bet", rf"(?:(?:bet|betänkande(?:t|n|na)?){_GAP})?", _REPORT, ""),
    ("sou", rf"SOU{_GAP}", _IN_YEAR, ""),
    ("ds", rf"Ds{_GAP}", _IN_YEAR, ""),
    (
        "dir",
        rf"(?:dir|{_PREFIX}direktiv(?:et|en|ens)?|terms{_SPACE}of{_SPACE}reference){_GAP}",
        _IN_YEAR,
        "",
    ),
    ("sfs", rf"(?:SFS|svensk{_SPACE}författningssamling)(?:-nummer)?{_GAP}", _IN_YEAR, ""),
    ("sfs", rf"{_LAW}{_SPACE}?[(\[]?", _IN_YEAR, ""),
    (
        "sfs",
        rf"(?:lag|förordning|kungörelse|act|ordinance)(?:en)?{_SPACE}(?:om|med|för|av|on|concerning)"
        rf"{_SPACE}(?:(?!{_LAW}{_SPACE}\()[^\s().:\d]+{_SPACE}){{1,12}}\(",
        _IN_YEAR,
        "",
    ),
    (
        "eu",
        rf"(?:{_PREFIX}(?:{_ACT}|beslut(?:et)?|decision){_SPACE})?"
        rf"[(\[](?:{_EU_BODIES})(?:,{_SPACE}\w+)?[)\]]{_SPACE}?(?:n[ro]\.?{_SPACE})?",
        _EU_NUMBER,
        "",
    ),
    ("eu", "", r"\d{2,4}/\d{1,4}", rf"/(?:{_EU_BODIES})\b"),
    (
        "eu",
        rf"(?:{_ACT}|EU){_SPACE}(?:n[ro]\.?{_SPACE})?",
        _EU_NUMBER,
        rf"(?:/(?:{_EU_BODIES})\b)?",
    ),
    ("com", rf"[CK]OM{_SPACE}?", rf"\(\d{{4}}\){_SPACE}?\d{{1,4}}{_END}", ""),
    ("com", "[CK]OM/", rf"\d{{4}}/\d{{1,4}}{_END}", ""),
    (
        "committee",
        "",
        rf"(?-i:{_DEPARTMENTS}){_SPACE}?(?:19|20)\d\d:(?:\d\d|(?-i:[A-Z])){_END}",
        "",
    ),
    (
        "dnr",
        rf"(?:dnr|diarie(?:nummer|nr)){_GAP}",
        r"(?:[a-zåäö]{1,8}[ \u00a0-]?)?(?=[\w./:-]{0,40}[/-])\d[\w./:-]{0,40}\d(?:/[a-zåäö]\w*)*",
        "",
    ),
    (
        "dnr",
        "",
        rf"(?-i:{_DEPARTMENTS})(?:{_SPACE}(?=\d{{4}}/\d{{5}}\b))?{_DEPARTMENT_RECORD}",
        "",
    ),
)
_AND = rf"\)?(?:,|;|{_SPACE}(?:och|samt|and|&)){_SPACE}(?:n[ro]\.?{_SPACE})?\(?"
_NUMBERS = [
    re.compile(number.replace("(?-i:", "(?:"), re.IGNORECASE) for _, _, number, _ in _PATTERNS
]
# one reference, or several of a type in a row
_SOURCE = "|".join(
    f"{before}(?P<n{index}>{number}(?:{_AND}{number})*){after}"
    for index, (_, before, number, after) in enumerate(_PATTERNS)
)
_REFERENCE = re.compile(rf"(?<![\w/:])(?:{_SOURCE})", re.IGNORECASE)
# In a query, case means nothing, and a reference may follow the colon of a field.
TYPED_REFERENCE = rf"(?i:(?<![\w/])(?:{_SOURCE.replace('(?-i:', '(?:')}))"
_TYPED = re.compile(TYPED_REFERENCE)
_RANGE = re.compile(r"([\d/]+:)\s?(\d+)[–-]([\d/]+:)?(\d+)")
_BARE_NUMBER = re.compile(
    r"(?<![\w\"/:.-])(?:\d{4}(?:/\d{2,4})?:\w{1,8}|\d{1,4}/\d{1,4})(?![\w\"/:-])"
)
# text that every line with a reference has; other lines are skipped
_HINT = re.compile(r"[:/)-](?<=\d.)(?:[ \u00a0\u202f]?\d|\w).*")


class Reference(NamedTuple):
    """A reference to a document: its type, its normalised number, and its position."""

    type: str  # of REFERENCE_TYPES
    number: str
    start: int
    end: int


def find_references(text: str) -> list[Reference]:
    """Return the references in a text, in order.

    >>> text = "Se prop. 2023/24:99 och 2023/24:100, lagen (2013:319) kl. 2013:31."
    >>> [(found.type, found.number, text[found.start:found.end]) for found in find_references(text)]
    ... # doctest: +NORMALIZE_WHITESPACE
    [('prop', '2023/24:99', 'prop. 2023/24:99'), ('prop', '2023/24:100', '2023/24:100'),
     ('sfs', '2013:319', 'lagen (2013:319)')]
    """
    return [
        found
        for hint in _HINT.finditer(text)
        for match in _REFERENCE.finditer(text, text.rfind("\n", 0, hint.start()) + 1, hint.end())
        for found in _read_match(match)
    ]


def find_typed_references(text: str) -> list[Reference]:
    """Return the references in the text of a query, in order.

    For a range, the references to its first and its last number are returned.

    >>> [found[:2] for found in find_typed_references("ref:sou2023:12 u 2022:02")]
    [('sou', '2023:12'), ('committee', 'U 2022:02')]
    """
    return [
        found for match in _TYPED.finditer(text) for found in _read_match(match, only_ends=True)
    ]


def find_bare_numbers(text: str) -> Iterator[re.Match[str]]:
    """Yield a match for each number in a query that may be a reference, but whose type is not
    stated.

    >>> [found[0] for found in find_bare_numbers("hamn 2013:319 prop. 2023/24:99")]
    ['2013:319']
    """
    return _BARE_NUMBER.finditer(_TYPED.sub(lambda found: " " * len(found[0]), text))


def _read_match(match: re.Match[str], *, only_ends: bool = False) -> Iterator[Reference]:
    """Yield the references that a match contains.

    The span of the first reference includes the text before its number, and the span of the last
    reference includes the text after its number. All references in a range have the same span.

    only_ends: yield only the first and the last reference of a range.
    """
    group = match.lastgroup or ""
    index = int(group[1:])
    kind = _PATTERNS[index][0]
    numbers = list(_NUMBERS[index].finditer(match.string, *match.span(group)))
    for place, number in enumerate(numbers):
        start = match.start() if place == 0 else number.start()
        end = match.end() if place == len(numbers) - 1 else number.end()
        end += _has_open_bracket(match.string, start, end)  # lagen (2013:319)
        found = _list_range(number[0]) or [_normalise_number(kind, number[0])]
        for each in dict.fromkeys((found[0], found[-1])) if only_ends else found:
            yield Reference(kind, each, start, end)


def _list_range(text: str) -> list[str]:
    """List the numbers in a range, up to MAX_RANGE of them. Returns [] if the text is a single
    number. If the range does not ascend, only its first number is returned.

    >>> _list_range("2022:406–409"), _list_range("2023/24:9-2023/24:10"), _list_range("2022:406")
    (['2022:406', '2022:407', '2022:408', '2022:409'], ['2023/24:9', '2023/24:10'], [])
    >>> _list_range("2022:406–12")
    ['2022:406']
    """
    match = _RANGE.fullmatch(text)
    if not match:
        return []
    first = last = int(match[2])
    if match[3] in (None, match[1]):
        last = max(first, int(match[4]))
    return [f"{match[1]}{number}" for number in range(first, last + 1)][:MAX_RANGE]


def _has_open_bracket(text: str, start: int, end: int) -> bool:
    """Return whether text[start:end] contains an open bracket that the next character closes."""
    opening = {")": "(", "]": "["}.get(text[end : end + 1])
    part = text[start:end]
    return opening is not None and part.count(opening) > part.count(text[end])


def _normalise_number(kind: str, number: str) -> str:
    """Return a document number in its normalised form.

    >>> _normalise_number("bet", "2023/24: fiu1"), _normalise_number("com", "(2020)66")
    ('2023/24:FiU1', '2020/66')
    """
    number = re.sub(r"\s", "", number)
    if kind == "com":
        return "/".join(re.findall(r"\d+", number))
    if kind == "committee":
        code, rest = re.split(r"(?<=\D)(?=\d)", number, maxsplit=1)
        return f"{_DEPARTMENT_CODES.get(code.lower(), code)} {rest}"
    if kind == "bet":
        session, _, report = number.partition(":")
        code = report.rstrip("0123456789")
        return f"{session}:{_COMMITTEE_CODES.get(code.lower(), code)}{report[len(code) :]}"
    return number


def format_reference(kind: str, number: str) -> str:
    """Format a reference as it is usually written. `find_references` recognises the result.

    >>> format_reference("prop", "2023/24:99"), format_reference("committee", "U 2022:02")
    ('prop. 2023/24:99', 'U 2022:02')
    """
    return REFERENCE_TYPES[kind].format(number, *number.split("/"))
