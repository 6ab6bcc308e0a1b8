"""Formats a figure of the benchmark with its target, and whether it is reached."""

from __future__ import annotations

WIDTH = 52


class Missed(str):
    """A line about a missed target; the benchmark then exits with 1."""

    __slots__ = ()


def judge(
    name: str,
    figure: float,
    *,
    unit: str = "",
    most: float | None = None,
    least: float | None = None,
) -> str:
    """Format a line with a figure, its target and whether it is reached.

    >>> judge("whole crawl", 7.5, unit="ms", most=8), type(judge("store", 900, least=1200)).__name__
    ('whole crawl                                              7.50 ms  target ≤ 8: reached', 'Missed')
    """
    reached = (most is None or figure <= most) and (least is None or figure >= least)
    target = f"≤ {most:g}" if most is not None else f"≥ {least:g}"
    number = f"{figure:.2f}" if figure < 100 else f"{figure:.0f}"
    line = (
        f"{name:{WIDTH}} {number:>8} {unit}  target {target}: {'reached' if reached else 'MISSED'}"
    )
    return line if reached else Missed(line)
