"""Splits the main element into blocks, such as headings, paragraphs, lists and tables.

The content of each block is stored twice: as plain text, with one line per list item or table row,
and as HTML with links and emphasis.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import cast

from bs4 import BeautifulSoup, Tag
from bs4.builder import TreeBuilder
from bs4.element import NamespacedAttribute, NavigableString, PageElement
from lxml import etree

from scraper.normalise.text_cleaning import build_alternation, clean_line, split_word_list
from scraper.pages.document import HEADING_TAGS, INLINE_TAGS, Element

Node = PageElement  # a Tag or a NavigableString

# The soup.
FIELD_ATTRIBUTE = "data-field"  # names the field of an element, so that it can be found in the soup
TEXT_ATTRIBUTE = "data-text"  # marks the element that holds the running text
# The attributes that are copied to the soup; each further one costs time.
SOUP_ATTRIBUTES = frozenset(
    split_word_list(f"""
    class id name href role src data-src data-original data-lazy-src alt width height aria-expanded
    aria-controls data-toggle data-bs-toggle {FIELD_ATTRIBUTE} {TEXT_ATTRIBUTE} start reversed value
    colspan rowspan
    """)
)
# not copied to the soup unless they have one of these attributes
TRANSPARENT_TAGS = {"span", "font", "small", "big"}

# Kinds of elements.
INLINE_OR_BUTTON_TAGS = INLINE_TAGS | {"button"}
SKIPPED_TAGS = frozenset(
    split_word_list("""
    img picture figure figcaption hr input textarea source link meta progress area map rt rp
    """)
)
LIST_TAGS = ("ul", "ol")
NON_LIST_TAGS = {"h2", "h3", "h4", "h5", "details", "button", "dl", "table", "article", "figure"}
NON_DATA_TABLE_TAGS = {"table", "h1", "h2", "h3", "ul"}
TEXT_KINDS = {"dt": "dt", "dd": "dd", "blockquote": "quote"}  # kinds of the blocks inside
MAX_HEADING_LENGTH = 500  # an unclosed heading swallows the text after it
MAX_NUMBER_LENGTH = 10  # digits
MIN_CONTENTS_LINK_SHARE = 0.75  # share of a list's text in links
# up to the number of columns or rows that browsers accept
CELL_SPAN = re.compile(r"[2-9]|[1-9]\d{1,2}")

# Accordion panels.
PANEL_TITLE_TAGS = {"button", "a", "div", "h2", "h3", "h4", "h5", "span", "dt", "p", "li"}
PANEL_WORD = r"(?:accordion|faqs?|collaps\w*|toggle|expand\w*|panel|dropdown)"
PANEL_TITLE_WORD = r"(?:title|header|heading|head|button|btn|trigger|question|label|toggle)"
PANEL_CLASS = re.compile(
    rf"{PANEL_WORD}[\w-]*?[-_]{{0,2}}{PANEL_TITLE_WORD}(?:$|[\s_-])"
    r"|(?:^|[\s_-])(?:question|faq-?question|faq-?title|fraga)(?:$|\s)",
    re.IGNORECASE,
)
PANEL_BODY_TAGS = {"p", "ul", "ol", "table"}
QUESTION_PREFIX = re.compile(r"(?:fråga|question|q|f)\s?\d*\s?[:.]", re.IGNORECASE)
MIN_ANSWER_START_LENGTH = 10

# Inline text.
BOLD_TAGS = ("strong", "b")
BOLD_OR_HEADING_TAGS = {*BOLD_TAGS, *HEADING_TAGS}
INLINE_MARKUP = {
    **{"em": "em", "i": "em", "strong": "strong", "b": "strong", "sup": "sup", "sub": "sub"},
    # text that no longer applies is kept, struck through
    **{"del": "del", "ins": "ins", "s": "s", "strike": "s"},
}
# Notes that tell people who use a screen reader where a link leads.
LINK_NOTE_WORDS = build_alternation("""
    nytt fönster | ny flik | new window | new tab | nytt vindu | nyt vindue | ny fane
    neue[ms]? (?:fenster|tab)
    extern(?:al)? (?:länk|webbplats|link|site) | annan webbplats | another (?:web)?site
    """)
LINK_NOTE = re.compile(
    rf"\s*\((?:[^()]{{0,40}}\b)?{LINK_NOTE_WORDS}\b[^()]{{0,40}}\)"
    r"|\s*,?\s*(?:öppnas i (?:nytt fönster|ny flik)|opens in (?:a )?new (?:window|tab))\.?",
    re.IGNORECASE,
)
# Parts of the words above; a text without any of them has no such note.
LINK_NOTE_STEM = re.compile(
    "fönster|window|flik|new tab|vindu|fane|fenster|neue[ms]? tab|extern|webbplats|site",
    re.IGNORECASE,
)


@dataclass(slots=True)
class PageBlock:
    """One block of text.

    kind: h2-h6, p, list, table, quote, dt, dd, or panel (the title of an accordion panel).
    """

    kind: str
    text: str
    html: str
    element: Tag
    bold: bool = False  # whether the whole paragraph is bold
    link_share: float = 0.0  # share of its text that is in links
    depth: int = 0  # number of panels that contain it
    is_contents_list: bool = False  # whether it is a list of links to places on the same page
    panel: Tag | None = None  # the element with the panel's title and text, if known

    @property
    def level(self) -> int:
        return int(self.kind[1]) if self.kind[0] == "h" and self.kind[1:].isdigit() else 9


def convert_to_soup(root: Element) -> BeautifulSoup:
    return BeautifulSoup("", builder=ElementTreeBuilder(root))


def decompose_soup(soup: BeautifulSoup) -> None:
    """Empty a soup, so that its memory is freed without garbage collection.

    The elements of a soup refer to each other, so otherwise only the garbage collector would free
    them.
    """
    for part in list(soup.contents):  # soup.decompose() alone leaves the first element
        part.decompose()
    soup.decompose()


class ElementTreeBuilder(TreeBuilder):
    """A tree builder for BeautifulSoup that walks an lxml tree instead of parsing text."""

    def __init__(self, root: Element) -> None:
        super().__init__(multi_valued_attributes={}, preserve_whitespace_tags=set())
        self.root = root

    def feed(self, markup: object) -> None:
        """Feed the tree to the soup.

        TRANSPARENT_TAGS and white space next to blocks are left out.
        """
        soup, root = self.soup, self.root
        assert soup is not None  # noqa: S101 - BeautifulSoup sets it before it feeds
        is_open: list[bool] = []  # for each open element, whether it is in the soup
        for event, element in etree.iterwalk(root, ("start", "end")):
            if event == "start":
                is_open.append(_open_element(soup, element))
                text = element.text
            else:
                if is_open.pop():
                    soup.endData()
                    soup.popTag()
                text = None if element is root else element.tail
            if text and (not text.isspace() or element.tag in INLINE_TAGS):
                soup.handle_data(text)
        soup.endData()


def _open_element(soup: BeautifulSoup, element: Element) -> bool:
    """Open an element in the soup. Return False if its tag is left out."""
    names = element.keys()  # items() takes quadratic time
    attributes: dict[str | NamespacedAttribute, str] = {
        name: element.get(name, "") for name in names if name in SOUP_ATTRIBUTES
    }
    if not attributes and element.tag in TRANSPARENT_TAGS:
        return False
    soup.handle_starttag(cast("str", element.tag), None, None, attributes)
    return True


def read_blocks(root: Tag, resolve_url: Callable[[str], str | None]) -> list[PageBlock]:
    """Return the blocks of a soup, in document order."""
    blocks = list(BlockReader(resolve_url).iter_blocks(root, 0))
    for block in blocks:
        item = _find_question_item(block.element, block.text) if block.kind == "p" else None
        if item is not None or (
            block.kind == "p" and _is_followed_by_answer(block.element, block.text)
        ):
            block.kind, block.panel = "panel", item
        elif block.element.name == "summary":
            block.panel = block.element.parent
    return blocks


def select_marked_blocks(blocks: list[PageBlock], attribute: str) -> list[PageBlock]:
    """Return the blocks inside elements with `attribute`, or all blocks if no such block exists."""
    inside = [block for block in blocks if is_inside_marked(block.element, attribute)]
    return inside or blocks


def is_inside_marked(element: Tag, attribute: str) -> bool:
    node: Tag | None = element
    while node is not None:
        if attribute in node.attrs:
            return True
        node = node.parent
    return False


def find_field(element: Tag) -> str | None:
    """Return the field that an element's FIELD_ATTRIBUTE names.

    If the element does not have the attribute, its nearest ancestor with the attribute is used.
    Returns None if there is no such ancestor.
    """
    marked = (part for part in (element, *element.parents) if FIELD_ATTRIBUTE in part.attrs)
    return next((str(part[FIELD_ATTRIBUTE]) for part in marked), None)


class BlockReader:
    def __init__(self, resolve_url: Callable[[str], str | None]) -> None:
        self.resolve_url = resolve_url

    def iter_blocks(self, parent: Tag, depth: int, kind: str = "p") -> Iterator[PageBlock]:
        """Yield the blocks of an element.

        Inline text between block elements becomes blocks of `kind`.
        """
        inline_nodes: list[Node] = []
        for child in parent.contents:
            if isinstance(child, Tag):
                if child.name in SKIPPED_TAGS and not _is_text_figure(child):
                    continue
                is_inline = child.name in INLINE_OR_BUTTON_TAGS
                if is_inline and not _is_panel_title(child) and not _has_block_descendant(child):
                    inline_nodes.append(child)
                    continue
                yield from self.read_paragraphs(inline_nodes, parent, kind, depth)
                inline_nodes = []
                yield from self.iter_element_blocks(child, depth, kind)
            elif type(child) is NavigableString:
                inline_nodes.append(child)
        yield from self.read_paragraphs(inline_nodes, parent, kind, depth)

    def iter_element_blocks(self, element: Tag, depth: int, kind: str) -> Iterator[PageBlock]:
        name = element.name
        if name == "summary" or _is_panel_title(element):
            yield from self.build_block(element.contents, "panel", element, depth)
        elif name in HEADING_TAGS and len(element.get_text()) < MAX_HEADING_LENGTH:
            yield from self.build_block(
                element.contents, _choose_heading_kind(element), element, depth
            )
        elif name == "details":
            yield from self.iter_blocks(element, depth + 1)
        elif name in LIST_TAGS and _is_plain_list(element):
            yield from self.read_list(element, depth)
        elif name == "table" and _is_data_table(element):
            yield from self.read_table(element, depth)
        else:
            yield from self.iter_blocks(element, depth, TEXT_KINDS.get(name, kind))

    def read_paragraphs(
        self, inline_nodes: list[Node], parent: Tag, kind: str, depth: int
    ) -> Iterator[PageBlock]:
        for part in _split_at_line_breaks(inline_nodes) if inline_nodes else ():
            yield from self.build_block(part, kind, parent, depth)

    def build_block(
        self, nodes: Iterable[Node], kind: str, element: Tag, depth: int
    ) -> Iterator[PageBlock]:
        run = _collect_inline_text(nodes, self.resolve_url)
        if run.length and (text := run.text):
            yield PageBlock(kind, text, run.html, element, run.is_bold, run.link_share, depth)

    def read_list(self, element: Tag, depth: int) -> Iterator[PageBlock]:
        lines: list[str] = []
        html = _render_list(element, self.resolve_url, lines)
        if lines:
            links = list(iter_descendants(element, ("a",)))
            share = min(
                1.0,
                sum(len(link.get_text(" ", strip=True)) for link in links) / sum(map(len, lines)),
            )
            stay_on_page = all(str(link.get("href") or "").startswith("#") for link in links)
            contents = share > MIN_CONTENTS_LINK_SHARE and stay_on_page
            text = "\n".join(lines)
            yield PageBlock(
                "list",
                text,
                html,
                element,
                link_share=share,
                is_contents_list=contents,
                depth=depth,
            )

    def read_table(self, element: Tag, depth: int) -> Iterator[PageBlock]:
        """Yield a data table as one block: the caption, then one line per row.

        In a line, vertical bars separate the cells.
        """
        lines, rows, caption = [], [], ""
        for caption_element in _find_children(element, ("caption",)):
            run = _collect_inline_text(caption_element.contents, self.resolve_url)
            if run.text:
                lines.append(run.text)
                caption = f"<caption>{run.html}</caption>"
        for row in iter_descendants(element, ("tr",)):
            texts, html = [], "<tr>"
            for cell in _find_children(row, ("th", "td")):
                run = _collect_inline_text(cell.contents, self.resolve_url)
                texts.append(run.text)
                html += f"<{cell.name}{_render_cell_spans(cell)}>{run.html}</{cell.name}>"
            if any(texts):
                lines.append(" | ".join(texts))
                rows.append(f"{html}</tr>")
        if lines:
            html = f"<table>{caption}{''.join(rows)}</table>"
            yield PageBlock("table", "\n".join(lines), html, element, depth=depth)


def _choose_heading_kind(heading: Tag) -> str:
    """Return the block type of a heading: `panel` if it contains a toggle, otherwise h2 to h6."""
    if any(map(_is_panel_title, iter_descendants(heading, ("button", "a")))):
        return "panel"
    return "h2" if heading.name == "h1" else heading.name


def _render_cell_spans(cell: Tag) -> str:
    spans = {name: str(cell.get(name) or "").strip() for name in ("colspan", "rowspan")}
    return "".join(
        f' {name}="{number}"' for name, number in spans.items() if CELL_SPAN.fullmatch(number)
    )


def _is_text_figure(element: Tag) -> bool:
    """Return whether an element is a figure with a table or a quotation, or the caption of one.

    WordPress puts tables and quotations into figures.
    """
    figure = element.parent if element.name == "figcaption" else element
    return (
        figure is not None
        and figure.name == "figure"
        and has_descendant(figure, ("table", "blockquote"))
    )


@dataclass(slots=True)
class InlineText:
    """Collects inline content as plain text and as HTML, and counts its bold and linked
    characters.
    """

    resolve_url: Callable[[str], str | None]
    text_parts: list[str] = field(default_factory=list)
    html_parts: list[str] = field(default_factory=list)
    length: int = 0
    bold_length: int = 0
    linked_length: int = 0
    after_link: bool = False  # whether there has been no text since the last link

    @property
    def text(self) -> str:
        return clean_line("".join(self.text_parts))

    @property
    def html(self) -> str:
        return "".join(self.html_parts).strip()

    @property
    def is_bold(self) -> bool:
        return self.bold_length >= 0.95 * max(self.length, 1)

    @property
    def link_share(self) -> float:
        return self.linked_length / max(self.length, 1)

    def add_node(self, node: Node, *, bold: bool = False, linked: bool = False) -> None:
        if not isinstance(node, Tag):
            if type(node) is NavigableString:  # not a comment or the like
                self.add_text(str(node), bold=bold, linked=linked)
        elif node.name == "br":
            self.text_parts.append("\n")
            self.html_parts.append("<br>")
        elif node.name not in SKIPPED_TAGS:
            opening, closing = self.build_tags(node)
            # block elements inside a heading or a cell must not run their words together
            space = "" if node.name in INLINE_TAGS else " "
            self.text_parts.append(space)
            self.html_parts.append(space + opening)
            bold = bold or node.name in BOLD_OR_HEADING_TAGS
            linked = linked or _is_outgoing_link(node)
            text_start, html_start = len(self.text_parts), len(self.html_parts)
            for child in node.contents:
                self.add_node(child, bold=bold, linked=linked)
            if node.name == "a" and linked:
                _join_without_notes(self.text_parts, text_start)
                _join_without_notes(self.html_parts, html_start)
                self.after_link = True
            self.text_parts.append(space)
            self.html_parts.append(closing)

    def add_text(self, text: str, *, bold: bool, linked: bool) -> None:
        """Add plain text. A note that follows a link, such as "external link", is skipped."""
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
        href = str(element.get("href") or "") if element.name == "a" else ""
        if href:
            url = href if href.startswith(("mailto:", "tel:")) else self.resolve_url(href)
            return (f'<a href="{escape(url)}">', "</a>") if url else ("", "")
        mark = INLINE_MARKUP.get(element.name)
        return (f"<{mark}>", f"</{mark}>") if mark else ("", "")


def _is_outgoing_link(element: Tag) -> bool:
    """Return whether an element is a link to a page or file.

    Named anchors without a target do not count, nor do links to email addresses or telephone
    numbers.
    """
    if element.name != "a" or (
        "href" not in element.attrs and not {"name", "id"}.isdisjoint(element.attrs)
    ):
        return False
    return not str(element.get("href") or "").startswith(("mailto:", "tel:"))


def _join_without_notes(parts: list[str], start: int) -> None:
    """Join the parts from index `start` on, which belong to a link, and remove link notes."""
    parts[start:] = [strip_link_notes("".join(parts[start:]))]


def strip_link_notes(text: str) -> str:
    # Most texts have none, and looking for one word of a note is faster.
    return LINK_NOTE.sub("", text) if LINK_NOTE_STEM.search(text) else text


def _collect_inline_text(
    nodes: Iterable[Node], resolve_url: Callable[[str], str | None]
) -> InlineText:
    run = InlineText(resolve_url)
    for node in nodes:
        run.add_node(node)
    return run


def _split_at_line_breaks(nodes: list[Node]) -> Iterator[list[Node]]:
    """Yield groups of inline nodes, split at blank lines and between a question and its answer."""
    part: list[Node] = []
    breaks = 0
    for index, node in enumerate(nodes):
        name = node.name if isinstance(node, Tag) else None
        if name == "br":
            breaks += 1
            if breaks == 2 or (breaks == 1 and _is_complete_question(part)):
                yield part
                part = []
                continue
        elif _is_visible_node(node):
            breaks = 0
        part.append(node)
        if name in BOLD_TAGS and _is_answered_question(part, nodes, index):
            yield part
            part = []
    yield part


def _is_visible_node(node: Node) -> bool:
    return isinstance(node, Tag) or bool(str(node).strip())


def _is_answered_question(part: list[Node], nodes: list[Node], index: int) -> bool:
    """Return whether a part that ends with a bold node is a question followed by its answer.

    index: the position of the bold node in `nodes`.
    """
    if not _is_complete_question(part):
        return False
    return _ends_with_line_break(nodes[index]) or _starts_with_sentence(nodes[index + 1 :])


def _starts_with_sentence(nodes: list[Node]) -> bool:
    text = next((str(node).strip() for node in nodes if _is_visible_node(node)), "")
    return len(text) > MIN_ANSWER_START_LENGTH and (text[0].isupper() or text[0] in "–—−-")


def _is_complete_question(nodes: list[Node]) -> bool:
    # most lines end with no question: the others are read to their end
    endings = (clean_line(node.get_text()) for node in reversed(nodes))
    if not next(filter(None, endings), "").endswith("?"):
        return False
    visible = list(filter(_is_visible_node, nodes))
    text = clean_line(" ".join(node.get_text() for node in visible))
    is_bold = all(isinstance(node, Tag) and node.name in BOLD_TAGS for node in visible)
    return is_bold or QUESTION_PREFIX.match(text) is not None


def _ends_with_line_break(node: Node) -> bool:
    parts = node.contents if isinstance(node, Tag) else []
    last = next(filter(_is_visible_node, reversed(parts)), None)
    return isinstance(last, Tag) and last.name == "br"


@dataclass(slots=True)
class ListLine:
    """One line of a list: an item, or a text or nested list between two items.

    Such text and lists are not valid HTML, but browsers show them.
    """

    nodes: list[Node]
    nested_lists: list[Tag] = field(default_factory=list)
    number: int | None = None  # number of the item; None if it is not an item
    value_attribute: str = ""  # the HTML attribute that sets its number


def _render_list(
    element: Tag, resolve_url: Callable[[str], str | None], lines: list[str], bullet: str = "•"
) -> str:
    """Return a list as HTML, and append its plain text to `lines`, one line per item."""
    items: list[str] = []
    for entry in _iter_list_lines(element):
        run = _collect_inline_text(entry.nodes, resolve_url)
        text = run.text
        if text:
            lines.append(f"{_choose_list_marker(element, entry, bullet)} {text}")
        inside = "".join(
            _render_list(nested, resolve_url, lines, "◦") for nested in entry.nested_lists
        )
        if inside and not text and entry.number is None and items:
            # A list between two items belongs to the first of them.
            items[-1] = f"{items[-1].removesuffix('</li>')}{inside}</li>"
        elif text or inside:
            items.append(f"<li{entry.value_attribute}>{run.html}{inside}</li>")
    return f"<{element.name}{_render_numbering(element)}>{''.join(items)}</{element.name}>"


def _choose_list_marker(element: Tag, entry: ListLine, bullet: str) -> str:
    is_numbered = element.name == "ol" and entry.number is not None
    return f"{entry.number}." if is_numbered else bullet


def _render_numbering(element: Tag) -> str:
    """Return the HTML attributes that determine how a list is numbered."""
    start = _parse_integer_attribute(element, "start") if element.name == "ol" else None
    attribute = f' start="{start}"' if start not in (None, 1) else ""
    return f"{attribute} reversed" if _is_reversed_list(element) else attribute


def _iter_list_lines(element: Tag) -> Iterator[ListLine]:
    """Yield the lines of a list, with the items numbered as in browsers (HTML, 4.4.5 and 4.4.8)."""
    step = -1 if _is_reversed_list(element) else 1
    number = _find_first_number(element)
    loose_nodes: list[Node] = []
    for child in [*element.contents, None]:
        if child is not None and _is_loose_node(child):
            loose_nodes.append(child)
            continue
        if loose_nodes:
            yield ListLine(loose_nodes)
            loose_nodes = []
        if not isinstance(child, Tag):
            continue
        if child.name in LIST_TAGS:
            yield ListLine([], [child])
            continue
        value = _parse_integer_attribute(child, "value") if element.name == "ol" else None
        number = value if value is not None else number
        yield _read_list_item(child, number, value)
        number += step


def _find_first_number(element: Tag) -> int:
    start = _parse_integer_attribute(element, "start")
    if start is not None:
        return start
    return len(_find_children(element, ("li",))) if _is_reversed_list(element) else 1


def _is_loose_node(node: Node) -> bool:
    """Return whether a child of a list is text, or an element other than an item or a list."""
    if isinstance(node, Tag):
        return node.name not in ("li", *LIST_TAGS)
    return type(node) is NavigableString


def _read_list_item(item: Tag, number: int, value: int | None) -> ListLine:
    nested = _find_children(item, LIST_TAGS)
    own = [node for node in item.contents if not any(node is part for part in nested)]
    value_attribute = f' value="{value}"' if value is not None else ""
    return ListLine(own, nested, number, value_attribute)


def _is_reversed_list(element: Tag) -> bool:
    return element.name == "ol" and "reversed" in element.attrs


def _parse_integer_attribute(element: Tag, attribute: str) -> int | None:
    text = str(element.get(attribute) or "").strip()
    return (
        int(text) if text.removeprefix("-").isdecimal() and len(text) < MAX_NUMBER_LENGTH else None
    )


def _is_panel_title(element: Tag) -> bool:
    """Return whether an element is the title of a panel that is opened and closed by a click on it.

    Panel titles are recognised by an ARIA state, a toggle or a class.
    """
    if element.name not in PANEL_TITLE_TAGS:
        return False
    attributes = element.attrs
    role = attributes.get("role")
    if role in ("region", "tabpanel"):
        return False  # some sites put the ARIA state on the panel itself
    if element.name == "button" or role in ("button", "tab"):
        return _is_toggle(element) or (role is not None and element.name not in ("a", "button"))
    if _is_toggle(element):
        # others put it on the element around the title and its text
        return not has_descendant(element, PANEL_BODY_TAGS)
    return _has_panel_title_class(element)


def _has_panel_title_class(element: Tag) -> bool:
    classes = str(element.attrs.get("class") or "")
    if not classes or not PANEL_CLASS.search(classes) or has_descendant(element, PANEL_BODY_TAGS):
        return False
    return len(element.get_text()) < MAX_HEADING_LENGTH


def _is_toggle(element: Tag) -> bool:
    attributes = element.attrs
    return (
        "aria-expanded" in attributes
        or "aria-controls" in attributes
        or "collapse" in (attributes.get("data-toggle"), attributes.get("data-bs-toggle"))
    )


def _is_plain_list(element: Tag) -> bool:
    """Return whether a list contains no panels, headings, cards, or questions with answers."""
    if has_descendant(element, NON_LIST_TAGS):
        return False
    question_count = 0
    for item in _find_children(element, ("li",)):
        first = next(filter(_is_visible_node, item.contents), None)
        if isinstance(first, Tag):
            question = first.get_text().strip()
            if question.endswith("?") and len(item.get_text()) > len(question) + MIN_ANSWER_LENGTH:
                question_count += 1
        if any(_is_panel_title(link) for link in _find_children(item, ("a", "span", "div"))):
            return False
    return question_count < 2


def _is_data_table(element: Tag) -> bool:
    if element.get("role") == "presentation" or has_descendant(element, NON_DATA_TABLE_TAGS):
        return False
    rows = list(iter_descendants(element, ("tr",)))
    return len(rows) > 1 and any(len(_find_children(row, ("td", "th"))) > 1 for row in rows)


def _has_block_descendant(element: Tag) -> bool:
    """Return whether an inline element contains block elements.

    An example is a link around a whole teaser.
    """
    return any(
        isinstance(child, Tag)
        and (
            (child.name not in INLINE_TAGS and child.name not in SKIPPED_TAGS)
            or _has_block_descendant(child)
        )
        for child in element.contents
    )


def has_descendant(element: Tag, names: Collection[str]) -> bool:
    """Return whether an element has a descendant with one of the tag names.

    This is much faster than BeautifulSoup's find.
    """
    return any(
        isinstance(child, Tag) and (child.name in names or has_descendant(child, names))
        for child in element.contents
    )


def iter_descendants(element: Tag, names: Collection[str]) -> Iterator[Tag]:
    """Yield the descendants with one of the tag names, in document order.

    This is much faster than BeautifulSoup's find_all.
    """
    for child in element.contents:
        if isinstance(child, Tag):
            if child.name in names:
                yield child
            yield from iter_descendants(child, names)


def _find_children(element: Tag, names: Collection[str]) -> list[Tag]:
    return [child for child in element.contents if isinstance(child, Tag) and child.name in names]


FINAL_QUESTION_MARK = re.compile(r"[?？][\"”’»')\]]*$|[?？]\s*(?:\([^)]*\))?$")
# An announcement of questions and answers, in the title, the lead or a line of the text.
QA_ANNOUNCEMENT = re.compile(
    build_alternation(r"""
        fr[åa]gor (?:och|&) svar | vanlig(?:a|aste) frågor(?:na)? | \bfråg(?:a|or) till\b
        intervju\b
        \b(?:svarar|svarade|svar|besvarar)\b.{0,60}\bfråg(?:a|or)\b
        spørsmål og svar | spørgsmål og svar | ofte stil\w* sp\w+ | usein kysyt\w+
        \bfaqs?\b | \bq\s?&\s?a\b | questions and answers | frequently asked
        answers?\b.{0,40}\bquestions?\b
        fragen und antworten | häufige fragen
        """),
    re.IGNORECASE,
)
ANSWERER_NAME = r"[A-ZÅÄÖÉ][^.:?!]{4,140}?"
ANSWERER = re.compile(
    rf"(?:^|[.!]\s)(?:här\s+)?(?P<who>{ANSWERER_NAME}),?"
    r"\s+(?:svarar|besvarar|svarade|ger svar|answers?)\b"
    r"(?:[^.:?!]*\bfråg|[^.:?!]*\bquestions?|\s*:)"
    rf"|(?:^|[.!]\s)(?:Här|Nedan|Nu)\s+(?:svarar|besvarar)\s+(?P<named>{ANSWERER_NAME}),?"
    r"\s+(?:på\s+)?(?:\w+\s+){0,3}fråg",
)
# "Eva Ek, utredare:" on a line of its own before an answer.
SPEAKER_LINE = re.compile(
    r"^(?P<who>[A-ZÅÄÖÉ][\w.-]+(?: [A-ZÅÄÖÉ][\w.-]+){1,3}(?:, [^:.]{3,80})?)(?: svarar)?\s*:$"
)
# A letter may also begin a name: "S:t Erik", "F. Scott Fitzgerald". So it marks a question only if
# the text ends in a question mark or a marked answer follows, and an answer only if its question is
# marked.
MARKED_QUESTION = re.compile(
    r"^(?:(?:fråga|question)\s?\d*\s?[:.]\s*|[qf]\s?\d*\s?[:.]\s+)", re.IGNORECASE
)
MARKED_ANSWER = re.compile(
    r"^(?:(?P<word>svar|answer)\s?\d*\s?[:.]\s*|[as]\s?\d*\s?[:.]\s+)", re.IGNORECASE
)
# The open/close sign after the title of an accordion panel, or the name of an icon.
TOGGLE_SIGN = re.compile(
    r"(?<=\S)\s*(?:[+＋−–×✕✚›»▼▾▿⌄˅∨>-]"
    r"|expand_(?:more|less)|keyboard_arrow_\w+|chevron_\w+|arrow_\w+)$"
)
QUESTION_NUMBER = re.compile(r"^\d{1,2}[.)]\s*(?=\S{2})")
# Questions that the site asks its readers.
SITE_QUESTION = re.compile(
    "^"
    + build_alternation(r"""
        har du (?:några )?(?:frågor|synpunkter)
        hittade du | fick du
        var (?:den här )?(?:sidan|informationen|texten)
        hjälpte | vill du (?:veta mer|kontakta|prenumerera) | frågor\? | veta mer\? | läs mer
        (?:do you )?have (?:a |any )?questions | questions\? | need (?:more )?help | was this
        did you find
        still have | looking for | ready to | noch fragen | haben sie (?:noch )?fragen
        """),
    re.IGNORECASE,
)
MIN_ANSWER_LENGTH = 20  # characters
MAX_PANEL_QUESTION_LENGTH = 300
MAX_WRAPPER_DEPTH = 4  # elements around a title


def is_question_text(text: str) -> bool:
    """Return whether a text ends with a question mark, ignoring the open/close sign of a panel.

    >>> is_question_text("När öppnar bron? +"), is_question_text("Varför? Därför.")
    (True, False)
    """
    return ("?" in text or "？" in text) and FINAL_QUESTION_MARK.search(
        TOGGLE_SIGN.sub("", text)
    ) is not None


def _find_question_item(element: Tag, text: str) -> Tag | None:
    """Return the element that contains a question and its answer.

    Returns None if there is no such element, or if none of the element's siblings contains a
    similar question.
    """
    if len(text) > MAX_PANEL_QUESTION_LENGTH or not is_question_text(text):
        return None
    text = TOGGLE_SIGN.sub("", text)
    node: Tag | None = element
    for _ in range(MAX_WRAPPER_DEPTH):
        if node is None or node.name in ("body", "main", "article", "[document]"):
            return None
        whole = clean_line(node.get_text(" "))
        if len(whole) > len(text) + MIN_ANSWER_LENGTH:
            return node if whole.startswith(text) and _has_similar_question(node) else None
        node = node.parent
    return None


def _is_followed_by_answer(element: Tag, text: str) -> bool:
    """Return whether a question is followed by its answer.

    The element after the question must have another tag or class, and one of the question's
    siblings must contain a similar question.
    """
    if len(text) > MAX_PANEL_QUESTION_LENGTH or not is_question_text(text):
        return False
    node: Tag | None = element
    for _ in range(MAX_WRAPPER_DEPTH):
        if node is None or len(clean_line(node.get_text(" "))) > len(text) + 1:
            return False
        following = next((part for part in node.next_siblings if isinstance(part, Tag)), None)
        if following is not None:
            return not _is_same_kind(node, following) and _has_similar_question(node)
        node = node.parent
    return False


def _has_similar_question(item: Tag) -> bool:
    """Return whether a sibling with the same tag and class starts with a question."""
    siblings = (*item.next_siblings, *item.previous_siblings)
    similar = (part for part in siblings if isinstance(part, Tag) and _is_same_kind(part, item))
    return any(is_question_text(next(sibling.stripped_strings, "")) for sibling in similar)


def _is_same_kind(first: Tag, second: Tag) -> bool:
    return first.name == second.name and first.get("class") == second.get("class")
