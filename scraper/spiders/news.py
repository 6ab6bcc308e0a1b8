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

from archive.dates import now, to_iso
from archive.frontier import FrontierEntry, PaginationCursor, PaginationCursors
from archive.store import Archive
from scraper.agency import Agency
from scraper.downloader.errors import CrawlStopped, HostPaused, RequestDeferred
from scraper.errors import AgencyError, SourceError
from scraper.extensions.crawl_stats import AgencyStats
from scraper.failures import classify_failure, classify_source_failure, detect_rejection
from scraper.sources import (
    SourceURLs,
    find_sources,
    get_declared_sources,
    is_release_url,
    parse_feed,
    parse_listing,
    parse_robots_sitemaps,
    parse_sitemap,
)
from scraper.sources.links import SourceLink
from scraper.spiders.base import ReleaseSpider, build_conditional_headers, describe_request_failure, get_response_header

MAX_INDEX_DEPTH = 2  # indexes of sitemaps above each other
MAX_REPEATED_PAGES = 5  # pages of a listing in a row that name only what those before did


@dataclass(slots=True)
class TrapDetector:
    """The listings of one agency in one crawl."""

    repeated_pages: Counter[str] = field(
        default_factory=Counter
    )  # of each listing: pages in a row that brought nothing new

    def check_page(self, listing: str, page: int, max_pages: int, *, has_new: bool) -> str | None:
        """Why a listing that goes on leads nowhere: for too long, or with the same again and again."""
        self.repeated_pages[listing] = 0 if has_new else self.repeated_pages[listing] + 1
        if page >= max_pages:
            return f"goes on after page {page}: taken for a trap"
        again = self.repeated_pages[listing] >= MAX_REPEATED_PAGES
        return (
            f"brought nothing new on {MAX_REPEATED_PAGES} pages in a row, and goes on: taken for a trap"
            if again
            else None
        )


@dataclass(slots=True)
class SourceTracker:
    """One agency's sources in one crawl.

    begun: when the crawl began; what it has read itself is not due again. since: links that their source
    gives an earlier day are left alone.
    """

    archive: Archive
    agency: str
    stats: AgencyStats
    started_at: datetime
    since: date | None = None
    listed_urls: set[str] = field(default_factory=set)  # the releases named so far
    counted_sources: set[str] = field(default_factory=set)  # the sources whose first links were counted
    seen_urls: dict[str, set[str]] = field(default_factory=dict)  # of each listing: what its pages named so far
    trap_detector: TrapDetector = field(default_factory=TrapDetector)
    requested_sources: set[str] = field(
        default_factory=set
    )  # the sources asked so far: a loop of sitemaps or pages ends here

    @property
    def cursors(self) -> PaginationCursors:
        """Where walks through listings were broken off."""
        return self.archive.cursors

    def record_links(self, links: list[SourceLink], source: str) -> None:
        """Remember what a source lists; all of it or none."""
        seen, first = now(), source not in self.counted_sources
        named = len(links)
        links = [link for link in links if not self.is_too_old(link)]
        self.counted_sources.add(source)
        with self.archive.transaction():
            if first and named:  # a listing's first page tells of all; an index of sitemaps names none itself
                self.archive.frontier.set_link_count(source, named)
            for link in links:
                self.archive.frontier.add(
                    link.url,
                    agency=self.agency,
                    role="release",
                    seen_at=seen,
                    source=source,
                    listed=link.listed,
                    crawl_started=self.started_at,
                )
        self.count_listed([link.url for link in links])

    def record_unchanged(self, source: str) -> list[FrontierEntry]:
        """A source that has not changed lists what it listed before; of an index, the sitemaps it names."""
        rows = self.archive.frontier.list_known_entries(source)
        self.count_listed([row.url for row in rows if row.role == "release"])
        return [row for row in rows if row.role == "sitemap"]

    def count_listed(self, urls: list[str]) -> None:
        """Count what a source lists, each release once a crawl, and those of them that stand as held."""
        for url in urls:
            if url in self.listed_urls:
                continue
            self.listed_urls.add(url)
            self.stats.listed += 1
            row = self.archive.frontier.get(url)
            if row and row.state == "held" and (row.fetched or "") <= (to_iso(self.started_at) or ""):
                self.stats.unchanged += 1

    def is_known_page(self, listing_url: str, links: list[SourceLink], *, resumed: bool = False) -> bool:
        """Whether every link of a listing's page was found before that listing's last whole pass ended.

        From its beginning (not `resumed`) it is known as well what was found before a walk was cut.
        """
        listing, walk = self.archive.frontier.get(listing_url), self.cursors.get(listing_url)
        whole = listing.fetched if listing and listing.state == "done" else None
        by = walk.interrupted_at if walk and not resumed else whole
        if not by:
            return False
        rows = [self.archive.frontier.get(link.url) for link in links]
        return all(row is not None and row.first_seen <= by for row in rows)

    def find_trap(self, listing_url: str, page: int, links: list[SourceLink], max_pages: int) -> str | None:
        """Why a listing's walk leads nowhere: it goes on for too long, or brings the same again and again."""
        seen = self.seen_urls.setdefault(listing_url, set())
        new = any(link.url not in seen for link in links)
        seen.update(link.url for link in links)
        return self.trap_detector.check_page(listing_url, page, max_pages, has_new=new)

    def save_cursor(self, listing_url: str, next_url: str, page: int, *, resumed: bool) -> bool:
        """Leave a listing's later pages for another crawl; False above a gap that is there already."""
        if self.since or (not resumed and self.cursors.get(listing_url)):
            return False
        with self.archive.transaction():
            self.cursors.save(
                listing_url, agency=self.agency, next_url=next_url, page_number=page, interrupted_at=now()
            )
        return True

    def finish_listing(self, listing_url: str, *, resumed: bool) -> PaginationCursor | None:
        """A walk has come to its end: the listing's pass was whole, or goes on behind the gap that is given."""
        if not resumed and (walk := self.cursors.get(listing_url)):
            return walk
        with self.archive.transaction():
            self.cursors.delete(listing_url)
            self.archive.frontier.mark_done(listing_url, now())
        return None

    def prune_cursors(self, listings: list[str]) -> None:
        """The agency's listings: a walk through one that is none of them any more is at its end."""
        with self.archive.transaction():
            self.cursors.delete_except(self.agency, listings)

    def delete_cursor(self, listing_url: str) -> None:
        """The page to go on with behind a gap is no more: the next walk is a whole one."""
        with self.archive.transaction():
            self.cursors.delete(listing_url)

    def is_too_old(self, link: SourceLink) -> bool:
        """Whether a link's source dates it before `since`."""
        return bool(self.since and link.listed and link.listed[:10] < self.since.isoformat())


def is_sitemap_unchanged(row: FrontierEntry | None, listed: str | None) -> bool:
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
ResponseCallback = Callable[[Response], Iterator[Request]]


class SourceSpider(ReleaseSpider):
    """A spider that reads sources as well; what they list is kept by a ledger an agency."""

    since: date | None = None  # what is older is left out, and a pass that leaves something out is no whole one

    def __init__(self, agency: str = "", minutes: str = "", **arguments: Any) -> None:
        super().__init__(agency, minutes, **arguments)
        self.source_trackers: dict[str, SourceTracker] = {}

    def request_source(
        self,
        url: str,
        agency: Agency,
        role: str,
        callback: ResponseCallback,
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
        if url in self.source_trackers[agency.slug].requested_sources:
            return
        self.source_trackers[agency.slug].requested_sources.add(url)
        with self.archive.transaction():
            self.archive.frontier.add(url, agency=agency.slug, role=role, seen_at=now(), source=index, listed=listed)
        row = self.archive.frontier.get(url)
        own = row is not None and row.agency == agency.slug  # else another agency's validators
        whole = row is not None and own and row.state == "done" and role in ("feed", "sitemap")
        yield Request(
            url,
            callback=callback,
            errback=self.source_failed,
            priority=10 + turn,  # first what there is, then reading it
            headers=build_conditional_headers(row) if whole and row else None,
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

    def record_source_read(self, response: Response, links: list[SourceLink] | None = None) -> None:
        """A source was read to its end; not where `since` left some of it out."""
        if self.since:
            return
        with self.archive.transaction():
            self.archive.frontier.mark_done(
                response.meta["source"],
                now(),
                link_count=None if links is None else len(links),
                etag=get_response_header(response, "ETag"),
                last_modified=get_response_header(response, "Last-Modified"),
            )

    def record_source_error(self, response: Response, error: SourceError, source_url: str | None = None) -> None:
        """A source answered with something else; `source`, where that is another than was asked."""
        logger.error("%s", error)
        self.agency_stats[response.meta["agency"]].count_error(
            str(error), classify_source_failure(error, response), source=True
        )
        with self.archive.transaction():
            self.archive.frontier.mark_failed(source_url or response.meta["source"], now(), str(error))

    def source_failed(self, failure: Failure) -> None:
        """A source did not answer."""
        request: Request = failure.request  # type: ignore[attr-defined] # set by Scrapy
        later, problem = self.deferrals.defer_agency(failure), f"{request.url}: {describe_request_failure(failure)}"
        if (
            isinstance(failure.value, (RequestDeferred, CrawlStopped)) and request.meta["page"] > 1
        ):  # goes on from this page
            first, page, resumed = request.meta["first"], request.meta["page"], request.meta.get("resumed", False)
            self.source_trackers[request.meta["agency"]].save_cursor(first, request.url, page, resumed=resumed)
        if not later:
            logger.error("%s", problem)
            self.agency_stats[request.meta["agency"]].count_error(problem, classify_failure(failure.value), source=True)
        if later or isinstance(failure.value, HostPaused):
            return  # asked for by a later crawl
        if request.meta.get("resumed") and getattr(getattr(failure.value, "response", None), "status", 0) in (404, 410):
            self.source_trackers[request.meta["agency"]].delete_cursor(request.meta["first"])
        with self.archive.transaction():
            self.archive.frontier.mark_failed(request.meta["source"], now(), problem)


SITEMAP_PRIORITY_STEPS = 100  # in which the sitemaps of an index are asked


class NewsSpider(SourceSpider):
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
        self.started_at = now()

    async def start(self) -> AsyncIterator[Any]:
        for slug, agency in self.agencies.items():
            self.source_trackers[slug] = SourceTracker(
                self.archive, slug, self.agency_stats[slug], self.started_at, self.since
            )
            sources = get_declared_sources(agency)
            if sources != SourceURLs():
                self.source_trackers[slug].prune_cursors(sources.listings)
            requests = self.request_sources(sources, agency) if sources != SourceURLs() else self.request_home(agency)
            for request in (*requests, *self.next_requests(slug)):  # the latter: what an earlier crawl left due
                yield request

    def request_home(self, agency: Agency) -> Iterator[Request]:
        """Requests for what shows the sources of an agency whose table names none."""
        yield from self.request_source(agency.home, agency, "home", self.parse_home_response)
        yield from self.request_source(
            urljoin(agency.home, "/robots.txt"),
            agency,
            "robots",
            self.parse_robots_response,
            handle_httpstatus_list=list(range(400, 500)),  # a site without robots.txt names no sitemaps (RFC 9309)
        )

    def request_sources(self, sources: SourceURLs, agency: Agency) -> Iterator[Request]:
        """Requests for every feed, sitemap and listing."""
        for url in sources.feeds:
            yield from self.request_source(url, agency, "feed", self.parse_feed_response)
        for url in sources.sitemaps:
            yield from self.request_source(url, agency, "sitemap", self.parse_sitemap_response)
        for url in sources.listings:
            yield from self.request_source(url, agency, "listing", self.parse_listing_response)

    def parse_home_response(self, response: Response) -> Iterator[Request]:
        """The home page of an agency whose table names no source."""
        agency = self.agencies[response.meta["agency"]]
        try:
            found = find_sources(response.body, response.url, agency)
        except SourceError as error:
            self.record_source_error(response, error)
            return
        if found == SourceURLs() and detect_rejection(response.body, response.url):
            self.record_source_error(response, SourceError(response.url, "shows no feed and no listing"))
            return
        self.record_source_read(response)
        self.source_trackers[agency.slug].prune_cursors(found.listings)
        if found == SourceURLs():
            logger.info("%s: its home page shows no feed and no listing", agency.slug)
        yield from self.request_sources(found, agency)

    def parse_robots_response(self, response: Response) -> Iterator[Request]:
        """robots.txt of such an agency, for its Sitemap lines."""
        agency = self.agencies[response.meta["agency"]]
        self.record_source_read(response)
        if response.status == 200:
            yield from self.request_sources(
                SourceURLs(sitemaps=parse_robots_sitemaps(response.body, response.url)), agency
            )

    def parse_feed_response(self, response: Response) -> Iterator[Request]:
        """A feed, or 304: nothing new in it."""
        agency = self.agencies[response.meta["agency"]]
        if response.status == 304:
            yield from self.request_unchanged_source(response.meta["source"], agency)
            return
        try:
            links = parse_feed(response.body, response.url, agency)
        except SourceError as error:
            self.record_source_error(response, error)
            return
        links = [link for link in links if is_release_url(link.url, agency)]
        self.source_trackers[agency.slug].record_links(links, response.meta["source"])
        self.record_source_read(response, links)
        yield from self.next_requests(agency.slug)

    def parse_sitemap_response(self, response: Response) -> Iterator[Request]:
        """A sitemap, or an index of sitemaps; those that say they have not changed since are left alone."""
        agency, source = self.agencies[response.meta["agency"]], response.meta["source"]
        if response.status == 304:
            yield from self.request_unchanged_source(source, agency)
            return
        try:
            links, children = parse_sitemap(response.body, response.url, agency)
        except SourceError as error:
            self.record_source_error(response, error)
            return
        self.source_trackers[agency.slug].record_links(links, source)
        depth = response.meta.get("depth", 1)  # of indexes: sitemaps.org has one, and sitemaps below it
        if children and depth > MAX_INDEX_DEPTH:
            self.record_source_error(
                response, SourceError(response.url, f"is an index too deep: {depth - 1} lie above")
            )
            return
        named = [(child.url, child.listed, self.archive.frontier.get(child.url)) for child in children]
        yield from self.request_child_sitemaps(named, agency, source, depth=depth + 1)
        if not (children and self.deadline.has_passed()):  # else the next crawl goes on with what is left
            self.record_source_read(response, links or children)
        yield from self.next_requests(agency.slug)

    def request_unchanged_source(self, source: str, agency: Agency) -> Iterator[Request]:
        """A source that has not changed; of an index, sitemaps that were left unread or bear no date are asked."""
        named = [(row.url, row.listed, row) for row in self.source_trackers[agency.slug].record_unchanged(source)]
        yield from self.request_child_sitemaps(named, agency, source)

    def request_child_sitemaps(
        self, children: Sequence[tuple[str, str | None, FrontierEntry | None]], agency: Agency, index: str, **meta: Any
    ) -> Iterator[Request]:
        """The sitemaps of an index, which has them changed at times of its own; those read longest ago first."""
        ordered = sorted(children, key=lambda one: (one[2].fetched if one[2] else None) or "")
        for number, (url, listed, row) in enumerate(ordered):
            if self.deadline.has_passed():
                return
            if is_sitemap_unchanged(row, listed):
                yield from self.request_unchanged_source(url, agency)
            else:
                told = {
                    "index": index,
                    "listed": listed,
                    "turn": SITEMAP_PRIORITY_STEPS - SITEMAP_PRIORITY_STEPS * number // len(ordered),
                    **meta,
                }
                yield from self.request_source(url, agency, "sitemap", self.parse_sitemap_response, **told)

    def parse_listing_response(self, response: Response) -> Iterator[Request]:
        """One page of a listing, then the next, until a page brings nothing that is not known."""
        agency, first, page = self.agencies[response.meta["agency"]], response.meta["first"], response.meta["page"]
        try:
            links, following = parse_listing(response.body, response.url, agency)
        except SourceError as error:
            self.record_source_error(response, error)
            return
        resumed: bool = response.meta.get("resumed", False)
        if not links and (page > 1 or detect_rejection(response.body, response.url)):
            if resumed:
                self.source_trackers[agency.slug].delete_cursor(first)
            self.record_source_error(response, SourceError(response.url, f"page {page} of {first} lists nothing"))
            return
        ledger = self.source_trackers[agency.slug]
        following = None if following in ledger.requested_sources else following
        known = ledger.is_known_page(first, links, resumed=resumed)
        ledger.record_links(links, first)
        if following and (trap := ledger.find_trap(first, page, links, self.settings.getint("LISTING_PAGES_MAX"))):
            self.record_source_error(response, SourceError(first, trap), first)
        elif following and links and not known and not all(map(ledger.is_too_old, links)):
            if not (self.deadline.has_passed() and ledger.save_cursor(first, following, page + 1, resumed=resumed)):
                yield from self.request_listing_page(following, agency, first, page + 1, resumed=resumed)
        elif not self.since:  # a pass that left older pages out is no whole one
            walk = ledger.finish_listing(first, resumed=resumed)
            if walk and not self.deadline.has_passed():
                yield from self.request_listing_page(walk.next_url, agency, first, walk.page_number, resumed=True)
        yield from self.next_requests(agency.slug)

    def request_listing_page(
        self, url: str, agency: Agency, listing_url: str, page: int, *, resumed: bool
    ) -> Iterator[Request]:
        """A listing's later page; `resumed`, behind a gap that an earlier crawl left."""
        yield from self.request_source(
            url, agency, "listing", self.parse_listing_response, first=listing_url, page=page, resumed=resumed
        )
