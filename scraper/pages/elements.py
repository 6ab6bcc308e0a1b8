"""An element of a parsed page, and its text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from lxml import etree

from scraper.normalise.text import clean_line

Element = etree._Element  # lxml names no public type for it

WITHIN_WORDS = ("sub", "sup", "wbr")


def whole_text(element: Element) -> str:
    """All text within an element, parts kept apart."""
    return " ".join(cast("Iterator[str]", element.itertext()))


def words_of(element: Element) -> str:
    """All text within an element, parts kept apart but for those that stand within a word: "CO<sub>2</sub>"."""
    parts = []
    for event, part in etree.iterwalk(element, ("start", "end")):
        if part.tag not in WITHIN_WORDS:
            parts.append(" ")
        text = part.text if event == "start" else part.tail if part is not element else None
        parts.append(text or "")
    return "".join(parts)


def short_line(element: Element, most: int) -> str | None:
    """All text within an element as one line, None where it is longer; does not read on to find that out."""
    parts: list[str] = []
    length = 0
    for text in cast("Iterator[str]", element.itertext()):
        if part := clean_line(text):
            length += len(part) + 1
            if length > most + 1:
                return None
            parts.append(part)
    return " ".join(parts)
