"""ReleaseSpider: draws due URLs, callbacks, deadline, deferral.

What an answer is: evidence, unchanged, not what was asked for, or none; and the words for why.

What a crawl leaves for a later one: paused agencies, hosts left in peace, spent budgets; all, on a full disk.

How long a pass may go on: as long as it needs, for some minutes, or until it is told to stop.

What every spider of ours shares: whose pages, the archive, and reading the releases that are due.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Self, TextIO

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DontCloseSpider, StopDownload
from scrapy.http import Response
from scrapy.settings import BaseSettings
from twisted.python.failure import Failure

from archive.database import ArchiveError
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
from scraper.downloader.robots import describe_download_error
from scraper.errors import AgencyError, NotARelease, PageError
from scraper.extensions.crawl_stats import AgencyStats
from scraper.failures import classify_failure, detect_rejection
from scraper.ingest import CrawlRecorder, parse_schedule
from scraper.items import FetchedPage, ParsedPage
from scraper.locks import lock_agencies
from scraper.normalise.urls import extract_host
from scraper.pages import read_page
from scraper.pages.document import Document
from scraper.sources import is_release_url

ROBOT_NAME = "myndighetsarkivet"  # as robots directives may name us


def is_release_unchanged(response: Response, row: FrontierEntry) -> bool:
    """Whether a 304 is about what is held: not where a redirect took the condition along to another address."""
    return response.url == row.url and bool(build_conditional_headers(row)) and row.release is not None


def build_fetched_page(response: Response) -> FetchedPage:
    """A response as evidence."""
    headers = {
        name.decode("latin-1").lower(): b", ".join(found).decode("latin-1") for name, found in response.headers.items()
    }
    return FetchedPage(url=response.url, fetched_at=now(), status=response.status, headers=headers, body=response.body)


def check_response(response: Response, requested_url: str, agency: Agency, spider: ReleaseSpider) -> None:
    """NotARelease where an answer cannot be the release that was asked for, or asks to be left alone."""
    if response.status in (404, 410):
        raise NotARelease(requested_url, f"answered {response.status}", "gone")
    if led := find_redirect_problem(response, requested_url, agency, spider):
        if (wall := detect_rejection(response.body, response.url)) and wall.kind == "blocked":
            raise NotARelease(requested_url, f"{wall.problem} (led to {response.url})", "blocked")
        raise NotARelease(requested_url, f"led to {led}: {response.url}", "redirected")
    if spider.settings.getbool("NOINDEX_OBEY") and has_noindex(response):
        raise NotARelease(requested_url, "asks not to be indexed (noindex), which NOINDEX_OBEY heeds")


def find_redirect_problem(response: Response, requested_url: str, agency: Agency, spider: ReleaseSpider) -> str | None:
    """What a redirect led to instead of a release; None where it may be one, or there was none."""
    if not agency.owns(response.url):
        return "another host"
    if response.url == requested_url:
        return None
    row = spider.archive.frontier.get(response.url)
    return "what is no release" if not is_release_url(response.url, agency) or (row and row.role != "release") else None


def has_noindex(response: Response) -> bool:
    """Whether an answer says noindex, or none, to every robot or to ours: in X-Robots-Tag or a meta element."""
    told = [value.decode("latin-1") for value in response.headers.getlist("X-Robots-Tag")]
    meta = Document(response.body, response.url).meta
    told += [meta[name] for name in ("robots", ROBOT_NAME) if name in meta]
    return any(is_noindex_directive(text) for text in told)


def is_noindex_directive(text: str) -> bool:
    """Whether a robots directive keeps our robot from indexing.

    >>> is_noindex_directive("noarchive, noindex"), is_noindex_directive("googlebot: noindex"), is_noindex_directive("index, follow")
    (True, False, False)
    """
    robot, colon, rules = text.lower().partition(":")
    if colon and robot.strip() not in (ROBOT_NAME, "unavailable_after"):
        return False  # to another robot
    return not {"noindex", "none"}.isdisjoint(word.strip() for word in (rules if colon else robot).split(","))


def build_conditional_headers(row: FrontierEntry) -> dict[str, str]:
    """The headers that ask for an address only if it has changed."""
    headers = {"If-None-Match": row.etag, "If-Modified-Since": row.last_modified}
    return {name: value for name, value in headers.items() if value}


def get_response_header(response: Response, name: str) -> str | None:
    """A response header as text."""
    value = response.headers.get(name)
    return value.decode("latin-1") if value else None


def is_forbidden_request(failure: Failure) -> bool:
    """Whether a request was not sent, for robots.txt forbids it or it leads where nothing may be asked."""
    return isinstance(failure.value, RobotsForbidden | PrivateAddress)


def describe_request_failure(failure: Failure) -> str:
    """A failure in a line: what kind, and what it says of itself."""
    if isinstance(failure.value, StopDownload):
        return "was broken off: too much was on its way at once (IN_FLIGHT_MAX)"
    if response := getattr(failure.value, "response", None):
        return f"answered {response.status}"
    if isinstance(failure.value, ArchiveError):  # without the folder, which is nobody's business
        return failure.getErrorMessage().replace(failure.value.file, Path(failure.value.file).name)
    assert failure.value is not None  # noqa: S101 - a failure has one
    return describe_download_error(failure.value)


logger = logging.getLogger(__name__)
DUE_BATCH_SIZE = 500  # due releases looked at together for one whose host is not left in peace


class DeferralPolicy:
    """Puts off an agency, or the whole crawl. What was found stays as the frontier has it."""

    def __init__(self, spider: ReleaseSpider) -> None:
        self.spider = spider
        self.deferred_agencies: set[str] = set()  # agencies that nothing more is asked of in this crawl
        self.deferred_hosts: defaultdict[str, set[str]] = defaultdict(set)  # per agency: other hosts left in peace

    def is_deferred(self, slug: str) -> bool:
        """Whether nothing more is to be asked of an agency."""
        return slug in self.deferred_agencies or self.spider.deadline.has_passed()

    def defer_agency(self, failure: Failure) -> bool:
        """Whether a request failed only because its agency's time is a later crawl; told once an agency.

        Another host than the agency's own that is left in peace keeps nothing back but what is to be read there.
        """
        if (
            self.spider.deadline.is_stopping
            or isinstance(failure.value, CrawlStopped)
            or self.stop_if_unwritable(failure.value)
        ):
            return True
        if not isinstance(failure.value, RequestDeferred) or self.is_other_host_paused(failure):
            return False
        slug = failure.request.meta["agency"]  # type: ignore[attr-defined] # set by Scrapy
        if slug not in self.deferred_agencies:
            self.deferred_agencies.add(slug)
            problem, tally = (
                f"{slug}: {failure.value}; what is left goes on with a later crawl",
                self.spider.agency_stats[slug],
            )
            logger.warning("%s", problem)
            if isinstance(failure.value, HostPaused):
                tally.count_error(problem, classify_failure(failure.value))
            else:
                tally.add_warning(problem)
        return True

    def is_other_host_paused(self, failure: Failure) -> bool:
        """Whether a request failed because a host is left in peace that is not its agency's own."""
        request: Request = failure.request  # type: ignore[attr-defined] # set by Scrapy
        home = self.spider.agencies[request.meta["agency"]].home
        return isinstance(failure.value, HostPaused) and extract_host(request.url) != extract_host(home)

    def defer_host(self, failure: Failure) -> bool:
        """Whether a release is left for a later crawl, with all that is to be read at its host; told once a host."""
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
        """Up to `number` due releases of an agency, without those at hosts that are left in peace."""
        spider, resting = self.spider, self.deferred_hosts[slug]
        while True:
            leave = frozenset(spider.requested_urls[slug] | spider.skipped_urls)
            rows = spider.archive.frontier.list_due(
                slug, now(), DUE_BATCH_SIZE if resting and limit > 0 else limit, leave
            )
            away = {row.url for row in rows if extract_host(row.url) in resting}
            spider.skipped_urls |= away
            if len(rows) > len(away) or not away:
                return [row for row in rows if row.url not in away][:limit]

    def stop_if_unwritable(self, error: BaseException | None) -> bool:
        """Whether the archive itself cannot be written: then the crawl ends, for nothing it reads could be kept."""
        problem = find_write_error(error)
        if problem and not self.spider.deadline.is_stopping:
            logger.critical("the archive cannot be written: %s", problem)
            self.spider.deadline.is_stopping = True
            self.spider.archive.db.execute("pragma busy_timeout = 0")  # nothing waits for a lock any more
            if self.spider.crawler.engine:
                self.spider.crawler.engine.close_spider(self.spider, f"the archive cannot be written: {problem}")
        return problem is not None


def find_write_error(error: BaseException | None) -> str | None:
    """What keeps the archive from being written, where that is why something failed: a full disk, a lock."""
    while error is not None:
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.IntegrityError):
            return str(error)
        error = error.__cause__
    return None


def skip_paused_agencies(archive: Archive, agencies: dict[str, Agency]) -> dict[str, Agency]:
    """The agencies that are not paused in the list; the others are told, and written down."""
    with archive.transaction():
        archive.hosts.set_agency_pauses({slug: agency.paused for slug, agency in agencies.items()})
    for slug, agency in agencies.items():
        if agency.paused:
            logger.warning("%s is paused in the list of agencies and left out: %s", slug, agency.paused)
    return {slug: agency for slug, agency in agencies.items() if not agency.paused}


@dataclass(slots=True)
class Deadline:
    """A pass's time. Once it is over nothing more is asked for; the frontier remembers what is left."""

    ends_at: float | None = None  # by the monotonic clock; None: no end
    is_stopping: bool = False  # the process was told to stop (scraper.stopping)

    def has_passed(self) -> bool:
        """Whether the pass has had its time."""
        return self.is_stopping or (self.ends_at is not None and monotonic() >= self.ends_at)


def parse_deadline(minutes: str, *, config_source: str = "arguments", key: str = "minutes") -> Deadline:
    """The `minutes` argument, or another that tells as much; AgencyError where it is no positive number.

    >>> parse_deadline("").ends_at is None, parse_deadline("0.5").has_passed()
    (True, False)
    """
    if not minutes:
        return Deadline()
    try:
        number = float(minutes)
    except ValueError:
        number = -1
    if not 0 < number < float("inf"):
        raise AgencyError(config_source, None, key, f"{minutes!r} is no positive number of minutes")
    return Deadline(monotonic() + 60 * number)


def check_pass_minutes(settings: BaseSettings) -> None:
    """AgencyError where ROUND_PASS_MINUTES cannot be handed to a pass."""
    parse_deadline(str(settings["ROUND_PASS_MINUTES"]), config_source="settings", key="ROUND_PASS_MINUTES")


MISSING_KINDS = {  # what may stand in a held release's place, by what the page is
    "gone": "gone",
    "error page": "error page",
    "redirected": "redirected",
    "listing": "replaced",
}
MAX_REQUESTS_AHEAD = 4  # releases of one agency asked for ahead of their turn; the frontier holds the rest


class ReleaseSpider(Spider):
    """Reads due releases, a few ahead per agency, so that memory does not grow with what is due.

    Arguments: agency (a slug, or several with commas; all where it is left out); minutes (how long the pass may
    go on; what is left then is for a later one).
    """

    agencies: dict[str, Agency]
    archive: Archive
    recorder: CrawlRecorder
    lock: TextIO  # a file beside the archive

    def __init__(self, agency: str = "", minutes: str = "", **arguments: Any) -> None:
        for name in arguments:
            raise AgencyError("arguments", None, name, "is no argument of this spider")
        super().__init__()
        self.selected_slugs = [slug.strip() for slug in agency.split(",") if slug.strip()]
        self.deadline = parse_deadline(minutes)
        self.agency_stats: dict[str, AgencyStats] = {}
        self.requested_urls: dict[str, set[str]] = {}  # per agency: releases on their way
        self.failed_requests: Counter[str] = Counter()  # per agency: requests that network, server or a wall failed
        self.deferrals = DeferralPolicy(self)
        self.is_finished = False  # whether the crawl came to its own end
        self.skipped_urls: set[str] = (
            set()
        )  # releases not asked again in this crawl: we failed on them, or their host rests

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        settings.set("USER_AGENT", build_user_agent(settings.get("CONTACT")), priority="spider")

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        file = Path(crawler.settings.get("AGENCIES") or DEFAULT_AGENCIES_FILE)
        spider.agencies = select_agencies(load_agencies(file), spider.selected_slugs, file)
        check_contact(spider.agencies, crawler.settings.get("CONTACT"))
        schedule = parse_schedule(crawler.settings["REVISIT_AGES"])
        spider.archive = Archive(crawler.settings["ARCHIVE"])
        spider.recorder = CrawlRecorder(spider.archive, schedule)
        spider.lock, ours = lock_agencies(spider.archive.path, spider.agencies)
        spider.agencies = {slug: agency for slug, agency in spider.agencies.items() if slug in ours}
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

    def engine_stopped(self) -> None:
        """Let go of the archive and the lock, once everything else has ended."""
        self.recorder.close()
        self.archive.close()
        self.lock.close()

    # -- asking ---------------------------------------------------------------------------------------------

    def next_requests(self, slug: str) -> Iterator[Request]:
        """Requests for an agency's next due releases, up to AHEAD on their way at once."""
        over = self.deferrals.is_deferred(slug)
        rows = [] if over else list(self.next_rows(slug, MAX_REQUESTS_AHEAD - len(self.requested_urls[slug])))
        # at once: Scrapy takes requests from several callbacks in turn
        self.requested_urls[slug].update(row.url for row in rows)
        for row in rows:
            yield self.build_release_request(row)

    def next_rows(self, slug: str, limit: int) -> Iterable[FrontierEntry]:
        """Up to `number` releases of an agency to be read next."""
        return self.deferrals.select_due(slug, limit)

    def build_release_request(self, row: FrontierEntry, *, unconditional: bool = False) -> Request:
        """A request for one release, conditional where the server gave validators (RFC 9110, 13); not if `plainly`."""
        return Request(
            row.url,
            callback=self.parse_release,
            errback=self.release_failed,
            headers=build_conditional_headers(row) if row.release and not unconditional else None,
            meta={
                "agency": row.agency,
                "row": row,
                "plainly": unconditional,
                "handle_httpstatus_list": [304, 404, 410],
            },
        )

    def finish_release(self, slug: str, url: str) -> None:
        """A release's request has come to its end: ask for the next."""
        self.requested_urls[slug].discard(url)
        self.submit_requests(self.next_requests(slug))

    def submit_requests(self, requests: Iterable[Request]) -> bool:
        """Hand requests to the engine; whether there were any."""
        engine, any_request = self.crawler.engine, False
        for request in requests:
            if engine:
                engine.crawl(request)
                any_request = True
        return any_request

    def continue_if_due(self) -> None:
        """Nothing is on its way any more: whatever is still due goes on, or the crawl is at its end."""
        drawn = [self.submit_requests(self.next_requests(slug)) for slug in self.agencies]
        if any(drawn):
            raise DontCloseSpider
        self.is_finished = not self.deadline.is_stopping

    # -- reading --------------------------------------------------------------------------------------------

    def parse_release(self, response: Response) -> Iterator[ParsedPage | Request]:
        """One answer: a release, an unchanged one, one that is away, or a page that is refused."""
        row: FrontierEntry = response.meta["row"]
        if response.status == 304 and is_release_unchanged(response, row):
            self.record_unchanged(row)
            return
        agency, answer = self.agencies[row.agency], build_fetched_page(response)
        if response.status == 304:
            if response.meta.get("plainly"):
                self.record_no_release(
                    row, answer, NotARelease(row.url, "answered 304 to a request without conditions")
                )
            else:
                yield self.build_release_request(row, unconditional=True)
            return
        try:
            check_response(response, row.url, agency, self)
            item = read_page(response.body, response.url, agency)
        except PageError as error:
            self.record_no_release(row, answer, error)
            return
        yield ParsedPage(item=item, url=row.url, release_id=row.release, response=answer)

    def record_unchanged(self, row: FrontierEntry) -> None:
        """A held release stands as it stood, says the server: one row is written where that was known already."""
        assert row.release is not None  # noqa: S101 - nobody else's address is asked for on a condition
        seen, tally = now(), self.agency_stats[row.agency]
        if row.state == "held":
            self.recorder.record_unchanged(row.release, seen)
        else:
            with self.archive.transaction():
                self.recorder.record_current(row.release, seen)
                self.archive.frontier.mark_stored(row.url, row.release, seen)
        tally.unchanged += 1
        tally.not_modified += 1
        self.finish_release(row.agency, row.url)

    def record_no_release(self, row: FrontierEntry, page: FetchedPage, error: PageError) -> None:
        """An answer that holds no release: a held one is away, unless the page only cannot be read."""
        kind = error.kind if isinstance(error, NotARelease) else "other"
        target = (getattr(error, "target", None) or page.url) if kind == "redirected" else None
        tally = self.agency_stats[row.agency]
        logger.warning("%s", error)
        if kind == "blocked":
            self.recorder.record_failure(
                row.url, row.release, page.fetched_at, str(error), rejected=row.release is None
            )
            tally.count_error(str(error), classify_failure(error))
            self.failed_requests[row.agency] += 1
        elif row.release and kind in MISSING_KINDS:
            self.recorder.record_missing(row.url, row.release, page, MISSING_KINDS[kind], target)
            tally.away += 1
            tally.add_failure(str(error), classify_failure(error))
        else:
            if kind == "gone":
                with self.archive.transaction():
                    self.archive.frontier.mark_gone(row.url, page.fetched_at, str(error))
            else:
                self.recorder.record_failure(row.url, row.release, page.fetched_at, str(error), rejected=True)
            tally.count_rejected(str(error), classify_failure(error))
        self.finish_release(row.agency, row.url)

    def release_failed(self, failure: Failure) -> None:
        """No answer worth reading: robots.txt forbids, or the network or server failed."""
        if self.deferrals.defer_agency(failure) or self.deferrals.defer_host(failure):
            return  # asked for by a later crawl
        row: FrontierEntry = failure.request.meta["row"]  # type: ignore[attr-defined] # set by Scrapy
        problem, no = f"{row.url}: {describe_request_failure(failure)}", is_forbidden_request(failure)
        logger.warning("%s", problem)
        self.recorder.record_failure(row.url, row.release, now(), problem, rejected=no)
        tally = self.agency_stats[row.agency]
        (tally.count_rejected if no else tally.count_error)(problem, classify_failure(failure.value))
        self.failed_requests[row.agency] += not no
        self.finish_release(row.agency, row.url)

    def item_finished(self, item: ParsedPage) -> None:
        """The pipeline has kept or refused a reading."""
        self.finish_release(item.item.agency or "", item.url)

    def item_failed(self, item: ParsedPage, failure: Failure) -> None:
        """The pipeline failed on a reading: it is asked for again in a later crawl."""
        if self.deferrals.stop_if_unwritable(failure.value):
            return
        slug, problem = item.item.agency or "", f"{item.url}: {describe_request_failure(failure)}"
        self.agency_stats[slug].count_error(problem, classify_failure(failure.value))
        self.skipped_urls.add(item.url)
        self.recorder.record_failure(item.url, item.release_id, item.response.fetched_at, problem, rejected=True)
        self.finish_release(slug, item.url)

    def callback_failed(self, failure: Failure, response: Response | Failure | None) -> None:
        """Our own code failed on an answer (counted by scraper.health): it is asked for again in a later crawl."""
        if self.deferrals.stop_if_unwritable(failure.value):
            return
        request: Request | None = getattr(response, "request", None)
        row = request.meta.get("row") if request else None
        if isinstance(row, FrontierEntry):
            self.skipped_urls.add(row.url)
            self.recorder.record_failure(
                row.url, row.release, now(), f"{row.url}: our own code failed on it", rejected=True
            )
            self.finish_release(row.agency, row.url)
