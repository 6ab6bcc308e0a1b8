"""Contains the spider of `scrapy probe` and `scrapy survey`, and functions that run it."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, ClassVar

from scrapy import Request
from scrapy.crawler import CrawlerProcessBase
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.internet.error import ConnectError, ConnectionClosed

from archive.database.sqlite_files import ArchiveError
from scraper.agency import Agency, check_contact
from scraper.downloader.limits import (
    DOWNLOAD_ERRORS,
    IdentifiedSpider,
    RobotsForbidden,
    describe_download_error,
)
from scraper.errors import PageError, SourceError
from scraper.probe.proposal import ProbeResult
from scraper.probe.site_probe import SiteProbe

CONNECTION_ERRORS = (*DOWNLOAD_ERRORS, ConnectError, ConnectionClosed)
QUIET_LOGGERS = {
    **dict.fromkeys(("scrapy.addons", "scrapy.crawler", "scrapy.middleware"), logging.WARNING),
    # because the report contains the same information
    **dict.fromkeys(
        ("scrapy.downloadermiddlewares.retry", "scrapy.downloadermiddlewares.robotstxt"),
        logging.CRITICAL,
    ),
}


def probe_site(process: CrawlerProcessBase, url: str, agencies: dict[str, Agency]) -> ProbeResult:
    """Probe a site in a crawl of its own, and return the result.

    Raises SourceError or PageError if the home page cannot be fetched or parsed, and AgencyError if
    the setting CONTACT is missing.
    """
    responses, results = dict[str, asyncio.Task[Response]](), list[ProbeResult]()

    async def work(spider: ProbeSpider) -> None:
        async def fetch(url: str) -> Response:
            if url not in responses:
                sys.stderr.write(f"fetching {url}\n")
                responses[url] = asyncio.create_task(spider.request_page(url))
            return await responses[url]

        results.append(await SiteProbe(url, agencies, fetch).run())

    run_probes(process, {"probe": Agency(slug="probe", name="probe", home=url)}, work)
    if not results:
        raise SourceError(url, "the probe was stopped")
    return results[0]


def run_probes(
    process: CrawlerProcessBase,
    agencies: dict[str, Agency],
    work: Callable[[ProbeSpider], Awaitable[None]],
) -> None:
    """Run `work` with a ProbeSpider in a crawl of its own.

    Raises AgencyError if the setting CONTACT is missing. A SourceError, PageError or ArchiveError
    that `work` raises is raised again after the crawl.
    """
    check_contact(agencies, process.settings.get("CONTACT"))
    for name, level in QUIET_LOGGERS.items():
        logging.getLogger(name).setLevel(level)
    crawler = process.create_crawler(ProbeSpider)
    process.crawl(crawler, work=work)
    process.start()
    if error := getattr(crawler.spider, "error", None):
        raise error


class ProbeSpider(IdentifiedSpider):
    """Fetches URLs through Scrapy's downloader.

    The downloader obeys robots.txt, waits between requests, and retries failed requests.

    work: the coroutine function that makes the requests once the spider is open.
    """

    name = "probe"
    custom_settings: ClassVar[dict[str, Any]] = {  # type: ignore[misc] # Scrapy annotates it as an instance attribute
        # other extensions need an archive
        "EXTENSIONS": {
            "scraper.downloader.limits.CrawlDelayExtension": 100,
            "scraper.crawl.deadline.InFlightLimit": 120,
        },
        "ITEM_PIPELINES": {},
    }
    error: Exception | None = None  # why the work has no result

    def __init__(self, work: Callable[[ProbeSpider], Awaitable[None]], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.work = work

    async def start(self) -> AsyncIterator[Any]:
        try:
            await self.work(self)
        except (SourceError, PageError, ArchiveError) as error:
            self.error = error
        return
        yield  # Scrapy requires an async generator; everything was fetched above

    async def request_page(self, url: str, **meta: Any) -> Response:
        """Request a URL and return the response.

        Raises SourceError unless the status is 200. The cause of the error is the downloader's
        exception, or an HttpError with the response.

        meta: keys of the request's `meta`.
        """
        assert self.crawler.engine  # noqa: S101 - a running spider has an engine
        try:
            response = await self.crawler.engine.download_async(Request(url, meta=meta))
        except RobotsForbidden as error:
            raise SourceError(url, "robots.txt forbids it") from error
        except CONNECTION_ERRORS as error:
            raise SourceError(url, describe_download_error(error)) from error
        if response.status != 200:
            raise SourceError(url, f"answered {response.status}") from HttpError(response)
        return response
