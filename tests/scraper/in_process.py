"""Runs Scrapy commands in the process of the tests, which starts no other and imports nothing anew.

All crawls share one reactor, because a process can have only one. What else Scrapy and our commands
change for the whole process is put back when a command has ended.
"""

from __future__ import annotations

import asyncio
import gc
import io
import logging
from collections.abc import Iterator
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from scrapy import cmdline
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.resolver import dnscache
from scrapy.settings import Settings
from scrapy.utils.log import _uninstall_scrapy_root_handler, configure_logging, log_scrapy_info
from scrapy.utils.misc import load_object
from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.main import installReactor
from twisted.python.log import theLogPublisher

from archive.database.sqlite_files import relieve_garbage_collector
from scraper.downloader.ssrf import REJECTED_HOSTS

ROOT = Path(__file__).parents[2]


def run_scrapy(arguments: list[str], settings_module: str, patience: float = 40) -> tuple[int, str]:
    """Run `scrapy arguments` with a module of settings; return its exit code and what it printed.

    Fails the test if a crawl takes more than `patience` seconds.
    """
    settings, printed = Settings(), io.StringIO()
    settings.setmodule(settings_module, priority="project")
    process = partial(SharedReactorProcess, patience=patience)
    with ExitStack() as stack:
        stack.enter_context(chdir(ROOT))
        stack.enter_context(redirect_stdout(printed))
        stack.enter_context(redirect_stderr(printed))
        stack.enter_context(keep_process_state())
        stack.enter_context(patch.object(cmdline, "AsyncCrawlerProcess", process))
        try:
            cmdline.execute(["scrapy", *arguments], settings)
        except SystemExit as ended:
            return int(ended.code or 0), printed.getvalue()
    raise AssertionError("scrapy.cmdline.execute returned without an exit code")


class SharedReactorProcess(AsyncCrawlerRunner):
    """Scrapy's AsyncCrawlerProcess, with a reactor that other crawls have used and will use."""

    def __init__(self, settings: Settings, patience: float) -> None:
        super().__init__(settings)
        self.patience = patience
        self.reactor = start_reactor()
        configure_logging(settings)
        log_scrapy_info(settings)
        resolver = load_object(settings["TWISTED_DNS_RESOLVER"])
        resolver.from_crawler(self, self.reactor).install_on_reactor()

    def crawl(self, *args: Any, **kwargs: Any) -> asyncio.Task[None]:
        async def begin() -> asyncio.Task[None]:  # needs a loop that runs
            return AsyncCrawlerRunner.crawl(self, *args, **kwargs)

        return self.reactor._asyncioEventloop.run_until_complete(begin())

    def start(self) -> None:
        """Wait for all crawls to end; after `patience` seconds, stop them and fail."""
        self.reactor._asyncioEventloop.run_until_complete(self.wait())

    async def wait(self) -> None:
        ended = asyncio.ensure_future(self.join())
        _, running = await asyncio.wait({ended}, timeout=self.patience)
        if running:
            await asyncio.wait({ended, asyncio.ensure_future(self.stop())}, timeout=20)
            pytest.fail(f"a crawl took more than {self.patience} seconds")


@cache
def start_reactor() -> AsyncioSelectorReactor:
    """Start the process's reactor, on a loop that runs only while a crawl does."""
    relieve_garbage_collector()  # the first crawl would, and keep what it has made so far
    reactor = AsyncioSelectorReactor(asyncio.new_event_loop())
    installReactor(reactor)  # type: ignore[no-untyped-call]
    reactor.startRunning(installSignalHandlers=False)
    return reactor


@contextmanager
def keep_process_state() -> Iterator[None]:
    """Put back what a command changes for the whole process."""
    reactor = start_reactor()
    threads, resolver, observers = (
        reactor.getThreadPool(),
        reactor.resolver,
        theLogPublisher.observers,
    )
    collector = gc.get_threshold()
    threads.adjustPoolsize(0, 10)
    try:
        with keep_logging():
            yield
    finally:
        threads.adjustPoolsize(0, 0)
        reactor.installResolver(resolver)
        dnscache.clear()
        REJECTED_HOSTS.clear()
        for observer in theLogPublisher.observers:
            if observer not in observers:
                theLogPublisher.removeObserver(observer)  # type: ignore[no-untyped-call]
        gc.set_threshold(*collector)


@contextmanager
def keep_logging() -> Iterator[None]:
    """Put handlers and levels back; in between, the handlers of pytest get no records."""
    root = logging.root
    handlers = root.handlers[:]
    levels = {logger: logger.level for logger in list_loggers()}
    root.handlers.clear()
    try:
        yield
    finally:
        _uninstall_scrapy_root_handler()  # else the next crawler installs it again
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = handlers
        for logger in list_loggers():
            logger.setLevel(levels.get(logger, logging.NOTSET))
        logging.captureWarnings(False)


def list_loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logging.root, *(logger for logger in known if isinstance(logger, logging.Logger))]
