"""Finds the tags on a page, and the agency's word for the type of a release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from lxml import etree

from scraper.items import Provenance
from scraper.normalise.conversion import normalise_kind
from scraper.normalise.dates import MONTHS_BY_NAME
from scraper.normalise.text_cleaning import build_alternation, cache_by_text, clean_line
from scraper.pages.document import (
    Document,
    Element,
    format_element_path,
    get_json_ld_types,
    get_text_content,
    read_short_line,
    remove_element,
)
from scraper.pages.page_dates import find_next_element, iter_title_neighbours

# if a page has several, the first one counts, because some are also NewsArticles
SCHEMA_TYPE_KINDS = {
    "PressRelease": "press release",
    "OpinionNewsArticle": "opinion",
    "ReportageNewsArticle": "news",
    "NewsArticle": "news",
    "BlogPosting": "blog",
    "Report": "report",
}
DIGITS_AND_PUNCTUATION = re.compile(r"[\d:.,|·–-]+")
# in these, a heading such as "Ämnen" belongs to a menu or filter
NON_TAG_PARENTS = ("nav", "header", "form", "aside")
TAG_CONTAINER_CLASS = re.compile(
    r"(?:^|[\s_])(?:[\w-]*[-_])?"
    + build_alternation("""
        tags? | taglist | taglinks | keywords? | nyckelord
        amnesord | amnen | topics? | categories | kategorier
        emneord | schlagworte? | etiketter
        """)
    + r"(?:[-_](?:list|links|container|wrapper|cloud|items?))?(?=$|\s)",
    re.IGNORECASE,
)
TAG_HEADING = re.compile(
    "^"
    + build_alternation(r"""
        (?:den här sidan|sidan|artikeln) är uppmärkt med.*
        taggar(?: för denna sida)? | etiketter | ämnen | ämnesord
        ämnesområden? | nyckelord | sökord | kategori(?:er)?
        tags? | tagged | topics? | keywords? | categor(?:y|ies)
        filed under | emneord | emner | tema | temaer | schlagw[oö]rte?r? | themen | avainsanat
        """)
    + r"\s*:?$",
    re.IGNORECASE,
)
# "Nyckelord: skola, hälsa" in one line
TAG_LINE = re.compile(
    r"^(?:taggar|etiketter|nyckelord|sökord|ämnen|ämnesord|ämnesområden|kategori(?:er)?"
    r"|tags|keywords|topics|categories)"
    r"\s*:\s*(?P<tags>[^:]{2,300}(?<![.!?]))$",  # excludes sentences
    re.IGNORECASE,
)
MAX_KIND_LINE_LENGTH = 39  # characters of a line with the type of release and its date
MAX_TAG_LINE_LENGTH = 400  # characters of a line of tags
ROW_TAGS = ("a", "span", "dd")  # elements of tags that are siblings
MAX_TAGS = 25  # a longer list is an index of subjects


class TagRow(NamedTuple):
    rule: str
    tags: list[str]
    elements: list[Element]  # the elements that only contain the tags


def find_kind(document: Document, heading: Element | None) -> tuple[str, Provenance] | None:
    """Return the type of a release and the provenance of the type, or None if no type is found.

    The type is a word next to the title, or else a folder of the URL, or else a type in the
    JSON-LD.
    """
    return (
        _find_kind_beside_title(heading)
        or _find_kind_in_url(document.url)
        or _find_declared_kind(document)
    )


def _find_kind_beside_title(heading: Element | None) -> tuple[str, Provenance] | None:
    for element in iter_title_neighbours(heading) if heading is not None else ():
        word = _strip_date(read_short_line(element, MAX_KIND_LINE_LENGTH) or "")
        is_kind = word and word.count(" ") < 2 and normalise_kind(word)
        if is_kind and element.find(".//a") is None:  # the words of a menu are links
            path = format_element_path(element)
            return word, Provenance(rule="type word beside the title", element=path)
    return None


def _find_kind_in_url(url: str) -> tuple[str, Provenance] | None:
    folders = [unquote(part) for part in urlsplit(url).path.split("/") if part][:-1]
    for folder in reversed(folders):
        if normalise_kind(folder):
            return folder, Provenance(rule="folder of the address", element=folder)
    return None


def _find_declared_kind(document: Document) -> tuple[str, Provenance] | None:
    for found in document.json_ld:
        types = get_json_ld_types(found)
        name = next((name for name in SCHEMA_TYPE_KINDS if name in types), None)
        if name:
            return SCHEMA_TYPE_KINDS[name], Provenance(rule="JSON-LD @type", element=name)
    return None


def _strip_date(text: str) -> str:
    """Return the words of a line without dates and punctuation.

    >>> _strip_date("05 februari 2024 · Nyheter"), _strip_date("Pressmeddelande, 3 maj 2024")
    ('Nyheter', 'Pressmeddelande')
    """
    return " ".join(
        word
        for word in DIGITS_AND_PUNCTUATION.sub(" ", text).split()
        if word.lower() not in MONTHS_BY_NAME
    )


def find_labelled_tags(root: Element) -> tuple[list[str], Provenance] | None:
    """Return the tags below a heading or after a label, with their provenance.

    Returns None if there are no such tags. The tags are removed from the tree. Call this before
    boilerplate is dropped, because many tags look like menus.
    """
    return _take_first_tag_row(_iter_tags_under_heading(root))


def find_tags(scope: Element) -> tuple[list[str], Provenance] | None:
    """Return the tags in an element with a class for tags, or else the links marked rel=tag.

    Returns None if there are neither. The tags are removed from the tree.
    """
    return _take_first_tag_row(_iter_named_tags(scope))


def _take_first_tag_row(rows: Iterator[TagRow]) -> tuple[list[str], Provenance] | None:
    """Return the first plausible row of tags, or None if there is none.

    The row is removed from the tree.
    """
    for row in rows:
        # a link with the words of a heading leads to all tags
        tags = [tag for tag in map(clean_line, row.tags) if tag and not TAG_HEADING.match(tag)]
        if tags and len(tags) <= MAX_TAGS and all(len(tag) < 80 for tag in tags):
            evidence = Provenance(rule=row.rule, element=format_element_path(row.elements[0]))
            _remove_tags(row.elements)
            return tags, evidence
    return None


def _remove_tags(elements: Iterable[Element]) -> None:
    """Remove the elements that contain tags, and the commas between them."""
    for element in elements:
        if not any(map(str.isalnum, element.tail or "")):
            element.tail = None
        remove_element(element)


def _iter_tags_under_heading(scope: Element) -> Iterator[TagRow]:
    """Yield the links or items below each heading such as "Taggar" as a row of tags.

    If a line starts with such a word as a label, the words after the label are the tags.
    """
    for element in scope.iter(
        "h2", "h3", "h4", "h5", "p", "span", "strong", "b", "div", "dt", "th"
    ):
        text = element.text
        if not text or len(text) > MAX_TAG_LINE_LENGTH or not _is_tag_heading_or_line(text):
            continue
        if next(element.iterancestors(*NON_TAG_PARENTS), None) is not None:
            continue
        line = clean_line(text)
        if TAG_HEADING.match(line):
            if row := _find_tags_beside_heading(element, line):
                yield row
        elif named := TAG_LINE.match(line):
            yield TagRow("words of the line", named["tags"].split(","), [element])


@cache_by_text(16_384)
def _is_tag_heading_or_line(text: str) -> bool:
    """Return whether a text is a heading above tags or a line of tags.

    Results are cached, because the pages of a site have many texts in common.
    """
    line = clean_line(text)
    return TAG_HEADING.match(line) is not None or TAG_LINE.match(line) is not None


def _find_tags_beside_heading(heading: Element, line: str) -> TagRow | None:
    """Return the tags below or after a heading, or None if there are none.

    Each tag is an element after the heading, or a link or item in the heading, in the next element
    or in the heading's parent. If there are no such elements, the tags are the words in the
    description of a term, in the cell next to a header cell, or in the rest of the line.
    """
    rule, following = f"heading {line!r}", find_next_element(heading)
    return (
        _find_tags_in_row(heading, rule)
        or _find_tags_in_list(heading, following, rule, len(line) + 20)
        or _find_tags_in_line(heading, following, rule)
    )


def _find_tags_in_row(heading: Element, rule: str) -> TagRow | None:
    """Return the elements after a heading as tags.

    Returns None unless there are several such elements and all have the same HTML tag.
    """
    siblings = list(
        takewhile(lambda part: part.tag in ROW_TAGS, heading.itersiblings(etree.Element))
    )
    if len(siblings) > 1 and len({part.tag for part in siblings}) == 1:
        return TagRow(rule, list(map(get_text_content, siblings)), [heading, *siblings])
    return None


def _find_tags_in_list(
    heading: Element, following: Element | None, rule: str, max_other_characters: int
) -> TagRow | None:
    for container in (heading, following, heading.getparent()):
        if container is None:
            continue
        items = _find_tag_entries(container)
        if _is_mostly_entries(items, container, max_other_characters):
            elements = [heading, container] if container is following else [container]
            return TagRow(rule, list(map(get_text_content, items)), elements)
    return None


def _find_tags_in_line(heading: Element, following: Element | None, rule: str) -> TagRow | None:
    """Return the words after a heading as tags, or None if there are none.

    They are in the <dd> or <td> after the heading, or in the rest of the heading's line.
    """
    if following is not None and following.tag in ("dd", "td"):
        words = read_short_line(following, MAX_TAG_LINE_LENGTH)
        return TagRow(rule, words.split(","), [heading, following]) if words else None
    parent = heading.getparent()
    if parent is None:
        return None
    named = TAG_LINE.match(read_short_line(parent, MAX_TAG_LINE_LENGTH) or "")
    return TagRow("words of the line", named["tags"].split(","), [parent]) if named else None


def _is_mostly_entries(items: list[Element], container: Element, max_other_characters: int) -> bool:
    """Return whether a container has little text besides its entries.

    This prevents prose that contains a link from being mistaken for a list of tags.
    """
    entry_length = sum(len(clean_line(get_text_content(item))) for item in items)
    return (
        bool(items)
        and len(clean_line(get_text_content(container))) <= 2 * entry_length + max_other_characters
    )


def _iter_named_tags(scope: Element) -> Iterator[TagRow]:
    """Yield the links or items of elements with a class or ARIA label for tags.

    Links marked rel=tag come last.
    """
    for element in scope.iter("ul", "div", "p", "span", "ol", "section", "footer"):
        classes, label = element.get("class"), element.get("aria-label")
        if (classes and TAG_CONTAINER_CLASS.search(classes)) or (
            label and TAG_HEADING.match(label)
        ):
            items = _find_tag_entries(element)
            if _is_mostly_entries(items, element, 40):
                yield TagRow("name of the list", list(map(get_text_content, items)), [element])

    if row := _find_rel_tags(scope):
        yield row


def _find_rel_tags(scope: Element) -> TagRow | None:
    links = [link for link in scope.iter("a") if "tag" in (link.get("rel") or "").split()]
    return TagRow("rel=tag", list(map(get_text_content, links)), links) if links else None


def _find_tag_entries(container: Element) -> list[Element]:
    """Return the links in a list of tags, or the list's items if there are no links."""
    return list(container.iter("a")) or list(container.iter("li"))
