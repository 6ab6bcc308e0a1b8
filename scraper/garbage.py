"""Seldom looks for garbage while a crawl goes on: pages leave none behind (scraper.pages.soup), Scrapy hardly any."""

from __future__ import annotations

import gc
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler

from archive.garbage import keep_loaded

YOUNG = 10_000  # objects since the last look; Python's own 700 are less than one page makes


class Garbage:
    """Python's looks for garbage, which took a tenth of a crawl's time, come every some dozen pages.

    What is no cycle is freed at once all the same, so memory does not grow by it.
    """

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls()
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        return extension

    def spider_opened(self) -> None:
        """All that a crawl needs is loaded, but for what its first release asks for."""
        gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
        keep_loaded()
