"""The type Agency, and the list of agencies as a TOML file: one table an agency."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from cssselect import SelectorError
from cssselect import parse as parse_selector

from archive.urls import strip_www, url_to_ascii_host
from scraper import __version__
from scraper.errors import AgencyError

SLUG_PATTERN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
DEFAULT_AGENCIES_FILE = Path(__file__).with_name("agencies.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """Who is read. `name` and `home` alone must do; every other key only helps.

    feeds, sitemaps, listings: addresses, absolute. releases: a regular expression searched for in the path of
    a release page. page: dotted name of a page class. aliases: other hosts of the same site. zone: IANA name,
    told from the host where left out. paused: why it is not to be asked for now; it is left out and told.
    lead, body, title, tags, published, updated: CSS selectors tried before the page class's own.
    """

    slug: str
    name: str
    home: str
    name_en: str | None = None
    org_number: str | None = None
    aliases: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    sitemaps: tuple[str, ...] = ()
    listings: tuple[str, ...] = ()
    releases: str | None = None
    page: str | None = None
    zone: str | None = None
    paused: str | None = None
    title: str | None = None
    lead: str | None = None
    body: str | None = None
    tags: str | None = None
    published: str | None = None
    updated: str | None = None

    @property
    def hosts(self) -> frozenset[str]:
        """Every host name this agency's pages may stand under, in ASCII, lower case, without www."""
        return frozenset(map(strip_www, (urlsplit(self.home).hostname or "", *self.aliases)))

    def owns(self, url: str) -> bool:
        """Whether a URL's host is the agency's own or one of its aliases, www or not."""
        return strip_www(urlsplit(url).hostname or "") in self.hosts


AGENCY_KEYS = {f.name: f.type for f in fields(Agency) if f.name != "slug"}
HTTP_URL = re.compile(r"https?://[\w.-]+(:\d{1,5})?(/|$)", re.ASCII | re.IGNORECASE)
SELECTOR_KEYS = ("title", "lead", "body", "tags", "published", "updated")
URL_KEYS = ("home", "feeds", "sitemaps", "listings")


def load_agencies(path: Path | str = DEFAULT_AGENCIES_FILE) -> dict[str, Agency]:
    """Read a list of agencies, in the file's order; AgencyError names file, table and key of a fault."""
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
    """One table of the list as an Agency."""
    if not isinstance(table, dict):
        raise AgencyError(path, None, slug, "stands outside a table")
    if not SLUG_PATTERN.fullmatch(slug):
        raise AgencyError(path, slug, None, "a slug is lower-case a-z, 0-9 and single hyphens")
    for key in ("name", "home"):
        if key not in table:
            raise AgencyError(path, slug, key, "is missing")
    values: dict[str, object] = {key: parse_agency_value(slug, key, value, path) for key, value in table.items()}
    return Agency(slug=slug, **values)  # type: ignore[arg-type] # parse_value has checked each against KEYS


def parse_agency_value(slug: str, key: str, value: object, path: Path) -> object:
    """One key's value, checked against the type the key has."""
    if key not in AGENCY_KEYS:
        raise AgencyError(path, slug, key, f"is no key; the keys are {', '.join(AGENCY_KEYS)}")
    plural = AGENCY_KEYS[key].startswith("tuple")
    texts = value if plural else [value]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise AgencyError(path, slug, key, "must be a list of texts" if plural else "must be a text")
    if not all(text.strip() for text in texts):
        raise AgencyError(path, slug, key, "must hold no empty text" if plural else "must not be empty")
    if key in URL_KEYS:
        texts = [parse_agency_url(slug, key, text, path) for text in texts]
    if key == "aliases" and any("/" in text for text in texts):
        raise AgencyError(path, slug, key, "are host names, without https:// and path")
    if key == "zone" and value not in available_timezones():
        raise AgencyError(path, slug, key, f"{value!r} is no time zone such as Europe/Stockholm")
    if key in SELECTOR_KEYS:
        try:
            parse_selector(str(value))
        except SelectorError as error:
            raise AgencyError(path, slug, key, f"{value!r} is no CSS selector: {error}") from error
    if key == "releases":
        try:
            re.compile(str(value))
        except re.error as error:
            raise AgencyError(path, slug, key, f"is no regular expression: {error}") from error
    return tuple(texts) if plural else texts[0]


def parse_agency_url(slug: str, key: str, text: str, path: Path) -> str:
    """An address as it is asked for: its host in ASCII, which people write with å as well."""
    try:
        address = url_to_ascii_host(text)
    except ValueError:  # such as http://[
        address = ""
    if not HTTP_URL.match(address):
        raise AgencyError(path, slug, key, f"{text!r} is no http or https address")
    return address


def select_agencies(agencies: dict[str, Agency], slugs: list[str], file: Path) -> dict[str, Agency]:
    """The wanted ones of a list, all where none is named."""
    for slug in slugs:
        if slug not in agencies:
            raise AgencyError(file, slug, None, "is not in the list")
    return {slug: agencies[slug] for slug in slugs or agencies}


def check_contact(agencies: dict[str, Agency], contact: str) -> None:
    """Agencies on the live web are only crawled under a name that their webmasters can answer to."""
    live = [agency for agency in agencies.values() if not is_loopback(agency.home)]
    if live and not contact.strip():
        raise AgencyError(
            "settings", None, "CONTACT", "must be set for live crawls: an address or page where you can be reached"
        )


def is_loopback(url: str) -> bool:
    """Whether an address lies on this machine.

    >>> is_loopback("http://skog.localhost:8002/"), is_loopback("https://polisen.se/")
    (True, False)
    """
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def build_user_agent(contact: str) -> str:
    """The name every request bears (RFC 9110, 10.1.5), with where to reach whoever runs this.

    >>> build_user_agent("you@newsroom.example").partition("/")[0], build_user_agent("you@newsroom.example").partition(" ")[2]
    ('Myndighetsarkivet', '(+you@newsroom.example)')
    """
    name = f"Myndighetsarkivet/{__version__}"
    return f"{name} (+{contact})" if contact else name
