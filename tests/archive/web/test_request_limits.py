"""Visitors' SQL in worker processes: what it may read, how long it may take and how much it may
return.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import replace
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from datasette.utils import InvalidSql, derive_named_parameters, validate_sql_select

from archive.web.datasette_versions import IS_NEXT
from archive.web.request_limits import SQL, WORK, SandboxLimits
from archive.web.sql_sandbox import (
    SandboxStatement,
    SandboxWorker,
    StarvedError,
    WorkerLostError,
    install_linear_sql_checks,
    load_restricted,
)
from tests.archive.sample import QUERY_PATH, ROOT, Site, served
from tests.archive.web.serving import FakeClient, serve_with_limits
from tests.case_tables import load_cases
from tests.harness.locked.attacks import ENDLESS, READ, SIZE, TIME, Attack, sql

MAX_WAITING = 3  # requests in the queue of `impatient_site`
MAX_VALUES = 600  # in a response of `patient_site`
SLOW_ATTACKS = (
    "instr, quadratic",
    "json_patch, quadratic",
    "CTEs that double",
    "hex(zeroblob(4e8))",
)
ATTACKS = {attack.name: attack for attack in (*TIME, *SIZE)}


def build_statement(text: str, *, may_be_cut: bool = False) -> SandboxStatement:
    return SandboxStatement(
        sql=text,
        params={},
        seconds=1.0,
        may_be_cut=may_be_cut,
        max_bytes=1000,
        max_values=10,
        as_json=may_be_cut,
    )


ENDLESS_COUNT = sql(f"{ENDLESS} select count(*) from c")


# they depend on `site` because they would otherwise unregister its plugins at their end
@pytest.fixture(scope="module")
async def impatient_site(site: Site, sample_archive: Path) -> AsyncIterator[Site]:
    # the machine may be busy with other tests
    limits = {"sql": {"waiting": MAX_WAITING}, "starved_share": 0}
    with serve_with_limits(sample_archive, limits, sql_time_limit_ms=100) as impatient:
        await impatient.get("/")
        yield impatient


@pytest.fixture(scope="module")
async def patient_site(site: Site, sample_archive: Path) -> AsyncIterator[Site]:
    limits = {"max_values": MAX_VALUES, "request_seconds": 20}
    with serve_with_limits(sample_archive, limits, sql_time_limit_ms=20_000) as patient:
        await patient.get("/")
        yield patient


# What a statement may read


@pytest.mark.parametrize("attack", READ, ids=lambda attack: attack.name)
async def test_nothing_private_is_read_and_nothing_is_written(site: Site, attack: Attack) -> None:
    response = await site.get(attack.path)
    assert response.status_code in attack.statuses
    assert "root:" not in response.text
    assert str(site.datasette.get_database("archive").path) not in response.text


@pytest.mark.parametrize(
    "table", load_cases(__file__, "only the search index reads its own tables")
)
async def test_only_the_search_index_reads_its_own_tables(site: Site, table: str) -> None:
    hidden = f"/*\n--*/; select * from {table} union all /*\n*/ select 1, 2, 3"
    for statement in (
        f"select * from {table}",
        f"select (select count(*) from {table} where 1)",
        hidden,
    ):
        assert await site.status(sql(statement)) == 400, statement
    for path in (
        f"{table}.json",
        "releases.json?" + urlencode({"_where": f"exists(select * from {table})"}),
    ):
        assert await site.status(f"/archive/{path}") == 400, path


async def test_statements_can_use_the_search_index(site: Site) -> None:
    words = (
        "select rowid, bm25(search) as b, snippet(search, 0, '', '', '', 9) from search where"
        " search match 'f*'"
    )
    assert len((await site.json(sql(words)))["rows"]) > 1
    assert (await site.json(sql("select count(*) from search", _shape="arrays")))["rows"][0][0] > 1
    for path in (sql(f"EXPLAIN {words}"), "/archive.json"):
        assert await site.status(path) == 200


async def test_worker_has_no_environment_and_ends_with_the_site(
    sample_archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "x")
    with served(sample_archive) as datasette:
        await Site(datasette).get("/archive.json?sql=select+1")
        worker = datasette.databases["archive"].idle_workers[0]
        assert Path(f"/proc/{worker.process.pid}/environ").read_bytes() == b""
    assert worker.process.returncode is not None


def test_result_of_a_worker_cannot_call_anything() -> None:
    with pytest.raises(Exception, match="not allowed in a worker"):
        load_restricted(b"cos\nsystem\n(S'true'\ntR.")


# How long it may take


@pytest.mark.parametrize("name", [*SLOW_ATTACKS, "many cells, as a page"])
async def test_hostile_statement_ends_in_time_and_the_next_is_answered(
    impatient_site: Site, name: str
) -> None:
    started = time.perf_counter()
    assert await impatient_site.status(ATTACKS[name].path) in ATTACKS[name].statuses
    assert time.perf_counter() - started < 20
    for _ in range(5):  # a machine that is busy with other tests may say: later
        response = await impatient_site.get(
            sql("select count(*) as n from releases", _shape="array")
        )
        if response.status_code != 503:
            break
    assert response.json()[0]["n"] > 40, response.text


@pytest.mark.parametrize(
    "path", load_cases(__file__, "statement that a busy machine stopped is to be sent again")
)
async def test_statement_that_a_busy_machine_stopped_is_to_be_sent_again(
    site: Site, sample_archive: Path, path: str
) -> None:
    with serve_with_limits(sample_archive, {"starved_share": 1e9}, sql_time_limit_ms=100) as busy:
        await busy.get("/")
        response = await busy.get(path)
    assert (response.status_code, response.headers.get("retry-after")) == (503, "10"), response.text
    assert response.json()["error"].startswith("The archive could not respond in time.")


@pytest.mark.slow("waits for limits of time")
def test_worker_that_got_no_processor_says_so(sample_archive: Path) -> None:
    limits = replace(SandboxLimits(), kill_delay=20.0)
    statement = build_statement(f"{ENDLESS} select count(*) from c", may_be_cut=True)
    worker = SandboxWorker(sample_archive.resolve().as_uri() + "?mode=ro", limits, str)
    try:
        for delay, sent in ((0.1, signal.SIGSTOP), (2.0, signal.SIGCONT)):
            threading.Timer(delay, os.kill, (worker.process.pid, sent)).start()
        with pytest.raises(StarvedError):
            worker.execute(statement)
    finally:
        worker.close()


async def test_requests_beyond_the_queue_are_rejected(impatient_site: Site) -> None:
    workers = WORK[SQL].running
    requests = [impatient_site.get(ENDLESS_COUNT) for _ in range(MAX_WAITING + workers + 5)]
    responses = await asyncio.gather(*requests)
    rejected = [response for response in responses if response.status_code == 503]
    assert 5 <= len(rejected) <= 5 + workers  # a request that is about to start counts as waiting
    assert rejected[0].headers["retry-after"] == "10"
    assert {response.status_code for response in responses} == {400, 503}
    assert await impatient_site.status("/archive.json?sql=select+1") == 200


async def test_pages_do_not_wait_for_statements_which_end_when_their_clients_leave(
    patient_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers: list[SandboxWorker] = []
    execute = SandboxWorker.execute

    def record(self: SandboxWorker, statement: Any) -> Any:
        workers.append(self)
        return execute(self, statement)

    monkeypatch.setattr(SandboxWorker, "execute", record)
    path = f"{QUERY_PATH}.json" if IS_NEXT else "/archive.json"
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": path,
        "headers": [],
        "scheme": "http",
    }
    query_string = ENDLESS_COUNT.partition("?")[2].encode()
    scope |= {"raw_path": path.encode(), "query_string": query_string, "http_version": "1.1"}
    clients, app = [FakeClient() for _ in range(10)], patient_site.datasette.app()
    requests = [
        asyncio.create_task(app(dict(scope), client.receive, client.send)) for client in clients
    ]
    async with asyncio.timeout(30):  # until they run: on a busy machine, workers start slowly
        while len({*workers}) < 2:
            await asyncio.sleep(0.01)
    for path in ("/", "/archive/releases/1", "/-/edits"):
        assert await patient_site.status(path) == 200
    assert not any(request.done() for request in requests)
    busy_workers = {*workers}
    assert len(busy_workers) == 2
    for client in clients:
        client.disconnected.set()
    started = time.perf_counter()
    assert await patient_site.status("/archive/tags.json") == 200
    assert time.perf_counter() - started < 20
    await asyncio.gather(*requests)
    assert not any(client.messages for client in clients)
    assert {worker.process.wait(10) for worker in busy_workers} == {-signal.SIGKILL}


async def test_statement_stopped_while_its_worker_starts_does_not_run(patient_site: Site) -> None:
    statement = build_statement("select 1")
    database = patient_site.datasette.get_database("archive")
    assert database.execute_with_retry(statement)[1] == [(1,)]
    statement.stop()
    with pytest.raises(WorkerLostError):
        database.execute_with_retry(statement)


# Workers that die


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
async def test_statements_do_not_fail_because_idle_workers_were_killed(
    patient_site: Site, signum: int
) -> None:
    idle_workers = patient_site.datasette.get_database("archive").idle_workers
    slow = sql(f"{ENDLESS} select count(*) from (select x from c limit 200000)")
    await asyncio.gather(patient_site.get(slow), patient_site.get(slow))
    assert len(idle_workers) == 2
    for worker in idle_workers:
        os.kill(worker.process.pid, signum)
    for _ in range(2):
        assert await patient_site.status("/archive.json?sql=select+1") == 200


@pytest.mark.parametrize(("deaths", "status"), [(1, 200), (2, 503)])
async def test_statement_is_retried_once_if_its_worker_dies(
    patient_site: Site, monkeypatch: pytest.MonkeyPatch, deaths: int, status: int
) -> None:
    workers: list[SandboxWorker] = []
    execute = SandboxWorker.execute

    def die(self: SandboxWorker, statement: Any) -> Any:
        workers.append(self)
        if len(workers) <= deaths:
            self.process.kill()
        return execute(self, statement)

    await patient_site.get("/archive.json?sql=select+1")
    monkeypatch.setattr(SandboxWorker, "execute", die)
    response = await patient_site.get("/archive.json?sql=select+1")
    assert (response.status_code, len(workers)) == (status, 2)
    assert response.headers.get("retry-after") == (None if status == 200 else "10")


# How much it may return


async def test_rows_are_as_datasette_returns_them(site: Site) -> None:
    data = await site.json(sql("select 1 as a, 2 as a, 'x' as [b\"c], x'ff' as d, null, 1.5"))
    assert data["columns"] == ["a", "a", 'b"c', "d", "null", "1.5"]
    assert data["rows"] == [[1, 2, "x", {"$base64": True, "encoded": "/w=="}, None, 1.5]]
    assert (await site.json("/archive/releases.json?_size=1&_labels=on"))["rows"][0]["agency"][
        "label"
    ]
    assert await site.json(sql("select '[1, 2]' as a", _json="a", _shape="array")) == [
        {"a": [1, 2]}
    ]
    large = await site.get(sql("select replace(hex(zeroblob(1000000)), '00', 'a') as a"))
    assert (large.status_code, 1_000_000 < len(large.content) < 1_001_000) == (200, True)


@pytest.mark.parametrize("name", ["json", "csv"])
async def test_result_with_too_many_values_is_cut_and_says_so(
    patient_site: Site, name: str
) -> None:
    statement = (
        "with recursive c(x) as (select 1 union all select x + 1 from c limit {}) select x from c"
    )
    for rows, returned, header in (
        (200, 200, None),
        (1_000, MAX_VALUES, f"after {MAX_VALUES} rows"),
    ):
        response = await patient_site.get(sql(statement.format(rows), name, _shape="array"))
        assert response.status_code == 200
        assert (
            len(response.json() if name == "json" else response.text.splitlines()[1:]) == returned
        )
        assert response.headers.get("archive-truncated") == header
        exposed = response.headers.get("access-control-expose-headers", "").lower()
        assert ("archive-truncated" in exposed) == bool(header)
    assert (await patient_site.json(sql(statement.format(1_000))))["truncated"]
    stream = await patient_site.get(sql(statement.format(1_000), "csv", _stream="on"))
    assert stream.status_code == 400
    assert f"{MAX_VALUES} values" in stream.json()["error"]


async def test_csv_is_measured_in_bytes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(
        "archive.web.request_limits.ResponseDelivery.reserve_buffer",
        lambda _self, size: sizes.append(size),
    )
    await site.get(sql("select hex(zeroblob(100000)) as a", "csv"))
    assert 200_000 < sizes[0] < 201_000


@pytest.mark.parametrize(
    ("statement", "options", "error"),
    load_cases(__file__, "result beyond a limit is a 400 with the reason"),
)
async def test_result_beyond_a_limit_is_a_400_with_the_reason(
    site: Site,
    caplog: pytest.LogCaptureFixture,
    statement: str,
    options: dict[str, str],
    error: str,
) -> None:
    response = await site.get(sql(statement, **options))
    assert response.status_code == 400
    assert error in response.json()["error"]
    assert not caplog.records


# Datasette's checks of SQL


@pytest.mark.parametrize(
    "statement",
    [
        "/**/" + "\n" * 60_000 + "x",
        "/**/--x\n  " * 6_000 + "x",
        "/**/" * 15_000 + "x",
        "explain " * 8_000,
    ],
    ids=["line breaks", "line comments", "comments", "explain"],
)
def test_long_statement_is_checked_in_linear_time(statement: str) -> None:
    install_linear_sql_checks()
    started = time.process_time()
    with pytest.raises(InvalidSql):
        validate_sql_select(statement)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("statement", "is_select"), load_cases(__file__, "select statements are recognised")
)
def test_select_statements_are_recognised(statement: str, is_select: bool) -> None:
    install_linear_sql_checks()
    with nullcontext() if is_select else pytest.raises(InvalidSql):
        validate_sql_select(statement)


async def test_named_parameters_are_found_outside_comments() -> None:
    install_linear_sql_checks()
    started = time.process_time()
    assert await derive_named_parameters(None, "select :a /* :b */ + :c -- :d") == ["a", "c"]
    assert await derive_named_parameters(None, "select 1 " + "/*" * 30_000) == []
    assert time.process_time() - started < 2


async def test_site_installs_its_own_checks(
    sample_archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasette.utils.allowed_sql_res", [re.compile("nothing")])
    with served(sample_archive) as datasette:
        assert await Site(datasette).status("/archive.json?sql=select+1") == 200


def test_datasette_still_has_the_checks_that_are_replaced() -> None:
    """A newer Datasette than 0.65 with other checks must be read again."""
    spec = find_spec("datasette.utils")
    assert spec
    assert spec.loader
    utils = module_from_spec(spec)  # as it was before a site replaced them
    spec.loader.exec_module(utils)
    reads_comments = utils._comments_and_strings_re if IS_NEXT else utils._multi_line_comment_re
    checks = (r"/\*.*?" in reads_comments.pattern, len(utils.allowed_sql_res))
    assert checks == (True, 6), "see install_linear_sql_checks in archive/web/sql_sandbox.py"


def test_no_other_private_name_of_datasette_is_used() -> None:
    private = re.compile(r"\b(?:datasette|datasette_utils|ds|db|original|request)\._[a-z]\w*")
    used = {
        name
        for folder in ("web", "views", "plugins")
        for path in (ROOT / "archive" / folder).glob("*.py")
        for name in private.findall(path.read_text(encoding="utf-8"))
    }
    assert used == {"datasette_utils._multi_line_comment_re"}, (
        "they belong in install_linear_sql_checks"
    )
