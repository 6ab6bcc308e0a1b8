"""python -m archive takedown hide|redact|lift|list: the desk on the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from archive.errors import ArchiveError
from archive.joint.publishers import others
from archive.store import Archive
from archive.takedowns.desk import find_others, hide, lift, redact_passage
from archive.takedowns.rules import KINDS
from archive.times import now

LINES = "select id, kind, release, at, coalesce('lifted ' || lifted, 'in force'), reason from takedowns order by id"


def add_takedown_options(parser: argparse.ArgumentParser) -> None:
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
            made.add_argument("--reason", required=True, type=to_reason, help="in Swedish; it is public")
        if action in ("hide", "redact"):
            made.add_argument("--reason-en", type=to_reason, help="the same in English")
        made.add_argument("--archive", type=Path, default=Path("archive.db"), help="(default %(default)s)")


def to_reason(text: str) -> str:
    """A reason that says something: the public log shows it."""
    if not text.strip():
        raise argparse.ArgumentTypeError("must not be empty: the public log shows it")
    return text.strip()


def run_takedown(options: argparse.Namespace) -> int:
    """One action; ArchiveError where it cannot be done, and then nothing is changed."""
    if not options.archive.is_file():
        raise ArchiveError(options.archive, "no such file")
    with Archive(options.archive) as archive:
        if options.action == "list":
            for line in archive.db.execute(LINES):
                sys.stdout.write("\t".join(map(str, line)) + "\n")
        elif options.action == "lift":
            releases = lift(archive, options.takedown, now(), options.reason)
            sys.stdout.write(f"takedown {options.takedown} is lifted\n")
            for release in releases:
                standing = tell_standing(archive, release)
                sys.stdout.write(f"release {release} {f'stays {standing}' if standing else 'is shown again'}\n")
        else:
            take_down(archive, options)
    return 0


def tell_standing(archive: Archive, release: int) -> str | None:
    """What the takedowns in force make of a release, in words, with their numbers; None where there are none."""
    rules = archive.rules.in_force(release)
    numbers = ", ".join(str(key) for key, _ in rules)
    return f"{KINDS[rules[0][1]]} (takedown {numbers})" if rules else None


def take_down(archive: Archive, options: argparse.Namespace) -> None:
    """Hide or redact, and name what covers it already, and what says the same elsewhere: that is not covered."""
    reasons = {"reason": options.reason, "reason_en": options.reason_en}
    standing = tell_standing(archive, options.release)
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
    if standing:
        sys.stdout.write(f"it was {standing} before: it is shown as it stood only once each of them is lifted\n")
    if copies:
        sys.stdout.write(f"the same stands in releases {', '.join(map(str, copies))}: they are not covered\n")
    sys.stdout.write("withheld.db beside the archive holds what was taken down; back-ups made before do so too\n")
    sys.stdout.write("snapshots show it until: python -m archive snapshot … --withdraw (archive/SERVING.md)\n")
