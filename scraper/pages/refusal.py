"""Telling pages that are no release: error pages served as 200, redirect stubs, consent walls, empty shells."""

from __future__ import annotations

import re

from scraper.normalise.text import clean_line
from scraper.normalise.words import either
from scraper.pages.document import Document, whole_text

ERROR_TITLE = re.compile(
    either(r"""
        ^\W*(?:(?:error|felsida|fel|feil|fejl|http|fehler)\W*)?(?:40[0134]|410|50[0-4])\b
        ^(?:felsida|error page|document moved|object moved)\b
        \b(?:page|file|site|document|article) (?:was |could )?not (?:be )?found\b | ^not found
        ^(?:access denied|forbidden|bad gateway|service unavailable) | ^301 moved | ^302 found | moved permanently
        sidan (?:kunde inte|kan inte|finns inte|hittades inte|saknas|är borttagen)
        (?:hittar|hittade|kunde) inte (?:hitta )?sidan | siden (?:finnes|ble|blev|findes) ikke
        seite (?:wurde )?nicht gefunden | sivua ei löyd | just a moment | attention required
        """),
    re.IGNORECASE,
)
REFRESH = re.compile(r"^\s*\d+\s*;\s*url=", re.IGNORECASE)
CONSENT = re.compile(
    "^"
    + either("""
        innan du fortsätter | before you continue | hantera (?:kakor|cookies) | godkänn (?:kakor|cookies)
        cookie (?:settings|consent)
        """),
    re.IGNORECASE,
)


def find_refusal(document: Document) -> str | None:
    """Why a page is no release, told from its title and head; None where nothing speaks against it."""
    title = clean_line(document.title or "")
    heading = next(document.root.iter("h1"), None)
    first = clean_line(whole_text(heading)) if heading is not None else ""
    for text in (title, first):
        if ERROR_TITLE.search(text):
            return f"is an error page: {text!r}"
        if CONSENT.search(text):
            return f"is a consent wall: {text!r}"
    if REFRESH.search(document.meta.get("refresh", "")) and len(whole_text(document.root)) < 1500:
        return "only leads to another page"
    return None
