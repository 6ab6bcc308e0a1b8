"""Parses listing pages, and finds the releases that they link to.

Menus, page headers and footers, forms and rows of related pages are boilerplate. Links that only
sort or filter the listing are not entries. The rules are the same for all agencies, but an agency's
`releases` pattern takes precedence.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice
from typing import cast
from urllib.parse import urlsplit

from lxml import etree

from archive.health.audited_sources import SourceProblem
from archive.urls import canonical_url
from scraper.agency import Agency
from scraper.normalise.dates import MONTH_NAME_PATTERN, parse_label, split_date_labels
from scraper.normalise.page_urls import resolve_canonical_url
from scraper.normalise.text_cleaning import cache_by_text, compile_name_pattern, split_word_list
from scraper.pages.boilerplate import CAMEL_CASE_BOUNDARY, NON_TEXT_TAGS
from scraper.pages.document import Element, count_letters, count_text_letters
from scraper.pages.page_type import is_listing_url
from scraper.sources.json_lists import (
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
    get_line_text,
    is_release_url,
    parse_source_page,
    unique_links,
)
from scraper.sources.pager import NEXT_LINK_TEXT, ListingPager, find_more_button
from scraper.sources.xml_sitemaps import normalise_w3c_date

# Boilerplate
_has_boilerplate_word = compile_name_pattern(
    split_word_list(r"""
    breadcrumb\w* pagin\w* related\w* cookie\w* share shares sharing sharethis
    shar(?:e|ing)(?:bar|box|links?|buttons?)
    """)
)
# Class names that only describe a state of the element: has-pagination, no-cookies,
# cookies-accepted.
STATE_CLASS = re.compile(
    r"(?:^|[_-])(?:has|with|no|without)[_-]|[_-](?:accepted|closed|dismissed|enabled|disabled)$"
)
# share of a page's links and letters; a form with more of both surrounds the content
MIN_FRAME_SHARE = 0.5

# Entries
MIN_DATED_ENTRIES = 3  # dated entries from which a date counts as a mark of the listing's entries
VISIBLE_DATE = re.compile(
    rf"\b(19|20)\d\d-[01]\d-[0-3]\d\b|\b[0-3]?\d\.? ?{MONTH_NAME_PATTERN}", re.IGNORECASE
)
HEADING_TAGS = ("h2", "h3", "h4")
ITEM_TAGS = ("li", "article", "tr")

# Documents
MIN_FILES = 3  # documents that a listing of releases as files has at least
FILE_LABEL = re.compile(  # "(pdf, 230 kB)"
    r"\s*[(\[]\s*(?:pdf|word"
    r"|docx?)\b[^()\[\]]{0,30}[)\]]"
    r"|[\s,]*\b(?:pdf|docx)(?:[, ]+[\d.,]+ ?[km]?b)?$",
    re.IGNORECASE,
)
DOCUMENT_HREF = re.compile(r"\.(pdf|docx?|odt)\b", re.IGNORECASE)
DOWNLOAD_TEXT = re.compile(
    r"\W*(?:ladda (?:ner|ned|hem)|öppna|hämta|visa|läs|download|open|här|here)\b.{0,20}",
    re.IGNORECASE,
)
OUTSIDE_LINK_XPATH = etree.XPath(".//text()[not(ancestor::a)]", smart_strings=False)

# Incomplete lists
# An element that a framework fills: React, Next.js, Nuxt, Gatsby, Vue, Angular.
FRAMEWORK_XPATH = etree.XPath(
    "//*[@id='root' or @id='app' or @id='__next' or"
    " @id='__nuxt' or @id='___gatsby' or"
    " @id='react-root' or @ng-app"
    " or @data-reactroot or @data-v-app or self::app-root]"
)
MAIN_XPATH = etree.XPath("//main | //*[@role='main']")
# An element without content that a script may fill.
MOUNT_XPATH = etree.XPath(
    "descendant-or-self::*[(@id or"
    " contains(local-name(), '-')) and not(* or"
    " text()[normalize-space()])]"
)
# text of a page that only loads a script: "You need to enable JavaScript to run this app."
MAX_SHELL_LETTERS = 300


@dataclass(slots=True)
class ListingEntry:
    link: SourceLink
    anchor: Element
    item: Element  # the list item, article or table row around the link, or else the link itself
    has_date: bool
    has_heading: bool
    # whether the URL differs from the listing's only in its query, as other views of the listing do
    is_same_path: bool


def parse_listing(
    body: bytes, url: str, agency: Agency, listing_url: str | None = None, number: int = 1
) -> ListingPage:
    """Parse a page of a listing: HTML with links, HTML that contains JSON, or JSON.

    Raises SourceError if the page is empty, too large, or not what the agency's table declares.

    listing_url: the URL of the listing's first page, if this is a later page.
    number: the number of this page.
    """
    listing_url = listing_url or url
    if source := agency.find_json_source(listing_url):
        return parse_json_source(body, url, source, agency)
    if is_json(body):
        data = load_json(body, url)
        links = find_json_links(data, url, agency, listing_url)
        if not links and (markup := find_markup(data, url)):
            found = parse_listing(markup.encode(), url, agency, listing_url, number)
            return found._replace(next_url=find_next_data_url(data, url, agency) or found.next_url)
        return ListingPage(unique_links(links), find_next_data_url(data, url, agency))
    return _parse_html_listing(
        ListingPager(parse_source_page(body, url), url, agency, number), listing_url
    )


def _parse_html_listing(pager: ListingPager, listing_url: str) -> ListingPage:
    page, url, agency = pager.page, pager.url, pager.agency
    entries = _find_entries(pager, listing_url)
    links = [entry.link for entry in entries]
    files = _find_file_links(pager, {entry.item for entry in entries})
    if _are_files_releases(files, agency, links):
        links += files
        files = []  # what is left are no releases
    # without a pattern, JSON in a page with links may be the data of its menus
    if not links or agency.releases:
        links += find_embedded_links(page, url, agency, listing_url, is_only_list=not links)
    # A release may have a title such as "Nästa steg för skogen".
    next_url = pager.find_next_url(
        releases={entry.link.url for entry in entries if entry.is_same_path}
    )
    if not links and not next_url:
        next_url = find_page_data_url(page, url, agency)
    links = _drop_listing_links(links, pager, next_url)
    problem = _find_problem(pager, listing_url, next_url, links, files)
    has_number = _is_numbered_url(pager, next_url)
    return ListingPage(
        unique_links(links), next_url, has_number, problem, archive_urls=pager.archive_urls
    )


def _drop_listing_links(
    links: Iterable[SourceLink], pager: ListingPager, next_url: str | None
) -> list[SourceLink]:
    """Return the links that do not lead to other listings (such as "Äldre inlägg")."""
    other_pages = (next_url, *pager.archive_urls)
    return [link for link in links if link.url not in other_pages and not is_listing_url(link.url)]


def _is_numbered_url(pager: ListingPager, url: str | None) -> bool:
    """Return whether any link to the given URL in the listing has only a number as its text."""
    numbers = (link.get("href", "") for link, text in pager.texts.items() if text.isdecimal())
    return url is not None and any(pager.resolve(href) == url for href in numbers)


def _find_entries(pager: ListingPager, listing_url: str) -> list[ListingEntry]:
    has_pattern = bool(pager.agency.releases)
    entries = list(EntryReader(pager, listing_url).iter_entries())
    entries = _drop_filter_links(entries, keep_if_only=has_pattern)
    if not has_pattern and sum(entry.has_date for entry in entries) >= MIN_DATED_ENTRIES:
        # Entries without date and heading are service pages (contacts, pictures). URLs are
        # compared, because an entry may have a second link, "Läs mer".
        marked_urls = {entry.link.url for entry in entries if entry.has_date or entry.has_heading}
        entries = [entry for entry in entries if entry.link.url in marked_urls]
    return entries


def _are_files_releases(
    files: Sequence[SourceLink], agency: Agency, links: Iterable[SourceLink]
) -> bool:
    """Return whether the documents in a listing are releases.

    The agency's key `files` decides this. If it is not set, documents are releases if there are
    several of them, if they outnumber the linked pages, and if most of them have a date.
    """
    if agency.files is not None:
        return agency.files
    dated = sum(link.file_day is not None for link in files)
    page_count = len({link.url for link in links})
    return len(files) >= MIN_FILES and len(files) > page_count and 2 * dated > len(files)


def _find_problem(
    pager: ListingPager,
    listing_url: str,
    next_url: str | None,
    links: Sequence[SourceLink],
    files: Sequence[SourceLink],
) -> SourceProblem | None:
    """Return why a listing may have more releases than were found.

    Returns None if nothing suggests this.

    links: the releases found on this page.
    next_url: the URL of the next page, or None. If it is given, the releases on that page will also
        be found.
    files: documents that do not count as releases. If any of them has a date, they may still be
        releases.
    """
    problem = (
        None if next_url else _find_unread_rest(pager, has_links=bool(links), listed=len(links))
    )
    if not problem and pager.agency.files is None and any(link.file_day for link in files):
        problem = SourceProblem("documents", pager.url, str(len(files)))
    if not problem and pager.url == listing_url:
        problem = pager.find_unread_archive(_iter_content_links(pager.page.root))
    return problem


def _find_unread_rest(pager: ListingPager, *, has_links: bool, listed: int) -> SourceProblem | None:
    """Return why a listing without a next page may have more releases than were found.

    Returns None if nothing suggests that it has more.

    has_links: whether releases were found on the page.
    listed: the number of releases found.
    """
    if not has_links and needs_javascript(pager.page.root):
        return SourceProblem("needs JavaScript", pager.url)
    if label := find_more_button(pager.page.root):
        return SourceProblem("button", pager.url, label)
    return pager.find_unread_page() or pager.find_count(listed)


class EntryReader:
    """Finds the entries of a listing among the links of its page."""

    def __init__(self, pager: ListingPager, listing_url: str) -> None:
        self.pager, self.agency = pager, pager.agency
        self.paths = tuple(
            urlsplit(canonical_url(url)).path.rstrip("/") for url in (pager.url, listing_url)
        )
        self.folders = tuple(path + "/" for path in self.paths)
        # an item may have thousands of links
        self.item_dates: dict[Element, tuple[bool, str | None]] = {}

    def iter_entries(self) -> Iterator[ListingEntry]:
        """Yield an entry for each link that may lead to a release.

        Links that may lead to another view of the listing are included.
        """
        for anchor in _iter_content_links(self.pager.page.root):
            address = self.resolve(anchor)
            entry = self.read_entry(anchor, address) if address else None
            if entry:
                yield entry

    def resolve(self, anchor: Element) -> str | None:
        """Return the canonical URL of a link, or None if it cannot be a release of the agency."""
        href = (anchor.get("href") or "").strip()
        if not href or href.startswith("#"):
            return None
        address = resolve_canonical_url(self.pager.base, href)
        if not address or not is_release_url(address, self.agency):
            return None
        wire = self.agency.find_wire(address)
        # it may be another organisation's; only the list at the wire is certain
        return None if wire and not wire.is_press_room else address

    def read_entry(self, anchor: Element, address: str) -> ListingEntry | None:
        path = urlsplit(address).path.rstrip("/")
        is_same_path = path in self.paths
        if self.pager.includes(address) if is_same_path else not path:
            return None
        has_heading = _has_heading(anchor)
        has_dated_path = DATED_PATH.search(path) is not None
        is_certain = self.agency.releases or has_heading or is_same_path or has_dated_path
        if not is_certain and not self.is_in_news_section(path):
            return None
        item = next(anchor.iterancestors(*ITEM_TAGS), anchor)
        has_date, time = self.read_date(item)
        has_date = has_date or (has_dated_path and not is_same_path)
        return ListingEntry(
            SourceLink(address, time, time), anchor, item, has_date, has_heading, is_same_path
        )

    def read_date(self, item: Element) -> tuple[bool, str | None]:
        """Return the result of `_read_item_date` for an item, from a cache.

        The cache is needed because an item may contain thousands of links, and the item's date is
        requested for each of them.
        """
        if item not in self.item_dates:
            self.item_dates[item] = _read_item_date(item)
        return self.item_dates[item]

    def is_in_news_section(self, path: str) -> bool:
        """Return whether a path is below the listing or in a news section.

        A news section is a folder with a name for news, such as "nyheter" or "press".
        """
        return path.startswith(self.folders) or NEWS_PATH.search(path) is not None


def _has_heading(anchor: Element) -> bool:
    """Return whether a link is in a heading, or contains one."""
    headings = chain(anchor.iterancestors(*HEADING_TAGS), anchor.iterdescendants(*HEADING_TAGS))
    return next(headings, None) is not None


def _read_item_date(item: Element) -> tuple[bool, str | None]:
    """Return whether a list item shows a date, and the first datetime attribute of a <time> in it.

    The second value is None if there is no such attribute, or if it is not a valid date.
    """
    times = list(item.iterdescendants("time"))
    stated = next((value for time in times if (value := time.get("datetime")) is not None), None)
    return bool(times) or VISIBLE_DATE.search(get_line_text(item)) is not None, normalise_w3c_date(
        stated
    )


def _find_file_links(pager: ListingPager, items: Collection[Element]) -> list[SourceLink]:
    """Return the documents that a listing links to, with the titles and dates given in the listing.

    items: the list items whose entries lead to pages. A document in such an item belongs to the
        page.
    """
    links: dict[str, SourceLink] = {}
    # avoids the search for the main elements
    if not any(DOCUMENT_HREF.search(anchor.get("href", "")) for anchor in pager.texts):
        return []
    for anchor in _iter_content_links(pager.page.root):
        address = pager.resolve((anchor.get("href") or "").strip())
        if not address or not DOCUMENT_PATH.search(urlsplit(address).path):
            continue
        if link := _read_file_link(anchor, address, items):
            links.setdefault(address, link)
    return list(links.values())


def _read_file_link(anchor: Element, address: str, items: Collection[Element]) -> SourceLink | None:
    """Return the document that a link leads to.

    Returns None if the listing gives no title for the document, or if the link is in a list item
    that is about a page.
    """
    item = next(anchor.iterancestors(*ITEM_TAGS), anchor.getparent())
    title = FILE_LABEL.sub("", get_line_text(anchor)).strip()
    if item is None or item in items or not title or DOWNLOAD_TEXT.fullmatch(title):
        return None
    is_only_link = len(list(islice(item.iterdescendants("a"), 2))) == 1
    day = _find_stated_day(item) if is_only_link else None
    return SourceLink(address, file_title=title, file_day=day)


def _find_stated_day(item: Element) -> str | None:
    """Return the day of publication that a list item states outside its link.

    If the item contains a single <time> with a valid date, that date is returned. Otherwise, the
    day is returned as printed. Returns None if the item states no day or several days.
    """
    times = [normalise_w3c_date(time.get("datetime")) for time in item.iterdescendants("time")]
    if len(times) == 1 and times[0]:
        return times[0]
    text = FILE_LABEL.sub(
        "", " ".join(" ".join(cast("list[str]", OUTSIDE_LINK_XPATH(item))).split())
    )
    stated = []
    for label in split_date_labels(text):
        try:
            # without a URL, so that no year is inferred from it
            role, value = parse_label(label, "")
        except ValueError:
            continue
        if role == "published" and value:
            stated.append(label.strip())
    return stated[0] if len(stated) == 1 and len(VISIBLE_DATE.findall(text)) <= 1 else None


def _drop_filter_links(
    entries: Sequence[ListingEntry], *, keep_if_only: bool
) -> list[ListingEntry]:
    """Return the entries without links that sort or filter the listing.

    These are links to a URL that differs from the listing's only in the query, unless the link has
    a heading, or a date in its own list item.

    keep_if_only: whether to keep such links, except "next" links, if the listing has no other
        entries.
    """
    same_path_count = sum(entry.is_same_path for entry in entries)
    if not same_path_count:
        return list(entries)
    marked_urls = _find_marked_urls(entries)
    if keep_if_only and not marked_urls and same_path_count == len(entries):
        return _drop_next_links(entries)
    return [entry for entry in entries if not entry.is_same_path or entry.link.url in marked_urls]


def _drop_next_links(entries: Iterable[ListingEntry]) -> list[ListingEntry]:
    """Return the entries without links to the next page, such as "Nästa"."""
    return [entry for entry in entries if not NEXT_LINK_TEXT.fullmatch(get_line_text(entry.anchor))]


def _find_marked_urls(entries: Iterable[ListingEntry]) -> set[str]:
    """Return the URLs of entries with a heading, or with a date in a list item of their own."""
    urls_by_item: defaultdict[Element, set[str]] = defaultdict(set)
    for entry in entries:
        urls_by_item[entry.item].add(entry.link.url)
    outer_elements = _find_ancestors(urls_by_item)

    def has_own_item(entry: ListingEntry) -> bool:
        item = entry.item
        return (
            len(urls_by_item[item]) == 1
            and item not in outer_elements
            and item.find(".//h1") is None
        )

    return {
        entry.link.url
        for entry in entries
        if entry.has_heading or (entry.has_date and has_own_item(entry))
    }


def _iter_content_links(root: Element) -> Iterator[Element]:
    """Yield the links in a page's main elements in page order.

    If the page has no main element, the links in its body are yielded.

    Links in boilerplate are left out.
    """
    layout = ListingLayout(root)
    # (element, its region, whether it is in an entry)
    stack: list[tuple[Element, Element | None, bool]] = [(root, None, False)]
    while stack:
        element, region, in_entry = stack.pop()
        if element in layout.regions:
            region, in_entry = region if region is not None else element, False
        elif region is not None:
            if layout.is_boilerplate(element, region, in_entry=in_entry):
                continue
            in_entry = in_entry or element.tag in ("article", "li")
        if region is not None and element.tag == "a" and element.get("href") is not None:
            yield element
        stack.extend(
            (child, region, in_entry) for child in element.iterchildren("*", reversed=True)
        )


class ListingLayout:
    """Facts about a whole page that help to decide which of its elements are boilerplate."""

    def __init__(self, root: Element) -> None:
        self.root = root
        main_elements = cast("list[Element]", MAIN_XPATH(root))
        self.regions = set(main_elements) or set(root.iter("body"))
        self.main_ancestors = _find_ancestors([*main_elements, *root.iter("h1")])

    def is_boilerplate(self, element: Element, region: Element, *, in_entry: bool) -> bool:
        """Return whether an element is boilerplate and thus contains no entries of the listing.

        region: the main element or body around the element.
        in_entry: whether the element is inside an article or list item.
        """
        tag = element.tag
        if tag in ("nav", "aside") or (tag in ("header", "footer") and not in_entry):
            return True
        if tag == "a":  # to a topic or a person, not to a release
            return not {"tag", "author"}.isdisjoint(element.get("rel", "").lower().split())
        if element in self.main_ancestors:
            return False
        if _has_boilerplate_class(element.get("class", "")):
            return True
        # ASP.NET pages have a form around the whole page, which contains most of the links and
        # letters
        return tag == "form" and not all(
            counts[element] > MIN_FRAME_SHARE * counts[region] for counts in self.content_counts
        )

    @cached_property
    def content_counts(self) -> tuple[Counter[Element], Counter[Element]]:
        links, letters = Counter[Element](), Counter[Element]()
        for element in reversed(list(self.root.iter("*"))):
            links[element] += element.tag == "a" and element.get("href") is not None
            letters[element] += (
                0 if element.tag in NON_TEXT_TAGS else count_letters(element.text or "")
            )
            parent = element.getparent()
            if parent is not None:
                links[parent] += links[element]
                letters[parent] += letters[element] + count_letters(element.tail or "")
        return links, letters


def _find_ancestors(elements: Iterable[Element]) -> set[Element]:
    found: set[Element] = set()
    for element in elements:
        for ancestor in element.iterancestors():
            if ancestor in found:
                break
            found.add(ancestor)
    return found


@cache_by_text()
def _has_boilerplate_class(class_attribute: str) -> bool:
    """Return whether a class attribute contains a class for boilerplate.

    >>> [_has_boilerplate_class(name)
    ...     for name in ("block breadcrumbs", "relatedLinks", "c-share__list")]
    [True, True, True]
    >>> other_names = "shared-content", "unrelated", "page has-pagination", "cookies-accepted"
    >>> [_has_boilerplate_class(name) for name in other_names]
    [False, False, False, False]
    """
    return any(
        _has_boilerplate_word(name) and not STATE_CLASS.search(name)
        for name in CAMEL_CASE_BOUNDARY.sub("-", class_attribute).lower().split()
    )


def needs_javascript(root: Element) -> bool:
    """Return whether the list on a page is built by scripts.

    Such a page has scripts and almost no text, or an empty element for the list.
    """
    if next(root.iter("script"), None) is None:
        return False
    body = root.find("body")
    if count_text_letters(body if body is not None else root) < MAX_SHELL_LETTERS:
        return True
    areas = cast("list[Element]", [*FRAMEWORK_XPATH(root), *MAIN_XPATH(root)])
    return any(
        count_text_letters(area) < MAX_SHELL_LETTERS and bool(MOUNT_XPATH(area)) for area in areas
    )
