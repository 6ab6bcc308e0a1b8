"""Where links come from: feeds, sitemaps and listings, and finding them from an agency's home page."""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from urllib.parse import parse_qsl, urljoin, urlsplit

import feedparser
from lxml.etree import XMLSyntaxError
from parsel import Selector
from scrapy.utils.gz import gunzip
from scrapy.utils.sitemap import Sitemap

from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.normalise.urls import canonical_url

NEWS_WORDS = r"nyhet|nyheter|nyhetsarkiv|aktuellt|press|pressmeddelande|pressmeddelanden|pressrum|news|press-?releases?"
NEWS_PATH = re.compile(rf"/({NEWS_WORDS})([-/]|$)", re.IGNORECASE)
NEWS_NAV = re.compile(
    r"(alla |senaste )?(nyheter|nyhetsarkiv|aktuellt|pressmeddelanden|pressrum|press|news|press releases)\b.{0,25}",
    re.IGNORECASE,
)
DATED_PATH = re.compile(r"/(19|20)\d\d[-/]")
NEXT = re.compile(r"(nästa|next|äldre|fler|visa fler|ladda fler|older)\b.{0,25}|[›»→>]+", re.IGNORECASE)
FEED_TYPES = ("application/rss+xml", "application/atom+xml")
FILES = re.compile(r"\.(pdf|docx?|xlsx?|pptx?|zip|jpe?g|png|gif|svg|mp[34]|ics|xml|rss)$", re.IGNORECASE)
SITEMAP_MAX = 50 * 1024 * 1024  # bytes unpacked, as sitemaps.org allows
CHROME = (
    "nav|header|footer|aside|form|*[contains(@class, 'breadcrumb') or contains(@class, 'pagin')"
    " or contains(@class, 'related') or contains(@class, 'share') or contains(@class, 'cookie')]"
)
NOT_IN_CHROME = "not(" + " or ".join(f"ancestor::{part}" for part in CHROME.split("|")) + ")"
PAGER = "*[contains(@class, 'pagin') or contains(@class, 'pager') or contains(@class, 'Pagin')]"


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
    found = Sources()
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
    found.listings.sort(key=lambda address: urlsplit(address).path.count("/"))
    del found.listings[5:]
    return found


def is_release(url: str, agency: Agency) -> bool:
    """Whether an address can be a release of the agency: its own host, and its `releases` pattern if it has one."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not agency.owns(url) or FILES.search(parts.path):
        return False
    return not agency.releases or bool(re.search(agency.releases, parts.path))


def is_news(url: str, agency: Agency) -> bool:
    """Whether an address among all of a site's speaks of news; the agency's own pattern settles it."""
    return bool(agency.releases) or bool(NEWS_PATH.search(urlsplit(url).path.rstrip("/").rpartition("/")[0] + "/"))


def listed_links(page: Selector, url: str, agency: Agency) -> Iterator[Link]:
    """The links of a listing that lead to releases, each with the time that stands beside it."""
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
        headed = link.xpath("ancestor::h2 | ancestor::h3 | ancestor::h4 | .//h2 | .//h3 | .//h4")
        if agency.releases or headed or path.startswith(own + "/") or NEWS_PATH.search(path) or DATED_PATH.search(path):
            beside = link.xpath("(ancestor::li | ancestor::article)[last()]//time/@datetime").get()
            yield Link(address, to_utc(beside))


def find_next(page: Selector, url: str, agency: Agency) -> str | None:
    """The next page of a listing: rel=next, a link that says so, or the pager's number after the present one."""
    declared = "//link[@rel='next']/@href | //a[contains(concat(' ', @rel, ' '), ' next ')]/@href"
    if href := page.xpath(declared).get():
        return next_address(href, url, agency)
    for link in page.xpath("//a[@href]"):
        if NEXT.fullmatch(link_text(link)) or NEXT.fullmatch(link.attrib.get("aria-label", "")):
            address = next_address(link.attrib["href"], url, agency)
            if address and same_listing(address, url):
                return address
    numbers = {link_text(link): link.attrib["href"] for link in page.xpath(f"//{PAGER}//a[@href]")}
    present = page.xpath(f"//{PAGER}//*[@aria-current or contains(@class, 'current') or contains(@class, 'active')]")
    for number in present.xpath("normalize-space(.)").re(r"\d+")[:1]:
        following = numbers.get(str(int(number) + 1))
        return next_address(following, url, agency) if following else None
    return None


def next_address(href: str, url: str, agency: Agency) -> str | None:
    """The absolute address of a next page on the agency's own host."""
    address = absolute(url, href)
    return address if address and agency.owns(address) and address != canonical_url(url) else None


def absolute(base: str, href: str) -> str | None:
    """A link's canonical address; None where it is none, such as `http://[`.

    >>> absolute("https://skog.example/nyheter", "a#top"), absolute("https://skog.example/", "http://[")
    ('https://skog.example/a', None)
    """
    try:
        return canonical_url(urljoin(base, href))
    except ValueError:
        return None


def same_listing(address: str, url: str) -> bool:
    """Whether an address is another page of the listing at `url`: the same path, or one below or beside it."""
    if urlsplit(address).path.rstrip("/") == urlsplit(url).path.rstrip("/"):
        return parse_qsl(urlsplit(address).query) != parse_qsl(urlsplit(url).query)
    return bool(re.search(r"/(page|sida|p)/?\d+/?$", urlsplit(address).path))


def link_text(link: Selector) -> str:
    """What a link says, on one line."""
    return str(link.xpath("normalize-space(.)").get() or "")


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
