"""The pages of a crawl, as fetched and as parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from archive.database.models import FILE_PARSER
from scraper.agency import Agency
from scraper.items import AttachmentItem, Provenance, ReleaseItem
from scraper.pages.document import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPage:
    """A response that serves as evidence of an edit or a removal.

    record_url: for a record of a press wire, the URL of the list that contained the record, with
        the record's id as the fragment. If no list contained the record, the body is empty, and
        `record_url` is the URL of the last list that was read.
    """

    url: str  # URL after redirects; for a record, that of the release
    fetched_at: datetime
    status: int
    headers: Mapping[str, str]  # header names in lower case
    body: bytes = field(repr=False)  # after content decoding (gzip and so on)
    record_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ParsedPage:
    """A release and the page from which it was parsed, passed from the spider to the pipeline."""

    item: ReleaseItem
    url: str  # URL in the frontier
    release_id: int | None  # id of the release that is stored under that URL
    response: FetchedPage
    # None if the page came from a worker
    document: Document | None = field(default=None, compare=False)
    # fingerprint of the page's template (scraper.ingest.edit_or_redesign), if known
    template: bytes | None = None

    @property
    def is_file(self) -> bool:
        """Return whether the release is a file.

        The title and the day of such a release were taken from a listing.
        """
        return self.item.parser_version == FILE_PARSER

    def __repr__(self) -> str:
        # short, because Scrapy logs whole items
        return f"<ParsedPage {self.url}>"


def build_file_item(url: str, title: str, day: str | None, agency: Agency) -> ReleaseItem:
    """Return the release for the file at a URL.

    The title and the day are from a listing, and the release has no text.
    """
    return ReleaseItem(
        url=url,
        agency=agency.slug,
        title=title,
        published=day,
        zone=agency.zone,
        parser_version=FILE_PARSER,
        attachments=[AttachmentItem(url=url, title=title)],
        evidence=dict.fromkeys(
            ("title", "published", "attachments"), Provenance(rule="listing", element="")
        ),
    )
