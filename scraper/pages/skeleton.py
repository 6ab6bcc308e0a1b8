"""Telling a redesign: whether two captures of a page are built alike, whatever they say."""

from __future__ import annotations

import re

from lxml import etree

from scraper.errors import NotARelease
from scraper.pages.document import Document

ALIKE = 0.7  # of all names that either capture uses, the share both do; an edit adds a few, a redesign most
FEWEST = 10  # names, without which a page shows no design
GENERATED = re.compile(r"\d|^.{1,2}$|[a-z][A-Z].*[a-z][A-Z]")  # css-1x2y3z, sv-2.33, ng-tns: new at every build


def is_redesign(before: bytes, after: bytes, url: str) -> bool:
    """Whether a page was built anew between two captures of it. What holds no document tells of no design."""
    try:
        old, new = (find_names(Document(html, url).root) for html in (before, after))
    except NotARelease:
        return False
    return len(old | new) >= FEWEST and len(old & new) < ALIKE * len(old | new)


def find_names(root: etree._Element) -> set[str]:
    """The classes and ids a page is built with, each with its element's name; generated ones are left out."""
    names = set()
    for element in root.iter(etree.Element):
        for name in f"{element.get('class') or ''} {element.get('id') or ''}".split():
            if not GENERATED.search(name):
                names.add(f"{element.tag}.{name}")
    return names
