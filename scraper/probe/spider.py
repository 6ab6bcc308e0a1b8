"""The spider of `scrapy probe`: fetches a site's home page, its sources and sample releases."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

from scrapy import Request, Spider
from scrapy.exceptions import CannotResolveHostError, DownloadTimeoutError, IgnoreRequest
from scrapy.http import Response
from scrapy.settings import BaseSettings
from twisted.internet.error import ConnectError, ConnectionClosed

from scraper.agency import Agency, build_user_agent
from scraper.downloader.errors import DOWNLOAD_ERRORS, RobotsForbidden
from scraper.errors import PageError, SourceError
from scraper.normalise.urls import extract_host
from scraper.probe.result import ProbedPage, ProbedSource, ProbeResult, probe_home_page, probe_page
from scraper.sources import find_sources, parse_feed, parse_listing, parse_sitemap
from scraper.sources.feeds import parse_robots_sitemaps
from scraper.sources.links import NEWS_WORDS, SourceLink

SAMPLE_RELEASES = 3
MAX_SAMPLE_REQUESTS = 6  # pages fetched until enough of them are releases
MAX_SOURCES_PER_KIND = 4
MAX_INDEX_SITEMAPS = 3  # fetched of a sitemap index
NEWS_WORD = re.compile(NEWS_WORDS, re.IGNORECASE)
CONNECTION_ERRORS = (*DOWNLOAD_ERRORS, ConnectError, ConnectionClosed)


class NoResponse(Exception):  # noqa: N818 - it says what happened
    """A URL gave no usable response; the message says why."""


class ProbeSpider(Spider):
    """Fetches URLs one after another through Scrapy's downloader: robots.txt, delays and retries apply."""

    name = "probe"
    custom_settings: ClassVar[dict[str, Any]] = {  # type: ignore[misc] # Scrapy types it as an instance's
        "EXTENSIONS": {"scraper.downloader.throttle.CrawlDelayExtension": 100},  # the others need an archive
        "ITEM_PIPELINES": {},
    }
    result: ProbeResult | None = None
    problem: str | None = None  # why there is no result

    def __init__(self, url: str, agencies: dict[str, Agency], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.url, self.agencies = url, agencies

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        settings.set("USER_AGENT", build_user_agent(settings.get("CONTACT")), priority="spider")

    async def start(self) -> AsyncIterator[Any]:
        try:
            await self.probe()
        except (NoResponse, PageError) as error:
            self.problem = str(error)
        nothing: tuple[Request, ...] = ()
        for request in nothing:  # Scrapy needs an async generator; everything was fetched above
            yield request

    async def probe(self) -> None:
        """Fetch the home page, its sources and up to SAMPLE_RELEASES releases."""
        home = await self.fetch(urljoin(self.url, "/"))
        result = probe_home_page(home.body, home.url, self.agencies)
        if extract_host(home.url) != extract_host(self.url) and not result.is_known:
            result.base_agency = add_alias(result.base_agency, extract_host(self.url))
        await self.probe_sources(home, result)
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
            result.pages = result.drop_undated_listings(result.pages)
            result.update_proposal()
        self.result = result

    async def probe_sources(self, home: Response, result: ProbeResult) -> None:
        """Fetch the sources that the agency's table, the home page, robots.txt and the given URL name."""
        agency = result.base_agency
        found = find_sources(home.body, home.url, agency)
        given_urls = [self.url] if urlsplit(self.url).path.strip("/") and agency.owns(self.url) else []
        for url in merge_source_urls(agency.feeds, [*found.feeds]):
            result.sources.append(await self.probe_source(ProbedSource("feeds", url), agency))
        for url in merge_source_urls(agency.listings, [*given_urls, *found.listings]):
            result.sources.append(await self.probe_source(ProbedSource("listings", url), agency))
        for url in merge_source_urls(agency.sitemaps, [*await self.find_sitemap_urls(agency)]):
            result.sources.append(await self.probe_source(ProbedSource("sitemaps", url), agency))

    async def find_sitemap_urls(self, agency: Agency) -> list[str]:
        """Return the sitemaps that robots.txt names, else the usual URL of one."""
        try:
            response = await self.fetch(urljoin(agency.home, "/robots.txt"))
            urls = parse_robots_sitemaps(response.body, response.url)
        except NoResponse:
            urls = []
        return urls or [urljoin(agency.home, "/sitemap.xml")]

    async def probe_source(self, source: ProbedSource, agency: Agency) -> ProbedSource:
        """Fetch a source, and set its links or why it gave none."""
        try:
            response = await self.fetch(source.url)
            if source.kind == "feeds":
                links = parse_feed(response.body, response.url, agency)
                source.links = [link for link in links if agency.owns(link.url)]
            elif source.kind == "listings":
                source.links = parse_listing(response.body, response.url, agency)[0]
            else:
                source.links = await self.read_sitemap_links(response, agency)
        except NoResponse as error:
            source.problem = str(error)
        except SourceError as error:
            source.problem = error.problem
        return source

    async def read_sitemap_links(self, response: Response, agency: Agency) -> list[SourceLink]:
        """Return a sitemap's releases, newest first; of an index, those of the likeliest sitemaps."""
        links, children = parse_sitemap(response.body, response.url, agency)
        children.sort(key=lambda child: (bool(NEWS_WORD.search(child.url)), child.listed_at or ""), reverse=True)
        problem: NoResponse | None = None
        for child in children[:MAX_INDEX_SITEMAPS]:
            try:
                child_response = await self.fetch(child.url)
            except NoResponse as error:
                problem = error
                continue
            links += parse_sitemap(child_response.body, child_response.url, agency)[0]
        if problem and not links:
            raise problem
        return sorted(links, key=lambda link: link.listed_at or "", reverse=True)

    async def fetch_release(self, url: str, agency: Agency) -> ProbedPage:
        """Fetch a release and parse it."""
        try:
            response = await self.fetch(url)
        except NoResponse as error:
            return ProbedPage(url, problem=str(error))
        if not agency.owns(response.url):
            return ProbedPage(url, problem=f"led to another host: {response.url}")
        return replace(probe_page(response.body, response.url, agency), url=url)

    async def fetch(self, url: str) -> Response:
        """Return the response for a URL; raise NoResponse with the reason if there is none."""
        sys.stderr.write(f"asking {url}\n")
        engine = self.crawler.engine
        assert engine  # noqa: S101 - a running spider has one
        try:
            response = await engine.download_async(Request(url))
        except RobotsForbidden as error:
            raise NoResponse("robots.txt forbids it") from error
        except IgnoreRequest as error:
            raise NoResponse(str(error)) from error
        except CannotResolveHostError as error:
            raise NoResponse("there is no such host") from error
        except DownloadTimeoutError as error:
            raise NoResponse("took too long to answer") from error
        except CONNECTION_ERRORS as error:
            raise NoResponse(f"cannot be reached: {error or type(error).__name__}") from error
        if response.status != 200:
            raise NoResponse(f"answered {response.status}")
        return response


def merge_source_urls(declared: Iterable[str], found: Iterable[str]) -> list[str]:
    """Return all declared URLs and the first few of those found, each once."""
    return list(dict.fromkeys([*declared, *list(dict.fromkeys(found))[:MAX_SOURCES_PER_KIND]]))


def add_alias(agency: Agency, host: str) -> Agency:
    """Return the agency with one more host."""
    return replace(agency, aliases=(*agency.aliases, host))
