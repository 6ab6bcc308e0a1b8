"""scrapy reparse: parses stored releases again from their captures, with the current rules."""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from multiprocessing import parent_process
from pathlib import Path
from typing import NamedTuple

from archive.database.captures import Captures
from archive.database.models import FILE_PARSER, Release
from archive.database.refused_pages import DEFAULT_RETENTION, Retention
from archive.database.sqlite_files import (
    CONTINUES,
    ProgressCallback,
    check_database,
    choose_process_count,
    map_in_order,
    relieve_garbage_collector,
    show_progress,
)
from archive.store.releases import (
    Archive,
    SaveResult,
    StoredRelease,
    is_new_or_changed,
    prepare_release,
)
from archive.times import now
from scraper.agency import Agency
from scraper.crawl.round_locks import lock_agencies, warn_about_unlisted
from scraper.ingest import (
    CrawlRecorder,
    Ingest,
    PageVersion,
    accept_repaired,
    read_retention,
    read_stored_body,
    reparse_stored,
    take_in_refused,
)
from scraper.items import ReleaseItem
from scraper.pages import adapt_agency
from scraper.pages.page_classes import compute_parser_version
from scraper.project_command import ProjectCommand, option
from scraper.revisit_schedule import RevisitSchedule, parse_schedule

URLS_SQL = "select url from releases where agency = ? order by id"
BYTES_PER_RELEASE = 3_000  # of its page, compressed

logger = logging.getLogger(__name__)


class _StoredPage(NamedTuple):
    """A stored page to be parsed. `body` is None if the page's bytes are missing or damaged."""

    stored: StoredRelease
    agency: Agency
    body: bytes | None


class Command(ProjectCommand):
    """Parse stored releases, quarantined pages and refused pages again with the current rules.

    Only stored bytes are parsed. A page that was refused (archive/database/refused_pages.py) and
    can be read now is stored with the time at which it was fetched, as a crawl would have stored it
    then. If a stored release differs from the result, the result is stored as a version with the
    cause 'parser', which is never reported as an edit by the agency. If the current rules find a
    text with which other readings of the page disagree, the stored text is kept. To continue an
    interrupted run, run the same command again. Captures that were already parsed with the current
    rules are not read again (`python -m archive verify` finds damaged captures). Exit code 0: all
    other captures were parsed; 1: some captures could not be parsed, or the results are doubtful;
    2: the configuration is wrong.
    """

    takes_agency_option = True
    options = (
        option(
            "--processes",
            type=int,
            metavar="N",
            help="processes that parse, besides the writing one (default: one per core for many"
            " releases, else 0)",
        ),
    )

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        agencies, schedule = (
            self.select_agencies(opts.agency),
            parse_schedule(self.settings["REVISIT_AGES"]),
        )
        with show_progress(if_stopped=CONTINUES) as progress:
            counts, repaired, taken_in = reparse_archive(
                self.archive_path,
                agencies,
                schedule,
                retention=read_retention(self.settings),
                all_agencies=not opts.agency.strip(", "),
                processes=opts.processes,
                progress=progress,
            )
        if taken_in:
            left = taken_in.pop("still refused", 0)
            print(f"refused pages: {taken_in.total()} taken in, {left} still refused")
        if repaired:
            left = repaired.pop(SaveResult.QUARANTINED, 0)
            print(f"quarantined pages: {repaired.total()} accepted, {left} still quarantined")
        names = ("unchanged", "reparsed", "doubtful", "unreadable", "without capture")
        print(", ".join(f"{counts[name]} {name}" for name in names))
        return 1 if counts["unreadable"] or counts["doubtful"] else 0


def reparse_archive(
    archive_path: Path,
    agencies: Mapping[str, Agency],
    schedule: RevisitSchedule,
    *,
    all_agencies: bool,
    retention: Retention = DEFAULT_RETENTION,
    processes: int | None = None,
    progress: ProgressCallback = lambda *_: None,
) -> tuple[Counter[str], Counter[SaveResult], Counter[str]]:
    """Reparse the releases, quarantined pages and refused pages of agencies.

    Agencies that another process is crawling are left out.

    Returns three counts: of releases by the result that `reparse_releases` reports, of quarantined
    pages by SaveResult, and of refused pages by the result of `take_in_refused`. Raises
    ArchiveError if there is no archive.

    all_agencies: whether `agencies` contains all listed agencies. If so, stored agencies that are
        missing from `agencies` are logged.
    processes: the number of processes that parse pages. If it is None, the number of releases
        decides it: many releases are parsed by one process per core.
    """
    check_database(archive_path)
    counts, repaired, taken_in = Counter[str](), Counter[SaveResult](), Counter[str]()
    with Archive(archive_path) as archive:
        relieve_garbage_collector()
        if all_agencies:
            warn_about_unlisted(archive, agencies)
        lock, locked = lock_agencies(archive_path, agencies)
        with lock:
            recorder = CrawlRecorder(archive, schedule, retention=retention)
            ingest = Ingest(archive, recorder, agencies)
            slugs = [slug for slug in agencies if slug in locked]
            for slug in slugs:
                # before the stored ones, whose new versions get the time of today
                taken_in += take_in_refused(ingest, slug)
            # Read all rows first, because releases are written during the loop.
            releases = [
                (url, agencies[slug])
                for slug in slugs
                for (url,) in archive.db.execute(URLS_SQL, [slug]).fetchall()
            ]
            if processes is None:
                processes = choose_process_count(len(releases) * BYTES_PER_RELEASE)

            def count(result: str) -> None:
                counts[result] += 1
                progress("releases", counts.total(), len(releases))

            reparse_releases(archive, recorder.captures, releases, count, processes=processes)
            for slug in filter(locked.__contains__, ingest.quarantine.list_agencies()):
                repaired += accept_repaired(ingest, slug)
            recorder.close()
    return counts, repaired, taken_in


def reparse_releases(
    archive: Archive,
    captures: Captures,
    releases: Iterable[tuple[str, Agency]],
    count: Callable[[str], None],
    *,
    processes: int = 0,
) -> None:
    """Reparse releases, given as URLs with their agencies.

    `count` is called with the result for each release: "unchanged", "reparsed", "doubtful",
    "unreadable" or "without capture".

    A release with an unchanged text is marked with the version of the current rules. Releases with
    this mark are not parsed again, so an interrupted run continues where it stopped.
    """
    pages = _iter_pages(archive, captures, releases, count)
    for page, reading in map_in_order(
        pages, _read_page, to_payload=lambda page: page, processes=processes
    ):
        if reading is not None:
            count(_store_reading(archive, page.stored, *reading))
        else:
            count("unreadable")
            if processes:
                _read_page(page)  # again, to log why


def _iter_pages(
    archive: Archive,
    captures: Captures,
    releases: Iterable[tuple[str, Agency]],
    count: Callable[[str], None],
) -> Iterator[_StoredPage]:
    """Yield the pages to parse.

    For each release that needs no parsing, call `count` with the result.
    """
    for url, agency in releases:
        stored = archive.get(url)
        if stored is None or stored.sha256 is None or stored.cause == "import":
            count("without capture")
        elif _is_read_by_current_rules(stored, agency):
            count("unchanged")
        else:
            yield _StoredPage(stored, agency, read_stored_body(captures, stored.sha256))


def _is_read_by_current_rules(stored: StoredRelease, agency: Agency) -> bool:
    current = compute_parser_version(adapt_agency(agency, stored.url))
    read_by = stored.parser_version or ""
    return read_by == FILE_PARSER or read_by.endswith(f" {current}")


def _read_page(page: _StoredPage) -> tuple[Release, ReleaseItem] | None:
    """Parse a stored page. If that fails, log why and return None."""
    if parent_process():
        logging.disable()  # the parent logs
    url = page.stored.url
    version = PageVersion(url, lambda: page.body)
    release, item = reparse_stored(page.stored, version, url, page.agency)
    return (release, item) if release and item else None


def _store_reading(
    archive: Archive, stored: StoredRelease, release: Release, item: ReleaseItem
) -> str:
    if not is_new_or_changed(prepare_release(release, with_features=False), stored):
        row = {"parser_version": item.parser_version}
        archive.writer.update("revisions", stored.revision_id, row)
        return "unchanged"
    if item.doubt:
        logger.warning(
            "%s: the stored text is kept: the body that today's rules read %s",
            stored.url,
            item.doubt,
        )
        return "doubtful"
    archive.save(
        release,
        seen_at=now(),
        cause="parser",
        capture_id=stored.capture_id,
        parser_version=item.parser_version,
    )
    return "reparsed"
