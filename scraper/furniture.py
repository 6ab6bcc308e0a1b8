"""What of a listing page is furniture: menus, page headers and footers, forms, rows of related pages; and the rest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property

from scraper.normalise.repeated import repeated
from scraper.normalise.words import words
from scraper.pages.boilerplate import CAMEL, NEVER_TEXT, count_letters, named
from scraper.pages.elements import Element

ALWAYS = {"nav", "aside"}
MARGINS = {"header", "footer"}  # an entry's own ones are part of it
ENTRIES = {"article", "li"}
NAMES = named(
    words(r"""
    breadcrumb\w* pagin\w* related\w* cookie\w* share shares sharing sharethis
    shar(?:e|ing)(?:bar|box|links?|buttons?)
    """)
)
# What such a name does not stand for: has-pagination, no-cookies, cookies-accepted tell a state of what bears them.
STATE = re.compile(r"(?:^|[_-])(?:has|with|no|without)[_-]|[_-](?:accepted|closed|dismissed|enabled|disabled)$")
ASIDE = {"tag", "author"}  # rel of links within an entry that lead to no release
MOST = 0.5  # of the links and the letters make a form a frame around them


def links_beside(root: Element) -> Iterator[Element]:
    """The links of a page's main elements, else of its body, in their order, but for those in furniture."""
    layout = Layout(root)
    waiting: list[tuple[Element, Element | None, bool]] = [(root, None, False)]  # region it is in; whether in an entry
    while waiting:
        element, region, entry = waiting.pop()
        if is_main(element) or (not layout.mains and element.tag == "body"):
            region, entry = region if region is not None else element, False
        elif region is not None:
            if layout.is_furniture(element, region, entry=entry):
                continue
            entry = entry or element.tag in ENTRIES
        if region is not None and element.tag == "a" and element.get("href") is not None:
            yield element
        waiting.extend((child, region, entry) for child in element.iterchildren("*", reversed=True))


class Layout:
    """A page, and what must be known of the whole to judge one of its elements; each is counted once."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.mains = [element for element in root.iter("*") if is_main(element)]
        self.frames = around([*self.mains, *root.iter("h1")])

    def is_furniture(self, element: Element, region: Element, *, entry: bool) -> bool:
        """Whether an element holds nothing that a listing lists; entry: whether it lies in an article or an item."""
        tag = element.tag
        if tag in ALWAYS or (tag in MARGINS and not entry):
            return True
        if tag == "a":
            return not ASIDE.isdisjoint((element.get("rel") or "").lower().split())
        if element in self.frames:
            return False
        return is_named(element.get("class") or "") or (tag == "form" and not self.holds_most(element, region))

    def holds_most(self, element: Element, region: Element) -> bool:
        """Whether most of a region lies within one element of it, as in the form around all of an ASP.NET page."""
        return all(weights[element] > MOST * weights[region] for weights in self.weights)

    @cached_property
    def weights(self) -> tuple[Counter[Element], Counter[Element]]:
        """The number of links and of letters of every element."""
        links, letters = Counter[Element](), Counter[Element]()
        for element in reversed(list(self.root.iter("*"))):
            links[element] += element.tag == "a" and element.get("href") is not None
            letters[element] += 0 if element.tag in NEVER_TEXT else count_letters(element.text or "")
            parent = element.getparent()
            if parent is not None:
                links[parent] += links[element]
                letters[parent] += letters[element] + count_letters(element.tail or "")
        return links, letters


def is_main(element: Element) -> bool:
    """Whether an element is one for the main content of its page."""
    return element.tag == "main" or element.get("role") == "main"


def around(elements: Iterable[Element]) -> set[Element]:
    """Whatever holds one of some elements."""
    found: set[Element] = set()
    for element in elements:
        for holder in element.iterancestors():
            if holder in found:
                break
            found.add(holder)
    return found


@repeated()
def is_named(classes: str) -> bool:
    """Whether one of some classes is the name of furniture; kept, for the same come again and again.

    >>> is_named("block breadcrumbs"), is_named("relatedLinks"), is_named("c-share__list")
    (True, True, True)
    >>> is_named("shared-content"), is_named("unrelated"), is_named("page has-pagination"), is_named("cookies-accepted")
    (False, False, False, False)
    """
    return any(NAMES.search(name) and not STATE.search(name) for name in CAMEL.sub("-", classes).lower().split())
