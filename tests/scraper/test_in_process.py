"""Crawls in the process of the tests leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scrapy.resolver import dnscache
from twisted.python.log import theLogPublisher

from scraper.downloader.ssrf import REJECTED_HOSTS
from tests.scraper.crawling import SLUG, Crawling
from tests.scraper.in_process import list_loggers, start_reactor


def read_process_state() -> dict[str, Any]:
    reactor = start_reactor()
    opened = [path.resolve() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    return {
        "environment": dict(os.environ),
        "directory": Path.cwd(),
        "signals": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "handlers": logging.root.handlers[:],
        "levels": {logger.name: logger.level for logger in list_loggers() if logger.level},
        "observers": theLogPublisher.observers,
        "collector": gc.get_threshold(),
        "resolver": reactor.resolver,
        "addresses": (dict(dnscache), dict(REJECTED_HOSTS)),
        "timers": reactor.getDelayedCalls(),
        "tasks": asyncio.all_tasks(reactor._asyncioEventloop),
        "connections": reactor.getReaders(),  # type: ignore[no-untyped-call]
        "files": sorted(path for path in opened if path.is_file()),
    }


def test_crawl_leaves_nothing_behind(crawled_site: Crawling, tmp_path: Path) -> None:
    crawled_site.run()  # makes what lasts: the reactor, and caches
    before, threads = read_process_state(), {*threading.enumerate()}
    code, printed = crawled_site.run("revisit", "-O", str(tmp_path / "out.jsonl"))
    assert (code, (tmp_path / "out.jsonl").is_file()) == (0, True), printed
    assert read_process_state() == before
    for thread in {*threading.enumerate()} - threads:
        thread.join(10)
    assert {*threading.enumerate()} <= threads


def test_crawl_that_takes_too_long_is_stopped(crawling: Crawling) -> None:
    crawling.site.set_delay(SLUG, 30)
    with pytest.raises(pytest.fail.Exception, match=r"more than 0\.1 seconds"):
        replace(crawling, patience=0.1).run()
    assert asyncio.all_tasks(start_reactor()._asyncioEventloop) == set()
