"""Compares two texts: matches their paragraphs, and finds the words that differ.

A paragraph is unchanged, altered, split, merged, moved, added or removed. Words are compared as
tokens (archive.changes.facts), and their changes are grouped into passages that a reader can
follow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import chain, groupby
from typing import Any, Literal, NamedTuple

from rapidfuzz.distance import LCSseq

from archive.changes.facts import DiffToken, tokenise

COMPARED_WORD = re.compile(r"[^\W_]+|(?<!\w)[-−](?=\d)|[<>≤≥]")

# Matching of paragraphs.
MIN_SIMILARITY = 0.4  # share of words that an altered paragraph keeps in order
MIN_LONE_SIMILARITY = 0.25  # the same for the only paragraph between two unchanged ones
MIN_CONTAINED_SHARE = 0.6  # share of words that a part split off a paragraph has in common with it
MIN_MOVED_SIMILARITY = 0.8  # share of words that a moved paragraph keeps
# Limits of cost. A gap is the paragraphs between two unchanged ones.
MAX_PARAGRAPH_CELLS = 50_000_000  # paragraphs times paragraphs, to find unchanged ones
MAX_GAP_PAIRS = 100_000  # paragraphs times paragraphs in a gap, to find altered ones
MAX_GAP_LETTERS = 50_000_000  # letters compared in a gap, to find altered ones
# pairs compared in a gap; in a larger one, only paragraphs about equally far down
MAX_COMPARED_PAIRS = 1600
MAX_MOVED_PAIRS = 400  # removed times added paragraphs, to find moved ones

# Words.
MAX_SHORT_FACT_LENGTH = 3  # characters; such a fact occurs elsewhere by chance
# tokens times tokens (6 MB); above it, only the common beginning and end are found
MAX_TOKEN_CELLS = 50_000_000
MAX_KEPT_CHARACTERS = 20_000  # of two texts whose difference is kept in memory
MAX_SHIFT = 60  # tokens by which an insertion or deletion is shifted to the start of a sentence
MAX_ISLAND_WORDS = 4  # unchanged words that are merged with the changed passages around them

State = Mapping[str, Any]  # a release's state, see archive.database.models.to_state
WordNumbers = list[int]  # the words of one paragraph; equal words have equal numbers


class ParagraphMatch(NamedTuple):
    """The indexes of matching paragraphs. One side is empty for added or removed paragraphs."""

    before: tuple[int, ...]
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TextBlock:
    """One paragraph and its role in the release."""

    field: str  # title, lead, body, questions
    role: str  # title, lead, body, question, answer
    text: str
    question: int = 0  # number of the question it belongs to, from 1; 0 if it belongs to none


class WholeText:
    """The whole text of a version, for looking up facts."""

    def __init__(self, blocks: Sequence[TextBlock]) -> None:
        self.blocks = blocks

    @cached_property
    def text(self) -> str:
        return join_blocks(self.blocks)

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(normalise_words(self.text))

    def has_fact(self, token: DiffToken) -> bool:
        """Return whether the text contains a fact.

        A name is looked up by its words. Any other fact is looked up as printed. A very short fact
        that is not a name is never found.
        """
        if token.kind == "name":
            return all({word, word + "s"} & self.words for word in normalise_words(token.value))
        return len(token.text) > MAX_SHORT_FACT_LENGTH and self._has_words(token.text)

    def _has_words(self, words: str) -> bool:
        start = self.text.find(words)
        # a regular expression for each fact of a long text takes five times as long
        while start >= 0:
            end = start + len(words)
            if not (
                self.text[max(0, start - 1) : start].isalnum() or self.text[end : end + 1].isalnum()
            ):
                return True
            start = self.text.find(words, end)
        return False


@dataclass(frozen=True, slots=True)
class BlockPair:
    """Matching blocks of two versions. One side is empty for added or removed blocks."""

    before: Sequence[TextBlock]
    after: Sequence[TextBlock]
    moved: bool = False


@dataclass(frozen=True, slots=True)
class DiffSegment:
    """A piece of the diff of two texts.

    op: same (in both versions), ins (only in the later version) or del (only in the earlier one).
    """

    op: Literal["same", "ins", "del"]
    text: str


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """A changed passage, as positions of tokens.

    In the earlier text, the passage extends from `first` up to but not including `last`. In the
    later text, it extends from `new_first` up to but not including `new_last`.
    """

    first: int
    last: int
    new_first: int
    new_last: int

    @property
    def size(self) -> int:
        return max(self.last - self.first, self.new_last - self.new_first)


def build_blocks(state: State) -> list[TextBlock]:
    """Return the title and every paragraph as blocks, in page order.

    Questions that are not in the body come last. A paragraph of the body that is a question or part
    of an answer has the role `question` or `answer`.
    """
    blocks = [TextBlock("title", "title", state.get("title") or "")]
    blocks += [
        TextBlock("lead", "lead", text) for text in split_paragraphs(state.get("lead") or "")
    ]
    question_blocks = _build_question_blocks(state)
    body = split_paragraphs(state.get("body") or "")
    if not question_blocks:
        return blocks + [TextBlock("body", "body", text) for text in body]
    block_by_words = {normalise_words(block.text): block for block in reversed(question_blocks)}
    in_body = set()
    for text in body:
        words = normalise_words(text)
        in_body.add(words)
        question_block = block_by_words.get(words)
        blocks.append(
            replace(question_block, text=text)
            if question_block
            else TextBlock("body", "body", text)
        )
    return blocks + [
        block for block in question_blocks if normalise_words(block.text) not in in_body
    ]


def _build_question_blocks(state: State) -> list[TextBlock]:
    blocks = []
    for number, pair in enumerate(state.get("questions") or (), 1):
        blocks.append(TextBlock("questions", "question", pair.get("question") or "", number))
        texts = split_paragraphs(pair.get("answer") or "")
        blocks.extend(TextBlock("questions", "answer", text, number) for text in texts)
    return [block for block in blocks if normalise_words(block.text)]


def split_paragraphs(text: str) -> list[str]:
    """Split a text at its blank lines.

    >>> split_paragraphs("Ett.\\n\\nTvå,\\nsamma stycke.\\n \\n\\nTre.")
    ['Ett.', 'Två,\\nsamma stycke.', 'Tre.']
    """
    return [part for part in re.split(r"\n[^\S\n]*\n\s*", text.strip("\n")) if part.strip()]


def join_blocks(blocks: Sequence[TextBlock]) -> str:
    """Join the texts of blocks with blank lines between them."""
    return "\n\n".join(block.text for block in blocks)


def match_blocks(old: list[TextBlock], new: list[TextBlock]) -> list[BlockPair]:
    """Match the blocks of two versions.

    The titles are matched with each other. All other blocks are matched regardless of their role.
    """
    matches = _align_paragraphs(
        [block.text for block in old[1:]], [block.text for block in new[1:]]
    )
    pairs = [BlockPair(old[:1], new[:1])]
    pairs += [
        BlockPair([old[n + 1] for n in match.before], [new[n + 1] for n in match.after])
        for match in matches
    ]
    return _pair_moved_blocks(pairs)


def _pair_moved_blocks(pairs: list[BlockPair]) -> list[BlockPair]:
    """Combine each removed paragraph with a very similar paragraph that was added elsewhere."""
    removed = [pair for pair in pairs if not pair.after]
    added = [pair for pair in pairs if not pair.before]
    if not 0 < len(removed) * len(added) <= MAX_MOVED_PAIRS:
        return pairs
    found: dict[int, BlockPair] = {}
    used: set[int] = set()
    words = {
        id(pair): normalise_words(join_blocks(pair.before or pair.after))
        for pair in (*removed, *added)
    }
    for pair in added:
        scores = [
            LCSseq.normalized_similarity(words[id(other)], words[id(pair)]) for other in removed
        ]
        most = max(scores, default=0.0)
        if most >= MIN_MOVED_SIMILARITY:
            best = removed.pop(scores.index(most))
            used.add(id(best))
            found[id(pair)] = BlockPair(best.before, pair.after, moved=True)
    return [found.get(id(pair), pair) for pair in pairs if id(pair) not in used]


def _align_paragraphs(before: Sequence[str], after: Sequence[str]) -> list[ParagraphMatch]:
    """Match all paragraphs of two texts, in order. A moved paragraph counts as removed and added.

    >>> before, after = ["Ett.", "Två eller tre hus."], ["Ett!", "Två eller fem hus.", "Sju."]
    >>> for match in _align_paragraphs(before, after):
    ...     print(match.before, match.after)
    (0,) (0,)
    (1,) (1,)
    () (2,)
    """
    matches: list[ParagraphMatch] = []
    position = new_position = 0
    for start, new_start, size in [*_find_equal_runs(before, after), (len(before), len(after), 0)]:
        matches.extend(
            ParagraphMatch(tuple(n + position for n in olds), tuple(n + new_position for n in news))
            for olds, news in _align_gap(before[position:start], after[new_position:new_start])
        )
        matches.extend(ParagraphMatch((start + n,), (new_start + n,)) for n in range(size))
        position, new_position = start + size, new_start + size
    return matches


def _find_equal_runs(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int, int]]:
    """List runs of equal paragraphs as (start in the first text, start in the second, length)."""
    if len(before) * len(after) > MAX_PARAGRAPH_CELLS:
        return []
    # these need not be split into words, which is most of the work
    common = set(before) & set(after)
    numbers: dict[object, int] = {}
    left, right = (
        [
            numbers.setdefault(
                text if text in common else normalise_words(text) or text, len(numbers)
            )
            for text in texts
        ]
        for texts in (before, after)
    )
    steps = LCSseq.opcodes(left, right)
    return [
        (step.src_start, step.dest_start, step.src_end - step.src_start)
        for step in steps
        if step.tag == "equal"
    ]


def _align_gap(before: Sequence[str], after: Sequence[str]) -> list[ParagraphMatch]:
    """Match altered, split and merged paragraphs by the words that they have in common."""
    rows, columns = len(before), len(after)
    unmatched = [ParagraphMatch((n,), ()) for n in range(rows)] + [
        ParagraphMatch((), (n,)) for n in range(columns)
    ]
    letters = rows * sum(map(len, after)) + columns * sum(map(len, before))  # to compare every pair
    if not rows or not columns or rows * columns > MAX_GAP_PAIRS or letters > MAX_GAP_LETTERS:
        return unmatched
    numbers: dict[str, int] = {}
    left, right = _number_words(before, numbers), _number_words(after, numbers)
    if rows == columns == 1:
        words = len(left[0]) + len(right[0])
        is_similar = 2 * LCSseq.similarity(left[0], right[0]) >= MIN_LONE_SIMILARITY * words
        return [ParagraphMatch((0,), (0,))] if is_similar else unmatched
    return _trace_back(_find_best_steps(left, right), rows, columns)


def _number_words(texts: Sequence[str], numbers: dict[str, int]) -> list[WordNumbers]:
    """Return the words of paragraphs as numbers. New words are added to `numbers`."""
    return [
        [numbers.setdefault(word, len(numbers)) for word in normalise_words(text)] for text in texts
    ]


def _find_best_steps(
    left: Sequence[WordNumbers], right: Sequence[WordNumbers]
) -> dict[tuple[int, int], tuple[int, int]]:
    """Return the last step of the best match for each pair of ends, found by dynamic programming.

    A pair of ends is the number of paragraphs on each side that are matched so far. A step is the
    number of paragraphs on each side that are matched with each other, or skipped.
    """
    shared = _count_shared_words(left, right)
    best = [[0.0] * (len(right) + 1) for _ in range(len(left) + 1)]
    steps: dict[tuple[int, int], tuple[int, int]] = {}
    for row in range(1, len(left) + 1):
        for column in range(1, len(right) + 1):
            score, step = max((best[row - 1][column], (1, 0)), (best[row][column - 1], (0, 1)))
            if (row - 1, column - 1) in shared:
                for height, width in ((1, 1), (1, 2), (2, 1)):
                    gain = _score_match(
                        left, right, shared, range(row - height, row), range(column - width, column)
                    )
                    if gain and best[row - height][column - width] + gain > score:
                        score, step = best[row - height][column - width] + gain, (height, width)
            best[row][column], steps[row, column] = score, step
    return steps


def _count_shared_words(
    left: Sequence[WordNumbers], right: Sequence[WordNumbers]
) -> dict[tuple[int, int], int]:
    """Count, for each pair of paragraphs, the words that both contain in the same order.

    Pairs that share few words, or are far apart, are left out.
    """
    rows, columns = len(left), len(right)
    reach = (
        columns
        if rows * columns <= MAX_COMPARED_PAIRS
        else max(3, MAX_COMPARED_PAIRS // (2 * rows))
    )
    shared: dict[tuple[int, int], int] = {}
    for row, words in enumerate(left):
        middle = row * columns // rows
        for column in range(max(0, middle - reach), min(columns, middle + reach + 1)):
            # with fewer shared words, the pair is neither a match nor part of one
            least = int(MIN_CONTAINED_SHARE * min(len(words), len(right[column])))
            count = LCSseq.similarity(words, right[column], score_cutoff=max(1, least // 2))
            if count:
                shared[row, column] = count
    return shared


def _score_match(
    left: Sequence[WordNumbers],
    right: Sequence[WordNumbers],
    shared: dict[tuple[int, int], int],
    rows: range,
    columns: range,
) -> float:
    """Score a match of paragraphs by the number and share of the words that they have in common.

    Returns 0 if the paragraphs do not match.
    """
    cells = [(row, column) for row in rows for column in columns]
    if any(cell not in shared for cell in cells):
        return 0
    old, new = left[rows.start : rows.stop], right[columns.start : columns.stop]
    size = sum(map(len, (*old, *new)))
    common = shared[cells[0]]
    if len(cells) > 1:
        parts = zip(cells, new if len(new) > 1 else old, strict=True)
        if any(shared[cell] < MIN_CONTAINED_SHARE * len(words) for cell, words in parts):
            return 0
        common = LCSseq.similarity([*chain(*old)], [*chain(*new)])
    return common * 2 * common / size if 2 * common >= MIN_SIMILARITY * size else 0


def _trace_back(
    steps: dict[tuple[int, int], tuple[int, int]], row: int, column: int
) -> list[ParagraphMatch]:
    matches: list[ParagraphMatch] = []
    while row or column:
        height, width = steps.get((row, column), (1, 0) if row else (0, 1))
        matches.append(
            ParagraphMatch(tuple(range(row - height, row)), tuple(range(column - width, column)))
        )
        row, column = row - height, column - width
    return matches[::-1]


def normalise_words(text: str) -> tuple[str, ...]:
    """Return the case-folded words of a text, without punctuation and layout.

    A minus sign before a number is kept.

    >>> normalise_words("## Sänkt ”skatt”: −5,2 %")
    ('sänkt', 'skatt', '-', '5', '2')
    """
    return tuple(COMPARED_WORD.findall(text.casefold().replace("−", "-")))


def diff_words(before: str, after: str) -> list[DiffSegment]:
    """Diff two texts word by word.

    The `same` and `del` segments make up the earlier text. The `same` and `ins` segments make up
    the later text.

    >>> segments = diff_words("Mötet hålls den 4 maj i Lund.", "Mötet hålls den 5 maj i Lund.")
    >>> [(segment.op, segment.text) for segment in segments]
    [('same', 'Mötet hålls '), ('del', 'den 4 maj '), ('ins', 'den 5 maj '), ('same', 'i Lund.')]
    """
    if before == after:
        return [DiffSegment("same", before)] if before else []
    is_kept = len(before) + len(after) <= MAX_KEPT_CHARACTERS
    compare = _diff_different_words if is_kept else _diff_different_words.__wrapped__
    return [*compare(before, after)]


@lru_cache(maxsize=512)  # feeds compare the paragraphs of the newest edits for each request
def _diff_different_words(before: str, after: str) -> Sequence[DiffSegment]:
    old, new = tokenise(before), tokenise(after)
    pieces = [
        (before[: len(before) - len(before.lstrip())], after[: len(after) - len(after.lstrip())])
    ]
    position = new_position = 0
    for span in [*find_changed_spans(old, new), TokenSpan(len(old), len(old), len(new), len(new))]:
        for left, right in zip(
            old[position : span.first], new[new_position : span.new_first], strict=True
        ):
            pieces += [(left.text, right.text), (left.space, right.space)]
        position, new_position = span.last, span.new_last
        pieces.append(
            (
                join_tokens(old[span.first : position]),
                join_tokens(new[span.new_first : new_position]),
            )
        )
    return _join_pieces(pieces)


def _join_pieces(pieces: Sequence[tuple[str, str]]) -> list[DiffSegment]:
    """Join pieces, each a pair of an earlier and a later text, into segments.

    Consecutive pieces whose two texts are equal become one `same` segment. Consecutive pieces whose
    texts differ become a `del` and an `ins` segment.
    """
    segments: list[DiffSegment] = []
    for is_same, group in groupby(filter(any, pieces), key=lambda piece: piece[0] == piece[1]):
        old, new = map("".join, zip(*group, strict=True))
        segments += (
            [DiffSegment("same", new)]
            if is_same
            else [DiffSegment("del", old), DiffSegment("ins", new)]
        )
    return [segment for segment in segments if segment.text]


def diff_paragraphs(before: str, after: str) -> list[list[DiffSegment]]:
    """Diff two texts paragraph by paragraph.

    A paragraph that was split or merged is one list of segments, which includes the blank line. A
    moved paragraph is deleted in one place and inserted in another.
    """
    old, new = split_paragraphs(before), split_paragraphs(after)
    return [
        diff_words(
            "\n\n".join(old[index] for index in match.before),
            "\n\n".join(new[index] for index in match.after),
        )
        for match in _align_paragraphs(old, new)
    ]


def join_tokens(tokens: Sequence[DiffToken]) -> str:
    """Return the text of tokens, including their white space."""
    return "".join(token.text + token.space for token in tokens)


def find_changed_spans(old: Sequence[DiffToken], new: Sequence[DiffToken]) -> list[TokenSpan]:
    """List the changed passages in order. All tokens between them are the same in both texts."""
    aligned = _align_tokens(old, new)
    starts = [*(span.first for span in aligned[1:]), len(old)]
    ends = [0, *(span.last for span in aligned[:-1])]
    spans = [
        _shift_to_sentence(span, old, new, span.first - end_before, next_start - span.last)
        for span, end_before, next_start in zip(aligned, ends, starts, strict=False)
    ]
    while True:
        merged = _merge_islands(spans, old)
        if len(merged) == len(spans):
            return spans
        spans = merged


def _align_tokens(old: Sequence[DiffToken], new: Sequence[DiffToken]) -> list[TokenSpan]:
    numbers: dict[str, int] = {}
    left = [numbers.setdefault(token.text, len(numbers)) for token in old]
    right = [numbers.setdefault(token.text, len(numbers)) for token in new]
    if len(left) * len(right) > MAX_TOKEN_CELLS:
        return [_trim_common_ends(left, right)]
    spans: list[TokenSpan] = []
    for step in LCSseq.opcodes(left, right):
        if step.tag == "equal":
            continue
        last = spans[-1] if spans else None
        if last and last.last == step.src_start and last.new_last == step.dest_start:
            spans[-1] = TokenSpan(last.first, step.src_end, last.new_first, step.dest_end)
        else:
            spans.append(TokenSpan(step.src_start, step.src_end, step.dest_start, step.dest_end))
    return spans


def _trim_common_ends(left: list[int], right: list[int]) -> TokenSpan:
    shorter = min(len(left), len(right))
    head = next((index for index in range(shorter) if left[index] != right[index]), shorter)
    tail = next((n for n in range(shorter - head) if left[-1 - n] != right[-1 - n]), shorter - head)
    return TokenSpan(head, len(left) - tail, head, len(right) - tail)


def _shift_to_sentence(
    span: TokenSpan, old: Sequence[DiffToken], new: Sequence[DiffToken], low: int, high: int
) -> TokenSpan:
    """Shift an insertion or deletion so that it covers a whole sentence or clause, if possible.

    low: the number of unchanged tokens before the span.
    high: the number of unchanged tokens after the span.
    """
    if (span.first == span.last) == (span.new_first == span.new_last):
        return span
    deleted = span.first < span.last
    tokens, first, last = (
        (old, span.first, span.last) if deleted else (new, span.new_first, span.new_last)
    )
    backward = forward = 0
    # the unchanged tokens between two spans are shared by both
    low, high = (low // 2, (high + 1) // 2)
    while (
        backward < min(low, MAX_SHIFT)
        and tokens[first - backward - 1].text == tokens[last - backward - 1].text
    ):
        backward += 1
    while (
        forward < min(high, MAX_SHIFT)
        and tokens[first + forward].text == tokens[last + forward].text
    ):
        forward += 1
    best = max(
        range(-backward, forward + 1),
        key=lambda step: (_score_boundary(tokens, first + step, last + step), -abs(step)),
    )
    return TokenSpan(
        span.first + best, span.last + best, span.new_first + best, span.new_last + best
    )


def _score_boundary(tokens: Sequence[DiffToken], first: int, last: int) -> int:
    """Return 2 if the tokens from `first` up to but not including `last` are whole sentences, 1 if
    they are a clause, and 0 otherwise.
    """
    before = tokens[first - 1] if first else None
    if (before is None or tokens[first].starts_sentence) and (
        last == len(tokens) or tokens[last].starts_sentence
    ):
        return 2
    return int(before is not None and before.kind == "mark" and tokens[last - 1].kind == "mark")


def _merge_islands(spans: list[TokenSpan], old: Sequence[DiffToken]) -> list[TokenSpan]:
    """Merge neighbouring spans that are separated by only a few unchanged words."""
    merged: list[TokenSpan] = []
    for span in spans:
        last = merged[-1] if merged else None
        if last and _is_island(old[last.last : span.first], last, span):
            merged[-1] = TokenSpan(last.first, span.last, last.new_first, span.new_last)
        else:
            merged.append(span)
    return merged


def _is_island(between: Sequence[DiffToken], left: TokenSpan, right: TokenSpan) -> bool:
    if any(token.text in ".!?" or "\n" in token.space for token in between):
        return False  # keep a whole sentence
    words, smaller = sum(token.kind != "mark" for token in between), min(left.size, right.size)
    return words == 0 or (smaller > 1 and words <= min(MAX_ISLAND_WORDS, smaller))
