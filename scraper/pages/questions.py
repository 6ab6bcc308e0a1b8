"""Finds questions and answers in the blocks of a text.

Questions may be headings, bold paragraphs, titles of panels, or terms in a description list.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
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
from scraper.pages.contacts import has_person_name
from scraper.pages.title import build_comparison_key

# Characters of a question in its own block ("Hur?"), and of one in an ordinary paragraph.
MIN_QUESTION_LENGTH, MAX_QUESTION_LENGTH = 4, 400
MIN_PLAIN_QUESTION_LENGTH, MAX_PLAIN_QUESTION_LENGTH = 8, 200


@dataclass(slots=True)
class QuestionPair:
    """A question and its answer.

    start, end: blocks[start] is the question, and blocks[start + 1 : end] are the answer.
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
    """Return the questions of a text with their answers.

    context: the title and lead, which often announce questions and answers.
    declared: the questions in the FAQPage data of the page.
    """
    declared_keys = {build_comparison_key(question) for question in declared}
    chosen = _find_question_indexes(blocks, declared_keys)
    found = (_read_question_pair(blocks, index, chosen) for index in chosen)
    pairs = list(filter(None, found))
    is_announced = QA_ANNOUNCEMENT.search(context) is not None or _are_most_headings(pairs, blocks)
    trusted_pairs: list[QuestionPair] = []
    for group in _group_adjacent_pairs(pairs, blocks):
        is_trusted = is_announced or _is_trustworthy_group(group, blocks)
        trusted_pairs += [
            pair
            for pair in group
            if is_trusted or build_comparison_key(pair.question) in declared_keys
        ]
    if trusted_pairs:
        _set_answerer(trusted_pairs, context, blocks[: trusted_pairs[0].start])
    return trusted_pairs


def _find_question_indexes(
    blocks: Sequence[PageBlock], declared_keys: Collection[str]
) -> list[int]:
    """Return the indexes of the blocks that are questions.

    These are marked and declared questions or, if there are none, paragraphs that are questions.
    Panel titles that are questions are always included.
    """
    starts = [
        index
        for index, block in enumerate(blocks)
        if _is_question_block(blocks, index) or _is_declared_question(block, declared_keys)
    ]
    starts = starts or _find_plain_questions(blocks)
    return sorted({*starts, *_find_panel_questions(blocks)})


def _are_most_headings(pairs: Sequence[QuestionPair], blocks: Sequence[PageBlock]) -> bool:
    """Return whether many of the headings in a text are questions with answers.

    There must be at least two pairs, and at least half as many pairs as there are headings and bold
    lines.
    """
    headings = sum(
        1 for block in blocks if block.level < 9 or (block.bold and len(block.text) < 200)
    )
    return 2 <= len(pairs) >= 0.5 * headings


def _is_declared_question(block: PageBlock, declared_keys: Collection[str]) -> bool:
    return (
        bool(declared_keys)
        and (block.level < 9 or block.bold or block.kind in ("dt", "panel"))
        and build_comparison_key(block.text) in declared_keys
    )


def _group_adjacent_pairs(
    pairs: Sequence[QuestionPair], blocks: Sequence[PageBlock]
) -> Iterator[list[QuestionPair]]:
    """Yield groups of adjacent pairs whose questions have the same block type."""
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
    """Return whether a block is marked as a question.

    It is marked by a letter or word such as "Fråga:", or by being a heading, bold text, a term or a
    panel title.
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
    """Return the indexes of ordinary paragraphs that are questions whose answer starts with a dash.

    Returns [] if there is only one such question.
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
    """Return the indexes of panel titles and terms that are questions.

    If at least half of the titles in a row are questions, all titles in the row are included,
    because the others are usually shortened questions.
    """
    found: list[int] = []
    for row in _iter_title_rows(blocks):
        asking_titles = [index for index in row if is_question_text(blocks[index].text)]
        found += (
            row if len(asking_titles) * 2 >= len(row) and len(asking_titles) > 1 else asking_titles
        )
    return found


def _iter_title_rows(blocks: Sequence[PageBlock]) -> Iterator[list[int]]:
    """Yield rows of panel titles and terms, as lists of indexes. A section heading ends a row."""
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
    """Return the question at an index with its answer, or None if there is no answer."""
    question = blocks[index]
    end = _find_answer_end(blocks, index, questions)
    answer, speaker = _read_answer(question, blocks[index + 1 : end])
    if not answer:
        return None
    text = QUESTION_NUMBER.sub("", MARKED_QUESTION.sub("", TOGGLE_SIGN.sub("", question.text)))
    return QuestionPair(index, end, text, answer, speaker)


def _find_answer_end(blocks: Sequence[PageBlock], index: int, questions: Sequence[int]) -> int:
    question, end = blocks[index], index + 1
    container = _find_answer_container(question, blocks[end]) if end < len(blocks) else None
    while end < len(blocks) and end not in questions and not _ends_answer(question, blocks[end]):
        if container is not None and not is_within(blocks[end].element, container):
            break
        end += 1
    return end


def _find_answer_container(question: PageBlock, following: PageBlock) -> Tag | None:
    """Return the element that must contain the answer to a term or panel title.

    Returns None if the answer may be anywhere.
    """
    if question.kind == "dt":
        return question.element.find_parent("dl")
    if question.kind != "panel":
        return None
    panel = question.panel or _find_panel(question.element)
    return panel if panel is not None and is_within(following.element, panel) else None


def _read_answer(question: PageBlock, blocks: Iterable[PageBlock]) -> tuple[list[str], str | None]:
    """Return the paragraphs of an answer and its speaker.

    The speaker is named in a line before the answer, and is None if there is no such line.
    """
    is_marked = MARKED_QUESTION.match(question.text) is not None
    answer: list[str] = []
    speaker = None
    for block in blocks:
        if answer:
            answer.append(block.text)
        elif speaker_line := SPEAKER_LINE.match(block.text):
            speaker = speaker_line["who"]
        else:
            answer.append(_strip_answer_mark(block.text, is_marked=is_marked))
    return answer, speaker


def _strip_answer_mark(text: str, *, is_marked: bool) -> str:
    """Return an answer without its mark, such as "Svar:" or "A:".

    A single letter is a mark only if the question is also marked.
    """
    mark = MARKED_ANSWER.match(text)
    return text[mark.end() :] if mark and (is_marked or mark["word"]) else text


def _find_panel(title: Tag) -> Tag | None:
    """Return the panel that a title opens.

    This is the element after the title or after the title's wrapper. Returns None if there is no
    such element, or if it is a single paragraph.
    """
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
    """Return whether a block starts something that is not part of the answer to a question."""
    if question.kind in ("panel", "dt") or block.kind in ("panel", "dt"):
        return block.kind == question.kind or (block.level <= 3 and block.depth <= question.depth)
    if block.level < 9:
        return question.level == 9 or block.level <= question.level
    return block.bold and question.bold and question.level == 9 and len(block.text) < 200


def _is_trustworthy_group(group: Sequence[QuestionPair], blocks: Sequence[PageBlock]) -> bool:
    """Return whether a group consists of questions and answers, and not of rhetorical headings.

    Returns True if the group is announced just before it, begins with a marked question, or has at
    least three pairs. Two pairs are enough in panels. Elsewhere, a group of one or two pairs is
    trusted if at least half of its answers start with a dash.
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


def _set_answerer(
    pairs: Iterable[QuestionPair], context: str, blocks_before: Iterable[PageBlock]
) -> None:
    answerer = _find_answerer([context, *(block.text for block in blocks_before)])
    for pair in pairs:
        pair.answered_by = pair.answered_by or answerer


def _find_answerer(texts: Sequence[str]) -> str | None:
    """Return the name and role of the person who answers, or None if the texts name no person.

    texts: the texts before the questions.

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
