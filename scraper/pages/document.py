"""A page's HTML, parsed once: its charset, what its head declares, its elements by CSS selector."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import cast
from urllib.parse import urljoin

from cssselect import HTMLTranslator, SelectorError
from lxml import etree

from scraper.errors import NotARelease, PageError
from scraper.normalise.mojibake import is_broken
from scraper.normalise.text import clean_line
from scraper.pages.mending import mend

Element = etree._Element  # lxml names no public type for it
BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
XML_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*encoding=[\"']([\w-]+)", re.IGNORECASE)
TAG_START = re.compile(rb"[a-z][\w:-]*[\s/]", re.IGNORECASE)
QUOTED = re.compile(rb"\"[^\"]*\"|'[^']*'")
LARGE = 400_000  # bytes; a smaller page costs some seconds at worst
LARGEST = 4_000_000  # bytes; the largest of 446 stored pages has 884,044, and reading so much text takes seconds
FILES = {b"%PDF-": "a PDF file", b"PK\x03\x04": "a packed file", b"\xff\xd8\xff": "a picture", b"\x89PNG": "a picture"}
MOST_TAGS = 60_000  # opening and closing ones; of 446 stored pages the largest has 13,423, and 60,000 take some 70 MB
MOST_ATTRIBUTES, LONGEST_TAG = 5000, 10_000  # of bytes: a shorter tag cannot have as many
CONTROLS = bytes({*range(32), 127} - {*b"\t\n\r"})
CONTROL_REFERENCE = re.compile(
    rb"&#(?:x0*(?:[0-8bcef]|1[0-9a-f]|7f|fff[ef])(?![0-9a-f])|0*(?:[0-8]|1[124-9]|2\d|3[01]|127|6553[45])(?!\d));?",
    re.IGNORECASE,
)
LATIN_1 = {"iso8859-1", "ascii"}  # as Python calls them
# Python's names of the charsets that browsers know (WHATWG, Encoding). It has codecs of other sorts as well: idna,
# base64, rot13 are none a page can be written in.
CHARSETS = re.compile(
    r"utf-8|ascii|iso8859-\d+|cp(?:125\d|866|874|932|949)|koi8-[ru]|mac-(?:roman|cyrillic)|gb(?:k|2312|18030)"
    r"|big5(?:hkscs)?|euc_(?:jp|kr)|iso2022_jp|shift_jis"
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

    @property
    def language(self) -> str | None:
        """The language the document declares."""
        return self.root.get("lang") or self.meta.get("content-language") or self.meta.get("og:locale")

    def select(self, css: str) -> list[Element]:
        """Elements that match a CSS selector, in document order; PageError for one that cannot be read."""
        try:
            xpath, names = compiled(css)
        except SelectorError as error:
            raise PageError(self.url, "selector", f"{css!r} cannot be read: {error}") from error
        # Most selectors are of other systems than the page's: looking for their names is cheaper than for elements.
        if not all(name in self.text for name in names):
            return []
        found = xpath(self.root)
        return [element for element in found if isinstance(element, Element)] if isinstance(found, list) else []

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


def whole_text(element: Element) -> str:
    """All text within an element, parts kept apart."""
    return " ".join(cast("Iterator[str]", element.itertext()))


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


def decode(html: bytes) -> str:
    """The bytes as text.

    A byte order mark decides. Then valid UTF-8 is believed over any declaration: other charsets are next to
    never valid UTF-8 by chance, and pages moved to UTF-8 often keep an old declaration. Then the page's own
    word, where "latin-1" means windows-1252, as browsers have it; last windows-1252, the web's old default.
    """
    for mark, charset in BOMS:
        if html.startswith(mark):
            return html[len(mark) :].decode(charset, "replace")
    try:
        return html.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = META_CHARSET.search(html[:8192]) or XML_DECLARATION.search(html[:200])
    found = find_charset(declared[1].decode("ascii")) if declared else None
    return html.decode(found or "windows-1252", "stray" if found == "utf-8" else "replace")


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


def find_charset(label: str) -> str | None:
    """Python's name of a charset that browsers know by this label; None where they know none.

    >>> find_charset("UTF8"), find_charset("latin-1"), find_charset("rot13"), find_charset("svenska")
    ('utf-8', 'cp1252', None, None)
    """
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return None
    if name.startswith("utf-16"):  # what can be read as ASCII so far is none (HTML, 13.2.3.2)
        return "utf-8"
    if not CHARSETS.fullmatch(name):
        return None
    return "cp1252" if name in LATIN_1 else name


@lru_cache(maxsize=512)
def compiled(css: str) -> tuple[etree.XPath, tuple[str, ...]]:
    """A CSS selector as a compiled XPath, and the class names and ids without which it matches nothing."""
    names = () if "," in css or ":" in css else tuple(re.findall(r"[.#]([\w-]+)", css))
    return etree.XPath(HTMLTranslator().css_to_xpath(css)), names


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
