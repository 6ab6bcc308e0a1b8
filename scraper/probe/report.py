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

from archive.dates import to_iso
from archive.models import Release
from scraper.items import AttachmentItem, ContactItem, ImageItem, Provenance, QuestionItem, ReleaseItem
from scraper.normalise.dates import find_date_role, parse_label, split_date_labels
from scraper.normalise.text import clean_line
from scraper.pages.blocks import read_blocks
from scraper.pages.content import NON_TEXT_TAGS, convert_to_soup, find_main_element, remove_element, select_xpath
from scraper.pages.document import Document
from scraper.pages.title import build_comparison_key
from scraper.probe import ProbedPage, ProbedSource, ProbeResult, format_agency_toml
from scraper.sources.links import SourceLink

MISSING_VALUE = "absent"
ITEM_DATE_FIELDS = ("published", "updated")
MAX_VALUE_WIDTH = 70  # characters of a value


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field as told to a reader."""

    field: str
    value: str
    rule: str = ""
    element: str = ""


def build_field_rows(item: ReleaseItem, release: Release | None) -> list[FieldRow]:
    """One row a field; release: the same page normalised, None where that failed."""
    return [*iter_item_rows(item, release), *iter_evidence_rows(item)]


def iter_item_rows(item: ReleaseItem, release: Release | None) -> Iterator[FieldRow]:
    """The item's own fields, in its order; a date with the words it was read from."""
    for name in (field.name for field in fields(item) if field.name != "evidence"):
        found = item.evidence.get(name, Provenance(rule="", element=""))
        value = clean_line(format_item_value(getattr(item, name)))
        if name in ITEM_DATE_FIELDS and value:
            read = to_iso(getattr(release, name)) if release else None
            value = f"{read or 'not read'} ← “{value}”"
        yield FieldRow(name, value or MISSING_VALUE, *((found.rule, found.element) if value else ()))


def iter_evidence_rows(item: ReleaseItem) -> Iterator[FieldRow]:
    """What the reader noted beside the fields, such as the element that holds the release."""
    known = {field.name for field in fields(item)}
    for name, found in item.evidence.items():
        if name not in known:
            yield FieldRow(f"({name})", "", found.rule, found.element)


def format_item_value(value: object) -> str:
    """A field's value as text: of several things, how many and their names.

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
    """Rows as aligned plain text under a heading."""
    table = [("field", "value", "rule", "element")]
    table += [(row.field, shorten_line(row.value, MAX_VALUE_WIDTH), row.rule, row.element) for row in rows]
    widths = [max(len(line[column]) for line in table) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(line, widths, strict=False)), line[3]]).rstrip()
        for line in table
    )


def shorten_line(text: str, width: int) -> str:
    """Text cut to one line of a width, at a word where that is possible.

    >>> shorten_line("Fler älgar räknade i år", 14), shorten_line("ihopskrivetutanrum", 8)
    ('Fler älgar …', 'ihopskr…')
    """
    if len(text) <= width:
        return text
    short = textwrap.shorten(text, width, placeholder=" …")
    return short if len(short) > width // 2 else text[: width - 1] + "…"


HIDDEN_XPATH = (
    "//*[@hidden or @aria-hidden='true' or contains(@class, 'visually-hidden') or contains(@class, 'visuallyhidden')"
    " or contains(@class, 'screen-reader') or contains(@class, 'sr-only')]"
)
MAX_VALUE_LABEL = 22  # letters around a known value: "Senast uppdaterad", "Publicerad", "Foto"
MIN_VALUE_LENGTH = 4
MAX_DATE_LINE = 90


def find_unused_lines(html: bytes, item: ReleaseItem, release: Release) -> list[str]:
    """The lines of the page's visible main text that are in no field, in reading order, each once."""
    everything, values = build_match_keys(item, release)
    lines = dict.fromkeys(read_visible_lines(html, item.url))
    days = {str(moment)[:10] for moment in (release.published, release.updated) if moment}
    return [
        line
        for line in lines
        if build_comparison_key(line)
        and not is_in_release(build_comparison_key(line), everything, values)
        and not is_known_date_line(line, item.url, days)
    ]


def read_visible_lines(html: bytes, url: str) -> list[str]:
    """The lines of the main element, before anything is taken for noise."""
    document = Document(html, url)
    etree.strip_elements(document.root, *NON_TEXT_TAGS, with_tail=False)
    for element in select_xpath(document.root, HIDDEN_XPATH):
        remove_element(element)
    main, *_ = find_main_element(document.root)
    return [
        line for block in read_blocks(convert_to_soup(main), document.resolve_url) for line in block.text.split("\n")
    ]


def build_match_keys(item: ReleaseItem, release: Release) -> tuple[str, list[str]]:
    """All that a release holds as one key, and its short values, the longest first."""
    short = [item.published, item.updated, item.kind, *release.tags]
    short += [text for image in release.images for text in (image.caption, image.credit)]
    short += [file.title for file in release.attachments]
    short += [text for person in release.contacts for text in (person.name, person.role, person.email)]
    short += [number for person in release.contacts for number in (person.phone or "").split(", ")]
    long = [release.title, release.lead, release.body]
    long += [text for pair in release.questions for text in (pair.question, pair.answer, pair.answered_by)]
    values = sorted({build_comparison_key(text) for text in short if text}, key=len, reverse=True)
    everything = "|".join(
        [*(build_comparison_key(text) for text in long if text), *values]
    )  # a line may not match across two fields
    return everything, [value for value in values if len(value) >= MIN_VALUE_LENGTH]


def is_in_release(line: str, all_text: str, values: list[str]) -> bool:
    """Whether a line is part of a field, or is a field's value under its label."""
    if line in all_text:
        return True
    rest = line
    for value in values:
        rest = rest.replace(value, "")
    return rest != line and len(rest) <= MAX_VALUE_LABEL


def is_known_date_line(line: str, url: str, days: set[str]) -> bool:
    """Whether a line only tells days that the release holds, in other words: a page may declare them as well."""
    labels = split_date_labels(line)
    if len(line) > MAX_DATE_LINE or not all(map(find_date_role, labels)):
        return False
    try:
        told = [parse_label(label, url) for label in labels]
    except ValueError:
        return False
    return all(str(value)[:10] in days for _, value in told)


OMITTED_FIELDS = {"url", "agency", "body_html", "(main)"}  # fields that tell a reader nothing here
MAX_UNMATCHED_LINKS = 5
MAX_UNUSED_LINES = 20  # of what was left out
FIELD_WIDTH, RULE_WIDTH = 12, 26  # widths of columns


def format_probe_report(result: ProbeResult, width: int) -> str:
    """The whole report, `width` characters wide."""
    parts = [format_proposed_table(result)]
    parts += [f"{number}. {format_page_panes(page, width)}" for number, page in enumerate(result.pages, 1)]
    return "\n\n".join(parts)


def format_proposed_table(result: ProbeResult) -> str:
    """The proposed table, with what stands behind it as comments: the whole is valid TOML."""
    return "\n".join(
        [*(f"# {line}" for line in iter_table_comments(result)), format_agency_toml(result.agency)]
    ).rstrip()


def iter_table_comments(result: ProbeResult) -> Iterator[str]:
    """What a reader must know of the table."""
    if result.is_known:
        yield f"{result.agency.name} stands in the list already; this is its table with what was found now"
    yield f"system: {result.cms}" if result.cms else "system: none we know; the general reader is used"
    for source in result.sources:
        yield f"{source.kind}: {source.url}: {describe_probed_source(source)}"
    every, fitting = len(result.list_links()), len(result.list_matching_links())
    if every and result.agency.releases:
        yield f"releases: the pattern fits {fitting} of the {every} addresses found"
        yield from (f"  not {link.url}" for link in list_unmatched_links(result))
    elif every:
        yield f"releases: no pattern; addresses found: {every}, too few or in too many folders to tell one"


def list_unmatched_links(result: ProbeResult) -> list[SourceLink]:
    """The first few addresses that the pattern shuts out."""
    fitting = {link.url for link in result.list_matching_links()}
    return [link for link in result.list_links() if link.url not in fitting][:MAX_UNMATCHED_LINKS]


def describe_probed_source(source: ProbedSource) -> str:
    """What came of a source, in words."""
    if source.problem:
        return f"left out: {source.problem}"
    if not source.is_requested:
        return "not asked"
    return f"{len(source.links)} releases" if source.links else "left out: no release in it"


def format_page_panes(page: ProbedPage, width: int) -> str:
    """A page's fields on the left, the lines of its text that no field holds on the right."""
    lines = [page.url]
    if page.problem:
        lines.append(f"   not read: {page.problem}")
    elif not page.has_date:
        lines.append("   tells no date: is it a release? If not, mend the pattern or the listings")
    lines += [f"   doubtful: {doubt.field}: {doubt.problem}" for doubt in page.warnings]
    if page.item is None:
        return "\n".join(lines)
    margin = max(30, width * 2 // 5)
    value = max(20, width - margin - FIELD_WIDTH - RULE_WIDTH - 5)
    left = [
        f"{row.field:<{FIELD_WIDTH}} {shorten_line(row.value, value):<{value}} {shorten_line(row.rule, RULE_WIDTH):<{RULE_WIDTH}}"
        for row in build_field_rows(page.item, page.release)
        if row.field not in OMITTED_FIELDS
    ]
    over = find_unused_lines(page.html, page.item, page.release) if page.release else []
    right = [shorten_line(line, margin) for line in over[:MAX_UNUSED_LINES]]
    right += [f"… and {len(over) - MAX_UNUSED_LINES} more lines"] if len(over) > MAX_UNUSED_LINES else []
    head = f"{'FIELD':<{FIELD_WIDTH}} {'VALUE':<{value}} {'RULE':<{RULE_WIDTH}}"
    title = f"LEFT OUT: {len(over)} line{'s' * (len(over) > 1)}" if over else "LEFT OUT: nothing"
    blank = " " * len(head)
    rows = zip_longest([head, *left], [title if page.release else "", *right], fillvalue=None)
    return "\n".join([*lines, *(f"{one or blank} │ {other or ''}".rstrip(" ") for one, other in rows)])
