"""Proposed tables, reports and stored pages of a probe."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from scraper.agency import Agency, JSONSource, SurveyMark, parse_agency
from scraper.items import ReleaseItem
from scraper.pages.document import Document
from scraper.probe.probe_report import find_unused_lines, format_page_panes, format_probe_report
from scraper.probe.proposal import (
    ProbedPage,
    ProbedSource,
    ProbeResult,
    format_agency_toml,
    probe_file,
    probe_page,
    propose_name,
    propose_release_pattern,
    quote_toml,
    store_page,
)
from scraper.sources.links import SourceLink
from tests.scraper.crawling import Crawling
from tests.scraper.pages.sample_page import HEADING, TEXT, URL, build_page
from tests.site.plain import PlainHost
from tests.site.server import Site

HOME = "https://www.exempel.se/"
AGENCY = Agency(slug="exempel", name="Exempelverket", home=HOME)
CONTACTS = (
    "<h2>Presskontakt</h2><p>Eva Ek<br>Pressansvarig<br>Telefon: 010-123 45 00<br>Mobil: 070-123 45"
    ' 67<br><a href="mailto:eva.ek@exempel.se">eva.ek@exempel.se</a></p>'
)


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
def test_propose_name(head: str, name: str) -> None:
    found = propose_name(Document(f"<html><head>{head}</head><body>x</body></html>".encode(), HOME))
    assert found == name


@pytest.mark.parametrize(
    ("paths", "pattern"),
    [
        ([f"om-oss/nyheter/{n}" for n in range(3)], "^/om-oss/nyheter/.+"),
        # the newest may share a subject by chance
        ([f"nyheter/vilt/{n}" for n in range(4)], "^/nyheter/.+"),
        ([f"nyheter/2024/mars/{n}" for n in range(6)], r"^/nyheter/\d{4}/.+"),
        # too few to conclude that all have a year
        ([f"nyheter/2024/{n}" for n in range(3)], "^/nyheter/.+"),
        (
            [*(f"press/{n}" for n in range(3)), *(f"nyheter/{n}" for n in range(4))],
            "^/(nyheter|press)/.+",
        ),
        ([*(f"nyheter/{n}" for n in range(4)), "a/1", "b/1"], None),
        (["nyheter/1", "nyheter/2"], None),
        ([], None),
    ],
)
def test_propose_release_pattern(paths: list[str], pattern: str | None) -> None:
    assert propose_release_pattern(HOME + path for path in paths) == pattern


def test_table_is_valid_toml() -> None:
    name = 'Verket "för" \\ \x7f\t\u2028 nyheter'
    feeds = (f"{HOME}1", f"{HOME}2")
    table = format_agency_toml(
        Agency(slug="a", name=name, home=HOME, feeds=feeds, releases=r"^/\d{4}/'")
    )
    assert tomllib.loads(table)["a"] == {
        "name": name,
        "home": HOME,
        "feeds": [*feeds],
        "releases": r"^/\d{4}/'",
    }
    assert tomllib.loads(f"a = {quote_toml(name)}") == {"a": name}
    endpoint = JSONSource(url=f"{HOME}{{page}}", items="a[?b=='c']", link="d")
    for endpoints in ((endpoint,), (endpoint, replace(endpoint, next='"e-f"'))):
        table = format_agency_toml(replace(AGENCY, json=endpoints))
        found = parse_agency("exempel", tomllib.loads(table)["exempel"], Path("proposal")).json
        assert found == endpoints
    mark = SurveyMark(tried=date(2026, 12, 1), verdict="works", read=5)
    assert "survey" not in format_agency_toml(replace(AGENCY, survey=mark))


@pytest.mark.parametrize(
    ("article", "head", "published", "unused"),
    [
        (
            '<p>Publicerad: 3 mars 2024</p><p hidden>Dold</p><p class="share">Dela sidan</p>',
            "",
            "Publicerad: 3 mars 2024",
            "Dela sidan",
        ),
        (
            "<p>Publicerad 3 mars 2024</p><p class='share'>Mer om mötet den 3 mars 2024</p>",
            '<meta property="article:published_time" content="2024-03-03T10:11:12+01:00">',
            "2024-03-03T10:11:12+01:00",
            "Mer om mötet den 3 mars 2024",
        ),
        (CONTACTS, "", None, "Presskontakt"),
    ],
    ids=["share button", "declared date", "contacts"],
)
def test_unused_lines(article: str, head: str, published: str | None, unused: str) -> None:
    page = probe_page(build_page(f"{HEADING}{TEXT}{article}", head), URL, AGENCY)
    assert page.item is not None
    assert page.release is not None
    assert page.item.published == published
    assert find_unused_lines(page.html, page.item, page.release) == [unused]


def test_contacts_are_a_row() -> None:
    page = probe_page(build_page(HEADING + TEXT + CONTACTS), URL, AGENCY)
    row = next(
        line for line in format_page_panes(page, 200).splitlines() if line.startswith("contacts")
    )
    assert "1: Eva Ek, Pressansvarig, 010-123 45 00, 070-123 45 67, eva.ek@exempel.se" in row
    assert "heading 'Presskontakt'" in row


def test_warnings_are_shown_under_the_page() -> None:
    page = probe_page(build_page(f"<h1>Ny bro \ufffdppnar</h1>{TEXT}"), URL, AGENCY)
    report = format_probe_report(ProbeResult(AGENCY, is_known=True, pages=[page]), 120)
    assert "   doubtful: title: has broken letters: 'Ny bro \ufffdppnar'\n" in report


def test_undated_listing_is_dropped_unless_another_source_has_its_pages() -> None:
    link = SourceLink(f"{HOME}press/1")
    listing = ProbedSource("listings", f"{HOME}press/", [link])
    feed = ProbedSource("feeds", f"{HOME}rss", [SourceLink(f"{HOME}nyheter/1"), link])
    pages = [
        ProbedPage(url, item=ReleaseItem(url=url, published=published))
        for url, published in ((link.url, None), (f"{HOME}nyheter/1", "3 mars 2024"))
    ]
    result = ProbeResult(AGENCY, is_known=False, sources=[listing, feed], pages=pages)
    result.drop_undated_listings()
    assert result.pages == pages
    feed.links.pop()
    result.drop_undated_listings()
    assert result.pages == pages[1:]
    assert listing.links == []


def test_pages_of_several_urls_are_stored_in_one_folder(tmp_path: Path) -> None:
    html = build_page(HEADING + TEXT)
    names = [store_page(html, url, AGENCY, tmp_path).name for url in (URL, f"{HOME}nyheter/2", URL)]
    assert names == ["page.html", "page-2.html", "page.html"]
    assert (tmp_path / "exempel" / "expected-2.json").exists()


@pytest.mark.parametrize(
    "path",
    [
        "nyheter/2026",
        "nyheter/2026/",
        "press/nyheter-2026.html",
        "nyheter?ar=2026",
        "press/2026/11",
    ],
)
def test_listing_of_one_year_is_not_proposed(path: str) -> None:
    links = f'<a href="/{path}">Nyheter</a><a href="/aktuellt">Aktuellt</a>'
    home = f"<html><title>Exempel</title><body>{links}</body></html>"
    result = probe_file(home.encode(), HOME, {})
    assert result.agency.listings == (f"{HOME}aktuellt",)
    assert f"listings: {HOME}{path}: left out: lists one year only" in format_probe_report(
        result, 120
    )


def test_listing_of_all_years_is_proposed_instead(tmp_path: Path) -> None:
    with Site(releases=0) as site:
        host = site.plain["arsverket.localhost"] = PlainHost()
        page = build_page(f"{HEADING}<p>Publicerad 3 mars 2026</p>{TEXT}")
        entries = "".join(
            f'<li><h3><a href="/nyheter/2026/fyr-{n}">Fyr {n} tänds</a></h3></li>' for n in range(4)
        )
        host.add("/", '<title>Årsverket</title><main><a href="/nyheter/2026/">Nyheter</a></main>')
        for path in ("/nyheter/", "/nyheter/2026/"):
            host.add(path, f"<main><h1>Nyheter</h1><ul>{entries}</ul></main>")
        for number in range(4):
            host.add(f"/nyheter/2026/fyr-{number}", page)
        code, printed = Crawling(site, tmp_path / "agencies.toml", tmp_path / "archive.db").scrapy(
            "probe", f"http://arsverket.localhost:{site.port}/", AGENCIES=""
        )
    assert code == 0, printed
    assert f'listings = ["http://arsverket.localhost:{site.port}/nyheter/"]' in printed
