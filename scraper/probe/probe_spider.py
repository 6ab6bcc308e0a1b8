"""The spider of `scrapy probe`, and its requests."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from scrapy import Request
from scrapy.crawler import Crawler, CrawlerProcessBase
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError
from twisted.internet.error import ConnectError, ConnectionClosed

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
    """Probe a site in a separate crawl.

    Raises SourceError or PageError if the home page cannot be fetched or read, AgencyError if
    CONTACT is missing.
    """
    check_contact(
        {"probe": Agency(slug="probe", name="probe", home=url)}, process.settings.get("CONTACT")
    )
    quieten_loggers()
    crawler = process.create_crawler(ProbeSpider)
    process.crawl(crawler, url=url, agencies=agencies)
    process.start()
    spider = crawler.spider
    assert isinstance(spider, ProbeSpider)  # noqa: S101 - the spider that was just created
    if spider.result is None:
        raise spider.error or SourceError(url, "the probe was stopped")
    return spider.result


class ProbeSpider(IdentifiedSpider):
    """Fetches URLs one after another through Scrapy's downloader, with robots.txt, delays and
    retries.
    """

    name = "probe"
    custom_settings: ClassVar[dict[str, Any]] = {  # type: ignore[misc] # Scrapy declares it as an instance attribute
        # other extensions need an archive
        "EXTENSIONS": {"scraper.downloader.limits.CrawlDelayExtension": 100},
        "ITEM_PIPELINES": {},
    }
    result: ProbeResult | None = None
    error: SourceError | PageError | None = None  # why there is no result

    def __init__(self, url: str, agencies: dict[str, Agency], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.url, self.agencies = url, agencies

    async def start(self) -> AsyncIterator[Any]:
        try:
            self.result = await SiteProbe(self.url, self.agencies, self.fetch).run()
        except (SourceError, PageError) as error:
            self.error = error
        return
        yield  # Scrapy requires an async generator; everything was fetched above

    async def fetch(self, url: str) -> Response:
        sys.stderr.write(f"fetching {url}\n")
        return await request_page(self.crawler, url)


async def request_page(crawler: Crawler, url: str, **meta: Any) -> Response:
    """Return the response for a URL through Scrapy's downloader. meta: of the request.

    Raises SourceError unless its status is 200; its cause is the exception of the downloader.
    """
    assert crawler.engine  # noqa: S101 - a running spider has an engine
    try:
        response = await crawler.engine.download_async(Request(url, meta=meta))
    except RobotsForbidden as error:
        raise SourceError(url, "robots.txt forbids it") from error
    except CONNECTION_ERRORS as error:
        raise SourceError(url, describe_download_error(error)) from error
    if response.status != 200:
        raise SourceError(url, f"answered {response.status}") from HttpError(response)
    return response


def quieten_loggers() -> None:
    for name, level in QUIET_LOGGERS.items():
        logging.getLogger(name).setLevel(level)
