"""python -m archive slice "SQL or search" --to FOLDER: the command line, and what it says."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from archive.slices.citation import to_sentence
from archive.slices.files import FORMATS
from archive.slices.tables import OPTIONAL
from archive.slices.taking import DatasetProgress, take_slice

ASKED = "words as for the search page, an address of it, or a SELECT with a column release or id; none: all releases"


def add_dataset_options(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("asked", nargs="?", default="", metavar="SQL or search", help=ASKED)
    parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="must not be there yet")
    parser.add_argument("--archive", type=Path, default=Path("archive.db"), help="(default %(default)s)")
    how = parser.add_mutually_exclusive_group()
    for name in ("search", "sql"):
        how.add_argument(
            f"--{name}", dest="how", action="store_const", const=name, help=f"it is {name}, however it begins"
        )
    parser.add_argument("--only", choices=FORMATS, help="(default: both)")
    parser.add_argument(
        "--without",
        nargs="+",
        default=[],
        choices=OPTIONAL,
        metavar="TABLE",
        help=f"leave out any of {', '.join(OPTIONAL)}",
    )
    parser.add_argument("--site", metavar="URL", help="where the archive is public, for the citation")


def export_dataset(options: argparse.Namespace, watch: DatasetProgress) -> int:
    """0 and a few lines on the slice, 1 where nothing was found; ArchiveError where it cannot be taken."""
    one = take_slice(
        options.archive,
        options.asked,
        options.to,
        how=options.how,
        formats=(options.only,) if options.only else FORMATS,
        without=options.without,
        site=options.site and options.site.rstrip("/"),
        watch=watch,
    )
    for note in one.asked.notes:
        sys.stdout.write(f"note: {note}\n")
    if one.asked.hidden:
        sys.stdout.write(f"left out, for the archive hides them: {one.asked.hidden}\n")
    if not one.asked.found:
        sys.stdout.write(f"{options.archive}: nothing found; {options.to} is not made\n")
        return 1
    sys.stdout.write(f"{options.to}: {one.size}\n{to_sentence(one)}\n")
    return 0
