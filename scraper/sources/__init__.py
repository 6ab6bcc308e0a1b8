"""Where links come from: feeds, sitemaps and listings, and finding them from an agency's home page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from urllib.parse import urlsplit

import feedparser
from parsel import Selector

from archive.urls import canonical_url
from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.normalise.urls import absolute
from scraper.sources.feeds import feed_time, published_time, read_sitemap, to_utc
from scraper.sources.links import Link, cut_sessions
from scraper.sources.listings import (
    Entry,
    Pager,
    base_of,
    find_next,
    is_heading,
    line_of,
    links_beside,
    to_entry,
    to_page,
    without_views,
)

NEWS_WORDS = r"nyhet|nyheter|nyhetsarkiv|aktuellt|press|pressmeddelande|pressmeddelanden|pressrum|news|press-?releases?"
NEWS_PATH = re.compile(rf"/({NEWS_WORDS})([-/]|$)", re.IGNORECASE)
NEWS_NAV = re.compile(
    r"(alla |senaste )?(nyheter|nyhetsarkiv|aktuellt|pressmeddelanden|pressrum|press|news|press releases)\b.{0,25}",
    re.IGNORECASE,
)
PRESS_NAV = re.compile(r"press(rum)?", re.IGNORECASE)
# Pages that lie beside releases under the same address and are none.
SERVICE_PAGE = re.compile(
    r"/(press-?)?(kontakt(a-oss|er|personer)?|contacts?|bilder|images|bild(bank|arkiv)|mediabank|media(arkiv)?|logotyp(er)?|logos?"
    r"|tjanst|jour|prenumer\w+|subscribe|nyhetsbrev|newsletters?|rss(-floden)?|kalender|calendar|om-oss)"
    r"(\.html?)?/?$",
    re.IGNORECASE,
)
FEWEST_DATED = 3  # entries with a date make it the mark of a listing's entries
DATED_PATH = re.compile(r"/(19|20)\d\d[-/]")
FEED_TYPES = ("application/rss+xml", "application/atom+xml")
PAGE_TYPES = ("text/html", "application/xhtml+xml")  # of a feed's link; feedparser gives the former where none is told
FILES = re.compile(r"\.(pdf|docx?|xlsx?|pptx?|zip|jpe?g|png|gif|svg|mp[34]|ics|xml|rss)$", re.IGNORECASE)
# what feedparser stumbles over: halves of a letter, names of no encoding, namespaces of two (found by tests/fuzz)
FEED_FAULTS = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)


@dataclass(slots=True)
class Sources:
    """The sources of one agency, as addresses."""

    feeds: list[str] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)
    listings: list[str] = field(default_factory=list)


def declared_sources(agency: Agency) -> Sources:
    """The sources its table names."""
    return Sources(list(agency.feeds), list(agency.sitemaps), list(agency.listings))


def parse_feed(body: bytes, url: str, agency: Agency) -> list[Link]:
    """The entries of an RSS or Atom feed; SourceError where it is neither."""
    try:
        feed = feedparser.parse(BytesIO(body), response_headers={"content-location": url})
    except FEED_FAULTS as error:
        raise SourceError(url, f"is no RSS or Atom feed ({error})") from error
    if not feed.get("version"):
        raise SourceError(url, f"is no RSS or Atom feed ({feed.get('bozo_exception', 'unknown format')})")
    links = [
        Link(address, feed_time(entry), published_time(entry))
        for entry in feed.entries
        if (address := address_of(entry, url, agency))
    ]
    return cut_sessions(links)


def address_of(entry: feedparser.FeedParserDict, url: str, agency: Agency) -> str | None:
    """Where an entry of a feed leads; of several alternates that are pages, the first that may be a release."""
    pages = [
        address
        for link in entry.get("links", ())
        if link.get("rel") == "alternate" and link.get("type") in PAGE_TYPES and link.get("href")
        if (address := absolute(url, link["href"]))
    ]
    if len(pages) > 1:
        return next((address for address in pages if is_release(address, agency)), pages[0])
    return absolute(url, entry.link) if entry.get("link") else None


def parse_sitemap(body: bytes, url: str, agency: Agency) -> tuple[list[Link], list[Link]]:
    """The releases a sitemap names, and the sitemaps a sitemap index names; SourceError where it is neither."""
    kind, entries = read_sitemap(body, url)
    if kind not in ("urlset", "sitemapindex"):
        raise SourceError(url, f"is no sitemap: its root is {kind}")
    links = [
        Link(address, to_utc(entry.get("lastmod")))
        for entry in entries
        if entry.get("loc") and (address := absolute(url, entry["loc"]))
    ]
    if kind == "sitemapindex":
        return [], links
    return [link for link in links if is_release(link.url, agency) and is_news(link.url, agency)], []


def parse_listing(body: bytes, url: str, agency: Agency) -> tuple[list[Link], str | None]:
    """The releases a listing page links to, in its order, and the address of its next page, if any.

    SourceError where it is empty or a trap.
    """
    page = to_page(body, url)
    links: dict[str, Link] = {}
    entries = listed_entries(page, url, agency)
    for entry in entries:
        links.setdefault(entry.link.url, entry.link)
    here = {entry.link.url for entry in entries if entry.here}  # a release may be called "Nästa steg för skogen"
    return cut_sessions(list(links.values())), find_next(page, url, agency, releases=here)


def parse_robots(body: bytes, url: str) -> list[str]:
    """The addresses of robots.txt's Sitemap lines."""
    lines = body.decode("utf-8-sig", errors="replace").splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    found = [absolute(url, value.strip()) for key, value in pairs if key.strip().lower() == "sitemap"]
    return [address for address in found if address]


def find_sources(body: bytes, url: str, agency: Agency) -> Sources:
    """Feeds and listings that a home page shows: `<link rel=alternate>` and the navigation's words.

    SourceError where it is empty or a trap.
    """
    page = to_page(body, url)
    base = base_of(page, url)
    found, hubs = Sources(), list[str]()
    for link in page.xpath("//link[contains(@rel, 'alternate') and @href]"):
        kind, title = link.root.get("type", ""), link.root.get("title", "")
        address = absolute(base, link.root.get("href"))
        if address and kind in FEED_TYPES and not re.search("comment|kommentar", title, re.IGNORECASE):
            found.feeds.append(address)
    for link in page.xpath("//a[@href]"):
        text, href = line_of(link.root), link.root.get("href").strip()
        address = absolute(base, href)
        if not address or href.startswith("#"):  # the latter: what opens a menu
            continue
        leads_on = agency.owns(address) and address != canonical_url(url) and not FILES.search(urlsplit(address).path)
        if leads_on and NEWS_NAV.fullmatch(text) and address not in found.listings:
            found.listings.append(address)
            if PRESS_NAV.fullmatch(text):
                hubs.append(address)
    for hub in hubs:  # a page on all that is for the press; what is below it lists the releases themselves
        if any(listing.startswith(hub.rstrip("/") + "/") for listing in found.listings):
            found.listings.remove(hub)
    found.listings.sort(key=lambda address: urlsplit(address).path.count("/"))
    del found.listings[5:]
    return found


def is_release(url: str, agency: Agency) -> bool:
    """Whether an address can be a release of the agency: its own host, and its `releases` pattern if it has one."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not agency.owns(url) or FILES.search(parts.path):
        return False
    if agency.releases:
        return bool(re.search(agency.releases, parts.path))
    return not SERVICE_PAGE.search(parts.path)


def is_news(url: str, agency: Agency) -> bool:
    """Whether an address among all of a site's speaks of news; the agency's own pattern settles it."""
    return bool(agency.releases) or bool(NEWS_PATH.search(urlsplit(url).path.rstrip("/").rpartition("/")[0] + "/"))


def listed_entries(page: Selector, url: str, agency: Agency) -> list[Entry]:
    """The entries of a listing that lead to releases.

    Where they show dates or have headings, what shows neither is a page of service: contacts, pictures.
    """
    entries = without_views(list(entries_of(page, url, agency)), alone=bool(agency.releases))
    if agency.releases or sum(entry.dated for entry in entries) < FEWEST_DATED:
        return entries
    marked = {entry.link.url for entry in entries if entry.dated or entry.headed}  # a second link may say "Läs mer"
    return [entry for entry in entries if entry.link.url in marked]


def entries_of(page: Selector, url: str, agency: Agency) -> Iterator[Entry]:
    """Every link of a listing that may lead to a release, or to another view of the listing."""
    own, base = urlsplit(canonical_url(url)).path.rstrip("/"), base_of(page, url)
    pager = Pager(page, url, agency)
    for link in links_beside(page.root):
        href = (link.get("href") or "").strip()
        if not href or href.startswith(("#", "mailto:", "tel:", "javascript:")):
            continue
        address = absolute(base, href)
        if not address:
            continue
        path = urlsplit(address).path.rstrip("/")
        here = path == own
        if not is_release(address, agency) or (pager.leads_to(address) if here else not path):
            continue
        headed, dated = is_heading(link), DATED_PATH.search(path) is not None
        if agency.releases or headed or here or path.startswith(own + "/") or NEWS_PATH.search(path) or dated:
            entry = to_entry(link, address, headed=headed, here=here)
            entry.dated |= dated and not here
            yield entry
