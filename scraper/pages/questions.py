"""Finds questions and answers in the blocks of a text: headings, bold paragraphs, panels, lists of
terms.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bs4 import Tag

from scraper.items import QuestionItem
from scraper.normalise.text_cleaning import SPEECH_DASH, clean_line
from scraper.pages.blocks import (
    ANSWERER,
    MARKED_ANSWER,
    MARKED_QUESTION,
    PANEL_BODY_TAGS,
    QA_ANNOUNCEMENT,
    QUESTION_NUMBER,
    SITE_QUESTION,
    SPEAKER_LINE,
    TOGGLE_SIGN,
    PageBlock,
    is_question_text,
)
from scraper.pages.contact_lines import has_person_name
from scraper.pages.title import build_comparison_key

MIN_QUESTION_LENGTH, MAX_QUESTION_LENGTH = (
    4,
    400,
)  # characters of a question in its own block ("Hur?")
MIN_PLAIN_QUESTION_LENGTH, MAX_PLAIN_QUESTION_LENGTH = (
    8,
    200,
)  # the same for a question in an ordinary paragraph


@dataclass(slots=True)
class QuestionPair:
    """A question and its answer: blocks[start] is the question, blocks[start + 1 : end] are the
    answer.
    """

    start: int
    end: int
    question: str
    answer: list[str]
    answered_by: str | None = None

    def to_question_item(self) -> QuestionItem:
        return QuestionItem(
            question=self.question, answer="\n\n".join(self.answer), answered_by=self.answered_by
        )


def find_question_pairs(
    blocks: Sequence[PageBlock], context: str, declared: Sequence[str] = ()
) -> list[QuestionPair]:
    """Return the text's questions with their answers.

    context: title and lead, which often announce questions and answers. declared: the page's
    FAQPage data.
    """
    declared_keys = {build_comparison_key(question) for question in declared}
    starts = [
        index
        for index, block in enumerate(blocks)
        if _is_question_block(blocks, index) or _is_declared_question(block, declared_keys)
    ]
    starts = starts or _find_plain_questions(blocks)
    chosen = sorted({*starts, *_find_panel_questions(blocks)})
    pairs = [
        pair for index in chosen if (pair := _read_question_pair(blocks, index, chosen)) is not None
    ]
    headings = sum(
        1 for block in blocks if block.level < 9 or (block.bold and len(block.text) < 200)
    )
    is_announced = QA_ANNOUNCEMENT.search(context) is not None or 2 <= len(pairs) >= 0.5 * headings
    trusted_pairs = [
        pair
        for group in _group_adjacent_pairs(pairs, blocks)
        for pair in group
        if is_announced
        or _is_trustworthy_group(group, blocks)
        or build_comparison_key(pair.question) in declared_keys
    ]
    if trusted_pairs:
        answerer = _find_answerer(
            [context, *(block.text for block in blocks[: trusted_pairs[0].start])]
        )
        for pair in trusted_pairs:
            pair.answered_by = pair.answered_by or answerer
    return trusted_pairs


def _is_declared_question(block: PageBlock, declared_keys: Collection[str]) -> bool:
    return (
        bool(declared_keys)
        and (block.level < 9 or block.bold or block.kind in ("dt", "panel"))
        and build_comparison_key(block.text) in declared_keys
    )


def _group_adjacent_pairs(
    pairs: Sequence[QuestionPair], blocks: Sequence[PageBlock]
) -> Iterator[list[QuestionPair]]:
    """Yield groups of adjacent pairs whose questions are blocks of the same kind."""
    group: list[QuestionPair] = []
    for pair in pairs:
        if group and (
            group[-1].end != pair.start or blocks[group[-1].start].kind != blocks[pair.start].kind
        ):
            yield group
            group = []
        group.append(pair)
    if group:
        yield group


def _is_question_block(blocks: Sequence[PageBlock], index: int) -> bool:
    """Return whether a block is marked as a question: by a word, or as a heading, bold text, term
    or panel title.
    """
    block = blocks[index]
    if not MIN_QUESTION_LENGTH <= len(block.text) <= MAX_QUESTION_LENGTH or SITE_QUESTION.match(
        block.text
    ):
        return False
    is_marked = MARKED_QUESTION.match(block.text) is not None
    if is_marked and index + 1 < len(blocks) and MARKED_ANSWER.match(blocks[index + 1].text):
        return True
    if not is_question_text(block.text):
        return False
    return is_marked or block.level < 9 or block.bold or block.kind in ("dt", "panel")


def _find_plain_questions(blocks: Sequence[PageBlock]) -> list[int]:
    """Return the ordinary paragraphs that are questions, if at least two of their answers start
    with a dash.
    """
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


def _find_panel_questions(blocks: Sequence[PageBlock]) -> list[int]:
    """Return the panel titles that are questions.

    If half of the titles in a row are questions, all of them count, because the others are only
    shortened.
    """
    found: list[int] = []
    for row in _iter_title_rows(blocks):
        asking_titles = [index for index in row if is_question_text(blocks[index].text)]
        found += (
            row if len(asking_titles) * 2 >= len(row) and len(asking_titles) > 1 else asking_titles
        )
    return found


def _iter_title_rows(blocks: Sequence[PageBlock]) -> Iterator[list[int]]:
    """Yield rows of panel titles and terms without a section heading between them."""
    row: list[int] = []
    for index, block in enumerate(blocks):
        if block.level <= 3 and row:
            yield row
            row = []
        if block.kind in ("panel", "dt"):
            row.append(index)
    if row:
        yield row


def _read_question_pair(
    blocks: Sequence[PageBlock], index: int, questions: Sequence[int]
) -> QuestionPair | None:
    """Return the question at an index with the blocks that answer it, or None if it has no
    answer.
    """
    question = blocks[index]
    answer: list[str] = []
    is_marked = MARKED_QUESTION.match(question.text) is not None
    speaker = None
    end = index + 1
    container = None  # the element that must contain the answer
    if question.kind == "dt":
        container = question.element.find_parent("dl")
    elif question.kind == "panel" and end < len(blocks):
        panel = question.panel or _find_panel(question.element)
        container = panel if panel is not None and is_within(blocks[end].element, panel) else None
    while end < len(blocks) and end not in questions and not _ends_answer(question, blocks[end]):
        block = blocks[end]
        if container is not None and not is_within(block.element, container):
            break
        speaker_line = SPEAKER_LINE.match(block.text) if not answer else None
        if speaker_line:
            speaker = speaker_line["who"]
        else:
            mark = MARKED_ANSWER.match(block.text) if not answer else None
            # A letter marks an answer only if its question is marked, too.
            answer.append(
                block.text[mark.end() :] if mark and (is_marked or mark["word"]) else block.text
            )
        end += 1
    if not answer:
        return None
    text = QUESTION_NUMBER.sub("", MARKED_QUESTION.sub("", TOGGLE_SIGN.sub("", question.text)))
    return QuestionPair(index, end, text, answer, speaker)


def _find_panel(title: Tag) -> Tag | None:
    """Return the panel that a title opens: the element after it, or after its wrapper."""
    node: Tag | None = title
    for _ in range(3):
        if node is None:
            return None
        following = next(
            (
                part
                for part in node.next_siblings
                if isinstance(part, Tag) and part.get_text(strip=True)
            ),
            None,
        )
        if following is not None:  # a single paragraph is only the beginning of the answer
            return None if following.name in PANEL_BODY_TAGS else following
        node = node.parent
    return None


def is_within(element: Tag, container: Tag) -> bool:
    return element is container or any(parent is container for parent in element.parents)


def _ends_answer(question: PageBlock, block: PageBlock) -> bool:
    """Return whether a block starts something that is not part of the answer."""
    if question.kind in ("panel", "dt") or block.kind in ("panel", "dt"):
        return block.kind == question.kind or (block.level <= 3 and block.depth <= question.depth)
    if block.level < 9:
        return question.level == 9 or block.level <= question.level
    return block.bold and question.bold and question.level == 9 and len(block.text) < 200


def _is_trustworthy_group(group: Sequence[QuestionPair], blocks: Sequence[PageBlock]) -> bool:
    """Return whether a group is questions and answers rather than rhetorical headings of an
    ordinary text.

    True if the group is announced just before it, is in panels, is marked Q and A, has answers that
    start with dashes, or has at least three pairs.
    """
    first = group[0]
    if any(
        QA_ANNOUNCEMENT.search(block.text)
        for block in blocks[max(0, first.start - 4) : first.start]
    ):
        return True
    if MARKED_QUESTION.match(blocks[first.start].text) or len(group) >= 3:
        return True
    if blocks[first.start].kind in ("panel", "dt"):
        return len(group) > 1
    return 2 * sum(1 for pair in group if SPEECH_DASH.match(pair.answer[0])) >= len(group)


def _find_answerer(texts: Sequence[str]) -> str | None:
    """Return who answers the questions, according to the introduction, or None if it names no
    person.

    >>> _find_answerer(["Eva Ek, utredare på Verket svarar här på tre frågor:"])
    'Eva Ek, utredare på Verket'
    >>> _find_answerer(["Här svarar Eva Ek, generaldirektör, på fem frågor om budgeten."])
    'Eva Ek, generaldirektör'
    >>> _find_answerer(["Exempelverket svarar på tre frågor om leder."]) is None
    True
    """
    matches = filter(None, map(ANSWERER.search, texts))
    answerers = (clean_line(match["who"] or match["named"]) for match in matches)
    return next(filter(has_person_name, answerers), None)
