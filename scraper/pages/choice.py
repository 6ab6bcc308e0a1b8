"""Settling which of a page's dates is the day it was published, and which the day it was updated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scraper.pages.bare_dates import find_bare
from scraper.pages.dates import Found, declared, declared_in_text, refines, vague
from scraper.pages.document import Document
from scraper.pages.elements import Element
from scraper.pages.labels import find_labels


def choose_dates(
    document: Document, main: Element, heading: Element | None, selected: Mapping[str, Found | None]
) -> Iterator[tuple[str, Found]]:
    """The dates of a page by field, ranked: an element that a selector names; a label; a declaration; a date alone
    beside the title; a declaration that does not say what it stands for.
    """
    # Labels and the date beside the title are taken out of the tree, so what only looks on comes first.
    stated = {field: [*declared(document, field), *declared_in_text(document, main, field)] for field in selected}
    labels = find_labels(document, main)
    beside = find_bare(document, heading, main)
    published: Found | None = None
    for field, chosen in selected.items():
        own = [label for label in labels if label.role == field]
        if field == "published":
            ranks = (own, stated[field], [beside] if beside else [], list(vague(document)))
            found = published = chosen or choose_date(*ranks)
        else:  # stamped alike, by a machine, says no update
            later = [other for other in stated[field] if not published or other.value != published.value]
            found = chosen or choose_date(own, later)
        if found:
            yield field, found


def choose_date(*ranks: Sequence[Found]) -> Found | None:
    """One of several readings of the same field: the first of the highest rank that has one.

    A reading of another rank that agrees with it and tells more, seconds or a time of day, lends its precision.
    """
    readings = [found for rank in ranks for found in rank]
    first = next((found for found in readings if found.value is not None), None)
    if first is None:
        return readings[0] if readings else None  # present but unreadable: for to_release to refuse, not to hide
    return next((other for other in readings if refines(other.value, first.value)), first)
