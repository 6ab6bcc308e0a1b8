"""The running text: which blocks belong to it, as plain text and as HTML."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from scraper.normalise.vocabulary import to_kind
from scraper.pages.blocks import Block
from scraper.pages.contacts import has_reach
from scraper.pages.content import BESIDE, BYLINE, CONTACT, ELSEWHERE, PICTURE_CREDIT, POINTER, SERVICE
from scraper.pages.dates import is_date_line
from scraper.pages.lead import is_sentence
from scraper.pages.media import CAPTION
from scraper.pages.questions import Pair
from scraper.pages.title import key

SHORTEST_SENTENCE = 60
LONGEST_OVER_CONTENTS = 40  # "Innehåll på denna sida"
OPENING = 3  # blocks that may tell date, kind and author of the page
LONGEST_NOTE = 90  # no note of the page's own is longer


def find_body(blocks: Sequence[Block], title: str | None, url: str) -> list[Block]:
    """The blocks of the running text, in order: without the title, date lines, service lines and link lists.

    A list of links stays where the text leads to it.
    """
    opened = until_closing(without_contents(blocks))
    kept = [
        block
        for index, block in enumerate(opened)
        if belongs(block, title, url, index) or (block.kind == "list" and is_led_to(opened, index))
    ]
    return [block for index, block in enumerate(kept) if not is_empty_heading(kept, index)]


def without_contents(blocks: Sequence[Block]) -> list[Block]:
    """The blocks without tables of contents and the short line over each."""
    listed = {index for index, block in enumerate(blocks) if block.contents}
    over = {index - 1 for index in listed if index and len(blocks[index - 1].text) < LONGEST_OVER_CONTENTS}
    return [block for index, block in enumerate(blocks) if index not in listed | over]


def is_led_to(blocks: Sequence[Block], index: int) -> bool:
    """Whether a list of links is part of the text: a colon or a heading leads to it, and that one not at the end."""
    before = blocks[index - 1] if index else None
    return before is not None and (before.text.endswith(":") or (before.level < 9 and index + 1 < len(blocks)))


def until_closing(blocks: Sequence[Block]) -> list[Block]:
    """The blocks without sections that serve the page: from such a heading to the text's next of its rank.

    A heading that is a link heads a card, not a section. A bold line that points elsewhere within the text is
    done when the sentences go on; among contacts, sentences stay.
    """
    kept: list[Block] = []
    closed: int | None = None
    passing = telling = False
    for index, block in enumerate(blocks):
        level = 3 if block.bold and block.level == 9 else block.level
        if closed is not None and (
            (level <= closed and block.linked < 0.9)
            or (passing and is_sentence(block) and blocks[index - 1].linked < 0.4)
        ):
            closed = None
        if closed is None and level < 9:
            passing, telling = ELSEWHERE.match(block.text) is not None, CONTACT.match(block.text) is not None
            closed = level if passing or telling or BESIDE.match(block.text) else None
        if closed is None or (telling and is_told(block)):
            kept.append(block)
    return kept


def is_told(block: Block) -> bool:
    """Whether a block says something though it stands among contacts: a sentence that tells nobody's reach."""
    return block.level == 9 and is_sentence(block) and block.linked < 0.4 and not has_reach(block.text)


def belongs(block: Block, title: str | None, url: str, index: int) -> bool:
    """Whether a block is part of the text, where it stands as the index-th."""
    opening = index < OPENING
    if (block.level <= 2 and title and key(block.text) == key(title)) or (opening and is_type_word(block, index)):
        return False
    if (len(block.text) < LONGEST_NOTE and SERVICE.match(block.text)) or is_dated(block, url, opening):
        return False
    if opening and BYLINE.match(block.text):
        return False
    if block.kind == "list":
        return block.linked < 0.75 and not all(SERVICE.match(line[2:]) for line in block.text.split("\n"))
    if len(block.text) < 300 and (
        PICTURE_CREDIT.search(block.text) or is_caption(block) or (block.linked > 0.4 and POINTER.match(block.text))
    ):
        return False
    if block.linked < 0.9 or block.level < 9 or block.kind == "panel":
        return True
    return len(block.text) > SHORTEST_SENTENCE and block.text[-1] == "."  # a sentence says something, link or not


def is_empty_heading(blocks: Sequence[Block], index: int) -> bool:
    """Whether nothing stands under a heading any more."""
    block = blocks[index]
    if block.level == 9:
        return False
    following = blocks[index + 1] if index + 1 < len(blocks) else None
    return following is None or following.level <= block.level


def body_text(blocks: Sequence[Block]) -> str:
    """Plain text, blocks parted by a blank line."""
    return "\n\n".join(block.text for block in blocks)


def body_html(blocks: Sequence[Block], pairs: Collection[Pair]) -> str:
    """The same as HTML; the block of question N has id="question-N"."""
    numbers = {pair.at: number for number, pair in enumerate(pairs, 1)}
    return "\n".join(block_html(block, numbers.get(index)) for index, block in enumerate(blocks))


def block_html(block: Block, question: int | None) -> str:
    """One block as HTML."""
    identifier = f' id="question-{question}"' if question else ""
    if block.kind in ("list", "table"):
        return block.html
    if block.kind == "quote":
        return f"<blockquote><p>{block.html}</p></blockquote>"
    tag = {"panel": "h3", "dt": "h4", "dd": "p"}.get(block.kind, block.kind)
    return f"<{tag}{identifier}>{block.html}</{tag}>"


def is_dated(block: Block, url: str, opening: bool) -> bool:
    """Whether a block only tells a date of the page; a list, a table or a heading within the text is text."""
    if block.kind in ("list", "table") or (block.level < 9 and not opening):
        return False
    return is_date_line(block.text, url, opening)


def is_type_word(block: Block, index: int) -> bool:
    """Whether a line is only the word for what the page is; a heading of the text may be such a word, too."""
    if index and (block.level < 9 or block.kind in ("dt", "panel")):
        return False
    return len(block.text) < 30 and " " not in block.text and to_kind(block.text) is not None


def is_caption(block: Block) -> bool:
    """Whether a paragraph stands under a picture, told from its class; a table's or quote's caption is text."""
    if block.element.name == "figcaption":
        return False
    classes = [str(part.get("class") or "") for part in (block.element, block.element.parent) if part is not None]
    return any(CAPTION.search(names) for names in classes)
