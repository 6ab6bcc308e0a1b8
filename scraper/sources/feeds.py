"""Parses RSS and Atom feeds. Times are returned as ISO 8601 in UTC."""

from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, datetime
from io import BytesIO
from time import struct_time

import feedparser

from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.normalise.page_urls import resolve_canonical_url
from scraper.sources.links import SourceLink, drop_session_ids, is_release_url

# Raised by feedparser for a lone surrogate, an unknown encoding or a duplicate namespace (found by
# tests/harness/fuzz).
FEEDPARSER_ERRORS = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RecursionError,
)

# The end of a feed's root element, or an empty root; and the beginning and end of one of its
# entries.
ROOT_END = re.compile(rb"</(?:\w+:)?(?:rss|feed|rdf)\s*>|<(?:rss|feed)\b[^<>]*/>", re.IGNORECASE)
ENTRY_START = re.compile(rb"<(?:\w+:)?(?:item|entry)[\s>]", re.IGNORECASE)
ENTRY_END = re.compile(rb"</(?:\w+:)?(?:item|entry)\s*>", re.IGNORECASE)


class CutFeedError(SourceError):
    """Raised if only the beginning of a feed was received.

    `links` are the links of the complete entries.
    """

    def __init__(self, url: str, links: list[SourceLink]) -> None:
        super().__init__(
            url, f"is cut off: it has no end; {len(links)} links could be read", "cut source"
        )
        self.links = links


def parse_feed(body: bytes, url: str, agency: Agency) -> list[SourceLink]:
    """Parse an RSS or Atom feed, and return its links.

    Raises SourceError if the body is not such a feed. If the feed is cut off, raises CutFeedError,
    which contains the links of the complete entries.
    """
    try:
        feed = feedparser.parse(BytesIO(body), response_headers={"content-location": url})
    except FEEDPARSER_ERRORS as error:
        raise SourceError(url, f"is not an RSS or Atom feed ({error})") from error
    if not feed.get("version"):
        raise SourceError(
            url, f"is not an RSS or Atom feed ({feed.get('bozo_exception', 'unknown format')})"
        )
    text = body.replace(b"\0", b"")  # the markup of UTF-16 and UTF-32 as ASCII
    is_cut = _is_cut_feed(text)
    links = []
    # the address in an entry without an end may be cut, too
    for entry in feed.entries[: len(ENTRY_END.findall(text))] if is_cut else feed.entries:
        if address := _find_entry_url(entry, url, agency):
            published = _format_feed_time(entry.get("published_parsed"))
            # .get() would return the published time for a missing update, with a deprecation
            # warning.
            updated = (
                _format_feed_time(entry["updated_parsed"])
                if "updated_parsed" in entry
                else published
            )
            links.append(SourceLink(address, updated, published))
    links = drop_session_ids(links)
    if is_cut:
        raise CutFeedError(url, links)
    return links


def _is_cut_feed(text: bytes) -> bool:
    """Return whether the end of a feed's root element is missing.

    Other errors in the XML are ignored.

    >>> _is_cut_feed(b"<rss><channel>A & B</channel></rss> <!-- cached -->")
    False
    >>> _is_cut_feed(b"<rss><channel>")
    True
    """
    ends = [match.end() for match in ROOT_END.finditer(text)]
    return not ends or ENTRY_START.search(text, ends[-1]) is not None


def _find_entry_url(entry: feedparser.FeedParserDict, url: str, agency: Agency) -> str | None:
    """Return the URL of a feed entry, or None if the entry has no usable link.

    If the entry has several alternate links to HTML pages, the first that can be a release is used,
    or else the first one.
    """
    page_urls = [
        address
        for link in entry.get("links", ())
        # feedparser assumes text/html if a link has no type
        if link.get("rel") == "alternate"
        and link.get("type") in ("text/html", "application/xhtml+xml")
        if link.get("href")
        if (address := resolve_canonical_url(url, link["href"]))
    ]
    if len(page_urls) > 1:
        return next(
            (address for address in page_urls if is_release_url(address, agency)), page_urls[0]
        )
    return resolve_canonical_url(url, entry.link) if entry.get("link") else None


def _format_feed_time(time_tuple: struct_time | None) -> str | None:
    """Format a time from feedparser as ISO 8601 in UTC.

    Returns None if the time is missing or out of range.
    """
    try:
        return datetime.fromtimestamp(timegm(time_tuple), UTC).isoformat() if time_tuple else None
    except (ValueError, OverflowError):  # some systems write the year 0 or 9999 for an unknown date
        return None
