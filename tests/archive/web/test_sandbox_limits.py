"""The queue for a few slots, and the delivery of responses to slow readers."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from typing import Any

import pytest

from archive.web.request_limits import (
    CHUNK_BYTES,
    SQL,
    WORK,
    BufferBudget,
    BusyError,
    ResponseDelivery,
    SandboxLimits,
    Turn,
    Work,
    WorkQueue,
    parse_query_string,
)
from tests.archive.web.serving import FakeClient

LIMITS = replace(
    SandboxLimits(), chunk_timeout=0.1, response_timeout=0.5, max_buffered_bytes=3 * CHUNK_BYTES
)
ONE_SLOT = Work(1)
START = {"type": "http.response.start", "status": 200, "headers": []}


def respond(body: bytes, times: int = 1, *, pause: float = 0.0) -> Any:
    """Return an application whose response is `body`, so many times."""

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send(START)
        for number in range(times):
            await asyncio.sleep(pause)
            await send(
                {"type": "http.response.body", "body": body, "more_body": number < times - 1}
            )

    return app


async def deliver(
    app: Any,
    client: FakeClient,
    budget: BufferBudget | None = None,
    request: Turn | None = None,
    *,
    killable: bool = True,
    is_export: bool = False,
) -> None:
    delivery = ResponseDelivery(
        LIMITS,
        budget or BufferBudget(LIMITS),
        client.send,
        request,
        killable=killable,
        is_export=is_export,
    )
    await delivery.run(app, {}, client.receive)


# Delivery


@pytest.mark.parametrize(
    "size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 7]
)
async def test_response_arrives_complete_in_chunks(size: int) -> None:
    client, budget = FakeClient(), BufferBudget(LIMITS)
    body = os.urandom(size)
    await deliver(respond(body), client, budget)
    assert client.body == body
    assert max(len(message.get("body", b"")) for message in client.messages) <= CHUNK_BYTES
    assert [message["more_body"] for message in client.messages[1:-1]] == [True] * (
        len(client.messages) - 2
    )
    assert not client.messages[-1].get("more_body")
    assert budget.bytes_left == LIMITS.max_buffered_bytes


@pytest.mark.parametrize("app", [respond(b"x" * 3 * CHUNK_BYTES), respond(b"x" * 100, times=100)])
async def test_delivery_to_a_client_that_does_not_read_is_given_up(app: Any) -> None:
    client, budget = FakeClient(max_messages=2), BufferBudget(LIMITS)
    started = time.perf_counter()
    await deliver(app, client, budget)
    assert 0.1 <= time.perf_counter() - started < 10
    assert budget.bytes_left == LIMITS.max_buffered_bytes


@pytest.mark.parametrize("kind", ["page", "stream", "export"])
async def test_only_streams_and_exports_may_exceed_the_response_timeout(kind: str) -> None:
    client = FakeClient()
    stream = Turn(LIMITS, WorkQueue(WORK[SQL]), "csv", streaming=True) if kind == "stream" else None
    started = time.perf_counter()
    await deliver(
        respond(b"x", times=8, pause=0.08), client, request=stream, is_export=kind == "export"
    )
    assert 0.5 <= time.perf_counter() - started < 10
    assert (client.body == b"x" * 8) == (kind != "page")


async def test_error_after_the_start_does_not_look_like_the_end() -> None:
    async def fail(_scope: Any, _receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"a row", "more_body": True})
        await respond(b"the error")(None, None, send)  # as Datasette responds to an exception

    client = FakeClient()
    await deliver(fail, client)
    assert client.body == b"a row"
    assert client.messages[-1]["more_body"]


async def test_large_responses_share_a_buffer_and_small_ones_need_none() -> None:
    slow, late, small, budget = (
        FakeClient(max_messages=2),
        FakeClient(),
        FakeClient(),
        BufferBudget(LIMITS),
    )
    large = respond(b"x" * 2 * CHUNK_BYTES)
    first = asyncio.create_task(deliver(large, slow, budget))
    await asyncio.sleep(0.02)
    with pytest.raises(BusyError):
        await deliver(large, late, budget)
    assert late.messages == []  # nothing has been sent: the response can still be a 503
    await deliver(respond(b"x" * CHUNK_BYTES), small, budget)
    assert len(small.body) == CHUNK_BYTES
    await first
    await deliver(large, late, budget)
    assert len(late.body) == 2 * CHUNK_BYTES


async def test_csv_reserves_its_largest_result_until_it_is_read() -> None:
    request = Turn(LIMITS, WorkQueue(WORK[SQL]), "csv")
    slow, late, budget = FakeClient(max_messages=2), FakeClient(), BufferBudget(LIMITS)
    request.largest_response = 2 * CHUNK_BYTES
    first = asyncio.create_task(deliver(respond(b"x", times=9), slow, budget, request))
    await asyncio.sleep(0.02)
    assert budget.bytes_left == CHUNK_BYTES
    with pytest.raises(BusyError):
        await deliver(respond(b"x", times=9), late, budget, request)
    await first
    assert budget.bytes_left == LIMITS.max_buffered_bytes


async def test_exception_of_the_application_is_raised() -> None:
    async def app(*_: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await deliver(app, FakeClient())


async def test_work_that_cannot_be_stopped_keeps_its_slot_after_a_disconnect() -> None:
    client, request, done = (
        FakeClient(),
        Turn(LIMITS, WorkQueue(ONE_SLOT)),
        asyncio.Event(),
    )

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await request.acquire_slot()
        await done.wait()
        await respond(b"x")(None, None, send)

    running = asyncio.create_task(deliver(app, client, request=request, killable=False))
    await asyncio.sleep(0.01)
    client.disconnected.set()
    await asyncio.sleep(0.05)
    assert not running.done()
    done.set()
    await running
    assert client.messages == []


# Queue


async def test_disconnected_client_leaves_the_queue() -> None:
    queue = WorkQueue(ONE_SLOT)
    await queue.acquire()
    client, request = FakeClient(), Turn(LIMITS, queue)

    async def app(*_: Any) -> None:
        await request.acquire_slot()

    waiting = asyncio.create_task(deliver(app, client, request=request, killable=False))
    await asyncio.sleep(0.01)
    assert queue.waiting == 1
    client.disconnected.set()
    await waiting
    assert queue.waiting == 0
    queue.release()
    await asyncio.wait_for(queue.acquire(), 0.1)


async def test_clients_take_turns_and_none_fills_the_queue() -> None:
    queue, order = WorkQueue(Work(1, waiting=3)), []
    await queue.acquire("greedy")

    async def take(client: str) -> None:
        await queue.acquire(client)
        order.append(client)
        queue.release()

    async with asyncio.TaskGroup() as group:
        first = [group.create_task(take("greedy")) for _ in range(2)]
        last = asyncio.create_task(take("greedy"))
        await asyncio.sleep(0)
        assert (queue.waiting, queue.has_room("greedy"), queue.has_room("other")) == (
            3,
            False,
            True,
        )
        with pytest.raises(BusyError):
            await queue.acquire("greedy")
        group.create_task(take("other"))
        await asyncio.sleep(0.01)
        with pytest.raises(BusyError):  # the greedy client's newest request made room
            await last
        assert not queue.has_room("other")  # no client has two more than it
        assert not any(task.done() for task in first)
        queue.release()
    assert order == ["greedy", "other", "greedy"]
    assert (queue.waiting, queue.free_slots) == (0, 1)


@pytest.mark.parametrize(
    "release_after", [None, 0.01, 0.03], ids=["cancelled", "before", "after the timeout"]
)
async def test_slot_given_to_a_request_that_stops_waiting_is_released(
    release_after: float | None,
) -> None:
    queue = WorkQueue(Work(1, seconds=0.02))
    await queue.acquire()
    waiting = asyncio.create_task(queue.acquire("slow"))
    await asyncio.sleep(0)
    if release_after is None:
        queue.release()
        waiting.cancel()
    else:
        asyncio.get_running_loop().call_later(release_after, queue.release)
        time.sleep(0.04)  # both the timeout and the release are due when the loop continues
    with pytest.raises(asyncio.CancelledError if release_after is None else BusyError):
        await waiting
    assert (queue.waiting, queue.free_slots) == (0, 1)


# Length of a URL


@pytest.mark.parametrize(
    ("longest", "too_long", "error"),
    [
        ("q=" + "x" * 10_000, "q=" + "x" * 10_001, "q= is too long: at most 10,000 characters"),
        ("q=" + "%C3%A5" * 10_000, "q=" + "%C3%A5" * 10_001, "q= is too long"),
        ("x" * 10_000 + "=", "x" * 10_001 + "=", "x" * 40 + "= is too long"),
        (
            "&".join(["tag=x"] * 200),
            "&".join(["tag=x"] * 201),
            "a URL may have at most 200 parameters",
        ),
    ],
    ids=["value", "letters of two bytes", "name", "number"],
)
def test_query_string_is_limited(longest: str, too_long: str, error: str) -> None:
    assert parse_query_string(longest, SandboxLimits())
    with pytest.raises(ValueError, match=error):
        parse_query_string(too_long, SandboxLimits())
