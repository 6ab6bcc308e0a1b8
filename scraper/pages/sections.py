"""The parts of a text that stand beside the element which holds most of it: further sections and fields."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, takewhile

from scraper.normalise.text import clean_line
from scraper.pages.boilerplate import linked_length, text_length
from scraper.pages.elements import Element, whole_text
from scraper.pages.main_element import is_sentence
from scraper.pages.signposts import BESIDE, CONTACT, ELSEWHERE

MAX_SECTION_LINK_SHARE = 0.4  # of the letters of a text
NO_SECTION = ("h1", "form", "input", "nav", "aside", "footer", "img")  # these stand in what surrounds a text


def parts_of_text(container: Element, main: Element) -> Iterator[Element]:
    """What stands beside the element of the running text and is a part of it: of its tag and, if they have any, with a
    class in common, of sentences more than links; none that holds the title. Or a section that follows it.
    """
    for node in takewhile(lambda part: part is not main, (container, *container.iterancestors())):
        beside = chain(node.itersiblings(node.tag), node.itersiblings(node.tag, preceding=True))
        yield from (part for part in beside if is_like(part, node) and is_prose(part) and part.find(".//h1") is None)
        yield from (part for part in node.itersiblings("div", "section") if is_text_section(part))


def is_text_section(element: Element) -> bool:
    """Whether what follows the running text goes on with it under a heading of its own, with sentences, or a list or
    table without links.
    """
    heading = next(element.iter("h2", "h3"), None)
    if heading is None or any(True for _ in element.iter(*NO_SECTION)):
        return False
    words = clean_line(whole_text(heading))
    if any(pattern.match(words) for pattern in (BESIDE, CONTACT, ELSEWHERE)):
        return False
    linked = linked_length(element)
    if any(map(is_sentence, element.iter("p"))):
        return linked < MAX_SECTION_LINK_SHARE * text_length(element)
    return not linked and any(True for _ in element.iter("ul", "ol", "table"))


def is_like(part: Element, container: Element) -> bool:
    """Whether two elements have a class in common, or neither has any."""
    names, others = (set((element.get("class") or "").split()) for element in (part, container))
    return bool(names & others) or not (names or others)


def is_prose(element: Element) -> bool:
    """Whether an element holds sentences, more than links."""
    told = any(map(is_sentence, element.iter("p")))
    return told and linked_length(element) < MAX_SECTION_LINK_SHARE * text_length(element)
