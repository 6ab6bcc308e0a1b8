"""To_release(item) → Release; quality warnings.

The agency's words become ours: ReleaseItem → Release, strings → real types.

What of a release is kept as found though it is broken: by field, for whoever can mend it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from archive.models import Attachment, Image, Question, Release
from archive.urls import canonical_url
from scraper.errors import PageError
from scraper.items import ImageItem, QuestionItem, ReleaseItem
from scraper.normalise.contacts import to_contacts
from scraper.normalise.dates import parse_date
from scraper.normalise.media import media_type, split_credit
from scraper.normalise.text import (
    clean_line,
    find_damage,
    one_line,
    repair,
    repair_markup,
    sanitise,
    strip_dash,
    to_paragraphs,
)
from scraper.normalise.urls import host_of
from scraper.normalise.vocabulary import to_kind, to_tags

__all__ = ["to_release"]


def to_release(item: ReleaseItem) -> Release:
    """One item as a release; PageError names the field that is present but cannot be read."""
    title = one_line(item.title)
    if title is None:
        raise PageError(item.url, "title", "is missing")
    return Release(
        agency=item.agency or host_of(item.url),
        url=address_of(item.url),
        kind=to_kind(item.kind) if item.kind else None,
        title=title,
        lead=to_paragraphs(item.lead),
        body=to_paragraphs(item.body) or "",
        body_html=sanitise(repair_markup(item.body_html or "")),
        published=moment_of(item, "published", item.published),
        published_text=one_line(item.published),
        updated=moment_of(item, "updated", item.updated),
        updated_text=one_line(item.updated),
        language=language_of(item.language),
        tags=to_tags(map(repair, item.tags)),
        questions=tuple(to_question(number, question) for number, question in enumerate(item.questions, 1)),
        images=tuple(map(to_image, item.images)),
        attachments=tuple(
            Attachment(url=address_of(found.url), title=one_line(found.title) or "", media_type=media_type(found.url))
            for found in item.attachments
        ),
        contacts=to_contacts(item.contacts),
    )


def address_of(url: str) -> str:
    """The canonical address; one that is none, such as http://agency.se:port/, stays as the page has it."""
    try:
        return canonical_url(url)
    except ValueError:
        return url.strip()


def moment_of(item: ReleaseItem, field: str, text: str | None) -> date | datetime | None:
    """A date field's words as a day or moment."""
    if text is None:
        return None
    try:
        return parse_date(text, item.url, item.zone)
    except ValueError as error:
        raise PageError(item.url, field, f"{clean_line(text)!r} cannot be read: {error}") from error


def language_of(text: str | None) -> str | None:
    """The language alone, without region: a page's "sv-SE" and "sv" are one.

    >>> language_of("sv-SE"), language_of("EN_gb"), language_of("")
    ('sv', 'en', None)
    """
    return ((text or "").replace("_", "-").partition("-")[0].strip().lower()) or None


def to_question(position: int, found: QuestionItem) -> Question:
    """A question with its answer, the speech dashes gone."""
    answer = (to_paragraphs(found.answer) or "").split("\n\n")
    return Question(
        position=position,
        question=strip_dash(one_line(found.question) or ""),
        answer="\n\n".join(strip_dash(paragraph) for paragraph in answer),
        answered_by=one_line(found.answered_by),
    )


def to_image(found: ImageItem) -> Image:
    """A picture, its caption and credit parted."""
    caption, credit = split_credit(repair(found.caption)) if found.caption else (None, None)
    stated = split_credit(repair(found.credit))[1] or one_line(found.credit) if found.credit else None
    return Image(url=address_of(found.url), caption=caption, credit=stated or credit, alt=one_line(found.alt))


FIELDS = (
    "title",
    "lead",
    "body",
    "published_text",
    "updated_text",
    "tags",
    "questions",
    "images",
    "attachments",
    "contacts",
)
NO_WORDS = ("url", "media_type")


class Doubt(NamedTuple):
    """One doubtful field of a kept release. As text: address, field, problem, as errors have it."""

    url: str
    field: str
    problem: str

    def __str__(self) -> str:
        return f"{self.url}: {self.field}: {self.problem}"


def find_doubts(release: Release) -> list[Doubt]:
    """The fields that hold broken letters which could not be repaired, each once."""
    doubts = []
    for field in FIELDS:
        damage = next(filter(None, map(find_damage, texts_of(getattr(release, field)))), None)
        if damage:
            doubts.append(Doubt(release.url, field, f"holds broken letters: {damage!r}"))
    return doubts


def texts_of(value: Any) -> Iterator[str]:
    """The texts within a field's value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from texts_of(part)
    elif is_dataclass(value):  # a question, a picture and the like
        for part in fields(value):
            if part.name not in NO_WORDS:
                yield from texts_of(getattr(value, part.name))
