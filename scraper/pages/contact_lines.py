"""The lines of a part of a page as a reader sees them, with the addresses and numbers that its links lead to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from lxml import etree

from scraper.normalise.reach import split_reach
from scraper.normalise.text import clean_line
from scraper.pages.contact_reader import Line
from scraper.pages.contact_words import HEADING
from scraper.pages.elements import Element
from scraper.pages.markup import HEADINGS, INLINE

SKIPPED = {"script", "style", "noscript", "template", "svg", "iframe", "form", "input", "select", "textarea", "nav"}
CELLS = {"td", "th"}
HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
BOLD = {"strong", "b"}


class Placed(NamedTuple):
    """A line and the innermost block it stands in."""

    block: Element
    line: Line


def read_lines(root: Element) -> Iterator[Placed]:
    """The lines of an element: blocks and line breaks part them, cells of a row are parted by commas."""
    walk = etree.iterwalk(root, ("start", "end"))
    blocks, run = [root], Run()
    for event, element in walk:
        tag = element.tag
        inline = tag in INLINE or tag in CELLS
        if not inline or tag == "br":
            yield from run.take(blocks[-1])
        if event == "start":
            if not inline:
                blocks.append(element)
            run.enter(element)
            style = element.get("style")
            if tag in SKIPPED or (style and HIDDEN.search(style)):
                walk.skip_subtree()
            else:
                run.add(element.text)
        else:
            run.leave(element)
            if not inline:
                blocks.pop()
            if element is not root:
                run.add(", " if tag in CELLS else None)
                run.add(element.tail)
    yield from run.take(root)


class Run:
    """The text of a line as it is collected, and how much of it is bold or a link elsewhere."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.size = self.bold = self.linked = 0
        self.rank = 9
        self.within = {"bold": 0, "link": 0}
        self.ranks: list[int] = []
        self.opened = 0  # where the text of the link being read begins

    def enter(self, element: Element) -> None:
        """An element begins."""
        tag = element.tag
        if tag in BOLD:
            self.within["bold"] += 1
        elif tag in HEADINGS:
            self.ranks.append(int(tag[1]))
        elif tag == "a":
            href = element.get("href") or ""
            self.opened = len(self.pieces)
            if href.startswith("tel:"):
                self.pieces.append(" tel ")
            elif not href.startswith("mailto:"):
                self.within["link"] += 1

    def leave(self, element: Element) -> None:
        """An element ends; a link whose words do not tell where it leads is followed by it."""
        tag = element.tag
        if tag in BOLD:
            self.within["bold"] -= 1
            if HEADING.match(clean_line("".join(self.pieces))) and self.pieces[-1].rstrip()[-1:] != ":":
                self.pieces.append(": ")  # a bold heading within a line parts from what follows, marked or not
        elif tag in HEADINGS:
            self.ranks.pop()
        elif tag == "a":
            href = element.get("href") or ""
            kind = href.partition(":")[0]
            if kind not in ("tel", "mailto"):
                self.within["link"] -= 1
            elif not any(token.kind != "text" for token in split_reach("".join(self.pieces[self.opened :]))):
                address = unquote(href.partition(":")[2].partition("?")[0])
                self.pieces.append(f" tel {address} " if kind == "tel" else f" {address} ")

    def add(self, text: str | None) -> None:
        """Words."""
        if text:
            size = len(text.strip())
            self.pieces.append(text)
            self.size += size
            self.bold += size if self.within["bold"] else 0
            self.linked += size if self.within["link"] else 0
            if self.ranks:
                self.rank = min(self.rank, *self.ranks)

    def take(self, block: Element) -> Iterator[Placed]:
        """The line there is, if any; the next one begins."""
        if not self.pieces:
            return
        text = clean_line("".join(self.pieces)).strip(" ,")
        if text:
            bold, linked = (part >= 0.95 * max(self.size, 1) for part in (self.bold, self.linked))
            yield Placed(block, Line(text, self.rank, bold, linked))
        self.pieces, self.size, self.bold, self.linked, self.rank, self.opened = [], 0, 0, 0, 9, 0
