"""A survey of one agency: its site is a dictionary of pages, and nothing is requested."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from scrapy.http import Response

from archive.database.sqlite_files import run_without_waiting
from scraper.agency import Agency
from scraper.errors import SourceError
from scraper.survey.survey_record import Row, SurveyRecord
from scraper.survey.survey_report import list_changes, preview_changes
from scraper.survey.survey_spider import AgencySurvey, survey_stored

HOME, NEW_HOME = "https://skog.example/", "https://skogen.example/"
LIST = f"{HOME}nyheter/"
AGENCY = Agency(slug="skog", name="Skogsrådet", home=HOME)
SEA = Agency(slug="sjo", name="Sjöverket", home="https://sjo.example/")
KNOWN = {"skog": AGENCY, "sjo": SEA}


def write_page(content: str) -> str:
    return f'<html lang="sv"><title>Skogsrådet</title><main>{content}</main>'


def write_release(number: int) -> str:
    text = f"Rådet har beslutat om skog nummer {number}, som ska skyddas i länet. " * 4
    title = f"Skog {number} får skydd"
    return write_page(f"<h1>{title}</h1><p>Publicerad: 2026-01-{number:02}</p><p>{text}</p>")


def write_list(*urls: str, first: int = 1) -> str:
    items = "".join(
        f'<li><time datetime="2026-01-{number:02}">2026-01-{number:02}</time>'
        f' <a href="{url}">Skog {number} får skydd</a></li>'
        for number, url in enumerate(urls, first)
    )
    return write_page(f"<h1>Nyheter</h1><ul>{items}</ul>")


class PlainSite:
    """Pages by URL; what begins with https:// is the URL of another page, to which it redirects."""

    def __init__(self, record: SurveyRecord) -> None:
        self.record, self.requested = record, list[str]()
        self.urls = [f"{LIST}{number}" for number in range(1, 5)]
        self.pages = {HOME: write_page('<a href="/nyheter/">Nyheter</a>')}
        self.pages |= {url: write_release(number) for number, url in enumerate(self.urls, 1)}
        self.pages[LIST] = write_list(*self.urls)

    async def fetch(self, url: str, **_: object) -> Response:
        self.requested.append(url)
        page = self.pages.get(url)
        if page is None:
            raise SourceError(url, "answered 404", "status 404")
        if page.startswith("https://"):
            url, page = page, self.pages[page]
        return Response(url, body=page.encode())

    def survey(self, agency: Agency = AGENCY) -> Row:
        survey = AgencySurvey(agency, KNOWN | {"skog": agency}, self.record.captures, self.fetch)
        row = run_without_waiting(survey.run())
        self.record.save(row, survey.responses)
        return row


@pytest.fixture
def site(tmp_path: Path) -> Iterator[PlainSite]:
    with SurveyRecord(tmp_path, create=True) as record:
        yield PlainSite(record)


def test_a_site_whose_releases_are_read_works(site: PlainSite) -> None:
    surveyed = site.survey()
    assert (surveyed["verdict"], surveyed["reasons"]) == ("works", [])
    assert [page["url"] for page in surveyed["pages"]] == site.urls[:3]
    assert len(site.requested) == len(set(site.requested)) == surveyed["requests"]


@pytest.mark.parametrize("listed", [LIST, f"{HOME}arkiv/"])
def test_a_declared_list_that_lists_nothing_is_a_doubt(site: PlainSite, listed: str) -> None:
    site.pages[f"{HOME}arkiv/"] = write_page("<h1>Arkiv</h1>")
    agency = replace(AGENCY, listings=(LIST, f"{HOME}arkiv/"), releases=f"^/{listed[-4:-1]}")
    surveyed = site.survey(agency)
    assert surveyed["verdict"] != "works"
    assert any(f"{HOME}arkiv/: " in reason for reason in surveyed["reasons"]), surveyed["reasons"]


def test_an_empty_page_beside_the_list_is_no_doubt(site: PlainSite) -> None:
    site.pages[HOME] = write_page('<a href="/nyheter/">Nyheter</a> <a href="/press/">Press</a>')
    site.pages[f"{HOME}press/"] = write_page("<p>Ring vår pressjour.</p>")
    assert site.survey()["verdict"] == "works"


def test_an_empty_list_beside_a_sitemap_is_no_list(site: PlainSite) -> None:
    site.pages[f"{HOME}robots.txt"] = f"Sitemap: {HOME}sitemap.xml"
    site.pages[f"{HOME}sitemap.xml"] = "".join(
        f"<url><loc>{url}</loc></url>" for url in site.urls
    ).join(("<urlset>", "</urlset>"))
    site.pages[LIST] = write_page("<h1>Nyheter</h1>")
    assert site.survey()["verdict"] != "works"


def test_releases_that_redirect_to_a_host_that_is_not_declared_need_a_table(
    site: PlainSite,
) -> None:
    for url in site.urls:
        new_url = url.replace(HOME, NEW_HOME)
        site.pages[new_url], site.pages[url] = site.pages[url], new_url
    site.pages[NEW_HOME], site.pages[HOME] = site.pages[HOME], NEW_HOME
    surveyed = site.survey(replace(AGENCY, listings=(LIST,)))
    assert surveyed["verdict"] == "table", surveyed["reasons"]
    assert 'aliases = ["skogen.example"]' in (surveyed["proposed"] or "")


def test_a_release_that_redirects_to_the_home_page_of_another_host_is_a_doubt(
    site: PlainSite,
) -> None:
    site.pages[site.urls[0]], site.pages[SEA.home] = SEA.home, write_release(9)
    surveyed = site.survey()
    assert surveyed["verdict"] == "doubts"
    assert f"redirected to {SEA.home}" in str(surveyed["reasons"])


def test_a_home_page_of_another_agency_is_gone(site: PlainSite) -> None:
    site.pages[HOME], site.pages[SEA.home] = SEA.home, write_page("Havet")
    surveyed = site.survey()
    assert (surveyed["verdict"], surveyed["failure"]) == ("gone", "moved")
    assert "belongs to sjo" in surveyed["reasons"][0]


def test_a_home_page_in_a_folder_that_is_missing_is_a_doubt(site: PlainSite) -> None:
    surveyed = site.survey(replace(AGENCY, home=f"{HOME}sv/", listings=(LIST,)))
    assert surveyed["verdict"] != "works"
    assert f"{HOME}sv/: answered 404" in str(surveyed["reasons"])
    assert sum(bool(page["fields"]) for page in surveyed["pages"]) == 3


def test_files_beside_one_page_are_read(site: PlainSite) -> None:
    site.pages = {HOME: write_list(*(f"{LIST}{number}.pdf" for number in range(1, 6)))}
    site.pages[f"{HOME}sitemap.xml"] = site.pages[HOME]  # at every unknown address
    row = site.survey(replace(AGENCY, listings=(HOME,)))
    assert row["verdict"] not in ("refused", "works"), row["reasons"]


WALL = write_page("<h1>Just a moment...</h1><p>Verifying you are human.</p>")
UNKNOWN_WALL = write_page("<h1>Ett ögonblick</h1><p>Strax får du läsa. Nummer {}.</p>")
SCRIPTED_WALL = '<html><title>x</title><body><script src="/c.js"></script></body></html>'
FEED = f"{HOME}feed"


@pytest.mark.parametrize(
    ("wall", "verdict"),
    [
        (WALL, "refused"),
        (UNKNOWN_WALL, "refused"),
        (SCRIPTED_WALL, "browser"),
    ],
)
@pytest.mark.parametrize("is_declared", [True, False])
def test_a_page_at_every_address_is_a_wall(
    site: PlainSite, wall: str, verdict: str, *, is_declared: bool
) -> None:
    walled = [HOME, LIST, FEED, f"{HOME}sitemap.xml", *site.urls]
    site.pages |= dict.fromkeys(walled, wall)
    surveyed = site.survey(replace(AGENCY, listings=(LIST,), feeds=(FEED,) if is_declared else ()))
    assert surveyed["verdict"] == verdict, surveyed["reasons"]


@pytest.mark.parametrize(
    ("wall", "verdict"),
    [
        (WALL, "refused"),
        (UNKNOWN_WALL, "refused"),
        (UNKNOWN_WALL.replace("{}", "{0}: Rådet har en fråga till dig." * 9), "refused"),
        (SCRIPTED_WALL, "browser"),
    ],
)
def test_a_page_at_the_address_of_every_release_is_a_wall(
    site: PlainSite, wall: str, verdict: str
) -> None:
    site.pages |= dict.fromkeys(site.urls, wall)
    surveyed = site.survey()
    assert surveyed["verdict"] == verdict, surveyed["reasons"]


def test_one_page_for_some_releases_is_a_doubt(site: PlainSite) -> None:
    site.pages |= dict.fromkeys(site.urls[:2], UNKNOWN_WALL)
    assert site.survey()["verdict"] == "doubts"


LOST = write_page("<h1>Sidan kan inte hittas</h1><p>Den har tagits bort.</p>")


@pytest.mark.parametrize("lost", [None, LOST])
@pytest.mark.parametrize(
    ("home", "verdict"), [(None, "gone"), (LOST, "gone"), (write_page("Välkommen!"), "doubts")]
)
def test_an_agency_without_home_page_and_releases_is_gone(
    site: PlainSite, lost: str | None, home: str | None, verdict: str
) -> None:
    start = f"{HOME}sv/"
    site.pages[HOME] = write_page("En annan webbplats")
    for url, page in ((start, home), *((url, lost) for url in site.urls)):
        site.pages.pop(url, None)
        if page:
            site.pages[url] = page
    surveyed = site.survey(replace(AGENCY, home=start, listings=(LIST,)))
    assert surveyed["verdict"] == verdict, surveyed["reasons"]


def test_a_list_that_is_not_declared_and_has_other_releases_is_named(site: PlainSite) -> None:
    old = [f"{HOME}arkiv/{number}" for number in range(1, 4)]
    site.pages |= {url: write_release(number) for number, url in enumerate(old, 11)}
    site.pages[f"{HOME}arkiv/"] = write_list(*old, first=11)
    surveyed = site.survey(replace(AGENCY, listings=(f"{HOME}arkiv/",)))
    assert surveyed["verdict"] == "table", surveyed["reasons"]
    assert f"{LIST}1: is not read by a crawl" in surveyed["reasons"]
    crawled = [page["url"] for page in surveyed["pages"] if page["is_crawled"]]
    assert crawled == old == [page["url"] for page in surveyed["pages"]][:3]


def test_only_so_many_addresses_are_requested(
    site: PlainSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scraper.survey.survey_spider.MAX_REQUESTS", 5)
    surveyed = site.survey()
    assert len(site.requested) == surveyed["requests"] == 5
    assert surveyed["verdict"] == "doubts"
    assert "was not requested, after 5 requests of this agency" in str(surveyed["reasons"])


def test_a_new_template_is_a_change_of_all_pages(site: PlainSite) -> None:
    def write_styled(number: int, style: str) -> str:
        boxes = "".join(f'<p class="{style}-{name}">' for name in "abcdefghijkl")
        return write_release(number).replace("</main>", f"{boxes}</main>")

    for number, url in enumerate(site.urls, 1):
        site.pages[url] = write_styled(number, "old")
    first = site.survey()
    assert list_changes(site.record.captures, first, first) == []
    site.pages[site.urls[0]] = write_styled(1, "new")
    for number, expected in ((2, []), (3, ["replaced"])):
        for url in site.urls[1:number]:
            site.pages[url] = site.pages[url].replace("old-", "new-")
        later = run_without_waiting(
            AgencySurvey(AGENCY, KNOWN, site.record.captures, site.fetch).run()
        )
        changes = list_changes(site.record.captures, first, later)
        assert [line.split()[-1] for line in changes if "template" in line] == expected


def test_stored_bytes_are_read_as_they_were(site: PlainSite) -> None:
    files = [f"{LIST}{number}.pdf" for number in range(1, 6)]
    site.pages[LIST] = write_list(*files)
    site.pages[site.urls[0]] = write_page("<p>Kort")
    surveyed = site.survey()
    assert [page["url"] for page in surveyed["pages"]] == files[:3]
    requested = len(site.requested)
    again = survey_stored(site.record, surveyed, AGENCY, KNOWN)
    assert list_changes(site.record.captures, surveyed, again) == []
    assert again["sources"] == surveyed["sources"]
    assert preview_changes(site.record, {"skog": AGENCY}, KNOWN) == []
    changed = {"skog": replace(AGENCY, files=False)}
    *changes, totals = preview_changes(site.record, changed, KNOWN)
    assert f"skog: {files[0]}: worse: is no longer read" in changes
    assert totals.startswith(f"{len(changes)} changes: 0 better, ")
    assert len(site.requested) == requested
