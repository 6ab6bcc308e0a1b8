"""scrapy writer: keeps in the archive what a crew's workers read, and hands rounds out to them."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from pathlib import Path

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from scrapy.utils.log import configure_logging

from archive.errors import ArchiveError
from scraper.agency import DEFAULT_LIST
from scraper.alerts import find_ways
from scraper.crew.broker import Broker
from scraper.crew.writing import Writing
from scraper.errors import AgencyError, CrewError
from scraper.running import Running


class Command(ScrapyCommand):
    """Exit code 0: told to stop, 1: the archive or the broker failed, 2: wrongly configured."""

    requires_project = True
    requires_crawler_process = False

    def syntax(self) -> str:
        return "[options]"

    def short_desc(self) -> str:
        return "Keep what workers on other machines read, and hand rounds out to them"

    def long_desc(self) -> str:
        return (
            "Own the archive for a crew of workers: apply what they tell, each message once, judge what came in, and"
            " give every worker what it needs to know of its agency. One writer an archive. SIGTERM ends it with 0;"
            " exit code 1: the archive cannot be written, or the broker failed; 2: wrongly configured."
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if args:
            raise UsageError("writer takes no arguments")
        assert self.settings is not None  # noqa: S101 - Scrapy sets it before run
        configure_logging(self.settings)
        path, file = Path(self.settings["ARCHIVE"]), Path(self.settings.get("AGENCIES") or DEFAULT_LIST)
        writing: Writing | None = None
        running = Running()
        try:
            with running:
                broker = Broker(self.settings)
                broker.check()
                writing = Writing(broker, self.settings, path, file, find_ways())
                with broker.faults():
                    writing.go(lambda: running.stopped)
        except (AgencyError, ArchiveError, CrewError, sqlite3.OperationalError) as error:
            sys.stderr.write(f"scrapy writer: {error}\n")
            self.exitcode = 2 if writing is None else 0 if running.stopped else 1
        finally:
            if writing:
                writing.close()
