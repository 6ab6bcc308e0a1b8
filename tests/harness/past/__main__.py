"""`python -m tests.harness.past`: three years in a web archive, read by an archive that begins
today; exits with 1 if a target is missed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.harness.past.run import KILLS, go
from tests.harness.world.tables import Stopwatch, print_tables


def main() -> int:
    """Print the table and a line for each miss; return 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.past", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--releases", type=int, default=48)
    parser.add_argument("--kills", type=int, default=KILLS)
    options, watch = parser.parse_args(), Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        figures = go(
            Path(folder), options.seed, watch.tell, releases=options.releases, kills=options.kills
        )
    title = f"seed {options.seed}, {watch.seconds:.0f} s"
    return print_tables(figures.to_table(title), misses=figures.misses, width=110)


if __name__ == "__main__":
    sys.exit(main())
