"""`scrapy crawl audit`: reads every source to its end, to compute the archive's coverage."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from scrapy import Request
from scrapy.http import Response
from scrapy.settings import BaseSettings
from scrapy.spidermiddlewares.httperror import HttpError

from archive.coverage import (
    AuditedSource,
    CoverageTotals,
    ListedUrl,
    SourceProblem,
    queue_missing_releases,
    update_coverage,
)
from archive.dates import now
from archive.frontier import FrontierEntry
from archive.urls import canonical_url
from scraper.agency import Agency
from scraper.downloader import HostPaused
from scraper.errors import AgencyError, CutSourceError, SourceError
from scraper.failures import OWN_FAULT, classify_failure, classify_source_failure, describe_request_failure
from scraper.normalise.urls import resolve_canonical_url
from scraper.sources import (
    SourceURLs,
    find_sources,
    get_declared_sources,
    get_wire_sources,
    parse_feed,
    parse_sitemap,
)
from scraper.sources.feeds import parse_robots_sitemaps
from scraper.sources.json_links import is_json
from scraper.sources.links import FILE_PATH, SourceLink, select_releases
from scraper.sources.listings import find_base_url, get_line_text, parse_source_page
from scraper.spiders.base import ReleaseSpider, build_page_request
from scraper.spiders.news import (
    MAX_INDEX_DEPTH,
    NO_ROBOTS_STATUSES,
    TrapDetector,
    check_index_depth,
    get_past_end_meta,
    read_listing_page,
)

logger = logging.getLogger(__name__)

MAX_ARCHIVE_PAGES = 100  # archive pages read per agency
YEAR_LINK_TEXT = re.compile(r"(år )?((19|20)\d\d)( ?\(\d+\))?", re.IGNORECASE)
ARCHIVE_LINK_TEXT = re.compile(
    r"(visa |se |till )?((äldre|tidigare) (nyheter|pressmeddelanden|artiklar)|(nyhets|press)?arkiv(et)?"
    r"|arkiv (för |med )?(nyheter|pressmeddelanden)|news archive|older (news|press releases))",
    re.IGNORECASE,
)


@dataclass(slots=True)
class AgencyAudit:
    """The state of one agency's audit: its sources with the links read so far, and the remaining requests."""

    agency: Agency
    sources: dict[str, AuditedSource] = field(default_factory=dict)  # by URL
    pending_requests: deque[Request] = field(default_factory=deque)
    known_requests: set[tuple[str, str]] = field(default_factory=set)  # (source, URL), to end loops
    trap_detector: TrapDetector = field(default_factory=TrapDetector)
    is_deferred: bool = False  # whether part of it is left for another day

    def add_source(self, url: str, kind: str, **meta: Any) -> None:
        """Add a source and a request for it, unless it is already known."""
        if url not in self.sources:
            self.sources[url] = AuditedSource(url=url, kind=kind)
            self.add_request(url, url, **meta)

    def add_sources(self, sources: SourceURLs, **meta: Any) -> None:
        for kind, url in sources.iter_by_kind():
            self.add_source(url, kind, **meta)

    def add_request(self, url: str, source_url: str, **meta: Any) -> None:
        """Add a request for a source or part of one: a later page, or a sitemap of an index."""
        if (source_url, url) not in self.known_requests:
            self.known_requests.add((source_url, url))
            meta = {"agency": self.agency.slug, "source": url, "root_source": source_url, "page": 1, "level": 0} | meta
            kind = self.sources[source_url].kind
            self.pending_requests.append(build_page_request(url, self.agency, kind, meta))

    def add_links(self, source_url: str, origin: str, links: Sequence[SourceLink]) -> None:
        """Add links to a source. origin: the URL that lists them."""
        for link in links:
            listed = ListedUrl(source_url=origin, published=link.published, listed_at=link.listed_at)
            self.sources[source_url].urls.setdefault(link.url, listed)

    def defer_source(self, request: Request, code: str = "deferred") -> None:
        """Mark a source as incomplete because the rest is left for another day. code: code of a SourceProblem."""
        self.is_deferred = True
        self.sources[request.meta["root_source"]].mark_incomplete(SourceProblem(code, request.url))

    @property
    def has_results(self) -> bool:
        """Return whether any source listed something or was read to its end."""
        sources = [source for source in self.sources.values() if source.kind not in ("home", "robots")]
        return any(source.urls or source.problem is None for source in sources)


class AuditSpider(ReleaseSpider):
    """scrapy crawl audit [-a agency=slug[,slug]] [-a refill=yes].

    Reads every feed, sitemap, listing and archive page to its end, unconditionally and whatever is already known, and
    requests no releases. The result is stored in the tables coverage and missing_releases. refill: missing releases
    also become due, so that the next news crawl requests them. Nothing else that affects a news crawl is changed.
    """

    name = "audit"

    def __init__(self, agency: str = "", minutes: str = "", refill: str = "", **arguments: Any) -> None:
        super().__init__(agency, minutes, **arguments)
        if refill not in ("", "no", "yes"):
            raise AgencyError("arguments", None, "refill", f"{refill!r} is neither yes nor no")
        self.refill = refill == "yes"

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        settings.set("ITEM_PIPELINES", {}, priority="spider")  # an audit has no items

    async def start(self) -> AsyncIterator[Any]:
        limit = asyncio.Semaphore(self.settings.getint("CONCURRENT_REQUESTS"))
        await asyncio.gather(*(self.audit_agency(agency, limit) for agency in self.agencies.values()))
        nothing: tuple[Request, ...] = ()
        for request in nothing:  # Scrapy requires an async generator; everything was requested above
            yield request

    def next_rows(self, slug: str, limit: int) -> Iterable[FrontierEntry]:
        return ()  # no release is requested

    async def audit_agency(self, agency: Agency, limit: asyncio.Semaphore) -> None:
        audit, sources = AgencyAudit(agency), get_declared_sources(agency)
        audit.add_sources(sources)
        audit.add_sources(get_wire_sources(agency))
        if sources == SourceURLs():
            audit.add_source(agency.home, "home")
            audit.add_source(urljoin(agency.home, "/robots.txt"), "robots", handle_httpstatus_list=NO_ROBOTS_STATUSES)
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
        if self.deadline.is_stopping or not self.crawler.crawling or (audit.is_deferred and not audit.has_results):
            logger.warning("%s: the sources were not read to the end, so the coverage is not updated", agency.slug)
            return
        try:
            self.save_audit(audit)
        except Exception as error:  # whatever the error, the audits of other agencies continue
            if not self.stop_if_unwritable(error):
                logger.exception("%s: the coverage cannot be stored", agency.slug)
                self.agency_stats[agency.slug].count_error(f"{agency.slug}: {error}", classify_failure(error))

    async def read_source(self, audit: AgencyAudit, request: Request) -> None:
        """Request a source or part of it, and add its links; mark the source as incomplete if that fails."""
        try:
            response = await self.fetch(request)
            try:
                self.parse_source(audit, response)
            except SourceError as error:
                problem, failure_kind = str(error), classify_source_failure(error, response)
            else:
                return
        except Exception as error:  # whatever the error, the other sources are read
            problem, failure_kind = f"{request.url}: {describe_request_failure(error)}", classify_failure(error)
            if self.defer_agency(error, request):
                audit.defer_source(request, failure_kind if isinstance(error, HostPaused) else "deferred")
                return
            if failure_kind == OWN_FAULT:
                logger.exception("a fault in our own code")
        logger.error("%s", problem)
        self.agency_stats[audit.agency.slug].count_error(problem, failure_kind, source=True)
        audit.sources[request.meta["root_source"]].mark_incomplete(SourceProblem(failure_kind, request.url))

    async def fetch(self, request: Request) -> Response:
        """Return the response. Raises HttpError if it has an error status that the request does not allow."""
        assert self.crawler.engine  # noqa: S101 - a running spider has an engine
        response = await self.crawler.engine.download_async(request)
        if not 200 <= response.status < 300 and response.status not in request.meta.get("handle_httpstatus_list", ()):
            raise HttpError(response)
        return response

    def parse_source(self, audit: AgencyAudit, response: Response) -> None:
        """Add the links and sources in a response, ignoring the dates in an index. Raises SourceError."""
        agency, meta, body, url = audit.agency, response.meta, response.body, response.url
        source = audit.sources[meta["root_source"]]
        if source.kind == "home":
            audit.add_sources(find_sources(body, url, agency), level=1)
        elif source.kind == "robots":
            if response.status == 200:
                audit.add_sources(SourceURLs(sitemaps=parse_robots_sitemaps(body, url)), level=1)
        elif source.kind == "feed":
            try:
                links = parse_feed(body, url, agency)
            except CutSourceError as error:
                audit.add_links(source.url, source.url, select_releases(error.links, agency))
                raise
            audit.add_links(source.url, source.url, select_releases(links, agency))
        elif source.kind == "sitemap":
            links, children = parse_sitemap(body, url, agency)
            audit.add_links(source.url, meta["source"], links)
            if children:
                check_index_depth(url, meta["level"])
            for child in children:
                audit.add_request(child.url, source.url, level=meta["level"] + 1)
        else:
            self.parse_listing(audit, response)

    def parse_listing(self, audit: AgencyAudit, response: Response) -> None:
        """Add the links of a listing page; request the next page and, from the first page, the archive pages."""
        agency, source_url, page = audit.agency, response.meta["root_source"], response.meta["page"]
        links, next_url, has_numbered_next, problem, errors = read_listing_page(response, agency)
        for error in errors:
            audit.sources[source_url].mark_incomplete(SourceProblem("unreadable entry", error.url))
        is_first = page == 1 and not is_json(response.body)
        archive_urls = find_archive_pages(response.body, response.url, agency) if is_first else []
        links = [link for link in links if link.url not in archive_urls]
        audit.add_links(source_url, source_url, links)
        if problem:
            audit.sources[source_url].mark_incomplete(problem)
            logger.warning("%s", problem)
        if next_url and (source_url, next_url) not in audit.known_requests:
            max_pages = self.settings.getint("LISTING_PAGES_MAX")
            if trap := audit.trap_detector.find_trap(source_url, page, links, max_pages):
                raise SourceError(source_url, trap)
            meta = get_past_end_meta(next_url, agency, has_number=has_numbered_next)
            audit.add_request(next_url, source_url, page=page + 1, **meta)
        for url in archive_urls if response.meta["level"] < MAX_INDEX_DEPTH else ():
            if sum(source.kind == "archive" for source in audit.sources.values()) >= MAX_ARCHIVE_PAGES:
                raise SourceError(
                    source_url, f"links to more than {MAX_ARCHIVE_PAGES} archive pages: treated as a trap"
                )
            audit.add_source(url, "archive", level=response.meta["level"] + 1)

    def save_audit(self, audit: AgencyAudit) -> None:
        """Store the coverage; keep the previous one if no source listed anything or was read to its end."""
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
        logger.info("%s: %s", slug, format_audit_report(coverage, due_count))


def find_archive_pages(body: bytes, url: str, agency: Agency) -> list[str]:
    """Return the archive pages that a listing links to, in page order: years, and pages of older releases.

    They must be below the listing or differ only in the query, so that other archives of the agency are not mistaken
    for this listing's. A page of a year whose URL contains that year may also be next to the listing. Raises
    SourceError if the page is empty or has too many tags.
    """
    listing_parts = urlsplit(canonical_url(url))
    listing_path = listing_parts.path.rstrip("/")
    parent = listing_path.rpartition("/")[0] + "/"
    archive_urls: dict[str, None] = {}
    page = parse_source_page(body, url)
    base = find_base_url(page, url)
    for link in page.xpath("//a[@href]"):
        text = get_line_text(link.root)
        year = YEAR_LINK_TEXT.fullmatch(text)
        if not (year or ARCHIVE_LINK_TEXT.fullmatch(text)):
            continue
        address = resolve_canonical_url(base, link.attrib["href"])
        if not address or not agency.owns(address) or address == canonical_url(url):
            continue
        parts = urlsplit(address)
        has_other_query = parse_qsl(parts.query) != parse_qsl(listing_parts.query)
        is_same_page = parts.path.rstrip("/") == listing_path and has_other_query
        is_below = parts.path.startswith(listing_path + "/")
        is_sibling = year is not None and len(parent) > 1 and parts.path.startswith(parent) and year[2] in address
        if (is_same_page or is_below or is_sibling) and not FILE_PATH.search(parts.path):
            archive_urls[address] = None
    return list(archive_urls)


def format_audit_report(coverage: CoverageTotals, due_count: int | None) -> str:
    """Format the coverage on one line.

    due_count: how many missing releases became due; None without `refill`.
    """
    parts = [
        f"{coverage.listed} listed",
        f"{coverage.stored} stored",
        f"{coverage.rejected} rejected",
        f"{coverage.missing} missing",
    ]
    parts += [f"{coverage.unlisted} stored but no longer listed"] if coverage.unlisted else []
    parts += [] if due_count is None else [f"{due_count} due now"]
    return ", ".join(parts) + ("" if coverage.is_complete else "; a source was not read to its end and may list more")
