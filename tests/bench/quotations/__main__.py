"""`python -m tests.bench.quotations [ARCHIVE]`: are quotations found, and are they judged right?

ARCHIVE: import nothing. Exits with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.bench.collection import ABSENT, COLLECTION
from tests.bench.measure import print_lines
from tests.bench.quotations.finding import PARTS, measure_finding
from tests.bench.quotations.judging import measure_judging


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.quotations", description=__doc__)
    parser.add_argument("archive", type=Path, nargs="?", metavar="ARCHIVE")
    parser.add_argument("--part", choices=PARTS, help="only: are those of a part found?")
    parser.add_argument(
        "--misses", type=int, default=0, metavar="N", help="print so many of what is wrong"
    )
    parser.add_argument("-v", action="store_true", help="print each quotation that is judged wrong")
    options = parser.parse_args()
    if options.part == "test" and options.misses:
        parser.error("the misses of the test part are not printed")
    if not COLLECTION.is_file():
        return print_lines([f"quotations are {ABSENT}"])
    if options.part:
        return print_lines(measure_finding(options.part, options.misses))
    found = print_lines(measure_finding("rules", options.misses))
    return print_lines(measure_judging(options.archive, is_verbose=options.v)) or found


if __name__ == "__main__":
    sys.exit(main())
