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
from scraper.normalise.urls import resolve_canonical_url
from scraper.sources.feeds import normalise_w3c_date, parse_sitemap_xml, read_entry_published, read_entry_updated
from scraper.sources.links import SourceLink, remove_session_ids
from scraper.sources.listings import (
    ListingEntry,
    ListingPager,
    build_listing_entry,
    drop_filter_links,
    find_base_url,
    find_next_page,
    get_line_text,
    is_heading_link,
    iter_content_links,
    parse_source_page,
)

NEWS_WORDS = r"nyhet|nyheter|nyhetsarkiv|aktuellt|press|pressmeddelande|pressmeddelanden|pressrum|news|press-?releases?"
NEWS_PATH = re.compile(rf"/({NEWS_WORDS})([-/]|$)", re.IGNORECASE)
NEWS_LINK_TEXT = re.compile(
    r"(alla |senaste )?(nyheter|nyhetsarkiv|aktuellt|pressmeddelanden|pressrum|press|news|press releases)\b.{0,25}",
    re.IGNORECASE,
)
PRESS_LINK_TEXT = re.compile(r"press(rum)?", re.IGNORECASE)
# Pages that lie beside releases under the same address and are none.
SERVICE_PATH = re.compile(
    r"/(press-?)?(kontakt(a-oss|er|personer)?|contacts?|bilder|images|bild(bank|arkiv)|mediabank|media(arkiv)?|logotyp(er)?|logos?"
    r"|tjanst|jour|prenumer\w+|subscribe|nyhetsbrev|newsletters?|rss(-floden)?|kalender|calendar|om-oss)"
    r"(\.html?)?/?$",
    re.IGNORECASE,
)
MIN_DATED_ENTRIES = 3  # entries with a date make it the mark of a listing's entries
DATED_PATH = re.compile(r"/(19|20)\d\d[-/]")
FEED_MEDIA_TYPES = ("application/rss+xml", "application/atom+xml")
HTML_MEDIA_TYPES = (
    "text/html",
    "application/xhtml+xml",
)  # of a feed's link; feedparser gives the former where none is told
FILE_PATH = re.compile(r"\.(pdf|docx?|xlsx?|pptx?|zip|jpe?g|png|gif|svg|mp[34]|ics|xml|rss)$", re.IGNORECASE)
# what feedparser stumbles over: halves of a letter, names of no encoding, namespaces of two (found by tests/fuzz)
FEEDPARSER_ERRORS = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)


@dataclass(slots=True)
class SourceURLs:
    """The sources of one agency, as addresses."""

    feeds: list[str] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)
    listings: list[str] = field(default_factory=list)


def get_declared_sources(agency: Agency) -> SourceURLs:
    """The sources its table names."""
    return SourceURLs(list(agency.feeds), list(agency.sitemaps), list(agency.listings))


def parse_feed(body: bytes, url: str, agency: Agency) -> list[SourceLink]:
    """The entries of an RSS or Atom feed; SourceError where it is neither."""
    try:
        feed = feedparser.parse(BytesIO(body), response_headers={"content-location": url})
    except FEEDPARSER_ERRORS as error:
        raise SourceError(url, f"is no RSS or Atom feed ({error})") from error
    if not feed.get("version"):
        raise SourceError(url, f"is no RSS or Atom feed ({feed.get('bozo_exception', 'unknown format')})")
    links = [
        SourceLink(address, read_entry_updated(entry), read_entry_published(entry))
        for entry in feed.entries
        if (address := find_entry_url(entry, url, agency))
    ]
    return remove_session_ids(links)


def find_entry_url(entry: feedparser.FeedParserDict, url: str, agency: Agency) -> str | None:
    """Where an entry of a feed leads; of several alternates that are pages, the first that may be a release."""
    pages = [
        address
        for link in entry.get("links", ())
        if link.get("rel") == "alternate" and link.get("type") in HTML_MEDIA_TYPES and link.get("href")
        if (address := resolve_canonical_url(url, link["href"]))
    ]
    if len(pages) > 1:
        return next((address for address in pages if is_release_url(address, agency)), pages[0])
    return resolve_canonical_url(url, entry.link) if entry.get("link") else None


def parse_sitemap(body: bytes, url: str, agency: Agency) -> tuple[list[SourceLink], list[SourceLink]]:
    """The releases a sitemap names, and the sitemaps a sitemap index names; SourceError where it is neither."""
    kind, entries = parse_sitemap_xml(body, url)
    if kind not in ("urlset", "sitemapindex"):
        raise SourceError(url, f"is no sitemap: its root is {kind}")
    links = [
        SourceLink(address, normalise_w3c_date(entry.get("lastmod")))
        for entry in entries
        if entry.get("loc") and (address := resolve_canonical_url(url, entry["loc"]))
    ]
    if kind == "sitemapindex":
        return [], links
    return [link for link in links if is_release_url(link.url, agency) and is_news_url(link.url, agency)], []


def parse_listing(body: bytes, url: str, agency: Agency) -> tuple[list[SourceLink], str | None]:
    """The releases a listing page links to, in its order, and the address of its next page, if any.

    SourceError where it is empty or a trap.
    """
    page = parse_source_page(body, url)
    links: dict[str, SourceLink] = {}
    entries = select_listing_entries(page, url, agency)
    for entry in entries:
        links.setdefault(entry.link.url, entry.link)
    here = {
        entry.link.url for entry in entries if entry.is_same_path
    }  # a release may be called "Nästa steg för skogen"
    return remove_session_ids(list(links.values())), find_next_page(page, url, agency, releases=here)


def parse_robots_sitemaps(body: bytes, url: str) -> list[str]:
    """The addresses of robots.txt's Sitemap lines."""
    lines = body.decode("utf-8-sig", errors="replace").splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    found = [resolve_canonical_url(url, value.strip()) for key, value in pairs if key.strip().lower() == "sitemap"]
    return [address for address in found if address]


def find_sources(body: bytes, url: str, agency: Agency) -> SourceURLs:
    """Feeds and listings that a home page shows: `<link rel=alternate>` and the navigation's words.

    SourceError where it is empty or a trap.
    """
    page = parse_source_page(body, url)
    base = find_base_url(page, url)
    found, hubs = SourceURLs(), list[str]()
    for link in page.xpath("//link[contains(@rel, 'alternate') and @href]"):
        kind, title = link.root.get("type", ""), link.root.get("title", "")
        address = resolve_canonical_url(base, link.root.get("href"))
        if address and kind in FEED_MEDIA_TYPES and not re.search("comment|kommentar", title, re.IGNORECASE):
            found.feeds.append(address)
    for link in page.xpath("//a[@href]"):
        text, href = get_line_text(link.root), link.root.get("href").strip()
        address = resolve_canonical_url(base, href)
        if not address or href.startswith("#"):  # the latter: what opens a menu
            continue
        leads_on = (
            agency.owns(address) and address != canonical_url(url) and not FILE_PATH.search(urlsplit(address).path)
        )
        if leads_on and NEWS_LINK_TEXT.fullmatch(text) and address not in found.listings:
            found.listings.append(address)
            if PRESS_LINK_TEXT.fullmatch(text):
                hubs.append(address)
    for hub in hubs:  # a page on all that is for the press; what is below it lists the releases themselves
        if any(listing.startswith(hub.rstrip("/") + "/") for listing in found.listings):
            found.listings.remove(hub)
    found.listings.sort(key=lambda address: urlsplit(address).path.count("/"))
    del found.listings[5:]
    return found


def is_release_url(url: str, agency: Agency) -> bool:
    """Whether an address can be a release of the agency: its own host, and its `releases` pattern if it has one."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not agency.owns(url) or FILE_PATH.search(parts.path):
        return False
    if agency.releases:
        return bool(re.search(agency.releases, parts.path))
    return not SERVICE_PATH.search(parts.path)


def is_news_url(url: str, agency: Agency) -> bool:
    """Whether an address among all of a site's speaks of news; the agency's own pattern settles it."""
    return bool(agency.releases) or bool(NEWS_PATH.search(urlsplit(url).path.rstrip("/").rpartition("/")[0] + "/"))


def select_listing_entries(page: Selector, url: str, agency: Agency) -> list[ListingEntry]:
    """The entries of a listing that lead to releases.

    Where they show dates or have headings, what shows neither is a page of service: contacts, pictures.
    """
    entries = drop_filter_links(list(iter_listing_entries(page, url, agency)), keep_if_only=bool(agency.releases))
    if agency.releases or sum(entry.has_date for entry in entries) < MIN_DATED_ENTRIES:
        return entries
    marked = {
        entry.link.url for entry in entries if entry.has_date or entry.has_heading
    }  # a second link may say "Läs mer"
    return [entry for entry in entries if entry.link.url in marked]


def iter_listing_entries(page: Selector, url: str, agency: Agency) -> Iterator[ListingEntry]:
    """Every link of a listing that may lead to a release, or to another view of the listing."""
    own, base = urlsplit(canonical_url(url)).path.rstrip("/"), find_base_url(page, url)
    pager = ListingPager(page, url, agency)
    for link in iter_content_links(page.root):
        href = (link.get("href") or "").strip()
        if not href or href.startswith(("#", "mailto:", "tel:", "javascript:")):
            continue
        address = resolve_canonical_url(base, href)
        if not address:
            continue
        path = urlsplit(address).path.rstrip("/")
        here = path == own
        if not is_release_url(address, agency) or (pager.includes(address) if here else not path):
            continue
        headed, dated = is_heading_link(link), DATED_PATH.search(path) is not None
        if agency.releases or headed or here or path.startswith(own + "/") or NEWS_PATH.search(path) or dated:
            entry = build_listing_entry(link, address, has_heading=headed, is_same_path=here)
            entry.has_date |= dated and not here
            yield entry
