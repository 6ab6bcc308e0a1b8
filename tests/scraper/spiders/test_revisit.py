"""scrapy crawl revisit: checks stored releases for edits, moves and removals."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from scrapy import Request
from scrapy.http import HtmlResponse
from twisted.python.failure import Failure

from archive.database.sqlite_files import ArchiveError
from archive.store.releases import Archive
from archive.store.takedowns import hide_release
from archive.times import now, to_iso
from scraper.agency import build_user_agent
from scraper.downloader.limits import RobotsForbidden
from scraper.spiders.release_spider import build_conditional_headers
from scraper.spiders.revisit import RevisitSpider
from tests.harness.weather.speech import HEAD, say
from tests.scraper.crawling import RELEASES, SLUG, Crawling, copy_crawl
from tests.site.compose import SLUGS

NOTICE = "<title>Hoppsan</title><h1>Hoppsan</h1><p>Här var det tomt. Prova en annan väg in.</p>"
LOGIN = (
    "<title>Logga in</title><h1>Logga in</h1><form><input name=u><input type=password"
    " name=p></form>"
)
OUTAGE = (
    "<title>Driftstopp</title><h1>Driftstopp</h1><p>Webbplatsen är tillfälligt stängd för"
    " underhåll.</p>"
)
SERVER_ERROR = (
    "<title>Runtime Error</title><h1>Server Error in '/' Application.<hr></h1><h2><i>Runtime"
    " Error</i></h2>"
)
CHALLENGE = "<title>Just a moment...</title><script>window._cf_chl_opt={}</script>"
PLACEHOLDER = (
    "<title>En ny webb tar form</title><main><h1>En ny webb tar form</h1><p>Här växer något nytt"
    " fram. Under tiden når du oss på telefon och med brev, och våra kontor är öppna som vanligt på"
    " vardagar.</p></main>"
)
OTHER_PLACEHOLDER = PLACEHOLDER.replace("En ny webb tar form", "Vi bygger om")
PAGE = f"<html><body>{''.join(f'<p>Stycke {n} om skog nummer {n * 7919 % 1009}.</p>' for n in range(2000))}</body></html>"
LEAD = "Från och med den 1 juli gäller nya regler."
SKOG, FARLED, LAS, HUSHALL = SLUGS
COMPRESSED = gzip.compress(PAGE.encode())
GZIP = {"Content-Type": "text/html", "Content-Encoding": "gzip"}
TO_PRIVATE_HOST = {"status": 302, "headers": {"location": "http://10.0.0.1/login"}}
# a release's agency, its fault, and its kind of removal
FAULTS: dict[str, tuple[str, dict[str, Any], str | None]] = {
    "error page": (FARLED, {"soft_404": True}, "error page"),
    "redirected": (FARLED, {"status": 302, "headers": {"location": "/"}}, "redirected"),
    "replaced": (FARLED, {"body": NOTICE}, "replaced"),
    "login": (FARLED, {"status": 302, "headers": {"location": "/login?fran=1"}}, None),
    "outage": (FARLED, {"status": 302, "headers": {"location": "/outage?fran=1"}}, None),
    "challenge": (LAS, {"body": CHALLENGE}, None),
    "server error": (LAS, {"body": SERVER_ERROR}, None),
    "private redirect": (LAS, TO_PRIVATE_HOST, None),
    "blocked": (LAS, {"headers": {"cf-mitigated": "challenge"}, "body": PLACEHOLDER}, None),
    "cut gzip": (HUSHALL, {"body": COMPRESSED[: len(COMPRESSED) * 3 // 4], "headers": GZIP}, None),
    "cut page": (HUSHALL, {"raw": say(HEAD, b"\r\n", PAGE.encode()[: len(PAGE) // 2])}, None),
}
OTHERS = {
    **dict.fromkeys(
        ("gone", "edited", "dated edit", "moved", "conditional redirect", "unchanged"), SKOG
    ),
    **{"reparsed": FARLED, "reparsed edit": LAS, "taken down": LAS},
}


@dataclass
class Revisited:
    """A revisit of releases that changed. `urls` has the releases by what happened to them."""

    crawl: Crawling
    urls: dict[str, str]
    moved_to: str = ""
    result: tuple[int, str] = (0, "")  # exit code and output

    def find(self, columns: str, name: str) -> list[tuple[Any, ...]]:
        """Columns of a release (r) and of its removal (m)."""
        sql = (
            f"select {columns} from releases r left join removals m on m.release = r.id where"
            f" r.url = ?"
        )
        return self.crawl.rows(sql, self.urls[name])

    def revisions(self, columns: str, name: str) -> list[tuple[Any, ...]]:
        sql = (
            f"select {columns} from revisions v join releases r on r.id = v.release where"
            f" r.url = ? order by v.id"
        )
        return self.crawl.rows(sql, self.urls[name])


@pytest.fixture(scope="module")
def revisited(first_crawl: Crawling, tmp_path_factory: pytest.TempPathFactory) -> Revisited:
    folder = tmp_path_factory.mktemp("revisited")
    with copy_crawl(first_crawl, folder) as crawl:
        site, unused = crawl.site, {slug: iter(crawl.urls(slug)) for slug in SLUGS}
        slugs = {name: slug for name, (slug, _, _) in FAULTS.items()} | OTHERS
        urls = {name: next(unused[slug]) for name, slug in slugs.items()}
        for name, (_, fault, _) in FAULTS.items():
            site.break_(urls[name], **fault)
        for path, body in (("/login", LOGIN), ("/outage", OUTAGE)):
            site.break_(site.url(FARLED, path), body=body)
        site.delete(urls["gone"], 404)
        site.edit(urls["edited"], {"lead": LEAD}, stamped=False)
        site.edit(urls["dated edit"], {"lead": LEAD}, stamped=True)
        moved_to = site.move(
            urls["moved"], urlsplit(urls["moved"]).path.replace("/20", "/arkiv/20", 1)
        )
        site.delete(urls["conditional redirect"], 302, to="/")
        date = (
            f"last_modified = 'Sat, 01 Jan 2050 00:00:00 GMT' where url ="
            f" '{urls['conditional redirect']}'"
        )
        crawl.write(f"update frontier set etag = null, {date}")
        for name in ("taken down", "reparsed edit"):
            site.edit(urls[name], {"title": "En helt ny rubrik om skog"})
        # as an earlier version of the parser may have read them
        for name in ("reparsed", "reparsed edit"):
            release = f"(select id from releases where url = '{urls[name]}')"
            crawl.write(
                f"update revisions set parser_version = 'NewsPage 0' where release = {release}"
            )
            crawl.write(f"update revisions set hash = 'old', lead = null where release = {release}")
            crawl.write(f"update releases set hash = 'old', lead = null where id = {release}")
            crawl.write(
                f"update frontier set etag = null, last_modified = null where url = '{urls[name]}'"
            )
        with Archive(crawl.archive) as archive:
            release_id = archive.find_release_id(urls["taken down"])
            assert release_id is not None
            hide_release(archive, release_id, now(), reason="Personuppgift")
        result = crawl.run("revisit", "-O", str(folder / "out.jsonl"), RETRY_TIMES="1")
    return Revisited(crawl, urls, moved_to, result)


def test_missing_release_keeps_its_text(revisited: Revisited) -> None:
    kinds = {name: kind for name, (_, _, kind) in FAULTS.items()}
    kinds |= {"gone": "gone", "conditional redirect": "redirected", "unchanged": None}
    columns = "m.kind, m.confirmed, m.status, r.removed_at, r.body <> ''"
    assert {name: revisited.find(columns, name) for name in kinds} == {
        name: [(kind, None, kind and (404 if kind == "gone" else 200), None, 1)]
        for name, kind in kinds.items()
    }
    assert [name for name in kinds if revisited.revisions("cause", name) != [("first",)]] == []


def test_missing_release_is_checked_again_soon(revisited: Revisited) -> None:
    assert revisited.find("m.checks, m.capture > 0", "gone") == [(1, 1)]
    days = "julianday(r.next_check) - julianday(r.last_checked)"
    assert revisited.find(f"{days} between 0.3 and 0.4", "gone") == [(1,)]
    counts = [
        revisited.crawl.counts(column, "revisit")[SKOG]
        for column in ("missing", "errors", "not_modified")
    ]
    assert counts == [2, 0, 1]


def test_edits_with_and_without_a_new_date(revisited: Revisited) -> None:
    columns = "cause, update_date_changed, importance > 0, v.capture is not null"
    assert revisited.revisions(columns, "edited")[1:] == [("source", 0, 1, 1)]
    assert revisited.revisions(columns, "dated edit")[1:] == [("source", 1, 1, 1)]


def test_moved_release_keeps_its_id(revisited: Revisited) -> None:
    old, new, rows = revisited.urls["moved"], revisited.moved_to, revisited.crawl.rows
    ((release, removed_at),) = rows("select id, removed_at from releases where url = ?", new)
    assert removed_at is None
    assert rows("select release from frontier where url in (?, ?)", old, new) == [
        (release,),
        (release,),
    ]
    removals = rows("select kind, target, moved_to from removals where release = ?", release)
    assert removals == [("moved", new, release)]
    assert rows("select count(*) from revisions where release = ?", release) == [(1,)]


def test_walls_and_cut_pages_are_failures(revisited: Revisited) -> None:
    code, printed = revisited.result
    assert code == 1, printed
    failures = {
        slug: json.loads(text)
        for slug, text in revisited.crawl.counts("failures", "revisit").items()
    }
    assert failures[LAS] == {"block page": 2, "server error page": 1, "private network": 1}
    assert failures[FARLED] == {"error page": 1, "redirected": 1, "login": 1, "outage": 1}
    assert failures[HUSHALL] == {"broken answer": 2}
    assert revisited.crawl.counts("errors", "revisit") == {SKOG: 0, FARLED: 2, LAS: 3, HUSHALL: 2}
    site = revisited.crawl.site
    for path in ("/login?fran=1", "/outage?fran=1"):
        assert f"(redirected to {site.url(FARLED, path)})" in printed
    assert "gzip body ends too early" in printed
    assert "closed before the end of the page" in printed
    for name in ("cut gzip", "cut page"):
        assert site.counts.paths[site.address(revisited.urls[name])] == 2
        found = revisited.find("r.next_check < strftime('%Y-%m-%dT%H:%M', 'now', '+1 day')", name)
        assert found == [(1,)]


def test_reparsed_state_is_stored_before_the_edit(revisited: Revisited) -> None:
    assert revisited.revisions("cause", "reparsed") == [("first",), ("parser",)]
    assert revisited.revisions("cause", "reparsed edit") == [("first",), ("parser",), ("source",)]
    assert revisited.crawl.counts("reparsed", "revisit") == {SKOG: 0, FARLED: 1, LAS: 0, HUSHALL: 0}


def test_export_has_the_edited_releases_but_not_the_hidden_one(revisited: Revisited) -> None:
    lines = (revisited.crawl.archive.with_name("out.jsonl")).read_text("utf-8").splitlines()
    exported = {row["url"]: row["cause"] for row in map(json.loads, lines)}
    names = ("edited", "dated edit", "reparsed edit")
    found = {revisited.urls[name] for name in names}
    assert found == {url for url, cause in exported.items() if cause == "source"}
    assert revisited.urls["taken down"] not in exported
    assert revisited.revisions("cause", "taken down") == [("first",), ("source",)]


def test_unchanged_site_costs_one_conditional_request_a_release(crawled_site: Crawling) -> None:
    captures = crawled_site.rows("select count(*) from captures")
    assert crawled_site.run("revisit")[0] == 0
    assert crawled_site.site.counts.statuses[304] == RELEASES
    sums = (
        "select sum(requests), sum(not_modified), sum(unchanged), sum(revised) from crawls"
        " where spider = 'revisit'"
    )
    assert crawled_site.rows(sums) == [(RELEASES, RELEASES, RELEASES, 0)]
    assert crawled_site.rows("select count(*) from captures") == captures
    checks = (
        "select count(*), min(checks), max(checks) from releases where next_check > last_checked"
    )
    assert crawled_site.rows(checks) == [(RELEASES, 1, 1)]
    crawled_site.site.clear_counts()
    assert crawled_site.run("revisit")[0] == 0
    assert crawled_site.site.counts.total == 0, "nothing is due"


def test_outage_of_a_whole_site_is_no_removal(crawled_site: Crawling) -> None:
    faults: list[dict[str, Any]] = [{"status": 503}, {"reset": True}]
    faults += [{"status": 403}, {"status": 429}]
    for slug, fault in zip(SLUGS, faults, strict=True):
        crawled_site.site.break_(f"{slug}/*", **fault)
    code, printed = crawled_site.run("revisit")
    assert code == 1, printed
    assert [
        slug for slug, errors in crawled_site.counts("errors", "revisit").items() if not errors
    ] == []
    assert crawled_site.rows("select count(*) from removals") == [(0,)]
    assert crawled_site.rows("select count(*) from revisions where previous is not null") == [(0,)]
    assert max(crawled_site.site.counts.hosts.values()) < 12, (
        "a site that seems to be down is left alone"
    )


def test_one_page_for_the_whole_site(crawled_site: Crawling) -> None:
    site = crawled_site.site
    past = "2026-01-01T00:00:00+00:00"
    crawled_site.write(f"update releases set first_seen = '{past}', last_checked = '{past}'")
    placeholders = {SKOG: PLACEHOLDER, FARLED: OTHER_PLACEHOLDER}
    # a single release is due, and the others are compared with it
    tomorrow = to_iso(now() + timedelta(days=1))
    for slug, body in placeholders.items():
        crawled_site.write(f"update releases set next_check = '{tomorrow}' where agency = '{slug}'")
        first = crawled_site.urls(slug)[0]
        crawled_site.write(f"update releases set next_check = '2026-01-01' where url = '{first}'")
        site.break_(f"{slug}/*", body=body)
        site.break_(site.url(slug, "/robots.txt"), status=404)
    site.break_(
        f"{LAS}/*",
        body="<title>Just a moment...</title><h1>Verify you are human</h1><p>captcha</p>",
    )
    rules = (
        f"User-agent: {build_user_agent('test@localhost')}\nDisallow: /\n\nUser-agent: *\nAllow:"
        f" /\n"
    )
    site.break_(
        site.url(HUSHALL, "/robots.txt"), body=rules, headers={"content-type": "text/plain"}
    )
    code, printed = crawled_site.run("revisit")
    assert code == 1, printed

    removals = (
        "select r.agency, m.kind, m.confirmed, count(*) from removals m join releases r on"
        " r.id = m.release"
    )
    found = crawled_site.rows(f"{removals} group by 1, 2, 3 order by 1")
    assert found == [(slug, "replaced", None, 6) for slug in sorted(placeholders)]
    for slug in placeholders:
        ((state, reason),) = crawled_site.rows(
            "select state, reason from health where agency = ?", slug
        )
        assert (state, '"code": "pages_alike"' in reason) == ("suspect", True)

    errors = crawled_site.counts("errors", "revisit")
    assert (errors[SKOG], errors[FARLED], errors[HUSHALL], errors[LAS] > 0) == (0, 0, 0, True)
    assert site.counts.hosts[f"{LAS}.localhost"] < 12
    assert {page for host, page in site.counts.paths if host.startswith(HUSHALL)} == {"/robots.txt"}
    problems = crawled_site.rows(
        "select problem from frontier where agency = ? and role = 'release'", HUSHALL
    )
    assert ["robots.txt" in (problem or "") for (problem,) in problems] == [True] * 6

    # a new URL with that page is no release either
    for slug in placeholders:
        new = (
            crawled_site.urls(slug)[0].rpartition("/")[0] + "/2026-01-01-ny.5.0123456789abcdef.html"
        )
        crawled_site.write(
            "insert into frontier (url, agency, role, state, first_seen) values"
            f" ('{new}', '{slug}', 'release', 'due', '2026-01-01T00:00:00+00:00')"
        )
    crawled_site.run("news", "-a", f"agency={','.join(placeholders)}")
    new_rows = "select state, release from frontier where url like '%0123456789abcdef.html'"
    assert crawled_site.rows(new_rows) == [("rejected", None)] * 2


def respond(spider: RevisitSpider, release_url: str, **response: Any) -> list[Any]:
    """Pass a response for a release to the spider; return what the spider yields."""
    row = spider.archive.frontier.get(release_url)
    assert row
    meta = {"row": row, "agency": row.agency, "unconditional": response.pop("unconditional", False)}
    answer = HtmlResponse(
        response.pop("url", release_url), request=Request(release_url, meta=meta), **response
    )
    return list(spider.parse_release(answer))


def test_release_that_is_back_with_304_is_no_longer_missing(crawled_site: Crawling) -> None:
    url = crawled_site.urls()[0]
    with crawled_site.open_spider(RevisitSpider) as spider:
        assert respond(spider, url, status=404) == []
        spider.archive.db.execute("update frontier set etag = '1' where url = ?", [url])
        assert respond(spider, url, status=304) == []
    assert crawled_site.rows("select ended is not null, confirmed from removals") == [(1, None)]
    assert crawled_site.rows("select state from frontier where url = ?", url) == [("stored",)]


def test_304_after_a_redirect_is_requested_again_without_conditions(crawled_site: Crawling) -> None:
    url, home = crawled_site.urls()[0], crawled_site.site.url(SLUG)
    with crawled_site.open_spider(RevisitSpider) as spider:
        row = spider.archive.frontier.get(url)
        assert row
        assert build_conditional_headers(row) != {}
        (request,) = respond(spider, url, url=home, status=304)
        assert (request.url, request.meta["unconditional"]) == (url, True)
        assert b"If-None-Match" not in request.headers
        assert respond(spider, url, url=home, status=304, unconditional=True) == []
        assert spider.agency_stats[SLUG].rejected == 1
    problem = "answered 304 to a request without conditions"
    frontier = crawled_site.rows("select problem from frontier where url = ?", url)
    assert frontier == [(f"{url}: page: {problem}",)]


def test_removed_release_that_is_still_missing_is_no_failure(crawled_site: Crawling) -> None:
    url = crawled_site.urls()[0]
    with crawled_site.open_spider(RevisitSpider) as spider:
        respond(spider, url, status=404)
        spider.archive.db.execute("update removals set confirmed = first_seen")
        spider.archive.db.execute(
            "update releases set removed_at = last_checked where url = ?", [url]
        )
        respond(spider, url, status=404)
        stats = spider.agency_stats[SLUG]
        assert (stats.missing, dict(stats.failures)) == (2, {"status 404": 1})


def test_known_problem_is_logged_once_and_then_counted(
    crawled_site: Crawling, caplog: pytest.LogCaptureFixture
) -> None:
    stored = crawled_site.urls()[0]
    never_stored = "http://skogsbruksradet.localhost/nyheter/borta.html"
    forbidden = Failure(RobotsForbidden("Forbidden by robots.txt"))  # type: ignore[no-untyped-call]
    with crawled_site.open_spider(RevisitSpider) as spider, caplog.at_level(logging.WARNING):
        frontier, home = spider.archive.frontier, crawled_site.site.url(SLUG)
        frontier.add(never_stored, agency=SLUG, role="release", seen_at=now())

        def forbid() -> None:
            forbidden.request = Request(stored, meta={"row": frontier.get(stored)})  # type: ignore[attr-defined]
            spider.release_failed(forbidden)

        not_a_release, borta = (
            "redirected to a page that is not a",
            f"{never_stored}: page: answered",
        )
        for happens, words in (
            (lambda: respond(spider, stored, status=404), f"{stored}: page: answered 404"),
            (lambda: respond(spider, stored, url=home, unconditional=True), not_a_release),
            (lambda: respond(spider, never_stored, status=404), f"{borta} 404"),
            (lambda: respond(spider, never_stored, status=410), f"{borta} 410"),
            (forbid, "Forbidden by robots.txt"),
            (lambda: respond(spider, stored, status=404), f"{stored}: page: answered 404"),
        ):
            caplog.clear()
            for _ in range(3):
                happens()
            assert [words in line for line in caplog.messages] == [True]
        stats = spider.agency_stats[SLUG]
        assert (stats.known_problems, stats.missing) == (12, 9)
        assert (stats.rejected, len(stats.problems)) == (9, 18)


def list_requests(spider: RevisitSpider) -> list[str]:
    async def collect() -> list[str]:
        return [request.url async for request in spider.start()]

    return asyncio.run(collect())


def test_budget_of_a_day_is_shared_by_several_revisits(
    crawled_site: Crawling, caplog: pytest.LogCaptureFixture
) -> None:
    only = {"agency": SLUG}
    with (
        caplog.at_level(logging.INFO),
        crawled_site.open_spider(RevisitSpider, only, REVISIT_BUDGET="3") as spider,
    ):
        assert len(list_requests(spider)) == 3
    assert "more releases are due than the 3 requests left" in caplog.text
    crawled_site.write(
        "insert into crawls (agency, spider, started, requests) select"
        f" '{SLUG}', 'revisit', strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now'), 3"
    )
    for budget, left in (("3", 0), ("5", 2)):
        with crawled_site.open_spider(RevisitSpider, only, REVISIT_BUDGET=budget) as spider:
            assert len(list_requests(spider)) == left


@pytest.mark.parametrize("days", [2, 60, 200])
def test_check_after_one_that_a_wrong_clock_dated_is_made_now(
    crawled_site: Crawling, days: int
) -> None:
    last, following = (
        f"strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '+{day} days')" for day in (days, days + 1)
    )
    crawled_site.write(f"update releases set last_checked = {last}, next_check = {following}")
    with crawled_site.open_spider(RevisitSpider, {"agency": SLUG}) as spider:
        list_requests(spider)
        assert spider.agency_stats[SLUG].listed == 6


def test_stored_release_without_a_frontier_entry_is_requested(crawled_site: Crawling) -> None:
    url = crawled_site.urls()[0]
    crawled_site.write(f"delete from frontier where url = '{url}'")
    with crawled_site.open_spider(RevisitSpider, {"agency": SLUG}) as spider:
        spider.queued_urls[SLUG].append(url)
        (row,) = spider.next_rows(SLUG, 4)
        assert (row.url, row.state, row.release_id) == (
            url,
            "stored",
            spider.archive.find_release_id(url),
        )


def test_lost_captures_need_a_setting(crawled_site: Crawling) -> None:
    crawled_site.archive.with_name("captures.db").unlink()
    with pytest.raises(ArchiveError), crawled_site.open_spider(RevisitSpider):
        pass
    with crawled_site.open_spider(RevisitSpider, NEW_CAPTURES="True") as spider:
        assert spider.recorder.captures is not None


def test_agencies_that_are_not_listed_are_reported(
    crawled_site: Crawling, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "other.toml").write_text(
        '[annan]\nname = "Annan"\nhome = "http://annan.localhost/"\n'
    )
    other = Crawling(crawled_site.site, tmp_path / "other.toml", crawled_site.archive)
    with other.open_spider(RevisitSpider):
        assert (
            "24 releases of 4 agencies that are not in the list are skipped: farledsverket"
            in caplog.text
        )
