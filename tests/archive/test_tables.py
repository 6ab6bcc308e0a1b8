"""Every page of a table or view follows the one before, CSV is whole or broken off, and a parameter is known or 400."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from http.client import IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from archive.schema import VIEWS
from archive.web.limits import SandboxLimits
from archive.web.tables import SandboxedTableView
from tests.archive.sample import ROOT, Site, fill, served
from tests.archive.sample_history import add_history
from tests.harness.locked.attacks import ENDLESS, sql

SIZE = 7
ROWS = 61
# values of many ties: null, numbers, texts and bytes beside each other where a column has no type
MIXED = (None, 1, 2.5, "1", "b", b"\xff", "å, ~ %", "")
TABLES = {
    "numbered": ("id integer primary key, a text, b integer, c float, d, e text collate nocase, f text", ["id"]),
    "compound": ("x text, y integer, a text, b integer, c float, d, e text, f text, primary key (x, y)", ["x", "y"]),
    "named": ("name text primary key, a text, b integer, c float, d, e text, f text", ["name"]),
    "keyless": ("a text, b integer, c float, d, e text, f text", ["rowid"]),
    "without": ("x text, y integer, a text, b integer, c, primary key (y, x)) without rowid; --", ["y", "x"]),
}
COLUMNS = ("a", "b", "c", "d", "e", "f")


def add_tables(path: Path) -> Path:
    with closing(sqlite3.connect(path)) as db:
        for name, (columns, _) in TABLES.items():
            db.executescript(
                f"create table {name} ({columns}\n)" if "--" not in columns else f"create table {name} ({columns}"
            )
            names = [row[1] for row in db.execute(f"pragma table_info({name})")]
            for number in range(ROWS):
                values = {
                    "id": (number * 37) % ROWS + 1,
                    "name": f"nämn, {(number * 37) % ROWS}",
                    "x": f"x{number % 4}",
                    "y": number // 4,
                    "a": (None, "2024-05", "2024-05-01", "å")[number % 4],
                    "b": (None, 0, -1, 2**60)[number % 4],
                    "c": (None, 0.1, 1 / 3, 1e300)[number % 4],
                    "d": MIXED[number % len(MIXED)],
                    "e": ("A", "a", "B", "b")[number % 4],
                    "f": "lång text " * 300 + str(number % 3),
                }
                marks = ", ".join("?" * len(names))
                db.execute(f"insert into {name} values ({marks})", [values[each] for each in names])
            db.execute(f"create index idx_{name} on {name} (b, a)")
        db.execute("create view tied as select id, a, b, c, d, e, f, a || b as g from numbered")
        db.commit()
    return path


HOST = "http://localhost"  # of addresses in answers to Datasette's own client


@pytest.fixture(scope="module")
def tied_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_tables(fill(tmp_path_factory.mktemp("tied") / "archive.db"))


@pytest.fixture
async def tied(tied_file: Path) -> AsyncIterator[Site]:
    with served(tied_file, max_returned_rows=SIZE, default_page_size=SIZE) as datasette:
        yield Site(datasette)


def read_keys(path: Path, table: str, key: list[str], where: str = "1", order: str = "") -> list[tuple[str, ...]]:
    """The keys of a table, in the order asked for."""
    by = f"{order}, " if order else ""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute(
            f"select {', '.join(key)} from {table} where {where} order by {by}{', '.join(key)}"
        ).fetchall()
    return [tuple(map(str, row)) for row in rows]


async def walk(site: Site, table: str, key: list[str], **asked: Any) -> list[tuple[str, ...]]:
    """The keys that a client gets who follows `next_url`."""
    address: str | None = f"/archive/{table}.json?{urlencode(asked, doseq=True)}"
    keys: list[tuple[str, ...]] = []
    while address:
        answer = await site.get(address)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        places = [told["columns"].index(name) for name in key]
        rows = [
            [cell["value"] if isinstance(cell, dict) and "value" in cell else cell for cell in row]
            for row in ([*row.values()] if isinstance(row, dict) else row for row in told["rows"])
        ]
        keys += [tuple(str(row[place]) for place in places) for row in rows]
        address = told["next_url"] and told["next_url"].removeprefix(HOST)
        assert (answer.headers.get("link") == f'<{HOST}{address}>; rel="next"') == bool(address)
        assert len(keys) <= 2 * ROWS + 100, "no end"
    return keys


async def stream(site: Site, table: str, key: list[str], **asked: Any) -> list[tuple[str, ...]]:
    answer = await site.get(f"/archive/{table}.csv?{urlencode({'_stream': 'on', **asked}, doseq=True)}")
    assert answer.status_code == 200, answer.text
    csv.field_size_limit(10_000_000)  # of Python's reader; there is none here
    return [tuple(row[name] for name in key) for row in csv.DictReader(io.StringIO(answer.text))]


@pytest.mark.parametrize("table", [*TABLES, "tied"])
async def test_pages_have_each_row_once_in_a_total_order(tied: Site, tied_file: Path, table: str) -> None:
    key = TABLES[table][1] if table in TABLES else ["id"]
    assert await walk(tied, table, key) == read_keys(tied_file, table, key)
    assert await stream(tied, table, key) == read_keys(tied_file, table, key) if key != ["rowid"] else True
    with closing(sqlite3.connect(tied_file)) as db:
        columns = [row[1] for row in db.execute(f"pragma table_info({table})")]
    for column in columns:
        for option, direction in (("_sort", ""), ("_sort_desc", " desc")):
            right = read_keys(tied_file, table, key, order=f"{column}{direction}")
            assert len(right) == ROWS
            assert await walk(tied, table, key, **{option: column}) == right, (column, direction)
            if key != ["rowid"]:  # it is no column of CSV
                assert await stream(tied, table, key, **{option: column}) == right, (column, direction)
    assert len(await stream(tied, table, [columns[0]])) == ROWS


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"b": "0"}, "b = 0"),
        ({"a__isnull": "1"}, "a is null"),
        ({"a__gte": "2024-05-01", "_col": ["b", "e"]}, "a >= '2024-05-01'"),
        ({"_where": "a is null or b = 0"}, "a is null or b = 0"),
        ({"e__in": '["A", "b"]', "_nocol": ["f", "d"]}, "e in ('A', 'b')"),
    ],
)
@pytest.mark.parametrize("order", [{}, {"_sort": "a"}, {"_sort_desc": "a"}, {"_sort_desc": "d"}], ids=str)
async def test_so_they_have_with_filters(
    tied: Site, tied_file: Path, asked: dict[str, Any], where: str, order: dict[str, str]
) -> None:
    for table, key in (("numbered", ["id"]), ("compound", ["x", "y"]), ("tied", ["id"])):
        if table == "tied" and "_col" in asked:
            asked = {**asked, "_col": [*asked["_col"], "id"]}
        by = "".join(f"{column}{' desc' if name == '_sort_desc' else ''}" for name, column in order.items())
        right = read_keys(tied_file, table, key, where, by)
        assert len(right) > SIZE
        assert await walk(tied, table, key, **asked, **order) == right
        assert await walk(tied, table, key, **asked, **order, _shape="objects", _size=SIZE, _facet="b") == right
        assert await stream(tied, table, key, **asked, **order) == right


@pytest.mark.parametrize(
    "order", [{"_sort": "kind"}, {"_sort_desc": "published"}, {"_sort_desc": "agency"}, {}], ids=str
)
@pytest.mark.parametrize("asked", [{"_search": "vägarna"}, {"_search": "v*", "_searchmode": "raw"}], ids=str)
async def test_so_they_have_in_a_search(tied: Site, order: dict[str, str], asked: dict[str, str]) -> None:
    found = await walk(tied, "releases", ["id"], _size=SIZE, **asked, **order, _labels="on", _col=["agency", "title"])
    everything = await tied.get(f"/archive/releases.json?{urlencode({**asked, '_size': 0})}")
    assert len(found) == len(set(found)) == everything.json()["filtered_table_rows_count"] > 4 * SIZE
    assert sorted(await stream(tied, "releases", ["id"], **asked, **order)) == sorted(found)


async def test_facets_and_counts_are_of_all_pages(tied: Site) -> None:
    first = (await tied.get("/archive/numbered.json?_facet=e&_sort=a")).json()
    second = (await tied.get(first["next_url"].removeprefix(HOST))).json()
    assert second["facet_results"]["e"]["results"][0]["count"] == first["facet_results"]["e"]["results"][0]["count"]
    assert first["filtered_table_rows_count"] == second["filtered_table_rows_count"] == ROWS


async def test_a_page_as_html_leads_on(tied: Site) -> None:
    keys: list[str] = []
    following = ["/archive/numbered?_sort_desc=a"]
    while following:
        page = await tied.page(following[0].removeprefix(HOST))
        keys += [cell.text_content() for cell in page.cssselect("td.type-pk")]
        following = [str(link.get("href")) for link in page.cssselect("a") if link.text_content() == "Next page"]
    assert len(keys) == len(set(keys)) == ROWS


async def test_a_row_that_has_gone_is_told(tied_file: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(tied_file, tmp_path / "archive.db"))
    with served(path, max_returned_rows=SIZE) as datasette:
        site = Site(datasette)
        told = (await site.get("/archive/numbered.json?_sort=f&_size=7")).json()
        assert told["next"] == f"[{told['rows'][-1][0]}]"  # the text is too long for an address
        with closing(sqlite3.connect(path)) as db:
            db.execute("delete from numbered where id = ?", [told["rows"][-1][0]])
            db.commit()
        assert (await site.get(told["next_url"].removeprefix(HOST))).status_code == 400


def test_the_first_column_of_a_view_tells_its_rows_apart(tmp_path: Path) -> None:
    with closing(sqlite3.connect(add_history(fill(tmp_path / "archive.db")))) as db:
        for view in VIEWS:
            first = db.execute(f"select * from {view} limit 0").description[0][0]
            rows, keys = db.execute(f"select count(*), count(distinct {first}) from {view}").fetchone()
            assert rows == keys > 0


async def test_as_many_rows_as_fit(tied_file: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(tied_file, tmp_path / "archive.db"))
    with closing(sqlite3.connect(path)) as db:
        db.execute("update numbered set f = printf('%.400000c', 'x')")
        db.commit()
    with served(path) as datasette:
        site = Site(datasette)
        first = (await site.get("/archive/numbered.json?_size=max")).json()
        assert 3 < len(first["rows"]) < ROWS
        assert first["next_url"]
        assert len(await walk(site, "numbered", ["id"], _size="max")) == ROWS
        assert len(await stream(site, "numbered", ["id"])) == ROWS
        assert len((await site.get("/archive/numbered?_size=max")).text) < SandboxLimits().max_html_bytes
        for ending in (".json", ".csv"):
            refused = await site.get(f"/archive/numbered{ending}?_size=60")
            assert refused.status_code == 400
            assert "60 rows do not fit" in refused.json()["error"]
            assert "_size=max" in refused.json()["error"]


async def test_a_stream_without_an_order_is_in_that_of_the_key(site: Site) -> None:
    told = await stream(site, "releases", ["id"])
    assert told == sorted(told, key=lambda row: int(row[0]))
    assert told != await stream(site, "releases", ["id"], _sort_desc="published")


# CSV


async def test_a_failed_statement_is_an_error_as_csv_too(site: Site) -> None:
    for path in (
        "/archive.csv?sql=select+nope",
        "/archive.csv?sql=select+nope&_stream=on",
        "/archive/releases.csv?_where=x(",
    ):
        answer = await site.get(path)
        assert (answer.status_code, answer.json()["ok"]) == (400, False)
    for ending in ("csv", "xlsx"):
        answer = await site.get(f"/archive.{ending}")
        assert (answer.status_code, f".{ending}; the database itself cannot" in answer.json()["error"]) == (404, True)
    assert (await site.get("/archive/releases.csv?_stream=on&_next=1")).status_code == 400


async def test_a_page_of_csv_leads_on(tied: Site) -> None:
    answer = await tied.get("/archive/numbered.csv")
    assert len(answer.text.splitlines()) == SIZE + 1
    assert answer.headers["link"] == f'<{HOST}/archive/numbered.csv?_next=%5B7%5D>; rel="next"'
    assert "link" not in (await tied.get("/archive/numbered.csv?_stream=on")).headers


async def test_a_head_of_a_stream_reads_one_page(tied: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    pages: list[object] = []
    read = SandboxedTableView.read_page

    async def count(self: Any, request: Any) -> Any:
        pages.append(request)
        return await read(self, request)

    monkeypatch.setattr(SandboxedTableView, "read_page", count)
    assert (await tied.datasette.client.head("/archive/numbered.csv?_stream=on")).text == ""
    assert len(pages) == 1


async def test_labels_and_bytes_as_csv(tied: Site) -> None:
    row = next(csv.DictReader(io.StringIO((await tied.get("/archive/releases.csv?_labels=on&_size=1")).text)))
    assert (row["agency"], row["agency_label"]) == ("fyrstyrelsen", "Fyrstyrelsen")
    told = (await tied.get("/archive/numbered.csv?_col=d&_stream=on")).text
    address = next(line for line in told.splitlines() if "blob" in line).partition(",")[2]
    assert (await tied.get(address.removeprefix(HOST))).content == b"\xff"
    assert (await tied.get("/archive/numbered.csv?_header=off&_dl=on")).headers["content-disposition"] == (
        'attachment; filename="numbered.csv"'
    )


@pytest.fixture(scope="module")
def breaking_address(tied_file: Path) -> Iterator[str]:
    """A server whose table `numbered` fails in the middle: a value there is too large for any answer."""
    path = tied_file.parent / "breaking" / "archive.db"
    path.parent.mkdir()
    shutil.copy(tied_file, path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("update numbered set f = hex(zeroblob(9000000)) where id = 40")
        db.commit()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "archive", "serve", str(path), "--port", str(port)]
    command += ["--", "--setting", "max_returned_rows", str(SIZE)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr
            for line in server.stderr:
                if "Uvicorn running" in line:
                    break
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_a_stream_that_fails_breaks_off(breaking_address: str) -> None:
    asked = ["curl", "-sS", "--noproxy", "*", f"{breaking_address}/archive/numbered.csv?_stream=on"]
    failed = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    assert failed.returncode == 18, failed.stderr  # a part of the file only
    assert 1 < len(failed.stdout.splitlines()) < ROWS
    assert "too large" not in failed.stdout
    with pytest.raises(IncompleteRead), urlopen(asked[-1]) as answer:  # noqa: S310 - loopback
        answer.read()
    whole = subprocess.run(
        [*asked[:-1], f"{asked[-1]}&id__lt=40"], capture_output=True, text=True, check=True, timeout=60
    )
    assert len(whole.stdout.splitlines()) == 40


# SQL


async def test_sql_is_cut_by_size_and_says_so(sample_archive: Path) -> None:
    with served(sample_archive, sql_time_limit_ms=10_000) as datasette:
        await check_cut(Site(datasette))


async def check_cut(site: Site) -> None:
    many = "with recursive c(x) as (select 1 union all select x + 1 from c limit {}) select x from c"
    for ending in ("json", "csv"):
        whole = await site.get(sql(many.format(20_000), ending, _shape="array"))
        assert whole.status_code == 200
        assert "archive-truncated" not in whole.headers
        rows = whole.json() if ending == "json" else whole.text.splitlines()[1:]
        assert len(rows) == 20_000
        cut = await site.get(sql(many.format(100_000), ending, _shape="array"))
        rows = cut.json() if ending == "json" else cut.text.splitlines()[1:]
        assert cut.headers["archive-truncated"] == f"after {len(rows)} rows"
        assert "archive-truncated" in cut.headers["access-control-expose-headers"].lower()
        assert len(rows) == SandboxLimits().max_values
    assert (await site.get(sql(many.format(100_000)))).json()["truncated"]
    refused = await site.get(sql(many.format(100_000), "csv", _stream="on"))
    assert refused.status_code == 400
    assert "60,000 values" in refused.json()["error"]


# parameters


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/archive/releases{}?agencyy=polisen", "agencyy"),
        ("/archive/releases{}?agency__is=polisen", "agency__is"),
        ("/archive/releases{}?_sizee=3", "_sizee"),
        ("/archive/agencies{}?_search=x", "_search"),
        ("/archive/edits{}?weight=50", "weight"),
        ("/archive/unannounced_edits{}?agency=&importance=&weight=50", "weight"),
        ("/archive{}?sql=select+:a&a=1&b=2", "b"),
        ("/archive/releases/1{}?x=1", "x"),
        ("/search{}?q=fyr&agencyy=x", "agencyy"),
        ("/-/edits{}?weight=50", "weight"),
        ("/-/removed{}?agencyy=x", "agencyy"),
        ("/-/takedowns{}?agency=x", "agency"),
        ("/-/coverage{}?month=2024-01", "month"),
        ("/-/status{}?agency=x", "agency"),
        ("/new.json?since=2024", "since"),
        ("/agency/fyrstyrelsen.atom?kind=x", "kind"),
        ("/-/changes.json?from=0", "from"),
        ("/?q=x", "q"),
        ("/agencies?q=x", "q"),
        ("/tag/1?agency=x", "agency"),
    ],
)
async def test_an_unknown_parameter_is_named(site: Site, path: str, named: str) -> None:
    for ending in (".json", ".csv", "") if "{}" in path else ("",):
        answer = await site.get(path.format(ending))
        assert answer.status_code == 400, path.format(ending)
        is_data = ending or ".json" in path or ".atom" in path
        told = answer.json()["error"] if is_data else answer.text
        assert named in told
        if not is_data:
            assert 'lang="sv"' in answer.text
            assert 'lang="en"' in (await site.get(path.format(ending), accept_language="en")).text


async def test_those_of_everybody_are_known_everywhere(site: Site) -> None:
    tail = "lang=sv&utm_source=brev&utm_campaign=x&fbclid=1&gclid=2"
    for path in (
        "/archive/releases.json?agency=fyrstyrelsen",
        "/archive.json?sql=select+1",
        "/-/edits.json?size=1",
        "/?",
    ):
        answer = await site.get(f"{path}&{tail}")
        assert answer.status_code == 200, path
    found = (await site.get(f"/archive/releases.json?agency=fyrstyrelsen&{tail}")).json()
    assert found["filtered_table_rows_count"] == 2


@pytest.mark.parametrize(
    "path",
    [
        *("releases.json?_through=" + "[" * 9000, "releases.json?id__in=" + "[" * 9000, "releases.json?id__in=[[1]]"),
        *("releases.json?id__in=[{}]", "releases.json?id__gt=%C2%B2", "releases.json?_ttl=%C2%B2"),
        *("releases.json?_facet_size=%C2%B2", "releases.json?_size=%C2%B2", "releases.json?_json_infinity=maybe"),
        *("releases.json?_facet={}", 'releases.json?_facet={"column":1}', 'releases.json?_facet={"a"'),
        *("releases.json?_facet=nope", "releases.json?_facet_date=nope", "releases.json?_labels=maybe"),
        *("releases.json?_timelimit=-1", "releases.json?_next=x", "releases.json?_next=" + "[" * 9000),
        *("releases.json?_next=[99]", "releases.json?_next=[1,2,3]", "releases.json?_next=[[1],2]"),
        *("edits.json?_next=x", "edits.json?_next=7", "releases_with_tags.json?_shape=object"),
        *("releases_with_tags.json?_facet_array=tags", "releases.blob?_blob_column=nope", "releases.blob"),
        *("releases/1.blob?_blob_column=nope", "releases/1.blob?_blob_column=title&_blob_hash=x"),
        *("releases/1.blob?_blob_column=id", "releases.json?_searchmode=x&_search=y", "releases.json?_label=nope"),
    ],
)
async def test_a_hostile_value_is_refused_and_no_news(site: Site, caplog: pytest.LogCaptureFixture, path: str) -> None:
    answer = await site.get(f"/archive/{path}")
    assert (answer.status_code, answer.json()["ok"]) == (400, False)
    assert "<" not in answer.json()["error"]
    assert not caplog.records


@pytest.mark.parametrize(
    "path",
    [
        *(
            "releases.atom",
            "releases/1.foo.csv",
            "unannounced_edits.atom",
            "releases/1.atom",
            "nothing.csv",
            "nothing.json",
        ),
        *("release_tags/1.json", "release_tags/1,2,3.json", "releases/1,2.json"),
    ],
)
async def test_what_there_is_not_is_told_as_data(site: Site, path: str) -> None:
    answer = await site.get(f"/archive/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/json; charset=utf-8")
    assert (await site.get("/archive/releases.foo")).status_code == 404


@pytest.mark.parametrize("path", ["/-/coverage.xlsx", "/nothing.json", "/nothing/at/all.json"])
async def test_an_address_without_data_does_not_speak_of_databases(site: Site, path: str) -> None:
    answer = await site.get(path)
    told = "There is no data in this format at this address. Check the address."
    assert (answer.status_code, answer.json()["error"]) == (404, told)


@pytest.mark.parametrize(
    "tail",
    ["", ".json?sql=select+1", "/releases.json?_size=2", "/releases.json?nope=1", "/releases.atom", "/releases/1"],
)
async def test_another_spelling_of_a_database_leads_to_the_usual_one(site: Site, tail: str) -> None:
    for name in ("~61rchive", "a~72~63hive"):
        answer = await site.get(f"/{name}{tail}")
        assert (answer.status_code, answer.headers["location"]) == (302, f"/archive{tail}")
    assert (await site.get(f"/~6eothing{tail}")).status_code == 404


async def test_csv_is_csv_of_whatever_it_is(site: Site) -> None:
    for path in ("/archive/releases", "/archive", "/search", "/-/edits", "/-/status", "/new"):
        answer = await site.get(f"{path}.csv" + ("?sql=select+1+as+a" if path == "/archive" else ""))
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8"), path


async def test_an_option_that_is_wrong_does_not_hide_another_fault(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told = (await site.get("/archive/releases/1.blob?_blob_column=title&nope=1")).json()["error"]
    assert "nope" in told
    through = json.dumps({"table": "release_tags", "column": "tag", "value": 1})
    path = f"/archive/releases.json?{urlencode({'_through': through})}"
    assert (await site.get(path)).status_code == 200

    async def fail(*_: Any, **__: Any) -> None:
        raise LookupError("a fault of ours")

    monkeypatch.setattr(SandboxedTableView, "read_table_page", fail)
    assert (await site.get(path)).status_code == 500
    assert "a fault of ours" in caplog.text


async def test_words_of_the_database_are_said_to_be_its_own(site: Site) -> None:
    text = await site.text("/archive/releases?_sort=nope")
    assert "Frågan kunde inte besvaras. Databasens felmeddelande: Cannot sort table by nope" in text


async def test_options_are_listed_where_one_is_unknown(site: Site) -> None:
    told = await site.text("/archive/releases?_nope=1&lang=en")
    assert "_facet_size" in told
    assert "API" not in told


async def test_labels_of_columns_beside_the_order(site: Site) -> None:
    told = (await site.get("/archive/releases.json?_labels=on&_size=1&_col=agency&_shape=objects")).json()
    assert told["rows"][0]["agency"]["label"] == "Fyrstyrelsen"
    assert (await site.get(told["next_url"].removeprefix(HOST))).json()["rows"][0]["id"] != told["rows"][0]["id"]


async def test_a_facet_that_takes_too_long_is_named(sample_archive: Path) -> None:
    with served(sample_archive, facet_time_limit_ms=0) as datasette:
        told = (await Site(datasette).get("/archive/revisions.json?_facet_array=tags&_size=0")).json()
        assert set(told["facets_timed_out"]) <= {"tags", "cause", "update_date_changed"}
        assert set(told["facets_timed_out"]) | set(told["facet_results"]) == {"tags", "cause", "update_date_changed"}


async def test_a_list_in_a_column_can_be_counted(site: Site) -> None:
    told = (await site.get("/archive/revisions.json?_facet_array=tags&_size=0")).json()
    assert {each["value"] for each in told["facet_results"]["tags"]["results"]} >= {"Väglag", "Sjöfart"}


@pytest.mark.parametrize("cookie", [b"a=\xff\xfe", b'a="\xc3(', b"\x7f=1; b", b"ds_actor=x"])
@pytest.mark.parametrize("path", ["/", "/archive/releases.json?_size=1", "/search?q=fyr"])
async def test_cookies_of_others_are_not_read(site: Site, cookie: bytes, path: str) -> None:
    answer = await site.datasette.client.get(path, headers=[(b"cookie", cookie)])
    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/", "/archive/releases.json", "/archive/releases/1"])
async def test_a_host_that_is_none_is_refused(site: Site, path: str) -> None:
    for host in ("[", "]:x", "a b", "x/y"):
        assert (await site.get(path, host=host)).status_code == 400, host
    for host in ("[::1]:8001", "arkiv.example", "a_b:80"):
        assert (await site.get(path, host=host)).status_code == 200, host


async def test_a_null_in_an_address_is_refused(site: Site) -> None:
    for path in ("/-/static/%00", "/static/%00.css", "/tag/%00"):
        assert (await site.get(path)).status_code == 400


async def test_errors_of_a_page_are_in_the_readers_language(sample_archive: Path) -> None:
    with served(sample_archive, sql_time_limit_ms=50) as datasette:
        site = Site(datasette)
        slow = urlencode({"_where": f"id in ({ENDLESS} select x from c)"})
        page = await site.get(f"/archive/releases?{slow}")
        assert (page.status_code, "Frågan tog för lång tid" in page.text) == (400, True)
        data = await site.get(f"/archive/releases.json?{slow}")
        assert data.json()["error"] == "The query took too long. Narrow it down and try again."


async def test_a_stream_and_pages_beside_it(tied: Site) -> None:
    counts = await asyncio.gather(*(stream(tied, "numbered", ["id"], _sort=name) for name in ("a", "b", "c")))
    assert [len(keys) for keys in counts] == [ROWS] * 3
    assert json.loads((await tied.get("/archive/numbered.json?_size=0")).text)["rows"] == []


async def test_a_key_that_is_asked_for_is_given_once(site: Site) -> None:
    told = (await site.get("/archive/releases.csv?_col=id&_col=title&_size=1")).text
    assert told.splitlines()[0] == "id,title"
    (row,) = (await site.get("/archive/releases.json?_col=id&_size=1&_shape=array")).json()
    assert list(row) == ["id"]
