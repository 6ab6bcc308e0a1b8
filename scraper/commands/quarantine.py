"""scrapy quarantine: lists quarantined pages, accepts them after review, or drops them."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from archive.database import ArchiveError
from archive.quarantine import Quarantine, QuarantinedPage
from archive.store import Archive, SaveResult
from scraper.agency import load_agencies, select_agencies
from scraper.command import CONFIGURATION_ERRORS, ProjectCommand, find_agencies_file
from scraper.errors import AgencyError
from scraper.ingest import (
    CrawlRecorder,
    Ingest,
    accept_quarantined,
    drop_quarantined,
    resolve_superseded,
)
from scraper.locks import lock_agencies
from scraper.quarantine import describe_reasons
from scraper.schedule import parse_schedule


class Command(ProjectCommand):
    """The command.

    Exit code 0: done; 1: some pages stay in quarantine, because they cannot be read or because their agency is being
    crawled; 2: wrong use.
    """

    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    def syntax(self) -> str:
        return "[SLUG …] [--id N[,N]] [--accept | --drop]"

    def short_desc(self) -> str:
        return "List quarantined releases, accept them once looked at, or drop them"

    def long_desc(self) -> str:
        return (
            "List what is quarantined of some agencies, or of all if none is named. --accept reads it by today's"
            " rules and stores it as the releases and edits it is. What those lack (a lead, a date, most of a text, a"
            " title of their own) is not missed of the agency any more, until of twenty releases or more that are read"
            " after that nine in ten have it again. See scrapy diagnose for why it was quarantined."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--accept", action="store_true", help="store it as the releases and edits it is")
        parser.add_argument("--drop", action="store_true", help="leave it out for good; what was read stays on record")
        parser.add_argument("--id", default="", help="numbers of single ones, with commas; all where it is left out")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before run
        if opts.accept and opts.drop:
            raise UsageError("--accept or --drop, not both")
        if (opts.accept or opts.drop) and not args:
            raise UsageError("name the agencies to accept or drop pages of")
        try:
            ids = parse_ids(opts.id)
            with open_existing_archive(Path(self.settings["ARCHIVE"])) as archive:
                if opts.accept or opts.drop:
                    self.exitcode = decide_pages(archive, self.settings, args, ids, drop=opts.drop)
                else:
                    check_slugs(archive, self.settings, args)
                    print_quarantine(archive, args, ids)
        except CONFIGURATION_ERRORS as error:
            self.report_error(error)
            self.exitcode = 2


def parse_ids(text: str) -> set[int]:
    """Parse numbers separated by commas. Raises AgencyError if one is not a number."""
    try:
        return {int(part) for part in text.split(",") if part.strip()}
    except ValueError as error:
        raise AgencyError("arguments", None, "id", f"{text!r} are no numbers with commas") from error


def open_existing_archive(path: Path) -> Archive:
    """Open an archive. Raises ArchiveError if there is no such file."""
    if not path.is_file():
        raise ArchiveError(path, "no such file")
    return Archive(path)


def check_slugs(archive: Archive, settings: Settings, slugs: list[str]) -> None:
    """Raise AgencyError if an agency is neither in the archive nor in the list."""
    stored_slugs = {slug for (slug,) in archive.db.execute("select slug from agencies")}
    if unknown := [slug for slug in slugs if slug not in stored_slugs]:
        file = find_agencies_file(settings)
        select_agencies(load_agencies(file), unknown, file)


def print_quarantine(archive: Archive, slugs: list[str], ids: set[int]) -> None:
    """Print each undecided page: id, fetch time, title, URL, and why it was quarantined.

    slugs, ids: which agencies and pages; all if empty.
    """
    quarantine = Quarantine(archive.db)
    for slug in slugs or quarantine.list_agencies():
        pages = select_pages(quarantine.list_pending(slug), ids)
        print(f"{slug}: {len(pages)} quarantined")
        for page in pages:
            print(f"  {page.id:>6}  {page.seen_at[:16]}  {page.state['title']}")
            print(f"{'':8}{page.url}")
            print(f"{'':8}{describe_reasons(page.reasons)}")


def decide_pages(archive: Archive, settings: Settings, slugs: list[str], ids: set[int], *, drop: bool) -> int:
    """Accept or drop the undecided pages of some agencies, print the counts and return the exit code.

    An agency that is being crawled is left out.
    """
    file = find_agencies_file(settings)
    agencies = select_agencies(load_agencies(file), slugs, file)
    recorder = CrawlRecorder(archive, parse_schedule(settings["REVISIT_AGES"]))
    ingest, counts = Ingest(archive, recorder, agencies), Counter[str]()
    lock, locked = lock_agencies(archive.path, agencies)
    with lock:
        for slug in locked:
            for page in select_pages(resolve_superseded(ingest, ingest.quarantine.list_pending(slug)), ids):
                counts[describe_outcome(None if drop else accept_quarantined(ingest, page, "accepted"))] += 1
                if drop:
                    drop_quarantined(ingest, page)
    recorder.close()
    print(", ".join(f"{number} {name}" for name, number in counts.items()) or "nothing is quarantined")
    return 1 if counts[describe_outcome(SaveResult.QUARANTINED)] or locked != set(agencies) else 0


def select_pages(pages: list[QuarantinedPage], ids: set[int]) -> list[QuarantinedPage]:
    """Return the pages with these ids, or all pages if `ids` is empty."""
    return [page for page in pages if not ids or page.id in ids]


def describe_outcome(result: SaveResult | None) -> str:
    """Return the name under which a decided page is counted in the output. None: it was dropped."""
    if result is None:
        return "dropped"
    return "still quarantined" if result is SaveResult.QUARANTINED else result.value
