"""`python -m tests.harness.kill`: kill -9 at random moments of crawls and rounds; exits with 1 if
anything is wrong.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from tests.harness.kill.run import go
from tests.harness.kill.table import to_checks, to_table


def main() -> int:
    """Print the tables and a line for each miss; return 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.kill", description=__doc__)
    parser.add_argument(
        "number", type=int, nargs="?", default=200, help="how many kills (default %(default)s)"
    )
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10**6), help="the same moments again, about"
    )
    options = parser.parse_args()
    begun, console = time.monotonic(), Console(stderr=True)
    print(f"seed {options.seed}", flush=True)

    def tell(how: str) -> None:
        console.print(f"{time.monotonic() - begun:5.0f} s: {how}", highlight=False)

    with tempfile.TemporaryDirectory() as folder:
        run = go(options.number, options.seed, Path(folder), tell)
    for table in (to_table(run, options.seed, time.monotonic() - begun), to_checks(run)):
        Console(width=110).print(table)
    for miss in run.misses:
        print(miss)
    kills = sum(score.kills for score in run.scores.values())
    return 1 if run.misses or kills < options.number else 0


if __name__ == "__main__":
    sys.exit(main())
