"""Datasette's own views: pages in a total order, CSV that is complete or broken off, and checked
parameters.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import shutil
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import closing
from html import unescape
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from archive.web.table_pages import SandboxedTableView
from tests.archive.page_checks import PageCheck, load_pages
from tests.archive.sample import Site, hrefs, served
from tests.archive.web.serving import listen, serve_with_limits
from tests.case_tables import load_cases, load_column, load_rows

HOST = "http://localhost"  # in URLs that Datasette's own client receives
PAGE_SIZE = 5
ROWS = 23
COMMON_COLUMNS = "a text, b integer, c float, d, f text"
TABLES = {  # definition and key
    "numbered": (f"(id integer primary key, e text collate nocase, {COMMON_COLUMNS})", ["id"]),
    "compound": (f"(x text, y integer, e text, {COMMON_COLUMNS}, primary key (x, y))", ["x", "y"]),
    "named": (f"(name text primary key, {COMMON_COLUMNS})", ["name"]),
    "keyless": (f"({COMMON_COLUMNS})", ["rowid"]),
    "without": (
        "(x text, y integer, a text, b integer, primary key (y, x)) without rowid",
        ["y", "x"],
    ),
}
KEYS = {**{table: key for table, (_, key) in TABLES.items()}, "tied": ["id"]}
# null, numbers, texts and bytes beside each other, in a column without a type
MIXED_VALUES = (None, 1, 2.5, "1", "b", b"\xff", "å, ~ %", "")


def build_row(number: int) -> dict[str, Any]:
    """Return values with many ties; a page ends between rows with the same value."""
    key = (number * 37) % ROWS
    return {
        "id": key + 1,
        "name": f"nämn, {key}",
        "x": f"x{number % 4}",
        "y": number // 4,
        "a": (None, "2024-05", "2024-05-01", "å")[number % 4],
        "b": (None, 0, -1, 2**60)[number % 4],
        "c": (None, 0.1, 1 / 3, 1e300)[number % 4],
        "d": MIXED_VALUES[number % len(MIXED_VALUES)],
        "e": ("A", "a", "B", "b")[number % 4],
        "f": "lång text " * 300 + str(number % 3),
    }


@pytest.fixture(scope="module")
def tied_archive(sample_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample archive with tables whose rows have many equal values."""
    path = Path(shutil.copy(sample_archive, tmp_path_factory.mktemp("tied") / "archive.db"))
    with closing(sqlite3.connect(path)) as db, db:
        for table, (definition, _) in TABLES.items():
            db.execute(f"create table {table} {definition}")
            names = list_columns(db, table)
            values = ", ".join(f":{name}" for name in names)
            db.executemany(f"insert into {table} values ({values})", map(build_row, range(ROWS)))
            db.execute(f"create index idx_{table} on {table} (b, a)")
        db.execute("create view tied as select id, a, b, c, d, e, f, a || b as g from numbered")
    return path


@pytest.fixture(scope="module")
async def tied_site(site: Site, tied_archive: Path) -> AsyncIterator[Site]:
    """It depends on `site` because it would otherwise unregister its plugins at the end."""
    with served(
        tied_archive, max_returned_rows=PAGE_SIZE, default_page_size=PAGE_SIZE
    ) as datasette:
        yield Site(datasette)


def list_columns(db: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in db.execute(f"pragma table_info({table})")]


def read_keys(
    path: Path, table: str, where: str = "1", order: Mapping[str, str] | None = None
) -> list[Any]:
    """Return the keys of a table as SQLite orders them."""
    keys = ", ".join(KEYS[table])
    columns = [
        f"{column}{' desc' if option == '_sort_desc' else ''}"
        for option, column in (order or {}).items()
    ]
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute(
            f"select {keys} from {table} where {where} order by {', '.join([*columns, keys])}"
        ).fetchall()
    return [tuple(map(str, row)) for row in rows]


async def follow_pages(site: Site, table: str, key: Sequence[str], **options: Any) -> list[Any]:
    """Return the keys on all pages, from `next_url` to `next_url`."""
    url: str | None = f"/archive/{table}.json?{urlencode(options, doseq=True)}"
    keys: list[Any] = []
    while url:
        response = await site.get(url)
        assert response.status_code == 200, response.text
        page = response.json()
        for row in page["rows"]:
            cells = row if isinstance(row, dict) else dict(zip(page["columns"], row, strict=True))
            values = [cells[name] for name in key]
            keys.append(
                tuple(
                    str(v["value"] if isinstance(v, dict) and "value" in v else v) for v in values
                )
            )
        url = page["next_url"] and page["next_url"].removeprefix(HOST)
        assert (response.headers.get("link") == f'<{HOST}{url}>; rel="next"') == bool(url)
        assert len(keys) <= 200, "no end"
    return keys


async def read_stream(site: Site, table: str, key: Sequence[str], **options: Any) -> list[Any]:
    """Return the keys in a CSV stream."""
    response = await site.get(
        f"/archive/{table}.csv?{urlencode({'_stream': 'on', **options}, doseq=True)}"
    )
    assert response.status_code == 200, response.text
    return [tuple(row[name] for name in key) for row in csv.DictReader(io.StringIO(response.text))]


# Pages

SORTED_COLUMNS = {
    "numbered": ["id", *"abcdef"],
    "compound": [*"xyad"],
    "named": ["name", *"ad"],
    "keyless": [*"df"],
    "without": [*"yxa"],
    "tied": [*"dfg"],
}
FILTERS: tuple[tuple[dict[str, Any], str], ...] = (
    ({"b": "0"}, "b = 0"),
    ({"a__isnull": "1"}, "a is null"),
    ({"a__gte": "2024-05-01", "_col": ["b", "e", "id"]}, "a >= '2024-05-01'"),
    ({"_where": "a is null or b = 0"}, "a is null or b = 0"),
    ({"e__in": '["A", "b"]', "_nocol": ["f", "d"]}, "e in ('A', 'b')"),
)
ORDERS: tuple[dict[str, str], ...] = ({}, {"_sort": "a"}, {"_sort_desc": "a"}, {"_sort_desc": "d"})


@pytest.mark.parametrize(
    "table",
    [
        table if table == "tied" else pytest.param(table, marks=pytest.mark.slow("every order"))
        for table in SORTED_COLUMNS
    ],
)
async def test_pages_and_streams_have_each_row_once_in_a_total_order(
    tied_site: Site, tied_archive: Path, table: str
) -> None:
    key = KEYS[table]
    for option, column in [("_sort", ""), *product(("_sort", "_sort_desc"), SORTED_COLUMNS[table])]:
        order = {option: column} if column else {}
        expected = read_keys(tied_archive, table, order=order)
        assert len(expected) == ROWS
        assert await follow_pages(tied_site, table, key, **order) == expected, order
        # no column of CSV; the pages of a stream are the same
        if key != ["rowid"] and option != "_sort_desc":
            assert await read_stream(tied_site, table, key, **order) == expected, order
    assert len(await read_stream(tied_site, table, ["a"])) == ROWS


@pytest.mark.parametrize(("options", "where"), FILTERS)
async def test_filtered_pages_and_streams_are_in_a_total_order(
    tied_site: Site, tied_archive: Path, options: dict[str, Any], where: str
) -> None:
    for table, order in zip(("numbered", "tied", "numbered", "tied"), ORDERS, strict=True):
        expected = read_keys(tied_archive, table, where, order)
        assert len(expected) > PAGE_SIZE
        assert await follow_pages(tied_site, table, ["id"], **options, **order) == expected, order
        as_objects = {"_shape": "objects", "_size": PAGE_SIZE, "_facet": "b"}
        assert (
            await follow_pages(tied_site, table, ["id"], **options, **order, **as_objects)
            == expected
        ), order
        assert await read_stream(tied_site, table, ["id"], **options, **order) == expected, order
    if "_col" not in options:
        expected = read_keys(tied_archive, "compound", where, {"_sort_desc": "a"})
        assert (
            await follow_pages(tied_site, "compound", ["x", "y"], **options, _sort_desc="a")
            == expected
        )


@pytest.mark.parametrize(
    ("options", "order"), load_cases(__file__, "pages of a search have each row once"), ids=str
)
async def test_pages_of_a_search_have_each_row_once(
    site: Site, options: dict[str, str], order: dict[str, str]
) -> None:
    columns = {"_size": 7, "_labels": "on", "_col": ["agency", "title"]}
    found = await follow_pages(site, "releases", ["id"], **options, **order, **columns)
    counted = await site.json(f"/archive/releases.json?{urlencode({**options, '_size': 0})}")
    assert len(found) == len(set(found)) == counted["filtered_table_rows_count"] > 4 * 7
    assert sorted(await read_stream(site, "releases", ["id"], **options, **order)) == sorted(found)


async def test_html_pages_are_linked_and_facets_are_of_all_pages(tied_site: Site) -> None:
    first = await tied_site.json("/archive/numbered.json?_facet=e&_sort=a")
    second = await tied_site.json(first["next_url"].removeprefix(HOST))
    assert (
        second["facet_results"]["e"]["results"][0]["count"]
        == first["facet_results"]["e"]["results"][0]["count"]
    )
    assert first["filtered_table_rows_count"] == second["filtered_table_rows_count"] == ROWS
    keys: list[str] = []
    next_urls = ["/archive/numbered?_sort_desc=a"]
    while next_urls:
        page = await tied_site.page(next_urls[0].removeprefix(HOST))
        keys += [cell.text_content() for cell in page.cssselect("td:first-child")]
        next_urls = hrefs(page, "a[rel=next]")
    assert len(keys) == len(set(keys)) == ROWS


async def test_next_page_after_a_deleted_row_is_a_400(tied_archive: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(tied_archive, tmp_path / "archive.db"))
    with served(path, max_returned_rows=PAGE_SIZE) as datasette:
        page = await Site(datasette).json(f"/archive/numbered.json?_sort=f&_size={PAGE_SIZE}")
        last = page["rows"][-1][0]
        assert page["next"] == f"[{last}]"  # the sorted text is too long for a URL
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("delete from numbered where id = ?", [last])
        assert await Site(datasette).status(page["next_url"].removeprefix(HOST)) == 400


def test_first_column_of_each_view_is_a_key(history_archive: Path) -> None:
    with closing(sqlite3.connect(history_archive)) as db:
        views = [
            name for (name,) in db.execute("select name from sqlite_master where type = 'view'")
        ]
        for view in views:
            first = db.execute(f"select * from {view} limit 0").description[0][0]
            rows, keys = db.execute(
                f"select count(*), count(distinct {first}) from {view}"
            ).fetchone()
            assert rows == keys > 0


async def test_page_has_as_many_rows_as_fit(tied_archive: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(tied_archive, tmp_path / "archive.db"))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("update numbered set f = printf('%.20000c', 'x')")
    limits = {"max_json_bytes": 100_000, "max_csv_bytes": 300_000, "max_html_bytes": 100_000}
    with serve_with_limits(path, limits) as site:
        first = await site.json("/archive/numbered.json?_size=max")
        assert len(first["rows"]) == 4
        assert first["next_url"]
        assert len(await follow_pages(site, "numbered", ["id"], _size="max")) == ROWS
        assert len(await read_stream(site, "numbered", ["id"])) == ROWS
        assert (
            len((await site.page("/archive/numbered?_size=max")).cssselect("td:first-child")) == 4
        )
        for extension in (".json", ".csv"):
            rejected = await site.get(f"/archive/numbered{extension}?_size=22")
            assert rejected.status_code == 400
            assert "22 rows do not fit" in rejected.json()["error"]
            assert "_size=max" in rejected.json()["error"]


async def test_unsorted_stream_is_in_the_order_of_the_key(site: Site) -> None:
    keys = await read_stream(site, "releases", ["id"])
    assert keys == sorted(keys, key=lambda row: int(row[0]))
    assert keys != await read_stream(site, "releases", ["id"], _sort_desc="published")


async def test_requested_columns_have_labels_and_the_key_once(site: Site) -> None:
    text = (await site.get("/archive/releases.csv?_col=id&_col=title&_size=1")).text
    assert text.splitlines()[0] == "id,title"
    (row,) = await site.json("/archive/releases.json?_col=id&_size=1&_shape=array")
    assert list(row) == ["id"]
    page = await site.json("/archive/releases.json?_labels=on&_size=1&_col=agency&_shape=objects")
    assert page["rows"][0]["agency"]["label"] == "Fyrstyrelsen"
    assert (await site.json(page["next_url"].removeprefix(HOST)))["rows"][0]["id"] != page["rows"][
        0
    ]["id"]


async def test_facets_of_arrays_are_counted_and_those_without_time_named(
    site: Site, sample_archive: Path
) -> None:
    path = "/archive/revisions.json?_facet_array=tags&_size=0"
    counted = (await site.json(path))["facet_results"]["tags"]["results"]
    assert {facet["value"] for facet in counted} >= {"Väglag", "Sjöfart"}
    with served(sample_archive, facet_time_limit_ms=0) as datasette:
        page = await Site(datasette).json(path)
    facets = {"tags", "cause", "update_date_changed"}
    assert set(page["facets_timed_out"]) <= facets
    assert set(page["facets_timed_out"]) | set(page["facet_results"]) == facets


# CSV


async def test_page_of_csv_links_to_the_next(tied_site: Site) -> None:
    response = await tied_site.get("/archive/numbered.csv")
    assert len(response.text.splitlines()) == PAGE_SIZE + 1
    assert (
        response.headers["link"]
        == f'<{HOST}/archive/numbered.csv?_next=%5B{PAGE_SIZE}%5D>; rel="next"'
    )
    assert "link" not in (await tied_site.get("/archive/numbered.csv?_stream=on")).headers


async def test_head_of_a_stream_reads_one_page(
    tied_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[object] = []
    read_page = SandboxedTableView.read_page

    async def count(self: Any, request: Any) -> Any:
        pages.append(request)
        return await read_page(self, request)

    monkeypatch.setattr(SandboxedTableView, "read_page", count)
    assert (await tied_site.datasette.client.head("/archive/numbered.csv?_stream=on")).text == ""
    assert len(pages) == 1


async def test_csv_has_labels_links_to_bytes_and_download_options(tied_site: Site) -> None:
    text = (await tied_site.get("/archive/releases.csv?_labels=on&_size=1")).text
    row = next(csv.DictReader(io.StringIO(text)))
    assert (row["agency"], row["agency_label"]) == ("fyrstyrelsen", "Fyrstyrelsen")
    text = (await tied_site.get("/archive/numbered.csv?_col=d&_stream=on")).text
    blob_url = next(line for line in text.splitlines() if "blob" in line).partition(",")[2]
    assert (await tied_site.get(blob_url.removeprefix(HOST))).content == b"\xff"
    download = await tied_site.get("/archive/numbered.csv?_header=off&_dl=on")
    assert len(download.text.splitlines()) == PAGE_SIZE
    assert download.headers["content-disposition"] == 'attachment; filename="numbered.csv"'


async def test_csv_exists_of_tables_queries_and_lists(site: Site) -> None:
    for path in ("/archive/releases", "/archive", "/search", "/-/edits", "/-/status", "/new"):
        response = await site.get(
            f"{path}.csv" + ("?sql=select+1+as+a" if path == "/archive" else "")
        )
        assert (response.status_code, response.headers["content-type"]) == (
            200,
            "text/csv; charset=utf-8",
        ), path


async def test_streams_and_pages_are_read_at_once(tied_site: Site) -> None:
    counts = await asyncio.gather(
        *(read_stream(tied_site, "numbered", ["id"], _sort=name) for name in "abc")
    )
    assert [len(keys) for keys in counts] == [ROWS] * 3
    assert json.loads((await tied_site.get("/archive/numbered.json?_size=0")).text)["rows"] == []


@pytest.fixture
async def breaking_url(tied_archive: Path, tmp_path: Path) -> AsyncIterator[str]:
    """A server whose table `numbered` fails in the middle: a value there is larger than any
    response may be.
    """
    path = Path(shutil.copy(tied_archive, tmp_path / "archive.db"))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("update numbered set f = hex(zeroblob(9000000)) where id = 15")
    with served(path, max_returned_rows=PAGE_SIZE) as datasette:
        async with listen(datasette.app()) as (host, port):
            yield f"http://{host}:{port}"


async def test_stream_that_fails_later_breaks_the_connection(breaking_url: str) -> None:
    url = f"{breaking_url}/archive/numbered.csv?_stream=on"
    async with httpx.AsyncClient(trust_env=False) as client:
        complete = (await client.get(f"{url}&id__lt=15")).text.splitlines()
        async with client.stream("GET", url) as response:
            received = response.aiter_lines()
            assert [await anext(received) for _ in range(15)] == complete
            with pytest.raises(httpx.RemoteProtocolError, match="incomplete"):
                await anext(received)


# Parameters

# errors in each format, with their message, and errors of data alone
INVALID_VALUES = dict(load_rows(__file__, "invalid values"))
INVALID_DATA_VALUES = [
    *load_column(__file__, "invalid data"),
    *(f"releases.json?{name}=" + "[" * 9000 for name in ("_through", "id__in", "_next")),
]
UNKNOWN_DATA = load_column(__file__, "unknown data")
DATA_ERRORS = [
    *(
        (f"/archive/{path.format('.json')}", 400, message)
        for path, message in INVALID_VALUES.items()
    ),
    *((f"/archive/{path}", 400, "") for path in INVALID_DATA_VALUES),
    *((f"/archive/{path}", 404, "") for path in UNKNOWN_DATA),
    ("/archive.csv?sql=select+nope", 400, "no such column: nope"),
    ("/archive.csv?sql=select+nope&_stream=on", 400, "no such column: nope"),
    ("/archive.csv", 404, ".csv; the database itself cannot"),
    ("/archive.xlsx", 404, ".xlsx; the database itself cannot"),
]


@pytest.mark.parametrize(
    ("path", "status", "message"), DATA_ERRORS, ids=lambda text: str(text)[:60]
)
async def test_error_of_data_is_json_and_not_logged(
    site: Site, caplog: pytest.LogCaptureFixture, path: str, status: int, message: str
) -> None:
    response = await site.get(path)
    assert (response.status_code, response.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    assert not response.json()["ok"]
    assert message in response.json()["error"]
    assert "<" not in response.json()["error"]
    assert not caplog.records


@pytest.mark.parametrize(("path", "message"), INVALID_VALUES.items())
async def test_error_page_has_the_same_message(
    site: Site, caplog: pytest.LogCaptureFixture, path: str, message: str
) -> None:
    page = await site.get(f"/archive/{path.format('')}", accept_language="en")
    assert page.status_code == 400
    assert message in unescape(page.text)
    assert not caplog.records


async def test_database_errors_are_marked_and_unknown_options_listed(site: Site) -> None:
    text = await site.text("/archive/releases?_sort=nope")
    assert "Frågan kunde inte besvaras. Databasens felmeddelande: Cannot sort table by nope" in text
    text = await site.text("/archive/releases?_nope=1&lang=en")
    assert "_facet_size" in text
    assert "API" not in text


async def test_a_fault_is_not_mistaken_for_a_wrong_option(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    error = (await site.json("/archive/releases/1.blob?_blob_column=title&nope=1"))["error"]
    assert "nope" in error
    through = json.dumps({"table": "release_tags", "column": "tag", "value": 1})
    path = f"/archive/releases.json?{urlencode({'_through': through})}"
    assert await site.status(path) == 200

    async def fail(*_: Any, **__: Any) -> None:
        raise LookupError("a fault of ours")

    monkeypatch.setattr(SandboxedTableView, "read_table_page", fail)
    assert await site.status(path) == 500
    assert "a fault of ours" in caplog.text


@pytest.mark.parametrize("pages", load_pages(__file__))
async def test_pages(pages: list[PageCheck], site: Site) -> None:
    for page in pages:
        await page.check({"site": site})
