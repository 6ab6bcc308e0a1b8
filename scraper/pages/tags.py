"""Tags and kind of release.

Finding what the agency calls a page: its type word, as shown or as its address has it.

Finding the subjects a page shows for itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from scraper.items import Evidence
from scraper.normalise.dates import MONTH, MONTHS
from scraper.normalise.text import clean_line, either, repeated
from scraper.normalise.vocabulary import to_kind
from scraper.pages.content import remove
from scraper.pages.dates import neighbours
from scraper.pages.document import Document, Element, path_of, types, whole_text

SCHEMA_TYPES = {  # where a page names several, the first of these counts: some are kinds of NewsArticle
    "PressRelease": "press release",
    "OpinionNewsArticle": "opinion",
    "ReportageNewsArticle": "news",
    "NewsArticle": "news",
    "BlogPosting": "blog",
    "Report": "report",
}
DATE_OR_MARK = re.compile(r"[\d:.,|·–-]+")


def find_kind(document: Document, heading: Element | None) -> tuple[str, Evidence] | None:
    """A type word alone beside the title, else a folder of the address, else JSON-LD's type."""
    for element in neighbours(heading) if heading is not None else ():
        text = clean_line(whole_text(element)) if element.find(".//a") is None else ""  # a menu's words are links
        word = without_date(text) if 0 < len(text) < 40 else ""
        if word and word.count(" ") < 2 and to_kind(word):
            return word, Evidence(rule="type word beside the title", element=path_of(element))
    folders = [unquote(part) for part in urlsplit(document.url).path.split("/") if part][:-1]
    for folder in reversed(folders):
        if to_kind(folder):
            return folder, Evidence(rule="folder of the address", element=folder)
    for found in document.json_ld:
        stated = types(found)
        name = next((name for name in SCHEMA_TYPES if name in stated), None)
        if name:
            return SCHEMA_TYPES[name], Evidence(rule="JSON-LD @type", element=name)
    return None


def without_date(text: str) -> str:
    """A line's words without the date and the marks beside them.

    >>> without_date("05 februari 2024 · Nyheter"), without_date("Pressmeddelande, 3 maj 2024")
    ('Nyheter', 'Pressmeddelande')
    """
    return " ".join(word for word in DATE_OR_MARK.sub(" ", text).split() if word.lower() not in MONTHS)


FURNITURE = ("nav", "header", "form", "aside")  # a heading such as Ämnen in a menu or a filter names no tags
CONTAINER = re.compile(
    r"(?:^|[\s_])(?:[\w-]*[-_])?"
    + either("""
        tags? | taglist | taglinks | keywords? | nyckelord | amnesord | amnen | topics? | categories | kategorier
        emneord | schlagworte? | etiketter
        """)
    + r"(?:[-_](?:list|links|container|wrapper|cloud|items?))?(?=$|\s)",
    re.IGNORECASE,
)
HEADING = re.compile(
    "^"
    + either(r"""
        (?:den här sidan|sidan|artikeln) är uppmärkt med.* | taggar(?: för denna sida)? | etiketter | ämnen | ämnesord
        ämnesområden? | nyckelord | sökord | kategori(?:er)? | tags? | tagged | topics? | keywords? | categor(?:y|ies)
        filed under | emneord | emner | tema | temaer | schlagw[oö]rte?r? | themen | avainsanat
        """)
    + r"\s*:?$",
    re.IGNORECASE,
)
# "Nyckelord: skola, hälsa" in one line, or "den 5 december 2019, [FÖRETAG, APOTEK & HANDEL]" beside the date.
INLINE = re.compile(
    r"^(?:taggar|etiketter|nyckelord|ämnen|ämnesord|tags|keywords|topics)\s*:\s*(?P<tags>[^:]{2,300})$", re.IGNORECASE
)
BRACKETS = re.compile(rf"{MONTH} (?:19|20)\d\d\W*\[(?P<tags>[^\[\]]{{2,300}})\]$", re.IGNORECASE)
LONGEST = 400  # characters of a line of tags
MOST = 25  # a longer list is an index of the site's subjects


class Row(NamedTuple):
    """A row of tags as found: the rule, the tags, and the elements that show them and nothing else."""

    rule: str
    tags: list[str]
    elements: list[Element]


def find_named_tags(root: Element) -> tuple[list[str], Evidence] | None:
    """Tags that words name; read before menus are dropped, for the list is often marked as one."""
    return first_of(under_heading(root))


def find_tags(scope: Element) -> tuple[list[str], Evidence] | None:
    """Tags in a list or row whose class says so, else links marked rel=tag."""
    return first_of(chain(in_container(scope), marked_links(scope)))


def find_bracketed(scope: Element) -> tuple[list[str], Evidence] | None:
    """Tags in brackets after the date; the line is left for the date to be read."""
    for element in scope.iter("p", "span", "div", "li"):
        found = BRACKETS.search(clean_line(element.text)) if element.text and "[" in element.text else None
        if found:
            return found["tags"].split(","), Evidence(rule="brackets after the date", element=path_of(element))
    return None


def first_of(rows: Iterator[Row]) -> tuple[list[str], Evidence] | None:
    """The first row of real tags, taken out of the tree."""
    for row in rows:
        tags = [tag for tag in map(clean_line, row.tags) if tag]
        if tags and len(tags) <= MOST and all(len(tag) < 80 for tag in tags):
            evidence = Evidence(rule=row.rule, element=path_of(row.elements[0]))
            for element in row.elements:
                remove(element)
            return tags, evidence
    return None


def under_heading(scope: Element) -> Iterator[Row]:
    """Links or items after a heading such as Taggar or Ämnen, or words after one in the same line."""
    for element in scope.iter("h2", "h3", "h4", "h5", "p", "span", "strong", "div", "dt"):
        text = element.text
        if not text or len(text) > LONGEST or not names_tags(text):
            continue
        if next(element.iterancestors(*FURNITURE), None) is not None:
            continue
        line = clean_line(text)
        if HEADING.match(line):
            yield from beside_heading(element, line)
        elif named := INLINE.match(line):
            yield Row("words of the line", named["tags"].split(","), [element])


@repeated(16_384)
def names_tags(text: str) -> bool:
    """Whether a text is a heading over tags or a line of them. Cached: a site's pages have many texts in common."""
    line = clean_line(text)
    return HEADING.match(line) is not None or INLINE.match(line) is not None


def beside_heading(heading: Element, line: str) -> Iterator[Row]:
    """The row a heading names: its own links, those of the element after it, or those around it."""
    following, parent = heading.getnext(), heading.getparent()
    for holder, parts in ((heading, [heading]), (following, [heading, following]), (parent, [parent])):
        items = entries(holder) if holder is not None else []
        if holder is not None and is_mostly(items, holder, len(line) + 20):
            yield Row(f"heading {line!r}", list(map(whole_text, items)), [part for part in parts if part is not None])
            return


def is_mostly(items: list[Element], holder: Element, beside: int) -> bool:
    """Whether an element holds little but its entries: running text with a link in it is no list of tags.

    beside: characters of other words that it may have.
    """
    listed = sum(len(clean_line(whole_text(item))) for item in items)
    return bool(items) and len(clean_line(whole_text(holder))) <= 2 * listed + beside


def in_container(scope: Element) -> Iterator[Row]:
    """Links or items of an element whose class or ARIA label says tags."""
    for element in scope.iter("ul", "div", "p", "span", "ol", "section", "footer"):
        classes, label = element.get("class"), element.get("aria-label")
        if (classes and CONTAINER.search(classes)) or (label and HEADING.match(label)):
            items = entries(element)
            if is_mostly(items, element, 40):
                yield Row("name of the list", list(map(whole_text, items)), [element])


def marked_links(scope: Element) -> Iterator[Row]:
    """Links marked rel=tag."""
    links = [link for link in scope.iter("a") if "tag" in (link.get("rel") or "").split()]
    if links:
        yield Row("rel=tag", list(map(whole_text, links)), links)


def entries(holder: Element) -> list[Element]:
    """The items of a list of tags: its links, else its list items."""
    return list(holder.iter("a")) or list(holder.iter("li"))
