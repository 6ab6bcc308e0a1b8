"""Parses the indexes of web archives (CDX and TimeMap), which list the captures of pages.

CDX servers list the captures of all pages below an address. The list is JSON lines (pywb), a JSON
array of rows (the Wayback Machine), or lines of values separated by spaces. A TimeMap (RFC 7089)
lists the captures of one page. The address of a CDX server is not standardised. In pywb, it is
`cdx` or `index` below a collection.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from archive.urls import canonical_url, strip_www
from scraper.agency import PastSource
from scraper.errors import SourceError

# host → its CDX server, which is not below its captures
CDX_SERVERS = {"web.archive.org": ["https://web.archive.org/cdx/search/cdx"]}
WAYBACK_FIELDS = {
    "fl": "timestamp,original,mimetype,statuscode,digest",
    "filter": "statuscode:200",
}
# names of the columns of a line of words, and other names for them in JSON
CDX_COLUMNS = ("urlkey", "timestamp", "url", "mime", "status", "digest")
CDX_NAMES = {"original": "url", "mimetype": "mime", "statuscode": "status"}
# also of one that was the same as an earlier one, or whose type is not known
PAGE_TYPE = re.compile(r"html|^(?:warc/revisit|unk|-)?$")
TIMESTAMP = re.compile(r"\d{14}")
MEMENTO_LINK = re.compile(r'<([^<>]+)>\s*;[^<>]*?\brel="[^"]*\bmemento\b[^"]*"')
CAPTURE_URL = re.compile(r"/(\d{14})(?:[a-z]{2}_)?/(https?:/.+)")
# what only a page rewritten for a visitor of the web archive has
REPLAY_MARKS = re.compile(rb"BEGIN WAYBACK TOOLBAR INSERT|/wombat\.js|/_static/js/bundle-playback")


class IndexedCapture(NamedTuple):
    """A capture that an index lists.

    timestamp: the time of the capture, as 14 digits in UTC.
    digest: the hash of the captured bytes, or "" if the index does not state it.
    """

    timestamp: str
    url: str
    digest: str = ""


def parse_timestamp(text: str) -> datetime:
    """Parse a time in UTC that is written as 14 digits.

    >>> parse_timestamp("20210503081500").isoformat()
    '2021-05-03T08:15:00+00:00'
    """
    return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)


def list_cdx_servers(source: PastSource) -> list[str]:
    """Return the addresses at which a web archive may have a CDX server."""
    host = urlsplit(source.url).hostname or ""
    return CDX_SERVERS.get(host) or [f"{source.url}{path}" for path in ("cdx", "index")]


def build_cdx_url(server: str, prefix: str, times: tuple[str, str], limit: int) -> str:
    """Return the URL that lists the captures of all addresses beginning with a prefix.

    times: the beginning and the end of the period in which the captures were made.
    """
    query = {"url": prefix, "matchType": "prefix", "output": "json", "from": times[0]}
    fields = WAYBACK_FIELDS if [server] in CDX_SERVERS.values() else {}
    return f"{server}?{urlencode({**query, 'to': times[1], 'limit': str(limit), **fields})}"


def build_capture_url(source: PastSource, timestamp: str, url: str) -> str:
    """Return the URL of a capture in its original form, without rewritten links."""
    # what is encoded stays as it is
    return f"{source.url}{timestamp}id_/{quote(url, safe='%/:=&?~#+!$,;@()*[]')}"


def parse_index(body: bytes, url: str, status: int) -> tuple[list[IndexedCapture], int]:
    """Return the captures of HTML pages in an index, and the number of all captures in it.

    Redirects and errors are left out. Raises SourceError if the body is neither a CDX response nor
    a TimeMap.
    """
    if status != 200:
        raise SourceError(url, f"answered {status}")
    text = body.decode("utf-8", "replace").strip()
    try:
        rows = list(_iter_rows(text))
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        problem = f"is no index of captures: {error or type(error).__name__}"
        raise SourceError(url, problem) from error
    return [capture for row in rows if (capture := _read_row(row))], len(rows)


def _iter_rows(text: str) -> Iterator[Mapping[str, Any]]:
    if text.startswith("["):
        names, *rows = json.loads(text) or [()]
        yield from (dict(zip(names, row, strict=True)) for row in rows)
    elif text.startswith("<") and "rel=" in text:
        for link in filter(None, map(CAPTURE_URL.search, MEMENTO_LINK.findall(text))):
            yield {"timestamp": link[1], "url": link[2]}
    else:
        yield from map(_parse_line, text.splitlines())


def _parse_line(line: str) -> Mapping[str, Any]:
    """Parse a line of an index: JSON, values separated by spaces, or two values and JSON (CDXJ)."""
    if line.startswith("{"):
        return dict(json.loads(line))
    words = line.split(" ", 2)
    if words[2].startswith("{"):
        return {**json.loads(words[2]), "timestamp": words[1]}
    row = dict(zip(CDX_COLUMNS, line.split(), strict=False))
    if not TIMESTAMP.fullmatch(row["timestamp"]) or len(row) < len(CDX_COLUMNS):
        raise ValueError(f"has the line {line[:80]!r}")
    return row


def _read_row(row: Mapping[str, Any]) -> IndexedCapture | None:
    """Return the capture in a row of an index. Returns None if the capture is a redirect, an error
    or not HTML, or if its time or URL is invalid.
    """
    values = {CDX_NAMES.get(name, name): str(value or "") for name, value in row.items()}
    timestamp, digest = values["timestamp"], values.get("digest", "").removeprefix("sha1:")
    is_page = bool(PAGE_TYPE.search(values.get("mime", "")))
    if not is_page or values.get("status", "") not in ("200", "-", ""):
        return None
    with suppress(ValueError):  # no such time, or no URL
        parse_timestamp(timestamp)
        canonical_url(values["url"])
        return IndexedCapture(timestamp, values["url"], digest.strip("-"))
    return None


def normalise_address(url: str) -> str:
    """Return a key for a page that is the same for all spellings of its address.

    >>> normalise_address("http://www.fyr.example:80/Nyheter/") == normalise_address(
    ...     "https://fyr.example/Nyheter")
    True
    """
    parts = urlsplit(canonical_url(url))
    path = parts.path.rstrip("/")
    return f"{strip_www(parts.hostname or '')}{path}" + (f"?{parts.query}" if parts.query else "")


def select_captures(captures: Iterable[IndexedCapture]) -> list[IndexedCapture]:
    """Return the captures of one page that are worth requesting, in chronological order.

    Of several consecutive captures with the same bytes, only the first and the last are returned.
    """
    chosen: list[IndexedCapture] = []
    for _, same in groupby(sorted(set(captures)), lambda each: each.digest or each.timestamp):
        first, *rest = same
        chosen += [first, *rest[-1:]]
    return chosen


def is_raw(body: bytes, source: PastSource, url: str) -> bool:
    """Return whether a response is a page as it was captured, not as rewritten by the web archive.

    url: the address of the captured page.
    """
    host = urlsplit(url).hostname or ""
    rewritten = rf"{re.escape(source.url)}\d{{4,14}}(?:[a-z]{{2}}_)?/https?://{host}".encode()
    return not REPLAY_MARKS.search(body) and not re.search(rewritten, body)
