"""Where links come from: feeds, sitemaps and listings, and finding them from an agency's home page."""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from urllib.parse import urlsplit

import feedparser
from lxml.etree import XMLSyntaxError
from parsel import Selector
from scrapy.utils.gz import gunzip
from scrapy.utils.sitemap import Sitemap

from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.normalise.months import MONTH
from scraper.normalise.urls import absolute, canonical_url
from scraper.pagers import find_next, link_text

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
SHOWN_DATE = re.compile(rf"\b(19|20)\d\d-[01]\d-[0-3]\d\b|\b[0-3]?\d\.? ?{MONTH}", re.IGNORECASE)
FEWEST_DATED = 3  # entries with a date make it the mark of a listing's entries
DATED_PATH = re.compile(r"/(19|20)\d\d[-/]")
FEED_TYPES = ("application/rss+xml", "application/atom+xml")
FILES = re.compile(r"\.(pdf|docx?|xlsx?|pptx?|zip|jpe?g|png|gif|svg|mp[34]|ics|xml|rss)$", re.IGNORECASE)
SITEMAP_MAX = 50 * 1024 * 1024  # bytes unpacked, as sitemaps.org allows
CHROME = (
    "nav|header|footer|aside|form|*[contains(@class, 'breadcrumb') or contains(@class, 'pagin')"
    " or contains(@class, 'related') or contains(@class, 'share') or contains(@class, 'cookie')]"
)
NOT_IN_CHROME = "not(" + " or ".join(f"ancestor::{part}" for part in CHROME.split("|")) + ")"


@dataclass(frozen=True, slots=True)
class Link:
    """A release's address as a source lists it; `listed` is the source's own time for it, ISO 8601 in UTC."""

    url: str
    listed: str | None = None


@dataclass(slots=True)
class Sources:
    """The sources of one agency, as addresses."""

    feeds: list[str] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)
    listings: list[str] = field(default_factory=list)


def declared_sources(agency: Agency) -> Sources:
    """The sources its table names."""
    return Sources(list(agency.feeds), list(agency.sitemaps), list(agency.listings))


def parse_feed(body: bytes, url: str) -> list[Link]:
    """The entries of an RSS or Atom feed; SourceError where it is neither."""
    feed = feedparser.parse(BytesIO(body), response_headers={"content-location": url})
    if not feed.get("version"):
        raise SourceError(url, f"is no RSS or Atom feed ({feed.get('bozo_exception', 'unknown format')})")
    return [
        Link(address, feed_time(entry))
        for entry in feed.entries
        if entry.get("link") and (address := absolute(url, entry.link))
    ]


def parse_sitemap(body: bytes, url: str, agency: Agency) -> tuple[list[Link], list[Link]]:
    """The releases a sitemap names, and the sitemaps a sitemap index names; SourceError where it is neither."""
    try:
        sitemap = Sitemap(gunzip(body, max_size=SITEMAP_MAX) if body.startswith(b"\x1f\x8b") else body)
    except (XMLSyntaxError, ValueError, AttributeError, StopIteration, OSError) as error:
        raise SourceError(url, f"is no sitemap: {error}") from error
    if sitemap.type not in ("urlset", "sitemapindex"):
        raise SourceError(url, f"is no sitemap: its root is {sitemap.type}")
    links = [
        Link(address, to_utc(entry.get("lastmod")))
        for entry in sitemap
        if entry.get("loc") and (address := absolute(url, entry["loc"]))
    ]
    if sitemap.type == "sitemapindex":
        return [], links
    return [link for link in links if is_release(link.url, agency) and is_news(link.url, agency)], []


def parse_listing(body: bytes, url: str, agency: Agency) -> tuple[list[Link], str | None]:
    """The releases a listing page links to, in its order, and the address of its next page, if any."""
    page = Selector(body=body, base_url=url)
    links: dict[str, Link] = {}
    for link in listed_links(page, url, agency):
        links.setdefault(link.url, link)
    return list(links.values()), find_next(page, url, agency)


def parse_robots(body: bytes, url: str) -> list[str]:
    """The addresses of robots.txt's Sitemap lines."""
    lines = body.decode("utf-8-sig", errors="replace").splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    found = [absolute(url, value.strip()) for key, value in pairs if key.strip().lower() == "sitemap"]
    return [address for address in found if address]


def find_sources(body: bytes, url: str, agency: Agency) -> Sources:
    """Feeds and listings that a home page shows: `<link rel=alternate>` and the navigation's words."""
    page = Selector(body=body, base_url=url)
    found, hubs = Sources(), list[str]()
    for link in page.xpath("//link[contains(@rel, 'alternate') and @href]"):
        kind, title = link.attrib.get("type", ""), link.attrib.get("title", "")
        address = absolute(url, link.attrib["href"])
        if address and kind in FEED_TYPES and not re.search("comment|kommentar", title, re.IGNORECASE):
            found.feeds.append(address)
    for link in page.xpath("//a[@href]"):
        text = link_text(link)
        address = absolute(url, link.attrib["href"])
        if not address:
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


def listed_links(page: Selector, url: str, agency: Agency) -> list[Link]:
    """The links of a listing that lead to releases, each with the time that stands beside it.

    Where its entries show dates or have headings, what shows neither is a page of service: contacts, pictures.
    """
    entries = list(entries_of(page, url, agency))
    dated = sum(1 for _, shown, _ in entries if shown)
    if agency.releases or dated < FEWEST_DATED:
        return [link for link, _, _ in entries]
    marked = {link.url for link, shown, headed in entries if shown or headed}  # a second link may say "Läs mer"
    return [link for link, _, _ in entries if link.url in marked]


def entries_of(page: Selector, url: str, agency: Agency) -> Iterator[tuple[Link, bool, bool]]:
    """Every link of a listing that may lead to a release; whether a date stands beside it; whether it is a heading."""
    own = urlsplit(canonical_url(url)).path.rstrip("/")
    main = page.xpath("//main | //*[@role='main']") or page.xpath("//body")
    for link in main.xpath(f".//a[@href and {NOT_IN_CHROME}]"):
        href = link.attrib["href"].strip()
        if not href or href.startswith(("#", "mailto:", "tel:", "javascript:")):
            continue
        address = absolute(url, href)
        if not address:
            continue
        path = urlsplit(address).path.rstrip("/")
        if path in ("", own) or not is_release(address, agency):
            continue
        headed = bool(link.xpath("ancestor::h2 | ancestor::h3 | ancestor::h4 | .//h2 | .//h3 | .//h4"))
        if agency.releases or headed or path.startswith(own + "/") or NEWS_PATH.search(path) or DATED_PATH.search(path):
            item = next(iter(link.xpath("(ancestor::li | ancestor::article | ancestor::tr)[last()]")), link)
            shown = bool(item.xpath(".//time")) or SHOWN_DATE.search(link_text(item)) is not None
            yield (
                Link(address, to_utc(item.xpath(".//time/@datetime").get())),
                shown or bool(DATED_PATH.search(path)),
                headed,
            )


def feed_time(entry: feedparser.FeedParserDict) -> str | None:
    """When a feed's entry was changed, else published, as ISO 8601 in UTC."""
    # `in` first: where updated is absent, feedparser hands out published under its name, and warns
    parsed = entry["updated_parsed"] if "updated_parsed" in entry else entry.get("published_parsed")
    try:
        return datetime.fromtimestamp(timegm(parsed), UTC).isoformat() if parsed else None
    except (ValueError, OverflowError):  # such as the year 0 or 9999, which some systems write for none
        return None


def to_utc(text: str | None) -> str | None:
    """A W3C date or time (sitemaps.org) as ISO 8601 in UTC; a day stays a day, anything else is None.

    >>> to_utc("2024-03-01T10:00:00+01:00")
    '2024-03-01T09:00:00+00:00'
    >>> to_utc("2024-03-01")
    '2024-03-01'
    """
    text = (text or "").strip()
    try:
        if len(text) == 10:
            return datetime.fromisoformat(text).date().isoformat()
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC).replace(microsecond=0).isoformat() if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None
