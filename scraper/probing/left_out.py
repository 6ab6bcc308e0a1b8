"""What a reader sees in the main part of a page and no field holds."""

from __future__ import annotations

from lxml import etree

from archive.records import Release
from scraper.items import ReleaseItem
from scraper.normalise.dates import find_role, parse_label, split_labels
from scraper.pages.blocks import read_blocks
from scraper.pages.boilerplate import NEVER_TEXT, remove
from scraper.pages.document import Document
from scraper.pages.main_element import elements_at, find_main
from scraper.pages.soup import to_soup
from scraper.pages.titles import key

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
