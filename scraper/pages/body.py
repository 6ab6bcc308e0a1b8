"""Selects the blocks of the running text, renders them as plain text and HTML, and checks the
result.

The check compares a body with two independent readings of its page, to detect that a wrong text was
extracted: the text after the page's heading and the densest block. Both consist of the sentences of
the page before anything is removed from it. They use neither class names nor words of a language,
and are rougher than the body: a correct body often lacks some of their text, but hardly ever nearly
all of it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from bs4 import Tag

from scraper.normalise.conversion import normalise_kind
from scraper.normalise.text_cleaning import clean_line
from scraper.pages.blocks import PageBlock
from scraper.pages.boilerplate import (
    BYLINE,
    CLOSING_LINE,
    CONTACT_SECTION_HEADING,
    FEEDBACK_CHOICE,
    FEEDBACK_OPENING,
    FEEDBACK_SUBJECT,
    MAX_FEEDBACK_LENGTH,
    PICTURE_CREDIT,
    POINTER_LINE,
    RELATED_SECTION_HEADING,
    SERVICE_LINE,
    SERVICE_SECTION_HEADING,
    WHOLE_DATE,
)
from scraper.pages.contact_lines import is_person_name
from scraper.pages.contacts import has_phone_or_email, opens_contact_section
from scraper.pages.document import INLINE_TAGS, Element, format_element_path
from scraper.pages.lead import SENTENCE_ENDS, is_sentence_block
from scraper.pages.media import CAPTION_CLASS
from scraper.pages.page_dates import is_date_line
from scraper.pages.questions import QuestionPair
from scraper.pages.title import build_comparison_key

MIN_LINKED_SENTENCE_LENGTH = 60
MAX_LIST_LINK_SHARE = 0.75  # share of a list's text without dates
MAX_CONTENTS_HEADING_LENGTH = 40  # "Innehåll på denna sida"
OPENING_BLOCKS = 3  # blocks that may hold date, type and author of the page
BUTTON_CLASS = re.compile(r"btn|button|cta", re.IGNORECASE)
MAX_SERVICE_LINE_LENGTH, MAX_CAPTION_LENGTH = 90, 300


def find_body(blocks: Sequence[PageBlock], title: str | None, url: str) -> list[PageBlock]:
    """Return the blocks of the running text: no title, date lines, service lines or lists of
    links.
    """
    candidates = _drop_feedback(_drop_closing_sections(_drop_contents_lists(blocks)))
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
    """Return whether the last line of a page is about the page, or the heading of links that are
    left out.
    """
    if len(block.text) >= MAX_CAPTION_LENGTH:
        return False
    is_heading = not block.link_share and block.text[-1] not in SENTENCE_ENDS
    return CLOSING_LINE.match(block.text) is not None or (
        is_heading and RELATED_SECTION_HEADING.match(block.text) is not None
    )


def _drop_contents_lists(blocks: Sequence[PageBlock]) -> list[PageBlock]:
    contents = {index for index, block in enumerate(blocks) if block.is_contents_list}
    headings = {
        index - 1
        for index in contents
        if index and len(blocks[index - 1].text) < MAX_CONTENTS_HEADING_LENGTH
    }
    return [block for index, block in enumerate(blocks) if index not in contents | headings]


def _drop_feedback(blocks: Sequence[PageBlock]) -> list[PageBlock]:
    """Return the blocks without questions such as "Hittade du det du sökte?" and their choices of
    answers.

    A heading such as "Tyck till om sidan" is dropped, too, with the text in its box.
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
    """Return the element around a heading, or None if it is too long to be a box."""
    parent = heading.element.parent
    is_box = parent is not None and len(parent.get_text()) < MAX_FEEDBACK_LENGTH
    return parent if is_box else None


def _is_introduced_list(blocks: Sequence[PageBlock], index: int) -> bool:
    before = blocks[index - 1] if index else None
    return before is not None and (
        before.text.endswith(":") or (before.level < 9 and index + 1 < len(blocks))
    )


def _choose_later_text(before: PageBlock | None, block: PageBlock) -> PageBlock | None:
    """Return the later one of two blocks, unless it is only a link."""
    return before if _is_link_paragraph(block) else block


def _is_link_within_text(blocks: Sequence[PageBlock], index: int, before: PageBlock | None) -> bool:
    """Return whether a paragraph that is only a link belongs to the text around it.

    before: the last block before it that is more than a link. Either a line with a colon
    introduces it and the links before it, or it stands under a heading and a sentence about it
    follows.
    """
    if not _is_link_paragraph(blocks[index]):
        return False
    if before is None or POINTER_LINE.match(before.text) or opens_contact_section(before.text):
        return False
    if before.text.endswith(":"):
        return True
    is_described = any(map(_is_sentence_without_contact, blocks[index + 1 : index + 2]))
    is_author = is_person_name(blocks[index].text)
    return is_described and not is_author and before is blocks[index - 1] and before.level < 9


def _is_link_paragraph(block: PageBlock) -> bool:
    """Return whether a paragraph is only a link, but not a button or a pointer to other pages."""
    link = block.element.find("a")
    if block.kind != "p" or block.link_share < 0.9 or link is None or " " not in block.text:
        return False
    is_service = SERVICE_LINE.match(block.text) or POINTER_LINE.match(block.text)
    return not is_service and not BUTTON_CLASS.search(str(link.get("class") or ""))


def _drop_closing_sections(blocks: Sequence[PageBlock]) -> list[PageBlock]:
    """Return the blocks without sections about the site (contacts, related links).

    A section ends at the next heading of its level or a higher one, unless that heading is a link,
    as on cards. A section of related links also ends at the next sentence; a section of contacts
    does not.
    """
    remaining: list[PageBlock] = []
    section: ClosingSection | None = None
    for index, block in enumerate(blocks):
        level = _read_section_level(block)
        if section is not None and section.ends_before(block, level, blocks[index - 1]):
            section = None
        if section is None and level < 9:
            section = _read_closing_section(block.text, level)
        if section is None or (section.is_contacts and _is_sentence_without_contact(block)):
            remaining.append(block)
    return remaining


def _read_section_level(block: PageBlock) -> int:
    """Return the level of a heading; a bold paragraph counts as one of level 3."""
    return 3 if block.bold and block.level == 9 else block.level


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingSection:
    """A section about the site: contacts, related links, or services such as comments."""

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


def _is_sentence_without_contact(block: PageBlock) -> bool:
    return (
        is_sentence_block(block) and block.link_share < 0.4 and not has_phone_or_email(block.text)
    )


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
    """Return whether a heading, or a line at the beginning, is the title of the page."""
    may_be_title = block.level <= 2 or (is_opening and block.level == 9)
    if not title or not may_be_title:
        return False
    return build_comparison_key(block.text) == build_comparison_key(title)


def _is_page_line(block: PageBlock, index: int, *, is_last: bool) -> bool:
    """Return whether a block is the type of the release, its author or a service of the page."""
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
    """Return whether a paragraph is only a link, but not a whole sentence."""
    if block.link_share < 0.9 or block.level < 9 or block.kind == "panel":
        return False
    return len(block.text) <= MIN_LINKED_SENTENCE_LENGTH or block.text[-1] != "."


def _is_path_to_page(block: PageBlock, title: str | None) -> bool:
    """Return whether a list is a breadcrumb trail: links, ending with the title of the page."""
    last_line = block.text.rpartition("\n")[2].partition(" ")[2]
    is_linked_list = block.kind == "list" and block.link_share > 0
    return (
        is_linked_list
        and title is not None
        and build_comparison_key(last_line) == build_comparison_key(title)
    )


def _is_list_of_links(block: PageBlock) -> bool:
    """Return whether nearly all text of a list, apart from dates, is in links."""
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
    """Return the blocks as HTML; the block of question N has id="question-N"."""
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
    """Return whether a block only contains a date of the page.

    Lists, tables and later headings never count.
    """
    if block.kind in ("list", "table") or (block.level < 9 and not is_opening):
        return False
    return is_date_line(block.text, url, is_opening)


def _is_kind_block(block: PageBlock, index: int) -> bool:
    if index and (block.level < 9 or block.kind in ("dt", "panel")):
        return False
    return len(block.text) < 30 and " " not in block.text and normalise_kind(block.text) is not None


def is_caption_block(block: PageBlock) -> bool:
    """Return whether a paragraph is a picture's caption or credit, by a sign or by the class of its
    element.
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
    """Return the child element if an element has one and no text beside it, or None."""
    parts = [part for part in element.contents if isinstance(part, Tag) or str(part).strip()]
    return parts[0] if len(parts) == 1 and isinstance(parts[0], Tag) else None


MIN_TEXT_LENGTH = 40  # characters; shorter texts are labels, buttons and menus
MIN_LINE_LENGTH = 20  # characters
MAX_PROBE_LENGTH = 60  # characters of a sentence that are looked for in the body
MAX_SENTENCES = 1000  # sentences read per page
MIN_READING_LENGTH = 150  # characters; a shorter reading proves nothing
MAX_LENGTH_AFTER_HEADING = 600  # characters of the text after the heading
# A body with smaller shares is another text. In 700 stored pages, no correct body is below both
# values of a pair.
MIN_START_SHARE, MIN_BLOCK_SHARE = 0.1, 0.1
# share of all sentences, and share of the text after the heading
MIN_PAGE_SHARE, MIN_START_SHARE_OF_SMALL = (0.08, 0.3)
# the doubt that is certain
WRONG_TEXT = "has neither the text after the heading nor a word of the title"
# Words of the title are compared by their stems; scripts without spaces between words are left out.
WORD, STEM_LENGTH = re.compile(r"[^\W\u2e80-\U0003ffff]{4,}"), 5
# Elements whose first text is read; for inline elements, also the text after them. Other elements
# are links or hold no prose.
TEXT_TAGS = (
    "p",
    "br",
    "div",
    "td",
    "li",
    "dd",
    "span",
    "font",
    "strong",
    "b",
    "section",
    "article",
    "h1",
    "h2",
)
PARAGRAPH_TAGS = INLINE_TAGS | {"p", "li", "dd", "h1", "h2"}


class Sentence(NamedTuple):
    """A sentence of a page, without markup. Text in links does not belong to any sentence."""

    probe: str  # its first characters, which are looked for in the body
    length: int
    block: Element  # the element that contains its paragraph
    part: Element  # the part of the page that contains it


# a sentence, and the number of its characters that are in the body
SharedSentence = tuple[Sentence, int]


@dataclass(slots=True)
class PageSentences:
    """The sentences of a page in document order, and its headings.

    The parts of a page are the children of the outermost element with more than one child.
    """

    sentences: list[Sentence] = field(default_factory=list)
    # h1 or h2 → number of sentences before it, and its part
    headings: dict[Element, tuple[int, Element]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyAgreement:
    """How far a body agrees with the other readings of its page.

    start, block: share of the text after the heading, and of the densest block, that is in the
    body; None if there is too little of it. doubt: why the body is probably not the text of the
    page, or None. is_wrong: whether this is certain.
    """

    start: float | None
    block: float | None
    block_path: str
    doubt: str | None = None
    is_wrong: bool = False

    @property
    def share(self) -> float | None:
        """Return the mean of the two shares, from 0 to 1."""
        shares = [share for share in (self.start, self.block) if share is not None]
        return sum(shares) / len(shares) if shares else None

    def describe(self) -> str:
        """Describe the agreement in words.

        >>> BodyAgreement(start=1.0, block=0.25, block_path="").describe()
        'has 100% of the text after the heading and 25% of the densest block'
        """
        parts = ((self.start, "text after the heading"), (self.block, "densest block"))
        words = " and ".join(
            f"{share:.0%} of the {name}" for share, name in parts if share is not None
        )
        return f"has {words}"


def read_sentences(root: Element) -> PageSentences:
    """Read the sentences of a page. Call it before elements are removed from the tree."""
    page = PageSentences()
    sentences = page.sentences
    for part in _find_page_frame(root):
        for element in part.iter(*TEXT_TAGS):
            tag = element.tag
            if tag in ("h1", "h2"):
                page.headings[element] = len(sentences), part
            texts = (element.text, element.tail) if tag in INLINE_TAGS else (element.text,)
            for text in texts:
                # Most long texts are only indentation.
                if text is not None and len(text) > MIN_TEXT_LENGTH and not text.isspace():
                    _add_sentence(sentences, text.strip(), element, part)
            if len(sentences) >= MAX_SENTENCES:
                return page
    return page


def _find_page_frame(root: Element) -> Element:
    """Return the outermost element with more than one child."""
    body = root.find("body")
    frame = root if body is None else body
    while len(frame) == 1 and len(frame[0]):
        frame = frame[0]
    return frame


def _add_sentence(sentences: list[Sentence], words: str, element: Element, part: Element) -> None:
    """Append the words of an element to the sentences, unless they are short or in a link."""
    if len(words) > MIN_TEXT_LENGTH and next(element.iterancestors("a"), None) is None:
        probe = clean_line(words[:MAX_PROBE_LENGTH])
        sentences.append(Sentence(probe, len(words), _find_block(element), part))


def _find_block(element: Element) -> Element:
    while element.tag in PARAGRAPH_TAGS and (parent := element.getparent()) is not None:
        element = parent
    return element


def compare_body(
    page: PageSentences, heading: Element | None, title: str | None, text: str
) -> BodyAgreement:
    """Compare a body, lead included, with the other readings of its page.

    heading: the element that the title was read from, or None. An h1 that is not the title's proves
    nothing, because banners have one, too.
    """
    pairs = [
        (sentence, sentence.length if sentence.probe in text else 0) for sentence in page.sentences
    ]
    densest = _find_densest_block(pairs)
    block = _measure_share(densest)
    place = page.headings.get(heading) if heading is not None else None
    start = _measure_share(_iter_start(pairs[place[0] :])) if place else None
    doubt = _find_start_doubt(start, block, title, text)
    is_wrong = doubt == WRONG_TEXT
    if doubt is None and place:
        doubt = _find_place_doubt(pairs, place, title, text)
    if doubt is None:
        doubt = _find_size_doubt(pairs, start)
    path = format_element_path(densest[0][0].block) if block is not None else ""
    return BodyAgreement(start=start, block=block, block_path=path, doubt=doubt, is_wrong=is_wrong)


def _find_densest_block(pairs: Iterable[SharedSentence]) -> list[SharedSentence]:
    blocks: dict[Element, list[SharedSentence]] = defaultdict(list)
    for pair in pairs:
        blocks[pair[0].block].append(pair)
    return max(blocks.values(), key=_count_characters, default=[])


def _find_start_doubt(
    start: float | None, block: float | None, title: str | None, text: str
) -> str | None:
    """Return why a text without the text after the heading is probably another one, or None."""
    if start is None or start >= MIN_START_SHARE:
        return None
    if not _has_title_word(title, text):
        return WRONG_TEXT
    if block is not None and block < MIN_BLOCK_SHARE:
        return "has neither the text after the heading nor the densest block of the page"
    return None


def _find_place_doubt(
    pairs: Sequence[SharedSentence], place: tuple[int, Element], title: str | None, text: str
) -> str | None:
    """Return what is wrong with the place of a text on its page, or None.

    place: that of the heading, as in `PageSentences.headings`.
    """
    position, part = place
    if _is_before(pairs, position):
        return "is before the heading"
    if is_elsewhere(pairs, part) and not _has_title_word(title, text):
        return "is in another part of the page than the heading, and has no word of the title"
    return None


def _find_size_doubt(pairs: Sequence[SharedSentence], start: float | None) -> str | None:
    """Return how little of the page's text a text has if it lacks much after the heading."""
    if start is None or start >= MIN_START_SHARE_OF_SMALL:
        return None
    share = _measure_share(pairs)
    if share is None or share >= MIN_PAGE_SHARE:
        return None
    return f"is only {share:.0%} of the text around it"


def _iter_start(pairs: Iterable[SharedSentence]) -> Iterator[SharedSentence]:
    """Yield the first sentences, about MAX_LENGTH_AFTER_HEADING characters in all."""
    total = 0
    for pair in pairs:
        yield pair
        total += pair[0].length
        if total > MAX_LENGTH_AFTER_HEADING:
            return


def _measure_share(pairs: Iterable[SharedSentence]) -> float | None:
    """Return the share of the sentences' characters that are in the body; None if there are too few
    to judge.
    """
    total = shared = 0
    for sentence, length in pairs:
        total += sentence.length
        shared += length
    return shared / total if total >= MIN_READING_LENGTH else None


def _count_characters(pairs: Iterable[SharedSentence]) -> int:
    return sum(sentence.length for sentence, _ in pairs)


def _is_before(pairs: Sequence[SharedSentence], position: int) -> bool:
    """Return whether the shared sentences are all before a position. False if there are none."""
    before, after = pairs[:position], pairs[position:]
    return any(length for _, length in before) and not any(length for _, length in after)


def is_elsewhere(pairs: Sequence[SharedSentence], part: Element) -> bool:
    """Return whether a part of the page has sentences, but most of the shared ones are in other
    parts.

    A part without sentences only holds the heading, while the text is in the next part.
    """
    elsewhere = sum(length if sentence.part is not part else -length for sentence, length in pairs)
    return elsewhere > 0 and any(sentence.part is part for sentence, _ in pairs)


def has_lines_of(elements: Iterable[Element], text: str) -> bool:
    """Return whether a text contains a line of the elements that is longer than a date or a
    label.
    """
    lines = (clean_line(line) for element in elements for line in element.itertext())
    return any(len(line) >= MIN_LINE_LENGTH and line in text for line in lines)


def _has_title_word(title: str | None, text: str) -> bool:
    """Return whether a text contains a word of the title in any inflection; True if the title has
    no long word.

    >>> _has_title_word("Nya regler för skogsägare", "Skogsägarnas ansvar")
    True
    >>> _has_title_word("Nytt", "Om kakor")
    False
    """
    stems = [word[:STEM_LENGTH] for word in WORD.findall((title or "").casefold())]
    text = text.casefold()
    return not stems or any(stem in text for stem in stems)
