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

from scraper.items import ContactItem, Provenance
from scraper.normalise.contacts import may_have_phone_or_email, tokenise_contact_line
from scraper.normalise.text import cache_by_text, clean_line, split_word_list
from scraper.pages.contact_parser import (
    CONTACT_BOX_CLASS,
    CONTACT_HEADING,
    CONTACT_LABEL,
    CONTACT_LEAD_IN,
    CONTACT_STEM,
    FOOTER_CLASS,
    PRESS_WORD,
    ContactLine,
    is_person_name,
    parse_contact_sentences,
    parse_contacts,
)
from scraper.pages.content import count_text_letters
from scraper.pages.document import HEADING_TAGS, INLINE_TAGS, Document, Element, format_element_path

NON_CONTACT_TAGS = {
    "script",
    "style",
    "noscript",
    "template",
    "svg",
    "iframe",
    "form",
    "input",
    "select",
    "textarea",
    "nav",
}
CELL_TAGS = {"td", "th"}
HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
BOLD_TAGS = {"strong", "b"}


class PageLine(NamedTuple):
    """A line and the innermost block it stands in."""

    block: Element
    line: ContactLine


def read_page_lines(root: Element) -> Iterator[PageLine]:
    """The lines of an element: blocks and line breaks part them, cells of a row are parted by commas."""
    walk = etree.iterwalk(root, ("start", "end"))
    blocks, run = [root], LineBuilder()
    for event, element in walk:
        tag = element.tag
        inline = tag in INLINE_TAGS or tag in CELL_TAGS
        if not inline or tag == "br":
            yield from run.flush_line(blocks[-1])
        if event == "start":
            if not inline:
                blocks.append(element)
            run.start_element(element)
            style = element.get("style")
            if tag in NON_CONTACT_TAGS or (style and HIDDEN_STYLE.search(style)):
                walk.skip_subtree()
            else:
                run.add_text(element.text)
        else:
            run.end_element(element)
            if not inline:
                blocks.pop()
            if element is not root:
                run.add_text(", " if tag in CELL_TAGS else None)
                run.add_text(element.tail)
    yield from run.flush_line(root)


class LineBuilder:
    """The text of a line as it is collected, and how much of it is bold or a link elsewhere."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = self.bold_length = self.linked_length = 0
        self.level = 9
        self.open_tags = {"bold": 0, "link": 0}
        self.heading_levels: list[int] = []
        self.link_start = 0  # where the text of the link being read begins

    def start_element(self, element: Element) -> None:
        """An element begins."""
        tag = element.tag
        if tag in BOLD_TAGS:
            self.open_tags["bold"] += 1
        elif tag in HEADING_TAGS:
            self.heading_levels.append(int(tag[1]))
        elif tag == "a":
            href = element.get("href") or ""
            self.link_start = len(self.parts)
            if href.startswith("tel:"):
                self.parts.append(" tel ")
            elif not href.startswith("mailto:"):
                self.open_tags["link"] += 1

    def end_element(self, element: Element) -> None:
        """An element ends; a link whose words do not tell where it leads is followed by it."""
        tag = element.tag
        if tag in BOLD_TAGS:
            self.open_tags["bold"] -= 1
            if CONTACT_HEADING.match(clean_line("".join(self.parts))) and self.parts[-1].rstrip()[-1:] != ":":
                self.parts.append(": ")  # a bold heading within a line parts from what follows, marked or not
        elif tag in HEADING_TAGS:
            self.heading_levels.pop()
        elif tag == "a":
            href = element.get("href") or ""
            kind = href.partition(":")[0]
            if kind not in ("tel", "mailto"):
                self.open_tags["link"] -= 1
            elif not any(
                token.kind != "text" for token in tokenise_contact_line("".join(self.parts[self.link_start :]))
            ):
                address = unquote(href.partition(":")[2].partition("?")[0])
                self.parts.append(f" tel {address} " if kind == "tel" else f" {address} ")

    def add_text(self, text: str | None) -> None:
        """Words."""
        if text:
            size = len(text.strip())
            self.parts.append(text)
            self.length += size
            self.bold_length += size if self.open_tags["bold"] else 0
            self.linked_length += size if self.open_tags["link"] else 0
            if self.heading_levels:
                self.level = min(self.level, *self.heading_levels)

    def flush_line(self, block: Element) -> Iterator[PageLine]:
        """The line there is, if any; the next one begins."""
        if not self.parts:
            return
        text = clean_line("".join(self.parts)).strip(" ,")
        if text:
            bold, linked = (part >= 0.95 * max(self.length, 1) for part in (self.bold_length, self.linked_length))
            yield PageLine(block, ContactLine(text, self.level, bold, linked))
        self.parts, self.length, self.bold_length, self.linked_length, self.level, self.link_start = [], 0, 0, 0, 9, 0


BOILERPLATE_TAGS_AND_ROLES = {
    "nav",
    "dialog",
    "navigation",
    "banner",
    "contentinfo",
    "search",
    "alertdialog",
}  # tags and roles
SITE_HEADER_FOOTER_TAGS = {"header", "footer"}
MAIN_TAGS = {"main", "article"}


def is_in_boilerplate(element: Element) -> bool:
    """Whether an element lies in a menu, a dialog, or the head or foot of the site."""
    own = False  # whether what was looked at so far lies in a text
    for part in (*reversed(list(element.iterancestors())), element):
        tag, role = part.tag, part.get("role")
        if (
            tag in BOILERPLATE_TAGS_AND_ROLES
            or (role and role in BOILERPLATE_TAGS_AND_ROLES)
            or (not own and is_site_header_or_footer(part))
        ):
            return True
        own = own or tag in MAIN_TAGS or role == "main"
    return False


def is_site_header_or_footer(element: Element) -> bool:
    """Whether an element is the site's head or foot, told from its tag or name."""
    if element.tag in SITE_HEADER_FOOTER_TAGS:
        return True
    classes, identifier = element.get("class"), element.get("id")
    return any(
        names and ("fo" in names or "colo" in names) and FOOTER_CLASS.search(names) for names in (classes, identifier)
    )


def is_in_main(ancestors: Sequence[Element]) -> bool:
    """Whether an element stands in the page's main part."""
    return any(element.tag in MAIN_TAGS or element.get("role") == "main" for element in ancestors)


def is_switchboard_contact(contact: ContactItem, footer_keys: frozenset[str]) -> bool:
    """Whether a contact is nobody's own and stands in the site's foot as well: the same on every page."""
    if contact.name or is_press_role(contact.role):
        return False
    return find_contact_keys(f"{contact.phone or ''}, {contact.email or ''}") <= footer_keys


def find_footer_contact_keys(root: Element) -> frozenset[str]:
    """The numbers and addresses in the site's foot."""
    feet = [
        element
        for element in root.iter("footer", "div", "section")
        if (element.get("role") == "contentinfo" or is_site_header_or_footer(element))
        and next(element.iterancestors(*MAIN_TAGS), None) is None
    ]
    printed = (etree.tostring(foot, encoding="unicode", with_tail=False) for foot in feet)
    return frozenset(key for foot in printed for key in find_contact_keys_in_markup(foot))


@cache_by_text(maxsize=128, max_length=200_000)
def find_contact_keys_in_markup(markup: str) -> frozenset[str]:
    """The numbers and addresses in a piece of a page. Cached: a site's foot is the same on every page of it."""
    root = etree.fromstring(markup, etree.HTMLParser())
    return frozenset(key for _, line in read_page_lines(root) for key in find_contact_keys(line.text))


def find_contact_keys(text: str) -> frozenset[str]:
    """The numbers and addresses of a text, however they are written: a number by its last seven digits."""
    if not may_have_phone_or_email(text):
        return frozenset()
    return frozenset(
        token.text.lower() if token.kind == "mail" else "".join(filter(str.isdigit, token.text))[-7:]
        for token in tokenise_contact_line(text)
        if token.kind != "text"
    )


def is_press_role(role: str | None) -> bool:
    """Whether an office is the one for journalists."""
    return role is not None and PRESS_WORD.search(role) is not None


MAX_SECTION_LINES = 60
MAX_FOLLOWING_LINES = 12  # lines after words that lead to a contact within a line
MAX_PROSE_LINES = 2  # lines in a row without any contact that end a section
MAX_LABEL_LENGTH, MAX_NOTE_LENGTH = 50, 140  # characters of a line that is not running text


def find_contact_section(page_lines: Sequence[PageLine], index: int) -> tuple[list[PageLine], bool]:
    """The lines after a heading up to the next of its rank or to running text; whether anything ended them."""
    head = page_lines[index].line
    section: list[PageLine] = []
    prose = 0
    for entry in page_lines[index + 1 : index + 1 + MAX_SECTION_LINES]:
        line = entry.line
        if line.level <= head.level and line.level < 9 and not (head.level == 9 and is_person_name(line.text)):
            return section, True
        if head.level == 9 and line.bold and not is_person_name(line.text) and not CONTACT_HEADING.match(line.text):
            return section, True
        prose = prose + 1 if is_prose_line(line.text) else 0
        if prose == MAX_PROSE_LINES:
            return section[:-1], True
        section.append(entry)
    return section, False


def parse_contact_section(
    heading: ContactLine, section: Sequence[PageLine]
) -> tuple[list[ContactItem], bool, str] | None:
    """The contacts of a heading's lines or of the line itself, whether they are certain, and the rule that told."""
    text = heading.text
    lines = list(split_lead_ins(line for _, line in section))
    if found := CONTACT_HEADING.match(text):
        certain, rule = found["certain"] is not None, f"heading {text!r}"
        contacts = parse_contacts(lines, text, heading_is_certain=certain)
    elif found := CONTACT_LEAD_IN.match(text):
        certain, rule = True, f"line {text[: found.end()].strip()!r}"
        reached = [n for n, line in enumerate(lines[:MAX_FOLLOWING_LINES]) if has_phone_or_email(line.text)]
        rest = [ContactLine(text[found.end() :]), *lines[: max(reached, default=-1) + 1]]
        contacts = parse_contacts(rest, text[: found.end()], heading_is_certain=True)
    else:
        return None
    return (contacts, certain, rule) if contacts else None


def split_lead_ins(lines: Iterable[ContactLine]) -> Iterator[ContactLine]:
    """Lines, one that opens with a heading's words parted from them, a label alone joined to what it labels."""
    label = ""
    for line in lines:
        if line.text.endswith(":") and CONTACT_LABEL.fullmatch(line.text):
            label = f"{line.text} "
            continue
        found = CONTACT_LEAD_IN.match(line.text)
        if found:
            yield replace(line, text=line.text[: found.end()].strip())
        yield replace(line, text=label + line.text[found.end() if found else 0 :], bold=line.bold and not found)
        label = ""


def has_phone_or_email(text: str) -> bool:
    """Whether a line holds a number or an address."""
    return may_have_phone_or_email(text) and any(token.kind != "text" for token in tokenise_contact_line(text))


def is_prose_line(text: str) -> bool:
    """Whether a line is running text rather than a part of a contact."""
    return not has_phone_or_email(text) and (
        len(text) > MAX_NOTE_LENGTH or (len(text) > MAX_LABEL_LENGTH and text[-1] in ".!?:")
    )


HEADING_CANDIDATE_TAGS = frozenset(
    split_word_list("h1 h2 h3 h4 h5 h6 p strong b em span div dt th td li legend summary")
)
PARAGRAPH_TAGS = ("p", "li")
MAX_HEADING_CANDIDATES, MAX_CONTACTS = 30, 100  # a page with more is a directory
MAX_ANCESTOR_STEPS = 5  # steps up from a heading to the element that holds its contacts
MAX_CONTACT_HEADING_LENGTH = 160
MAX_CONTACT_BOX_LENGTH = 1200  # characters


@dataclass(frozen=True, slots=True)
class ContactArea:
    """A part of a page that names contacts. ancestors: what holds it; doubtful: it may be the site's own."""

    contacts: list[ContactItem]
    evidence: Provenance
    ancestors: Sequence[Element]
    doubtful: bool


def find_contact_areas(document: Document) -> list[ContactArea]:
    """Every part of a page that names contacts: first what headings say, then boxes, then sentences.

    Looked for before noise is dropped, for contacts are often taken for it.
    """
    taken: set[Element] = set()
    read: dict[Element, list[PageLine]] = {}
    heads = list(islice(find_contact_headings(document), MAX_HEADING_CANDIDATES))
    found = [area for head in heads if (area := read_area_under_heading(head, taken, read))]
    found += [area for box in find_contact_boxes(document) if (area := read_area_in_box(box, taken))]
    found += [
        area for paragraph in find_contact_requests(document) if (area := read_area_in_paragraph(paragraph, taken))
    ]
    return list(drop_switchboard_contacts(document.root, found))


def choose_contacts(areas: Sequence[ContactArea], main: Element) -> tuple[list[ContactItem], Provenance] | None:
    """The contacts of the release in the main element. What a doubtful heading names beside it counts only if it is a
    person: whole offices are printed on every page."""
    kept: dict[ContactItem, None] = {}
    evidence: Provenance | None = None
    for area in areas:
        beside = area.doubtful and main not in area.ancestors and not is_in_main(area.ancestors)
        told = [contact for contact in area.contacts if contact.name or not beside]
        evidence = evidence or (area.evidence if told else None)
        kept.update(dict.fromkeys(told))
    return (list(kept)[:MAX_CONTACTS], evidence) if evidence else None


def find_contact_headings(document: Document) -> Iterator[Element]:
    """What may be a heading over contacts, or open a line that names one."""
    for element in document.root.iter(*HEADING_CANDIDATE_TAGS):
        text = element.text
        if (
            text
            and len(text) < MAX_CONTACT_HEADING_LENGTH
            and opens_contact_section(text)
            and not is_in_boilerplate(element)
        ):
            yield element


def find_contact_boxes(document: Document) -> Iterator[Element]:
    """Elements whose class says contact."""
    for element in document.select_by_class(is_contact_class):
        if not is_in_boilerplate(element):
            yield element


@cache_by_text()
def is_contact_class(classes: str) -> bool:
    """Whether a class attribute names a box of contacts. Cached: a site's pages share them."""
    return CONTACT_BOX_CLASS.search(classes) is not None


def find_contact_requests(document: Document) -> dict[Element, None]:
    """The paragraphs that may ask to contact somebody."""
    asking: dict[Element, None] = {}
    if "ontakta" in document.text:  # not in most pages' texts, and telling so at once is cheap
        for element in document.root.iter("*"):
            if "ontakta" in (element.text or "") or "ontakta" in (element.tail or ""):
                paragraph = next((part for part in iter_to_block_ancestor(element) if part.tag in PARAGRAPH_TAGS), None)
                if paragraph is not None and not is_in_boilerplate(element):
                    asking[paragraph] = None
    return asking


@cache_by_text(16_384)
def opens_contact_section(text: str) -> bool:
    """Whether a text is a heading over contacts, or opens a line that names one.

    Cached: a site's menus stand on every page of it.
    """
    if not CONTACT_STEM.search(text):
        return False
    line = clean_line(text)
    return CONTACT_HEADING.match(line) is not None or CONTACT_LEAD_IN.match(line) is not None


def iter_to_block_ancestor(element: Element) -> Iterator[Element]:
    """An element and what holds it, up to the next paragraph."""
    yield element
    for part in element.iterancestors():
        yield part
        if part.tag not in INLINE_TAGS:
            return


def read_area_under_heading(
    heading: Element, used_elements: set[Element], lines_by_element: dict[Element, list[PageLine]]
) -> ContactArea | None:
    """The contacts under a heading, or in a line that leads to them. read: the lines of elements, as far as known."""
    line = clean_line(heading.text or "")
    block = list(iter_to_block_ancestor(heading))[-1] if heading.tag in INLINE_TAGS else heading
    ancestors = list(block.iterancestors())
    if block in used_elements:
        return None
    best: ContactArea | None = None
    lines: list[PageLine] = []
    for box in [block, *ancestors[:MAX_ANCESTOR_STEPS]]:
        if box not in lines_by_element:
            lines_by_element[box] = list(read_page_lines(box))
        placed = lines_by_element[box]
        at = next((n for n, (_, told) in enumerate(placed) if told.text.startswith(line)), None)
        if box.tag in ("body", "html") or at is None:
            break
        section, ended = find_contact_section(placed, at)
        found = parse_contact_section(placed[at].line, section)
        if found:
            contacts, certain, rule = found
            area = ContactArea(
                contacts, Provenance(rule=rule, element=format_element_path(block)), ancestors, doubtful=not certain
            )
            best, lines = best or area, [placed[at], *section]
            if any(contact.phone or contact.email for contact in contacts):
                best = area
                break
        if ended:
            break
    used_elements.update(holder for holder, _ in lines if best)
    return best


def read_area_in_box(box: Element, used_elements: set[Element]) -> ContactArea | None:
    """The contacts of an element whose class says contact: persons with a number or an address."""
    ancestors = list(box.iterancestors())
    if box in used_elements or count_text_letters(box) > MAX_CONTACT_BOX_LENGTH:
        return None
    if not used_elements.isdisjoint(box.iter()) or not used_elements.isdisjoint(ancestors):
        return None
    contacts = parse_contacts(split_lead_ins(line for _, line in read_page_lines(box)), "", heading_is_certain=False)
    if not any(contact.name for contact in contacts):
        return None
    used_elements.update(box.iter())
    return ContactArea(
        contacts, Provenance(rule="name of the box", element=format_element_path(box)), ancestors, doubtful=True
    )


def read_area_in_paragraph(paragraph: Element, used_elements: set[Element]) -> ContactArea | None:
    """The contacts that a paragraph asks to turn to."""
    ancestors = list(paragraph.iterancestors())
    if paragraph in used_elements or not used_elements.isdisjoint(ancestors):
        return None
    contacts = [contact for _, line in read_page_lines(paragraph) for contact in parse_contact_sentences(line.text)]
    evidence = Provenance(rule="sentence that asks to contact", element=format_element_path(paragraph))
    return ContactArea(contacts, evidence, ancestors, doubtful=True) if contacts else None


def drop_switchboard_contacts(root: Element, areas: Sequence[ContactArea]) -> Iterator[ContactArea]:
    """The areas without contacts that the site prints on every page."""
    nameless = any(not contact.name for area in areas for contact in area.contacts)
    site = find_footer_contact_keys(root) if nameless else frozenset()
    for area in areas:
        kept = [contact for contact in area.contacts if not is_switchboard_contact(contact, site)]
        if kept:
            yield replace(area, contacts=kept)
