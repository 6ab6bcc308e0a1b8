"""Published/updated: declared, labelled, bare; choose_dates.

Dates of a page as they are found: what it declares, what its machine values tell, which reading tells more.

Dates on a page that are not its own: another text's, a file's, an event's.

Finding a date without a label: alone beside the title, or as the dateline that opens the text.

Lines that give a date its label, told from prose that begins like one: by the words beside label and date.

Finding dates with a label: "Publicerad", "Senast uppdaterad" and their kin, wherever on the page they stand.

Settling which of a page's dates is the day it was published, and which the day it was updated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, islice, takewhile
from typing import cast
from urllib.parse import urlsplit

from lxml import etree

from scraper.items import Evidence
from scraper.normalise.dates import (
    ANY_MONTH,
    MONTH,
    MONTHS,
    NO_ROLE,
    ROLE,
    ROLES,
    SPAN,
    NoDateError,
    find_role,
    first_date,
    parse_date,
    parse_label,
    split_labels,
)
from scraper.normalise.media import media_type
from scraper.normalise.text import clean_line, either, repeated
from scraper.normalise.vocabulary import to_kind
from scraper.pages.content import elements_at, has_letters, is_card, remove, text_length
from scraper.pages.document import (
    HEADINGS,
    INLINE,
    Document,
    Element,
    declared_dates,
    path_of,
    short_line,
    vague_dates,
    whole_text,
)

DIGIT = re.compile(r"\d")
LONG_WORD = re.compile(r"[^\W\d_]{4,}")
ENDS_WITH_DATE = re.compile(r"\d\.$")  # as a sentence does
PROPERTIES = {"published": "datePublished", "updated": "dateModified"}  # by field (schema.org)
EVENT = re.compile(r"event|kalend|calendar|deadline|start-?date|end-?date", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """One date of the page, read."""

    role: str
    text: str
    value: date | datetime | None  # None where it is written like a date but cannot be read for certain
    evidence: Evidence


def read_stamp(stamp: str | None, url: str) -> date | datetime | None:
    """A machine's value, None where there is none that can be read."""
    try:
        return parse_date(stamp, url) if stamp else None
    except ValueError:
        return None


def more_exact(
    text: str, value: date | datetime | None, stamp: str | None, url: str
) -> tuple[str, date | datetime | None]:
    """The machine's value in place of the label's where both agree and it tells more."""
    exact = read_stamp(stamp, url)
    return (stamp, exact) if stamp and refines(exact, value) else (text, value)


def refines(exact: date | datetime | None, value: date | datetime | None) -> bool:
    """Whether one reading tells the same as another and more: seconds to a minute, a time to a day."""
    if not isinstance(exact, datetime) or value is None:
        return False
    if isinstance(value, datetime):
        return exact != value and 0 <= (exact - value).total_seconds() < 60
    return exact.date() == value and (exact.hour, exact.minute, exact.second) != (0, 0, 0)


def declared(document: Document, field: str) -> Iterator[Found]:
    """The dates a page declares, those that can be read, best first."""
    yield from read_all(document, field, declared_dates(document, field))


def vague(document: Document) -> Iterator[Found]:
    """Dates of the head that do not say which they are: taken for the published one where nothing better is."""
    yield from read_all(document, "published", vague_dates(document))


def read_all(
    document: Document, field: str, stated: Iterable[tuple[str, str]], element: str = "head"
) -> Iterator[Found]:
    """The declared dates, as (rule, text), that can be read."""
    for rule, text in stated:
        value = read_stamp(text, document.url)
        if value is not None:
            yield Found(field, text, value, Evidence(rule=rule, element=element))


def declared_in_text(document: Document, main: Element, field: str) -> list[Found]:
    """Microdata: elements whose itemprop says what their date stands for; outside the main element only one alone."""
    stated = PROPERTIES[field] in document.text  # else only <time> can be it, and to go through those is cheaper
    found = list(read_microdata(document, main, field, stated=stated))
    anywhere = [] if found else list(read_microdata(document, document.root, field, stated=stated))
    return anywhere if len(anywhere) == 1 else found


def read_microdata(document: Document, scope: Element, field: str, *, stated: bool) -> Iterator[Found]:
    """The elements of a scope whose itemprop (`stated`: there may be one) or, on <time>, class names the field, those
    that can be read.
    """
    prop = PROPERTIES[field]
    either = f".//*[@itemprop='{prop}'] | .//time[contains(@class, '{field}')]"
    for element in elements_at(scope, either) if stated else scope.iter("time"):
        if element.get("itemprop") == prop or field in (element.get("class") or "").split():
            text = element.get("datetime") or element.get("content") or clean_line(whole_text(element))
            yield from read_all(document, field, [(f"itemprop {prop}", text)], path_of(element))


def machine_values(*elements: Element) -> list[str | None]:
    """The datetime attributes of the <time> elements that elements are or hold."""
    return [time.get("datetime") for element in elements for time in element.iter("time")]


def machine_value(element: Element) -> str | None:
    """The datetime attribute of the one <time> within an element."""
    values = machine_values(element)
    return values[0] if len(values) == 1 else None


def is_only_a_date(text: str) -> bool:
    """Whether a line holds no more than one word beside a date and a type word, and is no sentence."""
    words = [word for word in LONG_WORD.findall(text) if not to_kind(word) and word.lower() not in MONTHS]
    return len(words) <= 1 and not (words and ENDS_WITH_DATE.search(text))


TEASERS = ("article", "li", "a")
ITEMS = ("li", "p", "div", "section", "article", "td", "dd")
LISTS = ("dl", "ul", "ol", "table", "div", "section")
LONGEST_ITEM, SHORTEST_NAME = 300, 8  # letters of an entry in a list of other texts or files, and of its name
SHORTEST_HEADLINE = 18  # letters; an author's name is shorter
# Beside "Datum" these say that it is an event's.
OF_EVENT = re.compile(r"\W*(?:plats|tid|tidpunkt|lokal|var|place|time|venue|location|where)\b", re.IGNORECASE)


def dates_another(element: Element, main: Element) -> bool:
    """Whether a date in or after an element is that of another text or of a file: it stands in a teaser, that is a
    card within the text, any linked item beside it; or in something short that such a link opens.
    """
    parents = list(element.iterancestors())
    own = element is main or main in parents
    for part in parents:
        if part is main or part.tag not in TEASERS:
            continue
        if is_card(part) if own else part.tag == "a" or part.find(".//a") is not None:
            return True
    return follows_name(element, main)


def follows_name(element: Element, main: Element) -> bool:
    """Whether what holds a date is short and opens with a link to another text or a file."""
    parents = list(element.iterancestors())
    return any(
        names_another(link, part)
        for part in parents
        if part is not main and part.tag in ITEMS and not has_letters(part, LONGEST_ITEM)
        for link in takewhile(lambda other: other is not element, part.iter("a", element.tag))
        if link not in parents
    )


def names_another(link: Element, item: Element) -> bool:
    """Whether an element is the link that an item is about: a list's entry, a file, a heading."""
    href = link.get("href") or "#"
    if link.tag != "a" or href.startswith(("#", "mailto:", "tel:")):
        return False
    length = text_length(link)
    if item.tag == "li" or media_type(href):
        return length >= SHORTEST_NAME
    in_heading = next(link.iterancestors(*HEADINGS), None) is not None or any(True for _ in link.iter(*HEADINGS))
    return in_heading and length >= SHORTEST_HEADLINE


def dates_an_event(element: Element, main: Element) -> bool:
    """Whether the lines beside one say where, or at what time of day, something takes place."""
    return any(OF_EVENT.match(text) for text in texts_beside(element, main))


def texts_beside(element: Element, main: Element) -> Iterator[str]:
    """The texts of an element, of the next two, and of the short list that holds it."""
    near = [element, *islice(element.itersiblings(), 2)]
    around = next((part for part in element.iterancestors() if part is main or part.tag in LISTS), None)
    if around is not None and around is not main and not has_letters(around, LONGEST_ITEM):
        near.append(around)
    for part in near:
        yield from cast("Iterator[str]", part.itertext())


SHORTEST_PARAGRAPH = 60
LONGEST_DATE = 20
LONGEST_WITH_TAGS = 400
BRACKETS = re.compile(r",?\s*\[[^\[\]]*\]$")  # tags after the date
PLACE = r"(?:[A-ZÅÄÖ][\w.-]+(?: [A-ZÅÄÖ][\w.-]+)?,? (?:den |the |am )?)?"
DAY = rf"(?:[0-3]?\d\.\s?[01]?\d\.\s?(?:19|20)\d\d|[0-3]?\d\.? {MONTH},? (?:19|20)\d\d)"
# "Bern, 17.08.2007 - Rede von …": what follows must part the date from the sentence.
DATELINE = re.compile(rf"^{PLACE}{DAY}(?=\s*(?:[-–—:|„“\"]|$))", re.IGNORECASE)


def find_bare(document: Document, heading: Element | None, main: Element) -> Found | None:
    """A date that stands alone beside the title or within it, alone or with a type word; else a dateline."""
    for element in chain(neighbours(heading) if heading is not None else (), opening_of(main)):
        found = read_bare(element, main, document.url)
        if found:
            remove(element)
            return found
    for element in main.iter("time"):
        if next(element.iterancestors("p", "li", "table"), None) is not None:
            continue
        found = read_bare(element, main, document.url)
        if found:
            remove(element)
            return found
    return find_dateline(document, main)


def find_dateline(document: Document, main: Element) -> Found | None:
    """Where and when a text was written, before its first words."""
    paragraphs = (part for part in main.iter("p", "div") if part.tag == "p" or (part.text or "").strip())
    for paragraph in islice(paragraphs, 4):
        line = clean_line(whole_text(paragraph))[:80]
        opening = DATELINE.match(line)
        if opening and find_role(opening[0]) is None and not SPAN.search(line, 0, opening.end() + LONGEST_DATE):
            evidence = Evidence(rule="dateline", element=path_of(paragraph))
            return Found("published", opening[0], parse_date(opening[0], document.url), evidence)
    return None


def read_bare(element: Element, main: Element, url: str) -> Found | None:
    """An element that holds a date and nothing else but a type word."""
    text = BRACKETS.sub("", short_line(element, LONGEST_WITH_TAGS) or "")
    if not text or len(text) > 60 or not DIGIT.search(text) or is_about_something(element, url):
        return None
    if element.find(".//a" if element.tag == "li" else ".//li//a") is not None:
        return None  # an entry of a list of other texts
    try:
        role, value = parse_label(text, url)
    except ValueError:
        return None
    if role != "published" or value is None or not is_only_a_date(text):
        return None
    if dates_an_event(element, main) or follows_name(element, main):
        return None
    text, exact = more_exact(text, value, element.get("datetime") or machine_value(element), url)
    return Found("published", text, exact, Evidence(rule="date beside the title", element=path_of(element)))


def opening_of(main: Element) -> Iterator[Element]:
    """The short elements that the main element opens with, down to its first paragraph of text."""
    for element in list(main.iter("p", "span", "div", "li", "dd")):
        if short_line(element, SHORTEST_PARAGRAPH) is not None:
            yield element
        elif element.tag == "p":
            return


def is_about_something(element: Element, url: str) -> bool:
    """Whether class, id or the page's address says that a date is an event's or a deadline's."""
    near = (element, *islice(element.iterancestors(), 2))
    return EVENT.search(urlsplit(url).path) is not None or any(
        EVENT.search(f"{part.get('class') or ''} {part.get('id') or ''}") for part in near
    )


def neighbours(heading: Element) -> Iterator[Element]:
    """The short elements within the title, and right before and after it, nearest first."""
    yield from heading.iter("time", "span")
    node = heading
    for _ in range(3):
        after, before = list(node.itersiblings())[:3], list(node.itersiblings(preceding=True))[:2]
        for sibling in [*after, *before]:
            if short_line(sibling, LONGEST_WITH_TAGS) is not None:
                yield from (
                    part
                    for part in [sibling, *sibling.iter("time", "p", "span", "div", "li", "dd")]
                    if part.getparent() is not None
                )
        parent = node.getparent()
        if parent is None or parent.tag in ("body", "main", "html"):
            return
        node = parent


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


LONGEST_LABEL = 160
WORDS_OF_ROLES = "|".join(ROLES.values())
# A label opens its line. Both read lower case: the engine is twice as fast where it need not fold letters, and
# every text of a page is asked.
LABEL = re.compile(rf"\W*(?:{OPENING}\W+){{0,5}}(?:{WORDS_OF_ROLES})")
# "3 maj 2024 (uppdaterad 9 maj 2024)": a date alone opens the line, and a label follows it.
LATER_LABEL = re.compile(rf"\d[^\w\d]*[,(·•|–-]\s*(?:{OPENING}\W+){{0,5}}(?:{WORDS_OF_ROLES})\W")
FIRST_DIGIT = 30  # characters before the digit of a date that opens a line
LEADING_ON = re.compile(rf"(?:\W+{OPENING})+\W*$", re.IGNORECASE)
WITHIN_SENTENCES = INLINE - {"br", "time"}  # after these a word may go on with the sentence
STARTS = re.compile(r"\s*[·|•(–—/]|\W*[A-ZÅÄÖÆØÜ]")
PLAIN = re.compile(r"^\W*dat(?:e|um|o)\b", re.IGNORECASE)  # says that a date follows, not of what
NAMED = ("time", "span", "p", "div", "dd", "abbr")  # may have a label that is not seen


def find_labels(document: Document, main: Element) -> list[Found]:
    """Every labelled date of the page, those of the main element first.

    The labels are taken out of the tree, but for what is text as well: a heading, a label that a sentence follows.
    """
    inside: list[Found] = []
    outside: list[Found] = []
    named = {element for element in document.root.iter(*NAMED) if name_of(element)}
    for element in list(document.root.iter(etree.Element)):
        if element.tag != "a" and opens_label(element.text):  # half the texts of a page are links
            read, text = read_label, element.text
        elif opens_label(element.tail) and (element.tag not in WITHIN_SENTENCES or STARTS.match(element.tail or "")):
            read, text = read_tail, element.tail
        elif element in named and opens_label(name_of(element)):
            read, text = read_name, name_of(element)
        else:
            continue
        parents = list(element.iterancestors())
        if any(part.tag == "h1" for part in (element, *parents)):
            continue  # "30 mars 14.31, Uppdatering" is a title
        if PLAIN.match(text or "") and dates_an_event(element, main):
            continue
        own = element is main or main in parents
        if document.root in parents and not dates_another(element, main):
            (inside if own else outside).extend(read(document, element))
    return inside + outside


def opens_label(text: str | None) -> bool:
    """Whether a line begins with a label, or with a date alone and then one."""
    if not text or not 3 < len(text) < LONGEST_LABEL * 2 or text.isspace():
        return False
    return begins_with_label(text)


@repeated(16_384)
def begins_with_label(text: str) -> bool:
    """Whether a text's first words are a label. Cached: a site's pages have many texts in common."""
    lower = text.lower()
    if LABEL.match(lower):
        return True
    later = LATER_LABEL.search(lower) if DIGIT.search(text, 0, FIRST_DIGIT) else None
    return later is not None and is_only_a_date(text[: later.start()])


def name_of(element: Element) -> str | None:
    """What a screen reader or a tooltip says of an element."""
    return element.get("aria-label") or element.get("title")


def read_label(document: Document, element: Element) -> list[Found]:
    """The dates of a label: within its element, in the element after it, or in the line they share."""
    following, parent = next_element(element), element.getparent()
    for parts in ([element], [element, following], [parent]):
        elements = [part for part in parts if part is not None]
        found = read_elements(document, elements) if len(elements) == len(parts) else []
        if found:
            return found
    return []


def read_tail(document: Document, element: Element) -> list[Found]:
    """The dates of a label in the words after an element: with the line they stand in, or after a break alone."""
    parent = element.getparent()
    if parent is None:
        return []
    if parent.find(".//a") is None and parent.find(".//h1") is None and (found := read_elements(document, [parent])):
        return found
    line = clean_line(element.tail or "")
    if element.tag in INLINE - {"br"} or len(line) > LONGEST_LABEL:
        return []
    found = list(read_line(line, [], path_of(parent), document.url))
    if found and not is_text(line, document.url):
        element.tail = None
    return found


def read_name(document: Document, element: Element) -> list[Found]:
    """The dates of a label that only a screen reader or a tooltip says."""
    name = name_of(element) or ""
    line = name if DIGIT.search(name) else f"{name} {whole_text(element)}"
    found = list(read_line(clean_line(line), machine_values(element), path_of(element), document.url))
    if found:
        remove(element)
    return found


def read_elements(document: Document, elements: Sequence[Element]) -> list[Found]:
    """The dates of the line that elements make together; unless they are text, they are taken out of the tree."""
    text = clean_line(" ".join(map(whole_text, elements)))
    if len(text) > LONGEST_LABEL or not DIGIT.search(text):
        return []
    found = list(read_line(text, machine_values(*elements), path_of(elements[-1]), document.url))
    if found and not is_text(text, document.url) and not (len(elements) == 1 and is_heading(elements[0])):
        for part in elements:
            if part.tag not in ("body", "main", "article"):
                remove(part)
    return found


def is_text(line: str, url: str) -> bool:
    """Whether a line with labels goes on to say something."""
    return any(goes_on(label, url) for label in split_labels(line))


def read_line(text: str, stamps: Sequence[str | None], path: str, url: str) -> Iterator[Found]:
    """The labelled dates of one line, and the date alone that opens it before a label.

    Where each label has a <time datetime>, one that tells more of the same day is taken for the label's words.
    """
    labels = split_labels(text)
    for number, label in enumerate(labels):
        role = find_role(label) or ("published" if opens_alone(labels[number:]) else None)
        if role is None or (PLAIN.match(label) and EVENT.search(urlsplit(url).path)):
            continue
        if not belongs_to_date(label, url):
            continue
        stamp = stamps[number] if len(stamps) == len(labels) else None
        evidence = Evidence(rule=f"label {label.split()[0]}", element=path)
        words = label.strip(" ·|,(")
        try:
            role, value = parse_label(label, url)
        except ValueError as error:
            exact = None if NO_ROLE.search(label) else read_stamp(stamp, url)
            if exact is not None:  # "3 maj" or "April 2025" beside a full machine value
                yield Found(role, f"{words} {stamp}" if isinstance(error, NoDateError) else str(stamp), exact, evidence)
            elif not isinstance(error, NoDateError) and not NO_ROLE.search(label):
                yield Found(role, words, None, evidence)
        else:
            if value is not None:
                words, value = more_exact(words, value, stamp, url)
                yield Found(role, words, value, evidence)


def opens_alone(labels: Sequence[str]) -> bool:
    """Whether the first of a line's labels is a date alone, and the next tells a later change of the same text."""
    return len(labels) > 1 and find_role(labels[1]) == "updated" and is_only_a_date(LEADING_ON.sub("", labels[0]))


def next_element(element: Element) -> Element | None:
    """The element after, or after its parent where that holds nothing else: <dt>, <th> and wrapped labels."""
    following, parent = element.getnext(), element.getparent()
    if following is None and parent is not None and clean_line(whole_text(parent)) == clean_line(whole_text(element)):
        return parent.getnext()
    return following


def choose_dates(
    document: Document, main: Element, heading: Element | None, selected: Mapping[str, Found | None]
) -> Iterator[tuple[str, Found]]:
    """The dates of a page by field, ranked: an element that a selector names; a label; a declaration; a date alone
    beside the title; a declaration that does not say what it stands for.
    """
    # Labels and the date beside the title are taken out of the tree, so what only looks on comes first.
    stated = {field: [*declared(document, field), *declared_in_text(document, main, field)] for field in selected}
    labels = find_labels(document, main)
    beside = find_bare(document, heading, main)
    published: Found | None = None
    for field, chosen in selected.items():
        own = [label for label in labels if label.role == field]
        if field == "published":
            ranks = (own, stated[field], [beside] if beside else [], list(vague(document)))
            found = published = chosen or choose_date(*ranks)
        else:  # stamped alike, by a machine, says no update
            later = [other for other in stated[field] if not published or other.value != published.value]
            found = chosen or choose_date(own, later)
        if found:
            yield field, found


def choose_date(*ranks: Sequence[Found]) -> Found | None:
    """One of several readings of the same field: the first of the highest rank that has one.

    A reading of another rank that agrees with it and tells more, seconds or a time of day, lends its precision.
    """
    readings = [found for rank in ranks for found in rank]
    first = next((found for found in readings if found.value is not None), None)
    if first is None:
        return readings[0] if readings else None  # present but unreadable: for to_release to refuse, not to hide
    return next((other for other in readings if refines(other.value, first.value)), first)
