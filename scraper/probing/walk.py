"""ProbeSpider: asks an agency's site for its home page, its sources and three releases, as a good guest."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

from scrapy import Request, Spider
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.http import Response
from scrapy.settings import BaseSettings
from twisted.internet.error import ConnectError, ConnectionClosed

from scraper.agency import Agency, user_agent
from scraper.errors import PageError, SourceError
from scraper.normalise.urls import host_of
from scraper.probing.findings import RELEASES, TRIES, Findings, Page, Source, begin, read
from scraper.robots import RobotsForbidden
from scraper.sessions import Link
from scraper.sources import NEWS_WORDS, find_sources, parse_feed, parse_listing, parse_robots, parse_sitemap

MOST = 4  # sources of one kind asked
MOST_OF_AN_INDEX = 3  # sitemaps of a sitemap index asked
NEWS = re.compile(NEWS_WORDS, re.IGNORECASE)
BROKEN = (
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    ResponseDataLossError,
    ConnectError,
    ConnectionClosed,
    OSError,
)


class NoAnswer(Exception):  # noqa: N818 - it says what happened
    """An address that gave nothing to read; the message says why."""


class ProbeSpider(Spider):
    """Asks one address after another, each through Scrapy's downloader: robots.txt, delays and retries are kept."""

    name = "probe"
    custom_settings: ClassVar[dict[str, Any]] = {  # type: ignore[misc] # Scrapy types it as an instance's
        "EXTENSIONS": {"scraper.middlewares.CrawlDelay": 100},  # the others keep an archive's books
        "ITEM_PIPELINES": {},
    }
    findings: Findings | None = None
    problem: str | None = None  # why there are none

    def __init__(self, url: str, agencies: dict[str, Agency], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.url, self.agencies = url, agencies

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        settings.set("USER_AGENT", user_agent(settings.get("CONTACT")), priority="spider")

    async def start(self) -> AsyncIterator[Any]:
        try:
            await self.probe()
        except (NoAnswer, PageError) as error:
            self.problem = str(error)
        nothing: tuple[Request, ...] = ()
        for request in nothing:  # Scrapy wants an async generator; everything has been asked above
            yield request

    async def probe(self) -> None:
        """The whole visit."""
        home = await self.ask(urljoin(self.url, "/"))
        found = begin(home.body, home.url, self.agencies)
        if host_of(home.url) != host_of(self.url) and not found.known:
            found.base = with_alias(found.base, host_of(self.url))
        await self.find_sources(home, found)
        found.propose()
        asked: set[str] = set()
        while len(asked) < TRIES and sum(page.release is not None for page in found.pages) < RELEASES:
            link = next((link for link in found.fitting() if link.url not in asked), None)
            if link is None:
                break
            asked.add(link.url)
            found.pages.append(await self.read_page(link.url, found.agency))
            found.pages = found.doubt(found.pages)
            found.propose()
        self.findings = found

    async def find_sources(self, home: Response, found: Findings) -> None:
        """Ask what the home page, robots.txt and the address given lead to."""
        agency = found.base
        shown = find_sources(home.body, home.url, agency)
        given = [self.url] if urlsplit(self.url).path.strip("/") and agency.owns(self.url) else []
        for url in unique(agency.feeds, [*shown.feeds]):
            found.sources.append(await self.look(Source("feeds", url), agency))
        for url in unique(agency.listings, [*given, *shown.listings]):
            found.sources.append(await self.look(Source("listings", url), agency))
        for url in unique(agency.sitemaps, [*await self.find_sitemaps(agency)]):
            found.sources.append(await self.look(Source("sitemaps", url), agency))

    async def find_sitemaps(self, agency: Agency) -> list[str]:
        """The sitemaps robots.txt names, else the usual place of one."""
        try:
            answer = await self.ask(urljoin(agency.home, "/robots.txt"))
            named = parse_robots(answer.body, answer.url)
        except NoAnswer:
            named = []
        return named or [urljoin(agency.home, "/sitemap.xml")]

    async def look(self, source: Source, agency: Agency) -> Source:
        """Ask one source, and keep what it gave or why it gave nothing."""
        try:
            answer = await self.ask(source.url)
            if source.kind == "feeds":
                links = parse_feed(answer.body, answer.url, agency)
                source.links = [link for link in links if agency.owns(link.url)]
            elif source.kind == "listings":
                source.links = parse_listing(answer.body, answer.url, agency)[0]
            else:
                source.links = await self.read_sitemap(answer, agency)
        except NoAnswer as error:
            source.problem = str(error)
        except SourceError as error:
            source.problem = error.problem
        return source

    async def read_sitemap(self, answer: Response, agency: Agency) -> list[Link]:
        """A sitemap's releases, the newest first; of an index, those of its likeliest sitemaps."""
        links, children = parse_sitemap(answer.body, answer.url, agency)
        children.sort(key=lambda child: (bool(NEWS.search(child.url)), child.listed or ""), reverse=True)
        problem: NoAnswer | None = None
        for child in children[:MOST_OF_AN_INDEX]:
            try:
                below = await self.ask(child.url)
            except NoAnswer as error:
                problem = error
                continue
            links += parse_sitemap(below.body, below.url, agency)[0]
        if problem and not links:
            raise problem
        return sorted(links, key=lambda link: link.listed or "", reverse=True)

    async def read_page(self, url: str, agency: Agency) -> Page:
        """One release."""
        try:
            answer = await self.ask(url)
        except NoAnswer as error:
            return Page(url, problem=str(error))
        if not agency.owns(answer.url):
            return Page(url, problem=f"led to another host: {answer.url}")
        return replace(read(answer.body, answer.url, agency), url=url)

    async def ask(self, url: str) -> Response:
        """One answer; NoAnswer says in words why there is none."""
        sys.stderr.write(f"asking {url}\n")
        engine = self.crawler.engine
        assert engine  # noqa: S101 - there is one while a spider runs
        try:
            answer = await engine.download_async(Request(url))
        except RobotsForbidden as error:
            raise NoAnswer("robots.txt forbids it") from error
        except IgnoreRequest as error:
            raise NoAnswer(str(error)) from error
        except CannotResolveHostError as error:
            raise NoAnswer("there is no such host") from error
        except DownloadTimeoutError as error:
            raise NoAnswer("took too long to answer") from error
        except BROKEN as error:
            raise NoAnswer(f"cannot be reached: {error or type(error).__name__}") from error
        if answer.status != 200:
            raise NoAnswer(f"answered {answer.status}")
        return answer


def with_alias(agency: Agency, host: str) -> Agency:
    """An agency that also answers under another host."""
    return replace(agency, aliases=(*agency.aliases, host))


def unique(declared: Iterable[str], shown: Iterable[str]) -> list[str]:
    """All declared addresses and the first few that are shown, each once."""
    return list(dict.fromkeys([*declared, *list(dict.fromkeys(shown))[:MOST]]))
