"""scrapy crawl audit: compares all that the sources list with what is stored."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from archive.health.audited_sources import AuditedSource, SourceProblem
from scraper.agency import Agency
from scraper.errors import AgencyError
from scraper.sources.discovery import SourceURLs
from scraper.sources.links import SourceLink
from scraper.spiders.audit import AgencyAudit, AuditSpider
from tests.scraper.crawling import SLUG, Crawling
from tests.scraper.offline import OfflineCrawl
from tests.site.server import Site

UNAVAILABLE, FED, LISTED = "farledsverket", "lasframjandenamnden", "hushallsmyndigheten"
FRONTIER = (
    "select url, role, state, first_seen, source, listed, fetched, links, usual_links from"
    " frontier order by url"
)


@pytest.fixture
def incomplete(tmp_path: Path) -> Iterator[Crawling]:
    """An archive that lacks five releases of an agency, though a pass through its listing was
    complete.
    """
    with Site(releases=96, crawl_delay=None) as site:
        path = tmp_path / "archive.db"
        with OfflineCrawl(path, site=site.agencies[SLUG], base=site.url(SLUG, "")) as offline:
            listing = site.url(SLUG, offline.site.paths.listing)
            offline.add_links(offline.paths[:19], listing, links=5)
            offline.crawl(offline.paths[:19])
            with offline.archive.transaction():
                offline.archive.frontier.mark_done(listing, offline.moment)
        yield Crawling(site, site.agencies_file(tmp_path), path)


def break_sources(site: Site) -> dict[str, str]:
    """Make one agency unavailable, one sitemap of another and the second page of a listing; return
    the latter two.
    """
    listed, paths = site.agencies[LISTED], site.agencies[LISTED].paths
    sitemap = f"{site.agencies[FED].paths.sitemap}".removesuffix(".xml") + "-nyheter-2.xml"
    site.break_(f"{UNAVAILABLE}/*", status=503)
    site.break_(f"{FED}{sitemap}", status=500)

    def make(query: str) -> bytes:
        answer = listed.answer(paths.listing, query, site.url(LISTED, ""))
        return b"" if "page=1" in query else answer.make()

    site.break_(f"{LISTED}{paths.listing}", make=make)
    return {FED: sitemap, LISTED: f"{paths.listing}?page=1"}


def test_missing_releases_are_found_and_filled(incomplete: Crawling) -> None:
    site, stored = incomplete.site, {url for (url,) in incomplete.rows("select url from releases")}
    broken = break_sources(site)
    before, captures = incomplete.rows(FRONTIER), incomplete.rows("select count(*) from captures")

    code, printed = incomplete.run("audit", "-a", "refill=yes")
    assert code == 1, printed  # sources of three agencies failed
    assert f"{SLUG}: 24 listed, 19 stored, 0 rejected, 5 missing, 5 due now" in printed
    missing = {
        url for (url,) in incomplete.rows("select url from missing_releases where agency = ?", SLUG)
    }
    assert missing == set(incomplete.urls()) - stored
    assert incomplete.rows("select distinct state from missing_releases") == [("due",)]
    assert [row for row in incomplete.rows(FRONTIER) if row[2] != "due"] == before, (
        "news crawls depend on it"
    )
    assert incomplete.rows("select count(*) from captures") == captures, "no release is requested"
    crawls = "select listed, new, parsed, errors from crawls where spider = 'audit' and agency = ?"
    assert incomplete.rows(crawls, SLUG) == [(24, 0, 0, 0)]

    complete = dict(
        incomplete.rows(
            "select agency, min(complete) from coverage where source is null group by agency"
        )
    )
    assert complete == {SLUG: 1, FED: 0, LISTED: 0}, (
        "there is no coverage of an agency that did not respond at all"
    )
    for slug, path in broken.items():
        (problem,) = incomplete.rows(
            "select distinct problem_code, problem_url, kind from coverage"
            " where agency = ? and not complete and source is not null",
            slug,
        )
        expected = {FED: ("status 5xx", "sitemap"), LISTED: ("empty source", "listing")}[slug]
        assert problem == (expected[0], site.url(slug, path), expected[1])
    months = (
        "select month is null, sum(missing) from coverage where agency = ? and kind = ? group by 1"
    )
    assert incomplete.rows(months, FED, "feed") == [(0, 10)]
    assert incomplete.rows(months, FED, "sitemap") == [(1, 12)], (
        "a sitemap gives no month of publication"
    )

    assert incomplete.run("news", "-a", f"agency={SLUG}")[0] == 0
    filled = (
        "select state, count(*), count(filled) from missing_releases where agency = ? group by 1"
    )
    assert incomplete.rows(filled, SLUG) == [("filled", 5, 5)]

    # an agency whose coverage cannot be stored does not affect the others
    site.mend()
    incomplete.write("update hosts set paused_until = null")
    incomplete.write(
        "create trigger broken before insert on coverage when new.agency = 'farledsverket'"
        " begin select raise(abort, 'broken on purpose'); end"
    )
    before = incomplete.rows(FRONTIER)
    code, printed = incomplete.run("audit", "-a", f"agency={SLUG},{UNAVAILABLE}")
    assert (code, incomplete.rows(FRONTIER) == before) == (1, True), printed
    assert f"{SLUG}: 24 listed, 24 stored, 0 rejected, 0 missing" in printed
    assert f"{UNAVAILABLE}: the coverage cannot be stored" in printed
    crawls = (
        "select agency, errors, reason from crawls where spider = 'audit' order by id desc limit 2"
    )
    assert sorted(incomplete.rows(crawls)) == [(UNAVAILABLE, 1, "finished"), (SLUG, 0, "finished")]
    assert (UNAVAILABLE,) not in incomplete.rows("select distinct agency from coverage")

    ((spent,),) = incomplete.rows("select sum(requests) from crawls where agency = ?", SLUG)
    code, printed = incomplete.run("audit", "-a", f"agency={SLUG}", DAILY_BUDGET=str(spent + 2))
    assert code == 0, printed
    ((problem, listed, is_complete),) = incomplete.rows(
        "select max(problem_code), sum(listed), max(complete) from"
        " coverage where source is null and agency = ?",
        SLUG,
    )
    assert (problem, 0 < listed < 24, is_complete) == ("deferred", True, 0)


def test_list_behind_a_button_is_incomplete(tmp_path: Path) -> None:
    with Site(releases=0) as site:
        home = f"http://hamnstyrelsen.localhost:{site.port}/"
        agencies = tmp_path / "agencies.toml"
        agencies.write_text(
            f'[hamn]\nname = "Hamnstyrelsen"\nhome = "{home}"\nlistings = ["{home}nyheter/"]\n',
            "utf-8",
        )
        crawling = Crawling(site, agencies, tmp_path / "archive.db")
        assert crawling.run("news")[0] == 0
        printed = crawling.succeed("audit")
        assert (
            "hamn: 3 listed, 3 stored, 0 rejected, 0 missing; a source was not read to its end"
            in printed
        )
        problem = "problem_code, problem_url, problem_value, complete"
        rows = crawling.rows(f"select {problem} from coverage where source is not null")
    assert rows == [("button", f"{home}nyheter/", "Visa fler nyheter", 0)]


def test_source_is_requested_once_and_its_traps_are_found() -> None:
    url, links = "https://fyr.example/", [SourceLink("https://fyr.example/a")]
    audit = AgencyAudit(Agency(slug="fyr", name="Fyr", home=url))
    audit.add_source(url, "listing")
    audit.add_source(url, "archive")
    assert [(source.url, source.kind) for source in audit.sources.values()] == [(url, "listing")]
    assert [request.url for request in audit.pending_requests] == [url]
    traps = [audit.trap_detector.find_trap(url, page, links, 9) for page in range(1, 8)]
    assert [bool(trap) for trap in traps] == [False] * 5 + [True] * 2
    last = audit.trap_detector.find_trap(url, 9, [SourceLink("https://fyr.example/b")], 9)
    assert "continues after page 9" in str(last)


def test_listing_found_on_the_home_page_is_one_level_deep() -> None:
    audit = AgencyAudit(Agency(slug="skog", name="Skog", home="https://skog.example/"))
    audit.add_sources(SourceURLs(listings=["https://skog.example/nyheter"]), level=1)
    (request,) = audit.pending_requests
    assert request.meta["level"] == 1


@pytest.mark.parametrize(
    "argument", [{"refill": "maybe"}, {"since": "2024-01-01"}, {"minutes": "-1"}]
)
def test_wrong_argument_is_an_error(argument: dict[str, str]) -> None:
    with pytest.raises(AgencyError, match=next(iter(argument))):
        AuditSpider(**argument)


def test_links_of_a_cut_feed_are_used_and_the_source_is_incomplete(tmp_path: Path) -> None:
    with Site(releases=96, crawl_delay=None) as site:
        path = site.agencies[FED].paths.feed or ""

        def cut(query: str) -> bytes:
            whole = site.agencies[FED].answer(path, query, site.url(FED, "")).make()
            return whole[: len(whole) // 2]

        site.break_(f"{FED}{path}", make=cut)
        site.break_(f"{FED}{site.agencies[FED].paths.sitemap}", status=404)
        crawling = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        code, printed = crawling.run("audit", "-a", f"agency={FED}", "-a", "refill=yes")
        feed = site.url(FED, path)
        assert (code, f"{feed}: is cut off" in printed) == (1, True), printed
        kinds = (
            "select kind, problem_code, sum(listed) > 2, complete from coverage where kind ="
            " 'feed' group by kind"
        )
        assert crawling.rows(kinds) == [("feed", "cut source", 1, 0)]
        code, printed = crawling.run("news", "-a", f"agency={FED}")
        assert (code, f"{feed}: is cut off" in printed) == (1, True), printed
        ((listed,),) = crawling.rows(
            "select count(*) from frontier where role = 'release' and source = ?", feed
        )
        assert listed > 2
        assert crawling.rows("select state from frontier where url = ?", feed) == [("failed",)]


def build_listing(query: str, href: str) -> bytes:
    """Return a page of five releases, with an unmarked pager of three pages; href: the address of
    page {n}.
    """
    page = int(query.partition("page=")[2] or 1)
    entries = "".join(
        f'<li><h3><a href="/nyheter/fyr-{page}-{n}.html">Fyr {n} tänds</a></h3> 3 mars 2024</li>'
        for n in range(5)
    )
    numbers = (
        f"<b>{n}</b>" if n == page else f'<a href="{href.format(n=n)}">{n}</a>' for n in (1, 2, 3)
    )
    return f"<main><ul>{entries}</ul><p>{' '.join(numbers)}</p></main>".encode()


def test_pages_without_marks_are_followed_or_the_listing_is_incomplete(tmp_path: Path) -> None:
    with Site(releases=0) as site:
        paths = site.agencies[SLUG].paths
        hrefs = {paths.listing: "?page={n}", paths.english_listing or "": "#"}
        for path, href in hrefs.items():
            site.break_(f"{SLUG}{path}", make=partial(build_listing, href=href))
        crawling = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        code, printed = crawling.run("audit", "-a", f"agency={SLUG}")
        assert code == 0, printed
        listing, english = (site.url(SLUG, path) for path in hrefs)
        columns = "source, sum(listed), min(complete), max(problem_code), max(problem_value)"
        rows = crawling.rows(
            f"select {columns} from coverage where source is not"
            f" null group by source order by 2 desc"
        )
    assert rows == [(listing, 15, 1, None, None), (english, 5, 0, "pager", "2")]
    assert f"{english}: the pages after “2” could not be read" in printed


def test_count_holds_unless_as_many_were_read() -> None:
    audit = AgencyAudit(Agency(slug="fyr", name="Fyr", home="https://fyr.example/"))
    source = AuditedSource(url="https://fyr.example/nyheter", kind="listing")
    audit.sources[source.url] = source
    count = SourceProblem("count", source.url, "Visar 3 av 7 nyheter")
    for number in range(8):
        assert audit.confirms(count, source) == (number < 7)
        link = SourceLink(f"https://fyr.example/nyheter/fyr-{number}")
        audit.add_links(
            source.url, source.url, [link, SourceLink(f"https://fyr.example/nyheter/page/{number}")]
        )
    assert len(source.urls) == 8, "pages of the listing are no releases"
    archive = SourceProblem("archive", "https://fyr.example/arkiv", "Nyhetsarkiv")
    assert audit.confirms(archive, source)
    audit.add_source(archive.url, "listing")
    assert not audit.confirms(archive, source), "it is read as a source of its own"


def test_pattern_that_fits_no_link_is_logged_once_and_makes_its_sources_incomplete(
    tmp_path: Path,
) -> None:
    with Site(releases=12) as site:
        crawling = Crawling(site, site.agencies_file(tmp_path), tmp_path / "archive.db")
        table = crawling.agencies.read_text("utf-8").replace('"/nyhet/.+"', '"^/nyhetr/.+"')
        table = table.replace('"/nyheter/|/english/news/"', '"^/artiklar/"')
        crawling.agencies.write_text(table, "utf-8")
        warning = "agencies.toml: [{}] releases {!r} fits none of the"
        for spider in ("news", "audit"):
            code, printed = crawling.run(spider, "-a", f"agency={SLUG},{FED},{UNAVAILABLE}")
            assert code == 0, printed
            assert printed.count(warning.format(SLUG, "^/artiklar/")) == 1
            assert printed.count(warning.format(FED, "^/nyhetr/.+")) == 1, "of a feed and a sitemap"
            assert f"[{UNAVAILABLE}]" not in printed
        counts = dict(
            crawling.rows("select agency, failures ->> 'pattern' from crawls where spider = 'news'")
        )
        assert (counts[SLUG] > 0, counts[FED] > 0, counts[UNAVAILABLE]) == (True, True, None)
        problems = (
            "select distinct agency, problem_code, problem_value from coverage where not"
            " complete order by 1"
        )
        assert crawling.rows(problems) == [
            (FED, "pattern", "^/nyhetr/.+"),
            (SLUG, "pattern", "^/artiklar/"),
        ]
        health = dict(crawling.rows("select agency, reason ->> 'code' from health"))
        assert (health[SLUG], health[FED]) == ("pattern", "pattern")
