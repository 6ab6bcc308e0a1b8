"""Finding the lead: the paragraph that opens the text and sums it up."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bs4 import Tag

from scraper.normalise.text import either
from scraper.pages.blocks import Block
from scraper.pages.title import key

LEAD = re.compile(
    r"(?:^|[\s_-])"
    + either("""
        preamble | ingress | lead | lede | intro | introduction | introtext | leadtext | lead-text | standfirst
        teaser-?text | abstract | sammanfattning | summary | excerpt | subheadline | subtitle | sub-?heading | deck
        dek | manchet | kicker-text | vorspann | einleitung | article-?intro | underrubrik
        """)
    + r"(?=$|[\s_-]|[A-Z])",
    re.IGNORECASE,
)
NOT_LEAD = re.compile(r"leadership|lead-?(?:image|media|gen|form)|introjs", re.IGNORECASE)
SUBHEADING = re.compile("sub-?heading", re.IGNORECASE)
HEADINGS = ("h2", "h3", "h4", "h5", "h6")
SHORT, LONGEST = 60, 1200
OPENING = 12  # blocks among which a lead stands


def find_lead(blocks: Sequence[Block], declared: str | None, mark: str, start: int) -> tuple[range, str] | None:
    """Which blocks are the lead, and the rule that told: a selector, a class that says so, the declared summary,
    its place between title and running text (whose first block is at `start`), or a bold first paragraph.
    """
    for named in (lambda part: part.get(mark) == "lead", is_lead):
        for index, block in enumerate(blocks[:OPENING]):
            holder = holder_of(block.element, named)
            if holder is not None and is_leading(block):
                if any(later.element.name == "h1" and holds(holder, later) for later in blocks[index + 1 : OPENING]):
                    continue  # it stands over the title
                end = index + 1
                while end < len(blocks) and holder_of(blocks[end].element, named) is holder:
                    end += 1
                if sum(len(part.text) for part in blocks[index:end]) < LONGEST:
                    return range(index, end), "class of the paragraph" if named is is_lead else "selector"
    for index, block in enumerate(blocks[:6]):
        if declared and block.level == 9 and same_start(block.text, declared):
            return range(index, index + 1), "declared summary"
    between = [index for index in range(min(start, 6)) if is_sentence(blocks[index])]
    if len(between) == 1:
        return range(between[0], between[0] + 1), "between title and text"
    sentences = [index for index in range(min(len(blocks), 8)) if is_sentence(blocks[index])][:3]
    if len(sentences) == 3 and stands_apart(*(blocks[index] for index in sentences)):
        return range(sentences[0], sentences[0] + 1), "paragraph that stands apart"
    texts = [index for index, block in enumerate(blocks[:8]) if block.kind == "p" and len(block.text) > 40]
    if (
        len(texts) > 1
        and blocks[texts[0]].bold
        and not blocks[texts[1]].bold
        and not blocks[texts[0]].text.endswith("?")
    ):
        return range(texts[0], texts[0] + 1), "bold paragraph that opens the text"
    return None


def is_leading(block: Block) -> bool:
    """Whether a block can be a lead or begin one: a line of words, not the title."""
    return block.kind not in ("panel", "list", "table") and block.element.name != "h1" and len(block.text) > 3


def holder_of(element: Tag, named: Callable[[Tag], bool]) -> Tag | None:
    """The element at or around a block that is named as the lead."""
    node: Tag | None = element
    for _ in range(3):
        if node is None or node.name in ("[document]", "body", "main", "article"):
            return None
        if named(node):
            return node
        node = node.parent
    return None


def holds(holder: Tag, block: Block) -> bool:
    """Whether a block stands within an element."""
    return any(part is holder for part in block.element.parents)


def is_lead(element: Tag) -> bool:
    """Whether a class says that an element is the lead."""
    classes = str(element.get("class") or "")
    if element.name in HEADINGS and SUBHEADING.search(classes) and len(element.get_text()) < SHORT:
        return False  # SiteVision's class for the headings of a text
    return LEAD.search(classes) is not None and NOT_LEAD.search(classes) is None and len(element.get_text()) < LONGEST


def is_sentence(block: Block) -> bool:
    """Whether a block is a paragraph that says something whole."""
    return block.kind == "p" and 40 <= len(block.text) < LONGEST and block.text[-1] in '.!?…”"' and block.linked < 0.5


def stands_apart(first: Block, second: Block, third: Block) -> bool:
    """Whether a paragraph lies beside the element that holds the next two, as its sibling."""
    around = second.element.parent
    return (
        around is not None
        and third.element.parent is around
        and first.element is not around
        and first.element.parent is around.parent
        and not any(part is around for part in first.element.parents)
    )


def same_start(text: str, declared: str) -> bool:
    """Whether a declared summary is the paragraph itself, whole or cut off."""
    shown, stated = key(text), key(declared.rstrip(".… "))
    return len(stated) >= 40 and (shown.startswith(stated) or (stated.startswith(shown) and len(shown) > 60))
