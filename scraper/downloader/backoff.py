"""Backs off from hosts that fail or are overloaded, by Retry-After and pauses.

A host is paused if BACK_OFF_AFTER of its URLs in a row got no response, 429 or 503; if its Retry-After exceeds
RETRY_AFTER_MAX; or if it gave no response in a whole crawl. Pauses are stored in the hosts table and apply to later
crawls. The first lasts BACK_OFF_FIRST seconds, and each further one twice as long, up to BACK_OFF_MAX, until the host
responds again. If no host at all has responded in a crawl, our own network may be down, so pauses then end with the
crawl.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.http import Response

from archive.dates import now, to_iso
from archive.frontier import HostPause
from scraper.downloader.errors import NO_RESPONSE_ERRORS, HostPaused
from scraper.downloader.throttle import find_download_slot

if TYPE_CHECKING:
    from archive.store import Archive

logger = logging.getLogger(__name__)

OVERLOAD_STATUSES = (429, 503)  # the server reports that it is overloaded


class BackOffMiddleware:
    """Counts failed requests per host, rejects requests to paused hosts, and applies Retry-After."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        settings = crawler.settings
        self.max_failures = settings.getint("BACK_OFF_AFTER")
        self.first_pause = timedelta(seconds=settings.getfloat("BACK_OFF_FIRST"))
        self.max_pause = timedelta(seconds=settings.getfloat("BACK_OFF_MAX"))
        self.max_retry_after = settings.getfloat("RETRY_AFTER_MAX")  # shorter waits only delay the requests
        self.pauses: dict[str, HostPause] = {}
        # host → URLs that got no response since the host's last response
        self.unanswered_urls: defaultdict[str, set[str]] = defaultdict(set)
        self.failure_reasons: dict[str, str] = {}  # host → its last failure
        self.answered_hosts: set[str] = set()  # hosts that have responded since their last pause
        self.is_online = False  # whether any host has responded in this crawl
        self.unsaved_pauses: dict[str, str] = {}  # host → why it is paused; used while no host has responded

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        middleware = cls(crawler)
        crawler.signals.connect(middleware.spider_opened, signals.spider_opened)
        crawler.signals.connect(middleware.spider_closed, signals.spider_closed)
        crawler.signals.connect(middleware.record_response, signals.response_downloaded)
        return middleware

    @property
    def archive(self) -> Archive | None:
        return getattr(self.crawler.spider, "archive", None)  # a probe has no archive

    def spider_opened(self) -> None:
        if self.archive:
            self.pauses = self.archive.hosts.list_pauses(now(), self.max_pause)

    def process_request(self, request: Request) -> None:
        if pause := self.pauses.get(parse_netloc(request.url)):
            if pause.host in self.unsaved_pauses or datetime.fromisoformat(pause.until) > now():
                raise HostPaused(pause.host, f"{pause.host} is paused until {pause.until}: {pause.reason}")
            del self.pauses[pause.host]

    def record_response(self, response: Response, request: Request) -> None:
        """Reset the host's failure count, unless the response means that the server is overloaded."""
        host = parse_netloc(request.url)
        self.mark_online()
        if response.status not in OVERLOAD_STATUSES:
            self.answered_hosts.add(host)
            self.unanswered_urls.pop(host, None)
            return
        seconds = get_retry_after(response)
        if seconds is not None:
            self.delay_requests(request, min(seconds, self.max_retry_after))
        if seconds and seconds > self.max_retry_after:
            reason = f"answered {response.status} and asked to wait {seconds:.0f} s"
            self.pause_host(host, reason, retry_after=timedelta(seconds=min(seconds, self.max_pause.total_seconds())))
        else:
            self.record_failure(request, f"answered {response.status}")

    def delay_requests(self, request: Request, seconds: float) -> None:
        """Delay all requests to the request's host by `seconds` (Retry-After; RFC 9110, 10.2.3)."""
        if slot := find_download_slot(self.crawler, request):
            slot.delay = max(slot.delay, 0.01)  # the downloader ignores lastseen without a delay
            slot.lastseen = max(slot.lastseen, monotonic() + seconds - slot.delay)
            logger.info("%s asks to wait %.0f s", request.url, seconds)

    def process_exception(self, request: Request, exception: Exception) -> None:
        if isinstance(exception, NO_RESPONSE_ERRORS):
            self.record_failure(request, type(exception).__name__)

    def record_failure(self, request: Request, reason: str) -> None:
        """Count a failed URL, but only once, and pause the host after `max_failures` URLs in a row."""
        host = parse_netloc(request.url)
        urls = self.unanswered_urls[host]
        urls.add(request.url)
        self.failure_reasons[host] = reason
        if len(urls) >= self.max_failures:
            self.pause_host(host, f"{len(urls)} addresses in a row did not respond; the last failure: {reason}")

    def pause_host(self, host: str, reason: str, *, retry_after: timedelta | None = None) -> None:
        """Pause a host, and store the pause if any host has responded in this crawl."""
        archive = self.archive
        if archive is None or host in self.pauses:
            return
        if not self.is_online:
            self.unsaved_pauses[host] = reason
            self.pauses[host] = HostPause(host=host, until=to_iso(now() + self.first_pause) or "", reason=reason)
            logger.warning("%s is paused for this crawl only, as no host has responded yet: %s", host, reason)
            return
        with archive.transaction():
            if host in self.answered_hosts:  # it has responded since its last pause, so this counts as a first pause
                archive.hosts.clear_pause(host)
            pause = archive.hosts.pause(
                host, now(), reason, first_wait=self.first_pause, max_wait=self.max_pause, requested_wait=retry_after
            )
        self.answered_hosts.discard(host)
        self.pauses[host] = pause
        logger.warning("%s is paused until %s: %s", host, pause.until, reason)

    def mark_online(self) -> None:
        """Store the pauses so far, because a response shows that our own network works."""
        self.is_online = True
        while self.unsaved_pauses:
            host, reason = self.unsaved_pauses.popitem()
            del self.pauses[host]
            self.pause_host(host, reason)

    def spider_closed(self) -> None:
        """Clear the pauses of hosts that responded; pause hosts that never did, unless no host responded."""
        archive = self.archive
        if archive is None:
            return
        if not self.is_online:
            if self.unanswered_urls:
                logger.error("no host responded in this crawl, so no host is paused: is our own network down?")
            return
        try:
            with archive.transaction():
                for host in self.answered_hosts - self.pauses.keys():
                    archive.hosts.clear_pause(host)
            for host in self.unanswered_urls.keys() - self.answered_hosts:
                self.pause_host(
                    host, f"did not respond in a whole crawl; the last failure: {self.failure_reasons[host]}"
                )
        except sqlite3.OperationalError as error:  # such as a full disk
            logger.critical("which hosts responded cannot be stored: %s", error)


def get_retry_after(response: Response) -> float | None:
    """Return the seconds that a 429 or 503 response asks clients to wait, or None if it does not say."""
    value = response.headers.get("Retry-After") if response.status in OVERLOAD_STATUSES else None
    return parse_retry_after(value.decode("latin-1"), datetime.now(UTC)) if value else None


def parse_retry_after(text: str, now: datetime) -> float | None:
    """Parse a number of seconds or an HTTP date as seconds to wait; return None if it is neither.

    >>> parse_retry_after("120", datetime(2024, 1, 1, tzinfo=UTC))
    120.0
    >>> parse_retry_after("Mon, 01 Jan 2024 00:01:00 GMT", datetime(2024, 1, 1, tzinfo=UTC))
    60.0
    >>> parse_retry_after("soon", datetime(2024, 1, 1, tzinfo=UTC)) is None
    True
    """
    if text.strip().isdecimal():
        return float(text)
    try:
        retry_at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (retry_at.replace(tzinfo=retry_at.tzinfo or UTC) - now).total_seconds())


def parse_netloc(url: str) -> str:
    """Return the host of a URL, with its port if the URL has one."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()
