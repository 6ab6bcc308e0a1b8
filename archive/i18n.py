"""Languages of the interface: texts from gettext catalogues, choice of language, formatting.

The texts of a language are in `locale/<language>/LC_MESSAGES/myndighetsarkivet.po`. Their msgids
are keys such as `search.no_hits`, so that the texts of every language can be edited, and a new
language needs only a new file.
"""

from __future__ import annotations

import gettext
import io
import logging
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from archive.times import Month, parse_time, parse_typed_date, to_timezone

logger = logging.getLogger(__name__)

DEFAULT_LANGUAGE = "sv"
SWEDISH_TIME = ZoneInfo("Europe/Stockholm")
NO_BREAK_SPACE = "\u00a0"
LOCALE_FOLDER = Path(__file__).parent / "locale"
CATALOGUE_FILE = Path("LC_MESSAGES") / "myndighetsarkivet.mo"

IMPORTANCE_LEVELS = (  # least importance, number of marks (of four), name of the level
    (80, 4, "major"),
    (50, 3, "significant"),
    (20, 2, "moderate"),
    (0, 1, "minor"),
)


class WebArchiveName(str):
    """The name of a web archive that captured a version.

    The name of any other collection is a plain string. If `translate` inserts a WebArchiveName, it
    uses the variant of the text whose key ends in `.captured`.
    """


def read_catalogue(language: str) -> gettext.GNUTranslations:
    """Read the texts of a language. Texts that the language lacks are taken from the default
    language.

    An installed package contains the compiled catalogue (.mo). In a checkout with Babel, the .po
    file is read instead if it is newer, so that a changed text is used without compiling.
    """
    compiled = LOCALE_FOLDER / language / CATALOGUE_FILE
    source = compiled.with_suffix(".po")
    is_current = compiled.exists() and (
        not source.exists() or compiled.stat().st_mtime >= source.stat().st_mtime
    )
    if not is_current and find_spec("babel"):
        content = _compile_catalogue(source)
    elif compiled.exists():
        if not is_current:
            logger.warning(
                "%s is older than its .po file: install the project again (pip install -e .)",
                compiled,
            )
        content = compiled.read_bytes()
    else:
        raise FileNotFoundError(
            f"{compiled} is missing: install the project again (pip install -e .)"
        )
    catalogue = gettext.GNUTranslations(io.BytesIO(content))
    if language != DEFAULT_LANGUAGE:
        catalogue.add_fallback(read_catalogue(DEFAULT_LANGUAGE))
    return catalogue


def _compile_catalogue(source: Path) -> bytes:
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - only installed for development
    from babel.messages.pofile import read_po  # noqa: PLC0415

    compiled = io.BytesIO()
    with source.open("rb") as file:
        write_mo(compiled, read_po(file))
    return compiled.getvalue()


LANGUAGES = tuple(  # the default language first
    sorted(
        (path.parent.name for path in LOCALE_FOLDER.glob("*/LC_MESSAGES")),
        key=lambda name: (name != DEFAULT_LANGUAGE, name),
    )
)
CATALOGUES = {language: read_catalogue(language) for language in LANGUAGES}


def choose_language(requested: str | None, accept_language: str | None) -> str:
    """Return the requested language if the interface has it.

    Otherwise, return the interface language that Accept-Language ranks highest, or Swedish if the
    header names none of them.

    >>> choose_language(None, "de, en-GB;q=0.8, sv;q=0.5")
    'en'
    """
    if requested in LANGUAGES:
        return requested
    qualities: dict[str, float] = {}
    for part in (accept_language or "").split(","):
        tag, _, quality = part.partition(";")
        language = tag.strip().lower().split("-")[0]
        value = _parse_quality_value(quality)
        if language in LANGUAGES and value > 0:
            qualities[language] = max(value, qualities.get(language, 0))
    return max(LANGUAGES, key=lambda language: qualities.get(language, 0))


def _parse_quality_value(text: str) -> float:
    """Parse a quality value such as "q=0.8".

    Returns 1 if the text is empty, and 0 if the value is invalid.
    """
    name, _, value = text.replace(" ", "").partition("=")
    if not name:
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def translate(language: str, key: str, **values: object) -> str:
    """Return an interface text with `values` inserted. The value `n` selects the singular or the
    plural form.

    Whole numbers get thousands separators. Raises KeyError if neither the language nor the default
    language has the text.

    >>> translate("sv", "list.n_releases", n=1), translate("en", "list.n_releases", n=12345)
    ('1 meddelande', '12,345 releases')
    """
    if isinstance(values.get("collection"), WebArchiveName):
        key = f"{key}.captured"
    text = find_text(language, key, values.get("n"))
    if text is None:
        raise KeyError(key)
    if "{" not in text:
        return text
    formatted = {
        name: format_number(language, v) if isinstance(v, int) else v for name, v in values.items()
    }
    return text.format(**formatted)


def translate_code(language: str, group: str, code: str) -> str:
    """Return the text for a code in a group of texts, or the code itself if it has no text.

    >>> codes = ("press release", "telegram")
    >>> tuple(translate_code("sv", "release_kind", code) for code in codes)
    ('pressmeddelande', 'telegram')
    """
    return find_text(language, f"{group}.{code}") or code


@lru_cache(maxsize=4096)  # pages have hundreds of texts
def find_text(language: str, key: str, count: object = None) -> str | None:
    """Return the text for a key, or None if neither the language nor the default language has it.

    count: the number that selects the singular or the plural form.
    """
    catalogue = CATALOGUES[language]
    text = catalogue.ngettext(key, key, count) if isinstance(count, int) else key
    if text == key:  # no plural forms
        text = catalogue.gettext(key)
    return None if text == key else text


@lru_cache(maxsize=4096)
def format_number(language: str, number: int) -> str:
    """Format a whole number with thousands separators.

    >>> format_number("en", 12345)
    '12,345'
    """
    return f"{number:,}".replace(",", translate(language, "format.thousands_separator"))


@lru_cache(maxsize=4096)  # lists have a time several times
def format_time(language: str, text: str | None) -> str:
    """Format a UTC time that the archive recorded, such as the time of a check, in Swedish time.

    >>> format_time("en", "2021-05-18T10:57:00+00:00")
    '18 May 2021, 12:57'
    """
    value = parse_time(text)
    return _format_moment(
        language, to_timezone(value, SWEDISH_TIME) if isinstance(value, datetime) else value
    )


@lru_cache(maxsize=4096)
def format_stated_time(language: str, text: str | None) -> str:
    """Format a time that an agency states, such as the time of publication, in the time zone that
    the stated time gives.

    >>> format_stated_time("en", "2024-01-18T10:57:00+00:00"), format_stated_time("sv", "2024-06")
    ('18 January 2024, 10:57', 'juni 2024')
    """
    return _format_moment(language, parse_time(text))


def _format_moment(language: str, value: date | None) -> str:
    """Format a month, a day or a point in time. Returns "" for None.

    A point in time is formatted in its own time zone.
    """
    if value is None:
        return ""
    precision = (
        "month" if isinstance(value, Month) else "moment" if isinstance(value, datetime) else "day"
    )
    month = translate(language, f"month_name.{value.month}")
    return translate(
        language,
        f"format.{precision}",
        day=str(value.day),
        month=month,
        year=str(value.year),
        time=value,
    )


def format_release_kind(language: str, kind: str) -> str:
    return translate_code(language, "release_kind", kind)


def format_importance(language: str, importance: int | None) -> str:
    """Return an edit's importance in words, or "" if the importance is None.

    >>> format_importance("en", 75), format_importance("sv", 8)
    ('significant', 'liten')
    """
    if importance is None:
        return ""
    return translate(
        language,
        "importance." + next(name for least, _, name in IMPORTANCE_LEVELS if importance >= least),
    )


def format_importance_bar(importance: int | None) -> str:
    """Return an edit's importance as a bar of four marks, or "" if the importance is None.

    >>> format_importance_bar(75), format_importance_bar(8), format_importance_bar(None)
    ('▮▮▮▯', '▮▯▯▯', '')
    """
    if importance is None:
        return ""
    marks = next(marks for least, marks, _ in IMPORTANCE_LEVELS if importance >= least)
    return "▮" * marks + "▯" * (4 - marks)


def format_check_pair(language: str, after: str | None, when: str | None) -> str:
    """Describe when an event happened by giving the two checks between which it happened.

    If both checks were made in the same minute, the time is given only once.

    >>> format_check_pair("en", "2024-06-03T08:15:10+00:00", "2024-06-03T08:15:40+00:00")
    'on 3 June 2024, 10:15, between two checks in the same minute'
    """
    first, last = format_time(language, after), format_time(language, when)
    text_key = "format.within_minute" if first == last else "format.between_checks"
    return translate(language, text_key, first=first, last=last)


def describe_edit_time(
    language: str, after: str | None, when: str | None, text_key: str = "edit.made_between"
) -> str:
    """Describe when an edit was made by giving the two checks between which it was made.

    after: the time of the last check before the edit; None if there was no such check.
    when: the time of the check that found the edit.
    """
    if after is None:
        return translate(language, "edit.seen", when=format_time(language, when))
    return translate(language, text_key, checks=format_check_pair(language, after, when))


def name_version(language: str, version: Mapping[str, Any]) -> str:
    """Name a version by its time and, if it was imported, by its collection.

    version: a revision with the values that archive.changes.history.add_observations adds.
    """
    when = format_time(language, version["when"])
    if not version["collection"]:
        return when
    key = "version.of_reading" if version["first_reading"] else "version.of_import"
    return translate(language, key, collection=version["collection"], when=when)


def describe_readings(language: str, version: Mapping[str, Any]) -> str:
    """Describe when an imported version replaced the previous one by giving the readings before and
    after the replacement.

    These are readings of the collection to which the version belongs. If a web archive captured the
    version, the times of the captures are given instead.
    """
    if past := version["past"]:
        key = "captured_before" if past["is_read"] else "captured_between"
        when = {"before": past["after"], "after": past["seen"]}
        return translate(
            language,
            f"edit.{key if past['is_edit'] else 'captured_unclear'}",
            collection=past["collection"],
            **{name: format_time(language, moment) for name, moment in when.items()},
        )
    before = format_time(language, version["last_reading_before"])
    after = format_time(language, version["first_reading"])
    return translate(
        language,
        "edit.same_reading" if before == after else "edit.between_readings",
        collection=version["collection"],
        before=before,
        after=after,
        when=after,
    )


def describe_removal(language: str, kind: str, status: int | None, target: str | None) -> str:
    """Describe what the archive found in place of a removed release.

    status: the HTTP status of the response; None if the release was not requested, because its
        press wire no longer lists it.
    target: the text or address that was found instead.

    >>> describe_removal("en", "gone", 410, None)
    'The server answered that the page does not exist (410).'
    """
    key = "unlisted" if kind == "gone" and status is None else kind
    return translate(language, f"removal.{key}", status=status, target=target or "?")


def format_field_value(language: str, field: str, text: str) -> str:
    """Format a time, type or language in words. The value of any other field is returned unchanged.

    >>> values = (("sv", "updated", "2024-06-03"), ("en", "language", "sv"))
    >>> tuple(format_field_value(*value) for value in values)
    ('3 juni 2024', 'Swedish')
    >>> format_field_value("sv", "title", "Hej")
    'Hej'
    """
    if not text:
        return ""
    if field in ("published", "updated"):
        return format_stated_time(language, text)
    if field == "kind":
        return format_release_kind(language, text)
    return translate_code(language, "language", text) if field == "language" else text


def to_swedish_day(text: str) -> date:
    """Return the Swedish date of a stored time.

    >>> to_swedish_day("2024-06-02T23:30:00+00:00").isoformat()
    '2024-06-03'
    """
    return datetime.fromisoformat(text).astimezone(SWEDISH_TIME).date()


@lru_cache(maxsize=4096)
def swedish_sort_key(name: str) -> str:
    """Return a key that sorts a name in Swedish alphabetical order: å, ä and ö after z."""
    return name.casefold().translate(str.maketrans("åäö", "{|}"))


def format_month(language: str, month: str) -> str:
    """Format a month (yyyy-mm) in words.

    >>> format_month("sv", "2024-05"), format_month("en", "2024-05")
    ('maj 2024', 'May 2024')
    """
    year, number = month.split("-")
    return translate(
        language, "format.month", month=translate(language, f"month_name.{int(number)}"), year=year
    )


def format_search_note(language: str, key: str, value: str) -> str:
    """Format a note about how a search was understood.

    value: the day, the month or the words that the note is about.

    >>> format_search_note("en", "day", "2024-06-06")[:34]
    'Showing releases from 6 June 2024.'
    """
    if key == "day":
        words = format_stated_time(language, value)
    elif key == "month_only":
        words = format_month(language, value)
    else:
        words = translate(language, "format.quoted", text=value)
    return translate(language, f"search.note.{key}", words=words)


def format_period(language: str, first: str, last: str) -> str:
    """Format a period as a year, months or days. The period is given by its first and last day.

    >>> format_period("en", "2022-09-01", "2022-11-30")
    'September–November 2022'
    >>> format_period("sv", "2022-12-01", "2023-02-28")
    'december 2022–februari 2023'
    """
    if (first[4:], last[4:]) == ("-01-01", "-12-31") and first[:4] == last[:4]:
        return first[:4]
    if first[8:] == "01" and last == parse_typed_date(last[:7], end=True):
        first, last = first[:7], last[:7]
    if first == last:
        return format_stated_time(language, first)
    start, end = format_stated_time(language, first), format_stated_time(language, last)
    return f"{start.removesuffix(f' {last[:4]}')}–{end}"


def format_short_month(language: str, month: str) -> str:
    """Return the abbreviated name of a month (yyyy-mm).

    >>> format_short_month("sv", "2024-05"), format_short_month("en", "2024-09")
    ('maj', 'Sep')
    """
    return translate(language, f"month_name.{int(month[5:7])}")[:3]
