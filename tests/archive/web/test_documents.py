from __future__ import annotations

import asyncio
import csv
import json
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from datasette.database import QueryInterrupted

from archive.changes.edits_and_removals import MAX_REGISTER_PAGE_SIZE, read_edits_page
from archive.search import results
from archive.web import exports
from archive.web.documents import DataList
from archive.web.exports import (
    begin_export,
    write_sheets,
    write_workbook,
)
from archive.web.request_limits import WORK, BusyError, SandboxLimits, Turn, WorkQueue
from tests.archive.sample import Site
from tests.archive.web.serving import FakeClient
from tests.archive.workbook import read_sheet, read_table
from tests.case_tables import load_cases

SEARCH_CSV_SCOPE: dict[str, Any] = {"type": "http", "method": "GET", "scheme": "http"}
SEARCH_CSV_SCOPE |= {"path": "/search.csv", "raw_path": b"/search.csv", "query_string": b""}
SEARCH_CSV_SCOPE |= {"headers": [(b"host", b"localhost")]}


@pytest.fixture
async def started_site(site: Site) -> Site:
    """The site after a first request, with which Datasette starts up and loads its plugins."""
    await site.get("/")
    return site


# Queues and limits


async def test_pages_of_csv_wait_for_a_slot(started_site: Site) -> None:
    responses = await asyncio.gather(
        *(started_site.get("/search.csv?page=1&q=fyrar") for _ in range(6))
    )
    assert [response.status_code for response in responses] == [200] * 6


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
async def test_too_many_exports_are_rejected_before_reading(
    started_site: Site, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("searched")

    monkeypatch.setattr("archive.views.search.search_all", fail)
    assert (
        await started_site.datasette.client.head(f"/search.{suffix}?q=fyrar")
    ).status_code == 200
    find_client = Mock(return_value="")
    with monkeypatch.context() as patch:
        patch.setattr(exports, "client_key", find_client)
        assert await started_site.status(f"/search.{suffix}?q=fyrar") == 500
    scope = {**find_client.call_args.args[0], "client": ("203.0.113.7", 1)}
    running = [begin_export(scope, suffix) for _ in range(WORK[suffix].downloads)]
    assert {export.__enter__().client for export in running} == {"203.0.113.7"}
    response = await started_site.get(f"/search.{suffix}?q=fyrar")
    assert (response.status_code, "retry-after" in response.headers) == (503, True)
    for export in running:
        export.__exit__(None, None, None)
    assert await started_site.status(f"/search.{suffix}?q=fyrar") == 500  # now it is searched


async def test_slow_readers_do_not_block_others(
    started_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.search.results.HIT_BATCH", 7)
    app = started_site.datasette.app()
    clients = [FakeClient(max_messages=1) for _ in range(3)]
    slow = [
        asyncio.create_task(app(dict(SEARCH_CSV_SCOPE), client.receive, client.send))
        for client in clients
    ]
    async with asyncio.timeout(20):
        while sum(len(client.messages) for client in clients) < len(slow):
            await asyncio.sleep(0.01)
        response = await started_site.get("/search.csv")
    assert (response.status_code, len(response.text.splitlines()) > 40) == (200, True)
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_export_is_left_incomplete_if_it_loses_its_slot(
    started_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.search.results.HIT_BATCH", 7)
    acquire, slots = WorkQueue.acquire, 0

    async def acquire_twice(self: Any, client: str = "") -> None:
        nonlocal slots
        slots += 1
        if slots == 3:  # after the slots of the page and of the first batch
            raise BusyError
        await acquire(self, client)

    monkeypatch.setattr(WorkQueue, "acquire", acquire_twice)
    client = FakeClient()
    await started_site.datasette.app()(dict(SEARCH_CSV_SCOPE), client.receive, client.send)
    assert (client.messages[0]["status"], client.messages[-1]["more_body"]) == (200, True)


async def test_export_is_left_incomplete_if_reading_fails(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    read_hits = results.read_hits

    async def fail_second_time(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise sqlite3.OperationalError("disk I/O error")
        return await read_hits(*arguments, **options)

    monkeypatch.setattr("archive.search.results.HIT_BATCH", 7)
    monkeypatch.setattr("archive.search.results.read_hits", fail_second_time)
    client = FakeClient()
    await site.datasette.app()(dict(SEARCH_CSV_SCOPE), client.receive, client.send)
    start, body = client.messages
    assert start["status"] == 200
    assert body["more_body"], "no end: the server closes the connection"


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
async def test_timeout_of_an_export_is_an_error_response(
    site: Site, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    timeout = QueryInterrupted(Exception("interrupted"), "", {})

    async def fail(*_: Any, **__: Any) -> None:
        raise timeout

    async def fail_in_export(run: Any, query: Any) -> Any:
        if query.size == MAX_REGISTER_PAGE_SIZE and queries:  # the first query is the page's own
            raise timeout
        queries.append(query)
        return await read_edits_page(run, query)

    queries: list[Any] = []
    monkeypatch.setattr("archive.search.results.read_hits", fail)
    monkeypatch.setattr("archive.views.edits.EditsRegister.read_page", staticmethod(fail_in_export))
    monkeypatch.setattr("archive.views.edits.needs_export", lambda *_: True)
    for path in ("/search", "/-/edits"):
        response = await site.get(f"{path}.{suffix}")
        assert (response.status_code, response.json()["error"]) == (
            503,
            "The list took too long. Try a filter.",
        ), path


def test_failed_workbook_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spool = StringIO(json.dumps([["a"]]) + "\nno JSON\n")
    with pytest.raises(ValueError, match="Expecting value"):
        write_sheets(spool, [("name", "name", 1)], ["note"], ("", "About"), BytesIO())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["/search.xlsx", "/archive/releases.xlsx"])
async def test_too_long_list_is_no_workbook(
    site: Site, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr("archive.web.exports.MAX_SPOOL_BYTES", 10_000)
    response = await site.get(url)
    assert (response.status_code, "at most 10,000 bytes of rows" in response.json()["error"]) == (
        400,
        True,
    )


# Excel files of tables, views and queries


@pytest.mark.parametrize("url", load_cases(__file__, "excel has all rows of the csv stream"))
async def test_excel_has_all_rows_of_the_csv_stream(history_site: Site, url: str) -> None:
    path, _, query = url.partition("?")
    stream = await history_site.get(f"/archive/{path}.csv?_stream=on&{query}")
    workbook = await history_site.get(f"/archive/{path}.xlsx?{query}")
    assert (stream.status_code, workbook.status_code) == (200, 200)
    assert workbook.headers["content-disposition"] == f'attachment; filename="{path}.xlsx"'
    rows = [
        {name: "" if value is None else str(value) for name, value in row.items()}
        for row in read_table(workbook.content)
    ]
    assert rows == list(csv.DictReader(StringIO(stream.text, newline="")))


async def test_excel_cells_have_types(site: Site) -> None:
    (row,) = read_table(
        (await site.get("/archive/releases.xlsx?title=Tre+fyrar+tänds+igen")).content
    )
    assert isinstance(row["id"], int)
    assert row["published"] == "2024-06-01"
    assert read_table((await site.get("/archive.xlsx?sql=select+1+as+a,+'=2'+as+b")).content) == [
        {"a": 1, "b": "=2"}
    ]


@pytest.mark.parametrize(("path", "status"), load_cases(__file__, "error of a file is no page"))
async def test_error_of_a_file_is_no_page(started_site: Site, path: str, status: int) -> None:
    response = await started_site.get(f"/archive/{path}")
    assert response.status_code == status
    assert status == 200 or "<html" not in response.text or path.endswith("pdf")


async def test_columns_with_the_same_name_are_rejected(site: Site) -> None:
    response = await site.get("/archive.xlsx?sql=select+1+as+a,+2+as+a")
    assert (response.status_code, "same name" in response.json()["error"]) == (400, True)


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
async def test_bytes_are_a_url_of_the_bytes(site: Site, suffix: str) -> None:
    response = await site.get(f"/archive.{suffix}?sql=select+x'00ff'+as+a&_stream=on")
    rows = (
        read_table(response.content)
        if suffix == "xlsx"
        else list(csv.DictReader(StringIO(response.text)))
    )
    url = str(rows[0]["a"])
    assert url.startswith("http://localhost/archive.blob?sql=")
    assert "_stream" not in url
    assert (await site.get(url.removeprefix("http://localhost"))).content == b"\x00\xff"


@pytest.mark.parametrize(
    ("url", "name", "row_count"),
    [
        ("/archive/releases?agency=fyrstyrelsen", "Excel", 2),
        ("/agency/fyrstyrelsen", "Alla meddelanden som Excel", 2),
    ],
)
async def test_page_links_to_its_excel_file(
    site: Site, url: str, name: str, row_count: int
) -> None:
    (link,) = (link for link in (await site.page(url)).cssselect("a") if link.text == name)
    assert len(read_table((await site.get(link.attrib["href"])).content)) == row_count


# Cells of a workbook


def build_export(title: str, page_url: str, *batches: list[dict[str, Any]]) -> DataList:
    async def read_batches() -> AsyncIterator[Sequence[dict[str, Any]]]:
        for batch in batches:
            yield batch

    return DataList(
        name="list",
        title=title,
        page_url=page_url,
        columns=list(batches[0][0]),
        batches=read_batches(),
    )


async def write_bytes(export: DataList, lang: str) -> bytes:
    limits = SandboxLimits()
    with await write_workbook(
        export, Turn(limits, WorkQueue(WORK["xlsx"]), streaming=True), lang
    ) as file:
        file.seek(0)
        return file.read()


async def test_workbook_has_texts_unchanged() -> None:
    rows: list[dict[str, Any]] = [
        {"number": 7, "body": "=1+1\n@x", "when": "2024-12", "on": True},
        {"number": None, "body": "å" * 70_000, "when": "0123", "on": False},
        {
            "number": 10**17,
            "body": "a\x00b_x0041_ \U0001f600" * 2_000,
            "when": "https://a.example/",
            "on": None,
        },
    ]
    workbook = await write_bytes(
        build_export("=Listan", "https://a.example/", *([row] for row in rows)), "sv"
    )
    cells = read_table(workbook)
    assert list(cells[0]) == ["number", "body", "body (2)", "body (3)", "when", "on"]
    assert [(row["number"], row["when"], row["on"]) for row in cells] == [
        (7, "2024-12", 1),
        (None, "0123", 0),
        (str(10**17), "https://a.example/", None),
    ]
    texts = [
        "".join(str(row[name] or "") for name in ("body", "body (2)", "body (3)")) for row in cells
    ]
    assert texts == [str(row["body"]).replace("\x00", "\ufffd") for row in rows]
    assert all(
        len(str(value).encode("utf-16-le")) <= 2 * 32_767 for row in cells for value in row.values()
    )
    assert not any(cell.hyperlink for row in open_workbook(workbook)["=Listan"] for cell in row)
    notes = [row[0] for row in read_sheet(workbook, 2)]
    assert notes[:2] == ["=Listan", "https://a.example/"]
    assert "kolumnerna body (2), body (3)." in str(notes)


def open_workbook(content: bytes) -> Any:
    return openpyxl.load_workbook(BytesIO(content))


async def test_list_for_readers_has_names_dates_links_and_texts(history_site: Site) -> None:
    query = "q=titel:färjan&lang=sv"
    workbook = open_workbook((await history_site.get(f"/search.xlsx?{query}")).content)
    assert workbook.sheetnames == ["Sök titel färjan", "Om filen"]
    sheet = workbook.worksheets[0]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", sheet.dimensions)
    row = {header.value: cell for header, cell in zip(sheet[1], sheet[2], strict=True)}
    (found, *_) = (await history_site.get(f"/search.json?{query}")).json()["releases"]
    assert row["Rubrik"].value == found["title"]
    assert row["Publicerat"].value == datetime.fromisoformat(found["published"])
    assert row["Publicerat"].number_format == "yyyy-mm-dd"
    seen = datetime.fromisoformat(found["first_seen"]).astimezone(ZoneInfo("Europe/Stockholm"))
    assert row["Först sett"].value == seen.replace(tzinfo=None), "a time on a Swedish clock"
    assert row["Sida i arkivet"].hyperlink.target == row["Sida i arkivet"].value == found["page"]
    assert row["Först sett"].number_format == "yyyy-mm-dd hh:mm"
    sql = f"select body from releases where id = {found['release']}"
    stored = (await history_site.json(f"/archive.json?sql={sql}&_shape=objects"))["rows"]
    assert row["Text"].value == stored[0]["body"]
    assert sheet.column_dimensions["E"].width > 50, "titles"
    assert sheet.sheet_format.customHeight, "rows do not grow with the lines of a text"
    english = open_workbook((await history_site.get("/search.xlsx?lang=en")).content)
    assert [cell.value for cell in english.worksheets[0][1]][4:6] == ["Title", "Published"]


async def test_links_beyond_the_limit_are_texts(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archive.web.exports.MAX_SHEET_LINKS", 3)
    sheet = open_workbook((await site.get("/search.xlsx?lang=sv")).content).worksheets[0]
    links = [cell for row in sheet for cell in row if cell.hyperlink]
    addresses = [cell for row in sheet for cell in row if str(cell.value).startswith("http")]
    assert (len(links), len(addresses) > 10) == (3, True)


async def test_text_in_a_list_for_readers_is_no_formula_or_other_link() -> None:
    row = {"title": "=1+1", "url": "=HYPERLINK(1)", "published": "@now", "page": "javascript:x"}
    export = replace(build_export("Lista", "", [row]), headers=["-A", "+B", "C", "=D"])
    content = await write_bytes(export, "en")
    assert read_sheet(content) == [["-A", "+B", "C", "=D"], list(row.values())]
    assert not any(cell.hyperlink for row in open_workbook(content).worksheets[0] for cell in row)


async def test_rows_beyond_one_sheet_continue_on_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.web.exports.MAX_SHEET_ROWS", 3)
    workbook = await write_bytes(
        build_export("", "", [{"number": number} for number in range(5)]), "en"
    )
    assert [read_sheet(workbook, number) for number in (1, 2, 3)] == [
        [["number"], [0], [1]],
        [["number"], [2], [3]],
        [["number"], [4]],
    ]
