"""Every field of a page as rows for a reader: its value on one line, the rule that found it, the element it is from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields

from archive.records import Release
from archive.times import to_text
from scraper.items import AttachmentItem, ContactItem, Evidence, ImageItem, QuestionItem, ReleaseItem
from scraper.normalise.text import clean_line

ABSENT = "absent"
DATES = ("published", "updated")
WIDEST = 70  # characters of a value


@dataclass(frozen=True, slots=True)
class Row:
    """One field as told to a reader."""

    field: str
    value: str
    rule: str = ""
    element: str = ""


def to_rows(item: ReleaseItem, release: Release | None) -> list[Row]:
    """One row a field; release: the same page normalised, None where that failed."""
    return [*field_rows(item, release), *other_rows(item)]


def field_rows(item: ReleaseItem, release: Release | None) -> Iterator[Row]:
    """The item's own fields, in its order; a date with the words it was read from."""
    for name in (field.name for field in fields(item) if field.name != "evidence"):
        found = item.evidence.get(name, Evidence(rule="", element=""))
        value = clean_line(told(getattr(item, name)))
        if name in DATES and value:
            read = to_text(getattr(release, name)) if release else None
            value = f"{read or 'not read'} ← “{value}”"
        yield Row(name, value or ABSENT, *((found.rule, found.element) if value else ()))


def other_rows(item: ReleaseItem) -> Iterator[Row]:
    """What the reader noted beside the fields, such as the element that holds the release."""
    known = {field.name for field in fields(item)}
    for name, found in item.evidence.items():
        if name not in known:
            yield Row(f"({name})", "", found.rule, found.element)


def told(value: object) -> str:
    """A field's value as text: of several things, how many and their names.

    >>> told(["Skog", "Vilt"])
    '2: Skog · Vilt'
    """
    if isinstance(value, list):
        return f"{len(value)}: {' · '.join(map(told, value))}" if value else ""
    if isinstance(value, QuestionItem):
        return value.question
    if isinstance(value, ImageItem):
        return value.caption or value.alt or value.url
    if isinstance(value, AttachmentItem):
        return value.title or value.url
    if isinstance(value, ContactItem):
        return ", ".join(filter(None, astuple(value)))
    return str(value or "")


def to_columns(rows: Sequence[Row]) -> str:
    """Rows as aligned plain text under a heading."""
    table = [("field", "value", "rule", "element")]
    table += [(row.field, shorten(row.value, WIDEST), row.rule, row.element) for row in rows]
    widths = [max(len(line[column]) for line in table) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[3]]).rstrip()
        for line in table
    )


def shorten(text: str, width: int) -> str:
    """Text cut to one line of a width, at a word where that is possible.

    >>> shorten("Fler älgar räknade i år", 14), shorten("ihopskrivetutanrum", 8)
    ('Fler älgar …', 'ihopskr…')
    """
    if len(text) <= width:
        return text
    short = textwrap.shorten(text, width, placeholder=" …")
    return short if len(short) > width // 2 else text[: width - 1] + "…"
