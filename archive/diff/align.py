"""Paragraph and word alignment (rapidfuzz).

Which paragraph of one text answers to which of another: the same, altered, split, merged, added or removed.

A state's running text in blocks, each paragraph with its role, and which of two states' blocks belong together.

What differs between two texts, word by word, in stretches that a reader can follow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, NamedTuple

from rapidfuzz.distance import LCSseq

from archive.diff.facts import DiffToken, tokenise

COMPARED_WORD = re.compile(r"[^\W_]+|(?<!\w)[-−](?=\d)")
MIN_SIMILARITY = 0.4  # share of words two paragraphs keep in order, from which on one is the other altered
MIN_LONE_SIMILARITY = 0.25  # the same where nothing else stands in that place
MIN_CONTAINED_SHARE = (
    0.6  # share of a paragraph's words that stand in another, from which on it may be a part split off
)
MAX_PARAGRAPH_CELLS = 50_000_000  # paragraphs times paragraphs, beyond which none are looked for in order
MAX_GAP_PAIRS = 100_000  # the same for likeness within one gap
MAX_GAP_LETTERS = 50_000_000  # and what reading so many pairs may cost
MAX_COMPARED_PAIRS = 1600  # pairs in a gap whose likeness is told; in larger gaps only those about as far down
WordNumbers = list[int]  # of one paragraph; equal words have equal numbers


class ParagraphMatch(NamedTuple):
    """Paragraphs that answer to each other, by place; one side is empty where they were added or removed."""

    before: tuple[int, ...]
    after: tuple[int, ...]


def split_paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, parted by blank lines.

    >>> split_paragraphs("Ett.\\n\\nTvå,\\nsamma stycke.\\n \\n\\nTre.")
    ['Ett.', 'Två,\\nsamma stycke.', 'Tre.']
    """
    return [part for part in re.split(r"\n[^\S\n]*\n\s*", text.strip("\n")) if part.strip()]


def normalise_words(text: str) -> tuple[str, ...]:
    """The words of a text and nothing else: no case, no marks, no layout. A minus before a number is kept.

    >>> normalise_words("## Sänkt ”skatt”: −5,2 %")
    ('sänkt', 'skatt', '-', '5', '2')
    """
    return tuple(COMPARED_WORD.findall(text.casefold().replace("−", "-")))


def align_paragraphs(before: Sequence[str], after: Sequence[str]) -> list[ParagraphMatch]:
    """Every paragraph of both texts once, in order; a moved one is both removed and added.

    >>> for match in align_paragraphs(["Ett.", "Två eller tre hus."], ["Ett!", "Två eller fem hus.", "Sju."]):
    ...     print(match.before, match.after)
    (0,) (0,)
    (1,) (1,)
    () (2,)
    """
    matches: list[ParagraphMatch] = []
    place = new_place = 0
    for start, new_start, size in [*_find_equal_runs(before, after), (len(before), len(after), 0)]:
        matches.extend(
            ParagraphMatch(tuple(n + place for n in olds), tuple(n + new_place for n in news))
            for olds, news in _align_gap(before[place:start], after[new_place:new_start])
        )
        matches.extend(ParagraphMatch((start + n,), (new_start + n,)) for n in range(size))
        place, new_place = start + size, new_start + size
    return matches


def _find_equal_runs(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int, int]]:
    """Runs of paragraphs with the same words: where they start in each text, and how many they are."""
    if len(before) * len(after) > MAX_PARAGRAPH_CELLS:
        return []
    both = set(before) & set(after)  # these need no reading of words, which is most of the work
    numbers: dict[object, int] = {}
    left, right = (
        [numbers.setdefault(text if text in both else normalise_words(text) or text, len(numbers)) for text in texts]
        for texts in (before, after)
    )
    steps = LCSseq.opcodes(left, right)
    return [(step.src_start, step.dest_start, step.src_end - step.src_start) for step in steps if step.tag == "equal"]


def _align_gap(before: Sequence[str], after: Sequence[str]) -> list[ParagraphMatch]:
    """Altered, split and merged paragraphs between two that are the same: those that keep most words in all."""
    rows, columns = len(before), len(after)
    apart = [ParagraphMatch((n,), ()) for n in range(rows)] + [ParagraphMatch((), (n,)) for n in range(columns)]
    letters = rows * sum(map(len, after)) + columns * sum(map(len, before))  # read to tell how alike all are
    if not rows or not columns or rows * columns > MAX_GAP_PAIRS or letters > MAX_GAP_LETTERS:
        return apart
    numbers: dict[str, int] = {}
    left, right = (
        [[numbers.setdefault(word, len(numbers)) for word in normalise_words(text)] for text in texts]
        for texts in (before, after)
    )
    if rows == columns == 1:
        alike = 2 * LCSseq.similarity(left[0], right[0]) >= MIN_LONE_SIMILARITY * (len(left[0]) + len(right[0]))
        return [ParagraphMatch((0,), (0,))] if alike else apart
    shared = _count_shared_words(left, right)
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    steps: dict[tuple[int, int], tuple[int, int]] = {}
    for row in range(1, rows + 1):
        for column in range(1, columns + 1):
            score, step = max((best[row - 1][column], (1, 0)), (best[row][column - 1], (0, 1)))
            if (row - 1, column - 1) in shared:
                for height, width in ((1, 1), (1, 2), (2, 1)):
                    gain = _score_match(left, right, shared, range(row - height, row), range(column - width, column))
                    if gain and best[row - height][column - width] + gain > score:
                        score, step = best[row - height][column - width] + gain, (height, width)
            best[row][column], steps[row, column] = score, step
    return _trace_back(steps, rows, columns)


def _count_shared_words(left: Sequence[WordNumbers], right: Sequence[WordNumbers]) -> dict[tuple[int, int], int]:
    """How many words, in order, pairs of paragraphs share; pairs that share few or stand far apart are left out."""
    rows, columns = len(left), len(right)
    reach = columns if rows * columns <= MAX_COMPARED_PAIRS else max(3, MAX_COMPARED_PAIRS // (2 * rows))
    shared: dict[tuple[int, int], int] = {}
    for row, words in enumerate(left):
        middle = row * columns // rows
        for column in range(max(0, middle - reach), min(columns, middle + reach + 1)):
            least = int(
                MIN_CONTAINED_SHARE * min(len(words), len(right[column]))
            )  # below it they neither answer nor are a part
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
    """What taking these paragraphs for each other is worth: the words they share, less where they differ much."""
    cells = [(row, column) for row in rows for column in columns]
    if any(cell not in shared for cell in cells):
        return 0
    old, new = [left[row] for row in rows], [right[column] for column in columns]
    size = sum(map(len, (*old, *new)))
    common = shared[cells[0]]
    if len(cells) > 1:
        parts = zip(cells, new if len(new) > 1 else old, strict=True)
        if any(shared[cell] < MIN_CONTAINED_SHARE * len(words) for cell, words in parts):
            return 0
        common = LCSseq.similarity([*chain(*old)], [*chain(*new)])
    return common * 2 * common / size if 2 * common >= MIN_SIMILARITY * size else 0


def _trace_back(steps: dict[tuple[int, int], tuple[int, int]], row: int, column: int) -> list[ParagraphMatch]:
    matches: list[ParagraphMatch] = []
    while row or column:
        height, width = steps.get((row, column), (1, 0) if row else (0, 1))
        matches.append(ParagraphMatch(tuple(range(row - height, row)), tuple(range(column - width, column))))
        row, column = row - height, column - width
    return matches[::-1]


MIN_MOVED_SIMILARITY = 0.8  # share of words that a paragraph found elsewhere has kept
MAX_MOVED_PAIRS = 400  # pairs of removed and added paragraphs that are looked through for moved ones


@dataclass(frozen=True, slots=True)
class TextBlock:
    """One paragraph and the part it has in the release."""

    field: str  # title, lead, body, questions
    role: str  # title, lead, body, question, answer
    text: str
    question: int = 0  # the question it belongs to, counted from 1; 0 for none


@dataclass(frozen=True, slots=True)
class BlockPair:
    """Blocks that answer to each other; one side is empty where they were added or removed."""

    before: Sequence[TextBlock]
    after: Sequence[TextBlock]
    moved: bool = False


def build_blocks(state: Mapping[str, Any]) -> list[TextBlock]:
    """The title, then every paragraph in the page's order; questions that the body lacks stand last.

    A paragraph of the body that is a question or (a paragraph of) an answer has that role.
    """
    blocks = [TextBlock("title", "title", state.get("title") or "")]
    blocks += [TextBlock("lead", "lead", text) for text in split_paragraphs(state.get("lead") or "")]
    asked = _build_question_blocks(state)
    body = split_paragraphs(state.get("body") or "")
    if not asked:
        return blocks + [TextBlock("body", "body", text) for text in body]
    roles = {normalise_words(block.text): block for block in reversed(asked)}
    here = {normalise_words(text) for text in body}
    for text in body:
        part = roles.get(normalise_words(text))
        blocks.append(
            TextBlock(part.field, part.role, text, part.question) if part else TextBlock("body", "body", text)
        )
    return blocks + [block for block in asked if normalise_words(block.text) not in here]


def match_blocks(old: list[TextBlock], new: list[TextBlock]) -> list[BlockPair]:
    """Title with title; the other blocks wherever they stand, whatever field they are counted to."""
    matches = align_paragraphs([block.text for block in old[1:]], [block.text for block in new[1:]])
    pairs = [BlockPair(old[:1], new[:1])]
    pairs += [BlockPair([old[n + 1] for n in match.before], [new[n + 1] for n in match.after]) for match in matches]
    return _pair_moved_blocks(pairs)


def join_blocks(blocks: Sequence[TextBlock]) -> str:
    """Blocks as a text, paragraphs parted by a blank line."""
    return "\n\n".join(block.text for block in blocks)


def _build_question_blocks(state: Mapping[str, Any]) -> list[TextBlock]:
    blocks = []
    for number, pair in enumerate(state.get("questions") or (), 1):
        blocks.append(TextBlock("questions", "question", pair.get("question") or "", number))
        texts = split_paragraphs(pair.get("answer") or "")
        blocks.extend(TextBlock("questions", "answer", text, number) for text in texts)
    return [block for block in blocks if normalise_words(block.text)]


def _pair_moved_blocks(pairs: list[BlockPair]) -> list[BlockPair]:
    """Paragraphs that were removed in one place and added in another, taken together."""
    gone = [pair for pair in pairs if not pair.after]
    come = [pair for pair in pairs if not pair.before]
    if not gone or not come or len(gone) * len(come) > MAX_MOVED_PAIRS:
        return pairs
    found: dict[int, BlockPair] = {}
    taken: set[int] = set()
    words = {id(pair): normalise_words(join_blocks(pair.before or pair.after)) for pair in (*gone, *come)}
    for pair in come:
        best = max(
            (other for other in gone if id(other) not in taken),
            key=lambda other: LCSseq.normalized_similarity(words[id(other)], words[id(pair)]),
            default=None,
        )
        if best and LCSseq.normalized_similarity(words[id(best)], words[id(pair)]) >= MIN_MOVED_SIMILARITY:
            taken.add(id(best))
            found[id(pair)] = BlockPair(best.before, pair.after, moved=True)
    return [found.get(id(pair), pair) for pair in pairs if id(pair) not in taken]


MAX_TOKEN_CELLS = 50_000_000  # tokens times tokens; beyond it only the common beginning and end are kept (6 MB of bits)
MAX_SHIFT = 60  # tokens a stretch is moved by, looking for the start of a sentence
MAX_ISLAND_WORDS = 4  # words that may stand unchanged inside a rewritten stretch


@dataclass(frozen=True, slots=True)
class DiffSegment:
    """A stretch of text: in both versions (same), only in the later (ins), only in the earlier (del)."""

    op: Literal["same", "ins", "del"]
    text: str


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """One changed place: tokens first to last (left out) of the earlier text and of the later."""

    first: int
    last: int
    new_first: int
    new_last: int


def diff_words(before: str, after: str) -> list[DiffSegment]:
    """The two texts as one row of pieces; `same` and `del` joined give the earlier, `same` and `ins` the later.

    >>> [(p.op, p.text) for p in diff_words("Mötet hålls den 4 maj i Lund.", "Mötet hålls den 5 maj i Lund.")]
    [('same', 'Mötet hålls '), ('del', 'den 4 maj '), ('ins', 'den 5 maj '), ('same', 'i Lund.')]
    """
    if before == after:
        return [DiffSegment("same", before)] if before else []
    old, new = tokenise(before), tokenise(after)
    writer = _SegmentWriter()
    writer.add_change(before[: len(before) - len(before.lstrip())], after[: len(after) - len(after.lstrip())])
    place = new_place = 0
    for span in [*find_changed_spans(old, new), TokenSpan(len(old), len(old), len(new), len(new))]:
        for left, right in zip(old[place : span.first], new[new_place : span.new_first], strict=True):
            writer.add_same(left.text)
            writer.add_change(left.space, right.space)
        place, new_place = span.last, span.new_last
        writer.add_change(join_tokens(old[span.first : place]), join_tokens(new[span.new_first : new_place]))
    return writer.build_segments()


def diff_paragraphs(before: str, after: str) -> list[list[DiffSegment]]:
    """The two texts paragraph by paragraph; one wholly the same is a single piece.

    Paragraphs are parted by a blank line. One that was split or merged stands as one row of pieces with the
    blank line among them; one that moved is deleted at its old place and inserted at its new.
    """
    old, new = split_paragraphs(before), split_paragraphs(after)
    return [
        diff_words("\n\n".join(old[place] for place in match.before), "\n\n".join(new[place] for place in match.after))
        for match in align_paragraphs(old, new)
    ]


def join_tokens(tokens: Sequence[DiffToken]) -> str:
    """The text of tokens, with the spaces between and behind them."""
    return "".join(token.text + token.space for token in tokens)


def find_changed_spans(old: Sequence[DiffToken], new: Sequence[DiffToken]) -> list[TokenSpan]:
    """Every changed place, in order; what lies between stands token for token in both."""
    spans = [
        _shift_to_sentence(span, old, new, low, high)
        for span, low, high in _measure_gaps(_align_tokens(old, new), len(new), len(old))
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
    """All but the common beginning and end."""
    shorter = min(len(left), len(right))
    head = next((place for place in range(shorter) if left[place] != right[place]), shorter)
    tail = next((n for n in range(shorter - head) if left[-1 - n] != right[-1 - n]), shorter - head)
    return TokenSpan(head, len(left) - tail, head, len(right) - tail)


def _measure_gaps(spans: list[TokenSpan], new_size: int, old_size: int) -> list[tuple[TokenSpan, int, int]]:
    """Each span with the unchanged tokens before it and behind it."""
    edges = [TokenSpan(0, 0, 0, 0), *spans, TokenSpan(old_size, old_size, new_size, new_size)]
    return [(span, span.first - edges[n].last, edges[n + 2].first - span.last) for n, span in enumerate(spans)]


def _shift_to_sentence(
    span: TokenSpan, old: Sequence[DiffToken], new: Sequence[DiffToken], low: int, high: int
) -> TokenSpan:
    """A mere insertion or deletion, moved to where it is a whole sentence or clause, if it can be."""
    if (span.first == span.last) == (span.new_first == span.new_last):
        return span
    deleted = span.first < span.last
    tokens, first, last = (old, span.first, span.last) if deleted else (new, span.new_first, span.new_last)
    back = forth = 0
    low, high = low // 2, (high + 1) // 2  # what stands between two places is shared by them
    while back < min(low, MAX_SHIFT) and tokens[first - back - 1].text == tokens[last - back - 1].text:
        back += 1
    while forth < min(high, MAX_SHIFT) and tokens[first + forth].text == tokens[last + forth].text:
        forth += 1
    best = max(
        range(-back, forth + 1), key=lambda step: (_score_boundary(tokens, first + step, last + step), -abs(step))
    )
    return TokenSpan(span.first + best, span.last + best, span.new_first + best, span.new_last + best)


def _score_boundary(tokens: Sequence[DiffToken], first: int, last: int) -> int:
    """How well a stretch agrees with sentences and clauses: 2 a sentence, 1 a clause, 0 neither."""
    before = tokens[first - 1] if first else None
    if (before is None or tokens[first].starts_sentence) and (last == len(tokens) or tokens[last].starts_sentence):
        return 2
    return int(before is not None and before.kind == "mark" and tokens[last - 1].kind == "mark")


def _merge_islands(spans: list[TokenSpan], old: Sequence[DiffToken]) -> list[TokenSpan]:
    """Neighbours made one where so little stands unchanged between them that it only disturbs."""
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
        return False  # a sentence's end is firm ground
    words = sum(token.kind != "mark" for token in between)
    return words <= min(MAX_ISLAND_WORDS, _span_size(left), _span_size(right)) and (
        words == 0 or min(_span_size(left), _span_size(right)) > 1
    )


def _span_size(span: TokenSpan) -> int:
    return max(span.last - span.first, span.new_last - span.new_first)


class _SegmentWriter:
    """Collects pieces: neighbours of a kind made one, what is deleted before what is inserted."""

    def __init__(self) -> None:
        self._segments: list[DiffSegment] = []
        self._same: list[str] = []
        self._deleted: list[str] = []
        self._inserted: list[str] = []

    def add_same(self, text: str) -> None:
        if self._deleted or self._inserted:
            self._flush()
        self._same.append(text)

    def add_change(self, before: str, after: str) -> None:
        if before == after:
            if before:
                self.add_same(before)
            return
        self._deleted.append(before)
        self._inserted.append(after)

    def build_segments(self) -> list[DiffSegment]:
        self._flush()
        return self._segments

    def _flush(self) -> None:
        """Write what is held: first what stood in both before the change, then the change."""
        for op, held in (("same", self._same), ("del", self._deleted), ("ins", self._inserted)):
            text = "".join(held)
            if text:
                self._segments.append(DiffSegment(op, text))  # type: ignore[arg-type]
            held.clear()
