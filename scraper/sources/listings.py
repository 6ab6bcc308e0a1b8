"""Listing page → links + next page (entries, furniture, pager).

What of a listing page is furniture: menus, page headers and footers, forms, rows of related pages; and the rest.

An HTML page that a source is: its tree, where its links begin, and what its elements say.

Finding the next page of a listing: rel=next, a link that says so, or the pager's next number.

The entries of a listing: a link and what stands beside it; and which are no entries but the listing itself again.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast
from urllib.parse import parse_qsl, urljoin, urlsplit

from lxml import etree
from parsel import Selector

from archive.urls import canonical_url
from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.normalise.dates import MONTH_NAME_PATTERN
from scraper.normalise.text import cache_by_text, split_word_list
from scraper.normalise.urls import resolve_canonical_url
from scraper.pages.content import CAMEL_CASE_BOUNDARY, NON_TEXT_TAGS, compile_name_pattern, count_letters
from scraper.pages.document import Element
from scraper.sources.feeds import normalise_w3c_date
from scraper.sources.links import SourceLink

BOILERPLATE_TAGS = {"nav", "aside"}
HEADER_FOOTER_TAGS = {"header", "footer"}  # an entry's own ones are part of it
ENTRY_TAGS = {"article", "li"}
BOILERPLATE_CLASS = compile_name_pattern(
    split_word_list(r"""
    breadcrumb\w* pagin\w* related\w* cookie\w* share shares sharing sharethis
    shar(?:e|ing)(?:bar|box|links?|buttons?)
    """)
)
# What such a name does not stand for: has-pagination, no-cookies, cookies-accepted tell a state of what bears them.
STATE_CLASS = re.compile(r"(?:^|[_-])(?:has|with|no|without)[_-]|[_-](?:accepted|closed|dismissed|enabled|disabled)$")
NON_RELEASE_RELS = {"tag", "author"}  # rel of links within an entry that lead to no release
MIN_FRAME_SHARE = 0.5  # of the links and the letters make a form a frame around them


def iter_content_links(root: Element) -> Iterator[Element]:
    """The links of a page's main elements, else of its body, in their order, but for those in furniture."""
    layout = ListingLayout(root)
    waiting: list[tuple[Element, Element | None, bool]] = [(root, None, False)]  # region it is in; whether in an entry
    while waiting:
        element, region, entry = waiting.pop()
        if is_main_element(element) or (not layout.main_elements and element.tag == "body"):
            region, entry = region if region is not None else element, False
        elif region is not None:
            if layout.is_boilerplate(element, region, in_entry=entry):
                continue
            entry = entry or element.tag in ENTRY_TAGS
        if region is not None and element.tag == "a" and element.get("href") is not None:
            yield element
        waiting.extend((child, region, entry) for child in element.iterchildren("*", reversed=True))


class ListingLayout:
    """A page, and what must be known of the whole to judge one of its elements; each is counted once."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.main_elements = [element for element in root.iter("*") if is_main_element(element)]
        self.main_ancestors = find_ancestors([*self.main_elements, *root.iter("h1")])

    def is_boilerplate(self, element: Element, region: Element, *, in_entry: bool) -> bool:
        """Whether an element holds nothing that a listing lists; entry: whether it lies in an article or an item."""
        tag = element.tag
        if tag in BOILERPLATE_TAGS or (tag in HEADER_FOOTER_TAGS and not in_entry):
            return True
        if tag == "a":
            return not NON_RELEASE_RELS.isdisjoint((element.get("rel") or "").lower().split())
        if element in self.main_ancestors:
            return False
        return has_boilerplate_class(element.get("class") or "") or (
            tag == "form" and not self.holds_most_content(element, region)
        )

    def holds_most_content(self, element: Element, region: Element) -> bool:
        """Whether most of a region lies within one element of it, as in the form around all of an ASP.NET page."""
        return all(weights[element] > MIN_FRAME_SHARE * weights[region] for weights in self.content_counts)

    @cached_property
    def content_counts(self) -> tuple[Counter[Element], Counter[Element]]:
        """The number of links and of letters of every element."""
        links, letters = Counter[Element](), Counter[Element]()
        for element in reversed(list(self.root.iter("*"))):
            links[element] += element.tag == "a" and element.get("href") is not None
            letters[element] += 0 if element.tag in NON_TEXT_TAGS else count_letters(element.text or "")
            parent = element.getparent()
            if parent is not None:
                links[parent] += links[element]
                letters[parent] += letters[element] + count_letters(element.tail or "")
        return links, letters


def is_main_element(element: Element) -> bool:
    """Whether an element is one for the main content of its page."""
    return element.tag == "main" or element.get("role") == "main"


def find_ancestors(elements: Iterable[Element]) -> set[Element]:
    """Whatever holds one of some elements."""
    found: set[Element] = set()
    for element in elements:
        for holder in element.iterancestors():
            if holder in found:
                break
            found.add(holder)
    return found


@cache_by_text()
def has_boilerplate_class(class_attribute: str) -> bool:
    """Whether one of some classes is the name of furniture; kept, for the same come again and again.

    >>> has_boilerplate_class("block breadcrumbs"), has_boilerplate_class("relatedLinks"), has_boilerplate_class("c-share__list")
    (True, True, True)
    >>> has_boilerplate_class("shared-content"), has_boilerplate_class("unrelated"), has_boilerplate_class("page has-pagination"), has_boilerplate_class("cookies-accepted")
    (False, False, False, False)
    """
    return any(
        BOILERPLATE_CLASS.search(name) and not STATE_CLASS.search(name)
        for name in CAMEL_CASE_BOUNDARY.sub("-", class_attribute).lower().split()
    )


MAX_LISTING_TAGS = 200_000  # opening and closing ones of a page; some 30,000 links, and a second of reading
LINE_XPATH = etree.XPath("normalize-space(.)", smart_strings=False)  # compiled once: a page has hundreds of links


def parse_source_page(body: bytes, url: str) -> Selector:
    """An HTML page; SourceError where there is nothing of it, or too much."""
    if not body.strip():
        raise SourceError(url, "is empty")
    if body.count(b"<") > MAX_LISTING_TAGS:
        raise SourceError(url, f"has more than {MAX_LISTING_TAGS} tags: taken for a trap")
    return Selector(body=body, base_url=url, type="html")  # else whatever begins as JSON is decoded as such


def find_base_url(page: Selector, url: str) -> str:
    """The address that a page's links are relative to: what its first `<base href>` says, else its own.

    On the page's own host its own scheme holds: many a base still says http where the site has moved to https.

    >>> find_base_url(Selector('<base href="/"><a href="nyheter/a">A</a>'), "https://skog.example/om/nyheter")
    'https://skog.example/'
    >>> find_base_url(Selector('<base href="http://skog.example/om/">'), "https://skog.example/nyheter")
    'https://skog.example/om/'
    """
    href = (page.xpath("//base/@href").get() or "").strip()
    try:
        base = urljoin(url, href)
        parts, own = urlsplit(base), urlsplit(url)
    except ValueError:  # an address such as http://[ is nobody's
        return url
    if parts.scheme not in ("http", "https"):
        return url
    return parts._replace(scheme=own.scheme).geturl() if parts.netloc == own.netloc else base


def get_line_text(element: etree._Element) -> str:
    """What an element says, on one line."""
    return str(LINE_XPATH(element))


NEXT_LINK_TEXT = re.compile(r"(nästa|next|äldre|fler|visa fler|ladda fler|older)\b.{0,25}|[›»→>]+", re.IGNORECASE)
PAGER_LINK_TEXT = re.compile(
    r"((nästa|föregående|next|previous|äldre|nyare|older|newer)( sidan?| page)?)?[\W\d_]*", re.IGNORECASE
)
REL_XPATH = "//*[(self::link or self::a) and contains(concat(' ', @rel, ' '), ' {} ')]/@href"
PAGER_XPATH = "*[contains(@class, 'pagin') or contains(@class, 'pager') or contains(@class, 'Pagin')]"


def find_next_page(page: Selector, url: str, agency: Agency, releases: Collection[str] = ()) -> str | None:
    """The next page of a listing: rel=next, a link that says so, or the pager's number after the present one.

    One that is declared and leads to another host, or to the page itself, is passed over.
    releases: addresses known to be such, whatever their links say.
    """
    base = find_base_url(page, url)
    for href in page.xpath(REL_XPATH.format("next")).getall():
        if address := resolve_page_url(href, base, url, agency):
            return address
    for link in page.xpath("//a[@href]"):
        if NEXT_LINK_TEXT.fullmatch(get_line_text(link.root)) or NEXT_LINK_TEXT.fullmatch(
            link.root.get("aria-label", "")
        ):
            address = resolve_page_url(link.root.get("href"), base, url, agency)
            if address and address not in releases and is_same_listing(address, url):
                return address
    numbers = {get_line_text(link.root): link.root.get("href") for link in page.xpath(f"//{PAGER_XPATH}//a[@href]")}
    present = page.xpath(
        f"//{PAGER_XPATH}//*[@aria-current or contains(@class, 'current') or contains(@class, 'active')]"
    )
    for number in present.xpath("normalize-space(.)").re(r"\d+")[:1]:
        following = numbers.get(str(int(number) + 1))
        return resolve_page_url(following, base, url, agency) if following else None
    return None


def resolve_page_url(href: str, base_url: str, url: str, agency: Agency) -> str | None:
    """The absolute address of a next page on the agency's own host."""
    address = None if href.strip().startswith("#") else resolve_canonical_url(base_url, href)
    return address if address and agency.owns(address) and address != canonical_url(url) else None


def is_same_listing(page_url: str, listing_url: str) -> bool:
    """Whether an address is another page of the listing at `url`: the same path, or one below or beside it."""
    if urlsplit(page_url).path.rstrip("/") == urlsplit(listing_url).path.rstrip("/"):
        return parse_query_pairs(page_url) != parse_query_pairs(listing_url)
    return bool(re.search(r"/(page|sida|p)/?\d+/?$", urlsplit(page_url).path))


def parse_query_pairs(url: str) -> list[tuple[str, str]]:
    """The names and values of an address's query, in their order."""
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


class ListingPager:
    """What the pager of a listing leads to: the listing's other pages, told apart by the query of its own address."""

    def __init__(self, page: Selector, url: str, agency: Agency) -> None:
        self.page, self.url, self.agency = page, url, agency

    def includes(self, page_url: str) -> bool:
        """Whether an address with the listing's own path is the listing itself, its first page or one of the others."""
        if not urlsplit(page_url).query or parse_query_pairs(page_url) == parse_query_pairs(self.url):
            return True
        addresses, names = self.page_links
        return page_url in addresses or self.find_changed_parameters(page_url) in names

    @cached_property
    def page_links(self) -> tuple[set[str], set[frozenset[str]]]:
        """The addresses that the pager's links have, and the names in which their queries differ from the listing's."""
        addresses, names = set[str](), set[frozenset[str]]()
        base = find_base_url(self.page, self.url)
        declared = [
            *self.page.xpath(REL_XPATH.format("next")).getall(),
            *self.page.xpath(REL_XPATH.format("prev")).getall(),
        ]
        shown = {link.root: get_line_text(link.root) for link in self.page.xpath("//a[@href]")}
        within = {link.root for link in self.page.xpath(f"//{PAGER_XPATH}//a[@href]")}
        hrefs = [(href, True) for href in declared]
        hrefs += [
            (link.get("href") or "", link in within)
            for link, text in shown.items()
            if text and PAGER_LINK_TEXT.fullmatch(text)
        ]
        for href, certain in hrefs:
            address = resolve_page_url(href, base, self.url, self.agency)
            if address and is_same_listing(address, self.url):
                addresses.add(address)
                if certain:
                    names.add(self.find_changed_parameters(address))
        return addresses, names

    def find_changed_parameters(self, page_url: str) -> frozenset[str]:
        """The names in which the query of an address differs from the listing's."""
        return frozenset(name for name, _ in set(parse_query_pairs(page_url)) ^ set(parse_query_pairs(self.url)))


VISIBLE_DATE = re.compile(rf"\b(19|20)\d\d-[01]\d-[0-3]\d\b|\b[0-3]?\d\.? ?{MONTH_NAME_PATTERN}", re.IGNORECASE)
HEADING_XPATH = etree.XPath("ancestor::h2 | ancestor::h3 | ancestor::h4 | .//h2 | .//h3 | .//h4")
ITEM_XPATH = etree.XPath("(ancestor::li | ancestor::article | ancestor::tr)[last()]")


@dataclass(slots=True)
class ListingEntry:
    """A link of a listing that may lead to a release.

    item: the list item, article or row that it stands in, else the link itself. here: whether only its query
    tells it from the listing, as the listing's own other views.
    """

    link: SourceLink
    anchor: Element
    item: Element
    has_date: bool
    has_heading: bool
    is_same_path: bool


def build_listing_entry(anchor: Element, url: str, *, has_heading: bool, is_same_path: bool) -> ListingEntry:
    """A link with the time that stands beside it."""
    item = next(iter(cast("list[Element]", ITEM_XPATH(anchor))), anchor)
    times = list(item.iterdescendants("time"))
    shown = bool(times) or VISIBLE_DATE.search(get_line_text(item)) is not None
    stamp = next((stated for time in times if (stated := time.get("datetime")) is not None), None)
    time = normalise_w3c_date(stamp)
    return ListingEntry(SourceLink(url, time, time), anchor, item, shown, has_heading, is_same_path)


def is_heading_link(anchor: Element) -> bool:
    """Whether a link is a heading, or holds one."""
    return bool(HEADING_XPATH(anchor))


def drop_filter_links(entries: Sequence[ListingEntry], *, keep_if_only: bool) -> list[ListingEntry]:
    """The entries without links that sort or filter the listing.

    Of the links that only their query tells from the listing's address, those are entries that are headings, or have
    an item with a date for themselves. alone: whether the others are entries as well where nothing else is listed.
    """
    if not any(entry.is_same_path for entry in entries):
        return list(entries)
    beside: defaultdict[Element, set[str]] = defaultdict(set)
    for entry in entries:
        beside[entry.item].add(entry.link.url)
    frames = find_ancestors(beside)

    def has_own_item(entry: ListingEntry) -> bool:
        item = entry.item
        return len(beside[item]) == 1 and item not in frames and item.find(".//h1") is None

    marked = {entry.link.url for entry in entries if entry.has_heading or (entry.has_date and has_own_item(entry))}
    if marked or not keep_if_only or not all(entry.is_same_path for entry in entries):
        return [entry for entry in entries if not entry.is_same_path or entry.link.url in marked]
    return [entry for entry in entries if not NEXT_LINK_TEXT.fullmatch(get_line_text(entry.anchor))]
