"""Per-agency counters → crawls table; politeness report.

Tally: one agency's counts in one crawl.

What an agency's site had of us in a crawl: how long we waited between requests, and what robots.txt said.

What came of a crawl, agency by agency: counted while it runs, written to the crawls table.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Self

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.robotstxt import RobotParser
from twisted.python.failure import Failure

from archive.database import ArchiveError
from archive.dates import now, to_iso
from archive.evidence.manifest import write_manifest
from archive.health import assess_agencies
from archive.health.metrics import list_filled_fields
from archive.models import Release
from archive.store import Archive, SaveResult
from scraper.agency import Agency
from scraper.failures import classify_failure

if TYPE_CHECKING:
    from scraper.spiders.base import ReleaseSpider


AGENCY_COUNTERS = (
    *("listed", "new", "revised", "reread", "unchanged", "away", "refused", "errors"),
    *("requests", "not_modified", "bytes", "read", "held_back"),
)


@dataclass(slots=True)
class AgencyStats:
    """One agency's counts in one crawl, and what went wrong, in sentences that name URL and field."""

    listed: int = 0  # distinct releases that sources named
    new: int = 0
    revised: int = 0
    reread: int = 0  # states that only our own reading changed
    away: int = 0  # held releases in whose place something else stood
    unchanged: int = 0  # releases that stood as held, whether asked again or only listed
    refused: int = 0  # pages that answered but gave no release
    errors: int = 0  # what did not answer, and sources that could not be read
    requests: int = 0
    not_modified: int = 0  # of these, how many were answered by 304
    bytes: int = 0
    read: int = 0  # release pages read to the end
    held_back: int = 0  # of these, how many were kept aside rather than saved
    fills: Counter[str] = field(default_factory=Counter)  # field → how many of those read told it
    faults: Counter[str] = field(default_factory=Counter)  # kind (archive.health.faults) → number
    source_faults: Counter[str] = field(default_factory=Counter)  # of these, what befell sources, not pages
    problems: list[str] = field(default_factory=list)
    crawl_id: int | None = None  # the id of its row in crawls

    def count_outcome(self, outcome: SaveResult) -> None:
        """Count a saved release."""
        setattr(self, outcome.value, getattr(self, outcome.value) + 1)

    def count_page(self, release: Release) -> None:
        """Count a page that was read to the end, and which fields it told."""
        self.read += 1
        self.fills.update(list_filled_fields(release))

    def count_rejected(self, problem: str, failure_kind: str = "other") -> None:
        """Count a page that gave no release; the kind of fault as scraper.faults tells it."""
        self.refused += 1
        self.add_failure(problem, failure_kind)

    def count_error(self, problem: str, failure_kind: str = "other", *, source: bool = False) -> None:
        """Count something that did not answer or could not be read; whether that is a source."""
        self.errors += 1
        self.source_faults.update([failure_kind] if source else [])
        self.add_failure(problem, failure_kind)

    def add_failure(self, problem: str, failure_kind: str) -> None:
        """Name what went wrong, by its kind as well."""
        self.faults[failure_kind] += 1
        self.problems.append(problem)

    def add_warning(self, problem: str) -> None:
        """Note what is doubtful in a release that was kept all the same."""
        self.problems.append(problem)

    def to_columns(self) -> dict[str, int]:
        """The numbers, as columns of the crawls table."""
        return {name: getattr(self, name) for name in AGENCY_COUNTERS}


class PolitenessMonitor:
    """Watches the downloader's queues, one a host; changes nothing."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.last_sent: dict[str, float] = {}  # host → when its last request was sent, by the monotonic clock
        self.min_delays: dict[str, float] = {}  # host → seconds
        self.robots_hosts: set[str] = set()  # hosts whose robots.txt was read
        crawler.signals.connect(self.headers_received, signals.headers_received)
        crawler.signals.connect(self.request_left_downloader, signals.request_left_downloader)
        crawler.signals.connect(self.robots_parsed, signals.robots_parsed)

    def headers_received(self, request: Request) -> None:
        """An answer has begun: its queue still says when the request was sent."""
        self.record_send_time(request)

    def request_left_downloader(self, request: Request) -> None:
        """A request is over, answered or not."""
        self.record_send_time(request)

    def robots_parsed(self, robotparser: RobotParser, request: Request) -> None:
        """There is a robots.txt."""
        self.robots_hosts.add(self.get_slot_key(request))

    def record_send_time(self, request: Request) -> None:
        """Note when its host's queue sent last."""
        host = self.get_slot_key(request)
        slot = self.crawler.engine.downloader.slots.get(host) if self.crawler.engine else None
        last = self.last_sent.get(host)
        if slot is None or slot.lastseen == last or slot.lastseen > monotonic():  # the latter: held back by Retry-After
            return
        self.last_sent[host] = slot.lastseen
        if last is not None:
            self.min_delays[host] = min(self.min_delays.get(host, slot.lastseen - last), slot.lastseen - last)

    def get_slot_key(self, request: Request) -> str:
        """The key of a request's queue."""
        return str(self.crawler.engine.downloader.get_slot_key(request)) if self.crawler.engine else ""

    def report_politeness(self, agency: Agency, stats: AgencyStats) -> dict[str, Any]:
        """`delay` and `robots` of an agency, as columns of crawls."""
        own = [seconds for host, seconds in self.min_delays.items() if agency.owns(f"https://{host}/")]
        return {"delay": round(min(own), 3) if own else None, "robots": self.find_robots_outcome(agency, stats)}

    def find_robots_outcome(self, agency: Agency, stats: AgencyStats) -> str | None:
        """What robots.txt said; None where nothing was asked for."""
        if stats.faults["robots unreachable"]:
            return "unreachable"
        if stats.faults["robots"]:
            return "forbidden"
        if any(agency.owns(f"https://{host}/") for host in self.robots_hosts):
            return "allowed"
        return "absent" if stats.requests else None


logger = logging.getLogger(__name__)
MAX_PROBLEMS = 200  # sentences a crawl's row; every page's own problem stands in the frontier as well


class CrawlStatsExtension:
    """Opens a row in crawls for each agency when a spider opens; when it closes, completes it and judges."""

    def __init__(self, crawler: Crawler) -> None:
        self.politeness = PolitenessMonitor(crawler)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        extension = cls(crawler)
        for name in ("spider_opened", "spider_closed", "request_reached_downloader", "response_received"):
            crawler.signals.connect(getattr(extension, name), getattr(signals, name))
        crawler.signals.connect(extension.spider_error, signals.spider_error)
        return extension

    def spider_opened(self, spider: ReleaseSpider) -> None:
        """A row an agency, so that a crawl killed in the middle leaves a trace: no `finished`."""
        try:
            with spider.archive.transaction():
                for slug, tally in spider.agency_stats.items():
                    tally.crawl_id = open_crawl(spider.archive, slug, spider.name, now())
        except sqlite3.OperationalError as error:
            spider.deferrals.stop_if_unwritable(error)

    def spider_closed(self, spider: ReleaseSpider, reason: str) -> None:
        """Complete the rows, judge what came in, and write the day's manifest.

        reason: Scrapy's own, `finished` where all went its way.
        """
        try:
            with spider.archive.transaction():
                for slug, tally in spider.agency_stats.items():
                    guest = self.politeness.report_politeness(spider.agencies[slug], tally)
                    close_crawl(spider.archive, tally, reason, now(), **guest)
            with spider.archive.transaction():
                assess_agencies(spider.archive.db, spider.agency_stats, now())
            write_manifest(spider.archive.db.conn, spider.recorder.captures, now().date())
        except (sqlite3.OperationalError, ArchiveError) as error:  # a full disk: the rows stay without an end
            logger.critical("what came of the crawl cannot be written: %s", error)

    def request_reached_downloader(self, request: Request, spider: ReleaseSpider) -> None:
        """Count a request that is really sent."""
        if tally := find_agency_stats(spider, request):
            tally.requests += 1

    def response_received(self, response: Response, request: Request, spider: ReleaseSpider) -> None:
        """Count the bytes of an answer's body."""
        if tally := find_agency_stats(spider, request):
            tally.bytes += len(response.body)

    def spider_error(self, failure: Failure, response: Response | Failure | None, spider: ReleaseSpider) -> None:
        """A fault of our own while reading an answer or a failure: counted, named, and the crawl goes on."""
        request: Request | None = getattr(response, "request", None)
        tally = find_agency_stats(spider, request) if request else None
        for one in [tally] if tally else spider.agency_stats.values():
            where, source = (request.url, "source" in request.meta) if request else ("start", False)
            one.count_error(
                f"{where}: {type(failure.value).__name__}: {failure.getErrorMessage()}",
                classify_failure(failure.value),
                source=source,
            )


def judge_declared_agencies(archive: Archive, agencies: Mapping[str, Agency], at: datetime) -> None:
    """Judge every agency of a list, those never crawled too; others in the archive are told to be unlisted."""
    for slug, agency in agencies.items():
        archive.add_agency(
            slug, name=agency.name, home=agency.home, name_en=agency.name_en, org_number=agency.org_number
        )
    held = [slug for (slug,) in archive.db.execute("select slug from agencies order by slug")]
    paused = {slug: "unlisted" for slug in held if slug not in agencies}
    paused |= {slug: "paused" for slug, agency in agencies.items() if agency.paused}
    with archive.transaction():
        assess_agencies(archive.db, held, at, paused)


def find_agency_stats(spider: ReleaseSpider, request: Request) -> AgencyStats | None:
    """The counts of the agency a request is for; robots.txt requests, which Scrapy makes itself, have none."""
    return spider.agency_stats.get(request.meta.get("agency", ""))


def open_crawl(archive: Archive, agency: str, spider: str, at: datetime) -> int | None:
    """A new row in crawls; `at`, as at its end, by the clock that dates what the crawl reads."""
    row: dict[str, Any] = {"agency": agency, "spider": spider, "started": to_iso(at)}
    return archive.db.execute(
        "insert into crawls (agency, spider, started) values (:agency, :spider, :started)", row
    ).lastrowid


def close_crawl(
    archive: Archive, stats: AgencyStats, reason: str, at: datetime, **extra_columns: float | str | None
) -> None:
    """Complete a crawl's row; `extra_columns` as further columns."""
    row: dict[str, Any] = {**stats.to_columns(), **extra_columns, "finished": to_iso(at), "reason": reason}
    row["problems"] = json.dumps(stats.problems[:MAX_PROBLEMS], ensure_ascii=False)
    row |= {name: json.dumps(getattr(stats, name)) for name in ("fills", "faults", "source_faults")}
    sets = ", ".join(f"{name} = :{name}" for name in row)
    archive.db.execute(f"update crawls set {sets} where id = :id", {**row, "id": stats.crawl_id})
