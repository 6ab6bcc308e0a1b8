"""Decodes and parses a page once, reads the declarations in its head, and matches CSS selectors.

Also contains functions for elements and their text that the other modules share.
"""

from __future__ import annotations

import codecs
import copy
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import chain, count
from typing import Any, NamedTuple, cast
from urllib.parse import urljoin, urlsplit

from bs4 import Tag
from cssselect import HTMLTranslator, SelectorError
from lxml import etree

from scraper.errors import NotARelease, PageError
from scraper.normalise.page_urls import extract_host
from scraper.normalise.text_cleaning import (
    clean_line,
    clean_text,
    has_mojibake,
    repair_mojibake,
    split_word_list,
)

Element = etree._Element  # lxml has no public name for this type

# Tags and their text.
INLINE_TAGS = frozenset(
    split_word_list("""
    a span strong em b i u br sup sub abbr time small font mark cite q code label ins del s strike
    big acronym bdi bdo nobr kbd var samp tt data wbr o:p dfn ruby rb
    math semantics mrow mi mo mn ms mtext mspace mstyle mfrac msqrt mroot msup msub msubsup mover
    munder
    """)
)
HEADING_TAGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
WORD_INTERNAL_TAGS = ("sub", "sup", "wbr")
INVISIBLE_TAGS = {"script", "style", "template", "title"}
MIN_SENTENCE_LENGTH = 40  # characters
TEXT_XPATH: Any = etree.XPath("string()", smart_strings=False)
# Finds all links in one query, because a menu has hundreds of them.
LINK_TEXT_XPATH: Any = etree.XPath(
    "descendant-or-self::a[@href or not(@name or @id)]//text()", smart_strings=False
)

# Charsets.
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
XML_DECLARATION = re.compile(rb"^\s*<\?xml[^>]*encoding=[\"']([\w-]+)", re.IGNORECASE)
MIN_UTF8_RATIO = 4  # of letters in UTF-8 to bytes that are not
LATIN_1_NAMES = {"iso8859-1", "ascii"}  # names used by Python
# Python's names of the charsets that browsers know (WHATWG, Encoding). Its other codecs, such as
# idna, base64 and rot13, are not charsets of pages.
WEB_CHARSETS = re.compile(
    r"utf-8|ascii|iso8859-\d+|cp(?:125\d|866|874|932|949)|koi8-[ru]|mac-(?:roman|cyrillic)"
    r"|gb(?:k|2312|18030)|big5(?:hkscs)?|euc_(?:jp|kr)|iso2022_jp|shift_jis"
)
STRAY_BYTE_HANDLER = "scraper_stray_bytes"  # the name of our codec error handler
NORDIC_LETTERS = frozenset("åäöÅÄÖéÉüÜøØæÆ".encode("windows-1252"))
# First bytes in UTF-8 of western European letters and signs, of dashes and quotes, and of emoji.
FREQUENT_LEAD_BYTES = b"\xc2\xc3\xe2\xef\xf0"
REPAIRED_ATTRIBUTES = ("alt", "title", "content", "aria-label")  # attributes that contain words

# Characters that XML forbids, which lxml refuses; and DEL.
NON_XML_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
CONTROL_BYTES = bytes({*range(32), 127} - {*b"\t\n\r"})
CONTROL_REFERENCE = re.compile(
    rb"&#(?:x0*(?:[0-8bcef]|1[0-9a-f]|7f|fff[ef])(?![0-9a-f])"
    rb"|0*(?:[0-8]|1[124-9]|2\d|3[01]|127|6553[45])(?!\d));?",
    re.IGNORECASE,
)

# CSS selectors.
# separates classes (HTML, 2.3.7) and the steps of a selector
HTML_WHITE_SPACE = re.compile(r"[ \t\r\n\f]+")
SELECTOR_STEP = re.compile(r"(?P<tag>[a-zA-Z]\w*)?(?P<classes>(?:\.[a-zA-Z][\w-]*)*)", re.ASCII)
# Maximum number of elements whose ancestors are checked one by one; a page may be thousands of
# elements deep.
MAX_ANCESTOR_CHECKS = 100

# Limits of a page.
# the largest of 446 stored pages has 884,044; parsing so much text takes seconds
MAX_HTML_BYTES = 4_000_000
# opening and closing tags; the largest of 446 stored pages has 13,423, and 60,000 take 70 MB
MAX_HTML_TAGS = 60_000
MIN_CHECKED_PAGE_BYTES = 400_000  # a smaller page takes some seconds at worst
# a tag of fewer bytes cannot have as many attributes
MAX_ATTRIBUTES, MIN_CHECKED_TAG_BYTES = (5000, 10_000)
TAG_START = re.compile(rb"[a-z][\w:-]*[\s/]", re.IGNORECASE)
QUOTED_VALUE = re.compile(rb"\"[^\"]*\"|'[^']*'")
FILE_SIGNATURES = {
    b"%PDF-": "a PDF file",
    b"PK\x03\x04": "a packed file",
    b"\xff\xd8\xff": "a picture",
    b"\x89PNG": "a picture",
}

# JSON-LD and metas.
ARTICLE_TYPES = frozenset(
    split_word_list("""
    Article NewsArticle BlogPosting ReportageNewsArticle AnalysisNewsArticle OpinionNewsArticle
    BackgroundNewsArticle Report GovernmentService PressRelease SpecialAnnouncement WebPage
    TechArticle ScholarlyArticle LiveBlogPosting SocialMediaPosting MedicalWebPage Review FAQPage
    QAPage Recipe ItemPage CreativeWork
    """)
)
PUBLISHED_METAS = split_word_list("""
    article:published_time og:published og:article:published_time published datepublished
    dc.date.issued dcterms.issued article:published publish-date publishdate publication_date
    pubdate published_time date.published dc.date.published sailthru.date parsely-pub-date
    cxenseparse:recs:publishtime citation_publication_date
    """)
# Metas that do not state the meaning of their date; a visible date beside the title takes
# precedence.
UNSPECIFIED_DATE_METAS = split_word_list("""
    dc.date dcterms.date date
    """)
# A page is created before it is published, and after a migration all pages of a site have the same
# date of creation. So this date is only used for the seconds of a publication that is known to the
# minute.
CREATED_METAS = split_word_list("""
    dcterms.created dc:date.created dc.date.created creation-date dc.created
    """)
UPDATED_METAS = split_word_list("""
    article:modified_time og:updated_time datemodified dcterms.modified dcterms:modified
    dc:date.modified dc.date.modified dcterms.date.modified dc.modified epi.modified
    article:modified last-modified revised lastmod updated modified
    """)
DECLARED_DATES = {  # field → (schema.org property, metas)
    "published": ("datePublished", PUBLISHED_METAS),
    "updated": ("dateModified", UPDATED_METAS),
    "created": (None, CREATED_METAS),
    None: (None, UNSPECIFIED_DATE_METAS),
}


class Document:
    """One page: its decoded text, its declarations about itself, and `root`, the lxml tree.

    Raises NotARelease for files that are not HTML and for empty documents, and PageError for pages
    that are too large to parse safely.
    """

    def __init__(self, html: bytes, url: str) -> None:
        self.url = url
        if kind := _find_file_type(html):
            raise NotARelease(url, f"is {kind}, not HTML")
        if len(html) > MAX_HTML_BYTES:
            raise PageError(url, "page", f"has more than {MAX_HTML_BYTES:,} bytes")
        if html.count(b"<") > MAX_HTML_TAGS:
            raise PageError(url, "page", f"has more than {MAX_HTML_TAGS} tags")
        self.text = text = _decode_html(html)
        readable = _encode_xml_characters(text)
        if _has_oversized_tag(readable):
            raise PageError(url, "page", f"an element has more than {MAX_ATTRIBUTES} attributes")
        parser = etree.HTMLParser(
            encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True
        )
        root = etree.fromstring(readable, parser) if readable.strip() and text.strip() else None
        if root is None:
            raise NotARelease(url, "the document is empty")
        self.root = root
        if has_mojibake(text):
            _repair_tree(root)
        self.title: str | None = None
        self.meta: dict[str, str] = {}  # name or property in lower case → content
        self.links: dict[str, str] = {}  # rel → href
        self.json_ld_scripts: list[str] = []
        self.base_url, self.base_href = url, ""  # base of relative links; the base element's href
        self.read_head()

    def copy(self) -> Document:
        """Return a copy of the document with a tree of its own, for code that changes the tree."""
        other = copy.copy(self)
        other.root = copy.deepcopy(self.root)
        other.__dict__.pop("index", None)
        return other

    def read_head(self) -> None:
        """Collect the document's declarations about itself, which may be outside its head.

        If several declarations have the same name, only the first one counts.
        """
        for element in self.root.iter("meta", "link", "base", "title", "script"):
            tag = element.tag
            if tag == "meta":
                self.read_meta(element)
            elif tag == "link":
                self.read_link(element)
            elif tag == "base":
                self.read_base(element)
            elif tag == "title":
                self.read_title(element)
            elif element.text and _is_json_ld_script(element):
                self.json_ld_scripts.append(element.text)

    def read_meta(self, element: Element) -> None:
        names = map(element.get, ("property", "name", "itemprop", "http-equiv"))
        name, content = next(filter(None, names), None), element.get("content")
        if name and content:
            self.meta.setdefault(name.strip().lower(), content.strip())

    def read_link(self, element: Element) -> None:
        relation, href = element.get("rel"), element.get("href")
        if relation and href:
            self.links.setdefault(relation.lower(), href)

    def read_title(self, element: Element) -> None:
        # later titles are those of drawings (SVG)
        if self.title is None and element.text and element.text.strip():
            self.title = element.text

    def read_base(self, element: Element) -> None:
        self.base_href = (element.get("href") or "").strip()
        self.base_url = self.resolve_base_url(self.url)

    def resolve_base_url(self, url: str) -> str:
        """Return the base URL for the relative links of a page that was fetched from `url`."""
        try:
            return urljoin(url, self.base_href)
        except (
            ValueError
        ):  # browsers ignore a base URL that cannot be parsed, such as http://[x] (HTML, 4.2.3)
            return url

    @cached_property
    def json_ld(self) -> list[dict[str, object]]:
        """Return all JSON-LD objects of the page, with graphs and lists flattened.

        Scripts that are not valid JSON are skipped.
        """
        return [
            found
            for text in self.json_ld_scripts
            for found in _iter_json_ld_objects(_parse_json_ld(text))
        ]

    @cached_property
    def index(self) -> ElementIndex:
        """Return the index of the page's elements by tag and attributes.

        Access this property before elements are removed, because the index is built only once.
        """
        return _index_elements(self.root)

    @cached_property
    def home_link_texts(self) -> list[str]:
        """Return the texts of the links to the home page, with the alt texts of their images.

        Links that were removed after `index` was built are included.
        """
        texts: list[str] = []
        for link in self.index.by_tag["a"]:
            if link.get("href") == "/":
                texts += link.itertext()
                texts += filter(None, (part.get("alt") for part in link.iter("*")))
        return texts

    @property
    def language(self) -> str | None:
        """Return the language that the document declares, or None if it declares none."""
        return (
            self.root.get("lang") or self.meta.get("content-language") or self.meta.get("og:locale")
        )

    def select(self, css: str) -> list[Element]:
        """Return the elements that match a CSS selector, in document order.

        Raises PageError if the selector is invalid.
        """
        try:
            selector = compile_selector(css)
        except SelectorError as error:
            raise PageError(
                self.url, "selector", f"{css!r} is not a valid selector: {error}"
            ) from error
        # Most selectors are for another CMS than the page's; looking up their names is cheaper than
        # looking for elements.
        if not (
            all(map(self.find_class_attributes, selector.classes))
            and all(name in self.text for name in selector.ids)
        ):
            return []
        if selector.steps:
            _, (name, *_) = selector.steps[0]
            candidates = self.list_elements(self.find_class_attributes(name))
            if len(candidates) <= MAX_ANCESTOR_CHECKS:
                return [
                    element for element in candidates if self.matches_steps(element, selector.steps)
                ]
        return _filter_elements(selector.xpath(self.root))

    def find_class_attributes(self, name: str) -> frozenset[str]:
        """Return the values of all class attributes on the page that contain the class `name`."""
        index = self.index
        if name not in index.attributes_by_class:
            index.attributes_by_class[name] = frozenset(
                names for names in index.by_class if name in names and _has_class(names, name)
            )
        return index.attributes_by_class[name]

    def select_by_class(self, is_match: Callable[[str], bool]) -> list[Element]:
        """Return the elements with a class attribute that satisfies `is_match`.

        They are in document order, unless elements have been moved.
        """
        return self.list_elements(filter(is_match, self.index.by_class))

    def select_by_tag(self, *tags: str) -> list[Element]:
        """Return the elements with any of these tags.

        They are in document order, unless elements have been moved.
        """
        by_tag = self.index.by_tag
        return self.list_present(element for tag in tags for element in by_tag.get(tag, ()))

    def select_by_role(self, *roles: str) -> list[Element]:
        """Return the elements with any of these ARIA roles.

        They are in document order, unless elements have been moved.
        """
        return self.list_present(
            element for element, role in self.index.roles.items() if role in roles
        )

    def is_present(self, element: Element) -> bool:
        """Return whether an element is still on the page."""
        return element is self.root or self.root in element.iterancestors()

    def list_elements(self, attributes: Iterable[str]) -> list[Element]:
        """Return the elements whose class attribute is one of `attributes`.

        They are in document order, unless elements have been moved.
        """
        by_class = self.index.by_class
        return self.list_present(element for names in attributes for element in by_class[names])

    def list_present(self, elements: Iterable[Element]) -> list[Element]:
        """Return the given elements that are still on the page, without duplicates.

        They are in document order, unless elements have been moved.
        """
        ordered = sorted(set(elements), key=self.index.order.__getitem__)
        if len(ordered) > MAX_ANCESTOR_CHECKS:
            return list(filter(set(self.root.iter("*")).__contains__, ordered))
        return list(filter(self.is_present, ordered))

    def matches_steps(self, element: Element, steps: Sequence[SelectorStep]) -> bool:
        """Return whether an element matches a selector that was split into steps.

        The element must match the first of `steps` (the last one in the selector). Its ancestors
        must match the other steps, in order from the element outwards.
        """

        def is_match(part: Element, step: SelectorStep) -> bool:
            return step.tag in (None, part.tag) and all(
                part.get("class") in self.find_class_attributes(name) for name in step.classes
            )

        ancestors = element.iterancestors()  # shared by the steps, so that each continues outwards
        return is_match(element, steps[0]) and all(
            any(is_match(part, step) for part in ancestors) for step in steps[1:]
        )

    def resolve_url(self, href: str) -> str | None:
        """Return the absolute URL that a link leads to, or None if it is not an http(s) URL."""
        try:
            url = urljoin(self.base_url, href.strip())
        except ValueError:  # not a URL, such as http://[x]
            return None
        return url if url.startswith(("http://", "https://")) else None


def _find_file_type(html: bytes) -> str | None:
    kinds = (kind for signature, kind in FILE_SIGNATURES.items() if html.startswith(signature))
    return next(kinds, None)


def _is_json_ld_script(element: Element) -> bool:
    return "ld+json" in (element.get("type") or "").lower()


@dataclass(slots=True)
class ElementIndex:
    """The elements of a page, indexed by tag and by attribute in one pass.

    order: the position of each element in document order.
    by_tag, by_class: the elements with each tag or class attribute.
    ids, roles, styles: the value of the attribute `id`, `role` or `style` of each element that has
        this attribute.
    attributes_by_class: for each class looked up so far, the class attributes that contain it.
    """

    order: dict[Element, int]
    by_tag: dict[str, list[Element]] = field(default_factory=lambda: defaultdict(list))
    by_class: dict[str, list[Element]] = field(default_factory=lambda: defaultdict(list))
    ids: dict[Element, str] = field(default_factory=dict)
    roles: dict[Element, str] = field(default_factory=dict)
    styles: dict[Element, str] = field(default_factory=dict)
    attributes_by_class: dict[str, frozenset[str]] = field(default_factory=dict)
    # Freed last, and a list is freed from its end. lxml frees a removed element much faster after
    # its children, because it looks for children that are still in use.
    elements: list[Element] = field(default_factory=list)


def _index_elements(root: Element) -> ElementIndex:
    elements = list(root.iter("*"))
    index = ElementIndex(dict(zip(elements, count(), strict=False)), elements=elements)
    by_tag, by_class = index.by_tag, index.by_class
    for element in elements:
        tag: Any = element.tag
        by_tag[tag].append(element)
        if classes := element.get("class"):
            by_class[classes].append(element)
        if identifier := element.get("id"):
            index.ids[element] = identifier
        if role := element.get("role"):
            index.roles[element] = role
        if style := element.get("style"):
            index.styles[element] = style
    return index


def find_canonical_url(document: Document) -> str | None:
    declared = document.resolve_url(document.links.get("canonical", "")) or ""
    return declared if _is_credible_canonical_url(declared, document.url) else None


def _is_credible_canonical_url(canonical: str, url: str) -> bool:
    """Return whether a declared canonical URL can be the URL of the page itself.

    It must be on the page's host, and must be neither the front page nor a parent folder of the
    page. If the page's URL has a query (?id=3), a URL with the same path but no query is not
    credible either.
    """
    declared, page = urlsplit(canonical), urlsplit(url)
    if not canonical or extract_host(canonical) != extract_host(url):
        return False
    if page.query and not declared.query and declared.path == page.path:
        return False
    stated, own = declared.path.rstrip("/"), page.path.rstrip("/")
    return stated == own or not f"{own}/".startswith(f"{stated}/")


def iter_declared_dates(document: Document, field: str | None) -> Iterator[tuple[str, str]]:
    """Yield the declared dates, the most reliable first.

    Each is yielded as a pair of the rule that found the date and the date as declared.

    field: published, updated, created, or None for dates whose meaning is not stated.
    """
    key, metas = DECLARED_DATES[field]
    for found in document.json_ld:
        if key and _is_article_object(found) and isinstance(found.get(key), str) and found[key]:
            yield f"JSON-LD {key}", str(found[key])
    yield from ((f"meta {name}", document.meta[name]) for name in metas if document.meta.get(name))


def get_declared_title(document: Document) -> str | None:
    return (
        document.meta.get("og:title")
        or document.meta.get("twitter:title")
        or document.meta.get("dc.title")
    )


def get_declared_headline(document: Document) -> str | None:
    return next(
        (
            str(found["headline"])
            for found in document.json_ld
            if _is_article_object(found) and found.get("headline")
        ),
        None,
    )


def get_declared_summaries(document: Document) -> list[str]:
    described = [
        found.get("description") for found in document.json_ld if _is_article_object(found)
    ]
    metas = (document.meta.get("description"), document.meta.get("og:description"))
    return [text for text in (*metas, *described) if isinstance(text, str)]


def get_declared_questions(document: Document) -> list[str]:
    pages = [found for found in document.json_ld if "FAQPage" in get_json_ld_types(found)]
    values = [page.get("mainEntity") for page in pages]
    entities = [
        entity for value in values for entity in (value if isinstance(value, list) else [value])
    ]
    return [
        str(entity["name"])
        for entity in entities
        if isinstance(entity, dict) and entity.get("name")
    ]


def _is_article_object(found: dict[str, object]) -> bool:
    return not ARTICLE_TYPES.isdisjoint(get_json_ld_types(found))


def get_json_ld_types(found: dict[str, object]) -> set[str]:
    value = found.get("@type")
    return {str(name) for name in value} if isinstance(value, list) else {str(value)}


def _parse_json_ld(text: str) -> object:
    try:
        return json.loads(text.strip().removeprefix("<![CDATA[").removesuffix("]]>"), strict=False)
    except ValueError:
        return None


def _iter_json_ld_objects(value: object) -> Iterator[dict[str, object]]:
    """Yield the objects of a JSON-LD value, including those in graphs and lists."""
    if isinstance(value, list):
        for part in value:
            yield from _iter_json_ld_objects(part)
    elif isinstance(value, dict):
        yield value
        yield from _iter_json_ld_objects(value.get("@graph"))
        if value.get("@type") in ("WebPage", "ItemPage"):
            yield from _iter_json_ld_objects(value.get("mainEntity"))
        yield from _iter_json_ld_objects(value.get("mainEntityOfPage"))


def get_text_content(element: Element) -> str:
    if not len(element):
        return element.text or ""
    return " ".join(element.itertext())


def get_inline_text_content(element: Element) -> str:
    parts = []
    for event, part in etree.iterwalk(element, ("start", "end")):
        text = part.text if event == "start" else part.tail if part is not element else None
        parts.append(f"{'' if part.tag in WORD_INTERNAL_TAGS else ' '}{text or ''}")
    return "".join(parts)


def read_short_line(element: Element, max_length: int) -> str | None:
    """Return the text of an element as one line, or None if it is longer than `max_length`.

    Reading stops at that length.
    """
    parts: list[str] = []
    length = 0
    for text in element.itertext():
        # most texts are only indentation
        if not text.isspace() and (part := clean_line(text)):
            length += len(part) + 1
            if length > max_length + 1:
                return None
            parts.append(part)
    return " ".join(parts)


def read_short_text(root: Element, max_length: int) -> str | None:
    """Return the visible text of a page, one line per block.

    Returns None if the text is longer than `max_length`.
    """
    parts: list[str] = []
    length = 0
    for event, element in etree.iterwalk(root, ("start", "end")):
        text = (
            element.tail
            if event == "end"
            else element.text
            if element.tag not in INVISIBLE_TAGS
            else None
        )
        if element.tag not in INLINE_TAGS:
            parts.append("\n")
        if text and not text.isspace():
            length += len(clean_line(text))
            if length > max_length:
                return None
        parts.append(" ".join(text.splitlines()) if text else "")
    return clean_text("".join(parts))


def count_text_letters(element: Element) -> int:
    """Return the number of characters in an element, not counting white space."""
    if not len(element):
        return count_letters(element.text or "")
    return count_letters(TEXT_XPATH(element))


def count_linked_letters(element: Element) -> int:
    """Return the number of characters in the links of an element, not counting white space."""
    return count_letters("".join(LINK_TEXT_XPATH(element)))


def count_letters(text: str) -> int:
    """Return the number of characters in a text, not counting spaces, tabs and line breaks."""
    return len(text) - text.count(" ") - text.count("\n") - text.count("\t") - text.count("\r")


def has_min_letters(element: Element, minimum: int) -> bool:
    """Return whether an element has at least `minimum` characters, not counting white space."""
    if not len(element):
        return count_letters(element.text or "") >= minimum
    letters = 0
    for text in element.itertext():
        letters += count_letters(text)
        if letters >= minimum:
            return True
    return letters >= minimum


def remove_element(element: Element) -> None:
    """Remove an element from its tree and keep the text that follows it."""
    parent = element.getparent()
    if parent is None:
        return
    if element.tail:
        before = element.getprevious()
        if before is None:
            parent.text = (parent.text or "") + element.tail
        else:
            before.tail = (before.tail or "") + element.tail
    parent.remove(element)


def iter_same_tag_siblings(element: Element) -> Iterator[Element]:
    """Yield an element's siblings with the same tag, the following ones first."""
    tag = cast("str", element.tag)
    return chain(element.itersiblings(tag), element.itersiblings(tag, preceding=True))


def select_xpath(root: Element, xpath: str) -> list[Element]:
    return _filter_elements(_compile_xpath(xpath)(root))


def _filter_elements(found: object) -> list[Element]:
    return (
        [element for element in found if isinstance(element, Element)]
        if isinstance(found, list)
        else []
    )


@lru_cache(maxsize=64)
def _compile_xpath(xpath: str) -> etree.XPath:
    return etree.XPath(xpath)


def format_element_path(element: etree._Element | Tag | None, max_steps: int = 3) -> str:
    """Format an element and its nearest ancestors as a CSS-like path.

    The path helps people find the element on the page.
    """
    names: list[str] = []
    while element is not None and len(names) < max_steps:
        name = str(element.name if isinstance(element, Tag) else element.tag)
        if name in ("[document]", "html", "body") and names:
            break
        identifier, classes = (
            str(element.get("id") or ""),
            str(element.get("class") or "").split()[:2],
        )
        names.append("#".join([name, identifier]) if identifier else ".".join([name, *classes]))
        element = element.parent if isinstance(element, Tag) else element.getparent()
    return " > ".join(reversed(names))


class SelectorStep(NamedTuple):
    tag: str | None
    classes: tuple[str, ...]


class CompiledSelector(NamedTuple):
    """A CSS selector compiled to XPath, with the parts that can be matched faster without XPath.

    classes, ids: if any of these is missing from a page, the selector matches nothing on that page.
    steps: the steps of a selector that consists only of tags and classes, last step first. The
        steps of any other selector are empty.
    """

    xpath: etree.XPath
    classes: tuple[str, ...]
    ids: tuple[str, ...]
    steps: tuple[SelectorStep, ...]


@lru_cache(maxsize=512)
def compile_selector(css: str) -> CompiledSelector:
    """Compile a CSS selector to XPath. Raises SelectorError if the selector is invalid."""
    plain = "" if any(sign in css for sign in ",:[\\") else css
    classes, ids = (re.findall(rf"{sign}([\w-]+)", plain) for sign in (r"\.", "#"))
    xpath = etree.XPath(HTMLTranslator().css_to_xpath(css))
    return CompiledSelector(xpath, tuple(classes), tuple(ids), _parse_selector_steps(plain))


def _parse_selector_steps(css: str) -> tuple[SelectorStep, ...]:
    """Return the steps of a selector, last step first.

    Returns () unless the selector consists only of tags, classes and spaces, and its last step has
    a class.

    >>> [step.tag for step in _parse_selector_steps("main p.ingress")]
    ['p', 'main']
    >>> _parse_selector_steps("main > .ingress"), _parse_selector_steps(".ingress p")
    ((), ())
    """
    parts = HTML_WHITE_SPACE.split(css.strip(" \t\r\n\f"))
    found = [match for part in parts if (match := SELECTOR_STEP.fullmatch(part)) and part]
    if len(found) < len(parts) or not found[-1]["classes"]:
        return ()
    return tuple(
        SelectorStep(match["tag"] and match["tag"].lower(), tuple(match["classes"].split(".")[1:]))
        for match in reversed(found)
    )


def _has_class(attribute: str, name: str) -> bool:
    """Return whether the value of a class attribute contains a class.

    >>> _has_class("lead\\tin-depth", "in-depth"), _has_class("lead in-depth", "in")
    (True, False)
    """
    return name in attribute and f" {name} " in HTML_WHITE_SPACE.sub(" ", f" {attribute} ")


def _decode_html(html: bytes) -> str:
    """Decode the bytes of a page.

    A byte order mark decides the charset. Without one, the charset is UTF-8 if nearly all of the
    page is valid UTF-8, and otherwise the declared charset.

    Text in other charsets is almost never valid UTF-8 by chance, and pages moved to UTF-8 often
    keep an old declaration. A page that declares UTF-8 but is in another charset, or that declares
    nothing, is decoded as windows-1252, the web's old default.
    """
    for mark, charset in BOMS:
        if html.startswith(mark):
            return html[len(mark) :].decode(charset, STRAY_BYTE_HANDLER)
    try:
        return html.decode("utf-8")
    except UnicodeDecodeError:
        return html.decode(_choose_charset(html), STRAY_BYTE_HANDLER)


def _choose_charset(html: bytes) -> str:
    """Return the charset in which to decode a page that is not valid UTF-8."""
    valid = html.decode("utf-8", "ignore")
    letters = sum(sign > "\x7f" for sign in valid)
    strays = len(html) - len(valid.encode())
    if letters >= MIN_UTF8_RATIO * strays:
        return "utf-8"
    declared = META_CHARSET.search(html[:8192]) or XML_DECLARATION.search(html[:200])
    found = _find_charset(declared[1].decode("ascii")) if declared else None
    is_wrong = found == "utf-8" and strays > MIN_UTF8_RATIO * letters
    return "windows-1252" if is_wrong or not found else found


def _find_charset(label: str) -> str | None:
    """Return Python's name for a charset label, or None if the label is unknown.

    Labels are defined in the WHATWG Encoding Standard.

    >>> _find_charset("UTF8"), _find_charset("latin-1"), _find_charset("rot13")
    ('utf-8', 'cp1252', None)
    """
    try:
        name = codecs.lookup(label).name
    except LookupError:
        return None
    # the declaration could be read as ASCII, so the page is not UTF-16 (HTML, 13.2.3.2)
    if name.startswith("utf-16"):
        return "utf-8"
    if not WEB_CHARSETS.fullmatch(name):
        return None
    return "cp1252" if name in LATIN_1_NAMES else name


def _decode_stray_bytes(error: UnicodeError) -> tuple[str, int]:
    """Decode bytes that are invalid in the charset of their page.

    This is a codec error handler. Some systems paste windows-1252 into UTF-8 pages without
    converting it, so invalid bytes in UTF-8 are decoded as windows-1252. U+FFFD is returned for a
    letter that was cut off, and for invalid bytes in other multi-byte charsets. Bytes that a
    single-byte charset does not define become control characters, as in browsers, so that a misread
    letter with such a byte can be repaired.
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    strays = error.object[error.start : error.end]
    if error.encoding == "charmap":
        return strays.decode("latin-1"), error.end
    if error.encoding != "utf-8" or _is_cut_letter(strays, error.object[error.end : error.end + 1]):
        return "\N{REPLACEMENT CHARACTER}", error.end
    return strays.decode("windows-1252", "replace"), error.end


def _is_cut_letter(strays: bytes, following: bytes) -> bool:
    """Return whether stray bytes are the beginning of a UTF-8 letter that was cut off.

    A Nordic letter in windows-1252 before a quotation mark or a dash looks the same, but does not
    count.
    """
    if len(strays) > 1:
        return strays[0] not in NORDIC_LETTERS
    return strays in FREQUENT_LEAD_BYTES and not following.isalpha()


codecs.register_error(STRAY_BYTE_HANDLER, _decode_stray_bytes)


def _encode_xml_characters(text: str) -> bytes:
    """Encode a text as UTF-8, without the characters that XML forbids.

    lxml parses these characters, but raises an error if they are assigned as text.
    """
    html = text.encode("utf-8", "replace").translate(None, CONTROL_BYTES)
    if "\ufffe" in text or "\uffff" in text:
        html = html.replace(b"\xef\xbf\xbe", b"").replace(b"\xef\xbf\xbf", b"")
    return CONTROL_REFERENCE.sub(b"", html) if b"&#" in html else html


def _has_oversized_tag(html: bytes) -> bool:
    """Return whether any element has more than MAX_ATTRIBUTES attributes.

    The parsing time grows with the square of the number of attributes.
    """
    if len(html) < MIN_CHECKED_PAGE_BYTES:
        return False
    for part in html.split(b"<"):
        if len(part) > MIN_CHECKED_TAG_BYTES and TAG_START.match(part):
            names = QUOTED_VALUE.sub(b"", part).partition(b">")[0].split()
            if len(names) > MAX_ATTRIBUTES:
                return True
    return False


def _repair_tree(root: etree._Element) -> None:
    """Repair misread characters in a page's text and in the attributes that contain words."""

    def repair(text: str) -> str:
        repaired = repair_mojibake(text)
        return text if repaired == text else NON_XML_CHARACTERS.sub("", repaired)

    for element in root.iter(etree.Element):
        if element.text:
            element.text = repair(element.text)
        if element.tail:
            element.tail = repair(element.tail)
        for name in REPAIRED_ATTRIBUTES:
            if value := element.get(name):
                element.set(name, repair(value))
