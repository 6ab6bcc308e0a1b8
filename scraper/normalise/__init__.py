"""The agency's words become ours: ReleaseItem → Release, strings → real types."""

from __future__ import annotations

from datetime import date, datetime

from archive.records import Attachment, Image, Question, Release
from scraper.errors import PageError
from scraper.items import ImageItem, QuestionItem, ReleaseItem
from scraper.normalise.contacts import to_contacts
from scraper.normalise.credits import split_credit
from scraper.normalise.dates import parse_date
from scraper.normalise.html import sanitise
from scraper.normalise.kinds import to_kind
from scraper.normalise.media import media_type
from scraper.normalise.mojibake import repair, repair_markup
from scraper.normalise.tags import to_tags
from scraper.normalise.text import clean_line, one_line, strip_dash, to_paragraphs
from scraper.normalise.urls import canonical_url, host_of

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
