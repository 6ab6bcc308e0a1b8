"""The HTML that nh3 allows in the body_html of crawled and imported releases."""

from __future__ import annotations

import re

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
QUESTION_ID = re.compile(r"question-[1-9][0-9]*")
REMOVED_ELEMENTS = {"script", "style", "template", "noscript"}  # with their contents
ALLOWED_SCHEMES = {"http", "https", "mailto", "tel"}  # allowed in links


def filter_attribute(_tag: str, name: str, value: str) -> str | None:
    """Return the value, or None to remove the attribute. Only ids of questions are allowed."""
    # another id could hide a global name from the page's scripts (DOM clobbering)
    return value if name != "id" or QUESTION_ID.fullmatch(value) else None
