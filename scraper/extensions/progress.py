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

from scraper.extensions.crawl_stats import Tally

if TYPE_CHECKING:
    from twisted.internet.task import LoopingCall

    from scraper.spiders.base import ReadingSpider

logger = logging.getLogger(__name__)

MANY = 30  # agencies that one screen can show
EVERY = 30.0  # seconds between the lines of a log
COLUMNS = ("listed", "new", "revised", "unchanged", "held_back", "away", "refused", "errors")


class Reader(Console):
    """Standard error; where nobody reads it any more, the crawl goes on, which rich would end on the spot."""

    def on_broken_pipe(self) -> None:
        """Say nothing more."""
        self.quiet = True


class Progress:
    """Shows the tallies that the spider keeps; changes nothing."""

    def __init__(self) -> None:
        self.console = Reader(stderr=True)
        self.live: Live | None = None
        self.lines: AsyncioLoopingCall | LoopingCall | None = None
        self.told: dict[str, int] = {}  # per agency: its requests when its last line was written

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls()
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        crawler.signals.connect(extension.spider_closed, signals.spider_closed)
        return extension

    def spider_opened(self, spider: ReadingSpider) -> None:
        """On a terminal: begin the live table, and let log lines scroll above it."""
        if self.console.is_terminal:
            self.live = Live(console=self.console, get_renderable=lambda: to_table(spider, live=True), transient=True)
            self.live.start()
            follow_stderr()  # which Live has replaced by its own
        else:
            self.lines = create_looping_call(self.tell, spider)
            self.lines.start(EVERY, now=False)

    def tell(self, spider: ReadingSpider) -> None:
        """A log line for every agency where something has happened since its last one."""
        for slug, tally in spider.tallies.items():
            if tally.requests != self.told.get(slug, 0):
                self.told[slug] = tally.requests
                logger.info("%s: %s", slug, ", ".join(f"{getattr(tally, name)} {name}" for name in COLUMNS))

    def spider_closed(self, spider: ReadingSpider, reason: str) -> None:
        """The closing table, and why the crawl ended where it did not simply finish."""
        if self.live:
            self.live.stop()
            follow_stderr()
        elif self.lines:
            self.lines.stop()
            self.tell(spider)
        console = self.console if self.console.is_terminal else Reader(stderr=True, width=110)
        console.print(to_table(spider))
        if any(tally.problems for tally in spider.tallies.values()):
            console.print("What was refused or failed is named above, and in the tables crawls and frontier.")
        if reason != "finished":
            console.print(f"The crawl did not finish: {reason}. What is left goes on with the next one.")


def follow_stderr() -> None:
    """Let log lines go where sys.stderr now leads."""
    for handler in logging.root.handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(handler, logging.FileHandler):
            handler.setStream(sys.stderr)


def to_table(spider: ReadingSpider, *, live: bool = False) -> Table:
    """The tallies as a table; live, and where they are many, only the agencies where something has happened."""
    names = (name.replace("_", " ") for name in COLUMNS)
    table = Table("agency", *names, title=f"{spider.name} → {spider.archive.path}", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    shown = {slug: tally for slug, tally in spider.tallies.items() if tally.requests or not live}
    if len(shown) > MANY:
        shown = {slug: tally for slug, tally in shown.items() if has_news(tally)}
    for slug, tally in shown.items():
        style = "red" if tally.errors else "yellow" if tally.refused else None
        table.add_row(slug, *to_cells([tally]), style=style)
    rest = [tally for slug, tally in spider.tallies.items() if slug not in shown]
    if rest and not live:
        table.add_row(f"{len(rest)} with nothing new", *to_cells(rest))
    return table


def has_news(tally: Tally) -> bool:
    """Whether anything but sameness came of an agency."""
    return bool(tally.new or tally.revised or tally.held_back or tally.refused or tally.errors)


def to_cells(tallies: list[Tally]) -> list[str]:
    """The numbers of one or several agencies."""
    sums = [sum(getattr(tally, name) for tally in tallies) for name in COLUMNS]
    return [str(number) if number else "·" for number in sums]
