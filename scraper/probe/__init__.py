"""Ask a site for its sources, read sample pages, propose its agencies.toml table.

Looking at an agency's site or page before it is crawled: what `scrapy probe` and `scrapy extract` tell.

The table proposed for agencies.toml: slug, name, home, sources, and what the path of a release looks like.

What a probe has found: the sources with what each gave, and the pages it read.

Which selectors of an agency's table do nothing for a page: what is read in their place looks like their finding.

A page stored for the tests, and the result agreed for it: page.html and expected.json in the agency's folder.

ProbeSpider: asks an agency's site for its home page, its sources and three releases, as a good guest.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import chain, takewhile, zip_longest
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

from scrapy import Request, Spider
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
)
from scrapy.http import Response
from scrapy.settings import BaseSettings
from twisted.internet.error import ConnectError, ConnectionClosed

from archive.dates import to_iso
from archive.models import Release
from scraper.agency import SELECTOR_KEYS, Agency, build_user_agent, parse_agency
from scraper.downloader.errors import RobotsForbidden
from scraper.errors import PageError, SourceError
from scraper.items import ReleaseItem
from scraper.normalise import QualityWarning, find_quality_warnings, to_release
from scraper.normalise.text import clean_line
from scraper.normalise.urls import extract_host
from scraper.pages import read_page
from scraper.pages.cms import choose_page_class
from scraper.pages.document import Document, get_text_content
from scraper.pages.title import TITLE_SEPARATOR, build_comparison_key
from scraper.sources import (
    NEWS_WORDS,
    find_sources,
    is_release_url,
    parse_feed,
    parse_listing,
    parse_robots_sitemaps,
    parse_sitemap,
)
from scraper.sources.links import SourceLink

WELCOME_PREFIX = re.compile(r"^(välkommen till|välkommen|welcome to)\s+", re.IGNORECASE)
HOME_PAGE_TITLE = re.compile(r"(start|startsida\w*|förstasida\w*|hem|home|home ?page|first ?page|index)", re.IGNORECASE)
NON_SLUG_CHARACTERS = re.compile(r"[^a-z0-9]+")
NEWS_FOLDER = re.compile(rf"(^|-)({NEWS_WORDS})(-|$)", re.IGNORECASE)
PATH_YEAR, PATH_MONTH = r"\d{4}", r"\d{2}"
LEADING_KEYS = ("name", "name_en", "org_number", "home")  # as the list has them
DATE_PATTERNS = {PATH_YEAR, PATH_MONTH}
MIN_FOLDER_RELEASES = 3  # releases under a folder that make it one of theirs
MIN_FOLDER_SHARE = 0.9  # of the releases must lie under the folders proposed
MIN_DATED_PATHS = 5  # before years are asked of every path
MAX_FOLDERS = 3


def propose_slug(url: str) -> str:
    """A slug from a host, without its top domain.

    >>> propose_slug("https://www.skogsradet.example/nyheter"), propose_slug("http://[::1]:80/")
    ('skogsradet', '1')
    """
    labels = extract_host(url).split(".")
    return NON_SLUG_CHARACTERS.sub("-", "-".join(labels[:-1] or labels)).strip("-") or "agency"


def propose_name(home: Document) -> str:
    """What the site calls itself: as declared, else the part of its title that is no word for a home page."""
    for name in ("og:site_name", "application-name"):
        if stated := clean_line(home.meta.get(name, "")):
            return stated
    parts = [WELCOME_PREFIX.sub("", part).strip(" .!") for part in TITLE_SEPARATOR.split(clean_line(home.title or ""))]
    named = [part for part in parts if part and not HOME_PAGE_TITLE.fullmatch(part)]
    host = extract_host(home.url)
    known = (
        part
        for part in named
        if build_comparison_key(transliterate_swedish(part)) in build_comparison_key(host)
        or build_comparison_key(host.split(".")[0]) in build_comparison_key(transliterate_swedish(part))
    )
    return next(known, named[0] if named else host)


def transliterate_swedish(text: str) -> str:
    """Swedish letters as a host name writes them."""
    return text.lower().translate(str.maketrans("åäöéü", "aaoeu"))


def propose_release_pattern(urls: Iterable[str]) -> str | None:
    """A pattern for the paths of releases, where nearly all of them lie under at most three folders.

    >>> propose_release_pattern(f"https://a.se/nyheter/2024/0{n}/skog-{n}/" for n in range(1, 6))
    '^/nyheter/\\\\d{4}/\\\\d{2}/.+'
    >>> propose_release_pattern(f"https://a.se/{n}" for n in range(5)) is None
    True
    """
    paths = [urlsplit(url).path.strip("/").split("/") for url in dict.fromkeys(urls)]
    groups: dict[str, list[list[str]]] = defaultdict(list)
    for path in paths:
        if len(path) > 1:
            groups[generalise_folder(path[0])].append(path)
    shared = [group for group in groups.values() if len(group) >= MIN_FOLDER_RELEASES]
    if not 1 <= len(shared) <= MAX_FOLDERS or sum(map(len, shared)) < MIN_FOLDER_SHARE * len(paths):
        return None
    folders = ["/".join(find_common_folders(group)) for group in sorted(shared, key=len, reverse=True)]
    return f"^/{folders[0]}/.+" if len(folders) == 1 else f"^/({'|'.join(folders)})/.+"


def find_common_folders(paths: Sequence[Sequence[str]]) -> list[str]:
    """The folders that say what lies in them: those shared from the left up to the last word for news, then dates.

    A folder of a subject that a few newest releases happen to share would shut the others out.
    """
    shared: list[str] = []
    for level in zip(*(path[:-1] for path in paths), strict=False):
        names = {generalise_folder(name) for name in level}
        if len(names) > 1 or (set(shared) & DATE_PATTERNS and not names <= DATE_PATTERNS):
            break
        shared += names
    news = [index for index, name in enumerate(shared) if NEWS_FOLDER.search(name)]
    after = news[-1] + 1 if news else len(shared)
    dates = list(takewhile(DATE_PATTERNS.__contains__, shared[after:])) if len(paths) >= MIN_DATED_PATHS else []
    return shared[:after] + dates


def generalise_folder(name: str) -> str:
    """A folder's name as a pattern.

    >>> generalise_folder("2024"), generalise_folder("03"), generalise_folder("om.oss")
    ('\\\\d{4}', '\\\\d{2}', 'om\\\\.oss')
    """
    if re.fullmatch(r"(19|20)\d\d", name):
        return PATH_YEAR
    # a hyphen needs no escape outside brackets, and reads better without one
    return PATH_MONTH if re.fullmatch(r"[01]\d", name) else re.escape(name).replace(r"\-", "-")


def format_agency_toml(agency: Agency) -> str:
    """An agency as a table of agencies.toml; read back before it is handed out."""
    lines = [f"[{agency.slug}]"]
    for name in dict.fromkeys([*LEADING_KEYS, *(each.name for each in fields(Agency) if each.name != "slug")]):
        value = getattr(agency, name)
        if not value or (name == "zone" and value == "Europe/Stockholm"):
            continue
        if isinstance(value, tuple) and len(value) > 1:
            lines += [f"{name} = [", *(f"    {quote_toml(text)}," for text in value), "]"]
        elif isinstance(value, tuple):
            lines.append(f"{name} = [{', '.join(map(quote_toml, value))}]")
        else:
            lines.append(f"{name} = {quote_toml(value)}")
    text = "\n".join(lines) + "\n"
    parse_agency(agency.slug, tomllib.loads(text)[agency.slug], Path("proposal"))
    return text


def quote_toml(text: str) -> str:
    """A TOML string; literal where a backslash would else be doubled.

    >>> quote_toml("Skogsrådet"), quote_toml(r"^/nyheter/.+"), quote_toml("\\\\d")
    ('"Skogsrådet"', '"^/nyheter/.+"', "'\\\\d'")
    """
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


SAMPLE_RELEASES = 3
MAX_SAMPLE_REQUESTS = 6  # pages asked for until three are read


@dataclass(slots=True)
class ProbedSource:
    """One feed, sitemap or listing and what came of asking it."""

    kind: str  # a key of the agency's table: feeds, sitemaps or listings
    url: str
    links: list[SourceLink] = field(default_factory=list)
    problem: str | None = None
    is_requested: bool = True


@dataclass(slots=True)
class ProbedPage:
    """One page read as a release. `item` and `release` are there as far as reading came."""

    url: str
    html: bytes = b""
    item: ReleaseItem | None = None
    release: Release | None = None
    problem: str | None = None
    warnings: list[QualityWarning] = field(default_factory=list)  # of a release that was read

    @property
    def has_date(self) -> bool:
        """Whether it says when it was published or updated."""
        return self.item is not None and bool(self.item.published or self.item.updated)


@dataclass(slots=True)
class ProbeResult:
    """All of it. base: the agency as known before, or as its home page tells; `known` says which of the two."""

    base_agency: Agency
    is_known: bool
    cms: str | None = None  # the class that reads its pages, None for the general one
    agency: Agency = field(init=False)  # the one proposed
    sources: list[ProbedSource] = field(default_factory=list)
    pages: list[ProbedPage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.agency = self.base_agency

    def update_proposal(self) -> None:
        """Settle the proposed table from what the sources gave."""
        giving = [source for source in self.sources if source.links or not source.is_requested]
        pattern = self.base_agency.releases or propose_release_pattern(link.url for link in self.list_links())
        named = {
            kind: tuple(dict.fromkeys([*self.list_unrequested(kind), *(s.url for s in giving if s.kind == kind)]))
            for kind in ("feeds", "sitemaps", "listings")
        }
        self.agency = replace(self.base_agency, releases=pattern, **named)  # type: ignore[arg-type] # names of tuples

    def list_unrequested(self, kind: str) -> list[str]:
        """The declared sources of which nothing is known."""
        asked = {source.url for source in self.sources}
        return [url for url in getattr(self.base_agency, kind) if url not in asked]

    def drop_undated_listings(self, pages: list[ProbedPage]) -> list[ProbedPage]:
        """Leave out listings of other things than news; the pages that are not from such a one.

        A press room lists contacts and rules: no other source names them, and none read of them tells a date,
        while another page does.
        """
        if not any(page.has_date for page in pages):
            return pages
        kept = pages
        for source in self.sources:
            named = {link.url for link in source.links}
            others = {link.url for other in self.sources if other is not source for link in other.links}
            own = [page for page in kept if page.url in named]
            if source.kind == "listings" and own and not named & others and not any(page.has_date for page in own):
                source.links, source.problem = [], "its pages tell no date; put it back if they are news"
                kept = [page for page in kept if page not in own]
        return kept

    def list_links(self) -> list[SourceLink]:
        """Every release found, each once: first the first ones of each source. No listing is one."""
        rows = zip_longest(*(source.links for source in self.sources))
        listings = {source.url for source in self.sources}
        found = {link.url: link for link in chain.from_iterable(rows) if link and link.url not in listings}
        return list(found.values())

    def list_matching_links(self) -> list[SourceLink]:
        """The releases found that the proposed pattern lets through."""
        return [link for link in self.list_links() if is_release_url(link.url, self.agency)]


def probe_file(html: bytes, url: str, agencies: dict[str, Agency]) -> ProbeResult:
    """What one stored page tells, a home page or a release, with nothing asked of anybody."""
    found = probe_home_page(html, url, agencies)
    shown = find_sources(html, url, found.agency)
    found.sources += [ProbedSource("feeds", feed, is_requested=False) for feed in dict.fromkeys(shown.feeds)]
    found.sources += [ProbedSource("listings", listing, is_requested=False) for listing in shown.listings]
    found.update_proposal()
    if urlsplit(url).path.strip("/"):
        found.pages.append(probe_page(html, url, found.agency))
    return found


def probe_home_page(home: bytes, url: str, agencies: dict[str, Agency]) -> ProbeResult:
    """What a home page alone tells: whose it is and which system made it."""
    known = next((agency for agency in agencies.values() if agency.owns(url)), None)
    document = Document(home, url)
    agency = known or Agency(slug=propose_free_slug(url, agencies), name=propose_name(document), home=urljoin(url, "/"))
    name = choose_page_class(document, known).__name__.removesuffix("Page")
    return ProbeResult(agency, known is not None, None if name == "News" else name)


def propose_free_slug(url: str, agencies: dict[str, Agency]) -> str:
    """A slug from the host that no other agency of the list has."""
    slug = propose_slug(url)
    return slug if slug not in agencies else extract_host(url).replace(".", "-")


def probe_page(html: bytes, url: str, agency: Agency) -> ProbedPage:
    """One page as a release, as far as it can be read."""
    page = ProbedPage(url, html)
    try:
        page.item = read_page(html, url, agency)
        page.release = to_release(page.item)
        page.warnings = find_quality_warnings(page.release)
    except PageError as error:
        page.problem = f"{error.field}: {error.problem}"
    return page


def find_unused_selectors(html: bytes, url: str, agency: Agency) -> Iterator[str]:
    """A sentence for each selector of the table that finds no element with a text on the page as it came."""
    with suppress(PageError):  # what cannot be read at all is told by whoever reads it
        document = Document(html, url)
        for field in SELECTOR_KEYS:
            css: str | None = getattr(agency, field)
            if css and not any(
                clean_line(get_text_content(each)) or each.get("content") for each in document.select(css)
            ):
                yield f"{field}: the agency's selector {css} finds nothing here"


STORED_PAGES_DIR = Path(__file__).parents[2] / "tests" / "pages"


def build_expected_result(html: bytes, url: str, agency: Agency | None) -> dict[str, Any]:
    """What a page gives: the address it was read at, then its release, or the problem where it is refused.

    Without the agency's slug: the folder tells it, also before the agency stands in the list.
    """
    try:
        release = asdict(to_release(read_page(html, url, agency)))
    except PageError as error:
        return {"address": url, "problem": str(error)}
    del release["agency"]
    result: dict[str, Any] = json.loads(json.dumps({"address": url, **release}, default=to_iso))
    return result


def store_page(html: bytes, url: str, agency: Agency, out: Path = STORED_PAGES_DIR) -> Path:
    """Write a page and what it gives now, for review; the page's path. A page of the same address is replaced."""
    folder = out / agency.slug
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (page := build_stored_page_path(folder, number)).exists() and read_stored_page_url(page) != url:
        number += 1
    page.write_bytes(html)
    write_expected_result(page, build_expected_result(html, url, agency))
    return page


def build_stored_page_path(folder: Path, number: int) -> Path:
    """The path of a folder's page by its number: page.html, page-2.html, …"""
    return folder / ("page.html" if number == 1 else f"page-{number}.html")


def get_expected_path(page: Path) -> Path:
    """Where a page's agreed result lies: expected.json beside page.html, expected-2.json beside page-2.html."""
    return page.with_name(page.stem.replace("page", "expected", 1) + ".json")


def read_stored_page_url(page: Path) -> str | None:
    """The address a stored page was read at, as its result tells."""
    expected = get_expected_path(page)
    told: dict[str, Any] = json.loads(expected.read_text("utf-8")) if expected.exists() else {}
    return told.get("address")


def write_expected_result(page: Path, result: dict[str, Any]) -> None:
    """Write a page's result for review."""
    text = json.dumps(result, ensure_ascii=False, indent=2)
    get_expected_path(page).write_text(text + "\n", encoding="utf-8")


MAX_SOURCES_PER_KIND = 4  # sources of one kind asked
MAX_INDEX_SITEMAPS = 3  # sitemaps of a sitemap index asked
NEWS_WORD = re.compile(NEWS_WORDS, re.IGNORECASE)
CONNECTION_ERRORS = (
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    ResponseDataLossError,
    ConnectError,
    ConnectionClosed,
    OSError,
)


class NoResponse(Exception):  # noqa: N818 - it says what happened
    """An address that gave nothing to read; the message says why."""


class ProbeSpider(Spider):
    """Asks one address after another, each through Scrapy's downloader: robots.txt, delays and retries are kept."""

    name = "probe"
    custom_settings: ClassVar[dict[str, Any]] = {  # type: ignore[misc] # Scrapy types it as an instance's
        "EXTENSIONS": {"scraper.downloader.throttle.CrawlDelayExtension": 100},  # the others keep an archive's books
        "ITEM_PIPELINES": {},
    }
    result: ProbeResult | None = None
    problem: str | None = None  # why there are none

    def __init__(self, url: str, agencies: dict[str, Agency], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.url, self.agencies = url, agencies

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        settings.set("USER_AGENT", build_user_agent(settings.get("CONTACT")), priority="spider")

    async def start(self) -> AsyncIterator[Any]:
        try:
            await self.probe()
        except (NoResponse, PageError) as error:
            self.problem = str(error)
        nothing: tuple[Request, ...] = ()
        for request in nothing:  # Scrapy wants an async generator; everything has been asked above
            yield request

    async def probe(self) -> None:
        """The whole visit."""
        home = await self.fetch(urljoin(self.url, "/"))
        found = probe_home_page(home.body, home.url, self.agencies)
        if extract_host(home.url) != extract_host(self.url) and not found.is_known:
            found.base_agency = add_alias(found.base_agency, extract_host(self.url))
        await self.probe_sources(home, found)
        found.update_proposal()
        asked: set[str] = set()
        while (
            len(asked) < MAX_SAMPLE_REQUESTS and sum(page.release is not None for page in found.pages) < SAMPLE_RELEASES
        ):
            link = next((link for link in found.list_matching_links() if link.url not in asked), None)
            if link is None:
                break
            asked.add(link.url)
            found.pages.append(await self.fetch_release(link.url, found.agency))
            found.pages = found.drop_undated_listings(found.pages)
            found.update_proposal()
        self.result = found

    async def probe_sources(self, home: Response, result: ProbeResult) -> None:
        """Ask what the home page, robots.txt and the address given lead to."""
        agency = result.base_agency
        shown = find_sources(home.body, home.url, agency)
        given = [self.url] if urlsplit(self.url).path.strip("/") and agency.owns(self.url) else []
        for url in merge_source_urls(agency.feeds, [*shown.feeds]):
            result.sources.append(await self.probe_source(ProbedSource("feeds", url), agency))
        for url in merge_source_urls(agency.listings, [*given, *shown.listings]):
            result.sources.append(await self.probe_source(ProbedSource("listings", url), agency))
        for url in merge_source_urls(agency.sitemaps, [*await self.find_sitemap_urls(agency)]):
            result.sources.append(await self.probe_source(ProbedSource("sitemaps", url), agency))

    async def find_sitemap_urls(self, agency: Agency) -> list[str]:
        """The sitemaps robots.txt names, else the usual place of one."""
        try:
            answer = await self.fetch(urljoin(agency.home, "/robots.txt"))
            named = parse_robots_sitemaps(answer.body, answer.url)
        except NoResponse:
            named = []
        return named or [urljoin(agency.home, "/sitemap.xml")]

    async def probe_source(self, source: ProbedSource, agency: Agency) -> ProbedSource:
        """Ask one source, and keep what it gave or why it gave nothing."""
        try:
            answer = await self.fetch(source.url)
            if source.kind == "feeds":
                links = parse_feed(answer.body, answer.url, agency)
                source.links = [link for link in links if agency.owns(link.url)]
            elif source.kind == "listings":
                source.links = parse_listing(answer.body, answer.url, agency)[0]
            else:
                source.links = await self.read_sitemap_links(answer, agency)
        except NoResponse as error:
            source.problem = str(error)
        except SourceError as error:
            source.problem = error.problem
        return source

    async def read_sitemap_links(self, response: Response, agency: Agency) -> list[SourceLink]:
        """A sitemap's releases, the newest first; of an index, those of its likeliest sitemaps."""
        links, children = parse_sitemap(response.body, response.url, agency)
        children.sort(key=lambda child: (bool(NEWS_WORD.search(child.url)), child.listed or ""), reverse=True)
        problem: NoResponse | None = None
        for child in children[:MAX_INDEX_SITEMAPS]:
            try:
                below = await self.fetch(child.url)
            except NoResponse as error:
                problem = error
                continue
            links += parse_sitemap(below.body, below.url, agency)[0]
        if problem and not links:
            raise problem
        return sorted(links, key=lambda link: link.listed or "", reverse=True)

    async def fetch_release(self, url: str, agency: Agency) -> ProbedPage:
        """One release."""
        try:
            answer = await self.fetch(url)
        except NoResponse as error:
            return ProbedPage(url, problem=str(error))
        if not agency.owns(answer.url):
            return ProbedPage(url, problem=f"led to another host: {answer.url}")
        return replace(probe_page(answer.body, answer.url, agency), url=url)

    async def fetch(self, url: str) -> Response:
        """One answer; NoAnswer says in words why there is none."""
        sys.stderr.write(f"asking {url}\n")
        engine = self.crawler.engine
        assert engine  # noqa: S101 - there is one while a spider runs
        try:
            answer = await engine.download_async(Request(url))
        except RobotsForbidden as error:
            raise NoResponse("robots.txt forbids it") from error
        except IgnoreRequest as error:
            raise NoResponse(str(error)) from error
        except CannotResolveHostError as error:
            raise NoResponse("there is no such host") from error
        except DownloadTimeoutError as error:
            raise NoResponse("took too long to answer") from error
        except CONNECTION_ERRORS as error:
            raise NoResponse(f"cannot be reached: {error or type(error).__name__}") from error
        if answer.status != 200:
            raise NoResponse(f"answered {answer.status}")
        return answer


def add_alias(agency: Agency, host: str) -> Agency:
    """An agency that also answers under another host."""
    return replace(agency, aliases=(*agency.aliases, host))


def merge_source_urls(declared: Iterable[str], found: Iterable[str]) -> list[str]:
    """All declared addresses and the first few that are shown, each once."""
    return list(dict.fromkeys([*declared, *list(dict.fromkeys(found))[:MAX_SOURCES_PER_KIND]]))
