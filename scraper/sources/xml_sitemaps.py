"""Parses sitemaps and the Sitemap lines of robots.txt.

Times are ISO 8601 in UTC, or a date alone if the sitemap gives no time of day.
"""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from lxml import etree
from scrapy.utils.sitemap import Sitemap

from archive.database.frontier import FrontierEntry
from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.normalise.page_urls import resolve_canonical_url
from scraper.sources.links import SourceLink, is_news_url, is_release_url

# Limits of sitemaps.org; exceeding them is a sign of a crawler trap. DOWNLOAD_MAXSIZE limits the
# compressed size.
MAX_SITEMAP_BYTES = 50 * 1024 * 1024  # after decompression
MAX_SITEMAP_URLS = 50_000
MAX_AMPERSANDS = 20 * MAX_SITEMAP_URLS

GZIP_MAGIC = b"\x1f\x8b"
GZIP_WBITS = 16 + zlib.MAX_WBITS
# bytes decompressed at a time; what is left of a chunk is copied at the end of each gzip member
GZIP_CHUNK = 4096

# An ampersand that does not begin an XML reference. CDATA sections (group 1) are skipped.
BARE_AMPERSAND = re.compile(
    rb"(<!\[CDATA\[.*?(?:\]\]>|\Z))|&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9a-fA-F]+);)", re.DOTALL
)


def parse_sitemap(
    body: bytes, url: str, agency: Agency
) -> tuple[list[SourceLink], list[SourceLink]]:
    """Parse a sitemap or a sitemap index, and return its links to releases and to sitemaps.

    A sitemap has no links to sitemaps, and an index has no links to releases. Raises SourceError if
    the body is neither, is truncated or exceeds a limit.
    """
    kind, entries = _read_sitemap(body, url)
    links = [
        SourceLink(address, normalise_w3c_date(entry.get("lastmod")))
        for entry in entries
        if entry.get("loc") and (address := resolve_canonical_url(url, entry["loc"]))
    ]
    if kind == "sitemapindex":
        return [], links
    return [
        link for link in links if is_release_url(link.url, agency) and is_news_url(link.url, agency)
    ], []


def _read_sitemap(body: bytes, url: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the name of a sitemap's root element, and the sitemap's entries.

    Raises SourceError if the sitemap is invalid or exceeds a limit.
    """
    try:
        sitemap = Sitemap(
            _escape_ampersands(_decompress_sitemap(body) if body.startswith(GZIP_MAGIC) else body)
        )
        entries: list[dict[str, Any]] = list(islice(sitemap, MAX_SITEMAP_URLS + 1))
    except (etree.XMLSyntaxError, ValueError, AttributeError, StopIteration, zlib.error) as error:
        raise SourceError(url, f"is not a sitemap: {error}") from error
    if len(entries) > MAX_SITEMAP_URLS:
        raise SourceError(url, f"lists more than {MAX_SITEMAP_URLS} URLs")
    if sitemap.type not in ("urlset", "sitemapindex"):
        raise SourceError(url, f"is not a sitemap: its root is {sitemap.type}")
    return sitemap.type, entries


def _decompress_sitemap(body: bytes) -> bytes:
    """Decompress a gzip file of one or more members. Anything after the last member is ignored.

    Raises ValueError if the file is truncated or decompresses to more than MAX_SITEMAP_BYTES.
    """
    parts, size, decompressor = list[bytes](), 0, zlib.decompressobj(GZIP_WBITS)
    for start in range(0, len(body), GZIP_CHUNK):
        remaining = body[start : start + GZIP_CHUNK]
        while remaining:
            if decompressor.eof:
                if remaining[:1] != GZIP_MAGIC[:1]:
                    return b"".join(parts)
                decompressor = zlib.decompressobj(GZIP_WBITS)
            piece = decompressor.decompress(remaining)
            parts.append(piece)
            size += len(piece)
            if size > MAX_SITEMAP_BYTES:
                raise ValueError(f"decompressed, it is larger than {MAX_SITEMAP_BYTES} bytes")
            remaining = decompressor.unused_data
    if not decompressor.eof:
        raise ValueError("it is truncated: its gzip file has no end")
    return b"".join(parts)


def _escape_ampersands(body: bytes) -> bytes:
    r"""Escape bare ampersands in XML. Raises ValueError if there are more than MAX_AMPERSANDS.

    A lenient parser would drop the text after a bare ampersand, and return a different URL.

    >>> _escape_ampersands(b"<loc>/a?id=1&lang=sv&amp;p=2&#38;q=3</loc><![CDATA[/b?id=1&lang=sv]]>")
    b'<loc>/a?id=1&amp;lang=sv&amp;p=2&#38;q=3</loc><![CDATA[/b?id=1&lang=sv]]>'
    """
    if b"\0" in body[:4]:  # UTF-16 or UTF-32: an ampersand is more than one byte
        return body
    if body.count(b"&") > MAX_AMPERSANDS:
        raise ValueError(f"it has more than {MAX_AMPERSANDS} ampersands: treated as a trap")
    return BARE_AMPERSAND.sub(lambda match: match[1] or b"&amp;", body)


def normalise_w3c_date(text: str | None) -> str | None:
    """Convert a W3C date or time (sitemaps.org) to ISO 8601 in UTC.

    A date without a time stays a date. Returns None for anything else, including a time without a
    UTC offset.

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


def parse_robots_sitemaps(body: bytes, url: str) -> list[str]:
    lines = body.decode("utf-8-sig", errors="replace").splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    urls = [
        resolve_canonical_url(url, value.strip())
        for key, value in pairs
        if key.strip().lower() == "sitemap"
    ]
    return [address for address in urls if address]


def is_sitemap_unchanged(row: FrontierEntry | None, listed: str | None) -> bool:
    """Return whether a sitemap's date in the index is unchanged since the last complete reading.

    If the date has no time, the sitemap may have changed later on that day. The sitemap then counts
    as unchanged only if it was read after that day.

    row: the sitemap's row in the frontier, or None if it has no row.
    listed: the date in the index, or None if the index gives no date.
    """
    if not row or row.state != "done" or not listed or row.listed_at != listed:
        return False
    return len(listed) > 10 or (row.fetched_at or "")[:10] > listed
