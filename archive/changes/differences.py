"""What differs between two texts, word by word, in stretches that a reader can follow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rapidfuzz.distance import LCSseq

from archive.changes.paragraphs import align_paragraphs, split_paragraphs
from archive.changes.tokens import Token, tokenise

MAX_TOKEN_CELLS = 50_000_000  # tokens times tokens; beyond it only the common beginning and end are kept (6 MB of bits)
MOST_SHIFT = 60  # tokens a stretch is moved by, looking for the start of a sentence
ISLAND = 4  # words that may stand unchanged inside a rewritten stretch


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of text: in both versions (same), only in the later (ins), only in the earlier (del)."""

    op: Literal["same", "ins", "del"]
    text: str


@dataclass(frozen=True, slots=True)
class Span:
    """One changed place: tokens first to last (left out) of the earlier text and of the later."""

    first: int
    last: int
    new_first: int
    new_last: int


def diff_words(before: str, after: str) -> list[Piece]:
    """The two texts as one row of pieces; `same` and `del` joined give the earlier, `same` and `ins` the later.

    >>> [(p.op, p.text) for p in diff_words("Mötet hålls den 4 maj i Lund.", "Mötet hålls den 5 maj i Lund.")]
    [('same', 'Mötet hålls '), ('del', 'den 4 maj '), ('ins', 'den 5 maj '), ('same', 'i Lund.')]
    """
    if before == after:
        return [Piece("same", before)] if before else []
    old, new = tokenise(before), tokenise(after)
    writer = _Writer()
    writer.changed(before[: len(before) - len(before.lstrip())], after[: len(after) - len(after.lstrip())])
    place = new_place = 0
    for span in [*find_spans(old, new), Span(len(old), len(old), len(new), len(new))]:
        for left, right in zip(old[place : span.first], new[new_place : span.new_first], strict=True):
            writer.same(left.text)
            writer.changed(left.space, right.space)
        place, new_place = span.last, span.new_last
        writer.changed(join(old[span.first : place]), join(new[span.new_first : new_place]))
    return writer.pieces()


def diff_paragraphs(before: str, after: str) -> list[list[Piece]]:
    """The two texts paragraph by paragraph; one wholly the same is a single piece.

    Paragraphs are parted by a blank line. One that was split or merged stands as one row of pieces with the
    blank line among them; one that moved is deleted at its old place and inserted at its new.
    """
    old, new = split_paragraphs(before), split_paragraphs(after)
    return [
        diff_words("\n\n".join(old[place] for place in match.before), "\n\n".join(new[place] for place in match.after))
        for match in align_paragraphs(old, new)
    ]


def join(tokens: Sequence[Token]) -> str:
    """The text of tokens, with the spaces between and behind them."""
    return "".join(token.text + token.space for token in tokens)


def find_spans(old: Sequence[Token], new: Sequence[Token]) -> list[Span]:
    """Every changed place, in order; what lies between stands token for token in both."""
    spans = [_shift(span, old, new, low, high) for span, low, high in _with_room(_align(old, new), len(new), len(old))]
    while True:
        merged = _merge_islands(spans, old)
        if len(merged) == len(spans):
            return spans
        spans = merged


def _align(old: Sequence[Token], new: Sequence[Token]) -> list[Span]:
    numbers: dict[str, int] = {}
    left = [numbers.setdefault(token.text, len(numbers)) for token in old]
    right = [numbers.setdefault(token.text, len(numbers)) for token in new]
    if len(left) * len(right) > MAX_TOKEN_CELLS:
        return [_middle(left, right)]
    spans: list[Span] = []
    for step in LCSseq.opcodes(left, right):
        if step.tag == "equal":
            continue
        last = spans[-1] if spans else None
        if last and last.last == step.src_start and last.new_last == step.dest_start:
            spans[-1] = Span(last.first, step.src_end, last.new_first, step.dest_end)
        else:
            spans.append(Span(step.src_start, step.src_end, step.dest_start, step.dest_end))
    return spans


def _middle(left: list[int], right: list[int]) -> Span:
    """All but the common beginning and end."""
    shorter = min(len(left), len(right))
    head = next((place for place in range(shorter) if left[place] != right[place]), shorter)
    tail = next((n for n in range(shorter - head) if left[-1 - n] != right[-1 - n]), shorter - head)
    return Span(head, len(left) - tail, head, len(right) - tail)


def _with_room(spans: list[Span], new_size: int, old_size: int) -> list[tuple[Span, int, int]]:
    """Each span with the unchanged tokens before it and behind it."""
    edges = [Span(0, 0, 0, 0), *spans, Span(old_size, old_size, new_size, new_size)]
    return [(span, span.first - edges[n].last, edges[n + 2].first - span.last) for n, span in enumerate(spans)]


def _shift(span: Span, old: Sequence[Token], new: Sequence[Token], low: int, high: int) -> Span:
    """A mere insertion or deletion, moved to where it is a whole sentence or clause, if it can be."""
    if (span.first == span.last) == (span.new_first == span.new_last):
        return span
    deleted = span.first < span.last
    tokens, first, last = (old, span.first, span.last) if deleted else (new, span.new_first, span.new_last)
    back = forth = 0
    low, high = low // 2, (high + 1) // 2  # what stands between two places is shared by them
    while back < min(low, MOST_SHIFT) and tokens[first - back - 1].text == tokens[last - back - 1].text:
        back += 1
    while forth < min(high, MOST_SHIFT) and tokens[first + forth].text == tokens[last + forth].text:
        forth += 1
    best = max(range(-back, forth + 1), key=lambda step: (_fit(tokens, first + step, last + step), -abs(step)))
    return Span(span.first + best, span.last + best, span.new_first + best, span.new_last + best)


def _fit(tokens: Sequence[Token], first: int, last: int) -> int:
    """How well a stretch agrees with sentences and clauses: 2 a sentence, 1 a clause, 0 neither."""
    before = tokens[first - 1] if first else None
    if (before is None or tokens[first].opens) and (last == len(tokens) or tokens[last].opens):
        return 2
    return int(before is not None and before.kind == "mark" and tokens[last - 1].kind == "mark")


def _merge_islands(spans: list[Span], old: Sequence[Token]) -> list[Span]:
    """Neighbours made one where so little stands unchanged between them that it only disturbs."""
    merged: list[Span] = []
    for span in spans:
        last = merged[-1] if merged else None
        if last and _is_island(old[last.last : span.first], last, span):
            merged[-1] = Span(last.first, span.last, last.new_first, span.new_last)
        else:
            merged.append(span)
    return merged


def _is_island(between: Sequence[Token], left: Span, right: Span) -> bool:
    if any(token.text in ".!?" or "\n" in token.space for token in between):
        return False  # a sentence's end is firm ground
    words = sum(token.kind != "mark" for token in between)
    return words <= min(ISLAND, _size(left), _size(right)) and (words == 0 or min(_size(left), _size(right)) > 1)


def _size(span: Span) -> int:
    return max(span.last - span.first, span.new_last - span.new_first)


class _Writer:
    """Collects pieces: neighbours of a kind made one, what is deleted before what is inserted."""

    def __init__(self) -> None:
        self._done: list[Piece] = []
        self._same: list[str] = []
        self._gone: list[str] = []
        self._come: list[str] = []

    def same(self, text: str) -> None:
        if self._gone or self._come:
            self._flush()
        self._same.append(text)

    def changed(self, before: str, after: str) -> None:
        if before == after:
            if before:
                self.same(before)
            return
        self._gone.append(before)
        self._come.append(after)

    def pieces(self) -> list[Piece]:
        self._flush()
        return self._done

    def _flush(self) -> None:
        """Write what is held: first what stood in both before the change, then the change."""
        for op, held in (("same", self._same), ("del", self._gone), ("ins", self._come)):
            text = "".join(held)
            if text:
                self._done.append(Piece(op, text))  # type: ignore[arg-type]
            held.clear()
