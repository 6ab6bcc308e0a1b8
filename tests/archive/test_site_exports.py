"""Downloads of whole lists: they take turns, are refused before they cost anything, and leave nothing behind."""

from __future__ import annotations

import asyncio
import json
import tempfile
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest
from datasette.database import QueryInterrupted
from datasette.plugins import pm
from datasette.utils.asgi import Request

from archive.history.lists import MAX_REGISTER_PAGE_SIZE, read_edits_page
from archive.web.exports import EXPORT_LIMITS, begin_export, write_sheets
from archive.web.limits import BusyError, RequestQueue
from tests.archive.sample import Site

TOO_SLOW = QueryInterrupted(Exception("interrupted"), "", {})


def find_plugin(name: str) -> Any:
    """The module of a plugin as the served Datasette has loaded it."""
    (plugin,) = (each for each in pm.get_plugins() if getattr(each, "__name__", "") == name)
    return plugin


async def test_pages_of_csv_wait_for_their_turn(site: Site) -> None:
    await site.get("/")
    answers = await asyncio.gather(*(site.get("/search.csv?page=1&q=fyrar") for _ in range(6)))
    assert [answer.status_code for answer in answers] == [200] * 6


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
async def test_one_too_many_is_refused_before_anything_is_read(
    site: Site, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    await site.get("/")

    async def fail(*_: Any) -> None:
        raise AssertionError("it was searched")

    monkeypatch.setattr(find_plugin("search.py"), "search_all", fail)
    assert (await site.datasette.client.head(f"/search.{ending}?q=fyrar")).status_code == 200
    request = Request({"client": ("203.0.113.7", 1)}, None)
    begun = [begin_export(site.datasette, request, ending) for _ in range(EXPORT_LIMITS[ending].max_streams)]
    clients = [each.__enter__().client for each in begun]
    assert set(clients) == {"203.0.113.7"}
    answer = await site.get(f"/search.{ending}?q=fyrar")
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    for each in begun:
        each.__exit__(None, None, None)
    assert (await site.get(f"/search.{ending}?q=fyrar")).status_code == 500  # now it is searched


async def test_who_reads_slowly_holds_up_nobody(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.search.HIT_BATCH", 7)
    await site.get("/")
    begun = 0

    async def send(message: dict[str, Any]) -> None:
        nonlocal begun
        if message["type"] == "http.response.body":
            begun += 1
            await asyncio.Event().wait()

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()  # the client stays
        return {}

    scope = {"type": "http", "method": "GET", "path": "/search.csv", "raw_path": b"/search.csv", "query_string": b""}
    scope |= {"scheme": "http", "headers": [(b"host", b"localhost")]}
    app = site.datasette.app()
    slow = [asyncio.create_task(app(dict(scope), receive, send)) for _ in range(3)]
    async with asyncio.timeout(20):
        while begun < len(slow):
            await asyncio.sleep(0.01)
        answer = await site.get("/search.csv")
    assert (answer.status_code, len(answer.text.splitlines()) > 40) == (200, True)
    for each in slow:
        each.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


@pytest.mark.parametrize("ending", ["csv", "xlsx"])
async def test_a_list_that_takes_too_long_is_told_as_its_page_is(
    site: Site, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    async def fail(*_: Any) -> None:
        raise TOO_SLOW

    async def fail_as_export(run: Any, query: Any) -> Any:
        if query.size == MAX_REGISTER_PAGE_SIZE and calls:  # the first one is the view's own
            raise TOO_SLOW
        calls.append(query)
        return await read_edits_page(run, query)

    calls: list[Any] = []
    monkeypatch.setattr("archive.search.read_hits", fail)
    monkeypatch.setattr(find_plugin("registers.py").EditsRegister, "read_page", staticmethod(fail_as_export))
    monkeypatch.setattr(find_plugin("registers.py"), "needs_export", lambda *_: True)
    for path in ("/search", "/-/edits"):
        answer = await site.get(f"{path}.{ending}")
        assert (answer.status_code, answer.json()["error"]) == (503, "The list took too long. Try a filter."), path


async def test_a_turn_lost_on_the_way_breaks_the_file_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.search.HIT_BATCH", 7)
    await site.get("/")
    acquire, turns = RequestQueue.acquire, 0

    async def lose(self: Any, client: str = "") -> None:
        nonlocal turns
        turns += 1
        if turns == 3:  # that of the page, of the first batch, and of the second
            raise BusyError
        await acquire(self, client)

    monkeypatch.setattr(RequestQueue, "acquire", lose)
    messages: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    scope = {"type": "http", "method": "GET", "path": "/search.csv", "raw_path": b"/search.csv", "query_string": b""}
    await site.datasette.app()({**scope, "scheme": "http", "headers": [(b"host", b"localhost")]}, receive, send)
    assert (messages[0]["status"], messages[-1]["more_body"]) == (200, True)


def test_an_interrupted_workbook_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    spool = StringIO(json.dumps([["a"]]) + "\nno JSON\n")
    with pytest.raises(ValueError, match="Expecting value"):
        write_sheets(spool, [("name", 1)], ["note"], BytesIO())
    assert list(tmp_path.iterdir()) == []


async def test_a_list_too_long_for_a_workbook_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archive.web.exports.MAX_SPOOL_BYTES", 10_000)
    for path in ("/search.xlsx", "/archive/releases.xlsx"):
        answer = await site.get(path)
        assert (answer.status_code, "at most 10,000 bytes of rows" in answer.json()["error"]) == (400, True), path
