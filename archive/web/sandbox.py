"""Visitors' SQL within limits, and delivery of responses to slow readers.

Statements of visitors run in worker processes, which can be limited and killed. A progress handler is not enough: one
call of `replace`, `instr`, `json_patch` or `like`, or one FTS5 prefix, is a single step of SQLite's machine that may
take half a minute, and nothing inside the process can interrupt it. Requests wait for a worker in one queue of limited
length, in which clients take turns. SandboxedDatabase is the Datasette database that sends them there.

A server that accepts a response as a whole keeps it until it is read. ResponseDelivery therefore sends it in chunks,
and gives up if the client has disconnected, does not read a chunk in time, or takes longer than any response may.

Datasette checks visitors' SQL by regular expressions in the one thread that serves all requests: `/**/` followed by
many line breaks took 20 seconds, consecutive comments far longer. They are replaced by expressions that never
backtrack.
"""

from __future__ import annotations

import asyncio
import io
import json
import pickle
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from multiprocessing import Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

import datasette.utils as checks
from datasette.database import Database, QueryInterrupted, Results
from datasette.utils.asgi import Base400

if TYPE_CHECKING:
    from archive.web.tables import KeysetPage

# of one worker and one statement
WORKER_SCRIPT = Path(__file__).with_name("sandbox_worker.py")
# sent by an operator, or because the system ran out of memory
EXTERNAL_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
EXIT_TIMEOUT = 1.0  # seconds for a process to end whose pipe is already closed, so that its exit code is known
MIN_STATEMENT_SECONDS = 0.001  # seconds; the time limit if the budget is used up
MAGIC_PARAMETER = re.compile(r":(_\w+)")  # of a canned query, filled in by Datasette: :_now_epoch and so on

# of a response
CUT_HEADER = b"archive-truncated"  # after how many rows a result was cut, see archive/API.md
CHUNK_BYTES = 65_536  # bytes; as much as asyncio buffers before it makes a sender wait

# checks of SQL that take linear time
SQL_SPACE = r"(?:\s++|--[^\n]*+(?:\n|\Z)|/\*(?:[^*]|\*(?!/))*+\*/)*+"
SELECT_STATEMENT = re.compile(rf"{SQL_SPACE}(?:explain\s++(?:query\s++plan\s++)?+)?+(?:select|with)\b")
SQL_COMMENT = re.compile(r"/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)")  # as in SQLite, an unterminated comment ends with the text


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxLimits:
    """Limits of one worker, one statement, one response and one request. Times are in seconds, sizes in bytes."""

    workers: int = 2  # statements at once: one for each core of a small server
    max_waiting: int = 20  # requests in the queue for a worker; further ones are rejected at once
    queue_timeout: float = 10.0  # in the queue
    max_streams: int = 4  # CSV streams at once; they take minutes, and queue for each of their pages
    request_seconds: float = 3.0  # of SQL in one request with all its facets; of a stream, in each page
    kill_delay: float = 0.5  # after sql_time_limit_ms, for SQLite to stop before the worker is killed
    worker_memory: int = 200_000_000  # of a worker's address space, including Python's 40 MB
    temp_file_bytes: int = 200_000_000  # of a temporary file, as for a sort
    max_value_bytes: int = 20_000_000  # one text or blob; no page of an agency is larger (scraper/settings.py)
    max_sql_length: int = 100_000  # the SQL itself
    max_columns: int = 200
    max_json_bytes: int = 4_000_000  # all values of a response, as they are written in JSON (å takes six bytes)
    max_csv_bytes: int = 16_000_000  # the same for CSV, which is written row by row in UTF-8
    max_parsed_json_bytes: int = 500_000  # the same if `_json=` parses values as JSON, which blocks the server
    max_values: int = 60_000  # all values of a response, as their number
    max_html_bytes: int = 4_000_000  # all values of an HTML page; rendering it blocks the server
    max_html_values: int = 6_000  # their number; Datasette takes about 20 µs for each
    max_parameter_length: int = 10_000  # characters of one URL parameter, such as sql= or _search=
    max_parameters: int = 200  # of a URL; Datasette's work grows with the square of their number
    max_buffered_bytes: int = 64_000_000  # all large responses that wait for slow readers; the server needs twice that
    chunk_timeout: float = 10.0  # for a client to read 64 kB
    response_timeout: float = 300.0  # for the whole response
    stream_timeout: float = 3600.0  # for a whole CSV stream, which is as long as its table
    worker_start_timeout: float = 5.0  # for a worker to start; not counted against its first statement
    max_escape_calls: int = 20  # calls of escape_fts in a statement; the server's process executes them
    max_escape_length: int = 10_000  # characters of the argument of escape_fts
    worker_statements: int = 500  # statements, after which a worker is replaced


class BusyError(Base400):  # type: ignore[misc] # Datasette ships no types
    """Too many requests are in the queue, or the wait was too long."""

    status = 503

    def __init__(self) -> None:
        super().__init__("too much is asked of the site at this moment: try again in a while")


class RequestQueue:
    """Lets as many requests run at once as there are workers; the others wait.

    Clients take turns, each with its oldest request. In a full queue, the client with the most requests loses its
    newest one to a client with fewer, so that no client can fill the queue.
    """

    def __init__(self, limits: SandboxLimits) -> None:
        self.limits = limits
        self.free_slots = limits.workers
        self.requests_by_client: OrderedDict[str, deque[asyncio.Future[bool]]] = OrderedDict()
        self.streams = 0

    @property
    def waiting(self) -> int:
        """Return how many requests wait."""
        return sum(map(len, self.requests_by_client.values()))

    async def acquire(self, client: str = "") -> None:
        """Wait for a slot; raise BusyError if the queue or the wait is too long."""
        if self.free_slots:
            self.free_slots -= 1
            return
        if not self.has_room(client):
            raise BusyError
        if self.waiting >= self.limits.max_waiting:
            self.reject_newest()
        request = asyncio.get_running_loop().create_future()
        self.requests_by_client.setdefault(client, deque()).append(request)
        try:
            # asyncio.wait_for would swallow the cancellation that follows when the client disconnects
            async with asyncio.timeout(self.limits.queue_timeout):
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
        """Return whether a request may wait: the queue is not full, or another client has more requests in it."""
        if self.free_slots or self.waiting < self.limits.max_waiting:
            return True
        own = len(self.requests_by_client.get(client, ()))
        return max(map(len, self.requests_by_client.values()), default=0) > own + 1

    def reject_newest(self) -> None:
        """Reject the newest request of the client that has the most."""
        rejected = max(self.requests_by_client.values(), key=len).pop()
        if not rejected.done():
            rejected.set_result(False)

    def withdraw(self, client: str, request: asyncio.Future[bool]) -> None:
        """Remove a request that no longer waits, or release the slot that it got at the last moment."""
        if not request.cancelled():
            if request.result():
                self.release()
            return
        requests = self.requests_by_client.get(client, deque())
        with suppress(ValueError):  # it may be removed already
            requests.remove(request)
        if not requests:
            self.requests_by_client.pop(client, None)

    def release(self) -> None:
        """Give the slot to the next client's oldest request, or keep it free if none waits."""
        while self.requests_by_client:
            client, requests = self.requests_by_client.popitem(last=False)
            request = requests.popleft()
            if requests:
                self.requests_by_client[client] = requests  # behind the other clients
            if not request.done():
                request.set_result(True)
                return
        self.free_slots += 1

    def begin_stream(self) -> None:
        """Count a CSV stream; raise BusyError if there are too many."""
        if self.streams >= self.limits.max_streams:
            raise BusyError
        self.streams += 1


class VisitorRequest:
    """A request in a queue: its slot, and the SQL time and result size that it may still use.

    `format_name` is csv, html, json, or parsed (JSON with `_json=`).
    """

    def __init__(
        self,
        limits: SandboxLimits,
        queue: RequestQueue,
        format_name: str = "json",
        *,
        streaming: bool = False,
        client: str = "",
    ) -> None:
        self.queue, self.streaming, self.is_csv, self.client = queue, streaming, format_name == "csv", client
        sizes = {"csv": limits.max_csv_bytes, "html": limits.max_html_bytes, "parsed": limits.max_parsed_json_bytes}
        self.max_bytes = sizes.get(format_name, limits.max_json_bytes)
        self.max_values = limits.max_html_values if format_name == "html" else limits.max_values
        self.seconds_left, self.has_slot, self.has_stream = limits.request_seconds, False, False
        self.largest_response = 0  # bytes of the largest result of a statement
        self.page: KeysetPage | None = None  # while Datasette reads a page of a table
        self.rows_before_limit: int | None = None  # rows of a result that was cut because it is too large

    async def acquire_slot(self) -> None:
        """Wait for a slot: once for a request, but for each statement of a stream."""
        if not self.has_slot:
            await self.queue.acquire(self.client)
            self.has_slot = True

    @asynccontextmanager
    async def hold_slot(self) -> AsyncIterator[None]:
        """Wait for a slot and release it at the end, as for one batch of an export."""
        await self.acquire_slot()
        try:
            yield
        finally:
            self.release_slot()

    def begin_stream(self) -> None:
        self.queue.begin_stream()
        self.has_stream = True

    def close(self) -> None:
        """Release whatever the request has acquired."""
        self.release_slot()
        self.queue.streams -= self.has_stream
        self.has_stream = False

    def release_slot(self) -> None:
        """Release the slot as soon as all SQL is done, so that slow readers hold up no one."""
        if self.has_slot:
            self.has_slot = False
            self.queue.release()


current_visitor_request: ContextVar[VisitorRequest | None] = ContextVar("visit", default=None)


class SandboxedDatabase(Database):  # type: ignore[misc] # Datasette ships no types
    """Replaces the Database that Datasette made of a file."""

    def __init__(self, ds: Any, before: Any, limits: SandboxLimits) -> None:
        super().__init__(ds, path=before.path, is_mutable=before.is_mutable)
        self.name, self.route = before.name, before.route
        # threads cache connections by the name of the database: keep those that are open, and close them with this one
        self._all_file_connections = before._all_file_connections
        self.limits = limits
        self.idle_workers: list[SandboxWorker] = []
        self.threads = ThreadPoolExecutor(limits.workers, thread_name_prefix="visitors")
        self.thread_local = threading.local()

    async def execute(self, sql: str, params: Any = None, **more: Any) -> Any:
        """Run a visitor's statement in a worker, and other statements as Datasette does."""
        request = current_visitor_request.get()
        if request is None or sql[:6].upper() == "PRAGMA":  # only Datasette itself sends PRAGMA
            return await super().execute(sql, params, **more)
        may_be_cut = bool(more.get("truncate"))  # the rows of a table or of a visitor's SQL, not of a facet or a count
        page = request.page if may_be_cut else None
        if page:
            sql, params = page.rewrite(sql, params)
        limit = min(self.ds.sql_time_limit_ms, more.get("custom_time_limit") or self.ds.sql_time_limit_ms) / 1000
        seconds = max(MIN_STATEMENT_SECONDS, limit if request.streaming else min(limit, request.seconds_left))
        values = params if params is not None else {}
        statement = SandboxStatement(
            sql=sql,
            params=values,
            seconds=seconds,
            may_be_cut=may_be_cut,
            max_bytes=request.max_bytes,
            max_values=request.max_values,
            as_json=not request.is_csv,
        )
        await request.acquire_slot()
        started = time.monotonic()
        try:
            running = RunningStatement()
            names, rows, is_complete = await self.submit_statement(statement, running)
            request.largest_response = max(request.largest_response, running.received_bytes)
        except sqlite3.OperationalError as error:
            if error.args == ("interrupted",):
                raise QueryInterrupted(error, sql, params) from error
            raise
        finally:
            request.seconds_left -= time.monotonic() - started
            if request.streaming:
                request.release_slot()
        if page:
            names, rows = page.take(names, rows, is_complete=is_complete)
        elif not is_complete:
            request.rows_before_limit = len(rows)
        return build_results(names, rows, truncated=not is_complete and not page)

    async def submit_statement(self, statement: SandboxStatement, running: RunningStatement) -> StatementResult:
        """Run a statement in a thread; stop it if the request is cancelled."""
        try:
            return await asyncio.wrap_future(
                self.threads.submit(self.execute_with_retry, resolve_magic_parameters(statement), running)
            )
        except asyncio.CancelledError:  # the client has disconnected: the thread must not go on
            running.stop()
            raise

    def execute_with_retry(self, statement: SandboxStatement, running: RunningStatement) -> StatementResult:
        """Run a statement, once more if its worker is lost; called in a thread, one for each worker."""
        try:
            return self.execute_once(statement, running)
        except WorkerLostError:
            if running.stopped:
                raise
        try:
            return self.execute_once(statement, running)
        except WorkerLostError as error:
            raise BusyError from error

    def execute_once(self, statement: SandboxStatement, running: RunningStatement) -> StatementResult:
        """Run a statement on one worker; raise WorkerLostError if something else ended the worker."""
        running.worker = worker = self.acquire_worker()
        try:
            return worker.execute(statement)
        finally:
            running.worker, running.received_bytes = None, worker.received_bytes
            if worker.is_exhausted:
                worker.close()
            else:
                self.idle_workers.append(worker)

    def acquire_worker(self) -> SandboxWorker:
        """Return an idle worker, or start one."""
        while self.idle_workers:
            worker = self.idle_workers.pop()
            if not worker.is_exhausted:
                return worker
            worker.close()
        return SandboxWorker(self.uri, self.limits, self.escape)

    @property
    def uri(self) -> str:
        """Return the URI that opens the database read-only, as Datasette does."""
        return Path(self.path).resolve().as_uri() + ("?mode=ro" if self.is_mutable else "?immutable=1")

    def escape(self, text: str) -> str:
        """Call the escape_fts of Datasette's own connections (archive/plugins/search.py)."""
        if not hasattr(self.thread_local, "db"):
            self.thread_local.db = self.connect()
            self.ds._prepare_connection(self.thread_local.db, self.name)
        return str(self.thread_local.db.execute("select escape_fts(?)", [text]).fetchone()[0])

    def close(self) -> None:
        self.threads.shutdown()
        while self.idle_workers:
            self.idle_workers.pop().close()
        super().close()


def resolve_magic_parameters(statement: SandboxStatement) -> SandboxStatement:
    """Return the statement with plain parameters; canned queries bring a mapping that cannot be pickled."""
    params = statement.params
    if isinstance(params, dict):
        resolved = dict(params)
        for name in MAGIC_PARAMETER.findall(statement.sql):
            with suppress(KeyError):
                resolved[name] = params[name]
        params = resolved
    return statement._replace(params=params)


def build_results(names: Sequence[str], rows: list[Any], *, truncated: bool) -> Any:
    """Return results like Datasette's: rows can be indexed by position and by name."""
    db = sqlite3.connect(":memory:")
    columns = ", ".join('null as "' + name.replace('"', '""') + '"' for name in names)
    cursor = db.execute(f"select {columns} limit 0")
    description = cursor.description
    sqlite_rows = [sqlite3.Row(cursor, tuple(row)) for row in rows]
    db.close()
    return Results(sqlite_rows, truncated, description)


class RunningStatement:
    """A running statement, with its worker, so that it can be stopped from outside its thread."""

    def __init__(self) -> None:
        self.worker: SandboxWorker | None = None
        self.stopped, self.received_bytes = False, 0

    def stop(self) -> None:
        """Kill the worker; its thread then gets a WorkerLostError."""
        self.stopped = True
        worker = self.worker
        if worker:
            worker.process.kill()


class SandboxStatement(NamedTuple):
    """What a worker is sent: a statement, and the most time, bytes and values that it may take."""

    sql: str
    params: Any
    seconds: float
    may_be_cut: bool  # whether the rows that fit are the result, if not all do
    max_bytes: int
    max_values: int
    as_json: bool  # whether max_bytes is the size in JSON


class StatementResult(NamedTuple):
    """What a worker answers."""

    names: list[str]
    rows: list[Any]
    is_complete: bool


class SandboxWorker:
    """A process that runs statements on one database; `escape` answers its calls of escape_fts."""

    def __init__(self, uri: str, limits: SandboxLimits, escape: Callable[[str], str]) -> None:
        self.limits, self.escape, self.uses = limits, escape, 0
        self.received_bytes = 0  # of the last result
        self.pipe, worker_end = Pipe()
        arguments = [str(worker_end.fileno()), uri, json.dumps(asdict(limits))]
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-I", "-S", str(WORKER_SCRIPT), *arguments],
                pass_fds=[worker_end.fileno()],
                stdin=subprocess.DEVNULL,
                env={},  # a visitor's statements must not see the server's secrets
            )
        finally:
            worker_end.close()

    @property
    def is_exhausted(self) -> bool:
        """Return whether the worker has to be replaced."""
        return self.uses >= self.limits.worker_statements or self.process.poll() is not None

    def execute(self, statement: SandboxStatement) -> StatementResult:
        """Return column names and rows; raise sqlite3.OperationalError("interrupted") after the time limit."""
        self.uses += 1
        if self.uses == 1:
            self.wait_until_ready()
        try:
            end = time.monotonic() + statement.seconds + self.limits.kill_delay
            self.pipe.send_bytes(pickle.dumps(tuple(statement)))
            while self.pipe.poll(max(0.0, end - time.monotonic())):
                data = self.pipe.recv_bytes()
                self.received_bytes = len(data)
                kind, content, rows = load_restricted(data)
                if kind in ("rows", "cut"):
                    return StatementResult(content, rows, kind == "rows")
                if kind == "error":
                    raise sqlite3.OperationalError(content)
                self.pipe.send_bytes(pickle.dumps(self.escape(content)))
        except (EOFError, OSError) as error:  # the system or the worker itself ended it
            self.close(EXIT_TIMEOUT)
            if -self.process.returncode in EXTERNAL_SIGNALS:
                raise WorkerLostError from error
            raise sqlite3.OperationalError("the statement was ended, for it needed too much") from error
        self.close()
        raise sqlite3.OperationalError("interrupted")

    def wait_until_ready(self) -> None:
        """Wait until the worker has started; raise WorkerLostError if it does not."""
        try:
            if self.pipe.poll(self.limits.worker_start_timeout):
                self.pipe.recv_bytes()
                return
        except (EOFError, OSError) as error:
            raise WorkerLostError from error
        raise WorkerLostError

    def close(self, timeout: float = 0.0) -> None:
        """Kill the worker unless it ends by itself within the timeout; it has no state that could be lost."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout)
        self.process.kill()
        self.process.wait()
        self.pipe.close()


class WorkerLostError(Exception):
    """A worker was ended by something other than its statement; another worker may answer."""


class RestrictedUnpickler(pickle.Unpickler):
    """Reads numbers, texts, bytes, lists and tuples, and rejects names of anything callable."""

    def find_class(self, module: str, name: str) -> Any:  # a compromised worker must not compromise the server
        raise pickle.UnpicklingError(f"{module}.{name} has no place in an answer")


def load_restricted(data: bytes) -> Any:
    """Decode what a worker sent."""
    return RestrictedUnpickler(io.BytesIO(data)).load()


class BufferBudget:
    """The bytes of all large responses that may wait for slow readers."""

    def __init__(self, limits: SandboxLimits) -> None:
        self.bytes_left = limits.max_buffered_bytes

    def reserve(self, size: int) -> int:
        """Reserve bytes; raise BusyError if there are not enough left."""
        if size > self.bytes_left:
            raise BusyError
        self.bytes_left -= size
        return size


class ResponseDelivery:
    """Runs the application for one request until its response is sent or no longer needed."""

    def __init__(
        self,
        limits: SandboxLimits,
        buffer_budget: BufferBudget,
        send: Any,
        visitor_request: VisitorRequest | None,
        *,
        killable: bool,
        is_export: bool = False,
    ) -> None:
        self.limits, self.buffer_budget, self.send_message = limits, buffer_budget, send
        self.visitor_request, self.killable, self.is_export = visitor_request, killable, is_export
        self.start_message: dict[str, Any] | None = None
        self.started = self.complete = self.disconnected = False
        self.reserved_bytes = 0
        self.finished = asyncio.Event()

    async def run(self, app: Any, scope: dict[str, Any], receive: Any) -> None:
        """Run the application; nothing is raised for a client that has disconnected."""
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

    @property
    def response_timeout(self) -> float:
        """Return how long the whole response may take."""
        is_stream = self.visitor_request is not None and self.visitor_request.streaming
        return self.limits.stream_timeout if is_stream or self.is_export else self.limits.response_timeout

    async def wait_for_disconnect(self, receive: Any) -> None:
        """Wait until the client disconnects, and stop, unless a thread is at work that cannot be stopped."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self.disconnected = True
        if not self.complete and (
            self.killable or self.started or (self.visitor_request and not self.visitor_request.has_slot)
        ):
            self.finished.set()

    async def send(self, message: dict[str, Any]) -> None:
        """Send a message in chunks; the start waits for the first bytes, so that 503 is possible until then."""
        if message["type"] == "http.response.start":
            if self.started:  # an error after the beginning of a stream: it cannot be told, but must not look complete
                await self.give_up()
            if self.visitor_request and self.visitor_request.rows_before_limit and message["status"] == 200:
                cut = f"after {self.visitor_request.rows_before_limit} rows".encode()
                shown = [(b"access-control-expose-headers", CUT_HEADER), (CUT_HEADER, cut)]
                message = {**message, "headers": [*message.get("headers", []), *shown]}
            self.start_message = message
            if self.visitor_request and not self.visitor_request.streaming:
                self.visitor_request.release_slot()  # all SQL is done; the client may be slow
                if self.visitor_request.is_csv:
                    self.reserve_buffer(self.visitor_request.largest_response)
            return
        body = message.get("body", b"")
        if self.start_message:
            self.reserve_buffer(len(body))
            start_message, self.start_message, self.started = self.start_message, None, True
            await self.send_chunk(start_message)
        ends = range(CHUNK_BYTES, len(body), CHUNK_BYTES)
        for end in ends:
            await self.send_chunk({"type": message["type"], "body": body[end - CHUNK_BYTES : end], "more_body": True})
        await self.send_chunk({**message, "body": body[ends[-1] :] if ends else body})
        self.complete = not message.get("more_body", False)

    def reserve_buffer(self, size: int) -> None:
        """Reserve buffer space, once for a response; small responses need none."""
        if not self.reserved_bytes and size > CHUNK_BYTES:
            self.reserved_bytes = self.buffer_budget.reserve(size)

    async def send_chunk(self, message: dict[str, Any]) -> None:
        """Send a chunk, or give up and wait to be cancelled.

        Datasette would write an exception raised here into the response.
        """
        if not self.disconnected:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.limits.chunk_timeout):
                    await self.send_message(message)
                return
        await self.give_up()

    async def give_up(self) -> None:
        """Wait to be cancelled; an incomplete response makes the server close the connection."""
        self.finished.set()
        await asyncio.Event().wait()


async def receive_empty_body() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


def install_linear_sql_checks() -> None:
    """Replace Datasette's checks of SQL by linear-time ones, for the whole process."""
    checks.allowed_sql_res[:] = [SELECT_STATEMENT]
    checks._multi_line_comment_re = SQL_COMMENT


def parse_query_string(query_string: str, limits: SandboxLimits) -> list[tuple[str, str]]:
    """Parse a query string as Datasette does; raise ValueError, with a message for the visitor, beyond limits.

    >>> parse_query_string("sql=select+1&_shape=array", SandboxLimits())
    [('sql', 'select 1'), ('_shape', 'array')]
    >>> parse_query_string("_where=1&" * 1000, SandboxLimits())
    Traceback (most recent call last):
    ValueError: at most 200 parameters can be asked for at once
    """
    if query_string.count("&") >= limits.max_parameters:
        raise ValueError(f"at most {limits.max_parameters} parameters can be asked for at once")
    parameters = parse_qsl(query_string, keep_blank_values=True)
    for name, value in parameters:
        if max(len(name), len(value)) > limits.max_parameter_length:
            raise ValueError(f"{name[:40]}= is too long: at most {limits.max_parameter_length:,} letters")
    return parameters
