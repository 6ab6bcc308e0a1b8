"""Selects the blocks of the running text, and renders them as plain text and HTML."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import accumulate

from bs4 import Tag

from scraper.normalise.conversion import normalise_kind
from scraper.pages.blocks import PageBlock
from scraper.pages.boilerplate import (
    BYLINE,
    CLOSING_LINE,
    PICTURE_CREDIT,
    POINTER_LINE,
    RELATED_SECTION_HEADING,
    SERVICE_LINE,
    WHOLE_DATE,
)
from scraper.pages.contact_areas import opens_contact_section
from scraper.pages.contacts import is_person_name
from scraper.pages.lead import SENTENCE_ENDS
from scraper.pages.left_out_sections import (
    drop_closing_sections,
    drop_contents_lists,
    drop_feedback,
    is_sentence_without_contact,
)
from scraper.pages.media import CAPTION_CLASS
from scraper.pages.page_dates import is_date_line
from scraper.pages.questions import QuestionPair
from scraper.pages.title import build_comparison_key

MIN_LINKED_SENTENCE_LENGTH = 60
MAX_LIST_LINK_SHARE = 0.75  # share of a list's text without dates
OPENING_BLOCKS = 3  # blocks that may hold date, type and author of the page
BUTTON_CLASS = re.compile(r"btn|button|cta", re.IGNORECASE)
MAX_SERVICE_LINE_LENGTH, MAX_CAPTION_LENGTH = 90, 300


def find_body(blocks: Sequence[PageBlock], title: str | None, url: str) -> list[PageBlock]:
    """Return the blocks of the running text.

    The title, the dates of the page, service lines (such as "Skriv ut") and lists of links are left
    out.
    """
    candidates = drop_feedback(drop_closing_sections(drop_contents_lists(blocks)))
    candidates = [block for block in candidates if not _is_path_to_page(block, title)]
    texts_before = accumulate(candidates, _choose_later_text, initial=None)
    body = [
        block
        for index, (block, before) in enumerate(zip(candidates, texts_before, strict=False))
        if _is_body_block(block, title, url, index, is_last=index + 1 == len(candidates))
        or _belongs_to_text_around(candidates, index, before)
    ]
    while body and _is_closing_line(body[-1]):
        body.pop()
    return [block for index, block in enumerate(body) if not _is_empty_heading(body, index)]


def _belongs_to_text_around(
    blocks: Sequence[PageBlock], index: int, before: PageBlock | None
) -> bool:
    if blocks[index].kind == "list" and _is_introduced_list(blocks, index):
        return True
    return _is_link_within_text(blocks, index, before)


def _is_closing_line(block: PageBlock) -> bool:
    """Return whether the last block of a text is about the page, or announces related links."""
    if len(block.text) >= MAX_CAPTION_LENGTH:
        return False
    is_heading = not block.link_share and block.text[-1] not in SENTENCE_ENDS
    return CLOSING_LINE.match(block.text) is not None or (
        is_heading and RELATED_SECTION_HEADING.match(block.text) is not None
    )


def _is_introduced_list(blocks: Sequence[PageBlock], index: int) -> bool:
    before = blocks[index - 1] if index else None
    return before is not None and (
        before.text.endswith(":") or (before.level < 9 and index + 1 < len(blocks))
    )


def _choose_later_text(before: PageBlock | None, block: PageBlock) -> PageBlock | None:
    """Return `block`, or `before` if `block` is only a link."""
    return before if _is_link_paragraph(block) else block


def _is_link_within_text(blocks: Sequence[PageBlock], index: int, before: PageBlock | None) -> bool:
    """Return whether a paragraph that is only a link belongs to the text around it.

    The paragraph belongs to the text if a line that ends with a colon introduces it (alone or
    together with other links), or if it is directly below a heading and a sentence follows it.

    before: the last block above the paragraph that is not only a link.
    """
    if not _is_link_paragraph(blocks[index]):
        return False
    if before is None or POINTER_LINE.match(before.text) or opens_contact_section(before.text):
        return False
    if before.text.endswith(":"):
        return True
    is_described = any(map(is_sentence_without_contact, blocks[index + 1 : index + 2]))
    is_author = is_person_name(blocks[index].text)
    return is_described and not is_author and before is blocks[index - 1] and before.level < 9


def _is_link_paragraph(block: PageBlock) -> bool:
    """Return whether a paragraph consists only of a link that is not a button or "Läs mer"."""
    if block.kind != "p" or block.link_share < 0.9 or " " not in block.text:
        return False
    link = block.element.find("a")
    if link is None:
        return False
    is_service = SERVICE_LINE.match(block.text) or POINTER_LINE.match(block.text)
    return not is_service and not BUTTON_CLASS.search(str(link.get("class") or ""))


def _is_body_block(
    block: PageBlock, title: str | None, url: str, index: int, *, is_last: bool = False
) -> bool:
    is_opening = index < OPENING_BLOCKS
    if _repeats_title(block, title, is_opening) or _is_page_line(block, index, is_last=is_last):
        return False
    if _is_date_block(block, url, is_opening):
        return False
    if block.kind == "list":
        return not _is_list_of_links(block) and not _is_service_list(block)
    return not _is_pointer_or_credit(block) and not _is_only_link(block)


def _repeats_title(block: PageBlock, title: str | None, is_opening: bool) -> bool:
    """Return whether a block repeats the page's title, as a heading or as the opening line."""
    may_be_title = block.level <= 2 or (is_opening and block.level == 9)
    if not title or not may_be_title:
        return False
    return build_comparison_key(block.text) == build_comparison_key(title)


def _is_page_line(block: PageBlock, index: int, *, is_last: bool) -> bool:
    """Return whether a block is only the release's type, its author or a service link."""
    is_opening = index < OPENING_BLOCKS
    if is_opening and _is_kind_block(block, index):
        return True
    if (is_opening or is_last) and BYLINE.match(block.text):
        return True
    return len(block.text) < MAX_SERVICE_LINE_LENGTH and SERVICE_LINE.match(block.text) is not None


def _is_service_list(block: PageBlock) -> bool:
    return all(SERVICE_LINE.match(line[2:]) for line in block.text.split("\n"))


def _is_pointer_or_credit(block: PageBlock) -> bool:
    if len(block.text) >= MAX_CAPTION_LENGTH:
        return False
    if block.link_share > 0.4 and POINTER_LINE.match(block.text):
        return True
    return PICTURE_CREDIT.search(block.text) is not None


def _is_only_link(block: PageBlock) -> bool:
    """Return whether a paragraph is only a link that is not a whole sentence."""
    if block.link_share < 0.9 or block.level < 9 or block.kind == "panel":
        return False
    return len(block.text) <= MIN_LINKED_SENTENCE_LENGTH or block.text[-1] != "."


def _is_path_to_page(block: PageBlock, title: str | None) -> bool:
    """Return whether a list is a breadcrumb trail: links, and then the title of the page."""
    last_line = block.text.rpartition("\n")[2].partition(" ")[2]
    is_linked_list = block.kind == "list" and block.link_share > 0
    return (
        is_linked_list
        and title is not None
        and build_comparison_key(last_line) == build_comparison_key(title)
    )


def _is_list_of_links(block: PageBlock) -> bool:
    """Return whether nearly all the text of a list, apart from dates, is in links."""
    words = WHOLE_DATE.sub("", block.text)
    return block.link_share * len(block.text) >= MAX_LIST_LINK_SHARE * len(words)


def _is_empty_heading(blocks: Sequence[PageBlock], index: int) -> bool:
    block = blocks[index]
    is_last = index + 1 == len(blocks)
    if block.kind == "dt" and index < OPENING_BLOCKS:  # its dates have already been removed
        return is_last or blocks[index + 1].kind != "dd"
    return block.level < 9 and (is_last or blocks[index + 1].level <= block.level)


def format_body_text(blocks: Sequence[PageBlock]) -> str:
    return "\n\n".join(block.text for block in blocks)


def render_body_html(blocks: Sequence[PageBlock], pairs: Collection[QuestionPair]) -> str:
    """Return the blocks as HTML. The block with question number N has id="question-N"."""
    numbers = {pair.start: number for number, pair in enumerate(pairs, 1)}
    return "\n".join(
        _render_block_html(block, numbers.get(index)) for index, block in enumerate(blocks)
    )


def _render_block_html(block: PageBlock, question_number: int | None) -> str:
    identifier = f' id="question-{question_number}"' if question_number else ""
    if block.kind in ("list", "table"):
        return block.html
    if block.kind == "quote":
        return f"<blockquote><p>{block.html}</p></blockquote>"
    tag = {"panel": "h3", "dt": "h4", "dd": "p"}.get(block.kind, block.kind)
    return f"<{tag}{identifier}>{block.html}</{tag}>"


def _is_date_block(block: PageBlock, url: str, is_opening: bool) -> bool:
    """Return whether a block contains only a date of the page.

    Returns False for lists and tables, and for headings that are not at the beginning of the text.
    """
    if block.kind in ("list", "table") or (block.level < 9 and not is_opening):
        return False
    return is_date_line(block.text, url, is_opening)


def _is_kind_block(block: PageBlock, index: int) -> bool:
    if index and (block.level < 9 or block.kind in ("dt", "panel")):
        return False
    return len(block.text) < 30 and " " not in block.text and normalise_kind(block.text) is not None


def is_caption_block(block: PageBlock) -> bool:
    """Return whether a paragraph is the caption or credit of an image.

    A caption is recognised by a © at its beginning, or by the class of the paragraph, its parent or
    its only child.
    """
    if (
        block.element.name == "figcaption"
        or block.kind == "list"
        or len(block.text) >= MAX_CAPTION_LENGTH
    ):
        return False  # it captions a table or quotation, or is ordinary text
    if block.text.startswith("©"):
        return True
    elements = [_find_only_child(block.element), block.element, block.element.parent]
    return any(
        CAPTION_CLASS.search(str(element.get("class") or ""))
        for element in elements
        if element is not None
    )


def _find_only_child(element: Tag) -> Tag | None:
    """Return the only child of an element.

    Returns None if the element has no child elements, several children, or text of its own.
    """
    parts = [part for part in element.contents if isinstance(part, Tag) or str(part).strip()]
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Tag) else None
