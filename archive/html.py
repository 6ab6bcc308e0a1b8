"""What body_html may hold, wherever it comes from: as nh3 takes it, for what is crawled and what is imported alike."""

from __future__ import annotations

import re

ALLOWED_TAGS = {
    *("h2", "h3", "h4", "h5", "h6", "p", "br", "blockquote", "ul", "ol", "li", "dl", "dt", "dd"),
    *("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "a", "em", "strong", "b", "i", "sub", "sup"),
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
REMOVED_ELEMENTS = {"script", "style", "template", "noscript"}  # left out with all that is in them
ALLOWED_SCHEMES = {"http", "https", "mailto", "tel"}  # of links


def filter_attribute(_tag: str, name: str, value: str) -> str | None:
    """Of ids only those of questions stay: others could shadow names the page's own script uses."""
    return value if name != "id" or QUESTION_ID.fullmatch(value) else None
