"""Finding the lead: the paragraph that opens the text and sums it up."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bs4 import Tag

from scraper.normalise.text import build_alternation
from scraper.pages.blocks import PageBlock
from scraper.pages.title import build_comparison_key

LEAD_CLASS = re.compile(
    r"(?:^|[\s_-])"
    + build_alternation("""
        preamble | ingress | lead | lede | intro | introduction | introtext | leadtext | lead-text | standfirst
        teaser-?text | abstract | sammanfattning | summary | excerpt | subheadline | subtitle | sub-?heading | deck
        dek | manchet | kicker-text | vorspann | einleitung | article-?intro | underrubrik
        """)
    + r"(?=$|[\s_-]|[A-Z])",
    re.IGNORECASE,
)
NON_LEAD_CLASS = re.compile(r"leadership|lead-?(?:image|media|gen|form)|introjs", re.IGNORECASE)
SUBHEADING_CLASS = re.compile("sub-?heading", re.IGNORECASE)
SUBHEADING_TAGS = ("h2", "h3", "h4", "h5", "h6")
MAX_SUBHEADING_LENGTH, MAX_LEAD_LENGTH = 60, 1200
MAX_LEAD_POSITION = 12  # blocks among which a lead stands


def find_lead(
    blocks: Sequence[PageBlock], declared_summary: str | None, attribute: str, text_start: int
) -> tuple[range, str] | None:
    """Which blocks are the lead, and the rule that told: a selector, a class that says so, the declared summary,
    its place between title and running text (whose first block is at `start`), or a bold first paragraph.
    """
    for named in (lambda part: part.get(attribute) == "lead", has_lead_class):
        for index, block in enumerate(blocks[:MAX_LEAD_POSITION]):
            holder = find_lead_ancestor(block.element, named)
            if holder is not None and may_be_lead(block):
                if any(
                    later.element.name == "h1" and contains_block(holder, later)
                    for later in blocks[index + 1 : MAX_LEAD_POSITION]
                ):
                    continue  # it stands over the title
                end = index + 1
                while end < len(blocks) and find_lead_ancestor(blocks[end].element, named) is holder:
                    end += 1
                if sum(len(part.text) for part in blocks[index:end]) < MAX_LEAD_LENGTH:
                    return range(index, end), "class of the paragraph" if named is has_lead_class else "selector"
    for index, block in enumerate(blocks[:6]):
        if declared_summary and block.level == 9 and matches_summary(block.text, declared_summary):
            return range(index, index + 1), "declared summary"
    between = [index for index in range(min(text_start, 6)) if is_sentence_block(blocks[index])]
    if len(between) == 1:
        return range(between[0], between[0] + 1), "between title and text"
    sentences = [index for index in range(min(len(blocks), 8)) if is_sentence_block(blocks[index])][:3]
    if len(sentences) == 3 and is_separate_paragraph(*(blocks[index] for index in sentences)):
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


def may_be_lead(block: PageBlock) -> bool:
    """Whether a block can be a lead or begin one: a line of words, not the title."""
    return block.kind not in ("panel", "list", "table") and block.element.name != "h1" and len(block.text) > 3


def find_lead_ancestor(element: Tag, is_lead_element: Callable[[Tag], bool]) -> Tag | None:
    """The element at or around a block that is named as the lead."""
    node: Tag | None = element
    for _ in range(3):
        if node is None or node.name in ("[document]", "body", "main", "article"):
            return None
        if is_lead_element(node):
            return node
        node = node.parent
    return None


def contains_block(holder: Tag, block: PageBlock) -> bool:
    """Whether a block stands within an element."""
    return any(part is holder for part in block.element.parents)


def has_lead_class(element: Tag) -> bool:
    """Whether a class says that an element is the lead."""
    classes = str(element.get("class") or "")
    if (
        element.name in SUBHEADING_TAGS
        and SUBHEADING_CLASS.search(classes)
        and len(element.get_text()) < MAX_SUBHEADING_LENGTH
    ):
        return False  # SiteVision's class for the headings of a text
    return (
        LEAD_CLASS.search(classes) is not None
        and NON_LEAD_CLASS.search(classes) is None
        and len(element.get_text()) < MAX_LEAD_LENGTH
    )


def is_sentence_block(block: PageBlock) -> bool:
    """Whether a block is a paragraph that says something whole."""
    return (
        block.kind == "p"
        and 40 <= len(block.text) < MAX_LEAD_LENGTH
        and block.text[-1] in '.!?…”"'
        and block.link_share < 0.5
    )


def is_separate_paragraph(first: PageBlock, second: PageBlock, third: PageBlock) -> bool:
    """Whether a paragraph lies beside the element that holds the next two, as its sibling."""
    around = second.element.parent
    return (
        around is not None
        and third.element.parent is around
        and first.element is not around
        and first.element.parent is around.parent
        and not any(part is around for part in first.element.parents)
    )


def matches_summary(text: str, summary: str) -> bool:
    """Whether a declared summary is the paragraph itself, whole or cut off."""
    shown, stated = build_comparison_key(text), build_comparison_key(summary.rstrip(".… "))
    return len(stated) >= 40 and (shown.startswith(stated) or (stated.startswith(shown) and len(shown) > 60))
