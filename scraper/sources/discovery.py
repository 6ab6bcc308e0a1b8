"""Finds the sources of an agency: those declared in agencies.toml, or those that its home page links to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from scraper.agency import Agency
from scraper.normalise.urls import resolve_canonical_url
from scraper.sources.links import FILE_PATH
from scraper.sources.listings import find_base_url, get_line_text, parse_source_page, resolve_page_url

NEWS_LINK_TEXT = re.compile(
    r"(alla |senaste )?(nyheter|nyhetsarkiv|aktuellt|pressmeddelanden|pressrum|press|news|press releases)\b.{0,25}",
    re.IGNORECASE,
)
PRESS_LINK_TEXT = re.compile(r"press(rum)?", re.IGNORECASE)
FEED_MEDIA_TYPES = ("application/rss+xml", "application/atom+xml")
MAX_LISTINGS = 5

SourceKind = Literal["feed", "sitemap", "listing"]


@dataclass(slots=True)
class SourceURLs:
    """The URLs of an agency's sources, by kind."""

    feeds: list[str] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)
    listings: list[str] = field(default_factory=list)

    def iter_by_kind(self) -> Iterator[tuple[SourceKind, str]]:
        """Yield the kind and URL of every source."""
        yield from (("feed", url) for url in self.feeds)
        yield from (("sitemap", url) for url in self.sitemaps)
        yield from (("listing", url) for url in self.listings)


def get_declared_sources(agency: Agency) -> SourceURLs:
    return SourceURLs(list(agency.feeds), list(agency.sitemaps), list(agency.listings))


def find_sources(body: bytes, url: str, agency: Agency) -> SourceURLs:
    """Find the feeds and listings that a home page links to.

    Feeds are its `<link rel=alternate>` elements. Listings are up to MAX_LISTINGS links with a text such as "Nyheter".
    Raises SourceError if the page is empty or has too many tags.
    """
    page = parse_source_page(body, url)
    base = find_base_url(page, url)
    found, press_pages = SourceURLs(), list[str]()
    for link in page.xpath("//link[contains(@rel, 'alternate') and @href]"):
        kind, title = link.root.get("type", ""), link.root.get("title", "")
        address = resolve_canonical_url(base, link.root.get("href"))
        if address and kind in FEED_MEDIA_TYPES and not re.search("comment|kommentar", title, re.IGNORECASE):
            found.feeds.append(address)
    for link in page.xpath("//a[@href]"):
        text = get_line_text(link.root)
        if not NEWS_LINK_TEXT.fullmatch(text):
            continue
        address = resolve_page_url(link.root.get("href").strip(), base, url, agency)
        if not address or FILE_PATH.search(urlsplit(address).path) or address in found.listings:
            continue
        found.listings.append(address)
        if PRESS_LINK_TEXT.fullmatch(text):
            press_pages.append(address)
    for hub in press_pages:  # an overview for the press; a page below it lists the releases themselves
        if any(listing != hub and listing.startswith(hub.rstrip("/") + "/") for listing in found.listings):
            found.listings.remove(hub)
    found.listings.sort(key=lambda address: urlsplit(address).path.count("/"))
    del found.listings[MAX_LISTINGS:]
    return found
