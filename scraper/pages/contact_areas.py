"""Finds the contacts on a page: under a heading, in a contact box, or in a sentence.

A page is split into the lines that a reader sees, with the targets of email and telephone links.
Contacts in the site's header or footer, which are the same on every page, do not count.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile, groupby, islice, takewhile
from typing import Any
from urllib.parse import unquote

from lxml import etree

from scraper.items import ContactItem, Provenance
from scraper.normalise.contact_details import may_have_phone_or_email, tokenise_contact_line
from scraper.normalise.text_cleaning import cache_by_text, clean_line, split_word_list
from scraper.pages.contacts import (
    CONJUNCTION,
    CONTACT_BOX_CLASS,
    CONTACT_HEADING,
    CONTACT_LABEL,
    CONTACT_LEAD_IN,
    CONTACT_STEM,
    CONTACT_VERB,
    FOOTER_CLASS,
    OFFICE_WORD,
    PRESS_WORD,
    SENTENCE_VERB,
    ContactLine,
    has_job_title,
    has_own_address,
    is_person_name,
    parse_contact_line,
    parse_contact_sentences,
    parse_contacts,
    parse_people,
)
from scraper.pages.document import (
    HEADING_TAGS,
    INLINE_TAGS,
    Document,
    Element,
    count_text_letters,
    format_element_path,
)

# Tags and roles.
NON_CONTACT_TAGS = frozenset(
    split_word_list("script style noscript template svg iframe form input select textarea nav")
)
CELL_TAGS = {"td", "th"}
IN_LINE_TAGS = INLINE_TAGS | CELL_TAGS  # that do not end a line
SAME_LINE_TAGS = IN_LINE_TAGS - {"br"}
BOLD_TAGS = {"strong", "b"}
MARKED_TAGS = BOLD_TAGS | HEADING_TAGS | {"a"}  # that say something about the text in them
PARAGRAPH_TAGS = ("p", "li")
HEADING_CANDIDATE_TAGS = frozenset(
    split_word_list("h1 h2 h3 h4 h5 h6 p strong b em span div dt th td li legend summary")
)
BOILERPLATE_TAGS_AND_ROLES = frozenset(
    split_word_list("nav dialog navigation banner contentinfo search alertdialog")
)
SITE_HEADER_FOOTER_TAGS = {"header", "footer"}
MAIN_TAGS = {"main", "article"}
# Lines with the editors of the site.
SITE_CONTACT = re.compile(
    r"\W*(?:\w*ansvarig|utgivare|webb|artikeln|sidan|publi[cs]|editor)"
    r"|.*\b(?:ansv\w*\.?|nett|webb)[ -]?redak",
    re.IGNORECASE,
)
HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)

# Limits.
MAX_HEADING_CANDIDATES, MAX_CONTACTS = 30, 100  # a page with more is a directory
MAX_ANCESTOR_STEPS = 5  # from a heading to the element that contains its contacts
MAX_SECTION_LINES = 60
MAX_FOLLOWING_LINES = 12  # lines after the words that introduce a contact
MAX_PROSE_LINES = 2  # consecutive lines without a contact; with more, the section ends
MAX_ROLE_LINES = 3  # consecutive lines with a title or an office only
MAX_WORDS_TO_NUMBER = 5  # words of a sentence between a name and its number
MAX_LABEL_LENGTH, MAX_NOTE_LENGTH = 50, 140  # characters of a line that is not running text
MAX_CONTACT_HEADING_LENGTH = 160
MAX_CONTACT_BOX_LENGTH = 1200


@dataclass(frozen=True, slots=True)
class ContactArea:
    """A part of a page that contains contacts."""

    contacts: list[ContactItem]
    evidence: Provenance
    ancestors: Sequence[Element]
    doubtful: bool  # the contacts may be those of the site
    by_layout: bool = False  # without a heading, so that they only count in the main element


def find_contact_areas(document: Document) -> list[ContactArea]:
    """Return the parts of a page that contain contacts.

    Areas under headings come first, then contact boxes, then sentences.

    Call this before boilerplate is dropped, because contacts are often mistaken for boilerplate.
    """
    used_elements: set[Element] = set()
    reader = LineReader(document)
    headings = islice(_find_contact_headings(document), MAX_HEADING_CANDIDATES)
    found = [_read_area_under_heading(heading, used_elements, reader) for heading in headings]
    boxes = document.select_by_class(_is_contact_class)
    found += [
        _read_area_in_box(box, used_elements, reader)
        for box in boxes
        if not _is_in_boilerplate(box)
    ]
    lines = reader.read(document.root)
    found += _find_contact_requests(lines, used_elements)
    found += _find_people_by_layout(lines)
    return list(_drop_switchboard_contacts(document.root, [area for area in found if area]))


def choose_contacts(
    areas: Sequence[ContactArea], main: Element
) -> tuple[list[ContactItem], Provenance] | None:
    """Return the contacts of the release and their provenance, or None if it has no contacts.

    An area is doubtful if its contacts may be those of the site. From a doubtful area outside the
    main element, only people are returned, because the offices in such an area are usually named on
    every page.
    """
    chosen: dict[ContactItem, None] = {}
    evidence: Provenance | None = None
    for area in areas:
        is_in_main = main in area.ancestors or any(map(_is_main_or_article, area.ancestors))
        contacts = _select_contacts(area, chosen, is_in_main=is_in_main)
        if contacts:
            evidence = evidence or area.evidence
        chosen.update(dict.fromkeys(contacts))
    return (list(chosen)[:MAX_CONTACTS], evidence) if evidence else None


def _select_contacts(
    area: ContactArea, chosen: Iterable[ContactItem], *, is_in_main: bool
) -> list[ContactItem]:
    """Return the contacts of an area that belong to the release.

    chosen: the contacts that were chosen from earlier areas.
    """
    contacts = area.contacts
    if area.doubtful and not is_in_main:
        contacts = [contact for contact in contacts if contact.name]
    if not area.by_layout:
        return contacts
    if not is_in_main:
        return []
    names = {contact.name for contact in chosen}
    return [contact for contact in contacts if contact.name not in names]


def _find_contact_requests(
    lines: Iterable[ContactLine],
    used_elements: set[Element],
) -> Iterator[ContactArea]:
    """Yield an area for each line that asks the reader to contact someone."""
    for line in lines:
        contacts = parse_contact_sentences(line.text) if "ontakta" in line.text else []
        parents = (line.block, *line.block.iterancestors()) if contacts else ()
        if parents and used_elements.isdisjoint(parents) and not _is_in_boilerplate(line.block):
            yield _build_area(contacts, "sentence that asks to contact", line.block)


def _find_people_by_layout(lines: Iterable[ContactLine]) -> Iterator[ContactArea]:
    """Yield an area for each sentence or group of lines that names people.

    The people must have telephone numbers or email addresses of their own.
    """
    for is_short, group in groupby(lines, _is_short_line):
        neighbours = list(group)
        with_reach = [line for line in neighbours if has_phone_or_email(line.text)]
        if is_short and with_reach:
            yield from _find_people_in_runs(neighbours)
        elif not is_short:
            for line in filter(lambda line: _is_sentence(line.text), with_reach):
                people = [
                    person
                    for person in parse_people(line.text)
                    if _has_number_beside_name(person, line.text)
                ]
                yield from _build_layout_area(people, [line])


def _find_people_in_runs(lines: Iterable[ContactLine]) -> Iterator[ContactArea]:
    run: list[ContactLine] = []
    for line in (*lines, ContactLine("")):
        if _is_part_of_contact(line, run):
            run.append(line)
        else:
            yield from _build_layout_area(_read_people_in_run(run), run)
            run = []


def _build_layout_area(
    contacts: Iterable[ContactItem], lines: Sequence[ContactLine]
) -> Iterator[ContactArea]:
    people = [contact for contact in contacts if _is_evident_person(contact, lines)]
    if people and not _is_in_boilerplate(lines[0].block):
        yield replace(_build_area(people, "people by layout", lines[0].block), by_layout=True)


def _read_people_in_run(run: Sequence[ContactLine]) -> list[ContactItem]:
    """Return the contacts in consecutive lines, or [] if several people may share a number."""
    waiting = 0  # people since the last number
    for line in run:
        kinds = [kind for kind, _ in parse_contact_line(line.text)]
        waiting += "name" in kinds
        if has_phone_or_email(line.text):
            if waiting > 1:
                return []
            waiting = 0
    return parse_contacts(dropwhile(_is_role_line, run), "", heading_is_certain=False)


def _has_number_beside_name(contact: ContactItem, sentence: str) -> bool:
    """Return whether a name and its number are separated by only a few words, none of which names
    an office.
    """
    rest = sentence.partition(contact.name or "")[2]
    between = next((text for kind, text in tokenise_contact_line(rest) if kind == "text"), "")
    words = between.replace(",", " ").split()
    return len(words) <= MAX_WORDS_TO_NUMBER and not (
        _is_sentence(between) or CONTACT_VERB.search(between) or any(map(OFFICE_WORD.match, words))
    )


def _is_evident_person(contact: ContactItem, lines: Iterable[ContactLine]) -> bool:
    """Return whether a contact is evidently a person to contact.

    The contact must have a name and one of these: a job title, an email address that contains a
    word of the name, or a word for contacts in the line that contains the name.
    """
    name = contact.name
    if name is None or has_job_title(contact.role) or has_own_address(contact):
        return name is not None
    return any(name in line.text and CONTACT_STEM.search(line.text) for line in lines)


def _is_part_of_contact(line: ContactLine, run: Sequence[ContactLine]) -> bool:
    """Return whether a short line is part of a contact that the lines in `run` may have begun.

    Such a line contains a name, a title, or a number that is alone or beside a name.
    """
    if SITE_CONTACT.match(line.text) or (line.level < 9 and not is_person_name(line.text)):
        return False
    if len(run) >= MAX_ROLE_LINES and all(map(_is_role_line, run[-MAX_ROLE_LINES:])):
        return False
    return _has_parts_of_one_contact(line.text)


@cache_by_text()
def _has_parts_of_one_contact(line: str) -> bool:
    kinds = [kind for kind, _ in parse_contact_line(line)]
    if "name" in kinds:
        return kinds.count("name") == 1 and not CONJUNCTION.search(line.partition(",")[0])
    if "desk" in kinds or not kinds:
        return False
    if has_phone_or_email(line):
        return "role" not in kinds
    return not _names_only_office(line)


def _names_only_office(text: str) -> bool:
    return any(map(OFFICE_WORD.match, text.split())) and not has_job_title(text)


def _is_short_line(line: ContactLine) -> bool:
    return len(line.text) <= MAX_NOTE_LENGTH and not _is_sentence(line.text)


@cache_by_text(16_384)
def _is_sentence(text: str) -> bool:
    return text.rstrip().endswith((".", "!", "?")) or SENTENCE_VERB.search(text) is not None


def _is_role_line(line: ContactLine) -> bool:
    return all(kind == "role" for kind, _ in parse_contact_line(line.text))


def _find_contact_headings(document: Document) -> Iterator[Element]:
    """Yield the elements that may be headings above contacts, or lead-ins such as "Kontakt:"."""
    for element in document.root.iter(*HEADING_CANDIDATE_TAGS):
        text = element.text
        if (
            text
            and len(text) < MAX_CONTACT_HEADING_LENGTH
            and not text.isspace()
            and opens_contact_section(text)
            and not _is_in_boilerplate(element)
        ):
            yield element


@cache_by_text(16_384)
def opens_contact_section(text: str) -> bool:
    """Return whether a text is a heading above contacts, or begins with a lead-in ("Kontakt: …").

    Results are cached, because menus are the same on many pages.
    """
    if not CONTACT_STEM.search(text):
        return False
    line = clean_line(text)
    return CONTACT_HEADING.match(line) is not None or CONTACT_LEAD_IN.match(line) is not None


@cache_by_text()
def _is_contact_class(classes: str) -> bool:
    lower = classes.lower()
    is_possible = "ontact" in lower or "ontakt" in lower or "card" in lower
    return is_possible and CONTACT_BOX_CLASS.search(classes) is not None


def _find_block(heading: Element) -> Element:
    """Return the block element that contains a heading, or the heading itself if it is one."""
    parts = (heading, *heading.iterancestors())
    return next((part for part in parts if part.tag not in INLINE_TAGS), parts[-1])


def _read_area_under_heading(
    heading: Element, used_elements: set[Element], reader: LineReader
) -> ContactArea | None:
    """Return the area with the contacts under a heading, or after a lead-in such as "Kontakt:".

    Ever larger elements around the heading are searched until one of them has a contact with a
    telephone number or email address. Returns None if no contact is found. The block elements of
    the lines that were used are added to `used_elements`.
    """
    line = clean_line(heading.text or "")
    block = _find_block(heading)
    if block in used_elements:
        return None
    best: ContactArea | None = None
    lines: list[ContactLine] = []
    boxes = (block, *islice(block.iterancestors(), MAX_ANCESTOR_STEPS))
    for box in takewhile(lambda box: box.tag not in ("body", "html"), boxes):
        box_lines = reader.read(box)
        index = _find_line_that_starts(box_lines, line)
        if index is None:
            break
        section, is_complete = _find_contact_section(box_lines, index)
        contacts, certain, rule = _parse_contact_section(box_lines[index], section)
        if contacts:
            area = _build_area(contacts, rule, block, doubtful=not certain)
            best, lines = best or area, [box_lines[index], *section]
            if _has_any_reach(contacts):
                best = area
                break
        if is_complete:
            break
    used_elements.update(line.block for line in lines)
    return best


def _find_line_that_starts(lines: Sequence[ContactLine], words: str) -> int | None:
    return next((index for index, line in enumerate(lines) if line.text.startswith(words)), None)


def _has_any_reach(contacts: Iterable[ContactItem]) -> bool:
    return any(contact.phone or contact.email for contact in contacts)


def _build_area(
    contacts: list[ContactItem], rule: str, element: Element, *, doubtful: bool = True
) -> ContactArea:
    evidence = Provenance(rule=rule, element=format_element_path(element))
    return ContactArea(contacts, evidence, list(element.iterancestors()), doubtful)


def _find_contact_section(
    lines: Sequence[ContactLine], index: int
) -> tuple[list[ContactLine], bool]:
    """Return the lines between a heading and the next section or running text.

    Also returns whether the end of the section was found.
    """
    heading = lines[index]
    section: list[ContactLine] = []
    prose_lines = 0
    for line in lines[index + 1 : index + 1 + MAX_SECTION_LINES]:
        if _starts_next_section(line, heading):
            return section, True
        prose_lines = prose_lines + 1 if _is_prose_line(line.text) else 0
        if prose_lines == MAX_PROSE_LINES:
            return section[:-1], True
        section.append(line)
    return section, False


def _starts_next_section(line: ContactLine, heading: ContactLine) -> bool:
    """Return whether a line starts a new section, after the section under `heading`.

    If `heading` is a heading element, only headings of the same or a higher level start a new
    section. Otherwise, all headings and bold lines do, except names and bold headings above
    contacts.
    """
    if heading.level < 9:
        return line.level <= heading.level
    if line.level == 9 and (not line.bold or CONTACT_HEADING.match(line.text)):
        return False
    return not is_person_name(line.text)


def _is_prose_line(text: str) -> bool:
    """Return whether a line is running text rather than part of a contact."""
    is_long = len(text) > MAX_NOTE_LENGTH or (len(text) > MAX_LABEL_LENGTH and text[-1] in ".!?:")
    return is_long and not has_phone_or_email(text)


def _parse_contact_section(
    heading: ContactLine, section: Sequence[ContactLine]
) -> tuple[list[ContactItem], bool, str]:
    """Return the contacts in the lines under a heading, or after a lead-in such as "Kontakt:".

    Also returns whether the contacts are certain, and the rule that found them.
    """
    text = heading.text
    lines = list(_split_lead_ins(section))
    if found := CONTACT_HEADING.match(text):
        certain = found["certain"] is not None
        return parse_contacts(lines, text, heading_is_certain=certain), certain, f"heading {text!r}"
    if found := CONTACT_LEAD_IN.match(text):
        with_reach = [
            number
            for number, line in enumerate(lines[:MAX_FOLLOWING_LINES])
            if has_phone_or_email(line.text)
        ]
        rest = [ContactLine(text[found.end() :]), *lines[: max(with_reach, default=-1) + 1]]
        contacts = parse_contacts(rest, text[: found.end()], heading_is_certain=True)
        return contacts, True, f"line {text[: found.end()].strip()!r}"
    return [], False, ""


def _split_lead_ins(lines: Iterable[ContactLine]) -> Iterator[ContactLine]:
    """Yield the lines, with introductory words such as "Kontakt:" as lines of their own.

    A label without a value is joined to the next line.
    """
    label = ""
    for line in lines:
        if line.text.endswith(":") and CONTACT_LABEL.fullmatch(line.text):
            label = f"{line.text} "
            continue
        found = CONTACT_LEAD_IN.match(line.text)
        if found:
            yield line._replace(text=line.text[: found.end()].strip())
        yield line._replace(
            text=label + line.text[found.end() if found else 0 :],
            bold=line.bold and not found,
        )
        label = ""


@cache_by_text(16_384)
def has_phone_or_email(text: str) -> bool:
    return may_have_phone_or_email(text) and any(
        token.kind != "text" for token in tokenise_contact_line(text)
    )


def _read_area_in_box(
    box: Element, used_elements: set[Element], reader: LineReader
) -> ContactArea | None:
    """Return the area with the contacts in a contact box.

    Returns None if the box names no person, is too long, or was already used.
    """
    if box in used_elements or count_text_letters(box) > MAX_CONTACT_BOX_LENGTH:
        return None
    if not used_elements.isdisjoint(box.iter()) or not used_elements.isdisjoint(
        box.iterancestors()
    ):
        return None
    contacts = parse_contacts(_split_lead_ins(reader.read(box)), "", heading_is_certain=False)
    if not any(contact.name for contact in contacts):
        return None
    used_elements.update(box.iter())
    return _build_area(contacts, "name of the box", box)


def _drop_switchboard_contacts(
    root: Element, areas: Sequence[ContactArea]
) -> Iterator[ContactArea]:
    """Yield the areas without the nameless contacts that are also in the site's footer.

    Contacts of a press office are kept. Areas with no remaining contacts are left out.
    """
    has_nameless = any(not contact.name for area in areas for contact in area.contacts)
    footer_keys = _find_footer_contact_keys(root) if has_nameless else frozenset()
    for area in areas:
        contacts = [
            contact for contact in area.contacts if not _is_in_site_footer(contact, footer_keys)
        ]
        if contacts:
            yield replace(area, contacts=contacts)


def _is_in_site_footer(contact: ContactItem, footer_keys: frozenset[str]) -> bool:
    if contact.name or PRESS_WORD.search(contact.role or ""):  # a person or the press office
        return False
    reach = f"{contact.phone or ''}, {contact.email or ''}"
    return _find_contact_keys(reach) <= footer_keys


def _find_footer_contact_keys(root: Element) -> frozenset[str]:
    footers = [
        element
        for element in root.iter("footer", "div", "section")
        if (element.get("role") == "contentinfo" or _is_site_header_or_footer(element))
        and next(element.iterancestors(*MAIN_TAGS), None) is None
    ]
    markups = (etree.tostring(footer, encoding="unicode", with_tail=False) for footer in footers)
    return frozenset(key for markup in markups for key in _find_contact_keys_in_markup(markup))


@cache_by_text(maxsize=128, max_length=200_000)
def _find_contact_keys_in_markup(markup: str) -> frozenset[str]:
    """Return the contact keys (see `_find_contact_keys`) in a piece of HTML.

    Results are cached, because the pages of a site have the same footer.
    """
    document = Document(markup.encode(), "")
    lines = LineReader(document).read(document.root)
    return frozenset(key for line in lines for key in _find_contact_keys(line.text))


def _find_contact_keys(text: str) -> frozenset[str]:
    """Return the email addresses and telephone numbers in a text, normalised for comparison.

    Email addresses are in lower case. Numbers are reduced to their last seven digits, without
    spaces and punctuation.
    """
    if not may_have_phone_or_email(text):
        return frozenset()
    return frozenset(
        token.text.lower()
        if token.kind == "email"
        else "".join(filter(str.isdigit, token.text))[-7:]
        for token in tokenise_contact_line(text)
        if token.kind != "text"
    )


def _is_in_boilerplate(element: Element) -> bool:
    """Return whether an element is in a menu, a dialog, or the header or footer of the site."""
    in_main = False  # whether an outer element is the main part or an article
    for part in (*reversed(list(element.iterancestors())), element):
        tag, role = part.tag, part.get("role")
        if (
            tag in BOILERPLATE_TAGS_AND_ROLES
            or (role and role in BOILERPLATE_TAGS_AND_ROLES)
            or (not in_main and _is_site_header_or_footer(part))
        ):
            return True
        in_main = in_main or _is_main_or_article(part)
    return False


def _is_site_header_or_footer(element: Element) -> bool:
    if element.tag in SITE_HEADER_FOOTER_TAGS:
        return True
    classes, identifier = element.get("class"), element.get("id")
    return any(
        names and ("fo" in names or "colo" in names) and FOOTER_CLASS.search(names)
        for names in (classes, identifier)
    )


def _is_main_or_article(element: Element) -> bool:
    return element.tag in MAIN_TAGS or element.get("role") == "main"


class LineReader:
    """Reads the lines of a page or of an element. The page is split into lines only once."""

    def __init__(self, document: Document) -> None:
        self.unread = _collect_unread(document)
        self.page = LineBuilder(document.root, self.unread)

    def read(self, element: Element) -> list[ContactLine]:
        builder = self.page
        if element not in builder.spans:  # it is in a menu, in bold text or in a row of a table
            builder = LineBuilder(element, self.unread)
        return builder.lines[builder.spans.get(element, slice(None))]


def _collect_unread(document: Document) -> set[Element]:
    """Return the elements whose text is left out: hidden elements, scripts, forms and menus."""
    styles = document.index.styles.items()
    hidden = (part for part, style in styles if HIDDEN_STYLE.search(style))
    others = document.select_by_tag(*NON_CONTACT_TAGS)
    return {*hidden, *(part for part in others if not _is_page_form(part))}


def _is_page_form(element: Element) -> bool:
    """Return whether an element is a form around the whole page, as in ASP.NET."""
    return element.tag == "form" and next(element.iter("h1", *MAIN_TAGS), None) is not None


class LineBuilder:
    """Splits an element into lines, at block elements and line breaks.

    Commas separate the cells of a table row.

    lines: each line, with its heading level and whether it is bold or a link to another page.
    spans: the slice of `lines` that each block element covers, except elements in bold text, links
        or headings.
    """

    def __init__(self, root: Element, unread: Collection[Element]) -> None:
        self.lines: list[ContactLine] = []
        self.spans: dict[Element, slice] = {}
        # the open block elements, outermost first, and the number of lines before each
        self.blocks = [(root, 0)]
        self.parts: list[str] = []
        self.length = self.bold_length = self.linked_length = 0
        self.level = 9
        self.open_bold_tags = self.open_links = 0
        self.heading_levels: list[int] = []
        self.link_start = 0  # index in `parts` of the current link's text
        self.read_element(root, unread)
        if self.parts:
            self.flush_line()

    def read_element(self, root: Element, unread: Collection[Element]) -> None:
        walk = etree.iterwalk(root, ("start", "end"))
        for event, element in walk:
            tag: Any = element.tag
            if self.parts and tag not in SAME_LINE_TAGS:
                self.flush_line()
            if event == "end":
                self.close_element(element, tag)
                text = None if element is root else element.tail
            else:
                self.open_element(element, tag)
                text = element.text
                if element in unread:
                    text = None
                    walk.skip_subtree()
            if text and (self.parts or not text.isspace()):
                self.add_text(text)

    def open_element(self, element: Element, tag: str) -> None:
        if tag not in IN_LINE_TAGS:
            self.blocks.append((element, len(self.lines)))
        if tag in MARKED_TAGS:
            self.start_mark(element)

    def close_element(self, element: Element, tag: str) -> None:
        if tag in MARKED_TAGS:
            self.end_mark(element)
        if tag not in IN_LINE_TAGS:
            _, start = self.blocks.pop()
            if not (self.open_bold_tags or self.open_links or self.heading_levels):
                self.spans[element] = slice(start, len(self.lines))
        elif tag in CELL_TAGS and element is not self.blocks[0][0]:
            self.add_text(", ")

    def start_mark(self, element: Element) -> None:
        tag = element.tag
        if tag in BOLD_TAGS:
            self.open_bold_tags += 1
        elif tag in HEADING_TAGS:
            self.heading_levels.append(int(tag[1]))
        elif tag == "a":
            href = element.get("href") or ""
            self.link_start = len(self.parts)
            if href.startswith("tel:"):
                self.parts.append(" tel ")
            elif not href.startswith("mailto:"):
                self.open_links += 1

    def end_mark(self, element: Element) -> None:
        tag = element.tag
        if tag in BOLD_TAGS:
            self.open_bold_tags -= 1
            self.separate_bold_heading()
        elif tag in HEADING_TAGS:
            self.heading_levels.pop()
        elif tag == "a":
            self.end_link(element.get("href") or "")

    def separate_bold_heading(self) -> None:
        if (
            CONTACT_HEADING.match(clean_line("".join(self.parts)))
            and self.parts[-1].rstrip()[-1:] != ":"
        ):
            self.parts.append(": ")

    def end_link(self, href: str) -> None:
        """End a link.

        The telephone number or email address in the link's target is appended, unless the link's
        text contains one.
        """
        kind, _, target = href.partition(":")
        if kind not in ("tel", "mailto"):
            self.open_links -= 1
            return
        tokens = tokenise_contact_line("".join(self.parts[self.link_start :]))
        if all(token.kind == "text" for token in tokens):
            address = unquote(target.partition("?")[0])
            self.parts.append(f" tel {address} " if kind == "tel" else f" {address} ")

    def add_text(self, text: str) -> None:
        size = len(text.strip())
        self.parts.append(text)
        self.length += size
        self.bold_length += size if self.open_bold_tags else 0
        self.linked_length += size if self.open_links else 0
        if self.heading_levels:
            self.level = min(self.level, *self.heading_levels)

    def flush_line(self) -> None:
        text = clean_line("".join(self.parts)).strip(" ,")
        if text:
            most = 0.95 * max(self.length, 1)
            is_bold, is_link = self.bold_length >= most, self.linked_length >= most
            self.lines.append(ContactLine(text, self.level, is_bold, is_link, self.blocks[-1][0]))
        self.parts, self.level, self.link_start = [], 9, 0
        self.length = self.bold_length = self.linked_length = 0
