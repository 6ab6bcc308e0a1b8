"""The kinds of change and what each weighs: the table that the rules in archive/changes/__init__.py are read with."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = {  # heaviest first; the order in which a summary tells them
    "amount": 75,
    "negation": 75,
    "number": 70,  # percent, ages, references and any other figure
    "date": 70,  # years and weekdays too
    "name": 65,
    "time": 65,  # of day
    "contact": 65,  # a telephone number, an address of e-mail, whom to ask
    "published": 59,  # HOUR_ONLY where only the hour came or went
    "opposite": 48,  # höja, sänka; minst, högst
    "quotation": 40,  # wording inside speech or quotation marks
    "modality": 40,  # ska, bör, får, kan
    "attachment": 35,
    "answer": 33,
    "question": 28,
    "paragraph_removed": 27,
    "paragraph_added": 25,
    "wording": 20,
    "link": 20,
    "kind": 15,
    "language": 15,
    "image": 8,
    "typo": 8,
    "paragraph_moved": 6,
    "tags": 5,
    "punctuation": 4,  # and capital letters
    "layout": 2,
    "updated": 0,  # the agency's own update stamp
}
FACTS = ("amount", "negation", "number", "date", "name", "time", "contact")
FIELD_SHARES = {"title": 1.2, "lead": 1.1}  # of the weight a change has in the body
PARTS_SHARE = 5  # words for each point that size adds
MOST_FOR_SIZE = 10
HOUR_ONLY = 4  # a date of the same day, whose hour is told in one version alone
FIGURES = 20  # added where a paragraph holds a figure
SPEECH = 2  # added where a paragraph is speech
MOST_FOR_MANY = 5
MANY_FROM = 5  # weight from which a further change counts
EXCERPT = 300  # characters of a long change that are kept; the revisions hold the whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change. before, after: the words, facts or addresses changed; empty where added or removed."""

    field: str  # the release's field it stands in: title, lead, body, questions, tags, …
    kind: str  # one of KINDS
    before: str
    after: str
    weight: int  # 0 (nothing to tell) to 100


def to_change(field: str, kind: str, before: str | None, after: str | None, extra: int = 0) -> Change:
    """A change with its weight: that of its kind, `extra` added, more in the title and the lead.

    >>> to_change("body", "date", "4 maj", "5 maj").weight, to_change("title", "date", "4 maj", "5 maj").weight
    (70, 84)
    """
    weight = round((KINDS[kind] + extra) * FIELD_SHARES.get(field, 1))
    return Change(field=field, kind=kind, before=_cut(before), after=_cut(after), weight=weight)


def size_points(words: int) -> int:
    """What a change's size adds to its weight.

    >>> size_points(4), size_points(23), size_points(400)
    (0, 4, 10)
    """
    return min(MOST_FOR_SIZE, words // PARTS_SHARE)


def weigh_all(changes: list[Change]) -> int:
    """The weight of a comparison: its heaviest change, and a point for each further one that matters, five at most."""
    if not changes:
        return 0
    further = sum(change.weight >= MANY_FROM for change in changes) - 1
    return min(100, max(change.weight for change in changes) + max(0, min(MOST_FOR_MANY, further)))


def _cut(text: str | None) -> str:
    text = (text or "").strip()
    return text if len(text) <= EXCERPT else text[: EXCERPT - 1].rstrip() + "…"
