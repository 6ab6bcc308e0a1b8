"""Hosts that do not answer are left in peace: no longer than they deserve, and not for a fault of our own network's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import CannotResolveHostError
from scrapy.http import Response
from scrapy.settings import Settings

from archive.store import Archive
from scraper.downloader import backoff
from scraper.downloader.errors import HostPaused

FIRST = timedelta(minutes=30)


class Days:
    """Crawls one after the other, by a clock of their own."""

    def __init__(self, archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
        settings = Settings(
            {"BACK_OFF_AFTER": 5, "BACK_OFF_FIRST": 1800, "BACK_OFF_MAX": 86400, "RETRY_AFTER_MAX": 600}
        )
        self.crawler = cast(Crawler, SimpleNamespace(settings=settings, spider=SimpleNamespace(archive=archive)))
        self.archive = archive
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        monkeypatch.setattr(backoff, "now", lambda: self.now)

    def crawl(self, *answers: tuple[str, int | None]) -> int:
        """A crawl that asks addresses and gets these states, None for no answer; how many were kept back."""
        one, kept = backoff.BackOffMiddleware(self.crawler), 0
        one.spider_opened()
        for url, status in answers:
            request = Request(url)
            try:
                one.process_request(request)
            except HostPaused:
                kept += 1
                continue
            if status is None:
                one.process_exception(request, CannotResolveHostError("no such host"))
            else:
                one.record_response(Response(url, status=status), request)
        one.spider_closed()
        return kept

    def pauses(self) -> dict[str, timedelta]:
        """How long hosts are left in peace from now on."""
        found = self.archive.hosts.list_pauses(self.now).values()
        return {pause.host: datetime.fromisoformat(pause.until) - self.now for pause in found}


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Days]:
    with Archive(tmp_path / "archive.db") as archive:
        yield Days(archive, monkeypatch)


def of(host: str, number: int, status: int | None) -> list[Any]:
    """So many addresses of a host, and what they answer."""
    return [(f"https://{host}/{status}/{n}", status) for n in range(number)]


def test_a_host_that_answers_in_between_is_left_alone_for_the_shortest_time(days: Days) -> None:
    for _ in range(4):
        days.crawl(*of("a.se", 3, 200), *of("a.se", 5, 429))
        assert days.pauses() == {"a.se": FIRST}
        days.now += FIRST + timedelta(seconds=1)
    days.crawl(*of("a.se", 5, 429))
    assert days.pauses() == {"a.se": 2 * FIRST}, "no answer since the last time"


def test_while_nothing_answers_at_all_no_host_is_left_alone_for_longer_than_the_crawl(days: Days) -> None:
    for _ in range(3):
        assert days.crawl(*of("a.se", 7, None), *of("b.se", 1, None)) == 2, "within the crawl it is"
        assert days.pauses() == {}
        days.now += timedelta(hours=1)
    assert days.crawl(*of("a.se", 7, None), *of("b.se", 1, 200), *of("c.se", 1, None)) == 2
    assert days.pauses() == {"a.se": FIRST, "c.se": FIRST}


def test_retry_after_is_obeyed_without_an_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings({"BACK_OFF_AFTER": 5, "BACK_OFF_FIRST": 1800, "BACK_OFF_MAX": 86400, "RETRY_AFTER_MAX": 600})
    middleware = backoff.BackOffMiddleware(cast(Crawler, SimpleNamespace(settings=settings, spider=SimpleNamespace())))
    delays: list[float] = []
    monkeypatch.setattr(middleware, "delay_requests", lambda request, seconds: delays.append(seconds))
    request = Request("https://a.se/1")
    middleware.record_response(Response(request.url, status=429, headers={"Retry-After": "4"}), request)
    assert delays == [4]
