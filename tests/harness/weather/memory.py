"""Reports the peak memory of a crawl when it ends."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler

TOLD = re.compile(r"^peak memory: (\d+) MB$", re.MULTILINE)


class Peak:
    """Reads VmHWM of its own process; rusage would include the memory of the parent at the fork."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls()
        crawler.signals.connect(extension.engine_stopped, signals.engine_stopped)
        return extension

    def engine_stopped(self) -> None:
        """Print the peak to standard error."""
        kilobytes = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
        sys.stderr.write(f"peak memory: {int(kilobytes[1]) // 1024 if kilobytes else 0} MB\n")


def find_peak(printed: str) -> int | None:
    """Return the figure in a crawl's output, in MB, or None.

    >>> find_peak("a line\\npeak memory: 123 MB\\n")
    123
    """
    told = TOLD.search(printed)
    return int(told[1]) if told else None
