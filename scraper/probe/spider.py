"""The spider of `scrapy probe`: fetches a site's home page, its sources and sample releases."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

from scrapy import Request, Spider
from scrapy.crawler import CrawlerProcessBase
from scrapy.http import Response
from scrapy.settings import BaseSettings
from twisted.internet.error import ConnectError, ConnectionClosed

from scraper.agency import Agency, build_user_agent, check_contact
from scraper.downloader.errors import DOWNLOAD_ERRORS, RobotsForbidden, describe_download_error
from scraper.errors import PageError, SourceError
from scraper.normalise.urls import extract_host
from scraper.probe.result import ProbedPage, ProbedSource, ProbeResult, probe_home_page, probe_page
from scraper.sources import find_sources, parse_feed, parse_listing, parse_sitemap
from scraper.sources.feeds import parse_robots_sitemaps
from scraper.sources.links import NEWS_WORDS, SourceLink

SAMPLE_RELEASES = 3
MAX_SAMPLE_REQUESTS = 6  # pages fetched until enough of them are releases
MAX_SOURCES_PER_KIND = 4
MAX_INDEX_SITEMAPS = 3  # sitemaps fetched from an index
NEWS_WORD = re.compile(NEWS_WORDS, re.IGNORECASE)
CONNECTION_ERRORS = (*DOWNLOAD_ERRORS, ConnectError, ConnectionClosed)
QUIET_LOGGERS = {
    **dict.fromkeys(("scrapy.addons", "scrapy.crawler", "scrapy.middleware"), logging.WARNING),
    # The report says the same.
    **dict.fromkeys(("scrapy.downloadermiddlewares.retry", "scrapy.downloadermiddlewares.robotstxt"), logging.CRITICAL),
}


def probe_site(process: CrawlerProcessBase, url: str, agencies: dict[str, Agency]) -> ProbeResult:
    """Probe a site in a separate crawl.

    Raises SourceError or PageError if the home page cannot be fetched or read, AgencyError if CONTACT is missing.
    """
    check_contact({"probe": Agency(slug="probe", name="probe", home=url)}, process.settings.get("CONTACT"))
    for name, level in QUIET_LOGGERS.items():
        logging.getLogger(name).setLevel(level)
    crawler = process.create_crawler(ProbeSpider)
    process.crawl(crawler, url=url, agencies=agencies)
    process.start()
    spider = crawler.spider
    assert isinstance(spider, ProbeSpider)  # noqa: S101 - the one just made
    if spider.result is None:
        raise spider.error or SourceError(url, "the probe was stopped")
    return spider.result


class ProbeSpider(Spider):
    """Fetches URLs one after another through Scrapy's downloader, with robots.txt, delays and retries."""

    name = "probe"
    custom_settings: ClassVar[dict[str, Any]] = {  # type: ignore[misc] # Scrapy types it as an instance's
        "EXTENSIONS": {"scraper.downloader.throttle.CrawlDelayExtension": 100},  # other extensions need an archive
        "ITEM_PIPELINES": {},
    }
    result: ProbeResult | None = None
    error: SourceError | PageError | None = None  # why there is no result

    def __init__(self, url: str, agencies: dict[str, Agency], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.url, self.agencies = url, agencies

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        settings.set("USER_AGENT", build_user_agent(settings.get("CONTACT")), priority="spider")

    async def start(self) -> AsyncIterator[Any]:
        try:
            self.result = await self.probe()
        except (SourceError, PageError) as error:
            self.error = error
        nothing: tuple[Request, ...] = ()
        for request in nothing:  # Scrapy needs an async generator; everything was fetched above
            yield request

    async def probe(self) -> ProbeResult:
        """Fetch the home page, its sources and up to SAMPLE_RELEASES releases."""
        home = await self.fetch(urljoin(self.url, "/"))
        result = probe_home_page(home.body, home.url, self.agencies)
        agency, host = result.base_agency, extract_host(self.url)
        if extract_host(home.url) != host and not result.is_known:
            agency = result.base_agency = replace(agency, aliases=(*agency.aliases, host))
        found = find_sources(home.body, home.url, agency)
        given_urls = [self.url] if urlsplit(self.url).path.strip("/") and agency.owns(self.url) else []
        await self.probe_sources(result, "feeds", found.feeds)
        await self.probe_sources(result, "listings", [*given_urls, *found.listings])
        await self.probe_sources(result, "sitemaps", await self.find_sitemap_urls(agency))
        result.update_proposal()
        requested_urls: set[str] = set()
        while (
            len(requested_urls) < MAX_SAMPLE_REQUESTS
            and sum(page.release is not None for page in result.pages) < SAMPLE_RELEASES
        ):
            link = next((link for link in result.list_matching_links() if link.url not in requested_urls), None)
            if link is None:
                break
            requested_urls.add(link.url)
            result.pages.append(await self.fetch_release(link.url, result.agency))
            result.drop_undated_listings()
            result.update_proposal()
        return result

    async def find_sitemap_urls(self, agency: Agency) -> list[str]:
        """Return the sitemaps named in robots.txt, else the usual URL of a sitemap."""
        try:
            response = await self.fetch(urljoin(agency.home, "/robots.txt"))
            urls = parse_robots_sitemaps(response.body, response.url)
        except SourceError:
            urls = []
        return urls or [urljoin(agency.home, "/sitemap.xml")]

    async def probe_sources(self, result: ProbeResult, kind: str, found_urls: Iterable[str]) -> None:
        """Fetch all declared sources of a kind and the first few found ones; add their links or problems."""
        agency = result.base_agency
        found = list(dict.fromkeys(found_urls))[:MAX_SOURCES_PER_KIND]
        for url in dict.fromkeys([*getattr(agency, kind), *found]):
            source = ProbedSource(kind, url)
            try:
                source.links = await self.fetch_source_links(kind, url, agency)
            except SourceError as error:
                source.problem = error.problem
            result.sources.append(source)

    async def fetch_source_links(self, kind: str, url: str, agency: Agency) -> list[SourceLink]:
        response = await self.fetch(url)
        if kind == "feeds":
            return [link for link in parse_feed(response.body, response.url, agency) if agency.owns(link.url)]
        if kind == "listings":
            return parse_listing(response.body, response.url, agency).links
        return await self.read_sitemap_links(response, agency)

    async def read_sitemap_links(self, response: Response, agency: Agency) -> list[SourceLink]:
        """Return a sitemap's releases, newest first; for an index, those of the most likely sitemaps."""
        links, children = parse_sitemap(response.body, response.url, agency)
        children.sort(key=lambda child: (bool(NEWS_WORD.search(child.url)), child.listed_at or ""), reverse=True)
        missing: SourceError | None = None
        for child in children[:MAX_INDEX_SITEMAPS]:
            try:
                child_response = await self.fetch(child.url)
            except SourceError as error:
                missing = error
                continue
            links += parse_sitemap(child_response.body, child_response.url, agency)[0]
        if missing and not links:
            raise missing
        return sorted(links, key=lambda link: link.listed_at or "", reverse=True)

    async def fetch_release(self, url: str, agency: Agency) -> ProbedPage:
        try:
            response = await self.fetch(url)
        except SourceError as error:
            return ProbedPage(url, problem=error.problem)
        if not agency.owns(response.url):
            return ProbedPage(url, problem=f"redirected to another host: {response.url}")
        return replace(probe_page(response.body, response.url, agency), url=url)

    async def fetch(self, url: str) -> Response:
        """Return the response for a URL. Raises SourceError if there is none, or its status is not 200."""
        sys.stderr.write(f"fetching {url}\n")
        engine = self.crawler.engine
        assert engine  # noqa: S101 - a running spider has one
        try:
            response = await engine.download_async(Request(url))
        except RobotsForbidden as error:
            raise SourceError(url, "robots.txt forbids it") from error
        except CONNECTION_ERRORS as error:
            raise SourceError(url, describe_download_error(error)) from error
        if response.status != 200:
            raise SourceError(url, f"answered {response.status}")
        return response
