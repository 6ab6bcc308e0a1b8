"""Which selectors of an agency's table do nothing for a page: what is read in their place looks like their finding."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from scraper.agency import SELECTOR_KEYS, Agency
from scraper.errors import PageError
from scraper.normalise.text import clean_line
from scraper.pages.document import Document
from scraper.pages.elements import whole_text


def find_idle(html: bytes, url: str, agency: Agency) -> Iterator[str]:
    """A sentence for each selector of the table that finds no element with a text on the page as it came."""
    with suppress(PageError):  # what cannot be read at all is told by whoever reads it
        document = Document(html, url)
        for field in SELECTOR_KEYS:
            css: str | None = getattr(agency, field)
            if css and not any(clean_line(whole_text(each)) or each.get("content") for each in document.select(css)):
                yield f"{field}: the agency's selector {css} finds nothing here"
