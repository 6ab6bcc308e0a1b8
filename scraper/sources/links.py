"""Defines the links that sources list, and decides which URLs can be releases."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import urlencode, urljoin, urlsplit

from lxml import etree
from parsel import Selector

from archive.health.audited_sources import SourceProblem
from archive.urls import canonical_url
from scraper.agency import Agency
from scraper.errors import PageError, SourceError
from scraper.normalise.page_urls import remove_session_ids, resolve_canonical_url

# Path patterns, from the words that Swedish agencies use.
NEWS_WORDS = (
    r"nyhet|nyheter|nyhetsarkiv|aktuellt|press|pressmeddelande|pressmeddelanden|pressrum|news"
    r"|press-?releases?"
)
NEWS_PATH = re.compile(rf"/({NEWS_WORDS})([-/]|$)", re.IGNORECASE)
# Service pages that share a folder with releases: contacts, pictures, subscriptions.
SERVICE_PATH = re.compile(
    r"/(press-?)?(kontakt(a-oss|er"
    r"|personer)?|contacts?|bilder"
    r"|images|bild(bank|arkiv)|mediabank|media(arkiv)?"
    r"|logotyp(er)?|logos?|tjanst|jour|prenumer\w+|subscribe|nyhetsbrev|newsletters?"
    r"|rss(-floden)?|kalender|calendar|om-oss)(\.html?)?/?$",
    re.IGNORECASE,
)
DATED_PATH = re.compile(r"/(19|20)\d\d[-/]")
DOCUMENT_PATH = re.compile(r"\.(pdf|docx?|odt)$", re.IGNORECASE)
FILE_PATH = re.compile(
    r"\.(pdf|docx?|xlsx?|pptx?|zip|jpe?g|png|gif|svg|mp[34]|ics|xml|rss)$", re.IGNORECASE
)

MAX_LISTING_TAGS = 200_000  # opening and closing tags: about 30,000 links, and a second of parsing
# compiled once, because pages have hundreds of links
LINE_XPATH = etree.XPath("normalize-space(.)", smart_strings=False)


@dataclass(frozen=True, slots=True)
class WireRecord:
    """A release in the list of a press wire: the bytes of its JSON object, exactly as received."""

    url: str  # URL of the list, with the release's id as fragment
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SourceLink:
    """A link to a release that a source lists.

    Times are those that the source states, in ISO 8601 and UTC. A time that the source does not
    state is None.
    """

    url: str
    listed_at: str | None = None  # when the page was changed, or else published
    published: str | None = field(default=None, compare=False)
    # for a file: the title that the source gives; for a page: None
    file_title: str | None = field(default=None, compare=False)
    # for a file: the day of publication, in the words of the source
    file_day: str | None = field(default=None, compare=False)
    # the release, if the source contains it
    record: WireRecord | None = field(default=None, compare=False)


class ListingPage(NamedTuple):
    """A page of a listing: its links to releases, in page order, and the address of the next page.

    next_url: a URL, or the address of a page that is requested by POST (see `join_form`). None if
        there is no next page.
    has_numbered_next: whether the pager links to the next page by number. If so, an empty next page
        is an error. (A link such as "»" may lead past the end.)
    problem: why the listing may contain more releases than were found. None if nothing suggests
        this.
    errors: the problems of entries that cannot be used.
    archive_urls: the URLs of pages for single years or older releases, which are also listings.
    """

    links: list[SourceLink]
    next_url: str | None
    has_numbered_next: bool = False
    problem: SourceProblem | None = None
    errors: Sequence[PageError] = ()
    archive_urls: Sequence[str] = ()


def is_release_url(url: str, agency: Agency) -> bool:
    """Return whether a URL can be a release.

    The URL must be on one of the agency's hosts, and must not lead to a file. Its path must match
    the pattern `releases` or, if the agency has no pattern, must not be that of a service page.

    The pattern applies to the agency's own site. On the host of a press wire, the wire's list
    decides: it either links to the pages of releases, or contains the releases. In the latter case,
    no page can be a release.
    """
    parts = urlsplit(url)
    if (
        parts.scheme not in ("http", "https")
        or not agency.owns(url)
        or FILE_PATH.search(parts.path)
    ):
        return False
    if wire := agency.find_wire(url):
        return wire.lists_page(url)
    if agency.releases:
        return bool(re.search(agency.releases, parts.path))
    return not SERVICE_PATH.search(parts.path)


def select_releases(links: Iterable[SourceLink], agency: Agency) -> list[SourceLink]:
    """Return the links that can lead to releases."""
    return [link for link in links if is_release_url(link.url, agency)]


def is_news_url(url: str, agency: Agency) -> bool:
    """Return whether a URL is in a news section, judged by the folders in its path.

    Returns True for any URL if the agency has a `releases` pattern.
    """
    return bool(agency.releases) or bool(
        NEWS_PATH.search(urlsplit(url).path.rstrip("/").rpartition("/")[0] + "/")
    )


def drop_session_ids(links: Sequence[SourceLink]) -> list[SourceLink]:
    """Return the links, with session ids removed from the query of their URLs."""
    urls = remove_session_ids([link.url for link in links])
    return [replace(link, url=url) for link, url in zip(links, urls, strict=True)]


def unique_links(links: Iterable[SourceLink]) -> list[SourceLink]:
    """Return the first link to each URL, with session ids removed from the URLs."""
    found: dict[str, SourceLink] = {}
    for link in links:
        found.setdefault(link.url, link)
    return drop_session_ids(list(found.values()))


def join_form(url: str, fields: Iterable[tuple[str, str]]) -> str:
    """Return the address of a page that is requested by POST: the URL, "#" and the form's fields.

    URLs of sources have no fragment, so such an address is unambiguous, and a pagination cursor can
    store it in place of a URL.

    >>> join_form("https://skog.example/nyheter", [("start", "10"), ("vy", "å")])
    'https://skog.example/nyheter#start=10&vy=%C3%A5'
    """
    return f"{url}#{urlencode(list(fields))}"


def split_form(address: str) -> tuple[str, str | None]:
    """Return the URL of a source's page and the form to send to it by POST.

    The form is None if the page is requested by GET.

    >>> split_form("https://skog.example/nyheter#start=10"), split_form("https://skog.example/nyheter?start=10")
    (('https://skog.example/nyheter', 'start=10'), ('https://skog.example/nyheter?start=10', None))
    """
    url, mark, form = address.partition("#")
    return url, form if mark else None


# Pages


def parse_source_page(body: bytes, url: str) -> Selector:
    """Parse the HTML of a source's page.

    Raises SourceError if the page is empty or has more than MAX_LISTING_TAGS tags.
    """
    if not body.strip():
        raise SourceError(url, "is empty", "empty source")
    if body.count(b"<") > MAX_LISTING_TAGS:
        raise SourceError(url, f"has more than {MAX_LISTING_TAGS} tags: treated as a trap")
    # without a type, a body that begins like JSON would be parsed as JSON
    return Selector(body=body, base_url=url, type="html")


def find_base_url(page: Selector, url: str) -> str:
    """Return the URL that a page's links are relative to.

    This is the first `<base href>`, or else the page's own URL. If the base is on the page's own
    host, it gets the scheme of the page's URL, because many sites have moved to https but still
    have http in their base element.

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
    """Return the canonical URL of a link to another page of the agency, or None for other links."""
    address = None if href.strip().startswith("#") else resolve_canonical_url(base_url, href)
    return address if address and agency.owns(address) and address != canonical_url(url) else None
