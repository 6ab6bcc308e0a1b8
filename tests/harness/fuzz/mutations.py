"""Damages pages as on the web and as an attacker would, as a Hypothesis strategy, so that findings
shrink.
"""

from __future__ import annotations

from ast import literal_eval
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st

LONGEST = 400_000  # bytes of a result
TOKENS = (
    *map(literal_eval, Path(__file__).with_name("tokens.txt").read_text("ascii").splitlines()),
    b"<div>" * 3000,
    b"<b>" * 600,
    b"[" * 5000,
    b"9" * 5000,
    b"a" * 50_000,
    b"<p>\xe2\x80\x93 Ja?</p>" * 400,
    b"<a href='/nyheter/x'>x</a>" * 1500,
)


def mutated(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """Return a strategy: one of some pages, damaged once or several times."""
    return st.builds(damage, st.sampled_from(seeds), st.lists(step(), min_size=1, max_size=8))


def damage(page: bytes, steps: list[Callable[[bytes], bytes]]) -> bytes:
    for change in steps:
        page = change(page)[:LONGEST]
    return page


def step() -> st.SearchStrategy[Callable[[bytes], bytes]]:
    """Return a strategy: one kind of damage at a random place."""
    place, length = st.integers(0, 9999), st.sampled_from([0, 1, 2, 5, 20, 100, 1000, 10_000])
    return st.one_of(
        st.builds(replaced, place, length, st.sampled_from(TOKENS)),
        st.builds(replaced, place, length, st.binary(max_size=8)),
        st.builds(
            replaced,
            place,
            length,
            st.text(max_size=12).map(lambda text: text.encode("utf-8", "surrogatepass")),
        ),
        st.builds(repeated, place, length, st.sampled_from([2, 3, 50])),
        st.builds(moved, place, place, length),
        st.builds(cut, place),
        st.builds(
            recoded,
            st.sampled_from(["utf-16", "utf-16-be", "latin-1", "cp1252", "utf-7", "utf-8-sig"]),
        ),
    )


def replaced(place: int, length: int, token: bytes) -> Callable[[bytes], bytes]:
    """Replace a piece by another, or insert one (length 0).

    place: in ten-thousandths of the page.
    """

    def change(page: bytes) -> bytes:
        at = len(page) * place // 10_000
        return page[:at] + token + page[at + length :]

    return change


def repeated(place: int, length: int, times: int) -> Callable[[bytes], bytes]:
    """Repeat a piece several times."""

    def change(page: bytes) -> bytes:
        at = len(page) * place // 10_000
        return page[:at] + page[at : at + length] * times + page[at + length :]

    return change


def moved(place: int, to: int, length: int) -> Callable[[bytes], bytes]:
    """Move a piece."""

    def change(page: bytes) -> bytes:
        at = len(page) * place // 10_000
        piece, rest = page[at : at + length], page[:at] + page[at + length :]
        end = len(rest) * to // 10_000
        return rest[:end] + piece + rest[end:]

    return change


def cut(place: int) -> Callable[[bytes], bytes]:
    """Cut the page off."""
    return lambda page: page[: len(page) * place // 10_000]


def recoded(encoding: str) -> Callable[[bytes], bytes]:
    """Encode the page differently than it declares."""
    return lambda page: page.decode("utf-8", "replace").encode(encoding, "replace")
