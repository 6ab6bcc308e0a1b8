"""The archive's types: one release and what belongs to it. Nouns follow schema.org under short names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question with its answer, as the agency printed them (schema.org/Question)."""

    position: int  # counted from 1, in the page's order
    question: str
    answer: str  # plain text, paragraphs parted by a blank line, without the opening speech dash
    answered_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture shown in the release (schema.org/ImageObject)."""

    url: str
    caption: str | None = None  # without the credit
    credit: str | None = None  # the photographer's or illustrator's name, as printed
    alt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file the release links to (schema.org/MediaObject)."""

    url: str
    title: str
    media_type: str | None = None  # RFC 6838, told from the file's ending


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom the release names for questions (schema.org/ContactPoint), as printed; at least one field is told."""

    name: str | None = None
    role: str | None = None  # title, office or unit
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release as it stands on the agency's page. Absent is None, never an empty string or a guess.

    published, updated: the agency's own words, aware datetimes in the agency's zone, or a date where only
    the day is told. published_text, updated_text: the very words (or machine value) they were read from.
    """

    agency: str
    url: str
    title: str
    body: str  # plain text, paragraphs parted by a blank line; the lead is not repeated; Q&A stand in their place
    body_html: str  # the same, sanitised; the element of question N has id="question-N"
    kind: str | None = None
    lead: str | None = None
    published: datetime | date | None = None
    published_text: str | None = None
    updated: datetime | date | None = None
    updated_text: str | None = None
    language: str | None = None  # BCP 47, as the page says
    tags: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    images: tuple[Image, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    contacts: tuple[Contact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One answer as it came: what a revision or a removal is witnessed by. Its bytes are in captures.db."""

    url: str
    seen: datetime
    status: int  # HTTP
    headers: Mapping[str, str]  # those that matter, names in lower case
    sha256: str  # hex, of the bytes
    bytes: int  # their number
