"""What a probe has found: the sources with what each gave, and the pages it read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest
from urllib.parse import urljoin, urlsplit

from archive.records import Release
from scraper.agency import Agency
from scraper.errors import PageError
from scraper.items import ReleaseItem
from scraper.normalise import to_release
from scraper.normalise.doubts import Doubt, find_doubts
from scraper.normalise.urls import host_of
from scraper.pages import read_page
from scraper.pages.cms import choose_page
from scraper.pages.document import Document
from scraper.probing.proposal import propose_name, propose_releases, propose_slug
from scraper.sessions import Link
from scraper.sources import find_sources, is_release

RELEASES = 3
TRIES = 6  # pages asked for until three are read


@dataclass(slots=True)
class Source:
    """One feed, sitemap or listing and what came of asking it."""

    kind: str  # a key of the agency's table: feeds, sitemaps or listings
    url: str
    links: list[Link] = field(default_factory=list)
    problem: str | None = None
    asked: bool = True


@dataclass(slots=True)
class Page:
    """One page read as a release. `item` and `release` are there as far as reading came."""

    url: str
    html: bytes = b""
    item: ReleaseItem | None = None
    release: Release | None = None
    problem: str | None = None
    doubts: list[Doubt] = field(default_factory=list)  # of a release that was read

    @property
    def tells_date(self) -> bool:
        """Whether it says when it was published or updated."""
        return self.item is not None and bool(self.item.published or self.item.updated)


@dataclass(slots=True)
class Findings:
    """All of it. base: the agency as known before, or as its home page tells; `known` says which of the two."""

    base: Agency
    known: bool
    system: str | None = None  # the class that reads its pages, None for the general one
    agency: Agency = field(init=False)  # the one proposed
    sources: list[Source] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.agency = self.base

    def propose(self) -> None:
        """Settle the proposed table from what the sources gave."""
        giving = [source for source in self.sources if source.links or not source.asked]
        pattern = self.base.releases or propose_releases(link.url for link in self.links())
        named = {
            kind: tuple(dict.fromkeys([*self.unasked(kind), *(s.url for s in giving if s.kind == kind)]))
            for kind in ("feeds", "sitemaps", "listings")
        }
        self.agency = replace(self.base, releases=pattern, **named)  # type: ignore[arg-type] # names of tuples

    def unasked(self, kind: str) -> list[str]:
        """The declared sources of which nothing is known."""
        asked = {source.url for source in self.sources}
        return [url for url in getattr(self.base, kind) if url not in asked]

    def doubt(self, pages: list[Page]) -> list[Page]:
        """Leave out listings of other things than news; the pages that are not from such a one.

        A press room lists contacts and rules: no other source names them, and none read of them tells a date,
        while another page does.
        """
        if not any(page.tells_date for page in pages):
            return pages
        kept = pages
        for source in self.sources:
            named = {link.url for link in source.links}
            others = {link.url for other in self.sources if other is not source for link in other.links}
            own = [page for page in kept if page.url in named]
            if source.kind == "listings" and own and not named & others and not any(page.tells_date for page in own):
                source.links, source.problem = [], "its pages tell no date; put it back if they are news"
                kept = [page for page in kept if page not in own]
        return kept

    def links(self) -> list[Link]:
        """Every release found, each once: first the first ones of each source. No listing is one."""
        rows = zip_longest(*(source.links for source in self.sources))
        listings = {source.url for source in self.sources}
        found = {link.url: link for link in chain.from_iterable(rows) if link and link.url not in listings}
        return list(found.values())

    def fitting(self) -> list[Link]:
        """The releases found that the proposed pattern lets through."""
        return [link for link in self.links() if is_release(link.url, self.agency)]


def from_file(html: bytes, url: str, agencies: dict[str, Agency]) -> Findings:
    """What one stored page tells, a home page or a release, with nothing asked of anybody."""
    found = begin(html, url, agencies)
    shown = find_sources(html, url, found.agency)
    found.sources += [Source("feeds", feed, asked=False) for feed in dict.fromkeys(shown.feeds)]
    found.sources += [Source("listings", listing, asked=False) for listing in shown.listings]
    found.propose()
    if urlsplit(url).path.strip("/"):
        found.pages.append(read(html, url, found.agency))
    return found


def begin(home: bytes, url: str, agencies: dict[str, Agency]) -> Findings:
    """What a home page alone tells: whose it is and which system made it."""
    known = next((agency for agency in agencies.values() if agency.owns(url)), None)
    document = Document(home, url)
    agency = known or Agency(slug=free_slug(url, agencies), name=propose_name(document), home=urljoin(url, "/"))
    name = choose_page(document, known).__name__.removesuffix("Page")
    return Findings(agency, known is not None, None if name == "News" else name)


def free_slug(url: str, agencies: dict[str, Agency]) -> str:
    """A slug from the host that no other agency of the list has."""
    slug = propose_slug(url)
    return slug if slug not in agencies else host_of(url).replace(".", "-")


def read(html: bytes, url: str, agency: Agency) -> Page:
    """One page as a release, as far as it can be read."""
    page = Page(url, html)
    try:
        page.item = read_page(html, url, agency)
        page.release = to_release(page.item)
        page.doubts = find_doubts(page.release)
    except PageError as error:
        page.problem = f"{error.field}: {error.problem}"
    return page
