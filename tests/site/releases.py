"""The releases of the sample site, independent of the markup of their pages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime

NOTE = re.compile(r"\[\[(.+?)\]\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A question with its answer's paragraphs, without any speech dash."""

    question: str
    answer: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An image. line: the text under it, with caption and credit in an agency's format."""

    path: str
    alt: str
    caption: str
    credit: str
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """An attached file."""

    path: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A contact: a person, or an office without a name."""

    name: str | None = None
    role: str
    phone: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """The dates as the page shows them (HTML above and below the text), and their values."""

    form: str
    top: str = ""
    foot: str = ""
    published: datetime | date | None = None
    updated: datetime | date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release. `blocks` are (tag, text): p, h2, ul (an item a line) or table (a row a line,
    cells by |).

    Words within [[ ]] are a link that carries an "opens in a new window" note. created and modified
    are the server's own times, in feeds, sitemaps and headers; what the page itself says stands in
    `stamp`.
    """

    agency: str
    path: str
    title: str
    lead: str
    blocks: tuple[tuple[str, str], ...]
    created: datetime
    modified: datetime
    stamp: Stamp
    kind: str
    language: str = "sv"
    form: str | None = None
    questions: tuple[Answered, ...] = ()
    answered_by: str | None = None
    tags: tuple[str, ...] = ()
    picture: Picture | None = None
    papers: tuple[Paper, ...] = ()
    contacts: tuple[Person, ...] = ()
    twin: str | None = None  # path of the same release in the other language
    ruffled: int = 0  # how often only its markup changed
    version: int = field(default=1)

    @property
    def body(self) -> tuple[str, ...]:
        """Return the text as a reader sees it, block by block, without questions and answers."""
        return tuple(NOTE.sub(r"\1", text) for _, text in self.blocks)

    @property
    def published(self) -> datetime | date | None:
        """Return the date of publication on the page, or None."""
        return self.stamp.published

    @property
    def updated(self) -> datetime | date | None:
        """Return the date of update on the page, or None."""
        return self.stamp.updated
