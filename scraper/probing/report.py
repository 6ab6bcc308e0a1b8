"""What a probe has found, as text for a reader: the proposed table, then each page beside what was left out of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from scraper.probing.fields import shorten, to_rows
from scraper.probing.findings import Findings, Page, Source
from scraper.probing.left_out import left_out
from scraper.probing.proposal import to_toml
from scraper.sessions import Link

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
