"""scrapy writer: stores what workers on other machines read, and gives them their jobs."""

from __future__ import annotations

import argparse
import sqlite3
from pathlib import Path

from scrapy.settings import Settings
from scrapy.utils.log import configure_logging

from archive.database import ArchiveError
from scraper.alerts import read_alert_settings
from scraper.command import OptionsCommand, find_agencies_file
from scraper.distributed.queue import Broker
from scraper.distributed.writer import ArchiveWriter
from scraper.errors import AgencyError, BrokerError
from scraper.extensions.limits import raise_gc_threshold
from scraper.round import CommandRunner


class Command(OptionsCommand):
    """Exit code 0: stopped by a signal; 1: the archive or the broker failed; 2: wrongly configured."""

    def short_desc(self) -> str:
        return "Keep what workers on other machines read, and hand rounds out to them"

    def long_desc(self) -> str:
        return (
            "Own the archive for workers on other machines: apply what they tell, each message once, judge what came"
            " in, and give every worker what it needs to know of its agency. One writer an archive. SIGTERM ends it"
            " with 0; exit code 1: the archive cannot be written, or the broker failed; 2: wrongly configured."
        )

    def execute(self, settings: Settings, opts: argparse.Namespace) -> int:
        configure_logging(settings)
        path, file = Path(settings["ARCHIVE"]), find_agencies_file(settings)
        writer: ArchiveWriter | None = None
        runner = CommandRunner()
        try:
            with runner:
                broker = Broker(settings)
                broker.check_connection()
                writer = ArchiveWriter(broker, settings, path, file, read_alert_settings())
                raise_gc_threshold()
                with broker.convert_errors():
                    writer.run(lambda: runner.stop_requested)
        except (AgencyError, ArchiveError, BrokerError, sqlite3.OperationalError) as error:
            self.report_error(error)
            return 2 if writer is None else 0 if runner.stop_requested else 1
        finally:
            if writer:
                writer.close()
        return 0
