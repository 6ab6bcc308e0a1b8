"""Contains ReleaseSpider, the base class of all spiders that request releases."""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TextIO

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DontCloseSpider, IgnoreRequest
from scrapy.http import Response
from twisted.python.failure import Failure

from archive.database.frontier import FrontierEntry
from archive.database.sqlite_files import relieve_garbage_collector
from archive.store.releases import Archive
from archive.times import now
from scraper.agency import (
    DEFAULT_AGENCIES_FILE,
    Agency,
    check_contact,
    load_agencies,
    select_agencies,
)
from scraper.crawl.crawl_stats import AgencyStats, add_declared_agency, parse_deadline
from scraper.crawl.failures import (
    classify_failure,
    classify_source_failure,
    describe_request_failure,
    is_cloudflare_challenge,
)
from scraper.crawl.round_locks import lock_agencies
from scraper.downloader.browser import check_browser
from scraper.downloader.limits import (
    CrawlStopped,
    HostPaused,
    IdentifiedSpider,
    PrivateAddress,
    RequestDeferred,
    RobotsForbidden,
    decode_headers,
)
from scraper.errors import AgencyError, NotARelease, PageError, SourceError
from scraper.ingest import (
    FINGERPRINT_VERSION,
    CrawlRecorder,
    FetchedPage,
    ParsedPage,
    build_file_item,
    fingerprint_template,
    is_other_address,
    read_retention,
)
from scraper.normalise.page_urls import extract_host
from scraper.pages import open_document, read_document
from scraper.pages.document import Document
from scraper.pages.page_type import WALL_PROBLEM, detect_rejection, is_listing_url
from scraper.revisit_schedule import parse_schedule
from scraper.sources import ListingPage, SourceLink, is_release_url, parse_listing, split_form

logger = logging.getLogger(__name__)

ROBOT_NAME = "myndighetsarkivet"  # name of our robot in robots directives
MAX_REQUESTS_AHEAD = 4  # requests in flight per agency; the frontier keeps the rest
# due releases read from the frontier at a time, to find some at hosts that are not paused
DUE_BATCH_SIZE = 500
PAST_END_STATUSES = [204, 404, 410]  # statuses of a page past the end of a listing
MISSING_KINDS = {  # type of NotARelease → type of removal, for a stored release
    "gone": "gone",
    "error page": "error page",
    "redirected": "redirected",
    "listing": "replaced",
    "placeholder": "replaced",
}
NOINDEX_PROBLEM = "asks not to be indexed (noindex), and NOINDEX_OBEY is set"
CHALLENGE_PROBLEM = f"{WALL_PROBLEM}: a challenge of Cloudflare"
# what is refused for its address, its headers or its site's wish is not kept for a better parser
UNKEPT_KINDS, UNKEPT_PROBLEMS = ("gone", "redirected"), (NOINDEX_PROBLEM, CHALLENGE_PROBLEM)

# returns the links that a source has for an agency
ReadLinks = Callable[[Agency], Iterable[SourceLink]]


class ReleaseSpider(IdentifiedSpider):
    """Requests due releases, only a few per agency at a time, to limit memory use.

    The indented lines in the docstrings of this class and of the spiders are copied to
    docs/reference/commands.md.

        agency=SLUG[,SLUG]  Only these agencies. Default: all.
        minutes=N           End after N minutes, and leave the rest for a later crawl.
    """

    agencies: dict[str, Agency]
    agencies_file: Path
    archive: Archive
    recorder: CrawlRecorder
    lock: TextIO  # open lock file beside the archive
    reads_agencies = True  # whether it requests the agencies' own sites

    def __init__(self, agency: str = "", minutes: str = "", **arguments: Any) -> None:
        for name in arguments:
            raise AgencyError("arguments", None, name, "is not an argument of this spider")
        super().__init__()
        self.selected_slugs = [slug.strip() for slug in agency.split(",") if slug.strip()]
        self.deadline = parse_deadline(minutes)
        self.agency_stats: dict[str, AgencyStats] = {}
        # agency → URLs of releases in flight
        self.requested_urls: defaultdict[str, set[str]] = defaultdict(set)
        # agency → number of requests without a response, or blocked
        self.failed_requests: Counter[str] = Counter()
        self.is_finished = False  # whether the crawl ended without being interrupted
        # agencies that are left for a later crawl
        self.deferred_agencies: set[str] = set()
        # agency → paused hosts of its releases
        self.deferred_hosts: defaultdict[str, set[str]] = defaultdict(set)
        # releases at paused hosts, and those for which our code failed
        self.skipped_urls: set[str] = set()

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider, settings = super().from_crawler(crawler, *args, **kwargs), crawler.settings
        # Otherwise, Scrapy formats each page's debug messages before its handler drops them.
        logging.getLogger("scrapy").setLevel(settings["LOG_LEVEL"])
        file = Path(settings.get("AGENCIES") or DEFAULT_AGENCIES_FILE)
        spider.agencies_file = file
        agencies = spider.choose_agencies(load_agencies(file), file)
        check_contact(agencies, settings.get("CONTACT"))
        check_browser(agencies)
        # closed here if anything fails, because the engine is then never started
        with ExitStack() as open_files:
            spider.archive = archive = Archive(settings["ARCHIVE"])
            open_files.callback(archive.close)
            spider.recorder = CrawlRecorder(
                archive,
                parse_schedule(settings["REVISIT_AGES"]),
                new_captures=settings.getbool("NEW_CAPTURES"),
                retention=read_retention(settings),
            )
            open_files.callback(spider.recorder.close)
            spider.recorder.expire_refused()
            spider.lock, locked_slugs = lock_agencies(archive.path, agencies)
            open_files.callback(spider.lock.close)
            agencies = {slug: agency for slug, agency in agencies.items() if slug in locked_slugs}
            for agency in agencies.values():
                add_declared_agency(archive, agency)
            with archive.transaction():
                archive.hosts.set_agency_pauses(
                    {slug: agency.paused for slug, agency in agencies.items()}
                )
            open_files.pop_all()
        spider.agencies = _select_unpaused(agencies)
        spider.agency_stats = {slug: AgencyStats() for slug in spider.agencies}
        for receiver, signal in (
            (relieve_garbage_collector, signals.spider_opened),  # by then, most modules are loaded
            (spider.item_finished, signals.item_scraped),
            (spider.item_finished, signals.item_dropped),
            (spider.item_failed, signals.item_error),
            (spider.callback_failed, signals.spider_error),
            (spider.continue_if_due, signals.spider_idle),
            (spider.engine_stopped, signals.engine_stopped),
        ):
            crawler.signals.connect(receiver, signal)
        return spider

    def choose_agencies(self, agencies: dict[str, Agency], file: Path) -> dict[str, Agency]:
        return select_agencies(agencies, self.selected_slugs, file)

    def engine_stopped(self) -> None:
        self.recorder.close()
        self.archive.close()
        self.lock.close()

    # Requests

    def next_requests(self, slug: str) -> Iterator[Request]:
        """Yield requests for an agency's next due releases.

        At most MAX_REQUESTS_AHEAD of the agency's requests are pending at the same time.
        """
        if self.is_deferred(slug):
            return
        limit = max(0, MAX_REQUESTS_AHEAD - len(self.requested_urls[slug]))
        rows = list(map(self.separate_other_address, self.next_rows(slug, limit)))
        # before the first yield, because Scrapy consumes several callbacks in turn
        self.requested_urls[slug].update(row.url for row in rows)
        yield from self.build_requests(rows)

    def separate_other_address(self, row: FrontierEntry) -> FrontierEntry:
        """Return a row without its release if the row's URL is only another address of the release.

        What happens at this URL then does not change the release. Any other row is returned
        unchanged.
        """
        return (
            replace(row, release_id=None)
            if is_other_address(self.archive, row.url, row.release_id)
            else row
        )

    def next_rows(self, slug: str, limit: int) -> Iterable[FrontierEntry]:
        """Return up to `limit` due releases of an agency, without those at paused hosts."""
        paused_hosts = self.deferred_hosts[slug]
        while True:
            rows = self.archive.frontier.list_due(
                slug,
                now(),
                DUE_BATCH_SIZE if paused_hosts and limit > 0 else limit,
                frozenset(self.requested_urls[slug] | self.skipped_urls),
            )
            paused_urls = {row.url for row in rows if extract_host(row.url) in paused_hosts}
            self.skipped_urls |= paused_urls
            if len(rows) > len(paused_urls) or not paused_urls:
                return [row for row in rows if row.url not in paused_urls][:limit]

    def build_requests(self, rows: Iterable[FrontierEntry]) -> Iterator[Request]:
        """Yield the requests for releases.

        Releases in the same press wire's list share a request for that list.
        """
        listed_rows: defaultdict[str, list[FrontierEntry]] = defaultdict(list)
        for row in rows:
            if source := self.agencies[row.agency].find_record_source(row.url):
                listed_rows[source.first_url].append(row)
            else:
                yield self.build_release_request(row)
        for list_url, wanted in listed_rows.items():
            yield self.build_list_request(list_url, list_url, wanted)

    def build_list_request(
        self, url: str, list_url: str, rows: list[FrontierEntry], **progress: Any
    ) -> Request:
        """Return a request for a page of a press wire's list, in which to look for releases.

        rows: the releases to look for.
        list_url: the URL of the list's first page.
        progress: for a later page, its number (`page`), and facts about the pages before it: the
            earliest publication (`oldest`), the URLs (`listed`), and whether all records could be
            parsed (`is_complete`).
        """
        meta: dict[str, Any] = {"agency": rows[0].agency, "rows": rows, "root_source": list_url}
        meta |= {"page": 1, "oldest": "", "listed": frozenset(), "is_complete": True, **progress}
        if progress:
            meta["handle_httpstatus_list"] = PAST_END_STATUSES
        agency = self.agencies[rows[0].agency]
        return build_page_request(
            url, agency, "listing", meta, callback=self.parse_list, errback=self.release_failed
        )

    def take_urls(self, slug: str, queue: deque[str], limit: int) -> list[str]:
        """Remove the next URLs from a queue and return them.

        At most `limit` URLs are taken, plus all other URLs in any press wire's list that contains
        one of them.
        """
        urls = [queue.popleft() for _ in range(min(limit, len(queue)))]
        find_source = self.agencies[slug].find_record_source
        lists = [source for source in map(find_source, urls) if source]
        if lists:
            others = list(queue)
            queue.clear()
            for url in others:
                (urls if find_source(url) in lists else queue).append(url)
        return urls

    def build_release_request(self, row: FrontierEntry, *, unconditional: bool = False) -> Request:
        """Return a request for a release.

        The request is conditional if the release is stored and its server sent validators (RFC
        9110, section 13), unless `unconditional` is set.
        """
        return Request(
            row.url,
            callback=self.parse_release,
            errback=self.release_failed,
            headers=build_conditional_headers(row)
            if row.release_id and not unconditional
            else None,
            meta={
                "agency": row.agency,
                "row": row,
                "unconditional": unconditional,
                "handle_httpstatus_list": [304, 404, 410],
            },
        )

    def finish_release(self, slug: str, url: str) -> None:
        self.requested_urls[slug].discard(url)
        self.submit_requests(slug)

    def submit_requests(self, slug: str) -> bool:
        requests = list(self.next_requests(slug)) if self.crawler.engine else []
        for request in requests:
            self.crawler.engine.crawl(request)
        return bool(requests)

    def continue_if_due(self) -> None:
        """Send requests if the crawl is idle and anything is still due.

        Otherwise, let the crawl end.
        """
        submitted = [self.submit_requests(slug) for slug in self.agencies]
        if any(submitted):
            raise DontCloseSpider
        self.is_finished = not self.deadline.is_stopping

    # Requests left for a later crawl

    def is_deferred(self, slug: str) -> bool:
        return slug in self.deferred_agencies or self.deadline.has_passed()

    def defer_agency(self, error: BaseException | None, request: Request) -> bool:
        """Return whether the agency must be left for a later crawl because of a failed request.

        If so, this is logged once per agency.

        A pause of a host other than the agency's own affects only the releases at that host (see
        `defer_release`).
        """
        if (
            self.deadline.is_stopping
            or isinstance(error, CrawlStopped)
            or self.stop_if_unwritable(error)
        ):
            return True
        if not isinstance(error, RequestDeferred):
            return False
        slug, host = request.meta["agency"], error.host if isinstance(error, HostPaused) else None
        if host and extract_host(f"//{host}") != extract_host(self.agencies[slug].home):
            return False
        if slug not in self.deferred_agencies:
            self.deferred_agencies.add(slug)
            problem = f"{slug}: {error}; a later crawl continues with the rest"
            logger.warning("%s", problem)
            if host:
                self.agency_stats[slug].count_error(problem, classify_failure(error))
            else:
                self.agency_stats[slug].problems.append(problem)
        return True

    def defer_release(self, row: FrontierEntry, error: IgnoreRequest, request: Request) -> None:
        """Leave a release at a paused host for a later crawl. Each pause is logged once."""
        host = extract_host(request.url)
        if host not in self.deferred_hosts[row.agency]:
            self.deferred_hosts[row.agency].add(host)
            problem = f"{row.url}: {error}; a later crawl continues with the pages at this host"
            logger.warning("%s", problem)
            self.agency_stats[row.agency].count_error(problem, classify_failure(error))
        self.skipped_urls.add(row.url)
        self.finish_release(row.agency, row.url)

    # Responses

    def parse_release(self, response: Response) -> Iterator[ParsedPage | Request]:
        """Parse the page of a release.

        If the page is unchanged (304), missing or not a release, this is recorded instead.
        """
        row: FrontierEntry = response.meta["row"]
        if response.status == 304:
            # a redirect may have passed the conditional headers on to another URL
            if (
                response.url == row.url
                and build_conditional_headers(row)
                and row.release_id is not None
            ):
                self.record_unchanged(row, row.release_id)
            elif not response.meta["unconditional"]:
                yield self.build_release_request(row, unconditional=True)
            else:
                error = NotARelease(row.url, "answered 304 to a request without conditions")
                self.record_no_release(row, build_fetched_page(response), error)
            return
        agency, page = self.agencies[row.agency], build_fetched_page(response)
        try:
            self.check_response(response, row.url, agency, is_file=row.file_title is not None)
            if row.file_title is not None:
                yield self.parse_file(row, response, page)
                return
            document = Document(response.body, response.url)
            if self.settings.getbool("NOINDEX_OBEY") and has_noindex(response, document):
                raise NotARelease(row.url, NOINDEX_PROBLEM)
            parsed = self.read_release(row, page, document, fingerprint_template(document))
        except PageError as error:
            self.record_no_release(row, page, error)
            return
        yield parsed

    def read_release(
        self,
        row: FrontierEntry,
        page: FetchedPage,
        document: Document,
        template: bytes | None = None,
    ) -> ParsedPage:
        """Parse a page as a release.

        The result contains `document` only if the release is already stored, because only then is
        the document compared with the stored page.
        """
        return ParsedPage(
            item=read_document(
                document.copy() if row.release_id else document, self.agencies[row.agency]
            ),
            url=row.url,
            release_id=row.release_id,
            response=page,
            document=document if row.release_id else None,
            template=template,
        )

    def parse_file(self, row: FrontierEntry, response: Response, page: FetchedPage) -> ParsedPage:
        """Build the release for a file that a listing describes.

        Raises NotARelease if the response is a web page, or if its headers forbid indexing.
        """
        if is_web_page(page):
            problem = f"is a web page, not the file {row.file_title!r} that its listing names"
            raise detect_rejection(page.body, page.url) or NotARelease(row.url, problem)
        if self.settings.getbool("NOINDEX_OBEY") and has_noindex(response):
            raise NotARelease(row.url, NOINDEX_PROBLEM)
        item = build_file_item(
            row.url, row.file_title or "", row.file_day, self.agencies[row.agency]
        )
        return ParsedPage(
            item=item,
            url=row.url,
            release_id=row.release_id,
            response=page,
            template=FINGERPRINT_VERSION,
        )

    def parse_list(self, response: Response) -> Iterator[ParsedPage | Request]:
        """Parse the requested releases in a press wire's list.

        The list's next page is requested if any of these releases is not on this page. A release
        that is missing from the whole list is recorded as gone, but only if the list contains older
        ones. Releases that have not been looked for by the time the crawl ends stay due. Reading
        ends at the first page that lists nothing new.
        """
        meta, rows = response.meta, {row.url: row for row in response.meta["rows"]}
        try:
            found = self.read_wire_list(response)
        except SourceError as error:
            self.record_failures(meta["rows"], str(error), classify_source_failure(error, response))
            return
        self.report_errors(meta["agency"], found.errors)
        listed = {link.url for link in found.links}
        oldest = _find_oldest(found.links, meta["oldest"])
        is_complete = meta["is_complete"] and not found.errors
        yield from self.parse_records(found.links, response, rows)
        missing = [row for row in rows.values() if row.url not in listed]
        if missing and found.next_url:
            if listed <= meta["listed"]:
                self.report_repeated_list(response, found.next_url)
                is_complete = False
            elif self.is_deferred(meta["agency"]):
                self.finish_releases(missing)
                return
            elif meta["page"] < self.settings.getint("LISTING_PAGES_MAX"):
                progress = {"page": meta["page"] + 1, "oldest": oldest, "is_complete": is_complete}
                progress["listed"] = meta["listed"] | listed
                yield self.build_list_request(
                    found.next_url, meta["root_source"], missing, **progress
                )
                return
        self.finish_unlisted(missing, response, oldest if is_complete else "")

    def read_wire_list(self, response: Response) -> ListingPage:
        """Parse a page of a press wire's list. A page past the end of the list has no links."""
        if response.status in PAST_END_STATUSES:
            return ListingPage([], None)
        meta = response.meta
        agency = self.agencies[meta["agency"]]
        return parse_listing(response.body, response.url, agency, meta["root_source"], meta["page"])

    def report_repeated_list(self, response: Response, next_url: str) -> None:
        problem = f"leads to {next_url}, although this page lists nothing new: treated as a trap"
        error = PageError(response.url, "json.next", problem)
        self.report_errors(response.meta["agency"], [error])

    def finish_releases(self, rows: Iterable[FrontierEntry]) -> None:
        for row in rows:
            self.finish_release(row.agency, row.url)

    def finish_unlisted(
        self, rows: Iterable[FrontierEntry], response: Response, oldest: str
    ) -> None:
        """Record that releases are missing from a press wire's list.

        A release is recorded as gone if the list contains an older one. Otherwise, its check is
        postponed.

        oldest: the time at which the oldest release in the list was published, or "" if it is
            unknown.
        """
        for row in rows:
            if row.listed_at and oldest and oldest < row.listed_at:
                # no evidence is stored, because the bytes of the list are those of other releases
                page = replace(
                    build_fetched_page(response), url=row.url, body=b"", record_url=response.url
                )
                self.record_no_release(
                    row, page, NotARelease(row.url, "is no longer listed by the press wire", "gone")
                )
                continue
            logger.info("%s: cannot be checked: the press wire lists only later releases", row.url)
            if row.release_id is not None:
                self.recorder.postpone_check(row.release_id, now())
            self.skipped_urls.add(row.url)
            self.finish_release(row.agency, row.url)

    def parse_records(
        self, links: Iterable[SourceLink], response: Response, rows: Mapping[str, FrontierEntry]
    ) -> Iterator[ParsedPage]:
        """Parse those releases in a press wire's list whose URL has a row in `rows`."""
        for link in links:
            row = rows.get(link.url)
            if row is None or link.record is None:
                continue
            page = build_fetched_page(response)
            # without the validators, which belong to the whole list
            headers = {
                name: text
                for name, text in page.headers.items()
                if name not in ("etag", "last-modified")
            }
            page = replace(
                page,
                url=row.url,
                headers=headers,
                body=link.record.body,
                record_url=link.record.url,
            )
            try:
                parsed = self.read_release(row, page, open_document(page.body, row.url))
            except PageError as error:
                self.record_no_release(row, page, error)
                continue
            except (
                Exception
            ) as error:  # our own code failed; the other records are read all the same
                if self.stop_if_unwritable(error):
                    return
                problem = f"{row.url}: our own code failed on it"
                logger.exception("%s", problem)
                self.agency_stats[row.agency].count_error(
                    f"{problem}: {error!r}", classify_failure(error)
                )
                self.skip_failed_page(row.agency, row.url, row.release_id, problem, page)
                continue
            yield parsed
            self.finish_page(row)  # Scrapy continues once the pipeline has stored the page

    def fits_no_link(self, agency: Agency, url: str, read: ReadLinks) -> bool:
        """Return whether a source has links, but none that matches the agency's pattern `releases`.

        Call this for a source without matching links. Such sources are counted, and logged once per
        agency.

        read: a function that returns the source's links for a given agency.
        """
        plain = replace(agency, releases=None)
        others = (
            [link.url for link in read(plain) if not is_listing_url(link.url)]
            if agency.releases
            else []
        )
        if others:
            problem = (
                f"{agency.releases!r} fits none of the {len(others)} links of {url}, such as"
                f" {others[0]}"
            )
            error = AgencyError(self.agencies_file.name, agency.slug, "releases", problem)
            stats = self.agency_stats[agency.slug]
            if not stats.source_failures["pattern"]:
                logger.warning("%s", error)
            stats.source_failures["pattern"] += 1
            stats.add_failure(str(error), "pattern")
        return bool(others)

    def report_errors(self, slug: str, errors: Iterable[PageError]) -> None:
        for error in errors:
            logger.error("%s", error)
            self.agency_stats[slug].count_error(str(error), classify_failure(error), source=True)

    def record_failures(
        self,
        rows: Sequence[FrontierEntry],
        problem: str,
        failure_kind: str,
        *,
        is_forbidden: bool = False,
    ) -> None:
        self.log_problem(rows[0], problem)
        for row in rows:
            self.recorder.record_failure(
                row.url, row.release_id, now(), problem, rejected=is_forbidden
            )
        slug = rows[0].agency
        stats = self.agency_stats[slug]
        (stats.count_rejected if is_forbidden else stats.count_error)(problem, failure_kind)
        self.failed_requests[slug] += not is_forbidden
        for row in rows:
            self.finish_release(slug, row.url)

    def log_problem(self, row: FrontierEntry, problem: str, *other_words: str) -> None:
        """Log a page's problem as a warning, unless it is already in the page's frontier row.

        other_words: other wordings of the problem that the frontier row may contain.
        """
        is_known = self.archive.frontier.has_problem(row.url, problem, *other_words)
        self.agency_stats[row.agency].known_problems += is_known
        logger.log(logging.DEBUG if is_known else logging.WARNING, "%s", problem)

    def check_response(
        self, response: Response, url: str, agency: Agency, *, is_file: bool = False
    ) -> None:
        """Raise NotARelease if a response cannot be the release at `url`.

        This is the case if the status is 404 or 410, or if the response is a challenge that keeps
        robots out, a listing, or a redirect to a page that cannot be the release.
        """
        if is_cloudflare_challenge(response):
            raise NotARelease(url, CHALLENGE_PROBLEM, "blocked")
        if response.status in (404, 410):
            raise NotARelease(url, f"answered {response.status}", "gone")
        is_own = agency.owns(response.url)
        if is_own and response.url == url:
            if self.is_found_listing(url):
                raise NotARelease(url, "is a listing, from which releases are found", "listing")
            return
        known = self.archive.frontier.get(response.url)
        is_possible = is_file or is_release_url(response.url, agency)
        if is_own and is_possible and (known is None or known.role == "release"):
            return
        raise _describe_redirect(response, url, is_own=is_own)

    def is_found_listing(self, url: str) -> bool:
        """Return whether the frontier has a listing whose URL differs from `url` only in the final
        slash.

        Returns False for a URL with a query.
        """
        if "?" in url:
            return False
        other = self.archive.frontier.get(url[:-1] if url.endswith("/") else f"{url}/")
        return other is not None and other.role == "listing"

    def record_unchanged(self, row: FrontierEntry, release_id: int) -> None:
        """Record that the server reports a stored release as unchanged."""
        checked_at, stats = now(), self.agency_stats[row.agency]
        if row.state == "stored":
            self.recorder.record_unchanged(release_id, checked_at)
        else:
            with self.archive.transaction():
                self.recorder.record_current(release_id, checked_at)
                self.archive.frontier.mark_stored(row.url, release_id, checked_at)
        stats.unchanged += 1
        stats.not_modified += 1
        self.finish_release(row.agency, row.url)

    def record_no_release(self, row: FrontierEntry, page: FetchedPage, error: PageError) -> None:
        """Record a response that contains no release.

        A stored release counts as missing if the response shows that it is gone or was replaced.
        """
        kind = error.kind if isinstance(error, NotARelease) else "other"
        target = getattr(error, "target", None) or (page.url if kind == "redirected" else None)
        # rejected only because of its URL, so the site has not replaced anything
        is_rejected_address = kind == "listing" and self.is_listing_address(row)
        refused = None if is_rejected_address else self.find_refused(row, page, error)
        self.log_problem(
            row,
            str(error),
            f"{row.url}: {MISSING_KINDS.get(kind)}" + (f": {target}" if target else ""),
        )
        if kind == "blocked":
            self.record_blocked(row, page, error, refused)
        elif row.release_id and kind in MISSING_KINDS and not is_rejected_address:
            self.record_removal(
                row,
                page,
                error,
                release_id=row.release_id,
                kind=MISSING_KINDS[kind],
                target=target,
                is_kept=refused is not None,
            )
        else:
            self.record_rejected(row, page, error, kind, refused)
        self.finish_release(row.agency, row.url)

    def is_listing_address(self, row: FrontierEntry) -> bool:
        agency = self.agencies[row.agency]
        return is_listing_url(row.url, agency) or self.is_found_listing(row.url)

    def record_blocked(
        self, row: FrontierEntry, page: FetchedPage, error: PageError, refused: FetchedPage | None
    ) -> None:
        """Record that a server blocks our requests. This counts as a failed request."""
        self.recorder.record_failure(
            row.url,
            row.release_id,
            page.fetched_at,
            str(error),
            rejected=row.release_id is None,
            refused=refused,
        )
        self.agency_stats[row.agency].count_error(str(error), classify_failure(error))
        self.failed_requests[row.agency] += 1

    def record_removal(
        self,
        row: FrontierEntry,
        page: FetchedPage,
        error: PageError,
        *,
        release_id: int,
        kind: str,
        target: str | None,
        is_kept: bool,
    ) -> None:
        """Record that a stored release is missing from its URL."""
        problem, stats = str(error), self.agency_stats[row.agency]
        was_current = self.archive.removals.is_current(release_id)
        self.recorder.record_missing(
            row.url, release_id, page, kind, target, refusal=problem if is_kept else None
        )
        stats.missing += 1
        if was_current:  # a removed release that is still missing is not a failure
            stats.add_failure(problem, classify_failure(error))

    def record_rejected(
        self,
        row: FrontierEntry,
        page: FetchedPage,
        error: PageError,
        kind: str,
        refused: FetchedPage | None,
    ) -> None:
        """Record that a page is not a release, or that it does not exist."""
        problem = str(error)
        if kind == "gone":
            with self.archive.transaction():
                self.archive.frontier.mark_gone(row.url, page.fetched_at, problem)
        else:
            self.recorder.record_failure(
                row.url, row.release_id, page.fetched_at, problem, rejected=True, refused=refused
            )
        self.agency_stats[row.agency].count_rejected(problem, classify_failure(error))

    def find_refused(
        self, row: FrontierEntry, page: FetchedPage, error: PageError
    ) -> FetchedPage | None:
        """Return the response if it should be kept although it was refused for its content.

        Returns None for any other response. A better parser may be able to parse a kept response
        later.
        """
        agency, kind = self.agencies[row.agency], getattr(error, "kind", "other")
        is_own = page.url == row.url or (agency.owns(page.url) and is_release_url(page.url, agency))
        is_kept = (
            page.body
            and is_own
            and kind not in UNKEPT_KINDS
            and error.problem not in UNKEPT_PROBLEMS
        )
        return page if is_kept else None

    def release_failed(self, failure: Failure) -> None:
        """Record a failed request.

        Such a request was forbidden by robots.txt or the SSRF filter, or had no usable response.
        """
        error, request = failure.value, get_request(failure)
        if self.defer_agency(error, request):
            return
        rows = get_rows(request)
        if isinstance(error, HostPaused):
            for row in rows:
                self.defer_release(row, error, request)
            return
        url = rows[0].url if "row" in request.meta else request.url
        problem, is_forbidden = (
            f"{url}: {describe_request_failure(error)}",
            isinstance(error, RobotsForbidden | PrivateAddress),
        )
        self.record_failures(rows, problem, classify_failure(error), is_forbidden=is_forbidden)

    def item_finished(self, response: Response | None) -> None:
        """Continue after the pipeline has stored or dropped a page.

        response: the page's response, or None if the page comes from the quarantine.
        """
        # for the pages of a list, parse_records does this
        if response is not None and "row" in response.meta:
            self.finish_page(response.meta["row"])

    def finish_page(self, row: FrontierEntry) -> None:
        self.finish_release(row.agency, row.url)

    def item_failed(self, item: ParsedPage, failure: Failure) -> None:
        if self.stop_if_unwritable(failure.value):
            return
        slug, problem = (
            item.item.agency or "",
            f"{item.url}: {describe_request_failure(failure.value)}",
        )
        self.agency_stats[slug].count_error(problem, classify_failure(failure.value))
        self.skip_failed_page(slug, item.url, item.release_id, problem, item.response)

    def callback_failed(self, failure: Failure, response: Response | Failure | None) -> None:
        """Record that our own code failed on a response. CrawlStatsExtension counts the failure."""
        if self.stop_if_unwritable(failure.value):
            return
        # for a list, the error may concern only one of its releases
        for row in get_rows(getattr(response, "request", None)):
            page = None
            if isinstance(response, Response) and "row" in response.meta:
                page = build_fetched_page(response)
            problem = f"{row.url}: our own code failed on it"
            self.skip_failed_page(row.agency, row.url, row.release_id, problem, page)

    def skip_failed_page(
        self, slug: str, url: str, release_id: int | None, problem: str, page: FetchedPage | None
    ) -> None:
        """Record that our own code failed on a page, and continue with the next requests.

        page: the response to keep, or None if nothing is to be kept.
        """
        self.skipped_urls.add(url)
        failed_at = page.fetched_at if page else now()
        self.recorder.record_failure(
            url, release_id, failed_at, problem, rejected=True, refused=page
        )
        self.finish_release(slug, url)

    def stop_if_unwritable(self, error: BaseException | None) -> bool:
        """Stop the crawl if an error means that the archive cannot be written.

        Returns whether the archive cannot be written.
        """
        problem = _find_write_error(error)
        if problem and not self.deadline.is_stopping:
            logger.critical("the archive cannot be written: %s", problem)
            self.deadline.is_stopping = True
            self.archive.db.execute("pragma busy_timeout = 0")  # do not wait for locks any more
            if self.crawler.engine:
                self.crawler.engine.close_spider(self, f"the archive cannot be written: {problem}")
        return problem is not None


def _select_unpaused(agencies: Mapping[str, Agency]) -> dict[str, Agency]:
    """Return the agencies that are not paused, and log a warning for each paused one."""
    for slug, agency in agencies.items():
        if agency.paused:
            logger.warning(
                "%s is paused in the list of agencies and skipped: %s", slug, agency.paused
            )
    return {slug: agency for slug, agency in agencies.items() if not agency.paused}


def _find_oldest(links: Iterable[SourceLink], oldest: str) -> str:
    """Return the earliest publication time on a page of a list and the pages before it.

    Returns "" if no time is stated.

    oldest: the earliest time on the pages before it, or "" if these state none.
    """
    dates = [link.published for link in links if link.published]
    return min([*filter(None, [oldest]), *dates], default="")


def _describe_redirect(response: Response, url: str, *, is_own: bool) -> NotARelease:
    """Return the error for a release whose URL redirects to another page."""
    rejection = detect_rejection(response.body, response.url, is_elsewhere=not is_own)
    if rejection and rejection.kind == "blocked":
        return NotARelease(url, f"{rejection.problem} (redirected to {response.url})", "blocked")
    target = "a page that is not a release" if is_own else "another host"
    return NotARelease(url, f"redirected to {target}: {response.url}", "redirected")


def get_rows(request: Request | None) -> list[FrontierEntry]:
    meta = request.meta if request else {}
    return meta.get("rows") or ([meta["row"]] if "row" in meta else [])


def get_request(failure: Failure) -> Request:
    """Return the request that Scrapy attached to a failure."""
    request: Request = failure.request  # type: ignore[attr-defined]
    return request


def _find_write_error(error: BaseException | None) -> sqlite3.DatabaseError | None:
    """Return the error that shows that the archive cannot be written.

    This is `error` or one of its causes. Examples are a full disk and a lock. Returns None if there
    is no such error.
    """
    while error is not None:
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.IntegrityError
        ):
            return error
        error = error.__cause__
    return None


def _is_worth_logging(record: logging.LogRecord) -> bool:
    """Return whether a log record says more than that the archive cannot be written.

    An error in a statement (SQLITE_ERROR) is our own mistake, and is logged with its traceback.
    """
    error = _find_write_error(record.exc_info[1]) if record.exc_info else None
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) == sqlite3.SQLITE_ERROR


for scrapy_module in ("engine", "scraper"):
    logging.getLogger(f"scrapy.core.{scrapy_module}").addFilter(_is_worth_logging)


def build_conditional_headers(row: FrontierEntry) -> dict[str, str]:
    headers = {"If-None-Match": row.etag, "If-Modified-Since": row.last_modified}
    return {name: value for name, value in headers.items() if value}


def build_page_request(
    address: str, agency: Agency, kind: str, meta: dict[str, Any], **arguments: Any
) -> Request:
    """Return a request for a source or one of its pages.

    The request is sent by POST if the address contains a form (see `join_form`).

    kind: the type of source. A listing is opened in a browser if the agency's table requires it,
        unless it is a JSON endpoint.
    """
    url, form = split_form(address)
    headers = dict(arguments.pop("headers", None) or {})
    if agency.find_json_source(meta["root_source"]):
        headers["Accept"] = "application/json"
    elif agency.browser and kind in ("listing", "archive"):
        meta = {**meta, "browser": True}
    if form is None:
        return Request(url, headers=headers, meta=meta, **arguments)
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    return Request(url, method="POST", body=form, headers=headers, meta=meta, **arguments)


def build_fetched_page(response: Response) -> FetchedPage:
    headers = decode_headers(response)
    return FetchedPage(
        url=response.url,
        fetched_at=now(),
        status=response.status,
        headers=headers,
        body=response.body,
    )


def is_web_page(page: FetchedPage) -> bool:
    start = page.body[:200].lstrip().lower()
    return "html" in page.headers.get("content-type", "") or start.startswith(
        (b"<!doctype html", b"<html")
    )


def has_noindex(response: Response, document: Document | None = None) -> bool:
    """Return whether X-Robots-Tag or a meta element forbids indexing with `noindex` or `none`.

    Directives for robots other than ours are ignored.
    """
    directives = [value.decode("latin-1") for value in response.headers.getlist("X-Robots-Tag")]
    if document is not None:
        directives += [
            document.meta[name] for name in ("robots", ROBOT_NAME) if name in document.meta
        ]
    return any(is_noindex_directive(text) for text in directives)


def is_noindex_directive(text: str) -> bool:
    """Return whether a robots directive forbids indexing by our robot.

    >>> [is_noindex_directive(text)
    ...     for text in ("noarchive, noindex", "googlebot: noindex", "index, follow")]
    [True, False, False]
    """
    robot, colon, rules = text.lower().partition(":")
    if colon and robot.strip() not in (ROBOT_NAME, "unavailable_after"):
        return False  # addressed to another robot
    return not {"noindex", "none"}.isdisjoint(
        word.strip() for word in (rules if colon else robot).split(",")
    )
