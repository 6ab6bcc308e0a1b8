"""Normalises the type of a release to one of a few English words, and removes duplicate tags."""

from __future__ import annotations

import re
from collections.abc import Iterable

from scraper.normalise.text import build_alternation, cache_by_text, clean_line

# The first match wins: "Debattartikel" must come before "artikel", "Pressmeddelande" before anything about news.
KIND_PHRASES = {
    "press release": """
        pressmeddelande | pressrelease | press ?release | pressemelding | pressemeddelelse | pressemitteilung
        presseinformation | medienmitteilung | lehdistötiedote | press ?statement | ^press$ | pressinformation""",
    "opinion": "debatt | opinion | ^ledare$ | krönika | kommentar$ | kronikk | gastbeitrag | op-ed",
    "speech": "^tal(?:en|er|e)?$ | anförande | speech | remarks | ^rede[nr]?$",
    "statement": "uttalande | statement | erklärung",
    "interview": "intervju | interview | haastattelu",
    "notice": """
        händelse | handelser? | notis | notice | driftinformation | varning | (?:kurz)?meldung | alert | ^anslag$""",
    "consultation": "remiss | konsultation | samråd | consultation | h[øö]ring | hearing",
    "decision": "beslut | decision | tillsynsbeslut | afgørelse | vedtak | bescheid",
    "report": "rapport | report | publikation | promemoria | betänkande | proposition | ^studien?$",
    "regulation": "f[öo]reskrift | författning | kommitt[ée]direktiv | regulation | forskrift",
    "blog": "blogg?",
    "event": "kalender | evenemang | ^events?$ | seminari | arrangemang | veranstaltung",
    "newsletter": "nyhetsbrev | newsletter",
    "news": "nyhet | ^news | ^aktuell | aktualit | nachricht | ^nytt$ | uutinen | nyhed | ^uutiset",
    "article": "artikel | article | artikkel | reportage | feature",
}
KIND_PATTERNS = [(kind, re.compile(build_alternation(words), re.IGNORECASE)) for kind, words in KIND_PHRASES.items()]


@cache_by_text()
def normalise_kind(text: str) -> str | None:
    """Return the English name of a release type, or None if it is unknown.

    Cached, as a site uses only a few.

    >>> list(map(normalise_kind, ["Pressmeddelande", "Debattartikel", "nyhetsarkiv", "Kontakt"]))
    ['press release', 'opinion', 'news', None]
    """
    line = clean_line(text).replace("-", " ").replace("_", " ")
    return next((kind for kind, word in KIND_PATTERNS if word.search(line)), None)


def normalise_tags(texts: Iterable[str]) -> tuple[str, ...]:
    """Return tags in page order and spelling, without list separators and duplicates.

    >>> normalise_tags([" Jämställdhet ", "#Hälsa,", "jämställdhet", ""])
    ('Jämställdhet', 'Hälsa')
    """
    tags: dict[str, str] = {}
    for text in texts:
        tag = clean_line(text).lstrip("#").strip(" ,;|·•")
        if tag:
            tags.setdefault(tag.casefold(), tag)
    return tuple(tags.values())
