"""Limits on visitors' requests: queues, budgets of SQL time, bodies, and delivery of responses.

A server keeps a whole response in memory until a slow reader has read it. ResponseDelivery
therefore sends it in chunks, and gives up if the client has disconnected, does not read a chunk in
time, or takes longer than is allowed for a whole response.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol
from urllib.parse import parse_qsl

from datasette.utils.asgi import Base400

from archive.urls import parse_ip_address

# header with the number of rows after which a result was cut; see docs/api.md
CUT_HEADER = "archive-truncated"
SQL, BODY = "sql", "body"
CHUNK_BYTES = 65_536  # bytes; as much as asyncio buffers before it makes a sender wait


class Work(NamedTuple):
    """Limits for one type of work: on running requests, waiting requests and the waiting time.

    downloads: how many downloads may be in progress. A download takes minutes, and waits for its
        turn before each part that it sends.
    """

    running: int
    waiting: int = 20
    seconds: float = 10.0
    downloads: int = 0


WORK: Mapping[str, Work] = {
    # statements of visitors: one for each core of a small server
    SQL: Work(2, downloads=4),
    # exports; a part may wait longer than a page, so that a download that has begun does not fail
    "csv": Work(2, seconds=60.0, downloads=20),
    "xlsx": Work(2, waiting=4, seconds=60.0, downloads=4),
    # bodies, whose seconds are those in which they must arrive; the oldest makes room for the next
    BODY: Work(100, waiting=0),
    # slow pages, by the beginning of their path: the first that matches
    "/-/compare": Work(1),
    "/-/over-time": Work(2),
    "/-/diff/": Work(1),
    "/-/evidence/": Work(2),  # each may have the bytes of one response in memory
    "/-/web/": Work(2),
    "/search.csv": Work(1),
    "/search": Work(3),
    "/-/changes": Work(2),
    "/-/batch": Work(1),
    "POST /-/check": Work(1),
    "POST /-/batch": Work(1),
    "POST /-/follow": Work(2),
}
MAX_CLIENT_BODIES = 5  # received at once of one client


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxLimits:
    """Limits on a worker, a statement, a response and a request.

    Times are in seconds, sizes in bytes.

    work: the limits for each type of work (WORK).
    """

    work: Mapping[str, Work] = field(default_factory=lambda: WORK)
    # SQL time per request with all its facets, or per page of a stream
    request_seconds: float = 3.0
    # share of its time on a processor; below it, the machine was too busy for the statement
    starved_share: float = 0.5
    # extra time, after sql_time_limit_ms, for SQLite to stop before the worker is killed
    kill_delay: float = 0.5
    worker_memory: int = 200_000_000  # address space of a worker, including Python's 40 MB
    temp_file_bytes: int = 200_000_000  # one temporary file, such as for sorting
    # one text or blob; no stored page is larger (scraper/settings.py)
    max_value_bytes: int = 20_000_000
    max_sql_length: int = 100_000  # length of the SQL
    max_columns: int = 200
    # all values of a response, as written in JSON (å takes six bytes)
    max_json_bytes: int = 4_000_000
    # all values of a CSV response, which is written row by row in UTF-8
    max_csv_bytes: int = 16_000_000
    # all values if `_json=` parses them as JSON, which blocks the server
    max_parsed_json_bytes: int = 500_000
    max_values: int = 60_000  # number of values in a response
    max_html_bytes: int = 4_000_000  # all values of an HTML page; rendering it blocks the server
    # number of values in an HTML page; Datasette takes about 20 µs for each
    max_html_values: int = 6_000
    max_parameter_length: int = 10_000  # characters of one URL parameter, such as sql= or _search=
    max_parameters: int = 200  # per URL; Datasette's work grows with the square of their number
    # of a request: 50 kB of text in a form take three times as much if everything is escaped
    max_body_bytes: int = 160_000
    # read of a body that is too long, so that the client gets its response
    max_discarded_bytes: int = 2_000_000
    # all large responses that wait for slow readers; the server needs twice that
    max_buffered_bytes: int = 64_000_000
    chunk_timeout: float = 10.0  # time for a client to read 64 kB
    response_timeout: float = 300.0  # time for a whole response
    stream_timeout: float = 3600.0  # time for a whole CSV stream, which is as long as its table
    # for a worker to start; not counted against its first statement
    worker_start_timeout: float = 5.0
    # calls of escape_fts in a statement; the server's process executes them
    max_escape_calls: int = 20
    max_escape_length: int = 10_000  # characters of the argument of escape_fts
    worker_statements: int = 500  # statements after which a worker is replaced


def client_key(scope: Mapping[str, Any]) -> str:
    """Return a key for a request's sender: an IPv4 address, or the first 64 bits of an IPv6
    address.

    A household or a server usually has all IPv6 addresses that begin with the same 64 bits. Behind
    a proxy that uvicorn trusts, the address is taken from X-Forwarded-For. Returns "" if there is
    no address.

    >>> hosts = ["203.0.113.7", "::ffff:203.0.113.7"]
    >>> hosts += ["2001:db8:0:1:a::9", "2001:DB8:0:1::1%eth0", "unix"]
    >>> [client_key({"client": (host, 1)}) for host in hosts]
    ['203.0.113.7', '203.0.113.7', '2001:db8:0:1::/64', '2001:db8:0:1::/64', 'unix']
    """
    host = str((scope.get("client") or ("",))[0])
    address = parse_ip_address(host)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address or host)


class BusyError(Base400):  # type: ignore[misc] # Datasette ships no types
    """Too many requests are in the queue, or a request has waited too long."""

    status = 503

    def __init__(self) -> None:
        super().__init__("the site is too busy right now: try again in a while")


class WorkQueue:
    """Limits how many requests for one type of work run at once. The other requests wait.

    Free slots are given to the waiting clients in turn, each time for the client's oldest request.
    If the queue is full, a request from a client with fewer waiting requests may replace the newest
    request of the client with the most, so that no client can fill the queue.
    """

    def __init__(self, work: Work) -> None:
        self.work, self.free_slots, self.downloads = work, work.running, 0
        self.refused = 0  # requests that were not served, since the server started
        self.requests_by_client: OrderedDict[str, deque[asyncio.Future[bool]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        return sum(map(len, self.requests_by_client.values()))

    async def acquire(self, client: str = "") -> None:
        """Wait for a slot. Raises BusyError if the queue is full or the wait takes too long."""
        try:
            await self._wait_for_slot(client)
        except BusyError:
            self.refused += 1
            raise

    async def _wait_for_slot(self, client: str) -> None:
        if self.free_slots:
            self.free_slots -= 1
            return
        if not self.has_room(client):
            raise BusyError
        if self.waiting >= self.work.waiting:
            self.reject_newest()
        request = asyncio.get_running_loop().create_future()
        self.requests_by_client.setdefault(client, deque()).append(request)
        try:
            # asyncio.wait_for would swallow the cancellation that follows when the client
            # disconnects
            async with asyncio.timeout(self.work.seconds):
                has_slot = await request
        except TimeoutError as error:
            self.withdraw(client, request)
            raise BusyError from error
        except asyncio.CancelledError:
            self.withdraw(client, request)
            raise
        if not has_slot:
            raise BusyError

    def has_room(self, client: str) -> bool:
        """Return whether a request may wait.

        A request may wait if the queue has room, or if another client has at least two more
        requests in the queue than this client.
        """
        if self.free_slots or self.waiting < self.work.waiting:
            return True
        own = len(self.requests_by_client.get(client, ()))
        return max(map(len, self.requests_by_client.values()), default=0) > own + 1

    def reject_newest(self) -> None:
        """Reject the newest waiting request of the client with the most waiting requests."""
        rejected = max(self.requests_by_client.values(), key=len).pop()
        if not rejected.done():
            rejected.set_result(False)

    def withdraw(self, client: str, request: asyncio.Future[bool]) -> None:
        """Remove a request that is no longer waiting.

        If the request got a slot at the last moment, release the slot.
        """
        if not request.cancelled():
            if request.result():
                self.release()
            return
        requests = self.requests_by_client.get(client, deque())
        with suppress(ValueError):  # it may already be removed
            requests.remove(request)
        if not requests:
            self.requests_by_client.pop(client, None)

    def release(self) -> None:
        """Give the slot to the next client's oldest request, or free the slot if no request is
        waiting.
        """
        while self.requests_by_client:
            client, requests = self.requests_by_client.popitem(last=False)
            request = requests.popleft()
            if requests:
                self.requests_by_client[client] = requests  # last, after the other clients
            if not request.done():
                request.set_result(True)
                return
        self.free_slots += 1


class StatementRewriter(Protocol):
    """Rewrites Datasette's statement for a page of a table, and converts the resulting rows."""

    def rewrite(self, sql: str, params: Mapping[str, Any]) -> tuple[str, dict[str, Any]]: ...

    def take(
        self, names: list[str], rows: Sequence[Any], *, is_complete: bool
    ) -> tuple[list[str], list[Any]]: ...


class Turn:
    """A request's turn in a queue: its slot, its remaining SQL time and the largest allowed result.

    `format_name` is csv, html, json, or parsed (JSON with `_json=`).
    """

    def __init__(
        self,
        limits: SandboxLimits,
        queue: WorkQueue,
        format_name: str = "json",
        *,
        streaming: bool = False,
        client: str = "",
    ) -> None:
        self.queue, self.streaming, self.is_csv, self.client = (
            queue,
            streaming,
            format_name == "csv",
            client,
        )
        sizes = {
            "csv": limits.max_csv_bytes,
            "html": limits.max_html_bytes,
            "parsed": limits.max_parsed_json_bytes,
        }
        self.max_bytes = sizes.get(format_name, limits.max_json_bytes)
        self.max_values = limits.max_html_values if format_name == "html" else limits.max_values
        self.seconds_left, self.has_slot, self.has_begun = limits.request_seconds, False, False
        self.largest_response = 0  # bytes of the largest result of a statement
        self.page: StatementRewriter | None = None  # while Datasette reads a page of a table
        # number of rows of a result that was cut because it is too large
        self.rows_before_limit: int | None = None

    async def acquire_slot(self) -> None:
        """Wait for a slot, unless the request already holds one.

        A stream waits for a slot again before each statement.
        """
        if not self.has_slot:
            await self.queue.acquire(self.client)
            self.has_slot = True

    def release_slot(self) -> None:
        """Release the slot.

        This is called once all SQL is done, so that slow readers do not block others.
        """
        if self.has_slot:
            self.has_slot = False
            self.queue.release()

    @asynccontextmanager
    async def hold_slot(self) -> AsyncIterator[None]:
        """Hold a slot until the end of the `with` block, for one batch of an export."""
        await self.acquire_slot()
        try:
            yield
        finally:
            self.release_slot()

    def begin_download(self) -> None:
        """Count a download as in progress. Raises BusyError if too many downloads already are."""
        if self.queue.downloads >= self.queue.work.downloads:
            self.queue.refused += 1
            raise BusyError
        self.queue.downloads += 1
        self.has_begun = True

    def close(self) -> None:
        """Release the slot if the request holds one, and stop counting the request as a
        download.
        """
        self.release_slot()
        self.queue.downloads -= self.has_begun
        self.has_begun = False


current_turn: ContextVar[Turn | None] = ContextVar("turn", default=None)


class BufferBudget:
    """A budget of bytes for all large responses to slow readers."""

    def __init__(self, limits: SandboxLimits) -> None:
        self.bytes_left = limits.max_buffered_bytes

    def reserve(self, size: int) -> int:
        """Reserve `size` bytes, and return `size`. Raises BusyError if too few bytes are left."""
        if size > self.bytes_left:
            raise BusyError
        self.bytes_left -= size
        return size


class ResponseDelivery:
    """Runs the application for one request until its response is sent or no longer needed.

    killable: whether the request's work can be stopped at any time.
    is_export: whether the response is a whole list, which may take longer to send because of its
        length.
    """

    def __init__(
        self,
        limits: SandboxLimits,
        buffer_budget: BufferBudget,
        send: Any,
        turn: Turn | None,
        *,
        killable: bool,
        is_export: bool = False,
    ) -> None:
        self.limits, self.buffer_budget, self.send_message = limits, buffer_budget, send
        self.turn, self.killable = turn, killable
        is_stream = is_export or (turn is not None and turn.streaming)
        self.response_timeout = limits.stream_timeout if is_stream else limits.response_timeout
        self.start_message: dict[str, Any] | None = None
        self.started = self.complete = self.disconnected = False
        self.reserved_bytes = 0
        self.finished = asyncio.Event()

    async def run(self, app: Any, scope: dict[str, Any], receive: Any) -> None:
        """Run the application. No exception is raised if the client disconnects."""

        async def receive_empty_body() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        task = asyncio.create_task(app(scope, receive_empty_body, self.send))
        task.add_done_callback(lambda _: self.finished.set())
        listener = asyncio.create_task(self.wait_for_disconnect(receive))
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.response_timeout):
                    await self.finished.wait()
            if self.complete:  # only our own code runs after the last byte, and not for long
                await asyncio.wait({task}, timeout=self.limits.chunk_timeout)
        finally:
            stopped = task.cancel()
            listener.cancel()
            await asyncio.wait({task, listener})
            self.buffer_budget.bytes_left += self.reserved_bytes
        if not (stopped and task.cancelled()):
            task.result()

    async def wait_for_disconnect(self, receive: Any) -> None:
        """Wait until the client disconnects, then stop the work if it can be stopped."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self.disconnected = True
        waits = self.turn is not None and not self.turn.has_slot
        if not self.complete and (self.killable or self.started or waits):
            self.finished.set()

    async def send(self, message: dict[str, Any]) -> None:
        """Send a message in chunks.

        The start of a response is held back until the first bytes of its body are sent, because a
        503 response may be sent instead until then.
        """
        if message["type"] == "http.response.start":
            await self.begin_response(message)
            return
        body = message.get("body", b"")
        if self.start_message:
            self.reserve_buffer(len(body))
            start_message, self.start_message, self.started = self.start_message, None, True
            await self.send_chunk(start_message)
        ends = range(CHUNK_BYTES, len(body), CHUNK_BYTES)
        for end in ends:
            await self.send_chunk(
                {"type": message["type"], "body": body[end - CHUNK_BYTES : end], "more_body": True}
            )
        await self.send_chunk({**message, "body": body[ends[-1] :] if ends else body})
        self.complete = not message.get("more_body", False)

    async def begin_response(self, message: dict[str, Any]) -> None:
        """Hold back the start of a response, and release the request's slot.

        All SQL is done by then, except in a stream, which keeps its slot.
        """
        # an error during a stream: too late to report, but the response must not look complete
        if self.started:
            await self.give_up()
        turn = self.turn
        if turn and turn.rows_before_limit and message["status"] == 200:
            cut = f"after {turn.rows_before_limit} rows".encode()
            added = [
                (b"access-control-expose-headers", CUT_HEADER.encode()),
                (CUT_HEADER.encode(), cut),
            ]
            message = {**message, "headers": [*message.get("headers", []), *added]}
        self.start_message = message
        if turn and not turn.streaming:
            turn.release_slot()  # released before sending, because the client may be slow
            if turn.is_csv:
                self.reserve_buffer(turn.largest_response)

    def reserve_buffer(self, size: int) -> None:
        """Reserve buffer space once per response. Small responses need none."""
        if not self.reserved_bytes and size > CHUNK_BYTES:
            self.reserved_bytes = self.buffer_budget.reserve(size)

    async def send_chunk(self, message: dict[str, Any]) -> None:
        """Send a chunk, or give up and wait to be cancelled.

        No exception is raised here, because Datasette would write it into the response.
        """
        if not self.disconnected:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.limits.chunk_timeout):
                    await self.send_message(message)
                return
        await self.give_up()

    async def give_up(self) -> None:
        """Wait to be cancelled. An incomplete response makes the server close the connection."""
        self.finished.set()
        await asyncio.Event().wait()


def parse_query_string(query_string: str, limits: SandboxLimits) -> list[tuple[str, str]]:
    """Parse a query string as Datasette does.

    Raises ValueError (shown to visitors) if there are too many parameters, or if one is too long.

    >>> parse_query_string("sql=select+1&_shape=array", SandboxLimits())
    [('sql', 'select 1'), ('_shape', 'array')]
    >>> parse_query_string("_where=1&" * 1000, SandboxLimits())
    Traceback (most recent call last):
    ValueError: a URL may have at most 200 parameters
    """
    if query_string.count("&") >= limits.max_parameters:
        raise ValueError(f"a URL may have at most {limits.max_parameters} parameters")
    parameters = parse_qsl(query_string, keep_blank_values=True)
    for name, value in parameters:
        if max(len(name), len(value)) > limits.max_parameter_length:
            raise ValueError(
                f"{name[:40]}= is too long: at most {limits.max_parameter_length:,} characters"
            )
    return parameters


# Request bodies


@dataclass(frozen=True, slots=True)
class RequestBody:
    """A request's body, or the reason why there is none.

    is_received: whether the client has sent the whole body.
    """

    data: bytes = b""
    problem: Literal["too_long", "too_slow"] | None = None
    is_received: bool = True


def has_body(scope: dict[str, Any]) -> bool:
    """Return whether a request has a body, which may not have arrived yet."""
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


class BodyReceiver:
    """Receives the bodies of requests, within limits on their number, size and time.

    If too many bodies are being received, the one that has taken longest is rejected as too slow,
    so that slow clients do not block others.
    """

    def __init__(self, limits: SandboxLimits) -> None:
        self.limits = limits
        self.clients: dict[
            asyncio.Timeout, str
        ] = {}  # clients of bodies being received, oldest first

    async def receive(self, scope: dict[str, Any], receive: Any, client: str) -> RequestBody | None:
        """Receive a body. Returns None if too many bodies from this client are being received.

        A client that has disconnected counts as too slow.
        """
        work = self.limits.work[BODY]
        if Counter(self.clients.values())[client] >= MAX_CLIENT_BODIES:
            return None
        if len(self.clients) >= work.running:
            oldest = next(iter(self.clients))
            del self.clients[oldest]
            oldest.reschedule(0)  # in the past
        try:
            async with asyncio.timeout(work.seconds) as place:
                self.clients[place] = client
                return await self.read(scope, receive)
        except TimeoutError:
            return RequestBody(problem="too_slow", is_received=False)
        finally:
            self.clients.pop(place, None)

    async def read(self, scope: dict[str, Any], receive: Any) -> RequestBody:
        """Read a body. The contents of a body that is too long are dropped.

        Such a body is usually still read to its end, because otherwise the client would not get its
        response.
        """
        limits, headers = self.limits, dict(scope["headers"])
        announced = headers.get(b"content-length", b"")
        size = int(announced[:12]) if announced.isdigit() else 0
        is_too_long = size > limits.max_body_bytes
        if size > limits.max_discarded_bytes or (is_too_long and b"expect" in headers):
            return RequestBody(problem="too_long", is_received=False)
        chunks, received = [], 0
        while received <= limits.max_discarded_bytes:
            message = await receive()
            if message["type"] == "http.disconnect":
                return RequestBody(problem="too_slow", is_received=False)
            received += len(message.get("body", b""))
            if received <= limits.max_body_bytes:
                chunks.append(message.get("body", b""))
            else:
                chunks.clear()
            if not message.get("more_body", False):
                is_whole = received <= limits.max_body_bytes
                return RequestBody(b"".join(chunks), None if is_whole else "too_long")
        return RequestBody(problem="too_long", is_received=False)
