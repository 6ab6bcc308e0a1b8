"""scrapy crawl: Scrapy's own command, with exit codes that say whether everything was read."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections import Counter
from collections.abc import Sequence
from typing import cast

from scrapy.commands.crawl import Command as ScrapyCrawl
from scrapy.crawler import Crawler

from scraper.project_command import ProjectCommand, get_only_argument
from scraper.spiders.refetch import RefetchOutcome, RefetchSpider
from scraper.spiders.release_spider import ReleaseSpider

MAX_REFETCH_LINES = 20

# Loggers that list components, or repeat what the progress table and the spiders report.
QUIET_LOGGERS = (
    "scrapy.addons",
    "scrapy.crawler",
    "scrapy.middleware",
    "scrapy.extensions.logstats",
    "scrapy.spidermiddlewares.httperror",
)


class Command(ProjectCommand, ScrapyCrawl):
    """Run a spider by name.

    Exit code 0: everything that was requested was read; 1: something did not respond or could not
    be read (the table printed at the end and the archive's table `crawls` say what); 2: nothing was
    crawled, because the list of agencies, the arguments, the settings or the archive's file is
    wrong.
    """

    requires_crawler_process = True
    usage = "[options] <spider>"
    takes_arguments = True

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        # because a terminal shows the live progress table
        self.logs_only_warnings = sys.stderr.isatty()
        super().process_options(args, opts)

    def execute(self, args: list[str], opts: argparse.Namespace) -> int:
        name = get_only_argument(args, "spider")
        spiders = self.crawler_process.spider_loader
        try:
            crawler = self.crawler_process.create_crawler(spiders.load(name))
        except KeyError as error:
            self.report_error(f"{error.args[0]}; the spiders are {', '.join(spiders.list())}")
            return 2
        for logger_name in QUIET_LOGGERS:
            logging.getLogger(logger_name).setLevel(logging.WARNING)
        crawling = cast("asyncio.Task[None]", self.crawler_process.crawl(crawler, **opts.spargs))
        self.crawler_process.start()
        failure = crawling.exception() if crawling.done() and not crawling.cancelled() else None
        if failure:
            raise failure
        if isinstance(crawler.spider, RefetchSpider):
            return report_refetch(crawler.spider.outcomes)
        return find_exit_code(crawler)


def report_refetch(outcomes: Sequence[RefetchOutcome]) -> int:
    """Print the outcomes of a refetch. Return 0 if all requested pages are stored, else 1."""
    left = [outcome for outcome in outcomes if not outcome.is_stored]
    shown = outcomes if len(outcomes) <= MAX_REFETCH_LINES else left[:MAX_REFETCH_LINES]
    for outcome in shown:
        print(outcome)
    if len(left) > len(shown):
        print(f"… and {len(left) - len(shown)} more: see the table frontier")
    counts = [
        f"{number} {state}"
        for state, number in Counter(outcome.state for outcome in outcomes).most_common()
    ]
    print(f"refetch: {', '.join(counts) or 'no pages in this state'}")
    return 1 if left else 0


def find_exit_code(crawler: Crawler) -> int:
    """Return 0 if the crawl finished without an error for any agency, else 1."""
    stats = cast("ReleaseSpider", crawler.spider).agency_stats.values() if crawler.spider else None
    finished = crawler.stats is not None and crawler.stats.get_value("finish_reason") == "finished"
    return 0 if finished and stats is not None and not any(agency.errors for agency in stats) else 1
