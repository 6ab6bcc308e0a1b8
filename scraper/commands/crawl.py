"""scrapy crawl, with exit codes that a timer can go by: 0 well, 1 some agencies failed, 2 wrongly configured."""

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


QUIET_LOGGERS = (  # what is switched on, and what Progress and the spiders tell better
    "scrapy.addons",
    "scrapy.crawler",
    "scrapy.middleware",
    "scrapy.extensions.logstats",
    "scrapy.spidermiddlewares.httperror",
)


class Command(ScrapyCrawl):
    """Scrapy's own, but for messages and exit codes."""

    def long_desc(self) -> str:
        return "Run a spider by name. Exit code 0: all went well, 1: some agencies failed, 2: wrongly configured."

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        """On a terminal the live table tells how it goes, so the log keeps to warnings."""
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
        fault = crawling.exception() if crawling.done() and not crawling.cancelled() else None
        if isinstance(fault, AgencyError | ArchiveError | sqlite3.OperationalError):
            where = "the archive: " if isinstance(fault, sqlite3.OperationalError) else ""
            sys.stderr.write(f"scrapy crawl: {where}{fault}\n")
            self.exitcode = 2
        elif fault:
            raise fault
        else:
            self.exitcode = find_exit_code(crawler)


def find_exit_code(crawler: Crawler) -> int:
    """0 where the crawl finished and every agency that was free answered, else 1."""
    tallies = cast("ReleaseSpider", crawler.spider).agency_stats.values() if crawler.spider else None
    finished = crawler.stats is not None and crawler.stats.get_value("finish_reason") == "finished"
    return 0 if finished and tallies is not None and not any(tally.errors for tally in tallies) else 1
