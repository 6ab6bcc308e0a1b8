"""Addresses of pages and their hosts; `canonical_url` is archive's, for what is taken over goes by it as well."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from archive.urls import canonical_url, strip_www


def resolve_canonical_url(base: str, href: str) -> str | None:
    """A link's canonical address; None where it is none, such as `http://[`.

    >>> resolve_canonical_url("https://skog.example/nyheter", "a#top"), resolve_canonical_url("https://skog.example/", "http://[")
    ('https://skog.example/a', None)
    """
    try:
        return canonical_url(urljoin(base, href))
    except ValueError:
        return None


def extract_host(url: str) -> str:
    """The host an address stands under, in ASCII, lower case, without www.

    >>> extract_host("https://www.Polisen.se/aktuellt/")
    'polisen.se'
    """
    return strip_www(urlsplit(url).hostname or "")
