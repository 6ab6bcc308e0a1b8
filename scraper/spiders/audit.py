"""`scrapy crawl audit`: reads every source to its end, for the coverage of the archive."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, urljoin, urlsplit

from scrapy import Request
from scrapy.http import Response
from scrapy.settings import BaseSettings
from twisted.python.failure import Failure

from archive.coverage import AuditedSource, CoverageTotals, ListedUrl, queue_missing_releases, update_coverage
from archive.dates import now
from archive.frontier import FrontierEntry
from archive.urls import canonical_url
from scraper.agency import Agency
from scraper.errors import AgencyError, SourceError
from scraper.failures import classify_failure, classify_source_failure, describe_request_failure
from scraper.normalise.urls import resolve_canonical_url
from scraper.sources import find_sources, parse_feed, parse_sitemap
from scraper.sources.discovery import SourceURLs, get_declared_sources
from scraper.sources.feeds import parse_robots_sitemaps
from scraper.sources.links import FILE_PATH, SourceLink, is_release_url
from scraper.sources.listings import find_base_url, get_line_text, parse_source_page
from scraper.spiders.base import ReleaseSpider
from scraper.spiders.news import (
    MAX_INDEX_DEPTH,
    NO_ROBOTS_STATUSES,
    TrapDetector,
    get_past_end_meta,
    read_listing_page,
)

logger = logging.getLogger(__name__)

MAX_ARCHIVE_PAGES = 100  # per agency
YEAR_LINK_TEXT = re.compile(r"(år )?((19|20)\d\d)( ?\(\d+\))?", re.IGNORECASE)
ARCHIVE_LINK_TEXT = re.compile(
    r"(visa |se |till )?((äldre|tidigare) (nyheter|pressmeddelanden|artiklar)|(nyhets|press)?arkiv(et)?"
    r"|arkiv (för |med )?(nyheter|pressmeddelanden)|news archive|older (news|press releases))",
    re.IGNORECASE,
)

AuditSourceKind = Literal["home", "robots", "feed", "sitemap", "listing", "archive"]


@dataclass(slots=True)
class AgencyAudit:
    """The state of one agency's audit: its sources with the links read so far, and the open requests."""

    agency: str
    sources: dict[str, AuditedSource] = field(default_factory=dict)  # by URL
    pending_requests: set[tuple[str, str]] = field(default_factory=set)  # (source, URL) of requests in flight
    sent_requests: set[tuple[str, str]] = field(default_factory=set)  # (source, URL) of all requests; ends loops
    trap_detector: TrapDetector = field(default_factory=TrapDetector)
    is_deferred: bool = False  # whether a part of it is left to another day
    is_finished: bool = False

    def add_source(self, url: str, kind: AuditSourceKind) -> bool:
        """Add a source; return False if it is known already."""
        if url in self.sources:
            return False
        self.sources[url] = AuditedSource(url=url, kind=kind)
        return True

    def add_links(self, source: str, origin: str, links: Sequence[SourceLink]) -> int:
        """Add links to a source; return how many of them are new to it. origin: where they are listed."""
        urls = self.sources[source].urls
        known_count = len(urls)
        for link in links:
            urls.setdefault(link.url, ListedUrl(source_url=origin, published=link.published, listed_at=link.listed_at))
        return len(urls) - known_count

    def defer_source(self, source: str, url: str, reason: str) -> None:
        """Mark a source as incomplete because the rest is left to another day."""
        self.is_deferred = True
        self.sources[source].mark_incomplete(f"{url}: left for another time: {reason}")

    @property
    def has_results(self) -> bool:
        """Return whether any source listed something or was read to its end."""
        sources = [source for source in self.sources.values() if source.kind not in ("home", "robots")]
        return any(source.urls or source.problem is None for source in sources)


class AuditSpider(ReleaseSpider):
    """scrapy crawl audit [-a agency=slug[,slug]] [-a refill=yes].

    Reads every feed, sitemap, listing and archive page to its end, unconditionally and whatever is known already, and
    requests no release. The tables coverage and missing_releases get the result. refill: missing releases also become
    due, so that the next news crawl requests them. Nothing else that a news crawl depends on is changed.
    """

    name = "audit"

    def __init__(self, agency: str = "", minutes: str = "", refill: str = "", **arguments: Any) -> None:
        super().__init__(agency, minutes, **arguments)
        self.refill = parse_yes_no("refill", refill)
        self.audits: dict[str, AgencyAudit] = {}
        self.parsers: dict[AuditSourceKind, Callable[[Response, Agency, AgencyAudit], Iterable[Request]]] = {
            "home": self.parse_home_response,
            "robots": self.parse_robots_response,
            "feed": self.parse_feed_response,
            "sitemap": self.parse_sitemap_response,
            "listing": self.parse_listing_response,
            "archive": self.parse_listing_response,
        }

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        settings.set("ITEM_PIPELINES", {}, priority="spider")  # it has no items

    async def start(self) -> AsyncIterator[Any]:
        for slug, agency in self.agencies.items():
            self.audits[slug] = audit = AgencyAudit(slug)
            sources = get_declared_sources(agency)
            for request in list(
                self.request_sources(sources, audit) if sources != SourceURLs() else self.request_home(audit)
            ):
                yield request
            if not audit.pending_requests and audit.is_deferred:
                self.log_deferred(audit)

    def next_rows(self, slug: str, limit: int) -> Iterable[FrontierEntry]:
        """Return nothing, because no release is requested."""
        return ()

    # Requests

    def request_home(self, audit: AgencyAudit) -> Iterator[Request]:
        """Request the home page and robots.txt of an agency without declared sources, to discover them."""
        home = self.agencies[audit.agency].home
        yield from self.request_root_source(home, "home", audit)
        yield from self.request_root_source(urljoin(home, "/robots.txt"), "robots", audit)

    def request_sources(self, sources: SourceURLs, audit: AgencyAudit) -> Iterator[Request]:
        """Yield requests for all feeds, sitemaps and listings."""
        for kind, url in sources.iter_by_kind():
            yield from self.request_root_source(url, kind, audit)

    def request_root_source(
        self, url: str, kind: AuditSourceKind, audit: AgencyAudit, **meta: Any
    ) -> Iterator[Request]:
        """Request a source, unless it is known already."""
        if audit.add_source(url, kind):
            yield from self.request_source_page(url, url, kind, audit, **meta)

    def request_source_page(
        self, url: str, source_url: str, kind: AuditSourceKind, audit: AgencyAudit, **meta: Any
    ) -> Iterator[Request]:
        """Request a part of a source: its first page, a later page, or a sitemap of an index."""
        if (source_url, url) in audit.sent_requests:
            return
        if self.deferrals.is_deferred(audit.agency):
            audit.defer_source(source_url, url, "there is no time, or nothing more is asked of it today")
            return
        audit.sent_requests.add((source_url, url))
        audit.pending_requests.add((source_url, url))
        meta_values = {"agency": audit.agency, "source_url": source_url, "kind": kind, "page": 1, **meta}
        if kind == "robots":
            meta_values["handle_httpstatus_list"] = NO_ROBOTS_STATUSES
        yield Request(
            url,
            callback=self.parse_source_response,
            errback=self.source_failed,
            meta={**meta_values, "requested_url": url},
        )

    # Responses

    def parse_source_response(self, response: Response) -> Iterator[Request]:
        """Process a response by the kind of its source, and finish the audit after the last one."""
        meta = response.meta
        audit = self.audits[meta["agency"]]
        try:
            yield from list(self.parsers[meta["kind"]](response, self.agencies[audit.agency], audit))
        except SourceError as error:
            self.agency_stats[audit.agency].count_error(
                str(error), classify_source_failure(error, response), source=True
            )
            self.record_incomplete(audit, meta["source_url"], str(error))
        self.finish_source_request(audit, meta["source_url"], meta["requested_url"])

    def parse_home_response(self, response: Response, agency: Agency, audit: AgencyAudit) -> Iterator[Request]:
        """Request the sources that a home page links to."""
        sources = find_sources(response.body, response.url, agency)
        yield from self.request_sources(sources, audit)

    def parse_robots_response(self, response: Response, agency: Agency, audit: AgencyAudit) -> Iterator[Request]:
        """Request the sitemaps that robots.txt names."""
        if response.status == 200:
            yield from self.request_sources(
                SourceURLs(sitemaps=parse_robots_sitemaps(response.body, response.url)), audit
            )

    def parse_feed_response(self, response: Response, agency: Agency, audit: AgencyAudit) -> Iterator[Request]:
        """Add the links of a feed."""
        links = [link for link in parse_feed(response.body, response.url, agency) if is_release_url(link.url, agency)]
        audit.add_links(response.meta["source_url"], response.meta["source_url"], links)
        yield from ()

    def parse_sitemap_response(self, response: Response, agency: Agency, audit: AgencyAudit) -> Iterator[Request]:
        """Add the links of a sitemap, or request all sitemaps of an index, whatever their dates."""
        source_url, depth = response.meta["source_url"], response.meta.get("depth", 1)
        links, children = parse_sitemap(response.body, response.url, agency)
        audit.add_links(source_url, response.meta["requested_url"], links)
        if children and depth > MAX_INDEX_DEPTH:
            raise SourceError(response.url, f"is an index too deep: {depth - 1} lie above")
        for child in children:
            yield from self.request_source_page(child.url, source_url, "sitemap", audit, depth=depth + 1)

    def parse_listing_response(self, response: Response, agency: Agency, audit: AgencyAudit) -> Iterator[Request]:
        """Add the links of a listing page; request the next page, and from the first one the archive pages."""
        source_url, page, kind = response.meta["source_url"], response.meta["page"], response.meta["kind"]
        links, next_url, has_numbered_next = read_listing_page(response, agency)
        archive_urls = find_archive_pages(response.body, response.url, agency) if page == 1 else []
        new_count = audit.add_links(source_url, source_url, [link for link in links if link.url not in archive_urls])
        if next_url and (source_url, next_url) not in audit.sent_requests:
            if trap := audit.trap_detector.check_page(
                source_url, page, self.settings.getint("LISTING_PAGES_MAX"), has_new=bool(new_count)
            ):
                raise SourceError(source_url, trap)
            options = get_past_end_meta(next_url, agency, has_number=has_numbered_next)
            yield from self.request_source_page(next_url, source_url, kind, audit, page=page + 1, **options)
        depth = response.meta.get("depth", 0)
        for url in archive_urls if depth < MAX_INDEX_DEPTH else ():
            if sum(source.kind == "archive" for source in audit.sources.values()) >= MAX_ARCHIVE_PAGES:
                raise SourceError(source_url, f"leads to more than {MAX_ARCHIVE_PAGES} archive pages: taken for a trap")
            yield from self.request_root_source(url, "archive", audit, depth=depth + 1)

    # End of a request, and of an agency's audit

    def source_failed(self, failure: Failure) -> None:
        """Mark a source as incomplete or deferred because a request failed."""
        request: Request = failure.request  # type: ignore[attr-defined] # set by Scrapy
        audit = self.audits[request.meta["agency"]]
        if self.deferrals.defer_agency(failure):
            audit.defer_source(request.meta["source_url"], request.url, describe_request_failure(failure))
        else:
            problem = f"{request.url}: {describe_request_failure(failure)}"
            self.agency_stats[audit.agency].count_error(problem, classify_failure(failure.value), source=True)
            self.record_incomplete(audit, request.meta["source_url"], problem)
        self.finish_source_request(audit, request.meta["source_url"], request.meta["requested_url"])

    def callback_failed(self, failure: Failure, response: Response | Failure | None) -> None:
        """Mark a source as incomplete because our own code failed (CrawlStatsExtension counts it)."""
        request: Request | None = getattr(response, "request", None)
        if self.stop_if_unwritable(failure.value) or request is None:
            return
        audit = self.audits[request.meta["agency"]]
        self.record_incomplete(audit, request.meta["source_url"], f"{request.url}: our own code failed on it")
        self.finish_source_request(audit, request.meta["source_url"], request.meta["requested_url"])

    def record_incomplete(self, audit: AgencyAudit, source_url: str, problem: str) -> None:
        """Mark a source as incomplete, and log why."""
        logger.error("%s", problem)
        audit.sources[source_url].mark_incomplete(problem)

    def finish_source_request(self, audit: AgencyAudit, source_url: str, url: str) -> None:
        """Close a request; after the last one save the audit, unless a stop was requested."""
        audit.pending_requests.discard((source_url, url))
        if audit.pending_requests or audit.is_finished:
            return
        audit.is_finished = True
        if self.deadline.is_stopping or (audit.is_deferred and not audit.has_results):
            self.log_deferred(audit)
        else:
            self.save_audit(audit)

    def log_deferred(self, audit: AgencyAudit) -> None:
        """Log that an agency was not audited this time."""
        logger.warning("%s: not read to the end this time: no stock was taken", audit.agency)

    def save_audit(self, audit: AgencyAudit) -> None:
        """Store the coverage; keep the previous one if no source listed anything or was read to its end."""
        slug, due_count = audit.agency, 0
        if not audit.has_results:
            self.agency_stats[slug].add_warning(f"{slug}: none of its sources could be read: no stock was taken")
            return
        with self.archive.transaction():
            coverage = update_coverage(self.archive.db, slug, list(audit.sources.values()), now())
            due_count = queue_missing_releases(self.archive.db, slug, now()) if self.refill else 0
        self.agency_stats[slug].listed = coverage.listed
        logger.info("%s: %s", slug, format_audit_report(coverage, due_count, is_refilled=self.refill))
        audit.sources.clear()


def find_archive_pages(body: bytes, url: str, agency: Agency) -> list[str]:
    """Return the archive pages that a listing links to, in page order: years, and pages of older releases.

    They have to be below the listing or differ only in the query, so that other archives of the agency are not taken
    for this listing's; a year whose URL contains it may also be next to the listing. Raise SourceError if the page is
    empty or has too many tags.
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


def parse_yes_no(name: str, text: str) -> bool:
    """Parse an argument that is "yes", "no" or empty (no).

    >>> parse_yes_no("refill", "yes"), parse_yes_no("refill", "")
    (True, False)
    """
    if text not in ("", "no", "yes"):
        raise AgencyError("arguments", None, name, f"{text!r} is neither yes nor no")
    return text == "yes"


def format_audit_report(coverage: CoverageTotals, due_count: int, *, is_refilled: bool) -> str:
    """Format the coverage in one line."""
    parts = [
        f"{coverage.listed} listed",
        f"{coverage.stored} held",
        f"{coverage.rejected} refused",
        f"{coverage.missing} missing",
    ]
    parts += [f"{coverage.unlisted} held but no longer listed"] if coverage.unlisted else []
    parts += [f"{due_count} due now"] if is_refilled else []
    return ", ".join(parts) + ("" if coverage.is_complete else "; a source broke off: it may list more")
