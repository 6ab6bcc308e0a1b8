"""Release, Question, Image …; state dict, content hash.

The archive's types: one release and what belongs to it. Nouns follow schema.org under short names.

A release's state: what of it can change, as the columns hold it, and the hash that tells two states apart.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from archive.dates import to_iso


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


STATE_FIELDS: dict[str, Any] = {  # as columns of releases and revisions alike
    "kind": str,
    "title": str,
    "lead": str,
    "body": str,
    "body_html": str,
    "published": str,
    "published_text": str,
    "updated": str,
    "updated_text": str,
    "language": str,
}
PART_TABLES = ("questions", "images", "attachments", "contacts")  # tables of their own; JSON lists in revisions
LIST_FIELDS = ("tags", *PART_TABLES)
PART_FIELDS = {  # of parts, as their tables and the lists of revisions have them
    "questions": ("position", "question", "answer", "answered_by"),
    "images": ("url", "caption", "credit", "alt"),
    "attachments": ("url", "title", "media_type"),
    "contacts": ("name", "role", "phone", "email"),
}
UNCOMPARED_FIELDS = ("published_text", "updated_text")  # how a date was printed is evidence, not content
SPACE_AROUND_TAG = re.compile(r" ?(<[^<>]+>) ?")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".svg", ".avif")


def to_state(release: Release) -> dict[str, Any]:
    """What of a release can change, as the columns hold it; tags, questions and the like as lists."""
    state = {name: getattr(release, name) for name in STATE_FIELDS}
    state["published"], state["updated"] = to_iso(release.published), to_iso(release.updated)
    state["tags"] = list(dict.fromkeys(release.tags))
    for name in PART_TABLES:
        state[name] = [{each: getattr(part, each) for each in part.__slots__} for part in getattr(release, name)]
    return state


def parse_state(row: Mapping[str, Any]) -> dict[str, Any]:
    """The state that a row of revisions holds; a list that was not read in its day is None."""
    state = {name: row[name] for name in STATE_FIELDS}
    for name in LIST_FIELDS:
        state[name] = None if row[name] is None else json.loads(row[name])
    return state


def normalise_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state without what differs where nothing was changed.

    Left out: the words a date was read from, white space of the markup, and the query of a picture's address.
    """
    compared = {name: value for name, value in state.items() if name not in UNCOMPARED_FIELDS}
    if state.get("body_html"):
        compared["body_html"] = SPACE_AROUND_TAG.sub(r"\1", " ".join(state["body_html"].split()))
    if state.get("images"):
        compared["images"] = [{**image, "url": strip_image_query(image["url"])} for image in state["images"]]
    return compared


def hash_state(state: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a comparable state's canonical JSON: keys sorted, no spaces, UTF-8; without what is None."""
    compared = {name: value for name, value in normalise_state(state).items() if value is not None}
    text = json.dumps(compared, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def omit_unknown_lists(state: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """A state without the lists that a held one does not know of, so that the two can be compared."""
    return {name: None if name in LIST_FIELDS and stored[name] is None else value for name, value in state.items()}


def strip_image_query(url: str) -> str:
    """A picture's address without its query, which sizes and caches fill; any other address as it is.

    >>> strip_image_query("https://a.se/b.jpg?w=300"), strip_image_query("https://a.se/image?id=4")
    ('https://a.se/b.jpg', 'https://a.se/image?id=4')
    """
    address, _, _ = url.partition("?")
    return address if address.lower().endswith(IMAGE_SUFFIXES) else url
