"""A change itself in a few words: what stood before and what stands now, as lists show it beside its summary."""

from __future__ import annotations

import json
from typing import NamedTuple

from archive.language import say, say_value

MOST = 80  # characters of either side
UNTOLD = ("layout", "paragraph_moved")  # what stood before and after tells nothing
FIGURES = ("amount", "number", "date", "time")  # the words behind them are told once


class Shown(NamedTuple):
    """A change: `rest` is what both sides end with. field: where it stands."""

    field: str
    before: str
    after: str
    rest: str


def find_heaviest(language: str, changes: str | None) -> Shown | None:
    """The heaviest of an edit's changes (JSON, as revisions.changes holds them); None where none can be shown.

    >>> figures = {"field": "body", "kind": "amount", "before": "45 mnkr", "after": "55 mnkr", "weight": 75}
    >>> find_heaviest("sv", json.dumps([figures]))
    Shown(field='body', before='45', after='55', rest='mnkr')
    """
    told = [change for change in json.loads(changes or "[]") if change["kind"] not in UNTOLD]
    if not told:
        return None
    change = max(told, key=lambda one: one["weight"])
    field = change["field"]
    before, after = (say_value(language, field, change[side]) for side in ("before", "after"))
    if change["kind"] in FIGURES:
        before, after, rest = part_end(before, after)
    else:
        rest = ""
    return Shown(field, shorten(before), shorten(after), shorten(rest))


def say_heaviest(language: str, changes: str | None) -> str:
    """The same in plain text; "" where none can be shown.

    >>> say_heaviest("en", '[{"field": "body", "kind": "name", "before": "Ada", "after": "Bo", "weight": 65}]')
    'Ada → Bo'
    """
    shown = find_heaviest(language, changes)
    if shown is None:
        return ""
    if shown.before and shown.after:
        return f"{shown.before} → {shown.after} {shown.rest}".strip()
    return f"{say(language, 'added' if shown.after else 'deleted')}: {shown.after or shown.before}"


def part_end(before: str, after: str) -> tuple[str, str, str]:
    """Two texts without the words that both end with, and those words; neither is left empty.

    >>> part_end("den 4 juni", "den 18 juni"), part_end("40 euro", "40 kronor")
    (('den 4', 'den 18', 'juni'), ('40 euro', '40 kronor', ''))
    """
    old, new = before.split(), after.split()
    rest: list[str] = []
    while len(old) > 1 and len(new) > 1 and old[-1] == new[-1]:
        rest.insert(0, old.pop())
        new.pop()
    return " ".join(old), " ".join(new), " ".join(rest)


def shorten(text: str) -> str:
    """A text's beginning, cut between words where it can be.

    >>> shorten("ett " * 30)[-12:]
    'ett ett ett…'
    """
    text = " ".join(text.split())
    if len(text) <= MOST:
        return text
    return (text[:MOST].rpartition(" ")[0] or text[:MOST]).rstrip(" ,.;:–") + "…"
