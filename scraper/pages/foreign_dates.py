"""Dates on a page that are not its own: another text's, a file's, an event's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import cast

from scraper.normalise.media import media_type
from scraper.pages.boilerplate import has_letters, is_card, text_length
from scraper.pages.elements import Element
from scraper.pages.markup import HEADINGS

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
