"""The pinned figures, and how one that has fallen is reported; tests/test_real_pages.py measures
them.
"""

from __future__ import annotations

from tests.gate import Figure, find_fallen, load_pinned, round_down


def test_the_pinned_figures_are_shares_of_what_is_scored() -> None:
    pinned = load_pinned()
    assert len(pinned) >= 40
    assert all(0 < value <= 1 for value in pinned.values())


def test_a_fallen_figure_is_named_with_its_misses() -> None:
    pinned = {"title": 0.75, "lead": 1.0, "tags": 0.5}
    figures = {"title": Figure(0.5, ["a.html: 'Meny'", "b", "c", "d"]), "tags": Figure(0.6, ["e"])}
    assert find_fallen(figures, pinned) == [
        "title: pinned 0.750, got 0.500; missed: a.html: 'Meny' | b | c",
        "lead: pinned 1.000, not measured any more",
    ]


def test_a_share_is_rounded_down_and_no_further() -> None:
    assert (round_down(2 / 3), round_down(0.29), round_down(1)) == (0.666, 0.29, 1.0)
