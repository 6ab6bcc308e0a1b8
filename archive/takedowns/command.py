"""python -m archive takedown hide|redact|lift|list: the desk on the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from archive.errors import ArchiveError
from archive.joint.publishers import others
from archive.store import Archive
from archive.takedowns.desk import find_others, hide, lift, redact_passage
from archive.times import now

LINES = "select id, kind, release, at, coalesce('lifted ' || lifted, 'in force'), reason from takedowns order by id"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The actions and what each needs."""
    actions = parser.add_subparsers(dest="action", required=True)
    for action, told in (
        ("hide", "show nothing of a release any more"),
        ("redact", "show a mark in place of a passage, in every version; the passage is read from standard input"),
        ("lift", "show again what a takedown covers"),
        ("list", "print the log"),
    ):
        made = actions.add_parser(action, help=told, description=told)
        if action in ("hide", "redact"):
            made.add_argument("release", type=int, help="the number in the address of its page")
        if action == "lift":
            made.add_argument("takedown", type=int, help="its number in the log")
        if action != "list":
            made.add_argument("--reason", required=True, help="in Swedish; it is public")
        if action in ("hide", "redact"):
            made.add_argument("--reason-en", help="the same in English")
        made.add_argument("--archive", type=Path, default=Path("archive.db"), help="(default %(default)s)")


def run_takedown(options: argparse.Namespace) -> int:
    """One action; ArchiveError where it cannot be done, and then nothing is changed."""
    if not options.archive.is_file():
        raise ArchiveError(options.archive, "no such file")
    with Archive(options.archive) as archive:
        if options.action == "list":
            for line in archive.db.execute(LINES):
                sys.stdout.write("\t".join(map(str, line)) + "\n")
        elif options.action == "lift":
            shown = ", ".join(map(str, lift(archive, options.takedown, now(), options.reason)))
            sys.stdout.write(
                f"takedown {options.takedown} is lifted: shown again, as far as no other covers it: {shown}\n"
            )
        else:
            take_down(archive, options)
    return 0


def take_down(archive: Archive, options: argparse.Namespace) -> None:
    """Hide or redact, and name what says the same elsewhere: it is not covered."""
    reasons = {"reason": options.reason, "reason_en": options.reason_en}
    if options.action == "hide":
        copies = [other.id for other in others(archive.db.conn, options.release)]
        key = hide(archive, options.release, now(), **reasons)
        sys.stdout.write(f"takedown {key}: release {options.release} is hidden\n")
    else:
        passage = sys.stdin.read().strip()  # an argument would stand in the shell's history
        key = redact_passage(archive, options.release, passage, now(), **reasons)
        copies = find_others(archive, options.release, passage)
        sys.stdout.write(f"takedown {key}: release {options.release} is redacted\n")
        sys.stdout.write(
            "who guesses the passage can check the guess against the hash: hide what must not be guessed\n"
        )
    if copies:
        sys.stdout.write(f"the same stands in releases {', '.join(map(str, copies))}: they are not covered\n")
    sys.stdout.write("withheld.db beside the archive holds what was taken down; back-ups made before do so too\n")
    sys.stdout.write("snapshots show it until: python -m archive snapshot … --withdraw (archive/SERVING.md)\n")
