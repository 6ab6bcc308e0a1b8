"""Events, crawls and plans of a simulated year, and the kinds of events that the table counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.harness.year.author import Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A change of the site. `act` names a method of World, `given` are its arguments.

    subject: a release ("farledsverket#17") or an agency's slug. kind: the row of the table that
    counts it.
    """

    moment: datetime
    kind: str
    subject: str
    act: str
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawl:
    """One run of a spider."""

    moment: datetime
    spider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A simulated year: its events and crawls in order.

    late: releases that are published during it.
    """

    start: datetime
    end: datetime
    scale: Scale
    late: frozenset[str]
    events: tuple[Event, ...]
    crawls: tuple[Crawl, ...]


EDITS = {  # kind: name of its row
    "dated": "dated edits",
    "undated": "undated edits",
    "typo": "cosmetic: a typo mended",
    "punctuation": "cosmetic: punctuation",
    "markup": "cosmetic: markup and white space only",
    "first stamp": "edits that bring the first “updated”",
    "far apart": "two edits between two far checks",
    "outage edit": "edits while the site was down",
    "flap": "flapping between two texts",
    "undone": "edits undone before anybody looked",
    "design edit": "edits under a redesign",
}
SILENT = ("markup", "undone")  # kinds of edits that must have no revision
REMOVALS = {  # kind: name of its row, and the kinds that the table removals may have
    "404": ("removed: 404", ("gone",)),
    "410": ("removed: 410", ("gone",)),
    "soft 404": ("removed: soft 404", ("error page",)),
    "own words": ("removed: soft 404 in other words", ("error page", "replaced")),
    "front page": ("removed: led to the front page", ("redirected",)),
    "listing": ("removed: led to a listing", ("redirected",)),
    "other text": ("removed: led to another text", ("redirected",)),
    "blip": ("away for some hours only", ("gone",)),
}
MOVES = {
    "301": "moved: 301, 302, 308",
    "301 unlisted": "moved: 301, new address in no listing",
    "canonical": "moved: only the canonical address",
    "anew": "moved: 404, and anew elsewhere",
    "moved edit": "moved and edited at once",
    "twice": "moved twice",
}
OUTAGES = {
    "503": "outage: 503 for days",
    "reset": "outage: connections reset",
    "no name": "outage: no name server knows it",
    "robots 503": "outage: robots.txt answers 503",
    "403": "block page: 403 with captcha",
    "429": "block page: 429",
    "captcha": "block page: captcha with 200",
    "robots no": "robots.txt forbids everything",
}
DESIGNS = {"layout": "redesign: layout only", "system": "redesign: another page class"}
