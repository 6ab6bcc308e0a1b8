"""`scrapy crawl news`: finds new releases in feeds, sitemaps and listings, and requests them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any
from urllib.parse import urljoin

from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from archive.database.frontier import FrontierEntry, PaginationCursor
from archive.store.releases import Archive
from archive.times import now, to_iso
from archive.urls import is_loopback
from scraper.agency import Agency
from scraper.crawl.crawl_stats import AgencyStats
from scraper.crawl.failures import (
    classify_failure,
    classify_source_failure,
    describe_request_failure,
)
from scraper.downloader.limits import CrawlStopped, HostPaused, RequestDeferred, decode_headers
from scraper.errors import AgencyError, SourceError
from scraper.ingest import ParsedPage
from scraper.pages.page_type import detect_rejection, is_listing_url
from scraper.sources import (
    CutFeedError,
    ListingPage,
    SourceLink,
    SourceURLs,
    TrapDetector,
    find_sources,
    get_declared_sources,
    get_wire_sources,
    is_json,
    is_sitemap_unchanged,
    parse_feed,
    parse_listing,
    parse_robots_sitemaps,
    parse_sitemap,
    select_releases,
    split_form,
)
from scraper.spiders.attachments import AttachmentSpider
from scraper.spiders.release_spider import (
    PAST_END_STATUSES,
    build_conditional_headers,
    build_page_request,
    get_request,
)

logger = logging.getLogger(__name__)

# a site without robots.txt has no sitemaps in it (RFC 9309)
NO_ROBOTS_STATUSES = list(range(400, 500))
MAX_INDEX_DEPTH = 2  # levels of nested sitemap indexes
MAX_WARNED_AGENCIES = 5  # agencies never tried that a warning names
SITEMAP_PRIORITY_STEPS = 100  # number of priorities for the sitemaps of an index


@dataclass(slots=True)
class SourceTracker:
    """Keeps track of one agency's sources in one crawl.

    It stores and counts their links, and records which pages of listings were read.

    started_at: the start of the crawl. Pages fetched since then do not become due again.
    since: the date before which links are skipped. If it is None, no links are skipped.
    """

    archive: Archive
    agency: str
    stats: AgencyStats
    started_at: datetime
    since: date | None = None
    listed_urls: set[str] = field(default_factory=set)  # URLs of releases listed so far
    # sources whose links have been counted (for a listing, those of its first page)
    counted_sources: set[str] = field(default_factory=set)
    trap_detector: TrapDetector = field(default_factory=TrapDetector)
    # sources requested in this crawl, to end loops of sitemaps and pages
    requested_sources: set[str] = field(default_factory=set)

    def record_links(self, links: list[SourceLink], source: str) -> None:
        """Add the links of a source to the frontier in one transaction, and count them."""
        seen_at, is_first = now(), source not in self.counted_sources
        link_count = len(links)
        links = [
            link for link in links if not self.is_too_old(link) and not is_listing_url(link.url)
        ]
        self.counted_sources.add(source)
        with self.archive.transaction():
            # for a listing, only the first page counts; an index has no links
            if is_first and link_count:
                self.archive.frontier.set_link_count(source, link_count)
            for link in links:
                self.archive.frontier.add(
                    link.url,
                    agency=self.agency,
                    role="release",
                    seen_at=seen_at,
                    source=source,
                    listed=link.listed_at,
                    crawl_started=self.started_at,
                    file_title=link.file_title,
                    file_day=link.file_day,
                )
        self.count_listed([link.url for link in links], are_read=any(link.record for link in links))

    def count_listed(self, urls: list[str], *, are_read: bool = False) -> None:
        """Count the listed releases, and how many of them are already stored.

        Each release is counted once per crawl. A stored release that has been fetched in this crawl
        is not counted as already stored.

        are_read: whether the source itself contains the releases. If so, they do not count as
            already stored.
        """
        for url in urls:
            if url in self.listed_urls:
                continue
            self.listed_urls.add(url)
            self.stats.listed += 1
            row = self.archive.frontier.get(url)
            if (
                row
                and row.state == "stored"
                and not are_read
                and (row.fetched_at or "") <= (to_iso(self.started_at) or "")
            ):
                self.stats.already_stored += 1

    def is_known_page(self, listing_url: str, links: list[SourceLink], *, resumed: bool) -> bool:
        """Return whether all links of a listing page were already known.

        A link was known if it was found before the listing's last complete pass ended. If an
        earlier pass was interrupted, a link found before the interruption was also known, unless
        this pass continues the interrupted one (`resumed`).
        """
        listing, cursor = (
            self.archive.frontier.get(listing_url),
            self.archive.cursors.get(listing_url),
        )
        completed_at = listing.fetched_at if listing and listing.state == "done" else None
        known_before = cursor.interrupted_at if cursor and not resumed else completed_at
        if not known_before:
            return False
        # a wrong clock may have dated it later
        known_before = min(known_before, str(to_iso(self.started_at)))
        rows = [self.archive.frontier.get(link.url) for link in links]
        return bool(rows) and all(
            row is not None and row.first_seen <= known_before for row in rows
        )

    def save_cursor(self, listing_url: str, next_url: str, page: int, *, resumed: bool) -> bool:
        """Save a cursor, so that a later crawl reads the rest of a listing.

        Returns whether it was saved. No cursor is saved if `since` is set, or if the listing has a
        cursor and this pass began at the first page.
        """
        if self.since or (not resumed and self.archive.cursors.get(listing_url)):
            return False
        with self.archive.transaction():
            self.archive.cursors.save(
                listing_url,
                agency=self.agency,
                next_url=next_url,
                page_number=page,
                interrupted_at=now(),
            )
        return True

    def finish_listing(self, listing_url: str, *, resumed: bool) -> PaginationCursor | None:
        """Record that a listing was read completely, or return the cursor of an interrupted pass.

        The cursor is returned if the listing has one and this pass began at the first page. The
        crawl should then continue from the cursor.
        """
        if not resumed and (cursor := self.archive.cursors.get(listing_url)):
            return cursor
        with self.archive.transaction():
            self.archive.cursors.delete(listing_url)
            self.archive.frontier.mark_done(listing_url, now())
        return None

    def is_too_old(self, link: SourceLink) -> bool:
        return bool(self.since and link.listed_at and link.listed_at[:10] < self.since.isoformat())


class NewsSpider(AttachmentSpider):
    """Find new releases in feeds, sitemaps and listings, and fetch them.

    An interrupted crawl loses nothing: links are stored before any of them is requested, and a
    listing that was not read to its end is read again.

        since=YYYY-MM-DD  Do not follow links for which the source gives an earlier date.
    """

    name = "news"

    def __init__(self, agency: str = "", since: str = "", **arguments: Any) -> None:
        super().__init__(agency, **arguments)
        self.since = _parse_since(since)  # if it is set, passes are not complete
        self.started_at = now()
        self.source_trackers: dict[str, SourceTracker] = {}  # per agency

    async def start(self) -> AsyncIterator[Any]:
        self._warn_of_untried_agencies()
        for slug, agency in self.agencies.items():
            tracker = SourceTracker(
                self.archive, slug, self.agency_stats[slug], self.started_at, self.since
            )
            self.source_trackers[slug] = tracker
            sources = get_declared_sources(agency)
            requests = [*self.request_known(sources, agency)] if sources != SourceURLs() else []
            if sources == SourceURLs():  # then they are discovered
                requests += self.request_source(agency.home, agency, "home")
                robots_url = urljoin(agency.home, "/robots.txt")
                requests += self.request_source(
                    robots_url, agency, "robots", handle_httpstatus_list=NO_ROBOTS_STATUSES
                )
            requests += self.request_sources(get_wire_sources(agency), agency)
            requests += self.next_requests(slug)  # pages that an earlier crawl left due
            for request in requests:
                yield request

    def _warn_of_untried_agencies(self) -> None:
        """Warn about agencies that were never surveyed and have no completed crawl.

        Agencies whose site is on this machine, as in tests, do not count.
        """
        sql = "select 1 from crawls where agency = ? and finished is not null limit 1"
        untried = [
            slug
            for slug, agency in self.agencies.items()
            if agency.survey is None
            and not is_loopback(agency.home)
            and not self.archive.db.execute(sql, [slug]).fetchone()
        ]
        if untried:
            logger.warning(
                "agencies never tried on the live web: %d (%s%s); scrapy survey tries them and"
                " stores no releases",
                len(untried),
                ", ".join(untried[:MAX_WARNED_AGENCIES]),
                ", …" if len(untried) > MAX_WARNED_AGENCIES else "",
            )

    # Requests for sources

    def request_known(self, sources: SourceURLs, agency: Agency) -> Iterator[Request]:
        """Yield requests for an agency's sources, and delete the cursors of its other listings.

        sources: the sources that the agency declares or that its home page links to.
        """
        with self.archive.transaction():
            wire_lists = get_wire_sources(agency).listings
            self.archive.cursors.delete_except(agency.slug, [*sources.listings, *wire_lists])
        yield from self.request_sources(sources, agency)

    def request_sources(self, sources: SourceURLs, agency: Agency) -> Iterator[Request]:
        for kind, url in sources.iter_by_kind():
            yield from self.request_source(url, agency, kind)

    def request_source(
        self,
        url: str,
        agency: Agency,
        kind: str,
        *,
        index_url: str | None = None,
        listed_at: str | None = None,
        priority: int = 0,
        **meta: Any,
    ) -> Iterator[Request]:
        """Yield a request for a source, unless this crawl has already requested it.

        The request is conditional if the source is a feed or sitemap that an earlier crawl read
        completely.

        index_url: the URL of the index that lists a sitemap. For other sources, it is None.
        listed_at: the sitemap's date in the index, or None if the index gives no date.
        priority: sources with a higher priority are requested first.
        """
        requested_sources = self.source_trackers[agency.slug].requested_sources
        if url in requested_sources:
            return
        requested_sources.add(url)
        # a page requested by POST has no URL of its own: its failures are those of the listing
        is_form = split_form(url)[1] is not None
        if not is_form:
            with self.archive.transaction():
                self.archive.frontier.add(
                    url,
                    agency=agency.slug,
                    role=kind,
                    seen_at=now(),
                    source=index_url,
                    listed=listed_at,
                )
        row, headers = self.archive.frontier.get(url), None
        # validators in another agency's row do not apply
        if (
            row
            and row.agency == agency.slug
            and row.state == "done"
            and kind in ("feed", "sitemap")
        ):
            headers = build_conditional_headers(row)
        yield build_page_request(
            url,
            agency,
            kind,
            callback=self.parse_source,
            errback=self.source_failed,
            priority=10 + priority,  # sources before releases
            headers=headers,
            meta={
                "agency": agency.slug,
                "address": url,
                "source": meta["root_source"] if is_form else url,
                "root_source": url,
                "kind": kind,
                "page": 1,
                "resumed": False,
                **({"index": index_url} if index_url else {}),
                "handle_httpstatus_list": [304],
                **meta,
            },
        )

    def request_unchanged_source(self, source: str, agency: Agency) -> Iterator[Request]:
        """Count the releases of a source that has not changed since it was last read.

        If the source is a sitemap index, requests are yielded for those of its sitemaps that may
        have changed.
        """
        rows = self.archive.frontier.list_known_entries(source)
        self.source_trackers[agency.slug].count_listed(
            [row.url for row in rows if row.role == "release"]
        )
        children = [(row.url, row.listed_at, row) for row in rows if row.role == "sitemap"]
        yield from self.request_child_sitemaps(children, agency, source)

    def request_child_sitemaps(
        self,
        children: Sequence[tuple[str, str | None, FrontierEntry | None]],
        agency: Agency,
        index_url: str,
    ) -> Iterator[Request]:
        """Yield requests for the changed sitemaps of an index, those read longest ago first.

        children: the URL of each sitemap, its date in the index, and its row in the frontier.
        """
        ordered = sorted(
            children, key=lambda child: (child[2].fetched_at if child[2] else None) or ""
        )
        for number, (url, listed_at, row) in enumerate(ordered):
            if self.deadline.has_passed():
                return
            if is_sitemap_unchanged(row, listed_at):
                yield from self.request_unchanged_source(url, agency)
            else:
                priority = SITEMAP_PRIORITY_STEPS - SITEMAP_PRIORITY_STEPS * number // len(ordered)
                yield from self.request_source(
                    url,
                    agency,
                    "sitemap",
                    index_url=index_url,
                    listed_at=listed_at,
                    priority=priority,
                )

    # Responses of sources

    def parse_source(self, response: Response) -> Iterator[Request | ParsedPage]:
        agency, kind = self.agencies[response.meta["agency"]], response.meta["kind"]
        try:
            if response.status == 304 and kind in ("feed", "sitemap"):
                yield from self.request_unchanged_source(response.meta["source"], agency)
            else:
                parser: Callable[[Response, Agency], Iterable[Request | ParsedPage]] = getattr(
                    self, f"parse_{kind}"
                )
                yield from parser(response, agency)
        except SourceError as error:
            self.record_source_error(response, error)
        yield from self.next_requests(agency.slug)

    def parse_home(self, response: Response, agency: Agency) -> Iterable[Request]:
        found = find_sources(response.body, response.url, agency)
        if found == SourceURLs():
            if detect_rejection(response.body, response.url):
                raise SourceError(response.url, "has no feed and no listing")
            logger.info("%s: its home page has no feed and no listing", agency.slug)
        self.record_source_read(response)
        return self.request_known(found, agency)

    def parse_robots(self, response: Response, agency: Agency) -> Iterable[Request]:
        self.record_source_read(response)
        urls = parse_robots_sitemaps(response.body, response.url) if response.status == 200 else []
        return self.request_sources(SourceURLs(sitemaps=urls), agency)

    def parse_feed(self, response: Response, agency: Agency) -> Iterable[Request]:
        tracker, source = self.source_trackers[agency.slug], response.meta["source"]
        try:
            listed = parse_feed(response.body, response.url, agency)
        except CutFeedError as error:
            tracker.record_links(select_releases(error.links, agency), source)
            raise
        links = select_releases(listed, agency)
        if not links:
            self.fits_no_link(agency, source, partial(select_releases, listed))
        tracker.record_links(links, source)
        self.record_source_read(response, links)
        return ()

    def parse_sitemap(self, response: Response, agency: Agency) -> Iterator[Request]:
        source = response.meta["source"]
        links, children = parse_sitemap(response.body, response.url, agency)
        if not links and "index" not in response.meta:
            self.fits_no_link(
                agency, source, lambda plain: parse_sitemap(response.body, response.url, plain)[0]
            )
        self.source_trackers[agency.slug].record_links(links, source)
        if children:
            # the depth is set by Scrapy's DepthMiddleware
            check_index_depth(response.url, response.meta.get("depth", 0))
        rows = [
            (child.url, child.listed_at, self.archive.frontier.get(child.url)) for child in children
        ]
        yield from self.request_child_sitemaps(rows, agency, source)
        # otherwise, the next crawl continues with the rest
        if not (children and self.deadline.has_passed()):
            self.record_source_read(response, links or children)

    def parse_listing(self, response: Response, agency: Agency) -> Iterator[Request | ParsedPage]:
        """Record the links of a listing page, and request the next page unless all links are known.

        The list of a press wire may itself contain the releases, which are then parsed at once.
        """
        listing_url, page = response.meta["root_source"], response.meta["page"]
        is_resumed: bool = response.meta["resumed"]
        tracker = self.source_trackers[agency.slug]
        found = self.read_resumed_page(response, agency)
        links = found.links
        self.report_errors(agency.slug, found.errors)
        if not links:
            self.report_empty_page(response, agency, found)
        next_url = None if found.next_url in tracker.requested_sources else found.next_url
        is_known = tracker.is_known_page(listing_url, links, resumed=is_resumed)
        is_all_old = bool(links) and all(map(tracker.is_too_old, links))
        tracker.record_links(links, listing_url)
        yield from self.parse_listed_records(links, response, agency)
        max_pages = self.settings.getint("LISTING_PAGES_MAX")
        if next_url and (
            trap := tracker.trap_detector.find_trap(listing_url, page, links, max_pages)
        ):
            self.record_source_error(response, SourceError(listing_url, trap), listing_url)
        elif next_url and (links or page == 1) and not is_known and not is_all_old:
            yield from self.request_next_page(response, agency, found, next_url)
        elif not self.since:  # a pass that skipped older links is not complete
            yield from self.finish_listing(response, agency)

    def read_resumed_page(self, response: Response, agency: Agency) -> ListingPage:
        """Parse a page of a listing. Raises the same errors as `read_listing_page`.

        If an interrupted pass continues on this page and the page is empty, the cursor is deleted.
        """
        try:
            return read_listing_page(response, agency)
        except SourceError as error:
            if response.meta["resumed"] and error.kind == "empty source":
                with self.archive.transaction():
                    self.archive.cursors.delete(response.meta["root_source"])
            raise

    def report_empty_page(self, response: Response, agency: Agency, found: ListingPage) -> None:
        """Log why a page of a listing has no links, if the reason is known.

        If the listing has only this page, some stored releases become due, to show whether their
        pages can still be read.
        """
        if found.problem:
            logger.warning("%s", found.problem)
            self.agency_stats[agency.slug].problems.append(str(found.problem))
        if response.meta["page"] != 1:
            return
        self.fits_no_link(
            agency,
            response.meta["root_source"],
            lambda plain: read_listing_page(response, plain).links,
        )
        if not found.next_url:
            with self.archive.transaction():
                self.archive.removals.schedule_comparison(agency.slug, now())

    def request_next_page(
        self, response: Response, agency: Agency, found: ListingPage, next_url: str
    ) -> Iterator[Request | ParsedPage]:
        """Yield a request for the next page of a listing, unless it is left for the next crawl."""
        listing_url, page = response.meta["root_source"], response.meta["page"] + 1
        is_resumed: bool = response.meta["resumed"]
        if self.deadline.has_passed() and self.source_trackers[agency.slug].save_cursor(
            listing_url, next_url, page, resumed=is_resumed
        ):
            return
        meta = get_past_end_meta(next_url, agency, has_number=found.has_numbered_next)
        meta |= {"root_source": listing_url, "page": page, "resumed": is_resumed}
        yield from self.request_source(next_url, agency, "listing", **meta)

    def finish_listing(self, response: Response, agency: Agency) -> Iterator[Request | ParsedPage]:
        """Record that a listing was read, or continue where an earlier crawl stopped reading it."""
        listing_url, tracker = response.meta["root_source"], self.source_trackers[agency.slug]
        cursor = tracker.finish_listing(listing_url, resumed=response.meta["resumed"])
        if cursor and not self.deadline.has_passed():
            meta = {"root_source": listing_url, "page": cursor.page_number, "resumed": True}
            yield from self.request_source(cursor.next_url, agency, "listing", **meta)

    def parse_listed_records(
        self, links: list[SourceLink], response: Response, agency: Agency
    ) -> Iterator[ParsedPage]:
        is_too_old = self.source_trackers[agency.slug].is_too_old
        wanted = [link.url for link in links if link.record and not is_too_old(link)]
        entries = filter(None, map(self.archive.frontier.get, wanted))
        rows = {
            row.url: self.separate_other_address(row)
            for row in entries
            if (row.agency, row.role) == (agency.slug, "release")
        }
        self.requested_urls[agency.slug].update(rows)  # so that they are not requested as well
        try:
            yield from self.parse_records(links, response, rows)
        finally:
            self.requested_urls[agency.slug].difference_update(rows)

    # Outcomes of sources

    def record_source_read(self, response: Response, links: list[SourceLink] | None = None) -> None:
        """Mark a source as completely read.

        Does nothing if `since` is set, because links may be skipped.

        links: the links in the response, or None if they are not to be counted.
        """
        if self.since:
            return
        headers = decode_headers(response)
        with self.archive.transaction():
            self.archive.frontier.mark_done(
                response.meta["source"],
                now(),
                link_count=None if links is None else len(links),
                etag=headers.get("etag"),
                last_modified=headers.get("last-modified"),
            )

    def record_source_error(
        self, response: Response, error: SourceError, source_url: str | None = None
    ) -> None:
        """Record that the response from a source cannot be read.

        source_url: the source's URL. If it is None, the URL in the request's `meta` is used.
        """
        slug = response.meta["agency"]
        logger.error("%s", error)
        self.agency_stats[slug].count_error(
            str(error), classify_source_failure(error, response), source=True
        )
        self.mark_source_failed(
            source_url or response.meta["source"], slug, str(error), has_answered=True
        )

    def mark_source_failed(self, url: str, slug: str, problem: str, *, has_answered: bool) -> None:
        """Mark a source as failed.

        has_answered: whether the server responded. If so, and if the source had not failed before,
            a few stored releases become due, to show whether their pages can still be read.
        """
        row = self.archive.frontier.get(url)
        with self.archive.transaction():
            if has_answered and (row is None or row.state != "failed"):
                self.archive.removals.schedule_comparison(slug, now())
            self.archive.frontier.mark_failed(url, now(), problem)

    def source_failed(self, failure: Failure) -> None:
        """Record a failed request for a source.

        If the crawl is ending or the agency is left for a later crawl, no failure is recorded. In
        this case, a cursor is saved for a listing whose first page has already been read.
        """
        request, error = get_request(failure), failure.value
        meta = request.meta
        tracker, is_deferred = (
            self.source_trackers[meta["agency"]],
            self.defer_agency(error, request),
        )
        if isinstance(error, RequestDeferred | CrawlStopped) and meta["page"] > 1:
            tracker.save_cursor(
                meta["root_source"], meta["address"], meta["page"], resumed=meta["resumed"]
            )
        if is_deferred:
            return
        problem = f"{request.url}: {describe_request_failure(error)}"
        logger.error("%s", problem)
        self.agency_stats[meta["agency"]].count_error(problem, classify_failure(error), source=True)
        if isinstance(error, HostPaused):
            return  # left for a later crawl
        is_gone = getattr(getattr(error, "response", None), "status", 0) in (404, 410)
        if meta["resumed"] and is_gone:  # so that the next pass is a complete one
            with self.archive.transaction():
                self.archive.cursors.delete(meta["root_source"])
        self.mark_source_failed(meta["source"], meta["agency"], problem, has_answered=is_gone)


def check_index_depth(url: str, depth: int) -> None:
    """Raise SourceError if more than MAX_INDEX_DEPTH sitemap indexes are nested.

    According to sitemaps.org, they may not be nested at all.
    """
    if depth > MAX_INDEX_DEPTH:
        raise SourceError(
            url, f"is nested too deeply: more than {MAX_INDEX_DEPTH} sitemap indexes are above it"
        )


def get_past_end_meta(url: str, agency: Agency, *, has_number: bool) -> dict[str, Any]:
    """Return the `meta` that marks a request for a listing's next page as possibly past the end.

    Returns {} if the page cannot be past the end, because the pager names it by number or the
    agency declares it as a source.

    has_number: whether the pager names the page by number.
    """
    if has_number or url in get_declared_sources(agency).listings:
        return {}
    return {"may_be_past_end": True, "handle_httpstatus_list": [304, *PAST_END_STATUSES]}


def read_listing_page(response: Response, agency: Agency) -> ListingPage:
    """Parse a page of a listing. Raises SourceError if it is unreadable or unexpectedly empty.

    An empty page is not an error if it may be past the end of the listing. A first page may also be
    empty, unless it is recognised as an error page or another page that is not a listing.
    """
    page, is_past_end = response.meta["page"], response.meta.get("may_be_past_end", False)
    if is_past_end and response.status in PAST_END_STATUSES:
        return ListingPage([], None)
    found = parse_listing(response.body, response.url, agency, response.meta["root_source"], page)
    # a first page may leave its list to the next URL
    if found.links or (page == 1 and found.next_url):
        return found
    if problems := response.meta.get("browser_problems"):
        raise SourceError(
            response.url, f"lists nothing; its scripts did not get {problems[0]}", "empty source"
        )
    if not _may_be_empty(response, page, is_past_end=is_past_end):
        raise SourceError(
            response.url,
            f"page {page} of {response.meta['root_source']} lists nothing",
            "empty source",
        )
    return found


def _may_be_empty(response: Response, page: int, *, is_past_end: bool) -> bool:
    """Return whether a page may have no links, because it is the first page or past the end.

    For a page that is recognised as something other than a listing, True is returned only if it is
    an error page past the end.
    """
    rejection = None if is_json(response.body) else detect_rejection(response.body, response.url)
    if rejection is None:
        return is_past_end or page <= 1
    return is_past_end and rejection.kind == "error page"


def _parse_since(text: str) -> date | None:
    """Parse the argument `since` as a date. Returns None if the argument is empty.

    >>> _parse_since("2024-01-01")
    datetime.date(2024, 1, 1)
    """
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise AgencyError(
            "arguments", None, "since", f"{text!r} is not a date like 2024-01-01"
        ) from None
