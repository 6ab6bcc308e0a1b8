"""Finds canonical URLs and hosts, and removes session ids from links.

`canonical_url` is part of the package archive, because imported releases need it too.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from urllib.parse import urljoin, urlsplit

from archive.urls import canonical_url, strip_www

# a long run of letters and digits
SESSION_ID = re.compile(r"(?=[^0-9]*[0-9])(?=[^a-z]*[a-z])[0-9a-z_-]{16,}", re.IGNORECASE)


def resolve_canonical_url(base: str, href: str) -> str | None:
    """Return the canonical URL of a link, or None if the link has no valid URL.

    A URL such as `http://[` is invalid, and so is a URL that cannot be encoded.

    >>> resolve_canonical_url("https://skog.example/nyheter", "a#top")
    'https://skog.example/a'
    >>> [resolve_canonical_url("https://skog.example/", href) for href in ("http://[", "/\\ud800")]
    [None, None]
    """
    try:
        url = canonical_url(urljoin(base, href))
        url.encode()  # JSON may contain a lone surrogate, half of a character
    except ValueError:
        return None
    return url


def extract_host(url: str) -> str:
    """Return the host of a URL in ASCII and lower case, without www.

    >>> extract_host("https://www.Polisen.se/aktuellt/")
    'polisen.se'
    """
    return strip_www(urlsplit(url).hostname or "")


def remove_session_ids(urls: Sequence[str]) -> list[str]:
    """Remove query parameters that all URLs share and that look like session ids.

    Some sites put a new session id into every link on each visit, which would make links that were
    seen before look new.

    >>> url = "https://a.se/{0}?xq=5f2a0c9d1e7b4a3f&p={0}"
    >>> remove_session_ids([url.format(number) for number in range(3)])
    ['https://a.se/0?p=0', 'https://a.se/1?p=1', 'https://a.se/2?p=2']
    """
    if len(set(urls)) < 2 or "?" not in urls[0]:  # a value that only one link has may be anything
        return list(urls)
    shared = set.intersection(*(set(urlsplit(url).query.split("&")) for url in urls))
    sessions = {pair for pair in shared if SESSION_ID.fullmatch(pair.partition("=")[2])}
    return [_remove_query_pairs(url, sessions) for url in urls] if sessions else list(urls)


def _remove_query_pairs(url: str, pairs: Collection[str]) -> str:
    parts = urlsplit(url)
    query = "&".join(pair for pair in parts.query.split("&") if pair not in pairs)
    return parts._replace(query=query).geturl()
