"""Document: charset, tree, meta, JSON-LD, CSS select, canonical URL; element and markup helpers.

A page's bytes as text: which charset they are in.

An element of a parsed page, and its text.

Mending a page whose bytes are of two charsets, or were read in the wrong one before they were written.

CSS selectors, compiled; those made of tags and classes alone are told from an element and what holds it.

A page's HTML, parsed once: its charset, what its head declares, its elements by CSS selector.

Finding the address a page calls its own.

Naming an element in a way a person can find it again.

What an element is by its mark-up: inline, a heading, a folded panel's title, a plain list, a table of data.

What a page declares about itself: JSON-LD, OpenGraph, Dublin Core and the metas agencies' systems write.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import cast
from urllib.parse import urljoin, urlsplit

from bs4 import Tag
from cssselect import HTMLTranslator, SelectorError
from lxml import etree

from scraper.errors import NotARelease, PageError
from scraper.normalise.text import clean_line, has_mojibake, repair_mojibake, split_word_list
from scraper.normalise.urls import extract_host

BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
XML_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*encoding=[\"']([\w-]+)", re.IGNORECASE)
MIN_LETTERS_PER_STRAY_BYTE = 4  # letters of UTF-8 for each byte that is none
LATIN_1_NAMES = {"iso8859-1", "ascii"}  # as Python calls them
# Python's names of the charsets that browsers know (WHATWG, Encoding). It has codecs of other sorts as well: idna,
# base64, rot13 are none a page can be written in.
WEB_CHARSETS = re.compile(
    r"utf-8|ascii|iso8859-\d+|cp(?:125\d|866|874|932|949)|koi8-[ru]|mac-(?:roman|cyrillic)|gb(?:k|2312|18030)"
    r"|big5(?:hkscs)?|euc_(?:jp|kr)|iso2022_jp|shift_jis"
)


def decode_html(html: bytes) -> str:
    """The bytes as text.

    A byte order mark decides. Then valid UTF-8 is believed over any declaration: other charsets are next to
    never valid UTF-8 by chance, and pages moved to UTF-8 often keep an old declaration. Then the page's own
    word, where "latin-1" means windows-1252, as browsers have it; then UTF-8 where nearly all is, for the same
    reason; last windows-1252, the web's old default.
    """
    for mark, charset in BOMS:
        if html.startswith(mark):
            return html[len(mark) :].decode(charset, "replace")
    try:
        return html.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = META_CHARSET.search(html[:8192]) or XML_DECLARATION.search(html[:200])
    found = find_charset(declared[1].decode("ascii")) if declared else "utf-8" if is_mostly_utf8(html) else None
    return html.decode(found or "windows-1252", "stray" if found == "utf-8" else "replace")


def is_mostly_utf8(html: bytes) -> bool:
    """Whether bytes that are no letters of UTF-8 are but some among many that are."""
    text = html.decode("utf-8", "replace")
    strays = text.count("\N{REPLACEMENT CHARACTER}")
    return sum(sign > "\x7f" for sign in text) - strays >= MIN_LETTERS_PER_STRAY_BYTE * strays


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
    if not WEB_CHARSETS.fullmatch(name):
        return None
    return "cp1252" if name in LATIN_1_NAMES else name


Element = etree._Element  # lxml names no public type for it
WORD_INTERNAL_TAGS = ("sub", "sup", "wbr")


def get_text_content(element: Element) -> str:
    """All text within an element, parts kept apart."""
    return " ".join(cast("Iterator[str]", element.itertext()))


def get_inline_text_content(element: Element) -> str:
    """All text within an element, parts kept apart but for those that stand within a word: "CO<sub>2</sub>"."""
    parts = []
    for event, part in etree.iterwalk(element, ("start", "end")):
        if part.tag not in WORD_INTERNAL_TAGS:
            parts.append(" ")
        text = part.text if event == "start" else part.tail if part is not element else None
        parts.append(text or "")
    return "".join(parts)


def read_short_line(element: Element, max_length: int) -> str | None:
    """All text within an element as one line, None where it is longer; does not read on to find that out."""
    parts: list[str] = []
    length = 0
    for text in cast("Iterator[str]", element.itertext()):
        if part := clean_line(text):
            length += len(part) + 1
            if length > max_length + 1:
                return None
            parts.append(part)
    return " ".join(parts)


REPAIRED_ATTRIBUTES = ("alt", "title", "content", "aria-label")  # attributes that hold words
NORDIC_LETTERS = frozenset("åäöÅÄÖéÉüÜøØæÆ".encode("windows-1252"))
FIRST_TRAIL_BYTE, FIRST_LEAD_BYTE = (
    b"\x80",
    b"\xc0",
)  # where the later bytes of a letter begin in UTF-8, and where first ones do
NON_XML_CHARACTERS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]"
)  # no characters of XML, which lxml refuses; and DEL


def decode_stray_byte(error: UnicodeError) -> tuple[str, int]:
    """One byte that is no UTF-8: a Nordic letter of windows-1252 where one fits, else the mark for what is lost.

    Text from elsewhere, pasted in by a program that does not convert it, leaves such bytes in pages of UTF-8.
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    at, html = error.start, error.object
    fits = html[at] in NORDIC_LETTERS and not FIRST_TRAIL_BYTE <= html[at + 1 : at + 2] < FIRST_LEAD_BYTE
    return (html[at : at + 1].decode("windows-1252") if fits else "\N{REPLACEMENT CHARACTER}"), at + 1


codecs.register_error("stray", decode_stray_byte)


def repair_tree(root: etree._Element) -> None:
    """Repair the words of a page, element by element, and leave its addresses alone."""
    for element in root.iter(etree.Element):
        text, tail = element.text, element.tail
        if text and (mended := repair_mojibake(text)) != text:
            element.text = NON_XML_CHARACTERS.sub("", mended)
        if tail and (mended := repair_mojibake(tail)) != tail:
            element.tail = NON_XML_CHARACTERS.sub("", mended)
        for name in REPAIRED_ATTRIBUTES:
            words = element.get(name)
            if words and (mended := repair_mojibake(words)) != words:
                element.set(name, NON_XML_CHARACTERS.sub("", mended))


HTML_WHITE_SPACE = re.compile(
    r"[ \t\r\n\f]+"
)  # what parts the classes of an element (HTML, 2.3.7) and the steps of a selector
SELECTOR_STEP = re.compile(r"(?P<tag>[a-zA-Z]\w*)?(?P<classes>(?:\.[a-zA-Z][\w-]*)*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class SelectorStep:
    """A tag, or any where it is None, and the classes beside it."""

    tag: str | None
    classes: tuple[str, ...]

    def matches_element(self, element: Element, find_class_attributes: Callable[[str], frozenset[str]]) -> bool:
        """Whether an element has the tag and the classes. having: the class attributes of the page with a class."""
        if self.tag not in (None, element.tag):
            return False
        return not self.classes or all(element.get("class") in find_class_attributes(name) for name in self.classes)


@dataclass(frozen=True, slots=True)
class CompiledSelector:
    """classes, ids: without all of them on a page nothing matches there. steps: what the selector is made of, the last
    first; none where it is not made of steps alone.
    """

    xpath: etree.XPath
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    steps: tuple[SelectorStep, ...]

    def matches(self, element: Element, find_class_attributes: Callable[[str], frozenset[str]]) -> bool:
        """Whether an element is the last step's, and what the steps before it name lies around it in their order."""
        last, *before = self.steps
        around = element.iterancestors()  # goes on outwards from step to step
        return last.matches_element(element, find_class_attributes) and all(
            any(step.matches_element(part, find_class_attributes) for part in around) for step in before
        )


@lru_cache(maxsize=512)
def compile_selector(css: str) -> CompiledSelector:
    """A selector by its text; SelectorError where it cannot be read."""
    plain = "" if any(sign in css for sign in ",:[\\") else css
    classes, ids = (re.findall(rf"{sign}([\w-]+)", plain) for sign in (r"\.", "#"))
    xpath = etree.XPath(HTMLTranslator().css_to_xpath(css))
    return CompiledSelector(xpath, tuple(classes), tuple(ids), parse_selector_steps(plain))


def parse_selector_steps(css: str) -> tuple[SelectorStep, ...]:
    """The steps of a selector whose last one names a class, the last first; none where there is more to it.

    >>> [format_path_step.tag for format_path_step in parse_selector_steps("main p.ingress")], parse_selector_steps("main > .ingress"), parse_selector_steps(".ingress p")
    (['p', 'main'], (), ())
    """
    parts = HTML_WHITE_SPACE.split(css.strip(" \t\r\n\f"))
    found = [match for part in parts if (match := SELECTOR_STEP.fullmatch(part)) and part]
    if len(found) < len(parts) or not found[-1]["classes"]:
        return ()
    return tuple(
        SelectorStep(match["tag"] and match["tag"].lower(), tuple(match["classes"].split(".")[1:]))
        for match in reversed(found)
    )


def has_class(attribute: str, name: str) -> bool:
    """Whether a class attribute holds a class.

    >>> has_class("lead\\tin-depth", "in-depth"), has_class("lead in-depth", "in")
    (True, False)
    """
    return name in attribute and f" {name} " in HTML_WHITE_SPACE.sub(" ", f" {attribute} ")


TAG_START = re.compile(rb"[a-z][\w:-]*[\s/]", re.IGNORECASE)
QUOTED_VALUE = re.compile(rb"\"[^\"]*\"|'[^']*'")
MIN_CHECKED_PAGE_BYTES = 400_000  # bytes; a smaller page costs some seconds at worst
MAX_HTML_BYTES = 4_000_000  # bytes; the largest of 446 stored pages has 884,044, and reading so much text takes seconds
FILE_SIGNATURES = {
    b"%PDF-": "a PDF file",
    b"PK\x03\x04": "a packed file",
    b"\xff\xd8\xff": "a picture",
    b"\x89PNG": "a picture",
}
MAX_HTML_TAGS = (
    60_000  # opening and closing ones; of 446 stored pages the largest has 13,423, and 60,000 take some 70 MB
)
MAX_ANCESTOR_CHECKS = (
    100  # elements whose surroundings are looked at one by one: a page may be some thousand elements deep
)
MAX_ATTRIBUTES, MIN_CHECKED_TAG_BYTES = 5000, 10_000  # of bytes: a shorter tag cannot have as many
CONTROL_BYTES = bytes({*range(32), 127} - {*b"\t\n\r"})
CONTROL_REFERENCE = re.compile(
    rb"&#(?:x0*(?:[0-8bcef]|1[0-9a-f]|7f|fff[ef])(?![0-9a-f])|0*(?:[0-8]|1[124-9]|2\d|3[01]|127|6553[45])(?!\d));?",
    re.IGNORECASE,
)


class Document:
    """One page. `root` is the parsed tree; whoever reads it may also take elements out of it."""

    def __init__(self, html: bytes, url: str) -> None:
        self.url = url
        if kind := next((kind for magic, kind in FILE_SIGNATURES.items() if html.startswith(magic)), None):
            raise NotARelease(url, f"is {kind}, whatever it is sent as")
        if len(html) > MAX_HTML_BYTES:
            raise PageError(url, "page", f"has more than {MAX_HTML_BYTES:,} bytes")
        if html.count(b"<") > MAX_HTML_TAGS:
            raise PageError(url, "page", f"has more than {MAX_HTML_TAGS} tags")
        parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True)
        self.text = text = decode_html(html)
        readable = encode_xml_characters(text)
        if has_oversized_tag(readable):
            raise PageError(url, "page", f"an element has more than {MAX_ATTRIBUTES} attributes")
        root = etree.fromstring(readable, parser) if readable.strip() and text.strip() else None
        if root is None:
            raise NotARelease(url, "the document is empty")
        self.root = root
        if has_mojibake(text):
            repair_tree(root)
        self.meta: dict[str, str] = {}  # name or property, lower case → content; the first one stands
        self.links: dict[str, str] = {}  # rel → href
        self.class_attribute_cache: dict[
            str, frozenset[str]
        ] = {}  # class → the attributes that hold it, as far as was asked for
        self.base_url = url
        self.json_ld_scripts: list[str] = []  # the texts of JSON-LD blocks
        self.title: str | None = None
        self.read_head()

    def read_head(self) -> None:
        """Collect what the document declares about itself, wherever in it the elements stand."""
        for element in self.root.iter("meta", "link", "base", "title", "script"):
            read = HEAD_READERS[str(element.tag)]
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
            self.base_url = urljoin(self.url, (element.get("href") or "").strip())
        except ValueError:  # an address such as http://[x] is nobody's: browsers pass it over (HTML, 4.2.3)
            self.base_url = self.url

    def read_title(self, element: Element) -> None:
        """The document's title; drawings have titles of their own further down."""
        if self.title is None and element.text and element.text.strip():
            self.title = element.text

    def read_script(self, element: Element) -> None:
        """A JSON-LD block, kept unread until somebody asks."""
        if "ld+json" in (element.get("type") or "").lower() and element.text:
            self.json_ld_scripts.append(element.text)

    @cached_property
    def json_ld(self) -> list[dict[str, object]]:
        """Every JSON-LD object of the page, graphs and lists flattened; a block that is no JSON is passed over."""
        return [found for text in self.json_ld_scripts for found in iter_json_ld_objects(parse_json_ld(text))]

    @cached_property
    def elements_by_class(self) -> dict[str, list[tuple[int, Element]]]:
        """The elements with a class attribute, by what it says, each with its place in the page."""
        found: dict[str, list[tuple[int, Element]]] = defaultdict(list)
        for place, element in enumerate(self.root.iter("*")):
            if names := element.get("class"):
                found[names].append((place, element))
        return found

    def find_class_attributes(self, name: str) -> frozenset[str]:
        """The class attributes of the page that hold a class."""
        found = self.class_attribute_cache.get(name)
        if found is None:
            found = self.class_attribute_cache[name] = frozenset(
                names for names in self.elements_by_class if name in names and has_class(names, name)
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
            selector = compile_selector(css)
        except SelectorError as error:
            raise PageError(self.url, "selector", f"{css!r} cannot be read: {error}") from error
        # Most selectors are of other systems than the page's: looking for their names is cheaper than for elements.
        if not (
            all(map(self.find_class_attributes, selector.classes)) and all(name in self.text for name in selector.ids)
        ):
            return []
        if selector.steps:
            named = self.select_by_class(self.find_class_attributes(selector.steps[0].classes[0]).__contains__)
            if len(named) <= MAX_ANCESTOR_CHECKS:
                return [element for element in named if selector.matches(element, self.find_class_attributes)]
        found = selector.xpath(self.root)
        return [element for element in found if isinstance(element, Element)] if isinstance(found, list) else []

    def select_by_class(self, is_match: Callable[[str], bool]) -> list[Element]:
        """The elements whose class attribute fits, in document order as long as nothing was moved about in the page."""
        places = sorted(at for names, found in self.elements_by_class.items() if is_match(names) for at in found)
        if len(places) > MAX_ANCESTOR_CHECKS:
            there = set(self.root.iter("*"))
            return [element for _, element in places if element in there]
        return [element for _, element in places if element is self.root or self.root in element.iterancestors()]

    def resolve_url(self, href: str) -> str | None:
        """A link as an absolute http(s) address, None where it is none."""
        try:
            url = urljoin(self.base_url, href.strip())
        except ValueError:  # an address such as http://[x] is nobody's
            return None
        return url if url.startswith(("http://", "https://")) else None


HEAD_READERS = {
    "meta": Document.read_meta,
    "link": Document.read_link,
    "base": Document.read_base,
    "title": Document.read_title,
    "script": Document.read_script,
}


def encode_xml_characters(text: str) -> bytes:
    """A text in UTF-8 without what is no character of XML: lxml reads such, but does not move them about."""
    html = text.encode("utf-8", "replace").translate(None, CONTROL_BYTES)
    if "\ufffe" in text or "\uffff" in text:
        html = html.replace(b"\xef\xbf\xbe", b"").replace(b"\xef\xbf\xbf", b"")
    return CONTROL_REFERENCE.sub(b"", html) if b"&#" in html else html


def has_oversized_tag(html: bytes) -> bool:
    """Whether an element has so many attributes that reading it would take long: the time grows with their square."""
    if len(html) < MIN_CHECKED_PAGE_BYTES:
        return False
    for part in html.split(b"<"):
        if len(part) > MIN_CHECKED_TAG_BYTES and TAG_START.match(part):
            names = QUOTED_VALUE.sub(b"", part).partition(b">")[0].split()
            if len(names) > MAX_ATTRIBUTES:
                return True
    return False


def parse_json_ld(text: str) -> object:
    """A JSON-LD block's value; None where it is no JSON."""
    try:
        return json.loads(text.strip().removeprefix("<![CDATA[").removesuffix("]]>"), strict=False)
    except ValueError:
        return None


def iter_json_ld_objects(value: object) -> Iterator[dict[str, object]]:
    """The objects of a JSON-LD value, those in a graph or list included."""
    if isinstance(value, list):
        for part in value:
            yield from iter_json_ld_objects(part)
    elif isinstance(value, dict):
        yield value
        yield from iter_json_ld_objects(value.get("@graph"))
        yield from (
            iter_json_ld_objects(value.get("mainEntity")) if value.get("@type") in ("WebPage", "ItemPage") else ()
        )
        yield from iter_json_ld_objects(value.get("mainEntityOfPage"))


def find_canonical_url(document: Document) -> str | None:
    """The canonical address a page declares, where it is credible."""
    declared = document.resolve_url(document.links.get("canonical", "")) or ""
    return declared if is_credible_canonical_url(declared, document.url) else None


def is_credible_canonical_url(canonical: str, url: str) -> bool:
    """Whether a declared address can be the page's own: on its host, and no front page or folder it lies in.

    One that leaves out the query that tells the page from its siblings (?id=3) is none either.
    """
    if urlsplit(url).query and not urlsplit(canonical).query and urlsplit(canonical).path == urlsplit(url).path:
        return False
    stated, own = urlsplit(canonical).path.rstrip("/"), urlsplit(url).path.rstrip("/")
    return (
        bool(canonical)
        and extract_host(canonical) == extract_host(url)
        and (stated == own or not f"{own}/".startswith(f"{stated}/"))
    )


def format_element_path(element: etree._Element | Tag | None, max_steps: int = 3) -> str:
    """The element and its nearest parents, as a CSS-like path."""
    names: list[str] = []
    while element is not None and len(names) < max_steps:
        tag = element.name if isinstance(element, Tag) else element.tag
        if tag in ("[document]", "html", "body") and names:
            break
        names.append(format_path_step(str(tag), element.get("id"), element.get("class")))
        element = element.parent if isinstance(element, Tag) else element.getparent()
    return " > ".join(reversed(names))


def format_path_step(tag: str, identifier: object, classes: object) -> str:
    """One element as tag#id or tag.class."""
    if isinstance(identifier, str) and identifier:
        return f"{tag}#{identifier}"
    return ".".join([tag, *str(classes or "").split()[:2]])


INLINE_TAGS = frozenset(
    split_word_list("""
    a span strong em b i u br sup sub abbr time small font mark cite q code label ins del s strike big acronym
    bdi bdo nobr kbd var samp tt data wbr o:p dfn ruby rb
    math semantics mrow mi mo mn ms mtext mspace mstyle mfrac msqrt mroot msup msub msubsup mover munder
    """)
)
INLINE_OR_BUTTON_TAGS = INLINE_TAGS | {"button"}
HEADING_TAGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
SKIPPED_TAGS = frozenset(
    split_word_list("""
    img picture figure figcaption hr input textarea source link meta progress area map rt rp
    """)
)
PANEL_TITLE_TAGS = {"button", "a", "div", "h2", "h3", "h4", "h5", "span", "dt", "p", "li"}
PANEL_WORD = r"(?:accordion|faqs?|collaps\w*|toggle|expand\w*|panel|dropdown)"
PANEL_TITLE_WORD = r"(?:title|header|heading|head|button|btn|trigger|question|label|toggle)"
PANEL_CLASS = re.compile(
    rf"{PANEL_WORD}[\w-]*?[-_]{{0,2}}{PANEL_TITLE_WORD}(?:$|[\s_-])|(?:^|[\s_-])(?:question|faq-?question|faq-?title|fraga)(?:$|\s)",
    re.IGNORECASE,
)
PANEL_BODY_TAGS = {"p", "ul", "ol", "table"}
NON_LIST_TAGS = {"h2", "h3", "h4", "h5", "details", "button", "dl", "table", "article", "figure"}
NON_DATA_TABLE_TAGS = {"table", "h1", "h2", "h3", "ul"}
MIN_ANSWER_LENGTH = 20
MAX_HEADING_LENGTH = 500  # an unclosed heading swallows the text after it


def has_block_descendant(element: Tag) -> bool:
    """Whether an inline element wraps block elements, as links around teasers do."""
    for child in element.contents:
        if isinstance(child, Tag):
            if child.name not in INLINE_TAGS and child.name not in SKIPPED_TAGS:
                return True
            if has_block_descendant(child):
                return True
    return False


def has_descendant(element: Tag, names: Collection[str]) -> bool:
    """Whether an element has a descendant of one of some names; many times as fast as BeautifulSoup's find."""
    return any(
        isinstance(child, Tag) and (child.name in names or has_descendant(child, names)) for child in element.contents
    )


def iter_descendants(element: Tag, names: Collection[str]) -> Iterator[Tag]:
    """The descendants of some names, in the page's order; many times as fast as BeautifulSoup's find_all."""
    for child in element.contents:
        if isinstance(child, Tag):
            if child.name in names:
                yield child
            yield from iter_descendants(child, names)


def find_children(element: Tag, names: Collection[str]) -> list[Tag]:
    """An element's own children of some names."""
    return [child for child in element.contents if isinstance(child, Tag) and child.name in names]


def is_panel_title(element: Tag) -> bool:
    """Whether an element folds a panel out and in: by its ARIA state, its toggle, or a class that says so."""
    if element.name not in PANEL_TITLE_TAGS:
        return False
    attributes = element.attrs
    role = attributes.get("role")
    if role in ("region", "tabpanel"):
        return False  # some put the state of a panel on the panel itself
    if element.name == "button" or role in ("button", "tab"):
        return is_toggle(element) or (role is not None and element.name not in ("a", "button"))
    if is_toggle(element):
        return not has_descendant(element, PANEL_BODY_TAGS)  # or on what holds its title and its text
    classes = str(attributes.get("class") or "")
    if not classes or not PANEL_CLASS.search(classes):
        return False
    return not has_descendant(element, PANEL_BODY_TAGS) and len(element.get_text()) < MAX_HEADING_LENGTH


def is_toggle(element: Tag) -> bool:
    """Whether an element's attributes say that it folds something or is folded."""
    attributes = element.attrs
    return (
        "aria-expanded" in attributes
        or "aria-controls" in attributes
        or "collapse" in (attributes.get("data-toggle"), attributes.get("data-bs-toggle"))
    )


def is_plain_list(element: Tag) -> bool:
    """Whether a list's items are plain text, not panels, headings, cards or bold questions with their answers."""
    if has_descendant(element, NON_LIST_TAGS):
        return False
    asking = 0
    for item in find_children(element, ("li",)):
        first = next((child for child in item.contents if isinstance(child, Tag) or str(child).strip()), None)
        if isinstance(first, Tag):
            asked = first.get_text().strip()
            if asked.endswith("?") and len(item.get_text()) > len(asked) + MIN_ANSWER_LENGTH:
                asking += 1
        if any(is_panel_title(link) for link in find_children(item, ("a", "span", "div"))):
            return False
    return asking < 2


def is_data_table(element: Tag) -> bool:
    """Whether a table holds data, not a page's layout."""
    if element.get("role") == "presentation" or has_descendant(element, NON_DATA_TABLE_TAGS):
        return False
    rows = list(iter_descendants(element, ("tr",)))
    return len(rows) > 1 and any(len(find_children(row, ("td", "th"))) > 1 for row in rows)


ARTICLE_TYPES = frozenset(
    split_word_list("""
    Article NewsArticle BlogPosting ReportageNewsArticle AnalysisNewsArticle OpinionNewsArticle
    BackgroundNewsArticle Report GovernmentService PressRelease SpecialAnnouncement WebPage TechArticle
    ScholarlyArticle LiveBlogPosting SocialMediaPosting MedicalWebPage Review FAQPage QAPage Recipe ItemPage
    CreativeWork
    """)
)
PUBLISHED_METAS = split_word_list("""
    article:published_time og:published og:article:published_time published datepublished dc.date.issued
    dcterms.issued article:published publish-date publishdate publication_date pubdate published_time
    date.published dc.date.published sailthru.date parsely-pub-date cxenseparse:recs:publishtime
    citation_publication_date
    """)
# These do not say which date they are; what a reader sees beside the title counts more.
UNSPECIFIED_DATE_METAS = split_word_list("""
    dcterms.created dc:date.created dc.date.created creation-date dc.date dcterms.date dc.created date
    """)
UPDATED_METAS = split_word_list("""
    article:modified_time og:updated_time datemodified dcterms.modified dc:date.modified dc.date.modified
    dcterms.date.modified article:modified last-modified revised lastmod updated modified
    """)


def iter_declared_dates(document: Document, field: str) -> Iterator[tuple[str, str]]:
    """Declared dates as (rule, value), best first. field: published or updated."""
    key = "datePublished" if field == "published" else "dateModified"
    for found in document.json_ld:
        if is_article_object(found) and isinstance(found.get(key), str) and found[key]:
            yield f"JSON-LD {key}", str(found[key])
    for name in PUBLISHED_METAS if field == "published" else UPDATED_METAS:
        if document.meta.get(name):
            yield f"meta {name}", document.meta[name]


def iter_unspecified_dates(document: Document) -> Iterator[tuple[str, str]]:
    """Declared dates that do not say which they are."""
    for name in UNSPECIFIED_DATE_METAS:
        if document.meta.get(name):
            yield f"meta {name}", document.meta[name]


def get_declared_title(document: Document) -> str | None:
    """The headline as declared, site names still on it."""
    return document.meta.get("og:title") or document.meta.get("twitter:title") or document.meta.get("dc.title")


def get_declared_headline(document: Document) -> str | None:
    """JSON-LD's headline of the article."""
    return next(
        (str(found["headline"]) for found in document.json_ld if is_article_object(found) and found.get("headline")),
        None,
    )


def get_declared_summary(document: Document) -> str | None:
    """The page's summary as declared."""
    return document.meta.get("description") or document.meta.get("og:description")


def get_declared_questions(document: Document) -> list[str]:
    """The questions that FAQPage data names."""
    pages = [found for found in document.json_ld if "FAQPage" in get_json_ld_types(found)]
    entities = [entity for page in pages for entity in as_list(page.get("mainEntity"))]
    return [str(entity["name"]) for entity in entities if isinstance(entity, dict) and entity.get("name")]


def as_list(value: object) -> list[object]:
    """JSON-LD writes one value where there could be a list."""
    return value if isinstance(value, list) else [value]


def is_article_object(found: dict[str, object]) -> bool:
    """Whether a JSON-LD object is about the page's own text."""
    return not ARTICLE_TYPES.isdisjoint(get_json_ld_types(found))


def get_json_ld_types(found: dict[str, object]) -> set[str]:
    """The types of a JSON-LD object."""
    value = found.get("@type")
    return {str(name) for name in value} if isinstance(value, list) else {str(value)}
