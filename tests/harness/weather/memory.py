"""The most memory a crawl held at once, told when it ends."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler

TOLD = re.compile(r"^peak memory: (\d+) MB$", re.MULTILINE)


class Peak:
    """Writes VmHWM of its own process: rusage's figure would count what the parent held when it forked."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls()
        crawler.signals.connect(extension.engine_stopped, signals.engine_stopped)
        return extension

    def engine_stopped(self) -> None:
        """Tell it on standard error."""
        kilobytes = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
        sys.stderr.write(f"peak memory: {int(kilobytes[1]) // 1024 if kilobytes else 0} MB\n")


def find_peak(printed: str) -> int | None:
    """The figure in what a crawl has printed, in MB.

    >>> find_peak("a line\\npeak memory: 123 MB\\n")
    123
    """
    told = TOLD.search(printed)
    return int(told[1]) if told else None
