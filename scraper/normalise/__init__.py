"""Converts a ReleaseItem to a Release: strings as found on the page become typed values.

Damaged text is stored unchanged and reported as a quality warning.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

from archive.models import LIST_FIELDS, Attachment, Image, Question, Release
from archive.urls import canonical_url
from scraper.errors import PageError
from scraper.items import ImageItem, QuestionItem, ReleaseItem
from scraper.normalise.contacts import normalise_contacts
from scraper.normalise.dates import parse_date
from scraper.normalise.media import guess_media_type, split_credit
from scraper.normalise.text import (
    clean_line,
    find_damaged_text,
    normalise_line,
    normalise_paragraphs,
    repair_markup,
    repair_text,
    sanitise_body_html,
    strip_speech_dash,
)
from scraper.normalise.urls import extract_host
from scraper.normalise.vocabulary import normalise_kind, normalise_tags

__all__ = ["to_release"]

DAMAGE_CHECKED_FIELDS = ("title", "lead", "body", "published_text", "updated_text", *LIST_FIELDS)
NON_TEXT_FIELDS = ("url", "media_type")  # fields of pictures and files


class QualityWarning(NamedTuple):
    """A doubtful field of a stored release."""

    url: str
    field: str
    problem: str

    def __str__(self) -> str:
        return f"{self.url}: {self.field}: {self.problem}"


def to_release(item: ReleaseItem) -> Release:
    """Convert an item to a release. Raises PageError for a field that is present but cannot be parsed."""
    title = normalise_line(item.title)
    if title is None:
        raise PageError(item.url, "title", "is missing")
    return Release(
        agency=item.agency or extract_host(item.url),
        url=canonicalise_url(item.url),
        kind=normalise_kind(item.kind) if item.kind else None,
        title=title,
        lead=normalise_paragraphs(item.lead),
        body=normalise_paragraphs(item.body) or "",
        body_html=sanitise_body_html(repair_markup(item.body_html or "")),
        published=parse_date_field(item, "published", item.published),
        published_text=normalise_line(item.published),
        updated=parse_date_field(item, "updated", item.updated),
        updated_text=normalise_line(item.updated),
        language=parse_language(item.language),
        tags=normalise_tags(map(repair_text, item.tags)),
        questions=tuple(normalise_question(number, question) for number, question in enumerate(item.questions, 1)),
        images=tuple(map(normalise_image, item.images)),
        attachments=tuple(
            Attachment(
                url=canonicalise_url(found.url),
                title=normalise_line(found.title) or "",
                media_type=guess_media_type(found.url),
            )
            for found in item.attachments
        ),
        contacts=normalise_contacts(item.contacts),
    )


def canonicalise_url(url: str) -> str:
    """Return the canonical URL, or the text itself if it is not a URL, such as http://agency.se:port/."""
    try:
        return canonical_url(url)
    except ValueError:
        return url.strip()


def parse_date_field(item: ReleaseItem, field: str, text: str | None) -> date | datetime | None:
    if text is None:
        return None
    try:
        return parse_date(text, item.url, item.zone)
    except ValueError as error:
        raise PageError(item.url, field, f"{clean_line(text)!r} cannot be read: {error}") from error


def parse_language(text: str | None) -> str | None:
    """Return the language without its region, so that "sv-SE" and "sv" are the same.

    >>> parse_language("sv-SE"), parse_language("EN_gb"), parse_language("")
    ('sv', 'en', None)
    """
    return ((text or "").replace("_", "-").partition("-")[0].strip().lower()) or None


def normalise_question(position: int, item: QuestionItem) -> Question:
    answer = (normalise_paragraphs(item.answer) or "").split("\n\n")
    return Question(
        position=position,
        question=strip_speech_dash(normalise_line(item.question) or ""),
        answer="\n\n".join(strip_speech_dash(paragraph) for paragraph in answer),
        answered_by=normalise_line(item.answered_by),
    )


def normalise_image(item: ImageItem) -> Image:
    caption, credit = split_credit(repair_text(item.caption)) if item.caption else (None, None)
    stated = split_credit(repair_text(item.credit))[1] or normalise_line(item.credit) if item.credit else None
    return Image(url=canonicalise_url(item.url), caption=caption, credit=stated or credit, alt=normalise_line(item.alt))


def find_quality_warnings(release: Release) -> list[QualityWarning]:
    """Return a warning for each field with broken letters that could not be repaired, and for contradicting dates."""
    warnings = []
    if release.published and release.updated and is_earlier(release.updated, release.published):
        problem = f"{release.updated.isoformat()} is before the publication ({release.published.isoformat()})"
        warnings.append(QualityWarning(release.url, "updated", problem))
    for field in DAMAGE_CHECKED_FIELDS:
        damages = filter(None, map(find_damaged_text, iter_field_texts(getattr(release, field))))
        if damage := next(damages, None):
            warnings.append(QualityWarning(release.url, field, f"has broken letters: {damage!r}"))
    return warnings


def is_earlier(first: date, second: date) -> bool:
    """Return whether a time or day is before another; of a day and a time, only the days are compared."""
    if isinstance(first, datetime) and isinstance(second, datetime):
        return first < second
    days = [value.date() if isinstance(value, datetime) else value for value in (first, second)]
    return days[0] < days[1]


def iter_field_texts(value: Any) -> Iterator[str]:
    for part in value if isinstance(value, tuple) else (value,):
        names: tuple[str, ...] = getattr(part, "__slots__", ())  # of a dataclass
        texts = [getattr(part, name) for name in names if name not in NON_TEXT_FIELDS] if names else [part]
        yield from (text for text in texts if isinstance(text, str))
