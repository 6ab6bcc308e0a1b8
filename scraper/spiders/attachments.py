"""Contains AttachmentSpider, the base class of the spiders that also fetch attachments.

`scrapy crawl attachments` fetches only attachments. This command is for releases that were checked
by workers of distributed crawling, because workers fetch no attachments.

When a release has been checked, its attachments become due, each at most once a day
(archive/attachments/attachment_store.py). They are requested when no releases are due. The agency's
limits apply: robots.txt, delays, pauses and the maximum duration of a crawl. Attachments use at
most half of DAILY_BUDGET, so that requests are left for the day's news. A file that is not fetched
stays due for a later crawl. A file that cannot be fetched does not count as a failure of its
agency. Instead, its problem is logged, and is listed among the problems of the crawl.

A release that is itself a file is stored as a version of its own URL. When a crawl has finished,
missing texts are extracted from the stored bytes of such releases, and of files that an earlier
crawl stored without extracting the text.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from scrapy import Request
from scrapy.exceptions import DownloadCancelledError
from scrapy.http import Response
from twisted.python.failure import Failure

from archive.attachments import AttachmentVersion, extract_text
from archive.database.frontier import FrontierEntry
from archive.database.sqlite_files import ArchiveError
from archive.times import now
from scraper.crawl.failures import describe_request_failure
from scraper.downloader.limits import (
    DailyBudgetExceeded,
    HostPaused,
    PrivateAddress,
    RobotsForbidden,
)
from scraper.errors import NotARelease, PageError
from scraper.ingest import FetchedPage
from scraper.spiders.release_spider import (
    MAX_REQUESTS_AHEAD,
    NOINDEX_PROBLEM,
    ReleaseSpider,
    build_conditional_headers,
    build_fetched_page,
    get_request,
    has_noindex,
    is_web_page,
)

logger = logging.getLogger(__name__)

# of DAILY_BUDGET; when so many requests were sent on a day, no files are requested
BUDGET_SHARE = 0.5
MAX_EXTRACTIONS = 2  # processes that extract text at the same time
MAX_CLOSING_SECONDS = 300  # for texts that are still missing when a crawl has finished


class AttachmentSpider(ReleaseSpider):
    """Base class of the spiders that also fetch the attachments of the releases that they check.

    Attachments are not fetched if the agency's key `attachments` is "none", or if the crawl is run
    by a worker on another machine.
    """

    def __init__(self, agency: str = "", minutes: str = "", **arguments: Any) -> None:
        super().__init__(agency, minutes, **arguments)
        self.extractions = asyncio.Semaphore(MAX_EXTRACTIONS)
        self.agencies_without_budget: set[str] = set()  # for files

    def fetches_attachments(self, slug: str) -> bool:
        # a worker's copy of the archive sends the writer only what releases need
        return self.agencies[slug].attachments != "none" and not self.settings.getint(
            "DISTRIBUTED_TOKEN"
        )

    def finish_release(self, slug: str, url: str) -> None:
        """Make the attachments of a stored release due, and send the next requests."""
        if self.fetches_attachments(slug):
            row = self.archive.frontier.get(url)
            if row and row.state == "stored" and row.release_id is not None:
                with self.archive.transaction():
                    self.archive.attachments.add_links(row.release_id, slug, now())
        super().finish_release(slug, url)

    def engine_stopped(self) -> None:
        """Extract the missing texts of files, and close the archive.

        No texts are extracted if the crawl was interrupted.
        """
        try:
            for slug in filter(self.fetches_attachments, self.agencies if self.is_finished else ()):
                if self.agencies[slug].attachments == "text":
                    self.extract_missing_texts(slug)
        finally:
            super().engine_stopped()

    def extract_missing_texts(self, slug: str) -> None:
        captures, seconds = self.recorder.captures, MAX_CLOSING_SECONDS
        result = self.archive.extract_missing_texts(captures, agency=slug, seconds=seconds)
        if result.files:
            logger.info("%s: texts of %d stored files extracted", slug, result.files)
        if result.findings:
            logger.error(
                "%s: the bytes of %d files cannot be read: %s",
                slug,
                len(result.findings),
                result.findings[0],
            )

    def next_requests(self, slug: str) -> Iterator[Request]:
        """Yield requests for an agency's next due releases.

        If only a few releases are due, requests for the agency's due attachments follow.
        """
        yield from super().next_requests(slug)
        limit = MAX_REQUESTS_AHEAD - len(self.requested_urls[slug])
        if limit <= 0 or self.is_deferred(slug) or not self.fetches_attachments(slug):
            return
        if slug in self.agencies_without_budget:
            return
        rows = self.archive.attachments.list_due(
            slug, now(), limit, self.requested_urls[slug] | self.skipped_urls
        )
        # before the first yield, because Scrapy consumes several callbacks in turn
        self.requested_urls[slug].update(row.url for row in rows)
        yield from map(self.build_attachment_request, rows)

    def build_attachment_request(
        self, row: FrontierEntry, *, unconditional: bool = False
    ) -> Request:
        is_stored = self.archive.attachments.get_version(row.url) is not None
        return Request(
            row.url,
            callback=self.parse_attachment,
            errback=self.attachment_failed,
            headers=build_conditional_headers(row) if is_stored and not unconditional else None,
            dont_filter=unconditional,
            meta={
                "agency": row.agency,
                "row": row,
                "unconditional": unconditional,
                "budget_share": BUDGET_SHARE,
                "download_maxsize": self.settings.getint("ATTACHMENT_MAXSIZE"),
                "handle_httpstatus_list": [304, 404, 410],
            },
        )

    async def parse_attachment(self, response: Response) -> AsyncIterator[Request]:
        """Store the file in a response, and its text, unless they are already stored."""
        row: FrontierEntry = response.meta["row"]
        page = build_fetched_page(response)
        # a redirect passed the conditional headers on to another URL, as in `parse_release`
        if page.status == 304 and response.url != row.url and not response.meta["unconditional"]:
            yield self.build_attachment_request(row, unconditional=True)
            return
        try:
            self.check_attachment(row, response, page)
            version = self.store_attachment(row, page)
            if self.agencies[row.agency].attachments == "text":
                await self.store_attachment_text(version, page)
        except PageError as error:
            kind = error.kind if isinstance(error, NotARelease) else "other"
            self.record_attachment_problem(
                row, str(error), state="gone" if kind == "gone" else "rejected"
            )
        super().finish_release(row.agency, row.url)

    def check_attachment(self, row: FrontierEntry, response: Response, page: FetchedPage) -> None:
        """Raise NotARelease if a response is not the requested file, or if the server forbids
        indexing it.
        """
        if page.status in (404, 410):
            raise NotARelease(row.url, f"answered {page.status}", "gone")
        if page.status == 304:
            if response.url != row.url or self.archive.attachments.get_version(row.url) is None:
                raise NotARelease(row.url, "answered 304 to a request without conditions")
        elif is_web_page(page):
            raise NotARelease(row.url, "is a web page, not a file")
        elif page.status != 200 or not page.body:
            raise NotARelease(
                row.url,
                f"answered {page.status}, with {len(page.body)} bytes that are no whole file",
            )
        if self.settings.getbool("NOINDEX_OBEY") and has_noindex(response):
            raise NotARelease(row.url, NOINDEX_PROBLEM)

    def store_attachment(self, row: FrontierEntry, page: FetchedPage) -> AttachmentVersion:
        """Store a file as a new version, with its capture, or record that the file is unchanged."""
        archive, attachments = self.archive, self.archive.attachments
        version = attachments.get_version(row.url)
        is_same = version is not None and (
            page.status == 304 or version.sha256 == hashlib.sha256(page.body).hexdigest()
        )
        sha256 = None if is_same else self.recorder.store_body(page)
        # those of an earlier file would confirm that one later on; only a 304 need not repeat them
        missing = None if page.status == 304 else ""
        etag, last_modified = (
            page.headers.get("etag", missing),
            page.headers.get("last-modified", missing),
        )
        with archive.transaction():
            if version is not None and sha256 is None:
                attachments.record_unchanged(row.url, page.fetched_at)
            elif sha256 is not None:
                if version is not None:
                    logger.info("%s: the file has changed", row.url)
                capture_id, media_type = (
                    self.recorder.record_capture(page, sha256),
                    page.headers.get("content-type"),
                )
                version = attachments.record_version(
                    row.url,
                    sha256,
                    len(page.body),
                    capture_id,
                    page.fetched_at,
                    media_type=media_type,
                )
            archive.frontier.mark_done(
                row.url, page.fetched_at, etag=etag, last_modified=last_modified
            )
        assert version is not None  # noqa: S101 - a 304 only answers a request for a known version
        return version

    async def store_attachment_text(self, version: AttachmentVersion, page: FetchedPage) -> None:
        if not self.archive.attachments.needs_text(version.file_id):
            return
        try:
            body = self.recorder.captures.read(version.sha256) if page.status == 304 else page.body
        except ArchiveError:
            logger.exception(
                "the text of a file cannot be extracted, because its stored bytes cannot be read"
            )
            return
        async with self.extractions:
            text = await asyncio.to_thread(extract_text, body)
        if text.problem:
            logger.info("%s: text of the file: %s (%s)", page.url, text.problem, text.detail)
        self.archive.store_attachment_text(version.file_id, text, now())

    def attachment_failed(self, failure: Failure) -> None:
        """Record a failed request for a file.

        The file stays due if its host is paused, if the day's budget is used up, or if the crawl is
        ending.
        """
        error, request = failure.value, get_request(failure)
        row: FrontierEntry = request.meta["row"]
        if isinstance(error, DailyBudgetExceeded) and not self.deadline.is_stopping:
            if row.agency not in self.agencies_without_budget:
                self.agencies_without_budget.add(row.agency)
                problem = (
                    f"{row.agency}: {error}, as far as they are for files; a later crawl"
                    f" continues with the rest"
                )
                logger.warning("%s", problem)
                self.agency_stats[row.agency].problems.append(problem)
            self.skipped_urls.add(row.url)
            super().finish_release(row.agency, row.url)
            return
        if self.defer_agency(error, request):
            return
        if isinstance(error, HostPaused):
            self.skipped_urls.add(row.url)
        else:
            problem = describe_request_failure(error)
            if isinstance(error, DownloadCancelledError):
                problem = (
                    f"is larger than {self.settings.getint('ATTACHMENT_MAXSIZE'):,} bytes"
                    f" (ATTACHMENT_MAXSIZE)"
                )
            is_refused = isinstance(
                error, RobotsForbidden | PrivateAddress | DownloadCancelledError
            )
            state = "rejected" if is_refused else "failed"
            self.record_attachment_problem(row, f"{row.url}: {problem}", state=state)
        super().finish_release(row.agency, row.url)

    def record_attachment_problem(self, row: FrontierEntry, problem: str, *, state: str) -> None:
        self.log_problem(row, problem)
        self.agency_stats[row.agency].problems.append(problem)
        frontier = self.archive.frontier
        mark = {
            "gone": frontier.mark_gone,
            "rejected": frontier.mark_rejected,
            "failed": frontier.mark_failed,
        }[state]
        with self.archive.transaction():
            mark(row.url, now(), problem)
            if state == "gone":
                self.archive.attachments.record_missing(row.url, now())


class CheckedAttachmentSpider(AttachmentSpider):
    """Fetch the files that releases link to.

    A file is fetched if its release was checked after the link to the file was last seen. The
    limits of the agency apply as in other crawls. Agencies that a worker is crawling are left out.
    """

    name = "attachments"

    async def start(self) -> AsyncIterator[Any]:
        for slug in self.agencies:
            if self.fetches_attachments(slug):
                with self.archive.transaction():
                    self.archive.attachments.add_links_of_checked(slug)
            for request in self.next_requests(slug):
                yield request

    def next_rows(self, slug: str, limit: int) -> Iterable[FrontierEntry]:
        """Return no rows, because this crawl requests only files."""
        return ()
