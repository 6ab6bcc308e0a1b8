"""Lists the searchable texts of a stored state, and the paragraphs that an edit changed in them."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from archive.changes.diff import split_paragraphs
from archive.language.terms import is_english_release

PLAIN_FIELDS = ("title", "lead", "body")
VERSION_FIELDS = (*PLAIN_FIELDS, "question", "answer", "caption")
WHOLE = "whole"  # all texts together; an answer that the body repeats counts once


class StateText(NamedTuple):
    field: str  # title, lead, body, question, answer or caption
    text: str  # in NFC
    position: int | None = None  # number of the question or image, from 1
    is_in_body: bool = False  # whether the body also contains this question or answer


def list_state_texts(state: Mapping[str, Any]) -> list[StateText]:
    """List the texts of a state (archive.database.models.parse_state) that can be searched.

    As in the index, a phrase may continue from one paragraph of a body or answer to the next, but
    not from one text to the next.
    """
    texts = [StateText(name, normalise_text(state[name])) for name in PLAIN_FIELDS]
    body = _collapse(texts[-1].text)
    for number, pair in enumerate(state["questions"] or (), 1):
        for name in ("question", "answer"):
            text = normalise_text(pair[name])
            texts.append(StateText(name, text, number, is_in_body=_collapse(text) in body))
    texts += [
        StateText("caption", normalise_text(image["caption"]), number)
        for number, image in enumerate(state["images"] or (), 1)
    ]
    return [text for text in texts if text.text]


def _collapse(text: str) -> str:
    """Return a text with single spaces, and with a space at each end.

    A phrase with such spaces at its ends is found only as whole words.
    """
    return f" {' '.join(text.split())} "


def normalise_text(text: str | None) -> str:
    return unicodedata.normalize("NFC", text or "")


def find_changed_paragraphs(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, tuple[list[str], list[str]]]:
    """Return the paragraphs that an edit removed and added, by field.

    The key WHOLE maps to the paragraphs of all fields. Paragraphs are counted: one that occurred
    twice and now occurs once counts as removed, but one that only moved does not. Lists that were
    not recorded in one of the states are ignored in both.
    """
    for name in ("questions", "images"):
        if before[name] is None or after[name] is None:
            before, after = {**before, name: None}, {**after, name: None}
    old, new = _count_paragraphs(before), _count_paragraphs(after)
    return {
        place: (
            list((old[place] - new[place]).elements()),
            list((new[place] - old[place]).elements()),
        )
        for place in (WHOLE, *VERSION_FIELDS)
    }


def _count_paragraphs(state: Mapping[str, Any]) -> dict[str, Counter[str]]:
    """Count the paragraphs of a state by field, with white space collapsed."""
    counts: dict[str, Counter[str]] = {place: Counter() for place in (WHOLE, *VERSION_FIELDS)}
    for text in list_state_texts(state):
        paragraphs = [" ".join(part.split()) for part in split_paragraphs(text.text)]
        counts[text.field].update(paragraphs)
        if not text.is_in_body:
            counts[WHOLE].update(paragraphs)
    return counts


def keep_changed_texts(*states: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield two states of a release without the texts that they share.

    If their questions differ, both bodies are kept whole, because an answer counts as a separate
    text only if the body does not repeat it.

    >>> old = {"title": "A", "lead": None, "body": "B\\n\\nC", "questions": [], "images": None}
    >>> states = {**old, "language": "sv"}, {**old, "language": "sv", "body": "C\\n\\nD"}
    >>> [state["body"] for state in keep_changed_texts(*states)]
    ['B', 'D']
    """
    for state, other in (states, states[::-1]):
        kept = {**state, "language": "en" if is_english_release(state) else "sv"}
        has_same_questions = state["questions"] == other["questions"]
        for name in ("title", "lead", "body") if has_same_questions else ("title", "lead"):
            own, theirs = (Counter(split_paragraphs(each[name] or "")) for each in (state, other))
            kept[name] = "\n\n".join((own - theirs).elements())
        for name in ("questions", "images"):
            kept[name] = _keep_changed_parts(state[name], other[name])
        yield kept


def _keep_changed_parts(own: list[Any] | None, other: list[Any] | None) -> list[Any]:
    """Return the parts of a state (questions or images) that the other state lacks.

    The list is empty if the parts of either state were not recorded.
    """
    if own is None or other is None:
        return []
    return [part for part in own if part not in other]
