"""Telling a listing: a page that is a row of entries leading to other pages, with hardly a text of its own."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from scraper.pages.boilerplate import CARD_HEADINGS, LONGEST_CARD, leads_away, links_away, text_length
from scraper.pages.elements import Element, whole_text

FEWEST_ENTRIES = 5
SHARE_OF_ENTRIES = 0.75
MOST_TEXT = 400  # characters beside the entries: a heading and a few words on what is listed
DATED = re.compile(r"\b(?:19|20)\d\d\b")


def is_listing(main: Element) -> bool:
    """Whether one row of entries makes up next to all of the main element's text."""
    total = text_length(main)
    for row in rows_of(main):
        listed = sum(map(text_length, row))
        if listed > SHARE_OF_ENTRIES * total and total - listed < MOST_TEXT:
            return all(map(links_away, row)) and 2 * sum(map(is_entry, row)) > len(row)
    return False


def rows_of(main: Element) -> Iterator[list[Element]]:
    """Elements of the same tag and class under one parent, where there are several."""
    for parent in main.iter("ul", "ol", "div", "section", "main", "article", "tbody"):
        if len(parent) >= FEWEST_ENTRIES:
            rows: dict[tuple[object, str | None], list[Element]] = defaultdict(list)
            for child in parent:
                rows[child.tag, child.get("class")].append(child)
            yield from (row for row in rows.values() if len(row) >= FEWEST_ENTRIES)


def is_entry(element: Element) -> bool:
    """Whether an element announces another page in few words: a linked heading, or a link with a date."""
    if text_length(element) > LONGEST_CARD:
        return False
    dated = element.find(".//time") is not None or DATED.search(whole_text(element)) is not None
    return dated or any(map(leads_away, element.iter(*CARD_HEADINGS)))
