"""body_html made safe: text structure and links stay, whatever could run or load goes."""

from __future__ import annotations

import re
import unicodedata

import nh3

from scraper.normalise.text import INVISIBLE, without_marks

TAGS = {
    *("h2", "h3", "h4", "h5", "h6", "p", "br", "blockquote", "ul", "ol", "li", "dl", "dt", "dd"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "a", "em", "strong", "b", "i", "sub", "sup"),
}
ATTRIBUTES = {
    "a": {"href"},
    "ol": {"start"},
    "th": {"colspan", "rowspan", "scope"},
    "td": {"colspan", "rowspan"},
    "*": {"id"},
}
QUESTION_ID = re.compile(r"question-[1-9][0-9]*")
TAG = re.compile(r"""(<(?:[^>"]|"[^"]*")*>)""")  # as nh3 writes them
SPACES = re.compile(r"(?:[^\S\n]|&nbsp;)+")  # not the line breaks between blocks
UNCLEAN = re.compile("&nbsp;|  |[^\\S\n ]|" + INVISIBLE.pattern)


def sanitise(html: str) -> str:
    """The same text, cleaned as plain text is, with allowed tags only; links lead to http(s), mailto or tel, absolute.

    >>> sanitise('<p id="x" onclick="y()">A<script>z()</script> <a href="/b">b</a></p>')
    '<p>A <a rel="noopener noreferrer">b</a></p>'
    """
    safe = nh3.clean(
        html,
        tags=TAGS,
        clean_content_tags={"script", "style", "template", "noscript"},
        attributes=ATTRIBUTES,
        attribute_filter=keep_attribute,
        url_schemes={"http", "https", "mailto", "tel"},
        url_relative="deny",
    )
    if not UNCLEAN.search(safe) and unicodedata.is_normalized("NFC", safe):  # as most are
        return safe
    return "".join(
        piece if piece.startswith("<") else SPACES.sub(" ", without_marks(piece)) for piece in TAG.split(safe)
    )


def keep_attribute(_tag: str, name: str, value: str) -> str | None:
    """Of ids only those of questions stay: others could shadow names the page's own script uses."""
    return value if name != "id" or QUESTION_ID.fullmatch(value) else None
