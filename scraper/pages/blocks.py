"""The running text of a soup as a row of blocks: headings, paragraphs, lists, tables, panel titles."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bs4 import Tag
from bs4.element import NavigableString

from scraper.pages.inline import Node, read_run, split_at_breaks
from scraper.pages.items import find_item, is_beside_answer
from scraper.pages.lists import write_list
from scraper.pages.markup import (
    HEADINGS,
    LONGEST_HEADING,
    LOOSE,
    SKIPPED,
    children,
    has_blocks,
    holds,
    inner,
    is_data_table,
    is_panel_title,
    is_plain_list,
)

SPAN = re.compile(r"[2-9]|[1-9]\d{1,2}")  # as many as browsers take
MOSTLY = 0.75  # of a list's text in links


@dataclass(slots=True)
class Block:
    """One block of text. kind: h2-h6, p, list, table, quote, dt, dd, panel (the title of a folded panel)."""

    kind: str
    text: str
    html: str
    element: Tag
    bold: bool = False  # the whole paragraph is bold
    linked: float = 0.0  # the share of its text that is links
    depth: int = 0  # how many panels it lies in
    contents: bool = False  # a list of links to places on the same page
    item: Tag | None = None  # what holds a panel's title and its text, where that is known

    @property
    def level(self) -> int:
        """A heading's rank, 9 for what is no heading."""
        return int(self.kind[1]) if self.kind[0] == "h" and self.kind[1:].isdigit() else 9


def read_blocks(root: Tag, absolute: Callable[[str], str | None]) -> list[Block]:
    """Every block of a soup, in reading order."""
    blocks = list(Reader(absolute).walk(root, 0))
    for block in blocks:
        item = find_item(block.element, block.text) if block.kind == "p" else None
        if item is not None or (block.kind == "p" and is_beside_answer(block.element, block.text)):
            block.kind, block.item = "panel", item
        elif block.element.name == "summary":
            block.item = block.element.parent
    return blocks


class Reader:
    """Walks a soup once and yields its blocks."""

    def __init__(self, absolute: Callable[[str], str | None]) -> None:
        self.absolute = absolute

    def walk(self, parent: Tag, depth: int, kind: str = "p") -> Iterator[Block]:
        """The blocks of an element; loose inline text between them becomes blocks of the given kind."""
        loose: list[Node] = []
        for child in parent.contents:
            if isinstance(child, Tag):
                if child.name in SKIPPED and not is_text(child):
                    continue
                if child.name in LOOSE and not is_panel_title(child) and not has_blocks(child):
                    loose.append(child)
                    continue
                yield from self.paragraphs(loose, parent, kind, depth)
                loose = []
                yield from self.block(child, depth, kind)
            elif type(child) is NavigableString:
                loose.append(child)
        yield from self.paragraphs(loose, parent, kind, depth)

    def block(self, element: Tag, depth: int, kind: str) -> Iterator[Block]:
        """The blocks of one block element."""
        name = element.name
        if name == "summary" or is_panel_title(element):
            yield from self.whole(element, "panel", depth)
        elif name in HEADINGS and len(element.get_text()) < LONGEST_HEADING:
            title = next((toggle for toggle in inner(element, ("button", "a")) if is_panel_title(toggle)), None)
            yield from self.whole(element, "panel" if title else "h2" if name == "h1" else name, depth)
        elif name == "details":
            yield from self.walk(element, depth + 1)
        elif name in ("ul", "ol") and is_plain_list(element):
            yield from self.plain_list(element, depth)
        elif name == "table" and is_data_table(element):
            yield from self.table(element, depth)
        elif name in ("dt", "dd"):
            yield from self.walk(element, depth, name)
        elif name == "blockquote":
            yield from self.walk(element, depth, "quote")
        else:
            yield from self.walk(element, depth, kind)

    def whole(self, element: Tag, kind: str, depth: int) -> Iterator[Block]:
        """An element as one block, whatever it holds."""
        yield from self.block_of(element.contents, kind, element, depth)

    def paragraphs(self, loose: list[Node], parent: Tag, kind: str, depth: int) -> Iterator[Block]:
        """Inline nodes as paragraphs, cut where two line breaks follow each other or a bold question ends."""
        for part in split_at_breaks(loose) if loose else ():
            yield from self.block_of(part, kind, parent, depth)

    def block_of(self, nodes: Iterable[Node], kind: str, element: Tag, depth: int) -> Iterator[Block]:
        """Inline nodes as one block; nothing where they hold no words."""
        run = read_run(nodes, self.absolute)
        text = run.text if run.size else ""
        if text:
            yield Block(kind, text, run.html, element, run.is_bold, run.link_share, depth)

    def plain_list(self, element: Tag, depth: int) -> Iterator[Block]:
        """A plain list as one block, an item a line."""
        lines: list[str] = []
        html = write_list(element, self.absolute, lines)
        if lines:
            links = list(inner(element, ("a",)))
            share = min(1.0, sum(len(link.get_text(" ", strip=True)) for link in links) / sum(map(len, lines)))
            contents = share > MOSTLY and all(str(link.get("href") or "").startswith("#") for link in links)
            yield Block("list", "\n".join(lines), html, element, linked=share, contents=contents, depth=depth)

    def table(self, element: Tag, depth: int) -> Iterator[Block]:
        """A table of data as one block, a row a line, cells parted by a bar; its caption first."""
        lines, rows, caption = [], [], ""
        for told in children(element, ("caption",)):
            run = read_run(told.contents, self.absolute)
            if run.text:
                lines.append(run.text)
                caption = f"<caption>{run.html}</caption>"
        for row in inner(element, ("tr",)):
            cells = [(cell, read_run(cell.contents, self.absolute)) for cell in children(row, ("th", "td"))]
            texts = [run.text for _, run in cells]
            if any(texts):
                lines.append(" | ".join(texts))
                rows.append("".join(f"<{cell.name}{spans(cell)}>{run.html}</{cell.name}>" for cell, run in cells))
        if lines:
            html = f"<table>{caption}{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
            yield Block("table", "\n".join(lines), html, element, depth=depth)


def spans(cell: Tag) -> str:
    """The mark-up of a cell that spans several columns or rows."""
    stated = {name: str(cell.get(name) or "").strip() for name in ("colspan", "rowspan")}
    return "".join(f' {name}="{number}"' for name, number in stated.items() if SPAN.fullmatch(number))


def is_text(element: Tag) -> bool:
    """Whether a figure is a table or a quote, as WordPress has them, or an element is such a figure's caption."""
    figure = element.parent if element.name == "figcaption" else element
    return figure is not None and figure.name == "figure" and holds(figure, ("table", "blockquote"))


def within(blocks: list[Block], mark: str) -> list[Block]:
    """The blocks of the marked element; all of them where none lies in it."""
    inside = [block for block in blocks if is_inside(block.element, mark)]
    return inside or blocks


def is_inside(element: Tag, mark: str) -> bool:
    """Whether an element or one around it bears a mark."""
    node: Tag | None = element
    while node is not None:
        if mark in node.attrs:
            return True
        node = node.parent
    return False
