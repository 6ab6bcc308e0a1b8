"""Runs a number of examples per target, in pieces, because Hypothesis remembers all examples of a
piece.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings
from rich.table import Table

from tests.harness.fuzz.mutations import mutated
from tests.harness.fuzz.targets import TARGETS
from tests.harness.world.tables import make_table

PIECE = 1000  # examples
SLOWEST = 20.0  # seconds of CPU for one example; more is a finding
SHARES = {
    **{"page": 0.6, "feed": 0.1, "sitemap": 0.08, "listing": 0.1},
    **{"home": 0.04, "robots": 0.03, "label": 0.05},
}


@dataclass(slots=True)
class Told:
    """The results of the examples of a target."""

    target: str
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0  # seconds of CPU
    # last lines of tracebacks, each with its input
    findings: list[str] = field(default_factory=list)


def run_piece(target: str, seeds: list[bytes], number: int, begin: int) -> Told:
    """Run a number of examples from a seed; the first finding ends the piece, with its smallest
    input.
    """
    told, feed = Told(target), timed(TARGETS[target])
    failing: list[bytes] = []

    @seed(begin)
    @settings(
        max_examples=number,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(mutated(seeds))
    def examples(body: bytes) -> None:
        try:
            outcome, seconds = feed(body)
        except BaseException:
            failing[:] = [body]
            raise
        told.outcomes[outcome] += 1
        told.slowest = max(told.slowest, seconds)

    try:
        examples()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what we look for
        told.findings.append(
            f"{target}, seed {begin}: {type(error).__name__}: {error}:"
            f" {failing and failing[0][:2000]!r}"
        )
    return told


def timed(feed: Callable[[bytes], str]) -> Callable[[bytes], tuple[str, float]]:
    """Return the outcome and CPU seconds; raise TimeoutError if they are too many."""

    def feed_timed(body: bytes) -> tuple[str, float]:
        begun = time.process_time()
        outcome = feed(body)
        seconds = time.process_time() - begun
        if seconds > SLOWEST:
            raise TimeoutError(f"took {seconds:.0f} s of CPU")
        return outcome, seconds

    return feed_timed


def plan(number: int, begin: int) -> list[tuple[str, int, int]]:
    """Return the target, number of examples and seed of every piece."""
    pieces: list[tuple[str, int, int]] = []
    for target, share in SHARES.items():
        left = max(1, round(number * share))
        while left:
            pieces.append((target, min(PIECE, left), begin + len(pieces)))
            left -= pieces[-1][1]
    return pieces


def to_table(found: Mapping[str, Told]) -> Table:
    """Format a line per target."""
    table = make_table("target", "examples", "read", "refused", "slowest, CPU s", "findings")
    for target, told in found.items():
        counts = (told.outcomes.total(), told.outcomes["read"], told.outcomes["refused"])
        table.add_row(target, *map(str, counts), f"{told.slowest:.2f}", str(len(told.findings)))
    return table


def merge(pieces: list[Told]) -> dict[str, Told]:
    """Add up the pieces of each target."""
    found = {target: Told(target) for target in SHARES}
    for piece in pieces:
        whole = found[piece.target]
        whole.outcomes.update(piece.outcomes)
        whole.slowest = max(whole.slowest, piece.slowest)
        whole.findings += piece.findings
    return found
