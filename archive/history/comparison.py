"""Field-by-field comparison for people.

A change itself in a few words: what stood before and what stands now, as lists show it beside its summary.

What differs between two states of a release, field by field, for people to read: text in pieces, lists in lines.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any, NamedTuple

from lxml import html

from archive.diff.align import Piece, diff_paragraphs, diff_words, read_words, split_paragraphs
from archive.i18n import say, say_value
from archive.models import without_query

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


CONTEXT = 1  # unchanged paragraphs shown on each side of a changed one
VALUES = ("kind", "published", "updated", "language")
ORDER = ("title", "lead", *VALUES, "body", "questions", "tags", "images", "attachments", "contacts", "links", "layout")
TEXTS = ("title", "lead", "body")
KEYS: dict[str, Callable[[Any], str]] = {  # what tells the members of a list apart
    "images": lambda image: without_query(image["url"]),
    "attachments": lambda file: str(file["url"]),
    "contacts": lambda contact: contact["name"] or contact["email"] or contact["phone"] or contact["role"],
}


@dataclass(frozen=True, slots=True)
class Row:
    """One paragraph or line. label: what it is where that is not plain, such as question 2 (number: 2)."""

    pieces: list[Piece]
    label: str | None = None
    number: int | None = None

    @property
    def mark(self) -> str:
        """same, ins or del where the whole row is; else mixed."""
        ops = {piece.op for piece in self.pieces if piece.text.strip()}
        return ops.pop() if len(ops) == 1 else "mixed" if ops else "same"


@dataclass(frozen=True, slots=True)
class Gap:
    """Unchanged rows that are left out."""

    count: int


@dataclass(frozen=True, slots=True)
class Field:
    """A field that differs, or is shown whole. note: what no row tells, such as a new order.

    told: the text shows every change of it already, as where questions stand in it.
    """

    name: str
    rows: list[Row | Gap]
    note: str | None = None
    told: bool = False


def find_differences(before: Mapping[str, Any], after: Mapping[str, Any], *, whole: bool = False) -> list[Field]:
    """The fields in which two states (archive.models.read_state) differ; `whole`: title, lead and body in full.

    A list that was not read in its day is not compared.
    """
    fields = []
    for name in ORDER:
        if not whole and name in before and before[name] == after[name]:
            continue
        field = compare_field(name, before, after)
        differs = field.note or any(row.mark != "same" for row in field.rows if isinstance(row, Row))
        if whole and name in TEXTS and field.rows:
            fields.append(field)
        elif differs:
            rows = leave_out_same([row for row in field.rows if isinstance(row, Row)])
            fields.append(Field(name, rows, field.note, name == "questions" and stands_in_body(rows, before, after)))
    return fields


def compare_field(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Field:
    """One field in full."""
    if name in ("links", "layout"):
        return compare_markup(name, before, after)
    old, new = before[name], after[name]
    if name in TEXTS:
        return Field(name, [Row(pieces) for pieces in diff_paragraphs(old or "", new or "")])
    if name in VALUES:
        return Field(name, [Row(replaced(old, new))])
    if old is None or new is None:
        return Field(name, [])
    if name == "questions":
        return Field(name, compare_questions(old, new))
    rows = compare_lines(old, new, KEYS.get(name, to_line))
    lines, new_lines = list(map(to_line, old)), list(map(to_line, new))
    reordered = lines != new_lines and sorted(lines) == sorted(new_lines)
    return Field(name, list(rows), "reordered" if reordered else None)


def compare_lines(old: Sequence[Any], new: Sequence[Any], key: Callable[[Any], str]) -> list[Row]:
    """Lists whose members are told apart by a key, in the later one's order, what is gone last."""
    held: dict[str, list[str]] = {}
    for member in old:
        held.setdefault(key(member), []).append(to_line(member))
    rows = []
    for member in new:
        line, earlier = to_line(member), held.get(key(member))
        if not earlier:
            rows.append(Row([Piece("ins", line)]))
        else:
            was = earlier.pop(0)
            rows.append(Row([Piece("same", line)] if line == was else diff_words(was, line)))
    return rows + [Row([Piece("del", line)]) for lines in held.values() for line in lines]


def compare_questions(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[Row | Gap]:
    """Questions and answers as pairs: those that ask the same, then those that stand in the same place."""
    rows: list[Row | Gap] = []
    matcher = SequenceMatcher(None, [pair["question"] for pair in old], [pair["question"] for pair in new], False)
    for _, first, last, new_first, new_last in matcher.get_opcodes():
        for place in range(max(last - first, new_last - new_first)):
            left = old[first + place] if first + place < last else None
            right = new[new_first + place] if new_first + place < new_last else None
            rows += compare_pair(left, right)
    return rows


def compare_pair(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[Row]:
    """One question with its answer and who answers."""
    left, right = old or {}, new or {}
    number = (new or old or {})["position"]
    rows = [Row(diff_words(left.get("question", ""), right.get("question", "")), "question_number", number)]
    rows += [Row(pieces) for pieces in diff_paragraphs(left.get("answer", ""), right.get("answer", ""))]
    by = replaced(left.get("answered_by"), right.get("answered_by"))
    return [*rows, *([Row(by, "answered_by")] if Row(by).mark != "same" else [])]


def stands_in_body(rows: Sequence[Row | Gap], before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether each paragraph that differs is, in either version, a paragraph of the body too."""
    for op, state in (("del", before), ("ins", after)):
        held = {read_words(paragraph) for paragraph in split_paragraphs(state["body"] or "")} | {()}
        for row in rows:
            if isinstance(row, Row) and row.mark != "same":
                text = "".join(piece.text for piece in row.pieces if piece.op in ("same", op))
                if read_words(text) not in held:
                    return False
    return True


def compare_markup(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Field:
    """What body_html tells beside the text: the links' addresses; else only that the layout differs."""
    if before["body_html"] == after["body_html"]:
        return Field(name, [])
    old, new = find_links(before["body_html"]), find_links(after["body_html"])
    if name == "links":
        return Field(name, list(compare_lines(old, new, to_line)))
    changed_text = before["body"] != after["body"]
    return Field(name, [], None if changed_text or old != new else "layout_only")


@lru_cache(maxsize=64)
def find_links(body_html: str) -> tuple[str, ...]:
    """Each link of a sanitised body once, as its words and its address. Cached: two fields ask for it."""
    if not body_html.strip():
        return ()
    links = html.fragment_fromstring(body_html, create_parent="div").iter("a")
    found = (f"{' '.join(link.text_content().split())} → {link.get('href')}" for link in links if link.get("href"))
    return tuple(dict.fromkeys(found))


def leave_out_same(rows: Sequence[Row]) -> list[Row | Gap]:
    """Changed rows with a row of context on each side; the others are counted."""
    changed = [place for place, row in enumerate(rows) if row.mark != "same"]
    shown = {near for place in changed for near in range(place - CONTEXT, place + CONTEXT + 1)}
    kept: list[Row | Gap] = []
    for place, row in enumerate(rows):
        last = kept[-1] if kept else None
        if place in shown:
            kept.append(row)
        elif isinstance(last, Gap):
            kept[-1] = Gap(last.count + 1)
        else:
            kept.append(Gap(1))
    return kept


def replaced(old: str | None, new: str | None) -> list[Piece]:
    """A short value as a whole."""
    if old == new:
        return [Piece("same", new)] if new else []
    return [*([Piece("del", old)] if old else []), *([Piece("ins", new)] if new else [])]


def to_line(member: Any) -> str:
    """A member of a list as a line.

    >>> to_line({"url": "https://a.se/r.pdf", "title": "Rapport", "media_type": None}), to_line("Skog")
    ('Rapport · https://a.se/r.pdf', 'Skog')
    """
    if isinstance(member, str):
        return member
    told = [str(value) for name, value in member.items() if value and name not in ("url", "position")]
    return " · ".join([*told, *([without_query(member["url"])] if member.get("url") else [])])
