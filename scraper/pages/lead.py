"""Finds the lead: the paragraph that opens the text and summarises it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from bs4 import Tag

from scraper.normalise.dates import find_date_role
from scraper.normalise.text_cleaning import compile_phrases
from scraper.pages.blocks import PageBlock, has_descendant
from scraper.pages.document import MIN_SENTENCE_LENGTH
from scraper.pages.title import build_comparison_key

LEAD_CLASS = compile_phrases(
    """
        preamble | ingress | lead | lede | intro | introduction | introtext | leadtext | lead-text
        standfirst | teaser-?text | abstract | sammanfattning | summary | excerpt | subheadline
        subtitle | sub-?heading | deck | dek | manchet | kicker-text | vorspann | einleitung
        article-?intro | underrubrik
    """,
    before=r"(?:^|[\s_-])",
    after=r"(?=$|[\s_-]|[A-Z])",
)
NON_LEAD_CLASS = re.compile(r"leadership|lead-?(?:image|media|gen|form)|introjs", re.IGNORECASE)
SUBHEADING_CLASS = re.compile("sub-?heading|underrubrik", re.IGNORECASE)
SUBHEADING_TAGS = ("h2", "h3", "h4", "h5", "h6")
MAX_SUBHEADING_LENGTH, MAX_LEAD_LENGTH = 60, 1200
MIN_LABEL_LENGTH, MAX_LABEL_LENGTH = 25, 40
MIN_FOLLOWING = 2  # paragraphs after a lead that look alike
MAX_LEAD_PARAGRAPHS = 3
SENTENCE_ENDS = '.!?…”"'
LETTERS = re.compile(r"[^\W\d_]{2,}")
MAX_LEAD_POSITION = 12  # blocks at the beginning of the page that are considered


def find_lead(
    blocks: Sequence[PageBlock], declared_summaries: Sequence[str], attribute: str, text_start: int
) -> tuple[range, str] | None:
    """Return the range of the lead's blocks and the rule that found the lead.

    Returns None if there is no lead.

    attribute: the name of the attribute that has the value "lead" on an element that a selector for
        the lead matched.
    text_start: the index of the first block of the running text.
    """
    if found := _find_marked_lead(blocks, lambda element: element.get(attribute) == "lead"):
        return found, "selector"
    if found := _find_classed_lead(blocks):
        return found, "class of the paragraph"
    start = _find_heading_end(blocks)
    if found := _find_summarised_block(blocks, start, declared_summaries):
        return found, "declared summary"
    if found := _find_lone_sentence(blocks, start, text_start):
        return found, "between title and text"
    if found := _find_sentence_heading(blocks, start):
        return found, "heading that is a sentence"
    if found := _find_separate_paragraphs(blocks, start):
        return found, "paragraph that stands apart"
    if found := _find_bold_opening(blocks):
        return found, "bold paragraph that opens the text"
    if found := _find_opening_with_own_class(blocks, start):
        return found, "class of its own"
    return None


def _find_classed_lead(blocks: Sequence[PageBlock]) -> range | None:
    found = _find_marked_lead(blocks, _has_lead_class)
    if found and any(_is_phrase(blocks[index].text) for index in found):
        return found
    return None


def _is_phrase(text: str) -> bool:
    """Return whether a text is a sentence, or too long to be the name of a section or committee."""
    return len(text) >= MIN_SENTENCE_LENGTH or text[-1] in SENTENCE_ENDS or text.count(" ") > 2


def _find_heading_end(blocks: Sequence[PageBlock]) -> int:
    """Return the index of the block after the h1, or 0 if the h1 is not among the first blocks."""
    headings = (
        index
        for index, block in enumerate(blocks[:MAX_LEAD_POSITION])
        if block.element.name == "h1"
    )
    return next(headings, -1) + 1


def _find_summarised_block(
    blocks: Sequence[PageBlock], start: int, declared_summaries: Sequence[str]
) -> range | None:
    """Return the range of the first block that matches a declared summary.

    Returns None if no block does. Only the blocks up to the first sentence are considered.
    """
    sentences = (index for index in range(start, len(blocks)) if is_sentence_block(blocks[index]))
    # a sentence further down belongs to the text
    for index, block in enumerate(blocks[: next(sentences, 5) + 1]):
        if block.level == 9 and any(
            _matches_summary(block.text, summary) for summary in declared_summaries
        ):
            return range(index, index + 1)
    return None


def _find_lone_sentence(blocks: Sequence[PageBlock], start: int, text_start: int) -> range | None:
    """Return the range of the only sentence between the title and the running text.

    Returns None if there is no sentence or more than one.
    """
    end = min(text_start, start + 6)
    between = [index for index in range(start, end) if is_sentence_block(blocks[index])]
    return range(between[0], between[0] + 1) if len(between) == 1 else None


def _find_sentence_heading(blocks: Sequence[PageBlock], start: int) -> range | None:
    """Return the range of the heading directly after the h1.

    Returns None unless this heading is a sentence and a paragraph follows it.
    """
    if not 0 < start < len(blocks) - 1:
        return None
    is_lead = _is_sentence_heading(blocks[start]) and blocks[start + 1].kind == "p"
    return range(start, start + 1) if is_lead else None


def _find_bold_opening(blocks: Sequence[PageBlock]) -> range | None:
    """Return the range of the first long paragraph if it is bold and the next one is not.

    Returns None if there is no such paragraph, or if it is a question.
    """
    paragraphs = [
        index
        for index, block in enumerate(blocks[:8])
        if block.kind == "p" and len(block.text) > 40
    ]
    if len(paragraphs) < 2:
        return None
    first, second = (blocks[index] for index in paragraphs[:2])
    if first.bold and not second.bold and not first.text.endswith("?"):
        return range(paragraphs[0], paragraphs[0] + 1)
    return None


def _find_opening_with_own_class(blocks: Sequence[PageBlock], start: int) -> range | None:
    paragraphs = (index for index in range(start, len(blocks)) if blocks[index].kind == "p")
    opening = next(paragraphs, None)
    if opening is None:
        return None
    follows_heading = 0 < opening == start
    if not follows_heading and not is_sentence_block(blocks[opening]):
        return None
    return range(opening, opening + 1) if _has_own_class(blocks, opening) else None


def _has_own_class(blocks: Sequence[PageBlock], index: int) -> bool:
    """Return whether a paragraph has a class attribute that no block of text after it has.

    Most of the blocks after it must share one class attribute, or have none.
    """
    block, following = blocks[index], _list_text_blocks(blocks[index + 1 :])
    own, *others = (str(part.element.get("class") or "") for part in (block, *following))
    if not own or own in others or not _is_row(block, following, others):
        return False
    if _contains_block(block.element, following[0]):
        return False
    if not is_sentence_block(block) and not (
        _have_similar_parents(block, following[0]) and _may_lead(block)
    ):
        return False
    return 2 * others.count(others[0]) > len(others)


def _list_text_blocks(blocks: Sequence[PageBlock]) -> list[PageBlock]:
    return [block for block in blocks if block.kind == "p" or _is_text_list(block)]


def _is_row(block: PageBlock, following: Sequence[PageBlock], classes: Sequence[str]) -> bool:
    """Return whether a paragraph's class can be compared with the classes of the blocks after it.

    This requires at least two blocks after the paragraph, or one block that is a sibling of the
    paragraph and has a class.

    classes: the class attributes of the blocks that follow.
    """
    if len(following) >= MIN_FOLLOWING:
        return True
    return any(classes) and following[0].element.parent is block.element.parent


def _have_similar_parents(first: PageBlock, second: PageBlock) -> bool:
    parents = (block.element.parent for block in (first, second))
    return len({str(parent.get("class")) for parent in parents if parent is not None}) == 1


def _is_text_list(block: PageBlock) -> bool:
    return block.kind == "list" and block.link_share < 0.5


def _may_lead(block: PageBlock) -> bool:
    """Return whether a paragraph may be a lead although it is not a full sentence.

    It must be long enough, and most of its text must be outside links.
    """
    return (
        MIN_LABEL_LENGTH <= len(block.text) < MAX_LEAD_LENGTH
        and has_words(block.text)
        and block.link_share < 0.5
    )


def _find_marked_lead(
    blocks: Sequence[PageBlock], is_lead_element: Callable[[Tag], bool]
) -> range | None:
    """Return the range of the blocks near the start that are in the same lead element.

    Returns None if there are no such blocks.
    """
    for index, block in enumerate(blocks[:MAX_LEAD_POSITION]):
        container = _find_lead_ancestor(block.element, is_lead_element)
        if container is None or not _may_be_lead(block):
            continue
        if any(map(is_sentence_block, blocks[:index])) and block.text[-1] not in SENTENCE_ENDS:
            continue  # a subheading with the style of a lead
        if _contains_title(container, blocks[index + 1 : MAX_LEAD_POSITION]):
            continue  # the title is below
        end = index + 1
        while (
            end < len(blocks)
            and _find_lead_ancestor(blocks[end].element, is_lead_element) is container
        ):
            end += 1
        if _count_characters(blocks[index:end]) < MAX_LEAD_LENGTH:
            return range(index, end)
    return None


def _contains_title(container: Tag, blocks: Sequence[PageBlock]) -> bool:
    return any(block.element.name == "h1" and _contains_block(container, block) for block in blocks)


def _may_be_lead(block: PageBlock) -> bool:
    return (
        block.kind not in ("panel", "list", "table")
        and block.element.name != "h1"
        and has_words(block.text)
    )


def has_words(text: str) -> bool:
    """Return whether a text is more than a label, a date or a telephone number."""
    is_label = text.endswith(":") or (
        any(map(str.isdigit, text)) and find_date_role(text) is not None
    )
    return LETTERS.search(text) is not None and not (is_label and len(text) < MAX_LABEL_LENGTH)


def _find_lead_ancestor(element: Tag, is_lead_element: Callable[[Tag], bool]) -> Tag | None:
    node: Tag | None = element
    for _ in range(3):
        if node is None or node.name in ("[document]", "body", "main", "article"):
            return None
        if is_lead_element(node):
            return node
        node = node.parent
    return None


def _contains_block(container: Tag, block: PageBlock) -> bool:
    return any(part is container for part in block.element.parents)


def _has_lead_class(element: Tag) -> bool:
    classes = str(element.get("class") or "")
    if not LEAD_CLASS.search(classes) or NON_LEAD_CLASS.search(classes):
        return False
    # "subheading" is SiteVision's class for the headings of a text.
    is_subheading = element.name in SUBHEADING_TAGS and SUBHEADING_CLASS.search(classes)
    length = len(element.get_text())
    return length < MAX_LEAD_LENGTH and not (is_subheading and length < MAX_SUBHEADING_LENGTH)


def is_sentence_block(block: PageBlock) -> bool:
    return (
        block.kind == "p"
        and MIN_SENTENCE_LENGTH <= len(block.text) < MAX_LEAD_LENGTH
        and block.text[-1] in SENTENCE_ENDS
        and block.link_share < 0.5
    )


def _is_sentence_heading(block: PageBlock) -> bool:
    return (
        block.level < 9
        and MIN_SENTENCE_LENGTH <= len(block.text) < MAX_LEAD_LENGTH
        and block.text[-1] in ".…"
    )


def _find_separate_paragraphs(blocks: Sequence[PageBlock], start: int) -> range | None:
    """Return the range of the blocks in a short element directly before the element with the text.

    Returns None if there is no such element.
    """
    first = _find_opening(blocks, start)
    if first is None:
        return None
    wrappers = [blocks[first].element, *blocks[first].element.parents]
    innermost = _find_containers(wrappers, blocks)
    for number, wrapper in reversed(list(enumerate(wrappers))):
        inside = [
            index for index, found in enumerate(innermost) if found is not None and found <= number
        ]
        lead = blocks[first : inside[-1] + 1]
        if inside[0] == first and _is_short_text(lead) and first + len(lead) < len(blocks):
            is_apart = _stands_apart(wrapper, lead, blocks[first + len(lead) :])
            return range(first, first + len(lead)) if is_apart else None
    return None


def _find_opening(blocks: Sequence[PageBlock], start: int) -> int | None:
    """Return the index of the first paragraph that is long enough to open the text.

    Returns None if there is no such paragraph.
    """
    nearest = range(start, min(len(blocks), start + 8))
    return next((index for index in nearest if _may_open_text(blocks[index])), None)


def _may_open_text(block: PageBlock) -> bool:
    return block.kind == "p" and len(block.text) >= MIN_SENTENCE_LENGTH and has_words(block.text)


def _is_short_text(lead: Sequence[PageBlock]) -> bool:
    is_plain = len(lead) <= MAX_LEAD_PARAGRAPHS and all(
        block.kind == "p" and not block.link_share for block in lead
    )
    is_ended = lead[-1].text[-1] in f"{SENTENCE_ENDS}:"
    return is_plain and is_ended and _count_characters(lead) < MAX_LEAD_LENGTH


def _stands_apart(wrapper: Tag, lead: Sequence[PageBlock], following: Sequence[PageBlock]) -> bool:
    """Return whether the wrapper of a lead stands apart from the text after it.

    Returns False if the text is in similar wrappers, or if the wrapper is a paragraph beside the
    paragraphs of the text.
    """
    if wrapper.parent is None or has_descendant(wrapper, ("img",)):
        return False
    holders = _list_text_siblings(wrapper, following)
    kinds = [(element.name, element.get("class")) for element, _ in holders]
    paragraph_count = sum(name == "p" for name, _ in kinds)
    if not holders or (wrapper.name == "p" and paragraph_count):
        return False
    if paragraph_count == len(holders):
        return paragraph_count >= MIN_FOLLOWING
    alike_count = kinds.count((wrapper.name, wrapper.get("class")))
    return alike_count < 2 and _is_followed_by_text(lead, following, holders)


def _list_text_siblings(
    element: Tag, blocks: Sequence[PageBlock]
) -> list[tuple[Tag, list[PageBlock]]]:
    """Return the siblings after an element that contain paragraphs, each with the blocks in it."""
    siblings = [part for part in element.next_siblings if isinstance(part, Tag)]
    texts: list[list[PageBlock]] = [[] for _ in siblings]
    for number, block in zip(_find_containers(siblings, blocks), blocks, strict=True):
        if number is not None:
            texts[number].append(block)
    return [
        (sibling, text)
        for sibling, text in zip(siblings, texts, strict=True)
        if any(block.kind == "p" for block in text)
    ]


def _is_followed_by_text(
    lead: Sequence[PageBlock],
    following: Sequence[PageBlock],
    holders: Sequence[tuple[Tag, list[PageBlock]]],
) -> bool:
    """Return whether the longest text in `holders` directly follows a lead.

    The text must be longer than the lead or, if the lead has several blocks, longer than twice the
    lead.

    holders: elements after the lead, each with the blocks in it.
    """
    longest = max((text for _, text in holders), key=_count_characters)
    next_block = next(
        (block for block in following if block.kind != "p" or _may_open_text(block)), following[0]
    )
    is_longer = _count_characters(longest) > min(len(lead), 2) * _count_characters(lead)
    return is_longer and any(block is next_block for block in longest)


def _find_containers(elements: Sequence[Tag], blocks: Sequence[PageBlock]) -> list[int | None]:
    """Return, for each block, the index of the innermost of the elements that contains it.

    The index is None for a block that is in none of the elements.
    """
    # the hash of a tag is that of its HTML
    numbers = {id(element): number for number, element in enumerate(elements)}
    lineages = ((block.element, *block.element.parents) for block in blocks)
    return [
        next((numbers[id(part)] for part in lineage if id(part) in numbers), None)
        for lineage in lineages
    ]


def _count_characters(blocks: Sequence[PageBlock]) -> int:
    return sum(len(block.text) for block in blocks)


def _matches_summary(text: str, summary: str) -> bool:
    paragraph, declared = build_comparison_key(text), build_comparison_key(summary.rstrip(".… "))
    return len(declared) >= 40 and (
        paragraph.startswith(declared) or (declared.startswith(paragraph) and len(paragraph) > 60)
    )
