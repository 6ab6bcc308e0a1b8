"""A release's state: what of it can change, as the columns hold it, and the hash that tells two states apart."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from archive.records import Release
from archive.times import to_text

STATE: dict[str, Any] = {  # as columns of releases and revisions alike
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
PARTS = ("questions", "images", "attachments", "contacts")  # tables of their own; JSON lists in revisions
LISTS = ("tags", *PARTS)
FIELDS = {  # of parts, as their tables and the lists of revisions have them
    "questions": ("position", "question", "answer", "answered_by"),
    "images": ("url", "caption", "credit", "alt"),
    "attachments": ("url", "title", "media_type"),
    "contacts": ("name", "role", "phone", "email"),
}
UNCOMPARED = ("published_text", "updated_text")  # how a date was printed is evidence, not content
AROUND_TAG = re.compile(r" ?(<[^<>]+>) ?")
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".svg", ".avif")


def to_state(release: Release) -> dict[str, Any]:
    """What of a release can change, as the columns hold it; tags, questions and the like as lists."""
    state = {name: getattr(release, name) for name in STATE}
    state["published"], state["updated"] = to_text(release.published), to_text(release.updated)
    state["tags"] = list(dict.fromkeys(release.tags))
    for name in PARTS:
        state[name] = [{each: getattr(part, each) for each in part.__slots__} for part in getattr(release, name)]
    return state


def read_state(row: Mapping[str, Any]) -> dict[str, Any]:
    """The state that a row of revisions holds; a list that was not read in its day is None."""
    state = {name: row[name] for name in STATE}
    for name in LISTS:
        state[name] = None if row[name] is None else json.loads(row[name])
    return state


def comparable(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state without what differs where nothing was changed.

    Left out: the words a date was read from, white space of the markup, and the query of a picture's address.
    """
    compared = {name: value for name, value in state.items() if name not in UNCOMPARED}
    if state.get("body_html"):
        compared["body_html"] = AROUND_TAG.sub(r"\1", " ".join(state["body_html"].split()))
    if state.get("images"):
        compared["images"] = [{**image, "url": without_query(image["url"])} for image in state["images"]]
    return compared


def state_hash(state: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of a comparable state's canonical JSON: keys sorted, no spaces, UTF-8; without what is None."""
    compared = {name: value for name, value in comparable(state).items() if value is not None}
    text = json.dumps(compared, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def without_unread(state: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
    """A state without the lists that a held one does not know of, so that the two can be compared."""
    return {name: None if name in LISTS and held[name] is None else value for name, value in state.items()}


def without_query(url: str) -> str:
    """A picture's address without its query, which sizes and caches fill; any other address as it is.

    >>> without_query("https://a.se/b.jpg?w=300"), without_query("https://a.se/image?id=4")
    ('https://a.se/b.jpg', 'https://a.se/image?id=4')
    """
    address, _, _ = url.partition("?")
    return address if address.lower().endswith(PICTURES) else url
