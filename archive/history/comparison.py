"""Compare two states of a release field by field for readers; excerpt the main change of an edit for lists."""

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

MAX_EXCERPT_LENGTH = 80  # characters of the text before, and of the text after
KINDS_WITHOUT_VALUES = ("layout", "paragraph_moved")  # their texts before and after show no difference
FIGURE_KINDS = ("amount", "number", "date", "time")  # a unit that did not change is shown once

CONTEXT_ROWS = 1  # unchanged paragraphs shown on each side of a changed one
TEXT_FIELDS = ("title", "lead", "body")
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
MEMBER_KEYS: dict[str, Callable[[Any], str]] = {  # what identifies a member of a list
    "images": lambda image: strip_image_query(image["url"]),
    "attachments": lambda file: str(file["url"]),
    "contacts": lambda contact: contact["name"] or contact["email"] or contact["phone"] or contact["role"],
}


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One paragraph or line. `label` names its role if it is not plain text, such as question `number`."""

    pieces: list[DiffSegment]
    label: str | None = None
    number: int | None = None

    @property
    def op(self) -> str:
        """Return same, ins or del if this applies to the whole row, otherwise mixed."""
        ops = {piece.op for piece in self.pieces if piece.text.strip()}
        return ops.pop() if len(ops) == 1 else "mixed" if ops else "same"


@dataclass(frozen=True, slots=True)
class SkippedRows:
    """Unchanged rows that are left out."""

    count: int


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """A field that differs, or that is shown in full.

    note: what no row shows, such as a new order. shown_in_body: the body already shows every change of this field.
    """

    name: str
    rows: list[DiffRow | SkippedRows]
    note: str | None = None
    shown_in_body: bool = False


class ChangeExcerpt(NamedTuple):
    """A change shortened for a list. `common_suffix` is the text that both sides end with."""

    field: str
    before: str
    after: str
    common_suffix: str


def diff_fields(before: Mapping[str, Any], after: Mapping[str, Any], *, full_text: bool = False) -> list[FieldDiff]:
    """Return the fields in which two states (archive.models.parse_state) differ.

    A list that one of the states did not record is not compared. full_text: return title, lead and body in full, even
    where they do not differ.
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
    """Compare one field, with all of its rows."""
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


def diff_value(old: str | None, new: str | None) -> list[DiffSegment]:
    """Compare a short value as a whole."""
    if old == new:
        return [DiffSegment("same", new)] if new else []
    return [*([DiffSegment("del", old)] if old else []), *([DiffSegment("ins", new)] if new else [])]


def diff_lists(old: Sequence[Any], new: Sequence[Any], get_key: Callable[[Any], str]) -> list[DiffRow]:
    """Compare two lists whose members `get_key` identifies: in the new order, removed members last."""
    old_lines: dict[str, list[str]] = {}
    for member in old:
        old_lines.setdefault(get_key(member), []).append(format_member(member))
    rows = []
    for member in new:
        line, candidates = format_member(member), old_lines.get(get_key(member))
        if not candidates:
            rows.append(DiffRow([DiffSegment("ins", line)]))
        else:
            old_line = candidates.pop(0)
            rows.append(DiffRow([DiffSegment("same", line)] if line == old_line else diff_words(old_line, line)))
    return rows + [DiffRow([DiffSegment("del", line)]) for lines in old_lines.values() for line in lines]


def format_member(member: Any) -> str:
    """Format a member of a list as one line.

    >>> format_member({"url": "https://a.se/r.pdf", "title": "Rapport", "media_type": None}), format_member("Skog")
    ('Rapport · https://a.se/r.pdf', 'Skog')
    """
    if isinstance(member, str):
        return member
    values = [str(value) for name, value in member.items() if value and name not in ("url", "position")]
    return " · ".join([*values, *([strip_image_query(member["url"])] if member.get("url") else [])])


def diff_questions(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[DiffRow | SkippedRows]:
    """Compare questions and answers in pairs: equal questions first, then those at the same position."""
    rows: list[DiffRow | SkippedRows] = []
    matcher = SequenceMatcher(None, [pair["question"] for pair in old], [pair["question"] for pair in new], False)
    for _, first, last, new_first, new_last in matcher.get_opcodes():
        for offset in range(max(last - first, new_last - new_first)):
            left = old[first + offset] if first + offset < last else None
            right = new[new_first + offset] if new_first + offset < new_last else None
            rows += diff_question(left, right)
    return rows


def diff_question(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[DiffRow]:
    """Compare one question, its answer and who answers it; None is a question that one side lacks."""
    left, right = old or {}, new or {}
    number = (new or old or {})["position"]
    rows = [DiffRow(diff_words(left.get("question", ""), right.get("question", "")), "question_number", number)]
    rows += [DiffRow(pieces) for pieces in diff_paragraphs(left.get("answer", ""), right.get("answer", ""))]
    answered_by = diff_value(left.get("answered_by"), right.get("answered_by"))
    return [*rows, *([DiffRow(answered_by, "answered_by")] if DiffRow(answered_by).op != "same" else [])]


def is_shown_in_body(
    rows: Sequence[DiffRow | SkippedRows], before: Mapping[str, Any], after: Mapping[str, Any]
) -> bool:
    """Return whether the body, before and after, contains every paragraph that differs."""
    for op, state in (("del", before), ("ins", after)):
        body_paragraphs = {normalise_words(paragraph) for paragraph in split_paragraphs(state["body"] or "")} | {()}
        for row in rows:
            if isinstance(row, DiffRow) and row.op != "same":
                text = "".join(piece.text for piece in row.pieces if piece.op in ("same", op))
                if normalise_words(text) not in body_paragraphs:
                    return False
    return True


def diff_markup(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> FieldDiff:
    """Compare the links of body_html; without a changed link or text, note that only the layout differs."""
    if before["body_html"] == after["body_html"]:
        return FieldDiff(name, [])
    old, new = list_body_links(before["body_html"]), list_body_links(after["body_html"])
    if name == "links":
        return FieldDiff(name, list(diff_lists(old, new, format_member)))
    changed_text = before["body"] != after["body"]
    return FieldDiff(name, [], None if changed_text or old != new else "layout_only")


@lru_cache(maxsize=64)
def list_body_links(body_html: str) -> tuple[str, ...]:
    """Return each link of a sanitised body once, as its text and URL. Cached: two fields use it."""
    if not body_html.strip():
        return ()
    links = html.fragment_fromstring(body_html, create_parent="div").iter("a")
    lines = (f"{' '.join(link.text_content().split())} → {link.get('href')}" for link in links if link.get("href"))
    return tuple(dict.fromkeys(lines))


def skip_unchanged_rows(rows: Sequence[DiffRow]) -> list[DiffRow | SkippedRows]:
    """Keep changed rows with CONTEXT_ROWS around them, and replace the others by their number."""
    changed = [index for index, row in enumerate(rows) if row.op != "same"]
    visible = {near for index in changed for near in range(index - CONTEXT_ROWS, index + CONTEXT_ROWS + 1)}
    result: list[DiffRow | SkippedRows] = []
    for index, row in enumerate(rows):
        last = result[-1] if result else None
        if index in visible:
            result.append(row)
        elif isinstance(last, SkippedRows):
            result[-1] = SkippedRows(last.count + 1)
        else:
            result.append(SkippedRows(1))
    return result


def find_main_change(language: str, changes_json: str | None) -> ChangeExcerpt | None:
    """Return the most important change of `revisions.changes`, or None if no change can be shown.

    >>> figures = {"field": "body", "kind": "amount", "before": "45 mnkr", "after": "55 mnkr", "importance": 75}
    >>> find_main_change("sv", json.dumps([figures]))
    ChangeExcerpt(field='body', before='45', after='55', common_suffix='mnkr')
    """
    changes = [change for change in json.loads(changes_json or "[]") if change["kind"] not in KINDS_WITHOUT_VALUES]
    if not changes:
        return None
    change = max(changes, key=lambda each: each["importance"])
    field = change["field"]
    before, after = (format_field_value(language, field, change[side]) for side in ("before", "after"))
    if change["kind"] in FIGURE_KINDS:
        before, after, suffix = split_common_suffix(before, after)
    else:
        suffix = ""
    return ChangeExcerpt(field, truncate_text(before), truncate_text(after), truncate_text(suffix))


def format_main_change(language: str, changes_json: str | None) -> str:
    """Format the most important change as plain text; "" if no change can be shown.

    >>> changes = '[{"field": "body", "kind": "name", "before": "Ada", "after": "Bo", "importance": 65}]'
    >>> format_main_change("en", changes)
    'Ada → Bo'
    """
    excerpt = find_main_change(language, changes_json)
    if excerpt is None:
        return ""
    if excerpt.before and excerpt.after:
        return f"{excerpt.before} → {excerpt.after} {excerpt.common_suffix}".strip()
    return f"{translate(language, 'added' if excerpt.after else 'deleted')}: {excerpt.after or excerpt.before}"


def split_common_suffix(before: str, after: str) -> tuple[str, str, str]:
    """Split off the words that two texts both end with; at least one word of each text is left.

    >>> split_common_suffix("den 4 juni", "den 18 juni"), split_common_suffix("40 euro", "40 kronor")
    (('den 4', 'den 18', 'juni'), ('40 euro', '40 kronor', ''))
    """
    old, new = before.split(), after.split()
    suffix: list[str] = []
    while len(old) > 1 and len(new) > 1 and old[-1] == new[-1]:
        suffix.insert(0, old.pop())
        new.pop()
    return " ".join(old), " ".join(new), " ".join(suffix)


def truncate_text(text: str) -> str:
    """Shorten a text to MAX_EXCERPT_LENGTH, between words if possible.

    >>> truncate_text("ett " * 30)[-12:]
    'ett ett ett…'
    """
    text = " ".join(text.split())
    if len(text) <= MAX_EXCERPT_LENGTH:
        return text
    return (text[:MAX_EXCERPT_LENGTH].rpartition(" ")[0] or text[:MAX_EXCERPT_LENGTH]).rstrip(" ,.;:–") + "…"
