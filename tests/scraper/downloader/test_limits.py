"""Crawl-delay, Retry-After and retries, as the site sees them, and daily budgets."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import CannotResolveHostError
from scrapy.http import Response
from scrapy.settings import Settings

from archive.store.releases import Archive
from scraper.downloader import limits as throttle
from scraper.downloader.limits import HostPaused, count_daily_requests
from tests.scraper.crawling import RELEASES, SLUG, Crawling
from tests.site.knobs import Asked
from tests.site.server import Site

SETTINGS = {
    "BACK_OFF_AFTER": 5,
    "BACK_OFF_FIRST": 1800,
    "BACK_OFF_MAX": 86400,
    "RETRY_AFTER_MAX": 600,
}
FIRST_PAUSE = timedelta(minutes=30)


def build_middleware(archive: Archive | None = None) -> throttle.BackOffMiddleware:
    crawler = SimpleNamespace(settings=Settings(SETTINGS), spider=SimpleNamespace(archive=archive))
    return throttle.BackOffMiddleware(cast("Crawler", crawler))


class Crawls:
    """Crawls one after another, with a clock of their own."""

    def __init__(self, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
        self.archive, self.now = archive, datetime(2026, 3, 1, tzinfo=UTC)
        monkeypatch.setattr(throttle, "now", lambda: self.now)

    def run(self, *hosts: tuple[str, int, int | None]) -> int:
        """Request so many URLs of each host, which answers with a status or not at all; return how
        many were paused.
        """
        middleware, paused = build_middleware(self.archive), 0
        middleware.spider_opened()
        for host, number, status in hosts:
            for url in [f"https://{host}/{status}/{n}" for n in range(number)]:
                request = Request(url)
                try:
                    middleware.process_request(request)
                except HostPaused:
                    paused += 1
                    continue
                if status is None:
                    middleware.process_exception(request, CannotResolveHostError("no such host"))
                else:
                    middleware.record_response(Response(url, status=status), request)
        middleware.spider_closed()
        return paused

    def list_pauses(self) -> dict[str, timedelta]:
        """How much longer each host is paused."""
        pauses = self.archive.hosts.list_pauses(self.now, timedelta(days=1)).values()
        return {pause.host: datetime.fromisoformat(pause.until) - self.now for pause in pauses}


@pytest.fixture
def crawls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Crawls]:
    with Archive(tmp_path / "archive.db") as archive:
        yield Crawls(archive, monkeypatch)


def test_pause_is_only_doubled_without_a_response_in_between(crawls: Crawls) -> None:
    for _ in range(4):
        crawls.run(("a.se", 3, 200), ("a.se", 5, 429))
        assert crawls.list_pauses() == {"a.se": FIRST_PAUSE}
        crawls.now += FIRST_PAUSE + timedelta(seconds=1)
    crawls.run(("a.se", 5, 429))
    assert crawls.list_pauses() == {"a.se": 2 * FIRST_PAUSE}


def test_pauses_are_not_stored_while_no_host_responds(crawls: Crawls) -> None:
    for _ in range(3):
        assert crawls.run(("a.se", 7, None), ("b.se", 1, None)) == 2
        assert crawls.list_pauses() == {}
        crawls.now += timedelta(hours=1)
    assert crawls.run(("a.se", 7, None), ("b.se", 1, 200), ("c.se", 1, None)) == 2
    assert crawls.list_pauses() == {"a.se": FIRST_PAUSE, "c.se": FIRST_PAUSE}


def test_retry_after_delays_requests_without_an_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    middleware, delays = build_middleware(), list[float]()
    monkeypatch.setattr(
        middleware, "delay_requests", lambda request, seconds: delays.append(seconds)
    )
    request = Request("https://a.se/1")
    middleware.record_response(
        Response(request.url, status=429, headers={"Retry-After": "4"}), request
    )
    assert delays == [4]


@pytest.mark.parametrize("is_online", [True, False])
def test_a_host_is_left_alone_without_an_archive(*, is_online: bool) -> None:
    middleware, requested = build_middleware(), 0
    if is_online:
        request = Request("https://b.se/")
        middleware.record_response(Response(request.url), request)
    for number in range(20):
        request = Request(f"https://a.se/{number}")
        try:
            middleware.process_request(request)
        except HostPaused:
            continue
        requested += 1
        middleware.process_exception(request, CannotResolveHostError("no such host"))
    assert requested == SETTINGS["BACK_OFF_AFTER"]
    middleware.process_request(Request("https://b.se/2"))


def test_a_long_retry_after_pauses_a_host_without_an_archive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    middleware, request = build_middleware(), Request("https://a.se/1")
    monkeypatch.setattr(middleware, "delay_requests", lambda *_: None)
    headers = {"Retry-After": "3600"}
    middleware.record_response(Response(request.url, status=503, headers=headers), request)
    with pytest.raises(HostPaused, match="asked to wait 3600 s"):
        middleware.process_request(request)


@pytest.mark.slow("waits as long as a crawl")
def test_delays_are_kept_and_requests_are_repeated(tmp_path: Path) -> None:
    with Site(releases=RELEASES, crawl_delay=0.3) as site:
        crawl = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        url = crawl.urls("farledsverket")[0]
        site.break_(url, status=429, headers={"Retry-After": "2"}, times=1)
        listing = gzip.compress(
            f"<html><body><main>{'<p>Stycke</p>' * 500}</main></body></html>".encode()
        )
        headers = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
        path = site.agencies[SLUG].paths.listing
        site.break_(
            site.url(SLUG, path), body=listing[: len(listing) // 2], headers=headers, times=1
        )
        log: list[Asked] = []
        site.log = log
        crawl.succeed(RETRY_TIMES="2")
        assert crawl.rows("select count(*) from releases") == [(RELEASES,)]
    counts = site.counts
    assert len(counts.hosts) == 4
    for host in counts.hosts:
        assert counts.mean_gap(host) >= 0.25, host
    assert set(counts.busiest.values()) == {1}, "one request at a time"
    assert [
        agent for agent in counts.agents if "tests" not in agent and "test@localhost" not in agent
    ] == []
    own = [request for request in log if request.host == "farledsverket.localhost"]
    number = next(number for number, request in enumerate(own) if request.status == 429)
    refused, repeated = own[number].moment, own[number + 1].moment
    assert (repeated - refused).total_seconds() >= 1.9
    assert [request for request in log if refused < request.moment < repeated], (
        "other hosts are not delayed"
    )
    assert counts.paths[f"{SLUG}.localhost", path] == 2, "a listing that was cut is requested again"


def test_requests_of_a_later_day_do_not_count(crawled_site: Crawling) -> None:
    """A clock that was wrong may have dated them."""
    crawled_site.write("update crawls set started = '2099-01-01T00:00:00+00:00'")
    crawled_site.write("update frontier set fetched = '2099-01-01T00:00:00+00:00'")
    with Archive(crawled_site.archive) as archive:
        assert count_daily_requests(archive, SLUG, datetime.now(UTC).date().isoformat()) == 0
        assert count_daily_requests(archive, SLUG, "2099-01-01") > 0
