"""python -m archive snapshot: the command line."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from archive.backup import to_keep
from archive.snapshots.making import count_releases, make, sizes
from archive.times import now


def add_snapshot_options(parser: argparse.ArgumentParser) -> None:
    """What it needs to know."""
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="made where it is not there yet")
    parser.add_argument(
        "--keep",
        type=to_keep,
        default=3,
        metavar="N",
        help="snapshots to keep; older ones are deleted (default %(default)s)",
    )
    parser.add_argument(
        "--withdraw", action="store_true", help="no replica may show an earlier one any more, as after a takedown"
    )


def run_snapshot(options: argparse.Namespace) -> int:
    """A line on what was published."""
    begun = time.monotonic()
    made = make(options.file, options.to, keep=options.keep, moment=now(), withdraw=options.withdraw)
    took = time.monotonic() - begun
    sys.stdout.write(f"{made.path}: {count_releases(made)} releases, {sizes(made)}, {took:.1f} s\n")
    if options.withdraw:
        sys.stdout.write("those before it are withdrawn; the next snapshot deletes their files\n")
    return 0
