"""`scrapy crawl past`: reads older captures of an agency's releases from web archives.

The indexes of the web archives are read first. A CDX server is asked for all captures of addresses
with a given prefix. If a web archive has no CDX server, the TimeMap of each release is requested.
Captures are then requested one after another, in chronological order. They are requested in their
original form (`id_`), so that banners and rewritten links do not become text. Indexes and captures
are rows of the frontier, so a crawl continues where the last one ended.

If a web archive cannot find the requested capture, it responds with the nearest one. The header
Memento-Datetime shows this. Such a response is not evidence of the page at the requested time.
"""

from __future__ import annotations

import logging
import re
from calendar import monthrange
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar
from urllib.parse import unquote, urljoin, urlsplit

from scrapy import Request
from scrapy.http import Response
from twisted.python.failure import Failure

from archive.database.frontier import FrontierEntry
from archive.store.collection_readings import Collection, add_collection
from archive.times import now, to_iso
from archive.urls import canonical_url
from scraper.agency import Agency, PastSource, parse_past_source
from scraper.crawl.round_locks import lock_agency
from scraper.downloader.limits import RobotsForbidden, RobotsUnreachable
from scraper.errors import AgencyError, PageError, SourceError
from scraper.ingest import save_captured_page
from scraper.normalise.page_urls import extract_host
from scraper.sources import is_release_url
from scraper.sources.web_archives import (
    IndexedCapture,
    build_capture_url,
    build_cdx_url,
    is_raw,
    list_cdx_servers,
    normalise_address,
    parse_index,
    parse_timestamp,
    select_captures,
)
from scraper.spiders.release_spider import ReleaseSpider, build_fetched_page, get_request

logger = logging.getLogger(__name__)

BEGINNING = "19960101000000"  # of the web archives
MAX_INDEX_LINES = 50_000  # of an answer; if there are more, each year, then month is asked for
MAX_PREFIXES = 20  # beginnings of addresses; if there are more, the whole host is one
INDEX_MAX_AGE = timedelta(days=7)  # after which an index that has been read is read again
PROGRESS_INTERVAL = 100  # captures between log lines
INDEX, CAPTURE = "captures", "capture"  # roles in the frontier
INDEX_TIMES = re.compile(r"from=(\d{14})&to=(\d{14})")  # in the address of a CDX server
# scheme, without which pywb takes a port for a path, host and first folder of an address
FOLDER = re.compile(r"\w+://[^/]*/(?:[^/?#]+/)?")
PATTERN_FOLDER = re.compile(r"(?:^|[|(])\^?(/[\w-]+/)")  # at the beginning of a pattern
RELEASES_SQL = """
    with own as (select id, url, iif(takedown is null, first_seen, '') as first_seen from releases
      where agency = :agency and moved_to is null)
    select f.url, own.url, own.first_seen from own join frontier f on f.release = own.id
      and f.role = 'release'
    union all select url, url, first_seen from own
"""
# Not while an index or capture of the web archive has never been requested: reading thousands of
# TimeMaps again each week would leave no time for captures. Those that failed do not count.
REREAD_SQL = """
    update frontier set state = 'due' where agency = :agency and role = 'captures'
      and state = 'done' and source = :source and fetched < :before and not exists (
        select 1 from frontier f where f.agency = :agency and f.role in ('capture', 'captures')
        and f.state = 'due' and f.source = :source)
"""
LEFT_SQL = """
    select count(*) from frontier where agency = ? and role = 'capture' and state = 'due'
"""
SENT_TODAY_SQL = """
    select count(*) from frontier where role in ('capture', 'captures') and fetched >= ?
"""


class PastSpider(ReleaseSpider):
    """Read older captures of agencies' releases from web archives.

    Captures are requested only if they were made before the archive itself first read the release.
    The release must be stored, or its address must match the pattern in the agency's key
    `releases`.

        source=URL  Address of a web archive's captures, optionally followed by a space and the
                    web archive's name. Default: the web archives in the agency's key `past`.
    """

    name = "past"
    reads_agencies = False
    custom_settings: ClassVar[dict[str, Any]] = {  # type: ignore[misc] # as in ProbeSpider
        "DOWNLOAD_DELAY": 2.5,  # for the whole web archive; those that ask faster are blocked
        "AUTOTHROTTLE_START_DELAY": 2.5,
        "RETRY_TIMES": 0,  # what fails stays due, and the web archive may be overloaded
    }

    def __init__(
        self, agency: str = "", minutes: str = "", source: str = "", **arguments: Any
    ) -> None:
        super().__init__(agency, minutes, **arguments)
        try:
            self.given_source = parse_past_source(source) if source else None
        except ValueError as error:
            raise AgencyError("arguments", None, "source", str(error)) from None
        # agency → address of a web archive → the web archive
        self.sources: dict[str, dict[str, tuple[PastSource, Collection]]] = {}
        self.sent_before = 0  # requests of earlier past crawls of this day
        # agency → key of an address → the URL of its release, and when the archive first read it
        # (None: never; "": it is taken down, and no capture is wanted)
        self.addresses: dict[str, dict[str, tuple[str, str | None]]] = {}
        self.outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)  # by agency

    def prepare(self) -> None:
        """Make the indexes of all agencies due, unless they were read recently."""
        day = now().date().isoformat()
        (self.sent_before,) = self.archive.db.execute(SENT_TODAY_SQL, [day]).fetchone()
        sources = {slug: self._choose_sources(agency) for slug, agency in self.agencies.items()}
        hosts = {extract_host(source.url) for chosen in sources.values() for source in chosen}
        # so that no other crawl sends it requests at the same time
        free_hosts = {host for host in hosts if lock_agency(self.lock, host)}
        for slug, chosen in sources.items():
            self._add_sources(
                slug, [each for each in chosen if extract_host(each.url) in free_hosts]
            )
            rows = self.archive.db.execute(RELEASES_SQL, {"agency": slug}).fetchall()
            self.addresses[slug] = {normalise_address(url): (own, seen) for url, own, seen in rows}
            self.add_indexes(self.agencies[slug])

    def _add_sources(self, slug: str, sources: Sequence[PastSource]) -> None:
        """Add the web archives to read for an agency. Logs a warning if there are none."""
        self.sources[slug] = {}
        for source in sources:
            collection = add_collection(self.archive, source.name, source.url, "web archive")
            self.sources[slug][source.url] = (source, collection)
        if not sources:
            logger.warning("%s: no web archive is read: see the key past", slug)

    def _choose_sources(self, agency: Agency) -> list[PastSource]:
        """Return the web archive in the argument `source`, or else the agency's web archives."""
        if self.given_source:
            return [self.given_source]
        return list(map(parse_past_source, agency.past))

    def add_indexes(self, agency: Agency) -> None:
        """Add the first indexes of each web archive.

        Indexes that were read long ago become due again.
        """
        slug, before = agency.slug, to_iso(now() - INDEX_MAX_AGE)
        times = (BEGINNING, f"{now():%Y}1231235959")  # the same for a year
        with self.archive.transaction():
            for source, _ in self.sources[slug].values():
                self.archive.db.execute(
                    REREAD_SQL, {"agency": slug, "source": source.url, "before": before}
                )
                server = list_cdx_servers(source)[0]
                for prefix in self.list_prefixes(agency):
                    url = build_cdx_url(server, prefix, times, MAX_INDEX_LINES)
                    self.add_row(slug, source, url)

    def list_prefixes(self, agency: Agency) -> list[str]:
        """Return the prefixes of the URLs of an agency's releases: each URL up to and including its
        first folder.

        They are taken from the stored releases and the key `releases`. If there are none or too
        many, the home page's URL is returned.
        """
        prefixes = {
            FOLDER.match(url)[0]  # type: ignore[index] # it matches every address
            for url, _ in self.addresses[agency.slug].values()
            if agency.find_wire(url) is None
        } | {urljoin(agency.home, path) for path in PATTERN_FOLDER.findall(agency.releases or "")}
        return sorted(prefixes) if 0 < len(prefixes) <= MAX_PREFIXES else [agency.home]

    def add_row(self, slug: str, source: PastSource, url: str, role: str = INDEX) -> None:
        self.archive.frontier.add(url, agency=slug, role=role, seen_at=now(), source=source.url)

    # Requests

    async def start(self) -> AsyncIterator[Any]:
        self.prepare()
        for slug in self.agencies:
            for request in self.next_requests(slug):
                yield request

    def next_rows(self, slug: str, limit: int) -> Iterable[FrontierEntry]:
        """Return the next index or, once all indexes are read, the next capture.

        At most one row is returned at a time. Captures come in chronological order.
        """
        if self.requested_urls[slug] or self.has_used_budget(slug):
            return []
        deferred = self.deferred_hosts[slug]
        wanted = {url for url in self.sources[slug] if extract_host(url) not in deferred}
        if not wanted:
            return []
        for role in (INDEX, CAPTURE):
            rows = self.archive.frontier.list_due(
                slug, now(), 1, frozenset(self.skipped_urls), role=role, sources=wanted
            )
            if rows:
                return rows
        return []

    def has_used_budget(self, slug: str) -> bool:
        sent = self.sent_before + sum(stats.requests for stats in self.agency_stats.values())
        budget = self.settings.getint("PAST_BUDGET")
        if sent >= budget and slug not in self.deferred_agencies:
            self.deferred_agencies.add(slug)
            logger.warning(
                "%s: the %d requests of this day are used up (PAST_BUDGET)", slug, budget
            )
        return sent >= budget

    def build_requests(self, rows: Iterable[FrontierEntry]) -> Iterator[Request]:
        for row in rows:
            yield Request(
                row.url,
                callback=self.parse_captures if row.role == INDEX else self.parse_capture,
                errback=self.release_failed,
                meta={
                    "agency": row.agency,
                    "row": row,
                    "handle_httpstatus_list": [400, 404, 410, 451],
                    "block_statuses": [403],  # no answer about the capture
                },
            )

    # Indexes

    def parse_captures(self, response: Response) -> None:
        """Add the captures that an index lists.

        If the response is not an index, other indexes are added instead. If the index is too long,
        it is split.
        """
        row: FrontierEntry = response.meta["row"]
        source, _ = self.sources[row.agency][row.source or ""]
        with self.archive.transaction():
            try:
                captures, count = parse_index(response.body, row.url, response.status)
            except SourceError as error:
                logger.info("%s", error)
                self.archive.frontier.mark_done(row.url, now(), problem=str(error))
                if INDEX_TIMES.search(row.url):
                    self.add_other_indexes(row, source)
            else:
                if count < MAX_INDEX_LINES or not self.split_index(row, source):
                    self.add_captures(row.agency, source, captures)
                self.archive.frontier.mark_done(row.url, now(), link_count=count)
        self.finish_release(row.agency, row.url)

    def add_other_indexes(self, row: FrontierEntry, source: PastSource) -> None:
        """Add the index at the next possible address of a CDX server.

        If no address is left, the TimeMap of each release is added.
        """
        server, _, query = row.url.partition("?")
        servers = list_cdx_servers(source)
        if later := servers[servers.index(server) + 1 :]:
            self.add_row(row.agency, source, f"{later[0]}?{query}")
            return
        for url in sorted({url for url, _ in self.addresses[row.agency].values()}):
            self.add_row(row.agency, source, f"{source.url}timemap/link/{url}")

    def split_index(self, row: FrontierEntry, source: PastSource) -> bool:
        """Replace an index that is too long with one index for each year or month.

        The index of a single year is split into months. Returns whether the index could be split.
        """
        times = INDEX_TIMES.search(row.url)
        parts = _split_times(*times.groups()) if times else []
        for begin, end in parts:
            url = INDEX_TIMES.sub(f"from={begin}&to={end}", row.url)
            self.add_row(row.agency, source, url)
        if times and not parts:
            problem = f"{row.url}: has more than {MAX_INDEX_LINES} captures, the rest is not known"
            logger.warning("%s", problem)
            self.agency_stats[row.agency].count_error(problem, "unreadable")
        return bool(parts)

    def add_captures(
        self, slug: str, source: PastSource, captures: Iterable[IndexedCapture]
    ) -> None:
        """Make the captures of releases due.

        Captures made after the archive first read the release are left out.
        """
        by_page: defaultdict[str, list[IndexedCapture]] = defaultdict(list)
        for capture in captures:
            if key := self.find_page(slug, capture):
                by_page[key].append(capture)
        for key in sorted(by_page):
            self.agency_stats[slug].listed += len(by_page[key])
            for timestamp, url, _ in select_captures(by_page[key]):
                capture_url = build_capture_url(source, timestamp, url)
                self.add_row(slug, source, capture_url, CAPTURE)

    def find_page(self, slug: str, capture: IndexedCapture) -> str | None:
        """Return the key of a capture's page, or None if the capture is not needed.

        A capture is needed if its page can be a release that the archive had not yet read when the
        capture was made.
        """
        agency, addresses = self.agencies[slug], self.addresses[slug]
        if (key := normalise_address(capture.url)) in addresses:
            _, first_seen = addresses[key]
            captured_at = str(to_iso(parse_timestamp(capture.timestamp)))
            return key if first_seen is None or captured_at < first_seen else None
        if agency.releases and is_release_url(capture.url, agency):
            addresses[key] = (_name_address(capture.url, agency), None)
            return key
        return None

    def release_failed(self, failure: Failure) -> None:
        """Record a failed request.

        If the web archive's robots.txt forbids the request or cannot be fetched, no more requests
        are sent to that host.
        """
        error, request = failure.value, get_request(failure)
        if isinstance(error, RobotsForbidden | RobotsUnreachable):
            self.defer_release(request.meta["row"], error, request)
        else:
            super().release_failed(failure)

    # Captures

    def parse_capture(self, response: Response) -> None:
        """Store a captured page or, if it cannot be used, log why.

        A page cannot be used if the response is not the requested capture, was rewritten by the web
        archive, or is not a release.
        """
        row: FrontierEntry = response.meta["row"]
        source, web_archive = self.sources[row.agency][row.source or ""]
        timestamp, _, address = row.url.removeprefix(source.url).partition("id_/")
        agency, stats = self.agencies[row.agency], self.agency_stats[row.agency]
        url, _ = self.addresses[agency.slug].get(normalise_address(address), ("", None))
        captured_at = parse_timestamp(timestamp)
        problem = _find_problem(response, source, address, captured_at)
        with self.archive.transaction():  # together, so that a kill between them loses nothing
            try:
                if problem is None:
                    outcome = save_captured_page(
                        self.recorder,
                        agency,
                        build_fetched_page(response),
                        url=url or _name_address(address, agency),
                        captured_at=captured_at,
                        web_archive=web_archive,
                    )
                    self.outcomes[agency.slug][outcome.value if outcome else "not wanted"] += 1
                    if outcome:
                        stats.count_outcome(outcome)
            except PageError as error:
                problem = ("no release", str(error))
            self.archive.frontier.mark_done(row.url, now(), problem=problem and problem[1])
        if problem:
            self.outcomes[agency.slug][problem[0]] += 1
            stats.count_rejected(f"{row.url}: {problem[1]}", "other")
            logger.info("%s: %s", row.url, problem[1])
        self.log_progress(agency.slug)
        self.finish_release(row.agency, row.url)

    def log_progress(self, slug: str) -> None:
        """Log at intervals how many captures are left, and how long they will take."""
        if self.outcomes[slug].total() % PROGRESS_INTERVAL:
            return
        (left,) = self.archive.db.execute(LEFT_SQL, [slug]).fetchone()
        hours = left * self.settings.getfloat("DOWNLOAD_DELAY") / 3600
        logger.info("%s: %d captures left, which take about %.1f hours", slug, left, hours)

    def closed(self, reason: str) -> None:
        for slug, counts in self.outcomes.items():
            told = ", ".join(f"{number} {name}" for name, number in counts.most_common())
            logger.info("%s: captures: %s", slug, told)


def _name_address(url: str, agency: Agency) -> str:
    """Return the URL under which a release known only from captures is stored."""
    home, parts = urlsplit(agency.home), urlsplit(canonical_url(url))
    if extract_host(url) == extract_host(agency.home):
        parts = parts._replace(scheme=home.scheme, netloc=home.netloc)
    return canonical_url(parts.geturl())


def _find_problem(
    response: Response, source: PastSource, address: str, captured_at: datetime
) -> tuple[str, str] | None:
    """Return why a response is not the page as captured at the given time, or None if it is.

    The reason consists of a key for counting and a message for the log.
    """
    if response.status != 200:
        return "no page", f"answered {response.status}"
    # a redirect may have been captured, or lead out of the web archive
    begun, _, found = response.url.partition("id_/")
    is_in_source = _cut_scheme(begun).startswith(_cut_scheme(source.url))
    if not is_in_source or not _is_same_page(found, address):
        return "of another page", f"led to {response.url}"
    header = (response.headers.get("Memento-Datetime") or b"").decode("latin-1")
    try:
        found_at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):  # the latter: a year beyond those of datetime
        return "of another time", "does not say when it was captured (Memento-Datetime)"
    if found_at != captured_at:
        return "of another time", f"is another capture: that of {header}"
    if not is_raw(response.body, source, address):
        return "rewritten", "was rewritten by the web archive"
    return None


def _cut_scheme(url: str) -> str:
    return url.partition("://")[2]


def _is_same_page(url: str, other: str) -> bool:
    """Return whether two addresses belong to the same page, ignoring how characters are encoded."""
    try:
        keys = {normalise_address(unquote(each)) for each in (url, other)}
    except ValueError:  # no URL
        return False
    return len(keys) == 1


def _split_times(begin: str, end: str) -> list[tuple[str, str]]:
    """Split the period of an index into years, or a single year into months.

    Returns [] for a month.

    >>> _split_times("20200101000000", "20211231235959")
    [('20200101000000', '20201231235959'), ('20210101000000', '20211231235959')]
    >>> _split_times("20210101000000", "20211231235959")[1]
    ('20210201000000', '20210228235959')
    >>> _split_times("20210201000000", "20210228235959")
    []
    """
    if begin[:4] != end[:4]:
        years = range(int(begin[:4]), int(end[:4]) + 1)
        return [(f"{year}0101000000", f"{year}1231235959") for year in years]
    if begin[:6] == end[:6]:
        return []
    year = int(begin[:4])
    days = [monthrange(year, month)[1] for month in range(1, 13)]
    return [
        (f"{year}{month:02}01000000", f"{year}{month:02}{last:02}235959")
        for month, last in enumerate(days, 1)
    ]
