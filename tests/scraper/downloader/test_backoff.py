"""Pauses of hosts that fail, and Retry-After."""

from __future__ import annotations

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

from archive.store import Archive
from scraper.downloader import backoff
from scraper.downloader.errors import HostPaused

SETTINGS = {"BACK_OFF_AFTER": 5, "BACK_OFF_FIRST": 1800, "BACK_OFF_MAX": 86400, "RETRY_AFTER_MAX": 600}
FIRST_PAUSE = timedelta(minutes=30)


def build_middleware(archive: Archive | None = None) -> backoff.BackOffMiddleware:
    crawler = SimpleNamespace(settings=Settings(SETTINGS), spider=SimpleNamespace(archive=archive))
    return backoff.BackOffMiddleware(cast("Crawler", crawler))


class Crawls:
    """Crawls one after another, with a clock of their own."""

    def __init__(self, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
        self.archive, self.now = archive, datetime(2026, 3, 1, tzinfo=UTC)
        monkeypatch.setattr(backoff, "now", lambda: self.now)

    def run(self, *hosts: tuple[str, int, int | None]) -> int:
        """Request so many URLs of each host, which answers with a status or not at all; return how many were paused."""
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
        pauses = self.archive.hosts.list_pauses(self.now).values()
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
    monkeypatch.setattr(middleware, "delay_requests", lambda request, seconds: delays.append(seconds))
    request = Request("https://a.se/1")
    middleware.record_response(Response(request.url, status=429, headers={"Retry-After": "4"}), request)
    assert delays == [4]
