"""ReleaseItem: what a page class read, the agency's own words, strings only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionItem:
    """A question and its answer as found, the speech dash still there."""

    question: str
    answer: str
    answered_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageItem:
    """A picture as found; url is absolute, caption still holds the credit."""

    url: str
    caption: str | None = None
    credit: str | None = None
    alt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentItem:
    """A linked file as found; url is absolute, title is the link's text."""

    url: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactItem:
    """Whom to ask as found; phone is without the words that label it, several numbers parted by commas."""

    name: str | None = None
    role: str | None = None
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a field's words came from: the rule that won and the element (a CSS-like path) it read."""

    rule: str
    element: str


@dataclass(slots=True, kw_only=True)
class ReleaseItem:
    """One release page in the agency's own words. Field meanings: archive.models.Release.

    Every value is a string as found on the page; None where the page does not say. `url` is the canonical
    one where the page declares a credible one, else the address the page was read at.
    """

    url: str
    agency: str | None = None
    kind: str | None = None
    title: str | None = None
    lead: str | None = None
    body: str | None = None
    body_html: str | None = None
    published: str | None = None
    updated: str | None = None
    language: str | None = None
    reader: str | None = None  # the page class that read it and the version of the rules
    zone: str | None = None  # the clock of the agency's times, by its IANA name; None: the host's country tells
    tags: list[str] = field(default_factory=list)
    questions: list[QuestionItem] = field(default_factory=list)
    images: list[ImageItem] = field(default_factory=list)
    attachments: list[AttachmentItem] = field(default_factory=list)
    contacts: list[ContactItem] = field(default_factory=list)
    evidence: dict[str, Provenance] = field(default_factory=dict)  # field name → where it came from


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPage:
    """One answer of a site as it came: what an edit or a removal is witnessed by."""

    url: str  # where redirects led
    fetched_at: datetime
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes = field(repr=False)  # its content coding (gzip and the like) undone


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ParsedPage:
    """One release page as the spider hands it to the pipeline: what was read, and from what."""

    item: ReleaseItem
    url: str  # the frontier's address of the page
    release_id: int | None  # the release that address is known to hold
    response: FetchedPage

    def __repr__(self) -> str:
        """Its address alone: Scrapy logs whole items."""
        return f"<Reading {self.url}>"
