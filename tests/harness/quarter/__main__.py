"""`python -m tests.harness.quarter`: simulates three months; exits with 1 if the status page was
wrong.

With --month: a month of sites that answer alike (tests/harness/quarter/month.py), and what was told
of their releases.
"""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path

from tests.harness.quarter import month
from tests.harness.quarter.judge import judge_quarter
from tests.harness.quarter.run import run_quarter
from tests.harness.quarter.script import ACTS, PARTS, START, WEEKS
from tests.harness.quarter.table import to_faults, to_sentences, to_summary, to_weeks
from tests.harness.world.simulation import open_folder
from tests.harness.world.tables import Stopwatch, print_tables

WIDTH = 150


def main() -> int:
    """Print the tables and a line for each miss; return 1 if there are any."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness.quarter", description=__doc__)
    parser.add_argument(
        "--weeks", type=int, default=WEEKS, help="so many of the quarter (default %(default)s)"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="leave archive.db and the crawls' log here"
    )
    parser.add_argument(
        "--month", action="store_true", help="a month of sites that answer alike, instead"
    )
    options = parser.parse_args()
    watch = Stopwatch()
    end = START + timedelta(weeks=options.weeks, days=-1)
    with open_folder(options.keep) as folder, watch.console.status("") as status:
        script = (month.PARTS, month.ACTS, month.END) if options.month else (PARTS, ACTS, end)
        record = run_quarter(*script, folder, status.update)
    if options.month:
        misses = month.judge_month(record)
        return print_tables(month.to_days(record), misses=misses, width=WIDTH)
    verdict = judge_quarter(record)
    weeks = to_weeks(record, PARTS, f"/-/status each Sunday, {watch.seconds:.0f} s")
    told = (*to_sentences(record, PARTS), "", *record.told, "", to_summary(record, verdict))
    print_tables(weeks, to_faults(verdict, PARTS), misses=(*told, *verdict.misses), width=WIDTH)
    return 1 if verdict.misses else 0


if __name__ == "__main__":
    sys.exit(main())
