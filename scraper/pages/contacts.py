"""Finding whom a release names for questions: under a heading, in a box of their own, in a sentence that says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from scraper.items import ContactItem, Evidence
from scraper.normalise.repeated import repeated
from scraper.normalise.text import clean_line
from scraper.normalise.words import words
from scraper.pages.boilerplate import text_length
from scraper.pages.contact_lines import Placed, read_lines
from scraper.pages.contact_places import is_furniture, is_own, is_switchboard, site_reach
from scraper.pages.contact_reader import read_contacts, read_sentences
from scraper.pages.contact_sections import parted, read_section, section_of
from scraper.pages.contact_words import BOX, HEADING, LEADING, STEM
from scraper.pages.document import Document
from scraper.pages.elements import Element
from scraper.pages.evidence import path_of
from scraper.pages.markup import INLINE

HEADS = frozenset(words("h1 h2 h3 h4 h5 h6 p strong b em span div dt th td li legend summary"))
PARAGRAPHS = ("p", "li")
MOST_HEADS, MOST_CONTACTS = 30, 100  # a page with more is a directory
HIGHEST = 5  # steps up from a heading to the element that holds its contacts
LONGEST_HEADING = 160
LONGEST_BOX = 1200  # characters


@dataclass(frozen=True, slots=True)
class Area:
    """A part of a page that names contacts. ancestors: what holds it; doubtful: it may be the site's own."""

    contacts: list[ContactItem]
    evidence: Evidence
    ancestors: Sequence[Element]
    doubtful: bool


def find_areas(document: Document) -> list[Area]:
    """Every part of a page that names contacts: first what headings say, then boxes, then sentences.

    Looked for before noise is dropped, for contacts are often taken for it.
    """
    taken: set[Element] = set()
    read: dict[Element, list[Placed]] = {}
    heads = list(islice(find_heads(document), MOST_HEADS))
    found = [area for head in heads if (area := under_heading(head, taken, read))]
    found += [area for box in find_boxes(document) if (area := in_box(box, taken))]
    found += [area for paragraph in find_asking(document) if (area := in_sentence(paragraph, taken))]
    return list(without_switchboards(document.root, found))


def choose_contacts(areas: Sequence[Area], main: Element) -> tuple[list[ContactItem], Evidence] | None:
    """The contacts of the release in the main element. What a doubtful heading names beside it counts only if it is a
    person: whole offices are printed on every page."""
    kept: dict[ContactItem, None] = {}
    evidence: Evidence | None = None
    for area in areas:
        beside = area.doubtful and main not in area.ancestors and not is_own(area.ancestors)
        told = [contact for contact in area.contacts if contact.name or not beside]
        evidence = evidence or (area.evidence if told else None)
        kept.update(dict.fromkeys(told))
    return (list(kept)[:MOST_CONTACTS], evidence) if evidence else None


def find_heads(document: Document) -> Iterator[Element]:
    """What may be a heading over contacts, or open a line that names one."""
    for element in document.root.iter(*HEADS):
        text = element.text
        if text and len(text) < LONGEST_HEADING and leads(text) and not is_furniture(element):
            yield element


def find_boxes(document: Document) -> Iterator[Element]:
    """Elements whose class says contact."""
    for element in document.of_classes(says_contact):
        if not is_furniture(element):
            yield element


@repeated()
def says_contact(classes: str) -> bool:
    """Whether a class attribute names a box of contacts. Cached: a site's pages share them."""
    return BOX.search(classes) is not None


def find_asking(document: Document) -> dict[Element, None]:
    """The paragraphs that may ask to contact somebody."""
    asking: dict[Element, None] = {}
    if "ontakta" in document.text:  # not in most pages' texts, and telling so at once is cheap
        for element in document.root.iter("*"):
            if "ontakta" in (element.text or "") or "ontakta" in (element.tail or ""):
                paragraph = next((part for part in around(element) if part.tag in PARAGRAPHS), None)
                if paragraph is not None and not is_furniture(element):
                    asking[paragraph] = None
    return asking


@repeated(16_384)
def leads(text: str) -> bool:
    """Whether a text is a heading over contacts, or opens a line that names one.

    Cached: a site's menus stand on every page of it.
    """
    if not STEM.search(text):
        return False
    line = clean_line(text)
    return HEADING.match(line) is not None or LEADING.match(line) is not None


def around(element: Element) -> Iterator[Element]:
    """An element and what holds it, up to the next paragraph."""
    yield element
    for part in element.iterancestors():
        yield part
        if part.tag not in INLINE:
            return


def under_heading(head: Element, taken: set[Element], read: dict[Element, list[Placed]]) -> Area | None:
    """The contacts under a heading, or in a line that leads to them. read: the lines of elements, as far as known."""
    line = clean_line(head.text or "")
    block = list(around(head))[-1] if head.tag in INLINE else head
    ancestors = list(block.iterancestors())
    if block in taken:
        return None
    best: Area | None = None
    lines: list[Placed] = []
    for box in [block, *ancestors[:HIGHEST]]:
        if box not in read:
            read[box] = list(read_lines(box))
        placed = read[box]
        at = next((n for n, (_, told) in enumerate(placed) if told.text.startswith(line)), None)
        if box.tag in ("body", "html") or at is None:
            break
        section, ended = section_of(placed, at)
        found = read_section(placed[at].line, section)
        if found:
            contacts, certain, rule = found
            area = Area(contacts, Evidence(rule=rule, element=path_of(block)), ancestors, doubtful=not certain)
            best, lines = best or area, [placed[at], *section]
            if any(contact.phone or contact.email for contact in contacts):
                best = area
                break
        if ended:
            break
    taken.update(holder for holder, _ in lines if best)
    return best


def in_box(box: Element, taken: set[Element]) -> Area | None:
    """The contacts of an element whose class says contact: persons with a number or an address."""
    ancestors = list(box.iterancestors())
    if box in taken or text_length(box) > LONGEST_BOX:
        return None
    if not taken.isdisjoint(box.iter()) or not taken.isdisjoint(ancestors):
        return None
    contacts = read_contacts(parted(line for _, line in read_lines(box)), "", certain=False)
    if not any(contact.name for contact in contacts):
        return None
    taken.update(box.iter())
    return Area(contacts, Evidence(rule="name of the box", element=path_of(box)), ancestors, doubtful=True)


def in_sentence(paragraph: Element, taken: set[Element]) -> Area | None:
    """The contacts that a paragraph asks to turn to."""
    ancestors = list(paragraph.iterancestors())
    if paragraph in taken or not taken.isdisjoint(ancestors):
        return None
    contacts = [contact for _, line in read_lines(paragraph) for contact in read_sentences(line.text)]
    evidence = Evidence(rule="sentence that asks to contact", element=path_of(paragraph))
    return Area(contacts, evidence, ancestors, doubtful=True) if contacts else None


def without_switchboards(root: Element, areas: Sequence[Area]) -> Iterator[Area]:
    """The areas without contacts that the site prints on every page."""
    nameless = any(not contact.name for area in areas for contact in area.contacts)
    site = site_reach(root) if nameless else frozenset()
    for area in areas:
        kept = [contact for contact in area.contacts if not is_switchboard(contact, site)]
        if kept:
            yield replace(area, contacts=kept)
