"""`python -m tests.harness.quarter`: simulates three months; exits with 1 if the status page was
wrong.

With --month: a month of sites that answer alike (tests/harness/quarter/month.py), and what was told
of their releases.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from tests.harness.quarter import month
from tests.harness.quarter.judge import judge_quarter
from tests.harness.quarter.record import Record
from tests.harness.quarter.run import run_quarter
from tests.harness.quarter.script import ACTS, PARTS, START, WEEKS
from tests.harness.quarter.table import to_faults, to_sentences, to_summary, to_weeks

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
    begun, console = time.monotonic(), Console(stderr=True)
    end = START + timedelta(weeks=options.weeks, days=-1)
    with tempfile.TemporaryDirectory() as temporary, console.status("") as status:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "archive.db").exists():
            parser.error(f"{folder}: holds an archive.db already")
        if options.month:
            return tell_month(
                run_quarter(month.PARTS, month.ACTS, month.END, folder, status.update)
            )
        record = run_quarter(PARTS, ACTS, end, folder, status.update)
    verdict, out = judge_quarter(record), Console(width=WIDTH)
    out.print(to_weeks(record, PARTS, f"/-/status each Sunday, {time.monotonic() - begun:.0f} s"))
    out.print(to_faults(verdict, PARTS))
    for line in (
        *to_sentences(record, PARTS),
        "",
        *record.told,
        "",
        to_summary(record, verdict),
        *verdict.misses,
    ):
        out.print(line, markup=False, highlight=False)
    return 1 if verdict.misses else 0


def tell_month(record: Record) -> int:
    """Print the month's table and a line for each wrong report; return 1 if there are any."""
    out, misses = Console(width=WIDTH), month.judge_month(record)
    out.print(month.to_days(record))
    for line in misses:
        out.print(line, markup=False, highlight=False)
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
