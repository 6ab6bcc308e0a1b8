"""Looks for garbage seldom where page after page is read: they leave none behind (scraper.pages.soup)."""

from __future__ import annotations

import gc
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler

from archive.garbage import keep_loaded

YOUNG = 10_000  # objects since the last look; Python's own 700 (3.11) are less than one page makes


def look_seldom() -> None:
    """Python's looks for garbage took a tenth of a crawl's time; from now on they come every some dozen pages.

    What is no cycle is freed at once all the same, so memory does not grow by it.
    """
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    keep_loaded()


class Garbage:
    """So in a crawl, from when its spider is opened: nearly all that it needs is loaded by then."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls()
        crawler.signals.connect(extension.spider_opened, signals.spider_opened)
        return extension

    def spider_opened(self) -> None:
        """The crawl begins."""
        look_seldom()
