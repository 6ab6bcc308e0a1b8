"""Contacts: areas → lines → people.

The lines of a part of a page as a reader sees them, with the addresses and numbers that its links lead to.

Where on a page contacts stand: in a text, or in what is the site's own and the same on every page.

Which lines belong to a heading or word that leads to contacts, and the contacts they tell.

Finding whom a release names for questions: under a heading, in a box of their own, in a sentence that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple
from urllib.parse import unquote

from lxml import etree

from scraper.items import ContactItem, Evidence
from scraper.normalise.contacts import may_reach, split_reach
from scraper.normalise.text import clean_line, repeated, words
from scraper.pages.contact_parser import (
    BOX,
    FOOT,
    HEADING,
    LABEL,
    LEADING,
    PRESS,
    STEM,
    Line,
    is_name,
    read_contacts,
    read_sentences,
)
from scraper.pages.content import text_length
from scraper.pages.document import HEADINGS, INLINE, Document, Element, path_of

SKIPPED = {"script", "style", "noscript", "template", "svg", "iframe", "form", "input", "select", "textarea", "nav"}
CELLS = {"td", "th"}
HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
BOLD = {"strong", "b"}


class Placed(NamedTuple):
    """A line and the innermost block it stands in."""

    block: Element
    line: Line


def read_lines(root: Element) -> Iterator[Placed]:
    """The lines of an element: blocks and line breaks part them, cells of a row are parted by commas."""
    walk = etree.iterwalk(root, ("start", "end"))
    blocks, run = [root], Run()
    for event, element in walk:
        tag = element.tag
        inline = tag in INLINE or tag in CELLS
        if not inline or tag == "br":
            yield from run.take(blocks[-1])
        if event == "start":
            if not inline:
                blocks.append(element)
            run.enter(element)
            style = element.get("style")
            if tag in SKIPPED or (style and HIDDEN.search(style)):
                walk.skip_subtree()
            else:
                run.add(element.text)
        else:
            run.leave(element)
            if not inline:
                blocks.pop()
            if element is not root:
                run.add(", " if tag in CELLS else None)
                run.add(element.tail)
    yield from run.take(root)


class Run:
    """The text of a line as it is collected, and how much of it is bold or a link elsewhere."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.size = self.bold = self.linked = 0
        self.rank = 9
        self.within = {"bold": 0, "link": 0}
        self.ranks: list[int] = []
        self.opened = 0  # where the text of the link being read begins

    def enter(self, element: Element) -> None:
        """An element begins."""
        tag = element.tag
        if tag in BOLD:
            self.within["bold"] += 1
        elif tag in HEADINGS:
            self.ranks.append(int(tag[1]))
        elif tag == "a":
            href = element.get("href") or ""
            self.opened = len(self.pieces)
            if href.startswith("tel:"):
                self.pieces.append(" tel ")
            elif not href.startswith("mailto:"):
                self.within["link"] += 1

    def leave(self, element: Element) -> None:
        """An element ends; a link whose words do not tell where it leads is followed by it."""
        tag = element.tag
        if tag in BOLD:
            self.within["bold"] -= 1
            if HEADING.match(clean_line("".join(self.pieces))) and self.pieces[-1].rstrip()[-1:] != ":":
                self.pieces.append(": ")  # a bold heading within a line parts from what follows, marked or not
        elif tag in HEADINGS:
            self.ranks.pop()
        elif tag == "a":
            href = element.get("href") or ""
            kind = href.partition(":")[0]
            if kind not in ("tel", "mailto"):
                self.within["link"] -= 1
            elif not any(token.kind != "text" for token in split_reach("".join(self.pieces[self.opened :]))):
                address = unquote(href.partition(":")[2].partition("?")[0])
                self.pieces.append(f" tel {address} " if kind == "tel" else f" {address} ")

    def add(self, text: str | None) -> None:
        """Words."""
        if text:
            size = len(text.strip())
            self.pieces.append(text)
            self.size += size
            self.bold += size if self.within["bold"] else 0
            self.linked += size if self.within["link"] else 0
            if self.ranks:
                self.rank = min(self.rank, *self.ranks)

    def take(self, block: Element) -> Iterator[Placed]:
        """The line there is, if any; the next one begins."""
        if not self.pieces:
            return
        text = clean_line("".join(self.pieces)).strip(" ,")
        if text:
            bold, linked = (part >= 0.95 * max(self.size, 1) for part in (self.bold, self.linked))
            yield Placed(block, Line(text, self.rank, bold, linked))
        self.pieces, self.size, self.bold, self.linked, self.rank, self.opened = [], 0, 0, 0, 9, 0


ASIDE = {"nav", "dialog", "navigation", "banner", "contentinfo", "search", "alertdialog"}  # tags and roles
MARGIN = {"header", "footer"}
OWN = {"main", "article"}


def is_furniture(element: Element) -> bool:
    """Whether an element lies in a menu, a dialog, or the head or foot of the site."""
    own = False  # whether what was looked at so far lies in a text
    for part in (*reversed(list(element.iterancestors())), element):
        tag, role = part.tag, part.get("role")
        if tag in ASIDE or (role and role in ASIDE) or (not own and is_margin(part)):
            return True
        own = own or tag in OWN or role == "main"
    return False


def is_margin(element: Element) -> bool:
    """Whether an element is the site's head or foot, told from its tag or name."""
    if element.tag in MARGIN:
        return True
    classes, identifier = element.get("class"), element.get("id")
    return any(names and ("fo" in names or "colo" in names) and FOOT.search(names) for names in (classes, identifier))


def is_own(around: Sequence[Element]) -> bool:
    """Whether an element stands in the page's main part."""
    return any(element.tag in OWN or element.get("role") == "main" for element in around)


def is_switchboard(contact: ContactItem, site: frozenset[str]) -> bool:
    """Whether a contact is nobody's own and stands in the site's foot as well: the same on every page."""
    if contact.name or is_press(contact.role):
        return False
    return reach_of(f"{contact.phone or ''}, {contact.email or ''}") <= site


def site_reach(root: Element) -> frozenset[str]:
    """The numbers and addresses in the site's foot."""
    feet = [
        element
        for element in root.iter("footer", "div", "section")
        if (element.get("role") == "contentinfo" or is_margin(element))
        and next(element.iterancestors(*OWN), None) is None
    ]
    printed = (etree.tostring(foot, encoding="unicode", with_tail=False) for foot in feet)
    return frozenset(key for foot in printed for key in reach_in(foot))


@repeated(number=128, longest=200_000)
def reach_in(markup: str) -> frozenset[str]:
    """The numbers and addresses in a piece of a page. Cached: a site's foot is the same on every page of it."""
    root = etree.fromstring(markup, etree.HTMLParser())
    return frozenset(key for _, line in read_lines(root) for key in reach_of(line.text))


def reach_of(text: str) -> frozenset[str]:
    """The numbers and addresses of a text, however they are written: a number by its last seven digits."""
    if not may_reach(text):
        return frozenset()
    return frozenset(
        token.text.lower() if token.kind == "mail" else "".join(filter(str.isdigit, token.text))[-7:]
        for token in split_reach(text)
        if token.kind != "text"
    )


def is_press(role: str | None) -> bool:
    """Whether an office is the one for journalists."""
    return role is not None and PRESS.search(role) is not None


MOST_LINES = 60
MOST_FOLLOWING = 12  # lines after words that lead to a contact within a line
MOST_PROSE = 2  # lines in a row without any contact that end a section
LONGEST_LABEL, LONGEST_NOTE = 50, 140  # characters of a line that is not running text


def section_of(placed: Sequence[Placed], at: int) -> tuple[list[Placed], bool]:
    """The lines after a heading up to the next of its rank or to running text; whether anything ended them."""
    head = placed[at].line
    section: list[Placed] = []
    prose = 0
    for entry in placed[at + 1 : at + 1 + MOST_LINES]:
        line = entry.line
        if line.rank <= head.rank and line.rank < 9 and not (head.rank == 9 and is_name(line.text)):
            return section, True
        if head.rank == 9 and line.bold and not is_name(line.text) and not HEADING.match(line.text):
            return section, True
        prose = prose + 1 if is_prose(line.text) else 0
        if prose == MOST_PROSE:
            return section[:-1], True
        section.append(entry)
    return section, False


def read_section(head: Line, section: Sequence[Placed]) -> tuple[list[ContactItem], bool, str] | None:
    """The contacts of a heading's lines or of the line itself, whether they are certain, and the rule that told."""
    text = head.text
    lines = list(parted(line for _, line in section))
    if found := HEADING.match(text):
        certain, rule = found["certain"] is not None, f"heading {text!r}"
        contacts = read_contacts(lines, text, certain=certain)
    elif found := LEADING.match(text):
        certain, rule = True, f"line {text[: found.end()].strip()!r}"
        reached = [n for n, line in enumerate(lines[:MOST_FOLLOWING]) if has_reach(line.text)]
        rest = [Line(text[found.end() :]), *lines[: max(reached, default=-1) + 1]]
        contacts = read_contacts(rest, text[: found.end()], certain=True)
    else:
        return None
    return (contacts, certain, rule) if contacts else None


def parted(lines: Iterable[Line]) -> Iterator[Line]:
    """Lines, one that opens with a heading's words parted from them, a label alone joined to what it labels."""
    label = ""
    for line in lines:
        if line.text.endswith(":") and LABEL.fullmatch(line.text):
            label = f"{line.text} "
            continue
        found = LEADING.match(line.text)
        if found:
            yield replace(line, text=line.text[: found.end()].strip())
        yield replace(line, text=label + line.text[found.end() if found else 0 :], bold=line.bold and not found)
        label = ""


def has_reach(text: str) -> bool:
    """Whether a line holds a number or an address."""
    return may_reach(text) and any(token.kind != "text" for token in split_reach(text))


def is_prose(text: str) -> bool:
    """Whether a line is running text rather than a part of a contact."""
    return not has_reach(text) and (len(text) > LONGEST_NOTE or (len(text) > LONGEST_LABEL and text[-1] in ".!?:"))


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
