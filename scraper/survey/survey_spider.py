"""The spider of `scrapy survey`: surveys several agencies at once.

The survey of one agency is a probe of its site, and what speaks against its releases as read.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from datetime import date, timedelta
from functools import partial
from time import monotonic
from typing import Any, ClassVar
from urllib.parse import urljoin

from scrapy.http import Response

from archive.database.captures import Captures
from archive.database.models import Release
from archive.database.sqlite_files import ArchiveError, ProgressCallback
from archive.times import Month, now, to_iso
from scraper.agency import Agency, find_owner
from scraper.crawl.crawl_stats import Deadline
from scraper.crawl.failures import OWN_FAULT, classify_failure, classify_source_failure
from scraper.downloader.limits import IdentifiedSpider
from scraper.errors import SourceError
from scraper.ingest import find_template_names
from scraper.normalise.page_urls import extract_host
from scraper.pages.document import Document
from scraper.probe import (
    Fetch,
    ProbedPage,
    ProbedSource,
    ProbeResult,
    SiteProbe,
    format_agency_toml,
    request_page,
)
from scraper.sources import SourceLink, is_release_url, list_declared_urls
from scraper.survey.survey_record import (
    SurveyedAgency,
    SurveyedPage,
    SurveyedResponse,
    SurveyedSource,
    SurveyRecord,
)
from scraper.survey.verdicts import MIN_CLEAN_PAGES, decide

logger = logging.getLogger(__name__)

AGENCIES_AT_ONCE = 24  # each with one request at a time
# kinds of failures that may be those of our own network
NETWORK_FAILURES = frozenset(
    (
        *("dns", "timeout", "refused connection", "broken answer", "tls"),
        *("captive portal", "private network"),
    )
)
MAX_SAMPLES = 30  # releases of an agency that are requested
MAX_SOURCE_SAMPLES = 6  # releases of a source that are requested, to find MIN_CLEAN_PAGES
MAX_LINKS = 300  # of a source, from which these are chosen
MAX_REQUESTS, MAX_SECONDS = 60, 3600.0  # of an agency
MIN_TEXT = 80  # characters; a shorter text may be all of a release, but is shown to a person
MAX_GAP = timedelta(days=1)  # between the day of a page and the one that its source states


class SurveySpider(IdentifiedSpider):
    """Surveys agencies into a record; one request at a time to each host, as in crawls.

    known: all agencies in agencies.toml. Agencies that are not finished at the deadline, or when a
    stop is requested, are left for the next survey; so are those that do not respond while no other
    does.
    """

    name = "survey"
    custom_settings: ClassVar[dict[str, Any]] = {  # type: ignore[misc] # as in ProbeSpider
        "EXTENSIONS": {
            "scraper.downloader.limits.CrawlDelayExtension": 100,
            "scraper.crawl.deadline.InFlightLimit": 120,
        },
        "ITEM_PIPELINES": {},
    }
    error: Exception | None = None  # why the survey ended: for example a full disk

    def __init__(
        self,
        agencies: dict[str, Agency],
        known: dict[str, Agency],
        record: SurveyRecord,
        report_progress: ProgressCallback,
        deadline: Deadline,
    ) -> None:
        super().__init__()
        self.agencies, self.known, self.record = agencies, known, record
        self.report_progress, self.deadline = report_progress, deadline
        self.done, self.is_online = 0, False
        # agencies that did not respond, since another one did
        self.unsaved: list[tuple[SurveyedAgency, list[SurveyedResponse]]] = []

    async def start(self) -> AsyncIterator[Any]:
        waiting = iter(self.agencies.values())
        try:
            # when a stop is requested, Scrapy cancels this, and the group all surveys
            async with asyncio.timeout_at(self.deadline.ends_at), asyncio.TaskGroup() as group:
                for _ in range(AGENCIES_AT_ONCE):
                    group.create_task(self.survey_agencies(waiting))
        except* TimeoutError:
            pass  # the time is over
        except* ArchiveError as errors:
            self.error = errors.exceptions[0]
        if self.is_online and not self.error and len(self.unsaved) < AGENCIES_AT_ONCE:
            self.save_all()
        if self.unsaved:
            logger.error(
                "%d agencies in a row did not respond, so nothing is kept of them: is our own"
                " network down?",
                len(self.unsaved),
            )
        return
        yield  # Scrapy requires an async generator; everything was fetched above

    async def survey_agencies(self, waiting: Iterator[Agency]) -> None:
        for agency in waiting:
            fetch = partial(self.fetch, agency)
            survey = AgencySurvey(agency, self.known, fetch, self.record.captures)
            surveyed = await survey.run()
            if not self.crawler.crawling or self.deadline.has_passed():
                return  # the end may have failed its last requests
            self.unsaved.append((surveyed, list(survey.responses.values())))
            if surveyed.failure not in NETWORK_FAILURES:
                self.is_online = True
                self.save_all()
            self.done += 1
            self.report_progress("surveying", self.done, len(self.agencies))

    def save_all(self) -> None:
        while self.unsaved:
            self.record.save(*self.unsaved.pop(0))

    async def fetch(self, agency: Agency, url: str) -> Response:
        is_rendered = agency.browser and url in agency.listings
        try:
            return await request_page(self.crawler, url, agency=agency.slug, browser=is_rendered)
        except SourceError as error:
            error.kind = classify_failure(error.__cause__)
            raise


class AgencySurvey:
    """Surveys one agency.

    known: the agencies in agencies.toml. fetch: returns the response for a URL, or raises
    SourceError with the kind of failure. captures: keeps the bodies. only: the URLs of the releases
    that are read; None: a sample.
    """

    def __init__(
        self,
        agency: Agency,
        known: dict[str, Agency],
        fetch: Fetch,
        captures: Captures,
        *,
        only: frozenset[str] | None = None,
    ) -> None:
        self.agency, self.known, self.captures, self.only = agency, known, captures, only
        self.responses: dict[str, SurveyedResponse] = {}  # by the URL that was requested
        self._fetch, self._started = fetch, monotonic()

    async def run(self) -> SurveyedAgency:
        """Return what was found, or why nothing could be. Raises ArchiveError."""
        agency = self.agency
        surveyed = SurveyedAgency(
            slug=agency.slug,
            name=agency.name,
            home=agency.home,
            tried=to_iso(now()) or "",
            declared=format_agency_toml(agency),
        )
        try:
            await self.describe(surveyed)
        except ArchiveError:
            raise
        except Exception as error:  # whatever the error, the other agencies are surveyed
            surveyed.problem, surveyed.failure = str(error), classify_failure(error)
            if surveyed.failure == OWN_FAULT:
                surveyed.problem = f"our fault: {type(error).__name__}: {error}"
                logger.exception("%s: our own code failed on it", agency.slug)
        surveyed.requests = len(self.responses)
        surveyed.verdict, surveyed.reasons = decide(surveyed)
        return surveyed

    async def fetch(self, url: str) -> Response:
        """Return the response for a URL, and keep it, or why there is none."""
        if len(self.responses) >= MAX_REQUESTS or monotonic() > self._started + MAX_SECONDS:
            problem = f"was not requested, after {len(self.responses)} requests of this agency"
            raise SourceError(url, problem)
        record = self.responses[url] = SurveyedResponse(url=url)
        try:
            response = await self._fetch(url)
        except SourceError as error:
            record.problem, record.failure = error.problem, error.kind
            raise
        record.final_url = response.url
        record.sha256 = self.captures.store_body(response.body, extract_host(response.url))
        return response

    def choose_sample(self, result: ProbeResult) -> SourceLink | None:
        """Choose links until MIN_CLEAN_PAGES dated releases of each source were read, first of the
        sources that a crawl reads.
        """
        crawled_first = sorted(result.sources, key=lambda each: each.url not in result.crawled_urls)
        for source in crawled_first:
            links = self.list_readable_links(source, result, MAX_LINKS)
            left = [link for link in links if link.url not in result.sampled_urls]
            if self.only is not None:
                left = [link for link in left if link.url in self.only]
            elif self.has_enough(links, result):
                continue
            if left:
                return left[0]
        return None

    def has_enough(self, links: list[SourceLink], result: ProbeResult) -> bool:
        """Return whether enough of a source's links were read, or too many were tried."""
        urls = {link.url for link in links}
        clean = {page.url for page in result.pages if page.has_date and not page.warnings}
        return (
            len(urls & clean) >= MIN_CLEAN_PAGES
            or len(urls & result.sampled_urls) >= MAX_SOURCE_SAMPLES
            or len(result.sampled_urls) >= MAX_SAMPLES
        )

    def list_readable_links(
        self, source: ProbedSource, result: ProbeResult, limit: int | None = None
    ) -> list[SourceLink]:
        """Return those of a source's links that the present table or the proposed one reads."""
        sources = {source.url for source in result.sources}
        return [
            link
            for link in source.links[:limit]
            if link.url not in sources
            and (_is_read(link, self.agency) or _is_read(link, result.agency))
        ]

    async def describe(self, surveyed: SurveyedAgency) -> None:
        """Probe the site, and fill in what was found.

        Raises SourceError or PageError if the home page cannot be read, or is not the agency's.
        """
        agency = self.agency
        probe = SiteProbe(
            agency.home, self.known, self.fetch, agency=agency, choose_sample=self.choose_sample
        )
        result = await probe.run()
        home, given = await probe.fetch_start_pages()  # which were fetched before
        robots = self.responses.get(urljoin(home.url, "/robots.txt"))
        surveyed.robots = robots.sha256 if robots else None
        surveyed.proposed, surveyed.system = format_agency_toml(result.agency), result.cms
        surveyed.needs_javascript, surveyed.notes = result.needs_javascript, result.notes
        surveyed.templates = _find_shared_names(result.pages)
        surveyed.sources = [self.describe_source(source, result) for source in result.sources]
        surveyed.sources += [
            SurveyedSource(
                kind="listings",
                url=url,
                is_declared=url in list_declared_urls(self.agency),
                is_crawled=True,
                problem="was not requested",
            )
            for url in sorted(result.crawled_urls - {source.url for source in result.sources})
        ]
        surveyed.pages = [self.describe_page(page, result) for page in result.pages]
        surveyed.final_home = (given or home).url
        self.check_home(given or home, result)

    def check_home(self, home: Response, result: ProbeResult) -> None:
        """Raise SourceError if a page that was read as the home page is not the agency's."""
        owner = find_owner(self.known.values(), home.url)
        if owner and not self.agency.owns(home.url):
            problem = f"redirects to {home.url}, which belongs to {owner.slug}"
            raise SourceError(self.agency.home, problem, "moved")
        if not any(source.links for source in result.sources):
            kind = classify_source_failure(SourceError(home.url, "lists nothing", ""), home)
            if kind:
                raise SourceError(self.agency.home, kind, kind)

    def describe_source(self, source: ProbedSource, result: ProbeResult) -> SurveyedSource:
        named = (*list_declared_urls(self.agency), self.agency.home)
        is_useless = source.url not in named and _is_useless(source, result)
        wires = [wire.list_url for wire in result.agency.wires]
        return SurveyedSource(
            kind="wire" if source.url in wires else source.kind,
            url=source.url,
            is_declared=source.url in list_declared_urls(self.agency),
            is_crawled=source.url in result.crawled_urls and not is_useless,
            is_proposed=source.url in list_declared_urls(result.agency),
            links=len(self.list_readable_links(source, result)),
            problem=source.problem,
            failure=source.failure,
            note=source.note,
        )

    def describe_page(self, page: ProbedPage, result: ProbeResult) -> SurveyedPage:
        surveyed = SurveyedPage(url=page.url, problem=page.problem, failure=page.failure)
        links, proposed_urls = _find_links(page.url, result), list_declared_urls(result.agency)
        for url, link in links.items():
            surveyed.sources.append(url)
            surveyed.is_crawled |= url in result.crawled_urls and _is_read(link, self.agency)
            surveyed.is_proposed |= url in proposed_urls and _is_read(link, result.agency)
        if page.release:
            response = self.responses.get(page.url)  # none: the source contains the release
            if response and response.final_url not in (None, page.url):
                # a crawl rejects a redirect to a page that its table does not read
                surveyed.is_crawled &= is_release_url(response.final_url or "", self.agency)
            surveyed.doubts = list(_iter_doubts(page, page.release, list(links.values())))
            surveyed.fields = json.loads(json.dumps(asdict(page.release), default=to_iso))
        return surveyed


def _is_useless(source: ProbedSource, result: ProbeResult) -> bool:
    """Return whether a crawl loses nothing without a source that it finds: it is missing, a sitemap
    of something else, such as pictures, or a page beside the list of releases.
    """
    if source.links or source.problem or source.note:
        return source.failure == "status 404"
    has_list = any(other.links for other in result.sources if other.kind != "sitemaps")
    return has_list or source.kind == "sitemaps"


def _find_links(url: str, result: ProbeResult) -> dict[str, SourceLink]:
    """Return the links to a page, by the source that has them."""
    return {
        source.url: link for source in result.sources for link in source.links if link.url == url
    }


def _is_read(link: SourceLink, agency: Agency) -> bool:
    """Return whether a crawl reads a link that one of its sources lists."""
    is_listed = bool(link.file_title or link.record) and agency.owns(link.url)
    return is_listed or is_release_url(link.url, agency)


def _iter_doubts(page: ProbedPage, release: Release, links: list[SourceLink]) -> Iterator[str]:
    """Yield what speaks against the fields of a release. links: those that lead to it."""
    yield from (f"{warning.field}: {warning.problem}" for warning in page.warnings)
    if page.item and page.item.doubt:
        yield f"body: {page.item.doubt}"
    length = sum(map(len, filter(None, (release.lead, release.body))))
    if any(link.file_title for link in links):
        yield "is a file, which was not requested: title and day are those of the list"
    elif length < MIN_TEXT:
        yield f"body: has only {length} characters"
    if not page.has_date:
        yield "states no date"
    if release.published and not isinstance(release.published, Month):
        day = date.fromisoformat(release.published.isoformat()[:10])
        yield from _iter_date_doubts(day, links)


def _iter_date_doubts(day: date, links: list[SourceLink]) -> Iterator[str]:
    if day > now().date() + MAX_GAP:
        yield f"published: {day} is in the future"
    for stated in {link.published[:10] for link in links if link.published}:
        if len(stated) == 10 and abs(day - date.fromisoformat(stated)) > MAX_GAP:
            yield f"published: is {day} on the page, but {stated} in the list"


def _find_shared_names(pages: list[ProbedPage]) -> list[str]:
    """Return the class names and ids that all pages share: their template."""
    read = [page for page in pages if page.release and page.html]
    names = [find_template_names(Document(page.html, page.url)) for page in read]
    return sorted(set.intersection(*names)) if names else []
