"""The news spider: finds what is new, in feeds, sitemaps and listings, and reads it."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from typing import Any
from urllib.parse import urljoin

from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from archive.times import now
from scraper.agency import Agency
from scraper.errors import AgencyError, SourceError
from scraper.sources import (
    Link,
    Sources,
    declared_sources,
    find_sources,
    is_release,
    parse_feed,
    parse_listing,
    parse_robots,
    parse_sitemap,
)
from scraper.spiders.answers import explain, header, validators
from scraper.spiders.ledger import Ledger, unchanged_since_read
from scraper.spiders.reading import ReadingSpider

logger = logging.getLogger(__name__)

Answer = Callable[[Response], Iterator[Request]]


class NewsSpider(ReadingSpider):
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
        self.ledgers: dict[str, Ledger] = {}

    async def start(self) -> AsyncIterator[Any]:
        for slug, agency in self.agencies.items():
            self.ledgers[slug] = Ledger(self.archive, slug, self.tallies[slug], self.begun, self.since)
            sources = declared_sources(agency)
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

    def ask_source(
        self,
        url: str,
        agency: Agency,
        role: str,
        callback: Answer,
        *,
        index: str | None = None,
        listed: str | None = None,
        **meta: Any,
    ) -> Iterator[Request]:
        """A request for a source, unless this crawl has asked it; conditional where it was read to its end once.

        index, listed: of a sitemap, the index that names it and when that says it changed. meta: first and
        page, of a listing's later page: where the listing begins and which page of it this is.
        """
        if url in self.ledgers[agency.slug].asked:
            return
        self.ledgers[agency.slug].asked.add(url)
        with self.archive.transaction():
            self.archive.frontier.add(url, agency=agency.slug, role=role, seen=now(), source=index, listed=listed)
        row = self.archive.frontier.get(url)
        own = row is not None and row.agency == agency.slug  # else another agency's validators
        whole = row is not None and own and row.state == "done" and role in ("feed", "sitemap")
        yield Request(
            url,
            callback=callback,
            errback=self.source_failed,
            priority=10,  # first what there is, then reading it
            headers=validators(row) if whole and row else None,
            meta={
                "agency": agency.slug,
                "source": url,
                "first": url,
                "page": 1,
                "handle_httpstatus_list": [304],
                **meta,
            },
        )

    def read_home(self, response: Response) -> Iterator[Request]:
        """The home page of an agency whose table names no source."""
        agency = self.agencies[response.meta["agency"]]
        found = find_sources(response.body, response.url, agency)
        self.source_done(response)
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
            links = parse_feed(response.body, response.url)
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
        for child in children:
            row = self.archive.frontier.get(child.url)
            if unchanged_since_read(row, child.listed):
                yield from self.read_again(child.url, agency)
            else:
                yield from self.ask_source(
                    child.url, agency, "sitemap", self.read_sitemap, index=source, listed=child.listed
                )
        self.source_done(response, links or children)
        yield from self.draw(agency.slug)

    def read_again(self, source: str, agency: Agency) -> Iterator[Request]:
        """A source that has not changed; of an index, sitemaps that were left unread or bear no date are asked."""
        for row in self.ledgers[agency.slug].found_again(source):
            if unchanged_since_read(row, row.listed):
                yield from self.read_again(row.url, agency)
            else:
                yield from self.ask_source(row.url, agency, "sitemap", self.read_sitemap, index=source)

    def read_listing(self, response: Response) -> Iterator[Request]:
        """One page of a listing, then the next, until a page brings nothing that is not known."""
        agency, first, page = self.agencies[response.meta["agency"]], response.meta["first"], response.meta["page"]
        if not response.body.strip():
            self.source_unreadable(response, SourceError(response.url, "is empty"))
            return
        links, following = parse_listing(response.body, response.url, agency)
        if not links and page > 1:
            self.source_unreadable(response, SourceError(response.url, f"page {page} of {first} lists nothing"))
            return
        ledger = self.ledgers[agency.slug]
        following = None if following in ledger.asked else following
        known = ledger.known(first, links)
        ledger.found(links, first)
        if following and page >= self.settings.getint("LISTING_PAGES_MAX"):
            self.source_unreadable(response, SourceError(first, f"goes on after page {page}: taken for a trap"))
        elif following and links and not known and not all(map(ledger.is_too_old, links)):
            yield from self.ask_source(following, agency, "listing", self.read_listing, first=first, page=page + 1)
        elif not self.since:  # a pass that left older pages out is no whole one
            with self.archive.transaction():
                self.archive.frontier.done(first, now())
        yield from self.draw(agency.slug)

    def source_done(self, response: Response, links: list[Link] | None = None) -> None:
        """A source was read to its end; not where `since` left some of it out."""
        if self.since:
            return
        with self.archive.transaction():
            self.archive.frontier.done(
                response.meta["source"],
                now(),
                links=None if links is None else len(links),
                etag=header(response, "ETag"),
                last_modified=header(response, "Last-Modified"),
            )

    def source_unreadable(self, response: Response, error: SourceError) -> None:
        """A source answered with something else."""
        logger.error("%s", error)
        self.tallies[response.meta["agency"]].err(str(error))
        with self.archive.transaction():
            self.archive.frontier.failed(response.meta["source"], now(), str(error))

    def source_failed(self, failure: Failure) -> None:
        """A source did not answer."""
        request: Request = failure.request  # type: ignore[attr-defined] # set by Scrapy
        problem = f"{request.url}: {explain(failure)}"
        logger.error("%s", problem)
        self.tallies[request.meta["agency"]].err(problem)
        with self.archive.transaction():
            self.archive.frontier.failed(request.meta["source"], now(), problem)


def parse_since(text: str) -> date | None:
    """The `since` argument as a day.

    >>> parse_since("2024-01-01")
    datetime.date(2024, 1, 1)
    """
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise AgencyError("arguments", None, "since", f"{text!r} is no day like 2024-01-01") from None
