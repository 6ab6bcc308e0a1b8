"""Finds the sources of an agency.

These are the sources declared in agencies.toml, and those that the agency's home page links to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from parsel import Selector

from scraper.agency import Agency, find_press_wire
from scraper.normalise.dates import MONTH_NAME_PATTERN
from scraper.normalise.page_urls import resolve_canonical_url
from scraper.normalise.text_cleaning import build_alternation
from scraper.pages.page_type import PAGE_EXTENSION
from scraper.sources.links import (
    FILE_PATH,
    find_base_url,
    get_line_text,
    parse_source_page,
    resolve_page_url,
)

# Texts of links to listings, in the Nordic languages, German and English.
LISTING_NAME = build_alternation(r"""
    nyheter | nyhetsarkiv(?:et)? | nyhetsrum(?:met)? | aktuellt | pressmeddelanden
    pressrum(?:met)? | press | aktuelt | nyheder | presse | pressemeldinger | pressemeddelelser
    presserom | aktuelles | pressemitteilungen | ajankohtaista | uutiset | uutishuone
    tiedotteet | ođđasat | news | newsroom | press ?room | press releases
    """)
LINK_START = build_alternation(r"""
    till | gå till | se | visa | läs | läs mer | alla | allt | fler | flere | senaste | våra
    kaikki | lisää | all | more | latest | see | view | alle | mehr
    """)
SERVICE_WORD = build_alternation(r"""
    (?:tool )?kit | contacts? | kontakt\w* | photos | images | bilder | abonn\w+ | prenumer\w+
    subscri\w+ | mentions
    """)
NEWS_LINK_TEXT = re.compile(
    rf"\W*(?:{LINK_START} )*(?"
    rf"P<name>{LISTING_NAME})\b(?!-\w"
    rf"|\W*{SERVICE_WORD}\b)(?P<rest>.{{0,25}})",
    re.IGNORECASE,
)
PRESS_LINK_TEXT = re.compile(r"\W*(pressrum|presse?|presserom|press ?room)\W*", re.IGNORECASE)
# "Nyheter 1 april 2014" is a release
DATED_TEXT = re.compile(rf"\b[0-3]?\d\.? ?{MONTH_NAME_PATTERN}", re.IGNORECASE)
MAX_LISTINGS = 5
MAX_PRESS_ROOMS = 3


@dataclass(slots=True)
class SourceURLs:
    """The URLs of an agency's sources, by type.

    press_rooms: links to news on hosts that do not belong to the agency. Crawls read these pages
        only if the agency's table declares them.
    """

    feeds: list[str] = field(default_factory=list)
    sitemaps: list[str] = field(default_factory=list)
    listings: list[str] = field(default_factory=list)
    press_rooms: list[str] = field(default_factory=list, compare=False)

    def iter_by_kind(self) -> Iterator[tuple[str, str]]:
        yield from (("feed", url) for url in self.feeds)
        yield from (("sitemap", url) for url in self.sitemaps)
        yield from (("listing", url) for url in self.listings)


def get_declared_sources(agency: Agency) -> SourceURLs:
    """Return the sources that an agency's table declares, except press wires.

    A JSON endpoint counts as a listing at the URL of its first page.
    """
    endpoints = [source.first_url for source in agency.json]
    return SourceURLs(list(agency.feeds), list(agency.sitemaps), [*agency.listings, *endpoints])


def get_wire_sources(agency: Agency) -> SourceURLs:
    """Return the lists of the agency's press wires.

    JSON lists and press rooms count as listings, and RSS lists as feeds.
    """
    sources = SourceURLs()
    for wire in agency.wires:
        if wire.source:
            sources.listings.append(wire.source.first_url)
        else:
            (sources.listings if wire.is_press_room else sources.feeds).append(wire.list_url)
    return sources


def list_declared_urls(agency: Agency) -> list[str]:
    """Return the URLs of the sources that an agency's table declares, including press wires."""
    declared, wires = get_declared_sources(agency), get_wire_sources(agency)
    return [url for sources in (declared, wires) for _, url in sources.iter_by_kind()]


def find_sources(body: bytes, url: str, agency: Agency) -> SourceURLs:
    """Find the feeds, listings and press rooms that a home page links to.

    The feeds come from the page's `<link rel=alternate>` elements. The listings are up to
    MAX_LISTINGS links with a text such as "Nyheter". Raises SourceError if the page is empty or has
    too many tags.
    """
    page = parse_source_page(body, url)
    base = find_base_url(page, url)
    listings, press_pages, press_rooms = dict[str, tuple[bool, int]](), list[str](), list[str]()
    for link in page.xpath("//a[@href]"):
        text = get_line_text(link.root).replace("\N{SOFT HYPHEN}", "")
        href = link.root.get("href").strip()
        matched = NEWS_LINK_TEXT.fullmatch(text)
        if matched is None or DATED_TEXT.search(text):
            press_rooms += _find_named_press_room(text, href, base)
            continue
        address = resolve_page_url(href, base, url, agency)
        # releases at a wire are taken from the wire's own list
        if not address or agency.find_wire(address):
            press_rooms += _find_other_site(href, base, agency)
        elif not FILE_PATH.search(urlsplit(address).path):
            # texts that are only a name for news come first, then URLs with fewer folders
            has_rest = re.search(r"\w", matched["rest"]) is not None
            order = (has_rest, urlsplit(address).path.count("/"))
            listings[address] = min(order, listings.get(address, order))
            if PRESS_LINK_TEXT.fullmatch(text):
                press_pages.append(address)
    _drop_press_overviews(listings, press_pages)
    return SourceURLs(
        feeds=_find_feeds(page, base),
        listings=sorted(listings, key=lambda address: listings[address])[:MAX_LISTINGS],
        press_rooms=list(dict.fromkeys(press_rooms))[:MAX_PRESS_ROOMS],
    )


def _find_feeds(page: Selector, base: str) -> list[str]:
    """Return the URLs of the RSS and Atom feeds that a page links to, except feeds of comments."""
    feeds = []
    for link in page.xpath("//link[contains(@rel, 'alternate') and @href]"):
        kind, title = link.root.get("type", ""), link.root.get("title", "")
        address = resolve_canonical_url(base, link.root.get("href"))
        is_feed = kind in ("application/rss+xml", "application/atom+xml")
        if address and is_feed and not re.search("comment|kommentar", title, re.IGNORECASE):
            feeds.append(address)
    return feeds


def _find_named_press_room(text: str, href: str, base: str) -> list[str]:
    """Return a list with a link's URL if the link leads to a press wire that its text names.

    Returns [] for any other link. An example of such a text is "Vårt pressrum på Mynewsdesk".
    """
    address = resolve_canonical_url(base, href)
    wire = find_press_wire(address) if address else None
    return [address] if address and wire and wire.name.lower() in text.lower() else []


def _find_other_site(href: str, base: str, agency: Agency) -> list[str]:
    """Return a list with a link's URL if the link leads to a site other than the agency's.

    Returns [] for any other link.
    """
    address = resolve_canonical_url(base, href)
    if not address or urlsplit(address).scheme not in ("http", "https") or agency.owns(address):
        return []
    return [address]


def _drop_press_overviews(listings: dict[str, tuple[bool, int]], press_pages: list[str]) -> None:
    """Drop overview pages for the press if there is a listing below them.

    listings: the listings found so far. The dict is changed in place.
    press_pages: the URLs of the overview pages.
    """
    for hub in press_pages:
        folder = PAGE_EXTENSION.sub("", hub).rstrip("/") + "/"
        if any(listing != hub and listing.startswith(folder) for listing in listings):
            listings.pop(hub, None)
