"""python -m archive import FILE.jsonl[.gz] --agency SLUG: takes over another collection, and says what came of it."""

from __future__ import annotations

import argparse
import difflib
import signal
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from archive.captures import Captures
from archive.errors import ArchiveError
from archive.evidence.manifest import write_manifest
from archive.importing import Import, ImportProgress, import_file
from archive.processes import MOST, count_processes
from archive.store import Archive
from archive.times import now

AGENCIES = Path(__file__).parents[2] / "scraper" / "agencies.toml"  # data, read for names alone
STOPPED = 130  # as shells say of Ctrl-C
LARGE = 1_000_000  # bytes of a file, packed or not
FILLED = "select exists (select 1 from releases) or exists (select 1 from crawls) or exists (select 1 from frontier)"
FACTS = ("name", "name_en", "org_number", "home")


def add_import_options(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("file", type=Path, metavar="FILE.jsonl[.gz]", help="archive/importing/FORMAT.md tells its form")
    parser.add_argument("--agency", required=True, metavar="SLUG", help="whose releases these are")
    parser.add_argument("--archive", type=Path, default=Path("archive.db"), help="(default %(default)s)")
    parser.add_argument(
        "--agencies",
        type=Path,
        default=AGENCIES,
        metavar="FILE.toml",
        help="names an agency not held yet (%(default)s)",
    )
    parser.add_argument(
        "--processes",
        type=to_number,
        metavar="N",
        help="that read lines beside the one that writes; 0: none (one a core for a large file, else none)",
    )


def to_number(text: str) -> int:
    """A number of processes."""
    if not text.isdecimal() or int(text) > MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to {MOST}")
    return int(text)


def import_command(options: argparse.Namespace, watch: ImportProgress | None = None) -> int:
    """0 where every line is held now, 1 where some could not be read, 130 where it was stopped before the end.

    The errors stand a line each. That a new archive is made is told before a line is read.
    """
    if not options.file.is_file():
        raise ArchiveError(options.file, "no such file")
    new = not options.archive.exists()
    with opened(options.archive) as archive:
        hold_agency(archive, options.agency, options.agencies)
        if new:
            sys.stderr.write(f"{options.archive}: no archive is there yet: a new one is made\n")
        processes = options.processes
        if processes is None:  # a small file is read before another process has begun
            processes = count_processes() if options.file.stat().st_size >= LARGE else 0
        with stoppable() as stopped:
            done = import_file(
                archive, options.file, options.agency, now(), watch, processes=processes, stop=stopped.is_set
            )
        with closing(Captures(archive.path.with_name("captures.db"))) as captures:
            write_manifest(archive.db.conn, captures, now().date())
    for line in told(options.file, done):
        sys.stdout.write(f"{line}\n")
    if not options.archive.exists():
        sys.stderr.write(f"{options.archive}: nothing was taken over, and no archive is left there\n")
    if done.stopped:
        sys.stderr.write(f"{options.file}: stopped; what was taken over so far is kept, a second run does the rest\n")
        return STOPPED
    return 1 if done.errors else 0


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """An archive; of one that is made here and into which nothing came nothing is left."""
    files = [] if path.exists() else [each for each in (path, Captures.beside(path)) if not each.exists()]
    filled = True
    try:
        with Archive(path) as archive:
            try:
                yield archive
            finally:
                (filled,) = archive.db.execute(FILLED).fetchone()
    finally:
        for file in files if not filled else ():
            for ending in ("", "-wal", "-shm"):
                file.with_name(f"{file.name}{ending}").unlink(missing_ok=True)


@contextmanager
def stoppable() -> Iterator[threading.Event]:
    """Inside it Ctrl-C and SIGTERM end nothing at once: they are told, for the transaction to be ended first."""
    told = threading.Event()
    before = {number: signal.signal(number, lambda *_: told.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def hold_agency(archive: Archive, slug: str, agencies: Path) -> None:
    """Hold an agency that the list names; one that is held stays as it is. ArchiveError where it is unknown."""
    held = {row[0] for row in archive.db.execute("select slug from agencies")}
    if slug in held:
        return
    listed = read_agencies(agencies)
    facts = listed.get(slug)
    if not isinstance(facts, dict) or not {"name", "home"} <= facts.keys():
        near = difflib.get_close_matches(slug, held | listed.keys(), n=3)
        hint = f"; perhaps {', '.join(near)}" if near else ""
        raise ArchiveError(
            archive.path, f"is not held, and {agencies} does not name it{hint}", table="agencies", key=slug
        )
    archive.add_agency(slug, **{name: facts[name] for name in FACTS if name in facts})


def read_agencies(path: Path) -> dict[str, Any]:
    """A list of agencies: a table each, with name and home. None where there is no such file."""
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ArchiveError(path, f"is not TOML: {error}") from error


def told(file: Path, done: Import) -> Iterator[str]:
    """Every error, then what came of the lines; nothing is left out in silence."""
    yield from map(str, done.errors)
    yield (
        f"{file}: {done.lines} lines: {done.new} new, {done.revised} revised, {done.unchanged} unchanged,"
        f" {done.standing} standing, {len(done.errors)} errors"
    )
    if done.standing:
        yield f"standing: {done.standing} were read from the agency's own page, otherwise than here, and stay so"
    if done.withheld:
        yield f"withheld: {done.withheld} are hidden or redacted where they come from, and left out"
    if done.covered:
        held = ", ".join(map(str, done.covered))
        yield f"withheld there, and held here: releases {held}; /-/takedowns of that archive tells why"
    if done.textless:
        yield f"without a text: {done.textless} have a title and no body"
    for name, number in sorted(done.left.items()):
        yield f"field {name}: in {number} lines, left out: the archive has no place for it"
