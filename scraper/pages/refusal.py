"""Telling pages that are no release: error pages served as 200, redirect stubs, consent walls, empty shells."""

from __future__ import annotations

import re

from scraper.normalise.text import clean_line
from scraper.normalise.words import either
from scraper.pages.document import Document, whole_text

LOST_TITLE = re.compile(
    either(r"""
        ^\W*(?:(?:error|felsida|fel|feil|fejl|http|fehler)\W*)?(?:404|410)\b | ^(?:felsida|error page)\b
        \b(?:page|file|site|document|article) (?:was |could )?not (?:be )?found\b | ^not found
        sidan (?:kunde inte|kan inte|finns inte|hittades inte|saknas|är borttagen)
        (?:hittar|hittade|kunde) inte (?:hitta )?sidan | siden (?:finnes|ble|blev|findes) ikke
        seite (?:wurde )?nicht gefunden | sivua ei löyd
        """),
    re.IGNORECASE,
)
BLOCKED_TITLE = re.compile(
    either(r"""
        ^\W*(?:(?:error|felsida|fel|feil|fejl|http|fehler)\W*)?(?:40[013]|429|50[0-4])\b
        ^(?:access denied|forbidden|bad gateway|service unavailable|too many requests) | just a moment
        attention required | are you a (?:human|robot) | verify (?:that )?you are human | \bcaptcha\b
        """),
    re.IGNORECASE,
)
STUB_TITLE = re.compile(r"^(?:document moved|object moved)\b|^301 moved|^302 found|moved permanently", re.IGNORECASE)
THING = either("""
    sidan? | artikeln | nyheten | texten | dokumentet | innehållet | pressmeddelandet | siden | artikkelen
    page | article | document | content | seite | artikel | sivu
    """)
LOST = either("""
    finns inte | finns ej | är borttage[nt] | tagits bort | togs bort | avpublicera\\w+ | har utgått
    kan inte visas | kan inte hittas | kunde inte hittas | hittades inte | finnes ikke | findes ikke | er fjernet
    er slettet | has been removed | no longer available | no longer exists | does not exist
    existiert nicht | nicht mehr verfügbar | ei löydy | on poistettu
    """)
LOST_TEXT = re.compile(rf"\b{THING}\b[^.!?]{{0,40}}\b{LOST}\b", re.IGNORECASE)
LONGEST_LOST = 400  # characters of a page that says so: a release on what was removed says more
REFRESH = re.compile(r"^\s*\d+\s*;\s*url=", re.IGNORECASE)
CONSENT = re.compile(
    "^"
    + either("""
        innan du fortsätter | before you continue | hantera (?:kakor|cookies) | godkänn (?:kakor|cookies)
        cookie (?:settings|consent)
        """),
    re.IGNORECASE,
)

TOLD = (  # by a title or first heading
    (LOST_TITLE, "error page", "is an error page"),
    (BLOCKED_TITLE, "blocked", "is an error page or a wall"),
    (STUB_TITLE, "redirected", "only leads to another page"),
    (CONSENT, "blocked", "is a consent wall"),
)


def find_refusal(document: Document) -> tuple[str, str] | None:
    """What a page is instead of a release (a kind of NotARelease) and the words that tell; None where none do."""
    title = clean_line(document.title or "")
    heading = next(document.root.iter("h1"), None)
    first = clean_line(whole_text(heading)) if heading is not None else ""
    for text in (title, first):
        for pattern, kind, problem in TOLD:
            if pattern.search(text):
                return kind, f"{problem}: {text!r}"
    if REFRESH.search(document.meta.get("refresh", "")) and len(whole_text(document.root)) < 1500:
        return "redirected", "only leads to another page"
    return None


def says_lost(text: str) -> bool:
    """Whether a page's few words say that what was asked for is not there any more.

    >>> says_lost("Hoppsan! Nyheten är avpublicerad."), says_lost("Nyheten är här.")
    (True, False)
    """
    return len(text) < LONGEST_LOST and LOST_TEXT.search(text) is not None
