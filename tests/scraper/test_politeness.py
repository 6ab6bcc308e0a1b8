"""robots.txt, Crawl-delay and Retry-After are kept, as the sample site sees it."""

from __future__ import annotations

from pathlib import Path

from tests.scraper.crawling import Crawling
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
    assert (state, "robots.txt" in problem) == ("refused", True)


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
