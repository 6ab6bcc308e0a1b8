"""python -m tests.oracle record OUT | compare BEFORE AFTER: see tests/oracle/__init__.py."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.oracle.compare import compare, read_record, to_report
from tests.oracle.recording import record
from tests.oracle.renames import RenamesError, read_renames
from tests.oracle.world import RecordError

RENAMES = Path(__file__).with_name("renames.toml")


def main() -> int:
    """Parse the command line, then record or compare."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    made = commands.add_parser("record", help="record what the checkout in the current folder does")
    made.add_argument("out", type=Path)
    made.add_argument(
        "--shared", type=Path, metavar="DIR", help="stored pages, score.py and a collection"
    )
    made.add_argument(
        "--harness", default="", metavar="NAME[,NAME]", help="also what `make NAME` prints"
    )
    made.add_argument("--as-before", action="store_true", help="this is code of before the renames")
    made.add_argument(
        "--renames", type=Path, default=RENAMES, metavar="FILE", help="(default: renames.toml)"
    )
    held = commands.add_parser("compare", help="hold two records against each other")
    held.add_argument("before", type=Path)
    held.add_argument("after", type=Path)
    held.add_argument(
        "--renames", type=Path, default=RENAMES, metavar="FILE", help="(default: renames.toml)"
    )
    held.add_argument(
        "--lines",
        type=int,
        default=20,
        metavar="N",
        help="of each difference (default %(default)s)",
    )
    options = parser.parse_args()
    try:
        if options.command == "record":
            renames = read_renames(None if options.as_before else options.renames)
            record(
                options.out.absolute(),
                options.shared,
                renames,
                [*filter(None, options.harness.split(","))],
            )
            return 0
        before, after = read_record(options.before), read_record(options.after)
        found = compare(before, after, read_renames(options.renames))
    except (OSError, RecordError, RenamesError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    print(to_report(found, options.lines))
    return 1 if found.differing else 0


if __name__ == "__main__":
    sys.exit(main())
