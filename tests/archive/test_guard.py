"""What a visitor may ask is held to limits, ends in time, and nobody who reads pages waits for it."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
from lxml import html

from archive.__main__ import build_datasette_command, serve
from archive.plugins.security import REFUSALS_PER_SECOND
from archive.web.limits import SandboxLimits
from archive.web.sandbox import load_restricted
from tests.archive.sample import ROOT, Site, served
from tests.harness.locked.attacks import ENDLESS, READ, SIZE, TIME, Attack, sql

LIMIT = 100  # ms
QUICK = [
    attack for attack in (*TIME, *SIZE) if attack.method == "GET" and not attack.slow and len(attack.path) < 60_000
]
EIGHT = "instr, quadratic", "json_patch, quadratic", "CTEs that double", "hex(zeroblob(4e8))", "many cells, as a page"


@pytest.mark.parametrize("attack", READ, ids=lambda attack: attack.name)
async def test_nothing_is_read_or_written_that_must_not(site: Site, attack: Attack) -> None:
    response = await site.get(attack.path)
    assert response.status_code in attack.statuses
    assert "root:" not in response.text
    assert str(site.datasette.get_database("archive").path) not in response.text


@pytest.mark.parametrize("name", EIGHT)
async def test_each_ends_in_time(sample_archive: Path, name: str) -> None:
    attack = next(attack for attack in QUICK if attack.name == name)
    with served(sample_archive, sql_time_limit_ms=LIMIT) as datasette:
        await Site(datasette).get("/archive.json?sql=select+1")
        begun = time.perf_counter()
        response = await Site(datasette).get(attack.path)
        assert response.status_code in attack.statuses
        assert time.perf_counter() - begun < 20


async def test_the_next_statement_is_answered_after_a_worker_was_killed(sample_archive: Path) -> None:
    with served(sample_archive, sql_time_limit_ms=LIMIT) as datasette:
        killing = next(attack for attack in TIME if attack.name == "instr, quadratic")
        assert (await Site(datasette).get(killing.path)).status_code == 400
        response = await Site(datasette).get("/archive.json?sql=select+count(*)+as+n+from+releases&_shape=array")
        assert response.json()[0]["n"] > 40


async def test_readers_of_pages_do_not_wait_for_eight_statements(sample_archive: Path) -> None:
    with served(sample_archive, sql_time_limit_ms=500) as datasette:
        site = Site(datasette)
        await site.get("/")
        attackers = [asyncio.create_task(site.get(sql(f"{ENDLESS} select count(*) from c"))) for _ in range(8)]
        await asyncio.sleep(0.1)
        for path in ("/", "/archive/releases/1", "/-/edits"):
            assert (await site.get(path)).status_code == 200
        assert not all(attacker.done() for attacker in attackers)  # two at once: all eight take two seconds
        answers = await asyncio.gather(*attackers)
    assert {answer.status_code for answer in answers} == {400}


async def test_a_line_that_is_too_long_is_told(sample_archive: Path) -> None:
    with served(sample_archive, sql_time_limit_ms=LIMIT) as datasette:
        site = Site(datasette)
        many = SandboxLimits().max_waiting + SandboxLimits().workers + 5
        answers = await asyncio.gather(*(site.get(sql(f"{ENDLESS} select count(*) from c")) for _ in range(many)))
        refused = [answer for answer in answers if answer.status_code == 503]
        assert 5 <= len(refused) <= 5 + SandboxLimits().workers  # who is about to begin counts as waiting
        assert refused[0].headers["retry-after"] == "10"
        assert (await site.get("/archive.json?sql=select+1")).status_code == 200


async def test_a_refusal_is_a_page_in_the_readers_language(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.get("/")
    monkeypatch.setattr("archive.web.limits.RequestQueue.has_room", lambda *_: False)
    for path in ("/search?q=fyr", "/archive/releases", "/-/diff/1/2"):
        for language, said in (("sv", "Försök igen"), ("en", "Try again")):
            response = await site.get(path, accept_language=language)
            assert (response.status_code, response.headers["retry-after"]) == (503, "10"), path
            assert response.headers["content-type"] == "text/html; charset=utf-8"
            assert response.headers["content-language"] == language
            assert response.headers["cache-control"] == "no-store"
            assert "script-src" not in response.headers["content-security-policy"]
            page = html.fromstring(response.text)
            assert (page.get("lang"), page.cssselect("main a")[0].text) == (language, said)
    assert "Try again" in (await site.get("/search?q=fyr&lang=en", accept_language="sv")).text
    assert (await site.get("/search.json?q=fyr")).json()["status"] == 503
    for path in ("/search.csv?q=fyr", "/-/changes.ndjson", "/archive/releases.csv?_stream=on"):
        response = await site.get(path)
        assert (response.status_code, response.text[0]) == (503, "t"), path
        assert "<" not in response.text


async def test_refusals_cost_less_than_answers(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    await site.get("/")
    monkeypatch.setattr("archive.web.limits.RequestQueue.has_room", lambda *_: False)
    await site.get("/search?q=fyr")
    monkeypatch.setattr("jinja2.Template.render_async", None)  # it is rendered once
    begun = time.perf_counter()
    answers = await asyncio.gather(*(site.get("/search?q=fyr") for _ in range(REFUSALS_PER_SECOND)))
    assert {answer.status_code for answer in answers} == {503}
    assert time.perf_counter() - begun > 0.9  # clients that come back at once come back no more often


async def test_only_so_many_streams_run_at_once(site: Site) -> None:
    streams = [site.get("/archive/releases.csv?_stream=on") for _ in range(SandboxLimits().max_streams + 2)]
    answers = await asyncio.gather(*streams)
    assert sorted(answer.status_code for answer in answers) == [200] * SandboxLimits().max_streams + [503] * 2
    assert (await site.get("/archive/releases.csv?_stream=on")).text.count("\r\n") > 40


async def test_rows_are_as_datasettes_own(site: Site) -> None:
    told = (await site.get(sql("select 1 as a, 2 as a, 'x' as [b\"c], x'ff' as d, null, 1.5"))).json()
    assert told["columns"] == ["a", "a", 'b"c', "d", "null", "1.5"]
    assert told["rows"] == [[1, 2, "x", {"$base64": True, "encoded": "/w=="}, None, 1.5]]
    assert (await site.get("/archive/releases.json?_size=1&_labels=on")).json()["rows"][0]["agency"]["label"]


async def test_a_worker_holds_no_secret(sample_archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "x")
    with served(sample_archive) as datasette:
        await Site(datasette).get("/archive.json?sql=select+1")
        worker = datasette.databases["archive"].idle_workers[0]
        assert Path(f"/proc/{worker.process.pid}/environ").read_bytes() == b""
    assert worker.process.returncode is not None


def test_an_answer_cannot_call_anything() -> None:
    with pytest.raises(Exception, match="not allowed in a worker"):
        load_restricted(b"cos\nsystem\n(S'true'\ntR.")


async def test_without_sql_canned_queries_still_answer(sample_archive: Path) -> None:
    with served(sample_archive, default_allow_sql=False) as datasette:
        site = Site(datasette)
        assert (await site.get("/archive.json?sql=select+1")).status_code == 403
        assert (await site.get("/archive/releases.json?_where=1")).status_code == 403
        assert (await site.get("/archive/releases.json?agency=fagelverket")).status_code == 200
        queries = await datasette.get_canned_queries("archive", None)
        assert queries
        for name in queries:
            assert (await site.get(f"/archive/{name}.json")).status_code == 200, name


async def test_cors_is_a_setting(sample_archive: Path) -> None:
    for allowed in (True, False):
        with served(sample_archive, cors=allowed) as datasette:
            for path in ("/archive/releases.json", "/-/edits.json", "/archive/nothing.json"):
                headers: Any = (await Site(datasette).get(path)).headers
                assert ("access-control-allow-origin" in headers) == allowed


def test_the_command_line_sets_them(tmp_path: Path) -> None:
    usual, closed = build_datasette_command(tmp_path, 1), build_datasette_command(tmp_path, 1, sql=False, cors=False)
    assert "--cors" in usual
    assert "--cors" not in closed
    assert closed[closed.index("default_allow_sql") + 1] == "off"
    assert usual[usual.index("allow_download") + 1] == "off"
    words = ["x.db", "--no-sql", "--port", "8100", "--", "--setting", "base_url", "/a/"]
    context = serve.make_context("serve", words)
    assert context.params == {"file": Path("x.db"), "no_sql": True, "no_cors": False, "port": 8100}
    assert context.obj == ["--setting", "base_url", "/a/"]


async def test_what_is_told_of_the_server_is_no_secret(site: Site, sample_archive: Path) -> None:
    with served(sample_archive) as datasette:  # a new one, for Datasette's pages add what tables inherit to it
        metadata = (await Site(datasette).get("/-/metadata.json")).json()
    assert metadata == json.loads((ROOT / "metadata.json").read_text(encoding="utf-8"))
    assert "plugins" not in metadata
    for name in ("versions", "settings", "plugins", "actor"):
        response = await site.get(f"/-/{name}.json")
        assert response.status_code == 200
        assert str(ROOT) not in response.text
    for path in (
        "/-/messages",
        "/-/permissions",
        "/-/allow-debug",
        "/-/auth-token?token=x",
        "/-/patterns",
        "/-/logout",
    ):
        assert (await site.get(path)).status_code == 404


async def test_the_site_can_only_be_read(site: Site) -> None:
    for method in ("post", "put", "patch", "delete"):
        response = await getattr(site.datasette.client, method)("/archive")
        assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_a_fault_of_ours_is_noted_and_not_told(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await site.get("/")
    monkeypatch.setattr(type(site.datasette), "get_canned_queries", None)
    response = await site.get("/archive/releases.json")
    assert response.status_code == 500
    assert response.json()["error"] == "An error occurred in the archive and has been logged. Please try again later."
    assert "TypeError" in caplog.text
