"""The comparison of searches and agencies over time: its page, its data, and its errors."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

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
    assert "Fler än 10 meddelanden" in await site.text("/-/compare?q=vägarna")


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], site: Site) -> None:
    for page in pages:
        await page.check({"site": site})
