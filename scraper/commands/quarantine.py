"""scrapy quarantine: lists quarantined pages, accepts them after review, or drops them."""

from __future__ import annotations

import argparse
from collections import Counter

from scrapy.exceptions import UsageError

from archive.database.quarantined_pages import Quarantine, QuarantinedPage
from archive.database.sqlite_files import check_database
from archive.store.releases import Archive, SaveResult
from archive.times import now
from scraper.crawl.round_locks import lock_agencies
from scraper.errors import AgencyError
from scraper.ingest import (
    CrawlRecorder,
    Ingest,
    accept_quarantined,
    describe_reasons,
    resolve_superseded,
)
from scraper.project_command import ProjectCommand, option
from scraper.revisit_schedule import parse_schedule


class Command(ProjectCommand):
    """List quarantined pages, accept them after review, or drop them.

    --accept parses the pages with the current rules and stores them as ordinary releases and edits.
    Fields that these pages lack are no longer expected of the agency, until nine in ten of at least
    twenty later releases contain them again. scrapy diagnose shows why pages were quarantined. Exit
    code 0: done; 1: some pages stay in quarantine because they cannot be read or because their
    agency is being crawled; 2: wrong arguments.
    """

    usage = "[SLUG …] [--id N[,N]] [--accept | --drop]"
    takes_arguments = True

    options = (
        option("--accept", action="store_true", help="store pages as ordinary releases and edits"),
        option("--drop", action="store_true", help="never store these pages; their rows are kept"),
        option(
            "--id",
            default="",
            metavar="N[,N]",
            help="only the pages with these numbers; without it, all",
        ),
    )

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        if opts.accept and opts.drop:
            raise UsageError("use --accept or --drop, not both")
        is_decision = opts.accept or opts.drop
        if is_decision and not args:
            raise UsageError("name the agencies whose pages to accept or drop")
        ids = parse_ids(opts.id)
        check_database(self.archive_path)
        with Archive(self.archive_path) as archive:
            if is_decision:
                return self.decide_pages(archive, args, ids, drop=opts.drop)
            stored_slugs = {slug for (slug,) in archive.db.execute("select slug from agencies")}
            if unknown := [slug for slug in args if slug not in stored_slugs]:
                self.select_agencies(unknown)
            print_quarantine(archive, args, ids)
            return 0

    def decide_pages(self, archive: Archive, slugs: list[str], ids: set[int], *, drop: bool) -> int:
        """Accept or drop agencies' undecided pages, print the counts and return the exit code.

        An agency that is being crawled is left out.
        """
        agencies = self.select_agencies(slugs)
        recorder = CrawlRecorder(archive, parse_schedule(self.settings["REVISIT_AGES"]))
        ingest, counts = Ingest(archive, recorder, agencies), Counter[str]()
        lock, locked = lock_agencies(archive.path, agencies)
        with lock:
            for slug in locked:
                for page in select_pages(
                    resolve_superseded(ingest, ingest.quarantine.list_pending(slug)), ids
                ):
                    if drop:
                        with archive.transaction():  # the row and the bytes are kept
                            ingest.quarantine.decide(page.id, "dropped", now())
                        counts["dropped"] += 1
                    else:
                        result = accept_quarantined(ingest, page, "accepted")
                        counts[
                            "still quarantined"
                            if result is SaveResult.QUARANTINED
                            else result.value
                        ] += 1
        recorder.close()
        print(
            ", ".join(f"{number} {name}" for name, number in counts.items())
            or "nothing is quarantined"
        )
        return 1 if counts["still quarantined"] or locked != set(agencies) else 0


def parse_ids(text: str) -> set[int]:
    """Parse ids separated by commas. Raises AgencyError if one of them is not a number."""
    try:
        return {int(part) for part in text.split(",") if part.strip()}
    except ValueError as error:
        raise AgencyError(
            "arguments", None, "id", f"{text!r} is not a list of numbers separated by commas"
        ) from error


def print_quarantine(archive: Archive, slugs: list[str], ids: set[int]) -> None:
    """Print agencies' undecided pages, each with its id, fetch time, title, URL and reasons."""
    quarantine = Quarantine(archive.db)
    for slug in slugs or quarantine.list_agencies():
        pages = select_pages(quarantine.list_pending(slug), ids)
        print(f"{slug}: {len(pages)} quarantined")
        for page in pages:
            print(f"  {page.id:>6}  {page.seen_at[:16]}  {page.state['title']}")
            print(f"{'':8}{page.url}")
            print(f"{'':8}{describe_reasons(page.reasons)}")


def select_pages(pages: list[QuarantinedPage], ids: set[int]) -> list[QuarantinedPage]:
    return [page for page in pages if not ids or page.id in ids]
