"""Telling a row of questions by its shape: elements of one kind beside each other that each begin with a question."""

from __future__ import annotations

from bs4 import Tag

from scraper.normalise.text import clean_line
from scraper.pages.question_words import SIGN, asks

SHORTEST_ANSWER = 20
LONGEST_QUESTION = 300
CLIMB = 4  # elements a title may be wrapped in


def find_item(element: Tag, text: str) -> Tag | None:
    """What holds a question and its answer, where its like beside it holds another; None for any other text."""
    if len(text) > LONGEST_QUESTION or not asks(text):
        return None
    text = SIGN.sub("", text)
    node: Tag | None = element
    for _ in range(CLIMB):
        if node is None or node.name in ("body", "main", "article", "[document]"):
            return None
        whole = clean_line(node.get_text(" "))
        if len(whole) > len(text) + SHORTEST_ANSWER:
            return node if whole.startswith(text) and has_twin(node) else None
        node = node.parent
    return None


def is_beside_answer(element: Tag, text: str) -> bool:
    """Whether a question has an element of its own, another kind of element after it, and its like after that."""
    if len(text) > LONGEST_QUESTION or not asks(text):
        return False
    node: Tag | None = element
    for _ in range(CLIMB):
        if node is None or len(clean_line(node.get_text(" "))) > len(text) + 1:
            return False
        following = next((part for part in node.next_siblings if isinstance(part, Tag)), None)
        if following is not None:
            return not is_alike(node, following) and has_twin(node)
        node = node.parent
    return False


def has_twin(item: Tag) -> bool:
    """Whether an element of the same name and class beside it begins with a question too."""
    beside = (*item.next_siblings, *item.previous_siblings)
    twins = (part for part in beside if isinstance(part, Tag) and is_alike(part, item))
    return any(asks(next(twin.stripped_strings, "")) for twin in twins)


def is_alike(one: Tag, other: Tag) -> bool:
    """Whether two elements are built the same way."""
    return one.name == other.name and one.get("class") == other.get("class")
