"""Finding what the agency calls a page: its type word, as shown or as its address has it."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from scraper.items import Evidence
from scraper.normalise.kinds import to_kind
from scraper.normalise.months import MONTHS
from scraper.normalise.text import clean_line
from scraper.pages.bare_dates import neighbours
from scraper.pages.document import Document
from scraper.pages.elements import Element, whole_text
from scraper.pages.evidence import path_of
from scraper.pages.metadata import types

SCHEMA_TYPES = {  # where a page names several, the first of these counts: some are kinds of NewsArticle
    "PressRelease": "press release",
    "OpinionNewsArticle": "opinion",
    "ReportageNewsArticle": "news",
    "NewsArticle": "news",
    "BlogPosting": "blog",
    "Report": "report",
}
DATE_OR_MARK = re.compile(r"[\d:.,|·–-]+")


def find_kind(document: Document, heading: Element | None) -> tuple[str, Evidence] | None:
    """A type word alone beside the title, else a folder of the address, else JSON-LD's type."""
    for element in neighbours(heading) if heading is not None else ():
        text = clean_line(whole_text(element)) if element.find(".//a") is None else ""  # a menu's words are links
        word = without_date(text) if 0 < len(text) < 40 else ""
        if word and word.count(" ") < 2 and to_kind(word):
            return word, Evidence(rule="type word beside the title", element=path_of(element))
    folders = [unquote(part) for part in urlsplit(document.url).path.split("/") if part][:-1]
    for folder in reversed(folders):
        if to_kind(folder):
            return folder, Evidence(rule="folder of the address", element=folder)
    for found in document.json_ld:
        stated = types(found)
        name = next((name for name in SCHEMA_TYPES if name in stated), None)
        if name:
            return SCHEMA_TYPES[name], Evidence(rule="JSON-LD @type", element=name)
    return None


def without_date(text: str) -> str:
    """A line's words without the date and the marks beside them.

    >>> without_date("05 februari 2024 · Nyheter"), without_date("Pressmeddelande, 3 maj 2024")
    ('Nyheter', 'Pressmeddelande')
    """
    return " ".join(word for word in DATE_OR_MARK.sub(" ", text).split() if word.lower() not in MONTHS)
