"""The comparison of searches and agencies over time: its page, its data, and its errors."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.archive.sample import PAGED, Site
from tests.archive.tables import load_cases
from tests.archive.workbook import read_table

TWO = "q=vägarna&q=fyrar"


async def get_rows(site: Site, query: str) -> list[dict[str, Any]]:
    response = await site.get(f"/-/compare.json?{query}")
    assert response.status_code == 200
    return list(response.json()["rows"])


async def test_each_series_has_pictures_with_the_same_scale(site: Site) -> None:
    page = await site.page(f"/-/compare?{TWO}&by=year")
    sections = page.cssselect("section.chart:has(h2)")
    assert [" ".join(each.cssselect("h2")[0].text_content().split()) for each in sections] == [
        f"vägarna {PAGED} meddelanden",
        "fyrar 1 meddelande",
    ]
    paths = [each.cssselect("svg[role=img] path")[0].get("d") for each in sections]
    assert paths == ["M1 100v-100h8V100z", f"M11 100v-{100 / PAGED:.1f}h8V100z"]
    titles = [title.text_content() for title in page.cssselect("svg[role=img] > title")]
    assert titles[0] == f"vägarna: Antal, flest {PAGED} (2023)"
    rows = [
        [cell.text_content().strip() for cell in row.cssselect("th, td")]
        for row in page.cssselect(".numbers tr")
    ]
    assert rows == [
        ["Tid", "vägarna", "fyrar"],
        ["2023", "45 (97,8\xa0%)", "0 (0\xa0%)"],
        ["2024", "0 (0\xa0%)", "1 (50,0\xa0%)"],
    ]


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
    assert read_table((await site.get(f"/-/compare.xlsx?{TWO}")).content) == rows


async def test_series_name_their_totals(site: Site) -> None:
    document = await site.json(
        "/-/compare.json?q=vägarna&agency=vagmyndigheten&agency=fyrstyrelsen"
    )
    assert [(each["agency"], each["total"], each["undated"]) for each in document["series"]] == [
        ("vagmyndigheten", PAGED, 0),
        ("fyrstyrelsen", 0, 0),
    ]
    assert "meddelanden utan" not in await site.text("/-/compare?q=vägarna")
    assert "1 träff utan publiceringsdatum är inte med." in await site.text(
        "/-/compare?agency=vagmyndigheten"
    )


@pytest.mark.parametrize(("query", "message"), load_cases(__file__, "wrong parameters are errors"))
async def test_wrong_parameters_are_errors(site: Site, query: str, message: str) -> None:
    for suffix in (".json", ".csv", ".xlsx"):
        response = await site.get(f"/-/compare{suffix}?{query}")
        assert response.status_code == 400
        assert message in response.json()["error"]


async def test_empty_form_has_an_example(site: Site) -> None:
    page = await site.page("/-/compare?lang=en")
    assert "Enter words or agencies." in page.cssselect(".notice")[0].text_content()
    assert len(page.cssselect("input[name=q]")) == 2
    assert "Roads Authority" in [
        option.text_content() for option in page.cssselect("datalist option")
    ]
    assert "Inga meddelanden hittades" in await site.text("/-/compare?q=dinosaurie")


async def test_more_hits_than_are_counted_are_named(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.views.over_time.MAX_COMPARED_HITS", 10)
    response = await site.get("/-/compare.json?q=vägarna")
    assert response.json()["series"][0]["capped"] is True
    assert response.headers["archive-truncated"] == "after 10 hits of a search"
    assert "Fler än 10 meddelanden" in await site.text("/-/compare?q=vägarna")
