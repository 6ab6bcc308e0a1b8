"""Contains the result of a probe: a site's sources, sample pages and table for agencies.toml.

Also stores pages for the tests (`scrapy probe --store`). A page is stored as
tests/pages/<slug>/page.html, and the result of parsing it as expected.json beside the page. The
result of page-2.html is in expected-2.json.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from itertools import chain, takewhile, zip_longest
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from archive.database.models import Release
from archive.times import to_iso
from scraper.agency import (
    SELECTOR_KEYS,
    Agency,
    JSONSource,
    find_owner,
    find_press_wire,
    parse_agency,
)
from scraper.errors import PageError, SourceError
from scraper.items import ReleaseItem
from scraper.normalise.conversion import find_quality_warnings, to_release
from scraper.normalise.page_urls import extract_host
from scraper.normalise.text_cleaning import clean_line
from scraper.pages import read_page
from scraper.pages.document import Document, get_text_content
from scraper.pages.page_classes import choose_page_class
from scraper.pages.title import TITLE_SEPARATOR, build_comparison_key
from scraper.sources import (
    NEWS_WORDS,
    SourceLink,
    find_sources,
    is_release_url,
)

STORED_PAGES_DIR = Path(__file__).parents[2] / "tests" / "pages"

# Proposed names and patterns
WELCOME_PREFIX = re.compile(r"^(välkommen till|välkommen|welcome to)\s+", re.IGNORECASE)
HOME_PAGE_TITLE = re.compile(
    r"(start|startsida\w*|förstasida\w*|hem|home|home ?page|first ?page|index)", re.IGNORECASE
)
NON_SLUG_CHARACTERS = re.compile(r"[^a-z0-9]+")
NEWS_FOLDER = re.compile(rf"(^|-)({NEWS_WORDS})(-|$)", re.IGNORECASE)
ASCII_LETTERS = str.maketrans("åäöéü", "aaoeu")  # as in host names
PATH_YEAR, PATH_MONTH = r"\d{4}", r"\d{2}"
DATE_PATTERNS = {PATH_YEAR, PATH_MONTH}
# The year at the end of a listing's path (and the month below it), or in its query.
YEAR_PATH = re.compile(r"(?<=\w)[-/_](?:19|20)\d\d(?:/[01]?\d)?(?=/?$|\.\w+$)")
YEAR_PAIR = re.compile(r"\w*=(?:19|20)\d\d(?:-[01]\d)?")
MIN_FOLDER_RELEASES = 3  # releases in a folder that is to count as a folder of releases
MIN_FOLDER_SHARE = 0.9  # share of the releases that must be in the proposed folders
MIN_DATED_PATHS = 5  # releases needed to put date folders into the pattern
MAX_FOLDERS = 3


@dataclass(slots=True)
class ProbedSource:
    kind: str  # key of the agency: feeds, sitemaps or listings
    url: str
    links: list[SourceLink] = field(default_factory=list)
    problem: str | None = None  # why the source is left out
    failure: str | None = None  # type of the failure, if it could not be read
    note: str | None = None  # why the source may have more releases than were read
    is_requested: bool = True


@dataclass(slots=True)
class ProbedPage:
    """A sample page parsed as a release.

    item, release: the parsed item, and the release made from it. Each is None if an error occurred
        before it was complete.
    """

    url: str
    html: bytes = b""
    item: ReleaseItem | None = None
    release: Release | None = None
    error: PageError | SourceError | None = None  # why there is no release
    warnings: list[PageError] = field(default_factory=list)

    @property
    def problem(self) -> str | None:
        """Return why no release could be parsed from the page, or None if one was parsed.

        The reason does not contain the URL of the page.
        """
        if isinstance(self.error, PageError):
            return f"{self.error.field}: {self.error.problem}"
        return self.error.problem if self.error else None

    @property
    def has_date(self) -> bool:
        return self.item is not None and bool(self.item.published or self.item.updated)


@dataclass(slots=True)
class ProbeResult:
    base_agency: Agency  # as listed (if `is_known`), or as derived from the home page
    is_known: bool
    cms: str | None = None  # page class of the CMS; None for the general one
    agency: Agency = field(init=False)  # the proposed agency
    sources: list[ProbedSource] = field(default_factory=list)
    pages: list[ProbedPage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # further information for the operator
    # the links whose pages were requested, and the sources that a news crawl would read
    sampled_urls: set[str] = field(default_factory=set)
    crawled_urls: set[str] = field(default_factory=set)
    needs_javascript: bool = False  # whether the home page does

    def __post_init__(self) -> None:
        self.agency = self.base_agency

    def update_proposal(self) -> None:
        """Update the proposed agency from the links found in the sources.

        Sources without links are left out.
        """
        agency = self.base_agency
        pattern = agency.releases or propose_release_pattern(
            link.url
            for link in self.list_links()
            if link.file_title is None and not agency.find_wire(link.url)
        )
        self.agency = replace(
            agency,
            releases=pattern,
            feeds=self.propose_sources("feeds", agency.feeds),
            sitemaps=self.propose_sources("sitemaps", agency.sitemaps),
            listings=self.propose_sources("listings", agency.listings),
        )
        if agency.files is None and any(link.file_title for link in self.list_links()):
            self.agency = replace(self.agency, files=True)

    def propose_sources(self, kind: str, declared_urls: Iterable[str]) -> tuple[str, ...]:
        """Return the URLs that the table should contain for sources of the type `kind`.

        These are the declared sources that were not requested, and then the sources that have
        links.
        """
        requested_urls = {source.url for source in self.sources}
        urls = [url for url in declared_urls if url not in requested_urls]
        urls += [
            source.url for source in self.sources if source.kind == kind and self.is_useful(source)
        ]
        return tuple(dict.fromkeys(urls))

    def is_useful(self, source: ProbedSource) -> bool:
        """Return whether the proposed table should contain a source.

        This is the case if the source has links or was not requested. Returns False if the source
        has a problem. Also returns False for JSON endpoints and press wires, because the table has
        separate keys for them.
        """
        if source.problem or (source.is_requested and not source.links):
            return False
        if self.base_agency.find_json_source(source.url):
            return False
        return source.url not in [wire.list_url for wire in self.base_agency.wires]

    def drop_undated_listings(self) -> None:
        """Drop listings that are not news, together with their sample pages.

        Examples are lists of contacts or policies. Such a listing has no link in common with
        another source, and none of its sample pages states a date, although another sample page
        does.
        """
        if not any(page.has_date for page in self.pages):
            return
        for source in self.sources:
            if source.kind == "listings" and self.is_undated(source):
                urls = {link.url for link in source.links}
                source.links = []
                source.problem = "its pages state no date; put it back if they are news"
                self.pages = [page for page in self.pages if page.url not in urls]

    def is_undated(self, source: ProbedSource) -> bool:
        """Return whether a source has sample pages, none of which has a date.

        Returns False if the source has a link in common with other sources.
        """
        urls = {link.url for link in source.links}
        dates = [page.has_date for page in self.pages if page.url in urls]
        if not dates or any(dates):
            return False
        others = (other.links for other in self.sources if other is not source)
        return urls.isdisjoint(link.url for link in chain.from_iterable(others))

    def list_links(self) -> list[SourceLink]:
        """Return all links to release pages, without duplicates.

        The first link of each source comes first, then the second link of each, and so on.
        """
        rows = zip_longest(*(source.links for source in self.sources))
        listings = {source.url for source in self.sources}
        found = {
            link.url: link
            for link in chain.from_iterable(rows)
            if link and link.url not in listings and not link.record
        }
        return list(found.values())

    def list_matching_links(self) -> list[SourceLink]:
        return [
            link
            for link in self.list_links()
            if link.file_title or is_release_url(link.url, self.agency)
        ]


def probe_file(html: bytes, url: str, agencies: dict[str, Agency]) -> ProbeResult:
    """Probe a stored home page or release without making any request."""
    result = probe_home_page(html, url, agencies)
    sources = find_sources(html, url, result.agency)
    for kind, urls in (("feeds", sources.feeds), ("listings", sources.listings)):
        result.sources += [
            ProbedSource(kind, source_url, problem=describe_year(source_url), is_requested=False)
            for source_url in dict.fromkeys(urls)
        ]
    result.notes += [describe_press_room(room, agencies) for room in sources.press_rooms]
    result.update_proposal()
    if urlsplit(url).path.strip("/"):
        result.pages.append(probe_page(html, url, result.agency))
    return result


def describe_press_room(url: str, agencies: dict[str, Agency]) -> str:
    """Describe a link to news on another host, for the notes of a probe.

    The note says that the host belongs to a press wire or to another agency, or that the link's
    site should also be probed.
    """
    if wire := find_press_wire(url):
        return f"press wire: {url}: {wire.name}; the agency may publish there first, or only there"
    if owner := next((agency for agency in agencies.values() if agency.owns(url)), None):
        return f"press room: {url}: left out: it belongs to {owner.slug}"
    return f"press room: {url}: at another host; probe it as well"


def strip_year(url: str) -> str:
    """Return the URL of a listing without the year at the end of its path or in its query.

    The other parameters of the query are kept.

    >>> [strip_year(f"https://a.se/{path}")
    ...     for path in ("nyheter/2024/", "press?ar=2024&vy=1", "nyheter-2024.html")]
    ['https://a.se/nyheter/', 'https://a.se/press?vy=1', 'https://a.se/nyheter.html']
    >>> strip_year("https://a.se/agenda-2030/nyheter")
    'https://a.se/agenda-2030/nyheter'
    """
    parts = urlsplit(url)
    pairs = [pair for pair in parts.query.split("&") if not YEAR_PAIR.fullmatch(pair)]
    return parts._replace(path=YEAR_PATH.sub("", parts.path), query="&".join(pairs)).geturl()


def describe_year(url: str) -> str | None:
    """Return why a listing for a single year should not be proposed.

    Returns None if the listing's URL contains no year that can be left out.
    """
    general = strip_year(url)
    return (
        None
        if general == url
        else f"lists one year only; see {general}, or name a listing of all years"
    )


def probe_home_page(
    home: bytes, url: str, agencies: dict[str, Agency], agency: Agency | None = None
) -> ProbeResult:
    """Probe only a home page, to find the agency's name and CMS.

    agency: the agency to which the home page belongs, or None if it is unknown.
    """
    listed_agency = agency or find_owner(agencies.values(), url)
    document = Document(home, url)
    agency = listed_agency or Agency(
        slug=propose_slug(url, agencies), name=propose_name(document), home=urljoin(url, "/")
    )
    page_class = choose_page_class(document, listed_agency).__name__.removesuffix("Page")
    return ProbeResult(
        agency, listed_agency is not None, None if page_class == "News" else page_class
    )


def probe_page(
    html: bytes, url: str, agency: Agency, item: ReleaseItem | None = None
) -> ProbedPage:
    """Parse a page as a release. If this fails, the result contains what was parsed before the
    error.

    item: the item of a file that a listing describes. It is used instead of a parsed page, because
        the file is not requested.
    """
    page = ProbedPage(url, html, item)
    try:
        page.item = item or read_page(html, url, agency)
        page.release = to_release(page.item)
        page.warnings = find_quality_warnings(page.release)
    except PageError as error:
        page.error = error
    return page


def find_unused_selectors(html: bytes, url: str, agency: Agency) -> Iterator[str]:
    """Yield a sentence for each of the agency's selectors that matches no text on the page."""
    with suppress(PageError):  # the error is reported when the page is parsed
        document = Document(html, url)
        for field in SELECTOR_KEYS:
            css: str | None = getattr(agency, field)
            if css and not any(
                clean_line(get_text_content(element)) or element.get("content")
                for element in document.select(css)
            ):
                yield f"{field}: the agency's selector {css} finds nothing here"


def build_expected_result(html: bytes, url: str, agency: Agency | None) -> dict[str, Any]:
    """Return a page's URL with its release, or with the reason why the page is not a release.

    The agency is left out, because the page's folder is named after the agency.
    """
    try:
        release = asdict(to_release(read_page(html, url, agency)))
    except PageError as error:
        return {"address": url, "problem": str(error)}
    del release["agency"]
    result: dict[str, Any] = json.loads(json.dumps({"address": url, **release}, default=to_iso))
    return result


def store_page(html: bytes, url: str, agency: Agency, out: Path = STORED_PAGES_DIR) -> Path:
    """Write a page, and the result of parsing it with the current rules, to files. Return the path
    of the page.

    A stored page with the same URL is replaced.
    """
    folder = out / agency.slug
    folder.mkdir(parents=True, exist_ok=True)
    number, page = 1, folder / "page.html"
    while page.exists() and read_stored_page_url(page) != url:
        number += 1
        page = folder / f"page-{number}.html"
    page.write_bytes(html)
    write_expected_result(page, build_expected_result(html, url, agency))
    return page


def get_expected_path(page: Path) -> Path:
    return page.with_name(page.stem.replace("page", "expected", 1) + ".json")


def read_stored_page_url(page: Path) -> str | None:
    """Return the URL of a stored page from its result file, or None if there is no such file."""
    expected = get_expected_path(page)
    result: dict[str, Any] = json.loads(expected.read_text("utf-8")) if expected.exists() else {}
    return result.get("address")


def write_expected_result(page: Path, result: dict[str, Any]) -> None:
    text = json.dumps(result, ensure_ascii=False, indent=2)
    get_expected_path(page).write_text(text + "\n", encoding="utf-8")


# The proposed table


def propose_slug(url: str, taken: Container[str] = ()) -> str:
    """Return a slug made from a URL's host.

    The top-level domain is included only if the slug without it is taken.

    >>> propose_slug("https://www.skogsradet.example/nyheter"), propose_slug("http://[::1]:80/")
    ('skogsradet', '1')
    """
    host = extract_host(url)
    labels = host.split(".")
    slug = NON_SLUG_CHARACTERS.sub("-", "-".join(labels[:-1] or labels)).strip("-") or "agency"
    return slug if slug not in taken else host.replace(".", "-")


def propose_name(home: Document) -> str:
    """Return the site's name from its metadata or title, or its host if neither gives a name."""
    for name in ("og:site_name", "application-name"):
        if declared := clean_line(home.meta.get(name, "")):
            return declared
    candidates = _list_title_parts(clean_line(home.title or ""))
    host = extract_host(home.url)
    host_key, name_key = build_comparison_key(host), build_comparison_key(host.split(".")[0])
    for part in candidates:
        key = build_comparison_key(part.lower().translate(ASCII_LETTERS))
        if key in host_key or name_key in key:
            return part
    return candidates[0] if candidates else host


def _list_title_parts(title: str) -> list[str]:
    """Return the parts of a home page's title that may be the site's name."""
    parts = [WELCOME_PREFIX.sub("", part).strip(" .!") for part in TITLE_SEPARATOR.split(title)]
    return [part for part in parts if part and not HOME_PAGE_TITLE.fullmatch(part)]


def propose_release_pattern(urls: Iterable[str]) -> str | None:
    """Return a regular expression for the paths of releases.

    Returns None unless nearly all releases are in a few folders.

    >>> propose_release_pattern(f"https://a.se/nyheter/2024/0{n}/skog-{n}/" for n in range(1, 6))
    '^/nyheter/\\\\d{4}/\\\\d{2}/.+'
    >>> propose_release_pattern(f"https://a.se/{n}" for n in range(5)) is None
    True
    """
    paths = [urlsplit(url).path.strip("/").split("/") for url in dict.fromkeys(urls)]
    groups: dict[str, list[list[str]]] = defaultdict(list)
    for path in paths:
        if len(path) > 1:
            groups[_generalise_folder(path[0])].append(path)
    shared = [group for group in groups.values() if len(group) >= MIN_FOLDER_RELEASES]
    if not 1 <= len(shared) <= MAX_FOLDERS or sum(map(len, shared)) < MIN_FOLDER_SHARE * len(paths):
        return None
    folders = [
        "/".join(_find_common_folders(group)) for group in sorted(shared, key=len, reverse=True)
    ]
    return f"^/{folders[0]}/.+" if len(folders) == 1 else f"^/({'|'.join(folders)})/.+"


def _find_common_folders(paths: Sequence[Sequence[str]]) -> list[str]:
    """Return the folders that all paths share, up to the last news folder and its date folders.

    Other folders below the news folder are left out, because the newest releases may be in the same
    folder by chance.
    """
    shared: list[str] = []
    for folder_names in zip(*(path[:-1] for path in paths), strict=False):
        names = {_generalise_folder(name) for name in folder_names}
        if len(names) > 1 or (set(shared) & DATE_PATTERNS and not names <= DATE_PATTERNS):
            break
        shared += names
    news_levels = [index for index, name in enumerate(shared) if NEWS_FOLDER.search(name)]
    end = news_levels[-1] + 1 if news_levels else len(shared)
    dates = (
        list(takewhile(DATE_PATTERNS.__contains__, shared[end:]))
        if len(paths) >= MIN_DATED_PATHS
        else []
    )
    return shared[:end] + dates


def _generalise_folder(name: str) -> str:
    """Return a folder's name as a regular expression.

    A year or month becomes a pattern for digits. Other names are escaped.

    >>> _generalise_folder("2024"), _generalise_folder("03"), _generalise_folder("om.oss")
    ('\\\\d{4}', '\\\\d{2}', 'om\\\\.oss')
    """
    if re.fullmatch(r"(19|20)\d\d", name):
        return PATH_YEAR
    # outside brackets, a hyphen is valid without the escape, and easier to read
    return PATH_MONTH if re.fullmatch(r"[01]\d", name) else re.escape(name).replace(r"\-", "-")


def format_agency_toml(agency: Agency) -> str:
    """Format an agency as a table of agencies.toml, and check that the table parses."""
    lines = [f"[{agency.slug}]"]
    defaults = {
        each.name: each.default for each in fields(Agency) if each.name not in ("slug", "survey")
    }
    # in the order of agencies.toml
    for name in dict.fromkeys(["name", "name_en", "org_number", "home", *defaults]):
        value = getattr(agency, name)
        if value != defaults[name] and (name, value) != ("zone", "Europe/Stockholm"):
            lines += _format_toml_key(name, value)
    text = "\n".join(lines) + "\n"
    parse_agency(agency.slug, tomllib.loads(text)[agency.slug], Path("proposal"))
    return text


def _format_toml_key(name: str, value: str | bool | tuple[str | JSONSource, ...]) -> list[str]:
    """Return the lines of a key and its value. A list of several values has one line per value."""
    if isinstance(value, str):
        return [f"{name} = {quote_toml(value)}"]
    if not isinstance(value, tuple):
        return [f"{name} = {str(value).lower()}"]
    texts = list(map(_format_toml_value, value))
    if len(texts) > 1:
        return [f"{name} = [", *(f"    {text}," for text in texts), "]"]
    return [f"{name} = {texts[0]}" if name == "json" else f"{name} = [{texts[0]}]"]


def _format_toml_value(value: str | JSONSource) -> str:
    """Format one value of a list as TOML. A JSON endpoint becomes an inline table."""
    if isinstance(value, str):
        return quote_toml(value)
    pairs = ((each.name, getattr(value, each.name)) for each in fields(value))
    return "{" + ", ".join(f"{name} = {quote_toml(text)}" for name, text in pairs if text) + "}"


def quote_toml(text: str) -> str:
    """Return a text as a TOML string.

    The string is a literal one if the text contains a backslash, but no apostrophe or control
    character. Otherwise, it is a basic one.

    >>> quote_toml("Skogsrådet"), quote_toml(r"^/nyheter/.+"), quote_toml("\\\\d")
    ('"Skogsrådet"', '"^/nyheter/.+"', "'\\\\d'")
    """
    if "\\" in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
