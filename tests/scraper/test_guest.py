"""A good guest: pauses, budgets, noindex, and a robots.txt that cannot be read."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.settings import Settings
from twisted.internet.defer import Deferred, fail
from twisted.internet.error import DNSLookupError

from archive.store import Archive
from scraper.agency import Agency
from scraper.downloader.errors import PrivateAddress
from scraper.downloader.ssrf import PublicResolver, SSRFFilter, find_host_problem
from scraper.downloader.throttle import count_daily_requests
from scraper.spiders.base import is_noindex_directive
from tests.scraper.crawling import SLUG, Crawling, first_url

if TYPE_CHECKING:
    from twisted.internet.base import ReactorBase

HOST = "lasframjandenamnden.localhost"


def test_a_paused_agency_a_spent_budget_and_noindex(crawling: Crawling) -> None:
    toml = crawling.agencies.read_text("utf-8").replace(f"[{SLUG}]", f'[{SLUG}]\npaused = "they asked us to"')
    crawling.agencies.write_text(toml, "utf-8")
    hidden = first_url(crawling, "hushallsmyndigheten")
    crawling.site.break_(hidden, body="<h1>Dold</h1>", headers={"X-Robots-Tag": "noindex"})
    code, printed = crawling.run(DAILY_BUDGET="7", NOINDEX_OBEY="True")
    assert code == 0, printed
    assert f"{SLUG} is paused in the list of agencies and skipped: they asked us to" in printed
    assert crawling.rows("select paused from agencies where slug = ?", SLUG) == [("they asked us to",)]
    asked = crawling.rows("select agency, requests from crawls order by agency")
    assert SLUG not in dict(asked)
    assert max(dict(asked).values()) == 7
    assert "the 7 requests of this day are used up (DAILY_BUDGET)" in printed
    spent = {agency for agency, requests in asked if requests == 7}
    left = crawling.rows("select agency, state, count(*) from frontier where role = 'release' group by 1, 2")
    assert {agency for agency, state, _ in left if state == "due"} == spent
    assert {state for _, state, _ in left} <= {"due", "stored", "rejected"}
    day = datetime.now(UTC).date().isoformat()
    with Archive(crawling.archive) as archive:
        assert {count_daily_requests(archive, slug, day) for slug in spent} == {7}, "what a revisit would count as well"
    crawling.agencies.write_text(toml.replace('paused = "they asked us to"', ""), "utf-8")
    code, printed = crawling.run(NOINDEX_OBEY="True")
    assert code == 0, printed
    assert crawling.rows("select count(*) from agencies where paused is not null") == [(0,)]
    assert crawling.rows("select count(*) from releases") == [(23,)]
    ((state, problem),) = crawling.rows("select state, problem from frontier where url = ?", hidden)
    assert (state, "noindex" in problem) == ("rejected", True)


def test_robots_out_of_reach_forbid_for_thirty_days_and_then_as_last_read(crawling: Crawling) -> None:
    robots, agency = f"http://{HOST}:{crawling.site.port}/robots.txt", HOST.partition(".")[0]
    forbidden = first_url(crawling, agency)
    crawling.site.break_(robots, status=503)
    code, printed = crawling.run("news", "-a", f"agency={agency}")
    assert (code, "cannot be read: answered 503" in printed) == (1, True), printed
    assert {path for _, path in crawling.site.counts.paths} == {"/robots.txt"}
    ((state, paused),) = crawling.rows("select robots, paused_until from hosts")
    assert (state, paused is not None) == ("unreachable", True), "a host that gave no answer in a whole crawl"
    crawling.site.clear_counts()
    code, printed = crawling.run("news", "-a", f"agency={agency}")
    assert (code, crawling.site.counts.total) == (1, 0), "it is left in peace"
    assert "is paused until" in printed
    rules = f"User-agent: *\nDisallow: /{forbidden.split('/', 3)[3]}\n"
    crawling.write(
        "update hosts set robots_since = '2020-01-01T00:00:00+00:00', paused_until = '2020-01-01T00:00:00+00:00',"
        f" robots_text = '{rules}'"
    )
    code, printed = crawling.run("news", "-a", f"agency={agency}")
    assert "the rules that were read last apply" in printed
    assert crawling.rows("select count(*) from releases") == [(5,)]
    assert crawling.rows("select state from frontier where url = ?", forbidden) == [("rejected",)]


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),  # noqa: S104
        *("::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
        *("::7f00:1", "fec0::1", "64:ff9b:1::7f00:1", "::ffff:0:7f00:1"),
        *("localhost", "skog.localhost", "printer.local", "db.internal", "2130706433", "127.1", "0x7f.1"),
    ],
)
def test_what_is_not_public_is_not_asked(host: str) -> None:
    assert find_host_problem(host)


@pytest.mark.parametrize("host", ["polisen.se", "www.xn--frsvarsmakten-4ib.se", "193.0.6.139", "2001:67c:2e8::1"])
def test_what_is_public_is_asked(host: str) -> None:
    assert find_host_problem(host) is None


@pytest.mark.parametrize(
    ("agency", "url", "asked"),
    [
        ("here", "http://here.localhost:8002/nyheter/1", True),
        ("here", "http://127.0.0.1:9000/feed", True),
        ("here", "http://here.localhost:8003/", False),  # another server of this machine
        ("here", "http://here.localhost/", False),
        ("here", "http://10.0.0.5:8002/", False),
        ("away", "http://here.localhost:8002/nyheter/1", False),  # a page or a redirect of another agency
        ("away", "http://127.0.0.1:9000/feed", False),  # its own table names it, but it does not live here
        ("inside", "http://10.0.0.5/", False),  # PRIVATE_HOSTS is for that
        ("away", "http://10.0.0.6/", True),
    ],
)
def test_on_this_machine_an_agency_is_asked_at_home_alone(agency: str, url: str, asked: bool) -> None:
    homes = {"here": "http://here.localhost:8002/", "away": "https://away.example/", "inside": "http://10.0.0.5/"}
    agencies = {
        slug: Agency(slug=slug, name=slug, home=home, feeds=("http://127.0.0.1:9000/feed",))
        for slug, home in homes.items()
    }
    spider, settings = SimpleNamespace(agencies=agencies), Settings({"PRIVATE_HOSTS": ["10.0.0.6"]})
    gate = SSRFFilter(cast("Crawler", SimpleNamespace(spider=spider, settings=settings)))
    with nullcontext() if asked else pytest.raises(PrivateAddress):
        gate.process_request(Request(url, meta={"agency": agency}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("noindex", True),
        ("none", True),
        ("Myndighetsarkivet: NOINDEX, nofollow", True),
        ("noarchive", False),
        ("otherbot: noindex", False),
        ("all", False),
    ],
)
def test_noindex_is_told_from_other_directives(text: str, said: bool) -> None:
    assert is_noindex_directive(text) is said


def test_a_listing_that_a_budget_cuts_goes_on_where_it_was(crawling: Crawling) -> None:
    agency = "hushallsmyndigheten"
    site = f"http://{agency}.localhost:{crawling.site.port}/"
    crawling.agencies.write_text(
        f'[{agency}]\nname = "Hushåll"\nhome = "{site}"\nlistings = ["{site}lista"]\n', "utf-8"
    )

    def make(query: str) -> str:
        number = int(query.rpartition("=")[2] or "1")
        following = f'<a rel="next" href="/lista?sida={number + 1}">Nästa</a>' if number < 9 else ""
        return f'<main><ul><li><a href="/nyheter/{number}">Nyhet {number}</a></ul></main>{following}'

    crawling.site.break_(f"{site}lista", make=make)
    crawling.run(DAILY_BUDGET="4")
    ((page,),) = crawling.rows("select page_number from pagination_cursors")
    assert 2 < page <= 5
    crawling.site.clear_counts()
    crawling.write("update crawls set started = '2020-01-01', requests = 0")
    crawling.write("update frontier set fetched = '2020-01-01T00:00:00+00:00'")
    crawling.run(DAILY_BUDGET="400")
    assert crawling.rows("select count(*) from frontier where role = 'release'") == [(9,)]


def test_a_clock_in_error_spends_no_later_days_budget(held: Crawling) -> None:
    held.write("update crawls set started = '2099-01-01T00:00:00+00:00'")
    held.write("update frontier set fetched = '2099-01-01T00:00:00+00:00'")
    with Archive(held.archive) as archive:
        assert count_daily_requests(archive, SLUG, datetime.now(UTC).date().isoformat()) == 0
        assert count_daily_requests(archive, SLUG, "2099-01-01") > 0


def test_a_check_that_a_clock_in_error_has_planned_is_made_now(held: Crawling) -> None:
    held.write("update releases set next_check = strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '+200 days')")
    code, printed = held.run("revisit", "-a", f"agency={SLUG}")
    assert code == 0, printed
    ((checked, planned),) = held.rows(
        "select sum(checks), max(next_check) < strftime('%Y-%m-%d', 'now', '+100 days') from releases where agency = ?",
        SLUG,
    )
    assert (checked, planned) == (6, 1)


def test_names_of_this_machine_need_no_name_server(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = PublicResolver(cast("ReactorBase", None), 0, 1.0, frozenset())
    asked: list[str] = []

    def resolve_host(name: str, timeout: object) -> Deferred[str]:
        asked.append(name)
        return fail(DNSLookupError(name))

    monkeypatch.setattr(resolver, "resolve_host", resolve_host)
    found: list[object] = []
    for name in ("skog.localhost", "localhost", "SKOG.LOCALHOST"):
        resolver.getHostByName(name).addBoth(found.append)
    assert (found, asked) == (["127.0.0.1"] * 3, [])
    resolver.getHostByName("skoglocalhost").addErrback(lambda _: None)
    assert asked == ["skoglocalhost"]


def test_only_what_is_given_on_the_command_line_leads_to_this_machine() -> None:
    crawler = SimpleNamespace(settings=Settings(), spider=SimpleNamespace(name="default"))
    gate = SSRFFilter(cast("Crawler", crawler))
    with pytest.raises(PrivateAddress):
        gate.process_request(Request("http://127.0.0.1:8001/", meta={"redirect_urls": ["https://a.example/"]}))
    with pytest.raises(PrivateAddress):
        gate.process_request(Request("http://127.0.0.1:8001/", meta={"depth": 1}))
    with pytest.raises(PrivateAddress):
        gate.process_request(Request("http://10.0.0.5/"))
    gate.process_request(Request("http://127.0.0.1:8001/"))
    gate.process_request(Request("http://127.0.0.1:8001/more", meta={"depth": 1}))
    with pytest.raises(PrivateAddress):
        gate.process_request(Request("http://127.0.0.1:9000/", meta={"depth": 1}))
