"""python -m tests.harness.bulk [N] [--archive FILE]: measures datasets and the change feed; 1 if a
target is missed.

The archive contains the stored collection if it is available (tests/stored.py), or else sample
releases, repeated up to N releases. With FILE, an existing archive is used.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.harness.bulk.archive import build
from tests.harness.bulk.datasets import measure_dataset
from tests.harness.bulk.delta import measure_delta
from tests.harness.bulk.triggers import measure_triggers
from tests.harness.world.checks import Figures
from tests.harness.world.tables import Stopwatch, print_tables


def main(arguments: list[str] | None = None) -> int:
    """Print a table of figures and targets; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.bulk", description=__doc__)
    parser.add_argument("number", nargs="?", type=int, default=10_000, metavar="N")
    parser.add_argument(
        "--archive", type=Path, metavar="FILE", help="one that is there already; it is only read"
    )
    options, figures, watch = parser.parse_args(arguments), Figures(), Stopwatch()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        archive = options.archive or build(folder / "archive.db", options.number)
        watch.tell("the archive is there")
        measure_dataset(archive, folder, figures)
        watch.tell("the dataset is measured")
        measure_delta(archive, figures)
        watch.tell("the change feed is measured")
        measure_triggers(folder, figures)
    table = figures.to_table(f"bulk, {watch.seconds:.0f} s")
    return print_tables(table, misses=figures.misses, width=120)


if __name__ == "__main__":
    sys.exit(main())
