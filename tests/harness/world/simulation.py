"""Runs crawls one after another in this process, each at a simulated time. Only the calendar is
simulated.

time-machine leaves the monotonic clock alone, by which Twisted, asyncio and Scrapy count delays and
time-outs.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import time_machine
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings
from scrapy.utils.reactor import install_reactor

from scraper.agency import load_agencies
from scraper.crawl.alerts import AlertSettings
from scraper.crawl.rounds import close_round, read_last_crawl_id
from tests.site import settings as site_settings
from tests.site.server import Site

if TYPE_CHECKING:
    from twisted.internet.asyncioreactor import AsyncioSelectorReactor

T = TypeVar("T")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OLDEST = (10_000 * DAY, 30 * DAY)  # of an archive's ages: all that is older
Ages = tuple[tuple[timedelta, timedelta], ...]  # younger than, read again after
CAPTCHA = (
    "<!doctype html><html lang='en'><head><title>Just a moment...</title></head><body><main>"
    "<h1>Verify you are human</h1><p>Please complete the captcha to continue to the site.</p>"
    "</main></body></html>"
)


def format_ages(ages: Ages) -> str:
    """Return ages in the form of the setting REVISIT_AGES."""
    steps = [f"<{up_to // HOUR}h={wait // HOUR}h" for up_to, wait in ages[:-1]]
    return ", ".join([*steps, f"else={ages[-1][1] // HOUR}h"])


class Crawls:
    """Runs spiders of the project against a site into an archive."""

    def __init__(self, site: Site, archive: Path, ages: str) -> None:
        self.archive, self.settings = archive, Settings()
        self.settings.setmodule(site_settings, priority="project")
        progress = "scraper.crawl.crawl_stats.ProgressExtension"
        given = {
            "AGENCIES": str(site.agencies_file(archive.parent, attachments=None)),
            "ARCHIVE": str(archive),
            "LOOPBACK_PORT": site.port,
            "REVISIT_AGES": ages,
            "RETRY_TIMES": 0,
            "RETRY_AFTER_MAX": 0.01,  # seconds of real time
            "DOWNLOAD_TIMEOUT": 10,
            "LOG_LEVEL": "WARNING",
            "EXTENSIONS": {**site_settings.EXTENSIONS, progress: None},
        }
        self.settings.setdict(given, priority="cmdline")
        self.faults: list[str] = []  # crawls that did not end as they should

    async def run(self, spider: str, unknown: Iterable[str] = ()) -> None:
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

    async def go_round(self, agencies: Path, alerts: AlertSettings) -> None:
        """Do the same as `scrapy round` in this process, because only its clock is simulated."""
        after = read_last_crawl_id(self.archive)
        for spider in ("news", "revisit"):
            await self.run(spider)
        close_round(self.archive, load_agencies(agencies), alerts, after)


@contextmanager
def simulated_time(start: datetime) -> Iterator[Callable[[datetime], None]]:
    """Yield a function that moves the calendar, which otherwise runs normally."""
    with time_machine.travel(start.astimezone(UTC), tick=True) as calendar:
        yield lambda moment: calendar.move_to(moment.astimezone(UTC))


@contextmanager
def open_folder(keep: Path | None) -> Iterator[Path]:
    """Yield a folder for an archive and the log of its crawls: one that is kept, or a temporary
    one.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "archive.db").exists():
            raise SystemExit(f"{folder}: holds an archive.db already")
        handler = logging.FileHandler(folder / "crawls.log", encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        logging.root.addHandler(handler)
        logging.root.setLevel(logging.WARNING)
        yield folder


def run_in_reactor(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in Twisted's asyncio reactor and return its result. Once per process."""
    install_reactor("twisted.internet.asyncioreactor.AsyncioSelectorReactor")
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
