"""Excel files of tables, views and queries: all rows that CSV has as a stream, and no page in place of a file."""

from __future__ import annotations

import csv
import io

import pytest

from tests.archive.sample import Site
from tests.archive.workbook import read_table

ADDRESSES = [
    *("releases", "releases_with_tags", "tags", "release_tags", "questions_with_releases", "month_counts"),
    *("releases?agency=vagmyndigheten&_sort_desc=title", "releases?_search=vägarna&_col=title", "questions?_labels=on"),
    *("releases?_size=3&_col=title&_sort=kind", "attachments?media_type=none"),
]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_table_is_whole(history_site: Site, address: str) -> None:
    await history_site.get("/")
    path, _, query = address.partition("?")
    sheet = await history_site.get(f"/archive/{path}.csv?_stream=on&{query}")
    answer = await history_site.get(f"/archive/{path}.xlsx?{query}")
    assert (sheet.status_code, answer.status_code) == (200, 200)
    assert answer.headers["content-disposition"] == f'attachment; filename="{path}.xlsx"'
    read = [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in read_table(answer.content)
    ]
    assert read == list(csv.DictReader(io.StringIO(sheet.text, newline="")))


async def test_numbers_are_numbers_and_dates_are_texts(site: Site) -> None:
    (row,) = read_table((await site.get("/archive/releases.xlsx?title=Tre+fyrar+tänds+igen")).content)
    assert isinstance(row["id"], int)
    assert row["published"] == "2024-06-01"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        *(("releases.atom", 404), ("releases/1.atom", 404), ("nix.xlsx", 404), ("releases.xlsx?agencyy=x", 400)),
        *(("releases.pdf", 404), ("unannounced_edits.xlsx?agency=&importance=50", 200)),
    ],
)
async def test_no_page_stands_in_for_a_file(site: Site, address: str, status: int) -> None:
    await site.get("/")
    answer = await site.get(f"/archive/{address}")
    assert answer.status_code == status
    if status != 200:
        assert "<html" not in answer.text or address.endswith("pdf")


async def test_columns_of_one_name_are_refused_and_a_result_is_had(site: Site) -> None:
    answer = await site.get("/archive.xlsx?sql=select+1+as+a,+2+as+a")
    assert (answer.status_code, "same name" in answer.json()["error"]) == (400, True)
    assert read_table((await site.get("/archive.xlsx?sql=select+1+as+a,+'=2'+as+b")).content) == [{"a": 1, "b": "=2"}]


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
async def test_bytes_of_a_result_are_where_the_file_says(site: Site, ending: str) -> None:
    answer = await site.get(f"/archive.{ending}?sql=select+x'00ff'+as+a&_stream=on")
    rows = read_table(answer.content) if ending == "xlsx" else list(csv.DictReader(io.StringIO(answer.text)))
    address = str(rows[0]["a"])
    assert address.startswith("http://localhost/archive.blob?sql=")
    assert "_stream" not in address
    assert (await site.get(address.removeprefix("http://localhost"))).content == b"\x00\xff"


async def test_pages_link_to_the_file(site: Site) -> None:
    page = await site.page("/archive/releases?agency=fyrstyrelsen")
    (link,) = (a for a in page.cssselect(".export-links a") if a.text == "xlsx")
    assert len(read_table((await site.get(link.attrib["href"])).content)) == 2
    for address, name in (
        ("/?lang=en", "All releases as Excel"),
        ("/agency/fyrstyrelsen", "Alla meddelanden som Excel"),
    ):
        (link,) = (a for a in (await site.page(address)).cssselect("a") if a.text == name)
        assert (await site.get(link.attrib["href"])).status_code == 200
