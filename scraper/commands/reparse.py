"""scrapy reparse: parses stored releases again from their captures, with the current rules.

A difference is stored as a revision with the cause 'parser', which is never reported as an edit of the agency.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from scrapy.settings import Settings

from archive.captures import Captures
from archive.database import ArchiveError
from archive.dates import now
from archive.store import Archive, SaveResult
from scraper.agency import Agency
from scraper.command import OptionsCommand, add_agency_option, load_selected_agencies
from scraper.extensions.limits import raise_gc_threshold
from scraper.ingest import CrawlRecorder, Ingest, accept_repaired
from scraper.locks import lock_agencies, warn_about_unlisted
from scraper.redesign import PageVersion, read_stored_body, reparse_stored
from scraper.schedule import RevisitSchedule, parse_schedule


class Command(OptionsCommand):
    """Exit code 0: every capture was parsed; 1: some could not be; 2: wrongly configured."""

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

    def execute(self, settings: Settings, opts: argparse.Namespace) -> int:
        agencies, schedule = load_selected_agencies(settings, opts), parse_schedule(settings["REVISIT_AGES"])
        counts, repaired = reparse_archive(
            Path(settings["ARCHIVE"]), agencies, schedule, all_agencies=not opts.agency.strip(", ")
        )
        if repaired:
            left = repaired.pop(SaveResult.QUARANTINED, 0)
            sys.stdout.write(f"of what was quarantined, {repaired.total()} accepted, {left} still quarantined\n")
        names = ("unchanged", "reparsed", "unreadable", "without capture")
        sys.stdout.write(f"{', '.join(f'{counts[name]} {name}' for name in names)}\n")
        return 1 if counts["unreadable"] else 0


def reparse_archive(
    archive_path: Path, agencies: dict[str, Agency], schedule: RevisitSchedule, *, all_agencies: bool
) -> tuple[Counter[str], Counter[SaveResult]]:
    """Reparse the releases and the quarantined pages of some agencies; agencies that are being crawled are left out.

    Returns the counts of the releases, by `reparse_release`, and of the quarantined pages. Raises ArchiveError if there
    is no archive.
    """
    if not archive_path.is_file():
        raise ArchiveError(archive_path, "no such file")
    with Archive(archive_path) as archive:
        raise_gc_threshold()
        if all_agencies:
            warn_about_unlisted(archive, agencies)
        lock, locked = lock_agencies(archive_path, agencies)
        with lock:
            recorder = CrawlRecorder(archive, schedule)
            counts = reparse_agencies(
                archive, recorder.captures, {slug: agency for slug, agency in agencies.items() if slug in locked}
            )
            ingest, repaired = Ingest(archive, recorder, agencies), Counter[SaveResult]()
            for slug in ingest.quarantine.list_agencies():
                if slug in locked:
                    repaired += accept_repaired(ingest, slug)
            recorder.close()
            return counts, repaired


def reparse_agencies(archive: Archive, captures: Captures, agencies: dict[str, Agency]) -> Counter[str]:
    """Reparse every stored release of some agencies, each in a transaction of its own, and count the results."""
    counts: Counter[str] = Counter()
    for slug, agency in agencies.items():
        for url in find_release_urls(archive, slug):
            counts[reparse_release(archive, captures, url, agency)] += 1
    return counts


def reparse_release(archive: Archive, captures: Captures, url: str, agency: Agency) -> str:
    """Reparse a release; return "unchanged", "reparsed", "unreadable" or "without capture"."""
    stored = archive.get(url)
    if stored is None or stored.sha256 is None:
        return "without capture"
    version = PageVersion(url, partial(read_stored_body, captures, stored.sha256))
    release, parser_version = reparse_stored(stored, version, url, agency)
    if release is None:
        return "unreadable"
    if not archive.is_new_or_changed(release):
        return "unchanged"
    archive.save(release, seen_at=now(), cause="parser", capture_id=stored.capture_id, parser_version=parser_version)
    return "reparsed"


def find_release_urls(archive: Archive, agency: str) -> Iterator[str]:
    """Yield the URLs of an agency's releases, read at once because releases are written meanwhile."""
    yield from [url for (url,) in archive.db.execute("select url from releases where agency = ? order by id", [agency])]
