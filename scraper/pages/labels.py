"""Finding dates with a label: "Publicerad", "Senast uppdaterad" and their kin, wherever on the page they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from lxml import etree

from scraper.items import Evidence
from scraper.normalise.dates import NO_ROLE, ROLES, NoDateError, find_role, parse_label, split_labels
from scraper.normalise.repeated import repeated
from scraper.normalise.text import clean_line
from scraper.pages.boilerplate import remove
from scraper.pages.date_lines import OPENING, belongs_to_date, goes_on, is_heading
from scraper.pages.dates import DIGIT, EVENT, Found, is_only_a_date, machine_values, more_exact, read_stamp
from scraper.pages.document import Document
from scraper.pages.elements import Element, whole_text
from scraper.pages.evidence import path_of
from scraper.pages.foreign_dates import dates_an_event, dates_another
from scraper.pages.markup import INLINE

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
