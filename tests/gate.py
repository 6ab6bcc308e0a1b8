"""The extractor's figures on stored pages, and those it may not fall below: python -m tests.gate
pins today's.
"""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from pathlib import Path
from statistics import mean
from types import ModuleType
from typing import NamedTuple

from tests.stored import ROOT, read_release

PINNED = Path(__file__).with_name("gate.json")
SCORER = ROOT / "score.py"
PARTS = ("seed", "pages", "questions", "faq", "benchmark", "nordic", "dates")


class Figure(NamedTuple):
    """A share of the cases, rounded down, and what was missed."""

    value: float
    misses: list[str]


def main() -> None:
    """Pin the figures as they are now; look at the diff before you commit one that has fallen."""
    if not SCORER.exists():
        raise SystemExit(f"no scorer at {SCORER}: name its folder with PAGES=")
    figures = {name: figure.value for name, figure in measure().items()}
    PINNED.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_pinned() -> dict[str, float]:
    """The figures of gate.json."""
    pinned: dict[str, float] = json.loads(PINNED.read_text("utf-8"))
    return pinned


def measure() -> dict[str, Figure]:
    """Every figure of the scorer, for our extractor alone."""
    scorer = load_scorer()
    run, figures = scorer.Ours(), {}
    run.read, run.make = read_release, lambda release: release
    for part in PARTS:
        tally = scorer.Tally()
        getattr(scorer, part)(ROOT, run, tally)
        for name, cases in tally.v.items():
            figures[name] = Figure(round_down(mean(cases)), tally.missed.get(name, []))
    return figures


def find_fallen(figures: dict[str, Figure], pinned: dict[str, float]) -> list[str]:
    """A sentence for each pinned figure that is lower now, or not measured any more."""
    fallen = []
    for name, least in pinned.items():
        figure = figures.get(name)
        if figure is None:
            fallen.append(f"{name}: pinned {least:.3f}, not measured any more")
        elif figure.value < least:
            missed = f"; missed: {' | '.join(figure.misses[:3])}" if figure.misses else ""
            fallen.append(f"{name}: pinned {least:.3f}, got {figure.value:.3f}{missed}")
    return fallen


def round_down(share: float) -> float:
    """A share to three decimals, never more than it was."""
    return math.floor(share * 1000 + 1e-9) / 1000  # the hair, because 0.29 * 1000 is 289.99…


def load_scorer() -> ModuleType:
    """The scorer as a module; the path it adds to Python's own is taken away again."""
    spec = importlib.util.spec_from_file_location("score", SCORER)
    if not spec or not spec.loader:
        raise ImportError(f"cannot load {SCORER}")
    scorer, before = importlib.util.module_from_spec(spec), sys.path[:]
    try:
        spec.loader.exec_module(scorer)
    finally:
        sys.path[:] = before
    return scorer


if __name__ == "__main__":
    main()
