"""Finding questions and answers in the blocks of a text: headings, bold paragraphs, folded panels, lists of terms."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bs4 import Tag

from scraper.items import QuestionItem
from scraper.normalise.text import DASH, clean_line
from scraper.pages.blocks import Block
from scraper.pages.document import BODY_OF_A_PANEL
from scraper.pages.question_patterns import (
    ANNOUNCED,
    ANSWERER,
    MARKED_ANSWER,
    MARKED_QUESTION,
    NUMBER,
    SERVICE,
    SIGN,
    SPEAKER,
    asks,
)
from scraper.pages.title import key

SHORTEST, LONGEST = 4, 400  # characters of a question that stands as one: "Hur?"
SHORTEST_PLAIN, LONGEST_PLAIN = 8, 200  # of one in a paragraph like any other


@dataclass(slots=True)
class Pair:
    """A question block, where its answer begins and ends in the row of blocks."""

    at: int
    end: int
    question: str
    answer: list[str]
    answered_by: str | None = None

    def to_item(self) -> QuestionItem:
        """The pair as an item."""
        return QuestionItem(question=self.question, answer="\n\n".join(self.answer), answered_by=self.answered_by)


def find_pairs(blocks: Sequence[Block], context: str, declared: Sequence[str] = ()) -> list[Pair]:
    """The text's questions with their answers.

    context: title and lead, where Q&A is often announced. declared: questions that the page's FAQPage data
    names; they are read where they stand.
    """
    named = {key(question) for question in declared}
    starts = [index for index, block in enumerate(blocks) if is_question(blocks, index) or is_named(block, named)]
    starts = starts or plain_questions(blocks)
    chosen = sorted({*starts, *folded_questions(blocks)})
    pairs = [pair for index in chosen if (pair := read_pair(blocks, index, chosen)) is not None]
    headings = sum(1 for block in blocks if block.level < 9 or (block.bold and len(block.text) < 200))
    announced = ANNOUNCED.search(context) is not None or 2 <= len(pairs) >= 0.5 * headings
    trusted = [
        pair
        for group in groups_of(pairs, blocks)
        for pair in group
        if announced or is_trustworthy(group, blocks) or key(pair.question) in named
    ]
    who = find_answerer([context, *(block.text for block in blocks[: trusted[0].at])]) if trusted else None
    for pair in trusted:
        pair.answered_by = pair.answered_by or who
    return trusted


def is_named(block: Block, named: Collection[str]) -> bool:
    """Whether a heading, bold paragraph or panel title is a question that the page's data names."""
    return bool(named) and (block.level < 9 or block.bold or block.kind in ("dt", "panel")) and key(block.text) in named


def groups_of(pairs: Sequence[Pair], blocks: Sequence[Block]) -> Iterator[list[Pair]]:
    """Pairs of one style that follow each other with nothing between."""
    group: list[Pair] = []
    for pair in pairs:
        if group and (group[-1].end != pair.at or blocks[group[-1].at].kind != blocks[pair.at].kind):
            yield group
            group = []
        group.append(pair)
    if group:
        yield group


def is_question(blocks: Sequence[Block], index: int) -> bool:
    """Whether a block stands as a question: a heading, a bold paragraph, a term or a panel title that asks."""
    block = blocks[index]
    if not SHORTEST <= len(block.text) <= LONGEST or SERVICE.match(block.text):
        return False
    marked = MARKED_QUESTION.match(block.text) is not None
    if marked and index + 1 < len(blocks) and MARKED_ANSWER.match(blocks[index + 1].text):
        return True
    if not asks(block.text):
        return False
    return marked or block.level < 9 or block.bold or block.kind in ("dt", "panel")


def plain_questions(blocks: Sequence[Block]) -> list[int]:
    """Paragraphs that ask and are answered with a speech dash, where two or more do and nothing else marks them."""
    found = [
        index
        for index, (block, following) in enumerate(pairwise(blocks))
        if block.kind == following.kind == "p"
        and SHORTEST_PLAIN <= len(block.text) <= LONGEST_PLAIN
        and asks(block.text)
        and not DASH.match(block.text)
        and DASH.match(following.text)
    ]
    return found if len(found) > 1 else []


def folded_questions(blocks: Sequence[Block]) -> list[int]:
    """Titles of folded panels; all of a row where half or more ask, for the others are short questions among them."""
    found: list[int] = []
    for row in rows_of_titles(blocks):
        asking = [index for index in row if asks(blocks[index].text)]
        found += row if len(asking) * 2 >= len(row) and len(asking) > 1 else asking
    return found


def rows_of_titles(blocks: Sequence[Block]) -> Iterator[list[int]]:
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


def read_pair(blocks: Sequence[Block], index: int, questions: Sequence[int]) -> Pair | None:
    """The question at an index with the blocks that answer it; None where nothing does."""
    question = blocks[index]
    answer: list[str] = []
    marked = MARKED_QUESTION.match(question.text) is not None
    speaker = None
    end = index + 1
    panel = question.item or panel_of(question.element) if question.kind == "panel" else None
    terms = question.element.find_parent("dl") if question.kind == "dt" else None
    folded = panel is not None and end < len(blocks) and lies_in(blocks[end].element, panel)
    while end < len(blocks) and end not in questions and not closes(question, blocks[end]):
        if (folded and not lies_in(blocks[end].element, panel)) or (terms and not lies_in(blocks[end].element, terms)):
            break
        block = blocks[end]
        named = SPEAKER.match(block.text) if not answer else None
        if named:
            speaker = named["who"]
        else:
            answer.append(without_mark(block.text, marked) if not answer else block.text)
        end += 1
    if not answer:
        return None
    return Pair(index, end, asked_in(question.text), answer, speaker)


def without_mark(answer: str, marked: bool) -> str:
    """An answer without the word or, where its question is marked, too, the letter that marks it as one."""
    mark = MARKED_ANSWER.match(answer)
    return answer[mark.end() :] if mark and (marked or mark["word"]) else answer


def asked_in(text: str) -> str:
    """A question without its mark, its number and the sign that folds its panel."""
    return NUMBER.sub("", MARKED_QUESTION.sub("", SIGN.sub("", text)))


def panel_of(title: Tag) -> Tag | None:
    """The panel a title folds: the element after it, or after what wraps it."""
    node: Tag | None = title
    for _ in range(3):
        if node is None:
            return None
        following = next(
            (part for part in node.next_siblings if isinstance(part, Tag) and part.get_text(strip=True)), None
        )
        if following is not None:  # a paragraph is but the first of the answer's
            return None if following.name in BODY_OF_A_PANEL else following
        node = node.parent
    return None


def lies_in(element: Tag, panel: Tag | None) -> bool:
    """Whether an element is the panel or within it."""
    return panel is not None and (element is panel or any(parent is panel for parent in element.parents))


def closes(question: Block, block: Block) -> bool:
    """Whether a block begins something that no longer answers the question."""
    if question.kind in ("panel", "dt") or block.kind in ("panel", "dt"):
        return block.kind == question.kind or (block.level <= 3 and block.depth <= question.depth)
    if block.level < 9:
        return question.level == 9 or block.level <= question.level
    return block.bold and question.bold and question.level == 9 and len(block.text) < 200


def is_trustworthy(group: Sequence[Pair], blocks: Sequence[Block]) -> bool:
    """Whether a group is questions and answers rather than rhetorical headings of an ordinary text.

    It is where it is announced right before, folded in panels, marked Q and A, answered with a speech dash, or
    where three in a row ask.
    """
    first = group[0]
    if any(ANNOUNCED.search(block.text) for block in blocks[max(0, first.at - 4) : first.at]):
        return True
    if MARKED_QUESTION.match(blocks[first.at].text) or len(group) >= 3:
        return True
    if blocks[first.at].kind in ("panel", "dt"):
        return len(group) > 1
    return 2 * sum(1 for pair in group if DASH.match(pair.answer[0])) >= len(group)


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
