"""python -m tests.harness.bulk [N] [--archive FILE]: datasets and the change feed; 1 if a target is missed.

The archive is the stored collection's where it is at hand (tests/stored.py), else of sample releases; either is
repeated until it holds N. FILE spares that.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.harness.bulk.archive import build
from tests.harness.bulk.datasets import measure_dataset
from tests.harness.bulk.delta import measure_delta
from tests.harness.bulk.triggers import measure_triggers


def main(arguments: list[str] | None = None) -> int:
    """A table: figure, target, and a mark where it is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.bulk", description=__doc__)
    parser.add_argument("number", nargs="?", type=int, default=10_000, metavar="N")
    parser.add_argument("--archive", type=Path, metavar="FILE", help="one that is there already; it is only read")
    options = parser.parse_args(arguments)
    missed = 0
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        archive = options.archive or build(folder / "archive.db", options.number)
        steps: tuple[Callable[[], object], ...] = (
            lambda: measure_dataset(archive, folder),
            lambda: measure_delta(archive),
            lambda: measure_triggers(folder),
        )
        print(f"{'':58}{'measured':>12}{'target':>12}")
        for step in steps:
            for figure in step():  # type: ignore[attr-defined] # each gives figures
                print(figure, flush=True)
                missed += figure.missed
    print(f"missed: {missed}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
