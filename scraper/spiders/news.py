"""The news spider: finds what is new, in feeds, sitemaps and listings, and reads it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from urllib.parse import urljoin

from scrapy import Request
from scrapy.http import Response

from archive.frontier import Row
from archive.times import now
from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.faults import find_wall
from scraper.sources import (
    Sources,
    declared_sources,
    find_sources,
    is_release,
    parse_feed,
    parse_listing,
    parse_robots,
    parse_sitemap,
)
from scraper.spiders.asking import AskingSpider
from scraper.spiders.ledger import Ledger, parse_since, unchanged_since_read
from scraper.spiders.traps import DEEPEST

logger = logging.getLogger(__name__)

TURNS = 100  # in which the sitemaps of an index are asked


class NewsSpider(AskingSpider):
    """scrapy crawl news [-a agency=slug[,slug]] [-a since=2024-01-01].

    since: links whose source gives them an earlier day are not followed.
    What a source lists is remembered in the frontier before any of it is asked for, so a crawl that is
    killed loses nothing. A listing is paged until a page brings only what was known *when its last whole
    pass ended*: a pass killed in the middle is thus gone through to its end the next time.
    """

    name = "news"

    def __init__(self, agency: str = "", since: str = "", **arguments: Any) -> None:
        super().__init__(agency, **arguments)
        self.since = parse_since(since)
        self.begun = now()

    async def start(self) -> AsyncIterator[Any]:
        for slug, agency in self.agencies.items():
            self.ledgers[slug] = Ledger(self.archive, slug, self.tallies[slug], self.begun, self.since)
            sources = declared_sources(agency)
            if sources != Sources():
                self.ledgers[slug].declare(sources.listings)
            requests = self.ask_sources(sources, agency) if sources != Sources() else self.ask_home(agency)
            for request in (*requests, *self.draw(slug)):  # the latter: what an earlier crawl left due
                yield request

    def ask_home(self, agency: Agency) -> Iterator[Request]:
        """Requests for what shows the sources of an agency whose table names none."""
        yield from self.ask_source(agency.home, agency, "home", self.read_home)
        yield from self.ask_source(
            urljoin(agency.home, "/robots.txt"),
            agency,
            "robots",
            self.read_robots,
            handle_httpstatus_list=list(range(400, 500)),  # a site without robots.txt names no sitemaps (RFC 9309)
        )

    def ask_sources(self, sources: Sources, agency: Agency) -> Iterator[Request]:
        """Requests for every feed, sitemap and listing."""
        for url in sources.feeds:
            yield from self.ask_source(url, agency, "feed", self.read_feed)
        for url in sources.sitemaps:
            yield from self.ask_source(url, agency, "sitemap", self.read_sitemap)
        for url in sources.listings:
            yield from self.ask_source(url, agency, "listing", self.read_listing)

    def read_home(self, response: Response) -> Iterator[Request]:
        """The home page of an agency whose table names no source."""
        agency = self.agencies[response.meta["agency"]]
        try:
            found = find_sources(response.body, response.url, agency)
        except SourceError as error:
            self.source_unreadable(response, error)
            return
        if found == Sources() and find_wall(response.body, response.url):
            self.source_unreadable(response, SourceError(response.url, "shows no feed and no listing"))
            return
        self.source_done(response)
        self.ledgers[agency.slug].declare(found.listings)
        if found == Sources():
            logger.info("%s: its home page shows no feed and no listing", agency.slug)
        yield from self.ask_sources(found, agency)

    def read_robots(self, response: Response) -> Iterator[Request]:
        """robots.txt of such an agency, for its Sitemap lines."""
        agency = self.agencies[response.meta["agency"]]
        self.source_done(response)
        if response.status == 200:
            yield from self.ask_sources(Sources(sitemaps=parse_robots(response.body, response.url)), agency)

    def read_feed(self, response: Response) -> Iterator[Request]:
        """A feed, or 304: nothing new in it."""
        agency = self.agencies[response.meta["agency"]]
        if response.status == 304:
            yield from self.read_again(response.meta["source"], agency)
            return
        try:
            links = parse_feed(response.body, response.url, agency)
        except SourceError as error:
            self.source_unreadable(response, error)
            return
        links = [link for link in links if is_release(link.url, agency)]
        self.ledgers[agency.slug].found(links, response.meta["source"])
        self.source_done(response, links)
        yield from self.draw(agency.slug)

    def read_sitemap(self, response: Response) -> Iterator[Request]:
        """A sitemap, or an index of sitemaps; those that say they have not changed since are left alone."""
        agency, source = self.agencies[response.meta["agency"]], response.meta["source"]
        if response.status == 304:
            yield from self.read_again(source, agency)
            return
        try:
            links, children = parse_sitemap(response.body, response.url, agency)
        except SourceError as error:
            self.source_unreadable(response, error)
            return
        self.ledgers[agency.slug].found(links, source)
        depth = response.meta.get("depth", 1)  # of indexes: sitemaps.org has one, and sitemaps below it
        if children and depth > DEEPEST:
            self.source_unreadable(response, SourceError(response.url, f"is an index too deep: {depth - 1} lie above"))
            return
        named = [(child.url, child.listed, self.archive.frontier.get(child.url)) for child in children]
        yield from self.ask_children(named, agency, source, depth=depth + 1)
        if not (children and self.turn.is_over()):  # else the next crawl goes on with what is left
            self.source_done(response, links or children)
        yield from self.draw(agency.slug)

    def read_again(self, source: str, agency: Agency) -> Iterator[Request]:
        """A source that has not changed; of an index, sitemaps that were left unread or bear no date are asked."""
        named = [(row.url, row.listed, row) for row in self.ledgers[agency.slug].found_again(source)]
        yield from self.ask_children(named, agency, source)

    def ask_children(
        self, named: Sequence[tuple[str, str | None, Row | None]], agency: Agency, index: str, **meta: Any
    ) -> Iterator[Request]:
        """The sitemaps of an index, which has them changed at times of its own; those read longest ago first."""
        ordered = sorted(named, key=lambda one: (one[2].fetched if one[2] else None) or "")
        for number, (url, listed, row) in enumerate(ordered):
            if self.turn.is_over():
                return
            if unchanged_since_read(row, listed):
                yield from self.read_again(url, agency)
            else:
                told = {"index": index, "listed": listed, "turn": TURNS - TURNS * number // len(ordered), **meta}
                yield from self.ask_source(url, agency, "sitemap", self.read_sitemap, **told)

    def read_listing(self, response: Response) -> Iterator[Request]:
        """One page of a listing, then the next, until a page brings nothing that is not known."""
        agency, first, page = self.agencies[response.meta["agency"]], response.meta["first"], response.meta["page"]
        try:
            links, following = parse_listing(response.body, response.url, agency)
        except SourceError as error:
            self.source_unreadable(response, error)
            return
        resumed: bool = response.meta.get("resumed", False)
        if not links and (page > 1 or find_wall(response.body, response.url)):
            if resumed:
                self.ledgers[agency.slug].begin_anew(first)
            self.source_unreadable(response, SourceError(response.url, f"page {page} of {first} lists nothing"))
            return
        ledger = self.ledgers[agency.slug]
        following = None if following in ledger.asked else following
        known = ledger.known(first, links, resumed=resumed)
        ledger.found(links, first)
        if following and (trap := ledger.find_trap(first, page, links, self.settings.getint("LISTING_PAGES_MAX"))):
            self.source_unreadable(response, SourceError(first, trap), first)
        elif following and links and not known and not all(map(ledger.is_too_old, links)):
            if not (self.turn.is_over() and ledger.cut(first, following, page + 1, resumed=resumed)):
                yield from self.ask_page(following, agency, first, page + 1, resumed=resumed)
        elif not self.since:  # a pass that left older pages out is no whole one
            walk = ledger.walked(first, resumed=resumed)
            if walk and not self.turn.is_over():
                yield from self.ask_page(walk.following, agency, first, walk.page, resumed=True)
        yield from self.draw(agency.slug)

    def ask_page(self, url: str, agency: Agency, first: str, page: int, *, resumed: bool) -> Iterator[Request]:
        """A listing's later page; `resumed`, behind a gap that an earlier crawl left."""
        yield from self.ask_source(url, agency, "listing", self.read_listing, first=first, page=page, resumed=resumed)
