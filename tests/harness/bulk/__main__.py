"""python -m tests.harness.bulk [N] [--archive FILE]: measures datasets and the change feed; 1 if a
target is missed.

The archive contains the stored collection if it is available (tests/stored.py), or else sample
releases, repeated up to N releases. With FILE, an existing archive is used.
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
    """Print a table of figures and targets, with a mark for each missed target."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.bulk", description=__doc__)
    parser.add_argument("number", nargs="?", type=int, default=10_000, metavar="N")
    parser.add_argument(
        "--archive", type=Path, metavar="FILE", help="one that is there already; it is only read"
    )
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
            for figure in step():  # type: ignore[attr-defined] # each step yields figures
                print(figure, flush=True)
                missed += figure.missed
    print(f"missed: {missed}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
