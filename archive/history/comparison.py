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

from archive.diff.align import DiffSegment, diff_paragraphs, diff_words, normalise_words, split_paragraphs
from archive.i18n import format_field_value, translate
from archive.models import strip_image_query

MAX_EXCERPT_LENGTH = 80  # characters of either side
KINDS_WITHOUT_VALUES = ("layout", "paragraph_moved")  # what stood before and after tells nothing
FIGURE_KINDS = ("amount", "number", "date", "time")  # the words behind them are told once


class ChangeExcerpt(NamedTuple):
    """A change: `rest` is what both sides end with. field: where it stands."""

    field: str
    before: str
    after: str
    common_suffix: str


def find_main_change(language: str, changes_json: str | None) -> ChangeExcerpt | None:
    """The heaviest of an edit's changes (JSON, as revisions.changes holds them); None where none can be shown.

    >>> figures = {"field": "body", "kind": "amount", "before": "45 mnkr", "after": "55 mnkr", "importance": 75}
    >>> find_main_change("sv", json.dumps([figures]))
    ChangeExcerpt(field='body', before='45', after='55', common_suffix='mnkr')
    """
    told = [change for change in json.loads(changes_json or "[]") if change["kind"] not in KINDS_WITHOUT_VALUES]
    if not told:
        return None
    change = max(told, key=lambda one: one["importance"])
    field = change["field"]
    before, after = (format_field_value(language, field, change[side]) for side in ("before", "after"))
    if change["kind"] in FIGURE_KINDS:
        before, after, rest = split_common_suffix(before, after)
    else:
        rest = ""
    return ChangeExcerpt(field, truncate_text(before), truncate_text(after), truncate_text(rest))


def format_main_change(language: str, changes_json: str | None) -> str:
    """The same in plain text; "" where none can be shown.

    >>> format_main_change("en", '[{"field": "body", "kind": "name", "before": "Ada", "after": "Bo", "importance": 65}]')
    'Ada → Bo'
    """
    shown = find_main_change(language, changes_json)
    if shown is None:
        return ""
    if shown.before and shown.after:
        return f"{shown.before} → {shown.after} {shown.common_suffix}".strip()
    return f"{translate(language, 'added' if shown.after else 'deleted')}: {shown.after or shown.before}"


def split_common_suffix(before: str, after: str) -> tuple[str, str, str]:
    """Two texts without the words that both end with, and those words; neither is left empty.

    >>> split_common_suffix("den 4 juni", "den 18 juni"), split_common_suffix("40 euro", "40 kronor")
    (('den 4', 'den 18', 'juni'), ('40 euro', '40 kronor', ''))
    """
    old, new = before.split(), after.split()
    rest: list[str] = []
    while len(old) > 1 and len(new) > 1 and old[-1] == new[-1]:
        rest.insert(0, old.pop())
        new.pop()
    return " ".join(old), " ".join(new), " ".join(rest)


def truncate_text(text: str) -> str:
    """A text's beginning, cut between words where it can be.

    >>> truncate_text("ett " * 30)[-12:]
    'ett ett ett…'
    """
    text = " ".join(text.split())
    if len(text) <= MAX_EXCERPT_LENGTH:
        return text
    return (text[:MAX_EXCERPT_LENGTH].rpartition(" ")[0] or text[:MAX_EXCERPT_LENGTH]).rstrip(" ,.;:–") + "…"


CONTEXT_ROWS = 1  # unchanged paragraphs shown on each side of a changed one
VALUE_FIELDS = ("kind", "published", "updated", "language")
COMPARED_FIELDS = (
    "title",
    "lead",
    *VALUE_FIELDS,
    "body",
    "questions",
    "tags",
    "images",
    "attachments",
    "contacts",
    "links",
    "layout",
)
TEXT_FIELDS = ("title", "lead", "body")
MEMBER_KEYS: dict[str, Callable[[Any], str]] = {  # what tells the members of a list apart
    "images": lambda image: strip_image_query(image["url"]),
    "attachments": lambda file: str(file["url"]),
    "contacts": lambda contact: contact["name"] or contact["email"] or contact["phone"] or contact["role"],
}


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One paragraph or line. label: what it is where that is not plain, such as question 2 (number: 2)."""

    pieces: list[DiffSegment]
    label: str | None = None
    number: int | None = None

    @property
    def op(self) -> str:
        """same, ins or del where the whole row is; else mixed."""
        ops = {piece.op for piece in self.pieces if piece.text.strip()}
        return ops.pop() if len(ops) == 1 else "mixed" if ops else "same"


@dataclass(frozen=True, slots=True)
class SkippedRows:
    """Unchanged rows that are left out."""

    count: int


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """A field that differs, or is shown whole. note: what no row tells, such as a new order.

    told: the text shows every change of it already, as where questions stand in it.
    """

    name: str
    rows: list[DiffRow | SkippedRows]
    note: str | None = None
    shown_in_body: bool = False


def diff_fields(before: Mapping[str, Any], after: Mapping[str, Any], *, full_text: bool = False) -> list[FieldDiff]:
    """The fields in which two states (archive.models.parse_state) differ; `whole`: title, lead and body in full.

    A list that was not read in its day is not compared.
    """
    fields = []
    for name in COMPARED_FIELDS:
        if not full_text and name in before and before[name] == after[name]:
            continue
        field = diff_field(name, before, after)
        differs = field.note or any(row.op != "same" for row in field.rows if isinstance(row, DiffRow))
        if full_text and name in TEXT_FIELDS and field.rows:
            fields.append(field)
        elif differs:
            rows = skip_unchanged_rows([row for row in field.rows if isinstance(row, DiffRow)])
            fields.append(
                FieldDiff(name, rows, field.note, name == "questions" and is_shown_in_body(rows, before, after))
            )
    return fields


def diff_field(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> FieldDiff:
    """One field in full."""
    if name in ("links", "layout"):
        return diff_markup(name, before, after)
    old, new = before[name], after[name]
    if name in TEXT_FIELDS:
        return FieldDiff(name, [DiffRow(pieces) for pieces in diff_paragraphs(old or "", new or "")])
    if name in VALUE_FIELDS:
        return FieldDiff(name, [DiffRow(diff_value(old, new))])
    if old is None or new is None:
        return FieldDiff(name, [])
    if name == "questions":
        return FieldDiff(name, diff_questions(old, new))
    rows = diff_lists(old, new, MEMBER_KEYS.get(name, format_member))
    lines, new_lines = list(map(format_member, old)), list(map(format_member, new))
    reordered = lines != new_lines and sorted(lines) == sorted(new_lines)
    return FieldDiff(name, list(rows), "reordered" if reordered else None)


def diff_lists(old: Sequence[Any], new: Sequence[Any], get_key: Callable[[Any], str]) -> list[DiffRow]:
    """Lists whose members are told apart by a key, in the later one's order, what is gone last."""
    held: dict[str, list[str]] = {}
    for member in old:
        held.setdefault(get_key(member), []).append(format_member(member))
    rows = []
    for member in new:
        line, earlier = format_member(member), held.get(get_key(member))
        if not earlier:
            rows.append(DiffRow([DiffSegment("ins", line)]))
        else:
            was = earlier.pop(0)
            rows.append(DiffRow([DiffSegment("same", line)] if line == was else diff_words(was, line)))
    return rows + [DiffRow([DiffSegment("del", line)]) for lines in held.values() for line in lines]


def diff_questions(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[DiffRow | SkippedRows]:
    """Questions and answers as pairs: those that ask the same, then those that stand in the same place."""
    rows: list[DiffRow | SkippedRows] = []
    matcher = SequenceMatcher(None, [pair["question"] for pair in old], [pair["question"] for pair in new], False)
    for _, first, last, new_first, new_last in matcher.get_opcodes():
        for place in range(max(last - first, new_last - new_first)):
            left = old[first + place] if first + place < last else None
            right = new[new_first + place] if new_first + place < new_last else None
            rows += diff_question(left, right)
    return rows


def diff_question(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[DiffRow]:
    """One question with its answer and who answers."""
    left, right = old or {}, new or {}
    number = (new or old or {})["position"]
    rows = [DiffRow(diff_words(left.get("question", ""), right.get("question", "")), "question_number", number)]
    rows += [DiffRow(pieces) for pieces in diff_paragraphs(left.get("answer", ""), right.get("answer", ""))]
    by = diff_value(left.get("answered_by"), right.get("answered_by"))
    return [*rows, *([DiffRow(by, "answered_by")] if DiffRow(by).op != "same" else [])]


def is_shown_in_body(
    rows: Sequence[DiffRow | SkippedRows], before: Mapping[str, Any], after: Mapping[str, Any]
) -> bool:
    """Whether each paragraph that differs is, in either version, a paragraph of the body too."""
    for op, state in (("del", before), ("ins", after)):
        held = {normalise_words(paragraph) for paragraph in split_paragraphs(state["body"] or "")} | {()}
        for row in rows:
            if isinstance(row, DiffRow) and row.op != "same":
                text = "".join(piece.text for piece in row.pieces if piece.op in ("same", op))
                if normalise_words(text) not in held:
                    return False
    return True


def diff_markup(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> FieldDiff:
    """What body_html tells beside the text: the links' addresses; else only that the layout differs."""
    if before["body_html"] == after["body_html"]:
        return FieldDiff(name, [])
    old, new = list_body_links(before["body_html"]), list_body_links(after["body_html"])
    if name == "links":
        return FieldDiff(name, list(diff_lists(old, new, format_member)))
    changed_text = before["body"] != after["body"]
    return FieldDiff(name, [], None if changed_text or old != new else "layout_only")


@lru_cache(maxsize=64)
def list_body_links(body_html: str) -> tuple[str, ...]:
    """Each link of a sanitised body once, as its words and its address. Cached: two fields ask for it."""
    if not body_html.strip():
        return ()
    links = html.fragment_fromstring(body_html, create_parent="div").iter("a")
    found = (f"{' '.join(link.text_content().split())} → {link.get('href')}" for link in links if link.get("href"))
    return tuple(dict.fromkeys(found))


def skip_unchanged_rows(rows: Sequence[DiffRow]) -> list[DiffRow | SkippedRows]:
    """Changed rows with a row of context on each side; the others are counted."""
    changed = [place for place, row in enumerate(rows) if row.op != "same"]
    shown = {near for place in changed for near in range(place - CONTEXT_ROWS, place + CONTEXT_ROWS + 1)}
    kept: list[DiffRow | SkippedRows] = []
    for place, row in enumerate(rows):
        last = kept[-1] if kept else None
        if place in shown:
            kept.append(row)
        elif isinstance(last, SkippedRows):
            kept[-1] = SkippedRows(last.count + 1)
        else:
            kept.append(SkippedRows(1))
    return kept


def diff_value(old: str | None, new: str | None) -> list[DiffSegment]:
    """A short value as a whole."""
    if old == new:
        return [DiffSegment("same", new)] if new else []
    return [*([DiffSegment("del", old)] if old else []), *([DiffSegment("ins", new)] if new else [])]


def format_member(member: Any) -> str:
    """A member of a list as a line.

    >>> format_member({"url": "https://a.se/r.pdf", "title": "Rapport", "media_type": None}), format_member("Skog")
    ('Rapport · https://a.se/r.pdf', 'Skog')
    """
    if isinstance(member, str):
        return member
    told = [str(value) for name, value in member.items() if value and name not in ("url", "position")]
    return " · ".join([*told, *([strip_image_query(member["url"])] if member.get("url") else [])])
