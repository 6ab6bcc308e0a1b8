"""scrapy crawl refetch: fetches single pages now, or all rejected ones, and reports each
outcome.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from scrapy.crawler import Crawler

from scraper.agency import Agency
from scraper.commands.crawl import report_refetch
from scraper.errors import AgencyError
from scraper.spiders.refetch import RefetchOutcome, RefetchSpider
from tests.scraper.crawling import SLUG, Crawling, build_settings
from tests.site.compose import SLUGS

SKOG, FARLED, LAS, HUSHALL = SLUGS
TITLE = "En helt ny rubrik om skog"


def refetch(crawl: Crawling, *arguments: str, **settings: str) -> tuple[int, str]:
    words = [word for argument in arguments for word in ("-a", argument)]
    return crawl.run("refetch", *words, LOG_LEVEL="ERROR", **settings)


def publish_new(crawl: Crawling) -> str:
    """Let the agency publish a release; return its URL."""
    site, url = crawl.site, crawl.urls()[0]
    release = site.withhold(url)
    new = site.publish(replace(release, title="En ny text om skog"))
    site.publish(release)
    return new


def test_single_pages_are_fetched_now(crawled_site: Crawling) -> None:
    crawled_site.write("update releases set next_check = '2099-01-01T00:00:00+00:00'")
    new = publish_new(crawled_site)
    _, unchanged, edited, *_ = (url for url in crawled_site.urls() if url != new)
    gone = f"{unchanged}-borta"
    crawled_site.site.edit(edited, {"title": TITLE})
    code, printed = refetch(crawled_site, f"url={unchanged} {edited} {new} {gone}")
    assert code == 1, printed
    ids = dict(crawled_site.rows("select url, id from releases"))
    assert f"{unchanged}: unchanged\n" in printed
    assert f"{edited}: stored: as release {ids[edited]} (edited)" in printed
    assert f"{new}: stored: as release {ids[new]} (new)" in printed
    assert f"{gone}: gone: page: answered 404" in printed
    assert "refetch: 2 stored, 1 unchanged, 1 gone\n" in printed
    crawls = crawled_site.rows("select agency, requests from crawls where spider = 'refetch'")
    assert crawls == [(SLUG, 4)], "only the URLs' agency, and nothing else of it"


def test_rejected_pages_are_fetched_whenever_they_are_due(crawled_site: Crawling) -> None:
    new, (_, _, bad, *_) = publish_new(crawled_site), crawled_site.urls()
    crawled_site.write(
        "insert into frontier (url, agency, role, state, first_seen, next_due) values"
        f" ('{new}', '{SLUG}', 'release', 'rejected', '2026-01-01T00:00:00+00:00', '2099-01-01')"
    )
    crawled_site.write(
        f"update frontier set state = 'rejected', next_due = '2099-01-01' where url = '{bad}'"
    )
    crawled_site.site.break_(bad, body="<html><body><p>Hej</p></body></html>")
    code, printed = refetch(crawled_site, "state=rejected", f"agency={SLUG}")
    assert code == 1, printed
    ((release,),) = crawled_site.rows("select id from releases where url = ?", new)
    assert f"{bad}: rejected: " in printed
    assert f"{new}: stored: as release {release} (new)" in printed


@pytest.mark.parametrize(
    ("states", "code", "summary"),
    [
        ([], 0, "refetch: no pages in this state\n"),
        (["stored", "unchanged", "stored"], 0, "refetch: 2 stored, 1 unchanged\n"),
        (["stored", "rejected"], 1, "refetch: 1 stored, 1 rejected\n"),
    ],
)
def test_summary_and_exit_code(
    states: list[str], code: int, summary: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = [RefetchOutcome(url="https://a.example/", state=state) for state in states]
    assert report_refetch(outcomes) == code
    assert capsys.readouterr().out.endswith(summary)


def test_page_that_is_not_fetched_has_a_reason(crawled_site: Crawling) -> None:
    urls = {slug: crawled_site.urls(slug)[0] for slug in (SKOG, FARLED, LAS)}
    crawled_site.write(
        "insert into crawls (agency, spider, started, requests)"
        f" select '{SKOG}', 'news', strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now'), 100"
    )
    crawled_site.write(
        "update hosts set paused_until = strftime('%Y-%m-%dT%H:%M:%S+00:00', 'now', '+1 hour'),"
        f" pause_reason = 'down' where host like '{FARLED}.%'"
    )
    crawled_site.add_to_table('paused = "they asked us to"', LAS)
    code, printed = refetch(crawled_site, f"url={' '.join(urls.values())}", DAILY_BUDGET="100")
    assert code == 1, printed
    problem = "the 100 requests of this day are used up (DAILY_BUDGET)"
    assert f"{urls[SKOG]}: not fetched: {SKOG}: {problem}" in printed
    (line,) = [
        line for line in printed.splitlines() if line.startswith(f"{urls[FARLED]}: not fetched: ")
    ]
    assert "is paused until" in line
    assert f"{urls[LAS]}: not fetched: {LAS} is paused in the list" in printed


def test_url_at_a_wire_belongs_to_the_agency_whose_list_has_it() -> None:
    rooms = {
        slug: f"https://www.mynewsdesk.com/se/{slug}/pressreleases" for slug in ("skog", "vatten")
    }
    agencies = {
        slug: Agency(
            slug=slug,
            name=slug,
            home=f"https://{slug}.example/",
            wire=(f"viatt:{len(slug)}", f"mynewsdesk:{room}"),
        )
        for slug, room in rooms.items()
    }
    spider = RefetchSpider(url=f"{rooms['vatten']}/a-1")
    assert list(spider.choose_agencies(agencies, Path("agencies.toml"))) == ["vatten"]
    spider = RefetchSpider(url="https://via.tt.se/pressmeddelande/1/a")
    with pytest.raises(AgencyError, match="is at a wire of skog, vatten: add agency="):
        spider.choose_agencies(agencies, Path("agencies.toml"))


def test_url_that_is_no_release_of_an_agency_is_an_error(crawled_site: Crawling) -> None:
    url = "https://annan.example/nyheter/1"
    with (
        pytest.raises(AgencyError, match=f"'{url}' is on no host of "),
        crawled_site.open_spider(RefetchSpider, {"url": url}),
    ):
        pass
    ((listing,),) = crawled_site.rows(
        "select min(url) from frontier where role = 'listing' and agency = ?", SLUG
    )
    with crawled_site.open_spider(RefetchSpider, {"state": "rejected"}) as spider:
        for url, message in (
            (listing, "is known as a listing of skogsbruksradet"),
            (
                crawled_site.site.url(SLUG, "/kontakt"),
                "is not the address of a release by the table of skogsbruksradet",
            ),
        ):
            spider.urls, spider.owners = [url], {url: SLUG}
            with pytest.raises(AgencyError, match=message):
                spider.list_pages(SLUG)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "url must be given, or state=rejected, but not both"),
        ({"url": "https://a.example/", "state": "rejected"}, "but not both"),
        ({"url": "ftp://a.example/"}, "'ftp://a.example/' is not an http or https address"),
        ({"state": "refused"}, "'refused' is not one of rejected, failed, gone, quarantined"),
        ({"urls": "https://a.example/"}, "urls is not an argument"),
    ],
)
def test_wrong_argument_is_an_error(arguments: dict[str, str], message: str) -> None:
    with pytest.raises(AgencyError, match=message):
        RefetchSpider(**arguments)


def test_lock_and_archive_are_closed_if_a_page_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[RefetchSpider] = []
    list_pages = RefetchSpider.list_pages

    def record_spider(spider: RefetchSpider, slug: str) -> list[str]:
        opened.append(spider)
        return list_pages(spider, slug)

    monkeypatch.setattr(RefetchSpider, "list_pages", record_spider)
    (tmp_path / "agencies.toml").write_text(
        '[skog]\nname = "Skog"\nhome = "http://skog.localhost/"\nreleases = "^/n/"'
    )
    files = {
        name: str(tmp_path / file)
        for name, file in (("ARCHIVE", "a.db"), ("AGENCIES", "agencies.toml"))
    }
    crawler = Crawler(RefetchSpider, build_settings(CONTACT="test@localhost", **files))
    with pytest.raises(AgencyError, match="is not the address of a release"):
        RefetchSpider.from_crawler(crawler, url="http://skog.localhost/kontakt")
    (spider,) = opened
    assert spider.lock.closed
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        spider.archive.db.execute("select 1")
