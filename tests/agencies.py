"""Writes docs/agencies.md, who is in the list and what was read of whom: python -m tests.agencies"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scraper.agency import Agency, load_agencies
from scraper.errors import PageError
from scraper.normalise import to_release
from scraper.pages import read_page
from tests.stored import ROOT, stored_rows

PAGE = Path(__file__).parents[1] / "docs/agencies.md"
DECLARED = "declared only"
NEWS, OTHER, REBUILT = "a news page", "another page", "a rebuilt page"
HEAD = """# The agencies

All agencies in the list, and whether a real page of each has been read. This page is generated from
`scraper/agencies.toml` by `.venv/bin/python -m tests.agencies`.

The last column says what kind of stored page of the host the project has read a title and a text from:

- *{news}*: news as the agency sent it, with a title that was written down beforehand.
- *{other}*: a real page of another kind, such as a regulation or a bill, without such a title.
- *{rebuilt}*: the agency's own words, in markup that was put together around them.
- *{declared}*: nothing has been read. Name and address come from the register of government bodies.

A stored page says nothing about the agency's other pages, and cannot show whether the host still responds or
whether its news is found. Of {total} agencies, {read} have been read from, {real} of them from a real page and
{on_news} from a news page.

| name | slug | home | read on |
| --- | --- | --- | --- |
"""


class Stored(NamedTuple):
    """A stored page that ought to be a release."""

    path: Path
    url: str
    kind: str
    title: str | None = None  # where it was agreed


def main() -> None:
    """Write the page; the stored pages must be here, or every agency would turn into a declared one."""
    if not (ROOT / "pages/gold.jsonl").exists():
        raise SystemExit(f"no stored pages in {ROOT}: name their folder with PAGES=")
    agencies = load_agencies()
    PAGE.write_text(to_page(agencies, find_read(agencies)), encoding="utf-8")


def to_page(agencies: dict[str, Agency], read: dict[str, set[str]]) -> str:
    """The whole page: what its last column claims, then a row an agency in the list's order."""
    head = HEAD.format(
        news=NEWS,
        other=OTHER,
        rebuilt=REBUILT,
        declared=DECLARED,
        total=len(agencies),
        read=len(read),
        real=sum(kinds != {REBUILT} for kinds in read.values()),
        on_news=sum(NEWS in kinds for kinds in read.values()),
    )
    rows = (
        f"| {agency.name} | `{slug}` | <{agency.home}> | {', '.join(sorted(read.get(slug, {DECLARED})))} |\n"
        for slug, agency in agencies.items()
    )
    return head + "".join(rows)


def parse_page(text: str) -> list[tuple[str, str, str, str]]:
    """The rows of such a page: name, slug, home and what was read."""
    return re.findall(r"^\| (.+) \| `(.+)` \| <(.+)> \| (.+) \|$", text, re.MULTILINE)


def find_read(agencies: dict[str, Agency]) -> dict[str, set[str]]:
    """Of each agency that anything was read of, the kinds of stored pages that gave a title and a text."""
    read: dict[str, set[str]] = {}
    for stored in stored_pages():
        owner = next((agency for agency in agencies.values() if agency.owns(stored.url)), None)
        if owner and stored.kind not in read.get(owner.slug, set()) and is_read(stored, owner):
            read.setdefault(owner.slug, set()).add(stored.kind)
    return read


def is_read(stored: Stored, agency: Agency) -> bool:
    """Whether a stored page is read as a release with title and text, the title as agreed where it was."""
    try:
        release = to_release(read_page(stored.path.read_bytes(), stored.url, agency))
    except PageError:
        return False
    agreed = " ".join((stored.title or release.title).split())
    return bool(release.title == agreed and (release.lead or release.body))


def stored_pages() -> Iterator[Stored]:
    """Every stored page but error pages and stubs; one stored without its address lies in a folder named by host."""
    for row in stored_rows("pages"):
        if row.get("is_release", True):
            url = row["url"] or f"https://{Path(row['file']).parts[0]}/"
            yield Stored(ROOT / "pages" / row["file"], url, NEWS if "title" in row else OTHER, row.get("title"))
    for row in stored_rows("questions"):
        yield Stored(ROOT / "questions" / row["file"], row["url"], REBUILT, row["title"])
    if (ROOT / "seed/gold.json").exists():
        row = json.loads((ROOT / "seed/gold.json").read_text("utf-8"))
        yield Stored(ROOT / "seed/release.html", row["url"], REBUILT, row["title"])


if __name__ == "__main__":
    main()
