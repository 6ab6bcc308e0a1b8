"""Canonical URLs and hosts.

`canonical_url` is part of the archive, because imported releases need it too.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from archive.urls import canonical_url, strip_www


def resolve_canonical_url(base: str, href: str) -> str | None:
    """Return a link's canonical URL, or None if it is not a URL, such as `http://[`, or cannot be
    encoded.

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
