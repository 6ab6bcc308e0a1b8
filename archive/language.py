"""The interface's two languages: which one a reader gets, and texts, numbers and times said in it."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from archive.about_texts import ABOUT, HELP
from archive.citation_texts import CITATION
from archive.delta.texts import DELTA
from archive.feed_texts import FEEDS
from archive.health.texts import STATUS
from archive.history.comparison_texts import COMPARISON, FIELDS
from archive.history.texts import ABSENCES, HISTORY, WEIGHTS
from archive.ledger.texts import LEDGER
from archive.page_texts import PAGES
from archive.search.texts import SEARCH
from archive.takedowns.texts import TAKEDOWNS
from archive.texts import MONTHS, RELEASE_KINDS, TEXTS
from archive.times import Month, at_clock, parse_time

LANGUAGES = ("sv", "en")  # the first is the default
ZONE = ZoneInfo("Europe/Stockholm")
NO_BREAK = "\u00a0"
SAID = {
    **TEXTS,
    **HISTORY,
    **COMPARISON,
    **PAGES,
    **ABOUT,
    **HELP,
    **CITATION,
    **FEEDS,
    **SEARCH,
    **TAKEDOWNS,
    **STATUS,
    **LEDGER,
    **DELTA,
}


def choose_language(asked: str | None, accepted: str | None) -> str:
    """The language a URL asks for, else the one a browser likes best (Accept-Language), else Swedish.

    >>> choose_language(None, "de, en-GB;q=0.8, sv;q=0.5")
    'en'
    """
    if asked in LANGUAGES:
        return asked
    liked: dict[str, float] = {}
    for part in (accepted or "").split(","):
        tag, _, quality = part.partition(";")
        language = tag.strip().lower().split("-")[0]
        weight = parse_quality(quality)
        if language in LANGUAGES and weight > 0:
            liked[language] = max(weight, liked.get(language, 0))
    return max(LANGUAGES, key=lambda language: liked.get(language, 0))


def parse_quality(text: str) -> float:
    """The weight in "q=0.8"; 1 where there is none, 0 where it cannot be read."""
    name, _, value = text.replace(" ", "").partition("=")
    if not name:
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def say(language: str, key: str, **values: object) -> str:
    """An interface text; `n` chooses between one and many, numbers are written the language's way."""
    text = getattr(SAID[key], language)
    if isinstance(text, tuple):
        text = text[0 if values.get("n") == 1 else 1]
    said = {name: say_number(language, v) if isinstance(v, int) else v for name, v in values.items()}
    return str(text.format(**said))


def say_number(language: str, number: int) -> str:
    """A whole number with its thousands parted.

    >>> say_number("en", 12345)
    '12,345'
    """
    return f"{number:,}" if language == "en" else f"{number:,}".replace(",", NO_BREAK)


def say_time(language: str, text: str | None) -> str:
    """A time of our own notes (seen, checked, crawled …), which are in UTC, in words and Swedish time.

    >>> say_time("en", "2021-05-18T10:57:00+00:00")
    '18 May 2021, 12:57'
    """
    value = parse_time(text)
    return _say_moment(language, at_clock(value, ZONE) if isinstance(value, datetime) else value)


def say_told(language: str, text: str | None) -> str:
    """A time that an agency tells (published, updated) in words: by the clock it is told by.

    >>> say_told("en", "2024-01-18T10:57:00+00:00"), say_told("sv", "2024-06")
    ('18 January 2024, 10:57', 'juni 2024')
    """
    return _say_moment(language, parse_time(text))


def _say_moment(language: str, value: date | None) -> str:
    """A moment by its own clock, a day or a month in words."""
    if value is None:
        return ""
    month = f"{getattr(MONTHS[value.month - 1], language)} {value.year}"
    if isinstance(value, Month):
        return month
    day = f"{value.day} {month}"
    if not isinstance(value, datetime):
        return day
    return f"{day}, {value:%H:%M}" if language == "en" else f"{day} kl.{NO_BREAK}{value:%H.%M}"


def say_kind(language: str, kind: str) -> str:
    """A release's kind in words.

    >>> say_kind("sv", "press release"), say_kind("sv", "telegram")
    ('pressmeddelande', 'telegram')
    """
    return str(getattr(RELEASE_KINDS[kind], language)) if kind in RELEASE_KINDS else kind


def say_weight(language: str, weight: int | None) -> str:
    """How much an edit matters, in words; "" where it was not weighed.

    >>> say_weight("en", 75), say_weight("sv", 8)
    ('weighty', 'liten')
    """
    return "" if weight is None else str(getattr(next(text for least, _, text in WEIGHTS if weight >= least), language))


def mark_weight(weight: int | None) -> str:
    """The same for the eye, without colour.

    >>> mark_weight(75), mark_weight(8), mark_weight(None)
    ('▮▮▮▯', '▮▯▯▯', '')
    """
    marks = 0 if weight is None else next(marks for least, marks, _ in WEIGHTS if weight >= least)
    return "▮" * marks + "▯" * (4 - marks) if marks else ""


def say_absence(language: str, kind: str, status: int | None, target: str | None) -> str:
    """What was seen in a release's place.

    >>> say_absence("en", "gone", 410, None)
    'The page answered 410.'
    """
    text = str(getattr(ABSENCES[kind], language))
    return text.format(status=status or 404, target=target or "?")


def say_value(language: str, field: str, text: str) -> str:
    """A field's value as a page says it: times and words of our own in words, what the agency wrote as it stands.

    >>> say_value("sv", "updated", "2024-06-03"), say_value("en", "language", "sv"), say_value("sv", "title", "Hej")
    ('3 juni 2024', 'Swedish', 'Hej')
    """
    if not text:
        return ""
    if field in ("published", "updated"):
        return say_told(language, text)
    if field == "kind":
        return say_kind(language, text)
    if field == "language" and text in LANGUAGES:
        return say(language, f"lang_{text}")
    return text


def say_field(language: str, name: str) -> str:
    """A release's field as a heading."""
    return str(getattr(FIELDS[name], language)) if name in FIELDS else name


def sort_key(name: str) -> str:
    """Orders names the Swedish way: å, ä and ö after z."""
    return name.casefold().translate(str.maketrans("åäö", "{|}"))
