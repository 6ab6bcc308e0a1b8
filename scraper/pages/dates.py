"""Dates of a page as they are found: what it declares, what its machine values tell, which reading tells more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from scraper.items import Evidence
from scraper.normalise.dates import parse_date
from scraper.normalise.kinds import to_kind
from scraper.normalise.months import MONTHS
from scraper.normalise.text import clean_line
from scraper.pages.document import Document
from scraper.pages.elements import Element, whole_text
from scraper.pages.evidence import path_of
from scraper.pages.main_element import elements_at
from scraper.pages.metadata import declared_dates, vague_dates

DIGIT = re.compile(r"\d")
LONG_WORD = re.compile(r"[^\W\d_]{4,}")
ENDS_WITH_DATE = re.compile(r"\d\.$")  # as a sentence does
PROPERTIES = {"published": "datePublished", "updated": "dateModified"}  # by field (schema.org)
EVENT = re.compile(r"event|kalend|calendar|deadline|start-?date|end-?date", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """One date of the page, read."""

    role: str
    text: str
    value: date | datetime | None  # None where it is written like a date but cannot be read for certain
    evidence: Evidence


def read_stamp(stamp: str | None, url: str) -> date | datetime | None:
    """A machine's value, None where there is none that can be read."""
    try:
        return parse_date(stamp, url) if stamp else None
    except ValueError:
        return None


def more_exact(
    text: str, value: date | datetime | None, stamp: str | None, url: str
) -> tuple[str, date | datetime | None]:
    """The machine's value in place of the label's where both agree and it tells more."""
    exact = read_stamp(stamp, url)
    return (stamp, exact) if stamp and refines(exact, value) else (text, value)


def refines(exact: date | datetime | None, value: date | datetime | None) -> bool:
    """Whether one reading tells the same as another and more: seconds to a minute, a time to a day."""
    if not isinstance(exact, datetime) or value is None:
        return False
    if isinstance(value, datetime):
        return exact != value and 0 <= (exact - value).total_seconds() < 60
    return exact.date() == value and (exact.hour, exact.minute, exact.second) != (0, 0, 0)


def declared(document: Document, field: str) -> Iterator[Found]:
    """The dates a page declares, those that can be read, best first."""
    yield from read_all(document, field, declared_dates(document, field))


def vague(document: Document) -> Iterator[Found]:
    """Dates of the head that do not say which they are: taken for the published one where nothing better is."""
    yield from read_all(document, "published", vague_dates(document))


def read_all(
    document: Document, field: str, stated: Iterable[tuple[str, str]], element: str = "head"
) -> Iterator[Found]:
    """The declared dates, as (rule, text), that can be read."""
    for rule, text in stated:
        value = read_stamp(text, document.url)
        if value is not None:
            yield Found(field, text, value, Evidence(rule=rule, element=element))


def declared_in_text(document: Document, main: Element, field: str) -> list[Found]:
    """Microdata: elements whose itemprop says what their date stands for; outside the main element only one alone."""
    stated = PROPERTIES[field] in document.text  # else only <time> can be it, and to go through those is cheaper
    found = list(read_microdata(document, main, field, stated=stated))
    anywhere = [] if found else list(read_microdata(document, document.root, field, stated=stated))
    return anywhere if len(anywhere) == 1 else found


def read_microdata(document: Document, scope: Element, field: str, *, stated: bool) -> Iterator[Found]:
    """The elements of a scope whose itemprop (`stated`: there may be one) or, on <time>, class names the field, those
    that can be read.
    """
    prop = PROPERTIES[field]
    either = f".//*[@itemprop='{prop}'] | .//time[contains(@class, '{field}')]"
    for element in elements_at(scope, either) if stated else scope.iter("time"):
        if element.get("itemprop") == prop or field in (element.get("class") or "").split():
            text = element.get("datetime") or element.get("content") or clean_line(whole_text(element))
            yield from read_all(document, field, [(f"itemprop {prop}", text)], path_of(element))


def machine_values(*elements: Element) -> list[str | None]:
    """The datetime attributes of the <time> elements that elements are or hold."""
    return [time.get("datetime") for element in elements for time in element.iter("time")]


def machine_value(element: Element) -> str | None:
    """The datetime attribute of the one <time> within an element."""
    values = machine_values(element)
    return values[0] if len(values) == 1 else None


def is_only_a_date(text: str) -> bool:
    """Whether a line holds no more than one word beside a date and a type word, and is no sentence."""
    words = [word for word in LONG_WORD.findall(text) if not to_kind(word) and word.lower() not in MONTHS]
    return len(words) <= 1 and not (words and ENDS_WITH_DATE.search(text))
