"""ReleaseSpider, the base of all spiders: requests due releases and passes parsed pages on.

DeferralPolicy decides what a crawl leaves to a later one: agencies and hosts that are paused or over budget.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self, TextIO

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DontCloseSpider
from scrapy.http import Response
from scrapy.settings import BaseSettings
from twisted.python.failure import Failure

from archive.dates import now
from archive.frontier import FrontierEntry
from archive.store import Archive
from scraper.agency import (
    DEFAULT_AGENCIES_FILE,
    Agency,
    build_user_agent,
    check_contact,
    load_agencies,
    select_agencies,
)
from scraper.downloader.errors import CrawlStopped, HostPaused, PrivateAddress, RequestDeferred, RobotsForbidden
from scraper.errors import AgencyError, NotARelease, PageError
from scraper.extensions.crawl_stats import AgencyStats
from scraper.extensions.limits import parse_deadline
from scraper.failures import (
    classify_failure,
    describe_request_failure,
    detect_rejection,
    is_cloudflare_challenge,
)
from scraper.ingest import CrawlRecorder
from scraper.locks import lock_agencies
from scraper.normalise.urls import extract_host
from scraper.pages import read_document
from scraper.pages.document import Document
from scraper.pages.page_type import WALL_PROBLEM
from scraper.parsed_page import FetchedPage, ParsedPage
from scraper.redesign import fingerprint_template
from scraper.schedule import parse_schedule
from scraper.sources.links import is_release_url

logger = logging.getLogger(__name__)

ROBOT_NAME = "myndighetsarkivet"  # our name in robots directives
MAX_REQUESTS_AHEAD = 4  # requests in flight per agency; the frontier keeps the rest
DUE_BATCH_SIZE = 500  # due releases fetched from the frontier to find some at hosts that are not paused
MISSING_KINDS = {  # kind of NotARelease → kind of removal of a stored release
    "gone": "gone",
    "error page": "error page",
    "redirected": "redirected",
    "listing": "replaced",
    "placeholder": "replaced",
}


class ReleaseSpider(Spider):
    """Requests due releases, a few per agency at a time, so that memory does not grow with their number.

    Arguments: agency (one or more slugs, separated by commas; default: all), minutes (how long the pass may take; the
    rest is left to a later one).
    """

    agencies: dict[str, Agency]
    archive: Archive
    recorder: CrawlRecorder
    lock: TextIO  # open lock file beside the archive

    def __init__(self, agency: str = "", minutes: str = "", **arguments: Any) -> None:
        for name in arguments:
            raise AgencyError("arguments", None, name, "is no argument of this spider")
        super().__init__()
        self.selected_slugs = [slug.strip() for slug in agency.split(",") if slug.strip()]
        self.deadline = parse_deadline(minutes)
        self.agency_stats: dict[str, AgencyStats] = {}
        self.requested_urls: dict[str, set[str]] = {}  # per agency: releases in flight
        self.failed_requests: Counter[str] = Counter()  # per agency: no response, or blocked
        self.deferrals = DeferralPolicy(self)
        self.is_finished = False  # whether the crawl ended without being interrupted
        # releases not requested again in this crawl: our code failed on them, or their host is paused
        self.skipped_urls: set[str] = set()

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        settings.set("USER_AGENT", build_user_agent(settings.get("CONTACT")), priority="spider")

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        file = Path(crawler.settings.get("AGENCIES") or DEFAULT_AGENCIES_FILE)
        spider.agencies = spider.choose_agencies(load_agencies(file), file)
        check_contact(spider.agencies, crawler.settings.get("CONTACT"))
        schedule = parse_schedule(crawler.settings["REVISIT_AGES"])
        spider.archive = Archive(crawler.settings["ARCHIVE"])
        new_captures = crawler.settings.getbool("NEW_CAPTURES")
        spider.recorder = CrawlRecorder(spider.archive, schedule, new_captures=new_captures)
        spider.lock, locked_slugs = lock_agencies(spider.archive.path, spider.agencies)
        spider.agencies = {slug: agency for slug, agency in spider.agencies.items() if slug in locked_slugs}
        for slug, agency in spider.agencies.items():
            spider.archive.add_agency(
                slug, name=agency.name, home=agency.home, name_en=agency.name_en, org_number=agency.org_number
            )
        spider.agencies = skip_paused_agencies(spider.archive, spider.agencies)
        spider.agency_stats = {slug: AgencyStats() for slug in spider.agencies}
        spider.requested_urls = {slug: set() for slug in spider.agencies}
        for signal in (signals.item_scraped, signals.item_dropped):
            crawler.signals.connect(spider.item_finished, signal)
        crawler.signals.connect(spider.item_failed, signals.item_error)
        crawler.signals.connect(spider.callback_failed, signals.spider_error)
        crawler.signals.connect(spider.continue_if_due, signals.spider_idle)
        crawler.signals.connect(spider.engine_stopped, signals.engine_stopped)
        return spider

    def choose_agencies(self, agencies: dict[str, Agency], file: Path) -> dict[str, Agency]:
        """Return the agencies of a list that are to be crawled. Raises AgencyError if a selected one is not in it."""
        return select_agencies(agencies, self.selected_slugs, file)

    def engine_stopped(self) -> None:
        """Release the archive and the lock, after everything else has ended."""
        self.recorder.close()
        self.archive.close()
        self.lock.close()

    # Requests

    def next_requests(self, slug: str) -> Iterator[Request]:
        """Yield requests for an agency's next due releases, up to MAX_REQUESTS_AHEAD in flight."""
        is_over = self.deferrals.is_deferred(slug)
        rows = [] if is_over else list(self.next_rows(slug, MAX_REQUESTS_AHEAD - len(self.requested_urls[slug])))
        # before the first yield, because Scrapy consumes several callbacks in turn
        self.requested_urls[slug].update(row.url for row in rows)
        for row in rows:
            yield self.build_release_request(row)

    def next_rows(self, slug: str, limit: int) -> Iterable[FrontierEntry]:
        """Return up to `limit` releases of an agency to be requested next."""
        return self.deferrals.select_due(slug, limit)

    def build_release_request(self, row: FrontierEntry, *, unconditional: bool = False) -> Request:
        """Return a request for a release.

        It is conditional if the server gave validators (RFC 9110, 13), unless `unconditional`.
        """
        return Request(
            row.url,
            callback=self.parse_release,
            errback=self.release_failed,
            headers=build_conditional_headers(row) if row.release_id and not unconditional else None,
            meta={
                "agency": row.agency,
                "row": row,
                "unconditional": unconditional,
                "handle_httpstatus_list": [304, 404, 410],
            },
        )

    def finish_release(self, slug: str, url: str) -> None:
        """Mark a release's request as completed, and submit the next ones."""
        self.requested_urls[slug].discard(url)
        self.submit_requests(self.next_requests(slug))

    def submit_requests(self, requests: Iterable[Request]) -> bool:
        """Hand requests to the engine; return whether there were any."""
        engine, any_request = self.crawler.engine, False
        for request in requests:
            if engine:
                engine.crawl(request)
                any_request = True
        return any_request

    def continue_if_due(self) -> None:
        """Continue an idle crawl if anything is still due, else let it finish."""
        submitted = [self.submit_requests(self.next_requests(slug)) for slug in self.agencies]
        if any(submitted):
            raise DontCloseSpider
        self.is_finished = not self.deadline.is_stopping

    # Responses

    def parse_release(self, response: Response) -> Iterator[ParsedPage | Request]:
        """Parse a response for a release: changed, unchanged (304), missing or rejected."""
        row: FrontierEntry = response.meta["row"]
        if response.status == 304 and is_release_unchanged(response, row):
            self.record_unchanged(row)
            return
        agency, page = self.agencies[row.agency], build_fetched_page(response)
        if response.status == 304:
            if response.meta.get("unconditional"):
                self.record_no_release(row, page, NotARelease(row.url, "answered 304 to a request without conditions"))
            else:
                yield self.build_release_request(row, unconditional=True)
            return
        try:
            check_response(response, row.url, agency, self)
            document = Document(response.body, response.url)
            if self.settings.getbool("NOINDEX_OBEY") and has_noindex(response, document):
                raise NotARelease(row.url, "asks not to be indexed (noindex), which NOINDEX_OBEY heeds")
            item = read_document(document, agency)
        except PageError as error:
            self.record_no_release(row, page, error)
            return
        yield ParsedPage(
            item=item,
            url=row.url,
            release_id=row.release_id,
            response=page,
            document=document,
            template=fingerprint_template(document),
        )

    def record_unchanged(self, row: FrontierEntry) -> None:
        """Record that the server reports a stored release as unchanged, in as few writes as possible."""
        assert row.release_id is not None  # noqa: S101 - only stored releases get conditional requests
        checked_at, stats = now(), self.agency_stats[row.agency]
        if row.state == "stored":
            self.recorder.record_unchanged(row.release_id, checked_at)
        else:
            with self.archive.transaction():
                self.recorder.record_current(row.release_id, checked_at)
                self.archive.frontier.mark_stored(row.url, row.release_id, checked_at)
        stats.unchanged += 1
        stats.not_modified += 1
        self.finish_release(row.agency, row.url)

    def record_no_release(self, row: FrontierEntry, page: FetchedPage, error: PageError) -> None:
        """Record a response without a release; a stored release is missing unless the page is unreadable."""
        kind = error.kind if isinstance(error, NotARelease) else "other"
        target = getattr(error, "target", None) or (page.url if kind == "redirected" else None)
        stats = self.agency_stats[row.agency]
        logger.warning("%s", error)
        if kind == "blocked":
            self.recorder.record_failure(
                row.url, row.release_id, page.fetched_at, str(error), rejected=row.release_id is None
            )
            stats.count_error(str(error), classify_failure(error))
            self.failed_requests[row.agency] += 1
        elif row.release_id and kind in MISSING_KINDS:
            was_current = self.archive.removals.is_current(row.release_id)
            self.recorder.record_missing(row.url, row.release_id, page, MISSING_KINDS[kind], target)
            stats.missing += 1
            if was_current:  # that a removed release is still missing is no failure
                stats.add_failure(str(error), classify_failure(error))
        else:
            if kind == "gone":
                with self.archive.transaction():
                    self.archive.frontier.mark_gone(row.url, page.fetched_at, str(error))
            else:
                self.recorder.record_failure(row.url, row.release_id, page.fetched_at, str(error), rejected=True)
            stats.count_rejected(str(error), classify_failure(error))
        self.finish_release(row.agency, row.url)

    def release_failed(self, failure: Failure) -> None:
        """Record a failed request: forbidden by robots.txt, or without a usable response."""
        if self.deferrals.defer_agency(failure) or self.deferrals.defer_host(failure):
            return  # left to a later crawl
        row: FrontierEntry = failure.request.meta["row"]  # type: ignore[attr-defined] # set by Scrapy
        problem, is_forbidden = f"{row.url}: {describe_request_failure(failure)}", is_forbidden_request(failure)
        logger.warning("%s", problem)
        self.recorder.record_failure(row.url, row.release_id, now(), problem, rejected=is_forbidden)
        stats = self.agency_stats[row.agency]
        (stats.count_rejected if is_forbidden else stats.count_error)(problem, classify_failure(failure.value))
        self.failed_requests[row.agency] += not is_forbidden
        self.finish_release(row.agency, row.url)

    def item_finished(self, response: Response | None) -> None:
        """Continue after the pipeline has stored or dropped a page. None: a page that was quarantined until now."""
        if response is not None:
            row: FrontierEntry = response.meta["row"]
            self.finish_release(row.agency, row.url)

    def item_failed(self, item: ParsedPage, failure: Failure) -> None:
        """Record that the pipeline failed on a page; a later crawl requests it again."""
        if self.stop_if_unwritable(failure.value):
            return
        slug, problem = item.item.agency or "", f"{item.url}: {describe_request_failure(failure)}"
        self.agency_stats[slug].count_error(problem, classify_failure(failure.value))
        self.skipped_urls.add(item.url)
        self.recorder.record_failure(item.url, item.release_id, item.response.fetched_at, problem, rejected=True)
        self.finish_release(slug, item.url)

    def callback_failed(self, failure: Failure, response: Response | Failure | None) -> None:
        """Record that our own code failed on a response (CrawlStatsExtension counts it)."""
        if self.stop_if_unwritable(failure.value):
            return
        request: Request | None = getattr(response, "request", None)
        row = request.meta.get("row") if request else None
        if isinstance(row, FrontierEntry):
            self.skipped_urls.add(row.url)
            self.recorder.record_failure(
                row.url, row.release_id, now(), f"{row.url}: our own code failed on it", rejected=True
            )
            self.finish_release(row.agency, row.url)

    def stop_if_unwritable(self, error: BaseException | None) -> bool:
        """Stop the crawl if `error` means that the archive cannot be written; return whether it does."""
        problem = find_write_error(error)
        if problem and not self.deadline.is_stopping:
            logger.critical("the archive cannot be written: %s", problem)
            self.deadline.is_stopping = True
            self.archive.db.execute("pragma busy_timeout = 0")  # do not wait for locks any more
            if self.crawler.engine:
                self.crawler.engine.close_spider(self, f"the archive cannot be written: {problem}")
        return problem is not None


class DeferralPolicy:
    """Decides which agencies and hosts are left to a later crawl; their releases stay due in the frontier."""

    def __init__(self, spider: ReleaseSpider) -> None:
        self.spider = spider
        self.deferred_agencies: set[str] = set()  # slugs without further requests in this crawl
        self.deferred_hosts: defaultdict[str, set[str]] = defaultdict(set)  # per agency: paused hosts of its releases

    def is_deferred(self, slug: str) -> bool:
        """Return whether nothing more of an agency is to be requested in this crawl."""
        return slug in self.deferred_agencies or self.spider.deadline.has_passed()

    def defer_agency(self, failure: Failure) -> bool:
        """Return whether a failed request leaves its agency to a later crawl; log that once per agency.

        A pause of a host other than the agency's own only affects what is requested from that host (see `defer_host`).
        """
        if (
            self.spider.deadline.is_stopping
            or isinstance(failure.value, CrawlStopped)
            or self.spider.stop_if_unwritable(failure.value)
        ):
            return True
        if not isinstance(failure.value, RequestDeferred) or self.is_other_host_paused(failure):
            return False
        slug = failure.request.meta["agency"]  # type: ignore[attr-defined] # set by Scrapy
        if slug not in self.deferred_agencies:
            self.deferred_agencies.add(slug)
            problem = f"{slug}: {failure.value}; what is left goes on with a later crawl"
            stats = self.spider.agency_stats[slug]
            logger.warning("%s", problem)
            if isinstance(failure.value, HostPaused):
                stats.count_error(problem, classify_failure(failure.value))
            else:
                stats.add_warning(problem)
        return True

    def is_other_host_paused(self, failure: Failure) -> bool:
        """Return whether a request failed because a host other than its agency's own is paused."""
        request: Request = failure.request  # type: ignore[attr-defined] # set by Scrapy
        home = self.spider.agencies[request.meta["agency"]].home
        return isinstance(failure.value, HostPaused) and extract_host(request.url) != extract_host(home)

    def defer_host(self, failure: Failure) -> bool:
        """Return whether a release is left to a later crawl because its host is paused; log each host once."""
        if not isinstance(failure.value, HostPaused):
            return False
        request: Request = failure.request  # type: ignore[attr-defined] # set by Scrapy
        row: FrontierEntry = request.meta["row"]
        host = extract_host(request.url)
        if host not in self.deferred_hosts[row.agency]:
            self.deferred_hosts[row.agency].add(host)
            problem = f"{row.url}: {failure.value}; what is to be read there goes on with a later crawl"
            logger.warning("%s", problem)
            self.spider.agency_stats[row.agency].count_error(problem, classify_failure(failure.value))
        self.spider.skipped_urls.add(row.url)
        self.spider.finish_release(row.agency, row.url)
        return True

    def select_due(self, slug: str, limit: int) -> list[FrontierEntry]:
        """Return up to `limit` due releases of an agency, without those at paused hosts."""
        spider, paused_hosts = self.spider, self.deferred_hosts[slug]
        while True:
            excluded = frozenset(spider.requested_urls[slug] | spider.skipped_urls)
            rows = spider.archive.frontier.list_due(
                slug, now(), DUE_BATCH_SIZE if paused_hosts and limit > 0 else limit, excluded
            )
            paused_urls = {row.url for row in rows if extract_host(row.url) in paused_hosts}
            spider.skipped_urls |= paused_urls
            if len(rows) > len(paused_urls) or not paused_urls:
                return [row for row in rows if row.url not in paused_urls][:limit]


def skip_paused_agencies(archive: Archive, agencies: dict[str, Agency]) -> dict[str, Agency]:
    """Return the agencies that are not paused in agencies.toml; log and store which ones are."""
    with archive.transaction():
        archive.hosts.set_agency_pauses({slug: agency.paused for slug, agency in agencies.items()})
    for slug, agency in agencies.items():
        if agency.paused:
            logger.warning("%s is paused in the list of agencies and left out: %s", slug, agency.paused)
    return {slug: agency for slug, agency in agencies.items() if not agency.paused}


def find_write_error(error: BaseException | None) -> str | None:
    """Return why the archive cannot be written (full disk, lock), None if `error` has another cause."""
    while error is not None:
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.IntegrityError):
            return str(error)
        error = error.__cause__
    return None


def build_conditional_headers(row: FrontierEntry) -> dict[str, str]:
    """Return the headers of a conditional request, empty if the server gave no validators."""
    headers = {"If-None-Match": row.etag, "If-Modified-Since": row.last_modified}
    return {name: value for name, value in headers.items() if value}


def get_response_header(response: Response, name: str) -> str | None:
    """Return a response header as text, None if it is missing."""
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None


def build_fetched_page(response: Response) -> FetchedPage:
    """Return a response as the evidence that is stored with a release."""
    headers = {
        name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
        for name, values in response.headers.items()
    }
    return FetchedPage(url=response.url, fetched_at=now(), status=response.status, headers=headers, body=response.body)


def is_release_unchanged(response: Response, row: FrontierEntry) -> bool:
    """Return whether a 304 is about the stored release.

    It is not if a redirect has passed the conditional headers on to another URL.
    """
    return response.url == row.url and bool(build_conditional_headers(row)) and row.release_id is not None


def is_forbidden_request(failure: Failure) -> bool:
    """Return whether a request was not sent because robots.txt or the SSRF filter forbids it."""
    return isinstance(failure.value, RobotsForbidden | PrivateAddress)


def check_response(response: Response, requested_url: str, agency: Agency, spider: ReleaseSpider) -> None:
    """Raise NotARelease if a response cannot be the requested release: 404, 410 or a redirect elsewhere."""
    if is_cloudflare_challenge(response):
        raise NotARelease(requested_url, f"{WALL_PROBLEM}: a challenge of Cloudflare", "blocked")
    if response.status in (404, 410):
        raise NotARelease(requested_url, f"answered {response.status}", "gone")
    if redirect_problem := find_redirect_problem(response, requested_url, agency, spider):
        rejection = detect_rejection(response.body, response.url, is_elsewhere=not agency.owns(response.url))
        if rejection and rejection.kind == "blocked":
            raise NotARelease(requested_url, f"{rejection.problem} (led to {response.url})", "blocked")
        raise NotARelease(requested_url, f"led to {redirect_problem}: {response.url}", "redirected")


def find_redirect_problem(response: Response, requested_url: str, agency: Agency, spider: ReleaseSpider) -> str | None:
    """Return what a redirect led to instead of a release; None if it may be one or did not redirect."""
    if not agency.owns(response.url):
        return "another host"
    if response.url == requested_url:
        return None
    row = spider.archive.frontier.get(response.url)
    return "what is no release" if not is_release_url(response.url, agency) or (row and row.role != "release") else None


def has_noindex(response: Response, document: Document) -> bool:
    """Return whether X-Robots-Tag or a meta element says noindex or none, to every robot or to ours."""
    directives = [value.decode("latin-1") for value in response.headers.getlist("X-Robots-Tag")]
    meta = document.meta
    directives += [meta[name] for name in ("robots", ROBOT_NAME) if name in meta]
    return any(is_noindex_directive(text) for text in directives)


def is_noindex_directive(text: str) -> bool:
    """Return whether a robots directive forbids our robot to index.

    >>> [is_noindex_directive(text) for text in ("noarchive, noindex", "googlebot: noindex", "index, follow")]
    [True, False, False]
    """
    robot, colon, rules = text.lower().partition(":")
    if colon and robot.strip() not in (ROBOT_NAME, "unavailable_after"):
        return False  # addressed to another robot
    return not {"noindex", "none"}.isdisjoint(word.strip() for word in (rules if colon else robot).split(","))
