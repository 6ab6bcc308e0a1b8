"""A crawl as a person follows it: a line per agency, live on a terminal, now and then in a log; then a table."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.utils.asyncio import AsyncioLoopingCall, create_looping_call

from scraper.extensions.crawl_stats import AgencyStats

if TYPE_CHECKING:
    from twisted.internet.task import LoopingCall

    from scraper.spiders.base import ReleaseSpider

logger = logging.getLogger(__name__)

MAX_TABLE_AGENCIES = 30  # agencies that one screen can show
LOG_INTERVAL = 30.0  # seconds between the lines of a log
PROGRESS_COLUMNS = ("listed", "new", "revised", "unchanged", "held_back", "away", "refused", "errors")


class StderrConsole(Console):
    """Standard error; where nobody reads it any more, the crawl goes on, which rich would end on the spot."""

    def on_broken_pipe(self) -> None:
        """Say nothing more."""
        self.quiet = True


class ProgressExtension:
    """Shows the tallies that the spider keeps; changes nothing."""

    def __init__(self) -> None:
        self.console = StderrConsole(stderr=True)
        self.live: Live | None = None
        self.log_loop: AsyncioLoopingCall | LoopingCall | None = None
        self.logged_requests: dict[str, int] = {}  # per agency: its requests when its last line was written

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls()
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self, spider: ReleaseSpider) -> None:
        """On a terminal: begin the live table, and let log lines scroll above it."""
        if self.console.is_terminal:
            self.live = Live(
                console=self.console, get_renderable=lambda: build_progress_table(spider, live=True), transient=True
            )
            self.live.start()
            redirect_log_handlers()  # which Live has replaced by its own
        else:
            self.log_loop = create_looping_call(self.log_progress, spider)
            self.log_loop.start(LOG_INTERVAL, now=False)

    def log_progress(self, spider: ReleaseSpider) -> None:
        """A log line for every agency where something has happened since its last one."""
        for slug, tally in spider.agency_stats.items():
            if tally.requests != self.logged_requests.get(slug, 0):
                self.logged_requests[slug] = tally.requests
                logger.info("%s: %s", slug, ", ".join(f"{getattr(tally, name)} {name}" for name in PROGRESS_COLUMNS))

    def spider_closed(self, spider: ReleaseSpider, reason: str) -> None:
        """The closing table, and why the crawl ended where it did not simply finish."""
        if self.live:
            self.live.stop()
            redirect_log_handlers()
        elif self.log_loop:
            self.log_loop.stop()
            self.log_progress(spider)
        console = self.console if self.console.is_terminal else StderrConsole(stderr=True, width=110)
        console.print(build_progress_table(spider))
        if any(tally.problems for tally in spider.agency_stats.values()):
            console.print("What was refused or failed is named above, and in the tables crawls and frontier.")
        if reason != "finished":
            console.print(f"The crawl did not finish: {reason}. What is left goes on with the next one.")


def redirect_log_handlers() -> None:
    """Let log lines go where sys.stderr now leads."""
    for handler in logging.root.handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            handler.setStream(sys.stderr)


def build_progress_table(spider: ReleaseSpider, *, live: bool = False) -> Table:
    """The tallies as a table; live, and where they are many, only the agencies where something has happened."""
    names = (name.replace("_", " ") for name in PROGRESS_COLUMNS)
    table = Table("agency", *names, title=f"{spider.name} → {spider.archive.path}", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    shown = {slug: tally for slug, tally in spider.agency_stats.items() if tally.requests or not live}
    if len(shown) > MAX_TABLE_AGENCIES:
        shown = {slug: tally for slug, tally in shown.items() if has_changes(tally)}
    for slug, tally in shown.items():
        style = "red" if tally.errors else "yellow" if tally.refused else None
        table.add_row(slug, *format_progress_cells([tally]), style=style)
    rest = [tally for slug, tally in spider.agency_stats.items() if slug not in shown]
    if rest and not live:
        table.add_row(f"{len(rest)} with nothing new", *format_progress_cells(rest))
    return table


def has_changes(stats: AgencyStats) -> bool:
    """Whether anything but sameness came of an agency."""
    return bool(stats.new or stats.revised or stats.held_back or stats.refused or stats.errors)


def format_progress_cells(all_stats: list[AgencyStats]) -> list[str]:
    """The numbers of one or several agencies."""
    sums = [sum(getattr(tally, name) for tally in all_stats) for name in PROGRESS_COLUMNS]
    return [str(number) if number else "·" for number in sums]
