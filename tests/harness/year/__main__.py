"""`python -m tests.harness.year`: simulates a year of the sample site; exits with 1 if the archive
is wrong.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.harness.world.simulation import open_folder
from tests.harness.world.tables import Stopwatch, print_tables
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
    watch, plan = Stopwatch(), write_plan(SMALL if options.small else FULL, options.seed)
    with open_folder(options.keep) as folder, watch.console.status("") as status:
        verdict = run_year(plan, folder, status.update)
    table = to_table(verdict, plan, watch.seconds)
    return print_tables(table, misses=verdict.misses, width=110)


if __name__ == "__main__":
    sys.exit(main())
