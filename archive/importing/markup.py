"""Another collection's text made ours: Markdown or HTML in, sanitised HTML, plain text and pictures out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import nh3
from lxml import html
from markdown_it import MarkdownIt

from archive.allowed import ATTRIBUTES, RUN_OUT, SCHEMES, TAGS, keep_attribute
from archive.records import Image

# Soft hyphen, zero-width marks, word joiner, byte order mark: layout, never words.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+")
INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]+")
EMPTY = re.compile(r"<p>\s*</p>\s*")
BLANK_LINES = re.compile(r"\n\s*\n+")
MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table")
BLOCKS = {"h1", "h2", "h3", "h4", "h5", "h6", "p", "blockquote", "ul", "ol", "dl", "dt", "dd", "table", "div"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """A text in the archive's form."""

    text: str  # plain, paragraphs parted by a blank line
    html: str  # sanitised
    images: tuple[Image, ...] = ()


def read_markdown(text: str, url: str) -> Body:
    """CommonMark with tables; a line break stays one. Addresses are made whole by `url`; HTML in it is text.

    >>> read_markdown("## Bakgrund\\n\\n- Det är bra, säger hon.\\n\\n* ett\\n* [två](/b)", "https://a.se/x").text
    'Bakgrund\\n\\n- Det är bra, säger hon.\\n\\n• ett\\n• två'
    """
    tokens = MARKDOWN.parse(keep_speech(clean_text(text)))
    images = []
    for token in tokens:
        for part in token.children or ():
            if part.type == "image":
                image = Image(url=urljoin(url, str(part.attrs["src"])), alt=part.content or None)
                images.append(image)
    return read_html(MARKDOWN.renderer.render(tokens, MARKDOWN.options, {}), url, tuple(images))


def read_html(text: str, url: str, images: tuple[Image, ...] = ()) -> Body:
    """Markup as the archive keeps it, and the plain text in it; h1 becomes h2, for a release has a title already."""
    raised = re.sub(r"<(/?)h1\b", r"<\1h2", text, flags=re.IGNORECASE)
    clean = nh3.clean(
        raised,
        tags=TAGS,
        clean_content_tags=RUN_OUT,
        attributes=ATTRIBUTES,
        attribute_filter=keep_attribute,
        url_schemes=SCHEMES,
        url_relative=("rewrite_with_base", url),
    )
    clean = EMPTY.sub("", clean).strip()
    return Body(text=to_plain(clean), html=clean, images=images)


def keep_speech(text: str) -> str:
    """Markdown in which a hyphen that opens speech opens no list: it stands alone in its paragraph.

    >>> keep_speech("- Nej, säger hon.\\n\\n- ett\\n- två")
    '\\\\- Nej, säger hon.\\n\\n- ett\\n- två'
    """
    parts = [part.split("\n") for part in text.split("\n\n")]
    for lines in parts:
        hyphens = [place for place, line in enumerate(lines) if line.startswith("- ")]
        if len(hyphens) == 1:
            lines[hyphens[0]] = "\\" + lines[hyphens[0]]
    return "\n\n".join("\n".join(lines) for lines in parts)


def clean_line(text: str) -> str:
    """One line: NFC, no invisible marks, every run of white space one space."""
    return " ".join(without_marks(text).split())


def clean_text(text: str) -> str:
    """Several paragraphs parted by one blank line; the indents that Markdown reads stay.

    >>> clean_text("Sam\\u00adhälle\\r\\n\\r\\n\\r\\n  två ")
    'Samhälle\\n\\n  två'
    """
    plain = without_marks(text).replace("\r\n", "\n").replace("\r", "\n")
    return BLANK_LINES.sub("\n\n", plain.replace("\u00a0", " ")).strip("\n").rstrip()


def without_marks(text: str) -> str:
    """In NFC, without what nobody sees."""
    return INVISIBLE.sub("", CONTROL.sub("", unicodedata.normalize("NFC", text)))


def to_plain(markup: str) -> str:
    """Sanitised HTML as plain text: an item or a row a line, list items behind • or their number.

    >>> to_plain("<p>a<br>b</p><ol><li>c</li></ol><table><tr><th>d</th><td>e</td></tr></table>")
    'a\\nb\\n\\n1. c\\n\\nd | e'
    """
    if not markup.strip():
        return ""
    root = html.fragment_fromstring(markup, create_parent="div")
    return "\n\n".join(block for block in read_blocks(root) if block)


def read_blocks(parent: Any) -> Iterator[str]:
    """The blocks of an element; loose text between them is a block too."""
    loose = [parent.text or ""]
    for child in parent:
        if child.tag in BLOCKS:
            yield to_lines("".join(loose))
            loose = []
            if child.tag in ("ul", "ol"):
                yield "\n".join(read_items(child, "•"))
            elif child.tag == "table":
                yield "\n".join(read_rows(child))
            else:
                yield from read_blocks(child)
        else:
            loose.append(inline(child))
        loose.append(child.tail or "")
    yield to_lines("".join(loose))


def read_items(parent: Any, bullet: str) -> Iterator[str]:
    """A list's items, a line each; the items of one inside it follow theirs."""
    for number, item in enumerate(parent.findall("li"), int(parent.get("start") or 1)):
        mark = f"{number}." if parent.tag == "ol" else bullet
        nested = [child for child in item if child.tag in ("ul", "ol")]
        for child in nested:
            item.remove(child)
        own = " ".join(" ".join(read_blocks(item)).split())
        if own:
            yield f"{mark} {own}"
        for child in nested:
            yield from read_items(child, "◦")


def read_rows(table: Any) -> Iterator[str]:
    """A table's rows, a line each, cells parted by a bar."""
    for row in table.iter("caption", "tr"):
        cells = [" ".join(inline(cell).split()) for cell in row if cell.tag in ("td", "th")]
        line = " | ".join(cells) if row.tag == "tr" else " ".join(inline(row).split())
        if line.strip(" |"):
            yield line


def inline(element: Any) -> str:
    """The text in an element, its line breaks kept."""
    if element.tag == "br":
        return "\n"
    return (element.text or "") + "".join(inline(child) + (child.tail or "") for child in element)


def to_lines(text: str) -> str:
    """Each line tidied; empty ones left out."""
    return "\n".join(filter(None, (" ".join(line.split()) for line in text.split("\n"))))
