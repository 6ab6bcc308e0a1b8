"""Runs crawls one after another in this process, each at a simulated time. Only the calendar is
simulated.

time-machine leaves the monotonic clock alone, by which Twisted, asyncio and Scrapy count delays and
time-outs.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings
from scrapy.utils.reactor import install_reactor

from tests.harness.year.author import Scale
from tests.site import settings as site_settings
from tests.site.server import Site

if TYPE_CHECKING:
    from twisted.internet.asyncioreactor import AsyncioSelectorReactor

T = TypeVar("T")
REACTOR = "twisted.internet.asyncioreactor.AsyncioSelectorReactor"


class Crawls:
    """Runs spiders of the project against a site into an archive."""

    def __init__(self, site: Site, archive: Path, scale: Scale) -> None:
        self.settings = Settings()
        self.settings.setmodule(site_settings, priority="project")
        given = {
            "AGENCIES": str(site.agencies_file(archive.parent, attachments=None)),
            "ARCHIVE": str(archive),
            "LOOPBACK_PORT": site.port,
            "REVISIT_AGES": scale.setting,
            "RETRY_TIMES": 0,
            "RETRY_AFTER_MAX": 0.01,  # seconds of real time
            "DOWNLOAD_TIMEOUT": 10,
            "LOG_LEVEL": "WARNING",
            "EXTENSIONS": {
                **site_settings.EXTENSIONS,
                "scraper.crawl.crawl_stats.ProgressExtension": None,
            },
        }
        self.settings.setdict(given, priority="cmdline")
        self.faults: list[str] = []  # crawls that did not end as they should

    async def run(self, spider: str, unknown: set[str]) -> None:
        """Run a crawl to its end. unknown: hosts without a DNS entry."""
        settings = self.settings.copy()
        settings.set("LOOPBACK_UNKNOWN", sorted(unknown), priority="cmdline")
        runner = AsyncCrawlerRunner(settings)
        crawler = runner.create_crawler(spider)
        await runner.crawl(crawler)
        stats = crawler.stats.get_stats() if crawler.stats else {}
        if stats.get("finish_reason") != "finished":
            self.faults.append(f"{spider} ended with {stats.get('finish_reason')}")
        self.faults += [
            f"{spider}: {name} {number}"
            for name, number in stats.items()
            if name.startswith("spider_exceptions/")
        ]


def run_in_reactor(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in Twisted's asyncio reactor and return its result. Once per process."""
    install_reactor(REACTOR)
    from twisted.internet import reactor as module  # noqa: PLC0415 - importing it chooses one

    reactor = cast("AsyncioSelectorReactor", module)
    tasks: list[asyncio.Task[T]] = []

    def begin() -> None:
        task = asyncio.get_running_loop().create_task(make())
        task.add_done_callback(lambda _: reactor.stop())  # type: ignore[no-untyped-call]
        tasks.append(task)

    reactor.callLater(0, begin)  # type: ignore[no-untyped-call]
    reactor.run()  # type: ignore[no-untyped-call]
    if not tasks[0].done():
        raise KeyboardInterrupt
    return tasks[0].result()


def log_to(path: Path) -> None:
    """Log the warnings and errors of the crawls to a file."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.WARNING)
