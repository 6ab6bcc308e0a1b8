"""scrapy takein: lists what is held back, takes it in once somebody has looked at it, or drops it."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError

from archive.database import ArchiveError
from archive.quarantine import Quarantine, QuarantinedPage
from archive.store import Archive, SaveResult
from scraper.agency import DEFAULT_AGENCIES_FILE, load_agencies, select_agencies
from scraper.errors import AgencyError
from scraper.ingest import (
    CrawlRecorder,
    Ingest,
    accept_quarantined,
    drop_quarantined,
    parse_schedule,
    resolve_superseded,
)
from scraper.locks import lock_agencies
from scraper.quarantine import describe_reasons


class Command(ScrapyCommand):
    """Exit code 0: done, 1: some stayed aside (their pages cannot be read, or a crawl is at work), 2: wrong use."""

    requires_project = True
    requires_crawler_process = False
    default_settings: ClassVar[dict[str, Any]] = {"LOG_LEVEL": "WARNING"}

    def syntax(self) -> str:
        return "SLUG [SLUG …] [--id N[,N]] [--list | --drop]"

    def short_desc(self) -> str:
        return "Take in releases that were held back, once looked at"

    def long_desc(self) -> str:
        return (
            "Take in what was kept aside of some agencies, read by today's rules, as the releases and edits it is."
            " What those lack (a lead, a date, most of a text, a title of their own) is not missed of the agency any"
            " more, until of twenty releases or more that are read after that nine in ten have it again. --list only"
            " shows what waits; of all agencies where none is named. See scrapy doctor for why it was kept aside."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--list", action="store_true", help="show what waits, and change nothing")
        parser.add_argument("--drop", action="store_true", help="leave it out for good; what was read stays on record")
        parser.add_argument("--id", default="", help="numbers of single ones, with commas; all where it is left out")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before run
        if (opts.list and opts.drop) or not (args or opts.list):
            raise UsageError("name agencies, and --list or --drop, not both")
        try:
            ids = parse_ids(opts.id)
            with open_existing_archive(Path(self.settings["ARCHIVE"])) as archive:
                if opts.list:
                    self.exitcode = print_quarantine(archive, args, ids)
                else:
                    self.exitcode = self.decide_pages(archive, args, ids, dropped=opts.drop)
        except (AgencyError, ArchiveError) as error:
            sys.stderr.write(f"scrapy takein: {error}\n")
            self.exitcode = 2

    def decide_pages(self, archive: Archive, slugs: list[str], ids: set[int], *, dropped: bool) -> int:
        """Take in, or drop, what waits of some agencies; an agency that is being crawled is left alone."""
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before run
        file = Path(self.settings.get("AGENCIES") or DEFAULT_AGENCIES_FILE)
        agencies = select_agencies(load_agencies(file), slugs, file)
        recorder = CrawlRecorder(archive, parse_schedule(self.settings["REVISIT_AGES"]))
        ingest, counts = Ingest(archive, recorder, agencies), Counter[str]()
        lock, ours = lock_agencies(archive.path, agencies)
        with lock:
            for slug in ours:
                for kept in select_pages(resolve_superseded(ingest, ingest.quarantine.list_pending(slug)), ids):
                    counts[describe_outcome(None if dropped else accept_quarantined(ingest, kept, "taken"))] += 1
                    if dropped:
                        drop_quarantined(ingest, kept)
        recorder.close()
        print(", ".join(f"{number} {name}" for name, number in counts.items()) or "nothing is held back")
        return 1 if counts[describe_outcome(SaveResult.QUARANTINED)] or ours != set(agencies) else 0


def open_existing_archive(path: Path) -> Archive:
    """An archive that exists; ArchiveError where there is none."""
    if not path.is_file():
        raise ArchiveError(path, "no such file")
    return Archive(path)


def parse_ids(text: str) -> set[int]:
    """Numbers with commas."""
    try:
        return {int(part) for part in text.split(",") if part.strip()}
    except ValueError as error:
        raise AgencyError("arguments", None, "id", f"{text!r} are no numbers with commas") from error


def select_pages(quarantined: list[QuarantinedPage], ids: set[int]) -> list[QuarantinedPage]:
    """The named ones of what waits, all where none is named."""
    return [kept for kept in quarantined if not ids or kept.id in ids]


def describe_outcome(outcome: SaveResult | None) -> str:
    """What came of one, as it is counted for a reader; None: it was dropped."""
    if outcome is None:
        return "dropped"
    return {SaveResult.QUARANTINED: "still held back"}.get(outcome, outcome.value)


def print_quarantine(archive: Archive, slugs: list[str], ids: set[int]) -> int:
    """Print what waits: number, when it was read, its address, why."""
    quarantine = Quarantine(archive.db)
    for slug in slugs or quarantine.list_agencies():
        waiting = select_pages(quarantine.list_pending(slug), ids)
        print(f"{slug}: {len(waiting)} held back")
        for kept in waiting:
            print(
                f"  {kept.id:>6}  {kept.seen[:16]}  {kept.state['title']}\n{'':8}{kept.url}\n{'':8}{describe_reasons(kept.reason)}"
            )
    return 0
