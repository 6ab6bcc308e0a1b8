"""scrapy writer: stores the results of workers on other machines, and hands out jobs to workers."""

from __future__ import annotations

import argparse
from contextlib import closing

from scrapy.utils.log import configure_logging

from archive.database.sqlite_files import relieve_garbage_collector
from scraper.crawl.alerts import read_alert_settings
from scraper.crawl.rounds import CommandRunner
from scraper.distributed.archive_writer import ArchiveWriter
from scraper.distributed.broker import Broker
from scraper.project_command import CONFIGURATION_ERRORS, ProjectCommand


class Command(ProjectCommand):
    """Store the results of workers on other machines, and hand out jobs to the workers.

    A result that a worker sends twice is stored only once.

    Only one writer at a time may run for an archive. Exit code 0: the writer was stopped by
    SIGTERM; 1: the archive cannot be written, or the broker failed; 2: the configuration is wrong.
    """

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        configure_logging(self.settings)
        with CommandRunner() as runner:
            broker = Broker(self.settings)
            broker.check_connection()
            alerts = read_alert_settings()
            writer = ArchiveWriter(
                broker, self.settings, self.archive_path, self.agencies_file, alerts
            )
            try:
                relieve_garbage_collector()
                with closing(writer), broker.convert_errors():
                    writer.run(lambda: runner.stop_requested)
            except CONFIGURATION_ERRORS as error:
                self.report_error(error)
                return 0 if runner.stop_requested else 1
        return 0
