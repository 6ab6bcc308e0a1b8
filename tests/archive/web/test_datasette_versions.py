"""Which of Datasette's own pages are open, and that none of them runs visitors' SQL outside the
sandbox or writes.
"""

from __future__ import annotations

import json
import re
import sqlite3
import time
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from datasette.database import Database
from datasette.plugins import pm

from archive.web.datasette_versions import IS_NEXT, read_instance_metadata
from archive.web.sql_sandbox import SandboxWorker
from tests.archive.sample import QUERY_PATH, ROOT, Site, served
from tests.case_tables import load_column, load_rows
from tests.harness.locked.attacks import ENDLESS

next_only = pytest.mark.skipif(not IS_NEXT, reason="a page of Datasette 1.0")
GROUPS = {
    "database": "archive",
    "table": "releases",
    "pks": "1",
    "query": "same_text",
    "path": "x",
    "rest": "x",
}
# of Datasette, as list_pages writes them; /-/check is ours
OPEN_PAGES = {*load_column(__file__, "open pages"), QUERY_PATH}
FORBIDDEN_PAGES = {"/archive.db"}
MARKER = "marker-of-a-visitor"
STATEMENT = f"select '{MARKER}' as a"
SPELLINGS = load_column(__file__, "spellings")
HOSTILE = dict(load_rows(__file__, "hostile"))
HOSTILE["endless"] = f"{ENDLESS} select count(*) from c"
WRITES = (*load_column(__file__, "writes"), QUERY_PATH)


def list_pages(site: Site) -> set[str]:
    """Return an address for each of Datasette's own routes."""
    own = {
        pattern
        for routes in pm.hook.register_routes(datasette=site.datasette)
        for pattern, _ in routes
    }
    patterns = {getattr(pattern, "pattern", pattern) for pattern, _ in site.datasette._routes()}
    pages = set()
    for pattern in patterns - own:
        page = re.sub(
            r"\(\\\.\(\?P<format>.*?\)\)\?|\(\?P<as_format>.*?\)\)?\??|\(\?P<dot>.*?\)", "", pattern
        )
        page = re.sub(r"\(\?P<(\w+)>(?:\[.*?\]|[^)])*\)", lambda group: GROUPS[group[1]], page)
        pages.add(page.replace("\\", "").rstrip("$"))
    return pages


@pytest.fixture
def direct_statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the statements that Datasette runs in the server's own process."""
    statements: list[str] = []
    execute = Database.execute

    async def record(self: Any, sql: str, *arguments: Any, **more: Any) -> Any:
        statements.append(sql)
        return await execute(self, sql, *arguments, **more)

    monkeypatch.setattr(Database, "execute", record)
    return statements


@pytest.fixture
def sandboxed_statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the statements that run in workers."""
    statements: list[str] = []
    execute = SandboxWorker.execute

    def record(self: SandboxWorker, statement: Any) -> Any:
        statements.append(statement.sql)
        return execute(self, statement)

    monkeypatch.setattr(SandboxWorker, "execute", record)
    return statements


@pytest.mark.parametrize("suffix", ["", ".json"])
@pytest.mark.parametrize(
    ("databases", "status"),
    [
        ({}, 200),
        ({"archive": {"allow": False}}, 403),
        ({"archive": {"tables": {"releases": {"allow": False}}}}, 403),
        ({"archive": {"tables": {"tags": {"allow": False}}}}, 200),
    ],
)
async def test_operator_decides_who_reads_releases(
    sample_archive: Path, databases: dict[str, Any], status: int, suffix: str
) -> None:
    with served(sample_archive, metadata={"databases": databases}) as datasette:
        response = await Site(datasette).get(f"/archive/releases/1{suffix}")
    assert response.status_code == status


async def count_releases(site: Site) -> int:
    return int((await site.select("select count(*) from releases")).single_value())


async def test_pages_of_datasette_are_closed_unless_they_are_known(site: Site) -> None:
    await site.get("/")
    pages = list_pages(site)
    assert {"/archive", "/archive/releases/1", "/archive.db", "/-/permissions"} <= pages
    assert {
        QUERY_PATH,
        "/archive/-/execute-write",
        "/archive/releases/-/insert",
    } <= pages or not IS_NEXT
    statuses = {page: await site.status(page) for page in sorted(pages - OPEN_PAGES)}
    assert {page: status for page, status in statuses.items() if status != 404} == dict.fromkeys(
        FORBIDDEN_PAGES, 403
    )


@pytest.mark.parametrize("parameter", ["sql", "_where"])
async def test_sql_of_visitors_runs_only_in_workers(
    site: Site, direct_statements: list[str], sandboxed_statements: list[str], parameter: str
) -> None:
    value = STATEMENT if parameter == "sql" else f"title <> '{MARKER}'"
    for path in SPELLINGS:
        for method in ("GET", "HEAD", "POST"):
            await site.datasette.client.request(method, f"{path}?{urlencode({parameter: value})}")
    assert not [statement for statement in direct_statements if MARKER in statement]
    assert any(MARKER in statement for statement in sandboxed_statements)


@next_only
@pytest.mark.parametrize("ending", ["", ".json", ".csv"])
async def test_page_of_queries_runs_in_a_worker(
    site: Site, sandboxed_statements: list[str], ending: str
) -> None:
    response = await site.get(f"{QUERY_PATH}{ending}?{urlencode({'sql': STATEMENT})}")
    assert response.status_code == 200
    assert MARKER in response.text
    assert STATEMENT in sandboxed_statements


@next_only
@pytest.mark.parametrize("ending", ["", ".json", ".csv", ".csv?_stream=on"])
@pytest.mark.parametrize("name", HOSTILE)
async def test_page_of_queries_resists(site: Site, name: str, ending: str) -> None:
    releases, started = await count_releases(site), time.perf_counter()
    ending, _, option = ending.partition("?")
    response = await site.get(f"{QUERY_PATH}{ending}?{urlencode({'sql': HOSTILE[name]})}&{option}")
    # the page shows an error of SQLite above the statement; 503: the machine is busy
    assert response.status_code in (400, 503) or (ending == "" and "message-error" in response.text)
    assert "root:" not in response.text
    assert str(site.datasette.get_database("archive").path) not in response.text
    assert time.perf_counter() - started < 20
    assert await count_releases(site) == releases


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_nothing_is_written(site: Site, method: str, path: str) -> None:
    as_root = {"skip_permission_checks": True} if IS_NEXT else {}
    body = json.dumps(
        {
            "sql": "delete from releases",
            "row": {"title": "x"},
            "update": {"title": "x"},
            "confirm": True,
        }
    )
    headers, before = {"content-type": "application/json"}, await count_releases(site)
    for options in ({}, as_root):
        content = {} if method == "GET" else {"content": body, "headers": headers}
        response = await site.datasette.client.request(
            method, f"{path}?sql=delete+from+releases", **content, **options
        )
        is_open = method == "GET" and path in OPEN_PAGES | {"/archive/same_text"}
        assert response.status_code in (
            (200, 302, 400) if is_open else (400, 404) if method == "GET" else (405,)
        ), path
    assert await count_releases(site) == before


async def test_database_refuses_to_write(site: Site) -> None:
    database, before = site.datasette.get_database("archive"), await count_releases(site)
    with pytest.raises(sqlite3.OperationalError, match="never writes"):
        await database.execute_write("delete from releases")
    with pytest.raises(sqlite3.OperationalError, match="never writes"):
        await database.execute_write_fn(
            lambda connection: connection.execute("delete from releases")
        )
    with pytest.raises(sqlite3.OperationalError, match="of its own"):
        await (database.analyze_sql("select 1") if IS_NEXT else database.execute_isolated_fn(id))
    assert await count_releases(site) == before


async def test_metadata_and_canned_queries_are_known(site: Site) -> None:
    expected = json.loads((ROOT / "metadata.json").read_text("utf-8"))
    assert (await read_instance_metadata(site.datasette))["title"] == expected["title"]
    (query, *_) = chain((ROOT / "archive/queries").glob("*.sql"))
    assert await site.status(f"/archive/{query.stem}.json?_shape=array") == 200
    columns = expected["databases"]["archive"]["tables"]["releases"]["columns"]
    assert columns["url"] in (await site.page("/archive/releases")).text_content()
