"""What was read beside what was left out.

Every field of a page as rows for a reader: its value on one line, the rule that found it, the element it is from.

What a reader sees in the main part of a page and no field holds.

What a probe has found, as text for a reader: the proposed table, then each page beside what was left out of it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import zip_longest

from lxml import etree

from archive.dates import to_text
from archive.models import Release
from scraper.items import AttachmentItem, ContactItem, Evidence, ImageItem, QuestionItem, ReleaseItem
from scraper.normalise.dates import find_role, parse_label, split_labels
from scraper.normalise.text import clean_line
from scraper.pages.blocks import read_blocks
from scraper.pages.content import NEVER_TEXT, elements_at, find_main, remove, to_soup
from scraper.pages.document import Document
from scraper.pages.title import key
from scraper.probe import Findings, Page, Source, to_toml
from scraper.sources.links import Link

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


UNSEEN = (
    "//*[@hidden or @aria-hidden='true' or contains(@class, 'visually-hidden') or contains(@class, 'visuallyhidden')"
    " or contains(@class, 'screen-reader') or contains(@class, 'sr-only')]"
)
LONGEST_LABEL = 22  # letters around a known value: "Senast uppdaterad", "Publicerad", "Foto"
SHORTEST_VALUE = 4
LONGEST_DATE_LINE = 90


def left_out(html: bytes, item: ReleaseItem, release: Release) -> list[str]:
    """The lines of the page's visible main text that are in no field, in reading order, each once."""
    everything, values = keys_of(item, release)
    lines = dict.fromkeys(visible_lines(html, item.url))
    days = {str(moment)[:10] for moment in (release.published, release.updated) if moment}
    return [
        line
        for line in lines
        if key(line) and not is_held(key(line), everything, values) and not is_date(line, item.url, days)
    ]


def visible_lines(html: bytes, url: str) -> list[str]:
    """The lines of the main element, before anything is taken for noise."""
    document = Document(html, url)
    etree.strip_elements(document.root, *NEVER_TEXT, with_tail=False)
    for element in elements_at(document.root, UNSEEN):
        remove(element)
    main, *_ = find_main(document.root)
    return [line for block in read_blocks(to_soup(main), document.absolute) for line in block.text.split("\n")]


def keys_of(item: ReleaseItem, release: Release) -> tuple[str, list[str]]:
    """All that a release holds as one key, and its short values, the longest first."""
    short = [item.published, item.updated, item.kind, *release.tags]
    short += [text for image in release.images for text in (image.caption, image.credit)]
    short += [file.title for file in release.attachments]
    short += [text for person in release.contacts for text in (person.name, person.role, person.email)]
    short += [number for person in release.contacts for number in (person.phone or "").split(", ")]
    long = [release.title, release.lead, release.body]
    long += [text for pair in release.questions for text in (pair.question, pair.answer, pair.answered_by)]
    values = sorted({key(text) for text in short if text}, key=len, reverse=True)
    everything = "|".join([*(key(text) for text in long if text), *values])  # a line may not match across two fields
    return everything, [value for value in values if len(value) >= SHORTEST_VALUE]


def is_held(line: str, everything: str, values: list[str]) -> bool:
    """Whether a line is part of a field, or is a field's value under its label."""
    if line in everything:
        return True
    rest = line
    for value in values:
        rest = rest.replace(value, "")
    return rest != line and len(rest) <= LONGEST_LABEL


def is_date(line: str, url: str, days: set[str]) -> bool:
    """Whether a line only tells days that the release holds, in other words: a page may declare them as well."""
    labels = split_labels(line)
    if len(line) > LONGEST_DATE_LINE or not all(map(find_role, labels)):
        return False
    try:
        told = [parse_label(label, url) for label in labels]
    except ValueError:
        return False
    return all(str(value)[:10] in days for _, value in told)


PLAIN = {"url", "agency", "body_html", "(main)"}  # fields that tell a reader nothing here
MOST_UNFIT = 5
MOST_LINES = 20  # of what was left out
FIELD, RULE = 12, 26  # widths of columns


def to_report(found: Findings, width: int) -> str:
    """The whole report, `width` characters wide."""
    parts = [to_table(found)]
    parts += [f"{number}. {to_panes(page, width)}" for number, page in enumerate(found.pages, 1)]
    return "\n\n".join(parts)


def to_table(found: Findings) -> str:
    """The proposed table, with what stands behind it as comments: the whole is valid TOML."""
    return "\n".join([*(f"# {line}" for line in comments(found)), to_toml(found.agency)]).rstrip()


def comments(found: Findings) -> Iterator[str]:
    """What a reader must know of the table."""
    if found.known:
        yield f"{found.agency.name} stands in the list already; this is its table with what was found now"
    yield f"system: {found.system}" if found.system else "system: none we know; the general reader is used"
    for source in found.sources:
        yield f"{source.kind}: {source.url}: {outcome(source)}"
    every, fitting = len(found.links()), len(found.fitting())
    if every and found.agency.releases:
        yield f"releases: the pattern fits {fitting} of the {every} addresses found"
        yield from (f"  not {link.url}" for link in unfit(found))
    elif every:
        yield f"releases: no pattern; addresses found: {every}, too few or in too many folders to tell one"


def unfit(found: Findings) -> list[Link]:
    """The first few addresses that the pattern shuts out."""
    fitting = {link.url for link in found.fitting()}
    return [link for link in found.links() if link.url not in fitting][:MOST_UNFIT]


def outcome(source: Source) -> str:
    """What came of a source, in words."""
    if source.problem:
        return f"left out: {source.problem}"
    if not source.asked:
        return "not asked"
    return f"{len(source.links)} releases" if source.links else "left out: no release in it"


def to_panes(page: Page, width: int) -> str:
    """A page's fields on the left, the lines of its text that no field holds on the right."""
    lines = [page.url]
    if page.problem:
        lines.append(f"   not read: {page.problem}")
    elif not page.tells_date:
        lines.append("   tells no date: is it a release? If not, mend the pattern or the listings")
    lines += [f"   doubtful: {doubt.field}: {doubt.problem}" for doubt in page.doubts]
    if page.item is None:
        return "\n".join(lines)
    margin = max(30, width * 2 // 5)
    value = max(20, width - margin - FIELD - RULE - 5)
    left = [
        f"{row.field:<{FIELD}} {shorten(row.value, value):<{value}} {shorten(row.rule, RULE):<{RULE}}"
        for row in to_rows(page.item, page.release)
        if row.field not in PLAIN
    ]
    over = left_out(page.html, page.item, page.release) if page.release else []
    right = [shorten(line, margin) for line in over[:MOST_LINES]]
    right += [f"… and {len(over) - MOST_LINES} more lines"] if len(over) > MOST_LINES else []
    head = f"{'FIELD':<{FIELD}} {'VALUE':<{value}} {'RULE':<{RULE}}"
    title = f"LEFT OUT: {len(over)} line{'s' * (len(over) > 1)}" if over else "LEFT OUT: nothing"
    blank = " " * len(head)
    rows = zip_longest([head, *left], [title if page.release else "", *right], fillvalue=None)
    return "\n".join([*lines, *(f"{one or blank} │ {other or ''}".rstrip(" ") for one, other in rows)])
