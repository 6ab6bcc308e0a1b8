"""What is asked is looked at in no time, and what is refused is told in the format that was asked for."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from datasette.utils import InvalidSql, derive_named_parameters, validate_sql_select

from archive.web.limits import BusyError, SandboxLimits
from archive.web.sandbox import install_linear_sql_checks
from tests.archive.sample import ROOT, Site, served
from tests.harness.locked.attacks import sql

DEEP = sql("select replace(hex(zeroblob(20000)), '00', '[') as a", _json="a")


@pytest.mark.parametrize(
    "text", ["/**/" + "\n" * 60_000 + "x", "/**/--x\n  " * 6_000 + "x", "/**/" * 15_000 + "x", "explain " * 8_000]
)
def test_a_statement_is_told_from_another_in_no_time(text: str) -> None:
    install_linear_sql_checks()
    begun = time.process_time()
    with pytest.raises(InvalidSql):
        validate_sql_select(text)
    assert time.process_time() - begun < 2


async def test_the_site_has_the_checks_of_ours(sample_archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasette.utils.allowed_sql_res", [re.compile("nothing")])
    with served(sample_archive) as datasette:
        assert (await Site(datasette).get("/archive.json?sql=select+1")).status_code == 200


def test_what_datasette_takes_is_taken() -> None:
    install_linear_sql_checks()
    for good in (
        "select 1",
        " \n/* a * b */ -- c\n  SELECT 1",
        "-- a\nwith x as (select 1) select * from x",
        "explain select 1",
        "explain query plan with x as (select 1) select 1",
        "/**//* /* */select(1)",
    ):
        validate_sql_select(good)
    for bad in ("", "update a set b = 1", "selects 1", "/* select 1", "explain update x", "; select 1"):
        with pytest.raises(InvalidSql):
            validate_sql_select(bad)


async def test_parameters_are_found_beside_comments() -> None:
    install_linear_sql_checks()
    begun = time.process_time()
    assert await derive_named_parameters(None, "select :a /* :b */ + :c -- :d") == ["a", "c"]
    assert await derive_named_parameters(None, "select 1 " + "/*" * 30_000) == []
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_long_question_is_refused_before_it_is_read(sample_archive: Path, *, allowed: bool) -> None:
    with served(sample_archive, default_allow_sql=allowed) as datasette:
        await Site(datasette).get("/")
        for path in (
            "/archive.json?sql=/**/" + "+" * 60_000 + "x",
            "/archive/releases.json?_search=" + "ord+" * 3_000,
            "/archive/releases.json?" + "_where=1&" * 6_000,
        ):
            begun = time.process_time()
            response = await Site(datasette).get(path)
            assert time.process_time() - begun < 2
            assert response.status_code == 400
            assert "at most" in response.json()["error"]
            assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", ["/search", "/search.json", "/-/edits", "/-/edits.json", "/new.csv", "/", "/about"])
async def test_so_it_is_whatever_page_it_is_of(site: Site, path: str) -> None:
    for asked in ("q=" + "fyrar+" * 2_000, "x=" + "å" * 10_001, "&".join(["tag=x"] * 201)):
        response = await site.get(f"{path}?{asked}")
        assert response.status_code == 400, asked[:9]
        assert "at most" in (response.json()["error"] if path.endswith(".json") else response.text)
    known = "q" if path.startswith("/search") else "utm_term"
    assert (await site.get(f"{path}?{known}=" + "x" * 10_000)).status_code == 200


async def test_refusals_are_json_to_those_who_ask_for_it(sample_archive: Path) -> None:
    with served(sample_archive, default_allow_sql=False) as datasette:
        response = await Site(datasette).get("/archive.json?sql=select+1")
        assert (response.status_code, response.json()["ok"]) == (403, False)
        assert "You cannot run your own SQL queries" in response.json()["error"]
        assert response.headers["access-control-allow-origin"] == "*"
        page = await Site(datasette).get("/archive?sql=select+1")
        assert (page.status_code, page.headers["content-type"]) == (403, "text/html; charset=utf-8")
        posted = await datasette.client.post("/archive.json")
        assert (posted.status_code, posted.json()["status"]) == (405, 405)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("_sort=foo", "Cannot sort table by foo"),
        ("_sort_desc=rowid", "Cannot sort table by rowid"),
        ("_sort=id&_sort_desc=id", "Cannot use _sort and _sort_desc at the same time"),
        ("_through=x", "Write a JSON object with table, column and value"),
        ("_through={}", "Write a JSON object with table, column and value"),
        ('_through={"table":"tags","column":"id","value":1}', "Invalid _through"),
        ("_timelimit=abc", "“abc” is not a valid value for _timelimit"),
        ("agency__in=[", "Write a JSON list of strings or numbers"),
    ],
)
async def test_a_mistake_is_the_visitors_and_no_news(
    site: Site, caplog: pytest.LogCaptureFixture, asked: str, told: str
) -> None:
    for ending in (".json", ""):
        response = await site.get(f"/archive/releases{ending}?{asked}", accept_language="en")
        assert response.status_code == 400
        assert told in (response.json()["error"] if ending else unescape(response.text))
    assert not caplog.records


async def test_a_line_that_is_full_is_told_as_json(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.get("/")
    monkeypatch.setattr("archive.web.limits.RequestQueue.acquire", full)
    response = await site.get("/archive/tags.json")
    assert (response.status_code, response.json()["status"]) == (503, 503)
    assert response.headers["access-control-allow-origin"] == "*"


async def full(*_: Any) -> None:
    raise BusyError


async def test_json_in_a_column_is_read_within_limits(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    deep = await site.get(DEEP)
    assert (deep.status_code, "nested too deeply" in deep.json()["error"]) == (400, True)
    assert not caplog.records
    large = await site.get(sql("select '[' || replace(hex(zeroblob(300000)), '00', '1,') || '1]' as a", _json="a"))
    assert (large.status_code, "too large" in large.json()["error"]) == (400, True)
    small = await site.get(sql("select '[1, 2]' as a", _json="a", _shape="array"))
    assert small.json() == [{"a": [1, 2]}]


async def test_bytes_are_counted_as_they_are_sent(site: Site) -> None:
    for text, status in (("char(1)", 400), ("'a'", 200)):
        response = await site.get(sql(f"select replace(hex(zeroblob(1000000)), '00', {text}) as a"))
        assert response.status_code == status
        assert len(response.content) < SandboxLimits().max_json_bytes + 1_000


async def test_escape_fts_says_what_it_refuses(site: Site) -> None:
    response = await site.get(sql("select escape_fts(hex(zeroblob(9000)))"))
    assert response.json()["error"].startswith("escape_fts takes at most 10,000 characters")
    assert (await site.get(sql("select nosuch(escape_fts('a'))"))).json()["error"] == "no such function: nosuch"


@pytest.mark.parametrize("table", ["search_data", "search_idx", "search_docsize", "search_questions_idx"])
async def test_only_the_index_reads_its_tables(site: Site, table: str) -> None:
    hidden = f"/*\n--*/; select * from {table} union all /*\n*/ select 1, 2, 3"
    for path in (
        sql(f"select * from {table}"),
        sql(f"select (select count(*) from {table} where 1)"),
        sql(hidden),
        f"/archive/{table}.json",
        "/archive/releases.json?" + urlencode({"_where": f"exists(select * from {table})"}),
    ):
        assert (await site.get(path)).status_code == 400, path
    words = "select rowid, bm25(search) as b, snippet(search, 0, '', '', '', 9) from search where search match 'f*'"
    assert len((await site.get(sql(words))).json()["rows"]) > 1
    assert (await site.get(sql("select count(*) from search"))).json()["rows"][0][0] > 1
    assert (await site.get(sql(f"EXPLAIN {words}"))).status_code == 200
    assert (await site.get("/archive.json")).status_code == 200


async def test_no_cache_keeps_for_long(site: Site) -> None:
    for path in ("/archive/releases.json?_ttl=31536000", "/archive?_ttl=31536000", "/archive/releases/1?_ttl=9999999"):
        assert (await site.get(path)).headers["cache-control"] in ("max-age=5", "no-cache")


@pytest.mark.parametrize("path", ["/static/style.css", "/static/icon.svg", "/-/static/app.css"])
async def test_static_files_are_kept_for_good_under_their_hash_alone(site: Site, path: str) -> None:
    usual = await site.get(path)
    tag = usual.headers["etag"]
    assert (usual.status_code, usual.headers["cache-control"]) == (200, "max-age=300")
    assert (await site.get(f"{path}?{tag[1:-1]}")).headers["cache-control"] == "max-age=31536000, immutable"
    assert (await site.get(f"{path}?0123456789ab")).headers["cache-control"] == "max-age=300"  # of another version
    again = await site.get(path, if_none_match=tag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    for missing in (f"{path}x", "/static/../schema.py", "/static/", "/static/%2e%2e/schema.py"):
        response = await site.get(missing)
        assert response.status_code in (403, 404), missing
        assert "etag" not in response.headers, missing


async def test_links_are_of_the_public_address(sample_archive: Path) -> None:
    with served(sample_archive) as datasette:
        datasette._metadata_local["plugins"] = {"headers": {"origin": "https://arkiv.example"}}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=datasette.app())) as client:
            told = (await client.get("http://evil.example/search.atom?q=fyr")).text
    assert "evil.example" not in told
    assert "https://arkiv.example/search.atom" in told


def test_datasette_still_has_what_is_replaced() -> None:
    """The names and statements of Datasette 0.65 that archive.web changes: a new Datasette must be read again."""
    code = "import datasette.utils as u; print(u._multi_line_comment_re.pattern, len(u.allowed_sql_res), sep='\\n')"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert told.stdout == "/\\*.*?\\*/\n6\n", (
        "datasette.utils has changed its checks of SQL: see install_linear_sql_checks in archive/web/sandbox.py\n"
        + told.stderr
    )


def test_no_other_private_name_of_datasette_is_used() -> None:
    private = re.compile(r"\b(?:datasette|datasette_utils|ds|db|original|request)\._[a-z]\w*")
    used = {
        name
        for folder in ("web", "plugins")
        for path in (ROOT / "archive" / folder).glob("*.py")
        for name in private.findall(path.read_text(encoding="utf-8"))
    }
    assert used == {"datasette_utils._multi_line_comment_re"}, "they belong in install_linear_sql_checks"
