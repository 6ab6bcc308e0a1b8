"""`scrapy crawl audit`: every source to its end, for coverage.

Finding a listing's archive pages: its years, and the page where its older releases are kept.

One agency's audit: its sources and what they list, while they are read; taken stock of when all are through.

The audit spider: reads sources wholly, whatever news crawls have seen of them, and takes stock of what is held.
"""

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
from scraper.failures import classify_failure, classify_source_failure, detect_rejection
from scraper.normalise.urls import resolve_canonical_url
from scraper.sources import (
    FILE_PATH,
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
from scraper.sources.listings import find_base_url, get_line_text, parse_source_page
from scraper.spiders.base import ReleaseSpider, describe_request_failure
from scraper.spiders.news import MAX_INDEX_DEPTH, TrapDetector

YEAR_LINK_TEXT = re.compile(r"(år )?((19|20)\d\d)( ?\(\d+\))?", re.IGNORECASE)
ARCHIVE_LINK_TEXT = re.compile(
    r"(visa |se |till )?((äldre|tidigare) (nyheter|pressmeddelanden|artiklar)|(nyhets|press)?arkiv(et)?"
    r"|arkiv (för |med )?(nyheter|pressmeddelanden)|news archive|older (news|press releases))",
    re.IGNORECASE,
)


def find_archive_pages(body: bytes, url: str, agency: Agency) -> list[str]:
    """The archive pages that a listing links to, in its order; SourceError where it is empty or a trap.

    Only below the listing or the same page with another query, so that no agency's other archives are taken for it;
    a year that its address names as well may also stand beside it.
    """
    own = urlsplit(canonical_url(url))
    below, beside = own.path.rstrip("/") + "/", own.path.rstrip("/").rpartition("/")[0] + "/"
    found: dict[str, None] = {}
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
        same = parts.path.rstrip("/") == own.path.rstrip("/") and parse_qsl(parts.query) != parse_qsl(own.query)
        sibling = year is not None and len(beside) > 1 and parts.path.startswith(beside) and year[2] in address
        if (same or parts.path.startswith(below) or sibling) and not FILE_PATH.search(parts.path):
            found[address] = None
    return list(found)


AuditSourceKind = Literal["home", "robots", "feed", "sitemap", "listing", "archive"]


@dataclass(slots=True)
class AgencyAudit:
    """What is known so far. put_off: what is left of it is another day's."""

    agency: str
    sources: dict[str, AuditedSource] = field(default_factory=dict)  # by address
    pending_requests: set[tuple[str, str]] = field(
        default_factory=set
    )  # source and address of the requests on their way
    sent_requests: set[tuple[str, str]] = field(default_factory=set)  # and of all ever sent: a loop ends here
    trap_detector: TrapDetector = field(default_factory=TrapDetector)
    is_deferred: bool = False
    is_finished: bool = False

    def add_source(self, url: str, kind: AuditSourceKind) -> bool:
        """A source is to be read; False where it is one already."""
        if url in self.sources:
            return False
        self.sources[url] = AuditedSource(url=url, kind=kind)
        return True

    def add_links(self, source: str, origin: str, links: Sequence[SourceLink]) -> int:
        """A source lists these; how many of them it had not listed before."""
        entries = self.sources[source].urls
        before = len(entries)
        for link in links:
            entries.setdefault(link.url, ListedUrl(source_url=origin, published=link.published, listed_at=link.listed))
        return len(entries) - before

    def defer_source(self, source: str, url: str, reason: str) -> None:
        """A source is not read to its end this time."""
        self.is_deferred = True
        self.sources[source].mark_incomplete(f"{url}: left for another time: {reason}")

    @property
    def has_results(self) -> bool:
        """Whether any source named something, or could be read to its end."""
        sources = [source for source in self.sources.values() if source.kind not in ("home", "robots")]
        return any(source.urls or source.problem is None for source in sources)


def parse_yes_no(name: str, text: str) -> bool:
    """An argument that is yes or no; no where it is left out.

    >>> parse_yes_no("refill", "yes"), parse_yes_no("refill", "")
    (True, False)
    """
    if text not in ("", "no", "yes"):
        raise AgencyError("arguments", None, name, f"{text!r} is neither yes nor no")
    return text == "yes"


logger = logging.getLogger(__name__)
MAX_ARCHIVE_PAGES = 100  # archive pages an agency


class AuditSpider(ReleaseSpider):
    """scrapy crawl audit [-a agency=slug[,slug]] [-a refill=yes].

    Every feed, sitemap, listing and archive page is read to its end, without conditions and without regard to what
    is known; no release is read. What is missing is written to ledger and gaps; refill: it also becomes due, for
    the next news crawl to read. Else nothing that a news crawl goes by is touched.
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
        settings.set("ITEM_PIPELINES", {}, priority="spider")  # it has no items, and judges none

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
        """No release is read."""
        return ()

    # -- asking ---------------------------------------------------------------------------------------------

    def request_home(self, audit: AgencyAudit) -> Iterator[Request]:
        """What shows the sources of an agency whose table names none."""
        home = self.agencies[audit.agency].home
        yield from self.request_root_source(home, "home", audit)
        yield from self.request_root_source(urljoin(home, "/robots.txt"), "robots", audit)

    def request_sources(self, sources: SourceURLs, audit: AgencyAudit) -> Iterator[Request]:
        """Every feed, sitemap and listing."""
        kinds: tuple[tuple[AuditSourceKind, list[str]], ...] = (
            ("feed", sources.feeds),
            ("sitemap", sources.sitemaps),
            ("listing", sources.listings),
        )
        for kind, urls in kinds:
            for url in urls:
                yield from self.request_root_source(url, kind, audit)

    def request_root_source(
        self, url: str, kind: AuditSourceKind, audit: AgencyAudit, **meta: Any
    ) -> Iterator[Request]:
        """A source, unless it was met already."""
        if audit.add_source(url, kind):
            yield from self.request_source_page(url, url, kind, audit, **meta)

    def request_source_page(
        self, url: str, root: str, kind: AuditSourceKind, audit: AgencyAudit, **meta: Any
    ) -> Iterator[Request]:
        """A part of a source: its first page, a later one, a sitemap below an index."""
        if (root, url) in audit.sent_requests:
            return
        if self.deferrals.is_deferred(audit.agency):
            audit.defer_source(root, url, "there is no time, or nothing more is asked of it today")
            return
        audit.sent_requests.add((root, url))
        audit.pending_requests.add((root, url))
        told = {"agency": audit.agency, "root": root, "kind": kind, "page": 1, **meta}
        if kind == "robots":  # a site without robots.txt names no sitemaps (RFC 9309)
            told["handle_httpstatus_list"] = list(range(400, 500))
        yield Request(url, callback=self.parse_source_response, errback=self.source_failed, meta={**told, "asked": url})

    # -- reading --------------------------------------------------------------------------------------------

    def parse_source_response(self, response: Response) -> Iterator[Request]:
        """One answer, and what is to be asked because of it; after the last one stock is taken."""
        meta = response.meta
        audit = self.audits[meta["agency"]]
        try:
            yield from list(self.parsers[meta["kind"]](response, self.agencies[audit.agency], audit))
        except SourceError as error:
            self.agency_stats[audit.agency].count_error(
                str(error), classify_source_failure(error, response), source=True
            )
            self.record_incomplete(audit, meta["root"], str(error))
        self.finish_source_request(audit, meta["root"], meta["asked"])

    def parse_home_response(self, response: Response, agency: Agency, audit: AgencyAudit) -> Iterator[Request]:
        """The home page of an agency whose table names no source."""
        found = find_sources(response.body, response.url, agency)
        yield from self.request_sources(found, audit)

    def parse_robots_response(self, response: Response, agency: Agency, audit: AgencyAudit) -> Iterator[Request]:
        """robots.txt of such an agency, for its Sitemap lines."""
        if response.status == 200:
            yield from self.request_sources(
                SourceURLs(sitemaps=parse_robots_sitemaps(response.body, response.url)), audit
            )

    def parse_feed_response(self, response: Response, agency: Agency, audit: AgencyAudit) -> Iterator[Request]:
        """A feed."""
        links = [link for link in parse_feed(response.body, response.url, agency) if is_release_url(link.url, agency)]
        audit.add_links(response.meta["root"], response.meta["root"], links)
        yield from ()

    def parse_sitemap_response(self, response: Response, agency: Agency, audit: AgencyAudit) -> Iterator[Request]:
        """A sitemap, or an index: all sitemaps below it are read, whatever it says of their change."""
        root, depth = response.meta["root"], response.meta.get("depth", 1)
        links, children = parse_sitemap(response.body, response.url, agency)
        audit.add_links(root, response.meta["asked"], links)
        if children and depth > MAX_INDEX_DEPTH:
            raise SourceError(response.url, f"is an index too deep: {depth - 1} lie above")
        for child in children:
            yield from self.request_source_page(child.url, root, "sitemap", audit, depth=depth + 1)

    def parse_listing_response(self, response: Response, agency: Agency, audit: AgencyAudit) -> Iterator[Request]:
        """One page of a listing, then the next to the end; and the archive pages that the first one leads to."""
        root, page, kind = response.meta["root"], response.meta["page"], response.meta["kind"]
        links, following = parse_listing(response.body, response.url, agency)
        if not links and (page > 1 or detect_rejection(response.body, response.url)):
            raise SourceError(response.url, f"page {page} of {root} lists nothing")
        archives = find_archive_pages(response.body, response.url, agency) if page == 1 else []
        new = audit.add_links(root, root, [link for link in links if link.url not in archives])
        if following and (root, following) not in audit.sent_requests:
            if trap := audit.trap_detector.check_page(
                root, page, self.settings.getint("LISTING_PAGES_MAX"), has_new=bool(new)
            ):
                raise SourceError(root, trap)
            yield from self.request_source_page(following, root, kind, audit, page=page + 1)
        depth = response.meta.get("depth", 0)
        for url in archives if depth < MAX_INDEX_DEPTH else ():
            if sum(source.kind == "archive" for source in audit.sources.values()) >= MAX_ARCHIVE_PAGES:
                raise SourceError(root, f"leads to more than {MAX_ARCHIVE_PAGES} archive pages: taken for a trap")
            yield from self.request_root_source(url, "archive", audit, depth=depth + 1)

    # -- ending ---------------------------------------------------------------------------------------------

    def source_failed(self, failure: Failure) -> None:
        """No answer worth reading."""
        request: Request = failure.request  # type: ignore[attr-defined] # set by Scrapy
        audit = self.audits[request.meta["agency"]]
        if self.deferrals.defer_agency(failure):
            audit.defer_source(request.meta["root"], request.url, describe_request_failure(failure))
        else:
            problem = f"{request.url}: {describe_request_failure(failure)}"
            self.agency_stats[audit.agency].count_error(problem, classify_failure(failure.value), source=True)
            self.record_incomplete(audit, request.meta["root"], problem)
        self.finish_source_request(audit, request.meta["root"], request.meta["asked"])

    def callback_failed(self, failure: Failure, response: Response | Failure | None) -> None:
        """Our own code failed on an answer (counted by scraper.extensions.crawl_stats)."""
        request: Request | None = getattr(response, "request", None)
        if self.deferrals.stop_if_unwritable(failure.value) or request is None:
            return
        audit = self.audits[request.meta["agency"]]
        self.record_incomplete(audit, request.meta["root"], f"{request.url}: our own code failed on it")
        self.finish_source_request(audit, request.meta["root"], request.meta["asked"])

    def record_incomplete(self, audit: AgencyAudit, root: str, problem: str) -> None:
        """A source lists more than was read."""
        logger.error("%s", problem)
        audit.sources[root].mark_incomplete(problem)

    def finish_source_request(self, audit: AgencyAudit, root: str, url: str) -> None:
        """A request has come to its end; after the last one stock is taken, unless the crawl was told to stop."""
        audit.pending_requests.discard((root, url))
        if audit.pending_requests or audit.is_finished:
            return
        audit.is_finished = True
        if self.deadline.is_stopping or (audit.is_deferred and not audit.has_results):
            self.log_deferred(audit)
        else:
            self.save_audit(audit)

    def log_deferred(self, audit: AgencyAudit) -> None:
        """There was no time for an agency."""
        logger.warning("%s: not read to the end this time: no stock was taken", audit.agency)

    def save_audit(self, audit: AgencyAudit) -> None:
        """Take stock; not where no source named anything or was read to its end: the last one stands."""
        slug, due = audit.agency, 0
        if not audit.has_results:
            self.agency_stats[slug].add_warning(f"{slug}: none of its sources could be read: no stock was taken")
            return
        with self.archive.transaction():
            stock = update_coverage(self.archive.db, slug, list(audit.sources.values()), now())
            due = queue_missing_releases(self.archive.db, slug, now()) if self.refill else 0
        self.agency_stats[slug].listed = stock.listed
        logger.info("%s: %s", slug, format_audit_report(stock, due, is_refilled=self.refill))
        audit.sources.clear()


def format_audit_report(coverage: CoverageTotals, due_count: int, *, is_refilled: bool) -> str:
    """A stocktaking in a line."""
    told = [
        f"{coverage.listed} listed",
        f"{coverage.held} held",
        f"{coverage.refused} refused",
        f"{coverage.missing} missing",
    ]
    told += [f"{coverage.unlisted} held but no longer listed"] if coverage.unlisted else []
    told += [f"{due_count} due now"] if is_refilled else []
    return ", ".join(told) + ("" if coverage.is_complete else "; a source broke off: it may list more")
