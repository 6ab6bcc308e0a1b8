"""Finding the address a page calls its own."""

from __future__ import annotations

from urllib.parse import urlsplit

from scraper.normalise.urls import host_of
from scraper.pages.document import Document


def find_address(document: Document) -> str | None:
    """The canonical address a page declares, where it is credible."""
    declared = document.absolute(document.links.get("canonical", "")) or ""
    return declared if is_credible(declared, document.url) else None


def is_credible(canonical: str, url: str) -> bool:
    """Whether a declared address can be the page's own: on its host, and no front page or folder it lies in.

    One that leaves out the query that tells the page from its siblings (?id=3) is none either.
    """
    if urlsplit(url).query and not urlsplit(canonical).query and urlsplit(canonical).path == urlsplit(url).path:
        return False
    stated, own = urlsplit(canonical).path.rstrip("/"), urlsplit(url).path.rstrip("/")
    return (
        bool(canonical)
        and host_of(canonical) == host_of(url)
        and (stated == own or not f"{own}/".startswith(f"{stated}/"))
    )
