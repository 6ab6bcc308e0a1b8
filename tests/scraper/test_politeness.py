"""robots.txt, Crawl-delay and Retry-After are kept, as the sample site sees it."""

from __future__ import annotations

from pathlib import Path

import pytest
from scrapy.robotstxt import ProtegoRobotParser

from scraper.agency import build_user_agent
from scraper.downloader.robots import normalise_agent_lines
from tests.scraper.crawling import SLUG, Crawling
from tests.site import Site
from tests.site.knobs import Asked


def test_robots_and_crawl_delay_are_kept(tmp_path: Path) -> None:
    with Site(releases=24, crawl_delay=0.3) as site:
        code, printed = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db").run()
        assert code == 0, printed
        counts = site.counts
        assert len(counts.hosts) == 4
        for host in counts.hosts:
            assert counts.mean_gap(host) >= 0.25, host
        assert set(counts.busiest.values()) == {1}, "one request at a time"
        assert [agent for agent in counts.agents if "tests" not in agent and "test@localhost" not in agent] == []


def test_what_robots_forbids_is_not_asked_for(crawling: Crawling) -> None:
    url = next(iter(crawling.site.truth))
    host, path = url.split("/")[2], "/" + url.split("/", 3)[3]
    rules = f"User-agent: *\nDisallow: {path}\n"
    crawling.site.break_(f"http://{host}/robots.txt", body=rules, headers={"content-type": "text/plain"})
    code, printed = crawling.run()
    assert code == 0, printed
    assert [page for _, page in crawling.site.counts.paths if page == path] == []
    ((state, problem),) = crawling.rows("select state, problem from frontier where url = ?", url)
    assert (state, "robots.txt" in problem) == ("rejected", True)


@pytest.mark.parametrize(
    ("agent", "allowed"),
    [
        ("Myndighetsarkivet", False),
        ("myndighetsarkivet/0.1.0 (+mailto:test@localhost)", False),
        ("Myndighetsarkivet*", False),
        ("*", False),
        ("M", True),
        ("Myndighets", True),
        ("Myndighetsarkivet-bilder", True),
        ("arkivet", True),
    ],
)
def test_robots_name_us_by_our_whole_product_token(agent: str, allowed: bool) -> None:
    rest = "" if agent == "*" else "\nUser-agent: *\nAllow: /\n"
    text = f"\ufeffUser-agent: annan\nUser-agent: {agent}\nCrawl-delay: 7\nDisallow: /\n{rest}"
    rules = ProtegoRobotParser(normalise_agent_lines(text.encode(), "Myndighetsarkivet"), None)
    assert rules.allowed("https://skog.example/nyheter", "Myndighetsarkivet") is allowed
    assert rules.crawl_delay("Myndighetsarkivet") == (None if allowed else 7)


def test_robots_that_name_us_as_our_requests_do_are_obeyed(crawling: Crawling) -> None:
    rules = f"User-agent: {build_user_agent('test@localhost')}\nDisallow: /\n\nUser-agent: *\nAllow: /\n"
    crawling.site.break_(crawling.site.url(SLUG, "/robots.txt"), body=rules, headers={"content-type": "text/plain"})
    _, printed = crawling.run("news", "-a", f"agency={SLUG}")
    assert [page for host, page in crawling.site.counts.paths if page != "/robots.txt"] == [], printed


def test_retry_after_is_kept(crawling: Crawling) -> None:
    url = next(iter(crawling.site.truth))
    host = url.split("/")[2]
    crawling.site.break_(url, status=429, headers={"Retry-After": "2"}, times=1)
    log: list[Asked] = []
    crawling.site.log = log
    code, printed = crawling.run(RETRY_TIMES="2")
    assert code == 0, printed
    assert crawling.rows("select count(*) from releases") == [(24,)]
    own = [asked for asked in log if asked.host == host.split(":")[0]]
    held = next(number for number, asked in enumerate(own) if asked.status == 429)
    begun, ended = own[held].moment, own[held + 1].moment
    assert (ended - begun).total_seconds() >= 1.9
    assert [asked for asked in log if begun < asked.moment < ended], "the other hosts are not held back"
