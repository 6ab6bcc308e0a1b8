"""Readers who are slow or gone hold nobody up, and innocents do not pay for a worker that died."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from archive.web.limits import (
    CHUNK_BYTES,
    BufferBudget,
    BusyError,
    RequestQueue,
    ResponseDelivery,
    SandboxLimits,
    VisitorRequest,
)
from archive.web.sandbox import WorkerLostError
from tests.archive.sample import Site, served
from tests.harness.locked.attacks import ENDLESS, sql

LIMITS = replace(SandboxLimits(), chunk_timeout=0.1, response_timeout=0.5, max_buffered_bytes=3 * CHUNK_BYTES)


@dataclass
class Reader:
    """Takes so many messages, then no more; leaves when told to."""

    takes: int = 1_000
    got: list[dict[str, Any]] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, message: dict[str, Any]) -> None:
        if len(self.got) >= self.takes:
            await asyncio.Event().wait()
        self.got.append(message)

    async def receive(self) -> dict[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.got)


def answering(body: bytes, times: int = 1) -> Any:
    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(times):
            await send({"type": "http.response.body", "body": body, "more_body": number < times - 1})

    return app


async def deliver(
    app: Any, reader: Reader, flight: BufferBudget, turn: VisitorRequest | None = None, *, killable: bool = True
) -> None:
    await ResponseDelivery(LIMITS, flight, reader.send, turn, killable=killable).run(app, {}, reader.receive)


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 7])
async def test_an_answer_arrives_whole_in_pieces(size: int) -> None:
    reader, flight = Reader(), BufferBudget(LIMITS)
    body = os.urandom(size)
    await deliver(answering(body), reader, flight)
    assert reader.body == body
    assert max(len(message.get("body", b"")) for message in reader.got) <= CHUNK_BYTES
    assert [message["more_body"] for message in reader.got[1:-1]] == [True] * (len(reader.got) - 2)
    assert not reader.got[-1].get("more_body")
    assert flight.bytes_left == LIMITS.max_buffered_bytes


async def test_one_who_does_not_read_is_given_up() -> None:
    for app in (answering(b"x" * 3 * CHUNK_BYTES), answering(b"x" * 100, times=100)):
        reader, flight = Reader(takes=2), BufferBudget(LIMITS)
        begun = time.perf_counter()
        await deliver(app, reader, flight)
        assert 0.1 <= time.perf_counter() - begun < 10
        assert flight.bytes_left == LIMITS.max_buffered_bytes


async def test_nobody_takes_longer_than_anybody_may() -> None:
    async def trickle(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x", "more_body": True})
            await asyncio.sleep(0.02)

    begun = time.perf_counter()
    await deliver(trickle, Reader(), BufferBudget(LIMITS))
    assert 0.5 <= time.perf_counter() - begun < 10


async def test_a_stream_may_take_longer_than_a_page() -> None:
    async def trickle(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(8):
            await asyncio.sleep(0.1)
            await send({"type": "http.response.body", "body": b"x", "more_body": number < 7})

    reader, visit = Reader(), VisitorRequest(LIMITS, RequestQueue(LIMITS), "csv", streaming=True)
    await deliver(trickle, reader, BufferBudget(LIMITS), visit)
    assert reader.body == b"x" * 8


async def test_an_error_after_the_beginning_does_not_look_like_an_end() -> None:
    async def fail(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a row", "more_body": True})
        await answering(b"the error")(None, None, send)  # as Datasette answers an exception

    reader = Reader()
    await deliver(fail, reader, BufferBudget(LIMITS))
    assert reader.body == b"a row"
    assert reader.got[-1]["more_body"]


async def test_large_answers_find_room_or_are_refused() -> None:
    slow, late, small, flight = Reader(takes=2), Reader(), Reader(), BufferBudget(LIMITS)
    first = asyncio.create_task(deliver(answering(b"x" * 2 * CHUNK_BYTES), slow, flight))
    await asyncio.sleep(0.02)
    with pytest.raises(BusyError):
        await deliver(answering(b"x" * 2 * CHUNK_BYTES), late, flight)
    assert late.got == []  # not even a beginning: 503 can still be told
    await deliver(answering(b"x" * CHUNK_BYTES), small, flight)
    assert len(small.body) == CHUNK_BYTES
    await first
    await deliver(answering(b"x" * 2 * CHUNK_BYTES), late, flight)
    assert len(late.body) == 2 * CHUNK_BYTES


async def test_rows_of_csv_are_held_as_long_as_they_are_read() -> None:
    visit = VisitorRequest(LIMITS, RequestQueue(LIMITS), "csv")
    slow, late, flight = Reader(takes=2), Reader(), BufferBudget(LIMITS)
    visit.largest_response = 2 * CHUNK_BYTES
    first = asyncio.create_task(deliver(answering(b"x", times=9), slow, flight, visit))
    await asyncio.sleep(0.02)
    assert flight.bytes_left == CHUNK_BYTES
    with pytest.raises(BusyError):
        await deliver(answering(b"x", times=9), late, flight, visit)
    await first
    assert flight.bytes_left == LIMITS.max_buffered_bytes


async def test_rows_are_measured(busy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    monkeypatch.setattr("archive.web.limits.ResponseDelivery.reserve_buffer", lambda _self, size: held.append(size))
    await busy.get(sql("select hex(zeroblob(100000)) as a", "csv"))
    assert 200_000 < held[0] < 201_000


async def test_a_fault_is_raised() -> None:
    async def app(*_: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await deliver(app, Reader(), BufferBudget(LIMITS))


async def test_one_who_left_leaves_the_line() -> None:
    turns = RequestQueue(replace(LIMITS, workers=1))
    await turns.acquire()
    reader, visit = Reader(), VisitorRequest(LIMITS, turns)

    async def app(*_: Any) -> None:
        await visit.acquire_slot()

    waiting = asyncio.create_task(deliver(app, reader, BufferBudget(LIMITS), visit, killable=False))
    await asyncio.sleep(0.01)
    assert turns.waiting == 1
    reader.left.set()
    await waiting
    assert turns.waiting == 0
    turns.release()
    await asyncio.wait_for(turns.acquire(), 0.1)


async def test_clients_take_turns_and_none_fills_the_line() -> None:
    turns, order = RequestQueue(replace(LIMITS, workers=1, max_waiting=3)), []
    await turns.acquire("greedy")

    async def take(client: str) -> None:
        await turns.acquire(client)
        order.append(client)
        turns.release()

    async with asyncio.TaskGroup() as group:
        first = [group.create_task(take("greedy")) for _ in range(2)]
        last = asyncio.create_task(take("greedy"))
        await asyncio.sleep(0)
        assert (turns.waiting, turns.has_room("greedy"), turns.has_room("other")) == (3, False, True)
        with pytest.raises(BusyError):
            await turns.acquire("greedy")
        group.create_task(take("other"))
        await asyncio.sleep(0.01)
        with pytest.raises(BusyError):  # the greedy client's newest made room
            await last
        assert not turns.has_room("other")  # nobody has two more than it
        assert not any(task.done() for task in first)
        turns.release()
    assert order == ["greedy", "other", "greedy"]
    assert (turns.waiting, turns.free_slots) == (0, 1)


async def test_a_turn_of_one_who_just_left_goes_to_the_next() -> None:
    turns = RequestQueue(replace(LIMITS, workers=1))
    await turns.acquire()
    waiting = asyncio.create_task(turns.acquire("slow"))
    await asyncio.sleep(0)
    turns.release()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (turns.waiting, turns.free_slots) == (0, 1)


@pytest.mark.parametrize("seconds", [0.01, 0.03])
async def test_a_turn_that_comes_with_the_end_of_the_wait_is_not_lost(seconds: float) -> None:
    turns = RequestQueue(replace(LIMITS, workers=1, queue_timeout=0.02))
    await turns.acquire()
    waiting = asyncio.create_task(turns.acquire("slow"))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(seconds, turns.release)
    time.sleep(0.04)  # both are due when the loop goes on
    with pytest.raises(BusyError):
        await waiting
    assert (turns.waiting, turns.free_slots) == (0, 1)


async def test_what_cannot_be_stopped_keeps_its_turn() -> None:
    turns = RequestQueue(replace(LIMITS, workers=1))
    reader, visit, done = Reader(), VisitorRequest(LIMITS, turns), asyncio.Event()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await visit.acquire_slot()
        await done.wait()
        await answering(b"x")(None, None, send)

    running = asyncio.create_task(deliver(app, reader, BufferBudget(LIMITS), visit, killable=False))
    await asyncio.sleep(0.01)
    reader.left.set()
    await asyncio.sleep(0.05)
    assert not running.done()
    done.set()
    await running
    assert reader.got == []


@pytest.fixture
async def busy(sample_archive: Path) -> AsyncIterator[Site]:
    with served(sample_archive, sql_time_limit_ms=3_000) as datasette:
        await datasette.client.get("/archive.json?sql=select+1")
        yield Site(datasette)


async def test_statements_of_those_who_left_are_ended(busy: Site) -> None:
    path = sql(f"{ENDLESS} select count(*) from c")
    readers = [Reader() for _ in range(10)]
    app = busy.datasette.app()
    scope: dict[str, Any] = {"type": "http", "method": "GET", "path": "/archive.json", "headers": [], "scheme": "http"}
    scope |= {"raw_path": path.encode(), "query_string": path.partition("?")[2].encode(), "http_version": "1.1"}
    asked = [asyncio.create_task(app(dict(scope), reader.receive, reader.send)) for reader in readers]
    await asyncio.sleep(0.3)
    assert not any(each.done() for each in asked)
    for reader in readers:
        reader.left.set()
    begun = time.perf_counter()
    assert (await busy.get("/archive/tags.json")).status_code == 200
    assert time.perf_counter() - begun < 20
    await asyncio.gather(*asked)
    assert not any(reader.got for reader in readers)


@pytest.mark.parametrize("told", [signal.SIGKILL, signal.SIGTERM])
async def test_innocents_do_not_pay_for_a_dead_worker(busy: Site, told: int) -> None:
    idle = busy.datasette.get_database("archive").idle_workers
    two = sql(f"{ENDLESS} select count(*) from (select x from c limit 200000)")
    await asyncio.gather(busy.get(two), busy.get(two))
    assert len(idle) == 2
    for worker in idle:
        os.kill(worker.process.pid, told)
    for _ in range(2):
        assert (await busy.get("/archive.json?sql=select+1")).status_code == 200


async def test_a_statement_whose_worker_dies_is_asked_once_more(busy: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = sql(f"{ENDLESS} select count(*) from (select x from c limit 400000)")
    asked = asyncio.create_task(busy.get(slow))
    await asyncio.sleep(0.05)
    worker = await find_worker()
    os.kill(worker, signal.SIGKILL)
    assert (await asked).status_code == 200

    monkeypatch.setattr("archive.web.sandbox.SandboxWorker.execute", lose)
    answer = await busy.get("/archive.json?sql=select+1")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")


async def find_worker() -> int:
    """The process that works for this one."""
    for task in Path("/proc/self/task").iterdir():
        for number in (task / "children").read_text().split():
            if b"worker.py" in Path(f"/proc/{number}/cmdline").read_bytes():
                return int(number)
    raise LookupError


def lose(*_: object) -> None:
    raise WorkerLostError
