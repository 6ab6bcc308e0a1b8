"""Main element → Block list; inline markup, lists, tables.

Text within a line: words, links and emphasis, as plain text and as mark-up.

Lists as text, an item a line, and as mark-up: with the numbers the page shows, and all that stands in them.

The running text of a soup as a row of blocks: headings, paragraphs, lists, tables, panel titles.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from html import escape

from bs4 import Tag
from bs4.element import NavigableString, PageElement

from scraper.normalise.text import clean_line, either
from scraper.pages.document import (
    HEADINGS,
    INLINE,
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
from scraper.pages.question_patterns import find_item, is_beside_answer

Node = PageElement  # a Tag or a NavigableString
KEPT = {
    **{"em": "em", "i": "em", "strong": "strong", "b": "strong", "sup": "sup", "sub": "sub"},
    **{"del": "del", "ins": "ins", "s": "s", "strike": "s"},  # what no longer holds is text, and shown as struck out
}
# Notes that links carry for people who cannot see where they lead.
SAYS_IT_OPENS = either("""
    nytt fönster | ny flik | new window | new tab | nytt vindu | nyt vindue | ny fane | neue[ms]? (?:fenster|tab)
    extern(?:al)? (?:länk|webbplats|link|site) | annan webbplats | another (?:web)?site
    """)
LINK_NOTE = re.compile(
    rf"\s*\((?:[^()]{{0,40}}\b)?{SAYS_IT_OPENS}\b[^()]{{0,40}}\)"
    r"|\s*,?\s*(?:öppnas i (?:nytt fönster|ny flik)|opens in (?:a )?new (?:window|tab))\.?",
    re.IGNORECASE,
)
NOTED = re.compile("fönster|window|flik|new tab|vindu|fane|fenster|neue[ms]? tab|extern|webbplats|site", re.IGNORECASE)
MARKED = re.compile(r"(?:fråga|question|q|f)\s?\d*\s?[:.]", re.IGNORECASE)
SHORTEST_ANSWER = 10


@dataclass(slots=True)
class Run:
    """Inline text as it is collected: plain, marked up, how much of it is bold or link."""

    absolute: Callable[[str], str | None]
    words: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    size: int = 0
    bold: int = 0
    linked: int = 0
    after_link: bool = False  # nothing was said since a link ended

    @property
    def text(self) -> str:
        """The words as one line."""
        return clean_line("".join(self.words))

    @property
    def html(self) -> str:
        """The words with their links and emphasis."""
        return "".join(self.marks).strip()

    @property
    def is_bold(self) -> bool:
        """Whether all of it is bold."""
        return self.bold >= 0.95 * max(self.size, 1)

    @property
    def link_share(self) -> float:
        """How much of it is links, 0 to 1."""
        return self.linked / max(self.size, 1)

    def add(self, node: Node, *, bold: bool = False, linked: bool = False) -> None:
        """Collect one node with all it holds."""
        if not isinstance(node, Tag):
            if type(node) is NavigableString:  # not a comment or the like
                self.add_words(str(node), bold=bold, linked=linked)
        elif node.name == "br":
            self.words.append("\n")
            self.marks.append("<br>")
        elif node.name not in SKIPPED:
            opening, closing = self.marks_of(node)
            # Block elements inside a heading or a cell must not glue their words.
            space = "" if node.name in INLINE else " "
            self.words.append(space)
            self.marks.append(space + opening)
            bold, linked = bold or closing == "</strong>" or node.name in HEADINGS, linked or leads_away(node)
            said, marked = len(self.words), len(self.marks)
            for child in node.contents:
                self.add(child, bold=bold, linked=linked)
            if node.name == "a" and linked:
                self.words[said:] = [without_note("".join(self.words[said:]))]
                self.marks[marked:] = [without_note("".join(self.marks[marked:]))]
                self.after_link = True
            self.words.append(space)
            self.marks.append(closing)

    def add_words(self, words: str, *, bold: bool, linked: bool) -> None:
        """Collect plain words, but for a note that follows a link."""
        if self.after_link and not words.isspace():
            self.after_link = False
            if NOTED.search(words) and (note := LINK_NOTE.match(words)):
                words = words[note.end() :]
        self.words.append(words)
        self.marks.append(escape(words, quote=False))
        size = len(words.strip())
        self.size += size
        self.bold += size if bold else 0
        self.linked += size if linked else 0

    def marks_of(self, element: Tag) -> tuple[str, str]:
        """The opening and closing mark that stay of an element."""
        href = str(element.get("href") or "") if element.name == "a" else ""
        if href:
            url = href if href.startswith(("mailto:", "tel:")) else self.absolute(href)
            return (f'<a href="{escape(url)}">', "</a>") if url else ("", "")
        mark = KEPT.get(element.name)
        return (f"<{mark}>", f"</{mark}>") if mark else ("", "")


def leads_away(node: Tag) -> bool:
    """Whether an element is a link to another page; an address to write to, a number to call and the place of an
    anchor are text.
    """
    if node.name != "a" or ("href" not in node.attrs and ("name" in node.attrs or "id" in node.attrs)):
        return False
    return not str(node.get("href") or "").startswith(("mailto:", "tel:"))


def without_note(text: str) -> str:
    """A text without the notes its links carry. Most have none, and looking for one word of them is cheaper."""
    return LINK_NOTE.sub("", text) if NOTED.search(text) else text


def read_run(nodes: Iterable[Node], absolute: Callable[[str], str | None]) -> Run:
    """Inline nodes collected."""
    run = Run(absolute)
    for node in nodes:
        run.add(node)
    return run


def split_at_breaks(nodes: list[Node]) -> Iterator[list[Node]]:
    """Inline nodes cut where a blank line stands between them, and where a question ends that its answer follows."""
    part: list[Node] = []
    breaks = 0
    for index, node in enumerate(nodes):
        if isinstance(node, Tag) and node.name == "br":
            breaks += 1
            if breaks == 2 or (breaks == 1 and ends_question(part)):
                yield part
                part = []
                continue
        elif isinstance(node, Tag) or str(node).strip():
            breaks = 0
        part.append(node)
        if (
            isinstance(node, Tag)
            and node.name in ("strong", "b")
            and ends_question(part)
            and (ends_with_break(node) or begins_sentence(nodes[index + 1 :]))
        ):
            yield part
            part = []
    yield part


def begins_sentence(nodes: list[Node]) -> bool:
    """Whether inline nodes begin with a sentence of their own."""
    text = next((str(node).strip() for node in nodes if isinstance(node, Tag) or str(node).strip()), "")
    return len(text) > SHORTEST_ANSWER and (text[0].isupper() or text[0] in "–—−-")


def ends_question(part: list[Node]) -> bool:
    """Whether all there is so far is one question, bold or marked as one."""
    said = [node for node in part if isinstance(node, Tag) or str(node).strip()]
    text = clean_line(" ".join(node.get_text() if isinstance(node, Tag) else str(node) for node in said))
    bold = bool(said) and all(isinstance(node, Tag) and node.name in ("strong", "b") for node in said)
    return text.endswith("?") and (bold or MARKED.match(text) is not None)


def ends_with_break(node: Tag) -> bool:
    """Whether an element's last child is a line break."""
    last = next((child for child in reversed(node.contents) if isinstance(child, Tag) or str(child).strip()), None)
    return isinstance(last, Tag) and last.name == "br"


LISTS = ("ul", "ol")
LONGEST_NUMBER = 10  # digits


@dataclass(slots=True)
class Entry:
    """What makes one line of a list: an item, or what stands beside the items, which browsers show as well."""

    nodes: list[Node]
    nested: list[Tag] = field(default_factory=list)
    number: int | None = None  # of an item
    value: str = ""  # the mark-up that gives it its number


def write_list(element: Tag, absolute: Callable[[str], str | None], lines: list[str], bullet: str = "•") -> str:
    """A list's mark-up; its lines are added to `lines`."""
    items: list[str] = []
    for entry in entries_of(element):
        run = read_run(entry.nodes, absolute)
        text = run.text
        if text:
            counted = element.name == "ol" and entry.number is not None
            lines.append(f"{f'{entry.number}.' if counted else bullet} {text}")
        inside = "".join(write_list(nested, absolute, lines, "◦") for nested in entry.nested)
        if inside and not text and entry.number is None and items:
            items[-1] = (
                f"{items[-1].removesuffix('</li>')}{inside}</li>"  # a list between items belongs to the one before
            )
        elif text or inside:
            items.append(f"<li{entry.value}>{run.html}{inside}</li>")
    start = whole_number(element, "start") if element.name == "ol" else None
    opening = (f' start="{start}"' if start not in (None, 1) else "") + (" reversed" if counts_down(element) else "")
    return f"<{element.name}{opening}>{''.join(items)}</{element.name}>"


def entries_of(element: Tag) -> Iterator[Entry]:
    """The lines of a list, its items numbered as browsers do (HTML, 4.4.5 and 4.4.8)."""
    step = -1 if counts_down(element) else 1
    start = whole_number(element, "start")
    number = start if start is not None else len(children(element, ("li",))) if step < 0 else 1
    loose: list[Node] = []
    for child in [*element.contents, None]:
        if type(child) is NavigableString or (isinstance(child, Tag) and child.name not in ("li", *LISTS)):
            loose.append(child)
            continue
        if loose:
            yield Entry(loose)
            loose = []
        if not isinstance(child, Tag):
            continue
        if child.name in LISTS:
            yield Entry([], [child])
            continue
        value = whole_number(child, "value") if element.name == "ol" else None
        number = value if value is not None else number
        nested = children(child, LISTS)
        own = [node for node in child.contents if not any(node is part for part in nested)]
        yield Entry(own, nested, number, f' value="{value}"' if value is not None else "")
        number += step


def counts_down(element: Tag) -> bool:
    """Whether a numbered list is reversed."""
    return element.name == "ol" and "reversed" in element.attrs


def whole_number(element: Tag, attribute: str) -> int | None:
    """An attribute's number, None where it has none."""
    text = str(element.get(attribute) or "").strip()
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < LONGEST_NUMBER else None


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
