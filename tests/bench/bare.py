"""The baseline of the crawl's cost: Scrapy alone fetches a list of addresses and reads nothing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from scrapy import Request, Spider
from scrapy.http import Response

ENVIRONMENT = {**os.environ, "SCRAPY_SETTINGS_MODULE": "tests.site.settings"}


class BareSpider(Spider):
    """scrapy runspider tests/bench/bare.py -a urls=FILE."""

    name = "bare"
    custom_settings = {"EXTENSIONS": {}, "ITEM_PIPELINES": {}, "DOWNLOADER_MIDDLEWARES": {}}  # noqa: RUF012 - Scrapy's

    def __init__(self, urls: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.urls = Path(urls).read_text("utf-8").split()

    async def start(self) -> AsyncIterator[Any]:
        for url in self.urls:
            yield Request(url)

    def parse(self, response: Response) -> None:
        """Read nothing."""
