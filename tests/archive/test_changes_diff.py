"""Differences for the eye: pieces that give back both texts, whole sentences, facts in one piece; and in good time."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest

from archive.diff import compare
from archive.diff.align import DiffSegment, diff_paragraphs, diff_words
from tests.archive.states import to_state

SOUP = """
    bron färjan hamnen och är inte i den som 30 kr 4 maj 2031 Ada Ek ”hej” – ska, kan. Norrskär (SCB) 2,5 procent
    kl. 10 https://fyr.example/a * | \\- å
    """
WORDS = SOUP.split()
SPACES = (" ", " ", " ", "\n", "  ", "\u00a0", "")


def side(pieces: Sequence[DiffSegment], op: str) -> str:
    """One of the two texts again: the earlier with del, the later with ins."""
    return "".join(piece.text for piece in pieces if piece.op in {"same", op})


def write(chance: random.Random, words: int) -> str:
    return "".join(chance.choice(WORDS) + chance.choice(SPACES) for _ in range(chance.randrange(words)))


def edit(chance: random.Random, text: str) -> str:
    """A text with some of its words replaced, removed or said twice."""
    words = text.split(" ")
    for _ in range(chance.randrange(4) if len(words) > 3 else 0):
        place = chance.randrange(len(words) or 1)
        words[place : place + chance.randrange(3)] = chance.choice(([], [chance.choice(WORDS)], words[:place]))
    return " ".join(words)


@pytest.mark.parametrize("seed", range(120))
def test_pieces_give_back_both_texts(seed: int) -> None:
    chance = random.Random(seed)
    before = write(chance, 40)
    after = edit(chance, before) if seed % 3 else write(chance, 40)
    pieces = diff_words(before, after)
    assert (side(pieces, "del"), side(pieces, "ins")) == (before, after)
    assert all(piece.text for piece in pieces)
    assert all(one.op != two.op for one, two in pairwise(pieces))


@pytest.mark.parametrize("seed", range(60))
def test_paragraphs_give_back_both_texts(seed: int) -> None:
    chance = random.Random(seed)
    parts = [text for text in (write(chance, 12).strip() for _ in range(12)) if text]
    changed = [edit(chance, text).strip() if chance.random() < 0.3 else text for text in parts]
    chance.shuffle(changed) if seed % 4 == 0 else changed.reverse() if seed % 7 == 0 else None
    before, after = "\n\n".join(parts), "\n\n".join(text for text in changed if text)
    rows = diff_paragraphs(before, after)
    for op, text in (("del", before), ("ins", after)):
        assert "\n\n".join(side(row, op) for row in rows if side(row, op)) == text
    assert all(len(row) == 1 for row in rows if {piece.op for piece in row} == {"same"})


@pytest.mark.parametrize("seed", range(60))
def test_comparing_is_steady(seed: int) -> None:
    chance = random.Random(seed)
    before = "\n\n".join(write(chance, 20).strip() for _ in range(4))
    after = edit(chance, before)
    there, again = (compare(to_state(before), to_state(after)) for _ in range(2))
    back = compare(to_state(after), to_state(before))
    assert there == again
    assert 0 <= there.importance <= 100
    assert bool(there.changes) == bool(back.changes)
    assert compare(to_state(before), to_state(before)).changes == ()


def test_facts_stand_in_one_piece() -> None:
    pieces = diff_words("Mötet hålls den 4 maj 2031 i Lund.", "Mötet hålls den 9 maj 2031 i Lund.")
    assert [piece.text for piece in pieces if piece.op != "same"] == ["den 4 maj 2031 ", "den 9 maj 2031 "]


def test_inserted_sentence_stands_whole() -> None:
    before = "Bron stängs i natt. Bron öppnas igen på lördag."
    pieces = diff_words(before, before.replace(" Bron öppnas", " Bron målas om. Bron öppnas"))
    assert [piece.text for piece in pieces if piece.op == "ins"] == ["Bron målas om. "]


def test_islands_are_merged() -> None:
    pieces = diff_words(
        "Myndigheten har tagit fram ett helt nytt förslag till hamnplan.",
        "Myndigheten vill gärna höra om alla vet vad som är bäst till hamnplan.",
    )
    assert [piece.op for piece in pieces] == ["same", "del", "ins", "same"]


def test_split_paragraph_stands_in_one_row() -> None:
    before = "Bron stängs i natt för målning. Färjan går som vanligt hela sommaren."
    rows = diff_paragraphs("Hej.\n\n" + before, "Hej.\n\n" + before.replace(" Färjan", "\n\nFärjan"))
    assert [[piece.op for piece in row] for row in rows] == [["same"], ["same", "del", "ins", "same"]]


def test_hostile_texts_end_soon() -> None:
    long = " ".join(str(number % 977) for number in range(10_000))
    texts = [
        "." * 30_000,
        "a" * 300_000,
        "1 " * 20_000,
        "A b. " * 5_000,
        "x\n\n" * 1_000,
        long,
        long[::-1],
        "”" * 9_000,
    ]
    start = time.process_time()
    for one, two in pairwise(texts):
        compare(to_state(one, body_html=""), to_state(two, body_html=""))
        diff_paragraphs(one, two)
    assert time.process_time() - start < 10
