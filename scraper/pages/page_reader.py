"""Parses a page or a press wire's record into a ReleaseItem.

The fields of the item are the agency's own words, as strings.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scraper.agency import SELECTOR_KEYS, Agency, is_wire_url
from scraper.errors import PageError
from scraper.items import ReleaseItem
from scraper.normalise.dates import find_country_zone
from scraper.normalise.page_urls import extract_host
from scraper.pages.document import Document
from scraper.pages.page_classes import choose_page_class
from scraper.pages.press_wires import WireDocument, choose_wire_page

__all__ = ["adapt_agency", "open_document", "read_document", "read_page"]


def read_page(html: bytes, url: str, agency: Agency | None = None) -> ReleaseItem:
    """Parse the bytes of a page as a release.

    Raises NotARelease if the page is not a release, and PageError if a field cannot be parsed.
    """
    return read_document(open_document(html, url), agency)


def open_document(body: bytes, url: str) -> Document:
    """Parse bytes as a document: an HTML page, or the JSON record of a press wire.

    Raises the same errors as `read_page`.
    """
    wire_page = choose_wire_page(url) if body.lstrip()[:1] == b"{" else None
    return WireDocument(body, url, wire_page) if wire_page else Document(body, url)


def read_document(document: Document, agency: Agency | None = None) -> ReleaseItem:
    """Parse a document as a release.

    This changes the document's tree, so pass a copy if you need the tree. Raises the same errors as
    `read_page`.
    """
    agency = agency and adapt_agency(agency, document.url)
    try:
        if isinstance(document, WireDocument):
            return document.page_class(document, agency).read()
        return choose_page_class(document, agency)(document, agency).read()
    except RecursionError:
        raise PageError(document.url, "body", "is nested too deeply to be parsed") from None


def adapt_agency(agency: Agency, url: str) -> Agency:
    """Return the agency with the settings that apply to the page at a URL.

    For a page of a press wire, the agency's page class and selectors are removed, because they
    apply only to the agency's own site.
    """
    if not is_wire_url(url):
        return agency
    zone = agency.zone or getattr(find_country_zone(extract_host(agency.home)), "key", None)
    no_selectors: dict[str, Any] = dict.fromkeys(SELECTOR_KEYS)
    return replace(agency, page=None, zone=zone, **no_selectors)
