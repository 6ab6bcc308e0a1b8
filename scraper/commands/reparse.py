"""scrapy reparse: parses stored releases again from their captures, with the current rules."""

from __future__ import annotations

import argparse
import logging
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from archive.database.captures import Captures
from archive.database.models import FILE_PARSER
from archive.database.refused_pages import DEFAULT_RETENTION, Retention
from archive.database.sqlite_files import check_database, relieve_garbage_collector
from archive.store.releases import Archive, SaveResult, is_new_or_changed, prepare_release
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
from scraper.project_command import ProjectCommand
from scraper.revisit_schedule import RevisitSchedule, parse_schedule

logger = logging.getLogger(__name__)


class Command(ProjectCommand):
    """Parse stored releases, quarantined and refused pages again from their bytes, with the current
    rules.

    A page that was refused (archive/database/refused_pages.py) and can be read now is stored with
    the time it was fetched, as a crawl would have stored it then. A difference in a stored release
    is stored as a revision with the cause 'parser', which is never reported as an edit of the
    agency. Where the current rules read a text that other readings of the page disagree with, the
    stored one is kept. Exit code 0: every capture was parsed; 1: some could not be parsed, or are
    doubtful; 2: wrong configuration.
    """

    takes_agency_option = True

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        agencies, schedule = (
            self.select_agencies(opts.agency),
            parse_schedule(self.settings["REVISIT_AGES"]),
        )
        counts, repaired, taken_in = reparse_archive(
            self.archive_path,
            agencies,
            schedule,
            retention=read_retention(self.settings),
            all_agencies=not opts.agency.strip(", "),
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
) -> tuple[Counter[str], Counter[SaveResult], Counter[str]]:
    """Reparse the releases, the quarantined and the refused pages of agencies, except agencies
    being crawled.

    Returns counts of releases by result of `reparse_release`, of quarantined pages by SaveResult,
    and of refused pages by result of `take_in_refused`. Raises ArchiveError if there is no archive.
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
            for slug in filter(locked.__contains__, agencies):
                # before the stored ones, whose new versions get the time of today
                taken_in += take_in_refused(ingest, slug)
                # Read all rows first, because releases are written during the loop.
                urls = archive.db.execute(
                    "select url from releases where agency = ? order by id", [slug]
                ).fetchall()
                for (url,) in urls:
                    counts[reparse_release(archive, recorder.captures, url, agencies[slug])] += 1
            for slug in filter(locked.__contains__, ingest.quarantine.list_agencies()):
                repaired += accept_repaired(ingest, slug)
            recorder.close()
    return counts, repaired, taken_in


def reparse_release(archive: Archive, captures: Captures, url: str, agency: Agency) -> str:
    """Reparse a release; return "unchanged", "reparsed", "doubtful", "unreadable" or "without
    capture".
    """
    stored = archive.get(url)
    if stored is None or stored.sha256 is None:
        return "without capture"
    if stored.parser_version == FILE_PARSER:
        return "unchanged"
    version = PageVersion(url, partial(read_stored_body, captures, stored.sha256))
    release, item = reparse_stored(stored, version, url, agency)
    if release is None or item is None:
        return "unreadable"
    if not is_new_or_changed(prepare_release(release, with_features=False), stored):
        return "unchanged"
    if item.doubt:
        logger.warning(
            "%s: the stored text is kept: the body that today's rules read %s", url, item.doubt
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
