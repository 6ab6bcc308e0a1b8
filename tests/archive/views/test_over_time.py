"""Attention over time: its page, its chart as a file, its data, its errors, and former addresses."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import httpx
import pytest
from lxml import etree, html

from archive.health.coverage import KnownMonths
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import Site
from tests.archive.workbook import build_cell, read_list
from tests.case_tables import load_cases

TWO = "q=vägarna&q=fyrar"


async def get_rows(site: Site, query: str) -> list[dict[str, Any]]:
    response = await site.get(f"/-/compare.json?{query}")
    assert response.status_code == 200
    return list(response.json()["rows"])


async def test_rows_agree_with_the_searches_that_they_link_to(site: Site) -> None:
    for query in (
        f"{TWO}&by=month",
        "agency=Vägmyndigheten&agency=fyrstyrelsen",
        "q=fyrar OR vägarna&by=month&lang=en",
    ):
        for row in await get_rows(site, query):
            address = (
                row["page"].removeprefix("http://localhost").replace("/search?", "/search.json?")
            )
            assert (await site.json(address))["total"] == row["hits"], row


async def test_data_formats_have_the_same_rows(site: Site) -> None:
    rows = await get_rows(site, TWO)
    assert {row["period"] for row in rows} > {"2023-01", "undated"}
    text = (await site.get(f"/-/compare.csv?{TWO}")).text
    assert [list(row.values()) for row in csv.DictReader(io.StringIO(text))] == [
        ["" if value is None else str(value) for value in row.values()] for row in rows
    ]
    workbook = (await site.get(f"/-/compare.xlsx?{TWO}")).content
    columns = [*rows[0]]
    assert read_list(workbook, "rows", columns) == [
        {name: build_cell(name, value) for name, value in row.items()} for row in rows
    ]


@pytest.mark.parametrize(("query", "message"), load_cases(__file__, "wrong parameters are errors"))
async def test_wrong_parameters_are_errors(site: Site, query: str, message: str) -> None:
    for suffix in (".json", ".csv", ".xlsx"):
        response = await site.get(f"/-/compare{suffix}?{query}")
        assert response.status_code == 400
        assert message in response.json()["error"]


async def test_more_hits_than_are_counted_are_named(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.views.over_time.MAX_COMPARED_HITS", 10)
    response = await site.get("/-/compare.json?q=vägarna")
    assert response.json()["series"][0]["capped"] is True
    assert response.headers["archive-truncated"] == "after 10 hits of a search"
    text = await site.text("/-/over-time?q=vägarna")
    assert "vägarna: Fler än 10 meddelanden" in text
    assert "Bara de 11 som först kom in i arkivet är räknade." in text


@pytest.mark.parametrize("query", ["", "?q=fyrar&q=b%C3%A5tar&agency=fagelverket&by=year&lang=en"])
async def test_former_pages_lead_here(site: Site, query: str) -> None:
    for path in ("/-/compare", "/-/phrase"):
        response = await site.get(path + query)
        assert (response.status_code, response.headers["location"]) == (301, f"/-/over-time{query}")
    assert (await site.get(f"/-/over-time{query}")).status_code == 200


async def test_links_over_a_chart_are_those_of_its_table(site: Site) -> None:
    for query in (TWO, "q=vägarna&q=fyrar&q=båtar&by=month&lang=en", "agency=fagelverket&by=month"):
        page = await site.page(f"/-/over-time?{query}")
        links = page.cssselect(".numbers a")
        assert sorted(each.attrib["href"] for each in page.cssselect(".over a")) == sorted(
            each.attrib["href"] for each in links
        )
        for link in links[::7]:
            found = (await site.page(link.attrib["href"])).cssselect(".status")[0].text_content()
            assert found.split()[0] == (link.text or "").split()[0]


async def test_lines_have_gaps_where_nothing_is_known(site: Site) -> None:
    page = await site.page(f"/-/over-time?{TWO}&by=month")
    paths = {each.get("class"): each.attrib["d"] for each in page.cssselect(".plot svg svg path")}
    # February 2022, 2023 without December, and May 2024; June 2024 is not over
    assert [paths["line s1"].count(pen) for pen in "ML"] == [3, 10]
    assert [paths[f"dots s{number}"].count("M") for number in (1, 2)] == [1, 1]
    names = [float(each.attrib["y"][:-1]) for each in page.cssselect(".plot .end")]
    assert [each.text_content() for each in page.cssselect(".plot .end")] == [
        "● vägarna",
        "● fyrar",
    ]
    assert names == [100, 92]


def test_months_and_years_without_all_releases() -> None:
    months = [f"{year}-{month:02}" for year in (2019, 2020, 2021, 2023) for month in range(1, 13)]
    known = KnownMonths(
        first="2018-11",
        since="",
        until="2024-02-10",
        months=["2018-11", "2018-12", *months, "2022-05", "2024-01", "2024-02"],
        spans=[("2018-11", "2024-02"), ("2020-03", "2024-01"), ("2020-01", "2024-02")],
        incomplete=["2021-06"],
    )
    assert known.find_thin([str(year) for year in range(2017, 2026)]) == {
        "none": ["2017", "2025"],
        "begins": ["2018"],
        "few": ["2019"],
        "missing": ["2021"],
        "gaps": ["2022"],
        "ends": ["2024"],
    }
    periods = ("2018-10", "2018-11", "2019-12", "2021-06", "2021-07", "2024-01", "2024-02")
    assert known.find_thin(periods) == {
        "none": ["2018-10"],
        "few": ["2018-11", "2019-12"],
        "missing": ["2021-06"],
        "ends": ["2024-02"],
    }


def test_years_with_far_fewer_releases_than_most() -> None:
    years = {"2020": 22, "2021": 149, "2022": 622, "2023": 2710, "2024": 2920, "2025": 3111}
    months = [f"{year}-{month:02}" for year in years for month in range(1, 13)]
    known = KnownMonths(
        first="2020-01",
        since="",
        until="2026-01-31",
        months=months,
        spans=[("2020-01", "2025-12")],
        incomplete=[],
        years=years,
    )
    assert known.typical_year == 2920, "the median of the years would be 622"
    assert known.find_thin(sorted(years)) == {"fewer": ["2020", "2021", "2022"]}
    assert known.find_thin(["2021-05", "2024-05"]) == {"fewer": ["2021-05"]}
    few = replace(known, years={"2024": 3, "2025": 30})
    assert few.find_thin(["2024", "2025"]) == {}, "too few to tell"


# The chart as a file


async def read_svg(site: Site, query: str) -> etree._Element:
    response = await site.get(f"/-/over-time.svg?{query}")
    assert response.status_code == 200
    return etree.fromstring(response.content)  # raises an error if it is no XML


async def test_file_stands_alone(site: Site) -> None:
    svg = await read_svg(site, f"{TWO}&by=year&lang=en")
    name = "{http://www.w3.org/2000/svg}"
    assert svg.tag == f"{name}svg"
    assert {str(each.tag).removeprefix(name) for each in svg.iter()} <= {
        *("svg", "title", "desc", "style", "g", "rect", "line", "path", "text", "tspan"),
    }
    attributes = {key for each in svg.iter() for key in each.attrib}
    assert not [
        key for key in attributes if key.startswith("on") or key.endswith(("href", "style"))
    ]
    assert "url(" not in etree.tostring(svg).decode()
    texts = ["".join(each.itertext()) for each in svg.iter(f"{name}text")]
    assert texts[0] == "Releases per year"
    assert "The archive has releases up to 3 June 2024." in texts
    assert texts[-2].startswith("Source: Myndighetsarkivet, ")
    assert texts[-1] == "http://localhost/-/over-time?q=vägarna&q=fyrar&by=year&lang=en"
    lowest = max(float(each.get("y", "0")) for each in svg if each.tag == f"{name}text")
    assert lowest + 8 <= float(svg.get("height", "0"))


async def test_file_escapes_what_was_typed(site: Site) -> None:
    typed = "</title><script>alert('&\x01\"')</script>"
    svg = await read_svg(site, str(httpx.QueryParams({"q": typed, "by": "year"})))
    assert not svg.xpath("//*[local-name() = 'script']")
    assert typed.replace("\x01", "\ufffd") in svg.xpath("string(*[local-name() = 'title'])")


async def test_file_can_be_kept_and_shown_elsewhere(site: Site) -> None:
    response = await site.get("/-/over-time.svg?q=vägarna")
    headers = response.headers
    assert headers["content-type"] == "image/svg+xml; charset=utf-8"
    assert headers["cache-control"] == "public, max-age=3600"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["content-security-policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
    )
    again = await site.datasette.client.get(
        "/-/over-time.svg?q=vägarna", headers={"if-none-match": headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    for query in ("", "q=fyr&size=3", "q=fyr&measure=all"):
        assert (await site.get(f"/-/over-time.svg?{query}")).status_code == 400


async def test_code_to_embed_shows_the_file(site: Site) -> None:
    page = await site.page("/-/over-time?q=vägarna&q=fyrar&measure=share")
    code = page.cssselect("textarea[readonly]")[0].text or ""
    link = html.fragment_fromstring(code.strip())
    (image,) = link.cssselect("img")
    query = "?q=v%C3%A4garna&q=fyrar&measure=share&lang=sv"
    assert link.get("href") == f"http://localhost/-/over-time{query}"
    assert image.get("src") == f"http://localhost/-/over-time.svg{query}"
    assert image.attrib["alt"].startswith("Andel av alla meddelanden per månad. ")
    (download,) = page.cssselect("a[download]")
    assert download.get("href") == image.get("src")


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], site: Site, history_site: Site) -> None:
    for page in pages:
        await page.check({"site": site, "history": history_site})
