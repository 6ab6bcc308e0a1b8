"""Pages in a crawl, as fetched and as parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from scraper.items import ReleaseItem
from scraper.pages.document import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPage:
    """A response: the evidence of an edit or a removal."""

    url: str  # after redirects
    fetched_at: datetime
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes = field(repr=False)  # after content decoding (gzip and the like)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ParsedPage:
    """A release and the page it was parsed from, as passed from the spider to the pipeline."""

    item: ReleaseItem
    url: str  # as in the frontier
    release_id: int | None  # the release that is stored under that URL
    response: FetchedPage
    document: Document | None = field(default=None, compare=False)  # the parsed response; None if it came from a worker
    template: bytes | None = None  # the fingerprint of the page's template (scraper.redesign), if it is known

    def __repr__(self) -> str:
        # Scrapy logs whole items
        return f"<ParsedPage {self.url}>"
