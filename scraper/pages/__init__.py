"""Parses HTML to a ReleaseItem: the agency's own words, as strings."""

from __future__ import annotations

from scraper.agency import Agency
from scraper.errors import PageError
from scraper.items import ReleaseItem
from scraper.pages.cms import choose_page_class
from scraper.pages.document import Document

__all__ = ["read_document", "read_page"]


def read_page(html: bytes, url: str, agency: Agency | None = None) -> ReleaseItem:
    """Return the release on a page, given as bytes and the URL they came from.

    Raises NotARelease if the page is something else, and PageError if a field cannot be read.
    """
    return read_document(Document(html, url), agency)


def read_document(document: Document, agency: Agency | None = None) -> ReleaseItem:
    """Return the release on a parsed page. Changes the document's tree: pass a copy to keep it.

    Raises the same errors as `read_page`.
    """
    try:
        return choose_page_class(document, agency)(document, agency).read()
    except RecursionError:
        raise PageError(document.url, "body", "is nested too deeply to be parsed") from None
