"""The entries of a listing: a link and what stands beside it; and which are no entries but the listing itself again."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from lxml import etree

from scraper.furniture import around
from scraper.hypertext import line_of
from scraper.normalise.months import MONTH
from scraper.pagers import NEXT
from scraper.pages.elements import Element
from scraper.sessions import Link
from scraper.source_times import to_utc

SHOWN_DATE = re.compile(rf"\b(19|20)\d\d-[01]\d-[0-3]\d\b|\b[0-3]?\d\.? ?{MONTH}", re.IGNORECASE)
HEADINGS = etree.XPath("ancestor::h2 | ancestor::h3 | ancestor::h4 | .//h2 | .//h3 | .//h4")
ITEM = etree.XPath("(ancestor::li | ancestor::article | ancestor::tr)[last()]")


@dataclass(slots=True)
class Entry:
    """A link of a listing that may lead to a release.

    item: the list item, article or row that it stands in, else the link itself. here: whether only its query
    tells it from the listing, as the listing's own other views.
    """

    link: Link
    anchor: Element
    item: Element
    dated: bool
    headed: bool
    here: bool


def to_entry(anchor: Element, address: str, *, headed: bool, here: bool) -> Entry:
    """A link with the time that stands beside it."""
    item = next(iter(cast("list[Element]", ITEM(anchor))), anchor)
    times = list(item.iterdescendants("time"))
    shown = bool(times) or SHOWN_DATE.search(line_of(item)) is not None
    stamp = next((stated for time in times if (stated := time.get("datetime")) is not None), None)
    time = to_utc(stamp)
    return Entry(Link(address, time, time), anchor, item, shown, headed, here)


def is_heading(anchor: Element) -> bool:
    """Whether a link is a heading, or holds one."""
    return bool(HEADINGS(anchor))


def without_views(entries: Sequence[Entry], *, alone: bool) -> list[Entry]:
    """The entries without links that sort or filter the listing.

    Of the links that only their query tells from the listing's address, those are entries that are headings, or have
    an item with a date for themselves. alone: whether the others are entries as well where nothing else is listed.
    """
    if not any(entry.here for entry in entries):
        return list(entries)
    beside: defaultdict[Element, set[str]] = defaultdict(set)
    for entry in entries:
        beside[entry.item].add(entry.link.url)
    frames = around(beside)

    def stands_for_itself(entry: Entry) -> bool:
        item = entry.item
        return len(beside[item]) == 1 and item not in frames and item.find(".//h1") is None

    marked = {entry.link.url for entry in entries if entry.headed or (entry.dated and stands_for_itself(entry))}
    if marked or not alone or not all(entry.here for entry in entries):
        return [entry for entry in entries if not entry.here or entry.link.url in marked]
    return [entry for entry in entries if not NEXT.fullmatch(line_of(entry.anchor))]
