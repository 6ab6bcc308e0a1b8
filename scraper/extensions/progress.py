"""Progress of a crawl: a live table on a terminal, else log lines, and a table at the end."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.utils.asyncio import AsyncioLoopingCall, create_looping_call

from scraper.extensions.crawl_stats import AgencyStats, has_archive_spider

if TYPE_CHECKING:
    from twisted.internet.task import LoopingCall

    from scraper.extensions.crawl_stats import ArchiveSpider

logger = logging.getLogger(__name__)

MAX_TABLE_AGENCIES = 30  # rows that fit on a screen
LOG_INTERVAL = 30.0  # seconds between log lines
PROGRESS_COLUMNS = (
    *("listed", "already_stored", "new", "revised", "unchanged", "files", "quarantined", "missing", "rejected"),
    "errors",
)


class StderrConsole(Console):
    """Console on standard error that becomes quiet when the pipe is closed.

    rich's own console would end the crawl.
    """

    def on_broken_pipe(self) -> None:
        self.quiet = True


class ProgressExtension:
    def __init__(self) -> None:
        self.console = StderrConsole(stderr=True)
        self.live: Live | None = None
        self.log_loop: AsyncioLoopingCall | LoopingCall | None = None
        self.logged_requests: dict[str, int] = {}  # per agency: at its last log line

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not has_archive_spider(crawler):
            raise NotConfigured
        extension = cls()
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self, spider: ArchiveSpider) -> None:
        """Start the live table if standard error is a terminal, else the periodic log lines."""
        if self.console.is_terminal:
            self.live = Live(
                console=self.console, get_renderable=lambda: build_progress_table(spider, live=True), transient=True
            )
            self.live.start()
            redirect_log_handlers()
        else:
            self.log_loop = create_looping_call(self.log_progress, spider)
            self.log_loop.start(LOG_INTERVAL, now=False)

    def log_progress(self, spider: ArchiveSpider) -> None:
        for slug, stats in spider.agency_stats.items():
            if stats.requests != self.logged_requests.get(slug, 0):
                self.logged_requests[slug] = stats.requests
                counts = (f"{getattr(stats, name)} {name.replace('_', ' ')}" for name in PROGRESS_COLUMNS)
                logger.info("%s: %s", slug, ", ".join(counts))

    def spider_closed(self, spider: ArchiveSpider, reason: str) -> None:
        if self.live:
            self.live.stop()
            redirect_log_handlers()
        elif self.log_loop:
            self.log_loop.stop()
            self.log_progress(spider)
        console = self.console if self.console.is_terminal else StderrConsole(stderr=True, width=120)
        console.print(build_progress_table(spider))
        if any(stats.problems for stats in spider.agency_stats.values()):
            console.print("Rejected pages and failures are listed above, and in the tables crawls and frontier.")
        if reason != "finished":
            console.print(f"The crawl did not finish: {reason}. The next crawl continues with the rest.")


def redirect_log_handlers() -> None:
    """Make log handlers write to the current sys.stderr, which Live replaces."""
    for handler in logging.root.handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            handler.setStream(sys.stderr)


def build_progress_table(spider: ArchiveSpider, *, live: bool = False) -> Table:
    """Build the table, without agencies that have no requests (if live) or no changes (if it is long)."""
    names = (name.replace("_", " ") for name in PROGRESS_COLUMNS)
    table = Table("agency", *names, title=f"{spider.name} → {spider.archive.path}", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    rows = {slug: stats for slug, stats in spider.agency_stats.items() if stats.requests or not live}
    if len(rows) > MAX_TABLE_AGENCIES:
        rows = {
            slug: stats
            for slug, stats in rows.items()
            if stats.new or stats.revised or stats.quarantined or stats.rejected or stats.errors
        }
    for slug, stats in rows.items():
        style = "red" if stats.errors else "yellow" if stats.rejected else None
        table.add_row(slug, *format_progress_cells([stats]), style=style)
    other_stats = [stats for slug, stats in spider.agency_stats.items() if slug not in rows]
    if other_stats and not live:
        table.add_row(f"{len(other_stats)} with nothing new", *format_progress_cells(other_stats))
    return table


def format_progress_cells(all_stats: list[AgencyStats]) -> list[str]:
    sums = [sum(getattr(stats, name) for stats in all_stats) for name in PROGRESS_COLUMNS]
    return [str(number) if number else "·" for number in sums]
