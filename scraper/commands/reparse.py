"""scrapy reparse: reads what is held anew from the bytes it came in, by today's rules. No edit is told by it."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from scrapy.settings import Settings

from archive.captures import Captures
from archive.database import ArchiveError
from archive.dates import now
from archive.store import Archive, Outcome
from scraper.agency import Agency
from scraper.command import OptionsCommand, add_agency_option, find_chosen
from scraper.extensions.limits import look_seldom
from scraper.ingest import Keeping, Schedule, Witness, parse_schedule, read_mended
from scraper.locks import lock_agencies, tell_left_out
from scraper.redesign import reread


class Command(OptionsCommand):
    """Exit code 0: all was read, 1: some captures could not be, 2: wrongly configured."""

    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    def short_desc(self) -> str:
        return "Read what is held anew from its captures, by today's rules"

    def long_desc(self) -> str:
        return (
            "Re-extract every release from the capture it is held from. What differs becomes a state with cause"
            " 'parser': kept, shown apart, never announced as an edit."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        add_agency_option(parser)

    def do(self, settings: Settings, opts: argparse.Namespace) -> int:
        agencies, schedule = find_chosen(settings, opts), parse_schedule(settings["REVISIT_AGES"])
        counts, mended = reparse_file(Path(settings["ARCHIVE"]), agencies, schedule, every=not opts.agency.strip(", "))
        if mended:
            left = mended.pop(Outcome.HELD_BACK, 0)
            sys.stdout.write(f"of what was held back, {mended.total()} taken in, {left} still held back\n")
        told = ", ".join(f"{counts[name]} {name}" for name in ("unchanged", "reread", "unreadable", "without capture"))
        sys.stdout.write(f"{told}\n")
        return 1 if counts["unreadable"] else 0


def reparse_file(
    path: Path, agencies: dict[str, Agency], schedule: Schedule, *, every: bool
) -> tuple[Counter[str], Counter[Outcome]]:
    """Read what an archive holds anew, but for agencies that are being crawled; ArchiveError where there is none.

    Gives what came of what is held, and of what was held back.
    """
    if not path.is_file():
        raise ArchiveError(path, "no such file")
    with Archive(path) as archive:
        look_seldom()
        if every:
            tell_left_out(archive, agencies)
        lock, ours = lock_agencies(path, agencies)
        with lock:
            witness = Witness(archive, schedule)
            counts = reparse(archive, witness.captures, {slug: agencies[slug] for slug in agencies if slug in ours})
            keeping, mended = Keeping(archive, witness, agencies), Counter[Outcome]()
            for slug in keeping.aside.agencies():
                if slug in ours:
                    mended += read_mended(keeping, slug)
            witness.close()
            return counts, mended


def reparse(archive: Archive, captures: Captures, agencies: dict[str, Agency]) -> Counter[str]:
    """Read every held release of some agencies anew; each that differs is kept in a transaction of its own."""
    counts: Counter[str] = Counter()
    for slug, agency in agencies.items():
        for url in find_held(archive, slug):
            counts[reparse_one(archive, captures, url, agency)] += 1
    return counts


def reparse_one(archive: Archive, captures: Captures, url: str, agency: Agency) -> str:
    """One release: unchanged, reread, unreadable by today's rules, or held without the bytes it came in."""
    held = archive.held(url)
    if held is None or held.sha256 is None:
        return "without capture"
    release, reader = reread(held, captures, url, agency)
    if release is None:
        return "unreadable"
    if not archive.differs(release):
        return "unchanged"
    archive.save(release, seen=now(), cause="parser", capture=held.capture, reader=reader)
    return "reread"


def find_held(archive: Archive, agency: str) -> Iterator[str]:
    """The addresses of an agency's releases, as they stood at the start of the call."""
    yield from [url for (url,) in archive.db.execute("select url from releases where agency = ? order by id", [agency])]
