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

from scraper.normalise.text import build_alternation, clean_line
from scraper.pages.document import (
    HEADING_TAGS,
    INLINE_OR_BUTTON_TAGS,
    INLINE_TAGS,
    MAX_HEADING_LENGTH,
    SKIPPED_TAGS,
    find_children,
    has_block_descendant,
    has_descendant,
    is_data_table,
    is_panel_title,
    is_plain_list,
    iter_descendants,
)
from scraper.pages.question_patterns import find_question_item, is_followed_by_answer

Node = PageElement  # a Tag or a NavigableString
INLINE_MARKUP = {
    **{"em": "em", "i": "em", "strong": "strong", "b": "strong", "sup": "sup", "sub": "sub"},
    **{"del": "del", "ins": "ins", "s": "s", "strike": "s"},  # what no longer holds is text, and shown as struck out
}
# Notes that links carry for people who cannot see where they lead.
LINK_NOTE_WORDS = build_alternation("""
    nytt fönster | ny flik | new window | new tab | nytt vindu | nyt vindue | ny fane | neue[ms]? (?:fenster|tab)
    extern(?:al)? (?:länk|webbplats|link|site) | annan webbplats | another (?:web)?site
    """)
LINK_NOTE = re.compile(
    rf"\s*\((?:[^()]{{0,40}}\b)?{LINK_NOTE_WORDS}\b[^()]{{0,40}}\)"
    r"|\s*,?\s*(?:öppnas i (?:nytt fönster|ny flik)|opens in (?:a )?new (?:window|tab))\.?",
    re.IGNORECASE,
)
LINK_NOTE_STEM = re.compile(
    "fönster|window|flik|new tab|vindu|fane|fenster|neue[ms]? tab|extern|webbplats|site", re.IGNORECASE
)
QUESTION_PREFIX = re.compile(r"(?:fråga|question|q|f)\s?\d*\s?[:.]", re.IGNORECASE)
MIN_ANSWER_START_LENGTH = 10


@dataclass(slots=True)
class InlineText:
    """Inline text as it is collected: plain, marked up, how much of it is bold or link."""

    resolve_url: Callable[[str], str | None]
    text_parts: list[str] = field(default_factory=list)
    html_parts: list[str] = field(default_factory=list)
    length: int = 0
    bold_length: int = 0
    linked_length: int = 0
    after_link: bool = False  # nothing was said since a link ended

    @property
    def text(self) -> str:
        """The words as one line."""
        return clean_line("".join(self.text_parts))

    @property
    def html(self) -> str:
        """The words with their links and emphasis."""
        return "".join(self.html_parts).strip()

    @property
    def is_bold(self) -> bool:
        """Whether all of it is bold."""
        return self.bold_length >= 0.95 * max(self.length, 1)

    @property
    def link_share(self) -> float:
        """How much of it is links, 0 to 1."""
        return self.linked_length / max(self.length, 1)

    def add_node(self, node: Node, *, bold: bool = False, linked: bool = False) -> None:
        """Collect one node with all it holds."""
        if not isinstance(node, Tag):
            if type(node) is NavigableString:  # not a comment or the like
                self.add_text(str(node), bold=bold, linked=linked)
        elif node.name == "br":
            self.text_parts.append("\n")
            self.html_parts.append("<br>")
        elif node.name not in SKIPPED_TAGS:
            opening, closing = self.build_tags(node)
            # Block elements inside a heading or a cell must not glue their words.
            space = "" if node.name in INLINE_TAGS else " "
            self.text_parts.append(space)
            self.html_parts.append(space + opening)
            bold, linked = bold or closing == "</strong>" or node.name in HEADING_TAGS, linked or is_outgoing_link(node)
            said, marked = len(self.text_parts), len(self.html_parts)
            for child in node.contents:
                self.add_node(child, bold=bold, linked=linked)
            if node.name == "a" and linked:
                self.text_parts[said:] = [strip_link_notes("".join(self.text_parts[said:]))]
                self.html_parts[marked:] = [strip_link_notes("".join(self.html_parts[marked:]))]
                self.after_link = True
            self.text_parts.append(space)
            self.html_parts.append(closing)

    def add_text(self, text: str, *, bold: bool, linked: bool) -> None:
        """Collect plain words, but for a note that follows a link."""
        if self.after_link and not text.isspace():
            self.after_link = False
            if LINK_NOTE_STEM.search(text) and (note := LINK_NOTE.match(text)):
                text = text[note.end() :]
        self.text_parts.append(text)
        self.html_parts.append(escape(text, quote=False))
        size = len(text.strip())
        self.length += size
        self.bold_length += size if bold else 0
        self.linked_length += size if linked else 0

    def build_tags(self, element: Tag) -> tuple[str, str]:
        """The opening and closing mark that stay of an element."""
        href = str(element.get("href") or "") if element.name == "a" else ""
        if href:
            url = href if href.startswith(("mailto:", "tel:")) else self.resolve_url(href)
            return (f'<a href="{escape(url)}">', "</a>") if url else ("", "")
        mark = INLINE_MARKUP.get(element.name)
        return (f"<{mark}>", f"</{mark}>") if mark else ("", "")


def is_outgoing_link(element: Tag) -> bool:
    """Whether an element is a link to another page; an address to write to, a number to call and the place of an
    anchor are text.
    """
    if element.name != "a" or ("href" not in element.attrs and ("name" in element.attrs or "id" in element.attrs)):
        return False
    return not str(element.get("href") or "").startswith(("mailto:", "tel:"))


def strip_link_notes(text: str) -> str:
    """A text without the notes its links carry. Most have none, and looking for one word of them is cheaper."""
    return LINK_NOTE.sub("", text) if LINK_NOTE_STEM.search(text) else text


def collect_inline_text(nodes: Iterable[Node], resolve_url: Callable[[str], str | None]) -> InlineText:
    """Inline nodes collected."""
    run = InlineText(resolve_url)
    for node in nodes:
        run.add_node(node)
    return run


def split_at_line_breaks(nodes: list[Node]) -> Iterator[list[Node]]:
    """Inline nodes cut where a blank line stands between them, and where a question ends that its answer follows."""
    part: list[Node] = []
    breaks = 0
    for index, node in enumerate(nodes):
        if isinstance(node, Tag) and node.name == "br":
            breaks += 1
            if breaks == 2 or (breaks == 1 and is_complete_question(part)):
                yield part
                part = []
                continue
        elif isinstance(node, Tag) or str(node).strip():
            breaks = 0
        part.append(node)
        if (
            isinstance(node, Tag)
            and node.name in ("strong", "b")
            and is_complete_question(part)
            and (ends_with_line_break(node) or starts_with_sentence(nodes[index + 1 :]))
        ):
            yield part
            part = []
    yield part


def starts_with_sentence(nodes: list[Node]) -> bool:
    """Whether inline nodes begin with a sentence of their own."""
    text = next((str(node).strip() for node in nodes if isinstance(node, Tag) or str(node).strip()), "")
    return len(text) > MIN_ANSWER_START_LENGTH and (text[0].isupper() or text[0] in "–—−-")


def is_complete_question(nodes: list[Node]) -> bool:
    """Whether all there is so far is one question, bold or marked as one."""
    said = [node for node in nodes if isinstance(node, Tag) or str(node).strip()]
    text = clean_line(" ".join(node.get_text() if isinstance(node, Tag) else str(node) for node in said))
    bold = bool(said) and all(isinstance(node, Tag) and node.name in ("strong", "b") for node in said)
    return text.endswith("?") and (bold or QUESTION_PREFIX.match(text) is not None)


def ends_with_line_break(node: Tag) -> bool:
    """Whether an element's last child is a line break."""
    last = next((child for child in reversed(node.contents) if isinstance(child, Tag) or str(child).strip()), None)
    return isinstance(last, Tag) and last.name == "br"


LIST_TAGS = ("ul", "ol")
MAX_NUMBER_LENGTH = 10  # digits


@dataclass(slots=True)
class ListLine:
    """What makes one line of a list: an item, or what stands beside the items, which browsers show as well."""

    nodes: list[Node]
    nested_lists: list[Tag] = field(default_factory=list)
    number: int | None = None  # of an item
    value_attribute: str = ""  # the mark-up that gives it its number


def render_list(element: Tag, resolve_url: Callable[[str], str | None], lines: list[str], bullet: str = "•") -> str:
    """A list's mark-up; its lines are added to `lines`."""
    items: list[str] = []
    for entry in iter_list_lines(element):
        run = collect_inline_text(entry.nodes, resolve_url)
        text = run.text
        if text:
            counted = element.name == "ol" and entry.number is not None
            lines.append(f"{f'{entry.number}.' if counted else bullet} {text}")
        inside = "".join(render_list(nested, resolve_url, lines, "◦") for nested in entry.nested_lists)
        if inside and not text and entry.number is None and items:
            items[-1] = (
                f"{items[-1].removesuffix('</li>')}{inside}</li>"  # a list between items belongs to the one before
            )
        elif text or inside:
            items.append(f"<li{entry.value_attribute}>{run.html}{inside}</li>")
    start = parse_integer_attribute(element, "start") if element.name == "ol" else None
    opening = (f' start="{start}"' if start not in (None, 1) else "") + (
        " reversed" if is_reversed_list(element) else ""
    )
    return f"<{element.name}{opening}>{''.join(items)}</{element.name}>"


def iter_list_lines(element: Tag) -> Iterator[ListLine]:
    """The lines of a list, its items numbered as browsers do (HTML, 4.4.5 and 4.4.8)."""
    step = -1 if is_reversed_list(element) else 1
    start = parse_integer_attribute(element, "start")
    number = start if start is not None else len(find_children(element, ("li",))) if step < 0 else 1
    loose: list[Node] = []
    for child in [*element.contents, None]:
        if type(child) is NavigableString or (isinstance(child, Tag) and child.name not in ("li", *LIST_TAGS)):
            loose.append(child)
            continue
        if loose:
            yield ListLine(loose)
            loose = []
        if not isinstance(child, Tag):
            continue
        if child.name in LIST_TAGS:
            yield ListLine([], [child])
            continue
        value = parse_integer_attribute(child, "value") if element.name == "ol" else None
        number = value if value is not None else number
        nested = find_children(child, LIST_TAGS)
        own = [node for node in child.contents if not any(node is part for part in nested)]
        yield ListLine(own, nested, number, f' value="{value}"' if value is not None else "")
        number += step


def is_reversed_list(element: Tag) -> bool:
    """Whether a numbered list is reversed."""
    return element.name == "ol" and "reversed" in element.attrs


def parse_integer_attribute(element: Tag, attribute: str) -> int | None:
    """An attribute's number, None where it has none."""
    text = str(element.get(attribute) or "").strip()
    return int(text) if text.removeprefix("-").isdecimal() and len(text) < MAX_NUMBER_LENGTH else None


CELL_SPAN = re.compile(r"[2-9]|[1-9]\d{1,2}")  # as many as browsers take
MIN_CONTENTS_LINK_SHARE = 0.75  # of a list's text in links


@dataclass(slots=True)
class PageBlock:
    """One block of text. kind: h2-h6, p, list, table, quote, dt, dd, panel (the title of a folded panel)."""

    kind: str
    text: str
    html: str
    element: Tag
    bold: bool = False  # the whole paragraph is bold
    link_share: float = 0.0  # the share of its text that is links
    depth: int = 0  # how many panels it lies in
    is_contents_list: bool = False  # a list of links to places on the same page
    panel: Tag | None = None  # what holds a panel's title and its text, where that is known

    @property
    def level(self) -> int:
        """A heading's rank, 9 for what is no heading."""
        return int(self.kind[1]) if self.kind[0] == "h" and self.kind[1:].isdigit() else 9


def read_blocks(root: Tag, resolve_url: Callable[[str], str | None]) -> list[PageBlock]:
    """Every block of a soup, in reading order."""
    blocks = list(BlockReader(resolve_url).iter_blocks(root, 0))
    for block in blocks:
        item = find_question_item(block.element, block.text) if block.kind == "p" else None
        if item is not None or (block.kind == "p" and is_followed_by_answer(block.element, block.text)):
            block.kind, block.panel = "panel", item
        elif block.element.name == "summary":
            block.panel = block.element.parent
    return blocks


class BlockReader:
    """Walks a soup once and yields its blocks."""

    def __init__(self, resolve_url: Callable[[str], str | None]) -> None:
        self.resolve_url = resolve_url

    def iter_blocks(self, parent: Tag, depth: int, kind: str = "p") -> Iterator[PageBlock]:
        """The blocks of an element; loose inline text between them becomes blocks of the given kind."""
        loose: list[Node] = []
        for child in parent.contents:
            if isinstance(child, Tag):
                if child.name in SKIPPED_TAGS and not is_text_figure(child):
                    continue
                if (
                    child.name in INLINE_OR_BUTTON_TAGS
                    and not is_panel_title(child)
                    and not has_block_descendant(child)
                ):
                    loose.append(child)
                    continue
                yield from self.read_paragraphs(loose, parent, kind, depth)
                loose = []
                yield from self.iter_element_blocks(child, depth, kind)
            elif type(child) is NavigableString:
                loose.append(child)
        yield from self.read_paragraphs(loose, parent, kind, depth)

    def iter_element_blocks(self, element: Tag, depth: int, kind: str) -> Iterator[PageBlock]:
        """The blocks of one block element."""
        name = element.name
        if name == "summary" or is_panel_title(element):
            yield from self.read_whole_element(element, "panel", depth)
        elif name in HEADING_TAGS and len(element.get_text()) < MAX_HEADING_LENGTH:
            title = next(
                (toggle for toggle in iter_descendants(element, ("button", "a")) if is_panel_title(toggle)), None
            )
            yield from self.read_whole_element(element, "panel" if title else "h2" if name == "h1" else name, depth)
        elif name == "details":
            yield from self.iter_blocks(element, depth + 1)
        elif name in ("ul", "ol") and is_plain_list(element):
            yield from self.read_list(element, depth)
        elif name == "table" and is_data_table(element):
            yield from self.read_table(element, depth)
        elif name in ("dt", "dd"):
            yield from self.iter_blocks(element, depth, name)
        elif name == "blockquote":
            yield from self.iter_blocks(element, depth, "quote")
        else:
            yield from self.iter_blocks(element, depth, kind)

    def read_whole_element(self, element: Tag, kind: str, depth: int) -> Iterator[PageBlock]:
        """An element as one block, whatever it holds."""
        yield from self.build_block(element.contents, kind, element, depth)

    def read_paragraphs(self, loose: list[Node], parent: Tag, kind: str, depth: int) -> Iterator[PageBlock]:
        """Inline nodes as paragraphs, cut where two line breaks follow each other or a bold question ends."""
        for part in split_at_line_breaks(loose) if loose else ():
            yield from self.build_block(part, kind, parent, depth)

    def build_block(self, nodes: Iterable[Node], kind: str, element: Tag, depth: int) -> Iterator[PageBlock]:
        """Inline nodes as one block; nothing where they hold no words."""
        run = collect_inline_text(nodes, self.resolve_url)
        text = run.text if run.length else ""
        if text:
            yield PageBlock(kind, text, run.html, element, run.is_bold, run.link_share, depth)

    def read_list(self, element: Tag, depth: int) -> Iterator[PageBlock]:
        """A plain list as one block, an item a line."""
        lines: list[str] = []
        html = render_list(element, self.resolve_url, lines)
        if lines:
            links = list(iter_descendants(element, ("a",)))
            share = min(1.0, sum(len(link.get_text(" ", strip=True)) for link in links) / sum(map(len, lines)))
            contents = share > MIN_CONTENTS_LINK_SHARE and all(
                str(link.get("href") or "").startswith("#") for link in links
            )
            yield PageBlock(
                "list", "\n".join(lines), html, element, link_share=share, is_contents_list=contents, depth=depth
            )

    def read_table(self, element: Tag, depth: int) -> Iterator[PageBlock]:
        """A table of data as one block, a row a line, cells parted by a bar; its caption first."""
        lines, rows, caption = [], [], ""
        for told in find_children(element, ("caption",)):
            run = collect_inline_text(told.contents, self.resolve_url)
            if run.text:
                lines.append(run.text)
                caption = f"<caption>{run.html}</caption>"
        for row in iter_descendants(element, ("tr",)):
            cells = [
                (cell, collect_inline_text(cell.contents, self.resolve_url))
                for cell in find_children(row, ("th", "td"))
            ]
            texts = [run.text for _, run in cells]
            if any(texts):
                lines.append(" | ".join(texts))
                rows.append(
                    "".join(f"<{cell.name}{render_cell_spans(cell)}>{run.html}</{cell.name}>" for cell, run in cells)
                )
        if lines:
            html = f"<table>{caption}{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"
            yield PageBlock("table", "\n".join(lines), html, element, depth=depth)


def render_cell_spans(cell: Tag) -> str:
    """The mark-up of a cell that spans several columns or rows."""
    stated = {name: str(cell.get(name) or "").strip() for name in ("colspan", "rowspan")}
    return "".join(f' {name}="{number}"' for name, number in stated.items() if CELL_SPAN.fullmatch(number))


def is_text_figure(element: Tag) -> bool:
    """Whether a figure is a table or a quote, as WordPress has them, or an element is such a figure's caption."""
    figure = element.parent if element.name == "figcaption" else element
    return figure is not None and figure.name == "figure" and has_descendant(figure, ("table", "blockquote"))


def select_marked_blocks(blocks: list[PageBlock], attribute: str) -> list[PageBlock]:
    """The blocks of the marked element; all of them where none lies in it."""
    inside = [block for block in blocks if is_inside_marked(block.element, attribute)]
    return inside or blocks


def is_inside_marked(element: Tag, attribute: str) -> bool:
    """Whether an element or one around it bears a mark."""
    node: Tag | None = element
    while node is not None:
        if attribute in node.attrs:
            return True
        node = node.parent
    return False
