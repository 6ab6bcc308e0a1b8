"""`scrapy crawl audit`: reads every source to its end, to compute the archive's coverage."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar
from urllib.parse import urljoin

from scrapy import Request
from scrapy.http import Response
from scrapy.spidermiddlewares.httperror import HttpError

from archive.database.frontier import FrontierEntry
from archive.health.audited_sources import AuditedSource, ListedUrl, SourceProblem
from archive.health.coverage import CoverageTotals, queue_missing_releases, update_coverage
from archive.times import now
from scraper.agency import Agency
from scraper.crawl.failures import (
    OWN_FAULT,
    classify_failure,
    classify_source_failure,
    describe_request_failure,
)
from scraper.downloader.limits import HostPaused
from scraper.errors import AgencyError, SourceError
from scraper.pages.page_type import is_listing_url
from scraper.sources import (
    CutFeedError,
    SourceLink,
    SourceURLs,
    TrapDetector,
    find_sources,
    get_declared_sources,
    get_wire_sources,
    parse_feed,
    parse_robots_sitemaps,
    parse_sitemap,
    select_releases,
    states_more,
)
from scraper.spiders.news import (
    MAX_INDEX_DEPTH,
    NO_ROBOTS_STATUSES,
    check_index_depth,
    get_past_end_meta,
    read_listing_page,
)
from scraper.spiders.release_spider import ReadLinks, ReleaseSpider, build_page_request

logger = logging.getLogger(__name__)

MAX_ARCHIVE_PAGES = 100  # archive pages read per agency


@dataclass(slots=True)
class AgencyAudit:
    """The state of an agency's audit.

    It consists of the sources with the links found so far, and of the requests that remain.
    """

    agency: Agency
    sources: dict[str, AuditedSource] = field(default_factory=dict)  # by URL
    pending_requests: deque[Request] = field(default_factory=deque)
    known_requests: set[tuple[str, str]] = field(default_factory=set)  # (source, URL), to end loops
    trap_detector: TrapDetector = field(default_factory=TrapDetector)
    is_deferred: bool = False  # whether part of it is left for another day

    def add_source(self, url: str, kind: str, **meta: Any) -> None:
        """Add a source and a request for it, unless the audit already has the source."""
        if url not in self.sources:
            self.sources[url] = AuditedSource(url=url, kind=kind)
            self.add_request(url, url, **meta)

    def add_sources(self, sources: SourceURLs, **meta: Any) -> None:
        for kind, url in sources.iter_by_kind():
            self.add_source(url, kind, **meta)

    def add_request(self, url: str, source_url: str, **meta: Any) -> None:
        """Add a request for a source or for a part of it. A repeated request is not added.

        A part is a later page of a listing, or a sitemap listed in an index.
        """
        if (source_url, url) not in self.known_requests:
            self.known_requests.add((source_url, url))
            meta = {
                "agency": self.agency.slug,
                "source": url,
                "root_source": source_url,
                "page": 1,
                "level": 0,
            } | meta
            kind = self.sources[source_url].kind
            self.pending_requests.append(build_page_request(url, self.agency, kind, meta))

    def confirms(self, problem: SourceProblem, source: AuditedSource) -> bool:
        """Return whether a problem on a page of a listing remains, given what has been read so far.

        A stated number of releases is no longer a problem once that many releases have been found.
        An archive page is no longer a problem once it has been read as a source of its own.
        """
        if problem.code == "count":
            return states_more(problem.value or "", len(source.urls))
        return (
            problem.code != "archive"
            or problem.url not in self.sources
            or problem.url == source.url
        )

    def add_links(self, source_url: str, origin: str, links: Sequence[SourceLink]) -> None:
        """Add links to a source.

        origin: the URL of the page that lists the links.
        """
        for link in links:
            if is_listing_url(link.url):
                continue
            listed = ListedUrl(
                source_url=origin, published=link.published, listed_at=link.listed_at
            )
            self.sources[source_url].urls.setdefault(link.url, listed)

    def defer_source(self, request: Request, code: str = "deferred") -> None:
        """Mark a source as incomplete, because the rest of it is left for another day.

        code: the code of the SourceProblem.
        """
        self.is_deferred = True
        self.sources[request.meta["root_source"]].mark_incomplete(SourceProblem(code, request.url))

    @property
    def has_results(self) -> bool:
        """Return whether any source listed a release or was read to its end."""
        sources = [
            source for source in self.sources.values() if source.kind not in ("home", "robots")
        ]
        return any(source.urls or source.problem is None for source in sources)


class AuditSpider(ReleaseSpider):
    """Read every source to its end, and count the releases that the archive lacks.

    Every feed, sitemap, listing and archive page is read, even if its links are already known. No
    releases are requested. The result is in the tables `coverage` and `missing_releases`, and at
    `/-/coverage`.

        refill=yes  Also make missing releases due, so that the next `news` crawl requests them.
    """

    name = "audit"
    custom_settings: ClassVar[dict[str, Any]] = {  # type: ignore[misc] # as in ProbeSpider
        "ITEM_PIPELINES": {},  # an audit has no items
    }

    def __init__(
        self, agency: str = "", minutes: str = "", refill: str = "", **arguments: Any
    ) -> None:
        super().__init__(agency, minutes, **arguments)
        if refill not in ("", "no", "yes"):
            raise AgencyError("arguments", None, "refill", f"{refill!r} is neither yes nor no")
        self.refill = refill == "yes"

    async def start(self) -> AsyncIterator[Any]:
        limit = asyncio.Semaphore(self.settings.getint("CONCURRENT_REQUESTS"))
        await asyncio.gather(
            *(self.audit_agency(agency, limit) for agency in self.agencies.values())
        )
        return
        yield  # Scrapy requires an async generator; everything was requested above

    def next_rows(self, slug: str, limit: int) -> Iterable[FrontierEntry]:
        return ()  # no release is requested

    async def audit_agency(self, agency: Agency, limit: asyncio.Semaphore) -> None:
        audit, sources = AgencyAudit(agency), get_declared_sources(agency)
        audit.add_sources(sources)
        audit.add_sources(get_wire_sources(agency))
        if sources == SourceURLs():
            audit.add_source(agency.home, "home")
            audit.add_source(
                urljoin(agency.home, "/robots.txt"),
                "robots",
                handle_httpstatus_list=NO_ROBOTS_STATUSES,
            )
        while audit.pending_requests:
            request = audit.pending_requests.popleft()
            if self.is_deferred(agency.slug) or not self.crawler.crawling:
                audit.defer_source(request)
                continue
            async with limit:  # waiting for a slot may have taken a while
                if self.deadline.has_passed():
                    audit.pending_requests.appendleft(request)
                    continue
                await self.read_source(audit, request)
        if self.is_cut_short(audit):
            logger.warning(
                "%s: the sources were not read to the end, so the coverage is not updated",
                agency.slug,
            )
            return
        try:
            self.save_audit(audit)
        except Exception as error:  # whatever the error, the audits of other agencies continue
            if not self.stop_if_unwritable(error):
                logger.exception("%s: the coverage cannot be stored", agency.slug)
                self.agency_stats[agency.slug].count_error(
                    f"{agency.slug}: {error}", classify_failure(error)
                )

    def is_cut_short(self, audit: AgencyAudit) -> bool:
        """Return whether an audit was cut short, so that the coverage cannot be updated.

        This is the case if the crawl is ending, or if part of the audit was deferred and no source
        has given a result (see `AgencyAudit.has_results`).
        """
        if self.deadline.is_stopping or not self.crawler.crawling:
            return True
        return audit.is_deferred and not audit.has_results

    async def read_source(self, audit: AgencyAudit, request: Request) -> None:
        """Request a source or a part of it, and add the links that it lists.

        If this fails, the source is marked as incomplete.
        """
        try:
            response = await self.fetch(request)
            try:
                self.parse_source(audit, response)
            except SourceError as error:
                problem, failure_kind = str(error), classify_source_failure(error, response)
            else:
                return
        except Exception as error:  # whatever the error, the other sources are read
            problem, failure_kind = (
                f"{request.url}: {describe_request_failure(error)}",
                classify_failure(error),
            )
            if self.defer_agency(error, request):
                audit.defer_source(
                    request, failure_kind if isinstance(error, HostPaused) else "deferred"
                )
                return
            if failure_kind == OWN_FAULT:
                logger.exception("a fault in our own code")
        logger.error("%s", problem)
        self.agency_stats[audit.agency.slug].count_error(problem, failure_kind, source=True)
        audit.sources[request.meta["root_source"]].mark_incomplete(
            SourceProblem(failure_kind, request.url)
        )

    async def fetch(self, request: Request) -> Response:
        """Send a request and return the response.

        Raises HttpError if the response has an error status that the request does not allow.
        """
        assert self.crawler.engine  # noqa: S101 - a running spider has an engine
        response = await self.crawler.engine.download_async(request)
        if not 200 <= response.status < 300 and response.status not in request.meta.get(
            "handle_httpstatus_list", ()
        ):
            raise HttpError(response)
        return response

    def parse_source(self, audit: AgencyAudit, response: Response) -> None:
        """Add the links and sources in a response. Dates in a sitemap index are ignored.

        Raises SourceError if the response cannot be parsed.
        """
        agency, body, url = audit.agency, response.body, response.url
        kind = audit.sources[response.meta["root_source"]].kind
        if kind == "home":
            audit.add_sources(find_sources(body, url, agency), level=1)
        elif kind == "robots":
            if response.status == 200:
                audit.add_sources(SourceURLs(sitemaps=parse_robots_sitemaps(body, url)), level=1)
        elif kind == "feed":
            self.add_feed_links(audit, response)
        elif kind == "sitemap":
            self.add_sitemap_links(audit, response)
        else:
            self.parse_listing(audit, response)

    def add_feed_links(self, audit: AgencyAudit, response: Response) -> None:
        """Add the links of a feed. If the feed is cut off, add the links in its complete entries.

        Raises CutFeedError if the feed is cut off (after its links are added), and SourceError if
        the response is not a feed.
        """
        agency, source_url = audit.agency, audit.sources[response.meta["root_source"]].url
        try:
            listed = parse_feed(response.body, response.url, agency)
        except CutFeedError as error:
            audit.add_links(source_url, source_url, select_releases(error.links, agency))
            raise
        links = select_releases(listed, agency)
        audit.add_links(source_url, source_url, links)
        self.check_pattern(audit, response, links, partial(select_releases, listed))

    def add_sitemap_links(self, audit: AgencyAudit, response: Response) -> None:
        """Add the links of a sitemap, or requests for the sitemaps that an index lists."""
        meta, body, url = response.meta, response.body, response.url
        source_url = audit.sources[meta["root_source"]].url
        links, children = parse_sitemap(body, url, audit.agency)
        audit.add_links(source_url, meta["source"], links)
        if not children and not meta["level"]:  # the sitemaps of an index have other pages, too
            self.check_pattern(
                audit, response, links, lambda plain: parse_sitemap(body, url, plain)[0]
            )
        if children:
            check_index_depth(url, meta["level"])
        for child in children:
            audit.add_request(child.url, source_url, level=meta["level"] + 1)

    def check_pattern(
        self, audit: AgencyAudit, response: Response, links: Sequence[SourceLink], read: ReadLinks
    ) -> None:
        """Mark a source as incomplete if it has links, but none that matches `releases`.

        links: the source's links that match the pattern.
        read: a function that returns the source's links for a given agency. It is called with a
            copy of the agency that has no pattern.
        """
        if not links and self.fits_no_link(audit.agency, response.url, read):
            problem = SourceProblem("pattern", response.url, audit.agency.releases)
            audit.sources[response.meta["root_source"]].mark_incomplete(problem)

    def parse_listing(self, audit: AgencyAudit, response: Response) -> None:
        """Add the links of a listing page and a request for the next page.

        If this is the listing's first page, the pages of years or older releases to which it links
        are also added, as sources.
        """
        agency, source_url, page = audit.agency, response.meta["root_source"], response.meta["page"]
        source, level = audit.sources[source_url], response.meta["level"]
        found = read_listing_page(response, agency)
        for error in found.errors:
            source.mark_incomplete(SourceProblem("unreadable entry", error.url))
        audit.add_links(source_url, source_url, found.links)
        if page == 1:
            self.check_pattern(
                audit, response, found.links, lambda plain: read_listing_page(response, plain).links
            )
        if found.problem and audit.confirms(found.problem, source):
            source.mark_incomplete(found.problem)
            logger.warning("%s", found.problem)
        next_url = found.next_url
        if next_url and (source_url, next_url) not in audit.known_requests:
            max_pages = self.settings.getint("LISTING_PAGES_MAX")
            if trap := audit.trap_detector.find_trap(source_url, page, found.links, max_pages):
                raise SourceError(source_url, trap)
            meta = get_past_end_meta(next_url, agency, has_number=found.has_numbered_next)
            audit.add_request(next_url, source_url, page=page + 1, **meta)
        for url in found.archive_urls if page == 1 else ():
            self.add_archive(audit, source, url, level + 1)

    def add_archive(self, audit: AgencyAudit, source: AuditedSource, url: str, level: int) -> None:
        if url in audit.sources:
            return
        if level > MAX_INDEX_DEPTH:
            source.mark_incomplete(SourceProblem("archive", url, url))
            return
        if sum(known.kind == "archive" for known in audit.sources.values()) >= MAX_ARCHIVE_PAGES:
            raise SourceError(
                source.url,
                f"links to more than {MAX_ARCHIVE_PAGES} archive pages: treated as a trap",
            )
        audit.add_source(url, "archive", level=level)

    def save_audit(self, audit: AgencyAudit) -> None:
        """Store the coverage of an agency.

        The previous coverage is kept if no source listed a release or was read to its end.
        """
        slug, due_count = audit.agency.slug, None
        if not audit.has_results:
            problem = f"{slug}: none of its sources could be read: the coverage is not updated"
            self.agency_stats[slug].problems.append(problem)
            return
        with self.archive.transaction():
            coverage = update_coverage(self.archive.db, slug, list(audit.sources.values()), now())
            if self.refill:
                due_count = queue_missing_releases(self.archive.db, slug, now())
        self.agency_stats[slug].listed = coverage.listed
        logger.info("%s: %s", slug, _format_audit_report(coverage, due_count))


def _format_audit_report(coverage: CoverageTotals, due_count: int | None) -> str:
    """Format the coverage as one line of text.

    due_count: the number of missing releases that were made due, or None if the option `refill` was
        not given.
    """
    parts = [
        f"{coverage.listed} listed",
        f"{coverage.stored} stored",
        f"{coverage.rejected} rejected",
        f"{coverage.missing} missing",
    ]
    parts += [f"{coverage.unlisted} stored but no longer listed"] if coverage.unlisted else []
    parts += [] if due_count is None else [f"{due_count} due now"]
    return ", ".join(parts) + (
        "" if coverage.is_complete else "; a source was not read to its end and may list more"
    )
