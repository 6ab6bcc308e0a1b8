"""Surveys agencies, either several at once through a ProbeSpider, or one again from stored
responses.

A survey probes the agency's site, and looks for reasons to doubt the releases found there.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import date, timedelta
from time import monotonic
from urllib.parse import urljoin

from scrapy import Request
from scrapy.http import Response

from archive.database.captures import Captures
from archive.database.sqlite_files import ArchiveError, ProgressCallback, run_without_waiting
from archive.times import now, to_iso
from scraper.agency import Agency, find_owner
from scraper.crawl.crawl_stats import Deadline
from scraper.crawl.failures import OWN_FAULT, classify_failure, classify_source_failure
from scraper.errors import SourceError
from scraper.ingest import describe_reasons, find_doubts
from scraper.normalise.page_urls import extract_host
from scraper.probe import (
    ProbedPage,
    ProbedSource,
    ProbeResult,
    ProbeSpider,
    SiteProbe,
    format_agency_toml,
)
from scraper.sources import SourceLink, is_release_url, list_declared_urls
from scraper.survey.survey_record import Row, SurveyRecord
from scraper.survey.verdicts import GONE_FAILURES, MIN_CLEAN_PAGES, decide

logger = logging.getLogger(__name__)

AGENCIES_AT_ONCE = 24  # each with one request at a time
# types of failures that may be those of our own network
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

# Returns the response for a URL, or raises SourceError. Further arguments: `meta` of the request.
RequestPage = Callable[..., Awaitable[Response]]


class Survey:
    """Surveys agencies and stores the results, with one request at a time to each host.

    Agencies that are not finished at the deadline, or when a stop is requested, are left for the
    next survey. So are agencies that do not respond while no other agency responds either.

    known: all agencies in agencies.toml.
    """

    def __init__(
        self,
        agencies: dict[str, Agency],
        known: dict[str, Agency],
        record: SurveyRecord,
        report_progress: ProgressCallback,
        deadline: Deadline,
    ) -> None:
        self.agencies, self.known, self.record = agencies, known, record
        self.report_progress, self.deadline = report_progress, deadline
        self.done = 0
        # agencies that did not respond, since another one did
        self.unsaved: list[tuple[Row, dict[str, Row]]] = []

    async def run(self, spider: ProbeSpider) -> None:
        """Survey all agencies.

        Raises ArchiveError if nothing can be stored, for example because the disk is full.
        """
        waiting = iter(self.agencies.values())
        surveys = [
            asyncio.ensure_future(self.survey_agencies(waiting, spider))
            for _ in range(AGENCIES_AT_ONCE)
        ]
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self.deadline.ends_at):
                    await asyncio.gather(*surveys)
        finally:  # also when Scrapy cancels this for a stop, or nothing can be stored
            for survey in surveys:
                survey.cancel()
        if len(self.unsaved) < min(self.done, AGENCIES_AT_ONCE):
            self.save_all()
        if self.unsaved:
            logger.error(
                "%d agencies in a row did not respond, so nothing is kept of them: is our own"
                " network down?",
                len(self.unsaved),
            )

    async def survey_agencies(self, waiting: Iterator[Agency], spider: ProbeSpider) -> None:
        for agency in waiting:
            survey = AgencySurvey(agency, self.known, self.record.captures, spider.request_page)
            row = await survey.run()
            if not spider.crawler.crawling or self.deadline.has_passed():
                return  # the end may have failed its last requests
            self.unsaved.append((row, survey.responses))
            if row["failure"] not in NETWORK_FAILURES:
                self.save_all()
            self.done += 1
            self.report_progress("surveying", self.done, len(self.agencies))

    def save_all(self) -> None:
        while self.unsaved:
            self.record.save(*self.unsaved.pop(0))


def survey_stored(record: SurveyRecord, row: Row, agency: Agency, known: dict[str, Agency]) -> Row:
    """Survey an agency again from the responses of an earlier survey, without making any request.

    The agency's current table and the current parser are used.

    row: the row of the earlier survey.
    """
    survey = AgencySurvey(agency, known, record.captures)
    survey.responses = record.load_responses(row)
    # files and records are read without a request
    survey.only = {*survey.responses, *(page["url"] for page in row["pages"])}
    survey.only -= {row["home"], row["final_home"]}
    return run_without_waiting(survey.run())


class AgencySurvey:
    """Surveys one agency.

    known: the agencies in agencies.toml.
    captures: the store for the bodies of responses.
    request: a function that requests a URL. If it is None, nothing is requested, and `responses`
        are those of an earlier survey.
    responses: the responses by requested URL, as in a SurveyRecord.
    only: the URLs of the releases to read. If it is None, a sample is read.
    """

    def __init__(
        self,
        agency: Agency,
        known: dict[str, Agency],
        captures: Captures,
        request: RequestPage | None = None,
    ) -> None:
        self.agency, self.known, self.captures, self.request = agency, known, captures, request
        self.responses: dict[str, Row] = {}
        self.only: set[str] | None = None
        self._started = monotonic()

    async def run(self) -> Row:
        """Survey the agency, and return what was found or why nothing was found.

        Raises ArchiveError if a response cannot be stored.
        """
        agency = self.agency
        row: Row = {
            "slug": agency.slug,
            "name": agency.name,
            "home": agency.home,
            "tried": to_iso(now()),
            "declared": format_agency_toml(agency),
            **dict.fromkeys(("proposed", "final_home", "system", "robots", "problem", "failure")),
            "needs_javascript": False,
            "notes": [],
            "sources": [],
            "pages": [],
        }
        try:
            row |= await self.describe()
        except ArchiveError:
            raise
        except Exception as error:  # whatever the error, the other agencies are surveyed
            row |= {"problem": str(error), "failure": classify_failure(error)}
            if row["failure"] == OWN_FAULT:
                row["problem"] = f"our fault: {type(error).__name__}: {error}"
                logger.exception("%s: our own code failed on it", agency.slug)
        row["requests"] = len(self.responses)
        row["verdict"], row["reasons"] = decide(row)
        return row

    async def fetch(self, url: str) -> Response:
        """Return the response for a URL, which is requested only once.

        Raises SourceError if there is no response. Bodies are read from `captures`, so that they
        need not stay in memory.
        """
        if url not in self.responses:
            count, seconds = len(self.responses), monotonic() - self._started
            if self.request is None or count >= MAX_REQUESTS or seconds > MAX_SECONDS:
                problem = f"was not requested, after {count} requests of this agency"
                raise SourceError(url, problem)
            self.responses[url] = await self.request_page(self.request, url)
        found = self.responses[url]
        if "problem" in found:
            raise SourceError(url, found["problem"], found["failure"])
        # shows that it was redirected, perhaps to another host
        request = Request(url, meta={"redirect_urls": [url]})
        body = self.captures.read(found["sha256"])
        return Response(found["final_url"], body=body, request=request)

    async def request_page(self, request: RequestPage, url: str) -> Row:
        """Request a URL, store the body of the response, and return a row for `responses`."""
        agency = self.agency
        is_rendered = agency.browser and url in agency.listings
        try:
            response = await request(url, agency=agency.slug, browser=is_rendered)
        except SourceError as error:
            failure = classify_failure(error.__cause__ or error)
            return {"problem": error.problem, "failure": failure}
        sha256 = self.captures.store_body(response.body, extract_host(response.url))
        return {"final_url": response.url, "sha256": sha256}

    def choose_sample(self, result: ProbeResult) -> SourceLink | None:
        """Return the next link whose page should be fetched as a sample.

        Returns None if enough pages were fetched or no link is left. Links of the sources that a
        crawl reads come first. Each source should have MIN_CLEAN_PAGES releases with a date and
        without warnings.
        """
        for source in sorted(result.sources, key=lambda each: each.url not in result.crawled_urls):
            links = self.list_readable_links(source, result, MAX_LINKS)
            left = [link for link in links if link.url not in result.sampled_urls]
            if self.only is not None:
                left = [link for link in left if link.url in self.only]
            elif _has_enough(links, result):
                continue
            if left:
                return left[0]
        return None

    def list_readable_links(
        self, source: ProbedSource, result: ProbeResult, limit: int | None = None
    ) -> list[SourceLink]:
        """Return the links of a source that a crawl with the current or proposed table would read.

        limit: how many of the source's links are considered. If it is None, all links are
            considered.
        """
        sources = {source.url for source in result.sources}
        return [
            link
            for link in source.links[:limit]
            if link.url not in sources
            and (_is_read(link, self.agency) or _is_read(link, result.agency))
        ]

    async def describe(self) -> Row:
        """Probe the site, and return what was found and what is wrong with the home page.

        Raises SourceError or PageError if the home page cannot be fetched or parsed.
        """
        probe = SiteProbe(
            self.agency.home,
            self.known,
            self.fetch,
            agency=self.agency,
            choose_sample=self.choose_sample,
        )
        result = await probe.run()
        start, *_ = (await probe.fetch_start_pages()).values()  # which were fetched before
        probed = {source.url for source in result.sources}
        unread = [
            ProbedSource("listings", url, problem="was not requested")
            for url in sorted(result.crawled_urls - probed)
        ]
        failure = self.find_home_failure(start, result)
        return {
            "robots": self.responses.get(urljoin(self.agency.home, "/robots.txt"), {}).get(
                "sha256"
            ),
            "proposed": format_agency_toml(result.agency),
            "system": result.cms,
            "needs_javascript": result.needs_javascript,
            "notes": result.notes,
            "sources": [self.describe_source(each, result) for each in (*result.sources, *unread)],
            "pages": [self.describe_page(page, result) for page in result.pages],
            "final_home": start.url,
            "problem": failure and str(failure),
            "failure": failure and failure.kind,
        }

    def find_home_failure(self, home: Response, result: ProbeResult) -> SourceError | None:
        """Return a failure if the home page alone decides the verdict, and None otherwise.

        The home page decides the verdict if it belongs to another agency, if it fails and all
        releases fail in the same way or are gone, or if all pages are the same.
        """
        owner, address = find_owner(self.known.values(), home.url), self.agency.home
        if owner and not self.agency.owns(home.url):
            problem = f"redirects to {home.url}, which belongs to {owner.slug}"
            return SourceError(address, problem, "moved")
        kind = self.responses.get(address, {}).get("failure")
        kind = kind or classify_source_failure(SourceError(address, "lists nothing", ""), home)
        failures = {classify_failure(page.error) for page in result.pages}
        if kind and failures <= {kind, *GONE_FAILURES}:
            return SourceError(address, kind, kind)
        if self.has_one_page(result):
            return SourceError(address, "is the same page as all others", "block page")
        return None

    def has_one_page(self, result: ProbeResult) -> bool:
        """Return whether all requested addresses, except robots.txt, returned the same page.

        Returns False if there was only one address, if a page is a release, or if scripts build the
        pages.
        """
        if result.needs_javascript or any(page.release for page in result.pages):
            return False
        address = self.agency.home
        skipped = {urljoin(address, "/robots.txt"), urljoin(address, "/")} - {address}
        found = [self.responses[url] for url in self.responses.keys() - skipped]
        bodies = [response["sha256"] for response in found if "sha256" in response]
        return len(bodies) > 1 and len(set(bodies)) == 1

    def describe_source(self, source: ProbedSource, result: ProbeResult) -> Row:
        declared = list_declared_urls(self.agency)
        is_needed = source.url in (*declared, self.agency.home) or not _is_useless(source, result)
        wires = [wire.list_url for wire in result.agency.wires]
        return {
            "kind": "wire" if source.url in wires else source.kind,
            "url": source.url,
            "is_declared": source.url in declared,
            "is_crawled": source.url in result.crawled_urls and is_needed,
            "is_proposed": source.url in list_declared_urls(result.agency),
            "links": len(self.list_readable_links(source, result)),
            "problem": source.problem,
            "failure": source.failure,
            "note": source.note,
        }

    def describe_page(self, page: ProbedPage, result: ProbeResult) -> Row:
        links = _find_links(page.url, result)
        proposed = list_declared_urls(result.agency)
        response = self.responses.get(page.url, {})  # empty: the source contains the release
        # a crawl rejects a redirect to a page that its table does not read
        final_url = response.get("final_url", page.url)
        is_kept = page.error or final_url == page.url or is_release_url(final_url, self.agency)
        fields = asdict(page.release) if page.release else {}
        return {
            "url": page.url,
            "sha256": response.get("sha256"),
            "sources": [*links],
            "is_crawled": bool(is_kept)
            and any(
                _is_read(links[url], self.agency) for url in links if url in result.crawled_urls
            ),
            "is_proposed": any(
                _is_read(links[url], result.agency) for url in links if url in proposed
            ),
            "fields": json.loads(json.dumps(fields, default=to_iso)),
            "problem": page.problem,
            "failure": page.error and classify_failure(page.error),
            "doubts": list(_iter_doubts(page, [*links.values()])),
            "right": None,
            "judged": None,
        }


def _is_useless(source: ProbedSource, result: ProbeResult) -> bool:
    """Return whether a crawl would lose nothing without a source.

    Such a source is missing (404), is a sitemap of something else (such as images), or has no links
    although the site has a list of releases.
    """
    if source.links or source.problem or source.note:
        return source.failure == "status 404"
    has_list = any(other.links for other in result.sources if other.kind != "sitemaps")
    return has_list or source.kind == "sitemaps"


def _find_links(url: str, result: ProbeResult) -> dict[str, SourceLink]:
    """Return the links to a page, as a map from the URL of each source to the link in that
    source.
    """
    return {
        source.url: link for source in result.sources for link in source.links if link.url == url
    }


def _has_enough(links: list[SourceLink], result: ProbeResult) -> bool:
    """Return whether enough of a source's releases have been fetched as samples.

    Also returns True if the maximum number of samples from the source or from the site has been
    reached.
    """
    urls, sampled = {link.url for link in links}, result.sampled_urls
    clean = {page.url for page in result.pages if page.has_date and not page.warnings}
    return (
        len(urls & clean) >= MIN_CLEAN_PAGES
        or len(urls & sampled) >= MAX_SOURCE_SAMPLES
        or len(sampled) >= MAX_SAMPLES
    )


def _is_read(link: SourceLink, agency: Agency) -> bool:
    """Return whether a crawl of an agency would read a link in one of the agency's sources."""
    is_listed = bool(link.file_title or link.record) and agency.owns(link.url)
    return is_listed or is_release_url(link.url, agency)


def _iter_doubts(page: ProbedPage, links: list[SourceLink]) -> Iterator[str]:
    """Yield the reasons to doubt the fields of a release.

    links: the links that lead to the release.
    """
    release = page.release
    if release is None or page.item is None:
        return
    yield from (f"{warning.field}: {warning.problem}" for warning in page.warnings)
    yield from (describe_reasons([doubt]) for doubt in find_doubts(release, page.item, now()))
    length = sum(map(len, filter(None, (release.lead, release.body))))
    if any(link.file_title for link in links):
        yield "is a file, which was not requested: title and day are those of the list"
    elif length < MIN_TEXT:
        yield f"body: has only {length} characters"
    if not page.has_date:
        yield "states no date"
    yield from _iter_date_doubts((to_iso(release.published) or "")[:10], links)


def _iter_date_doubts(day: str, links: list[SourceLink]) -> Iterator[str]:
    for stated in {link.published[:10] for link in links if link.published}:
        if {len(day), len(stated)} != {10}:
            continue  # a month has no day that could differ
        if abs(date.fromisoformat(day) - date.fromisoformat(stated)) > MAX_GAP:
            yield f"published: is {day} on the page, but {stated} in the list"
