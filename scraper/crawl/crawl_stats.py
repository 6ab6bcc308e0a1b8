"""Statistics of a crawl for each agency: a row in the crawls table, politeness, and progress."""

from __future__ import annotations

import json
import logging
import sqlite3
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.utils.asyncio import AsyncioLoopingCall, create_looping_call
from twisted.python.failure import Failure

from archive.database.sqlite_files import ArchiveError
from archive.evidence.manifest import write_manifest
from archive.health.rules import assess_agencies
from archive.store.releases import Archive, SaveResult
from archive.times import now, to_iso
from scraper.agency import Agency
from scraper.crawl.failures import classify_failure
from scraper.downloader.limits import CrawlerComponent, find_download_slot, get_slot_key
from scraper.errors import AgencyError

if TYPE_CHECKING:
    from twisted.internet.task import LoopingCall

    from scraper.ingest import CrawlRecorder

logger = logging.getLogger(__name__)

AGENCY_COUNTERS = (
    *(
        "listed",
        "already_stored",
        "new",
        "revised",
        "reparsed",
        "unchanged",
        "missing",
        "rejected",
        "errors",
    ),
    *("requests", "not_modified", "bytes", "parsed", "quarantined"),
)
MAX_PROBLEMS = 200  # problems in a row of crawls; the frontier also has the problem of each page

# Progress
MAX_TABLE_AGENCIES = 30  # rows that fit on a screen
LOG_INTERVAL = 30.0  # seconds between log lines
PROGRESS_COLUMNS = (
    *(
        "listed",
        "already_stored",
        "new",
        "revised",
        "unchanged",
        "files",
        "quarantined",
        "missing",
        "rejected",
    ),
    "errors",
)


@dataclass(slots=True)
class AgencyStats:
    """Counters and a list of problems, for one agency in one crawl.

    Each problem is described by a sentence that names the URL and the field.
    """

    listed: int = 0  # distinct releases that sources listed
    already_stored: int = 0  # listed releases that are already stored and not fetched in this crawl
    new: int = 0
    revised: int = 0
    reparsed: int = 0  # revisions caused only by our parser
    missing: int = 0  # stored releases whose page is gone or replaced
    unchanged: int = 0  # stored releases whose page was fetched and is unchanged
    rejected: int = 0  # responses that are not a release
    errors: int = 0  # failed requests and unreadable sources
    requests: int = 0
    not_modified: int = 0  # requests with status 304
    bytes: int = 0
    parsed: int = 0  # release pages that were parsed
    files: int = 0  # releases that are files, including unchanged ones
    quarantined: int = 0  # parsed pages that were quarantined
    # field → number of parsed pages that have it
    field_counts: Counter[str] = field(default_factory=Counter)
    # kind (see scraper/crawl/failures.py) → number of failures
    failures: Counter[str] = field(default_factory=Counter)
    # the same for failures of sources only
    source_failures: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    known_problems: int = 0  # problems that a page had before, and that are not logged again
    crawl_id: int | None = None  # the id of its row in crawls

    def count_outcome(self, outcome: SaveResult) -> None:
        setattr(self, outcome.value, getattr(self, outcome.value) + 1)

    def count_rejected(self, problem: str, failure_kind: str) -> None:
        self.rejected += 1
        self.add_failure(problem, failure_kind)

    def count_error(self, problem: str, failure_kind: str, *, source: bool = False) -> None:
        """Count an error under its type of failure, and record the problem.

        source: whether the error means that a source could not be read.
        """
        self.errors += 1
        self.source_failures.update([failure_kind] if source else [])
        self.add_failure(problem, failure_kind)

    def add_failure(self, problem: str, failure_kind: str) -> None:
        self.failures[failure_kind] += 1
        self.problems.append(problem)

    def to_columns(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in AGENCY_COUNTERS}


@dataclass(slots=True)
class Deadline:
    """The time at which a pass must end.

    After the deadline, no further requests are created, and the remaining URLs stay in the
    frontier.
    """

    ends_at: float | None = None  # time on the monotonic clock; None: no limit
    is_stopping: bool = False  # whether a stop was requested (see scraper/crawl/deadline.py)

    def has_passed(self) -> bool:
        return self.is_stopping or (self.ends_at is not None and monotonic() >= self.ends_at)


def parse_deadline(minutes: str) -> Deadline:
    """Convert a number of minutes into a deadline. If `minutes` is "", there is no limit.

    Raises AgencyError if `minutes` is neither empty nor a positive number.

    >>> parse_deadline("").ends_at is None, parse_deadline("0.5").has_passed()
    (True, False)
    """
    if not minutes:
        return Deadline()
    try:
        number = float(minutes)
    except ValueError:
        number = -1
    if not 0 < number < float("inf"):
        raise AgencyError(
            "arguments", None, "minutes", f"{minutes!r} is not a positive number of minutes"
        )
    return Deadline(monotonic() + 60 * number)


class CrawlState(Protocol):
    """The attributes that the pipeline needs from the spider that parses pages."""

    archive: Archive
    recorder: CrawlRecorder
    agencies: dict[str, Agency]
    agency_stats: dict[str, AgencyStats]
    is_finished: bool


class ArchiveSpider(CrawlState, Protocol):
    """The parts of a ReleaseSpider that extensions use.

    This is a protocol rather than the class itself, because spiders import this module.
    """

    name: str
    deadline: Deadline
    reads_agencies: bool

    def stop_if_unwritable(self, error: BaseException | None) -> bool: ...


class CrawlStatsExtension(CrawlerComponent):
    """Inserts a row into the crawls table for each agency when a spider opens.

    Completes the rows when the spider closes.
    """

    needs_archive = True
    receivers = (
        ("spider_opened", signals.spider_opened),
        ("spider_closed", signals.spider_closed),
        ("request_reached_downloader", signals.request_reached_downloader),
        ("response_received", signals.response_received),
        ("spider_error", signals.spider_error),
        # when either signal is sent, slot.lastseen is still the time at which the request was sent
        ("record_send_time", signals.headers_received),
        ("record_send_time", signals.request_left_downloader),
        ("robots_parsed", signals.robots_parsed),
    )

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        # keys: slots of the downloader, one per host
        self.last_sent: dict[
            str, float
        ] = {}  # host → time of its last request, on the monotonic clock
        self.min_delays: dict[str, float] = {}  # host → seconds
        self.robots_hosts: set[str] = set()  # hosts whose robots.txt was read

    def spider_opened(self, spider: ArchiveSpider) -> None:
        """Insert a row for each agency.

        The column `finished` stays empty if the crawl is killed.
        """
        if not spider.reads_agencies:  # it says nothing about them, nor about their sites
            return
        try:
            with spider.archive.transaction():
                crawl_ids = {
                    slug: open_crawl(spider.archive, slug, spider.name, now())
                    for slug in spider.agency_stats
                }
        except sqlite3.OperationalError as error:
            spider.stop_if_unwritable(error)
            return
        for slug, crawl_id in crawl_ids.items():
            spider.agency_stats[slug].crawl_id = crawl_id

    def spider_closed(self, spider: ArchiveSpider, reason: str) -> None:
        """Complete the agencies' rows, assess the agencies' health, and write the day's manifest.

        reason: Scrapy's reason for closing the spider, which is `finished` if the crawl was not
            interrupted.
        """
        try:
            with spider.archive.transaction():
                for slug, stats in spider.agency_stats.items():
                    politeness = self.report_politeness(spider.agencies[slug], stats)
                    close_crawl(spider.archive, stats, reason, now(), **politeness)
            if spider.reads_agencies:
                with spider.archive.transaction():
                    assess_agencies(spider.archive.db, spider.agency_stats, now())
            write_manifest(spider.archive.db.conn, spider.recorder.captures, now().date())
        except (
            sqlite3.OperationalError,
            ArchiveError,
        ) as error:  # for example a full disk: the rows stay incomplete
            logger.critical("the result of the crawl cannot be stored: %s", error)

    def request_reached_downloader(self, request: Request, spider: ArchiveSpider) -> None:
        if stats := _find_agency_stats(spider, request):
            stats.requests += 1

    def response_received(
        self, response: Response, request: Request, spider: ArchiveSpider
    ) -> None:
        if stats := _find_agency_stats(spider, request):
            stats.bytes += len(response.body)

    def spider_error(
        self, failure: Failure, response: Response | Failure | None, spider: ArchiveSpider
    ) -> None:
        """Count an exception that one of our own callbacks raised. The crawl continues."""
        request: Request | None = getattr(response, "request", None)
        own_stats = _find_agency_stats(spider, request) if request else None
        for stats in [own_stats] if own_stats else spider.agency_stats.values():
            location, source = (
                (request.url, "source" in request.meta) if request else ("start", False)
            )
            stats.count_error(
                f"{location}: {type(failure.value).__name__}: {failure.getErrorMessage()}",
                classify_failure(failure.value),
                source=source,
            )

    def robots_parsed(self, request: Request) -> None:
        self.robots_hosts.add(get_slot_key(self.crawler, request))

    def record_send_time(self, request: Request) -> None:
        host, slot = get_slot_key(self.crawler, request), find_download_slot(self.crawler, request)
        last = self.last_sent.get(host)
        # a future time means that Retry-After applies
        if slot is None or slot.lastseen == last or slot.lastseen > monotonic():
            return
        self.last_sent[host] = slot.lastseen
        if last is not None:
            self.min_delays[host] = min(
                self.min_delays.get(host, slot.lastseen - last), slot.lastseen - last
            )

    def report_politeness(self, agency: Agency, stats: AgencyStats) -> dict[str, Any]:
        """Return a map with an agency's values for the columns `delay` and `robots` of crawls."""
        delays = [
            seconds for host, seconds in self.min_delays.items() if agency.owns(f"https://{host}/")
        ]
        robots = "absent" if stats.requests else None  # None: nothing was requested
        if stats.failures["robots unreachable"]:
            robots = "unreachable"
        elif stats.failures["robots"]:
            robots = "forbidden"
        elif any(agency.owns(f"https://{host}/") for host in self.robots_hosts):
            robots = "allowed"
        return {"delay": round(min(delays), 3) if delays else None, "robots": robots}


def add_declared_agency(archive: Archive, agency: Agency) -> None:
    archive.add_agency(
        agency.slug,
        name=agency.name,
        home=agency.home,
        name_en=agency.name_en,
        org_number=agency.org_number,
        # as JSON, because days are stored as text
        survey=json.loads(json.dumps(agency.survey, default=to_iso)),
    )


def assess_declared_agencies(
    archive: Archive, agencies: Mapping[str, Agency], at: datetime
) -> None:
    """Assess the health of every listed agency, including agencies that were never crawled.

    Other agencies in the archive are reported as unlisted.
    """
    for agency in agencies.values():
        add_declared_agency(archive, agency)
    stored_slugs = [
        slug for (slug,) in archive.db.execute("select slug from agencies order by slug")
    ]
    paused = {slug: "unlisted" for slug in stored_slugs if slug not in agencies}
    paused |= {slug: "paused" for slug, agency in agencies.items() if agency.paused}
    with archive.transaction():
        assess_agencies(archive.db, stored_slugs, at, paused)


def _find_agency_stats(spider: ArchiveSpider, request: Request) -> AgencyStats | None:
    return spider.agency_stats.get(request.meta.get("agency", ""))


def open_crawl(archive: Archive, agency: str, spider: str, at: datetime) -> int | None:
    row = {"agency": agency, "spider": spider, "started": to_iso(at)}
    return archive.db.table("crawls").insert(row).last_pk


def close_crawl(
    archive: Archive,
    stats: AgencyStats,
    reason: str,
    at: datetime,
    **extra_columns: float | str | None,
) -> None:
    if stats.crawl_id is None:  # the row could not be inserted
        return
    row: dict[str, Any] = {
        **stats.to_columns(),
        **extra_columns,
        "finished": to_iso(at),
        "reason": reason,
    }
    row["problems"] = json.dumps(stats.problems[:MAX_PROBLEMS], ensure_ascii=False)
    row |= {
        name: json.dumps(getattr(stats, name))
        for name in ("field_counts", "failures", "source_failures")
    }
    archive.db.table("crawls").update(stats.crawl_id, row)


# Progress: a live table on a terminal or else log lines, and a table at the end


class StderrConsole(Console):
    """Console on standard error that stops printing when the pipe is closed.

    In that case, rich's own console would end the crawl.
    """

    def on_broken_pipe(self) -> None:
        self.quiet = True


NEXT_STEPS = """
These are the first releases of this archive. What to do next:
  python -m archive serve {archive}    read it at http://127.0.0.1:8001
  python -m archive status {archive}   see how the crawls of each agency are going
  scrapy round                         keep it current, every hour: docs/operate.md"""


class ProgressExtension(CrawlerComponent):
    needs_archive = True
    receivers = (("spider_opened", signals.spider_opened), ("spider_closed", signals.spider_closed))

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.console = StderrConsole(stderr=True)
        self.live: Live | None = None
        self.log_loop: AsyncioLoopingCall | LoopingCall | None = None
        self.logged_requests: dict[
            str, int
        ] = {}  # agency → number of requests at its last log line
        self.is_first_crawl = False  # of the archive

    def spider_opened(self, spider: ArchiveSpider) -> None:
        """Start the live table if standard error is a terminal. Otherwise, start periodic logs."""
        self.is_first_crawl = not spider.archive.db.execute(
            "select 1 from releases limit 1"
        ).fetchone()
        if self.console.is_terminal:
            self.live = Live(
                console=self.console,
                get_renderable=lambda: _build_progress_table(spider, live=True),
                transient=True,
            )
            self.live.start()
            _redirect_log_handlers()
        else:
            self.log_loop = create_looping_call(self.log_progress, spider)
            self.log_loop.start(LOG_INTERVAL, now=False)

    def log_progress(self, spider: ArchiveSpider) -> None:
        for slug, stats in spider.agency_stats.items():
            if stats.requests != self.logged_requests.get(slug, 0):
                self.logged_requests[slug] = stats.requests
                counts = (
                    f"{getattr(stats, name)} {name.replace('_', ' ')}" for name in PROGRESS_COLUMNS
                )
                logger.info("%s: %s", slug, ", ".join(counts))

    def spider_closed(self, spider: ArchiveSpider, reason: str) -> None:
        if self.live:
            self.live.stop()
            _redirect_log_handlers()
        elif self.log_loop:
            self.log_loop.stop()
            self.log_progress(spider)
        console = (
            self.console if self.console.is_terminal else StderrConsole(stderr=True, width=120)
        )
        console.print(_build_progress_table(spider))
        _print_summary(console, spider, reason)
        if self.is_first_crawl and any(stats.new for stats in spider.agency_stats.values()):
            console.print(
                NEXT_STEPS.format(archive=spider.archive.path), highlight=False, soft_wrap=True
            )


def _print_summary(console: Console, spider: ArchiveSpider, reason: str) -> None:
    """Print where to read about a crawl's problems and, if the crawl did not finish, the reason."""
    all_stats = spider.agency_stats.values()
    if any(stats.problems for stats in all_stats):
        console.print(
            "Rejected pages and failures are listed above, and in the tables crawls and frontier."
        )
    if known := sum(stats.known_problems for stats in all_stats):
        console.print(
            f"{known} of them are the same as at the last check, and are only in the tables."
        )
    if reason != "finished":
        console.print(
            f"The crawl did not finish: {reason}. The next crawl continues with the rest."
        )


def _redirect_log_handlers() -> None:
    """Make log handlers write to the current sys.stderr, which rich's Live has replaced."""
    for handler in logging.root.handlers:
        if isinstance(handler, logging.StreamHandler) and not isinstance(
            handler, logging.FileHandler
        ):
            handler.setStream(sys.stderr)


def _build_progress_table(spider: ArchiveSpider, *, live: bool = False) -> Table:
    """Build the progress table, without agencies that have nothing to show.

    A live table leaves out agencies without requests. A table that would have too many rows leaves
    out agencies without changes or problems.
    """
    names = (name.replace("_", " ") for name in PROGRESS_COLUMNS)
    table = Table(
        "agency", *names, title=f"{spider.name} → {spider.archive.path}", title_justify="left"
    )
    for column in table.columns[1:]:
        column.justify = "right"
    rows = _select_table_rows(spider.agency_stats, live=live)
    for slug, stats in rows.items():
        style = "red" if stats.errors else "yellow" if stats.rejected else None
        table.add_row(slug, *_format_progress_cells([stats]), style=style)
    other_stats = [stats for slug, stats in spider.agency_stats.items() if slug not in rows]
    if other_stats and not live:
        table.add_row(f"{len(other_stats)} with nothing new", *_format_progress_cells(other_stats))
    return table


def _select_table_rows(
    agency_stats: Mapping[str, AgencyStats], *, live: bool
) -> dict[str, AgencyStats]:
    rows = {slug: stats for slug, stats in agency_stats.items() if stats.requests or not live}
    if len(rows) <= MAX_TABLE_AGENCIES:
        return rows
    return {
        slug: stats
        for slug, stats in rows.items()
        if any((stats.new, stats.revised, stats.quarantined, stats.rejected, stats.errors))
    }


def _format_progress_cells(all_stats: list[AgencyStats]) -> list[str]:
    sums = [sum(getattr(stats, name) for stats in all_stats) for name in PROGRESS_COLUMNS]
    return [str(number) if number else "·" for number in sums]
