"""Probes one site: fetches its home page, its sources and sample releases, one after another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from scrapy.http import Response

from scraper.agency import Agency, find_press_wire, find_wire_name
from scraper.errors import SourceError
from scraper.ingest import build_file_item
from scraper.normalise.page_urls import extract_host
from scraper.probe.proposal import (
    ProbedPage,
    ProbedSource,
    ProbeResult,
    describe_press_room,
    describe_year,
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
    is_release_url,
    list_declared_urls,
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
MAX_OTHER_HOSTS = 3  # hosts that a listing may link to instead of the agency's
MIN_WIDER_LINKS = 2  # releases at one of them, or outside the declared pattern
NEWS_WORD = re.compile(NEWS_WORDS, re.IGNORECASE)

# Returns the response for a URL, or raises SourceError.
Fetch = Callable[[str], Awaitable[Response]]
# Returns the next link whose page is to be read, or None if enough pages were read.
ChooseSample = Callable[[ProbeResult], SourceLink | None]


def choose_sample(result: ProbeResult) -> SourceLink | None:
    """Return the next link whose page should be fetched as a sample.

    Returns None if no link is left, or once SAMPLE_RELEASES releases have been parsed or
    MAX_SAMPLE_REQUESTS pages have been requested.
    """
    if len(result.sampled_urls) >= MAX_SAMPLE_REQUESTS:
        return None
    if sum(page.release is not None for page in result.pages) >= SAMPLE_RELEASES:
        return None
    links = result.list_matching_links()
    return next((link for link in links if link.url not in result.sampled_urls), None)


class SiteProbe:
    """Finds the sources and releases of a site, and proposes a table for agencies.toml.

    fetch: a coroutine function that returns the response for a URL, or raises SourceError. It must
        cache responses and errors, because it may be called again with the same URL.
    agency: the agency to which the site belongs. If it is None, the agency with the home page's
        host is used, or a new agency if no agency has that host.
    choose_sample: a function that returns the link to the next sample release, or None if no more
        are needed.
    """

    def __init__(
        self,
        url: str,
        agencies: dict[str, Agency],
        fetch: Fetch,
        *,
        agency: Agency | None = None,
        choose_sample: ChooseSample = choose_sample,
    ) -> None:
        self.url, self.agencies, self.agency = url, agencies, agency
        self.fetch, self.choose_sample = fetch, choose_sample
        self.given_urls = [url] if urlsplit(url).path.strip("/") else []

    async def run(self) -> ProbeResult:
        """Probe the site and return the result.

        Raises SourceError if no page can be fetched, and PageError if the home page cannot be
        parsed.
        """
        pages = await self.fetch_start_pages()
        *_, home = pages.values()
        result = probe_home_page(home.body, home.url, self.agencies, self.agency)
        result.crawled_urls.update(self.list_crawled_sources(pages, result.base_agency))
        agency = result.base_agency = self.add_other_host(result, home.url)
        found = self.find_start_sources(pages, agency)
        has_sources = {*found.feeds, *found.listings}.difference(self.given_urls)
        if not has_sources and needs_javascript(parse_source_page(home.body, home.url).root):
            result.needs_javascript = True
            result.notes.append(
                f"home page: {home.url}: needs JavaScript: its links are not in its HTML"
            )
        await self.probe_wire_lists(result)
        await self.probe_sources(result, "feeds", found.feeds)
        listings = [
            url for found_url in found.listings for url in (strip_year(found_url), found_url)
        ]
        found.press_rooms += await self.probe_sources(result, "listings", listings)
        await self.probe_sources(result, "sitemaps", await self.find_sitemap_urls(result))
        for url in list(dict.fromkeys(found.press_rooms))[:MAX_PRESS_ROOMS]:
            await self.probe_press_room(result, url)
        if not result.needs_javascript and not result.list_links():
            await self.widen_table(result)
            await self.probe_sources(result, "listings", [home.url])
        result.update_proposal()
        await self.fetch_samples(result)
        return result

    def add_other_host(self, result: ProbeResult, home_url: str) -> Agency:
        """Return the agency with new hosts added to its aliases.

        A new host is one that redirected to the home page, or to which the home page moved.
        """
        agency = result.base_agency
        if result.is_known and not self.agency:
            return agency
        known = (agency, *self.agencies.values())
        hosts = [
            extract_host(url)
            for url in (self.url, home_url)
            if not any(each.owns(url) for each in known)
        ]
        return replace(agency, aliases=(*agency.aliases, *hosts))

    def list_crawled_sources(self, pages: dict[str, Response], agency: Agency) -> list[str]:
        """Return the URLs of the sources that a news crawl would read.

        These are the declared sources or, if there are none, the sources that the start page links
        to. The start page is the page at the URL to probe or, if that URL has no path, the home
        page. If the page at the URL to probe cannot be fetched, that URL counts as a source, and no
        links are read.
        """
        missing = [url for url in self.given_urls if url not in pages]
        found = SourceURLs()
        if not missing and not _has_declared_sources(agency):
            start, *_ = pages.values()
            found = find_sources(start.body, start.url, agency)
        return [*list_declared_urls(agency), *missing, *(url for _, url in found.iter_by_kind())]

    def find_start_sources(self, pages: dict[str, Response], agency: Agency) -> SourceURLs:
        """Return the sources linked from the home page and from the page at the URL to probe.

        The URL to probe is included if it has a path, because it may itself be a source.
        """
        found = SourceURLs(listings=[*self.given_urls])
        for page in pages.values():
            # XML with the root of RSS or Atom
            if re.search(rb"<(rss|feed|rdf:RDF)\b", page.body[:FEED_ROOT_BYTES]):
                found = SourceURLs(feeds=[*self.given_urls])
                continue
            linked = find_sources(page.body, page.url, agency)
            found.feeds += linked.feeds
            found.listings += linked.listings
            redirected = [] if agency.owns(page.url) else [page.url]
            found.press_rooms += redirected + linked.press_rooms
        return found

    async def fetch_samples(self, result: ProbeResult) -> None:
        """Fetch and parse the sample releases, and update the proposed table after each.

        The releases are parsed with the table as proposed so far.
        """
        while link := self.choose_sample(result):
            result.sampled_urls.add(link.url)
            if link.file_title:
                item = build_file_item(link.url, link.file_title, link.file_day, result.agency)
                page = probe_page(b"", link.url, result.agency, item)
            elif link.record:
                page = probe_page(link.record.body, link.url, result.agency)
            else:
                page = await self.fetch_release(link.url, result.agency)
            result.pages.append(page)
            with suppress(SourceError):  # an empty page
                if page.error and page.html:
                    root = parse_source_page(page.html, page.url).root
                    result.needs_javascript |= needs_javascript(root)
            result.drop_undated_listings()
            result.update_proposal()

    async def fetch_start_pages(self) -> dict[str, Response]:
        """Fetch the home page and, if the URL to probe has a path, the page at that URL.

        Returns the responses by requested URL, without pages that cannot be fetched. The home page
        comes last.

        Raises SourceError if neither page can be fetched.
        """
        pages, failure = dict[str, Response](), SourceError(self.url, "cannot be fetched")
        for url in (urljoin(self.url, "/"), *self.given_urls):
            try:
                pages = {url: await self.fetch(url), **pages}
            except SourceError as error:
                failure = error
        if not pages:
            raise failure
        return pages

    async def probe_press_room(self, result: ProbeResult, url: str) -> None:
        """Probe the listing and the feeds of a press room on another host.

        If they list releases, the host is added as an alias. For a press wire, the key `wire` is
        proposed instead. For the site of another agency, only a note is added.
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
        """Add to the result the press wire to which a press room belongs.

        If the wire's list cannot be read or has no releases, only a note is added. There is no note
        if the agency already names the wire.
        """
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

    async def widen_table(self, result: ProbeResult) -> None:
        """Propose a wider table if the current one excludes the releases in the crawled sources.

        They may be excluded by the pattern `releases`, or because they are on another host. To
        include them, the pattern is dropped or the host is added.
        """
        agency = replace(result.base_agency, releases=None)
        for source in [source for source in result.sources if source.url in result.crawled_urls]:
            with suppress(SourceError):
                response = await self.fetch(source.url)
                page = parse_source_page(response.body, response.url)
                urls = [urljoin(response.url, href) for href in page.xpath("//a/@href").getall()]
                hosts = Counter(map(extract_host, urls)).most_common(MAX_OTHER_HOSTS)
                for aliases in ((), *((host,) for host, _ in hosts if host)):
                    wider = replace(agency, aliases=(*agency.aliases, *aliases))
                    _read_listing(source, response, wider)
                    if len(source.links) >= MIN_WIDER_LINKS:
                        result.base_agency = wider
                        return

    async def find_sitemap_urls(self, result: ProbeResult) -> list[str]:
        """Return the sitemap URLs in robots.txt, or else the usual URL of a sitemap."""
        home, urls = result.base_agency.home, list[str]()
        with suppress(SourceError):
            response = await self.fetch(urljoin(home, "/robots.txt"))
            urls = parse_robots_sitemaps(response.body, response.url)
        if not _has_declared_sources(result.base_agency):
            result.crawled_urls.update(urls)
        return urls or [urljoin(home, "/sitemap.xml")]

    async def probe_sources(
        self, result: ProbeResult, kind: str, found_urls: Iterable[str]
    ) -> list[str]:
        """Fetch sources of a type, and add each source to the result with its links or its problem.

        All declared sources of the type and the first few of `found_urls` are fetched.

        Returns the press rooms on other hosts that the listings link to.
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
                source.problem, source.failure = error.problem, error.kind
            result.sources.append(source)
        return press_rooms

    async def read_sitemap_links(self, response: Response, agency: Agency) -> list[SourceLink]:
        """Return the links to releases in a sitemap, newest first.

        If the sitemap is an index, the sitemaps listed in it that most likely contain news are
        fetched.
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
            return ProbedPage(url, error=error)
        if response.url != url and not is_release_url(response.url, agency):
            problem = f"redirected to {response.url}, which is no release of the agency"
            return ProbedPage(url, error=SourceError(url, problem))
        return replace(probe_page(response.body, response.url, agency), url=url)


def _has_declared_sources(agency: Agency) -> bool:
    return get_declared_sources(agency) != SourceURLs()


def _read_listing(source: ProbedSource, response: Response, agency: Agency) -> None:
    """Parse a listing, and store its links and problems in a source."""
    # the URL of a JSON endpoint decides how its response is parsed, even after a redirect
    endpoint_url = source.url if agency.find_json_source(source.url) else None
    page = parse_listing(response.body, response.url, agency, endpoint_url)
    source.links = page.links
    notes = [page.problem.describe("en")] if page.problem else []
    source.note = "; ".join([*notes, *map(str, page.errors)]) or None
    source.problem = describe_year(source.url)
