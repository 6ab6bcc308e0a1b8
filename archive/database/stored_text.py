"""Cleans crawled and imported texts before they are stored: characters, spaces and HTML."""

from __future__ import annotations

import re
import unicodedata

import nh3

# Soft hyphen, zero-width marks, word joiner, byte order mark, direction marks.
INVISIBLE_CHARACTERS = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]+")
BLANK_LINES = re.compile(r"\n\s*\n+")

# HTML.

ALLOWED_TAGS = {
    *("h2", "h3", "h4", "h5", "h6", "p", "br", "blockquote", "ul", "ol", "li", "dl", "dt", "dd"),
    *(
        "table",
        "caption",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "th",
        "td",
        "a",
        "em",
        "strong",
        "b",
        "i",
        "sub",
        "sup",
    ),
    *("del", "ins", "s"),
}
ALLOWED_ATTRIBUTES = {
    "a": {"href"},
    "ol": {"start", "reversed"},
    "li": {"value"},
    "th": {"colspan", "rowspan", "scope"},
    "td": {"colspan", "rowspan"},
    "*": {"id"},
}
# the filter is called for each attribute, and most texts have no id
ID_WORD = re.compile(r"\bid\b", re.IGNORECASE)
QUESTION_ID = re.compile(r"question-[1-9][0-9]*")
REMOVED_ELEMENTS = {"script", "style", "template", "noscript"}  # with their contents
ALLOWED_SCHEMES = {"http", "https", "mailto", "tel"}  # allowed in links


def strip_invisible(text: str) -> str:
    """Return a text in NFC without invisible characters. White space is kept.

    >>> strip_invisible("fo\u0308r\u00ad a\u200blla")
    'för alla'
    """
    # Invisible characters are not printable; isprintable() is five times as fast as removing them.
    return unicodedata.normalize(
        "NFC", text if text.isprintable() else INVISIBLE_CHARACTERS.sub("", text)
    )


def clean_line(text: str) -> str:
    """Return a text as one line in NFC, without invisible characters and with single spaces.

    >>> clean_line(" En\u00a0ny\u00ad het \\n i\u200b dag ")
    'En ny het i dag'
    """
    line = " ".join(text.split())
    if line.isascii():
        return line
    if line.isprintable():
        return unicodedata.normalize("NFC", line)
    return " ".join(strip_invisible(line).split())


def clean_lines(text: str) -> str:
    """Return a text with each line cleaned (see `clean_line`) and empty lines removed."""
    return "\n".join(filter(None, map(clean_line, text.split("\n"))))


def clean_text(text: str) -> str:
    """Return a text with cleaned lines (see `clean_line`) and one blank line between paragraphs.

    >>> clean_text("Ett  \\n\\n\\n två\\ntre ")
    'Ett\\n\\ntvå\\ntre'
    """
    return "\n\n".join(filter(None, map(clean_lines, BLANK_LINES.split(text))))


def sanitise_html(html: str, base_url: str | None = None) -> str:
    """Return HTML that contains only allowed tags, and whose links are all http(s), mailto or tel
    links.

    base_url: the URL that relative links are resolved against. If it is None, relative links are
        removed.
    """
    return nh3.clean(
        html,
        tags=ALLOWED_TAGS,
        clean_content_tags=REMOVED_ELEMENTS,
        attributes=ALLOWED_ATTRIBUTES,
        attribute_filter=_filter_attribute if ID_WORD.search(html) else None,
        url_schemes=ALLOWED_SCHEMES,
        url_relative=("rewrite_with_base", base_url) if base_url else "deny",
    )


def _filter_attribute(_tag: str, name: str, value: str) -> str | None:
    """Return the value of an attribute, or None to remove the attribute.

    An id is removed unless it is the id of a question.
    """
    # another id could hide a global name from the page's scripts (DOM clobbering)
    return value if name != "id" or QUESTION_ID.fullmatch(value) else None
