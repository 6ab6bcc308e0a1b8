"""Handing an element of the parsed page to BeautifulSoup as it is, without writing and parsing it again."""

from __future__ import annotations

from bs4 import BeautifulSoup
from bs4.builder import HTMLTreeBuilder
from lxml import etree

from scraper.normalise.words import words
from scraper.pages.elements import Element
from scraper.pages.markup import INLINE

# What is asked of a soup's elements; every further attribute costs time.
READ = frozenset(
    words("""
    class id name href role src data-src data-original data-lazy-src alt width height aria-expanded aria-controls
    data-toggle data-bs-toggle data-field data-text start reversed value colspan rowspan
    """)
)

SILENT = {"span", "font", "small", "big"}  # without an attribute that is read, these only hold words


def to_soup(root: Element) -> BeautifulSoup:
    """An element with all it holds as a soup; classes stay the text they are."""
    return BeautifulSoup("", builder=ElementReader(root))


def take_apart(soup: BeautifulSoup) -> None:
    """Empty a soup that was read. Its elements point to each other: left as they are, they and the parsed page would
    stay until Python next looks for garbage, which it would have to do at every other page.
    """
    for part in list(soup.contents):  # a soup does not know its first element as the next one, and would leave it
        part.decompose()
    soup.decompose()


class ElementReader(HTMLTreeBuilder):
    """A tree builder for BeautifulSoup that walks a tree where others parse."""

    def __init__(self, root: Element) -> None:
        super().__init__(multi_valued_attributes={}, preserve_whitespace_tags=set())
        self.root = root

    def feed(self, markup: object) -> None:
        """Tell the soup of every element and text.

        White space beside blocks parts no words and is left out; so are the marks of elements that say nothing.
        """
        soup, root = self.soup, self.root
        assert soup is not None  # noqa: S101 - BeautifulSoup sets it before it feeds
        told: list[bool] = []  # of the elements around the present one, whether the soup knows them
        for event, element in etree.iterwalk(root, ("start", "end")):
            if event == "start":
                attributes = {name: element.get(name) for name in element.keys() if name in READ}  # noqa: SIM118 - items() takes the square of the time
                told.append(bool(attributes) or element.tag not in SILENT)
                if told[-1]:
                    soup.handle_starttag(element.tag, None, None, attributes)
                text, beside = element.text, element.tag
            else:
                if told.pop():
                    soup.endData()
                    soup.popTag()
                text, beside = (None if element is root else element.tail), element.tag
            if text and (beside in INLINE or not text.isspace()):
                soup.handle_data(text)
        soup.endData()
