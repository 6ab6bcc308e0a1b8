"""Parses listing pages: the releases that they link to, and the next page, which a link or a button leads to.

Menus, page headers and footers, forms and rows of related pages are boilerplate, and links that only sort or filter the
listing are not entries. The rules are the same for all agencies; an agency's `releases` pattern takes precedence.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from lxml import etree
from lxml.html import FormElement
from parsel import Selector

from archive.coverage import SourceProblem
from archive.urls import canonical_url
from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.normalise.dates import MONTH_NAME_PATTERN, parse_label, split_date_labels
from scraper.normalise.text import (
    build_alternation,
    cache_by_text,
    clean_line,
    compile_name_pattern,
    split_word_list,
)
from scraper.normalise.urls import resolve_canonical_url
from scraper.pages.boilerplate import CAMEL_CASE_BOUNDARY, NON_TEXT_TAGS
from scraper.pages.document import Element, count_letters, count_text_letters
from scraper.sources.feeds import normalise_w3c_date
from scraper.sources.json_links import (
    find_embedded_links,
    find_json_links,
    find_markup,
    find_next_data_url,
    find_page_data_url,
    is_json,
    load_json,
    parse_json_source,
)
from scraper.sources.links import (
    DATED_PATH,
    DOCUMENT_PATH,
    NEWS_PATH,
    ListingPage,
    SourceLink,
    is_release_url,
    join_form,
    unique_links,
)

MAX_LISTING_TAGS = 200_000  # opening and closing tags: about 30,000 links, and a second of parsing
# compiled once, because pages have hundreds of links
LINE_XPATH = etree.XPath("normalize-space(.)", smart_strings=False)

# Boilerplate
BOILERPLATE_TAGS = {"nav", "aside"}
HEADER_FOOTER_TAGS = {"header", "footer"}  # part of an entry if they are inside one
ENTRY_TAGS = {"article", "li"}
BOILERPLATE_CLASS = compile_name_pattern(
    split_word_list(r"""
    breadcrumb\w* pagin\w* related\w* cookie\w* share shares sharing sharethis
    shar(?:e|ing)(?:bar|box|links?|buttons?)
    """)
)
# Class names that only describe a state of the element: has-pagination, no-cookies, cookies-accepted.
STATE_CLASS = re.compile(r"(?:^|[_-])(?:has|with|no|without)[_-]|[_-](?:accepted|closed|dismissed|enabled|disabled)$")
NON_RELEASE_RELS = {"tag", "author"}  # rel of links in an entry that do not lead to a release
MIN_FRAME_SHARE = 0.5  # share of a page's links and letters; a form with more of both surrounds the content

# Entries
MIN_DATED_ENTRIES = 3  # dated entries from which a date counts as a mark of the listing's entries
VISIBLE_DATE = re.compile(rf"\b(19|20)\d\d-[01]\d-[0-3]\d\b|\b[0-3]?\d\.? ?{MONTH_NAME_PATTERN}", re.IGNORECASE)
HEADING_XPATH = etree.XPath("ancestor::h2 | ancestor::h3 | ancestor::h4 | .//h2 | .//h3 | .//h4")
ITEM_XPATH = etree.XPath("(ancestor::li | ancestor::article | ancestor::tr)[last()]")

# Documents
MIN_FILES = 3  # documents that a listing of releases as files has at least
FILE_LABEL = re.compile(  # "(pdf, 230 kB)"
    r"\s*[(\[]\s*(?:pdf|word|docx?)\b[^()\[\]]{0,30}[)\]]|[\s,]*\b(?:pdf|docx)(?:[, ]+[\d.,]+ ?[km]?b)?$", re.IGNORECASE
)
DOCUMENT_HREF = re.compile(r"\.(pdf|docx?|odt)\b", re.IGNORECASE)
DOWNLOAD_TEXT = re.compile(
    r"\W*(?:ladda (?:ner|ned|hem)|öppna|hämta|visa|läs|download|open|här|here)\b.{0,20}", re.IGNORECASE
)
OUTSIDE_LINK_XPATH = etree.XPath(".//text()[not(ancestor::a)]", smart_strings=False)

# Pager
MORE_WORDS = r"(visa|ladda|ladda in|hämta|läs in|se|show|load|see) (fler|mer|äldre|nästa|more|older|next)"
NEXT_LINK_TEXT = re.compile(rf"(nästa|next|äldre|fler|{MORE_WORDS}|older)\b.{{0,25}}|[›»→>]+", re.IGNORECASE)
MORE_BUTTON_TEXT = re.compile(rf"[+\s]*({MORE_WORDS})\b.{{0,25}}", re.IGNORECASE)
PAGER_LINK_TEXT = re.compile(
    r"((nästa|föregående|next|previous|äldre|nyare|older|newer)( sidan?| page)?)?[\W\d_]*", re.IGNORECASE
)
REL_XPATH = "//*[(self::link or self::a) and contains(concat(' ', @rel, ' '), ' {} ')]/@href"
PAGER_XPATH = "*[contains(@class, 'pagin') or contains(@class, 'pager') or contains(@class, 'Pagin')]"

# Buttons
BUTTON_XPATH = (
    "//button | //input[@type='submit' or @type='button' or @type='image'] | //*[@role='button']"
    " | //a[not(@href) or starts-with(@href, '#')]"
)
NEXT_URL_ATTRIBUTES = ("data-next-url", "data-load-more")  # names that mean a next page; on any element
BUTTON_URL_ATTRIBUTES = (*NEXT_URL_ATTRIBUTES, "data-url", "data-href")  # only on a button with a label
URL_VALUE = re.compile(r"(https?://|/|\?|\./)\S*|[\w./-]+\?\S+")  # a URL, not a number or "true"
SUBMIT_TYPES = ("submit", "image")
ENTRY_XPATH = etree.XPath("ancestor::li | ancestor::article")
# Fields that visitors write into. Select elements do not count, because they only filter or sort.
WRITTEN_FIELD_XPATH = etree.XPath(
    ".//textarea | .//input[not(contains(' hidden submit button image reset ', concat(' ', @type, ' ')))]"
)
OTHER_FORM_NAME = re.compile(
    r"s[oö]k|search|log-?in|logga|sign-?[iu]n|konta[kc]t|contact|feedback|comment|kommentar|newsletter|nyhetsbrev"
    r"|prenumer|subscri|delete|remove|ta-?bort|logout",
    re.IGNORECASE,
)
MAX_FORM_BYTES = 1024 * 1024  # size of a form that requests the next page; ASP.NET's hidden fields are large

# Incomplete lists
# An element that a framework fills: React, Next.js, Nuxt, Gatsby, Vue, Angular.
FRAMEWORK_XPATH = etree.XPath(
    "//*[@id='root' or @id='app' or @id='__next' or @id='__nuxt' or @id='___gatsby' or @id='react-root' or @ng-app"
    " or @data-reactroot or @data-v-app or self::app-root]"
)
MAIN_XPATH = etree.XPath("//main | //*[@role='main']")
# An element without content that a script may fill.
MOUNT_XPATH = etree.XPath(
    "descendant-or-self::*[(@id or contains(local-name(), '-')) and not(* or text()[normalize-space()])]"
)
MAX_SHELL_LETTERS = 300  # text of a page that only loads a script: "You need to enable JavaScript to run this app."

MORE_BUTTON_XPATH = etree.XPath(
    "//button | //input[@type='button' or @type='submit']"
    " | //a[@role='button' or not(@href) or starts-with(@href, '#') or starts-with(@href, 'javascript:')]"
)
# A button inside these does not belong to the list, but to a text, a menu or a dialog.
OTHER_PARTS_XPATH = etree.XPath(
    "ancestor::nav | ancestor::header | ancestor::footer | ancestor::aside | ancestor::article | ancestor::li"
    " | ancestor::dialog | ancestor::*[@role='dialog' or @role='navigation' or @role='search' or @hidden]"
)
MORE_BUTTON_LABEL = re.compile(
    build_alternation(r"""
        \W*(?:visa|ladda|hämta|läs|läs in|se)(?: in)? (?:\d+ )?(?:fler|mer|alla|äldre|nästa)\b(?P<rest>.{0,25})
        \W*(?:fler|äldre|nästa) (?:\d+ )?(?:nyheter|pressmeddelanden|artiklar|träffar|resultat|sidor?)\W*
        \W*(?:show|load|view|see) (?:\d+ )?(?:more|all|older)\b.{0,25} | \W*(?:older|more) (?:news|press releases)\W*
        \W*(?:näytä|lataa) lisää\b.{0,25} | \W*(?:vis|last|hent|indlæs)(?: inn)? (?:flere|fler|mer|mere)\b.{0,25}
        \W*(?:mehr|weitere)(?: \w+)? (?:laden|anzeigen)\W*
        """),
    re.IGNORECASE,
)
READ_MORE_LABEL = re.compile(r"\W*(?:läs|se) mer\b", re.IGNORECASE)  # labels of links to a text
OTHER_LIST_WORD = re.compile(
    r"filter|alternativ|val\b|kategori|ämne|språk|detalj|karta|bild|film|kommentar|kakor|cookie|option|topic|language",
    re.IGNORECASE,
)


@dataclass(slots=True)
class ListingEntry:
    link: SourceLink
    anchor: Element
    item: Element  # the list item, article or table row around the link, or else the link itself
    has_date: bool
    has_heading: bool
    is_same_path: bool  # whether the URL differs from the listing's only in its query, as other views of the listing do


def parse_listing(body: bytes, url: str, agency: Agency, listing_url: str | None = None) -> ListingPage:
    """Parse a page of a listing: HTML with links, HTML that contains JSON, or JSON.

    listing_url: the URL of the listing's first page, if this is a later one. Raises SourceError if the page is empty,
    too large, or not what the agency's table declares.
    """
    listing_url = listing_url or url
    if source := agency.find_json_source(listing_url):
        return parse_json_source(body, url, source, agency)
    if is_json(body):
        data = load_json(body, url)
        links = find_json_links(data, url, agency, listing_url)
        if not links and (markup := find_markup(data, url)):
            found = parse_listing(markup.encode(), url, agency, listing_url)
            return found._replace(next_url=find_next_data_url(data, url, agency) or found.next_url)
        return ListingPage(unique_links(links), find_next_data_url(data, url, agency))
    page = parse_source_page(body, url)
    pager = ListingPager(page, url, agency)
    entries = list(iter_listing_entries(page.root, pager, agency, listing_url))
    entries = drop_filter_links(entries, keep_if_only=bool(agency.releases))
    if not agency.releases and sum(entry.has_date for entry in entries) >= MIN_DATED_ENTRIES:
        # Entries without date and heading are service pages (contacts, pictures). URLs are compared, because an entry
        # may have a second link, "Läs mer".
        marked_urls = {entry.link.url for entry in entries if entry.has_date or entry.has_heading}
        entries = [entry for entry in entries if entry.link.url in marked_urls]
    links = [entry.link for entry in entries]
    files = find_file_links(pager, agency, {entry.item for entry in entries})
    # documents are releases if the listing has more of them than pages, and most of them have a day
    is_file_list = len(files) >= MIN_FILES and len(files) > len({link.url for link in links})
    dated = sum(link.file_day is not None for link in files)
    are_releases = agency.files or (agency.files is None and is_file_list and 2 * dated > len(files))
    links += files if are_releases else []
    if not links or agency.releases:  # without a pattern, JSON in a page with links may be the data of its menus
        links += find_embedded_links(page, url, agency, listing_url, is_only_list=not links)
    # A release may have a title such as "Nästa steg för skogen".
    next_url = pager.find_next_url(releases={entry.link.url for entry in entries if entry.is_same_path})
    if not links and not next_url:
        next_url = find_page_data_url(page, url, agency)
    # whether the listing links to its next page by number only
    numbers = (link.get("href", "") for link, text in pager.texts.items() if text.isdecimal())
    has_number = next_url is not None and any(pager.resolve(href) == next_url for href in numbers)
    problem = None
    if not next_url and not links and needs_javascript(page.root):
        problem = SourceProblem("needs JavaScript", url)
    elif not next_url and (label := find_more_button(page.root)):
        problem = SourceProblem("button", url, label)
    elif not are_releases and agency.files is None and any(link.file_day for link in files):
        problem = SourceProblem("documents", url, str(len(files)))
    return ListingPage(unique_links(links), next_url, has_number, problem)


def iter_listing_entries(
    root: Element, pager: ListingPager, agency: Agency, listing_url: str
) -> Iterator[ListingEntry]:
    """Yield the links of a listing that may lead to a release, or to another view of the listing."""
    page_path, listing_path = (urlsplit(canonical_url(url)).path.rstrip("/") for url in (pager.url, listing_url))
    for anchor in iter_content_links(root):
        href = (anchor.get("href") or "").strip()
        address = resolve_canonical_url(pager.base, href) if href and not href.startswith("#") else None
        if not address or not is_release_url(address, agency):
            continue
        if (wire := agency.find_wire(address)) and not wire.is_press_room:
            continue  # it may be another organisation's; only the list at the wire is certain
        path = urlsplit(address).path.rstrip("/")
        is_same_path = path in (page_path, listing_path)
        if pager.includes(address) if is_same_path else not path:
            continue
        has_heading, has_dated_path = bool(HEADING_XPATH(anchor)), DATED_PATH.search(path) is not None
        if not (
            agency.releases
            or has_heading
            or is_same_path
            or path.startswith((page_path + "/", listing_path + "/"))
            or NEWS_PATH.search(path)
            or has_dated_path
        ):
            continue
        item = next(iter(cast("list[Element]", ITEM_XPATH(anchor))), anchor)
        times = list(item.iterdescendants("time"))
        has_date = bool(times) or VISIBLE_DATE.search(get_line_text(item)) is not None
        datetime_attribute = next((value for time in times if (value := time.get("datetime")) is not None), None)
        time = normalise_w3c_date(datetime_attribute)
        has_date = has_date or (has_dated_path and not is_same_path)
        yield ListingEntry(SourceLink(address, time, time), anchor, item, has_date, has_heading, is_same_path)


def find_file_links(pager: ListingPager, agency: Agency, items: Collection[Element]) -> list[SourceLink]:
    """Return the documents of a listing, with the titles and days given in the listing.

    items: the items of the entries that lead to pages; a document in one of them belongs to that page.
    """
    links: dict[str, SourceLink] = {}
    # avoids the search for the main elements
    if not any(DOCUMENT_HREF.search(anchor.get("href", "")) for anchor in pager.texts):
        return []
    for anchor in iter_content_links(pager.page.root):
        address = pager.resolve((anchor.get("href") or "").strip())
        if not address or not DOCUMENT_PATH.search(urlsplit(address).path):
            continue
        item = next(iter(cast("list[Element]", ITEM_XPATH(anchor))), anchor.getparent())
        title = FILE_LABEL.sub("", get_line_text(anchor)).strip()
        if item is None or item in items or not title or DOWNLOAD_TEXT.fullmatch(title):
            continue
        is_only_link = len(list(item.iterdescendants("a"))) == 1
        day = find_stated_day(item) if is_only_link else None
        links.setdefault(address, SourceLink(address, file_title=title, file_day=day))
    return list(links.values())


def find_stated_day(item: Element) -> str | None:
    """Return the day of publication in a list item, outside the link and as printed, or None.

    Returns None also if it contains several days.
    """
    times = [normalise_w3c_date(time.get("datetime")) for time in item.iterdescendants("time")]
    if len(times) == 1 and times[0]:
        return times[0]
    text = FILE_LABEL.sub("", " ".join(" ".join(cast("list[str]", OUTSIDE_LINK_XPATH(item))).split()))
    stated = []
    for label in split_date_labels(text):
        try:
            role, value = parse_label(label, "")  # without a URL, so that no year is inferred from it
        except ValueError:
            continue
        if role == "published" and value:
            stated.append(label.strip())
    return stated[0] if len(stated) == 1 and len(VISIBLE_DATE.findall(text)) <= 1 else None


def drop_filter_links(entries: Sequence[ListingEntry], *, keep_if_only: bool) -> list[ListingEntry]:
    """Return the entries without links that sort or filter the listing.

    Links whose URL differs from the listing's only in the query are dropped unless they have a heading, or a date in
    their own item. keep_if_only: keep all except "next" links if the listing has no other entries.
    """
    if not any(entry.is_same_path for entry in entries):
        return list(entries)
    urls_by_item: defaultdict[Element, set[str]] = defaultdict(set)
    for entry in entries:
        urls_by_item[entry.item].add(entry.link.url)
    outer_elements = find_ancestors(urls_by_item)

    def has_own_item(entry: ListingEntry) -> bool:
        item = entry.item
        return len(urls_by_item[item]) == 1 and item not in outer_elements and item.find(".//h1") is None

    marked_urls = {entry.link.url for entry in entries if entry.has_heading or (entry.has_date and has_own_item(entry))}
    if marked_urls or not keep_if_only or not all(entry.is_same_path for entry in entries):
        return [entry for entry in entries if not entry.is_same_path or entry.link.url in marked_urls]
    return [entry for entry in entries if not NEXT_LINK_TEXT.fullmatch(get_line_text(entry.anchor))]


def parse_source_page(body: bytes, url: str) -> Selector:
    """Parse an HTML page; raise SourceError if it is empty or has more than MAX_LISTING_TAGS tags."""
    if not body.strip():
        raise SourceError(url, "is empty", "empty source")
    if body.count(b"<") > MAX_LISTING_TAGS:
        raise SourceError(url, f"has more than {MAX_LISTING_TAGS} tags: treated as a trap")
    # without a type, a body that begins like JSON would be parsed as JSON
    return Selector(body=body, base_url=url, type="html")


def find_base_url(page: Selector, url: str) -> str:
    """Return the URL that a page's links are relative to: its first `<base href>`, else its own URL.

    For the page's own host, the page's scheme is used, because many sites have moved to https but still have http in
    their base element.

    >>> find_base_url(Selector('<base href="/"><a href="nyheter/a">A</a>'), "https://skog.example/om/nyheter")
    'https://skog.example/'
    >>> find_base_url(Selector('<base href="http://skog.example/om/">'), "https://skog.example/nyheter")
    'https://skog.example/om/'
    """
    href = (page.xpath("//base/@href").get() or "").strip()
    try:
        base = urljoin(url, href)
        parts, own = urlsplit(base), urlsplit(url)
    except ValueError:  # such as http://[
        return url
    if parts.scheme not in ("http", "https"):
        return url
    return parts._replace(scheme=own.scheme).geturl() if parts.netloc == own.netloc else base


def get_line_text(element: etree._Element) -> str:
    return str(LINE_XPATH(element))


def resolve_page_url(href: str, base_url: str, url: str, agency: Agency) -> str | None:
    """Return the canonical URL of a link to another page of the agency, or None for any other link."""
    address = None if href.strip().startswith("#") else resolve_canonical_url(base_url, href)
    return address if address and agency.owns(address) and address != canonical_url(url) else None


def iter_content_links(root: Element) -> Iterator[Element]:
    """Yield the links of a page's main elements, or else of its body, in page order and without boilerplate."""
    layout = ListingLayout(root)
    # (element, its region, whether it is in an entry)
    stack: list[tuple[Element, Element | None, bool]] = [(root, None, False)]
    while stack:
        element, region, in_entry = stack.pop()
        if is_main_element(element) or (not layout.main_elements and element.tag == "body"):
            region, in_entry = region if region is not None else element, False
        elif region is not None:
            if layout.is_boilerplate(element, region, in_entry=in_entry):
                continue
            in_entry = in_entry or element.tag in ENTRY_TAGS
        if region is not None and element.tag == "a" and element.get("href") is not None:
            yield element
        stack.extend((child, region, in_entry) for child in element.iterchildren("*", reversed=True))


class ListingLayout:
    """Facts about a whole page that help to decide which of its elements are boilerplate; each is computed once."""

    def __init__(self, root: Element) -> None:
        self.root = root
        self.main_elements = [element for element in root.iter("*") if is_main_element(element)]
        self.main_ancestors = find_ancestors([*self.main_elements, *root.iter("h1")])

    def is_boilerplate(self, element: Element, region: Element, *, in_entry: bool) -> bool:
        """Return whether an element contains no entries of the listing.

        region: the main element or body around it. in_entry: whether it is inside an article or list item.
        """
        tag = element.tag
        if tag in BOILERPLATE_TAGS or (tag in HEADER_FOOTER_TAGS and not in_entry):
            return True
        if tag == "a":
            return not NON_RELEASE_RELS.isdisjoint((element.get("rel") or "").lower().split())
        if element in self.main_ancestors:
            return False
        if has_boilerplate_class(element.get("class") or ""):
            return True
        # ASP.NET pages have a form around the whole page, which contains most of the links and letters
        return tag == "form" and not all(
            counts[element] > MIN_FRAME_SHARE * counts[region] for counts in self.content_counts
        )

    @cached_property
    def content_counts(self) -> tuple[Counter[Element], Counter[Element]]:
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
    return element.tag == "main" or element.get("role") == "main"


def find_ancestors(elements: Iterable[Element]) -> set[Element]:
    found: set[Element] = set()
    for element in elements:
        for ancestor in element.iterancestors():
            if ancestor in found:
                break
            found.add(ancestor)
    return found


@cache_by_text()
def has_boilerplate_class(class_attribute: str) -> bool:
    """Return whether a class attribute names boilerplate.

    >>> [has_boilerplate_class(name) for name in ("block breadcrumbs", "relatedLinks", "c-share__list")]
    [True, True, True]
    >>> other_names = "shared-content", "unrelated", "page has-pagination", "cookies-accepted"
    >>> [has_boilerplate_class(name) for name in other_names]
    [False, False, False, False]
    """
    return any(
        BOILERPLATE_CLASS.search(name) and not STATE_CLASS.search(name)
        for name in CAMEL_CASE_BOUNDARY.sub("-", class_attribute).lower().split()
    )


class ListingPager:
    """The links from a page of a listing to its other pages."""

    def __init__(self, page: Selector, url: str, agency: Agency) -> None:
        self.page, self.url, self.agency = page, url, agency
        self.base = find_base_url(page, url)
        self.texts: dict[Element, str] = {link.root: get_line_text(link.root) for link in page.xpath("//a[@href]")}

    def resolve(self, href: str) -> str | None:
        return resolve_page_url(href, self.base, self.url, self.agency)

    def find_next_url(self, releases: Collection[str]) -> str | None:
        """Return the address of the next page, or None if there is none.

        The next page is found by rel=next, by a link with a text such as "Nästa", by the next number in the pager, or
        by a button such as "Visa fler".
        Links to other hosts and to the page itself are skipped. releases: URLs that are releases, whatever their link
        text.
        """
        for href in self.page.xpath(REL_XPATH.format("next")).getall():
            if address := self.resolve(href):
                return address
        for link, text in self.texts.items():
            if any(map(NEXT_LINK_TEXT.fullmatch, (text, link.get("aria-label", "")))):
                address = self.resolve(link.get("href", ""))
                if address and address not in releases and is_same_listing(address, self.url):
                    return address
        current = self.page.xpath(
            f"//{PAGER_XPATH}//*[@aria-current or contains(@class, 'current') or contains(@class, 'active')]"
        )
        hrefs_by_text = {self.texts[link]: link.get("href", "") for link in self.pager_links}
        numbers = current.xpath("normalize-space(.)").re(r"\d+")
        next_href = hrefs_by_text.get(str(int(numbers[0]) + 1)) if numbers else None
        return self.resolve(next_href) if next_href else self.find_button_address()

    def find_button_address(self) -> str | None:
        """Return the address that a button such as "Visa fler" requests, or None if there is no such button.

        It is the URL in an attribute of the button, or its form's URL with the form's fields.
        """
        for name in NEXT_URL_ATTRIBUTES:
            for value in self.page.xpath(f"//@{name}").getall():
                if URL_VALUE.fullmatch(value.strip()) and (address := self.resolve(value.strip())):
                    return address
        for button in self.page.xpath(BUTTON_XPATH):
            element = button.root
            labels = (get_line_text(element), element.get("value", ""), element.get("aria-label", ""))
            in_pager = bool(button.xpath(f"ancestor-or-self::{PAGER_XPATH}"))
            pattern = NEXT_LINK_TEXT if in_pager else MORE_BUTTON_TEXT
            if element.get("disabled") is not None or not any(map(pattern.fullmatch, labels)):
                continue
            if not in_pager and ENTRY_XPATH(element):  # it opens an entry
                continue
            for name in BUTTON_URL_ATTRIBUTES:
                value = element.get(name, "").strip()
                if URL_VALUE.fullmatch(value) and (address := self.resolve(value)):
                    return address
            if address := self.resolve_button_form(element):
                return address
        return None

    def resolve_button_form(self, button: Element) -> str | None:
        """Return the address that a button's form requests with its fields unchanged, or None.

        Forms for searches, logins and messages are never sent. They are recognised by their names, and by text fields
        unless the form surrounds the content.
        """
        if button.tag not in ("button", "input") or button.get("type", "submit").lower() not in SUBMIT_TYPES:
            return None
        forms = self.page.xpath("//form[@id=$id]", id=button.get("form")) if button.get("form") else None
        form = forms[0].root if forms else next(button.iterancestors("form"), None)
        if not isinstance(form, FormElement):
            return None
        is_frame = form.find(".//h1") is not None
        names = " ".join(form.get(name, "") for name in ("id", "class", "name", "action", "role", "aria-label"))
        if OTHER_FORM_NAME.search(names) or form.find(".//input[@type='password']") is not None:
            return None
        if WRITTEN_FIELD_XPATH(form) and not is_frame:
            return None
        fields = list(form.form_values())
        if button.get("name"):
            fields.append((button.get("name", ""), button.get("value", "")))
        if sum(len(name) + len(value) for name, value in fields) > MAX_FORM_BYTES:
            raise SourceError(self.url, f"has a form of more than {MAX_FORM_BYTES} bytes: treated as a trap")
        action = button.get("formaction", form.get("action", "")).strip()
        url = resolve_canonical_url(self.base if action else self.url, action)
        if not url or not self.agency.owns(url) or not url.startswith(("http://", "https://")):
            return None
        if button.get("formmethod", form.get("method", "get")).lower() == "post":
            return join_form(url, fields)
        return self.resolve(f"{url.partition('?')[0]}?{urlencode(fields)}")  # as in browsers, the query is replaced

    def includes(self, page_url: str) -> bool:
        """Return whether a URL with the listing's path is the listing itself or one of its other pages."""
        if not urlsplit(page_url).query or parse_query_pairs(page_url) == parse_query_pairs(self.url):
            return True
        addresses, names = self.page_links
        return page_url in addresses or self.find_changed_parameters(page_url) in names

    @cached_property
    def pager_links(self) -> list[Element]:
        return [link.root for link in self.page.xpath(f"//{PAGER_XPATH}//a[@href]")]

    @cached_property
    def page_links(self) -> tuple[set[str], set[frozenset[str]]]:
        """Return the URLs of the pager's links, and the query parameters that change from page to page.

        For the parameters, only links that are marked as pager links (by rel, or by a pager element) count.
        """
        declared = [href for rel in ("next", "prev") for href in self.page.xpath(REL_XPATH.format(rel)).getall()]
        pager_links = set(self.pager_links)
        hrefs = [(href, True) for href in declared]
        hrefs += [
            (link.get("href", ""), link in pager_links)
            for link, text in self.texts.items()
            if text and PAGER_LINK_TEXT.fullmatch(text)
        ]
        addresses, names = set[str](), set[frozenset[str]]()
        for href, is_declared in hrefs:
            address = self.resolve(href)
            if address and is_same_listing(address, self.url):
                addresses.add(address)
                if is_declared:
                    names.add(self.find_changed_parameters(address))
        return addresses, names

    def find_changed_parameters(self, page_url: str) -> frozenset[str]:
        return frozenset(name for name, _ in set(parse_query_pairs(page_url)) ^ set(parse_query_pairs(self.url)))


def is_same_listing(page_url: str, listing_url: str) -> bool:
    """Return whether a URL is another page of a listing, with another query or a path such as /sida/2."""
    if urlsplit(page_url).path.rstrip("/") == urlsplit(listing_url).path.rstrip("/"):
        return parse_query_pairs(page_url) != parse_query_pairs(listing_url)
    return bool(re.search(r"/(page|sida|p)/?\d+/?$", urlsplit(page_url).path))


def parse_query_pairs(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)


def needs_javascript(root: Element) -> bool:
    """Return whether a page has scripts and almost no text, or an empty element that a script fills with its list."""
    if next(root.iter("script"), None) is None:
        return False
    body = root.find("body")
    if count_text_letters(body if body is not None else root) < MAX_SHELL_LETTERS:
        return True
    areas = cast("list[Element]", [*FRAMEWORK_XPATH(root), *MAIN_XPATH(root)])
    return any(count_text_letters(area) < MAX_SHELL_LETTERS and bool(MOUNT_XPATH(area)) for area in areas)


def find_more_button(root: Element) -> str | None:
    """Return the label of a button that loads more of a list, such as "Visa fler", or None."""
    for button in cast("list[Element]", MORE_BUTTON_XPATH(root)):
        # a button with aria-expanded only shows or hides what is already on the page
        if button.get("aria-expanded") is not None or OTHER_PARTS_XPATH(button):
            continue
        text = get_line_text(button) or button.get("aria-label", "")
        label = clean_line(button.get("value", "") if button.tag == "input" else text)
        is_more = MORE_BUTTON_LABEL.fullmatch(label) and not READ_MORE_LABEL.match(label)
        if is_more and not OTHER_LIST_WORD.search(label):
            return label
    return None
