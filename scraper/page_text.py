"""What a page says as text, whatever its design: for telling what an agency changed from what is read otherwise."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from lxml import etree

from scraper.normalise.urls import absolute, host_of
from scraper.pages.document import Document
from scraper.pages.elements import whole_text

Links = frozenset[tuple[str, str]]  # a link's words, as `squeeze` has them, and where it leads, as `to_target` does
SURE = 40  # letters and marks of a paragraph that stands within another text
BLOCKS = (
    "p",
    "li",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "td",
    "th",
    "dt",
    "dd",
    "div",
    "span",
    "summary",
    "button",
    "figcaption",
)
DIGITS = 7  # of a telephone number, the last so many: before them stands the country or not


@dataclass(frozen=True, slots=True)
class PageText:
    """What a page says, as `squeeze` has it: the whole, and the text of each element; its links and its source."""

    whole: str
    parts: frozenset[str]
    links: Links
    source: str

    def holds(self, paragraphs: set[str]) -> bool:
        """Whether all of some paragraphs stand on the page: each an element's text, or long enough to be no chance."""
        return all(part in self.parts or (len(part) >= SURE and part in self.whole) for part in paragraphs)

    def tells(self, text: str) -> bool:
        """Whether some words, a date's or a file's name, stand on the page or are told in its source."""
        return text in self.source or squeeze(text) in self.whole

    def names(self, target: str) -> bool:
        """Whether the page leads to an address of another site, or has it in its source."""
        return any(told == target for _, told in self.links) or target.lstrip("/") in self.source

    def leads(self, words: str, target: str) -> bool:
        """Whether a link of the page leads there by some words."""
        return any(told == target and words in link for link, told in self.links)


def read_text(html: bytes, url: str) -> PageText:
    """All text of a page."""
    document = Document(html, url)
    parts = {squeeze(whole_text(element)) for element in document.root.iter(*BLOCKS)}
    links = read_links(document.root, document.base)
    return PageText(squeeze(whole_text(document.root)), frozenset(parts), links, document.text)


def read_links(root: etree._Element, base: str) -> Links:
    """The links below an element."""
    found = ((squeeze(whole_text(a)), to_target(a.get("href") or "", base)) for a in root.iter("a"))
    return frozenset((words, target) for words, target in found if words and target)


def to_target(href: str, base: str) -> str:
    """Where a link leads: an address without scheme and www., one of the page's own site without its host.

    >>> to_target("https://www.ek.se/a/?utm_source=x#b", "https://ek.se/c"), to_target("http://www.al.se", "https://ek.se")
    ('/a', '//al.se')
    >>> to_target("mailto:A@ek.se?subject=b", "https://ek.se/"), to_target("tel:+46 8-123 45 67", "https://ek.se/")
    ('mailto:a@ek.se', 'tel:1234567')
    """
    scheme, _, rest = href.strip().partition(":")
    if scheme.lower() == "mailto":
        return f"mailto:{unquote(rest).partition('?')[0].strip().lower()}"
    if scheme.lower() == "tel":
        return "tel:" + "".join(filter(str.isdigit, rest))[-DIGITS:]
    address = absolute(base, href)
    if not address or not address.lower().startswith("http"):
        return ""
    parts = urlsplit(address)
    path = parts.path.rstrip("/") + (f"?{parts.query}" if parts.query else "")
    return path or "/" if host_of(address) == host_of(base) else f"//{host_of(address)}{path}"


def squeeze(text: str) -> str:
    """Letters, figures and marks alone: white space, case and opening dashes are the design's.

    >>> squeeze("–\\u00a0Vi HAR  öppet.")
    'viharöppet.'
    """
    return "".join(unicodedata.normalize("NFKC", text).casefold().split()).lstrip("-–—−‒―‐‑•")
