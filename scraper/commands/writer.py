"""scrapy writer: keeps in the archive what a crew's workers read, and hands rounds out to them."""

from __future__ import annotations

import argparse
import sqlite3
from pathlib import Path

from scrapy.settings import Settings
from scrapy.utils.log import configure_logging

from archive.database import ArchiveError
from scraper.alerts import find_ways
from scraper.command import OptionsCommand, list_of
from scraper.distributed.queue import Broker
from scraper.distributed.writer import Writing
from scraper.errors import AgencyError, CrewError
from scraper.extensions.limits import look_seldom
from scraper.round import Running


class Command(OptionsCommand):
    """Exit code 0: told to stop, 1: the archive or the broker failed, 2: wrongly configured."""

    def short_desc(self) -> str:
        return "Keep what workers on other machines read, and hand rounds out to them"

    def long_desc(self) -> str:
        return (
            "Own the archive for a crew of workers: apply what they tell, each message once, judge what came in, and"
            " give every worker what it needs to know of its agency. One writer an archive. SIGTERM ends it with 0;"
            " exit code 1: the archive cannot be written, or the broker failed; 2: wrongly configured."
        )

    def do(self, settings: Settings, opts: argparse.Namespace) -> int:
        configure_logging(settings)
        path, file = Path(settings["ARCHIVE"]), list_of(settings)
        writing: Writing | None = None
        running = Running()
        try:
            with running:
                broker = Broker(settings)
                broker.check()
                writing = Writing(broker, settings, path, file, find_ways())
                look_seldom()
                with broker.faults():
                    writing.go(lambda: running.stopped)
        except (AgencyError, ArchiveError, CrewError, sqlite3.OperationalError) as error:
            self.tell(error)
            return 2 if writing is None else 0 if running.stopped else 1
        finally:
            if writing:
                writing.close()
        return 0
