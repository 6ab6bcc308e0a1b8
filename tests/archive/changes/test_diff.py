"""Paragraphs and words of two texts, aligned."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archive.changes import diff
from archive.changes.comparison import compare
from archive.changes.diff import DiffSegment, diff_paragraphs, diff_words
from tests.archive.changes.states import split_case, to_state

TEXT = """
    bron färjan hamnen och är inte i den som 30 kr 4 maj 2031 Ada Ek ”hej” – ska, kan. Norrskär (SCB) 2,5 procent
    kl. 10 https://fyr.example/a * | \\- å
    """
WORDS = TEXT.split()
SPACES = (" ", " ", " ", "\n", "  ", "\u00a0", "")
PROPERTY = settings(derandomize=True, deadline=None, max_examples=30)

SPACED_WORDS = st.tuples(st.sampled_from(WORDS), st.sampled_from(SPACES)).map("".join)
TEXTS = st.lists(SPACED_WORDS, max_size=12).map("".join)
EDITED_TEXTS = st.tuples(TEXTS, TEXTS, TEXTS, TEXTS).map(
    lambda t: (t[0] + t[1] + t[3], t[0] + t[2] + t[3])
)


@st.composite
def edited_paragraphs(draw: st.DrawFn) -> tuple[str, str]:
    """Return two texts of which some paragraphs differ or are only in one, and perhaps in another
    order.
    """
    pairs = draw(st.lists(EDITED_TEXTS, max_size=8))
    before = [old for old, _ in pairs]
    after = draw(
        st.permutations([draw(st.sampled_from(pair)) for pair in pairs])
        | st.just([new for _, new in pairs])
    )
    return join_paragraphs(before), join_paragraphs(after)


def join_paragraphs(texts: Sequence[str]) -> str:
    return "\n\n".join(text.strip() for text in texts if text.strip())


def join_side(segments: Sequence[DiffSegment], op: str) -> str:
    """Return one of the two texts: the earlier for del, the later for ins."""
    return "".join(segment.text for segment in segments if segment.op in {"same", op})


@PROPERTY
@given(EDITED_TEXTS)
def test_segments_of_words_join_to_both_texts(pair: tuple[str, str]) -> None:
    segments = diff_words(*pair)
    assert (join_side(segments, "del"), join_side(segments, "ins")) == pair
    assert all(segment.text for segment in segments)
    assert all(one.op != two.op for one, two in pairwise(segments))


@PROPERTY
@given(edited_paragraphs())
def test_rows_of_paragraphs_join_to_both_texts(pair: tuple[str, str]) -> None:
    rows = diff_paragraphs(*pair)
    for op, text in zip(("del", "ins"), pair, strict=True):
        assert "\n\n".join(join_side(row, op) for row in rows if join_side(row, op)) == text
    assert all(len(row) == 1 for row in rows if {segment.op for segment in row} == {"same"})


@PROPERTY
@given(edited_paragraphs())
def test_comparing_is_deterministic_and_finds_a_change_both_ways(pair: tuple[str, str]) -> None:
    before, after = map(to_state, pair)
    diff = compare(before, after)
    assert compare(before, after) == diff
    assert 0 <= diff.importance <= 100
    assert bool(diff.changes) == bool(compare(after, before).changes)
    assert compare(before, before).changes == ()


@pytest.mark.parametrize(
    ("case", "segments"),
    [
        ("Mötet hålls [den 4 maj 2031 |den 9 maj 2031 ]i Lund.", ["same", "del", "ins", "same"]),
        (
            "Bron stängs i natt. [|Bron målas om. ]Bron öppnas igen på lördag.",
            ["same", "ins", "same"],
        ),
        (
            "Staden [har tagit fram ett helt nytt förslag |vill gärna"
            " höra om alla vet vad som är bäst ]till hamnplan.",
            ["same", "del", "ins", "same"],
        ),
    ],
    ids=["whole fact", "whole sentence", "few unchanged words between changes"],
)
def test_words_are_grouped_into_passages(case: str, segments: list[str]) -> None:
    found = diff_words(*split_case(case))
    changed = case.partition("[")[2].partition("]")[0].split("|")
    assert [segment.op for segment in found] == segments
    assert [segment.text for segment in found if segment.op != "same"] == [
        text for text in changed if text
    ]


@pytest.mark.parametrize(("most_pairs", "is_matched"), [(1, False), (400, True)])
def test_only_near_paragraphs_are_matched_where_there_are_many(
    most_pairs: int, is_matched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diff, "MAX_COMPARED_PAIRS", most_pairs)
    edited = ["Kajen i Norrvik byggs om i höst.", "Kajen i Norrvik byggs om i vår."]
    others = [f"Stycke{n} handlar{n} om{n} annat{n}." for n in range(18)]
    before, after = [edited[0], *others[:9]], [*others[9:], edited[1]]
    rows = diff_paragraphs("\n\n".join(before), "\n\n".join(after))
    kept = "".join(part.text for row in rows for part in row if part.op == "same")
    assert ("Kajen i Norrvik" in kept) == is_matched


def test_split_paragraph_is_one_row() -> None:
    rows = diff_paragraphs(
        *split_case(
            "Hej.¶Bron stängs i natt för målning.[ |¶]Färjan går som vanligt hela sommaren."
        )
    )
    assert [[segment.op for segment in row] for row in rows] == [
        ["same"],
        ["same", "del", "ins", "same"],
    ]


@pytest.mark.slow("extreme input")
def test_hostile_texts_take_little_time() -> None:
    numbers = " ".join(str(number % 977) for number in range(7_200))
    hostile = [
        "." * 10_000,
        "a" * 100_000,
        "1 " * 4_000,
        "A b. " * 3_000,
        "x\n\n" * 1_000,
        numbers,
        numbers[::-1],
        "”" * 9_000,
    ]
    start = time.process_time()
    for one, two in pairwise(hostile):
        compare(to_state(one, body_html=""), to_state(two, body_html=""))
        diff_paragraphs(one, two)
    assert time.process_time() - start < 5
