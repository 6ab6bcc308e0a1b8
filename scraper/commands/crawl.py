"""scrapy crawl, with exit codes for timers: 0 all went well, 1 some agencies failed, 2 wrongly configured."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sqlite3
import sys
from typing import TYPE_CHECKING, cast

from scrapy.commands.crawl import Command as ScrapyCrawl
from scrapy.crawler import Crawler
from scrapy.exceptions import UsageError

from archive.database import ArchiveError
from scraper.errors import AgencyError

if TYPE_CHECKING:
    from scraper.spiders.base import ReleaseSpider


# Loggers that list components, or say what the progress table and the spiders say better.
QUIET_LOGGERS = (
    "scrapy.addons",
    "scrapy.crawler",
    "scrapy.middleware",
    "scrapy.extensions.logstats",
    "scrapy.spidermiddlewares.httperror",
)


class Command(ScrapyCrawl):
    """Scrapy's command with our messages and exit codes."""

    def long_desc(self) -> str:
        return "Run a spider by name. Exit code 0: all went well, 1: some agencies failed, 2: wrongly configured."

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        """Reduce the log to warnings on a terminal, which has the live progress table."""
        super().process_options(args, opts)
        if self.settings and sys.stderr.isatty() and not opts.loglevel:
            self.settings.set("LOG_LEVEL", "WARNING", priority="cmdline")

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if len(args) != 1:
            raise UsageError("name one spider")
        assert self.crawler_process  # noqa: S101 - Scrapy sets it before run
        try:
            crawler = self.crawler_process.create_crawler(self.crawler_process.spider_loader.load(args[0]))
        except KeyError as error:
            raise UsageError(str(error.args[0]), print_help=False) from error
        for name in QUIET_LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)
        crawling = cast("asyncio.Task[None]", self.crawler_process.crawl(crawler, **opts.spargs))
        self.crawler_process.start()
        failure = crawling.exception() if crawling.done() and not crawling.cancelled() else None
        if isinstance(failure, AgencyError | ArchiveError | sqlite3.OperationalError):
            where = "the archive: " if isinstance(failure, sqlite3.OperationalError) else ""
            sys.stderr.write(f"scrapy crawl: {where}{failure}\n")
            self.exitcode = 2
        elif failure:
            raise failure
        else:
            self.exitcode = find_exit_code(crawler)


def find_exit_code(crawler: Crawler) -> int:
    """Return 0 if the crawl finished without an error of any agency, else 1."""
    stats = cast("ReleaseSpider", crawler.spider).agency_stats.values() if crawler.spider else None
    finished = crawler.stats is not None and crawler.stats.get_value("finish_reason") == "finished"
    return 0 if finished and stats is not None and not any(agency.errors for agency in stats) else 1
