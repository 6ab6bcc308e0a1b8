"""Addresses of pages and their hosts; `canonical_url` is archive's, for what is taken over goes by it as well."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from archive.urls import bare, canonical_url

__all__ = ["absolute", "canonical_url", "host_of"]


def absolute(base: str, href: str) -> str | None:
    """A link's canonical address; None where it is none, such as `http://[`.

    >>> absolute("https://skog.example/nyheter", "a#top"), absolute("https://skog.example/", "http://[")
    ('https://skog.example/a', None)
    """
    try:
        return canonical_url(urljoin(base, href))
    except ValueError:
        return None


def host_of(url: str) -> str:
    """The host an address stands under, in ASCII, lower case, without www.

    >>> host_of("https://www.Polisen.se/aktuellt/")
    'polisen.se'
    """
    return bare(urlsplit(url).hostname or "")
