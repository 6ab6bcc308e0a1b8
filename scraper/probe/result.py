"""The result of a probe: a site's sources, sample pages, and the table proposed for agencies.toml."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest
from urllib.parse import urljoin, urlsplit

from archive.models import Release
from scraper.agency import SELECTOR_KEYS, Agency
from scraper.errors import PageError
from scraper.items import ReleaseItem
from scraper.normalise import QualityWarning, find_quality_warnings, to_release
from scraper.normalise.text import clean_line
from scraper.pages import read_page
from scraper.pages.cms import choose_page_class
from scraper.pages.document import Document, get_text_content
from scraper.probe.proposal import propose_free_slug, propose_name, propose_release_pattern
from scraper.sources import find_sources
from scraper.sources.links import SourceLink, is_release_url


@dataclass(slots=True)
class ProbedSource:
    """One feed, sitemap or listing, and the links that it gave."""

    kind: str  # the agency's key: feeds, sitemaps or listings
    url: str
    links: list[SourceLink] = field(default_factory=list)
    problem: str | None = None
    is_requested: bool = True


@dataclass(slots=True)
class ProbedPage:
    """One page read as a release. `item` and `release` are None if parsing did not get that far."""

    url: str
    html: bytes = b""
    item: ReleaseItem | None = None
    release: Release | None = None
    problem: str | None = None
    warnings: list[QualityWarning] = field(default_factory=list)  # if it was parsed as a release

    @property
    def has_date(self) -> bool:
        """Return whether the page states when it was published or updated."""
        return self.item is not None and bool(self.item.published or self.item.updated)


@dataclass(slots=True)
class ProbeResult:
    """Everything that a probe found.

    base_agency: the agency as listed (`is_known`), or as derived from its home page. agency: the proposed one.
    """

    base_agency: Agency
    is_known: bool
    cms: str | None = None  # the system's page class, None for the general one
    agency: Agency = field(init=False)  # the proposed one
    sources: list[ProbedSource] = field(default_factory=list)
    pages: list[ProbedPage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.agency = self.base_agency

    def update_proposal(self) -> None:
        """Update the proposed agency from the links that the sources gave."""
        useful_sources = [source for source in self.sources if source.links or not source.is_requested]
        pattern = self.base_agency.releases or propose_release_pattern(link.url for link in self.list_links())
        urls_by_kind = {
            kind: tuple(
                dict.fromkeys([*self.list_unrequested(kind), *(s.url for s in useful_sources if s.kind == kind)])
            )
            for kind in ("feeds", "sitemaps", "listings")
        }
        self.agency = replace(self.base_agency, releases=pattern, **urls_by_kind)  # type: ignore[arg-type] # tuples

    def list_unrequested(self, kind: str) -> list[str]:
        """Return the declared sources of a kind that were not requested."""
        requested_urls = {source.url for source in self.sources}
        return [url for url in getattr(self.base_agency, kind) if url not in requested_urls]

    def drop_undated_listings(self, pages: list[ProbedPage]) -> list[ProbedPage]:
        """Remove the links of listings without news; return the pages without those of such listings.

        A listing is removed if no other source has its links and none of its sample pages states a date, while another
        sample page does: press rooms list contacts and policies.
        """
        if not any(page.has_date for page in pages):
            return pages
        remaining = pages
        for source in self.sources:
            urls = {link.url for link in source.links}
            other_urls = {link.url for other in self.sources if other is not source for link in other.links}
            own_pages = [page for page in remaining if page.url in urls]
            if (
                source.kind == "listings"
                and own_pages
                and not urls & other_urls
                and not any(page.has_date for page in own_pages)
            ):
                source.links, source.problem = [], "its pages tell no date; put it back if they are news"
                remaining = [page for page in remaining if page not in own_pages]
        return remaining

    def list_links(self) -> list[SourceLink]:
        """Return every release link once, the first of each source first, without links to listings."""
        rows = zip_longest(*(source.links for source in self.sources))
        listings = {source.url for source in self.sources}
        found = {link.url: link for link in chain.from_iterable(rows) if link and link.url not in listings}
        return list(found.values())

    def list_matching_links(self) -> list[SourceLink]:
        """Return the release links that match the proposed pattern."""
        return [link for link in self.list_links() if is_release_url(link.url, self.agency)]


def probe_file(html: bytes, url: str, agencies: dict[str, Agency]) -> ProbeResult:
    """Return what a stored page shows, a home page or a release, without any request."""
    result = probe_home_page(html, url, agencies)
    sources = find_sources(html, url, result.agency)
    result.sources += [ProbedSource("feeds", feed, is_requested=False) for feed in dict.fromkeys(sources.feeds)]
    result.sources += [ProbedSource("listings", listing, is_requested=False) for listing in sources.listings]
    result.update_proposal()
    if urlsplit(url).path.strip("/"):
        result.pages.append(probe_page(html, url, result.agency))
    return result


def probe_home_page(home: bytes, url: str, agencies: dict[str, Agency]) -> ProbeResult:
    """Return what a home page alone shows: the agency, and the system that made the page."""
    listed_agency = next((agency for agency in agencies.values() if agency.owns(url)), None)
    document = Document(home, url)
    agency = listed_agency or Agency(
        slug=propose_free_slug(url, agencies), name=propose_name(document), home=urljoin(url, "/")
    )
    page_class = choose_page_class(document, listed_agency).__name__.removesuffix("Page")
    return ProbeResult(agency, listed_agency is not None, None if page_class == "News" else page_class)


def probe_page(html: bytes, url: str, agency: Agency) -> ProbedPage:
    """Parse a page as a release, as far as possible."""
    page = ProbedPage(url, html)
    try:
        page.item = read_page(html, url, agency)
        page.release = to_release(page.item)
        page.warnings = find_quality_warnings(page.release)
    except PageError as error:
        page.problem = f"{error.field}: {error.problem}"
    return page


def find_unused_selectors(html: bytes, url: str, agency: Agency) -> Iterator[str]:
    """Yield a sentence for each selector of the agency's table that finds no text on the page."""
    with suppress(PageError):  # reported when the page is parsed
        document = Document(html, url)
        for field in SELECTOR_KEYS:
            css: str | None = getattr(agency, field)
            if css and not any(
                clean_line(get_text_content(element)) or element.get("content") for element in document.select(css)
            ):
                yield f"{field}: the agency's selector {css} finds nothing here"
