"""`python -m tests.harness.kill`: kill -9 at random moments of crawls and rounds; exits with 1 if
anything is wrong.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

from tests.harness.kill.run import go
from tests.harness.world.tables import Stopwatch, make_table, print_tables


def main() -> int:
    """Print the tables and a line for each miss; return 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.kill", description=__doc__)
    parser.add_argument(
        "number", type=int, nargs="?", default=200, help="how many kills (default %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="the same moments again, about"
    )
    options, watch = parser.parse_args(), Stopwatch()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        run = go(options.number, options.seed, Path(folder), watch.tell)
    kills = sum(score.kills for score in run.scores.values())
    table = make_table(
        *("", "kills", "requests", "in flight", "most at once", "seconds"),
        title=f"{kills} kills, seed {options.seed}, {watch.seconds:.0f} s",
    )
    for mode, score in run.scores.items():
        counts = (score.kills, score.asked, score.in_flight, score.most)
        table.add_row(mode, *map(str, counts), f"{score.seconds:.0f}")
    code = print_tables(table, run.checks.to_table(), misses=run.checks.misses, width=110)
    return code or int(kills < options.number)


if __name__ == "__main__":
    sys.exit(main())
