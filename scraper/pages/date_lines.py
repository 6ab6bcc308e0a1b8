"""Lines that give a date its label, told from prose that begins like one: by the words beside label and date."""

from __future__ import annotations

import re

from scraper.normalise.dates import ROLE, find_role, first_date, parse_label
from scraper.normalise.kinds import to_kind
from scraper.normalise.months import ANY_MONTH
from scraper.normalise.words import either
from scraper.pages.elements import Element
from scraper.pages.markup import HEADINGS

# What may stand before the telling word of a label.
OPENING = either(r"""
    den här | denna | detta | det här | sidan? | sidans | webbsidan? | artikeln? | texten? | nyheten? | informationen
    innehållet | sidinnehållet | publikationen | dokumentet? | pressmeddelande\w* | nyhet\w* | press
    senast | senaste | först | första | ursprungligen | är | blev | har | datum för
    siden | artikkelen | artiklen | teksten | innholdet | indholdet | denne | dette | sist | siste | sidst | sidste
    senest | seneste | først | ble | er | faglig | nyhet | pressemelding | pressemeddelelse | dato for
    diese | seite | artikel | beitrag | inhalt | text | wurde | zuletzt | letzte | am | datum der | pressemitteilung
    news | page | this | article | story | content | document | was | is | on | are | last | first | latest
    originally | date | web | viimeksi | sivu
    """)
# Words of a line with a date that say nothing.
PLAIN_WORDS = re.compile(
    rf"\b(?:{OPENING}|{ANY_MONTH}|"
    + either(r"""
        (?:mån|tis|ons|tors|fre|lör|sön)dag(?:en)? | (?:man|tirs|ons|tors|fre|lør|søn)dag
        (?:mon|tues|wednes|thurs|fri|satur|sun)day | (?:mon|diens|donners|frei|sams|sonn)tag | mittwoch
        den | det | the | der | das | vid | och | and | und | klockan | kloekken | uhr | cest | cet | utc | gmt | est
        """)
    + r")\b",
    re.IGNORECASE,
)
LINE_WORD = re.compile(r"[^\W\d_]{3,}")
BY = re.compile(
    r"\W*(?:(?:written|skriven) )?(?:av|af|by|von)\b|\W*(?:ansvarig|redaktör|författare)\w*\s*:", re.IGNORECASE
)
MOST_BETWEEN, MOST_OF_NAMES = 1, 5  # words between a label and its date: "i Nyheter"; "av" and who did it
LONGEST_LINE = 90
EXACT = re.compile(r"(?:19|20)\d\d|\d[.:]\d\d")  # a year or a time of day: "Tisdag 12 mars" heads a programme
MOST_AFTER = 2  # words after the date where a sentence ends
ON = re.compile(r"\s*(?:kl\.?\s*)?(?:\d{1,2}[.:]\d\d(?:[.:]\d\d)?)?\s*:\s")  # "Rättelse 3 maj 2024: beloppet är …"


def words_of(text: str) -> list[str]:
    """The words of a text but for those that labels are made of."""
    plain = PLAIN_WORDS.sub(" ", ROLE.sub(" ", text))
    return [word for word in LINE_WORD.findall(plain) if not to_kind(word)]


def belongs_to_date(label: str, url: str) -> bool:
    """Whether the telling word before a date is that date's label: no other words part them but who published.

    >>> belongs_to_date("Publicerad av Eva Ek 3 maj 2024", "https://a.se/")
    True
    >>> belongs_to_date("Ändrade regler från 3 maj 2024", "https://a.se/")
    False
    """
    before = label[: start_of_date(label, url)]
    role = next(ROLE.finditer(before), None)
    between = before[role.end() :] if role else before
    return len(words_of(between)) <= most_beside(between)


def goes_on(label: str, url: str) -> bool:
    """Whether a sentence follows a date: what says what was changed is text.

    >>> goes_on("Rättelse 3 maj 2024: beloppet är två miljoner.", "https://a.se/")
    True
    >>> goes_on("Sidan ändrades 3 maj 2024.", "https://a.se/")
    False
    """
    try:
        date, _ = first_date(label, url)
    except ValueError:
        return False
    after = label[date.end() :].strip()
    many = len(words_of(after)) > MOST_AFTER
    return many and (after[-1:] in ".!?" or ON.match(label, date.end()) is not None)


def is_date_line(text: str, url: str, opening: bool) -> bool:
    """Whether a short line is a date of the page and no more: with its label, or alone where it opens the text.

    >>> is_date_line("Publicerad 3 maj 2024", "https://a.se/", opening=False)
    True
    >>> is_date_line("Lagen börjar gälla den 3 maj 2024.", "https://a.se/", opening=True)
    False
    """
    if len(text) > LONGEST_LINE or not any(map(str.isdigit, text)):
        return False
    try:
        role, _ = parse_label(text, url)
    except ValueError:
        return False
    stray = len(words_of(text))
    if role == "none" or (stray and text[-1] in ".!?"):
        return False
    if find_role(text) is None:
        return opening and stray <= most_beside(text) and EXACT.search(text) is not None
    return belongs_to_date(text, url) and stray <= MOST_OF_NAMES


def most_beside(text: str) -> int:
    """How many words may stand between a label and its date: few, unless they tell who wrote it."""
    return MOST_OF_NAMES if BY.match(text) else MOST_BETWEEN


def start_of_date(label: str, url: str) -> int:
    """Where the date of a label begins, where its first digit stands if it cannot be read."""
    try:
        return first_date(label, url)[0].start()
    except ValueError:
        return next((place for place, sign in enumerate(label) if sign.isdigit()), len(label))


def is_heading(element: Element) -> bool:
    """Whether an element is a heading of the text or stands within one."""
    return element.tag in HEADINGS or next(element.iterancestors(*HEADINGS), None) is not None
