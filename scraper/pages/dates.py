"""Finding when a page was published and updated: labels that a reader sees, and what the page declares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlsplit

from lxml import etree

from scraper.items import Evidence
from scraper.normalise.dates import NO_ROLE, ROLES, NoDateError, find_role, parse_date, parse_label, split_labels
from scraper.normalise.text import clean_line
from scraper.normalise.words import either
from scraper.pages.boilerplate import is_card, remove
from scraper.pages.document import Document, Element, whole_text
from scraper.pages.evidence import path_of
from scraper.pages.metadata import declared_dates, vague_dates

LONGEST_LABEL = 160
# A label opens its line: a few words such as "Sidan" or "Senast" may stand before the telling one.
OPENING = either(r"""
    sidan | artikeln | texten | nyheten | informationen | innehållet | publikationen | senast | pressmeddelande\w*
    nyhet\w* | pressemelding | pressemitteilung | news | press | page | this | article | story | content | was | is | on
    are | last | first | latest | originally | date | web | zuletzt | letzte | am | sist | sidst | senest
    """)
LABEL = re.compile(rf"^\W*(?:{OPENING}\W+){{0,5}}(?:{'|'.join(ROLES.values())})", re.IGNORECASE)
TEASERS = ("article", "li", "a")
DIGIT = re.compile(r"\d")
EVENT = re.compile(r"event|kalend|calendar|deadline|start-?date|end-?date", re.IGNORECASE)
PLAIN = re.compile(r"^\W*dat(?:e|um|o)\b", re.IGNORECASE)  # says that a date follows, not of what


@dataclass(frozen=True, slots=True)
class Found:
    """One date of the page, read."""

    role: str
    text: str
    value: date | datetime | None  # None where it is written like a date but cannot be read for certain
    evidence: Evidence


def find_labels(document: Document, main: Element) -> list[Found]:
    """Every labelled date of the page, those of the main element first. The labels are taken out of the tree."""
    inside: list[Found] = []
    outside: list[Found] = []
    for element in list(document.root.iter(etree.Element)):
        text = element.text
        if (
            text
            and 3 < len(text) < LONGEST_LABEL * 2
            and not text.isspace()
            and LABEL.match(text)
            and element.getparent() is not None
        ):
            parents = list(element.iterancestors())
            own = element is main or main in parents
            if not any(dates_another_page(part, own) for part in parents if part is not main):
                (inside if own else outside).extend(read_label(document, element))
    return inside + outside


def dates_another_page(element: Element, own: bool) -> bool:
    """Whether an element around a label is a teaser: a card within the text, any linked item beside it."""
    if element.tag not in TEASERS:
        return False
    return is_card(element) if own else element.tag == "a" or element.find(".//a") is not None


def read_label(document: Document, element: Element) -> list[Found]:
    """The dates of a label: within its element, in the element after it, or in the line they share."""
    following, parent = next_element(element), element.getparent()
    for parts in ([element], [element, following], [parent]):
        elements = [part for part in parts if part is not None]
        text = clean_line(" ".join(map(whole_text, elements)))
        if len(elements) < len(parts) or len(text) > LONGEST_LABEL or not DIGIT.search(text):
            continue
        found = list(read_line(text, machine_value(elements[-1]), path_of(elements[-1]), document.url))
        if found:
            for part in elements:
                if part.tag not in ("body", "main", "article"):
                    remove(part)
            return found
    return []


def read_line(text: str, stamp: str | None, path: str, url: str) -> Iterator[Found]:
    """The labelled dates of one line; a <time datetime> that tells more of the same day is taken for it."""
    labels = split_labels(text)
    for label in labels:
        role = find_role(label)
        if role is None or NO_ROLE.search(label) or (PLAIN.match(label) and EVENT.search(urlsplit(url).path)):
            continue
        evidence = Evidence(rule=f"label {label.split()[0]}", element=path)
        try:
            role, value = parse_label(label, url)
        except NoDateError:
            value = read_stamp(stamp, url)  # "April 2025" beside a full machine value
            if value is None:
                continue
            yield Found(role, f"{label} {stamp}", value, evidence)
        except ValueError:
            yield Found(role, label.strip(" ·|,"), None, evidence)
        else:
            words, exact = more_exact(label, value, stamp, url) if len(labels) == 1 else (label, value)
            yield Found(role, words.strip(" ·|,"), exact, evidence)


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
    found = list(read_microdata(document, main, field))
    anywhere = [] if found else list(read_microdata(document, document.root, field))
    return anywhere if len(anywhere) == 1 else found


def read_microdata(document: Document, scope: Element, field: str) -> Iterator[Found]:
    """The elements of a scope whose itemprop or, on <time>, class names the field, those that can be read."""
    prop = "datePublished" if field == "published" else "dateModified"
    for element in scope.iter("time", "meta", "span", "p", "div", "abbr"):
        if element.get("itemprop") == prop or (element.tag == "time" and field in (element.get("class") or "").split()):
            text = element.get("datetime") or element.get("content") or clean_line(whole_text(element))
            yield from read_all(document, field, [(f"itemprop {prop}", text)], path_of(element))


def machine_value(element: Element) -> str | None:
    """The datetime attribute of the one <time> within an element."""
    times = [element] if element.tag == "time" else list(element.iter("time"))
    return times[0].get("datetime") if len(times) == 1 else None


def next_element(element: Element) -> Element | None:
    """The element after, or after its parent where that holds nothing else: <dt>, <th> and wrapped labels."""
    following, parent = element.getnext(), element.getparent()
    if following is None and parent is not None and clean_line(whole_text(parent)) == clean_line(whole_text(element)):
        return parent.getnext()
    return following
