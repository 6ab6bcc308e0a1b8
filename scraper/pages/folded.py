"""Gathering folded questions and answers that stand outside the running text, in a footer or a section of their own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice, takewhile

from scraper.normalise.repeated import repeated
from scraper.normalise.text import clean_line
from scraper.pages.boilerplate import CAMEL, remove, text_length
from scraper.pages.elements import Element, whole_text
from scraper.pages.main_element import elements_at
from scraper.pages.question_words import asks

ACCORDION_NAME = re.compile(
    r"(?:^|[\s_-])(?:faqs?(?:section|block|list|wrapper|container)?|fragor|vanliga-fragor|accordions?|accordion-?list)(?=$|[\s_-])",
    re.IGNORECASE,
)
TOGGLES = "//summary | //*[@aria-expanded]"
CLIMB = 5  # elements from a toggle to the row it stands in
ACCORDION_MARGINS = ("aside", "footer")
FURNITURE = ("nav", "dialog")


def gather_folded(root: Element, text: Element) -> None:
    """Move every section of folded questions that lies outside the text to its end, in the page's order."""
    inside = set(text.iter())
    named = [
        element
        for element in root.iter("div", "section", "ul", "dl", "details", "aside")
        if is_accordion_section(element)
    ]
    for section in [*named, *rows_of_toggles(root)]:
        if (
            (section in inside and not lies_in_margin(section, text))
            or text in section.iterdescendants()
            or next(section.iterancestors(*FURNITURE), None) is not None
        ):
            continue
        if root in section.iterancestors() and holds_questions(section):
            remove(section)
            if section.tag in ACCORDION_MARGINS:
                section.tag = "section"
            section.tail = None
            text.append(section)
            inside.update(section.iter())


def lies_in_margin(section: Element, text: Element) -> bool:
    """Whether a section is or lies in a part of the text that is dropped as its margin."""
    around = takewhile(lambda part: part is not text, (section, *section.iterancestors()))
    return any(part.tag in ACCORDION_MARGINS for part in around)


def is_accordion_section(element: Element) -> bool:
    """Whether an element's name says that it holds folded questions."""
    classes, identifier = element.get("class"), element.get("id")
    if (classes or identifier) and names_section(f"{classes or ''} {identifier or ''}"):
        return True
    return "FAQPage" in (element.get("itemtype") or "")


def rows_of_toggles(root: Element) -> Iterator[Element]:
    """What holds two or more folded questions, whatever its name: <details>, or ARIA states."""
    toggles = [toggle for toggle in elements_at(root, TOGGLES) if asks(clean_line(whole_text(toggle)))]
    above = {toggle: list(islice(toggle.iterancestors(), CLIMB)) for toggle in toggles}
    shared = Counter(chain.from_iterable(above.values()))
    for parents in above.values():
        row = next((parent for parent in parents if shared[parent] > 1), None)
        if row is not None:
            yield row


@repeated()
def names_section(names: str) -> bool:
    """Whether class and id say folded questions. Cached: the same names come again and again."""
    return ACCORDION_NAME.search(CAMEL.sub("-", names)) is not None


def holds_questions(section: Element) -> bool:
    """Whether at least two of a section's short lines are questions."""
    lines = (str(text).strip() for text in section.itertext())
    return sum(1 for line in lines if line.endswith("?") and len(line) < 300) >= 2 and text_length(section) > 100
