"""Limits beyond Scrapy's settings: Crawl-delay, daily budgets, Retry-After and back-off.

DAILY_BUDGET limits an agency's requests per day (UTC), for news and revisit crawls together.

A host is paused in three cases:
- BACK_OFF_AFTER of its URLs in a row got no response, or got the status 429 or 503 (or a status
    that the request's `block_statuses` names, such as 403 from a web archive).
- Its Retry-After exceeds RETRY_AFTER_MAX.
- It did not respond at all during a crawl.

Pauses are stored in the hosts table and apply to later crawls. The first pause lasts BACK_OFF_FIRST
seconds. Each further pause lasts twice as long, up to BACK_OFF_MAX, until the host responds again.
If no host at all has responded in a crawl, the pauses that began in this crawl end with it, because
our own network may be down. In a crawl without an archive (`scrapy probe`, `scrapy survey`), all
pauses end with the crawl.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from scrapy import Request, Spider, signals
from scrapy.core.downloader import Slot
from scrapy.crawler import Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    NotConfigured,
    ResponseDataLossError,
)
from scrapy.http import Response
from scrapy.robotstxt import RobotParser
from scrapy.settings import BaseSettings
from twisted.web.client import ResponseFailed

from archive.database.frontier import HostPause
from archive.store.releases import Archive
from archive.times import now, to_iso
from scraper.agency import build_user_agent


class CrawlerComponent:
    """A middleware, extension or pipeline, which Scrapy builds once per crawler.

    receivers: pairs of a method's name and the signal that calls the method.
    needs_archive: whether the component needs an archive. If so, it is left out for spiders that do
        not crawl into one (`scrapy shell`, `fetch`, `parse`, `runspider`, `probe`).
    """

    receivers: ClassVar[tuple[tuple[str, Any], ...]] = ()
    needs_archive: ClassVar[bool] = False

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        # a method of ReleaseSpider, which cannot be imported here
        if cls.needs_archive and not hasattr(crawler.spidercls, "stop_if_unwritable"):
            raise NotConfigured
        component = cls(crawler)
        for name, signal in cls.receivers:
            crawler.signals.connect(getattr(component, name), signal)
        return component


class IdentifiedSpider(Spider):
    """A spider whose User-Agent contains the operator's contact."""

    @classmethod
    def update_settings(cls, settings: BaseSettings) -> None:
        super().update_settings(settings)
        settings.set("USER_AGENT", build_user_agent(settings.get("CONTACT")), priority="spider")


class PrivateAddress(IgnoreRequest):
    """Raised if a request goes to a private network or to this machine.

    This is also raised if the scheme is not http or https.

    is_redirect: whether the request was redirected to this host, for example by a captive portal.
    """

    def __init__(self, host: str, problem: str, *, is_redirect: bool = False) -> None:
        self.host, self.is_redirect = host, is_redirect
        super().__init__(f"{host} {problem}")


class RobotsForbidden(IgnoreRequest): ...


class RobotsUnreachable(IgnoreRequest): ...


class RequestDeferred(IgnoreRequest): ...


class HostPaused(RequestDeferred):
    """Raised if the host of a request, or a host that redirected the request, is paused."""

    def __init__(self, host: str, problem: str) -> None:
        super().__init__(problem)
        self.host = host


class DailyBudgetExceeded(RequestDeferred): ...


class CrawlStopped(IgnoreRequest): ...


# Exceptions of Scrapy's downloader. Those in the first group mean that the host gave no usable
# response.
NO_RESPONSE_ERRORS = (
    CannotResolveHostError,
    DownloadConnectionRefusedError,
    DownloadTimeoutError,
    DownloadFailedError,
    ResponseDataLossError,
    OSError,
)
DOWNLOAD_ERRORS = (*NO_RESPONSE_ERRORS, DownloadCancelledError, IgnoreRequest)


def describe_download_error(error: BaseException) -> str:
    """Describe an exception of the downloader. For a broken response, include Twisted's reasons."""
    if isinstance(error, CannotResolveHostError):
        return "there is no such host"
    if isinstance(error, DownloadCancelledError) and not str(error):
        return "was aborted: it is larger than DOWNLOAD_MAXSIZE"
    if isinstance(error.__cause__, ResponseFailed):
        reasons = [
            f"{type(reason.value).__name__}: {reason.getErrorMessage()}"
            for reason in error.__cause__.reasons
        ]
        return f"{type(error).__name__}: {'; '.join(reasons)}"
    return f"{type(error).__name__}: {error}".strip(": ")


def decode_headers(response: Response) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): b", ".join(values).decode("latin-1")
        for name, values in response.headers.items()
    }


logger = logging.getLogger(__name__)


class HostSlotMiddleware:
    """Queues each request under its own host.

    Without this middleware, Scrapy queues a redirected request under the host that redirected it.
    """

    def process_request(self, request: Request) -> None:
        request.meta.pop("download_slot", None)


class CrawlDelayExtension(CrawlerComponent):
    """Applies the Crawl-delay in robots.txt as the minimum of AutoThrottle's delay."""

    receivers = (
        ("robots_parsed", signals.robots_parsed),
        ("apply_delay", signals.response_downloaded),
    )

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.max_delay = crawler.settings.getfloat("CRAWL_DELAY_MAX")
        self.min_delays: dict[str, float] = {}  # slot key (host) → seconds

    def robots_parsed(self, robotparser: RobotParser, request: Request) -> None:
        """Store the host's Crawl-delay.

        request: the request for which robots.txt was fetched.
        """
        delay = robotparser.crawl_delay(self.crawler.settings["ROBOTSTXT_USER_AGENT"])
        if delay and self.crawler.engine:
            key = get_slot_key(self.crawler, request)
            self.min_delays[key] = max(self.min_delays.get(key, 0.0), min(delay, self.max_delay))
            self.apply_delay(request)

    def apply_delay(self, request: Request) -> None:
        if slot := find_download_slot(self.crawler, request):
            slot.delay = max(
                slot.delay, self.min_delays.get(get_slot_key(self.crawler, request), 0.0)
            )


class DailyBudgetMiddleware(CrawlerComponent):
    """Rejects requests beyond an agency's daily budget.

    If a request has the meta key `budget_share`, the limit is this share of the budget. The URLs of
    rejected requests remain due for a later crawl.
    """

    receivers = (("spider_opened", signals.spider_opened),)

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.max_requests = crawler.settings.getint("DAILY_BUDGET")
        self.earlier_requests: dict[
            str, int
        ] = {}  # agency → number of requests that earlier crawls sent on this day

    def spider_opened(self, spider: Spider) -> None:
        archive: Archive | None = getattr(spider, "archive", None)  # a probe has no archive
        if archive:
            day, slugs = now().date().isoformat(), getattr(spider, "agency_stats", {})
            self.earlier_requests = {
                slug: count_daily_requests(archive, slug, day) for slug in slugs
            }

    def process_request(self, request: Request) -> None:
        slug, share = request.meta.get("agency", ""), request.meta.get("budget_share", 1)
        stats = getattr(self.crawler.spider, "agency_stats", {}).get(slug)
        limit = int(self.max_requests * share)
        if not getattr(self.crawler.spider, "reads_agencies", True):
            return
        if stats and self.earlier_requests.get(slug, 0) + stats.requests >= limit:
            raise DailyBudgetExceeded(
                f"the {limit} requests of this day are used up (DAILY_BUDGET)"
            )


def count_daily_requests(archive: Archive, slug: str, day: str, spider: str | None = None) -> int:
    """Return the number of requests sent to an agency on a day, by all spiders or by one.

    If a crawl was killed, its total was never stored. The result is therefore at least the number
    of pages that, according to the archive, were fetched on that day. For all spiders, these are
    pages in the frontier. For one spider, they are releases that were found earlier and checked on
    that day.
    """
    fetched = (
        "select count(*) from frontier where agency = :slug and fetched >= :day and fetched < :next"
        " and role not in ('capture', 'captures')"  # requests to a web archive
    )
    if spider:
        fetched = (
            "select count(*) from releases where agency = :slug"
            " and last_checked >= :day and last_checked < :next"
            " and first_seen < :day"
        )
    next_day = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    ((request_count, fetched_count),) = archive.db.execute(
        "select (select coalesce(sum(requests), 0) from crawls"
        " where agency = :slug and started >= :day"
        f" and started < :next and spider = coalesce(:spider, spider)), ({fetched})",
        {"slug": slug, "day": day, "next": next_day, "spider": spider},
    )
    return int(max(request_count, fetched_count))


def get_slot_key(crawler: Crawler, request: Request) -> str:
    return crawler.engine.downloader.get_slot_key(request) if crawler.engine else ""


def find_download_slot(crawler: Crawler, request: Request) -> Slot | None:
    return (
        crawler.engine.downloader.slots.get(get_slot_key(crawler, request))
        if crawler.engine
        else None
    )


class BackOffMiddleware(CrawlerComponent):
    """Counts failed requests per host, rejects requests to paused hosts and applies Retry-After."""

    receivers = (
        ("spider_opened", signals.spider_opened),
        ("spider_closed", signals.spider_closed),
        ("record_response", signals.response_downloaded),
    )

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        settings = crawler.settings
        self.max_failures = settings.getint("BACK_OFF_AFTER")
        self.first_pause = timedelta(seconds=settings.getfloat("BACK_OFF_FIRST"))
        self.max_pause = timedelta(seconds=settings.getfloat("BACK_OFF_MAX"))
        # seconds; shorter waits only delay the requests
        self.max_retry_after = settings.getfloat("RETRY_AFTER_MAX")
        self.pauses: dict[str, HostPause] = {}
        # host → URLs that got no response since the host's last response
        self.unanswered_urls: defaultdict[str, set[str]] = defaultdict(set)
        self.failure_reasons: dict[str, str] = {}  # host → its last failure
        self.answered_hosts: set[str] = set()  # hosts that have responded since their last pause
        self.is_online = False  # whether any host has responded in this crawl
        # host → why it is paused, for pauses that are not stored: there is no archive, or no host
        # has responded yet
        self.unsaved_pauses: dict[str, str] = {}

    @property
    def archive(self) -> Archive | None:
        return getattr(self.crawler.spider, "archive", None)  # a probe has no archive

    def spider_opened(self) -> None:
        if self.archive:
            self.pauses = self.archive.hosts.list_pauses(now(), self.max_pause)

    def process_request(self, request: Request) -> None:
        if pause := self.pauses.get(_parse_netloc(request.url)):
            if pause.host in self.unsaved_pauses or datetime.fromisoformat(pause.until) > now():
                raise HostPaused(
                    pause.host, f"{pause.host} is paused until {pause.until}: {pause.reason}"
                )
            del self.pauses[pause.host]

    def record_response(self, response: Response, request: Request) -> None:
        """Reset the host's failure count, unless the status of the response counts as a failure.

        The statuses 429 and 503, and the request's `block_statuses`, count as failures.
        """
        host = _parse_netloc(request.url)
        self.is_online = True  # our own network works, so the pauses so far are stored
        while self.archive and self.unsaved_pauses:
            paused_host, reason = self.unsaved_pauses.popitem()
            del self.pauses[paused_host]
            self.pause_host(paused_host, reason)
        if response.status not in (429, 503, *request.meta.get("block_statuses", ())):
            self.answered_hosts.add(host)
            self.unanswered_urls.pop(host, None)
            return
        header = response.headers.get("Retry-After")
        seconds = (
            _parse_retry_after(header.decode("latin-1"), datetime.now(UTC)) if header else None
        )
        if seconds is not None:
            self.delay_requests(request, min(seconds, self.max_retry_after))
        if seconds and seconds > self.max_retry_after:
            reason = f"answered {response.status} and asked to wait {seconds:.0f} s"
            self.pause_host(
                host,
                reason,
                retry_after=timedelta(seconds=min(seconds, self.max_pause.total_seconds())),
            )
        else:
            self.record_failure(request, f"answered {response.status}")

    def delay_requests(self, request: Request, seconds: float) -> None:
        """Delay all requests to a request's host by `seconds` (Retry-After; RFC 9110, 10.2.3)."""
        if slot := find_download_slot(self.crawler, request):
            slot.delay = max(slot.delay, 0.01)  # without a delay, the downloader ignores lastseen
            slot.lastseen = max(slot.lastseen, monotonic() + seconds - slot.delay)
            logger.info("%s asks to wait %.0f s", request.url, seconds)

    def process_exception(self, request: Request, exception: Exception) -> None:
        if isinstance(exception, NO_RESPONSE_ERRORS):
            self.record_failure(request, type(exception).__name__)

    def record_failure(self, request: Request, reason: str) -> None:
        """Count a failed URL once, and pause the host after `max_failures` failed URLs in a row."""
        host = _parse_netloc(request.url)
        urls = self.unanswered_urls[host]
        urls.add(request.url)
        self.failure_reasons[host] = reason
        if len(urls) >= self.max_failures:
            self.pause_host(
                host, f"{len(urls)} addresses in a row did not respond; the last failure: {reason}"
            )

    def pause_host(self, host: str, reason: str, *, retry_after: timedelta | None = None) -> None:
        """Pause a host, and store the pause if any host has responded in this crawl."""
        if host in self.pauses:
            return
        archive = self.archive
        if archive is None or not self.is_online:
            self.unsaved_pauses[host] = reason
            self.pauses[host] = HostPause(
                host=host, until=to_iso(now() + self.first_pause) or "", reason=reason
            )
            logger.warning("%s is paused for this crawl only: %s", host, reason)
            return
        with archive.transaction():
            # it has responded since its last pause, so this counts as a first pause
            if host in self.answered_hosts:
                archive.hosts.clear_pause(host)
            pause = archive.hosts.pause(
                host,
                now(),
                reason,
                first_wait=self.first_pause,
                max_wait=self.max_pause,
                requested_wait=retry_after,
            )
        self.answered_hosts.discard(host)
        self.pauses[host] = pause
        logger.warning("%s is paused until %s: %s", host, pause.until, reason)

    def spider_closed(self) -> None:
        """Pause hosts that never responded in this crawl, and end the pauses of hosts that did.

        If no host at all responded, nothing is changed.
        """
        archive = self.archive
        if archive is None:
            return
        if not self.is_online:
            if self.unanswered_urls:
                logger.error(
                    "no host responded in this crawl, so no host is"
                    " paused: is our own network down?"
                )
            return
        try:
            with archive.transaction():
                for host in self.answered_hosts - self.pauses.keys():
                    archive.hosts.clear_pause(host)
            for host in self.unanswered_urls.keys() - self.answered_hosts:
                self.pause_host(
                    host,
                    f"did not respond in a whole crawl; the last failure:"
                    f" {self.failure_reasons[host]}",
                )
        except sqlite3.OperationalError as error:  # for example a full disk
            logger.critical("which hosts responded cannot be stored: %s", error)


def _parse_retry_after(text: str, now: datetime) -> float | None:
    """Convert a Retry-After header (a number of seconds or an HTTP date) into seconds to wait.

    Returns None for any other text.

    >>> _parse_retry_after("120", datetime(2024, 1, 1, tzinfo=UTC))
    120.0
    >>> _parse_retry_after("Mon, 01 Jan 2024 00:01:00 GMT", datetime(2024, 1, 1, tzinfo=UTC))
    60.0
    >>> _parse_retry_after("soon", datetime(2024, 1, 1, tzinfo=UTC)) is None
    True
    """
    if text.strip().isdecimal():
        return float(text)
    try:
        retry_at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (retry_at.replace(tzinfo=retry_at.tzinfo or UTC) - now).total_seconds())


def _parse_netloc(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2].lower()
