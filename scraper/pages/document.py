"""A page's HTML, parsed once: its charset, what its head declares, its elements by CSS selector."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property
from urllib.parse import urljoin

from cssselect import SelectorError
from lxml import etree

from scraper.errors import NotARelease, PageError
from scraper.normalise.mojibake import is_broken
from scraper.pages.charsets import decode
from scraper.pages.elements import Element
from scraper.pages.mending import mend
from scraper.pages.selectors import compiled, holds_class

TAG_START = re.compile(rb"[a-z][\w:-]*[\s/]", re.IGNORECASE)
QUOTED = re.compile(rb"\"[^\"]*\"|'[^']*'")
LARGE = 400_000  # bytes; a smaller page costs some seconds at worst
LARGEST = 4_000_000  # bytes; the largest of 446 stored pages has 884,044, and reading so much text takes seconds
FILES = {b"%PDF-": "a PDF file", b"PK\x03\x04": "a packed file", b"\xff\xd8\xff": "a picture", b"\x89PNG": "a picture"}
MOST_TAGS = 60_000  # opening and closing ones; of 446 stored pages the largest has 13,423, and 60,000 take some 70 MB
FEW = 100  # elements whose surroundings are looked at one by one: a page may be some thousand elements deep
MOST_ATTRIBUTES, LONGEST_TAG = 5000, 10_000  # of bytes: a shorter tag cannot have as many
CONTROLS = bytes({*range(32), 127} - {*b"\t\n\r"})
CONTROL_REFERENCE = re.compile(
    rb"&#(?:x0*(?:[0-8bcef]|1[0-9a-f]|7f|fff[ef])(?![0-9a-f])|0*(?:[0-8]|1[124-9]|2\d|3[01]|127|6553[45])(?!\d));?",
    re.IGNORECASE,
)


class Document:
    """One page. `root` is the parsed tree; whoever reads it may also take elements out of it."""

    def __init__(self, html: bytes, url: str) -> None:
        self.url = url
        if kind := next((kind for magic, kind in FILES.items() if html.startswith(magic)), None):
            raise NotARelease(url, f"is {kind}, whatever it is sent as")
        if len(html) > LARGEST:
            raise PageError(url, "page", f"has more than {LARGEST:,} bytes")
        if html.count(b"<") > MOST_TAGS:
            raise PageError(url, "page", f"has more than {MOST_TAGS} tags")
        parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
        self.text = text = decode(html)
        readable = to_xml_characters(text)
        if has_bloated_tag(readable):
            raise PageError(url, "page", f"an element has more than {MOST_ATTRIBUTES} attributes")
        root = etree.fromstring(readable, parser) if readable.strip() and text.strip() else None
        if root is None:
            raise NotARelease(url, "the document is empty")
        self.root = root
        if is_broken(text):
            mend(root)
        self.meta: dict[str, str] = {}  # name or property, lower case → content; the first one stands
        self.links: dict[str, str] = {}  # rel → href
        self.named: dict[str, frozenset[str]] = {}  # class → the attributes that hold it, as far as was asked for
        self.base = url
        self.scripts: list[str] = []  # the texts of JSON-LD blocks
        self.title: str | None = None
        self.read_head()

    def read_head(self) -> None:
        """Collect what the document declares about itself, wherever in it the elements stand."""
        for element in self.root.iter("meta", "link", "base", "title", "script"):
            read = READERS[str(element.tag)]
            read(self, element)

    def read_meta(self, element: Element) -> None:
        """One declared fact; the first of a name stands."""
        name = next(filter(None, map(element.get, ("property", "name", "itemprop", "http-equiv"))), None)
        content = element.get("content")
        if name and content:
            self.meta.setdefault(name.strip().lower(), content.strip())

    def read_link(self, element: Element) -> None:
        """One link of the head, by what it relates to."""
        relation, href = element.get("rel"), element.get("href")
        if relation and href:
            self.links.setdefault(relation.lower(), href)

    def read_base(self, element: Element) -> None:
        """The address that relative links start from."""
        try:
            self.base = urljoin(self.url, (element.get("href") or "").strip())
        except ValueError:  # an address such as http://[x] is nobody's: browsers pass it over (HTML, 4.2.3)
            self.base = self.url

    def read_title(self, element: Element) -> None:
        """The document's title; drawings have titles of their own further down."""
        if self.title is None and element.text and element.text.strip():
            self.title = element.text

    def read_script(self, element: Element) -> None:
        """A JSON-LD block, kept unread until somebody asks."""
        if "ld+json" in (element.get("type") or "").lower() and element.text:
            self.scripts.append(element.text)

    @cached_property
    def json_ld(self) -> list[dict[str, object]]:
        """Every JSON-LD object of the page, graphs and lists flattened; a block that is no JSON is passed over."""
        return [found for text in self.scripts for found in flatten(load_json(text))]

    @cached_property
    def classed(self) -> dict[str, list[tuple[int, Element]]]:
        """The elements with a class attribute, by what it says, each with its place in the page."""
        found: dict[str, list[tuple[int, Element]]] = defaultdict(list)
        for place, element in enumerate(self.root.iter("*")):
            if names := element.get("class"):
                found[names].append((place, element))
        return found

    def having(self, name: str) -> frozenset[str]:
        """The class attributes of the page that hold a class."""
        found = self.named.get(name)
        if found is None:
            found = self.named[name] = frozenset(
                names for names in self.classed if name in names and holds_class(names, name)
            )
        return found

    @property
    def language(self) -> str | None:
        """The language the document declares."""
        return self.root.get("lang") or self.meta.get("content-language") or self.meta.get("og:locale")

    def select(self, css: str) -> list[Element]:
        """Elements that match a CSS selector, in document order as long as nothing was moved about in the page.

        PageError for a selector that cannot be read.
        """
        try:
            selector = compiled(css)
        except SelectorError as error:
            raise PageError(self.url, "selector", f"{css!r} cannot be read: {error}") from error
        # Most selectors are of other systems than the page's: looking for their names is cheaper than for elements.
        if not (all(map(self.having, selector.classes)) and all(name in self.text for name in selector.ids)):
            return []
        if selector.steps:
            named = self.of_classes(self.having(selector.steps[0].classes[0]).__contains__)
            if len(named) <= FEW:
                return [element for element in named if selector.matches(element, self.having)]
        found = selector.xpath(self.root)
        return [element for element in found if isinstance(element, Element)] if isinstance(found, list) else []

    def of_classes(self, fits: Callable[[str], bool]) -> list[Element]:
        """The elements whose class attribute fits, in document order as long as nothing was moved about in the page."""
        places = sorted(at for names, found in self.classed.items() if fits(names) for at in found)
        if len(places) > FEW:
            there = set(self.root.iter("*"))
            return [element for _, element in places if element in there]
        return [element for _, element in places if element is self.root or self.root in element.iterancestors()]

    def absolute(self, href: str) -> str | None:
        """A link as an absolute http(s) address, None where it is none."""
        try:
            url = urljoin(self.base, href.strip())
        except ValueError:  # an address such as http://[x] is nobody's
            return None
        return url if url.startswith(("http://", "https://")) else None


READERS = {
    "meta": Document.read_meta,
    "link": Document.read_link,
    "base": Document.read_base,
    "title": Document.read_title,
    "script": Document.read_script,
}


def to_xml_characters(text: str) -> bytes:
    """A text in UTF-8 without what is no character of XML: lxml reads such, but does not move them about."""
    html = text.encode("utf-8", "replace").translate(None, CONTROLS)
    if "\ufffe" in text or "\uffff" in text:
        html = html.replace(b"\xef\xbf\xbe", b"").replace(b"\xef\xbf\xbf", b"")
    return CONTROL_REFERENCE.sub(b"", html) if b"&#" in html else html


def has_bloated_tag(html: bytes) -> bool:
    """Whether an element has so many attributes that reading it would take long: the time grows with their square."""
    if len(html) < LARGE:
        return False
    for part in html.split(b"<"):
        if len(part) > LONGEST_TAG and TAG_START.match(part):
            names = QUOTED.sub(b"", part).partition(b">")[0].split()
            if len(names) > MOST_ATTRIBUTES:
                return True
    return False


def load_json(text: str) -> object:
    """A JSON-LD block's value; None where it is no JSON."""
    try:
        return json.loads(text.strip().removeprefix("<![CDATA[").removesuffix("]]>"), strict=False)
    except ValueError:
        return None


def flatten(value: object) -> Iterator[dict[str, object]]:
    """The objects of a JSON-LD value, those in a graph or list included."""
    if isinstance(value, list):
        for part in value:
            yield from flatten(part)
    elif isinstance(value, dict):
        yield value
        yield from flatten(value.get("@graph"))
        yield from flatten(value.get("mainEntity")) if value.get("@type") in ("WebPage", "ItemPage") else ()
        yield from flatten(value.get("mainEntityOfPage"))
