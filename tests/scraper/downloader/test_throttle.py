"""Crawl-delay, Retry-After and retries, as the site sees them, and daily budgets."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

from archive.store import Archive
from scraper.downloader.throttle import count_daily_requests
from tests.scraper.crawling import RELEASES, SLUG, Crawling
from tests.site import Site
from tests.site.knobs import Asked


def test_delays_are_kept_and_requests_are_repeated(tmp_path: Path) -> None:
    with Site(releases=RELEASES, crawl_delay=0.3) as site:
        crawl = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        url = crawl.urls("farledsverket")[0]
        site.break_(url, status=429, headers={"Retry-After": "2"}, times=1)
        listing = gzip.compress(f"<html><body><main>{'<p>Stycke</p>' * 500}</main></body></html>".encode())
        headers = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
        path = site.agencies[SLUG].paths.listing
        site.break_(site.url(SLUG, path), body=listing[: len(listing) // 2], headers=headers, times=1)
        log: list[Asked] = []
        site.log = log
        code, printed = crawl.run(RETRY_TIMES="2")
        assert code == 0, printed
        assert crawl.rows("select count(*) from releases") == [(RELEASES,)]
    counts = site.counts
    assert len(counts.hosts) == 4
    for host in counts.hosts:
        assert counts.mean_gap(host) >= 0.25, host
    assert set(counts.busiest.values()) == {1}, "one request at a time"
    assert [agent for agent in counts.agents if "tests" not in agent and "test@localhost" not in agent] == []
    own = [request for request in log if request.host == "farledsverket.localhost"]
    number = next(number for number, request in enumerate(own) if request.status == 429)
    refused, repeated = own[number].moment, own[number + 1].moment
    assert (repeated - refused).total_seconds() >= 1.9
    assert [request for request in log if refused < request.moment < repeated], "other hosts are not delayed"
    assert counts.paths[f"{SLUG}.localhost", path] == 2, "a listing that was cut is requested again"


def test_requests_of_a_later_day_do_not_count(crawled_site: Crawling) -> None:
    """A clock that was wrong may have dated them."""
    crawled_site.write("update crawls set started = '2099-01-01T00:00:00+00:00'")
    crawled_site.write("update frontier set fetched = '2099-01-01T00:00:00+00:00'")
    with Archive(crawled_site.archive) as archive:
        assert count_daily_requests(archive, SLUG, datetime.now(UTC).date().isoformat()) == 0
        assert count_daily_requests(archive, SLUG, "2099-01-01") > 0
