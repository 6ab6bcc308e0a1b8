"""Finding a date without a label: alone beside the title, or as the dateline that opens the text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, islice
from urllib.parse import urlsplit

from scraper.items import Evidence
from scraper.normalise.dates import SPAN, find_role, parse_date, parse_label
from scraper.normalise.months import MONTH
from scraper.normalise.text import clean_line
from scraper.pages.boilerplate import remove
from scraper.pages.dates import DIGIT, EVENT, Found, is_only_a_date, machine_value, more_exact
from scraper.pages.document import Document
from scraper.pages.elements import Element, short_line, whole_text
from scraper.pages.evidence import path_of
from scraper.pages.foreign_dates import dates_an_event, follows_name

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
