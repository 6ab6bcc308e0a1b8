"""scrapy crawl news: finds new releases in feeds, sitemaps and listings, and reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import Settings

from archive.database.sqlite_files import ArchiveError
from archive.health.metrics import TRACKED_FIELDS
from archive.store.releases import Archive
from archive.times import now, to_iso
from scraper.agency import Agency, SurveyMark, load_agencies
from scraper.crawl.crawl_stats import AgencyStats, open_crawl
from scraper.crawl.round_locks import lock_agencies
from scraper.downloader.limits import count_daily_requests
from scraper.errors import AgencyError
from scraper.spiders.news import NewsSpider
from tests.scraper.crawling import NOWHERE, RELEASES, SLUG, Crawling, copy_archive
from tests.site.compose import SLUGS
from tests.site.knobs import Asked
from tests.site.paths import PATHS
from tests.site.server import Site

SKOG, FARLED, LAS, HUSHALL = SLUGS
DAY = timedelta(days=1)
TABLES = (
    "releases",
    "revisions",
    "questions",
    "tags",
    "release_tags",
    "images",
    "attachments",
    "contacts",
)
UNREADABLE = """<html lang="sv"><body><main><article><h1>Fler älgar räknade i år</h1>
<p>Publicerad: 35 mars 2024</p><p>Räkningen gjordes i mars av tvåhundra frivilliga, som gick tre mil var.</p>
</article></main></body></html>"""
BROKEN_LEAD = "Beslutet om f\ufffdrskolan."
SITEMAPS = "http://www.sitemaps.org/schemas/sitemap/0.9"
XML = {"Content-Type": "application/xml"}


@pytest.fixture(scope="module")
def whole_crawl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Crawling, int, str]]:
    """A crawl of all sample releases; its exit code, and what it printed."""
    folder = tmp_path_factory.mktemp("whole_crawl")
    with Site() as site:
        crawling = Crawling(site, site.agencies_file(folder), folder / "archive.db")
        yield crawling, *crawling.run()


def test_every_release_is_stored_as_it_was_published(
    whole_crawl: tuple[Crawling, int, str],
) -> None:
    crawling, code, printed = whole_crawl
    assert code == 0, printed
    truth = crawling.site.truth
    assert {url for (url,) in crawling.rows("select url from releases")} == set(truth)
    with Archive(crawling.archive) as archive:
        states = {url: stored.state for url in truth if (stored := archive.get(url))}
    wrong = []
    for url, release in truth.items():
        state = states[url]
        found = (
            *(state[name] for name in ("title", "lead", "published", "updated")),
            [question["question"] for question in state["questions"]],
            set(state["tags"]),
            [(c["name"], c["role"], c["phone"], c["email"]) for c in state["contacts"]],
        )
        expected = (
            *(release.title, release.lead, to_iso(release.published), to_iso(release.updated)),
            [question.question for question in release.questions],
            set(release.tags),
            [
                (contact.name, contact.role, contact.phone, contact.email)
                for contact in release.contacts
            ],
        )
        wrong += [
            (url, got, wanted) for got, wanted in zip(found, expected, strict=True) if got != wanted
        ]
    assert wrong == []


def test_counts_of_a_crawl_agree_with_the_archive(whole_crawl: tuple[Crawling, int, str]) -> None:
    crawling, _, printed = whole_crawl
    columns = "agency, reason, listed, new, unchanged, rejected, errors, requests, bytes"
    rows = crawling.rows(f"select {columns} from crawls")
    assert len(rows) == 4
    for agency, reason, listed, new, unchanged, rejected, errors, requests, size in rows:
        assert (reason, rejected, errors) == ("finished", 0, 0), (agency, printed)
        assert new == crawling.rows("select count(*) from releases where agency = ?", agency)[0][0]
        assert (listed, unchanged) == (new, 0)
        assert requests > new
        assert size > new * 20_000
        assert agency in printed


def test_second_crawl_only_adds_later_releases(crawled_site: Crawling) -> None:
    site, ((last_id,),) = crawled_site.site, crawled_site.rows("select max(id) from releases")
    before = [crawled_site.rows(f"select * from {name}") for name in TABLES]
    printed = crawled_site.succeed()
    assert [crawled_site.rows(f"select * from {name}") for name in TABLES] == before
    counts = (
        "select new, revised, unchanged, rejected, errors, already_stored = listed and listed"
        " > 0 from crawls"
    )
    assert crawled_site.rows(f"{counts} where id > 4") == [(0, 0, 0, 0, 0, 1)] * 4, printed
    old = [site.withhold(crawled_site.urls(slug)[0]) for slug in SLUGS]
    *new, rejected = [
        site.publish(replace(release, title=f"En ny text från {release.agency}")) for release in old
    ]
    site.break_(rejected, **NOT_FOUND)
    code, printed = crawled_site.run()
    assert code == 0, printed  # a rejected page is no failure
    assert {
        url for (url,) in crawled_site.rows("select url from releases where id > ?", last_id)
    } == set(new)
    sums = "select sum(new), sum(revised), sum(rejected), sum(errors) from crawls where id > 8"
    assert crawled_site.rows(sums) == [(3, 0, 1, 0)], printed


NOT_FOUND = {"body": "<h1>Sidan kunde inte hittas</h1><p>Fel 404.</p>"}
CONSENT_WALL = {"body": "<h1>Innan du fortsätter</h1><p>Vi använder kakor.</p>"}
LOGIN = {"body": "<h1>Logga in</h1><form><input type='password' name='p'></form>"}
TO_LISTING = {"status": 302, "headers": {"Location": PATHS["sitevision"].listing}}
NOINDEX = {"body": "<h1>Dold</h1>", "headers": {"X-Robots-Tag": "noindex"}}
# a release's agency, its fault, and the problem it has then
REJECTED: dict[str, tuple[str, dict[str, Any], str]] = {
    "unreadable": (SKOG, {"body": UNREADABLE}, "published: 'Publicerad: 35 mars"),
    "error page": (SKOG, NOT_FOUND, "page: "),
    "consent wall": (SKOG, CONSENT_WALL, "page: "),
    "login": (SKOG, LOGIN, "page: "),
    "to listing": (SKOG, TO_LISTING, "page: redirected to a page that is not a release"),
    "noindex": (LAS, NOINDEX, "page: asks not to be indexed (noindex)"),
    "forbidden": (LAS, {"delay": 0.0}, "RobotsForbidden: "),
}
OTHERS = {
    "broken letters": SKOG,
    "server error": SKOG,
    **dict.fromkeys(("first", "second", "third"), LAS),
}


@dataclass(frozen=True)
class FaultyCrawl:
    """A crawl among faults. `urls` has the releases by their faults."""

    crawl: Crawling
    urls: dict[str, str]
    result: tuple[int, str]  # exit code and output

    def json_counts(self, column: str) -> dict[str, Any]:
        return {slug: json.loads(text) for slug, text in self.crawl.counts(column).items()}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyCrawl]:
    folder = tmp_path_factory.mktemp("faulty")
    with Site(releases=32) as site:
        crawl = Crawling(site, site.agencies_file(folder), folder / "archive.db")
        slugs = {name: slug for name, (slug, _, _) in REJECTED.items()} | OTHERS
        unused = {slug: iter(crawl.urls(slug)) for slug in SLUGS}
        urls = {name: next(unused[slug]) for name, slug in slugs.items()}
        for name, (_, fault, _) in REJECTED.items():
            site.break_(urls[name], **fault)
        for name in ("first", "second", "third"):
            body = UNREADABLE.replace("<body>", '<link rel="canonical" href="/nyhet/mall/"><body>')
            site.break_(
                urls[name],
                body=body.replace("35 mars", "15 mars").replace("Fler älgar", f"{name} älg"),
            )
        site.edit(urls["broken letters"], {"title": "FÃ¶r Ã…re", "lead": BROKEN_LEAD})
        site.break_(urls["server error"], status=500)
        rules = f"User-agent: *\nDisallow: /{urls['forbidden'].split('/', 3)[3]}\n"
        site.break_(
            site.url(LAS, "/robots.txt"), body=rules, headers={"content-type": "text/plain"}
        )
        site.break_(site.url(FARLED, "/robots.txt"), status=404)
        # it links to listings
        site.break_(f"{HUSHALL}/", **DENIED)
        crawl.agencies.write_text(crawl.agencies.read_text("utf-8") + NOWHERE, "utf-8")
        settings = {
            "NOINDEX_OBEY": "True",
            "LOOPBACK_UNKNOWN": "borta.invalid",
            "DOWNLOAD_DELAY": "0.05",
        }
        yield FaultyCrawl(crawl, urls, crawl.run(**settings))


@pytest.mark.parametrize("name", REJECTED)
def test_rejected_page_is_reported_with_its_problem(faulty: FaultyCrawl, name: str) -> None:
    url, (slug, _, problem) = faulty.urls[name], REJECTED[name]
    ((state, stored),) = faulty.crawl.rows("select state, problem from frontier where url = ?", url)
    problems = faulty.json_counts("problems")[slug]
    assert state == "rejected"
    assert [text for text in problems if text.startswith(f"{url}: {problem}")] == [stored]
    assert stored in faulty.result[1]
    assert faulty.crawl.rows("select count(*) from releases where url = ?", url) == [(0,)]
    requests = faulty.crawl.site.counts.paths[faulty.crawl.site.address(url)]
    assert requests == (0 if name == "forbidden" else 1)


def test_failures_are_counted_by_agency(faulty: FaultyCrawl) -> None:
    code, printed = faulty.result
    assert code == 1, printed
    failures, sources = faulty.json_counts("failures"), faulty.json_counts("source_failures")
    kinds = ("unreadable", "error page", "redirected", "status 5xx", "consent wall", "login")
    assert failures[SKOG] == dict.fromkeys(kinds, 1)
    for slug, kind in (("borta", "dns"), (HUSHALL, "block page")):
        assert (failures[slug], sources[slug]) == ({kind: 1}, {kind: 1})
    assert (sources[SKOG], sources[FARLED], failures[FARLED]) == ({}, {}, {})
    assert faulty.crawl.counts("errors") == {SKOG: 3, FARLED: 0, LAS: 0, HUSHALL: 1, "borta": 1}
    assert faulty.crawl.counts("rejected") == {SKOG: 3, FARLED: 0, LAS: 2, HUSHALL: 0, "borta": 0}
    new = {SKOG: 2, FARLED: 8, LAS: 6, HUSHALL: 8, "borta": 0}  # HUSHALL by its sitemap
    assert (faulty.crawl.counts("new"), faulty.crawl.counts("parsed")) == (new, new)
    fields = faulty.json_counts("field_counts")[SKOG]
    assert (set(fields) <= set(TRACKED_FIELDS), fields["title"]) == (True, 2)
    assert (faulty.crawl.counts("robots")[SKOG], faulty.crawl.counts("robots")[FARLED]) == (
        "allowed",
        "absent",
    )
    assert set(faulty.crawl.counts("quarantined").values()) == {0}
    assert 0.05 <= faulty.crawl.counts("delay")[SKOG] < 5
    assert "http://borta.invalid/feed: " in printed
    health = faulty.crawl.rows("select state from health where agency = 'borta'")
    assert health == [("never worked",)]


def test_server_error_is_requested_again_later(faulty: FaultyCrawl) -> None:
    url = faulty.urls["server error"]
    frontier = faulty.crawl.rows("select state, tries from frontier where url = ?", url)
    assert frontier == [("failed", 1)]
    assert f"{url}: answered 500" in faulty.result[1]


def test_pages_with_the_same_wrong_canonical_url_are_all_stored(faulty: FaultyCrawl) -> None:
    rows = faulty.crawl.rows(
        "select url, title from releases where title like '% älg räknade i år' order by title"
    )
    assert [title.split()[0] for _, title in rows] == ["first", "second", "third"]
    assert len({url for url, _ in rows}) == 3
    assert faulty.crawl.rows("select count(*) from revisions where cause <> 'first'") == [(0,)]


def test_broken_letters_are_reported_once(faulty: FaultyCrawl, tmp_path: Path) -> None:
    url = faulty.urls["broken letters"]
    warning = f"{url}: lead: has broken letters: '{BROKEN_LEAD}'"
    assert (faulty.result[1].count(warning), warning in faulty.json_counts("problems")[SKOG]) == (
        1,
        True,
    )
    releases = faulty.crawl.rows("select title, lead from releases where url = ?", url)
    assert releases == [("För Åre", BROKEN_LEAD)]
    _, printed = copy_archive(faulty.crawl, tmp_path).run("news", "-a", f"agency={SKOG}")
    assert warning not in printed


# Pages past the end of a listing


def build_listing(pager: str, *paths: str) -> str:
    items = "".join(f'<li><a href="{path}">En nyhet</a></li>' for path in paths)
    return (
        f"<html><body><main><h1>Nyheter</h1><ul>{items}</ul><div"
        f" class=pager>{pager}</div></main></body></html>"
    )


NEXT_ARROW = '<a href="/arkiv/sida/2">»</a>'
NUMBER_2, NOTHING = '<a href="/arkiv/sida/2">2</a>', "lists nothing"
DENIED = {"body": "<title>Access denied</title><h1>Access denied</h1>"}
EMPTY_PAGE = {"body": build_listing('<a href="/arkiv/sida/3">»</a>')}
LAST_PAGES: tuple[tuple[str, dict[str, Any], str, str | None], ...] = (
    (NEXT_ARROW, EMPTY_PAGE, "done", None),
    ('<a rel="next" href="/arkiv/sida/2">Nästa</a>', {**EMPTY_PAGE, "status": 404}, "done", None),
    (f'<a href="/arkiv/sida/1">1</a> {NUMBER_2} {NEXT_ARROW}', EMPTY_PAGE, "failed", NOTHING),
    (NEXT_ARROW, DENIED, "failed", NOTHING),
    (NEXT_ARROW, {**EMPTY_PAGE, "status": 500}, "failed", "answered 500"),
)


@pytest.mark.parametrize("spider", ["news", "audit"])
def test_last_link_of_a_pager_may_lead_past_the_end(tmp_path: Path, spider: str) -> None:
    with Site(releases=0, crawl_delay=None) as site:
        table = ""
        for number, (pager, last_page, *_) in enumerate(LAST_PAGES):
            host, base = f"sida{number}.localhost", f"http://sida{number}.localhost:{site.port}"
            lines = (
                f"[sida{number}]",
                'name = "Sida"',
                f'home = "{base}/"',
                f'listings = ["{base}/arkiv"]',
            )
            table += "\n".join((*lines, 'releases = "/nyheter/"', ""))
            paths = [f"/nyheter/{part}" for part in ("skog", "mark", "vatten")]
            site.break_(f"{host}/*", status=404)
            for path in paths:
                site.break_(
                    f"{host}{path}",
                    body=UNREADABLE.replace("35 mars", "15 mars").replace("älgar", path[9:]),
                )
            site.break_(f"{host}/arkiv", body=build_listing(pager, *paths))
            site.break_(f"{host}/arkiv/sida/2", **last_page)
        agencies = tmp_path / "agencies.toml"
        agencies.write_text(table, "utf-8")
        crawl = Crawling(site, agencies, tmp_path / "archive.db")
        code, printed = crawl.run(spider)
    assert code == 1, printed
    expected = {f"sida{number}": state for number, (_, _, state, _) in enumerate(LAST_PAGES)}
    if spider == "audit":
        rows = crawl.rows(
            "select agency, min(complete) from coverage where source like '%/arkiv' group by 1"
        )
        assert dict(rows) == {slug: int(state == "done") for slug, state in expected.items()}
    else:
        failed = crawl.rows("select agency from frontier where state = 'failed' order by 1")
        assert failed == [(slug,) for slug, state in expected.items() if state == "failed"]
    found = crawl.counts("errors", spider)
    assert found == {slug: int(state == "failed") for slug, state in expected.items()}
    problems = crawl.counts("problems", spider)
    for number, (_, _, _, problem) in enumerate(LAST_PAGES):
        assert (problem or "[]") in problems[f"sida{number}"]


# Crawls that leave something for the next one


def test_listing_interrupted_by_the_deadline_is_continued(tmp_path: Path) -> None:
    with Site(releases=100, crawl_delay=None) as site:
        crawl = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        only = ("news", "-a", f"agency={SLUG}")
        assert crawl.run(*only, "-a", "minutes=0.00001")[0] == 0
        cursors = (
            "select listing, page_number from pagination_cursors where next_url like '%start=%'"
        )
        (listing, page), *_ = crawl.rows(cursors)
        assert page == 2
        assert crawl.rows("select count(*) from releases") == [(0,)]
        ((early,),) = crawl.rows("select count(*) from frontier where role = 'release'")
        # a new release at the beginning of the listing
        site.publish(site.withhold(crawl.urls()[-1]))
        site.clear_counts()
        crawl.write(
            "insert into pagination_cursors values"
            " ('http://x.example/', 'skogsbruksradet', 'x', 9, '2024')"
        )
        assert crawl.run(*only)[0] == 0
        assert crawl.rows("select count(*) from pagination_cursors") == [(0,)], (
            "even of a listing that is gone"
        )
        assert crawl.rows("select count(*) from releases") == [(25,)]
        assert early < 25
        assert site.counts.paths[f"{SLUG}.localhost", listing.partition(f":{site.port}")[2]] == 1


def test_listing_of_a_killed_crawl_is_read_to_its_end(crawling: Crawling) -> None:
    listing = crawling.site.url(SLUG, crawling.site.agencies[SLUG].paths.listing)
    with Archive(crawling.archive) as archive, archive.transaction():
        archive.add_agency(SLUG, name="Skogsbruksrådet", home=crawling.site.url(SLUG))
        archive.frontier.add(listing, agency=SLUG, role="listing", seen_at=now())
        # the first page, and no more
        for release in crawling.site.agencies[SLUG].sorted_newest("")[:5]:
            url = crawling.site.url(SLUG, release.path)
            archive.frontier.add(url, agency=SLUG, role="release", seen_at=now(), source=listing)
    code, printed = crawling.run("news", "-a", f"agency={SLUG}")
    assert code == 0, printed
    assert crawling.rows("select count(*) from releases") == [(len(crawling.urls()),)]


def test_listing_interrupted_by_the_daily_budget_is_continued(crawling: Crawling) -> None:
    base = crawling.site.url(HUSHALL)
    table = f'[{HUSHALL}]\nname = "Hushåll"\nhome = "{base}"\nlistings = ["{base}lista"]\n'
    crawling.agencies.write_text(table, "utf-8")

    def make(query: str) -> str:
        number = int(query.rpartition("=")[2] or "1")
        following = f'<a rel="next" href="/lista?sida={number + 1}">Nästa</a>' if number < 9 else ""
        return (
            f'<main><ul><li><a href="/nyheter/{number}">Nyhet {number}</a></ul></main>{following}'
        )

    crawling.site.break_(f"{base}lista", make=make)
    crawling.run(DAILY_BUDGET="4")
    ((page,),) = crawling.rows("select page_number from pagination_cursors")
    assert 2 < page <= 5
    crawling.write("update crawls set started = '2020-01-01T00:00:00+00:00', requests = 0")
    crawling.write("update frontier set fetched = '2020-01-01T00:00:00+00:00'")
    crawling.run(DAILY_BUDGET="400")
    assert crawling.rows("select count(*) from frontier where role = 'release'") == [(9,)]


def test_index_of_sitemaps_is_left_at_the_deadline_and_continued(tmp_path: Path) -> None:
    with Site(releases=20, crawl_delay=None) as site:
        crawl = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        children = [site.url(FARLED, f"/del{number}.xml") for number in range(40)]
        for url in children:
            site.break_(url, body=f'<urlset xmlns="{SITEMAPS}"></urlset>', headers=XML)
        entries = "".join(f"<sitemap><loc>{url}</loc></sitemap>" for url in children)
        index = f'<sitemapindex xmlns="{SITEMAPS}">{entries}</sitemapindex>'
        site.break_(
            site.url(FARLED, site.agencies[FARLED].paths.sitemap or ""), body=index, headers=XML
        )
        only, read = (
            ("news", "-a", f"agency={FARLED}"),
            "select url from frontier where url like '%/del%' and state = 'done'",
        )
        crawl.run(*only, "-a", "minutes=0.05", DOWNLOAD_DELAY="0.15")
        first = {url for (url,) in crawl.rows(read)}
        assert 0 < len(first) < 35
        ((counted, fetched),) = crawl.rows(
            "select requests, (select count(*) from frontier where fetched > '') from crawls"
        )
        assert abs(counted - fetched) < 5, "dropped requests do not count"
        log: list[Asked] = []
        site.log = log
        crawl.run(*only)
        assert len(crawl.rows(read)) == 40
        requested = [
            site.url(FARLED, request.path) for request in log if request.path.startswith("/del")
        ]
        assert set(requested[: 40 - len(first)]) == set(children) - first, (
            "those that were left out come first"
        )


def test_paused_host_of_a_feed_or_redirect_leaves_the_agency_alone(
    crawling: Crawling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # a proxy of the environment is not used
    other, moved = f"http://nere.localhost:{crawling.site.port}", crawling.urls()[0]
    crawling.add_to_table(f'feeds = ["{other}/feed"]')
    crawling.site.break_(moved, status=302, headers={"Location": f"{other}/x"})
    with Archive(crawling.archive) as archive, archive.transaction():
        archive.hosts.pause(
            f"nere.localhost:{crawling.site.port}", now(), "down", first_wait=DAY, max_wait=DAY
        )
    code, printed = crawling.run("news", "-a", f"agency={SLUG}")
    assert code == 1, printed
    assert crawling.rows("select count(*) from releases") == [(len(crawling.urls()) - 1,)]
    assert crawling.rows("select state, tries from frontier where url = ?", moved) == [("due", 0)]
    assert crawling.rows("select failures from crawls") == [('{"host paused": 2}',)], (
        "the feed and the release"
    )


def test_paused_agency_and_spent_budget(crawling: Crawling) -> None:
    crawling.add_to_table('paused = "they asked us to"')
    code, printed = crawling.run(DAILY_BUDGET="7")
    assert code == 0, printed
    assert f"{SKOG} is paused in the list of agencies and skipped: they asked us to" in printed
    agencies = crawling.rows("select paused from agencies where slug = ?", SKOG)
    assert agencies == [("they asked us to",)]
    requests = crawling.counts("requests")
    assert SKOG not in requests
    assert max(requests.values()) == 7
    assert "the 7 requests of this day are used up (DAILY_BUDGET)" in printed
    spent = {agency for agency, number in requests.items() if number == 7}
    left = crawling.rows(
        "select agency, state, count(*) from frontier where role = 'release' group by 1, 2"
    )
    assert {agency for agency, state, _ in left if state == "due"} == spent
    assert {state for _, state, _ in left} <= {"due", "stored"}
    day = datetime.now(UTC).date().isoformat()
    with Archive(crawling.archive) as archive:
        assert {count_daily_requests(archive, slug, day) for slug in spent} == {7}
    table = crawling.agencies.read_text("utf-8").replace('paused = "they asked us to"', "")
    crawling.agencies.write_text(table, "utf-8")
    with crawling.open_spider(NewsSpider) as spider:
        assert SKOG in spider.agencies
    assert crawling.rows("select count(*) from agencies where paused is not null") == [(0,)]


def test_since_skips_older_links(crawling: Crawling) -> None:
    dates = sorted(
        str(release.published)[:10] for release in crawling.site.truth.values() if release.published
    )
    middle = dates[len(dates) // 2]
    crawling.succeed("news", "-a", f"since={middle}")
    stored = {url for (url,) in crawling.rows("select url from releases")}
    newer = {
        u
        for u, truth in crawling.site.truth.items()
        if truth.published and str(truth.published)[:10] > middle
    }
    assert newer <= stored
    assert len(stored) < RELEASES


# Arguments and settings


def test_agencies_that_are_being_crawled_are_left_out(crawling: Crawling) -> None:
    Archive(crawling.archive).close()
    lock, _ = lock_agencies(crawling.archive, load_agencies(crawling.agencies))
    with lock:  # a lock keeps only other processes out
        code, printed = crawling.finish(crawling.command())
    assert code == 0, "nothing has failed"
    assert printed.count("is already being crawled") == 4
    assert crawling.site.counts.total == 0


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ({}, {"AGENCIES": "/nowhere.toml"}, "/nowhere.toml: no such file"),
        ({}, {"ARCHIVE": "/nowhere/archive.db"}, "/nowhere/archive.db"),
        ({}, {"CONTACT": "", "AGENCIES": ""}, "CONTACT must be set"),
        ({"since": "soon"}, {}, "'soon' is not a date"),
        ({"agency": "ingen"}, {}, r"\[ingen\] is not in the list"),
    ],
)
def test_wrong_argument_or_setting_is_an_error(
    crawling: Crawling, arguments: dict[str, str], settings: dict[str, str], message: str
) -> None:
    with (
        pytest.raises((AgencyError, ArchiveError), match=message),
        crawling.open_spider(NewsSpider, arguments, **settings),
    ):
        pass
    assert not crawling.archive.exists()


async def test_agencies_never_tried_are_named_before_their_first_crawl(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Archive(tmp_path / "archive.db") as archive:
        spider = NewsSpider()
        spider.archive, spider.agencies, spider.settings = archive, {}, Settings()
        for slug in ("sjo", *(f"skog-{number}" for number in range(7))):
            home = f"https://{slug}.example/"
            archive.add_agency(slug, name=slug, home=home)
            spider.agencies[slug] = Agency(slug=slug, name=slug, home=home)
            spider.agency_stats[slug] = AgencyStats()
        mark = SurveyMark(tried=date(2026, 12, 1), verdict="doubts", read=3)
        spider.agencies["skog-1"] = replace(spider.agencies["skog-1"], survey=mark)
        local = replace(spider.agencies["skog-2"], home="http://skog.localhost:8002/")
        spider.agencies["skog-2"] = local
        crawl = open_crawl(archive, "sjo", "news", now())
        await anext(spider.start())
        expected = "6 (sjo, skog-0, skog-3, skog-4, skog-5, …)"
        assert f"agencies never tried on the live web: {expected};" in caplog.text
        caplog.clear()
        archive.db.execute("update crawls set finished = started where id = ?", [crawl])
        del spider.agencies["skog-0"]
        await anext(spider.start())
        assert ": 4 (skog-3, skog-4, skog-5, skog-6);" in caplog.text
        caplog.clear()
        spider.agencies = {slug: spider.agencies[slug] for slug in ("sjo", "skog-1", "skog-2")}
        await anext(spider.start())
        assert caplog.text == ""
