"""`python -m tests.harness.year`: simulates a year of the sample site; exits with 1 if the archive
is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from tests.harness.year.author import FULL, SMALL
from tests.harness.year.plan import write_plan
from tests.harness.year.run import run_year
from tests.harness.year.table import to_table


def main() -> int:
    """Print the table and a line for each miss; return 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.year", description=__doc__)
    parser.add_argument(
        "--small", action="store_true", help=f"{SMALL.days} days and {SMALL.releases} releases"
    )
    parser.add_argument("--seed", type=int, default=1, help="another year (default %(default)s)")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="leave archive.db and the crawls' log here"
    )
    options = parser.parse_args()
    scale, begun, console = SMALL if options.small else FULL, time.monotonic(), Console(stderr=True)
    plan = write_plan(scale, options.seed)
    with tempfile.TemporaryDirectory() as temporary, console.status("") as status:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "archive.db").exists():
            parser.error(f"{folder}: holds an archive.db already")
        verdict = run_year(plan, folder, status.update)
    seconds = time.monotonic() - begun
    Console(width=110).print(to_table(verdict, plan, seconds))
    for miss in verdict.misses:
        print(miss)
    return 1 if verdict.misses else 0


if __name__ == "__main__":
    sys.exit(main())
