"""What is shown of a state in place of what was taken down: nothing of a hidden one, a mark for each passage."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate, pairwise
from typing import Any
from urllib.parse import unquote

from lxml import etree, html

from archive.state import LISTS

MARK = "█████"  # always as long, so that it tells nothing of what it covers
SHORTEST = 3  # letters and digits of a passage; a shorter one would blacken half a text
KEPT = ("kind", "published", "updated", "language")  # of a hidden state: that there was a release, and when
BETWEEN = r"(?:\s|\u00ad|\u200b)*"  # words may stand on two lines, in two elements, or hold soft hyphens
HYPHENS = "[-\u2010-\u2015\u2212]"  # typed one way and set another
DIGITS = 7  # of a number, the last so many, by which a link to it is known: 010-123 45 67, tel:+46101234567
LETTERS = 5  # of a passage, by which a link's readable address is known: Nora Kvist, /nora-kvist


def hide_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state of which only kind, days and language are told."""
    hidden: dict[str, Any] = {name: value if name in KEPT else None for name, value in state.items()}
    return {**hidden, "title": MARK, "body": "", "body_html": "", **{name: [] for name in LISTS}}


def redact_state(state: Mapping[str, Any], passages: Iterable[str]) -> dict[str, Any]:
    """A state with a mark in place of each passage, in whatever field it stands but kind, days and language."""
    passages = list(passages)
    pattern = to_pattern(passages)
    texts = {name: value for name, value in state.items() if name not in (*KEPT, "body_html")}
    return {**state, **redact(texts, pattern), "body_html": redact_markup(state["body_html"], passages)}


def to_pattern(passages: Iterable[str]) -> re.Pattern[str]:
    """Finds any of some passages, however their white space, hyphens and letters' case stand.

    >>> bool(to_pattern(["Anna Ek"]).search("av anna\\n\u00a0 EK."))
    True
    """
    longest_first = sorted(passages, key=len, reverse=True)
    return re.compile("|".join(BETWEEN.join(map(to_letter, "".join(each.split()))) for each in longest_first), re.I)


def to_letter(letter: str) -> str:
    """A letter as a pattern: a hyphen is any hyphen."""
    return HYPHENS if re.fullmatch(HYPHENS, letter) else re.escape(letter)


def is_too_short(passage: str) -> bool:
    """Whether a passage would be found everywhere."""
    return sum(letter.isalnum() for letter in passage) < SHORTEST


def redact(value: Any, pattern: re.Pattern[str]) -> Any:
    """A text, or a list or object of texts."""
    if isinstance(value, str):
        return pattern.sub(MARK, value)
    if isinstance(value, list):
        return [redact(member, pattern) for member in value]
    if isinstance(value, dict):
        return {name: redact(member, pattern) for name, member in value.items()}
    return value


def redact_markup(markup: str, passages: Iterable[str]) -> str:
    """The same of HTML, where a passage may begin in one element and end in another, or be told by an attribute.

    >>> redact_markup('<p>av Anna <b>Ek</b>, <a href="mailto:a@ek.se">4</a></p>', ["Anna Ek", "a@ek.se"])
    '<p>av █████<b></b>, <a>4</a></p>'
    """
    if not markup:
        return markup
    passages = list(passages)
    pattern = to_pattern(passages)
    root = html.fragment_fromstring(markup, create_parent="div")
    places = [(node, "text" if event == "start" else "tail") for event, node in etree.iterwalk(root, ("start", "end"))]
    texts = [getattr(node, name) or "" for node, name in places]
    starts = [*accumulate(map(len, texts), initial=0)]
    matches = list(pattern.finditer("".join(texts)))
    for found in reversed(matches):
        for number, (start, end) in enumerate(pairwise(starts)):
            first, last = max(found.start(), start) - start, min(found.end(), end) - start
            if first < last:
                mark = MARK if start + first == found.start() else ""
                texts[number] = texts[number][:first] + mark + texts[number][last:]
    for (node, name), text in zip(places, texts, strict=True):
        setattr(node, name, text or None)
    telling = [
        (node, name)
        for node in root.iter()
        for name, value in node.items()
        if any(pattern.search(text) for text in (value, unquote(value)))
        or any(leads_to(value, each) for each in passages)
    ]
    for node, name in telling:
        del node.attrib[name]
    if not matches and not telling:
        return markup  # as it was, to the letter
    return str(html.tostring(root, encoding="unicode")).removeprefix("<div>").removesuffix("</div>")


def leads_to(address: str, passage: str) -> bool:
    """Whether an attribute tells a passage in another spelling: a telephone link, a readable address.

    >>> leads_to("tel:+46101234567", "010-123 45 67"), leads_to("/om/nora-kvist", "Nora Kvist"), leads_to("/a", "a")
    (True, True, False)
    """
    number, slug = only(passage, str.isdigit)[-DIGITS:], only(to_ascii(passage), str.isalnum)
    told = to_ascii(unquote(address))
    return (len(number) == DIGITS and number in only(told, str.isdigit)) or (
        len(slug) >= LETTERS and slug in only(told, str.isalnum)
    )


def only(text: str, wanted: Callable[[str], bool]) -> str:
    """The letters of a text that are wanted."""
    return "".join(filter(wanted, text))


def to_ascii(text: str) -> str:
    """A text as addresses have it: small letters without marks."""
    return unicodedata.normalize("NFKD", text.lower()).encode("ascii", "ignore").decode()
