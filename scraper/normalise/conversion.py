"""Converts a ReleaseItem to a Release by converting strings as found on the page to typed values.

Damaged text is stored unchanged and reported as a quality warning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from archive.database.models import LIST_FIELDS, Attachment, Image, Question, Release
from archive.urls import canonical_url
from scraper.errors import PageError
from scraper.items import ImageItem, QuestionItem, ReleaseItem
from scraper.normalise.contact_details import normalise_contacts
from scraper.normalise.dates import parse_date
from scraper.normalise.page_urls import extract_host
from scraper.normalise.picture_credits import split_credit
from scraper.normalise.text_cleaning import (
    build_alternation,
    cache_by_text,
    clean_line,
    find_damaged_text,
    normalise_line,
    normalise_paragraphs,
    repair_markup,
    repair_text,
    sanitise_body_html,
    strip_speech_dash,
)

DAMAGE_CHECKED_FIELDS = ("title", "lead", "body", "published_text", "updated_text", *LIST_FIELDS)

# Kinds of releases. The first match wins: "Debattartikel" must come before "artikel",
# "Pressmeddelande" before anything about news.
KIND_PHRASES = {
    "press release": """
        pressmeddelande | pressrelease | press ?release
        pressemelding | pressemeddelelse | pressemitteilung
        presseinformation | medienmitteilung | lehdistötiedote
        press ?statement | ^press$ | pressinformation""",
    "opinion": "debatt | opinion | ^ledare$ | krönika | kommentar$ | kronikk | gastbeitrag | op-ed",
    "speech": "^tal(?:en|er|e)?$ | anförande | speech | remarks | ^rede[nr]?$",
    "statement": "uttalande | statement | erklärung",
    "interview": "intervju | interview | haastattelu",
    "notice": """
        händelse | handelser? | notis | notice | driftinformation
        varning | (?:kurz)?meldung | alert | ^anslag$""",
    "consultation": "remiss | konsultation | samråd | consultation | h[øö]ring | hearing",
    "decision": "beslut | decision | tillsynsbeslut | afgørelse | vedtak | bescheid",
    "report": "rapport | report | publikation | promemoria | betänkande | proposition | ^studien?$",
    "regulation": "f[öo]reskrift | författning | kommitt[ée]direktiv | regulation | forskrift",
    "blog": "blogg?",
    "event": "kalender | evenemang | ^events?$ | seminari | arrangemang | veranstaltung",
    "newsletter": "nyhetsbrev | newsletter",
    "news": "nyhet | ^news | ^aktuell | aktualit | nachricht | ^nytt$ | uutinen | nyhed | ^uutiset",
    "article": "artikel | article | artikkel | reportage | feature",
}
KIND_PATTERNS = [
    (kind, re.compile(build_alternation(words), re.IGNORECASE))
    for kind, words in KIND_PHRASES.items()
]
# Media types of files, not from the mimetypes module, whose results depend on the machine.
MEDIA_TYPES = {
    "pdf": "application/pdf",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "odt": "application/vnd.oasis.opendocument.text",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "rtf": "application/rtf",
    "csv": "text/csv",
    "zip": "application/zip",
    "epub": "application/epub+zip",
}
FILE_EXTENSION = re.compile(r"\.([a-z0-9]{2,5})$", re.IGNORECASE)


def to_release(item: ReleaseItem) -> Release:
    """Convert an item to a release.

    Raises PageError if the title is missing, or if a date cannot be parsed.
    """
    title = normalise_line(item.title)
    if title is None:
        raise PageError(item.url, "title", "is missing")
    return Release(
        agency=item.agency or extract_host(item.url),
        url=_canonicalise_url(item.url),
        kind=normalise_kind(item.kind) if item.kind else None,
        title=title,
        lead=normalise_paragraphs(item.lead),
        body=normalise_paragraphs(item.body) or "",
        body_html=sanitise_body_html(repair_markup(item.body_html or "")),
        published=_parse_date_field(item, "published", item.published),
        published_text=normalise_line(item.published),
        updated=_parse_date_field(item, "updated", item.updated),
        updated_text=normalise_line(item.updated),
        language=_parse_language(item.language),
        tags=_normalise_tags(map(repair_text, item.tags)),
        questions=tuple(
            _normalise_question(number, question)
            for number, question in enumerate(item.questions, 1)
        ),
        images=tuple(map(_normalise_image, item.images)),
        attachments=tuple(
            Attachment(
                url=_canonicalise_url(found.url),
                title=normalise_line(found.title) or "",
                media_type=guess_media_type(found.url),
            )
            for found in item.attachments
        ),
        contacts=normalise_contacts(item.contacts),
    )


def _canonicalise_url(url: str) -> str:
    """Return the canonical form of a URL, or the text itself if it is not a valid URL.

    For example, http://agency.se:port/ is not a valid URL.
    """
    try:
        return canonical_url(url)
    except ValueError:
        return url.strip()


def _parse_date_field(item: ReleaseItem, field: str, text: str | None) -> date | datetime | None:
    if text is None:
        return None
    try:
        return parse_date(text, item.url, item.zone)
    except ValueError as error:
        raise PageError(item.url, field, f"{clean_line(text)!r} cannot be read: {error}") from error


def _parse_language(text: str | None) -> str | None:
    """Return the primary language of a language tag, so that "sv-SE" and "sv" give the same result.

    >>> _parse_language("sv-SE"), _parse_language("EN_gb"), _parse_language("")
    ('sv', 'en', None)
    """
    return ((text or "").replace("_", "-").partition("-")[0].strip().lower()) or None


def _normalise_question(position: int, item: QuestionItem) -> Question:
    answer = (normalise_paragraphs(item.answer) or "").split("\n\n")
    return Question(
        position=position,
        question=strip_speech_dash(normalise_line(item.question) or ""),
        answer="\n\n".join(strip_speech_dash(paragraph) for paragraph in answer),
        answered_by=normalise_line(item.answered_by),
    )


def _normalise_image(item: ImageItem) -> Image:
    caption, credit = split_credit(repair_text(item.caption)) if item.caption else (None, None)
    stated = (
        split_credit(repair_text(item.credit))[1] or normalise_line(item.credit)
        if item.credit
        else None
    )
    return Image(
        url=_canonicalise_url(item.url),
        caption=caption,
        credit=stated or credit,
        alt=normalise_line(item.alt),
    )


def find_quality_warnings(release: Release) -> list[PageError]:
    """Return the quality warnings of a release.

    There is one warning for each field with damaged letters that could not be repaired, and one if
    the release was updated before it was published.
    """
    warnings = []
    if release.published and release.updated and is_earlier(release.updated, release.published):
        updated, published = release.updated.isoformat(), release.published.isoformat()
        problem = f"{updated} is before the publication ({published})"
        warnings.append(PageError(release.url, "updated", problem))
    for field in DAMAGE_CHECKED_FIELDS:
        damages = filter(None, map(find_damaged_text, _iter_field_texts(getattr(release, field))))
        if damage := next(damages, None):
            warnings.append(PageError(release.url, field, f"has broken letters: {damage!r}"))
    return warnings


def is_earlier(first: date, second: date) -> bool:
    """Return whether the first of two times or days is before the second.

    If one is a day and the other a time, only their days are compared.
    """
    if isinstance(first, datetime) and isinstance(second, datetime):
        return first < second
    days = [value.date() if isinstance(value, datetime) else value for value in (first, second)]
    return days[0] < days[1]


def _iter_field_texts(value: Any) -> Iterator[str]:
    for part in value if isinstance(value, tuple) else (value,):
        names: tuple[str, ...] = getattr(part, "__slots__", ())  # of a dataclass
        texts = (
            [getattr(part, name) for name in names if name not in ("url", "media_type")]
            if names
            else [part]
        )
        yield from (text for text in texts if isinstance(text, str))


@cache_by_text()
def normalise_kind(text: str) -> str | None:
    """Return the English name of a release type, or None if the type is unknown.

    Results are cached, because a site uses only a few types.

    >>> list(map(normalise_kind, ["Pressmeddelande", "Debattartikel", "nyhetsarkiv", "Kontakt"]))
    ['press release', 'opinion', 'news', None]
    """
    line = clean_line(text).replace("-", " ").replace("_", " ")
    return next((kind for kind, word in KIND_PATTERNS if word.search(line)), None)


def _normalise_tags(texts: Iterable[str]) -> tuple[str, ...]:
    """Return tags in the page's order and spelling, without list separators and duplicates.

    >>> _normalise_tags([" Jämställdhet ", "#Hälsa,", "jämställdhet", ""])
    ('Jämställdhet', 'Hälsa')
    """
    tags: dict[str, str] = {}
    for text in texts:
        tag = clean_line(text).lstrip("#").strip(" ,;|·•")
        if tag:
            tags.setdefault(tag.casefold(), tag)
    return tuple(tags.values())


def guess_media_type(url: str) -> str | None:
    """Return the media type of a linked file, or None if its extension is not in MEDIA_TYPES.

    >>> guess_media_type("https://a.se/rapport.PDF?v=2"), guess_media_type("https://a.se/nyheter/")
    ('application/pdf', None)
    """
    match = FILE_EXTENSION.search(urlsplit(url).path)
    return MEDIA_TYPES.get(match[1].lower()) if match else None
