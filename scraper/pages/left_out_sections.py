"""Leaves out the sections of a page's text that are not part of the release.

These are tables of contents, requests for feedback, contacts, related links and services.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bs4 import Tag

from scraper.pages.blocks import PageBlock
from scraper.pages.boilerplate import (
    CONTACT_SECTION_HEADING,
    FEEDBACK_CHOICE,
    FEEDBACK_OPENING,
    FEEDBACK_SUBJECT,
    MAX_FEEDBACK_LENGTH,
    RELATED_SECTION_HEADING,
    SERVICE_SECTION_HEADING,
)
from scraper.pages.contact_areas import has_phone_or_email
from scraper.pages.lead import is_sentence_block

MAX_CONTENTS_HEADING_LENGTH = 40  # "Innehåll på denna sida"


def drop_contents_lists(blocks: Sequence[PageBlock]) -> list[PageBlock]:
    contents = {index for index, block in enumerate(blocks) if block.is_contents_list}
    headings = {
        index - 1
        for index in contents
        if index and len(blocks[index - 1].text) < MAX_CONTENTS_HEADING_LENGTH
    }
    return [block for index, block in enumerate(blocks) if index not in contents | headings]


def drop_feedback(blocks: Sequence[PageBlock]) -> list[PageBlock]:
    """Return the blocks without requests for feedback.

    Such requests are questions such as "Hittade du det du sökte?", with the choices below them, and
    headings such as "Tyck till om sidan", with the text in the same box.
    """
    remaining: list[PageBlock] = []
    box, is_choice_expected = None, False
    for block in blocks:
        line = block.text.replace("\n• ", " ")
        is_opening = FEEDBACK_OPENING.match(line) is not None
        if is_opening and _is_feedback_heading(block, line):
            box = _find_feedback_box(block)
        is_choice = is_choice_expected and FEEDBACK_CHOICE.match(line) is not None
        is_choice_expected = (is_opening and line.endswith("?")) or is_choice
        if not is_choice_expected and (box is None or block.element.parent is not box):
            remaining.append(block)
    return remaining


def _is_feedback_heading(block: PageBlock, line: str) -> bool:
    return block.level < 9 and FEEDBACK_SUBJECT.search(line) is not None


def _find_feedback_box(heading: PageBlock) -> Tag | None:
    """Return the parent of a heading, or None if it has too much text to be a feedback box."""
    parent = heading.element.parent
    is_box = parent is not None and len(parent.get_text()) < MAX_FEEDBACK_LENGTH
    return parent if is_box else None


def drop_closing_sections(blocks: Sequence[PageBlock]) -> list[PageBlock]:
    """Return the blocks without sections about the site (contacts, related links, services).

    A section ends at the next heading of the same or a higher level, unless that heading is a link,
    as on cards. A section of related links also ends at the next sentence. In a section of
    contacts, sentences without a number or address are kept.
    """
    remaining: list[PageBlock] = []
    section: ClosingSection | None = None
    for index, block in enumerate(blocks):
        level = _read_section_level(block)
        if section is not None and section.ends_before(block, level, blocks[index - 1]):
            section = None
        if section is None and level < 9:
            section = _read_closing_section(block.text, level)
        if section is None or (section.is_contacts and is_sentence_without_contact(block)):
            remaining.append(block)
    return remaining


def _read_section_level(block: PageBlock) -> int:
    """Return the level of a heading. A bold paragraph counts as a heading of level 3."""
    return 3 if block.bold and block.level == 9 else block.level


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingSection:
    """A section about the site: contacts, related links, or services such as comments.

    level: the level of its heading.
    """

    level: int
    is_related: bool
    is_contacts: bool

    def ends_before(self, block: PageBlock, level: int, previous: PageBlock) -> bool:
        if level <= self.level and block.link_share < 0.9:
            return True
        return self.is_related and is_sentence_block(block) and previous.link_share < 0.4


def _read_closing_section(heading: str, level: int) -> ClosingSection | None:
    is_related = RELATED_SECTION_HEADING.match(heading) is not None
    is_contacts = CONTACT_SECTION_HEADING.match(heading) is not None
    if is_related or is_contacts or SERVICE_SECTION_HEADING.match(heading):
        return ClosingSection(level=level, is_related=is_related, is_contacts=is_contacts)
    return None


def is_sentence_without_contact(block: PageBlock) -> bool:
    return (
        is_sentence_block(block) and block.link_share < 0.4 and not has_phone_or_email(block.text)
    )
