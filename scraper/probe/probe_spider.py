"""The spider of `scrapy probe`: fetches a site's home page, its sources and sample releases."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

from scrapy import Request
from scrapy.crawler import CrawlerProcessBase
from scrapy.http import Response
from twisted.internet.error import ConnectError, ConnectionClosed

from scraper.agency import Agency, check_contact, find_press_wire, find_wire_name
from scraper.downloader.limits import (
    DOWNLOAD_ERRORS,
    IdentifiedSpider,
    RobotsForbidden,
    describe_download_error,
)
from scraper.errors import PageError, SourceError
from scraper.normalise.page_urls import extract_host
from scraper.probe.proposal import (
    ProbedPage,
    ProbedSource,
    ProbeResult,
    describe_press_room,
    describe_year,
    probe_file_link,
    probe_home_page,
    probe_page,
    strip_year,
)
from scraper.sources import (
    MAX_PRESS_ROOMS,
    NEWS_WORDS,
    SourceLink,
    SourceURLs,
    find_sources,
    get_declared_sources,
    get_wire_sources,
    needs_javascript,
    parse_feed,
    parse_listing,
    parse_robots_sitemaps,
    parse_sitemap,
    parse_source_page,
)

SAMPLE_RELEASES = 3
MAX_SAMPLE_REQUESTS = 6  # pages fetched at most, to find enough releases
MAX_SOURCES_PER_KIND = 4
# bytes at the beginning of a response in which the root element of a feed is searched for
FEED_ROOT_BYTES = 1000
MAX_INDEX_SITEMAPS = 3  # sitemaps fetched from an index
NEWS_WORD = re.compile(NEWS_WORDS, re.IGNORECASE)
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
    for name, level in QUIET_LOGGERS.items():
        logging.getLogger(name).setLevel(level)
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
        self.fetched: dict[str, Response | SourceError] = {}  # by the URL that was requested

    async def start(self) -> AsyncIterator[Any]:
        try:
            self.result = await self.probe()
        except (SourceError, PageError) as error:
            self.error = error
        return
        yield  # Scrapy requires an async generator; everything was fetched above

    async def probe(self) -> ProbeResult:
        """Fetch the home page, the given page, their sources and up to SAMPLE_RELEASES releases."""
        home, given = await self.fetch_start_pages()
        result = probe_home_page(home.body, home.url, self.agencies)
        agency, host = result.base_agency, extract_host(self.url)
        if extract_host(home.url) != host and not result.is_known:
            agency = result.base_agency = replace(agency, aliases=(*agency.aliases, host))
        found, given_urls = self.find_start_sources(home, given, agency)
        has_sources = found.feeds or found.listings
        if not has_sources and needs_javascript(parse_source_page(home.body, home.url).root):
            result.notes.append(
                f"home page: {home.url}: needs JavaScript: its links are not in its HTML"
            )
        await self.probe_wire_lists(result)
        await self.probe_sources(result, "feeds", found.feeds)
        listings = [
            url
            for found_url in (*given_urls, *found.listings)
            for url in (strip_year(found_url), found_url)
        ]
        found.press_rooms += await self.probe_sources(result, "listings", listings)
        await self.probe_sources(result, "sitemaps", await self.find_sitemap_urls(agency))
        for url in list(dict.fromkeys(found.press_rooms))[:MAX_PRESS_ROOMS]:
            await self.probe_press_room(result, url)
        result.update_proposal()
        await self.fetch_samples(result)
        return result

    def find_start_sources(
        self, home: Response, given: Response | None, agency: Agency
    ) -> tuple[SourceURLs, list[str]]:
        """Return the sources that the home page and the given page link to, and the given URL if it
        may be a listing.
        """
        found = find_sources(home.body, home.url, agency)
        has_path = bool(urlsplit(self.url).path.strip("/"))
        if given is None:
            return found, [self.url] if has_path else []
        # XML with the root of RSS or Atom
        if re.search(rb"<(rss|feed|rdf:RDF)\b", given.body[:FEED_ROOT_BYTES]):
            if has_path:
                found.feeds.insert(0, self.url)
            return found, []
        given_found = find_sources(given.body, given.url, agency)
        found.feeds = given_found.feeds + found.feeds
        found.listings = given_found.listings + found.listings
        redirected = [] if agency.owns(given.url) else [given.url]
        found.press_rooms = redirected + given_found.press_rooms + found.press_rooms
        return found, [self.url] if has_path else []

    async def fetch_samples(self, result: ProbeResult) -> None:
        """Fetch releases until there are SAMPLE_RELEASES; each may change the proposal."""
        requested_urls: set[str] = set()
        while (
            len(requested_urls) < MAX_SAMPLE_REQUESTS
            and sum(page.release is not None for page in result.pages) < SAMPLE_RELEASES
        ):
            link = next(
                (link for link in result.list_matching_links() if link.url not in requested_urls),
                None,
            )
            if link is None:
                break
            requested_urls.add(link.url)
            result.pages.append(
                probe_file_link(link, result.agency)
                if link.file_title
                else await self.fetch_release(link.url, result.agency)
            )
            result.drop_undated_listings()
            result.update_proposal()

    async def fetch_start_pages(self) -> tuple[Response, Response | None]:
        """Fetch the home page, and the given page if its URL has a path; without a home page, the
        given one is both.

        Raises SourceError if neither can be fetched.
        """
        if not urlsplit(self.url).path.strip("/"):
            return await self.fetch(urljoin(self.url, "/")), None
        try:
            home = await self.fetch(urljoin(self.url, "/"))
        except SourceError:
            given = await self.fetch(self.url)
            return given, given
        with suppress(SourceError):  # reported when it is read as a listing
            return home, await self.fetch(self.url)
        return home, None

    async def probe_press_room(self, result: ProbeResult, url: str) -> None:
        """Add the listing and feed of a press room at another host, and that host as an alias, if
        it lists releases.

        A press wire is added by its key; the site of another agency becomes a note.
        """
        if find_press_wire(url):
            await self.probe_wire(result, url)
            return
        if any(agency.owns(url) for agency in self.agencies.values()):
            result.notes.append(describe_press_room(url, self.agencies))
            return
        agency, host = result.base_agency, extract_host(url)
        result.base_agency = (
            agency if agency.owns(url) else replace(agency, aliases=(*agency.aliases, host))
        )
        count = len(result.sources)
        await self.probe_sources(result, "listings", [url])
        with suppress(SourceError):
            response = await self.fetch(url)
            if not result.base_agency.owns(response.url):
                result.notes.append(describe_press_room(response.url, self.agencies))
            await self.probe_sources(
                result, "feeds", find_sources(response.body, response.url, result.base_agency).feeds
            )
        if any(source.links for source in result.sources[count:]):
            result.notes.append(
                f"aliases: {host}: linked to as the press room; check that it belongs to the agency"
            )
        else:
            result.base_agency = agency

    async def probe_wire(self, result: ProbeResult, url: str) -> None:
        """Add the press wire of a press room, if its list can be read and has releases."""
        page = ""
        with suppress(SourceError):
            page = (await self.fetch(url)).body.decode("utf-8", "replace")
        agency, name, count = result.base_agency, find_wire_name(url, page), len(result.sources)
        if name is not None and name not in agency.wire:
            result.base_agency = replace(agency, wire=(*agency.wire, name))
            await self.probe_wire_lists(result)
        if not any(source.links for source in result.sources[count:]):
            result.base_agency = agency
            if name not in agency.wire:
                result.notes.append(describe_press_room(url, self.agencies))

    async def probe_wire_lists(self, result: ProbeResult) -> None:
        sources = get_wire_sources(result.base_agency)
        await self.probe_sources(result, "feeds", sources.feeds)
        await self.probe_sources(result, "listings", sources.listings)

    async def find_sitemap_urls(self, agency: Agency) -> list[str]:
        """Return the sitemaps named in robots.txt, else the usual URL of a sitemap."""
        try:
            response = await self.fetch(urljoin(agency.home, "/robots.txt"))
            urls = parse_robots_sitemaps(response.body, response.url)
        except SourceError:
            urls = []
        return urls or [urljoin(agency.home, "/sitemap.xml")]

    async def probe_sources(
        self, result: ProbeResult, kind: str, found_urls: Iterable[str]
    ) -> list[str]:
        """Fetch all declared sources of a kind and the first few found ones; add their links or
        problems.

        Return the press rooms at other hosts that the listings link to.
        """
        agency, press_rooms = result.base_agency, list[str]()
        found = list(dict.fromkeys(found_urls))[:MAX_SOURCES_PER_KIND]
        requested_urls = {source.url for source in result.sources}
        for url in dict.fromkeys([*getattr(get_declared_sources(agency), kind), *found]):
            if url in requested_urls:
                continue
            source = ProbedSource(kind, url)
            try:
                response = await self.fetch(url)
                if kind == "listings":
                    _read_listing(source, response, agency)
                    press_rooms += find_sources(response.body, response.url, agency).press_rooms
                elif kind == "feeds":
                    links = parse_feed(response.body, response.url, agency)
                    source.links = [link for link in links if agency.owns(link.url)]
                else:
                    source.links = await self.read_sitemap_links(response, agency)
            except SourceError as error:
                source.problem = error.problem
            result.sources.append(source)
        return press_rooms

    async def read_sitemap_links(self, response: Response, agency: Agency) -> list[SourceLink]:
        """Return a sitemap's releases, newest first; for an index, those of the most likely
        sitemaps.
        """
        links, children = parse_sitemap(response.body, response.url, agency)
        children.sort(
            key=lambda child: (bool(NEWS_WORD.search(child.url)), child.listed_at or ""),
            reverse=True,
        )
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
        """Return the response for a URL, which is requested only once.

        Raises SourceError unless its status is 200.
        """
        if url not in self.fetched:
            sys.stderr.write(f"fetching {url}\n")
            engine = self.crawler.engine
            assert engine  # noqa: S101 - a running spider has an engine
            try:
                response = await engine.download_async(Request(url))
                is_ok = response.status == 200
                self.fetched[url] = (
                    response if is_ok else SourceError(url, f"answered {response.status}")
                )
            except RobotsForbidden:
                self.fetched[url] = SourceError(url, "robots.txt forbids it")
            except CONNECTION_ERRORS as error:
                self.fetched[url] = SourceError(url, describe_download_error(error))
        found = self.fetched[url]
        if isinstance(found, SourceError):
            raise found
        return found


def _read_listing(source: ProbedSource, response: Response, agency: Agency) -> None:
    """Read the links of a listing and its problems into a source."""
    # the URL of a JSON endpoint decides how its response is parsed, even after a redirect
    endpoint_url = source.url if agency.find_json_source(source.url) else None
    page = parse_listing(response.body, response.url, agency, endpoint_url)
    source.links = page.links
    notes = [page.problem.describe("en")] if page.problem else []
    source.note = "; ".join([*notes, *map(str, page.errors)]) or None
    source.problem = describe_year(source.url)
