"""Telling pages that are no release: error pages served as 200, redirect stubs, walls, outages.

A release may be about any of this ("404 nya jobb", "Nya regler för kakor"), so words alone decide only where they
are all that a title says; else the page must hold next to nothing beside them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from lxml import etree

from scraper.normalise.text import clean_line, clean_text
from scraper.pages.document import Document
from scraper.pages.elements import Element, whole_text
from scraper.pages.markup import INLINE
from scraper.pages.refusal_words import (
    CONSENT_TEXT,
    CONSENT_TITLE,
    DOWN,
    FAULT_CODE,
    FAULT_LINE,
    FAULT_PAGE,
    LOGIN_TITLE,
    LOST_CODE,
    LOST_TEXT,
    LOST_TITLE,
    MOVED_TITLE,
    OUTAGE_TITLE,
    PASSING,
    REFRESH,
    SITE,
    STUB_TITLE,
    VAGUE,
    WALL_TEXT,
    WALL_TITLE,
)
from scraper.pages.titles import names_of_site, without_site

LONGEST_LOST = 400  # characters of a page that says so: a release on what was removed says more
LONGEST_STUB = 1500  # characters of a whole page, menus and all, that only leads on
LEAST_TEXT = 30  # an extract shorter than this tells nothing: the whole page is looked at instead
CONSENT, LOGIN, WALL = "is a consent wall", "asks to sign in", "is an error page or a wall"  # read by scraper.faults
OUTAGE, FAULT = "is out of order", "tells of a fault"
UNSEEN = {"script", "style", "template", "title"}
SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


class Refusal(NamedTuple):
    """What a page is instead of a release (a kind of NotARelease), the words that tell, where it leads."""

    kind: str
    problem: str
    target: str | None = None


ALONE = (  # a title or first heading that says nothing else
    (LOST_CODE, "error page", "is an error page"),
    (LOST_TITLE, "error page", "is an error page"),
    (FAULT_PAGE, "error page", "is an error page"),
    (FAULT_CODE, "blocked", WALL),
    (WALL_TITLE, "blocked", WALL),
    (STUB_TITLE, "redirected", "only leads to another page"),
)
SHORT = (  # a title that does, over a page of a few words
    (CONSENT_TITLE, "blocked", CONSENT),
    (OUTAGE_TITLE, "blocked", OUTAGE),
    (FAULT_LINE, "blocked", FAULT),
    (MOVED_TITLE, "redirected", "only leads to another page"),
)


@dataclass(frozen=True, slots=True)
class Glance:
    """What must be seen of a page before anything is taken out of it."""

    titles: tuple[str, ...]  # the document's, without the site's name, and the first heading
    text: str | None  # all of its text, where that was looked at and is short
    asks_password: bool
    refresh: str | None  # the address it sends the reader on to
    link: str | None  # the first address it links to


def look_at(document: Document, *, whole: bool = False) -> Glance:
    """A glance at a page, at its text only where that is asked for or the page leads on."""
    body, heading, refresh = document.root.find("body"), next(document.root.iter("h1"), None), find_refresh(document)
    longest = LONGEST_STUB if whole or refresh else 0
    title = without_site(document.title, names_of_site(document)) if document.title else ""
    first = clean_line(whole_text(heading)) if heading is not None else ""
    return Glance(
        titles=tuple(dict.fromkeys(filter(None, (title.split(" | ")[0], first)))),
        text=short_text(body if body is not None else document.root, longest) if longest else None,
        asks_password=any(map(LOGIN_TITLE.search, (title, first))) and asks_password(document),
        refresh=refresh,
        link=next(filter(None, (document.absolute(link.get("href") or "") for link in document.root.iter("a"))), None),
    )


def find_refusal(seen: Glance) -> Refusal | None:
    """What a page is that says itself it is no release; None where it does not."""
    for title in seen.titles:
        if found := refuse_title(title):
            return leading_on(seen, found.problem) if found.kind == "redirected" else found
    if seen.refresh and seen.text is not None:
        return leading_on(seen, "only leads to another page")
    return None


def leading_on(seen: Glance, problem: str) -> Refusal:
    """A page that leads to another one, and to which."""
    target = seen.refresh or seen.link
    return Refusal("redirected", f"{problem}: {target}" if target else problem, target)


def refuse_title(title: str) -> Refusal | None:
    """What a page of any length is by a title that says nothing else.

    >>> refuse_title("404 – sidan kunde inte hittas"), refuse_title("404 nya jobb")
    (Refusal(kind='error page', problem="is an error page: '404 – sidan kunde inte hittas'", target=None), None)
    """
    for pattern, kind, problem in ALONE:
        if pattern.search(title):
            return Refusal(kind, f"{problem}: {title!r}")
    return None


def find_short_refusal(seen: Glance, title: str | None, text: str, *, dated: bool) -> Refusal | None:
    """What a page of a few words or none is instead of a release; None where it may be one.

    title, text: as read. dated: whether it tells when it was published, as walls and outages do not.
    """
    empty = len(text) < LEAST_TEXT
    words, most = (seen.text, LONGEST_STUB) if empty and seen.text is not None else (text, LONGEST_LOST)
    titles = tuple(dict.fromkeys(filter(None, (title, *seen.titles))))
    if len(title or "") + len(words) < most:
        sentences = [line for part in SENTENCE.split(words) if (line := clean_line(part))]
        for found in (
            refuse_lost(LOST_TEXT, [*titles, *sentences]),
            None if dated else refuse_few_words(seen, titles, sentences),
            refuse_lost(VAGUE, [*titles, *sentences]),
        ):
            if found:
                return found
    return Refusal("other", "holds no text of its own") if empty else None


def refuse_few_words(seen: Glance, titles: tuple[str, ...], sentences: list[str]) -> Refusal | None:
    """What keeps a reader from a page, or leads away from it, by the few words it says."""
    for title in titles:
        for pattern, kind, problem in SHORT:
            if pattern.search(title):
                told = f"{problem}: {title!r}"
                return leading_on(seen, told) if kind == "redirected" else Refusal(kind, told)
        if seen.asks_password and LOGIN_TITLE.search(title):
            return Refusal("blocked", f"{LOGIN}: {title!r}")
    if sentences and CONSENT_TEXT.search(sentences[0]):
        return Refusal("blocked", f"{CONSENT}: {sentences[0]!r}")
    for line in (*titles, *sentences):
        if WALL_TEXT.search(line):
            return Refusal("blocked", f"{WALL}: {line!r}")
        if FAULT_LINE.search(line):
            return Refusal("blocked", f"{FAULT}: {line!r}")
        if all(pattern.search(line) for pattern in (SITE, DOWN, PASSING)):
            return Refusal("blocked", f"{OUTAGE}: {line!r}")
    return None


def refuse_lost(pattern: re.Pattern[str], lines: list[str]) -> Refusal | None:
    """A page that says that what was asked for is not there: for good, unless it says for how long."""
    for line in lines:
        if pattern.search(line):
            if PASSING.search(line):
                return Refusal("blocked", f"{OUTAGE}: {line!r}")
            return Refusal("error page", f"says that it is not there any more: {line!r}")
    return None


def asks_password(document: Document) -> bool:
    """Whether a page has a field for a password; most hold not even the word, which is seen at once."""
    fields = document.root.iter("input") if "assword" in document.text else ()
    return any((field.get("type") or "").lower() == "password" for field in fields)


def find_refresh(document: Document) -> str | None:
    """The other address that a page sends its reader on to (meta refresh), save where only scripts are off."""
    if "refresh" not in document.meta:
        return None
    for element in document.root.iter("meta"):
        parent = element.getparent()
        named = (element.get("http-equiv") or "").strip().lower() == "refresh"
        if named and (parent is None or parent.tag != "noscript"):
            match = REFRESH.match(element.get("content") or "")
            target = document.absolute(match[1]) if match else None
            return target if target != document.url else None
    return None


def short_text(root: Element, most: int) -> str | None:
    """All text of a page that a reader sees, a block a line; None where it is longer, which is not read on for."""
    parts: list[str] = []
    length = 0
    for event, element in etree.iterwalk(root, ("start", "end")):
        text = element.tail if event == "end" else element.text if element.tag not in UNSEEN else None
        if element.tag not in INLINE:
            parts.append("\n")
        if text and not text.isspace():
            length += len(clean_line(text))
            if length > most:
                return None
        parts.append(" ".join(text.splitlines()) if text else "")
    return clean_text("".join(parts))
