"""Names of hosts, each in one spelling: the one that the domain name system knows (IDNA)."""

from __future__ import annotations

from urllib.parse import urlsplit

from archive.canonical import to_ascii


def bare(host: str) -> str:
    """A host as an agency is told by it: in ASCII, without www.

    >>> bare("WWW.Skog.example"), bare("www.skogsrådet.se")
    ('skog.example', 'xn--skogsrdet-b3a.se')
    """
    return to_ascii(host).removeprefix("www.")


def with_ascii_host(url: str) -> str:
    """An address with its host in ASCII, all else as it is; ValueError where it is none.

    >>> with_ascii_host("https://www.Skogsrådet.se:8443/Nyheter?a=å")
    'https://www.xn--skogsrdet-b3a.se:8443/Nyheter?a=å'
    """
    parts = urlsplit(url)
    if parts.netloc.isascii():
        return url
    user, at, place = parts.netloc.rpartition("@")
    host, colon, port = place.partition(":")
    return parts._replace(netloc=f"{user}{at}{to_ascii(host)}{colon}{port}").geturl()
