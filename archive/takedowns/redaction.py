"""What is shown of a state in place of what was taken down: nothing of a hidden one, a mark for each passage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any

from lxml import etree, html

from archive.state import LISTS
from archive.takedowns.spellings import Passages

MARK = "█████"  # always as long, so that it tells nothing of what it covers
SHORTEST = 3  # letters and digits of a passage; a shorter one would blacken half a text
KEPT = ("kind", "published", "updated", "language")  # of a hidden state: that there was a release, and when
ADDRESSES = ("url", "email")  # of a state's parts
INLINE = ("a", "b", "em", "i", "strong", "sub", "sup")  # of body_html's elements, those that part no words


def hide_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state of which only kind, days and language are told."""
    hidden: dict[str, Any] = {name: value if name in KEPT else None for name, value in state.items()}
    return {**hidden, "title": MARK, "body": "", "body_html": "", **{name: [] for name in LISTS}}


def redact_state(state: Mapping[str, Any], passages: Iterable[str]) -> dict[str, Any]:
    """A state with a mark in place of each passage, in whatever field it stands but kind, days and language.

    A file's, a picture's or a mail's address that tells a passage is a mark alone: the rest of it would lead nowhere.
    """
    covered = Passages(passages)
    texts = {name: value for name, value in state.items() if name not in (*KEPT, "body_html")}
    return {**state, **redact(texts, covered), "body_html": redact_markup(state["body_html"], covered)}


def is_too_short(passage: str) -> bool:
    """Whether a passage would be found everywhere."""
    return sum(letter.isalnum() for letter in passage) < SHORTEST


def redact(value: Any, passages: Passages) -> Any:
    """A text, or a list or object of texts.

    >>> redact({"url": "https://ek.se/nora_kvist.jpg", "caption": "Nora-Kvist, 2026"}, Passages(["Nora Kvist"]))
    {'url': '█████', 'caption': '█████, 2026'}
    """
    if isinstance(value, str):
        for start, end in reversed(passages.find(value)):
            value = value[:start] + MARK + value[end:]
        return value
    if isinstance(value, list):
        return [redact(member, passages) for member in value]
    if isinstance(value, dict):
        return {name: redact_field(name, member, passages) for name, member in value.items()}
    return value


def redact_field(name: str, value: Any, passages: Passages) -> Any:
    """A field of a state or of one of its parts."""
    return MARK if name in ADDRESSES and value and passages.are_told_by(value) else redact(value, passages)


def redact_markup(markup: str, passages: Passages) -> str:
    """The same of HTML, where a passage may begin in one element and end in another, or be told by an attribute.

    >>> redact_markup('<p>av Anna <b>Ek</b>, <a href="mailto:a@ek.se">4</a></p>', Passages(["Anna Ek", "a@ek.se"]))
    '<p>av █████<b></b>, <a>4</a></p>'
    """
    if not markup:
        return markup
    root = html.fragment_fromstring(markup, create_parent="div")
    places = [(node, "text" if event == "start" else "tail") for event, node in etree.iterwalk(root, ("start", "end"))]
    partings = ["" if node.tag in INLINE else "\n" for node, _ in places]
    texts = [getattr(node, name) or "" for node, name in places]
    pieces = [parting + text for parting, text in zip(partings, texts, strict=True)]
    ends = [*accumulate(map(len, pieces))]
    starts = [end - len(text) for end, text in zip(ends, texts, strict=True)]
    spans = passages.find("".join(pieces))
    for begin, finish in reversed(spans):
        for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
            first, last = max(begin, start) - start, min(finish, end) - start
            if first < last:
                mark = MARK if start + first == begin else ""
                texts[number] = texts[number][:first] + mark + texts[number][last:]
    for (node, name), text in zip(places, texts, strict=True):
        setattr(node, name, text or None)
    telling = [(node, name) for node in root.iter() for name, value in node.items() if passages.are_told_by(value)]
    for node, name in telling:
        del node.attrib[name]
    if not spans and not telling:
        return markup  # as it was, to the letter
    return str(html.tostring(root, encoding="unicode")).removeprefix("<div>").removesuffix("</div>")
