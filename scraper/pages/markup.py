"""What an element is by its mark-up: inline, a heading, a folded panel's title, a plain list, a table of data."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from bs4 import Tag

from scraper.normalise.words import words

INLINE = frozenset(
    words("""
    a span strong em b i u br sup sub abbr time small font mark cite q code label ins del s strike big acronym
    bdi bdo nobr kbd var samp tt data wbr o:p dfn ruby rb
    math semantics mrow mi mo mn ms mtext mspace mstyle mfrac msqrt mroot msup msub msubsup mover munder
    """)
)
LOOSE = INLINE | {"button"}
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
SKIPPED = frozenset(
    words("""
    img picture figure figcaption hr input textarea source link meta progress area map rt rp
    """)
)
PANEL_TITLES = {"button", "a", "div", "h2", "h3", "h4", "h5", "span", "dt", "p", "li"}
FOLDED = r"(?:accordion|faqs?|collaps\w*|toggle|expand\w*|panel|dropdown)"
TITLE = r"(?:title|header|heading|head|button|btn|trigger|question|label|toggle)"
PANEL_CLASS = re.compile(
    rf"{FOLDED}[\w-]*?[-_]{{0,2}}{TITLE}(?:$|[\s_-])|(?:^|[\s_-])(?:question|faq-?question|faq-?title|fraga)(?:$|\s)",
    re.IGNORECASE,
)
BODY_OF_A_PANEL = {"p", "ul", "ol", "table"}
NOT_IN_A_LIST = {"h2", "h3", "h4", "h5", "details", "button", "dl", "table", "article", "figure"}
NOT_IN_A_TABLE = {"table", "h1", "h2", "h3", "ul"}
SHORTEST_ANSWER = 20
LONGEST_HEADING = 500  # an unclosed heading swallows the text after it


def has_blocks(element: Tag) -> bool:
    """Whether an inline element wraps block elements, as links around teasers do."""
    for child in element.contents:
        if isinstance(child, Tag):
            if child.name not in INLINE and child.name not in SKIPPED:
                return True
            if has_blocks(child):
                return True
    return False


def holds(element: Tag, names: Collection[str]) -> bool:
    """Whether an element has a descendant of one of some names; many times as fast as BeautifulSoup's find."""
    return any(isinstance(child, Tag) and (child.name in names or holds(child, names)) for child in element.contents)


def inner(element: Tag, names: Collection[str]) -> Iterator[Tag]:
    """The descendants of some names, in the page's order; many times as fast as BeautifulSoup's find_all."""
    for child in element.contents:
        if isinstance(child, Tag):
            if child.name in names:
                yield child
            yield from inner(child, names)


def children(element: Tag, names: Collection[str]) -> list[Tag]:
    """An element's own children of some names."""
    return [child for child in element.contents if isinstance(child, Tag) and child.name in names]


def is_panel_title(element: Tag) -> bool:
    """Whether an element folds a panel out and in: by its ARIA state, its toggle, or a class that says so."""
    if element.name not in PANEL_TITLES:
        return False
    attributes = element.attrs
    role = attributes.get("role")
    if role in ("region", "tabpanel"):
        return False  # some put the state of a panel on the panel itself
    if element.name == "button" or role in ("button", "tab"):
        return says_it_folds(element) or (role is not None and element.name not in ("a", "button"))
    if says_it_folds(element):
        return not holds(element, BODY_OF_A_PANEL)  # or on what holds its title and its text
    classes = str(attributes.get("class") or "")
    if not classes or not PANEL_CLASS.search(classes):
        return False
    return not holds(element, BODY_OF_A_PANEL) and len(element.get_text()) < LONGEST_HEADING


def says_it_folds(element: Tag) -> bool:
    """Whether an element's attributes say that it folds something or is folded."""
    attributes = element.attrs
    return (
        "aria-expanded" in attributes
        or "aria-controls" in attributes
        or "collapse" in (attributes.get("data-toggle"), attributes.get("data-bs-toggle"))
    )


def is_plain_list(element: Tag) -> bool:
    """Whether a list's items are plain text, not panels, headings, cards or bold questions with their answers."""
    if holds(element, NOT_IN_A_LIST):
        return False
    asking = 0
    for item in children(element, ("li",)):
        first = next((child for child in item.contents if isinstance(child, Tag) or str(child).strip()), None)
        if isinstance(first, Tag):
            asked = first.get_text().strip()
            if asked.endswith("?") and len(item.get_text()) > len(asked) + SHORTEST_ANSWER:
                asking += 1
        if any(is_panel_title(link) for link in children(item, ("a", "span", "div"))):
            return False
    return asking < 2


def is_data_table(element: Tag) -> bool:
    """Whether a table holds data, not a page's layout."""
    if element.get("role") == "presentation" or holds(element, NOT_IN_A_TABLE):
        return False
    rows = list(inner(element, ("tr",)))
    return len(rows) > 1 and any(len(children(row, ("td", "th"))) > 1 for row in rows)
