"""The report of a probe: the proposed table, then each page's fields beside its other text.

`scrapy extract` uses the rows of a page's fields: value, the rule that found it, and the element it is from.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import zip_longest

from lxml import etree

from archive.dates import to_iso
from archive.models import Release
from scraper.items import AttachmentItem, ContactItem, ImageItem, Provenance, QuestionItem, ReleaseItem
from scraper.normalise.dates import find_date_role, parse_label, split_date_labels
from scraper.normalise.text import clean_line
from scraper.pages.blocks import convert_to_soup, read_blocks
from scraper.pages.boilerplate import NON_TEXT_TAGS
from scraper.pages.content import find_main_element
from scraper.pages.document import Document, remove_element, select_xpath
from scraper.pages.title import build_comparison_key
from scraper.probe.proposal import format_agency_toml
from scraper.probe.result import ProbedPage, ProbedSource, ProbeResult
from scraper.sources.links import SourceLink

# Field rows
MISSING_VALUE = "absent"
ITEM_DATE_FIELDS = ("published", "updated")
MAX_VALUE_WIDTH = 70  # characters

# Unused text
HIDDEN_XPATH = (
    "//*[@hidden or @aria-hidden='true' or contains(@class, 'visually-hidden') or contains(@class, 'visuallyhidden')"
    " or contains(@class, 'screen-reader') or contains(@class, 'sr-only')]"
)
MAX_VALUE_LABEL = 22  # letters around a value: "Senast uppdaterad", "Foto"
MIN_VALUE_LENGTH = 4
MAX_DATE_LINE = 90

# Report
OMITTED_FIELDS = {"url", "agency", "body_html", "(main)"}  # of no interest in the report
MAX_UNMATCHED_LINKS = 5
MAX_UNUSED_LINES = 20
FIELD_WIDTH, RULE_WIDTH = 14, 26  # of columns


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of a page, as shown in the report."""

    field: str
    value: str
    rule: str = ""
    element: str = ""


def format_probe_report(result: ProbeResult, width: int) -> str:
    """Format the whole report, `width` characters wide."""
    parts = [format_proposed_table(result)]
    parts += [f"{number}. {format_page_panes(page, width)}" for number, page in enumerate(result.pages, 1)]
    return "\n\n".join(parts)


def format_proposed_table(result: ProbeResult) -> str:
    """Format the proposed table with comments on its origin; the result is valid TOML."""
    return "\n".join(
        [*(f"# {line}" for line in iter_table_comments(result)), format_agency_toml(result.agency)]
    ).rstrip()


def iter_table_comments(result: ProbeResult) -> Iterator[str]:
    """Yield the comments on the proposed table."""
    if result.is_known:
        yield f"{result.agency.name} stands in the list already; this is its table with what was found now"
    yield f"system: {result.cms}" if result.cms else "system: none we know; the general reader is used"
    for source in result.sources:
        yield f"{source.kind}: {source.url}: {describe_probed_source(source)}"
    total, matching = len(result.list_links()), len(result.list_matching_links())
    if total and result.agency.releases:
        yield f"releases: the pattern fits {matching} of the {total} addresses found"
        yield from (f"  not {link.url}" for link in list_unmatched_links(result))
    elif total:
        yield f"releases: no pattern; addresses found: {total}, too few or in too many folders to tell one"


def list_unmatched_links(result: ProbeResult) -> list[SourceLink]:
    """Return the first few links that the pattern excludes."""
    matching = {link.url for link in result.list_matching_links()}
    return [link for link in result.list_links() if link.url not in matching][:MAX_UNMATCHED_LINKS]


def describe_probed_source(source: ProbedSource) -> str:
    """Describe the outcome of a source."""
    if source.problem:
        return f"left out: {source.problem}"
    if not source.is_requested:
        return "not asked"
    return f"{len(source.links)} releases" if source.links else "left out: no release in it"


def format_page_panes(page: ProbedPage, width: int) -> str:
    """Format a page's fields on the left, and its text that is in no field on the right."""
    lines = [page.url]
    if page.problem:
        lines.append(f"   not read: {page.problem}")
    elif not page.has_date:
        lines.append("   tells no date: is it a release? If not, mend the pattern or the listings")
    lines += [f"   doubtful: {doubt.field}: {doubt.problem}" for doubt in page.warnings]
    if page.item is None:
        return "\n".join(lines)
    right_width = max(30, width * 2 // 5)
    value_width = max(20, width - right_width - FIELD_WIDTH - RULE_WIDTH - 5)
    left = [
        f"{row.field:<{FIELD_WIDTH}} {shorten_line(row.value, value_width):<{value_width}}"
        f" {shorten_line(row.rule, RULE_WIDTH):<{RULE_WIDTH}}"
        for row in build_field_rows(page.item, page.release)
        if row.field not in OMITTED_FIELDS
    ]
    unused_lines = find_unused_lines(page.html, page.item, page.release) if page.release else []
    right = [shorten_line(line, right_width) for line in unused_lines[:MAX_UNUSED_LINES]]
    right += (
        [f"… and {len(unused_lines) - MAX_UNUSED_LINES} more lines"] if len(unused_lines) > MAX_UNUSED_LINES else []
    )
    head = f"{'FIELD':<{FIELD_WIDTH}} {'VALUE':<{value_width}} {'RULE':<{RULE_WIDTH}}"
    title = (
        f"LEFT OUT: {len(unused_lines)} line{'s' * (len(unused_lines) > 1)}" if unused_lines else "LEFT OUT: nothing"
    )
    blank = " " * len(head)
    rows = zip_longest([head, *left], [title if page.release else "", *right], fillvalue=None)
    return "\n".join(
        [*lines, *(f"{left_cell or blank} │ {right_cell or ''}".rstrip(" ") for left_cell, right_cell in rows)]
    )


def build_field_rows(item: ReleaseItem, release: Release | None) -> list[FieldRow]:
    """Return one row per field of a page; release: the normalised page, None if that failed."""
    return [*iter_item_rows(item, release), *iter_evidence_rows(item)]


def iter_item_rows(item: ReleaseItem, release: Release | None) -> Iterator[FieldRow]:
    """Yield the item's fields in their order, a date with the text it was parsed from."""
    for name in (field.name for field in fields(item) if field.name != "evidence"):
        provenance = item.evidence.get(name, Provenance(rule="", element=""))
        value = clean_line(format_item_value(getattr(item, name)))
        if name in ITEM_DATE_FIELDS and value:
            normalised = to_iso(getattr(release, name)) if release else None
            value = f"{normalised or 'not read'} ← “{value}”"
        yield FieldRow(name, value or MISSING_VALUE, *((provenance.rule, provenance.element) if value else ()))


def iter_evidence_rows(item: ReleaseItem) -> Iterator[FieldRow]:
    """Yield the other findings of the parser, such as the element that contains the release."""
    field_names = {field.name for field in fields(item)}
    for name, provenance in item.evidence.items():
        if name not in field_names:
            yield FieldRow(f"({name})", "", provenance.rule, provenance.element)


def format_item_value(value: object) -> str:
    """Format a field's value as text; of a list, the number of entries and their names.

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
    return str(value or "")


def format_columns(rows: Sequence[FieldRow]) -> str:
    """Format rows as aligned plain text under a heading."""
    table = [("field", "value", "rule", "element")]
    table += [(row.field, shorten_line(row.value, MAX_VALUE_WIDTH), row.rule, row.element) for row in rows]
    widths = [max(len(line[column]) for line in table) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[3]]).rstrip()
        for line in table
    )


def shorten_line(text: str, width: int) -> str:
    """Shorten text to one line of a width, between words if possible.

    >>> shorten_line("Fler älgar räknade i år", 14), shorten_line("ihopskrivetutanrum", 8)
    ('Fler älgar …', 'ihopskr…')
    """
    if len(text) <= width:
        return text
    short = textwrap.shorten(text, width, placeholder=" …")
    return short if len(short) > width // 2 else text[: width - 1] + "…"


def find_unused_lines(html: bytes, item: ReleaseItem, release: Release) -> list[str]:
    """Return the lines of the page's visible main text that are in no field, in page order, each once."""
    all_text, values = build_match_keys(item, release)
    lines = dict.fromkeys(read_visible_lines(html, item.url))
    days = {str(moment)[:10] for moment in (release.published, release.updated) if moment}
    return [
        line
        for line in lines
        if build_comparison_key(line)
        and not is_in_release(build_comparison_key(line), all_text, values)
        and not is_known_date_line(line, item.url, days)
    ]


def read_visible_lines(html: bytes, url: str) -> list[str]:
    """Return the lines of the main element, before any boilerplate is removed."""
    document = Document(html, url)
    etree.strip_elements(document.root, *NON_TEXT_TAGS, with_tail=False)
    for element in select_xpath(document.root, HIDDEN_XPATH):
        remove_element(element)
    main, *_ = find_main_element(document.root)
    return [
        line for block in read_blocks(convert_to_soup(main), document.resolve_url) for line in block.text.split("\n")
    ]


def build_match_keys(item: ReleaseItem, release: Release) -> tuple[str, list[str]]:
    """Return the comparison key of all texts of a release, and those of its short values, longest first."""
    short = [item.published, item.updated, item.kind, *release.tags]
    short += [text for image in release.images for text in (image.caption, image.credit)]
    short += [file.title for file in release.attachments]
    short += [text for person in release.contacts for text in (person.name, person.role, person.email)]
    short += [number for person in release.contacts for number in (person.phone or "").split(", ")]
    long = [release.title, release.lead, release.body]
    long += [text for pair in release.questions for text in (pair.question, pair.answer, pair.answered_by)]
    values = sorted({build_comparison_key(text) for text in short if text}, key=len, reverse=True)
    # a separator, so that no line matches across two fields
    all_text = "|".join([*(build_comparison_key(text) for text in long if text), *values])
    return all_text, [value for value in values if len(value) >= MIN_VALUE_LENGTH]


def is_in_release(line: str, all_text: str, values: list[str]) -> bool:
    """Return whether a line is part of a field, or a field's value with a label."""
    if line in all_text:
        return True
    rest = line
    for value in values:
        rest = rest.replace(value, "")
    return rest != line and len(rest) <= MAX_VALUE_LABEL


def is_known_date_line(line: str, url: str, days: set[str]) -> bool:
    """Return whether a line only states days that the release has.

    The page may state them in other words than in the fields, as in its metadata.
    """
    labels = split_date_labels(line)
    if len(line) > MAX_DATE_LINE or not all(map(find_date_role, labels)):
        return False
    try:
        values = [parse_label(label, url) for label in labels]
    except ValueError:
        return False
    return all(str(value)[:10] in days for _, value in values)
