"""From a line of another collection to a Release; archive/importing/FORMAT.md is the format told to people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import date, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from archive.canonical import canonical_url
from archive.importing.kinds import to_kind
from archive.importing.markup import Body, clean_line, clean_text, read_html, read_markdown, to_plain
from archive.records import Attachment, Contact, Image, Question, Release
from archive.times import parse_time

PARTS: dict[str, type[Any]] = {
    "questions": Question,
    "images": Image,
    "attachments": Attachment,
    "contacts": Contact,
}
READ = {
    *("agency", "url", "title", "lead", "body", "body_html", "kind", "published", "updated", "language", "tags"),
    *PARTS,
}
LONE = re.compile("[\ud800-\udfff]")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
WEB = ("http", "https")
FIRST_YEAR, LAST_YEAR = 1900, 2099  # as the crawl has it: other years are written where none is known
PICTURE = "body (pictures that are no web address)"

Part = TypeVar("Part")


class FieldError(ValueError):
    """A field whose value cannot be kept."""

    def __init__(self, field: str, problem: str) -> None:
        self.field = field
        super().__init__(problem)


def to_release(row: Mapping[str, Any], agency: str) -> tuple[Release, list[str]]:
    """The release a line tells of, and what of the line has no place in it; FieldError where a field cannot be read."""
    if row.get("agency") not in (None, agency):
        raise FieldError("agency", f"is {row['agency']!r}, not {agency!r}")
    url = read_url(row, "url")
    title = read_text(row, "title", line=True)
    if not title:
        raise FieldError("title", "is missing")
    lead = read_text(row, "lead")
    body = without_lead(read_body(row, url), lead)
    parts = {name: read_parts(row, name, url) for name in PARTS}
    pictures = [image for image in body.images if is_web(image.url)]
    release = Release(
        agency=agency,
        url=url,
        title=title,
        lead=lead,
        body=body.text,
        body_html=body.html,
        kind=to_kind(read_text(row, "kind", line=True)),
        published=read_time(row, "published"),
        published_text=read_text(row, "published", line=True),
        updated=read_time(row, "updated"),
        updated_text=read_text(row, "updated", line=True),
        language=read_language(row),
        tags=read_tags(row),
        questions=parts["questions"],
        images=(*parts["images"], *pictures),
        attachments=parts["attachments"],
        contacts=parts["contacts"],
    )
    left = [name for name in row if name not in READ and row[name] not in (None, [], "")]
    return release, [*left, *([PICTURE] if len(pictures) < len(body.images) else [])]


def read_text(row: Mapping[str, Any], name: str, *, line: bool = False) -> str | None:
    """A text, tidied; None where it is absent or empty."""
    value = row.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise FieldError(name, f"is {type(value).__name__}, not a text")
    if LONE.search(value):
        raise FieldError(name, "holds half of a UTF-16 pair, which is no character")
    return (clean_line(value) if line else clean_text(value)) or None


def read_url(row: Mapping[str, Any], name: str) -> str:
    """A whole web address as the crawl keeps it (archive.canonical), so that it takes the release for held."""
    text = read_text(row, name, line=True)
    if not text:
        raise FieldError(name, "is missing")
    try:
        parts, url = urlsplit(text), canonical_url(text)
    except ValueError as error:
        raise FieldError(name, f"{text!r} is no address: {error}") from error
    if parts.scheme.lower() not in WEB or not parts.hostname or " " in text:
        raise FieldError(name, f"{text!r} is no address that begins with http:// or https://")
    return url


def read_time(row: Mapping[str, Any], name: str) -> datetime | date | None:
    """A moment with its offset, a day, or a month; never guessed."""
    text = read_text(row, name, line=True)
    if text is None:
        return None
    try:
        value = parse_time(text)
    except ValueError as error:
        raise FieldError(name, f"{text!r} is no time like 2024-03-15T09:30:00+01:00, 2024-03-15 or 2024-03") from error
    if isinstance(value, datetime) and value.tzinfo is None:
        raise FieldError(name, f"{text!r} has no offset from UTC, such as +01:00")
    if value and not FIRST_YEAR <= value.year <= LAST_YEAR:
        raise FieldError(name, f"{text!r} names no year from {FIRST_YEAR} to {LAST_YEAR}")
    return value


def read_body(row: Mapping[str, Any], url: str) -> Body:
    """`body` is Markdown; beside `body_html` it is that markup's plain text."""
    markup, text = read_text(row, "body_html"), read_text(row, "body")
    try:
        if markup is None:
            body = read_markdown(text or "", url)
        else:
            body = read_html(markup, url)
            body = Body(text=text or body.text, html=body.html)
    except ValueError as error:
        raise FieldError(
            "body" if markup is None else "body_html", f"holds an address that is none: {error}"
        ) from error
    return body


def without_lead(body: Body, lead: str | None) -> Body:
    """A lead that is also the body's first paragraph stands once, as the lead."""
    first, _, rest = body.text.partition("\n\n")
    head, end, tail = body.html.partition("</p>")
    if not lead or first.split() != lead.split() or to_plain(head + end) != first:
        return body
    return Body(text=rest, html=tail.strip(), images=body.images)


def read_language(row: Mapping[str, Any]) -> str | None:
    """A language tag (BCP 47)."""
    text = read_text(row, "language", line=True)
    if text and not LANGUAGE.fullmatch(text):
        raise FieldError("language", f"{text!r} is no language like sv or en-GB")
    return text


def read_tags(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A list of texts, each once."""
    value = [] if row.get("tags") is None else row["tags"]
    if not isinstance(value, list) or not all(isinstance(tag, str) for tag in value):
        raise FieldError("tags", "is no list of texts")
    return tuple(dict.fromkeys(filter(None, map(clean_line, value))))


def read_parts(row: Mapping[str, Any], name: str, url: str) -> tuple[Any, ...]:
    """A list of objects with the fields of a Question, an Image …; questions are counted where they lie."""
    value = [] if row.get(name) is None else row[name]
    if not isinstance(value, list):
        raise FieldError(name, "is no list of objects")
    return tuple(read_part(f"{name}[{place}]", part, PARTS[name], place + 1) for place, part in enumerate(value))


def read_part(where: str, part: object, kind: type[Part], position: int) -> Part:
    """One of them; a field it does not have is an error, for it would be lost."""
    if not isinstance(part, dict):
        raise FieldError(where, "is no object")
    wanted = {one.name: one.default is MISSING for one in fields(kind)}  # type: ignore[arg-type] # the types of PARTS
    counted = {"position": position} if "position" in wanted else {}
    if unknown := set(part) - set(wanted):
        raise FieldError(f"{where}.{min(unknown)}", "is no field of it; known: " + ", ".join(wanted))
    values: dict[str, Any] = {name: read_text(part, name) for name in wanted if name not in counted}
    for name, needed in wanted.items():
        if name not in counted and needed and not values[name]:
            raise FieldError(f"{where}.{name}", "is missing")
    if "url" in wanted and not is_web(values["url"]):
        raise FieldError(f"{where}.url", f"{values['url'][:80]!r} is no web address")
    if not any(values.values()):
        raise FieldError(where, "is empty")
    return kind(**counted, **values)


def is_web(url: str) -> bool:
    """Nothing but web addresses is linked to."""
    return url.lower().startswith(("http://", "https://"))
