"""The running text: which blocks belong to it, as plain text and as HTML."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from scraper.normalise.vocabulary import normalise_kind
from scraper.pages.blocks import PageBlock
from scraper.pages.contacts import has_phone_or_email
from scraper.pages.content import (
    BYLINE,
    CONTACT_SECTION_HEADING,
    PICTURE_CREDIT,
    POINTER_LINE,
    RELATED_SECTION_HEADING,
    SERVICE_LINE,
    SERVICE_SECTION_HEADING,
)
from scraper.pages.dates import is_date_line
from scraper.pages.lead import is_sentence_block
from scraper.pages.media import CAPTION_CLASS
from scraper.pages.questions import QuestionPair
from scraper.pages.title import build_comparison_key

MIN_LINKED_SENTENCE_LENGTH = 60
MAX_CONTENTS_HEADING_LENGTH = 40  # "Innehåll på denna sida"
OPENING_BLOCKS = 3  # blocks that may tell date, kind and author of the page
MAX_SERVICE_LINE_LENGTH = 90  # no note of the page's own is longer


def find_body(blocks: Sequence[PageBlock], title: str | None, url: str) -> list[PageBlock]:
    """The blocks of the running text, in order: without the title, date lines, service lines and link lists.

    A list of links stays where the text leads to it.
    """
    opened = drop_closing_sections(drop_contents_lists(blocks))
    kept = [
        block
        for index, block in enumerate(opened)
        if is_body_block(block, title, url, index) or (block.kind == "list" and is_introduced_list(opened, index))
    ]
    return [block for index, block in enumerate(kept) if not is_empty_heading(kept, index)]


def drop_contents_lists(blocks: Sequence[PageBlock]) -> list[PageBlock]:
    """The blocks without tables of contents and the short line over each."""
    listed = {index for index, block in enumerate(blocks) if block.is_contents_list}
    over = {index - 1 for index in listed if index and len(blocks[index - 1].text) < MAX_CONTENTS_HEADING_LENGTH}
    return [block for index, block in enumerate(blocks) if index not in listed | over]


def is_introduced_list(blocks: Sequence[PageBlock], index: int) -> bool:
    """Whether a list of links is part of the text: a colon or a heading leads to it, and that one not at the end."""
    before = blocks[index - 1] if index else None
    return before is not None and (before.text.endswith(":") or (before.level < 9 and index + 1 < len(blocks)))


def drop_closing_sections(blocks: Sequence[PageBlock]) -> list[PageBlock]:
    """The blocks without sections that serve the page: from such a heading to the text's next of its rank.

    A heading that is a link heads a card, not a section. A bold line that points elsewhere within the text is
    done when the sentences go on; among contacts, sentences stay.
    """
    kept: list[PageBlock] = []
    closed: int | None = None
    passing = telling = False
    for index, block in enumerate(blocks):
        level = 3 if block.bold and block.level == 9 else block.level
        if closed is not None and (
            (level <= closed and block.link_share < 0.9)
            or (passing and is_sentence_block(block) and blocks[index - 1].link_share < 0.4)
        ):
            closed = None
        if closed is None and level < 9:
            passing, telling = (
                RELATED_SECTION_HEADING.match(block.text) is not None,
                CONTACT_SECTION_HEADING.match(block.text) is not None,
            )
            closed = level if passing or telling or SERVICE_SECTION_HEADING.match(block.text) else None
        if closed is None or (telling and is_sentence_without_contact(block)):
            kept.append(block)
    return kept


def is_sentence_without_contact(block: PageBlock) -> bool:
    """Whether a block says something though it stands among contacts: a sentence that tells nobody's reach."""
    return (
        block.level == 9 and is_sentence_block(block) and block.link_share < 0.4 and not has_phone_or_email(block.text)
    )


def is_body_block(block: PageBlock, title: str | None, url: str, index: int) -> bool:
    """Whether a block is part of the text, where it stands as the index-th."""
    opening = index < OPENING_BLOCKS
    if (block.level <= 2 and title and build_comparison_key(block.text) == build_comparison_key(title)) or (
        opening and is_kind_block(block, index)
    ):
        return False
    if (len(block.text) < MAX_SERVICE_LINE_LENGTH and SERVICE_LINE.match(block.text)) or is_date_block(
        block, url, opening
    ):
        return False
    if opening and BYLINE.match(block.text):
        return False
    if block.kind == "list":
        return block.link_share < 0.75 and not all(SERVICE_LINE.match(line[2:]) for line in block.text.split("\n"))
    if len(block.text) < 300 and (
        PICTURE_CREDIT.search(block.text)
        or is_caption_block(block)
        or (block.link_share > 0.4 and POINTER_LINE.match(block.text))
    ):
        return False
    if block.link_share < 0.9 or block.level < 9 or block.kind == "panel":
        return True
    return (
        len(block.text) > MIN_LINKED_SENTENCE_LENGTH and block.text[-1] == "."
    )  # a sentence says something, link or not


def is_empty_heading(blocks: Sequence[PageBlock], index: int) -> bool:
    """Whether nothing stands under a heading any more."""
    block = blocks[index]
    if block.level == 9:
        return False
    following = blocks[index + 1] if index + 1 < len(blocks) else None
    return following is None or following.level <= block.level


def format_body_text(blocks: Sequence[PageBlock]) -> str:
    """Plain text, blocks parted by a blank line."""
    return "\n\n".join(block.text for block in blocks)


def render_body_html(blocks: Sequence[PageBlock], pairs: Collection[QuestionPair]) -> str:
    """The same as HTML; the block of question N has id="question-N"."""
    numbers = {pair.start: number for number, pair in enumerate(pairs, 1)}
    return "\n".join(render_block_html(block, numbers.get(index)) for index, block in enumerate(blocks))


def render_block_html(block: PageBlock, question_number: int | None) -> str:
    """One block as HTML."""
    identifier = f' id="question-{question_number}"' if question_number else ""
    if block.kind in ("list", "table"):
        return block.html
    if block.kind == "quote":
        return f"<blockquote><p>{block.html}</p></blockquote>"
    tag = {"panel": "h3", "dt": "h4", "dd": "p"}.get(block.kind, block.kind)
    return f"<{tag}{identifier}>{block.html}</{tag}>"


def is_date_block(block: PageBlock, url: str, is_opening: bool) -> bool:
    """Whether a block only tells a date of the page; a list, a table or a heading within the text is text."""
    if block.kind in ("list", "table") or (block.level < 9 and not is_opening):
        return False
    return is_date_line(block.text, url, is_opening)


def is_kind_block(block: PageBlock, index: int) -> bool:
    """Whether a line is only the word for what the page is; a heading of the text may be such a word, too."""
    if index and (block.level < 9 or block.kind in ("dt", "panel")):
        return False
    return len(block.text) < 30 and " " not in block.text and normalise_kind(block.text) is not None


def is_caption_block(block: PageBlock) -> bool:
    """Whether a paragraph stands under a picture, told from its class; a table's or quote's caption is text."""
    if block.element.name == "figcaption":
        return False
    classes = [str(part.get("class") or "") for part in (block.element, block.element.parent) if part is not None]
    return any(CAPTION_CLASS.search(names) for names in classes)
