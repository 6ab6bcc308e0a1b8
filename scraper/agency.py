"""An agency and its table in agencies.toml.

A comment that begins with #: describes a key or value. `make reference` copies these descriptions
from this module to docs/reference/agencies-toml.md and agencies.schema.json. A line `key = value`
in such a comment is an example. A line that begins with ## is a heading.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field, fields
from datetime import date
from functools import cache
from html import unescape
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import available_timezones

import jmespath
from cssselect import SelectorError
from cssselect import parse as parse_selector
from jmespath.exceptions import JMESPathError

from archive.urls import is_loopback, strip_www, url_to_ascii_host
from scraper import __version__
from scraper.errors import AgencyError

DEFAULT_AGENCIES_FILE = Path(__file__).with_name("agencies.toml")
SLUG_PATTERN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
HTTP_URL = re.compile(r"https?://[\w.-]+(:\d{1,5})?(/|$)", re.ASCII | re.IGNORECASE)
SELECTOR_KEYS = ("title", "lead", "body", "tags", "published", "updated")
ATTACHMENT_MODES = ("none", "links", "text")  # values of the key `attachments`
VERDICTS = {  # of a survey, with their meanings, in the order of its report
    "doubts": "releases were found, but there are signs that some were misread",
    "table": "the current table finds no releases, or misses some that the proposed table finds",
    "works": (
        "three releases of each source (or all, if it has fewer) were read,"
        " and nothing suggests a misreading"
    ),
    "browser": "the list or the pages are built by scripts",
    "wire": "the agency publishes its releases only through a press wire",
    "refused": (
        "the site blocks crawls with robots.txt, a block page, a login,"
        " or the same page at every address"
    ),
    "gone": (
        "the host does not exist or respond, shows an error or another agency's site,"
        " or all pages are gone"
    ),
}
MARK_TYPES = {  # keys of SurveyMark; the last three are missing if nobody looked
    #: Day on which the site was tried.
    "tried": date,
    #: What was found.
    "verdict": str,
    #: How many releases were read.
    "read": int,
    #: How many of them a person compared with their pages.
    "judged": int,
    #: How many of these were right.
    "right": int,
    #: Day of the last comparison.
    "seen": date,
}
SurveyMark = dict[str, Any]
PAGE_CLASSES = Path(__file__).with_name("pages") / "agencies"  # folder of the key `page`
# the group is the number of the first page; without it, 1
PAGE_PLACEHOLDER = re.compile(r"\{page(?::(\d{1,9}))?\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JSONSource:
    """A JSON endpoint that lists releases.

    All fields except `url` are JMESPath expressions.
    """

    #: Address of the endpoint. `{page}` stands for the number of the page: 1, 2, 3 …, or from 0
    #: with `{page:0}`. Reading ends at a page without items.
    url: str
    #: In the response: the list of releases.
    items: str
    #: In an item: the address of the release. Without a host, it belongs to the agency's home.
    #: `join('/', ['/nyheter', slug])` builds an address from an item's name.
    link: str
    #: In an item: the day or time of publication (`2024-03-01`; a time with its zone).
    date: str | None = None
    #: In an item: the title, which names the item in errors.
    title: str | None = None
    #: In the response: the address or number of the next page; nothing on the last page.
    next: str | None = None

    @property
    def first_url(self) -> str:
        placeholder = PAGE_PLACEHOLDER.search(self.url)
        return self.build_page_url(int(placeholder[1] or 1)) or "" if placeholder else self.url

    def build_page_url(self, number: int) -> str | None:
        """Return the URL of the page with the given number.

        Returns None if the pages are not numbered.
        """
        url, count = PAGE_PLACEHOLDER.subn(str(number), self.url)
        return url if count else None

    def find_page_number(self, url: str) -> int | None:
        """Return the page number in a URL of the endpoint, or None if the URL contains none."""
        template, found = (
            unquote(text.partition("://")[2].partition("/")[2]) for text in (self.url, url)
        )
        placeholder = PAGE_PLACEHOLDER.search(template)
        if not placeholder:
            return None
        before, after = template[: placeholder.start()], template[placeholder.end() :]
        match = re.fullmatch(rf"{re.escape(before)}(\d{{1,9}}){re.escape(after)}", found)
        return int(match[1]) if match else None


@dataclass(frozen=True, slots=True, kw_only=True)
class WireSource(JSONSource):
    """A press wire's JSON list, which contains whole releases.

    id: the JMESPath expression for a release's id in an item.
    """

    id: str

    def build_page_url(self, number: int) -> str:
        """Return the URL of the page with the given number.

        If the list's URL contains no placeholder, the number is added as a query parameter.
        """
        return JSONSource.build_page_url(self, number) or f"{self.url}&page={number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WireService:
    """A press wire: a service that publishes the releases of many organisations on its own hosts.

    hosts: its hosts; their subdomains belong to the service, too.
    list_url: the URL of a publisher's list, with `{id}`; None if the service offers no such lists.
    identifier: the pattern of a publisher's id, which may be a URL.
    mention: the pattern of an id in the URL or HTML of a press room.
    keys: the expressions of the WireSource for a JSON list; None for an RSS list.
    release_path: the pattern of the paths of releases, if the service has press rooms that are read
        as listings.
    """

    name: str
    hosts: tuple[str, ...]
    list_url: str | None = None
    identifier: str = ""
    example: str = ""
    mention: str = ""
    keys: dict[str, str] | None = None
    release_path: str | None = None

    def owns(self, url: str) -> bool:
        host = strip_www(urlsplit(url).hostname or "")
        return any(host == own or host.endswith(f".{own}") for own in self.hosts)


# The keys with a `list_url` are the services of the key `wire`; #: says what follows the colon.
# Based on published descriptions of the lists; none was requested live:
# - Via TT: support.tt.se, "Så här ser JSON-svaret ut"; NTB describes the same system in Norway.
# - Cision: its own client modules, and the WordPress plugin Cision Block.
WIRE_SERVICES = {
    #: The publisher's number: `publisherId=` in the addresses of its releases at via.tt.se.
    "viatt": WireService(
        name="Via TT",
        hosts=("via.tt.se",),
        list_url="https://via.tt.se/json/v2/releases?publisher={id}",
        identifier=r"\d+",
        example="3235664",
        mention=r"[?&;]publisher(?:Id)?=(\d+)",
        keys={
            "items": "releases",
            "id": "id",
            "link": "url",
            "date": "published",
            "next": "nextPage",
        },
    ),
    #: The identifier of the news feed, 32 letters and digits, in the source of pages that show the
    #: feed.
    "cision": WireService(
        name="Cision",
        hosts=("cision.com",),
        list_url=(
            "https://publish.ne.cision.com/papi/NewsFeed/{id}?format=json&DetailLevel=detail&"
            "PageIndex={{page}}"
        ),
        identifier=r"[0-9A-Fa-f]{32}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
        example="A275C0BF733048FFAE9126ACA64DD08F",
        mention=r"/papi/NewsFeed/([0-9A-Fa-f]{32}|[0-9A-Fa-f-]{36})\b",
        keys={
            "items": "Releases",
            "id": "EncryptedId",
            "link": "CisionWireUrl",
            "date": "PublishDate",
        },
    ),
    #: The number of the press room, at the end of its RSS address: `/rss/current_news/…`. Or the
    #: address of its list of releases, such as
    #: `https://www.mynewsdesk.com/se/skogsradet/pressreleases`, which is read like a listing.
    "mynewsdesk": WireService(
        name="Mynewsdesk",
        hosts=("mynewsdesk.com",),
        list_url="https://www.mynewsdesk.com/rss/current_news/{id}",
        identifier=r"\d+|https?://\S+",
        example="6994",
        mention=r"/rss/current_news/(\d+)",
        release_path=r"/(?:pressreleases|news)/[^/]+-\d+$",
    ),
    #: The number in its RSS address, or the whole address.
    "notified": WireService(
        name="Notified",
        hosts=("notified.com",),
        list_url="https://api.client.notified.com/api/rss/publish/view/{id}?type=press",
        identifier=r"\d+|https?://\S+",
        example="41885",
        mention=r"/api/rss/publish/view/(\d+)",
    ),
    "pressmachine": WireService(name="Pressmachine", hosts=("pressmachine.se", "newsmachine.com")),
    "stt": WireService(name="STT", hosts=("sttinfo.fi",)),
    "ntb": WireService(name="NTB", hosts=("kommunikasjon.ntb.no",)),
    "ritzau": WireService(name="Ritzau", hosts=("via.ritzau.dk",)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """An agency's list at a press wire.

    identifier: the agency's id at the wire, or the URL of its list.
    """

    service: WireService
    identifier: str

    @property
    def source(self) -> WireSource | None:
        """Return the JSON list that contains whole releases.

        Returns None if the wire's list links to the pages of the releases instead.
        """
        keys = self.service.keys
        return None if keys is None else WireSource(url=self.list_url, **keys)

    @property
    def list_url(self) -> str:
        if "://" in self.identifier:
            return self.identifier
        return (self.service.list_url or "").format(id=self.identifier)

    @property
    def is_press_room(self) -> bool:
        return self.service.release_path is not None and "://" in self.identifier

    def lists_page(self, url: str) -> bool:
        """Return whether the wire's list could link to a page at this URL."""
        if not self.is_press_room:
            return self.service.keys is None
        path, folder = (
            urlsplit(url).path,
            urlsplit(self.identifier).path.rstrip("/").removesuffix("/pressreleases"),
        )
        return path.startswith(f"{folder}/") and bool(
            re.search(self.service.release_path or "", path)
        )


# host of a well-known web archive → its name, and the path before its captures
WEB_ARCHIVES = {
    "web.archive.org": ("Internet Archive", "/web/"),
    "arquivo.pt": ("Arquivo.pt", "/wayback/"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PastSource:
    """A web archive that captured pages of an agency.

    url: the part of a capture's address that precedes the time, such as
        https://web.archive.org/web/ in
        https://web.archive.org/web/20210503081500/https://fyr.example/.
    """

    url: str
    name: str


def parse_past_source(text: str) -> PastSource:
    """Parse the address of a web archive's captures, optionally followed by the archive's name.

    Raises ValueError if the address is invalid.

    >>> parse_past_source("https://web.archive.org/")
    PastSource(url='https://web.archive.org/web/', name='Internet Archive')
    >>> parse_past_source("https://arkiv.example/pywb/sve Svenska webbarkivet").name
    'Svenska webbarkivet'
    """
    address, _, name = text.strip().partition(" ")
    url = _parse_agency_url(address)
    parts = urlsplit(url)
    known_name, path = WEB_ARCHIVES.get(parts.hostname or "", ("", ""))
    if path and parts.path in ("", "/"):
        url = parts._replace(path=path).geturl()
    return PastSource(
        url=f"{url.rstrip('/')}/", name=name.strip() or known_name or parts.netloc.lower()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """An agency with releases to crawl. `name` and `home` are required."""

    slug: str

    ## The agency

    #: Name in Swedish.
    #: name = "Skogsrådet"
    name: str
    #: Address of its home page.
    #: home = "https://www.skogsradet.example/"
    home: str
    #: Name in English.
    #: name_en = "Swedish Forest Council"
    name_en: str | None = None
    #: Swedish organisation number.
    #: org_number = "202100-0000"
    org_number: str | None = None
    #: Other hosts of the same site, without `https://` and path.
    #: aliases = ["press.skogsradet.example"]
    aliases: tuple[str, ...] = ()

    ## Sources

    #: Addresses of RSS and Atom feeds.
    #: feeds = ["https://www.skogsradet.example/rss/nyheter"]
    feeds: tuple[str, ...] = ()
    #: Addresses of XML sitemaps.
    #: sitemaps = ["https://www.skogsradet.example/sitemap.xml"]
    sitemaps: tuple[str, ...] = ()
    #: Addresses of pages that list releases. The later pages of a list are found from its first.
    #: listings = ["https://www.skogsradet.example/nyheter"]
    listings: tuple[str, ...] = ()
    #: JSON endpoints that list releases: one table, or a list of tables.
    #: json = {url = "https://www.skogsradet.example/api?page={page}", items = "hits", link = "url"}
    json: tuple[JSONSource, ...] = ()
    #: The agency's lists at press wires: one name, or a list of names. A name is the service, a
    #: colon, and the agency's id at the service.
    #: wire = "viatt:3235664"
    wire: tuple[str, ...] = ()
    #: `true`: open the listings in a browser, because scripts build them.
    #: browser = true
    browser: bool = False
    #: Regular expression that is searched for in the path of a page. Only matching pages are
    #: releases. Default: every page of the agency that its sources link to is one, except pages
    #: such as contacts, calendar and newsletter.
    #: releases = "^/nyheter/.+"
    releases: str | None = None

    ## Pages and crawls

    #: File in `scraper/pages/agencies` with a page class of the agency's own.
    #: page = "polisen"
    page: str | None = None
    #: Time zone of the dates on its pages (IANA). Default: by the top-level domain of `home`.
    #: zone = "Europe/Stockholm"
    zone: str | None = None
    #: Why the agency is not crawled at present. The reason is public, in the table `agencies`.
    #: paused = "asked us to wait until March"
    paused: str | None = None
    #: Whether documents (PDF, Word) in the listings are releases. Default: they are if most entries
    #: of a listing are documents with a day.
    #: files = true
    files: bool | None = None
    #: What is done with the files that releases link to: `text` (fetch and keep them, with every
    #: later change, and extract their text), `links` (the same without the text) or `none` (fetch
    #: none).
    #: attachments = "links"
    attachments: str = "text"
    # neither is in the repr, which is part of the parser's version
    #: Web archives whose captures of the agency's pages `scrapy crawl past` reads: what precedes
    #: the time in the address of a capture. A name may follow.
    #: past = ["https://web.archive.org/web/", "https://arkiv.example/sve/ Svenska webbarkivet"]
    past: tuple[str, ...] = field(default=(), repr=False)
    #: What the last survey of the live site found. `scrapy survey --accept` writes it.
    #: survey = {tried = 2026-12-01, verdict = "works", read = 5}
    survey: SurveyMark | None = field(default=None, repr=False, compare=False)

    ## Selectors

    #: CSS selector of the title. It is tried before the selectors of the page class.
    #: title = "h1.news-title"
    title: str | None = None
    #: CSS selector of the lead.
    #: lead = ".ingress"
    lead: str | None = None
    #: CSS selector of the text.
    #: body = "article .text"
    body: str | None = None
    #: CSS selector of the tags. Of a `<meta>`, the `content` is read.
    #: tags = ".tags a"
    tags: str | None = None
    #: CSS selector of the date of publication. Of a `<meta>`, the `content` is read.
    #: published = "meta[name='date']"
    published: str | None = None
    #: CSS selector of the date of the last update. Of a `<meta>`, the `content` is read.
    #: updated = ".updated time"
    updated: str | None = None

    @property
    def hosts(self) -> frozenset[str]:
        """Return the agency's host names in ASCII and lower case, without www."""
        return frozenset(map(strip_www, (urlsplit(self.home).hostname or "", *self.aliases)))

    @property
    def wires(self) -> tuple[Wire, ...]:
        names = (text.partition(":") for text in self.wire)
        return tuple(
            Wire(service=WIRE_SERVICES[name], identifier=identifier)
            for name, _, identifier in names
        )

    def find_wire(self, url: str) -> Wire | None:
        """Return the agency's press wire at a URL's host, or None if the agency uses no press wire
        at this host.

        If the agency has several press wires there, one whose list can link to the URL is
        preferred.
        """
        wires = [wire for wire in self.wires if wire.service.owns(url)]
        return next((wire for wire in wires if wire.lists_page(url)), wires[0] if wires else None)

    def find_record_source(self, url: str) -> WireSource | None:
        """Return the list of a press wire that contains the whole release at a URL.

        Returns None if the release has its own page instead.
        """
        wire = self.find_wire(url)
        return wire.source if wire else None

    def owns(self, url: str) -> bool:
        """Return whether a URL is on a host of the agency or of one of its press wires.

        The agency's hosts are the host of `home` and the aliases, with or without www.
        """
        return (
            strip_www(urlsplit(url).hostname or "") in self.hosts or self.find_wire(url) is not None
        )

    def find_json_source(self, first_url: str) -> JSONSource | None:
        """Return the JSON source whose first page is at a URL, or None if there is no such source.

        A JSON source is a JSON endpoint, or the JSON list of a press wire.
        """
        sources = (*self.json, *filter(None, (wire.source for wire in self.wires)))
        return next((source for source in sources if source.first_url == first_url), None)


# key → whether it is required
JSON_KEYS = {f.name: f.default is MISSING for f in fields(JSONSource)}
AGENCY_KEYS = {f.name: f.type for f in fields(Agency) if f.name != "slug"}


def load_agencies(path: Path | str = DEFAULT_AGENCIES_FILE) -> dict[str, Agency]:
    """Return the agencies in a file by slug, in the order of the file.

    Raises AgencyError if the file cannot be read, or if anything in it is invalid.
    """
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AgencyError(path, None, None, "no such file") from None
    except OSError as error:
        raise AgencyError(path, None, None, f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AgencyError(path, None, None, f"is not TOML: {error}") from error
    if not tables:
        raise AgencyError(path, None, None, "declares no agency")
    return {slug: parse_agency(slug, table, path) for slug, table in tables.items()}


def parse_agency(slug: str, table: object, path: Path) -> Agency:
    if not isinstance(table, dict):
        raise AgencyError(path, None, slug, "is outside a table")
    if not SLUG_PATTERN.fullmatch(slug):
        raise AgencyError(path, slug, None, "a slug is lower-case a-z, 0-9 and single hyphens")
    for key in ("name", "home"):
        if key not in table:
            raise AgencyError(path, slug, key, "is missing")
    values: dict[str, Any] = {}
    for key, value in table.items():
        try:
            values[key] = parse_agency_value(key, value)
        except ValueError as error:
            raise AgencyError(path, slug, key, str(error)) from error
    agency = Agency(slug=slug, **values)
    _check_wire_hosts(agency, path)
    return agency


def _check_wire_hosts(agency: Agency, path: Path) -> None:
    """Raise AgencyError if a wire's list is on a host that belongs to neither the wire nor the
    agency.

    The releases of such a list would be dropped.
    """
    for wire in agency.wires:
        host = strip_www(urlsplit(wire.identifier).hostname or "")
        if host and host not in agency.hosts and not wire.service.owns(wire.identifier):
            problem = (
                f"{wire.identifier!r} is neither at {wire.service.name} nor at a host of the"
                " agency (home, aliases)"
            )
            raise AgencyError(path, agency.slug, "wire", problem)


def parse_agency_value(
    key: str, value: object
) -> str | bool | SurveyMark | tuple[str, ...] | tuple[JSONSource, ...]:
    """Return the value of a key, converted to the type of the Agency field.

    Raises ValueError with the problem if the value is invalid.
    """
    if key not in AGENCY_KEYS:
        raise ValueError(f"is not a key; the keys are {', '.join(AGENCY_KEYS)}")
    if key == "json":
        return tuple(map(_parse_json_key, value if isinstance(value, list) else [value]))
    if key == "survey":
        return _parse_mark(value)
    if key in ("files", "browser"):
        if not isinstance(value, bool):
            raise ValueError("must be true or false")
        return value
    if key == "wire" and isinstance(value, str):
        value = [value]
    if AGENCY_KEYS[key].startswith("tuple"):
        return tuple(_parse_texts(key, value))
    return _parse_text(key, value)


def _parse_texts(key: str, value: object) -> list[str]:
    """Return the strings in the value of a key that takes a list.

    Raises ValueError with the problem if the value is invalid.
    """
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError("must be a list of strings")
    if not all(map(str.strip, value)):
        raise ValueError("must not contain an empty string")
    if key == "wire":
        names = list(map(_parse_wire_name, value))
        _check_wire_lists(names)
        return names
    if key == "aliases" and any("/" in text for text in value):
        raise ValueError("must be host names, without https:// and path")
    if key == "past":
        list(map(parse_past_source, value))
    is_address = key in ("feeds", "sitemaps", "listings")
    return list(map(_parse_agency_url, value)) if is_address else value


def _parse_text(key: str, value: object) -> str:
    """Return the string that is the value of a key.

    Raises ValueError with the problem if it is invalid.
    """
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004 - ValueError, as for all other keys
    if not value.strip():
        raise ValueError("must not be empty")
    if key == "home":
        return _parse_agency_url(value)
    if key == "page":
        load_page_class(value)
    _check_syntax(key, value)
    return value


def _check_syntax(key: str, text: str) -> None:
    """Raise ValueError if the text of a key is invalid.

    Depending on the key, the text must be a time zone, a CSS selector, a regular expression or a
    mode of `attachments`.
    """
    if key == "attachments" and text not in ATTACHMENT_MODES:
        raise ValueError(f"{text!r} is none of {', '.join(ATTACHMENT_MODES)}")
    if key == "zone" and text not in available_timezones():
        raise ValueError(f"{text!r} is not a time zone like Europe/Stockholm")
    try:
        if key in SELECTOR_KEYS:
            parse_selector(text)
        elif key == "releases":
            re.compile(text)
    except SelectorError as error:
        raise ValueError(f"{text!r} is not a CSS selector: {error}") from error
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from error


def _parse_json_key(table: object) -> JSONSource:
    """Parse the description of a JSON endpoint.

    Raises ValueError with the key and the problem if a value is invalid.
    """
    if not isinstance(table, dict):
        raise ValueError("must be a table with url, items and link")  # noqa: TRY004 - ValueError, as for all other keys
    _check_keys(table, JSON_KEYS)
    for key, value in table.items():
        _check_json_value(key, value)
    if len(PAGE_PLACEHOLDER.findall(table["url"])) > 1:
        raise ValueError("url has more than one {page}")
    return JSONSource(**{**table, "url": _parse_agency_url(table["url"])})


def _check_keys(table: dict[str, Any], keys: dict[str, bool]) -> None:
    """Raise ValueError if a table contains an unknown key or lacks a required one."""
    for key in table:
        if key not in keys:
            raise ValueError(f"{key} is not a key; the keys are {', '.join(keys)}")
    for key, is_required in keys.items():
        if is_required and key not in table:
            raise ValueError(f"{key} is missing")


def _check_json_value(key: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} must be a string that is not empty")
    if key != "url":
        _check_expression(key, value)


def _check_expression(key: str, text: str) -> None:
    try:
        jmespath.compile(text)
    except JMESPathError as error:
        problem = " ".join(str(error).split())
        raise ValueError(f"{key} {text!r} is not a JMESPath expression: {problem}") from error


def _parse_mark(table: object) -> SurveyMark:
    """Parse an agency's result in a survey (SurveyMark).

    Raises ValueError with the key and the problem if a value is invalid.
    """
    if not isinstance(table, dict):
        raise ValueError("must be a table with tried, verdict and read")  # noqa: TRY004 - ValueError, as for all other keys
    judged = {"judged", "right", "seen"}
    _check_keys(table, {key: key not in judged for key in MARK_TYPES})
    for key, value in table.items():
        if type(value) is not MARK_TYPES[key]:  # a moment is a date too, and true an int
            names = type(value).__name__, MARK_TYPES[key].__name__
            raise ValueError(f"{key} is of the type {names[0]}, not {names[1]}")
    if table["verdict"] not in VERDICTS:
        raise ValueError(f"verdict {table['verdict']!r} is none of {', '.join(VERDICTS)}")
    if judged & table.keys() not in (judged, set()):
        raise ValueError("judged, right and seen must be given together")
    if not 0 <= table.get("right", 0) <= table.get("judged", 0):
        raise ValueError(f"right is {table['right']}, more than judged or less than 0")
    return table


@cache
def load_page_class(name: str) -> Any:
    """Return the page class in a file of scraper/pages/agencies.

    Raises ValueError if there is no such file, or if it contains no class with the expected name.

    >>> load_page_class("polisen").__name__
    'PolisenPage'
    """
    names = sorted(path.stem for path in PAGE_CLASSES.glob("[!_]*.py"))
    if name not in names:
        there_are = ", ".join(names)
        raise ValueError(f"{name!r} is not a file in scraper/pages/agencies; there are {there_are}")
    # by name, because the page classes are a layer above this module
    module = import_module(f"scraper.pages.agencies.{name}")
    class_name = f"{name.title().replace('_', '')}Page"
    if not hasattr(module, class_name):
        raise ValueError(f"{name!r} has no class {class_name}")
    return getattr(module, class_name)


def _parse_wire_name(text: str) -> str:
    """Check a wire's name, which consists of a service and an id, and return it without spaces.

    >>> _parse_wire_name("viatt: 3235664")
    'viatt:3235664'
    """
    name, _, identifier = (part.strip() for part in text.partition(":"))
    services = {name: service for name, service in WIRE_SERVICES.items() if service.list_url}
    if name not in services:
        raise ValueError(f"{text!r} is not a wire; the services are {', '.join(services)}")
    if not re.fullmatch(services[name].identifier, identifier):
        raise ValueError(
            f"{text!r} has no id of {name}; one looks like {name}:{services[name].example}"
        )
    return f"{name}:{_parse_agency_url(identifier) if '://' in identifier else identifier}"


def _check_wire_lists(names: list[str]) -> None:
    """Raise ValueError if two of an agency's wires are JSON lists of the same service.

    The URLs of releases would not show which of the two lists contains a release.
    """
    services = [name.partition(":")[0] for name in names]
    for name in services:
        if WIRE_SERVICES[name].keys is not None and services.count(name) > 1:
            raise ValueError(f"has two lists of {name}; only one can be read")


def find_press_wire(url: str) -> WireService | None:
    """Return the press wire to which a URL's host belongs, or None if it belongs to no press wire.

    >>> find_press_wire("https://www.mynewsdesk.com/se/skogsradet").name, find_press_wire("https://tt.se/")
    ('Mynewsdesk', None)
    """
    return next((service for service in WIRE_SERVICES.values() if service.owns(url)), None)


def find_owners(agencies: Iterable[Agency], url: str) -> list[Agency]:
    """Return the agencies to which a URL could belong.

    These are the agencies that own the URL's host. If no agency owns it, they are the agencies with
    a press wire whose list can link to the URL or, if there are none, all agencies with a press
    wire at this host.
    """
    agencies, host = list(agencies), strip_www(urlsplit(url).hostname or "")
    on_wire = [(agency, wire) for agency in agencies if (wire := agency.find_wire(url))]
    return (
        [agency for agency in agencies if host in agency.hosts]
        or [agency for agency, wire in on_wire if wire.lists_page(url)]
        or [agency for agency, _ in on_wire]
    )


def find_owner(agencies: Iterable[Agency], url: str) -> Agency | None:
    """Return the agency to which a URL belongs.

    If several agencies own the URL's host, the first of them is returned. Returns None if the URL
    belongs to no agency, or if it is on a press wire and could belong to several agencies.
    """
    owners = find_owners(agencies, url)
    return owners[0] if len(owners) == 1 or (owners and not is_wire_url(url)) else None


def find_wire_name(url: str, page: str = "") -> str | None:
    """Return the value of the key `wire` for a press room.

    The value contains the publisher's id, if exactly one id occurs in the URL or in the page of the
    press room. Without an id, the value contains the URL of the press room's list if the service's
    press rooms are read as listings. Otherwise None is returned.

    >>> find_wire_name("https://via.tt.se/pressrum/skogsradet?publisherId=7")
    'viatt:7'
    """
    name, service = next((pair for pair in WIRE_SERVICES.items() if pair[1].owns(url)), ("", None))
    if service is None or service.list_url is None:
        return None
    for text in (url, unescape(page)):
        if len(ids := set(re.findall(service.mention, text))) == 1:
            return f"{name}:{ids.pop()}"
    if service.release_path is None:
        return None
    room = url.partition("?")[0].partition("/pressreleases")[0].rstrip("/")
    return f"{name}:{room}/pressreleases" if _is_press_room(room, service) else None


def _is_press_room(url: str, service: WireService) -> bool:
    """Return whether a URL may be that of a press room.

    On the service's own hosts, the path of a press room consists of two parts, as in /se/skog.
    """
    parts = urlsplit(url)
    return strip_www(parts.hostname or "") not in service.hosts or parts.path.count("/") == 2


def is_wire_url(url: str) -> bool:
    return find_press_wire(url) is not None


def _parse_agency_url(text: str) -> str:
    """Check a URL and return it with its host in ASCII.

    Raises ValueError if it is not an http(s) URL.
    """
    try:
        url = url_to_ascii_host(text)
    except ValueError:  # such as http://[
        url = ""
    if not HTTP_URL.match(url):
        raise ValueError(f"{text!r} is not an http or https address")
    return url


def select_agencies(agencies: dict[str, Agency], slugs: list[str], file: Path) -> dict[str, Agency]:
    for slug in slugs:
        if slug not in agencies:
            raise AgencyError(file, slug, None, "is not in the list")
    return {slug: agencies[slug] for slug in slugs or agencies}


def check_contact(agencies: dict[str, Agency], contact: str) -> None:
    """Raise AgencyError if the setting CONTACT is empty, unless all agencies' sites are on this
    machine.
    """
    live = [agency for agency in agencies.values() if not is_loopback(agency.home)]
    if live and not contact.strip():
        raise AgencyError(
            "settings",
            None,
            "CONTACT",
            "must be set for live crawls: an address or page where you can be reached",
        )


def build_user_agent(contact: str) -> str:
    """Return the User-Agent of all requests (RFC 9110, 10.1.5), with the operator's contact.

    >>> name, _, contact = build_user_agent("you@newsroom.example").partition(" ")
    >>> name.partition("/")[0], contact
    ('Myndighetsarkivet', '(+you@newsroom.example)')
    """
    name = f"Myndighetsarkivet/{__version__}"
    return f"{name} (+{contact})" if contact else name
