"""Finding questions and answers in the blocks of a text: headings, bold paragraphs, folded panels, lists of terms."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bs4 import Tag

from scraper.items import QuestionItem
from scraper.normalise.text import SPEECH_DASH, clean_line
from scraper.pages.blocks import PageBlock
from scraper.pages.document import PANEL_BODY_TAGS
from scraper.pages.question_patterns import (
    ANSWERER,
    MARKED_ANSWER,
    MARKED_QUESTION,
    QA_ANNOUNCEMENT,
    QUESTION_NUMBER,
    SITE_QUESTION,
    SPEAKER_LINE,
    TOGGLE_SIGN,
    is_question_text,
)
from scraper.pages.title import build_comparison_key

MIN_QUESTION_LENGTH, MAX_QUESTION_LENGTH = 4, 400  # characters of a question that stands as one: "Hur?"
MIN_PLAIN_QUESTION_LENGTH, MAX_PLAIN_QUESTION_LENGTH = 8, 200  # of one in a paragraph like any other


@dataclass(slots=True)
class QuestionPair:
    """A question block, where its answer begins and ends in the row of blocks."""

    start: int
    end: int
    question: str
    answer: list[str]
    answered_by: str | None = None

    def to_question_item(self) -> QuestionItem:
        """The pair as an item."""
        return QuestionItem(question=self.question, answer="\n\n".join(self.answer), answered_by=self.answered_by)


def find_question_pairs(blocks: Sequence[PageBlock], context: str, declared: Sequence[str] = ()) -> list[QuestionPair]:
    """The text's questions with their answers.

    context: title and lead, where Q&A is often announced. declared: questions that the page's FAQPage data
    names; they are read where they stand.
    """
    named = {build_comparison_key(question) for question in declared}
    starts = [
        index
        for index, block in enumerate(blocks)
        if is_question_block(blocks, index) or is_declared_question(block, named)
    ]
    starts = starts or find_plain_questions(blocks)
    chosen = sorted({*starts, *find_panel_questions(blocks)})
    pairs = [pair for index in chosen if (pair := read_question_pair(blocks, index, chosen)) is not None]
    headings = sum(1 for block in blocks if block.level < 9 or (block.bold and len(block.text) < 200))
    announced = QA_ANNOUNCEMENT.search(context) is not None or 2 <= len(pairs) >= 0.5 * headings
    trusted = [
        pair
        for group in group_adjacent_pairs(pairs, blocks)
        for pair in group
        if announced or is_trustworthy_group(group, blocks) or build_comparison_key(pair.question) in named
    ]
    who = find_answerer([context, *(block.text for block in blocks[: trusted[0].start])]) if trusted else None
    for pair in trusted:
        pair.answered_by = pair.answered_by or who
    return trusted


def is_declared_question(block: PageBlock, declared_keys: Collection[str]) -> bool:
    """Whether a heading, bold paragraph or panel title is a question that the page's data names."""
    return (
        bool(declared_keys)
        and (block.level < 9 or block.bold or block.kind in ("dt", "panel"))
        and build_comparison_key(block.text) in declared_keys
    )


def group_adjacent_pairs(pairs: Sequence[QuestionPair], blocks: Sequence[PageBlock]) -> Iterator[list[QuestionPair]]:
    """Pairs of one style that follow each other with nothing between."""
    group: list[QuestionPair] = []
    for pair in pairs:
        if group and (group[-1].end != pair.start or blocks[group[-1].start].kind != blocks[pair.start].kind):
            yield group
            group = []
        group.append(pair)
    if group:
        yield group


def is_question_block(blocks: Sequence[PageBlock], index: int) -> bool:
    """Whether a block stands as a question: a heading, a bold paragraph, a term or a panel title that asks."""
    block = blocks[index]
    if not MIN_QUESTION_LENGTH <= len(block.text) <= MAX_QUESTION_LENGTH or SITE_QUESTION.match(block.text):
        return False
    marked = MARKED_QUESTION.match(block.text) is not None
    if marked and index + 1 < len(blocks) and MARKED_ANSWER.match(blocks[index + 1].text):
        return True
    if not is_question_text(block.text):
        return False
    return marked or block.level < 9 or block.bold or block.kind in ("dt", "panel")


def find_plain_questions(blocks: Sequence[PageBlock]) -> list[int]:
    """Paragraphs that ask and are answered with a speech dash, where two or more do and nothing else marks them."""
    found = [
        index
        for index, (block, following) in enumerate(pairwise(blocks))
        if block.kind == following.kind == "p"
        and MIN_PLAIN_QUESTION_LENGTH <= len(block.text) <= MAX_PLAIN_QUESTION_LENGTH
        and is_question_text(block.text)
        and not SPEECH_DASH.match(block.text)
        and SPEECH_DASH.match(following.text)
    ]
    return found if len(found) > 1 else []


def find_panel_questions(blocks: Sequence[PageBlock]) -> list[int]:
    """Titles of folded panels; all of a row where half or more ask, for the others are short questions among them."""
    found: list[int] = []
    for row in iter_title_rows(blocks):
        asking = [index for index in row if is_question_text(blocks[index].text)]
        found += row if len(asking) * 2 >= len(row) and len(asking) > 1 else asking
    return found


def iter_title_rows(blocks: Sequence[PageBlock]) -> Iterator[list[int]]:
    """Titles of panels and terms with no section's heading between them."""
    row: list[int] = []
    for index, block in enumerate(blocks):
        if block.level <= 3 and row:
            yield row
            row = []
        if block.kind in ("panel", "dt"):
            row.append(index)
    if row:
        yield row


def read_question_pair(blocks: Sequence[PageBlock], index: int, questions: Sequence[int]) -> QuestionPair | None:
    """The question at an index with the blocks that answer it; None where nothing does."""
    question = blocks[index]
    answer: list[str] = []
    marked = MARKED_QUESTION.match(question.text) is not None
    speaker = None
    end = index + 1
    panel = question.panel or find_panel(question.element) if question.kind == "panel" else None
    terms = question.element.find_parent("dl") if question.kind == "dt" else None
    folded = panel is not None and end < len(blocks) and is_in_panel(blocks[end].element, panel)
    while end < len(blocks) and end not in questions and not ends_answer(question, blocks[end]):
        if (folded and not is_in_panel(blocks[end].element, panel)) or (
            terms and not is_in_panel(blocks[end].element, terms)
        ):
            break
        block = blocks[end]
        named = SPEAKER_LINE.match(block.text) if not answer else None
        if named:
            speaker = named["who"]
        else:
            answer.append(strip_answer_mark(block.text, marked) if not answer else block.text)
        end += 1
    if not answer:
        return None
    return QuestionPair(index, end, strip_question_mark_up(question.text), answer, speaker)


def strip_answer_mark(answer: str, question_is_marked: bool) -> str:
    """An answer without the word or, where its question is marked, too, the letter that marks it as one."""
    mark = MARKED_ANSWER.match(answer)
    return answer[mark.end() :] if mark and (question_is_marked or mark["word"]) else answer


def strip_question_mark_up(text: str) -> str:
    """A question without its mark, its number and the sign that folds its panel."""
    return QUESTION_NUMBER.sub("", MARKED_QUESTION.sub("", TOGGLE_SIGN.sub("", text)))


def find_panel(title: Tag) -> Tag | None:
    """The panel a title folds: the element after it, or after what wraps it."""
    node: Tag | None = title
    for _ in range(3):
        if node is None:
            return None
        following = next(
            (part for part in node.next_siblings if isinstance(part, Tag) and part.get_text(strip=True)), None
        )
        if following is not None:  # a paragraph is but the first of the answer's
            return None if following.name in PANEL_BODY_TAGS else following
        node = node.parent
    return None


def is_in_panel(element: Tag, panel: Tag | None) -> bool:
    """Whether an element is the panel or within it."""
    return panel is not None and (element is panel or any(parent is panel for parent in element.parents))


def ends_answer(question: PageBlock, block: PageBlock) -> bool:
    """Whether a block begins something that no longer answers the question."""
    if question.kind in ("panel", "dt") or block.kind in ("panel", "dt"):
        return block.kind == question.kind or (block.level <= 3 and block.depth <= question.depth)
    if block.level < 9:
        return question.level == 9 or block.level <= question.level
    return block.bold and question.bold and question.level == 9 and len(block.text) < 200


def is_trustworthy_group(group: Sequence[QuestionPair], blocks: Sequence[PageBlock]) -> bool:
    """Whether a group is questions and answers rather than rhetorical headings of an ordinary text.

    It is where it is announced right before, folded in panels, marked Q and A, answered with a speech dash, or
    where three in a row ask.
    """
    first = group[0]
    if any(QA_ANNOUNCEMENT.search(block.text) for block in blocks[max(0, first.start - 4) : first.start]):
        return True
    if MARKED_QUESTION.match(blocks[first.start].text) or len(group) >= 3:
        return True
    if blocks[first.start].kind in ("panel", "dt"):
        return len(group) > 1
    return 2 * sum(1 for pair in group if SPEECH_DASH.match(pair.answer[0])) >= len(group)


def find_answerer(texts: Sequence[str]) -> str | None:
    """Who answers, as the introduction names them.

    >>> find_answerer(["Eva Ek, utredare på Verket svarar här på tre frågor:"])
    'Eva Ek, utredare på Verket'
    >>> find_answerer(["Här svarar Eva Ek, generaldirektör, på fem frågor om budgeten."])
    'Eva Ek, generaldirektör'
    """
    for text in texts:
        match = ANSWERER.search(text)
        if match:
            return clean_line(match["who"] or match["named"])
    return None
