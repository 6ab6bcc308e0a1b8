"""Formats the report of a probe.

The report contains the proposed table and, for each page, its fields beside the text that is in no
field. `scrapy extract` prints a row for each field of a page: the value, the rule that found it,
and the element that contains it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import zip_longest
from typing import NamedTuple

from lxml import etree

from archive.database.models import Release
from archive.times import to_iso
from scraper.items import (
    AttachmentItem,
    ContactItem,
    ImageItem,
    Provenance,
    QuestionItem,
    ReleaseItem,
)
from scraper.normalise.dates import find_date_role, parse_label, split_date_labels
from scraper.normalise.text_cleaning import clean_line
from scraper.pages.blocks import convert_to_soup, read_blocks
from scraper.pages.boilerplate import NON_TEXT_TAGS
from scraper.pages.document import Document, remove_element, select_xpath
from scraper.pages.main_text import find_main_element
from scraper.pages.title import build_comparison_key
from scraper.probe.proposal import ProbedPage, ProbedSource, ProbeResult, format_agency_toml

# Field rows
MISSING_VALUE = "absent"
MAX_VALUE_WIDTH = 70  # characters

# Unused text
HIDDEN_XPATH = (
    "//*[@hidden or @aria-hidden='true' or contains(@class,"
    " 'visually-hidden') or"
    " contains(@class, 'visuallyhidden')"
    " or contains(@class, 'screen-reader') or contains(@class, 'sr-only')]"
)
MAX_VALUE_LABEL = 22  # letters of a label around a value: "Senast uppdaterad", "Foto"
MIN_VALUE_LENGTH = 4
MAX_DATE_LINE = 90

MAX_UNMATCHED_LINKS = 5
MAX_UNUSED_LINES = 20
FIELD_WIDTH, RULE_WIDTH = 14, 26  # width of columns


class FieldRow(NamedTuple):
    field: str
    value: str
    rule: str = ""
    element: str = ""


def format_probe_report(result: ProbeResult, width: int) -> str:
    parts = [format_proposed_table(result)]
    parts += [
        f"{number}. {format_page_panes(page, width)}" for number, page in enumerate(result.pages, 1)
    ]
    return "\n\n".join(parts)


def format_proposed_table(result: ProbeResult) -> str:
    """Format the proposed table as valid TOML, with comments on where its values come from."""
    comments = "".join(f"# {line}\n" for line in _iter_table_comments(result))
    return f"{comments}{format_agency_toml(result.agency)}".rstrip()


def _iter_table_comments(result: ProbeResult) -> Iterator[str]:
    if result.is_known:
        yield (
            f"{result.agency.name} is already in the list; this is its table with the sources"
            f" found now"
        )
    yield f"system: {result.cms or 'unknown; the general page class is used'}"
    for source in result.sources:
        yield f"{source.kind}: {source.url}: {_describe_probed_source(source)}"
    yield from result.notes
    links, matching = result.list_links(), result.list_matching_links()
    if links and result.agency.releases:
        yield f"releases: {len(matching)} of the {len(links)} URLs found match the pattern"
        yield from (
            f"  not {link.url}"
            for link in [link for link in links if link not in matching][:MAX_UNMATCHED_LINKS]
        )
    elif links:
        yield (
            f"releases: no pattern; the {len(links)} URLs found are too few, or in too many folders"
        )


def _describe_probed_source(source: ProbedSource) -> str:
    if source.problem:
        return f"left out: {source.problem}"
    if not source.is_requested:
        return "not requested"
    if not source.links:
        return f"left out: {source.note or 'no release in it'}"
    files = sum(link.file_title is not None for link in source.links)
    documents = (
        f"{'all' if files == len(source.links) else files} of them documents (PDF, Word)"
        if files
        else None
    )
    return "; ".join(filter(None, [f"{len(source.links)} releases", documents, source.note]))


def format_page_panes(page: ProbedPage, width: int) -> str:
    """Format a page as two columns: its fields, and the text that is in no field."""
    lines = [page.url]
    if page.problem:
        lines.append(f"   not parsed: {page.problem}")
    elif not page.has_date:
        lines.append("   has no date: is it a release? If not, correct the pattern or the listings")
    lines += [f"   doubtful: {warning.field}: {warning.problem}" for warning in page.warnings]
    if page.item is None:
        return "\n".join(lines)
    right_width = max(30, width * 2 // 5)
    value_width = max(20, width - right_width - FIELD_WIDTH - RULE_WIDTH - 5)
    left = _format_field_pane(page.item, page.release, value_width)
    right = []
    if page.release and page.html:
        unused = find_unused_lines(page.html, page.item, page.release)
        right = _format_unused_pane(unused, right_width)
    blank = " " * len(left[0])
    for left_cell, right_cell in zip_longest(left, right, fillvalue=""):
        lines.append(f"{left_cell or blank} │ {right_cell}".rstrip())
    return "\n".join(lines)


def _format_field_pane(item: ReleaseItem, release: Release | None, value_width: int) -> list[str]:
    # without what is of no interest in the report
    return [
        f"{row.field:<{FIELD_WIDTH}} {shorten_line(row.value, value_width):<{value_width}}"
        f" {shorten_line(row.rule, RULE_WIDTH):<{RULE_WIDTH}}"
        for row in [FieldRow("FIELD", "VALUE", "RULE"), *build_field_rows(item, release)]
        if row.field not in {"url", "agency", "body_html", "(main)"}
    ]


def _format_unused_pane(unused: Sequence[str], width: int) -> list[str]:
    count = "1 line" if len(unused) == 1 else f"{len(unused)} lines"
    pane = [f"LEFT OUT: {count if unused else 'nothing'}"]
    pane += [shorten_line(line, width) for line in unused[:MAX_UNUSED_LINES]]
    if len(unused) > MAX_UNUSED_LINES:
        pane.append(f"… and {len(unused) - MAX_UNUSED_LINES} more lines")
    return pane


def build_field_rows(item: ReleaseItem, release: Release | None) -> list[FieldRow]:
    """Return a row for each field of the item.

    Rows for other elements that the parser recorded, such as the main element, come last. For a
    date, the row contains the parsed value and the text from which it was parsed.

    release: the normalised release, or None if normalising failed.
    """
    names = [field.name for field in fields(item) if field.name != "evidence"]
    rows = [_build_field_row(name, item, release) for name in names]
    # For example the element that contains the release.
    other_findings = (finding for finding in item.evidence.items() if finding[0] not in names)
    rows += [
        FieldRow(f"({name})", "", provenance.rule, provenance.element)
        for name, provenance in other_findings
    ]
    return rows


def _build_field_row(name: str, item: ReleaseItem, release: Release | None) -> FieldRow:
    provenance = item.evidence.get(name, Provenance(rule="", element=""))
    value = clean_line(format_item_value(getattr(item, name)))
    if not value:
        return FieldRow(name, MISSING_VALUE)
    if name in ("published", "updated"):
        normalised = to_iso(getattr(release, name)) if release else None
        value = f"{normalised or 'not read'} ← “{value}”"
    return FieldRow(name, value, provenance.rule, provenance.element)


def format_item_value(value: object) -> str:
    """Format a field's value as text.

    A list is formatted as the number and the names of its entries.

    >>> format_item_value(["Skog", "Vilt"])
    '2: Skog · Vilt'
    """
    if isinstance(value, list):
        return f"{len(value)}: {' · '.join(map(format_item_value, value))}" if value else ""
    if isinstance(value, QuestionItem):
        return value.question
    if isinstance(value, ImageItem):
        return value.caption or value.alt or value.url
    if isinstance(value, AttachmentItem):
        return value.title or value.url
    if isinstance(value, ContactItem):
        return ", ".join(filter(None, astuple(value)))
    return f"{value:.0%}" if isinstance(value, float) else str(value or "")


def format_columns(rows: Sequence[FieldRow]) -> str:
    table = [FieldRow("field", "value", "rule", "element")]
    table += [row._replace(value=shorten_line(row.value, MAX_VALUE_WIDTH)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in table
    )
    return "\n".join(line.rstrip() for line in lines)


def shorten_line(text: str, width: int) -> str:
    """Shorten text to at most `width` characters, between words if possible.

    >>> shorten_line("Fler älgar räknade i år", 14), shorten_line("ihopskrivetutanrum", 8)
    ('Fler älgar …', 'ihopskr…')
    """
    if len(text) <= width:
        return text
    short = textwrap.shorten(text, width, placeholder=" …")
    return short if len(short) > width // 2 else text[: width - 1] + "…"


@dataclass(frozen=True, slots=True)
class _FieldTexts:
    """The texts of a page's fields, used to find out which lines of the page are in a field."""

    values: list[str]  # keys of short values, the longest first
    all_text: str

    def contain(self, key: str) -> bool:
        """Return whether a line is part of a field, or consists of a field's value and a label.

        key: the comparison key of the line.
        """
        rest = key
        for value in self.values:
            rest = rest.replace(value, "") if len(value) >= MIN_VALUE_LENGTH else rest
        return key in self.all_text or (rest != key and len(rest) <= MAX_VALUE_LABEL)


def find_unused_lines(html: bytes, item: ReleaseItem, release: Release) -> list[str]:
    """Return the lines of the page's visible main text that are in no field.

    They are in page order, without duplicates.
    """
    texts = _read_field_texts(item, release)
    days = {str(moment)[:10] for moment in (release.published, release.updated) if moment}
    keys = {line: build_comparison_key(line) for line in _list_visible_lines(html, item.url)}
    return [
        line
        for line, key in keys.items()
        if key and not texts.contain(key) and not _is_known_date_line(line, item.url, days)
    ]


def _read_field_texts(item: ReleaseItem, release: Release) -> _FieldTexts:
    short = [item.published, item.updated, item.kind, *release.tags]
    for image in release.images:
        short += [image.caption, image.credit]
    short += [file.title for file in release.attachments]
    for person in release.contacts:
        short += [person.name, person.role, person.email, *(person.phone or "").split(", ")]
    long = [release.title, release.lead, release.body]
    for pair in release.questions:
        long += [pair.question, pair.answer, pair.answered_by]
    values = {build_comparison_key(text) for text in filter(None, short)}
    ordered = sorted(values, key=len, reverse=True)
    # a separator, so that no line matches across two fields
    return _FieldTexts(
        ordered, "|".join([*map(build_comparison_key, filter(None, long)), *ordered])
    )


def _list_visible_lines(html: bytes, url: str) -> list[str]:
    """Return the lines of the page's visible main text, in page order."""
    document = Document(html, url)  # searched before any boilerplate is removed
    etree.strip_elements(document.root, *NON_TEXT_TAGS, with_tail=False)
    for element in select_xpath(document.root, HIDDEN_XPATH):
        remove_element(element)
    main, *_ = find_main_element(document)
    blocks = read_blocks(convert_to_soup(main), document.resolve_url)
    return [line for block in blocks for line in block.text.split("\n")]


def _is_known_date_line(line: str, url: str, days: set[str]) -> bool:
    """Return whether a line contains only labelled dates that are already among the release's
    dates.
    """
    labels = split_date_labels(line)
    if len(line) > MAX_DATE_LINE or not all(map(find_date_role, labels)):
        return False
    try:
        values = [parse_label(label, url) for label in labels]
    except ValueError:
        return False
    return all(str(value)[:10] in days for _, value in values)
