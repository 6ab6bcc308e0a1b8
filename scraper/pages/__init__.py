"""HTML → ReleaseItem: the agency's own words, as strings."""

from __future__ import annotations

from scraper.agency import Agency
from scraper.errors import PageError
from scraper.items import ReleaseItem
from scraper.pages.cms import choose_page_class
from scraper.pages.document import Document

__all__ = ["read_page"]


def read_page(html: bytes, url: str, agency: Agency | None = None) -> ReleaseItem:
    """Read one stored page; NotARelease where it is none, PageError where a field cannot be read."""
    document = Document(html, url)
    try:
        return choose_page_class(document, agency)(document, agency).read()
    except RecursionError:
        raise PageError(url, "body", "is nested too deeply to be read") from None
