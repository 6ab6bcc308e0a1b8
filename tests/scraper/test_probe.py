"""scrapy probe: the sample site as a journalist would meet it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from scraper.agency import Agency, load_agencies
from scraper.items import ReleaseItem
from scraper.normalise import to_release
from scraper.pages import read_page
from scraper.pages.document import Document
from scraper.probe.proposal import format_agency_toml, propose_name, propose_release_pattern, quote_toml
from scraper.probe.report import find_unused_lines
from scraper.probe.result import ProbedPage, ProbedSource, ProbeResult, store_page
from scraper.sources.links import SourceLink
from tests.scraper.pages_of import TEXT, URL, page
from tests.site import Site

ROOT = Path(__file__).parents[2]
HOME = "https://www.exempel.se/"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a run of the command gave."""

    code: int
    printed: str
    complaint: str

    @property
    def table(self) -> str:
        """The proposed table: all that stands before the first page."""
        return self.printed.partition("\n\n1. ")[0]


def start(*arguments: str, port: int) -> subprocess.Popen[str]:
    """The command, running beside us, with nothing but the sample site in its reach."""
    fence = {"SCRAPY_SETTINGS_MODULE": "tests.site.settings", "LOOPBACK_PORT": str(port)}
    return subprocess.Popen(
        [sys.executable, "-m", "scrapy", "probe", *arguments, "-s", "RETRY_TIMES=0"],
        cwd=ROOT,
        env={**os.environ, **fence, "COLUMNS": "150"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pages are stored, and one saved page lies."""
    folder = tmp_path_factory.mktemp("probe")
    (folder / "saved.html").write_bytes(page(f"<h1>Ny bro öppnar</h1><p>Publicerad 3 mars 2024</p>{TEXT}"))
    return folder


@pytest.fixture(scope="module")
def answers(folder: Path) -> Iterator[dict[str, Answer]]:
    """Every run the tests look at, all at once: each spends most of its time starting."""
    with Site() as site, ExitStack() as stack:
        site.set_delay("skogsbruksradet", 0.25)
        site.break_("hushallsmyndigheten/", status=503)
        site.break_("farledsverket/sitemap-nyheter-2.xml", status=404, times=1)  # the index gives what it can
        site.break_("lasframjandenamnden/robots.txt", body="User-agent: *\nDisallow: /\n")
        runs = {
            "many": [site.url("farledsverket"), "--store", "--out", str(folder)],
            "listings": [site.url("skogsbruksradet")],
            "broken": [site.url("hushallsmyndigheten")],
            "forbidden": [site.url("lasframjandenamnden")],
            "saved": [str(folder / "saved.html"), "--url", URL],
            "no contact": ["www.exempel.se", "-s", "CONTACT="],
            "no address": ["ftp://www.exempel.se"],
            "no argument": [],
        }
        started = {name: stack.enter_context(start(*arguments, port=site.port)) for name, arguments in runs.items()}
        texts = {name: process.communicate(timeout=60) for name, process in started.items()}
        (folder / "gap").write_text(str(site.counts.mean_gap("skogsbruksradet.localhost")), "utf-8")
        yield {name: Answer(started[name].returncode, *text) for name, text in texts.items()}


def test_the_table_can_be_pasted_and_finds_the_releases(answers: dict[str, Answer], tmp_path: Path) -> None:
    answer = answers["many"]
    assert answer.code == 0, answer.complaint
    (tmp_path / "agencies.toml").write_text(answer.table, "utf-8")
    (agency,) = load_agencies(tmp_path / "agencies.toml").values()
    assert (agency.slug, agency.name, agency.releases) == ("farledsverket", "Farledsverket", "^/aktuellt/nyheter/.+")
    assert [url.rpartition("localhost")[2].partition("/")[2] for url in (*agency.feeds, *agency.sitemaps)] == [
        "aktuellt/atom.xml",
        "sitemap.xml",
    ]
    assert [url.endswith("/aktuellt/nyheter/") for url in agency.listings] == [True]
    assert "# system: Episerver" in answer.table


def test_a_press_room_without_news_is_left_out_and_named(answers: dict[str, Answer]) -> None:
    answer = answers["listings"]
    assert answer.code == 0, answer.complaint
    (table,) = tomllib.loads(answer.table).values()
    assert [url.rpartition("/")[2].partition(".")[0] for url in table["listings"]] == ["nyheter"]
    assert "pressrum.4.7ea604cd920c68ca2a66.html: left out: its pages state no date" in answer.table
    assert "/sitemap.xml: left out: answered 404" in answer.table


@pytest.mark.parametrize("name", ["many", "listings"])
def test_three_releases_stand_beside_what_was_left_out(answers: dict[str, Answer], name: str) -> None:
    pages = answers[name].printed.split("\n\n")[1:4]
    assert [text.partition(". ")[0] for text in pages] == ["1", "2", "3"]
    for text in pages:
        left, right = zip(*(line.split(" │", 1) for line in text.splitlines() if " │" in line), strict=True)
        assert {line.split()[0] for line in left if line.strip()} >= {"title", "lead", "body", "published", "tags"}
        assert any("LinkedIn" in line for line in right)
        assert max(map(len, text.splitlines()[2:])) <= 150


def test_the_first_release_is_stored_for_review(answers: dict[str, Answer], folder: Path) -> None:
    expected = json.loads((folder / "farledsverket" / "expected.json").read_text("utf-8"))
    assert expected["title"] == "Så anmäler du ett trasigt sjömärke"
    assert expected["address"] in answers["many"].printed
    assert (folder / "farledsverket" / "page.html").stat().st_size > 50_000
    assert "check it, correct it and commit it" in answers["many"].printed


def test_robots_txt_is_kept(answers: dict[str, Answer], folder: Path) -> None:
    assert answers["listings"].code == 0
    assert float((folder / "gap").read_text("utf-8")) > 0.1  # that site asks for 0.25 s; unasked it is some 0.01 s
    assert "fetching http://lasframjandenamnden.localhost" in answers["forbidden"].complaint
    assert answers["forbidden"].complaint.count("fetching") == 1


def test_a_site_that_gives_nothing_says_why(answers: dict[str, Answer]) -> None:
    for name, why in (("broken", "answered 503"), ("forbidden", "robots.txt forbids it")):
        assert (answers[name].code, answers[name].printed) == (1, "")
        assert re.search(rf"scrapy probe: http://.*: {why}", answers[name].complaint)


def test_a_stored_page_is_read_with_nothing_asked(answers: dict[str, Answer]) -> None:
    answer = answers["saved"]
    assert (answer.code, answer.complaint) == (0, "")
    (table,) = tomllib.loads(answer.table).values()
    assert table == {"name": "Exempelverket", "home": HOME, "listings": [f"{HOME}nyheter/"]}
    assert "/nyheter/: not requested" in answer.table
    assert "2024-03-03 ← “Publicerad 3 mars 2024”" in answer.printed


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no contact", "CONTACT must be set"),
        ("no address", "'ftp://www.exempel.se' is not an http or https address"),
        ("no argument", "name one address"),
    ],
)
def test_wrong_arguments_are_named(answers: dict[str, Answer], name: str, words: str) -> None:
    answer = answers[name]
    assert (answer.code, words in answer.printed + answer.complaint) == (2, True), answer


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ('<meta property="og:site_name" content=" Skogsverket ">', "Skogsverket"),
        ("<title>Startsida - Exempelverket</title>", "Exempelverket"),
        ("<title>Välkommen till Exempelverket!</title>", "Exempelverket"),
        ("<title>Vi ser till att bron håller | Exempel</title>", "Exempel"),
        ("", "exempel.se"),
    ],
)
def test_a_name_is_what_the_site_calls_itself(head: str, name: str) -> None:
    assert propose_name(Document(f"<html><head>{head}</head><body>x</body></html>".encode(), HOME)) == name


@pytest.mark.parametrize(
    ("paths", "pattern"),
    [
        ([f"om-oss/nyheter/{n}" for n in range(3)], "^/om-oss/nyheter/.+"),
        ([f"nyheter/vilt/{n}" for n in range(4)], "^/nyheter/.+"),  # a subject the newest happen to share
        ([f"nyheter/2024/mars/{n}" for n in range(6)], r"^/nyheter/\d{4}/.+"),
        ([f"nyheter/2024/{n}" for n in range(3)], "^/nyheter/.+"),  # too few to say that all bear a year
        ([*(f"press/{n}" for n in range(3)), *(f"nyheter/{n}" for n in range(4))], "^/(nyheter|press)/.+"),
        ([*(f"nyheter/{n}" for n in range(4)), "a/1", "b/1"], None),
        (["nyheter/1", "nyheter/2"], None),
        ([], None),
    ],
)
def test_a_pattern_is_proposed_only_where_folders_are_shared(paths: list[str], pattern: str | None) -> None:
    assert propose_release_pattern(HOME + path for path in paths) == pattern


def test_a_table_is_toml_whatever_a_site_calls_itself() -> None:
    name = 'Verket "för" \\ \x7f\t\u2028 nyheter'
    table = format_agency_toml(
        Agency(slug="a", name=name, home=HOME, feeds=(f"{HOME}1", f"{HOME}2"), releases=r"^/\d{4}/'")
    )
    assert tomllib.loads(table)["a"] == {
        "name": name,
        "home": HOME,
        "feeds": [f"{HOME}1", f"{HOME}2"],
        "releases": r"^/\d{4}/'",
    }
    assert tomllib.loads(f"a = {quote_toml(name)}") == {"a": name}


def test_what_is_in_a_field_is_not_left_out_and_what_is_in_none_is() -> None:
    html = page(
        f'<h1>Ny bro öppnar</h1><p>Publicerad: 3 mars 2024</p>{TEXT}<p hidden>Dold</p><p class="share">Dela sidan</p>'
    )
    item = read_page(html, URL)
    assert find_unused_lines(html, item, to_release(item)) == ["Dela sidan"]


def test_a_day_that_the_head_declares_is_no_line_left_out() -> None:
    head = '<meta property="article:published_time" content="2024-03-03T10:11:12+01:00">'
    shown = "<p>Publicerad 3 mars 2024</p><p class='share'>Mer om mötet den 3 mars 2024</p>"
    html = page(f"<h1>Ny bro öppnar</h1>{shown}{TEXT}", head)
    item = read_page(html, URL)
    assert item.published == "2024-03-03T10:11:12+01:00"
    assert find_unused_lines(html, item, to_release(item)) == ["Mer om mötet den 3 mars 2024"]


def dated(url: str, *, published: str | None) -> ProbedPage:
    return ProbedPage(url, item=ReleaseItem(url=url, published=published))


def test_a_listing_stays_where_another_source_names_its_pages_too() -> None:
    source = ProbedSource("listings", f"{HOME}press/", [SourceLink(f"{HOME}press/1")])
    other = ProbedSource("feeds", f"{HOME}rss", [SourceLink(f"{HOME}nyheter/1")])
    pages = [dated(f"{HOME}press/1", published=None), dated(f"{HOME}nyheter/1", published="3 mars 2024")]
    found = ProbeResult(Agency(slug="a", name="A", home=HOME), is_known=False, sources=[source, other], pages=pages)
    other.links.append(source.links[0])
    found.drop_undated_listings()
    assert found.pages == pages
    other.links.pop()
    found.drop_undated_listings()
    assert found.pages == pages[1:]
    assert source.links == []


def test_pages_of_other_addresses_are_stored_beside_each_other(tmp_path: Path) -> None:
    agency, html = Agency(slug="a", name="A", home=HOME), page(f"<h1>Ny bro öppnar</h1>{TEXT}")
    names = [store_page(html, address, agency, tmp_path).name for address in (URL, f"{HOME}nyheter/2", URL)]
    assert names == ["page.html", "page-2.html", "page.html"]
    assert (tmp_path / "a" / "expected-2.json").exists()
