"""RSS/Atom (feedparser) and sitemaps → links with times.

What a sitemap says: its kind and its entries, whether it is packed or not, and where it is written carelessly.

Times as feeds, sitemaps and listings write them beside their links.
"""

from __future__ import annotations

import re
import zlib
from calendar import timegm
from datetime import UTC, datetime
from itertools import islice
from time import struct_time
from typing import Any

import feedparser
from lxml import etree
from scrapy.utils.sitemap import Sitemap

from scraper.errors import SourceError

MAX_SITEMAP_BYTES = 50 * 1024 * 1024  # bytes unpacked, as sitemaps.org allows; as sent, DOWNLOAD_MAXSIZE
MAX_SITEMAP_URLS = 50_000  # addresses, as it allows
MAX_AMPERSANDS = 20 * MAX_SITEMAP_URLS  # and no more of these
GZIP_MAGIC = b"\x1f\x8b"
GZIP_WBITS = 16 + zlib.MAX_WBITS
GZIP_CHUNK = 4096  # bytes unpacked at once: what remains of them is copied for each member that ends within
# An ampersand that begins no reference XML knows; in CDATA each stands for itself.
BARE_AMPERSAND = re.compile(
    rb"(<!\[CDATA\[.*?(?:\]\]>|\Z))|&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9a-fA-F]+);)", re.DOTALL
)


def parse_sitemap_xml(body: bytes, url: str) -> tuple[str, list[dict[str, Any]]]:
    """What a sitemap's root is called, and its entries as dicts; SourceError where it is no sitemap or not whole."""
    try:
        sitemap = Sitemap(escape_ampersands(decompress_sitemap(body) if body.startswith(GZIP_MAGIC) else body))
        entries = list(islice(sitemap, MAX_SITEMAP_URLS + 1))
    except (etree.XMLSyntaxError, ValueError, AttributeError, StopIteration, zlib.error) as error:
        raise SourceError(url, f"is no sitemap: {error}") from error
    if len(entries) > MAX_SITEMAP_URLS:
        raise SourceError(url, f"names more than {MAX_SITEMAP_URLS} addresses")
    return sitemap.type, entries


def decompress_sitemap(body: bytes) -> bytes:
    """What a gzip file of one member or several holds; ValueError where it ends too early or holds too much.

    What follows the last member, and is none, counts nothing.
    """
    parts, size, packed = list[bytes](), 0, zlib.decompressobj(GZIP_WBITS)
    for start in range(0, len(body), GZIP_CHUNK):
        rest = body[start : start + GZIP_CHUNK]
        while rest:
            if packed.eof:
                if rest[:1] != GZIP_MAGIC[:1]:
                    return b"".join(parts)
                packed = zlib.decompressobj(GZIP_WBITS)
            part = packed.decompress(rest)
            parts.append(part)
            size += len(part)
            if size > MAX_SITEMAP_BYTES:
                raise ValueError(f"unpacked it is larger than {MAX_SITEMAP_BYTES} bytes")
            rest = packed.unused_data
    if not packed.eof:
        raise ValueError("it is cut off: its gzip file does not end")
    return b"".join(parts)


def escape_ampersands(body: bytes) -> bytes:
    r"""XML with every bare ampersand escaped; ValueError for a trap full of them.

    A parser that makes do with them leaves out what follows, so that another address is read.

    >>> escape_ampersands(b"<loc>/a?id=1&lang=sv&amp;p=2&#38;q=3</loc><![CDATA[/b?id=1&lang=sv]]>")
    b'<loc>/a?id=1&amp;lang=sv&amp;p=2&#38;q=3</loc><![CDATA[/b?id=1&lang=sv]]>'
    """
    if b"\0" in body[:4]:  # UTF-16 or UTF-32, in which an ampersand is more than this byte
        return body
    if body.count(b"&") > MAX_AMPERSANDS:
        raise ValueError(f"it has more than {MAX_AMPERSANDS} ampersands: taken for a trap")
    return BARE_AMPERSAND.sub(lambda found: found[1] or b"&amp;", body)


def read_entry_updated(entry: feedparser.FeedParserDict) -> str | None:
    """When a feed's entry was changed, else published, as ISO 8601 in UTC."""
    # `in` first: where updated is absent, feedparser hands out published under its name, and warns
    return format_feed_time(entry["updated_parsed"] if "updated_parsed" in entry else entry.get("published_parsed"))


def read_entry_published(entry: feedparser.FeedParserDict) -> str | None:
    """When a feed's entry was published, as ISO 8601 in UTC."""
    return format_feed_time(entry.get("published_parsed"))


def format_feed_time(time_tuple: struct_time | None) -> str | None:
    """A time of feedparser's as ISO 8601 in UTC; None for one that is none."""
    try:
        return datetime.fromtimestamp(timegm(time_tuple), UTC).isoformat() if time_tuple else None
    except (ValueError, OverflowError):  # such as the year 0 or 9999, which some systems write for none
        return None


def normalise_w3c_date(text: str | None) -> str | None:
    """A W3C date or time (sitemaps.org) as ISO 8601 in UTC; a day stays a day, anything else is None.

    >>> normalise_w3c_date("2024-03-01T10:00:00+01:00")
    '2024-03-01T09:00:00+00:00'
    >>> normalise_w3c_date("2024-03-01")
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
