"""body_html made safe: text structure and links stay, whatever could run or load goes."""

from __future__ import annotations

import re
import unicodedata

import nh3

from archive.allowed import ATTRIBUTES, RUN_OUT, SCHEMES, TAGS, keep_attribute
from scraper.normalise.text import INVISIBLE, without_marks

HTML_TAG = re.compile(r"""(<(?:[^>"]|"[^"]*")*>)""")  # as nh3 writes them
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
        clean_content_tags=RUN_OUT,
        attributes=ATTRIBUTES,
        attribute_filter=keep_attribute,
        url_schemes=SCHEMES,
        url_relative="deny",
    )
    if not UNCLEAN.search(safe) and unicodedata.is_normalized("NFC", safe):  # as most are
        return safe
    return "".join(
        piece if piece.startswith("<") else SPACES.sub(" ", without_marks(piece)) for piece in HTML_TAG.split(safe)
    )
