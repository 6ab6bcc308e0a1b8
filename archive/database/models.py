"""Defines the archive's types: releases and their parts (named as in schema.org), captures, and
states.

A release's state is the part of the release that can change: the columns that `releases` and
`revisions` have in common. Two states are equal if their hashes are equal.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from archive.i18n import WebArchiveName
from archive.times import to_iso

STATE_FIELDS: dict[str, Any] = {  # columns that both releases and revisions have
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
PART_TABLES = ("questions", "images", "attachments", "contacts")  # tables; JSON lists in revisions
LIST_FIELDS = ("tags", *PART_TABLES)
PART_FIELDS = {  # fields of the parts, in their tables and in the lists of revisions
    "questions": ("position", "question", "answer", "answered_by"),
    "images": ("url", "caption", "credit", "alt"),
    "attachments": ("url", "title", "media_type"),
    "contacts": ("name", "role", "phone", "email"),
}
# the printed form of a date is evidence, not content
UNCOMPARED_FIELDS = ("published_text", "updated_text")
# prefixes of parser_version for states from another observer: a collection (its name follows), or
# a web archive
IMPORT_PREFIX, PAST_PREFIX = "import/", "past/"
# parser_version of a release that is a file; its text is extracted as an attachment
FILE_PARSER = "file"
SPACE_AROUND_TAG = re.compile(r" ?(<[^<>]+>) ?")
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".svg", ".avif")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with its answer, as the agency printed them (schema.org/Question)."""

    position: int  # counted from 1, in page order
    question: str
    answer: str  # plain text, paragraphs separated by a blank line, without the opening speech dash
    answered_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image shown in the release (schema.org/ImageObject)."""

    url: str
    caption: str | None = None  # without the credit
    credit: str | None = None  # photographer or illustrator, as printed
    alt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that the release links to (schema.org/MediaObject)."""

    url: str
    title: str
    media_type: str | None = None  # RFC 6838, by the file extension


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact for questions about the release (schema.org/ContactPoint).

    At least one field is set.
    """

    name: str | None = None
    role: str | None = None  # title, office or unit
    phone: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release as it appears on the agency's page.

    A field that is absent from the page is None, never empty or guessed.
    """

    agency: str
    url: str
    title: str
    # plain text, paragraphs separated by a blank line; includes questions and answers, not the lead
    body: str
    body_html: str  # the same, sanitised; the element of question N has id="question-N"
    kind: str | None = None
    lead: str | None = None
    # aware, in the agency's time zone; a date if only the day is stated
    published: datetime | date | None = None
    # the exact words (or machine-readable value) that `published` was parsed from
    published_text: str | None = None
    updated: datetime | date | None = None
    updated_text: str | None = None
    language: str | None = None  # BCP 47, as the page states it
    tags: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    images: tuple[Image, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    contacts: tuple[Contact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """A response as received: the evidence for a revision or removal.

    Its bytes are in captures.db.
    """

    url: str
    seen: datetime
    status: int  # HTTP status code
    headers: Mapping[str, str]  # the EVIDENCE_HEADERS, with lower-case names
    sha256: str  # SHA-256 of the bytes, in hex
    bytes: int  # the number of bytes
    observer: int | None = None  # the web archive that captured it; None: the archive itself


def to_state(release: Release) -> dict[str, Any]:
    """Return a release's state, with tags, questions and other parts as lists."""
    state = {name: getattr(release, name) for name in STATE_FIELDS}
    state["published"], state["updated"] = to_iso(release.published), to_iso(release.updated)
    state["tags"] = list(dict.fromkeys(release.tags))
    for name in PART_TABLES:
        state[name] = [
            {field: getattr(part, field) for field in part.__slots__}
            for part in getattr(release, name)
        ]
    return state


def parse_state(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state in a row of `revisions`. A list that was not recorded when the row was
    written is None.
    """
    state = {name: row[name] for name in STATE_FIELDS}
    for name in LIST_FIELDS:
        state[name] = None if row[name] is None else json.loads(row[name])
    return state


def hash_state(state: Mapping[str, Any]) -> str:
    """Return the SHA-256 (hex) of a normalised state as canonical JSON.

    The JSON has sorted keys, no spaces and no nulls.
    """
    compared = {name: value for name, value in normalise_state(state).items() if value is not None}
    text = json.dumps(compared, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def normalise_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state without details whose changes do not count as edits.

    These details are the printed form of dates, white space in the markup, and the query strings of
    image URLs.
    """
    compared = {name: value for name, value in state.items() if name not in UNCOMPARED_FIELDS}
    if state.get("body_html"):
        compared["body_html"] = SPACE_AROUND_TAG.sub(r"\1", " ".join(state["body_html"].split()))
    if state.get("images"):
        compared["images"] = [
            {**image, "url": strip_image_query(image["url"])} for image in state["images"]
        ]
    return compared


def strip_image_query(url: str) -> str:
    """Return a URL without its query if its path names an image file. Other URLs are returned
    unchanged.

    >>> strip_image_query("https://a.se/b.jpg?w=300"), strip_image_query("https://a.se/image?id=4")
    ('https://a.se/b.jpg', 'https://a.se/image?id=4')
    """
    address, _, _ = url.partition("?")
    return address if address.lower().endswith(IMAGE_SUFFIXES) else url


def omit_unknown_lists(state: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state without the lists that `stored` lacks, so that the two can be compared."""
    return {
        name: None if name in LIST_FIELDS and stored[name] is None else value
        for name, value in state.items()
    }


def find_collection(cause: str, parser_version: str | None) -> str | None:
    """Return the name of the collection that a state was imported from, or None if it was crawled.

    The name is a WebArchiveName if a web archive captured the state, and "?" if no name was
    recorded.

    >>> find_collection("import", "import/museum.jsonl.gz"), find_collection("import", None)
    ('museum.jsonl.gz', '?')
    >>> type(find_collection("import", "past/Internet Archive")).__name__
    'WebArchiveName'
    >>> find_collection("source", "NewsPage 1") is None
    True
    """
    if cause != "import":
        return None
    name = parser_version or "?"
    if name.startswith(PAST_PREFIX):
        return WebArchiveName(name.removeprefix(PAST_PREFIX))
    return name.removeprefix(IMPORT_PREFIX)


DASH = re.compile("[-\u2010-\u2015\u2212]")
SLUG_LETTERS = str.maketrans(
    {"æ": "ae", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "œ": "oe"}
)


def build_name_key(name: str) -> str:
    """Return a key that is the same for spellings that differ only in hyphens, spaces or case.

    >>> build_name_key("Carl-Oskar  Ek"), build_name_key("Carl Oskar EK")
    ('carl oskar ek', 'carl oskar ek')
    """
    return " ".join(DASH.sub(" ", unicodedata.normalize("NFC", name)).casefold().split())


def build_slug(name: str) -> str:
    """Return a name in the form used in URLs, or "person" if the name contains no letter or digit
    that can be used in a URL.

    >>> build_slug("Åsa af Öberg-Łuczak"), build_slug("Ж")
    ('asa-af-oberg-luczak', 'person')
    """
    letters = unicodedata.normalize("NFKD", name.casefold().translate(SLUG_LETTERS))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "person"
