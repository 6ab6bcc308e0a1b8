"""Which paragraph of one text answers to which of another: the same, altered, split, merged, added or removed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

from rapidfuzz.distance import LCSseq

WORD = re.compile(r"[^\W_]+|(?<!\w)[-−](?=\d)")
ALIKE = 0.4  # share of words two paragraphs keep in order, from which on one is the other altered
ALONE = 0.25  # the same where nothing else stands in that place
INSIDE = 0.6  # share of a paragraph's words that stand in another, from which on it may be a part split off
MAX_PARAGRAPH_CELLS = 50_000_000  # paragraphs times paragraphs, beyond which none are looked for in order
MOST_PAIRS = 100_000  # the same for likeness within one gap
MOST_LETTERS = 50_000_000  # and what reading so many pairs may cost
MOST_LOOKS = 1600  # pairs in a gap whose likeness is told; in larger gaps only those about as far down

Words = list[int]  # of one paragraph; equal words have equal numbers


class Match(NamedTuple):
    """Paragraphs that answer to each other, by place; one side is empty where they were added or removed."""

    before: tuple[int, ...]
    after: tuple[int, ...]


def split_paragraphs(text: str) -> list[str]:
    """The paragraphs of a text, parted by blank lines.

    >>> split_paragraphs("Ett.\\n\\nTvå,\\nsamma stycke.\\n \\n\\nTre.")
    ['Ett.', 'Två,\\nsamma stycke.', 'Tre.']
    """
    return [part for part in re.split(r"\n[^\S\n]*\n\s*", text.strip("\n")) if part.strip()]


def read_words(text: str) -> tuple[str, ...]:
    """The words of a text and nothing else: no case, no marks, no layout. A minus before a number is kept.

    >>> read_words("## Sänkt ”skatt”: −5,2 %")
    ('sänkt', 'skatt', '-', '5', '2')
    """
    return tuple(WORD.findall(text.casefold().replace("−", "-")))


def align_paragraphs(before: Sequence[str], after: Sequence[str]) -> list[Match]:
    """Every paragraph of both texts once, in order; a moved one is both removed and added.

    >>> for match in align_paragraphs(["Ett.", "Två eller tre hus."], ["Ett!", "Två eller fem hus.", "Sju."]):
    ...     print(match.before, match.after)
    (0,) (0,)
    (1,) (1,)
    () (2,)
    """
    matches: list[Match] = []
    place = new_place = 0
    for start, new_start, size in [*_find_same(before, after), (len(before), len(after), 0)]:
        matches.extend(
            Match(tuple(n + place for n in olds), tuple(n + new_place for n in news))
            for olds, news in _align_gap(before[place:start], after[new_place:new_start])
        )
        matches.extend(Match((start + n,), (new_start + n,)) for n in range(size))
        place, new_place = start + size, new_start + size
    return matches


def _find_same(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int, int]]:
    """Runs of paragraphs with the same words: where they start in each text, and how many they are."""
    if len(before) * len(after) > MAX_PARAGRAPH_CELLS:
        return []
    both = set(before) & set(after)  # these need no reading of words, which is most of the work
    numbers: dict[object, int] = {}
    left, right = (
        [numbers.setdefault(text if text in both else read_words(text) or text, len(numbers)) for text in texts]
        for texts in (before, after)
    )
    steps = LCSseq.opcodes(left, right)
    return [(step.src_start, step.dest_start, step.src_end - step.src_start) for step in steps if step.tag == "equal"]


def _align_gap(before: Sequence[str], after: Sequence[str]) -> list[Match]:
    """Altered, split and merged paragraphs between two that are the same: those that keep most words in all."""
    rows, columns = len(before), len(after)
    apart = [Match((n,), ()) for n in range(rows)] + [Match((), (n,)) for n in range(columns)]
    letters = rows * sum(map(len, after)) + columns * sum(map(len, before))  # read to tell how alike all are
    if not rows or not columns or rows * columns > MOST_PAIRS or letters > MOST_LETTERS:
        return apart
    numbers: dict[str, int] = {}
    left, right = (
        [[numbers.setdefault(word, len(numbers)) for word in read_words(text)] for text in texts]
        for texts in (before, after)
    )
    if rows == columns == 1:
        alike = 2 * LCSseq.similarity(left[0], right[0]) >= ALONE * (len(left[0]) + len(right[0]))
        return [Match((0,), (0,))] if alike else apart
    shared = _share_words(left, right)
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]
    steps: dict[tuple[int, int], tuple[int, int]] = {}
    for row in range(1, rows + 1):
        for column in range(1, columns + 1):
            score, step = max((best[row - 1][column], (1, 0)), (best[row][column - 1], (0, 1)))
            if (row - 1, column - 1) in shared:
                for height, width in ((1, 1), (1, 2), (2, 1)):
                    gain = _gain(left, right, shared, range(row - height, row), range(column - width, column))
                    if gain and best[row - height][column - width] + gain > score:
                        score, step = best[row - height][column - width] + gain, (height, width)
            best[row][column], steps[row, column] = score, step
    return _walk_back(steps, rows, columns)


def _share_words(left: Sequence[Words], right: Sequence[Words]) -> dict[tuple[int, int], int]:
    """How many words, in order, pairs of paragraphs share; pairs that share few or stand far apart are left out."""
    rows, columns = len(left), len(right)
    reach = columns if rows * columns <= MOST_LOOKS else max(3, MOST_LOOKS // (2 * rows))
    shared: dict[tuple[int, int], int] = {}
    for row, words in enumerate(left):
        middle = row * columns // rows
        for column in range(max(0, middle - reach), min(columns, middle + reach + 1)):
            least = int(INSIDE * min(len(words), len(right[column])))  # below it they neither answer nor are a part
            count = LCSseq.similarity(words, right[column], score_cutoff=max(1, least // 2))
            if count:
                shared[row, column] = count
    return shared


def _gain(
    left: Sequence[Words], right: Sequence[Words], shared: dict[tuple[int, int], int], rows: range, columns: range
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
        if any(shared[cell] < INSIDE * len(words) for cell, words in parts):
            return 0
        common = LCSseq.similarity([*chain(*old)], [*chain(*new)])
    return common * 2 * common / size if 2 * common >= ALIKE * size else 0


def _walk_back(steps: dict[tuple[int, int], tuple[int, int]], row: int, column: int) -> list[Match]:
    matches: list[Match] = []
    while row or column:
        height, width = steps.get((row, column), (1, 0) if row else (0, 1))
        matches.append(Match(tuple(range(row - height, row)), tuple(range(column - width, column))))
        row, column = row - height, column - width
    return matches[::-1]
