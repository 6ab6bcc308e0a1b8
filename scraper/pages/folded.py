"""Gathering folded questions and answers that stand outside the running text, in a footer or a section of their own."""

from __future__ import annotations

import re
from functools import lru_cache

from scraper.pages.boilerplate import CAMEL, remove, text_length
from scraper.pages.document import Element

SECTION = re.compile(
    r"(?:^|[\s_-])(?:faqs?(?:section|block|list|wrapper|container)?|fragor|vanliga-fragor|accordions?|accordion-?list)(?=$|[\s_-])",
    re.IGNORECASE,
)
FURNITURE = ("nav", "dialog")


def gather_folded(root: Element, text: Element) -> None:
    """Move every section of folded questions that lies outside the text to its end, in the page's order."""
    inside = set(text.iter())
    for section in [
        element for element in root.iter("div", "section", "ul", "dl", "details", "aside") if is_section(element)
    ]:
        if (
            section in inside
            or text in section.iterdescendants()
            or next(section.iterancestors(*FURNITURE), None) is not None
        ):
            continue
        if root in section.iterancestors() and asks(section):
            remove(section)
            section.tail = None
            text.append(section)
            inside.update(section.iter())


def is_section(element: Element) -> bool:
    """Whether an element's name says that it holds folded questions."""
    classes, identifier = element.get("class"), element.get("id")
    if (classes or identifier) and names_section(f"{classes or ''} {identifier or ''}"):
        return True
    return "FAQPage" in (element.get("itemtype") or "")


@lru_cache(maxsize=4096)
def names_section(names: str) -> bool:
    """Whether class and id say folded questions. Cached: the same names come again and again."""
    return SECTION.search(CAMEL.sub("-", names)) is not None


def asks(section: Element) -> bool:
    """Whether at least two of a section's short lines are questions."""
    lines = (str(text).strip() for text in section.itertext())
    return sum(1 for line in lines if line.endswith("?") and len(line) < 300) >= 2 and text_length(section) > 100
