"""A survey of one agency: a probe of its site, and what speaks against its releases as read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, timedelta
from time import monotonic
from urllib.parse import urljoin

from scrapy.http import Response

from archive.times import Month, now, to_iso
from scraper.agency import Agency, find_owner
from scraper.crawl.failures import classify_source_failure
from scraper.errors import PageError, SourceError
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
)
from scraper.sources import (
    SourceLink,
    is_release_url,
    list_declared_urls,
    needs_javascript,
    parse_source_page,
)
from scraper.survey.survey_record import (
    SurveyedAgency,
    SurveyedPage,
    SurveyedResponse,
    SurveyedSource,
)
from scraper.survey.verdicts import MIN_CLEAN_PAGES, decide

MAX_SAMPLES = 30  # releases of an agency that are requested
MAX_SOURCE_SAMPLES = 6  # releases of a source that are requested, to find MIN_CLEAN_PAGES
MAX_REQUESTS, MAX_SECONDS = 80, 3600.0  # of an agency
MIN_TEXT = 80  # characters; a shorter text may be all of a release, but is shown to a person
MAX_GAP = timedelta(days=1)  # between the day of a page and the one that its source states


class AgencySurvey:
    """Surveys one agency.

    fetch: returns the response for a URL, or raises SourceError with the kind of failure. known:
    the agencies in agencies.toml. only: the addresses of the releases that may be read.
    """

    def __init__(
        self,
        agency: Agency,
        known: dict[str, Agency],
        fetch: Fetch,
        *,
        only: frozenset[str] | None = None,
    ) -> None:
        self.agency, self.known, self.only = agency, known, only
        self.responses: list[tuple[SurveyedResponse, bytes]] = []
        self.declared_urls = list_declared_urls(agency)
        self._fetch, self._started = fetch, monotonic()

    async def run(self) -> SurveyedAgency:
        agency = self.agency
        is_declared = agency.slug in self.known
        surveyed = SurveyedAgency(
            slug=agency.slug,
            name=agency.name,
            home=agency.home,
            tried=to_iso(now()) or "",
            declared=format_agency_toml(agency) if is_declared else None,
        )
        probe = SiteProbe(
            agency.home, self.known, self.fetch, agency=agency, choose_sample=self.choose_sample
        )
        try:
            result = await probe.run()
            self.describe(surveyed, result, await probe.fetch(agency.home))
        except SourceError as error:
            surveyed.problem, surveyed.failure = error.problem, error.kind
        except PageError as error:
            surveyed.problem, surveyed.failure = str(error), "unreadable"
        surveyed.requests = len(self.responses)
        surveyed.seconds = round(monotonic() - self._started, 1)
        surveyed.verdict, surveyed.reasons = decide(surveyed)
        return surveyed

    async def fetch(self, url: str) -> Response:
        """Return the response for a URL, and keep it, or why there is none."""
        if len(self.responses) >= MAX_REQUESTS or monotonic() > self._started + MAX_SECONDS:
            raise SourceError(url, "was not requested: the survey of this agency took too long")
        record = SurveyedResponse(url=url)
        try:
            response = await self._fetch(url)
        except SourceError as error:
            record.problem, record.failure = error.problem, error.kind
            self.responses.append((record, b""))
            raise
        record.final_url = response.url
        self.responses.append((record, response.body))
        return response

    def choose_sample(self, result: ProbeResult) -> SourceLink | None:
        """Choose links until MIN_CLEAN_PAGES dated releases of each source were read."""
        clean = _list_clean_urls(result.pages)
        for source in result.sources:
            links = self.list_readable_links(source, result)
            tried = sum(link.url in result.sampled_urls for link in links)
            is_done = sum(link.url in clean for link in links) >= MIN_CLEAN_PAGES
            if is_done or tried >= MAX_SOURCE_SAMPLES or len(result.sampled_urls) >= MAX_SAMPLES:
                continue
            for link in links:
                if link.url not in result.sampled_urls:
                    return link
        return None

    def list_readable_links(self, source: ProbedSource, result: ProbeResult) -> list[SourceLink]:
        """Return the links of a source that the present table or the proposed one reads."""
        return [
            link
            for link in source.links
            if (self.only is None or link.url in self.only)
            and (_is_read(link, self.agency) or _is_read(link, result.agency))
        ]

    def describe(self, surveyed: SurveyedAgency, result: ProbeResult, home: Response) -> None:
        """Fill in what a probe found."""
        surveyed.problem, surveyed.failure = self.find_failure(result, home)
        surveyed.proposed, surveyed.system = format_agency_toml(result.agency), result.cms
        surveyed.needs_javascript = result.needs_javascript
        surveyed.notes, surveyed.final_home = result.notes, home.url
        robots_url = urljoin(home.url, "/robots.txt")
        for response, body in self.responses:
            if response.url == robots_url:
                surveyed.robots = body.decode("utf-8", "replace")
        surveyed.needs_javascript |= any(
            page.problem and page.html and _needs_javascript(page) for page in result.pages
        )
        surveyed.templates = _find_shared_names(result.pages)
        surveyed.sources = [self.describe_source(source, result) for source in result.sources]
        surveyed.sources += [
            SurveyedSource(kind="listings", url=url, is_crawled=True, problem="was not requested")
            for url in sorted(result.crawled_urls - {source.url for source in result.sources})
        ]
        surveyed.pages = [self.describe_page(page, result) for page in result.pages]

    def find_failure(self, result: ProbeResult, home: Response) -> tuple[str | None, str | None]:
        """Return why a home page that was read is none of the agency's, and the kind of failure."""
        owner = find_owner(self.known.values(), home.url)
        if owner and owner.slug != self.agency.slug:
            return f"redirects to {home.url}, which belongs to {owner.slug}", "moved"
        if any(source.links for source in result.sources):
            return None, None
        if kind := classify_source_failure(SourceError(home.url, "lists nothing", ""), home):
            return kind, kind
        if self.is_emptied(home.url):
            return "all addresses but the home page lead to another site", "moved"
        return None, None

    def is_emptied(self, home_url: str) -> bool:
        """Return whether all addresses that responded, apart from the home page and robots.txt,
        are at another host.
        """
        kept = (home_url, urljoin(home_url, "/robots.txt"))
        urls = [response.final_url for response, _ in self.responses]
        hosts = {extract_host(url) for url in urls if url and url not in kept}
        return bool(hosts) and extract_host(home_url) not in hosts

    def describe_source(self, source: ProbedSource, result: ProbeResult) -> SurveyedSource:
        is_absent = source.failure == "status 404" and source.url not in self.declared_urls
        wires = [wire.list_url for wire in result.agency.wires]
        return SurveyedSource(
            kind="wire" if source.url in wires else source.kind,
            url=source.url,
            is_crawled=source.url in result.crawled_urls and not is_absent,
            is_proposed=source.url in list_declared_urls(result.agency),
            links=len(self.list_readable_links(source, result)),
            problem=source.problem,
            failure=source.failure,
            note=source.note,
        )

    def describe_page(self, page: ProbedPage, result: ProbeResult) -> SurveyedPage:
        surveyed = SurveyedPage(url=page.url, problem=page.problem, failure=page.failure)
        listed = [
            (source.url, link)
            for source in result.sources
            for link in source.links
            if link.url == page.url
        ]
        for url, link in listed:
            surveyed.sources.append(url)
            surveyed.is_crawled |= url in result.crawled_urls and _is_read(link, self.agency)
            surveyed.is_proposed |= url in list_declared_urls(result.agency) and _is_read(
                link, result.agency
            )
        surveyed.doubts = list(_iter_doubts(page, [link for _, link in listed]))
        if page.release:
            surveyed.fields = json.loads(json.dumps(asdict(page.release), default=to_iso))
        return surveyed


def _is_read(link: SourceLink, agency: Agency) -> bool:
    """Return whether a crawl reads a link that one of its sources lists."""
    return bool(link.file_title or link.record) or is_release_url(link.url, agency)


def _iter_doubts(page: ProbedPage, links: list[SourceLink]) -> Iterator[str]:
    """Yield what speaks against the fields of a release. links: those that lead to it."""
    if page.item is None or page.release is None:
        return
    yield from (f"{warning.field}: {warning.problem}" for warning in page.warnings)
    if page.item.doubt:
        yield f"body: {page.item.doubt}"
    length = sum(len(text or "") for text in (page.release.lead, page.release.body))
    if length < MIN_TEXT and not _is_file(links):
        yield f"body: has only {length} characters"
    if not page.has_date:
        yield "states no date"
    yield from _iter_date_doubts(page, links)


def _is_file(links: list[SourceLink]) -> bool:
    return any(link.file_title for link in links)


def _iter_date_doubts(page: ProbedPage, links: list[SourceLink]) -> Iterator[str]:
    published = page.release.published if page.release else None
    if published is None or isinstance(published, Month):
        return
    day = date.fromisoformat(published.isoformat()[:10])
    if day > now().date() + MAX_GAP:
        yield f"published: {day} is in the future"
    for stated in {link.published[:10] for link in links if link.published}:
        if len(stated) == 10 and abs(day - date.fromisoformat(stated)) > MAX_GAP:
            yield f"published: is {day} on the page, but {stated} in the list"


def _list_clean_urls(pages: list[ProbedPage]) -> set[str]:
    return {page.url for page in pages if page.has_date and not page.warnings}


def _needs_javascript(page: ProbedPage) -> bool:
    return needs_javascript(parse_source_page(page.html, page.url).root)


def _find_shared_names(pages: list[ProbedPage]) -> list[str]:
    """Return the class names and ids that all pages share: their template."""
    names = [
        find_template_names(Document(page.html, page.url))
        for page in pages
        if page.release and page.html
    ]
    return sorted(set.intersection(*names)) if names else []
