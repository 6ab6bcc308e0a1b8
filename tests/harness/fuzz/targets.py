"""The tested functions: each must raise a documented error or return a release that can be stored
and shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from lxml import html

from archive.database.models import hash_state, to_state
from scraper.agency import Agency
from scraper.errors import PageError, SourceError
from scraper.normalise.conversion import to_release
from scraper.normalise.dates import parse_label
from scraper.pages.page_reader import read_page
from scraper.sources.discovery import find_sources
from scraper.sources.feeds import parse_feed
from scraper.sources.listings import parse_listing
from scraper.sources.xml_sitemaps import parse_robots_sitemaps, parse_sitemap

URL = "https://www.fyrstyrelsen.example/nyheter/2024/fyren-tands"
AGENCY = Agency(slug="fyrstyrelsen", name="Fyrstyrelsen", home="https://www.fyrstyrelsen.example/")
UNKEEPABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
RUNS = re.compile(r"^\s*(javascript|data|vbscript)\s*:", re.IGNORECASE)
FORBIDDEN = re.compile(
    "script|style|iframe|object|embed|form|input|svg|math|link|meta|base", re.IGNORECASE
)


class BrokenPromiseError(AssertionError):
    """A result cannot be stored or shown."""


def feed_page(body: bytes) -> str:
    """Parse a release page, and return the outcome in one word."""
    try:
        release = to_release(read_page(body, URL, AGENCY))
    except PageError:
        return "refused"
    state = to_state(release)
    text = json.dumps(state, ensure_ascii=False)
    expect(not UNKEEPABLE.search("".join(strings(state))), "a text holds what no text may")
    expect(len(hash_state(state)) == 64 and bool(text.encode()), "its state cannot be hashed")
    expect(bool(release.title.strip()), "its title is empty")
    check_url(release.url)
    check_markup(release.body_html)
    return "read"


def feed_source(read: Callable[[bytes], object]) -> Callable[[bytes], str]:
    """Parse a feed, sitemap, listing or the like, and return the outcome."""

    def feed(body: bytes) -> str:
        try:
            read(body)
        except SourceError:
            return "refused"
        return "read"

    return feed


def feed_label(body: bytes) -> str:
    """Parse a date label, and return the outcome."""
    try:
        parse_label(body.decode("utf-8", "replace")[:2000], URL)
    except ValueError:
        return "refused"
    return "read"


TARGETS: dict[str, Callable[[bytes], str]] = {
    "page": feed_page,
    "feed": feed_source(lambda body: parse_feed(body, URL, AGENCY)),
    "sitemap": feed_source(lambda body: parse_sitemap(body, URL, AGENCY)),
    "listing": feed_source(lambda body: parse_listing(body, URL, AGENCY)),
    "home": feed_source(lambda body: find_sources(body, URL, AGENCY)),
    "robots": feed_source(lambda body: parse_robots_sitemaps(body, URL)),
    "label": feed_label,
}


def expect(holds: bool, problem: str) -> None:
    """Raise BrokenPromiseError if a condition is false."""
    if not holds:
        raise BrokenPromiseError(problem)


def check_url(url: str) -> None:
    """Check that a URL can be requested."""
    expect(urlsplit(url).scheme in ("http", "https"), f"{url!r} is no address")


def check_markup(markup: str) -> None:
    """Check that HTML contains nothing executable."""
    for node in html.fragment_fromstring(markup, create_parent="div").iter():
        is_allowed = isinstance(node.tag, str) and not FORBIDDEN.fullmatch(node.tag)
        expect(is_allowed, f"body_html holds {node.tag!s}")
        for name, value in node.items():
            runs = name.startswith("on") or RUNS.match(value)
            expect(not runs, f"body_html holds {name}={value!r}")


def strings(value: Any) -> list[str]:
    """Yield every text in a state."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    members = value if isinstance(value, list | tuple) else ()
    return [text for member in members for text in strings(member)]
