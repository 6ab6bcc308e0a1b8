"""`scrapy crawl news`: sources → frontier → releases; pagination state and crawler-trap detection.

Sources that lead nowhere: listings that go on for ever, and indexes of sitemaps above each other.

What sources list, remembered in the frontier before any of it is asked for, and counted.

Asking for the sources of agencies, and what their answers come to: read whole, unreadable, or none.

The news spider: finds what is new, in feeds, sitemaps and listings, and reads it.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urljoin

from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from archive.dates import now, to_text
from archive.frontier import Row, Walk, Walks
from archive.store import Archive
from scraper.agency import Agency
from scraper.downloader.errors import HostPaused, NotNow, Stopped
from scraper.errors import AgencyError, SourceError
from scraper.extensions.crawl_stats import Tally
from scraper.failures import find_wall, kind_of, kind_of_source
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
from scraper.sources.links import Link
from scraper.spiders.base import ReadingSpider, explain, header, validators

DEEPEST = 2  # indexes of sitemaps above each other
BARREN = 5  # pages of a listing in a row that name only what those before did


@dataclass(slots=True)
class Traps:
    """The listings of one agency in one crawl."""

    barren: Counter[str] = field(default_factory=Counter)  # of each listing: pages in a row that brought nothing new

    def find(self, listing: str, page: int, most: int, *, new: bool) -> str | None:
        """Why a listing that goes on leads nowhere: for too long, or with the same again and again."""
        self.barren[listing] = 0 if new else self.barren[listing] + 1
        if page >= most:
            return f"goes on after page {page}: taken for a trap"
        again = self.barren[listing] >= BARREN
        return f"brought nothing new on {BARREN} pages in a row, and goes on: taken for a trap" if again else None


@dataclass(slots=True)
class Ledger:
    """One agency's sources in one crawl.

    begun: when the crawl began; what it has read itself is not due again. since: links that their source
    gives an earlier day are left alone.
    """

    archive: Archive
    agency: str
    tally: Tally
    begun: datetime
    since: date | None = None
    listed: set[str] = field(default_factory=set)  # the releases named so far
    counted: set[str] = field(default_factory=set)  # the sources whose first links were counted
    seen: dict[str, set[str]] = field(default_factory=dict)  # of each listing: what its pages named so far
    traps: Traps = field(default_factory=Traps)
    asked: set[str] = field(default_factory=set)  # the sources asked so far: a loop of sitemaps or pages ends here

    @property
    def walks(self) -> Walks:
        """Where walks through listings were broken off."""
        return self.archive.walks

    def found(self, links: list[Link], source: str) -> None:
        """Remember what a source lists; all of it or none."""
        seen, first = now(), source not in self.counted
        named = len(links)
        links = [link for link in links if not self.is_too_old(link)]
        self.counted.add(source)
        with self.archive.transaction():
            if first and named:  # a listing's first page tells of all; an index of sitemaps names none itself
                self.archive.frontier.names(source, named)
            for link in links:
                self.archive.frontier.add(
                    link.url,
                    agency=self.agency,
                    role="release",
                    seen=seen,
                    source=source,
                    listed=link.listed,
                    begun=self.begun,
                )
        self.count([link.url for link in links])

    def found_again(self, source: str) -> list[Row]:
        """A source that has not changed lists what it listed before; of an index, the sitemaps it names."""
        rows = self.archive.frontier.listed_before(source)
        self.count([row.url for row in rows if row.role == "release"])
        return [row for row in rows if row.role == "sitemap"]

    def count(self, urls: list[str]) -> None:
        """Count what a source lists, each release once a crawl, and those of them that stand as held."""
        for url in urls:
            if url in self.listed:
                continue
            self.listed.add(url)
            self.tally.listed += 1
            row = self.archive.frontier.get(url)
            if row and row.state == "held" and (row.fetched or "") <= (to_text(self.begun) or ""):
                self.tally.unchanged += 1

    def known(self, first: str, links: list[Link], *, resumed: bool = False) -> bool:
        """Whether every link of a listing's page was found before that listing's last whole pass ended.

        From its beginning (not `resumed`) it is known as well what was found before a walk was cut.
        """
        listing, walk = self.archive.frontier.get(first), self.walks.get(first)
        whole = listing.fetched if listing and listing.state == "done" else None
        by = walk.cut if walk and not resumed else whole
        if not by:
            return False
        rows = [self.archive.frontier.get(link.url) for link in links]
        return all(row is not None and row.first_seen <= by for row in rows)

    def find_trap(self, first: str, page: int, links: list[Link], most: int) -> str | None:
        """Why a listing's walk leads nowhere: it goes on for too long, or brings the same again and again."""
        seen = self.seen.setdefault(first, set())
        new = any(link.url not in seen for link in links)
        seen.update(link.url for link in links)
        return self.traps.find(first, page, most, new=new)

    def cut(self, first: str, following: str, page: int, *, resumed: bool) -> bool:
        """Leave a listing's later pages for another crawl; False above a gap that is there already."""
        if self.since or (not resumed and self.walks.get(first)):
            return False
        with self.archive.transaction():
            self.walks.cut(first, agency=self.agency, following=following, page=page, at=now())
        return True

    def walked(self, first: str, *, resumed: bool) -> Walk | None:
        """A walk has come to its end: the listing's pass was whole, or goes on behind the gap that is given."""
        if not resumed and (walk := self.walks.get(first)):
            return walk
        with self.archive.transaction():
            self.walks.end(first)
            self.archive.frontier.done(first, now())
        return None

    def declare(self, listings: list[str]) -> None:
        """The agency's listings: a walk through one that is none of them any more is at its end."""
        with self.archive.transaction():
            self.walks.keep(self.agency, listings)

    def begin_anew(self, first: str) -> None:
        """The page to go on with behind a gap is no more: the next walk is a whole one."""
        with self.archive.transaction():
            self.walks.end(first)

    def is_too_old(self, link: Link) -> bool:
        """Whether a link's source dates it before `since`."""
        return bool(self.since and link.listed and link.listed[:10] < self.since.isoformat())


def unchanged_since_read(row: Row | None, listed: str | None) -> bool:
    """Whether a sitemap's index dates it as it did when it was last read whole; a day may still bring more."""
    if not row or row.state != "done" or not listed or row.listed != listed:
        return False
    return len(listed) > 10 or (row.fetched or "")[:10] > listed


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


logger = logging.getLogger(__name__)
Answer = Callable[[Response], Iterator[Request]]


class AskingSpider(ReadingSpider):
    """A spider that reads sources as well; what they list is kept by a ledger an agency."""

    since: date | None = None  # what is older is left out, and a pass that leaves something out is no whole one

    def __init__(self, agency: str = "", minutes: str = "", **arguments: Any) -> None:
        super().__init__(agency, minutes, **arguments)
        self.ledgers: dict[str, Ledger] = {}

    def ask_source(
        self,
        url: str,
        agency: Agency,
        role: str,
        callback: Answer,
        *,
        index: str | None = None,
        listed: str | None = None,
        turn: int = 0,
        **meta: Any,
    ) -> Iterator[Request]:
        """A request for a source, unless this crawl has asked it; conditional where it was read to its end once.

        index, listed: of a sitemap, the index that names it and when that says it changed. turn: those with a
        higher one are asked before others. meta: first and
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
            priority=10 + turn,  # first what there is, then reading it
            headers=validators(row) if whole and row else None,
            meta={
                "agency": agency.slug,
                "source": url,
                "first": url,
                "page": 1,
                **({"index": index} if index else {}),
                "handle_httpstatus_list": [304],
                **meta,
            },
        )

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

    def source_unreadable(self, response: Response, error: SourceError, source: str | None = None) -> None:
        """A source answered with something else; `source`, where that is another than was asked."""
        logger.error("%s", error)
        self.tallies[response.meta["agency"]].err(str(error), kind_of_source(error, response), source=True)
        with self.archive.transaction():
            self.archive.frontier.failed(source or response.meta["source"], now(), str(error))

    def source_failed(self, failure: Failure) -> None:
        """A source did not answer."""
        request: Request = failure.request  # type: ignore[attr-defined] # set by Scrapy
        later, problem = self.patience.put_off(failure), f"{request.url}: {explain(failure)}"
        if isinstance(failure.value, (NotNow, Stopped)) and request.meta["page"] > 1:  # goes on from this page
            first, page, resumed = request.meta["first"], request.meta["page"], request.meta.get("resumed", False)
            self.ledgers[request.meta["agency"]].cut(first, request.url, page, resumed=resumed)
        if not later:
            logger.error("%s", problem)
            self.tallies[request.meta["agency"]].err(problem, kind_of(failure.value), source=True)
        if later or isinstance(failure.value, HostPaused):
            return  # asked for by a later crawl
        if request.meta.get("resumed") and getattr(getattr(failure.value, "response", None), "status", 0) in (404, 410):
            self.ledgers[request.meta["agency"]].begin_anew(request.meta["first"])
        with self.archive.transaction():
            self.archive.frontier.failed(request.meta["source"], now(), problem)


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
