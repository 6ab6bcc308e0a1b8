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
from scraper.normalise.dates import MONTH
from scraper.normalise.text import repeated, words
from scraper.normalise.urls import absolute
from scraper.pages.content import CAMEL, NEVER_TEXT, count_letters, named
from scraper.pages.document import Element
from scraper.sources.feeds import to_utc
from scraper.sources.links import Link

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


LISTING_TAGS = 200_000  # opening and closing ones of a page; some 30,000 links, and a second of reading
LINE = etree.XPath("normalize-space(.)", smart_strings=False)  # compiled once: a page has hundreds of links


def to_page(body: bytes, url: str) -> Selector:
    """An HTML page; SourceError where there is nothing of it, or too much."""
    if not body.strip():
        raise SourceError(url, "is empty")
    if body.count(b"<") > LISTING_TAGS:
        raise SourceError(url, f"has more than {LISTING_TAGS} tags: taken for a trap")
    return Selector(body=body, base_url=url, type="html")  # else whatever begins as JSON is decoded as such


def base_of(page: Selector, url: str) -> str:
    """The address that a page's links are relative to: what its first `<base href>` says, else its own.

    On the page's own host its own scheme holds: many a base still says http where the site has moved to https.

    >>> base_of(Selector('<base href="/"><a href="nyheter/a">A</a>'), "https://skog.example/om/nyheter")
    'https://skog.example/'
    >>> base_of(Selector('<base href="http://skog.example/om/">'), "https://skog.example/nyheter")
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


def line_of(element: etree._Element) -> str:
    """What an element says, on one line."""
    return str(LINE(element))


NEXT = re.compile(r"(nästa|next|äldre|fler|visa fler|ladda fler|older)\b.{0,25}|[›»→>]+", re.IGNORECASE)
ONLY_PAGE = re.compile(
    r"((nästa|föregående|next|previous|äldre|nyare|older|newer)( sidan?| page)?)?[\W\d_]*", re.IGNORECASE
)
DECLARED = "//*[(self::link or self::a) and contains(concat(' ', @rel, ' '), ' {} ')]/@href"
PAGER = "*[contains(@class, 'pagin') or contains(@class, 'pager') or contains(@class, 'Pagin')]"


def find_next(page: Selector, url: str, agency: Agency, releases: Collection[str] = ()) -> str | None:
    """The next page of a listing: rel=next, a link that says so, or the pager's number after the present one.

    One that is declared and leads to another host, or to the page itself, is passed over.
    releases: addresses known to be such, whatever their links say.
    """
    base = base_of(page, url)
    for href in page.xpath(DECLARED.format("next")).getall():
        if address := next_address(href, base, url, agency):
            return address
    for link in page.xpath("//a[@href]"):
        if NEXT.fullmatch(line_of(link.root)) or NEXT.fullmatch(link.root.get("aria-label", "")):
            address = next_address(link.root.get("href"), base, url, agency)
            if address and address not in releases and same_listing(address, url):
                return address
    numbers = {line_of(link.root): link.root.get("href") for link in page.xpath(f"//{PAGER}//a[@href]")}
    present = page.xpath(f"//{PAGER}//*[@aria-current or contains(@class, 'current') or contains(@class, 'active')]")
    for number in present.xpath("normalize-space(.)").re(r"\d+")[:1]:
        following = numbers.get(str(int(number) + 1))
        return next_address(following, base, url, agency) if following else None
    return None


def next_address(href: str, base: str, url: str, agency: Agency) -> str | None:
    """The absolute address of a next page on the agency's own host."""
    address = None if href.strip().startswith("#") else absolute(base, href)
    return address if address and agency.owns(address) and address != canonical_url(url) else None


def same_listing(address: str, url: str) -> bool:
    """Whether an address is another page of the listing at `url`: the same path, or one below or beside it."""
    if urlsplit(address).path.rstrip("/") == urlsplit(url).path.rstrip("/"):
        return pairs_of(address) != pairs_of(url)
    return bool(re.search(r"/(page|sida|p)/?\d+/?$", urlsplit(address).path))


def pairs_of(address: str) -> list[tuple[str, str]]:
    """The names and values of an address's query, in their order."""
    return parse_qsl(urlsplit(address).query, keep_blank_values=True)


class Pager:
    """What the pager of a listing leads to: the listing's other pages, told apart by the query of its own address."""

    def __init__(self, page: Selector, url: str, agency: Agency) -> None:
        self.page, self.url, self.agency = page, url, agency

    def leads_to(self, address: str) -> bool:
        """Whether an address with the listing's own path is the listing itself, its first page or one of the others."""
        if not urlsplit(address).query or pairs_of(address) == pairs_of(self.url):
            return True
        addresses, names = self.pages
        return address in addresses or self.changed(address) in names

    @cached_property
    def pages(self) -> tuple[set[str], set[frozenset[str]]]:
        """The addresses that the pager's links have, and the names in which their queries differ from the listing's."""
        addresses, names = set[str](), set[frozenset[str]]()
        base = base_of(self.page, self.url)
        declared = [
            *self.page.xpath(DECLARED.format("next")).getall(),
            *self.page.xpath(DECLARED.format("prev")).getall(),
        ]
        shown = {link.root: line_of(link.root) for link in self.page.xpath("//a[@href]")}
        within = {link.root for link in self.page.xpath(f"//{PAGER}//a[@href]")}
        hrefs = [(href, True) for href in declared]
        hrefs += [
            (link.get("href") or "", link in within)
            for link, text in shown.items()
            if text and ONLY_PAGE.fullmatch(text)
        ]
        for href, certain in hrefs:
            address = next_address(href, base, self.url, self.agency)
            if address and same_listing(address, self.url):
                addresses.add(address)
                if certain:
                    names.add(self.changed(address))
        return addresses, names

    def changed(self, address: str) -> frozenset[str]:
        """The names in which the query of an address differs from the listing's."""
        return frozenset(name for name, _ in set(pairs_of(address)) ^ set(pairs_of(self.url)))


SHOWN_DATE = re.compile(rf"\b(19|20)\d\d-[01]\d-[0-3]\d\b|\b[0-3]?\d\.? ?{MONTH}", re.IGNORECASE)
HEADINGS = etree.XPath("ancestor::h2 | ancestor::h3 | ancestor::h4 | .//h2 | .//h3 | .//h4")
ITEM = etree.XPath("(ancestor::li | ancestor::article | ancestor::tr)[last()]")


@dataclass(slots=True)
class Entry:
    """A link of a listing that may lead to a release.

    item: the list item, article or row that it stands in, else the link itself. here: whether only its query
    tells it from the listing, as the listing's own other views.
    """

    link: Link
    anchor: Element
    item: Element
    dated: bool
    headed: bool
    here: bool


def to_entry(anchor: Element, address: str, *, headed: bool, here: bool) -> Entry:
    """A link with the time that stands beside it."""
    item = next(iter(cast("list[Element]", ITEM(anchor))), anchor)
    times = list(item.iterdescendants("time"))
    shown = bool(times) or SHOWN_DATE.search(line_of(item)) is not None
    stamp = next((stated for time in times if (stated := time.get("datetime")) is not None), None)
    time = to_utc(stamp)
    return Entry(Link(address, time, time), anchor, item, shown, headed, here)


def is_heading(anchor: Element) -> bool:
    """Whether a link is a heading, or holds one."""
    return bool(HEADINGS(anchor))


def without_views(entries: Sequence[Entry], *, alone: bool) -> list[Entry]:
    """The entries without links that sort or filter the listing.

    Of the links that only their query tells from the listing's address, those are entries that are headings, or have
    an item with a date for themselves. alone: whether the others are entries as well where nothing else is listed.
    """
    if not any(entry.here for entry in entries):
        return list(entries)
    beside: defaultdict[Element, set[str]] = defaultdict(set)
    for entry in entries:
        beside[entry.item].add(entry.link.url)
    frames = around(beside)

    def stands_for_itself(entry: Entry) -> bool:
        item = entry.item
        return len(beside[item]) == 1 and item not in frames and item.find(".//h1") is None

    marked = {entry.link.url for entry in entries if entry.headed or (entry.dated and stands_for_itself(entry))}
    if marked or not alone or not all(entry.here for entry in entries):
        return [entry for entry in entries if not entry.here or entry.link.url in marked]
    return [entry for entry in entries if not NEXT.fullmatch(line_of(entry.anchor))]
