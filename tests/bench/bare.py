"""The baseline of the crawl: Scrapy fetches a list of URLs and parses nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from scrapy import Request, Spider
from scrapy.http import Response


class BareSpider(Spider):
    """scrapy runspider tests/bench/bare.py -a urls=FILE.

    Each line of the file has a URL, and its ETag and Last-Modified if there are any, separated by
    tabs.
    """

    name = "bare"
    custom_settings = {"EXTENSIONS": {}, "ITEM_PIPELINES": {}, "DOWNLOADER_MIDDLEWARES": {}}  # noqa: RUF012 - Scrapy's

    def __init__(self, urls: str, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.lines = Path(urls).read_text("utf-8").splitlines()

    async def start(self) -> AsyncIterator[Any]:
        for line in self.lines:
            url, *validators = line.split("\t")
            headers = dict(
                zip(("If-None-Match", "If-Modified-Since"), filter(None, validators), strict=False)
            )
            yield Request(url, headers=headers, meta={"handle_httpstatus_list": [304]})

    def parse(self, response: Response) -> None:
        """Parse nothing."""
